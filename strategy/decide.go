package strategy

import (
	"fmt"

	"github.com/foresort/foresort/internal/condition"
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

// Decide says which rule an email follows: the first whose condition holds, else
// that of the address that it was sent to. What a rule with a condition leaves out
// stays as the address's rule has it.
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
		return s.live(email, Decision{
			Rule: r.Name, Priority: r.Priority, Skills: r.Skills, Language: r.Language,
			Why: fmt.Sprintf("%s follows the rule %s (line %d)", to, r.Name, s.At(fmt.Sprintf("addresses[%d]", i)).Line),
		})
	}
	return Decision{Why: fmt.Sprintf("no address of the strategy is %s", to)}
}

// live lays the first rule whose condition holds over what the address decided.
func (s *Strategy) live(email Email, d Decision) Decision {
	for i, r := range s.Rules {
		if r.When == "" {
			continue
		}
		c, mistakes := condition.CompileEmail(r.When)
		if mistakes != nil {
			continue // Parse has reported them
		}
		if holds, _ := c.Holds(condition.Email{Subject: email.Subject, From: email.From, Attributes: email.Attributes}); !holds {
			continue
		}
		d.Why = fmt.Sprintf("the condition of rule %s holds (line %d), while serve runs; before, %s", r.Name, s.At(fmt.Sprintf("rules[%d].when", i)).Line, d.Why)
		d.Rule = r.Name
		if r.Priority != nil {
			d.Priority = r.Priority
		}
		if r.Skills != nil {
			d.Skills = r.Skills
		}
		if r.Language != "" {
			d.Language = r.Language
		}
		return d
	}
	return d
}
