package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/relay"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	header := func(kv ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(kv); i += 2 {
			h.Set(kv[i], kv[i+1])
		}
		return h
	}
	tests := map[string]struct {
		answer relay.Answer
		want   relay.Verdict
	}{
		"200": {relay.Answer{Status: 200}, relay.Verdict{Outcome: relay.Delivered, Status: 200, Words: "answered 200 OK"}},
		"299": {relay.Answer{Status: 299}, relay.Verdict{Outcome: relay.Delivered, Status: 299, Words: "answered 299"}},
		"delivered, whatever else it says": {
			relay.Answer{Status: 204, Header: header("Retry-After", "60")},
			relay.Verdict{Outcome: relay.Delivered, Status: 204, Words: "answered 204 No Content"},
		},
		"101": {relay.Answer{Status: 101}, relay.Verdict{Outcome: relay.Retry, Status: 101, Words: "answered 101 Switching Protocols"}},
		"a redirect": {
			relay.Answer{Status: 307, Header: header("Location", "https://elsewhere/T0KEN")},
			relay.Verdict{Outcome: relay.Retry, Status: 307, Words: "answered 307 Temporary Redirect, and redirects are not followed: set its new url"},
		},
		"400": {relay.Answer{Status: 400}, relay.Verdict{Outcome: relay.Retry, Status: 400, Words: "answered 400 Bad Request"}},
		"404": {relay.Answer{Status: 404}, relay.Verdict{Outcome: relay.Retry, Status: 404, Words: "answered 404 Not Found"}},
		"gone": {
			relay.Answer{Status: 410, Header: header("Retry-After", "60")},
			relay.Verdict{Outcome: relay.Disabled, Status: 410, Words: "answered 410 Gone: it wants no more messages"},
		},
		"429 with seconds": {
			relay.Answer{Status: 429, Header: header("Retry-After", "120")},
			relay.Verdict{Outcome: relay.Retry, Status: 429, RetryAfter: 2 * time.Minute, Words: "answered 429 Too Many Requests, asks to wait 2m"},
		},
		"503 with a date": {
			relay.Answer{Status: 503, Header: header("Retry-After", "Mon, 16 Nov 2026 09:30:30 GMT"), At: now},
			relay.Verdict{Outcome: relay.Retry, Status: 503, RetryAfter: 30 * time.Second, Words: "answered 503 Service Unavailable, asks to wait 30s"},
		},
		"a date by a clock that is a day ahead": {
			relay.Answer{Status: 503, Header: header("Retry-After", "Tue, 17 Nov 2026 09:30:30 GMT", "Date", "Tue, 17 Nov 2026 09:30:00 GMT"), At: now},
			relay.Verdict{Outcome: relay.Retry, Status: 503, RetryAfter: 30 * time.Second, Words: "answered 503 Service Unavailable, asks to wait 30s"},
		},
		"a date that is over": {
			relay.Answer{Status: 503, Header: header("Retry-After", "Fri, 01 Jan 1999 00:00:00 GMT"), At: now},
			relay.Verdict{Outcome: relay.Retry, Status: 503, Words: "answered 503 Service Unavailable"},
		},
		"no time at all": {
			relay.Answer{Status: 503, Header: header("Retry-After", "-5s soon"), At: now},
			relay.Verdict{Outcome: relay.Retry, Status: 503, Words: "answered 503 Service Unavailable"},
		},
		"longer than a day": {
			relay.Answer{Status: 503, Header: header("Retry-After", "99999999999999999999999")},
			relay.Verdict{Outcome: relay.Retry, Status: 503, RetryAfter: 24 * time.Hour, Words: "answered 503 Service Unavailable, asks to wait 24h"},
		},
		"a date in another century": {
			relay.Answer{Status: 503, Header: header("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"), At: now},
			relay.Verdict{Outcome: relay.Retry, Status: 503, RetryAfter: 24 * time.Hour, Words: "answered 503 Service Unavailable, asks to wait 24h"},
		},
		"nothing":  {relay.Answer{}, relay.Verdict{Outcome: relay.Retry, Words: "no answer"}},
		"shutdown": {relay.Answer{Err: context.Canceled}, relay.Verdict{Outcome: relay.Retry, Words: "stopped before an answer came"}},
		"closed": {
			relay.Answer{Err: fmt.Errorf("transport: %w", io.ErrUnexpectedEOF)},
			relay.Verdict{Outcome: relay.Retry, Words: "the connection was closed before the answer was whole"},
		},
		"an error that holds the url": {
			relay.Answer{Err: &url.Error{Op: "Post", URL: "https://h/T0KEN", Err: errors.New("connection refused")}},
			relay.Verdict{Outcome: relay.Retry, Words: "connection refused"},
		},
		"an error with control characters": {
			relay.Answer{Err: errors.New("bad\x1b[31m\nline")},
			relay.Verdict{Outcome: relay.Retry, Words: "bad [31m line"},
		},
		"an error without end": {
			relay.Answer{Err: errors.New(strings.Repeat("é", 1000))},
			relay.Verdict{Outcome: relay.Retry, Words: strings.Repeat("é", 150) + "…"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := relay.Judge(tt.answer)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if got.String() != got.Words {
				t.Errorf("String() = %q", got.String())
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"120", "", "-1", "+5", "1.5", "99999999999999999999", "Mon, 16 Nov 2026 09:30:30 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"} {
		f.Add(v, "")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		v := relay.Judge(relay.Answer{Status: 503, Header: http.Header{"Retry-After": {value}, "Date": {date}}, At: now})
		if v.RetryAfter < 0 || v.RetryAfter > 24*time.Hour {
			t.Errorf("%q: %s", value, v.RetryAfter)
		}
		if n, err := strconv.ParseUint(value, 10, 16); err == nil && v.RetryAfter != time.Duration(n)*time.Second {
			t.Errorf("%q: %s", value, v.RetryAfter)
		}
	})
}
