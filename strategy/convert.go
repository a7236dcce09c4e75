package strategy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file converts a JSON payload with condition and action rules on a queue,
// a form that tutorials show and the platform does not have
// (docs/platform-notes.md#what-is-not-there).

// markID starts a skill that is only known by its id. Parse refuses it.
const markID = "id:"

// Note says what a conversion or an import could not put into keys of the file.
type Note struct {
	Field string `json:"field"` // where it was found, such as routingRules[1].routingStrategy.type
	Text  string `json:"text"`
}

// String is the note in one line.
func (n Note) String() string { return n.Field + ": " + n.Text }

// ConvertOptions says what a payload does not. Queue is required.
type ConvertOptions struct {
	File  string // name of the payload, for places in errors; default payload.json
	Queue string // its name
	Name  string // of the strategy; default: made of the queue's name
	// Addresses is where mail comes in: an address, which follows the last rule
	// without conditions, or rule=address, such as high=vip@help.example.com.
	Addresses []string
	From      string // the name that replies are sent from; default: the queue's name
}

// payload is the JSON that is converted.
type payload struct {
	RoutingRules []payloadRule `json:"routingRules" doc:"A list of rules, each with type, conditions and routingStrategy." is:"required"`
	SLAPercent   *float64      `json:"slaPercent" min:"0" max:"100"`
	SLATarget    *float64      `json:"slaTarget" min:"1" max:"315360000"` // seconds
	WrapUpPolicy string        `json:"wrapUpPolicy"`
	QueueType    string        `json:"queueType"`
	Members      []ast.Node    `json:"members"`
}

type payloadRule struct {
	Type            string             `json:"type"`
	Priority        ast.Node           `json:"priority"`
	Conditions      []payloadCondition `json:"conditions"`
	RoutingStrategy payloadStrategy    `json:"routingStrategy"`
}

type payloadCondition struct {
	Field    string   `json:"field" is:"required" doc:"The field of the email that is looked at."`
	Operator string   `json:"operator"`
	Value    ast.Node `json:"value"`
}

type payloadStrategy struct {
	Type   string   `json:"type"`
	Skills []string `json:"skills"`
}

// classes are the words for priority and the minutes of head start that they
// become.
var classes = map[string]int{"high": 60, "medium": 0, "low": -60}

// converter writes one payload as a strategy file.
type converter struct {
	names map[string]string
	rules []Rule // as they will be written
	about [][]string
	notes []Note
	agent routing.Evaluation
	first []Rule // those whose email the payload put first
}

func (c *converter) note(field, format string, args ...any) {
	c.notes = append(c.notes, Note{Field: field, Text: fmt.Sprintf(format, args...)})
}

// Convert turns a payload into a strategy file. names gives the name of each
// skill by its id; a skill that is not in it is written as id:<skill id>, which
// Parse refuses, and is otherwise fine. The notes name everything that has no
// counterpart on the platform. Mistakes in the payload are an error (Problems)
// with their places.
func Convert(data []byte, names map[string]string, o ConvertOptions) ([]byte, []Note, error) {
	if strings.TrimSpace(o.Queue) == "" {
		return nil, nil, errors.New("a payload does not say which queue it is for: give the name of the queue")
	}
	p, notes, problems := readPayload(cmp.Or(o.File, "payload.json"), data)
	if err := problems.Err(); err != nil {
		return nil, nil, err
	}
	c := &converter{names: names, notes: notes}
	for i, r := range p.RoutingRules {
		c.rule(i, r)
	}
	text, err := c.write(p, o)
	if err != nil {
		return nil, nil, err
	}
	out, err := finished(text, func(p *Problem) bool { return strings.Contains(p.Message, skillByID) })
	if err != nil {
		return nil, nil, fmt.Errorf("convert for queue %s: %w", o.Queue, err)
	}
	return out, c.notes, nil
}

// readPayload reads the JSON. JSON is YAML, so the reader of strategy files
// finds every mistake in its types at once.
func readPayload(file string, data []byte) (p payload, notes []Note, problems Problems) {
	text := bytes.ReplaceAll(bytes.TrimPrefix(data, []byte("\ufeff")), []byte("\t"), []byte(" "))
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		at := routing.Place{Line: 1, Column: 1}
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			before := text[:max(0, min(int(syntax.Offset)-1, len(text)))]
			at = routing.Place{Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])}
		}
		return p, nil, Problems{yamlfile.NewProblem(file, string(text), at, "", "not JSON: "+err.Error(), "")}
	}
	lenient := kind
	lenient.Lenient = true
	lenient.Unknown = func(path string) {
		notes = append(notes, Note{Field: path, Text: "is not known and is left out"})
	}
	doc, problems := yamlfile.Open(file, text, &lenient)
	if len(problems) > 0 {
		return p, nil, problems
	}
	r := doc.Read(&p)
	if !r.None() {
		if s := p.SLAPercent; s != nil && *s > 0 && *s <= 1 {
			r.Fail("slaPercent", fmt.Sprintf("%g is a fraction; percent goes from 0 to 100", *s), fmt.Sprintf("write %g", *s*100))
		}
		if p.QueueType != "" && p.QueueType != "email" {
			r.Fail("queueType", fmt.Sprintf("%q is not email, and only email is routed here", p.QueueType), "")
		}
	}
	return p, notes, r.Problems()
}

// rule converts one rule of the payload.
func (c *converter) rule(i int, r payloadRule) {
	path := fmt.Sprintf("routingRules[%d]", i)
	out := Rule{}
	var about []string
	for k, cond := range r.Conditions {
		at := fmt.Sprintf("%s.conditions[%d]", path, k)
		value := ""
		if cond.Value != nil {
			value = yamlfile.Raw(cond.Value)
		}
		if slices.Contains([]string{"", "equal", "equals", "eq"}, cond.Operator) {
			cond.Operator = "=="
		}
		text := strings.TrimSpace(cond.Field + " " + cond.Operator + " " + value)
		points, known := classes[value]
		if cond.Field == "priority" && known && cond.Operator == "==" {
			out.Name, out.Priority = value, &points
			note := fmt.Sprintf("%s has no counterpart: the address decides the class. The rule %s has a head start of %d minutes; give the class an address of its own", text, value, points)
			if points > 0 {
				note += ". Email of it that waits already is put first by raisePriority under adjust, when the queue is late; mode: recommend only says so"
			}
			c.note(at, "%s", note)
		} else {
			c.note(at, "%s has no counterpart: a queue of the platform has no conditions. Give such email an address of its own", text)
		}
		about = append(about, "The payload took it by the condition "+text+". Here its address decides: name this rule under addresses.")
	}
	if r.Priority != nil {
		c.note(path+".priority", "%s only ordered the rules of the payload; here a priority is minutes of head start", yamlfile.Raw(r.Priority))
	}
	switch {
	case out.Name != "":
	case len(r.Conditions) == 0 && (r.Type == "default" || r.Type == ""):
		out.Name = "default"
	default:
		out.Name = fmt.Sprintf("rule-%d", i+1)
	}
	for base, n := out.Name, 2; slices.ContainsFunc(c.rules, func(x Rule) bool { return x.Name == out.Name }); n++ {
		out.Name = fmt.Sprintf("%s-%d", base, n)
	}
	for _, id := range r.RoutingStrategy.Skills {
		name, known := c.names[id]
		if !known {
			name = markID + strings.TrimPrefix(id, markID)
			c.note(path+".routingStrategy.skills", "the name of skill %s is not known; it is marked, and `foresort validate` refuses it until it is a name", id)
		}
		if !slices.Contains(out.Skills, name) {
			out.Skills = append(out.Skills, name)
		}
	}
	c.strategy(path+".routingStrategy.type", r.RoutingStrategy)
	if out.Priority != nil && *out.Priority > 0 {
		c.first = append(c.first, out)
	}
	c.rules, c.about = append(c.rules, out), append(c.about, about)
}

// strategy converts how an agent is chosen: the queue has one way for all.
func (c *converter) strategy(path string, s payloadStrategy) {
	var way routing.Evaluation
	switch s.Type {
	case "":
		return
	case "longest-idle":
		way = routing.LongestIdle
		if len(s.Skills) > 0 {
			way = routing.AllSkills
		}
	case "random":
		c.note(path, "random has no counterpart: the platform never chooses by chance. The nearest is the longest idle agent, which spreads email evenly")
		return
	default:
		c.note(path, "%q has no counterpart and is left out; the ways are best-skill, all-skills and longest-idle", s.Type)
		return
	}
	if c.agent != "" && c.agent != way {
		c.note(path, "%s differs from the rule before, and a queue has one way to choose an agent: %s stays", way, c.agent)
		return
	}
	c.agent = way
}

// write writes the file.
func (c *converter) write(p payload, o ConvertOptions) (string, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Converted from a JSON payload. What has no counterpart is said where it was.")
	line("version: 1")
	line("name: %s", yamlfile.Text(cmp.Or(o.Name, slug(o.Queue))))
	line("queue: %s", yamlfile.Text(o.Queue))
	line("")
	switch {
	case p.SLAPercent != nil && p.SLATarget != nil:
		line("serviceLevel: %s", serviceLevelText(*p.SLAPercent, routing.Duration(*p.SLATarget*float64(time.Second))))
		line("")
	case p.SLAPercent != nil:
		c.note("slaPercent", "without slaTarget it says nothing, and is left out")
	case p.SLATarget != nil:
		c.note("slaTarget", "without slaPercent it says nothing, and is left out")
	}
	if p.QueueType != "" {
		c.note("queueType", "email has no counterpart: a queue takes every medium, and email comes in by addresses")
	}
	if len(p.Members) > 0 {
		c.note("members", "%d members are left out: name agents under members, by user name or email address", len(p.Members))
	}
	if err := c.addresses(&b, o); err != nil {
		return "", err
	}
	if len(c.rules) > 0 {
		line("rules:")
	}
	for i, r := range c.rules {
		for _, text := range c.about[i] {
			b.WriteString(comment("  ", text))
		}
		line("  - name: %s", yamlfile.Text(r.Name))
		if r.Priority != nil {
			line("    priority: %d", *r.Priority)
		}
		if len(r.Skills) > 0 {
			line("    skills: %s", flowList(r.Skills))
		}
	}
	line("")
	if c.agent != "" {
		line("agents: %s", c.agent)
	}
	switch p.WrapUpPolicy {
	case "":
	case "required", "mandatory":
		line("wrapUp: { mode: mandatory }")
	case "optional":
		line("wrapUp: { mode: optional }")
	default:
		c.note("wrapUpPolicy", "%q has no counterpart and is left out; the modes are optional, mandatory, mandatory-timeout, mandatory-forced-timeout and agent-requested", p.WrapUpPolicy)
	}
	if c.agent != "" || p.WrapUpPolicy != "" {
		line("")
	}
	c.adjust(&b, p)
	for _, n := range c.notes {
		b.WriteString(comment("", n.String()))
	}
	return b.String(), nil
}

// adjust writes what puts waiting email of some rules first. A priority of the
// platform is that of an address, which email takes when it comes in: what waits
// already is raised one by one.
func (c *converter) adjust(b *strings.Builder, p payload) {
	if len(c.first) == 0 {
		return
	}
	late, over := fmt.Sprintf("oldest(%q) > duration(\"1h\")", c.first[0].Name), fmt.Sprintf("oldest(%q) < duration(\"30m\")", c.first[0].Name)
	if p.SLAPercent != nil && p.SLATarget != nil {
		late, over = fmt.Sprintf("serviceLevel(\"1h\") < %g", *p.SLAPercent), fmt.Sprintf("serviceLevel(\"1h\") >= %g", *p.SLAPercent)
	}
	b.WriteString(comment("", "With mode: act it is done, with recommend it is said and recorded."))
	fmt.Fprintf(b, "adjust:\n  mode: recommend\n  rules:\n    - name: put-first\n      when: %s\n      do:\n", late)
	for _, r := range c.first {
		fmt.Fprintf(b, "        - raisePriority: { rule: %s, by: %d }\n", yamlfile.Text(r.Name), *r.Priority)
	}
	fmt.Fprintf(b, "      until: %s\n      lease: 1h\n\n", over)
}

// addresses writes where mail comes in.
func (c *converter) addresses(b *strings.Builder, o ConvertOptions) error {
	from := cmp.Or(o.From, o.Queue)
	if len(o.Addresses) == 0 {
		c.note("addresses", "a payload has none, and without them no mail is routed: add one for each rule")
		b.WriteString("# addresses:\n")
		for _, r := range c.rules {
			fmt.Fprintf(b, "#   - { address: %s@help.example.com, rule: %s, from: %s }\n", slug(r.Name), yamlfile.Text(r.Name), yamlfile.Text(from))
		}
		return nil
	}
	if len(c.rules) == 0 {
		return errors.New("the payload has no rule that an address could follow")
	}
	var known []string
	fallback := c.rules[len(c.rules)-1].Name
	for i, r := range c.rules {
		known = append(known, r.Name)
		if len(c.about[i]) == 0 {
			fallback = r.Name
		}
	}
	b.WriteString("addresses:\n")
	for _, a := range o.Addresses {
		rule, address, named := strings.Cut(a, "=")
		if !named {
			rule, address = fallback, a
		}
		if !slices.Contains(known, rule) {
			return fmt.Errorf("address %s: the payload has no rule %q; its rules are %s", a, rule, strings.Join(known, ", "))
		}
		fmt.Fprintf(b, "  - { address: %s, rule: %s, from: %s }\n", yamlfile.Text(address), yamlfile.Text(rule), yamlfile.Text(from))
	}
	b.WriteString("\n")
	return nil
}
