package simulate

import (
	"cmp"
	"slices"
	"time"

	"github.com/foresort/foresort/routing"
)

// Explanation is where one email goes, and why.
type Explanation struct {
	Rule       string             `json:"rule"`
	Priority   int                `json:"priority"` // minutes of head start
	Skills     []string           `json:"skills"`
	Language   string             `json:"language,omitempty"`
	Deadline   routing.Duration   `json:"deadline,omitempty"`
	Evaluation routing.Evaluation `json:"agents"`
	Order      routing.Order      `json:"order"`
	LastAgent  routing.LastAgent  `json:"lastAgent"`
	Alert      routing.Duration   `json:"alert"`
	// Others are the other rules of the queue, and by how much it goes first.
	Others []Against `json:"others,omitempty"`
	// Steps are the rings that it passes, as long as nobody takes it.
	Steps []Step `json:"steps"`
}

// Against compares an email with those of another rule of its queue.
type Against struct {
	Rule     string `json:"rule"`
	Priority int    `json:"priority"`
	// Head is how much later it may come than email of the other rule and still
	// go first; below zero, how much earlier it must come. Under priority-only
	// age never makes up for priority, and Head is 0.
	Head routing.Duration `json:"head"`
}

// Step is one ring of the queue.
type Step struct {
	Ring  int              `json:"ring"`  // from 1
	After routing.Duration `json:"after"` // of waiting
	// Score is the score on entering the ring: minutes of waiting plus priority,
	// or the priority alone.
	Score    int      `json:"score"`
	Skills   []string `json:"skills"` // that a taker still needs; those without meaning under longest-idle too
	Language string   `json:"language,omitempty"`
	Dropped  []string `json:"dropped,omitempty"` // skills that it stopped asking for on the way in
	Added    []string `json:"added,omitempty"`   // groups whose agents come in
	// Takers are the agents who can take it in this ring and could not before,
	// in the order in which the queue would ask those who are equally long idle.
	// Nil where no agents are known.
	Takers []Taker `json:"takers"`
}

// Taker is an agent who qualifies for an email.
type Taker struct {
	Agent       string  `json:"agent"`
	Proficiency float64 `json:"proficiency"` // in all that it asks for, added up
	// Now says that they are on queue with room at the time that was asked for;
	// Why says why not.
	Now bool   `json:"now"`
	Why string `json:"why,omitempty"`
}

// Explain follows an email of a rule through its queue. Of agents, those who
// qualify are told in each ring, with whether they could take it at a time.
func Explain(m Model, rule int, at time.Duration) Explanation {
	r := m.Rules[rule]
	s := settingsOf(m.Queues[r.Queue])
	x := Explanation{
		Rule: r.Name, Priority: r.Priority, Skills: slices.Clone(r.Skills), Language: r.Language, Deadline: routing.Duration(r.Deadline),
		Evaluation: s.evaluation, Order: routing.AgeAndPriority, LastAgent: s.lastAgent, Alert: routing.Duration(s.alert),
	}
	if s.byPriority {
		x.Order = routing.PriorityOnly
	}
	for i, o := range m.Rules {
		if i == rule || o.Queue != r.Queue {
			continue
		}
		a := Against{Rule: o.Name, Priority: o.Priority}
		if !s.byPriority {
			a.Head = routing.Duration(time.Duration(r.Priority-o.Priority) * time.Minute)
		}
		x.Others = append(x.Others, a)
	}
	seen := map[string]bool{}
	skills := slices.Clone(r.Skills)
	var after time.Duration
	for n := range max(1, len(s.rings)) {
		step := Step{Ring: n + 1, After: routing.Duration(after), Score: r.Priority, Language: r.Language}
		if !s.byPriority {
			step.Score += int(after / time.Minute)
		}
		if n > 0 {
			for _, drop := range s.rings[n-1].Drop {
				if i := slices.Index(skills, drop.Name); i >= 0 {
					skills = slices.Delete(skills, i, i+1)
					step.Dropped = append(step.Dropped, drop.Name)
				}
			}
		}
		if n < len(s.rings) {
			for _, g := range s.rings[n].Groups {
				step.Added = append(step.Added, g.String())
			}
		}
		step.Skills = slices.Clone(skills)
		if m.Agents != nil {
			step.Takers = takers(m, r, s, n, skills, at, seen)
		}
		x.Steps = append(x.Steps, step)
		if n >= len(s.rings)-1 || s.rings[n].Wait == nil {
			break
		}
		after += time.Duration(*s.rings[n].Wait)
	}
	return x
}

// takers are the agents who qualify in a ring, of those not seen before.
func takers(m Model, r Rule, s queueSettings, ring int, skills []string, at time.Duration, seen map[string]bool) []Taker {
	out := []Taker{}
	for i := range m.Agents {
		a := &m.Agents[i]
		member := slices.ContainsFunc(a.Members, func(x Membership) bool { return x.Queue == r.Queue && max(1, x.Ring) <= ring+1 })
		proficiency, ok := qualifies(a, skills, r.Language)
		if seen[a.Name] || !member || !ok && s.evaluation != routing.LongestIdle {
			continue
		}
		seen[a.Name] = true
		t := Taker{Agent: a.Name, Proficiency: proficiency, Now: true}
		switch {
		case !slices.ContainsFunc(a.Shifts, func(x Span) bool { return x.From <= at && at < x.To }):
			t.Now, t.Why = false, "not on queue"
		case a.Capacity <= 0:
			t.Now, t.Why = false, "no room"
		}
		out = append(out, t)
	}
	slices.SortStableFunc(out, func(a, b Taker) int {
		byNow := cmp.Compare(b2i(b.Now), b2i(a.Now))
		if s.evaluation == routing.BestSkill {
			return cmp.Or(byNow, cmp.Compare(b.Proficiency, a.Proficiency))
		}
		return byNow
	})
	return out
}
