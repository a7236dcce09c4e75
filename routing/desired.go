package routing

import (
	"slices"
	"strings"
)

// Place is where in a strategy file something was asked for. Line and Column
// count from 1.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Desired is a strategy in platform terms. It names everything; ids are looked
// up when it is compared with an Org. What is nil in it is not owned.
type Desired struct {
	Strategy string         `json:"strategy"` // the strategy's own name
	Queue    DesiredQueue   `json:"queue"`
	Routes   []DesiredRoute `json:"routes,omitempty"`
	// Members are the agents who are members directly; nil: not owned. A
	// member is named by user name or email address.
	Members *[]string `json:"members,omitempty"`
	// Capacity is the utilization of every member of the queue; nil: not owned.
	Capacity *UtilizationSettings `json:"capacity,omitempty"`
	// Rules are the rules in the order in which they are tried.
	Rules []Rule `json:"rules,omitempty"`
	// Staffing is what the strategy says about the people who serve it.
	Staffing Staffing `json:"-"`
	// Adjust is how it adjusts to the day; nil: not at all.
	Adjust *Adjust `json:"-"`
	// Sync are the other systems that are told of changes.
	Sync []SyncTarget `json:"-"`
	// Report is the report that is made by the calendar; nil: none.
	Report *ReportSchedule `json:"-"`
	// Calendar is the clock of deadlines and reports; nil: every hour counts.
	Calendar *Calendar `json:"-"`
	// Places tells for the path of each owned key, such as "serviceLevel",
	// "rings", "members", "capacity.email" or "routes[vip@example.com].priority",
	// the place that asked for it.
	Places map[string]Place `json:"-"`
}

// DesiredQueue is the queue of a strategy.
type DesiredQueue struct {
	Name     string        `json:"name"`
	Create   bool          `json:"create,omitempty"` // make it where it is missing
	Settings QueueSettings `json:"settings"`
}

// DesiredRoute is one address of a strategy.
type DesiredRoute struct {
	Address  Address       `json:"address"`
	Rule     string        `json:"rule"`
	Settings RouteSettings `json:"settings"`
}

// Rule is one class of email and what it asks for.
type Rule struct {
	Name     string    `json:"name"`
	When     string    `json:"when,omitempty"` // CEL; empty where the address alone decides
	Priority *int      `json:"priority,omitempty"`
	Skills   *[]Ref    `json:"skills,omitempty"`
	Language *Ref      `json:"language,omitempty"`
	Deadline *Duration `json:"deadline,omitempty"` // a service level of its own; the platform has none, reports measure it
	Place    Place     `json:"-"`
}

// Live says that a rule has a condition, which only a program that runs can apply.
func (d Desired) Live() bool {
	return slices.ContainsFunc(d.Rules, func(r Rule) bool { return r.When != "" })
}

// Overflows are the names of the queues that the strategy may move email to.
func (d Desired) Overflows() (names []string) {
	if d.Adjust == nil {
		return nil
	}
	for _, r := range d.Adjust.Rules {
		for _, a := range r.Do {
			if a.Lever == LeverOverflow {
				names = append(names, a.To)
			}
		}
	}
	return names
}

// SyncTarget is another system that is told of changes. Of its secrets it knows
// the names of the environment variables that hold them.
type SyncTarget struct {
	Name           string
	URL            string
	Secret         string
	PreviousSecret string // empty: none
	Events         []string
	Headers        map[string]string
	At             Place
}

// What a SyncTarget can ask for.
var (
	// EventTypes are the types of event. A pattern may also be * or a kind, such
	// as queue.*.
	EventTypes = []string{
		"queue.created", "queue.updated", "queue.deleted", "route.created", "route.updated", "route.deleted",
		"member.joined", "member.left", "member.moved", "utilization.updated",
	}
	// EventAliases are other names of types.
	EventAliases = map[string]string{"routingQueueUpdated": "queue.updated"}
	// OwnHeaders are written by Foresort or by the connection, and so are all that
	// begin with one of OwnHeaderPrefixes.
	OwnHeaders = []string{
		"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Idempotency-Key",
		"Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "X-Idempotency-Key",
	}
	OwnHeaderPrefixes = []string{"Webhook-", "Proxy-"}
)

// OwnHeader says whether a header, in its canonical form, cannot be asked for.
func OwnHeader(canonical string) bool {
	return slices.Contains(OwnHeaders, canonical) ||
		slices.ContainsFunc(OwnHeaderPrefixes, func(p string) bool { return strings.HasPrefix(canonical, p) })
}

// PlacePath is the key of Desired.Places for one field of one route.
func (r DesiredRoute) PlacePath(field Field) string {
	return "routes[" + r.Address.String() + "]." + string(field)
}
