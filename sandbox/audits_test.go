package sandbox_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

// around is the interval from days before the virtual start to days after it.
func around(before, after int) string {
	return start.AddDate(0, 0, -before).Format(time.RFC3339) + "/" + start.AddDate(0, 0, after).Format(time.RFC3339)
}

// audited opens a sandbox in which Sam has edited a queue and the client has
// taken away one member and added another.
func audited(t *testing.T, o sandbox.Options) (x *org, clock *sandbox.Clock, queue, added string) {
	t.Helper()
	x, clock = virtual(t, o)
	err := x.EditQueue("Sam Whitaker", "Returns", func(q map[string]any) { q["description"] = "Parcels" })
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	path := x.queue("Returns")
	x.ok("DELETE", path+"/members/"+x.userID("Kofi Mensah"), nil)
	clock.Advance(time.Second)
	added = x.userID("Ada Brook")
	x.call("POST", path+"/members", []any{map[string]any{"id": added}})
	clock.Advance(time.Second)
	return x, clock, fmt.Sprint(x.named("/api/v2/routing/queues", "Returns")["id"]), added
}

func actions(rows []map[string]any) []string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r["action"]))
	}
	return out
}

func TestRealtimeAuditsAreFiltered(t *testing.T) {
	t.Parallel()
	x, _, queue, _ := audited(t, sandbox.Options{})
	sam := x.userID("Sam Whitaker")
	filter := func(property, value string) string { return `{"property":"` + property + `","value":"` + value + `"}` }
	tests := map[string]struct {
		more string // of the request
		want []string
	}{
		"newest first":            {``, []string{"MemberAdd", "MemberRemove", "Update"}},
		"oldest first":            {`,"sort":[{"name":"Timestamp","sortOrder":"ascending"}]`, []string{"Update", "MemberRemove", "MemberAdd"}},
		"of one object":           {`,"filters":[` + filter("EntityId", queue) + `]`, []string{"MemberAdd", "MemberRemove", "Update"}},
		"of another object":       {`,"filters":[` + filter("EntityId", "other") + `]`, nil},
		"by a person":             {`,"filters":[` + filter("UserId", sam) + `]`, []string{"Update"}},
		"by the client":           {`,"filters":[` + filter("ClientId", sandbox.DefaultClientID) + `]`, []string{"MemberAdd", "MemberRemove"}},
		"all filters must hold":   {`,"filters":[` + filter("UserId", sam) + `,` + filter("EntityType", "Queue") + `,` + filter("Action", "Delete") + `]`, nil},
		"an action of a type":     {`,"filters":[` + filter("EntityType", "Queue") + `,` + filter("Action", "MemberAdd") + `]`, []string{"MemberAdd"}},
		"the second page":         {`,"pageSize":2,"pageNumber":2`, []string{"Update"}},
		"a page beyond the last":  {`,"pageSize":2,"pageNumber":3`, nil},
		"by another organisation": {`,"filters":[` + filter("TrusteeOrganizationId", "other") + `]`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := x.in(t).ok("POST", realtime, `{"interval":"`+around(1, 1)+`","serviceName":"ContactCenter"`+tt.more+`}`)
			if d := cmp.Diff(tt.want, actions(entities(got))); d != "" {
				t.Errorf("rows (-want +got):\n%s", d)
			}
		})
	}
	page := x.ok("POST", realtime, `{"interval":"`+around(1, 1)+`","serviceName":"ContactCenter","pageSize":2}`)
	if got := fmt.Sprint(page["total"], "/", page["pageCount"], "/", page["pageNumber"], "/", page["pageSize"]); got != "3/2/1/2" {
		t.Errorf("total/pages/page/size: %s", got)
	}
	later := start.Add(time.Second).Format(time.RFC3339) + "/" + start.Add(2*time.Second).Format(time.RFC3339)
	got := x.ok("POST", realtime, `{"interval":"`+later+`","serviceName":"ContactCenter"}`)
	if d := cmp.Diff([]string{"MemberRemove"}, actions(entities(got))); d != "" {
		t.Errorf("rows of one second; its end is not in it (-want +got):\n%s", d)
	}
}

func TestAuditsNameUsersWhenAsked(t *testing.T) {
	t.Parallel()
	x, _, _, added := audited(t, sandbox.Options{})
	body := `{"interval":"` + around(1, 1) + `","serviceName":"ContactCenter"}`
	user := func(path string) any {
		rows := entities(x.ok("POST", path, body))
		u, _ := rows[2]["user"].(map[string]any)
		return u["name"]
	}
	if got := user(realtime + "?expand=user"); got != "Sam Whitaker" {
		t.Errorf("expanded: %v", got)
	}
	if got := user(realtime); got != nil {
		t.Errorf("not expanded: %v", got)
	}
	changes, _ := entities(x.ok("POST", realtime, body))[0]["propertyChanges"].([]any)
	change, _ := changes[0].(map[string]any)
	if d := cmp.Diff(any([]any{"queueMember:" + added}), change["newValues"]); d != "" {
		t.Errorf("who was added (-want +got):\n%s", d)
	}
}

func TestAuditQueriesAreRefused(t *testing.T) {
	t.Parallel()
	x, _ := virtual(t, sandbox.Options{})
	const both, now, later = "both", "realtime", "query"
	tests := map[string]struct{ which, body, code string }{
		"no interval":                    {both, `{"serviceName":"ContactCenter"}`, "constraint.validation"},
		"half an interval":               {both, `{"interval":"2026-03-01T00:00:00Z","serviceName":"ContactCenter"}`, "invalid.value"},
		"an interval that runs backward": {both, `{"interval":"2026-03-02T00:00:00Z/2026-03-01T00:00:00Z","serviceName":"ContactCenter"}`, "invalid.value"},
		"no service":                     {both, `{"interval":"` + around(1, 1) + `"}`, "client.failed.request"},
		"an action of no type":           {both, `{"interval":"` + around(1, 1) + `","serviceName":"ContactCenter","filters":[{"property":"Action","value":"Update"}]}`, "client.failed.request"},
		"a property that does not exist": {both, `{"interval":"` + around(1, 1) + `","serviceName":"ContactCenter","filters":[{"property":"Mood","value":"x"}]}`, "invalid.value"},
		"further back than realtime":     {now, `{"interval":"` + around(15, 1) + `","serviceName":"ContactCenter"}`, "client.failed.request"},
		"a page of none":                 {now, `{"interval":"` + around(1, 1) + `","serviceName":"ContactCenter","pageSize":0}`, "invalid.value"},
		"a page too large":               {now, `{"interval":"` + around(1, 1) + `","serviceName":"ContactCenter","pageSize":501}`, "invalid.value"},
		"more than 30 days":              {later, `{"interval":"` + around(30, 1) + `","serviceName":"ContactCenter"}`, "client.failed.request"},
		"more than a year back":          {later, `{"interval":"` + around(366, -360) + `","serviceName":"ContactCenter"}`, "client.failed.request"},
		"pages of a query that runs":     {later, `{"interval":"` + around(1, 1) + `","serviceName":"ContactCenter","pageSize":5}`, "invalid.property"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.which != later {
				x.in(t).refused("POST", realtime, tt.body, http.StatusBadRequest, tt.code)
			}
			if tt.which != now {
				x.in(t).refused("POST", "/api/v2/audits/query", tt.body, http.StatusBadRequest, tt.code)
			}
		})
	}
}

func TestAuditsShowAfterTheDelay(t *testing.T) {
	t.Parallel()
	x, clock, _, _ := audited(t, sandbox.Options{AuditDelay: 10 * time.Second})
	rows := func() int {
		return len(entities(x.ok("POST", realtime, `{"interval":"`+around(1, 1)+`","serviceName":"ContactCenter"}`)))
	}
	if n := rows(); n != 0 {
		t.Errorf("%d rows before the delay is over", n)
	}
	clock.Advance(8 * time.Second) // 11 s after the first change, 10 after the second
	if n := rows(); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	clock.Advance(time.Second)
	if n := rows(); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

func TestAnAuditQueryRuns(t *testing.T) {
	t.Parallel()
	x, clock, queue, _ := audited(t, sandbox.Options{})
	for range 13 { // 26 more rows
		x.call("PATCH", "/api/v2/routing/queues/"+queue+"/members/"+x.userID("Ada Brook"), map[string]any{"joined": false})
		x.call("PATCH", "/api/v2/routing/queues/"+queue+"/members/"+x.userID("Ada Brook"), map[string]any{"joined": true})
	}
	clock.Advance(time.Second)
	const query = "/api/v2/audits/query"
	r := x.call("POST", query, `{"interval":"`+around(20, 10)+`","serviceName":"ContactCenter","filters":[{"property":"EntityId","value":"`+queue+`"}]}`)
	posted := r.object(t)
	if r.status != http.StatusAccepted || posted["state"] != "Queued" || posted["serviceName"] != "ContactCenter" {
		t.Fatalf("posted: %d %v", r.status, posted)
	}
	path := query + "/" + fmt.Sprint(posted["id"])
	x.refused("GET", path+"/results", nil, http.StatusBadRequest, "bad.request")
	for i, want := range []string{"202 Running", "200 Succeeded", "200 Succeeded"} {
		r := x.call("GET", path, nil)
		if got := fmt.Sprint(r.status, " ", r.object(t)["state"]); got != want {
			t.Fatalf("look %d: %s, want %s", i+1, got, want)
		}
	}
	first := x.ok("GET", path+"/results", nil)
	if n := len(entities(first)); n != 25 || first["cursor"] == nil {
		t.Fatalf("first page: %d rows, cursor %v", n, first["cursor"])
	}
	second := x.ok("GET", path+"/results?expand=user&cursor="+fmt.Sprint(first["cursor"]), nil)
	rest := entities(second)
	if len(rest) != 4 || second["cursor"] != nil || rest[3]["action"] != "Update" {
		t.Fatalf("second page: %v, cursor %v", actions(rest), second["cursor"])
	}
	if all := x.ok("GET", path+"/results?pageSize=500", nil); len(entities(all)) != 29 || all["cursor"] != nil {
		t.Errorf("in one page: %d rows, cursor %v", len(entities(all)), all["cursor"])
	}
	x.refused("GET", path+"/results?pageSize=501", nil, http.StatusBadRequest, "invalid.query.param.value")
	x.refused("GET", path+"/results?cursor=x", nil, http.StatusBadRequest, "invalid.query.param.value")
	x.refused("GET", query+"/none", nil, http.StatusNotFound, "not.found")
}

// Every row that the sandbox writes is of a service, a type and an action that
// the mapping names.
func TestServiceMappingNamesWhatIsAudited(t *testing.T) {
	t.Parallel()
	x, _, queue, _ := audited(t, sandbox.Options{})
	x.ok("POST", labels, `{"name":"Slow"}`)
	x.ok("PUT", x.utilization("Kofi Mensah"), `{"utilization":{"email":{"maximumCapacity":3}}}`)
	x.call("POST", "/api/v2/routing/queues/"+queue+"/wrapupcodes", []any{map[string]any{"id": x.named(wrapUpCodes, "Spam")["id"]}})
	x.ok("POST", routes, map[string]any{"pattern": "vip", "fromName": "VIP", "queue": map[string]any{"id": queue}})
	x.ok("POST", "/api/v2/routing/skills", `{"name":"New"}`)
	mapped, rows := map[string]bool{}, 0
	services, _ := x.ok("GET", realtime+"/servicemapping", nil)["services"].([]any)
	var names []string
	for _, s := range services {
		service, _ := s.(map[string]any)
		names = append(names, fmt.Sprint(service["name"]))
		list, _ := service["entities"].([]any)
		for _, e := range list {
			entity, _ := e.(map[string]any)
			acts, _ := entity["actions"].([]any)
			for _, a := range acts {
				mapped[fmt.Sprint(service["name"], entity["name"], a)] = true
			}
		}
	}
	if d := cmp.Diff([]string{"ContactCenter", "Emails", "Routing"}, names); d != "" {
		t.Errorf("services (-want +got):\n%s", d)
	}
	for _, service := range names {
		for _, r := range entities(x.ok("POST", realtime, `{"interval":"`+around(1, 1)+`","serviceName":"`+service+`","pageSize":100}`)) {
			rows++
			if !mapped[fmt.Sprint(r["serviceName"], r["entityType"], r["action"])] {
				t.Errorf("not in the mapping: %v", r)
			}
		}
	}
	if rows != 8 {
		t.Errorf("%d rows, want 8", rows)
	}
}
