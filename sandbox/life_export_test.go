package sandbox

// AnsweredAt is when the emails were answered, in minutes after the beginning,
// in the order in which they came; -1: not yet.
func (s *Server) AnsweredAt() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []int
	for _, l := range s.life.centre.Legs() {
		at := -1
		if l.Answered >= 0 {
			at = int(l.Answered / 60_000)
		}
		out = append(out, at)
	}
	return out
}
