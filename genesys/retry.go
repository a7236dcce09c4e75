package genesys

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A loop of our own rather than a retrying transport: whether to repeat depends
// on the whole body (a reply can be cut half way after a 200), each attempt has
// to pass the budget and may need a new token, and an unclear write has to end
// as an UncertainError.

// longestWait is the longest Retry-After that is waited for.
const longestWait = 180 * time.Second

// ipNotAuthorized is the 401 that a new token does not cure.
const ipNotAuthorized = "ip.not.authorized"

// outcome is what became of one attempt.
type outcome int

const (
	succeeded   outcome = iota // 2xx with a whole body
	throttled                  // 429, or 503 with Retry-After: refused before it was begun
	signedOut                  // 401: refused before it was begun
	refused                    // any other 3xx, 4xx, and 501
	faulted                    // 408, 500, 502, 503, 504, other 5xx, and the 404 that is a timeout inside the platform
	unreachable                // no connection was made, so nothing was sent
	untrusted                  // a connection whose certificate is not good
	broken                     // reset, timeout, reply cut half way: sent, and no whole answer
	garbled                    // 2xx with a body that is not JSON
)

// decision is what to do after an attempt.
type decision int

const (
	give   decision = iota // hand the answer to the caller
	fail                   // hand the error to the caller: nothing was changed
	again                  // repeat after a pause, as often as Config.Retries says
	renew                  // repeat once with a new token, else fail
	unsure                 // hand out an UncertainError: the request may have been carried out
)

// decide is the written table of what is repeated. A read (GET, HEAD and the
// queries that are made by POST) changes nothing and may be repeated. A write
// (POST, PUT, PATCH, DELETE) is repeated only where it is certain that it was
// not begun; where it may have been carried out, whoever asked reads the object
// first. 409 is refused, not repeated: what to write depends on what is there now.
//
//	outcome      read    write
//	succeeded    give    give
//	throttled    again   again
//	signedOut    renew   renew
//	refused      fail    fail
//	faulted      again   unsure
//	unreachable  again   again
//	untrusted    fail    fail
//	broken       again   unsure
//	garbled      fail    unsure
func decide(safe bool, o outcome) decision {
	switch o {
	case succeeded:
		return give
	case throttled, unreachable:
		return again
	case signedOut:
		return renew
	case refused, untrusted:
		return fail
	case faulted, broken:
		if safe {
			return again
		}
		return unsure
	case garbled:
		if safe {
			return fail
		}
		return unsure
	}
	panic("unknown outcome")
}

// judge names the outcome of an attempt, and its error where it is not a success.
func judge(r request, a *answer, err error) (outcome, error) {
	if err != nil {
		err = fmt.Errorf("%s %s: %w", r.method, r.path, err)
		switch {
		case isCertificate(err):
			return untrusted, err
		case isDial(err):
			return unreachable, err
		}
		return broken, err
	}
	if a.status/100 == 2 {
		return judgeBody(r, a)
	}
	e := newAPIError(r, a)
	_, timed := retryAfter(a.header, time.Now())
	switch {
	case a.status == http.StatusTooManyRequests, a.status == http.StatusServiceUnavailable && timed:
		return throttled, e
	case a.status == http.StatusUnauthorized && e.Code != ipNotAuthorized && !r.login && r.elsewhere == "":
		return signedOut, e
	case a.status == http.StatusNotImplemented:
		return refused, e
	case a.status == http.StatusRequestTimeout, a.status/100 == 5,
		a.status == http.StatusNotFound && !e.Is(ErrNotFound):
		return faulted, e
	}
	return refused, e
}

// judgeBody tells a whole JSON body from one that was cut or is a proxy's page.
func judgeBody(r request, a *answer) (outcome, error) {
	body := bytes.TrimSpace(a.body)
	if len(body) == 0 {
		if r.safe {
			return broken, fmt.Errorf("%s %s: %d with an empty reply", r.method, r.path, a.status)
		}
		a.body = nil
		return succeeded, nil
	}
	var raw json.RawMessage
	err := json.Unmarshal(body, &raw)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return succeeded, nil
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(body)) && (body[0] == '{' || body[0] == '['):
		return broken, fmt.Errorf("%s %s: the reply was cut half way, after %d bytes", r.method, r.path, len(a.body))
	}
	return garbled, fmt.Errorf("%s %s: %d with a body that is not JSON (%s); is a proxy in between?",
		r.method, r.path, a.status, a.header.Get("Content-Type"))
}

// attempts makes a request until the table says that it is over.
func (c *Client) attempts(ctx context.Context, r request) (json.RawMessage, error) {
	renewed := false
	for attempt := 0; ; {
		token, err := c.admit(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("%s %s: not sent: %w", r.method, r.path, err)
		}
		a, err := c.send(ctx, r, token)
		if a != nil && a.status/100 != 2 {
			a.body = c.hide(a.body, token)
		}
		o, err := judge(r, a, err)
		d := decide(r.safe, o)
		if d == renew && !renewed {
			renewed = true
			c.tokens.drop(token)
			continue
		}
		switch {
		case d == give:
			return a.body, nil
		case d == unsure:
			return nil, &UncertainError{Method: r.method, Path: r.path, Err: err}
		case d != again, ctx.Err() != nil:
			return nil, err
		case attempt >= c.retries:
			return nil, gaveUp(err, attempt)
		}
		pause, err := c.pause(ctx, r, a, o, err, attempt)
		if err != nil {
			return nil, err
		}
		if sleep(ctx, pause) != nil {
			return nil, fmt.Errorf("%s %s: %w", r.method, r.path, context.Cause(ctx))
		}
		attempt++
	}
}

// admit gives a request its token and lets it pass the budget.
func (c *Client) admit(ctx context.Context, r request) (Secret, error) {
	if r.login || r.elsewhere != "" || ctx.Err() != nil {
		return "", ctx.Err()
	}
	a, err := c.tokens.get(ctx)
	if err != nil {
		return "", err
	}
	return a.secret, c.budget.wait(ctx)
}

// pause says how long to wait before the next attempt, and tells the log.
func (c *Client) pause(ctx context.Context, r request, a *answer, o outcome, err error, attempt int) (time.Duration, error) {
	pause := backoff(attempt)
	if o != throttled {
		c.log.LogAttrs(ctx, slog.LevelWarn, "request repeated", slog.Any("error", err), slog.Duration("pause", pause))
		return pause, nil
	}
	now := time.Now()
	if asked, ok := retryAfter(a.header, now); ok {
		pause = asked
	}
	if r.elsewhere == "" { // the limit is of the client, not of this request: all others wait too
		c.budget.hold(now.Add(pause))
	}
	if pause > longestWait {
		return 0, fmt.Errorf("%w; it asks to wait %s, longer than the %s that Foresort waits: try again after that",
			err, pause.Round(time.Second), longestWait)
	}
	seconds := (pause + time.Second - 1) / time.Second
	c.log.LogAttrs(ctx, slog.LevelWarn, fmt.Sprintf("Rate limited. Retrying in %ds...", seconds)) //nolint:sloglint // this line is a promise to the reader
	return pause, nil
}

// backoff is full jitter over 2^attempt seconds, at most 32 s.
func backoff(attempt int) time.Duration {
	return rand.N(time.Second << min(attempt, 5))
}

// gaveUp adds how often it was tried.
func gaveUp(err error, repeats int) error {
	if repeats == 0 {
		return err
	}
	return fmt.Errorf("%w; tried %d times", err, repeats+1)
}

// retryAfter reads the header in both of its forms. A date counts from the
// answer's own Date, so that a wrong clock here does not change the wait.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseInt(v, 10, 32); err == nil && s >= 0 {
		return time.Duration(s) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now)), true
}

// isDial says that no connection was made: nothing of the request was sent.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// isCertificate says that the other side did not prove who it is, or does not
// speak TLS at all: nothing of the request was sent, and trying again is no help.
func isCertificate(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &record)
}

// hide takes the secrets out of a body that may be quoted in an error.
func (c *Client) hide(body []byte, token Secret) []byte {
	for _, s := range []Secret{c.clientSecret, token} {
		if s != "" {
			body = bytes.ReplaceAll(body, []byte(string(s)), []byte(hidden))
		}
	}
	return body
}
