package cli

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/examples"
	"github.com/foresort/foresort/sandbox"
)

// mostRequests is what planning may spend, signing in included, in an
// organisation of 1,000 queues and 2,000 addresses; docs/performance.md shows
// the counts of this test.
const mostRequests = 40

// spender runs commands against a sandbox and counts their requests.
type spender struct {
	testing.TB
	server *sandbox.Server
	base   string
	dir    string // with the examples
	talk   string // of the last command
}

// spend runs a command, which must end with a code, and lists its requests
// with * for ids.
func (s *spender) spend(want code, args ...string) []string {
	s.Helper()
	s.server.ClearRequests()
	settings := map[string]string{
		"FORESORT_GATEWAY": s.base, "FORESORT_STATE": filepath.Join(s.dir, "state"), "FORESORT_PER_MINUTE": "1000000",
		"GENESYS_CLIENT_ID": sandbox.DefaultClientID, "GENESYS_CLIENT_SECRET": sandbox.DefaultClientSecret,
	}
	var out, talk bytes.Buffer
	got := run(s.Context(), env{strings.NewReader(""), &out, &talk, func(name string) string { return settings[name] }}, args)
	if code(got) != want {
		s.Fatalf("foresort %s: exit code %d, want %d\n%s", strings.Join(args[:2], " "), got, want, talk.String())
	}
	s.talk = talk.String()
	var requests []string
	for _, r := range s.server.Requests() {
		requests = append(requests, r.Method+" "+anID.ReplaceAllString(r.Path, "*"))
	}
	return requests
}

var anID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// mostLive is what a check of people and shifts may spend, signing in included,
// on a queue of 500 agents; docs/performance.md shows the counts.
const mostLive = 20

func TestRequestsOfACheckOf500Agents(t *testing.T) {
	t.Parallel()
	s := newSpender(t, func(server *sandbox.Server) error {
		server.Populate(1000, 2000)
		// With the ten agents of the group Back Office the second has 500 too.
		return errors.Join(server.Staff("Queue 0500", 500, "Ada Brook"), server.Staff("Queue 0501", 490, "Ada Brook"))
	})
	check := func(what string, want int, file string) {
		t.Helper()
		got := s.spend(exitOK, "validate", "--live", file)
		if len(got) != want || want > mostLive {
			t.Errorf("%s: %d requests, want %d of at most %d:\n%s", what, len(got), want, mostLive, strings.Join(got, "\n"))
		}
	}
	plain := s.likeTheExample("plain", "Queue 0500", "")
	check("the first check", 18, plain)
	check("without relax", 17, plain) // which organisation it is has been remembered
	check("relax drops a skill", 17, s.likeTheExample("drop", "Queue 0500", "relax: [{ after: 2h, drop: [Billing] }]"))
	check("capacity of the file", 17, s.likeTheExample("capacity", "Queue 0500", "capacity: { email: 3 }"))
	check("members of the file, who come in place of the 500", 18, s.likeTheExample("members", "Queue 0500", "members: { agents: [Ada Brook, noor.haddad@larkfield.example] }"))
	const relax = "relax: [{ after: 2h, drop: [Billing] }, { after: 8h, add: Back Office }]"
	grouped := s.likeTheExample("grouped", "Queue 0501", relax)
	// Until the group is on the queue its agents and their skills are read as well.
	check("relax will add a group", 20, grouped)
	s.spend(exitOK, "apply", grouped, "--yes", "--wait-every=1ms", "--wait-jitter=-1ns")
	check("relax adds a group that is on the queue", 18, grouped)
	// A platform that leaves out what members can do is searched for it.
	expanding := s.base
	s.base = withoutRatings(t, expanding)
	check("members without skills, the first check there", 19, plain)
	s.base = expanding

	own := func(requests []string) int {
		return len(slices.DeleteFunc(requests, func(r string) bool { return r != "GET /api/v2/routing/users/*/utilization" }))
	}
	for _, want := range []struct {
		all, own int
		talk     string
	}{
		{517, 500, "utilization of 500 agents: 500 requests, 0 known from the last 12 hours\n"},
		{17, 0, "utilization of 500 agents: 0 requests, 500 known from the last 12 hours\n"},
	} {
		got := s.spend(exitOK, "validate", "--live", "--overrides", plain)
		if len(got) != want.all || own(got) != want.own || !strings.Contains(s.talk, want.talk) {
			t.Errorf("--overrides: %d requests, want %d; said %q", len(got), want.all, s.talk)
		}
	}
}

// withoutRatings stands before a sandbox and lets it leave out what members can
// do.
func withoutRatings(t *testing.T, base string) string {
	t.Helper()
	to, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		if strings.HasSuffix(r.Out.URL.Path, "/members") {
			q := r.Out.URL.Query()
			q.Del("expand")
			r.Out.URL.RawQuery = q.Encode()
		}
	}})
	t.Cleanup(front.Close)
	return front.URL
}

// likeTheExample writes a strategy with the rules of the example.
func (s *spender) likeTheExample(name, queue, more string) string {
	s.Helper()
	file := filepath.Join(s.dir, name+".yaml")
	text := fmt.Sprintf(`version: 1
name: %[1]s
queue: %[2]s
serviceLevel: { percent: 90, within: 4h }
addresses:
  - { address: %[1]s-vip@help.example.com, rule: vip, from: Larkfield }
  - { address: %[1]s@help.example.com, rule: standard, from: Larkfield }
rules:
  - { name: vip, priority: 240, skills: [Billing], language: English }
  - { name: standard, skills: [Billing] }
%[3]s
`, name, queue, more)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return file
}

// newSpender makes one with a sandbox of its own, and a folder with the examples.
func newSpender(t *testing.T, fill func(*sandbox.Server) error) *spender {
	t.Helper()
	server := sandbox.New(sandbox.Options{RateLimit: -1, CheckAnswers: !testing.Short()})
	t.Cleanup(func() {
		for _, m := range server.Misfits() {
			t.Errorf("against the contract: %s", m)
		}
	})
	if err := fill(server); err != nil {
		t.Fatal(err)
	}
	base, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	dir := t.TempDir()
	if err := os.CopyFS(dir, examples.Files); err != nil {
		t.Fatal(err)
	}
	return &spender{TB: t, server: server, base: base, dir: dir}
}

func TestRequestsInALargeOrganisation(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: it takes a minute under the race detector")
	}
	s := newSpender(t, func(server *sandbox.Server) error { server.Populate(1000, 2000); return nil })
	dir := s.dir
	all := filepath.Join(dir, "all")
	count := func(what string, most, got int) {
		if got != most || got > mostRequests {
			t.Errorf("%s: %d requests, want %d", what, got, most)
		}
	}

	count("import --all", 39, len(s.spend(exitOK, "import", "--all", "--out", all)))
	files, err := filepath.Glob(filepath.Join(all, "*.yaml"))
	if err != nil || len(files) < 1000 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	one := filepath.Join(all, "queue-0500.yaml")
	count("plan of one strategy, as imported", 6, len(s.spend(exitOK, "plan", one)))
	count("plan of the example", 8, len(s.spend(exitChanges, "plan", filepath.Join(dir, "support.yaml"))))
	count("plan of 200 strategies", 23, len(s.spend(exitOK, append([]string{"plan"}, files[:200]...)...)))
	count("plan of all strategies", 39, len(s.spend(exitOK, append([]string{"plan"}, files...)...)))

	solo := filepath.Join(dir, "solo.yaml")
	if err := os.WriteFile(solo, []byte("version: 1\nname: solo\nqueue: Queue 0501\nalert: 6m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(dir, "solo.plan")
	s.spend(exitChanges, "plan", solo, "--out", saved)
	got := s.spend(exitOK, "apply", saved, "--yes", "--wait-every=1ms", "--wait-jitter=-1ns")
	want := []string{
		"POST /oauth/token",
		"GET /api/v2/organizations/me", // is it the organisation that the plan is for?
		"GET /api/v2/routing/queues/*", // did it move since the plan?
		"PUT /api/v2/routing/queues/*",
		"GET /api/v2/routing/queues/*", // three reads in a row that agree: it is active
		"GET /api/v2/routing/queues/*",
		"GET /api/v2/routing/queues/*",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("apply of a saved plan that changes one queue (-want +got):\n%s", d)
	}
	edit(t, one, "percent: 80", "percent: 85")
	saved = filepath.Join(dir, "one.plan")
	s.spend(exitChanges, "plan", one, "--out", saved)
	// One read more for each of the two addresses that the plan leaves as they are.
	count("apply of a saved plan that leaves two addresses as they are", 9, len(s.spend(exitOK, "apply", saved, "--yes", "--wait-every=1ms", "--wait-jitter=-1ns")))
	edit(t, one, "percent: 85", "percent: 90")
	count("plan and apply of one changed queue", 11, len(s.spend(exitOK, "apply", one, "--yes", "--wait-every=1ms", "--wait-jitter=-1ns")))
}

// edit replaces one text in a file.
func edit(t *testing.T, file, from, to string) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(src, []byte(from)) != 1 {
		t.Fatalf("%s does not have %q once", file, from)
	}
	if err := os.WriteFile(file, bytes.Replace(src, []byte(from), []byte(to), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}
