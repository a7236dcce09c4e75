package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/foresort/foresort/routing"
)

// planQueue plans the queue and its members. The platform refuses to remove a
// ring that still holds members or groups, so these go first
// (docs/platform-notes.md#bullseye).
func (b *builder) planQueue(q routing.Queue, known bool, want routing.QueueSettings, members []routing.Ref) {
	own(b, Queue, q.Ref, want)
	owned := routing.Owned(want)
	if b.want.Members != nil {
		b.owns = append(b.owns, Claim{Kind: Member, Object: q.Ref, Field: membersField, Value: b.memberText()})
	}
	joins, leaves := b.memberChanges(q, want, members)
	if !known {
		b.changes = append(b.changes, Change{
			Verb: Create, Kind: Queue, Object: q.Ref, Why: "it is missing, and the strategy says create",
			Fields: created(Queue, want, b.queueAt),
			Queue:  &Pair[routing.QueueSettings]{After: want},
		})
		b.chunks(q.Ref, Join, joins, "members lists them")
		return
	}

	before := q.Settings
	fields := routing.Differs(owned, want, before)
	if left := without(owned, fields); len(left) > 0 {
		settings := routing.Only(before, left)
		b.held = append(b.held, Held{Kind: Queue, Object: q.Ref, Fields: left, Queue: &settings})
		adopting(b, Queue, q.Ref, left, want, b.queueAt, func(c Change) *Pair[routing.QueueSettings] { return c.Queue })
	}
	fields = slices.DeleteFunc(fields, func(f routing.Field) bool {
		return overridden(b, Queue, q.Ref, f, want, before, func(c Change) *Pair[routing.QueueSettings] { return c.Queue })
	})
	if !slices.Contains(fields, "rings") {
		b.updateQueue(q.Ref, fields, before, want)
		b.chunks(q.Ref, Join, joins, "members lists them")
		b.chunks(q.Ref, Leave, leaves, "members does not list them")
		return
	}
	keep := len(*want.Rings)
	var late []routing.Member
	var early []routing.Member
	for _, m := range leaves {
		if m.Ring > max(1, keep) {
			early = append(early, m)
		} else {
			late = append(late, m)
		}
	}
	b.chunks(q.Ref, Leave, early, "members does not list them, and their ring goes")
	b.chunks(q.Ref, Move, strandedMembers(q, keep, leaves), "their ring goes, and a member cannot be in a ring that is not there")
	if emptied := emptyRings(before, keep); emptied != nil {
		after := before
		after.Rings = emptied
		b.update(q.Ref, []routing.Field{"rings"}, before, after, emptiesRings)
		before = after
	} else if q.Members == nil && before.Rings != nil && len(*before.Rings) > max(1, keep) {
		b.note(NoteMembers, b.at("rings"), "the members of queue %s were not read; the platform refuses to remove a ring that still has one", q.Name)
	}
	b.updateQueue(q.Ref, fields, before, want)
	b.chunks(q.Ref, Join, joins, "members lists them")
	b.chunks(q.Ref, Leave, late, "members does not list them")
}

// without lists the fields that are not among others.
func without(fields, others []routing.Field) []routing.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f routing.Field) bool { return slices.Contains(others, f) })
}

func (b *builder) queueAt(f routing.Field) routing.Place { return b.at(string(f)) }

// updateQueue plans the one PUT that sets the fields, unless there are none.
func (b *builder) updateQueue(queue routing.Ref, fields []routing.Field, before, after routing.QueueSettings) {
	if len(fields) > 0 {
		b.update(queue, fields, before, after, "the queue differs from the strategy in "+joined(fields))
		b.drift(&b.changes[len(b.changes)-1], asked)
	}
}

func (b *builder) update(queue routing.Ref, fields []routing.Field, before, after routing.QueueSettings, why string) {
	b.changes = append(b.changes, Change{
		Verb: Update, Kind: Queue, Object: queue, Why: why,
		Fields: fieldChanges(Queue, fields, before, after, b.queueAt),
		Queue:  &Pair[routing.QueueSettings]{Before: routing.Only(before, fields), After: routing.Only(after, fields)},
	})
}

const emptiesRings = "a ring that still holds groups cannot be removed, so the groups leave first"

// emptyRings is the queue's rings with the groups of all rings from keep on
// taken out; nil where there are none to take out.
func emptyRings(have routing.QueueSettings, keep int) *routing.Rings {
	if have.Rings == nil {
		return nil
	}
	rings, found := slices.Clone(*have.Rings), false
	for i := keep; i < len(rings); i++ {
		found = found || len(rings[i].Groups) > 0
		rings[i].Groups = nil
	}
	if !found {
		return nil
	}
	return &rings
}

// strandedMembers are those who stay and whose ring goes.
func strandedMembers(q routing.Queue, keep int, leaves []routing.Member) []routing.Member {
	var out []routing.Member
	for _, m := range q.Members {
		if !m.ByGroup && m.Ring > max(1, keep) && !slices.ContainsFunc(leaves, func(l routing.Member) bool { return l.ID == m.ID }) {
			out = append(out, m)
		}
	}
	return out
}

// memberChanges says who joins and who leaves. A member through a group is
// neither added directly, which the platform refuses, nor removed.
func (b *builder) memberChanges(q routing.Queue, settings routing.QueueSettings, want []routing.Ref) (joins, leaves []routing.Member) {
	if b.want.Members == nil {
		return nil, nil
	}
	if q.Members == nil {
		b.problem("members", fmt.Sprintf("the members of queue %s were not read", q.Name), "read the org again")
		return nil, nil
	}
	listed := make(map[string]bool, len(want))
	for _, a := range want {
		listed[a.ID] = true
	}
	direct, byGroup := map[string]bool{}, b.inGroups(settings)
	for _, m := range q.Members {
		if m.ByGroup {
			byGroup[m.ID] = true
			continue
		}
		direct[m.ID] = true
		if !listed[m.ID] && !b.moved(q.Ref, m.Ref, Join) {
			leaves = append(leaves, m)
		}
	}
	for _, a := range want {
		switch {
		case direct[a.ID], b.moved(q.Ref, a, Leave):
		case byGroup[a.ID]:
			b.note(NoteMembers, b.at("members"), "%s is a member of queue %s through a group and is not added directly", a, q.Name)
		default:
			joins = append(joins, routing.Member{Ref: a, Ring: 1})
		}
	}
	return joins, leaves
}

// chunks plans as many member changes as the platform's limit of a call asks for.
func (b *builder) chunks(queue routing.Ref, verb Verb, members []routing.Member, why string) {
	for part := range slices.Chunk(members, chunk) {
		m := &MemberChange{}
		if verb == Move {
			m.Ring = 1
		}
		for _, x := range part {
			m.Agents = append(m.Agents, x.Ref)
			if verb != Join {
				m.From = append(m.From, x.Ring)
			}
		}
		f := memberField(verb, *m)
		f.At = b.at("members")
		if verb == Move {
			f.At = b.at("rings")
		}
		c := Change{Verb: verb, Kind: Member, Object: queue, Why: why, Members: m, Fields: []FieldChange{f}}
		if verb != Move && b.want.Members != nil {
			b.drift(&c, func(FieldChange) string { return b.memberText() })
		}
		b.changes = append(b.changes, c)
	}
}

// memberField is a change of members in words.
func memberField(verb Verb, m MemberChange) FieldChange {
	list := make([]string, len(m.Agents))
	for i, a := range m.Agents {
		list[i] = a.String()
		if verb == Move {
			list[i] += fmt.Sprintf(" (ring %d)", m.From[i])
		}
		if slices.Contains(m.Inactive, a.ID) {
			list[i] += " (deactivated)"
		}
	}
	f := FieldChange{Field: membersField, Home: homes[Member][membersField]}
	switch text := strings.Join(list, ", "); verb {
	case Leave:
		f.Before = text
	case Move:
		f.Before, f.After = text, fmt.Sprintf("ring %d", m.Ring)
	case Join, Create, Update, Delete:
		f.After = text
	}
	return f
}

// memberText is who shall be a member, in words; empty where that is not owned.
func (b *builder) memberText() string {
	if b.want.Members == nil {
		return ""
	}
	if len(*b.want.Members) == 0 {
		return "none"
	}
	list := slices.Sorted(slices.Values(*b.want.Members))
	return strings.Join(slices.Compact(list), ", ")
}

// planCapacity plans the utilization of everyone who is a member afterwards:
// an override of their own for each whose number is another
// (docs/platform-notes.md#utilization).
func (b *builder) planCapacity(q routing.Queue, settings routing.QueueSettings, members []routing.Ref) {
	if b.want.Capacity == nil {
		return
	}
	want := *b.want.Capacity
	fields := routing.Owned(want)
	if len(fields) == 0 {
		return
	}
	agents := members
	if b.want.Members == nil && q.Members == nil {
		b.problem("capacity", fmt.Sprintf("the members of queue %s were not read", q.Name), "read the org again")
		return
	}
	guests := b.guests(q.Ref)
	for _, m := range q.Members {
		switch {
		case b.moved(q.Ref, m.Ref, Join), !m.ByGroup && b.want.Members != nil:
		case m.ByGroup && guests:
			b.note(NoteOverride, b.at("capacity"), "the capacity of members of queue %s through groups is planned once the override is over that brings a group", q.Name)
		default:
			agents = append(agents, m.Ref)
		}
	}
	at := func(f routing.Field) routing.Place { return b.at("capacity." + string(f)) }
	for _, g := range groupsOf(settings) {
		inGroup, read := b.ix.org.GroupMembers[g.ID]
		if !read && !hasGroup(q.Settings, g) {
			b.note(NoteMembers, b.at("capacity"), "who is in group %s was not read; their capacity is planned once they are members", g)
		}
		agents = append(agents, inGroup...)
	}
	seen := map[string]bool{}
	for _, a := range agents {
		if seen[a.ID] {
			continue
		}
		seen[a.ID] = true
		have, read := b.ix.org.Utilization[a.ID]
		if !read {
			b.note(NoteMembers, b.at("capacity"), "the capacity of %s was not read and is left alone", a)
			continue
		}
		own(b, Utilization, a, want)
		pair := func(c Change) *Pair[routing.UtilizationSettings] { return c.Utilization }
		differ := routing.Differs(fields, want, have.Settings)
		adopting(b, Utilization, a, without(fields, differ), want, at, pair)
		differ = slices.DeleteFunc(differ, func(f routing.Field) bool {
			return overridden(b, Utilization, a, f, want, have.Settings, pair)
		})
		if len(differ) == 0 {
			continue
		}
		verb, why := Update, "capacity asks for it"
		if !have.Own {
			verb, why = Create, "capacity asks for it; until now the organisation's number holds"
		}
		c := Change{
			Verb: verb, Kind: Utilization, Object: a, Why: why,
			Fields:      fieldChanges(Utilization, differ, have.Settings, want, at),
			Utilization: &Pair[routing.UtilizationSettings]{Before: routing.Only(have.Settings, differ), After: routing.Only(want, differ)},
		}
		b.drift(&c, asked)
		b.changes = append(b.changes, c)
	}
}

// groupsOf lists the groups that bring a queue its members.
func groupsOf(s routing.QueueSettings) []routing.Group {
	var groups []routing.Group
	if s.Groups != nil {
		groups = append(groups, *s.Groups...)
	}
	if s.Rings != nil {
		for _, r := range *s.Rings {
			groups = append(groups, r.Groups...)
		}
	}
	return groups
}

func hasGroup(s routing.QueueSettings, group routing.Group) bool {
	return slices.ContainsFunc(groupsOf(s), func(g routing.Group) bool { return g.ID == group.ID })
}

// inGroups tells who is in a group that the settings name.
func (b *builder) inGroups(s routing.QueueSettings) map[string]bool {
	in := map[string]bool{}
	for _, g := range groupsOf(s) {
		for _, a := range b.ix.org.GroupMembers[g.ID] {
			in[a.ID] = true
		}
	}
	return in
}

func joined(fields []routing.Field) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = string(f)
	}
	return strings.Join(list, ", ")
}
