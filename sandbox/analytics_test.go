package sandbox_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

const (
	observations = "/api/v2/analytics/queues/observations/query"
	routing      = "/api/v2/analytics/routing/activity/query"
	activity     = "/api/v2/analytics/conversations/activity/query"
	aggregates   = "/api/v2/analytics/conversations/aggregates/query"
)

// The ids of the system presences, the same in every organisation.
const (
	available = "6a3af858-942f-489d-9700-5f9bcdcdae9b"
	onBreak   = "227b37e2-f1d0-4dd0-8f50-badd7cf6d158"
	onQueue   = "e08eaf1b-ee47-4fa9-a231-1200e284798f"
)

// numbers flattens an answer: queue, media type where there is one, metric and
// qualifier to its count.
func numbers(x *org, answer map[string]any) map[string]string {
	x.t.Helper()
	names := map[string]string{}
	for _, q := range entities(x.ok("GET", "/api/v2/routing/queues?pageSize=100", nil)) {
		names[fmt.Sprint(q["id"])] = fmt.Sprint(q["name"])
	}
	out := map[string]string{}
	results, _ := answer["results"].([]any)
	for _, r := range results {
		result, _ := r.(map[string]any)
		group, _ := result["group"].(map[string]any)
		data, _ := result["data"].([]any)
		for _, d := range data {
			o, _ := d.(map[string]any)
			key := names[fmt.Sprint(group["queueId"])]
			for _, part := range []any{group["mediaType"], o["metric"], o["qualifier"]} {
				if part != nil {
					key += " " + fmt.Sprint(part)
				}
			}
			if stats, ok := o["stats"].(map[string]any); ok {
				o = stats
			}
			out[key] = fmt.Sprint(o["count"])
		}
	}
	return out
}

func queueFilter(x *org, names ...string) string {
	out := ""
	for _, n := range names {
		out += `,{"type":"dimension","dimension":"queueId","operator":"matches","value":"` + fmt.Sprint(x.named("/api/v2/routing/queues", n)["id"]) + `"}`
	}
	return `{"type":"or","predicates":[` + out[1:] + `]}`
}

func TestObservationsCountAgents(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	// Complaints has Ada, Lena, Aisha and Bruno, all on queue and idle;
	// Web Messaging has Ada, Noor, Lena and Mei on queue, Tomas available,
	// Jonas on a break.
	x.call("PATCH", x.queue("Web Messaging")+"/members/"+x.userID("Noor Haddad"), map[string]any{"joined": false})
	got := x.ok("POST", observations, `{"filter":`+queueFilter(x, "Complaints", "Web Messaging")+`,
		"metrics":["oWaiting","oInteracting","oMemberUsers","oActiveUsers","oOnQueueUsers","oOffQueueUsers","oUserPresences","oUserRoutingStatuses"]}`)
	want := map[string]string{
		"Complaints oMemberUsers": "4", "Complaints oActiveUsers": "4", "Complaints oOnQueueUsers IDLE": "4",
		"Complaints oUserPresences " + onQueue: "4", "Complaints oUserRoutingStatuses IDLE": "4",
		"Web Messaging oMemberUsers": "6", "Web Messaging oActiveUsers": "5", "Web Messaging oOnQueueUsers IDLE": "3",
		"Web Messaging oOffQueueUsers " + available: "1", "Web Messaging oOffQueueUsers " + onBreak: "1",
		"Web Messaging oUserPresences " + onQueue: "4", "Web Messaging oUserPresences " + available: "1", "Web Messaging oUserPresences " + onBreak: "1",
		"Web Messaging oUserRoutingStatuses IDLE": "4", "Web Messaging oUserRoutingStatuses OFF_QUEUE": "2",
	}
	if d := cmp.Diff(want, numbers(x, got)); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	mapping, _ := got["systemToOrganizationMappings"].(map[string]any)
	if d := cmp.Diff(any([]any{onQueue}), mapping["ON_QUEUE"]); d != "" {
		t.Errorf("presences of ON_QUEUE (-want +got):\n%s", d)
	}
}

func TestObservationsFollowWhatChanges(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	body := `{"filter":` + queueFilter(x, "Technical", "Shipping") + `,"metrics":["oMemberUsers"]}`
	// Shipping has only those whom a skill group brings.
	if d := cmp.Diff(map[string]string{"Technical oMemberUsers": "3", "Shipping oMemberUsers": "10"}, numbers(x, x.ok("POST", observations, body))); d != "" {
		t.Fatalf("at first (-want +got):\n%s", d)
	}
	for _, name := range []string{"Ada Brook", "Pavel Horak", "Ivana Kovac"} {
		x.ok("DELETE", x.queue("Technical")+"/members/"+x.userID(name), nil)
	}
	// A group without anything to count is not in the answer.
	if d := cmp.Diff(map[string]string{"Shipping oMemberUsers": "10"}, numbers(x, x.ok("POST", observations, body))); d != "" {
		t.Errorf("without members (-want +got):\n%s", d)
	}
}

func TestNothingWaitsInAnOrgAtRest(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	day := `"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"`
	tests := map[string]struct{ path, body string }{
		"observations of email":     {observations, `{"filter":{"type":"and","predicates":[{"dimension":"mediaType","value":"email"}]},"metrics":["oWaiting","oLongestWaiting","oInteracting"],"detailMetrics":["oWaiting"]}`},
		"activity of conversations": {activity, `{"metrics":[{"metric":"oWaiting","details":true}],"groupBy":["queueId","mediaType"]}`},
		"aggregates":                {aggregates, `{` + day + `,"granularity":"PT30M","timeZone":"Europe/Berlin","metrics":["nOffered","tAnswered","oServiceLevel"],"groupBy":["queueId"]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if results, ok := x.in(t).ok("POST", tt.path, tt.body)["results"].([]any); !ok || len(results) != 0 {
				t.Errorf("results: %v", results)
			}
		})
	}
}

func TestFiltersOfAnalytics(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	id := fmt.Sprint(x.named("/api/v2/routing/queues", "Complaints")["id"])
	queue := `{"dimension":"queueId","value":"` + id + `"}`
	email := `{"dimension":"mediaType","value":"email"}`
	tests := map[string]struct {
		filter string
		queues int
	}{
		"one queue":                           {`{"type":"and","predicates":[` + queue + `]}`, 1},
		"one queue and a media type":          {`{"type":"and","predicates":[` + queue + `,` + email + `]}`, 1},
		"one queue or a media type":           {`{"type":"or","predicates":[` + queue + `,` + email + `]}`, 1},
		"a media type alone lets all through": {`{"type":"and","predicates":[` + email + `]}`, 8},
		"clauses":                             {`{"type":"and","clauses":[{"type":"or","predicates":[` + queue + `]},{"type":"and","predicates":[` + email + `]}]}`, 1},
		"clauses that exclude each other":     {`{"type":"and","clauses":[{"type":"and","predicates":[` + queue + `]},{"type":"and","predicates":[{"dimension":"queueId","value":"other"}]}]}`, 0},
		"every queue that has an id":          {`{"type":"and","predicates":[{"dimension":"queueId","operator":"exists"}]}`, 8},
		"none that has none":                  {`{"type":"and","predicates":[{"dimension":"queueId","operator":"notExists"}]}`, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results, _ := x.in(t).ok("POST", observations, `{"metrics":["oMemberUsers"],"filter":`+tt.filter+`}`)["results"].([]any)
			if len(results) != tt.queues {
				t.Errorf("%d queues, want %d", len(results), tt.queues)
			}
		})
	}
}

func TestRoutingActivity(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	filter := `,"filter":` + queueFilter(x, "Web Messaging")
	got := x.ok("POST", routing, `{"groupBy":["queueId"],"metrics":[{"metric":"oOnQueueUsers","details":true},{"metric":"oMemberUsers"}]`+filter+`}`)
	want := map[string]string{"Web Messaging oOnQueueUsers IDLE": "4", "Web Messaging oMemberUsers": "6"}
	if d := cmp.Diff(want, numbers(x, got)); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	results, _ := got["results"].([]any)
	result, _ := results[0].(map[string]any)
	if details, _ := result["entities"].([]any); len(details) != 4 {
		t.Errorf("details of %d agents, want the 4 on queue: %v", len(details), details)
	}
	one := x.ok("POST", routing, `{"groupBy":["queueId"],"metrics":[{"metric":"oMemberUsers"}],"filter":{"type":"and","predicates":[{"dimension":"systemPresence","value":"BREAK"}],"clauses":[`+queueFilter(x, "Web Messaging")+`]}}`)
	if d := cmp.Diff(map[string]string{"Web Messaging oMemberUsers": "1"}, numbers(x, one)); d != "" {
		t.Errorf("those on a break (-want +got):\n%s", d)
	}
	page := x.ok("POST", routing+"?pageSize=3&pageNumber=3", `{"groupBy":["queueId"],"metrics":[{"metric":"oMemberUsers"}]}`)
	if rest, _ := page["results"].([]any); len(rest) != 2 {
		t.Errorf("the third page of three has %d of 8 queues, want 2", len(rest))
	}
}

func TestAnalyticsRefuses(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	const day = `"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"`
	const filter = `"filter":{"type":"and","predicates":[{"dimension":"queueId","value":"x"}]}`
	tests := map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"observations without a filter":       {observations, `{"metrics":["oWaiting"]}`, 400, "constraint.validation"},
		"an empty filter":                     {observations, `{"metrics":["oWaiting"],"filter":{"type":"and"}}`, 400, "client.failed.request"},
		"no metrics":                          {observations, `{"metrics":[],` + filter + `}`, 400, "client.failed.request"},
		"a metric of aggregates":              {observations, `{"metrics":["nOffered"],` + filter + `}`, 400, "invalid.value"},
		"a dimension that queues do not have": {observations, `{"metrics":["oWaiting"],"filter":{"type":"and","predicates":[{"dimension":"userId","value":"x"}]}}`, 400, "invalid.value"},
		"an interval of observations":         {observations, `{"metrics":["oWaiting"],` + filter + `,` + day + `}`, 400, "invalid.property"},
		"a predicate without a value":         {observations, `{"metrics":["oWaiting"],"filter":{"type":"and","predicates":[{"dimension":"queueId"}]}}`, 400, "client.failed.request"},
		"activity by no group":                {routing, `{"metrics":[{"metric":"oOnQueueUsers"}],"groupBy":[]}`, 400, "client.failed.request"},
		"activity without groups":             {activity, `{"metrics":[{"metric":"oWaiting"}]}`, 400, "constraint.validation"},
		"a name instead of a metric":          {routing, `{"metrics":[{"name":"oOnQueueUsers"}],"groupBy":["queueId"]}`, 400, "constraint.validation"},
		"aggregates without an interval":      {aggregates, `{"metrics":["nOffered"]}`, 400, "constraint.validation"},
		"an interval of one date":             {aggregates, `{"metrics":["nOffered"],"interval":"2026-03-01"}`, 400, "invalid.value"},
		"an observation among aggregates":     {aggregates, `{"metrics":["oWaiting"],` + day + `}`, 400, "invalid.value"},
		"a granularity in words":              {aggregates, `{"metrics":["nOffered"],"granularity":"hourly",` + day + `}`, 400, "invalid.value"},
		"a granularity of nothing":            {aggregates, `{"metrics":["nOffered"],"granularity":"PT",` + day + `}`, 400, "invalid.value"},
		"a time zone that is none":            {aggregates, `{"metrics":["nOffered"],"timeZone":"Mars/Base",` + day + `}`, 400, "invalid.value"},
		"a filter that is not imitated":       {routing, `{"metrics":[{"metric":"oOnQueueUsers"}],"groupBy":["queueId"],"filter":{"type":"and","predicates":[{"dimension":"teamId","value":"x"}]}}`, 501, "not.implemented"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x.in(t).refused("POST", tt.path, tt.body, tt.status, tt.code)
		})
	}
	views := ""
	for i := range 11 {
		views += fmt.Sprintf(`,{"target":"tAnswered","name":"v%d","function":"rangeBound","range":{"lt":%d}}`, i, i+1)
	}
	x.refused("POST", aggregates, `{"metrics":["tAnswered"],`+day+`,"views":[`+views[1:]+`]}`, http.StatusBadRequest, "client.failed.request")
}
