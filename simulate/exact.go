package simulate

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate/analytic"
)

// Unit says what a figure counts.
type Unit string

// The units.
const (
	Seconds Unit = "s"
	Percent Unit = "%"
	PerHour Unit = "emails/h"
)

// Exact is what a formula answers for a model, in the long run, beside what was
// simulated.
type Exact struct {
	Formula string     `json:"formula"`
	Rows    []ExactRow `json:"rows"`
}

// ExactRow is one figure that a formula gives.
type ExactRow struct {
	Rule      string   `json:"rule,omitempty"` // empty: all
	What      string   `json:"what"`
	Unit      Unit     `json:"unit"`
	Value     float64  `json:"value"`
	Simulated Estimate `json:"simulated"`
}

// flow is a model that is simple enough for a formula: email arrives by chance
// at the same rates all the time, takes exponential work, and agents are always
// there. Rates are per hour.
type flow struct {
	m        *Model
	r        *Result
	settings queueSettings
	rules    []int     // that get email, by index in the model
	arrival  []float64 // of each
	agents   []int     // that can take any
	takers   [][]int   // by rule: indices in agents
	service  float64   // at speed 1
	patience float64   // rate of giving up; 0: nobody does
}

// Exact is what formulas answer for the model that a result is of. It is empty
// where no formula is exact for it.
func (r *Result) Exact(m Model) []Exact {
	f, ok := flowOf(&m, r)
	if !ok {
		return nil
	}
	var out []Exact
	for _, formula := range []func() (Exact, error){f.erlang, f.priorities, f.shared, f.skills} {
		x, err := formula()
		if unstable := new(analytic.UnstableError); errors.As(err, &unstable) {
			x.Rows = []ExactRow{{What: "backlog grows by", Unit: PerHour, Value: unstable.Growth, Simulated: r.Growth}}
		} else if err != nil {
			continue // too large, or out of the numbers that are computed with
		}
		if len(x.Rows) > 0 {
			out = append(out, x)
		}
	}
	return out
}

// flowOf says whether a model is that simple.
func flowOf(m *Model, r *Result) (*flow, bool) {
	if len(m.Queues) != 1 || m.Busyness > 0 || m.Voice.PerHour > 0 || m.NoAnswer.Share > 0 || m.NoAnswer.Answer.Shape != None {
		return nil, false
	}
	f := &flow{m: m, r: r, settings: settingsOf(m.Queues[0])}
	if len(f.settings.rings) > 1 || f.settings.wrapUp.Mode == routing.WrapUpMandatoryForcedTimeout && f.settings.wrapUp.Timeout != nil {
		return nil, false
	}
	arrivals := make([]float64, len(m.Rules))
	for _, s := range m.Sources {
		rate, steady := steadyRate(s, m.Horizon)
		if !steady {
			return nil, false
		}
		sum := 0.0
		for _, x := range s.Mix {
			sum += x.Weight
		}
		for _, x := range s.Mix {
			arrivals[x.Rule] += rate * x.Weight / sum
		}
	}
	for i, arrival := range arrivals {
		if arrival == 0 {
			continue
		}
		rule := &m.Rules[i]
		if rule.Handle.Shape != Exponential || rule.WrapUp.Shape != None || len(rule.Transfer) > 0 || rule.Replies > 0 && f.settings.lastAgent != routing.LastAgentOff ||
			rule.Patience.Shape != None && rule.Patience.Shape != Exponential {
			return nil, false
		}
		service, patience := 1/rule.Handle.Mean.Hours(), 0.0
		if rule.Patience.Shape == Exponential {
			patience = 1 / rule.Patience.Mean.Hours()
		}
		if len(f.rules) > 0 && (service != f.service || patience != f.patience) {
			return nil, false
		}
		f.service, f.patience = service, patience
		f.rules, f.arrival = append(f.rules, i), append(f.arrival, arrival)
	}
	return f, len(f.rules) > 0 && f.gatherAgents()
}

// steadyRate is the rate of a source that is the same all the time.
func steadyRate(s Source, horizon time.Duration) (perHour float64, steady bool) {
	at := time.Duration(0)
	for i, r := range s.Rates {
		if i > 0 && r.PerHour != perHour || r.From > at {
			return 0, false
		}
		perHour, at = r.PerHour, r.To
	}
	return perHour, len(s.Rates) > 0 && at >= horizon
}

// gatherAgents finds who can take what. It is false where somebody who matters
// is not always there.
func (f *flow) gatherAgents() bool {
	f.takers = make([][]int, len(f.rules))
	for i := range f.m.Agents {
		a := &f.m.Agents[i]
		if a.Capacity == 0 || !slices.ContainsFunc(a.Members, func(x Membership) bool { return x.Queue == 0 && x.Ring <= 1 }) {
			continue
		}
		takes := false
		for k, rule := range f.rules {
			in := &f.m.Rules[rule]
			if _, ok := qualifies(a, in.Skills, in.Language); ok || f.settings.evaluation == routing.LongestIdle {
				f.takers[k] = append(f.takers[k], len(f.agents))
				takes = true
			}
		}
		if !takes {
			continue
		}
		if len(a.Shifts) == 0 || a.Shifts[0].From > 0 || a.Shifts[0].To < f.m.Horizon {
			return false
		}
		f.agents = append(f.agents, i)
	}
	return !slices.ContainsFunc(f.takers, func(t []int) bool { return len(t) == 0 })
}

// alike says that every agent can take everything, and all work at one pace.
func (f *flow) alike() (speed float64, ok bool) {
	for _, t := range f.takers {
		if len(t) != len(f.agents) {
			return 0, false
		}
	}
	speed = cmp.Or(f.m.Agents[f.agents[0]].Speed, 1)
	return speed, !slices.ContainsFunc(f.agents, func(i int) bool { return cmp.Or(f.m.Agents[i].Speed, 1) != speed })
}

// slots is how many emails the agents hold at once, where each is worked on as
// if it were the only one.
func (f *flow) slots() (n int, ok bool) {
	for _, i := range f.agents {
		a := &f.m.Agents[i]
		if a.Attention == Shared && a.Capacity > 1 {
			return 0, false
		}
		n += a.Capacity
	}
	return n, true
}

// even says that no rule goes before another but by age.
func (f *flow) even() bool {
	return !slices.ContainsFunc(f.rules, func(i int) bool { return f.m.Rules[i].Priority != f.m.Rules[f.rules[0]].Priority })
}

func (f *flow) total() float64 {
	sum := 0.0
	for _, a := range f.arrival {
		sum += a
	}
	return sum
}

// waiter is a wait that a formula gives, in hours.
type waiter interface {
	Within(t float64) float64
	Percentile(share float64) float64
}

// waits are the rows of a wait.
func (f *flow) waits(figures Figures, mean float64, w waiter) []ExactRow {
	rows := []ExactRow{{Rule: figures.Rule, What: "mean wait", Unit: Seconds, Value: 3600 * mean, Simulated: figures.Wait.Mean}}
	if w == nil {
		return rows
	}
	if f.settings.target > 0 {
		rows = append(rows, ExactRow{figures.Rule, "service level", Percent, 100 * w.Within(time.Duration(f.settings.target).Hours()), figures.ServiceLevel})
	}
	return append(rows, ExactRow{figures.Rule, "wait of 90%", Seconds, 3600 * w.Percentile(0.9), figures.Wait.P90})
}

// occupancy is the row of the agents; it is theirs only where each has one slot.
func (f *flow) occupancy(share float64, slots int) []ExactRow {
	row := ExactRow{What: "slots filled", Unit: Percent, Value: 100 * share, Simulated: f.r.Slots}
	if slots == len(f.agents) {
		row.What, row.Simulated = "occupancy", f.r.Occupancy
	}
	return []ExactRow{row}
}

// erlang is one queue for all: the mean wait of all holds in whatever order they
// are taken, as long as nobody asks how long the work takes.
func (f *flow) erlang() (Exact, error) {
	speed, alike := f.alike()
	slots, independent := f.slots()
	if !alike || !independent {
		return Exact{}, nil
	}
	all := f.r.All
	if f.patience > 0 {
		x := Exact{Formula: "Erlang A"}
		if !f.even() {
			return Exact{}, nil
		}
		p, err := analytic.ErlangA(f.total(), f.service*speed, f.patience, slots)
		if err != nil {
			return x, err
		}
		x.Rows = f.waits(all, p.MeanAnswered, answered{p})
		hours := (f.m.Horizon - f.m.WarmUp).Hours()
		x.Rows = append(x.Rows, ExactRow{What: "abandoned", Unit: PerHour, Value: f.total() * p.Abandoned, Simulated: all.Abandoned.per(hours)})
		x.Rows = append(x.Rows, f.occupancy(p.Occupancy, slots)...)
		return x, nil
	}
	x := Exact{Formula: "Erlang C"}
	w, err := analytic.ErlangC(f.total(), f.service*speed, slots)
	if err != nil {
		return x, err
	}
	if f.even() {
		x.Rows = f.waits(all, w.Mean, w)
	} else {
		x.Rows = f.waits(all, w.Mean, nil)
	}
	x.Rows = append(x.Rows, f.occupancy(w.Occupancy, slots)...)
	return x, nil
}

// answered are the waits of those who stay; the service level counts those who
// give up as well.
type answered struct{ analytic.Patience }

func (a answered) Percentile(share float64) float64 { return a.AnsweredPercentile(share) }

// per divides a figure and its interval.
func (e Estimate) per(x float64) Estimate {
	return Estimate{e.Mean / x, e.Low / x, e.High / x, e.N}
}

// priorities is one queue in strict order of priority (Cobham).
func (f *flow) priorities() (Exact, error) {
	speed, alike := f.alike()
	slots, independent := f.slots()
	if !alike || !independent || !f.settings.byPriority || f.patience > 0 || f.even() {
		return Exact{}, nil
	}
	var levels []int // the highest first
	for _, i := range f.rules {
		levels = append(levels, f.m.Rules[i].Priority)
	}
	slices.Sort(levels)
	slices.Reverse(levels)
	levels = slices.Compact(levels)
	arrivals := make([]float64, len(levels))
	for k, i := range f.rules {
		arrivals[slices.Index(levels, f.m.Rules[i].Priority)] += f.arrival[k]
	}
	x := Exact{Formula: "Cobham's priorities"}
	classes, err := analytic.Priorities(arrivals, f.service*speed, slots)
	if err != nil {
		return x, err
	}
	for _, i := range f.rules {
		if c := classes[slices.Index(levels, f.m.Rules[i].Priority)]; c.Stable {
			x.Rows = append(x.Rows, f.waits(f.r.Rules[i], c.Mean, c)...)
		}
	}
	return x, nil
}

// shared is one agent who shares the attention between emails.
func (f *flow) shared() (Exact, error) {
	if len(f.agents) != 1 || f.patience > 0 {
		return Exact{}, nil
	}
	a := &f.m.Agents[f.agents[0]]
	if a.Attention != Shared || a.Capacity < 2 {
		return Exact{}, nil
	}
	x := Exact{Formula: "one agent with shared slots"}
	w, err := analytic.SharedSlots(f.total(), f.service*cmp.Or(a.Speed, 1), a.Capacity)
	if err != nil {
		return x, err
	}
	if f.even() {
		x.Rows = f.waits(f.r.All, w.Mean, w)
	} else {
		x.Rows = f.waits(f.r.All, w.Mean, nil)
	}
	return x, nil
}

// skills is agents of different skills, longest idle first (Adan and Weiss).
func (f *flow) skills() (Exact, error) {
	if _, alike := f.alike(); alike || f.patience > 0 || !f.even() || f.settings.evaluation == routing.BestSkill {
		return Exact{}, nil
	}
	servers := make([]analytic.Server, len(f.agents))
	for n, i := range f.agents {
		a := &f.m.Agents[i]
		if a.Capacity != 1 {
			return Exact{}, nil
		}
		servers[n].Service = f.service * cmp.Or(a.Speed, 1)
		for k, takers := range f.takers {
			if slices.Contains(takers, n) {
				servers[n].Types = append(servers[n].Types, k)
			}
		}
	}
	x := Exact{Formula: "Adan and Weiss's product form"}
	s, err := analytic.LongestIdle(f.arrival, servers)
	if err != nil {
		return x, err
	}
	mean := 0.0
	for k, i := range f.rules {
		t := s.Types[k]
		mean += t.Mean * f.arrival[k] / f.total()
		x.Rows = append(x.Rows, f.waits(f.r.Rules[i], t.Mean, nil)...)
		if f.settings.target == 0 {
			continue
		}
		if late, err := s.Beyond(k, time.Duration(f.settings.target).Hours()); err == nil && !math.IsNaN(late) {
			x.Rows = append(x.Rows, ExactRow{f.r.Rules[i].Rule, "service level", Percent, 100 * (1 - late), f.r.Rules[i].ServiceLevel})
		}
	}
	x.Rows = append(f.waits(f.r.All, mean, nil), x.Rows...)
	return x, nil
}
