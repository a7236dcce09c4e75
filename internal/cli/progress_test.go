package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func quietShell(stderr *bytes.Buffer) *shell {
	return newShell(env{strings.NewReader(""), &bytes.Buffer{}, stderr, func(string) string { return "" }})
}

func TestProgressIsALineNowAndThenWhereNobodyWatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := quietShell(&out).progress("waiting for the route")
		<-time.After(10500 * time.Millisecond)
		p.now("waiting for the %s", "queue")
		<-time.After(10 * time.Second)
		p.end()
		if want := "waiting for the route (10s)\nwaiting for the queue (20s)\n"; out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
}

func TestProgressOnATerminalMovesAndGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := quietShell(&out)
		w := s.stderr.(*lockedWriter)
		w.terminal = true
		p := s.progress("waiting")
		<-time.After(900 * time.Millisecond)
		w.mu.Lock()
		if out.Len() > 0 {
			t.Errorf("within the first second it printed %q", out.String())
		}
		w.mu.Unlock()
		<-time.After(3 * time.Second)
		p.end()
		if got := out.String(); !strings.Contains(got, "\r\x1b[K/ waiting (1s)") || !strings.HasSuffix(got, "\r\x1b[K") {
			t.Errorf("got %q, want a moving line that is taken away", got)
		}
	})
}

func TestQuietAndJSONShowNoProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, set := range []func(*shell){func(s *shell) { s.quiet = true }, func(s *shell) { s.json = true }} {
			var out bytes.Buffer
			s := quietShell(&out)
			set(s)
			p := s.progress("waiting")
			<-time.After(time.Minute)
			p.end()
			if out.Len() > 0 {
				t.Errorf("printed %q", out.String())
			}
		}
	})
}
