package autopilot_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// This file lets programs decide over days of adverse figures and holds every
// decision to the guard rails, as the file states them and written anew here.

// days is how many days the trace test goes through; make traces asks for more.
func days(t *testing.T) int {
	n := 1000
	if text := os.Getenv("TRACE_DAYS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// week is how many days a strategy lives.
const week = 7

func TestNoTraceBreaksTheGuardRails(t *testing.T) {
	t.Parallel()
	total, workers := days(t), runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all tally
	for w := range workers {
		wg.Go(func() {
			var mine tally
			for day := w * week; day < total; day += workers * week {
				if err := newTrace(uint64(day)).run(min(week, total-day), &mine); err != nil {
					t.Errorf("the week from day %d: %v", day, err)
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all.add(mine)
		})
	}
	wg.Wait()
	t.Logf("%d days, %d decisions: %d overrides began, %d ended with their lease, %d before, %d emails moved", total, all.decisions, all.begun, all.leaseEnded, all.untilReached, all.moved)
	if all.begun < total/10 || all.moved < total/10 || all.leaseEnded < total/100 || all.untilReached < total/100 {
		t.Errorf("the traces hardly ever let an override begin or end: %+v", all)
	}
}

type tally struct{ decisions, begun, leaseEnded, untilReached, moved int }

func (a *tally) add(b tally) {
	a.decisions += b.decisions
	a.begun += b.begun
	a.leaseEnded += b.leaseEnded
	a.untilReached += b.untilReached
	a.moved += b.moved
}

// condition in CEL, and the same in Go: whether it holds for certain.
type plain struct {
	text string
	when func(f func(read string) (x float64, known bool)) bool
}

var conditions = []plain{
	{`offered("1h") > 500 && serviceLevel("1h") < 85`, func(f func(string) (float64, bool)) bool {
		o, ok := f(`offered("1h")`)
		s, known := f(`serviceLevel("1h")`)
		return ok && known && o > 500 && s < 85
	}},
	{`waiting() > 50`, func(f func(string) (float64, bool)) bool { w, ok := f("waiting()"); return ok && w > 50 }},
	{`!(serviceLevel("1h") >= 85)`, func(f func(string) (float64, bool)) bool {
		s, ok := f(`serviceLevel("1h")`)
		return ok && s < 85
	}},
	{`waiting() > 50 || serviceLevel("1h") < 85`, func(f func(string) (float64, bool)) bool {
		w, ok := f("waiting()")
		s, known := f(`serviceLevel("1h")`)
		return ok && w > 50 || known && s < 85
	}},
	{`waiting() / onQueue() >= 5`, func(f func(string) (float64, bool)) bool {
		w, ok := f("waiting()")
		q, known := f("onQueue()")
		return ok && known && q != 0 && math.Floor(w/q) >= 5
	}},
}

var untils = []plain{
	{"", nil},
	{`serviceLevel("1h") >= 90`, func(f func(string) (float64, bool)) bool { s, ok := f(`serviceLevel("1h")`); return ok && s >= 90 }},
	{`waiting() < 20`, func(f func(string) (float64, bool)) bool { w, ok := f("waiting()"); return ok && w < 20 }},
}

// trace is one strategy and a source of figures for it.
type trace struct {
	*rand.Rand
	program     *autopilot.Program
	when, until []plain
	every       time.Duration
	shape       int
	streaks     autopilot.Streaks
	past        []autopilot.Lease
	level       routing.ServiceLevel
	rowWhen     []int
	rowUntil    []int
	lastRead    time.Time
	serial      int
	begun       []time.Time // of the whole trace
	partial     bool        // the window of this look has not got all its rows
	names       []string    // of what is read
	leased      map[string]autopilot.Lease
	emails      []routing.WaitingEmail
	state       *routing.QueueState // of this look; nil: none
	moved       map[string]bool     // emails, by whatever override
	came        int                 // emails
}

var levers = []routing.Action{
	{Lever: routing.LeverJoin, Group: "Back Office"},
	{Lever: routing.LeverRaise, Rule: "vip", By: 60},
	{Lever: routing.LeverTighten, Target: routing.Duration(time.Minute)},
	{Lever: routing.LeverCapacity, Email: 4},
	{Lever: routing.LeverOverflow, To: "Order Desk", After: routing.Duration(20 * time.Minute), AtMost: 10},
}

func newTrace(seed uint64) *trace {
	r := rand.New(rand.NewPCG(seed, 7))
	t := &trace{Rand: r, leased: map[string]autopilot.Lease{}, moved: map[string]bool{}, shape: r.IntN(6), every: []time.Duration{5, 10, 15, 30, 60}[r.IntN(5)] * time.Minute}
	if n := r.IntN(20); n < 2 { // short ones take the most time
		t.every = time.Duration(1+n) * time.Minute
	}
	t.level = routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)}
	a := &routing.Adjust{Mode: routing.AdjustAct, Every: t.every, Limits: routing.AdjustLimits{
		ChangesPerHour: r.IntN(4), Cooldown: time.Duration(max(0, r.IntN(40)-10)) * time.Minute, Reversals: 1 + r.IntN(2), Share: 20, Calls: 1 + r.IntN(60),
	}}
	if r.IntN(20) == 0 {
		a.Mode = routing.AdjustOff
	}
	rules := 1 + r.IntN(3)
	if r.IntN(8) == 0 { // a flood: everything at once
		rules, t.shape, a.Limits.ChangesPerHour = 8+r.IntN(5), 2, 1+r.IntN(6)
	}
	for i := range rules {
		when, until := conditions[r.IntN(len(conditions))], untils[r.IntN(len(untils))]
		t.when, t.until = append(t.when, when), append(t.until, until)
		a.Rules = append(a.Rules, routing.AdjustRule{
			Name: fmt.Sprint("rule-", i), When: when.text, Until: until.text, Samples: 1 + r.IntN(100), For: 1 + r.IntN(4),
			Do: []routing.Action{levers[r.IntN(len(levers))]}, Lease: time.Duration(5+r.IntN(180)) * time.Minute,
		})
	}
	want := routing.Desired{Strategy: "s", Adjust: a}
	want.Queue.Settings.ServiceLevel = &t.level
	var err error
	if t.program, err = autopilot.New(want); err != nil {
		panic(err)
	}
	for _, read := range t.program.Reads {
		t.names = append(t.names, read.String())
	}
	t.rowWhen, t.rowUntil = make([]int, len(a.Rules)), make([]int, len(a.Rules))
	return t
}

// What is measured on either side of the thresholds.
var (
	calmly = map[condition.Figure]float64{condition.Offered: 500, condition.ServiceLevel: 90, condition.Waiting: 19, condition.OnQueue: 20}
	busily = map[condition.Figure]float64{condition.Offered: 501, condition.ServiceLevel: 84.9, condition.Waiting: 51, condition.OnQueue: 3}
)

// figures are those of one look: random, a square wave about the thresholds,
// flooding, missing, NaN.
func (t *trace) figures(tick int) []autopilot.Figure {
	high := t.IntN(2) == 0
	switch t.shape {
	case 0:
		high = tick/(1+t.IntN(3))%2 == 0
	case 1:
		high = tick/20%2 == 0
	case 2:
		high = true
	}
	t.partial, t.state = false, nil
	if t.shape == 5 {
		return t.windows(high)
	}
	out := make([]autopilot.Figure, len(t.program.Reads))
	for i, read := range t.program.Reads {
		x := calmly[read.Figure]
		if high {
			x = busily[read.Figure]
		}
		f := autopilot.Figure{Value: condition.Value{Known: true, Number: x}, Samples: 50 + t.IntN(100)}
		switch t.IntN(40) {
		case 0:
			f.Known = false
		case 1:
			f.Number = math.NaN()
		case 2:
			f.Number = math.Inf(1 - 2*t.IntN(2))
		case 3:
			f.Samples = t.IntN(3)
		case 4:
			f.Number = 0
		}
		out[i] = f
	}
	return out
}

// windows are figures as they are measured: of a window that is complete, is not
// there, or lacks rows that are late. Then it has less email than still waits of it.
func (t *trace) windows(high bool) []autopilot.Figure {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	w := measure.Window{Span: routing.Span{From: now.Add(-time.Hour), To: now}, Offered: 500, InTime: 450, Counted: 500}
	state := routing.QueueState{At: now, Waiting: 19, OnQueue: 20, Complete: t.IntN(10) > 0}
	if high {
		w.Offered, w.InTime, state.Waiting, state.OnQueue = 501, 424, 51, 3
	}
	t.emails = t.emails[:0]
	t.came += t.IntN(10)
	for i := range state.Waiting {
		t.emails = append(t.emails, routing.WaitingEmail{ConversationID: strconv.Itoa(t.came + i), Entered: now.Add(-time.Duration(1+t.IntN(59)) * time.Minute)})
	}
	state.Emails, t.state = t.emails, &state
	o := autopilot.Observation{At: now, State: &state, Windows: map[string]measure.Window{"1h": w}}
	switch t.IntN(6) {
	case 0:
		delete(o.Windows, "1h")
		t.partial = true
	case 1: // late: whatever it says is not known
		w.Offered, w.Counted = t.IntN(state.Waiting), 300+float64(t.IntN(200))
		w.InTime = w.Counted * float64(t.IntN(2))
		o.Windows["1h"], t.partial = w, true
	}
	return t.program.Measure(o)
}

// run goes through some days.
func (t *trace) run(days int, sum *tally) error {
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	level := &t.level
	for tick := range days * int(24*time.Hour/t.every) {
		now = now.Add(t.every)
		switch t.IntN(300) { // the clock
		case 0:
			now = now.Add(time.Duration(t.IntN(90)) * time.Minute)
		case 1:
			now = now.Add(-time.Duration(t.IntN(90)) * time.Minute)
		}
		in := autopilot.Input{Now: now, At: now, Figures: t.figures(tick), Level: level, Past: t.past, Fleet: autopilot.Fleet{Queues: 1}}
		switch t.IntN(60) { // the reading
		case 0:
			in.At, in.Figures = time.Time{}, nil
		case 1:
			in.At = now.Add(-time.Duration(t.IntN(600)) * time.Second)
		case 2:
			in.At = now.Add(time.Duration(t.IntN(600)) * time.Second)
		case 3:
			in.At = t.lastRead // the same once more
		case 4:
			in.Stopped = true
		case 5:
			in.Fleet = autopilot.Fleet{Queues: 10, InBreach: 1 + t.IntN(4)}
		case 6:
			in.Level = &routing.ServiceLevel{Percent: 80, Within: t.level.Within}
		case 7:
			in.Fleet = autopilot.Fleet{Queues: 10, Begun: 1 + t.IntN(3)}
		}
		d := t.program.Decide(in, &t.streaks)
		sum.decisions++
		if err := t.check(in, d); err != nil {
			return fmt.Errorf("tick %d, %s: %w", tick, now.Format(time.TimeOnly), err)
		}
		t.carryOut(in, d, sum)
		if err := t.overflow(in, sum); err != nil {
			return fmt.Errorf("tick %d, %s: %w", tick, now.Format(time.TimeOnly), err)
		}
	}
	return nil
}

// overflow moves email for each override that holds and does that, and holds it to
// what the file promises.
func (t *trace) overflow(in autopilot.Input, sum *tally) error {
	for _, l := range t.past {
		if in.Stopped || !l.Ended.IsZero() || l.Levers[0] != routing.LeverOverflow {
			continue
		}
		do := t.program.Rules[slices.IndexFunc(t.program.Rules, func(r routing.AdjustRule) bool { return r.Name == l.Rule })].Do
		moves := t.program.Overflow(do, t.state, t.moved, t.program.Limits.Calls)
		switch {
		case len(moves) > 0 && t.state == nil:
			return fmt.Errorf("%s moves email, and it is not known what waits", l.Rule)
		case len(moves) > do[0].AtMost || 2*len(moves) > t.program.Limits.Calls:
			return fmt.Errorf("%s moves %d emails at a look, of %d with %d calls", l.Rule, len(moves), do[0].AtMost, t.program.Limits.Calls)
		}
		for _, m := range moves {
			if age := t.state.At.Sub(m.Email.Entered); t.moved[m.Email.ConversationID] || age < time.Duration(do[0].After) || m.To != do[0].To {
				return fmt.Errorf("%s moves an email of %s, before: %t", l.Rule, age, t.moved[m.Email.ConversationID])
			}
			t.moved[m.Email.ConversationID] = true
			sum.moved++
		}
	}
	return nil
}

// truth evaluates a condition in Go, on what is known and made of enough.
func (t *trace) truth(p plain, in autopilot.Input, samples int) bool {
	if p.when == nil || in.Figures == nil {
		return false
	}
	return p.when(func(read string) (float64, bool) {
		for i, r := range t.program.Reads {
			if t.names[i] == read {
				if t.partial && r.Window != "" {
					return 0, false
				}
				f := in.Figures[i]
				few := r.Ratio() && f.Samples < samples
				return f.Number, f.Known && !few && !math.IsNaN(f.Number) && !math.IsInf(f.Number, 0)
			}
		}
		return 0, false
	})
}

// check holds a decision to what the file promises.
func (t *trace) check(in autopilot.Input, d autopilot.Decision) error {
	fresh := !in.At.IsZero() && in.Now.Sub(in.At) <= 3*t.every && in.At.Sub(in.Now) <= time.Minute
	gap := in.At.Sub(t.lastRead)
	anew := fresh && (gap < 0 || gap > 3*t.every)
	counts := anew || fresh && gap >= t.every/2
	if anew {
		clear(t.rowWhen)
		clear(t.rowUntil)
	}
	if counts {
		t.lastRead = in.At
	}
	leased := t.leased
	clear(leased)
	for _, l := range t.past {
		if l.Ended.IsZero() {
			leased[l.Rule] = l
		}
	}
	for i, r := range t.program.Rules {
		if !counts {
			continue
		}
		row := func(n *int, holds, mine bool) {
			if *n++; !holds || !mine {
				*n = 0
			}
		}
		_, holds := leased[r.Name]
		row(&t.rowWhen[i], t.truth(t.when[i], in, r.Samples), !holds)
		row(&t.rowUntil[i], t.truth(t.until[i], in, r.Samples), holds)
	}
	if in.Stopped && len(d.Begin)+len(d.End) > 0 {
		return fmt.Errorf("it is stopped and does something: %+v", d)
	}
	if len(d.Begin) > 0 && (!fresh || in.Fleet.InBreach > 2 || in.Fleet.Begun >= 2 || t.program.Mode != routing.AdjustAct || *in.Level != t.level) {
		return fmt.Errorf("it begins something on a hold: %+v", in)
	}
	begun := within(t.begun, in.Now, time.Hour)
	moved := map[routing.Lever]bool{}
	for _, i := range d.Begin {
		r := t.program.Rules[i]
		if moved[r.Do[0].Lever] {
			return fmt.Errorf("%s moves what another moves that begins with it", r.Name)
		}
		moved[r.Do[0].Lever] = true
		if until := t.until[i]; until.when != nil && t.truth(until, in, r.Samples) {
			return fmt.Errorf("%s begins, and its until holds", r.Name)
		}
		if _, holds := leased[r.Name]; holds {
			return fmt.Errorf("%s begins twice", r.Name)
		}
		if t.rowWhen[i] < r.For || !t.truth(t.when[i], in, r.Samples) {
			return fmt.Errorf("%s begins after %d of %d looks", r.Name, t.rowWhen[i], r.For)
		}
		if begun++; begun > t.program.Limits.ChangesPerHour {
			return fmt.Errorf("%d begin within an hour", begun)
		}
		if len(t.begun) > 0 && within(t.begun, in.Now, t.program.Limits.Cooldown) > 0 || t.program.Limits.Cooldown > 0 && len(d.Begin) > 1 {
			return fmt.Errorf("%s begins within the cooldown", r.Name)
		}
		ends := 0
		for _, l := range t.past {
			if l.Rule == r.Name && !l.Ended.IsZero() && in.Now.Sub(l.Ended) < time.Hour {
				ends++
			}
			if l.Ended.IsZero() && l.Levers[0] == r.Do[0].Lever {
				return fmt.Errorf("%s moves what %s moves", r.Name, l.Rule)
			}
		}
		if ends >= t.program.Limits.Reversals {
			return fmt.Errorf("%s begins again after %d ends within the hour", r.Name, ends)
		}
	}
	if in.Stopped {
		return nil
	}
	ended := map[string]autopilot.Reason{}
	for _, e := range d.End {
		ended[e.Lease] = e.Reason
	}
	for i, r := range t.program.Rules {
		l, holds := leased[r.Name]
		if !holds {
			continue
		}
		over := !in.Now.Before(l.Ends) || in.Now.Before(l.Began.Add(-time.Minute))
		why, ends := ended[l.ID]
		switch {
		case over && !ends:
			return fmt.Errorf("%s holds past its lease", r.Name)
		case ends && !over && (why != autopilot.UntilReached || t.rowUntil[i] < r.For || !t.truth(t.until[i], in, r.Samples)):
			return fmt.Errorf("%s ends before its lease: %s", r.Name, why)
		}
	}
	return nil
}

// within counts times that are less than a span before now, or after it.
func within(times []time.Time, now time.Time, span time.Duration) (n int) {
	for _, at := range times {
		if now.Sub(at) < span {
			n++
		}
	}
	return n
}

// carryOut does what was decided, as the ledger would tell of it.
func (t *trace) carryOut(in autopilot.Input, d autopilot.Decision, sum *tally) {
	for _, e := range d.End {
		for i := range t.past {
			if t.past[i].ID == e.Lease {
				t.past[i].Ended = in.Now
			}
		}
		switch e.Reason {
		case autopilot.LeaseEnded:
			sum.leaseEnded++
		case autopilot.UntilReached:
			sum.untilReached++
		default:
		}
	}
	for _, i := range d.Begin {
		r := t.program.Rules[i]
		t.serial++
		t.past = append(t.past, autopilot.Lease{
			ID: strconv.Itoa(t.serial), Rule: r.Name, Levers: []routing.Lever{r.Do[0].Lever}, Began: in.Now, Ends: in.Now.Add(r.Lease),
		})
		t.begun = append(t.begun, in.Now)
		sum.begun++
	}
	t.begun = slices.DeleteFunc(t.begun, func(at time.Time) bool { return in.Now.Sub(at) > 24*time.Hour })
	kept := t.past[:0]
	for _, l := range t.past { // what the ledger tells of: the last day, and what holds
		if l.Ended.IsZero() || in.Now.Sub(l.Ended) < 24*time.Hour {
			kept = append(kept, l)
		}
	}
	t.past = kept
}

func BenchmarkDecide(b *testing.B) {
	want := routing.Desired{Strategy: "s", Adjust: &routing.Adjust{
		Mode: routing.AdjustAct, Every: time.Minute, Limits: routing.AdjustLimits{ChangesPerHour: 2, Cooldown: 10 * time.Minute, Reversals: 1, Share: 20},
		Rules: []routing.AdjustRule{{
			Name: "surge", When: conditions[0].text, Until: untils[1].text, Samples: 100, For: 3, Lease: 2 * time.Hour, Do: levers[:1],
		}},
	}}
	p, err := autopilot.New(want)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var s autopilot.Streaks
		now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		in := autopilot.Input{Figures: []autopilot.Figure{
			{Value: condition.Value{Known: true, Number: 501}, Samples: 501}, {Value: condition.Value{Known: true, Number: 84}, Samples: 400},
		}, Past: []autopilot.Lease{{Rule: "surge", Began: now, Ended: now}}}
		for pb.Next() {
			now = now.Add(time.Second)
			in.Now, in.At = now, now
			p.Decide(in, &s)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}
