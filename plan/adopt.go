package plan

import (
	"slices"

	"github.com/foresort/foresort/routing"
)

// adopting notes what an override has set and the file asks for by now: once a run
// has claimed that, it stays at the end of the override. fields are those in which
// the object is as the file asks.
func adopting[S routing.Settings](b *builder, kind Kind, object routing.Ref, fields []routing.Field, want S, at func(routing.Field) routing.Place, pair func(Change) *Pair[S]) {
	for _, f := range fields {
		one, found := []routing.Field{f}, false
		b.overrides(kind, object, func(l Lease, c Change) {
			if found || !slices.Contains(c.Names(), f) {
				return
			}
			found = true
			if p := pair(c); len(routing.Differs(one, p.After, want)) == 0 {
				b.note(NoteOverride, at(f), "%s of %s %s is %s by rule %s of adjust until %s, and the file asks for the same: once it is applied that stays when the override ends",
					f, kindWord(kind), object, routing.Text(want, f), l.Rule, stamp(l.Ends))
			}
		})
	}
}
