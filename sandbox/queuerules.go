package sandbox

import (
	"fmt"
	"strings"
)

// What the platform takes in a queue (docs/platform-notes.md#bullseye and the
// sections beside it).
const (
	maxQueues          = 5000
	maxRings           = 6
	maxSkillsPerRing   = 50
	maxSeconds         = 259_200 // 72 h
	minAlertSeconds    = 7
	minServiceLevelMs  = 1000
	minWrapUpMs        = 1000
	maxWrapUpMs        = 3_600_000
	maxPreferredRules  = 6
	maxGroupRules      = 5
	maxGroupConditions = 10
)

// checkQueue says what the platform would refuse in q, which is to replace old
// (nil: to be created).
func (s *Server) checkQueue(id string, old, q object) error {
	if strings.TrimSpace(text(q, "name")) == "" {
		return bad("invalid.name", "the name of a queue must not be empty").field("name")
	}
	for _, other := range s.queues.all() {
		if text(other, "id") != id && strings.EqualFold(text(other, "name"), text(q, "name")) {
			return bad("duplicate.name", "a queue with the name %s exists already", text(q, "name")).field("name")
		}
	}
	for _, check := range []func(object) error{checkMedia, checkWrapUp, s.checkRings, s.checkGroups, checkPreferred, checkConditional, checkActivation} {
		if err := check(q); err != nil {
			return err
		}
	}
	if old == nil {
		return nil
	}
	return s.checkRingsGone(id, old, q)
}

// within checks that a number, where there is one, lies in a range.
func within(v any, field string, least, most float64) error {
	if n, ok := decimal(v); ok && (n < least || n > most) {
		return bad("constraint.validation", "Value [%v] of field [%s] must be between %v and %v", v, field, number(least), number(most)).field(field)
	}
	return nil
}

func checkMedia(q object) error {
	media, _ := dig(q, "mediaSettings").(map[string]any)
	for name, settings := range media {
		at := "mediaSettings." + name
		if err := within(dig(settings, "serviceLevel", "percentage"), at+".serviceLevel.percentage", 0, 1); err != nil {
			return err
		}
		if err := within(dig(settings, "serviceLevel", "durationMs"), at+".serviceLevel.durationMs", minServiceLevelMs, 1e15); err != nil {
			return err
		}
		if err := within(dig(settings, "alertingTimeoutSeconds"), at+".alertingTimeoutSeconds", minAlertSeconds, 1e9); err != nil {
			return err
		}
	}
	return nil
}

func checkWrapUp(q object) error {
	timeout := dig(q, "acwSettings", "timeoutMs")
	if timeout == nil {
		return nil
	}
	switch prompt := text(q, "acwSettings", "wrapupPrompt"); prompt {
	case "MANDATORY_TIMEOUT", "MANDATORY_FORCED_TIMEOUT", "AGENT_REQUESTED":
		return within(timeout, "acwSettings.timeoutMs", minWrapUpMs, maxWrapUpMs)
	default:
		return bad("constraint.validation", "acwSettings.timeoutMs cannot be set with wrapupPrompt %s", prompt).field("acwSettings.timeoutMs")
	}
}

func (s *Server) checkRings(q object) error {
	rings := list(q, "bullseye", "rings")
	if len(rings) > maxRings {
		return bad("constraint.validation", "a queue can have %d bullseye rings, not %d", maxRings, len(rings)).field("bullseye.rings")
	}
	for i, ring := range rings {
		at := fmt.Sprintf("bullseye.rings[%d]", i)
		for j, criterion := range list(ring, "expansionCriteria") {
			if err := within(dig(criterion, "threshold"), fmt.Sprintf("%s.expansionCriteria[%d].threshold", at, j), 0, maxSeconds); err != nil {
				return err
			}
		}
		removed := list(ring, "actions", "skillsToRemove")
		if len(removed) > maxSkillsPerRing {
			return bad("constraint.validation", "a ring can remove %d skills, not %d", maxSkillsPerRing, len(removed)).field(at + ".actions.skillsToRemove")
		}
		for j, r := range removed {
			if _, ok := s.skills.latest(text(r, "id")); !ok {
				return bad("skill.does.not.exist", "the skill %s does not exist", text(r, "id")).field(fmt.Sprintf("%s.actions.skillsToRemove[%d].id", at, j))
			}
		}
	}
	return nil
}

// checkGroups refuses skill groups that do not exist. Groups and teams are not
// imitated, so any id of those passes.
func (s *Server) checkGroups(q object) error {
	lists := map[string]any{"memberGroups": q["memberGroups"]}
	for i, groups := range ringGroups(q) {
		lists[fmt.Sprintf("bullseye.rings[%d].memberGroups", i)] = groups
	}
	for at, groups := range lists {
		for i, g := range list(groups) {
			if _, ok := s.skillGroups.latest(text(g, "id")); !ok && text(g, "type") == "SKILLGROUP" {
				return bad("resource.not.found", "the skill group %s does not exist", text(g, "id")).field(fmt.Sprintf("%s[%d].id", at, i))
			}
		}
	}
	return nil
}

// checkRingsGone refuses to take away a ring that still has members or groups.
// Every member without a ring of its own is in ring 1, so members do not hold
// ring 1 back when bullseye is turned off.
func (s *Server) checkRingsGone(id string, old, q object) error {
	left := len(list(q, "bullseye", "rings"))
	for i, ring := range list(old, "bullseye", "rings") {
		if i < left {
			continue
		}
		held := len(list(ring, "memberGroups"))
		for _, m := range s.members[id].all() {
			if i > 0 && m.Ring == i+1 {
				held++
			}
		}
		if held > 0 {
			return bad("queue.ring.has.members", "ring %d cannot be removed while it has members", i+1).field("bullseye.rings")
		}
	}
	return nil
}

// ringGroups are the lists of groups in the rings of a queue.
func ringGroups(q object) []any {
	var out []any
	for _, r := range list(q, "bullseye", "rings") {
		out = append(out, dig(r, "memberGroups"))
	}
	return out
}

func checkPreferred(q object) error {
	rules := list(q, "routingRules")
	if len(rules) > maxPreferredRules {
		return bad("invalid.rule", "a queue can have %d preferred-agent rules, not %d", maxPreferredRules, len(rules)).field("routingRules")
	}
	for i, r := range rules {
		if n, ok := decimal(r, "waitSeconds"); ok && (n < 2 || n > maxSeconds) {
			return bad("invalid.rule", "waitSeconds must be between 2 and %d", maxSeconds).field(fmt.Sprintf("routingRules[%d].waitSeconds", i))
		}
	}
	return nil
}

func checkConditional(q object) error {
	rules := list(q, "conditionalGroupRouting", "rules")
	if len(rules) > maxGroupRules {
		return bad("invalid.rule", "a queue can have %d conditional group routing rules, not %d", maxGroupRules, len(rules)).field("conditionalGroupRouting.rules")
	}
	mine := map[string]bool{}
	for _, groups := range append(ringGroups(q), q["memberGroups"]) {
		for _, g := range list(groups) {
			mine[text(g, "id")] = true
		}
	}
	for i, r := range rules {
		at := fmt.Sprintf("conditionalGroupRouting.rules[%d]", i)
		if i == 0 && dig(r, "queue") != nil {
			return bad("invalid.rule", "the first rule always looks at its own queue; leave queue out").field(at + ".queue")
		}
		for _, f := range []string{"conditionValue", "waitSeconds"} {
			if n, ok := decimal(r, f); ok && (n < 0 || n > maxSeconds) {
				return bad("invalid.rule", "%s must be between 0 and %d", f, maxSeconds).field(at + "." + f)
			}
		}
		for j, g := range list(r, "groups") {
			if !mine[text(g, "id")] {
				return bad("invalid.rule", "the group %s is not a member of the queue", text(g, "id")).field(fmt.Sprintf("%s.groups[%d]", at, j))
			}
		}
	}
	return nil
}

func checkActivation(q object) error {
	rules := list(q, "conditionalGroupActivation", "rules")
	if len(rules) > maxGroupRules {
		return bad("invalid.rule", "a queue can have %d conditional group activation rules, not %d", maxGroupRules, len(rules)).field("conditionalGroupActivation.rules")
	}
	for i, r := range rules {
		if n := len(list(r, "conditions")); n > maxGroupConditions {
			return bad("invalid.rule", "a rule can have %d conditions, not %d", maxGroupConditions, n).field(fmt.Sprintf("conditionalGroupActivation.rules[%d].conditions", i))
		}
	}
	return nil
}
