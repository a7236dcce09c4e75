package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/sandbox"
)

// liveCommands shape an organisation, and see what is said of it:
//
//	api METHOD PATH [JSON]      make a request as the client, and write the answer to stdout
//	answer METHOD PATH FILE     from now on answer requests with a file; * stands for a part of the path
//	advance DURATION            let time pass there
//	says WORDS                  stdout of the last command has these words, wherever its lines break; … stands for any
//
// In paths, JSON, files and fault rules {queue:NAME}, {user:NAME}, {skill:NAME},
// {language:NAME} and {group:NAME} are ids. The requests of api are among those
// that requests lists.
var liveCommands = map[string]func(*testscript.TestScript, bool, []string){
	"api":    callAPI,
	"answer": onSandbox(3, answerWith),
	"advance": onSandbox(1, func(_ *testscript.TestScript, s *sandbox.Server, args []string) error {
		d, err := time.ParseDuration(args[0])
		return errors.Join(err, s.Advance(d))
	}),
	"says": saysWords,
}

func callAPI(ts *testscript.TestScript, neg bool, args []string) {
	server := *ts.Value(started{}).(**sandbox.Server)
	if neg || server == nil || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: api METHOD PATH [JSON], once a sandbox was started")
	}
	body := ""
	if len(args) == 3 {
		body = args[2]
	}
	c := apiClient{server: server}
	out, err := c.call(args[0], c.withIDs(args[1]), c.withIDs(body))
	ts.Check(errors.Join(c.err, err))
	_, err = ts.Stdout().Write(out)
	ts.Check(err)
}

// apiClient makes requests to a sandbox as its client.
type apiClient struct {
	server *sandbox.Server
	token  string
	err    error // the first of withIDs
}

func (c *apiClient) call(method, path, body string) ([]byte, error) {
	if c.token == "" {
		in, err := c.send("POST", "/oauth/token", "grant_type=client_credentials", func(r *http.Request) {
			r.SetBasicAuth(sandbox.DefaultClientID, sandbox.DefaultClientSecret)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		})
		var got struct {
			Token string `json:"access_token"`
		}
		if err = errors.Join(err, json.Unmarshal(in, &got)); err != nil {
			return nil, err
		}
		c.token = got.Token
	}
	return c.send(method, path, body, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("Content-Type", "application/json")
	})
}

func (c *apiClient) send(method, path, body string, with func(*http.Request)) ([]byte, error) {
	r, err := http.NewRequest(method, "http://sandbox.invalid"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	with(r)
	res, err := c.server.Transport().RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, out)
	}
	return out, err
}

// lists are where the ids of named things are found.
var lists = map[string]string{
	"queue": "/api/v2/routing/queues", "user": "/api/v2/users", "skill": "/api/v2/routing/skills",
	"language": "/api/v2/routing/languages", "group": "/api/v2/routing/skillgroups",
}

var aName = regexp.MustCompile(`\{(queue|user|skill|language|group):([^}]+)\}`)

// withIDs puts ids in the place of names.
func (c *apiClient) withIDs(text string) string {
	return aName.ReplaceAllStringFunc(text, func(found string) string {
		m := aName.FindStringSubmatch(found)
		out, err := c.call("GET", lists[m[1]]+"?pageSize=100", "")
		var list struct{ Entities []struct{ ID, Name string } }
		err = errors.Join(err, json.Unmarshal(out, &list))
		for _, e := range list.Entities {
			if e.Name == m[2] {
				return e.ID
			}
		}
		c.err = errors.Join(c.err, err, fmt.Errorf("there is no %s %s", m[1], m[2]))
		return found
	})
}

// answers is where a script keeps what it answers in place of its sandbox.
type answers struct{}

// answering stands before a sandbox and answers some requests in its place.
type answering struct {
	mu    sync.Mutex
	rules []answerRule // the newest first
}

type answerRule struct {
	method, path string
	body         string
}

// forget ends all of them.
func (a *answering) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rules = nil
}

func (a *answering) rule(r *http.Request) (answerRule, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.rules, func(rule answerRule) bool {
		fits, _ := path.Match(rule.path, r.URL.Path)
		return fits && rule.method == r.Method
	})
	if i < 0 {
		return answerRule{}, false
	}
	return a.rules[i], true
}

// answerWith puts it before the sandbox, unless it is there.
func answerWith(ts *testscript.TestScript, s *sandbox.Server, args []string) error {
	c := apiClient{server: s}
	rule := answerRule{args[0], args[1], c.withIDs(ts.ReadFile(args[2]))}
	a := ts.Value(answers{}).(*answering)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rules = append([]answerRule{rule}, a.rules...)
	if len(a.rules) > 1 {
		return c.err
	}
	base, err := url.Parse(ts.Getenv("FORESORT_GATEWAY"))
	if err != nil {
		return err
	}
	proxy := httputil.NewSingleHostReverseProxy(base)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule, ok := a.rule(r)
		if !ok {
			proxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, rule.body)
	}))
	ts.Defer(front.Close)
	ts.Setenv("FORESORT_GATEWAY", front.URL)
	return c.err
}

func saysWords(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: says WORDS")
	}
	flat := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	said, rest := true, flat(ts.ReadFile("stdout"))
	for part := range strings.SplitSeq(args[0], "…") {
		_, after, found := strings.Cut(rest, strings.TrimSpace(flat(part)))
		said, rest = said && found, after
	}
	if said == neg {
		ts.Fatalf("stdout: said %v, want %v: %s\n%s", said, !neg, args[0], ts.ReadFile("stdout"))
	}
}

// allBut are the permissions of everything that Foresort can do but some.
func allBut(without []string) []string {
	var out []string
	var calls []genesys.OperationID
	for _, n := range needsOf(everything(), nil, "") {
		calls = append(calls, n.calls...)
	}
	for _, id := range calls {
		op, _ := genesys.Lookup(id)
		for _, p := range op.Permissions {
			if !slices.Contains(without, string(p)) && !slices.Contains(out, string(p)) {
				out = append(out, string(p))
			}
		}
	}
	return out
}
