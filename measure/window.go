package measure

import (
	"math"
	"time"

	"github.com/foresort/foresort/routing"
)

// Window is the email of one queue in a stretch of time, from a complete answer
// of analytics: its zero value says that there was none. Each figure is of what
// happened in the stretch, so that email may be offered in one and answered in
// another.
type Window struct {
	routing.Span // from the first row to the last; zero: there was none
	Offered      int
	Answered     int
	Abandoned    int
	// InTime of Counted count as within the service level.
	InTime, Counted float64
	// Target is the service level that the platform measures by, in percent; 0:
	// not told, or not one for all.
	Target float64
	// Wait is the time that Waited emails had waited that left the queue, Handle
	// that of Handled emails in the hands of agents.
	Wait, Handle    time.Duration
	Waited, Handled int
}

// WindowMetrics are the metrics of which Windows are made.
func WindowMetrics() []string {
	return []string{"nOffered", "tAnswered", "tAbandon", "tWait", "tHandle", "oServiceLevel"}
}

// Windows adds up rows of WindowMetrics by queueId. A queue that has no rows is
// not in it, and had no email.
func Windows(rows []routing.MetricRow) map[string]Window {
	windows := map[string]Window{}
	for _, r := range rows {
		id := r.Group["queueId"]
		w, known := windows[id]
		if !known || r.From.Before(w.From) {
			w.From = r.From
		}
		if r.To.After(w.To) {
			w.To = r.To
		}
		sum := time.Duration(r.Stats.Sum * float64(time.Millisecond))
		switch r.Metric {
		case "nOffered":
			w.Offered += r.Stats.Count
		case "tAnswered":
			w.Answered += r.Stats.Count
		case "tAbandon":
			w.Abandoned += r.Stats.Count
		case "tWait":
			w.Waited, w.Wait = w.Waited+r.Stats.Count, w.Wait+sum
		case "tHandle":
			w.Handled, w.Handle = w.Handled+r.Stats.Count, w.Handle+sum
		case "oServiceLevel":
			target := math.Round(r.Stats.Target*1e12) / 1e10
			if w.Counted > 0 && target != w.Target {
				target = 0
			}
			w.InTime, w.Counted, w.Target = w.InTime+r.Stats.Numerator, w.Counted+r.Stats.Denominator, target
		}
		windows[id] = w
	}
	return windows
}

// ServiceLevel is the percentage that was in time; false where nothing counts.
func (w Window) ServiceLevel() (percent float64, ok bool) {
	if w.Counted <= 0 {
		return 0, false
	}
	return 100 * w.InTime / w.Counted, true
}

// AverageWait is the mean wait of what left the queue; false where nothing did.
func (w Window) AverageWait() (time.Duration, bool) { return mean(w.Wait, w.Waited) }

// AverageHandle is the mean time in the hands of agents; false where nothing was
// handled.
func (w Window) AverageHandle() (time.Duration, bool) { return mean(w.Handle, w.Handled) }

func mean(sum time.Duration, n int) (time.Duration, bool) {
	if n <= 0 {
		return 0, false
	}
	return sum / time.Duration(n), true
}
