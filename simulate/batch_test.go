package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
)

// dist draws a distribution of times with a mean of up to so many seconds.
func (w *world) dist(name string, seconds int) Dist {
	d := Dist{Shape: Shape(w.number(name, int(Constant), int(Empirical))), Mean: w.span("mean", 1, seconds), CV: float64(w.number("cv", 1, 30)) / 10}
	if d.Shape == Empirical {
		for range w.number("values", 1, 5) {
			d.Values = append(d.Values, w.span("value", 0, seconds))
		}
	}
	return d
}

// model draws a model that is sound, of up to half a day.
func (w *world) model() Model {
	cfg := w.config()
	m := Model{
		Start: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Horizon: pick(w, "horizon", 5*time.Hour, 10*time.Hour, time.Hour+time.Second), Queues: cfg.Queues, Agents: cfg.Agents,
		Voice: cfg.Voice, NoAnswer: cfg.NoAnswer, Unfinished: cfg.Unfinished, Drain: w.chance("drain", 3),
	}
	for i := range m.Queues {
		if s := &m.Queues[i].Settings; w.chance("target", 2) {
			s.ServiceLevel = &routing.ServiceLevel{Percent: 80, Within: routing.Duration(w.span("target", 1, 1200))}
		}
	}
	for i := range m.Agents {
		if w.chance("always", 2) {
			m.Agents[i].Shifts = always(m.Horizon)
		}
	}
	if w.chance("warm-up", 3) {
		m.WarmUp = m.Horizon / 3
	}
	if w.chance("hours", 3) {
		m.Open = []Span{{-time.Hour, 0}, {time.Hour, 2 * time.Hour}, {3 * time.Hour, 9 * time.Hour}}
	}
	rules := w.number("rules", 1, 4)
	for i := range rules {
		e := w.email(queueNames[:1])
		r := Rule{
			Name: fmt.Sprint("rule ", i), Queue: w.number("queue", 0, len(m.Queues)-1), Priority: e.email.Priority, Skills: e.skills, Language: e.language,
			Handle: w.dist("handle", 1200),
		}
		if w.chance("wrap-up", 3) {
			r.WrapUp = w.dist("wrap-up", 120)
		}
		if w.chance("patience", 3) {
			r.Patience = w.dist("patience", 3600)
		}
		if w.chance("replies", 3) {
			r.Replies = 0.5
		}
		if w.chance("deadline", 3) {
			r.Deadline = w.span("deadline", 60, 7200)
		}
		if w.chance("transfer", 3) {
			r.Transfer = []Transfer{{To: -1, Share: 0.1}, {To: w.number("to", 0, rules-1), Share: 0.3}}
		}
		m.Rules = append(m.Rules, r)
	}
	m.Days = []time.Duration{0, 4 * time.Hour}
	if w.chance("busyness", 3) {
		m.Busyness = 0.3
	}
	for range w.number("sources", 0, 3) {
		s := Source{}
		for i := range m.Rules {
			if i == 0 || w.chance("in mix", 2) {
				s.Mix = append(s.Mix, Share{i, float64(w.number("weight", 1, 9))})
			}
		}
		switch w.number("source", 0, 2) {
		case 0:
			half := m.Horizon / 2
			s.Rates = []Rate{{Span: Span{0, half}, PerHour: float64(w.number("rate", 1, 60))}, {Span: Span{half, m.Horizon}, PerHour: float64(w.number("rate", 1, 60)), Day: 1}}
		case 1:
			at := time.Duration(0)
			for range w.number("trace", 1, 20) {
				at += w.span("gap", 0, 1200)
				s.Trace = append(s.Trace, Arrival{At: at, Rule: w.number("rule", -1, rules-1), Handle: pick(w, "handle", 0, time.Minute)})
			}
		case 2:
			for range 2 {
				var day []Arrival
				at := time.Duration(0)
				for range w.number("history", 0, 10) {
					at += w.span("gap", 0, 600)
					day = append(day, Arrival{At: at, Rule: -1})
				}
				s.History = append(s.History, day)
			}
			s.Pick = [][]int{{0, 1}, {1}}
		}
		m.Sources = append(m.Sources, s)
	}
	for range w.number("backlog", 0, 6) {
		m.Backlog = append(m.Backlog, Waiting{Rule: w.number("rule", 0, rules-1), Age: w.span("age", 0, 7200)})
	}
	return m
}

func run(t rapid.TB, m Model, o Options) Result {
	t.Helper()
	r, err := Run(context.Background(), m, o)
	if err != nil {
		t.Fatalf("%v\nmodel %+v", err, m)
	}
	return r
}

func asJSON(t rapid.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSameSeedSameBytesAtAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{T: rt}
		m := w.model()
		b := m
		b.Rules = slices.Clone(m.Rules)
		b.Rules[0].Priority++
		b.Agents = m.Agents[:len(m.Agents)/2]
		o := Options{Replications: 6, Seed: rapid.Uint64().Draw(rt, "seed"), Workers: 1}
		first := asJSON(rt, run(rt, m, o))
		one, err := Compare(context.Background(), m, b, o)
		if err != nil {
			rt.Fatal(err)
		}
		for _, o.Workers = range []int{1, 2, 5} {
			if d := cmp.Diff(first, asJSON(rt, run(rt, m, o))); d != "" {
				rt.Fatalf("run with %d workers (-1 +%[1]d):\n%s", o.Workers, d)
			}
			again, err := Compare(context.Background(), m, b, o)
			if err != nil {
				rt.Fatal(err)
			}
			if d := cmp.Diff(asJSON(rt, one), asJSON(rt, again)); d != "" {
				rt.Fatalf("comparison with %d workers (-1 +%[1]d):\n%s", o.Workers, d)
			}
		}
		if d := cmp.Diff(first, asJSON(rt, one.A)); d != "" {
			rt.Fatalf("the first of a comparison is another than alone (-alone +compared):\n%s", d)
		}
		if d := cmp.Diff(asJSON(rt, run(rt, b, o)), asJSON(rt, one.B)); d != "" {
			rt.Fatalf("the second of a comparison is another than alone (-alone +compared):\n%s", d)
		}
	})
}

func TestWhatEntersLeavesOrIsThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{T: rt}
		m := w.model()
		r := newReplicator(&m)
		row := make([]float64, r.layout.size())
		if err := r.once(context.Background(), 1, 0, row); err != nil {
			rt.Fatalf("%v\nmodel %+v", err, m)
		}
		e := r.engine
		sum := make([]float64, perRule)
		for i := range m.Rules {
			x, at := e.tally.rules[i], r.layout.rule(i+1)
			waiting, inHand := 0, int64(0)
			for k := range e.emails {
				if m := &e.emails[k]; int(m.rule) == i && e.tally.counts(m) {
					switch m.state {
					case waits, alerts:
						waiting++
					case handled, rests:
						inHand++
					case gone:
					}
				}
			}
			if x.offered != x.answered+x.abandoned+int64(waiting) || x.answered != x.ended+inHand {
				rt.Fatalf("rule %d: %+v with %d waiting and %d in hand", i, x, waiting, inHand)
			}
			if got := row[at+figWaiting]; got != float64(waiting) {
				rt.Fatalf("rule %d: %g wait, want %d", i, got, waiting)
			}
			for f := figOffered; f <= figWaiting; f++ {
				sum[f] += row[at+f]
			}
			if last := row[r.layout.backlog(i+1)+r.layout.points-1]; m.WarmUp == 0 && !m.Drain && m.Horizon%time.Duration(r.every) == 0 && last != float64(waiting) {
				rt.Fatalf("rule %d: backlog at the end is %g, want %d", i, last, waiting)
			}
		}
		if d := cmp.Diff(sum[:figWaiting+1], row[:figWaiting+1]); d != "" {
			rt.Fatalf("all is not the sum of the rules (-sum +all):\n%s", d)
		}
	})
}

func TestAPartialResultIsThatOfAShorterRun(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{T: rt}
		m := w.model()
		stop := w.number("stop", 1, 7)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		got, err := Run(ctx, m, Options{Replications: 40, Workers: w.number("workers", 1, 4), Progress: func(done int) {
			if done == stop {
				cancel()
			}
		}})
		if err != nil {
			rt.Fatal(err)
		}
		want := run(rt, m, Options{Replications: got.Replications})
		if got.Partial != (got.Replications < 40) || got.Asked != 40 || got.Replications < stop {
			rt.Fatalf("partial %t after %d of %d", got.Partial, got.Replications, got.Asked)
		}
		got.Partial, got.Asked = false, want.Asked
		if d := cmp.Diff(asJSON(rt, want), asJSON(rt, got)); d != "" {
			rt.Fatalf("-run of %d +cancelled:\n%s", got.Replications, d)
		}
	})
}

func TestALongerRunBeginsWithTheShorterOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := (&world{T: rt}).model()
		short, err := batch(context.Background(), []*Model{&m}, Options{Replications: 3, Workers: 1})
		if err != nil {
			rt.Fatal(err)
		}
		long, err := batch(context.Background(), []*Model{&m}, Options{Replications: 7, Workers: 3})
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(short[0].counts, long[0].counts[:3], cmp.AllowUnexported(counts{}), cmpopts.EquateEmpty()); d != "" {
			rt.Fatalf("-short +long:\n%s", d)
		}
	})
}

func TestACancelledRunWithNothingDoneIsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := mmc(2, 1, time.Hour, 10*time.Hour)
	if _, err := Run(ctx, m, Options{Replications: 5}); !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v, want %v", err, context.Canceled)
	}
}

// nameless is a result without the names of rules.
func nameless(r Result) Result {
	for i := range r.Rules {
		r.Rules[i].Rule, r.Backlog[i+1].Rule, r.Oldest[i+1].Rule = "", "", ""
	}
	return r
}

func TestWhatMustNotMatterDoesNot(t *testing.T) {
	t.Parallel()
	rename := func(s string) string { return string('Z' - (s[0] - 'A')) }
	tests := map[string]func(w *world, m, b *Model){
		"names of rules and skills": func(_ *world, m, b *Model) {
			for i := range b.Rules {
				b.Rules[i].Name = "another " + b.Rules[i].Name
				b.Rules[i].Skills = nil
				for _, s := range m.Rules[i].Skills {
					b.Rules[i].Skills = append(b.Rules[i].Skills, rename(s))
				}
			}
			for i := range b.Agents {
				b.Agents[i].Name = "another " + b.Agents[i].Name
				b.Agents[i].Skills = map[string]float64{}
				for s, level := range m.Agents[i].Skills {
					b.Agents[i].Skills[rename(s)] = level
				}
			}
			for i := range b.Queues {
				if m.Queues[i].Settings.Rings == nil {
					continue
				}
				rings := slices.Clone(*m.Queues[i].Settings.Rings)
				for k := range rings {
					rings[k].Drop = nil
					for _, d := range (*m.Queues[i].Settings.Rings)[k].Drop {
						rings[k].Drop = append(rings[k].Drop, routing.Ref{Name: rename(d.Name)})
					}
				}
				b.Queues[i].Settings.Rings = &rings
			}
		},
		"the same head start for all": func(w *world, _, b *Model) {
			shift := w.number("shift", -1000, 1000)
			for i := range b.Rules {
				b.Rules[i].Priority += shift
			}
		},
		"agents who qualify for nothing, at the end": func(_ *world, m, b *Model) {
			m.Voice, b.Voice = Voice{}, Voice{} // whose calls come from one stream
			m.Drain, b.Drain = false, false     // which goes on until the last shift ends
			b.Agents = append(b.Agents, Agent{Name: "new here", Capacity: 5, Skills: map[string]float64{"A": 5}, Shifts: always(m.Horizon)})
			b.Agents = append(b.Agents, Agent{Name: "no room", Shifts: always(m.Horizon)})
		},
		"the order, where all have one priority": func(_ *world, m, b *Model) {
			only, age := routing.PriorityOnly, routing.AgeAndPriority
			for i := range m.Rules {
				m.Rules[i].Priority, b.Rules[i].Priority = 7, 7
			}
			for i := range m.Queues {
				m.Queues[i].Settings.Order, b.Queues[i].Settings.Order = &age, &only
			}
		},
		"a skill that everybody has and every email asks for": func(_ *world, m, b *Model) {
			all := routing.AllSkills
			for i := range m.Queues {
				m.Queues[i].Settings.Agents, b.Queues[i].Settings.Agents = &all, &all
			}
			for i := range b.Rules {
				b.Rules[i].Skills = append(slices.Clone(b.Rules[i].Skills), "reads")
			}
			for i := range b.Agents {
				skills := map[string]float64{"reads": 1}
				maps.Copy(skills, m.Agents[i].Skills)
				b.Agents[i].Skills = skills
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				w := &world{T: rt}
				m := w.model()
				b := m
				b.Rules, b.Queues, b.Agents = slices.Clone(m.Rules), slices.Clone(m.Queues), slices.Clone(m.Agents)
				change(w, &m, &b)
				o := Options{Replications: 2, Seed: 3, Workers: 1}
				x, y := nameless(run(rt, m, o)), nameless(run(rt, b, o))
				for _, part := range [][2]any{{x.All, y.All}, {x.Rules, y.Rules}, {x.Backlog, y.Backlog}, {x.Oldest, y.Oldest}, {x.Clears, y.Clears}} {
					if d := cmp.Diff(asJSON(rt, part[0]), asJSON(rt, part[1])); d != "" {
						rt.Fatalf("model %+v\n%s", m, d)
					}
				}
			})
		})
	}
}

func FuzzRun(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		w := &world{T: t}
		run(t, w.model(), Options{Replications: 2, Workers: 1})
		cfg := w.config()
		deeds, again := w.deeds(cfg)
		runEngine(t, cfg, deeds, again)
	}))
}

func TestAModelComparedWithItselfShowsNoDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := (&world{T: rt}).model()
		c, err := Compare(context.Background(), m, m, Options{Replications: 3, Workers: 2})
		if err != nil {
			rt.Fatal(err)
		}
		zero := func(name string, x Estimate) {
			if x.N > 0 && (x.Mean != 0 || x.N > 1 && (x.Low != 0 || x.High != 0)) {
				rt.Fatalf("%s: %+v", name, x)
			}
		}
		for _, f := range append(slices.Clone(c.Rules), c.All) {
			for name, x := range map[string]Estimate{
				"offered": f.Offered, "answered": f.Answered, "abandoned": f.Abandoned, "waiting": f.Waiting, "service level": f.ServiceLevel,
				"deadline level": f.DeadlineLevel, "mean": f.Wait.Mean, "p50": f.Wait.P50, "p90": f.Wait.P90, "p99": f.Wait.P99, "max": f.Wait.Max, "handle": f.Handle,
			} {
				zero(name, x)
			}
		}
		zero("occupancy", c.Occupancy)
		zero("fairness", c.Fairness)
		for _, s := range c.Backlog {
			for _, x := range slices.Concat(s.Mean, s.Low, s.High) {
				zero("backlog", Estimate{Mean: x, N: 1})
			}
		}
	})
}

func TestMoreThanCanBeServedIsUnstable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		agents  int
		perHour float64
		days    time.Duration
		growth  float64 // by formula
		want    bool
	}{
		"41 an hour too many":                   {10, 51, 10, 41, true},
		"a tenth too many, in one day":          {10, 11, 1, 1, true},
		"as much as can just be served, nearly": {10, 9.5, 10, 0, false},
		"half of what can be served":            {10, 5, 10, 0, false},
		"half of what can be served, one day":   {10, 5, 1, 0, false},
		"nobody":                                {0, 3, 10, 3, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, mmc(test.agents, test.perHour, time.Hour, test.days*24*time.Hour), Options{Replications: 200, Seed: 1})
			if r.Unstable != test.want {
				t.Errorf("unstable is %t, want %t: growth %+v, load %+v", r.Unstable, test.want, r.Growth, r.Load)
			}
			if half := r.Growth.High - r.Growth.Mean; test.want && (r.Growth.Mean < test.growth-2*half || r.Growth.Mean > test.growth+2*half) {
				t.Errorf("growth is %+v, want %g", r.Growth, test.growth)
			}
		})
	}
}

func TestWhatCannotBeRunIsRefused(t *testing.T) {
	t.Parallel()
	m := mmc(1, 1, time.Hour, 10*time.Hour)
	other := m
	other.Horizon *= 2
	if _, err := Compare(t.Context(), m, other, Options{}); err == nil || err.Error() != "two models can only be compared over the same span of time" {
		t.Errorf("two horizons: %v", err)
	}
	m.Sources[0].Rates[0].PerHour = 1e12
	_, err := Run(t.Context(), m, Options{})
	if big := new(TooBigError); !errors.As(err, &big) || big.Size.Emails != 1e13 {
		t.Errorf("10 million million emails: %v", err)
	}
	if _, err := Compare(t.Context(), m, m, Options{}); !errors.As(err, new(*TooBigError)) {
		t.Errorf("compared: %v", err)
	}
}

func TestPointsAreAtMostTwoThousand(t *testing.T) {
	t.Parallel()
	m := mmc(1, 1, time.Hour, 10*365*24*time.Hour)
	for _, m.Every = range []time.Duration{0, 1, time.Second, time.Hour, 1000 * time.Hour} {
		if n, every := points(&m); n > 2000 || n != int(int64(m.Horizon)/every)+1 || every < int64(m.Every) {
			t.Errorf("every %s: %d points, %s apart", m.Every, n, time.Duration(every))
		}
	}
	if n, _ := points(&m); n < 80 {
		t.Errorf("%d points", n)
	}
}
