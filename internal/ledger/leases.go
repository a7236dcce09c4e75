package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file is what the ledger tells of overrides: which hold, since when, and
// what of them was put back; and the switch that stops them all.

// The kinds of entry about adjusting.
const (
	KindDecision Kind = "decision" // the subject is the strategy, the body a Decided
	KindSwitch   Kind = "switch"   // the subject is empty, the body a Switch
)

// Decided is what came of one look at a queue, where it came to something.
type Decided struct {
	Seq      int64              `json:"-"`  // of its entry
	At       time.Time          `json:"at"` // by the platform's clock
	Strategy string             `json:"strategy"`
	Queue    routing.Ref        `json:"queue"`
	Mode     routing.AdjustMode `json:"mode"`
	// Rule is that which began or ended an override, or would have.
	Rule    string            `json:"rule"`
	Reason  autopilot.Reason  `json:"reason"`
	Words   string            `json:"words"`
	Figures map[string]string `json:"figures,omitempty"` // what it was decided on, as the conditions write it
	// Considered is what came of the strategy's other rules at that look.
	Considered map[string]autopilot.Reason `json:"considered,omitempty"`
	Run        string                      `json:"run,omitempty"`   // that did it
	Lease      string                      `json:"lease,omitempty"` // the run that began the override, where it ends
	// Recommended is set where it was only said, with the time for which it counts.
	Recommended *Recommended `json:"recommended,omitempty"`
}

// Recommended is an override that was not begun.
type Recommended struct {
	Do     []string        `json:"do"` // in words
	Levers []routing.Lever `json:"levers"`
	Ends   time.Time       `json:"ends"`
}

// Switch stops everything that adjusts, or lets it go on.
type Switch struct {
	Stopped bool `json:"stopped"`
	By      Who  `json:"by"`
}

// Switched is the switch as it stands, and since when; the zero time: it was
// never touched.
func (l *Ledger) Switched(ctx context.Context) (s Switch, at time.Time, err error) {
	err = l.each(ctx, KindSwitch, func(e Entry) error {
		at = e.At
		return json.Unmarshal(e.Body, &s)
	})
	return s, at, err
}

// Decide puts what came of a look into the ledger.
func (l *Ledger) Decide(ctx context.Context, d Decided) error {
	_, err := l.Append(ctx, KindDecision, d.Strategy, d)
	return err
}

// Decisions reads what came of looks, oldest first.
func (l *Ledger) Decisions(ctx context.Context) (all []Decided, err error) {
	err = l.each(ctx, KindDecision, func(e Entry) error {
		var d Decided
		err := json.Unmarshal(e.Body, &d)
		d.Seq = e.Seq
		all = append(all, d)
		return err
	})
	return all, err
}

// RecommendedLeases are the overrides of a strategy that were only recommended,
// oldest first.
func RecommendedLeases(decisions []Decided, strategy string) (all []autopilot.Lease) {
	for _, d := range decisions {
		if d.Strategy != strategy {
			continue
		}
		id := fmt.Sprint("decision ", d.Seq)
		if r := d.Recommended; r != nil {
			all = append(all, autopilot.Lease{ID: id, Rule: d.Rule, Began: d.At, Ends: r.Ends, Recommended: true, Levers: r.Levers})
		}
		if i := slices.IndexFunc(all, func(x autopilot.Lease) bool { return x.ID == d.Lease }); i >= 0 {
			all[i].Ended = d.At
		}
	}
	return all
}

// Lease is one override with the runs that made it.
type Lease struct {
	autopilot.Lease
	Strategy string
	Runs     []apply.Record // oldest first
	Open     []apply.Record // those of them that are not put back yet
	// Untold says that it has ended and no decision says when: Ended is by the
	// clock of the machine that put it back.
	Untold bool
}

// Leases are the overrides that runs have begun, oldest first. One that failed,
// and so did nothing or was put back at once, is there as one that has ended. The
// decisions tell when one ended by the platform's clock.
func Leases(runs []apply.Record, decisions []Decided) []Lease {
	over := map[string]time.Time{} // when all of a run was put back that could be
	for _, r := range runs {
		id := r.Plan().Undoes
		switch {
		case id == "" && len(r.Done()) == 0: // of one that was cut off nothing is left to do
			over[r.ID] = r.Last
		case id != "" && r.End != nil && !r.End.Undone && overAll(r):
			over[id] = r.Last
		}
	}
	var all []Lease
	for _, r := range runs {
		p := r.Plan()
		if p.Lease == nil {
			continue
		}
		id := cmp.Or(p.Lease.ID, r.ID)
		i := slices.IndexFunc(all, func(l Lease) bool { return l.ID == id })
		if i < 0 {
			i = len(all)
			all = append(all, Lease{Strategy: p.Strategy, Lease: autopilot.Lease{
				ID: id, Rule: p.Lease.Rule, Levers: p.Lease.Levers, Began: p.Lease.Began, Ends: p.Lease.Ends,
			}})
		}
		l := &all[i]
		l.Runs = append(l.Runs, r)
		for _, c := range p.Changes {
			if c.Queue != nil && c.Queue.After.ServiceLevel != nil {
				l.Level = c.Queue.After.ServiceLevel
			}
		}
		if end, ended := over[r.ID]; !ended {
			l.Open = append(l.Open, r)
		} else if end.After(l.Ended) {
			l.Ended = end
		}
	}
	for i := range all {
		l := &all[i]
		if len(l.Open) > 0 {
			l.Ended = time.Time{}
			continue
		}
		l.Untold = true
		for _, d := range decisions {
			if d.Lease == l.ID {
				l.Ended, l.Untold = d.At, false
			}
		}
	}
	return all
}

// overAll says that a run that puts back left nothing that trying again could put
// back: what somebody has changed since stays.
func overAll(r apply.Record) bool {
	last := r.Phases[len(r.Phases)-1]
	for _, c := range last.Plan.Changes {
		switch last.Results[c.ID].Outcome {
		case apply.Done, apply.Already, apply.Refused:
		case apply.Failed, apply.Uncertain, apply.Skipped, "":
			return false
		}
	}
	return true
}

// inForce are the overrides that hold, with what they have done.
func inForce(runs []apply.Record) []plan.InForce {
	var out []plan.InForce
	for _, l := range Leases(runs, nil) {
		for _, r := range l.Open {
			f := plan.InForce{Lease: *r.Plan().Lease}
			f.ID = l.ID
			for _, d := range r.Done() {
				f.Changes = append(f.Changes, d.Change)
			}
			out = append(out, f)
		}
	}
	return out
}

// SwitchTo puts the switch.
func (l *Ledger) SwitchTo(ctx context.Context, s Switch) error {
	_, err := l.Append(ctx, KindSwitch, "", s)
	return err
}
