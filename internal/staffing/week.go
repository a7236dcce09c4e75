package staffing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/phrase"
)

// This file lays the cells of a report out as days of a wall clock.

// quarters are the quarter hours of a wall clock's day.
const quarters = 96

// day is the cells of one local day. Where the clock is put back a quarter of an
// hour has two cells, where it is put forward none.
type day struct {
	date  time.Time
	Cells [quarters][]int
	Note  string // what the clock does on that day
}

// Name is the day in a few letters.
func (d day) Name() string { return d.date.Format("Mon _2 Jan") }

// ends are the first and the last cell of the day.
func (d day) ends() (first, last int) {
	all := slices.Concat(d.Cells[:]...)
	return slices.Min(all), slices.Max(all)
}

func zone(r coverage.Report) *time.Location { return cmp.Or(r.Zone, time.UTC) }

// at is when a cell begins, on the clock of the report.
func at(r coverage.Report, cell int) time.Time {
	return r.Span.From.Add(time.Duration(cell) * coverage.Cell).In(zone(r))
}

// days lays the span of a report out.
func days(r coverage.Report) []day {
	var out []day
	for cell := range coverage.Cells {
		t := at(r, cell)
		date := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		if len(out) == 0 || !out[len(out)-1].date.Equal(date) {
			out = append(out, day{date: date})
		}
		slot := t.Hour()*4 + t.Minute()/15
		d := &out[len(out)-1]
		d.Cells[slot] = append(d.Cells[slot], cell)
	}
	for i := range out {
		d := &out[i]
		var twice, never []int
		for slot, cells := range d.Cells {
			if len(cells) > 1 {
				twice = append(twice, slot)
			}
			began := i > 0 || slices.ContainsFunc(d.Cells[:slot], some)
			ends := i < len(out)-1 || slices.ContainsFunc(d.Cells[slot:], some)
			if len(cells) == 0 && began && ends {
				never = append(never, slot)
			}
		}
		var notes []string
		if len(never) > 0 {
			notes = append(notes, "no "+clock(never[0])+"–"+clock(never[len(never)-1]+1))
		}
		if len(twice) > 0 {
			notes = append(notes, clock(twice[0])+"–"+clock(twice[len(twice)-1]+1)+" twice")
		}
		d.Note = strings.Join(notes, ", ")
	}
	return out
}

func some(cells []int) bool { return len(cells) > 0 }

// clock is the time at which a quarter hour of the day begins.
func clock(slot int) string { return fmt.Sprintf("%02d:%02d", slot/4, slot%4*15) }

// kind says what is known of a time.
type kind int

// The kinds.
const (
	outside kind = iota // the span does not reach it, or the clock leaves it out
	closed              // by the calendar
	unknown             // nobody for sure, and schedules that are not known
	known
)

// mark is what the map shows of a time: the smallest number of agents.
type mark struct {
	kind   kind
	agents int
	more   bool // agents may come of whom not all is known
}

// markOf is the mark of some cells of a rule. Cells that the calendar does not
// count are left out where others are there. Surely nobody goes before unknown.
func markOf(r coverage.Report, rule coverage.Rule, cells []int) mark {
	m := mark{}
	for _, cell := range cells {
		if r.Open != nil && !r.Open[cell] {
			m.kind = max(m.kind, closed)
			continue
		}
		one := mark{known, rule.Agents[cell], rule.Unknown[cell] > 0}
		if one.agents == 0 && one.more {
			one.kind = unknown
		}
		switch {
		case m.kind <= closed || one.rank() < m.rank():
			m = one
		case one.rank() == m.rank():
			m.more = m.more || one.more
		}
	}
	return m
}

// rank orders marks by how few agents there may be: nobody, unknown, 1, 2.
func (m mark) rank() int {
	if m.kind == known && m.agents == 0 {
		return -1
	}
	return m.agents
}

// chart is the map of one rule, or of several that ask for the same and have the
// same people.
type chart struct {
	coverage.Rule
	Rules []string
}

// charts are the maps of a report.
func charts(r coverage.Report) []chart {
	var out []chart
	for _, rule := range r.Rules {
		i := slices.IndexFunc(out, func(c chart) bool { return alike(c.Rule, rule) })
		if i < 0 {
			i, out = len(out), append(out, chart{Rule: rule})
		}
		out[i].Rules = append(out[i].Rules, rule.Name)
	}
	return out
}

func alike(a, b coverage.Rule) bool {
	within := a.Within == b.Within || a.Within != nil && b.Within != nil && *a.Within == *b.Within
	return within && slices.Equal(a.Skills, b.Skills) && a.Language == b.Language && a.Qualified == b.Qualified &&
		slices.Equal(a.Agents, b.Agents) && slices.Equal(a.Slots, b.Slots) && slices.Equal(a.Unknown, b.Unknown)
}

// Title names the rules of a map.
func (c chart) Title() string {
	if c.Name == "" {
		return "All email" // the file has no rules
	}
	if len(c.Rules) == 1 {
		return "Rule " + c.Rules[0]
	}
	return "Rules " + phrase.List(c.Rules)
}

// About says what the rules ask for, and of how many.
func (c chart) About(r coverage.Report) string {
	if r.Members == 0 {
		return asks(c.Rule) + ": who can serve it is not known"
	}
	text := fmt.Sprintf("%s: %d of %s can serve it", asks(c.Rule), c.Qualified, count(r.Members, "member"))
	if c.Within != nil {
		text += " within " + c.Within.String()
	}
	if most := c.mostUnknown(); most > 0 {
		text += fmt.Sprintf("; %s may be on queue than shown: %s", r.Perhaps(most), r.Missing())
	}
	return text
}

func (c chart) mostUnknown() int {
	if len(c.Unknown) == 0 {
		return 0
	}
	return slices.Max(c.Unknown)
}

// evening is what a day's balance comes to.
type evening struct {
	Name                        string
	Expected, Capacity, Backlog string
}

// evenings sum the balance up by day.
func evenings(r coverage.Report) []evening {
	var out []evening
	for _, d := range days(r) {
		var offered, capacity float64
		for _, cells := range d.Cells {
			for _, cell := range cells {
				offered += r.Balance.Offered[cell]
				capacity += r.Balance.Capacity[cell]
			}
		}
		_, last := d.ends()
		out = append(out, evening{d.Name(), emails(offered), emails(capacity), emails(r.Balance.Backlog[last])})
	}
	return out
}
