package scenario

import (
	"time"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
)

// Recent is the model of the week to come as recent email and published
// schedules let expect it, where nobody wrote a scenario. In each quarter hour
// email arrives by chance at the mean rate of the weeks past; the work that it
// takes is exponential about the mean. Email of addresses that no rule has asks
// for nothing.
func Recent(want routing.Desired, w coverage.Week) simulate.Model {
	start := w.From.In(w.Zone)
	m := simulate.Model{
		Start: start, Horizon: w.To.Sub(w.From),
		Queues: []simulate.Queue{{Name: want.Queue.Name, Settings: want.Queue.Settings}},
	}
	for n := 0; ; n++ {
		day := routing.Wall(midnight(start, n), w.Zone).Sub(start)
		if day >= m.Horizon {
			break
		}
		m.Days = append(m.Days, day)
	}
	rules := map[string]int{}
	for i, r := range want.Rules {
		rules[r.Name] = i
		m.Rules = append(m.Rules, simulate.RuleOf(r))
	}
	for _, e := range w.Email {
		rule, known := rules[e.Rule]
		if !known {
			rule = len(m.Rules)
			m.Rules = append(m.Rules, simulate.Rule{Name: "other addresses"})
		}
		m.Rules[rule].Handle = simulate.Dist{Shape: simulate.Exponential, Mean: e.Handle}
		m.Sources = append(m.Sources, simulate.Source{Mix: []simulate.Share{{Rule: rule, Weight: 1}}, Rates: rates(e.Offered, m.Days)})
	}
	if want.Calendar != nil {
		m.Open = []simulate.Span{}
		for from, to := range want.Calendar.Open(w.From, w.To) {
			m.Open = append(m.Open, simulate.Span{From: from.Sub(start), To: to.Sub(start)})
		}
	}
	for _, p := range w.Members {
		a := simulate.Agent{
			Name: p.Name, Capacity: p.Capacity, Skills: rated(p.Skills), Languages: rated(p.Languages),
			Members: []simulate.Membership{{Ring: p.Ring}}, Shifts: []simulate.Span{},
		}
		for _, on := range p.OnQueue {
			a.Shifts = append(a.Shifts, simulate.Span{From: on.From.Sub(start), To: on.To.Sub(start)})
		}
		m.Agents = append(m.Agents, a)
	}
	return m
}

// rates are the cells with email as rates, each of its day.
func rates(offered []float64, days []time.Duration) (out []simulate.Rate) {
	day := 0
	for cell, n := range offered {
		from := time.Duration(cell) * coverage.Cell
		for day+1 < len(days) && from >= days[day+1] {
			day++
		}
		if n > 0 {
			out = append(out, simulate.Rate{Span: simulate.Span{From: from, To: from + coverage.Cell}, PerHour: n / coverage.Cell.Hours(), Day: day})
		}
	}
	return out
}

func rated(ratings []routing.Rating) map[string]float64 {
	out := map[string]float64{}
	for _, r := range ratings {
		out[r.Name] = r.Proficiency
	}
	return out
}
