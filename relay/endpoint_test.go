package relay_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

const (
	newer = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	older = "a passphrase of more than 24 bytes"
)

var now = time.Date(2026, 11, 16, 9, 30, 0, 0, time.UTC)

func secret(t testing.TB, text string) relay.Secret {
	t.Helper()
	s, err := relay.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func gateway(t testing.TB, url string) relay.Endpoint {
	return relay.Endpoint{
		Name: "gateway", URL: url, Secrets: []relay.Secret{secret(t, newer), secret(t, older)},
		Headers: map[string]string{"X-Genesys-Event": "routing-sync"},
	}
}

func TestASecretIsReadOrSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"base64":                         {newer, ""},
		"any text":                       {older, ""},
		"24 bytes":                       {strings.Repeat("x", 24), ""},
		"with the line end of a file":    {newer + "\n", ""},
		"empty":                          {" ", "the secret is empty"},
		"23 bytes":                       {strings.Repeat("x", 23), "the secret has 23 bytes, at least 24 are needed (make one with: echo whsec_$(openssl rand -base64 32))"},
		"long enough only as base64":     {"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)), "the secret has 23 bytes"},
		"not base64":                     {"whsec_!" + strings.Repeat("x", 40), "what follows whsec_ is not base64"},
		"a public key that everyone has": {"whpk_" + strings.Repeat("x", 40), "a key pair cannot be a shared secret"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := relay.ParseSecret(tt.text)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
			if text := strings.TrimSpace(tt.text); err != nil && text != "" && strings.Contains(err.Error(), text) {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	e := gateway(t, "https://hooks.example.com/T0KEN-in-path?key=T0KEN")
	e.Headers["Authorization"] = "Bearer T0KEN"
	unexported := struct{ secrets []relay.Secret }{e.Secrets}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+verb+"\n", e, &e, e.Secrets[1], e.Secrets, unexported)
	}
	fmt.Fprintln(&out, e.String(), e.Secrets[0].String())
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "endpoint", e, "secrets", e.Secrets, "secret", e.Secrets[1])
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "endpoint", e, "secrets", e.Secrets, "secret", e.Secrets[1])
	if err := json.NewEncoder(&out).Encode(e.Secrets); err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(newer, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"T0KEN", older, newer[6:], fmt.Sprintf("%x", older), fmt.Sprintf("%d", []byte(older)), fmt.Sprintf("%d", key), string(key)} {
		if strings.Contains(out.String(), s) {
			t.Errorf("%q is printed in\n%s", s, out.String())
		}
	}
	if !strings.Contains(out.String(), "gateway (hooks.example.com)") {
		t.Errorf("the endpoint does not say which it is:\n%s", out.String())
	}
}

func TestEveryMistakeInAnEndpointIsNamed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*relay.Endpoint)
		want   []string
	}{
		"none":            {func(*relay.Endpoint) {}, nil},
		"plain http":      {func(e *relay.Endpoint) { e.URL = "http://localhost:8080/" }, nil},
		"no url":          {func(e *relay.Endpoint) { e.URL = "" }, []string{"url is not a whole https address"}},
		"no scheme":       {func(e *relay.Endpoint) { e.URL = "hooks.example.com/T0KEN" }, []string{"url is not a whole https address"}},
		"another scheme":  {func(e *relay.Endpoint) { e.URL = "file:///T0KEN" }, []string{"url is not a whole https address"}},
		"no host":         {func(e *relay.Endpoint) { e.URL = "https://:443/T0KEN" }, []string{"url is not a whole https address"}},
		"a broken url":    {func(e *relay.Endpoint) { e.URL = "https://h/%T0KEN" }, []string{"url is not a whole https address"}},
		"a password":      {func(e *relay.Endpoint) { e.URL = "https://me:T0KEN@h/" }, []string{"url holds a name or password"}},
		"no secret":       {func(e *relay.Endpoint) { e.Secrets = nil }, []string{"no secret to sign with"}},
		"an empty secret": {func(e *relay.Endpoint) { e.Secrets = append(e.Secrets, relay.Secret{}) }, []string{"no secret to sign with"}},
		"our headers": {
			func(e *relay.Endpoint) {
				e.Headers = map[string]string{"host": "T0KEN", "content-length": "1", "CONNECTION": "close", "webhook-id": "1", "webhook-new": "1", "proxy-authorization": "T0KEN", "user-agent": "x", "content-type": "text/plain"}
			},
			[]string{
				"header Connection is written by Foresort", "header Content-Length is", "header Content-Type is", "header Host is",
				"header Proxy-Authorization is", "header User-Agent is", "header Webhook-Id is", "header Webhook-New is",
			},
		},
		"names that are none": {
			func(e *relay.Endpoint) { e.Headers = map[string]string{"": "", "a b": "", "x:": "", "é": ""} },
			[]string{`header "" is not a header name`, `header "a b" is not`, `header "x:" is not`, `header "é" is not`},
		},
		"a header twice": {
			func(e *relay.Endpoint) { e.Headers = map[string]string{"x-a": "1", "X-A": "2"} },
			[]string{"header X-A is there twice"},
		},
		"a line break": {
			func(e *relay.Endpoint) { e.Headers = map[string]string{"X-A": "T0KEN\r\nHost: evil"} },
			[]string{"header X-A has a line break"},
		},
		"several": {
			func(e *relay.Endpoint) { *e = relay.Endpoint{Name: "gateway"} },
			[]string{"no secret to sign with", "url is not a whole https address"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := gateway(t, "https://hooks.example.com/")
			tt.change(&e)
			err := e.Check()
			if _, reqErr := e.Request(t.Context(), relay.Message{ID: "evt_1"}, now); (reqErr == nil) != (err == nil) {
				t.Errorf("Check says %v, Request %v", err, reqErr)
			}
			var lines []string
			if err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(tt.want) {
				t.Fatalf("err = %v, want %d mistakes", err, len(tt.want))
			}
			for i, line := range lines {
				if !strings.HasPrefix(line, "endpoint gateway: "+tt.want[i]) || strings.Contains(line, "T0KEN") {
					t.Errorf("%q, want %q", line, tt.want[i])
				}
			}
		})
	}
}

func TestAnIDThatCannotBeSignedIsRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "evt.1", "evt 1", "evt\n1", "évt"} {
		if _, err := gateway(t, "https://h/").Request(t.Context(), relay.Message{ID: id}, now); err == nil {
			t.Errorf("%q is taken", id)
		}
	}
}

func TestTheRequestIsWhatTheSpecificationAsksFor(t *testing.T) {
	t.Parallel()
	m, err := queueUpdated.Message()
	if err != nil {
		t.Fatal(err)
	}
	req, err := gateway(t, "https://hooks.example.com/a?b=c").Request(t.Context(), m, now)
	if err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	sign := func(key []byte) string {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "evt_7f3a.%d.%s", now.Unix(), m.Body)
		return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(newer, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(fmt.Sprintf(`POST /a?b=c HTTP/1.1
Host: hooks.example.com
User-Agent: Foresort
Content-Length: %d
Content-Type: application/json
Webhook-Id: evt_7f3a
Webhook-Signature: %s %s
Webhook-Timestamp: 1794821400
X-Genesys-Event: routing-sync

`, len(m.Body), sign(key), sign([]byte(older))), "\n", "\r\n") + string(m.Body)
	if wire.String() != want {
		t.Errorf("got\n%s\nwant\n%s", wire.String(), want)
	}
}

func TestTheLibraryOfTheSpecificationVerifiesBothSecrets(t *testing.T) {
	t.Parallel()
	m, err := queueUpdated.Message()
	if err != nil {
		t.Fatal(err)
	}
	req, err := gateway(t, "https://hooks.example.com/").Request(t.Context(), m, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	first, err := standardwebhooks.NewWebhook(newer)
	if err != nil {
		t.Fatal(err)
	}
	second, err := standardwebhooks.NewWebhookRaw([]byte(older))
	if err != nil {
		t.Fatal(err)
	}
	for _, wh := range []*standardwebhooks.Webhook{first, second} {
		if err := wh.Verify(body, req.Header); err != nil {
			t.Error(err)
		}
		if wh.Verify(append(body, ' '), req.Header) == nil {
			t.Error("a changed body verifies")
		}
	}
}

func TestTheQuestionForAVersionIsSigned(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{"https://h/a": "object=queue%3Aq1", "https://h/a?b=c;d": "b=c;d&object=queue%3Aq1"} {
		e := gateway(t, url)
		req, err := e.VersionRequest(t.Context(), queueUpdated.Object, now)
		if err != nil {
			t.Fatal(err)
		}
		if req.Method != http.MethodGet || req.URL.RawQuery != want || req.ContentLength != 0 || req.Header.Get("X-Genesys-Event") == "" {
			t.Errorf("%s %s, %d bytes, %v", req.Method, req.URL, req.ContentLength, req.Header)
		}
		if err := (relay.Verifier{Secrets: e.Secrets[:1]}).Verify(req.Header, nil, now); err != nil {
			t.Error(err)
		}
		if got, want := req.Header.Get("webhook-id"), fmt.Sprintf("ver_%x", sha256.Sum256([]byte("queue:q1.1794821400"))); got != want {
			t.Errorf("webhook-id %s, want %s", got, want)
		}
	}
	e := gateway(t, "https://h/")
	e.Secrets = nil
	if _, err := e.VersionRequest(t.Context(), relay.Object{Kind: relay.Route, Ref: routing.Ref{ID: "r1"}}, now); err == nil {
		t.Error("unsigned")
	}
}

func TestReadVersion(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want int64
		err  string
	}{
		"a version":         {`{"version": 7, "more": true}`, 7, ""},
		"beyond a float":    {`{"version": 9007199254740993}`, 9007199254740993, ""},
		"none yet":          {`{"version": 0}`, 0, ""},
		"no version":        {`{}`, 0, "the answer has none"},
		"null":              {`{"version": null}`, 0, "the answer has none"},
		"below zero":        {`{"version": -1}`, 0, "the answer has none"},
		"a text":            {`{"version": "7"}`, 0, "read version: json"},
		"a fraction":        {`{"version": 7.5}`, 0, "read version: json"},
		"a page":            {`<html>`, 0, "read version: invalid"},
		"nothing":           {``, 0, "read version: unexpected end"},
		"more than one":     {`{"version": 7}{"version": 8}`, 0, "read version: invalid"},
		"a list of answers": {`[{"version": 7}]`, 0, "read version: json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := relay.ReadVersion([]byte(tt.body))
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%d, %v; want %d, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	e := gateway(t, "https://h/")
	body := []byte(`{"a":1}`)
	tests := map[string]struct {
		change func(h http.Header, v *relay.Verifier) (at time.Time, received []byte)
		want   error
		words  string
	}{
		"genuine":            {func(http.Header, *relay.Verifier) (time.Time, []byte) { return now, body }, nil, ""},
		"five minutes later": {func(http.Header, *relay.Verifier) (time.Time, []byte) { return now.Add(5 * time.Minute), body }, nil, ""},
		"later":              {func(http.Header, *relay.Verifier) (time.Time, []byte) { return now.Add(301 * time.Second), body }, relay.ErrTimestamp, "5m1s"},
		"earlier":            {func(http.Header, *relay.Verifier) (time.Time, []byte) { return now.Add(-301 * time.Second), body }, relay.ErrTimestamp, "-5m1s"},
		"a tolerance of theirs": {func(_ http.Header, v *relay.Verifier) (time.Time, []byte) {
			v.Tolerance = time.Second
			return now.Add(2 * time.Second), body
		}, relay.ErrTimestamp, ""},
		"the older secret": {func(_ http.Header, v *relay.Verifier) (time.Time, []byte) {
			v.Secrets = e.Secrets[1:]
			return now, body
		}, nil, ""},
		"another secret": {func(_ http.Header, v *relay.Verifier) (time.Time, []byte) {
			v.Secrets = []relay.Secret{secret(t, strings.Repeat("x", 24))}
			return now, body
		}, relay.ErrSignature, ""},
		"no secret": {func(_ http.Header, v *relay.Verifier) (time.Time, []byte) {
			v.Secrets = []relay.Secret{{}}
			return now, body
		}, relay.ErrSignature, ""},
		"another body": {func(http.Header, *relay.Verifier) (time.Time, []byte) { return now, []byte(`{"a":2}`) }, relay.ErrSignature, ""},
		"another id": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Set("webhook-id", "evt_2")
			return now, body
		}, relay.ErrSignature, ""},
		"an id with a full stop": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Set("webhook-id", "evt.1")
			return now, body
		}, nil, "webhook-id is missing or malformed"},
		"another time": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Set("webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10))
			return now, body
		}, relay.ErrSignature, ""},
		"the end of time": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Set("webhook-timestamp", "9223372036854775807")
			return now, body
		}, relay.ErrTimestamp, ""},
		"no id": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) { h.Del("webhook-id"); return now, body }, nil, "webhook-id is missing or malformed"},
		"no time": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Del("webhook-timestamp")
			return now, body
		}, nil, "webhook-timestamp is missing or malformed"},
		"no signature": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Del("webhook-signature")
			return now, body
		}, relay.ErrSignature, ""},
		"an odd signature": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Set("webhook-signature", "v1, v1 ,")
			return now, body
		}, relay.ErrSignature, ""},
		"of another version": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Set("webhook-signature", strings.ReplaceAll(h.Get("webhook-signature"), "v1,", "v1a,"))
			return now, body
		}, relay.ErrSignature, ""},
		"among signatures that are not ours": {func(h http.Header, _ *relay.Verifier) (time.Time, []byte) {
			h.Set("webhook-signature", "v1a,xyz v1,xyz "+h.Get("webhook-signature"))
			return now, body
		}, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := e.Request(t.Context(), relay.Message{ID: "evt_1", Body: body}, now)
			if err != nil {
				t.Fatal(err)
			}
			v := relay.Verifier{Secrets: e.Secrets}
			at, received := tt.change(req.Header, &v)
			err = v.Verify(req.Header, received, at)
			switch {
			case tt.want == nil && tt.words == "" && err != nil,
				tt.want != nil && !errors.Is(err, tt.want),
				tt.words != "" && (err == nil || !strings.Contains(err.Error(), tt.words)):
				t.Errorf("err = %v, want %v %s", err, tt.want, tt.words)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	mac := hmac.New(sha256.New, []byte(older))
	fmt.Fprintf(mac, "evt_1.%d.{}", now.Unix())
	f.Add("evt_1", "1794821400", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), []byte("{}"))
	f.Add("evt.1", "-1", "v1,, v1a,", []byte(nil))
	v := relay.Verifier{Secrets: []relay.Secret{secret(f, older)}}
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}
		if v.Verify(h, body, now) != nil {
			return
		}
		seconds, err := strconv.ParseInt(timestamp, 10, 64)
		mac := hmac.New(sha256.New, []byte(older))
		fmt.Fprintf(mac, "%s.%d.%s", id, seconds, body)
		if err != nil || strings.Contains(id, ".") || time.Unix(seconds, 0).Sub(now).Abs() > 5*time.Minute ||
			!strings.Contains(signature, base64.StdEncoding.EncodeToString(mac.Sum(nil))) {
			t.Errorf("verified %q %q %q %q", id, timestamp, signature, body)
		}
	})
}
