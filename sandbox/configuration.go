package sandbox

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox/centre"
	"github.com/foresort/foresort/simulate"
)

// This file reads the organisation as it is stored into what the centre runs on.

// configuration is the organisation as it is stored, with the shifts from the
// beginning, or from at on if that is later, for as long as is planned.
// wall is that instant by the clock on the wall, which routes go by.
func (s *Server) configuration(at, wall time.Time) centre.Config {
	l := s.life
	model := l.traffic.model
	cfg := centre.Config{Voice: model.Voice, NoAnswer: model.NoAnswer, Unfinished: model.Unfinished, Addresses: s.addresses(wall)}
	index := map[string][]simulate.Membership{}
	for i, q := range s.queues.all() {
		cfg.Queues = append(cfg.Queues, centre.Queue{ID: text(q, "id"), Settings: queueSettings(q)})
		for _, m := range s.membersAmong(q, s.members[text(q, "id")].all(), s.users.all) {
			if m.Joined {
				index[m.User] = append(index[m.User], simulate.Membership{Queue: i, Ring: m.Ring})
			}
		}
	}
	to := at.Add(planned + 24*time.Hour)
	shifts := l.traffic.shifts(at, to)
	own, _ := s.utilization.latest(orgUtilization)
	for _, u := range s.users.all() {
		in, works := l.traffic.agent(u.Name)
		if !works {
			continue
		}
		in.Name, in.Skills, in.Languages, in.Members = u.ID, u.Skills, u.Languages, index[u.ID]
		in.Capacity = capacityOf(u, own)
		if in.Shifts = shifts[u.Name]; u.Department != hiredFor && !l.traffic.shifted(u.Name) {
			in.Shifts = s.onQueue(u, at, to)
		}
		cfg.Agents = append(cfg.Agents, in)
	}
	l.replan = at.Add(planned)
	return cfg
}

// capacityOf is how many emails an agent may hold at once.
func capacityOf(u user, org object) int {
	set := dig(org, "utilization", "email")
	if u.Utilization != nil {
		set = dig(u.Utilization, "email")
	}
	if n, ok := decimal(set, "maximumCapacity"); ok {
		return int(n)
	}
	return int(defaultCapacity["email"])
}

// addresses are the routes that take mail at an instant on the wall, and when that
// will change.
func (s *Server) addresses(wall time.Time) []centre.Address {
	var out []centre.Address
	s.life.statuses = time.Time{}
	next := func(t time.Time) {
		if wall.Before(t) && (s.life.statuses.IsZero() || t.Before(s.life.statuses)) {
			s.life.statuses = t
		}
	}
	for _, d := range s.domains.all() {
		domain := text(d, "id")
		for _, r := range s.routes[domain].all() {
			next(r.active)
			next(r.gone)
			if status := r.statusAt(wall); !r.aliveAt(wall) || status == "Pending" || status == "Error" {
				continue
			}
			a := centre.Address{Address: strings.ToLower(text(r.body, "pattern")) + "@" + domain, Queue: text(r.body, "queue", "id")}
			if n, ok := decimal(r.body, "priority"); ok {
				a.Priority = int(n)
			}
			for _, k := range list(r.body, "skills") {
				a.Ask.Skills = append(a.Ask.Skills, text(k, "id"))
			}
			a.Ask.Language = text(r.body, "language", "id")
			out = append(out, a)
		}
	}
	return out
}

// queueSettings reads what the engine needs of a queue.
func queueSettings(q object) routing.QueueSettings {
	var out routing.QueueSettings
	seconds := func(v any, path ...string) *routing.Duration {
		n, ok := decimal(v, path...)
		if !ok {
			return nil
		}
		d := routing.Duration(n * float64(time.Second))
		return &d
	}
	email := dig(q, "mediaSettings", "email")
	if within := seconds(email, "serviceLevel", "durationMs"); within != nil {
		percent, _ := decimal(email, "serviceLevel", "percentage")
		out.ServiceLevel = &routing.ServiceLevel{Percent: 100 * percent, Within: *within / 1000}
	}
	out.Alert = seconds(email, "alertingTimeoutSeconds")
	wrap := routing.WrapUp{Mode: wrapUpModes[text(q, "acwSettings", "wrapupPrompt")]}
	if t := seconds(q, "acwSettings", "timeoutMs"); t != nil {
		*t /= 1000
		wrap.Timeout = t
	}
	out.WrapUp = &wrap
	evaluation, order, last := evaluations[text(q, "skillEvaluationMethod")], routing.AgeAndPriority, lastAgents[text(q, "lastAgentRoutingMode")]
	if text(q, "scoringMethod") == "PriorityOnly" {
		order = routing.PriorityOnly
	}
	if routedOtherwise(q) {
		last = routing.LastAgentOff
	}
	out.Agents, out.Order, out.LastAgent = &evaluation, &order, &last
	var rings routing.Rings
	for _, r := range list(q, "bullseye", "rings") {
		var ring routing.Ring
		for _, c := range list(r, "expansionCriteria") {
			if text(c, "type") == "TIMEOUT_SECONDS" {
				ring.Wait = seconds(c, "threshold")
			}
		}
		for _, k := range list(r, "actions", "skillsToRemove") {
			ring.Drop = append(ring.Drop, routing.Ref{Name: text(k, "id")})
		}
		rings = append(rings, ring)
	}
	out.Rings = &rings
	return out
}

// routedOtherwise says that preferred agents, conditional groups or direct routing
// are on, which turn last-agent routing off. Direct routing is on for email as
// docs/platform-notes.md#direct-routing has it.
func routedOtherwise(q object) bool {
	direct, _ := dig(q, "directRouting").(map[string]any)
	set := slices.ContainsFunc(slices.Collect(maps.Values(direct)), func(v any) bool { return v != nil })
	return len(list(q, "routingRules")) > 0 || len(list(q, "conditionalGroupRouting", "rules")) > 0 ||
		direct["emailMediaSettings"] != nil || set && direct["callMediaSettings"] == nil && direct["messageMediaSettings"] == nil
}

// How the wire names what the engine knows.
var (
	wrapUpModes = map[string]routing.WrapUpMode{
		"MANDATORY": routing.WrapUpMandatory, "OPTIONAL": routing.WrapUpOptional, "MANDATORY_TIMEOUT": routing.WrapUpMandatoryTimeout,
		"MANDATORY_FORCED_TIMEOUT": routing.WrapUpMandatoryForcedTimeout, "AGENT_REQUESTED": routing.WrapUpAgentRequested,
	}
	evaluations = map[string]routing.Evaluation{"ALL": routing.AllSkills, "BEST": routing.BestSkill, "NONE": routing.LongestIdle}
	lastAgents  = map[string]routing.LastAgent{
		"AnyAgent": routing.LastAgentAny, "QueueMembersOnly": routing.LastAgentQueueMembers, "Disabled": routing.LastAgentOff,
	}
)
