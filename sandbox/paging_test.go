package sandbox_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

// walk follows nextUri from a path to the end.
func walk(x *org, path string) (names []string, pages []map[string]any) {
	x.t.Helper()
	for path != "" {
		p := x.ok("GET", path, nil)
		pages = append(pages, p)
		for _, e := range entities(p) {
			names = append(names, fmt.Sprint(e["name"]))
		}
		path, _ = p["nextUri"].(string)
	}
	return names, pages
}

func TestPagesWithTotals(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	names, pages := walk(x, "/api/v2/routing/skills?pageSize=3")
	want := []string{"Back Office", "Billing", "Complaints", "Returns", "Shipping", "Technical", "VIP"}
	if d := cmp.Diff(want, names); d != "" {
		t.Fatalf("skills (-want +got):\n%s", d)
	}
	for i, p := range pages {
		if fmt.Sprintf("%v %v %v %v", p["total"], p["pageCount"], p["pageNumber"], p["pageSize"]) != fmt.Sprintf("7 3 %d 3", i+1) {
			t.Errorf("page %d: %v", i+1, p)
		}
	}
	if beyond := x.ok("GET", "/api/v2/routing/skills?pageNumber=9", nil); len(entities(beyond)) != 0 || beyond["nextUri"] != nil {
		t.Errorf("a page beyond the end: %v", beyond)
	}
}

func TestMembersHaveNoTotal(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Support Email")
	names, pages := walk(x, q+"/members?pageSize=5")
	if len(names) != 18 || len(pages) != 4 {
		t.Fatalf("%d members on %d pages, want 18 on 4", len(names), len(pages))
	}
	for _, p := range pages {
		if p["total"] != nil || p["pageCount"] != nil {
			t.Errorf("a page of members has totals: %v", p)
		}
	}
	if got := fmt.Sprint(x.ok("GET", q, nil)["memberCount"]); got != "18" {
		t.Errorf("memberCount %s, want 18", got)
	}
}

func TestCursorsOfSkillGroups(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	names, pages := walk(x, "/api/v2/routing/skillgroups?pageSize=2")
	if d := cmp.Diff([]string{"Back Office", "Billing Experts", "Order Desk"}, names); d != "" {
		t.Fatalf("groups (-want +got):\n%s", d)
	}
	for _, p := range pages {
		if p["total"] != nil || p["pageNumber"] != nil {
			t.Errorf("a cursor page has numbers: %v", p)
		}
	}
	back, _ := pages[1]["previousUri"].(string)
	if got := entities(x.ok("GET", back, nil)); len(got) != 2 || got[0]["name"] != "Back Office" {
		t.Errorf("previousUri leads to %v", got)
	}
	x.refused("GET", "/api/v2/routing/skillgroups?after=nowhere", nil, 400, "invalid.query.param.value")
	office := x.named("/api/v2/routing/skillgroups", "Back Office")
	members, _ := walk(x, fmt.Sprint("/api/v2/routing/skillgroups/", office["id"], "/members?pageSize=4"))
	if got := fmt.Sprint(len(members)); got != fmt.Sprint(office["memberCount"]) || got == "0" {
		t.Errorf("%s members, memberCount %v", got, office["memberCount"])
	}
}

func TestCursorsThatTheSandboxDidNotMakeAreRefused(t *testing.T) {
	t.Parallel()
	var mail []string
	for i := range 12 {
		mail = append(mail, fmt.Sprintf("09:%02d support 1m", i))
	}
	x := atDesk(t, sandbox.Options{}, mail...)
	x.passes(time.Hour)
	const day = `"interval":"2026-03-02T00:00:00Z/2026-03-03T00:00:00Z"`
	for i := range 3 {
		x.ok("POST", "/api/v2/routing/queues", map[string]any{"name": fmt.Sprint("Queue ", i)})
	}
	audits := "/api/v2/audits/query/" + fmt.Sprint(x.ok("POST", "/api/v2/audits/query", `{`+day+`,"serviceName":"ContactCenter"}`)["id"])
	for range 2 {
		x.call("GET", audits, nil)
	}
	for name, tt := range map[string]struct{ path, parameter string }{
		"users":        {users + "/query?pageSize=2", "cursor"},
		"after":        {"/api/v2/routing/skillgroups?pageSize=1", "after"},
		"before":       {"/api/v2/routing/skillgroups?pageSize=1", "before"},
		"audits":       {audits + "/results?pageSize=2", "cursor"},
		"aggregates":   {x.ranJob(aggregatesJobs, `{`+day+`,"metrics":["tHandle"],"groupBy":["conversationId"],"pageSize":7}`) + "/results?", "cursor"},
		"conversation": {x.ranJob(detailsJobs, `{`+day+`}`) + "/results?pageSize=7", "cursor"},
	} {
		answer := x.ok("GET", tt.path, nil)
		good, _ := answer["cursor"].(string)
		if next, ok := answer["nextUri"].(string); ok && good == "" {
			u, err := url.Parse(next)
			if err != nil {
				t.Fatal(err)
			}
			good = u.Query().Get("after")
		}
		with := func(cursor string) string { return tt.path + "&" + tt.parameter + "=" + url.QueryEscape(cursor) }
		x.ok("GET", with(good), nil)
		key, _ := base64.RawURLEncoding.DecodeString(good)
		for _, bad := range []string{
			good + "!", good + "====", good + "\n", good + good, "!", "\x00",
			base64.RawURLEncoding.EncodeToString(append([]byte("+"), key...)), base64.RawURLEncoding.EncodeToString(append([]byte("0"), key...)),
		} {
			if r := x.call("GET", with(bad), nil); r.status != http.StatusBadRequest || r.object(t)["code"] != "invalid.query.param.value" {
				t.Errorf("%s: the cursor %q: %d %s", name, bad, r.status, r.body)
			}
		}
	}
}

func TestALargeOrganisation(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{Empty: true})
	x.Populate(1000, 2000)
	x.ClearRequests()
	queues, _ := walk(x, "/api/v2/routing/queues?pageSize=100")
	var addresses []string
	domains, _ := walk(x, "/api/v2/routing/email/domains?pageSize=100")
	for _, d := range domains {
		more, _ := walk(x, "/api/v2/routing/email/domains/"+d+"/routes?pageSize=100")
		addresses = append(addresses, more...)
	}
	if len(queues) != 1000 || len(domains) != 2 || len(addresses) != 2000 {
		t.Fatalf("%d queues, %d domains, %d addresses", len(queues), len(domains), len(addresses))
	}
	if n := len(x.Requests()); n != 31 {
		t.Errorf("%d requests, want 31", n)
	}
}
