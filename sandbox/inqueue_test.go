package sandbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/sandbox"
)

// inQueue is the path by which the n-th conversation is changed while it waits.
func (x *org) inQueue(n int) string {
	x.t.Helper()
	return strings.Replace(x.email(n), "/conversations/emails", "/routing/conversations", 1)
}

// transfer moves the n-th conversation, which waits, to the support queue.
func (x *org) transfer(n int) {
	x.t.Helper()
	waits := participants(x.ok("GET", x.email(n), nil))[1]["id"]
	if r := x.call("POST", fmt.Sprintf("%s/participants/%s/replace", x.email(n), waits), map[string]any{"queueId": x.queueID("Support Email")}); r.status != http.StatusAccepted {
		x.t.Fatalf("a transfer: %d %s", r.status, r.body)
	}
}

// Of two emails that wait, the one that is raised is answered first.
func TestRaisedEmailGoesFirst(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	tests := map[string]struct {
		change func(x *org)
		want   []int // minutes after 9 at which each is answered; -1: never
	}{
		"nothing":        {func(*org) {}, []int{0, 30, 40}},
		"the last first": {func(x *org) { x.ok("PATCH", x.inQueue(2), m{"priority": 60}) }, []int{0, 40, 30}},
		"raised and reset": {func(x *org) {
			x.ok("PATCH", x.inQueue(2), m{"priority": 60})
			x.ok("PATCH", x.inQueue(2), m{"priority": 0})
		}, []int{0, 30, 40}},
		"lowered": {func(x *org) { x.ok("PATCH", x.inQueue(1), m{"priority": -60}) }, []int{0, 40, 30}},
		// A transfer, be it to the same queue, begins the wait anew: -1 is the stay
		// that it ended, and the last is the new one, which takes a second.
		"moved, and so the last":            {func(x *org) { x.transfer(1) }, []int{0, -1, 30, 40}},
		"moved, with less than its minutes": {func(x *org) { x.transfer(1); x.ok("PATCH", x.inQueue(1), m{"priority": 8}) }, []int{0, -1, 30, 40}},
		"moved, with its minutes":           {func(x *org) { x.transfer(1); x.ok("PATCH", x.inQueue(1), m{"priority": 9}) }, []int{0, -1, 30, 30}},
		// Ann does not have the skill; Bob, who comes at noon, has it.
		"a skill that another agent has": {func(x *org) { x.ok("PATCH", x.inQueue(1), m{"skillIds": []any{x.skill("VIP")}}) }, []int{0, 180, 30}},
		"a language that nobody has": {func(x *org) {
			x.ok("PATCH", x.inQueue(1), m{"languageId": x.named("/api/v2/routing/languages", "French")["id"]})
		}, []int{0, -1, 30}},
		"a skill, and then none": {func(x *org) {
			x.ok("PATCH", x.inQueue(1), m{"skillIds": []any{x.skill("VIP")}})
			x.ok("PATCH", x.inQueue(1), m{"skillIds": []any{}, "languageId": ""})
		}, []int{0, 30, 40}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := atDesk(t, sandbox.Options{}, "09:00 support 30m", "09:01 support 10m", "09:02 support 10m")
			x.passes(10 * time.Minute)
			tt.change(x)
			x.passes(10 * time.Hour)
			if got := x.AnsweredAt(); !slices.Equal(got, tt.want) {
				t.Errorf("answered at %v, want %v", got, tt.want)
			}
		})
	}
}

func TestPatchOfWhatWaits(t *testing.T) {
	t.Parallel()
	x := atDesk(t, sandbox.Options{}, "09:00 support 15m", "09:01 billing 10m", "09:02 support 10m")
	x.passes(5 * time.Minute)
	type m = map[string]any
	got := x.ok("PATCH", x.inQueue(1), m{"priority": 5, "skillIds": []any{x.skill("Returns"), x.skill("Billing")}})
	var skills []string
	for _, k := range got["skills"].([]any) {
		skills = append(skills, fmt.Sprint(k.(m)["name"]))
	}
	slices.Sort(skills)
	if fmt.Sprint(got["priority"]) != "5" || !slices.Equal(skills, []string{"Billing", "Returns"}) || got["language"].(m)["name"] != "English" {
		t.Errorf("it asks for %v", got)
	}
	if got := x.ok("PATCH", x.inQueue(1), m{}); fmt.Sprint(got["priority"]) != "5" || len(got["skills"].([]any)) != 2 {
		t.Errorf("nothing is changed, and it asks for %v", got)
	}
	for name, tt := range map[string]struct {
		n           int
		body        m
		status      int
		code, field string
	}{
		"just answered":             {0, m{"priority": 1}, 404, "resource.not.found", ""},
		"no such skill":             {2, m{"skillIds": []any{x.skill("VIP"), "none"}}, 400, "resource.not.found", "skillIds[1]"},
		"no such language":          {2, m{"languageId": "none"}, 400, "resource.not.found", "languageId"},
		"beyond the highest":        {2, m{"priority": 25_000_001}, 400, "client.failed.request", "priority"},
		"beyond the lowest":         {2, m{"priority": -25_000_001}, 400, "client.failed.request", "priority"},
		"a label":                   {2, m{"labelId": "x"}, 501, "not.implemented", ""},
		"preferred agents":          {2, m{"requestScoredAgents": []any{m{"id": "x", "score": 1}}}, 501, "not.implemented", ""},
		"a field that there is not": {2, m{"queueId": "x"}, 400, "invalid.property", "queueId"},
	} {
		r := x.call("PATCH", x.inQueue(tt.n), tt.body)
		e := r.object(t)
		details, _ := e["details"].([]any)
		if r.status != tt.status || e["code"] != tt.code || tt.field != "" && (len(details) != 1 || details[0].(m)["fieldName"] != tt.field) {
			t.Errorf("%s: %d %s, want %d %s at %q", name, r.status, r.body, tt.status, tt.code, tt.field)
		}
	}
	x.ok("PATCH", x.email(2), m{"state": "disconnected"})
	x.refused("PATCH", x.inQueue(2), m{"priority": 1}, http.StatusNotFound, "resource.not.found")
	x.refused("PATCH", "/api/v2/routing/conversations/none", m{"priority": 1}, http.StatusNotFound, "resource.not.found")
}
