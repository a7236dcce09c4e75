package control_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/strategy"
)

// desk is one agent, who has two emails at once; mail of two addresses comes in.
const desk = `version: 1
start: 2026-03-02
timezone: UTC
days: 1
arrivals: [{ trace: mail.csv }]
rules: { support@help.example.com: {}, vip@help.example.com: {} }
agents:
  - { name: Ada Brook, skills: { Billing: 3 }, languages: { English: 3 }, shifts: { mon: 08:00-23:00 } }
`

// world is a sandbox at 9 o'clock, a strategy file and what adjusts it.
type world struct {
	*sandbox.Server
	t      testing.TB
	clock  time.Time
	want   routing.Desired
	store  *store.Store
	file   string // of the database
	ledger *ledger.Ledger
	client *genesys.Client
	before func(*http.Request) // is told of each request, before it is made
	*control.Control
}

// file is a strategy of the sandbox's support queue.
func file(more string) string {
	return `version: 1
name: support
queue: Support Email
serviceLevel: { percent: 80, within: 24h }
addresses: [{ address: support@help.example.com, rule: standard, from: Desk }]
rules: [{ name: standard, deadline: 2h }]
` + more
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func newWorld(t testing.TB, src string, mail ...string) *world {
	t.Helper()
	trace := "at,rule,handle\n"
	for _, m := range mail {
		f := strings.Fields(m)
		trace += fmt.Sprintf("2026-03-02 %s,%s@help.example.com,%s\n", f[0], f[1], f[2])
	}
	return living(t, src, desk, trace)
}

// living is a world with this traffic.
func living(t testing.TB, src, traffic, trace string) *world {
	t.Helper()
	sc, problems := scenario.Parse("traffic.yaml", []byte(traffic), func(string) ([]byte, error) { return []byte(trace), nil })
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: at("2026-03-02T09:00:00Z")}
	w.Server = sandbox.New(sandbox.Options{Traffic: sc, Now: sandbox.NewClock(w.clock).Now, RateLimit: -1, CheckAnswers: true})
	if err := w.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, m := range w.Misfits() {
			t.Errorf("against the contract: %s", m)
		}
	})
	w.file = filepath.Join(t.TempDir(), "x.db")
	w.store = storetest.Open(t, w.file)
	parsed, wrong := strategy.Parse("support.yaml", []byte(src))
	if wrong.Err() != nil {
		t.Fatal(wrong.Text())
	}
	w.want = parsed.Desired()
	w.start()
	return w
}

// start lets a new process adjust: it knows what the ledger tells.
func (w *world) start() {
	w.t.Helper()
	var err error
	if w.client, err = genesys.New(genesys.Config{ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret, Transport: w, PerMinute: 1_000_000, Retries: -1}); err != nil {
		w.t.Fatal(err)
	}
	org, err := w.client.Organization(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.ledger = ledger.New(w.store, org.ID)
	cfg := control.Config{Client: w.client, Store: w.store, Ledger: w.ledger, Now: func() time.Time { return w.now() }, Wait: quick, Patience: time.Millisecond}
	if w.Control, err = control.New(cfg, []routing.Desired{w.want}); err != nil {
		w.t.Fatal(err)
	}
}

var quick = apply.Wait{Every: time.Millisecond, Jitter: -1, Agree: 1, Replication: time.Millisecond}

// RoundTrip is http.RoundTripper.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.before != nil {
		w.before(r)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Transport().RoundTrip(r)
}

// writes lists the requests that changed something, since the list was cleared.
func (w *world) writes() (out []string) {
	for _, r := range w.Requests() {
		if isWrite(r.Method, r.Path) {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	return out
}

func isWrite(method, path string) bool {
	return method != http.MethodGet && strings.HasPrefix(path, "/api/") && !strings.HasSuffix(path, "/query") && !strings.HasSuffix(path, "/search")
}

// plan plans the strategy as foresort plan does.
func (w *world) plan() plan.Plan {
	w.t.Helper()
	org, err := w.client.ReadOrg(w.t.Context(), genesys.ScopeOf(w.want))
	if err != nil {
		w.t.Fatal(err)
	}
	made, problems := plan.Build(w.want, org, ledger.Memory(w.runs()))
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	return made.Seal()
}

// apply carries that plan out, as foresort apply does.
func (w *world) apply() {
	w.t.Helper()
	run, err := w.ledger.Start(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := apply.Run(w.t.Context(), apply.Options{Plan: w.plan(), Platform: apply.On(w.client), Journal: run, Run: run.ID, Wait: quick}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) runs() []apply.Record {
	w.t.Helper()
	runs, err := w.ledger.Runs(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return runs
}

func (w *world) decisions() []ledger.Decided {
	w.t.Helper()
	all, err := w.ledger.Decisions(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// leases are the overrides that the ledger tells of.
func (w *world) leases() []ledger.Lease { return ledger.Leases(w.runs(), w.decisions()) }

// waiting are the emails of the queue that wait, in the order of their coming.
func (w *world) waiting() []routing.WaitingEmail {
	w.t.Helper()
	id := w.queue().ID
	states, err := w.client.QueueStates(w.t.Context(), []string{id})
	if err != nil {
		w.t.Fatal(err)
	}
	return states[id].Emails
}

// priorities are those of the emails of an address that wait, each read on its own.
func (w *world) priorities(address string) (out []int) {
	w.t.Helper()
	for _, e := range w.waiting() {
		if strings.HasPrefix(e.To, address+"@") {
			raw, err := w.client.WaitingEmail(w.t.Context(), e.ConversationID, w.queue().ID)
			if err != nil {
				w.t.Fatal(err)
			}
			s, err := genesys.Decode[routing.EmailSettings](raw)
			if err != nil {
				w.t.Fatal(err)
			}
			out = append(out, *s.Priority)
		}
	}
	return out
}

// state is all of the organisation that an override can change, but for email.
func (w *world) state() map[string]any {
	w.t.Helper()
	out := map[string]any{}
	keep := func(name string, raw json.RawMessage, err error) { out[name] = w.decoded(name, raw, err) }
	q := w.queue()
	raw, err := w.client.Queue(w.t.Context(), q.ID)
	keep("queue", raw, err)
	for m, err := range w.client.Members(w.t.Context(), q.ID) {
		if err != nil {
			w.t.Fatal(err)
		}
		if !m.ByGroup {
			out["member "+m.Name] = fmt.Sprint(m.Ring, m.Joined)
			raw, err := w.client.UserUtilization(w.t.Context(), m.ID)
			keep("utilization of "+m.Name, raw, err)
		}
	}
	return out
}

// decoded is an object, but for what the platform counts and stamps by itself.
func (w *world) decoded(name string, raw json.RawMessage, err error) (v map[string]any) {
	w.t.Helper()
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		w.t.Fatal(name, err)
	}
	for _, f := range []string{"dateModified", "modifiedBy", "memberCount", "userMemberCount", "joinedMemberCount", "createdBy"} {
		delete(v, f)
	}
	return v
}

// now is the clock of the organisation.
func (w *world) now() time.Time { return w.clock }

func (w *world) passes(d time.Duration) {
	w.t.Helper()
	if err := w.Advance(d); err != nil {
		w.t.Fatal(err)
	}
	w.clock = w.clock.Add(d)
}

// ticks lets minutes pass, with a look after each, and tells what was done.
func (w *world) ticks(n int) (said []string) {
	w.t.Helper()
	for range n {
		w.passes(time.Minute)
		for _, l := range w.look() {
			if l.Err != nil {
				w.t.Fatal(l.Err)
			}
			for _, a := range l.Acts {
				text := fmt.Sprintf("%s %s %s", w.now().Format("15:04"), a.Rule, a.Reason)
				if a.Err != nil {
					text += ": " + a.Err.Error()
				}
				said = append(said, text)
			}
		}
	}
	return said
}

func (w *world) look() []control.Look {
	w.t.Helper()
	looks, err := w.Tick(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return looks
}

// said fails where something else was said.
func (w *world) said(got []string, want ...string) {
	w.t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		w.t.Fatalf("said (-want +got):\n%s", d)
	}
}

func (w *world) queue() routing.Queue { return w.queueNamed("Support Email") }

func (w *world) queueNamed(name string) routing.Queue {
	w.t.Helper()
	for raw, err := range w.client.Queues(w.t.Context(), name) {
		if err != nil {
			w.t.Fatal(err)
		}
		q, err := genesys.DecodeQueue(json.RawMessage(raw))
		if err != nil {
			w.t.Fatal(err)
		}
		if q.Name == name {
			return q
		}
	}
	w.t.Fatal("no queue")
	return routing.Queue{}
}

func many(n int, mail string) (out []string) {
	for range n {
		out = append(out, mail)
	}
	return out
}

// A surge comes: the group joins, stays for the lease, and leaves.
func TestAnOverrideOfAQueueBeginsAndIsPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(`adjust:
  mode: act
  rules: [{ name: surge, when: waiting() > 5, for: 2, do: [{ join: Back Office }, { tightenTarget: { by: 1h, floor: 1h } }], lease: 30m }]
`), many(40, "09:05 support 30m")...)
	before := w.queue()
	if said := w.ticks(5); len(said) > 0 {
		t.Fatalf("before the surge: %v", said)
	}
	if said := fmt.Sprint(w.ticks(3)); said != "[09:06 surge begins]" {
		t.Fatal(said)
	}
	during := w.queue()
	if g := during.Settings.Groups; g == nil || len(*g) != 1 || (*g)[0].Name != "Back Office" {
		t.Errorf("the group has not joined: %v", g)
	}
	if l := during.Settings.ServiceLevel; l.Within != routing.Duration(23*time.Hour) {
		t.Errorf("the target is %v", l)
	}
	if said := fmt.Sprint(w.ticks(35)); said != "[09:36 surge lease_ended]" {
		t.Fatal(said)
	}
	after := w.queue()
	if d := fmt.Sprint(after.Settings.ServiceLevel, after.Settings.Groups); d != fmt.Sprint(before.Settings.ServiceLevel, before.Settings.Groups) {
		t.Errorf("not put back: %s", d)
	}
	if said := fmt.Sprint(w.ticks(50)); said != "[]" {
		t.Errorf("it goes back and forth: %s", said)
	}
	if said := fmt.Sprint(w.ticks(20)); said != "[10:36 surge begins]" {
		t.Errorf("an hour later: %s", said)
	}
}

// With mode off what holds is put back, and then nothing is read.
func TestModeOffPutsBackAndLooksAtNothing(t *testing.T) {
	t.Parallel()
	rules := `
  rules: [{ name: surge, when: waiting() > 5, for: 1, do: [{ join: Back Office }], lease: 30m }]
`
	w := newWorld(t, file("adjust:\n  mode: act"+rules), many(40, "09:00 support 30m")...)
	if said := fmt.Sprint(w.ticks(1)); said != "[09:01 surge begins]" {
		t.Fatal(said)
	}
	parsed, _ := strategy.Parse("support.yaml", []byte(file("adjust:\n  mode: off"+rules)))
	var err error
	if w.Control, err = control.New(w.Config, []routing.Desired{parsed.Desired()}); err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprint(w.ticks(1)); said != "[09:02 surge rule_gone]" {
		t.Fatal(said)
	}
	if g := w.queue().Settings.Groups; g != nil && len(*g) > 0 {
		t.Errorf("the group is still there: %v", *g)
	}
	w.ClearRequests()
	if said := w.ticks(3); len(said) > 0 || len(w.Requests()) > 0 {
		t.Errorf("%v, %v", said, w.Requests())
	}
}

// The service level of a rule goes by its own deadline, from conversations.
func TestTheServiceLevelOfARule(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(`adjust:
  mode: recommend
  rules: [{ name: late, when: 'serviceLevel("4h", "standard") < 60', samples: 3, for: 1, do: [{ join: Back Office }], lease: 30m }]
`), "09:05 support 150m", "09:06 support 150m", "09:07 support 30m", "09:08 support 30m")
	if said := fmt.Sprint(w.ticks(119)); said != "[]" {
		t.Fatal(said) // two were answered in time, and nothing is late yet
	}
	said := fmt.Sprint(w.ticks(15)) // two wait for more than two hours
	if !strings.Contains(said, "late begins") {
		t.Fatal(said)
	}
}
