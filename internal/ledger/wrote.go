package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file tells whether a run made a change that the platform recorded, by the
// object and by the values: the journal has what was there and what was planned, so
// what was written is known.

// Derived are fields that change by themselves, and what the platform says twice.
var Derived = []string{
	"dateModified", "modifiedBy", "memberCount", "userMemberCount", "joinedMemberCount", "selfUri", "status", "version",
}

// wrote says whether a run may have made the change of a record.
func wrote(run apply.Record, r genesys.AuditRecord) bool {
	for _, phase := range run.Phases {
		for _, c := range phase.Plan.Changes {
			result, known := phase.Results[c.ID]
			if known && result.Outcome != apply.Done && result.Outcome != apply.Uncertain {
				continue
			}
			if (names(c.Object, r.Entity) || names(result.Object, r.Entity)) && agrees(phase, c, r) {
				return true
			}
		}
	}
	return false
}

func names(o, object routing.Ref) bool {
	return o.ID != "" && o.ID == object.ID || o.ID == "" && o.Name != "" && o.Name == object.Name
}

// agrees says whether a record can be of a change: it does the same sort of thing,
// and tells no other values than those that were written.
func agrees(phase apply.Phase, c plan.Change, r genesys.AuditRecord) bool {
	switch verb, members := strings.CutPrefix(r.Action, "Member"); {
	case members && c.Members == nil:
		return slices.Contains(c.Names(), "memberGroups") // whose agents come and go with them
	case members:
		return (verb == "Update" || r.Action == action(c.Verb)) && membersAgree(*c.Members, r)
	case c.Members != nil:
		return false
	case c.Kind == plan.Utilization:
	case verb != action(c.Verb) && (verb != "Update" || c.Verb != plan.Create):
		return false
	}
	now := written(phase, c)
	if now == nil {
		return true // there is nothing to compare with
	}
	same, strange := 0, 0
	for _, p := range r.Changes {
		value, known := at(now, p.Property)
		texts, comparable := inTexts(value)
		switch {
		case !known || !comparable || len(p.NewValues) == 0 && c.Kind == plan.Utilization || slices.Contains(Derived, p.Property):
		case equal(texts, p.NewValues):
			same++
		case owns(c, p.Property):
			return false
		default:
			strange++
		}
	}
	return same > 0 || strange == 0
}

// membersAgree says whether the agents of a record are among those of a change, and
// in its ring.
func membersAgree(m plan.MemberChange, r genesys.AuditRecord) bool {
	for _, p := range r.Changes {
		for _, text := range slices.Concat([]string{p.Property}, p.OldValues, p.NewValues) {
			match := memberOf.FindStringSubmatch(text)
			if match == nil {
				continue
			}
			if !slices.ContainsFunc(m.Agents, func(a routing.Ref) bool { return a.ID == match[1] }) ||
				match[2] == "ringNumber" && m.Ring > 0 && !equal([]string{strconv.Itoa(m.Ring)}, p.NewValues) {
				return false
			}
		}
	}
	return true
}

// written is an object as a change wrote it; nil where that is not known.
func written(phase apply.Phase, c plan.Change) any {
	in := phase.Intents[c.ID]
	raw := phase.Made[c.ID]
	switch {
	case raw != nil:
	case in.Snapshot == nil:
		return nil
	case c.Queue != nil:
		raw = laid(in.Snapshot, c, c.Queue.After)
	case c.Route != nil:
		after := c.Route.After
		if in.Queue != nil {
			after.Queue = in.Queue
		}
		raw = laid(in.Snapshot, c, after)
	case c.Utilization != nil:
		raw = laid(in.Snapshot, c, c.Utilization.After)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil
	}
	return v
}

func laid[S routing.Settings](before json.RawMessage, c plan.Change, after S) json.RawMessage {
	out, err := genesys.Overlay(before, c.Names(), after)
	if c.Snapshot != nil {
		out, err = genesys.Restore[S](before, c.Names(), c.Snapshot)
	}
	if err != nil {
		return nil
	}
	return out
}

// owns says whether a property is one of those that a change sets.
func owns(c plan.Change, property string) bool {
	return slices.ContainsFunc(c.Names(), func(f routing.Field) bool {
		home := ""
		switch {
		case c.Queue != nil:
			home = genesys.Home[routing.QueueSettings](f)
		case c.Route != nil:
			home = genesys.Home[routing.RouteSettings](f)
		case c.Utilization != nil:
			home = genesys.Home[routing.UtilizationSettings](f)
		}
		return property == home || strings.HasPrefix(property, home+".")
	})
}

// Touches says whether a trace may tell of a change of what c sets: of one of its
// fields, or of one of its agents. A trace that tells no values may.
func (t Trace) Touches(c plan.Change) bool {
	if strings.HasPrefix(t.Action, "Member") != (c.Members != nil) {
		return false
	}
	return len(t.Changes) == 0 || slices.ContainsFunc(t.Changes, func(p genesys.AuditChange) bool {
		if c.Members == nil {
			return owns(c, p.Property)
		}
		return slices.ContainsFunc(slices.Concat([]string{p.Property}, p.OldValues, p.NewValues), func(text string) bool {
			match := memberOf.FindStringSubmatch(text)
			return match != nil && slices.ContainsFunc(c.Members.Agents, func(a routing.Ref) bool { return a.ID == match[1] })
		})
	})
}

// at finds the value of a property, such as acwSettings.timeoutMs. How the trail
// calls what is not there is not known.
func at(v any, property string) (value any, known bool) {
	for part := range strings.SplitSeq(property, ".") {
		o, _ := v.(map[string]any)
		if v, known = o[part]; !known {
			return nil, false
		}
	}
	return v, true
}

// inTexts is a value as the trail writes it. How it writes objects is not known.
func inTexts(v any) (texts []string, ok bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case map[string]any:
		return nil, false
	case []any:
		for _, x := range v {
			some, ok := inTexts(x)
			if !ok {
				return nil, false
			}
			texts = append(texts, some...)
		}
		return texts, true
	}
	return []string{fmt.Sprint(v)}, true
}

// equal compares values in any order, numbers by what they are.
func equal(a, b []string) bool {
	canonical := func(texts []string) []string {
		out := slices.Clone(texts)
		for i, t := range out {
			if f, err := strconv.ParseFloat(t, 64); err == nil {
				out[i] = strconv.FormatFloat(f, 'g', -1, 64)
			}
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(canonical(a), canonical(b))
}
