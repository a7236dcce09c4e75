package plan

import (
	"fmt"

	"github.com/foresort/foresort/routing"
)

// Standing is a queue in the terms of a strategy: as it is, and as it will be
// once the strategy is applied. What the strategy does not own is in both as the
// platform has it, so that the two can be simulated side by side.
type Standing struct {
	Before, After routing.Desired
	// Missing says that there is no such queue yet: Before says nothing.
	Missing bool
	Notes   []string
}

// Stand tells how a queue stands to a strategy.
func Stand(want routing.Desired, org routing.Org) Standing {
	s := Standing{Before: want, After: want, Missing: true}
	for _, q := range org.Queues {
		if q.Name == want.Queue.Name {
			s.Missing = false
			s.Before.Queue.Settings = q.Settings
			s.After.Queue.Settings = routing.Lay(q.Settings, routing.Owned(want.Queue.Settings), want.Queue.Settings)
		}
	}
	s.Before.Capacity = nil // an agent's own is not read, and the scenario says what it is
	s.Before.Rules, s.After.Rules = nil, nil
	for _, rule := range want.Rules {
		live, first := routing.RouteSettings{}, ""
		for _, r := range want.Routes {
			if r.Rule != rule.Name {
				continue
			}
			for _, have := range org.Routes {
				if have.Address != r.Address || have.Settings.Queue == nil || have.Settings.Queue.Name != want.Queue.Name {
					continue
				}
				if first == "" {
					live, first = have.Settings, r.Address.String()
				} else if len(routing.Differs(asks, live, have.Settings)) > 0 {
					s.Notes = append(s.Notes, fmt.Sprintf("%s is routed otherwise than %s now; before, all email of the rule %s is simulated as that of %s", r.Address, first, rule.Name, first))
				}
			}
		}
		if first == "" && !s.Missing {
			s.Notes = append(s.Notes, fmt.Sprintf("no address of the rule %s leads to the queue yet; before, its email is simulated as asking for nothing and without a head start", rule.Name))
		}
		before, after := rule, rule
		before.Priority, before.Skills, before.Language = live.Priority, live.Skills, live.Language
		owned := routing.RouteSettings{Priority: rule.Priority, Skills: rule.Skills, Language: rule.Language}
		laid := routing.Lay(live, routing.Owned(owned), owned)
		after.Priority, after.Skills, after.Language = laid.Priority, laid.Skills, laid.Language
		s.Before.Rules, s.After.Rules = append(s.Before.Rules, before), append(s.After.Rules, after)
	}
	return s
}

// asks are the fields of a route that say what its email asks for.
var asks = []routing.Field{"priority", "skills", "language"}
