package forecast

import (
	"math"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/simulate"
)

// undefined stands where a figure has no value.
const undefined = "–"

func defined(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func known(e simulate.Estimate) bool { return e.N > 0 && defined(e.Mean) }

// bounded says whether an estimate has an interval: one replication gives none.
func bounded(e simulate.Estimate) bool {
	return e.N > 1 && known(e) && defined(e.Low) && defined(e.High)
}

// bare writes a value without its unit, where the reader knows it; times tell
// theirs always.
func (u Unit) bare(x float64) string {
	if !defined(x) {
		return undefined
	}
	switch u {
	case Seconds:
		return sheet.Span(x)
	case Hours:
		return sheet.Span(x * 3600)
	case Percent:
		return sheet.Number(x, 1)
	case Ratio:
		return sheet.Number(x, 3)
	case Emails, PerHour:
	}
	if math.Abs(x) >= 99.95 {
		return sheet.Number(x, 0)
	}
	return strings.TrimSuffix(sheet.Number(x, 1), ".0")
}

// text writes a value with its unit where a number alone says too little.
func (u Unit) text(x float64) string {
	switch {
	case !defined(x):
		return undefined
	case u == Percent:
		return u.bare(x) + "%"
	case u == PerHour:
		return u.bare(x) + "/h"
	}
	return u.bare(x)
}

// signed is bare with a plus before what is above zero.
func (u Unit) signed(x float64) string {
	if s := u.bare(x); x > 0 && strings.Trim(s, "0.smhd") != "" {
		return "+" + s
	}
	return u.bare(x)
}

// short is sheet.Span without what is zero at its end: 4h rather than 4h00m.
func short(d time.Duration) string {
	s := sheet.Span(d.Seconds())
	for _, zero := range []string{"00s", "00m", "00h"} {
		s = strings.TrimSuffix(s, zero)
	}
	return strings.Replace(s, ".0s", "s", 1)
}

// within writes the interval of an estimate after it, such as " (91.0 to
// 93.2)"; nothing where there is none.
func within(u Unit, e simulate.Estimate) string {
	if !bounded(e) {
		return ""
	}
	return " (" + u.bare(e.Low) + " to " + u.bare(e.High) + ")"
}

// cell is one figure of a table.
type cell struct{ Mean, Interval string }

func (c cell) String() string { return strings.TrimSuffix(c.Mean+" "+c.Interval, " ") }

// estimate is the cell of an estimate: 92.1 ±1.1, or the ends where the middle
// is not the mean, as beside 100%.
func estimate(u Unit, e simulate.Estimate) cell {
	if !known(e) {
		return cell{Mean: undefined}
	}
	c := cell{Mean: u.text(e.Mean)}
	if bounded(e) {
		c.Interval = interval(u, e)
	}
	return c
}

// difference is the cell of a difference: its sign, and always both ends.
func difference(u Unit, e simulate.Estimate) cell {
	if !known(e) {
		return cell{Mean: undefined}
	}
	c := cell{Mean: u.signed(e.Mean)}
	if bounded(e) {
		c.Interval = "(" + u.signed(e.Low) + " to " + u.signed(e.High) + ")"
	}
	return c
}

// Cell is a figure with its interval, for a table of text.
func Cell(u Unit, e simulate.Estimate) string { return estimate(u, e).String() }

// DifferenceCell is a difference with its interval, for a table of text.
func DifferenceCell(u Unit, e simulate.Estimate) string { return difference(u, e).String() }

func interval(u Unit, e simulate.Estimate) string {
	up, down := e.High-e.Mean, e.Mean-e.Low
	if math.Abs(up-down) <= 0.02*(up+down)+1e-9 {
		half := (up + down) / 2
		if u == Seconds && half >= 10 { // tenths would claim too much
			half = math.Round(half)
		}
		return "±" + strings.Replace(u.bare(half), ".0s", "s", 1)
	}
	return u.bare(e.Low) + "–" + u.bare(e.High)
}

// clock tells times as briefly as the horizon allows.
func clock(r simulate.Result) func(time.Time) string {
	end := r.Start.Add(r.Horizon)
	layout := "2 Jan 15:04"
	switch {
	case r.Horizon <= 24*time.Hour && (r.Start.YearDay() == end.YearDay() || end.Hour() == 0 && end.Minute() == 0):
		layout = "15:04"
	case r.Horizon <= 7*24*time.Hour:
		layout = "Mon 15:04"
	}
	return func(t time.Time) string { return t.In(r.Start.Location()).Format(layout) }
}
