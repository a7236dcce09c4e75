package scenario_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
	"github.com/foresort/foresort/strategy"
)

// support is the strategy of the examples, compiled.
func support(t testing.TB) routing.Desired {
	t.Helper()
	src, err := os.ReadFile("../examples/support.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, problems := strategy.Parse("support.yaml", src)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s.Desired()
}

func TestTheExampleFitsTheExampleOfAStrategy(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("../examples/scenario.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, problems := scenario.Parse("scenario.yaml", src, nil)
	if len(problems) > 0 {
		t.Fatalf("%s", problems.Text())
	}
	formatted, err := scenario.Format("scenario.yaml", src)
	if err != nil || string(formatted) != string(src) {
		t.Errorf("the example is not in its usual form (%v):\n%s", err, formatted)
	}
	m, problems := s.Model(support(t))
	if len(problems) > 0 {
		t.Fatalf("%s", problems.Text())
	}
	if len(m.Agents) != 14 || len(m.Rules) != 2 || len(m.Backlog) != 122 || len(m.Days) != 5 || m.Horizon != 5*24*time.Hour || len(m.Open) != 11 {
		t.Errorf("%d agents, %d rules, %d emails wait, %d days, %s, open %d times", len(m.Agents), len(m.Rules), len(m.Backlog), len(m.Days), m.Horizon, len(m.Open))
	}
	emails := 0.0
	for _, r := range m.Sources[0].Rates {
		if r.Day == 1 {
			emails += r.PerHour * (r.To - r.From).Hours()
		}
	}
	if emails < 380 || emails > 420 {
		t.Errorf("%.0f emails on Tuesday, want about 400", emails)
	}
}

// whole is a scenario with every key, also unquoted hours as keys.
const whole = `version: 1
name: week
start: 2026-11-30 06:00
timezone: Europe/Berlin
days: 2
warmUp: 6h
drain: true
arrivals:
  - rule: vip
    rate: 30
  - mix: { vip: 1, standard: 3 }
    rates:
      mon-fri: { 08:00-12:00: 40, "22:00-02:00": 2.5 }
      sat,sun:
        09:00-13:00: 5
  - trace: emails.csv
  - { rule: standard, history: past.json }
busyness: 0.15
backlog:
  - { rule: standard, count: 3, oldest: 14h, newest: 2h }
  - { rule: vip, count: 1, oldest: 1h }
handle: { mean: 6m, cv: 0.8, shape: lognormal }
wrapUp: { mean: 1m, shape: exponential }
rules:
  vip:
    handle: { values: [3m, 5m, 12m] }
    wrapUp: { mean: 2m, shape: constant }
    patience: { mean: 48h, cv: 0.5, shape: gamma }
    replies: 0.3
    transfer: [{ to: standard, share: 0.1 }, { to: elsewhere, share: 0.2 }]
agents:
  - name: Ada
    count: 2
    skills: { Billing: 4 }
    languages: { English: 5 }
    capacity: 3
    attention: shared
    speed: 1.1
    ring: 2
    shifts: { mon-fri: 08:00-16:30 }
    breaks: { mon-fri: [12:00-12:30] }
    off: [2026-12-01]
  - name: Bob
    groups: [Back Office]
    shifts: { mon: [22:00-06:00], tue: 08:00-10:00 }
  - name: Cem
    off: [2026-12-01]
voice: { perHour: 2, handle: { mean: 5m } }
noAnswer: { share: 0.02, away: 10m, answer: { mean: 20s } }
unfinished: park
every: 15m
`

// files are those that the whole scenario names.
var files = map[string]string{
	"emails.csv": "at,rule,handle\n2026-11-30 05:59,vip,3m\n2026-11-30 06:00:30,vip,90\n2026-11-30T09:00:00+01:00,standard,\n2026-12-02 06:00,standard,\n",
	"past.json": `[
  { "at": "2026-11-23 05:00" },
  { "at": "2026-11-23 07:00", "handle": 60 },
  { "at": "2026-11-24 08:00", "rule": "vip", "handle": "2m" },
  { "at": "2026-11-30 12:00" }
]`,
}

func readFile(name string) ([]byte, error) {
	if text, ok := files[name]; ok {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

func TestEveryKeyComesToTheModel(t *testing.T) {
	t.Parallel()
	s, problems := scenario.Parse("s.yaml", []byte(whole), readFile)
	if len(problems) > 0 {
		t.Fatal(problems.Text())
	}
	want := support(t)
	m, problems := s.Model(want)
	if text := problems.Error(); text != "s.yaml:16:12: warning: arrivals[2].trace: 2 of its 4 emails are before the start or after the end and are left out" {
		t.Error(text)
	}
	const h, min = time.Hour, time.Minute
	span := func(from, to time.Duration) simulate.Span { return simulate.Span{From: from, To: to} }
	ada := simulate.Agent{
		Name: "Ada 1", Skills: map[string]float64{"Billing": 4}, Languages: map[string]float64{"English": 5}, Capacity: 3, Attention: simulate.Shared, Speed: 1.1,
		Members: []simulate.Membership{{Queue: 0, Ring: 2}}, Shifts: []simulate.Span{span(2*h, 6*h), span(6*h+30*min, 10*h+30*min)},
	}
	second := ada
	second.Name = "Ada 2"
	m.Agents[0].Shifts, m.Agents[1].Shifts, m.Agents[2].Shifts = m.Agents[0].Shifts[:2], m.Agents[1].Shifts[:2], m.Agents[2].Shifts[:2] // the rest is after the end
	m.Agents[3].Shifts = m.Agents[3].Shifts[:1]
	m.Open = m.Open[:2]
	past := [][]simulate.Arrival{7: {{At: 12 * h, Rule: -1}}}
	past[0] = []simulate.Arrival{{At: 5 * h, Rule: -1}, {At: 7 * h, Rule: -1, Handle: min}}
	past[1] = []simulate.Arrival{{At: 8 * h, Rule: 0, Handle: 2 * min}}
	wanted := simulate.Model{
		Start: time.Date(2026, 11, 30, 6, 0, 0, 0, want.Calendar.Location), Horizon: 48 * h, WarmUp: 6 * h, Drain: true,
		Queues: []simulate.Queue{{Name: "Support Email", Settings: want.Queue.Settings}},
		Rules: []simulate.Rule{
			{
				Name: "vip", Priority: 240, Skills: []string{"Billing"}, Language: "English", Deadline: h,
				Handle: simulate.Dist{Shape: simulate.Empirical, Values: []time.Duration{3 * min, 5 * min, 12 * min}}, WrapUp: simulate.Dist{Shape: simulate.Constant, Mean: 2 * min},
				Patience: simulate.Dist{Shape: simulate.Gamma, Mean: 48 * h, CV: 0.5}, Replies: 0.3,
				Transfer: []simulate.Transfer{{To: 1, Share: 0.1}, {To: -1, Share: 0.2}},
			},
			{
				Name: "standard", Skills: []string{"Billing"},
				Handle: simulate.Dist{Shape: simulate.LogNormal, Mean: 6 * min, CV: 0.8}, WrapUp: simulate.Dist{Shape: simulate.Exponential, Mean: min},
			},
		},
		Agents: []simulate.Agent{
			ada, second,
			{Name: "Bob", Capacity: 1, Members: []simulate.Membership{{Ring: 3}}, Shifts: []simulate.Span{span(16*h, 24*h), span(26*h, 28*h)}},
			{Name: "Cem", Capacity: 1, Members: []simulate.Membership{{Ring: 1}}, Shifts: []simulate.Span{span(0, 18*h)}},
		},
		Sources: []simulate.Source{
			{Mix: []simulate.Share{{Rule: 0, Weight: 1}}, Rates: []simulate.Rate{
				{Span: span(0, 18*h), PerHour: 30}, {Span: span(18*h, 42*h), PerHour: 30, Day: 1}, {Span: span(42*h, 48*h), PerHour: 30, Day: 2},
			}},
			{Mix: []simulate.Share{{Rule: 0, Weight: 1}, {Rule: 1, Weight: 3}}, Rates: []simulate.Rate{
				{Span: span(2*h, 6*h), PerHour: 40},
				{Span: span(16*h, 18*h), PerHour: 2.5},
				{Span: span(18*h, 20*h), PerHour: 2.5, Day: 1},
				{Span: span(26*h, 30*h), PerHour: 40, Day: 1},
				{Span: span(40*h, 42*h), PerHour: 2.5, Day: 1},
				{Span: span(42*h, 44*h), PerHour: 2.5, Day: 2},
			}},
			{Trace: []simulate.Arrival{{At: 30 * time.Second, Rule: 0, Handle: 90 * time.Second}, {At: 3 * h, Rule: 1}}},
			{
				Mix:     []simulate.Share{{Rule: 1, Weight: 1}},
				History: append(past, []simulate.Arrival{{At: 7 * h, Rule: -1, Handle: min}}), // Monday without what is before the start
				Pick:    [][]int{{8, 7}, {1}, {2}},
			},
		},
		Busyness: 0.15,
		Days:     []time.Duration{-6 * h, 18 * h, 42 * h},
		Backlog:  []simulate.Waiting{{Rule: 1, Age: 14 * h}, {Rule: 1, Age: 8 * h}, {Rule: 1, Age: 2 * h}, {Rule: 0, Age: h}},
		Open:     []simulate.Span{span(2*h, 6*h), span(7*h, 12*h)},
		Voice:    simulate.Voice{PerHour: 2, Handle: simulate.Dist{Shape: simulate.Exponential, Mean: 5 * min}},
		NoAnswer: simulate.NoAnswer{
			Share: 0.02, Away: 10 * min, Answer: simulate.Dist{Shape: simulate.Exponential, Mean: 20 * time.Second},
		},
		Unfinished: simulate.Park,
		Every:      15 * min,
	}
	if d := cmp.Diff(wanted, m, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if again, _ := s.Model(want); cmp.Diff(again.Sources, m.Sources) != "" {
		t.Error("the second model is another")
	}
}

// The clock on the wall rules: shifts around the hour that is left out or comes
// twice are shorter or longer, in zones on both sides of Greenwich.
func TestShiftsFollowTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	const h = time.Hour
	tests := map[string]struct {
		zone, start, shifts string
		want                []time.Duration // from and to, in hours after the start
		horizon             time.Duration
	}{
		"an ordinary night":             {"Europe/Berlin", "2026-03-27", "fri: 22:00-06:00", []time.Duration{22 * h, 30 * h}, 48 * h},
		"the night before":              {"Europe/Berlin", "2026-03-28", "fri: 22:00-06:00", []time.Duration{0, 6 * h}, 47 * h},
		"the short night":               {"Europe/Berlin", "2026-03-28", "sat: 22:00-06:00", []time.Duration{22 * h, 29 * h}, 47 * h},
		"the long night":                {"Europe/Berlin", "2026-10-24", "sat: 22:00-06:00", []time.Duration{22 * h, 31 * h}, 49 * h},
		"the day after the short night": {"Europe/Berlin", "2026-03-28", "sun: 08:00-12:00", []time.Duration{31 * h, 35 * h}, 47 * h},
		"from an hour that is left out": {"Europe/Berlin", "2026-03-28", "sun: 02:30-04:00", []time.Duration{26 * h, 27 * h}, 47 * h},
		"to an hour that is left out":   {"America/New_York", "2026-03-07", "sun: [01:00-02:30, 02:30-04:00]", []time.Duration{25 * h, 26 * h, 26 * h, 27 * h}, 47 * h},
		"only an hour that is left out": {"Europe/Berlin", "2026-03-28", "sun: [02:00-03:00, 05:00-06:00]", []time.Duration{28 * h, 29 * h}, 47 * h},
		"a zone of half hours":          {"Asia/Kolkata", "2026-03-28", "sat: 22:00-06:00", []time.Duration{22 * h, 30 * h}, 48 * h},
		"a whole day":                   {"Europe/Berlin", "2026-10-25", "sun: 00:00-24:00", []time.Duration{0, 25 * h}, 49 * h},
		"the end cuts":                  {"Europe/Berlin", "2026-11-24", "wed: 22:00-06:00", []time.Duration{46 * h, 48 * h}, 48 * h},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := "version: 1\nstart: " + tt.start + "\ntimezone: " + tt.zone + "\ndays: 2\nhandle: { mean: 6m }\narrivals: [{ rule: standard, rate: 1 }]\n" +
				"agents: [{ name: Ada, skills: { Billing: 1 }, shifts: { " + tt.shifts + " } }]\n"
			s, problems := scenario.Parse("s.yaml", []byte(src), nil)
			if len(problems) > 0 {
				t.Fatal(problems.Text())
			}
			m, problems := s.Model(support(t))
			if len(problems) > 0 {
				t.Fatal(problems.Text())
			}
			var got []time.Duration
			for _, x := range m.Agents[0].Shifts {
				got = append(got, x.From, x.To)
			}
			if d := cmp.Diff(tt.want, got); d != "" || m.Horizon != tt.horizon {
				t.Errorf("horizon %s; shifts (-want +got):\n%s", m.Horizon, d)
			}
		})
	}
}

// An hour that comes twice in a trace of the clock on the wall is in order.
func TestATraceThroughTheNightInOctober(t *testing.T) {
	t.Parallel()
	trace := "at\n2026-10-25 02:30\n2026-10-25 02:50\n2026-10-25 02:10\n2026-10-25 02:40\n2026-10-25 03:00\n"
	const src = "version: 1\nstart: 2026-10-25\ntimezone: Europe/Berlin\ndays: 1\nhandle: { mean: 6m }\narrivals: [{ rule: standard, trace: t.csv }]\nagents: [{ name: Ada, skills: { Billing: 1 } }]\n"
	s, problems := scenario.Parse("s.yaml", []byte(src), func(string) ([]byte, error) { return []byte(trace), nil })
	if len(problems) > 0 {
		t.Fatal(problems.Text())
	}
	m, problems := s.Model(support(t))
	if len(problems) > 0 {
		t.Fatal(problems.Text())
	}
	var got []time.Duration
	for _, a := range m.Sources[0].Trace {
		got = append(got, a.At)
	}
	const h, min = time.Hour, time.Minute
	if d := cmp.Diff([]time.Duration{2*h + 30*min, 2*h + 50*min, 3*h + 10*min, 3*h + 40*min, 4 * h}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// What the strategy says decides who is a member of what, and how much they
// take.
func TestTheStrategyDecidesRingsAndCapacity(t *testing.T) {
	t.Parallel()
	const agents = "agents:\n  - { name: Ada, capacity: 2 }\n  - { name: Bob, groups: [Second, First] }\n  - { name: Cem, groups: [Third] }\n"
	tests := map[string]struct {
		src      string
		rings    []int
		capacity []int
		warnings int
	}{
		"nothing":        {"", []int{1, 0, 0}, []int{2, 1, 1}, 2},
		"members":        {"members: { groups: [Second] }\n", []int{1, 1, 0}, []int{2, 1, 1}, 1},
		"rings":          {"relax: [{ after: 1h, add: First }, { after: 2h, add: [Second, Third] }]\n", []int{1, 2, 3}, []int{2, 1, 1}, 0},
		"a capacity":     {"members: { groups: [First, Third] }\ncapacity: { email: 5 }\n", []int{1, 1, 1}, []int{5, 5, 5}, 1},
		"longest idle":   {"members: { groups: [First, Third] }\nagents: longest-idle\n", []int{1, 1, 1}, []int{2, 1, 1}, 0},
		"skills dropped": {"members: { groups: [First, Third] }\nrelax: [{ after: 1h, drop: Gold }]\n", []int{1, 1, 1}, []int{2, 1, 1}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule := "{ name: r }"
			if name == "longest idle" || name == "skills dropped" {
				rule = "{ name: r, skills: [Gold] }"
			}
			st, problems := strategy.Parse("st.yaml", []byte("version: 1\nname: s\nqueue: Q\naddresses: [{ address: a@b.example, rule: r, from: F }]\nrules: ["+rule+"]\n"+tt.src))
			if problems.Err() != nil {
				t.Fatal(problems.Text())
			}
			s, problems := scenario.Parse("s.yaml", []byte("version: 1\nstart: 2026-11-30\nhorizon: 12h\nhandle: { mean: 6m }\narrivals: [{ rule: r, rate: 1 }]\n"+agents), nil)
			if len(problems) > 0 {
				t.Fatal(problems.Text())
			}
			m, problems := s.Model(st.Desired())
			if len(problems) != tt.warnings || problems.Err() != nil {
				t.Fatalf("want %d warnings, got %s", tt.warnings, problems.Text())
			}
			if m.Start.Location() != time.UTC {
				t.Errorf("without a calendar the zone is %s", m.Start.Location())
			}
			var rings, capacity []int
			for _, a := range m.Agents {
				ring := 0
				for _, in := range a.Members {
					ring = in.Ring
				}
				rings, capacity = append(rings, ring), append(capacity, a.Capacity)
			}
			if d := cmp.Diff([][]int{tt.rings, tt.capacity}, [][]int{rings, capacity}); d != "" {
				t.Errorf("rings and capacity (-want +got):\n%s", d)
			}
		})
	}
}

// Whatever the bytes are, nothing panics, places are inside the file, and a
// model keeps what the engine asks for.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole), []byte(files["emails.csv"]))
	f.Add([]byte(whole), []byte(files["past.json"]))
	archives, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archives {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ar.Files[0].Data, ar.Files[1].Data)
	}
	want := support(f)
	f.Fuzz(func(t *testing.T, src, trace []byte) {
		s, problems := scenario.Parse("s.yaml", src, func(string) ([]byte, error) { return trace, nil })
		if s == nil {
			if problems.Err() == nil {
				t.Fatal("neither a scenario nor an error")
			}
			return
		}
		m, more := s.Model(want)
		for _, p := range slices.Concat(problems, more) {
			if p.Line < 1 || p.Column < 1 || p.File == "s.yaml" && p.Line > 1+strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(src)), "\n") {
				t.Fatalf("not in the file: %v", p)
			}
		}
		if more.Err() != nil {
			return
		}
		apart := func(what string, spans []simulate.Span, end time.Duration) {
			for i, x := range spans {
				if x.From >= x.To || i > 0 && x.From < spans[i-1].To || x.To > end {
					t.Fatalf("%s: %v", what, spans)
				}
			}
		}
		end := m.Horizon
		if m.Drain {
			end += 61 * 24 * time.Hour
		}
		for _, a := range m.Agents {
			apart(a.Name, a.Shifts, end)
		}
		for i, src := range m.Sources {
			spans := make([]simulate.Span, len(src.Rates))
			for k, r := range src.Rates {
				spans[k] = r.Span
				if r.PerHour <= 0 || r.Day < 0 || r.Day >= len(m.Days) || r.From < 0 {
					t.Fatalf("rate %+v", r)
				}
			}
			apart(fmt.Sprint("source ", i), spans, m.Horizon)
			if !slices.IsSortedFunc(src.Trace, func(a, b simulate.Arrival) int { return int(a.At - b.At) }) {
				t.Fatalf("trace %v", src.Trace)
			}
		}
		if m.Horizon <= 0 || m.WarmUp >= m.Horizon || len(m.Agents) == 0 || len(m.Days) == 0 || m.Days[0] > 0 {
			t.Fatalf("horizon %s, warm-up %s, %d agents, days %v", m.Horizon, m.WarmUp, len(m.Agents), m.Days)
		}
	})
}
