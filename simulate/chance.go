package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// This file draws. Each source of chance has a stream of its own, so that two
// models that differ in one thing draw the same for everything else.

// dice are the streams of one replication.
type dice struct {
	pcg   []*rand.PCG
	alert *rand.Rand // alerts that nobody answers
	voice *rand.Rand // calls
	// Of email, one draw each in the order of arrival.
	mix, handle, wrapUp, patience, reply, transfer, busyness, history *rand.Rand
	again                                                             *rand.Rand // email that enters anew after a transfer
}

func newDice() *dice {
	d := &dice{}
	for _, r := range []**rand.Rand{&d.alert, &d.voice, &d.mix, &d.handle, &d.wrapUp, &d.patience, &d.reply, &d.transfer, &d.busyness, &d.history, &d.again} {
		*r = d.stream()
	}
	return d
}

func (d *dice) stream() *rand.Rand {
	p := rand.NewPCG(0, 0)
	d.pcg = append(d.pcg, p)
	return rand.New(p)
}

// seed starts every stream for a replication.
func (d *dice) seed(seed uint64, replication int) {
	for i, p := range d.pcg {
		p.Seed(scatter(seed+uint64(i)*0x9e3779b97f4a7c15), scatter(uint64(replication)+1)^scatter(uint64(i)))
	}
}

// scatter makes neighbouring numbers unlike (SplitMix64, Steele et al. 2014).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// draw draws a time.
func (d *dice) draw(r *rand.Rand, from *Dist) time.Duration {
	switch from.Shape {
	case None:
		return 0
	case Constant:
		return from.Mean
	case Exponential:
		return clip(r.ExpFloat64() * float64(from.Mean))
	case LogNormal:
		variance := math.Log1p(from.CV * from.CV)
		return clip(math.Exp(r.NormFloat64()*math.Sqrt(variance)-variance/2) * float64(from.Mean))
	case Gamma:
		return clip(gamma(r, from.CV) * float64(from.Mean))
	case Empirical:
		return from.Values[r.IntN(len(from.Values))]
	}
	return 0
}

// gamma draws from a gamma distribution with mean 1, after Marsaglia and Tsang,
// A simple method for generating gamma variables (2000).
func gamma(r *rand.Rand, cv float64) float64 {
	shape := 1 / (cv * cv)
	d, boost := shape-1.0/3, 1.0
	if shape < 1 {
		d, boost = d+1, math.Pow(r.Float64(), 1/shape)
	}
	c := 1 / (3 * math.Sqrt(d))
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v *= v * v
		if u := r.Float64(); u < 1-0.0331*x*x*x*x || math.Log(u) < x*x/2+d*(1-v+math.Log(v)) {
			return boost * d * v / shape
		}
	}
}

// longest bounds what is drawn: nobody works on an email for ten years.
const longest = float64(10 * 365 * 24 * time.Hour)

func clip(ns float64) time.Duration { return time.Duration(min(ns, longest)) }

// gap draws the time to the next event of a Poisson process, in nanoseconds.
func (d *dice) gap(r *rand.Rand, perHour float64) int64 {
	return int64(min(r.ExpFloat64()/perHour*float64(time.Hour), longest))
}

// mean is the mean of a distribution.
func (d Dist) mean() time.Duration {
	if d.Shape != Empirical {
		return d.Mean
	}
	sum := 0.0
	for _, v := range d.Values {
		sum += float64(v)
	}
	return time.Duration(sum / float64(len(d.Values)))
}

// picker draws an index by weights.
type picker struct {
	rules []int
	upTo  []float64 // sums of weights, the last is 1
}

func newPicker(mix []Share) picker {
	var p picker
	sum := 0.0
	for _, s := range mix {
		sum += s.Weight
		p.rules, p.upTo = append(p.rules, s.Rule), append(p.upTo, sum)
	}
	for i := range p.upTo {
		p.upTo[i] /= sum
	}
	return p
}

func (p picker) pick(r *rand.Rand) int {
	x := r.Float64()
	i := slices.IndexFunc(p.upTo, func(upTo float64) bool { return x < upTo })
	if i < 0 {
		i = len(p.rules) - 1
	}
	return p.rules[i]
}
