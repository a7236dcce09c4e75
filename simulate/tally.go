package simulate

import (
	"math/bits"
	"sort"
)

// This file counts: what came of the email of one run, by rule, and what must
// hold of it.

// tally is the counts of one run.
type tally struct {
	rules   []ruleTally
	from    int64   // email that entered before is not counted; 0: all is
	waiting int64   // email that waits or alerts
	area    wide    // waiting email, times time
	waited  wide    // time that email waited that no longer waits
	in, out int64   // email that entered and left the engine
	inHand  int64   // email that is answered and not ended
	held    int64   // email in the hands of agents who are at it
	filled  float64 // held, times time
	peak    int64   // the largest backlog
	clears  int64   // when nothing waited for the first time after it; -1: not yet
	record  bool    // waits are kept, for quantiles
	work    float64
}

// ruleTally is the counts of one rule.
type ruleTally struct {
	target, deadline int64 // 0: none
	waiting          int64 // all that waits, counted or not

	offered, answered, ended, abandoned, removed int64
	inTime                                       int64 // answered within the target
	abandonedLate                                int64 // given up after the target
	due, met                                     int64 // of the deadline
	overdue                                      int64 // waits beyond the target at the end
	wait, work                                   float64
	longest                                      int64
	waits                                        []int64 // those above 0; the others count in atOnce
	atOnce                                       int64
}

// wide is a sum of products that 64 bits do not hold.
type wide struct{ hi, lo uint64 }

func (w *wide) add(a, b int64) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, lo, 0)
	w.hi += hi + carry
}

func (t *tally) reset(rules int) {
	old := t.rules
	*t = tally{record: t.record, clears: -1, from: t.from}
	t.rules = old[:min(len(old), rules)]
	for i := range t.rules {
		r := &t.rules[i]
		*r = ruleTally{target: r.target, deadline: r.deadline, waits: r.waits[:0]}
	}
	for len(t.rules) < rules {
		t.rules = append(t.rules, ruleTally{})
	}
}

func (t *tally) counts(m *email) bool { return m.entered >= t.from || t.from == 0 }

func (t *tally) enter(e *Engine, m *email) {
	for int(m.rule) >= len(t.rules) {
		t.rules = append(t.rules, ruleTally{})
	}
	r := &t.rules[m.rule]
	t.in++
	t.waiting++
	r.waiting++
	if m.from() < e.now { // it waited before the engine knew of it
		t.area.add(e.now-m.from(), 1)
	}
	if t.counts(m) {
		r.offered++
		t.work += float64(m.work - m.wrapUp + e.wrapUp(m))
	}
}

// unwait notes that an email no longer waits.
func (t *tally) unwait(e *Engine, m *email) {
	t.waiting--
	t.rules[m.rule].waiting--
	t.waited.add(e.now-m.from(), 1)
	if t.waiting == 0 && t.clears < 0 && t.peak > 0 {
		t.clears = e.now
	}
}

func (t *tally) answer(e *Engine, m *email) {
	t.unwait(e, m)
	t.inHand++
	if !t.counts(m) {
		return
	}
	e.agents[m.agent].answered++
	r := &t.rules[m.rule]
	wait := e.now - m.entered
	r.answered++
	r.wait += float64(wait)
	r.longest = max(r.longest, wait)
	if r.target > 0 && wait <= r.target {
		r.inTime++
	}
	if r.deadline > 0 {
		r.due++
		if e.business(e.now)-e.openAt(m) <= r.deadline {
			r.met++
		}
	}
	switch {
	case !t.record:
	case wait > 0:
		r.waits = append(r.waits, wait)
	default:
		r.atOnce++
	}
}

func (t *tally) end(e *Engine, m *email) {
	t.inHand--
	t.out++
	if t.counts(m) {
		t.rules[m.rule].ended++
		work := float64(m.work)
		if a := &e.agents[m.agent]; a.hasty {
			work /= a.speed
		}
		t.rules[m.rule].work += work
	}
}

// leave notes that an email leaves without having been ended.
func (t *tally) leave(e *Engine, m *email, what What) {
	t.out++
	if m.state == handled || m.state == rests {
		t.inHand--
	}
	if !t.counts(m) {
		return
	}
	r := &t.rules[m.rule]
	if what != Abandoned {
		r.removed++
		return
	}
	r.abandoned++
	if r.target == 0 || e.now-m.entered > r.target {
		r.abandonedLate++
	}
	if r.deadline > 0 && e.business(e.now)-e.openAt(m) > r.deadline {
		r.due++
	}
}

// check says what does not hold of the run up to now; empty: all does.
func (e *Engine) check() string {
	t := &e.tally
	var waiting, inHand int64
	still := t.waited
	for i := range e.emails {
		switch m := &e.emails[i]; m.state {
		case waits, alerts:
			waiting++
			still.add(e.now-m.from(), 1)
		case handled, rests:
			inHand++
		case gone:
		}
	}
	var queued int64
	for i := range e.classes {
		queued += int64(e.classes[i].count)
	}
	var load int64
	for i := range e.agents {
		a := &e.agents[i]
		load += int64(a.load)
	}
	switch {
	case waiting != t.waiting || inHand != t.inHand:
		return "the email counted is not the email there"
	case t.in != t.out+waiting+inHand:
		return "flow balance: what entered is not what left and what is there"
	case queued+load != waiting+inHand:
		return "flow balance: the email of queues and agents is not the email there"
	case still != t.area:
		return "Little's law: the time that email waited is not the backlog over time"
	}
	return ""
}

// clock counts business time.
type clock struct {
	spans []Span
	sum   []int64 // business time before each span
}

func newClock(spans []Span) clock {
	c := clock{spans: spans}
	total := int64(0)
	for _, s := range spans {
		c.sum = append(c.sum, total)
		total += int64(s.To - s.From)
	}
	return c
}

// at is the business time up to t, counted from the first span.
func (c *clock) at(t int64) int64 {
	i := sort.Search(len(c.spans), func(i int) bool { return int64(c.spans[i].From) > t })
	if i == 0 {
		return 0
	}
	s := c.spans[i-1]
	return c.sum[i-1] + min(t, int64(s.To)) - int64(s.From)
}

// business is the business time up to t.
func (e *Engine) business(t int64) int64 {
	if e.open.spans == nil {
		return t
	}
	return e.open.at(t)
}

// openAt is the business time at which an email entered.
func (e *Engine) openAt(m *email) int64 { return e.business(m.entered) }
