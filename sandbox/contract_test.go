package sandbox_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/internal/contract"
	"github.com/foresort/foresort/sandbox"
)

// Every operation of the contract is called with a plausible request: what is
// implemented gives a success that fits the contract, everything else says 501
// and its own name.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	implemented := sandbox.Implemented()
	for _, op := range contract.Load().Operations() {
		t.Run(op.ID, func(t *testing.T) {
			t.Parallel()
			o := sandbox.Options{ActivationDelay: time.Minute}
			if strings.Contains(op.Path, "/conversations/emails") || op.ID == "patchRoutingConversation" {
				o.Traffic = sandbox.SeedTraffic() // at rest there are none
			}
			x := open(t, o)
			path, body := plausible(x, op)
			if !implemented[op.ID] {
				r := x.call(op.Method, path, nil)
				if r.status != http.StatusNotImplemented || op.Method != http.MethodHead && !strings.Contains(string(r.body), op.ID) {
					t.Fatalf("%d %s, want 501 and the name %s", r.status, r.body, op.ID)
				}
				return
			}
			if op.ID == "getUsersMe" {
				x.refused(op.Method, path, nil, http.StatusBadRequest, "not.a.user")
				return
			}
			if op.ID == "getConversationsEmails" { // the contract has no code of its own for it
				x.refused(op.Method, path, nil, http.StatusBadRequest, "bad.request")
				return
			}
			r := x.call(op.Method, path, body)
			if r.status >= 300 || r.err != nil {
				t.Fatalf("%s %s: %d %s", op.Method, path, r.status, r.body)
			}
		})
	}
	for id := range implemented {
		if _, ok := contract.Load().Operation(id); !ok {
			t.Errorf("%s is implemented but not in the contract", id)
		}
	}
}

// plausible makes a request that should succeed: its parameters name objects
// of the seeded organisation.
func plausible(x *org, op *contract.Operation) (path string, body any) {
	x.t.Helper()
	queue := x.named("/api/v2/routing/queues", "Support Email")
	skill := x.named("/api/v2/routing/skills", "Shipping")
	member := entities(x.ok("GET", fmt.Sprintf("/api/v2/routing/queues/%s/members", queue["id"]), nil))[0]
	route := entities(x.ok("GET", routes, nil))[0]
	id := fmt.Sprint(queue["id"])
	path = strings.NewReplacer(append(moreParams(x, op, fmt.Sprint(member["id"]), id),
		"{queueId}", id,
		"{memberId}", fmt.Sprint(member["id"]),
		"{userId}", fmt.Sprint(member["id"]),
		"{agentId}", fmt.Sprint(member["id"]),
		"{skillId}", fmt.Sprint(skill["id"]),
		"{languageId}", fmt.Sprint(x.named("/api/v2/routing/languages", "German")["id"]),
		"{skillGroupId}", fmt.Sprint(x.named("/api/v2/routing/skillgroups", "Back Office")["id"]),
		"{domainId}", "help.example.com", "{domainName}", "help.example.com",
		"{routeId}", fmt.Sprint(route["id"]),
	)...).Replace(op.Path)
	for strings.Contains(path, "{") { // what only operations without a handler name
		from, to := strings.Index(path, "{"), strings.Index(path, "}")
		path = path[:from] + "none" + path[to+1:]
	}
	bodies := map[string]any{
		"postRoutingQueues":            map[string]any{"name": "New"},
		"putRoutingQueue":              map[string]any{"name": "Support Email", "description": "new"},
		"postRoutingQueueMembers":      []any{map[string]any{"id": member["id"]}},
		"patchRoutingQueueMembers":     []any{map[string]any{"id": member["id"], "joined": false}},
		"patchRoutingQueueMember":      map[string]any{"id": member["id"], "joined": false},
		"postRoutingSkills":            map[string]any{"name": "New"},
		"postRoutingLanguages":         map[string]any{"name": "New"},
		"postRoutingEmailDomains":      map[string]any{"id": "new.example.com"},
		"patchRoutingEmailDomain":      map[string]any{},
		"postRoutingEmailDomainRoutes": map[string]any{"pattern": "vip", "fromName": "VIP", "queue": map[string]any{"id": id}},
		"putRoutingEmailDomainRoute":   map[string]any{"pattern": route["pattern"], "fromName": "New", "queue": map[string]any{"id": id}},
	}
	maps.Copy(bodies, moreBodies(x))
	return path, bodies[op.ID]
}
