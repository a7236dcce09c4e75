// Package measure turns rows of analytics into what a person asks for: how much
// email was offered and answered, and how long handling took. Rows are merged by
// their counts and sums, never by ratios or averages.
package measure

import (
	"fmt"
	"time"

	"github.com/foresort/foresort/routing"
)

// Volume is the email of a queue, or of addresses, by interval, from a complete answer of
// analytics: an interval without a row had none.
type Volume struct {
	routing.Span
	Every time.Duration
	// By holds the email by the address that it came in at; "" holds that of
	// which no address is known.
	By map[string]*Counts
}

// Counts are the email of one address.
type Counts struct {
	Offered  []int // emails that entered the queue, by interval
	Answered []int
	// Handled are emails that were handled in less than MostHandling, Handling the
	// time that they took together. What took longer lay in an agent's hands while
	// they were away, which is no work.
	Handled  int
	Handling time.Duration
}

// MostHandling bounds what counts as handling, Handling is the name of the view
// of tHandle below it.
const (
	MostHandling = 2 * time.Hour
	Handling     = "tHandleBounded"
)

// NewVolume adds up rows of nOffered, tAnswered and Handling that are grouped by
// addressTo. Where they are grouped by queueId as well, an interval of an address
// has what was most in one queue: email that is transferred is offered again. Its
// error is a row that lies across the limits of the intervals.
func NewVolume(rows []routing.MetricRow, within routing.Span, every time.Duration) (Volume, error) {
	v := Volume{Span: within, Every: every, By: map[string]*Counts{}}
	n := int(within.To.Sub(within.From) / every)
	type part struct{ address, queue string }
	parts := map[part]*Counts{}
	for _, r := range rows {
		after := r.From.Sub(within.From)
		at := int(after / every)
		if after < 0 || at >= n || after%every != 0 || r.To.Sub(r.From) != every {
			return v, fmt.Errorf("a row of %s is about %s to %s, which is no interval of %s", r.Metric, r.From, r.To, every)
		}
		of := part{r.Group["addressTo"], r.Group["queueId"]}
		c := parts[of]
		if c == nil {
			c = &Counts{Offered: make([]int, n), Answered: make([]int, n)}
			parts[of] = c
		}
		switch r.Metric {
		case "nOffered":
			c.Offered[at] += r.Stats.Count
		case "tAnswered":
			c.Answered[at] += r.Stats.Count
		case Handling:
			c.Handled += r.Stats.Count
			c.Handling += time.Duration(r.Stats.Sum * float64(time.Millisecond))
		}
	}
	for of, c := range parts {
		all := v.By[of.address]
		if all == nil {
			v.By[of.address] = c
			continue
		}
		for i := range n {
			all.Offered[i], all.Answered[i] = max(all.Offered[i], c.Offered[i]), max(all.Answered[i], c.Answered[i])
		}
		all.Handled += c.Handled
		all.Handling += c.Handling
	}
	return v, nil
}

// Intervals is how many intervals there are.
func (v Volume) Intervals() int { return int(v.To.Sub(v.From) / v.Every) }
