package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/sandbox"
)

// Where the database ends the session that holds the lock of an apply, another
// process may have begun: nothing more is written, and what was is named.
func TestAnApplyThatLosesItsLockWritesNoMore(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	other := storetest.Open(t, database)
	s := newSpender(t, func(*sandbox.Server) error { return nil })
	server := s.server
	base, err := url.Parse(s.base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(base)
	var once sync.Once
	writes := func() (n int) {
		for _, r := range server.Requests() {
			if r.Method != http.MethodGet && !strings.HasSuffix(r.Path, "/query") && !strings.HasSuffix(r.Path, "/search") && strings.HasPrefix(r.Path, "/api/") {
				n++
			}
		}
		return n
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/") {
			once.Do(func() { storetest.EndLocks(t, other) }) //nolint:contextcheck // it is the test that does it, and not the request
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)
	settings := map[string]string{
		"FORESORT_GATEWAY": api.URL, "FORESORT_STATE": t.TempDir(), "FORESORT_PER_MINUTE": "1000000", "FORESORT_DATABASE": database,
		"GENESYS_CLIENT_ID": sandbox.DefaultClientID, "GENESYS_CLIENT_SECRET": sandbox.DefaultClientSecret,
	}
	foresort := func(args ...string) (code, string) {
		var out, talk bytes.Buffer
		got := run(t.Context(), env{strings.NewReader(""), &out, &talk, func(name string) string { return settings[name] }}, args)
		return code(got), talk.String()
	}
	file := filepath.Join(s.dir, "support.yaml")
	got, talk := foresort("apply", file, "--yes", "--wait-every=1ms", "--wait-jitter=-1ns")
	const want = "is lost: the database has ended the session that held it, and another process may have begun"
	if got != exitConflict || writes() != 1 || !strings.Contains(talk, want) || !strings.Contains(talk, "changes were carried out and stay") {
		t.Fatalf("exit code %d after %d writes:\n%s", got, writes(), talk)
	}
	if got, talk = foresort("apply", "--resume", "--yes", "--wait-every=1ms", "--wait-jitter=-1ns"); got != exitOK || writes() < 2 {
		t.Errorf("it cannot be gone on with: exit code %d after %d writes:\n%s", got, writes(), talk)
	}
}
