package routing

import (
	"iter"
	"time"
)

// Hours is an interval of a day, in minutes from midnight; To is at most 1440.
type Hours struct{ From, To int }

// Calendar is a week of open hours on one clock, with days off.
type Calendar struct {
	Name     string
	Location *time.Location
	Week     [7][]Hours      // by day from Monday, each sorted and apart
	Holidays map[string]bool // days without open hours, such as 2026-12-25
}

// Open gives the open intervals between two instants, in order, cut at both
// ends. Minutes are those of the clock on the wall: where it is put forward an
// interval is shorter, where it is put back longer.
func (c *Calendar) Open(from, to time.Time) iter.Seq2[time.Time, time.Time] {
	return func(yield func(time.Time, time.Time) bool) {
		y, m, d := from.In(c.Location).Date()
		for n := 0; ; n++ {
			day := time.Date(y, m, d+n, 0, 0, 0, 0, time.UTC) // as the clock on the wall shows it
			if !Wall(day, c.Location).Before(to) {
				return
			}
			if c.Holidays[day.Format(time.DateOnly)] {
				continue
			}
			for _, h := range c.Week[(int(day.Weekday())+6)%7] {
				start := Wall(day.Add(time.Duration(h.From)*time.Minute), c.Location)
				end := Wall(day.Add(time.Duration(h.To)*time.Minute), c.Location)
				if start.Before(from) {
					start = from
				}
				if end.After(to) {
					end = to
				}
				if start.Before(end) && !yield(start, end) {
					return
				}
			}
		}
	}
}

// farthest is how far ahead open hours are looked for.
const farthest = 400 * 24 * time.Hour

// Due is when as much open time has passed since an instant. A nil calendar counts
// every hour; where so much open time does not come within 400 days, it is the end
// of these.
func (c *Calendar) Due(from time.Time, after time.Duration) time.Time {
	if c == nil {
		return from.Add(after)
	}
	for a, b := range c.Open(from, from.Add(farthest)) {
		if open := b.Sub(a); after > open {
			after -= open
			continue
		}
		return a.Add(after)
	}
	return from.Add(farthest)
}
