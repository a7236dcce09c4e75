// Package plan compares what a strategy wants with an org as it is and lists
// the changes that would make them agree. It is pure: same input, same plan.
package plan

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/foresort/foresort/routing"
)

// Kind is the kind of object that a change is about.
type Kind string

// The kinds of object.
const (
	Queue       Kind = "queue"
	Route       Kind = "route"
	Member      Kind = "member"      // agents of one queue: up to 100 in one change
	Utilization Kind = "utilization" // one agent's own setting over the organisation's
	Email       Kind = "email"       // one email that waits; only overrides and live rules change any
)

// Verb says what is done to the object.
type Verb string

// The verbs. Join, leave and move are about members.
const (
	Create Verb = "create"
	Update Verb = "update"
	Delete Verb = "delete"
	Join   Verb = "join"
	Leave  Verb = "leave"
	Move   Verb = "move" // to another ring; of an email, to another queue
)

// Change is one step of a plan: one write to the platform.
type Change struct {
	ID   int  `json:"id"` // from 1, the order of execution
	Verb Verb `json:"verb"`
	Kind Kind `json:"kind"`
	// Object is the queue, route (named by its address) or agent; its ID is
	// empty for what does not exist yet. For members it is the queue.
	Object routing.Ref `json:"object"`
	// Fields are the owned fields that the change sets, each with what it was.
	Fields []FieldChange `json:"fields,omitempty"`
	Why    string        `json:"why"` // in words: the strategy key or the consequence that asked for it

	// Exactly one of these is set, the one of the kind; of an email Transfer where it
	// moves.
	Queue       *Pair[routing.QueueSettings]       `json:"queue,omitempty"`
	Route       *Pair[routing.RouteSettings]       `json:"route,omitempty"`
	Utilization *Pair[routing.UtilizationSettings] `json:"utilization,omitempty"`
	Members     *MemberChange                      `json:"members,omitempty"`
	Email       *Pair[routing.EmailSettings]       `json:"email,omitempty"`
	Transfer    *Transfer                          `json:"transfer,omitempty"`

	// Waits is the queue that an email waits in. Where it does not any more there
	// is nothing to do.
	Waits routing.Ref `json:"waits,omitzero"`

	// Prepares says that, in a plan that undoes, the change only makes the next
	// one possible: where it finds anything else than expected it does nothing.
	Prepares bool `json:"prepares,omitempty"`
	// Snapshot is set in a plan that undoes: the object as the platform showed
	// it before the change that is undone. The wire form of the fields is taken
	// from it, so that what comes back is exactly what was there. Where a create
	// is undone it is the object as it was created.
	Snapshot json.RawMessage `json:"snapshot,omitempty"`
}

// Names lists the names of the fields that the change sets.
func (c Change) Names() []routing.Field {
	names := make([]routing.Field, len(c.Fields))
	for i, f := range c.Fields {
		names[i] = f.Field
	}
	return names
}

// Overlaps says that two changes are about the same field, or the same agent, of the
// same object.
func (c Change) Overlaps(other Change) bool {
	if c.Kind != other.Kind || c.Object.ID != other.Object.ID {
		return false
	}
	if c.Members != nil && other.Members != nil {
		return slices.ContainsFunc(c.Members.Agents, func(x routing.Ref) bool {
			return slices.ContainsFunc(other.Members.Agents, func(y routing.Ref) bool { return x.ID == y.ID })
		})
	}
	return slices.ContainsFunc(c.Names(), func(f routing.Field) bool { return slices.Contains(other.Names(), f) })
}

// Pair is what the fields of a change were and shall be. Both hold the fields
// that Change.Fields names and no others; nil in one of them means absent.
type Pair[S routing.Settings] struct {
	Before S `json:"before"`
	After  S `json:"after"`
}

// MemberChange is up to 100 agents who join, leave or move within one queue.
type MemberChange struct {
	Agents []routing.Ref `json:"agents"`
	Ring   int           `json:"ring,omitempty"` // move: the ring they go to
	From   []int         `json:"from,omitempty"` // leave and move: the ring of each before, in the order of Agents
	// Inactive are the ids of those of Agents who are deactivated in the queue
	// (joined is false): before they leave, or once they have joined.
	Inactive []string `json:"inactive,omitempty"`
}

// Transfer is an email that moves to another queue. Its wait begins anew there, so
// that its priority is then raised by the whole minutes that it had waited.
type Transfer struct {
	To       routing.Ref `json:"to"`
	Entered  time.Time   `json:"entered"`  // the queue that it waits in
	Priority int         `json:"priority"` // that it has there
}

// Raised is the priority that makes up for the wait that was lost, for an email
// that entered the other queue at an instant: one point is one minute
// (docs/platform-notes.md#scoring).
func (t Transfer) Raised(entered time.Time) int {
	waited := int(max(0, entered.Sub(t.Entered)) / time.Minute)
	return max(-routing.MostPriority, min(t.Priority+waited, routing.MostPriority))
}

// FieldChange is one owned field, in words.
type FieldChange struct {
	Field  routing.Field `json:"field"`
	Before string        `json:"before,omitempty"`
	After  string        `json:"after,omitempty"`
	At     routing.Place `json:"at,omitzero"` // the line that asked for it
	Home   string        `json:"home"`        // where it lives on the platform, such as email route, priority
	// Drift says that the file still asks for what was applied at Applied and
	// that the platform has been changed since, behind Foresort's back.
	Drift   bool      `json:"drift,omitempty"`
	Applied time.Time `json:"applied,omitzero"`
}

// Plan is an ordered list of changes. An empty plan means nothing to do.
type Plan struct {
	Version  int         `json:"version"` // of this format, at most Format
	Strategy string      `json:"strategy"`
	File     string      `json:"file,omitempty"` // the strategy's file, as the user named it
	Org      routing.Ref `json:"org"`
	Made     time.Time   `json:"made,omitzero"` // stamped by the caller, before Seal
	// Undoes is the run that this plan puts back; empty for a strategy's plan.
	Undoes string `json:"undoes,omitempty"`
	// Lease is set in the plan of an override.
	Lease *Lease `json:"lease,omitempty"`
	// Live is set in the plan of live rules: each change is about one email that
	// waits, and stands for itself.
	Live bool `json:"live,omitempty"`
	// TakesOver names the strategies that something is taken from.
	TakesOver []string `json:"takesOver,omitempty"`
	// Fingerprint is a SHA-256 of the whole plan: what it was made on and what
	// it does. A plan that was edited no longer carries its own.
	Fingerprint string   `json:"fingerprint"`
	Changes     []Change `json:"changes"`
	Notes       []Note   `json:"notes,omitempty"`
	// Checked is nil where the plan was made without looking at people and shifts.
	Checked *Checked `json:"checked,omitempty"` // set by the caller, before Seal
	// Held is what the plan leaves as it is, since it is as the strategy asks.
	Held []Held `json:"held,omitempty"`
	// Owns lists everything that the strategy owns once the plan is applied.
	Owns []Claim `json:"owns"`
}

// Checked is what validation against people and shifts found when the plan was
// made.
type Checked struct {
	At       time.Time         `json:"at"`
	Findings []routing.Finding `json:"findings"`
}

// Blocking lists the findings that keep the plan from being applied at a time.
func (p Plan) Blocking(now time.Time) []routing.Finding {
	var out []routing.Finding
	if p.Checked != nil {
		for _, f := range p.Checked.Findings {
			if f.Blocks(now) {
				out = append(out, f)
			}
		}
	}
	return out
}

// Held is the owned fields of one object that were as the strategy asks when
// the plan was made. Once one of them has moved the plan is out of date.
type Held struct {
	Kind   Kind                   `json:"kind"`
	Object routing.Ref            `json:"object"`
	Fields []routing.Field        `json:"fields"`
	Queue  *routing.QueueSettings `json:"queue,omitempty"` // as they were; one of the two is set
	Route  *routing.RouteSettings `json:"route,omitempty"`
}

// Counts says how many changes create, change and delete an object; agents who
// join, leave or move change their queue.
func (p Plan) Counts() (create, update, remove int) {
	for _, c := range p.Changes {
		switch c.Verb {
		case Create:
			create++
		case Delete:
			remove++
		case Update, Join, Leave, Move:
			update++
		}
	}
	return create, update, remove
}

// NoteKind sorts the notes of a plan.
type NoteKind string

// The kinds of note.
const (
	NoteHome     NoteKind = "home"     // where a rule lives on the platform
	NoteDrift    NoteKind = "drift"    // changed behind Foresort's back
	NoteReleased NoteKind = "released" // left the file and is left as it is
	NoteStatus   NoteKind = "status"   // a route that takes no mail just now
	NoteTakeOver NoteKind = "takeover" // taken from another strategy
	NoteMembers  NoteKind = "members"  // what the plan leaves alone, and why
	NoteLost     NoteKind = "lost"     // what cannot be put back
	NoteOverride NoteKind = "override" // what an override holds for a time, and puts back
)

// Note is something that the reader of a plan should know and that changes nothing.
type Note struct {
	Kind NoteKind      `json:"kind"`
	Text string        `json:"text"`
	At   routing.Place `json:"at,omitzero"`
}

// Claim is one owned field of one object, and what the strategy asks for it in
// words.
type Claim struct {
	Kind   Kind          `json:"kind"`
	Object routing.Ref   `json:"object"`
	Field  routing.Field `json:"field"`
	Value  string        `json:"value,omitempty"`
}

// membersField is the name of the one thing that is owned of a queue's members:
// who they are.
const membersField routing.Field = "members"

// queueField is the name of the queue that an email waits in.
const queueField routing.Field = "queue"

// homes says where each field lives on the platform (docs/platform-notes.md).
var homes = map[Kind]map[routing.Field]string{
	Queue: {
		"serviceLevel": "queue, mediaSettings.email.serviceLevel",
		"alert":        "queue, mediaSettings.email.alertingTimeoutSeconds",
		"wrapUp":       "queue, acwSettings",
		"agents":       "queue, skillEvaluationMethod",
		"order":        "queue, scoringMethod",
		"lastAgent":    "queue, lastAgentRoutingMode",
		"rings":        "queue, bullseye.rings",
		"memberGroups": "queue, memberGroups",
	},
	Route: {
		"queue":    "email route, queue",
		"from":     "email route, fromName",
		"priority": "email route, priority",
		"skills":   "email route, skills",
		"language": "email route, language",
	},
	Member:      {membersField: "queue members"},
	Utilization: {"email": "agent utilization, email.maximumCapacity"},
	Email:       {"priority": "waiting email, priority", "skills": "waiting email, skills", "language": "waiting email, language", queueField: "waiting email, queue"},
}
