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
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Config says what is adjusted, and with what. Client, Store and Ledger are
// required.
type Config struct {
	Client *genesys.Client
	Store  *store.Store
	Ledger *ledger.Ledger
	Wait   apply.Wait
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
	// Recommend lets nothing be done, whatever the strategies say: Why is told.
	Recommend bool
	Why       string
	Now       func() time.Time // by the platform's clock; nil: this machine's
}

// Control adjusts several queues. It is used by one goroutine.
type Control struct {
	Config
	pilots []*pilot
	runs   *ledger.Follower
	asked  bool // by a person: the switch does not count
}

// pilot is one strategy that adjusts.
type pilot struct {
	*autopilot.Program
	want    routing.Desired
	streaks autopilot.Streaks
	own     ownLevels
	live    *live // nil: no rule has a condition
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
		mine := &pilot{Program: p, want: w, live: rules}
		if b, err := os.ReadFile(c.streaksFile(mine)); err == nil {
			mine.streaks = p.Load(b)
		}
		c.pilots = append(c.pilots, mine)
	}
	return c, nil
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
}

// Act is an override that was begun, ended or recommended, or that could not be.
type Act struct {
	Rule   string
	Reason autopilot.Reason
	Words  string
	Run    string // that did it; empty: nothing was done
	Err    error
}

// Tick looks at every queue once. Its error is that of the ledger: without it
// nothing can be decided. What cannot be read of a queue is in its Look.
func (c *Control) Tick(ctx context.Context) ([]Look, error) {
	seen := c.observe(genesys.WithLane(ctx, genesys.Poll))
	past, err := c.recall(ctx)
	if err != nil {
		return nil, err
	}
	looks := c.decide(seen, past)
	c.keep()
	cut, open := cutOff(past.runs)
	if open && past.ours(cut) && !past.stopped || len(c.untold(past)) > 0 || slices.ContainsFunc(looks, c.acts) || c.liveDue(looks, past) || len(c.strays(past)) > 0 {
		looks, err = c.act(ctx, seen, looks)
	}
	return looks, errors.Join(err, c.sayLive(ctx, looks))
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

// Watch looks at every queue once, and does nothing; the look counts for no row.
func (c *Control) Watch(ctx context.Context) ([]Look, error) {
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

// decide weighs every strategy, in their order.
func (c *Control) decide(seen []sight, m memory) []Look {
	now := c.Now()
	fleet := autopilot.Fleet{Queues: len(c.pilots)}
	for i, p := range c.pilots {
		if below(p, seen[i].Observation) {
			fleet.InBreach++
		}
	}
	var looks []Look
	for i, p := range c.pilots {
		past, leases := m.pastOf(p.Strategy, p.Mode, now)
		in := autopilot.Input{Now: now, At: seen[i].At, Figures: p.Measure(seen[i].Observation), Past: past, Stopped: m.stopped, Fleet: fleet}
		if seen[i].err != nil {
			in.At = time.Time{}
		}
		in.Level = seen[i].queue.Settings.ServiceLevel
		l := Look{Program: p.Program, Queue: seen[i].queue, Seen: seen[i].Observation, Figures: in.Figures, Leases: leases, Err: seen[i].err}
		l.Decision = p.Decide(in, &p.streaks)
		if len(l.Begin) > 0 {
			fleet.Begun++
		}
		looks = append(looks, l)
	}
	return looks
}

// breachWindow is the window whose service level says whether a queue misses its
// target, and breachSamples of how many emails it must be made.
const (
	breachWindow  = "1h"
	breachSamples = 20
)

// below says that a queue is known to miss its service level.
func below(p *pilot, o autopilot.Observation) bool {
	target := p.want.Queue.Settings.ServiceLevel
	w, known := o.Windows[breachWindow]
	percent, defined := w.ServiceLevel()
	return known && target != nil && defined && w.Counted >= breachSamples && percent < target.Percent
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
	if cut, open := cutOff(m.runs); open {
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
		release, err = c.Store.Lock(ctx, "apply "+c.Ledger.Org())
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

// cutOff finds the run that was cut off, if the last one that did anything was.
func cutOff(runs []apply.Record) (apply.Record, bool) {
	for _, r := range slices.Backward(runs) {
		if r.End != nil || len(r.Done()) > 0 {
			return r, r.End == nil
		}
	}
	return apply.Record{}, false
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
	var report apply.Report
	report, act.Err = c.override(ctx, p, l, n, lease, nil)
	act.Run = report.Run
	if errors.As(act.Err, new(*TakenError)) {
		act.Reason, act.Words, act.Err = autopilot.Taken, act.Err.Error(), nil
	} else if act.Err == nil && act.Run == "" {
		act.Reason, act.Words = autopilot.NoChange, "it would change nothing: everything is so already"
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
		if len(l.Program.Priorities(r.Do, l.Seen.State.Emails, touched(lease), 1)) > 0 {
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
			if _, known := r.Phases[0].Results[c.ID]; known && c.Kind == plan.Email {
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
	report, err := c.override(ctx, p, l, p.rule(lease.Rule), more, touched(lease))
	if err == nil && report.Run == "" || errors.As(err, new(*TakenError)) {
		return nil
	}
	words := fmt.Sprintf("goes on with %s that came in", phrase.Count(len(report.Results), "email"))
	return []Act{{Rule: lease.Rule, Reason: autopilot.UnderLease, Words: words, Run: report.Run, Err: err}}
}

// override plans what a rule does and carries it out. Without changes nothing is
// written, and the report has no run. touched are the emails that the override has
// changed already.
func (c *Control) override(ctx context.Context, p *pilot, l *Look, n int, lease plan.Lease, touched map[string]bool) (apply.Report, error) {
	r := p.Rules[n]
	o := plan.Override{}
	if lease.ID == "" { // later only waiting email is followed
		o = autopilot.Override(r.Do, l.Queue)
	}
	if l.Seen.State != nil {
		for _, x := range p.Priorities(r.Do, l.Seen.State.Emails, touched, p.Limits.Calls) {
			o.Emails = append(o.Emails, plan.EmailPriority{Email: x.Email, To: x.To})
		}
	}
	org, err := c.readFor(ctx, p, l.Queue, o)
	if err != nil {
		return apply.Report{}, err
	}
	runs, err := c.runs.Runs(ctx)
	if err != nil {
		return apply.Report{}, err
	}
	made, problems := plan.NewIndex(org, ledger.Memory(runs)).Override(p.want, o, lease)
	if err := problems.Err(); err != nil {
		return apply.Report{}, err
	}
	if len(made.Changes) == 0 {
		return apply.Report{}, nil
	}
	if by, taken := takenBy(made, ledger.Memory(runs).InForce); taken {
		return apply.Report{}, &TakenError{Rule: by.Rule}
	}
	made.Made = c.Now().UTC()
	made = made.Seal()
	run, err := c.Ledger.Start(ctx)
	if err != nil {
		return apply.Report{}, err
	}
	report, err := apply.Run(ctx, c.options(run, made, runs))
	report.Run = run.ID
	return report, err
}

// readFor reads what planning an override needs.
func (c *Control) readFor(ctx context.Context, p *pilot, q routing.Queue, o plan.Override) (routing.Org, error) {
	rings := o.Settings.Rings != nil // they name skills and groups
	scope := genesys.Scope{Queues: []string{p.Queue}, Skills: rings, SkillGroups: rings || o.Settings.Groups != nil}
	if len(o.Join)+len(o.Leave) > 0 {
		scope.Agents, scope.MembersOf = append(slices.Clone(o.Join), o.Leave...), []string{p.Queue}
	}
	if o.Capacity != nil {
		scope.MembersOf, scope.CapacityOf = []string{p.Queue}, []string{p.Queue}
	}
	org, err := c.Client.ReadOrg(ctx, scope)
	if err == nil && len(org.Queues) > 0 && org.Queues[0].ID != q.ID {
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
	return run, words, nil
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
		a := Act{Rule: lease.Rule}
		a.Run, a.Words, a.Err = c.restore(ctx, lease, m.runs)
		acts = append(acts, a)
	}
	return acts, nil
}

// sight is what was measured of one queue.
type sight struct {
	autopilot.Observation
	queue routing.Queue
	err   error
}

// The windows of the past: they end a moment ago, since the newest rows come late.
const (
	windowLag  = time.Minute
	windowStep = time.Minute
)

// looksAt says whether anything is measured of a strategy's queue.
func (c *Control) looksAt(p *pilot) bool {
	return c.All || p.Mode != routing.AdjustOff || p.live != nil
}

// observe measures every queue, all of them by the same requests.
func (c *Control) observe(ctx context.Context) []sight {
	out := make([]sight, len(c.pilots))
	fail := func(err error) []sight {
		for i := range out {
			out[i].err = cmp.Or(out[i].err, err)
		}
		return out
	}
	scope := genesys.Scope{OrgCapacity: true}
	for _, p := range c.pilots {
		if c.looksAt(p) {
			scope.Queues = append(scope.Queues, p.Queue)
		}
	}
	if len(scope.Queues) == 0 {
		return out // nothing is looked at
	}
	org, err := c.Client.ReadOrg(ctx, scope)
	if err != nil {
		return fail(fmt.Errorf("read the queues: %w", err))
	}
	var ids []string
	for i, p := range c.pilots {
		if !c.looksAt(p) {
			continue
		}
		n := slices.IndexFunc(org.Queues, func(q routing.Queue) bool { return q.Name == p.Queue })
		if n < 0 {
			out[i].err = fmt.Errorf("there is no queue %q", p.Queue)
			continue
		}
		out[i].queue = org.Queues[n]
		ids = append(ids, org.Queues[n].ID)
		out[i].Capacity = capacityOf(p.want, org)
	}
	if len(ids) == 0 {
		return out
	}
	states, err := c.Client.QueueStates(ctx, ids)
	if err != nil {
		return fail(fmt.Errorf("read how the queues stand: %w", err))
	}
	now := c.Now()
	for i := range out {
		if s, ok := states[out[i].queue.ID]; ok {
			out[i].State, out[i].At = &s, now
			out[i].Own = c.measureOwn(ctx, c.pilots[i], out[i].queue.ID, now)
			c.readLive(ctx, c.pilots[i], &out[i])
		}
	}
	for window, pilots := range c.windows() {
		c.measure(ctx, out, window, pilots, now)
	}
	return out
}

// windows lists, for each window, the pilots that look back over it, by the clock
// that "today" begins on.
func (c *Control) windows() map[string][]int {
	by := map[string][]int{}
	for i, p := range c.pilots {
		for _, w := range slices.Concat(p.Windows(), c.Windows, []string{breachWindow}) {
			if !slices.Contains(by[w], i) {
				by[w] = append(by[w], i)
			}
		}
	}
	return by
}

// measure reads one window of several queues. What cannot be read is not known.
func (c *Control) measure(ctx context.Context, out []sight, window string, pilots []int, now time.Time) {
	to := now.Add(-windowLag).Truncate(windowStep)
	spans := map[routing.Span][]int{}
	for _, i := range pilots {
		if out[i].queue.ID == "" {
			continue
		}
		span := routing.Span{From: c.pilots[i].begins(window, to), To: to}
		if span.From.Before(span.To) {
			spans[span] = append(spans[span], i)
		}
	}
	for span, mine := range spans {
		var ids []string
		for _, i := range mine {
			ids = append(ids, out[i].queue.ID)
		}
		rows, err := c.Client.Aggregates(ctx, genesys.AggregatesQuery{From: span.From, To: span.To, QueueIDs: ids, GroupBy: []string{"queueId"}, Metrics: measure.WindowMetrics()})
		if err != nil {
			continue
		}
		windows := measure.Windows(rows)
		for _, i := range mine {
			w := windows[out[i].queue.ID] // not in a complete answer: there was nothing
			w.Span = span
			if out[i].Windows == nil {
				out[i].Windows = map[string]measure.Window{}
			}
			out[i].Windows[window] = w
		}
	}
}

func midnight(t time.Time, calendar *routing.Calendar) time.Time {
	zone := time.UTC
	if calendar != nil {
		zone = calendar.Location
	}
	y, m, d := t.In(zone).Date()
	return routing.Wall(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), zone)
}

// capacityOf is how many emails a member holds at once: by the strategy, or by
// the organisation; 0: not known.
func capacityOf(want routing.Desired, org routing.Org) int {
	switch {
	case want.Capacity != nil && want.Capacity.Email != nil:
		return *want.Capacity.Email
	case org.OrgUtilization != nil && org.OrgUtilization.Settings.Email != nil:
		return *org.OrgUtilization.Settings.Email
	}
	return 0
}
