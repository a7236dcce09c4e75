// Package strategy turns a strategy file into a Strategy, or into every mistake
// in it with its place and a way out, and compiles a Strategy to the terms of
// the platform. It also writes strategy files: new ones, formatted ones, and
// ones made of a live queue or of a JSON payload.
package strategy

import (
	"strings"

	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

//go:generate go run gen.go

// Strategy is a strategy file as it was read. A key that is absent in the file
// is nil or empty here; a list that is empty in the file is empty and not nil.
type Strategy struct {
	Version      int                 `json:"version" is:"required" enum:"1" doc:"The version of this format: 1."`
	Name         string              `json:"name" is:"required" doc:"The strategy's own name: letters, digits, and . _ - between them. Foresort remembers under it what the strategy owns."`
	Queue        string              `json:"queue" is:"required" doc:"Name of the queue, as people know it." home:"queue, name"`
	Create       bool                `json:"create,omitempty" default:"false" doc:"Make the queue where it is missing."`
	ServiceLevel *ServiceLevel       `json:"serviceLevel,omitempty" doc:"The target of the queue." home:"queue, mediaSettings.email.serviceLevel"`
	Calendar     string              `json:"calendar,omitempty" doc:"Name of the calendar under calendars that deadlines and reports go by."`
	Addresses    []Address           `json:"addresses,omitempty" doc:"The addresses that mail comes in at." home:"email routes"`
	Rules        []Rule              `json:"rules,omitempty" doc:"The classes of email and what each asks for."`
	Agents       routing.Evaluation  `json:"agents,omitempty" enum:"best-skill|all-skills|longest-idle" doc:"Which of several free agents gets an email: best-skill takes the highest proficiency in the skills, all-skills the longest idle who has every skill, longest-idle disregards skills." home:"queue, skillEvaluationMethod"`
	Order        routing.Order       `json:"order,omitempty" enum:"age-and-priority|priority-only" doc:"Which of several waiting emails goes first: by minutes of waiting plus priority, or by priority alone." home:"queue, scoringMethod"`
	LastAgent    routing.LastAgent   `json:"lastAgent,omitempty" enum:"any|queue-members|off" doc:"Whether a reply goes back to the agent who wrote last." home:"queue, lastAgentRoutingMode"`
	Alert        *routing.Duration   `json:"alert,omitempty" doc:"How long an email alerts an agent before the next one gets it: whole seconds, at least 7s." home:"queue, mediaSettings.email.alertingTimeoutSeconds"`
	WrapUp       *WrapUp             `json:"wrapUp,omitempty" doc:"The after-call work of the queue." home:"queue, acwSettings"`
	Members      *Members            `json:"members,omitempty" doc:"Who serves the queue."`
	Capacity     *Capacity           `json:"capacity,omitempty" doc:"How much an agent takes at once." home:"agent utilization"`
	Coverage     *Coverage           `json:"coverage,omitempty" doc:"What validate --live goes by: who counts as able to serve the queue, and which findings may stand."`
	Relax        []Step              `json:"relax,omitempty" doc:"What is relaxed the longer an email waits, at most 5 steps. An empty list turns bullseye routing off." home:"queue, bullseye.rings"`
	Adjust       *Adjust             `json:"adjust,omitempty" doc:"How the strategy adjusts to the day, within limits, and puts it back."`
	Sync         []Sync              `json:"sync,omitempty" doc:"Other systems that are told of every change, by signed calls."`
	Report       *Report             `json:"report,omitempty" doc:"A report on the queue that foresort serve makes by the calendar."`
	Tests        []Test              `json:"tests,omitempty" doc:"Expectations that validate checks without a network."`
	Calendars    map[string]Calendar `json:"calendars,omitempty" doc:"Weeks of open hours, by name."`

	places     yamlfile.Places
	conditions map[int]*condition.OfEmail // of the rules, by their place in the list
}

// None is how the file says that an email asks for no language, and how a test
// expects no rule.
const None = "none"

// At is the place of a key or list item, such as "rules[0].priority"; the zero
// Place where the file does not have it.
func (s *Strategy) At(path string) routing.Place { return s.places.Key(path) }

// Parse reads a strategy file. Problems holds everything that is wrong with
// it, in the order of the file; those that only warn have Severity Warning.
// The Strategy is nil only when the file could not be read at all; with errors
// it holds what could be made of it. The name of the file is only for places.
func Parse(file string, src []byte) (*Strategy, Problems) {
	doc, problems := yamlfile.Open(file, src, &kind)
	if len(problems) > 0 {
		return nil, hideSecrets(problems)
	}
	s := &Strategy{conditions: map[int]*condition.OfEmail{}}
	c := &checker{Reader: doc.Read(s), s: s}
	s.places = c.Places()
	c.check()
	problems = hideSecrets(c.Problems())
	if c.None() {
		return nil, problems
	}
	return s, problems
}

// rule finds a rule by its name.
func (s *Strategy) rule(name string) (int, bool) {
	for i, r := range s.Rules {
		if r.Name == name {
			return i, true
		}
	}
	return 0, false
}

// address is the parsed form of one of the addresses.
func (a Address) parse() (routing.Address, error) {
	return routing.ParseAddress(strings.TrimSpace(a.Address))
}
