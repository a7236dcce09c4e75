package analytic_test

import (
	"math"
	"slices"
	"testing"
)

// This file is what other tests compute their truth with: Markov chains, solved
// from their transitions alone.

// The tolerances of means and of tails.
const (
	ofMeans = 1e-9
	ofTails = 1e-6
)

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if d := math.Abs(got - want); !(d <= tolerance*math.Abs(want) || d <= tolerance*1e-6) {
		t.Errorf("%s is %.15g, want %.15g, off by %.2g", what, got, want, d)
	}
}

// digits compares with a printed number. Printed numbers are quoted from memory,
// not from the page, and have few digits: what settles an answer is the fraction
// or the chain beside it.
func digits(t testing.TB, what string, got, want, half float64) {
	t.Helper()
	if math.Abs(got-want) > half {
		t.Errorf("%s is %g, printed is %g", what, got, want)
	}
}

type step[S comparable] struct {
	to   S
	rate float64
}

// stationary is the distribution of a Markov chain, found from its transitions
// by Gauss-Seidel.
func stationary[S comparable](t testing.TB, from S, next func(S) []step[S]) map[S]float64 {
	t.Helper()
	states, index := []S{from}, map[S]int{from: 0}
	type edge struct {
		from int
		rate float64
	}
	var into [][]edge
	var out []float64
	into = append(into, nil)
	for i := 0; i < len(states); i++ {
		out = append(out, 0)
		for _, s := range next(states[i]) {
			j, seen := index[s.to]
			if !seen {
				j = len(states)
				index[s.to] = j
				states = append(states, s.to)
				into = append(into, nil)
			}
			if j == i {
				continue
			}
			into[j] = append(into[j], edge{i, s.rate})
			out[i] += s.rate
		}
	}
	p := make([]float64, len(states))
	for i := range p {
		p[i] = 1 / float64(len(p))
	}
	for round := range 20_000 {
		change, sum := 0.0, 0.0
		sweep := func(i int) {
			v := 0.0
			for _, e := range into[i] {
				v += p[e.from] * e.rate
			}
			v /= out[i]
			change += math.Abs(v - p[i])
			p[i] = v
			sum += v
		}
		if round%2 == 0 {
			for i := range p {
				sweep(i)
			}
		} else {
			for i := range slices.Backward(p) {
				sweep(i)
			}
		}
		for i := range p {
			p[i] /= sum
		}
		if change < 2e-15*sum {
			break
		}
	}
	result := map[S]float64{}
	for i, s := range states {
		result[s] = p[i]
	}
	return result
}

// remaining is how much of a mass has not been absorbed after a time, by
// uniformization. What next leaves out of the rate total is absorbed, or
// stays with rate.
func remaining[S comparable](mass map[S]float64, rate, time float64, next func(S) []step[S]) float64 {
	tail := 0.0
	for n := range int(rate*time + 15*math.Sqrt(rate*time) + 80) {
		left := 0.0
		for _, m := range mass {
			left += m
		}
		lgamma, _ := math.Lgamma(float64(n + 1))
		w := math.Exp(float64(n)*math.Log(rate*time) - rate*time - lgamma)
		if time == 0 {
			return left
		}
		tail += w * left
		after := make(map[S]float64, len(mass))
		for s, m := range mass {
			for _, step := range next(s) {
				after[step.to] += m * step.rate / rate
			}
		}
		mass = after
	}
	return tail
}
