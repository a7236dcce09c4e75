package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

func TestEachErrorHasItsExitCode(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		err  error
		ctx  context.Context //nolint:containedctx // a case of a table
		want code
	}{
		"any error":              {err: errors.New("broken"), want: exitFailed},
		"a wrong input":          {err: fmt.Errorf("read: %w", invalid("", "no")), want: exitInvalid},
		"a strategy's mistakes":  {err: strategy.Problems{{Message: "no", Severity: strategy.Error}}.Err(), want: exitInvalid},
		"changes":                {err: exit(exitChanges), want: exitChanges},
		"the org moved":          {err: fmt.Errorf("apply: %w", &apply.MovedError{}), want: exitConflict},
		"the object is gone":     {err: &apply.GoneError{}, want: exitConflict},
		"a conflict":             {err: &genesys.APIError{Status: 409}, want: exitConflict},
		"not approved":           {err: &ledger.ApprovalError{}, want: exitConflict},
		"not active in time":     {err: &apply.NotActiveError{Object: routing.Ref{Name: "vip"}, Waited: time.Minute}, want: exitNotActive},
		"not signed in":          {err: &genesys.APIError{Status: 401}, want: exitDenied},
		"OAuth's bad client":     {err: &genesys.APIError{Status: 400, Path: "/oauth/token"}, want: exitDenied},
		"permission missing":     {err: fmt.Errorf("read queue: %w", &genesys.APIError{Status: 403}), want: exitDenied},
		"the platform is broken": {err: &genesys.APIError{Status: 503}, want: exitFailed},
		"interrupted":            {err: fmt.Errorf("read: %w", context.Canceled), ctx: ended, want: exitInterrupted},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := tt.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			s := quietShell(&bytes.Buffer{})
			s.started = true
			if got := s.fail(ctx, tt.err); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}

func TestEveryExitCodeIsDocumentedOnce(t *testing.T) {
	t.Parallel()
	seen := map[code]bool{}
	for _, e := range exits {
		if seen[e.Code] {
			t.Errorf("code %d is in the table twice", e.Code)
		}
		seen[e.Code] = true
	}
	for _, c := range []code{exitOK, exitFailed, exitInvalid, exitChanges, exitConflict, exitNotActive, exitDenied, exitInterrupted} {
		if !seen[c] {
			t.Errorf("code %d is not in the table", c)
		}
	}
}

func TestAnInterruptSaysHowThingsStand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	s := quietShell(&out)
	s.started = true
	s.standing = "2 of 5 changes are done; foresort rollback puts them back"
	s.fail(ctx, context.Canceled)
	if !strings.Contains(out.String(), "interrupted: "+s.standing) {
		t.Errorf("got %q, want how things stand", out.String())
	}
}

func TestCtrlCEndsACommandThatWaitsForThePlatform(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client leave
		interrupt()
		<-r.Context().Done()
	}))
	defer slow.Close()
	var stdout, stderr bytes.Buffer
	got := run(ctx, env{strings.NewReader(""), &stdout, &stderr, func(name string) string {
		return map[string]string{"FORESORT_GATEWAY": slow.URL, "GENESYS_CLIENT_ID": "id", "GENESYS_CLIENT_SECRET": "secret"}[name]
	}}, []string{"import", "Returns"})
	if want := "foresort: interrupted: nothing was changed\n"; code(got) != exitInterrupted || !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("exit code %d, stderr %q; want %d and %q at the end", got, stderr.String(), exitInterrupted, want)
	}
}

func TestAnErrorIsAnObjectWithJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := quietShell(&out)
	s.started, s.json = true, true
	s.fail(t.Context(), invalid("write 90", "percent is %g", 0.9))
	var got struct{ Error map[string]any }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	for key, want := range map[string]any{"code": "invalid", "exit": 2.0, "message": "percent is 0.9", "hint": "write 90"} {
		if got.Error[key] != want {
			t.Errorf("%s is %v, want %v", key, got.Error[key], want)
		}
	}
}
