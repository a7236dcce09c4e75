package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

func TestUsersAreListedByPageAndByID(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	first := x.ok("GET", users+"?pageSize=40", nil)
	if fmt.Sprint(first["total"], "/", first["pageCount"]) != "42/2" || len(entities(first)) != 40 {
		t.Fatalf("first page: total %v, pages %v, %d users", first["total"], first["pageCount"], len(entities(first)))
	}
	second := entities(x.ok("GET", fmt.Sprint(first["nextUri"]), nil))
	if len(second) != 2 || second[1]["name"] != "Zofia Kowalska" {
		t.Fatalf("second page: %v", second)
	}
	ada, kofi := x.userID("Ada Brook"), x.userID("Kofi Mensah")
	two := entities(x.ok("GET", users+"?id="+kofi+","+ada, nil))
	if len(two) != 2 || two[0]["name"] != "Ada Brook" || two[1]["id"] != kofi {
		t.Fatalf("by id: %v", two)
	}
	many := url.Values{}
	for i := range 101 {
		many.Add("id", fmt.Sprint(i))
	}
	x.refused("GET", users+"?"+many.Encode(), nil, http.StatusBadRequest, "max.user.ids")
	if gone := x.ok("GET", users+"?state=deleted", nil); fmt.Sprint(gone["total"]) != "0" {
		t.Errorf("deleted users: %v", gone)
	}
	x.refused("GET", users+"/nobody", nil, http.StatusNotFound, "general.resource.not.found")
	x.refused("GET", users+"/"+ada+"?expand=dreams", nil, http.StatusBadRequest, "invalid.query.param.value")
}

func TestExpandShowsWhatAUserCanDo(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	plain := x.ok("GET", x.user("Pavel Horak"), nil)
	for _, field := range []string{"skills", "languages", "routingStatus", "presence"} {
		if plain[field] != nil {
			t.Errorf("%s is there without expand", field)
		}
	}
	full := x.ok("GET", x.user("Pavel Horak")+"?expand=skills,languages,routingStatus,presence", nil)
	got := map[string]string{}
	for _, field := range []string{"skills", "languages"} {
		list, _ := full[field].([]any)
		for _, v := range list {
			o, _ := v.(map[string]any)
			got[fmt.Sprint(o["name"])] = fmt.Sprint(o["proficiency"])
		}
	}
	if d := cmp.Diff(map[string]string{"Billing": "4", "Technical": "2.5", "VIP": "4", "English": "5"}, got); d != "" {
		t.Errorf("skills and languages (-want +got):\n%s", d)
	}
	status := x.ok("GET", x.user("Pavel Horak")+"/routingstatus", nil)
	if d := cmp.Diff(full["routingStatus"], any(status)); d != "" || status["status"] != "IDLE" {
		t.Errorf("routing status %v, expanded and by itself:\n%s", status["status"], d)
	}
	presence := x.ok("GET", x.user("Pavel Horak")+"/presences/purecloud", nil)
	if d := cmp.Diff(full["presence"], any(presence)); d != "" {
		t.Errorf("presence, expanded and by itself:\n%s", d)
	}
	definition, _ := presence["presenceDefinition"].(map[string]any)
	if definition["systemPresence"] != "On Queue" {
		t.Errorf("presence: %v", presence)
	}
	x.refused("GET", x.user("Pavel Horak")+"/presences/elsewhere", nil, http.StatusNotFound, "not.found")
	x.refused("GET", users+"/nobody/presences/purecloud", nil, http.StatusNotFound, "presenceservice.usernotfound")
}

func TestUsersQueryEndsWithoutACursor(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	seen, cursor, calls := map[string]bool{}, "", 0
	for {
		page := x.ok("GET", users+"/query?pageSize=20&cursor="+cursor, nil)
		calls++
		for _, u := range entities(page) {
			seen[fmt.Sprint(u["id"])] = true
		}
		if page["cursor"] == nil {
			break
		}
		cursor = fmt.Sprint(page["cursor"])
	}
	if len(seen) != 42 || calls != 3 {
		t.Errorf("%d users in %d calls, want 42 in 3", len(seen), calls)
	}
	x.refused("GET", users+"/query?cursor=x", nil, http.StatusBadRequest, "invalid.query.param.value")
}

func TestUserSearch(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	ada := x.userID("Ada Brook")
	tests := map[string]struct {
		query string
		want  []string
	}{
		"the whole name, case apart": {`{"type":"EXACT","fields":["name"],"value":"ADA brook"}`, []string{"Ada Brook"}},
		"a part is not exact":        {`{"type":"EXACT","fields":["name"],"value":"Ada"}`, nil},
		"a part":                     {`{"type":"CONTAINS","fields":["name"],"value":"ovak"}`, []string{"Tomas Novak"}},
		"a beginning, in any field":  {`{"type":"STARTS_WITH","fields":["name","email"],"value":"noor.h"}`, []string{"Noor Haddad"}},
		"a word":                     {`{"type":"TERM","fields":["name"],"value":"silva"}`, []string{"Mateo Silva"}},
		"half a word":                {`{"type":"TERM","fields":["name"],"value":"silv"}`, nil},
		"one of several":             {`{"type":"TERMS","fields":["name"],"values":["silva","novak"]}`, []string{"Mateo Silva", "Tomas Novak"}},
		"an id":                      {`{"type":"EXACT","fields":["id"],"values":["` + ada + `"]}`, []string{"Ada Brook"}},
		"all criteria must hold":     {`{"type":"CONTAINS","fields":["name"],"value":"ada"},{"type":"EXACT","fields":["department"],"value":"Orders"}`, nil},
		"except":                     {`{"type":"CONTAINS","fields":["name"],"value":"nadia"},{"type":"CONTAINS","fields":["name"],"value":"petrova","operator":"NOT"}`, nil},
		"either":                     {`{"operator":"OR","type":"EXACT","fields":["name"],"value":"Sam Whitaker"},{"operator":"OR","type":"EXACT","fields":["name"],"value":"Ada Brook"}`, []string{"Ada Brook", "Sam Whitaker"}},
		"a group":                    {`{"type":"EXACT","group":[{"type":"EXACT","fields":["title"],"value":"Administrator"}]}`, []string{"Sam Whitaker"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			found, _ := x.in(t).ok("POST", users+"/search", `{"query":[`+tt.query+`]}`)["results"].([]any)
			for _, u := range found {
				o, _ := u.(map[string]any)
				got = append(got, fmt.Sprint(o["name"]))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("found (-want +got):\n%s", d)
			}
		})
	}
	page := x.ok("POST", users+"/search", `{"pageSize":5,"pageNumber":2,"sortBy":"name","sortOrder":"DESC","query":[{"type":"EXACT","fields":["department"],"value":"Support"}]}`)
	if fmt.Sprint(page["total"], "/", page["pageCount"], "/", page["pageNumber"]) != "20/4/2" {
		t.Errorf("second page: %v", page)
	}
}

func TestUserSearchRefuses(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	tests := map[string]struct {
		body   string
		status int
		code   string
	}{
		"a type that does not exist":   {`{"query":[{"type":"LIKE","fields":["name"],"value":"a"}]}`, 400, "invalid.value"},
		"a criterion without a type":   {`{"query":[{"fields":["name"],"value":"a"}]}`, 400, "constraint.validation"},
		"a field that does not exist":  {`{"query":[{"type":"EXACT","fields":["mood"],"value":"a"}]}`, 400, "invalid.value"},
		"no fields":                    {`{"query":[{"type":"EXACT","value":"a"}]}`, 400, "client.failed.request"},
		"no value":                     {`{"query":[{"type":"EXACT","fields":["name"]}]}`, 400, "client.failed.request"},
		"a page of none":               {`{"pageSize":0}`, 400, "invalid.value"},
		"beyond what a search shows":   {`{"pageSize":100,"pageNumber":101}`, 400, "too.many.requested.results"},
		"an order by an unknown field": {`{"sortBy":"mood"}`, 400, "invalid.value"},
		"a type that is not imitated":  {`{"query":[{"type":"REGEX","fields":["name"],"value":"a"}]}`, 501, "not.implemented"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x.in(t).refused("POST", users+"/search", tt.body, tt.status, tt.code)
		})
	}
}

func TestQueuesOfAUser(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	names := func(path string) []string {
		var out []string
		for _, q := range entities(x.ok("GET", path, nil)) {
			out = append(out, fmt.Sprint(q["name"]))
		}
		return out
	}
	mei := x.userID("Mei Tanaka")
	want := []string{"Billing Email", "Support Email", "Voice Main", "Web Messaging"}
	if d := cmp.Diff(want, names(users+"/"+mei+"/queues")); d != "" {
		t.Fatalf("joined (-want +got):\n%s", d)
	}
	x.call("PATCH", x.queue("Voice Main")+"/members/"+mei, map[string]any{"joined": false})
	if d := cmp.Diff([]string{"Voice Main"}, names(users+"/"+mei+"/queues?joined=false")); d != "" {
		t.Errorf("not joined (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"Billing Email"}, names(x.user("Priya Raman")+"/queues")); d != "" {
		t.Errorf("through a skill group (-want +got):\n%s", d)
	}
}

func TestUserReadsLagBehindWrites(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{ReplicationDelay: 10 * time.Second})
	path := x.user("Ada Brook") + "/routingskills"
	x.ok("PUT", path+"/bulk", []any{})
	if got := len(entities(x.ok("GET", path, nil))); got != 4 {
		t.Errorf("%d skills right after the write, want the 4 from before", got)
	}
	clock.Advance(10 * time.Second)
	if got := len(entities(x.ok("GET", path, nil))); got != 0 {
		t.Errorf("%d skills after the delay, want none", got)
	}
}
