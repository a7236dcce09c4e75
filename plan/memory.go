package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
)

// Memory is what is remembered of earlier runs in the same org: who owns what,
// what was last applied, and what Foresort created. The zero value remembers
// nothing.
type Memory struct {
	Owned   []Owned  `json:"owned,omitempty"`
	Created []Object `json:"created,omitempty"`
	// InForce are the overrides that hold, oldest first.
	InForce []InForce `json:"inForce,omitempty"`
	// Prune lets the plan delete what left the file, if Foresort created it.
	Prune bool `json:"-"`
	// TakeOver lets the plan take what another strategy claims.
	TakeOver bool `json:"-"`
}

// Owned is one claim of one strategy. Applied is when its value was last seen
// to hold after a run; zero where the run that claimed it did not get so far.
type Owned struct {
	Strategy string `json:"strategy"`
	Claim
	Applied time.Time `json:"applied,omitzero"`
}

// Object is one object of the platform.
type Object struct {
	Kind Kind `json:"kind"`
	routing.Ref
}

// same says whether two claims are about the same object: by id where both
// have one, else by name.
func (c Claim) sameObject(kind Kind, object routing.Ref) bool {
	if c.Kind != kind {
		return false
	}
	if c.Object.ID != "" && object.ID != "" {
		return c.Object.ID == object.ID
	}
	return c.Object.Name == object.Name
}

// applied finds when the strategy's run last saw the field hold this value.
func (b *builder) applied(kind Kind, object routing.Ref, field routing.Field, value string) time.Time {
	for _, i := range b.ix.mine[b.want.Strategy] {
		if o := b.mem.Owned[i]; o.Field == field && o.Value == value && o.sameObject(kind, object) {
			return o.Applied
		}
	}
	return time.Time{}
}

// drift marks the fields of a change where the file asks for what was applied
// before: someone has changed the platform since.
func (b *builder) drift(c *Change, value func(FieldChange) string) {
	var at time.Time
	for i := range c.Fields {
		f := &c.Fields[i]
		wanted := value(*f)
		f.Applied = b.applied(c.Kind, c.Object, f.Field, wanted)
		if f.Drift = !f.Applied.IsZero(); !f.Drift {
			continue
		}
		at = f.Applied
		if f.Before != "" && c.Members == nil {
			b.note(NoteDrift, f.At, "%s of %s %s was %s when it was applied on %s and has been changed since; it is now %s",
				f.Field, kindWord(c.Kind), c.Object, wanted, stamp(at), f.Before)
		}
	}
	switch {
	case at.IsZero():
	case c.Members != nil:
		b.note(NoteDrift, c.Fields[0].At, "members of queue %s were as the file asks when they were applied on %s and have been changed since", c.Object, stamp(at))
	case c.Verb == Create && c.Kind == Route:
		b.note(NoteDrift, c.Fields[0].At, "email route %s was there when it was applied on %s and is gone", c.Object, stamp(at))
	}
}

func asked(f FieldChange) string { return f.After }

// claims refuses what another strategy owns, or takes it over where that was
// asked for. A queue belongs to one strategy as a whole, and so does a route.
func (b *builder) claims(queue routing.Ref) {
	near := append(b.ix.claimsOn(Queue, queue), b.ix.claimsOn(Member, queue)...)
	for _, r := range b.want.Routes {
		near = append(near, b.ix.claimsOn(Route, routing.Ref{Name: r.Address.String()})...)
	}
	for _, c := range b.changes {
		if c.Kind == Utilization {
			near = append(near, b.ix.claimsOn(Utilization, c.Object)...)
		}
	}
	slices.Sort(near)
	taken := map[string]bool{}
	for _, i := range slices.Compact(near) {
		o := b.mem.Owned[i]
		if o.Strategy == b.want.Strategy {
			continue
		}
		what, path := "", "queue"
		switch o.Kind {
		case Queue, Member:
			if o.sameObject(o.Kind, queue) {
				what = "queue " + queue.Name
			}
		case Route:
			for _, r := range b.want.Routes {
				if o.Object.Name == r.Address.String() {
					what, path = "address "+o.Object.Name, "routes["+o.Object.Name+"]"
				}
			}
		case Utilization:
			for _, c := range b.changes {
				if o.sameObject(c.Kind, c.Object) {
					what, path = "the capacity of "+c.Object.String(), "capacity.email"
				}
			}
		case Email: // nobody claims one
		}
		if what == "" || taken[what] {
			continue
		}
		taken[what] = true
		if b.mem.TakeOver {
			if !slices.Contains(b.takesOver, o.Strategy) {
				b.takesOver = append(b.takesOver, o.Strategy)
			}
			b.note(NoteTakeOver, b.at(path), "%s is taken over from strategy %s", what, o.Strategy)
			continue
		}
		b.problem(path, fmt.Sprintf("%s is claimed by strategy %s", what, o.Strategy),
			"take it out of that strategy and apply it, or give --take-over")
	}
}

// Rivals says in words what of a plan that was made earlier another strategy
// has come to claim since, without what the plan itself takes over.
func (m Memory) Rivals(p Plan) []string {
	ix := NewIndex(routing.Org{}, m)
	var out []string
	for _, c := range p.Owns {
		kinds := []Kind{c.Kind}
		if c.Kind == Queue || c.Kind == Member { // a queue belongs to one strategy as a whole
			kinds = []Kind{Queue, Member}
		}
		for _, kind := range kinds {
			for _, i := range ix.claimsOn(kind, c.Object) {
				o := m.Owned[i]
				text := fmt.Sprintf("%s %s is claimed by strategy %s", kindWord(c.Kind), c.Object, o.Strategy)
				if o.Strategy != p.Strategy && !slices.Contains(p.TakesOver, o.Strategy) && !slices.Contains(out, text) {
					out = append(out, text)
				}
			}
		}
	}
	return out
}

// released names what the strategy owned before and owns no longer, and with
// Prune deletes those objects that Foresort itself created.
func (b *builder) released() {
	type left struct {
		object Object
		fields []string
		all    bool
	}
	mine := b.ix.mine[b.want.Strategy]
	if len(mine) == 0 {
		return
	}
	var gone []*left
	still := map[string]bool{}
	for _, c := range b.owns {
		for _, name := range []string{c.Object.ID, c.Object.Name} { // what was made anew has another id
			still[string(c.Kind)+" "+name] = true
			still[string(c.Kind)+" "+name+" "+string(c.Field)] = true
		}
	}
	for _, i := range mine {
		o := b.mem.Owned[i]
		key := string(o.Kind) + " " + cmp.Or(o.Object.ID, o.Object.Name)
		byName := string(o.Kind) + " " + o.Object.Name
		if still[key+" "+string(o.Field)] || o.Object.Name != "" && o.Kind != Utilization && still[byName+" "+string(o.Field)] {
			continue
		}
		i := slices.IndexFunc(gone, func(l *left) bool { return o.sameObject(l.object.Kind, l.object.Ref) })
		if i < 0 {
			i = len(gone)
			gone = append(gone, &left{object: Object{o.Kind, o.Object}, all: !still[key] && !still[byName]})
		}
		gone[i].fields = append(gone[i].fields, string(o.Field))
	}
	// Routes go before the queues that they point to.
	slices.SortStableFunc(gone, func(a, c *left) int { return rank(a.object.Kind) - rank(c.object.Kind) })
	pruned := map[string]bool{} // the queues; their members go with them
	for _, l := range gone {
		if l.all && b.mem.Prune && b.prune(l.object) {
			pruned[l.object.ID] = l.object.Kind == Queue
			continue
		}
		if l.object.Kind == Member && pruned[l.object.ID] {
			continue
		}
		b.note(NoteReleased, routing.Place{}, "%s %s is released: %s left as it is", kindWord(l.object.Kind), l.object.Name, strings.Join(l.fields, ", "))
	}
}

func rank(k Kind) int { return slices.Index([]Kind{Route, Queue, Member, Utilization, Email}, k) }

// prune plans to delete the object if Foresort created it and it is still
// there, and says whether it did.
func (b *builder) prune(o Object) bool {
	if !slices.ContainsFunc(b.mem.Created, func(c Object) bool { return c.Kind == o.Kind && c.ID == o.ID }) {
		return false
	}
	const why = "it left the file, Foresort created it, and --prune was given"
	switch o.Kind {
	case Route:
		i := slices.IndexFunc(b.ix.org.Routes, func(r routing.EmailRoute) bool { return r.ID == o.ID })
		if i < 0 || b.ix.org.Routes[i].Flow != nil {
			return false
		}
		have := b.ix.org.Routes[i].Settings
		c := Change{Verb: Delete, Kind: Route, Object: o.Ref, Why: why, Route: &Pair[routing.RouteSettings]{Before: have}}
		c.Fields = deleted(Route, have)
		b.changes = append(b.changes, c)
		return true
	case Queue:
		i := slices.IndexFunc(b.ix.org.Queues, func(q routing.Queue) bool { return q.ID == o.ID })
		if i < 0 || b.routed(o.ID) {
			return false
		}
		q := b.ix.org.Queues[i]
		if q.Members == nil && q.MemberCount > 0 {
			return false // who they are could not be put back
		}
		direct := slices.DeleteFunc(slices.Clone(q.Members), func(m routing.Member) bool { return m.ByGroup })
		b.chunks(q.Ref, Leave, direct, "the queue goes")
		have := q.Settings
		b.note(NoteLost, routing.Place{}, "a rollback brings queue %s back with another id and without its wrap-up codes", q.Name)
		c := Change{Verb: Delete, Kind: Queue, Object: o.Ref, Why: why, Queue: &Pair[routing.QueueSettings]{Before: have}}
		c.Fields = deleted(Queue, have)
		b.changes = append(b.changes, c)
		return true
	case Member, Utilization, Email: // never deleted: they are released
	}
	return false
}

// routed says whether an email route will still send mail to the queue.
func (b *builder) routed(queueID string) bool {
	after := Plan{Changes: b.changes}.After(b.ix.org)
	return slices.ContainsFunc(after.Routes, func(r routing.EmailRoute) bool {
		return r.Settings.Queue != nil && r.Settings.Queue.ID == queueID
	})
}

func kindWord(k Kind) string {
	switch k {
	case Route:
		return "email route"
	case Member:
		return "queue"
	case Utilization:
		return "agent"
	case Email:
		return "waiting email"
	case Queue:
	}
	return string(k)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
