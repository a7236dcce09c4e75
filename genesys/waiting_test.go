package genesys_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
)

// desk is one agent who is there from 8 on, and one who comes at 12.
const desk = `version: 1
start: 2026-03-02
timezone: UTC
days: 1
arrivals: [{ trace: mail.csv }]
rules: { support@help.example.com: {}, billing@help.example.com: {} }
agents:
  - { name: Ann, skills: { Billing: 3 }, languages: { English: 3 }, shifts: { mon: 08:00-20:00 } }
  - { name: Bob, skills: { VIP: 3 }, shifts: { mon: 12:00-20:00 } }
`

// living is an organisation at that desk and a client of it. It is 9 o'clock.
type living struct {
	*sandbox.Server
	*genesys.Client
	t testing.TB
}

// atDesk lets mail come such as 09:05 support 10m, which takes ten minutes.
func atDesk(t testing.TB, mail ...string) *living {
	t.Helper()
	trace := "at,rule,handle\n"
	for _, m := range mail {
		f := strings.Fields(m)
		trace += fmt.Sprintf("2026-03-02 %s,%s@help.example.com,%s\n", f[0], f[1], f[2])
	}
	sc, problems := scenario.Parse("traffic.yaml", []byte(desk), func(string) ([]byte, error) { return []byte(trace), nil })
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s, c := org(t, sandbox.Options{RateLimit: -1, Traffic: sc, Now: sandbox.NewClock(at("2026-03-02T09:00:00Z")).Now})
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return &living{s, c, t}
}

func (l *living) passes(d time.Duration) {
	l.t.Helper()
	if err := l.Advance(d); err != nil {
		l.t.Fatal(err)
	}
}

func (l *living) queue(name string) string {
	l.t.Helper()
	for raw, err := range l.Queues(l.t.Context(), name) {
		var q routing.Ref
		if err := json.Unmarshal(raw, &q); err != nil {
			l.t.Fatal(err)
		}
		if err == nil && q.Name == name {
			return q.ID
		}
	}
	l.t.Fatalf("no queue %s", name)
	return ""
}

func (l *living) state(queue string) routing.QueueState {
	l.t.Helper()
	states, err := l.QueueStates(l.t.Context(), []string{queue})
	if err != nil {
		l.t.Fatal(err)
	}
	return states[queue]
}

func TestQueueStatesOfTheSandbox(t *testing.T) {
	t.Parallel()
	l := atDesk(t, "09:00 support 20m", "09:01 support 10m", "09:02 support 10m", "09:03 billing 10m")
	l.passes(5 * time.Minute)
	support, billing, technical := l.queue("Support Email"), l.queue("Billing Email"), l.queue("Technical")
	l.ClearRequests()
	got, err := l.QueueStates(t.Context(), []string{support, billing, technical})
	if err != nil {
		t.Fatal(err)
	}
	if n := apiRequests(l.Server); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	now := at("2026-03-02T09:05:00Z")
	for id, q := range got {
		if d := q.At.Sub(now).Abs(); d > 2*time.Second {
			t.Errorf("%s: asked at %s, want about %s", id, q.At, now)
		}
	}
	var all []string
	for _, id := range []string{support, billing} {
		for _, e := range got[id].Emails {
			all = append(all, e.ConversationID)
		}
	}
	if len(all) != 3 || all[0] == all[1] || all[1] == all[2] {
		t.Fatalf("waiting: %q", all)
	}
	if d := cmp.Diff(map[string]routing.QueueState{
		support: {Waiting: 2, Interacting: 1, OnQueue: got[support].OnQueue, Complete: true, Emails: []routing.WaitingEmail{
			{ConversationID: all[0], Entered: at("2026-03-02T09:01:00Z"), Skills: []routing.Ref{}, To: "support@help.example.com"},
			{ConversationID: all[1], Entered: at("2026-03-02T09:02:00Z"), Skills: []routing.Ref{}, To: "support@help.example.com"},
		}, Handled: []time.Time{at("2026-03-02T09:00:00Z")}},
		billing: {Waiting: 1, OnQueue: got[billing].OnQueue, Complete: true, Emails: []routing.WaitingEmail{{
			ConversationID: all[2], Entered: at("2026-03-02T09:03:00Z"), Priority: 30, To: "billing@help.example.com",
			Skills: got[billing].Emails[0].Skills, Language: got[billing].Emails[0].Language,
		}}},
		technical: {OnQueue: got[technical].OnQueue, Emails: []routing.WaitingEmail{}, Complete: true},
	}, got, cmpopts.IgnoreFields(routing.QueueState{}, "At"), cmpopts.IgnoreFields(routing.WaitingEmail{}, "From")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	first := got[billing].Emails[0]
	if got[support].OnQueue == 0 || len(first.Skills) != 1 || first.Skills[0].ID == "" || first.Language.ID == "" || first.From == "" {
		t.Errorf("%d on queue, the first of billing is %+v", got[support].OnQueue, first)
	}
}

func TestQueueStates(t *testing.T) {
	t.Parallel()
	email := func(group, data string) string { return `{"group":{` + group + `},"data":[` + data + `]}` }
	const ofQ1 = `"queueId":"q1","mediaType":"email"`
	const c2, c1 = `{"observationDate":"2026-03-02T09:02:00.000Z","conversationId":"c2","routingPriority":5,"requestedRoutingSkillIds":["s"],"requestedLanguageId":"l","addressTo":"A@b.example","addressFrom":"x@y.example"}`,
		`{"observationDate":"2026-03-02T09:01:00.000Z","conversationId":"c1"}`
	one := routing.WaitingEmail{ConversationID: "c1", Entered: at("2026-03-02T09:01:00Z"), Skills: []routing.Ref{}}
	two := routing.WaitingEmail{
		ConversationID: "c2", Entered: at("2026-03-02T09:02:00Z"), Priority: 5, Skills: []routing.Ref{{ID: "s"}}, Language: routing.Ref{ID: "l"}, To: "A@b.example", From: "x@y.example",
	}
	for name, tt := range map[string]struct {
		results string
		want    routing.QueueState
		err     string
	}{
		"all of it": {
			results: email(ofQ1, `{"metric":"oWaiting","stats":{"count":2},"truncated":false,"observations":[`+c2+`,`+c1+`]},{"metric":"oAlerting","stats":{"count":3}},{"metric":"oInteracting","stats":{"count":4},"truncated":true,"observations":[`+c2+`,{"observationDate":"2026-03-02T09:03:00.000Z","direction":"inbound"},{"observationDate":"2026-03-02T09:03:00.000Z","direction":"outbound"}]}`) +
				`,` + email(`"queueId":"q1"`, `{"metric":"oOnQueueUsers","qualifier":"IDLE","stats":{"count":5}},{"metric":"oOnQueueUsers","qualifier":"INTERACTING","stats":{"count":6}}`),
			want: routing.QueueState{Waiting: 2, Alerting: 3, Interacting: 4, OnQueue: 11, Complete: true, Emails: []routing.WaitingEmail{one, two}, Handled: []time.Time{at("2026-03-02T09:03:00Z")}},
		},
		"what is not there is none": {want: routing.QueueState{Complete: true}},
		"other media, queues and metrics": {
			results: email(`"queueId":"q1","mediaType":"voice"`, `{"metric":"oWaiting","stats":{"count":9},"truncated":true},{"metric":"oInteracting","stats":{"count":9}}`) +
				`,` + email(`"queueId":"q2","mediaType":"email"`, `{"metric":"oWaiting","stats":{"count":9}}`) + `,` + email(ofQ1, `{"metric":"oLongestWaiting","stats":{"calculatedMetricValue":1}}`),
			want: routing.QueueState{Complete: true},
		},
		"truncated": {
			results: email(ofQ1, `{"metric":"oWaiting","stats":{"count":2},"truncated":true,"observations":[`+c1+`,`+c2+`]}`),
			want:    routing.QueueState{Waiting: 2, Emails: []routing.WaitingEmail{one, two}},
		},
		"fewer than are counted": {
			results: email(ofQ1, `{"metric":"oWaiting","stats":{"count":2},"observations":[`+c1+`]}`),
			want:    routing.QueueState{Waiting: 2, Emails: []routing.WaitingEmail{one}},
		},
		"one that does not say which it is": {
			results: email(ofQ1, `{"metric":"oWaiting","stats":{"count":2},"observations":[`+c1+`,{"observationDate":"2026-03-02T09:02:00.000Z"}]}`),
			want:    routing.QueueState{Waiting: 2, Emails: []routing.WaitingEmail{one}},
		},
		"one that does not say since when": {
			results: email(ofQ1, `{"metric":"oWaiting","stats":{"count":2},"observations":[`+c1+`,{"conversationId":"c2"}]}`),
			want:    routing.QueueState{Waiting: 2, Emails: []routing.WaitingEmail{one}},
		},
		"no count": {
			results: email(ofQ1, `{"metric":"oWaiting","stats":{"count":1},"observations":[`+c1+`]},{"metric":"oAlerting","stats":{}}`),
			err:     "/api/v2/analytics/queues/observations/query: oAlerting has no count",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: reply(200, `{"results":[`+tt.results+`]}`)}
			got, err := p.client(t).QueueStates(t.Context(), []string{"q1"})
			if tt.err != "" {
				if err == nil || err.Error() != tt.err || got != nil {
					t.Fatalf("%v, %v, want %s", got, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(map[string]routing.QueueState{"q1": tt.want}, got, cmpopts.IgnoreFields(routing.QueueState{}, "At"), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			const asked = `{"detailMetrics":["oWaiting","oInteracting"],"filter":{"predicates":[{"type":"dimension","dimension":"queueId","operator":"matches","value":"q1"}],"type":"or"},` +
				`"metrics":["oWaiting","oAlerting","oInteracting","oOnQueueUsers"]}`
			if p.bodies[0] != asked {
				t.Errorf("asked %s", p.bodies[0])
			}
		})
	}
}

func TestQueueStatesAsksForManyInParts(t *testing.T) {
	t.Parallel()
	p := &platform{api: answers(reply(200, `{"results":[]}`), reply(500, ``))}
	c := p.client(t, noRetries)
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprint("q", i)
	}
	if got, err := c.QueueStates(t.Context(), ids); len(got) != 100 || err != nil || len(p.calls) != 1 {
		t.Fatalf("%d states, %v, %d requests", len(got), err, len(p.calls))
	}
	if got, err := c.QueueStates(t.Context(), append(ids, "more")); got != nil || err == nil {
		t.Errorf("half an answer: %v, %v", got, err)
	}
	if got, err := c.QueueStates(t.Context(), nil); len(got) != 0 || err != nil || len(p.calls) != 2 {
		t.Errorf("no queues: %v, %v, %d requests", got, err, len(p.calls))
	}
	if _, err := c.QueueStates(t.Context(), []string{"q1", ""}); err == nil || len(p.calls) != 2 {
		t.Errorf("a queue without an id: %v, %d requests", err, len(p.calls))
	}
}

func TestQueueStatesOfALongQueueAreIncomplete(t *testing.T) {
	t.Parallel()
	var mail []string
	for i := range 110 {
		mail = append(mail, fmt.Sprintf("09:%02d support 10h", i/2))
	}
	l := atDesk(t, mail...)
	l.passes(time.Hour)
	got := l.state(l.queue("Support Email"))
	if got.Waiting != 109 || len(got.Emails) != 100 || got.Complete {
		t.Errorf("%d waiting, %d of them told, complete %t", got.Waiting, len(got.Emails), got.Complete)
	}
}

func TestWindowsOfTheSandbox(t *testing.T) {
	t.Parallel()
	l := atDesk(t, "09:00 support 20m", "09:01 support 10m", "09:05 billing 10m")
	l.passes(time.Hour)
	support, billing := l.queue("Support Email"), l.queue("Billing Email")
	span := routing.Span{From: at("2026-03-02T09:00:00Z"), To: at("2026-03-02T10:00:00Z")}
	rows, err := l.Aggregates(t.Context(), genesys.AggregatesQuery{
		From: span.From, To: span.To, QueueIDs: []string{support, billing}, GroupBy: []string{"queueId"}, Metrics: measure.WindowMetrics(),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := measure.Windows(rows)
	// Ann has the first at once until 09:20, then that to billing with its head
	// start, then the second.
	want := map[string]measure.Window{
		support: {Span: span, Offered: 2, Answered: 2, InTime: 2, Counted: 2, Target: 80, Wait: 29 * time.Minute, Waited: 2, Handle: 30 * time.Minute, Handled: 2},
		billing: {Span: span, Offered: 1, Answered: 1, InTime: 1, Counted: 1, Target: 90, Wait: 15 * time.Minute, Waited: 1, Handle: 10 * time.Minute, Handled: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// email is what a test looks at of WaitingEmail.
func (l *living) email(id, queue string) (e genesys.Email, raw json.RawMessage) {
	l.t.Helper()
	raw, err := l.WaitingEmail(l.t.Context(), id, queue)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		l.t.Fatal(err)
	}
	return e, raw
}

func TestAWaitingEmailIsChangedAndPutBack(t *testing.T) {
	t.Parallel()
	l := atDesk(t, "09:00 support 30m", "09:01 billing 10m", "09:02 support 10m")
	l.passes(5 * time.Minute)
	support, billing := l.queue("Support Email"), l.queue("Billing Email")
	before := l.state(billing).Emails[0]
	id := before.ConversationID
	e, raw := l.email(id, billing)
	before.To, before.From = "", "" // a conversation does not tell the one, and the other is not kept
	if d := cmp.Diff(genesys.Email{QueueID: billing, Waiting: true, WaitingEmail: before}, e); d != "" {
		t.Errorf("(-observed +read):\n%s", d)
	}
	was, err := genesys.Decode[routing.EmailSettings](raw)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(routing.EmailSettings{Priority: new(30), Skills: &before.Skills, Language: &before.Language}, was); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	want := routing.EmailSettings{Priority: new(-7), Skills: &[]routing.Ref{}, Language: &routing.Ref{}}
	overlaid, err := genesys.Overlay(raw, routing.Fields[routing.EmailSettings](), want)
	if err != nil {
		t.Fatal(err)
	}
	fits := func(what string, s routing.EmailSettings) {
		t.Helper()
		if d := routing.Differs(routing.Fields[routing.EmailSettings](), want, s); len(d) > 0 {
			t.Errorf("%s: %s differ: %+v", what, d, s)
		}
	}
	laid, err := genesys.Decode[routing.EmailSettings](overlaid)
	if err != nil {
		t.Fatal(err)
	}
	fits("overlaid", laid)
	if err := l.PatchWaitingEmail(t.Context(), id, []routing.Field{"priority"}, want); err != nil {
		t.Fatal(err)
	}
	if e, _ := l.email(id, billing); e.Priority != -7 || len(e.Skills) != 1 || e.Language.ID == "" {
		t.Errorf("only the priority was to change: %+v", e)
	}
	if err := l.PatchWaitingEmail(t.Context(), id, routing.Fields[routing.EmailSettings](), want); err != nil {
		t.Fatal(err)
	}
	e, now := l.email(id, billing)
	bare, err := genesys.Decode[routing.EmailSettings](now)
	if err != nil {
		t.Fatal(err)
	}
	fits("patched", bare)
	if !e.Entered.Equal(before.Entered) {
		t.Errorf("entered at %s", e.Entered)
	}
	if err := l.PatchWaitingEmail(t.Context(), id, routing.Fields[routing.EmailSettings](), was); err != nil {
		t.Fatal(err)
	}
	if _, again := l.email(id, billing); string(again) != string(raw) {
		t.Errorf("put back: %s, was %s", again, raw)
	}
	if e, _ := l.email(id, support); e.Waiting || e.QueueID != billing {
		t.Errorf("in another queue: %+v", e)
	}
	l.passes(30 * time.Minute) // Ann has it
	if e, _ := l.email(id, billing); e.Waiting || e.QueueID != billing {
		t.Errorf("in the hands of an agent: %+v", e)
	}
	if err := l.PatchWaitingEmail(t.Context(), id, []routing.Field{"priority"}, want); !errors.Is(err, genesys.ErrNotFound) {
		t.Errorf("change what does not wait: %v", err)
	}
	if err := l.MoveEmail(t.Context(), id, billing, support); !errors.Is(err, genesys.ErrNotWaiting) {
		t.Errorf("move what does not wait: %v", err)
	}
	l.passes(time.Hour) // it is done
	if e, _ := l.email(id, billing); e.Waiting {
		t.Errorf("at its end: %+v", e)
	}
	nobody := strings.Repeat("0", 36)
	if _, err := l.WaitingEmail(t.Context(), nobody, billing); !errors.Is(err, genesys.ErrNotFound) {
		t.Errorf("no such conversation: %v", err)
	}
	if err := l.MoveEmail(t.Context(), nobody, support, billing); !errors.Is(err, genesys.ErrNotFound) {
		t.Errorf("move no such conversation: %v", err)
	}
}

func TestMoveEmailBeginsTheWaitAnew(t *testing.T) {
	t.Parallel()
	l := atDesk(t, "09:00 support 30m", "09:01 billing 10m")
	l.passes(5 * time.Minute)
	billing, technical := l.queue("Billing Email"), l.queue("Technical")
	before := l.state(billing).Emails[0]
	for range 2 { // the second does nothing
		if err := l.MoveEmail(t.Context(), before.ConversationID, billing, technical); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.MoveEmail(t.Context(), before.ConversationID, billing, l.queue("Support Email")); !errors.Is(err, genesys.ErrNotWaiting) {
		t.Errorf("out of a queue that it has left: %v", err)
	}
	if q := l.state(billing); q.Waiting != 0 {
		t.Errorf("%d wait where it was", q.Waiting)
	}
	q := l.state(technical)
	if q.Waiting != 1 || q.Emails[0].ConversationID != before.ConversationID || !q.Emails[0].Entered.Equal(at("2026-03-02T09:05:00Z")) || q.Emails[0].Priority != before.Priority {
		t.Errorf("where it is now: %+v, before: %+v", q, before)
	}
	if e, _ := l.email(before.ConversationID, technical); !e.Waiting {
		t.Errorf("it does not wait: %+v", e)
	}
	if e, _ := l.email(before.ConversationID, billing); e.Waiting || e.QueueID != technical {
		t.Errorf("it waits where it was: %+v", e)
	}
	moves := 0
	for _, r := range l.Requests() {
		if strings.HasSuffix(r.Path, "/replace") {
			moves++
		}
	}
	if moves != 1 {
		t.Errorf("moved %d times", moves)
	}
}

func TestPatchWaitingEmail(t *testing.T) {
	t.Parallel()
	skill := routing.Ref{ID: "s1", Name: "Billing"}
	for name, tt := range map[string]struct {
		fields []routing.Field
		s      routing.EmailSettings
		body   string
		err    string
	}{
		"one field":              {[]routing.Field{"priority"}, routing.EmailSettings{Priority: new(5), Skills: &[]routing.Ref{skill}}, `{"priority":5}`, ""},
		"all fields":             {routing.Fields[routing.EmailSettings](), routing.EmailSettings{Priority: new(-25_000_000), Skills: &[]routing.Ref{skill}, Language: &routing.Ref{ID: "l"}}, `{"languageId":"l","priority":-25000000,"skillIds":["s1"]}`, ""},
		"nil is taken away":      {routing.Fields[routing.EmailSettings](), routing.EmailSettings{}, `{"languageId":"","priority":0,"skillIds":[]}`, ""},
		"no field":               {nil, routing.EmailSettings{Priority: new(5)}, "", ""},
		"beyond the highest":     {[]routing.Field{"priority"}, routing.EmailSettings{Priority: new(25_000_001)}, "", "email c: the priority 25000001 is not within -25000000 and 25000000"},
		"below the lowest":       {[]routing.Field{"priority"}, routing.EmailSettings{Priority: new(-25_000_001)}, "", "email c: the priority -25000001 is not within -25000000 and 25000000"},
		"a skill without an id":  {[]routing.Field{"skills"}, routing.EmailSettings{Skills: &[]routing.Ref{{Name: "VIP"}}}, "", "email c: skills: VIP has no id"},
		"a language without one": {[]routing.Field{"language"}, routing.EmailSettings{Language: &routing.Ref{Name: "Dutch"}}, "", "email c: language: Dutch has no id"},
		"another field":          {[]routing.Field{"priority", "from"}, routing.EmailSettings{}, "", "email c: no field from in routing.EmailSettings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: reply(200, `{"priority":5}`)}
			err := p.client(t).PatchWaitingEmail(t.Context(), "c", tt.fields, tt.s)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Fatalf("%v, want %s", err, tt.err)
			}
			if got := strings.Join(p.bodies, ""); got != tt.body || tt.body != "" && p.calls[0] != "PATCH /api/v2/routing/conversations/c" {
				t.Errorf("%s %s, want %s", p.calls, got, tt.body)
			}
		})
	}
}

// What a priority shall be can be said twice, a move cannot.
func TestAPatchOfAnEmailIsRepeatedAndAMoveIsNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: answers(reply(502, ``), reply(200, `{}`))}
		if err := p.client(t).PatchWaitingEmail(t.Context(), "c", []routing.Field{"priority"}, routing.EmailSettings{}); err != nil || len(p.calls) != 2 {
			t.Errorf("%v, %d requests", err, len(p.calls))
		}
		p = &platform{api: answers(reply(200, `{"id":"c","participants":[{"id":"p","purpose":"acd","state":"connected","queue":{"id":"q"}}]}`), reply(502, ``))}
		var uncertain *genesys.UncertainError
		if err := p.client(t).MoveEmail(t.Context(), "c", "q", "r"); !errors.As(err, &uncertain) || len(p.calls) != 2 {
			t.Errorf("%v, %d requests", err, len(p.calls))
		}
		if d := cmp.Diff("POST /api/v2/conversations/emails/c/participants/p/replace", p.calls[1]); d != "" || p.bodies[1] != `{"queueId":"r","transferType":"Unattended"}` {
			t.Errorf("%s %s", d, p.bodies[1])
		}
	})
}

func TestMoveEmailSaysThatAnAgentWasFaster(t *testing.T) {
	t.Parallel()
	waits := reply(200, `{"id":"c","participants":[{"id":"p","purpose":"acd","state":"connected","queue":{"id":"q"}}]}`)
	for code, want := range map[string]bool{"conversations.error.transfer.not.connected": true, "postino.error.transfer.not.connected": true, "conversations.error.queue.not.found": false} {
		p := &platform{api: answers(waits, reply(http.StatusBadRequest, `{"status":400,"code":"`+code+`","message":"no"}`))}
		err := p.client(t).MoveEmail(t.Context(), "c", "q", "r")
		var refused *genesys.APIError
		if !errors.As(err, &refused) || errors.Is(err, genesys.ErrNotWaiting) != want {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestDecodeEmail(t *testing.T) {
	t.Parallel()
	customer := `{"id":"1","purpose":"customer","state":"connected","address":"x@y.example"}`
	queue := func(state string) string {
		return `{"id":"2","purpose":"acd","state":"` + state + `","startTime":"2026-03-02T09:00:00.000Z","queue":{"id":"q1","name":"One"},
			"conversationRoutingData":{"queue":{"id":"q1"},"priority":7,"skills":[{"id":"s","name":"VIP"}],"language":{"id":"l"}}}`
	}
	asks := routing.WaitingEmail{
		ConversationID: "c", Entered: at("2026-03-02T09:00:00Z"), Priority: 7, Skills: []routing.Ref{{ID: "s", Name: "VIP"}}, Language: routing.Ref{ID: "l"}, From: "x@y.example",
	}
	agent := func(state string) string { return `{"id":"3","purpose":"agent","state":"` + state + `"}` }
	for name, tt := range map[string]struct {
		participants string
		want         genesys.Email
	}{
		"in no queue":                   {customer, genesys.Email{WaitingEmail: routing.WaitingEmail{ConversationID: "c", Skills: []routing.Ref{}, From: "x@y.example"}}},
		"waiting":                       {customer + "," + queue("connected"), genesys.Email{QueueID: "q1", Waiting: true, WaitingEmail: asks}},
		"offered to an agent":           {customer + "," + queue("connected") + "," + agent("alerting"), genesys.Email{QueueID: "q1", WaitingEmail: asks}},
		"after an alert in vain":        {customer + "," + queue("connected") + "," + agent("disconnected"), genesys.Email{QueueID: "q1", Waiting: true, WaitingEmail: asks}},
		"in the hands of an agent":      {customer + "," + queue("disconnected") + "," + agent("connected"), genesys.Email{QueueID: "q1", WaitingEmail: asks}},
		"parked":                        {customer + "," + queue("terminated") + "," + agent("parked"), genesys.Email{QueueID: "q1", WaitingEmail: asks}},
		"at its end":                    {customer + "," + queue("terminated") + "," + agent("terminated"), genesys.Email{QueueID: "q1", WaitingEmail: asks}},
		"in the second queue":           {customer + "," + queue("terminated") + "," + agent("terminated") + `,{"id":"4","purpose":"acd","state":"connected","queue":{"id":"q2"}}`, genesys.Email{QueueID: "q2", Waiting: true, Earlier: []string{"q1"}, WaitingEmail: routing.WaitingEmail{ConversationID: "c", Skills: []routing.Ref{}, From: "x@y.example"}}},
		"with an end, whatever it says": {customer + "," + strings.Replace(queue("connected"), `"id":"2"`, `"id":"2","endTime":"2026-03-02T09:01:00.000Z"`, 1), genesys.Email{QueueID: "q1", WaitingEmail: asks}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := genesys.DecodeEmail(json.RawMessage(`{"id":"c","participants":[` + tt.participants + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	for _, bad := range []string{`[]`, `{}`, `{"participants":7}`} {
		if e, err := genesys.DecodeEmail(json.RawMessage(bad)); err == nil {
			t.Errorf("%s: %+v", bad, e)
		}
	}
}
