package genesys_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// platform answers in place of the platform, without a network. Its zero value
// signs everyone in for a day.
type platform struct {
	token http.HandlerFunc // answers the login host; nil: a token for a day
	api   http.HandlerFunc // answers the rest
	fails func(*http.Request) error

	mu     sync.Mutex
	mints  int
	calls  []string // METHOD path?query of each API request
	bodies []string
}

func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.URL.Path == "/oauth/token" {
		p.mu.Lock()
		p.mints++
		n := p.mints
		p.mu.Unlock()
		w := httptest.NewRecorder()
		if p.token != nil {
			p.token(w, r)
		} else {
			fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"bearer","expires_in":86400}`, n)
		}
		return w.Result(), nil
	}
	p.mu.Lock()
	p.calls = append(p.calls, r.Method+" "+r.URL.RequestURI())
	p.bodies = append(p.bodies, string(body))
	p.mu.Unlock()
	if p.fails != nil {
		if err := p.fails(r); err != nil {
			return nil, err
		}
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	p.api(w, r)
	return w.Result(), nil
}

// client makes a client of the platform.
func (p *platform) client(t testing.TB, change ...func(*genesys.Config)) *genesys.Client {
	t.Helper()
	cfg := genesys.Config{ClientID: "client-id", ClientSecret: "top-secret", Transport: p}
	for _, c := range change {
		c(&cfg)
	}
	c, err := genesys.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answers gives each answer once, the last for ever.
func answers(list ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		list[min(int(n.Add(1)), len(list))-1](w, r)
	}
}

func reply(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var okQueue = reply(200, `{"id":"q1"}`)

func TestEveryRequestSaysWhoAsks(t *testing.T) {
	t.Parallel()
	p := &platform{api: func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer token-1" {
			t.Errorf("Authorization = %q", got)
		}
		if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "Foresort/1.2.3 (") {
			t.Errorf("User-Agent = %q", got)
		}
		if r.Method == http.MethodPut && r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("Content-Type = %q", r.Header.Get("Content-Type"))
		}
		if r.URL.Host != "api.mypurecloud.de" {
			t.Errorf("host = %s", r.URL.Host)
		}
		okQueue(w, r)
	}, token: func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "client-id" || secret != "top-secret" || r.URL.String() != "https://login.mypurecloud.de/oauth/token" {
			t.Errorf("sign-in as %s at %s", id, r.URL)
		}
		if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
			t.Errorf("Content-Type = %q", got)
		}
		reply(200, `{"access_token":"token-1","expires_in":300}`)(w, r)
	}}
	c := p.client(t, func(cfg *genesys.Config) { cfg.Region, cfg.Version = "eu-central-1", "1.2.3" })
	if _, err := c.Queue(t.Context(), "q1"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutQueue(t.Context(), "q1", json.RawMessage(`{"id":"q1","name":"n","memberCount":1}`)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"", `{"name":"n"}`}, p.bodies); d != "" {
		t.Errorf("bodies (-want +got):\n%s", d)
	}
}

func TestGatewayServesLoginAndAPI(t *testing.T) {
	t.Parallel()
	p := &platform{api: okQueue}
	var hosts []string
	p.fails = func(r *http.Request) error { hosts = append(hosts, r.URL.String()); return nil }
	c := p.client(t, func(cfg *genesys.Config) { cfg.Gateway = "http://127.0.0.1:8180/" })
	if _, err := c.Queue(t.Context(), "a b"); err != nil {
		t.Fatal(err)
	}
	if want := "http://127.0.0.1:8180/api/v2/routing/queues/a%20b"; hosts[0] != want || c.Host() != "127.0.0.1:8180" {
		t.Fatalf("asked %s of %s, want %s", hosts[0], c.Host(), want)
	}
}

func TestAnEmptyIDNeverReachesThePlatform(t *testing.T) {
	t.Parallel()
	p := &platform{api: okQueue}
	for _, id := range []string{"", "..", "."} {
		if err := p.client(t).DeleteQueue(t.Context(), id); err == nil || len(p.calls) > 0 {
			t.Fatalf("delete of queue %q: %v, %v", id, err, p.calls)
		}
	}
}

func TestOneTokenForAllAndRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: okQueue}
		p.token = func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second) //nolint:forbidigo // fake time
			reply(200, fmt.Sprintf(`{"access_token":"token-%d","expires_in":300}`, p.mints))(w, r)
		}
		c := p.client(t)
		ask := func(n, mints int) {
			t.Helper()
			var g sync.WaitGroup
			for range n {
				g.Go(func() {
					if _, err := c.Queue(t.Context(), "q1"); err != nil {
						t.Error(err)
					}
				})
			}
			g.Wait()
			if p.mints != mints {
				t.Fatalf("%d tokens were asked for, want %d", p.mints, mints)
			}
		}
		ask(50, 1)
		token, err := c.Token(t.Context())
		if err != nil || token.Life != 5*time.Minute {
			t.Fatalf("token = %+v, %v", token, err)
		}
		time.Sleep(time.Until(token.Expires) - time.Minute - time.Second) //nolint:forbidigo // fake time
		ask(1, 1)
		time.Sleep(2 * time.Second) //nolint:forbidigo // fake time
		ask(20, 2)
	})
}

func TestAShortTokenIsRenewedAtHalfItsLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: okQueue, token: reply(200, `{"access_token":"x","expires_in":40}`)}
		c := p.client(t)
		for _, step := range []struct {
			after time.Duration
			mints int
		}{{0, 1}, {19 * time.Second, 1}, {2 * time.Second, 2}} {
			time.Sleep(step.after) //nolint:forbidigo // fake time
			if _, err := c.Queue(t.Context(), "q1"); err != nil || p.mints != step.mints {
				t.Fatalf("%d tokens, want %d (%v)", p.mints, step.mints, err)
			}
		}
	})
}

func TestAFailedSignInIsSharedByAllWhoWaitForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: okQueue, token: func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) //nolint:forbidigo // fake time
			reply(401, `{"error":"invalid_client","description":"client not found","error_description":"client authentication failed for top-secret"}`)(w, r)
		}}
		c := p.client(t)
		var g sync.WaitGroup
		for range 20 {
			g.Go(func() {
				_, err := c.Queue(t.Context(), "q1")
				if !errors.Is(err, genesys.ErrUnauthorized) {
					t.Errorf("err = %v", err)
				}
			})
		}
		g.Wait()
		if p.mints != 1 || len(p.calls) != 0 {
			t.Fatalf("%d sign-ins and %d calls, want one and none", p.mints, len(p.calls))
		}
		_, err := c.Token(t.Context())
		want := "sign in to login.mypurecloud.com as client client-id (check its id and secret, and that the client was made in this region): " +
			"POST /oauth/token: 401 invalid_client: client authentication failed for [hidden]"
		if err == nil || err.Error() != want {
			t.Fatalf("err = %v\nwant %s", err, want)
		}
	})
}

func TestACallerWhoGivesUpDoesNotSpoilTheSignInOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: okQueue}
		p.token = func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
			if r.Context().Err() != nil {
				panic(http.ErrAbortHandler)
			}
			reply(200, `{"access_token":"x","expires_in":300}`)(w, r)
		}
		c := p.client(t, func(cfg *genesys.Config) {
			cfg.Transport = roundTrip(func(r *http.Request) (resp *http.Response, err error) {
				defer func() {
					if recover() != nil {
						resp, err = nil, r.Context().Err()
					}
				}()
				return p.RoundTrip(r)
			})
		})
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var g sync.WaitGroup
		g.Go(func() {
			if _, err := c.Queue(impatient, "q1"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("err = %v", err)
			}
		})
		synctest.Wait()
		g.Go(func() {
			if _, err := c.Queue(t.Context(), "q1"); err != nil {
				t.Errorf("the other caller: %v", err)
			}
		})
		g.Wait()
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestA401MidLifeIsCuredOnceByANewToken(t *testing.T) {
	t.Parallel()
	gone := reply(401, `{"status":401,"code":"bad.credentials","message":"Invalid login credentials."}`)
	tests := map[string]struct {
		api   http.HandlerFunc
		mints int
		calls int
		fails bool
	}{
		"the new token works":                {answers(gone, okQueue), 2, 2, false},
		"the new token is refused too":       {gone, 2, 2, true},
		"an address that is not allowed":     {reply(401, `{"code":"ip.not.authorized","message":"no"}`), 1, 1, true},
		"an answer without words is cured":   {answers(reply(401, ""), okQueue), 2, 2, false},
		"a write is repeated, it never ran":  {answers(gone, okQueue), 2, 2, false},
		"a 403 is not a matter of the token": {reply(403, `{"code":"missing.permissions"}`), 1, 1, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: tt.api}
			var err error
			if strings.HasPrefix(name, "a write") {
				_, err = p.client(t).PutQueue(t.Context(), "q1", json.RawMessage(`{}`))
			} else {
				_, err = p.client(t).Queue(t.Context(), "q1")
			}
			if p.mints != tt.mints || len(p.calls) != tt.calls || (err != nil) != tt.fails {
				t.Fatalf("%d tokens, %d calls, %v; want %d, %d, fails %v", p.mints, len(p.calls), err, tt.mints, tt.calls, tt.fails)
			}
		})
	}
}

func TestRetryAfterIsObeyedExactly(t *testing.T) {
	t.Parallel()
	const tooMany = `{"message":"Rate limit exceeded the maximum. Retry the request in [42] seconds","code":"too.many.requests.retry.after","status":429}`
	tests := map[string]struct {
		header []string
		want   time.Duration
	}{
		"seconds":                         {[]string{"Retry-After", "42"}, 42 * time.Second},
		"a date, by the platform's clock": {[]string{"Retry-After", "Mon, 02 Jan 2034 15:04:35 GMT", "Date", "Mon, 02 Jan 2034 15:04:05 GMT"}, 30 * time.Second},
		"a date that is over":             {[]string{"Retry-After", "Fri, 01 Jan 1999 15:04:35 GMT"}, 0},
		"the longest there is":            {[]string{"Retry-After", "180"}, 180 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				p := &platform{api: answers(reply(429, tooMany, tt.header...), okQueue)}
				c := p.client(t, func(cfg *genesys.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
				start := time.Now()
				// A write too: it was refused before it was begun.
				if _, err := c.PutQueue(t.Context(), "q1", json.RawMessage(`{"name":"n"}`)); err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(start); waited != tt.want {
					t.Errorf("waited %s, want %s", waited, tt.want)
				}
				if want := fmt.Sprintf(`msg="Rate limited. Retrying in %ds..."`, int(tt.want.Seconds())); !strings.Contains(log.String(), want) {
					t.Errorf("log has no %s:\n%s", want, log.String())
				}
			})
		})
	}
}

func TestATooLongRetryAfterIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: reply(429, `{"code":"too.many.requests.retry.after","message":"Rate limit exceeded"}`, "Retry-After", "181")}
		start := time.Now()
		_, err := p.client(t).Queue(t.Context(), "q1")
		if !errors.Is(err, genesys.ErrRateLimited) || !strings.Contains(err.Error(), "it asks to wait 3m1s, longer than the 3m0s that Foresort waits: try again after that") {
			t.Fatalf("err = %v", err)
		}
		if time.Since(start) != 0 || len(p.calls) != 1 {
			t.Fatalf("%d calls in %s", len(p.calls), time.Since(start))
		}
	})
}

func TestAfterATooLongRetryAfterTheNextRequestsAreNotSentEither(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: reply(429, `{"code":"too.many.requests.retry.after","message":"Rate limit exceeded"}`, "Retry-After", "600")}
		c := p.client(t)
		_, _ = c.Queue(t.Context(), "q1")
		start := time.Now()
		if _, err := c.Queue(t.Context(), "q2"); !errors.Is(err, genesys.ErrRateLimited) || !strings.Contains(err.Error(), "for 10m0s") {
			t.Fatalf("err = %v", err)
		}
		if time.Since(start) != 0 || len(p.calls) != 1 {
			t.Fatalf("%d calls in %s", len(p.calls), time.Since(start))
		}
		time.Sleep(10 * time.Minute) //nolint:forbidigo // in the bubble this is how time passes
		p.api = reply(200, `{"id":"q2"}`)
		if _, err := c.Queue(t.Context(), "q2"); err != nil {
			t.Fatalf("after the wait: %v", err)
		}
	})
}

func TestAHintOfAnHourDoesNotStopTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: reply(200, `{"id":"q1"}`, "inin-ratelimit-count", "300", "inin-ratelimit-allowed", "300", "inin-ratelimit-reset", "3500")}
		c := p.client(t)
		start := time.Now()
		for range 2 {
			if _, err := c.Queue(t.Context(), "q1"); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(start); waited != 0 {
			t.Fatalf("waited %s", waited)
		}
	})
}

func TestARateLimitHoldsEveryone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: answers(reply(429, ``, "Retry-After", "10"), okQueue)}
		c := p.client(t)
		start := time.Now()
		var g sync.WaitGroup
		g.Go(func() { _, _ = c.Queue(t.Context(), "q1") })
		synctest.Wait()
		if _, err := c.Queue(t.Context(), "q2"); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited != 10*time.Second {
			t.Errorf("the other request went after %s, want 10s", waited)
		}
		g.Wait()
	})
}

func TestBackoffIsFullJitterOverPowersOfTwo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		longest := [4]time.Duration{}
		for range 200 {
			p := &platform{api: reply(500, `{"code":"internal.server.error","message":"oops"}`)}
			var at []time.Time
			p.fails = func(*http.Request) error { at = append(at, time.Now()); return nil }
			_, err := p.client(t).Queue(t.Context(), "q1")
			if err == nil || !strings.HasSuffix(err.Error(), "; tried 4 times") || len(at) != 4 {
				t.Fatalf("err = %v after %d attempts", err, len(at))
			}
			for i := range 3 {
				pause := at[i+1].Sub(at[i])
				if pause >= time.Second<<i {
					t.Fatalf("pause %d was %s, more than 2^%d s", i, pause, i)
				}
				longest[i] = max(longest[i], pause)
			}
		}
		for i := range 3 {
			if longest[i] < time.Second<<i/2 {
				t.Errorf("pause %d never came over half of 2^%d s: %s", i, i, longest[i])
			}
		}
	})
}

func TestAWriteWithoutAClearAnswerIsNotRepeated(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	tests := map[string]struct {
		api       http.HandlerFunc
		fails     error
		uncertain bool
		calls     int
	}{
		"500":                             {api: reply(500, ``), uncertain: true, calls: 1},
		"503 that says nothing of a wait": {api: reply(503, ``), uncertain: true, calls: 1},
		"503 with a wait was not begun":   {api: answers(reply(503, ``, "Retry-After", "1"), okQueue), calls: 2},
		"504":                             {api: reply(504, ``), uncertain: true, calls: 1},
		"408":                             {api: reply(408, ``), uncertain: true, calls: 1},
		"connection reset":                {api: okQueue, fails: reset, uncertain: true, calls: 1},
		"no connection":                   {api: okQueue, fails: refused, calls: 4},
		"200 with a reply cut half way":   {api: reply(200, `{"id":"q1","na`), uncertain: true, calls: 1},
		"200 with a proxy's page":         {api: reply(200, `<html>`), uncertain: true, calls: 1},
		"404 that is a timeout inside":    {api: reply(404, `{"code":"postino.error.request.timeout"}`), uncertain: true, calls: 1},
		"400":                             {api: reply(400, ``), calls: 1},
		"409":                             {api: reply(409, ``), calls: 1},
		"501":                             {api: reply(501, ``), calls: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, write := range []func(*genesys.Client) error{
					func(c *genesys.Client) error {
						_, err := c.CreateQueue(t.Context(), json.RawMessage(`{"name":"n"}`))
						return err
					},
					func(c *genesys.Client) error {
						_, err := c.PutQueue(t.Context(), "q1", json.RawMessage(`{"name":"n"}`))
						return err
					},
					func(c *genesys.Client) error { return c.DeleteQueue(t.Context(), "q1") },
					func(c *genesys.Client) error { return c.MoveMembers(t.Context(), "q1", []string{"u1"}, 2) },
				} {
					api := tt.api
					if name == "503 with a wait was not begun" {
						api = answers(reply(503, ``, "Retry-After", "1"), okQueue)
					}
					p := &platform{api: api, fails: func(*http.Request) error { return tt.fails }}
					err := write(p.client(t))
					var uncertain *genesys.UncertainError
					if errors.As(err, &uncertain) != tt.uncertain || len(p.calls) != tt.calls {
						t.Errorf("%v: %v after %d calls", p.calls[0], err, len(p.calls))
					}
					if tt.uncertain && !strings.Contains(err.Error(), "; the request may have been carried out, read the object back to find out") {
						t.Errorf("words: %v", err)
					}
				}
			})
		})
	}
}

func TestAWriteThatIsInterruptedIsUncertain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := &platform{api: okQueue, fails: func(r *http.Request) error { cancel(); return r.Context().Err() }}
	_, err := p.client(t).PutQueue(ctx, "q1", json.RawMessage(`{}`))
	var uncertain *genesys.UncertainError
	if !errors.As(err, &uncertain) || !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	p = &platform{api: okQueue}
	_, err = p.client(t).PutQueue(ctx, "q1", json.RawMessage(`{}`))
	if errors.As(err, &uncertain) || !errors.Is(err, context.Canceled) || len(p.calls) != 0 {
		t.Fatalf("not sent at all: %v, %v", err, p.calls)
	}
}

func TestReadsAreRepeatedAndSayWhatWentWrong(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset by peer")
	tests := map[string]struct {
		api   http.HandlerFunc
		fails error
		calls int
		want  string // empty: succeeds
	}{
		"a fault that passes":                   {api: answers(reply(503, ``), reply(500, ``), okQueue), calls: 3},
		"a reply that is whole the second time": {api: answers(reply(200, `{"id":"q1","na`), okQueue), calls: 2},
		"always cut":                            {api: reply(200, `{"id":"q1","na`), calls: 4, want: "GET /api/v2/routing/queues/q1: the reply was cut half way, after 14 bytes; tried 4 times"},
		"always empty":                          {api: reply(200, ``), calls: 4, want: "GET /api/v2/routing/queues/q1: 200 with an empty reply; tried 4 times"},
		"always reset":                          {api: okQueue, fails: reset, calls: 4, want: "GET /api/v2/routing/queues/q1: connection reset by peer; tried 4 times"},
		"a proxy's page":                        {api: reply(200, `<html>sign in</html>`, "Content-Type", "text/html"), calls: 1, want: "GET /api/v2/routing/queues/q1: 200 with a body that is not JSON (text/html); is a proxy in between?"},
		"a proxy's error":                       {api: reply(502, `<html>secret page</html>`), calls: 4, want: "GET /api/v2/routing/queues/q1: 502: Bad Gateway; tried 4 times"},
		"a redirect":                            {api: reply(302, ``, "Location", "https://elsewhere.example.com/"), calls: 1, want: "GET /api/v2/routing/queues/q1: 302: Found"},
		"not implemented":                       {api: reply(501, ``), calls: 1, want: "GET /api/v2/routing/queues/q1: 501: Not Implemented"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &platform{api: tt.api, fails: func(*http.Request) error { return tt.fails }}
				_, err := p.client(t).Queue(t.Context(), "q1")
				if got := fmt.Sprint(err); (tt.want == "") != (err == nil) || err != nil && got != tt.want {
					t.Errorf("err = %v\nwant  %s", err, tt.want)
				}
				if len(p.calls) != tt.calls {
					t.Errorf("%d calls, want %d", len(p.calls), tt.calls)
				}
			})
		})
	}
}

func TestAnAttemptHasItsOwnDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := true
		p := &platform{api: okQueue, fails: func(r *http.Request) error {
			if !slow {
				return nil
			}
			slow = false
			<-r.Context().Done()
			return r.Context().Err()
		}}
		start := time.Now()
		if _, err := p.client(t).Queue(t.Context(), "q1"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 30*time.Second || took > 31*time.Second {
			t.Fatalf("took %s, want 30s and a pause", took)
		}
	})
}

func TestNoRetriesWhenNoneAreWanted(t *testing.T) {
	t.Parallel()
	p := &platform{api: reply(500, ``)}
	_, err := p.client(t, func(cfg *genesys.Config) { cfg.Retries = -1 }).Queue(t.Context(), "q1")
	if err == nil || len(p.calls) != 1 || strings.Contains(err.Error(), "tried") {
		t.Fatalf("err = %v after %d calls", err, len(p.calls))
	}
}

func TestAReplyCutOnTheWire(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/token" {
			reply(200, `{"access_token":"x","expires_in":300}`)(w, r)
			return
		}
		if n.Add(1) == 1 {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		okQueue(w, r)
	}))
	defer srv.Close()
	c, err := genesys.New(genesys.Config{Gateway: srv.URL, ClientID: "a", ClientSecret: "b"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Queue(t.Context(), "q1"); err != nil || n.Load() != 2 {
		t.Fatalf("err = %v after %d calls", err, n.Load())
	}
	if skew, known := c.Skew(); !known || skew.Abs() > 2*time.Second {
		t.Errorf("skew = %s, %v", skew, known)
	}
	_, err = c.PutQueue(t.Context(), "q1", json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	n.Store(0)
	_, err = c.PutQueue(t.Context(), "q1", json.RawMessage(`{}`))
	var uncertain *genesys.UncertainError
	if !errors.As(err, &uncertain) || !strings.Contains(err.Error(), "the reply was cut half way, after 6 bytes: unexpected EOF") {
		t.Fatalf("err = %v", err)
	}
}

func TestAnUntrustedCertificateIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(okQueue)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	defer srv.Close()
	c, err := genesys.New(genesys.Config{Gateway: srv.URL, ClientID: "a", ClientSecret: "b"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "tried") {
		t.Fatalf("err = %v", err)
	}
}

func TestSkewIsReadFromTheDateHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		p.api = func(w http.ResponseWriter, r *http.Request) {
			reply(200, `{}`, "Date", time.Now().Add(-90*time.Second).UTC().Format(http.TimeFormat))(w, r)
		}
		c := p.client(t)
		if _, known := c.Skew(); known {
			t.Fatal("skew is known before the first answer")
		}
		if _, err := c.Queue(t.Context(), "q1"); err != nil {
			t.Fatal(err)
		}
		if skew, _ := c.Skew(); (skew + 90*time.Second).Abs() > time.Second {
			t.Fatalf("skew = %s, want -90s", skew)
		}
	})
}

func TestTheBudgetServesTheUrgentFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{api: okQueue}
		c := p.client(t, func(cfg *genesys.Config) { cfg.PerMinute = 6 }) // one at once, then one in 10 s
		if _, err := c.Queue(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var g sync.WaitGroup
		ask := func(lane genesys.Lane, id string) {
			g.Go(func() {
				if _, err := c.Queue(genesys.WithLane(t.Context(), lane), id); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		ask(genesys.Report, "report1")
		ask(genesys.Report, "report2")
		ask(genesys.Poll, "poll1")
		ask(genesys.Control, "control1")
		time.Sleep(15 * time.Second) //nolint:forbidigo // fake time
		ask(genesys.Control, "control2")
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Queue(hurried, "gives up"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		g.Wait()
		var order []string
		for _, call := range p.calls {
			order = append(order, call[strings.LastIndex(call, "/")+1:])
		}
		if d := cmp.Diff([]string{"first", "control1", "control2", "poll1", "report1", "report2"}, order); d != "" {
			t.Errorf("order (-want +got):\n%s", d)
		}
		if took := time.Since(start); took != 50*time.Second {
			t.Errorf("took %s, want 50s", took)
		}
	})
}

func TestAMinuteNeverHoldsMoreThanThePlatformAllows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		p := &platform{api: okQueue, fails: func(*http.Request) error { at = append(at, time.Now()); return nil }}
		c := p.client(t)
		start := time.Now()
		for range 900 {
			if _, err := c.Queue(t.Context(), "q1"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 4*time.Minute {
			t.Errorf("900 requests took %s; 240 a minute are allowed", took)
		}
		for i := range len(at) - 300 {
			if within := at[i+300].Sub(at[i]); within < time.Minute-time.Millisecond {
				t.Fatalf("301 requests within %s", within)
			}
		}
	})
}

func TestTheBudgetLearnsFromThePlatform(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := func(count, allowed, reset int) http.HandlerFunc {
			return reply(200, `{}`, "inin-ratelimit-count", strconv.Itoa(count), "inin-ratelimit-allowed", strconv.Itoa(allowed), "inin-ratelimit-reset", strconv.Itoa(reset))
		}
		p := &platform{api: answers(okQueue, limits(1, 100, 30), limits(100, 100, 25), reply(200, `{}`, "inin-ratelimit-count", "many"))}
		c := p.client(t)
		ask := func() genesys.Budget {
			t.Helper()
			if _, err := c.Queue(t.Context(), "q1"); err != nil {
				t.Fatal(err)
			}
			return c.Remaining()
		}
		if b := ask(); b.Seen || b.PerMinute != 240 || b.Free != 59 {
			t.Errorf("without headers: %+v", b)
		}
		if b := ask(); !b.Seen || b.PerMinute != 80 || b.Left != 99 || b.Allowed != 100 || time.Until(b.ResetsAt) != 30*time.Second {
			t.Errorf("100 allowed: %+v", b)
		}
		if b := ask(); b.Left != 0 || b.Free != 0 {
			t.Errorf("used up: %+v", b)
		}
		start := time.Now()
		if b := ask(); time.Since(start) != 25*time.Second || b.Free == 0 {
			t.Errorf("after %s: %+v", time.Since(start), b)
		}
	})
}

func TestAPIErrorTellsEverything(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		header []string
		want   string
		is     error
	}{
		"fields": {
			400, `{"status":400,"code":"constraint.validation","message":"The request is not valid","contextId":"c-1",
				"details":[{"fieldName":"name","errorCode":"required"},{"entityId":"q9"}],
				"errors":[{"code":"invalid.value","message":"Value [x] is not valid for field type [y]","details":[{"errorCode":"invalid","fieldName":"acwSettings.timeoutMs"}]}]}`, nil,
			"400 constraint.validation: The request is not valid; name: required; q9: not accepted; Value [x] is not valid for field type [y]: acwSettings.timeoutMs: invalid (correlation id c-1)", nil,
		},
		"missing permissions": {
			403, `{"code":"missing.any.permissions","message":"Unable to perform the requested action. You must have at least one of: [routing:queue:edit]","messageParams":{"permissions":"[routing:queue:edit, routing:queueMember:manage]"}}`,
			[]string{"inin-correlation-id", "c-2"},
			"403 missing.any.permissions: Unable to perform the requested action. You must have at least one of: [routing:queue:edit]; missing permission: routing:queue:edit, routing:queueMember:manage (correlation id c-2)", genesys.ErrForbidden,
		},
		"a limit": {
			429, `{"code":"too.many.requests","message":"Too many","limit":{"key":"client.credentials.token.rate.per.minute","namespace":"platform.api","value":300}}`,
			[]string{"Retry-After", "500"},
			"429 too.many.requests: Too many; limit client.credentials.token.rate.per.minute of platform.api is 300; it asks to wait 8m20s, longer than the 3m0s that Foresort waits: try again after that", genesys.ErrRateLimited,
		},
		"not found":             {404, `{"code":"not.found","message":"no queue"}`, nil, "404 not.found: no queue", genesys.ErrNotFound},
		"gone":                  {410, ``, nil, "410: Gone", genesys.ErrNotFound},
		"conflict":              {409, `{"code":"conflict","message":"again"}`, nil, "409 conflict: again", genesys.ErrConflict},
		"an older version":      {400, `{"code":"bad.request","message":"version 3 does not match the current version"}`, nil, "400 bad.request: version 3 does not match the current version", genesys.ErrConflict},
		"an echo of the secret": {400, `{"message":"top-secret and token-1 are wrong"}`, nil, "400: [hidden] and [hidden] are wrong", nil},
		"JSON of another shape": {400, `["x"]`, nil, "400: Bad Request", nil},
	}
	sentinels := []error{genesys.ErrNotFound, genesys.ErrUnauthorized, genesys.ErrForbidden, genesys.ErrConflict, genesys.ErrRateLimited}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{api: reply(tt.status, tt.body, tt.header...)}
			_, err := p.client(t).PutQueue(t.Context(), "q1", json.RawMessage(`{"description":"body-secret"}`))
			if want := "PUT /api/v2/routing/queues/q1: " + tt.want; fmt.Sprint(err) != want {
				t.Errorf("err  = %v\nwant = %s", err, want)
			}
			for _, s := range sentinels {
				if errors.Is(err, s) != errors.Is(tt.is, s) {
					t.Errorf("Is %v = %v", s, errors.Is(err, s))
				}
			}
			var api *genesys.APIError
			if !errors.As(err, &api) || api.Status != tt.status {
				t.Errorf("no APIError of %d in %v", tt.status, err)
			}
		})
	}
}

func TestAFieldThatAnErrorMistypesDoesNotHideTheRest(t *testing.T) {
	t.Parallel()
	p := &platform{api: reply(400, `{"code":"bad.request","message":"wrong","limit":{"value":"many"},"messageParams":{"n":1}}`)}
	_, err := p.client(t).Queue(t.Context(), "q1")
	if err == nil || err.Error() != "GET /api/v2/routing/queues/q1: 400 bad.request: wrong" {
		t.Fatalf("err = %v", err)
	}
}

func TestErrorsNeverShowTheQuery(t *testing.T) {
	t.Parallel()
	p := &platform{fails: func(*http.Request) error { return errors.New("no route") }}
	c := p.client(t, func(cfg *genesys.Config) { cfg.Retries = -1 })
	for _, err := range c.Routes(t.Context(), "example.com", "hidden-pattern") {
		if err == nil || strings.Contains(err.Error(), "hidden-pattern") {
			t.Fatalf("err = %v", err)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := genesys.Secret("top-secret")
	type holder struct{ S genesys.Secret }
	raw, err := json.Marshal(map[string]any{"a": s, "b": holder{s}})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "config", genesys.Config{ClientSecret: s})
	out := string(raw) + log.String() + s.String() + s.GoString() + fmt.Sprintf("%v %s %q %x %d %#v %+v %v", s, s, s, s, s, s, holder{s}, &holder{s})
	if strings.Contains(out, "top-secret") || strings.Contains(out, fmt.Sprintf("%x", "top-secret")) {
		t.Fatalf("printed: %s", out)
	}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg  genesys.Config
		want string
	}{
		"no secret":     {genesys.Config{ClientID: "a"}, "a client id and a client secret are needed to sign in (GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET)"},
		"wrong region":  {genesys.Config{Region: "eu-centrl-1"}, `no region "eu-centrl-1"; the nearest are eu-central-1 (mypurecloud.de), eu-central-2 (euc2.pure.cloud), ca-central-1 (cac1.pure.cloud); a region that is not listed is reached with a gateway URL`},
		"wrong gateway": {genesys.Config{Gateway: "https://user:pass@host"}, "gateway is not an address such as https://gateway.example.com: it needs http or https and a host, and no user, query or fragment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := genesys.New(tt.cfg); err == nil || err.Error() != tt.want {
				t.Fatalf("err  = %v\nwant = %s", err, tt.want)
			}
		})
	}
}

func TestRegionsAreFoundByNameAndDomain(t *testing.T) {
	t.Parallel()
	if n := len(genesys.Regions()); n != 18 {
		t.Fatalf("%d regions, want 18", n)
	}
	for _, r := range genesys.Regions() {
		for _, s := range []string{r.Name, r.Domain, strings.ReplaceAll(r.Name, "-", "_"), "https://api." + r.Domain + "/", strings.ToUpper(r.Name), " login." + r.Domain} {
			if got, err := genesys.FindRegion(s); err != nil || got != r {
				t.Errorf("%s finds %v, %v", s, got, err)
			}
		}
	}
}

// The environment's proxy is read once in a process, so a process of its own
// asks through it.
func TestTheProxyOfTheEnvironmentIsUsed(t *testing.T) {
	t.Parallel()
	if os.Getenv("GENESYS_TEST_BEHIND_PROXY") != "" {
		c, err := genesys.New(genesys.Config{ClientID: "a", ClientSecret: "b", Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "Forbidden") {
			t.Fatalf("err = %v, want the proxy's refusal", err)
		}
		return
	}
	var asked atomic.Pointer[string]
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(new(r.Method + " " + r.Host))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), "GENESYS_TEST_BEHIND_PROXY=1", "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := asked.Load(); got == nil || *got != "CONNECT login.mypurecloud.com:443" {
		t.Fatalf("the proxy was asked for %v", got)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	p := &platform{api: reply(200, `{"id":"x","grants":[{"role":{"policies":[{"domain":"routing","entityName":"queue","actions":["view","edit"]},{"domain":"routing","entityName":"skill","actions":["*"]}]}},
		{"role":{"policies":[{"domain":"audits","entityName":"*","actions":["*"]},{"domain":"routing","entityName":"queue","actions":["view"]}]}}]}`)}
	have, err := p.client(t).Permissions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]genesys.Permission{"audits:*:*", "routing:queue:edit", "routing:queue:view", "routing:skill:*"}, have); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	lacks := genesys.Missing([]genesys.OperationID{
		genesys.GetRoutingQueue, genesys.PutRoutingQueue, genesys.GetRoutingSkills, genesys.PostAuditsQueryRealtime,
		genesys.GetOrganizationsMe, genesys.GetRoutingQueueMembers, genesys.DeleteRoutingQueue, genesys.GetRoutingEmailDomainRoutes,
	}, have)
	var words []string
	for _, l := range lacks {
		words = append(words, l.String())
	}
	if d := cmp.Diff([]string{
		"DELETE /api/v2/routing/queues/{queueId} needs routing:queue:delete",
		"GET /api/v2/routing/email/domains/{domainName}/routes needs routing:email:view or routing:email:manage",
	}, words); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

func TestNeedsFollowsWhatIsOwned(t *testing.T) {
	t.Parallel()
	need := genesys.Needs(routing.Desired{Queue: routing.DesiredQueue{Name: "Support"}})
	if d := cmp.Diff([]genesys.OperationID{genesys.GetOrganizationsMe, genesys.GetRoutingQueue, genesys.GetRoutingQueues}, need); d != "" {
		t.Errorf("nothing owned (-want +got):\n%s", d)
	}
	everything := routing.Desired{
		Queue: routing.DesiredQueue{Name: "Support", Create: true, Settings: routing.QueueSettings{Rings: &routing.Rings{}}},
		Routes: []routing.DesiredRoute{{Address: routing.Address{Local: "a", Domain: "b"}, Settings: routing.RouteSettings{
			Skills: &[]routing.Ref{}, Language: &routing.Ref{},
		}}},
		Members: &[]string{"Ana"}, Capacity: &routing.UtilizationSettings{Email: new(3)},
	}
	need = genesys.Needs(everything)
	for _, id := range []genesys.OperationID{
		genesys.PutRoutingQueue, genesys.PostRoutingQueues, genesys.GetRoutingSkillgroups, genesys.PutRoutingEmailDomainRoute,
		genesys.PostRoutingQueueMembers, genesys.PutRoutingUserUtilization, genesys.GetUsersQuery, genesys.GetRoutingLanguages,
	} {
		if !slices.Contains(need, id) {
			t.Errorf("%s is not among what is needed", id)
		}
	}
}
