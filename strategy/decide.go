package strategy

import (
	"cmp"
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

// Decide says which rule an email follows: the first whose condition holds, or
// that of the address that it was sent to. What a rule with a condition leaves
// out is as the rule of the address has it; what nobody says is nil or empty in
// the Decision. A condition that cannot be answered, since an attribute is
// missing, does not hold.
func (s *Strategy) Decide(email Email) Decision {
	d := s.DecideAddress(email.To)
	for i, r := range s.Rules {
		if r.When == "" || !s.holds(i, email) {
			continue
		}
		d.Rule, d.Priority, d.Language = r.Name, cmp.Or(r.Priority, d.Priority), cmp.Or(r.Language, d.Language)
		if r.Skills != nil {
			d.Skills = r.Skills
		}
		d.Why = fmt.Sprintf("the condition of the rule %s holds (line %d), while foresort serve runs; without it, %s", r.Name, s.At(fmt.Sprintf("rules[%d].when", i)).Line, d.Why)
		break
	}
	return d
}

// holds says whether the condition of a rule is known to hold for an email.
func (s *Strategy) holds(rule int, email Email) bool {
	c := s.conditions[rule]
	if c == nil { // it was not parsed, or has mistakes
		var mistakes []condition.Mistake
		if c, mistakes = condition.CompileEmail(s.Rules[rule].When); mistakes != nil {
			return false
		}
	}
	holds, known := c.Holds(condition.Email{Subject: email.Subject, From: email.From, Attributes: email.Attributes})
	return holds && known
}

// DecideAddress is Decide without conditions: what the platform does by itself.
func (s *Strategy) DecideAddress(to string) Decision {
	address, err := routing.ParseAddress(to)
	if err != nil {
		return Decision{Why: err.Error()}
	}
	for i, a := range s.Addresses {
		if one, err := a.parse(); err != nil || one != address {
			continue
		}
		n, ok := s.rule(a.Rule)
		if !ok {
			return Decision{Why: fmt.Sprintf("%s names the rule %q, which is not there", address, a.Rule)}
		}
		r := s.Rules[n]
		return Decision{
			Rule: r.Name, Priority: r.Priority, Skills: r.Skills, Language: r.Language,
			Why: fmt.Sprintf("%s follows the rule %s (line %d)", address, r.Name, s.At(fmt.Sprintf("addresses[%d]", i)).Line),
		}
	}
	return Decision{Why: fmt.Sprintf("no address of the strategy is %s", address)}
}
