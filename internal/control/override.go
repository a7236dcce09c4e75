package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file begins overrides, goes on with them, and puts them back.

// begin begins an override, or recommends it.
func (c *Control) begin(ctx context.Context, p *pilot, l *Look, n int, m memory) Act {
	r, w := p.Rules[n], l.Rules[n]
	act := Act{Rule: r.Name, Reason: w.Reason, Words: p.Doing(n)}
	if p.Mode == routing.AdjustRecommend {
		act.Words = "recommended: " + act.Words
		return c.recorded(ctx, p, l, act, func(d *ledger.Decided) {
			d.Recommended = &ledger.Recommended{Ends: l.At.Add(r.Lease), Levers: levers(r)}
			for _, a := range r.Do {
				d.Recommended.Do = append(d.Recommended.Do, a.String())
			}
		})
	}
	lease := plan.Lease{Rule: r.Name, Levers: levers(r), Began: l.At.UTC(), Ends: l.At.Add(r.Lease).UTC(), Reason: string(w.Reason)}
	made, report, err := c.override(ctx, p, l, n, lease, nil)
	act.Run, act.Err = report.Run, err
	if moved := moves(made, report); moved != "" {
		act.Words += ": " + moved
	}
	if errors.As(act.Err, new(*TakenError)) {
		act.Reason, act.Words, act.Err = autopilot.Taken, act.Err.Error(), nil
	} else if act.Err == nil && act.Run == "" {
		act.Reason, act.Words = autopilot.NoChange, "it would change nothing: everything is so already"
		if l.calls > 0 && p.Limits.Calls-l.calls < routing.TransferCalls {
			act.Words = "it changes nothing at this look: other overrides have changed as much email as may be (limits.calls)"
		} else if overflows(r) {
			act.Words = "it would change nothing: no email that can be moved has waited for so long"
		}
		if overflows(r) && (l.Seen.State == nil || !l.Seen.State.Complete) {
			act.Reason, act.Words = autopilot.Unknown, "no email is moved: none that the platform lists has waited for so long, and it does not list all that waits"
		}
	}
	if act.Run == "" && m.said(p.Strategy, act) {
		return act // at every look it would be the same
	}
	return c.recorded(ctx, p, l, act, nil)
}

// said says that the ledger's last word on the rule is this act.
func (m memory) said(strategy string, a Act) bool {
	for _, d := range slices.Backward(m.decisions) {
		if d.Strategy == strategy && d.Rule == a.Rule {
			return d.Reason == a.Reason && d.Words == a.words()
		}
	}
	return false
}

// words are those of the ledger.
func (a Act) words() string {
	if a.Err != nil {
		return a.Words + ": " + a.Err.Error()
	}
	return a.Words
}

func levers(r routing.AdjustRule) (out []routing.Lever) {
	for _, a := range r.Do {
		out = append(out, a.Lever)
	}
	return out
}

// recorded puts an act into the ledger.
func (c *Control) recorded(ctx context.Context, p *pilot, l *Look, a Act, more func(*ledger.Decided)) Act {
	d := ledger.Decided{At: c.Now().UTC(), Strategy: p.Strategy, Queue: l.Queue.Ref, Mode: p.Mode, Rule: a.Rule, Reason: a.Reason, Words: a.words(), Run: a.Run}
	if n := p.rule(a.Rule); n >= 0 {
		d.Figures = p.Inputs(n, l.Figures)
	}
	for _, w := range l.Rules {
		if r := p.Rules[w.Rule].Name; r != a.Rule {
			if d.Considered == nil {
				d.Considered = map[string]autopilot.Reason{}
			}
			d.Considered[r] = w.Reason
		}
	}
	if more != nil {
		more(&d)
	}
	a.Err = errors.Join(a.Err, c.Ledger.Decide(context.WithoutCancel(ctx), d))
	return a
}

func (p *pilot) rule(name string) int {
	return slices.IndexFunc(p.Rules, func(r routing.AdjustRule) bool { return r.Name == name })
}

// follow lists the overrides that hold, go on holding, and move waiting email, of
// which some has come in that they have not changed yet.
func (c *Control) follow(l Look) []ledger.Lease {
	if l.Err != nil || l.Seen.State == nil || l.Hold == autopilot.Stopped {
		return nil
	}
	var out []ledger.Lease
	for _, lease := range l.Leases {
		n := slices.IndexFunc(l.Program.Rules, func(r routing.AdjustRule) bool { return r.Name == lease.Rule })
		ends := slices.ContainsFunc(l.End, func(e autopilot.Ending) bool { return e.Lease == lease.ID })
		if n < 0 || ends || !lease.Ended.IsZero() || l.Program.Mode != routing.AdjustAct {
			continue
		}
		r := l.Program.Rules[n]
		before := touched(lease)
		if len(l.Program.Priorities(r.Do, l.Seen.State.Emails, before, 1)) > 0 {
			out = append(out, lease)
			continue
		}
		maps.Copy(before, l.leave)
		if len(l.Program.Overflow(r.Do, l.Seen.State, before, routing.TransferCalls)) > 0 {
			out = append(out, lease)
		}
	}
	return out
}

// touched are the emails that an override has changed, or found changed.
func touched(l ledger.Lease) map[string]bool {
	out := map[string]bool{}
	for _, r := range l.Runs {
		for _, c := range r.Plan().Changes {
			if res, known := r.Phases[0].Results[c.ID]; known && res.Outcome != apply.Skipped && c.Kind == plan.Email {
				out[c.Object.ID] = true
			}
		}
	}
	return out
}

// goOn lets an override that holds change email that has come in since. It is part
// of the override, and no change of its own.
func (c *Control) goOn(ctx context.Context, p *pilot, l *Look, lease ledger.Lease) []Act {
	first := lease.Runs[0].Plan().Lease
	more := plan.Lease{ID: lease.ID, Rule: lease.Rule, Levers: lease.Levers, Began: lease.Began, Ends: lease.Ends, Reason: first.Reason}
	made, report, err := c.override(ctx, p, l, p.rule(lease.Rule), more, touched(lease))
	if err == nil && report.Run == "" || errors.As(err, new(*TakenError)) {
		return nil
	}
	words := fmt.Sprintf("goes on with %s that came in", phrase.Count(len(report.Results), "email"))
	if moved := moves(made, report); moved != "" {
		words = "goes on: " + moved
	}
	return []Act{{Rule: lease.Rule, Reason: autopilot.UnderLease, Words: words, Run: report.Run, Err: err}}
}

// override plans what a rule does and carries it out. Without changes nothing is
// written, and the report has no run. touched are the emails that the override has
// changed already.
func (c *Control) override(ctx context.Context, p *pilot, l *Look, n int, lease plan.Lease, touched map[string]bool) (made plan.Plan, report apply.Report, err error) {
	r := p.Rules[n]
	o := plan.Override{}
	if lease.ID == "" { // later only waiting email is followed
		o = autopilot.Override(r.Do, l.Queue)
	}
	runs, err := c.runs.Runs(ctx)
	if err != nil {
		return made, report, err
	}
	if l.Seen.State != nil {
		calls := max(0, p.Limits.Calls-l.calls)
		o.Emails = p.Priorities(r.Do, l.Seen.State.Emails, touched, calls)
		leave := c.leave(runs, ledger.Leases(runs, nil))
		maps.Copy(leave, touched)
		for _, e := range o.Emails {
			leave[e.Email.ConversationID] = true
		}
		o.Moves = p.Overflow(r.Do, l.Seen.State, leave, calls-len(o.Emails))
	}
	org, err := c.readFor(ctx, p, l.Queue, o)
	if err != nil {
		return made, report, err
	}
	made, problems := plan.NewIndex(org, ledger.Memory(runs)).Override(p.want, o, lease)
	if err := problems.Err(); err != nil {
		return made, report, err
	}
	if len(made.Changes) == 0 {
		return made, report, nil
	}
	if by, taken := takenBy(made, ledger.Memory(runs).InForce); taken {
		return made, report, &TakenError{Rule: by.Rule}
	}
	made.Made = c.Now().UTC()
	made = made.Seal()
	run, err := c.Ledger.Start(ctx)
	if err != nil {
		return made, report, err
	}
	report, err = apply.Run(ctx, c.options(run, made, runs))
	report.Run = run.ID
	l.calls += len(o.Emails) + len(o.Moves)*routing.TransferCalls
	return made, report, err
}

// readFor reads what planning an override needs.
func (c *Control) readFor(ctx context.Context, p *pilot, q routing.Queue, o plan.Override) (routing.Org, error) {
	rings := o.Settings.Rings != nil // they name skills and groups
	scope := genesys.Scope{Queues: []string{p.Queue}, Skills: rings, SkillGroups: rings || o.Settings.Groups != nil}
	if len(o.Join)+len(o.Leave) > 0 {
		scope.Agents, scope.MembersOf = append(slices.Clone(o.Join), o.Leave...), []string{p.Queue}
	}
	for _, m := range o.Moves {
		scope.Queues = append(scope.Queues, m.To)
	}
	if o.Capacity != nil {
		scope.MembersOf, scope.CapacityOf = []string{p.Queue}, []string{p.Queue}
	}
	org, err := c.Client.ReadOrg(ctx, scope)
	if err == nil && slices.ContainsFunc(org.Queues, func(x routing.Queue) bool { return x.Name == p.Queue && x.ID != q.ID }) {
		err = fmt.Errorf("queue %s is another one than a moment ago", p.Queue)
	}
	return org, err
}

// end puts an override back, the newest of its runs first.
func (c *Control) end(ctx context.Context, p *pilot, l *Look, e autopilot.Ending, m memory) Act {
	act := Act{Rule: e.Rule, Reason: e.Reason}
	i := slices.IndexFunc(l.Leases, func(x ledger.Lease) bool { return x.ID == e.Lease })
	if i < 0 { // it was recommended
		act.Words = "the recommendation is over"
		return c.recorded(ctx, p, l, act, func(d *ledger.Decided) { d.Lease = e.Lease })
	}
	act.Run, act.Words, act.Err = c.restore(ctx, l.Leases[i], m.runs)
	return c.recorded(ctx, p, l, act, func(d *ledger.Decided) { d.Lease = e.Lease })
}

// restore puts every open run of an override back.
func (c *Control) restore(ctx context.Context, lease ledger.Lease, runs []apply.Record) (run, words string, err error) {
	words = "everything is put back"
	var left, kept []string
	owned := ledger.Memory(runs).Owned
	for _, r := range slices.Backward(lease.Open) {
		r, stays := adopted(r, owned)
		kept = append(kept, stays...)
		made, err := c.Ledger.Start(ctx)
		if err != nil {
			return run, words, err
		}
		report, err := apply.Rollback(ctx, c.options(made, plan.Plan{}, runs), r)
		switch {
		case errors.Is(err, apply.ErrNothingToUndo):
			if err := nothingToUndo(made, r); err != nil { //nolint:contextcheck // the journal has a limit of its own
				return made.ID, "not everything could be put back", err
			}
			run = made.ID
			continue
		case err != nil && !onlyLeft(report):
			return made.ID, "not everything could be put back", err
		}
		run = made.ID
		for _, x := range report.Results {
			fields := x.Left
			if moved, ok := errors.AsType[*apply.MovedError](x.Err); ok {
				fields = moved.Fields
			} else if x.Outcome == apply.Refused {
				left = append(left, x.Headline)
			}
			for _, f := range fields {
				left = append(left, fmt.Sprintf("%s of %s", f.Field, x.Object))
			}
		}
	}
	if len(kept) > 0 {
		words = "put back, but for what the strategy asks for by now: " + strings.Join(kept, ", ")
	}
	if len(left) > 0 {
		words = "put back, but for what somebody has changed since: " + strings.Join(left, ", ")
	}
	return run, stayed(lease, words), nil
}

// nothingToUndo notes that a run is put back of which all may stay.
func nothingToUndo(made *ledger.Run, r apply.Record) error {
	now := time.Now().UTC()
	return errors.Join(
		made.Append(apply.Entry{At: now, Begin: &apply.Begin{Plan: plan.Reverse(r.Plan(), r.ID, nil).Seal()}}),
		made.Append(apply.Entry{At: now, End: &apply.End{OK: true}}),
	)
}

// onlyLeft says that all that was not put back had been changed by somebody.
func onlyLeft(report apply.Report) bool {
	return len(report.Results) > 0 && !slices.ContainsFunc(report.Results, func(r apply.Result) bool {
		return r.Outcome != apply.Done && r.Outcome != apply.Already && r.Outcome != apply.Refused
	})
}
