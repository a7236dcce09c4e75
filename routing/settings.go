package routing

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Field is the name of one owned field, the same in plans, journals, errors
// and the wire table of package genesys.
type Field string

// QueueSettings are the fields of a queue that a strategy can own. A nil field
// in what is wanted is not owned; a nil field in what was read is absent on
// the platform.
type QueueSettings struct {
	ServiceLevel *ServiceLevel `json:"serviceLevel,omitempty"`
	Alert        *Duration     `json:"alert,omitempty"` // how long an email alerts an agent; whole seconds, at least 7
	WrapUp       *WrapUp       `json:"wrapUp,omitempty"`
	Agents       *Evaluation   `json:"agents,omitempty"`
	Order        *Order        `json:"order,omitempty"`
	LastAgent    *LastAgent    `json:"lastAgent,omitempty"`
	Rings        *Rings        `json:"rings,omitempty"`
	Groups       *[]Group      `json:"memberGroups,omitempty"`
}

// RouteSettings are the fields of an email route that a strategy can own.
type RouteSettings struct {
	Queue    *Ref    `json:"queue,omitempty"`
	From     *string `json:"from,omitempty"`     // the name that replies are sent from
	Priority *int    `json:"priority,omitempty"` // minutes of head start, -25,000,000 to 25,000,000
	Skills   *[]Ref  `json:"skills,omitempty"`
	Language *Ref    `json:"language,omitempty"` // the zero Ref: none
}

// UtilizationSettings are the fields of an agent's utilization that a strategy
// can own.
type UtilizationSettings struct {
	Email *int `json:"email,omitempty"` // emails at once, 0 to 25
}

// EmailSettings are the fields of a waiting email that can be changed.
type EmailSettings struct {
	Priority *int   `json:"priority,omitempty"` // minutes of head start, within MostPriority; nil where it was read: 0
	Skills   *[]Ref `json:"skills,omitempty"`
	Language *Ref   `json:"language,omitempty"` // the zero Ref: none
}

// MostPriority is the highest priority; the lowest is its negative
// (docs/platform-notes.md#scoring).
const MostPriority = 25_000_000

// Settings is one of the sets of fields that Foresort changes.
type Settings interface {
	QueueSettings | RouteSettings | UtilizationSettings | EmailSettings
}

// Fields lists all fields of S in their order.
func Fields[S Settings]() []Field {
	return slices.Clone(fieldNames[reflect.TypeFor[S]()])
}

// Owned lists the fields that are set in s.
func Owned[S Settings](s S) []Field {
	var names []Field
	v := reflect.ValueOf(s)
	for i, name := range fieldNames[v.Type()] {
		if !v.Field(i).IsNil() {
			names = append(names, name)
		}
	}
	return names
}

// Only returns s with the named fields kept and all others nil.
func Only[S Settings](s S, names []Field) S {
	v := reflect.ValueOf(&s).Elem()
	for i, name := range fieldNames[v.Type()] {
		if !slices.Contains(names, name) {
			v.Field(i).SetZero()
		}
	}
	return s
}

// Lay returns s with the named fields as they are in from.
func Lay[S Settings](s S, names []Field, from S) S {
	out, with := reflect.ValueOf(&s).Elem(), reflect.ValueOf(from)
	for i, name := range fieldNames[out.Type()] {
		if slices.Contains(names, name) {
			out.Field(i).Set(with.Field(i))
		}
	}
	return s
}

// Differs lists the fields, of those named, in which want and have do not mean
// the same. Order never counts where the platform keeps a set, nor does a name
// where there is an id, nor a trailing empty ring.
func Differs[S Settings](names []Field, want, have S) []Field {
	var out []Field
	w, h := reflect.ValueOf(want), reflect.ValueOf(have)
	for i, name := range fieldNames[w.Type()] {
		if slices.Contains(names, name) && !same(name, w.Field(i), h.Field(i)) {
			out = append(out, name)
		}
	}
	return out
}

// Text is what a person reads for one field of s; "not set" where it is nil,
// "none" where it is empty.
func Text[S Settings](s S, field Field) string {
	v := reflect.ValueOf(s)
	i := slices.Index(fieldNames[v.Type()], field)
	if i < 0 {
		return fmt.Sprintf("no field %s", field)
	}
	if v.Field(i).IsNil() {
		return "not set"
	}
	return text(v.Field(i).Elem().Interface())
}

// fieldNames are the JSON names of the fields of each set, in their order.
var fieldNames = map[reflect.Type][]Field{
	reflect.TypeFor[QueueSettings]():       namesOf(QueueSettings{}),
	reflect.TypeFor[RouteSettings]():       namesOf(RouteSettings{}),
	reflect.TypeFor[UtilizationSettings](): namesOf(UtilizationSettings{}),
	reflect.TypeFor[EmailSettings]():       namesOf(EmailSettings{}),
}

func namesOf(settings any) []Field {
	t := reflect.TypeOf(settings)
	names := make([]Field, t.NumField())
	for i := range names {
		n, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names[i] = Field(n)
	}
	return names
}

// same compares two pointers to one field. Absent and empty mean the same for
// what the platform keeps as a list, and for a language.
func same(field Field, want, have reflect.Value) bool {
	a, b := meaning(field, want), meaning(field, have)
	return reflect.DeepEqual(a, b)
}

// meaning reduces a field to what counts when two of it are compared.
func meaning(field Field, v reflect.Value) any {
	if v.IsNil() {
		switch t := v.Type().Elem(); {
		case t.Kind() == reflect.Slice:
			return []string{}
		case field == "priority":
			return 0 // the platform's default
		case t == reflect.TypeFor[Ref]():
			return ""
		}
		return nil
	}
	switch x := v.Elem().Interface().(type) {
	case Ref:
		return key(x)
	case []Ref:
		return set(x, key)
	case []Group:
		return set(x, func(g Group) string { return key(g.Ref) })
	case Rings:
		return ringMeaning(x)
	case WrapUp:
		if !x.Mode.HasTimeout() {
			x.Timeout = nil
		}
		return x.String()
	case ServiceLevel:
		return fmt.Sprintf("%.6f %d", x.Percent, x.Within)
	default:
		return x
	}
}

// ringMeaning writes each ring as one text. The last ring has nothing to
// expand to, so its wait and what it drops mean nothing; a trailing ring that
// adds nobody, entered from one that drops nothing, means nothing at all (the
// platform may show one such ring more than was written, with a threshold of 5).
func ringMeaning(rings Rings) []string {
	for n := len(rings); n > 0 && len(rings[n-1].Groups) == 0 && (n == 1 || len(rings[n-2].Drop) == 0); n = len(rings) {
		rings = rings[:n-1]
	}
	out := make([]string, 0, len(rings))
	for i, r := range rings {
		meaning := fmt.Sprintf("+%q", set(r.Groups, func(g Group) string { return key(g.Ref) }))
		if i < len(rings)-1 {
			meaning += fmt.Sprintf(" %v -%q", text(r.Wait), set(r.Drop, key))
		}
		out = append(out, meaning)
	}
	return out
}

func key(r Ref) string { return cmp.Or(r.ID, r.Name) }

func set[T any](items []T, key func(T) string) []string {
	out := make([]string, 0, len(items))
	for _, it := range items {
		out = append(out, key(it))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func text(x any) string {
	switch x := x.(type) {
	case []Ref:
		return list(x, Ref.String)
	case []Group:
		return list(x, func(g Group) string { return g.String() })
	case Rings:
		return x.String()
	case *Duration:
		if x == nil {
			return "never"
		}
		return x.String()
	case Ref:
		return cmp.Or(x.String(), "none")
	case string:
		b, _ := json.Marshal(x)
		return string(b)
	default:
		return fmt.Sprint(x)
	}
}

func list[T any](items []T, name func(T) string) string {
	if len(items) == 0 {
		return "none"
	}
	names := make([]string, len(items))
	for i, it := range items {
		names[i] = name(it)
	}
	return strings.Join(names, ", ")
}
