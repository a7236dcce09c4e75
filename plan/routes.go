package plan

import (
	"cmp"
	"fmt"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/routing"
)

// planRoutes plans the email routes: the last things to change, so that mail
// arrives where everything is ready for it.
func (b *builder) planRoutes(queue routing.Ref) {
	for _, r := range b.want.Routes {
		b.planRoute(r, queue)
	}
}

func (b *builder) planRoute(r routing.DesiredRoute, queue routing.Ref) {
	path := "routes[" + r.Address.String() + "]"
	at := func(f routing.Field) routing.Place { return b.at(r.PlacePath(f)) }
	want := r.Settings
	want.Queue = &queue
	if want.From != nil && *want.From == "" { // the platform takes no route without a name
		want.From = nil
	}
	if want.Skills != nil {
		skills := b.resolveSkills(*want.Skills, r.PlacePath("skills"))
		want.Skills = &skills
	}
	if want.Language != nil && want.Language.Name != "" {
		if language, ok := find(b, b.ix.languages, "language", want.Language.Name, r.PlacePath("language")); ok {
			want.Language = &language
		}
	}
	if !b.ix.domains[r.Address.Domain] {
		b.problem(path, fmt.Sprintf("the organisation has no email domain %s", r.Address.Domain),
			cmp.Or(nearest.Hint(r.Address.Domain, mapKeys(b.ix.domains), '"'), "set the domain up on the platform first"))
		return
	}

	ref := routing.Ref{Name: r.Address.String()}
	i, exists := b.ix.routes[r.Address]
	if !exists {
		if want.From == nil {
			b.problem(path, "the address has no email route yet, and a new one needs the name that replies are sent from", "add `from`")
			return
		}
		c := Change{
			Verb: Create, Kind: Route, Object: ref, Why: "the address has no email route yet",
			Fields: created(Route, want, at),
			Route:  &Pair[routing.RouteSettings]{After: want},
		}
		b.drift(&c, asked)
		b.changes = append(b.changes, c)
		own(b, Route, ref, want)
		return
	}
	have := b.ix.org.Routes[i]
	ref.ID = have.ID
	if have.Flow != nil {
		b.problem(path, fmt.Sprintf("the address is answered by flow %s, and routes to a flow are never touched", have.Flow),
			"let the flow transfer to the queue, or take the route off the flow on the platform")
		return
	}
	own(b, Route, ref, want)
	if have.Status != "" && have.Status != routing.RouteActive {
		b.note(NoteStatus, b.at(path), "email route %s is %s just now and takes no mail", ref.Name, have.Status)
	}
	fields := routing.Differs(routing.Owned(want), want, have.Settings)
	if left := without(routing.Owned(want), fields); len(left) > 0 {
		settings := routing.Only(have.Settings, left)
		b.held = append(b.held, Held{Kind: Route, Object: ref, Fields: left, Route: &settings})
	}
	if len(fields) == 0 {
		return
	}
	c := Change{
		Verb: Update, Kind: Route, Object: ref, Why: "the route differs from the strategy in " + joined(fields),
		Fields: fieldChanges(Route, fields, have.Settings, want, at),
		Route:  &Pair[routing.RouteSettings]{Before: routing.Only(have.Settings, fields), After: routing.Only(want, fields)},
	}
	b.drift(&c, asked)
	b.changes = append(b.changes, c)
}
