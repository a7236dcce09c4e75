package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/strategy"
)

// post sends a request to the sandbox as another program would.
func (w *world) post(t *testing.T, path, token, contentType string, body []byte, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token == "" {
		req.SetBasicAuth(sandbox.DefaultClientID, sandbox.DefaultClientSecret)
	} else {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := w.org.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 || json.Unmarshal(out, into) != nil {
		t.Fatalf("%s: %s %v %s", path, resp.Status, err, out)
	}
}

// Email that comes in between two looks is changed when the platform tells of it;
// the next look is a minute away.
func TestALiveRuleActsWhenEmailComesIn(t *testing.T) {
	t.Parallel()
	sc, problems := scenario.Parse("traffic.yaml", []byte(`version: 1
start: 2026-03-02
timezone: UTC
days: 1
arrivals: [{ trace: mail.csv }]
rules: { support@help.example.com: {} }
agents: [{ name: Ada Brook, skills: { Billing: 3 }, shifts: { mon: 20:00-23:00 } }]
`), func(string) ([]byte, error) {
		return []byte("at,rule,handle\n2026-03-02 09:01,support@help.example.com,10m\n"), nil
	})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	since := time.Now()
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), newGateway(t), sandbox.Options{Traffic: sc, Now: func() time.Time { return start.Add(time.Since(since)) }})
	st, wrong := strategy.Parse("live.yaml", []byte(`version: 1
name: live
queue: Support Email
rules: [{ name: gold, when: email.attributes.tier == "gold", priority: 500 }]
`))
	if err := wrong.Err(); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.cfg.Control, err = control.New(control.Config{
		Client: w.client, Store: w.cfg.Store, Ledger: ledger.New(w.cfg.Store, w.cfg.Org.ID), Wait: apply.Wait{Every: time.Millisecond},
	}, []routing.Desired{st.Desired()}); err != nil {
		t.Fatal(err)
	}
	w.run(t)

	var queue string
	for raw, err := range w.client.Queues(t.Context(), "Support Email") {
		var q routing.Ref
		if err != nil || json.Unmarshal(raw, &q) != nil {
			t.Fatal(err)
		}
		if q.Name == "Support Email" {
			queue = q.ID
		}
	}
	var signed struct {
		Token string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	w.post(t, "https://login.mypurecloud.com/oauth/token", "", "application/x-www-form-urlencoded", []byte(form.Encode()), &signed)
	for n := range 2 { // the first may be seen when the channel is connected
		var made struct{ ID string }
		body := fmt.Appendf(nil, `{"queueId":%q,"provider":"x","fromAddress":"ann@example.net","subject":"a","attributes":{"tier":"gold"}}`, queue)
		w.post(t, "https://api.mypurecloud.com/api/v2/conversations/emails", signed.Token, "application/json", body, &made)
		for limit := time.Now().Add(2 * time.Minute); ; <-time.After(20 * time.Millisecond) {
			e, err := w.client.Email(t.Context(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			if e.Priority == 500 {
				break
			}
			if time.Now().After(limit) {
				t.Fatalf("email %d: %+v", n+1, e)
			}
		}
	}
}
