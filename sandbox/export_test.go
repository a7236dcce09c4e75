package sandbox

import "time"

// Publish publishes as the organisation does.
func (s *Server) Publish(topic string, body any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish(topic, body)
}

// PublishAtMost publishes as the organisation does what changes often.
func (s *Server) PublishAtMost(topic string, every time.Duration, body func() any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publishAtMost(topic, every, body)
}

// Listened says whether somebody would get what is published on a topic.
func (s *Server) Listened(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listened(topic)
}
