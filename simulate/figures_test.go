package simulate

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// countedAnew is what the figures of a run must be, from what happened to email,
// with plain loops.
func countedAnew(m Model, r *replicator, events []Event) []float64 {
	e := r.engine
	row := make([]float64, r.layout.size())
	end := e.Now()
	business := func(from, to time.Duration) (sum time.Duration) {
		if m.Open == nil {
			return to - from
		}
		for _, s := range m.Open {
			sum += max(0, min(to, s.To)-max(from, s.From))
		}
		return sum
	}
	counted := func(entered time.Duration) bool { return m.WarmUp == 0 || entered >= m.WarmUp }

	type life struct {
		rule                         int
		entered, answered, abandoned time.Duration
		ended                        time.Duration
		work                         time.Duration
	}
	lives := map[EmailID]*life{}
	var order []EmailID
	hands := make([][]Span, len(m.Agents))
	since := map[EmailID]time.Duration{}
	waiting, peak, clears := 0, 0, math.NaN()
	last := time.Duration(0)
	lasts := func(to time.Duration) { // only a backlog that lasts is one
		if to > last && waiting > peak {
			peak, clears = waiting, math.NaN()
		}
		last = to
	}
	for _, ev := range events {
		lasts(ev.At)
		l := lives[ev.Email]
		switch ev.What {
		case Entered:
			lives[ev.Email] = &life{ev.Rule, ev.At - ev.Wait, -1, -1, -1, 0}
			order = append(order, ev.Email)
			waiting++
		case Alerted:
			since[ev.Email] = ev.At
		case Answered:
			l.answered = ev.At
			waiting--
		case Abandoned:
			l.abandoned = ev.At
			waiting--
		case Ended:
			l.ended, l.work = ev.At, ev.Handle+ev.WrapUp
			if speed := m.Agents[ev.Agent].Speed; speed > 0 {
				l.work = time.Duration(float64(l.work) / speed)
			}
		case NotAnswered, Expanded, Removed:
		}
		if ev.What == Ended || ev.What == NotAnswered {
			hands[ev.Agent] = append(hands[ev.Agent], Span{since[ev.Email], ev.At})
			delete(since, ev.Email)
		}
		if waiting == 0 && math.IsNaN(clears) && peak > 0 {
			clears = ev.At.Hours()
		}
	}
	lasts(end)
	for i := range e.emails { // in hand at the end
		if m := &e.emails[i]; m.state == alerts || m.state == handled || m.state == rests {
			hands[m.agent] = append(hands[m.agent], Span{since[e.name(int32(i))], end})
		}
	}

	for rule := range len(m.Rules) + 1 { // 0: all
		out := row[r.layout.rule(rule):]
		var waits []float64
		var target, deadline, inTime, due, met, ended, work, overdue float64
		for i, x := range m.Rules {
			if s := m.Queues[x.Queue].Settings.ServiceLevel; (rule == 0 || rule == i+1) && s != nil {
				target = 1
			}
			if (rule == 0 || rule == i+1) && x.Deadline > 0 {
				deadline = 1
			}
		}
		for _, id := range order {
			l := lives[id]
			if !counted(l.entered) || rule > 0 && l.rule != rule-1 {
				continue
			}
			limit := m.Rules[l.rule].Deadline
			left := end
			out[figOffered]++
			switch {
			case l.answered >= 0:
				left = l.answered
				out[figAnswered]++
				wait := l.answered - l.entered
				waits = append(waits, wait.Seconds())
				if s := m.Queues[m.Rules[l.rule].Queue].Settings.ServiceLevel; s != nil && wait <= time.Duration(s.Within) {
					inTime++
				}
			case l.abandoned >= 0:
				left = l.abandoned
				out[figAbandoned]++
			default:
				out[figWaiting]++
				if s := m.Queues[m.Rules[l.rule].Queue].Settings.ServiceLevel; s != nil && end-l.entered > time.Duration(s.Within) {
					overdue++
				}
			}
			if limit > 0 {
				late := business(l.entered, left) > limit
				if l.answered >= 0 || late {
					due++
				}
				if l.answered >= 0 && !late {
					met++
				}
			}
			if l.ended >= 0 {
				ended++
				work += l.work.Seconds()
			}
		}
		out[figServiceLevel], out[figDeadlineLevel], out[figOverdue] = math.NaN(), math.NaN(), math.NaN()
		if target > 0 {
			out[figOverdue] = overdue
			out[figServiceLevel] = 100 * inTime / (out[figAnswered] + out[figAbandoned])
		}
		if deadline > 0 {
			out[figDeadlineLevel] = 100 * met / due
		}
		slices.Sort(waits)
		sum := 0.0
		for _, w := range waits {
			sum += w
		}
		n := float64(len(waits))
		out[figWaitMean], out[figHandle] = sum/n, work/ended
		for fig, part := range map[int]float64{figWaitP50: 0.5, figWaitP90: 0.9, figWaitP99: 0.99, figWaitMax: 1} {
			if out[fig] = math.NaN(); n > 0 {
				out[fig] = waits[int(math.Ceil(part*n))-1]
			}
		}

		for point := range r.layout.points {
			at := time.Duration(point) * time.Duration(r.every)
			oldest := at
			for _, id := range order {
				l := lives[id]
				entered := max(0, l.entered) <= at && (rule == 0 || l.rule == rule-1)
				left := l.answered >= 0 && l.answered <= at || l.abandoned >= 0 && l.abandoned <= at
				if entered && !left {
					row[r.layout.backlog(rule)+point]++
					oldest = min(oldest, l.entered)
				}
			}
			row[r.layout.oldest(rule)+point] = (at - oldest).Seconds()
		}
	}

	var busy, staffed, sum, squares, n float64
	for i, a := range m.Agents {
		out := row[r.layout.agent(i):]
		b := length(hands[i], m.WarmUp, end)
		s := length(append(slices.Clone(a.Shifts), hands[i]...), m.WarmUp, end)
		busy, staffed = busy+b, staffed+s
		out[figAgentOccupancy] = 100 * b / s
		if s > 0 {
			sum, squares, n = sum+b/s, squares+b/s*b/s, n+1
		}
	}
	for _, ev := range events {
		if ev.What == Answered && counted(lives[ev.Email].entered) {
			row[r.layout.agent(ev.Agent)+figAgentAnswered]++
		}
	}
	run := row[r.layout.run():]
	run[figOccupancy], run[figFairness] = 100*busy/staffed, sum*sum/(n*squares)
	run[figClears] = clears
	return row
}

// length is how long at least one of the spans lasts, between two times.
func length(spans []Span, from, to time.Duration) float64 {
	slices.SortFunc(spans, func(a, b Span) int { return int(a.From - b.From) })
	sum, at := time.Duration(0), from
	for _, s := range spans {
		if begin, end := max(s.From, at), min(s.To, to); end > begin {
			sum += end - begin
			at = end
		}
	}
	return float64(sum)
}

func TestFiguresAreThoseOfWhatHappened(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{T: rt}
		m := w.model()
		m.Voice, m.Unfinished = Voice{}, Finish // or agents are at work who have nothing in hand, and the other way round
		r := newReplicator(&m)
		var events []Event
		r.engine.cfg.Observe = func(ev Event) { events = append(events, ev) }
		got := make([]float64, r.layout.size())
		if err := r.once(t.Context(), 5, 1, got); err != nil {
			rt.Fatal(err)
		}
		want := countedAnew(m, r, events)
		for _, fig := range []int{figSlots, figGrowth, figLoad} {
			got[r.layout.run()+fig] = 0
		}
		if d := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 1e-9)); d != "" {
			rt.Fatalf("layout %+v model %+v\nevents %+v\n-counted anew +engine:\n%s", r.layout, m, events, d)
		}
	})
}
