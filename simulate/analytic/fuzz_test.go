package analytic_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/simulate/analytic"
)

// wellDefined fails where an answer is not a number.
func wellDefined(t *testing.T, what string, numbers ...float64) {
	t.Helper()
	for n, number := range numbers {
		if math.IsNaN(number) || number < 0 {
			t.Errorf("%s: number %d is %g", what, n, number)
		}
	}
}

func known(t *testing.T, err error) bool {
	t.Helper()
	var unstable *analytic.UnstableError
	var parameter *analytic.ParameterError
	var large *analytic.TooLargeError
	if err != nil && !errors.As(err, &unstable) && !errors.As(err, &parameter) && !errors.As(err, &large) {
		t.Errorf("an error without a type: %v", err)
	}
	return err == nil
}

func FuzzEveryAnswerIsANumberOrAnError(f *testing.F) {
	f.Add(1.0, 1.0, 0.5, 0.3, 0.9, uint16(2), uint8(0b011011))
	f.Add(1e-30, 1e30, 1e-30, 0.0, 0.5, uint16(1), uint8(0xff))
	f.Add(1e30, 1e-30, 1e30, 1e300, 0.5, uint16(3), uint8(1))
	f.Add(1e30, 1e-30, 1e-30, 1e10, 0.99, uint16(3), uint8(1))
	f.Add(0.999999999999, 1.0, 1e-25, 1e12, 0.99, uint16(1), uint8(77))
	f.Add(1.0, 1.0, 0.0, math.Inf(1), 1.0, uint16(2), uint8(3))
	f.Fuzz(func(t *testing.T, arrival, service, giveUp, at, share float64, count uint16, skills uint8) {
		if math.IsNaN(at) || math.IsNaN(share) {
			return
		}
		servers := int(count)
		if w, err := analytic.ErlangC(arrival, service, servers); known(t, err) {
			wellDefined(t, "Erlang C", w.Probability, w.Mean, w.Length, w.Occupancy, w.Beyond(at), w.Within(at), w.Percentile(share))
		}
		if p, err := analytic.ErlangA(arrival, service, giveUp, servers); known(t, err) {
			wellDefined(t, "Erlang A", p.Probability, p.Abandoned, p.Mean, p.MeanAnswered, p.Length, p.Occupancy)
			wellDefined(t, "tails of Erlang A", p.Beyond(at), p.AnsweredBeyond(at), p.Within(at), p.Percentile(share), p.AnsweredPercentile(share))
		}
		if s, err := analytic.SharedSlots(arrival, service, servers); known(t, err) {
			wellDefined(t, "shared slots", s.Probability, s.Mean, s.Length, s.Held, s.Holding, s.Sojourn, s.Beyond(at), s.Percentile(share))
		}
		if classes, err := analytic.Priorities([]float64{arrival, giveUp, service}, service, servers); known(t, err) {
			for _, c := range classes {
				wellDefined(t, "priorities", c.Probability, c.Mean, c.Length, c.Occupancy, c.Growth, c.Beyond(at), c.Within(at), c.Percentile(share))
			}
		}
		staff := make([]analytic.Server, 1+count%4)
		for n := range staff {
			staff[n].Service = service
			for x := range 2 {
				if skills>>(2*n+x)&1 == 1 {
					staff[n].Types = append(staff[n].Types, x)
				}
			}
		}
		if s, err := analytic.LongestIdle([]float64{arrival, giveUp}, staff); known(t, err) {
			wellDefined(t, "busy", s.Busy...)
			for x, w := range s.Types {
				wellDefined(t, "skills", w.Probability, w.Mean, w.Length)
				if math.Abs(at)*service < 1e4 { // else it works for a second
					tail, err := s.Beyond(x, at)
					known(t, err)
					wellDefined(t, "tail of skills", tail)
				}
			}
		}
	})
}

func TestEveryAnswerIsANumberForRatesOfAnySize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := func(name string) float64 { return math.Exp(rapid.Float64Range(-69, 69).Draw(t, name)) }
		arrival, service, giveUp, at := size("arrival"), size("service"), size("θ"), size("t")
		if rapid.Bool().Draw(t, "nearly full") {
			service = arrival * (1 + math.Exp(rapid.Float64Range(-34, 1).Draw(t, "room")))
		}
		servers := rapid.IntRange(1, 50).Draw(t, "servers")
		if rapid.Bool().Draw(t, "nearly full of servers") {
			service /= float64(servers)
		}
		p, err := analytic.ErlangA(arrival, service, giveUp, servers)
		if err != nil {
			t.Skip(err)
		}
		for _, share := range []float64{p.Probability, p.Abandoned, p.Occupancy, p.Beyond(at), p.AnsweredBeyond(at), p.Within(at)} {
			if !(share >= 0 && share <= 1) {
				t.Fatalf("a share is %g: %+v", share, p)
			}
		}
		if !(p.Mean >= 0 && p.MeanAnswered >= 0) || math.IsInf(p.Mean+p.MeanAnswered, 1) {
			t.Fatalf("a mean is no number: %+v", p)
		}
		if got, want := p.Occupancy*service*float64(servers), arrival*(1-p.Abandoned); math.Abs(got-want) > 1e-9*arrival {
			t.Fatalf("%g is answered, servers do %g", want, got)
		}
		// With great patience waits are all but equal, and a time has 16 digits.
		resolution := 1e-9 + 1e-14*math.Sqrt(float64(servers)*service/giveUp)
		if median := p.Percentile(0.5); median > 0 && math.Abs(p.Beyond(median)-0.5) > resolution {
			t.Fatalf("%g wait longer than the median", p.Beyond(median))
		}
		classes, err := analytic.Priorities([]float64{arrival / 3, arrival / 1000, arrival * 0.666}, service, servers)
		if err != nil {
			t.Skip(err)
		}
		for _, c := range classes {
			if tail := c.Beyond(at); !(tail >= 0 && tail <= c.Probability) || math.IsNaN(c.Mean) {
				t.Fatalf("P(wait > %g) is %g: %+v", at, tail, c)
			}
			if c.Stable && c.Probability > 1e-3 && !(math.Abs(c.Beyond(c.Percentile(1-c.Probability/2))/c.Probability-0.5) < 1e-6) {
				t.Fatalf("the tail at its half is %g of %g: %+v", c.Beyond(c.Percentile(1-c.Probability/2)), c.Probability, c)
			}
		}
	})
}
