package coverage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
)

// This file counts, for each rule and cell, who can serve it. Schedules are
// taken by the minute: an agent counts in the minutes that lie wholly on queue.

const (
	cellMinutes = int(Cell / time.Minute)
	minutes     = Cells * cellMinutes
)

// team are members who can serve the same rules, and so count together.
type team struct {
	reach   []reach // by rule: when its email is offered
	ever    []bool  // by rule: at any time
	unrated bool    // what they can do is not known
	stints  []stint
	planned int // members of whom a schedule is known, at least in part
	gaps    int // members of whom not all of it is
}

// stint is a member on queue from one minute to another, or perhaps.
type stint struct {
	from, to int
	slots    int
	known    bool // else nobody knows
}

// tallied is a number for each minute: first the changes from one minute to the
// next, after sum the numbers.
type tallied []int

func (t tallied) add(from, to, n int) {
	t[from] += n
	t[to] -= n
}

func (t tallied) sum() {
	for i := 1; i < len(t); i++ {
		t[i] += t[i-1]
	}
}

// matrix counts. Members with the same abilities are one team, so that the work
// goes with the number of shifts and not with that of the rules.
func (c *check) matrix() {
	if c.Want.Calendar != nil {
		c.report.Open, c.clock = c.open()
	}
	c.teams = c.muster()
	for n, r := range c.Want.Rules {
		out := Rule{
			Name: r.Name, Within: c.within(r), Skills: []string{},
			Agents: make([]int, Cells), Slots: make([]int, Cells), Unknown: make([]int, Cells),
		}
		for _, s := range c.asks[n][0].skills {
			out.Skills = append(out.Skills, s.String())
		}
		out.Language = c.asks[n][0].language.String()
		c.timely = append(c.timely, c.intime(r))
		intime := c.timely[n]
		out.Qualified = c.qualified(n, c.counts)
		byReach := c.tally(n)
		for cell := range Cells {
			var sure, perhaps []tally
			for reach, t := range byReach {
				switch {
				case intime(reach.sure, cell):
					sure = append(sure, t)
				case intime(reach.perhaps, cell):
					perhaps = append(perhaps, t)
				}
			}
			least := [3]int{1 << 30, 1 << 30, 0}
			for at := cell * cellMinutes; at < (cell+1)*cellMinutes; at++ {
				if c.clock != nil && c.report.Open[cell] && !c.clock[at] {
					continue
				}
				agents, slots, unsure := 0, 0, len(c.unseen)
				for _, t := range sure {
					agents, slots, unsure = agents+t.agents[at], slots+t.slots[at], unsure+t.unsure[at]
				}
				for _, t := range perhaps {
					unsure += t.agents[at] + t.unsure[at]
				}
				least = [3]int{min(least[0], agents), min(least[1], slots), max(least[2], unsure)}
			}
			out.Agents[cell], out.Slots[cell], out.Unknown[cell] = least[0], least[1], least[2]
		}
		if c.capacityUnknown() {
			out.Slots = nil
		}
		c.report.Rules = append(c.report.Rules, out)
	}
	c.schedules()
}

// qualified counts the members whom email of a rule reaches in time whenever it
// comes in, of the cells that a test takes.
func (c *check) qualified(rule int, takes func(cell int) bool) (n int) {
	known := map[time.Duration]bool{never: false}
	for _, m := range c.members {
		after := m.reach[rule].sure
		all, seen := known[after]
		if !seen {
			all = true
			for cell := range Cells {
				all = all && (!takes(cell) || c.timely[rule](after, cell))
			}
			known[after] = all
		}
		if all {
			n++
		}
	}
	return n
}

// tally is who is on queue by the minute: how many, what they take, and how many
// more may be.
type tally struct{ agents, slots, unsure tallied }

// tally counts those of whom a rule's email reaches some, by when it does.
func (c *check) tally(rule int) map[reach]tally {
	all := map[reach]tally{}
	for _, t := range c.teams {
		r := t.reach[rule]
		if r == (reach{never, never}) {
			continue
		}
		sum, there := all[r]
		if !there {
			sum = tally{make(tallied, minutes+1), make(tallied, minutes+1), make(tallied, minutes+1)}
			all[r] = sum
		}
		for _, s := range t.stints {
			if !s.known {
				sum.unsure.add(s.from, s.to, 1)
				continue
			}
			sum.agents.add(s.from, s.to, 1)
			sum.slots.add(s.from, s.to, s.slots)
		}
	}
	for _, t := range all {
		t.agents.sum()
		t.slots.sum()
		t.unsure.sum()
	}
	return all
}

// muster puts the members together, each with their stints.
func (c *check) muster() []*team {
	var all []*team
	byAble := map[string]*team{}
	for i := range c.members {
		m := &c.members[i]
		s, capacity := c.scheduleOf(*m), *orZero(m.capacity)
		known := join(s.Known)
		gaps := minus([]routing.Span{c.report.Span}, known)
		var work []routing.Span
		for _, k := range known {
			work = append(work, OnQueue(s, intersect(k, c.report.Span))...)
		}
		m.gaps, m.works = len(gaps) > 0, len(work) > 0
		if m.idle() {
			continue
		}
		key := fmt.Sprint(m.reach, m.ever, m.ratings == nil)
		t := byAble[key]
		if t == nil {
			t = &team{reach: m.reach, ever: m.ever, unrated: m.ratings == nil}
			byAble[key], all = t, append(all, t)
		}
		if m.gaps {
			t.gaps++
		}
		if len(clip(known, c.report.Span)) > 0 {
			t.planned++
		}
		done := 0 // two gaps may touch one minute
		for _, span := range gaps {
			from, to := c.minutesAround(span)
			if from = max(from, done); from < to {
				t.stints = append(t.stints, stint{from, to, capacity, false})
				done = to
			}
		}
		for _, span := range work {
			if from, to := c.minutesIn(span); from < to {
				t.stints = append(t.stints, stint{from, to, capacity, true})
			}
		}
	}
	return all
}

// capacityUnknown says that how much a member takes at once could not be read.
func (c *check) capacityUnknown() bool {
	return slices.ContainsFunc(c.members, func(m member) bool { return m.capacity == nil })
}

// perhapsIdle says that a member would take no email by the organisation's
// utilization, and one of their own was not read.
func (c *check) perhapsIdle() bool {
	return slices.ContainsFunc(c.members, func(m member) bool { return m.assumed && *m.capacity == 0 })
}

func intersect(a, b routing.Span) routing.Span {
	return routing.Span{From: later(a.From, b.From), To: earlier(a.To, b.To)}
}

// scheduleOf is what is known of a member's schedule; the zero one where nothing
// is.
func (c *check) scheduleOf(m member) routing.AgentSchedule {
	if c.Org.Roster == nil {
		return routing.AgentSchedule{}
	}
	return c.Org.Roster.Agents[m.ID]
}

// minutesIn are the minutes of the matrix that lie wholly in a span,
// minutesAround those that it touches.
func (c *check) minutesIn(s routing.Span) (from, to int) {
	return int((s.From.Sub(c.report.Span.From) + time.Minute - 1) / time.Minute), int(s.To.Sub(c.report.Span.From) / time.Minute)
}

func (c *check) minutesAround(s routing.Span) (from, to int) {
	return int(s.From.Sub(c.report.Span.From) / time.Minute), int((s.To.Sub(c.report.Span.From) + time.Minute - 1) / time.Minute)
}

// open says which minutes the calendar counts, and which cells: those with an
// open minute.
func (c *check) open() (cells, clock []bool) {
	cells, clock = make([]bool, Cells), make([]bool, minutes)
	for from, to := range c.Want.Calendar.Open(c.report.Span.From, c.report.Span.To) {
		first, end := c.minutesAround(routing.Span{From: from, To: to})
		for at := first; at < end; at++ {
			clock[at], cells[at/cellMinutes] = true, true
		}
	}
	return cells, clock
}

// schedules are the findings of agents without work, and of schedules that are
// not known.
func (c *check) schedules() {
	roster := c.Org.Roster
	if roster == nil {
		c.add(routing.Finding{Type: routing.ScheduleUnknown, Message: "schedule unknown: schedules were not read"})
		return
	}
	missing := 0
	for _, m := range c.members {
		if m.gaps {
			missing++
		}
		if m.gaps || m.works {
			continue
		}
		c.add(routing.Finding{
			Type: routing.NoActiveShift, Object: "agent " + m.Name, AgentID: m.ID, Agent: m.Name, At: c.at("members"),
			Message: fmt.Sprintf("%s has no work on queue from %s to %s", m.Name, c.when(c.report.Span.From), c.when(c.report.Span.To)),
			Do:      "publish a shift with work on queue in workforce management, if the agent shall serve the queue",
		})
	}
	reasons := roster.Unknown
	if len(reasons) == 0 && missing > 0 {
		reasons = []string{fmt.Sprintf("of %d of %s not all of the 7 days is published", missing, phrase.Count(len(c.members), "member"))}
	}
	if len(reasons) > 0 {
		c.add(routing.Finding{
			Type: routing.ScheduleUnknown, Message: "schedule unknown: " + strings.Join(reasons, "; "),
			Do: "hours are counted neither as nobody nor as everybody where the schedule is not known",
		})
	}
}

// when is an instant on the clock of the report.
func (c *check) when(t time.Time) string { return t.In(c.zone).Format("Mon 2 Jan 15:04") }
