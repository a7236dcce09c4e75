package sandbox

import (
	"fmt"
	"net/http"
	"slices"
)

// This file keeps what did not fit the contract, for tests of clients.

// maxMisfits is how many are kept.
const maxMisfits = 100

// Misfits lists requests to the API that did not fit the contract, and with
// Options.CheckAnswers answers that did not, oldest first.
func (s *Server) Misfits() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.misfits)
}

func (s *Server) misfit(format string, args ...any) {
	if len(s.misfits) < maxMisfits {
		s.misfits = append(s.misfits, fmt.Sprintf(format, args...))
	}
}

// checkAnswer notes what does not fit of an answer.
func (s *Server) checkAnswer(r *http.Request, a answer) {
	op, _, ok := s.contract.Find(r.Method, r.URL.Path)
	if !ok {
		return
	}
	for _, v := range s.contract.ValidateResponse(op, a.status, a.body) {
		if s.newer(v) {
			continue
		}
		s.misfit("%s %s: the answer %d: %s", r.Method, r.URL.Path, a.status, v)
	}
}
