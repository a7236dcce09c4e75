package control_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// This file holds overrides to what people, faults and crashes do meanwhile.

const surge = `adjust:
  mode: act
  rules: [{ name: surge, when: waiting() > 5, for: 1, do: [{ tightenTarget: { by: 1h } }, { leaveAgents: [Noor Haddad] }, { joinAgents: [Mateo Silva] }], lease: 30m }]
`

// edit lets somebody give the queue another target.
func (w *world) edit(minutes int) {
	w.t.Helper()
	err := w.EditQueue("Sam Whitaker", "Support Email", func(q map[string]any) {
		level := q["mediaSettings"].(map[string]any)["email"].(map[string]any)["serviceLevel"].(map[string]any)
		level["durationMs"] = minutes * 60_000
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestWhatSomebodyChangesDuringALeaseIsTheirs(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]string{"one of two fields": "tightenTarget: { by: 1h } }, { join: Back Office", "the only field": "tightenTarget: { by: 1h }"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, file(`adjust:
  mode: act
  rules: [{ name: surge, when: waiting() > 5, for: 1, do: [{ `+do+` }], lease: 30m }]
`), many(20, "09:01 support 5h")...)
			w.apply()
			before := w.state()
			w.said(w.ticks(1), "09:01 surge begins")
			w.edit(90)
			theirs := w.queue().Settings.ServiceLevel
			w.said(w.ticks(29))
			w.ClearRequests()
			w.said(w.ticks(1), "09:31 surge lease_ended")
			if n := len(w.writes()); n > 1 {
				t.Errorf("%d writes", n)
			}
			last := w.decisions()[1]
			if !strings.Contains(last.Words, "serviceLevel") || !strings.Contains(last.Words, "somebody has changed") {
				t.Errorf("the words are %q", last.Words)
			}
			w.ClearRequests()
			w.said(w.ticks(90))
			if l := w.leases()[0]; l.Ended.IsZero() || len(w.writes()) > 0 {
				t.Errorf("it is tried again: %+v, %v", l.Lease, w.writes())
			}
			if got := w.queue().Settings.ServiceLevel; *got != *theirs {
				t.Errorf("theirs was overwritten: %v", got)
			}
			w.edit(24 * 60)
			if d := cmp.Diff(before, w.state()); d != "" {
				t.Errorf("the rest is not as before (-before +after):\n%s", d)
			}
		})
	}
}

func TestARecommendationIsRecordedOnceAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(strings.Replace(surge, "act", "recommend", 1)), many(20, "09:01 support 5h")...)
	w.apply()
	w.ClearRequests()
	w.said(w.ticks(80), "09:01 surge begins", "09:31 surge lease_ended")
	if got := w.writes(); len(got) > 0 {
		t.Errorf("it wrote %v", got)
	}
	all := w.decisions()
	if len(all) != 2 || all[0].Recommended == nil || len(all[0].Recommended.Do) != 3 || all[0].Figures["waiting()"] != "18" || len(w.runs()) != 1 {
		t.Errorf("the ledger has %+v", all)
	}
}

func TestUntilEndsAnOverrideEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(`adjust:
  mode: act
  rules: [{ name: surge, when: waiting() > 5, for: 1, until: waiting() < 3, do: [{ join: Order Desk }], lease: 4h }]
`), many(10, "09:01 support 4m")...)
	w.apply()
	before := w.state()
	w.said(w.ticks(40), "09:01 surge begins", "09:13 surge until_reached")
	if d := cmp.Diff(before, w.state()); d != "" {
		t.Errorf("not as before (-before +after):\n%s", d)
	}
}

// The override would set what is there: somebody has done it.
func TestWhatChangesNothingIsSaidOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(`adjust:
  mode: act
  rules: [{ name: surge, when: waiting() > 5, for: 1, do: [{ leaveAgents: [Mateo Silva] }], lease: 4h }]
`), many(10, "09:01 support 4h")...)
	w.apply()
	w.ClearRequests()
	w.ticks(30)
	if all := w.decisions(); len(w.writes()) > 0 || len(all) != 1 || all[0].Reason != autopilot.NoChange || len(w.leases()) > 0 {
		t.Errorf("%v, %+v", w.writes(), all)
	}
}

func (w *world) stop(stopped bool) {
	w.t.Helper()
	if err := w.ledger.SwitchTo(w.t.Context(), ledger.Switch{Stopped: stopped}); err != nil {
		w.t.Fatal(err)
	}
}

func TestTheSwitchStopsEverything(t *testing.T) {
	t.Parallel()
	raise := two(plainRules + `adjust:
  mode: act
  rules: [{ name: vip, when: waiting("vip") > 2, for: 1, do: [{ raisePriority: { rule: vip, by: 30 } }], lease: 20m }]
`)
	t.Run("before it begins", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, file(surge), many(20, "09:01 support 5h")...)
		w.apply()
		w.ClearRequests()
		w.stop(true)
		w.said(w.ticks(10))
		if n := w.writes(); len(n) > 0 {
			t.Errorf("it wrote %v", n)
		}
		w.stop(false)
		w.said(w.ticks(1), "09:11 surge begins")
	})
	t.Run("before it ends", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, file(surge), many(20, "09:01 support 5h")...)
		w.apply()
		before := w.state()
		w.said(w.ticks(1), "09:01 surge begins")
		w.ClearRequests()
		w.stop(true)
		w.said(w.ticks(40))
		if n := w.writes(); len(n) > 0 {
			t.Errorf("it wrote %v", n)
		}
		w.restoreAll(before)
		w.said(w.ticks(10))
		w.stop(false)
		w.said(w.ticks(10))
	})
	for _, nth := range []int{1, 2, 25} {
		t.Run(fmt.Sprint("at change ", nth, " of 50"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, raise, append(many(2, "09:01 support 9h"), many(50, "09:02 vip 9h")...)...)
			w.apply()
			w.said(w.ticks(1))
			w.passes(time.Minute)
			w.ClearRequests()
			seen := 0
			w.before = func(r *http.Request) {
				if r.Method == http.MethodPatch {
					if seen++; seen == nth {
						w.stop(true)
					}
				}
			}
			acts := w.look()[0].Acts
			w.before = nil
			if n := len(w.writes()); n != nth { // the one that was under way
				t.Errorf("%d writes, stopped at %d", n, nth)
			}
			if len(acts) != 1 || acts[0].Err == nil || !strings.Contains(acts[0].Err.Error(), "--stop") {
				t.Errorf("%+v", acts)
			}
			w.ClearRequests()
			w.said(w.ticks(5))
			if n := w.writes(); len(n) > 0 {
				t.Errorf("stopped, and it wrote %v", n)
			}
			if nth == 2 {
				w.restoreAll(w.state())
			}
			w.stop(false)
			w.ticks(1)
			want := 30 // it goes on
			if nth == 2 {
				want = 0 // it was put back, and does not begin again so soon
			}
			if got := w.priorities("vip"); len(got) != 50 || slices.ContainsFunc(got, func(p int) bool { return p != want }) {
				t.Errorf("the priorities are %v, want %d", got, want)
			}
			w.ticks(30)
			if got := w.priorities("vip"); slices.Contains(got, 30) {
				t.Errorf("the priorities are %v after the lease", got)
			}
		})
	}
}

// restoreAll puts everything back, and then nothing is left to put back.
func (w *world) restoreAll(before map[string]any) {
	w.t.Helper()
	for _, want := range []int{1, 0} {
		acts, err := w.RestoreAll(w.t.Context())
		if err != nil || len(acts) != want || want == 1 && acts[0].Err != nil {
			w.t.Fatalf("%+v, %v", acts, err)
		}
	}
	if d := cmp.Diff(before, w.state()); d != "" {
		w.t.Errorf("not as before (-before +after):\n%s", d)
	}
	for _, l := range w.leases() {
		if l.Ended.IsZero() {
			w.t.Errorf("it holds: %+v", l.Lease)
		}
	}
}

// full lets the ledger take n more entries and no more; below 0: any again.
func (w *world) full(n int) {
	w.t.Helper()
	head, err := w.ledger.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.store.WithTx(w.t.Context(), func(ctx context.Context, tx store.Tx) error {
		text := "DROP TRIGGER full"
		if n >= 0 {
			text = fmt.Sprintf("CREATE TRIGGER full BEFORE INSERT ON ledger WHEN NEW.seq > %d BEGIN SELECT RAISE(ABORT, 'the disk is full'); END", head+int64(n))
		}
		_, err := tx.ExecContext(ctx, text)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Whichever entry is the last that can be written: the next process finishes what
// was begun, or puts it back, and after the lease all is as before.
func TestAnOverrideThatWasCutOffIsFinishedOrPutBack(t *testing.T) {
	t.Parallel()
	for phase, minute := range map[string]int{"while it begins": 1, "while it ends": 31} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			for n, cut := 0, true; cut; n++ {
				w := newWorld(t, file(surge), many(20, "09:01 support 5h")...)
				w.apply()
				before := w.state()
				w.ticks(minute - 1)
				w.passes(time.Minute)
				w.full(n)
				looks, err := w.Tick(t.Context())
				cut = err != nil || slices.ContainsFunc(looks[0].Acts, func(a control.Act) bool { return a.Err != nil })
				w.full(-1)
				w.start()
				said := w.ticks(1)
				for _, r := range w.runs() {
					if r.End == nil && len(r.Done()) > 0 {
						t.Errorf("after %d entries: run %s is still open after the next look: %v", n, r.ID, said)
					}
				}
				w.ticks(55)
				if d := cmp.Diff(before, w.state()); d != "" {
					t.Errorf("after %d entries: not as before", n)
				}
				begun := map[time.Time]bool{}
				for _, l := range w.leases() {
					begun[l.Began] = true
					if l.Ended.IsZero() {
						t.Errorf("after %d entries: it holds: %+v", n, l.Lease)
					}
				}
				if len(begun) > 2 || n > 30 {
					t.Fatalf("after %d entries: it began %d times", n, len(begun))
				}
			}
		})
	}
}

func TestTheAutopilotWaitsForAnApplyThatWasCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file("agents: best-skill\nalert: 3m\n"+surge), many(20, "09:01 support 5h")...)
	w.full(2) // the plan and the intent
	run, err := w.ledger.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apply.Run(t.Context(), apply.Options{Plan: w.plan(), Platform: apply.On(w.client), Journal: run, Run: run.ID, Wait: quick}); err == nil {
		t.Fatal("it was not cut off")
	}
	w.full(-1)
	w.ClearRequests()
	for range 3 {
		w.passes(time.Minute)
		acts := w.look()[0].Acts
		if len(acts) != 1 || !strings.Contains(acts[0].Words, "until run "+run.ID+" of strategy support is finished") || acts[0].Err == nil || len(w.writes()) > 0 {
			t.Fatalf("%+v, %v", acts, w.writes())
		}
	}
	if _, err := apply.Resume(t.Context(), apply.Options{Platform: apply.On(w.client), Journal: w.ledger.Continue(run.ID), Wait: quick}, w.runs()[0]); err != nil {
		t.Fatal(err)
	}
	w.said(w.ticks(1), "09:04 surge begins")
}

func TestNothingIsDoneWhileAnotherAppliesToTheOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(surge), many(20, "09:01 support 5h")...)
	w.apply()
	w.ClearRequests()
	release, err := w.store.Lock(t.Context(), "apply "+w.ledger.Org())
	if err != nil {
		t.Fatal(err)
	}
	w.passes(time.Minute)
	acts := w.look()[0].Acts
	if len(acts) != 1 || acts[0].Words != "nothing is done at this look" || acts[0].Err == nil || !strings.Contains(acts[0].Err.Error(), "process") || len(w.writes()) > 0 {
		t.Errorf("%+v, %v", acts, w.writes())
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	w.said(w.ticks(1), "09:02 surge begins")
}

func fault(t *testing.T, rule string) sandbox.Fault {
	t.Helper()
	f, err := sandbox.ParseFault(rule)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Whatever cannot be known, a condition that is true of nothing does not fire.
func TestNothingIsWrittenOnWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		when   string
		mail   []string
		spoil  func(t *testing.T, w *world)
		reason autopilot.Reason
	}{
		"aggregates are late":        {when: `offered("1h") < 10`, spoil: func(_ *testing.T, w *world) { w.LagMetrics(30 * time.Minute) }},
		"aggregates are missing":     {when: `offered("1h") < 10`, spoil: func(_ *testing.T, w *world) { w.HideMetrics(w.at("08:00:00"), w.at("12:00:00")) }},
		"service level of nothing":   {when: `!(serviceLevel("1h") >= 85)`, reason: autopilot.Thin},
		"service level of a few":     {when: `serviceLevel("1h") < 101`, mail: many(6, "09:01 support 1m"), reason: autopilot.Thin},
		"aggregates fail":            {when: `!(offered("1h") >= 1000)`, spoil: func(t *testing.T, w *world) { w.AddFault(fault(t, "POST */aggregates/query -> 503")) }},
		"observations fail":          {when: `waiting() < 1000`, spoil: func(t *testing.T, w *world) { w.AddFault(fault(t, "POST */observations/query -> 503")) }, reason: autopilot.Stale},
		"too many requests":          {when: `waiting() < 1000`, spoil: func(t *testing.T, w *world) { w.AddFault(fault(t, "* -> 429 retry 1")) }, reason: autopilot.Stale},
		"the queue cannot be read":   {when: `waiting() < 1000`, spoil: func(t *testing.T, w *world) { w.AddFault(fault(t, "GET */routing/queues* -> 500")) }, reason: autopilot.Stale},
		"a part of the list is told": {when: `oldest() > duration("0s")`, mail: many(1200, "09:01 support 5h")},
		"late, of a part":            {when: `late() < 1000`, mail: many(1200, "09:01 support 5h")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mail := tt.mail
			if mail == nil {
				mail = many(20, "09:01 support 5h")
			}
			w := newWorld(t, file(`adjust:
  mode: act
  rules: [{ name: surge, when: '`+tt.when+`', for: 1, do: [{ join: Back Office }], lease: 30m }]
`), mail...)
			w.apply()
			w.passes(10 * time.Minute) // without a look
			if tt.spoil != nil {
				tt.spoil(t, w)
			}
			w.ClearRequests()
			for range 5 {
				w.passes(time.Minute)
				l := w.look()[0]
				if want := tt.reason; l.Rules[0].Reason != want && (want != "" || l.Rules[0].Reason != autopilot.Unknown) || len(l.Acts) > 0 {
					t.Fatalf("%s: %+v, err %v", l.Rules[0].Reason, l.Acts, l.Err)
				}
			}
			if got := w.writes(); len(got) > 0 {
				t.Errorf("it wrote %v", got)
			}
		})
	}
}

// Overrides of one queue by two strategies do not move the same: neither could be
// put back.
func TestTwoStrategiesDoNotMoveTheSame(t *testing.T) {
	t.Parallel()
	rule := "adjust:\n  mode: act\n  rules: [{ name: target, when: waiting() > 5, for: 1, do: [{ capacity: { email: 4 } }], lease: 30m }]\n"
	w := newWorld(t, file(rule), many(20, "09:01 support 5h")...)
	before := w.state()
	other := w.want
	other.Strategy = "other"
	adjust := *other.Adjust
	adjust.Rules = slices.Clone(adjust.Rules)
	adjust.Rules[0].Do = []routing.Action{{Lever: routing.LeverCapacity, Email: 5}}
	other.Adjust = &adjust
	var err error
	if w.Control, err = control.New(w.Config, []routing.Desired{w.want, other}); err != nil {
		t.Fatal(err)
	}
	w.said(w.ticks(2), "09:01 target begins", "09:01 target lever_taken", "09:02 target lever_taken")
	w.ticks(90)
	if n := len(w.leases()); n < 2 { // once the first has ended the other has its turn
		t.Errorf("%d overrides", n)
	}
	w.restoreAll(before)
}

// Whoever serves nothing of a strategy any more ends its overrides all the same.
func TestOverridesOfAStrategyThatIsGoneEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(surge), many(20, "09:01 support 5h")...)
	before := w.state()
	w.said(w.ticks(1), "09:01 surge begins")
	var err error
	if w.Control, err = control.New(w.Config, nil); err != nil {
		t.Fatal(err)
	}
	w.ticks(29)
	if n := len(w.leases()[0].Open); n != 1 {
		t.Errorf("it has ended before its end: %d runs are open", n)
	}
	w.ticks(2)
	if d := cmp.Diff(before, w.state()); d != "" || len(w.leases()[0].Open) > 0 {
		t.Errorf("it has not been put back (-want +got):\n%s", d)
	}
}

// What the file asks for by now stays when an override of the same value ends.
func TestWhatTheFileHasTakenOverStays(t *testing.T) {
	t.Parallel()
	rule := "adjust:\n  mode: act\n  rules: [{ name: target, when: waiting() > 5, for: 1, do: [{ tightenTarget: { by: 1h } }], lease: 30m }]\n"
	w := newWorld(t, file(rule), many(20, "09:01 support 5h")...)
	w.apply()
	w.said(w.ticks(1), "09:01 target begins")
	within := w.queue().Settings.ServiceLevel.Within
	level := *w.want.Queue.Settings.ServiceLevel
	level.Within = within
	w.want.Queue.Settings.ServiceLevel = &level
	w.apply()
	w.start()
	w.ticks(40)
	if got := w.queue().Settings.ServiceLevel.Within; got != within || len(w.leases()[0].Open) > 0 {
		t.Errorf("the target is %s, and the file asks for %s", got, within)
	}
	if p := w.plan(); len(p.Changes) > 0 {
		t.Errorf("%+v", p.Changes)
	}
}

// Where the database ends the session that holds the lock, another process may act:
// nothing more is written, and the next look goes on.
func TestALockThatIsLostStopsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(surge), many(20, "09:01 support 5h")...)
	database := storetest.Postgres(t)
	other := storetest.Open(t, database)
	w.store = storetest.Open(t, database)
	w.start()
	before := w.state()
	w.ClearRequests()
	lost := false
	w.before = func(r *http.Request) {
		if isWrite(r.Method, r.URL.Path) && !lost {
			lost = true
			storetest.EndLocks(t, other)
		}
	}
	w.passes(time.Minute)
	acts := w.look()[0].Acts
	if len(acts) != 1 || acts[0].Err == nil || !strings.Contains(acts[0].Err.Error(), "the database has ended the session that held it") || len(w.writes()) != 1 {
		t.Fatalf("%+v, %v", acts, w.writes())
	}
	w.ticks(1)
	if len(w.writes()) < 3 || len(w.leases()) != 1 {
		t.Errorf("it was not gone on with: %v", w.writes())
	}
	w.restoreAll(before)
}

func TestMain(m *testing.M) { storetest.Main(m) }
