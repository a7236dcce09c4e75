package simulate

import "fmt"

// Size is what a batch takes, told before it is run.
type Size struct {
	Emails  float64 // in each replication, a bound from above for what is expected
	Calls   float64 // in each replication, likewise
	Bytes   int64   // of memory, for all workers, likewise
	workers int
}

// maxBytes bounds the memory of a batch.
const maxBytes = 8 << 30

// TooBigError says that a batch would take more memory than is allowed.
type TooBigError struct{ Size Size }

// Error says how big it is and what to do.
func (e *TooBigError) Error() string {
	way := "simulate a shorter time"
	if n := int64(e.Size.workers) * maxBytes / e.Size.Bytes; n > 0 {
		way = fmt.Sprintf("use %d workers at once", n)
	}
	return fmt.Sprintf("about %.3g emails in each of %d replications at once would take %d MB of memory, more than the %d MB allowed: %s",
		e.Size.Emails, e.Size.workers, e.Size.Bytes>>20, int64(maxBytes)>>20, way)
}

// What one email takes: while it is in the engine, and once its wait is recorded
// (for its rule, and for all).
const (
	liveBytes     = 64 + 16 + 24 + 16 + 4
	recordedBytes = 8 + 8
)

// grown is how much more that takes, as lists grow and the garbage collector lets
// the heap double.
const grown = 2

// countedBytes is what is kept of each replication.
const countedBytes = 128

// Measure says what a batch takes.
func Measure(m Model, o Options) Size {
	o = o.withDefaults()
	arrivals := m.arrivals()
	for i := range arrivals { // a busy replication
		arrivals[i] *= m.busiest()
	}
	for _, w := range m.Backlog {
		arrivals[w.Rule]++
	}
	emails, places := 0.0, 0.0
	for _, n := range arrivals {
		emails += n
	}
	for _, a := range m.Agents {
		places += float64(a.Capacity)
	}
	// A closed night lets the mail of half a day wait; what nobody has the time
	// for waits until the end.
	live := places + float64(len(m.Backlog)) + emails*min(1, 0.5/max(1, m.Horizon.Hours()/24))
	for i, hours := range m.undone(arrivals) {
		if each := (m.Rules[i].Handle.mean() + m.Rules[i].WrapUp.mean()).Hours(); hours > 0 && each > 0 {
			live += hours / each
		}
	}
	live = min(live, emails+places)
	n, _ := points(&m)
	row := layout{rules: len(m.Rules), agents: len(m.Agents), points: n}.size()
	bytes := float64(o.Workers)*(emails*recordedBytes+live*liveBytes)*grown + float64(row)*8*float64(3*o.Workers+4)
	bytes += float64(o.Workers*len(m.Agents)) * (160 + 8*float64(len(m.Rules)+1))
	bytes += float64(o.Replications) * countedBytes
	calls := 0.0
	for i := range m.Agents {
		for _, s := range m.Agents[i].Shifts {
			calls += m.Voice.PerHour * max(0, min(s.To, m.Horizon)-max(s.From, 0)).Hours()
		}
	}
	return Size{Emails: emails, Calls: calls, Bytes: int64(min(bytes, 1<<60)), workers: o.Workers}
}
