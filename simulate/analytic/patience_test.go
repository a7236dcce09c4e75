package analytic_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/simulate/analytic"
)

// chain is Erlang A by its birth and death rates, summed state by state.
type chain struct {
	arrival, service, giveUp float64
	servers                  int
	p                        []float64
}

func newChain(arrival, service, giveUp float64, servers int) chain {
	c := chain{arrival, service, giveUp, servers, []float64{1}}
	sum := 1.0
	for n := 1; n < servers+20 || c.p[n-1] > 1e-22*sum; n++ {
		out := float64(min(n, servers))*service + float64(max(0, n-servers))*giveUp
		c.p = append(c.p, c.p[n-1]*arrival/out)
		if sum += c.p[n]; sum > 1e200 {
			for i := range c.p {
				c.p[i] /= 1e200
			}
			sum /= 1e200
		}
	}
	for i := range c.p {
		c.p[i] /= sum
	}
	return c
}

// answeredBeyond follows an email that finds others before it, each of whom may
// give up, as it itself may.
func (c chain) answeredBeyond(time float64) (answered, waiting float64) {
	capacity := float64(c.servers) * c.service
	ahead := make([]float64, len(c.p)-c.servers)
	copy(ahead, c.p[c.servers:])
	// The probability of being answered with k ahead, in the end.
	answer := make([]float64, len(ahead))
	for k := range answer {
		before := 1.0
		if k > 0 {
			before = answer[k-1]
		}
		out := capacity + float64(k)*c.giveUp
		answer[k] = before * out / (out + c.giveUp)
	}
	rate := capacity + float64(len(ahead))*c.giveUp
	for n := range int(rate*time + 15*math.Sqrt(rate*time) + 80) {
		lgamma, _ := math.Lgamma(float64(n + 1))
		w := 1.0
		if time > 0 {
			w = math.Exp(float64(n)*math.Log(rate*time) - rate*time - lgamma)
		}
		for k, m := range ahead {
			answered += w * m * answer[k]
			waiting += w * m
		}
		if time == 0 {
			break
		}
		for k, m := range ahead {
			out := capacity + float64(k)*c.giveUp
			ahead[k] = m * (1 - (out+c.giveUp)/rate)
			if k > 0 {
				ahead[k-1] += m * out / rate
			}
		}
	}
	return answered, waiting
}

// answeredMean is the mean of the wait where it ends with an answer, 0 where it
// does not.
func (c chain) answeredMean() float64 {
	sum, answer, wait := 0.0, 1.0, 0.0
	for k, p := range c.p[c.servers:] {
		out := float64(c.servers)*c.service + float64(k)*c.giveUp
		answer *= out / (out + c.giveUp)
		wait = answer/(out+c.giveUp) + wait*out/(out+c.giveUp)
		sum += p * wait
	}
	return sum
}

var queuesWithPatience = map[string]chain{
	"one server":                 {arrival: 0.8, service: 1, giveUp: 0.5, servers: 1},
	"one server, twice its work": {arrival: 2, service: 1, giveUp: 0.1, servers: 1},
	"exactly full":               {arrival: 10, service: 1, giveUp: 0.3, servers: 10},
	"a call centre":              {arrival: 48, service: 1, giveUp: 0.5, servers: 50},
	"hardly any patience":        {arrival: 12, service: 1, giveUp: 1000, servers: 10},
	"great patience":             {arrival: 9, service: 1, giveUp: 0.001, servers: 10},
	"great patience, overloaded": {arrival: 11, service: 1, giveUp: 0.01, servers: 10},
	"ten times too much":         {arrival: 50, service: 1, giveUp: 2, servers: 5},
	"a hundred servers":          {arrival: 105, service: 1, giveUp: 1, servers: 100},
	"patience is service":        {arrival: 7, service: 0.5, giveUp: 0.5, servers: 12},
}

func TestErlangAIsItsBirthAndDeathChain(t *testing.T) {
	t.Parallel()
	for name, q := range queuesWithPatience {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChain(q.arrival, q.service, q.giveUp, q.servers)
			got, err := analytic.ErlangA(q.arrival, q.service, q.giveUp, q.servers)
			if err != nil {
				t.Fatal(err)
			}
			var waits, length, busy float64
			for n, p := range c.p {
				if n >= c.servers {
					waits += p
				}
				length += p * float64(max(0, n-c.servers))
				busy += p * float64(min(n, c.servers))
			}
			near(t, "P(wait)", got.Probability, waits, ofMeans)
			near(t, "length", got.Length, length, ofMeans)
			near(t, "mean", got.Mean, length/c.arrival, ofMeans)
			near(t, "abandoned", got.Abandoned, length*c.giveUp/c.arrival, ofMeans)
			near(t, "occupancy", got.Occupancy, busy/float64(c.servers), ofMeans)
			for _, multiple := range []float64{0, 0.1, 1, 2, 4} {
				at := multiple * got.Mean
				answered, waiting := c.answeredBeyond(at)
				near(t, "tail", got.Beyond(at), waiting, ofTails)
				near(t, "tail of the answered", got.AnsweredBeyond(at), answered, ofTails)
				near(t, "service level", got.Within(at), 1-got.Abandoned-answered, ofTails)
			}
			near(t, "mean of the answered", got.MeanAnswered, c.answeredMean()/(1-got.Abandoned), ofMeans)
		})
	}
}

func TestErlangAIsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	// Garnett, Mandelbaum and Reiman 2002, the comparison in the introduction:
	// 48 calls a minute, 50 agents, 1 minute each, 2 minutes of patience.
	p, err := analytic.ErlangA(48, 1, 0.5, 50)
	if err != nil {
		t.Fatal(err)
	}
	digits(t, "abandoned", p.Abandoned, 0.031, 0.0005)
	digits(t, "seconds of waiting", 60*p.Mean, 3.7, 0.05)
	digits(t, "length", p.Length, 3, 0.5)
	digits(t, "utilization", p.Occupancy, 0.93, 0.005)
}

func TestErlangAWithEqualRatesIsPoisson(t *testing.T) {
	t.Parallel()
	// With θ = μ the number present is that of M/M/∞ (Mandelbaum and Zeltyn
	// 2007, Service engineering in action, section 2).
	const load = 20.0
	p, err := analytic.ErlangA(load, 1, 1, 18)
	if err != nil {
		t.Fatal(err)
	}
	term, below := math.Exp(-load), 0.0
	for n := range 18 {
		below += term
		term *= load / float64(n+1)
	}
	near(t, "P(wait)", p.Probability, 1-below, ofMeans)
}

func TestErlangAHoldsAtTheEnds(t *testing.T) {
	t.Parallel()
	// Twice the work, patience ever longer: half gives up, and who is answered
	// waits ln 2 times the patience.
	for _, giveUp := range []float64{1e-3, 1e-6, 1e-12, 1e-20} {
		p, err := analytic.ErlangA(200, 1, giveUp, 100)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "abandoned", p.Abandoned, 0.5, 1e-9)
		near(t, "mean of the answered", p.MeanAnswered*giveUp, math.Ln2, 3*giveUp+1e-9)
		near(t, "occupancy", p.Occupancy, 1, 1e-9)
	}
	// No patience at all: Erlang B.
	p, err := analytic.ErlangA(8, 1, 1e25, 10)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "abandoned", p.Abandoned, 0.12166106425295149, 1e-9) // B(10, 8) of every table: 0.1217
	if p.Mean > 1e-20 {
		t.Errorf("mean is %g without patience", p.Mean)
	}
}

func TestErlangAWithEndlessPatienceIsErlangC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 100).Draw(t, "servers")
		load := rapid.Float64Range(0.3, 0.95).Draw(t, "load")
		arrival := load * float64(servers)
		c, err := analytic.ErlangC(arrival, 1, servers)
		if err != nil {
			t.Fatal(err)
		}
		// Continuous in θ: the distance shrinks with it, and at 0 it is nothing.
		for _, giveUp := range []float64{1e-6, 1e-9, 1e-12, 0} {
			a, err := analytic.ErlangA(arrival, 1, giveUp, servers)
			if err != nil {
				t.Fatal(err)
			}
			within := 1e-11 + giveUp*5e4
			at := rapid.Float64Range(0, 5).Draw(t, "t") / c.Decay
			for _, pair := range [][2]float64{{a.Probability, c.Probability}, {a.Mean, c.Mean}, {a.MeanAnswered, c.Mean}, {a.Beyond(at), c.Beyond(at)}, {a.AnsweredBeyond(at), c.Beyond(at)}} {
				if math.Abs(pair[0]-pair[1]) > within*pair[1] {
					t.Fatalf("θ = %g: %.15g, Erlang C %.15g", giveUp, pair[0], pair[1])
				}
			}
		}
	})
	var unstable *analytic.UnstableError
	if _, err := analytic.ErlangA(3, 1, 0, 2); !errors.As(err, &unstable) || unstable.Growth != 1 {
		t.Errorf("err = %v, want a backlog that grows by 1", err)
	}
}

func TestErlangAKeepsItsLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 200).Draw(t, "servers")
		arrival := rapid.Float64Range(0.01, 5).Draw(t, "load") * float64(servers)
		giveUp := math.Exp(rapid.Float64Range(-15, 10).Draw(t, "ln θ"))
		p, err := analytic.ErlangA(arrival, 1, giveUp, servers)
		if err != nil {
			t.Fatal(err)
		}
		more, err := analytic.ErlangA(arrival, 1, giveUp, servers+1)
		if err != nil {
			t.Fatal(err)
		}
		const slack = 1 + 1e-10
		if more.Mean > slack*p.Mean || more.Abandoned > slack*p.Abandoned || more.Probability > slack*p.Probability {
			t.Fatalf("one more server makes it worse: %+v, %+v", p, more)
		}
		// What arrives is answered or gives up; what is answered keeps servers busy.
		if d := arrival*(1-p.Abandoned) - p.Occupancy*float64(servers); math.Abs(d) > 1e-9*arrival {
			t.Fatalf("flow is off by %g", d)
		}
		if d := giveUp*p.Length - arrival*p.Abandoned; math.Abs(d) > 1e-9*arrival {
			t.Fatalf("θ times who waits is not who gives up: %g", d)
		}
		if d := p.Beyond(0) - p.Probability; math.Abs(d) > 1e-11 {
			t.Fatalf("P(wait > 0) is off by %g", d)
		}
	})
}
