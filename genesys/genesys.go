// Package genesys is the client of the Genesys Cloud platform: a region and
// client credentials in, typed calls, iterators over pages and the state of an
// org out, all on one request budget.
package genesys

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/foresort/foresort/routing"
)

// Config says how to reach the platform. ClientID and ClientSecret are required.
type Config struct {
	Region       string            // a name or domain of Regions; default DefaultRegion
	Gateway      string            // URL that serves login and API on one address; goes before Region
	ClientID     string            // of an OAuth client with the client credentials grant
	ClientSecret Secret            // of that client
	Transport    http.RoundTripper // default: HTTPS_PROXY and its like honoured, certificates verified
	Logger       *slog.Logger      // default: discard
	Version      string            // of Foresort, for the User-Agent; default dev
	Retries      int               // repeats of one request; default 3, negative: none
	PerMinute    int               // request budget; default 240 of the platform's 300
	Timeout      time.Duration     // for one attempt of one request; default 30 s
}

// The defaults of Config.
const (
	DefaultRetries   = 3
	DefaultPerMinute = 240
	DefaultTimeout   = 30 * time.Second
)

// Client talks to one org. It is safe for use by many goroutines, which share
// its token and its budget.
type Client struct {
	hosts        hosts
	clientID     string
	clientSecret Secret
	http         *http.Client
	log          *slog.Logger
	userAgent    string
	retries      int
	timeout      time.Duration
	tokens       *tokens
	budget       *budget
	skew         atomic.Pointer[time.Duration]
	org          atomic.Pointer[routing.Ref]
}

// New checks the configuration; it makes no request.
func New(cfg Config) (*Client, error) {
	h, err := findHosts(cfg.Region, cfg.Gateway)
	if err != nil {
		return nil, err
	}
	if cfg.ClientID == "" || cfg.ClientSecret == "" {
		return nil, errors.New("a client id and a client secret are needed to sign in (GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET)")
	}
	c := &Client{
		hosts: h, clientID: cfg.ClientID, clientSecret: cfg.ClientSecret,
		http:      &http.Client{Transport: cfg.Transport, CheckRedirect: noRedirect},
		log:       cfg.Logger,
		userAgent: "Foresort/dev (+https://github.com/foresort/foresort)",
		retries:   cfg.Retries,
		timeout:   cfg.Timeout,
	}
	if cfg.Version != "" {
		c.userAgent = strings.Replace(c.userAgent, "dev", cfg.Version, 1)
	}
	if c.http.Transport == nil {
		c.http.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.retries == 0 {
		c.retries = DefaultRetries
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	perMinute := cfg.PerMinute
	if perMinute <= 0 {
		perMinute = DefaultPerMinute
	}
	c.budget = newBudget(perMinute)
	c.tokens = newTokens(c.signIn)
	return c, nil
}

// noRedirect hands a redirect back as the answer: nothing of a request, least
// of all its token, goes to an address that was not configured.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Host is the host of the API, such as api.mypurecloud.de.
func (c *Client) Host() string {
	u, err := url.Parse(c.hosts.api)
	if err != nil {
		return c.hosts.api
	}
	return u.Host
}

// Remaining is what is left of the request budget.
func (c *Client) Remaining() Budget { return c.budget.remaining(time.Now()) }

// Skew is how far the platform's clock is ahead of this machine's, to about a
// second; false before the first answer.
func (c *Client) Skew() (time.Duration, bool) {
	d := c.skew.Load()
	if d == nil {
		return 0, false
	}
	return *d, true
}

// request is one call, before it has an address, a token and a deadline.
type request struct {
	method string
	path   string // escaped, without query
	query  url.Values
	body   []byte
	safe   bool // may be repeated blindly: it changes nothing, or to the same each time
	login  bool // for the login host: no token, no budget
	// elsewhere is a whole address that the platform gave, on any host: no token,
	// no budget. path is what errors show of it.
	elsewhere string
}

// answer is what came back, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// maxBody is more than any answer that is asked for; a longer one is cut off.
const maxBody = 64 << 20

// send makes one attempt.
func (c *Client) send(ctx context.Context, r request, token Secret) (*answer, error) {
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	address := cmp.Or(r.elsewhere, c.hosts.api+r.path)
	if r.login {
		address = c.hosts.login + r.path
	}
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(within, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "application/json")
	switch {
	case r.login:
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(c.clientID, string(c.clientSecret))
	case r.body != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	if !r.login && r.elsewhere == "" {
		req.Header.Set("Authorization", "Bearer "+string(token))
	}
	sent := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		if within.Err() != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("no answer within %s: %w", c.timeout, context.DeadlineExceeded)
		}
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // its text has the query
		}
		return nil, err
	}
	defer resp.Body.Close()
	took := time.Since(sent)
	if r.elsewhere == "" {
		c.learn(resp.Header, sent.Add(took/2), r.login)
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "platform answered",
		slog.String("method", r.method), slog.String("path", r.path), slog.Int("status", resp.StatusCode),
		slog.Duration("took", took), slog.String("correlation_id", resp.Header.Get("ININ-Correlation-Id")))
	a := &answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil && a.status/100 == 2 {
		return a, fmt.Errorf("the reply was cut half way, after %d bytes: %w", len(a.body), err)
	}
	return a, nil
}

// learn takes the clock and the rate limit from the headers of an answer.
func (c *Client) learn(h http.Header, at time.Time, login bool) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		// Date is cut to the second: on average it is half a second behind.
		skew := date.Add(time.Second / 2).Sub(at)
		c.skew.Store(&skew)
	}
	if !login {
		c.budget.learn(h, at)
	}
}

// download fetches an answer that the platform left at an address of its own. It
// may be on any host that is reached by https, so no token goes there; by http
// only where the API itself is.
func (c *Client) download(ctx context.Context, address string) (json.RawMessage, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("the address of the answer is not one")
	}
	host := u.Scheme + "://" + u.Host
	if api, err := url.Parse(c.hosts.api); u.Scheme != "https" && (err != nil || host != api.Scheme+"://"+api.Host) {
		return nil, fmt.Errorf("the answer is at %s, not by https", host)
	}
	// The rest of the address lets anyone in who knows it.
	return c.attempts(ctx, request{method: http.MethodGet, path: host + "/…", elsewhere: address, safe: true})
}

// do calls an operation and gives the body of its answer, which is nil where
// the answer has none. args fill the path's places in their order.
func (c *Client) do(ctx context.Context, id OperationID, args []string, query url.Values, body any) (json.RawMessage, error) {
	r, err := newRequest(id, args, query, body)
	if err != nil {
		return nil, err
	}
	return c.attempts(ctx, r)
}

func newRequest(id OperationID, args []string, query url.Values, body any) (request, error) {
	op := operations[id]
	r := request{method: op.Method, path: op.Path, query: query, safe: op.Safe}
	for _, arg := range args {
		if arg == "" || arg == "." || arg == ".." {
			return r, fmt.Errorf("%s %s: %q cannot be part of a path", op.Method, op.Path, arg)
		}
		from, to := strings.IndexByte(r.path, '{'), strings.IndexByte(r.path, '}')
		r.path = r.path[:from] + url.PathEscape(arg) + r.path[to+1:]
	}
	if body != nil {
		raw, err := encode(body)
		if err != nil {
			return r, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
		r.body = raw
	}
	return r, nil
}

// call is do with the answer read into a T.
func call[T any](ctx context.Context, c *Client, id OperationID, args []string, query url.Values, body any) (T, error) {
	var v T
	raw, err := c.do(ctx, id, args, query, body)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("%s %s: the reply does not fit: %w", operations[id].Method, operations[id].Path, err)
	}
	return v, nil
}
