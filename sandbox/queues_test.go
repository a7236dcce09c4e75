package sandbox_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/sandbox"
)

func TestPutClearsWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Support Email")
	before := x.ok("GET", q, nil)
	if before["callingPartyName"] == nil {
		t.Fatal("the seeded queue has no callingPartyName to clear")
	}
	x.ok("PUT", q, map[string]any{"name": "Support Email", "id": "other", "memberCount": "many", "createdBy": "me"})
	after := x.ok("GET", q, nil)
	if after["callingPartyName"] != nil || after["mediaSettings"] != nil || after["routingRules"] != nil {
		t.Errorf("PUT left something: %v", after)
	}
	for _, f := range []string{"id", "memberCount", "createdBy", "dateCreated", "selfUri"} {
		if !cmp.Equal(before[f], after[f]) {
			t.Errorf("%s changed from %v to %v", f, before[f], after[f])
		}
	}
	if after["version"] != nil {
		t.Error("a queue has no version")
	}
	x.ok("PUT", q, without(before, "version"))
	if d := cmp.Diff(without(before, "dateModified", "modifiedBy"), without(x.ok("GET", q, nil), "dateModified", "modifiedBy")); d != "" {
		t.Errorf("what was read and written back is not the same (-before +after):\n%s", d)
	}
}

func without(o map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	maps.Copy(out, o)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

func ring(threshold any, groups []any, drop ...any) map[string]any {
	return map[string]any{
		"expansionCriteria": []any{map[string]any{"type": "TIMEOUT_SECONDS", "threshold": threshold}},
		"actions":           map[string]any{"skillsToRemove": append([]any{}, drop...)},
		"memberGroups":      groups,
	}
}

func rings(all ...map[string]any) map[string]any {
	list := []any{}
	for _, r := range all {
		list = append(list, r)
	}
	return map[string]any{"name": "Support Email", "bullseye": map[string]any{"rings": list}}
}

func email(settings map[string]any) map[string]any {
	return map[string]any{"name": "Support Email", "mediaSettings": map[string]any{"email": settings}}
}

func TestWhatAQueueRefuses(t *testing.T) {
	t.Parallel()
	r := ring(60, nil)
	wrapUp := func(prompt string, ms int) map[string]any {
		return map[string]any{"name": "Support Email", "acwSettings": map[string]any{"wrapupPrompt": prompt, "timeoutMs": ms}}
	}
	level := func(percentage float64, ms int) map[string]any {
		return email(map[string]any{"serviceLevel": map[string]any{"percentage": percentage, "durationMs": ms}})
	}
	tests := map[string]struct {
		body  map[string]any
		code  string
		field string
	}{
		"an empty name":                        {map[string]any{"name": " "}, "invalid.name", "name"},
		"another queue's name, in other case":  {map[string]any{"name": "rEtUrNs"}, "duplicate.name", "name"},
		"seven rings":                          {rings(r, r, r, r, r, r, r), "constraint.validation", "bullseye.rings"},
		"a ring of more than 72 h":             {rings(ring(259_201, nil)), "constraint.validation", "bullseye.rings[0].expansionCriteria[0].threshold"},
		"a negative threshold":                 {rings(ring(-1, nil)), "constraint.validation", "bullseye.rings[0].expansionCriteria[0].threshold"},
		"a skill that does not exist":          {rings(ring(60, nil, map[string]any{"id": "no"})), "skill.does.not.exist", "bullseye.rings[0].actions.skillsToRemove[0].id"},
		"a skill group that does not exist":    {rings(ring(60, []any{map[string]any{"id": "no", "type": "SKILLGROUP"}})), "resource.not.found", "bullseye.rings[0].memberGroups[0].id"},
		"a percentage instead of a fraction":   {level(80, 1000), "constraint.validation", "mediaSettings.email.serviceLevel.percentage"},
		"a target under a second":              {level(0.8, 999), "constraint.validation", "mediaSettings.email.serviceLevel.durationMs"},
		"an alert under 7 seconds":             {email(map[string]any{"alertingTimeoutSeconds": 6}), "constraint.validation", "mediaSettings.email.alertingTimeoutSeconds"},
		"a timeout on a mode without one":      {wrapUp("MANDATORY", 5000), "constraint.validation", "acwSettings.timeoutMs"},
		"a timeout under a second":             {wrapUp("MANDATORY_TIMEOUT", 999), "constraint.validation", "acwSettings.timeoutMs"},
		"a timeout over an hour":               {wrapUp("AGENT_REQUESTED", 3_600_001), "constraint.validation", "acwSettings.timeoutMs"},
		"a preferred agent's wait under 2 s":   {map[string]any{"name": "Support Email", "routingRules": []any{map[string]any{"waitSeconds": 1}}}, "invalid.rule", "routingRules[0].waitSeconds"},
		"a first rule that names a queue":      {conditional(map[string]any{"queue": map[string]any{"id": "q"}}), "invalid.rule", "conditionalGroupRouting.rules[0].queue"},
		"a condition that is too large":        {conditional(map[string]any{"conditionValue": 259_201}), "invalid.rule", "conditionalGroupRouting.rules[0].conditionValue"},
		"a group that is not of the queue":     {conditional(map[string]any{"groups": []any{map[string]any{"id": "g"}}}), "invalid.rule", "conditionalGroupRouting.rules[0].groups[0]"},
		"six conditional group routing rules":  {conditional(nil, nil, nil, nil, nil, nil), "invalid.rule", "conditionalGroupRouting.rules"},
		"six conditional activation rules":     {activation(6, 1), "invalid.rule", "conditionalGroupActivation.rules"},
		"eleven conditions in one":             {activation(1, 11), "invalid.rule", "conditionalGroupActivation.rules[0].conditions"},
		"more skills dropped than a ring does": {rings(ring(60, nil, make51()...)), "constraint.validation", "bullseye.rings[0].actions.skillsToRemove"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, sandbox.Options{})
			q := x.queue("Support Email")
			before := x.ok("GET", q, nil)
			e := x.refused("PUT", q, tt.body, 400, tt.code)
			details := e["details"].([]any)
			if len(details) != 1 || details[0].(map[string]any)["fieldName"] != tt.field {
				t.Errorf("details %v, want the field %s", details, tt.field)
			}
			if d := cmp.Diff(before, x.ok("GET", q, nil)); d != "" {
				t.Errorf("a refused PUT changed the queue:\n%s", d)
			}
			if n := len(x.Audits()); n != 0 {
				t.Errorf("a refused PUT left %d audit rows", n)
			}
		})
	}
}

func make51() []any {
	out := make([]any, 51)
	for i := range out {
		out[i] = map[string]any{"id": fmt.Sprint(i)}
	}
	return out
}

func conditional(rules ...map[string]any) map[string]any {
	list := []any{}
	for _, r := range rules {
		list = append(list, without(r))
	}
	return map[string]any{"name": "Support Email", "conditionalGroupRouting": map[string]any{"rules": list}}
}

func activation(rules, conditions int) map[string]any {
	list := make([]any, rules)
	for i := range list {
		of := make([]any, conditions)
		for j := range of {
			of[j] = map[string]any{}
		}
		list[i] = map[string]any{"conditions": of}
	}
	return map[string]any{"name": "Support Email", "conditionalGroupActivation": map[string]any{"rules": list}}
}

func TestARingWithMembersCannotGo(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Support Email")
	office := x.named("/api/v2/routing/skillgroups", "Back Office")
	groups := []any{map[string]any{"id": office["id"], "type": "SKILLGROUP"}}
	member := fmt.Sprint(entities(x.ok("GET", q+"/members", nil))[0]["id"])

	x.ok("PUT", q, rings(ring(60, nil), ring(60, nil), ring(60, groups)))
	x.ok("PATCH", q+"/members/"+member, map[string]any{"ringNumber": 2})
	x.refused("PUT", q, rings(ring(60, nil), ring(60, nil)), 400, "queue.ring.has.members") // groups in ring 3
	x.ok("PUT", q, rings(ring(60, nil), ring(60, nil), ring(60, nil)))
	x.ok("PUT", q, rings(ring(60, nil), ring(60, nil)))
	x.refused("PUT", q, rings(ring(60, nil)), 400, "queue.ring.has.members") // the member in ring 2
	x.refused("PUT", q, map[string]any{"name": "Support Email"}, 400, "queue.ring.has.members")
	x.ok("PATCH", q+"/members/"+member, map[string]any{"ringNumber": 1})
	x.ok("PUT", q, map[string]any{"name": "Support Email"}) // ring 1 holds every other member and may go
	x.refused("PATCH", q+"/members/"+member, map[string]any{"ringNumber": 2}, 400, "invalid.value")
}

func TestGroupsOfTheFirstRingHoldBullseye(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Support Email")
	groups := []any{map[string]any{"id": x.named("/api/v2/routing/skillgroups", "Back Office")["id"], "type": "SKILLGROUP"}}
	x.ok("PUT", q, rings(ring(60, groups)))
	x.refused("PUT", q, map[string]any{"name": "Support Email"}, 400, "queue.ring.has.members")
	x.ok("PUT", q, rings(ring(60, nil)))
	x.ok("PUT", q, map[string]any{"name": "Support Email"})
}

func TestCreateAndDelete(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	made := x.ok("POST", "/api/v2/routing/queues", map[string]any{"name": "New", "sourceQueueId": x.named("/api/v2/routing/queues", "Complaints")["id"]})
	if made["scoringMethod"] != "PriorityOnly" || fmt.Sprint(made["memberCount"]) != "0" {
		t.Errorf("a copy of Complaints: %v", made)
	}
	x.refused("POST", "/api/v2/routing/queues", map[string]any{"name": "new"}, 400, "duplicate.name")
	x.refused("POST", "/api/v2/routing/queues", map[string]any{"name": "Other", "sourceQueueId": "none"}, 400, "source.queue.not.found")
	q := fmt.Sprint("/api/v2/routing/queues/", made["id"])
	x.ok("DELETE", q, nil)
	x.refused("GET", q, nil, 404, "resource.not.found")
	x.refused("PUT", q, map[string]any{"name": "New"}, 404, "resource.not.found")
	x.refused("DELETE", q, nil, 404, "resource.not.found")
	x.refused("GET", q+"/members", nil, 404, "resource.not.found")
}

func TestReplication(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{ReplicationDelay: 10 * time.Second})
	q := x.queue("Support Email")
	description := func() any { return x.ok("GET", q, nil)["description"] }
	before := description()

	answer := x.ok("PUT", q, map[string]any{"name": "Support Email", "description": "new"})
	if answer["description"] != "new" {
		t.Errorf("the answer to PUT shows %v", answer["description"])
	}
	clock.Advance(4 * time.Second)
	for range 5 {
		if got := description(); got != before {
			t.Fatalf("in the first half a read shows %v, want %v", got, before)
		}
	}
	clock.Advance(2 * time.Second)
	seen := map[any]bool{}
	for range 40 {
		seen[description()] = true
	}
	if len(seen) != 2 {
		t.Errorf("in the second half reads show %v, want old and new in turn", seen)
	}
	clock.Advance(4 * time.Second)
	for range 5 {
		if got := description(); got != "new" {
			t.Fatalf("after the delay a read shows %v", got)
		}
	}

	made := x.ok("POST", "/api/v2/routing/queues", map[string]any{"name": "Fresh"})
	path := fmt.Sprint("/api/v2/routing/queues/", made["id"])
	x.refused("GET", path, nil, 404, "resource.not.found")
	if got := entities(x.ok("GET", "/api/v2/routing/queues?name=Fresh", nil)); len(got) != 0 {
		t.Errorf("the list shows %v at once", got)
	}
	member := entities(x.ok("GET", q+"/members", nil))[0]["id"]
	x.ok("POST", path+"/members", []any{map[string]any{"id": member}})
	x.refused("PATCH", fmt.Sprint(path, "/members/", member), map[string]any{"joined": false}, 404, "resource.not.found")
	clock.Advance(10 * time.Second)
	x.ok("GET", path, nil)
	x.ok("PATCH", fmt.Sprint(path, "/members/", member), map[string]any{"joined": false})
	x.ok("DELETE", path, nil)
	x.ok("GET", path, nil)
	clock.Advance(10 * time.Second)
	x.refused("GET", path, nil, 404, "resource.not.found")
}

func TestAuditSaysWhoChangedWhat(t *testing.T) {
	t.Parallel()
	x, _ := virtual(t, sandbox.Options{})
	q := x.queue("Support Email")
	read := x.ok("GET", q, nil)
	x.ok("PUT", q, read)
	if n := len(x.Audits()); n != 0 {
		t.Fatalf("writing back what was read left %d rows", n)
	}
	if err := x.EditQueue("Morgan Reyes", "Support Email", func(q map[string]any) {
		q["mediaSettings"].(map[string]any)["email"].(map[string]any)["serviceLevel"].(map[string]any)["percentage"] = 0.5
	}); err != nil {
		t.Fatal(err)
	}
	x.ok("PUT", q, read)
	if err := x.DeleteQueue("Sam Whitaker", "Support Email"); err != nil {
		t.Fatal(err)
	}
	type row struct{ Who, Action, What, Property, Old, New string }
	var got []row
	for _, a := range x.Audits() {
		r := row{Who: a.User + a.Client, Action: a.Action, What: a.Service + " " + a.EntityType + " " + a.EntityName}
		for _, c := range a.Changes {
			r.Property, r.Old, r.New = c.Property, fmt.Sprint(c.Old), fmt.Sprint(c.New)
		}
		got = append(got, r)
	}
	percentage := "mediaSettings.email.serviceLevel.percentage"
	want := []row{
		{"Morgan Reyes", "Update", "ContactCenter Queue Support Email", percentage, "[0.8]", "[0.5]"},
		{"sandbox-client", "Update", "ContactCenter Queue Support Email", percentage, "[0.5]", "[0.8]"},
		{Who: "Sam Whitaker", Action: "Delete", What: "ContactCenter Queue Support Email"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("rows (-want +got):\n%s", d)
	}
	if err := x.EditQueue("Nobody", "Returns", func(map[string]any) {}); err == nil {
		t.Error("someone who does not exist edited a queue")
	}
	if err := x.EditQueue("Morgan Reyes", "Returns", func(q map[string]any) { q["name"] = "" }); err == nil {
		t.Error("a person can write what the API would refuse")
	}
}

func TestFieldsNewerThanTheContract(t *testing.T) {
	t.Parallel()
	body := map[string]any{"name": "Returns", "smartQueueing": map[string]any{"depth": 3}}
	strict := open(t, sandbox.Options{})
	strict.refused("PUT", strict.queue("Returns"), body, 400, "invalid.property")

	x := open(t, sandbox.Options{NewerFields: []string{"smartQueueing"}})
	r := x.raw("PUT", x.queue("Complaints"), `{"name":"Complaints","smartQueueing":{"depth":90071992547409931}}`)
	if got := r.object(t)["smartQueueing"]; !cmp.Equal(got, map[string]any{"depth": json.Number("90071992547409931")}) {
		t.Errorf("kept as %v: %s", got, r.body)
	}
}

// Whatever sequence of PUTs comes, every answer fits the contract (org.call
// sees to it), a refused PUT changes nothing, and what was written is read back
// as it was written.
func TestAnySequenceOfPuts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		x := open(t, sandbox.Options{RateLimit: -1})
		q := x.queue("Support Email")
		skills := entities(x.ok("GET", "/api/v2/routing/skills", nil))
		groups := entities(x.ok("GET", "/api/v2/routing/skillgroups", nil))
		for range rapid.IntRange(1, 5).Draw(rt, "puts") {
			before := x.ok("GET", q, nil)
			body := anyQueue(rt, skills, groups)
			r := x.call("PUT", q, body)
			after := x.ok("GET", q, nil)
			if r.status != 200 {
				if d := cmp.Diff(before, after); d != "" {
					rt.Fatalf("a refused PUT (%s) changed the queue:\n%s", r.body, d)
				}
				continue
			}
			if d := cmp.Diff(r.object(t), after); d != "" {
				rt.Fatalf("PUT and GET answer differently:\n%s", d)
			}
			for name, v := range body {
				if name == "bullseye" { // references come back with names
					continue
				}
				if d := cmp.Diff(roundTrip(t, v), after[name]); d != "" {
					rt.Fatalf("%s came back changed (-written +read):\n%s", name, d)
				}
			}
		}
	})
}

func roundTrip(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(map[string]any{"v": v})
	if err != nil {
		t.Fatal(err)
	}
	return reply{body: b}.object(t)["v"]
}

// anyQueue makes the body of a PUT; one in five has a mistake in it.
func anyQueue(t *rapid.T, skills, groups []map[string]any) map[string]any {
	q := map[string]any{"name": rapid.SampledFrom([]string{"Support Email", "Renamed", "Renamed again"}).Draw(t, "name")}
	some := func(name string) bool { return rapid.Bool().Draw(t, name) }
	if some("media") {
		q["mediaSettings"] = map[string]any{"email": map[string]any{
			"alertingTimeoutSeconds": rapid.IntRange(7, 900).Draw(t, "alert"),
			"serviceLevel":           map[string]any{"percentage": rapid.Float64Range(0, 1).Draw(t, "percentage"), "durationMs": rapid.Int64Range(1000, 1e15).Draw(t, "duration")},
		}}
	}
	if some("free") {
		q["cannedResponseLibraries"] = anyValue(t, 3)
		q["defaultMediaLanguage"] = map[string]any{rapid.String().Draw(t, "key"): anyValue(t, 2)}
	}
	if some("rings") {
		all := []map[string]any{}
		for range rapid.IntRange(0, 6).Draw(t, "ring count") {
			var of []any
			if some("group") {
				of = append(of, map[string]any{"id": rapid.SampledFrom(groups).Draw(t, "which group")["id"], "type": "SKILLGROUP"})
			}
			all = append(all, ring(rapid.IntRange(0, 259_200).Draw(t, "threshold"), of, map[string]any{"id": rapid.SampledFrom(skills).Draw(t, "skill")["id"]}))
		}
		q["bullseye"] = rings(all...)["bullseye"]
	}
	if rapid.IntRange(0, 4).Draw(t, "mistake") == 0 {
		wrong := rapid.SampledFrom([]map[string]any{
			{"name": "Returns"},
			{"name": nil},
			{"queueType": "email"},
			{"bullseye": []any{}},
			rings(ring(259_201, nil)), email(map[string]any{"alertingTimeoutSeconds": 6}),
		}).Draw(t, "which mistake")
		maps.Copy(q, wrong)
	}
	return q
}

// anyValue makes a JSON object of any depth, with what JSON libraries lose.
func anyValue(t *rapid.T, depth int) map[string]any {
	out := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		key := rapid.StringMatching(`[a-zA-Z]{1,8}`).Draw(t, "field")
		switch kind := rapid.IntRange(0, 4).Draw(t, "kind"); {
		case kind == 0:
			out[key] = nil
		case kind == 1:
			out[key] = rapid.Int64().Draw(t, "number")
		case kind == 2 && depth > 0:
			out[key] = []any{anyValue(t, depth-1), nil}
		case kind == 3 && depth > 0:
			out[key] = anyValue(t, depth-1)
		default:
			out[key] = rapid.String().Draw(t, "text")
		}
	}
	return out
}
