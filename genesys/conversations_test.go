package genesys_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

func (l *living) conversations(q genesys.ConversationsQuery) []routing.Conversation {
	l.t.Helper()
	var out []routing.Conversation
	for c, err := range l.Conversations(l.t.Context(), q) {
		if err != nil {
			l.t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// ref is the id of a name in a list.
func ref(t *testing.T, list iter.Seq2[routing.Ref, error], name string) string {
	t.Helper()
	for r, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		if r.Name == name {
			return r.ID
		}
	}
	t.Fatalf("no %s", name)
	return ""
}

func TestConversationsOfTheSandbox(t *testing.T) {
	t.Parallel()
	l := atDesk(t, "09:00 support 20m", "09:01 support 10m", "09:02 billing 10m", "09:03 support 10h", "09:04 support 10m")
	l.passes(5 * time.Minute)
	support, billing, technical := l.queue("Support Email"), l.queue("Billing Email"), l.queue("Technical")
	moved := l.state(support).Emails[0].ConversationID // the second
	if err := l.MoveEmail(t.Context(), moved, technical); err != nil {
		t.Fatal(err)
	}
	l.passes(time.Hour)
	today := routing.Span{From: at("2026-03-02T09:01:00Z"), To: at("2026-03-02T09:02:00Z")} // the whole day is
	got := l.conversations(genesys.ConversationsQuery{Span: today, QueueIDs: []string{support, billing}})
	if len(got) != 5 {
		t.Fatalf("%d conversations, want 5: %+v", len(got), got)
	}
	for i := range got {
		if got[i].ID == "" || got[i].From == "" {
			t.Errorf("%+v", got[i])
		}
		if (got[i].ID == moved) != (i == 1) {
			t.Errorf("%d is %s", i, got[i].ID)
		}
		got[i].ID, got[i].From = "", ""
	}
	ann := got[0].Stays[0].AgentID
	clock := func(s string) time.Time { return at("2026-03-02T" + s + ":00Z") }
	done := func(queue, entered, answered string, handle time.Duration) routing.Stay {
		s := routing.Stay{QueueID: queue, Entered: clock(entered), Answered: clock(answered), Left: clock(answered), AgentID: ann, Handle: handle, Routing: "Standard", Ring: 1}
		work := routing.Touch{AgentID: ann, Span: routing.Span{From: s.Answered}}
		if handle > 0 {
			work.To = s.Answered.Add(handle)
			s.FirstResponse = work.To.Sub(s.Entered)
		}
		s.Work = []routing.Touch{work}
		return s
	}
	billed := done(billing, "09:02", "09:20", 10*time.Minute)
	billed.Routing, billed.SkillIDs, billed.LanguageID = "Bullseye", []string{ref(t, l.Skills(t.Context()), "Billing")}, ref(t, l.Languages(t.Context()), "English")
	want := []routing.Conversation{
		{To: "support@help.example.com", Stays: []routing.Stay{done(support, "09:00", "09:00", 20*time.Minute)}},
		{To: "support@help.example.com", Stays: []routing.Stay{
			{QueueID: support, Entered: clock("09:01"), Left: clock("09:05"), Transferred: true},
			{QueueID: technical, Entered: clock("09:05")},
		}},
		{To: "billing@help.example.com", Stays: []routing.Stay{billed}},
		{To: "support@help.example.com", Stays: []routing.Stay{done(support, "09:03", "09:30", 0)}}, // in her hands
		{To: "support@help.example.com", Stays: []routing.Stay{{QueueID: support, Entered: clock("09:04")}}},
	}
	if ann == "" {
		t.Error("nobody answered")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := l.conversations(genesys.ConversationsQuery{Span: today, QueueIDs: []string{technical}}); len(got) != 1 || len(got[0].Stays) != 2 {
		t.Errorf("of the other queue: %+v", got)
	}
	yesterday := routing.Span{From: today.From.Add(-48 * time.Hour), To: at("2026-03-02T00:00:00Z")}
	if got := l.conversations(genesys.ConversationsQuery{Span: yesterday}); len(got) != 0 {
		t.Errorf("of yesterday: %+v", got)
	}
}

// What single conversations come to is what aggregates say.
func TestConversationsAndAggregatesAgree(t *testing.T) {
	t.Parallel()
	now := at("2026-11-03T11:00:00Z")
	s, c := org(t, sandbox.Options{Now: func() time.Time { return now }, Traffic: sandbox.SeedTraffic(), History: 30 * time.Hour, RateLimit: -1})
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	l := &living{s, c, t}
	queue := l.queue("Support Email")
	span := routing.Span{From: at("2026-11-01T00:00:00Z"), To: now}
	rows, err := c.Aggregates(t.Context(), genesys.AggregatesQuery{From: span.From, To: span.To, QueueIDs: []string{queue}, GroupBy: []string{"queueId"}, Metrics: measure.WindowMetrics()})
	if err != nil {
		t.Fatal(err)
	}
	all := l.conversations(genesys.ConversationsQuery{Span: span, QueueIDs: []string{queue}})
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.ID] {
			t.Errorf("%s comes twice", c.ID)
		}
		seen[c.ID] = true
	}
	want := measure.Windows(rows)[queue]
	got := measure.OwnLevel(all, measure.Deadline{QueueID: queue, Span: span, Within: time.Hour, Now: now})
	if want.Offered < 200 || want.Handle == 0 {
		t.Fatalf("too little happened: %+v", want)
	}
	if level, ok := got.ServiceLevel(); !ok || level <= 0 || level > 100 {
		t.Errorf("own level %g, %t", level, ok)
	}
	want.InTime, want.Counted, want.Target = got.InTime, got.Counted, 0
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%d conversations (-aggregates +conversations):\n%s", len(all), d)
	}
}

func TestConversationsArePagedByWeeks(t *testing.T) {
	t.Parallel()
	found := func(ids ...string) string {
		out := ""
		for _, id := range ids {
			out += fmt.Sprintf(`,{"conversationId":%q}`, id)
		}
		if out != "" {
			out = out[1:]
		}
		return `{"totalHits":1,"conversations":[` + out + `]}`
	}
	// A short page is not the last one, and the total is an estimate.
	p := &platform{api: answers(reply(200, found("1", "2")), reply(200, found("3")), reply(200, `{"totalHits":3}`), reply(200, found("4")), reply(200, found()))}
	q := genesys.ConversationsQuery{Span: routing.Span{From: at("2026-03-02T09:00:00Z"), To: at("2026-03-10T00:00:00Z")}, QueueIDs: []string{"q1"}}
	got := names(t, p.client(t).Conversations(t.Context(), q), func(c routing.Conversation) string { return c.ID })
	if d := cmp.Diff([]string{"1", "2", "3", "4"}, got); d != "" {
		t.Error(d)
	}
	body := func(interval string, page int) string {
		return `{"interval":"` + interval + `","order":"asc","orderBy":"conversationStart","paging":{"pageNumber":` + fmt.Sprint(page) + `,"pageSize":100},` +
			`"segmentFilters":[{"predicates":[{"type":"dimension","dimension":"mediaType","operator":"matches","value":"email"},` +
			`{"type":"dimension","dimension":"queueId","operator":"matches","value":"q1"}],"type":"and"}]}`
	}
	const first, second = "2026-03-02T00:00:00.000Z/2026-03-08T23:59:59.999Z", "2026-03-09T00:00:00.000Z/2026-03-09T23:59:59.999Z"
	if d := cmp.Diff([]string{body(first, 1), body(first, 2), body(first, 3), body(second, 1), body(second, 2)}, p.bodies); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	p = &platform{api: answers(reply(200, found("1")), reply(400, `{}`))}
	n, failed := 0, 0
	for _, err := range p.client(t).Conversations(t.Context(), q) {
		if n++; err != nil {
			failed++
		}
	}
	if n != 2 || failed != 1 || len(p.calls) != 2 {
		t.Errorf("%d told, %d of them failed, %d requests", n, failed, len(p.calls))
	}
}

func TestTheStaysOfAConversation(t *testing.T) {
	t.Parallel()
	party := func(purpose, user, metrics, segments string) string {
		return fmt.Sprintf(`,{"purpose":%q,"userId":%q,"sessions":[{"mediaType":"email","metrics":[%s],"segments":[%s]}]}`, purpose, user, metrics, segments)
	}
	clock := func(s string) time.Time { return at("2026-03-02T" + s + ":00Z") }
	touch := func(agent, from, to string) routing.Touch {
		t := routing.Touch{AgentID: agent, Span: routing.Span{From: clock(from)}}
		if to != "" {
			t.To = clock(to)
		}
		return t
	}
	answered := func(t routing.Touch) routing.Touch { t.Answered = true; return t }
	segment := func(kind, queue, from, to, ended string) string {
		out := fmt.Sprintf(`{"segmentType":%q,"queueId":%q,"segmentStart":"2026-03-02T%s:00.000Z"`, kind, queue, from)
		if to != "" {
			out += fmt.Sprintf(`,"segmentEnd":"2026-03-02T%s:00.000Z","disconnectType":%q`, to, ended)
		}
		return out + "}"
	}
	asked := func(segment, more string) string { return strings.TrimSuffix(segment, "}") + "," + more + "}" }
	found := func(party, more string) string {
		return strings.Replace(party, `"mediaType"`, more+`,"mediaType"`, 1)
	}
	const handle5, passed = `{"name":"tHandle","value":300000}`, `{"name":"nTransferred","value":1}`
	for name, tt := range map[string]struct {
		participants string
		want         []routing.Stay
	}{
		"given up": {
			party("acd", "", `{"name":"tAbandon","value":1}`, segment("interact", "q", "09:00", "09:10", "peer")),
			[]routing.Stay{{QueueID: "q", Entered: clock("09:00"), Left: clock("09:10"), Abandoned: true}},
		},
		"taken out by a flow": {
			party("acd", "", `{"name":"tFlowOut","value":1}`, segment("interact", "q", "09:00", "09:10", "system")),
			[]routing.Stay{{QueueID: "q", Entered: clock("09:00"), Left: clock("09:10"), Transferred: true}},
		},
		"in parts, of which the last goes on": {
			party("acd", "", "", segment("delay", "q", "09:05", "", "")+","+segment("interact", "q", "09:00", "09:05", "transfer")),
			[]routing.Stay{{QueueID: "q", Entered: clock("09:00")}},
		},
		"two alerts in vain, and then an answer": {
			party("agent", "a", "", segment("alert", "q", "09:01", "09:02", "timeout")) + party("acd", "", "", segment("interact", "q", "09:00", "09:10", "transfer")) +
				party("agent", "b", handle5, segment("alert", "q", "09:09", "09:10", "")+","+segment("interact", "q", "09:10", "09:14", "client")+","+segment("wrapup", "q", "09:14", "09:15", "")),
			[]routing.Stay{{
				QueueID: "q", Entered: clock("09:00"), Answered: clock("09:10"), Left: clock("09:10"), AgentID: "b", Handle: 5 * time.Minute,
				Alerts: []routing.Touch{touch("a", "09:01", "09:02"), answered(touch("b", "09:09", "09:10"))}, Work: []routing.Touch{touch("b", "09:10", "09:15")},
			}},
		},
		"asked for with skills, and found in a ring": {
			party("acd", "", "", asked(segment("interact", "q", "09:00", "09:10", "transfer"), `"requestedRoutingSkillIds":["s","t"],"requestedLanguageId":"l"`)) +
				found(party("agent", "a", `{"name":"tFirstResponse","value":840000}`, segment("interact", "q", "09:10", "", "")), `"usedRouting":"Bullseye","routingRing":2`),
			[]routing.Stay{{
				QueueID: "q", Entered: clock("09:00"), Answered: clock("09:10"), Left: clock("09:10"), AgentID: "a", FirstResponse: 14 * time.Minute,
				SkillIDs: []string{"s", "t"}, LanguageID: "l", Routing: "Bullseye", Ring: 2, Work: []routing.Touch{touch("a", "09:10", "")},
			}},
		},
		"laid aside and taken up again": {
			party("acd", "", "", segment("interact", "q", "09:00", "09:10", "transfer")) +
				party("agent", "a", "", segment("wrapup", "q", "09:40", "", "")+","+segment("interact", "q", "09:10", "09:15", "")+","+segment("parked", "q", "09:15", "09:30", "")+","+segment("interact", "q", "09:30", "09:40", "peer")),
			[]routing.Stay{{
				QueueID: "q", Entered: clock("09:00"), Answered: clock("09:10"), Left: clock("09:10"), AgentID: "a",
				Work: []routing.Touch{touch("a", "09:10", "09:15"), touch("a", "09:30", "")},
			}},
		},
		"passed on by the agent to the same queue": {
			party("acd", "", "", segment("interact", "q", "09:00", "09:10", "transfer")) + party("agent", "a", handle5+","+passed, segment("interact", "q", "09:10", "09:15", "transfer")) +
				party("acd", "", "", segment("interact", "q", "09:15", "09:20", "transfer")) + party("agent", "b", "", segment("interact", "q", "09:20", "", "")),
			[]routing.Stay{
				{QueueID: "q", Entered: clock("09:00"), Answered: clock("09:10"), Left: clock("09:10"), AgentID: "a", Handle: 5 * time.Minute, Transferred: true, Work: []routing.Touch{touch("a", "09:10", "09:15")}},
				{QueueID: "q", Entered: clock("09:15"), Answered: clock("09:20"), Left: clock("09:20"), AgentID: "b", Work: []routing.Touch{touch("b", "09:20", "")}},
			},
		},
		"passed on from agent to agent": {
			party("acd", "", "", segment("interact", "q", "09:00", "09:10", "transfer")) + party("agent", "a", handle5+","+passed, segment("interact", "q", "09:10", "09:15", "transfer")) +
				party("agent", "b", handle5, segment("interact", "q", "09:15", "09:20", "client")),
			[]routing.Stay{{
				QueueID: "q", Entered: clock("09:00"), Answered: clock("09:10"), Left: clock("09:10"), AgentID: "a", Handle: 10 * time.Minute, Transferred: true,
				Work: []routing.Touch{touch("a", "09:10", "09:15"), touch("b", "09:15", "09:20")},
			}},
		},
		"an agent without a queue": {party("agent", "a", handle5, segment("interact", "", "09:00", "09:10", "client")), nil},
		"another medium": {
			`,{"purpose":"acd","sessions":[{"mediaType":"voice","segments":[` + segment("interact", "q", "09:00", "09:10", "peer") + `]}]}`, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: answers(reply(200, `{"conversations":[{"conversationId":"c","participants":[`+tt.participants[1:]+`]}]}`), reply(200, `{}`))}
			q := genesys.ConversationsQuery{Span: routing.Span{From: clock("00:00"), To: clock("10:00")}}
			for c, err := range p.client(t).Conversations(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(tt.want, c.Stays); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			}
		})
	}
}
