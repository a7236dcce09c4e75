package analytic_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/simulate/analytic"
)

// exactErlangC is P(wait) as a fraction, from the sum that defines it.
func exactErlangC(load *big.Rat, servers int64) *big.Rat {
	term, sum := big.NewRat(1, 1), new(big.Rat)
	for n := range servers {
		sum.Add(sum, term)
		term.Mul(term, load)
		term.Quo(term, big.NewRat(n+1, 1))
	}
	c := big.NewRat(servers, 1)
	waits := new(big.Rat).Mul(term, new(big.Rat).Quo(c, new(big.Rat).Sub(c, load)))
	return new(big.Rat).Quo(waits, new(big.Rat).Add(sum, waits))
}

func TestErlangCIsTheFraction(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arrival, service, servers int64
	}{
		"one server":                 {1, 2, 1},
		"three doctors":              {6, 3, 3},
		"ten servers at 80%":         {8, 1, 10},
		"fifty servers at 96%":       {48, 1, 50},
		"a hundred servers at 95%":   {95, 1, 100},
		"five hundred nearly full":   {998, 2, 500},
		"a thousand servers at 95%":  {950, 1, 1000},
		"a thousand nearly idle":     {300, 1, 1000},
		"more servers than are used": {1, 1, 20},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := analytic.ErlangC(float64(tc.arrival), float64(tc.service), int(tc.servers))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := exactErlangC(big.NewRat(tc.arrival, tc.service), tc.servers).Float64()
			near(t, "P(wait)", w.Probability, want, 1e-11)
			gap := float64(tc.servers*tc.service - tc.arrival)
			near(t, "mean", w.Mean, want/gap, ofMeans)
			near(t, "length", w.Length, float64(tc.arrival)*want/gap, ofMeans)
			near(t, "tail", w.Beyond(0.7/gap), want*math.Exp(-0.7), ofTails)
		})
	}
}

func TestErlangCIsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	// Gross and Harris, Fundamentals of Queueing Theory, section 2.3, the eye
	// clinic: 6 patients an hour, three doctors, 20 minutes each.
	w, err := analytic.ErlangC(6, 3, 3)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "patients who wait", w.Length, 8.0/9, ofMeans)
	near(t, "hours of waiting", w.Mean, 4.0/27, ofMeans)
	// Hillier and Lieberman, Introduction to Operations Research, County
	// Hospital: 2 patients an hour, 20 minutes each, one doctor or two.
	for doctors, want := range map[int]float64{1: 2.0 / 3, 2: 1.0 / 24} {
		if w, err = analytic.ErlangC(2, 3, doctors); err != nil {
			t.Fatal(err)
		}
		near(t, "hours of waiting", w.Mean, want, ofMeans)
		if doctors == 1 {
			digits(t, "P(wait > 1/2 h)", w.Beyond(0.5), 0.404, 0.0005)
			digits(t, "P(wait > 1 h)", w.Beyond(1), 0.245, 0.0005)
		}
	}
	// Garnett, Mandelbaum and Reiman 2002, Designing a call center with
	// impatient customers, the comparison in the introduction: 48 calls a
	// minute, 50 agents, 1 minute each.
	if w, err = analytic.ErlangC(48, 1, 50); err != nil {
		t.Fatal(err)
	}
	digits(t, "seconds of waiting", 60*w.Mean, 20.8, 0.05)
	digits(t, "seconds, 90th percentile", 60*w.Percentile(0.9), 58.1, 0.05)
	digits(t, "length", w.Length, 17, 0.5)
	digits(t, "utilization", w.Occupancy, 0.96, 0.005)
}

func TestErlangCHoldsForThousandsOfServers(t *testing.T) {
	t.Parallel()
	// Halfin and Whitt 1981: with c = a + β√a servers P(wait) nears
	// 1/(1 + βΦ(β)/φ(β)); at a million the rest is of the order of 1/√a.
	const load = 998_000.0
	servers := 999_000
	beta := (float64(servers) - load) / math.Sqrt(load)
	w, err := analytic.ErlangC(load, 1, servers)
	if err != nil {
		t.Fatal(err)
	}
	phi := math.Exp(-beta*beta/2) / math.Sqrt(2*math.Pi)
	limit := 1 / (1 + beta*(0.5*math.Erfc(-beta/math.Sqrt2))/phi)
	if math.Abs(w.Probability-limit) > 2e-3*limit {
		t.Errorf("P(wait) is %g, the limit %g", w.Probability, limit)
	}
}

func TestErlangCSaysHowMuchTooMuch(t *testing.T) {
	t.Parallel()
	_, err := analytic.ErlangC(101, 6, 10)
	var unstable *analytic.UnstableError
	if !errors.As(err, &unstable) || unstable.Growth != 41 {
		t.Fatalf("err = %v, want a backlog that grows by 41", err)
	}
	if got, want := err.Error(), "unstable: backlog grows by 41 per unit of time"; got != want {
		t.Errorf("error is %q, want %q", got, want)
	}
	if _, err := analytic.ErlangC(60, 6, 10); !errors.As(err, &unstable) || unstable.Growth != 0 {
		t.Errorf("err = %v, want a backlog that grows ever slower", err)
	}
}

func TestWhatNoQueueHasIsAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]func() error{
		"no arrivals":      func() error { _, err := analytic.ErlangC(0, 1, 1); return err },
		"not a number":     func() error { _, err := analytic.ErlangC(math.NaN(), 1, 1); return err },
		"infinite service": func() error { _, err := analytic.ErlangC(1, math.Inf(1), 1); return err },
		"no servers":       func() error { _, err := analytic.ErlangC(1, 2, 0); return err },
		"endless servers":  func() error { _, err := analytic.ErlangC(1, 2, 1<<40); return err },
		"negative patience": func() error {
			_, err := analytic.ErlangA(1, 2, -1, 1)
			return err
		},
		"no classes": func() error { _, err := analytic.Priorities(nil, 1, 1); return err },
		"no slots":   func() error { _, err := analytic.SharedSlots(1, 2, 0); return err },
		"too many slots": func() error {
			_, err := analytic.IndependentSlots(1, 2, 100_000, 100_000)
			return err
		},
		"a type that is not there": func() error {
			_, err := analytic.LongestIdle([]float64{1}, []analytic.Server{{Service: 2, Types: []int{1}}})
			return err
		},
	}
	for name, call := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var parameter *analytic.ParameterError
			if err := call(); !errors.As(err, &parameter) {
				t.Errorf("err = %v, want a ParameterError", err)
			}
		})
	}
}

func TestErlangCKeepsItsLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 300).Draw(t, "servers")
		service := rapid.Float64Range(0.01, 100).Draw(t, "service")
		arrival := rapid.Float64Range(0.01, 0.999).Draw(t, "load") * service * float64(servers)
		w, err := analytic.ErlangC(arrival, service, servers)
		if err != nil {
			t.Fatal(err)
		}
		more, err := analytic.ErlangC(arrival, service, servers+1)
		if err != nil {
			t.Fatal(err)
		}
		if more.Mean > w.Mean || more.Probability > w.Probability {
			t.Fatalf("one more server makes waits longer: %+v, %+v", w, more)
		}
		share := rapid.Float64Range(0, 0.9999).Draw(t, "share")
		if at := w.Percentile(share); at > 0 && math.Abs(w.Within(at)-share) > 1e-9 {
			t.Fatalf("%g wait at most the percentile of %g", w.Within(at), share)
		}
		if math.Abs(w.Length-arrival*w.Mean) > 1e-12*w.Length {
			t.Fatalf("Little: %g wait, want %g", w.Length, arrival*w.Mean)
		}
	})
}
