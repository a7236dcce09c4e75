package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file checks what a scenario says by itself, once its keys and types are
// right. What needs the strategy is checked in model.go.

// The limits of a scenario.
const (
	maxDays    = 400
	maxTime    = maxDays * 24 * time.Hour
	maxRate    = 1_000_000 // emails an hour
	maxCV      = 10
	maxAgents  = 100_000
	maxBacklog = 1_000_000
	maxShare   = 1_000_000_000 // of a mix; what counts is its part of the sum
	maxPoints  = 2_000         // of backlog and oldest; package simulate takes no more
)

// elsewhere is where email is transferred that leaves the queue for good.
const elsewhere = "elsewhere"

// checker gathers what is wrong with one scenario.
type checker struct {
	*yamlfile.Reader
	s *Scenario
}

func (c *checker) check(read func(name string) ([]byte, error)) {
	s := c.s
	c.named("name", s.Name)
	c.times()
	c.arrivals(read)
	c.backlog()
	c.spread("handle", s.Handle)
	c.spread("wrapUp", s.WrapUp)
	for _, name := range sorted(s.Rules) {
		c.keyed("rules."+name, name)
		c.rule("rules."+name, s.Rules[name])
	}
	c.agents()
	if s.Voice != nil {
		if c.Has("voice.perHour") && s.Voice.PerHour == 0 {
			c.Fail("voice.perHour", "is 0", "leave voice out where there are no calls")
		}
		c.spread("voice.handle", s.Voice.Handle)
	}
	if n := s.NoAnswer; n != nil {
		if n.Share >= 1 {
			c.Fail("noAnswer.share", "nobody would ever answer", "write a share below 1")
		}
		if c.Has("noAnswer.away") {
			c.within("noAnswer.away", time.Duration(n.Away), 0)
		}
		c.spread("noAnswer.answer", n.Answer)
	}
}

// times checks when the scenario starts and ends, and by which clock.
func (c *checker) times() {
	s := c.s
	if c.Has("timezone") {
		if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "Local" || s.Timezone == "" {
			c.Fail("timezone", fmt.Sprintf("no time zone is named %q", s.Timezone), "use an IANA name, such as Europe/Berlin or America/New_York")
		}
	}
	if c.Has("start") {
		at, _, ok := readTime(s.Start)
		switch {
		case !ok:
			c.Fail("start", fmt.Sprintf("%q is not a day or time", s.Start), "write 2026-11-30, or 2026-11-30 08:00")
		case at.Year() < 1970 || at.Year() > 2199:
			c.Fail("start", fmt.Sprintf("the year %d is out of bounds: 1970 to 2199", at.Year()), "")
		}
	}
	var length time.Duration
	switch {
	case s.Days != nil && s.Horizon != nil:
		c.Fail("horizon", "days and horizon say the same", "keep one of them")
	case s.Days != nil:
		length = time.Duration(*s.Days) * 24 * time.Hour
	case s.Horizon != nil:
		length = time.Duration(*s.Horizon)
		switch {
		case length < time.Minute:
			c.Fail("horizon", fmt.Sprintf("%s is too short to simulate", s.Horizon), "write a span of 1m and more, such as 12h")
		case length > maxTime:
			c.Fail("horizon", fmt.Sprintf("%s is longer than the %d days that a scenario can have", s.Horizon, maxDays), fmt.Sprintf("write at most %dh; email of more days teaches nothing new", maxDays*24))
		}
	case !c.Bad("days") && !c.Bad("horizon"):
		c.Fail("", "neither days nor horizon is given", "say how long is simulated: days: 5, or horizon: 12h")
	}
	switch {
	case s.WarmUp < 0:
		c.Fail("warmUp", fmt.Sprintf("%s is before the start", s.WarmUp), "write a span such as 24h")
	case length > 0 && time.Duration(s.WarmUp) >= length:
		c.Fail("warmUp", fmt.Sprintf("%s leaves nothing to count of %s", s.WarmUp, routing.Duration(length)), "make it shorter than the time that is simulated")
	}
	if c.Has("every") && time.Duration(s.Every) < time.Minute {
		c.Fail("every", fmt.Sprintf("%s is too short", s.Every), "write 1m and more")
	} else if length <= maxTime {
		c.points(length)
	}
}

// points checks at how many points of some time backlog and oldest are looked
// at.
func (c *checker) points(length time.Duration) {
	every := time.Duration(c.s.Every)
	if every <= 0 || length/every < maxPoints {
		return
	}
	least := routing.Duration((length/maxPoints/time.Minute + 1) * time.Minute)
	c.Fail("every", fmt.Sprintf("%s makes %d points of %s, more than %d", c.s.Every, length/every+1, routing.Duration(length), maxPoints), fmt.Sprintf("write %s or more", least))
}

// named checks that the name that a key has can be shown.
func (c *checker) named(path, name string) { c.shown(c.Places().Value(path), path, name) }

// keyed checks that a key that is a name can be shown.
func (c *checker) keyed(path, name string) { c.shown(c.Places().Key(path), path, name) }

func (c *checker) shown(at routing.Place, path, name string) {
	if message := unshown(name); message != "" {
		c.FailAt(at, path, message, unshownHint)
	}
}

const unshownHint = "leave the character out"

// unshown says which character of a name a terminal or a page would obey
// instead of showing it; empty where there is none.
func unshown(name string) string {
	for _, r := range name {
		if yamlfile.Obeyed(r) {
			return fmt.Sprintf("the name %q has the control character %U", name, r)
		}
	}
	return ""
}

// within checks a span of time that may be as short as low.
func (c *checker) within(path string, d, low time.Duration) {
	switch {
	case d < low || d < 0:
		c.Fail(path, fmt.Sprintf("%s is not a time that something takes", routing.Duration(d)), "write a span above 0, such as 6m")
	case d > maxTime:
		c.Fail(path, fmt.Sprintf("%s is longer than the %d days that a scenario can have", routing.Duration(d), maxDays), "")
	}
}

// spread checks a time that differs by chance; nil: it is not there.
func (c *checker) spread(path string, t *Time) {
	if t == nil || c.Bad(path) {
		return
	}
	if t.Values != nil {
		if t.Mean != nil || t.CV != nil || t.Shape != "" {
			c.Fail(path+".values", "values stand beside a mean, cv or shape", "keep either: the values say it all")
		}
		if len(t.Values) == 0 && !c.Bad(path+".values") {
			c.Fail(path+".values", "is empty", "write the spans that were measured, such as [3m, 5m, 12m]")
		}
		for i, d := range t.Values {
			if item := c.Item(path+".values", i); c.Has(item) {
				c.within(item, time.Duration(d), 1)
			}
		}
		return
	}
	switch {
	case t.Mean != nil:
		c.within(path+".mean", time.Duration(*t.Mean), 1)
	case !c.Bad(path+".mean") && !c.Bad(path+".values"):
		c.Fail(path, "has neither a mean nor values", "write { mean: 6m }, or { values: [3m, 5m, 12m] }")
	}
	varies := t.Shape == "lognormal" || t.Shape == "gamma"
	switch {
	case t.CV == nil && varies && !c.Bad(path+".cv"):
		c.Fail(path+".shape", t.Shape+" needs a cv", "add how much it varies, such as cv: 0.8")
	case t.CV == nil:
	case *t.CV <= 0:
		c.Fail(path+".cv", number(*t.CV)+" is not above 0", "for a time that does not vary, write shape: constant without cv")
	case *t.CV > maxCV:
		c.Fail(path+".cv", fmt.Sprintf("%s is out of bounds: above 0 to %d", number(*t.CV), maxCV), "cv is a ratio: 0.8, not 80 percent")
	case t.Shape != "" && !varies:
		c.Fail(path+".cv", "the shape "+t.Shape+" has no cv of its own", "leave cv out, or use lognormal or gamma")
	}
}

func (c *checker) arrivals(read func(name string) ([]byte, error)) {
	s := c.s
	if len(s.Arrivals) == 0 && len(s.Backlog) == 0 && !c.Bad("arrivals") && !c.Bad("backlog") {
		c.Fail("arrivals", "the scenario has no email: neither arrivals nor a backlog", "add a source, such as arrivals: [{ rule: standard, rate: 30 }]")
	}
	for i, a := range s.Arrivals {
		path := fmt.Sprintf("arrivals[%d]", i)
		if c.Bad(path) {
			continue
		}
		var ways []string
		for _, key := range []string{"rate", "rates", "trace", "history"} {
			if _, there := c.Places()[path+"."+key]; there {
				ways = append(ways, key)
			}
		}
		switch {
		case len(ways) == 0:
			c.Fail(path, "says nothing of when email arrives", "add rate, rates, trace or history")
		case len(ways) > 1:
			c.Fail(path+"."+ways[1], ways[0]+" and "+ways[1]+" stand in one source", "make each a source of its own")
		}
		switch {
		case a.Rule != "" && a.Mix != nil:
			c.Fail(path+".mix", "rule and mix stand in one source", "keep one of them")
		case a.Rule == "" && a.Mix == nil && (a.Rate != nil || a.Rates != nil) && !c.Bad(path+".rule") && !c.Bad(path+".mix"):
			c.Fail(path, "does not say which rule the email follows", "add rule: standard, or mix: { standard: 80, vip: 20 }")
		case a.Mix != nil && len(a.Mix) == 0 && !c.Bad(path+".mix"):
			c.Fail(path+".mix", "is empty", "write { standard: 80, vip: 20 }")
		}
		c.named(path+".rule", a.Rule)
		for _, name := range sorted(a.Mix) {
			at := path + ".mix." + name
			c.keyed(at, name)
			switch {
			case !c.Has(at):
			case a.Mix[name] <= 0:
				c.Fail(at, number(a.Mix[name])+" is not a share", "leave the rule out, or write a number above 0")
			case a.Mix[name] > maxShare:
				c.Fail(at, fmt.Sprintf("%s is out of bounds: above 0 to %d", number(a.Mix[name]), maxShare), "what counts is its part of the sum")
			}
		}
		if a.Rate != nil {
			c.rate(path+".rate", *a.Rate)
		}
		c.rates(path+".rates", a.Rates)
		for key, name := range map[string]string{"trace": a.Trace, "history": a.History} {
			if at := path + "." + key; c.Has(at) {
				c.load(at, name, read)
			}
		}
	}
}

func (c *checker) rate(path string, perHour float64) {
	switch {
	case perHour <= 0:
		c.Fail(path, number(perHour)+" emails an hour is no arrival", "write a number above 0, or leave it out where nothing arrives")
	case perHour > maxRate:
		c.Fail(path, fmt.Sprintf("%s emails an hour are more than a scenario can have (%d)", number(perHour), maxRate), "")
	}
}

// rates checks emails an hour by day and hours.
func (c *checker) rates(path string, rates map[string]map[string]float64) {
	if rates == nil {
		return
	}
	c.days(path, sorted(rates))
	found := false
	for _, days := range sorted(rates) {
		for _, hours := range sorted(rates[days]) {
			found = true
			if at := path + "." + days + "." + hours; c.Has(at) {
				c.rate(at, rates[days][hours])
			}
		}
	}
	if !found && !hasBelow(c, path) {
		c.Fail(path, "has no hours in which email arrives", "write mon-fri: { 08:00-12:00: 40 }")
	}
	w := c.rateWeek(path, rates)
	c.apart(&w)
}

// hasBelow says whether a problem was found in what is below a path.
func hasBelow(c *checker, path string) bool {
	for at := range c.Places() {
		if strings.HasPrefix(at, path) && c.Bad(at) {
			return true
		}
	}
	return false
}

func (c *checker) rateWeek(path string, rates map[string]map[string]float64) (w week) {
	for _, days := range sorted(rates) {
		for _, hours := range sorted(rates[days]) {
			at := path + "." + days + "." + hours
			w.add(c, days, hours, at, c.s.At(at), rates[days][hours])
		}
	}
	w.sort()
	return w
}

// hourWeek reads shifts or breaks.
func (c *checker) hourWeek(path string, hours map[string]yamlfile.Texts) (w week) {
	for _, days := range sorted(hours) {
		at := path + "." + days
		for i, text := range hours[days] {
			if item := c.Item(at, i); !c.Bad(item) {
				w.add(c, days, text, item, c.Places().Value(item), 0)
			}
		}
	}
	w.sort()
	return w
}

func (c *checker) backlog() {
	total := 0
	for i, b := range c.s.Backlog {
		path := fmt.Sprintf("backlog[%d]", i)
		if c.Bad(path) {
			continue
		}
		c.named(path+".rule", b.Rule)
		switch {
		case !c.Has(path + ".oldest"):
		case b.Oldest < 0 || time.Duration(b.Oldest) > maxTime:
			c.Fail(path+".oldest", fmt.Sprintf("%s is out of bounds: 0 to %dh", b.Oldest, maxDays*24), "")
		case b.Newest < 0 || b.Newest > b.Oldest:
			c.Fail(path+".newest", fmt.Sprintf("%s is not between 0 and the oldest (%s)", b.Newest, b.Oldest), "")
		}
		if total += b.Count; total > maxBacklog && total-b.Count <= maxBacklog {
			c.Fail(path+".count", fmt.Sprintf("makes a backlog of %d emails, more than %d", total, maxBacklog), "")
		}
	}
}

func (c *checker) rule(path string, r Rule) {
	c.spread(path+".handle", r.Handle)
	c.spread(path+".wrapUp", r.WrapUp)
	c.spread(path+".patience", r.Patience)
	sum := 0.0
	for i, t := range r.Transfer {
		sum += t.Share
		c.named(fmt.Sprintf("%s.transfer[%d].to", path, i), t.To)
		if at := fmt.Sprintf("%s.transfer[%d].share", path, i); c.Has(at) && t.Share == 0 {
			c.Fail(at, "is 0", "leave the transfer out")
		}
	}
	if sum > 1+1e-9 {
		c.Fail(path+".transfer", fmt.Sprintf("the shares add up to %g, more than all email of the rule", sum), "make them at most 1 together")
	}
}

func (c *checker) agents() {
	s := c.s
	if s.Agents != nil && len(s.Agents) == 0 && c.Has("agents") {
		c.Fail("agents", "nobody serves the queue", "add an agent, such as [{ name: Ada, count: 12 }]")
	}
	total := 0
	names := map[string]int{}
	for i, a := range s.Agents {
		path := fmt.Sprintf("agents[%d]", i)
		if c.Bad(path) {
			continue
		}
		c.named(path+".name", a.Name)
		before := total
		if total += a.count(); total > maxAgents && before <= maxAgents {
			c.Fail(path, fmt.Sprintf("makes %d agents, more than the %d that a scenario can have", total, maxAgents), "")
		}
		if c.Has(path+".name") && total <= maxAgents {
			for n := range a.count() {
				if other, taken := names[a.called(n)]; taken {
					c.Fail(path+".name", fmt.Sprintf("two agents are called %q", a.called(n)), fmt.Sprintf("the other is on line %d; give each a name of its own, or one a count", s.At(fmt.Sprintf("agents[%d]", other)).Line))
					break
				}
				names[a.called(n)] = i
			}
		}
		if c.Has(path+".ring") && a.Groups != nil {
			c.Fail(path+".ring", "ring and groups stand beside each other", "a group decides the ring of its agents; keep one of them")
		}
		if len(a.Groups) == 0 && c.Has(path+".groups") {
			c.Fail(path+".groups", "is empty", "leave the key out for a direct member")
		}
		c.hours(path+".shifts", a.Shifts)
		c.hours(path+".breaks", a.Breaks)
		for k, day := range a.Off {
			item := c.Item(path+".off", k)
			if _, err := time.Parse(time.DateOnly, day); err != nil && c.Has(item) {
				c.Fail(item, fmt.Sprintf("%q is not a date", day), "write year-month-day, such as 2026-12-24")
			}
		}
	}
}

// hours checks shifts or breaks; nil: there are none.
func (c *checker) hours(path string, hours map[string]yamlfile.Texts) {
	if hours == nil {
		return
	}
	c.days(path, sorted(hours))
	if len(hours) == 0 && c.Has(path) {
		c.Fail(path, "is empty", "leave the key out, or write mon-fri: 08:00-16:30")
	}
	w := c.hourWeek(path, hours)
	c.apart(&w)
}

// count is how many agents there are.
func (a *Agent) count() int {
	if a.Count == nil {
		return 1
	}
	return *a.Count
}

// Names are the names of the agents of an entry.
func (a *Agent) Names() []string {
	out := make([]string, a.count())
	for n := range out {
		out[n] = a.called(n)
	}
	return out
}

// called is the name of agent n of an entry.
func (a *Agent) called(n int) string {
	if a.Count == nil {
		return a.Name
	}
	return fmt.Sprintf("%s %d", a.Name, n+1)
}

// shape is the form of the distribution.
func (t *Time) shape() string {
	if t.CV != nil {
		return cmp.Or(t.Shape, "lognormal")
	}
	return cmp.Or(t.Shape, "exponential")
}

// number writes a number as people do: not with hundreds of digits.
func number(x float64) string {
	if a := math.Abs(x); a >= 1e15 || a < 1e-6 && a > 0 {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// sorted are the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
