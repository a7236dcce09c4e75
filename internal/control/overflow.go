package control

import (
	"fmt"
	"slices"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file keeps apart what is moved to another queue: an email is moved once, by
// whatever strategy, and stays there.

func overflows(r routing.AdjustRule) bool {
	return slices.ContainsFunc(r.Do, func(a routing.Action) bool { return a.Lever == routing.LeverOverflow })
}

// leave are the emails that no override moves to another queue: those that a run
// has moved or may have moved, of any strategy, and those of which an override that
// holds has changed something else.
func (c *Control) leave(runs []apply.Record, leases []ledger.Lease) map[string]bool {
	out := map[string]bool{}
	if !slices.ContainsFunc(c.pilots, func(p *pilot) bool { return slices.ContainsFunc(p.Rules, overflows) }) {
		return out
	}
	for _, r := range runs {
		for _, d := range moved(r) {
			out[d.Change.Object.ID] = true
		}
	}
	for _, l := range leases {
		for _, r := range l.Open {
			for _, d := range r.Done() {
				if d.Change.Kind == plan.Email {
					out[d.Change.Object.ID] = true
				}
			}
		}
	}
	return out
}

// moved are the emails that a run has moved, or may have.
func moved(r apply.Record) []plan.Done {
	return slices.DeleteFunc(r.Done(), func(d plan.Done) bool { return d.Change.Transfer == nil })
}

// moves says how many emails a run has moved; empty: it was to move none.
func moves(made plan.Plan, report apply.Report) string {
	done, of := 0, 0
	var to []string
	for n, c := range made.Changes {
		if c.Transfer == nil || n >= len(report.Results) {
			continue
		}
		of, to = of+1, add(to, c)
		if report.Results[n].Outcome == apply.Done {
			done++
		}
	}
	switch {
	case of == 0:
		return ""
	case done == of:
		return phrase.Count(done, "email") + " moved to queue " + phrase.List(to)
	}
	return fmt.Sprintf("%d of %s moved to queue %s", done, phrase.Count(of, "email"), phrase.List(to))
}

// add adds the queue that an email moves to to a list of their names.
func add(to []string, c plan.Change) []string {
	if name := c.Transfer.To.String(); !slices.Contains(to, name) {
		to = append(to, name)
	}
	return to
}

// stayed adds to what is said of the end of an override that email which it moved
// stays where it is.
func stayed(lease ledger.Lease, words string) string {
	n, rest := 0, false
	var to []string
	for _, r := range lease.Runs {
		for _, d := range moved(r) {
			n, to = n+1, add(to, d.Change)
		}
		rest = rest || slices.ContainsFunc(r.Plan().Changes, func(c plan.Change) bool { return c.Transfer == nil })
	}
	if n == 0 {
		return words
	}
	if !rest {
		words = "nothing is to be put back"
	}
	return fmt.Sprintf("%s; %s moved to queue %s stay: to move back would begin the wait anew", words, phrase.Count(n, "email"), phrase.List(to))
}
