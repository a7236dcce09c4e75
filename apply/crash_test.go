package apply_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// TestAKillAtAnyPointCanBeResumedOrRolledBack kills the process before and
// after every single call to the platform, and goes on in a new one.
func TestAKillAtAnyPointCanBeResumedOrRolledBack(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]routing.Desired{"existing queue": strategy(), "new queue": fresh()} {
		for _, way := range []string{"resume", "rollback"} {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, after the call %t", name, way, after), func(t *testing.T) {
					t.Parallel()
					kills := 0
					for at := 1; killOnce(t, want, way, at, after, &kills); at++ {
					}
					if kills < 8 {
						t.Fatalf("only %d kills", kills)
					}
				})
			}
		}
	}
}

// killOnce says whether the run still lived at that call.
func killOnce(t *testing.T, want routing.Desired, way string, at int, after bool, kills *int) (reached bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t.Context(), t, sandbox.Options{ReplicationDelay: 3 * time.Second, Seed: uint64(at)})
		before := w.everything()
		p := w.plan(want)
		w.options.NoWait = true
		w.killAt(at, after)
		died := dies(func() {
			if _, err := w.apply(p); err != nil {
				t.Fatal(err)
			}
		})
		reached = w.calls >= at
		if !died {
			return
		}
		*kills++
		w.crash = nil
		w.options.NoWait = false
		if way == "resume" {
			if _, err := w.resume(); err != nil {
				t.Fatalf("killed at call %d: %v", at, err)
			}
			w.reached(want)
			return
		}
		if _, err := w.rollback(w.last()); err != nil && !errors.Is(err, apply.ErrNothingToUndo) {
			t.Fatalf("killed at call %d: %v", at, err)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
		if d := cmp.Diff(before, w.everything()); d != "" {
			t.Fatalf("killed at call %d (-before +after):\n%s", at, d)
		}
	})
	return reached
}

func (w *world) killAt(at int, after bool) {
	w.calls = 0
	done := false
	w.crash = func(calls int, _ string, isAfter bool) {
		if calls == at && isAfter == after && !done {
			done = true
			panic(errKilled)
		}
	}
}

var faults = []string{
	"PUT */queues/* -> 504 done x1", "PUT */queues/* -> 500 x1", "PUT */queues/* -> cut 9 x2", "PUT * -> 400 x1", "POST */routes -> 503 done x1",
	"POST */routes -> 400 x1", "POST */members -> reset done x1", "POST */members -> 400 x1", "PATCH * -> 500 done x1", "PUT */utilization -> 504 x3",
	"GET */queues/* -> 500 x3", "GET */members -> 404 x1", "DELETE * -> 504 done x1", "DELETE * -> 400 x1", "* -> 429 storm 2 retry 1", "* -> reset x1",
}

// TestAnyMixOfFaultsKillsAndEditsEndsAtTheGoalOrInWords is the state machine:
// applies, faults, kills, edits behind the back, resumes and rollbacks in any
// order.
func TestAnyMixOfFaultsKillsAndEditsEndsAtTheGoalOrInWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var thrown any
		synctest.Test(t, func(t *testing.T) {
			defer func() { thrown = recover() }() // what is thrown must leave the bubble to reach rapid
			w := newWorld(t.Context(), catch{}, sandbox.Options{ReplicationDelay: time.Duration(rapid.IntRange(0, 4).Draw(rt, "delay")) * time.Second})
			mix(rt, w)
			if m := w.server.Misfits(); len(m) > 0 {
				w.Fatalf("against the contract: %q", m)
			}
		})
		if f, is := thrown.(failure); is {
			rt.Fatalf("%s", f)
		}
		if thrown != nil {
			panic(thrown)
		}
	})
}

// failure is what catch panics with.
type failure string

type catch struct{}

func (catch) Helper()                           {}
func (catch) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }
func (catch) Errorf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }
func (catch) Cleanup(func())                    {}

func mix(rt *rapid.T, w *world) {
	description := w.raw("Support Email")["description"]
	wants := []routing.Desired{strategy(), small(), fresh()}
	off := strategy()
	off.Queue.Settings.Rings, off.Members, off.Capacity = &routing.Rings{}, &[]string{"Noor Haddad"}, nil
	wants = append(wants, off)
	check := func(want routing.Desired, report apply.Report, err error) {
		if err == nil {
			w.server.ClearFaults()
			w.reached(want)
			return
		}
		for _, res := range append(report.Results, report.Undone...) {
			if res.Outcome != apply.Done && res.Outcome != apply.Already && res.Outcome != apply.Skipped && res.Error == "" {
				w.Fatalf("%s is %s without a word", res.Headline, res.Outcome)
			}
		}
	}
	for range rapid.IntRange(1, 6).Draw(rt, "steps") {
		w.server.ClearFaults()
		want := rapid.SampledFrom(wants).Draw(rt, "strategy")
		switch rapid.SampledFrom([]string{"apply", "apply", "edit", "rollback"}).Draw(rt, "step") {
		case "edit":
			w.edit("Support Email", func(q map[string]any) {
				q["description"] = fmt.Sprint(rapid.IntRange(0, 9).Draw(rt, "description"))
				q["skillEvaluationMethod"] = "NONE"
				description = q["description"]
			})
		case "rollback":
			runs := w.runs()
			if undoable := ledger.Undoable(runs); len(undoable) > 0 {
				report, err := w.rollback(undoable[0])
				if err != nil {
					check(want, report, err)
				}
			}
		case "apply":
			time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
			p := w.plan(want)
			for range rapid.IntRange(0, 2).Draw(rt, "faults") {
				w.fault(rapid.SampledFrom(faults).Draw(rt, "fault"))
			}
			w.options.KeepOnFailure = rapid.Bool().Draw(rt, "keep")
			w.killAt(rapid.IntRange(1, 60).Draw(rt, "kill at"), rapid.Bool().Draw(rt, "after"))
			var report apply.Report
			var err error
			died := dies(func() { report, err = w.apply(p) })
			w.crash = nil
			if died {
				report, err = w.resume()
			}
			check(want, report, err)
		}
		time.Sleep(10 * time.Second) //nolint:forbidigo // in the bubble this is how time passes
		if now := w.raw("Support Email")["description"]; now != description {
			w.Fatalf("the description is %v, want %v", now, description)
		}
	}
	w.server.ClearFaults()
	time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
	want := wants[0]
	report, err := w.apply(w.plan(want))
	if err != nil {
		w.Fatalf("without faults: %v (%d results)", err, len(report.Results))
	}
	w.reached(want)
}
