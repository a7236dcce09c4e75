package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	grant := url.Values{"grant_type": {"client_credentials"}}
	inForm := url.Values{"grant_type": {"client_credentials"}, "client_id": {sandbox.DefaultClientID}, "client_secret": {sandbox.DefaultClientSecret}}
	tests := map[string]struct {
		form       url.Values
		id, secret string
		status     int
		err        string
	}{
		"basic auth":              {grant, sandbox.DefaultClientID, sandbox.DefaultClientSecret, 200, ""},
		"credentials in the form": {inForm, "", "", 200, ""},
		"a wrong secret":          {grant, sandbox.DefaultClientID, "guess", 401, "invalid_client"},
		"an unknown client":       {grant, "someone", sandbox.DefaultClientSecret, 400, "invalid_client"},
		"no credentials":          {grant, "", "", 400, "invalid_client"},
		"another grant":           {url.Values{"grant_type": {"password"}}, sandbox.DefaultClientID, sandbox.DefaultClientSecret, 400, "unsupported_grant_type"},
		"no grant":                {nil, sandbox.DefaultClientID, sandbox.DefaultClientSecret, 400, "invalid_request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, sandbox.Options{TokenLifetime: 10 * time.Minute})
			r := x.postForm(tt.form, tt.id, tt.secret)
			o := r.object(t)
			if r.status != tt.status {
				t.Fatalf("%d %s, want %d", r.status, r.body, tt.status)
			}
			if tt.err == "" {
				if o["token_type"] != "bearer" || o["expires_in"].(interface{ String() string }).String() != "600" {
					t.Fatalf("token: %s", r.body)
				}
				return
			}
			if o["error"] != tt.err || o["error_description"] == "" || o["description"] != o["error_description"] {
				t.Fatalf("error body: %s, want %s", r.body, tt.err)
			}
			if strings.Contains(string(r.body), "guess") {
				t.Fatalf("the answer repeats the secret: %s", r.body)
			}
		})
	}
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{TokenLifetime: time.Hour})
	me := "/api/v2/tokens/me"
	x.ok("GET", me, nil)
	clock.Advance(time.Hour)
	x.refused("GET", me, nil, 401, "bad.credentials")
	x.token = x.signIn()
	x.ok("DELETE", me, nil)
	x.refused("GET", me, nil, 401, "bad.credentials")
	x.token = ""
	x.refused("GET", me, nil, 401, "authentication.required")
}

func TestPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{Permissions: []string{"routing:queue:view"}})
	q := x.queue("Support Email")
	e := x.refused("PUT", q, map[string]any{"name": "a"}, 403, "missing.permissions")
	if !strings.Contains(e["message"].(string), "routing:queue:edit") {
		t.Errorf("message: %s", e["message"])
	}
	e = x.refused("POST", q+"/members", []any{}, 403, "missing.any.permissions")
	if want := map[string]any{"permissions": "routing:queue:edit, routing:queueMember:manage"}; !cmp.Equal(e["messageParams"], want) {
		t.Errorf("messageParams: %v, want %v", e["messageParams"], want)
	}
	grants := x.ok("GET", "/api/v2/authorization/subjects/me", nil)["grants"].([]any)
	policies := grants[0].(map[string]any)["role"].(map[string]any)["policies"]
	want := []any{map[string]any{"domain": "routing", "entityName": "queue", "actions": []any{"view"}}}
	if d := cmp.Diff(want, policies); d != "" {
		t.Errorf("policies (-want +got):\n%s", d)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{RateLimit: 3})
	me := "/api/v2/tokens/me"
	for range 3 {
		x.ok("GET", me, nil)
	}
	clock.Advance(17500 * time.Millisecond)
	r := x.call("GET", me, nil)
	e := r.object(t)
	if r.status != 429 || e["code"] != "too.many.requests.retry.after" || e["message"] != "Rate limit exceeded the maximum. Retry the request in [43] seconds" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	got := map[string]string{}
	for _, h := range []string{"Retry-After", "inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset"} {
		got[h] = r.header.Get(h)
	}
	want := map[string]string{"Retry-After": "43", "inin-ratelimit-count": "4", "inin-ratelimit-allowed": "3", "inin-ratelimit-reset": "43"}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("headers (-want +got):\n%s", d)
	}
	other := x.token
	x.token = x.signIn()
	x.ok("GET", me, nil) // the limit is per token
	x.token = other
	clock.Advance(43 * time.Second)
	x.ok("GET", me, nil)
}

func TestOutsideOfTheContract(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	x.refused("POST", "/api/v2/webhooks", map[string]any{}, 404, "not.found")
	x.refused("PATCH", x.queue("Support Email"), map[string]any{}, 404, "not.found")
}

func TestBodiesOutsideOfTheContract(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	q := x.queue("Support Email")
	e := x.refused("PUT", q, `{"name":"a","queueType":"email","mediaSettings":{"email":{"alertingTimeoutSeconds":"5m"}}}`, 400, "invalid.value")
	fields := []any{}
	for _, d := range e["details"].([]any) {
		fields = append(fields, d.(map[string]any)["fieldName"])
	}
	if d := cmp.Diff([]any{"mediaSettings.email.alertingTimeoutSeconds", "queueType"}, fields); d != "" {
		t.Errorf("details (-want +got):\n%s", d)
	}
	if e["message"] != "Value [5m] is not valid for field type [integer]" || len(e["errors"].([]any)) != 2 {
		t.Errorf("message %q, errors %v", e["message"], e["errors"])
	}
	x.refused("PUT", q, `{"name":`, 400, "bad.request")
	x.refused("GET", "/api/v2/routing/queues?pageSize=101", nil, 400, "invalid.query.param.value")
	x.refused("GET", "/api/v2/routing/queues?pageNumber=0", nil, 400, "invalid.page.number")
	x.refused("PUT", q, `{"name":"`+strings.Repeat("a", 3<<20)+`"}`, 413, "request.entity.too.large")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://api.mypurecloud.com"+q, strings.NewReader(`{"name":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+x.token)
	req.Header.Set("Content-Type", "text/plain")
	if r := x.send(req); r.status != 415 {
		t.Errorf("%d %s, want 415", r.status, r.body)
	}
}
