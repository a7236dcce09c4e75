package strategy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/routing"
)

// This file checks how a strategy adjusts to the day, and compiles it. Package
// autopilot decides by it.

// The bounds of adjust.
const (
	minEvery, maxEvery = 10 * time.Second, time.Hour
	minLease, maxLease = 5 * time.Minute, 24 * time.Hour
	maxCooldown        = 24 * time.Hour
	minAge, maxAge     = time.Minute, 72 * time.Hour // of email that goes to another queue
)

func (c *checker) adjust() {
	a := c.s.Adjust
	if a == nil {
		return
	}
	c.span("adjust.every", a.Every, minEvery, maxEvery)
	if a.Limits != nil {
		c.span("adjust.limits.cooldown", a.Limits.Cooldown, 0, maxCooldown)
	}
	first := map[string]int{}
	for i, r := range a.Rules {
		path := c.path("adjust.rules[%d]", i)
		if c.Has(path + ".name") {
			switch before, repeated := first[r.Name]; {
			case !strategyName.MatchString(r.Name):
				c.Fail(path+".name", fmt.Sprintf("%q cannot be the name of a rule", r.Name), "use up to 64 letters, digits and . _ - between them: "+slug(r.Name))
			case repeated:
				c.Fail(path+".name", fmt.Sprintf("two rules are named %q", r.Name), fmt.Sprintf("the other is on line %d", c.s.At(c.path("adjust.rules[%d]", before)).Line))
			default:
				first[r.Name] = i
			}
		}
		for key, text := range map[string]string{"when": r.When, "until": r.Until} {
			if c.Has(path + "." + key) {
				c.queueCondition(path+"."+key, text)
			}
		}
		if !c.Has(path+".when") && !c.Bad(path+".when") && !r.tightens() {
			c.Fail(path, "`when` is missing", "write a condition on the queue, such as waiting() > 50")
		}
		if c.Has(path + ".lease") {
			c.span(path+".lease", &r.Lease, minLease, maxLease)
		}
		if c.Has(path+".do") && len(r.Do) == 0 {
			c.Fail(path+".do", "the rule does nothing", "name what it does, such as join: Back Office")
		}
		seen, moved := map[routing.Lever]bool{}, map[string]bool{}
		for k, do := range r.Do {
			c.action(c.path("%s.do[%d]", path, k), do, seen, moved)
		}
	}
}

// span checks that a time lies within bounds.
func (c *checker) span(path string, d *routing.Duration, least, most time.Duration) {
	if d != nil && c.Has(path) && (time.Duration(*d) < least || time.Duration(*d) > most) {
		c.Fail(path, fmt.Sprintf("%s is out of bounds: %s to %s", d, routing.Duration(least), routing.Duration(most)), "")
	}
}

// queueCondition checks a condition on the queue, and the rules that it names.
func (c *checker) queueCondition(path, text string) {
	compiled, mistakes := condition.CompileQueue(text)
	if mistakes != nil {
		c.mistakes(path, text, mistakes)
		return
	}
	for _, read := range compiled.Reads {
		if read.Rule == "" {
			continue
		}
		n, known := c.s.rule(read.Rule)
		switch {
		case !known:
			c.isRule(path, read.Rule)
		case read.Figure == condition.ServiceLevel && c.s.Rules[n].Deadline == nil:
			c.Fail(path, fmt.Sprintf("%s: the rule %s has no deadline, and the platform measures no service level of a rule", read, read.Rule), "give the rule a deadline, or ask for that of the queue: "+condition.Read{Figure: read.Figure, Window: read.Window}.String())
		}
	}
}

// action checks one action; seen are the levers of its rule, and moved the groups
// and agents that it lets join or leave.
func (c *checker) action(path string, do Action, seen map[routing.Lever]bool, moved map[string]bool) {
	compiled := do.compile(routing.Place{})
	switch {
	case c.Bad(path), len(compiled) == 0 && c.BadWithin(path):
		return
	case len(compiled) == 0:
		c.Fail(path, "says nothing to do", "one of "+strings.Join(levers, ", "))
		return
	case len(compiled) > 1:
		c.Fail(path, fmt.Sprintf("says %d things: %s and %s", len(compiled), compiled[0].Lever, compiled[1].Lever), "make an item of each")
		return
	}
	a := compiled[0]
	often := []routing.Lever{routing.LeverRaise, routing.LeverLower, routing.LeverJoin, routing.LeverLeave, routing.LeverOverflow}
	if seen[a.Lever] && !slices.Contains(often, a.Lever) {
		c.Fail(path, fmt.Sprintf("the rule has %s already", a.Lever), "put it together with the other")
	}
	seen[a.Lever] = true
	switch a.Lever {
	case routing.LeverRaise, routing.LeverLower:
		if at := c.path("%s.%s.rule", path, a.Lever); c.Has(at) {
			c.isRule(at, a.Rule)
		}
	case routing.LeverRelax:
		c.early(path+".relaxEarly", a)
	case routing.LeverTighten:
		for _, key := range []string{"by", "floor"} {
			d := map[string]routing.Duration{"by": a.Target, "floor": a.Floor}[key]
			if at := path + ".tightenTarget." + key; time.Duration(d) < time.Second || time.Duration(d)%time.Second != 0 {
				c.Fail(at, fmt.Sprintf("%s is not whole seconds from 1s", d), "")
			}
		}
		c.Warn(path+".tightenTarget", "moves what email is measured against: no email is answered sooner, and the service level that is measured gets worse", "to answer email sooner: raisePriority, relaxEarly, join or capacity")
	case routing.LeverDeadline:
		if c.s.ServiceLevel == nil && !slices.ContainsFunc(c.s.Rules, func(r Rule) bool { return r.Deadline != nil }) {
			c.Fail(path+".deadlineOrder", "no rule has a deadline, and the strategy no service level", "give one of them: deadline: 1h")
		}
	case routing.LeverOverflow:
		c.overflow(path+".overflow", a)
	case routing.LeverJoin, routing.LeverLeave:
		who := slices.Clone(a.Agents)
		if a.Group != "" {
			who = append(who, "group "+a.Group)
		}
		for _, name := range who {
			if moved[name] {
				c.Fail(path, strings.TrimPrefix(name, "group ")+" joins or leaves by the rule already", "name whoever joins or leaves once")
			}
			moved[name] = true
		}
	case routing.LeverCapacity:
	}
}

// overflow checks which email goes to another queue, and to which.
func (c *checker) overflow(path string, a routing.Action) {
	if a.To != "" && a.To == c.s.Queue {
		c.Fail(path+".to", fmt.Sprintf("%s is the strategy's own queue", a.To), "name another one that email can go to")
	}
	if c.Has(path + ".rule") {
		c.isRule(path+".rule", a.Rule)
	}
	c.span(path+".olderThan", &a.After, minAge, maxAge)
	least := 1 // an atMost that nobody wrote gives way to the limit
	if c.Has(path + ".atMost") {
		least = a.AtMost
	}
	calls := or(cmp.Or(c.s.Adjust.Limits, &AdjustLimits{}).Calls, defaultCalls)
	if takes := least * routing.TransferCalls; takes > calls {
		c.Fail(path, fmt.Sprintf("to move %d at a look takes %d calls, and limits.calls is %d", least, takes, calls), "lower atMost, or raise limits.calls: an email that is moved takes two")
	}
	c.Warn(path, "an email that was moved stays where it was moved to, also when the lease is over: each move begins its wait anew", "to help without moving email: join, relaxEarly or capacity")
}

// early checks that a step of relax comes sooner, and after the one before.
func (c *checker) early(path string, a routing.Action) {
	if !c.Has(path+".after") || a.Step < 1 {
		return
	}
	if a.Step > len(c.s.Relax) {
		c.Fail(path, fmt.Sprintf("relax has no step %d", a.Step), fmt.Sprintf("it has %d: describe the step under relax", len(c.s.Relax)))
		return
	}
	var before routing.Duration
	if a.Step > 1 {
		before = c.s.Relax[a.Step-2].After
	}
	if step := c.s.Relax[a.Step-1].After; a.After >= step || a.After <= before {
		c.Fail(path+".after", fmt.Sprintf("%s is not between %s and %s, when step %d comes anyway", a.After, before, step, a.Step), "")
	}
}

// whenTightened is the condition of a rule that tightens the target and has none.
const whenTightened = `offered("1h") > 500 && serviceLevel("1h") < 85`

func (r AdjustRule) tightens() bool {
	return slices.ContainsFunc(r.Do, func(a Action) bool { return a.TightenTarget != nil })
}

// levers are the keys of an action.
var levers = []string{"raisePriority", "lowerPriority", "deadlineOrder", "relaxEarly", "join", "leave", "joinAgents", "leaveAgents", "capacity", "overflow", "tightenTarget"}

var comeAndGo = []routing.Lever{routing.LeverJoin, routing.LeverLeave}

// compile is everything that an action says to do: one thing, if it has no
// mistake.
func (a Action) compile(at routing.Place) (out []routing.Action) {
	if p := a.RaisePriority; p != nil {
		out = append(out, routing.Action{Lever: routing.LeverRaise, Rule: p.Rule, By: p.By, At: at})
	}
	if p := a.LowerPriority; p != nil {
		out = append(out, routing.Action{Lever: routing.LeverLower, Rule: p.Rule, By: p.By, At: at})
	}
	if a.DeadlineOrder {
		out = append(out, routing.Action{Lever: routing.LeverDeadline, At: at})
	}
	if e := a.RelaxEarly; e != nil {
		out = append(out, routing.Action{Lever: routing.LeverRelax, Step: or(e.Step, 1), After: e.After, At: at})
	}
	for i, group := range []string{a.Join, a.Leave} {
		if group != "" {
			out = append(out, routing.Action{Lever: comeAndGo[i], Group: group, At: at})
		}
	}
	for i, agents := range [][]string{a.JoinAgents, a.LeaveAgents} {
		if len(agents) > 0 {
			out = append(out, routing.Action{Lever: comeAndGo[i], Agents: agents, At: at})
		}
	}
	if a.Capacity != nil && a.Capacity.Email != nil {
		out = append(out, routing.Action{Lever: routing.LeverCapacity, Email: *a.Capacity.Email, At: at})
	}
	if o := a.Overflow; o != nil {
		out = append(out, routing.Action{Lever: routing.LeverOverflow, To: o.To, Rule: o.Rule, After: o.OlderThan, AtMost: or(o.AtMost, 10), At: at})
	}
	if t := a.TightenTarget; t != nil {
		out = append(out, routing.Action{
			Lever: routing.LeverTighten, At: at,
			Target: or(t.By, routing.Duration(15*time.Second)), Floor: or(t.Floor, routing.Duration(30*time.Second)),
		})
	}
	return out
}

// defaultCalls is limits.calls where the file does not say it.
const defaultCalls = 30

// or is what is given, or its default.
func or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

// adjusting compiles how the strategy adjusts.
func (s *Strategy) adjusting() *routing.Adjust {
	a := s.Adjust
	if a == nil {
		return nil
	}
	out := &routing.Adjust{Mode: a.Mode, Every: time.Duration(or(a.Every, routing.Duration(time.Minute))), At: s.At("adjust")}
	limits := cmp.Or(a.Limits, &AdjustLimits{})
	out.Limits = routing.AdjustLimits{
		ChangesPerHour: or(limits.ChangesPerHour, 2), Cooldown: time.Duration(or(limits.Cooldown, routing.Duration(10*time.Minute))),
		Reversals: or(limits.Reversals, 1), Share: or(limits.Share, 20), Calls: or(limits.Calls, defaultCalls),
	}
	for i, r := range a.Rules {
		path := fmt.Sprintf("adjust.rules[%d]", i)
		rule := routing.AdjustRule{
			Name: r.Name, When: r.When, Until: r.Until, Samples: or(r.Samples, 20), For: or(r.For, 3), Lease: time.Duration(r.Lease), At: s.At(path),
		}
		for k, do := range r.Do {
			rule.Do = append(rule.Do, do.compile(s.At(fmt.Sprintf("%s.do[%d]", path, k)))...)
		}
		if r.When == "" && r.tightens() {
			rule.When = whenTightened
		}
		out.Rules = append(out.Rules, rule)
	}
	return out
}
