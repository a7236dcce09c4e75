// Package plan compares what a strategy wants with an org as it is and lists
// the changes that would make them agree. It is pure: same input, same plan.
package plan

import (
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
	Utilization Kind = "utilization" // one agent
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
	Move   Verb = "move" // to another ring
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

	// Exactly one of these is set, the one of the kind.
	Queue       *Pair[routing.QueueSettings]       `json:"queue,omitempty"`
	Route       *Pair[routing.RouteSettings]       `json:"route,omitempty"`
	Utilization *Pair[routing.UtilizationSettings] `json:"utilization,omitempty"`
	Members     *MemberChange                      `json:"members,omitempty"`
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
	From   []int         `json:"from,omitempty"` // move: the ring of each before, in the order of Agents
}

// FieldChange is one owned field, in words.
type FieldChange struct {
	Field  routing.Field `json:"field"`
	Before string        `json:"before"`
	After  string        `json:"after"`
	At     routing.Place `json:"at,omitzero"` // the line that asked for it
	Home   string        `json:"home"`        // where it lives on the platform, such as email route, priority
}

// Plan is an ordered list of changes. An empty plan means nothing to do.
type Plan struct {
	Version  int         `json:"version"` // of this format: 1
	Strategy string      `json:"strategy"`
	Org      routing.Ref `json:"org"`
	Made     time.Time   `json:"made"` // stamped by the caller
	// Fingerprint is a SHA-256 of the owned fields that the plan was made on
	// and of its changes; a plan that was edited no longer carries its own.
	Fingerprint string   `json:"fingerprint"`
	Changes     []Change `json:"changes"`
	Notes       []Note   `json:"notes,omitempty"`
	// Owns lists everything that the strategy owns once the plan is applied.
	Owns []Claim `json:"owns"`
}

// Note is something that the reader of a plan should know and that changes nothing.
type Note struct {
	Kind string        `json:"kind"` // released, drift, override, home, unreadable
	Text string        `json:"text"`
	At   routing.Place `json:"at,omitzero"`
}

// Claim is one owned field of one object.
type Claim struct {
	Kind   Kind          `json:"kind"`
	Object routing.Ref   `json:"object"`
	Field  routing.Field `json:"field"`
}
