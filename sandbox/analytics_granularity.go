package sandbox

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// This file takes an interval apart: into the parts of a granularity, by the
// clock of a time zone.

// maxParts is how many parts an interval may have. It is the sandbox's own
// limit: that of the platform is not known.
const maxParts = 100_000

// analyticsInterval reads the interval of a query: at most a year.
func analyticsInterval(s string) (from, to time.Time, err error) {
	if from, to, err = parseInterval(s); err != nil {
		return from, to, err
	}
	if to.After(from.AddDate(1, 0, 0)) {
		return from, to, bad("client.failed.request", "the interval of a query is at most a year").field("interval")
	}
	return from, to, nil
}

// granularity is an ISO-8601 duration, such as PT30M or P1D. The zero value is
// the whole interval.
type granularity struct {
	years, months, days int
	clock               time.Duration
}

var (
	isoDuration = regexp.MustCompile(`^P(\d+[YMWD])*(T(\d+[HMS])+)?$`)
	isoPart     = regexp.MustCompile(`\d+[A-Z]`)
)

// parseGranularity reads a granularity; empty: the whole interval.
func parseGranularity(s string) (granularity, error) {
	var g granularity
	if s == "" {
		return g, nil
	}
	wrong := bad("invalid.value", "Value [%s] is not a valid granularity; write an ISO-8601 duration such as PT30M", s).field("granularity")
	if len(s) < 3 || !isoDuration.MatchString(s) {
		return g, wrong
	}
	date, clock, _ := strings.Cut(s, "T")
	for i, half := range []string{date, clock} {
		for _, part := range isoPart.FindAllString(half, -1) {
			n, err := strconv.Atoi(part[:len(part)-1])
			if err != nil || n > 1_000_000 {
				return g, wrong
			}
			switch unit := part[len(part)-1]; {
			case unit == 'Y':
				g.years += n
			case unit == 'M' && i == 0:
				g.months += n
			case unit == 'W':
				g.days += 7 * n
			case unit == 'D':
				g.days += n
			case unit == 'H':
				g.clock += time.Duration(n) * time.Hour
			case unit == 'M':
				g.clock += time.Duration(n) * time.Minute
			default:
				g.clock += time.Duration(n) * time.Second
			}
		}
	}
	if g == (granularity{}) {
		return g, wrong
	}
	return g, nil
}

// parts are the limits of the parts of an interval, one more than there are
// parts. Hours and minutes count from midnight on and begin anew at the next,
// days, weeks (from Monday on), months and years are those of the calendar;
// where there are several to a part, they count from the first that the
// interval touches. The ends of the interval cut the first and the last part.
func (g granularity) parts(from, to time.Time, zone *time.Location) ([]time.Time, error) {
	limits := []time.Time{from}
	if g == (granularity{}) {
		return append(limits, to), nil
	}
	anchor := g.anchor(from.In(zone))
	at := anchor
	for i := 1; ; i++ {
		if g.withinDays() {
			at = g.inDay(at)
		} else {
			at = g.limit(anchor, i)
		}
		if !at.Before(to) {
			return append(limits, to), nil
		}
		if at.After(from) {
			limits = append(limits, at)
		}
		if len(limits) > maxParts {
			return nil, bad("client.failed.request", "the interval has more than %d parts", maxParts).field("granularity")
		}
	}
}

// withinDays says that the parts begin anew every midnight.
func (g granularity) withinDays() bool {
	return g.years+g.months+g.days == 0 && g.clock <= 24*time.Hour
}

// anchor is where counting begins.
func (g granularity) anchor(from time.Time) time.Time {
	y, m, d := from.Date()
	switch {
	case g.clock > 0 && !g.withinDays():
		return from
	case g.clock > 0:
		day := midnight(y, m, d, from.Location())
		return day.Add(from.Sub(day) / g.clock * g.clock)
	case g.days > 0 && g.days%7 == 0 && g.years+g.months == 0:
		return midnight(y, m, d-(int(from.Weekday())+6)%7, from.Location())
	case g.days > 0:
		return midnight(y, m, d, from.Location())
	case g.months > 0:
		return midnight(y, m, 1, from.Location())
	}
	return midnight(y, 1, 1, from.Location())
}

// limit is the limit after i parts from an anchor on.
func (g granularity) limit(anchor time.Time, i int) time.Time {
	if g.years+g.months+g.days == 0 {
		return anchor.Add(time.Duration(i) * g.clock)
	}
	y, m, d := anchor.Date()
	y, m, d = y+i*g.years, m+time.Month(i*g.months), d+i*g.days
	if g.clock == 0 {
		return midnight(y, m, d, anchor.Location())
	}
	return time.Date(y, m, d, anchor.Hour(), anchor.Minute(), anchor.Second(), anchor.Nanosecond(), anchor.Location()).Add(time.Duration(i) * g.clock)
}

// inDay is the limit after another, no later than the next midnight.
func (g granularity) inDay(after time.Time) time.Time {
	y, m, d := after.Date()
	return earlier(after.Add(g.clock), midnight(y, m, d+1, after.Location()))
}

// midnight is when a day begins, also where clocks skip that hour.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if t.Hour() >= 12 { // the day before: the hour does not exist
		if _, end := t.ZoneBounds(); !end.IsZero() {
			t = end.In(zone)
		}
	}
	return t
}
