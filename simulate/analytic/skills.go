package analytic

import (
	"fmt"
	"math"
	"slices"
)

// MaxStates is the largest number of states that skills are computed for: the
// product, over the groups of equal servers, of their sizes plus 1.
const MaxStates = 1 << 20

// maxWork bounds the steps times states of a tail.
const maxWork = 1 << 29

// Server is one server with skills.
type Server struct {
	Service float64 // rate at which it works, on whatever type
	Types   []int   // indices in the arrivals
}

// TypeWait is the wait of one type.
type TypeWait struct {
	Probability float64 // of waiting at all
	Mean        float64 // of all, those who do not wait included
	Length      float64 // mean number that waits
}

// Skills is a queue of several types whose servers have skills.
type Skills struct {
	Types []TypeWait
	Busy  []float64 // by server, the share of time that it is busy

	needs   []uint32 // by type, the groups that can serve it
	sizes   []int    // by group
	strides []int    // by group, in the index of a state
	drain   []float64
	paths   []float64 // ln β by state
	share   []float64 // stationary probability by state
}

// LongestIdle is the queue of several types where a free server takes the email
// that has waited longest of those it can do, and an email goes to the server
// that has been idle longest of those who can do it (FCFS-ALIS). Too much of
// some types is an *UnstableError that names them, and too many different
// servers are a *TooLargeError.
//
// With the servers M1…Mi busy, in the order of what they have in hand, and the
// others idle, the stationary probability has the form of a product (Visschers,
// Adan and Weiss 2012, A product form solution to a system with multi-type jobs
// and multi-type servers; Adan and Weiss 2014, A skill based parallel service
// system under FCFS-ALIS: steady state, overloads, and abandonments):
//
//	∏ 1/(μ(M1…Mj) - λ(U(M1…Mj))), j ≤ i, times ∏ 1/λ(C(Mj…MJ)), j > i,
//
// U(S) the types that only servers of S do and C(S) those that some of S do,
// summed over how many wait between two servers. Both products depend on sets
// only, so the sum over all orders is a recursion over sets, and over counts
// where servers are equal. Given the order, an email of type x waits the sum of
// exponential times with the rates μ-λ(U) of those j with x in U(M1…Mj), by the
// distributional law of Little.
func LongestIdle(arrivals []float64, servers []Server) (*Skills, error) {
	if len(arrivals) == 0 {
		return nil, &ParameterError{Name: "number of types", Value: 0, Want: "at least 1"}
	}
	if err := checkCount("number of servers", len(servers)); err != nil {
		return nil, err
	}
	for x, arrival := range arrivals {
		if err := checkRate(fmt.Sprintf("arrival rate of type %d", x), arrival); err != nil {
			return nil, err
		}
	}
	groups, of, err := group(servers, len(arrivals))
	if err != nil {
		return nil, err
	}
	s := &Skills{needs: make([]uint32, len(arrivals))}
	states := 1.0
	for _, g := range groups {
		s.sizes = append(s.sizes, g.size)
		s.strides = append(s.strides, int(states))
		if states *= float64(g.size + 1); states > MaxStates {
			return nil, &TooLargeError{Needs: states, Limit: MaxStates}
		}
	}
	for n, g := range groups {
		for _, x := range g.types {
			s.needs[x] |= 1 << n
		}
	}
	if err := s.solve(arrivals, groups); err != nil {
		return nil, err
	}
	s.Busy = make([]float64, len(servers))
	for n, g := range of {
		if g >= 0 {
			s.Busy[n] = groups[g].busy
		}
	}
	return s, nil
}

// servers who are equal.
type equals struct {
	service float64
	types   []int // sorted
	size    int
	busy    float64
}

// group puts equal servers together, and says for each to which group it
// belongs; -1: it can do nothing.
func group(servers []Server, types int) (groups []equals, of []int, err error) {
	of = make([]int, len(servers))
	for n, server := range servers {
		if err := checkRate(fmt.Sprintf("service rate of server %d", n), server.Service); err != nil {
			return nil, nil, err
		}
		can := slices.Clone(server.Types)
		slices.Sort(can)
		can = slices.Compact(can)
		if len(can) == 0 {
			of[n] = -1
			continue
		}
		for _, x := range can {
			if x < 0 || x >= types {
				return nil, nil, &ParameterError{Name: fmt.Sprintf("a type of server %d", n), Value: float64(x), Want: fmt.Sprintf("from 0 to %d", types-1)}
			}
		}
		g := slices.IndexFunc(groups, func(g equals) bool { return g.service == server.Service && slices.Equal(g.types, can) })
		if g < 0 {
			g = len(groups)
			groups = append(groups, equals{service: server.Service, types: can})
			if g == 20 { // 2 to the 21st states
				return nil, nil, &TooLargeError{Needs: 2 * MaxStates, Limit: MaxStates}
			}
		}
		groups[g].size++
		of[n] = g
	}
	return groups, of, nil
}

// solve fills in everything but Busy by server.
func (s *Skills) solve(arrivals []float64, groups []equals) error {
	rate := map[uint32]float64{} // by the groups that can serve
	var masks []uint32
	for x, arrival := range arrivals {
		if _, seen := rate[s.needs[x]]; !seen {
			masks = append(masks, s.needs[x])
		}
		rate[s.needs[x]] += arrival
	}
	sets := 1 << len(groups)
	only, some := make([]float64, sets), make([]float64, sets) // λ(U), λ(C)
	worst, growth := -1, 0.0
	for set := range sets {
		capacity := 0.0
		for g, group := range groups {
			if set>>g&1 == 1 {
				capacity += float64(group.size) * group.service
			}
		}
		for _, mask := range masks {
			if mask&^uint32(set) == 0 {
				only[set] += rate[mask]
			}
			if mask&uint32(set) != 0 {
				some[set] += rate[mask]
			}
		}
		if only[set] > 0 && only[set] >= capacity && (worst < 0 || only[set]-capacity > growth) {
			worst, growth = set, only[set]-capacity
		}
	}
	if worst >= 0 {
		e := &UnstableError{Growth: growth}
		for x, needs := range s.needs {
			if needs&^uint32(worst) == 0 {
				e.Types = append(e.Types, x)
			}
		}
		return e
	}
	s.recur(groups, only, some)
	s.Types = make([]TypeWait, len(arrivals))
	s.measure(arrivals, groups)
	return nil
}

// recur computes β, the sums over orders of the busy servers, and from it and
// its like for the idle ones the stationary distribution, all as logarithms:
// β(k) = Σ β(k-e)/(μ(k)-λ(U)), δ(k) = Σ δ(k-e)/λ(C).
func (s *Skills) recur(groups []equals, only, some []float64) {
	last := 0
	for g, size := range s.sizes {
		last += size * s.strides[g]
	}
	s.drain = make([]float64, last+1)
	s.paths = make([]float64, last+1)
	s.share = make([]float64, last+1)
	idle := make([]float64, last+1)
	var before, beforeIdle [20]float64
	s.each(func(k int, count []int) {
		full, part := 0, 0
		drain, n := 0.0, 0
		for g, c := range count {
			drain += float64(c) * groups[g].service
			if c == s.sizes[g] {
				full |= 1 << g
			}
			if c > 0 {
				part |= 1 << g
				before[n], beforeIdle[n] = s.paths[k-s.strides[g]], idle[k-s.strides[g]]
				n++
			}
		}
		if k == 0 {
			return
		}
		s.drain[k] = drain - only[full]
		s.paths[k] = logSum(before[:n]) - math.Log(s.drain[k])
		idle[k] = logSum(beforeIdle[:n]) - math.Log(some[part])
	})
	for k := range s.share {
		s.share[k] = s.paths[k] + idle[last-k]
	}
	total := logSum(s.share)
	for k := range s.share {
		s.share[k] = math.Exp(s.share[k] - total)
	}
}

// measure computes waits and busy shares. The probability that the order of the
// servers passes through the counts k is the sum of what ends there and what
// came back to it from one more; a mean wait is the sum of 1/(μ-λ(U)) over all
// counts passed through where every server of the type is busy.
func (s *Skills) measure(arrivals []float64, groups []equals) {
	through := slices.Clone(s.share)
	counts := make([]int, len(s.sizes))
	for k := len(through) - 1; k > 0; k-- {
		s.counts(k, counts)
		all := s.paths[k] + math.Log(s.drain[k]) // ln Σ β(k-e)
		for g, c := range counts {
			if c > 0 {
				from := k - s.strides[g]
				through[from] += through[k] * math.Exp(s.paths[from]-all)
			}
		}
	}
	waiting, wait := map[uint32]float64{}, map[uint32]float64{}
	for _, needs := range s.needs {
		waiting[needs] = 0
	}
	s.each(func(k int, count []int) {
		full := uint32(0)
		for g, c := range count {
			groups[g].busy += float64(c) / float64(s.sizes[g]) * s.share[k]
			if c == s.sizes[g] {
				full |= 1 << g
			}
		}
		if full == 0 {
			return
		}
		for needs := range waiting {
			if needs&^full == 0 {
				waiting[needs] += s.share[k]
				wait[needs] += through[k] / s.drain[k]
			}
		}
	})
	for x, needs := range s.needs {
		s.Types[x] = TypeWait{Probability: min(1, waiting[needs]), Mean: wait[needs], Length: arrivals[x] * wait[needs]}
	}
}

// Beyond is the probability that an email of a type waits longer than t. The
// wait goes back through the order of the servers, from the counts that the
// email finds, for as long as all servers of the type are among them: a Markov
// process, computed by uniformization. A time that takes too many steps is a
// *TooLargeError.
func (s *Skills) Beyond(typ int, t float64) (float64, error) {
	if typ < 0 || typ >= len(s.needs) {
		return 0, &ParameterError{Name: "type", Value: float64(typ), Want: fmt.Sprintf("from 0 to %d", len(s.needs)-1)}
	}
	if math.IsNaN(t) {
		return 0, &ParameterError{Name: "time", Value: t, Want: "a number"}
	}
	if t < 0 {
		return 1, nil
	}
	needs := s.needs[typ]
	var states []int // with all servers of the type busy, from few to many
	place := map[int]int{}
	fastest := 0.0
	s.each(func(k int, count []int) {
		for g, c := range count {
			if needs>>g&1 == 1 && c < s.sizes[g] {
				return
			}
		}
		place[k] = len(states)
		states = append(states, k)
		fastest = max(fastest, s.drain[k])
	})
	type move struct {
		to          int
		probability float64
	}
	moves := make([][]move, len(states))
	mass := make([]float64, len(states))
	counts := make([]int, len(s.sizes))
	for i, k := range states {
		mass[i] = s.share[k]
		s.counts(k, counts)
		all := s.paths[k] + math.Log(s.drain[k])
		pace := s.drain[k] / fastest
		moves[i] = append(moves[i], move{to: i, probability: (fastest - s.drain[k]) / fastest})
		for g, c := range counts {
			if c > 0 && needs>>g&1 == 0 {
				from := k - s.strides[g]
				moves[i] = append(moves[i], move{to: place[from], probability: pace * math.Exp(s.paths[from]-all)})
			}
		}
	}
	mean := fastest * t
	steps := mean + 12*math.Sqrt(mean) + 60
	tail, work := 0.0, 0.0
	for n := 0.0; n <= steps; n++ {
		left := 0.0
		for _, m := range mass {
			left += m
		}
		if left < 1e-25 {
			break
		}
		tail += left * poisson(n, mean)
		for i, m := range mass { // what is moved to comes before, and is done
			mass[i] = m * moves[i][0].probability
			for _, move := range moves[i][1:] {
				mass[move.to] += m * move.probability
			}
		}
		if work += float64(len(states)); work > maxWork {
			return 0, &TooLargeError{Needs: steps * float64(len(states)), Limit: maxWork}
		}
	}
	return min(1, tail), nil
}

// poisson is the probability of n events where mean are expected.
func poisson(n, mean float64) float64 {
	if n == 0 {
		return exp(-mean)
	}
	lgamma, _ := math.Lgamma(n + 1)
	return exp(n*math.Log(mean) - mean - lgamma)
}

// each calls f for every state, by index and counts, from none busy to all.
func (s *Skills) each(f func(k int, counts []int)) {
	counts := make([]int, len(s.sizes))
	for k := range s.share {
		f(k, counts)
		for g := range counts {
			if counts[g]++; counts[g] <= s.sizes[g] {
				break
			}
			counts[g] = 0
		}
	}
}

// counts fills in the counts of a state.
func (s *Skills) counts(k int, counts []int) {
	for g, size := range s.sizes {
		counts[g] = k / s.strides[g] % (size + 1)
	}
}

// logSum is the logarithm of the sum of e to each.
func logSum(logs []float64) float64 {
	most := slices.Max(logs)
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - most)
	}
	return most + math.Log(sum)
}
