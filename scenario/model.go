package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
)

// This file makes the model of a scenario and a strategy.

// The limits of a model.
const (
	maxSpans  = 2_000_000
	maxEmails = 5_000_000 // in traces and histories
	maxPast   = 4000      // days of a history
	// drainFor is how long agents go on after the end, where they do.
	drainFor = 60 * 24 * time.Hour
	// defaultAlert is how long an email alerts where the queue does not say.
	defaultAlert = routing.Duration(5 * time.Minute)
)

// compiler makes one model.
type compiler struct {
	*checker
	want  routing.Desired
	model simulate.Model
	start time.Time
	end   time.Duration       // up to which agents work
	rules map[string]int      // index by name, and by the addresses that lead to it
	own   map[int]string      // what the scenario calls a rule under rules
	first map[int]asked       // where email of a rule first comes from
	draws map[int]string      // rules whose handling time is drawn, and for what
	done  map[*traceFile]bool // files whose order was checked
	spans int
	// emails is how many were read of files.
	emails int
}

// asked is where email of a rule comes from: a key of the scenario.
type asked struct {
	path string
	n    int // the order in which it was found
}

// Model is what package simulate runs: the scenario under a strategy, in
// platform terms. Problems is what does not fit together, with its places; with
// errors, also with those of Parse, there is no model.
func (s *Scenario) Model(want routing.Desired) (simulate.Model, Problems) {
	if s.broken != nil {
		return simulate.Model{}, s.broken
	}
	c := &compiler{
		checker: &checker{Reader: s.reader.Again(), s: s}, want: want,
		rules: map[string]int{}, own: map[int]string{}, first: map[int]asked{}, draws: map[int]string{}, done: map[*traceFile]bool{},
	}
	c.when()
	c.queue()
	for i := range s.Arrivals {
		c.source(fmt.Sprintf("arrivals[%d]", i), &s.Arrivals[i])
	}
	for i, b := range s.Backlog {
		c.waiting(fmt.Sprintf("backlog[%d]", i), b)
	}
	c.transfers()
	c.agents()
	c.rest()
	c.handled()
	c.leaves()
	c.served()
	problems := c.Problems()
	if problems.Err() != nil {
		return simulate.Model{}, problems
	}
	return c.model, problems
}

// SameTime is a problem where the models of two strategies, each called by a
// name, do not span the same time: then they have not the same arrivals.
func (s *Scenario) SameTime(a, b simulate.Model, nameA, nameB string) Problems {
	if a.Start.Equal(b.Start) && a.Horizon == b.Horizon && slices.Equal(a.Days, b.Days) {
		return nil
	}
	clockA, clockB := a.Start.Location().String(), b.Start.Location().String()
	r := s.reader.Again()
	r.Fail("start", fmt.Sprintf("the two cannot be compared: %s tells days and hours by the clock of %s, %s by that of %s", nameA, clockA, nameB, clockB), "")
	p := r.Problems()[0]
	p.Hint = fmt.Sprintf("add timezone: %s to %s, or timezone: %s, so that both have the same days", clockA, p.File, clockB)
	return r.Problems()
}

// when sets the times of the model.
func (c *compiler) when() {
	s, m := c.s, &c.model
	zone := time.UTC
	switch {
	case s.Timezone != "":
		if z, err := time.LoadLocation(s.Timezone); err == nil {
			zone = z
		}
	case c.want.Calendar != nil && c.want.Calendar.Location != nil:
		zone = c.want.Calendar.Location
	}
	at, zoned, _ := readTime(s.Start)
	if zoned {
		c.start = at.In(zone)
	} else {
		c.start = routing.Wall(at, zone)
	}
	if s.Days != nil {
		m.Horizon = routing.Wall(routing.Shown(c.start).AddDate(0, 0, *s.Days), zone).Sub(c.start)
	} else if s.Horizon != nil {
		m.Horizon = time.Duration(*s.Horizon)
	}
	m.Start, m.WarmUp, m.Drain, m.Busyness, m.Every = c.start, time.Duration(s.WarmUp), s.Drain, s.Busyness, time.Duration(s.Every)
	if m.WarmUp >= m.Horizon {
		c.Fail("warmUp", fmt.Sprintf("%s leaves nothing to count of %s", s.WarmUp, routing.Duration(m.Horizon)), "make it shorter than the time that is simulated")
	}
	c.points(m.Horizon) // which may have an hour more than its days
	for n := 0; ; n++ {
		day := routing.Wall(midnight(c.start, n), zone).Sub(c.start)
		if day >= m.Horizon {
			break
		}
		m.Days = append(m.Days, day)
	}
	c.end = m.Horizon
	if s.Drain {
		c.end += drainFor
	}
}

// queue sets the queue, its rules and its business hours.
func (c *compiler) queue() {
	m := &c.model
	m.Queues = []simulate.Queue{{Name: c.want.Queue.Name, Settings: c.want.Queue.Settings}}
	for i, r := range c.want.Rules {
		c.rules[r.Name] = i
	}
	for _, r := range c.want.Routes {
		if i, known := c.rules[r.Rule]; known {
			c.rules[r.Address.String()] = i
		}
	}
	for _, name := range sorted(c.s.Rules) {
		path := "rules." + name
		i, ok := c.ruleAt(path, name)
		if before, twice := c.own[i]; ok && twice {
			c.Fail(path, fmt.Sprintf("it is the same rule as %q", before), "describe a rule once, by its name or by one of its addresses")
		} else if ok {
			c.own[i] = name
		}
	}
	for i, r := range c.want.Rules {
		out := simulate.RuleOf(r)
		own := c.s.Rules[c.own[i]]
		out.Handle, out.WrapUp, out.Patience = cmp.Or(own.Handle, c.s.Handle).dist(), cmp.Or(own.WrapUp, c.s.WrapUp).dist(), own.Patience.dist()
		out.Replies = own.Replies
		m.Rules = append(m.Rules, out)
	}
	if cal := c.want.Calendar; cal != nil && cal.Location != nil {
		oldest := routing.Duration(0)
		for _, b := range c.s.Backlog {
			oldest = max(oldest, b.Oldest)
		}
		m.Open = []simulate.Span{}
		for from, to := range cal.Open(c.start.Add(-time.Duration(oldest)), c.start.Add(c.end)) {
			m.Open = append(m.Open, simulate.Span{From: from.Sub(c.start), To: to.Sub(c.start)})
		}
	}
}

// dist is the distribution of a time; nil is always 0.
func (t *Time) dist() simulate.Dist {
	if t == nil {
		return simulate.Dist{}
	}
	if t.Values != nil {
		d := simulate.Dist{Shape: simulate.Empirical}
		for _, v := range t.Values {
			d.Values = append(d.Values, time.Duration(v))
		}
		return d
	}
	d := simulate.Dist{}
	if t.Mean != nil {
		d.Mean = time.Duration(*t.Mean)
	}
	if t.CV != nil {
		d.CV = *t.CV
	}
	switch t.shape() {
	case "lognormal":
		d.Shape = simulate.LogNormal
	case "gamma":
		d.Shape = simulate.Gamma
	case "constant":
		d.Shape = simulate.Constant
	default:
		d.Shape = simulate.Exponential
	}
	return d
}

// noRule is the hint where a rule does not exist.
func (c *compiler) noRule(name string) string {
	var known []string
	for _, r := range c.want.Rules {
		known = append(known, r.Name)
	}
	if len(known) == 0 {
		return "the strategy has no rules"
	}
	return cmp.Or(nearest.Hint(name, known, '`'), "the rules of the strategy are "+phrase.List(known))
}

// rule finds a rule by its name, or by an address that leads to it.
func (c *compiler) rule(name string) (int, bool) {
	i, ok := c.rules[name]
	if !ok && strings.Contains(name, "@") {
		i, ok = c.rules[strings.ToLower(name)]
	}
	return i, ok
}

// ruleAt finds a rule that a key names.
func (c *compiler) ruleAt(path, name string) (int, bool) {
	i, ok := c.rule(name)
	if !ok {
		c.Fail(path, fmt.Sprintf("no rule of the strategy is named %q", name), c.noRule(name))
	}
	return i, ok
}

// arrives notes where email of a rule comes from, and whether the work that it
// takes is drawn.
func (c *compiler) arrives(rule int, path string, drawn bool) {
	if _, known := c.first[rule]; !known {
		c.first[rule] = asked{path, len(c.first)}
	}
	if _, known := c.draws[rule]; !known && drawn {
		c.draws[rule] = path
	}
}

func (c *compiler) source(path string, a *Arrivals) {
	src := simulate.Source{}
	if a.Rule != "" {
		if i, ok := c.ruleAt(path+".rule", a.Rule); ok {
			src.Mix = []simulate.Share{{Rule: i, Weight: 1}}
		}
	}
	names := map[int]string{} // as the mix has them
	for _, name := range sorted(a.Mix) {
		if i, ok := c.ruleAt(path+".mix."+name, name); ok {
			names[i] = name
			src.Mix = append(src.Mix, simulate.Share{Rule: i, Weight: a.Mix[name]})
		}
	}
	// The order is that of the rules, so that a name does not change the chances.
	slices.SortFunc(src.Mix, func(x, y simulate.Share) int { return x.Rule - y.Rule })
	mixed := func(drawn bool) {
		for _, share := range src.Mix {
			at := path + ".rule"
			if a.Mix != nil {
				at = path + ".mix." + names[share.Rule]
			}
			c.arrives(share.Rule, at, drawn)
		}
	}
	switch {
	case a.Rate != nil:
		mixed(true)
		if !c.count(path, len(c.model.Days)) {
			return
		}
		for n, from := range c.model.Days {
			src.Rates = append(src.Rates, simulate.Rate{Span: simulate.Span{From: max(from, 0), To: c.dayEnd(n)}, PerHour: *a.Rate, Day: n})
		}
	case a.Rates != nil:
		mixed(true)
		w := c.rateWeek(path+".rates", a.Rates)
		src.Rates = c.daily(w.spans(c.start, c.model.Horizon, nil))
		if len(src.Rates) == 0 {
			c.Warn(path+".rates", "none of the hours are in the time that is simulated: no email arrives", "")
			return
		}
		if !c.count(path, len(src.Rates)) {
			return
		}
	case a.Trace != "":
		src.Trace = c.trace(path, a, mixed)
	default:
		c.history(path, a, &src, mixed)
	}
	c.model.Sources = append(c.model.Sources, src)
}

// dayEnd is when a day ends, or the model.
func (c *compiler) dayEnd(n int) time.Duration {
	if n+1 < len(c.model.Days) {
		return c.model.Days[n+1]
	}
	return c.model.Horizon
}

// daily cuts spans at the ends of the days, so that each has the busyness of its
// own.
func (c *compiler) daily(spans []span) []simulate.Rate {
	var out []simulate.Rate
	n := 0
	for _, s := range spans {
		for s.From < s.To {
			for s.From >= c.dayEnd(n) && n+1 < len(c.model.Days) {
				n++
			}
			to := min(s.To, c.dayEnd(n))
			out = append(out, simulate.Rate{Span: simulate.Span{From: s.From, To: to}, PerHour: s.value, Day: n})
			s.From = to
		}
	}
	return out
}

// count bounds how many spans a model has; false: there are too many.
func (c *compiler) count(path string, spans int) bool {
	if before := c.spans; before <= maxSpans && before+spans > maxSpans {
		c.Fail(path, fmt.Sprintf("with it the scenario has more than %d intervals of time", maxSpans), "simulate fewer days, or describe them by fewer hours")
	}
	c.spans += spans
	return c.spans <= maxSpans
}

// email is the rows of a file as instants and rules. Mistakes in the file are
// told once.
func (c *compiler) email(path, key string, a *Arrivals, mixed func(drawn bool)) (at []time.Time, out []simulate.Arrival) {
	name := a.Trace + a.History // one of them
	f := c.s.files[name]
	if f == nil {
		return nil, nil
	}
	if c.emails += len(f.rows); c.emails > maxEmails {
		c.Fail(path+"."+key, fmt.Sprintf("with it the scenario has more than %d emails in files", maxEmails), "split it into several scenarios")
		return nil, nil
	}
	told := *f // problems are counted for each model
	told.problems = 0
	zone := c.start.Location()
	var before time.Time
	unruled := false
	for _, row := range f.rows {
		t := row.at.In(zone)
		if !row.zoned {
			t = routing.Wall(row.at, zone)
			// An hour that comes twice: the second time, if the first is over.
			if t.Before(before) {
				if second, twice := routing.Again(t); twice && !second.Before(before) {
					t = second
				}
			}
		}
		if t.Before(before) && !c.done[f] {
			told.fail(c.Reader, row.line, row.column, "is earlier than the email before it", "sort the file by its times")
		}
		before = t
		since := t.Sub(c.start)
		counts := key == "history" || since >= 0 && since < c.model.Horizon
		rule := -1
		switch i, ok := c.rule(row.rule); {
		case ok && row.rule != "":
			rule = i
			if counts {
				c.arrives(i, path+"."+key, row.handle == 0)
			}
		case row.rule != "" && !c.done[f]:
			told.fail(c.Reader, row.line, row.column, fmt.Sprintf("no rule of the strategy is named %q", row.rule), c.noRule(row.rule))
		case row.rule == "" && a.Rule == "" && a.Mix == nil && !unruled:
			unruled = true
			told.fail(c.Reader, row.line, row.column, "no rule is given, neither here nor by the source", "add rule or mix beside "+key)
		case row.rule == "" && counts:
			mixed(row.handle == 0)
		}
		at = append(at, t)
		out = append(out, simulate.Arrival{At: since, Rule: rule, Handle: row.handle})
	}
	c.done[f] = true
	told.end(c.Reader)
	if told.problems > 0 {
		return nil, nil
	}
	return at, out
}

func (c *compiler) trace(path string, a *Arrivals, mixed func(drawn bool)) []simulate.Arrival {
	at, all := c.email(path, "trace", a, mixed)
	inside := slices.Clone(all)
	inside = slices.DeleteFunc(inside, func(x simulate.Arrival) bool { return x.At < 0 || x.At >= c.model.Horizon })
	switch {
	case len(all) == 0, c.s.part:
	case len(inside) == 0:
		c.Fail(path+".trace", fmt.Sprintf("none of its %d emails is in the time that is simulated", len(all)),
			fmt.Sprintf("they are from %s to %s", at[0].Format("2006-01-02 15:04"), at[len(at)-1].Format("2006-01-02 15:04")))
	case len(inside) < len(all):
		c.Warn(path+".trace", fmt.Sprintf("%d of its %d emails are before the start or after the end and are left out", len(all)-len(inside), len(all)), "")
	}
	return inside
}

// history sorts the past into days, and finds for each day of the model those
// that can happen again on it.
func (c *compiler) history(path string, a *Arrivals, src *simulate.Source, mixed func(drawn bool)) {
	at, all := c.email(path, "history", a, mixed)
	if len(all) == 0 {
		return
	}
	zone := c.start.Location()
	firstDay, lastDay := midnight(at[0].In(zone), 0), midnight(at[len(at)-1].In(zone), 0)
	days := int(lastDay.Sub(firstDay)/(24*time.Hour)) + 1
	if days > maxPast {
		c.Fail(path+".history", fmt.Sprintf("its emails are of %d days, more than %d", days, maxPast), "leave out the older ones")
		return
	}
	past := make([][]simulate.Arrival, days)
	for i, x := range all {
		day := midnight(at[i].In(zone), 0)
		x.At = at[i].Sub(routing.Wall(day, zone))
		n := int(day.Sub(firstDay) / (24 * time.Hour))
		past[n] = append(past[n], x)
	}
	byWeekday := func(fits func(d time.Weekday) bool) (out []int) {
		for n := range past {
			if fits(firstDay.AddDate(0, 0, n).Weekday()) {
				out = append(out, n)
			}
		}
		return out
	}
	weekend := func(d time.Weekday) bool { return d == time.Saturday || d == time.Sunday }
	warned := map[time.Weekday]bool{}
	cuts := map[[2]int]int{}
	src.History = past
	for n := range c.model.Days {
		today := midnight(c.start, n).Weekday()
		picks := byWeekday(func(d time.Weekday) bool { return d == today })
		if len(picks) == 0 {
			picks = byWeekday(func(d time.Weekday) bool { return weekend(d) == weekend(today) })
			if !warned[today] {
				warned[today] = true
				does := "the other days of its kind, working days or weekends, stand for it"
				if len(picks) == 0 {
					does = "no email arrives on it"
				}
				c.Warn(path+".history", fmt.Sprintf("no %s is in %s: %s", today, a.History, does), "give it a week and more")
			}
		}
		src.Pick = append(src.Pick, c.cut(src, picks, n, cuts))
	}
}

// cut makes of past days those that fit into day n of the model, which may begin
// at the start of the scenario, or have 23 hours.
func (c *compiler) cut(src *simulate.Source, picks []int, n int, cuts map[[2]int]int) []int {
	from, to := max(0, -c.model.Days[n]), c.dayEnd(n)-c.model.Days[n]
	out := []int{}
	for _, pick := range picks {
		day := src.History[pick]
		if len(day) > 0 && (day[0].At < from || day[len(day)-1].At >= to) {
			key := [2]int{pick, n}
			known, ok := cuts[key]
			if !ok {
				known = len(src.History)
				cuts[key] = known
				inside := slices.DeleteFunc(slices.Clone(day), func(x simulate.Arrival) bool { return x.At < from || x.At >= to })
				src.History = append(src.History, inside)
			}
			pick = known
		}
		out = append(out, pick)
	}
	return out
}

// waiting spreads the ages of a backlog evenly.
func (c *compiler) waiting(path string, b Backlog) {
	rule, ok := c.ruleAt(path+".rule", b.Rule)
	if !ok {
		return
	}
	c.arrives(rule, path+".rule", true)
	oldest, newest := time.Duration(b.Oldest), time.Duration(b.Newest)
	for i := range b.Count {
		age := oldest
		if b.Count > 1 {
			age -= time.Duration(float64(oldest-newest) * float64(i) / float64(b.Count-1))
		}
		c.model.Backlog = append(c.model.Backlog, simulate.Waiting{Rule: rule, Age: age})
	}
}

// transfers sets where email goes after it was handled; rules that email only
// comes to by a transfer are asked for as well.
func (c *compiler) transfers() {
	for i := range c.model.Rules {
		rule := &c.model.Rules[i]
		name := c.own[i]
		for k, t := range c.s.Rules[name].Transfer {
			to, known := c.rule(t.To)
			if !known && t.To == elsewhere {
				to, known = -1, true
			}
			path := fmt.Sprintf("rules.%s.transfer[%d].to", name, k)
			if !known {
				c.Fail(path, fmt.Sprintf("no rule of the strategy is named %q", t.To), cmp.Or(nearest.Hint(t.To, []string{elsewhere}, '`'), c.noRule(t.To)))
				continue
			}
			rule.Transfer = append(rule.Transfer, simulate.Transfer{To: to, Share: t.Share})
		}
	}
	for more := true; more; {
		more = false
		for i := range c.model.Rules {
			if _, used := c.first[i]; !used {
				continue
			}
			for k, t := range c.model.Rules[i].Transfer {
				if t.To < 0 {
					continue
				}
				if _, known := c.draws[t.To]; !known {
					c.arrives(t.To, fmt.Sprintf("rules.%s.transfer[%d].to", c.own[i], k), true)
					more = true
				}
			}
		}
	}
}

// rest sets what concerns all agents.
func (c *compiler) rest() {
	s, m := c.s, &c.model
	if s.Voice != nil {
		m.Voice = simulate.Voice{PerHour: s.Voice.PerHour, Handle: s.Voice.Handle.dist()}
	}
	if s.NoAnswer != nil {
		m.NoAnswer = simulate.NoAnswer{Share: s.NoAnswer.Share, Away: time.Duration(s.NoAnswer.Away), Answer: s.NoAnswer.Answer.dist()}
		c.answered(m.NoAnswer.Answer)
	}
	if s.Unfinished == "park" {
		m.Unfinished = simulate.Park
	}
}

// answered warns where every answer comes too late.
func (c *compiler) answered(d simulate.Dist) {
	alert := defaultAlert
	if own := c.want.Queue.Settings.Alert; own != nil && *own > 0 {
		alert = *own
	}
	least := time.Duration(0) // of the other shapes any time above 0 can come
	switch d.Shape {
	case simulate.Constant:
		least = d.Mean
	case simulate.Empirical:
		least = slices.Min(d.Values)
	case simulate.None, simulate.Exponential, simulate.LogNormal, simulate.Gamma:
	}
	if least > time.Duration(alert) {
		c.Warn("noAnswer.answer", fmt.Sprintf("no alert can ever be answered: it takes %s and more, and the queue's alert ends after %s", routing.Duration(least), alert), "write shorter times, or lengthen the strategy's alert")
	}
}

// handled reports rules whose email takes no known time.
func (c *compiler) handled() {
	for i, r := range c.model.Rules {
		if path, drawn := c.draws[i]; drawn && r.Handle.Shape == simulate.None {
			c.Fail(path, fmt.Sprintf("nothing says how long email of the rule %s takes", r.Name), "add handle: { mean: 6m, cv: 0.8 } for all rules, or under rules."+r.Name)
		}
	}
}

// leaves reports rules whose email is transferred for ever.
func (c *compiler) leaves() {
	out := make([]bool, len(c.model.Rules))
	for more := true; more; {
		more = false
		for i, r := range c.model.Rules {
			left := 1.0
			leaves := false
			for _, t := range r.Transfer {
				if t.To >= 0 {
					left -= t.Share
					leaves = leaves || out[t.To]
				}
			}
			if !out[i] && (leaves || left > 1e-9) {
				out[i], more = true, true
			}
		}
	}
	for i, r := range c.model.Rules {
		if !out[i] {
			c.Fail("rules."+c.own[i]+".transfer", fmt.Sprintf("email of the rule %s is transferred for ever: none of it ever leaves", r.Name), "make the shares less than 1, or send some of it elsewhere")
		}
	}
}
