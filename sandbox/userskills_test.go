package sandbox_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

// rated is what a user is good at, name to proficiency.
func (x *org) rated(user, set string) map[string]string {
	x.t.Helper()
	out := map[string]string{}
	for _, e := range entities(x.ok("GET", x.user(user)+"/"+set+"?pageSize=100", nil)) {
		out[fmt.Sprint(e["name"])] = fmt.Sprint(e["proficiency"])
	}
	return out
}

func TestSkillsOfAUserAreWritten(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path := x.user("Kofi Mensah") + "/routingskills"
	same := func(step string, want map[string]string) {
		t.Helper()
		if d := cmp.Diff(want, x.rated("Kofi Mensah", "routingskills")); d != "" {
			t.Fatalf("%s (-want +got):\n%s", step, d)
		}
	}
	same("at first", map[string]string{"Returns": "3", "Shipping": "5"})
	x.ok("POST", path, map[string]any{"id": x.skill("Billing"), "proficiency": 1.5})
	x.ok("PUT", path+"/"+x.skill("Returns"), map[string]any{"proficiency": 0})
	same("after post and put", map[string]string{"Billing": "1.5", "Returns": "0", "Shipping": "5"})
	x.ok("PATCH", path+"/bulk", []any{map[string]any{"id": x.skill("VIP"), "proficiency": 2}, map[string]any{"id": x.skill("Billing"), "proficiency": 5}})
	same("after bulk patch", map[string]string{"Billing": "5", "Returns": "0", "Shipping": "5", "VIP": "2"})
	x.ok("PUT", path+"/bulk", []any{map[string]any{"id": x.skill("VIP"), "proficiency": 3}, map[string]any{"id": x.skill("Billing"), "proficiency": 5}})
	same("after bulk put", map[string]string{"Billing": "5", "VIP": "3"})
	x.ok("DELETE", path+"/"+x.skill("VIP"), nil)
	same("after delete", map[string]string{"Billing": "5"})
	x.ok("DELETE", "/api/v2/routing/skills/"+x.skill("Billing"), nil)
	same("after the skill itself is gone", map[string]string{})
}

func TestSkillsOfAUserAreRefused(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path := x.user("Kofi Mensah") + "/routingskills"
	shipping, billing := x.skill("Shipping"), x.skill("Billing")
	tests := map[string]struct {
		method, path string
		body         any
		status       int
		code         string
	}{
		"a proficiency beyond 5":          {"POST", path, map[string]any{"id": billing, "proficiency": 5.1}, 400, "constraint.validation"},
		"a proficiency below 0":           {"PUT", path + "/" + shipping, map[string]any{"proficiency": -1}, 400, "constraint.validation"},
		"no proficiency":                  {"PUT", path + "/" + shipping, map[string]any{}, 400, "constraint.validation"},
		"a skill the user has":            {"POST", path, map[string]any{"id": shipping, "proficiency": 1}, 400, "general.conflict"},
		"a skill that does not exist":     {"POST", path, map[string]any{"id": "none", "proficiency": 1}, 404, "general.resource.not.found"},
		"one bad of two":                  {"PATCH", path + "/bulk", []any{map[string]any{"id": billing, "proficiency": 1}, map[string]any{"id": "none", "proficiency": 1}}, 404, "not.found"},
		"put of a skill not had":          {"PUT", path + "/" + billing, map[string]any{"proficiency": 1}, 404, "not.found"},
		"delete of a skill not had":       {"DELETE", path + "/" + billing, nil, 404, "general.resource.not.found"},
		"a user who does not exist":       {"PUT", users + "/none/routingskills/bulk", []any{}, 404, "general.resource.not.found"},
		"a field that skills do not have": {"POST", path, map[string]any{"id": billing, "proficiency": 1, "level": 2}, 400, "invalid.property"},
	}
	t.Run("each", func(t *testing.T) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				x.in(t).refused(tt.method, tt.path, tt.body, tt.status, tt.code)
			})
		}
	})
	if d := cmp.Diff(map[string]string{"Returns": "3", "Shipping": "5"}, x.rated("Kofi Mensah", "routingskills")); d != "" {
		t.Errorf("the refused writes changed something (-want +got):\n%s", d)
	}
}

func TestLanguagesOfAUser(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path := x.user("Kofi Mensah") + "/routinglanguages"
	french := x.named("/api/v2/routing/languages", "French")["id"]
	x.ok("PATCH", path+"/bulk", []any{map[string]any{"id": french, "proficiency": 4}})
	if d := cmp.Diff(map[string]string{"English": "5", "French": "4"}, x.rated("Kofi Mensah", "routinglanguages")); d != "" {
		t.Errorf("languages (-want +got):\n%s", d)
	}
	x.refused("PATCH", path+"/bulk", []any{map[string]any{"id": french, "proficiency": 6}}, http.StatusBadRequest, "constraint.validation")
}

func TestASkillThatAUserGetsBringsThemIntoSkillGroups(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	group := x.named("/api/v2/routing/skillgroups", "Back Office")
	x.ok("POST", x.user("Kofi Mensah")+"/routingskills", map[string]any{"id": x.skill("Back Office"), "proficiency": 3})
	if got := x.named("/api/v2/routing/skillgroups", "Back Office")["memberCount"]; fmt.Sprint(got) == fmt.Sprint(group["memberCount"]) {
		t.Errorf("the group still has %v members", got)
	}
}

func TestSkillWritesLeaveAuditRows(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path, id := x.user("Kofi Mensah")+"/routingskills", x.skill("Shipping")
	x.ok("PUT", path+"/"+id, map[string]any{"proficiency": 5}) // as it was
	x.ok("PUT", path+"/"+id, map[string]any{"proficiency": 2.5})
	rows := x.trail("ContactCenter", "AgentRoutingInfo")
	if len(rows) != 1 {
		t.Fatalf("%d rows, want one for the one change: %v", len(rows), rows)
	}
	want := []any{map[string]any{"property": "skill:" + id + ":proficiency", "oldValues": []any{"5"}, "newValues": []any{"2.5"}}}
	if d := cmp.Diff(any(want), rows[0]["propertyChanges"]); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
}
