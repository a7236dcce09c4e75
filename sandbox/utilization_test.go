package sandbox_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

const orgUtilization = "/api/v2/routing/utilization"

func (x *org) utilization(user string) string {
	return "/api/v2/routing/users/" + x.userID(user) + "/utilization"
}

// capacities are the capacity of each media type, and of each label by name.
func capacities(shown map[string]any) map[string]string {
	out := map[string]string{}
	for _, part := range []string{"utilization", "labelUtilizations"} {
		media, _ := shown[part].(map[string]any)
		for name, v := range media {
			o, _ := v.(map[string]any)
			if label, ok := o["labelName"]; ok {
				name = fmt.Sprint(label)
			}
			out[name] = fmt.Sprint(o["maximumCapacity"])
		}
	}
	if level, ok := shown["level"]; ok {
		out["level"] = fmt.Sprint(level)
	}
	return out
}

func TestUtilizationOfAnAgent(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path := x.utilization("Kofi Mensah")
	same := func(step string, want map[string]string) {
		t.Helper()
		if d := cmp.Diff(want, capacities(x.ok("GET", path, nil))); d != "" {
			t.Fatalf("%s (-want +got):\n%s", step, d)
		}
	}
	same("the defaults", map[string]string{"call": "1", "callback": "1", "chat": "4", "email": "1", "message": "1", "level": "Organization"})
	x.ok("PUT", orgUtilization, `{"utilization":{"email":{"maximumCapacity":6},"chat":{"maximumCapacity":2}}}`)
	same("the organisation's", map[string]string{"call": "1", "callback": "1", "chat": "2", "email": "6", "message": "1", "level": "Organization"})
	x.ok("PUT", path, `{"utilization":{"email":{"maximumCapacity":3},"message":{"maximumCapacity":5}}}`)
	same("their own; the rest by default", map[string]string{"call": "1", "callback": "1", "chat": "4", "email": "3", "message": "5", "level": "Agent"})
	x.ok("PUT", path, `{"utilization":{"email":{"maximumCapacity":0}}}`)
	same("put replaces the whole", map[string]string{"call": "1", "callback": "1", "chat": "4", "email": "0", "message": "1", "level": "Agent"})
	x.ok("DELETE", path, nil)
	same("the organisation's again", map[string]string{"call": "1", "callback": "1", "chat": "2", "email": "6", "message": "1", "level": "Organization"})
	x.ok("DELETE", orgUtilization, nil)
	same("the defaults again", map[string]string{"call": "1", "callback": "1", "chat": "4", "email": "1", "message": "1", "level": "Organization"})
}

func TestUtilizationIsKeptAsItWasSent(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	if got := capacities(x.ok("GET", x.utilization("Ada Brook"), nil)); got["level"] != "Agent" || got["email"] != "2" {
		t.Errorf("a seeded agent with a utilization of their own: %v", got)
	}
	x.ok("PUT", x.utilization("Ada Brook"), `{"utilization":{"email":{"maximumCapacity":3,"interruptableMediaTypes":["call","chat"],"includeNonAcd":true}},"maxInboundCalls":2}`)
	got := x.ok("GET", x.utilization("Ada Brook"), nil)
	media, _ := got["utilization"].(map[string]any)
	want := map[string]any{"maximumCapacity": "3", "interruptableMediaTypes": []any{"call", "chat"}, "includeNonAcd": true}
	email, _ := media["email"].(map[string]any)
	email["maximumCapacity"] = fmt.Sprint(email["maximumCapacity"])
	if d := cmp.Diff(want, email); d != "" || fmt.Sprint(got["maxInboundCalls"]) != "2" {
		t.Errorf("maxInboundCalls %v, email (-want +got):\n%s", got["maxInboundCalls"], d)
	}
}

func TestUtilizationIsRefused(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	tests := map[string]struct{ body, code string }{
		"more than 25":               {`{"utilization":{"email":{"maximumCapacity":26}}}`, "invalid.media.capacity"},
		"less than none":             {`{"utilization":{"email":{"maximumCapacity":-1}}}`, "invalid.media.capacity"},
		"email interrupts email":     {`{"utilization":{"email":{"maximumCapacity":1,"interruptableMediaTypes":["call","email"]}}}`, "interrupt.same.media.type"},
		"a media type without name":  {`{"utilization":{"fax":{"maximumCapacity":1}}}`, "unsupported.media.type"},
		"a label that is not there":  {`{"labelUtilizations":{"none":{"maximumCapacity":1}}}`, "invalid.value"},
		"interrupted by smoke":       {`{"utilization":{"email":{"interruptableMediaTypes":["smoke"]}}}`, "invalid.value"},
		"the spelling of other docs": {`{"utilization":{"email":{"interruptibleMediaTypes":["call"]}}}`, "invalid.property"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x.in(t).refused("PUT", orgUtilization, tt.body, http.StatusBadRequest, tt.code)
			x.in(t).refused("PUT", x.utilization("Kofi Mensah"), tt.body, http.StatusBadRequest, tt.code)
		})
	}
	x.refused("GET", "/api/v2/routing/users/none/utilization", nil, http.StatusNotFound, "not.found")
	// Two updates at once: a fault rule makes the platform's answer.
	conflict, err := sandbox.ParseFault("PUT */utilization -> 409 code conflict once")
	if err != nil {
		t.Fatal(err)
	}
	x.AddFault(conflict)
	x.refused("PUT", x.utilization("Mei Tanaka"), `{}`, http.StatusConflict, "conflict")
	if got := capacities(x.ok("GET", x.utilization("Mei Tanaka"), nil)); got["level"] != "Organization" {
		t.Errorf("after the conflict: %v", got)
	}
}

func TestUtilizationReadsLag(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{ReplicationDelay: 10 * time.Second})
	for _, path := range []string{x.utilization("Kofi Mensah"), orgUtilization} {
		put := capacities(x.ok("PUT", path, `{"utilization":{"email":{"maximumCapacity":7}}}`))
		before := capacities(x.ok("GET", path, nil))
		clock.Advance(10 * time.Second)
		after := capacities(x.ok("GET", path, nil))
		if put["email"] != "7" || before["email"] != "1" || after["email"] != "7" {
			t.Errorf("%s: put says %v, then %v, then %v", path, put["email"], before["email"], after["email"])
		}
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	slow := fmt.Sprint(x.ok("POST", labels, `{"name":"Slow","utilization":{"maximumCapacity":3}}`)["id"])
	quick := fmt.Sprint(x.ok("POST", labels, `{"name":"Quick"}`)["id"])
	if got := capacities(x.ok("GET", orgUtilization, nil)); got["Slow"] != "3" || got["Quick"] != "" {
		t.Errorf("the organisation's labels: %v", got)
	}
	x.refused("POST", labels, `{"name":"slow"}`, http.StatusBadRequest, "duplicate.name")
	x.refused("POST", labels, `{"name":" "}`, http.StatusBadRequest, "invalid.name")
	x.refused("POST", labels, `{"name":"Odd","utilization":{"interruptingLabelIds":["none"]}}`, http.StatusBadRequest, "invalid.utilization.label")

	x.ok("PUT", labels+"/"+quick, `{"name":"Quicker"}`)
	x.ok("PUT", x.utilization("Kofi Mensah"), `{"labelUtilizations":{"`+quick+`":{"maximumCapacity":4,"interruptingLabelIds":["`+slow+`"]}}}`)
	if got := capacities(x.ok("GET", x.utilization("Kofi Mensah"), nil)); got["Quicker"] != "4" || got["level"] != "Agent" {
		t.Errorf("the agent's labels: %v", got)
	}
	if names := len(entities(x.ok("GET", labels+"?name=qui*", nil))); names != 1 {
		t.Errorf("%d labels begin with qui", names)
	}
	x.refused("DELETE", labels+"/"+quick, nil, http.StatusBadRequest, "invalid.utilization.label")
	x.ok("DELETE", labels+"/"+quick+"?forceDelete=true", nil)
	x.refused("GET", labels+"/"+quick, nil, http.StatusNotFound, "resource.not.found")
	if got := capacities(x.ok("GET", x.utilization("Kofi Mensah"), nil)); got["Quicker"] != "" {
		t.Errorf("a deleted label is still shown: %v", got)
	}
}

func TestUtilizationLeavesAuditRows(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	x.ok("PUT", orgUtilization, `{"utilization":{"email":{"maximumCapacity":6}}}`)
	x.ok("PUT", x.utilization("Kofi Mensah"), `{"utilization":{"email":{"maximumCapacity":3}}}`)
	x.ok("DELETE", x.utilization("Kofi Mensah"), nil)
	x.ok("POST", labels, `{"name":"Slow"}`)
	for entity, want := range map[string]string{
		"MaxOrgRoutingUtilizationCapacity": "[Update]", "AgentRoutingInfo": "[Update Update]", "RoutingUtilizationTag": "[Create]",
	} {
		var actions []any
		for _, r := range x.trail("ContactCenter", entity) {
			actions = append(actions, r["action"])
		}
		if fmt.Sprint(actions) != want {
			t.Errorf("%s: %v, want %s", entity, actions, want)
		}
	}
	changes, _ := x.trail("ContactCenter", "AgentRoutingInfo")[1]["propertyChanges"].([]any)
	if d := cmp.Diff([]any{map[string]any{"property": "utilization.email.maximumCapacity", "oldValues": []any{}, "newValues": []any{"3"}}}, changes); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
}
