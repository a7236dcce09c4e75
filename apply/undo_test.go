package apply_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// capacity asks for the capacity of the queue's members and for nothing else.
func capacity() routing.Desired {
	return routing.Desired{
		Strategy: "support", Queue: routing.DesiredQueue{Name: "Support Email"},
		Capacity: &routing.UtilizationSettings{Email: new(3)},
	}
}

// agentOfTheOrg is an agent of the plan who has no utilization of their own.
func agentOfTheOrg(w *world, p plan.Plan) routing.Ref {
	w.Helper()
	for _, c := range p.Changes {
		if c.Kind == plan.Utilization && c.Verb == plan.Create {
			return c.Object
		}
	}
	w.Fatalf("no agent of the plan has the organisation's utilization")
	return routing.Ref{}
}

// override lets somebody else give the agent a utilization of their own.
func (w *world) override(agent routing.Ref, media string, capacity int) {
	w.Helper()
	raw, err := w.client.UserUtilization(w.ctx, agent.ID)
	if err != nil {
		w.Fatalf("%v", err)
	}
	var u map[string]any
	if err := json.Unmarshal(raw, &u); err != nil {
		w.Fatalf("%v", err)
	}
	u["utilization"].(map[string]any)[media].(map[string]any)["maximumCapacity"] = capacity
	b, err := json.Marshal(u)
	if err != nil {
		w.Fatalf("%v", err)
	}
	if _, err := w.client.PutUserUtilization(w.ctx, agent.ID, b); err != nil {
		w.Fatalf("%v", err)
	}
}

// utilization tells the agent's capacity of emails and calls, and whether it is
// their own.
func (w *world) utilization(agent routing.Ref) string {
	w.Helper()
	raw, err := w.client.UserUtilization(w.ctx, agent.ID)
	if err != nil {
		w.Fatalf("%v", err)
	}
	var u struct {
		Level       string
		Utilization map[string]struct{ MaximumCapacity int }
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		w.Fatalf("%v", err)
	}
	return fmt.Sprintf("%s email %d call %d", u.Level, u.Utilization["email"].MaximumCapacity, u.Utilization["call"].MaximumCapacity)
}

func TestRollbackOfCapacityKeepsAnOverrideOfSomebodyElse(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		p := w.plan(capacity())
		agent := agentOfTheOrg(w, p)
		before := w.utilization(agent)
		var email, call int
		var level string
		if _, err := fmt.Sscanf(before, "%s email %d call %d", &level, &email, &call); err != nil {
			t.Fatal(err)
		}
		if _, err := w.apply(p); err != nil {
			t.Fatal(err)
		}
		w.override(agent, "call", call+6)
		run := w.last()
		report, err := w.rollback(run)
		var moved *apply.MovedError
		if err == nil {
			t.Fatal("nothing is said of the override that stays")
		}
		for _, r := range report.Results {
			if r.Object.ID == agent.ID && (r.Outcome != apply.Done || !errors.As(r.Err, &moved)) {
				t.Errorf("%s: %s: %v", r.Headline, r.Outcome, r.Err)
			}
		}
		if got, want := w.utilization(agent), fmt.Sprintf("Agent email %d call %d", email, call+6); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if _, err := w.rollback(run); err != nil { // nothing of ours is left
			t.Errorf("once more: %v", err)
		}
	})
}

func TestRollbackOfCapacityTakesOurOverrideAway(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		p := w.plan(capacity())
		agent := agentOfTheOrg(w, p)
		before := w.everything()
		was := w.utilization(agent)
		if _, err := w.apply(p); err != nil {
			t.Fatal(err)
		}
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		if got := w.utilization(agent); got != was {
			t.Errorf("%s, want %s", got, was)
		}
		if d := cmp.Diff(before, w.everything()); d != "" {
			t.Error(d)
		}
	})
}

func TestAnOverrideMadeSinceThePlanIsNotTaken(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		p := w.plan(capacity())
		agent := agentOfTheOrg(w, p)
		w.override(agent, "call", 7)
		theirs := w.utilization(agent)
		_, err := w.apply(p)
		var moved *apply.MovedError
		if !errors.As(err, &moved) || moved.Object.ID != agent.ID {
			t.Fatal(err)
		}
		if got := w.utilization(agent); got != theirs {
			t.Errorf("%s, want %s", got, theirs)
		}
		w.mustApply(capacity())
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		if got := w.utilization(agent); got != theirs {
			t.Errorf("after the rollback of a new plan %s, want %s", got, theirs)
		}
	})
}

// send is a request of somebody else to the platform.
func (w *world) send(method, path, body string) {
	w.Helper()
	do := func(r *http.Request, into any) {
		resp, err := w.server.Transport().RoundTrip(r)
		if err != nil {
			w.Fatalf("%s %s: %v", method, path, err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 300 {
			w.Fatalf("%s %s: %s %s %v", method, path, resp.Status, b, err)
		}
		if into != nil && json.Unmarshal(b, into) != nil {
			w.Fatalf("%s %s: %s", method, path, b)
		}
	}
	login := httptest.NewRequestWithContext(w.ctx, "POST", "https://login.mypurecloud.com/oauth/token", strings.NewReader("grant_type=client_credentials"))
	login.SetBasicAuth(sandbox.DefaultClientID, sandbox.DefaultClientSecret)
	login.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		Token string `json:"access_token"`
	}
	do(login, &token)
	r := httptest.NewRequestWithContext(w.ctx, method, "https://api.mypurecloud.com"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token.Token)
	r.Header.Set("Content-Type", "application/json")
	do(r, nil)
}

func TestRollbackDoesNotDeleteAQueueThatOthersUse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		use  func(w *world, queue string)
		want string
	}{
		"a route": {
			func(w *world, queue string) {
				w.send("POST", "/api/v2/routing/email/domains/help.example.com/routes", `{"pattern":"other","fromName":"Other","queue":{"id":"`+queue+`"}}`)
			},
			"routes was ours alone and is now other@help.example.com as well",
		},
		"a setting": {
			func(w *world, _ string) {
				w.edit("Fresh Email", func(q map[string]any) { q["description"] = "somebody's own words" })
			},
			"description was as the run made it and is now changed",
		},
		"a setting beside one of ours": {
			func(w *world, _ string) {
				w.edit("Fresh Email", func(q map[string]any) {
					q["mediaSettings"].(map[string]any)["email"].(map[string]any)["alertingTimeoutSeconds"] = json.Number("99")
				})
			},
			"mediaSettings was as the run made it and is now changed",
		},
		"a member": {
			func(w *world, queue string) {
				org, err := w.client.ReadOrg(w.ctx, genesys.Scope{AllAgents: true})
				if err != nil {
					w.Fatalf("%v", err)
				}
				i := slices.IndexFunc(org.Agents, func(a routing.Agent) bool { return !slices.Contains(*fresh().Members, a.Name) })
				if err := w.client.AddMembers(w.ctx, queue, []string{org.Agents[i].ID}); err != nil {
					w.Fatalf("%v", err)
				}
			},
			"members was ours alone and is now ",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
				w.mustApply(fresh())
				tt.use(w, w.raw("Fresh Email")["id"].(string))
				_, err := w.rollback(w.last())
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v", err)
				}
				if w.raw("Fresh Email") == nil {
					t.Error("the queue is gone")
				}
			})
		})
	}
}

func TestRollbackDeletesAQueueThatIsOursAloneThoughReadsLag(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{ReplicationDelay: 20 * time.Second}, func(t *testing.T, w *world) {
		before := w.everything()
		if _, err := w.apply(w.plan(fresh())); err != nil {
			t.Fatal(err)
		}
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
		if d := cmp.Diff(before, w.everything()); d != "" {
			t.Error(d)
		}
	})
}

func TestRollbackOfRingsKeepsWhatOthersChangedInside(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{NewerFields: []string{"ringLabel", "newThing"}}, func(t *testing.T, w *world) {
		want := small()
		rings := func(wait routing.Duration) *routing.Rings {
			return &routing.Rings{{Wait: new(wait), Drop: []routing.Ref{{Name: "Billing"}}}, {}}
		}
		want.Queue.Settings = routing.QueueSettings{Rings: rings(2 * hour)}
		w.mustApply(want)
		before := w.raw("Support Email")
		want.Queue.Settings.Rings = rings(3 * hour)
		w.mustApply(want)
		theirs := func(q map[string]any) {
			bullseye := q["bullseye"].(map[string]any)
			bullseye["newThing"] = "somebody's"
			bullseye["rings"].([]any)[0].(map[string]any)["ringLabel"] = "somebody's"
		}
		w.edit("Support Email", theirs)
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		theirs(before)
		if d := cmp.Diff(before, w.raw("Support Email")); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

func TestRollbackLetsADeactivatedMemberComeBackDeactivated(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{
		"nothing fails":            "",
		"deactivating is cut":      "PATCH */members/* -> 504 done x1",
		"deactivating is lost":     "PATCH */members/* -> 504 x1",
		"nobody is found at first": "PATCH */members/* -> 404 x2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ReplicationDelay: 5 * time.Second}, func(t *testing.T, w *world) {
				queue := w.org(small()).Queues[0].ID
				idle := ""
				members := func() map[string]bool {
					joined := map[string]bool{}
					for m, err := range w.client.Members(w.ctx, queue) {
						if err != nil {
							t.Fatal(err)
						}
						joined[m.ID] = m.Joined
						if !m.ByGroup && m.Joined && m.Name != "Ada Brook" {
							idle = max(idle, m.ID)
						}
					}
					return joined
				}
				members()
				if err := w.client.DeactivateMembers(w.ctx, queue, []string{idle}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
				left, before := idle, members()
				want := small()
				want.Queue.Settings = routing.QueueSettings{}
				want.Members = &[]string{"Ada Brook"}
				if _, err := w.apply(w.plan(want)); err != nil {
					t.Fatal(err)
				}
				if _, still := members()[left]; still {
					t.Fatal("who is deactivated has not left, which proves nothing")
				}
				if fault != "" {
					w.fault(fault)
				}
				if _, err := w.rollback(w.last()); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Minute) //nolint:forbidigo // in the bubble this is how time passes
				if d := cmp.Diff(before, members()); d != "" {
					t.Errorf("who is active (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestThatAPrunedQueueLosesItsWrapUpCodesIsSaid(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		want := fresh()
		want.Queue.Settings.Rings = nil
		w.mustApply(want)
		runs := w.runs()
		memory := ledger.Memory(runs)
		memory.Prune = true
		org, err := w.client.ReadOrg(w.ctx, genesys.ScopeOf(want, small()))
		if err != nil {
			t.Fatal(err)
		}
		p, problems := plan.Build(small(), org, memory)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		lost := func(p plan.Plan) (out []string) {
			for _, n := range p.Notes {
				if n.Kind == plan.NoteLost {
					out = append(out, n.Text)
				}
			}
			return out
		}
		if d := cmp.Diff([]string{"a rollback brings queue Fresh Email back with another id and without its wrap-up codes"}, lost(p)); d != "" {
			t.Errorf("plan (-want +got):\n%s", d)
		}
		if _, err := w.apply(p.Seal()); err != nil {
			t.Fatal(err)
		}
		run := w.last()
		if d := cmp.Diff([]string{"queue Fresh Email comes back with another id and without the wrap-up codes it had"}, lost(plan.Reverse(run.Plan(), run.ID, run.Done()))); d != "" {
			t.Errorf("plan of the rollback (-want +got):\n%s", d)
		}
	})
}
