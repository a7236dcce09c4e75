package measure

import (
	"time"

	"github.com/foresort/foresort/routing"
)

// Deadline is a service level of one's own for the email of a queue, such as that
// of a rule, which the platform does not have.
type Deadline struct {
	QueueID      string
	routing.Span                   // what entered the queue in it counts
	Within       time.Duration     // of open hours, from entering the queue to the answer
	Calendar     *routing.Calendar // nil: every hour counts
	Now          time.Time         // up to when the conversations are known
}

// OwnLevel measures a deadline. Of what was answered, or has waited for longer,
// it counts as in time what was answered within it, as forecasts do
// (docs/simulation.md): what was given up or passed on before its deadline, and
// what waits for less, does not count. Waits are in open hours; there is no
// Target.
func OwnLevel(conversations []routing.Conversation, d Deadline) Window {
	w := Window{Span: d.Span}
	for _, c := range conversations {
		for _, s := range c.Stays {
			if s.QueueID == d.QueueID && !s.Entered.Before(d.From) && s.Entered.Before(d.To) {
				d.add(&w, s)
			}
		}
	}
	return w
}

func (d Deadline) add(w *Window, s routing.Stay) {
	w.Offered++
	until, answered := s.Answered, !s.Answered.IsZero()
	if !answered {
		until = s.Left
	}
	waits := until.IsZero()
	if waits {
		until = d.Now
	}
	wait := d.open(s.Entered, until)
	if !waits {
		w.Waited++
		w.Wait += wait
	}
	late := wait > d.Within
	switch {
	case answered:
		w.Answered++
		w.Counted++
		if !late {
			w.InTime++
		}
	case late:
		w.Counted++
	}
	if s.Abandoned {
		w.Abandoned++
	}
	if s.Handle > 0 {
		w.Handled++
		w.Handle += s.Handle
	}
}

// open is the time between two instants that counts.
func (d Deadline) open(from, to time.Time) (sum time.Duration) {
	if d.Calendar == nil {
		return max(0, to.Sub(from))
	}
	for a, b := range d.Calendar.Open(from, to) {
		sum += b.Sub(a)
	}
	return sum
}
