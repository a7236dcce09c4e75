package genesys_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

func rating(id string, proficiency float64) routing.Rating {
	return routing.Rating{Ref: routing.Ref{ID: id}, Proficiency: proficiency}
}

func TestRatingsComeWithTheMembersOrInBatches(t *testing.T) {
	t.Parallel()
	const rated = `"skills":[{"id":"s1","proficiency":4,"state":"active"},{"id":"s2","proficiency":1,"state":"inactive"},{"id":"s3","proficiency":2.5}],"languages":[]`
	want := routing.Ratings{Skills: []routing.Rating{rating("s1", 4), rating("s3", 2.5)}}
	members := func(format string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if d := cmp.Diff([]string{"skills", "languages"}, r.URL.Query()["expand"]); d != "" {
				t.Errorf("expand (-want +got):\n%s", d)
			}
			list := make([]string, 230)
			for i := range list {
				list[i] = fmt.Sprintf(format, fmt.Sprintf("a%d", i+1))
			}
			_, _ = io.WriteString(w, `{"entities":[`+strings.Join(list, ",")+`]}`)
		}
	}
	users := func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if len(q["id"]) > 100 || q.Get("pageSize") != "100" || !slices.Equal(q["expand"], []string{"skills", "languages"}) {
			t.Errorf("asked for %d users by %s", len(q["id"]), r.URL.RawQuery)
		}
		var list []string
		for _, id := range q["id"] {
			switch id {
			case "a7": // is not found
			case "a8":
				list = append(list, `{"id":"a8"}`)
			case "a9": // what it leaves out is not known to be none
				list = append(list, `{"id":"a9","skills":[]}`)
			case "a10":
				list = append(list, `{"id":"a10","languages":[],"skills":null}`)
			default:
				list = append(list, `{"id":"`+id+`",`+rated+`}`)
			}
		}
		_, _ = io.WriteString(w, `{"entities":[`+strings.Join(list, ",")+`],"pageCount":1}`)
	}
	// found answers a search with all but the last ten of those asked for.
	found := func(total func(shown int) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var q struct {
				PageSize int
				Expand   []string
				Query    []struct {
					Type, Operator string
					Fields, Values []string
				}
			}
			_ = json.NewDecoder(r.Body).Decode(&q)
			var list []string
			for _, k := range q.Query {
				if len(k.Values) > 100 || k.Type != "EXACT" || k.Operator != "OR" || !slices.Equal(k.Fields, []string{"id"}) {
					t.Errorf("criterion %+v", k)
				}
				for _, id := range k.Values {
					list = append(list, `{"id":"`+id+`","state":"active",`+rated+`}`)
				}
			}
			if q.PageSize != 500 || !slices.Equal(q.Expand, []string{"skills", "languages"}) {
				t.Errorf("searched by %+v", q)
			}
			list = list[:len(list)-10]
			_, _ = io.WriteString(w, `{"results":[`+strings.Join(list, ",")+`],"total":`+total(len(list))+`}`)
		}
	}
	for name, tt := range map[string]struct {
		member string
		search http.HandlerFunc
		users  int // requests
		rated  int
	}{
		"in the user of the member": {`{"id":%q,"user":{` + rated + `}}`, nil, 0, 230},
		"in another place":          {`{"id":%q,` + rated + `,"user":{"name":"x"}}`, nil, 3, 226},
		"only half of them":         {`{"id":%q,"user":{"skills":[]}}`, nil, 3, 226},
		"found by a search":         {`{"id":%q,"user":{}}`, found(strconv.Itoa), 1, 230},
		"a search that shows less":  {`{"id":%q,"user":{}}`, found(func(int) string { return "300" }), 3, 226},
		"a client that may not":     {`{"id":%q,"user":{}}`, reply(403, `{"message":"no"}`), 3, 226},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := centre{members: 230, more: map[string]http.HandlerFunc{
				"GET /api/v2/routing/queues/q1/members": members(tt.member), "GET /api/v2/users": users,
			}}
			if tt.search != nil {
				c.more["POST /api/v2/users/search"] = tt.search
			}
			p := c.platform()
			got, err := p.client(t).ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Support"}, Ratings: true})
			if err != nil {
				t.Fatal(err)
			}
			same(t, want, got.Ratings["a1"])
			asked := slices.DeleteFunc(p.calls, func(c string) bool { return !strings.HasPrefix(c, "GET /api/v2/users?") })
			if len(got.Ratings) != tt.rated || len(asked) != tt.users {
				t.Errorf("%d are rated after %d requests for users, want %d after %d", len(got.Ratings), len(asked), tt.rated, tt.users)
			}
		})
	}
}

func TestSharedAgents(t *testing.T) {
	t.Parallel()
	const path = "POST /api/v2/analytics/users/observations/query"
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   map[string]int
		calls  int
	}{
		"answered": {reply(200, `{"results":[{"group":{"userId":"a1"},"data":[{"metric":"oActiveQueues","stats":{"count":12}}]}]}`), map[string]int{"a1": 12}, 2},
		"refused":  {reply(403, `{"message":"no"}`), nil, 1},
		"gone":     {reply(404, `{}`), nil, 1},
		"a fault":  {reply(500, `{}`), nil, 1},
		"no count": {reply(200, `{"results":[{"group":{"userId":"a1"},"data":[{"metric":"oActiveQueues","stats":{"current":12}}]}]}`), nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := centre{members: 501, more: map[string]http.HandlerFunc{path: tt.answer}}.platform()
			got, err := p.client(t, noRetries).ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Support"}, Shared: true})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got.ActiveQueues); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if (got.ActiveUnknown == "") != (tt.want != nil) {
				t.Errorf("why it is not known: %q", got.ActiveUnknown)
			}
			asked := slices.DeleteFunc(p.bodies, func(b string) bool { return b == "" })
			if len(asked) != tt.calls {
				t.Fatalf("%d queries, want %d", len(asked), tt.calls)
			}
			const one = `{"type":"dimension","dimension":"userId","operator":"matches","value":"a1"}`
			if n := strings.Count(strings.Join(asked, ""), `"userId"`); !strings.Contains(asked[0], one) || tt.calls == 2 && n != 501 {
				t.Errorf("asked about %d users: %.300s", n, asked[0])
			}
		})
	}
}

// Everything that a check of 500 agents in one queue reads takes at most 20
// requests, and queues with a peer are not looked for.
func TestRequestsForACheckOf500Agents(t *testing.T) {
	t.Parallel()
	list := reply(200, `{"entities":[]}`)
	p := centre{members: 500, more: map[string]http.HandlerFunc{
		"GET /api/v2/routing/queues/q1/members": func(w http.ResponseWriter, r *http.Request) {
			var page int
			_, _ = fmt.Sscan(r.URL.Query().Get("pageNumber"), &page)
			entities := make([]string, 100)
			for i := range entities {
				entities[i] = fmt.Sprintf(`{"id":"a%d","user":{"skills":[],"languages":[]}}`, (page-1)*100+i+1)
			}
			next := `,"nextUri":"/next"`
			if page == 5 {
				next = ""
			}
			_, _ = io.WriteString(w, `{"entities":[`+strings.Join(entities, ",")+`]`+next+`}`)
		},
		"GET /api/v2/routing/skills":                                list,
		"GET /api/v2/routing/languages":                             list,
		"GET /api/v2/routing/skillgroups":                           list,
		"GET /api/v2/routing/email/domains":                         reply(200, `{"entities":[{"id":"help.example.com"}],"pageCount":1}`),
		"GET /api/v2/routing/email/domains/help.example.com/routes": list,
		"GET /api/v2/routing/utilization":                           reply(200, `{"utilization":{"email":{"maximumCapacity":1,"interruptableMediaTypes":["call"]}}}`),
		"POST /api/v2/analytics/users/observations/query":           reply(200, `{"results":[]}`),
		wfmSearch: reply(200, `{"status":"Complete","result":`+aWeek+`}`),
	}}.platform()
	got, err := p.client(t).ReadOrg(t.Context(), genesys.Scope{
		Queues: []string{"Support"}, Addresses: []routing.Address{address("a@help.example.com")}, Skills: true, Languages: true, SkillGroups: true,
		Ratings: true, OrgCapacity: true, Shared: true, Roster: aDay,
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, routing.Utilization{Settings: routing.UtilizationSettings{Email: new(1)}, Interrupts: []string{"call"}}, *got.OrgUtilization)
	if len(got.Ratings) != 500 || len(got.Roster.Agents) != 500 || got.ActiveQueues == nil {
		t.Errorf("%d rated, %d in the roster", len(got.Ratings), len(got.Roster.Agents))
	}
	t.Logf("%d requests", len(p.calls))
	if len(p.calls) > 20 || slices.ContainsFunc(p.calls, func(c string) bool { return strings.Contains(c, "hasPeer") }) {
		t.Errorf("%d requests: %q", len(p.calls), p.calls)
	}
}

func TestAggregates(t *testing.T) {
	t.Parallel()
	q := genesys.AggregatesQuery{
		From: at("2026-11-02T00:00:00+01:00"), To: at("2026-11-09T00:00:00+01:00"), Every: 30 * time.Minute,
		GroupBy: []string{"addressTo"}, QueueIDs: []string{"q1"}, Metrics: []string{"nOffered", "tHandle"},
	}
	for name, tt := range map[string]struct {
		answer string
		rows   []routing.MetricRow
		err    string
	}{
		"rows": {
			answer: `{"results":[{"group":{"mediaType":"email","addressTo":"a@b.example"},"data":[
				{"interval":"2026-11-02T08:00:00.000Z/2026-11-02T08:30:00.000Z","metrics":[{"metric":"nOffered","stats":{"count":3}},{"metric":"tHandle","stats":{"count":2,"sum":1500.5,"max":9}}]},
				{"interval":"2026-11-02T08:30:00Z/2026-11-02T09:00:00Z","metrics":[{"metric":"oServiceLevel","stats":{"ratio":0.5,"numerator":1,"denominator":2,"target":0.8}}]}]}]}`,
			rows: []routing.MetricRow{
				{Span: stretch("2026-11-02T08:00:00Z", "2026-11-02T08:30:00Z"), Metric: "nOffered", Stats: routing.MetricStats{Count: 3}},
				{Span: stretch("2026-11-02T08:00:00Z", "2026-11-02T08:30:00Z"), Metric: "tHandle", Stats: routing.MetricStats{Count: 2, Sum: 1500.5}},
				{Span: stretch("2026-11-02T08:30:00Z", "2026-11-02T09:00:00Z"), Metric: "oServiceLevel", Stats: routing.MetricStats{Numerator: 1, Denominator: 2, Target: 0.8}},
			},
		},
		"nothing happened":        {answer: `{"results":[]}`},
		"no interval":             {answer: `{"results":[{"data":[{"interval":"today","metrics":[]}]}]}`, err: `aggregates: "today" is not an interval`},
		"half an interval":        {answer: `{"results":[{"data":[{"interval":"2026-11-02T08:00:00Z/","metrics":[]}]}]}`, err: `aggregates: "2026-11-02T08:00:00Z/" is not an interval`},
		"a figure without a name": {answer: `{"results":[{"data":[{"interval":"2026-11-02T08:00:00Z/2026-11-02T08:30:00Z","metrics":[{"stats":{"count":1}}]}]}]}`, err: "aggregates: a figure of 2026-11-02T08:00:00Z/2026-11-02T08:30:00Z has no metric"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: answers(reply(502, ``), reply(200, tt.answer))} // a query may be repeated
			rows, err := p.client(t).Aggregates(t.Context(), q)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("err = %v, want %s", err, tt.err)
				}
				return
			}
			for i := range tt.rows {
				tt.rows[i].Group = map[string]string{"mediaType": "email", "addressTo": "a@b.example"}
			}
			if err != nil || rows == nil {
				t.Fatal(err)
			}
			same(t, tt.rows, rows)
			const asked = `{"filter":{"predicates":[{"type":"dimension","dimension":"mediaType","operator":"matches","value":"email"},` +
				`{"type":"dimension","dimension":"queueId","operator":"matches","value":"q1"}],"type":"and"},"granularity":"PT30M","groupBy":["addressTo"],` +
				`"interval":"2026-11-01T23:00:00.000Z/2026-11-08T23:00:00.000Z","metrics":["nOffered","tHandle"]}`
			if p.bodies[0] != asked {
				t.Errorf("asked %s\nwant  %s", p.bodies[0], asked)
			}
		})
	}
}

func TestAggregatesOfSeveralQueues(t *testing.T) {
	t.Parallel()
	row := func(queue string) string {
		return `{"results":[{"group":{"queueId":"` + queue + `"},"data":[{"interval":"2026-11-02T08:00:00Z/2026-11-02T09:00:00Z","metrics":[{"metric":"nOffered","stats":{"count":1}}]}]}]}`
	}
	p := &platform{api: answers(reply(200, row("q0")), reply(200, row("q100")), reply(200, row("q0")), reply(500, ``))}
	q := genesys.AggregatesQuery{From: at("2026-11-02T08:00:00Z"), To: at("2026-11-02T09:00:00Z"), GroupBy: []string{"queueId"}, Metrics: []string{"nOffered"}}
	for i := range 101 {
		q.QueueIDs = append(q.QueueIDs, fmt.Sprint("q", i))
	}
	rows, err := p.client(t, noRetries).Aggregates(t.Context(), q)
	if err != nil || len(rows) != 2 || rows[0].Group["queueId"] != "q0" || rows[1].Group["queueId"] != "q100" {
		t.Fatalf("%v, %v", rows, err)
	}
	const first = `{"filter":{"clauses":[{"predicates":[{"type":"dimension","dimension":"queueId","operator":"matches","value":"q0"},`
	const second = `{"filter":{"predicates":[{"type":"dimension","dimension":"mediaType","operator":"matches","value":"email"},` +
		`{"type":"dimension","dimension":"queueId","operator":"matches","value":"q100"}],"type":"and"},`
	if !strings.HasPrefix(p.bodies[0], first) || !strings.HasPrefix(p.bodies[1], second) || !strings.Contains(p.bodies[0], `"type":"or"}],"predicates":[{"type":"dimension","dimension":"mediaType"`) {
		t.Errorf("asked %s", p.bodies)
	}
	if rows, err := p.client(t, noRetries).Aggregates(t.Context(), q); err == nil || rows != nil {
		t.Errorf("half an answer: %v, %v", rows, err)
	}
}

// A long interval is taken apart at midnights, and what comes of it is added up
// by what can be added: counts, sums, numerators.
func TestAggregatesOfALongInterval(t *testing.T) {
	t.Parallel()
	santiago, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	row := func(from, to, target string) string {
		return `{"results":[{"group":{"queueId":"q"},"data":[{"interval":"` + from + "/" + to + `","metrics":[
			{"metric":"oServiceLevel","stats":{"ratio":0.5,"numerator":1,"denominator":2,"target":` + target + `}},
			{"metric":"tHandle","qualifier":"x","stats":{"count":2,"sum":3,"max":2}}]}]}]}`
	}
	// On 6 September 2026 no midnight is there.
	const from, first, second, to = "2026-07-06T12:00:00.000Z", "2026-08-06T04:00:00.000Z", "2026-09-06T04:00:00.000Z", "2026-09-07T00:00:00.000Z"
	q := genesys.AggregatesQuery{From: at(from), To: at(to), Metrics: []string{"oServiceLevel"}, GroupBy: []string{"queueId"}, Zone: santiago}
	for name, tt := range map[string]struct {
		every time.Duration
		asked string
		want  []routing.MetricRow
	}{
		"as one part": {0, "", []routing.MetricRow{
			{Span: stretch(from, to), Metric: "oServiceLevel", Stats: routing.MetricStats{Numerator: 3, Denominator: 6}},
			{Span: stretch(from, to), Metric: "tHandle", Qualifier: "x", Stats: routing.MetricStats{Count: 6, Sum: 9}},
		}},
		"by day": {24 * time.Hour, `"granularity":"P1D",`, []routing.MetricRow{
			{Span: stretch(from, first), Metric: "oServiceLevel", Stats: routing.MetricStats{Numerator: 2, Denominator: 4, Target: 0.8}},
			{Span: stretch(from, first), Metric: "tHandle", Qualifier: "x", Stats: routing.MetricStats{Count: 4, Sum: 6}},
			{Span: stretch(second, to), Metric: "oServiceLevel", Stats: routing.MetricStats{Numerator: 1, Denominator: 2, Target: 0.9}},
			{Span: stretch(second, to), Metric: "tHandle", Qualifier: "x", Stats: routing.MetricStats{Count: 2, Sum: 3}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := q
			q.Every = tt.every
			p := &platform{api: answers(reply(200, row(from, first, "0.8")), reply(200, row(from, first, "0.8")), reply(200, row(second, to, "0.9")))}
			rows, err := p.client(t).Aggregates(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.want {
				tt.want[i].Group = map[string]string{"queueId": "q"}
			}
			same(t, tt.want, rows)
			const head = `{"filter":{"predicates":[{"type":"dimension","dimension":"mediaType","operator":"matches","value":"email"}],"type":"and"},`
			body := func(from, to string) string {
				return head + tt.asked + `"groupBy":["queueId"],"interval":"` + from + "/" + to + `","metrics":["oServiceLevel"],"timeZone":"America/Santiago"}`
			}
			same(t, []string{body(from, first), body(first, second), body(second, to)}, p.bodies)
		})
	}
	for every, want := range map[time.Duration]string{
		time.Millisecond: "parts of 1ms are not whole seconds", 25 * time.Hour: "parts of 25h0m0s are longer than a day",
	} {
		wrong := q
		wrong.Every = every
		if rows, err := new(platform).client(t).Aggregates(t.Context(), wrong); rows != nil || err == nil || err.Error() != want {
			t.Errorf("%v, %v, want %s", rows, err, want)
		}
	}
	nameless := q
	nameless.Zone = time.Local
	if _, err := new(platform).client(t).Aggregates(t.Context(), nameless); err == nil || !strings.Contains(err.Error(), "has no name") {
		t.Error(err)
	}
}

func TestAggregatesOfAQueueAndAddresses(t *testing.T) {
	t.Parallel()
	const email = `{"type":"dimension","dimension":"mediaType","operator":"matches","value":"email"}`
	one := func(dimension, value string) string {
		return `{"type":"dimension","dimension":"` + dimension + `","operator":"matches","value":"` + value + `"}`
	}
	for name, tt := range map[string]struct {
		queues    []string
		addresses []string
		want      string
	}{
		"a queue or addresses": {[]string{"q1"}, []string{"a@b.example", "c@b.example"}, `"clauses":[{"predicates":[` + one("queueId", "q1") + `,` + one("addressTo", "a@b.example") + `,` + one("addressTo", "c@b.example") + `],"type":"or"}],"predicates":[` + email + `]`},
		"two addresses":        {nil, []string{"a@b.example", "c@b.example"}, `"clauses":[{"predicates":[` + one("addressTo", "a@b.example") + `,` + one("addressTo", "c@b.example") + `],"type":"or"}],"predicates":[` + email + `]`},
		"an address":           {nil, []string{"a@b.example"}, `"predicates":[` + email + `,` + one("addressTo", "a@b.example") + `]`},
		"everything":           {nil, nil, `"predicates":[` + email + `]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: reply(200, `{"results":[]}`)}
			q := genesys.AggregatesQuery{From: at("2026-11-02T00:00:00+01:00"), To: at("2026-11-09T00:00:00+01:00"), QueueIDs: tt.queues, Addresses: tt.addresses, Metrics: []string{"nOffered"}}
			if _, err := p.client(t).Aggregates(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if want := `{"filter":{` + tt.want + `,"type":"and"},`; !strings.HasPrefix(p.bodies[0], want) {
				t.Errorf("asked %s\nwant  %s", p.bodies[0], want)
			}
		})
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		want   int
		err    string
	}{
		"some":         {answer: `{"results":[{"group":{"queueId":"q1","mediaType":"email"},"data":[{"metric":"oWaiting","stats":{"count":7}}]},{"group":{"queueId":"q1"},"data":[]}]}`, want: 7},
		"none":         {answer: `{"results":[]}`},
		"without data": {answer: `{"results":[{"group":{"queueId":"q1","mediaType":"email"}}]}`},
		"no count":     {answer: `{"results":[{"group":{"queueId":"q1","mediaType":"email"},"data":[{"metric":"oWaiting","stats":{}}]}]}`, err: "/api/v2/analytics/queues/observations/query: oWaiting has no count"},
		"refused":      {answer: `no`, err: "POST /api/v2/analytics/queues/observations/query: 200 with a body that is not JSON (); is a proxy in between?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: reply(200, tt.answer)}
			got, err := p.client(t, noRetries).Waiting(t.Context(), "q1")
			if got != tt.want || tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Fatalf("%d, %v, want %d, %s", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestDecodeQueueReadsWhatElseRoutes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		more string
		want routing.QueueOther
	}{
		"nothing": {`"routingRules":[],"directRouting":null,"conditionalGroupRouting":{"rules":[]},"emailInQueueFlow":null`, routing.QueueOther{}},
		"everything": {`"routingRules":[{"operator":"ANY","waitSeconds":5}],"directRouting":{"emailMediaSettings":{"useAgentAddressOutbound":false}},
			"conditionalGroupRouting":{"rules":[{"metric":"ServiceLevel"},{"metric":"EstimatedWaitTime"},{"metric":"ServiceLevel"},{}]},
			"conditionalGroupActivation":{"pilotRule":{"conditions":[{"simpleMetric":{"metric":"IdleAgentCount"}}]},"rules":[{"conditions":[{"simpleMetric":{"metric":"ServiceLevel"}},{"simpleMetric":{"metric":"IdleAgentCount"}}]}]},
			"emailInQueueFlow":{"id":"f1","name":"Please wait"}`, routing.QueueOther{
			PreferredAgents: true, DirectRouting: true, GroupRouting: []string{"ServiceLevel", "EstimatedWaitTime", "unknown"},
			GroupActivation: []string{"IdleAgentCount", "ServiceLevel"}, InQueueFlow: &routing.Ref{ID: "f1", Name: "Please wait"},
		}},
		"direct routing of calls":                 {`"directRouting":{"callMediaSettings":{},"waitForAgent":true}`, routing.QueueOther{}},
		"direct routing that names no medium":     {`"directRouting":{"waitForAgent":true}`, routing.QueueOther{DirectRouting: true}},
		"direct routing without any settings":     {`"directRouting":{}`, routing.QueueOther{}},
		"shapes that are not known do not matter": {`"routingRules":7,"directRouting":true,"conditionalGroupRouting":[],"conditionalGroupActivation":{"pilotRule":[],"rules":{}},"emailInQueueFlow":"f1"`, routing.QueueOther{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := genesys.DecodeQueue(json.RawMessage(`{"id":"q1","name":"Support",` + tt.more + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, q.Other); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestDecodeUtilizationReadsWhatInterruptsEmail(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]string{
		`{"utilization":{"email":{"interruptableMediaTypes":["call","chat"]},"call":{"interruptableMediaTypes":["email"]}}}`: {"call", "chat"},
		`{"utilization":{"call":{"interruptableMediaTypes":["email"]}}}`:                                                     nil,
		`{"utilization":{"email":{"interruptableMediaTypes":"all"}}}`:                                                        nil,
	} {
		if got, err := genesys.DecodeUtilization(json.RawMessage(raw)); err != nil || !slices.Equal(got.Interrupts, want) {
			t.Errorf("%s: %v, %v", raw, got.Interrupts, err)
		}
	}
}

func TestNeedsOfCheckingAutopilotAndReports(t *testing.T) {
	t.Parallel()
	want := routing.Desired{Queue: routing.DesiredQueue{Name: "Support", Settings: routing.QueueSettings{Rings: &routing.Rings{}}}}
	for name, tt := range map[string]struct {
		need []genesys.OperationID
		want []string
	}{
		"a check": {genesys.NeedsLive(want), []string{
			"analytics:conversationAggregate:view", "analytics:queueObservation:view", "analytics:userObservation:view",
			"routing:queue:edit", "routing:queue:readonly", "routing:queue:view", "routing:queueMember:manage", "routing:skill:view", "routing:skillGroup:view",
			"routing:utilization:manage", "routing:utilization:view", "wfm:agent:view", "wfm:publishedSchedule:view", "wfm:schedule:view",
		}},
		"the autopilot": {genesys.NeedsAutopilot(), []string{
			"analytics:agentConversationDetail:view", "analytics:conversationAggregate:view", "analytics:conversationDetail:view", "analytics:queueObservation:view",
			"conversation:communication:blindTransfer", "routing:conversation:edit",
			"routing:queue:edit", "routing:queue:readonly", "routing:queue:view", "routing:queueMember:manage", "routing:utilization:manage",
		}},
		"a report": {genesys.NeedsReport(), []string{
			"analytics:agentConversationDetail:view", "analytics:conversationAggregate:view", "analytics:conversationDetail:view", "analytics:queueObservation:view",
			"analytics:userAggregate:view", "audits:audit:view",
		}},
	} {
		permissions := map[string]bool{}
		for _, id := range tt.need {
			op, known := genesys.Lookup(id)
			if !known || name == "a check" && !op.Safe {
				t.Errorf("%s: %s", name, id)
			}
			for _, p := range op.Permissions {
				permissions[string(p)] = true
			}
		}
		same(t, tt.want, slices.Sorted(maps.Keys(permissions)))
	}
	// Who may search schedules may read activity codes, so these are not told.
	codes, _ := genesys.Lookup(genesys.GetWorkforcemanagementBusinessunitActivitycodes)
	search, _ := genesys.Lookup(genesys.PostWorkforcemanagementBusinessunitAgentschedulesSearch)
	for _, p := range search.Permissions {
		if codes.Mode != "any" || !slices.Contains(codes.Permissions, p) {
			t.Errorf("%s does not let activity codes be read", p)
		}
	}
}

func TestTheSandboxTellsAboutPeople(t *testing.T) {
	t.Parallel()
	_, c := org(t, sandbox.Options{})
	got, err := c.ReadOrg(t.Context(), genesys.Scope{
		Queues: []string{"Support Email"}, Skills: true, SkillGroups: true, GroupMembers: []string{"Back Office"}, Agents: []string{"Noor Haddad"},
		OrgCapacity: true, Ratings: true, Shared: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	people := map[string]bool{}
	for _, m := range got.Queues[0].Members {
		people[m.ID] = true
	}
	for _, group := range got.GroupMembers {
		for _, a := range group {
			people[a.ID] = true
		}
	}
	for _, a := range got.Agents {
		if a.Name == "Noor Haddad" {
			people[a.ID] = true
		}
	}
	skilled := 0
	for id := range people {
		r, rated := got.Ratings[id]
		if n, shared := got.ActiveQueues[id]; !rated || !shared || n == 0 {
			t.Errorf("%s is rated: %t, in %d queues", id, rated, n)
		}
		skilled += len(r.Skills)
	}
	if len(got.Ratings) != len(people) || skilled == 0 || got.OrgUtilization == nil || got.Utilization != nil {
		t.Errorf("%d people, %d rated, %d skills, %+v", len(people), len(got.Ratings), skilled, got.OrgUtilization)
	}
}

func TestTheLivingSandboxTellsAboutEmail(t *testing.T) {
	t.Parallel()
	now := at("2026-11-03T11:00:00Z")
	s, c := org(t, sandbox.Options{Now: func() time.Time { return now }, Traffic: sandbox.SeedTraffic(), History: 24 * time.Hour})
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	got, err := c.ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Support Email"}})
	if err != nil {
		t.Fatal(err)
	}
	queue := got.Queues[0].ID
	rows, err := c.Aggregates(t.Context(), genesys.AggregatesQuery{
		From: now.Add(-12 * time.Hour), To: now, Every: 30 * time.Minute, GroupBy: []string{"addressTo"}, QueueIDs: []string{queue}, Metrics: []string{"nOffered", "tHandle"},
	})
	if err != nil {
		t.Fatal(err)
	}
	offered, handled := 0, time.Duration(0)
	for _, r := range rows {
		if r.To.Sub(r.From) != 30*time.Minute || r.From.Before(now.Add(-12*time.Hour)) || r.Group["addressTo"] == "" {
			t.Fatalf("%+v", r)
		}
		switch r.Metric {
		case "nOffered":
			offered += r.Stats.Count
		case "tHandle":
			handled += time.Duration(r.Stats.Sum) * time.Millisecond
		}
	}
	waiting, err := c.Waiting(t.Context(), queue)
	if offered == 0 || handled == 0 || waiting == 0 || err != nil {
		t.Errorf("%d offered, %s handled, %d waiting, %v", offered, handled, waiting, err)
	}
}
