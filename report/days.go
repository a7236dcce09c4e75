package report

import (
	"sort"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file cuts time into the days and hours of the business's clock.

// day is when the day of an instant begins.
func (b *Builder) day(t time.Time) time.Time {
	y, m, d := t.In(b.zone).Date()
	return routing.Wall(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), b.zone)
}

// days is the beginning of the day so many days later.
func (b *Builder) days(day time.Time, n int) time.Time {
	y, m, d := day.In(b.zone).Date()
	return routing.Wall(time.Date(y, m, d+n, 0, 0, 0, 0, time.UTC), b.zone)
}

// hour is when the hour of an instant begins on the clock on the wall. An hour
// that the clock is put back over is there twice; where it is turned within an
// hour, that ends there.
func (b *Builder) hour(t time.Time) time.Time {
	local := t.In(b.zone)
	begin := local.Add(-time.Duration(local.Minute())*time.Minute - time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
	if turned, _ := local.ZoneBounds(); turned.After(begin) {
		return turned.In(b.zone)
	}
	return begin
}

// next is when the day or hour of an instant ends.
func (b *Builder) next(t time.Time) time.Time {
	if b.in.By != ByHour {
		return b.days(t, 1)
	}
	local := b.hour(t).In(b.zone)
	end := local.Add(time.Hour - time.Duration(local.Minute())*time.Minute)
	if _, turned := local.ZoneBounds(); !turned.IsZero() && turned.Before(end) {
		return turned.In(b.zone)
	}
	return end
}

// spans are the days or hours of the span; one, of the whole, where the rows are
// about something else.
func (b *Builder) spans() []routing.Span {
	if b.in.By != ByDay && b.in.By != ByHour {
		return []routing.Span{b.in.Span}
	}
	at := b.day(b.in.From)
	if b.in.By == ByHour {
		at = b.hour(b.in.From)
	}
	var out []routing.Span
	for at.Before(b.in.To) {
		next := b.next(at)
		out = append(out, routing.Span{From: at, To: next})
		at = next
	}
	return out
}

// limits are the beginnings of spans, to look up which one an instant is in.
type limits []int64

func limitsOf(spans []routing.Span) limits {
	out := make(limits, 0, len(spans)+1)
	for _, s := range spans {
		out = append(out, s.From.UnixMilli())
	}
	return append(out, spans[len(spans)-1].To.UnixMilli())
}

// of is the place of an instant; -1: it is in none.
func (l limits) of(at int64) int {
	i := sort.Search(len(l), func(i int) bool { return l[i] > at }) - 1
	if i < 0 || i == len(l)-1 {
		return -1
	}
	return i
}
