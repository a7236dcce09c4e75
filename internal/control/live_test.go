package control_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/strategy"
)

// liveFile is a strategy of the support queue with live rules.
const liveFile = `version: 1
name: support
queue: Support Email
addresses: [{ address: support@help.example.com, rule: standard, from: Desk }]
rules:
  - { name: gold, when: email.attributes.tier == "gold", priority: 500, skills: [Billing], language: English }
  - { name: shout, when: email.subject.startsWith("URGENT"), priority: 60 }
  - { name: standard, priority: 0 }
`

// busy is a desk whose agent has all that she takes for an hour.
func busy(t testing.TB, src string) *world {
	w := newWorld(t, src, "09:01 support 60m", "09:01 support 65m")
	w.passes(2 * time.Minute)
	return w
}

// call sends a request to the sandbox as a person's program would.
func (w *world) call(method, path, token, contentType string, body []byte) []byte {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token == "" {
		req.SetBasicAuth(sandbox.DefaultClientID, sandbox.DefaultClientSecret)
	} else {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := w.Transport().RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		w.t.Fatalf("%s %s: %s %v %s", method, path, resp.Status, err, out)
	}
	return out
}

// token signs a person's program in.
func (w *world) token() string {
	w.t.Helper()
	var signed struct {
		Token string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	answer := w.call(http.MethodPost, "https://login.mypurecloud.com/oauth/token", "", "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err := json.Unmarshal(answer, &signed); err != nil {
		w.t.Fatal(err)
	}
	return signed.Token
}

// ends lets somebody end a conversation.
func (w *world) ends(id string) {
	w.t.Helper()
	w.call(http.MethodPatch, "https://api.mypurecloud.com/api/v2/conversations/emails/"+id, w.token(), "application/json", []byte(`{"state":"disconnected"}`))
}

// arrives lets an email come in, past the routes as by a flow, and gives its id.
func (w *world) arrives(subject, tier string) string {
	w.t.Helper()
	in := map[string]any{
		"queueId": w.queue().ID, "provider": "PureCloud Email", "toAddress": "support@help.example.com", "fromAddress": "ann@example.net",
		"subject": subject, "textBody": "Hello", "direction": "INBOUND",
	}
	if tier != "" {
		in["attributes"] = map[string]string{"tier": tier}
	}
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	var made struct{ ID string }
	if err := json.Unmarshal(w.call(http.MethodPost, "https://api.mypurecloud.com/api/v2/conversations/emails", w.token(), "application/json", body), &made); err != nil {
		w.t.Fatal(err)
	}
	return made.ID
}

func (w *world) email(id string) genesys.Email {
	w.t.Helper()
	e, err := w.client.Email(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// sets changes the priority of an email as a person would.
func (w *world) sets(id string, priority int) {
	w.t.Helper()
	if err := w.client.PatchWaitingEmail(w.t.Context(), id, []routing.Field{"priority"}, routing.EmailSettings{Priority: &priority}); err != nil {
		w.t.Fatal(err)
	}
}

// patches counts what was written to waiting email.
func (w *world) patches() (n int) {
	for _, r := range w.Requests() {
		if r.Method == http.MethodPatch && strings.Contains(r.Path, "/routing/conversations/") {
			n++
		}
	}
	return n
}

// again is the world after a restart.
func (w *world) again(src string) {
	w.t.Helper()
	parsed, wrong := strategy.Parse("support.yaml", []byte(src))
	if wrong.Err() != nil {
		w.t.Fatal(wrong.Text())
	}
	var err error
	if w.Control, err = control.New(w.Config, []routing.Desired{parsed.Desired()}); err != nil {
		w.t.Fatal(err)
	}
}

func TestALiveRuleIsAppliedToEmailThatWaits(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	older, loud, gold := w.arrives("Where is it?", "silver"), w.arrives("URGENT: the shop is down", ""), w.arrives("Where is it?", "gold")
	if said := fmt.Sprint(w.ticks(2)); said != "[09:03 gold live_rule 09:03 shout live_rule]" {
		t.Fatal(said)
	}
	e := w.email(gold)
	if e.Priority != 500 || len(e.Skills) != 1 || e.Language.ID == "" {
		t.Errorf("gold: %+v", e)
	}
	if e := w.email(loud); e.Priority != 60 || len(e.Skills) != 0 || e.Language.ID != "" {
		t.Errorf("loud: %+v", e)
	}
	if e := w.email(older); e.Priority != 0 {
		t.Errorf("the one that no rule is for: %+v", e)
	}
	if n := w.patches(); n != 2 {
		t.Errorf("%d writes", n)
	}
	w.passes(55 * time.Minute)
	for range 3600 {
		if !w.email(gold).Waiting || !w.email(older).Waiting {
			break
		}
		w.passes(time.Second)
	}
	if !w.email(older).Waiting || w.email(gold).Waiting {
		t.Error("the older one was answered first")
	}
	w.again(liveFile)
	if said := fmt.Sprint(w.ticks(2)); said != "[]" || w.patches() != 2 {
		t.Errorf("after a restart: %s, %d writes", said, w.patches())
	}
	runs, err := w.ledger.Runs(t.Context())
	if err != nil || len(runs) != 1 || !runs[0].Plan().Live || !runs[0].End.OK {
		t.Fatalf("runs %+v %v", runs, err)
	}
	if m := ledger.Memory(runs); len(m.Owned)+len(m.InForce)+len(m.Created) > 0 {
		t.Errorf("the run makes claims: %+v", m)
	}
}

func TestAnEmailThatSomebodyChangedIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	before, after := w.arrives("a", "gold"), w.arrives("b", "gold")
	w.sets(before, 7)
	if said := fmt.Sprint(w.ticks(1)); said != "[09:03 gold live_rule 09:03 gold live_rule]" {
		t.Fatal(said)
	}
	w.sets(after, 8)
	w.again(liveFile)
	if said := fmt.Sprint(w.ticks(2)); said != "[09:04 gold live_rule]" { // said once in each process
		t.Fatal(said)
	}
	if a, b := w.email(before).Priority, w.email(after).Priority; a != 7 || b != 8 {
		t.Errorf("priorities %d and %d", a, b)
	}
	if n := w.patches(); n != 3 {
		t.Errorf("%d writes", n)
	}
}

func TestLiveRulesStopWithAllElse(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	w.arrives("a", "gold")
	if err := w.ledger.SwitchTo(t.Context(), ledger.Switch{Stopped: true}); err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprint(w.ticks(2)); said != "[]" || w.patches() > 0 {
		t.Fatalf("%s, %d writes", said, w.patches())
	}
	if err := w.ledger.SwitchTo(t.Context(), ledger.Switch{}); err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprint(w.ticks(1)); said != "[09:05 gold live_rule]" {
		t.Fatal(said)
	}
}

// An override raises the email of a live rule over what the rule gives it, and
// puts it back to that.
func TestAnOverrideRaisesEmailOfALiveRule(t *testing.T) {
	t.Parallel()
	src := liveFile + `adjust:
  mode: act
  rules: [{ name: late, when: waiting("gold") > 0, for: 1, do: [{ raisePriority: { rule: gold, by: 60 } }], lease: 5m }]
`
	w := busy(t, src)
	gold, other := w.arrives("a", "gold"), w.arrives("b", "")
	if said := fmt.Sprint(w.ticks(1)); said != "[09:03 late begins 09:03 gold live_rule]" {
		t.Fatal(said)
	}
	if a, b := w.email(gold).Priority, w.email(other).Priority; a != 560 || b != 0 {
		t.Errorf("priorities %d and %d", a, b)
	}
	w.again(src)
	if said := fmt.Sprint(w.ticks(5)); said != "[09:08 late lease_ended]" {
		t.Fatal(said)
	}
	if n := w.email(gold).Priority; n != 500 {
		t.Errorf("put back to %d", n)
	}
}

// No look writes or reads more than its budget.
func TestLiveRulesHaveABudget(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	for range 40 {
		w.arrives("a", "gold")
	}
	w.ticks(1)
	if n := w.patches(); n != 30 {
		t.Errorf("%d writes at the first look", n)
	}
	w.ticks(1)
	if n := w.patches(); n != 40 {
		t.Errorf("%d writes by the second look", n)
	}
}

// Between two looks only the live rules act.
func TestWhatArrivesIsChangedBetweenLooks(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	w.ticks(1)
	if q := w.LiveQueues(); len(q) != 1 || q[0] != w.queue().ID {
		t.Fatalf("queues %v", q)
	}
	gold := w.arrives("a", "gold")
	looks, err := w.Arrived(t.Context())
	if err != nil || len(looks) != 1 || len(looks[0].Acts) != 1 || w.email(gold).Priority != 500 {
		t.Fatalf("%+v %v", looks, err)
	}
	if d, err := w.ledger.Decisions(t.Context()); err != nil || len(d) != 1 || d[0].Words != "1 email that came in: priority 500, skills Billing and language English" {
		t.Errorf("%+v %v", d, err)
	}
}

// Where nothing may be done without approval, live rules are only told of.
func TestLiveRulesAreOnlyRecommended(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	w.arrives("a", "gold")
	w.Recommend = true
	if said := fmt.Sprint(w.ticks(2)); said != "[09:03 gold live_rule]" || w.patches() > 0 {
		t.Errorf("%s, %d writes", said, w.patches())
	}
}

// What a person puts back stays so.
func TestALiveRunThatIsPutBackStaysSo(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	gold := w.arrives("a", "gold")
	w.ticks(1)
	runs, err := w.ledger.Runs(t.Context())
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	back, err := w.ledger.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apply.Rollback(t.Context(), apply.Options{Platform: apply.On(w.client), Journal: back, Run: back.ID, Wait: w.Wait, Recent: runs}, runs[0]); err != nil {
		t.Fatal(err)
	}
	w.again(liveFile)
	if said := fmt.Sprint(w.ticks(2)); said != "[]" {
		t.Error(said)
	}
	if e := w.email(gold); e.Priority != 0 || len(e.Skills) != 0 || e.Language.ID != "" {
		t.Errorf("%+v", e)
	}
}

// planned is a plan of the rule gold for every email that waits just now.
func (w *world) planned() plan.Plan {
	w.t.Helper()
	states, err := w.client.QueueStates(w.t.Context(), []string{w.queue().ID})
	if err != nil {
		w.t.Fatal(err)
	}
	org, err := w.client.ReadOrg(w.t.Context(), genesys.Scope{Queues: []string{"Support Email"}})
	if err != nil {
		w.t.Fatal(err)
	}
	var emails []plan.LiveEmail
	for _, e := range states[w.queue().ID].Emails {
		emails = append(emails, plan.LiveEmail{Email: e, Rule: routing.Rule{Name: "gold", Priority: new(500)}})
	}
	p, problems := plan.NewIndex(org, plan.Memory{}).Live(routing.Desired{Strategy: "support", Queue: routing.DesiredQueue{Name: "Support Email"}}, emails)
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	return p.Seal()
}

func TestAnEmailThatIsRefusedKeepsNoOther(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	a, b, c := w.arrives("a", ""), w.arrives("b", ""), w.arrives("c", "")
	p := w.planned()
	w.sets(b, 9)
	run, err := w.ledger.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := apply.Run(t.Context(), apply.Options{Plan: p, Platform: apply.On(w.client), Journal: run, Run: run.ID, Wait: w.Wait})
	left := slices.DeleteFunc(slices.Clone(report.Results), func(r apply.Result) bool { return len(r.Left) == 0 })
	if err != nil || len(report.Results) != 3 || len(left) != 1 {
		t.Fatalf("%+v %v", report, err)
	}
	if x, y, z := w.email(a).Priority, w.email(b).Priority, w.email(c).Priority; x != 500 || y != 9 || z != 500 {
		t.Errorf("priorities %d, %d and %d", x, y, z)
	}
}

// A run that was cut off in the middle of a write is finished at the next look.
func TestALiveRunThatWasCutOffIsFinished(t *testing.T) {
	t.Parallel()
	w := busy(t, liveFile)
	a, b := w.arrives("a", ""), w.arrives("b", "")
	p := w.planned()
	run, err := w.ledger.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []apply.Entry{{Begin: &apply.Begin{Plan: p}}, {Intent: &apply.Intent{Change: 1, Object: p.Changes[0].Object}}} {
		if err := run.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	w.arrives("c", "gold") // so that there is something to do
	if said := fmt.Sprint(w.ticks(1)); said != "[09:03 gold live_rule]" {
		t.Fatal(said)
	}
	if x, y := w.email(a).Priority, w.email(b).Priority; x != 500 || y != 500 {
		t.Errorf("priorities %d and %d", x, y)
	}
}
