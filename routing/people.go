package routing

import "time"

// Span is a stretch of time; To is not in it.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Rating is a skill or a language of an agent with their proficiency, 0 to 5.
type Rating struct {
	Ref
	Proficiency float64 `json:"proficiency"`
}

// Ratings are what an agent can do. A skill that is switched off is not in it.
type Ratings struct {
	Skills    []Rating `json:"skills"`
	Languages []Rating `json:"languages"`
}

// ActivityCategory is what an activity of a schedule counts as
// (docs/platform-notes.md#workforce-management).
type ActivityCategory string

// OnQueueWork is the one category in which an agent takes email.
const OnQueueWork ActivityCategory = "OnQueueWork"

// Activity is a part of a shift. Several may overlap.
type Activity struct {
	Span
	Category ActivityCategory `json:"category"`
}

// Shift is a published stretch of work of one agent. What its activities leave
// free is work on queue.
type Shift struct {
	Span
	Activities []Activity `json:"activities,omitempty"`
}

// AgentSchedule is what is published of one agent. Within Known what is no shift
// is time off; outside of it nothing is known.
type AgentSchedule struct {
	Known  []Span  `json:"known"`
	Shifts []Shift `json:"shifts,omitempty"`
	// Off are whole days away, whatever the shifts say.
	Off []Span `json:"off,omitempty"`
}

// Roster is what workforce management has published for agents.
type Roster struct {
	Span // what was asked for
	// Agents holds, by user id, those of whom anything is known.
	Agents map[string]AgentSchedule `json:"agents"`
	// None says that the organisation has no workforce management.
	None bool `json:"none,omitempty"`
	// Unknown says, each reason once and in words, why schedules are missing.
	Unknown []string `json:"unknown,omitempty"`
	// Zone is the clock of the business unit that was read first; nil: not known.
	Zone *time.Location `json:"-"`
}

// QueueOther is what a queue has beside the settings that a strategy can own, as
// far as it changes how its email is routed.
type QueueOther struct {
	PreferredAgents bool `json:"preferredAgents,omitempty"` // routingRules
	DirectRouting   bool `json:"directRouting,omitempty"`
	// GroupRouting and GroupActivation are the metrics that the rules of
	// conditional group routing and activation go by.
	GroupRouting    []string `json:"groupRouting,omitempty"`
	GroupActivation []string `json:"groupActivation,omitempty"`
	InQueueFlow     *Ref     `json:"inQueueFlow,omitempty"` // emailInQueueFlow
}

// MetricServiceLevel is a metric of the rules of conditional group routing and
// activation: the service level of the last half hour.
const MetricServiceLevel = "ServiceLevel"

// MetricRow is one figure of analytics: a group, a part of the interval, and the
// statistic as the platform sends it. Times are milliseconds.
type MetricRow struct {
	Group map[string]string
	Span
	Metric    string
	Qualifier string // what of the metric it is, such as a routing status; empty: all of it
	Stats     MetricStats
}

// MetricStats is a statistic: what a metric does not have is 0. Of a service
// level only numerator and denominator can be added up.
type MetricStats struct {
	Count       int     `json:"count"`
	Sum         float64 `json:"sum"`
	Numerator   float64 `json:"numerator"`
	Denominator float64 `json:"denominator"`
	Target      float64 `json:"target"` // of a service level, 0 to 1
}

// Add is the statistic of what two are of. A target that they do not share is 0.
func (s MetricStats) Add(o MetricStats) MetricStats {
	if s == (MetricStats{}) {
		return o
	}
	if o.Target != s.Target {
		s.Target = 0
	}
	s.Count, s.Sum = s.Count+o.Count, s.Sum+o.Sum
	s.Numerator, s.Denominator = s.Numerator+o.Numerator, s.Denominator+o.Denominator
	return s
}
