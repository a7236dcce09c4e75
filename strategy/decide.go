package strategy

import (
	"fmt"

	"github.com/foresort/foresort/routing"
)

// Decision is what becomes of one email when it enters the queue.
type Decision struct {
	Rule     string   `json:"rule,omitempty"` // empty: the strategy does not take the address
	Priority *int     `json:"priority,omitempty"`
	Skills   []string `json:"skills,omitempty"`
	Language string   `json:"language,omitempty"` // None: asks for none; empty: the strategy leaves it alone
	Why      string   `json:"why"`
}

// Decide says which rule an email follows, by the address that it was sent to.
// What the rule leaves alone on the platform is nil or empty in the Decision.
func (s *Strategy) Decide(email Email) Decision {
	to, err := routing.ParseAddress(email.To)
	if err != nil {
		return Decision{Why: err.Error()}
	}
	for i, a := range s.Addresses {
		if address, err := a.parse(); err != nil || address != to {
			continue
		}
		n, ok := s.rule(a.Rule)
		if !ok {
			return Decision{Why: fmt.Sprintf("%s names the rule %q, which is not there", to, a.Rule)}
		}
		r := s.Rules[n]
		return Decision{
			Rule: r.Name, Priority: r.Priority, Skills: r.Skills, Language: r.Language,
			Why: fmt.Sprintf("%s follows the rule %s (line %d)", to, r.Name, s.At(fmt.Sprintf("addresses[%d]", i)).Line),
		}
	}
	return Decision{Why: fmt.Sprintf("no address of the strategy is %s", to)}
}
