package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
)

// direct sends a request that is none of the platform's.
func (x *org) direct(method, path, body string) (int, map[string]any) {
	x.t.Helper()
	w := httptest.NewRecorder()
	x.Handler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		x.t.Errorf("%s %s: %d %q: %v", method, path, w.Code, w.Body, err)
	}
	return w.Code, out
}

func TestAdvanceOverHTTP(t *testing.T) {
	t.Parallel()
	x := atDesk(t, sandbox.Options{Seed: 7, Speed: 60}, "09:00 support 20m", "09:01 support 10m")
	for _, step := range []struct{ body, now string }{
		{`{"by": "10m"}`, "2026-03-02T09:10:00.000Z"},
		{`{"by": "PT1H30M"}`, "2026-03-02T10:40:00.000Z"},
		{`{"by": "P1DT0.5S"}`, "2026-03-03T10:40:00.500Z"},
		{`{"by": "P1W"}`, "2026-03-10T10:40:00.500Z"},
		{`{"by": "0s"}`, "2026-03-10T10:40:00.500Z"},
		{`{"to": "2026-03-11T01:00:00+01:00"}`, "2026-03-11T00:00:00.000Z"},
	} {
		if status, got := x.direct("POST", "/sandbox/advance", step.body); status != http.StatusOK || len(got) != 1 || got["now"] != step.now {
			t.Errorf("%s: %d %v, want %s", step.body, status, got, step.now)
		}
	}
	if got := x.AnsweredAt(); !cmp.Equal(got, []int{0, 20}) {
		t.Errorf("answered at minutes %v", got)
	}
	status, got := x.direct("GET", "/sandbox/advance", "")
	if d := cmp.Diff(map[string]any{"now": "2026-03-11T00:00:00.000Z", "speed": 60., "seed": 7.}, got); d != "" || status != http.StatusOK {
		t.Errorf("the clock: %d (-want +got):\n%s", status, d)
	}
	for body, want := range map[string]string{
		`{"by": "-1m"}`: "time does not go back", `{"by": "soon"}`: `"soon" is no duration; write {"by": "10m"}`, `{"by": "P"}`: "is no duration",
		`{"by": "PT"}`: "is no duration", `{"by": "P1Y"}`: "is no duration", `{"by": "P400D"}`: "at most a year", `{"by": "9000h"}`: "at most a year",
		`{"by": "P99999999999999W"}`: "at most a year", `{"to": "2026-03-10T00:00:00Z"}`: "has passed: the organisation's clock is at 2026-03-11T00:00:00.000Z",
		`{"to": "tomorrow"}`: `"tomorrow" is no instant`, `{"to": "9026-03-10T00:00:00Z"}`: "at most a year", `{}`: "write", `{"by": 10}`: "write",
		`{"by": "1m", "to": "2026-04-10T00:00:00Z"}`: "write", `[]`: "no JSON object", ``: "no JSON object", `by=10m`: "no JSON object",
	} {
		if status, got := x.direct("POST", "/sandbox/advance", body); status != http.StatusBadRequest || !strings.Contains(text(got["message"]), want) {
			t.Errorf("%s: %d %v, want %q", body, status, got, want)
		}
	}
	if status, _ := x.direct("DELETE", "/sandbox/advance", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", status)
	}
	if now := x.Clock(); !now.Equal(time.Date(2026, 3, 11, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("what was refused moved the clock to %s", now)
	}
	rest, _ := virtual(t, sandbox.Options{})
	if status, got := rest.direct("POST", "/sandbox/advance", `{"by": "1h"}`); status != http.StatusOK || got["now"] != "2026-03-02T10:00:00.000Z" {
		t.Errorf("at rest: %d %v", status, got)
	}
}

// A client learns the organisation's time from the Date of every answer.
func TestTheDateOfAnAnswerIsTheOrganisations(t *testing.T) {
	t.Parallel()
	x, clock := started(t, sandbox.Options{Speed: 600, Faults: []sandbox.Fault{parseFault(t, "* */users -> 503")}})
	base := strings.Replace(fmt.Sprint(x.ok("POST", channels, nil)["connectUri"]), "ws://", "http://", 1)
	base, channel, _ := strings.Cut(base, "/channels/")
	clock.Advance(time.Minute)
	x.passes(24 * time.Hour)
	const want = "Tue, 03 Mar 2026 19:00:00 GMT"
	for _, path := range []string{
		"/api/v2/routing/queues", "/api/v2/users", "/api/v2/nowhere", "/oauth/token", "/healthz", "/", "/nowhere", "/sandbox/advance", "/downloads/none",
		"/channels/none", "/channels/" + channel,
	} {
		for name, client := range map[string]*http.Client{"in the process": x.http, "by HTTP": {Transport: &http.Transport{DisableKeepAlives: true}}} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", base+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if got := res.Header.Values("Date"); len(got) != 1 || got[0] != want {
				t.Errorf("%s, %s: %d, %q, want %s", path, name, res.StatusCode, got, want)
			}
		}
	}
	w := httptest.NewRecorder()
	x.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/sandbox/advance", strings.NewReader(`{"by":"1h"}`)))
	if got := w.Header().Get("Date"); got != "Tue, 03 Mar 2026 20:00:00 GMT" {
		t.Errorf("after an hour more: %s", got)
	}
}

// The page shows the clock, what waits and who is there.
func TestThePageShowsTheOrganisationAtWork(t *testing.T) {
	t.Parallel()
	page := func(x *org) string {
		w := httptest.NewRecorder()
		x.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		body, err := io.ReadAll(w.Body)
		if err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %v", w.Code, err)
		}
		return string(body)
	}
	wants := func(got string, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(got, want) {
				t.Errorf("the page does not show %q:\n%s", want, got)
			}
		}
	}
	x := atDesk(t, sandbox.Options{Seed: 3}, "09:00 support 5m", "09:01 support 40m", "09:02 support 10m", "09:03 billing 10m")
	x.passes(20 * time.Minute)
	x.fault("after 30m for 10m * -> 503")
	x.fault("GET */queues -> 500 x3")
	wants(page(x), "Monday, 2 March 2026, 09:20:00", "UTC", "Speed 1, seed 3", "<p>1: 1 interacting</p>",
		`<td>Support Email<td class="n">1<td class="n">2<td class="n">1<td>`, `<td>Billing Email<td class="n">0<td class="n">1<td class="n">1<td>`,
		`<td>Technical<td class="n">0<td class="n">0<td class="n">0<td>`, "after 30m for 10m * -&gt; 503", "from Mon 09:30:00 to Mon 09:40:00", "in force</span>")
	x.passes(24 * time.Hour)
	wants(page(x), "Tuesday, 3 March 2026, 09:20:00", `<td>Support Email<td class="n">0<td class="n">0<td class="n">0<td>`)
	rest, _ := virtual(t, sandbox.Options{})
	wants(page(rest), "Monday, 2 March 2026, 10:00:00", "Europe/Berlin", "at rest", "http://example.com/sandbox/advance")
	sc, problems := scenario.Parse("traffic.yaml", []byte(strings.NewReplacer("help.example.com", "nowhere.example", "[{ trace: mail.csv }]", "[{ rule: support@nowhere.example, rate: 1 }]").Replace(desk)), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	broken := &org{Server: sandbox.New(sandbox.Options{Traffic: sc}), t: t}
	wants(page(broken), "does not live: traffic.yaml:")
	if status, got := broken.direct("POST", "/sandbox/advance", `{"by": "1m"}`); status != http.StatusInternalServerError || !strings.Contains(text(got["message"]), "traffic.yaml:") {
		t.Errorf("the clock of a broken organisation: %d %v", status, got)
	}
}

// A clock on the wall may leap, and a fast organisation gets far: its clock
// neither hangs nor goes back.
func TestTheClockLeapsAndGetsFar(t *testing.T) {
	t.Parallel()
	now := func(x *org) time.Time {
		_, got := x.direct("GET", "/sandbox/advance", "")
		at, err := time.Parse(time.RFC3339, text(got["now"]))
		if err != nil {
			t.Error(err)
		}
		return at
	}
	const day = 24 * time.Hour
	t.Run("a leap of two centuries", func(t *testing.T) {
		t.Parallel()
		x, clock := virtual(t, sandbox.Options{Traffic: sandbox.SeedTraffic(), Keep: 1000})
		before := now(x)
		clock.Advance(200 * 365 * day)
		if got := now(x).Sub(before); got != 366*day {
			t.Errorf("the leap took the clock %s further, want a year", got)
		}
		clock.Advance(time.Hour)
		if got := now(x).Sub(before); got != 366*day+time.Hour {
			t.Errorf("after an hour more it is %s further", got)
		}
		if err := x.Err(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a fast organisation", func(t *testing.T) {
		t.Parallel()
		x, clock := virtual(t, sandbox.Options{Speed: 100_000})
		before, last := now(x), now(x)
		for range 60 {
			clock.Advance(time.Hour)
			got := now(x)
			if got.Before(last) {
				t.Fatalf("the clock went back from %s to %s", last, got)
			}
			last = got
		}
		if got := last.Sub(before); got != 200*365*day {
			t.Errorf("it got %s far", got)
		}
	})
	t.Run("an organisation that is as old as a clock gets", func(t *testing.T) {
		t.Parallel()
		x, _ := virtual(t, sandbox.Options{})
		if err := x.Advance(200 * 365 * day); err != nil {
			t.Error(err)
		}
		if err := x.Advance(time.Hour); err == nil {
			t.Error("it went further")
		}
	})
}
