package simulate

import (
	"encoding/json"
	"math"
	"time"
)

// Estimate is the mean of a figure over independent replications with its 95%
// confidence interval. N is the number of replications in which the figure was
// defined; with none the rest is NaN, with one the interval is.
type Estimate struct {
	Mean, Low, High float64
	N               int
}

// MarshalJSON writes null for what is undefined.
func (e Estimate) MarshalJSON() ([]byte, error) {
	defined := func(x float64) *float64 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		return &x
	}
	return json.Marshal(struct {
		Mean *float64 `json:"mean"`
		Low  *float64 `json:"low"`
		High *float64 `json:"high"`
		N    int      `json:"n"`
	}{defined(e.Mean), defined(e.Low), defined(e.High), e.N})
}

// Figures are what came out for one rule, or for all. In a Comparison they are
// differences, the second strategy minus the first.
type Figures struct {
	Rule      string   `json:"rule,omitempty"` // empty: all
	Offered   Estimate `json:"offered"`        // emails that entered the queue
	Answered  Estimate `json:"answered"`
	Abandoned Estimate `json:"abandoned"`
	Waiting   Estimate `json:"waiting"` // neither at the end
	Overdue   Estimate `json:"overdue"` // of these, longer than the queue's target; undefined without one
	// ServiceLevel is the percentage of answered and abandoned email that was
	// answered within the queue's target, as the platform measures it: email that
	// still waits at the end does not count.
	ServiceLevel Estimate `json:"serviceLevel"`
	// DeadlineLevel is the percentage of email that was answered within the
	// rule's deadline in business hours. Email that waits beyond its deadline
	// counts as late; undefined without a deadline.
	DeadlineLevel Estimate `json:"deadlineLevel"`
	Wait          Waits    `json:"waitSeconds"`
	// Handle is the mean of handling and wrap-up at the agents' pace, without the
	// time in which email rests or shares attention.
	Handle Estimate `json:"handleSeconds"`
}

// Waits are the waits of answered email, from entering the queue to the answer.
// Each is computed in every replication, and then estimated over them.
type Waits struct {
	Mean Estimate `json:"mean"`
	P50  Estimate `json:"p50"`
	P90  Estimate `json:"p90"`
	P99  Estimate `json:"p99"`
	Max  Estimate `json:"max"`
}

// AgentFigures are what came out for one agent.
type AgentFigures struct {
	Agent     string   `json:"agent"`
	Answered  Estimate `json:"answered"`
	Occupancy Estimate `json:"occupancy"` // percent of the time on queue with an email or a call in hand
}

// Series is one figure at the points of time of a Result.
type Series struct {
	Rule string    `json:"rule,omitempty"` // empty: all
	Mean []float64 `json:"mean"`
	Low  []float64 `json:"low"`
	High []float64 `json:"high"`
}

// Result is what a batch of replications came to.
type Result struct {
	Start        time.Time     `json:"start"`
	Horizon      time.Duration `json:"horizonNanoseconds"`
	WarmUp       time.Duration `json:"warmUpNanoseconds"`
	Seed         uint64        `json:"seed"`
	Replications int           `json:"replications"` // done
	Asked        int           `json:"asked"`        // replications that were asked for
	// Partial says that the run was ended before all replications were done.
	Partial bool  `json:"partial"`
	Emails  int64 `json:"emails"` // simulated, over all replications

	All   Figures   `json:"all"`
	Rules []Figures `json:"rules"`

	Occupancy Estimate       `json:"occupancy"` // percent of the time on queue with an email or a call in hand
	Slots     Estimate       `json:"slots"`     // percent of the room for email on queue that is filled
	Fairness  Estimate       `json:"fairness"`  // Jain's index of the agents' occupancy, 1/agents to 1: 1 is even
	Agents    []AgentFigures `json:"agents"`

	// Times are the points at which Backlog and Oldest were looked at.
	Times   []time.Time `json:"times"`
	Backlog []Series    `json:"backlog"`       // email that waits: all first, then each rule
	Oldest  []Series    `json:"oldestSeconds"` // age of the oldest email that waits, 0 where none does; the same order

	// Clears is when, in hours after Start, nothing waits for the first time
	// after the backlog was largest: not the mean but the median of the
	// replications in which that happened, which N counts.
	Clears Estimate `json:"clearsHours"`
	// Growth is by how many emails an hour the backlog grows, from the middle of
	// the horizon (whole weeks or days before its end where there are two or
	// more) to its end.
	Growth Estimate `json:"growthPerHour"`
	// Load is the work that arrives in percent of the room for it: emails an
	// hour times handling time over slots on queue, of the whole horizon.
	Load Estimate `json:"load"`
	// Unstable says that the backlog grows, and must: that those who can do the
	// work have not the time for all of it, however it is shared out.
	Unstable bool `json:"unstable"`
}

// Comparison is the paired difference of two models under the same arrivals.
type Comparison struct {
	A Result `json:"a"`
	B Result `json:"b"`
	// Difference is B minus A, of pairs of replications.
	All       Figures   `json:"all"`
	Rules     []Figures `json:"rules"` // of the rules that both have, by name
	Occupancy Estimate  `json:"occupancy"`
	Fairness  Estimate  `json:"fairness"`
	// Backlog is the difference of the backlog at A's times: all, then each rule.
	Backlog []Series `json:"backlog"`
}
