package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/foresort/foresort/internal/contract"
)

// failure is the platform's ErrorBody, and the error that a handler returns.
type failure struct {
	Message    string            `json:"message"`
	Code       string            `json:"code"`
	Status     int               `json:"status"`
	EntityID   string            `json:"entityId,omitempty"`
	EntityName string            `json:"entityName,omitempty"`
	WithParams string            `json:"messageWithParams,omitempty"`
	Params     map[string]string `json:"messageParams,omitempty"`
	ContextID  string            `json:"contextId,omitempty"` // the correlation id
	Details    []detail          `json:"details"`
	Errors     []failure         `json:"errors"`
	Limit      *limit            `json:"limit,omitempty"`
}

type detail struct {
	ErrorCode  string `json:"errorCode,omitempty"`
	FieldName  string `json:"fieldName,omitempty"`
	EntityID   string `json:"entityId,omitempty"`
	EntityName string `json:"entityName,omitempty"`
}

type limit struct {
	Key       string `json:"key,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Value     int    `json:"value,omitempty"`
}

// Error is the message.
func (f *failure) Error() string { return f.Message }

// on stamps the failure with the correlation id of the request.
func (f *failure) on(correlation string) failure {
	out := *f
	out.ContextID = correlation
	return out
}

// field names a field that the failure is about.
func (f *failure) field(name string) *failure {
	f.Details = append(f.Details, detail{ErrorCode: f.Code, FieldName: name})
	return f
}

// fail makes a failure with a machine code of the platform.
func fail(status int, code, format string, args ...any) *failure {
	return &failure{Status: status, Code: code, Message: fmt.Sprintf(format, args...), Details: []detail{}, Errors: []failure{}}
}

func bad(code, format string, args ...any) *failure {
	return fail(http.StatusBadRequest, code, format, args...)
}

func notFound(code, what, id string) *failure {
	f := fail(http.StatusNotFound, code, "The requested %s could not be found: %s", what, id)
	f.EntityID, f.EntityName = id, what
	return f
}

// violated is the 400 for what breaks the contract, nil where nothing does.
// Each broken field has a detail and an error of its own.
func violated(violations []contract.Violation) error {
	if len(violations) == 0 {
		return nil
	}
	f := bad(code(violations[0]), "%s", violations[0].String())
	for _, v := range violations {
		f.Details = append(f.Details, detail{ErrorCode: code(v), FieldName: v.Field})
		if len(violations) > 1 {
			f.Errors = append(f.Errors, *bad(code(v), "%s", v.String()).field(v.Field))
		}
	}
	return f
}

func code(v contract.Violation) string {
	switch v.Kind {
	case contract.Unknown:
		return "invalid.property"
	case contract.BadValue, contract.BadType:
		if v.Type == "date" || v.Type == "date-time" {
			return "invalid.date"
		}
		return "invalid.value"
	case contract.NotJSON:
		return "bad.request"
	case contract.Missing, contract.TooLarge:
	}
	return "constraint.validation"
}

// badQuery is the 400 for a query that breaks the contract, nil for a good one.
func badQuery(op *contract.Operation, violations []contract.Violation) error {
	if len(violations) == 0 {
		return nil
	}
	v := violations[0]
	c := "invalid.query.param.value"
	if v.Field == "pageNumber" && slices.Contains(op.Errors["400"], "invalid.page.number") {
		c = "invalid.page.number"
	}
	f := bad(c, "%s", v.String())
	for _, v := range violations {
		f.Details = append(f.Details, detail{ErrorCode: c, FieldName: v.Field})
	}
	return f
}

// missingPermissions is the 403 that names what is missing.
func missingPermissions(mode string, missing []string) *failure {
	code, words := "missing.permissions", "You are missing the following permission(s)"
	if mode == "any" && len(missing) > 1 {
		code, words = "missing.any.permissions", "You must have at least one of the following permissions assigned"
	}
	list := strings.Join(missing, ", ")
	f := fail(http.StatusForbidden, code, "Unable to perform the requested action. %s: %s", words, list)
	f.WithParams = "Unable to perform the requested action. " + words + ": {permissions}"
	f.Params = map[string]string{"permissions": list}
	return f
}

// fallback lists, by status, the codes to use instead of one that an operation
// does not give, the closest first.
var fallback = map[int][]string{
	http.StatusBadRequest: {"postino.invalid.route", "bad.request"},
	http.StatusNotFound:   {"postino.error.not.found", "resource.not.found", "not.found"},
}

// fit changes the code to one of those that the operation gives.
func (f *failure) fit(codes []string) {
	if slices.Contains(codes, f.Code) {
		return
	}
	for _, code := range fallback[f.Status] {
		if slices.Contains(codes, code) {
			f.Code = code
			return
		}
	}
}
