package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// This file finds in the ledger what was changed of queues, for the comparison before and
// after.

// ledgerChanges are the changes of queues, by their ids, oldest first.
type ledgerChanges map[string][]report.Change

// Of are those of a queue in a span.
func (l ledgerChanges) Of(queueID string, within routing.Span) []report.Change {
	var out []report.Change
	for _, c := range l[queueID] {
		if !c.At.Before(within.From) && c.At.Before(within.To) {
			out = append(out, c)
		}
	}
	return out
}

// compared is for how long before a change conversations are read, and for how
// long after one an earlier change still counts.
const compared = 4*7*24*time.Hour + 24*time.Hour

// known is from when conversations are to be read.
func (l ledgerChanges) known(queues []report.Queue, span routing.Span, now time.Time, zone *time.Location) time.Time {
	from := span.From
	for _, q := range queues {
		for _, c := range l.Of(q.ID, span) {
			if c.Brief(now) {
				continue
			}
			y, m, d := c.At.Add(-compared).In(zone).Date()
			if first := routing.Wall(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), zone); first.Before(from) {
				from = first
			}
		}
	}
	return from
}

// changesOf are what runs changed of queues, and of the routes, members and
// capacity of strategies that own them; what does not last says so: overrides, what
// the same run put back, and what live rules set of waiting email.
func changesOf(runs []apply.Record, decisions []ledger.Decided, queues []report.Queue) ledgerChanges {
	out, leases, leaseOf := ledgerChanges{}, ledger.Leases(runs, decisions), overridesOf(runs, decisions)
	begun := map[string]ledger.Decided{} // by run
	for _, d := range slices.Backward(decisions) {
		begun[d.Run] = d
	}
	more := map[string][]string{} // by override: its runs but for the first
	for _, r := range runs {
		if id := leaseOf[r.ID].ID; id != "" && id != r.ID {
			more[id] = append(more[id], r.ID)
		}
	}
	for _, q := range queues {
		for _, run := range runs {
			if leaseOf[run.ID].ID == "" {
				out.add(q, changeOf(run, q))
			}
		}
		for _, l := range leases {
			c := overrideOf(l, begun[l.ID], q)
			c.Runs = more[l.ID]
			out.add(q, c)
		}
		slices.SortStableFunc(out[q.ID], func(a, b report.Change) int { return a.At.Compare(b.At) })
	}
	return out
}

// overridesOf are the overrides of runs that began one, went on with it, or put it
// back, by run.
func overridesOf(runs []apply.Record, decisions []ledger.Decided) map[string]ledger.Lease {
	out := map[string]ledger.Lease{}
	for _, l := range ledger.Leases(runs, decisions) {
		for _, r := range l.Runs {
			out[r.ID] = l
		}
	}
	for _, r := range runs {
		if l, known := out[r.Plan().Undoes]; known && r.Plan().Lease == nil {
			out[r.ID] = l
		}
	}
	return out
}

// beginning is when what a run changed began: the override that it is of, else its
// end.
func beginning(run apply.Record, runs []apply.Record, decisions []ledger.Decided) time.Time {
	if l, known := overridesOf(runs, decisions)[run.ID]; known {
		return l.Began
	}
	return run.Last
}

func (l ledgerChanges) add(q report.Queue, c report.Change) {
	if len(c.What) > 0 {
		l[q.ID] = append(l[q.ID], c)
	}
}

// changeOf is what a run that is no override changed of a queue.
func changeOf(run apply.Record, q report.Queue) report.Change {
	c := report.Change{ID: run.ID, At: run.Last, Strategy: run.Plan().Strategy}
	phases := run.Phases
	if run.End != nil && run.End.Undone {
		phases = phases[:1]
		c.At, c.Ended, c.Passing = run.Started, run.Last, report.Undone
	}
	for _, phase := range phases {
		if !about(run, phase, q) { // of another strategy, which may have changed the capacity of its members
			phase.Plan.Changes = slices.DeleteFunc(slices.Clone(phase.Plan.Changes), func(c plan.Change) bool {
				return c.Kind != plan.Utilization || !slices.ContainsFunc(q.Members, func(m routing.Member) bool { return m.ID == c.Object.ID })
			})
		}
		what, emails := deeds(phase)
		c.What, c.Emails = append(c.What, what...), c.Emails+emails
	}
	if c.Emails > 0 && len(c.What) == 0 && c.Passing == "" {
		c.Passing = report.Emails
	}
	if c.Emails > 0 {
		c.What = append(c.What, report.EmailsText(c.Emails))
	}
	return c
}

// overrideOf is what an override changed of a queue. The decision that began it says
// so in words; the zero one: there is none.
func overrideOf(l ledger.Lease, begun ledger.Decided, q report.Queue) report.Change {
	c := report.Change{ID: l.ID, At: l.Began, Strategy: l.Strategy, Passing: report.Override, Rule: l.Rule, Levers: l.Levers, Ended: l.Ended}
	ours := begun.Queue.ID == q.ID
	for _, run := range l.Runs {
		ours = ours || about(run, run.Phases[0], q)
		what, emails := deeds(run.Phases[0])
		c.What, c.Emails = append(c.What, what...), c.Emails+emails
	}
	if c.Emails > 0 {
		c.What = append(c.What, report.EmailsText(c.Emails))
	}
	switch {
	case !ours:
		c.What = nil
	case len(c.What) > 0 && begun.Words != "":
		c.What = []string{begun.Words}
	}
	return c
}

// deeds are what a phase changed of a queue and of what leads to it, in words, and of
// how many emails that waited. Of what is uncertain they say so.
func deeds(phase apply.Phase) (what []string, emails int) {
	for _, c := range phase.Plan.Changes {
		result, known := phase.Results[c.ID]
		_, begun := phase.Intents[c.ID]
		perhaps := result.Outcome == apply.Uncertain || begun && !known
		switch {
		case result.Outcome != apply.Done && !perhaps:
		case c.Kind == plan.Email:
			emails++
		case perhaps:
			what = append(what, changeText(c)+", perhaps")
		default:
			what = append(what, changeText(c))
		}
	}
	return what, emails
}

// about says whether a phase changed a queue, or is of the strategy that has it.
func about(run apply.Record, phase apply.Phase, q report.Queue) bool {
	if q.Strategy != "" && run.Plan().Strategy == q.Strategy {
		return true
	}
	of := func(r routing.Ref) bool { return r.ID == q.ID || r.ID == "" && r.Name == q.Name }
	for _, c := range phase.Plan.Changes {
		made := phase.Results[c.ID].Object
		queue := c.Kind == plan.Queue || c.Kind == plan.Member
		route := c.Route != nil && (c.Route.After.Queue != nil && of(*c.Route.After.Queue) || c.Route.Before.Queue != nil && of(*c.Route.Before.Queue))
		if queue && (of(c.Object) || made.ID == q.ID) || route || c.Kind == plan.Email && of(c.Waits) {
			return true
		}
	}
	return slices.ContainsFunc(phase.Plan.Owns, func(c plan.Claim) bool { return c.Kind == plan.Queue && of(c.Object) })
}

// changeText names a change with the fields that it set.
func changeText(c plan.Change) string {
	var fields []string
	for _, f := range c.Fields {
		fields = append(fields, string(f.Field))
	}
	if len(fields) == 0 || c.Verb == plan.Create {
		return c.Headline()
	}
	return c.Headline() + " (" + strings.Join(fields, ", ") + ")"
}
