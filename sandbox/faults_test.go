package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

func TestParseFault(t *testing.T) {
	t.Parallel()
	tests := map[string]sandbox.Fault{
		"POST /api/v2/routing/email/domains/*/routes -> 503 x2": {Method: "POST", Path: "/api/v2/routing/email/domains/*/routes", Status: 503, Times: 2},
		"POST …/routes → 503 twice":                             {Method: "POST", Path: "*/routes", Status: 503, Times: 2},
		"GET .../queues -> slow 2s":                             {Method: "GET", Path: "*/queues", Delay: 2 * time.Second},
		"GET * -> cut 120":                                      {Method: "GET", Path: "*", Cut: true, CutAfter: 120},
		"* -> 429 storm 5 retry 1":                              {Status: 429, Times: 5, RetryAfter: time.Second},
		"PUT */queues/* -> 504 done code request.timeout once":  {Method: "PUT", Path: "*/queues/*", Status: 504, Done: true, Code: "request.timeout", Times: 1},
		"PUT * -> reset done":                                   {Method: "PUT", Path: "*", Reset: true, Done: true},
	}
	for rule, want := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			got, err := sandbox.ParseFault(rule)
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Fatalf("%v (-want +got):\n%s", err, d)
			}
			if again, err := sandbox.ParseFault(got.String()); err != nil || again != got {
				t.Errorf("%q does not read back: %+v %v", got.String(), again, err)
			}
		})
	}
	for rule, want := range map[string]string{
		"POST /x 503":     "write it as METHOD PATH -> WHAT",
		"FETCH * -> 503":  "FETCH is not a method",
		"GET * ->":        "say after the arrow what happens",
		"GET * -> 5o3":    "5o3",
		"GET * -> 5030":   "not a status",
		"GET * -> slow":   "slow",
		"a b c -> 503":    "name a method",
		"GET * -> xtimes": "xtimes",
	} {
		if _, err := sandbox.ParseFault(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a word about %q", rule, err, want)
		}
	}
}

func (x *org) fault(rule string) {
	x.t.Helper()
	f, err := sandbox.ParseFault(rule)
	if err != nil {
		x.t.Fatal(err)
	}
	x.AddFault(f)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Returns")
	description := func() any { return x.ok("GET", q, nil)["description"] }
	body := func(d string) map[string]any { return map[string]any{"name": "Returns", "description": d} }

	x.fault("PUT */queues/* -> 503 x2")
	for range 2 {
		x.refused("PUT", q, body("a"), 503, "service.unavailable")
	}
	if description() == "a" {
		t.Error("a refused PUT was done")
	}
	x.ok("PUT", q, body("a"))

	x.fault("PUT */queues/* -> 504 done once")
	x.refused("PUT", q, body("b"), 504, "request.timeout")
	if description() != "b" {
		t.Error("done was not done")
	}

	x.fault("PUT */queues/* -> cut 10 once")
	if r := x.call("PUT", q, body("c")); !errors.Is(r.err, io.ErrUnexpectedEOF) || len(r.body) != 10 || r.status != 200 {
		t.Errorf("a cut answer: %d %q %v", r.status, r.body, r.err)
	}
	if description() != "c" {
		t.Error("what was cut was not done")
	}

	x.fault("PUT */queues/* -> reset once")
	if r := x.call("PUT", q, body("d")); r.err == nil || r.status != 0 {
		t.Errorf("a reset: %d %v", r.status, r.err)
	}
	if description() != "c" {
		t.Error("what was reset was done")
	}

	x.fault("* -> 429 storm 2 retry 7")
	for range 2 {
		if r := x.call("GET", q, nil); r.status != 429 || r.header.Get("Retry-After") != "7" || !strings.Contains(string(r.body), "in [7] seconds") {
			t.Errorf("a storm: %d %v %s", r.status, r.header, r.body)
		}
		x.signIn() // which a rule without a path leaves alone
	}
	description()
	if got := x.Faults(); len(got) != 0 {
		t.Errorf("rules left over: %v", got)
	}

	log := x.Requests()
	last := log[len(log)-1]
	if last.Operation != "getRoutingQueue" || last.Status != 200 || last.CorrelationID == "" || last.Path != q {
		t.Errorf("the log ends with %+v", last)
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := open(t, sandbox.Options{})
		x.fault("GET * -> slow 2s")
		began := time.Now()
		x.ok("GET", "/api/v2/tokens/me", nil)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %s, want 2s", took)
		}
	})
}

// The same faults over a real connection.
func TestListen(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	base, err := x.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+x.token)
		res, err := client.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res.StatusCode, string(b), err
	}
	if status, body, err := get("/healthz"); status != 200 || body != "ok\n" || err != nil {
		t.Errorf("healthz: %d %q %v", status, body, err)
	}
	x.fault("GET /api/v2/tokens/me -> cut 12 once")
	if status, body, err := get("/api/v2/tokens/me"); status != 200 || len(body) != 12 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %d %q %v", status, body, err)
	}
	x.fault("GET /api/v2/organizations/me -> 503 x3")
	status, page, err := get("/")
	if err != nil || status != 200 {
		t.Fatalf("page: %d %v", status, err)
	}
	for _, want := range []string{"Larkfield Outfitters", "GET /api/v2/tokens/me", "getTokensMe", "GET /api/v2/organizations/me -&gt; 503 x3", "Support Email", "support@help.example.com"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := get("/healthz"); err == nil {
		t.Error("it still answers after Close")
	}
	if err := x.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// Same seed, same ids: a demonstration can be told again.
func TestSeed(t *testing.T) {
	t.Parallel()
	id := func(seed uint64) string { return open(t, sandbox.Options{Seed: seed}).queue("Support Email") }
	first, again := id(1), id(1)
	if first != again || first == id(2) {
		t.Error("ids do not follow the seed")
	}
	x := open(t, sandbox.Options{})
	var seen []string
	for _, e := range entities(x.ok("GET", routes, nil)) {
		seen = append(seen, fmt.Sprint(e["pattern"], " ", e["status"]))
	}
	want := []string{"billing Active", "complaints Active", "hello Active", "returns Active", "support Active"}
	if d := cmp.Diff(want, seen); d != "" {
		t.Errorf("addresses (-want +got):\n%s", d)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		sandbox.New(sandbox.Options{})
	}
}
