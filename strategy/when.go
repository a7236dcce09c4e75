package strategy

import (
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file checks conditions: CEL expressions on what is known of an email.

// conditionCost bounds the work of finding out whether a condition is constant.
const conditionCost = 10_000

// newConditions is the language of `when`. email.to is declared so that its use
// can be refused in words: the address decides its rule.
func newConditions() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("email.subject", cel.StringType),
		cel.Variable("email.from", cel.StringType),
		cel.Variable("email.attributes", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("email.to", cel.StringType),
	)
}

// condition checks one `when`.
func (c *checker) condition(i int) {
	path := c.path("rules[%d].when", i)
	expr := c.s.Rules[i].When
	compiled, issues := c.conditions.Compile(expr)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			column := max(0, e.Location.Column())
			message := e.Message
			if name, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
				name, _, _ = strings.Cut(name, "'")
				column = nearestName(expr, e.Location.Line(), column, name)
			}
			message, hint := splitHint(message)
			c.FailAt(c.inside(path, expr, e.Location.Line(), column), path, "condition: "+message, hint)
		}
		return
	}
	fine := true
	celast.PreOrderVisit(compiled.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		ref, ok := compiled.NativeRep().ReferenceMap()[e.ID()]
		if !ok || ref.Name != "email.to" {
			return
		}
		fine = false
		at := compiled.NativeRep().SourceInfo().GetStartLocation(e.ID())
		c.FailAt(c.inside(path, expr, at.Line(), nearestName(expr, at.Line(), at.Column(), "email.to")), path,
			"email.to cannot be used in a condition: the address alone decides its rule", "name the rule under addresses: { address: ..., rule: "+yamlfile.Text(c.s.Rules[i].Name)+" }")
	}))
	if compiled.OutputType() != cel.BoolType {
		c.Fail(path, "a condition is true or false; this one is "+typeWord(compiled.OutputType()), "compare it with something, such as email.subject == \"Invoice\"")
		return
	}
	if !fine {
		return
	}
	switch constant, always := c.constant(compiled); {
	case constant && always:
		hint := "leave `when` out and let addresses name the rule"
		if i < len(c.s.Rules)-1 {
			hint = "the rules after it are never tried; " + hint
		}
		c.Fail(path, "the condition is always true", hint)
	case constant:
		c.Fail(path, "the condition is never true: the rule is unreachable", "leave the rule out, or mend its condition")
	default:
		c.Fail(path, "`when` is not in this version", "it comes with `foresort serve`, which acts on waiting email; until then let an address of its own decide the rule")
	}
}

// constant says whether a condition has the same result for every email.
func (c *checker) constant(compiled *cel.Ast) (constant, result bool) {
	program, err := c.conditions.Program(compiled, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(conditionCost))
	if err != nil {
		return false, false
	}
	unknown, err := cel.PartialVars(map[string]any{},
		cel.AttributePattern("email.subject"), cel.AttributePattern("email.from"), cel.AttributePattern("email.attributes"))
	if err != nil {
		return false, false
	}
	value, _, err := program.Eval(unknown)
	if err != nil {
		return false, false
	}
	b, ok := value.(types.Bool)
	return ok, bool(b)
}

// inside is the place in the file of a line (from 1) and column (from 0) of a
// text value; where quotes or folding hide it, it is where the value starts.
func (c *checker) inside(path, text string, line, column int) routing.Place {
	at := c.Places()[path].Value
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) || strings.TrimSpace(lines[line-1]) == "" {
		return at
	}
	want := lines[line-1]
	for n := at.Line; n <= len(c.Lines()) && n <= at.Line+len(lines); n++ {
		source := c.Lines()[n-1]
		from := 0
		if n == at.Line {
			from = len(string([]rune(source)[:min(at.Column-1, len([]rune(source)))]))
		}
		if i := strings.Index(source[from:], want); i >= 0 {
			return routing.Place{File: at.File, Line: n, Column: len([]rune(source[:from+i])) + column + 1}
		}
	}
	return at
}

// nearestName is the column where a name starts: CEL places a path such as
// email.subject at one of its dots.
func nearestName(expr string, line, column int, name string) int {
	lines := strings.Split(expr, "\n")
	if line < 1 || line > len(lines) {
		return column
	}
	text := []rune(lines[line-1])
	for i := min(column, len(text)); i >= 0; i-- {
		if strings.HasPrefix(string(text[i:]), name) {
			return i
		}
	}
	return column
}

var noOverload = regexp.MustCompile(`^found no matching overload for '([^']+)' applied to '\(?([^')]*)\)?'`)

// splitHint takes the suggestion out of CEL's message.
func splitHint(message string) (text, hint string) {
	if head, tail, ok := strings.Cut(message, " (did you mean "); ok {
		return head, "did you mean " + strings.ReplaceAll(strings.TrimSuffix(tail, ")"), "'", "`")
	}
	if head, _, ok := strings.Cut(message, " expecting {"); ok {
		return strings.ReplaceAll(head, "<EOF>", "end of text"), ""
	}
	if strings.HasPrefix(message, "undeclared reference to ") {
		return message, "what is known: email.subject, email.from, email.attributes"
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		return "`" + strings.Trim(m[1], "_") + "` does not take " + m[2], "subject, from and every attribute are text: compare them with text in quotes"
	}
	return message, ""
}

func typeWord(t *cel.Type) string {
	switch t.Kind() {
	case types.StringKind:
		return "a text"
	case types.IntKind, types.UintKind, types.DoubleKind:
		return "a number"
	case types.ListKind:
		return "a list"
	case types.MapKind:
		return "a map"
	default:
		return "of type " + t.String()
	}
}
