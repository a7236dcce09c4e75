package staffing

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// Text writes a report for a terminal of 80 columns: the findings, a map of the
// hours for each rule, the balance, and the verdict. Warnings of agents who all
// have the same are one line, unless all are wanted.
func Text(w io.Writer, r coverage.Report, style Style, all bool) error {
	t := text{bufio.NewWriter(w), r, style}
	head := about(r)
	t.para(style.Bold, "", head[0], 2)
	t.line(style.Faint, head[1])
	t.findings(all)
	t.maps()
	t.balance()
	t.line(nil, "")
	tone := style.Good
	switch worst(r) {
	case routing.SeverityError:
		tone = style.Bad
	case routing.SeverityWarning:
		tone = style.Warn
	case routing.SeverityNote:
	}
	t.line(tone, Verdict(r))
	return t.out.Flush()
}

// worst is the gravest severity that is not waived; a note where there is none.
func worst(r coverage.Report) routing.Severity {
	out := routing.SeverityNote
	for _, f := range r.Findings {
		switch {
		case f.Waived != nil:
		case f.Severity == routing.SeverityError:
			return routing.SeverityError
		case f.Severity == routing.SeverityWarning:
			out = routing.SeverityWarning
		}
	}
	return out
}

// text is a report that is being written.
type text struct {
	out    *bufio.Writer
	report coverage.Report
	style  Style
}

func (t text) line(style func(...string) string, s string) {
	fmt.Fprintln(t.out, sheet.Paint(style, s))
}

// wrap breaks words into lines that fit beside the margin.
func (t text) wrap(words string, first, hang int) []string {
	return sheet.Wrap(sheet.Plain(words), t.style.Margin+first, t.style.Margin+hang)
}

// para writes words below each other, indented from the second line on.
func (t text) para(style func(...string) string, lead, words string, hang int) {
	for i, l := range t.wrap(words, len([]rune(lead)), hang) {
		if i == 0 {
			fmt.Fprint(t.out, lead)
		} else {
			fmt.Fprint(t.out, strings.Repeat(" ", hang))
		}
		t.line(style, l)
	}
}

// indent is where the words of a finding begin.
const indent = len("warning  ")

func (t text) findings(all bool) {
	told := tell(t.report, all)
	if len(told)+len(t.report.Waivers) > 0 {
		t.line(nil, "")
	}
	for n, s := range told {
		tone := map[routing.Severity]func(...string) string{routing.SeverityError: t.style.Bad, routing.SeverityWarning: t.style.Warn, routing.SeverityNote: t.style.Faint}[s.Severity]
		if s.Waived != nil {
			tone = t.style.Faint
		}
		words := s.Text
		if len(s.Names) > 0 {
			words += ": " + short(s.Names)
		}
		if at := place(s.At); at != "" {
			words += " (" + at + ")"
		}
		fmt.Fprint(t.out, sheet.Paint(tone, string(s.Severity)), strings.Repeat(" ", indent-len(s.Severity)))
		first := indent + len(s.Type) + 2
		fmt.Fprint(t.out, sheet.Paint(t.style.Bold, string(s.Type)), "  ")
		for i, l := range t.wrap(words, first, indent) {
			if i > 0 {
				fmt.Fprint(t.out, strings.Repeat(" ", indent))
			}
			t.line(nil, l)
		}
		again := n+1 < len(told) && told[n+1].Type == s.Type && told[n+1].Do == s.Do && told[n+1].WaivedUntil == "" // then the last says it
		switch {
		case s.WaivedUntil != "":
			t.para(t.style.Faint, strings.Repeat(" ", indent), s.WaivedUntil, indent)
		case s.Do != "" && !again:
			t.para(t.style.Faint, strings.Repeat(" ", indent), "-> "+s.Do, indent+3)
		}
	}
	for _, w := range t.report.Waivers {
		for i, l := range t.wrap(w, indent, indent) {
			lead := strings.Repeat(" ", indent)
			if i == 0 {
				lead = sheet.Paint(t.style.Warn, sheet.Pad("waiver", indent))
			}
			t.line(nil, lead+l)
		}
	}
}

// maps draws a map of the hours for each rule.
func (t text) maps() {
	all := charts(t.report)
	if len(all) == 0 {
		return
	}
	week := days(t.report)
	var unsure, more, shut, blank bool
	for _, c := range all {
		t.line(nil, "")
		t.para(t.style.Bold, "", c.Title(), 2)
		t.para(nil, "  ", c.About(t.report), 2)
		t.line(t.style.Faint, "            00    03    06    09    12    15    18    21")
		for _, d := range week {
			row := &strings.Builder{}
			row.WriteString("  " + d.Name())
			for hour := range 24 {
				var cells []int
				for _, quarter := range d.Cells[hour*4 : hour*4+4] {
					cells = append(cells, quarter...)
				}
				m := markOf(t.report, c.Rule, cells)
				unsure, shut, blank = unsure || m.kind == unknown, shut || m.kind == closed, blank || m.kind == outside
				more = more || m.kind == known && m.more
				row.WriteString(t.cell(m))
			}
			if d.Note != "" {
				row.WriteString("  " + sheet.Paint(t.style.Faint, d.Note))
			}
			t.line(nil, strings.TrimRight(row.String(), " "))
		}
	}
	t.line(nil, "")
	t.legend(unsure, more, shut, blank)
}

// cell writes one hour of a map, two columns wide.
func (t text) cell(m mark) string {
	switch m.kind {
	case outside:
		return "  "
	case closed:
		return sheet.Paint(t.style.Faint, " ·")
	case unknown:
		return sheet.Paint(t.style.Unknown, " ?")
	case known:
	}
	digit := fmt.Sprint(m.agents)
	if m.agents > 9 {
		digit = "+"
	}
	if m.more {
		digit = sheet.Paint(t.style.More, digit)
	}
	return sheet.Paint(t.style.Levels[level(m.agents)], " "+digit)
}

// legend says what the signs of the maps mean, of those that are there.
func (t text) legend(unsure, more, shut, blank bool) {
	words := []string{"Each hour: the fewest agents on queue in any minute of it who can serve the rule; + is 10 or more"}
	if unsure {
		words = append(words, "? is perhaps somebody: "+t.report.Missing())
	}
	if more {
		what := "a number is the least where " + t.report.Missing()
		if t.style.More != nil {
			what = "underlined is the least: " + t.report.Missing()
		}
		words = append(words, what)
	}
	if shut {
		words = append(words, "· is closed by the calendar")
	}
	if blank {
		words = append(words, "blank is outside the 7 days")
	}
	t.para(t.style.Faint, "  ", strings.Join(words, "; ")+".", 2)
}

// balance writes expected email against capacity, by day.
func (t text) balance() {
	b, why := t.report.Balance, demandUnknown(t.report)
	if b == nil && why == "" {
		return
	}
	t.line(nil, "")
	t.line(t.style.Bold, "Email against capacity")
	if b == nil {
		t.para(nil, "  ", why, 2)
		return
	}
	if b.Clears { // else a finding has said it
		t.para(t.style.Good, "  ", b.Verdict, 2)
	}
	t.line(t.style.Faint, fmt.Sprintf("  %-10s  %8s  %8s  %s", "", "expected", "capacity", "backlog at its end, at least"))
	for _, e := range evenings(t.report) {
		t.line(nil, fmt.Sprintf("  %s  %8s  %8s  %7s", e.Name, e.Expected, e.Capacity, e.Backlog))
	}
}
