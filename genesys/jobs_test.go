package genesys_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
)

// patient is mail by day and night for agents who work by day: much waits over
// midnight, and some is passed on, given up, or not answered when it alerts.
const patient = `version: 1
start: 2026-03-02
timezone: UTC
days: 7
arrivals:
  - mix: { support@help.example.com: 5, billing@help.example.com: 3, complaints@help.example.com: 1 }
    rates: { mon-sun: { 00:00-24:00: 7 } }
handle: { mean: 6m, cv: 0.8 }
wrapUp: { mean: 90s }
rules:
  support@help.example.com: { patience: { mean: 20h }, transfer: [{ to: billing@help.example.com, share: 0.3 }] }
agents:
  - { name: Day, count: 2, capacity: 2, skills: { Billing: 4 }, languages: { English: 4 }, shifts: { mon-sun: 07:00-17:00 } }
noAnswer: { share: 0.08, away: 6m, answer: { mean: 20s } }
unfinished: park
`

// What jobs and queries tell of several weeks is the record of the centre, to
// the email: nothing twice, nothing lost, nothing that the data lake is late with.
func TestConversationsOfWeeksAreTheRecord(t *testing.T) {
	t.Parallel()
	sc, problems := scenario.Parse("traffic.yaml", []byte(patient), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	clock := sandbox.NewClock(at("2026-11-03T00:30:00Z"))
	s, c := org(t, sandbox.Options{Now: clock.Now, Traffic: sc, History: 40 * 24 * time.Hour, RateLimit: -1})
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	l := &living{s, c, t}
	moved := 0
	for _, e := range l.state(l.queue("Support Email")).Emails {
		if moved++; moved <= 5 {
			if err := c.MoveEmail(t.Context(), e.ConversationID, l.queue("Support Email"), l.queue("Complaints")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if moved < 5 {
		t.Fatalf("%d emails wait", moved)
	}
	l.passes(10 * time.Minute) // the lake does not know yet
	from, to := at("2026-09-26T12:00:00Z"), at("2026-11-03T00:40:00Z")
	want := map[string]routing.Conversation{}
	for _, x := range s.Record() {
		if last := x.Stays[len(x.Stays)-1]; !x.Stays[0].Entered.Before(to) || endOf(last).Before(from.Truncate(24*time.Hour)) {
			continue
		}
		for i := range x.Stays {
			x.Stays[i].Priority = 0
		}
		want[x.ID] = x
	}
	l.tellConversations(want, routing.Span{From: from, To: to})
	l.tellDays(from, to)
	l.tellStatuses(from, to)
}

// endOf is when a conversation ended of which a stay is the last; far off: it goes on.
func endOf(last routing.Stay) time.Time {
	end := last.Left
	if n := len(last.Work); n > 0 {
		end = last.Work[n-1].To
	}
	if end.IsZero() {
		return at("9999-01-01T00:00:00Z")
	}
	return end
}

// tellConversations holds what the client tells of a span against the record.
func (l *living) tellConversations(want map[string]routing.Conversation, span routing.Span) {
	l.t.Helper()
	l.ClearRequests()
	begun, stale, earlier, last := len(want), 0, 0, time.Time{}
	for x, err := range l.Conversations(l.t.Context(), genesys.ConversationsQuery{Span: span, Jobs: true}) {
		if err != nil {
			l.t.Fatal(err)
		}
		if d := cmp.Diff(want[x.ID], x); d != "" {
			l.t.Fatalf("%s (-record +client):\n%s", x.ID, d)
		}
		delete(want, x.ID)
		if entered := x.Stays[0].Entered; entered.Before(last) {
			l.t.Fatalf("%s comes after one of %s", entered, last)
		} else if entered.Before(span.From.Truncate(24 * time.Hour)) {
			earlier++
		} else if last = entered; entered.Before(at("2026-11-03T00:00:00Z")) && x.Stays[0].Left.After(at("2026-11-03T00:20:00Z")) {
			stale++
		}
	}
	if begun < 5000 || len(want) != 0 {
		l.t.Errorf("of %d conversations %d are lost", begun, len(want))
	}
	if earlier == 0 {
		l.t.Error("nothing that began earlier went on")
	}
	if stale == 0 {
		l.t.Error("no email of yesterday was touched after the data lake was filled")
	}
	posted, dropped, results := 0, 0, 0
	for _, r := range l.Requests() {
		switch {
		case r.Method == "POST" && strings.HasSuffix(r.Path, "/details/jobs"):
			posted++
		case r.Method == "DELETE":
			dropped++
		case strings.HasSuffix(r.Path, "/results"):
			results++
		}
	}
	if posted != 2 || dropped != 2 || results < begun/1000 || results > begun/1000+4 {
		l.t.Errorf("%d jobs, %d dropped, %d pages of results", posted, dropped, results)
	}
}

// tellDays holds figures by the day of Berlin, whose clocks are put back
// meanwhile, and figures of the whole against the record.
func (l *living) tellDays(from, to time.Time) {
	l.t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		l.t.Fatal(err)
	}
	type figure struct {
		Part, Queue, Metric string
		Count               int
		Sum                 time.Duration
	}
	tell := func(q genesys.AggregatesQuery) map[figure]bool {
		q.From, q.To, q.Zone, q.GroupBy = from, to, berlin, []string{"queueId"}
		q.Metrics = []string{"nOffered", "tAnswered", "tAbandon", "tFlowOut", "nTransferred", "tHandle", "tFirstResponse"}
		rows, err := l.Aggregates(l.t.Context(), q)
		if err != nil {
			l.t.Fatal(err)
		}
		out := map[figure]bool{}
		for _, r := range rows {
			out[figure{r.From.In(berlin).Format(time.DateOnly), r.Group["queueId"], r.Metric, r.Stats.Count, time.Duration(r.Stats.Sum) * time.Millisecond}] = true
		}
		if len(out) != len(rows) {
			l.t.Errorf("%d rows are %d figures", len(rows), len(out))
		}
		return out
	}
	happened := func(day func(time.Time) string) map[figure]bool {
		sums := map[figure]figure{}
		add := func(s routing.Stay, metric string, at time.Time, took time.Duration) {
			if at.IsZero() || at.Before(from) || !at.Before(to) {
				return
			}
			key := figure{Part: day(at), Queue: s.QueueID, Metric: metric}
			f := sums[key]
			sums[key] = figure{Count: f.Count + 1, Sum: f.Sum + took}
		}
		for _, c := range l.Record() {
			for _, s := range c.Stays {
				wait := s.Left.Sub(s.Entered)
				var ended time.Time
				if len(s.Work) > 0 {
					ended = s.Work[0].To
				}
				add(s, "nOffered", s.Entered, 0)
				add(s, "tAnswered", s.Answered, wait)
				add(s, "tHandle", ended, s.Handle)
				switch {
				case s.Abandoned:
					add(s, "tAbandon", s.Left, wait)
				case s.Transferred && s.Answered.IsZero():
					add(s, "tFlowOut", s.Left, wait)
				case s.Transferred:
					add(s, "nTransferred", ended, 0)
				case s.FirstResponse > 0:
					add(s, "tFirstResponse", ended, s.FirstResponse)
				}
			}
		}
		out := map[figure]bool{}
		for key, f := range sums {
			out[figure{key.Part, key.Queue, key.Metric, f.Count, f.Sum}] = true
		}
		return out
	}
	if d := cmp.Diff(happened(func(at time.Time) string { return at.In(berlin).Format(time.DateOnly) }), tell(genesys.AggregatesQuery{Every: 24 * time.Hour})); d != "" {
		l.t.Errorf("by day (-record +client):\n%.3000s", d)
	}
	if d := cmp.Diff(happened(func(time.Time) string { return from.In(berlin).Format(time.DateOnly) }), tell(genesys.AggregatesQuery{})); d != "" {
		l.t.Errorf("in all (-record +client):\n%.3000s", d)
	}
}

// tellStatuses holds the times of agents in each status against the shifts and
// what the record says was in their hands.
func (l *living) tellStatuses(from, to time.Time) {
	l.t.Helper()
	const (
		shift = iota
		inHand
		away
	)
	type step struct {
		at   time.Time
		what int
		by   int
	}
	steps := map[string][]step{}
	add := func(agent string, what int, s routing.Span) {
		if s.To.IsZero() || s.To.After(to) {
			s.To = to
		}
		if s.From.Before(from) {
			s.From = from
		}
		if s.From.Before(s.To) {
			steps[agent] = append(steps[agent], step{s.From, what, 1}, step{s.To, what, -1})
		}
	}
	for _, c := range l.Record() {
		for _, s := range c.Stays {
			for _, touch := range slices.Concat(s.Alerts, s.Work) {
				add(touch.AgentID, inHand, touch.Span)
			}
			for _, a := range s.Alerts {
				if !a.Answered && !a.To.IsZero() {
					add(a.AgentID, away, routing.Span{From: a.To, To: a.To.Add(6 * time.Minute)})
				}
			}
		}
	}
	if len(steps) != 2 {
		l.t.Fatalf("%d agents worked", len(steps))
	}
	want := map[string]measure.Occupancy{}
	var ids []string
	for agent := range steps {
		ids = append(ids, agent)
		for day := from.Truncate(24 * time.Hour); day.Before(to); day = day.Add(24 * time.Hour) {
			add(agent, shift, routing.Span{From: day.Add(7 * time.Hour), To: day.Add(17 * time.Hour)})
		}
		all := steps[agent]
		slices.SortFunc(all, func(a, b step) int { return a.at.Compare(b.at) })
		var o measure.Occupancy
		var now [3]int
		last := from
		for _, s := range append(all, step{at: to}) {
			took := s.at.Sub(last)
			switch {
			case now[shift] == 0:
				o.OffQueue += took
			case now[away] > 0:
				o.NotResponding += took
			case now[inHand] > 0:
				o.Interacting += took
			default:
				o.Idle += took
			}
			now[s.what] += s.by
			last = s.at
		}
		want[agent] = o
	}
	for _, every := range []time.Duration{0, 24 * time.Hour} {
		rows, err := l.RoutingStatuses(l.t.Context(), genesys.StatusesQuery{From: from, To: to, Every: every, UserIDs: ids})
		if err != nil {
			l.t.Fatal(err)
		}
		if d := cmp.Diff(want, measure.Occupancies(rows)); d != "" {
			l.t.Errorf("in parts of %s (-record +client):\n%s", every, d)
		}
	}
	if rows, err := l.RoutingStatuses(l.t.Context(), genesys.StatusesQuery{From: from, To: to}); err != nil || len(rows) != 0 {
		l.t.Errorf("of nobody: %v, %v", rows, err)
	}
}

// filled says that the data lake is filled up to an hour of 12 March.
var filled = reply(200, `{"dataAvailabilityDate":"2026-03-12T01:00:00Z"}`)

func TestWhatIsInTheLakeIsReadByJobs(t *testing.T) {
	t.Parallel()
	conversation := func(id, start, end string) string {
		out := fmt.Sprintf(`{"conversationId":%q,"conversationStart":%q`, id, start)
		if end != "" {
			out += fmt.Sprintf(`,"conversationEnd":%q`, end)
		}
		return out + "}"
	}
	page := func(cursor string, conversations ...string) string {
		return fmt.Sprintf(`{"conversations":[%s],"cursor":%q,"dataAvailabilityDate":"2026-03-12T01:00:00Z"}`, strings.Join(conversations, ","), cursor)
	}
	const done = "2026-03-12T00:00:00Z"
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: answers(filled, reply(202, `{"jobId":"j"}`), reply(202, `{"state":"QUEUED"}`), reply(200, `{"state":"FULFILLED"}`),
			// Of an earlier day, ended, open; an empty page; and one of the other part.
			reply(200, page("a", conversation("0", "2026-03-01T23:59:59Z", done), conversation("1", "2026-03-02T00:00:00Z", done), conversation("2", "2026-03-03T10:00:00Z", ""))),
			reply(200, `{"conversations":[{"conversationId":"2","conversationStart":"2026-03-03T10:00:00Z","conversationEnd":"2026-03-12T13:00:00Z","participants":[{"sessions":[{"mediaType":"email","addressTo":"now@example.com"}]}]}]}`),
			reply(200, page("b")), reply(200, page("", conversation("3", "2026-03-11T23:59:59.999Z", done), conversation("4", "2026-03-12T00:00:00Z", done))),
			reply(204, ""),
			reply(200, `{"conversations":[`+conversation("4", "2026-03-12T00:00:00Z", "")+`]}`), reply(200, `{}`))}
		q := genesys.ConversationsQuery{Span: routing.Span{From: at("2026-03-02T09:00:00Z"), To: at("2026-03-12T12:00:00Z")}, Jobs: true}
		got := names(t, p.client(t).Conversations(t.Context(), q), func(c routing.Conversation) string { return c.ID + c.To })
		if d := cmp.Diff([]string{"0", "1", "2now@example.com", "3", "4"}, got); d != "" {
			t.Error(d)
		}
		const jobs = "/api/v2/analytics/conversations/details/jobs"
		if d := cmp.Diff([]string{
			"GET " + jobs + "/availability", "POST " + jobs, "GET " + jobs + "/j", "GET " + jobs + "/j",
			"GET " + jobs + "/j/results?pageSize=1000", "POST /api/v2/analytics/conversations/details/query",
			"GET " + jobs + "/j/results?cursor=a&pageSize=1000", "GET " + jobs + "/j/results?cursor=b&pageSize=1000", "DELETE " + jobs + "/j",
			"POST /api/v2/analytics/conversations/details/query", "POST /api/v2/analytics/conversations/details/query",
		}, p.calls); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		const email = `"segmentFilters":[{"predicates":[{"type":"dimension","dimension":"mediaType","operator":"matches","value":"email"}],"type":"and"}]`
		for i, want := range map[int]string{
			1: `{"interval":"2026-03-02T00:00:00.000Z/2026-03-11T23:59:59.999Z","order":"asc","orderBy":"conversationStart",` + email + `,"startOfDayIntervalMatching":false}`,
			5: `{"conversationFilters":[{"predicates":[{"type":"dimension","dimension":"conversationId","operator":"matches","value":"2"}],"type":"or"}],` +
				`"interval":"2026-03-03T10:00:00.000Z/2026-03-03T10:00:00.001Z","paging":{"pageNumber":1,"pageSize":100}}`,
			9: `{"interval":"2026-03-12T00:00:00.000Z/2026-03-12T11:59:59.999Z","order":"asc","orderBy":"conversationStart","paging":{"pageNumber":1,"pageSize":100},` + email + `}`,
		} {
			if d := cmp.Diff(want, strings.TrimSpace(p.bodies[i])); d != "" {
				t.Errorf("request %d (-want +got):\n%s", i, d)
			}
		}
	})
}

func TestAJobThatDoesNotSucceedIsAnErrorAndDropped(t *testing.T) {
	t.Parallel()
	q := genesys.ConversationsQuery{Span: routing.Span{From: at("2026-03-02T00:00:00Z"), To: at("2026-03-12T00:00:00Z")}, Jobs: true}
	for state, want := range map[string]string{
		`{"state":"FAILED","errorMessage":"out of room"}`: "the details job j failed: out of room",
		`{"state":"CANCELLED"}`:                           "the details job j was cancelled by somebody else",
		`{"state":"EXPIRED"}`:                             "the details job j expired before its results were read",
		`{"state":"PENDING"}`:                             "the details job j is still PENDING after 30m0s",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &platform{api: answers(filled, reply(202, `{"jobId":"j"}`), reply(200, state))}
			for _, err := range p.client(t).Conversations(t.Context(), q) {
				if err == nil || err.Error() != want {
					t.Errorf("%v, want %s", err, want)
				}
			}
			if last := p.calls[len(p.calls)-1]; !strings.HasPrefix(last, "DELETE ") {
				t.Errorf("the last request is %s", last)
			}
		})
	}
}

func TestAJobIsDroppedWhoeverEndsIt(t *testing.T) {
	t.Parallel()
	q := genesys.ConversationsQuery{Span: routing.Span{From: at("2026-03-02T00:00:00Z"), To: at("2026-03-12T00:00:00Z")}, Jobs: true}
	const found = `{"conversations":[{"conversationId":"1","conversationStart":"2026-03-02T00:00:00Z","conversationEnd":"2026-03-02T10:00:00Z"}],"cursor":"a"`
	for name, tt := range map[string]struct {
		results string
		wrong   string // what is said
	}{
		"the reader":                 {found + "}", ""},
		"a lake that is behind":      {found + `,"dataAvailabilityDate":"2026-03-11T23:00:00Z"}`, "the details job j knows conversations up to 2026-03-11T23:00:00Z only, and not up to 2026-03-12T00:00:00Z"},
		"a page that follows itself": {`{"cursor":"a"}`, "the next page of the details job j is itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: answers(filled, reply(202, `{"jobId":"j"}`), reply(200, `{"state":"FULFILLED"}`), reply(200, tt.results))}
			ctx, cancel := context.WithCancel(t.Context())
			said := ""
			for _, err := range p.client(t).Conversations(ctx, q) {
				if err != nil {
					said = err.Error()
					continue
				}
				cancel()
				break
			}
			cancel()
			if said != tt.wrong {
				t.Errorf("%q, want %q", said, tt.wrong)
			}
			if last := p.calls[len(p.calls)-1]; last != "DELETE /api/v2/analytics/conversations/details/jobs/j" {
				t.Errorf("the last request is %s", last)
			}
		})
	}
}

func TestAPageOfAJobIsSmallerWhereALargeOneIsRefused(t *testing.T) {
	t.Parallel()
	const found = `{"conversations":[{"conversationId":"1","conversationStart":"2026-03-02T00:00:00Z","conversationEnd":"2026-03-02T10:00:00Z"}]}`
	p := &platform{api: answers(filled, reply(202, `{"jobId":"j"}`), reply(200, `{"state":"FULFILLED"}`), reply(400, `{}`), reply(200, found))}
	q := genesys.ConversationsQuery{Span: routing.Span{From: at("2026-03-02T00:00:00Z"), To: at("2026-03-12T00:00:00Z")}, Jobs: true}
	got := names(t, p.client(t).Conversations(t.Context(), q), func(c routing.Conversation) string { return c.ID })
	if last := p.calls[4]; len(got) != 1 || !strings.HasSuffix(last, "/results?pageSize=100") {
		t.Errorf("%v after %s", got, last)
	}
}

// A job tells also of what began before its first day, and only the first of several.
func TestOneJobTellsOfWhatBeganBefore(t *testing.T) {
	t.Parallel()
	p := &platform{api: answers(filled,
		reply(202, `{"jobId":"j"}`), reply(200, `{"state":"FULFILLED"}`), reply(200, `{}`), reply(204, ""),
		reply(202, `{"jobId":"k"}`), reply(200, `{"state":"FULFILLED"}`), reply(200, `{}`), reply(204, ""))}
	q := genesys.ConversationsQuery{Span: routing.Span{From: at("2026-02-01T00:00:00Z"), To: at("2026-03-12T00:00:00Z")}, Jobs: true}
	for _, err := range p.client(t).Conversations(t.Context(), q) {
		t.Error(err)
	}
	for i, want := range map[int]string{1: `"startOfDayIntervalMatching":false`, 5: `"startOfDayIntervalMatching":true`} {
		if !strings.Contains(p.bodies[i], want) {
			t.Errorf("request %d has no %s: %s", i, want, p.bodies[i])
		}
	}
}

func TestWithoutALakeThereIsNoJob(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lake http.HandlerFunc
		want error
	}{
		"one that is behind":      {reply(200, `{"dataAvailabilityDate":"2026-03-05T23:59:00Z"}`), genesys.ErrLake},
		"one that does not say":   {reply(200, `{}`), genesys.ErrLake},
		"one that is not reached": {reply(403, `{}`), genesys.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: answers(tt.lake)}
			q := genesys.ConversationsQuery{Span: routing.Span{From: at("2026-03-05T12:00:00Z"), To: at("2026-03-12T12:00:00Z")}, Jobs: true}
			var got []error
			for _, err := range p.client(t).Conversations(t.Context(), q) {
				got = append(got, err)
			}
			if len(p.calls) != 1 || len(got) != 1 || !errors.Is(got[0], tt.want) {
				t.Errorf("%v, requests: %v", got, p.calls)
			}
		})
	}
}
