package plan

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// Style says how the parts of a printed plan look. The zero Style is plain
// text, for files and pipes.
type Style struct {
	Create, Update, Delete, Faint, Bold, Warn func(...string) string
}

// Colour is the style for a terminal.
func Colour() Style {
	colour := func(c string) func(...string) string {
		return lipgloss.NewStyle().Foreground(lipgloss.Color(c)).Render
	}
	return Style{
		Create: colour("2"), Update: colour("3"), Delete: colour("1"), Warn: colour("3"),
		Faint: lipgloss.NewStyle().Faint(true).Render, Bold: lipgloss.NewStyle().Bold(true).Render,
	}
}

// Print writes the plan for a person: a block for each change, then the notes
// and the findings, then one line that sums it up.
func Print(w io.Writer, p Plan, style Style) error {
	out := bufio.NewWriter(w)
	if len(p.Changes) > 0 {
		fmt.Fprintln(out, sheet.Paint(style.Bold, title(p)))
	}
	for _, c := range p.Changes {
		fmt.Fprintln(out)
		printChange(out, c, style)
	}
	if len(p.Changes) > 0 {
		fmt.Fprintln(out)
	}
	if len(p.Notes) > 0 {
		fmt.Fprintln(out, sheet.Paint(style.Bold, "Notes"))
		for _, n := range p.Notes {
			mark := sheet.Paint(style.Faint, string(n.Kind))
			if n.Kind != NoteHome {
				mark = sheet.Paint(style.Warn, string(n.Kind))
			}
			line := "  " + mark + strings.Repeat(" ", max(0, 8-len(n.Kind))) + " " + n.Text
			if at := place(n.At); at != "" {
				line += "  " + sheet.Paint(style.Faint, at)
			}
			fmt.Fprintln(out, line)
		}
		fmt.Fprintln(out)
	}
	if p.Checked != nil {
		printFindings(out, p, style)
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, sheet.Paint(style.Bold, Summary(p)))
	return out.Flush()
}

func title(p Plan) string {
	org := p.Org.String()
	if org != "" {
		org = " on " + org
	}
	if p.Live {
		return "Live rules of strategy " + p.Strategy + org
	}
	if p.Lease != nil {
		return "Override by rule " + p.Lease.Rule + " of strategy " + p.Strategy + org
	}
	if p.Undoes != "" {
		return "Plan to undo run " + p.Undoes + org
	}
	return "Plan of strategy " + p.Strategy + org
}

// Summary is the last line of a printed plan.
func Summary(p Plan) string {
	create, update, remove := p.Counts()
	switch {
	case create+update+remove > 0:
		return fmt.Sprintf("Plan: %d to create, %d to update, %d to delete.", create, update, remove)
	case p.Undoes != "":
		return "No changes. There is nothing to undo."
	case p.File != "":
		return "No changes. The org already is as " + p.File + " asks."
	default:
		return "No changes. The org already is as strategy " + p.Strategy + " asks."
	}
}

// Headline names the change in one line, such as "update queue Support".
func (c Change) Headline() string {
	if c.Members != nil {
		format := map[Verb]string{Join: "add %s to queue %s", Leave: "remove %s from queue %s", Move: "move %s to another ring of queue %s"}[c.Verb]
		return fmt.Sprintf(format, phrase.Count(len(c.Members.Agents), "agent"), c.Object)
	}
	if c.Kind == Utilization {
		return fmt.Sprintf("%s utilization of %s", c.Verb, c.Object)
	}
	if c.Transfer != nil {
		return fmt.Sprintf("move %s %s to queue %s", kindWord(c.Kind), c.Object, c.Transfer.To)
	}
	return fmt.Sprintf("%s %s %s", c.Verb, kindWord(c.Kind), c.Object)
}

func printChange(w io.Writer, c Change, style Style) {
	mark, colour := "~", style.Update
	switch c.Verb {
	case Create:
		mark, colour = "+", style.Create
	case Delete:
		mark, colour = "-", style.Delete
	case Update, Join, Leave, Move:
	}
	fmt.Fprintf(w, "%s  %s\n", sheet.Paint(colour, fmt.Sprintf("%3d %s %s", c.ID, mark, c.Headline())), sheet.Paint(style.Faint, c.Why))
	nameWidth, valueWidth, placeWidth := 0, 0, 0
	for _, f := range c.Fields {
		nameWidth = max(nameWidth, lipgloss.Width(string(f.Field))+1)
		if width := lipgloss.Width(value(c, f)); width <= widest {
			valueWidth = max(valueWidth, width)
		}
		placeWidth = max(placeWidth, lipgloss.Width(place(f.At)))
	}
	for _, f := range c.Fields {
		v := value(c, f)
		fmt.Fprintf(w, "      %s %s", sheet.Pad(string(f.Field)+":", nameWidth), v)
		if lipgloss.Width(v) > valueWidth { // a long value gets its place and home on a line below
			fmt.Fprintf(w, "\n      %s ", sheet.Pad("", nameWidth))
			v = ""
		}
		fmt.Fprintf(w, "%s  %s", sheet.Pad("", valueWidth-lipgloss.Width(v)), sheet.Paint(style.Faint, strings.TrimSpace(sheet.Pad(place(f.At), placeWidth)+"  "+f.Home)))
		if f.Drift {
			fmt.Fprint(w, "  "+sheet.Paint(style.Warn, "drift"))
		}
		fmt.Fprintln(w)
	}
}

// widest is how wide a value may be before its place moves to the next line.
const widest = 56

func value(c Change, f FieldChange) string {
	if c.Members != nil && c.Verb != Move || c.Verb == Create && f.Before == "" {
		return f.Before + f.After
	}
	if c.Verb == Delete && f.After == "" {
		return f.Before
	}
	return f.Before + " -> " + f.After
}

func place(p routing.Place) string {
	if p.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
