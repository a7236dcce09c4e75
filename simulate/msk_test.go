package simulate

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/foresort/foresort/routing"
)

// simpleMSK is the example SimpleMSK of the ContactCenters library
// (github.com/umontreal-simul/contactcenters, doc/examples/SimpleMSK.java): three
// types of calls, two groups of agents, three periods of two hours. Time is in
// minutes there. Type 0 goes to group 0, type 1 to group 0 and else to group 1,
// type 2 to group 1; a freed agent takes the call that has waited longest; work
// and patience are exponential with the rates of the period in which the call
// arrived; a factor gamma(28.7, 28.7) multiplies all rates of a day. Who is one
// too many when a period begins ends the call in hand first, and the last
// period's agents stay until nothing is left.
func simpleMSK() Model {
	const period = 120 * time.Minute
	arrivals := [][]float64{{4.2, 5.3, 3.2}, {5.1, 4.3, 4.8}, {6.3, 5.2, 4.8}} // by type
	service, patience := []float64{0.5, 0.6, 0.4}, []float64{0.3, 0.4, 0.2}    // by period
	staff := [][]int{{12, 18, 9}, {15, 20, 11}}                                // by group
	skills := [][]string{{"type 0", "type 1"}, {"type 1", "type 2"}}           // by group
	const stay = 24 * time.Hour                                                // longer than anything lasts

	best := routing.BestSkill
	m := Model{
		Horizon: 3 * period, Drain: true, Busyness: 1 / math.Sqrt(28.7), Days: []time.Duration{0},
		Queues: []Queue{{Name: "calls", Settings: routing.QueueSettings{
			Agents: &best, ServiceLevel: &routing.ServiceLevel{Percent: 80, Within: routing.Duration(20 * time.Second)},
		}}},
	}
	minutes := func(rate float64) Dist {
		return Dist{Shape: Exponential, Mean: time.Duration(float64(time.Minute) / rate)}
	}
	for typ := range arrivals {
		for p := range 3 {
			m.Sources = append(m.Sources, Source{
				Mix:   []Share{{len(m.Rules), 1}},
				Rates: []Rate{{Span: Span{time.Duration(p) * period, time.Duration(p+1) * period}, PerHour: 60 * arrivals[typ][p]}},
			})
			m.Rules = append(m.Rules, Rule{
				Name: fmt.Sprintf("type %d in period %d", typ, p), Skills: []string{fmt.Sprint("type ", typ)}, Handle: minutes(service[p]), Patience: minutes(patience[p]),
			})
		}
	}
	for group := range staff {
		for i := range 20 {
			a := Agent{Name: fmt.Sprintf("agent %d of group %d", i, group), Capacity: 1, Members: []Membership{{0, 1}}, Skills: map[string]float64{}}
			for _, s := range skills[group] {
				a.Skills[s] = float64(2 - group) // type 1 to group 0 first
			}
			for p, n := range staff[group] {
				from, to := time.Duration(p)*period, time.Duration(p+1)*period
				switch last := len(a.Shifts) - 1; {
				case i >= n:
					continue
				case last >= 0 && a.Shifts[last].To == from:
					a.Shifts[last].To = to
				default:
					a.Shifts = append(a.Shifts, Span{from, to})
				}
				if p == 2 {
					a.Shifts[len(a.Shifts)-1].To = stay
				}
			}
			if len(a.Shifts) > 0 {
				m.Agents = append(m.Agents, a)
			}
		}
	}
	return m
}

// The intervals are those that the library prints for 1,000 days
// (doc/examples/SimpleMSK.res). As many days of ours
// scatter as widely as theirs, so that not every seed is inside all four; at
// night there are 30,000.
func TestSimpleMSKOfContactCentersIsReproduced(t *testing.T) {
	t.Parallel()
	if underRace {
		t.Skip("counts for nothing under the race detector, and takes minutes there")
	}
	days, total := 1000, 1000.0
	if os.Getenv("FORESORT_NIGHTLY") != "" {
		days, total = 30_000, 30_000
	}
	m := simpleMSK()
	r := newReplicator(&m)
	row := make([]float64, r.layout.size())
	var served, abandoned, good, late, busy, staffed float64
	for day := range days {
		if err := r.once(t.Context(), 1, day, row); err != nil {
			t.Fatal(err)
		}
		served += row[figAnswered]
		abandoned += row[figAbandoned]
		good += float64(r.counts.inTime)
		late += float64(r.counts.abandonedLate)
		for i := range m.Agents {
			if a := &r.engine.agents[i]; m.Agents[i].Skills["type 0"] > 0 { // group 0
				busy += float64(a.busy)
				staffed += float64(a.staffed)
			}
		}
	}
	for _, x := range []struct {
		what           string
		got, low, high float64
	}{
		{"served", served / total, 4297.3 - 27.2, 4297.3 + 27.2},
		{"abandoned", abandoned / total, 910.3 - 34.2, 910.3 + 34.2},
		{"service level", good / (served + late), 0.494, 0.509},
		{"occupancy of group 0", busy / staffed, 0.877, 0.884},
	} {
		t.Logf("%s %.4f", x.what, x.got)
		if !(x.got >= x.low && x.got <= x.high) {
			t.Errorf("%s is %g, published %g to %g", x.what, x.got, x.low, x.high)
		}
	}
}
