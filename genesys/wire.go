package genesys

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file is the wire table: for every owned field its place in the JSON of
// its object, how it is read there and how it is written. Plans, overlays,
// fingerprints and the activation wait all go through it, so an owned field is
// known to the platform's JSON in this one place.

// place is the row of one owned field.
type place[S routing.Settings] struct {
	field routing.Field
	// pieces are the wire values that belong to the field. Overlay touches
	// nothing else, and Restore puts back exactly these.
	pieces []path
	read   func(o object, s *S) error
	// write puts the field of s, which is not nil, into o. A nil field is
	// removed by removing the pieces.
	write func(o object, s S) error
}

// Decode reads the owned fields of an object as the platform sent it. A field
// that is absent or null on the wire is nil. A value of an enumeration that is
// not known here is kept as its wire text.
func Decode[S routing.Settings](raw json.RawMessage) (S, error) {
	var s S
	o, err := open(raw)
	if err != nil {
		return s, err
	}
	for _, p := range table[S]() {
		if err := p.read(o, &s); err != nil {
			return s, fmt.Errorf("read %s: %w", p.field, err)
		}
	}
	return s, nil
}

// Overlay lays the named fields of want over an object and leaves everything
// else as it is: unknown fields at every depth and inside array elements, big
// numbers, nulls. A named field that is nil in want is removed.
func Overlay[S routing.Settings](raw json.RawMessage, fields []routing.Field, want S) (json.RawMessage, error) {
	owned := routing.Owned(want)
	return rewrite(raw, fields, func(o object, p place[S]) error {
		if slices.Contains(owned, p.field) {
			return p.write(o, want)
		}
		for _, piece := range p.pieces {
			if err := set(o, piece, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Restore puts the wire values of the named fields back exactly as they are in
// snapshot, an earlier state of the same object. What lies beside them is left
// as it is now, inside rings too.
func Restore[S routing.Settings](raw json.RawMessage, fields []routing.Field, snapshot json.RawMessage) (json.RawMessage, error) {
	was, err := open(snapshot)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return rewrite(raw, fields, func(o object, p place[S]) error {
		if p.field == "rings" { // its one piece holds more than what is owned
			return restoreRings(o, was)
		}
		for _, piece := range p.pieces {
			if err := putBack(o, was, piece); err != nil {
				return err
			}
		}
		return nil
	})
}

// Home is where a field lives on the platform, such as
// mediaSettings.email.serviceLevel.
func Home[S routing.Settings](field routing.Field) string {
	for _, p := range table[S]() {
		if p.field != field {
			continue
		}
		if home := p.pieces[0]; len(p.pieces) > 1 {
			return home[:len(home)-1].String()
		}
		return p.pieces[0].String()
	}
	return ""
}

func rewrite[S routing.Settings](raw json.RawMessage, fields []routing.Field, change func(object, place[S]) error) (json.RawMessage, error) {
	o, err := open(raw)
	if err != nil {
		return nil, err
	}
	if o == nil {
		o = object{}
	}
	rows := table[S]()
	for _, f := range fields {
		i := slices.IndexFunc(rows, func(p place[S]) bool { return p.field == f })
		if i < 0 {
			return nil, fmt.Errorf("no field %s in %T", f, *new(S))
		}
		if err := change(o, rows[i]); err != nil {
			return nil, fmt.Errorf("write %s: %w", f, err)
		}
	}
	return encode(o)
}

// table is the wire table of S.
func table[S routing.Settings]() []place[S] {
	var rows any
	switch any(*new(S)).(type) {
	case routing.QueueSettings:
		rows = queueTable()
	case routing.RouteSettings:
		rows = routeTable()
	case routing.UtilizationSettings:
		rows = utilizationTable()
	case routing.EmailSettings:
		rows = emailTable()
	}
	return rows.([]place[S])
}

func queueTable() []place[routing.QueueSettings] {
	type s = routing.QueueSettings
	percentage := path{"mediaSettings", "email", "serviceLevel", "percentage"}
	durationMs := path{"mediaSettings", "email", "serviceLevel", "durationMs"}
	alert := path{"mediaSettings", "email", "alertingTimeoutSeconds"}
	prompt, timeout := path{"acwSettings", "wrapupPrompt"}, path{"acwSettings", "timeoutMs"}
	groups := path{"memberGroups"}
	return []place[s]{
		{
			"serviceLevel",
			[]path{percentage, durationMs},
			func(o object, s *s) error {
				// The percentage is a fraction, 0 to 1 (docs/platform-notes.md#service-level).
				fraction, err := number(o, percentage)
				if err != nil {
					return err
				}
				within, err := whole(o, durationMs, time.Millisecond)
				if err != nil || fraction == nil && within == nil {
					return err
				}
				s.ServiceLevel = &routing.ServiceLevel{}
				if fraction != nil {
					s.ServiceLevel.Percent = math.Round(*fraction*1e12) / 1e10
				}
				if within != nil {
					s.ServiceLevel.Within = *within
				}
				return nil
			},
			func(o object, s s) error {
				if err := set(o, percentage, math.Round(s.ServiceLevel.Percent*1e10)/1e12); err != nil {
					return err
				}
				return set(o, durationMs, time.Duration(s.ServiceLevel.Within).Milliseconds())
			},
		},
		{
			"alert",
			[]path{alert},
			func(o object, s *s) (err error) {
				s.Alert, err = whole(o, alert, time.Second)
				return err
			},
			func(o object, s s) error {
				return set(o, alert, int64(time.Duration(*s.Alert)/time.Second))
			},
		},
		{
			"wrapUp",
			[]path{prompt, timeout},
			func(o object, s *s) error {
				var mode *routing.WrapUpMode
				if err := readEnum(o, prompt, wrapUpModes, &mode); err != nil || mode == nil {
					return err
				}
				after, err := whole(o, timeout, time.Millisecond)
				s.WrapUp = &routing.WrapUp{Mode: *mode, Timeout: after}
				return err
			},
			func(o object, s s) error {
				if err := writeEnum(o, prompt, wrapUpModes, s.WrapUp.Mode); err != nil {
					return err
				}
				// The platform takes a timeout only with the modes that end by
				// themselves; with another it must go (docs/platform-notes.md#wrap-up).
				_, known := wrapUpModes[s.WrapUp.Mode]
				if s.WrapUp.Timeout == nil || known && !s.WrapUp.Mode.HasTimeout() {
					return set(o, timeout, nil)
				}
				return set(o, timeout, time.Duration(*s.WrapUp.Timeout).Milliseconds())
			},
		},
		enum("agents", "skillEvaluationMethod", evaluations, func(s *s) **routing.Evaluation { return &s.Agents }),
		enum("order", "scoringMethod", orders, func(s *s) **routing.Order { return &s.Order }),
		enum("lastAgent", "lastAgentRoutingMode", lastAgents, func(s *s) **routing.LastAgent { return &s.LastAgent }),
		{
			// The whole of bullseye belongs to the rings: without rings the key
			// must go (docs/platform-notes.md#bullseye).
			"rings",
			[]path{{"bullseye"}},
			func(o object, s *s) error { return readRings(o, &s.Rings) },
			func(o object, s s) error { return writeRings(o, *s.Rings) },
		},
		{
			"memberGroups",
			[]path{groups},
			func(o object, s *s) error {
				if isNothing(o["memberGroups"]) {
					return nil
				}
				list, err := readGroups(o["memberGroups"])
				s.Groups = &list
				return err
			},
			func(o object, s s) error {
				return edit(o, groups, func(old json.RawMessage) (json.RawMessage, error) { return writeGroups(old, *s.Groups) })
			},
		},
	}
}

func routeTable() []place[routing.RouteSettings] {
	type s = routing.RouteSettings
	return []place[s]{
		ref("queue", "queue", func(s *s) **routing.Ref { return &s.Queue }),
		{
			"from",
			[]path{{"fromName"}},
			func(o object, s *s) error { return value(o["fromName"], &s.From) },
			func(o object, s s) error { return set(o, path{"fromName"}, *s.From) },
		},
		priority(func(s *s) **int { return &s.Priority }),
		skills(func(s *s) **[]routing.Ref { return &s.Skills }),
		ref("language", "language", func(s *s) **routing.Ref { return &s.Language }),
	}
}

// emailTable is that of what Client.WaitingEmail gives.
func emailTable() []place[routing.EmailSettings] {
	type s = routing.EmailSettings
	return []place[s]{
		priority(func(s *s) **int { return &s.Priority }),
		skills(func(s *s) **[]routing.Ref { return &s.Skills }),
		ref("language", "language", func(s *s) **routing.Ref { return &s.Language }),
	}
}

func utilizationTable() []place[routing.UtilizationSettings] {
	capacity := path{"utilization", "email", "maximumCapacity"}
	return []place[routing.UtilizationSettings]{{
		"email",
		[]path{capacity},
		func(o object, s *routing.UtilizationSettings) (err error) {
			s.Email, err = integer(o, capacity)
			return err
		},
		func(o object, s routing.UtilizationSettings) error { return set(o, capacity, *s.Email) },
	}}
}

// The enumerations: our word to the platform's. They are never changed.
var (
	wrapUpModes = map[routing.WrapUpMode]string{
		routing.WrapUpOptional:               "OPTIONAL",
		routing.WrapUpMandatory:              "MANDATORY",
		routing.WrapUpMandatoryTimeout:       "MANDATORY_TIMEOUT",
		routing.WrapUpMandatoryForcedTimeout: "MANDATORY_FORCED_TIMEOUT",
		routing.WrapUpAgentRequested:         "AGENT_REQUESTED",
	}
	evaluations = map[routing.Evaluation]string{routing.BestSkill: "BEST", routing.AllSkills: "ALL", routing.LongestIdle: "NONE"}
	orders      = map[routing.Order]string{routing.AgeAndPriority: "TimestampAndPriority", routing.PriorityOnly: "PriorityOnly"}
	lastAgents  = map[routing.LastAgent]string{
		routing.LastAgentAny: "AnyAgent", routing.LastAgentQueueMembers: "QueueMembersOnly", routing.LastAgentOff: "Disabled",
	}
)

// enum is the row of a field that is one word at the top of its object.
func enum[S routing.Settings, E ~string](field routing.Field, key string, words map[E]string, at func(*S) **E) place[S] {
	p := path{key}
	return place[S]{
		field,
		[]path{p},
		func(o object, s *S) error { return readEnum(o, p, words, at(s)) },
		func(o object, s S) error { return writeEnum(o, p, words, **at(&s)) },
	}
}

func readEnum[E ~string](o object, p path, words map[E]string, into **E) error {
	raw, err := get(o, p)
	if err != nil {
		return err
	}
	var wire *string
	if err := value(raw, &wire); err != nil || wire == nil {
		return err
	}
	e := E(*wire) // as it is, where it is not known
	for ours, theirs := range words {
		if theirs == *wire {
			e = ours
		}
	}
	*into = &e
	return nil
}

func writeEnum[E ~string](o object, p path, words map[E]string, e E) error {
	wire, known := words[e]
	if !known {
		wire = string(e)
	}
	return set(o, p, wire)
}

// priority is the row of a priority at the top of its object.
func priority[S routing.Settings](at func(*S) **int) place[S] {
	p := path{"priority"}
	return place[S]{
		"priority",
		[]path{p},
		func(o object, s *S) (err error) {
			*at(s), err = integer(o, p)
			return err
		},
		func(o object, s S) error { return set(o, p, **at(&s)) },
	}
}

// skills is the row of skills at the top of their object.
func skills[S routing.Settings](at func(*S) **[]routing.Ref) place[S] {
	p := path{"skills"}
	return place[S]{
		"skills",
		[]path{p},
		func(o object, s *S) error {
			if isNothing(o["skills"]) {
				return nil
			}
			list, err := readRefs(o["skills"])
			*at(s) = &list
			return err
		},
		func(o object, s S) error {
			return edit(o, p, func(old json.RawMessage) (json.RawMessage, error) { return writeRefs(old, **at(&s)) })
		},
	}
}

// ref is the row of a field that is one reference at the top of its object. The
// zero Ref is written as absence.
func ref[S routing.Settings](field routing.Field, key string, at func(*S) **routing.Ref) place[S] {
	p := path{key}
	return place[S]{
		field,
		[]path{p},
		func(o object, s *S) error {
			if isNothing(o[key]) {
				return nil
			}
			r, err := readRef(o[key])
			*at(s) = &r
			return err
		},
		func(o object, s S) error {
			want := **at(&s)
			if want == (routing.Ref{}) {
				return set(o, p, nil)
			}
			if want.ID == "" {
				return noID(want)
			}
			return edit(o, p, func(old json.RawMessage) (json.RawMessage, error) {
				if have, err := readRef(old); err == nil && have.ID == want.ID {
					return old, nil
				}
				return encode(wireRef{ID: want.ID})
			})
		},
	}
}

// wireRef is how a reference is written: by id alone, the platform adds the name.
type wireRef struct {
	ID   string            `json:"id"`
	Type routing.GroupKind `json:"type,omitempty"`
}

func noID(r routing.Ref) error { return fmt.Errorf("%s has no id", r) }

func readRef(raw json.RawMessage) (routing.Ref, error) {
	o, err := open(raw)
	return routing.Ref{ID: text(o["id"]), Name: text(o["name"])}, err
}

func readRefs(raw json.RawMessage) ([]routing.Ref, error) {
	elements, err := openList(raw)
	if err != nil {
		return nil, err
	}
	refs := make([]routing.Ref, len(elements))
	for i, e := range elements {
		if refs[i], err = readRef(e); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return refs, nil
}

func writeRefs(old json.RawMessage, refs []routing.Ref) (json.RawMessage, error) {
	ids := make([]string, len(refs))
	for i, r := range refs {
		if ids[i] = r.ID; r.ID == "" {
			return nil, noID(r)
		}
	}
	return mergeByID(old, ids, func(id string) any { return wireRef{ID: id} })
}

func readGroups(raw json.RawMessage) ([]routing.Group, error) {
	elements, err := openList(raw)
	if err != nil {
		return nil, err
	}
	groups := make([]routing.Group, len(elements))
	for i, e := range elements {
		o, err := open(e)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		groups[i] = routing.Group{Ref: routing.Ref{ID: text(o["id"]), Name: text(o["name"])}, Kind: routing.GroupKind(text(o["type"]))}
	}
	return groups, nil
}

func writeGroups(old json.RawMessage, groups []routing.Group) (json.RawMessage, error) {
	ids, kinds := make([]string, len(groups)), map[string]routing.GroupKind{}
	for i, g := range groups {
		if g.ID == "" {
			return nil, noID(g.Ref)
		}
		ids[i], kinds[g.ID] = g.ID, g.Kind
	}
	return mergeByID(old, ids, func(id string) any { return wireRef{ID: id, Type: kinds[id]} })
}

// number reads a JSON number; nil where it is absent or null.
func number(o object, p path) (*float64, error) {
	raw, err := get(o, p)
	if err != nil {
		return nil, err
	}
	var n *json.Number
	if err := value(raw, &n); err != nil || n == nil {
		return nil, err
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return nil, fmt.Errorf("%s: %s is not a number that can be used", p, glimpse(raw))
	}
	return &f, nil
}

// integer reads a whole number, also one that is written 3.0 or 3e0.
func integer(o object, p path) (*int, error) {
	f, err := number(o, p)
	if err != nil || f == nil {
		return nil, err
	}
	if *f != math.Trunc(*f) || math.Abs(*f) > 1<<53 {
		return nil, fmt.Errorf("%s: %g is not a whole number that can be used", p, *f)
	}
	n := int(*f)
	return &n, nil
}

// whole reads a time that is a whole number of units.
func whole(o object, p path, unit time.Duration) (*routing.Duration, error) {
	d, err := duration(o, p, unit)
	if err == nil {
		_, err = integer(o, p)
	}
	return d, err
}

// duration reads a number of units.
func duration(o object, p path, unit time.Duration) (*routing.Duration, error) {
	f, err := number(o, p)
	if err != nil || f == nil {
		return nil, err
	}
	ns := math.Round(*f * float64(unit))
	if math.Abs(ns) >= math.MaxInt64 {
		return nil, fmt.Errorf("%s: %g is too long a time", p, *f)
	}
	d := routing.Duration(ns)
	return &d, nil
}

// value reads a string or a number into a pointer; nil where it is absent or null.
func value[T any](raw json.RawMessage, into **T) error {
	if isNothing(raw) {
		return nil
	}
	if _, isNumber := any(*into).(*json.Number); isNumber && raw[0] == '"' {
		return fmt.Errorf("a number is expected, not %s", glimpse(raw))
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s is not of the type expected", glimpse(raw))
	}
	return nil
}
