//go:build linux || darwin

package control_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// The environment of a process that the test below kills: its database, the
// sandbox, and at which moment it ends itself; "" ends it from outside.
const (
	killedDatabase = "FORESORT_TEST_CONTROL_DATABASE"
	killedSandbox  = "FORESORT_TEST_CONTROL_SANDBOX"
	killedAt       = "FORESORT_TEST_CONTROL_AT"
)

// The moments that are named: before a read, before a write, after a write was
// answered, and after a look.
var moments = []string{"read", "write", "written", "looked"}

// waves come every other hour, more than the agent can take.
const waves = `version: 1
start: 2026-03-02
timezone: UTC
days: 300
arrivals:
  - { mix: { support@help.example.com: 70, vip@help.example.com: 30 }, rates: { mon-sun: { "00:00-01:00": 60, "02:00-03:00": 60, "04:00-05:00": 60, "06:00-07:00": 60, "08:00-09:00": 60, "10:00-11:00": 60, "12:00-13:00": 60, "14:00-15:00": 60, "16:00-17:00": 60, "18:00-19:00": 60, "20:00-21:00": 60, "22:00-23:00": 60 } } }
handle: { mean: 3m }
rules: { support@help.example.com: {}, vip@help.example.com: {} }
agents:
  - { name: Ada Brook, skills: { Billing: 3 }, languages: { English: 3 } }
`

// killedRules move all that there is to move. The limits are 3 an hour and 5m
// apart.
func killedRules(when string) string {
	return two(plainRules + `adjust:
  mode: act
  limits: { changesPerHour: 3, cooldown: 5m, reversals: 2 }
  rules:
    - { name: surge, when: waiting() > ` + when + `, for: 2, until: waiting() < 2, do: [{ tightenTarget: { by: 1h } }, { leaveAgents: [Noor Haddad] }, { joinAgents: [Mateo Silva] }], lease: 20m }
    - { name: vip, when: waiting("vip") > ` + when + `, for: 1, do: [{ raisePriority: { rule: vip, by: 30 } }], lease: 10m }
    - { name: over, when: waiting() > ` + when + `, for: 1, do: [{ overflow: { to: Returns, rule: standard, olderThan: 5m, atMost: 1 } }], lease: 10m }
`)
}

// TestGuardRailsHoldWhereProcessesAreKilled kills the process that adjusts again
// and again, at moments that are named and at random; FORESORT_CONTROL_KILLS makes
// it long: `make control-kills`.
func TestGuardRailsHoldWhereProcessesAreKilled(t *testing.T) {
	t.Parallel()
	if database := os.Getenv(killedDatabase); database != "" {
		victim(t, database)
		return
	}
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("FORESORT_CONTROL_KILLS")); err == nil {
		kills = n
	}
	w := living(t, killedRules("4"), waves, "")
	w.apply()
	before := w.state()
	w.ClearRequests()
	base, err := w.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	chance := rand.New(rand.NewPCG(3, uint64(kills)))
	applied, writes, cut := len(w.runs()), 0, 0
	for kill := range kills {
		at := ""
		if chance.IntN(4) > 0 {
			at = fmt.Sprint(moments[chance.IntN(len(moments))], " ", 1+chance.IntN(12))
		}
		runVictim(t, w.file, base, at, time.Duration(chance.IntN(200))*time.Millisecond)
		writes += w.successes()
		if runs := w.runs(); runs[len(runs)-1].End == nil {
			cut++
		}
		if err := guarded(w, applied, writes); err != nil {
			t.Fatalf("after kill %d (%q): %v", kill+1, at, err)
		}
	}
	// The last process finds nothing to begin, and goes on until all leases are over.
	parsed, problems := strategy.Parse("support.yaml", []byte(killedRules("100000")))
	if problems.Err() != nil {
		t.Fatal(problems.Text())
	}
	w.want, w.clock = parsed.Desired(), clockOf(t, base)
	w.start()
	w.ticks(45)
	for _, l := range w.leases() {
		if l.Ended.IsZero() {
			t.Errorf("it holds: %+v", l.Lease)
		}
	}
	if d := cmp.Diff(before, w.state()); d != "" {
		t.Errorf("not as before (-before +after):\n%s", d)
	}
	if got := w.priorities("vip"); slices.ContainsFunc(got, func(p int) bool { return p != 0 }) {
		t.Errorf("the priorities are %v", got)
	}
	moved := movedOnce(t, w)
	if v, err := w.ledger.Verify(t.Context()); err != nil || !v.OK() {
		t.Errorf("%+v, %v", v, err)
	}
	leases := w.leases()
	if len(leases) < kills/20 {
		t.Errorf("only %d overrides began", len(leases))
	}
	if moved < kills/20 {
		t.Errorf("only %d emails moved", moved)
	}
	if cut < kills/10 {
		t.Errorf("only %d kills were in the middle of something", cut)
	}
	t.Logf("%d kills, %d of them in the middle of a run: %d overrides began in %s of the organisation's time, %d writes, %d emails moved", kills, cut, len(leases), w.now().Sub(at("2026-03-02T09:00:00Z")).Round(time.Hour), writes, moved)
}

// movedOnce holds each email that was moved to having moved once, to a queue that
// nobody serves, and to having kept its minutes.
func movedOnce(t *testing.T, w *world) int {
	t.Helper()
	moves := map[string]plan.Transfer{}
	for _, r := range w.runs() {
		for _, d := range r.Done() {
			if d.Change.Transfer != nil {
				if _, before := moves[d.Object.ID]; before {
					t.Errorf("email %s was moved twice", d.Object.ID)
				}
				moves[d.Object.ID] = *d.Change.Transfer
			}
		}
	}
	for id, m := range moves {
		e := w.email(id)
		if e.QueueID != m.To.ID || !e.Waiting || len(e.Earlier) != 1 || e.Priority != m.Raised(e.Entered) {
			t.Errorf("email %s: in %v before, with priority %d, want %d", id, e.Earlier, e.Priority, m.Raised(e.Entered))
		}
	}
	states, err := w.client.QueueStates(t.Context(), []string{w.queueNamed("Returns").ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Waiting != len(moves) {
			t.Errorf("%d emails wait, and the ledger tells of %d", s.Waiting, len(moves))
		}
	}
	return len(moves)
}

// successes are the writes that the sandbox carried out since it was asked last.
func (w *world) successes() (n int) {
	for _, r := range w.Requests() {
		if isWrite(r.Method, r.Path) && r.Status < 300 {
			n++
		}
	}
	w.ClearRequests()
	return n
}

// guarded says what of the guard rails the ledger shows broken.
func guarded(w *world, applied, writes int) error {
	leases := w.leases()
	open := map[string]int{}
	for i, l := range leases {
		if len(l.Open) > 0 {
			open[l.Rule]++
		}
		within := 0
		for _, x := range leases[:i+1] {
			if l.Began.Sub(x.Began) < time.Hour {
				within++
			}
		}
		switch {
		case within > 3:
			return fmt.Errorf("%d overrides began within an hour", within)
		case open[l.Rule] > 1:
			return fmt.Errorf("two overrides of rule %s hold", l.Rule)
		case i > 0 && l.Began.Sub(leases[i-1].Began) < 5*time.Minute:
			return fmt.Errorf("%s began %s after the one before", l.Rule, l.Began.Sub(leases[i-1].Began))
		}
	}
	intents := 0
	for _, r := range w.runs()[applied:] {
		for _, p := range r.Phases {
			for _, in := range p.Intents {
				intents++
				if in.Members != nil && len(in.Members.Inactive) > 0 {
					intents++ // joins, and is deactivated
				}
				if slices.ContainsFunc(p.Plan.Changes, func(c plan.Change) bool { return c.ID == in.Change && c.Transfer != nil }) {
					intents++ // is moved, and its priority raised
				}
			}
		}
	}
	if writes > intents {
		return fmt.Errorf("%d writes for %d that the ledger tells of: one was made twice", writes, intents)
	}
	return nil
}

// runVictim adjusts in a process of its own until it is killed.
func runVictim(t *testing.T, database, sandbox, at string, after time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestGuardRailsHoldWhereProcessesAreKilled$")
	cmd.Env = append(os.Environ(), killedDatabase+"="+database, killedSandbox+"="+sandbox, killedAt+"="+at)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := after + 100*time.Millisecond // it takes a while to start
	if at != "" {
		limit = 2 * time.Second
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", err, out.String())
	}
}

// mortal ends the process at a moment.
type mortal struct {
	moment string
	left   int
}

func newMortal(at string) *mortal {
	moment, nth, _ := strings.Cut(at, " ")
	n, _ := strconv.Atoi(nth)
	return &mortal{moment, n}
}

func (m *mortal) pass(moment string) {
	if moment != m.moment {
		return
	}
	if m.left--; m.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// RoundTrip is http.RoundTripper.
func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	write := isWrite(r.Method, r.URL.Path)
	if write {
		m.pass("write")
	} else {
		m.pass("read")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if write {
		m.pass("written")
	}
	return resp, err
}

// victim adjusts, a minute of the organisation after the other, until it is killed.
func victim(t *testing.T, database string) {
	m, base := newMortal(os.Getenv(killedAt)), os.Getenv(killedSandbox)
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	client, err := genesys.New(genesys.Config{Gateway: base, ClientID: "sandbox-client", ClientSecret: "sandbox-secret", Transport: m, PerMinute: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	org, err := client.Organization(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parsed, problems := strategy.Parse("support.yaml", []byte(killedRules("4")))
	if problems.Err() != nil {
		t.Fatal(problems.Text())
	}
	now := clockOf(t, base)
	c, err := control.New(control.Config{
		Client: client, Store: s, Ledger: ledger.New(s, org.ID), Wait: quick, Patience: time.Second, Dir: filepath.Dir(database),
		Now: func() time.Time { return now },
	}, []routing.Desired{parsed.Desired()})
	if err != nil {
		t.Fatal(err)
	}
	for {
		resp, err := http.Post(base+"/sandbox/advance", "application/json", strings.NewReader(`{"by":"1m"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		now = clockOf(t, base)
		looks, err := c.Tick(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range looks {
			if l.Err != nil {
				t.Fatal(l.Err)
			}
			for _, a := range l.Acts {
				if a.Err != nil {
					t.Fatal(a.Err)
				}
			}
		}
		m.pass("looked")
	}
}

func clockOf(t *testing.T, base string) time.Time {
	t.Helper()
	resp, err := http.Get(base + "/sandbox/advance")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Now time.Time }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Now
}
