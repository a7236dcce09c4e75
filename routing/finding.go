package routing

import "time"

// FindingType names one kind of finding. Scripts and waivers depend on the names.
type FindingType string

// The findings; FindingTypes says what each means.
const (
	NoMembers         FindingType = "no_members"
	Unservable        FindingType = "unservable"
	MissingPermission FindingType = "missing_permission"
	SkillMismatch     FindingType = "skill_mismatch"
	NoActiveShift     FindingType = "no_active_shift"
	ZeroCapacity      FindingType = "zero_capacity"
	Hole              FindingType = "hole"
	BacklogGrows      FindingType = "backlog_grows"
	LastAgentInert    FindingType = "last_agent_inert"
	GroupRuleInert    FindingType = "group_rule_inert"
	MembersByGroup    FindingType = "members_by_group"
	EmptyRing         FindingType = "empty_ring"
	DefaultCapacity   FindingType = "default_capacity"
	FlowLimit         FindingType = "flow_limit"
	SharedAgents      FindingType = "shared_agents"
	RouteNotActive    FindingType = "route_not_active"
	DomainNotValid    FindingType = "domain_not_valid"
	MemberCount       FindingType = "member_count"
	ScheduleUnknown   FindingType = "schedule_unknown"
	SkillsUnknown     FindingType = "skills_unknown"
	DemandUnknown     FindingType = "demand_unknown"
	CapacityAssumed   FindingType = "capacity_assumed"
)

// FindingTypes says of each type how grave it is and what it means; the
// documentation is made of it.
var FindingTypes = []struct {
	Type     FindingType
	Severity Severity
	Means    string
}{
	{NoMembers, SeverityError, "the queue has no members, or has no rules in the file and none of them is active in it"},
	{Unservable, SeverityError, "a rule that nobody can ever serve: no active member has its skills and its language in any ring, or none of those who have takes email"},
	{MissingPermission, SeverityError, "the client lacks a permission; a warning where only a rollback, the autopilot or a report needs it, and in a plan where only the check does"},
	{SkillMismatch, SeverityWarning, "an agent lacks skills or the language of a rule, or has them at a lower proficiency than the file counts"},
	{NoActiveShift, SeverityWarning, "an agent has no work on queue in the next 7 days"},
	{ZeroCapacity, SeverityWarning, "an agent takes no email: the utilization is 0"},
	{Hole, SeverityWarning, "hours of the next 7 days in which nobody can serve a rule"},
	{BacklogGrows, SeverityWarning, "hours in which more email comes in than those on queue can handle"},
	{LastAgentInert, SeverityWarning, "last-agent routing is on and has no effect"},
	{GroupRuleInert, SeverityWarning, "a rule of conditional groups goes by a service level that mostly does not exist"},
	{MembersByGroup, SeverityWarning, "all members are members through a group"},
	{EmptyRing, SeverityWarning, "a ring that nobody is in"},
	{DefaultCapacity, SeverityWarning, "the platform's default: one email at once, which other media interrupt"},
	{FlowLimit, SeverityWarning, "a flow ends email after 72 hours, and a closed time is longer; a note where it may be beyond the 7 days"},
	{SharedAgents, SeverityWarning, "the agents are active in so many queues that this one may starve; a note where it is not known"},
	{RouteNotActive, SeverityWarning, "an address that takes no mail just now"},
	{DomainNotValid, SeverityWarning, "a domain whose MX record is not valid, or whose mail cannot be fetched by IMAP or Graph; a note where that is not known"},
	{MemberCount, SeverityWarning, "the platform counts other members than it lists"},
	{ScheduleUnknown, SeverityNote, "schedules that are not known: neither nobody nor everybody"},
	{SkillsUnknown, SeverityNote, "members whose skills could not be read: neither able nor unable"},
	{DemandUnknown, SeverityNote, "how much email comes in is not known, or no email came to an address yet"},
	{CapacityAssumed, SeverityNote, "agents are taken to have the organisation's utilization"},
}

// Severity says how grave a finding is.
type Severity string

// The severities. Only an error keeps a plan from being applied.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

// Finding is something that the people, shifts and settings of an organisation
// mean for a strategy.
type Finding struct {
	Type     FindingType `json:"type"`
	Severity Severity    `json:"severity"`
	Object   string      `json:"object"` // what it is about, such as queue Support Email
	Rule     string      `json:"rule,omitempty"`
	AgentID  string      `json:"agentId,omitempty"`
	Agent    string      `json:"agent,omitempty"`
	// MissingSkills and MissingLanguage are what the agent does not have,
	// TooLow what the agent has at a lower proficiency than the file counts.
	MissingSkills   []string    `json:"missingSkills,omitempty"`
	MissingLanguage string      `json:"missingLanguage,omitempty"`
	TooLow          []Shortfall `json:"tooLow,omitempty"`
	Capacity        *int        `json:"capacity,omitempty"` // emails at once
	// CapacityAssumed says that it is the organisation's, and that the agent's own
	// was not read.
	CapacityAssumed bool     `json:"capacityAssumed,omitempty"`
	Permission      string   `json:"permission,omitempty"`
	Spans           []Span   `json:"spans,omitempty"`
	Numbers         []Number `json:"numbers,omitempty"`
	Message         string   `json:"message"`
	Do              string   `json:"do,omitempty"`
	At              Place    `json:"at,omitzero"`
	Waived          *Waiver  `json:"waived,omitempty"`
}

// Shortfall is a proficiency that is too low.
type Shortfall struct {
	Name        string  `json:"name"`
	Proficiency float64 `json:"proficiency"`
	Least       float64 `json:"least"`
}

// Number is one figure of a finding, with its name in camel case.
type Number struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Waiver lets a finding stand, to the end of a day.
type Waiver struct {
	Finding FindingType `json:"finding"`
	Rule    string      `json:"rule,omitempty"`  // only of this rule; empty: of any
	Agent   string      `json:"agent,omitempty"` // only of this agent; empty: of any
	// Permission is as the finding names it; empty: any.
	Permission string    `json:"permission,omitempty"`
	Until      time.Time `json:"until"` // the moment at which it ends
	Reason     string    `json:"reason"`
	At         Place     `json:"at,omitzero"`
}

// Waives says whether a waiver is about a finding, whenever that is.
func (w Waiver) Waives(f Finding) bool {
	return w.Finding == f.Type && (w.Rule == "" || w.Rule == f.Rule) && (w.Agent == "" || w.Agent == f.Agent || w.Agent == f.AgentID) &&
		(w.Permission == "" || w.Permission == f.Permission)
}

// LastDay is the last day on which a waiver counts, such as 2026-12-31. Until is
// the midnight after it; noon before is on it even where the clock is changed at
// midnight, and the offset is all that is left of the zone.
func (w Waiver) LastDay() string { return w.Until.Add(-12 * time.Hour).Format(time.DateOnly) }

// Blocks says whether a finding keeps a plan from being applied at a time.
func (f Finding) Blocks(now time.Time) bool {
	return f.Severity == SeverityError && (f.Waived == nil || !now.Before(f.Waived.Until))
}

// Staffing is what a strategy says about the people who serve it.
type Staffing struct {
	// Proficiency is the least that counts as being able to, 0 to 5. The platform
	// itself hands email to agents with any.
	Proficiency float64 `json:"proficiency,omitempty"`
	Waivers     []Waiver
}

// SeverityOf is how grave a type of finding is.
func SeverityOf(t FindingType) Severity {
	for _, f := range FindingTypes {
		if f.Type == t {
			return f.Severity
		}
	}
	return ""
}
