// Package staffing tells what a check of people and shifts found: a coverage
// report in; text for a terminal, and an HTML page that needs nothing but itself
// out. It is pure: the same report gives the same bytes.
package staffing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// Style says how the parts of a printed report look. The zero Style is plain
// text, for files and pipes.
type Style struct {
	// Margin is how many of the columns something else takes before each line.
	Margin                       int
	Good, Bad, Warn, Faint, Bold func(...string) string
	// Unknown is a time of which nobody knows who is there, More a number to which
	// agents may come of whom not all is known.
	Unknown, More func(...string) string
	// Levels are numbers of agents, as levels tells them.
	Levels [len(levels)]func(...string) string
}

// levels are the numbers of agents that look the same; each goes up to the next.
var levels = [...]int{0, 1, 2, 3, 5, 10}

// level is the level of a number of agents.
func level(agents int) int {
	n := 0
	for n+1 < len(levels) && agents >= levels[n+1] {
		n++
	}
	return n
}

// levelName names a level: 0, 3–4, 10+.
func levelName(n int) string {
	switch {
	case n == len(levels)-1:
		return fmt.Sprintf("%d+", levels[n])
	case levels[n+1] == levels[n]+1:
		return fmt.Sprint(levels[n])
	default:
		return fmt.Sprintf("%d–%d", levels[n], levels[n+1]-1)
	}
}

// Colour is the style for a terminal.
func Colour() Style {
	plain := lipgloss.NewStyle()
	colour := func(c string) func(...string) string { return plain.Foreground(lipgloss.Color(c)).Render }
	on := func(ink, ground string) func(...string) string {
		return plain.Foreground(lipgloss.Color(ink)).Background(lipgloss.Color(ground)).Render
	}
	return Style{
		Good: colour("2"), Bad: colour("1"), Warn: colour("3"),
		Faint: plain.Faint(true).Render, Bold: plain.Bold(true).Render,
		Unknown: on("16", "250"), More: plain.Underline(true).UnderlineSpaces(false).Render,
		Levels: [...]func(...string) string{on("231", "160"), on("16", "214"), on("16", "227"), on("16", "150"), on("16", "71"), on("231", "28")},
	}
}

// Verdict sums a report up in one line.
func Verdict(r coverage.Report) string {
	var faults, warnings, waived, notes int
	for _, f := range r.Findings {
		switch {
		case f.Severity == routing.SeverityNote:
			notes++
		case f.Waived != nil:
			waived++
		case f.Severity == routing.SeverityError:
			faults++
		default:
			warnings++
		}
	}
	text := fmt.Sprintf("Coverage: %s, %s", count(faults, "error"), count(warnings, "warning"))
	if waived > 0 {
		text += fmt.Sprintf(", %d waived", waived)
	}
	if notes > 0 {
		text += ", " + count(notes, "note")
	}
	return text + "."
}

// about says what was looked at, in two lines.
func about(r coverage.Report) [2]string {
	z := zone(r)
	layout := "Mon 2 Jan 2006 15:04"
	members := count(r.Members, "member")
	if r.Members == 0 && !slices.ContainsFunc(r.Findings, func(f routing.Finding) bool { return f.Type == routing.NoMembers }) {
		members = "members not known"
	}
	return [2]string{
		fmt.Sprintf("Queue %s, %s", r.Queue, members),
		fmt.Sprintf("%s to %s (%s)", r.Span.From.In(z).Format(layout), r.Span.To.In(z).Format(layout), z),
	}
}

// count is a number with its noun.
func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// emails writes a number of emails.
func emails(x float64) string {
	if x >= 9.95 {
		return sheet.Number(x, 0)
	}
	return strings.TrimSuffix(sheet.Number(x, 1), ".0")
}

// asks is what a rule asks for: Billing + English.
func asks(r coverage.Rule) string {
	words := append([]string{}, r.Skills...)
	if r.Language != "" {
		words = append(words, r.Language)
	}
	return cmp.Or(strings.Join(words, " + "), "any skills")
}
