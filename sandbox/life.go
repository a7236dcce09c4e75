package sandbox

import (
	"errors"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file lets the organisation live: time goes in, and the centre is at that
// time, under what is stored then.

// planned is for how long ahead shifts are known.
const planned = 7 * 24 * time.Hour

// life is the organisation at work; nil: it is at rest.
type life struct {
	centre   *centre.Centre
	traffic  *traffic
	zero     time.Time // the centre's beginning
	replan   time.Time // when the centre needs shifts beyond those that it knows
	statuses time.Time // when the next route becomes active or goes; zero: none will
	changed  bool      // something was written that the centre does not know yet

	letters   map[int]created // by the first leg of the conversation: what was created by the API
	announced int             // the newest leg whose coming was published
}

// live starts the life of the organisation: it runs from Options.History before
// now up to now.
func (s *Server) live() error {
	sc := s.options.Traffic
	zone := unitLocation()
	if z, err := time.LoadLocation(sc.Timezone); err == nil && sc.Timezone != "" {
		zone = z
	}
	zero := s.opened.In(zone).Truncate(time.Minute)
	if s.options.History > 0 {
		y, m, d := s.opened.Add(-s.options.History).In(zone).Date()
		zero = time.Date(y, m, d, 0, 0, 0, 0, zone)
	}
	s.life = &life{zero: zero, traffic: &traffic{scenario: sc, zero: zero, seed: s.options.Seed}}
	if err := s.life.traffic.stretch(); err != nil {
		return err
	}
	if err := errors.Join(s.checkAddresses(), s.hire()); err != nil {
		return err
	}
	s.life.centre = centre.New(s.configuration(zero, s.wall()), s.life.traffic, s.options.Seed, s.options.Keep)
	if s.options.History <= 0 {
		for _, m := range s.life.traffic.backlog() {
			s.life.centre.Receive(m)
		}
	}
	s.life.changed = false
	s.pass(s.options.Speed)
	s.announce()
	return s.broken
}

// noteChange notes that something was written.
func (s *Server) noteChange() {
	s.writes++
	if s.life != nil {
		s.life.changed = true
	}
}

// at is the instant of a time of the centre.
func (l *life) at(ms int64) time.Time { return l.zero.UTC().Add(time.Duration(ms) * time.Millisecond) }

// clocks is one instant by both clocks.
type clocks struct{ now, wall time.Time }

// catchUp lets everything happen up to now, at most a year at once: a clock on
// the wall that leaps must not keep the sandbox busy for ever. What is beyond is
// skipped. What was written since the last time acts from the present moment on.
func (s *Server) catchUp() {
	if s.works() {
		s.skipped += max(0, s.now().Sub(s.moment())-maxAdvance)
	}
	s.pass(s.options.Speed)
}

// pass lets the time pass up to now, in which the organisation's clock has gone so
// much faster than the one on the wall. It stops at every instant at which
// something is due, so that it does not matter in how many steps time passes.
func (s *Server) pass(speed float64) {
	to := clocks{s.now(), s.wall()}
	s.passing, s.speed = true, speed
	for done := false; !done; {
		at := s.nextStop(to)
		done = at == to
		s.passed = at
		s.goOn()
		s.tend()
	}
	s.passing = false
}

// nextStop is the first instant after the last one at which something is due, at
// the latest now.
func (s *Server) nextStop(to clocks) clocks {
	at := to
	now := func(t time.Time) {
		if t = t.Add(time.Millisecond - 1).Truncate(time.Millisecond); t.After(s.passed.now) && t.Before(at.now) {
			at = clocks{t, later(to.wall.Add(-s.onWall(to.now.Sub(t))), s.passed.wall)}
		}
	}
	wall := func(t time.Time) {
		if t.After(s.passed.wall) && t.Before(at.wall) {
			at = clocks{later(to.now.Add(-sped(to.wall.Sub(t), s.speed)).Truncate(time.Millisecond), s.passed.now), t}
		}
	}
	for _, f := range s.faults {
		now(s.instant(f.After))
		now(s.instant(f.After + f.For))
	}
	for _, ch := range s.channels {
		wall(ch.expires())
		wall(ch.lapses)
		if k := ch.socket; k != nil {
			wall(ch.expires().Add(-s.options.ClosingNotice))
			wall(k.closes)
		}
	}
	if n := s.streams.published; n < len(s.audits) {
		wall(s.audits[n].written.Add(s.auditDelay(s.audits[n].written)))
	}
	for _, e := range s.streams.late {
		wall(e.sent.Add(e.every))
	}
	if s.works() {
		now(s.life.replan)
		wall(s.life.statuses)
		if next, ok := s.life.centre.Next(); ok && s.counted() { // what is published then holds up what follows
			wall(to.wall.Add(analyticsEvery - s.onWall(to.now.Sub(s.life.zero.Add(next)))).Truncate(time.Millisecond))
		}
	}
	return at
}

// onWall is how long a time of the organisation takes on the wall while time
// passes.
func (s *Server) onWall(d time.Duration) time.Duration {
	switch {
	case s.speed == 1:
		return d
	case s.speed <= 0:
		return 0
	}
	return time.Duration(float64(d) / s.speed)
}

// goOn brings the centre to the instant that time has passed to.
func (s *Server) goOn() {
	l := s.life
	if !s.works() {
		return
	}
	if since := s.passed.now.Sub(l.zero); since >= time.Duration(l.centre.Now())*time.Millisecond {
		s.going = true
		s.broken = l.centre.Advance(since)
		s.going = false
	}
	if s.broken == nil {
		s.broken = l.traffic.err
	}
	active := !l.statuses.IsZero() && !l.statuses.After(s.passed.wall) // a route has become so, or is gone
	if s.broken == nil && (active || !l.replan.After(s.passed.now)) {
		l.centre.Configure(s.configuration(s.passed.now, s.passed.wall))
	}
}

// run lets everything happen as time passes, until the sandbox is closed.
func (s *Server) run(stop <-chan struct{}) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		s.catchUp()
		s.settle()
		s.mu.Unlock()
	}
}

// settle tells the centre of what was written.
func (s *Server) settle() {
	if l := s.life; l != nil && l.centre != nil && l.changed && s.broken == nil {
		l.centre.Configure(s.configuration(s.now(), s.wall()))
		l.changed = false
	}
}
