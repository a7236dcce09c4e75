package apply_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

const hour = routing.Duration(time.Hour)

// tb is what the world needs of a test, be it rapid's or Go's.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(f func())
}

// world is a sandbox, a client of it and a journal of it.
type world struct {
	tb
	ctx     context.Context
	server  *sandbox.Server
	client  *genesys.Client
	journal *book
	options apply.Options // what apply gets on top of plan, platform and journal
	crash   func(calls int, verb string, after bool)
	calls   int
}

// inWorld runs a test in a bubble where time costs nothing.
func inWorld(t *testing.T, o sandbox.Options, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t.Context(), t, o)) })
}

func newWorld(ctx context.Context, t tb, o sandbox.Options) *world {
	t.Helper()
	if o.RateLimit == 0 {
		o.RateLimit = -1
	}
	o.CheckAnswers = true
	server := sandbox.New(o)
	t.Cleanup(func() {
		for _, m := range server.Misfits() {
			t.Errorf("against the contract: %s", m)
		}
	})
	client, err := genesys.New(genesys.Config{ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret, Transport: server.Transport(), PerMinute: 1_000_000})
	if err != nil {
		t.Fatalf("client: %v", err)
	}
	return &world{tb: t, ctx: ctx, server: server, client: client, journal: &book{entries: map[string][][]byte{}}}
}

// book is a journal that outlives the runs of a test: entries as JSON, by run.
type book struct {
	runs    []string
	entries map[string][][]byte
}

// page is the journal of one run.
type page struct {
	*book
	run string
}

func (b *book) start() page {
	p := page{b, fmt.Sprintf("run-%03d", len(b.runs)+1)}
	b.runs = append(b.runs, p.run)
	return p
}

func (p page) Append(e apply.Entry) error {
	line, err := json.Marshal(e)
	p.entries[p.run] = append(p.entries[p.run], line)
	return err
}

// all reads the runs, oldest first; one that ended before its first entry did
// nothing.
func (b *book) all() ([]apply.Record, error) {
	var out []apply.Record
	for _, id := range b.runs {
		var entries []apply.Entry
		for _, line := range b.entries[id] {
			var e apply.Entry
			if err := json.Unmarshal(line, &e); err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
		if len(entries) == 0 {
			continue
		}
		rec, err := apply.Replay(id, entries)
		if err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	return out, nil
}

func (w *world) org(want routing.Desired) routing.Org {
	w.Helper()
	org, err := w.client.ReadOrg(w.ctx, genesys.ScopeOf(want))
	if err != nil {
		w.Fatalf("read the org: %v", err)
	}
	return org
}

func (w *world) plan(want routing.Desired) plan.Plan {
	w.Helper()
	p, problems := plan.Build(want, w.org(want), plan.Memory{})
	if err := problems.Err(); err != nil {
		w.Fatalf("plan: %v", err)
	}
	return p.Seal()
}

// begin is what apply gets for a run.
func (w *world) begin(run page) apply.Options {
	o := w.options
	o.Platform, o.Journal, o.Run = &crashing{apply.On(w.client), w}, run, run.run
	return o
}

func (w *world) apply(p plan.Plan) (apply.Report, error) {
	w.Helper()
	o := w.begin(w.journal.start())
	o.Plan = p
	return apply.Run(w.ctx, o)
}

func (w *world) runs() []apply.Record {
	w.Helper()
	runs, err := w.journal.all()
	if err != nil {
		w.Fatalf("%v", err)
	}
	return runs
}

func (w *world) last() apply.Record {
	w.Helper()
	runs := w.runs()
	if len(runs) == 0 {
		w.Fatalf("no runs")
	}
	return runs[len(runs)-1]
}

func (w *world) resume() (apply.Report, error) {
	w.Helper()
	rec := w.last()
	return apply.Resume(w.ctx, w.begin(page{w.journal, rec.ID}), rec)
}

func (w *world) rollback(rec apply.Record) (apply.Report, error) {
	w.Helper()
	return apply.Rollback(w.ctx, w.begin(w.journal.start()), rec)
}

// mustApply applies, and demands that the next plan is empty.
func (w *world) mustApply(want routing.Desired) apply.Report {
	w.Helper()
	report, err := w.apply(w.plan(want))
	if err != nil {
		w.Fatalf("apply: %v", err)
	}
	w.reached(want)
	return report
}

func (w *world) reached(want routing.Desired) {
	w.Helper()
	if again := w.plan(want); len(again.Changes) > 0 {
		w.Fatalf("the goal is not reached; left is %s: %+v", again.Changes[0].Headline(), again.Changes[0].Fields)
	}
}

// writes are the requests that may have changed something.
func (w *world) writes() []string {
	var out []string
	for _, r := range w.server.Requests() {
		if r.Method != "GET" && !strings.Contains(r.Path, "/oauth/") && !strings.HasSuffix(r.Path, "/search") {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	return out
}

func (w *world) fault(rule string) {
	w.Helper()
	f, err := sandbox.ParseFault(rule)
	if err != nil {
		w.Fatalf("%v", err)
	}
	w.server.AddFault(f)
}

func (w *world) edit(name string, edit func(q map[string]any)) {
	w.Helper()
	if err := w.server.EditQueue("Morgan Reyes", name, edit); err != nil {
		w.Fatalf("%v", err)
	}
}

// raw is the queue as the platform shows it, without what it counts and stamps.
func (w *world) raw(name string) map[string]any {
	w.Helper()
	for raw, err := range w.client.Queues(w.ctx, name) {
		var q map[string]any
		if err != nil || json.Unmarshal(raw, &q) != nil {
			w.Fatalf("queue %s: %v", name, err)
		}
		if q["name"] == name {
			for _, k := range []string{"dateModified", "modifiedBy", "memberCount", "userMemberCount", "joinedMemberCount"} {
				delete(q, k)
			}
			return q
		}
	}
	return nil
}

// everything is all that a strategy can touch, to compare before and after.
func (w *world) everything() map[string]any {
	w.Helper()
	org, err := w.client.ReadOrg(w.ctx, genesys.Scope{Everything: true, Members: true, Capacity: true})
	if err != nil {
		w.Fatalf("read everything: %v", err)
	}
	out := map[string]any{}
	for _, q := range org.Queues {
		out["queue "+q.Name] = w.raw(q.Name)
		members := map[string]int{}
		for _, m := range q.Members {
			members[m.Name] = m.Ring
		}
		out["members "+q.Name] = members
	}
	for _, r := range org.Routes {
		r.Status, r.ID = "", ""
		b, err := json.Marshal(r)
		if err != nil {
			w.Fatalf("%v", err)
		}
		out["route "+r.Address.String()] = string(b)
	}
	for id, u := range org.Utilization {
		out["utilization "+id] = fmt.Sprint(*u.Settings.Email, u.Own)
	}
	return out
}

// errKilled is what a crash panics with.
var errKilled = errors.New("killed")

// crashing calls world.crash before and after each call, which may panic: the
// process is gone, the platform stays.
type crashing struct {
	apply.Platform
	w *world
}

func (c *crashing) at(verb string, after bool) {
	if !after {
		c.w.calls++
	}
	if c.w.crash != nil {
		c.w.crash(c.w.calls, verb, after)
	}
}

func (c *crashing) Read(ctx context.Context, o apply.Object) (json.RawMessage, error) {
	c.at("read", false)
	return c.Platform.Read(ctx, o)
}

func (c *crashing) Create(ctx context.Context, o apply.Object, b json.RawMessage) (json.RawMessage, error) {
	c.at("create", false)
	defer c.at("create", true)
	return c.Platform.Create(ctx, o, b)
}

func (c *crashing) Write(ctx context.Context, o apply.Object, b json.RawMessage) error {
	c.at("write", false)
	defer c.at("write", true)
	return c.Platform.Write(ctx, o, b)
}

func (c *crashing) Delete(ctx context.Context, o apply.Object) error {
	c.at("delete", false)
	defer c.at("delete", true)
	return c.Platform.Delete(ctx, o)
}

func (c *crashing) SetMembers(ctx context.Context, q string, v plan.Verb, a []string, ring int) error {
	c.at("members", false)
	defer c.at("members", true)
	return c.Platform.SetMembers(ctx, q, v, a, ring)
}

// dies runs f and says whether a crash ended it.
func dies(f func()) (died bool) {
	defer func() {
		if p := recover(); p != nil {
			if err, _ := p.(error); !errors.Is(err, errKilled) {
				panic(p)
			}
			died = true
		}
	}()
	f()
	return false
}

// strategy asks for a bit of everything: settings, rings, members, capacity,
// a route that is there and one that is not.
func strategy() routing.Desired {
	return routing.Desired{
		Strategy: "support",
		Queue: routing.DesiredQueue{Name: "Support Email", Settings: routing.QueueSettings{
			ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: 4 * hour},
			WrapUp:       &routing.WrapUp{Mode: routing.WrapUpMandatoryTimeout, Timeout: new(routing.Duration(5 * time.Minute))},
			Agents:       new(routing.BestSkill),
			Rings: &routing.Rings{
				{Wait: new(2 * hour), Drop: []routing.Ref{{Name: "Billing"}}},
				{Wait: new(6 * hour)},
				{Groups: []routing.Group{{Ref: routing.Ref{Name: "Back Office"}}}},
			},
		}},
		Members:  &[]string{"Ada Brook", "Noor Haddad", "Elif Demir"},
		Capacity: &routing.UtilizationSettings{Email: new(3)},
		Routes: []routing.DesiredRoute{
			{Address: routing.Address{Local: "vip", Domain: "help.example.com"}, Settings: routing.RouteSettings{
				From: new("VIP desk"), Priority: new(240), Skills: &[]routing.Ref{{Name: "Billing"}}, Language: &routing.Ref{Name: "English"},
			}},
			{Address: routing.Address{Local: "support", Domain: "help.example.com"}, Settings: routing.RouteSettings{Priority: new(10)}},
		},
	}
}

// small changes one field of one queue.
func small() routing.Desired {
	return routing.Desired{Strategy: "support", Queue: routing.DesiredQueue{Name: "Support Email", Settings: routing.QueueSettings{
		ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: 4 * hour},
	}}}
}

func fresh() routing.Desired {
	want := strategy()
	want.Queue.Name, want.Queue.Create = "Fresh Email", true
	want.Routes = want.Routes[:1]
	return want
}

func outcomes(results []apply.Result) []apply.Outcome {
	out := make([]apply.Outcome, len(results))
	for i, r := range results {
		out[i] = r.Outcome
	}
	return slices.Compact(out)
}
