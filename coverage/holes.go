package coverage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
)

// This file finds and names the hours in which nobody can serve a rule.

// holes are the open cells of a rule with nobody, where that is known.
func (c *check) holes() {
	for n, r := range c.report.Rules {
		if r.Qualified == 0 && slices.ContainsFunc(c.report.Findings, func(f routing.Finding) bool {
			return f.Type == routing.Unservable && f.Rule == r.Name
		}) {
			continue // it has been said
		}
		c.unsure(n, r)
		spans := c.openPart(c.spans(func(cell int) bool { return c.counts(cell) && r.Agents[cell] == 0 && r.Unknown[cell] == 0 }))
		if len(spans) == 0 {
			continue
		}
		total := sum(spans)
		what := c.asks[n][0].text()
		when := c.nameSpans(spans)
		if r.never(c.counts) {
			when = "at any time of the next 7 days"
		}
		text := fmt.Sprintf("%s: nobody %s", what, when)
		if len(c.rings) > 1 && r.Within != nil {
			text += fmt.Sprintf(" (of those who get it within %s)", r.Within)
		}
		where := "the next 7 days"
		if c.report.Open != nil {
			where = "the open hours of the next 7 days"
		}
		do := fmt.Sprintf("plan one of the %d qualified agents then, train others, or relax the rule", r.Qualified)
		switch r.Qualified {
		case 0:
			do = "train or add somebody, or relax the rule sooner"
		case 1:
			do = "plan the 1 qualified agent then, train others, or relax the rule"
		}
		c.add(routing.Finding{
			Type: routing.Hole, Rule: r.Name, Spans: spans, At: c.askPlace(n), Message: text,
			Numbers: []routing.Number{{Name: "hours", Value: total.Hours()}, {Name: "qualified", Value: float64(r.Qualified)}},
			Do:      fmt.Sprintf("that is %s of %s: %s", hours(total), where, do),
		})
	}
}

// unsure notes the open cells in which nobody is known to be there, and somebody
// may be.
func (c *check) unsure(n int, r Rule) {
	more := 0
	spans := c.openPart(c.spans(func(cell int) bool {
		if !c.counts(cell) || r.Agents[cell] > 0 || r.Unknown[cell] == 0 {
			return false
		}
		more = max(more, r.Unknown[cell])
		return true
	}))
	if len(spans) == 0 || r.Qualified == 0 {
		return
	}
	var known int // hours that somebody has for certain
	for cell := range Cells {
		known += r.Agents[cell]
	}
	if known == 0 {
		return // no schedule is known, which is said once
	}
	c.add(routing.Finding{
		Type: routing.Hole, Severity: routing.SeverityNote, Rule: r.Name, Spans: spans, At: c.askPlace(n),
		Message: fmt.Sprintf("%s: nobody is known to be there %s; %s more may be (schedule unknown)", c.asks[n][0].text(), c.nameSpans(spans), phrase.Count(more, "agent")),
		Numbers: []routing.Number{{Name: "unknown", Value: float64(more)}},
	})
}

// never says that in no cell that counts somebody is there, or may be.
func (r Rule) never(counts func(cell int) bool) bool {
	for cell := range Cells {
		if counts(cell) && r.Agents[cell]+r.Unknown[cell] > 0 {
			return false
		}
	}
	return true
}

// counts says whether the calendar counts a cell.
func (c *check) counts(cell int) bool { return c.report.Open == nil || c.report.Open[cell] }

// spans are the cells that a test takes, together where they follow each other.
func (c *check) spans(takes func(cell int) bool) []routing.Span {
	var out []routing.Span
	for cell := range Cells {
		if !takes(cell) {
			continue
		}
		from := c.report.Span.From.Add(time.Duration(cell) * Cell)
		if n := len(out) - 1; n >= 0 && out[n].To.Equal(from) {
			out[n].To = from.Add(Cell)
			continue
		}
		out = append(out, routing.Span{From: from, To: from.Add(Cell)})
	}
	return out
}

// openPart is what the calendar counts of spans; a cell may be open in part.
func (c *check) openPart(spans []routing.Span) []routing.Span {
	if c.Want.Calendar == nil {
		return spans
	}
	var open []routing.Span
	for from, to := range c.Want.Calendar.Open(c.report.Span.From, c.report.Span.To) {
		open = append(open, routing.Span{From: from, To: to})
	}
	return minus(spans, minus([]routing.Span{c.report.Span}, join(open)))
}

// sum is how long spans are together.
func sum(spans []routing.Span) (total time.Duration) {
	for _, s := range spans {
		total += s.To.Sub(s.From)
	}
	return total
}

// mostNamed is how many groups of spans are named before the rest is counted.
const mostNamed = 6

// nameSpans names spans of a week: Mon–Fri 20:00–07:00, Sat 13:00–18:00. Spans at
// the same times of following days are named together.
func (c *check) nameSpans(spans []routing.Span) string {
	type group struct {
		first, last time.Time // days
		times       string
		one         routing.Span
	}
	var groups []group
	for _, s := range spans {
		from, to := s.From.In(c.zone), s.To.In(c.zone)
		day := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.UTC)
		times := from.Format("15:04") + "–" + endOf(to)
		// Past the same time of the next day the end needs its day.
		if end := routing.Shown(to); end.Sub(routing.Shown(from)) >= 24*time.Hour && end.After(day.AddDate(0, 0, 1)) {
			times = from.Format("15:04") + "–" + to.Format("Mon 15:04")
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.times == times && g.last.AddDate(0, 0, 1).Equal(day) && len(times) < 14 })
		if i < 0 {
			groups = append(groups, group{day, day, times, s})
			continue
		}
		groups[i].last = day
	}
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Or(a.first.Compare(b.first), a.one.From.Compare(b.one.From)) })
	var names []string
	for i, g := range groups {
		if i == mostNamed && len(groups) > mostNamed+1 {
			names = append(names, fmt.Sprintf("and %d more times", len(groups)-i))
			break
		}
		day := g.first.Format("Mon")
		switch days := int(g.last.Sub(g.first).Hours() / 24); {
		case days >= 6:
			day = "every day"
		case days > 0:
			day += "–" + g.last.Format("Mon")
		}
		names = append(names, day+" "+g.times)
	}
	return strings.Join(names, ", ")
}

// endOf is the end of a span on its day: midnight is 24:00.
func endOf(t time.Time) string {
	if t.Hour() == 0 && t.Minute() == 0 {
		return "24:00"
	}
	return t.Format("15:04")
}

// hours is a time in hours and minutes.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return phrase.Count(int(d/time.Hour), "hour")
	}
	return routing.Duration(d.Round(time.Minute)).String()
}
