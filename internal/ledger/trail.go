package ledger

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// This file joins what the platform recorded with what Foresort did: who changed
// a managed object, and whether it was ours.

// Trace is one change of an object, as the platform's audit trail has it, with
// what Foresort knows of it.
type Trace struct {
	At      time.Time             `json:"at"`
	Object  routing.Ref           `json:"object"`
	Type    string                `json:"type"`   // the platform's: Queue, InboundRoute
	Action  string                `json:"action"` // the platform's: Update, MemberAdd
	By      relay.Actor           `json:"by"`
	Changes []genesys.AuditChange `json:"changes"`
	// Strategy, Run and Plan (its fingerprint) are those of the run that made the
	// change, where it was ours; else Strategy, where it is set, is that of the owner.
	Strategy string `json:"strategy,omitempty"`
	Run      string `json:"run,omitempty"`
	Plan     string `json:"plan,omitempty"`
	// OutOfBand says that a managed object was changed, and not by a run that the
	// ledger knows.
	OutOfBand bool `json:"outOfBand"`
	// Untold says that a run made the change and the platform's trail has no record
	// of it (yet): the changes are those of the plan.
	Untold bool   `json:"untold,omitempty"`
	ID     string `json:"id,omitempty"` // of the platform's record
	Status string `json:"status,omitempty"`
}

// Slack is how far the platform's clock and its recording may be from the run
// that made a change.
const Slack = 2 * time.Minute

// Join tells for the platform's records, oldest first, which were ours. clientID
// is the OAuth client that Foresort signs in as: another program that uses it is
// told from a run by time, object and values.
func Join(records []genesys.AuditRecord, runs []apply.Record, clientID string) []Trace {
	traces := make([]Trace, 0, len(records))
	seen := map[string]bool{}
	for _, r := range records {
		if r.ID != "" && seen[r.ID] {
			continue
		}
		seen[r.ID] = true
		t := Trace{At: r.Time, Object: r.Entity, Type: r.EntityType, Action: r.Action, By: actor(r, clientID), Changes: r.Changes, ID: r.ID, Status: r.Status}
		if t.Changes == nil {
			t.Changes = []genesys.AuditChange{}
		}
		if run, ok := runOf(r, runs); ok && t.By.Kind == relay.Foresort {
			p := run.Plan()
			t.Strategy, t.Run, t.Plan = p.Strategy, run.ID, p.Fingerprint
		}
		t.OutOfBand = t.Run == ""
		traces = append(traces, t)
	}
	slices.SortStableFunc(traces, func(a, b Trace) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return traces
}

// actor is who a record names: a person before the program that they used.
func actor(r genesys.AuditRecord, clientID string) relay.Actor {
	switch {
	case r.User.ID != "":
		return relay.Actor{Kind: relay.Person, Ref: r.User}
	case r.Client.ID != "" && r.Client.ID == clientID:
		return relay.Actor{Kind: relay.Foresort, Ref: r.Client}
	case r.Client.ID != "":
		return relay.Actor{Kind: relay.Client, Ref: r.Client}
	}
	return relay.Actor{Kind: relay.Unknown}
}

// runOf is the run that wrote what a record tells at about its time, the one that is
// nearest.
func runOf(r genesys.AuditRecord, runs []apply.Record) (best apply.Record, ok bool) {
	var nearest time.Duration
	for _, run := range runs {
		if r.Time.Before(run.Started.Add(-Slack)) || r.Time.After(run.Last.Add(Slack)) || !wrote(run, r) {
			continue
		}
		away := max(run.Started.Sub(r.Time), r.Time.Sub(run.Last), 0)
		if !ok || away < nearest {
			best, nearest, ok = run, away, true
		}
	}
	return best, ok
}

// OrgCapacity is the platform's type of the capacity of agents who have none of
// their own; it is in the area of plan.Utilization.
const OrgCapacity = "MaxOrgRoutingUtilizationCapacity"

// Area is where the platform's trail keeps the changes of a kind of object
// (docs/platform-notes.md#audits).
func Area(k plan.Kind) (service, entityType string) {
	switch k {
	case plan.Route:
		return "Emails", "InboundRoute"
	case plan.Utilization:
		return "ContactCenter", "AgentRoutingInfo"
	case plan.Email:
		return "", "" // none is kept
	case plan.Queue, plan.Member:
	}
	return "ContactCenter", "Queue"
}

// action is what the platform's trail calls what a change does.
func action(v plan.Verb) string {
	switch v {
	case plan.Create:
		return "Create"
	case plan.Delete:
		return "Delete"
	case plan.Join:
		return "MemberAdd"
	case plan.Leave:
		return "MemberRemove"
	case plan.Move:
		return "MemberUpdate"
	case plan.Update:
	}
	return "Update"
}

// Untold lists what runs did of which the traces have nothing: the trail lags.
// It tells of runs that began within a span.
func Untold(traces []Trace, runs []apply.Record, from, to time.Time) []Trace {
	type deed struct{ run, object, action string }
	told := map[deed]int{}
	for _, t := range traces {
		told[deed{t.Run, t.Object.ID, t.Action}]++
	}
	out := []Trace{}
	for _, run := range runs {
		if run.Started.Before(from) || !run.Started.Before(to) {
			continue
		}
		for _, phase := range run.Phases {
			for _, c := range phase.Plan.Changes {
				result := phase.Results[c.ID]
				if result.Outcome != apply.Done || c.Kind == plan.Email {
					continue
				}
				d := deed{run.ID, result.Object.ID, action(c.Verb)}
				if told[d] > 0 {
					if c.Members == nil { // of members there is a record for each
						told[d]--
					}
					continue
				}
				if in := phase.Intents[c.ID]; in.Members != nil {
					c.Members = in.Members
				}
				_, entityType := Area(c.Kind)
				out = append(out, Trace{
					At: run.Started, Object: result.Object, Type: entityType, Action: d.action, By: relay.Actor{Kind: relay.Foresort}, Changes: planned(c),
					Strategy: run.Plan().Strategy, Run: run.ID, Plan: run.Plan().Fingerprint, Untold: true,
				})
			}
		}
	}
	return out
}

// planned are the changes of a plan as the trail writes them.
func planned(c plan.Change) []genesys.AuditChange {
	value := func(text string) []string {
		if text == "" {
			return []string{}
		}
		return []string{text}
	}
	out := []genesys.AuditChange{}
	if c.Members == nil {
		for _, f := range c.Fields {
			out = append(out, genesys.AuditChange{Property: string(f.Field), OldValues: value(f.Before), NewValues: value(f.After)})
		}
		return out
	}
	names := []string{}
	for i, a := range c.Members.Agents {
		names = append(names, a.String())
		if c.Verb == plan.Move && i < len(c.Members.From) {
			out = append(out, genesys.AuditChange{
				Property: "member " + a.String() + " ringNumber", OldValues: value(strconv.Itoa(c.Members.From[i])), NewValues: value(strconv.Itoa(c.Members.Ring)),
			})
		}
	}
	switch c.Verb {
	case plan.Join:
		out = append(out, genesys.AuditChange{Property: membersProperty, OldValues: []string{}, NewValues: names})
	case plan.Leave:
		out = append(out, genesys.AuditChange{Property: membersProperty, OldValues: names, NewValues: []string{}})
	case plan.Create, plan.Update, plan.Delete, plan.Move:
	}
	return out
}

const membersProperty = "members"

// The two ways in which the platform writes members: queueId:QUEUE:members with
// values queueMember:AGENT, and QueueMember/QUEUE:AGENT, perhaps with :joined.
var (
	membersOf = regexp.MustCompile(`^queueId:[^:]+:members$`)
	memberOf  = regexp.MustCompile(`^(?:queueMember:|QueueMember/[^:]+:)([^:]+)(?::(.+))?$`)
)

// Named writes the changes of members in one way, with the names of the agents.
func Named(changes []genesys.AuditChange, name func(agentID string) string) []genesys.AuditChange {
	named := func(text string) (string, bool) {
		m := memberOf.FindStringSubmatch(text)
		if m == nil {
			return text, false
		}
		return strings.TrimSpace(name(m[1]) + " " + m[2]), true
	}
	all := func(values []string) []string {
		out := make([]string, len(values))
		for i, v := range values {
			out[i], _ = named(v)
		}
		return out
	}
	out := make([]genesys.AuditChange, len(changes))
	for i, c := range changes {
		if who, is := named(c.Property); is {
			c.Property = "member " + who
		} else if membersOf.MatchString(c.Property) {
			c.Property = membersProperty
		}
		out[i] = genesys.AuditChange{Property: c.Property, OldValues: all(c.OldValues), NewValues: all(c.NewValues)}
	}
	return out
}

// Object is something that strategies manage. Type is the platform's.
type Object struct {
	Service, Type string
	routing.Ref
	Strategy string
}

// Objects are objects, each once, that can be found by what a record names. Of
// two strategies the first that was added counts.
type Objects struct {
	List []Object
	keys map[[3]string]int
}

// Add adds an object unless it is there.
func (o *Objects) Add(k plan.Kind, ref routing.Ref, strategy string) {
	service, entityType := Area(k)
	if service == "" {
		return // the trail has none
	}
	o.add(Object{service, entityType, ref, strategy})
}

func (o *Objects) add(x Object) {
	key := [3]string{x.Type, x.ID}
	if x.ID == "" {
		key[2] = x.Name
	}
	if _, there := o.keys[key]; there {
		return
	}
	if o.keys == nil {
		o.keys = map[[3]string]int{}
	}
	o.keys[key] = len(o.List)
	o.List = append(o.List, x)
}

// Keep takes those out that are not wanted.
func (o *Objects) Keep(wanted func(Object) bool) {
	all := o.List
	o.List, o.keys = nil, nil
	for _, x := range all {
		if wanted(x) {
			o.add(x)
		}
	}
}

// Find finds what a record is about: by id, else by name where no id is known.
func (o *Objects) Find(entityType string, ref routing.Ref) (Object, bool) {
	for _, key := range [][3]string{{entityType, ref.ID}, {entityType, "", ref.Name}} {
		if i, there := o.keys[key]; there && key != ([3]string{entityType}) {
			return o.List[i], true
		}
	}
	return Object{}, false
}

// Managed are the objects that strategies own now, and those that runs within a
// span were about.
func Managed(runs []apply.Record, from, to time.Time) *Objects {
	var out Objects
	for _, o := range Memory(runs).Owned {
		out.Add(o.Kind, o.Object, o.Strategy)
	}
	for _, run := range runs {
		if run.Last.Before(from) || !run.Started.Before(to) {
			continue
		}
		for _, phase := range run.Phases {
			for _, c := range phase.Plan.Owns {
				out.Add(c.Kind, c.Object, run.Plan().Strategy)
			}
			for _, c := range phase.Plan.Changes {
				object := c.Object
				if made := phase.Results[c.ID].Object; made.ID != "" {
					object = made
				}
				out.Add(c.Kind, object, run.Plan().Strategy)
			}
		}
	}
	return &out
}
