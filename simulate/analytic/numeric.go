package analytic

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/integrate/quad"
)

// nodes are the places and weights of Gauss-Legendre on 0 to 1.
var nodes = sync.OnceValues(func() (x, w [16]float64) {
	quad.Legendre{}.FixedLocations(x[:], w[:], 0, 1)
	return x, w
})

func panel(f func(float64) float64, from, to float64) float64 {
	x, w := nodes()
	sum := 0.0
	for i := range x {
		sum += w[i] * f(from+(to-from)*x[i])
	}
	return sum * (to - from)
}

// integrate is the integral of f from 0 to to, where f may vary as finely as it
// likes near 0: panels grow fourfold away from it, and are halved until halving
// changes nothing.
func integrate(f func(float64) float64, to float64) float64 {
	const panels, shrink = 26, 0.25
	var parts [panels]struct{ a, b, sum float64 }
	total := 0.0
	b := to
	for i := range parts {
		a := b * shrink
		if i == panels-1 {
			a = 0
		}
		parts[i].a, parts[i].b, parts[i].sum = a, b, panel(f, a, b)
		total += math.Abs(parts[i].sum)
		b = a
	}
	exact := 0.0
	for i := len(parts) - 1; i >= 0; i-- {
		exact += halve(f, parts[i].a, parts[i].b, parts[i].sum, 1e-13*total, 12)
	}
	return exact
}

func halve(f func(float64) float64, a, b, whole, tolerance float64, depth int) float64 {
	m := a + (b-a)/2
	left, right := panel(f, a, m), panel(f, m, b)
	if d := math.Abs(left + right - whole); depth == 0 || !(d > tolerance) {
		return left + right
	}
	return halve(f, a, m, left, tolerance, depth-1) + halve(f, m, b, right, tolerance, depth-1)
}

// whereTail is the time at which a falling tail is down to share. About is a
// time of the right magnitude.
func whereTail(tail func(float64) float64, share, about float64) float64 {
	low, high := 0.0, about
	for n := 0; tail(high) > share; n++ {
		if n == 2000 || math.IsInf(high, 1) {
			return math.Inf(1)
		}
		low, high = high, 2*high
	}
	for range 200 {
		m := low + (high-low)/2
		if m <= low || m >= high {
			break
		}
		if tail(m) > share {
			low = m
		} else {
			high = m
		}
		if high-low < 1e-15*high {
			break
		}
	}
	return high
}
