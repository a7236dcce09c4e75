package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/plan"
)

// This file carries out what was decided, as long as the switch lets it.

// act carries out what was decided. Nothing else can be applied meanwhile, so
// everything is recalled and weighed once more.
func (c *Control) act(ctx context.Context, seen []sight, before []Look) (looks []Look, err error) {
	release, err := c.lock(ctx)
	if held, ok := errors.AsType[*store.HeldError](err); ok {
		for i := range before {
			if len(before[i].Begin)+len(before[i].End) > 0 {
				before[i].Acts = append(before[i].Acts, Act{Words: "nothing is done at this look", Err: held})
			}
		}
		return before, nil
	}
	if err != nil {
		return before, err
	}
	defer func() { err = errors.Join(err, release()) }()
	m, err := c.recall(ctx)
	if err != nil {
		return before, err
	}
	for _, l := range c.untold(m) {
		d := ledger.Decided{At: c.Now().UTC(), Strategy: l.Strategy, Rule: l.Rule, Reason: autopilot.PutBack, Words: "it was put back", Lease: l.ID}
		if err := c.Ledger.Decide(ctx, d); err != nil {
			return before, err
		}
		m.decisions = append(m.decisions, d)
	}
	m.leases = ledger.Leases(m.runs, m.decisions)
	looks = c.decide(seen, m)
	if cut, open := ledger.CutOff(m.runs); open {
		var done bool
		if m, done, err = c.mend(ctx, cut, m); err != nil || !done {
			for i := range looks {
				if err == nil && !c.acts(looks[i]) {
					continue
				}
				words := "nothing is done until run " + cut.ID + " of strategy " + cut.Plan().Strategy + " is finished (foresort apply --resume) or put back (foresort rollback)"
				looks[i].Acts = append(looks[i].Acts, Act{Words: words, Err: cmp.Or(err, errCutOff)})
			}
			return looks, nil
		}
		looks = c.decide(seen, m)
	}
	ctx, told := c.untilStopped(ctx, m)
	defer told()
	strays := c.endStrays(ctx, m)
	for i := range looks {
		p := c.pilots[i]
		c.applyLive(ctx, p, &looks[i], m)
		for _, e := range looks[i].End {
			looks[i].Acts = append(looks[i].Acts, c.end(ctx, p, &looks[i], e, m))
		}
		for _, n := range looks[i].Begin {
			looks[i].Acts = append(looks[i].Acts, c.begin(ctx, p, &looks[i], n, m))
		}
		for _, lease := range c.follow(looks[i]) {
			looks[i].Acts = append(looks[i].Acts, c.goOn(ctx, p, &looks[i], lease)...)
		}
	}
	if m, err = c.recall(context.WithoutCancel(ctx)); err != nil {
		return looks, err
	}
	for i, p := range c.pilots {
		_, looks[i].Leases = m.pastOf(p.Strategy, p.Mode, looks[i].At)
		for n := range looks[i].Acts {
			if a := &looks[i].Acts[n]; errors.Is(a.Err, context.Canceled) && context.Cause(ctx) == ErrStopped { //nolint:errorlint // it is the very one
				a.Err = ErrStopped
			}
		}
		if slices.ContainsFunc(looks[i].Acts, func(a Act) bool { return a.Run != "" }) {
			if org, err := c.Client.ReadOrg(ctx, genesys.Scope{Queues: []string{p.Queue}}); err == nil && len(org.Queues) == 1 {
				looks[i].Queue = org.Queues[0] // as it is now
			}
		}
	}
	return looks, strays
}

// stopEvery is how often the switch is looked at while something is under way.
const stopEvery = 500 * time.Millisecond

// untilStopped is a context that ends when the switch is put to stop: also what
// waits to be sent, or to be sent again, is then not sent.
func (c *Control) untilStopped(ctx context.Context, m memory) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if c.asked || m.stopped {
		return ctx, func() { cancel(nil) }
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(stopEvery):
			}
			if s, _, err := c.Ledger.Switched(ctx); err == nil && s.Stopped {
				cancel(ErrStopped)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// errCutOff is why overrides do not even end: what that run has written is not
// known.
var errCutOff = errors.New("a run was cut off")

func (c *Control) lock(ctx context.Context) (release func() error, err error) {
	for start := time.Now(); ; {
		var held *store.Held
		if held, err = c.Store.Hold(ctx, "apply "+c.Ledger.Org()); err == nil {
			c.held, release = held, held.Release
		}
		if !errors.As(err, new(*store.HeldError)) || time.Since(start) > c.Patience {
			return release, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// mend goes on with a run of an override that was cut off. Where it is one of a
// strategy it is left to people.
func (c *Control) mend(ctx context.Context, cut apply.Record, m memory) (memory, bool, error) {
	if !m.ours(cut) || m.stopped {
		return m, false, nil
	}
	if _, err := apply.Resume(ctx, c.options(c.Ledger.Continue(cut.ID), plan.Plan{}, m.runs), cut); err != nil {
		return m, false, err
	}
	m, err := c.recall(ctx)
	return m, true, err
}

// endStrays puts them back.
func (c *Control) endStrays(ctx context.Context, m memory) error {
	var failed []error
	for _, l := range c.strays(m) {
		d := ledger.Decided{At: c.Now().UTC(), Strategy: l.Strategy, Rule: l.Rule, Reason: autopilot.LeaseEnded, Lease: l.ID}
		var err error
		if d.Run, d.Words, err = c.restore(ctx, l, m.runs); err != nil {
			d.Words += ": " + err.Error()
			failed = append(failed, fmt.Errorf("end the override of rule %s of strategy %s: %w", l.Rule, l.Strategy, err))
		}
		failed = append(failed, c.Ledger.Decide(context.WithoutCancel(ctx), d))
		c.Strays = append(c.Strays, Act{Strategy: l.Strategy, Rule: l.Rule, Reason: d.Reason, Words: d.Words, Run: d.Run, Err: err})
	}
	return errors.Join(failed...)
}

func (c *Control) options(run *ledger.Run, p plan.Plan, runs []apply.Record) apply.Options {
	run.Holds = c.held.Holds
	o := apply.Options{Plan: p, Platform: apply.On(c.Client), Journal: guarded{run, c.Ledger}, Run: run.ID, Wait: c.Wait, Recent: runs}
	if c.asked {
		o.Journal = run
	}
	return o
}

// guarded is a journal that lets nothing be written once the switch is off: the
// intent of a write goes into it before the write.
type guarded struct {
	*ledger.Run
	ledger *ledger.Ledger
}

// ErrStopped says that the switch was put to stop while something was under way.
var ErrStopped = errors.New("adjusting was stopped (foresort adjust --stop)")

// Append is apply.Journal.
func (g guarded) Append(e apply.Entry) error {
	if e.Intent != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if s, _, err := g.ledger.Switched(ctx); err != nil || s.Stopped {
			return cmp.Or(err, ErrStopped)
		}
	}
	return g.Run.Append(e)
}

// RestoreAll puts back every override that holds, of any strategy. With the switch
// at stop it works all the same: it is what people ask for then.
func (c *Control) RestoreAll(ctx context.Context) (acts []Act, err error) {
	release, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	c.asked = true
	defer func() { c.asked = false }()
	m, err := c.recall(ctx)
	if err != nil {
		return nil, err
	}
	for _, lease := range m.leases {
		if len(lease.Open) == 0 {
			continue
		}
		a := Act{Strategy: lease.Strategy, Rule: lease.Rule, Reason: autopilot.PutBack}
		a.Run, a.Words, a.Err = c.restore(ctx, lease, m.runs)
		d := ledger.Decided{At: c.Now().UTC(), Strategy: lease.Strategy, Rule: lease.Rule, Reason: a.Reason, Words: a.words(), Run: a.Run, Lease: lease.ID}
		a.Err = errors.Join(a.Err, c.Ledger.Decide(context.WithoutCancel(ctx), d))
		acts = append(acts, a)
	}
	return acts, nil
}
