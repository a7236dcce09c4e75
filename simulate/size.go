package simulate

import (
	"fmt"
	"time"
)

// Size is what a batch takes, told before it is run.
type Size struct {
	Emails float64 // expected in each replication, without transfers
	Bytes  int64   // of memory, for all workers; a bound from above for what is expected
}

// maxBytes bounds the memory of a batch.
const maxBytes = 8 << 30

// TooBigError says that a batch would take more memory than is allowed.
type TooBigError struct{ Size Size }

// Error says how big it is and what to do.
func (e *TooBigError) Error() string {
	return fmt.Sprintf("about %.3g emails in each replication would take %d MB of memory, more than the %d MB allowed: simulate a shorter time",
		e.Size.Emails, e.Size.Bytes>>20, int64(maxBytes)>>20)
}

// What one email takes: while it is in the engine, and once its wait is recorded
// (for its rule, and for all).
const (
	liveBytes     = 64 + 16 + 24 + 16 + 4
	recordedBytes = 8 + 8
)

// Measure says what a batch takes.
func Measure(m Model, o Options) Size {
	o = o.withDefaults()
	emails, work := float64(len(m.Backlog)), 0.0
	handling := func(rule int) float64 { return (m.Rules[rule].Handle.mean() + m.Rules[rule].WrapUp.mean()).Hours() }
	for _, w := range m.Backlog {
		work += handling(w.Rule)
	}
	for _, s := range m.Sources {
		mean, weights := 0.0, 0.0
		for _, x := range s.Mix {
			mean += handling(x.Rule) * x.Weight
			weights += x.Weight
		}
		n := float64(len(s.Trace))
		for _, r := range s.Rates {
			n += r.PerHour * max(0, min(r.To, m.Horizon)-max(r.From, 0)).Hours()
		}
		for _, pick := range s.Pick {
			most := 0
			for _, p := range pick {
				most = max(most, len(s.History[p]))
			}
			n += float64(most)
		}
		emails += n
		if weights > 0 {
			work += n * mean / weights
		}
	}
	emails *= 1 + 4*m.Busyness // a busy day
	again := 0.0               // share that enters anew
	for _, r := range m.Rules {
		share := 0.0
		for _, t := range r.Transfer {
			if t.To >= 0 {
				share += t.Share
			}
		}
		again = max(again, share)
	}
	emails /= max(1e-3, 1-again)
	places := 0.0
	var room time.Duration
	for _, a := range m.Agents {
		places += float64(a.Capacity)
		for _, s := range a.Shifts {
			room += max(0, min(s.To, m.Horizon)-max(s.From, 0)) * time.Duration(a.Capacity)
		}
	}
	// A closed night lets the mail of half a day wait; what there is no room for
	// waits until the end.
	live := places + emails*min(1, 0.5/max(1, m.Horizon.Hours()/24))
	if work > 0 {
		live += emails * max(0, 1-room.Hours()/work)
	}
	live = min(live, emails+places)
	n, _ := points(&m)
	row := layout{rules: len(m.Rules), agents: len(m.Agents), points: n}.size()
	bytes := float64(o.Workers)*(emails*recordedBytes+live*liveBytes) + float64(row)*8*float64(3*o.Workers+4)
	bytes += float64(o.Workers*len(m.Agents)) * (160 + 8*float64(len(m.Rules)+1))
	return Size{Emails: emails, Bytes: int64(min(bytes, 1<<60))}
}
