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
			return f.Type == routing.Unservable && f.Rule == r.Name || f.Type == routing.NoMembers
		}) {
			continue // it has been said
		}
		c.unsure(n, r)
		empty := func(cell int) bool { return c.counts(cell) && r.Agents[cell] == 0 && r.Unknown[cell] == 0 }
		spans := c.openPart(c.spans(empty))
		if len(spans) == 0 {
			continue
		}
		total := sum(spans)
		what := c.asked(n)
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
		qualified := c.qualified(n, empty)
		do := fmt.Sprintf("plan one of the %d qualified agents then, train others, or relax the rule", qualified)
		switch {
		case c.whole:
			do = fmt.Sprintf("plan one of the %s then, or add somebody", phrase.Count(len(c.members), "member"))
		case qualified == 0:
			do = "train or add somebody, or relax the rule sooner"
		case qualified == 1:
			do = "plan the 1 qualified agent then, train others, or relax the rule"
		}
		c.add(routing.Finding{
			Type: routing.Hole, Rule: r.Name, Spans: spans, At: c.askPlace(n), Message: text,
			Numbers: []routing.Number{{Name: "hours", Value: total.Hours()}, {Name: "qualified", Value: float64(qualified)}},
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
	if len(spans) == 0 {
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
		Message: fmt.Sprintf("%s: nobody is known to be there %s; %s may be: %s", c.asked(n), c.nameSpans(spans), c.report.Perhaps(more), c.report.Missing()),
		Numbers: []routing.Number{{Name: "unknown", Value: float64(more)}},
	})
}

// Missing says why more agents may be there than are counted: some skills are not
// known.
func (r Report) Missing() string {
	var what []string
	for _, f := range r.Findings {
		switch {
		case f.Type == routing.ScheduleUnknown:
			what = append(what, "schedules")
		case ofGroups(f):
			what = append(what, "members")
		case f.Type == routing.SkillsUnknown:
			what = append(what, "skills")
		}
	}
	return "some " + cmp.Or(strings.Join(what, " or "), "schedules") + " are not known"
}

// Perhaps says how many more agents may be there, as far as a rule's Unknown tells
// it: of a group that was not read nobody knows how many it brings.
func (r Report) Perhaps(unknown int) string {
	if slices.ContainsFunc(r.Findings, ofGroups) {
		return "more agents"
	}
	return "up to " + phrase.Count(unknown, "more agent")
}

// ofGroups says that a finding is about members whom groups bring, and not about
// the skills of members.
func ofGroups(f routing.Finding) bool { return f.Type == routing.SkillsUnknown && f.Numbers == nil }

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

// nameSpans names spans of a week, which are sorted and apart: Mon–Fri
// 20:00–07:00, Sat 13:00–18:00. Spans at the same times of following days are
// named together. A week after the first day a weekday comes again: its name has
// the date. An end without a day is on the same day or, where the clock shows less
// than at the beginning, on the next.
func (c *check) nameSpans(spans []routing.Span) string {
	type group struct {
		first, last time.Time // days
		times       string
		spans       int
	}
	again := dayOf(c.report.Span.From.In(c.zone)).AddDate(0, 0, 7)
	name := func(day time.Time) string {
		if day.Before(again) {
			return day.Format("Mon")
		}
		return day.Format("Mon 2 Jan")
	}
	var groups []group
	for _, s := range spans {
		from, to := s.From.In(c.zone), s.To.In(c.zone)
		day, last, times, end := dayOf(from), dayOf(to), timeOf(from), timeOf(to)
		if to.Hour() == 0 && to.Minute() == 0 && last.After(day) {
			last, end = last.AddDate(0, 0, -1), "24"+end[2:]
		}
		if last.After(day) && (last.After(day.AddDate(0, 0, 1)) || end >= times) {
			end = name(last) + " " + end
		}
		times += "–" + end
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.times == times && g.last.AddDate(0, 0, 1).Equal(day) && day.Before(again)
		})
		if i < 0 {
			groups = append(groups, group{day, day, times, 1})
			continue
		}
		groups[i].last = day
		groups[i].spans++
	}
	var names []string
	for i, g := range groups {
		if i == mostNamed && len(groups) > mostNamed+1 {
			left := 0
			for _, g := range groups[i:] {
				left += g.spans
			}
			names = append(names, fmt.Sprintf("and %d more times", left))
			break
		}
		day := name(g.first)
		switch {
		case g.spans == 7:
			day = "every day"
		case g.spans > 1:
			day += "–" + name(g.last)
		}
		names = append(names, day+" "+g.times)
	}
	return strings.Join(names, ", ")
}

// dayOf is the day of an instant on its clock.
func dayOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// timeOf is the time of day of an instant, with the zone where the clock is put
// back and shows it twice.
func timeOf(t time.Time) string {
	if _, twice := routing.Again(routing.Wall(routing.Shown(t), t.Location())); twice {
		return t.Format("15:04 MST")
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
