package plan

import (
	"maps"
	"slices"

	"github.com/foresort/foresort/routing"
)

// After is the org as it would be once the plan is carried out. What it would
// create gets an id made from its name. The org that is given stays as it is.
func (p Plan) After(org routing.Org) routing.Org {
	org.Queues = slices.Clone(org.Queues)
	org.Routes = slices.Clone(org.Routes)
	org.Utilization = maps.Clone(org.Utilization)
	for _, c := range p.Changes {
		switch c.Kind {
		case Queue:
			org.Queues = afterQueue(org.Queues, c)
		case Route:
			org.Routes = afterRoute(org, c)
		case Member:
			if i := queueIndex(org.Queues, c.Object); i >= 0 {
				org.Queues[i].Members = afterMembers(org.Queues[i].Members, c)
				org.Queues[i].MemberCount = len(org.Queues[i].Members)
			}
		case Utilization:
			if org.Utilization == nil {
				org.Utilization = map[string]routing.Utilization{}
			}
			u := org.Utilization[c.Object.ID]
			u.Settings = routing.Lay(u.Settings, c.Names(), c.Utilization.After)
			u.Own = c.Verb != Delete
			org.Utilization[c.Object.ID] = u
		case Email: // not part of an org
		}
	}
	return org
}

func queueIndex(queues []routing.Queue, ref routing.Ref) int {
	return slices.IndexFunc(queues, func(q routing.Queue) bool {
		if ref.ID == "" {
			return q.Name == ref.Name
		}
		return q.ID == ref.ID
	})
}

func afterQueue(queues []routing.Queue, c Change) []routing.Queue {
	i := queueIndex(queues, c.Object)
	switch {
	case c.Verb == Create:
		return append(queues, routing.Queue{
			Ref:      routing.Ref{ID: "queue " + c.Object.Name, Name: c.Object.Name},
			Settings: c.Queue.After, Members: []routing.Member{},
		})
	case i < 0:
		return queues
	case c.Verb == Delete:
		return slices.Delete(queues, i, i+1)
	default:
		queues[i].Settings = routing.Lay(queues[i].Settings, c.Names(), c.Queue.After)
		return queues
	}
}

func afterRoute(org routing.Org, c Change) []routing.EmailRoute {
	i := slices.IndexFunc(org.Routes, func(r routing.EmailRoute) bool { return r.Address.String() == c.Object.Name })
	after := c.Route.After
	if after.Queue != nil && after.Queue.ID == "" {
		if q := queueIndex(org.Queues, *after.Queue); q >= 0 {
			after.Queue = &org.Queues[q].Ref
		}
	}
	switch {
	case c.Verb == Create:
		address, err := routing.ParseAddress(c.Object.Name)
		if err != nil {
			return org.Routes // Build never makes such a change
		}
		return append(org.Routes, routing.EmailRoute{ID: "route " + c.Object.Name, Address: address, Settings: after})
	case i < 0:
		return org.Routes
	case c.Verb == Delete:
		return slices.Delete(org.Routes, i, i+1)
	default:
		org.Routes[i].Settings = routing.Lay(org.Routes[i].Settings, c.Names(), after)
		return org.Routes
	}
}

func afterMembers(members []routing.Member, c Change) []routing.Member {
	members = slices.Clone(members)
	for _, a := range c.Members.Agents {
		i := slices.IndexFunc(members, func(m routing.Member) bool { return m.ID == a.ID && !m.ByGroup })
		switch {
		case c.Verb == Join && i < 0:
			members = append(members, routing.Member{Ref: a, Ring: 1, Joined: !slices.Contains(c.Members.Inactive, a.ID)})
		case c.Verb == Leave && i >= 0:
			members = slices.Delete(members, i, i+1)
		case c.Verb == Move && i >= 0:
			members[i].Ring = c.Members.Ring
		}
	}
	return members
}
