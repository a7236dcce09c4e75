package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/internal/contract"
	"github.com/foresort/foresort/sandbox"
)

// org is a sandbox and a signed-in client of it that holds every answer to the
// contract.
type org struct {
	*sandbox.Server
	t     testing.TB
	http  *http.Client
	token string
}

// reply is an answer: its status and its body.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func open(t testing.TB, o sandbox.Options) *org {
	t.Helper()
	s := sandbox.New(o)
	x := &org{Server: s, t: t, http: &http.Client{Transport: s.Transport()}}
	x.token = x.signIn()
	return x
}

// virtual opens a sandbox with a clock of its own.
func virtual(t testing.TB, o sandbox.Options) (*org, *sandbox.Clock) {
	t.Helper()
	clock := sandbox.NewClock(start)
	o.Now = clock.Now
	return open(t, o), clock
}

func (x *org) signIn() string {
	x.t.Helper()
	r := x.postForm(url.Values{"grant_type": {"client_credentials"}}, sandbox.DefaultClientID, sandbox.DefaultClientSecret)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(r.body, &token); err != nil || token.AccessToken == "" {
		x.t.Fatalf("sign in: %d %s", r.status, r.body)
	}
	return token.AccessToken
}

func (x *org) postForm(form url.Values, id, secret string) reply {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodPost, "https://login.mypurecloud.com/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		req.SetBasicAuth(id, secret)
	}
	return x.send(req)
}

func (x *org) send(req *http.Request) reply {
	x.t.Helper()
	res, err := x.http.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	var body bytes.Buffer
	body.Grow(int(max(res.ContentLength, 0)) + bytes.MinRead)
	_, err = body.ReadFrom(res.Body)
	return reply{res.StatusCode, res.Header, body.Bytes(), err}
}

// call sends a request to the API and holds a whole answer to the contract, and
// its instants to their one form.
func (x *org) call(method, path string, body any) reply {
	x.t.Helper()
	r := x.raw(method, path, body)
	bare, _, _ := strings.Cut(path, "?")
	if op, _, ok := contract.Load().Find(method, bare); ok && r.err == nil {
		for _, v := range contract.Load().ValidateResponse(op, r.status, r.body) {
			x.t.Errorf("the answer to %s does not fit the contract: %s: %s\n%s", op.ID, v.Field, v, r.body)
		}
		for _, at := range instants.FindAllString(string(r.body), -1) {
			if _, err := time.Parse(instantForm, strings.Trim(at, `"`)); err != nil {
				x.t.Errorf("the answer to %s has %s, want three digits after the second", op.ID, at)
			}
		}
	}
	return r
}

// instantForm is the one form in which the platform writes instants.
const instantForm = "2006-01-02T15:04:05.000Z"

var instants = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"/]*"`)

// raw sends a request to the API. body is nil, JSON text, or a value to be
// encoded.
func (x *org) raw(method, path string, body any) reply {
	x.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			x.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(x.t.Context(), method, "https://api.mypurecloud.com"+path, in)
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+x.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return x.send(req)
}

// ok calls and wants a success; it returns the body as an object.
func (x *org) ok(method, path string, body any) map[string]any {
	x.t.Helper()
	r := x.call(method, path, body)
	if r.err != nil || r.status >= 300 {
		x.t.Fatalf("%s %s: %d %s %v", method, path, r.status, r.body, r.err)
	}
	if len(r.body) == 0 {
		return nil
	}
	return r.object(x.t)
}

// refused calls and wants an error with a status and a code.
func (x *org) refused(method, path string, body any, status int, code string) map[string]any {
	x.t.Helper()
	r := x.call(method, path, body)
	e := r.object(x.t)
	if r.status != status || e["code"] != code {
		x.t.Fatalf("%s %s: %d %s, want %d %s", method, path, r.status, r.body, status, code)
	}
	if e["contextId"] == "" || e["contextId"] != r.header.Get("ININ-Correlation-Id") {
		x.t.Errorf("contextId %v is not the correlation id %q", e["contextId"], r.header.Get("ININ-Correlation-Id"))
	}
	return e
}

func (r reply) object(t testing.TB) map[string]any {
	t.Helper()
	var o map[string]any
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		t.Fatalf("decode %d %q: %v (%v)", r.status, r.body, err, r.err)
	}
	return o
}

// named finds an entity of a listing by its name.
func (x *org) named(path, name string) map[string]any {
	x.t.Helper()
	for _, e := range entities(x.ok("GET", path+"?pageSize=100", nil)) {
		if e["name"] == name {
			return e
		}
	}
	x.t.Fatalf("%s has no %s", path, name)
	return nil
}

func entities(listing map[string]any) []map[string]any {
	var out []map[string]any
	list, _ := listing["entities"].([]any)
	for _, e := range list {
		if o, ok := e.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// queue is the path of a seeded queue.
func (x *org) queue(name string) string {
	x.t.Helper()
	return fmt.Sprint("/api/v2/routing/queues/", x.named("/api/v2/routing/queues", name)["id"])
}

const routes = "/api/v2/routing/email/domains/help.example.com/routes"
