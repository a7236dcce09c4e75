// Package analytic answers exactly what a formula is known for: rates, agents and
// skills of a queue in; means and tails of its waits out. It is pure.
//
// Everywhere emails arrive by chance (Poisson), work is exponential, and what
// waits is taken first come, first served, within its class. Rates are per unit
// of time, the same unit for all; times are in that unit.
package analytic

import (
	"fmt"
	"math"
)

// MaxServers is the largest number of servers that formulas are computed for.
const MaxServers = 1_000_000

// UnstableError says that more arrives than can be served.
type UnstableError struct {
	// Growth is by how many emails the backlog grows in a unit of time; 0:
	// without bound, but ever slower. Of skills it is the least growth.
	Growth float64
	Types  []int // with skills: the types that together have too few servers
}

// Error says by how much the backlog grows.
func (e *UnstableError) Error() string {
	grows := fmt.Sprintf("backlog grows by %.4g per unit of time", e.Growth)
	if e.Growth == 0 {
		grows = "as much arrives as can be served, and backlog grows without bound"
	}
	if len(e.Types) > 0 {
		return fmt.Sprintf("unstable: of types %v %s", e.Types, grows)
	}
	return "unstable: " + grows
}

// ParameterError is a parameter that no queue has, or that is too far from
// everyday numbers to compute with.
type ParameterError struct {
	Name  string
	Value float64
	Want  string
}

// Error names the parameter, its value and what it must be.
func (e *ParameterError) Error() string {
	return fmt.Sprintf("%s is %g: must be %s", e.Name, e.Value, e.Want)
}

// TooLargeError says that an exact answer needs more work than is worth it.
type TooLargeError struct {
	Needs, Limit float64 // states, or steps times states
}

// Error says how much is needed and what the limit is.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("exact answer needs %.3g states or steps, the limit is %.3g", e.Needs, e.Limit)
}

// The rates that are computed with. Beyond them numbers would run over.
const (
	minRate = 1e-30
	maxRate = 1e30
)

func checkRate(name string, rate float64) error {
	if !(rate >= minRate && rate <= maxRate) { // not-a-number as well
		return &ParameterError{Name: name, Value: rate, Want: fmt.Sprintf("from %g to %g", minRate, maxRate)}
	}
	return nil
}

func checkCount(name string, n int) error {
	if n < 1 || n > MaxServers {
		return &ParameterError{Name: name, Value: float64(n), Want: fmt.Sprintf("from 1 to %d", MaxServers)}
	}
	return nil
}

// checkGrowth says whether arrivals at a rate are too many for a capacity.
func checkGrowth(arrival, capacity float64) error {
	if arrival >= capacity {
		return &UnstableError{Growth: arrival - capacity}
	}
	return nil
}

// erlangB is the probability of loss B(n, a) of Erlang (1917), by the recursion
// B(n) = a B(n-1) / (n + a B(n-1)), all of whose terms are positive.
func erlangB(servers int, load float64) float64 {
	b := 1.0
	for n := 1; n <= servers && b > 0; n++ {
		b = load * b / (float64(n) + load*b)
	}
	return b
}

// Wait is a wait that is exponential for those who wait at all.
type Wait struct {
	Probability float64 // of waiting at all
	Mean        float64 // of all, those who do not wait included
	Length      float64 // mean number that waits
	Occupancy   float64 // share of time that a server is busy
	Decay       float64 // P(wait > t) = Probability · e^(-Decay·t)
}

// Beyond is the probability of waiting longer than t.
func (w Wait) Beyond(t float64) float64 {
	if t < 0 {
		return 1
	}
	return w.Probability * exp(-w.Decay*t)
}

// Within is the service level: the probability of waiting at most t.
func (w Wait) Within(t float64) float64 {
	if t < 0 {
		return 0
	}
	return 1 - w.Beyond(t)
}

// Percentile is the time within which a share of all is taken: 0.9 for the 90th
// percentile.
func (w Wait) Percentile(share float64) float64 {
	switch {
	case !(share > 1-w.Probability):
		return 0
	case share >= 1:
		return math.Inf(1)
	}
	return math.Log(w.Probability/(1-share)) / w.Decay
}

// exp is e^x, where not-a-number, of infinitely much by nothing, counts as 0.
func exp(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return math.Exp(x)
}
