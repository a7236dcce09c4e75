package plan

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
)

// Done is one change that was carried out.
type Done struct {
	Change Change `json:"change"`
	// Object is the change's object with the id that it has by now.
	Object routing.Ref `json:"object"`
	// Snapshot is the object as the platform showed it just before the write,
	// and of what was created as the platform made it; nil for members.
	Snapshot json.RawMessage `json:"snapshot,omitempty"`
}

// Reverse is the plan that puts back what was done, newest first. run names
// what it undoes. Email that was moved to another queue stays there.
func Reverse(p Plan, run string, done []Done) Plan {
	out := Plan{Version: formatPlain, Strategy: p.Strategy, File: p.File, Org: p.Org, Undoes: run, Changes: []Change{}, Owns: []Claim{}}
	stay := 0
	for _, d := range slices.Backward(done) {
		if d.Change.Transfer != nil {
			stay++
			continue
		}
		out.Changes = append(out.Changes, reversed(d)...)
		if d.Change.Kind == Queue && d.Change.Verb == Delete {
			out.Notes = append(out.Notes, Note{Kind: NoteLost, Text: fmt.Sprintf("queue %s comes back with another id and without the wrap-up codes it had", d.Object.Name)})
		}
	}
	if stay > 0 {
		out.Notes = append(out.Notes, Note{Kind: NoteLost, Text: phrase.Count(stay, "email") + " that the run moved to another queue: moving back would begin the wait anew"})
	}
	for i := range out.Changes {
		out.Changes[i].ID = i + 1
		if out.Changes[i].Kind == Email {
			out.Version = formatLease
		}
	}
	return out
}

func reversed(d Done) []Change {
	c := d.Change
	if c.Kind == Member {
		return reversedMembers(c)
	}
	back := Change{
		Kind: c.Kind, Object: d.Object, Snapshot: d.Snapshot, Why: "puts back what the run changed",
		Queue: swap(c.Queue), Route: swap(c.Route), Utilization: swap(c.Utilization), Email: swap(c.Email), Waits: c.Waits,
	}
	switch c.Verb {
	case Create:
		back.Verb = Delete
	case Delete:
		back.Verb = Create
	case Update, Join, Leave, Move:
		back.Verb = c.Verb
	}
	for _, f := range c.Fields {
		back.Fields = append(back.Fields, FieldChange{Field: f.Field, Before: f.After, After: f.Before, Home: f.Home})
	}
	if c.Kind != Queue || c.Verb != Update {
		return []Change{back}
	}
	return append(emptyFirst(&back), back)
}

// emptyFirst is the write that takes the groups out of the rings that go when
// the change is undone; none where there are no such groups.
func emptyFirst(back *Change) []Change {
	keep := 0
	if back.Queue.After.Rings != nil {
		keep = len(*back.Queue.After.Rings)
	}
	emptied := emptyRings(back.Queue.Before, keep)
	if emptied == nil {
		return nil
	}
	now := routing.QueueSettings{Rings: back.Queue.Before.Rings}
	first := Change{
		Verb: Update, Kind: Queue, Object: back.Object, Why: emptiesRings, Prepares: true,
		Queue: &Pair[routing.QueueSettings]{Before: now, After: routing.QueueSettings{Rings: emptied}},
	}
	first.Fields = fieldChanges(Queue, []routing.Field{"rings"}, first.Queue.Before, first.Queue.After, nowhere)
	back.Queue.Before.Rings = emptied
	for i, f := range back.Fields {
		if f.Field == "rings" {
			back.Fields[i].Before = emptied.String()
		}
	}
	return []Change{first}
}

func swap[S routing.Settings](p *Pair[S]) *Pair[S] {
	if p == nil {
		return nil
	}
	return &Pair[S]{Before: p.After, After: p.Before}
}

// reversedMembers lets those who left join again, each into the ring they were
// in and deactivated if they were, those who joined leave, and those who moved go back.
func reversedMembers(c Change) []Change {
	var out []Change
	add := func(verb Verb, m MemberChange) {
		out = append(out, Change{
			Verb: verb, Kind: Member, Object: c.Object, Why: "puts back what the run changed",
			Members: &m, Fields: []FieldChange{memberField(verb, m)},
		})
	}
	m := *c.Members
	if c.Verb == Join {
		rings := make([]int, len(m.Agents))
		for i := range rings {
			rings[i] = 1
		}
		add(Leave, MemberChange{Agents: m.Agents, From: rings})
		return out
	}
	now := m.Ring
	if c.Verb == Leave {
		add(Join, MemberChange{Agents: m.Agents, Inactive: m.Inactive})
		now = 1
	}
	for ring := 1; ring <= routing.MaxRings; ring++ {
		back := MemberChange{Ring: ring}
		for i, a := range m.Agents {
			if i < len(m.From) && m.From[i] == ring && ring != now {
				back.Agents, back.From = append(back.Agents, a), append(back.From, now)
			}
		}
		if len(back.Agents) > 0 {
			add(Move, back)
		}
	}
	return out
}
