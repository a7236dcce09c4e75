package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Violation is one place where a body or a query breaks the contract.
type Violation struct {
	Field   string   // path such as mediaSettings.email.serviceLevel.percentage or [2].id; empty for the body as a whole
	Kind    Kind     // what sort of mistake it is
	Value   string   // what was sent, as JSON; empty where something is missing
	Type    string   // what the contract has there, such as integer
	Allowed []string // the values that it allows, where it lists them
}

// Kind is a sort of violation.
type Kind string

// The kinds of violation.
const (
	Unknown  Kind = "unknown"  // the contract has no such field
	Missing  Kind = "missing"  // a required field or body is not there
	BadType  Kind = "type"     // another JSON type or format than the contract's
	BadValue Kind = "value"    // none of the allowed values
	TooLarge Kind = "max"      // beyond the documented limit
	NotJSON  Kind = "not-json" // cannot be read at all
)

// String says the violation in the platform's words.
func (v Violation) String() string {
	switch v.Kind {
	case Unknown:
		return fmt.Sprintf("Field [%s] is not a known field", v.Field)
	case Missing:
		return fmt.Sprintf("Field [%s] is required", v.Field)
	case NotJSON:
		return "The request body is not valid JSON"
	case TooLarge:
		return fmt.Sprintf("Value [%s] of field [%s] must not exceed %s", v.Value, v.Field, strings.Join(v.Allowed, ""))
	case BadType, BadValue:
	}
	s := fmt.Sprintf("Value [%s] is not valid for field type [%s]", strings.Trim(v.Value, `"`), v.Type)
	if len(v.Allowed) > 0 {
		s += ". Allowable values are: " + strings.Join(v.Allowed, ", ")
	}
	return s
}

// ValidateRequest lists where a request body breaks the contract, sorted by
// field. Fields that the contract marks read-only may hold anything, as the
// platform ignores them; fields that it names as newer than its models are
// allowed; null counts as absent.
func (c *Contract) ValidateRequest(op *Operation, body []byte) []Violation {
	if op.Request == nil {
		return nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return []Violation{{Kind: Missing, Field: "body"}}
	}
	return c.validate(&c.requests, op.ID, op.Request, body)
}

// ValidateResponse lists where an answer breaks the contract: its status, its
// error code, its body.
func (c *Contract) ValidateResponse(op *Operation, status int, body []byte) []Violation {
	if status >= 400 {
		return c.validateError(op, status, body)
	}
	if len(op.Success) > 0 && !slices.Contains(op.Success, strconv.Itoa(status)) {
		return []Violation{{Kind: BadValue, Field: "status", Value: strconv.Itoa(status), Type: "status", Allowed: op.Success}}
	}
	if op.Response == nil || status == 204 || status == 202 && len(body) == 0 {
		if len(body) > 0 {
			return []Violation{{Kind: Unknown, Field: "body", Value: short(string(body))}}
		}
		return nil
	}
	if len(body) == 0 && strings.EqualFold(op.Method, "DELETE") {
		return nil // a delete answers with or without the object
	}
	return c.validate(&c.answers, op.ID, op.Response, body)
}

func (c *Contract) validateError(op *Operation, status int, body []byte) []Violation {
	found := c.validate(&c.answers, "error", map[string]any{"$ref": "#/$defs/ErrorBody"}, body)
	var e struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(body, &e) == nil && status != 501 {
		if codes := c.ErrorCodes(op, status); !slices.Contains(codes, e.Code) {
			found = append(found, Violation{Kind: BadValue, Field: "code", Value: e.Code, Type: "string", Allowed: codes})
		}
	}
	return found
}

func (c *Contract) validate(s *schemas, name string, root any, body []byte) []Violation {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return []Violation{{Kind: NotJSON, Value: short(string(body))}}
	}
	c.mu.Lock()
	schema, err := s.compile(name, root)
	c.mu.Unlock()
	if err != nil {
		return []Violation{{Kind: NotJSON, Value: err.Error()}}
	}
	dropNulls(doc)
	err = schema.Validate(doc)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil
	}
	found := collect(nil, doc, invalid)
	slices.SortFunc(found, func(a, b Violation) int { return strings.Compare(a.Field, b.Field) })
	return found
}

// dropNulls takes null fields out of every object, at every depth.
func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, x any) bool { return x == nil })
		for _, x := range v {
			dropNulls(x)
		}
	case []any:
		for _, x := range v {
			dropNulls(x)
		}
	}
}

// isReference says whether the object at a place inside of another names
// itself by id: then that is all it needs, as the reply route of a route does
// (docs/platform-notes.md#route-status).
func isReference(doc any, location []string) bool {
	object, _ := inside(doc, location).(map[string]any)
	id, _ := object["id"].(string)
	return id != ""
}

// collect turns the leaves of a validation error into violations.
func collect(found []Violation, doc any, e *jsonschema.ValidationError) []Violation {
	field, value := field(e.InstanceLocation), at(doc, e.InstanceLocation)
	v := Violation{Field: field, Value: value}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			found = append(found, Violation{Kind: Unknown, Field: join(field, name), Value: at(doc, append(slices.Clone(e.InstanceLocation), name))})
		}
		return found
	case *kind.Required:
		if len(e.InstanceLocation) > 0 && isReference(doc, e.InstanceLocation) {
			return found
		}
		for _, name := range k.Missing {
			found = append(found, Violation{Kind: Missing, Field: join(field, name)})
		}
		return found
	case *kind.Type:
		v.Kind, v.Type = BadType, strings.Join(k.Want, " or ")
	case *kind.Format:
		v.Kind, v.Type = BadType, k.Want
	case *kind.Enum:
		v.Kind, v.Type = BadValue, "string"
		for _, w := range k.Want {
			v.Allowed = append(v.Allowed, fmt.Sprint(w))
		}
	default:
		for _, cause := range e.Causes {
			found = collect(found, doc, cause)
		}
		return found
	}
	return append(found, v)
}

// field writes a location as mediaSettings.email or rings[2].threshold.
func field(location []string) string {
	s := ""
	for _, l := range location {
		if _, err := strconv.Atoi(l); err == nil {
			s += "[" + l + "]"
		} else {
			s = join(s, l)
		}
	}
	return s
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// at is the JSON of what stands at a location, shortened.
func at(doc any, location []string) string {
	v := inside(doc, location)
	if v == nil {
		return ""
	}
	b, _ := json.Marshal(v)
	return short(string(b))
}

// inside walks down to a place; nil where there is none.
func inside(doc any, location []string) any {
	for _, l := range location {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[l]
		case []any:
			i, err := strconv.Atoi(l)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			doc = v[i]
		}
	}
	return doc
}

func short(s string) string {
	if len(s) > 120 {
		return s[:117] + "..."
	}
	return s
}

// schemas compiles models on demand, each from a document of its own so that
// nothing is read that a call does not reach.
type schemas struct {
	contract *Contract
	request  bool // of request bodies, where read-only fields hold anything
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

const scheme = "contract:///"

func (s *schemas) compile(name string, root any) (*jsonschema.Schema, error) {
	if schema := s.compiled[name]; schema != nil {
		return schema, nil
	}
	if s.compiler == nil {
		s.compiler = jsonschema.NewCompiler()
		s.compiler.AssertFormat()
		s.compiler.UseLoader(s)
	}
	url := scheme + "operations/" + name
	if err := s.compiler.AddResource(url, s.strict(root)); err != nil {
		return nil, err
	}
	schema, err := s.compiler.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("compile the contract of %s: %w", name, err)
	}
	s.compiled[name] = schema
	return schema, nil
}

// Load gives the compiler one model.
func (s *schemas) Load(url string) (any, error) {
	name := strings.TrimPrefix(url, scheme)
	model, ok := s.contract.models[name]
	if !ok {
		return nil, fmt.Errorf("no model %s in the contract", name)
	}
	return s.strict(model), nil
}

// strict copies a schema so that fields which it does not name are forbidden.
// A model without any property is one that the contract does not spell out:
// everything goes in it.
func (s *schemas) strict(schema any) any {
	in, ok := schema.(map[string]any)
	if !ok {
		return schema
	}
	if ref, ok := in["$ref"].(string); ok {
		return map[string]any{"$ref": scheme + strings.TrimPrefix(ref, "#/$defs/")}
	}
	out := map[string]any{}
	for key, v := range in {
		switch key {
		case "items", "additionalProperties":
			out[key] = s.strict(v)
		case "type", "enum", "format", "required":
			out[key] = v
		}
	}
	properties, _ := in["properties"].(map[string]any)
	if len(properties) == 0 {
		return out
	}
	all := map[string]any{}
	for name, v := range properties {
		all[name] = s.strict(v)
	}
	for _, name := range texts(in["x-newerFields"]) {
		all[name] = true
	}
	if s.request {
		readOnly := texts(in["x-readOnly"])
		for _, name := range readOnly {
			all[name] = true
		}
		if required := texts(in["required"]); len(required) > 0 {
			out["required"] = anys(slices.DeleteFunc(required, func(n string) bool { return slices.Contains(readOnly, n) }))
		}
	}
	out["properties"], out["additionalProperties"] = all, false
	return out
}

func texts(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, x := range list {
		out = append(out, fmt.Sprint(x))
	}
	return out
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
