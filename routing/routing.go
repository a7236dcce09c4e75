// Package routing holds the nouns of email routing on Genesys Cloud (queue,
// ring, route, member, group, skill, agent, utilization, service level): values
// in, values out, no I/O. Strategy, client, plan and simulation all speak it.
package routing

import (
	"fmt"
	"strings"
	"time"
)

// Ref names an object of the platform: the id that the platform gave it and
// the name people know it by. ID is empty while the object is only wanted.
type Ref struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// String is the name, or the id where no name is known.
func (r Ref) String() string {
	if r.Name != "" {
		return r.Name
	}
	return r.ID
}

// GroupKind says what sort of group a queue or ring takes its members from.
type GroupKind string

// The kinds of group, as the platform spells them (MemberGroup.type).
const (
	PlainGroup GroupKind = "GROUP"
	SkillGroup GroupKind = "SKILLGROUP"
	Team       GroupKind = "TEAM"
)

// Group is a group of agents that can be a member of a queue or of a ring.
type Group struct {
	Ref
	Kind GroupKind `json:"type,omitempty"`
}

// Address is an email address that an organisation receives mail at.
type Address struct{ Local, Domain string }

// ParseAddress splits an address at its last @. Both parts are lower-cased:
// the platform's domains and patterns do not tell case apart.
func ParseAddress(s string) (Address, error) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || strings.ContainsAny(s, " \t\r\n<>,;/") {
		return Address{}, fmt.Errorf("%q is not an email address", s)
	}
	return Address{Local: strings.ToLower(s[:at]), Domain: strings.ToLower(s[at+1:])}, nil
}

// String is local@domain.
func (a Address) String() string { return a.Local + "@" + a.Domain }

// MarshalText writes local@domain.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads local@domain.
func (a *Address) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAddress(string(text))
	return err
}

// Duration is a span of time that people write and read as "4h", "1h30m" or
// "5m". Its JSON and YAML form is that text.
type Duration time.Duration

// String is the shortest text: 4h rather than 4h0m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes the shortest text.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// ServiceLevel is the target of a queue: Percent of its email, 0 to 100,
// answered within Within. On the wire the percentage is a fraction.
type ServiceLevel struct {
	Percent float64  `json:"percent"`
	Within  Duration `json:"within"`
}

// String reads as a sentence part: 90% within 4h.
func (s ServiceLevel) String() string { return fmt.Sprintf("%g%% within %s", s.Percent, s.Within) }

// WrapUpMode says whether and how an agent wraps up after an email.
type WrapUpMode string

// The wrap-up modes (acwSettings.wrapupPrompt).
const (
	WrapUpOptional               WrapUpMode = "optional"
	WrapUpMandatory              WrapUpMode = "mandatory"
	WrapUpMandatoryTimeout       WrapUpMode = "mandatory-timeout"
	WrapUpMandatoryForcedTimeout WrapUpMode = "mandatory-forced-timeout"
	WrapUpAgentRequested         WrapUpMode = "agent-requested"
)

// HasTimeout says whether the platform takes a timeout with the mode.
func (m WrapUpMode) HasTimeout() bool {
	return m == WrapUpMandatoryTimeout || m == WrapUpMandatoryForcedTimeout || m == WrapUpAgentRequested
}

// WrapUp is the after-call work of a queue. Timeout is nil where the platform
// holds none, and always for the modes without one.
type WrapUp struct {
	Mode    WrapUpMode `json:"mode"`
	Timeout *Duration  `json:"timeout,omitempty"`
}

// String is the mode, with its timeout.
func (w WrapUp) String() string {
	if w.Timeout == nil {
		return string(w.Mode)
	}
	return fmt.Sprintf("%s after %s", w.Mode, w.Timeout)
}

// Bound holds after-call work to the mode: it is cut at the timeout, or lasts
// exactly as long where that is forced (docs/platform-notes.md#wrap-up).
func (w WrapUp) Bound(d time.Duration) time.Duration {
	switch {
	case w.Timeout == nil || !w.Mode.HasTimeout():
		return d
	case w.Mode == WrapUpMandatoryForcedTimeout:
		return time.Duration(*w.Timeout)
	}
	return min(d, time.Duration(*w.Timeout))
}

// Evaluation says which of several free agents gets an email.
type Evaluation string

// The evaluation methods (skillEvaluationMethod BEST, ALL, NONE).
const (
	BestSkill   Evaluation = "best-skill"   // has the skills, highest proficiency first
	AllSkills   Evaluation = "all-skills"   // has every skill, longest idle first
	LongestIdle Evaluation = "longest-idle" // skills are disregarded
)

// Order says which of several waiting emails goes first.
type Order string

// The scoring methods (scoringMethod TimestampAndPriority, PriorityOnly).
const (
	AgeAndPriority Order = "age-and-priority" // minutes waiting plus priority
	PriorityOnly   Order = "priority-only"
)

// LastAgent says whether a reply goes back to the agent who wrote last.
type LastAgent string

// The last-agent modes (lastAgentRoutingMode AnyAgent, QueueMembersOnly, Disabled).
const (
	LastAgentAny          LastAgent = "any"
	LastAgentQueueMembers LastAgent = "queue-members"
	LastAgentOff          LastAgent = "off"
)

// Ring is one bullseye ring, innermost first. Rings accumulate: an email sees
// the members of every ring that it has entered.
type Ring struct {
	// Wait is the time that an email spends in this ring before it enters the
	// next (expansionCriteria TIMEOUT_SECONDS); nil in a ring without a
	// criterion, such as the last.
	Wait *Duration `json:"wait,omitempty"`
	// Drop lists the skills that the email stops asking for when it leaves.
	Drop []Ref `json:"drop,omitempty"`
	// Groups lists the groups whose agents are members of this ring.
	Groups []Group `json:"groups,omitempty"`
}

// MaxRings is the platform's limit of bullseye rings on one queue.
const MaxRings = 6

// Rings are the bullseye rings of a queue; none means that bullseye is off.
type Rings []Ring

// String tells what happens when, counted from entering the queue: after 2h
// drop Billing; after 8h add Back Office.
func (rings Rings) String() string {
	var steps []string
	var after Duration
	for i, r := range rings {
		var does []string
		if i > 0 && len(rings[i-1].Drop) > 0 {
			does = append(does, "drop "+list(rings[i-1].Drop, Ref.String))
		}
		if len(r.Groups) > 0 {
			does = append(does, "add "+list(r.Groups, Group.String))
		}
		if len(does) > 0 {
			steps = append(steps, fmt.Sprintf("after %s %s", after, strings.Join(does, ", ")))
		}
		if r.Wait == nil {
			break
		}
		after += *r.Wait
	}
	if len(steps) == 0 {
		return "none"
	}
	return strings.Join(steps, "; ")
}

// Queue is a queue as the platform shows it.
type Queue struct {
	Ref
	Division    Ref           `json:"division,omitzero"`
	Settings    QueueSettings `json:"settings"`
	MemberCount int           `json:"memberCount"`
	// Members is nil when the members were not read, which says nothing about
	// who they are; a queue without members has an empty, non-nil list.
	Members []Member   `json:"members,omitempty"`
	Other   QueueOther `json:"other,omitzero"`
}

// Member is an agent's membership in one queue.
type Member struct {
	Ref            // of the user
	Ring    int    `json:"ring"`              // 1 to 6
	Joined  bool   `json:"joined"`            // active in the queue just now
	ByGroup bool   `json:"byGroup,omitempty"` // member through a group, not directly
	Email   string `json:"email,omitempty"`
}

// RouteStatus is the platform's word on an email route; empty where it gives none.
type RouteStatus string

// The states of a route. Only Active takes mail.
const (
	RoutePending  RouteStatus = "Pending"
	RouteActive   RouteStatus = "Active"
	RouteRemoving RouteStatus = "Removing"
	RouteError    RouteStatus = "Error"
)

// EmailRoute sends the mail of one address to a queue, or to a flow.
type EmailRoute struct {
	ID       string        `json:"id,omitempty"`
	Address  Address       `json:"address"`
	Flow     *Ref          `json:"flow,omitempty"` // set when an Architect flow takes the mail; then Settings.Queue is nil
	Status   RouteStatus   `json:"status,omitempty"`
	Settings RouteSettings `json:"settings"`
}

// EmailDomain receives mail. Its id is the domain name itself.
type EmailDomain struct {
	Name      string `json:"name"`
	MXStatus  string `json:"mxRecordStatus,omitempty"` // VALID, INVALID or NOT_AVAILABLE
	SubDomain bool   `json:"subDomain,omitempty"`      // hosted by Genesys
	// By is IMAP, Graph or SMTP where mail comes and goes by a mail server of the
	// organisation's own: then the MX record may lead there.
	By string `json:"by,omitempty"`
	// Fetching is how the platform stands with the mailbox that it fetches mail from,
	// by IMAP or Graph, such as Active or Error, and Trouble what it says about that.
	Fetching string `json:"fetching,omitempty"`
	Trouble  string `json:"trouble,omitempty"`
}

// Agent is a user of the platform who can be a member of a queue.
type Agent struct {
	Ref
	Email string `json:"email,omitempty"`
}

// Named says whether a user name or an email address is the agent's.
func (a Agent) Named(name string) bool { return a.Name == name || strings.EqualFold(a.Email, name) }

// Utilization is how many emails an agent may hold at once, and from where
// that number comes.
type Utilization struct {
	Settings UtilizationSettings `json:"settings"`
	// Own is true where the agent has an override of their own, false where
	// the number is the organisation's.
	Own bool `json:"own"`
	// Interrupts are the media types that interrupt an email.
	Interrupts []string `json:"interrupts,omitempty"`
}

// Org is what was read of an organisation: only what was asked for, and that
// completely. What was not read is nil.
type Org struct {
	Ref
	Queues      []Queue                `json:"queues,omitempty"`
	Domains     []EmailDomain          `json:"domains,omitempty"`
	Routes      []EmailRoute           `json:"routes,omitempty"`
	Skills      []Ref                  `json:"skills,omitempty"`
	Languages   []Ref                  `json:"languages,omitempty"`
	SkillGroups []Ref                  `json:"skillGroups,omitempty"`
	Agents      []Agent                `json:"agents,omitempty"`
	Utilization map[string]Utilization `json:"utilization,omitempty"` // by user id
	// OrgUtilization is what agents without a utilization of their own have.
	OrgUtilization *Utilization       `json:"orgUtilization,omitempty"`
	Ratings        map[string]Ratings `json:"ratings,omitempty"` // by user id
	// ActiveQueues is in how many queues an agent is active, by user id; where it
	// could not be read, ActiveUnknown says why.
	ActiveQueues  map[string]int `json:"activeQueues,omitempty"`
	ActiveUnknown string         `json:"activeUnknown,omitempty"`
	Roster        *Roster        `json:"roster,omitempty"`
	// GroupMembers are the agents of those groups for which they were asked, by
	// group id.
	GroupMembers map[string][]Ref `json:"groupMembers,omitempty"`
}
