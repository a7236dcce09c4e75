package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/daemon"
	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/strategy"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const (
	secret = "0123456789012345678901234567890123"
	person = "Sam Whitaker"
	queue  = "Support Email"
)

// gateway is another system, which checks what it gets.
type gateway struct {
	*httptest.Server
	mu     sync.Mutex
	events []relay.Event
	refuse int // so many are refused first
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	key, err := relay.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = relay.Verifier{Secrets: []relay.Secret{key}, Tolerance: 5 * time.Minute}.Verify(r.Header, body, time.Now())
		}
		var e relay.Event
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		if err != nil || r.Header.Get("X-Genesys-Event") != "routing-sync" {
			t.Errorf("what came is not as it should be: %v, %v", err, r.Header)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.refuse > 0 {
			g.refuse--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		g.events = append(g.events, e)
	}))
	t.Cleanup(g.Close)
	return g
}

// got waits until so many events have come.
func (g *gateway) got(t *testing.T, n int, within time.Duration) []relay.Event {
	t.Helper()
	for limit := time.Now().Add(within); ; <-time.After(5 * time.Millisecond) {
		g.mu.Lock()
		events := slices.Clone(g.events)
		g.mu.Unlock()
		if len(events) >= n {
			return events
		}
		if time.Now().After(limit) {
			t.Fatalf("%d events after %s, want %d: %+v", len(events), within, n, events)
		}
	}
}

// world is an organisation with a daemon that watches it.
type world struct {
	org    *sandbox.Server
	base   string
	client *genesys.Client
	cfg    daemon.Config
}

func newWorld(t *testing.T, database string, to *gateway, o sandbox.Options) *world {
	t.Helper()
	o.RateLimit, o.CheckAnswers = -1, true
	server := sandbox.New(o)
	base, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Close()
		for _, m := range server.Misfits() {
			t.Errorf("against the contract: %s", m)
		}
	})
	client, err := genesys.New(genesys.Config{Gateway: base, ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret, PerMinute: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	st, problems := strategy.Parse("support.yaml", fmt.Appendf(nil, `
version: 1
name: support
queue: %s
addresses:
  - { address: support@help.example.com, rule: standard, from: Example support }
rules:
  - { name: standard }
sync:
  - { name: gateway, url: %s, secret: "${GATEWAY_SECRET}", headers: { X-Genesys-Event: routing-sync } }
`, queue, to.URL))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	org, err := client.Organization(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{org: server, base: base, client: client}
	w.cfg = daemon.Config{
		Client: client, ClientID: sandbox.DefaultClientID, Store: storetest.Open(t, database), Org: org, Allow: []string{"127.0.0.1"},
		Getenv: func(name string) string { return map[string]string{"GATEWAY_SECRET": secret}[name] },
		Poll:   time.Hour, Sweep: time.Hour, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	w.cfg.Strategies = append(w.cfg.Strategies, st.Desired())
	return w
}

// run runs a daemon until the test ends, or stop is called.
func (w *world) run(t *testing.T) (stop func()) {
	t.Helper()
	_, stop = w.start(t)
	return stop
}

func (w *world) start(t *testing.T) (d *daemon.Daemon, stop func()) {
	t.Helper()
	d, err := daemon.New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("the daemon ended with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the daemon does not end within 10 s")
			}
		})
	}
	t.Cleanup(stop)
	for limit := time.Now().Add(2 * time.Minute); !d.Watching(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it does not watch")
		}
	}
	return d, stop
}

func (w *world) edit(t *testing.T, seconds int) {
	t.Helper()
	if err := w.org.EditQueue(person, queue, func(q map[string]any) {
		q["mediaSettings"].(map[string]any)["email"].(map[string]any)["alertingTimeoutSeconds"] = seconds
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAChangeBehindOurBackArrivesSigned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		g := newGateway(t)
		w := newWorld(t, database, g, sandbox.Options{})
		w.run(t)
		w.edit(t, 77)
		e := g.got(t, 1, 10*time.Second)[0]
		if e.Type != relay.QueueUpdated || !e.OutOfBand || e.Actor.Kind != relay.Person || e.Actor.Name != person || e.Object.Name != queue || e.Strategy != "support" || e.Version != 2 {
			t.Errorf("%+v", e)
		}
		if len(e.Changes) != 1 || e.Changes[0].Field != "mediaSettings.email.alertingTimeoutSeconds" || e.Changes[0].After != "77" {
			t.Errorf("%+v", e.Changes)
		}
		w.edit(t, 78)
		if e := g.got(t, 2, 10*time.Second)[1]; e.Version != 3 || e.Changes[0].Before != "77" {
			t.Errorf("%+v", e)
		}
		v, err := ledger.New(w.cfg.Store, w.cfg.Org.ID).Verify(t.Context())
		if err != nil || !v.OK() || v.Entries < 2 {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// What was found is signed while nothing else happens.
func TestTheLedgerIsSignedAgainAndAgain(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	w.cfg.Sweep = 200 * time.Millisecond
	l := ledger.New(w.cfg.Store, w.cfg.Org.ID)
	key, err := ledger.LoadKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.Sign = func(ctx context.Context) error {
		_, err := l.Sign(ctx, key)
		return err
	}
	w.run(t)
	w.edit(t, 77)
	g.got(t, 1, 10*time.Second)
	for limit := time.Now().Add(20 * time.Second); ; <-time.After(10 * time.Millisecond) {
		v, err := l.Verify(t.Context())
		if err != nil || time.Now().After(limit) {
			t.Fatalf("%+v, %v", v, err)
		}
		if v.Entries >= 2 && v.Unsigned == 0 && v.Checkpoints > 0 {
			return
		}
	}
}

// What happens while nobody watches is found at the next start, and what could
// not be delivered is delivered then.
func TestWhatHappensMeanwhileIsFoundAndDelivered(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	w.run(t)()
	w.edit(t, 77)
	id := ""
	for m, err := range w.client.Members(t.Context(), queueID(t, w)) {
		if err != nil {
			t.Fatal(err)
		}
		if !m.ByGroup {
			id = m.ID
		}
	}
	if err := w.client.RemoveMembers(t.Context(), queueID(t, w), []string{id}); err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	g.refuse = 1
	g.mu.Unlock()
	w.run(t)
	events := g.got(t, 2, 30*time.Second)
	if events[0].Type != relay.QueueUpdated || events[1].Type != relay.MemberLeft || events[1].Members[0].ID != id || events[1].Actor.Kind != relay.Foresort {
		t.Errorf("%+v", events)
	}
}

func queueID(t *testing.T, w *world) string {
	t.Helper()
	org, err := w.client.ReadOrg(t.Context(), genesys.Scope{Queues: []string{queue}})
	if err != nil || len(org.Queues) != 1 {
		t.Fatal(err)
	}
	return org.Queues[0].ID
}

// Without notifications the audit trail tells.
func TestTheAuditTrailClosesTheGap(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{
		"sockets lie silent": "sockets silent 1h", "no channel is made": "POST */channels -> 500",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
			f, err := sandbox.ParseFault(fault)
			if err != nil {
				t.Fatal(err)
			}
			w.org.AddFault(f)
			w.cfg.Poll = 200 * time.Millisecond
			w.run(t)
			w.edit(t, 91)
			if e := g.got(t, 1, 2*time.Minute)[0]; e.Actor.Name != person || !e.OutOfBand {
				t.Errorf("%+v", e)
			}
		})
	}
}

// Reads that lag behind a notice are made again until they show the change.
func TestAReadThatLagsIsMadeAgain(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{ReplicationDelay: time.Second})
	w.cfg.Poll = 300 * time.Millisecond
	w.run(t)
	w.edit(t, 93)
	if e := g.got(t, 1, 2*time.Minute)[0]; e.Changes[0].After != "93" || e.Actor.Name != person {
		t.Errorf("%+v", e)
	}
}

func TestOneWatchesAndAnotherTakesOver(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		g := newGateway(t)
		w := newWorld(t, database, g, sandbox.Options{})
		stop := w.run(t)
		second, err := daemon.New(w.cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- second.Run(ctx) }()
		w.edit(t, 81)
		g.got(t, 1, 10*time.Second)
		if second.Watching() {
			t.Error("two watch")
		}
		stop()
		w.edit(t, 82)
		if n := len(g.got(t, 2, 2*time.Minute)); n != 2 {
			t.Errorf("%d events, want 2", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestASecretThatIsNotSetIsNamed(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	w.cfg.Getenv = func(string) string { return "" }
	if _, err := daemon.New(w.cfg); err == nil || !strings.Contains(err.Error(), "${GATEWAY_SECRET} is not set") {
		t.Errorf("%v", err)
	}
	w.cfg.Getenv = func(string) string { return "short" }
	if _, err := daemon.New(w.cfg); err == nil || strings.Contains(err.Error(), "short") && strings.Contains(err.Error(), `"short"`) {
		t.Errorf("%v", err)
	}
}

// An endpoint at a private address gets nothing unless it is allowed.
func TestAPrivateEndpointIsRefused(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	w.cfg.Allow = nil
	w.run(t)
	w.edit(t, 95)
	o := jobs.NewOutbox(w.cfg.Store, w.cfg.Org.ID)
	for limit := time.Now().Add(2 * time.Minute); ; <-time.After(10 * time.Millisecond) {
		all, err := o.List(t.Context(), jobs.Filter{State: jobs.Open})
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 && all[0].Attempts > 0 {
			if !strings.Contains(all[0].LastWords, "allow") {
				t.Errorf("%q", all[0].LastWords)
			}
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%+v", all)
		}
	}
}

// What does not work is said once, and the other ways go on.
func TestWithoutTheAuditTrailChangesAreStillTold(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	for _, rule := range []string{"POST */audits/query/realtime -> 403", "POST */channels -> 500"} {
		f, err := sandbox.ParseFault(rule)
		if err != nil {
			t.Fatal(err)
		}
		w.org.AddFault(f)
	}
	var log strings.Builder
	w.cfg.Poll, w.cfg.Sweep, w.cfg.Log = 30*time.Millisecond, 300*time.Millisecond, slog.New(slog.NewTextHandler(&locked{w: &log}, nil))
	stop := w.run(t)
	w.edit(t, 66)
	e := g.got(t, 1, 2*time.Minute)[0]
	stop()
	if e.Actor.Kind != relay.Unknown || !e.OutOfBand || e.Changes[0].After != "66" {
		t.Errorf("%+v", e)
	}
	if n := strings.Count(log.String(), "the client may not read"); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, log.String())
	}
}

// locked lets several goroutines write.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
