package coverage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
)

// This file is who serves the queue once the strategy is applied: the members in
// their rings, what each can do and how much each takes.

// member is an agent of the queue as it will be.
type member struct {
	routing.Ref
	ring     int  // from 0
	inactive bool // in the queue
	byGroup  bool
	ratings  *routing.Ratings // nil: not known
	capacity *int             // emails at once; nil: not known
	assumed  bool             // capacity is the organisation's, one of their own was not read
	gaps     bool             // not all of the schedule is known
	works    bool             // on queue, as far as it is known
	reach    []reach          // by rule: when its email is offered
	ever     []bool           // by rule: at any time, by the platform's own measure
}

// reach is how long after an email came in, counted in all hours, it is offered to
// an agent who can serve it; never: it is not.
type reach struct {
	sure    time.Duration
	perhaps time.Duration // what the agent can do is not known
}

const never = -1

// idle says that a member gets no email of the queue.
func (m member) idle() bool { return m.inactive || m.capacity != nil && *m.capacity == 0 }

// ring takes the rings as they will be, and when an email enters each.
func (c *check) ring() {
	c.rings = routing.Rings{{}}
	if r := c.settings().Rings; r != nil && len(*r) > 0 {
		c.rings = *r
	}
	var after time.Duration
	for _, r := range c.rings {
		c.entered = append(c.entered, after)
		if r.Wait == nil {
			break // an email never leaves it
		}
		after += time.Duration(*r.Wait)
	}
	c.rings = c.rings[:len(c.entered)]
}

// join finds the members; false says that there are none, or that they are not
// known.
func (c *check) join() bool {
	index := map[string]int{}
	add := func(m member) {
		m.ring = min(max(m.ring, 0), len(c.rings)-1)
		i, there := index[m.ID]
		switch {
		case !there:
			index[m.ID] = len(c.members)
			c.members = append(c.members, m)
		case m.ring < c.members[i].ring && m.byGroup && c.members[i].byGroup:
			c.members[i].ring = m.ring
		}
	}
	listed := map[string]routing.Member{}
	for _, m := range c.queue.Members {
		listed[m.ID] = m
		if !m.ByGroup && c.Want.Members == nil {
			add(member{Ref: m.Ref, ring: m.Ring - 1, inactive: !m.Joined})
		}
	}
	if c.Want.Members != nil {
		for _, name := range *c.Want.Members {
			for _, a := range c.Org.Agents {
				if a.Name == name || strings.EqualFold(a.Email, name) {
					m := listed[a.ID]
					add(member{Ref: a.Ref, ring: max(m.Ring, 1) - 1, inactive: m.ID != "" && !m.ByGroup && !m.Joined})
				}
			}
		}
	}
	untold := c.queue.ID != "" && !c.regrouped()
	for i, r := range c.rings {
		groups := slices.Clone(r.Groups)
		if i == 0 && c.settings().Groups != nil {
			groups = append(groups, *c.settings().Groups...)
		}
		for _, g := range groups {
			agents, known := c.groupMembers(g)
			untold = untold || !known
			if !known && !c.listed(g) {
				c.unseen = append(c.unseen, g.String())
			}
			for _, a := range agents {
				m, there := listed[a.ID]
				add(member{Ref: a, ring: i, byGroup: true, inactive: there && !m.Joined})
			}
		}
	}
	if untold { // the list says whom the groups bring
		for _, m := range c.queue.Members {
			if m.ByGroup {
				add(member{Ref: m.Ref, ring: m.Ring - 1, inactive: !m.Joined, byGroup: true})
			}
		}
	}
	c.report.Members = len(c.members)
	if len(c.unseen) > 0 {
		c.add(routing.Finding{
			Type: routing.SkillsUnknown, At: cmp.Or(c.at("memberGroups"), c.at("rings")),
			Message: fmt.Sprintf("who is in %s is not known: they are counted neither as able nor as unable", phrase.List(c.unseen)),
			Do:      "run it again once the groups bring the queue members",
		})
	}
	if len(c.members) > 0 || len(c.unseen) > 0 {
		c.equip()
		return true
	}
	if c.queue.ID == "" || c.queue.Members != nil || c.Want.Members != nil {
		c.add(routing.Finding{
			Type: routing.NoMembers, Message: "Queue has no members assigned.", At: c.at("members"),
			Do: "add members on the platform, or own them in the file: members: { agents: [...] }",
		})
		return false
	}
	c.add(routing.Finding{
		Type:    routing.SkillsUnknown,
		Message: "the members of the queue were not read: who can serve it is not known",
	})
	return false
}

// regrouped says that the strategy changes which groups bring members.
func (c *check) regrouped() bool {
	names := func(s routing.QueueSettings) (out []string) {
		for _, g := range groupsOf(s) {
			out = append(out, fmt.Sprint(g.ring, " ", g))
		}
		slices.Sort(out)
		return out
	}
	return !slices.Equal(names(c.settings()), names(c.queue.Settings))
}

// listed says that the list of the queue's members has those of a group.
func (c *check) listed(g routing.Group) bool {
	return c.queue.Members != nil && slices.ContainsFunc(groupsOf(c.queue.Settings), func(in inRing) bool { return same(in.Ref, g.Ref) })
}

// inRing is a group in a ring, from 0.
type inRing struct {
	routing.Group
	ring int
}

// groupsOf are the groups that bring a queue members.
func groupsOf(s routing.QueueSettings) (out []inRing) {
	if s.Groups != nil {
		for _, g := range *s.Groups {
			out = append(out, inRing{g, 0})
		}
	}
	if s.Rings != nil {
		for i, r := range *s.Rings {
			for _, g := range r.Groups {
				out = append(out, inRing{g, i})
			}
		}
	}
	return out
}

// groupMembers are the agents of a group, where they were read.
func (c *check) groupMembers(g routing.Group) ([]routing.Ref, bool) {
	id := g.ID
	for _, s := range c.Org.SkillGroups {
		if id == "" && s.Name == g.Name {
			id = s.ID
		}
	}
	agents, known := c.Org.GroupMembers[id]
	return agents, known
}

// equip gives members their ratings and capacity.
func (c *check) equip() {
	assumed := 0
	for i := range c.members {
		m := &c.members[i]
		if r, ok := c.Org.Ratings[m.ID]; ok {
			m.ratings = &r
		}
		own, known := c.Org.Utilization[m.ID]
		switch {
		case c.Want.Capacity != nil && c.Want.Capacity.Email != nil:
			m.capacity = c.Want.Capacity.Email
		case known && (own.Own || c.Org.OrgUtilization == nil):
			m.capacity = own.Settings.Email
		case known: // the organisation's number may be newer than when theirs was read
			m.capacity = c.Org.OrgUtilization.Settings.Email
		case c.Org.OrgUtilization != nil && c.Org.OrgUtilization.Settings.Email != nil:
			m.capacity, m.assumed = c.Org.OrgUtilization.Settings.Email, true
			assumed++
		}
		if m.capacity != nil && *m.capacity == 0 {
			f := routing.Finding{
				Type: routing.ZeroCapacity, Object: "agent " + m.Name, AgentID: m.ID, Agent: m.Name, Capacity: m.capacity, CapacityAssumed: m.assumed, At: c.at("capacity.email"),
				Message: fmt.Sprintf("%s takes no email: the utilization is 0", m.Name),
				Do:      "give the agent a capacity for email on the platform, or own it in the file: capacity: { email: 1 }",
			}
			if m.assumed {
				f.Message = fmt.Sprintf("%s takes no email by the organisation's utilization, which is 0; one of their own was not read", m.Name)
				f.Do += "; to read those of agents: --overrides"
			}
			c.add(f)
		}
	}
	if assumed > 0 {
		c.add(routing.Finding{
			Type: routing.CapacityAssumed, Numbers: []routing.Number{{Name: "agents", Value: float64(assumed)}},
			Message: fmt.Sprintf("the organisation's utilization, %[2]s at once, is taken for %[1]s: utilizations of their own were not read", phrase.Count(assumed, "agent"), phrase.Count(*orZero(c.Org.OrgUtilization.Settings.Email), "email")),
			Do:      "to read them, one request for each agent: --overrides",
		})
	}
}

func orZero(n *int) *int {
	if n == nil {
		return new(int)
	}
	return n
}
