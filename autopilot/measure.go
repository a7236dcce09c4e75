package autopilot

import (
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// This file turns what was measured of a queue into the figures that conditions
// ask for: what is absent from a complete answer is nothing, what was not read or
// contradicts itself is not known, and a ratio of nothing is undefined.

// Observation is what was measured of one queue at one moment. What is nil, or not
// in a map, is not known.
type Observation struct {
	At    time.Time
	State *routing.QueueState
	// Windows are the figures of the queue by window, as conditions write it.
	Windows map[string]measure.Window
	// Own are the service levels of rules that have a deadline, by the figure that
	// asks for them.
	Own map[condition.Read]measure.Window
	// Capacity is how many emails an agent holds at once; 0: not known.
	Capacity int
	// Late is since when the rows are not in of which windows are made, where they
	// lack what was seen of the queue; zero: they do not.
	Late time.Time
}

// Windows lists the windows that the conditions look back over.
func (p *Program) Windows() []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, r := range p.Reads {
		if r.Rule == "" && !seen[r.Window] {
			seen[r.Window] = true
			out = append(out, r.Window)
		}
	}
	return out
}

// Measure gives the figures in the order of Program.Reads.
func (p *Program) Measure(o Observation) []Figure {
	out := make([]Figure, len(p.Reads))
	for i, r := range p.Reads {
		switch {
		case r.Figure == condition.ServiceLevel && r.Rule != "":
			if w, known := o.Own[r]; known {
				out[i] = figure(r, w)
			}
		case r.Window != "" && !o.Late.IsZero():
			out[i].Late = max(o.At.Sub(o.Late), time.Second)
		case r.Window != "":
			if w, known := o.Windows[r.Window]; known && complete(w, o.State) {
				out[i] = figure(r, w)
			}
		case o.State != nil:
			out[i].Value = p.now(r, o)
		}
	}
	return out
}

// complete says that a window has at least the email that still waits and entered
// within it: where it has less, its rows have not all come yet.
func complete(w measure.Window, s *routing.QueueState) bool {
	if s == nil {
		return true
	}
	entered := 0
	for _, e := range s.Emails {
		if !e.Entered.Before(w.From) && e.Entered.Before(w.To) {
			entered++
		}
	}
	return entered <= w.Offered
}

func count(n int) condition.Value { return condition.Value{Known: true, Number: float64(n)} }

// figure is a figure over a window, with how many emails it is made of.
func figure(r condition.Read, w measure.Window) Figure {
	switch r.Figure {
	case condition.Offered:
		return Figure{Value: count(w.Offered), Samples: w.Offered}
	case condition.Answered:
		return Figure{Value: count(w.Answered), Samples: w.Answered}
	case condition.Abandoned:
		return Figure{Value: count(w.Abandoned), Samples: w.Abandoned}
	case condition.ServiceLevel:
		percent, defined := w.ServiceLevel()
		return Figure{Value: condition.Value{Known: defined, Number: percent}, Samples: int(w.Counted)}
	case condition.AverageWait:
		mean, defined := w.AverageWait()
		return Figure{Value: condition.Value{Known: defined, Time: mean}, Samples: w.Waited}
	case condition.AverageTime:
		mean, defined := w.AverageHandle()
		return Figure{Value: condition.Value{Known: defined, Time: mean}, Samples: w.Handled}
	case condition.Waiting, condition.Interacting, condition.OnQueue, condition.Oldest, condition.Late, condition.Utilization:
	}
	return Figure{}
}

// now is a figure of this moment.
func (p *Program) now(r condition.Read, o Observation) condition.Value {
	s := o.State
	switch r.Figure {
	case condition.Waiting:
		if r.Rule == "" {
			return count(s.Waiting)
		}
		return p.among(r, s, func(routing.WaitingEmail) bool { return true })
	case condition.Late:
		return p.among(r, s, func(e routing.WaitingEmail) bool {
			within, known := p.deadlines[p.ruleOf(e)]
			return known && s.At.After(p.due(e.Entered, within))
		})
	case condition.Oldest:
		if !s.Complete || r.Rule != "" && !p.ruled(s) {
			return condition.Value{}
		}
		for _, e := range s.Emails { // the first that entered comes first
			if r.Rule == "" || p.ruleOf(e) == r.Rule {
				return condition.Value{Known: true, Time: s.At.Sub(e.Entered)}
			}
		}
		return condition.Value{Known: true}
	case condition.Interacting:
		return count(s.Interacting)
	case condition.OnQueue:
		return count(s.OnQueue)
	case condition.Utilization:
		if room := s.OnQueue * o.Capacity; room > 0 {
			return condition.Value{Known: true, Number: 100 * float64(s.Interacting+s.Alerting) / float64(room)}
		}
	case condition.Offered, condition.Answered, condition.Abandoned, condition.ServiceLevel, condition.AverageWait, condition.AverageTime:
	}
	return condition.Value{}
}

// among counts waiting emails, of a rule where one is named. Where not every one
// is listed, or the rule of one is not known, the count is not known.
func (p *Program) among(r condition.Read, s *routing.QueueState, counts func(routing.WaitingEmail) bool) condition.Value {
	if !p.ruled(s) {
		return condition.Value{}
	}
	n := 0
	for _, e := range s.Emails {
		if (r.Rule == "" || p.ruleOf(e) == r.Rule) && counts(e) {
			n++
		}
	}
	return count(n)
}

// ruleOf is the rule of a waiting email: that which was found for it, or else that
// of the address that it came in at. Empty: it follows none, or it is not known
// which, since its conditions were not looked at.
func (p *Program) ruleOf(e routing.WaitingEmail) string {
	switch {
	case e.Rule == routing.NoRule:
		return ""
	case e.Rule != "" || p.live:
		return e.Rule
	}
	return p.routes[strings.ToLower(e.To)]
}

// ruled says that the rule of every waiting email is known.
func (p *Program) ruled(s *routing.QueueState) bool {
	return s.Complete && !(p.live && slices.ContainsFunc(s.Emails, func(e routing.WaitingEmail) bool { return e.Rule == "" }))
}

func (p *Program) due(entered time.Time, within time.Duration) time.Time {
	return p.calendar.Due(entered, within)
}
