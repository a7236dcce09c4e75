package simulate

import (
	"math"
	"math/bits"
	"time"

	"gonum.org/v1/gonum/mathext"
)

// This file weighs the work that a model brings against those who can do it,
// without simulating.

// arrivals is how much email of each rule arrives in a replication on the
// average, and enters anew by a transfer.
func (m *Model) arrivals() []float64 {
	first := make([]float64, len(m.Rules))
	for i := range m.Sources {
		s := &m.Sources[i]
		mixed, weights := 0.0, 0.0
		known := func(list []Arrival, weight float64) {
			for _, a := range list {
				if a.Rule >= 0 {
					first[a.Rule] += weight
				} else {
					mixed += weight
				}
			}
		}
		known(s.Trace, 1)
		for _, r := range s.Rates {
			mixed += r.PerHour * max(0, min(r.To, m.Horizon)-max(r.From, 0)).Hours()
		}
		for _, pick := range s.Pick {
			for _, p := range pick {
				known(s.History[p], 1/float64(len(pick)))
			}
		}
		for _, x := range s.Mix {
			weights += x.Weight
		}
		for _, x := range s.Mix {
			first[x.Rule] += mixed * x.Weight / weights
		}
	}
	// Transfers add what enters anew, and so on, until hardly any is left.
	all, enters := first, first
	for range 1000 {
		next, more := make([]float64, len(first)), 0.0
		for i, r := range m.Rules {
			for _, t := range r.Transfer {
				if t.To >= 0 {
					next[t.To] += enters[i] * t.Share
					more += enters[i] * t.Share
				}
			}
		}
		if more < 1e-6 {
			break
		}
		sum := make([]float64, len(first))
		for i := range sum {
			sum[i] = all[i] + next[i]
		}
		all, enters = sum, next
	}
	return all
}

// busiest is the factor by which a replication in ten thousand has more email
// than the average, from rates.
func (m *Model) busiest() float64 {
	if m.Busyness <= 0 {
		return 1
	}
	shape := float64(max(1, len(m.Days))) / (m.Busyness * m.Busyness)
	return mathext.GammaIncRegInv(shape, 1-1e-4) / shape
}

// widest is what email still asks for once it has come through all rings, and
// the ring, from 1.
func (s *queueSettings) widest(skills []string) (left []string, ring int) {
	left, ring = skills, 1
	for i := 0; i < len(s.rings)-1 && s.rings[i].Wait != nil; i++ {
		left, ring = dropped(left, s.rings[i].Drop), i+2
	}
	return left, ring
}

// room is how many hours of email an agent can do in a replication, at the pace
// that the rules' times are told in.
func (m *Model) room(a *Agent) float64 {
	staffed := 0.0
	for _, s := range a.Shifts {
		staffed += max(0, min(s.To, m.Horizon)-max(s.From, 0)).Hours()
	}
	if calls := m.Voice.PerHour * m.Voice.Handle.mean().Hours(); calls > 0 {
		staffed /= 1 + calls
	}
	if a.Speed > 0 {
		staffed *= a.Speed
	}
	if a.Attention == Shared {
		return staffed * float64(min(a.Capacity, 1))
	}
	return staffed * float64(a.Capacity)
}

// group is agents who can take email of the same rules, in the end.
type group struct {
	rules []uint64
	room  float64 // hours
}

func (m *Model) groups() []group {
	known := map[string]int{}
	var out []group
	settings := make([]queueSettings, len(m.Queues))
	for i, q := range m.Queues {
		settings[i] = settingsOf(q)
	}
	key := make([]byte, len(m.Rules))
	for i := range m.Agents {
		a := &m.Agents[i]
		for n, r := range m.Rules {
			s := &settings[r.Queue]
			left, ring := s.widest(r.Skills)
			key[n] = 0
			for _, x := range a.Members {
				if x.Queue == r.Queue && max(x.Ring, 1) <= ring && s.takes(a, left, r.Language) {
					key[n] = 1
				}
			}
		}
		g, ok := known[string(key)]
		if !ok {
			g = len(out)
			known[string(key)] = g
			rules := make([]uint64, (len(m.Rules)+63)/64)
			for n, can := range key {
				rules[n>>6] |= uint64(can) << (n & 63)
			}
			out = append(out, group{rules: rules})
		}
		out[g].room += m.room(a)
	}
	return out
}

// undone is, by rule, the hours of work of a replication that nobody who can do
// it has the time for, however it is shared out: what is left of the work when
// as much as possible of it has flown to the agents (Ford and Fulkerson 1956).
// Above zero the backlog grows without end. Of how the work that can be done is
// split between rules it says nothing; the sum is what is exact.
func (m *Model) undone(arrivals []float64) []float64 {
	groups := m.groups()
	left := make([]float64, len(m.Rules))
	flow := make([][]float64, len(groups)) // by group and rule
	room := make([]float64, len(groups))
	for g := range groups {
		flow[g], room[g] = make([]float64, len(m.Rules)), groups[g].room
	}
	for r := range m.Rules {
		left[r] = arrivals[r] * (m.Rules[r].Handle.mean() + m.Rules[r].WrapUp.mean() + m.alerting()).Hours()
	}
	const none = 1e-9
	for r := range left {
		for left[r] > none {
			// A way from the rule to a group with room, through groups that
			// could give work of another rule away.
			fromRule, fromGroup := make([]int, len(groups)), make([]int, len(m.Rules))
			for g := range fromRule {
				fromRule[g] = -1
			}
			for i := range fromGroup {
				fromGroup[i] = -1
			}
			seen := make([]bool, len(m.Rules))
			seen[r] = true
			end := -1
			for line := []int{r}; len(line) > 0 && end < 0; line = line[1:] {
				for g := range groups {
					if fromRule[g] >= 0 || groups[g].rules[line[0]>>6]>>(line[0]&63)&1 == 0 {
						continue
					}
					fromRule[g] = line[0]
					if room[g] > none {
						end = g
						break
					}
					for w, set := range groups[g].rules {
						for ; set != 0; set &= set - 1 {
							if other := w<<6 + bits.TrailingZeros64(set); !seen[other] && flow[g][other] > none {
								seen[other], fromGroup[other] = true, g
								line = append(line, other)
							}
						}
					}
				}
			}
			if end < 0 {
				break
			}
			part := min(left[r], room[end])
			for at := fromRule[end]; at != r; at = fromRule[fromGroup[at]] {
				part = min(part, flow[fromGroup[at]][at])
			}
			left[r] -= part
			room[end] -= part
			for g := end; ; {
				at := fromRule[g]
				flow[g][at] += part
				if at == r {
					break
				}
				g = fromGroup[at]
				flow[g][at] -= part
			}
		}
	}
	for r := range left {
		if left[r] <= none {
			left[r] = 0
		}
	}
	return left
}

// alerting is the mean time for which an email alerts agents.
func (m *Model) alerting() time.Duration {
	na := &m.NoAnswer
	if na.Share <= 0 || len(m.Queues) == 0 {
		return na.Answer.mean()
	}
	s := settingsOf(m.Queues[0])
	misses := na.Share / (1 - na.Share)
	return na.Answer.mean() + time.Duration(misses*float64(s.alert+int64(na.Away)))
}

// short says that a model brings more work than can be done.
func (m *Model) short() bool {
	sum := 0.0
	for _, hours := range m.undone(m.arrivals()) {
		sum += hours
	}
	return sum > 0 && !math.IsNaN(sum)
}
