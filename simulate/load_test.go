package simulate

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
)

// By Hall's condition what cannot be done is the most, over all sets of rules,
// by which their work exceeds the room of those who can take any of it.
func TestUndoneIsHallsCondition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		skills := []string{"A", "B", "C"}
		some := func(what string) []string {
			var out []string
			for _, s := range skills {
				if rapid.Bool().Draw(t, what+" "+s) {
					out = append(out, s)
				}
			}
			return out
		}
		m := Model{Horizon: 10 * time.Hour, Queues: []Queue{{Name: "q"}}}
		arrivals := []float64{}
		for range rapid.IntRange(1, 5).Draw(t, "rules") {
			m.Rules = append(m.Rules, Rule{Skills: some("asks"), Handle: Dist{Shape: Constant, Mean: time.Hour}})
			arrivals = append(arrivals, float64(rapid.IntRange(0, 40).Draw(t, "emails")))
		}
		for range rapid.IntRange(0, 6).Draw(t, "agents") {
			a := Agent{Capacity: rapid.IntRange(0, 3).Draw(t, "capacity"), Skills: map[string]float64{}, Members: []Membership{{0, 1}}, Shifts: []Span{{0, 5 * time.Hour}}}
			for _, s := range some("has") {
				a.Skills[s] = 1
			}
			m.Agents = append(m.Agents, a)
		}
		got := 0.0
		for _, hours := range m.undone(arrivals) {
			got += hours
		}
		want := 0.0
		for set := range 1 << len(m.Rules) {
			excess := 0.0
			for r := range m.Rules {
				if set>>r&1 != 0 {
					excess += arrivals[r]
				}
			}
			for i := range m.Agents {
				for r := range m.Rules {
					if _, ok := qualifies(&m.Agents[i], m.Rules[r].Skills, ""); ok && set>>r&1 != 0 {
						excess -= m.room(&m.Agents[i])
						break
					}
				}
			}
			want = max(want, excess)
		}
		if math.Abs(got-want) > 1e-6 {
			t.Fatalf("undone %g hours, want %g", got, want)
		}
	})
}

// office is a week of agents who work from Monday to Friday.
func office(days, agents int, perHour float64) Model {
	day := 24 * time.Hour
	horizon := time.Duration(days) * day
	m := mmc(agents, perHour, 10*time.Minute, horizon)
	for i := range m.Agents {
		m.Agents[i].Shifts = nil
		for d := range days {
			if d%7 < 5 {
				m.Agents[i].Shifts = append(m.Agents[i].Shifts, Span{time.Duration(d)*day + 8*time.Hour, time.Duration(d)*day + 18*time.Hour})
			}
		}
	}
	return m
}

func TestUnstable(t *testing.T) {
	t.Parallel()
	split := mmc(22, 40, 6*time.Minute, 40*time.Hour) // 40 an hour for two who can do 20, and twenty others
	split.Rules[0].Skills = []string{"A"}
	for i := range 2 {
		split.Agents[i].Skills = map[string]float64{"A": 1}
	}
	called := mmc(2, 11, 10*time.Minute, 40*time.Hour)
	called.Voice = Voice{PerHour: 6, Handle: Dist{Shape: Constant, Mean: 2 * time.Minute}} // a sixth of the time
	unanswered := mmc(2, 11, 10*time.Minute, 40*time.Hour)
	unanswered.NoAnswer = NoAnswer{Share: 0.5}
	rings := split
	wait := routing.Duration(time.Hour)
	rings.Queues = []Queue{{Name: "q", Settings: routing.QueueSettings{Rings: &routing.Rings{{Wait: &wait, Drop: []routing.Ref{{Name: "A"}}}, {}}}}}
	tests := map[string]struct {
		model        Model
		replications int
		want         bool
	}{
		"a week that ends with a closed weekend":      {office(7, 5, 6), 20, false},
		"six days of it":                              {office(6, 5, 6), 20, false},
		"two weeks of it":                             {office(14, 5, 6), 20, false},
		"a week with too few people":                  {office(7, 5, 22), 20, true},
		"a day that ends with its evening":            {office(1, 5, 10), 20, false},
		"too few have the skill, others are idle":     {split, 20, true},
		"the same in a single replication":            {split, 1, true},
		"the same where everybody may help after all": {rings, 20, false},
		"calls take the time":                         {called, 20, true},
		"alerts that nobody answers take the time":    {unanswered, 20, true},
		"busy, and enough people":                     {mmc(2, 11, 10*time.Minute, 200*time.Hour), 20, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Run(t.Context(), tt.model, Options{Replications: tt.replications, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if r.Unstable != tt.want {
				t.Errorf("unstable %t, want %t; growth %+v", r.Unstable, tt.want, r.Growth)
			}
		})
	}
}

// What is said of memory beforehand is not less than what is needed for email
// that piles up, however many idle agents and hours there are.
func TestMeasureSeesEmailThatPilesUp(t *testing.T) {
	t.Parallel()
	horizon := 400 * 24 * time.Hour
	m := mmc(600, 100, time.Hour, horizon)
	m.Rules[0].Skills = []string{"A"}
	m.Agents[0].Skills = map[string]float64{"A": 1}
	waiting := 99 * horizon.Hours()
	if size := Measure(m, Options{Workers: 1, Replications: 1}); float64(size.Bytes) < waiting*liveBytes {
		t.Errorf("%d bytes for %.0f emails that wait at the end", size.Bytes, waiting)
	}
	idle := mmc(600, 1, time.Hour, horizon)
	if size := Measure(idle, Options{Workers: 1, Replications: 1}); size.Bytes > 20<<20 {
		t.Errorf("%d bytes where nothing piles up", size.Bytes)
	}
	m = mmc(600, 4000, time.Hour, horizon)
	m.Rules[0].Skills, m.Agents[0].Skills = []string{"A"}, map[string]float64{"A": 1}
	_, err := Run(context.Background(), m, Options{Replications: 100, Workers: 100})
	if big := new(TooBigError); !errors.As(err, &big) {
		t.Errorf("err = %v", err)
	}
}

func TestClearsIsAMedian(t *testing.T) {
	t.Parallel()
	s := &summary{}
	for _, hours := range []float64{9, 1, 2, -1, 8, 3, 7, 4, 6, 5, 10} {
		s.counts = append(s.counts, counts{clears: hours})
	}
	// Of ten, the second and the ninth hold the median in 97.9% (Conover 1999,
	// table A3: the chance of at most one of ten is 0.0107).
	if got, want := s.clears(), (Estimate{5.5, 2, 9, 10}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	s.counts = s.counts[:6]
	if got := s.clears(); got.N != 5 || got.Mean != 3 || !math.IsNaN(got.Low) {
		t.Errorf("%+v of five", got)
	}
}
