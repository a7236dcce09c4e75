package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// done is a run that carried out changes of its plan.
func done(id string, at time.Time, changes ...plan.Change) apply.Record {
	phase := apply.Phase{Plan: plan.Plan{Strategy: "support", Fingerprint: "print " + id}, Results: map[int]apply.Result{}, Intents: map[int]apply.Intent{}}
	for i, c := range changes {
		c.ID = i + 1
		phase.Plan.Changes = append(phase.Plan.Changes, c)
		phase.Plan.Owns = append(phase.Plan.Owns, plan.Claim{Kind: c.Kind, Object: c.Object, Field: "alert"})
		made := c.Object
		if made.ID == "" {
			made.ID = "made"
		}
		phase.Results[c.ID] = apply.Result{Change: c.ID, Outcome: apply.Done, Kind: c.Kind, Object: made}
	}
	return apply.Record{ID: id, Started: at, Last: at.Add(10 * time.Second), End: &apply.End{OK: true}, Phases: []apply.Phase{phase}}
}

func update(object routing.Ref) plan.Change {
	return plan.Change{Verb: plan.Update, Kind: plan.Queue, Object: object, Fields: []plan.FieldChange{{Field: "alert", Before: "5m", After: "6m"}}}
}

func record(id string, at time.Time, object routing.Ref, client, user string) genesys.AuditRecord {
	return genesys.AuditRecord{ID: id, Time: at, Entity: object, EntityType: "Queue", Action: "Update", Client: routing.Ref{ID: client}, User: routing.Ref{ID: user}}
}

func TestJoinTellsOursFromOthers(t *testing.T) {
	t.Parallel()
	runs := []apply.Record{done("one", noon, update(queue)), done("two", noon.Add(time.Hour), update(queue))}
	at := noon.Add(5 * time.Second)
	var got []string
	for _, x := range ledger.Join([]genesys.AuditRecord{
		record("ours", at, queue, "me", ""), record("ours", at, queue, "me", ""), record("the later run", noon.Add(time.Hour), queue, "me", ""),
		record("another object", at, sales, "me", ""), record("another time", noon.Add(30*time.Minute), queue, "me", ""),
		record("another client", at, queue, "you", ""), record("a person", at, queue, "me", "ada"), record("nobody", at, queue, "", ""),
	}, runs, "me") {
		got = append(got, fmt.Sprint(x.ID, ": ", x.By.Kind, " ", x.Run, " ", x.OutOfBand))
	}
	if d := cmp.Diff([]string{
		"a person: person  true", "another client: client  true", "another object: foresort  true", "nobody: unknown  true", "ours: foresort one false",
		"another time: foresort  true", "the later run: foresort two false",
	}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Another program with the same client is told from a run by what it wrote.
func TestJoinTellsARunFromAnotherProgramOfItsClient(t *testing.T) {
	t.Parallel()
	const alert, prompt = "mediaSettings.email.alertingTimeoutSeconds", "acwSettings.wrapupPrompt"
	six := routing.Duration(6 * time.Minute)
	write := update(queue)
	write.Queue = &plan.Pair[routing.QueueSettings]{After: routing.QueueSettings{Alert: &six}}
	join := plan.Change{Verb: plan.Join, Kind: plan.Member, Object: queue, Members: &plan.MemberChange{Agents: []routing.Ref{{ID: "ada"}}, Ring: 2}}
	run := done("one", noon, write, join)
	run.Phases[0].Intents[1] = apply.Intent{Change: 1, Object: queue, Snapshot: []byte(`{
		"description":"mail","dateModified":"yesterday","acwSettings":{"wrapupPrompt":"OPTIONAL"},"mediaSettings":{"email":{"alertingTimeoutSeconds":300}}}`)}
	undo := done("two", noon.Add(time.Hour), write)
	undo.Phases[0].Plan.Changes[0].Snapshot = run.Phases[0].Intents[1].Snapshot
	undo.Phases[0].Intents[1] = apply.Intent{Change: 1, Object: queue, Snapshot: []byte(`{"mediaSettings":{"email":{"alertingTimeoutSeconds":360}}}`)}
	change := func(pairs ...string) (out []genesys.AuditChange) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, genesys.AuditChange{Property: pairs[i], OldValues: []string{}, NewValues: []string{pairs[i+1]}})
		}
		return out
	}
	members := func(agent string) []genesys.AuditChange { return change("queueId:q:members", "queueMember:"+agent) }
	for name, test := range map[string]struct {
		action  string
		changes []genesys.AuditChange
		later   bool
		run     string
	}{
		"what was written":                         {"Update", change(alert, "360"), false, "one"},
		"a number in another form":                 {"Update", change(alert, "360.0"), false, "one"},
		"with what changes by itself":              {"Update", change(alert, "360", "dateModified", "today"), false, "one"},
		"with what came of it":                     {"Update", change(alert, "360", "description", "calls"), false, "one"},
		"no values":                                {"Update", nil, false, "one"},
		"a property that the object does not have": {"Update", change("Alerting timeout", "7"), false, "one"},
		"another value of the field":               {"Update", change(alert, "420"), false, ""},
		"another field":                            {"Update", change(prompt, "MANDATORY"), false, ""},
		"both":                                     {"Update", change(prompt, "MANDATORY", alert, "420"), false, ""},
		"a deletion":                               {"Delete", nil, false, ""},
		"a code":                                   {"WrapupCodeAdd", nil, false, ""},
		"the agent who joins":                      {"MemberAdd", members("ada"), false, "one"},
		"her ring":                                 {"MemberUpdate", change("QueueMember/q:ada:ringNumber", "2"), false, "one"},
		"another ring":                             {"MemberUpdate", change("QueueMember/q:ada:ringNumber", "3"), false, ""},
		"another agent":                            {"MemberAdd", members("bo"), false, ""},
		"she leaves":                               {"MemberRemove", members("ada"), false, ""},
		"what was put back":                        {"Update", change(alert, "300"), true, "two"},
		"what was there before":                    {"Update", change(alert, "360"), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := record("r", noon.Add(5*time.Second), queue, "me", "")
			if test.later {
				r.Time = r.Time.Add(time.Hour)
			}
			r.Action, r.Changes = test.action, test.changes
			got := ledger.Join([]genesys.AuditRecord{r}, []apply.Record{run, undo}, "me")[0]
			if got.Run != test.run || got.OutOfBand != (test.run == "") {
				t.Errorf("run %q, out of band %t, want run %q", got.Run, got.OutOfBand, test.run)
			}
		})
	}
}

func TestUntoldIsWhatTheTrailDoesNotHave(t *testing.T) {
	t.Parallel()
	agents := []routing.Ref{{ID: "a", Name: "Ada"}, {ID: "b", Name: "Bo"}}
	members := func(verb plan.Verb) plan.Change {
		return plan.Change{Verb: verb, Kind: plan.Member, Object: queue, Members: &plan.MemberChange{Agents: agents, Ring: 2, From: []int{1, 3}}}
	}
	runs := []apply.Record{
		done("early", noon.Add(-time.Hour), update(queue)),
		done("one", noon, update(queue), members(plan.Join), plan.Change{Verb: plan.Create, Kind: plan.Route, Object: routing.Ref{Name: "x@y.example"}}),
		done("two", noon.Add(time.Hour), update(queue), members(plan.Move), members(plan.Leave)),
	}
	runs[1].Phases[0].Results[1] = apply.Result{Change: 1, Outcome: apply.Already, Object: queue}
	told := func(run, action string) ledger.Trace { return ledger.Trace{Run: run, Object: queue, Action: action} }
	var got []string
	for _, x := range ledger.Untold([]ledger.Trace{told("one", "MemberAdd"), told("two", "Update")}, runs, noon, noon.Add(2*time.Hour)) {
		got = append(got, fmt.Sprint(x.Run, " ", x.Action, " ", x.Type, " ", x.Object.ID, " ", x.Changes, " ", x.Plan, " ", x.Untold, x.OutOfBand))
	}
	if d := cmp.Diff([]string{
		"one Create InboundRoute made [] print one true false",
		"two MemberUpdate Queue q [{member Ada ringNumber [1] [2]} {member Bo ringNumber [3] [2]}] print two true false",
		"two MemberRemove Queue q [{members [Ada Bo] []}] print two true false",
	}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMembersAreNamedHoweverTheTrailWritesThem(t *testing.T) {
	t.Parallel()
	names := map[string]string{"u1": "Ada Brook", "u2": "Bo Lind"}
	got := ledger.Named([]genesys.AuditChange{
		{Property: "queueId:q1:members", OldValues: []string{"queueMember:u1"}, NewValues: []string{"QueueMember/q1:u2"}},
		{Property: "QueueMember/q1:u1:joined", OldValues: []string{"false"}, NewValues: []string{"true"}},
		{Property: "QueueMember/q1:u2", NewValues: []string{"QueueMember/q1:u2:joined"}},
		{Property: "mediaSettings.email", OldValues: []string{"queue: a"}},
	}, func(id string) string { return names[id] })
	if d := cmp.Diff([]genesys.AuditChange{
		{Property: "members", OldValues: []string{"Ada Brook"}, NewValues: []string{"Bo Lind"}},
		{Property: "member Ada Brook joined", OldValues: []string{"false"}, NewValues: []string{"true"}},
		{Property: "member Bo Lind", OldValues: []string{}, NewValues: []string{"Bo Lind joined"}},
		{Property: "mediaSettings.email", OldValues: []string{"queue: a"}, NewValues: []string{}},
	}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestManagedObjectsAreFoundByWhatARecordNames(t *testing.T) {
	t.Parallel()
	agent := plan.Change{Verb: plan.Update, Kind: plan.Utilization, Object: routing.Ref{ID: "ada"}}
	released := update(sales)
	runs := []apply.Record{done("one", noon, released, plan.Change{Verb: plan.Join, Kind: plan.Member, Object: sales}), done("two", noon.Add(time.Hour), update(queue), agent)}
	for name, c := range map[string]struct {
		from       time.Time
		entityType string
		ref        routing.Ref
		found      bool
	}{
		"by id":                         {noon.Add(time.Hour), "Queue", routing.Ref{ID: "q"}, true},
		"of another type":               {noon.Add(time.Hour), "InboundRoute", routing.Ref{ID: "q"}, false},
		"an agent":                      {noon.Add(time.Hour), "AgentRoutingInfo", routing.Ref{ID: "ada"}, true},
		"released before":               {noon.Add(time.Hour), "Queue", sales, false},
		"released within the span":      {noon, "Queue", sales, true},
		"the same name with another id": {noon, "Queue", routing.Ref{ID: "z", Name: "Support"}, false},
		"nothing that has a name":       {noon, "Queue", routing.Ref{}, false},
	} {
		managed := ledger.Managed(runs, c.from, noon.Add(2*time.Hour))
		if _, found := managed.Find(c.entityType, c.ref); found != c.found {
			t.Errorf("%s: %v of %v", name, found, managed.List)
		}
		managed.Keep(func(x ledger.Object) bool { return x.Type != c.entityType })
		if _, found := managed.Find(c.entityType, c.ref); found {
			t.Errorf("%s: it was taken out, and is there", name)
		}
	}
	var named ledger.Objects
	named.Add(plan.Queue, routing.Ref{Name: "Support"}, "support")
	if x, found := named.Find("Queue", queue); !found || x.Strategy != "support" {
		t.Errorf("an object without an id is not found by its name: %v", x)
	}
}

func TestOrgsAreThoseOfAnyPartOfTheLedger(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		for _, name := range []string{"c", "a", "b"} {
			l := ledger.New(s, name)
			if _, err := l.Append(t.Context(), "test", "x", 1); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Sign(t.Context(), newKey(t)); err != nil {
				t.Fatal(err)
			}
		}
		exec(t, s, "DELETE FROM ledger WHERE org = 'b'")
		exec(t, s, "DELETE FROM ledger_heads WHERE org <> 'c'")
		got, err := ledger.Orgs(t.Context(), s)
		if d := cmp.Diff([]string{"a", "b", "c"}, got); d != "" || err != nil {
			t.Error(err, d)
		}
	})
}
