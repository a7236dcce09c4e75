package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// This file counts: one pass over the conversations fills the tallies of all rows.

// tally is what happened in one row, or in all.
type tally struct {
	offered, answered, abandoned, transferred, missed int
	inTime, counted                                   int
	due                                               bool // something of it has a deadline
	waits, handles, firsts                            []int64
	waiting                                           int
	oldest                                            int64         // when it entered; 0: none waits
	handled                                           map[int32]int // by agent
	rows                                              []routing.MetricRow
	here                                              map[int32]measure.Occupancy // by agent
}

// tallies are those of all queues.
type tallies struct {
	b      *Builder
	spans  []routing.Span
	limits limits
	ends   []int64   // at which the backlog is told
	all    []tally   // by queue
	by     [][]tally // by queue and row
	rules  [][]tally // by queue and rule, of inTime and counted
}

// place is the row of something that happened at a time; -1: none.
func (t *tallies) place(at int64, rule, agent int32) int {
	switch t.b.in.By {
	case ByRule:
		return int(rule)
	case ByAgent:
		return int(agent)
	case ByDay, ByHour:
	}
	return t.limits.of(at)
}

// at are the tallies of what happened in a queue at a time: its row's, where there
// is one, and that of all; none where it is outside of the span.
func (t *tallies) at(queue int32, at int64, rule, agent int32) []*tally {
	if at == 0 || at < t.b.in.From.UnixMilli() || at >= t.b.in.To.UnixMilli() {
		return nil
	}
	out := []*tally{&t.all[queue]}
	if i := t.place(at, rule, agent); i >= 0 {
		out = append(out, &t.by[queue][i])
	}
	return out
}

func (b *Builder) count() *tallies {
	t := &tallies{b: b, spans: b.spans()}
	t.limits = limitsOf(t.spans)
	for _, s := range t.spans {
		t.ends = append(t.ends, min(s.To.UnixMilli(), b.in.To.UnixMilli()))
	}
	for _, q := range b.in.Queues {
		n := map[By]int{ByDay: len(t.spans), ByHour: len(t.spans), ByRule: len(q.Rules) + 1, ByAgent: len(b.agents.list)}[b.in.By]
		t.all, t.by = append(t.all, tally{}), append(t.by, make([]tally, n))
		t.rules = append(t.rules, make([]tally, len(q.Rules)+1))
	}
	for s := range b.stays.all {
		t.stay(s)
	}
	for m := range b.misses.all {
		for _, x := range t.at(m.queue, m.at, m.rule, m.agent) {
			x.missed++
		}
	}
	t.platform()
	t.presence()
	return t
}

func (t *tallies) stay(s *stay) {
	within, _ := t.b.deadline(s.queue, s.rule)
	for _, x := range t.at(s.queue, s.entered, s.rule, -1) {
		x.offered++
		if t.b.in.By != ByAgent {
			x.level(s, within)
		}
	}
	if s.entered >= t.b.in.From.UnixMilli() && s.entered < t.b.in.To.UnixMilli() {
		r := &t.rules[s.queue][s.rule]
		r.offered++
		r.level(s, within)
		if t.b.in.By == ByAgent { // of the email of the span that they answered
			t.all[s.queue].level(s, within)
			if s.agent >= 0 {
				t.by[s.queue][s.agent].level(s, within)
			}
		}
	}
	for _, x := range t.at(s.queue, s.answered, s.rule, s.agent) {
		x.answered++
	}
	for _, x := range t.at(s.queue, s.left, s.rule, s.agent) {
		x.waits = append(x.waits, s.left-s.entered)
		if s.abandoned {
			x.abandoned++
		}
		if s.transferred && s.answered == 0 {
			x.transferred++
		}
	}
	for _, x := range t.at(s.queue, s.worked, s.rule, s.agent) {
		x.handles = append(x.handles, s.handle)
		if s.agent >= 0 {
			if x.handled == nil {
				x.handled = map[int32]int{}
			}
			x.handled[s.agent]++
		}
	}
	if s.transferred && s.answered > 0 {
		for _, x := range t.at(s.queue, cmp.Or(s.worked, s.answered), s.rule, s.agent) {
			x.transferred++
		}
	}
	if s.first > 0 {
		for _, x := range t.at(s.queue, s.entered+s.first, s.rule, s.agent) {
			x.firsts = append(x.firsts, s.first)
		}
	}
	t.waits(s)
}

func (x *tally) level(s *stay, within time.Duration) {
	x.due = x.due || within > 0
	if s.counted {
		x.counted++
	}
	if s.inTime {
		x.inTime++
	}
}

// waits counts an email in the backlog of every end at which it waits.
func (t *tallies) waits(s *stay) {
	waits := func(x *tally) {
		x.waiting++
		if x.oldest == 0 || s.entered < x.oldest {
			x.oldest = s.entered
		}
	}
	gone := int64(math.MaxInt64)
	if s.left > 0 {
		gone = s.left
	}
	last := t.ends[len(t.ends)-1]
	if s.entered < last && gone >= last {
		waits(&t.all[s.queue])
	}
	switch t.b.in.By {
	case ByRule:
		if s.entered < last && gone >= last {
			waits(&t.by[s.queue][s.rule])
		}
	case ByAgent:
	case ByDay, ByHour:
		first, _ := slices.BinarySearch(t.ends, s.entered+1)
		for i := first; i < len(t.ends) && t.ends[i] <= gone; i++ {
			waits(&t.by[s.queue][i])
		}
	}
}

// platform deals the platform's own figures to the rows.
func (t *tallies) platform() {
	for _, r := range t.b.rows {
		queue, ours := t.b.queues[r.Group["queueId"]]
		if !ours {
			continue
		}
		agent := int32(-1)
		if id := r.Group["userId"]; id != "" {
			var known bool
			if agent, known = t.b.agents.at[id]; !known {
				agent = -1
			}
		}
		for _, x := range t.at(queue, r.From.UnixMilli(), t.b.ruleOf(queue, r.Group["addressTo"]), agent) {
			x.rows = append(x.rows, r)
		}
	}
}

// presence deals the time on queue to the rows of the queues whose member an agent
// is.
func (t *tallies) presence() {
	for p, o := range t.b.here {
		for i := range t.all {
			if !t.serves(i, p.agent) {
				continue
			}
			for _, x := range t.at(int32(i), p.from, int32(len(t.b.in.Queues[i].Rules)), p.agent) {
				if x.here == nil {
					x.here = map[int32]measure.Occupancy{}
				}
				x.here[p.agent] = x.here[p.agent].Add(o)
			}
		}
	}
}

// serves says whether an agent is a member of a queue, or handled email of it
// where its members are not known.
func (t *tallies) serves(queue int, agent int32) bool {
	if m := t.b.in.Queues[queue].Members; m != nil {
		return slices.ContainsFunc(m, func(m routing.Member) bool { return m.ID == t.b.agents.list[agent] })
	}
	return t.all[queue].handled[agent] > 0
}

// figures are those of a tally that ends at a time.
func (t *tallies) figures(queue int, x *tally, end int64) Figures {
	f := Figures{
		Offered: &x.offered, Answered: x.answered, Abandoned: x.abandoned, Transferred: x.transferred, Missed: x.missed,
		Wait: timesOf(x.waits), Handle: timesOf(x.handles), First: timesOf(x.firsts), Backlog: &Backlog{Waiting: x.waiting},
	}
	if x.oldest > 0 {
		f.Backlog.Oldest = new(float64(end-x.oldest) / 1000)
	}
	if w := measure.Windows(x.rows)[t.b.in.Queues[queue].ID]; len(t.b.rows) > 0 {
		f.Level = newLevel(w.InTime, w.Counted)
	}
	if x.due {
		f.Deadlines = newLevel(float64(x.inTime), float64(x.counted))
	}
	var all measure.Occupancy
	for _, o := range x.here {
		all = all.Add(o)
	}
	if busy, ok := all.Busy(); ok {
		f.Occupancy = &busy
	}
	f.Fairness = fairness(x)
	return f
}

// leastOnQueue is how long an agent must have been on queue to count in an index
// of fairness.
const leastOnQueue = 15 * time.Minute

// fairness is Jain's index, (sum of x)² / (n · sum of x²); nil where there are
// not two agents, or nothing was handled.
func fairness(x *tally) *Fairness {
	out := Fairness{Per: "agent"}
	var sum, squares float64
	add := func(v float64) { out.Agents, sum, squares = out.Agents+1, sum+v, squares+v*v }
	if len(x.here) > 0 {
		out.Per = "hour"
		for _, agent := range slices.Sorted(maps.Keys(x.here)) {
			if d := x.here[agent].OnQueue(); d >= leastOnQueue {
				add(float64(x.handled[agent]) / d.Hours())
			}
		}
	} else {
		for _, agent := range slices.Sorted(maps.Keys(x.handled)) {
			add(float64(x.handled[agent]))
		}
	}
	if out.Agents < 2 || sum == 0 {
		return nil
	}
	out.Index = sum * sum / (float64(out.Agents) * squares)
	return &out
}

// timesOf are the times of values in milliseconds, which it sorts; nil: there are
// none.
func timesOf(values []int64) *Times {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	at := func(p float64) float64 {
		return float64(values[int(math.Ceil(p*float64(len(values))))-1]) / 1000
	}
	return &Times{N: len(values), Mean: sum / float64(len(values)) / 1000, P50: at(0.5), P90: at(0.9)}
}

// nothing says that nothing happened.
func (x *tally) nothing() bool {
	return x.offered+x.answered+x.missed+x.transferred+x.waiting+len(x.waits)+len(x.handles)+len(x.firsts) == 0
}

func (t *tallies) total(queue int) Figures {
	return t.figures(queue, &t.all[queue], t.ends[len(t.ends)-1])
}

// rows are the rows of a queue: every day or hour, every rule, and the agents of
// whom there is anything to tell.
func (t *tallies) rows(queue int) []Row {
	q, out := t.b.in.Queues[queue], []Row{}
	agentNames := map[string]string{}
	for _, a := range t.b.in.Agents {
		agentNames[a.ID] = a.Name
	}
	for i := range t.by[queue] {
		x := &t.by[queue][i]
		end := t.ends[len(t.ends)-1]
		row := Row{Span: t.b.in.Span}
		switch t.b.in.By {
		case ByDay, ByHour:
			end = t.ends[i]
			row.Span = t.spans[i]
			row.Partial = row.From.Before(t.b.in.From) || row.To.After(t.b.in.To) || row.To.After(t.b.in.Now)
			row.Name = row.From.In(t.b.zone).Format(map[By]string{ByDay: "Mon 2006-01-02", ByHour: "Mon 2006-01-02 15:04 MST"}[t.b.in.By])
		case ByRule:
			row.Name = routing.NoRule
			if i < len(q.Rules) {
				row.Name = q.Rules[i].Name
			}
		case ByAgent:
			row.ID = t.b.agents.list[i]
			row.Name = cmp.Or(agentNames[row.ID], row.ID)
		}
		row.Figures = t.figures(queue, x, end)
		switch t.b.in.By {
		case ByAgent:
			if x.nothing() && len(x.here) == 0 {
				continue
			}
			row.Offered, row.Backlog, row.Fairness = nil, nil, nil
		case ByRule:
			if i == len(q.Rules) && x.nothing() {
				continue
			}
			row.Occupancy, row.Fairness = nil, nil
		case ByDay, ByHour:
		}
		out = append(out, row)
	}
	if t.b.in.By == ByAgent {
		slices.SortStableFunc(out, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	}
	return out
}

// levels are the service levels of the rules by their deadlines.
func (t *tallies) levels(queue int) []RuleLevel {
	q, out := t.b.in.Queues[queue], []RuleLevel{}
	for i := range t.rules[queue] {
		x := &t.rules[queue][i]
		within, own := t.b.deadline(int32(queue), int32(i))
		l := RuleLevel{Rule: routing.NoRule, Deadline: routing.Duration(within), Own: own, Offered: x.offered}
		if i < len(q.Rules) {
			l.Rule = q.Rules[i].Name
		} else if x.offered == 0 {
			continue
		}
		if within > 0 {
			l.Level = *newLevel(float64(x.inTime), float64(x.counted))
			out = append(out, l)
		}
	}
	return out
}

// notes are what a reader has to know.
func (b *Builder) notes() []string {
	var out []string
	if b.in.To.After(b.in.Now) {
		out = append(out, fmt.Sprintf("the time from %s on is still to come", b.in.Now.In(b.zone).Format("Mon 2006-01-02 15:04 MST")))
	}
	if b.in.Changes != nil && b.in.From.Before(b.in.Unheard) {
		until := ""
		if b.in.Unheard.Before(b.in.To) {
			until = " before " + b.in.Unheard.In(b.zone).Format("Mon 2006-01-02 15:04 MST")
		}
		out = append(out, "changes that others made"+until+" are not known, and not among the changes")
	}
	switch {
	case len(b.here) == 0:
		out = append(out, "how long agents were on queue is not known: there is no occupancy, and fairness is of what each handled")
	case !b.knowsWhen():
		out = append(out, "when agents were on queue is known by the day only: that nobody was, or that all were full, is not told")
	}
	return out
}
