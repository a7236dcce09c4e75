package simulate

import (
	"fmt"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate/analytic"
)

// cell is one figure of a system that a formula gives.
type cell struct {
	what  string
	exact float64
	of    func(r *replicator, row []float64) float64
}

// system is a model that formulas are known for. Work takes an hour on average.
type system struct {
	name  string
	model Model
	cells []cell
}

// target is the service level of the systems, in hours.
const target = 0.25

// steady is a queue in which email arrives at the given rates an hour, long
// enough that how it begins does not matter: relaxation is the time in hours in
// which it forgets.
func steady(agents int, relaxation float64, arrivals ...float64) Model {
	sum, horizon := 0.0, time.Duration(0)
	for _, a := range arrivals {
		sum += a
	}
	horizon = time.Duration(max(150*relaxation, 20_000/sum) * float64(time.Hour))
	m := mmc(agents, sum, time.Hour, horizon)
	m.WarmUp = horizon / 15
	m.Every = horizon / 20
	m.Queues[0].Settings.ServiceLevel = &routing.ServiceLevel{Percent: 80, Within: routing.Duration(target * float64(time.Hour))}
	m.Rules, m.Sources[0].Mix = nil, nil
	for i, a := range arrivals {
		m.Rules = append(m.Rules, Rule{Name: fmt.Sprint(i), Handle: Dist{Shape: Exponential, Mean: time.Hour}})
		m.Sources[0].Mix = append(m.Sources[0].Mix, Share{i, a})
	}
	return m
}

// hours and share read a figure of a rule; 0: all.
func hours(rule, figure int) func(*replicator, []float64) float64 {
	return func(r *replicator, row []float64) float64 { return row[r.layout.rule(rule)+figure] / 3600 }
}

func share(rule, figure int) func(*replicator, []float64) float64 {
	return func(r *replicator, row []float64) float64 { return row[r.layout.rule(rule)+figure] / 100 }
}

func ofRun(figure int) func(*replicator, []float64) float64 {
	return func(r *replicator, row []float64) float64 { return row[r.layout.run()+figure] / 100 }
}

// waited is the share of a rule's answered email that waited; 0: of all.
func waited(rule int) func(*replicator, []float64) float64 {
	return func(r *replicator, _ []float64) float64 {
		var some, all float64
		for i := range r.model.Rules {
			if x := &r.engine.tally.rules[i]; rule == 0 || i == rule-1 {
				some += float64(x.answered - x.atOnce)
				all += float64(x.answered)
			}
		}
		return some / all
	}
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// waits are the cells of a wait.
func waitCells(rule int, probability, mean float64, w waiter) []cell {
	return []cell{
		{fmt.Sprintf("rule %d waits at all", rule), probability, waited(rule)},
		{fmt.Sprintf("rule %d mean wait", rule), mean, hours(rule, figWaitMean)},
		{fmt.Sprintf("rule %d service level", rule), w.Within(target), share(rule, figServiceLevel)},
		{fmt.Sprintf("rule %d wait of 90%%", rule), w.Percentile(0.9), hours(rule, figWaitP90)},
	}
}

// relax is about how many hours M/M/c takes to forget its state.
func relax(load float64, servers int) float64 {
	gap := 1 - math.Sqrt(load)
	return 1 + 1/(gap*gap*float64(servers))
}

func systems() []system {
	var out []system
	for _, c := range []int{1, 5, 100} {
		for _, load := range []float64{0.5, 0.8, 0.9, 0.95} {
			if c == 100 && load < 0.9 {
				continue // hardly anybody waits
			}
			w := must(analytic.ErlangC(load*float64(c), 1, c))
			out = append(out, system{
				fmt.Sprintf("M/M/%d at %g", c, load), steady(c, relax(load, c), load*float64(c)),
				append(waitCells(0, w.Probability, w.Mean, w), cell{"occupancy", w.Occupancy, ofRun(figOccupancy)}),
			})
		}
	}
	for _, x := range []struct {
		c            int
		load, giveUp float64
	}{{1, 1.2, 0.5}, {5, 0.95, 1}, {100, 1.05, 0.2}, {10, 2, 2}} {
		p := must(analytic.ErlangA(x.load*float64(x.c), 1, x.giveUp, x.c))
		m := steady(x.c, 10, x.load*float64(x.c))
		m.Rules[0].Patience = Dist{Shape: Exponential, Mean: time.Duration(float64(time.Hour) / x.giveUp)}
		cells := waitCells(0, 0, p.MeanAnswered, answered{p})[1:]
		cells = append(cells, cell{"abandoned", p.Abandoned, func(_ *replicator, row []float64) float64 { return row[figAbandoned] / row[figOffered] }},
			cell{"occupancy", p.Occupancy, ofRun(figOccupancy)},
			cell{"waits at all", p.Probability, func(r *replicator, row []float64) float64 {
				return 1 - float64(r.engine.tally.rules[0].atOnce)/row[figOffered]
			}})
		out = append(out, system{fmt.Sprintf("M/M/%d+M at %g", x.c, x.load), m, cells})
	}
	only := routing.PriorityOnly
	for _, c := range []int{1, 5} {
		arrivals := []float64{0.2 * float64(c), 0.3 * float64(c), 0.35 * float64(c)} // the highest first
		m := steady(c, relax(0.85, c), arrivals...)
		m.Queues[0].Settings.Order = &only
		s := system{fmt.Sprintf("priorities on %d agents", c), m, nil}
		for i, w := range must(analytic.Priorities(arrivals, 1, c)) {
			m.Rules[i].Priority = 10 - i
			s.cells = append(s.cells, waitCells(i+1, w.Probability, w.Mean, w)...)
		}
		out = append(out, s)
	}
	{
		m := steady(4, relax(0.85, 12), 12*0.85)
		for i := range m.Agents {
			m.Agents[i].Capacity = 3
		}
		w := must(analytic.IndependentSlots(12*0.85, 1, 4, 3))
		out = append(out, system{"4 agents with 3 independent slots", m, append(waitCells(0, w.Probability, w.Mean, w), cell{"slots", w.Occupancy, ofRun(figSlots)})})
	}
	{
		m := steady(1, relax(0.8, 1), 0.8)
		m.Agents[0].Capacity, m.Agents[0].Attention = 4, Shared
		w := must(analytic.SharedSlots(0.8, 1, 4))
		out = append(out, system{"1 agent with 4 shared slots", m, append(waitCells(0, w.Probability, w.Mean, w), cell{"held", w.Held / 4, ofRun(figSlots)},
			cell{"occupancy", 0.8, ofRun(figOccupancy)})})
	}
	for _, x := range []struct {
		name     string
		arrivals []float64
		groups   [][]int // of two agents each: the types that they take
	}{
		{"N model", []float64{2.1, 1.2}, [][]int{{0}, {0, 1}}},
		{"W model", []float64{0.9, 1.5, 0.9}, [][]int{{0, 1}, {1, 2}}},
		{"M model", []float64{1.6, 2.6}, [][]int{{0}, {0, 1}, {1}}},
	} {
		m := steady(2*len(x.groups), 60, x.arrivals...)
		var servers []analytic.Server
		for i := range m.Agents {
			types := x.groups[i/2]
			m.Agents[i].Skills = map[string]float64{}
			for _, typ := range types {
				m.Agents[i].Skills[fmt.Sprint(typ)] = 1
			}
			servers = append(servers, analytic.Server{Service: 1, Types: types})
		}
		w := must(analytic.LongestIdle(x.arrivals, servers))
		s := system{name: x.name, model: m}
		for i, typ := range w.Types {
			m.Rules[i].Skills = []string{fmt.Sprint(i)}
			late := must(w.Beyond(i, target))
			s.cells = append(s.cells, cell{fmt.Sprintf("type %d waits at all", i), typ.Probability, waited(i + 1)},
				cell{fmt.Sprintf("type %d mean wait", i), typ.Mean, hours(i+1, figWaitMean)},
				cell{fmt.Sprintf("type %d service level", i), 1 - late, share(i+1, figServiceLevel)})
		}
		for i := 0; i < len(m.Agents); i += 2 {
			s.cells = append(s.cells, cell{fmt.Sprintf("agent %d is busy", i), w.Busy[i], func(r *replicator, row []float64) float64 { return row[r.layout.agent(i)+figAgentOccupancy] / 100 }})
		}
		out = append(out, s)
	}
	return out
}

func TestSimulationAgreesWithFormulas(t *testing.T) {
	t.Parallel()
	if underRace {
		t.Skip("counts for nothing under the race detector, and takes minutes there")
	}
	const replications = 40
	seed := uint64(1)
	if s := os.Getenv("FORESORT_CELLS_SEED"); s != "" { // to look at others
		fmt.Sscan(s, &seed)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	cells, inside, emails := 0, 0, int64(0)
	for i, s := range systems() {
		seed := seed + 1000*uint64(i) // or one odd stream would show in all systems
		all.Go(func() {
			r := newReplicator(&s.model)
			row := make([]float64, r.layout.size())
			sums := newSummary(layout{points: len(s.cells)})
			values := make([]float64, sums.layout.size())
			for n := range replications {
				if err := r.once(t.Context(), seed, n, row); err != nil {
					t.Errorf("%s: %v", s.name, err)
					return
				}
				for i, c := range s.cells {
					values[i] = c.of(r, row)
				}
				sums.add(values, r.emails, counts{})
			}
			mu.Lock()
			defer mu.Unlock()
			emails += sums.emails
			for i, c := range s.cells {
				x := sums.estimate(i)
				if x.Low == x.High && x.Mean == c.exact {
					continue // such as the 90th percentile where hardly anyone waits
				}
				cells++
				off := (x.Mean - c.exact) / ((x.High - x.Low) / 2 / student(replications-1))
				if x.Low <= c.exact && c.exact <= x.High {
					inside++
				} else {
					t.Logf("outside: %s, %s: exact %.6g, simulated %.6g (%.6g to %.6g), %.2f standard errors", s.name, c.what, c.exact, x.Mean, x.Low, x.High, off)
				}
				if !(math.Abs(off) <= 4) {
					t.Errorf("%s, %s: exact %g, simulated %g: %.2f standard errors", s.name, c.what, c.exact, x.Mean, off)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d of %d cells inside their 95%% interval, %d emails", inside, cells, emails)
	if float64(inside) < 0.93*float64(cells) {
		t.Errorf("only %d of %d cells are inside", inside, cells)
	}
}
