package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
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

// mailTo gives what lets an email of a gold customer come in to a queue, and its id.
func (w *world) mailTo(t *testing.T, name string) func() string {
	t.Helper()
	var queue string
	for raw, err := range w.client.Queues(t.Context(), name) {
		var q routing.Ref
		if err != nil || json.Unmarshal(raw, &q) != nil {
			t.Fatal(err)
		}
		if q.Name == name {
			queue = q.ID
		}
	}
	var signed struct {
		Token string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	w.post(t, "https://login.mypurecloud.com/oauth/token", "", "application/x-www-form-urlencoded", []byte(form.Encode()), &signed)
	return func() string {
		t.Helper()
		var made struct{ ID string }
		body := fmt.Appendf(nil, `{"queueId":%q,"provider":"x","fromAddress":"ann@example.net","subject":"a","attributes":{"tier":"gold"}}`, queue)
		w.post(t, "https://api.mypurecloud.com/api/v2/conversations/emails", signed.Token, "application/json", body, &made)
		return made.ID
	}
}

// quietMorning is a world of a morning on which one email comes in and nobody works.
func quietMorning(t *testing.T) *world {
	t.Helper()
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
	return newWorld(t, filepath.Join(t.TempDir(), "x.db"), newGateway(t), sandbox.Options{Traffic: sc, Now: func() time.Time { return start.Add(time.Since(since)) }})
}

// controls lets a strategy adjust.
func (w *world) controls(t *testing.T, want routing.Desired) {
	t.Helper()
	var err error
	if w.cfg.Control, err = control.New(control.Config{
		Client: w.client, Store: w.cfg.Store, Ledger: ledger.New(w.cfg.Store, w.cfg.Org.ID), Wait: apply.Wait{Every: time.Millisecond},
	}, []routing.Desired{want}); err != nil {
		t.Fatal(err)
	}
}

// A look is taken before its time where the platform tells of what makes a condition
// hold: of one of many, each of one email more, whenever the ticks are.
func TestALookIsTakenBeforeItsTime(t *testing.T) {
	t.Parallel()
	w := quietMorning(t)
	var log bytes.Buffer
	said := &locked{w: &log}
	w.cfg.Log = slog.New(slog.NewTextHandler(said, nil))
	var rules strings.Builder
	for n := range 60 {
		fmt.Fprintf(&rules, "    - { name: r%d, when: waiting() > %d, for: 9, do: [{ join: Back Office }], lease: 1h }\n", n, n)
	}
	st, wrong := strategy.Parse("many.yaml", []byte("version: 1\nname: many\nqueue: Support Email\nadjust:\n  mode: recommend\n  rules:\n"+rules.String()))
	if err := wrong.Err(); err != nil {
		t.Fatal(wrong.Text())
	}
	want := st.Desired()
	want.Adjust.Every = 4 * time.Second
	w.controls(t, want)
	w.run(t)
	mail := w.mailTo(t, "Support Email")
	early := func() bool {
		said.mu.Lock()
		defer said.mu.Unlock()
		return strings.Contains(log.String(), "it is looked at before its time")
	}
	for range 50 {
		mail()
		for since := time.Now(); time.Since(since) < 2500*time.Millisecond; <-time.After(20 * time.Millisecond) {
			if early() {
				return
			}
		}
	}
	t.Errorf("no look was taken before its time: %s", log.String())
}

// Email that comes in between two looks is changed when the platform tells of it;
// the next look is a minute away.
func TestALiveRuleActsWhenEmailComesIn(t *testing.T) {
	t.Parallel()
	w := quietMorning(t)
	st, wrong := strategy.Parse("live.yaml", []byte(`version: 1
name: live
queue: Support Email
rules: [{ name: gold, when: email.attributes.tier == "gold", priority: 500 }]
`))
	if err := wrong.Err(); err != nil {
		t.Fatal(err)
	}
	w.controls(t, st.Desired())
	w.run(t)

	mail := w.mailTo(t, "Support Email")
	for n := range 2 { // the first may be seen when the channel is connected
		id := mail()
		for limit := time.Now().Add(2 * time.Minute); ; <-time.After(20 * time.Millisecond) {
			e, err := w.client.Email(t.Context(), id)
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
