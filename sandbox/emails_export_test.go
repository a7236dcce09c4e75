package sandbox

import (
	"slices"
	"time"
)

// Conversations are the ids of the conversations that are kept, in the order in
// which they came.
func (s *Server) Conversations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for n, l := range s.life.centre.Legs() {
		if l.Conversation == n {
			out = append(out, s.conversationID(n))
		}
	}
	return out
}

// Clock is the organisation's clock.
func (s *Server) Clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// Measured says whether analytics shows what happened so long after New.
func (s *Server) Measured(after time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.measured(s.instant(after))
}

// Wake does what is due by the clock, as it is done while somebody is connected.
func (s *Server) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	s.settle()
}

// measured says whether analytics shows by now what happened at an instant of
// the organisation's clock.
func (s *Server) measured(at time.Time) bool {
	d := &s.disturbed
	in := func(h hole) bool { return !at.Before(h.from) && at.Before(h.to) }
	return s.now().Sub(at) >= d.metrics.of(at, 0) && !slices.ContainsFunc(d.hidden, in) && !slices.ContainsFunc(d.lost, in)
}
