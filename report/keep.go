package report

import (
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// This file keeps what counts of each conversation.

// stay is a routing.Stay in a queue of the report. Times are milliseconds of the
// epoch, 0: not; lengths are milliseconds.
type stay struct {
	entered, answered, left, worked int64
	handle, first                   int64
	queue, rule, agent              int32 // agent: -1 is none
	abandoned, transferred          bool
	counted, inTime                 bool // by the deadline
}

// miss is an offer to an agent that nobody took.
type miss struct {
	at                 int64
	queue, rule, agent int32
}

// late is an email that waited for longer than its deadline, on the clock of the
// wall, since it came in: where it is, or was last.
type late struct {
	began, entered, end, lost int64
	queue, ask                int32
	last                      bool // it was for the agent who had it last
	alerts                    []hold
}

// hold is a stretch of time.
type hold struct{ from, to int64 }

// ask is what an email asks for.
type ask struct {
	skills   []string
	language string
}

// names gives names numbers.
type names struct {
	list []string
	at   map[string]int32
}

func (n *names) of(name string) int32 {
	i, known := n.at[name]
	if !known {
		if n.at == nil {
			n.at = map[string]int32{}
		}
		i = int32(len(n.list))
		n.at[name], n.list = i, append(n.list, name)
	}
	return i
}

// chunks is a list that grows without being copied.
type chunks[T any] struct{ parts [][]T }

const chunk = 8192

func (c *chunks[T]) add(v T) {
	if n := len(c.parts); n == 0 || len(c.parts[n-1]) == chunk {
		c.parts = append(c.parts, make([]T, 0, chunk))
	}
	last := &c.parts[len(c.parts)-1]
	*last = append(*last, v)
}

func (c *chunks[T]) all(yield func(*T) bool) {
	for _, part := range c.parts {
		for i := range part {
			if !yield(&part[i]) {
				return
			}
		}
	}
}

// none is the place of email that follows no rule, after the rules.
func addresses(rules []Rule) map[string]int32 {
	of := map[string]int32{}
	for i, r := range rules {
		for _, a := range r.Addresses {
			if _, taken := of[strings.ToLower(a)]; !taken {
				of[strings.ToLower(a)] = int32(i)
			}
		}
	}
	return of
}

// ruleOf is the place of the rule of an address; after the last: there is none.
func (b *Builder) ruleOf(queue int32, to string) int32 {
	if i, known := b.rules[queue][strings.ToLower(to)]; known {
		return i
	}
	return int32(len(b.in.Queues[queue].Rules))
}

// deadline is by when an email of a rule is to be answered; 0: there is none.
func (b *Builder) deadline(queue, rule int32) (within time.Duration, own bool) {
	q := b.in.Queues[queue]
	if int(rule) < len(q.Rules) && q.Rules[rule].Deadline > 0 {
		return q.Rules[rule].Deadline, true
	}
	if q.Settings.ServiceLevel != nil {
		return time.Duration(q.Settings.ServiceLevel.Within), false
	}
	return 0, false
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Add adds a conversation. What was in none of the queues counts as work of its
// agents alone.
func (b *Builder) Add(c routing.Conversation) {
	for i, s := range c.Stays {
		b.work(s)
		queue, ours := b.queues[s.QueueID]
		if !ours {
			continue
		}
		keep := stay{
			entered: milli(s.Entered), answered: milli(s.Answered), left: milli(s.Left), worked: worked(s),
			handle: s.Handle.Milliseconds(), first: s.FirstResponse.Milliseconds(),
			queue: queue, rule: b.ruleOf(queue, c.To), agent: -1, abandoned: s.Abandoned, transferred: s.Transferred,
		}
		if s.AgentID != "" {
			keep.agent = b.agents.of(s.AgentID)
		}
		for _, a := range s.Alerts {
			if !a.Answered && !a.To.IsZero() && (s.Left.IsZero() || a.To.Before(s.Left)) {
				b.misses.add(miss{at: milli(a.To), queue: queue, rule: keep.rule, agent: b.agents.of(a.AgentID)})
			}
		}
		within, _ := b.deadline(queue, keep.rule)
		if within > 0 {
			w := measure.OwnLevel([]routing.Conversation{{Stays: []routing.Stay{s}}}, measure.Deadline{
				QueueID: s.QueueID, Span: routing.Span{From: s.Entered, To: s.Entered.Add(1)}, Within: within, Calendar: b.in.Queues[queue].Calendar, Now: b.in.Now,
			})
			keep.counted, keep.inTime = w.Counted > 0, w.InTime > 0
		}
		b.stays.add(keep)
		if i == len(c.Stays)-1 && within > 0 {
			b.lateBy(c, s, queue, within)
		}
	}
}

// worked is when handling ended; 0: it did not, or that is not known.
func worked(s routing.Stay) int64 {
	switch n := len(s.Work); {
	case s.Answered.IsZero() || s.Handle <= 0:
		return 0
	case n > 0:
		return milli(s.Work[n-1].To)
	}
	return milli(s.Answered.Add(s.Handle))
}

// work notes when agents had an email in hand.
func (b *Builder) work(s routing.Stay) {
	add := func(id string, from, to time.Time) {
		if id == "" {
			return
		}
		if to.IsZero() {
			to = b.in.Now
		}
		agent := b.agents.of(id)
		b.holds[agent] = append(b.holds[agent], hold{milli(from), milli(to)})
	}
	for _, w := range s.Work {
		add(w.AgentID, w.From, w.To)
	}
	if len(s.Work) == 0 && !s.Answered.IsZero() && s.Handle > 0 {
		add(s.AgentID, s.Answered, s.Answered.Add(s.Handle))
	}
}

// lateBy keeps a conversation that is late in the queue where it is, or was last.
func (b *Builder) lateBy(c routing.Conversation, s routing.Stay, queue int32, within time.Duration) {
	if s.Entered.Before(b.in.From) || !s.Entered.Before(b.in.To) {
		return
	}
	end := s.Answered
	if end.IsZero() {
		end = s.Left
	}
	if end.IsZero() {
		end = b.in.Now
	}
	l := late{began: milli(c.Stays[0].Entered), entered: milli(s.Entered), end: milli(end), queue: queue}
	l.lost = l.end - l.began - within.Milliseconds()
	if l.lost <= 0 {
		return
	}
	l.last = strings.EqualFold(s.Routing, "Last") && !s.Answered.IsZero()
	skills := slices.Sorted(slices.Values(s.SkillIDs))
	l.ask = b.asks.of(strings.Join(skills, ",") + "/" + s.LanguageID)
	if int(l.ask) == len(b.askOf) {
		b.askOf = append(b.askOf, ask{skills, s.LanguageID})
	}
	for _, a := range s.Alerts {
		to := a.To
		if to.IsZero() {
			to = end
		}
		l.alerts = append(l.alerts, hold{milli(a.From), milli(to)})
	}
	slices.SortFunc(l.alerts, func(a, b hold) int { return int(a.from - b.from) })
	b.late.add(l)
}
