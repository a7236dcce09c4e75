package yamlfile

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/foresort/foresort/routing"
)

// Severity says how bad a problem is.
type Severity string

// The severities. Only an Error keeps a file from being used.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one mistake in a file, placed so that an editor can jump to it.
// Line and Column count from 1, columns in characters.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Field    string   `json:"field,omitempty"`  // path from the top, such as rules[2].priority
	Message  string   `json:"message"`          // what is wrong
	Hint     string   `json:"hint,omitempty"`   // what to do instead
	Source   string   `json:"source,omitempty"` // the line of the file
	Severity Severity `json:"severity"`
}

// Error is the problem in one line: file:line:column: field: message (hint).
func (p *Problem) Error() string {
	s := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Severity == Warning {
		s += "warning: "
	}
	if p.Field != "" {
		s += p.Field + ": "
	}
	s += p.Message
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Problems is everything that is wrong with a file, in the order of the file.
type Problems []*Problem

// Err is the problems as an error; nil where they only warn.
func (ps Problems) Err() error {
	if slices.ContainsFunc(ps, func(p *Problem) bool { return p.Severity == Error }) {
		return ps
	}
	return nil
}

// Error has a line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single problems.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// The colours of a rendered problem.
const (
	red, yellow, cyan, bold, plain = "\x1b[31m", "\x1b[33m", "\x1b[36m", "\x1b[1m", "\x1b[0m"
)

// Render writes the problems for a person: each with its line of the file, a
// mark under the place, and the hint.
func (ps Problems) Render(w io.Writer, color bool) error {
	paint := func(code, text string) string {
		if !color {
			return text
		}
		return code + text + plain
	}
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		severity := paint(red, string(p.Severity))
		if p.Severity == Warning {
			severity = paint(yellow, string(p.Severity))
		}
		fmt.Fprintf(&b, "%s: %s: ", paint(bold, fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)), severity)
		if p.Field != "" {
			b.WriteString(harmless(p.Field) + ": ")
		}
		b.WriteString(harmless(p.Message) + "\n")
		if strings.TrimSpace(p.Source) != "" {
			line, column := excerpt(p.Source, p.Column)
			fmt.Fprintf(&b, "%5d | %s\n      | %s%s\n", p.Line, line, under(line, column), paint(red, "^"))
		}
		if p.Hint != "" {
			fmt.Fprintf(&b, "      = %s\n", paint(cyan, harmless(p.Hint)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Text is what Render writes, without colours.
func (ps Problems) Text() string {
	var b strings.Builder
	_ = ps.Render(&b, false) // a strings.Builder takes everything
	return b.String()
}

// widest is how much of a line is shown, in characters.
const widest = 160

// Obeyed says whether a terminal would obey a character instead of showing it:
// control characters, and those that turn the direction of text round.
func Obeyed(r rune) bool {
	return unicode.IsControl(r) || r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

// harmless is text without what a terminal would obey, but for tabs.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if Obeyed(r) && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, text)
}

// excerpt is what is shown of a line: the part around the column, without what
// a terminal would obey; and the column in it.
func excerpt(line string, column int) (part string, at int) {
	runes := []rune(harmless(line))
	if len(runes) <= widest {
		return string(runes), column
	}
	from := max(0, min(column-widest/2, len(runes)-widest))
	to := min(len(runes), from+widest)
	part, at = string(runes[from:to]), column-from
	if from > 0 {
		part, at = "…"+part, at+1
	}
	if to < len(runes) {
		part += "…"
	}
	return part, at
}

// under is as wide as the line before the column; tabs stay tabs, so that both
// lines break alike.
func under(line string, column int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// sort puts the problems in the order of the file, and those of other files
// after them.
func (ps Problems) sort(file string) {
	slices.SortStableFunc(ps, func(a, b *Problem) int {
		if (a.File == file) != (b.File == file) {
			if a.File == file {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// problem makes an error at a place of the document.
func (d *Document) problem(at routing.Place, field, message, hint string) *Problem {
	return newProblem(d.file, d.lines, at, field, message, hint)
}

// NewProblem makes an error at a place of any text.
func NewProblem(file, text string, at routing.Place, field, message, hint string) *Problem {
	return newProblem(file, strings.Split(text, "\n"), at, field, message, hint)
}

func newProblem(file string, lines []string, at routing.Place, field, message, hint string) *Problem {
	p := &Problem{File: file, Line: max(1, at.Line), Column: max(1, at.Column), Field: field, Message: message, Hint: hint, Severity: Error}
	if p.Line <= len(lines) {
		p.Source = strings.TrimSuffix(lines[p.Line-1], "\r")
	}
	return p
}
