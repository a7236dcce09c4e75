package genesys_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// centre answers as an organisation whose queue Support has members, a1 to aN.
// More answers go by method and path, before its own.
type centre struct {
	members int
	more    map[string]http.HandlerFunc
}

const (
	wfmUnits  = "GET /api/v2/workforcemanagement/businessunits"
	wfmUsers  = "GET /api/v2/workforcemanagement/businessunits/b1/users"
	wfmCodes  = "GET /api/v2/workforcemanagement/businessunits/b1/activitycodes"
	wfmSearch = "POST /api/v2/workforcemanagement/businessunits/b1/agentschedules/search"
)

func (c centre) ids() []string {
	ids := make([]string, c.members)
	for i := range ids {
		ids[i] = fmt.Sprintf("a%d", i+1)
	}
	return ids
}

// agents writes objects with the ids of agents.
func agents(ids ...string) string {
	b, err := json.Marshal(slices.Collect(func(yield func(any) bool) {
		for _, id := range ids {
			if !yield(map[string]string{"id": id}) {
				return
			}
		}
	}))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func inUnit(ids ...string) string {
	return `{"managementUnits":[{"managementUnit":{"id":"m1"},"users":` + agents(ids...) + `}]}`
}

// platform makes the organisation; its one business unit has all of its agents
// and published nothing, until more says otherwise.
func (c centre) platform() *platform {
	table := map[string]http.HandlerFunc{
		"GET /api/v2/organizations/me": reply(200, `{"id":"org","name":"Org"}`),
		"GET /api/v2/routing/queues":   reply(200, `{"entities":[{"id":"q1","name":"Support","mediaSettings":{"call":{}},"acwSettings":{"timeoutMs":1}}],"pageCount":1}`),
		"GET /api/v2/routing/queues/q1/members": func(w http.ResponseWriter, r *http.Request) {
			var page, size int
			_, _ = fmt.Sscan(r.URL.Query().Get("pageNumber")+" "+r.URL.Query().Get("pageSize"), &page, &size)
			ids := c.ids()
			to := min(page*size, len(ids))
			next := ""
			if to < len(ids) {
				next = `,"nextUri":"/next"`
			}
			_, _ = io.WriteString(w, `{"entities":`+agents(ids[(page-1)*size:to]...)+next+`}`)
		},
		wfmUnits:  reply(200, `{"entities":[{"id":"b1","name":"Care"}]}`),
		wfmUsers:  reply(200, inUnit(c.ids()...)),
		wfmCodes:  reply(200, `{"entities":[{"id":"0","category":"OnQueueWork"},{"id":"1","category":"Meal"},{"id":"9","category":"Siesta"}]}`),
		wfmSearch: reply(200, `{"status":"Complete","result":{"businessUnitTimeZone":"Europe/Berlin"}}`),
	}
	maps.Copy(table, c.more)
	return &platform{api: func(w http.ResponseWriter, r *http.Request) {
		answer := table[r.Method+" "+r.URL.Path]
		if answer == nil {
			answer = reply(404, `{"code":"not.found","message":"nothing is there"}`)
		}
		answer(w, r)
	}}
}

func noRetries(c *genesys.Config) { c.Retries = -1 }

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func stretch(from, to string) routing.Span { return routing.Span{From: at(from), To: at(to)} }

// roster reads the roster of the queue's members.
func (c centre) roster(t *testing.T, p *platform, span routing.Span, change ...func(*genesys.Config)) routing.Roster {
	t.Helper()
	got, err := p.client(t, append(change, noRetries)...).ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Support"}, Roster: span})
	if err != nil {
		t.Fatal(err)
	}
	if got.Roster == nil || len(got.Queues[0].Members) != c.members {
		t.Fatalf("roster %v, %d members", got.Roster, len(got.Queues[0].Members))
	}
	return *got.Roster
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(routing.Roster{}, "Zone")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRosterIsWhatIsPublished(t *testing.T) {
	t.Parallel()
	week := func(monday, schedules string) string {
		return `{"status":"Complete","result":{"businessUnitTimeZone":"Europe/Berlin","publishedSchedules":[` + monday + `],"agentSchedules":[` + schedules + `]}}`
	}
	for name, tt := range map[string]struct {
		span    routing.Span
		answer  string
		agents  map[string]routing.AgentSchedule
		unknown []string
	}{
		"the day on which clocks are put back has 25 hours": {
			span:   stretch("2026-10-24T22:00:00Z", "2026-10-26T22:00:00Z"),
			answer: week(`{"weekDate":"2026-10-19","weekCount":1}`, `{"user":{"id":"a1"},"fullDayTimeOffMarkers":[{"businessUnitDate":"2026-10-25"},{"businessUnitDate":"2026-10-24"}]}`),
			agents: map[string]routing.AgentSchedule{"a1": {
				Known: []routing.Span{stretch("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")},
				Off:   []routing.Span{stretch("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")},
			}},
			unknown: []string{"no schedule is published for 2026-10-26 00:00 to 2026-10-26 23:00 (Europe/Berlin)"},
		},
		"the day on which they are put forward has 23": {
			span:   stretch("2026-03-28T23:00:00Z", "2026-03-30T22:00:00Z"),
			answer: week(`{"weekDate":"2026-03-23","weekCount":2}`, `{"user":{"id":"a1"},"fullDayTimeOffMarkers":[{"businessUnitDate":"2026-03-29"}]}`),
			agents: map[string]routing.AgentSchedule{"a1": {
				Known: []routing.Span{stretch("2026-03-28T23:00:00Z", "2026-03-30T22:00:00Z")},
				Off:   []routing.Span{stretch("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")},
			}},
		},
		"a shift that began the evening before goes on in the span": {
			span: stretch("2026-11-02T23:00:00Z", "2026-11-03T23:00:00Z"),
			answer: week(`{"weekDate":"2026-11-02"}`, `{"user":{"id":"a1"},"shifts":[
				{"startDate":"2026-11-03T21:00:00Z","lengthMinutes":480},
				{"startDate":"2026-11-02T21:00:00Z","lengthMinutes":480,"activities":[{"startDate":"2026-11-03T01:00:00Z","lengthMinutes":30,"activityCodeId":"1","description":""}]},
				{"startDate":"2026-11-02T12:00:00Z","lengthMinutes":480}]}`),
			agents: map[string]routing.AgentSchedule{"a1": {
				Known: []routing.Span{stretch("2026-11-02T23:00:00Z", "2026-11-03T23:00:00Z")},
				Shifts: []routing.Shift{
					{Span: stretch("2026-11-02T21:00:00Z", "2026-11-03T05:00:00Z"), Activities: []routing.Activity{{Span: stretch("2026-11-03T01:00:00Z", "2026-11-03T01:30:00Z"), Category: "Meal"}}},
					{Span: stretch("2026-11-03T21:00:00Z", "2026-11-04T05:00:00Z")},
				},
			}},
		},
		"a day off before the span is of the shift that began on it": {
			span:   stretch("2026-11-02T23:00:00Z", "2026-11-03T23:00:00Z"),
			answer: week(`{"weekDate":"2026-11-02"}`, `{"user":{"id":"a1"},"shifts":[{"startDate":"2026-11-02T21:00:00Z","lengthMinutes":480}],"fullDayTimeOffMarkers":[{"businessUnitDate":"2026-11-02"},{"businessUnitDate":"2026-11-01"}]}`),
			agents: map[string]routing.AgentSchedule{"a1": {
				Known:  []routing.Span{stretch("2026-11-02T23:00:00Z", "2026-11-03T23:00:00Z")},
				Shifts: []routing.Shift{{Span: stretch("2026-11-02T21:00:00Z", "2026-11-03T05:00:00Z")}},
				Off:    []routing.Span{stretch("2026-11-01T23:00:00Z", "2026-11-02T23:00:00Z")},
			}},
		},
		"a week in which an agent has nothing is known": {
			span:   stretch("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z"),
			answer: week(`{"weekDate":"2026-11-02","weekCount":1}`, `{"user":{"id":"other"},"shifts":[{"startDate":"2026-11-03T08:00:00Z","lengthMinutes":60}]}`),
			agents: map[string]routing.AgentSchedule{"a1": {Known: []routing.Span{stretch("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z")}}},
		},
		"nothing is published": {
			span:    stretch("2026-11-02T23:00:00Z", "2026-11-09T23:00:00Z"),
			answer:  week(`{"weekDate":"2026-10-26","weekCount":1}`, ``),
			unknown: []string{"no schedule is published for 2026-11-03 00:00 to 2026-11-10 00:00 (Europe/Berlin)"},
		},
		"a code without a category leaves its time unknown": {
			span: stretch("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z"),
			answer: week(`{"weekDate":"2026-11-02","weekCount":1}`, `{"user":{"id":"a1"},"shifts":[{"startDate":"2026-11-03T08:00:00Z","lengthMinutes":240,"activities":[
				{"startDate":"2026-11-03T08:00:00Z","lengthMinutes":60,"activityCodeId":"0","description":""},
				{"startDate":"2026-11-03T09:00:00Z","lengthMinutes":60,"activityCodeId":"9","description":""},
				{"startDate":"2026-11-03T10:00:00Z","lengthMinutes":60,"activityCodeId":"77","description":""}]}]}`),
			agents: map[string]routing.AgentSchedule{"a1": {
				Known: []routing.Span{stretch("2026-11-03T00:00:00Z", "2026-11-03T09:00:00Z"), stretch("2026-11-03T11:00:00Z", "2026-11-04T00:00:00Z")},
				Shifts: []routing.Shift{{
					Span:       stretch("2026-11-03T08:00:00Z", "2026-11-03T12:00:00Z"),
					Activities: []routing.Activity{{Span: stretch("2026-11-03T08:00:00Z", "2026-11-03T09:00:00Z"), Category: routing.OnQueueWork}},
				}},
			}},
			unknown: []string{"the activity code 9 has no category that is known", "the activity code 77 has no category that is known"},
		},
		"no time zone": {
			span: stretch("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z"), answer: `{"status":"Complete","result":{}}`,
			unknown: []string{"the answer of workforce management cannot be used: it has no time zone"},
		},
		"a search that was given up": {
			span: stretch("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z"), answer: `{"status":"Canceled","result":{"businessUnitTimeZone":"Europe/Berlin"}}`,
			unknown: []string{`workforce management gave no schedules of some agents: its search ended as "Canceled"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := centre{members: 1, more: map[string]http.HandlerFunc{wfmSearch: reply(200, tt.answer)}}
			p := c.platform()
			same(t, routing.Roster{Span: tt.span, Agents: tt.agents, Unknown: tt.unknown}, c.roster(t, p, tt.span))
			bodies := slices.DeleteFunc(p.bodies, func(b string) bool { return b == "" })
			asked := bodies[len(bodies)-1]
			want := fmt.Sprintf(`{"endDate":"%s","startDate":"%s","userIds":["a1"]}`, tt.span.To.Format(time.RFC3339), tt.span.From.AddDate(0, 0, -1).Format(time.RFC3339))
			if asked != want {
				t.Errorf("asked %s, want %s", asked, want)
			}
		})
	}
}

// aDay is a span of one day, in a week that aWeek publishes.
var aDay = stretch("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z")

const aWeek = `{"businessUnitTimeZone":"Europe/Berlin","publishedSchedules":[{"weekDate":"2026-11-02","weekCount":1}]}`

func TestRosterAsksForFewerWhileTheAnswerIsNotReady(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ready   int // up to how many users are answered at once
		sizes   []int
		known   int
		unknown []string
	}{
		"all at once":    {ready: 500, sizes: []int{130}, known: 130},
		"in smaller":     {ready: 65, sizes: []int{130, 65, 65}, known: 130},
		"in the least":   {ready: 25, sizes: []int{130, 65, 33, 25, 25, 25, 25, 25, 5}, known: 130},
		"only the least": {ready: 24, sizes: []int{130, 65, 33, 25, 25, 25, 25, 25, 5}, known: 5, unknown: []string{"workforce management is still processing the schedules of some agents"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sizes []int
			c := centre{members: 130}
			c.more = map[string]http.HandlerFunc{wfmSearch: func(w http.ResponseWriter, _ *http.Request) {
				if n := sizes[len(sizes)-1]; n > tt.ready {
					reply(200, `{"status":"Processing","operationId":"o","progress":0}`)(w, nil)
					return
				}
				reply(200, `{"status":"Complete","result":`+aWeek+`}`)(w, nil)
			}}
			p := c.platform()
			p.fails = func(r *http.Request) error {
				if r.Method == http.MethodPost {
					p.mu.Lock()
					defer p.mu.Unlock()
					sizes = append(sizes, strings.Count(p.bodies[len(p.bodies)-1], `"a`))
				}
				return nil
			}
			got := c.roster(t, p, aDay)
			same(t, tt.sizes, sizes)
			same(t, tt.unknown, got.Unknown)
			if len(got.Agents) != tt.known {
				t.Errorf("%d agents are known, want %d", len(got.Agents), tt.known)
			}
		})
	}
}

func TestRosterFetchesALargeAnswerWithoutTheToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		url, gateway string
		status       int
		unknown      []string
	}{
		"from another host": {url: "https://files.example.com/a/b?signature=x%2Fy", status: 200},
		"from the gateway":  {url: "http://127.0.0.1:8180/downloads/1", gateway: "http://127.0.0.1:8180", status: 200},
		"not by http": {
			url:     "http://files.example.com/a",
			unknown: []string{"workforce management did not answer: fetch its answer: the answer is at http://files.example.com, not by https"},
		},
		"not from beside the gateway": {
			url: "http://127.0.0.1:9000/a", gateway: "http://127.0.0.1:8180",
			unknown: []string{"workforce management did not answer: fetch its answer: the answer is at http://127.0.0.1:9000, not by https"},
		},
		"it has expired": {
			url: "https://files.example.com/a/b?signature=x", status: 403,
			unknown: []string{"workforce management did not answer: fetch its answer: GET https://files.example.com/…: 403: Forbidden"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := centre{members: 1, more: map[string]http.HandlerFunc{wfmSearch: reply(200, `{"status":"Complete","downloadUrl":"`+tt.url+`"}`)}}
			p := c.platform()
			api, fetched := p.api, 0
			p.api = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.String() != tt.url {
					api(w, r)
					return
				}
				fetched++
				if r.Header.Get("Authorization") != "" {
					t.Error("the token was sent")
				}
				w.Header().Set("inin-ratelimit-allowed", "1")
				reply(tt.status, aWeek)(w, r)
			}
			got := c.roster(t, p, aDay, func(cfg *genesys.Config) { cfg.Gateway = tt.gateway })
			same(t, tt.unknown, got.Unknown)
			if (len(got.Agents) == 1) != (tt.unknown == nil) || (fetched == 1) != (tt.status > 0) {
				t.Errorf("%d agents known, fetched %d times", len(got.Agents), fetched)
			}
		})
	}
}

func TestRosterSaysWhyNothingIsKnown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		more    map[string]http.HandlerFunc
		known   []string
		unknown string
		calls   int // for workforce management
	}{
		"no licence":     {map[string]http.HandlerFunc{wfmUnits: reply(404, `{"code":"not.found"}`)}, nil, "the organisation has no workforce management", 1},
		"not there":      {map[string]http.HandlerFunc{wfmUnits: reply(405, ``)}, nil, "the organisation has no workforce management", 1},
		"no units":       {map[string]http.HandlerFunc{wfmUnits: reply(200, `{"entities":[]}`)}, nil, "the organisation has no workforce management", 1},
		"no permission":  {map[string]http.HandlerFunc{wfmSearch: reply(403, `{"code":"missing.any.permissions","message":"needs one of wfm:schedule:view, wfm:publishedSchedule:view"}`)}, nil, "the client may not read schedules: wfm:publishedSchedule:view or wfm:schedule:view", 3},
		"a fault":        {map[string]http.HandlerFunc{wfmCodes: reply(500, `{"code":"wfm.server.error","message":"oops"}`)}, nil, "workforce management did not answer: GET /api/v2/workforcemanagement/businessunits/b1/activitycodes: 500 wfm.server.error: oops", 2},
		"a strange body": {map[string]http.HandlerFunc{wfmUnits: reply(200, `{"entities":{}}`)}, nil, "workforce management did not answer: GET /api/v2/workforcemanagement/businessunits: the reply does not fit: json: cannot unmarshal object into Go struct field listing.Entities of type []genesys.wireUnit", 1},
		"in no unit":     {map[string]http.HandlerFunc{wfmUsers: reply(200, inUnit("a1", "x")), wfmSearch: reply(200, `{"status":"Complete","result":`+aWeek+`}`)}, []string{"a1"}, "2 of 3 agents are in no business unit of workforce management", 4},
		"a search that takes only those who are planned": {map[string]http.HandlerFunc{
			wfmUsers: reply(200, inUnit("a1", "a3")), wfmSearch: func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "a2") {
					reply(404, `{"code":"wfm.agent.not.found"}`)(w, r)
					return
				}
				reply(200, `{"status":"Complete","result":`+aWeek+`}`)(w, r)
			},
		}, []string{"a1", "a3"}, "1 of 3 agents are in no business unit of workforce management", 6},
		"whom it plans is not told": {map[string]http.HandlerFunc{
			wfmUsers:  reply(403, `{"message":"missing permission wfm:agent:view"}`),
			wfmSearch: reply(200, strings.Replace(`{"status":"Complete","result":`+aWeek+`}`, `{"businessUnitTimeZone"`, `{"agentSchedules":[{"user":{"id":"a2"}}],"businessUnitTimeZone"`, 1)),
		}, []string{"a2"}, "the client may not read schedules: wfm:agent:view", 4},
		"a unit that may not be seen": {map[string]http.HandlerFunc{
			wfmUnits: reply(200, `{"entities":[{"id":"b0","name":"Sales","authorized":false},{"id":"b1","authorized":true}]}`), wfmUsers: reply(200, inUnit("a1")),
			wfmSearch: reply(200, `{"status":"Complete","result":`+aWeek+`}`),
		}, []string{"a1"}, "the client may not see the business unit Sales of workforce management", 4},
		"a unit that does not answer is no reason not to ask the next": {map[string]http.HandlerFunc{
			wfmUnits:                                 reply(200, `{"entities":[{"id":"b0"},{"id":"b1"},{"id":"b2"}]}`),
			wfmSearch:                                reply(200, `{"status":"Complete","result":`+aWeek+`}`),
			strings.Replace(wfmUsers, "b1", "b0", 1): reply(403, `{"message":"missing permission wfm:agent:view"}`),
		}, []string{"a1", "a2", "a3"}, "the client may not read schedules: wfm:agent:view", 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := centre{members: 3, more: tt.more}
			p := c.platform()
			got := c.roster(t, p, aDay)
			same(t, []string{tt.unknown}, got.Unknown)
			same(t, tt.known, slices.Sorted(maps.Keys(got.Agents)))
			calls := slices.DeleteFunc(p.calls, func(call string) bool { return !strings.Contains(call, "/workforcemanagement/") })
			if len(calls) != tt.calls {
				t.Errorf("%d calls, want %d: %v", len(calls), tt.calls, calls)
			}
		})
	}
}

func TestTheEndOfTheContextIsNoReason(t *testing.T) {
	t.Parallel()
	for _, s := range []genesys.Scope{{Roster: aDay}, {Shared: true}} {
		ctx, cancel := context.WithCancel(t.Context())
		stop := func(http.ResponseWriter, *http.Request) { cancel() }
		p := centre{members: 1, more: map[string]http.HandlerFunc{wfmUnits: stop, "POST /api/v2/analytics/users/observations/query": stop}}.platform()
		s.Queues = []string{"Support"}
		if _, err := p.client(t).ReadOrg(ctx, s); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
	}
}

// downloaded makes searches of schedules take the other form of answer.
type downloaded struct{ http.RoundTripper }

func (d downloaded) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/search") {
		r = r.Clone(r.Context())
		r.URL.RawQuery = "forceDownloadService=true"
	}
	return d.RoundTripper.RoundTrip(r)
}

func TestRosterOfTheSandbox(t *testing.T) {
	t.Parallel()
	var rosters []routing.Roster
	for _, elsewhere := range []bool{false, true} {
		s, c := org(t, sandbox.Options{})
		if elsewhere {
			var err error
			if c, err = genesys.New(genesys.Config{
				ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret, Transport: downloaded{s.Transport()},
			}); err != nil {
				t.Fatal(err)
			}
		}
		token, err := c.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		from := token.Issued.Truncate(24 * time.Hour)
		got, err := c.ReadOrg(t.Context(), genesys.Scope{Queues: []string{"Support Email"}, Roster: routing.Span{From: from, To: from.AddDate(0, 0, 7)}})
		if err != nil {
			t.Fatal(err)
		}
		shifts := 0
		for _, m := range got.Queues[0].Members {
			shifts += len(got.Roster.Agents[m.ID].Shifts)
		}
		if len(got.Roster.Unknown) > 0 || len(got.Roster.Agents) != len(got.Queues[0].Members) || shifts == 0 || got.Roster.Zone.String() != "Europe/Berlin" {
			t.Errorf("%d members, %d known, %d shifts, unknown: %q", len(got.Queues[0].Members), len(got.Roster.Agents), shifts, got.Roster.Unknown)
		}
		rosters = append(rosters, *got.Roster)
	}
	same(t, rosters[0].Agents, rosters[1].Agents)
}
