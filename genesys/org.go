package genesys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/foresort/foresort/routing"
)

// Scope says what to read of an org. The zero Scope reads only which org it is.
type Scope struct {
	// Everything reads all queues, routes, skills, languages and skill groups.
	Everything bool
	// Queues are names. Where one of them is missing all queues are read, so
	// that the nearest names can be told.
	Queues []string
	// Addresses are the routes wanted; the domains are always read all. What is
	// missing is not in the Org.
	Addresses []routing.Address
	// AllRoutes reads every route of every domain.
	AllRoutes bool
	// Members reads the members of Queues, or of all queues with Everything.
	Members bool
	// Capacity reads the utilization of the members of those queues and of
	// Agents, one request for each of them; it implies Members.
	Capacity bool
	// MembersOf and CapacityOf ask for the same of some of Queues.
	MembersOf, CapacityOf []string
	// Rings says how many rings some of Queues shall keep. Where there are more,
	// the members are read: a ring that goes must be empty
	// (docs/platform-notes.md#bullseye).
	Rings map[string]int
	// Agents are user names or email addresses, where these are to be looked up.
	// Where one of them is missing all active users are read.
	Agents []string
	// AllAgents reads all active users.
	AllAgents bool
	// GroupMembers are names of skill groups whose agents are to be read.
	GroupMembers []string
	// GroupsOf are the skill groups that shall bring some of Queues members, by
	// ring. Their agents are read too, unless the list of the queue's members has
	// them: where its groups are just these, and brought somebody in each ring.
	GroupsOf map[string][][]string
	// OrgCapacity reads the organisation's utilization.
	OrgCapacity bool
	// Ratings reads what the people of the scope can do: the members of Queues (it
	// implies Members), Agents, and those in GroupMembers.
	Ratings bool
	// Replaced are those of Queues whose direct members are not people of the scope,
	// because Agents come in their place.
	Replaced []string
	// Shared reads in how many queues the same people are active. That it cannot be
	// read is no error: then ActiveQueues is nil, and ActiveUnknown says why.
	Shared bool
	// Roster reads what is published of the same people in a span, or why it cannot
	// be read; the zero Span: nothing.
	Roster routing.Span
	// Skills, Languages and SkillGroups read all there are.
	Skills, Languages, SkillGroups bool
}

// ScopeOf is the scope that planning these strategies needs.
func ScopeOf(wants ...routing.Desired) Scope {
	s := Scope{Rings: map[string]int{}}
	for _, w := range wants {
		s.Queues = append(s.Queues, w.Queue.Name)
		s.Queues = append(s.Queues, w.Overflows()...)
		for _, r := range w.Rules {
			s.Skills = s.Skills || r.When != "" && r.Skills != nil
			s.Languages = s.Languages || r.When != "" && r.Language != nil
		}
		for _, r := range w.Routes {
			s.Addresses = append(s.Addresses, r.Address)
			s.Skills = s.Skills || r.Settings.Skills != nil
			s.Languages = s.Languages || r.Settings.Language != nil
		}
		for _, r := range w.Rules {
			s.Skills = s.Skills || r.Skills != nil
			s.Languages = s.Languages || r.Language != nil
		}
		set := w.Queue.Settings
		s.Skills = s.Skills || set.Rings != nil
		s.SkillGroups = s.SkillGroups || set.Rings != nil || set.Groups != nil
		if set.Rings != nil {
			s.Rings[w.Queue.Name] = len(*set.Rings)
		}
		if w.Capacity != nil || w.Members != nil {
			s.GroupMembers = append(s.GroupMembers, slices.Concat(GroupsByRing(set)...)...)
		}
		if w.Capacity != nil {
			s.CapacityOf = append(s.CapacityOf, w.Queue.Name)
		}
		if w.Members != nil {
			s.MembersOf = append(s.MembersOf, w.Queue.Name)
			s.Agents = append(s.Agents, *w.Members...)
		}
	}
	return s
}

const (
	// readers is how many requests ReadOrg has open at once.
	readers = 4
	// fewAddresses is up to how many addresses of one domain are asked for one
	// by one rather than by reading the list of the domain to its end.
	fewAddresses = 5
	// fewQueues is up to how many queues are looked up by name, rather than by
	// listing all.
	fewQueues = 10
)

// ReadOrg reads what the scope names. Names that the platform leaves out next
// to an id are filled in from the lists that were read.
func (c *Client) ReadOrg(ctx context.Context, s Scope) (routing.Org, error) {
	r := &reader{c: c, scope: s, scoped: map[string]*routing.Ratings{}}
	if s.Everything {
		r.scope.AllRoutes, r.scope.Skills, r.scope.Languages, r.scope.SkillGroups = true, true, true, true
	}
	if err := r.lists(ctx); err != nil {
		return routing.Org{}, err
	}
	if err := r.routes(ctx); err != nil {
		return routing.Org{}, err
	}
	r.nameRefs()
	if err := r.people(ctx); err != nil {
		return routing.Org{}, err
	}
	if err := r.about(ctx); err != nil {
		return routing.Org{}, err
	}
	return r.org, nil
}

// reader holds what one ReadOrg has read so far.
type reader struct {
	c     *Client
	scope Scope
	mu    sync.Mutex
	org   routing.Org
	// scoped are the people of the scope, by user id, with those ratings that came
	// along with them.
	scoped map[string]*routing.Ratings
}

// keep changes the org while several requests are open.
func (r *reader) keep(change func(o *routing.Org)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.org)
}

func group(ctx context.Context) (*errgroup.Group, context.Context) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	return g, ctx
}

// readList reads one list in the group and keeps it.
func readList[T any](g *errgroup.Group, r *reader, what string, items iter.Seq2[T, error], into func(*routing.Org) *[]T) {
	g.Go(func() error {
		all, err := collect(items)
		if err != nil {
			return fmt.Errorf("read %s: %w", what, err)
		}
		r.keep(func(o *routing.Org) { *into(o) = all })
		return nil
	})
}

// lists reads the org, its queues and domains, and what names are looked up in.
func (r *reader) lists(ctx context.Context) error {
	g, ctx := group(ctx)
	g.Go(func() error {
		org, err := r.c.Organization(ctx)
		if err != nil {
			return fmt.Errorf("read the organisation: %w", err)
		}
		r.keep(func(o *routing.Org) { o.Ref = org })
		return nil
	})
	if r.scope.Everything || len(r.scope.Queues) > 0 {
		g.Go(func() error { return r.queues(ctx) })
	}
	if r.scope.AllRoutes || len(r.scope.Addresses) > 0 {
		readList(g, r, "email domains", r.c.Domains(ctx), func(o *routing.Org) *[]routing.EmailDomain { return &o.Domains })
	}
	if r.scope.Skills {
		readList(g, r, "skills", r.c.Skills(ctx), func(o *routing.Org) *[]routing.Ref { return &o.Skills })
	}
	if r.scope.Languages {
		readList(g, r, "languages", r.c.Languages(ctx), func(o *routing.Org) *[]routing.Ref { return &o.Languages })
	}
	if r.scope.SkillGroups {
		readList(g, r, "skill groups", r.c.SkillGroups(ctx), func(o *routing.Org) *[]routing.Ref { return &o.SkillGroups })
	}
	if r.scope.OrgCapacity {
		g.Go(func() error {
			raw, err := r.c.Utilization(ctx)
			var u routing.Utilization
			if err == nil {
				u, err = DecodeUtilization(raw)
			}
			if err != nil {
				return fmt.Errorf("read the organisation's utilization: %w", err)
			}
			r.keep(func(o *routing.Org) { o.OrgUtilization = &u })
			return nil
		})
	}
	switch {
	case r.scope.AllAgents:
		readList(g, r, "agents", r.c.Agents(ctx), func(o *routing.Org) *[]routing.Agent { return &o.Agents })
	case len(r.scope.Agents) > 0:
		g.Go(func() error { return r.agents(ctx) })
	}
	return g.Wait()
}

// agents reads the agents of the scope, or all where one is missing.
func (r *reader) agents(ctx context.Context) error {
	users, err := r.c.named(ctx, r.scope.Agents)
	if err != nil {
		return fmt.Errorf("read agents: %w", err)
	}
	r.keep(func(o *routing.Org) {
		o.Agents = make([]routing.Agent, len(users))
		for i, u := range users {
			o.Agents[i] = routing.Agent(u.wireUser)
			if slices.ContainsFunc(r.scope.Agents, o.Agents[i].Named) {
				r.person(u.ID, rated(u))
			}
		}
	})
	return nil
}

// queues reads the queues of the scope, or all where one is missing.
func (r *reader) queues(ctx context.Context) error {
	queues := []routing.Queue{}
	names := slices.Compact(slices.Sorted(slices.Values(r.scope.Queues)))
	all := r.scope.Everything || len(names) > fewQueues
	for _, name := range names {
		if all {
			break
		}
		q, err := r.c.findQueue(ctx, name)
		if err != nil {
			return fmt.Errorf("read queue %s: %w", name, err)
		}
		if q == nil {
			all = true
			break
		}
		queues = append(queues, *q)
	}
	if all {
		queues = queues[:0]
		for raw, err := range r.c.Queues(ctx, "") {
			var q routing.Queue
			if err == nil {
				q, err = DecodeQueue(raw)
			}
			if err != nil {
				return fmt.Errorf("read queues: %w", err)
			}
			queues = append(queues, q)
		}
	}
	r.keep(func(o *routing.Org) { o.Queues = queues })
	return nil
}

// routes reads the routes of the scope in the domains that there are.
func (r *reader) routes(ctx context.Context) error {
	g, ctx := group(ctx)
	if r.scope.AllRoutes || len(r.scope.Addresses) > 0 {
		r.org.Routes = []routing.EmailRoute{}
	}
	for _, d := range r.org.Domains {
		wanted := map[string]bool{}
		for _, a := range r.scope.Addresses {
			if a.Domain == d.Name {
				wanted[a.Local] = true
			}
		}
		if r.scope.AllRoutes || len(wanted) > 0 {
			g.Go(func() error { return r.routesOf(ctx, d.Name, wanted) })
		}
	}
	err := g.Wait()
	slices.SortFunc(r.org.Routes, func(a, b routing.EmailRoute) int { return strings.Compare(a.Address.String(), b.Address.String()) })
	return err
}

// routesOf reads the wanted routes of a domain. Several of them are looked for
// in its list, which is one page in most organisations. Where few are left to
// find after a page, these are asked for by name.
func (r *reader) routesOf(ctx context.Context, domain string, wanted map[string]bool) error {
	byName := !r.scope.AllRoutes && len(wanted) == 1
	if !byName {
		listed := 0
		for raw, err := range r.c.Routes(ctx, domain, "") {
			if err := r.route(domain, raw, err, wanted); err != nil {
				return err
			}
			listed++
			byName = listed%pageSize == 0 && !r.scope.AllRoutes && len(wanted) <= fewAddresses
			if byName {
				break
			}
		}
	}
	if !byName {
		return nil
	}
	for _, local := range slices.Sorted(maps.Keys(wanted)) {
		for raw, err := range r.c.Routes(ctx, domain, local) {
			if err := r.route(domain, raw, err, wanted); err != nil {
				return err
			}
		}
	}
	return nil
}

// route keeps one route that was read, and takes it off those that are wanted.
func (r *reader) route(domain string, raw json.RawMessage, err error, wanted map[string]bool) error {
	var route routing.EmailRoute
	if err == nil {
		route, err = DecodeRoute(domain, raw)
	}
	if err != nil {
		return fmt.Errorf("read email routes of %s: %w", domain, err)
	}
	if r.scope.AllRoutes || wanted[route.Address.Local] {
		delete(wanted, route.Address.Local)
		r.keep(func(o *routing.Org) { o.Routes = append(o.Routes, route) })
	}
	return nil
}

// people reads members, and the utilization of those whose capacity is wanted.
func (r *reader) people(ctx context.Context) error {
	g, inGroup := group(ctx)
	users := map[string]bool{}
	for i := range r.org.Queues {
		q := &r.org.Queues[i]
		wanted := r.wants(*q)
		if !wanted.members {
			continue
		}
		g.Go(func() error {
			members, err := collect(r.c.wireMembers(inGroup, q.ID, wanted.people && r.scope.Ratings))
			if err != nil {
				return fmt.Errorf("read members of queue %s: %w", q.Name, err)
			}
			r.keep(func(*routing.Org) {
				q.Members = make([]routing.Member, len(members))
				for i, m := range members {
					q.Members[i] = m.member()
					if wanted.capacity {
						users[m.ID] = true
					}
					if _, named := r.scoped[m.ID]; wanted.people && (named || m.member().ByGroup || !slices.Contains(r.scope.Replaced, q.Name)) {
						r.person(m.ID, rated(m.User))
					}
				}
			})
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	g, inGroup = group(ctx)
	groups := r.groups()
	for _, skillGroup := range r.org.SkillGroups {
		if !slices.Contains(groups, skillGroup.Name) {
			continue
		}
		g.Go(func() error {
			agents, err := collect(r.c.SkillGroupMembers(inGroup, skillGroup.ID))
			if err != nil {
				return fmt.Errorf("read members of skill group %s: %w", skillGroup.Name, err)
			}
			r.keep(func(o *routing.Org) {
				if o.GroupMembers == nil {
					o.GroupMembers = map[string][]routing.Ref{}
				}
				o.GroupMembers[skillGroup.ID] = agents
				for _, a := range agents {
					users[a.ID] = true
					r.person(a.ID, nil)
				}
			})
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, a := range r.org.Agents {
		if slices.ContainsFunc(r.scope.Agents, a.Named) {
			users[a.ID] = true
			r.person(a.ID, nil)
		}
	}
	if !r.scope.Capacity && len(r.scope.CapacityOf) == 0 {
		return nil
	}
	r.org.Utilization = map[string]routing.Utilization{}
	g, inGroup = group(ctx)
	for id := range users {
		g.Go(func() error { return r.utilization(inGroup, id) })
	}
	return g.Wait()
}

// groups are the names of the skill groups whose agents are to be read.
func (r *reader) groups() []string {
	names := slices.Clone(r.scope.GroupMembers)
	for queue, want := range r.scope.GroupsOf {
		i := slices.IndexFunc(r.org.Queues, func(q routing.Queue) bool { return q.Name == queue })
		if i < 0 || !brought(r.org.Queues[i], want) {
			names = append(names, slices.Concat(want...)...)
		}
	}
	return names
}

// brought says that the list of a queue's members has those of groups, by ring.
func brought(q routing.Queue, groups [][]string) bool {
	if !slices.EqualFunc(GroupsByRing(q.Settings), groups, func(a, b []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	}) {
		return false
	}
	for i, names := range groups {
		if len(names) > 0 && !slices.ContainsFunc(q.Members, func(m routing.Member) bool { return m.ByGroup && m.Ring == i+1 }) {
			return false
		}
	}
	return true
}

// GroupsByRing are the names of the groups that a queue's settings name, by ring.
func GroupsByRing(s routing.QueueSettings) [][]string {
	names := func(groups []routing.Group) (out []string) {
		for _, g := range groups {
			out = append(out, g.Name)
		}
		return out
	}
	out := [][]string{nil}
	if s.Rings != nil {
		out = make([][]string, max(1, len(*s.Rings)))
		for i, r := range *s.Rings {
			out[i] = names(r.Groups)
		}
	}
	if s.Groups != nil {
		out[0] = append(out[0], names(*s.Groups)...)
	}
	return out
}

// person adds one to the people of the scope.
func (r *reader) person(id string, ratings *routing.Ratings) {
	if r.scoped[id] == nil {
		r.scoped[id] = ratings
	}
}

// wanted is what is to be read of a queue beside its settings.
type wanted struct {
	members, capacity bool
	people            bool // the members are people of the scope
}

func (r *reader) wants(q routing.Queue) (w wanted) {
	named := r.scope.Everything || slices.Contains(r.scope.Queues, q.Name)
	w.people = named && (r.scope.Ratings || r.scope.Shared || r.scope.Roster != routing.Span{})
	w.capacity = r.scope.Capacity && named || slices.Contains(r.scope.CapacityOf, q.Name)
	w.members = w.people || w.capacity || r.scope.Members && named || slices.Contains(r.scope.MembersOf, q.Name)
	if keep, known := r.scope.Rings[q.Name]; known && q.Settings.Rings != nil {
		w.members = w.members || len(*q.Settings.Rings) > max(1, keep)
	}
	return w
}

// about reads what the scope asks about its people.
func (r *reader) about(ctx context.Context) error {
	people := slices.Sorted(maps.Keys(r.scoped))
	g, ctx := group(ctx)
	if r.scope.Ratings {
		g.Go(func() error { return r.ratings(ctx, people) })
	}
	if r.scope.Shared {
		g.Go(func() error {
			active, err := r.c.activeQueues(ctx, people)
			r.keep(func(o *routing.Org) {
				if o.ActiveQueues = active; err != nil {
					o.ActiveUnknown = err.Error()
				}
			})
			return ctx.Err()
		})
	}
	if r.scope.Roster != (routing.Span{}) {
		g.Go(func() error {
			roster := r.c.roster(ctx, r.scope.Roster, people)
			r.keep(func(o *routing.Org) { o.Roster = &roster })
			return ctx.Err()
		})
	}
	return g.Wait()
}

// ratings reads the ratings of those with whom they did not come along.
func (r *reader) ratings(ctx context.Context, people []string) error {
	all := map[string]routing.Ratings{}
	var rest []string
	for _, id := range people {
		if known := r.scoped[id]; known != nil {
			all[id] = *known
		} else {
			rest = append(rest, id)
		}
	}
	more, err := r.c.Ratings(ctx, rest)
	if err != nil {
		return fmt.Errorf("read the skills of agents: %w", err)
	}
	maps.Copy(all, more)
	r.keep(func(o *routing.Org) { o.Ratings = all })
	return nil
}

func (r *reader) utilization(ctx context.Context, userID string) error {
	raw, err := r.c.UserUtilization(ctx, userID)
	var u routing.Utilization
	if err == nil {
		u, err = DecodeUtilization(raw)
	}
	if errors.Is(err, ErrNotFound) { // gone since the members were read
		return nil
	}
	if err != nil {
		return fmt.Errorf("read utilization of user %s: %w", userID, err)
	}
	r.keep(func(o *routing.Org) { o.Utilization[userID] = u })
	return nil
}

// nameRefs fills in the names that the platform left out next to an id.
func (r *reader) nameRefs() {
	names := map[string]string{}
	for _, list := range [][]routing.Ref{r.org.Skills, r.org.Languages, r.org.SkillGroups} {
		for _, ref := range list {
			names[ref.ID] = ref.Name
		}
	}
	for _, q := range r.org.Queues {
		names[q.ID] = q.Name
	}
	fill := func(ref *routing.Ref) {
		if ref != nil && ref.Name == "" {
			ref.Name = names[ref.ID]
		}
	}
	fillGroups := func(groups []routing.Group) {
		for i := range groups {
			fill(&groups[i].Ref)
		}
	}
	for _, q := range r.org.Queues {
		if q.Settings.Groups != nil {
			fillGroups(*q.Settings.Groups)
		}
		if q.Settings.Rings == nil {
			continue
		}
		for _, ring := range *q.Settings.Rings {
			fillGroups(ring.Groups)
			for i := range ring.Drop {
				fill(&ring.Drop[i])
			}
		}
	}
	for _, route := range r.org.Routes {
		fill(route.Settings.Queue)
		fill(route.Settings.Language)
		if route.Settings.Skills == nil {
			continue
		}
		for i := range *route.Settings.Skills {
			fill(&(*route.Settings.Skills)[i])
		}
	}
}
