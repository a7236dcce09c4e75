package strategy

import (
	"fmt"
	"time"

	"github.com/foresort/foresort/routing"
)

// Desired compiles the strategy to the terms of the platform: the one compiler,
// which planning, coverage and simulation all use. What the file leaves out is
// nil in it. Objects are named; their ids are looked up when it is planned. The
// strategy must be one that Parse found no error in.
//
// Relaxation becomes bullseye rings (docs/platform-notes.md#bullseye): the time
// of a step is how long an email waits in the ring before it, what the step
// drops goes on leaving that ring, and what it adds are the groups of the next.
func (s *Strategy) Desired() routing.Desired {
	d := routing.Desired{
		Strategy: s.Name,
		Queue:    routing.DesiredQueue{Name: s.Queue, Create: s.Create},
		Calendar: s.clock(),
		Places:   map[string]routing.Place{},
	}
	s.place(&d, map[string]string{
		"name": "name", "queue": "queue", "serviceLevel": "serviceLevel", "agents": "agents", "order": "order", "lastAgent": "lastAgent",
		"alert": "alert", "wrapUp": "wrapUp", "relax": "rings", "members": "members", "members.groups": "memberGroups",
		"members.agents": "members", "capacity": "capacity", "capacity.email": "capacity.email",
		"coverage": "coverage", "coverage.proficiency": "coverage.proficiency", "calendar": "calendar",
	})
	q := &d.Queue.Settings
	if s.ServiceLevel != nil {
		q.ServiceLevel = &routing.ServiceLevel{Percent: s.ServiceLevel.Percent, Within: s.ServiceLevel.Within}
	}
	q.Alert = s.Alert
	q.Agents, q.Order, q.LastAgent = given(s.Agents), given(s.Order), given(s.LastAgent)
	if s.WrapUp != nil {
		q.WrapUp = &routing.WrapUp{Mode: s.WrapUp.Mode, Timeout: s.WrapUp.Timeout}
	}
	if s.Relax != nil {
		rings := s.rings()
		q.Rings = &rings
	}
	if s.Members != nil {
		if s.Members.Groups != nil {
			groups := groups(s.Members.Groups)
			q.Groups = &groups
		}
		if s.Members.Agents != nil {
			d.Members = &s.Members.Agents
			for i := range s.Members.Agents {
				path := fmt.Sprintf("members.agents[%d]", i)
				s.place(&d, map[string]string{path: fmt.Sprintf("members[%d]", i)})
			}
		}
	}
	if s.Capacity != nil {
		d.Capacity = &routing.UtilizationSettings{Email: s.Capacity.Email}
	}
	if s.Coverage != nil {
		d.Staffing = routing.Staffing{Proficiency: s.Coverage.Proficiency, Waivers: s.waivers(d.Calendar)}
	}
	d.Adjust, d.Sync, d.Report = s.adjusting(), s.targets(), s.schedule(d.Calendar)
	for i, r := range s.Rules {
		path := fmt.Sprintf("rules[%d]", i)
		d.Rules = append(d.Rules, compileRule(r, s.At(path)))
		if r.When != "" {
			s.place(&d, map[string]string{path: "rules[" + r.Name + "]", path + ".skills": "rules[" + r.Name + "].skills", path + ".language": "rules[" + r.Name + "].language"})
		}
	}
	for i, a := range s.Addresses {
		address, err := a.parse()
		n, ok := s.rule(a.Rule)
		if err != nil || !ok {
			continue // Parse has reported it
		}
		d.Routes = append(d.Routes, s.route(&d, address, fmt.Sprintf("addresses[%d]", i), a, n))
	}
	return d
}

// waivers compiles what may stand; each ends where its last day does.
func (s *Strategy) waivers(clock *routing.Calendar) []routing.Waiver {
	zone := time.UTC
	if clock != nil {
		zone = clock.Location
	}
	var out []routing.Waiver
	for i, w := range s.Coverage.Waive {
		day, err := time.Parse(time.DateOnly, w.Until)
		if err != nil {
			continue // Parse has reported it
		}
		out = append(out, routing.Waiver{
			Finding: w.Finding, Rule: w.Rule, Agent: w.Agent, Permission: w.Permission, Until: routing.Wall(day.AddDate(0, 0, 1), zone), Reason: w.Reason,
			At: s.At(fmt.Sprintf("coverage.waive[%d]", i)),
		})
	}
	return out
}

// route compiles one address, which follows rule n.
func (s *Strategy) route(d *routing.Desired, address routing.Address, path string, a Address, n int) routing.DesiredRoute {
	rule := d.Rules[n]
	r := routing.DesiredRoute{Address: address, Rule: rule.Name, Settings: routing.RouteSettings{
		Queue: &routing.Ref{Name: s.Queue}, From: &a.From,
		Priority: rule.Priority, Skills: rule.Skills, Language: rule.Language,
	}}
	rulePath := fmt.Sprintf("rules[%d].", n)
	s.place(d, map[string]string{
		path: "routes[" + address.String() + "]", path + ".from": r.PlacePath("from"),
		rulePath + "priority": r.PlacePath("priority"), rulePath + "skills": r.PlacePath("skills"), rulePath + "language": r.PlacePath("language"),
	})
	return r
}

// place copies where keys of the file stand to the paths of the compiled form.
func (s *Strategy) place(d *routing.Desired, paths map[string]string) {
	for from, to := range paths {
		if at := s.At(from); at.Line > 0 {
			if _, there := d.Places[to]; !there || from != "members" {
				d.Places[to] = at
			}
		}
	}
}

func compileRule(r Rule, at routing.Place) routing.Rule {
	out := routing.Rule{Name: r.Name, When: r.When, Priority: r.Priority, Deadline: r.Deadline, Place: at}
	if r.Skills != nil {
		skills := refs(r.Skills)
		out.Skills = &skills
	}
	switch r.Language {
	case "":
	case None:
		out.Language = &routing.Ref{}
	default:
		out.Language = &routing.Ref{Name: r.Language}
	}
	return out
}

func (s *Strategy) rings() routing.Rings {
	if len(s.Relax) == 0 {
		return routing.Rings{}
	}
	rings := make(routing.Rings, len(s.Relax)+1)
	var before time.Duration
	for i, step := range s.Relax {
		wait := routing.Duration(time.Duration(step.After) - before)
		rings[i].Wait = &wait
		rings[i].Drop = refs(step.Drop)
		rings[i+1].Groups = groups(step.Add)
		before = time.Duration(step.After)
	}
	return rings
}

func refs(names []string) []routing.Ref {
	out := make([]routing.Ref, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

func groups(names []string) []routing.Group {
	out := make([]routing.Group, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

// given is nil for the zero value: the key is absent.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
