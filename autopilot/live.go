package autopilot

import (
	"fmt"
	"strings"

	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/routing"
)

// This file is rules with a condition, which the platform cannot hold: what is
// known of a waiting email goes in, what a rule asks for it comes out.

// Live are the rules of a strategy that have a condition, in their order.
type Live struct {
	rules  []liveRule
	routes map[string]routing.RouteSettings // by address: what an email of it asks for as it comes in
}

type liveRule struct {
	routing.Rule
	when *condition.OfEmail
}

// NewLive compiles them; nil: the strategy has none.
func NewLive(want routing.Desired) (*Live, error) {
	l := &Live{routes: map[string]routing.RouteSettings{}}
	for _, r := range want.Rules {
		if r.When == "" {
			continue
		}
		when, mistakes := condition.CompileEmail(r.When)
		if mistakes != nil {
			return nil, fmt.Errorf("rule %s: %s", r.Name, mistakes[0].Message)
		}
		l.rules = append(l.rules, liveRule{r, when})
	}
	if len(l.rules) == 0 {
		return nil, nil //nolint:nilnil // none is no error
	}
	for _, r := range want.Routes {
		l.routes[r.Address.String()] = r.Settings
	}
	return l, nil
}

// Verdict is what became of one waiting email.
type Verdict struct {
	Rule string // whose condition took it; empty: none did
	// Asks are the fields that the rule owns.
	Asks routing.EmailSettings
	// Left says that somebody has changed the priority of the email since it came
	// in: it is left as it is.
	Left bool
}

// Take is the first rule whose condition holds. to is the address that the email
// came in at, priority what it has.
func (l *Live) Take(e condition.Email, to string, priority int) (t Verdict) {
	for _, r := range l.rules {
		if holds, _ := r.when.Holds(e); !holds {
			continue
		}
		t.Rule = r.Name
		t.Asks = routing.EmailSettings{Priority: r.Priority, Skills: r.Skills, Language: r.Language}
		came, known := l.routes[strings.ToLower(to)]
		if known && r.Priority != nil && came.Priority != nil && priority != *came.Priority && priority != *r.Priority {
			t.Left = true
		}
		return t
	}
	return t
}
