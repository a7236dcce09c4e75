package simulate

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/foresort/foresort/simulate/analytic"
)

// TestIntervalsHoldTheTruthAsOftenAsTheySay runs 1,000 batches of M/M/5, each
// with 20 replications, and counts how often the 95% interval of the mean wait
// holds the exact one.
func TestIntervalsHoldTheTruthAsOftenAsTheySay(t *testing.T) {
	t.Parallel()
	if os.Getenv("FORESORT_NIGHTLY") == "" {
		t.Skip("takes a minute: set FORESORT_NIGHTLY=1 to run it")
	}
	const batches, agents, load = 1000, 5, 0.8
	m := mmc(agents, agents*load, time.Hour, 5000*time.Hour)
	m.WarmUp, m.Every = 200*time.Hour, 1000*time.Hour
	exact, err := analytic.ErlangC(agents*load, 1, agents)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	mean, covered := 0, 0
	p90 := 0
	for part := range 2 {
		all.Go(func() {
			for seed := part; seed < batches; seed += 2 {
				r, err := Run(t.Context(), m, Options{Replications: 20, Seed: uint64(seed), Workers: 1})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if w := r.All.Wait.Mean; w.Low <= 3600*exact.Mean && 3600*exact.Mean <= w.High {
					covered++
				}
				if w, x := r.All.Wait.P90, 3600*exact.Percentile(0.9); w.Low <= x && x <= w.High {
					p90++
				}
				mean++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Logf("%d of %d intervals of the mean wait hold the exact one, and %d of its 90th percentile", covered, mean, p90)
	if covered < batches*93/100 || covered > batches*97/100 {
		t.Errorf("%d of %d intervals hold the truth", covered, batches)
	}
}
