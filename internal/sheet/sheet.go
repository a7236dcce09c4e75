// Package sheet is what reports for people have in common: names, numbers and
// sentences in; text for a terminal of 80 columns, and the look of a page, out.
package sheet

import (
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
)

// Columns is how wide a terminal is taken to be.
const Columns = 80

//go:embed page.css
var style string

// CSS is the look of a page, light and dark; what a page has beside it follows.
func CSS(more string) template.CSS { return template.CSS(style + more) } //nolint:gosec // our own

//go:embed parts.html
var parts string

// Page is the template of a page. It may use "head", which makes the page ask for
// nothing but itself and is given whether it has a script, and "notes", which is
// given them.
func Page(text string, funcs template.FuncMap) *template.Template {
	return template.Must(template.Must(template.New("page").Funcs(funcs).Parse(parts)).Parse(text))
}

// Style says how the parts of a printed text look that says what is good and what
// is bad. The zero Style is plain text, for files and pipes.
type Style struct {
	Good, Bad, Warn, Faint, Bold func(...string) string
}

// Colour is the style for a terminal.
func Colour() Style {
	colour := func(c string) func(...string) string {
		return lipgloss.NewStyle().Foreground(lipgloss.Color(c)).Render
	}
	return Style{
		Good: colour("2"), Bad: colour("1"), Warn: colour("3"),
		Faint: lipgloss.NewStyle().Faint(true).Render, Bold: lipgloss.NewStyle().Bold(true).Render,
	}
}

// Tone says how good a thing is.
type Tone string

// The tones, as the pages have them as classes.
const (
	Good   Tone = "good"
	Bad    Tone = "bad"
	Unsure Tone = "unsure"
)

// Of is the style of a tone; nil: any other is plain.
func (s Style) Of(t Tone) func(...string) string {
	return map[Tone]func(...string) string{Good: s.Good, Bad: s.Bad, Unsure: s.Warn}[t]
}

// Paint lays a style over a text; nil is plain.
func Paint(style func(...string) string, text string) string {
	if style == nil || text == "" {
		return text
	}
	return style(text)
}

// Plain takes out of a text what a terminal would obey, and what turns its direction.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r) {
			return '�'
		}
		return r
	}, s)
}

// Pad fills a text with spaces to a width.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-lipgloss.Width(s)))
}

// Cut shortens a text to a width, in its middle: long names differ at the end.
func Cut(s string, width int) string {
	if lipgloss.Width(s) <= width {
		return s
	}
	runes := []rune(s)
	head, tail := len(runes)/2, len(runes)/2
	for lipgloss.Width(string(runes[:head]))+1+lipgloss.Width(string(runes[tail:])) > width {
		if head > len(runes)-tail {
			head--
		} else {
			tail++
		}
	}
	return string(runes[:head]) + "…" + string(runes[tail:])
}

// Wrap breaks a text between its words into lines of at most Columns, where the
// first begins at column first and the others are to be indented by hang. A word
// that is too long for a line is shortened.
func Wrap(text string, first, hang int) []string {
	lines, room := []string{""}, Columns-first
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = Cut(word, room)
		case lipgloss.Width(*last)+1+lipgloss.Width(word) <= room:
			*last += " " + word
		default:
			room = Columns - hang
			lines = append(lines, Cut(word, room))
		}
	}
	return lines
}

// Number writes x with a number of decimals, and commas between thousands.
func Number(x float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(x), 'f', decimals, 64)
	whole, rest, _ := strings.Cut(s, ".")
	for n := len(whole) - 3; n > 0; n -= 3 {
		whole = whole[:n] + "," + whole[n:]
	}
	if rest != "" {
		whole += "." + rest
	}
	if x < 0 && strings.Trim(whole, "0.") != "" {
		return "-" + whole
	}
	return whole
}

// Span writes seconds as a person would: 12.3s, 3m20s, 1h05m, 3d04h.
func Span(seconds float64) string {
	if seconds < 0 {
		if s := Span(-seconds); s != "0s" {
			return "-" + s
		}
		return "0s"
	}
	switch tenths := math.Round(seconds * 10); {
	case tenths == 0:
		return "0s"
	case tenths < 600:
		return Number(seconds, 1) + "s"
	}
	switch s := math.Round(seconds); {
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", int64(s)/60, int64(s)%60)
	case seconds < 48*3600-30:
		m := int64(math.Round(seconds / 60))
		return fmt.Sprintf("%dh%02dm", m/60, m%60)
	case seconds < 1e13:
		h := int64(math.Round(seconds / 3600))
		return fmt.Sprintf("%dd%02dh", h/24, h%24)
	}
	return Number(seconds/86400, 0) + "d"
}

// Unrun is a name with an apostrophe before it where a spreadsheet would take it
// for a formula and run it (owasp.org/www-community/attacks/CSV_Injection).
func Unrun(name string) string {
	if name != "" && strings.ContainsRune("=+-@\t\r", rune(name[0])) {
		return "'" + name
	}
	return name
}
