// Package autopilot decides how a strategy adjusts to the day: the strategy's
// rules, what was measured of its queue, and what was done before go in; which
// overrides begin and end, and why no others do, comes out. It is pure: no clock,
// no I/O, and it writes nothing.
package autopilot

import (
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/routing"
)

// Program is the adjust section of one strategy, compiled. It is safe for use by
// many goroutines.
type Program struct {
	routing.Adjust
	Strategy, Queue string
	// Reads are the figures that its conditions ask for, each once.
	Reads []condition.Read
	level *routing.ServiceLevel // as the strategy has it; nil: not owned
	rules []rule

	routes    map[string]string        // the rule of each address
	usual     map[string]int           // the priority that email of an address comes in with, where the strategy owns it
	asked     map[string]int           // the priority that a rule asks for
	deadlines map[string]time.Duration // of each rule; without one of its own the queue's service level
	live      bool                     // rules have conditions: the address alone does not tell the rule
	calendar  *routing.Calendar        // the clock of deadlines; nil: every hour counts
}

type rule struct {
	when, until *condition.OfQueue // until may be nil
	reads       [2][]int           // of when and of until: which of Program.Reads
}

// New compiles a strategy that adjusts. Its error is a mistake that Parse would
// have found.
func New(want routing.Desired) (*Program, error) {
	if want.Adjust == nil {
		return nil, fmt.Errorf("strategy %s does not adjust: it has no adjust section", want.Strategy)
	}
	p := &Program{Adjust: *want.Adjust, Strategy: want.Strategy, Queue: want.Queue.Name, level: want.Queue.Settings.ServiceLevel}
	p.deadlines, p.routes, p.calendar = map[string]time.Duration{}, map[string]string{}, want.Calendar
	p.usual, p.asked = map[string]int{}, map[string]int{}
	for _, r := range want.Rules {
		p.live = p.live || r.When != ""
		if r.Priority != nil {
			p.asked[r.Name] = *r.Priority
		}
		if r.Deadline != nil {
			p.deadlines[r.Name] = time.Duration(*r.Deadline)
		} else if p.level != nil {
			p.deadlines[r.Name] = time.Duration(p.level.Within)
		}
	}
	for _, r := range want.Routes {
		p.routes[r.Address.String()] = r.Rule
		if r.Settings.Priority != nil {
			p.usual[r.Address.String()] = *r.Settings.Priority
		}
	}
	for _, r := range p.Rules {
		var compiled rule
		for i, text := range []string{r.When, r.Until} {
			if i == 1 && text == "" {
				continue
			}
			c, mistakes := condition.CompileQueue(text)
			if mistakes != nil {
				return nil, fmt.Errorf("adjust rule %s: %s", r.Name, mistakes[0].Message)
			}
			for _, read := range c.Reads {
				n := slices.Index(p.Reads, read)
				if n < 0 {
					n = len(p.Reads)
					p.Reads = append(p.Reads, read)
				}
				compiled.reads[i] = append(compiled.reads[i], n)
			}
			if i == 0 {
				compiled.when = c
			} else {
				compiled.until = c
			}
		}
		p.rules = append(p.rules, compiled)
	}
	return p, nil
}

// Figure is one figure of a queue and of how many emails it is made.
type Figure struct {
	condition.Value
	Samples int
	// Late is of how long until now the rows are not in; 0: they are.
	Late time.Duration
}

// Lease is one override, or one that was only recommended.
type Lease struct {
	ID          string // the run that began it
	Rule        string
	Levers      []routing.Lever
	Began, Ends time.Time
	Ended       time.Time // zero: it holds
	Recommended bool
	// Level is the service level that it has set; nil: it sets none.
	Level *routing.ServiceLevel
}

// holds says that a lease has not been put back.
func (l *Lease) holds() bool { return l.Ended.IsZero() }

// Input is what a decision is made of.
type Input struct {
	Now time.Time
	// At is when the figures were read; zero: they could not be read.
	At      time.Time
	Figures []Figure // in the order of Program.Reads
	// Level is the service level that the platform measures the queue against;
	// nil: not known.
	Level *routing.ServiceLevel
	// Past are the overrides of the last day and all that hold, oldest first.
	Past []Lease
	// Stopped says that the kill switch is on.
	Stopped bool
	Fleet   Fleet
}

// Fleet is how all queues stand that are looked after together.
type Fleet struct {
	Queues   int // that are looked after
	InBreach int // whose service level is known and below its target
	Begun    int // that began an override at this look already
	// Elsewhere are those that others look after, and BegunElsewhere those of them
	// that began one within the time between two looks: they count for the share of
	// queues alone, since how they stand is not known.
	Elsewhere, BegunElsewhere int
}

// shared says that as many queues have begun an override as may at one look: with
// one more they would be above the share.
func (f Fleet) shared(percent float64) bool {
	begun := f.Begun + f.BegunElsewhere
	return begun > 0 && 100*float64(begun+1) > percent*float64(f.Queues+f.Elsewhere)
}

// clockSlack is how far clocks of several machines may be apart.
const clockSlack = time.Minute

// breachShare is the part of the queues that may miss their service level at once
// before it is taken for a fault of the measuring, or for a day on which nobody
// is helped by moving agents about.
const breachShare = 0.2

// Reason says, for programs, what came of a rule or of a look.
type Reason string

// The reasons.
const (
	// Begins: the condition held, and nothing stands against it.
	Begins Reason = "begins"
	// HighVolume is Begins where the condition asks for email offered and for the
	// service level.
	HighVolume Reason = "high_volume_sla_breach"
	// Within: the condition does not hold.
	Within Reason = "metrics_within_thresholds"

	Unknown     Reason = "metrics_unknown"       // a figure that decides is not known
	Stale       Reason = "metrics_stale"         // the figures are old
	Thin        Reason = "too_few_samples"       // a figure that decides is made of too few emails
	NotYet      Reason = "not_long_enough"       // it has not held often enough in a row
	UnderLease  Reason = "under_lease"           // it has been done, and holds
	Taken       Reason = "lever_taken"           // another rule's override moves the same
	Cooldown    Reason = "cooldown"              // another override began a moment ago
	Limit       Reason = "changes_per_hour"      // as many began as may in an hour
	Flapping    Reason = "reversals"             // it has ended within the hour
	FleetLimit  Reason = "share_of_queues"       // as many queues began one as may at one look
	FleetBreach Reason = "many_queues_in_breach" // more than a fifth of the queues
	LevelMoved  Reason = "service_level_changed" // it is measured against something else than the strategy says
	Off         Reason = "mode_off"
	Stopped     Reason = "stopped"
	NoChange    Reason = "changes_nothing" // it would write nothing

	LeaseEnded   Reason = "lease_ended"
	UntilReached Reason = "until_reached"
	RuleGone     Reason = "rule_gone"  // the strategy does not have it any more, or does not act
	PutBack      Reason = "put_back"   // by people, or by a process that ended before it said so
	ClockBack    Reason = "clock_back" // the clock stands before the beginning of the lease
	// LiveRule: not the autopilot asks for it, but a rule with a condition on email.
	LiveRule Reason = "live_rule"
)

// Truth is what a condition came to.
type Truth int8

// The truths.
const (
	False Truth = iota
	True
	Undecided // a figure that decides is not known
	TooFew    // or is made of too few emails
)

// Weighing is what came of one rule.
type Weighing struct {
	Rule        int // of Program.Rules
	Reason      Reason
	When, Until Truth // Until only while the rule has a lease
	InARow      int   // looks that found When to hold, and Until while the rule has a lease
	// Wait is how long it stands against the rule; zero: it depends on the figures.
	Wait time.Duration
	// Late is of how long until now the rows are not in of which figures are made
	// that When asks for; 0: they are.
	Late time.Duration
}

// Ending is an override that shall be put back.
type Ending struct {
	Lease  string // Lease.ID
	Rule   string
	Reason Reason
}

// Decision is what shall be done at one look.
type Decision struct {
	At    time.Time
	Rules []Weighing
	// Hold is why nothing may begin, whatever the rules say; empty: nothing.
	Hold  Reason
	Begin []int // of Program.Rules
	End   []Ending
}

// Decide weighs every rule. It changes nothing but s.
func (p *Program) Decide(in Input, s *Streaks) Decision {
	d := Decision{At: in.Now, Rules: make([]Weighing, len(p.rules)), Hold: p.hold(in)}
	stale := p.stale(in)
	counts := !stale && s.see(len(p.rules), in.At, p.Every)
	for i := range p.rules {
		w := &d.Rules[i]
		w.Rule = i
		lease := p.lease(in.Past, p.Rules[i].Name)
		if stale {
			w.When, w.Until, w.Reason = Undecided, Undecided, Stale
		} else {
			w.When = p.truth(i, 0, in.Figures, s)
			if lease >= 0 {
				w.Until = p.truth(i, 1, in.Figures, s)
			}
			w.InARow = s.count[i].seen(w.When, w.Until, lease >= 0, counts)
		}
		if lease >= 0 {
			w.Reason = UnderLease
			if why := p.ends(i, in, in.Past[lease], *w); why != "" {
				w.Reason = why
				d.end(in.Past[lease], why)
			}
			continue
		}
		if w.Reason == "" {
			w.Reason, w.Wait = p.begins(i, in, d, *w, s)
			if w.Reason == Unknown {
				for _, read := range p.rules[i].reads[0] {
					w.Late = max(w.Late, in.Figures[read].Late)
				}
			}
		}
		if w.Reason == Begins || w.Reason == HighVolume {
			d.Begin = append(d.Begin, i)
		}
	}
	p.orphans(in, &d)
	if d.Hold == Stopped {
		d.End = nil // nothing is written
	}
	return d
}

// hold is what stands against every rule.
func (p *Program) hold(in Input) Reason {
	switch {
	case in.Stopped:
		return Stopped
	case p.Mode == routing.AdjustOff || p.Mode == "":
		return Off
	case in.Fleet.InBreach > 1 && float64(in.Fleet.InBreach) > breachShare*float64(in.Fleet.Queues):
		return FleetBreach
	case p.moved(in):
		return LevelMoved
	}
	return ""
}

// moved says that the queue is measured against another service level than the
// strategy says, and than an override that holds has set.
func (p *Program) moved(in Input) bool {
	if p.level == nil || in.Level == nil || *in.Level == *p.level {
		return false
	}
	return !slices.ContainsFunc(in.Past, func(l Lease) bool { return l.holds() && l.Level != nil && *l.Level == *in.Level })
}

// stale says that the figures are not those of now.
func (p *Program) stale(in Input) bool {
	age := in.Now.Sub(in.At) // of the zero time: the longest there is
	return age > quiet*p.Every || age < -time.Minute || len(in.Figures) != len(p.Reads)
}

// truth is what a condition of a rule comes to: 0 is when, 1 is until.
func (p *Program) truth(i, which int, figures []Figure, s *Streaks) Truth {
	c := p.rules[i].when
	if which == 1 {
		c = p.rules[i].until
	}
	if c == nil {
		return False
	}
	few := false
	s.values = s.values[:0]
	for n, read := range p.rules[i].reads[which] {
		v := figures[read].Value
		if v.Known && figures[read].Samples < p.Rules[i].Samples && c.Reads[n].Ratio() {
			v, few = condition.Value{}, true
		}
		s.values = append(s.values, v)
	}
	holds, known := c.Holds(s.values)
	switch {
	case holds:
		return True
	case known:
		return False
	case few:
		return TooFew
	}
	return Undecided
}

// Turned says that a condition holds by these figures, and did not by those before:
// when of a rule, or until of one that has a lease.
func (p *Program) Turned(before, now []Figure, leased map[string]bool) bool {
	var s Streaks
	for i, r := range p.Rules {
		which := 0
		if leased[r.Name] {
			which = 1
		}
		if p.truth(i, which, now, &s) == True && p.truth(i, which, before, &s) != True {
			return true
		}
	}
	return false
}

// lease is the newest override of a rule that holds; -1: there is none.
func (p *Program) lease(past []Lease, rule string) int {
	for i := len(past) - 1; i >= 0; i-- {
		if l := &past[i]; l.Rule == rule && l.holds() {
			return i
		}
	}
	return -1
}

// ends is why an override shall be put back; empty: it holds on.
func (p *Program) ends(i int, in Input, l Lease, w Weighing) Reason {
	switch {
	case !in.Now.Before(l.Ends):
		return LeaseEnded
	case in.Now.Before(l.Began.Add(-clockSlack)):
		return ClockBack
	case p.Mode != routing.AdjustAct && !l.Recommended:
		return RuleGone
	case w.Until == True && w.InARow >= p.Rules[i].For:
		return UntilReached
	}
	return ""
}

func (d *Decision) end(l Lease, why Reason) {
	d.End = append(d.End, Ending{Lease: l.ID, Rule: l.Rule, Reason: why})
}

// orphans ends overrides of rules that the strategy does not have any more, and
// all but the newest of a rule.
func (p *Program) orphans(in Input, d *Decision) {
	for n := range in.Past {
		l := &in.Past[n]
		if !l.holds() || p.lease(in.Past, l.Rule) == n && slices.ContainsFunc(p.Rules, func(r routing.AdjustRule) bool { return r.Name == l.Rule }) {
			continue
		}
		d.end(*l, RuleGone)
	}
}

// begins says whether a rule shall begin an override, or what stands against it
// and for how long.
func (p *Program) begins(i int, in Input, d Decision, w Weighing, s *Streaks) (Reason, time.Duration) {
	r := &p.Rules[i]
	switch {
	case w.When == TooFew:
		return Thin, 0
	case w.When == Undecided:
		return Unknown, 0
	case w.When == False:
		return Within, 0
	case d.Hold != "":
		return d.Hold, 0
	case w.InARow < r.For:
		return NotYet, time.Duration(r.For-w.InARow) * p.Every
	}
	var begun, ended int
	var newest, oldest, last time.Time // beginnings, and the first of those that count
	for i := range in.Past {
		l := &in.Past[i]
		if in.Now.Sub(l.Began) < time.Hour {
			if begun == 0 || l.Began.Before(oldest) {
				oldest = l.Began
			}
			begun++
		}
		if l.Began.After(newest) {
			newest = l.Began
		}
		if !l.holds() && l.Rule == r.Name && in.Now.Sub(l.Ended) < time.Hour {
			if ended == 0 || l.Ended.Before(last) {
				last = l.Ended
			}
			ended++
		}
		if l.holds() && slices.ContainsFunc(r.Do, func(a routing.Action) bool {
			return slices.ContainsFunc(l.Levers, func(b routing.Lever) bool { return a.Lever.Moves() == b.Moves() })
		}) {
			return Taken, l.Ends.Sub(in.Now)
		}
	}
	for _, n := range d.Begin { // at this look
		newest = in.Now
		begun++
		if slices.ContainsFunc(p.Rules[n].Do, func(a routing.Action) bool {
			return slices.ContainsFunc(r.Do, func(b routing.Action) bool { return a.Lever.Moves() == b.Lever.Moves() })
		}) {
			return Taken, p.Rules[n].Lease
		}
	}
	switch {
	case ended >= p.Limits.Reversals:
		return Flapping, last.Add(time.Hour).Sub(in.Now)
	case begun >= p.Limits.ChangesPerHour:
		return Limit, max(0, oldest.Add(time.Hour).Sub(in.Now))
	case !newest.IsZero() && in.Now.Sub(newest) < p.Limits.Cooldown:
		return Cooldown, newest.Add(p.Limits.Cooldown).Sub(in.Now)
	case in.Fleet.shared(p.Limits.Share):
		return FleetLimit, p.Every
	case p.truth(i, 1, in.Figures, s) == True:
		return UntilReached, 0 // it would end at once
	}
	return p.reason(i), 0
}

// reason is how the beginning of a rule is called.
func (p *Program) reason(i int) Reason {
	asks := func(f condition.Figure) bool {
		return slices.ContainsFunc(p.rules[i].when.Reads, func(r condition.Read) bool { return r.Figure == f })
	}
	if asks(condition.Offered) && asks(condition.ServiceLevel) {
		return HighVolume
	}
	return Begins
}
