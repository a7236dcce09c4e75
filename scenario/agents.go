package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
)

// This file makes the agents of a model, and finds rules that none of them can
// serve.

// agents sets who serves the queue, and when.
func (c *compiler) agents() {
	for i := range c.s.Agents {
		a := &c.s.Agents[i]
		path := fmt.Sprintf("agents[%d]", i)
		out := simulate.Agent{Skills: a.Skills, Languages: a.Languages, Capacity: 1, Speed: a.Speed, Shifts: c.shifts(path, a)}
		if a.Capacity != nil {
			out.Capacity = *a.Capacity
		}
		if own := c.want.Capacity; own != nil && own.Email != nil {
			if a.Capacity != nil && *a.Capacity != *own.Email {
				c.Warn(path+".capacity", fmt.Sprintf("the strategy gives every member a capacity of %d, which wins", *own.Email), "leave the key out")
			}
			out.Capacity = *own.Email
		}
		if a.Attention == "shared" {
			out.Attention = simulate.Shared
		}
		if ring := c.ring(path, a); ring > 0 {
			out.Members = []simulate.Membership{{Queue: 0, Ring: ring}}
		}
		for n := range a.count() {
			out.Name = a.called(n)
			c.model.Agents = append(c.model.Agents, out)
		}
	}
}

// ring is the ring from which on agents are members of the queue; 0: they are
// none.
func (c *compiler) ring(path string, a *Agent) int {
	settings := c.want.Queue.Settings
	var rings routing.Rings
	if settings.Rings != nil {
		rings = *settings.Rings
	}
	if a.Groups == nil {
		if a.Ring > max(1, len(rings)) {
			c.Fail(path+".ring", fmt.Sprintf("the strategy has %s", counted(max(1, len(rings)), "ring")), "relax makes a ring of each step, and one before the first")
		}
		return max(1, a.Ring)
	}
	var known []string
	found := 0
	look := func(ring int, groups []routing.Group) {
		for _, g := range groups {
			known = append(known, g.Name)
			if found == 0 && slices.Contains(a.Groups, g.Name) {
				found = ring
			}
		}
	}
	if settings.Groups != nil {
		look(1, *settings.Groups)
	}
	for i, r := range rings {
		look(i+1, r.Groups)
	}
	if found == 0 {
		hint := "the strategy names no group, under members or relax"
		if len(known) > 0 {
			hint = "the groups that it adds: " + strings.Join(known, ", ")
			for _, name := range a.Groups {
				if near := nearest.Hint(name, known, '`'); near != "" {
					hint = near
				}
			}
		}
		c.Warn(path+".groups", fmt.Sprintf("the strategy adds none of these groups: %s never gets email", a.Name), hint)
	}
	return found
}

// shifts is when agents are on queue.
func (c *compiler) shifts(path string, a *Agent) []simulate.Span {
	off := map[string]bool{}
	for _, day := range a.Off {
		off[day] = true
	}
	var on []span
	if a.Shifts == nil {
		on = []span{{Span: simulate.Span{To: c.end}}}
		for n := range int(c.end/(24*time.Hour)) + 2 {
			if day := midnight(c.start, n); off[day.Format(time.DateOnly)] {
				zone := c.start.Location()
				on = without(on, []span{{Span: simulate.Span{From: routing.Wall(day, zone).Sub(c.start), To: routing.Wall(midnight(day, 1), zone).Sub(c.start)}}})
			}
		}
	} else {
		w := c.hourWeek(path+".shifts", a.Shifts)
		on = w.spans(c.start, c.end, off)
	}
	if a.Breaks != nil {
		w := c.hourWeek(path+".breaks", a.Breaks)
		on = without(on, w.spans(c.start, c.end, nil))
	}
	out := make([]simulate.Span, len(on)) // never nil, which would mean something else
	for i, s := range on {
		out[i] = s.Span
	}
	if len(out) == 0 || out[0].From >= c.model.Horizon {
		c.Warn(path, fmt.Sprintf("%s is never on queue in the time that is simulated", a.Name), "")
	}
	if !c.count(path, len(out)) {
		return nil
	}
	return out
}

// served reports rules with email that no agent can ever take.
func (c *compiler) served() {
	settings := c.want.Queue.Settings
	disregard := settings.Agents != nil && *settings.Agents == routing.LongestIdle
	var dropped []string // of an email that has come through all rings
	last := 1
	if settings.Rings != nil && len(*settings.Rings) > 0 {
		rings := *settings.Rings
		for i := 0; i < len(rings)-1 && rings[i].Wait != nil; i++ {
			last = i + 2
			for _, skill := range rings[i].Drop {
				dropped = append(dropped, skill.Name)
			}
		}
	}
	var members []*simulate.Agent
	ready := 0 // with a capacity, and on queue some time
	for i := range c.model.Agents {
		a := &c.model.Agents[i]
		if len(a.Members) == 0 || a.Members[0].Ring > last {
			continue
		}
		members = append(members, a)
		if a.Capacity > 0 && len(a.Shifts) > 0 && a.Shifts[0].From < c.model.Horizon {
			ready++
		}
	}
	for i, r := range c.model.Rules {
		from, used := c.first[i]
		if !used {
			continue
		}
		asks := slices.DeleteFunc(slices.Clone(r.Skills), func(name string) bool { return slices.Contains(dropped, name) })
		if disregard {
			asks = nil
		}
		has := make([]int, len(asks)+1)
		able := 0
		for _, a := range members {
			if a.Capacity == 0 || len(a.Shifts) == 0 || a.Shifts[0].From >= c.model.Horizon {
				continue
			}
			all := true
			for k, name := range asks {
				if _, ok := a.Skills[name]; ok {
					has[k]++
				} else {
					all = false
				}
			}
			if _, ok := a.Languages[r.Language]; r.Language == "" || disregard || ok {
				has[len(asks)]++
			} else {
				all = false
			}
			if all {
				able++
			}
		}
		if able > 0 {
			continue
		}
		names, numbers := slices.Clone(asks), []string{}
		if r.Language != "" && !disregard {
			names = append(names, r.Language)
		}
		for k, name := range names {
			switch has[k] {
			case 0:
				numbers = append(numbers, "none has "+name)
			case 1:
				numbers = append(numbers, "1 has "+name)
			default:
				numbers = append(numbers, fmt.Sprintf("%d have %s", has[k], name))
			}
		}
		message := fmt.Sprintf("no agent can ever take email of the rule %s", r.Name)
		hint := fmt.Sprintf("agents: %d; members of the queue: %d; of these with a capacity and a shift: %d", len(c.model.Agents), len(members), ready)
		if len(names) > 0 && ready > 0 {
			if last > 1 {
				message += ": in the last ring it still asks for " + phrase.List(names)
			} else {
				message += ": it asks for " + phrase.List(names)
			}
			hint = fmt.Sprintf("of %s on queue %s", counted(ready, "member"), phrase.List(numbers))
			if !slices.Contains(has[:len(names)], 0) {
				hint += ", but nobody has all of it"
			}
		}
		c.Fail(from.path, message, hint)
	}
}

// counted writes a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, strings.TrimSuffix(noun, "s"))
}
