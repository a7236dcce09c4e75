package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/routing"
)

// Format is the newest version of the plan format; all up to it are read. A plan
// with findings has version 2, those of an override and of live rules 3, and one
// that moves email 4: a program that knows only less would take them for an edit,
// and so it asks for a newer one. Every other plan stays as it was, 1.
const (
	Format = formatTransfer

	formatPlain    = 1
	formatChecked  = 2
	formatLease    = 3
	formatTransfer = 4
)

// chunk is how many members the platform takes in one call
// (docs/platform-notes.md#members).
const chunk = 100

// Build compares what a strategy wants with the org and lists, in the order of
// execution, the changes that make them agree. With problems there is no plan.
func Build(want routing.Desired, org routing.Org, mem Memory) (Plan, Problems) {
	return NewIndex(org, mem).Build(want)
}

// Build is plan.Build against an org that is already sorted.
func (ix *Index) Build(want routing.Desired) (Plan, Problems) {
	b := &builder{ix: ix, want: want, mem: ix.mem, changes: []Change{}, owns: []Claim{}}
	queue, known := b.findQueue()
	settings := b.resolveQueue(want.Queue.Settings)
	if members, ok := b.resolveMembers(); ok {
		b.planQueue(queue, known, settings, members)
		b.planCapacity(queue, settings, members)
	}
	b.planRoutes(queue.Ref)
	for _, r := range want.Rules {
		if r.When != "" {
			b.resolveRule(r)
		}
	}
	b.overflows()
	b.claims(queue.Ref)
	if len(b.problems) > 0 {
		return Plan{}, b.problems
	}
	b.released()
	b.homes()
	for i := range b.changes {
		b.changes[i].ID = i + 1
	}
	return Plan{
		Version: formatPlain, Strategy: want.Strategy, File: b.file(), Org: ix.org.Ref,
		TakesOver: b.takesOver, Changes: b.changes, Notes: b.notes, Held: b.held, Owns: b.owns,
	}, nil
}

// builder gathers one plan.
type builder struct {
	ix       *Index
	want     routing.Desired
	mem      Memory
	changes  []Change
	notes    []Note
	owns     []Claim
	held     []Held
	problems Problems
	// takesOver names the strategies that something is taken from.
	takesOver []string
}

func (b *builder) problem(path, message, hint string) {
	b.problems = append(b.problems, &Problem{At: b.at(path), Field: path, Message: message, Hint: hint})
}

func (b *builder) note(kind NoteKind, at routing.Place, format string, args ...any) {
	n := Note{Kind: kind, Text: fmt.Sprintf(format, args...), At: at}
	if !slices.Contains(b.notes, n) { // several chunks of members say the same
		b.notes = append(b.notes, n)
	}
}

// at is the place of a path, or of the nearest path around it.
func (b *builder) at(path string) routing.Place {
	for path != "" {
		if p, ok := b.want.Places[path]; ok {
			return p
		}
		switch dot, bracket := strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, ']'); {
		case dot > bracket:
			path = path[:dot]
		case bracket == len(path)-1:
			path = path[:max(0, strings.LastIndexByte(path, '['))]
		default:
			path = ""
		}
	}
	return routing.Place{}
}

func (b *builder) file() string {
	for _, p := range b.want.Places {
		if p.File != "" {
			return p.File
		}
	}
	return ""
}

// findQueue looks up the strategy's queue; known is false where it does not
// exist, and then its ID is empty.
func (b *builder) findQueue() (q routing.Queue, known bool) {
	name := b.want.Queue.Name
	missing := routing.Queue{Ref: routing.Ref{Name: name}, Members: []routing.Member{}}
	switch found := b.ix.queues[name]; {
	case len(found) == 1:
		return b.ix.org.Queues[found[0]], true
	case len(found) > 1:
		b.problem("queue", fmt.Sprintf("%d queues are named %q", len(found), name), "rename all but one of them on the platform")
		return missing, true
	case !b.want.Queue.Create:
		hint := nearest.Hint(name, mapKeys(b.ix.queues), '"')
		if hint != "" {
			hint += " Or: "
		}
		b.problem("queue", fmt.Sprintf("no queue is named %q", name), hint+"add `create: true` to make it")
	}
	return missing, false
}

// resolveQueue gives the skills and groups of the queue's settings their ids.
func (b *builder) resolveQueue(s routing.QueueSettings) routing.QueueSettings {
	if s.Rings != nil {
		rings := make(routing.Rings, len(*s.Rings))
		for i, r := range *s.Rings {
			rings[i].Wait = r.Wait
			if len(r.Drop) > 0 {
				rings[i].Drop = b.resolveSkills(r.Drop, "rings")
			}
			if len(r.Groups) > 0 {
				rings[i].Groups = b.resolveGroups(r.Groups, "rings")
			}
		}
		s.Rings = &rings
	}
	if s.Groups != nil {
		groups := b.resolveGroups(*s.Groups, "memberGroups")
		s.Groups = &groups
	}
	return s
}

// resolveSkills never returns nil for an empty list: in JSON the two differ.
func (b *builder) resolveSkills(refs []routing.Ref, path string) []routing.Ref {
	out := make([]routing.Ref, 0, len(refs))
	for _, r := range refs {
		if skill, ok := find(b, b.ix.skills, "skill", r.Name, path); ok {
			out = append(out, skill)
		}
	}
	return out
}

// resolveRule gives what a rule asks of an email its ids.
func (b *builder) resolveRule(r routing.Rule) routing.EmailSettings {
	path := "rules[" + r.Name + "]"
	s := routing.EmailSettings{Priority: r.Priority, Language: r.Language}
	if r.Skills != nil {
		skills := b.resolveSkills(*r.Skills, path+".skills")
		s.Skills = &skills
	}
	if r.Language != nil && r.Language.Name != "" {
		if language, ok := find(b, b.ix.languages, "language", r.Language.Name, path+".language"); ok {
			s.Language = &language
		}
	}
	return s
}

func (b *builder) resolveGroups(groups []routing.Group, path string) []routing.Group {
	out := make([]routing.Group, 0, len(groups))
	for _, g := range groups {
		if group, ok := find(b, b.ix.groups, "skill group", g.Name, path); ok {
			out = append(out, group)
		}
	}
	return out
}

// resolveMembers looks up the agents who shall be members directly; nil where
// the members are not owned.
func (b *builder) resolveMembers() (agents []routing.Ref, ok bool) {
	if b.want.Members == nil {
		return nil, true
	}
	before := len(b.problems)
	agents = make([]routing.Ref, 0, len(*b.want.Members))
	for i, name := range *b.want.Members {
		a, found := b.agent(name, fmt.Sprintf("members[%d]", i))
		if found && !slices.ContainsFunc(agents, func(r routing.Ref) bool { return r.ID == a.ID }) {
			agents = append(agents, a)
		}
	}
	return agents, len(b.problems) == before
}

// agent looks an agent up by user name or email address.
func (b *builder) agent(name, path string) (routing.Ref, bool) {
	if strings.Contains(name, "@") {
		name = strings.ToLower(name)
	}
	return find(b, b.ix.agents, "agent", name, path)
}

// own records what the strategy owns of one object.
func own[S routing.Settings](b *builder, kind Kind, object routing.Ref, s S) {
	for _, f := range routing.Owned(s) {
		b.owns = append(b.owns, Claim{Kind: kind, Object: object, Field: f, Value: routing.Text(s, f)})
	}
}

// fieldChanges writes the fields in words.
func fieldChanges[S routing.Settings](kind Kind, fields []routing.Field, before, after S, at func(routing.Field) routing.Place) []FieldChange {
	out := make([]FieldChange, len(fields))
	for i, f := range fields {
		out[i] = FieldChange{Field: f, Before: routing.Text(before, f), After: routing.Text(after, f), Home: homes[kind][f], At: at(f)}
	}
	return out
}

// created writes the fields of a new object in words.
func created[S routing.Settings](kind Kind, s S, at func(routing.Field) routing.Place) []FieldChange {
	out := fieldChanges(kind, routing.Owned(s), s, s, at)
	for i := range out {
		out[i].Before = ""
	}
	return out
}

// deleted writes the fields of an object that goes in words.
func deleted[S routing.Settings](kind Kind, s S) []FieldChange {
	out := fieldChanges(kind, routing.Owned(s), s, s, nowhere)
	for i := range out {
		out[i].After = ""
	}
	return out
}

// nowhere is the place of what no line of a file asks for.
func nowhere(routing.Field) routing.Place { return routing.Place{} }

// homes notes for every rule where it lives on the platform.
func (b *builder) homes() {
	for _, r := range b.want.Rules {
		for _, route := range b.want.Routes {
			if route.Rule == r.Name {
				b.note(NoteHome, r.Place, "rule %s lives on the email route %s", r.Name, route.Address)
			}
		}
		if r.When != "" {
			b.note(NoteHome, r.Place, "rule %s has a condition that no object of the platform holds: it acts only on waiting email, and only while `serve` runs", r.Name)
		}
		if r.Deadline != nil {
			b.note(NoteHome, r.Place, "deadline %s of rule %s is measured by reports: the platform has one service level for each queue, none for a rule", r.Deadline, r.Name)
		}
	}
	if rings := b.want.Queue.Settings.Rings; rings != nil && len(*rings) > 0 {
		b.note(NoteHome, b.at("rings"), "relaxation lives in the bullseye rings of queue %s: %s", b.want.Queue.Name, rings)
	}
}
