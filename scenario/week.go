package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
)

// This file reads hours by day of the week, and lays them along the clock on the
// wall.

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// window is hours of one day of the week, in minutes from its midnight; they end
// on the next day where to is above dayMinutes.
type window struct {
	from, to int
	value    float64 // of rates: emails an hour
	path     string
	at       routing.Place
}

// week is the windows that begin on each day, from Monday.
type week [7][]window

// add puts hours on days. Both are texts of the file; the hours have the path,
// and stand at the place.
func (w *week) add(c *checker, days, hours, path string, at routing.Place, value float64) {
	numbers, err := routing.ParseDays(days)
	if err != nil {
		return // said once for the day
	}
	h, err := routing.ParseHours(hours)
	switch {
	case err != nil:
		c.FailAt(at, path, err.Error(), "write them as 08:00-12:00")
		return
	case h.From == h.To:
		c.FailAt(at, path, fmt.Sprintf("%s ends where it starts", hours), "a whole day is 00:00-24:00")
		return
	case h.From == dayMinutes:
		c.FailAt(at, path, fmt.Sprintf("%s starts at the end of the day", hours), "write it on the next day, from 00:00 on")
		return
	case h.From > h.To:
		h.To += dayMinutes
	}
	for _, d := range numbers {
		w[d] = append(w[d], window{h.From, h.To, value, path, at})
	}
}

// days checks the keys of a week.
func (c *checker) days(path string, keys []string) {
	for _, key := range keys {
		if _, err := routing.ParseDays(key); err != nil {
			c.FailAt(c.s.At(path+"."+key), path+"."+key, err.Error(), "write mon, mon-fri or mon,wed")
		}
	}
}

// apart reports windows that overlap.
func (c *checker) apart(w *week) {
	type piece struct {
		from, to int
		window
	}
	var all []piece
	for d, windows := range w {
		for _, x := range windows {
			from := d*dayMinutes + x.from
			all = append(all, piece{from, from + x.to - x.from, x})
			if over := from + x.to - x.from - weekMinutes; over > 0 {
				all = append(all, piece{0, over, x}) // Sunday night
			}
		}
	}
	slices.SortFunc(all, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.path, b.path))
	})
	reported := map[string]bool{}
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if b.from < a.to && !reported[b.path] {
			reported[b.path] = true
			hours := routing.Hours{From: a.window.from, To: (a.window.to-1)%dayMinutes + 1}
			c.FailAt(b.at, b.path, fmt.Sprintf("overlaps %s on %s", hours, routing.Weekdays[b.from/dayMinutes%7]), "join the two, or shorten one")
		}
		if b.to < a.to {
			all[i].to = a.to // the longer one counts against the next
			all[i].window = a.window
		}
	}
}

// midnight is the beginning of a day, n days after the day of t, as the clock on
// the wall shows it.
func midnight(t time.Time, n int) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+n, 0, 0, 0, 0, time.UTC)
}

// span is a window that has become time from the start of the scenario.
type span struct {
	simulate.Span
	value float64
}

// spans lays a week along the time from start to end, sorted and apart. Windows
// that begin on a day of off are left out.
func (w *week) spans(start time.Time, end time.Duration, off map[string]bool) []span {
	var out []span
	zone := start.Location()
	for n := -1; ; n++ { // the night before may reach into the first day
		day := midnight(start, n)
		if routing.Wall(day, zone).Sub(start) >= end {
			return out
		}
		if off[day.Format(time.DateOnly)] {
			continue
		}
		begin := routing.Wall(day, zone)
		_, change := begin.ZoneBounds()
		even := change.IsZero() || change.Sub(begin) > 48*time.Hour // the clock is not put forward or back
		at := func(minutes int) time.Duration {
			since := time.Duration(minutes) * time.Minute
			if even {
				return begin.Sub(start) + since
			}
			return routing.Wall(day.Add(since), zone).Sub(start)
		}
		for _, x := range w[(int(day.Weekday())+6)%7] {
			from, to := max(at(x.from), 0), min(at(x.to), end)
			if len(out) > 0 {
				from = max(from, out[len(out)-1].To)
			}
			if from < to {
				out = append(out, span{simulate.Span{From: from, To: to}, x.value})
			}
		}
	}
}

// sort puts the windows of each day in order.
func (w *week) sort() {
	for d := range w {
		slices.SortFunc(w[d], func(a, b window) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	}
}

// without takes spans out of others; both are sorted and apart.
func without(from, out []span) []span {
	var left []span
	k := 0
	for _, s := range from {
		for k < len(out) && out[k].To <= s.From {
			k++
		}
		for i := k; i < len(out) && out[i].From < s.To; i++ {
			if out[i].From > s.From {
				left = append(left, span{simulate.Span{From: s.From, To: out[i].From}, s.value})
			}
			s.From = min(s.To, out[i].To)
		}
		if s.From < s.To {
			left = append(left, s)
		}
	}
	return left
}
