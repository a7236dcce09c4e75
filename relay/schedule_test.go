package relay_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/relay"
)

// highest and lowest draw the two ends of what is random.
func highest(n int64) int64 { return n - 1 }
func lowest(int64) int64    { return 0 }

func TestThePauseDoublesUpToTheCap(t *testing.T) {
	t.Parallel()
	want := []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 320 * time.Second, 640 * time.Second, 1280 * time.Second, 2560 * time.Second, time.Hour, time.Hour}
	for i, pause := range want {
		at, more := relay.Schedule{}.Next(relay.Failure{Attempt: i + 1, Since: now, Now: now}, highest)
		if !more || at.Sub(now) != pause {
			t.Errorf("after attempt %d: %s, %v; want %s", i+1, at.Sub(now), more, pause)
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	s := relay.Schedule{Limit: time.Hour, First: time.Minute, Cap: 30 * time.Minute}
	tests := map[string]struct {
		attempt    int
		after      time.Duration // since the first attempt
		retryAfter time.Duration
		draw       func(int64) int64
		want       time.Duration // since the first attempt; below 0: no more
	}{
		"at once at the earliest":              {1, 0, 0, lowest, 0},
		"after what was asked for":             {1, 0, 10 * time.Minute, lowest, 10 * time.Minute},
		"and the pause on top":                 {1, 0, 10 * time.Minute, highest, 11 * time.Minute},
		"the last one is made at the limit":    {9, 50 * time.Minute, 0, highest, time.Hour},
		"at the limit it was the last":         {9, time.Hour, 0, lowest, -1},
		"after the limit":                      {9, 2 * time.Hour, 0, lowest, -1},
		"asked to wait until the limit":        {1, 0, time.Hour, highest, time.Hour},
		"asked to wait beyond the limit":       {1, 0, time.Hour + 1, lowest, -1},
		"an attempt number beyond all bounds":  {1 << 40, 0, 0, highest, 30 * time.Minute},
		"an attempt number below all bounds":   {-1, 0, 0, highest, time.Minute},
		"a clock that was put back meanwhile":  {2, -time.Minute, 0, lowest, -time.Minute},
		"a clock that was put back, and a lot": {2, -time.Hour, 0, highest, -58 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, more := s.Next(relay.Failure{Attempt: tt.attempt, Since: now, Now: now.Add(tt.after), RetryAfter: tt.retryAfter}, tt.draw)
			if tt.want == -1 {
				if more {
					t.Errorf("again after %s", at.Sub(now))
				}
			} else if !more || at.Sub(now) != tt.want {
				t.Errorf("%s, %v; want %s", at.Sub(now), more, tt.want)
			}
		})
	}
}

func TestEveryTryIsInItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := relay.Schedule{
			Limit: time.Duration(rapid.Int64Range(1, int64(100*time.Hour)).Draw(t, "limit")),
			First: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "first")),
			Cap:   time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "cap")),
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		end := now.Add(s.Limit)
		f := relay.Failure{Attempt: 1, Since: now, Now: now}
		for ; f.Attempt < 100; f.Attempt++ {
			f.RetryAfter = time.Duration(rapid.SampledFrom([]int64{0, 0, 0, int64(time.Minute), int64(24 * time.Hour)}).Draw(t, "retry after"))
			at, more := s.Next(f, rng.Int64N)
			if !more {
				if f.Now.Before(end) && !f.Now.Add(f.RetryAfter).After(end) {
					t.Fatalf("given up at %s of %s", f.Now.Sub(now), s.Limit)
				}
				return
			}
			pause := s.Cap
			if doublings := f.Attempt - 1; doublings < 60 && s.First <= s.Cap>>doublings {
				pause = s.First << doublings
			}
			switch {
			case at.Before(f.Now.Add(f.RetryAfter)):
				t.Fatalf("%s before what was asked for", f.Now.Add(f.RetryAfter).Sub(at))
			case at.After(end):
				t.Fatalf("%s past the limit", at.Sub(end))
			case at.After(f.Now.Add(f.RetryAfter + pause)):
				t.Fatalf("attempt %d: %s, the longest pause is %s", f.Attempt, at.Sub(f.Now), pause)
			}
			f.Now = at
		}
	})
}

func TestThePauseIsRandomInItsWholeLength(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var tenths [10]int
	for range 10_000 {
		at, _ := relay.Schedule{First: time.Hour}.Next(relay.Failure{Attempt: 1, Since: now, Now: now}, rng.Int64N)
		tenths[min(9, at.Sub(now)*10/time.Hour)]++
	}
	for i, n := range tenths {
		if n < 850 || n > 1150 {
			t.Errorf("%d of 10,000 in tenth %d", n, i+1)
		}
	}
}
