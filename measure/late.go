package measure

import (
	"maps"
	"slices"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file tells rows of analytics that are late from rows of which there are
// none: what is seen of a queue as it stands must show in its rows.

// Sign is something that is known to have happened to one email of a queue, not
// before From and not after To, and not from analytics.
type Sign struct {
	routing.Span
	// Metric is the one that counts it; empty: no row need count it alone, but
	// there is some row of the time since.
	Metric string
}

// The metrics of what signs tell: email that entered the queue, and that left it.
const (
	entered = "nOffered"
	left    = "tWait"
)

// signSlack is how far the times of observations and of metrics may be apart.
const signSlack = time.Minute

// Late says that the rows of a queue are not all in, and since when. They are
// those of a complete answer for span, in parts; what signs tell beyond it does
// not count. Whatever time is looked back over from its end, there must be as many
// events as signs.
func Late(rows []routing.MetricRow, span routing.Span, signs []Sign) (since time.Time, late bool) {
	signs = slices.DeleteFunc(slices.Clone(signs), func(s Sign) bool { return s.From.Before(span.From) || !s.To.Before(span.To) })
	slices.SortFunc(signs, func(a, b Sign) int { return b.From.Compare(a.From) })
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b routing.MetricRow) int { return b.To.Compare(a.To) })
	newest := span.From
	if len(rows) > 0 {
		newest = rows[0].To
	}
	counted, seen, next := map[string]int{}, map[string]int{}, 0
	for _, s := range signs {
		for ; next < len(rows) && rows[next].To.After(s.From.Add(-signSlack)); next++ {
			counted[rows[next].Metric] += rows[next].Stats.Count
		}
		seen[s.Metric]++
		if next == 0 || s.Metric != "" && counted[s.Metric] < seen[s.Metric] {
			if newest.Before(s.From) {
				return newest, true
			}
			return s.From, true
		}
	}
	return time.Time{}, false
}

// EnteredRows are the rows that conversations would make of what entered a queue.
func EnteredRows(conversations []routing.Conversation, queueID string) (rows []routing.MetricRow) {
	for _, c := range conversations {
		for _, s := range c.Stays {
			if s.QueueID == queueID {
				rows = append(rows, routing.MetricRow{Span: routing.Span{From: s.Entered, To: s.Entered}, Metric: entered, Stats: routing.MetricStats{Count: 1}})
			}
		}
	}
	return rows
}

// Watch remembers what was seen of a queue, from one look to the next. Its zero
// value has seen nothing.
type Watch struct {
	at      time.Time            // of the last look that saw all of the queue
	waiting map[string]time.Time // what waited then, and since when
	entered map[string]time.Time // what was seen to wait, and since when
	left    []Sign
	handled map[time.Time]bool // since when agents had some
}

// See takes a look at a queue, of which the answer was there at now. What happened
// longer ago than keep is forgotten.
func (w *Watch) See(s routing.QueueState, now time.Time, keep time.Duration) {
	if s.At.Before(w.at) { // the clock was put back
		*w = Watch{}
	}
	if w.entered == nil {
		w.entered, w.handled = map[string]time.Time{}, map[time.Time]bool{}
	}
	waiting := make(map[string]time.Time, len(s.Emails))
	for _, e := range s.Emails {
		waiting[e.ConversationID], w.entered[e.ConversationID] = e.Entered, e.Entered
	}
	for _, at := range s.Handled {
		w.handled[at] = true
	}
	if s.Complete {
		gone := -s.Alerting // what an agent is offered has not left
		for id := range w.waiting {
			if _, waits := waiting[id]; !waits {
				gone++
			}
		}
		for range gone {
			w.left = append(w.left, Sign{Span: routing.Span{From: w.at, To: now}, Metric: left})
		}
		w.at, w.waiting = s.At, waiting
	}
	old := now.Add(-keep)
	maps.DeleteFunc(w.entered, func(_ string, at time.Time) bool { return at.Before(old) })
	maps.DeleteFunc(w.handled, func(at time.Time, _ bool) bool { return at.Before(old) })
	w.left = slices.DeleteFunc(w.left, func(s Sign) bool { return s.From.Before(old) })
}

// Entered are the signs of what was seen to wait.
func (w *Watch) Entered() (out []Sign) {
	for _, at := range w.entered {
		out = append(out, Sign{Span: routing.Span{From: at, To: at}, Metric: entered})
	}
	return out
}

// Signs are what the looks tell.
func (w *Watch) Signs() []Sign {
	out := append(w.Entered(), w.left...)
	for at := range w.handled {
		out = append(out, Sign{Span: routing.Span{From: at, To: at}})
	}
	return out
}
