package apply_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

func TestAppliedStrategyIsSeenAndTheNextPlanIsEmpty(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]routing.Desired{"existing queue": strategy(), "new queue": fresh(), "one field": small()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ReplicationDelay: 8 * time.Second, ActivationDelay: 40 * time.Second}, func(t *testing.T, w *world) {
				report := w.mustApply(want)
				if !report.Active || report.Waited < 4*time.Second {
					t.Fatalf("active %t after %s", report.Active, report.Waited)
				}
				if d := cmp.Diff([]apply.Outcome{apply.Done}, outcomes(report.Results)); d != "" {
					t.Fatal(d)
				}
				before := len(w.writes())
				again, err := w.apply(w.plan(want))
				if err != nil || again.Active || len(w.writes()) != before {
					t.Fatalf("the empty plan: %v, %d writes", err, len(w.writes())-before)
				}
			})
		})
	}
}

func TestRingsAreTurnedOffInTwoWrites(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{ReplicationDelay: 5 * time.Second}, func(t *testing.T, w *world) {
		want := strategy()
		want.Members, want.Routes, want.Capacity = nil, nil, nil
		w.mustApply(want)
		org, err := w.client.ReadOrg(w.ctx, genesys.Scope{Queues: []string{"Support Email"}, Members: true})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(org.Queues[0].Members, func(m routing.Member) bool { return !m.ByGroup })
		if err := w.client.MoveMembers(w.ctx, org.Queues[0].ID, []string{org.Queues[0].Members[i].ID}, 3); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
		before := w.everything()
		want.Queue.Settings.Rings = &routing.Rings{}
		w.server.ClearRequests()
		w.mustApply(want)
		if puts := strings.Count(strings.Join(w.writes(), "\n"), "PUT /api/v2/routing/queues/"); puts != 2 {
			t.Fatalf("%d writes: %q", puts, w.writes())
		}
		if _, on := w.raw("Support Email")["bullseye"]; on {
			t.Fatal("bullseye is still there")
		}
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, w.everything()); d != "" {
			t.Fatalf("(-before +after the rollback):\n%s", d)
		}
	})
}

func TestWhatIsPrunedComesBackByRollback(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{ReplicationDelay: 3 * time.Second, ActivationDelay: 10 * time.Second}, func(t *testing.T, w *world) {
		want := fresh()
		want.Queue.Settings.Rings = nil
		w.mustApply(want)
		before := w.everything()
		runs := w.runs()
		mem := ledger.Memory(runs)
		mem.Prune = true
		org, err := w.client.ReadOrg(w.ctx, genesys.ScopeOf(want, small()))
		if err != nil {
			t.Fatal(err)
		}
		p, problems := plan.Build(small(), org, mem)
		if problems != nil {
			t.Fatal(problems)
		}
		if _, err := w.apply(p.Seal()); err != nil {
			t.Fatal(err)
		}
		if w.raw("Fresh Email") != nil || w.everything()["route vip@help.example.com"] != nil {
			t.Fatal("the queue or its route is still there")
		}
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		after := w.everything()
		for _, all := range []map[string]any{before, after} { // a new queue has another id
			for _, k := range []string{"id", "selfUri", "dateCreated"} {
				delete(all["queue Fresh Email"].(map[string]any), k)
			}
			delete(all, "route vip@help.example.com")
		}
		if d := cmp.Diff(before, after); d != "" {
			t.Fatalf("(-before +after):\n%s", d)
		}
		w.reached(want)
	})
}

func TestOneChangedQueueCostsAtMostFourCallsPlusTheWait(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		p := w.plan(small())
		w.server.ClearRequests()
		w.options.NoWait = true
		if _, err := w.apply(p); err != nil {
			t.Fatal(err)
		}
		if n := len(w.server.Requests()); n > 4 {
			t.Fatalf("%d calls", n)
		}
		w.server.ClearRequests()
		w.options.NoWait = false
		w.edit("Support Email", func(q map[string]any) { q["scoringMethod"] = "PriorityOnly" })
		p = w.plan(routing.Desired{Strategy: "support", Queue: routing.DesiredQueue{Name: "Support Email", Settings: routing.QueueSettings{Order: new(routing.AgeAndPriority)}}})
		w.server.ClearRequests()
		if _, err := w.apply(p); err != nil {
			t.Fatal(err)
		}
		if n := len(w.server.Requests()); n != 2+3 {
			t.Fatalf("%d calls, want read, write and three looks", n)
		}
	})
}

func TestWhatNobodyOwnsSurvives(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{NewerFields: []string{"novelty"}}, func(t *testing.T, w *world) {
		p := w.plan(small())
		w.edit("Support Email", func(q map[string]any) { // between plan and apply
			q["description"] = "changed meanwhile"
			q["novelty"] = map[string]any{"n": json.Number("123456789012345678901234567890"), "nothing": nil, "list": []any{map[string]any{"a": nil}}}
		})
		before := w.raw("Support Email")
		if _, err := w.apply(p); err != nil {
			t.Fatal(err)
		}
		after := w.raw("Support Email")
		for _, q := range []map[string]any{before, after} {
			delete(q["mediaSettings"].(map[string]any)["email"].(map[string]any), "serviceLevel")
		}
		if d := cmp.Diff(before, after); d != "" || after["description"] != "changed meanwhile" || after["novelty"] == nil {
			t.Fatalf("(-before +after):\n%s", d)
		}
	})
}

func TestAMovedFieldIsRefusedAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		meanwhile func(w *world)
		says      string
	}{
		"owned field moved": {
			func(w *world) {
				w.edit("Support Email", func(q map[string]any) {
					q["mediaSettings"].(map[string]any)["email"].(map[string]any)["serviceLevel"] = map[string]any{"percentage": 0.5, "durationMs": 3600000}
				})
			},
			"change 1 of 1, update queue Support Email: queue Support Email has been changed since the plan was made: serviceLevel was 80% within 24h and is now 50% within 1h; make a new plan (nothing was changed)",
		},
		"queue deleted": {
			func(w *world) {
				if err := w.server.DeleteQueue("Morgan Reyes", "Support Email"); err != nil {
					w.Fatalf("%v", err)
				}
			},
			"change 1 of 1, update queue Support Email: queue Support Email is not there any more: it was deleted after the plan was made; make a new plan (nothing was changed)",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
				p := w.plan(small())
				tt.meanwhile(w)
				report, err := w.apply(p)
				if err == nil || err.Error() != tt.says {
					t.Fatalf("got  %v\nwant %s", err, tt.says)
				}
				if d := cmp.Diff([]apply.Outcome{apply.Refused}, outcomes(report.Results)); d != "" || len(w.writes()) > 0 {
					t.Fatalf("%s, wrote %q", d, w.writes())
				}
				if w.last().End == nil {
					t.Fatal("the run is not closed, though it did nothing")
				}
			})
		})
	}
}

func TestARouteThatWentToAFlowMeanwhileIsNotTouched(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		want := small()
		want.Routes = strategy().Routes[1:]
		p := w.plan(want)
		for raw, err := range w.client.Routes(w.ctx, "help.example.com", "support") {
			var r map[string]any
			if err != nil || json.Unmarshal(raw, &r) != nil {
				t.Fatal(err)
			}
			delete(r, "queue")
			r["flow"] = map[string]any{"id": "7b0d6f0e-3f5a-4f0e-8a7d-4e2f3d1c9b55"}
			b, _ := json.Marshal(r)
			if _, err := w.client.PutRoute(w.ctx, "help.example.com", r["id"].(string), b); err != nil {
				t.Fatal(err)
			}
		}
		_, err := w.apply(p)
		var moved *apply.MovedError
		if !errors.As(err, &moved) || !strings.Contains(err.Error(), "is now flow") {
			t.Fatal(err)
		}
	})
}

// The journal keeps what was seen active, and when.
func TestTheJournalTellsWhatWasSeen(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{ReplicationDelay: 3 * time.Second}, func(t *testing.T, w *world) {
		var seen []apply.Sighting
		began := time.Now()
		w.options.Event = func(e apply.Event) {
			if e.Kind == apply.Seen {
				seen = append(seen, apply.Sighting{Object: e.Object, Waited: e.Waited})
			}
		}
		if _, err := w.apply(w.plan(strategy())); err != nil {
			t.Fatal(err)
		}
		end := w.last().End
		if !end.Active || len(end.Seen) != len(seen) || len(seen) < 3 {
			t.Fatalf("%d seen, and the journal has %+v", len(seen), end)
		}
		for i, s := range end.Seen {
			if s.Object != seen[i].Object || s.Waited != seen[i].Waited || s.Kind == "" || s.At.Before(began.Add(s.Waited)) || s.Gone {
				t.Errorf("sighting %d is %+v, and the event was %+v", i, s, seen[i])
			}
		}
	})
}

func TestAnEditedPlanIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		p := w.plan(small())
		p.Changes[0].Queue.After.ServiceLevel.Percent = 10
		if _, err := w.apply(p); !errors.Is(err, plan.ErrEdited) {
			t.Fatal(err)
		}
	})
}

func TestAFailureHalfWayIsPutBack(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]string{
		"the new route is refused":   "POST */routes -> 400 code postino.max.routes.exceeded",
		"the last change is refused": "PUT */routes/* -> 403",
		"the agents are refused":     "PUT */utilization -> 400",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ReplicationDelay: 3 * time.Second}, func(t *testing.T, w *world) {
				before := w.everything()
				w.fault(rule)
				report, err := w.apply(w.plan(strategy()))
				var stopped *apply.StoppedError
				if !errors.As(err, &stopped) || !stopped.RolledBack {
					t.Fatal(err)
				}
				if !strings.Contains(err.Error(), "had been carried out and were put back") || len(report.Undone) == 0 {
					t.Fatalf("%v, undone %d", err, len(report.Undone))
				}
				w.server.ClearFaults()
				time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
				if d := cmp.Diff(before, w.everything()); d != "" {
					t.Fatalf("(-before +after):\n%s", d)
				}
				if end := w.last().End; end == nil || !end.Undone {
					t.Fatalf("end %+v", end)
				}
			})
		})
	}
}

func TestAKeptFailureCanBeResumedOrRolledBack(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"resume", "rollback"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
				before := w.everything()
				w.fault("POST */routes -> 400 x1")
				w.options.KeepOnFailure = true
				report, err := w.apply(w.plan(strategy()))
				if err == nil || !strings.Contains(err.Error(), "were carried out and stay") || len(report.Undone) > 0 {
					t.Fatal(err)
				}
				if way == "resume" {
					if _, err := w.resume(); err != nil {
						t.Fatal(err)
					}
					w.reached(strategy())
					return
				}
				if _, err := w.rollback(w.last()); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(before, w.everything()); d != "" {
					t.Fatalf("(-before +after):\n%s", d)
				}
			})
		})
	}
}

func TestRollbackPutsBackAllOfARunAndOnlyThat(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]routing.Desired{"existing queue": strategy(), "new queue": fresh()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ReplicationDelay: 4 * time.Second, ActivationDelay: 10 * time.Second}, func(t *testing.T, w *world) {
				before := w.everything()
				w.mustApply(want)
				if _, err := w.rollback(w.last()); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(before, w.everything()); d != "" {
					t.Fatalf("(-before +after):\n%s", d)
				}
				if _, err := w.rollback(func() apply.Record { r := w.last(); return r }()); err != nil {
					t.Fatalf("undoing the undo: %v", err)
				}
				w.reached(want)
			})
		})
	}
}

func TestRollbackWithoutWaitingDoesNotTakeOldReadsForTheTruth(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{ReplicationDelay: 6 * time.Second}, func(t *testing.T, w *world) {
		before := w.everything()
		w.options.NoWait = true
		if _, err := w.apply(w.plan(small())); err != nil {
			t.Fatal(err)
		}
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
		if d := cmp.Diff(before, w.everything()); d != "" {
			t.Fatalf("(-before +after):\n%s", d)
		}
	})
}

func TestRollbackLeavesWhatSomeoneChangedSinceAndSaysSo(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		w.mustApply(strategy())
		rec := w.last()
		w.edit("Support Email", func(q map[string]any) { q["skillEvaluationMethod"] = "NONE" })
		report, err := w.rollback(rec)
		const says = "queue Support Email has been changed since the run that is undone: agents was best-skill and is now longest-idle; it is left as it is now"
		if err == nil || !strings.Contains(err.Error(), says) || !report.Active {
			t.Fatalf("active %t, %v", report.Active, err)
		}
		q := w.raw("Support Email")
		if q["skillEvaluationMethod"] != "NONE" || q["acwSettings"].(map[string]any)["wrapupPrompt"] != "OPTIONAL" {
			t.Fatalf("skillEvaluationMethod %v, acwSettings %v", q["skillEvaluationMethod"], q["acwSettings"])
		}
		if d := cmp.Diff([]apply.Outcome{apply.Done}, outcomes(report.Results)); d != "" {
			t.Fatal(d)
		}
	})
}

func TestAWriteWithoutAnAnswerIsReadBack(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		"PUT */queues/* -> 504 done x1", "PUT */queues/* -> 503 x1", "PUT */queues/* -> cut 20 x1", "PUT */queues/* -> reset done x1", "PUT */queues/* -> reset x1",
		"POST */routes -> 504 done x1", "POST */routes -> 504 x1", "POST */routes -> cut 5 x1", "POST */queues -> reset done x1", "POST */queues -> 500 x1",
		"POST */members -> 504 done x1", "POST */members -> 504 x1", "PUT */utilization -> cut 3 x1", "PUT */utilization -> 502 x1",
	} {
		for name, want := range map[string]routing.Desired{"existing": strategy(), "fresh": fresh()} {
			t.Run(rule+" "+name, func(t *testing.T) {
				t.Parallel()
				inWorld(t, sandbox.Options{ReplicationDelay: 4 * time.Second}, func(t *testing.T, w *world) {
					w.fault(rule)
					w.mustApply(want)
					routes := 0
					for _, r := range w.everything() {
						if s, is := r.(string); is && strings.Contains(s, "vip@") {
							routes++
						}
					}
					if routes != 1 {
						t.Fatalf("%d routes of one address", routes)
					}
				})
			})
		}
	}
}

func TestAWriteThatNobodyCanSettleStopsInWords(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		w.fault("PUT */queues/* -> 504 x3")
		report, err := w.apply(w.plan(small()))
		var unknown *apply.UnknownError
		if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "it is not known whether this was carried out") {
			t.Fatal(err)
		}
		if report.Results[0].CorrelationID == "" {
			t.Fatal("no correlation id")
		}
	})
}

func TestAnInterruptedRunSaysWhatItDidAndGoesOnLater(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		whole := w.ctx
		ctx, cancel := context.WithCancel(w.ctx)
		w.ctx = ctx
		w.options.Event = func(e apply.Event) {
			if e.Kind == apply.Finished && e.Change.ID == 2 {
				cancel()
			}
		}
		report, err := w.apply(w.plan(strategy()))
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "2 of ") || len(report.Undone) > 0 {
			t.Fatal(err)
		}
		w.ctx, w.options.Event = whole, nil
		if _, err := w.resume(); err != nil {
			t.Fatal(err)
		}
		w.reached(strategy())
	})
}

func TestARouteThatTheActivationRefuses(t *testing.T) {
	t.Parallel()
	want := small()
	want.Routes = strategy().Routes
	tests := map[string]struct {
		status string
		says   string
		within time.Duration
	}{
		"error":   {"Error", "email route vip@help.example.com has status Error: the platform could not set its mail up", time.Minute},
		"pending": {"Pending", "Activation timeout: configuration did not propagate within expected window. route vip@help.example.com after 7m", 8 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
				w.options.Event = func(e apply.Event) {
					if e.Kind == apply.Finished && e.Result.Object.Name == "vip@help.example.com" {
						if err := w.server.SetRouteStatus("vip@help.example.com", tt.status); err != nil {
							t.Error(err)
						}
					}
				}
				start := time.Now()
				_, err := w.apply(w.plan(want))
				if err == nil || !strings.Contains(err.Error(), tt.says) || time.Since(start) > tt.within {
					t.Fatalf("after %s: %v", time.Since(start), err)
				}
				if tt.status == "Pending" && !strings.Contains(err.Error(), "status is Pending, want Active") {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestMoreThanTwoHundredMembers(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		want := small()
		want.Members = &[]string{}
		for raw := range w.client.Queues(w.ctx, "Support Email") {
			_ = raw
		}
		org, err := w.client.ReadOrg(w.ctx, genesys.Scope{Agents: []string{"Ada Brook"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range org.Agents {
			*want.Members = append(*want.Members, a.Email)
		}
		w.mustApply(want)
		w.options.Event = nil
		want.Members = &[]string{}
		w.mustApply(want)
	})
}

// fakes is a Platform made of functions; one that is not set is not called.
type fakes struct {
	apply.Platform
	read  func(apply.Object) (json.RawMessage, error)
	write func(apply.Object, json.RawMessage) error
}

func (f fakes) Read(_ context.Context, o apply.Object) (json.RawMessage, error) { return f.read(o) }
func (f fakes) Write(_ context.Context, o apply.Object, b json.RawMessage) error {
	return f.write(o, b)
}

func TestTheActivationWait(t *testing.T) {
	t.Parallel()
	const was, want = `{"id":"q","name":"Q","scoringMethod":"PriorityOnly"}`, `{"id":"q","name":"Q","scoringMethod":"TimestampAndPriority"}`
	notFound := &genesys.APIError{Status: 404, Message: "not found"}
	tests := map[string]struct {
		looks  []any // what each look shows; the last one for ever
		says   string
		looked int
		most   time.Duration
	}{
		"three reads that agree":      {looks: []any{want}, looked: 3, most: 9 * time.Second},
		"an old value starts anew":    {looks: []any{want, want, was, want}, looked: 6, most: 45 * time.Second},
		"a passing fault is survived": {looks: []any{want, errors.New("connection reset"), want}, looked: 5, most: 40 * time.Second},
		"deleted meanwhile": {
			looks: []any{want, notFound}, looked: 2, most: 4 * time.Second,
			says: "Queue not found during activation polling. Q was written and is gone: someone may have deleted it",
		},
		"never seen": {
			looks: []any{was}, most: 5*time.Minute + 20*time.Second,
			says: "Activation timeout: configuration did not propagate within expected window. queue Q after 5m",
		},
		"signed out": {looks: []any{&genesys.APIError{Status: 403, Message: "no"}}, looked: 1, most: time.Second, says: "waiting for activation of queue Q"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				wrote, looked := false, 0
				platform := fakes{
					read: func(apply.Object) (json.RawMessage, error) {
						if !wrote {
							return json.RawMessage(was), nil
						}
						look := tt.looks[min(looked, len(tt.looks)-1)]
						looked++
						if err, is := look.(error); is {
							return nil, err
						}
						return json.RawMessage(look.(string)), nil
					},
					write: func(apply.Object, json.RawMessage) error { wrote = true; return nil },
				}
				p, problems := plan.Build(routing.Desired{Strategy: "s", Queue: routing.DesiredQueue{Name: "Q", Settings: routing.QueueSettings{Order: new(routing.AgeAndPriority)}}},
					routing.Org{Queues: []routing.Queue{{Ref: routing.Ref{ID: "q", Name: "Q"}, Settings: routing.QueueSettings{Order: new(routing.PriorityOnly)}}}}, plan.Memory{})
				if problems != nil {
					t.Fatal(problems)
				}
				start := time.Now()
				report, err := apply.Run(t.Context(), apply.Options{Plan: p.Seal(), Platform: platform, Journal: &inMemory{}})
				if tt.says == "" && (err != nil || !report.Active) || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
					t.Fatalf("%v, want %q", err, tt.says)
				}
				if took := time.Since(start); took > tt.most || tt.looked > 0 && looked != tt.looked {
					t.Fatalf("%d looks in %s", looked, took)
				}
				if strings.HasPrefix(tt.says, "Activation timeout") && !strings.HasSuffix(err.Error(), "order is priority-only, want age-and-priority") {
					t.Fatalf("the field is not named: %v", err)
				}
			})
		})
	}
}

func TestAJournalThatCannotBeWrittenStopsBeforeTheWrite(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		n := 0
		o := apply.Options{Plan: w.plan(small()), Platform: apply.On(w.client), Journal: failing(func() error {
			if n++; n == 2 {
				return errors.New("disk full")
			}
			return nil
		})}
		_, err := apply.Run(w.ctx, o)
		if err == nil || !strings.Contains(err.Error(), "disk full") || len(w.writes()) > 0 {
			t.Fatalf("%v, wrote %q", err, w.writes())
		}
	})
}

type failing func() error

func (f failing) Append(apply.Entry) error { return f() }
