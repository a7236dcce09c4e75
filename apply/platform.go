package apply

import (
	"context"
	"encoding/json"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Object is the address of one object of the platform.
type Object struct {
	Kind   plan.Kind `json:"kind"`             // Queue, Route, Utilization or Email
	ID     string    `json:"id,omitempty"`     // of the agent, for a utilization; of the conversation, for an email
	Domain string    `json:"domain,omitempty"` // of a route
	Queue  string    `json:"queue,omitempty"`  // that an email waits in, by id
	// Fields are those of an email that a write changes.
	Fields []routing.Field `json:"fields,omitempty"`
}

// Platform is what apply needs of Genesys Cloud. An object that is not there, or an
// email that does not wait in its queue, is an error for which errors.Is(err, genesys.ErrNotFound) holds; a write that
// may or may not have happened is a *genesys.UncertainError.
type Platform interface {
	// Read is the object as the platform shows it.
	Read(ctx context.Context, o Object) (json.RawMessage, error)
	// Create makes the object and returns it with its id.
	Create(ctx context.Context, o Object, body json.RawMessage) (json.RawMessage, error)
	// Write replaces the whole object; of an email it changes Object.Fields.
	Write(ctx context.Context, o Object, body json.RawMessage) error
	// Delete removes it; a utilization goes back to the organisation's.
	Delete(ctx context.Context, o Object) error
	// Email tells where an email is.
	Email(ctx context.Context, id string) (genesys.Email, error)
	// MoveEmail passes an email that waits in one queue on to another; where it does
	// not wait there any more it is genesys.ErrNotWaiting.
	MoveEmail(ctx context.Context, id, from, to string) error
	// Find looks a queue up by its name, or a route by its address; the ID is
	// empty where there is none.
	Find(ctx context.Context, kind plan.Kind, name string) (Object, error)
	// Routes lists the email routes of all domains.
	Routes(ctx context.Context) ([]routing.EmailRoute, error)
	// Members lists all members of a queue.
	Members(ctx context.Context, queueID string) ([]routing.Member, error)
	// SetMembers lets up to 100 agents join, leave or move to a ring.
	SetMembers(ctx context.Context, queueID string, verb plan.Verb, agents []string, ring int) error
	// Deactivate sets joined to false for members of a queue.
	Deactivate(ctx context.Context, queueID string, agents []string) error
}
