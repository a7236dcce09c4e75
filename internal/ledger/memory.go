package ledger

import (
	"slices"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Memory derives from all runs of an org, oldest first, who owns what, what was
// last applied, and what Foresort created and has not deleted.
func Memory(runs []apply.Record) plan.Memory {
	undone, touched := undoings(runs)
	m := plan.Memory{InForce: inForce(runs)}
	for _, r := range runs {
		created := map[routing.Ref]routing.Ref{} // by name alone
		for _, phase := range r.Phases {
			m.Created = objects(m.Created, phase, created)
		}
		p := r.Plan()
		ok := r.End != nil && r.End.OK
		if p.Undoes != "" || p.Lease != nil || p.Live || undone[r.ID] || !ok && len(r.Done()) == 0 {
			continue
		}
		claims := make([]plan.Owned, 0, len(p.Owns))
		for _, c := range p.Owns {
			if c.Object.ID == "" {
				c.Object.ID = created[c.Object].ID
			}
			o := plan.Owned{Strategy: p.Strategy, Claim: c}
			if !touched[r.ID] && (ok && r.End.Active || holds(r.Phases[0], c)) {
				o.Applied = r.Last
			}
			claims = append(claims, o)
		}
		m.Owned = slices.DeleteFunc(m.Owned, func(o plan.Owned) bool {
			mine := o.Strategy == p.Strategy
			return mine && ok || slices.ContainsFunc(claims, func(c plan.Owned) bool {
				return about(o, c) && (!mine || o.Field == c.Field)
			})
		})
		m.Owned = append(m.Owned, claims...)
	}
	return m
}

// objects follows what a plan created and deleted.
func objects(list []plan.Object, phase apply.Phase, created map[routing.Ref]routing.Ref) []plan.Object {
	for _, c := range phase.Plan.Changes {
		result := phase.Results[c.ID]
		perhaps := result.Outcome == apply.Uncertain && c.Verb == plan.Create && result.Object.ID != ""
		if result.Outcome != apply.Done && !perhaps || c.Kind != plan.Queue && c.Kind != plan.Route {
			continue
		}
		switch o := (plan.Object{Kind: c.Kind, Ref: result.Object}); c.Verb {
		case plan.Create:
			list = append(list, o)
			created[routing.Ref{Name: result.Object.Name}] = result.Object
		case plan.Delete:
			list = slices.DeleteFunc(list, func(x plan.Object) bool { return x.Kind == o.Kind && x.ID == o.ID })
		case plan.Update, plan.Join, plan.Leave, plan.Move:
		}
	}
	return list
}

// holds says whether the claim was seen to hold before the run: no change of
// the plan was about it, or each that was found it so. What was just written
// counts only once it is seen active.
func holds(phase apply.Phase, claim plan.Claim) bool {
	for _, c := range phase.Plan.Changes {
		if c.Kind != claim.Kind || c.Object.Name != claim.Object.Name || !slices.Contains(c.Names(), claim.Field) {
			continue
		}
		if phase.Results[c.ID].Outcome != apply.Already {
			return false
		}
	}
	return true
}

// about says whether two claims are about the same object. A queue and its
// members are one.
func about(a, b plan.Owned) bool {
	kind := func(k plan.Kind) plan.Kind {
		if k == plan.Member {
			return plan.Queue
		}
		return k
	}
	if kind(a.Kind) != kind(b.Kind) {
		return false
	}
	if a.Object.ID != "" && b.Object.ID != "" {
		return a.Object.ID == b.Object.ID
	}
	return a.Object.Name == b.Object.Name
}

// CutOff finds the run that was cut off, if the last one that did anything was.
func CutOff(runs []apply.Record) (apply.Record, bool) {
	for _, r := range slices.Backward(runs) {
		if r.End != nil || len(r.Done()) > 0 {
			return r, r.End == nil
		}
	}
	return apply.Record{}, false
}

// Undoable lists the runs that changed something that can be put back and was not,
// newest first: email that was moved stays.
func Undoable(runs []apply.Record) []apply.Record {
	undone, _ := undoings(runs)
	var out []apply.Record
	for _, r := range slices.Backward(runs) {
		if r.Plan().Undoes == "" && !undone[r.ID] && slices.ContainsFunc(r.Done(), func(d plan.Done) bool { return d.Change.Transfer == nil }) {
			out = append(out, r)
		}
	}
	return out
}

// undoings tells which runs were put back, by id, and of which a part may have
// been. An undoing that was itself put back does not count.
func undoings(runs []apply.Record) (undone, touched map[string]bool) {
	undone, touched = map[string]bool{}, map[string]bool{}
	for _, r := range slices.Backward(runs) {
		if r.End != nil && r.End.Undone {
			undone[r.ID] = true
		}
		if len(r.Phases) > 1 {
			touched[r.ID] = true
		}
		if id := r.Plan().Undoes; id != "" && !undone[r.ID] {
			touched[id] = true
			undone[id] = undone[id] || r.End != nil && r.End.OK
		}
	}
	return undone, touched
}
