package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// The little world of the properties: an org of three queues, and strategies
// that ask for anything that can be named in it.

func refs(prefix string, names ...string) []routing.Ref {
	out := make([]routing.Ref, len(names))
	for i, n := range names {
		out[i] = routing.Ref{ID: prefix + n, Name: n}
	}
	return out
}

var (
	worldSkills    = refs("skill-", "Billing", "Returns", "Shipping")
	worldLanguages = refs("language-", "English", "German")
	worldGroups    = refs("group-", "Back Office", "Night Shift", "Seniors")
	worldAgents    = refs("agent-", "Ann", "Ben", "Cleo", "Dan", "Eve", "Finn")
	worldDomain    = "help.example.com"
)

func subset[T any](t *rapid.T, label string, all []T) []T {
	out := []T{}
	for i, x := range all {
		if rapid.Bool().Draw(t, fmt.Sprintf("%s %d", label, i)) {
			out = append(out, x)
		}
	}
	return out
}

func maybe[T any](t *rapid.T, label string, gen func() T) *T {
	if !rapid.Bool().Draw(t, label+"?") {
		return nil
	}
	return new(gen())
}

func anyGroups(t *rapid.T, label string) []routing.Group {
	out := []routing.Group{}
	for _, r := range subset(t, label, worldGroups) {
		out = append(out, routing.Group{Ref: r, Kind: routing.SkillGroup})
	}
	return out
}

func anyRings(t *rapid.T, label string) routing.Rings {
	rings := make(routing.Rings, rapid.IntRange(0, 4).Draw(t, label+" count"))
	for i := range rings {
		rings[i].Groups = anyGroups(t, fmt.Sprintf("%s %d groups", label, i))
		if i < len(rings)-1 {
			rings[i].Wait = new(routing.Duration(rapid.IntRange(1, 3).Draw(t, label+" wait")) * routing.Duration(time.Hour))
			rings[i].Drop = subset(t, fmt.Sprintf("%s %d drop", label, i), worldSkills)
		}
	}
	return rings
}

func anyQueueSettings(t *rapid.T, label string) routing.QueueSettings {
	return routing.QueueSettings{
		ServiceLevel: maybe(t, label+" level", func() routing.ServiceLevel {
			return routing.ServiceLevel{Percent: float64(rapid.IntRange(1, 3).Draw(t, "percent") * 30), Within: routing.Duration(time.Hour)}
		}),
		WrapUp: maybe(t, label+" wrap-up", func() routing.WrapUp {
			return routing.WrapUp{Mode: rapid.SampledFrom([]routing.WrapUpMode{routing.WrapUpOptional, routing.WrapUpMandatory}).Draw(t, "mode")}
		}),
		Rings:  maybe(t, label+" rings", func() routing.Rings { return anyRings(t, label+" rings") }),
		Groups: maybe(t, label+" groups", func() []routing.Group { return anyGroups(t, label+" groups") }),
	}
}

func anyOrg(t *rapid.T) routing.Org {
	org := routing.Org{
		Ref: routing.Ref{ID: "org", Name: "Example"}, Skills: worldSkills, Languages: worldLanguages, SkillGroups: worldGroups,
		Domains: []routing.EmailDomain{{Name: worldDomain}}, Utilization: map[string]routing.Utilization{},
	}
	for _, a := range worldAgents {
		org.Agents = append(org.Agents, routing.Agent{Ref: a, Email: a.Name + "@example.com"})
		org.Utilization[a.ID] = routing.Utilization{Settings: routing.UtilizationSettings{Email: new(rapid.IntRange(1, 3).Draw(t, "capacity"))}, Own: rapid.Bool().Draw(t, "own")}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "queues") {
		q := routing.Queue{Ref: routing.Ref{ID: fmt.Sprintf("queue-%d", i), Name: fmt.Sprintf("Queue %d", i)}, Settings: anyQueueSettings(t, "org"), Members: []routing.Member{}}
		rings := 1
		if q.Settings.Rings != nil {
			rings = max(1, len(*q.Settings.Rings))
		}
		for _, a := range subset(t, "members", worldAgents) {
			q.Members = append(q.Members, routing.Member{Ref: a, Ring: rapid.IntRange(1, rings).Draw(t, "ring"), ByGroup: rapid.IntRange(0, 3).Draw(t, "by group") == 0})
		}
		org.Queues = append(org.Queues, q)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "routes") {
		r := routing.EmailRoute{ID: fmt.Sprintf("route-%d", i), Address: routing.Address{Local: fmt.Sprintf("a%d", i), Domain: worldDomain}}
		r.Settings.From = new("Example")
		if len(org.Queues) > 0 {
			r.Settings.Queue = new(rapid.SampledFrom(org.Queues).Draw(t, "to").Ref)
		}
		r.Settings.Priority = maybe(t, "route priority", func() int { return rapid.IntRange(0, 2).Draw(t, "priority") })
		org.Routes = append(org.Routes, r)
	}
	return org
}

func byName(rs []routing.Ref) []routing.Ref {
	out := make([]routing.Ref, len(rs))
	for i, r := range rs {
		out[i] = routing.Ref{Name: r.Name}
	}
	return out
}

func anyDesired(t *rapid.T) routing.Desired {
	want := routing.Desired{Strategy: "support", Queue: routing.DesiredQueue{
		Name: fmt.Sprintf("Queue %d", rapid.IntRange(0, 3).Draw(t, "queue")), Create: true, Settings: anyQueueSettings(t, "want"),
	}}
	if s := want.Queue.Settings; s.Rings != nil {
		for i, r := range *s.Rings {
			(*s.Rings)[i].Drop = byName(r.Drop)
			for j, g := range r.Groups {
				(*s.Rings)[i].Groups[j] = routing.Group{Ref: routing.Ref{Name: g.Name}}
			}
		}
	}
	want.Members = maybe(t, "members", func() []string {
		out := []string{}
		for _, a := range subset(t, "wanted", worldAgents) {
			out = append(out, a.Name)
		}
		return out
	})
	want.Capacity = maybe(t, "capacity", func() routing.UtilizationSettings {
		return routing.UtilizationSettings{Email: new(rapid.IntRange(1, 3).Draw(t, "emails"))}
	})
	for i := range 4 {
		if rapid.Bool().Draw(t, "address") {
			want.Routes = append(want.Routes, routing.DesiredRoute{
				Address: routing.Address{Local: fmt.Sprintf("a%d", i), Domain: worldDomain},
				Settings: routing.RouteSettings{
					From:     new("Support"),
					Priority: maybe(t, "priority", func() int { return rapid.IntRange(0, 2).Draw(t, "points") }),
					Skills:   maybe(t, "skills", func() []routing.Ref { return byName(subset(t, "skills", worldSkills)) }),
					Language: maybe(t, "language", func() routing.Ref {
						return routing.Ref{Name: rapid.SampledFrom([]string{"", "English", "German"}).Draw(t, "of")}
					}),
				},
			})
		}
	}
	return want
}

func mustBuild(t interface{ Fatalf(string, ...any) }, want routing.Desired, org routing.Org) plan.Plan {
	p, problems := plan.Build(want, org, plan.Memory{})
	if err := problems.Err(); err != nil {
		t.Fatalf("no plan: %v", err)
	}
	return p
}

// missed lists what the strategy asks for and the org does not have. It looks
// names up by itself.
func missed(want routing.Desired, org routing.Org) []string {
	var out []string
	i := slices.IndexFunc(org.Queues, func(q routing.Queue) bool { return q.Name == want.Queue.Name })
	if i < 0 {
		return []string{"queue"}
	}
	q := org.Queues[i]
	for _, f := range routing.Owned(want.Queue.Settings) {
		if w, h := routing.Text(want.Queue.Settings, f), routing.Text(q.Settings, f); w != h && len(routing.Differs([]routing.Field{f}, noIDs(want.Queue.Settings), noIDs(q.Settings))) > 0 {
			out = append(out, fmt.Sprintf("%s is %s, want %s", f, h, w))
		}
	}
	members := map[string]bool{}
	for _, m := range q.Members {
		members[m.Name] = true
		if want.Members != nil && !m.ByGroup && !slices.Contains(*want.Members, m.Name) {
			out = append(out, m.Name+" is still a member")
		}
		if u := org.Utilization[m.ID]; want.Capacity != nil && *u.Settings.Email != *want.Capacity.Email {
			out = append(out, m.Name+" has another capacity")
		}
	}
	if want.Members != nil {
		for _, name := range *want.Members {
			if !members[name] {
				out = append(out, name+" is no member")
			}
		}
	}
	for _, r := range want.Routes {
		i := slices.IndexFunc(org.Routes, func(h routing.EmailRoute) bool { return h.Address == r.Address })
		if i < 0 || org.Routes[i].Settings.Queue.Name != want.Queue.Name {
			out = append(out, r.Address.String())
			continue
		}
		for _, f := range routing.Owned(r.Settings) {
			if w, h := routing.Text(r.Settings, f), routing.Text(org.Routes[i].Settings, f); w != h && (f != "priority" || w != "0" || h != "not set") && (w != "none" || h != "not set") {
				out = append(out, fmt.Sprintf("%s %s is %s, want %s", r.Address, f, h, w))
			}
		}
	}
	return out
}

func noIDs(s routing.QueueSettings) routing.QueueSettings {
	if s.Groups != nil {
		groups := []routing.Group{}
		for _, g := range *s.Groups {
			groups = append(groups, routing.Group{Ref: routing.Ref{Name: g.Name}})
		}
		s.Groups = &groups
	}
	if s.Rings != nil {
		rings := routing.Rings{}
		for _, r := range *s.Rings {
			out := routing.Ring{Wait: r.Wait, Drop: byName(r.Drop)}
			for _, g := range r.Groups {
				out.Groups = append(out.Groups, routing.Group{Ref: routing.Ref{Name: g.Name}})
			}
			rings = append(rings, out)
		}
		s.Rings = &rings
	}
	return s
}

// refuses says why the platform would not carry the change out on this org.
func refuses(org routing.Org, c plan.Change) error {
	find := func(ref routing.Ref) *routing.Queue {
		for i, q := range org.Queues {
			if ref.ID != "" && q.ID == ref.ID || ref.ID == "" && q.Name == ref.Name {
				return &org.Queues[i]
			}
		}
		return nil
	}
	switch c.Kind {
	case plan.Queue:
		q := find(c.Object)
		if c.Verb == plan.Create {
			if q != nil {
				return fmt.Errorf("duplicate.name")
			}
			return nil
		}
		if q == nil {
			return fmt.Errorf("not.found")
		}
		if c.Queue.After.Rings == nil || !slices.Contains(c.Names(), "rings") {
			return nil
		}
		keep := len(*c.Queue.After.Rings)
		for _, m := range q.Members {
			if !m.ByGroup && m.Ring > max(1, keep) {
				return fmt.Errorf("queue.ring.has.members: %s is in ring %d", m.Name, m.Ring)
			}
		}
		if q.Settings.Rings != nil {
			for i, r := range *q.Settings.Rings {
				if i >= keep && len(r.Groups) > 0 {
					return fmt.Errorf("queue.ring.has.members: ring %d has groups", i+1)
				}
			}
		}
	case plan.Route:
		if to := c.Route.After.Queue; c.Verb != plan.Delete && to != nil && find(*to) == nil {
			return fmt.Errorf("postino.error.queue.required")
		}
	case plan.Member:
		q := find(c.Object)
		if q == nil {
			return fmt.Errorf("not.found")
		}
		if len(c.Members.Agents) == 0 || len(c.Members.Agents) > 100 {
			return fmt.Errorf("a call takes 1 to 100 members, not %d", len(c.Members.Agents))
		}
		for _, a := range c.Members.Agents {
			i := slices.IndexFunc(q.Members, func(m routing.Member) bool { return m.ID == a.ID })
			switch {
			case c.Verb == plan.Join && i >= 0:
				return fmt.Errorf("%s is a member already", a)
			case c.Verb != plan.Join && (i < 0 || q.Members[i].ByGroup):
				return fmt.Errorf("%s is no direct member", a)
			case c.Verb == plan.Move && c.Members.Ring > 1 && (q.Settings.Rings == nil || c.Members.Ring > len(*q.Settings.Rings)):
				return fmt.Errorf("there is no ring %d", c.Members.Ring)
			}
		}
	case plan.Utilization:
		if !slices.ContainsFunc(org.Agents, func(a routing.Agent) bool { return a.ID == c.Object.ID }) {
			return fmt.Errorf("not.found")
		}
	case plan.Email: // only overrides change any
	}
	return nil
}

func TestPlanReachesItsGoalAndThenHasNothingToDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		org, want := anyOrg(t), anyDesired(t)
		after := mustBuild(t, want, org).After(org)
		if m := missed(want, after); len(m) > 0 {
			t.Fatalf("the goal is missed: %q", m)
		}
		if again := mustBuild(t, want, after); len(again.Changes) != 0 {
			t.Fatalf("the second plan is not empty: %+v", again.Changes)
		}
	})
}

func TestEveryStepIsOneThatThePlatformTakes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		org, want := anyOrg(t), anyDesired(t)
		p := mustBuild(t, want, org)
		for i, c := range p.Changes {
			if err := refuses(org, c); err != nil {
				t.Fatalf("change %d of %d, %s (%s): %v", i+1, len(p.Changes), c.Headline(), c.Why, err)
			}
			if c.ID != i+1 {
				t.Fatalf("change %d has id %d", i+1, c.ID)
			}
			org = plan.Plan{Changes: []plan.Change{c}}.After(org)
		}
	})
}

func TestAHalfAppliedPlanAndANewOneReachTheGoal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		org, want := anyOrg(t), anyDesired(t)
		p := mustBuild(t, want, org)
		p.Changes = p.Changes[:rapid.IntRange(0, len(p.Changes)).Draw(t, "done")]
		org = p.After(org)
		for _, c := range mustBuild(t, want, org).Changes {
			if err := refuses(org, c); err != nil {
				t.Fatalf("%s: %v", c.Headline(), err)
			}
			org = plan.Plan{Changes: []plan.Change{c}}.After(org)
		}
		if m := missed(want, org); len(m) > 0 {
			t.Fatalf("the goal is missed: %q", m)
		}
	})
}

func TestNothingThatIsNotOwnedChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		org, want := anyOrg(t), anyDesired(t)
		after := mustBuild(t, want, org).After(org)
		owned := routing.Owned(want.Queue.Settings)
		for i, q := range org.Queues {
			mine := q.Name == want.Queue.Name
			free := slices.DeleteFunc(routing.Fields[routing.QueueSettings](), func(f routing.Field) bool { return mine && slices.Contains(owned, f) })
			if d := cmp.Diff(routing.Only(q.Settings, free), routing.Only(after.Queues[i].Settings, free)); d != "" {
				t.Fatalf("queue %s lost what nobody asked to change (-before +after):\n%s", q.Name, d)
			}
			if d := cmp.Diff(q.Members, after.Queues[i].Members); d != "" && !mine {
				t.Fatalf("members of queue %s changed:\n%s", q.Name, d)
			}
		}
	})
}

func TestUndoingAPlanPutsEverythingBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		org, want := anyOrg(t), anyDesired(t)
		p := mustBuild(t, want, org)
		now, done := org, []plan.Done{}
		for _, c := range p.Changes[:rapid.IntRange(0, len(p.Changes)).Draw(t, "done")] {
			now = plan.Plan{Changes: []plan.Change{c}}.After(now)
			d := plan.Done{Change: c, Object: c.Object}
			if i := slices.IndexFunc(now.Queues, func(q routing.Queue) bool { return q.Name == c.Object.Name }); c.Kind == plan.Queue && i >= 0 {
				d.Object = now.Queues[i].Ref
			}
			done = append(done, d)
		}
		for _, c := range plan.Reverse(p, "run", done).Changes {
			if err := refuses(now, c); err != nil {
				t.Fatalf("undo %s: %v", c.Headline(), err)
			}
			now = plan.Plan{Changes: []plan.Change{c}}.After(now)
		}
		for i, q := range org.Queues {
			for _, f := range routing.Differs(routing.Fields[routing.QueueSettings](), q.Settings, now.Queues[i].Settings) {
				t.Fatalf("%s of %s is %s, was %s", f, q.Name, routing.Text(now.Queues[i].Settings, f), routing.Text(q.Settings, f))
			}
			if d := cmp.Diff(rings(q.Members), rings(now.Queues[i].Members)); d != "" {
				t.Fatalf("members of %s (-was +is):\n%s", q.Name, d)
			}
		}
		if len(now.Queues) != len(org.Queues) || len(now.Routes) != len(org.Routes) {
			t.Fatalf("%d queues and %d routes, were %d and %d", len(now.Queues), len(now.Routes), len(org.Queues), len(org.Routes))
		}
		if d := cmp.Diff(org.Utilization, now.Utilization); d != "" {
			t.Fatalf("utilization (-was +is):\n%s", d)
		}
	})
}

func rings(members []routing.Member) map[string]int {
	out := map[string]int{}
	for _, m := range members {
		out[m.ID] = m.Ring
	}
	return out
}

func FuzzBuild(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		org, want := anyOrg(t), anyDesired(t)
		want.Queue.Create = rapid.Bool().Draw(t, "create")
		p, problems := plan.Build(want, org, plan.Memory{})
		if len(problems) > 0 && len(p.Changes) > 0 {
			t.Fatalf("a plan with problems: %v", problems)
		}
	}))
}
