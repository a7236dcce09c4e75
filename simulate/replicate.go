package simulate

import (
	"context"
	"math"
	"math/bits"
	"slices"
	"time"
)

// This file runs a model once and tells what came out as a row of numbers.

// The figures of a rule, in their order in a row.
const (
	figOffered = iota
	figAnswered
	figAbandoned
	figWaiting
	figOverdue
	figServiceLevel
	figDeadlineLevel
	figWaitMean
	figWaitP50
	figWaitP90
	figWaitP99
	figWaitMax
	figHandle
	perRule
)

// The figures of a whole run.
const (
	figOccupancy = iota
	figSlots
	figFairness
	figClears
	figGrowth
	figLoad
	perRun
)

// The figures of an agent.
const (
	figAgentAnswered = iota
	figAgentOccupancy
	perAgent
)

// layout says where each figure is in a row: rules (all first), run, agents,
// backlog and oldest at each point (all first, then each rule).
type layout struct{ rules, agents, points int }

func (l layout) rule(r int) int    { return r * perRule }
func (l layout) run() int          { return (l.rules + 1) * perRule }
func (l layout) agent(a int) int   { return l.run() + perRun + a*perAgent }
func (l layout) backlog(r int) int { return l.agent(l.agents) + r*l.points }
func (l layout) oldest(r int) int  { return l.backlog(l.rules+1) + r*l.points }
func (l layout) size() int         { return l.oldest(l.rules + 1) }

// counts are what is kept of each replication: the whole numbers behind the
// percentages, for all rules together, and when the backlog clears.
type counts struct {
	inTime, answered, abandonedLate, busy, staffed int64
	clears                                         float64 // hours; below 0: it does not
}

// replicator runs one model again and again.
type replicator struct {
	model   *Model
	engine  *Engine
	traffic *Traffic
	layout  layout
	every   int64
	needs   []Need
	known   [][]int32 // by rule: agents who may have answered the thread before
	emailOf []Email   // by rule: the one that enters
	scratch []int64
	emails  int64
	counts  counts
}

// points is how many points of time backlog and oldest are looked at, and their
// distance.
func points(m *Model) (n int, every int64) {
	every = int64(m.Every)
	if every <= 0 {
		for _, every = range []int64{15, 30, 60, 120, 240, 480, 720, 1440} {
			if every *= int64(time.Minute); int64(m.Horizon)/every < 200 {
				break
			}
		}
	}
	for int64(m.Horizon)/every >= 2000 { // whatever was asked for
		every *= 2
	}
	return int(int64(m.Horizon)/every) + 1, every
}

func newReplicator(m *Model) *replicator {
	r := &replicator{model: m}
	n, every := points(m)
	r.every = every
	r.layout = layout{rules: len(m.Rules), agents: len(m.Agents), points: n}
	cfg := Config{
		Queues: m.Queues, Agents: m.Agents, Rules: len(m.Rules), Open: m.Open,
		Voice: m.Voice, NoAnswer: m.NoAnswer, Unfinished: m.Unfinished,
	}
	r.engine = New(cfg)
	r.traffic = newTraffic(m, r.engine.chance)
	e := r.engine
	for i, rule := range m.Rules {
		r.needs = append(r.needs, e.Need(rule.Queue, rule.Skills, rule.Language))
		t := &e.tally.rules[i]
		t.target, t.deadline = e.settings[rule.Queue].target, int64(rule.Deadline)
	}
	for i := range m.Rules { // once every need is known
		last := e.needs[r.needs[i]].first
		for e.classes[last].next >= 0 {
			last = e.classes[last].next
		}
		var who []int32
		for w, set := range e.pools[e.classes[last].pool].eligible {
			for ; set != 0; set &= set - 1 {
				who = append(who, int32(w<<6+bits.TrailingZeros64(set)))
			}
		}
		r.known = append(r.known, who)
		r.emailOf = append(r.emailOf, Email{Need: r.needs[i], Rule: i, Priority: m.Rules[i].Priority})
	}
	e.tally.record, e.tally.from = true, int64(m.WarmUp)
	e.cfg.Transferred = func(rule int) { r.enter(rule, 0, e.now, true) }
	return r
}

// enter lets an email of a rule enter its queue.
func (r *replicator) enter(rule int, handle time.Duration, entered int64, anew bool) {
	r.emails++
	m := &r.emailOf[rule]
	m.Entered, m.Handle, m.LastAgent = time.Duration(entered), handle, 0
	if r.traffic.draw(rule, m, anew) {
		if who := r.known[rule]; len(who) > 0 {
			d := r.traffic.dice
			m.LastAgent = int(who[d.either(d.reply, anew).IntN(len(who))]) + 1
		}
	}
	r.engine.add(m)
}

// once runs the model with the chances of one replication and fills row. It
// fails on a cancelled context and on a Violation.
func (r *replicator) once(ctx context.Context, seed uint64, replication int, row []float64) error {
	m, e := r.model, r.engine
	e.rewind(seed, replication)
	r.traffic.restart()
	r.emails = 0
	e.watch = ctx.Err
	backlog := slices.Clone(m.Backlog)
	slices.SortStableFunc(backlog, func(a, b Waiting) int { return int(b.Age - a.Age) })
	for _, w := range backlog {
		r.enter(w.Rule, 0, -int64(w.Age), false)
	}
	horizon, warm, sample, point := int64(m.Horizon), int64(m.WarmUp), int64(0), 0
	if warm == 0 {
		warm = never
	}
	stop := int64(0)
	for {
		at, s := r.traffic.first()
		if at >= stop { // looks come before arrivals of the same time
			if err := e.Advance(time.Duration(stop)); err != nil {
				return err
			}
			if stop == sample {
				r.look(row, point)
				point++
				if sample += r.every; point == r.layout.points {
					sample = never
				}
			}
			if stop == warm {
				r.warm()
				warm = never
			}
			if stop == horizon {
				break
			}
			stop = min(sample, warm, horizon)
			continue
		}
		if err := e.Advance(time.Duration(at)); err != nil {
			return err
		}
		r.enter(r.traffic.rule(s), s.next.handle, at, false)
		r.traffic.advance(s)
	}
	if m.Drain {
		for e.tally.in > e.tally.out {
			at := e.events.first()
			if e.turned < len(e.turns) {
				at = min(at, e.turns[e.turned].at)
			}
			if at == never {
				break // nobody will ever take it
			}
			if err := e.Advance(time.Duration(at)); err != nil {
				return err
			}
		}
	}
	for i := range e.agents {
		e.account(&e.agents[i])
	}
	if what := e.check(); what != "" {
		e.fail(what, -1, -1)
		return e.err
	}
	r.finish(row)
	return nil
}

// warm forgets what the agents did in the warm-up.
func (r *replicator) warm() {
	e := r.engine
	e.tally.filled = 0
	for i := range e.agents {
		a := &e.agents[i]
		e.account(a)
		a.staffed, a.busy, a.answered = 0, 0, 0
	}
}

// look writes backlog and oldest at a point.
func (r *replicator) look(row []float64, point int) {
	e := r.engine
	oldest := r.scratch[:0]
	for range r.layout.rules {
		oldest = append(oldest, e.now)
	}
	for i := range e.emails {
		if m := &e.emails[i]; m.state == waits || m.state == alerts {
			oldest[m.rule] = min(oldest[m.rule], m.entered)
		}
	}
	first := e.now
	for i, at := range oldest {
		first = min(first, at)
		row[r.layout.backlog(i+1)+point] = float64(e.tally.rules[i].waiting)
		row[r.layout.oldest(i+1)+point] = seconds(float64(e.now - at))
	}
	row[r.layout.backlog(0)+point] = float64(e.tally.waiting)
	row[r.layout.oldest(0)+point] = seconds(float64(e.now - first))
	r.scratch = oldest[:0]
}

func seconds(ns float64) float64 { return ns / float64(time.Second) }

// ratio is a part of a whole; undefined where there is no whole.
func ratio(part, whole float64) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return part / whole
}

// finish writes the figures of the run.
func (r *replicator) finish(row []float64) {
	e := r.engine
	t := &e.tally
	r.overdue()
	var all ruleTally
	for i := range t.rules {
		x := &t.rules[i]
		all.atOnce += x.atOnce
		all.waits = nil
		all.offered += x.offered
		all.answered += x.answered
		all.abandoned += x.abandoned
		all.removed += x.removed
		all.inTime += x.inTime
		all.abandonedLate += x.abandonedLate
		all.wait += x.wait
		all.work += x.work
		all.ended += x.ended
		all.longest = max(all.longest, x.longest)
		all.overdue += x.overdue
		all.due += x.due
		all.met += x.met
		if x.target > 0 {
			all.target = x.target
		}
		if x.deadline > 0 {
			all.deadline = x.deadline
		}
	}
	r.scratch = r.scratch[:0]
	for i := range t.rules {
		x := &t.rules[i]
		if len(t.rules) > 1 {
			r.scratch = append(r.scratch, x.waits...)
		}
		r.figures(row[r.layout.rule(i+1):], x)
	}
	if all.waits = r.scratch; len(t.rules) == 1 {
		copy(row[r.layout.rule(0):], row[r.layout.rule(1):r.layout.rule(2)])
	} else {
		r.figures(row[r.layout.rule(0):], &all)
	}
	run := row[r.layout.run():]
	var busy, staffed, room, power float64
	var sum, squares, n float64
	r.counts = counts{inTime: all.inTime, answered: all.answered, abandonedLate: all.abandonedLate}
	for i := range e.agents {
		a := &e.agents[i]
		r.counts.busy += a.busy
		r.counts.staffed += a.staffed
		busy += float64(a.busy)
		staffed += float64(a.staffed)
		places := float64(a.staffed) * float64(a.capacity)
		room += places
		if a.shared {
			places = float64(a.staffed)
		}
		power += places * a.speed
		occupancy := ratio(float64(a.busy), float64(a.staffed))
		if !math.IsNaN(occupancy) {
			sum += occupancy
			squares += occupancy * occupancy
			n++
		}
		out := row[r.layout.agent(i):]
		out[figAgentAnswered], out[figAgentOccupancy] = float64(a.answered), 100*occupancy
	}
	run[figOccupancy] = 100 * ratio(busy, staffed)
	run[figSlots] = 100 * ratio(t.filled, room)
	run[figFairness] = ratio(sum*sum, n*squares)
	run[figLoad] = 100 * ratio(t.work, power)
	run[figClears] = math.NaN()
	if r.counts.clears = -1; t.clears >= 0 {
		run[figClears] = float64(t.clears) / float64(time.Hour)
		r.counts.clears = run[figClears]
	}
	run[figGrowth] = r.growth(row)
}

// overdue counts email that still waits beyond the target, and beyond its
// deadline as due.
func (r *replicator) overdue() {
	e := r.engine
	now := e.business(e.now)
	for i := range e.emails {
		m := &e.emails[i]
		x := &e.tally.rules[m.rule]
		if m.state != waits && m.state != alerts || !e.tally.counts(m) {
			continue
		}
		if x.target > 0 && e.now-m.entered > x.target {
			x.overdue++
		}
		if x.deadline > 0 && now-e.openAt(m) > x.deadline {
			x.due++
		}
	}
}

// middle is the point from which growth is measured: whole weeks before the last
// point where there are two weeks or more, whole days where there are two days
// or more, else halfway.
func (r *replicator) middle() int {
	last := r.layout.points - 1
	half := int64(last) * r.every / 2
	for _, whole := range []int64{7 * int64(24*time.Hour), int64(24 * time.Hour)} {
		if whole%r.every == 0 && half >= whole {
			half = half / whole * whole
			break
		}
	}
	return last - int(half/r.every)
}

func (r *replicator) growth(row []float64) float64 {
	last, mid := r.layout.points-1, r.middle()
	at := r.layout.backlog(0)
	return ratio(row[at+last]-row[at+mid], float64(int64(last-mid)*r.every)/float64(time.Hour))
}

// figures writes the figures of one rule, or of all.
func (r *replicator) figures(out []float64, x *ruleTally) {
	out[figOffered], out[figAnswered], out[figAbandoned] = float64(x.offered), float64(x.answered), float64(x.abandoned)
	out[figWaiting] = float64(x.offered - x.answered - x.abandoned - x.removed)
	out[figOverdue], out[figServiceLevel], out[figDeadlineLevel] = math.NaN(), math.NaN(), math.NaN()
	if x.target > 0 {
		out[figOverdue] = float64(x.overdue)
		out[figServiceLevel] = 100 * ratio(float64(x.inTime), float64(x.answered+x.abandoned))
	}
	if x.deadline > 0 {
		out[figDeadlineLevel] = 100 * ratio(float64(x.met), float64(x.due))
	}
	out[figWaitMean] = seconds(ratio(x.wait, float64(x.answered)))
	out[figHandle] = seconds(ratio(x.work, float64(x.ended)))
	waits := x.waits
	out[figWaitP99], waits = quantile(0.99, x.atOnce, waits, waits)
	out[figWaitP90], waits = quantile(0.90, x.atOnce, x.waits, waits)
	out[figWaitP50], _ = quantile(0.50, x.atOnce, x.waits, waits)
	out[figWaitMax] = math.NaN()
	if x.answered > 0 {
		out[figWaitMax] = seconds(float64(x.longest))
	}
}

// quantile is the wait, in seconds, that a part of the answered email did not
// exceed (nearest rank): atOnce of it did not wait, and the rest is in waits. It
// is looked for in front, the part of waits that holds the smallest; the part
// that holds those up to the quantile comes back.
func quantile(part float64, atOnce int64, waits, front []int64) (float64, []int64) {
	n := atOnce + int64(len(waits))
	if n == 0 {
		return math.NaN(), front
	}
	rank := int64(math.Ceil(part*float64(n))) - 1 - atOnce
	if rank < 0 {
		return 0, front
	}
	return seconds(float64(nth(front, int(rank)))), front[:rank+1]
}

// nth is the n-th smallest number, from 0 (Hoare's selection). It moves the
// numbers.
func nth(x []int64, n int) int64 {
	for lo, hi := 0, len(x)-1; lo < hi; {
		pivot := x[n]
		i, j := lo, hi
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		if j < n {
			lo = i
		}
		if n < i {
			hi = j
		}
	}
	return x[n]
}
