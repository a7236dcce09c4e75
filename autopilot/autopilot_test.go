package autopilot_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/routing"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// rule acts on waiting() > 5 at the first look, and ends on waiting() < 3.
func rule(name string, do ...routing.Action) routing.AdjustRule {
	return routing.AdjustRule{Name: name, When: "waiting() > 5", Until: "waiting() < 3", Samples: 20, For: 1, Do: do, Lease: time.Hour}
}

func program(t *testing.T, mode routing.AdjustMode, limits routing.AdjustLimits, rules ...routing.AdjustRule) *autopilot.Program {
	t.Helper()
	want := routing.Desired{Strategy: "s", Adjust: &routing.Adjust{Mode: mode, Every: time.Minute, Limits: limits, Rules: rules}}
	want.Queue.Settings.ServiceLevel = &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)}
	p, err := autopilot.New(want)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func known(x float64) autopilot.Figure {
	return autopilot.Figure{Value: condition.Value{Known: true, Number: x}}
}

// What a guard lets through is as much its matter as what it holds.
func TestDecisions(t *testing.T) {
	t.Parallel()
	join, tighten := levers[0], levers[2]
	lease := func(id, rule string, lever routing.Lever, began, ended time.Duration) autopilot.Lease {
		l := autopilot.Lease{ID: id, Rule: rule, Levers: []routing.Lever{lever}, Began: noon.Add(-began), Ends: noon.Add(-began + time.Hour)}
		if ended > 0 {
			l.Ended = noon.Add(-ended)
		}
		return l
	}
	const min = time.Minute
	for name, tt := range map[string]struct {
		mode    routing.AdjustMode
		rules   []routing.AdjustRule
		waiting *autopilot.Figure
		share   *float64
		in      func(*autopilot.Input)
		want    string // reasons by rule; what begins; what ends and why
	}{
		"it begins":                            {want: "[begins] [0] []"},
		"nobody waits":                         {waiting: new(known(0)), want: "[metrics_within_thresholds] [] []"},
		"figures of another number":            {in: func(in *autopilot.Input) { in.Figures = nil }, want: "[metrics_stale] [] []"},
		"one of one queue is no fleet":         {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 1, InBreach: 1} }, want: "[begins] [0] []"},
		"one of two":                           {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 2, InBreach: 1} }, want: "[begins] [0] []"},
		"one of four":                          {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 4, InBreach: 1} }, want: "[begins] [0] []"},
		"both of two":                          {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 2, InBreach: 2} }, want: "[many_queues_in_breach] [] []"},
		"two of nine":                          {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 9, InBreach: 2} }, want: "[many_queues_in_breach] [] []"},
		"a fifth of the fleet":                 {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 10, InBreach: 2} }, want: "[begins] [0] []"},
		"more than a fifth":                    {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 10, InBreach: 3} }, want: "[many_queues_in_breach] [] []"},
		"no other queue begins":                {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 3} }, want: "[begins] [0] []"},
		"one always may":                       {share: new(0.0), want: "[begins] [0] []"},
		"as many as may begin at once":         {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 10, Begun: 2} }, want: "[share_of_queues] [] []"},
		"one more would be above the share":    {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 7, Begun: 1} }, want: "[share_of_queues] [] []"},
		"one more is the share":                {in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 10, Begun: 1} }, want: "[begins] [0] []"},
		"its queue has begun one at this look": {rules: []routing.AdjustRule{rule("a", join), rule("b", tighten)}, in: func(in *autopilot.Input) { in.Fleet = autopilot.Fleet{Queues: 10, Begun: 1} }, want: "[begins begins] [0 1] []"},
		"the level is as the file has it": {in: func(in *autopilot.Input) {
			in.Level = &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)}
		}, want: "[begins] [0] []"},
		"the level is another": {in: func(in *autopilot.Input) {
			in.Level = &routing.ServiceLevel{Percent: 80, Within: routing.Duration(4 * time.Hour)}
		}, want: "[service_level_changed] [] []"},
		"the level is that of an override": {in: func(in *autopilot.Input) {
			in.Level = &routing.ServiceLevel{}
			in.Past = []autopilot.Lease{lease("1", "b", "tightenTarget", 20*min, 0)}
			in.Past[0].Level = &routing.ServiceLevel{}
		}, rules: []routing.AdjustRule{rule("a", join), rule("b", tighten)}, want: "[begins under_lease] [0] []"},
		"the level is neither the file's nor that of an override": {in: func(in *autopilot.Input) {
			in.Level = &routing.ServiceLevel{Percent: 70}
			in.Past = []autopilot.Lease{lease("1", "b", "tightenTarget", 20*min, 0)}
			in.Past[0].Level = &routing.ServiceLevel{}
		}, rules: []routing.AdjustRule{rule("a", join), rule("b", tighten)}, want: "[service_level_changed under_lease] [] []"},
		"the override of the level has ended": {in: func(in *autopilot.Input) {
			in.Level = &routing.ServiceLevel{}
			in.Past = []autopilot.Lease{lease("1", "b", "tightenTarget", 120*min, 90*min)}
			in.Past[0].Level = &routing.ServiceLevel{}
		}, want: "[service_level_changed] [] []"},
		"another rule ended":                  {in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "b", "leave", 50*min, 20*min)} }, want: "[begins] [0] []"},
		"it ended":                            {in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "a", "join", 90*min, 20*min)} }, want: "[reversals] [] []"},
		"it ended an hour ago":                {in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "a", "join", 90*min, 60*min)} }, want: "[begins] [0] []"},
		"the lever of an override that ended": {in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "b", "join", 50*min, 20*min)} }, want: "[begins] [0] []"},
		"the lever of one that holds":         {rules: []routing.AdjustRule{rule("a", join), rule("b", join)}, in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "b", "join", 50*min, 0)} }, want: "[lever_taken under_lease] [] []"},
		"two began within the hour": {in: func(in *autopilot.Input) {
			in.Past = []autopilot.Lease{lease("1", "b", "leave", 59*min, 20*min), lease("2", "c", "capacity", 50*min, 20*min), lease("3", "c", "capacity", 40*min, 20*min)}
		}, want: "[changes_per_hour] [] []"},
		"one began a moment ago": {in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "b", "leave", min/2, min/4)} }, want: "[cooldown] [] []"},
		"its rule is gone":       {in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "gone", "capacity", 20*min, 0)} }, want: "[begins] [0] [1 rule_gone]"},
		"two of one rule": {in: func(in *autopilot.Input) {
			in.Past = []autopilot.Lease{lease("1", "a", "join", 30*min, 0), lease("2", "a", "join", 20*min, 0)}
		}, want: "[under_lease] [] [1 rule_gone]"},
		"the older of two is over": {in: func(in *autopilot.Input) {
			in.Past = []autopilot.Lease{lease("1", "a", "join", 70*min, 0), lease("2", "a", "join", 20*min, 0)}
		}, want: "[under_lease] [] [1 rule_gone]"},
		"the mode became recommend": {mode: routing.AdjustRecommend, in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "a", "join", 20*min, 0)} }, want: "[rule_gone] [] [1 rule_gone]"},
		"the mode became off":       {mode: routing.AdjustOff, in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "a", "join", 20*min, 0)} }, want: "[rule_gone] [] [1 rule_gone]"},
		"a recommendation counts on": {mode: routing.AdjustRecommend, in: func(in *autopilot.Input) {
			l := lease("1", "a", "join", 20*min, 0)
			l.Recommended = true
			in.Past = []autopilot.Lease{l}
		}, want: "[under_lease] [] []"},
		"stopped, and a lease is over": {in: func(in *autopilot.Input) {
			in.Stopped = true
			in.Past = []autopilot.Lease{lease("1", "a", "join", 90*min, 0)}
		}, want: "[lease_ended] [] []"},
		"nothing is known, and a lease is over": {in: func(in *autopilot.Input) {
			in.At = time.Time{}
			in.Past = []autopilot.Lease{lease("1", "a", "join", 90*min, 0)}
		}, want: "[lease_ended] [] [1 lease_ended]"},
		"until holds":                           {waiting: new(known(2)), in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "a", "join", 20*min, 0)} }, want: "[until_reached] [] [1 until_reached]"},
		"the clock stands before its beginning": {in: func(in *autopilot.Input) { in.Past = []autopilot.Lease{lease("1", "a", "join", -20*min, 0)} }, want: "[clock_back] [] [1 clock_back]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.rules == nil {
				tt.rules = []routing.AdjustRule{rule("a", join)}
			}
			if tt.mode == "" {
				tt.mode = routing.AdjustAct
			}
			limits := routing.AdjustLimits{ChangesPerHour: 3, Reversals: 1, Share: 20}
			if tt.share != nil {
				limits.Share = *tt.share
			}
			if strings.Contains(tt.want, "cooldown") {
				limits.Cooldown = time.Minute
			}
			p := program(t, tt.mode, limits, tt.rules...)
			waiting := known(9)
			if tt.waiting != nil {
				waiting = *tt.waiting
			}
			in := autopilot.Input{Now: noon, At: noon, Figures: []autopilot.Figure{waiting}, Fleet: autopilot.Fleet{Queues: 1}}
			if tt.in != nil {
				tt.in(&in)
			}
			d := p.Decide(in, &autopilot.Streaks{})
			var reasons, ends []string
			for _, w := range d.Rules {
				reasons = append(reasons, string(w.Reason))
			}
			for _, e := range d.End {
				ends = append(ends, e.Lease+" "+string(e.Reason))
			}
			if got := fmt.Sprint(reasons, " ", d.Begin, " ", ends); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// The row of until begins with the override, though until held before.
func TestTheRowOfUntilBeginsWithTheOverride(t *testing.T) {
	t.Parallel()
	r := rule("a", levers[0])
	r.When, r.Until, r.For = "waiting() > 5", "waiting() < 3", 3
	p := program(t, routing.AdjustAct, routing.AdjustLimits{ChangesPerHour: 3, Reversals: 1, Share: 20}, r)
	var s autopilot.Streaks
	look := func(minute int, past ...autopilot.Lease) autopilot.Decision {
		now := noon.Add(time.Duration(minute) * time.Minute)
		return p.Decide(autopilot.Input{Now: now, At: now, Figures: []autopilot.Figure{known(2)}, Past: past, Fleet: autopilot.Fleet{Queues: 1}}, &s)
	}
	for m := range 5 {
		look(m)
	}
	l := autopilot.Lease{ID: "1", Rule: "a", Began: noon, Ends: noon.Add(time.Hour)}
	for m, want := range []int{0, 0, 1} {
		if d := look(5+m, l); len(d.End) != want {
			t.Errorf("look %d under the lease: %+v", m+1, d)
		}
	}
}

func TestOneWordForADecision(t *testing.T) {
	t.Parallel()
	surge := rule("a", levers[0])
	surge.When = `offered("1h") > 500 && serviceLevel("1h") < 85`
	p := program(t, routing.AdjustAct, routing.AdjustLimits{ChangesPerHour: 3, Reversals: 1, Share: 20}, surge)
	figures := []autopilot.Figure{known(501), {Value: condition.Value{Known: true, Number: 84}, Samples: 20}, known(9)}
	for want, in := range map[autopilot.Reason]func(*autopilot.Input){
		autopilot.HighVolume: func(*autopilot.Input) {},
		autopilot.Within:     func(in *autopilot.Input) { in.Figures = []autopilot.Figure{known(500), figures[1], figures[2]} },
		autopilot.Thin: func(in *autopilot.Input) {
			in.Figures = []autopilot.Figure{known(501), {Value: figures[1].Value, Samples: 19}, figures[2]}
		},
		autopilot.Unknown: func(in *autopilot.Input) { in.Figures = []autopilot.Figure{known(501), {}, figures[2]} },
		autopilot.Stopped: func(in *autopilot.Input) { in.Stopped = true },
		autopilot.LeaseEnded: func(in *autopilot.Input) {
			in.Past = []autopilot.Lease{{ID: "1", Rule: "a", Began: noon.Add(-time.Hour), Ends: noon}}
		},
	} {
		input := autopilot.Input{Now: noon, At: noon, Figures: figures, Fleet: autopilot.Fleet{Queues: 1}}
		in(&input)
		if got := p.Decide(input, &autopilot.Streaks{}).Reason(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// reasons are those that the package has.
func reasons(t *testing.T) (all []autopilot.Reason) {
	t.Helper()
	src, err := os.ReadFile("autopilot.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\w+ +Reason = "(\w+)"`).FindAllSubmatch(src, -1) {
		all = append(all, autopilot.Reason(m[1]))
	}
	if len(all) < 20 {
		t.Fatalf("only %d reasons", len(all))
	}
	return all
}

// Every reason has words of its own, for people.
func TestEveryReasonHasWords(t *testing.T) {
	t.Parallel()
	p := program(t, routing.AdjustAct, routing.AdjustLimits{ChangesPerHour: 2, Cooldown: 10 * time.Minute, Reversals: 1, Share: 20}, rule("a", levers[0]))
	said := map[string]autopilot.Reason{}
	for _, reason := range reasons(t) {
		words := p.Explain(autopilot.Weighing{Reason: reason, InARow: 2})
		if words == string(reason) || strings.Contains(words, "_") || len(strings.Fields(words)) < 2 {
			t.Errorf("%s says %q", reason, words)
		}
		if other, twice := said[words]; twice && (reason != autopilot.HighVolume || other != autopilot.Begins) {
			t.Errorf("%s and %s say %q", reason, other, words)
		}
		said[words] = reason
	}
	for w, want := range map[autopilot.Weighing]string{
		{Reason: autopilot.Begins, InARow: 3}:                                  "its condition has held at 3 looks in a row: let Back Office join the queue, for at most 1h",
		{Reason: autopilot.NotYet, InARow: 2}:                                  "its condition has held at 2 of the 1 looks in a row that it needs",
		{Reason: autopilot.Cooldown, Wait: 90 * time.Second}:                   "another override began less than 10m ago; that stands against it for 1m30s",
		{Reason: autopilot.UnderLease, Until: autopilot.True, InARow: 1}:       "it holds, and until has held at 1 of the 1 looks in a row that end it",
		{Reason: autopilot.UnderLease, Until: autopilot.False}:                 "it holds",
		{Reason: autopilot.Thin}:                                               "a figure that decides is made of fewer than 20 emails",
		{Reason: autopilot.Limit, Wait: 25*time.Minute + 300*time.Millisecond}: "2 overrides in an hour is the limit; that stands against it for 25m",
	} {
		if got := p.Explain(w); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestFiguresInWords(t *testing.T) {
	t.Parallel()
	for text, f := range map[string]struct {
		read condition.Read
		f    autopilot.Figure
	}{
		"84.9% of 200 emails":      {condition.Read{Figure: condition.ServiceLevel}, autopilot.Figure{Value: condition.Value{Known: true, Number: 84.94}, Samples: 200}},
		"not known, or of nothing": {condition.Read{Figure: condition.ServiceLevel}, autopilot.Figure{}},
		"not known":                {condition.Read{Figure: condition.Offered}, autopilot.Figure{}},
		"not known: the figures of the last 12m are not in yet": {condition.Read{Figure: condition.Offered}, autopilot.Figure{Late: 12 * time.Minute}},
		"7":             {condition.Read{Figure: condition.Waiting}, known(7)},
		"67%":           {condition.Read{Figure: condition.Utilization}, known(66.7)},
		"2h10m":         {condition.Read{Figure: condition.Oldest}, autopilot.Figure{Value: condition.Value{Known: true, Time: 130*time.Minute + 200*time.Millisecond}}},
		"5m of 1 email": {condition.Read{Figure: condition.AverageWait}, autopilot.Figure{Value: condition.Value{Known: true, Time: 5 * time.Minute}, Samples: 1}},
	} {
		if got := f.f.Text(f.read); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	p := program(t, routing.AdjustAct, routing.AdjustLimits{}, rule("a", levers[0]))
	if d := cmp.Diff(map[string]string{"waiting()": "not known"}, p.Inputs(0, nil)); d != "" {
		t.Error(d)
	}
	if known(math.NaN()).Text(condition.Read{Figure: condition.Waiting}) == "" {
		t.Error("no words")
	}
}
