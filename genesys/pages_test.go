package genesys_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

func names[T any](t testing.TB, items func(func(T, error) bool), name func(T) string) []string {
	t.Helper()
	var out []string
	for it, err := range items {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, name(it))
	}
	return out
}

func refName(r routing.Ref) string { return r.Name }

func TestFourStylesOfPaging(t *testing.T) {
	t.Parallel()
	const last = `{"entities":[{"id":"3","name":"c"}],`
	tests := map[string]struct {
		pages func(w http.ResponseWriter, r *http.Request)
		list  func(*genesys.Client) []string
		calls []string
	}{
		"page numbers with a page count": {
			pages: answers(reply(200, `{"entities":[{"id":"1","name":"a"},{"id":"2","name":"b","state":"deleted"}],"pageCount":2,"nextUri":"/ignored"}`), reply(200, last+`"pageCount":2}`)),
			list:  func(c *genesys.Client) []string { return names(t, c.Skills(t.Context()), refName) },
			calls: []string{"GET /api/v2/routing/skills?pageNumber=1&pageSize=100", "GET /api/v2/routing/skills?pageNumber=2&pageSize=100"},
		},
		"page numbers without a total, ended by no nextUri": {
			pages: answers(reply(200, `{"entities":[{"id":"1","name":"a"}],"nextUri":"/api/v2/x?pageNumber=2"}`), reply(200, last+`"pageNumber":2}`)),
			list: func(c *genesys.Client) []string {
				return names(t, c.Members(t.Context(), "q1"), func(m routing.Member) string { return m.Name })
			},
			calls: []string{"GET /api/v2/routing/queues/q1/members?pageNumber=1&pageSize=100", "GET /api/v2/routing/queues/q1/members?pageNumber=2&pageSize=100"},
		},
		"page numbers without a total, ended by an empty page": {
			pages: answers(reply(200, `{"entities":[{"id":"1","name":"a"}],"nextUri":"/2"}`), reply(200, last+`"nextUri":"/3"}`), reply(200, `{"entities":[],"nextUri":"/4"}`)),
			list: func(c *genesys.Client) []string {
				return names(t, c.Members(t.Context(), "q1"), func(m routing.Member) string { return m.Name })
			},
			calls: []string{"GET /api/v2/routing/queues/q1/members?pageNumber=1&pageSize=100", "GET /api/v2/routing/queues/q1/members?pageNumber=2&pageSize=100", "GET /api/v2/routing/queues/q1/members?pageNumber=3&pageSize=100"},
		},
		"a cursor inside nextUri": {
			pages: answers(reply(200, `{"entities":[{"id":"1","name":"a"}],"nextUri":"/api/v2/routing/skillgroups?pageSize=100&after=x%3D%3D"}`), reply(200, last+`"previousUri":"/x?before=1"}`)),
			list:  func(c *genesys.Client) []string { return names(t, c.SkillGroups(t.Context()), refName) },
			calls: []string{"GET /api/v2/routing/skillgroups?pageSize=100", "GET /api/v2/routing/skillgroups?after=x%3D%3D&pageSize=100"},
		},
		"a cursor in the body": {
			pages: answers(reply(200, `{"entities":[{"id":"1","name":"a"}],"results":1,"cursor":"x="}`), reply(200, last+`"results":1}`)),
			list: func(c *genesys.Client) []string {
				return names(t, c.Agents(t.Context()), func(a routing.Agent) string { return a.Name })
			},
			calls: []string{"GET /api/v2/users/query?pageSize=100", "GET /api/v2/users/query?cursor=x%3D&pageSize=100"},
		},
		"page numbers in the body": {
			pages: answers(reply(200, `{"entities":[{"id":"a","eventDate":"2026-11-23T10:00:00.000Z"}],"pageCount":2}`), reply(200, `{"entities":[{"id":"c"}],"pageCount":2}`)),
			list: func(c *genesys.Client) []string {
				return names(t, c.AuditsRealtime(t.Context(), genesys.AuditQuery{Service: "ContactCenter"}), func(a genesys.AuditRecord) string { return a.ID })
			},
			calls: []string{"POST /api/v2/audits/query/realtime?expand=user", "POST /api/v2/audits/query/realtime?expand=user"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: tt.pages}
			if d := cmp.Diff([]string{"a", "c"}, tt.list(p.client(t))); d != "" {
				t.Errorf("list (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.calls, p.calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
			if tt.calls[0][:4] == "POST" && (!strings.Contains(p.bodies[0], `"pageNumber":1`) || !strings.Contains(p.bodies[1], `"pageNumber":2`)) {
				t.Errorf("bodies: %s", p.bodies)
			}
		})
	}
}

func TestAListIsReadAnewEachTimeAndOnlyAsFarAsAsked(t *testing.T) {
	t.Parallel()
	p := &platform{api: func(w http.ResponseWriter, r *http.Request) {
		next := `,"nextUri":"/api/v2/routing/skillgroups?after=2"`
		if r.URL.Query().Get("after") != "" {
			next = ""
		}
		reply(200, fmt.Sprintf(`{"entities":[{"id":"%s","name":"n"}]%s}`, r.URL.Query().Get("after"), next))(w, r)
	}}
	groups := p.client(t).SkillGroups(t.Context())
	for range 2 {
		if got := names(t, groups, refName); len(got) != 2 {
			t.Fatalf("got %v", got)
		}
	}
	for range groups {
		break
	}
	if len(p.calls) != 5 {
		t.Fatalf("%d calls, want 2 + 2 + 1: %v", len(p.calls), p.calls)
	}
}

func TestABadPageEndsTheListWithItsReason(t *testing.T) {
	t.Parallel()
	groups := `{"entities":[{"id":"1","name":"a"}],"nextUri":"%s"}`
	for name, tt := range map[string]struct{ body, want string }{
		"another host":    {fmt.Sprintf(groups, "https://evil.example.com/x?after=1"), "page 1: its next page is on another host, evil.example.com"},
		"no cursor":       {fmt.Sprintf(groups, "/api/v2/routing/skillgroups?page=2"), "page 1: the address of its next page has no cursor"},
		"the same again":  {fmt.Sprintf(groups, "/api/v2/routing/skillgroups?after=1"), "page 2: its next page is itself"},
		"not an address":  {fmt.Sprintf(groups, "::%%"), "page 1: the address of its next page is not one"},
		"entity mistyped": {`{"entities":[{"id":"1","name":"a"},7]}`, "page 1, entity 2: json: cannot unmarshal number"},
		"not a list":      {`[]`, "GET /api/v2/routing/skillgroups: the reply does not fit: json: cannot unmarshal array"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: reply(200, tt.body)}
			var last error
			for _, err := range p.client(t).SkillGroups(t.Context()) {
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), tt.want) {
				t.Fatalf("err = %v, want %s", last, tt.want)
			}
		})
	}
}

func TestAuditQueryBody(t *testing.T) {
	t.Parallel()
	p := &platform{api: reply(200, `{"entities":[],"pageCount":0}`)}
	from := time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("CET", 3600))
	for range p.client(t).AuditsRealtime(t.Context(), genesys.AuditQuery{
		From: from, To: from.Add(time.Hour), Service: "ContactCenter", EntityType: "Queue", EntityID: "q1",
	}) {
		t.Fatal("an empty answer has no records")
	}
	want := `{"filters":[{"property":"EntityType","value":"Queue"},{"property":"EntityId","value":"q1"}],"interval":"2026-11-23T09:00:00.000Z/2026-11-23T10:00:00.000Z",` +
		`"pageNumber":1,"pageSize":100,"serviceName":"ContactCenter","sort":[{"name":"Timestamp","sortOrder":"descending"}]}`
	if d := cmp.Diff(canon(t, json.RawMessage(want)), canon(t, json.RawMessage(p.bodies[0]))); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}
