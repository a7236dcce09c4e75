package simulate

import (
	"math/rand/v2"
	"time"
)

// This file makes the email of a model arrive, one ahead of the clock.

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
func (r *replicator) start(s *stream) {
	s.rate, s.pos, s.day, s.past = -1, 0, -1, nil
	s.next, s.until, s.mean = arrival{rule: -1}, 0, 0
	r.advance(s)
}

// advance finds the next arrival of a stream; at never, where there is none.
func (r *replicator) advance(s *stream) {
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
			s.mean = float64(time.Hour) / (rate.PerHour * r.busyness(rate.Day))
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
				s.past = s.src.History[pick[r.dice.history.IntN(len(pick))]]
			}
		}
		a := s.past[s.pos]
		s.pos++
		s.next = arrival{int64(r.dayStart(s.day) + a.At), a.Rule, a.Handle}
		return
	}
	s.next.at = never
}

// dayStart is when a day of the model begins.
func (r *replicator) dayStart(day int) time.Duration {
	if day < len(r.model.Days) {
		return r.model.Days[day]
	}
	return 0
}

// busyness is the factor of a day.
func (r *replicator) busyness(day int) float64 {
	if len(r.busy) == 0 {
		return 1
	}
	return r.busy[day]
}

// enter draws an email of a rule and lets it enter its queue. Each kind of
// chance has its own stream; email that enters anew draws all from one.
func (r *replicator) enter(rule int, handle time.Duration, entered int64, anew bool) {
	r.emails++
	m := &r.emailOf[rule]
	m.Entered, m.Handle = time.Duration(entered), handle
	if handle == 0 {
		m.Handle = r.dice.draw(r.stream(r.dice.handle, anew), &r.model.Rules[rule].Handle)
	}
	if !r.plain[rule] {
		r.draw(rule, m, anew)
	}
	r.engine.add(m)
}

// draw draws what an email takes and does beside handling.
func (r *replicator) draw(rule int, m *Email, anew bool) {
	in, d := &r.model.Rules[rule], r.dice
	m.Patience, m.LastAgent, m.Transfer = 0, 0, 0
	m.WrapUp = r.bound(in.Queue, d.draw(r.stream(d.wrapUp, anew), &in.WrapUp))
	if in.Patience.Shape != None {
		m.Patience = max(1, d.draw(r.stream(d.patience, anew), &in.Patience))
	}
	if in.Replies > 0 {
		x := r.stream(d.reply, anew)
		if who := r.known[rule]; x.Float64() < in.Replies && len(who) > 0 {
			m.LastAgent = int(who[x.IntN(len(who))]) + 1
		}
	}
	if len(in.Transfer) > 0 {
		x := r.stream(d.transfer, anew).Float64()
		for _, t := range in.Transfer {
			if x < t.Share {
				m.Transfer = int32(t.To) + 1
				break
			}
			x -= t.Share
		}
	}
}

func (r *replicator) stream(first *rand.Rand, anew bool) *rand.Rand {
	if anew {
		return r.dice.again
	}
	return first
}
