package condition

import (
	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// Email is what a condition can know of one email.
type Email struct {
	Subject, From string
	Attributes    map[string]string
}

// OfEmail is a condition on an email.
type OfEmail struct {
	program cel.Program
	// Constant says that it is the same for every email, and Always which.
	Constant, Always bool
}

// constantCost bounds the work of finding out whether a condition is constant.
const constantCost = 10_000

// emails is the vocabulary. email.to is declared so that its use can be refused
// in words: the address decides its rule.
var emails = &vocabulary{
	env: must(cel.NewEnv(
		cel.Variable("email.subject", cel.StringType),
		cel.Variable("email.from", cel.StringType),
		cel.Variable("email.attributes", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("email.to", cel.StringType),
	)),
	known: "email.subject, email.from, email.attributes",
	whole: `email.subject == "Invoice"`,
	types: "subject, from and every attribute are text: compare them with text in quotes",
}

// must is for the languages, which are fixed: every test makes them.
func must[T any](v T, err error) T {
	if err != nil {
		panic("the language of conditions: " + err.Error())
	}
	return v
}

// CompileEmail checks a condition on an email.
func CompileEmail(text string) (*OfEmail, []Mistake) {
	compiled, mistakes := emails.compile(text)
	if mistakes != nil {
		return nil, mistakes
	}
	celast.PreOrderVisit(compiled.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		ref, ok := compiled.NativeRep().ReferenceMap()[e.ID()]
		if !ok || ref.Name != "email.to" {
			return
		}
		m := at(compiled, text, e, "email.to")
		m.Message, m.Hint = "email.to cannot be used in a condition: the address alone decides its rule", "name the rule under addresses: { address: ..., rule: ... }"
		mistakes = append(mistakes, m)
	}))
	if mistakes != nil {
		return nil, mistakes
	}
	program, err := emails.env.Program(compiled, cel.EvalOptions(cel.OptOptimize, cel.OptPartialEval), cel.CostLimit(constantCost))
	if err != nil {
		return nil, []Mistake{{Message: err.Error()}}
	}
	c := &OfEmail{program: program}
	unknown := must(cel.PartialVars(map[string]any{},
		cel.AttributePattern("email.subject"), cel.AttributePattern("email.from"), cel.AttributePattern("email.attributes")))
	if value, _, err := program.Eval(unknown); err == nil {
		var always types.Bool
		always, c.Constant = value.(types.Bool)
		c.Always = bool(always)
	}
	return c, nil
}

// Holds says whether the condition holds for an email; known is false where what
// it asks for is not there, such as an attribute.
func (c *OfEmail) Holds(e Email) (holds, known bool) {
	if e.Attributes == nil {
		e.Attributes = map[string]string{}
	}
	value, _, err := c.program.Eval(map[string]any{"email.subject": e.Subject, "email.from": e.From, "email.attributes": e.Attributes})
	if err != nil {
		return false, false
	}
	b, ok := value.(types.Bool)
	return bool(b), ok
}
