// Package condition is the language of conditions, CEL: a text in, a typed
// condition out, or its mistakes with their places. There are two vocabularies:
// what is known of an email, and what is known of a queue over time.
package condition

import (
	"cmp"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// Mistake is something wrong in a condition. Line counts from 1, Column from 0;
// Line 0 is the condition as a whole.
type Mistake struct {
	Line, Column int
	Message      string
	Hint         string // a way out; empty: none
}

// vocabulary is what a condition can speak of.
type vocabulary struct {
	env   *cel.Env
	known string // in words, for a name that is not
	types string // what to do about a type that does not fit
	whole string // a condition for example
}

// compile checks a text; it must be true or false.
func (v *vocabulary) compile(text string) (*cel.Ast, []Mistake) {
	compiled, issues := v.env.Compile(text)
	if issues.Err() != nil {
		var out []Mistake
		for _, e := range issues.Errors() {
			m := Mistake{Line: e.Location.Line(), Column: max(0, e.Location.Column())}
			m.Message, m.Hint = v.split(e.Message)
			m.Message = "condition: " + m.Message
			if name, ok := strings.CutPrefix(e.Message, "undeclared reference to '"); ok {
				name, _, _ = strings.Cut(name, "'")
				m.Column = nearestName(text, m.Line, m.Column, name)
			}
			out = append(out, m)
		}
		return nil, out
	}
	if compiled.OutputType() != cel.BoolType {
		return nil, []Mistake{{Message: "a condition is true or false; this one is " + typeWord(compiled.OutputType()), Hint: "compare it with something, such as " + v.whole}}
	}
	return compiled, nil
}

// nearestName is the column where a name starts: CEL places a path such as
// email.subject at one of its dots.
func nearestName(text string, line, column int, name string) int {
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return column
	}
	runes := []rune(lines[line-1])
	for i := min(column, len(runes)); i >= 0; i-- {
		if strings.HasPrefix(string(runes[i:]), name) {
			return i
		}
	}
	return column
}

// at is the place of an expression.
func at(compiled *cel.Ast, text string, e celast.Expr, name string) Mistake {
	place := compiled.NativeRep().SourceInfo().GetStartLocation(e.ID())
	return Mistake{Line: place.Line(), Column: nearestName(text, place.Line(), place.Column(), name)}
}

var noOverload = regexp.MustCompile(`^found no matching overload for '([^']+)' applied to '(.*)'$`)

// split takes the suggestion out of CEL's message.
func (v *vocabulary) split(message string) (text, hint string) {
	if head, tail, ok := strings.Cut(message, " (did you mean "); ok {
		return head, "did you mean " + strings.ReplaceAll(strings.TrimSuffix(tail, ")"), "'", "`")
	}
	if head, _, ok := strings.Cut(message, " expecting {"); ok {
		return strings.ReplaceAll(head, "<EOF>", "end of text"), ""
	}
	if strings.HasPrefix(message, "undeclared reference to ") {
		return message, "what is known: " + v.known
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		takes := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(m[2], subject+"."), "("), ")")
		return "`" + strings.Trim(m[1], "_") + "` does not take " + cmp.Or(takes, "nothing"), v.types
	}
	return message, ""
}

func typeWord(t *cel.Type) string {
	switch t.Kind() {
	case types.StringKind:
		return "a text"
	case types.IntKind, types.UintKind, types.DoubleKind:
		return "a number"
	case types.DurationKind:
		return "a time"
	case types.ListKind:
		return "a list"
	case types.MapKind:
		return "a map"
	default:
		return "of type " + t.String()
	}
}
