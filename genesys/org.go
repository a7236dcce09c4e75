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
	// Agents are user names or email addresses, where these are to be looked up;
	// then all active users are read.
	Agents []string
	// AllAgents reads all active users.
	AllAgents bool
	// GroupMembers are names of skill groups whose agents are to be read.
	GroupMembers []string
	// Skills, Languages and SkillGroups read all there are.
	Skills, Languages, SkillGroups bool
}

// ScopeOf is the scope that planning these strategies needs.
func ScopeOf(wants ...routing.Desired) Scope {
	s := Scope{Rings: map[string]int{}}
	for _, w := range wants {
		s.Queues = append(s.Queues, w.Queue.Name)
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
			s.GroupMembers = append(s.GroupMembers, groupNames(set)...)
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
	r := &reader{c: c, scope: s}
	if s.Everything {
		r.scope.AllRoutes, r.scope.Skills, r.scope.Languages, r.scope.SkillGroups = true, true, true, true
	}
	if err := r.lists(ctx); err != nil {
		return routing.Org{}, err
	}
	if err := r.routes(ctx); err != nil {
		return routing.Org{}, err
	}
	if err := r.people(ctx); err != nil {
		return routing.Org{}, err
	}
	r.nameRefs()
	return r.org, nil
}

// reader holds what one ReadOrg has read so far.
type reader struct {
	c     *Client
	scope Scope
	mu    sync.Mutex
	org   routing.Org
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
	if r.scope.AllAgents || len(r.scope.Agents) > 0 {
		readList(g, r, "agents", r.c.Agents(ctx), func(o *routing.Org) *[]routing.Agent { return &o.Agents })
	}
	return g.Wait()
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
		members, capacity := r.wants(*q)
		if !members {
			continue
		}
		g.Go(func() error {
			members, err := collect(r.c.Members(inGroup, q.ID))
			if err != nil {
				return fmt.Errorf("read members of queue %s: %w", q.Name, err)
			}
			r.keep(func(*routing.Org) {
				q.Members = members
				for _, m := range members {
					if capacity {
						users[m.ID] = true
					}
				}
			})
			return nil
		})
	}
	for _, skillGroup := range r.org.SkillGroups {
		if !slices.Contains(r.scope.GroupMembers, skillGroup.Name) {
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
				}
			})
			return nil
		})
	}
	if err := g.Wait(); err != nil || !r.scope.Capacity && len(r.scope.CapacityOf) == 0 {
		return err
	}
	for _, a := range r.org.Agents {
		if slices.ContainsFunc(r.scope.Agents, func(want string) bool { return want == a.Name || strings.EqualFold(want, a.Email) }) {
			users[a.ID] = true
		}
	}
	r.org.Utilization = map[string]routing.Utilization{}
	g, inGroup = group(ctx)
	for id := range users {
		g.Go(func() error { return r.utilization(inGroup, id) })
	}
	return g.Wait()
}

// wants says what is to be read of a queue beside its settings.
func (r *reader) wants(q routing.Queue) (members, capacity bool) {
	named := r.scope.Everything || slices.Contains(r.scope.Queues, q.Name)
	capacity = r.scope.Capacity && named || slices.Contains(r.scope.CapacityOf, q.Name)
	members = r.scope.Members && named || slices.Contains(r.scope.MembersOf, q.Name)
	if keep, known := r.scope.Rings[q.Name]; known && q.Settings.Rings != nil {
		members = members || len(*q.Settings.Rings) > max(1, keep)
	}
	return members || capacity, capacity
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

// groupNames are the groups that a queue's settings name.
func groupNames(s routing.QueueSettings) []string {
	var names []string
	add := func(groups []routing.Group) {
		for _, g := range groups {
			names = append(names, g.Name)
		}
	}
	if s.Groups != nil {
		add(*s.Groups)
	}
	if s.Rings != nil {
		for _, r := range *s.Rings {
			add(r.Groups)
		}
	}
	return names
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
