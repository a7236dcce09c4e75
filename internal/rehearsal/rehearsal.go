// Package rehearsal lets a day pass twice in a sandbox, without and with what a
// strategy does to adjust: the strategy and the traffic of a day go in; how much
// email waited, how much was answered in time, what was written and what was put
// back come out. Time is virtual: a day takes seconds.
package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/examples"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/strategy"
)

// Config says which day passes.
type Config struct {
	Strategy routing.Desired // that has rules of adjust; its mode does not matter
	Traffic  *scenario.Scenario
	Seed     uint64
	From, To time.Time // the day passes from one to the other
	// Surge is where what is answered begins to count.
	Surge time.Time
	// Lender is another queue that is measured, whose agents help; empty: none.
	Lender string
	Dir    string // where the ledgers of the days lie
	// Check holds every answer of the sandbox to the contract.
	Check bool
}

// Example is the day of the example files, with its ledgers in a folder.
func Example(dir string) (Config, error) {
	strategySource, err := examples.Files.ReadFile("support.yaml")
	if err != nil {
		return Config{}, err
	}
	traffic, err := examples.Files.ReadFile("surge.yaml")
	if err != nil {
		return Config{}, err
	}
	st, problems := strategy.Parse("examples/support.yaml", strategySource)
	if err := problems.Err(); err != nil {
		return Config{}, err
	}
	sc, problems := scenario.Parse("examples/surge.yaml", traffic, nil)
	if err := problems.Err(); err != nil {
		return Config{}, err
	}
	zone, err := time.LoadLocation(sc.Timezone)
	if err != nil {
		return Config{}, err
	}
	at := func(hour int) time.Time { return time.Date(2026, 11, 30, hour, 0, 0, 0, zone) }
	return Config{Strategy: st.Desired(), Traffic: sc, From: at(7), To: at(21), Surge: at(10), Lender: "Returns", Dir: dir}, nil
}

// Rehearsal is a day that has passed twice.
type Rehearsal struct {
	Config
	Off, Act Day
}

// Day is a day that has passed.
type Day struct {
	Mode  routing.AdjustMode
	Times []time.Time
	// Waiting are the emails that waited at those times, Level is the service level
	// of what was answered in the hour before; NaN: nothing was.
	Waiting, Level []float64
	// Surge is what the platform measured from Config.Surge on, Lender that of the
	// other queue.
	Surge, Lender measure.Window
	// Leases are the overrides, Said what was decided about them.
	Leases []ledger.Lease
	Said   []ledger.Decided
	// Writes counts the requests that changed something, after the strategy had
	// been applied, by operation.
	Writes        map[string]int
	Before, After routing.Org // the queue, its members and their capacity
	Raw           [2]string   // the queue as the platform shows it, before and after
	Misfits       []string
}

// Run lets the day pass twice, from the same seed.
func Run(ctx context.Context, c Config) (Rehearsal, error) {
	r := Rehearsal{Config: c}
	for mode, day := range map[routing.AdjustMode]*Day{routing.AdjustOff: &r.Off, routing.AdjustAct: &r.Act} {
		var err error
		if *day, err = c.Pass(ctx, mode); err != nil {
			return r, fmt.Errorf("let a day pass with mode %s: %w", mode, err)
		}
	}
	return r, nil
}

// figuresEvery is the time between two points of a day's curves.
const figuresEvery = 10 * time.Minute

// world is one day that passes.
type world struct {
	Config
	want   routing.Desired
	server *sandbox.Server
	client *genesys.Client
	ledger *ledger.Ledger
	now    time.Time
}

// Pass lets the day pass once.
func (c Config) Pass(ctx context.Context, mode routing.AdjustMode) (day Day, err error) {
	w := world{Config: c, want: c.Strategy, now: c.From}
	if w.want.Adjust == nil {
		return day, errors.New("the strategy does not adjust")
	}
	adjust := *w.want.Adjust
	adjust.Mode = mode
	w.want.Adjust = &adjust
	w.server = sandbox.New(sandbox.Options{Seed: c.Seed, Traffic: c.Traffic, Now: sandbox.NewClock(c.From).Now, RateLimit: -1, CheckAnswers: c.Check})
	if err := w.server.Err(); err != nil {
		return day, err
	}
	w.client, err = genesys.New(genesys.Config{ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret, Transport: w.server.Transport(), PerMinute: 1_000_000})
	if err != nil {
		return day, err
	}
	defer w.client.Close()
	db, err := store.Open(ctx, filepath.Join(c.Dir, "day-"+string(mode)+".db"))
	if err != nil {
		return day, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	org, err := w.client.Organization(ctx)
	if err != nil {
		return day, err
	}
	w.ledger = ledger.New(db, org.ID)
	if err := w.deploy(ctx); err != nil {
		return day, err
	}
	pilot, err := control.New(control.Config{Client: w.client, Store: db, Ledger: w.ledger, Wait: wait, Now: func() time.Time { return w.now }}, []routing.Desired{w.want})
	if err != nil {
		return day, err
	}
	day = Day{Mode: mode}
	if day.Before, day.Raw[0], err = w.look(ctx); err != nil {
		return day, err
	}
	w.server.ClearRequests()
	day.Writes = map[string]int{}
	if err := w.live(ctx, &day, pilot); err != nil {
		return day, err
	}
	if day.After, day.Raw[1], err = w.look(ctx); err != nil {
		return day, err
	}
	runs, err := w.ledger.Runs(ctx)
	if err == nil {
		day.Said, err = w.ledger.Decisions(ctx)
	}
	day.Leases, day.Misfits = ledger.Leases(runs, day.Said), w.server.Misfits()
	return day, err
}

// wait finds that changes are seen at once, as they are in this sandbox.
var wait = apply.Wait{Every: time.Millisecond, Jitter: -1, Agree: 1, Replication: time.Millisecond}

// deploy applies the strategy.
func (w *world) deploy(ctx context.Context) error {
	org, err := w.client.ReadOrg(ctx, genesys.ScopeOf(w.want))
	if err != nil {
		return err
	}
	p, problems := plan.Build(w.want, org, plan.Memory{})
	if err := problems.Err(); err != nil {
		return err
	}
	p.Made = w.now
	run, err := w.ledger.Start(ctx)
	if err != nil {
		return err
	}
	_, err = apply.Run(ctx, apply.Options{Plan: p.Seal(), Platform: apply.On(w.client), Journal: run, Run: run.ID, Wait: wait})
	return err
}

// look reads all that an override may change of the queue.
func (w *world) look(ctx context.Context) (routing.Org, string, error) {
	queue := []string{w.want.Queue.Name}
	org, err := w.client.ReadOrg(ctx, genesys.Scope{Queues: queue, MembersOf: queue, CapacityOf: queue})
	if err != nil {
		return org, "", err
	}
	for raw, err := range w.client.Queues(ctx, w.want.Queue.Name) {
		if err != nil {
			return org, "", err
		}
		if q, err := genesys.DecodeQueue(raw); err != nil || q.Name == w.want.Queue.Name {
			return org, string(raw), err
		}
	}
	return org, "", fmt.Errorf("there is no queue %s", w.want.Queue.Name)
}

// live lets the day pass, from look to look.
func (w *world) live(ctx context.Context, day *Day, pilot *control.Control) error {
	var lender string
	if w.Lender != "" {
		org, err := w.client.ReadOrg(ctx, genesys.Scope{Queues: []string{w.Lender}})
		if err != nil {
			return err
		}
		lender = org.Queues[0].ID
	}
	queue := day.Before.Queues[0].ID
	for next := w.From; ; {
		looks, err := pilot.Tick(ctx)
		if err != nil {
			return err
		}
		for _, l := range looks {
			err := l.Err
			for _, a := range l.Acts {
				err = errors.Join(err, a.Err)
			}
			if err != nil {
				return fmt.Errorf("at %s: %w", w.now.Format("15:04"), err)
			}
		}
		if !w.now.Before(next) {
			if err := w.figures(ctx, day, queue); err != nil {
				return err
			}
			next = next.Add(figuresEvery)
		}
		if w.now.Add(w.want.Adjust.Every).After(w.To) {
			break
		}
		w.now = w.now.Add(w.want.Adjust.Every)
		if err := w.server.Advance(w.want.Adjust.Every); err != nil {
			return err
		}
	}
	windows, err := w.windows(ctx, w.Surge, []string{queue, cmp.Or(lender, queue)})
	day.Surge, day.Lender = windows[queue], windows[lender]
	return err
}

// figures takes those of one moment, and counts what was written.
func (w *world) figures(ctx context.Context, day *Day, queue string) error {
	for _, r := range w.server.Requests() {
		if r.Method != http.MethodGet && r.Status < 300 && !strings.Contains(r.Path, "/analytics/") && !strings.HasSuffix(r.Path, "/search") && r.Operation != "" {
			day.Writes[r.Operation]++
		}
	}
	w.server.ClearRequests()
	states, err := w.client.QueueStates(ctx, []string{queue})
	if err != nil {
		return err
	}
	windows, err := w.windows(ctx, w.now.Add(-time.Hour), []string{queue})
	if err != nil {
		return err
	}
	level, defined := windows[queue].ServiceLevel()
	if !defined {
		level = math.NaN()
	}
	day.Times = append(day.Times, w.now)
	day.Waiting = append(day.Waiting, float64(states[queue].Waiting))
	day.Level = append(day.Level, level)
	return nil
}

func (w *world) windows(ctx context.Context, from time.Time, queues []string) (map[string]measure.Window, error) {
	rows, err := w.client.Aggregates(ctx, genesys.AggregatesQuery{From: from, To: w.now, QueueIDs: queues, GroupBy: []string{"queueId"}, Metrics: measure.WindowMetrics()})
	return measure.Windows(rows), err
}
