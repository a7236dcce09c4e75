package sandbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
)

const emails = "/api/v2/conversations/emails"

// desk is a scenario of one agent who is there from 8 on, and of one who comes at
// 12; the mail is in a trace.
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

// atDesk is a sandbox whose mail is known, such as 09:05 support 10m for mail to
// support@help.example.com that takes ten minutes. It is 9 o'clock.
func atDesk(t testing.TB, o sandbox.Options, mail ...string) *org {
	t.Helper()
	return atDeskOf(t, desk, o, mail...)
}

// wrappingUp is the desk with four minutes of after-call work.
var wrappingUp = strings.Replace(desk, "rules:", "wrapUp: { mean: 4m, shape: constant }\nrules:", 1)

func atDeskOf(t testing.TB, desk string, o sandbox.Options, mail ...string) *org {
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
	o.Traffic = sc
	if o.Now == nil {
		o.Now = sandbox.NewClock(start).Now
	}
	return open(t, o)
}

// passes lets time pass.
func (x *org) passes(d time.Duration) {
	x.t.Helper()
	if err := x.Advance(d); err != nil {
		x.t.Fatal(err)
	}
}

func (x *org) queueID(name string) string {
	x.t.Helper()
	return strings.TrimPrefix(x.queue(name), "/api/v2/routing/queues/")
}

// email is the path of the n-th conversation, from 0.
func (x *org) email(n int) string {
	x.t.Helper()
	all := x.Conversations()
	if n >= len(all) {
		x.t.Fatalf("there are %d conversations", len(all))
	}
	return emails + "/" + all[n]
}

// waitingEmail makes an email that nobody can take.
func (x *org) waitingEmail() map[string]any {
	x.t.Helper()
	nobody := x.ok("POST", "/api/v2/routing/skills", map[string]any{"name": "Nobody has it"})["id"]
	return x.ok("POST", emails, map[string]any{
		"provider": "Test", "queueId": x.queueID("Support Email"), "direction": "INBOUND", "skillIds": []any{nobody},
	})
}

func participants(conversation map[string]any) []map[string]any {
	var out []map[string]any
	list, _ := conversation["participants"].([]any)
	for _, p := range list {
		out = append(out, p.(map[string]any))
	}
	return out
}

// party is what a test looks at of a participant.
type party struct{ Purpose, Name, State, Disconnect, Start, Alerting, Connected, End, AcwStart, AcwEnd, WrapUp string }

func (x *org) parties(email string) []party {
	x.t.Helper()
	var out []party
	for _, p := range participants(x.ok("GET", email, nil)) {
		at := func(field string) string {
			t, err := time.Parse(time.RFC3339, fmt.Sprint(p[field]))
			if p[field] == nil || err != nil {
				return ""
			}
			return t.Format("15:04")
		}
		wrapUp, _ := p["wrapup"].(map[string]any)
		out = append(out, party{
			text(p["purpose"]), text(p["name"]), text(p["state"]), text(p["disconnectType"]),
			at("startTime"), at("startAlertingTime"), at("connectedTime"), at("endTime"), at("startAcwTime"), at("endAcwTime"), text(wrapUp["name"]),
		})
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func (x *org) wantParties(email string, want ...party) {
	x.t.Helper()
	got := x.parties(email)
	if len(got) > 0 && len(want) > 0 {
		want[0].Name = got[0].Name // a customer, by the seed
	}
	if d := cmp.Diff(want, got); d != "" {
		x.t.Errorf("participants (-want +got):\n%s", d)
	}
}

// A conversation shows who has it, and since when.
func TestEmailConversation(t *testing.T) {
	t.Parallel()
	x := atDeskOf(t, wrappingUp, sandbox.Options{}, "09:00 billing 16m", "09:01 support 10m")
	x.passes(5 * time.Minute)
	x.wantParties(x.email(0),
		party{Purpose: "customer", State: "connected", Start: "09:00", Connected: "09:00"},
		party{Purpose: "acd", Name: "Billing Email", State: "terminated", Disconnect: "transfer", Start: "09:00", Connected: "09:00", End: "09:00"},
		party{Purpose: "agent", Name: "Ann", State: "connected", Start: "09:00", Alerting: "09:00", Connected: "09:00"},
	)
	x.wantParties(x.email(1),
		party{Purpose: "customer", State: "connected", Start: "09:01", Connected: "09:01"},
		party{Purpose: "acd", Name: "Support Email", State: "connected", Start: "09:01", Connected: "09:01"},
	)
	acd := participants(x.ok("GET", x.email(0), nil))[1]
	asked, _ := acd["conversationRoutingData"].(map[string]any)
	billing := x.skill("Billing")
	if d := cmp.Diff(map[string]any{
		"queue":    map[string]any{"id": x.queueID("Billing Email"), "selfUri": x.queue("Billing Email")},
		"skills":   []any{map[string]any{"id": billing, "selfUri": "/api/v2/routing/skills/" + billing}},
		"language": map[string]any{"id": x.english(), "selfUri": "/api/v2/routing/languages/" + x.english()},
	}, asked, cmpopts.IgnoreMapEntries(func(field string, _ any) bool { return field == "priority" || field == "scoredAgents" })); d != "" || fmt.Sprint(asked["priority"]) != "30" {
		t.Errorf("priority %v, what it asks for (-want +got):\n%s", asked["priority"], d)
	}
	x.passes(20 * time.Minute)
	x.wantParties(x.email(0),
		party{Purpose: "customer", State: "terminated", Disconnect: "peer", Start: "09:00", Connected: "09:00", End: "09:18"},
		party{Purpose: "acd", Name: "Billing Email", State: "terminated", Disconnect: "transfer", Start: "09:00", Connected: "09:00", End: "09:00"},
		party{
			Purpose: "agent", Name: "Ann", State: "terminated", Disconnect: "client", Start: "09:00", Alerting: "09:00", Connected: "09:00",
			End: "09:16", AcwStart: "09:16", AcwEnd: "09:18", WrapUp: "ININ-WRAP-UP-TIMEOUT",
		},
	)
	x.refused("GET", emails+"/"+strings.Repeat("0", 36), nil, http.StatusNotFound, "conversation.error.conversation.not.found")
	x.refused("GET", emails, nil, http.StatusBadRequest, "bad.request") // there is no user whose own they would be
}

// The wrap-up code of an email is the same on REST as in analytics.
func TestTheWrapUpCodeOfAnEmailIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		desk, queue string
		only        bool // the queue has one code
		want        string
	}{
		"ended by the timeout":  {wrappingUp, "Billing Email", true, "ININ-WRAP-UP-TIMEOUT"},
		"ended by the agent":    {wrappingUp, "Support Email", true, "Spam"},
		"chosen from all":       {wrappingUp, "Support Email", false, ""},
		"no after-call work":    {desk, "Support Email", false, ""},
		"none, of a few chosen": {desk, "Support Email", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pattern, _, _ := strings.Cut(strings.ToLower(tt.queue), " ")
			x := atDeskOf(t, tt.desk, sandbox.Options{}, "09:00 "+pattern+" 10m")
			names := map[any]string{"ININ-WRAP-UP-TIMEOUT": "ININ-WRAP-UP-TIMEOUT"}
			for _, code := range entities(x.ok("GET", wrapUpCodes+"?pageSize=100", nil)) {
				names[code["id"]] = text(code["name"])
				if tt.only && code["name"] == "Spam" {
					x.call("POST", x.queue(tt.queue)+"/wrapupcodes", []any{map[string]any{"id": code["id"]}})
				}
			}
			x.passes(time.Hour)
			rest := x.parties(x.email(0))[2].WrapUp
			answer := x.ok("POST", aggregates, `{"interval":"2026-03-02T00:00:00Z/2026-03-03T00:00:00Z","metrics":["tHandle"],"groupBy":["wrapUpCode"]}`)
			group, _ := objects(answer["results"])[0]["group"].(map[string]any)
			if code := names[group["wrapUpCode"]]; rest != code || tt.want != "" && rest != tt.want || (rest == "") != (tt.desk == desk) {
				t.Errorf("on REST %q, in analytics %q, want %q", rest, code, tt.want)
			}
		})
	}
}

func (x *org) english() string {
	x.t.Helper()
	return fmt.Sprint(x.named("/api/v2/routing/languages", "English")["id"])
}

// An organisation at rest has no conversations.
func TestEmailsAtRest(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	none := emails + "/00000000-0000-4000-8000-000000000000"
	x.refused("GET", none, nil, http.StatusNotFound, "conversation.error.conversation.not.found")
	x.refused("GET", none+"/messages", nil, http.StatusNotFound, "not.found")
	x.refused("PATCH", none, map[string]any{"state": "disconnected"}, http.StatusNotFound, "postino.error.not.found")
	x.refused("PATCH", none+"/participants/x", map[string]any{"state": "disconnected"}, http.StatusNotFound, "not.found")
	x.refused("POST", none+"/participants/x/replace", map[string]any{"queueId": x.queueID("Returns")}, http.StatusNotFound, "not.found")
	x.refused("PATCH", strings.Replace(none, "/conversations/emails", "/routing/conversations", 1), map[string]any{"priority": 1}, http.StatusNotFound, "resource.not.found")
	x.refused("POST", emails, map[string]any{"provider": "Test", "queueId": x.queueID("Returns")}, http.StatusNotImplemented, "not.implemented")
	x.refused("POST", emails+"/agentless", map[string]any{"senderType": "Outbound"}, http.StatusNotImplemented, "not.implemented")
}

// What an email says follows from the seed.
func TestMessages(t *testing.T) {
	t.Parallel()
	said := func(seed uint64, n int) string {
		x := atDesk(t, sandbox.Options{Seed: seed}, "09:00 billing 20m", "09:01 support 10m", "09:02 support 10m")
		x.passes(5 * time.Minute)
		all := entities(x.ok("GET", x.email(n)+"/messages", nil))
		if len(all) != 1 {
			t.Fatalf("%d messages", len(all))
		}
		m := all[0]
		to := m["to"].([]any)[0].(map[string]any)["email"]
		if want := []string{"billing@help.example.com", "support@help.example.com", "support@help.example.com"}[n]; to != want {
			t.Errorf("it is to %v, want %s", to, want)
		}
		if subject := participants(x.ok("GET", x.email(n), nil))[0]["subject"]; subject != m["subject"] || text(subject) == "" {
			t.Errorf("the subject is %v and %v", subject, m["subject"])
		}
		return fmt.Sprint(m["from"], m["subject"], m["textBodyPreview"])
	}
	if a, b := said(1, 1), said(1, 1); a != b || !strings.Contains(a, "Hello") {
		t.Errorf("the same seed says %s and %s", a, b)
	}
	if said(1, 1) == said(2, 1) || said(1, 1) == said(1, 2) {
		t.Error("others say the same")
	}
	if s := strings.ToLower(said(3, 0)); !strings.Contains(s, "invoice") && !strings.Contains(s, "charged") && !strings.Contains(s, "refund") && !strings.Contains(s, "pay") {
		t.Errorf("to billing somebody writes %s", s)
	}
}

// An email that is created waits in its queue at once.
func TestCreateEmail(t *testing.T) {
	t.Parallel()
	x := atDesk(t, sandbox.Options{}, "09:00 support 20m")
	x.passes(time.Minute)
	type m = map[string]any
	body := func(change func(m)) m {
		b := m{
			"provider": "Shop", "queueId": x.queueID("Billing Email"), "direction": "INBOUND", "toAddress": "Desk@shop.example", "toName": "Desk",
			"fromAddress": "eve@mail.example", "fromName": "Eve", "subject": "Hello there", "textBody": strings.Repeat("é", 300), "priority": 7,
			"skillIds": []any{x.skill("Billing")}, "languageId": x.english(), "attributes": m{"order": "17"},
		}
		change(b)
		return b
	}
	made := x.ok("POST", emails, body(func(m) {}))
	all := participants(made)
	if len(all) != 2 || all[0]["name"] != "Eve" || all[0]["address"] != "eve@mail.example" || all[1]["state"] != "connected" || all[1]["subject"] != "Hello there" ||
		all[0]["provider"] != "Shop" || all[0]["attributes"].(m)["order"] != "17" || fmt.Sprint(all[1]["conversationRoutingData"].(m)["priority"]) != "7" {
		t.Errorf("made: %v", made)
	}
	message := entities(x.ok("GET", fmt.Sprint(emails, "/", made["id"], "/messages"), nil))[0]
	if to := message["to"].([]any)[0].(m); to["email"] != "Desk@shop.example" || to["name"] != "Desk" || message["textBodyPreview"] != strings.Repeat("é", 200) {
		t.Errorf("message: %v", message)
	}
	x.passes(30 * time.Minute)
	if got := x.parties(fmt.Sprint(emails, "/", made["id"])); len(got) != 3 || got[2].Name != "Ann" || got[2].Connected != "09:20" {
		t.Errorf("it was handled by %+v", got)
	}
	bare := x.ok("POST", emails, m{"provider": "Shop", "queueId": x.queueID("Technical")})
	if all := participants(bare); all[0]["address"] == nil || all[0]["subject"] == nil || len(all) != 2 {
		t.Errorf("made of nothing: %v", bare)
	}
	if got := entities(x.ok("GET", fmt.Sprint(emails, "/", bare["id"], "/messages"), nil)); len(got) != 1 {
		t.Errorf("made of nothing, it says %v", got)
	}
	before := len(x.Conversations())
	for name, tt := range map[string]struct {
		change func(m)
		code   string
		field  string
	}{
		"no provider":               {func(b m) { delete(b, "provider") }, "constraint.validation", "provider"},
		"no queue":                  {func(b m) { delete(b, "queueId") }, "postino.error.notnull.createconversationrequest.queueid", "queueId"},
		"a queue that is not there": {func(b m) { b["queueId"] = "none" }, "email.error.invalid.queue", "queueId"},
		"a queue and a flow":        {func(b m) { b["flowId"] = "x" }, "too.many.create.email.parameters", "flowId"},
		"a skill that is not there": {func(b m) { b["skillIds"] = []any{x.skill("VIP"), "none"} }, "client.failed.request", "skillIds[1]"},
		"no such language":          {func(b m) { b["languageId"] = "none" }, "client.failed.request", "languageId"},
		"too high a priority":       {func(b m) { b["priority"] = 25_000_001 }, "client.failed.request", "priority"},
		"outbound":                  {func(b m) { b["direction"] = "OUTBOUND" }, "not.a.user", "direction"},
	} {
		e := x.refused("POST", emails, body(tt.change), http.StatusBadRequest, tt.code)
		if d := e["details"].([]any); len(d) != 1 || d[0].(m)["fieldName"] != tt.field {
			t.Errorf("%s: details %v, want the field %s", name, d, tt.field)
		}
	}
	x.refused("POST", emails, body(func(b m) { delete(b, "queueId"); b["flowId"] = "x" }), http.StatusNotImplemented, "not.implemented")
	if after := len(x.Conversations()); after != before {
		t.Errorf("%d emails came of what was refused", after-before)
	}
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	x := atDesk(t, sandbox.Options{}, "09:00 support 30m", "09:01 support 10m", "09:02 support 10m", "09:03 support 10m")
	x.passes(5 * time.Minute)
	type m = map[string]any
	down := m{"state": "disconnected"}
	part := func(n, i int) string {
		return x.email(n) + "/participants/" + fmt.Sprint(participants(x.ok("GET", x.email(n), nil))[i]["id"])
	}
	ended := x.ok("PATCH", x.email(1), down)
	if all := participants(ended); len(all) != 2 || all[1]["endTime"] == nil || ended["endTime"] == nil || all[1]["emails"].([]any)[0].(m)["state"] != "disconnected" {
		t.Errorf("it is %v", ended)
	}
	x.wantParties(x.email(1),
		party{Purpose: "customer", State: "terminated", Disconnect: "peer", Start: "09:01", Connected: "09:01", End: "09:05"},
		party{Purpose: "acd", Name: "Support Email", State: "terminated", Disconnect: "peer", Start: "09:01", Connected: "09:01", End: "09:05"},
	)
	x.refused("PATCH", x.email(1), down, http.StatusBadRequest, "client.failed.request")
	x.refused("PATCH", x.email(2), m{}, http.StatusBadRequest, "client.failed.request")
	x.refused("PATCH", x.email(2), m{"state": "parked"}, http.StatusNotImplemented, "not.implemented")
	x.refused("PATCH", part(1, 1), down, http.StatusBadRequest, "conversation.error.participant.no.active.conversations")
	x.refused("PATCH", x.email(2)+"/participants/none", down, http.StatusNotFound, "not.found")
	x.refused("PATCH", part(2, 1), m{"state": "connected"}, http.StatusNotImplemented, "not.implemented")
	// The agent ends what she has, and gets what waits, but for what is ended in
	// the queue.
	if r := x.call("PATCH", part(2, 1), down); r.status != http.StatusAccepted || len(r.body) > 0 {
		t.Errorf("a part is ended: %d %s", r.status, r.body)
	}
	if r := x.call("PATCH", part(0, 2), m{"state": "disconnected", "wrapup": m{"code": "x"}}); r.status != http.StatusAccepted {
		t.Errorf("the part of the agent is ended: %d %s", r.status, r.body)
	}
	x.wantParties(x.email(0),
		party{Purpose: "customer", State: "terminated", Disconnect: "peer", Start: "09:00", Connected: "09:00", End: "09:05"},
		party{Purpose: "acd", Name: "Support Email", State: "terminated", Disconnect: "transfer", Start: "09:00", Connected: "09:00", End: "09:00"},
		party{Purpose: "agent", Name: "Ann", State: "terminated", Disconnect: "client", Start: "09:00", Alerting: "09:00", Connected: "09:00", End: "09:05"},
	)
	x.passes(time.Hour)
	if got := x.AnsweredAt(); !slices.Equal(got, []int{0, -1, -1, 5}) {
		t.Errorf("answered at minutes %v", got)
	}
}

// A transfer ends the part of whoever has the email, and the email waits anew
// elsewhere.
func TestTransfer(t *testing.T) {
	t.Parallel()
	x := atDesk(t, sandbox.Options{}, "09:00 billing 30m", "09:01 support 10m")
	x.passes(5 * time.Minute)
	type m = map[string]any
	replace := func(n, i int) string {
		return x.email(n) + "/participants/" + fmt.Sprint(participants(x.ok("GET", x.email(n), nil))[i]["id"]) + "/replace"
	}
	ann := x.userID("Ann")
	for name, tt := range map[string]struct {
		path string
		body m
		code int
		want string
	}{
		"no such queue":           {replace(0, 2), m{"queueId": "none"}, 400, "conversations.error.queue.not.found"},
		"out of the queue again":  {replace(0, 1), m{"queueId": x.queueID("Returns")}, 400, "conversations.error.transfer.not.connected"},
		"the customer":            {replace(0, 0), m{"queueId": x.queueID("Returns")}, 400, "conversations.error.transfer.not.connected"},
		"to an address":           {replace(0, 2), m{"address": "a@b.example"}, 400, "postino.error.transfer.replace.external"},
		"to whoever has it":       {replace(0, 2), m{"userId": ann}, 400, "conversations.error.transfer.same.party"},
		"to nobody":               {replace(0, 2), m{}, 400, "client.failed.request"},
		"to another agent":        {replace(0, 2), m{"userId": x.userID("Bob")}, 501, "not.implemented"},
		"after a consultation":    {replace(0, 2), m{"queueId": x.queueID("Returns"), "transferType": "Attended"}, 501, "not.implemented"},
		"somebody not part of it": {x.email(0) + "/participants/none/replace", m{"queueId": x.queueID("Returns")}, 404, "not.found"},
	} {
		if e := x.call("POST", tt.path, tt.body); e.status != tt.code || e.object(t)["code"] != tt.want {
			t.Errorf("%s: %d %s, want %d %s", name, e.status, e.body, tt.code, tt.want)
		}
	}
	if r := x.call("POST", replace(0, 2), m{"queueId": x.queueID("Support Email"), "transferType": "Unattended"}); r.status != http.StatusAccepted || len(r.body) > 0 {
		t.Fatalf("a transfer: %d %s", r.status, r.body)
	}
	x.wantParties(x.email(0),
		party{Purpose: "customer", State: "connected", Start: "09:00", Connected: "09:00"},
		party{Purpose: "acd", Name: "Billing Email", State: "terminated", Disconnect: "transfer", Start: "09:00", Connected: "09:00", End: "09:00"},
		party{Purpose: "agent", Name: "Ann", State: "terminated", Disconnect: "transfer", Start: "09:00", Alerting: "09:00", Connected: "09:00", End: "09:05"},
		party{Purpose: "acd", Name: "Support Email", State: "connected", Start: "09:05", Connected: "09:05"},
	)
	// The other was next in line, and goes on to a queue that nobody serves.
	if got := x.parties(x.email(1)); len(got) != 3 || got[2].Connected != "09:05" {
		t.Errorf("the other: %+v", got)
	}
	x.passes(time.Minute)
	if r := x.call("POST", replace(0, 3), m{"queueId": x.queueID("Technical")}); r.status != http.StatusAccepted {
		t.Errorf("a transfer of what waits: %d %s", r.status, r.body)
	}
	x.passes(time.Hour)
	got := x.parties(x.email(0))
	if len(got) != 5 || got[3].Disconnect != "transfer" || got[3].End != "09:06" || got[4].Name != "Technical" || got[4].State != "connected" {
		t.Errorf("after the second transfer: %+v", got)
	}
	asked := participants(x.ok("GET", x.email(0), nil))[4]["conversationRoutingData"].(m)
	if fmt.Sprint(asked["priority"]) != "30" || len(asked["skills"].([]any)) != 1 {
		t.Errorf("it asks for %v, want what it asked for before", asked)
	}
}

// Whoever did not answer is shown, too.
func TestParticipantsWhoDidNotAnswer(t *testing.T) {
	t.Parallel()
	sc, problems := scenario.Parse("traffic.yaml", []byte(strings.ReplaceAll(desk, "arrivals: [{ trace: mail.csv }]", "arrivals: [{ rule: support@help.example.com, rate: 120 }]\nhandle: { mean: 1m }\nnoAnswer: { share: 0.5, away: 5m, answer: { mean: 30s, shape: constant } }")), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	x := open(t, sandbox.Options{Traffic: sc, Now: sandbox.NewClock(start).Now, RateLimit: -1})
	missed, alerting := 0, 0
	look := func(n int) {
		for i, p := range x.parties(x.email(n)) {
			switch {
			case p.Disconnect == "transfer.noanswer":
				missed++
				if p.Connected != "" || p.Alerting == "" || p.End == "" || p.State != "terminated" || i < 2 {
					t.Errorf("whoever did not answer: %+v", p)
				}
			case p.State == "alerting":
				alerting++
				agent := participants(x.ok("GET", x.email(n), nil))[i]
				part := x.email(n) + "/participants/" + fmt.Sprint(agent["id"])
				x.refused("PATCH", part, map[string]any{"state": "disconnected"}, http.StatusNotImplemented, "not.implemented")
				x.refused("POST", part+"/replace", map[string]any{"queueId": x.queueID("Returns")}, http.StatusBadRequest, "conversations.error.transfer.not.connected")
			}
		}
	}
	for range 10 {
		x.passes(6 * time.Minute)
		for n := range x.Conversations() {
			look(n)
		}
	}
	if missed == 0 || alerting == 0 {
		t.Errorf("%d alerts not answered, %d alert now", missed, alerting)
	}
}
