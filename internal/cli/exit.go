package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/strategy"
)

// code is an exit code. Scripts depend on them.
type code int

// The exit codes.
const (
	exitOK          code = 0
	exitFailed      code = 1
	exitInvalid     code = 2
	exitChanges     code = 3
	exitConflict    code = 4
	exitNotActive   code = 5
	exitDenied      code = 6
	exitFindings    code = 7
	exitInterrupted code = 130
)

// exits documents every exit code; docs/cli.md is made of it. Name is the code
// of the JSON error.
var exits = []struct {
	Code    code
	Name    string
	Meaning string
}{
	{exitOK, "ok", "done; for `plan`: nothing to change"},
	{exitFailed, "failed", "it did not work: the platform or this machine said no"},
	{exitInvalid, "invalid", "a wrong command line, setting or input file; nothing was done"},
	{exitChanges, "changes", "`plan` found changes (not an error; `--exit-zero` turns it into 0)"},
	{exitConflict, "conflict", "refused: the organisation has moved since it was read, another run holds it, or the plan is not approved"},
	{exitNotActive, "not-active", "written, but not seen active within the limit"},
	{exitDenied, "denied", "sign-in refused, or a permission is missing"},
	{exitFindings, "findings", "`validate --live`, `approve` or `apply`: people, shifts or permissions do not serve the strategy, and the file does not waive it"},
	{exitInterrupted, "interrupted", "ended by Ctrl-C or SIGTERM"},
}

// name is the word for the code.
func (c code) name() string {
	for _, e := range exits {
		if e.Code == c {
			return e.Name
		}
	}
	return "failed"
}

// failure is an error that knows its exit code and a way out. Its error may be
// nil: then everything has been said and only the code is left.
type failure struct {
	code code
	err  error
	hint string // what to do next; may be empty
}

// Error is the text of the error inside.
func (f *failure) Error() string {
	if f.err == nil {
		return f.code.name()
	}
	return f.err.Error()
}

// Unwrap gives the error inside.
func (f *failure) Unwrap() error { return f.err }

// exit ends a command with a code and no words: they have been said.
func exit(c code) error { return &failure{code: c} }

// invalid is a mistake of the person at the keyboard, with a way out.
func invalid(hint, format string, args ...any) error {
	return &failure{code: exitInvalid, err: fmt.Errorf(format, args...), hint: hint}
}

// complaint is what is said of an error.
type complaint struct {
	code     code
	Code     string            `json:"code"`
	Exit     int               `json:"exit"`
	Message  string            `json:"message"`
	Hint     string            `json:"hint,omitempty"`
	Problems strategy.Problems `json:"problems,omitempty"`
	API      *genesys.APIError `json:"api,omitempty"`
}

// judge decides, in this one place, what an error means to the caller.
func (s *shell) judge(ctx context.Context, err error) complaint {
	r := complaint{code: codeOf(err), Message: err.Error()}
	if problems, ok := errors.AsType[strategy.Problems](err); ok {
		r.Problems = problems
	}
	if api, ok := errors.AsType[*genesys.APIError](err); ok {
		r.API = api
	}
	if f, ok := errors.AsType[*failure](err); ok {
		r.Hint = f.hint
	} else {
		switch {
		case !s.started:
			r.code, r.Hint = exitInvalid, "see: foresort --help"
		case ctx.Err() != nil && errors.Is(err, context.Canceled):
			r.code, r.Message = exitInterrupted, "interrupted: "+s.standing
		case is[*net.OpError](err):
			r.Hint = "check network, proxy and region: foresort doctor"
		case r.code == exitDenied:
			r.Hint = "`foresort doctor` shows what the client may do and what is missing"
		}
	}
	r.Code, r.Exit = r.code.name(), int(r.code)
	return r
}

// codeOf is the exit code of an error by its type.
func codeOf(err error) code {
	var (
		known    *failure
		problems strategy.Problems
		api      *genesys.APIError
	)
	switch {
	case errors.As(err, &known):
		return known.code
	case errors.As(err, &problems):
		return exitInvalid
	case is[*apply.MovedError](err), is[*apply.GoneError](err), is[*apply.AppearedError](err), is[*ledger.ApprovalError](err), errors.Is(err, genesys.ErrConflict):
		return exitConflict
	case is[*apply.FindingsError](err):
		return exitFindings
	case is[*apply.NotActiveError](err), is[*apply.NotFoundError](err), is[*apply.RouteError](err):
		return exitNotActive
	case errors.Is(err, genesys.ErrUnauthorized), errors.Is(err, genesys.ErrForbidden):
		return exitDenied
	case errors.As(err, &api) && api.Path == "/oauth/token" && api.Status == http.StatusBadRequest: // OAuth's answer to a wrong client
		return exitDenied
	}
	return exitFailed
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// fail says what went wrong, on stderr, and returns the exit code.
func (s *shell) fail(ctx context.Context, err error) code {
	r := s.judge(ctx, err)
	f, known := errors.AsType[*failure](err)
	switch {
	case known && f.err == nil: // all is said
	case s.json:
		out, jsonErr := json.MarshalIndent(map[string]complaint{"error": r}, "", "  ")
		if jsonErr != nil {
			out = fmt.Appendf(nil, "%q", r.Message)
		}
		fmt.Fprintln(s.stderr, string(out))
	case len(r.Problems) > 0:
		if err := r.Problems.Render(s.stderr, s.errPaint.on()); err != nil {
			return exitFailed
		}
	default:
		fmt.Fprintln(s.stderr, s.errPaint.red("foresort: ")+r.Message)
		if r.Hint != "" {
			fmt.Fprintln(s.stderr, r.Hint)
		}
	}
	return r.code
}
