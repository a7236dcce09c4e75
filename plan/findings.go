package plan

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// This file prints what validation found among people and shifts.

// alike are warnings of one type about one rule, and what is said of them.
type alike struct {
	routing.Finding // the first of them
	n               int
}

// printFindings shows each error in full and the warnings by type and rule;
// notes are left to validate.
func printFindings(w io.Writer, p Plan, style Style) {
	var faults []routing.Finding
	var warnings []alike
	warned, waived, width := 0, 0, 0
	index := map[string]int{}
	for _, f := range p.Checked.Findings {
		switch f.Severity {
		case routing.SeverityNote:
			continue
		case routing.SeverityError:
			if f.Waived != nil {
				waived++
			}
			faults = append(faults, f)
		case routing.SeverityWarning:
			warned++
			key := string(f.Type) + "\n" + f.Rule + "\n" + waivedText(f)
			if _, known := index[key]; !known {
				index[key] = len(warnings)
				warnings = append(warnings, alike{Finding: f})
			}
			warnings[index[key]].n++
		}
		width = max(width, len(f.Type))
	}
	faultCount := phrase.Count(len(faults), "error")
	if waived > 0 {
		faultCount += fmt.Sprintf(" (%d waived)", waived)
	}
	fmt.Fprintln(w, sheet.Paint(style.Bold, fmt.Sprintf("Findings of %s: %s, %s", stamp(p.Checked.At), faultCount, phrase.Count(warned, "warning"))))
	line := func(colour func(...string) string, f routing.Finding) {
		text := f.Message
		if f.Rule != "" && !strings.Contains(text, "rule "+f.Rule) {
			text = "rule " + f.Rule + ": " + text
		}
		for _, s := range []string{waivedText(f), place(f.At)} {
			if s != "" {
				text += "  " + sheet.Paint(style.Faint, s)
			}
		}
		fmt.Fprintf(w, "  %s  %s  %s\n", sheet.Paint(colour, sheet.Pad(string(f.Severity), 7)), sheet.Pad(string(f.Type), width), text)
	}
	for _, f := range faults {
		line(style.Delete, f)
		if f.Do != "" {
			fmt.Fprintf(w, "  %s  %s\n", sheet.Pad("", 7+2+width), sheet.Paint(style.Faint, "= "+f.Do))
		}
	}
	for _, a := range warnings {
		if a.n > 1 {
			noun := "finding"
			if a.AgentID != "" {
				noun = "agent"
			}
			a.Message, a.At = phrase.Count(a.n, noun), routing.Place{}
		}
		line(style.Warn, a.Finding)
	}
	if len(p.Checked.Findings) > 0 {
		fmt.Fprintf(w, "  foresort validate %s --live shows all of them\n", cmp.Or(p.File, "FILE"))
	}
}

// waivedText says to the end of which day a finding may stand, and why.
func waivedText(f routing.Finding) string {
	if f.Waived == nil {
		return ""
	}
	return fmt.Sprintf("waived until %s (%s)", f.Waived.LastDay(), f.Waived.Reason)
}
