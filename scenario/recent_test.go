package scenario_test

import (
	"slices"
	"testing"
	"time"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
)

// The week before the clock goes forward, from Wednesday 10:00 on: as much email
// arrives as is expected, and it is served by those who are on queue.
func TestRecent(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 25, 10, 0, 0, 0, zone)
	w := coverage.Week{Span: routing.Span{From: from, To: from.Add(coverage.Cells * coverage.Cell)}, Zone: zone, Weeks: 4}
	for _, rule := range []string{"standard", ""} {
		e := coverage.Expected{Rule: rule, Offered: make([]float64, coverage.Cells), Handle: 6 * time.Minute}
		for cell := range 100 {
			e.Offered[cell] = 2
		}
		w.Email = append(w.Email, e)
	}
	always := []routing.Span{w.Span}
	w.Members = []coverage.Person{
		{Ref: routing.Ref{Name: "Ann"}, Ring: 1, Capacity: 3, Ratings: routing.Ratings{Skills: []routing.Rating{{Ref: routing.Ref{Name: "Billing"}, Proficiency: 4}}}, OnQueue: always},
		{Ref: routing.Ref{Name: "Ben"}, Ring: 1, Capacity: 3, OnQueue: always},
	}
	want := routing.Desired{
		Queue: routing.DesiredQueue{Name: "Support", Settings: routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)}}},
		Rules: []routing.Rule{{Name: "standard", Skills: &[]routing.Ref{{Name: "Billing"}}}},
	}
	m := scenario.Recent(want, w)
	midnights := []time.Duration{-10 * time.Hour, 14 * time.Hour, 38 * time.Hour, 62 * time.Hour, 86 * time.Hour, 109 * time.Hour, 133 * time.Hour, 157 * time.Hour}
	if !slices.Equal(m.Days, midnights) {
		t.Errorf("the days begin at %v", m.Days)
	}
	if r := m.Sources[0].Rates[56]; r.From != 14*time.Hour || r.Day != 1 || r.PerHour != 8 { // Thursday at midnight
		t.Errorf("rate: %+v", r)
	}
	r, err := simulate.Run(t.Context(), m, simulate.Options{Replications: 200, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.All.Offered; got.Mean < 395 || got.Mean > 405 {
		t.Errorf("%v emails were offered, want 400", got)
	}
	if got := r.All.Waiting; got.Mean != 0 {
		t.Errorf("%v emails wait at the end", got)
	}

	w.Members[0].Skills = nil
	r, err = simulate.Run(t.Context(), scenario.Recent(want, w), simulate.Options{Replications: 20, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.All.Waiting; got.Mean < 180 || got.Mean > 220 { // nobody has the skill of the rule
		t.Errorf("%v emails wait at the end, want 200", got)
	}
}
