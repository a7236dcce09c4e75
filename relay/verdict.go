package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
)

// Outcome is what became of one attempt.
type Outcome string

// The outcomes, by the specification: every answer but 2xx and 410 is worth
// another try.
const (
	Delivered Outcome = "delivered" // 2xx
	Retry     Outcome = "retry"     // any other answer, or none
	Disabled  Outcome = "disabled"  // 410: the endpoint wants no more messages
)

// maxRetryAfter is the longest that an endpoint can make us wait.
const maxRetryAfter = 24 * time.Hour

// Answer is what came back from one attempt.
type Answer struct {
	Status int // 0: none came, and Err says why
	Header http.Header
	Err    error
	At     time.Time // when it came
}

// Verdict is what an answer means.
type Verdict struct {
	Outcome    Outcome
	Status     int           // 0: no answer came
	RetryAfter time.Duration // what the endpoint asked for, at most 24 hours; 0: nothing
	Words      string        // for a person
}

// String is the words.
func (v Verdict) String() string { return v.Words }

// Judge decides what an answer means.
func Judge(a Answer) Verdict {
	if a.Err != nil || a.Status == 0 {
		return Verdict{Outcome: Retry, Words: words(a.Err)}
	}
	v := Verdict{Outcome: Retry, Status: a.Status}
	answered := strings.TrimSpace(fmt.Sprintf("answered %d %s", a.Status, http.StatusText(a.Status)))
	switch {
	case a.Status/100 == 2:
		v.Outcome, v.Words = Delivered, answered
		return v
	case a.Status == http.StatusGone:
		v.Outcome, v.Words = Disabled, answered+": it wants no more messages"
		return v
	case a.Status/100 == 3:
		v.Words = answered + ", and redirects are not followed: set its new url"
	default:
		v.Words = answered
	}
	if v.RetryAfter = retryAfter(a.Header, a.At); v.RetryAfter > 0 {
		v.Words += fmt.Sprintf(", asks to wait %s", routing.Duration(v.RetryAfter))
	}
	return v
}

// retryAfter reads seconds or a date, from 0 to 24 hours. A date counts from the
// answer's own Date, so that a wrong clock on one side does not matter.
func retryAfter(h http.Header, at time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v != "" && strings.Trim(v, "0123456789") == "" {
		seconds, err := strconv.Atoi(v)
		if err != nil || seconds > int(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		at = date
	}
	return min(max(0, until.Sub(at)), maxRetryAfter)
}

// words says why no answer came, without the URL: it may hold a secret.
func words(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if refused, ok := errors.AsType[*AddressError](err); ok {
		err = refused
	}
	switch {
	case err == nil:
		return "no answer"
	case errors.Is(err, context.Canceled):
		return "stopped before an answer came"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was whole"
	}
	const most = 300
	s := strings.Map(func(r rune) rune {
		if control(r) {
			return ' '
		}
		return r
	}, err.Error())
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
