package coverage

import (
	"slices"
	"time"

	"github.com/foresort/foresort/routing"
)

// OnQueue is when a published schedule has an agent on queue within a span:
// shifts without the activities that are other work, breaks, meals, meetings,
// training or absence, and without the shifts that begin on a whole day off: a
// night shift that began the day before goes on (docs/platform-notes.md#workforce-management).
// What activities leave free is on queue; where an activity on queue overlaps
// another, the other counts.
// The spans are sorted and apart.
func OnQueue(s routing.AgentSchedule, within routing.Span) []routing.Span {
	n := 0
	for _, shift := range s.Shifts {
		n += len(shift.Activities)
	}
	work, away := make([]routing.Span, 0, len(s.Shifts)), make([]routing.Span, 0, n)
	for _, shift := range s.Shifts {
		if slices.ContainsFunc(s.Off, func(off routing.Span) bool { return !shift.From.Before(off.From) && shift.From.Before(off.To) }) {
			continue
		}
		work = append(work, shift.Span)
		for _, a := range shift.Activities {
			if a.Category != routing.OnQueueWork {
				away = append(away, a.Span)
			}
		}
	}
	return clip(minus(join(work), join(away)), within)
}

// join sorts spans and makes one of those that touch or overlap.
func join(spans []routing.Span) []routing.Span {
	spans = slices.DeleteFunc(slices.Clone(spans), func(s routing.Span) bool { return !s.From.Before(s.To) })
	slices.SortFunc(spans, func(a, b routing.Span) int { return a.From.Compare(b.From) })
	out := spans[:0] // it was cloned
	for _, s := range spans {
		if n := len(out) - 1; n >= 0 && !out[n].To.Before(s.From) {
			out[n].To = later(out[n].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

// minus takes spans from others; both are sorted and apart.
func minus(from, take []routing.Span) []routing.Span {
	out := make([]routing.Span, 0, len(from)+len(take))
	for _, s := range from {
		for _, t := range take {
			if !t.To.After(s.From) {
				continue
			}
			if !t.From.Before(s.To) {
				break
			}
			if s.From.Before(t.From) {
				out = append(out, routing.Span{From: s.From, To: t.From})
			}
			s.From = t.To
			if !s.From.Before(s.To) {
				break
			}
		}
		if s.From.Before(s.To) {
			out = append(out, s)
		}
	}
	return out
}

// clip cuts spans to those within another.
func clip(spans []routing.Span, within routing.Span) []routing.Span {
	var out []routing.Span
	for _, s := range spans {
		s.From, s.To = later(s.From, within.From), earlier(s.To, within.To)
		if s.From.Before(s.To) {
			out = append(out, s)
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
