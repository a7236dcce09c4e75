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
		"after 10m for 10m * -> 503":                            {After: 10 * time.Minute, For: 10 * time.Minute, Status: 503},
		"after 1h for 5m * -> 429 storm 50 retry 2":             {After: time.Hour, For: 5 * time.Minute, Status: 429, Times: 50, RetryAfter: 2 * time.Second},
		"for 90s GET */queues → slow 2s":                        {For: 90 * time.Second, Method: "GET", Path: "*/queues", Delay: 2 * time.Second},
		"after 1h for 20m metrics lag 30m":                      {After: time.Hour, For: 20 * time.Minute, Trouble: sandbox.MetricsLag, By: 30 * time.Minute},
		"metrics missing 2h..1h":                                {Trouble: sandbox.MetricsMissing, From: 2 * time.Hour, To: time.Hour},
		"metrics missing 2h..0s":                                {Trouble: sandbox.MetricsMissing, From: 2 * time.Hour},
		"after 1h for 20m metrics missing":                      {After: time.Hour, For: 20 * time.Minute, Trouble: sandbox.MetricsMissing},
		"reads stale 30s":                                       {Trouble: sandbox.ReadsStale, By: 30 * time.Second},
		"for 1h30m audits lag 10m":                              {For: 90 * time.Minute, Trouble: sandbox.AuditsLag, By: 10 * time.Minute},
		"after 5m sockets silent 2m":                            {After: 5 * time.Minute, Trouble: sandbox.SocketsSilent, By: 2 * time.Minute},
		"sockets evict":                                         {Trouble: sandbox.SocketsEvict},
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
		"POST /x 503":                 "write it as METHOD PATH -> WHAT",
		"FETCH * -> 503":              "FETCH is not a method",
		"GET * ->":                    "say after the arrow what happens",
		"GET * -> 5o3":                "5o3",
		"GET * -> cut -5":             "cut does not take that number",
		"GET * -> slow -2s":           "slow does not take that number",
		"GET * -> 503 x0":             "x0 does not take that number",
		"GET * -> 429 retry -5":       "retry does not take that number",
		"GET * -> 503 code":           "say which code",
		"GET * -> 204":                "204 is no status",
		"GET * -> done":               "say what happens",
		"GET * -> 5030":               "not a status",
		"GET * -> slow":               "slow",
		"a b c -> 503":                "name a method",
		"GET * -> xtimes":             "xtimes",
		"":                            "or as one of metrics lag 30m, metrics missing 2h..1h, reads stale 30s",
		"after":                       "say how long after after, such as after 10m",
		"after ten * -> 503":          "ten is no time for after; write it as in after 10m",
		"for -5m * -> 503":            "-5m is no time for for",
		"metrics":                     "write it as metrics lag 30m or metrics missing 2h..1h",
		"metrics late 5m":             "write it as metrics lag 30m or metrics missing 2h..1h",
		"metrics lag":                 "write it as metrics lag 30m",
		"metrics lag 30m 5m":          "write it as metrics lag 30m",
		"metrics lag soon":            "soon is no time; write it as metrics lag 30m",
		"metrics missing":             "or say how long the rule holds, as in after 1h for 20m metrics missing",
		"metrics missing 1h..2h":      "1h..2h is no time",
		"metrics missing 2h":          "2h is no time",
		"reads fresh":                 "write it as reads stale 30s",
		"audits lag 0s":               "0s is no time; write it as audits lag 10m",
		"sockets":                     "write it as sockets silent 2m or sockets evict",
		"for 5m sockets silent 2m":    "happens once",
		"sockets evict 2m":            "write it as sockets evict",
		"after 5m metrics lag -> 503": "write it as metrics lag 30m",
	} {
		if _, err := sandbox.ParseFault(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a word about %q", rule, err, want)
		}
	}
}

func parseFault(t testing.TB, rule string) sandbox.Fault {
	t.Helper()
	f, err := sandbox.ParseFault(rule)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (x *org) fault(rule string) {
	x.t.Helper()
	x.AddFault(parseFault(x.t, rule))
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

// A rule with a time holds from then to then by the organisation's clock.
func TestFaultsBySchedule(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{Speed: 10, Faults: []sandbox.Fault{
		parseFault(t, "after 10m for 10m * -> 503"),
		parseFault(t, "after 1h for 5m * -> 429 storm 2 retry 2"),
	}})
	x.fault("for 1m GET */queues -> 500")
	get := func() int { return x.raw("GET", "/api/v2/routing/skills", nil).status }
	queues := func() int { return x.raw("GET", "/api/v2/routing/queues", nil).status }
	at := time.Duration(0)
	for _, step := range []struct {
		at             time.Duration // of the organisation, which lives ten times as fast
		status, queues int
		rules          int
	}{
		{0, 200, 500, 3},
		{59 * time.Second, 200, 500, 3},
		{time.Minute, 200, 200, 2},
		{599 * time.Second, 200, 200, 2},
		{10 * time.Minute, 503, 503, 2},
		{1199 * time.Second, 503, 503, 2},
		{20 * time.Minute, 200, 200, 1},
		{time.Hour, 429, 429, 0}, // two of them, and that is all
		{62 * time.Minute, 200, 200, 0},
	} {
		clock.Advance((step.at - at) / 10)
		at = step.at
		if a, b, n := get(), queues(), len(x.Faults()); a != step.status || b != step.queues || n != step.rules {
			t.Errorf("at %s: %d, queues %d, %d rules; want %+v", step.at, a, b, n, step)
		}
	}
	x.fault("after 10m for 10m * -> 503")
	if n := len(x.Faults()); n != 0 || get() != 200 {
		t.Errorf("a rule for a time that has passed: %d in force", n)
	}
	x.fault("for 10m * -> 503")
	if x.Faults()[0].After != 62*time.Minute || get() != 503 {
		t.Errorf("a rule for ten minutes does not begin now: %v", x.Faults())
	}
	x.ClearFaults()
	if get() != 200 {
		t.Error("a rule holds after it was cleared")
	}
}

// While reads are stale, what was written since then shows late; what was
// written before shows as ever.
func TestReadsStale(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{Faults: []sandbox.Fault{parseFault(t, "after 1m for 5m reads stale 30s")}})
	q := x.queue("Returns")
	write := func(description string) {
		body := x.ok("GET", q, nil)
		body["description"] = description
		x.ok("PUT", q, body)
	}
	want := func(description, skill string) {
		t.Helper()
		if got := x.ok("GET", q, nil)["description"]; got != description {
			t.Errorf("it shows %v, want %s", got, description)
		}
		shown := x.ok("GET", "/api/v2/routing/skills?name=New*", nil)
		if got := fmt.Sprint(shown["total"]); got != skill {
			t.Errorf("%s new skills, want %s", got, skill)
		}
	}
	write("before")
	clock.Advance(time.Minute)
	want("before", "0")
	write("during")
	x.ok("POST", "/api/v2/routing/skills", map[string]any{"name": "New"})
	clock.Advance(14 * time.Second)
	want("before", "0")
	clock.Advance(16 * time.Second)
	want("during", "1")
	clock.Advance(4*time.Minute + 25*time.Second)
	write("late")
	clock.Advance(4 * time.Second)
	want("during", "1")
	clock.Advance(time.Second) // the rule ends
	want("late", "1")
}

func TestAuditsLag(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{})
	rows := func() int {
		return len(entities(x.ok("POST", realtime, map[string]any{
			"interval": start.Add(-time.Hour).Format(time.RFC3339) + "/" + start.Add(time.Hour).Format(time.RFC3339), "serviceName": "ContactCenter",
		})))
	}
	create := func(name string) { x.ok("POST", "/api/v2/routing/queues", map[string]any{"name": name}) }
	create("One")
	clock.Advance(time.Second)
	x.fault("for 20m audits lag 10m")
	create("Two")
	if n := rows(); n != 1 {
		t.Errorf("%d rows, want what was written before the rule", n)
	}
	clock.Advance(9*time.Minute + 59*time.Second)
	if n := rows(); n != 1 {
		t.Errorf("%d rows too early", n)
	}
	clock.Advance(time.Second)
	create("Three")
	if n := rows(); n != 2 {
		t.Errorf("%d rows after ten minutes, want 2", n)
	}
	x.ClearFaults()
	if n := rows(); n != 3 {
		t.Errorf("%d rows after the rule, want 3", n)
	}
}

func TestMetricsFaults(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{Speed: 60, Faults: []sandbox.Fault{
		parseFault(t, "metrics missing 2h..1h"), parseFault(t, "after 1h for 2h metrics lag 30m"), parseFault(t, "after 5h for 20m metrics missing"),
	}})
	wants := func(shown bool, all ...time.Duration) {
		t.Helper()
		x.Faults() // whatever is asked lets rules begin
		for _, at := range all {
			if x.Measured(at) != shown {
				t.Errorf("what happened at %s shows: %t", at, !shown)
			}
		}
	}
	const m = time.Minute
	wants(false, -2*time.Hour, -90*m, -61*m)
	wants(true, -121*m, -time.Hour, 0)
	clock.Advance(59 * time.Second)
	wants(true, 59*m)
	clock.Advance(21 * time.Second) // 80 minutes
	wants(true, 59*m)
	wants(false, 60*m, 70*m, 80*m)
	clock.Advance(10 * time.Second)
	wants(true, 60*m)
	wants(false, 61*m)
	clock.Advance(91 * time.Second) // a minute after the rule
	wants(true, 61*m, 181*m)
	clock.Advance(10 * time.Minute) // beyond the last
	wants(false, 300*m, 319*m)
	wants(true, 299*m, 320*m)
	if f := x.Faults(); len(f) != 1 {
		t.Errorf("rules: %v", f)
	}
	x.ClearFaults()
	wants(true, -90*m, 310*m)
}

func TestSocketFaults(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{Faults: []sandbox.Fault{
		parseFault(t, "after 5m sockets silent 2m"), parseFault(t, "after 30m sockets evict"),
	}})
	id, _ := x.channel("v2.users.1.presence")
	c := x.listen(id)
	say := func(n int) {
		t.Helper()
		x.Faults() // whatever is asked lets rules begin
		x.Publish("v2.users.1.presence", map[string]any{"n": n})
	}
	say(1)
	clock.Advance(6 * time.Minute)
	say(2)
	clock.Advance(59 * time.Second)
	say(3)
	clock.Advance(time.Second)
	say(4)
	for _, want := range []float64{1, 4} {
		if f := c.next(); f.Body["n"] != want {
			t.Errorf("frame %v, want %g", f.Body, want)
		}
	}
	x.call("GET", channels, nil)
	if n := len(entities(x.ok("GET", channels, nil))); n != 1 {
		t.Errorf("%d channels", n)
	}
	clock.Advance(23 * time.Minute)
	if n := len(entities(x.ok("GET", channels, nil))); n != 0 {
		t.Errorf("%d channels after they were evicted", n)
	}
	if b, err := c.raw(); err == nil {
		t.Errorf("after the end of the channel came %s", b)
	}
	if f := x.Faults(); len(f) != 0 {
		t.Errorf("rules left: %v", f)
	}
	x.fault("sockets silent 1m")
	id, _ = x.channel("v2.users.1.presence")
	c = x.listen(id)
	say(5)
	clock.Advance(time.Minute)
	say(6)
	if f := c.next(); f.Body["n"] != 6. {
		t.Errorf("frame %v, want 6", f.Body)
	}
}

// told counts the frames of some that a listener of presence gets of one.
func (x *org) told() int {
	x.t.Helper()
	id, _ := x.channel(presence)
	frames, stop, err := x.Listen(id)
	if err != nil {
		x.t.Fatal(err)
	}
	x.Publish(presence, map[string]any{})
	stop()
	n := 0
	for range frames {
		n++
	}
	return n
}

func TestASilenceEndsInTime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rule string
		then func(x *org, clock *sandbox.Clock)
		want int
	}{
		"advanced into it":                  {"after 10m sockets silent 2m", func(x *org, _ *sandbox.Clock) { x.passes(12*time.Minute - time.Millisecond) }, 0},
		"advanced past it":                  {"after 10m sockets silent 2m", func(x *org, _ *sandbox.Clock) { x.passes(12 * time.Minute) }, 1},
		"on the wall, within":               {"after 10m sockets silent 2m", func(_ *org, c *sandbox.Clock) { c.Advance(2*time.Minute + time.Second - time.Millisecond) }, 0},
		"on the wall, past it":              {"after 10m sockets silent 2m", func(_ *org, c *sandbox.Clock) { c.Advance(2*time.Minute + time.Second) }, 1},
		"the rules are taken back":          {"sockets silent 1h", func(x *org, _ *sandbox.Clock) { x.passes(time.Minute); x.ClearFaults() }, 1},
		"taken back, and another by hand":   {"sockets silent 1h", func(x *org, _ *sandbox.Clock) { x.SilenceSockets(time.Hour); x.ClearFaults() }, 0},
		"a rule that is added while it has": {"sockets silent 1h", func(x *org, _ *sandbox.Clock) { x.fault("sockets silent 1s"); x.passes(time.Minute) }, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, clock := virtual(t, sandbox.Options{Speed: 600, Faults: []sandbox.Fault{parseFault(t, tt.rule)}})
			x.Faults() // a rule without a beginning begins
			if tt.then(x, clock); x.told() != tt.want {
				t.Errorf("%d frames, want %d", 1-tt.want, tt.want)
			}
		})
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
