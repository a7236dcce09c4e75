package autopilot_test

import (
	"math"
	"testing"
	"time"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/routing"
)

// tutorial is the adjust step of the tutorial that the strategy file began with:
// at every poll, without a memory, and what is missing counts as 0
// (docs/reliability.md).
type tutorial struct{ target, floor, by time.Duration }

// poll says whether it writes.
func (r *tutorial) poll(offered, level autopilot.Figure) bool {
	value := func(f autopilot.Figure) float64 {
		if !f.Known {
			return 0
		}
		return f.Number
	}
	if !(value(offered) > 500) || !(value(level) < 85) || r.target <= r.floor {
		return false
	}
	r.target = max(r.floor, r.target-r.by)
	return true
}

// The same figures through the tutorial's rule and through tightenTarget with
// what the file has as defaults.
func TestTheTutorialsRuleBesideOurs(t *testing.T) {
	t.Parallel()
	const days, start, lease = 1000, time.Hour, 2 * time.Hour
	do := routing.Action{Lever: routing.LeverTighten, Target: routing.Duration(15 * time.Second), Floor: routing.Duration(30 * time.Second)}
	limits := routing.AdjustLimits{ChangesPerHour: 2, Cooldown: 10 * time.Minute, Reversals: 1, Share: 20}
	p := program(t, routing.AdjustAct, limits, routing.AdjustRule{Name: "surge", When: conditions[0].text, Samples: 20, For: 3, Do: []routing.Action{do}, Lease: lease})
	type sum struct {
		writes, blind, away int // all; of them with a service level that is not known; days that end at another target
		most                int // in an hour
		least               time.Duration
	}
	theirs, ours := sum{least: start}, sum{least: start}
	for day := range days {
		tr := newTrace(uint64(day))
		tr.program, tr.every = p, time.Minute
		tr.names = []string{p.Reads[0].String(), p.Reads[1].String()}
		old, mine := tutorial{start, 30 * time.Second, 15 * time.Second}, start
		var streaks autopilot.Streaks
		var past []autopilot.Lease
		var hour [2]int
		ticks := int(24 * time.Hour / time.Minute)
		for tick := range ticks + int(lease/time.Minute) { // the day, and a calm time in which leases end
			now := noon.Add(time.Duration(tick) * time.Minute)
			figures := tr.figures(tick)
			if tick >= ticks {
				figures = []autopilot.Figure{known(100), known(100)}
			}
			if tick%60 == 0 {
				hour = [2]int{}
			}
			unknown := tr.partial || !figures[1].Known || math.IsNaN(figures[1].Number)
			count := func(s *sum, i int, target time.Duration) {
				s.writes++
				hour[i]++
				s.most, s.least = max(s.most, hour[i]), min(s.least, target)
				if unknown && i == 0 {
					s.blind++
				}
			}
			if old.poll(figures[0], figures[1]) {
				count(&theirs, 0, old.target)
			}
			d := p.Decide(autopilot.Input{Now: now, At: now, Figures: figures, Past: past, Fleet: autopilot.Fleet{Queues: 1}}, &streaks)
			for range d.End {
				mine, past[len(past)-1].Ended = start, now
				count(&ours, 1, mine)
			}
			for range d.Begin {
				if unknown {
					ours.blind++
				}
				mine = max(time.Duration(do.Floor), mine-time.Duration(do.Target))
				past = append(past, autopilot.Lease{ID: now.String(), Rule: "surge", Levers: []routing.Lever{routing.LeverTighten}, Began: now, Ends: now.Add(lease)})
				count(&ours, 1, mine)
			}
		}
		if old.target != start {
			theirs.away++
		}
		if mine != start {
			ours.away++
		}
	}
	t.Logf("%d days from a target of %s: the tutorial's rule %+v, ours %+v", days, start, theirs, ours)
	switch {
	case ours.blind > 0 || ours.away > 0 || ours.most > 3 || ours.least < start-time.Duration(do.Target):
		t.Errorf("ours breaks its guard rails: %+v", ours)
	case theirs.blind == 0 || theirs.away < days/2 || theirs.least != 30*time.Second || theirs.writes < 10*ours.writes:
		t.Errorf("the tutorial's rule is not what it is said to be: %+v", theirs)
	case ours.writes == 0:
		t.Error("ours never does anything")
	}
}
