package coverage

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// This file holds the email that is expected against those who can handle it.
//
// It gives lower limits. In each cell the members who can serve at least one
// rule of a set handle at most their slots times the length of the cell, whatever
// the platform hands to whom. So of the set at least the work that came in
// beyond that is left, and the greatest of the sets' limits holds for the queue.
// That the agents serve other queues as well, alerts and pauses between emails
// only add to what is left. Members of whom the schedule or the skills are not
// known count as on queue and able, so that the limits hold whatever is true.

// Balance is expected email against capacity, cell by cell of the report's span.
type Balance struct {
	Weeks    int              `json:"weeks"`      // that the expectation is the mean of
	Handling routing.Duration `json:"handleTime"` // mean of one email
	Waiting  int              `json:"waiting"`    // at the beginning
	// Offered is the email that is expected to enter, Capacity what all members
	// on queue can handle at most, Backlog what waits or is worked on at the end of the
	// cell at least.
	Offered  []float64 `json:"offered"`
	Capacity []float64 `json:"capacity"`
	Backlog  []float64 `json:"backlog"`
	// Grows are the hours in which members are on queue and the backlog must grow,
	// Unattended those in which nobody is and email comes in, so that it grows too.
	Grows      []routing.Span `json:"grows"`
	Unattended []routing.Span `json:"unattended"`
	Clears     *bool          `json:"clears,omitempty"` // nil: not known
	Verdict    string         `json:"verdict"`
}

// leastHandled is how much handled email makes a mean that counts.
const leastHandled = 20

// class is email that the same members can serve.
type class struct {
	rules   []string
	teams   []bool            // by team: can serve it
	offered []float64         // emails, by cell
	handle  float64           // minutes an email
	counts  []*measure.Counts // of its addresses
}

// balance fills in the report's Balance, where all that it needs is known.
func (c *check) balance() {
	unknown := c.demandUnknown()
	var classes []class
	var b *Balance
	if unknown == "" {
		b, classes, unknown = c.expect()
	}
	if unknown != "" {
		c.add(routing.Finding{Type: routing.DemandUnknown, Message: "whether the week's email can be handled is not known: " + unknown})
		return
	}
	c.report.Balance = b
	c.carry(b, classes)
	c.silent(b)
}

// demandUnknown says why email cannot be held against those who handle it; empty:
// it can.
func (c *check) demandUnknown() string {
	switch {
	case c.Volume == nil:
		return cmp.Or(c.VolumeUnknown, "the email of recent weeks was not read")
	case len(c.teams) > 0 && !slices.ContainsFunc(c.teams, func(t *team) bool { return t.planned > 0 }):
		return "schedules are missing"
	case c.capacityUnknown():
		return "how many emails an agent takes at once could not be read"
	case c.perhapsIdle():
		return "agents' own utilizations were not read, and the organisation's is 0"
	case len(c.unseen) > 0:
		return "who is in " + phrase.List(c.unseen) + " is not known"
	}
	return c.VolumeUnknown
}

// silent notes the addresses to which no email came.
func (c *check) silent(b *Balance) {
	var none []string
	for _, r := range c.Want.Routes {
		came := false
		for address, n := range c.Volume.By {
			came = came || strings.EqualFold(address, r.Address.String()) && slices.Max(n.Offered) > 0
		}
		if !came {
			none = append(none, r.Address.String())
		}
	}
	if len(none) > 0 {
		c.add(routing.Finding{
			Type: routing.DemandUnknown, At: c.at("routes[" + none[0] + "]"),
			Message: fmt.Sprintf("no email came to %s in %s: what will come there is not among the email expected", phrase.List(none), phrase.Count(b.Weeks, "week")),
			Do:      "foresort simulate tells what a scenario with that email would do",
		})
	}
}

// expect takes the mean of whole weeks for each time of the week, on the clock
// of the report. unknown says why there is none.
func (c *check) expect() (b *Balance, classes []class, unknown string) {
	v := c.Volume
	first, weeks, unknown := c.weeks(v)
	if unknown != "" {
		return nil, nil, unknown
	}
	b = &Balance{Weeks: weeks, Offered: make([]float64, Cells), Capacity: make([]float64, Cells), Backlog: make([]float64, Cells), Grows: []routing.Span{}, Unattended: []routing.Span{}}
	if b.Handling, unknown = c.handling(v); unknown != "" {
		return nil, nil, unknown
	}
	slots := c.timesOfWeek(v, first)
	for _, k := range c.classes(v) {
		for _, n := range k.counts {
			c.expected(k.offered, n, slots, weeks)
		}
		k.handle = handle(k.counts, b.Handling).Minutes()
		for cell, x := range k.offered {
			b.Offered[cell] += x
		}
		classes = append(classes, k)
	}
	return b, classes, ""
}

// handling is the mean handle time of all email; unknown says why there is none.
func (c *check) handling(v *measure.Volume) (mean routing.Duration, unknown string) {
	var all measure.Counts
	for _, n := range v.By {
		all.Handled += n.Handled
		all.Handling += n.Handling
	}
	if all.Handling <= 0 && all.Handled > 0 {
		return 0, "no handle time was reported"
	}
	if all.Handled < leastHandled {
		return 0, fmt.Sprintf("only %s handled in %s, too few for a mean handle time", phrase.Count(all.Handled, "email"), c.read(v))
	}
	return routing.Duration(all.Handling / time.Duration(all.Handled)), ""
}

// handle is the mean handle time of some addresses, or that of all email where
// they have too little.
func handle(counts []*measure.Counts, all routing.Duration) time.Duration {
	handled, sum := 0, time.Duration(0)
	for _, n := range counts {
		handled, sum = handled+n.Handled, sum+n.Handling
	}
	if handled < leastHandled {
		return time.Duration(all)
	}
	return sum / time.Duration(handled)
}

// expected adds the mean of some weeks' email to the cells at the same times of
// the week.
func (c *check) expected(to []float64, n *measure.Counts, slots [][]int, weeks int) {
	for i, cells := range slots {
		share := float64(n.Offered[i]) / float64(weeks) / float64(c.Volume.Every/Cell)
		for _, cell := range cells {
			to[cell] += share
		}
	}
}

// mostMissed is how many emails of a week may lie before the first one that came
// at all: so few may have failed to come by chance.
const mostMissed = 3

// weeks are the newest whole weeks in which email could come, from the first
// interval on: where a queue is younger than what was read, the time before has
// no email and says nothing. unknown says why there are none.
func (c *check) weeks(v *measure.Volume) (first, weeks int, unknown string) {
	const week = 7 * 24 * time.Hour
	weeks = int(v.To.Sub(v.From) / week)
	if weeks < 1 || v.Every%Cell != 0 || week%v.Every != 0 {
		return 0, 0, "less than a week of email was read"
	}
	offered := make([]int, v.Intervals())
	for _, n := range v.By {
		for i, x := range n.Offered {
			offered[i] += x
		}
	}
	began := slices.IndexFunc(offered, func(n int) bool { return n > 0 })
	if began < 0 {
		return 0, 0, "no email came in " + c.read(v)
	}
	each := int(week / v.Every)
	for first = len(offered) - weeks*each; began > first; first += each {
		missed := 0 // in the later weeks, at the times before it began
		for i := first; i < min(began, first+each); i++ {
			for later := i + each; later < len(offered); later += each {
				missed += offered[later]
			}
		}
		if weeks--; weeks == 0 {
			return 0, 0, fmt.Sprintf("email comes in only since %s, less than a week", c.when(v.From.Add(time.Duration(began)*v.Every)))
		}
		if missed < mostMissed*weeks {
			return first, weeks + 1, ""
		}
	}
	return first, weeks, ""
}

// read is how much was read, in words: 4 weeks.
func (c *check) read(v *measure.Volume) string {
	return phrase.Count(int(v.To.Sub(v.From)/(7*24*time.Hour)), "week")
}

// timesOfWeek gives for each interval of the volume the cells of the report
// that are at the same time of the week, on the clock of the wall.
func (c *check) timesOfWeek(v *measure.Volume, first int) [][]int {
	type moment struct {
		day    time.Weekday
		minute int
	}
	of := func(t time.Time) moment {
		t = t.In(c.zone)
		return moment{t.Weekday(), t.Hour()*60 + t.Minute()}
	}
	cells := map[moment][]int{}
	for cell := range Cells {
		at := of(c.report.Span.From.Add(time.Duration(cell) * Cell))
		cells[at] = append(cells[at], cell)
	}
	out := make([][]int, v.Intervals())
	for i := first; i < len(out); i++ { // those before say nothing
		from := v.From.Add(time.Duration(i) * v.Every)
		for part := time.Duration(0); part < v.Every; part += Cell {
			out[i] = append(out[i], cells[of(from.Add(part))]...)
		}
	}
	return out
}

// classes puts the addresses together whose email the same members can serve.
// Email of other addresses, such as what is transferred, asks for what nobody
// here knows: any member may serve it.
func (c *check) classes(v *measure.Volume) []class {
	var out []class
	for _, address := range sorted(v.By) {
		n := c.ruleOf(address)
		k := class{teams: make([]bool, len(c.teams)), offered: make([]float64, Cells)}
		for i, t := range c.teams {
			k.teams[i] = n < 0 || t.ever[n] || t.unrated
		}
		name := "email of other addresses"
		if n >= 0 {
			name = "rule " + c.Want.Rules[n].Name
		}
		i := slices.IndexFunc(out, func(o class) bool { return slices.Equal(o.teams, k.teams) })
		if i < 0 {
			i, out = len(out), append(out, k)
		}
		if !slices.Contains(out[i].rules, name) {
			out[i].rules = append(out[i].rules, name)
		}
		out[i].counts = append(out[i].counts, v.By[address])
	}
	return out
}

// ruleOf is the rule that email of an address follows; -1: none.
func (c *check) ruleOf(address string) int {
	for _, r := range c.Want.Routes {
		if strings.EqualFold(r.Address.String(), address) {
			return slices.IndexFunc(c.Want.Rules, func(rule routing.Rule) bool { return !c.whole && rule.Name == r.Rule })
		}
	}
	return -1
}

// mostClasses is up to how many classes every set of them is looked at; beyond
// it only the single ones and all of them together are.
const mostClasses = 10

// set is one set of classes with what it gets and what can be done of it, in
// minutes of handling for each cell.
type set struct {
	bits      uint64
	work, can []float64
	longest   float64 // handle time of its classes, minutes: of what is left it makes emails at least
	left      float64
	after     [2]float64 // what is left at the end of each pass
	excess    float64    // what is left of all cells in which it grows
	grows     []bool
}

// chosen are the classes of a set.
func chosen(bitset uint64, classes []class) []class {
	var out []class
	for i, k := range classes {
		if bitset&(1<<i) != 0 {
			out = append(out, k)
		}
	}
	return out
}

// crew are teams that can serve the same classes.
type crew struct {
	serves uint64    // as bits
	can    []float64 // minutes of handling, by cell
}

// crews puts the teams together.
func (c *check) crews(classes []class) []*crew {
	var out []*crew
	by := map[uint64]*crew{}
	for i, t := range c.teams {
		serves := uint64(0)
		for n, k := range classes {
			if k.teams[i] {
				serves |= 1 << n
			}
		}
		if by[serves] == nil {
			by[serves] = &crew{serves, make([]float64, Cells)}
			out = append(out, by[serves])
		}
		can := by[serves].can
		for _, s := range t.stints {
			for from := s.from; from < s.to; {
				cell := from / cellMinutes
				to := min(s.to, (cell+1)*cellMinutes)
				can[cell] += float64((to - from) * s.slots)
				from = to
			}
		}
	}
	return out
}

// sets are the sets of classes that are looked at, each with what comes in of it
// and what those who serve any of it can do.
func sets(classes []class, crews []*crew) []set {
	var out []set
	if len(classes) > mostClasses {
		one := func(bitset uint64) {
			s := set{bits: bitset, work: make([]float64, Cells), can: make([]float64, Cells)}
			for _, k := range chosen(bitset, classes) {
				k.onto(s.work)
			}
			for _, w := range crews {
				if w.serves&bitset != 0 {
					add(s.can, w.can)
				}
			}
			out = append(out, s)
		}
		for i := range min(len(classes), 63) {
			one(1 << i)
		}
		one(1<<len(classes) - 1)
		return out
	}
	// Of a set can do nothing whoever serves only what is outside of it. within is
	// what those do who serve nothing but classes of a set.
	all, total := 1<<len(classes)-1, make([]float64, Cells)
	within := make([][]float64, all+1)
	for s := range within {
		within[s] = make([]float64, Cells)
	}
	for _, w := range crews {
		add(total, w.can)
		add(within[w.serves], w.can)
	}
	for i := range classes {
		for s := range within {
			if s&(1<<i) != 0 {
				add(within[s], within[s^1<<i])
			}
		}
	}
	work := make([][]float64, all+1)
	work[0] = make([]float64, Cells)
	for s := 1; s <= all; s++ {
		last := bits.Len(uint(s)) - 1
		work[s] = slices.Clone(work[s^1<<last])
		classes[last].onto(work[s])
		can := slices.Clone(total)
		for cell, x := range within[all^s] {
			can[cell] -= x
		}
		out = append(out, set{bits: uint64(s), work: work[s], can: can})
	}
	return out
}

// onto adds the work of a class, in minutes.
func (k class) onto(work []float64) {
	for cell, x := range k.offered {
		work[cell] += x * k.handle
	}
}

func add(to, x []float64) {
	for i := range to {
		to[i] += x[i]
	}
}

// carry runs the week twice, the first time from what waits now.
func (c *check) carry(b *Balance, classes []class) {
	if c.Waiting != nil {
		b.Waiting = *c.Waiting
	}
	per := time.Duration(b.Handling).Minutes()
	crews := c.crews(classes)
	whole := set{bits: 1<<len(classes) - 1, work: make([]float64, Cells), can: make([]float64, Cells)} // the queue, also where no email comes
	for _, k := range classes {
		k.onto(whole.work)
	}
	for _, w := range crews {
		add(whole.can, w.can)
	}
	everybody := whole.can
	all := append([]set{whole}, sets(classes, crews)...)
	for i := range all {
		all[i].grows, all[i].longest = make([]bool, Cells), per
		for n, k := range chosen(all[i].bits, classes) {
			if n == 0 || k.handle > all[i].longest {
				all[i].longest = k.handle
			}
		}
	}
	all[0].left = float64(b.Waiting) * per
	without := 0.0 // what would be left of the whole if nothing waited now
	cleared := -1  // the first cell at whose end nothing need be left of what waits now
	least := func() (emails float64) {
		for _, s := range all {
			emails = max(emails, s.left/s.longest)
		}
		return emails
	}
	if b.Waiting == 0 {
		cleared = 0
	}
	for pass := range 2 {
		for cell := range Cells {
			without = max(0, without+whole.work[cell]-everybody[cell])
			for i := range all {
				s := &all[i]
				s.left = max(0, s.left+s.work[cell]-s.can[cell])
				if pass == 0 && s.work[cell] > s.can[cell]+1e-9 && everybody[cell] > 0 && c.counts(cell) {
					s.grows[cell] = true
					s.excess += s.work[cell] - s.can[cell]
				}
			}
			if pass == 0 {
				b.Capacity[cell], b.Backlog[cell] = everybody[cell]/per, least()
				if cleared < 0 && all[0].left-without < 1e-9 {
					cleared = cell
				}
			}
		}
		for i := range all {
			all[i].after[pass] = all[i].left
		}
	}
	c.judge(b, classes, all, cleared)
}

// judge says in words what was found.
func (c *check) judge(b *Balance, classes []class, all []set, cleared int) {
	grown, left, most := 0.0, 0.0, 0
	for i, s := range all {
		left = max(left, s.after[0]/s.longest)
		if more := (s.after[1] - s.after[0]) / s.longest; more > grown {
			grown, most = more, i
		}
	}
	offered := 0.0
	for _, x := range b.Offered {
		offered += x
	}
	about := fmt.Sprintf("%.0f emails expected in 7 days (mean of %s)", offered, phrase.Count(b.Weeks, "week"))
	alone := 0.0
	b.Unattended = append(b.Unattended, c.spans(func(cell int) bool {
		if b.Capacity[cell] > 0 || b.Offered[cell] == 0 {
			return false
		}
		alone += b.Offered[cell]
		return true
	})...)
	if alone >= 0.5 {
		about += fmt.Sprintf(", %.0f of them in %s with nobody on queue", alone, hours(sum(b.Unattended)))
	}
	about += fmt.Sprintf(", %s to handle one", routing.Duration(time.Duration(b.Handling).Round(time.Second)))
	if c.assumed() {
		about += ", by the organisation's utilization, since agents' own were not read"
	}
	unknown := c.unknown()
	b.Clears = new(false)
	switch {
	case grown >= 0.5:
		b.Verdict = fmt.Sprintf("The week does not clear it: at least %.0f more emails %scome in every week than can be handled; %s.", grown, of(all[most], classes), about)
	case cleared < 0:
		b.Verdict = fmt.Sprintf("The week does not clear it: of %s and those to come at least %.0f are left after 7 days; %s.", waiting(b.Waiting), left, about)
	case unknown != "":
		b.Clears = nil
		b.Verdict = fmt.Sprintf("Whether the week clears it is not known: %s not known in full. It may where they are on queue and able; %s.", unknown, about)
		c.add(routing.Finding{Type: routing.DemandUnknown, Message: b.Verdict})
	case c.Waiting == nil:
		b.Clears = nil
		b.Verdict = fmt.Sprintf("Whether the week clears it is not known: how much waits now could not be read. What comes in can be handled; %s.", about)
		c.add(routing.Finding{Type: routing.DemandUnknown, Message: b.Verdict})
	default:
		*b.Clears = true
		b.Verdict = fmt.Sprintf("The week can clear it: %s.", about)
		if cleared > 0 {
			b.Verdict = fmt.Sprintf("The week can clear it: of %s nothing need be left by %s; %s.", waiting(b.Waiting), c.when(c.report.Span.From.Add(time.Duration(cleared+1)*Cell)), about)
		}
	}
	if b.Clears != nil && !*b.Clears {
		c.add(routing.Finding{
			Type: routing.BacklogGrows, Message: b.Verdict,
			Numbers: []routing.Number{{Name: "offered", Value: offered}, {Name: "left", Value: left}, {Name: "grownAWeek", Value: grown}, {Name: "unattended", Value: alone}},
			Do:      "plan more hours on queue, give agents more email at once, or send email elsewhere; foresort simulate tells what each would do",
		})
	}
	// The set that lacks most says it of every cell first.
	slices.SortStableFunc(all, func(x, y set) int {
		return cmp.Or(cmp.Compare(y.excess, x.excess), cmp.Compare(bits.OnesCount64(x.bits), bits.OnesCount64(y.bits)))
	})
	said := make([]bool, Cells)
	for _, s := range all {
		spans := c.spans(func(cell int) bool { return s.grows[cell] && !said[cell] })
		total := sum(spans)
		if total < time.Hour {
			continue
		}
		var work, can float64
		for cell := range Cells {
			if s.grows[cell] && !said[cell] {
				said[cell] = true
				work += s.work[cell]
				can += s.can[cell]
			}
		}
		b.Grows = join(append(b.Grows, spans...))
		which := cmp.Or(of(s, classes), "of the queue ")
		who, do := "those on queue", "put more of those who can serve it on queue then"
		if slices.Max(s.can) == 0 {
			do = "nobody can serve it, which another finding tells of: let somebody be able to first"
		}
		if unknown != "" {
			who += ", with all whose schedule or skills are not known,"
		}
		c.add(routing.Finding{
			Type: routing.BacklogGrows, Spans: spans,
			Message: fmt.Sprintf("the backlog %smust grow %s: %.1f hours of handling come in an hour, and %s can do %.1f", which, c.nameSpans(spans), work/60/total.Hours(), who, can/60/total.Hours()),
			Numbers: []routing.Number{{Name: "hours", Value: total.Hours()}, {Name: "workHours", Value: work / 60}, {Name: "capacityHours", Value: can / 60}},
			Do:      do,
		})
	}
}

// waiting are the emails that wait now, in words.
func waiting(n int) string {
	if n == 1 {
		return "the 1 email that waits now"
	}
	return fmt.Sprintf("the %d emails that wait now", n)
}

// of names the rules of a set, where it is not the whole queue.
func of(s set, classes []class) string {
	if bits.OnesCount64(s.bits) == len(classes) {
		return ""
	}
	var names []string
	for _, k := range chosen(s.bits, classes) {
		names = append(names, k.rules...)
	}
	return "of " + phrase.List(names) + " "
}

// assumed says that capacities are the organisation's, and agents may have others
// of their own.
func (c *check) assumed() bool {
	return slices.ContainsFunc(c.members, func(m member) bool { return m.assumed && !m.idle() })
}

// unknown is what is not known of members, with its verb: the schedule of 2
// members is. Empty where all is known.
func (c *check) unknown() string {
	gaps, unrated := 0, 0
	for _, t := range c.teams {
		gaps += t.gaps
	}
	for _, m := range c.members {
		if m.ratings == nil && !m.idle() && slices.Contains(m.ever, false) {
			unrated++
		}
	}
	switch {
	case gaps > 0 && unrated > 0:
		return fmt.Sprintf("the schedule of %s and the skills of %s are", phrase.Count(gaps, "member"), phrase.Count(unrated, "member"))
	case gaps > 0:
		return fmt.Sprintf("the schedule of %s is", phrase.Count(gaps, "member"))
	case unrated > 0:
		return fmt.Sprintf("what %s can do is", phrase.Count(unrated, "member"))
	}
	return ""
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
