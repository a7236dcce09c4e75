package report

import (
	"math/bits"
	"slices"
	"sort"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file tells where the service level went.

// Cause is why an email waited.
type Cause string

// The causes, in the order in which they are looked for: every moment of a wait
// has the first that holds.
const (
	// Transfers is time before it came to the queue: in others, and in the hands
	// of agents who passed it on.
	Transfers Cause = "transfers"
	Closed    Cause = "closedHours" // of the calendar
	Alerts    Cause = "alerts"      // it alerted an agent, who did not take it, or not at once
	LastAgent Cause = "lastAgent"   // it was for the agent who had it last, and went there
	// Ring is time in which somebody of a later ring had room, and nobody whom it
	// had reached by then.
	Ring Cause = "ringTooSlow"
	// Full is time in which everybody on queue who is qualified had all the email
	// that they can have.
	Full Cause = "allFull"
	// Nobody is time in which nobody on queue was qualified, in whatever ring.
	Nobody Cause = "nobodyQualified"
	// Unexplained is the rest: somebody qualified seems to have had room, or too
	// little is known of agents.
	Unexplained Cause = "unexplained"
)

// Causes are all of them, in the order in which they are told.
var Causes = []Cause{Closed, Nobody, Full, Ring, LastAgent, Alerts, Transfers, Unexplained}

// Lost is how late email was, and why.
//
// Of the conversations that came to the queue in the span, and are or were last
// there, those are late that waited for longer than the deadline of their rule,
// or the queue's target where it has none. The wait is that of whoever wrote: on
// the clock on the wall, so that closed hours are a cause like others, and from
// when the email first came into any queue, to the answer, or to when it was given
// up or passed on, or, where it waits, until now. What goes beyond the deadline is
// lost. It is split over the causes as the whole wait is, since every part of
// the wait made the email as late as every other of the same length; the parts add
// up to the whole, to the millisecond.
//
// Whether agents were on queue, qualified and full is looked at once for every
// five minutes; an agent counts as on queue who was for half of the interval that
// the platform tells of. After the span that is known as long as rows tell of it.
// Their load is the email of the conversations that were added; skills, rings,
// members and capacity are those of now.
type Lost struct {
	Emails  int        `json:"emails"` // that are late
	Seconds float64    `json:"seconds"`
	Causes  []LostPart `json:"causes"` // those with more than nothing, the most first
}

// LostPart is what one cause took.
type LostPart struct {
	Cause   Cause   `json:"cause"`
	Seconds float64 `json:"seconds"`
	Emails  int     `json:"emails"` // that lost something by it
}

// slot is how often agents are looked at, in milliseconds.
const slot = int64(5 * time.Minute / time.Millisecond)

// grid is how much of their capacity agents had in use, slot by slot.
type grid struct {
	b      *Builder
	from   int64 // beginning of the first slot
	n      int
	load   [][]uint8 // by agent and slot
	here   [][]bool  // by agent and slot: on queue; nil: nothing is known of anybody
	told   int64     // up to which slot that is known
	states map[class][]state
}

// class is what sees the same agents in the same way.
type class struct{ queue, ask, ring int32 }

// state is how the agents stand that a class reaches.
type state uint8

const (
	nobody state = iota // is qualified and on queue
	full                // are all that are
	room                // has one of them at least
)

// LateUntil is until when email that was added and is late waited; zero: none is.
func (b *Builder) LateUntil() (until time.Time) {
	for l := range b.late.all {
		if end := time.UnixMilli(l.end); end.After(until) {
			until = end
		}
	}
	return until
}

// grid looks at the agents for all of the time in which late email waited.
func (b *Builder) grid() *grid {
	from, to := b.in.Now.UnixMilli(), int64(0)
	for l := range b.late.all {
		from, to = min(from, l.entered), max(to, l.end)
	}
	g := &grid{b: b, from: from - from%slot, states: map[class][]state{}}
	if to <= g.from {
		return g
	}
	g.n = int((to-g.from)/slot) + 1
	g.load = make([][]uint8, len(b.agents.list))
	for agent := range g.load {
		g.load[agent] = make([]uint8, g.n)
		for _, h := range b.holds[int32(agent)] {
			// It counts in the slots in whose middle it was in hand.
			for i := max(0, (h.from-g.from+slot/2-1)/slot); i < int64(g.n) && g.from+i*slot+slot/2 < h.to; i++ {
				if g.load[agent][i] < 255 {
					g.load[agent][i]++
				}
			}
		}
	}
	if !b.knowsWhen() {
		return g
	}
	g.here = make([][]bool, len(b.agents.list))
	for agent := range g.here {
		g.here[agent] = make([]bool, g.n)
	}
	g.told = (b.in.To.UnixMilli() - g.from + slot - 1) / slot
	for p, o := range b.here {
		g.told = max(g.told, (p.to-g.from)/slot)
		if 2*o.OnQueue().Milliseconds() < p.to-p.from {
			continue
		}
		for i := max(0, (p.from-g.from)/slot); i < int64(g.n) && g.from+i*slot < p.to; i++ {
			g.here[p.agent][i] = true
		}
	}
	return g
}

// knowsWhen says whether it is known by the hour who was on queue.
func (b *Builder) knowsWhen() bool {
	for p := range b.here {
		return p.to-p.from <= time.Hour.Milliseconds()
	}
	return false
}

// ringsOf are the rings of a queue; one without an end where it has none.
func ringsOf(q Queue) routing.Rings {
	if q.Settings.Rings == nil || len(*q.Settings.Rings) == 0 {
		return routing.Rings{{}}
	}
	return *q.Settings.Rings
}

// standing is how the agents stand, slot by slot, that an email reaches in a
// ring, and in those before.
func (g *grid) standing(c class) []state {
	if s, known := g.states[c]; known {
		return s
	}
	out := make([]state, g.n)
	for agent, capacity := range g.reached(c) {
		for i := range out {
			if g.here != nil && int64(i) < g.told && !g.here[agent][i] {
				continue
			}
			has := room
			if capacity > 0 && int(g.load[agent][i]) >= capacity {
				has = full
			}
			out[i] = max(out[i], has)
		}
	}
	g.states[c] = out
	return out
}

// reached are the agents that an email reaches with their capacity, 0 where that
// is not known. Somebody of whom too little is known counts as qualified.
func (g *grid) reached(c class) map[int]int {
	b, q, want := g.b, g.b.in.Queues[c.queue], g.b.askOf[c.ask]
	rings, out := ringsOf(q), map[int]int{}
	skills := slices.Clone(want.skills)
	for _, r := range rings[:c.ring] {
		for _, drop := range r.Drop {
			skills = slices.DeleteFunc(skills, func(id string) bool { return id == drop.ID })
		}
	}
	disregard := q.Settings.Agents != nil && *q.Settings.Agents == routing.LongestIdle
	abilities := map[string]Agent{}
	for _, a := range b.in.Agents {
		abilities[a.ID] = a
	}
	for _, m := range q.Members {
		agent, known := b.agents.at[m.ID]
		if !known || len(rings) > 1 && int32(m.Ring) > c.ring+1 {
			continue
		}
		a := abilities[m.ID]
		lacks := func(have []string, id string) bool { return have != nil && !slices.Contains(have, id) }
		if !disregard && (slices.ContainsFunc(skills, func(id string) bool { return lacks(a.Skills, id) }) || want.language != "" && lacks(a.Languages, want.language)) {
			continue
		}
		out[int(agent)] = a.Capacity
	}
	return out
}

// why is the cause in a slot for an email in a ring that is neither offered to
// anybody nor meant for one agent.
func (g *grid) why(queue, want, ring int32, i int) Cause {
	q := g.b.in.Queues[queue]
	if q.Members == nil || i < 0 || i >= g.n {
		return Unexplained
	}
	now := g.standing(class{queue, want, ring})[i]
	if now == room {
		return Unexplained
	}
	for later := ring + 1; int(later) < len(ringsOf(q)); later++ {
		s := g.standing(class{queue, want, later})[i]
		if s == room {
			return Ring
		}
		now = max(now, s)
	}
	if now == full {
		return Full
	}
	return Nobody
}

// lost splits what the late email of a queue lost.
func (b *Builder) lost(queue int, g *grid) Lost {
	out := Lost{Causes: []LostPart{}}
	open := newOpenHours(b.in.Queues[queue].Calendar, time.UnixMilli(g.from), b.in.Now)
	sums, emails, total := map[Cause]int64{}, map[Cause]int{}, int64(0)
	for l := range b.late.all {
		if int(l.queue) != queue {
			continue
		}
		out.Emails++
		total += l.lost
		for cause, part := range apportion(g.spent(l, open), l.lost) {
			if part > 0 {
				sums[cause] += part
				emails[cause]++
			}
		}
	}
	out.Seconds = float64(total) / 1000
	for _, c := range Causes {
		if sums[c] > 0 {
			out.Causes = append(out.Causes, LostPart{c, float64(sums[c]) / 1000, emails[c]})
		}
	}
	slices.SortStableFunc(out.Causes, func(a, b LostPart) int {
		switch {
		case a.Seconds > b.Seconds:
			return -1
		case a.Seconds < b.Seconds:
			return 1
		}
		return 0
	})
	return out
}

// spent is how long an email waited by each cause. The parts add up to the time
// from when it began to its end.
func (g *grid) spent(l *late, open openHours) map[Cause]int64 {
	out := map[Cause]int64{}
	if l.entered > l.began {
		out[Transfers] = l.entered - l.began
	}
	rings := ringsOf(g.b.in.Queues[l.queue])
	closed := l.end - l.entered
	for from, to := range open.within(l.entered, l.end) {
		closed -= to - from
		for from < to {
			next := to
			alerting := false
			for _, a := range l.alerts {
				switch {
				case a.to <= from || a.from >= to:
				case a.from <= from:
					alerting, next = true, min(to, a.to)
				case !alerting:
					next = min(next, a.from)
				}
				if alerting {
					break
				}
			}
			switch {
			case alerting:
				out[Alerts] += next - from
			case l.last:
				out[LastAgent] += next - from
			default:
				i := (from - g.from) / slot
				ring, ends := ringAt(rings, from-l.entered)
				next = min(next, g.from+(i+1)*slot, l.entered+ends)
				out[g.why(l.queue, l.ask, ring, int(i))] += next - from
			}
			from = next
		}
	}
	if closed > 0 {
		out[Closed] = closed
	}
	return out
}

// ringAt is the ring of an email that has waited for so long, 0 the first, and
// when it leaves it.
func ringAt(rings routing.Rings, waited int64) (ring int32, ends int64) {
	for i, r := range rings {
		if r.Wait == nil || i == len(rings)-1 {
			return int32(i), 1 << 60
		}
		ends += time.Duration(*r.Wait).Milliseconds()
		if waited < ends {
			return int32(i), ends
		}
	}
	return 0, 1 << 60
}

// apportion splits a sum as weights are, without a remainder.
func apportion(weights map[Cause]int64, sum int64) map[Cause]int64 {
	out := map[Cause]int64{}
	var all, before, given uint64
	for _, w := range weights {
		all += uint64(w)
	}
	if all == 0 {
		out[Unexplained] = sum
		return out
	}
	for _, c := range Causes {
		before += uint64(weights[c])
		high, low := bits.Mul64(before, uint64(sum))
		upTo, _ := bits.Div64(high, low, all)
		out[c] = int64(upTo - given)
		given = upTo
	}
	return out
}

// openHours are the open hours of a calendar in some time, in milliseconds; nil:
// every hour is open.
type openHours []hold

func newOpenHours(c *routing.Calendar, from, to time.Time) openHours {
	if c == nil {
		return nil
	}
	out := openHours{}
	for a, b := range c.Open(from, to) {
		out = append(out, hold{a.UnixMilli(), b.UnixMilli()})
	}
	return out
}

// within are the open stretches between two times.
func (o openHours) within(from, to int64) func(func(a, b int64) bool) {
	return func(yield func(a, b int64) bool) {
		if o == nil {
			if from < to {
				yield(from, to)
			}
			return
		}
		for i := sort.Search(len(o), func(i int) bool { return o[i].to > from }); i < len(o) && o[i].from < to; i++ {
			if !yield(max(from, o[i].from), min(to, o[i].to)) {
				return
			}
		}
	}
}
