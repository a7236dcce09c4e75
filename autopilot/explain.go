package autopilot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
)

// This file says in words what was decided, and why not more.

// Text is a figure for a person.
func (f Figure) Text(r condition.Read) string {
	switch {
	case f.Late > 0:
		return "not known: " + notIn(f.Late)
	case !f.Known && r.Ratio():
		return "not known, or of nothing"
	case !f.Known:
		return "not known"
	}
	switch r.Figure {
	case condition.Oldest, condition.AverageWait, condition.AverageTime:
		text := routing.Duration(f.Time.Round(time.Second)).String()
		if r.Ratio() {
			text += " of " + phrase.Count(f.Samples, "email")
		}
		return text
	case condition.ServiceLevel:
		return fmt.Sprintf("%.1f%% of %s", f.Number, phrase.Count(f.Samples, "email"))
	case condition.Utilization:
		return fmt.Sprintf("%.0f%%", f.Number)
	case condition.Offered, condition.Answered, condition.Abandoned, condition.Waiting, condition.Interacting, condition.OnQueue, condition.Late:
	}
	return fmt.Sprintf("%.0f", f.Number)
}

func notIn(late time.Duration) string {
	return "the figures of the last " + routing.Duration(late.Round(time.Second)).String() + " are not in yet"
}

// Inputs are the figures that a rule asks for, as its conditions write them.
func (p *Program) Inputs(rule int, figures []Figure) map[string]string {
	out := map[string]string{}
	for _, reads := range p.rules[rule].reads {
		for _, n := range reads {
			f := Figure{}
			if n < len(figures) {
				f = figures[n]
			}
			out[p.Reads[n].String()] = f.Text(p.Reads[n])
		}
	}
	return out
}

// Explain says in a sentence what came of a rule.
func (p *Program) Explain(w Weighing) string {
	r := p.Rules[w.Rule]
	wait := ""
	if w.Wait > 0 {
		wait = "; that stands against it for " + routing.Duration(w.Wait.Round(time.Second)).String()
	}
	switch w.Reason {
	case Begins, HighVolume:
		return "its condition has held at " + phrase.Count(w.InARow, "look") + " in a row: " + doing(r)
	case Within:
		return "its condition does not hold"
	case Unknown:
		if w.Late > 0 {
			return "whether its condition holds is not known: " + notIn(w.Late)
		}
		return "whether its condition holds is not known"
	case Stale:
		return "nothing could be measured, or what was measured is old"
	case Thin:
		return "a figure that decides is made of fewer than " + phrase.Count(r.Samples, "email")
	case NotYet:
		return fmt.Sprintf("its condition has held at %d of the %d looks in a row that it needs", w.InARow, r.For)
	case UnderLease:
		stays := ""
		if slices.ContainsFunc(r.Do, func(a routing.Action) bool { return a.Lever == routing.LeverOverflow }) {
			stays = "; email that it has moved to another queue stays there"
		}
		if w.Until == True {
			return fmt.Sprintf("it holds, and until has held at %d of the %d looks in a row that end it", w.InARow, r.For) + stays
		}
		return "it holds" + stays
	case Taken:
		return "another rule's override moves the same" + wait
	case Cooldown:
		return fmt.Sprintf("another override began less than %s ago", routing.Duration(p.Limits.Cooldown)) + wait
	case Limit:
		return phrase.Count(p.Limits.ChangesPerHour, "override") + " in an hour is the limit" + wait
	case Flapping:
		return "it has ended within the hour, and does not go back and forth" + wait
	case FleetLimit:
		return fmt.Sprintf("more than %g%% of the queues would begin an override at once", p.Limits.Share)
	case FleetBreach:
		return "more than a fifth of the queues miss their service level at once: that is a fault of the measuring, or a day on which moving agents about helps nobody"
	case LevelMoved:
		return "the platform measures the queue against another service level than the strategy says: apply the strategy, or take the new one into the file"
	case Off:
		return "the mode is off"
	case Stopped:
		return "adjusting is stopped: foresort adjust --start lets it go on"
	case NoChange:
		return "it would change nothing"
	case LeaseEnded:
		return "its lease is over"
	case UntilReached:
		return "its until holds"
	case RuleGone:
		return "the strategy does not ask for it any more"
	case PutBack:
		return "it was put back"
	case ClockBack:
		return "the clock stands before its beginning"
	case LiveRule:
		return "its condition on email holds"
	}
	return string(w.Reason)
}

// doing says what a rule does.
func doing(r routing.AdjustRule) string {
	var parts []string
	for _, a := range r.Do {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, ", and ") + ", for at most " + routing.Duration(r.Lease).String()
}

// Doing says what a rule of the program does.
func (p *Program) Doing(rule int) string { return doing(p.Rules[rule]) }

// Reason is the one word that sums a decision up: of what begins, of what ends, of
// what stands against everything, or of the rule that came nearest.
func (d Decision) Reason() Reason {
	switch {
	case len(d.Begin) > 0:
		return d.Rules[d.Begin[0]].Reason
	case len(d.End) > 0:
		return d.End[0].Reason
	case d.Hold != "":
		return d.Hold
	}
	out := Within
	for _, w := range d.Rules {
		if w.Reason != Within {
			return w.Reason
		}
	}
	return out
}
