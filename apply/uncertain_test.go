package apply_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// live says whether the platform is as the strategy asks, once reads no longer
// lag.
func (w *world) live(want routing.Desired) bool {
	w.Helper()
	w.server.ClearFaults()
	time.Sleep(5 * time.Minute) //nolint:forbidigo // in the bubble this is how time passes
	return len(w.plan(want).Changes) == 0
}

// memory is what the journal remembers.
func (w *world) memory() (plan.Memory, []apply.Record) {
	w.Helper()
	runs := w.runs()
	return ledger.Memory(runs), ledger.Undoable(runs)
}

// two changes a queue and then a route.
func two() routing.Desired {
	want := small()
	want.Routes = strategy().Routes[1:]
	return want
}

// serviceLevelAndAlert changes two fields of one queue.
func serviceLevelAndAlert() routing.Desired {
	want := small()
	want.Queue.Settings.Alert = new(routing.Duration(7 * time.Minute))
	return want
}

// A write that may have happened stays known, whatever its repeat is answered.
func TestAnUncertainWriteWhoseRepeatIsRefusedStaysKnown(t *testing.T) {
	t.Parallel()
	for _, repeat := range []string{"PUT */queues/* -> 400 x1", "PUT */queues/* -> 403 x1", "PUT */queues/* -> 429 storm 9 retry 200"} {
		t.Run(repeat, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ReplicationDelay: 4 * time.Minute}, func(t *testing.T, w *world) {
				p := w.plan(small())
				w.fault("PUT */queues/* -> 504 done x1")
				w.fault(repeat)
				report, err := w.apply(p)
				if err == nil || report.Results[0].Outcome != apply.Uncertain || strings.Contains(err.Error(), "nothing was changed") {
					t.Fatalf("%s: %v", report.Results[0].Outcome, err)
				}
				if !w.live(small()) {
					t.Fatal("the write did not happen, which proves nothing")
				}
				if _, err := w.rollback(w.last()); err != nil || w.live(small()) {
					t.Fatalf("it is not put back: %v", err)
				}
			})
		})
	}
}

// killAfter kills the process just after the first call of that verb.
func (w *world) killAfter(verb string) {
	done := false
	w.crash = func(_ int, v string, after bool) {
		if v == verb && after && !done {
			done = true
			panic(errKilled)
		}
	}
}

func TestAResumeThatFindsSomebodysEditDoesNotForgetTheWrite(t *testing.T) {
	t.Parallel()
	edit := func(q map[string]any) {
		q["mediaSettings"].(map[string]any)["email"].(map[string]any)["alertingTimeoutSeconds"] = json.Number("99")
	}
	fresh := serviceLevelAndAlert()
	fresh.Queue.Name, fresh.Queue.Create = "Fresh Email", true
	for verb, want := range map[string]routing.Desired{"write": serviceLevelAndAlert(), "create": fresh} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
				p := w.plan(want)
				w.killAfter(verb)
				if !dies(func() { _, _ = w.apply(p) }) {
					t.Fatal("nobody was killed")
				}
				w.crash = nil
				w.edit(want.Queue.Name, edit)
				w.options.KeepOnFailure = true
				report, err := w.resume()
				var moved *apply.MovedError
				if !errors.As(err, &moved) || report.Results[0].Outcome != apply.Uncertain || !strings.Contains(err.Error(), "perhaps 1 more, were carried out and stay") {
					t.Fatalf("%s: %v", report.Results[0].Outcome, err)
				}
				mem, undoable := w.memory()
				if len(undoable) != 1 {
					t.Fatalf("%d runs can be put back", len(undoable))
				}
				_, err = w.rollback(w.last())
				if !errors.As(err, &moved) && (err == nil || !strings.Contains(err.Error(), "alert was 7m and is now 1m39s")) {
					t.Fatalf("%v", err)
				}
				if verb == "create" {
					if id := w.raw("Fresh Email")["id"]; len(mem.Created) != 1 || mem.Created[0].ID != id {
						t.Fatalf("created %v, want %s", mem.Created, id)
					}
					return
				}
				email := w.raw("Support Email")["mediaSettings"].(map[string]any)["email"].(map[string]any)
				if level := email["serviceLevel"].(map[string]any)["percentage"]; level != 0.8 || email["alertingTimeoutSeconds"] != 99.0 {
					t.Fatalf("service level %v, alert %v", level, email["alertingTimeoutSeconds"])
				}
			})
		})
	}
}

// A create without an answer is found, or it stays known that it may be there.
func TestACreateWithoutAnAnswerLeavesNoOrphan(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"POST */routes -> 504 done x1", "POST */queues -> 504 done x1"} {
		for _, lag := range []time.Duration{29 * time.Second, time.Minute, 2 * time.Minute} {
			t.Run(rule+" "+lag.String(), func(t *testing.T) {
				t.Parallel()
				inWorld(t, sandbox.Options{ReplicationDelay: lag, Seed: 3}, func(t *testing.T, w *world) {
					want := fresh()
					want.Queue.Settings.Rings, want.Members, want.Capacity = nil, nil, nil
					p := w.plan(want)
					w.fault(rule)
					var unseen *apply.NotFoundError // where reads lag for longer than the wait allows for
					if _, err := w.apply(p); err != nil && (lag < 30*time.Second || !errors.As(err, &unseen)) {
						t.Fatal(err)
					}
					if !w.live(want) {
						t.Fatal("it is not there")
					}
				})
			})
		}
	}
}

func TestAnUndoThatDoesNotSeeAnUncertainWriteDoesNotSayPutBack(t *testing.T) {
	t.Parallel()
	route := fresh()
	route.Queue.Settings.Rings, route.Members, route.Capacity = nil, nil, nil
	tests := map[string]struct {
		want routing.Desired
		rule string
	}{
		"a change": {small(), "PUT */queues/* -> 504 done x3"},
		"a create": {route, "POST */routes -> 504 done x3"}, // those after the first are refused, and are no answer either
	}
	for name, tt := range tests {
		for _, lag := range []time.Duration{4 * time.Minute, 270 * time.Second} {
			t.Run(name+" "+lag.String(), func(t *testing.T) {
				t.Parallel()
				inWorld(t, sandbox.Options{ReplicationDelay: lag}, func(t *testing.T, w *world) {
					w.options.Wait.Settle = 20 * time.Second // three attempts take a minute
					p := w.plan(tt.want)
					w.fault(tt.rule)
					_, err := w.apply(p)
					var stopped *apply.StoppedError
					if !errors.As(err, &stopped) || stopped.RolledBack || len(stopped.Remains) == 0 || w.last().End.Undone {
						t.Fatalf("%v", err)
					}
					if !w.live(tt.want) {
						t.Fatal("the write did not happen, which proves nothing")
					}
					if _, err := w.rollback(w.last()); err != nil || w.live(tt.want) {
						t.Fatalf("it is not put back: %v", err)
					}
					if _, undoable := w.memory(); len(undoable) > 0 {
						t.Fatal("it can be put back once more")
					}
				})
			})
		}
	}
}

func TestAnAutomaticUndoIsSeenBeforeItIsSaidToHold(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string]bool{"seen": true, "not seen": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ReplicationDelay: 20 * time.Second}, func(t *testing.T, w *world) {
				p := w.plan(two())
				w.fault("PUT */routes/* -> 400 x1")
				w.options.Event = func(e apply.Event) {
					if e.Kind == apply.Finished && e.Undo && !seen {
						w.fault("GET */queues/* -> 500")
					}
				}
				_, err := w.apply(p)
				var stopped *apply.StoppedError
				if !errors.As(err, &stopped) || !stopped.RolledBack || !strings.Contains(err.Error(), "were put back") {
					t.Fatalf("%v", err)
				}
				if end := w.last().End; (stopped.Unseen == nil) != seen || end.Active != seen || !end.Undone || strings.Contains(err.Error(), "not yet seen") == seen {
					t.Fatalf("unseen %v, end %+v: %v", stopped.Unseen, end, err)
				}
				if !seen {
					return
				}
				if _, err := w.apply(w.plan(two())); err != nil || !w.live(two()) {
					t.Fatalf("the next run: %v", err)
				}
			})
		})
	}
}

func TestARunDoesNotRevertOneThatReadsDoNotShowYet(t *testing.T) {
	t.Parallel()
	alert := small()
	alert.Queue.Settings = routing.QueueSettings{Alert: new(routing.Duration(7 * time.Minute))}
	for name, catchUp := range map[string]bool{"planned before": false, "planned after catching up": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ReplicationDelay: 20 * time.Second}, func(t *testing.T, w *world) {
				w.options.NoWait = true
				if _, err := w.apply(w.plan(small())); err != nil {
					t.Fatal(err)
				}
				w.options.NoWait = false
				w.options.Recent = []apply.Record{w.last()}
				if catchUp {
					if err := apply.CatchUp(w.ctx, apply.On(w.client), apply.Wait{}, w.options.Recent); err != nil {
						t.Fatal(err)
					}
					w.reached(small())
				}
				if _, err := w.apply(w.plan(alert)); err != nil || !w.live(serviceLevelAndAlert()) {
					t.Fatalf("the first run's change is lost: %v", err)
				}
			})
		})
	}
}

func TestNothingIsActiveWithoutALook(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{ActivationDelay: time.Hour}, func(t *testing.T, w *world) {
		p := w.plan(two())
		w.options.NoWait = true
		if _, err := w.apply(p); err != nil {
			t.Fatal(err)
		}
		w.options.NoWait = false
		report, err := w.apply(p) // the same once more: all is so already
		var pending *apply.NotActiveError
		if !errors.As(err, &pending) || pending.Status != routing.RoutePending || report.Active || report.Results[1].Outcome != apply.Already {
			t.Fatalf("active %t, %v", report.Active, err)
		}
		w.server.ClearRequests()
		report, err = w.apply(w.plan(two()))
		if err != nil || report.Active || w.last().End.Active {
			t.Fatalf("the empty plan: active %t, %v", report.Active, err)
		}
	})
}

func TestAClockSetBackDoesNotHoldARollbackUp(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		before := w.raw("Support Email")
		p := w.plan(small())
		w.killAfter("write")
		if !dies(func() { _, _ = w.apply(p) }) {
			t.Fatal("nobody was killed")
		}
		w.crash = nil
		rec := w.last()
		rec.Last = rec.Last.Add(3 * time.Hour)
		start := time.Now()
		if _, err := w.rollback(rec); err != nil || time.Since(start) > 2*time.Minute {
			t.Fatalf("after %s: %v", time.Since(start), err)
		}
		if d := cmp.Diff(before, w.raw("Support Email")); d != "" {
			t.Fatalf("(-before +after):\n%s", d)
		}
	})
}

// Two faults in a row are not the end: each time reads show that it did not
// happen, and it is done again.
func TestAWriteIsDoneAgainUntilItHappens(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"POST */routes -> 503 x2", "PUT */queues/* -> 503 x2"} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
				want := fresh()
				if rule[:3] == "PUT" {
					want = small()
				}
				p := w.plan(want)
				w.fault(rule)
				if _, err := w.apply(p); err != nil {
					t.Fatal(err)
				}
				w.reached(want)
			})
		})
	}
}

func TestWhatHasAppearedSinceThePlanIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		want := fresh()
		p := w.plan(want)
		if _, err := w.apply(p); err != nil {
			t.Fatal(err)
		}
		report, err := w.apply(p)
		var appeared *apply.AppearedError
		if !errors.As(err, &appeared) || report.Results[0].Outcome != apply.Refused || !strings.Contains(err.Error(), "nothing was changed") {
			t.Fatalf("%+v\n%v", report.Results, err)
		}
	})
}
