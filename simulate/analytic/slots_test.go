package analytic_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/simulate/analytic"
)

func TestIndependentSlotsAreServers(t *testing.T) {
	t.Parallel()
	slots, err := analytic.IndependentSlots(30, 1, 12, 3)
	if err != nil {
		t.Fatal(err)
	}
	servers, err := analytic.ErlangC(30, 1, 36)
	if err != nil {
		t.Fatal(err)
	}
	if slots != servers {
		t.Errorf("slots %+v, servers %+v", slots, servers)
	}
}

func TestSharedSlotsIsItsMarkovChain(t *testing.T) {
	t.Parallel()
	// The chain knows how many are held and how many wait, and the pace of each
	// of the held: 1/held of the agent's.
	type state struct{ held, waits int }
	const arrival, service, limit = 0.6, 1.0, 3
	p := stationary(t, state{}, func(s state) []step[state] {
		var next []step[state]
		switch {
		case s.held < limit:
			next = append(next, step[state]{state{s.held + 1, s.waits}, arrival})
		case s.waits < 80:
			next = append(next, step[state]{state{s.held, s.waits + 1}, arrival})
		}
		pace := service / float64(s.held)
		for range s.held {
			if s.waits > 0 {
				next = append(next, step[state]{state{s.held, s.waits - 1}, pace})
			} else {
				next = append(next, step[state]{state{s.held - 1, 0}, pace})
			}
		}
		return next
	})
	var waits, length, held float64
	ahead := map[int]float64{}
	for s, m := range p {
		length += m * float64(s.waits)
		held += m * float64(s.held)
		if s.held == limit {
			waits += m
			ahead[s.waits] += m
		}
	}
	got, err := analytic.SharedSlots(arrival, service, limit)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "P(wait)", got.Probability, waits, ofMeans)
	near(t, "length", got.Length, length, ofMeans)
	near(t, "mean", got.Mean, length/arrival, ofMeans)
	near(t, "held", got.Held, held, ofMeans)
	near(t, "holding", got.Holding, held/arrival, ofMeans)
	near(t, "sojourn", got.Sojourn, (held+length)/arrival, ofMeans)
	for _, at := range []float64{0, 0.5, 3, 10} {
		tail := remaining(ahead, service, at, func(n int) []step[int] {
			if n == 0 {
				return nil
			}
			return []step[int]{{n - 1, service}}
		})
		near(t, "tail", got.Beyond(at), tail, ofTails)
	}
}

func TestSharedSlotsKeepsItsLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		arrival := rapid.Float64Range(0.001, 0.999).Draw(t, "arrival")
		slots := rapid.IntRange(1, 30).Draw(t, "slots")
		s, err := analytic.SharedSlots(arrival, 1, slots)
		if err != nil {
			t.Fatal(err)
		}
		if d := s.Mean + s.Holding - s.Sojourn; math.Abs(d) > 1e-9*s.Sojourn {
			t.Fatalf("waiting and holding is off by %g", d)
		}
		if s.Held > float64(slots) {
			t.Fatalf("%g held in %d slots", s.Held, slots)
		}
	})
	one, _ := analytic.SharedSlots(0.7, 1, 1)
	c, _ := analytic.ErlangC(0.7, 1, 1)
	near(t, "mean with one slot", one.Mean, c.Mean, ofMeans)
	near(t, "holding with one slot", one.Holding, 1, ofMeans)
}
