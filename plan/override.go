package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/routing"
)

// This file plans overrides, which hold for a time and are put back, and keeps a
// strategy's own plan from fighting those that hold.

// Lease makes a plan that of an override: what it does holds until Ends and is
// then put back.
type Lease struct {
	ID     string          `json:"id,omitempty"` // the run that began it; empty: the run of this plan
	Rule   string          `json:"rule"`         // of the strategy's adjust section
	Levers []routing.Lever `json:"levers"`
	Began  time.Time       `json:"began"` // by the platform's clock, as is Ends
	Ends   time.Time       `json:"ends"`
	Reason string          `json:"reason"`
}

// LiveEmail is a waiting email and the live rule that it follows.
type LiveEmail struct {
	Email routing.WaitingEmail
	Rule  routing.Rule
}

// Live plans what live rules ask of waiting email, as far as it is not so already.
// It owns nothing and holds for as long as the email waits.
func (ix *Index) Live(want routing.Desired, emails []LiveEmail) (Plan, Problems) {
	b := &builder{ix: ix, want: want, changes: []Change{}}
	if q, known := b.findQueue(); known {
		for _, e := range emails {
			b.email(q.Ref, e.Email, b.resolveRule(e.Rule), "rule "+e.Rule.Name+" asks for it: its condition holds", e.Rule.Place)
		}
	}
	if len(b.problems) > 0 {
		return Plan{}, b.problems
	}
	for i := range b.changes {
		b.changes[i].ID = i + 1
	}
	return Plan{Version: formatLease, Strategy: want.Strategy, File: b.file(), Org: ix.org.Ref, Live: true, Changes: b.changes, Owns: []Claim{}}, nil
}

// Override is what an override sets. What is nil or empty is left alone.
type Override struct {
	Settings    routing.QueueSettings
	Join, Leave []string // agents, by user name or email address
	// Capacity is that of every member of the queue.
	Capacity *routing.UtilizationSettings
	Emails   []EmailPriority
	Moves    []EmailMove
}

// EmailPriority is the priority that a waiting email shall have.
type EmailPriority struct {
	Email routing.WaitingEmail
	To    int
}

// EmailMove is the queue, by name, that a waiting email shall go to.
type EmailMove struct {
	Email routing.WaitingEmail
	To    string
}

// Override plans an override of the strategy's queue. It owns nothing: without
// changes it would write nothing.
func (ix *Index) Override(want routing.Desired, o Override, l Lease) (Plan, Problems) {
	bare := *ix // an override has applied nothing that could have changed since
	bare.mem, bare.mine, bare.about = Memory{}, nil, nil
	b := &builder{ix: &bare, want: routing.Desired{Strategy: want.Strategy, Queue: routing.DesiredQueue{Name: want.Queue.Name}, Places: want.Places}, changes: []Change{}}
	q, known := b.findQueue()
	settings := b.resolveQueue(o.Settings)
	joins, leaves := b.agents(q, o)
	if known && len(b.problems) == 0 {
		if fields := routing.Differs(routing.Owned(settings), settings, q.Settings); len(fields) > 0 {
			b.update(q.Ref, fields, q.Settings, settings, l.why())
		}
		b.chunks(q.Ref, Join, joins, l.why())
		b.chunks(q.Ref, Leave, leaves, l.why())
		b.want.Capacity = o.Capacity
		b.planCapacity(q, routing.QueueSettings{}, refs(joins))
		for _, e := range o.Emails {
			b.email(q.Ref, e.Email, routing.EmailSettings{Priority: &e.To}, l.why(), routing.Place{})
		}
		b.transfers(q.Ref, o.Moves)
	}
	if len(b.problems) > 0 {
		return Plan{}, b.problems
	}
	for i := range b.changes {
		b.changes[i].ID = i + 1
		b.changes[i].Why = l.why()
	}
	version := formatLease
	if len(o.Moves) > 0 {
		version = formatTransfer
	}
	return Plan{Version: version, Strategy: want.Strategy, File: b.file(), Org: ix.org.Ref, Lease: &l, Changes: b.changes, Notes: b.notes, Owns: []Claim{}}, nil
}

func (l Lease) why() string {
	return "rule " + l.Rule + " of adjust asks for it, until " + stamp(l.Ends)
}

// email plans what an email that waits shall ask for, as far as it does not.
func (b *builder) email(queue routing.Ref, e routing.WaitingEmail, want routing.EmailSettings, why string, at routing.Place) {
	have := routing.EmailSettings{Priority: &e.Priority, Skills: &e.Skills, Language: &e.Language}
	fields := routing.Differs(routing.Owned(want), want, have)
	if len(fields) == 0 {
		return
	}
	b.changes = append(b.changes, Change{
		Verb: Update, Kind: Email, Object: routing.Ref{ID: e.ConversationID}, Waits: queue, Why: why,
		Fields: fieldChanges(Email, fields, have, want, func(routing.Field) routing.Place { return at }),
		Email:  &Pair[routing.EmailSettings]{Before: routing.Only(have, fields), After: routing.Only(want, fields)},
	})
}

// transfers plans which emails go to another queue.
func (b *builder) transfers(queue routing.Ref, moves []EmailMove) {
	to := map[string]routing.Ref{}
	for _, m := range moves {
		if _, seen := to[m.To]; !seen {
			to[m.To] = b.otherQueue(m.To, b.at("adjust"))
		}
		if to[m.To].ID == "" {
			continue // said
		}
		b.changes = append(b.changes, Change{
			Verb: Move, Kind: Email, Object: routing.Ref{ID: m.Email.ConversationID}, Waits: queue,
			Fields:   []FieldChange{{Field: queueField, Before: queue.Name, After: m.To, Home: homes[Email][queueField]}},
			Transfer: &Transfer{To: to[m.To], Entered: m.Email.Entered, Priority: m.Email.Priority},
		})
	}
}

// overflows says where the strategy would move email to a queue that there is not.
func (b *builder) overflows() {
	if b.want.Adjust == nil {
		return
	}
	for _, r := range b.want.Adjust.Rules {
		for _, a := range r.Do {
			if a.Lever == routing.LeverOverflow {
				b.otherQueue(a.To, a.At)
			}
		}
	}
}

// otherQueue looks up a queue that is not the strategy's own.
func (b *builder) otherQueue(name string, at routing.Place) routing.Ref {
	p := &Problem{At: at, Field: "adjust"}
	switch found := b.ix.queues[name]; {
	case name == b.want.Queue.Name:
		p.Message, p.Hint = fmt.Sprintf("%s is the strategy's own queue", name), "name another one that email can go to"
	case len(found) == 1:
		return b.ix.org.Queues[found[0]].Ref
	case len(found) > 1:
		p.Message, p.Hint = fmt.Sprintf("%d queues are named %q", len(found), name), "rename all but one of them on the platform"
	default:
		p.Message, p.Hint = fmt.Sprintf("no queue is named %q", name), nearest.Hint(name, mapKeys(b.ix.queues), '"')
	}
	b.problems = append(b.problems, p)
	return routing.Ref{}
}

func refs(members []routing.Member) (out []routing.Ref) {
	for _, m := range members {
		out = append(out, m.Ref)
	}
	return out
}

// agents are those who join, as far as they are no members yet, and who leave.
func (b *builder) agents(q routing.Queue, o Override) (joins, leaves []routing.Member) {
	if len(o.Join)+len(o.Leave) > 0 && q.Members == nil {
		b.problem("adjust", fmt.Sprintf("the members of queue %s were not read", q.Name), "read the org again")
		return nil, nil
	}
	for i, names := range [][]string{o.Join, o.Leave} {
		for _, name := range names {
			a, ok := b.agent(name, "adjust")
			if !ok {
				continue
			}
			n := slices.IndexFunc(q.Members, func(m routing.Member) bool { return m.ID == a.ID })
			switch {
			case i == 0 && n < 0:
				joins = append(joins, routing.Member{Ref: a, Ring: 1})
			case i == 1 && n >= 0 && !q.Members[n].ByGroup:
				leaves = append(leaves, q.Members[n])
			}
		}
	}
	return joins, leaves
}

// InForce is an override that holds, with what it has done.
type InForce struct {
	Lease
	Changes []Change
}

// overrides gives, newest first, the changes of the overrides that hold of one
// kind of object.
func (b *builder) overrides(kind Kind, object routing.Ref, each func(l Lease, c Change)) {
	for _, f := range slices.Backward(b.mem.InForce) {
		for _, c := range f.Changes {
			if c.Kind == kind && c.Object.ID == object.ID {
				each(f.Lease, c)
			}
		}
	}
}

// overridden says that a field differs from the file since an override holds that
// was laid over what the file asks for, and notes it. Where the file asks for
// something new since, or somebody has changed the field, it is no matter of the
// override any more.
func overridden[S routing.Settings](b *builder, kind Kind, object routing.Ref, f routing.Field, want, live S, pair func(Change) *Pair[S]) bool {
	found := false
	b.overrides(kind, object, func(l Lease, c Change) {
		if found || !slices.Contains(c.Names(), f) {
			return
		}
		one := []routing.Field{f}
		if p := pair(c); len(routing.Differs(one, p.After, live)) == 0 && len(routing.Differs(one, p.Before, want)) == 0 {
			found = true
			b.note(NoteOverride, b.at("adjust"), "%s of %s %s is %s by rule %s of adjust until %s; then it is %s again",
				f, kindWord(kind), object, routing.Text(live, f), l.Rule, stamp(l.Ends), routing.Text(want, f))
		}
	})
	return found
}

// guests says that an override changes which groups bring the queue members.
func (b *builder) guests(queue routing.Ref) (found bool) {
	b.overrides(Queue, queue, func(_ Lease, c Change) {
		found = found || slices.Contains(c.Names(), "memberGroups")
	})
	return found
}

// moved says that an agent joined or left the queue by an override that holds.
func (b *builder) moved(queue routing.Ref, agent routing.Ref, verb Verb) bool {
	found := false
	b.overrides(Member, queue, func(l Lease, c Change) {
		if c.Verb != verb || !slices.ContainsFunc(c.Members.Agents, func(a routing.Ref) bool { return a.ID == agent.ID }) {
			return
		}
		found = true
		what := map[Verb]string{Join: "is a member", Leave: "is no member"}[verb]
		b.note(NoteOverride, b.at("adjust"), "%s %s of queue %s by rule %s of adjust until %s", agent, what, queue, l.Rule, stamp(l.Ends))
	})
	return found
}
