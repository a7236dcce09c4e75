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
	s.catchUp()
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

// catchUp lets everything happen up to now. What was written since the last time
// acts from the present moment on.
func (s *Server) catchUp() { s.follow(s.options.Speed) }

// follow does, where the organisation's clock has gone so much faster than the
// one on the wall since the last time.
func (s *Server) follow(speed float64) {
	s.tendFaults()
	l := s.life
	if l == nil || l.centre == nil || s.broken != nil {
		return
	}
	to := s.now()
	for s.broken == nil {
		step, wall, plan := to, s.wall(), false
		if !l.replan.After(to) {
			step, plan = l.replan, true
		}
		if ago := wall.Sub(l.statuses); !l.statuses.IsZero() && ago >= 0 { // a route has become active, or is gone
			turns := later(l.at(l.centre.Now()), to.Add(-time.Duration(float64(ago)*speed)))
			if !turns.After(step) {
				step, wall, plan = turns, l.statuses, true
			}
		}
		if since := step.Sub(l.zero); since > time.Duration(l.centre.Now())*time.Millisecond {
			s.broken = l.centre.Advance(since)
		}
		if s.broken == nil {
			s.broken = l.traffic.err
		}
		if !plan {
			break
		}
		l.centre.Configure(s.configuration(step, wall))
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
