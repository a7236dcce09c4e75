// Package simulate runs the email of queues through time, as the platform would
// serve it: configuration, agents and arrivals in; service level, waits, backlog
// and occupancy out. The Engine is stepped from outside; Run is a loop over it.
// It is pure: the same model and seed give the same result, to the byte.
package simulate

import (
	"time"

	"github.com/foresort/foresort/routing"
)

// Model is all that a batch of simulations needs to know. Spans of time count
// from Start.
type Model struct {
	Start   time.Time     // the instant zero, in the time zone that days are told in
	Horizon time.Duration // how long is simulated
	// WarmUp is the span at the beginning in which email is served and not
	// counted: figures are of email that enters after it.
	WarmUp time.Duration
	// Drain goes on after the horizon, with no new email, until none is left.
	Drain bool

	Queues []Queue
	Rules  []Rule
	Agents []Agent
	// Sources are the streams of arrivals.
	Sources []Source
	// Busyness is the coefficient of variation of a factor, gamma distributed
	// with mean 1 and drawn anew for each day, by which the rates of all sources
	// are multiplied; 0: every day is as busy as its rates say.
	Busyness float64
	// Days are the beginnings of the days, the first at zero or before. Rates
	// and histories refer to them by index; nil where there is one day.
	Days []time.Duration
	// Backlog is the email that waits at zero already.
	Backlog []Waiting

	// Open is the business hours that deadlines count in, sorted and apart, from
	// before the oldest backlog on; nil: every hour.
	Open       []Span
	Voice      Voice      // calls that interrupt email; the zero Voice: none
	NoAnswer   NoAnswer   // alerts that nobody answers; the zero NoAnswer: none
	Unfinished Unfinished // what happens to email in hand when an agent goes off queue
	// Every is the distance of the points at which backlog and oldest are
	// looked at; default: 15 minutes or more, so that there are at most 200.
	Every time.Duration
}

// Span is the time from From to To, without To.
type Span struct{ From, To time.Duration }

// Queue is one queue as the engine serves it. A nil field of the settings is
// the platform's default: all-skills, age-and-priority, no rings, an alert of 5
// minutes, last agent any.
type Queue struct {
	Name     string
	Settings routing.QueueSettings
}

// Rule is one class of email: what it asks for, and how it behaves.
type Rule struct {
	Name     string
	Queue    int // index in Model.Queues
	Priority int // minutes of head start
	Skills   []string
	Language string // empty: none
	// Deadline is the service level of the rule, in business hours; 0: none.
	Deadline time.Duration
	Handle   Dist       // from the answer to the end of the work
	WrapUp   Dist       // after-call work; the queue's wrap-up mode bounds it
	Patience Dist       // the time after which the sender no longer waits; the zero Dist: for ever
	Replies  float64    // share of the email that is a reply in a thread, 0 to 1
	Transfer []Transfer // what becomes of it when it has been handled
}

// RuleOf is what a rule of a strategy asks for, as the first queue of a model
// has it; how its email behaves is left open.
func RuleOf(in routing.Rule) Rule {
	out := Rule{Name: in.Name}
	if in.Priority != nil {
		out.Priority = *in.Priority
	}
	if in.Skills != nil {
		for _, skill := range *in.Skills {
			out.Skills = append(out.Skills, skill.Name)
		}
	}
	if in.Language != nil {
		out.Language = in.Language.Name
	}
	if in.Deadline != nil {
		out.Deadline = time.Duration(*in.Deadline)
	}
	return out
}

// Transfer is a share of handled email that goes elsewhere afterwards.
type Transfer struct {
	To    int     // index in Model.Rules, in which it enters the queue anew; -1: out of sight
	Share float64 // 0 to 1; the shares of a rule add up to at most 1
}

// Agent is one person who may serve the queues.
type Agent struct {
	Name      string
	Skills    map[string]float64 // proficiency, 0 to 5, by skill
	Languages map[string]float64 // proficiency, 0 to 5, by language
	Capacity  int                // emails at once, at most 255; 0: takes none
	Attention Attention
	// Speed multiplies the pace at which email is worked on; 0 means 1.
	Speed   float64
	Members []Membership
	// Shifts is when the agent is on queue, sorted and apart, without breaks;
	// nil: only Engine.SetOnQueue says when.
	Shifts []Span
}

// Membership is an agent's place in one queue.
type Membership struct {
	Queue int // index in the queues
	Ring  int // 1 to 6
}

// Attention says how an agent works on several emails at once.
type Attention uint8

// The ways to work on several emails at once.
const (
	Independent Attention = iota // each as if it were the only one
	Shared                       // each gets its part of the agent's time: two take twice as long
)

// Unfinished says what happens to email in hand when an agent goes off queue.
type Unfinished uint8

// The ways to leave.
const (
	Finish Unfinished = iota // it is finished first; nothing new is taken
	Park                     // it rests until the agent is back
)

// Share is one rule's part of a source.
type Share struct {
	Rule   int     // index in Model.Rules
	Weight float64 // above 0; what counts is its part of the sum
}

// Source is one stream of arrivals. Exactly one of Rates, Trace and History is
// set.
type Source struct {
	Mix   []Share // which rule an email follows; not for arrivals that say it themselves
	Rates []Rate  // sorted and apart; nothing arrives outside
	Trace []Arrival
	// History are days that have been; on each simulated day one of Pick is
	// chosen by chance and happens again.
	History [][]Arrival // arrivals of a day, counted from its beginning
	Pick    [][]int     // by day of Model.Days: indices into History; an empty list: nothing arrives
}

// Rate is how many emails an hour arrive on the average in a span, one after
// the other by chance (a Poisson process).
type Rate struct {
	Span
	PerHour float64
	Day     int // index in Model.Days: which day's busyness it shares
}

// Arrival is one email that is known to arrive. Rule is an index in
// Model.Rules, or -1: the source's mix decides. Handle is the work that it
// takes; 0: drawn as the rule says.
type Arrival struct {
	At     time.Duration
	Rule   int
	Handle time.Duration
}

// Waiting is email that waits at zero already.
type Waiting struct {
	Rule int
	Age  time.Duration // how long it has waited at zero
}

// Voice is calls that every agent on queue gets beside email. A call waits for
// nothing: email in hand rests while it lasts, and nothing new is taken.
type Voice struct {
	PerHour float64 // calls an hour for each agent who is on queue and not on a call
	Handle  Dist
}

// NoAnswer is the share of alerts that nobody answers. After the queue's alert
// timeout the email goes back to the queue, with the age that it has, and the
// agent gets nothing for as long as Away says.
type NoAnswer struct {
	Share float64       // 0 to 1, without 1
	Away  time.Duration // not responding
	// Answer is how long it takes to answer an alert that is answered; the zero
	// Dist: no time.
	Answer Dist
}
