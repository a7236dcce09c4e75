// Package relay turns a change event and an endpoint into a signed request, an
// answer into a verdict, and a verdict into the time of the next try; its
// Sender does that over HTTP. Requests follow the Standard Webhooks
// specification (https://www.standardwebhooks.com).
package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
)

// The types of event: those of routing.EventTypes.
const (
	QueueCreated       = "queue.created"
	QueueUpdated       = "queue.updated"
	QueueDeleted       = "queue.deleted"
	RouteCreated       = "route.created"
	RouteUpdated       = "route.updated"
	RouteDeleted       = "route.deleted"
	MemberJoined       = "member.joined"
	MemberLeft         = "member.left"
	MemberMoved        = "member.moved" // to another ring
	UtilizationUpdated = "utilization.updated"
)

// Event is one change of an object on the platform. Its JSON form is the body
// that is delivered.
type Event struct {
	ID    string    `json:"id"` // a repeat has the same; no full stop in it
	Type  string    `json:"type"`
	At    time.Time `json:"timestamp"` // of the change
	Facts `json:"data"`
}

// Facts are what an event tells: what changed, and nothing else of the object.
type Facts struct {
	Version   int64       `json:"version"` // counts the changes of the object
	Org       routing.Ref `json:"org"`
	Object    Object      `json:"object"`
	Strategy  string      `json:"strategy,omitempty"` // that owns the object
	Actor     Actor       `json:"actor"`
	Run       string      `json:"run,omitempty"` // of Foresort, where it made the change
	OutOfBand bool        `json:"outOfBand"`     // not made by Foresort
	Changes   []Change    `json:"changes"`       // may be empty: the platform does not always tell
	Members   []Member    `json:"members,omitempty"`
	// Records are the rows of the platform's audit trail about the object since the
	// event before, oldest first, as far as the trail has them yet. They are several
	// where it was changed several times between two looks: Changes hold the
	// difference of what was seen, and Actor is that of the newest change that was
	// not made by Foresort, else of the newest.
	Records []Record `json:"records,omitempty"`
	// Override is set where somebody has changed what an override of the strategy's
	// section adjust had set: it stays as they left it.
	Override *Override `json:"override,omitempty"`
	// Report is set in an event of the type ReportReady alone.
	Report *Report `json:"report,omitempty"`
}

// Override is one that holds and of which somebody has changed something.
type Override struct {
	Rule   string          `json:"rule"` // of the section adjust
	Run    string          `json:"run"`  // that began it
	Ends   time.Time       `json:"ends"`
	Fields []routing.Field `json:"fields"` // that they have changed of it
}

// ReportReady is the type of the event that brings a report.
const ReportReady = "report.ready"

// Report is a report on the queue, made by the calendar.
type Report struct {
	Every  string    `json:"every"` // day, week or month
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Format string    `json:"format"` // json, html or csv
	// Content is the report: the object itself with json, else its text as a string.
	Content json.RawMessage `json:"content"`
}

// Record is a row of the platform's audit trail.
type Record struct {
	ID        string    `json:"id"`
	At        time.Time `json:"timestamp"`
	Action    string    `json:"action"` // the platform's word, such as MemberAdd
	Actor     Actor     `json:"actor"`
	Run       string    `json:"run,omitempty"` // of Foresort, where it made the change
	OutOfBand bool      `json:"outOfBand"`
	Changes   []Change  `json:"changes"` // as the trail tells them, which may be not at all
}

// ObjectKind is the kind of object that an event is about.
type ObjectKind string

// The kinds of object. Events about members are about their queue.
const (
	Queue       ObjectKind = "queue"
	Route       ObjectKind = "route"
	Utilization ObjectKind = "utilization" // of one agent
)

// Object is what changed.
type Object struct {
	Kind ObjectKind `json:"kind"`
	routing.Ref
}

// Key is kind:id, the same for all events of the object.
func (o Object) Key() string { return string(o.Kind) + ":" + o.ID }

// ActorKind says what sort of actor made a change.
type ActorKind string

// The kinds of actor.
const (
	Person   ActorKind = "person"
	Client   ActorKind = "client"   // an OAuth client that is not ours
	Foresort ActorKind = "foresort" // our own
	Unknown  ActorKind = "unknown"
)

// Actor made a change.
type Actor struct {
	Kind ActorKind `json:"kind"`
	routing.Ref
}

// Change is one field in words and, where there is any, as JSON of the platform.
type Change struct {
	Field     string          `json:"field"`
	Before    string          `json:"before,omitempty"`
	After     string          `json:"after,omitempty"`
	RawBefore json.RawMessage `json:"rawBefore,omitempty"`
	RawAfter  json.RawMessage `json:"rawAfter,omitempty"`
}

// Member is an agent who joined, left or moved. Rings are 1 to 6; 0: not known.
type Member struct {
	routing.Ref
	Ring int `json:"ring,omitempty"` // after the change
	From int `json:"from,omitempty"` // before it
}

// Message is what an endpoint gets: the same bytes in every attempt.
type Message struct {
	ID   string
	Body []byte
}

// Message is the event as it is delivered. An error says that a raw value is
// not JSON.
func (e Event) Message() (Message, error) {
	e.At = e.At.UTC()
	if e.Changes == nil {
		e.Changes = []Change{}
	}
	body, err := json.Marshal(e)
	if err != nil {
		return Message{}, fmt.Errorf("write event %s: %w", e.ID, err)
	}
	return Message{ID: e.ID, Body: body}, nil
}

// Matches says whether one of the patterns names the type: *, queue.*,
// queue.updated, or the alias routingQueueUpdated. No patterns match nothing.
func Matches(patterns []string, eventType string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if alias, ok := routing.EventAliases[p]; ok {
			p = alias
		}
		kind, all := strings.CutSuffix(p, ".*")
		return p == "*" || p == eventType || all && strings.HasPrefix(eventType, kind+".")
	})
}

// CheckPatterns names every pattern that no type of event matches.
func CheckPatterns(patterns []string) error {
	var errs []error
	for _, p := range patterns {
		if !slices.ContainsFunc(routing.EventTypes, func(t string) bool { return Matches([]string{p}, t) }) {
			errs = append(errs, fmt.Errorf("no event matches %q (there are %s)", p, strings.Join(routing.EventTypes, ", ")))
		}
	}
	return errors.Join(errs...)
}
