package routing

import "time"

// This file knows the clock on the wall, which is put forward and back.

// Wall is the first instant at which the clock on the wall of a zone shows what t
// shows; where it is put forward over that, the instant at which it is.
func Wall(t time.Time, zone *time.Location) time.Time {
	out := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	shown := Shown(out)
	from, to := out.ZoneBounds()
	if shown.Equal(t) {
		if first := out.Add(-shift(from)); !from.IsZero() && first.Before(from) && Shown(first).Equal(t) {
			return first
		}
		return out
	}
	if shown.Before(t) {
		from = to
	}
	if from.IsZero() {
		return out
	}
	return from.In(zone)
}

// Again is the second instant at which the clock on the wall shows what it shows
// at t, where it is put back over that.
func Again(t time.Time) (time.Time, bool) {
	_, to := t.ZoneBounds()
	if to.IsZero() {
		return t, false
	}
	second := t.Add(shift(to))
	return second, !second.Before(to) && Shown(second).Equal(Shown(t))
}

// shift is how far the clock on the wall is put back at an instant.
func shift(at time.Time) time.Duration {
	_, before := at.Add(-1).Zone()
	_, after := at.Zone()
	return time.Duration(before-after) * time.Second
}

// Shown is what the clock on the wall shows, as a time in UTC.
func Shown(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
