package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/routing"
)

// Index is an org and what is remembered of it, with everything that is looked
// up sorted once, for planning many strategies against it.
type Index struct {
	org       routing.Org
	mem       Memory
	mine      map[string][]int  // positions in mem.Owned, by strategy
	about     map[claimed][]int // the same, by object
	queues    map[string][]int
	routes    map[routing.Address]int
	domains   map[string]bool
	skills    names[routing.Ref]
	languages names[routing.Ref]
	groups    names[routing.Group]
	agents    names[routing.Ref]
}

// claimed is an object that a claim is about; name is its id, or its name.
type claimed struct {
	kind Kind
	name string
}

// NewIndex sorts an org and what is remembered of it. The org must not change
// while the index is in use.
func NewIndex(org routing.Org, mem Memory) *Index {
	ix := &Index{
		org: org, mem: mem, mine: map[string][]int{}, about: map[claimed][]int{},
		queues:  make(map[string][]int, len(org.Queues)),
		routes:  make(map[routing.Address]int, len(org.Routes)),
		domains: make(map[string]bool, len(org.Domains)),
		skills:  names[routing.Ref]{}, languages: names[routing.Ref]{}, groups: names[routing.Group]{}, agents: names[routing.Ref]{},
	}
	for _, r := range org.Skills {
		ix.skills.add(r.Name, r.ID, r)
	}
	for _, r := range org.Languages {
		ix.languages.add(r.Name, r.ID, r)
	}
	for _, a := range org.Agents {
		ix.agents.add(a.Name, a.ID, a.Ref)
		if e := strings.ToLower(a.Email); e != "" && e != a.Name {
			ix.agents.add(e, a.ID, a.Ref)
		}
	}
	for _, r := range org.SkillGroups {
		ix.groups.add(r.Name, r.ID, routing.Group{Ref: r, Kind: routing.SkillGroup})
	}
	for i, q := range org.Queues {
		ix.queues[q.Name] = append(ix.queues[q.Name], i)
		// Groups other than skill groups cannot be looked up by name; those that
		// a queue already has are known from there.
		for _, g := range groupsOf(q.Settings) {
			ix.groups.add(g.Name, g.ID, g)
		}
	}
	for i, r := range org.Routes {
		ix.routes[r.Address] = i
	}
	for _, d := range org.Domains {
		ix.domains[strings.ToLower(d.Name)] = true
	}
	ix.mem.Owned = make([]Owned, 0, len(mem.Owned))
	for _, o := range mem.Owned {
		ix.remember(o)
	}
	return ix
}

// Own remembers what a plan owns, so that no later one can claim it too.
func (ix *Index) Own(p Plan) {
	ix.mine[p.Strategy] = slices.Grow(ix.mine[p.Strategy], len(p.Owns))
	for _, c := range p.Owns {
		ix.remember(Owned{Strategy: p.Strategy, Claim: c})
	}
}

func (ix *Index) remember(o Owned) {
	at := len(ix.mem.Owned)
	ix.mem.Owned = append(ix.mem.Owned, o)
	ix.mine[o.Strategy] = append(ix.mine[o.Strategy], at)
	for _, key := range keysOf(o.Kind, o.Object) {
		had := ix.about[key]
		if n := len(had); n > 0 { // its other fields say nothing new
			if last := ix.mem.Owned[had[n-1]]; last.Strategy == o.Strategy && last.Object == o.Object {
				continue
			}
		}
		ix.about[key] = append(had, at)
	}
}

// claimsOn lists positions of claims that can be about the object, one for each
// strategy at least.
func (ix *Index) claimsOn(kind Kind, object routing.Ref) []int {
	var found []int
	for _, key := range keysOf(kind, object) {
		found = append(found, ix.about[key]...)
	}
	return found
}

func keysOf(kind Kind, object routing.Ref) []claimed {
	keys := make([]claimed, 0, 2)
	for _, name := range []string{object.ID, object.Name} {
		if name != "" {
			keys = append(keys, claimed{kind, name})
		}
	}
	return keys
}

// names finds objects by the name that people use. Several may carry one name.
type names[T any] map[string][]named[T]

type named[T any] struct {
	id    string
	value T
}

func (n names[T]) add(name, id string, value T) {
	if name != "" && !slices.ContainsFunc(n[name], func(x named[T]) bool { return x.id == id }) {
		n[name] = append(n[name], named[T]{id, value})
	}
}

// find looks a name up, or says in a problem why it cannot be used.
func find[T any](b *builder, n names[T], kind, name, path string) (T, bool) {
	found := n[name]
	if len(found) == 1 {
		return found[0].value, true
	}
	if len(found) > 1 {
		hint := "give each its own name on the platform"
		if kind == "agent" {
			hint += ", or name agents by their email address"
		}
		b.problem(path, fmt.Sprintf("%d %ss are named %q", len(found), kind, name), hint)
	} else {
		b.problem(path, fmt.Sprintf("no %s is named %q", kind, name), nearest.Hint(name, mapKeys(n), '"'))
	}
	var none T
	return none, false
}

func mapKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// Problem is something that a strategy asks for and that cannot be planned.
type Problem struct {
	At      routing.Place `json:"at,omitzero"`
	Field   string        `json:"field"`          // path in the strategy, such as routes[vip@example.com].skills
	Message string        `json:"message"`        // what is wrong
	Hint    string        `json:"hint,omitempty"` // what to do about it
}

// Error is file:line:column: field: message (hint).
func (p *Problem) Error() string {
	s := p.Field + ": " + p.Message
	if p.At.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d: %s", p.At.File, p.At.Line, p.At.Column, s)
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Problems is everything that keeps a strategy from being planned.
type Problems []*Problem

// Err is nil when there is no problem.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Error has a line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single problems.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}
