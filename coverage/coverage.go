// Package coverage says whether the people, shifts and settings of an
// organisation can serve a strategy: the strategy as it will be once applied,
// the org with its published schedules and the email of recent weeks in,
// findings and a coverage matrix out. It is pure: no clock, no I/O.
package coverage

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// Cell is one step of the matrix, Cells how many there are: 7 days.
const (
	Cell  = 15 * time.Minute
	Cells = 7 * 24 * 4
)

// Input is what a check looks at.
type Input struct {
	// Want is the strategy with what the queue has beside it, as it will be once
	// applied.
	Want routing.Desired
	// Org holds the queue with its members, and as far as they could be read
	// ratings, utilization and the roster. What is nil is not known.
	Org routing.Org
	// Volume is the email of whole weeks before now; nil: not known, and
	// VolumeUnknown says why.
	Volume        *measure.Volume
	VolumeUnknown string
	Waiting       *int // emails that wait now; nil: not known
	Lacks         []Lack
	Now           time.Time
}

// Lack is a permission that the client does not have.
type Lack struct {
	Permission string   // one, or several with and or or between them
	For        []string // what needs it, such as apply
	Surely     bool     // what is asked for cannot be done without it
	Without    string   // what a check goes on without, such as the schedules are unknown; may be empty
}

// Report is what a check found.
type Report struct {
	Queue    string            `json:"queue"`
	Zone     *time.Location    `json:"-"`
	Span     routing.Span      `json:"span"` // of the matrix: Cells steps of Cell
	Members  int               `json:"members"`
	Findings []routing.Finding `json:"findings"`
	Rules    []Rule            `json:"rules"`
	Balance  *Balance          `json:"balance,omitempty"` // nil: not known
	// Open says of each cell whether the calendar counts it; nil: every one.
	Open []bool `json:"open,omitempty"`
	// Waivers says in words which waivers have ended or waive nothing.
	Waivers []string `json:"waivers,omitempty"`
}

// Rule is who can serve one rule in each cell: the smallest number at any minute
// of it, of those to whom email that comes in then is offered within the deadline.
// In a cell that is open in part the open minutes count. A strategy without rules
// has one without a name, for which all members are qualified.
type Rule struct {
	Name     string            `json:"rule"`
	Skills   []string          `json:"skills"`
	Language string            `json:"language,omitempty"`
	Within   *routing.Duration `json:"within,omitempty"` // the rule's deadline, or the queue's service level
	// Qualified is how many members can serve it within that time, whenever in the
	// open hours it comes in.
	Qualified int   `json:"qualified"`
	Agents    []int `json:"agents"`
	Slots     []int `json:"slots"` // emails that these agents take at once
	// Unknown is how many more may serve it at some minute of the cell: those of
	// whom the skills, the schedule or the very membership is not known.
	Unknown []int `json:"unknown"`
}

// Check looks at everything. Findings come by severity, then in the order of
// the file.
func Check(in Input) Report {
	c := begin(in)
	if c.join() {
		c.abilities()
		c.matrix()
		c.holes()
		c.balance()
	}
	c.platform()
	c.settle()
	return c.report
}

// begin is a check that has not looked at the members yet.
func begin(in Input) *check {
	c := &check{Input: in}
	c.zone = time.UTC
	switch {
	case in.Want.Calendar != nil:
		c.zone = in.Want.Calendar.Location
	case in.Org.Roster != nil && in.Org.Roster.Zone != nil:
		c.zone = in.Org.Roster.Zone
	}
	c.report = Report{Queue: in.Want.Queue.Name, Zone: c.zone, Findings: Lacking(in.Lacks), Rules: []Rule{}}
	c.report.Span.From = in.Now.Truncate(Cell)
	c.report.Span.To = c.report.Span.From.Add(Cells * Cell)
	c.queue = c.findQueue()
	if c.whole = len(in.Want.Rules) == 0; c.whole {
		c.Want.Rules = []routing.Rule{{Place: c.at("queue")}} // what any email needs: nothing
	}
	c.ring()
	return c
}

// check is a check under way.
type check struct {
	Input
	zone    *time.Location
	whole   bool          // the strategy has no rules: the one without a name stands for all email
	queue   routing.Queue // as it is; zero where it is not there yet
	rings   routing.Rings // after; one ring without a wait where there are none
	entered []time.Duration
	members []member
	unseen  []string                                   // groups of which nobody knows whom they will bring
	asks    [][]ask                                    // by rule and ring
	timely  []func(after time.Duration, cell int) bool // by rule: intime
	teams   []*team
	clock   []bool // by minute: the calendar counts it; nil: every one
	report  Report
}

func (c *check) findQueue() routing.Queue {
	for _, q := range c.Org.Queues {
		if q.Name == c.Want.Queue.Name {
			return q
		}
	}
	return routing.Queue{}
}

// settings are those of the queue once the strategy is applied.
func (c *check) settings() routing.QueueSettings { return c.Want.Queue.Settings }

// add adds a finding, with the severity of its type, about the queue where it is
// about nothing else.
func (c *check) add(f routing.Finding) {
	if f.Severity == "" {
		f.Severity = routing.SeverityOf(f.Type)
	}
	if f.Object == "" {
		f.Object = "queue " + c.Want.Queue.Name
	}
	f.At = cmp.Or(f.At, c.at("queue"))
	c.report.Findings = append(c.report.Findings, f)
}

// at is the place of a key of the strategy; the zero Place where it has none.
func (c *check) at(path string) routing.Place { return c.Want.Places[path] }

// Lacking are the findings of permissions that the client does not have.
func Lacking(lacks []Lack) []routing.Finding {
	out := []routing.Finding{}
	for _, l := range lacks {
		f := routing.Finding{
			Type: routing.MissingPermission, Severity: routing.SeverityError, Object: "the client", Permission: l.Permission,
			Message: fmt.Sprintf("%s is missing; needed by %s", l.Permission, phrase.List(l.For)),
			Do:      "give a role that has it to the OAuth client (Admin, Integrations, OAuth)",
		}
		if l.Without != "" {
			f.Message += "; without it " + l.Without
		}
		if !l.Surely {
			f.Severity = routing.SeverityWarning
		}
		out = append(out, f)
	}
	return out
}

// settle sorts the findings and lays the waivers over them.
func (c *check) settle() {
	order := map[routing.Severity]int{routing.SeverityError: 0, routing.SeverityWarning: 1, routing.SeverityNote: 2}
	slices.SortStableFunc(c.report.Findings, func(a, b routing.Finding) int { return order[a.Severity] - order[b.Severity] })
	for i := range c.Want.Staffing.Waivers {
		w := c.Want.Staffing.Waivers[i]
		used := false
		for n := range c.report.Findings {
			f := &c.report.Findings[n]
			if !w.Waives(*f) {
				continue
			}
			used = true // of a note too, which needs none: the file's check has said so
			if f.Severity == routing.SeverityNote {
				continue
			}
			if c.Now.Before(w.Until) && (f.Waived == nil || f.Waived.Until.Before(w.Until)) {
				f.Waived = &w
			}
		}
		what := fmt.Sprintf("line %d: the waiver of %s", w.At.Line, w.Finding)
		switch {
		case !c.Now.Before(w.Until):
			c.report.Waivers = append(c.report.Waivers, fmt.Sprintf("%s ended on %s", what, w.LastDay()))
		case !used:
			c.report.Waivers = append(c.report.Waivers, what+" waives nothing: there is no such finding")
		}
	}
}
