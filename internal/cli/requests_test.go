package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
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
	state  string
}

// spend runs a command, which must end with a code, and lists its requests
// with * for ids.
func (s *spender) spend(want code, args ...string) []string {
	s.Helper()
	s.server.ClearRequests()
	settings := map[string]string{
		"FORESORT_GATEWAY": s.base, "FORESORT_STATE": s.state, "FORESORT_PER_MINUTE": "1000000",
		"GENESYS_CLIENT_ID": sandbox.DefaultClientID, "GENESYS_CLIENT_SECRET": sandbox.DefaultClientSecret,
	}
	var out, talk bytes.Buffer
	got := run(s.Context(), env{strings.NewReader(""), &out, &talk, func(name string) string { return settings[name] }}, args)
	if code(got) != want {
		s.Fatalf("foresort %s: exit code %d, want %d\n%s", strings.Join(args[:2], " "), got, want, talk.String())
	}
	var requests []string
	for _, r := range s.server.Requests() {
		requests = append(requests, r.Method+" "+anID.ReplaceAllString(r.Path, "*"))
	}
	return requests
}

var anID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

func TestRequestsInALargeOrganisation(t *testing.T) {
	t.Parallel()
	server := sandbox.New(sandbox.Options{RateLimit: -1, CheckAnswers: true})
	t.Cleanup(func() {
		for _, m := range server.Misfits() {
			t.Errorf("against the contract: %s", m)
		}
	})
	server.Populate(1000, 2000)
	base, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	dir := t.TempDir()
	s := &spender{t, server, base, filepath.Join(dir, "state")}
	if err := os.CopyFS(dir, examples.Files); err != nil {
		t.Fatal(err)
	}
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
