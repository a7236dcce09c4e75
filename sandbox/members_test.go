package sandbox_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

func ids(members []map[string]any) []any {
	out := []any{}
	for _, m := range members {
		out = append(out, map[string]any{"id": m["id"]})
	}
	return out
}

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	voice := entities(x.ok("GET", x.queue("Voice Main")+"/members?pageSize=100", nil))
	q := x.queue("Technical")
	count := func() string { return fmt.Sprint(x.ok("GET", q, nil)["memberCount"]) }

	x.ok("POST", q+"/members", ids(voice[:5]))
	if got := count(); got != "7" { // one of the five was a member already
		t.Errorf("memberCount %s after adding, want 7", got)
	}
	x.ok("POST", q+"/members", ids(voice[:5])) // adding again is no mistake
	x.ok("POST", q+"/members?delete=true", ids(voice[:4]))
	x.ok("DELETE", fmt.Sprint(q, "/members/", voice[4]["id"]), nil)
	x.refused("DELETE", fmt.Sprint(q, "/members/", voice[4]["id"]), nil, 404, "resource.not.found")
	x.refused("POST", q+"/members", []any{map[string]any{"id": "nobody"}}, 404, "resource.not.found")

	many := make([]any, 101)
	for i := range many {
		many[i] = map[string]any{"id": voice[0]["id"]}
	}
	x.refused("POST", q+"/members", many, 400, "constraint.validation")

	actions := map[string]int{}
	for _, a := range x.Audits() {
		actions[a.Action]++
		if a.EntityType != "Queue" || a.EntityName != "Technical" || len(a.Changes) != 1 {
			t.Errorf("row %+v", a)
		}
	}
	if actions["MemberAdd"] == 0 || actions["MemberRemove"] != 5 {
		t.Errorf("audit rows: %v", actions)
	}
}

func TestPatchMembers(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Returns") // two rings
	all := entities(x.ok("GET", q+"/members", nil))
	one := fmt.Sprint(q, "/members/", all[0]["id"])
	if r := x.call("PATCH", one, map[string]any{"id": all[0]["id"], "ringNumber": 2, "joined": false}); r.status != 202 {
		t.Errorf("%d, want 202", r.status)
	}
	got := x.ok("PATCH", q+"/members", []any{
		map[string]any{"id": all[1]["id"], "ringNumber": 2},
		map[string]any{"id": all[2]["id"], "joined": false},
	})
	if n := len(entities(got)); n != 2 {
		t.Errorf("the bulk answer shows %d members, want 2", n)
	}
	type state struct{ Ring, Joined string }
	var have []state
	for _, m := range entities(x.ok("GET", q+"/members", nil))[:3] {
		have = append(have, state{fmt.Sprint(m["ringNumber"]), fmt.Sprint(m["joined"])})
	}
	if d := cmp.Diff([]state{{"2", "false"}, {"2", "true"}, {"1", "false"}}, have); d != "" {
		t.Errorf("members (-want +got):\n%s", d)
	}
	if got := fmt.Sprint(x.ok("GET", q, nil)["joinedMemberCount"]); got != "8" {
		t.Errorf("joinedMemberCount %s, want 8", got)
	}
	x.refused("PATCH", one, map[string]any{"ringNumber": 3}, 400, "invalid.value")
	x.refused("PATCH", one, map[string]any{"id": "other"}, 400, "invalid.id")
	x.refused("PATCH", q+"/members", []any{map[string]any{"id": all[3]["id"], "ringNumber": 2}, map[string]any{"id": "nobody"}}, 404, "resource.not.found")
	if m := entities(x.ok("GET", q+"/members", nil))[3]; fmt.Sprint(m["ringNumber"]) != "1" {
		t.Error("half of a refused bulk PATCH was done")
	}
}

func TestGroupsBringMembers(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Billing Email") // Back Office in ring 2
	rings := map[string]int{}
	for _, m := range entities(x.ok("GET", q+"/members?memberBy=group&pageSize=100", nil)) {
		rings[fmt.Sprint(m["ringNumber"])]++
	}
	office := x.named("/api/v2/routing/skillgroups", "Back Office")
	if d := cmp.Diff(map[string]int{"2": 10}, rings); d != "" || fmt.Sprint(office["memberCount"]) != "10" {
		t.Errorf("rings of group members (-want +got):\n%s", d)
	}
	shown := x.ok("GET", q, nil)
	if fmt.Sprintf("%v %v", shown["memberCount"], shown["userMemberCount"]) != "19 9" {
		t.Errorf("counts %v %v, want 19 9", shown["memberCount"], shown["userMemberCount"])
	}
}

func TestFilterAndExpandMembers(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Support Email")
	billing, german := x.named("/api/v2/routing/skills", "Billing")["id"], x.named("/api/v2/routing/languages", "German")["id"]
	got := entities(x.ok("GET", fmt.Sprintf("%s/members?skills=%s&languages=%s&routingStatus=IDLE&expand=skills,languages", q, billing, german), nil))
	if len(got) == 0 || len(got) >= 18 {
		t.Fatalf("%d of 18 members pass the filter", len(got))
	}
	for _, m := range got {
		user := m["user"].(map[string]any)
		has := func(list string, id any) bool {
			return slices.ContainsFunc(user[list].([]any), func(s any) bool { return s.(map[string]any)["id"] == id })
		}
		if !has("skills", billing) || !has("languages", german) || m["routingStatus"].(map[string]any)["status"] != "IDLE" {
			t.Errorf("member %v", m)
		}
	}
	if plain := entities(x.ok("GET", q+"/members", nil))[0]["user"].(map[string]any); plain["skills"] != nil {
		t.Error("skills are shown without being asked for")
	}
}
