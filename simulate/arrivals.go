package simulate

import (
	"math/rand/v2"
	"time"
)

// This file makes the email of a model arrive, one ahead of the clock.

// Traffic is the email of a model in the order in which it arrives: of the model
// it takes rules, sources, days and busyness.
type Traffic struct {
	model   *Model
	dice    *dice
	streams []stream
	busy    []float64 // by day
	plain   []bool    // by rule: email takes handling and nothing else
}

// NewTraffic makes the traffic of one replication of a model.
func NewTraffic(m Model, seed uint64, replication int) *Traffic {
	t := newTraffic(&m, newDice())
	t.dice.seed(seed, replication)
	t.restart()
	return t
}

func newTraffic(m *Model, d *dice) *Traffic {
	t := &Traffic{model: m, dice: d}
	for _, rule := range m.Rules {
		t.plain = append(t.plain, rule.WrapUp.Shape == None && rule.Patience.Shape == None && rule.Replies == 0 && len(rule.Transfer) == 0)
	}
	for i := range m.Sources {
		s := &m.Sources[i]
		t.streams = append(t.streams, stream{src: s, mix: newPicker(s.Mix), gaps: d.stream()})
	}
	if m.Busyness > 0 {
		t.busy = make([]float64, max(1, len(m.Days)))
	}
	return t
}

// restart puts the traffic at its beginning, when its dice have been seeded.
func (t *Traffic) restart() {
	for i := range t.busy {
		t.busy[i] = gamma(t.dice.busyness, t.model.Busyness)
	}
	for i := range t.streams {
		t.start(&t.streams[i])
	}
}

// first is the stream whose email arrives next, and when.
func (t *Traffic) first() (at int64, s *stream) {
	at = never
	for i := range t.streams {
		if x := &t.streams[i]; x.next.at < at {
			at, s = x.next.at, x
		}
	}
	return at, s
}

// rule is the rule of a stream's next email.
func (t *Traffic) rule(s *stream) int {
	switch {
	case s.next.rule >= 0:
		return s.next.rule
	case len(s.mix.rules) == 1:
		return s.mix.rules[0]
	}
	return s.mix.pick(t.dice.mix)
}

// Drawn is one email that arrives, with all that chance decides of it.
type Drawn struct {
	At    time.Duration
	Rule  int   // index in Model.Rules
	Email Email // Handle, WrapUp, Patience and Transfer are set
	// Reply says that it replies to an agent.
	Reply bool
}

// Next is the next email; false: none follows.
func (t *Traffic) Next() (Drawn, bool) {
	at, s := t.first()
	if s == nil {
		return Drawn{}, false
	}
	d := Drawn{At: time.Duration(at), Rule: t.rule(s)}
	d.Email.Handle = s.next.handle
	d.Reply = t.draw(d.Rule, &d.Email, false)
	t.advance(s)
	return d, true
}

// Again is email that enters anew under a rule after a transfer.
func (t *Traffic) Again(rule int) Email {
	var m Email
	t.draw(rule, &m, true)
	return m
}

// draw draws what an email takes and does; whether it is a reply is told. Each
// kind of chance has its own stream; email that enters anew draws all from one.
func (t *Traffic) draw(rule int, m *Email, anew bool) (reply bool) {
	in, d := &t.model.Rules[rule], t.dice
	if m.Handle == 0 {
		m.Handle = d.draw(d.either(d.handle, anew), &in.Handle)
	}
	if t.plain[rule] {
		return false
	}
	m.Patience, m.Transfer = 0, 0
	m.WrapUp = d.draw(d.either(d.wrapUp, anew), &in.WrapUp)
	if in.Patience.Shape != None {
		m.Patience = max(1, d.draw(d.either(d.patience, anew), &in.Patience))
	}
	if in.Replies > 0 {
		reply = d.either(d.reply, anew).Float64() < in.Replies
	}
	if len(in.Transfer) > 0 {
		x := d.either(d.transfer, anew).Float64()
		for _, to := range in.Transfer {
			if x < to.Share {
				m.Transfer = int32(to.To) + 1
				break
			}
			x -= to.Share
		}
	}
	return reply
}

// either is the stream of one kind of chance, or that of email that enters anew.
func (d *dice) either(first *rand.Rand, anew bool) *rand.Rand {
	if anew {
		return d.again
	}
	return first
}

// arrival is the next email of a source.
type arrival struct {
	at     int64
	rule   int // -1: the mix decides
	handle time.Duration
}

// stream is a Source under way.
type stream struct {
	src  *Source
	mix  picker
	gaps *rand.Rand
	next arrival
	// Of rates: the one that holds, in nanoseconds an email, and up to when.
	rate  int
	mean  float64
	until int64
	// Of traces: the next. Of histories: the day and the next arrival in it.
	pos, day int
	past     []Arrival
}

// start puts a stream at its beginning.
func (t *Traffic) start(s *stream) {
	s.rate, s.pos, s.day, s.past = -1, 0, -1, nil
	s.next, s.until, s.mean = arrival{rule: -1}, 0, 0
	t.advance(s)
}

// advance finds the next arrival of a stream; at never, where there is none.
func (t *Traffic) advance(s *stream) {
	switch {
	case s.src.Rates != nil:
		gap := s.gaps.ExpFloat64()
		for {
			if wait := gap * s.mean; wait < float64(s.until-s.next.at) {
				s.next.at += int64(wait)
				return
			}
			if s.mean > 0 {
				gap -= max(0, float64(s.until-s.next.at)/s.mean)
			}
			if s.rate++; s.rate >= len(s.src.Rates) {
				break
			}
			rate := &s.src.Rates[s.rate]
			s.next.at, s.until = max(0, int64(rate.From)), int64(rate.To)
			s.mean = float64(time.Hour) / (rate.PerHour * t.busyness(rate.Day))
		}
	case s.src.Trace != nil:
		if s.pos < len(s.src.Trace) {
			a := s.src.Trace[s.pos]
			s.pos++
			s.next = arrival{int64(a.At), a.Rule, a.Handle}
			return
		}
	default:
		for s.pos >= len(s.past) {
			if s.day++; s.day >= len(s.src.Pick) {
				s.next.at = never
				return
			}
			s.pos, s.past = 0, nil
			if pick := s.src.Pick[s.day]; len(pick) > 0 {
				s.past = s.src.History[pick[t.dice.history.IntN(len(pick))]]
			}
		}
		a := s.past[s.pos]
		s.pos++
		s.next = arrival{int64(t.dayStart(s.day) + a.At), a.Rule, a.Handle}
		return
	}
	s.next.at = never
}

// dayStart is when a day of the model begins.
func (t *Traffic) dayStart(day int) time.Duration {
	if day < len(t.model.Days) {
		return t.model.Days[day]
	}
	return 0
}

// busyness is the factor of a day.
func (t *Traffic) busyness(day int) float64 {
	if len(t.busy) == 0 {
		return 1
	}
	return t.busy[day]
}
