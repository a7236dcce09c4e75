package autopilot

import (
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file turns what a rule does into an override of the queue as it is, and
// into new priorities of email that waits.

// Override is what the actions of a rule set on a queue. Where it is so already
// they set what is there, and a plan of it has no changes.
func Override(do []routing.Action, q routing.Queue) plan.Override {
	var o plan.Override
	for _, a := range do {
		switch a.Lever {
		case routing.LeverJoin:
			o.Join = append(o.Join, a.Agents...)
			if a.Group != "" && !slices.ContainsFunc(groups(o, q), func(g routing.Group) bool { return g.Name == a.Group }) {
				with := append(slices.Clone(groups(o, q)), routing.Group{Ref: routing.Ref{Name: a.Group}})
				o.Settings.Groups = &with
			}
		case routing.LeverLeave:
			o.Leave = append(o.Leave, a.Agents...)
			if a.Group != "" {
				without := slices.DeleteFunc(slices.Clone(groups(o, q)), func(g routing.Group) bool { return g.Name == a.Group })
				if len(without) < len(groups(o, q)) {
					o.Settings.Groups = &without
				}
			}
		case routing.LeverCapacity:
			email := a.Email
			o.Capacity = &routing.UtilizationSettings{Email: &email}
		case routing.LeverTighten:
			o.Settings.ServiceLevel = tightened(a, q.Settings.ServiceLevel)
		case routing.LeverRelax:
			o.Settings.Rings = earlier(a, q.Settings.Rings)
		case routing.LeverRaise, routing.LeverLower, routing.LeverDeadline, routing.LeverOverflow: // waiting email
		}
	}
	return o
}

// groups are the member groups as far as they have been set by now.
func groups(o plan.Override, q routing.Queue) []routing.Group {
	switch {
	case o.Settings.Groups != nil:
		return *o.Settings.Groups
	case q.Settings.Groups != nil:
		return *q.Settings.Groups
	}
	return nil
}

// tightened is a service level with less time; nil where it is as short as the
// action lets it become, or where the queue has none.
func tightened(a routing.Action, level *routing.ServiceLevel) *routing.ServiceLevel {
	if level == nil || level.Within <= a.Floor {
		return nil
	}
	return &routing.ServiceLevel{Percent: level.Percent, Within: max(a.Floor, level.Within-a.Target)}
}

// earlier are rings of which a step comes sooner; the steps after it come when
// they came. nil where there is no such step, or it comes as soon anyway.
func earlier(a routing.Action, have *routing.Rings) *routing.Rings {
	if have == nil || a.Step >= len(*have) {
		return nil
	}
	rings := slices.Clone(*have)
	var before routing.Duration
	for _, r := range rings[:a.Step-1] {
		if r.Wait == nil {
			return nil
		}
		before += *r.Wait
	}
	ring := &rings[a.Step-1]
	if ring.Wait == nil || before+*ring.Wait <= a.After || a.After <= before {
		return nil
	}
	wait := a.After - before
	gained := *ring.Wait - wait
	ring.Wait = &wait
	if next := &rings[a.Step]; next.Wait != nil {
		later := *next.Wait + gained
		next.Wait = &later
	}
	return &rings
}

// Priorities are the new priorities that the actions of a rule give to waiting
// email, the longest waiting first, at most limit. touched are the emails that its
// override has changed already; an email whose priority stays is left out.
func (p *Program) Priorities(do []routing.Action, emails []routing.WaitingEmail, touched map[string]bool, limit int) []plan.EmailPriority {
	var out []plan.EmailPriority
	for _, e := range emails {
		if touched[e.ConversationID] || len(out) == limit {
			continue
		}
		to := e.Priority
		rule := p.ruleOf(e)
		for _, a := range do {
			switch {
			case a.Lever == routing.LeverRaise && a.Rule == rule:
				to += a.By
			case a.Lever == routing.LeverLower && a.Rule == rule:
				to -= a.By
			case a.Lever == routing.LeverDeadline && !p.byHand(e, rule):
				if by, known := p.deadlinePriority(e, rule); known {
					to = by
				}
			}
		}
		if to = max(-routing.MostPriority, min(to, routing.MostPriority)); to != e.Priority {
			out = append(out, plan.EmailPriority{Email: e, To: to})
		}
	}
	return out
}

// Overflow are the emails that the actions of a rule move to another queue, the
// longest waiting first, with at most so many calls. Those of leave stay where they
// are, such as what was moved before, and so do those of which the platform does not
// list that they wait, or since when.
func (p *Program) Overflow(do []routing.Action, s *routing.QueueState, leave map[string]bool, calls int) []plan.EmailMove {
	if s == nil {
		return nil
	}
	var out []plan.EmailMove
	moved := map[string]bool{}
	for _, a := range do {
		if a.Lever != routing.LeverOverflow {
			continue
		}
		n := 0
		for _, e := range s.Emails {
			if n == a.AtMost || (len(out)+1)*routing.TransferCalls > calls {
				break
			}
			id := e.ConversationID
			if leave[id] || moved[id] || e.Entered.IsZero() || a.Rule != "" && p.ruleOf(e) != a.Rule || s.At.Sub(e.Entered) < time.Duration(a.After) {
				continue
			}
			n, moved[id] = n+1, true
			out = append(out, plan.EmailMove{Email: e, To: a.To})
		}
	}
	return out
}

// byHand says that an email has neither the priority that it came in with nor that
// of its rule: somebody has set it.
func (p *Program) byHand(e routing.WaitingEmail, rule string) bool {
	usual, owned := p.usual[strings.ToLower(e.To)]
	asked, asks := p.asked[rule]
	return owned && e.Priority != usual && (!asks || e.Priority != asked)
}

// deadlinePriority makes the score of an email, the minutes that it has waited and
// its priority, grow with the nearness of its deadline: the priority is how much
// sooner that comes, counted from its entry, than the longest of the strategy's
// does where no closed hours lie between. With some it is below 0.
func (p *Program) deadlinePriority(e routing.WaitingEmail, rule string) (int, bool) {
	mine, known := p.deadlines[rule]
	if !known {
		return 0, false
	}
	longest := mine
	for _, d := range p.deadlines {
		longest = max(longest, d)
	}
	return int((longest - p.due(e.Entered, mine).Sub(e.Entered)).Round(time.Minute) / time.Minute), true
}
