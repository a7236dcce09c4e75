package routing

import "time"

// QueueState is the email of one queue at an instant, from a complete answer:
// what is not there is 0. Waiting are those that no agent has, Alerting those
// that an agent is offered, Interacting those that an agent has.
type QueueState struct {
	At          time.Time `json:"at"` // when it was asked, by the platform's clock, to about a second
	Waiting     int       `json:"waiting"`
	Alerting    int       `json:"alerting"`
	Interacting int       `json:"interacting"`
	OnQueue     int       `json:"onQueue"` // agents who are joined and on queue, whatever they do
	// Emails are those that wait, the first that entered first. They are all of
	// them only where Complete says so: the platform may leave some out.
	Emails   []WaitingEmail `json:"emails"`
	Complete bool           `json:"complete"`
}

// WaitingEmail is an email in a queue and what it asks for.
type WaitingEmail struct {
	ConversationID string    `json:"id"`
	Entered        time.Time `json:"entered"`  // the queue that it is in; a transfer begins it anew
	Priority       int       `json:"priority"` // minutes of head start
	Skills         []Ref     `json:"skills"`   // perhaps by their ids alone, as is the language
	Language       Ref       `json:"language,omitzero"`
	To             string    `json:"to,omitempty"` // addresses as the platform has them; empty: not known
	From           string    `json:"from,omitempty"`
	// Rule is the rule of a strategy that it follows, NoRule where it follows none;
	// empty: not looked at.
	Rule string `json:"-"`
}

// NoRule is what no rule is named.
const NoRule = "none"

// Conversation is an email conversation and the queues that it was in.
type Conversation struct {
	ID       string
	To, From string // addresses as the platform has them; empty: not known
	Stays    []Stay // in the order in which they began
}

// Stay is one stay of a conversation in a queue. At its end it was answered, or
// Abandoned, or Transferred; an email that was answered may be Transferred later.
type Stay struct {
	QueueID  string
	Entered  time.Time
	Answered time.Time // zero: it was not
	// Left is when it left the queue, for an agent or otherwise; zero: it waits.
	Left        time.Time
	Abandoned   bool // it ended there without an answer
	Transferred bool // it was passed on, by the agent where it was answered
	AgentID     string
	Handle      time.Duration // in the hands of agents, with after-call work; 0: not known by now
	// FirstResponse is from entering the queue to the first answer that was sent;
	// 0: none is known.
	FirstResponse time.Duration

	// What it was asked for with, as far as the platform tells: its details of a
	// conversation have no place for the priority.
	Priority   int // minutes of head start
	SkillIDs   []string
	LanguageID string
	// Routing is how its agent was found, in the platform's word (Last, Bullseye,
	// Standard …), and Ring the ring it was then in, 1 the first; 0: not told.
	Routing string
	Ring    int
	// Alerts are the offers to agents, but perhaps for one that was answered at
	// once; Work are the times in their hands, with after-call work. Oldest first.
	Alerts, Work []Touch
}

// Touch is a time for which an agent had an email: To is zero while it lasts.
type Touch struct {
	AgentID string
	Span
	Answered bool // of an alert: the agent took it
}
