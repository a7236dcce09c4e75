package sandbox_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
)

// two agents and four emails: one agent has Billing, which mail to billing asks
// for; the first email keeps her for half an hour.
const followed = `version: 1
start: 2026-03-02
timezone: UTC
days: 1
arrivals: [{ trace: mail.csv }]
rules: { support@help.example.com: {}, billing@help.example.com: {} }
agents:
  - { name: Ann, skills: { Billing: 3 }, languages: { English: 3 }, shifts: { mon: 08:00-20:00 } }
`

const mail = `at,rule,handle
2026-03-02 09:00,billing@help.example.com,30m
2026-03-02 09:01,billing@help.example.com,10m
2026-03-02 09:20,support@help.example.com,10m
2026-03-02 09:39,billing@help.example.com,10m
`

// What is changed by the API acts on the next assignment, and on nothing before.
func TestWhatIsChangedActsOnTheNextAssignment(t *testing.T) {
	t.Parallel()
	edit := func(x *org, path string, change func(map[string]any)) {
		body := x.ok("GET", path, nil)
		change(body)
		x.ok("PUT", path, body)
	}
	route := func(x *org, pattern string) (path string, body map[string]any) {
		for _, r := range entities(x.ok("GET", routes+"?pageSize=100", nil)) {
			if r["pattern"] == pattern {
				return fmt.Sprint(routes, "/", r["id"]), maps.Clone(r)
			}
		}
		x.t.Fatalf("no route %s", pattern)
		return "", nil
	}
	ann := func(x *org) string { return fmt.Sprint("/api/v2/users/", x.named("/api/v2/users", "Ann")["id"]) }
	skill := func(x *org, name string) map[string]any {
		return map[string]any{"id": x.named("/api/v2/routing/skills", name)["id"]}
	}
	tests := map[string]struct {
		change func(x *org)
		want   []int // minutes after 9 at which each email is answered; -1: never
	}{
		// Mail to billing has 30 minutes of head start, mail to support none.
		"nothing": {func(*org) {}, []int{0, 30, 50, 40}},
		"a route's priority": {func(x *org) {
			path, body := route(x, "billing")
			body["priority"] = 0
			x.ok("PUT", path, body)
		}, []int{0, 30, 40, 50}},
		"a route's skills": {func(x *org) {
			path, body := route(x, "billing")
			body["skills"] = []any{skill(x, "VIP")}
			x.ok("PUT", path, body)
		}, []int{0, 30, 40, 99}}, // the first ring drops VIP after an hour
		"a route's queue": {func(x *org) {
			path, body := route(x, "billing")
			body["queue"] = map[string]any{"id": x.named("/api/v2/routing/queues", "Technical")["id"]}
			body["skills"] = []any{}
			x.ok("PUT", path, body)
		}, []int{0, 30, 40, -1}},
		"a route is gone": {func(x *org) {
			path, _ := route(x, "billing")
			x.ok("DELETE", path, nil)
		}, []int{0, 30, 40}},
		"the order of a queue": {func(x *org) {
			edit(x, x.queue("Billing Email"), func(q map[string]any) { q["scoringMethod"] = "PriorityOnly" })
		}, []int{0, 30, 50, 40}},
		"after-call work": {func(x *org) { // of what waits, too
			edit(x, x.queue("Billing Email"), func(q map[string]any) {
				q["acwSettings"] = map[string]any{"wrapupPrompt": "MANDATORY_FORCED_TIMEOUT", "timeoutMs": 600_000}
			})
		}, []int{0, 30, 70, 50}},
		"a skill is lost": {func(x *org) {
			x.ok("DELETE", ann(x)+"/routingskills/"+fmt.Sprint(skill(x, "Billing")["id"]), nil)
		}, []int{0, -1, 30, -1}},
		"a skill is not asked for any more": {func(x *org) {
			x.ok("DELETE", ann(x)+"/routingskills/"+fmt.Sprint(skill(x, "Billing")["id"]), nil)
			edit(x, x.queue("Billing Email"), func(q map[string]any) { q["skillEvaluationMethod"] = "NONE" })
		}, []int{0, 30, 50, 40}},
		"more at once": {func(x *org) {
			id := x.named("/api/v2/users", "Ann")["id"]
			x.ok("PUT", fmt.Sprint("/api/v2/routing/users/", id, "/utilization"), map[string]any{"utilization": map[string]any{"email": map[string]any{"maximumCapacity": 2}}})
		}, []int{0, 10, 20, 39}},
		"no member of a queue": {func(x *org) {
			x.ok("DELETE", x.queue("Billing Email")+"/members/"+fmt.Sprint(x.named("/api/v2/users", "Ann")["id"]), nil)
		}, []int{0, -1, 30, -1}},
		"not joined to a queue": {func(x *org) {
			id := x.named("/api/v2/users", "Ann")["id"]
			x.ok("PATCH", x.queue("Support Email")+"/members/"+fmt.Sprint(id), map[string]any{"id": id, "joined": false})
		}, []int{0, 30, -1, 40}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc, problems := scenario.Parse("traffic.yaml", []byte(followed), func(string) ([]byte, error) { return []byte(mail), nil })
			if err := problems.Err(); err != nil {
				t.Fatal(err)
			}
			clock := sandbox.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
			x := open(t, sandbox.Options{Now: clock.Now, Traffic: sc})
			if err := x.Advance(10 * time.Minute); err != nil {
				t.Fatal(err)
			}
			tt.change(x)
			if err := x.Advance(10 * time.Hour); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, x.AnsweredAt()); d != "" {
				t.Errorf("answered at (-want +got):\n%s", d)
			}
		})
	}
}

// A queue with email in it only goes when that is forced.
func TestAQueueWithEmailStays(t *testing.T) {
	t.Parallel()
	sc, problems := scenario.Parse("traffic.yaml", []byte(followed), func(string) ([]byte, error) { return []byte(mail), nil })
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	clock := sandbox.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	x := open(t, sandbox.Options{Now: clock.Now, Traffic: sc})
	if err := x.Advance(10 * time.Minute); err != nil {
		t.Fatal(err)
	}
	queue := x.queue("Billing Email")
	x.refused("DELETE", queue, nil, 400, "active.queue")
	x.ok("DELETE", x.queue("Returns"), nil)
	x.ok("DELETE", queue+"?forceDelete=true", nil)
	if err := x.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{0, -1, 30}, x.AnsweredAt()); d != "" {
		t.Errorf("answered at (-want +got):\n%s", d)
	}
}

// The same seed, clock and requests give the same bytes.
func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	day := func(seed uint64) string {
		clock := sandbox.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
		x := open(t, sandbox.Options{Now: clock.Now, Traffic: sandbox.SeedTraffic(), History: 3 * 24 * time.Hour, Seed: seed, RateLimit: -1})
		queue := x.named("/api/v2/routing/queues", "Support Email")
		var all strings.Builder
		ask := func(method, path string, body any) {
			r := x.call(method, path, body)
			fmt.Fprintf(&all, "%d %s %v\n", r.status, r.body, r.header["Inin-Correlation-Id"])
		}
		for range 12 {
			if err := x.Advance(37 * time.Minute); err != nil {
				t.Fatal(err)
			}
			ask("POST", "/api/v2/conversations/emails", map[string]any{"queueId": queue["id"], "provider": "PureCloud Email", "subject": "Hello"})
			ask("POST", "/api/v2/analytics/queues/observations/query", map[string]any{
				"filter":  map[string]any{"type": "and", "predicates": []any{map[string]any{"type": "dimension", "dimension": "queueId", "operator": "matches", "value": queue["id"]}}},
				"metrics": []any{"oWaiting", "oInteracting", "oOnQueueUsers"}, "detailMetrics": []any{"oWaiting"},
			})
			ask("GET", "/api/v2/users?pageSize=100&expand=routingStatus,presence", nil)
			ask("POST", "/api/v2/analytics/conversations/aggregates/query", map[string]any{
				"interval": "2026-02-27T00:00:00Z/2026-03-03T00:00:00Z", "granularity": "PT30M", "groupBy": []any{"queueId"},
				"metrics": []any{"nOffered", "tAnswered", "tHandle", "oServiceLevel"},
			})
		}
		return all.String()
	}
	one := day(1)
	if two := day(1); one != two {
		t.Error("two runs with one seed differ")
	}
	if other := day(2); one == other || len(one) < 100_000 {
		t.Errorf("another seed gives the same %d bytes", len(one))
	}
}

// A route that becomes active within a step acts from then on.
func TestARouteThatBecomesActiveWithinAStep(t *testing.T) {
	t.Parallel()
	offered := func(step time.Duration) string {
		clock := sandbox.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
		x := open(t, sandbox.Options{Now: clock.Now, Traffic: sandbox.SeedTraffic(), ActivationDelay: 20 * time.Minute, RateLimit: -1})
		for _, r := range entities(x.ok("GET", routes+"?pageSize=100", nil)) {
			if r["pattern"] == "support" {
				body := maps.Clone(r)
				body["queue"] = map[string]any{"id": x.named("/api/v2/routing/queues", "Returns")["id"]}
				x.ok("PUT", fmt.Sprint(routes, "/", r["id"]), body)
			}
		}
		for range 2 * time.Hour / step {
			if err := x.Advance(step); err != nil {
				t.Fatal(err)
			}
		}
		return fmt.Sprint(x.AnsweredAt())
	}
	one, many := offered(2*time.Hour), offered(time.Minute)
	if one != many || len(one) < 200 {
		t.Errorf("in one step %s\nby the minute %s", one, many)
	}
}

// Odd pages and long-lived conversations are answered.
func TestOddPagesAndWhatIsHardlyKept(t *testing.T) {
	t.Parallel()
	clock := sandbox.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	sc, problems := scenario.Parse("traffic.yaml", []byte(`version: 1
start: 2026-03-02
days: 1
arrivals: [{ rule: support@help.example.com, rate: 60 }]
handle: { mean: 2m }
rules: { support@help.example.com: { transfer: [{ to: complaints@help.example.com, share: 0.3 }] } }
agents: [{ name: Noor Haddad, shifts: { mon-sun: 00:00-24:00 } }]
`), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	x := open(t, sandbox.Options{Now: clock.Now, Traffic: sc, Keep: 50})
	if err := x.Advance(24 * time.Hour); err != nil { // nobody on queue takes complaints
		t.Fatal(err)
	}
	x.token = x.signIn() // it has lived for a day
	body := map[string]any{"metrics": []any{map[string]any{"metric": "oWaiting", "details": true}}, "groupBy": []any{"queueId"}}
	for _, page := range []string{"", "?pageNumber=9223372036854775807&pageSize=100", "?pageNumber=92233720368547760"} {
		x.call("POST", "/api/v2/analytics/conversations/activity/query"+page, body)
		x.call("GET", "/api/v2/routing/queues"+page, nil)
	}
	got := x.ok("POST", "/api/v2/analytics/queues/observations/query", map[string]any{
		"filter":  map[string]any{"type": "and", "predicates": []any{map[string]any{"dimension": "queueId", "value": x.named("/api/v2/routing/queues", "Complaints")["id"]}}},
		"metrics": []any{"oWaiting"}, "detailMetrics": []any{"oWaiting"},
	})
	data := got["results"].([]any)[0].(map[string]any)["data"].([]any)[0].(map[string]any)
	for _, o := range data["observations"].([]any) {
		x.ok("GET", "/api/v2/conversations/emails/"+fmt.Sprint(o.(map[string]any)["conversationId"]), nil)
	}
	if n := len(data["observations"].([]any)); n < 20 {
		t.Errorf("%d wait, want more than are kept", n)
	}
}
