package genesys

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What an APIError can be asked for with errors.Is.
var (
	ErrNotFound     = errors.New("not found")     // 404, 410; right after a write perhaps only not yet seen
	ErrUnauthorized = errors.New("not signed in") // 401
	ErrForbidden    = errors.New("forbidden")     // 403
	ErrConflict     = errors.New("conflict")      // 409, and the 400 that speaks of an older version
	ErrRateLimited  = errors.New("rate limited")  // 429
)

// APIError is an answer of the platform that was not a success. It holds no
// secret: the path has no query, and nothing of the request's body is kept.
type APIError struct {
	Method        string        `json:"method"`
	Path          string        `json:"path"`
	Status        int           `json:"status"`
	Code          string        `json:"code,omitempty"` // the platform's machine code, such as bad.request
	Message       string        `json:"message"`
	CorrelationID string        `json:"correlationId,omitempty"` // quote it to Genesys support
	RetryAfter    time.Duration `json:"-"`                       // how long the platform asked to wait; 0: it did not say
	Errors        []APIFault    `json:"errors,omitempty"`
	Details       []APIDetail   `json:"details,omitempty"`
	Limit         *APILimit     `json:"limit,omitempty"`
	// Missing are the permissions that the answer says are missing, as
	// domain:entity:action.
	Missing []string `json:"missing,omitempty"`
}

// APIFault is one of the further errors inside an APIError.
type APIFault struct {
	Code    string      `json:"code,omitempty"`
	Message string      `json:"message,omitempty"`
	Details []APIDetail `json:"details,omitempty"`
}

// APIDetail says what was wrong with one field or entity of a request.
type APIDetail struct {
	ErrorCode  string `json:"errorCode,omitempty"`
	FieldName  string `json:"fieldName,omitempty"`
	EntityID   string `json:"entityId,omitempty"`
	EntityName string `json:"entityName,omitempty"`
}

// APILimit names the limit that was reached.
type APILimit struct {
	Key       string `json:"key,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Value     int    `json:"value,omitempty"`
}

// Error says what was asked, what came back field by field, what is missing,
// and how to trace it.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d", e.Method, e.Path, e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	b.WriteString(": " + e.Message)
	for _, d := range e.Details {
		b.WriteString("; " + d.String())
	}
	for _, f := range e.Errors {
		b.WriteString("; " + cmp.Or(f.Message, f.Code))
		for _, d := range f.Details {
			b.WriteString(": " + d.String())
		}
	}
	if e.Limit != nil && e.Limit.Key != "" {
		fmt.Fprintf(&b, "; limit %s of %s is %d", e.Limit.Key, e.Limit.Namespace, e.Limit.Value)
	}
	if len(e.Missing) > 0 {
		b.WriteString("; missing permission: " + strings.Join(e.Missing, ", "))
	}
	if e.CorrelationID != "" {
		b.WriteString(" (correlation id " + e.CorrelationID + ")")
	}
	return b.String()
}

// String is the field or entity and what is wrong with it.
func (d APIDetail) String() string {
	what := cmp.Or(d.FieldName, d.EntityName, d.EntityID)
	if what == "" {
		return d.ErrorCode
	}
	return what + ": " + cmp.Or(d.ErrorCode, "not accepted")
}

// Is lets errors.Is(err, ErrNotFound) and its like work.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		// Deleting a route can time out inside the platform and say 404
		// (docs/platform-notes.md#errors).
		return e.Status == http.StatusNotFound && !strings.HasSuffix(e.Code, ".timeout") || e.Status == http.StatusGone
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrConflict:
		return e.Status == http.StatusConflict ||
			e.Status == http.StatusBadRequest && strings.Contains(e.Message, "does not match the current version")
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	}
	return false
}

// UncertainError says that a write got no clear answer: it may have been
// carried out. Whoever gets it reads the object back before writing again.
type UncertainError struct {
	Method, Path string
	Err          error // what came instead of a clear answer; it names method and path
}

// Error says what came back, that the outcome is not known, and what to do.
func (e *UncertainError) Error() string {
	return fmt.Sprintf("%v; the request may have been carried out, read the object back to find out", e.Err)
}

// Unwrap is what came instead of an answer.
func (e *UncertainError) Unwrap() error { return e.Err }

// errorBody is the platform's ErrorBody, and the error of its login host.
type errorBody struct {
	Code             string            `json:"code"`
	Message          string            `json:"message"`
	MessageParams    map[string]string `json:"messageParams"`
	ContextID        string            `json:"contextId"`
	Details          []APIDetail       `json:"details"`
	Errors           []APIFault        `json:"errors"`
	Limit            *APILimit         `json:"limit"`
	OAuthError       string            `json:"error"`
	Description      string            `json:"description"`
	ErrorDescription string            `json:"error_description"`
}

var permission = regexp.MustCompile(`\b[a-z][A-Za-z]*:[A-Za-z*]+:[A-Za-z*]+`)

// newAPIError reads an answer that was not a success. A body that is not the
// platform's JSON (a proxy's page, an empty one) is not shown: the status line
// stands for it.
func newAPIError(r request, a *answer) *APIError {
	e := &APIError{Method: r.method, Path: r.path, Status: a.status, CorrelationID: a.header.Get("ININ-Correlation-Id")}
	e.RetryAfter, _ = retryAfter(a.header, time.Now())
	var body errorBody
	var mistyped *json.UnmarshalTypeError // of one field; the others are read
	if err := json.Unmarshal(a.body, &body); err == nil || errors.As(err, &mistyped) {
		e.Code, e.Message = cmp.Or(body.Code, body.OAuthError), cmp.Or(body.Message, body.ErrorDescription, body.Description)
		e.CorrelationID = cmp.Or(e.CorrelationID, body.ContextID)
		e.Details, e.Errors, e.Limit = body.Details, body.Errors, body.Limit
	}
	e.Message = cmp.Or(e.Message, http.StatusText(a.status), "an answer without words")
	if a.status == http.StatusForbidden {
		words := []string{e.Message}
		for _, key := range slices.Sorted(maps.Keys(body.MessageParams)) {
			words = append(words, body.MessageParams[key])
		}
		e.Missing = permission.FindAllString(strings.Join(words, " "), -1)
		slices.Sort(e.Missing)
		e.Missing = slices.Compact(e.Missing)
	}
	return e
}
