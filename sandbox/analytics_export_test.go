package sandbox

import (
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

// Centre is the record that the answers are held against.
func (s *Server) Centre() *centre.Centre { return s.life.centre }

// At is the instant of a time of the centre.
func (s *Server) At(ms int64) time.Time { return s.life.at(ms) }

// ConversationID is the id of the conversation that begins with a leg.
func (s *Server) ConversationID(leg int) string { return s.conversationID(leg) }

// Disconnect ends an email from outside.
func (s *Server) Disconnect(leg int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life.centre.Disconnect(leg)
}

// Transfer passes an email on to another queue, from outside.
func (s *Server) Transfer(leg int, queue string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.life.centre.Transfer(leg, centre.Entry{Queue: queue, Mail: centre.Mail{Handle: 4 * time.Minute, WrapUp: time.Minute}})
	return ok
}

// Shows says whether aggregates show what happened at an instant.
func (s *Server) Shows(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tendFaults()
	return s.look(0).shows(s.life.millis(at))
}

// Parts are the limits of the parts of an interval.
func Parts(granularity string, from, to time.Time, zone *time.Location) ([]time.Time, error) {
	g, err := parseGranularity(granularity)
	if err != nil {
		return nil, err
	}
	return g.parts(from, to, zone)
}
