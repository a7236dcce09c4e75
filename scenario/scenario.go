// Package scenario reads what a planner knows of the days to come: arrivals,
// handling times, agents and shifts. A scenario file goes in; a Scenario, or
// every mistake with its place and a way out, comes out. A Scenario and a
// routing.Desired make the model that package simulate runs.
package scenario

import (
	_ "time/tzdata" // time zones are known wherever the program runs

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

//go:generate go run gen.go

// Scenario is a scenario file as it was read.
type Scenario struct {
	Version    int               `json:"version" is:"required" enum:"1" doc:"The version of this format: 1."`
	Name       string            `json:"name,omitempty" doc:"What reports call the scenario."`
	Start      string            `json:"start" is:"required" doc:"The first day, such as 2026-11-30, or a day and time, such as 2026-11-30 08:00."`
	Timezone   string            `json:"timezone,omitempty" doc:"The clock that days and hours are told by, such as Europe/Berlin. Left out: that of the strategy's calendar, or else UTC."`
	Days       *int              `json:"days,omitempty" min:"1" max:"400" doc:"How many days are simulated."`
	Horizon    *routing.Duration `json:"horizon,omitempty" doc:"Instead of days: the time that is simulated, at most 9600h."`
	WarmUp     routing.Duration  `json:"warmUp,omitempty" default:"\"0s\"" doc:"The time at the beginning in which email is served and not counted."`
	Drain      bool              `json:"drain,omitempty" default:"false" doc:"Whether the agents go on after the end, with no new email, until none is left."`
	Arrivals   []Arrivals        `json:"arrivals,omitempty" doc:"The sources of email."`
	Busyness   float64           `json:"busyness,omitempty" min:"0" max:"10" default:"0" doc:"How much days differ: the coefficient of variation of a factor, drawn for each day, on the rates of all sources."`
	Backlog    []Backlog         `json:"backlog,omitempty" doc:"Email that waits at the start."`
	Handle     *Time             `json:"handle,omitempty" doc:"The work that one email takes, from the answer to its end."`
	WrapUp     *Time             `json:"wrapUp,omitempty" doc:"The after-call work of one email, within what the strategy's wrapUp allows."`
	Rules      map[string]Rule   `json:"rules,omitempty" doc:"What differs from that, by name or address of the strategy's rule."`
	Agents     []Agent           `json:"agents" is:"required" doc:"Who serves the queue."`
	Voice      *Voice            `json:"voice,omitempty" doc:"Calls that interrupt email."`
	NoAnswer   *NoAnswer         `json:"noAnswer,omitempty" doc:"Alerts that nobody answers."`
	Unfinished string            `json:"unfinished,omitempty" enum:"finish|park" default:"\"finish\"" doc:"What happens to email in hand at the end of a shift: finish it first, or park it until the agent is back."`
	Every      routing.Duration  `json:"every,omitempty" doc:"The distance of the points at which backlog and oldest are looked at: at least 1m, and at most 2000 points in the time that is simulated, so that 30 days need 22m. Left out: 15m, or more for long times."`

	reader *yamlfile.Reader
	files  map[string]*traceFile
	broken Problems // errors, with which it has no model
	part   bool     // a stretch of something longer: files may have email outside
}

// Parse reads a scenario file. Problems holds everything that is wrong with it,
// in the order of the file; those that only warn have Severity Warning. The
// Scenario is nil only when the file could not be read at all; with errors it
// holds what could be made of it. The name of the file is only for places. The
// files that the scenario names are read by read, with their names as they
// stand there; it may be nil where there are none.
func Parse(file string, src []byte, read func(name string) ([]byte, error)) (*Scenario, Problems) {
	doc, problems := yamlfile.Open(file, src, &kind)
	if len(problems) > 0 {
		return nil, problems
	}
	s := &Scenario{files: map[string]*traceFile{}}
	s.reader = doc.Read(s)
	c := &checker{Reader: s.reader, s: s}
	if !c.None() {
		c.check(read)
	}
	problems = c.Problems()
	if problems.Err() != nil {
		s.broken = problems
	}
	if c.None() {
		return nil, problems
	}
	return s, problems
}

// At is the place of a key or list item, such as "agents[0].shifts"; the zero
// Place where the file does not have it.
func (s *Scenario) At(path string) routing.Place { return s.reader.Places().Key(path) }
