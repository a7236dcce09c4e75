package daemon_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// The capacity of agents that a strategy owns is watched: their own, and where they
// have none the organisation's.
func TestCapacityThatAStrategyOwnsIsWatched(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	w.cfg.Poll = 200 * time.Millisecond
	w.cfg.Strategies[0].Capacity = &routing.UtilizationSettings{Email: new(3)}
	agent := w.agent(t)
	w.owns(t, plan.Claim{Kind: plan.Utilization, Object: agent, Field: "email", Value: "3"})
	w.run(t)
	want := func(n int, actor relay.ActorKind, field, before, after string) {
		t.Helper()
		e := g.got(t, n, 2*time.Minute)[n-1]
		has := false
		for _, c := range e.Changes {
			has = has || c.Field == field && c.Before == before && c.After == after
		}
		if e.Type != relay.UtilizationUpdated || e.Object.Ref != agent || e.Actor.Kind != actor || !e.OutOfBand || !has {
			t.Errorf("%+v", e)
		}
	}
	const email = "utilization.email.maximumCapacity"
	if _, err := w.client.PutUserUtilization(t.Context(), agent.ID, json.RawMessage(`{"utilization":{"email":{"maximumCapacity":9}}}`)); err != nil {
		t.Fatal(err)
	}
	want(1, relay.Foresort, email, "2", "9")
	w.overrides(t, plan.Change{
		ID: 1, Verb: plan.Update, Kind: plan.Utilization, Object: agent, Fields: []plan.FieldChange{{Field: "email", Before: "3", After: "9"}},
		Utilization: &plan.Pair[routing.UtilizationSettings]{Before: routing.UtilizationSettings{Email: new(3)}, After: routing.UtilizationSettings{Email: new(9)}},
	})
	if err := w.client.DeleteUserUtilization(t.Context(), agent.ID); err != nil {
		t.Fatal(err)
	}
	want(2, relay.Foresort, "level", "Agent", "Organization")
	if o := g.got(t, 2, time.Second)[1].Override; o == nil || o.Rule != "surge" || o.Run == "" || !slices.Equal(o.Fields, []routing.Field{"email"}) {
		t.Errorf("nothing is said of the override: %+v", o)
	}
	w.request(t, http.MethodPut, "/api/v2/routing/utilization", `{"utilization":{"email":{"maximumCapacity":7}}}`)
	want(3, relay.Foresort, email, "1", "7")
	if o := g.got(t, 3, time.Second)[2].Override; o != nil {
		t.Errorf("it was theirs before: %+v", o)
	}
}

// More rows of the trail than hints are kept in line do not stop the watch.
func TestManyRowsAtOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	f, err := sandbox.ParseFault("POST */channels -> 500")
	if err != nil {
		t.Fatal(err)
	}
	w.org.AddFault(f)
	w.cfg.Poll = time.Second
	w.run(t)
	for i := range 400 {
		w.edit(t, 10+i)
	}
	for n := 1; ; n++ {
		if e := g.got(t, n, 2*time.Minute)[n-1]; e.Changes[0].After == "409" {
			return
		}
	}
}

// agent is a member of the queue.
func (w *world) agent(t *testing.T) routing.Ref {
	t.Helper()
	for m, err := range w.client.Members(t.Context(), queueID(t, w)) {
		if err != nil {
			t.Fatal(err)
		}
		return routing.Ref{ID: m.ID, Name: m.Name}
	}
	t.Fatal("the queue has no members")
	return routing.Ref{}
}

// owns keeps a run that made something the strategy's.
func (w *world) owns(t *testing.T, claims ...plan.Claim) {
	t.Helper()
	run, err := ledger.New(w.cfg.Store, w.cfg.Org.ID).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []apply.Entry{{Begin: &apply.Begin{Plan: plan.Plan{Strategy: "support", Owns: claims}}}, {End: &apply.End{OK: true, Active: true}}} {
		e.At = time.Now().Add(-time.Hour)
		if err := run.Append(e); err != nil {
			t.Fatal(err)
		}
	}
}

// overrides keeps a run that has begun an override.
func (w *world) overrides(t *testing.T, c plan.Change) {
	t.Helper()
	run, err := ledger.New(w.cfg.Store, w.cfg.Org.ID).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lease := plan.Lease{Rule: "surge", Began: time.Now().Add(-time.Hour), Ends: time.Now().Add(time.Hour)}
	for _, e := range []apply.Entry{
		{Begin: &apply.Begin{Plan: plan.Plan{Strategy: "support", Lease: &lease, Changes: []plan.Change{c}}}},
		{Intent: &apply.Intent{Change: c.ID, Object: c.Object}},
		{Result: &apply.Result{Change: c.ID, Outcome: apply.Done, Object: c.Object}},
		{End: &apply.End{OK: true, Active: true}},
	} {
		e.At = time.Now().Add(-time.Hour)
		if err := run.Append(e); err != nil {
			t.Fatal(err)
		}
	}
}

// request makes a request of the organisation that the client has no method for.
func (w *world) request(t *testing.T, method, path, body string) {
	t.Helper()
	send := func(req *http.Request) []byte {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s %s", req.Method, req.URL.Path, resp.Status, b)
		}
		return b
	}
	login, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+"/oauth/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	login.SetBasicAuth(sandbox.DefaultClientID, sandbox.DefaultClientSecret)
	login.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(send(login), &token); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Access)
	req.Header.Set("Content-Type", "application/json")
	send(req)
}
