package strategy

import (
	"strings"

	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/routing"
)

// This file places the mistakes of conditions in the file.

// condition checks one `when` of a rule.
func (c *checker) condition(i int) {
	path := c.path("rules[%d].when", i)
	text := c.s.Rules[i].When
	compiled, mistakes := condition.CompileEmail(text)
	switch {
	case mistakes != nil:
		c.mistakes(path, text, mistakes)
	case compiled.Constant && compiled.Always:
		hint := "leave `when` out and let addresses name the rule"
		if i < len(c.s.Rules)-1 {
			hint = "the rules after it are never tried; " + hint
		}
		c.Fail(path, "the condition is always true", hint)
	case compiled.Constant:
		c.Fail(path, "the condition is never true: the rule is unreachable", "leave the rule out, or mend its condition")
	default:
		c.s.conditions[i] = compiled
	}
}

// mistakes reports what is wrong in a condition, each where it is.
func (c *checker) mistakes(path, text string, mistakes []condition.Mistake) {
	for _, m := range mistakes {
		at := c.Places()[path].Value
		if m.Line > 0 {
			at = c.inside(path, text, m.Line, m.Column)
		}
		c.FailAt(at, path, m.Message, m.Hint)
	}
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
