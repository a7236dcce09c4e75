package strategy

import (
	"errors"
	"reflect"
	"strings"

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file is the format of the strategy file. The reader, the JSON Schema
// and the reference (docs/strategy-reference.md) all follow these types and
// their tags, which package internal/yamlfile explains. A key without a default
// leaves the platform's value alone.

// ServiceLevel is the target of the queue.
type ServiceLevel struct {
	Percent float64          `json:"percent" is:"required" min:"0" max:"100" doc:"How many of 100 emails shall be answered in time: 90, not 0.9." home:"queue, mediaSettings.email.serviceLevel.percentage"`
	Within  routing.Duration `json:"within" is:"required" doc:"What in time means, at least 1s." home:"queue, mediaSettings.email.serviceLevel.durationMs"`
}

// Address is one email address and the rule that its mail follows.
type Address struct {
	Address string `json:"address" is:"required" doc:"The whole address. Its domain must exist in the organisation." home:"email route, pattern"`
	Rule    string `json:"rule" is:"required" doc:"The rule that mail to this address follows." home:"email route, priority, skills and language"`
	From    string `json:"from" is:"required" doc:"The name that replies are sent from." home:"email route, fromName"`
}

// Rule is one class of email and what it asks for.
type Rule struct {
	Name     string            `json:"name" is:"required" doc:"What addresses and tests call the rule."`
	When     string            `json:"when,omitempty" doc:"A condition in CEL on what the address cannot say: email.subject, email.from, email.attributes. The first rule whose condition holds takes a waiting email, over the rule of its address; only while foresort serve runs." home:"waiting email, priority, skills and language"`
	Priority *int              `json:"priority,omitempty" min:"-25000000" max:"25000000" doc:"Minutes of head start over other email: one point counts as one minute of waiting." home:"email route, priority"`
	Skills   []string          `json:"skills,omitempty" doc:"Names of the skills that the email asks for. An empty list asks for none." home:"email route, skills"`
	Language string            `json:"language,omitempty" doc:"Name of the language that the email asks for; none asks for none." home:"email route, language"`
	Deadline *routing.Duration `json:"deadline,omitempty" doc:"A service level of its own, measured by reports: the platform has one for each queue and none for a rule."`
}

// WrapUp is the after-call work of the queue.
type WrapUp struct {
	Mode    routing.WrapUpMode `json:"mode" is:"required" enum:"optional|mandatory|mandatory-timeout|mandatory-forced-timeout|agent-requested" doc:"Whether an agent wraps up after an email, and who ends it." home:"queue, acwSettings.wrapupPrompt"`
	Timeout *routing.Duration  `json:"timeout,omitempty" doc:"When it ends by itself, 1s to 60m; only with mandatory-timeout, mandatory-forced-timeout and agent-requested." home:"queue, acwSettings.timeoutMs"`
}

// Members are who serves the queue.
type Members struct {
	Agents []string `json:"agents,omitempty" doc:"Everyone who is a member directly, by user name or email address. An empty list: nobody." home:"queue members"`
	Groups []string `json:"groups,omitempty" doc:"Everything that is a member group, by name: skill groups, and groups that a queue already has." home:"queue, memberGroups"`
}

// Capacity is how much an agent takes at once.
type Capacity struct {
	Email *int `json:"email,omitempty" is:"required" min:"0" max:"25" doc:"Emails at once, for every member of the queue." home:"agent utilization, email.maximumCapacity"`
}

// Coverage is what validate --live goes by. Nothing of it lives on the platform.
type Coverage struct {
	Proficiency float64  `json:"proficiency,omitempty" default:"0" min:"0" max:"5" doc:"The least proficiency in a skill or language that counts as being able to; the platform itself hands email to agents with any."`
	Waive       []Waiver `json:"waive,omitempty" doc:"Findings of validate --live that may stand, each to the end of a day."`
}

// Waiver lets a finding stand. The tests hold its names to routing.FindingTypes.
type Waiver struct {
	Finding    routing.FindingType `json:"finding" is:"required" enum:"no_members|unservable|missing_permission|skill_mismatch|no_active_shift|zero_capacity|hole|backlog_grows|last_agent_inert|group_rule_inert|members_by_group|empty_ring|default_capacity|flow_limit|shared_agents|route_not_active|domain_not_valid|member_count|schedule_unknown|skills_unknown|demand_unknown|capacity_assumed" doc:"The type of the finding."`
	Rule       string              `json:"rule,omitempty" doc:"Only where it is about this rule; absent: about any, or none."`
	Agent      string              `json:"agent,omitempty" doc:"Only where it is about this agent, by user name or id; absent: about any, or none."`
	Permission string              `json:"permission,omitempty" doc:"Only where missing_permission is about this, in its words, such as wfm:agent:view; absent: about any, or none."`
	Until      string              `json:"until" is:"required" doc:"The last day of it, such as 2026-12-31, on the clock of the calendar that the strategy goes by; without one, UTC."`
	Reason     string              `json:"reason" is:"required" doc:"Why it may stand."`
}

// Step is one step of relaxation.
type Step struct {
	After routing.Duration `json:"after" is:"required" doc:"Counted from entering the queue; each step later than the one before, by at most 72h." home:"queue, bullseye.rings[].expansionCriteria"`
	Drop  []string         `json:"drop,omitempty" is:"one or more" doc:"Names of the skills that the email stops asking for, at most 50." home:"queue, bullseye.rings[].actions.skillsToRemove"`
	Add   []string         `json:"add,omitempty" is:"one or more" doc:"Names of the groups whose agents may take the email from now on." home:"queue, bullseye.rings[].memberGroups"`
}

// Adjust is how the strategy adjusts to the day, within limits.
type Adjust struct {
	Mode   routing.AdjustMode `json:"mode" is:"required" enum:"off|recommend|act" doc:"What becomes of what is decided: off looks at nothing, recommend says and records it, act does it."`
	Every  *routing.Duration  `json:"every,omitempty" default:"\"1m\"" doc:"Time between two looks at the queue, 10s to 1h."`
	Rules  []AdjustRule       `json:"rules,omitempty" doc:"What is done when, in the order in which they are tried."`
	Limits *AdjustLimits      `json:"limits,omitempty" doc:"The guard rails."`
}

// AdjustRule is one rule of the autopilot.
type AdjustRule struct {
	Name    string           `json:"name" is:"required" doc:"What the record calls the rule."`
	When    string           `json:"when,omitempty" doc:"A condition in CEL on the queue, such as waiting() > 50 && serviceLevel(\"1h\") < 85. docs/autopilot.md says what it can ask. Only with tightenTarget it may be left out, and is offered(\"1h\") > 500 && serviceLevel(\"1h\") < 85."`
	Samples *int             `json:"samples,omitempty" default:"20" min:"1" max:"1000000" doc:"Of how many emails a service level or a mean must be made; with fewer the condition is not known."`
	For     *int             `json:"for,omitempty" default:"3" min:"1" max:"60" doc:"How many looks in a row must find when, and until, to hold."`
	Do      []Action         `json:"do" is:"required" doc:"What is done, all of it or nothing."`
	Until   string           `json:"until,omitempty" doc:"A condition that ends it before the lease does."`
	Lease   routing.Duration `json:"lease" is:"required" doc:"How long it holds, 5m to 24h; then everything is put back."`
}

// Action is one thing that a rule of the autopilot does: exactly one of the keys.
type Action struct {
	RaisePriority *PriorityShift `json:"raisePriority,omitempty" doc:"Raise the priority of waiting email, also of what comes in meanwhile." home:"waiting email, priority"`
	LowerPriority *PriorityShift `json:"lowerPriority,omitempty" doc:"Lower the priority of waiting email, also of what comes in meanwhile." home:"waiting email, priority"`
	DeadlineOrder bool           `json:"deadlineOrder,omitempty" doc:"true: set the priority of waiting email so that the earliest deadline goes first; without a deadline a rule has the queue's service level." home:"waiting email, priority"`
	RelaxEarly    *Early         `json:"relaxEarly,omitempty" doc:"Let a step of relax come sooner." home:"queue, bullseye.rings[].expansionCriteria"`
	Join          string         `json:"join,omitempty" doc:"Name of a group whose agents join the queue." home:"queue, memberGroups"`
	Leave         string         `json:"leave,omitempty" doc:"Name of a group whose agents leave the queue." home:"queue, memberGroups"`
	JoinAgents    []string       `json:"joinAgents,omitempty" doc:"Agents who join the queue, by user name or email address." home:"queue members"`
	LeaveAgents   []string       `json:"leaveAgents,omitempty" doc:"Agents who leave the queue, by user name or email address." home:"queue members"`
	Capacity      *Capacity      `json:"capacity,omitempty" doc:"How many emails every member can hold at once." home:"agent utilization"`
	Overflow      *Overflow      `json:"overflow,omitempty" doc:"Move waiting email to another queue, also what comes in meanwhile. It stays there when the lease is over." home:"waiting email, queue"`
	TightenTarget *Tighten       `json:"tightenTarget,omitempty" doc:"Make the time of the service level shorter. It moves what email is measured against, and no email is answered sooner." home:"queue, mediaSettings.email.serviceLevel"`
}

// PriorityShift is by how much a priority moves.
type PriorityShift struct {
	Rule string `json:"rule" is:"required" doc:"Whose email."`
	By   int    `json:"by" is:"required" min:"1" max:"1000000" doc:"Minutes of head start."`
}

// Overflow is which waiting email goes to another queue.
type Overflow struct {
	To        string           `json:"to" is:"required" doc:"Name of the queue that it goes to. Nothing of that queue is changed."`
	Rule      string           `json:"rule,omitempty" doc:"Whose email; absent: any."`
	OlderThan routing.Duration `json:"olderThan" is:"required" doc:"How long an email has waited before it goes, 1m to 72h."`
	AtMost    *int             `json:"atMost,omitempty" default:"10" min:"1" max:"500" doc:"How many go at one look. Each counts twice in limits.calls: it is moved, and its priority is raised by the minutes that it has waited."`
}

// Early is which step of relax comes sooner.
type Early struct {
	Step  *int             `json:"step,omitempty" default:"1" min:"1" max:"5" doc:"Which step, from 1."`
	After routing.Duration `json:"after" is:"required" doc:"When it comes, counted from entering the queue: sooner than relax says."`
}

// Tighten is how the target is made shorter.
type Tighten struct {
	By    *routing.Duration `json:"by,omitempty" default:"\"15s\"" doc:"How much shorter, at least 1s."`
	Floor *routing.Duration `json:"floor,omitempty" default:"\"30s\"" doc:"The shortest that it becomes, at least 1s."`
}

// AdjustLimits are the guard rails.
type AdjustLimits struct {
	ChangesPerHour *int              `json:"changesPerHour,omitempty" default:"2" min:"0" max:"60" doc:"How many overrides may begin in any hour."`
	Cooldown       *routing.Duration `json:"cooldown,omitempty" default:"\"10m\"" doc:"Time between the beginnings of two overrides."`
	Reversals      *int              `json:"reversals,omitempty" default:"1" min:"1" max:"10" doc:"How often in any hour a rule may go back and forth: after so many ends it does not begin again within the hour."`
	Share          *float64          `json:"share,omitempty" default:"20" min:"1" max:"100" doc:"Percent of the queues looked after, by any process with the same database, that may begin an override at one look; one always may."`
	Calls          *int              `json:"calls,omitempty" default:"30" min:"1" max:"1000" doc:"How many waiting emails may be changed at one look; one that moves to another queue counts twice."`
}

// Sync is another system that is told of changes.
type Sync struct {
	Name           string            `json:"name" is:"required" doc:"What commands call it: up to 200 letters, digits, spaces and . _ - between them, once in the file."`
	URL            string            `json:"url" is:"required" doc:"The https address that is called. With http, the host must be allowed by name where Foresort runs."`
	Secret         string            `json:"secret" is:"required" doc:"What signs the calls, by the name of the environment variable that holds it: ${NAME}. Never the secret itself."`
	PreviousSecret string            `json:"previousSecret,omitempty" doc:"The secret before this one, as ${NAME}, while the other system changes over: both sign."`
	Events         []string          `json:"events,omitempty" default:"[\"*\"]" doc:"What it is told of: queue.created, queue.updated (or routingQueueUpdated), queue.deleted, route.created, route.updated, route.deleted, member.joined, member.left, member.moved, utilization.updated; or all of a kind, such as queue.*. Absent: all."`
	Headers        map[string]string `json:"headers,omitempty" doc:"Headers that every call has besides those of Foresort. The values stand here as they are sent, so no secret belongs there."`
}

// Report is a report that is made by the calendar.
type Report struct {
	Every  routing.ReportEvery  `json:"every" is:"required" enum:"day|week|month" doc:"What each is of: the day before, the week before from Monday on, or the month before."`
	At     string               `json:"at,omitempty" default:"\"07:00\"" doc:"When it is made: so many hours and minutes, such as 07:00, after midnight of the day, the Monday or the first of the month, on the clock of the strategy's calendar; without one, UTC."`
	Format routing.ReportFormat `json:"format,omitempty" enum:"html|json|csv" default:"\"html\"" doc:"As what: a page, or the facts of foresort report."`
	To     ReportTo             `json:"to" is:"required" doc:"Where it goes: one of the keys."`
}

// ReportTo is where a report goes: exactly one of the keys.
type ReportTo struct {
	Folder string `json:"folder,omitempty" doc:"A folder that is there: a file for each report."`
	Sync   string `json:"sync,omitempty" doc:"The name of an entry of sync: a signed call with the event report.ready, whatever its events are."`
}

// Email is what is known of one email before it is routed.
type Email struct {
	To         string            `json:"to" is:"required" doc:"The address that it was sent to."`
	From       string            `json:"from,omitempty" doc:"The address that it came from."`
	Subject    string            `json:"subject,omitempty" doc:"Its subject."`
	Attributes map[string]string `json:"attributes,omitempty" doc:"What other systems know about it."`
}

// Expect is what a test says about an email. What is absent is not looked at.
type Expect struct {
	Rule     string   `json:"rule,omitempty" doc:"The rule that it follows; none: no rule."`
	Priority *int     `json:"priority,omitempty" doc:"Its priority."`
	Skills   []string `json:"skills,omitempty" doc:"The skills that it asks for, in any order."`
	Language string   `json:"language,omitempty" doc:"The language that it asks for; none asks for none."`
}

// Test is one expectation, checked by validate without a network.
type Test struct {
	Email  Email  `json:"email" is:"required" doc:"An email as it might come in."`
	Expect Expect `json:"expect" is:"required" doc:"What shall become of it."`
}

// Calendar is a week of open hours.
type Calendar struct {
	Timezone string              `json:"timezone" is:"required" doc:"IANA name, such as Europe/Berlin."`
	Open     map[string]Interval `json:"open" is:"required" doc:"Open hours by day: mon, mon-fri or mon,wed to a list of hours such as 08:00-12:00. 24:00 is the end of a day."`
	Holidays []string            `json:"holidays,omitempty" doc:"Dates without open hours, such as 2026-12-25."`
}

// Interval is a list of open hours; a single text stands for a list of one.
type Interval = yamlfile.Texts

type (
	// Problem is one mistake in a file, with its place.
	Problem = yamlfile.Problem
	// Problems is everything that is wrong with a file.
	Problems = yamlfile.Problems
	// Severity says how bad a problem is.
	Severity = yamlfile.Severity
)

// The severities. Only an Error keeps a strategy from being used.
const (
	Error   = yamlfile.Error
	Warning = yamlfile.Warning
)

// kind is what a strategy file has of its own.
var kind = yamlfile.Kind{
	Name:     "a strategy file",
	MaxBytes: 1 << 20, // a strategy of a thousand addresses has a tenth of it
	TooBig:   "split it: one strategy for each queue",
	Empty:    "`foresort init` writes a first one",
	Later:    map[string]string{},
	Null: func(path string, t reflect.Type) string {
		switch {
		case t.Kind() == reflect.Slice:
			return ", or write [] to own it and empty it"
		case strings.HasSuffix(path, ".language"):
			return ", or write none to own it and empty it"
		}
		return ""
	},
	NotListed: func(path, text string) string {
		if path == "agents" && text == "random" {
			return "the platform has no random choice; the nearest is longest-idle, which spreads email evenly and disregards skills"
		}
		return ""
	},
}

// Format writes a strategy file in its usual form. What it means stays the
// same, and formatting twice changes nothing. A file that is not YAML is an
// error (Problems); mistakes in what it says are not looked at.
func Format(file string, src []byte) ([]byte, error) {
	out, err := yamlfile.Format(file, src, &kind)
	if problems, ok := errors.AsType[Problems](err); ok {
		return nil, hideSecrets(problems)
	}
	return out, err
}
