package apply

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Mismatch is one field that is not as it should be, in words.
type Mismatch struct {
	Field routing.Field `json:"field"`
	Want  string        `json:"want"`
	Seen  string        `json:"seen"`
}

func mismatches[S routing.Settings](fields []routing.Field, want, seen S) []Mismatch {
	var out []Mismatch
	for _, f := range routing.Differs(fields, want, seen) {
		out = append(out, Mismatch{Field: f, Want: routing.Text(want, f), Seen: routing.Text(seen, f)})
	}
	return out
}

// FindingsError refuses a plan because of what was found among the people and
// shifts that shall serve it. Nothing was written.
type FindingsError struct {
	Findings []routing.Finding // each an error that no waiver covers any more
}

// Error names each finding and says how to go on.
func (e *FindingsError) Error() string {
	parts := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		parts[i] = string(f.Type)
		if f.Rule != "" {
			parts[i] += ", rule " + f.Rule
		}
		parts[i] += ": " + strings.TrimSuffix(f.Message, ".")
		if f.Waived != nil {
			parts[i] += " (its waiver has ended)"
		}
	}
	return fmt.Sprintf("the plan holds findings that keep it from being applied: %s; mend that, or waive it by name with an expiry under coverage.waive in the strategy file, and plan again", strings.Join(parts, "; "))
}

// MovedError refuses a change because the object is no longer as it was when
// the plan was made. Nothing was written.
type MovedError struct {
	Kind   plan.Kind
	Object routing.Ref
	Fields []Mismatch // Want: what the plan was made on
	Undo   bool       // the plan puts back what an earlier run did
	// Override is one that holds and has changed the same; nil: none is known.
	Override *plan.Lease
}

// Error names each field, what the plan was made on and what is there now.
func (e *MovedError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = fmt.Sprintf("%s was %s and is now %s", f.Field, f.Want, f.Seen)
	}
	since, way := "since the plan was made", "make a new plan"
	if e.Kind == plan.Email {
		way = "it is left as it is now"
	}
	if e.Undo {
		since, way = "since the run that is undone", "it is left as it is now"
	}
	if l := e.Override; l != nil {
		way = fmt.Sprintf("the override of rule %s (run %s) holds it until %s: put that back with foresort adjust --restore (before it foresort adjust --stop, so that none begins anew), then undo the run again",
			l.Rule, l.ID, l.Ends.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return fmt.Sprintf("%s %s has been changed %s: %s; %s", e.Kind, e.Object, since, strings.Join(parts, ", "), way)
}

// GoneError says that the object of a change is not there any more. Nothing
// was written.
type GoneError struct {
	Kind   plan.Kind
	Object routing.Ref
}

// Error says what is gone and what to do.
func (e *GoneError) Error() string {
	return fmt.Sprintf("%s %s is not there any more: it was deleted after the plan was made; make a new plan", e.Kind, e.Object)
}

// AppearedError says that what a change creates is there already: somebody made
// it after the plan. Nothing was written.
type AppearedError struct {
	Kind   plan.Kind
	Object routing.Ref
	Err    error // the platform's refusal
}

// Error says what has appeared and what to do.
func (e *AppearedError) Error() string {
	return fmt.Sprintf("%s %s has appeared since the plan was made; make a new plan: %v", e.Kind, e.Object, e.Err)
}

// Unwrap is the platform's refusal.
func (e *AppearedError) Unwrap() error { return e.Err }

// UnknownError says that nobody can tell whether a write happened.
type UnknownError struct {
	Headline string
	Err      error
}

// Error says what to look at.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("it is not known whether this was carried out, and reading it back did not settle it; look at the object, then make a new plan: %v", e.Err)
}

// Unwrap is why it is not known.
func (e *UnknownError) Unwrap() error { return e.Err }

// StoppedError says that a run did not carry out its whole plan.
type StoppedError struct {
	Run         string
	Done, Total int
	Perhaps     int      // of Done: nobody knows whether they were
	RolledBack  bool     // everything that had been done was put back
	Remains     []string // what could not be put back, in words
	Unseen      error    // why what was put back has not been seen on the platform
	Err         error
}

// Error tells what was done, what became of it, and why the run stopped.
func (e *StoppedError) Error() string {
	done := fmt.Sprintf("%d of %d changes", e.Done-e.Perhaps, e.Total)
	if e.Perhaps > 0 {
		done += fmt.Sprintf(", and perhaps %d more,", e.Perhaps)
	}
	state := done + " were carried out and stay"
	switch {
	case e.Done == 0 && len(e.Remains) == 0:
		state = "nothing was changed"
	case e.RolledBack:
		state = done + " had been carried out and were put back"
	case len(e.Remains) > 0:
		state = done + " had been carried out; this could not be put back: " + remains(e.Remains)
	}
	if e.Unseen != nil {
		state += fmt.Sprintf("; what was put back is not yet seen: %v", e.Unseen)
	}
	return fmt.Sprintf("%v (%s)", e.Err, state)
}

// mostNamed is how much of what could not be put back is named.
const mostNamed = 5

func remains(all []string) string {
	if len(all) <= mostNamed+1 {
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(all[:mostNamed], "; "), len(all)-mostNamed)
}

// Unwrap is why the run stopped.
func (e *StoppedError) Unwrap() error { return e.Err }

// The words of the activation wait.
const (
	ActivatedText = "Routing rules activated successfully."
	notFoundText  = "%s not found during activation polling."
	timeoutText   = "Activation timeout: configuration did not propagate within expected window."
)

// NotActiveError says that what was written was not seen in time.
type NotActiveError struct {
	Kind   plan.Kind
	Object routing.Ref
	Fields []Mismatch // which still differ, as last seen
	Status routing.RouteStatus
	Waited time.Duration
	Last   error // of the last look, if that failed
}

// Error names what was last seen and what was waited for.
func (e *NotActiveError) Error() string {
	var parts []string
	for _, f := range e.Fields {
		parts = append(parts, fmt.Sprintf("%s is %s, want %s", f.Field, f.Seen, f.Want))
	}
	if e.Status != "" && e.Status != routing.RouteActive {
		parts = append(parts, fmt.Sprintf("status is %s, want %s", e.Status, routing.RouteActive))
	}
	if e.Last != nil {
		parts = append(parts, fmt.Sprintf("the last look failed: %v", e.Last))
	}
	if len(parts) == 0 {
		parts = append(parts, "it was seen, but not in enough reads in a row")
	}
	return fmt.Sprintf("%s %s %s after %s: %s", timeoutText, e.Kind, e.Object, routing.Duration(e.Waited.Round(100*time.Millisecond)), strings.Join(parts, ", "))
}

// NotFoundError says that an object that had been written was not there.
type NotFoundError struct {
	Kind   plan.Kind
	Object routing.Ref
}

// Error names the object.
func (e *NotFoundError) Error() string {
	kind := map[plan.Kind]string{plan.Queue: "Queue", plan.Route: "Email route", plan.Utilization: "Agent", plan.Member: "Queue"}[e.Kind]
	return fmt.Sprintf(notFoundText+" %s was written and is gone: someone may have deleted it", kind, e.Object)
}

// RouteError says that the platform gave a route the status Error.
type RouteError struct{ Object routing.Ref }

// Error says what it means.
func (e *RouteError) Error() string {
	return fmt.Sprintf("email route %s has status Error: the platform could not set its mail up and takes no mail for it; look at the route and its domain in the admin pages", e.Object)
}

// correlation is the correlation id inside an error of the platform.
func correlation(err error) string {
	if api, ok := errors.AsType[*genesys.APIError](err); ok {
		return api.CorrelationID
	}
	return ""
}
