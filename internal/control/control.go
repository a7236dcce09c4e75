// Package control looks at the queues of strategies that adjust, decides, and
// carries out what was decided: strategies, a client and a ledger go in, overrides
// on the platform and entries of the ledger come out. foresort adjust looks once,
// foresort serve at every tick.
package control

import (
	"cmp"
	"context"
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
