// Package control looks at the queues of strategies that adjust, decides, and
// carries out what was decided: strategies, a client and a ledger go in, overrides
// on the platform and entries of the ledger come out. foresort adjust looks once,
// foresort serve at every tick.
package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Config says what is adjusted, and with what. Client, Store and Ledger are
// required.
type Config struct {
	Client *genesys.Client
	// ClientID is the OAuth client that Foresort signs in as: by it the audit trail
	// tells its changes from those of others.
	ClientID string
	Store    *store.Store
	Ledger   *ledger.Ledger
	Wait     apply.Wait
	// Patience is how long a look waits for another apply to the organisation;
	// default 10 s.
	Patience time.Duration
	// Dir is where it is remembered how often conditions have held in a row;
	// empty: only as long as this lives.
	Dir string
	// Windows are looked back over beside those that conditions name.
	Windows []string
	// All looks after strategies that do not adjust as well, for their figures.
	All bool
	// Recommend lets nothing be done, whatever the strategies say.
	Recommend bool
	Now       func() time.Time // by the platform's clock; nil: this machine's
}

// Control adjusts several queues. It is used by one goroutine.
type Control struct {
	Config
	pilots []*pilot
	runs   *ledger.Follower
	// Strays is what the last Tick has put back of strategies that are not served
	// here.
	Strays []Act
	asked  bool        // by a person: the switch does not count
	held   *store.Held // while it acts

	capacities map[string]capacityRead // by agent
}

// pilot is one strategy that adjusts.
type pilot struct {
	*autopilot.Program
	want    routing.Desired
	streaks autopilot.Streaks
	own     ownLevels
	seen    measure.Watch
	live    *live                // nil: no rule has a condition
	last    Look                 // of Tick
	heard   genesys.Observations // since then
}

// New compiles those strategies that adjust, or have live rules.
func New(cfg Config, wants []routing.Desired) (*Control, error) {
	c := &Control{Config: cfg, runs: cfg.Ledger.Follow()}
	c.Patience = cmp.Or(c.Patience, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	for _, w := range wants {
		rules, err := newLive(w)
		if err != nil {
			return nil, err
		}
		switch {
		case w.Adjust == nil && !w.Live() && !c.All:
			continue
		case w.Adjust == nil:
			w.Adjust = &routing.Adjust{Mode: routing.AdjustOff, Every: time.Minute}
		}
		if c.Recommend && w.Adjust.Mode == routing.AdjustAct {
			a := *w.Adjust
			a.Mode = routing.AdjustRecommend
			w.Adjust = &a
		}
		p, err := autopilot.New(w)
		if err != nil {
			return nil, err
		}
		c.pilots = append(c.pilots, &pilot{Program: p, want: w, live: rules})
	}
	c.load()
	return c, nil
}

// load goes on from what is remembered of how often conditions have held. Without
// that nothing has been seen yet.
func (c *Control) load() {
	if c.Dir == "" {
		return
	}
	for _, p := range c.pilots {
		b, _ := os.ReadFile(c.streaksFile(p))
		p.streaks = p.Load(b)
	}
}

func (c *Control) streaksFile(p *pilot) string {
	return filepath.Join(c.Dir, "adjust-"+p.Strategy+".json")
}

// keep remembers how often conditions have held. Where that fails they begin anew
// with the next process, which then does less.
func (c *Control) keep() {
	for _, p := range c.pilots {
		if b, err := p.Save(p.streaks); err == nil && c.Dir != "" && os.MkdirAll(c.Dir, 0o700) == nil {
			_ = os.WriteFile(c.streaksFile(p), b, 0o600)
		}
	}
}

// Every is the shortest time between two looks that a strategy asks for.
func (c *Control) Every() time.Duration {
	var every time.Duration
	for _, p := range c.pilots {
		if every == 0 || p.Every < every {
			every = p.Every
		}
	}
	if every == 0 {
		return time.Minute // what others have begun ends all the same
	}
	return every
}

// Look is what came of looking at one queue.
type Look struct {
	Program *autopilot.Program
	Queue   routing.Queue // zero: it was not read
	Seen    autopilot.Observation
	Figures []autopilot.Figure
	autopilot.Decision
	Leases []ledger.Lease // of the strategy: those of the last day and all that hold
	Acts   []Act
	Err    error // what could not be read
	leave  map[string]bool
	calls  int // of limits.calls, that overrides have used at this look
}

// Act is an override that was begun, ended or recommended, or that could not be.
type Act struct {
	Strategy string // of RestoreAll and Strays alone: a Look has its own
	Rule     string
	Reason   autopilot.Reason
	Words    string
	Run      string // that did it; empty: nothing was done
	Err      error
}

// Tick looks at every queue once. Its error is that of the ledger: without it
// nothing can be decided. What cannot be read of a queue is in its Look.
func (c *Control) Tick(ctx context.Context) ([]Look, error) {
	c.Strays = nil
	seen := c.observe(genesys.WithLane(ctx, genesys.Poll))
	past, err := c.recall(ctx)
	if err != nil {
		return nil, err
	}
	looks := c.decide(seen, past)
	c.keep()
	cut, open := ledger.CutOff(past.runs)
	if open && past.ours(cut) && !past.stopped || len(c.untold(past)) > 0 || slices.ContainsFunc(looks, c.acts) || c.liveDue(looks, past) || len(c.strays(past)) > 0 {
		looks, err = c.act(ctx, seen, looks)
	}
	c.sayLive(ctx, looks)
	for i, l := range looks {
		p := c.pilots[i]
		if l.Queue.ID == "" { // it could not be read
			l.Queue = p.last.Queue
		}
		p.last, p.heard = l, genesys.Observations{}
	}
	return looks, err
}

// strays are overrides past their end of strategies that nobody serves here: their
// files may be gone, or do not adjust any more.
func (c *Control) strays(m memory) (out []ledger.Lease) {
	for _, l := range m.leases {
		mine := slices.ContainsFunc(c.pilots, func(p *pilot) bool { return p.Strategy == l.Strategy })
		if !m.stopped && !mine && len(l.Open) > 0 && !c.Now().Before(l.Ends) {
			out = append(out, l)
		}
	}
	return out
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

// untold are the overrides of the strategies here that have ended without a word.
func (c *Control) untold(m memory) (out []ledger.Lease) {
	for _, l := range m.leases {
		if l.Untold && slices.ContainsFunc(c.pilots, func(p *pilot) bool { return p.Strategy == l.Strategy }) {
			out = append(out, l)
		}
	}
	return out
}

// acts says that something is to be done.
func (c *Control) acts(l Look) bool {
	return len(l.Begin)+len(l.End) > 0 || len(c.follow(l)) > 0
}

// Watch looks at every queue once, and does nothing; the look counts for no row, and
// is held against what others have counted.
func (c *Control) Watch(ctx context.Context) ([]Look, error) {
	c.load()
	seen := c.observe(genesys.WithLane(ctx, genesys.Poll))
	past, err := c.recall(ctx)
	if err != nil {
		return nil, err
	}
	before := make([]autopilot.Streaks, len(c.pilots))
	for i, p := range c.pilots {
		before[i], p.streaks = p.streaks, p.streaks.Clone()
	}
	looks := c.decide(seen, past)
	for i, p := range c.pilots {
		p.streaks = before[i]
	}
	return looks, nil
}

// memory is what the ledger tells.
type memory struct {
	runs      []apply.Record
	decisions []ledger.Decided
	leases    []ledger.Lease
	stopped   bool
}

func (c *Control) recall(ctx context.Context) (m memory, err error) {
	if m.runs, err = c.runs.Runs(ctx); err != nil {
		return m, err
	}
	if m.decisions, err = c.Ledger.Decisions(ctx); err != nil {
		return m, err
	}
	m.leases = ledger.Leases(m.runs, m.decisions)
	s, _, err := c.Ledger.Switched(ctx)
	m.stopped = s.Stopped
	return m, err
}

// pastOf are the overrides of a strategy that count: those of the last day and all
// that hold.
func (m memory) pastOf(strategy string, mode routing.AdjustMode, now time.Time) (past []autopilot.Lease, leases []ledger.Lease) {
	for _, l := range m.leases {
		if l.Strategy == strategy && (l.Ended.IsZero() || now.Sub(l.Ended) < 24*time.Hour) {
			past, leases = append(past, l.Lease), append(leases, l)
		}
	}
	if mode == routing.AdjustRecommend {
		past = append(past, ledger.RecommendedLeases(m.decisions, strategy)...)
	}
	slices.SortStableFunc(past, func(a, b autopilot.Lease) int { return a.Began.Compare(b.Began) })
	return past, leases
}

// elsewhere counts the strategies that others adjust: those of which the ledger
// has a decision or an override within the last day, or one that holds; and those
// of them that began one within a time.
func (c *Control) elsewhere(m memory, now time.Time, within time.Duration) (known, begun int) {
	began := map[string]bool{}
	for _, d := range m.decisions {
		if now.Sub(d.At) < 24*time.Hour && d.Reason != autopilot.LiveRule {
			began[d.Strategy] = false
		}
	}
	for _, l := range m.leases {
		if l.Ended.IsZero() || now.Sub(l.Ended) < 24*time.Hour {
			began[l.Strategy] = began[l.Strategy] || now.Sub(l.Began) < within
		}
	}
	for _, p := range c.pilots {
		delete(began, p.Strategy)
	}
	for _, lately := range began {
		if lately {
			begun++
		}
	}
	return len(began), begun
}

// decide weighs every strategy, in their order.
func (c *Control) decide(seen []sight, m memory) []Look {
	now := c.Now()
	// Queues are counted, and not strategies: two may look after one.
	queues, breach, begun := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, p := range c.pilots {
		if p.Mode == routing.AdjustOff {
			continue
		}
		if queues[p.Queue] = true; below(p, seen[i]) {
			breach[p.Queue] = true
		}
	}
	fleet := autopilot.Fleet{Queues: len(queues), InBreach: len(breach)}
	var looks []Look
	leave := c.leave(m.runs, m.leases)
	for i, p := range c.pilots {
		past, leases := m.pastOf(p.Strategy, p.Mode, now)
		o := seen[i].Observation
		o.Capacity = cmp.Or(capacityBy(leases), o.Capacity)
		in := autopilot.Input{Now: now, At: o.At, Figures: p.Measure(o), Past: past, Stopped: m.stopped, Fleet: fleet}
		if seen[i].err != nil {
			in.At = time.Time{}
		}
		in.Level = seen[i].queue.Settings.ServiceLevel
		if in.Fleet.Begun = len(begun); begun[p.Queue] {
			in.Fleet.Begun-- // it is no other queue
		}
		in.Fleet.Elsewhere, in.Fleet.BegunElsewhere = c.elsewhere(m, now, p.Every)
		l := Look{Program: p.Program, Queue: seen[i].queue, Seen: o, Figures: in.Figures, Leases: leases, Err: seen[i].err, leave: leave}
		l.Decision = p.Decide(in, &p.streaks)
		if len(l.Begin) > 0 {
			begun[p.Queue] = true
		}
		looks = append(looks, l)
	}
	return looks
}

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

// ours says that a run made an override, or puts one back.
func (m memory) ours(run apply.Record) bool {
	return run.Plan().Lease != nil || run.Plan().Live || slices.ContainsFunc(m.runs, func(r apply.Record) bool {
		return r.ID == run.Plan().Undoes && r.Plan().Lease != nil
	})
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
