package analytic_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/simulate/analytic"
)

func TestPrioritiesAreWhatIsPrinted(t *testing.T) {
	t.Parallel()
	// Hillier and Lieberman, Introduction to Operations Research, County Hospital
	// with priorities: critical 0.2, serious 0.6, stable 1.2 an hour, 20 minutes
	// each; hours of waiting, one doctor and two.
	arrivals := []float64{0.2, 0.6, 1.2}
	for doctors, want := range map[int][]float64{1: {0.238, 0.325}, 2: {0.029, 0.033, 0.048}} {
		classes, err := analytic.Priorities(arrivals, 3, doctors)
		if err != nil {
			t.Fatal(err)
		}
		for k, hours := range want {
			digits(t, "hours of waiting", classes[k].Mean, hours, 0.0005)
		}
	}
	// Cobham's formula as fractions: W0 = 2/9, over (14/15)(11/15) and so on.
	classes, err := analytic.Priorities(arrivals, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{2.0 / 9 / (14.0 / 15), 2.0 / 9 / (14.0 / 15 * 11 / 15), 2.0 / 9 / (11.0 / 15 / 3)} {
		near(t, "mean", classes[k].Mean, want, ofMeans)
	}
}

// line is who is busy and who waits, by class.
type line struct{ busy, first, second, third int }

func (l line) waits() int { return l.first + l.second + l.third }

// lines solves the chain of a queue with three classes.
func lines(t *testing.T, arrivals [3]float64, servers, most int) map[line]float64 {
	t.Helper()
	return stationary(t, line{}, func(l line) []step[line] {
		var next []step[line]
		for k, rate := range arrivals {
			to := l
			switch {
			case rate == 0:
				continue
			case l.busy < servers:
				to.busy++
			case l.waits() == most:
				continue
			case k == 0:
				to.first++
			case k == 1:
				to.second++
			default:
				to.third++
			}
			next = append(next, step[line]{to, rate})
		}
		if l.busy == 0 {
			return next
		}
		to := l
		switch {
		case l.first > 0:
			to.first--
		case l.second > 0:
			to.second--
		case l.third > 0:
			to.third--
		default:
			to.busy--
		}
		return append(next, step[line]{to, float64(l.busy)})
	})
}

func TestPrioritiesAreTheirMarkovChain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arrivals [3]float64
		servers  int
		most     int
	}{
		"one server":                    {[3]float64{0.1, 0.15, 0.2}, 1, 34},
		"two servers, much of the high": {[3]float64{0.6, 0.05, 0.2}, 2, 34},
		"three servers":                 {[3]float64{0.4, 0.5, 0.3}, 3, 32},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := lines(t, tc.arrivals, tc.servers, tc.most)
			got, err := analytic.Priorities(tc.arrivals[:], 1, tc.servers)
			if err != nil {
				t.Fatal(err)
			}
			var length [3]float64
			var ahead [3]map[int]float64 // how many of the same class and above wait
			for k := range ahead {
				ahead[k] = map[int]float64{}
			}
			waits := 0.0
			for l, m := range p {
				if l.busy < tc.servers {
					continue
				}
				waits += m
				sum := 0
				for k, n := range []int{l.first, l.second, l.third} {
					sum += n
					length[k] += m * float64(n)
					ahead[k][sum] += m
				}
			}
			higher := 0.0
			for k, arrival := range tc.arrivals {
				near(t, "P(wait)", got[k].Probability, waits, ofMeans)
				near(t, "length", got[k].Length, length[k], ofMeans)
				near(t, "mean", got[k].Mean, length[k]/arrival, ofMeans)
				rate := higher + float64(tc.servers)
				for _, at := range []float64{0, 0.01, 0.3, 1, 3, 12} {
					tail := remaining(ahead[k], rate, at, func(n int) []step[int] {
						next := []step[int]{{n + 1, higher}}
						if n > 0 {
							next = append(next, step[int]{n - 1, float64(tc.servers)})
						}
						return next
					})
					near(t, "tail", got[k].Beyond(at), tail, ofTails)
				}
				higher += arrival
			}
		})
	}
}

func TestTailsOfPrioritiesBelongToTheirMeans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 20).Draw(t, "servers")
		load := rapid.Float64Range(0.05, 0.97).Draw(t, "load") * float64(servers)
		part := rapid.Float64Range(0.001, 0.999).Draw(t, "part")
		classes, err := analytic.Priorities([]float64{load * part, load * (1 - part)}, 1, servers)
		if err != nil {
			t.Fatal(err)
		}
		low := classes[1]
		if d := low.Beyond(1e-9/float64(servers)) - low.Probability; math.Abs(d) > 1e-8 {
			t.Fatalf("the tail at 0 is off by %g", d)
		}
		// The integral of the tail is the mean; t = u⁴/(1-u)² spreads the places.
		const panels = 500
		scale, sum := low.Mean/low.Probability, 0.0
		for i := 1; i < panels; i++ {
			u := float64(i) / panels
			at := u * u * u * u / (1 - u) / (1 - u)
			slope := 4*u*u*u/(1-u)/(1-u) + 2*u*u*u*u/(1-u)/(1-u)/(1-u)
			sum += (2 + 2*float64(i%2)) * low.Beyond(scale*at) * slope * scale
		}
		if got := sum / 3 / panels; math.Abs(got-low.Mean) > 1e-7*low.Mean {
			t.Fatalf("the tail has the mean %.12g, the formula %.12g", got, low.Mean)
		}
		share := rapid.Float64Range(0, 0.999).Draw(t, "share")
		if at := low.Percentile(share); at > 0 && math.Abs(low.Within(at)-share) > 1e-9 {
			t.Fatalf("%g wait at most the percentile of %g", low.Within(at), share)
		}
	})
}

func TestPrioritiesKeepTheirLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 50).Draw(t, "servers")
		weights := rapid.SliceOfN(rapid.Float64Range(0.01, 1), 1, 6).Draw(t, "weights")
		sum := 0.0
		for _, w := range weights {
			sum += w
		}
		load := rapid.Float64Range(0.05, 0.99).Draw(t, "load") * float64(servers)
		for k := range weights {
			weights[k] *= load / sum
		}
		classes, err := analytic.Priorities(weights, 1, servers)
		if err != nil {
			t.Fatal(err)
		}
		all, err := analytic.ErlangC(load, 1, servers)
		if err != nil {
			t.Fatal(err)
		}
		// Kleinrock's conservation law: with one service rate, Σ ρ(k) W(k) is that
		// of first come, first served.
		kept := 0.0
		for k, c := range classes {
			kept += weights[k] * c.Mean
			if k > 0 && c.Mean < classes[k-1].Mean {
				t.Fatalf("class %d waits shorter than the one above", k)
			}
		}
		if math.Abs(kept-load*all.Mean) > 1e-9*kept {
			t.Fatalf("Σ λW is %g, want %g", kept, load*all.Mean)
		}
	})
}

func TestALowClassMayBeUnstableAlone(t *testing.T) {
	t.Parallel()
	classes, err := analytic.Priorities([]float64{2, 1, 3, 1}, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	// Above, all servers are always busy: the first of four is free in 1/4.
	near(t, "mean of the highest", classes[0].Mean, 0.25/(1-0.5), ofMeans)
	near(t, "mean of the second", classes[1].Mean, 0.25/(1-0.5)/(1-0.75), ofMeans)
	for k, want := range []struct {
		stable bool
		growth float64
	}{{true, 0}, {true, 0}, {false, 2}, {false, 1}} {
		if c := classes[k]; c.Stable != want.stable || c.Growth != want.growth || math.IsInf(c.Mean, 1) == want.stable {
			t.Errorf("class %d is %+v, want %+v", k, c, want)
		}
	}
}
