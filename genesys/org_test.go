package genesys_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// org starts a sandbox in the process and signs in to it.
func org(t testing.TB, o sandbox.Options) (*sandbox.Server, *genesys.Client) {
	t.Helper()
	o.CheckAnswers = true
	s := sandbox.New(o)
	t.Cleanup(func() {
		for _, m := range s.Misfits() {
			t.Errorf("against the contract: %s", m)
		}
	})
	c, err := genesys.New(genesys.Config{ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret, Transport: s.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func address(s string) routing.Address {
	a, err := routing.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// apiRequests counts what the sandbox got apart from the sign-in.
func apiRequests(s *sandbox.Server) int {
	n := 0
	for _, r := range s.Requests() {
		if !strings.HasPrefix(r.Path, "/oauth/") {
			n++
		}
	}
	return n
}

func TestReadOrgReadsWhatTheScopeNames(t *testing.T) {
	t.Parallel()
	s, c := org(t, sandbox.Options{})
	got, err := c.ReadOrg(t.Context(), genesys.Scope{
		Queues:    []string{"Support Email", "Billing Email", "Support Email"},
		Addresses: []routing.Address{address("billing@help.example.com"), address("new@help.example.com"), address("x@elsewhere.example.org")},
		Members:   true, Skills: true, Languages: true, SkillGroups: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.ID == "" || got.Name == "" {
		t.Errorf("org = %v", got.Ref)
	}
	var queues []string
	for _, q := range got.Queues {
		queues = append(queues, q.Name)
		if len(q.Members) == 0 {
			t.Errorf("queue %s has no members", q.Name)
		}
	}
	if d := cmp.Diff([]string{"Billing Email", "Support Email"}, queues); d != "" {
		t.Errorf("queues (-want +got):\n%s", d)
	}
	if r := got.Queues[0].Settings.Rings; r == nil || (*r)[0].Drop[0].Name != "VIP" || (*r)[1].Groups[0].Name != "Back Office" {
		t.Errorf("rings = %v", r)
	}
	if len(got.Routes) != 1 || got.Routes[0].Address != address("billing@help.example.com") || got.Routes[0].Settings.Queue.Name != "Billing Email" {
		t.Errorf("routes = %+v", got.Routes)
	}
	if (*got.Routes[0].Settings.Skills)[0].Name != "Billing" || got.Routes[0].Settings.Language.Name != "English" {
		t.Errorf("route settings = %+v", got.Routes[0].Settings)
	}
	if !slices.ContainsFunc(got.Domains, func(d routing.EmailDomain) bool { return d.Name == "help.example.com" }) || got.Skills == nil || got.Languages == nil || got.SkillGroups == nil {
		t.Errorf("lists are not whole: %+v", got)
	}
	if got.Agents != nil || got.Utilization != nil {
		t.Error("agents or utilization were read, nobody asked")
	}
	for _, r := range s.Requests() {
		if strings.Contains(r.Path, "elsewhere") {
			t.Errorf("asked for a domain that there is not: %s", r.Path)
		}
	}
}

func TestReadOrgReadsCapacityOfMembersAndAgents(t *testing.T) {
	t.Parallel()
	_, c := org(t, sandbox.Options{})
	got, err := c.ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Technical"}, Capacity: true, Agents: []string{"Noor Haddad"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Agents) != 1 || got.Agents[0].Name != "Noor Haddad" {
		t.Errorf("agents %v, want the one that was named", got.Agents)
	}
	if len(got.Utilization) != 4 {
		t.Fatalf("utilization of %d, want of 3 members and 1 agent", len(got.Utilization))
	}
	for _, m := range got.Queues[0].Members {
		u := got.Utilization[m.ID]
		if own := m.Name == "Ada Brook"; u.Own != own || u.Settings.Email == nil || own && *u.Settings.Email != 2 {
			t.Errorf("%s: %+v", m.Name, u)
		}
	}
}

func TestAgentsAreFoundByNameOrAllAreRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		agents []string
		refuse bool // the search
		want   []string
		all    bool
	}{
		"by name and by address":                 {agents: []string{"Ada Brook", "NOOR.haddad@larkfield.example"}, want: []string{"Ada Brook", "Noor Haddad"}},
		"in other capitals it is another name":   {agents: []string{"ada brook"}, all: true},
		"one is missing":                         {agents: []string{"Ada Brook", "Ada Brooke"}, all: true},
		"the client may not search, or it fails": {agents: []string{"Ada Brook"}, refuse: true, all: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o sandbox.Options
			if tt.refuse {
				o.Faults = []sandbox.Fault{{Path: "/api/v2/users/search", Status: 400}}
			}
			_, c := org(t, o)
			got, err := c.ReadOrg(t.Context(), genesys.Scope{Agents: tt.agents, Ratings: true})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, a := range got.Agents {
				names = append(names, a.Name)
			}
			if slices.Sort(names); !tt.all {
				same(t, tt.want, names)
			}
			if tt.all && len(names) < 40 {
				t.Errorf("%d agents were read, want all 40", len(names))
			}
			if named := slices.DeleteFunc(got.Agents, func(a routing.Agent) bool { return !slices.ContainsFunc(tt.agents, a.Named) }); len(got.Ratings) != len(named) {
				t.Errorf("%d are rated, want %d", len(got.Ratings), len(named))
			}
		})
	}
}

func TestReadOrgReadsWhoIsInTheGroupsOfAStrategy(t *testing.T) {
	t.Parallel()
	_, c := org(t, sandbox.Options{})
	office := routing.Group{Ref: routing.Ref{Name: "Back Office"}, Kind: routing.SkillGroup}
	got, err := c.ReadOrg(t.Context(), genesys.ScopeOf(routing.Desired{
		Queue:    routing.DesiredQueue{Name: "Technical", Settings: routing.QueueSettings{Rings: &routing.Rings{{}, {Groups: []routing.Group{office}}}}},
		Capacity: &routing.UtilizationSettings{Email: new(3)},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.GroupMembers) != 1 {
		t.Fatalf("groups read: %v, want Back Office alone", got.GroupMembers)
	}
	for _, agents := range got.GroupMembers {
		if len(agents) == 0 {
			t.Fatal("Back Office is empty")
		}
		for _, a := range agents {
			if _, read := got.Utilization[a.ID]; !read {
				t.Errorf("the utilization of %s was not read", a)
			}
		}
	}
}

func TestReadOrgListsAllQueuesWhereOneIsMissing(t *testing.T) {
	t.Parallel()
	_, c := org(t, sandbox.Options{})
	got, err := c.ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Support Emial", "Returns"}, Members: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Queues) < 8 {
		t.Fatalf("%d queues, want all for the hint", len(got.Queues))
	}
	for _, q := range got.Queues {
		if (q.Members != nil) != (q.Name == "Returns") {
			t.Errorf("members of %s: %d", q.Name, len(q.Members))
		}
	}
	for _, q := range got.Queues {
		if q.Name == "Complaints" && (*q.Settings.Order != routing.PriorityOnly || q.Settings.ServiceLevel.Percent != 95) {
			t.Errorf("Complaints = %+v", q.Settings)
		}
	}
}

// A plan over an org of 1,000 queues and 2,000 addresses takes at most 40
// requests, whether it reads everything or what one strategy names.
func TestReadOrgRequests(t *testing.T) {
	t.Parallel()
	few := make([]routing.Address, 0, 20)
	for i := range 20 {
		few = append(few, address("address00"+string(rune('0'+i/10))+string(rune('0'+i%10))+"@mail1.example.net"))
	}
	for name, tt := range map[string]struct {
		scope genesys.Scope
		most  int
	}{
		"everything":             {genesys.Scope{Everything: true}, 40},
		"one queue, 2 addresses": {genesys.Scope{Queues: []string{"Queue 0500"}, Addresses: few[1:3], Skills: true, Languages: true, SkillGroups: true, Members: true}, 10},
		"a missing queue":        {genesys.Scope{Queues: []string{"Nobody"}, Skills: true, Languages: true, SkillGroups: true, Addresses: few}, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := org(t, sandbox.Options{})
			s.Populate(1000, 2000)
			got, err := c.ReadOrg(t.Context(), tt.scope)
			if err != nil {
				t.Fatal(err)
			}
			n := apiRequests(s)
			t.Logf("%d requests for %d queues and %d routes", n, len(got.Queues), len(got.Routes))
			if n > tt.most {
				t.Errorf("%d requests, want at most %d", n, tt.most)
			}
			if tt.scope.Everything && (len(got.Queues) < 1000 || len(got.Routes) < 2000) {
				t.Errorf("%d queues and %d routes were read", len(got.Queues), len(got.Routes))
			}
			if name == "a missing queue" && len(got.Routes) < 19 {
				t.Errorf("%d routes were read, want the 19 that there are", len(got.Routes))
			}
		})
	}
}

func TestReadOrgSaysWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{Permissions: []string{"routing:queue:view"}})
	c, err := genesys.New(genesys.Config{ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret, Transport: s.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Returns"}, Skills: true})
	if !errors.Is(err, genesys.ErrForbidden) || !strings.Contains(err.Error(), "read skills: GET /api/v2/routing/skills: 403 ") || !strings.Contains(err.Error(), "missing permission: routing:skill:view") {
		t.Fatalf("err = %v", err)
	}
	have, err := c.Permissions(t.Context())
	if d := cmp.Diff([]genesys.Permission{"routing:queue:view"}, have); d != "" || err != nil {
		t.Fatalf("permissions (-want +got):\n%s%v", d, err)
	}
}

func TestAQueueGoesThereAndBack(t *testing.T) {
	t.Parallel()
	_, c := org(t, sandbox.Options{NewerFields: []string{"defaultMediaLanguage"}})
	got, err := c.ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Billing Email"}})
	if err != nil {
		t.Fatal(err)
	}
	before, err := c.Queue(t.Context(), got.Queues[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	want := routing.QueueSettings{
		ServiceLevel: &routing.ServiceLevel{Percent: 29, Within: *span("4h")},
		WrapUp:       &routing.WrapUp{Mode: routing.WrapUpMandatory},
	}
	raw, err := genesys.Overlay(before, routing.Owned(want), want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutQueue(t.Context(), got.Queues[0].ID, raw); err != nil {
		t.Fatal(err)
	}
	after, err := c.Queue(t.Context(), got.Queues[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	have, err := genesys.Decode[routing.QueueSettings](after)
	if d := routing.Differs(routing.Owned(want), want, have); err != nil || len(d) > 0 {
		t.Fatalf("differs in %v: %s", d, after)
	}
	back, err := genesys.Restore[routing.QueueSettings](after, routing.Owned(want), before)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutQueue(t.Context(), got.Queues[0].ID, back); err != nil {
		t.Fatal(err)
	}
	again, err := c.Queue(t.Context(), got.Queues[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	stamps := func(raw json.RawMessage) string {
		o := tree(t, raw).(map[string]any)
		delete(o, "dateModified")
		delete(o, "modifiedBy")
		out, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if d := cmp.Diff(stamps(before), stamps(again)); d != "" {
		t.Fatalf("the queue did not come back (-before +after):\n%s", d)
	}
}

func TestEveryCallIsOneThatThePlatformTakes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, c := org(t, sandbox.Options{})
	made, err := c.CreateQueue(ctx, json.RawMessage(`{"id":"dropped","name":"Fresh","memberCount":9}`))
	if err != nil {
		t.Fatal(err)
	}
	queue, err := genesys.DecodeQueue(made)
	if err != nil || queue.Name != "Fresh" {
		t.Fatalf("%+v, %v", queue, err)
	}
	agents := []routing.Agent{}
	for a, err := range c.Agents(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		agents = append(agents, a)
	}
	one, err := c.Agent(ctx, agents[0].ID)
	if err != nil || one != agents[0] || one.Email == "" {
		t.Fatalf("agent %+v, %v", one, err)
	}
	ids := []string{agents[0].ID, agents[1].ID}
	if err := c.AddMembers(ctx, queue.ID, ids); err != nil {
		t.Fatal(err)
	}
	raw, err := genesys.Overlay(made, []routing.Field{"rings"}, routing.QueueSettings{Rings: &routing.Rings{{Wait: span("1h")}, {}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.PutQueue(ctx, queue.ID, raw); err != nil {
		t.Fatal(err)
	}
	if err := c.MoveMembers(ctx, queue.ID, ids[:1], 2); err != nil {
		t.Fatal(err)
	}
	if err := c.RemoveMembers(ctx, queue.ID, ids[1:]); err != nil {
		t.Fatal(err)
	}
	var members []routing.Member
	for m, err := range c.Members(ctx, queue.ID) {
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	if len(members) != 1 || members[0].ID != ids[0] || members[0].Ring != 2 || members[0].ByGroup {
		t.Fatalf("members = %+v", members)
	}
	if err := c.AddMembers(ctx, queue.ID, make([]string, 101)); err == nil {
		t.Error("101 members in one call were taken")
	}

	route, err := c.CreateRoute(ctx, "help.example.com", json.RawMessage(`{"pattern":"fresh","fromName":"Fresh","queue":{"id":"`+queue.ID+`"},"status":"Active"}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := genesys.DecodeRoute("help.example.com", route)
	if err != nil {
		t.Fatal(err)
	}
	if route, err = c.Route(ctx, "help.example.com", r.ID); err != nil {
		t.Fatal(err)
	}
	if route, err = genesys.Overlay(route, []routing.Field{"priority"}, routing.RouteSettings{Priority: new(240)}); err != nil {
		t.Fatal(err)
	}
	if _, err = c.PutRoute(ctx, "help.example.com", r.ID, route); err != nil {
		t.Fatal(err)
	}
	if err = c.DeleteRoute(ctx, "help.example.com", r.ID); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Route(ctx, "help.example.com", r.ID); !errors.Is(err, genesys.ErrNotFound) {
		t.Errorf("deleted route: %v", err)
	}

	u, err := c.UserUtilization(ctx, ids[1])
	if err != nil {
		t.Fatal(err)
	}
	if u, err = genesys.Overlay(u, []routing.Field{"email"}, routing.UtilizationSettings{Email: new(4)}); err != nil {
		t.Fatal(err)
	}
	if u, err = c.PutUserUtilization(ctx, ids[1], u); err != nil {
		t.Fatal(err)
	}
	if got, err := genesys.DecodeUtilization(u); err != nil || !got.Own || *got.Settings.Email != 4 {
		t.Errorf("utilization = %+v, %v", got, err)
	}
	if err = c.DeleteUserUtilization(ctx, ids[1]); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteQueue(ctx, queue.ID); err != nil {
		t.Fatal(err)
	}
	if me, err := c.Me(ctx); err != nil || me.Organization.Name == "" || me.OAuthClient.ID != sandbox.DefaultClientID {
		t.Errorf("me = %+v, %v", me, err)
	}
}

func TestAuditTellsWhoChangedWhat(t *testing.T) {
	t.Parallel()
	s, c := org(t, sandbox.Options{})
	if err := s.EditQueue("Sam Whitaker", "Returns", func(q map[string]any) { q["description"] = "changed" }); err != nil {
		t.Fatal(err)
	}
	token, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for a, err := range c.AuditsRealtime(t.Context(), genesys.AuditQuery{
		From: token.Issued.AddDate(0, 0, -1), To: token.Expires, Service: "ContactCenter", EntityType: "Queue",
	}) {
		if err != nil {
			t.Fatal(err)
		}
		if a.User.Name == "Sam Whitaker" && a.Action == "Update" && a.Entity.Name == "Returns" && !a.Time.IsZero() {
			return
		}
	}
	t.Fatal("the change is not in the audit")
}
