package control_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

// This file holds rules with a condition to email that waits.

const gold = `version: 1
name: support
queue: Support Email
addresses: [{ address: support@help.example.com, rule: standard, from: Desk }]
rules:
  - { name: gold, when: email.attributes.tier == "gold", priority: 600, skills: [Billing], language: English }
  - { name: standard, priority: 0 }
`

// mail puts an email into the queue, as an integration does, and gives its id.
func (w *world) mail(subject string, attributes map[string]string) string {
	w.t.Helper()
	post := func(to, kind, body string, into any, set func(*http.Request)) {
		r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, to, strings.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		set(r)
		answer, err := (&http.Client{Transport: w.Transport()}).Do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
			w.t.Fatal(answer.Status, err)
		}
	}
	var token struct {
		Access string `json:"access_token"`
	}
	post("https://login.mypurecloud.com/oauth/token", "application/x-www-form-urlencoded", url.Values{"grant_type": {"client_credentials"}}.Encode(), &token,
		func(r *http.Request) { r.SetBasicAuth("sandbox-client", "sandbox-secret") })
	body, err := json.Marshal(map[string]any{
		"queueId": w.queue().ID, "provider": "PureCloud Email", "direction": "INBOUND", "toAddress": "support@help.example.com",
		"fromAddress": "a@example.com", "subject": subject, "textBody": "Hello", "attributes": attributes,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var made struct{ ID string }
	post("https://api.mypurecloud.com/api/v2/conversations/emails", "application/json", string(body), &made,
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.Access) })
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

func TestARuleWithAConditionTakesWaitingEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gold, many(5, "09:01 support 5h")...)
	w.apply()
	w.passes(2 * time.Minute)
	plain, rich, touched := w.mail("plain", nil), w.mail("rich", map[string]string{"tier": "gold"}), w.mail("touched", map[string]string{"tier": "gold"})
	by := 7
	if err := w.client.PatchWaitingEmail(t.Context(), touched, []routing.Field{"priority"}, routing.EmailSettings{Priority: &by}); err != nil {
		t.Fatal(err)
	}
	w.said(w.ticks(1), "09:03  condition_holds")
	if e := w.email(rich); e.Priority != 600 || len(e.Skills) != 1 || e.Language == (routing.Ref{}) {
		t.Errorf("it has not been taken: %+v", e)
	}
	if e := w.email(plain); e.Priority != 0 || len(e.Skills) > 0 {
		t.Errorf("it has been taken: %+v", e)
	}
	if e := w.email(touched); e.Priority != 7 || len(e.Skills) > 0 {
		t.Errorf("somebody's own priority was written over: %+v", e)
	}
	w.ClearRequests()
	w.said(w.ticks(3)) // each email is read once
	for _, r := range w.Requests() {
		if strings.Contains(r.Path, "/conversations/emails/") || r.Method == http.MethodPatch {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}

	// A person takes the priority back; another process does not write it again.
	none := 0
	if err := w.client.PatchWaitingEmail(t.Context(), rich, []routing.Field{"priority"}, routing.EmailSettings{Priority: &none}); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.said(w.ticks(2))
	if e := w.email(rich); e.Priority != 0 {
		t.Errorf("it was written again: %+v", e)
	}

	// The strategy's own claims stand, and its plan has nothing to do.
	if p := w.plan(); len(p.Changes) > 0 || len(p.Owns) == 0 {
		t.Errorf("%+v", p.Changes)
	}
	if len(w.leases()) > 0 {
		t.Error("it is no override")
	}

	// The switch stops it, and lets it go on.
	w.stop(true)
	late := w.mail("late", map[string]string{"tier": "gold"})
	w.said(w.ticks(2))
	if e := w.email(late); e.Priority != 0 {
		t.Errorf("it was stopped, and wrote: %+v", e)
	}
	w.stop(false)
	w.said(w.ticks(1), "09:11  condition_holds")
	if e := w.email(late); e.Priority != 600 {
		t.Errorf("it does not go on: %+v", e)
	}
}
