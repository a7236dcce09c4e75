package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/routing"
)

// This file holds tests of faults that the engine had, of bad and extreme input,
// of violations, and of memory.

// logged is a config whose events are written down as "what agent@minutes".
func logged(cfg Config, log *[]string) Config {
	cfg.Observe = func(ev Event) {
		if ev.What != Entered {
			*log = append(*log, ev.What.String()+" "+string(rune('0'+ev.Email>>32))+" by "+string(rune('a'+ev.Agent))+" at "+ev.At.String())
		}
	}
	return cfg
}

func advance(t testing.TB, e *Engine, to time.Duration) {
	t.Helper()
	if err := e.Advance(to); err != nil {
		t.Fatal(err)
	}
}

// Agents who took their last email at the same instant were picked in another
// order once a need had become known, or from another list.
func TestAgentsOfOneInstantAreOrderedByWhoWasFirst(t *testing.T) {
	t.Parallel()
	for _, skills := range [][]string{nil, {"new"}} {
		var log []string
		e := New(logged(Config{
			Queues: []Queue{{Name: "q"}},
			Agents: []Agent{
				{Name: "a", Capacity: 2, Members: []Membership{{0, 1}}, Shifts: always(0)},
				{Name: "b", Capacity: 2, Members: []Membership{{0, 1}}, Shifts: always(0)},
				{Name: "c", Capacity: 2, Members: []Membership{{0, 1}}, Shifts: always(0)},
			},
		}, &log))
		advance(t, e, 0)
		for range 3 {
			e.Add(Email{Need: e.Need(0, nil, ""), Handle: time.Hour})
		}
		e.Need(0, skills, "")
		for range 3 {
			e.Add(Email{Need: e.Need(0, nil, ""), Handle: time.Hour})
		}
		log = slices.DeleteFunc(log, func(s string) bool { return !strings.HasPrefix(s, "answered") })
		want := []string{
			"answered 1 by a at 0s", "answered 2 by b at 0s", "answered 3 by c at 0s",
			"answered 4 by a at 0s", "answered 5 by b at 0s", "answered 6 by c at 0s",
		}
		if d := cmp.Diff(want, log); d != "" {
			t.Errorf("after need %v (-want +got):\n%s", skills, d)
		}
	}
}

// The first return ended the absence of an agent who had not answered a second
// email meanwhile.
func TestWhoDoesNotAnswerTwiceIsAwayAfterTheSecondTime(t *testing.T) {
	t.Parallel()
	alert := routing.Duration(10 * time.Minute)
	var log []string
	e := New(logged(Config{
		Queues:   []Queue{{Name: "q", Settings: routing.QueueSettings{Alert: &alert}}},
		Agents:   []Agent{{Name: "a", Capacity: 2, Members: []Membership{{0, 1}}, Shifts: always(0)}},
		NoAnswer: NoAnswer{Away: 30 * time.Minute, Answer: Dist{Shape: Constant, Mean: time.Hour}},
	}, &log))
	advance(t, e, 0)
	e.Add(Email{Need: e.Need(0, nil, "")})
	advance(t, e, 5*time.Minute)
	e.Add(Email{Need: e.Need(0, nil, "")})
	advance(t, e, 45*time.Minute)
	want := []string{
		"alerted 1 by a at 0s", "alerted 2 by a at 5m0s", "not answered 1 by a at 10m0s", "not answered 2 by a at 15m0s",
		"alerted 1 by a at 45m0s", "alerted 2 by a at 45m0s",
	}
	if d := cmp.Diff(want, log); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Memberships of a new config were taken for those of the queues that had the
// same places before.
func TestMembershipsFollowTheirQueuesThroughConfigure(t *testing.T) {
	t.Parallel()
	var log []string
	cfg := logged(Config{Queues: []Queue{{Name: "old"}, {Name: "kept"}}}, &log)
	e := New(cfg)
	e.Add(Email{Need: e.Need(e.Queue("old"), nil, "")})
	e.Add(Email{Need: e.Need(e.Queue("kept"), nil, "")})
	cfg.Queues = []Queue{{Name: "new"}, {Name: "kept"}}
	cfg.Agents = []Agent{{Name: "a", Capacity: 9, Members: []Membership{{1, 1}}, Shifts: always(0)}, {Name: "b", Capacity: 9, Members: []Membership{{0, 1}}, Shifts: always(0)}}
	e.Configure(cfg)
	e.Add(Email{Need: e.Need(e.Queue("new"), nil, "")})
	advance(t, e, time.Minute)
	want := []string{"alerted 2 by a at 0s", "answered 2 by a at 0s", "alerted 3 by b at 0s", "answered 3 by b at 0s", "ended 2 by a at 0s", "ended 3 by b at 0s"}
	if d := cmp.Diff(want, log); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]Membership{{1, 1}}, cfg.Agents[0].Members); d != "" {
		t.Errorf("the caller's config was changed (-want +got):\n%s", d)
	}
}

// Email in the hands of an agent whose attention was made independent never
// ended, and ended too early the other way round.
func TestEmailInHandGoesOnWhenAttentionChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to Attention
		want     []string
	}{
		"from shared to independent": {Shared, Independent, []string{"ended 1 by a at 55m0s", "ended 2 by a at 1h25m0s"}},
		"from independent to shared": {Independent, Shared, []string{"ended 1 by a at 50m0s", "ended 2 by a at 1h20m0s"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log []string
			cfg := logged(Config{
				Queues: []Queue{{Name: "q"}},
				Agents: []Agent{{Name: "a", Capacity: 2, Attention: test.from, Members: []Membership{{0, 1}}, Shifts: always(0)}},
			}, &log)
			e := New(cfg)
			advance(t, e, 0)
			e.Add(Email{Need: e.Need(0, nil, ""), Handle: 40 * time.Minute})
			e.Add(Email{Need: e.Need(0, nil, ""), Handle: 70 * time.Minute})
			advance(t, e, 30*time.Minute)
			cfg.Agents = slices.Clone(cfg.Agents)
			cfg.Agents[0].Attention = test.to
			log = nil
			e.Configure(cfg)
			advance(t, e, 10*time.Hour)
			if d := cmp.Diff(test.want, log); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestModelsThatNobodyCanServeHaveHonestAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]func(m *Model){
		"no agents":                 func(m *Model) { m.Agents = nil },
		"no room":                   func(m *Model) { m.Agents[0].Capacity = 0 },
		"a skill that nobody has":   func(m *Model) { m.Rules[0].Skills = []string{"Latin"} },
		"no shifts":                 func(m *Model) { m.Agents[0].Shifts = nil },
		"agents of no queue":        func(m *Model) { m.Agents[0].Members = nil },
		"nobody, to the last email": func(m *Model) { m.Agents, m.Drain = nil, true },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mmc(1, 10, time.Hour, 100*time.Hour)
			change(&m)
			r := run(t, m, Options{Replications: 3})
			if r.All.Answered.Mean != 0 || r.All.Waiting.Mean != r.All.Offered.Mean || r.All.Waiting.Mean < 900 || r.All.Wait.Mean.N != 0 {
				t.Errorf("%+v", r.All)
			}
			if b, err := json.Marshal(r); err != nil || !strings.Contains(string(b), `"waitSeconds":{"mean":{"mean":null`) {
				t.Errorf("%v: %s", err, b)
			}
		})
	}
}

func TestNothingArrives(t *testing.T) {
	t.Parallel()
	m := mmc(2, 0, time.Hour, 10*time.Hour)
	if r := run(t, m, Options{Replications: 3}); r.All.Offered.Mean != 0 || r.Occupancy.Mean != 0 {
		t.Errorf("rate 0: %+v", r.All)
	}
	m.Sources = nil
	if r := run(t, m, Options{Replications: 3}); r.All.Offered.Mean != 0 || r.Occupancy.Mean != 0 {
		t.Errorf("no source: %+v", r.All)
	}
}

func TestTheHighestPriorityGoesBeforeAnyAge(t *testing.T) {
	t.Parallel()
	for _, order := range []routing.Order{routing.AgeAndPriority, routing.PriorityOnly} {
		var got []int
		cfg := Config{
			Queues: []Queue{{Name: "q", Settings: routing.QueueSettings{Order: &order}}},
			Observe: func(ev Event) {
				if ev.What == Answered {
					got = append(got, ev.Rule)
				}
			},
		}
		e := New(cfg)
		need := e.Need(0, nil, "")
		const most, decade = 25_000_000, 10 * 365 * 24 * time.Hour
		for rule, m := range []Email{ // in the order in which they go
			{Priority: most, Entered: -decade},
			{Priority: most},
			{Priority: most - 1},
			{Priority: 0, Entered: -decade},
			{Priority: -most, Entered: -decade},
			{Priority: -most},
		} {
			m.Need, m.Rule, m.Handle = need, rule, time.Hour
			defer e.Add(m) // the last first
			e.Add(m)
		}
		cfg.Agents = []Agent{{Name: "a", Capacity: 1, Members: []Membership{{0, 1}}, Shifts: always(100 * time.Hour)}}
		e.Configure(cfg)
		advance(t, e, 20*time.Hour)
		if !slices.IsSorted(got) || len(got) != 6 {
			t.Errorf("%s: answered in the order %v", order, got)
		}
	}
}

func TestBacklogFromBeforeTheStartKeepsItsAge(t *testing.T) {
	t.Parallel()
	m := mmc(1, 0, time.Hour, 10*time.Hour)
	m.Sources = nil
	m.Rules[0].Handle = Dist{Shape: Constant, Mean: time.Hour}
	m.Backlog = []Waiting{{0, 24 * time.Hour}, {0, 72 * time.Hour}}
	m.Every = time.Hour
	r := run(t, m, Options{Replications: 2})
	want := []float64{seconds(float64(24 * time.Hour)), 0}
	if d := cmp.Diff(want, r.Oldest[0].Mean[:1:1], cmp.Transformer("first", func(x []float64) float64 { return x[0] })); d != "" {
		t.Errorf("oldest once the first is answered (-want +got):\n%s", d)
	}
	if got, want := r.All.Wait.Max.Mean, seconds(float64(72*time.Hour)); got != want {
		t.Errorf("longest wait %g, want %g", got, want)
	}
	if got, want := r.All.Wait.Mean.Mean, seconds(float64(72*time.Hour+25*time.Hour))/2; got != want {
		t.Errorf("mean wait %g, want %g", got, want)
	}
}

// Everything happens at the same instants: what looks at all agents or at all
// email for each of them takes minutes here.
func TestManyAtTheSameInstantAreFast(t *testing.T) {
	t.Parallel()
	const agents, days = 5000, 3
	m := mmc(agents, 0, time.Hour, days*24*time.Hour)
	m.Sources = nil
	m.Rules[0].Handle = Dist{Shape: Constant, Mean: time.Hour}
	m.Rules[0].Patience = Dist{Shape: Constant, Mean: 20 * time.Hour}
	m.Rules = append(m.Rules, m.Rules[0])
	m.Rules[1].Name, m.Rules[1].Skills = "skilled", []string{"A"}
	var trace []Arrival
	for day := range days {
		for i := range 3 * agents {
			trace = append(trace, Arrival{At: time.Duration(day*24+9) * time.Hour, Rule: i % 2})
		}
	}
	m.Sources = []Source{{Trace: trace}}
	for i := range m.Agents {
		a := &m.Agents[i]
		a.Shifts = nil
		for day := range time.Duration(days) {
			a.Shifts = append(a.Shifts, Span{day*24*time.Hour + 9*time.Hour, day*24*time.Hour + 12*time.Hour}, Span{day*24*time.Hour + 13*time.Hour, day*24*time.Hour + 17*time.Hour})
		}
		if i%2 == 0 {
			a.Skills = map[string]float64{"A": float64(i % 5)}
		}
	}
	begin := time.Now()
	r := run(t, m, Options{Replications: 1})
	if got := r.All.Answered.Mean; got != 3*agents*days {
		t.Errorf("%g answered, want %d", got, 3*agents*days)
	}
	if took := time.Since(begin); took > 20*time.Second && !underRace {
		t.Errorf("it took %s", took)
	}
}

func TestALargeBacklogIsWorkedOff(t *testing.T) {
	t.Parallel()
	m := mmc(100, 0, time.Hour, time.Hour)
	m.Sources, m.Drain = nil, true
	for i := range m.Agents {
		m.Agents[i].Shifts = always(10_000 * time.Hour)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		m.Backlog = append(m.Backlog, Waiting{0, time.Duration(r.Int64N(int64(1000 * time.Hour)))})
	}
	got := run(t, m, Options{Replications: 1})
	if got.All.Answered.Mean != 100_000 || got.Clears.Mean < 900 || got.Clears.Mean > 1100 {
		t.Errorf("answered %g, cleared after %g hours", got.All.Answered.Mean, got.Clears.Mean)
	}
}

func TestMemoryStaysBoundedWhereMostSendersGiveUp(t *testing.T) {
	t.Parallel()
	tests := map[string]func(m *Model){
		"in line":                    func(*Model) {},
		"with priorities, in a heap": func(m *Model) { m.Rules[1].Priority = 90 },
		"by priority alone": func(m *Model) {
			only := routing.PriorityOnly
			m.Queues[0].Settings.Order = &only
			m.Rules[1].Priority = 90
		},
		"in a line that is never empty": func(m *Model) {
			m.Agents = mmc(270, 0, 0, m.Horizon).Agents
		},
		"with rings": func(m *Model) {
			wait := routing.Duration(10 * time.Minute)
			m.Queues[0].Settings.Rings = &routing.Rings{{Wait: &wait}, {Wait: &wait}, {}}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mmc(1, 300, time.Hour, 1000*time.Hour)
			m.Rules = append(m.Rules, m.Rules[0])
			m.Rules[1].Name = "other"
			m.Sources[0].Mix = []Share{{0, 1}, {1, 1}}
			for i := range m.Rules {
				m.Rules[i].Patience = Dist{Shape: Exponential, Mean: time.Hour}
			}
			change(&m)
			r := newReplicator(&m)
			if err := r.once(t.Context(), 1, 0, make([]float64, r.layout.size())); err != nil {
				t.Fatal(err)
			}
			const most = 4000 // of about 300 that wait
			e := r.engine
			if n := cap(e.events.items); n > most {
				t.Errorf("calendar of %d events", n)
			}
			if n := cap(e.emails); n > most {
				t.Errorf("%d places for email", n)
			}
			for i := range e.classes {
				if n := cap(e.classes[i].line) + cap(e.classes[i].heap); n > most {
					t.Errorf("class %d has room for %d tickets", i, n)
				}
			}
		})
	}
}

// sabotaged is a model whose engine breaks with the second email that ends.
func sabotaged(sabotage func(e *Engine)) *replicator {
	m := mmc(3, 5, time.Hour, 1000*time.Hour)
	m.Rules[0].Transfer = []Transfer{{To: 0, Share: 0.01}}
	for i := range m.Agents {
		m.Agents[i].Capacity = 2
	}
	r := newReplicator(&m)
	ended := 0
	r.engine.cfg.Transferred = func(int) {
		if ended++; ended%2 == 0 {
			sabotage(r.engine)
		}
	}
	return r
}

func TestFaultsOfTheEngineAreFoundAndTraced(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sabotage func(e *Engine)
		want     string
		lasts    bool // in the run for the trace as well, which then goes another way
	}{
		"an agent does not qualify any longer": {
			func(e *Engine) { clear(e.pools[0].eligible) },
			"an agent is given email that they do not qualify for", true,
		},
		"an agent has less room than the lists say": {
			func(e *Engine) {
				for i := range e.agents {
					e.agents[i].capacity = e.agents[i].load
				}
			},
			"an agent is given more than they have room for", true,
		},
		"an agent is free and not known to be": {
			func(e *Engine) {
				e.add(&Email{})
				id := e.add(&Email{})
				e.place(id, &e.emails[id], 0)
				e.ready[0] = ^uint64(0)
			},
			"email waits while an agent who can take it is free", false,
		},
		"an email came from nowhere": {
			func(e *Engine) { e.tally.in++ },
			"flow balance: what entered is not what left and what is there", false,
		},
		"an email waits that is not there": {
			func(e *Engine) { e.tally.waiting++ },
			"the email counted is not the email there", false,
		},
		"an email left its class uncounted": {
			func(e *Engine) { e.classes = append(e.classes[:1], class{count: 1}) },
			"flow balance: the email of queues and agents is not the email there", false,
		},
		"an email waited a second that nobody saw": {
			func(e *Engine) { e.tally.waited.add(int64(time.Second), 1) },
			"Little's law", false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sabotaged(test.sabotage)
			d := replication(context.Background(), []*replicator{r}, 1, 0, [][]float64{make([]float64, r.layout.size())})
			v := new(Violation)
			if !errors.As(d.err, &v) {
				t.Fatalf("err = %v, want a Violation", d.err)
			}
			if !strings.Contains(v.What, test.want) {
				t.Errorf("%q, want %q", v.What, test.want)
			}
			if len(v.Trace) == 0 {
				t.Error("no trace")
			}
			if test.lasts {
				return
			}
			if len(v.Trace) != traced || !slices.IsSortedFunc(v.Trace, func(a, b Event) int { return int(a.At - b.At) }) || v.Trace[traced-1].At > v.At {
				t.Errorf("trace of %d events: %v", len(v.Trace), v)
			}
			if s := v.Error(); strings.Count(s, "\n") != traced || !strings.Contains(s, "of rule 0: ended, agent ") {
				t.Errorf("%s", s)
			}
		})
	}
}

func TestAViolationSaysInWhichReplication(t *testing.T) {
	t.Parallel()
	m := mmc(1, 1, time.Hour, 10*time.Hour)
	m.Voice = Voice{PerHour: 1, Handle: Dist{Shape: Constant, Mean: -time.Hour}} // no sound model
	_, err := Run(t.Context(), m, Options{Replications: 3, Seed: 7})
	if v := new(Violation); errors.As(err, &v) && !strings.Contains(err.Error(), "of seed 7") {
		t.Errorf("err = %v", err)
	}
}

func TestMemoryOfRecordedEmail(t *testing.T) {
	t.Parallel()
	m := many(20, 100, time.Hour, 1000*time.Hour) // all of it waits
	r := newReplicator(&m)
	if err := r.once(t.Context(), 1, 0, make([]float64, r.layout.size())); err != nil {
		t.Fatal(err)
	}
	recorded, room := 0, cap(r.scratch)
	for i := range r.engine.tally.rules {
		recorded += len(r.engine.tally.rules[i].waits)
		room += cap(r.engine.tally.rules[i].waits)
	}
	if recorded < 50_000 || 8*room > 32*recorded {
		t.Errorf("%d bytes for %d recorded emails, want at most 32 each", 8*room, recorded)
	}
	t.Logf("%.1f bytes an email", 8*float64(room)/float64(recorded))
}

func TestNoAllocationPerEmailOnceWarm(t *testing.T) { //nolint:paralleltest // it counts the allocations of the whole process
	make1 := func(horizon time.Duration) func() {
		m := many(20, 95, time.Hour, horizon)
		wait := routing.Duration(time.Hour)
		m.Queues[0].Settings.Rings = &routing.Rings{{Wait: &wait, Drop: []routing.Ref{{Name: "A"}}}, {}}
		m.Voice = Voice{PerHour: 0.1, Handle: Dist{Shape: LogNormal, Mean: time.Minute, CV: 1}}
		m.NoAnswer = NoAnswer{Share: 0.1, Away: time.Minute, Answer: Dist{Shape: Exponential, Mean: time.Minute}}
		for i := range m.Rules {
			m.Rules[i].Patience = Dist{Shape: Exponential, Mean: 3 * time.Hour}
			m.Rules[i].WrapUp = Dist{Shape: Gamma, Mean: time.Minute, CV: 0.5}
			m.Rules[i].Replies, m.Rules[i].Transfer = 0.3, []Transfer{{To: 0, Share: 0.1}}
		}
		m.Agents[0].Attention = Shared
		r := newReplicator(&m)
		row := make([]float64, r.layout.size())
		return func() {
			if err := r.once(context.Background(), 1, 0, row); err != nil {
				t.Fatal(err)
			}
		}
	}
	short, long := testing.AllocsPerRun(3, make1(20*time.Hour)), testing.AllocsPerRun(3, make1(400*time.Hour))
	if short != long || long > 5 {
		t.Errorf("%g allocations with 1,900 emails and %g with 38,000", short, long)
	}
}
