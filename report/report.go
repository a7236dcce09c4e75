// Package report says what happened to email and whether it was better than
// before: conversations, the platform's own figures, agents and what was changed
// go in; performance by queue and by day, hour, rule or agent, where the service
// level went, and each change before and after come out, as values, text, CSV and
// a page. It reads no clock and no network: docs/report.md says how each figure
// is counted.
package report

import (
	"cmp"
	"fmt"
	"time"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// By is what the rows of a report are about.
type By string

// What the rows can be about. Days and hours are those of the business's clock.
const (
	ByDay   By = "day"
	ByHour  By = "hour"
	ByRule  By = "rule"
	ByAgent By = "agent"
)

// Input is what a report is about, but for the conversations and the rows of
// analytics, which are added one by one.
type Input struct {
	routing.Span           // what the figures are of
	Now          time.Time // up to when conversations are known
	// Known is from when on they are, for the time before a change, and for email
	// that came in before the span; zero: from the span on.
	Known time.Time
	// Unheard is until when changes that others made are not known; zero: they are
	// known wherever conversations are.
	Unheard time.Time
	Zone    *time.Location // the business's clock; nil: UTC
	By      By
	Queues  []Queue
	Agents  []Agent
	Changes Changes // nil: there are none
}

// Queue is a queue to report on, as it is configured now.
type Queue struct {
	routing.Ref
	Strategy string // empty: none is known
	Settings routing.QueueSettings
	Calendar *routing.Calendar // the clock of deadlines; nil: every hour counts
	Rules    []Rule
	Members  []routing.Member // nil: they are not known
}

// Rule is a class of email, which its addresses decide.
type Rule struct {
	Name      string
	Addresses []string
	// Deadline is its own; 0: it has the target of the queue.
	Deadline time.Duration
}

// Agent is somebody who takes email. Skills and Languages are the ids of what they
// have; nil: not known.
type Agent struct {
	routing.Ref
	Skills, Languages []string
	Capacity          int // emails at once; 0: not known
}

// Changes is what a report reads of a ledger and of the platform's audit trail.
type Changes interface {
	// Of are the changes of a queue, and of what leads to it, in a span, oldest
	// first.
	Of(queueID string, within routing.Span) []Change
}

// Change is a change of configuration.
type Change struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Strategy string    `json:"strategy,omitempty"`
	By       string    `json:"by,omitempty"` // who made it out of band, in words; empty: Foresort did
	What     []string  `json:"what"`         // in words
	// Passing says of a change that does not last of what sort it is; empty: it lasts
	// until something else is changed.
	Passing Passing         `json:"passing,omitempty"`
	Rule    string          `json:"rule,omitempty"`   // of adjust, that began an override
	Levers  []routing.Lever `json:"levers,omitempty"` // that the override moved
	Emails  int             `json:"emails,omitempty"` // that waited, and were changed
	Ended   time.Time       `json:"ended,omitzero"`   // when a passing change was over; zero: it holds
	Runs    []string        `json:"runs,omitempty"`   // others that went on with it, or put it back
}

// Passing is a sort of change that does not last.
type Passing string

// The sorts of changes that do not last.
const (
	Override Passing = "override" // of adjust, which ends by itself
	Undone   Passing = "undone"   // what the same run put back
	Emails   Passing = "emails"   // of email that waited, and not of the queue
)

// who is the strategy whose change it is, or who made it out of band.
func (c Change) who() string {
	switch {
	case c.By != "":
		return "out of band by " + c.By
	case c.Rule != "":
		return cmp.Or(c.Strategy, "a strategy") + ", rule " + c.Rule + " of adjust"
	}
	return cmp.Or(c.Strategy, "a change")
}

// held is for how long a passing change has held.
func (c Change) held(now time.Time) time.Duration {
	end := c.Ended
	if end.IsZero() {
		end = now
	}
	return max(0, end.Sub(c.At))
}

// Brief says that a change did not last for the week that a comparison needs.
func (c Change) Brief(now time.Time) bool {
	return c.Passing == Emails || c.Passing != "" && c.held(now) < 7*24*time.Hour
}

// Report is what happened. Times are seconds, percentages 0 to 100; what is null
// is undefined or not known.
type Report struct {
	routing.Span
	Now    time.Time     `json:"now"`
	Zone   string        `json:"timeZone"`
	By     By            `json:"by"`
	Queues []QueueReport `json:"queues"`
	Notes  []string      `json:"notes"` // what a reader has to know
}

// QueueReport is what happened in one queue.
type QueueReport struct {
	Queue    routing.Ref           `json:"queue"`
	Strategy string                `json:"strategy,omitempty"`
	Target   *routing.ServiceLevel `json:"target"`   // that the platform measures by
	Calendar string                `json:"calendar"` // of deadlines; empty: every hour counts
	Total    Figures               `json:"total"`
	Rows     []Row                 `json:"rows"`
	Rules    []RuleLevel           `json:"deadlines"`
	Lost     Lost                  `json:"lost"`
	Changes  []Comparison          `json:"changes"`
}

// Row is a day, an hour, a rule or an agent.
type Row struct {
	Name string `json:"name"`
	ID   string `json:"id,omitempty"` // of an agent
	routing.Span
	// Partial says that the report does not cover the whole of the day or hour.
	Partial bool `json:"partial"`
	Figures
}

// Figures are what happened in a stretch of time. Each is counted when it
// happened, so that an email may be offered in one and answered in another; only
// the Deadlines are those of the email that came in.
type Figures struct {
	Offered   *int `json:"offered"` // null by agent
	Answered  int  `json:"answered"`
	Abandoned int  `json:"abandoned,omitempty"` // absent where none was: hardly any email is
	// Transferred were passed on, before or after an answer; Missed are offers to
	// an agent that nobody took.
	Transferred int `json:"transferred"`
	Missed      int `json:"alertsMissed"`
	// Level is the service level as the platform counts it; null: it has not told.
	Level *Level `json:"serviceLevel"`
	// Deadlines is the share that was answered by the deadline of its rule, in the
	// open hours of the calendar; null where there is no deadline.
	Deadlines *Level `json:"deadlineLevel"`
	Wait      *Times `json:"waitSeconds"`   // of what left the queue
	Handle    *Times `json:"handleSeconds"` // with after-call work, when it ended
	First     *Times `json:"firstResponseSeconds"`
	// Backlog is what waits at the end; null by agent.
	Backlog *Backlog `json:"backlog"`
	// Occupancy is the percentage of the time on queue with an email or a call in
	// hand; null where that is not known.
	Occupancy *float64 `json:"occupancy"`
	// Fairness is Jain's index (docs/report.md#fairness) of what each agent
	// handled, from one in so many agents to 1, where all have the same.
	Fairness *Fairness `json:"fairness"`
}

// Level is a share of what counts.
type Level struct {
	InTime  float64  `json:"inTime"`
	Counted float64  `json:"counted"`
	Percent *float64 `json:"percent"`
}

func newLevel(inTime, counted float64) *Level {
	l := &Level{InTime: inTime, Counted: counted}
	if counted > 0 {
		l.Percent = new(100 * inTime / counted)
	}
	return l
}

// Times are of N emails, in seconds. The quantiles are exact: the least value that
// at least half, or nine in ten, of all do not exceed.
type Times struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
}

// Backlog is email that waits at an instant.
type Backlog struct {
	Waiting int      `json:"waiting"`
	Oldest  *float64 `json:"oldestSeconds"` // null: none waits
}

// Fairness is an index over Agents, of emails handled per hour on queue where
// Per is "hour", and of emails handled where the time on queue is not known.
type Fairness struct {
	Index  float64 `json:"index"`
	Agents int     `json:"agents"`
	Per    string  `json:"per"` // hour or agent
}

// RuleLevel is the service level of a rule by its own deadline, in open hours, of
// the email that came in.
type RuleLevel struct {
	Rule     string           `json:"rule"`
	Deadline routing.Duration `json:"deadline"`
	Own      bool             `json:"own"` // the rule's; else the target of the queue
	Offered  int              `json:"offered"`
	Level
}

// Builder gathers what a report is made of. It keeps some 150 bytes of each
// conversation.
type Builder struct {
	in     Input
	zone   *time.Location
	queues map[string]int32 // by id, the place in in.Queues
	rules  []map[string]int32
	agents names
	asks   names
	askOf  []ask

	stays  chunks[stay]
	misses chunks[miss]
	late   chunks[late]
	holds  map[int32][]hold // by agent: when they had an email in hand
	rows   []routing.MetricRow
	here   map[presence]measure.Occupancy
}

// New begins a report.
func New(in Input) *Builder {
	if in.Known.IsZero() || in.Known.After(in.From) {
		in.Known = in.From
	}
	b := &Builder{in: in, zone: in.Zone, queues: map[string]int32{}, holds: map[int32][]hold{}, here: map[presence]measure.Occupancy{}}
	if b.zone == nil {
		b.zone = time.UTC
	}
	for i, q := range in.Queues {
		b.queues[q.ID] = int32(i)
		b.rules = append(b.rules, addresses(q.Rules))
	}
	for _, a := range in.Agents {
		b.agents.of(a.ID)
	}
	return b
}

// Performance is a report of conversations and rows that are all at hand.
func Performance(in Input, conversations []routing.Conversation, rows []routing.MetricRow) (Report, error) {
	b := New(in)
	for _, c := range conversations {
		b.Add(c)
	}
	if err := b.AddRows(rows); err != nil {
		return Report{}, err
	}
	return b.Report(), nil
}

// presence is an interval of an agent.
type presence struct {
	agent    int32
	from, to int64
}

// statusMetric is the metric of how long agents were in a routing status.
const statusMetric = "tAgentRoutingStatus"

// AddRows adds figures of the platform's own: measure.WindowMetrics by queueId, and
// by addressTo or userId where the rows of the report are about rules or agents;
// tAgentRoutingStatus by userId, of which intervals of at most an hour tell who was
// on queue when. Its error is one that lies across the limits of a day or hour.
func (b *Builder) AddRows(rows []routing.MetricRow) error {
	for _, r := range rows {
		if next := b.next(r.From); (b.in.By == ByDay || b.in.By == ByHour) && r.To.After(next) {
			return fmt.Errorf("a row of %s is about %s to %s, across the end of its %s at %s: ask for shorter intervals", r.Metric, r.From, r.To, b.in.By, next)
		}
		if r.Metric != statusMetric {
			b.rows = append(b.rows, r)
			continue
		}
		at := presence{b.agents.of(r.Group["userId"]), r.From.UnixMilli(), r.To.UnixMilli()}
		b.here[at] = b.here[at].Add(measure.Occupancies([]routing.MetricRow{r})[r.Group["userId"]])
	}
	return nil
}

// Report is the report of what was added.
func (b *Builder) Report() Report {
	out := Report{Span: b.in.Span, Now: b.in.Now, Zone: b.zone.String(), By: b.in.By, Queues: []QueueReport{}, Notes: []string{}}
	t := b.count()
	grid := b.grid()
	for i, q := range b.in.Queues {
		r := QueueReport{Queue: q.Ref, Strategy: q.Strategy, Target: q.Settings.ServiceLevel, Total: t.total(i), Rows: t.rows(i), Rules: t.levels(i), Lost: b.lost(i, grid)}
		if q.Calendar != nil {
			r.Calendar = q.Calendar.Name
		}
		r.Changes = b.comparisons(i)
		out.Queues = append(out.Queues, r)
	}
	out.Notes = append(out.Notes, b.notes()...)
	return out
}
