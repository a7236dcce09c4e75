package control

import (
	"fmt"
	"slices"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/plan"
)

// This file keeps overrides apart, also those of several strategies: what one has
// changed no other may change, or neither could be put back.

// TakenError says that an override that holds has changed the same.
type TakenError struct{ Rule string }

// Error names its rule.
func (e *TakenError) Error() string {
	return fmt.Sprintf("the override of rule %s has changed the same, and holds", e.Rule)
}

// takenBy finds an override that holds and has changed what a plan would change.
func takenBy(p plan.Plan, inForce []plan.InForce) (by plan.InForce, taken bool) {
	for _, f := range inForce {
		if f.ID == p.Lease.ID && f.ID != "" {
			continue // its own
		}
		for _, a := range p.Changes {
			if slices.ContainsFunc(f.Changes, a.Overlaps) {
				return f, true
			}
		}
	}
	return by, false
}

// adopted is a run without what a strategy asks for by now: that stays when the
// override ends. stays names it in words.
func adopted(r apply.Record, owned []plan.Owned) (rest apply.Record, stays []string) {
	first := r.Phases[0]
	first.Plan.Changes = nil
	for _, c := range r.Plan().Changes {
		asked := func(f plan.FieldChange) bool {
			return c.Members == nil && slices.ContainsFunc(owned, func(o plan.Owned) bool {
				return o.Kind == c.Kind && o.Object.ID == c.Object.ID && o.Field == f.Field && o.Value == f.After
			})
		}
		var fields []plan.FieldChange
		for _, f := range c.Fields {
			if asked(f) {
				stays = append(stays, fmt.Sprintf("%s of %s", f.Field, c.Object))
			} else {
				fields = append(fields, f)
			}
		}
		if c.Fields = fields; len(fields) > 0 {
			first.Plan.Changes = append(first.Plan.Changes, c)
		}
	}
	r.Phases = append([]apply.Phase{first}, r.Phases[1:]...)
	return r, stays
}
