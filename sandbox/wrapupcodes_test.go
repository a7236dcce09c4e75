package sandbox_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

const wrapUpCodes = "/api/v2/routing/wrapupcodes"

func TestWrapUpCodesOfAQueue(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path := x.queue("Returns") + "/wrapupcodes"
	names := func() []string {
		var out []string
		for _, c := range entities(x.ok("GET", path, nil)) {
			out = append(out, fmt.Sprint(c["name"]))
		}
		return out
	}
	spam, resolved := x.named(wrapUpCodes, "Spam"), x.named(wrapUpCodes, "Resolved")
	add := func(ids ...any) reply {
		var body []any
		for _, id := range ids {
			body = append(body, map[string]any{"id": id})
		}
		return x.call("POST", path, body)
	}
	add(spam["id"], resolved["id"])
	add(spam["id"]) // again
	if d := cmp.Diff([]string{"Resolved", "Spam"}, names()); d != "" {
		t.Fatalf("after adding (-want +got):\n%s", d)
	}
	x.ok("DELETE", path+"/"+fmt.Sprint(spam["id"]), nil)
	if d := cmp.Diff([]string{"Resolved"}, names()); d != "" {
		t.Fatalf("after removing (-want +got):\n%s", d)
	}
	x.refused("DELETE", path+"/"+fmt.Sprint(spam["id"]), nil, http.StatusNotFound, "resource.not.found")
	x.refused("GET", "/api/v2/routing/queues/none/wrapupcodes", nil, http.StatusNotFound, "resource.not.found")
	if r := add(spam["id"], "none"); r.status != http.StatusNotFound {
		t.Errorf("a code that does not exist: %d %s", r.status, r.body)
	}
	many := make([]any, 101)
	for i := range many {
		many[i] = spam["id"]
	}
	if r := add(many...); r.status != http.StatusBadRequest {
		t.Errorf("101 codes in one call: %d %s", r.status, r.body)
	}
	if d := cmp.Diff([]string{"Resolved"}, names()); d != "" {
		t.Errorf("after refused calls (-want +got):\n%s", d)
	}
	var actions []any
	for _, r := range x.trail("ContactCenter", "Queue") {
		actions = append(actions, r["action"])
	}
	if d := cmp.Diff([]any{"WrapupCodeRemove", "WrapupCodeAdd", "WrapupCodeAdd"}, actions); d != "" {
		t.Errorf("audit rows, newest first (-want +got):\n%s", d)
	}
}

func TestWrapUpCodesAreListed(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	all := entities(x.ok("GET", wrapUpCodes+"?sortOrder=descending", nil))
	if len(all) != 5 || all[0]["name"] != "Spam" {
		t.Errorf("all, last first: %v", all)
	}
	one := entities(x.ok("GET", wrapUpCodes+"?name=dup*", nil))
	if len(one) != 1 || one[0]["name"] != "Duplicate" {
		t.Errorf("by name: %v", one)
	}
	if byID := entities(x.ok("GET", wrapUpCodes+"?id="+fmt.Sprint(one[0]["id"]), nil)); len(byID) != 1 {
		t.Errorf("by id: %v", byID)
	}
}
