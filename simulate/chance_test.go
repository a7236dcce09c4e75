package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// Draws of each shape follow its distribution function: a Kolmogorov-Smirnov
// test at 1%, with a fixed seed.
func TestDrawsFollowTheirDistribution(t *testing.T) {
	t.Parallel()
	type law interface{ CDF(x float64) float64 }
	logNormal := func(cv float64) law {
		variance := math.Log1p(cv * cv)
		return distuv.LogNormal{Mu: -variance / 2, Sigma: math.Sqrt(variance)}
	}
	ofGamma := func(cv float64) law { return distuv.Gamma{Alpha: 1 / (cv * cv), Beta: 1 / (cv * cv)} }
	tests := map[string]struct {
		dist Dist
		want law
	}{
		"exponential":        {Dist{Shape: Exponential}, distuv.Exponential{Rate: 1}},
		"lognormal":          {Dist{Shape: LogNormal, CV: 0.8}, logNormal(0.8)},
		"lognormal, wide":    {Dist{Shape: LogNormal, CV: 3}, logNormal(3)},
		"gamma":              {Dist{Shape: Gamma, CV: 0.5}, ofGamma(0.5)},
		"gamma, narrow":      {Dist{Shape: Gamma, CV: 1 / math.Sqrt(28.7)}, ofGamma(1 / math.Sqrt(28.7))},
		"gamma, exponential": {Dist{Shape: Gamma, CV: 1}, ofGamma(1)},
		"gamma, wide":        {Dist{Shape: Gamma, CV: 1.5}, ofGamma(1.5)},
		"gamma, wider":       {Dist{Shape: Gamma, CV: 2}, ofGamma(2)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 100_000
			tt.dist.Mean = time.Hour
			d, r := newDice(), rand.New(rand.NewPCG(7, 1))
			x := make([]float64, n)
			for i := range x {
				x[i] = d.draw(r, &tt.dist).Hours()
			}
			slices.Sort(x)
			far := 0.0
			for i, v := range x {
				p := tt.want.CDF(v)
				far = max(far, p-float64(i)/n, float64(i+1)/n-p)
			}
			if limit := 1.628 / math.Sqrt(n); far > limit {
				t.Errorf("the distribution functions are %.5f apart, want at most %.5f", far, limit)
			}
		})
	}
}
