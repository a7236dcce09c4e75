package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"gonum.org/v1/gonum/mathext"
)

// Options say how a batch is run.
type Options struct {
	Replications int    // default 100
	Seed         uint64 // the same seed gives the same result
	Workers      int    // default: as many as the machine has cores
	// Progress is called after each replication with how many are done; nil:
	// nobody looks.
	Progress func(done int)
}

func (o Options) withDefaults() Options {
	if o.Replications <= 0 {
		o.Replications = 100
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	o.Workers = min(o.Workers, o.Replications)
	return o
}

// Run simulates a model in independent replications. When the context is
// cancelled it returns the result of those that are done, marked Partial, and
// fails only where none is. The result is the same for any number of workers.
func Run(ctx context.Context, m Model, o Options) (Result, error) {
	o = o.withDefaults()
	sum, err := batch(ctx, []*Model{&m}, o)
	if err != nil {
		return Result{}, err
	}
	return sum[0].result(&m, o), nil
}

// Compare simulates two models under the same arrivals, work and chances, and
// estimates the difference of each pair of replications. Rules are the same
// where their names are; the models must have the same horizon and step.
func Compare(ctx context.Context, a, b Model, o Options) (Comparison, error) {
	o = o.withDefaults()
	if na, ea := points(&a); true {
		if nb, eb := points(&b); na != nb || ea != eb || !a.Start.Equal(b.Start) {
			return Comparison{}, errors.New("two models can only be compared over the same span of time")
		}
	}
	sums, err := batch(ctx, []*Model{&a, &b}, o)
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{A: sums[0].result(&a, o), B: sums[1].result(&b, o)}
	d := sums[2]
	out.All = d.figures(0, "")
	run := d.layout.run()
	out.Occupancy, out.Fairness = d.estimate(run+figOccupancy), d.estimate(run+figFairness)
	out.Backlog = append(out.Backlog, d.series(d.layout.backlog(0), ""))
	for i, r := range commonRules(&a, &b) {
		out.Rules = append(out.Rules, d.figures(i+1, a.Rules[r.a].Name))
		out.Backlog = append(out.Backlog, d.series(d.layout.backlog(i+1), a.Rules[r.a].Name))
	}
	return out, nil
}

// pair is the indices of one rule in two models.
type pair struct{ a, b int }

func commonRules(a, b *Model) []pair {
	var out []pair
	for i, r := range a.Rules {
		for k, s := range b.Rules {
			if r.Name == s.Name {
				out = append(out, pair{i, k})
			}
		}
	}
	return out
}

// difference is row b minus row a, in the layout of the rules that both have.
func difference(d layout, pairs []pair, la, lb layout, a, b, out []float64) {
	sub := func(to, fromA, fromB, n int) {
		for i := range n {
			out[to+i] = b[fromB+i] - a[fromA+i]
		}
	}
	sub(d.rule(0), la.rule(0), lb.rule(0), perRule)
	sub(d.run(), la.run(), lb.run(), perRun)
	sub(d.backlog(0), la.backlog(0), lb.backlog(0), d.points)
	sub(d.oldest(0), la.oldest(0), lb.oldest(0), d.points)
	for i, p := range pairs {
		sub(d.rule(i+1), la.rule(p.a+1), lb.rule(p.b+1), perRule)
		sub(d.backlog(i+1), la.backlog(p.a+1), lb.backlog(p.b+1), d.points)
		sub(d.oldest(i+1), la.oldest(p.a+1), lb.oldest(p.b+1), d.points)
	}
}

// done is one replication of every model.
type done struct {
	n      int
	rows   [][]float64
	emails []int64
	counts []counts
	err    error
}

// batch runs the replications on several workers and sums their rows up in the
// order of the replications, whoever was first. Of two models the third summary
// is the difference.
func batch(ctx context.Context, models []*Model, o Options) ([]*summary, error) {
	var sums []*summary
	for _, m := range models {
		if size := Measure(*m, o); size.Bytes > maxBytes {
			return nil, &TooBigError{size}
		}
		n, _ := points(m)
		sums = append(sums, newSummary(layout{rules: len(m.Rules), agents: len(m.Agents), points: n}))
	}
	var pairs []pair
	var diff []float64
	if len(models) == 2 {
		pairs = commonRules(models[0], models[1])
		d := newSummary(layout{rules: len(pairs), points: sums[0].layout.points})
		sums, diff = append(sums, d), make([]float64, d.layout.size())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sets := 2*o.Workers + 1 // of rows
	var (
		results = make(chan done, o.Workers)
		unused  = make(chan [][]float64, sets) // rows to write into
		tasks   = make(chan int)
		workers sync.WaitGroup
	)
	for range sets {
		rows := make([][]float64, len(models))
		for i := range rows {
			rows[i] = make([]float64, sums[i].layout.size())
		}
		unused <- rows
	}
	for range o.Workers {
		workers.Go(func() {
			var runs []*replicator
			for {
				rows := <-unused // first: whoever holds the earliest replication must not wait for the others
				n, more := <-tasks
				if !more {
					return
				}
				if runs == nil {
					for _, m := range models {
						runs = append(runs, newReplicator(m))
					}
				}
				results <- replication(ctx, runs, o.Seed, n, rows)
			}
		})
	}
	go func() {
		defer close(results)
		defer workers.Wait()
		defer close(tasks)
		for n := range o.Replications {
			if ctx.Err() != nil { // or a worker that is free might still win the choice
				return
			}
			select {
			case tasks <- n:
			case <-ctx.Done():
				return
			}
		}
	}()
	early := map[int]done{}
	var failed error
	next := 0
	for d := range results {
		if d.err != nil {
			if !errors.Is(d.err, context.Canceled) && !errors.Is(d.err, context.DeadlineExceeded) && failed == nil {
				failed = fmt.Errorf("replication %d of seed %d: %w", d.n, o.Seed, d.err)
			}
			cancel()
			unused <- d.rows
			continue
		}
		early[d.n] = d
		for {
			d, ready := early[next]
			if !ready {
				break
			}
			delete(early, next)
			for i := range models {
				sums[i].add(d.rows[i], d.emails[i], d.counts[i])
			}
			if diff != nil {
				difference(sums[2].layout, pairs, sums[0].layout, sums[1].layout, d.rows[0], d.rows[1], diff)
				sums[2].add(diff, 0, counts{})
			}
			unused <- d.rows
			next++
			if o.Progress != nil {
				o.Progress(next)
			}
		}
	}
	if failed != nil {
		return nil, failed
	}
	if next == 0 {
		return nil, context.Cause(ctx)
	}
	return sums, nil
}

// replication runs every model once with the same chances.
func replication(ctx context.Context, runs []*replicator, seed uint64, n int, rows [][]float64) done {
	d := done{n: n, rows: rows}
	for i, r := range runs {
		clear(rows[i])
		if err := r.once(ctx, seed, n, rows[i]); err != nil {
			if v := new(Violation); errors.As(err, &v) {
				err = r.trace(ctx, seed, n, v)
			}
			d.err = err
			return d
		}
		d.emails, d.counts = append(d.emails, r.emails), append(d.counts, r.counts)
	}
	return d
}

// traced is how many events come with a Violation.
const traced = 40

// trace runs a replication that failed again, and keeps what came before.
func (r *replicator) trace(ctx context.Context, seed uint64, n int, v *Violation) error {
	var last []Event
	r.engine.cfg.Observe = func(ev Event) {
		if ev.At > v.At {
			return
		}
		if len(last) == traced {
			last = last[1:]
		}
		last = append(last, ev)
	}
	err := r.once(ctx, seed, n, make([]float64, r.layout.size()))
	r.engine.cfg.Observe = nil
	if again := new(Violation); errors.As(err, &again) {
		v = again
	}
	v.Trace = last
	return v
}

// summary is the mean and the spread of each number of a row (Welford 1962).
type summary struct {
	layout layout
	n      []int
	mean   []float64
	spread []float64 // sum of squares around the mean
	done   int
	emails int64
	counts []counts
}

func newSummary(l layout) *summary {
	return &summary{layout: l, n: make([]int, l.size()), mean: make([]float64, l.size()), spread: make([]float64, l.size())}
}

func (s *summary) add(row []float64, emails int64, c counts) {
	s.done++
	s.emails += emails
	s.counts = append(s.counts, c)
	for i, x := range row {
		if x != x { // undefined in this replication
			continue
		}
		s.n[i]++
		d := x - s.mean[i]
		s.mean[i] += d / float64(s.n[i])
		s.spread[i] += d * (x - s.mean[i])
	}
}

func (s *summary) estimate(i int) Estimate {
	n := s.n[i]
	e := Estimate{Mean: math.NaN(), Low: math.NaN(), High: math.NaN(), N: n}
	if n == 0 {
		return e
	}
	e.Mean = s.mean[i]
	if n > 1 {
		half := student(n-1) * math.Sqrt(s.spread[i]/float64(n-1)/float64(n))
		e.Low, e.High = e.Mean-half, e.Mean+half
	}
	return e
}

// clears is the median of when the backlog clears, with the 95% interval that
// the order of the replications gives without any assumption (Conover, Practical
// Nonparametric Statistics, 3.2); fewer than six have none.
func (s *summary) clears() Estimate {
	var x []float64
	for _, c := range s.counts {
		if c.clears >= 0 {
			x = append(x, c.clears)
		}
	}
	n := len(x)
	e := Estimate{Mean: math.NaN(), Low: math.NaN(), High: math.NaN(), N: n}
	if n == 0 {
		return e
	}
	slices.Sort(x)
	e.Mean = (x[(n-1)/2] + x[n/2]) / 2
	// The chance that at most k of n lie below the median.
	for k, term, below := 0, math.Pow(0.5, float64(n)), 0.0; ; k++ {
		if below += term; below > 0.025 || k >= n {
			if k > 0 {
				e.Low, e.High = x[k-1], x[n-k]
			}
			return e
		}
		term *= float64(n-k) / float64(k+1)
	}
}

// student is the quantile of Student's t that leaves 2.5% above it.
func student(degrees int) float64 {
	nu := float64(degrees)
	x := mathext.InvRegIncBeta(nu/2, 0.5, 0.05)
	return math.Sqrt(nu * (1 - x) / x)
}

// upTo cuts the interval of a figure at the bounds that it has by nature: 0, and
// the most that there can be.
func (e Estimate) upTo(most float64) Estimate {
	e.Low, e.High = math.Max(e.Low, 0), math.Min(e.High, most)
	return e
}

func (s *summary) figures(rule int, name string) Figures {
	at := s.layout.rule(rule)
	return Figures{
		Rule: name, Offered: s.estimate(at + figOffered), Answered: s.estimate(at + figAnswered), Abandoned: s.estimate(at + figAbandoned),
		Waiting: s.estimate(at + figWaiting), Overdue: s.estimate(at + figOverdue), ServiceLevel: s.estimate(at + figServiceLevel), DeadlineLevel: s.estimate(at + figDeadlineLevel),
		Wait: Waits{
			Mean: s.estimate(at + figWaitMean), P50: s.estimate(at + figWaitP50), P90: s.estimate(at + figWaitP90),
			P99: s.estimate(at + figWaitP99), Max: s.estimate(at + figWaitMax),
		},
		Handle: s.estimate(at + figHandle),
	}
}

// bounded cuts every interval at what is possible.
func (f Figures) bounded() Figures {
	for _, e := range []*Estimate{&f.Offered, &f.Answered, &f.Abandoned, &f.Waiting, &f.Overdue, &f.Wait.Mean, &f.Wait.P50, &f.Wait.P90, &f.Wait.P99, &f.Wait.Max, &f.Handle} {
		*e = e.upTo(math.Inf(1))
	}
	f.ServiceLevel, f.DeadlineLevel = f.ServiceLevel.upTo(100), f.DeadlineLevel.upTo(100)
	return f
}

func (s *summary) series(at int, rule string) Series {
	out := Series{Rule: rule, Mean: make([]float64, s.layout.points), Low: make([]float64, s.layout.points), High: make([]float64, s.layout.points)}
	t := 0.0
	if s.done > 1 {
		t = student(s.done - 1)
	}
	for i := range s.layout.points {
		half := 0.0
		if s.done > 1 {
			half = t * math.Sqrt(s.spread[at+i]/float64(s.done-1)/float64(s.done))
		}
		out.Mean[i], out.Low[i], out.High[i] = s.mean[at+i], s.mean[at+i]-half, s.mean[at+i]+half
	}
	return out
}

func (s *summary) result(m *Model, o Options) Result {
	run := s.layout.run()
	r := Result{
		Start: m.Start, Horizon: m.Horizon, WarmUp: m.WarmUp, Seed: o.Seed, Replications: s.done, Asked: o.Replications,
		Partial: s.done < o.Replications, Emails: s.emails,
		All: s.figures(0, "").bounded(), Occupancy: s.estimate(run + figOccupancy).upTo(100), Slots: s.estimate(run + figSlots).upTo(100),
		Fairness: s.estimate(run + figFairness).upTo(1), Clears: s.clears(),
		Growth: s.estimate(run + figGrowth), Load: s.estimate(run + figLoad).upTo(math.Inf(1)),
	}
	bounded := func(x Series) Series {
		for i := range x.Low {
			x.Low[i] = math.Max(0, x.Low[i])
		}
		return x
	}
	r.Backlog, r.Oldest = append(r.Backlog, bounded(s.series(s.layout.backlog(0), ""))), append(r.Oldest, bounded(s.series(s.layout.oldest(0), "")))
	for i, rule := range m.Rules {
		r.Rules = append(r.Rules, s.figures(i+1, rule.Name).bounded())
		r.Backlog = append(r.Backlog, bounded(s.series(s.layout.backlog(i+1), rule.Name)))
		r.Oldest = append(r.Oldest, bounded(s.series(s.layout.oldest(i+1), rule.Name)))
	}
	for i, a := range m.Agents {
		at := s.layout.agent(i)
		r.Agents = append(r.Agents, AgentFigures{
			Agent: a.Name, Answered: s.estimate(at + figAgentAnswered).upTo(math.Inf(1)),
			Occupancy: s.estimate(at + figAgentOccupancy).upTo(100),
		})
	}
	n, every := points(m)
	for i := range n {
		r.Times = append(r.Times, m.Start.Add(time.Duration(int64(i)*every)))
	}
	// The backlog grows because it must, not because the week ends with a night.
	r.Unstable = (r.Growth.Low > 0 || r.Growth.N == 1 && r.Growth.Mean > 0) && m.short()
	return r
}
