package autopilot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// desk is a strategy of two rules with deadlines, and one without.
func desk(t *testing.T, when string) *autopilot.Program {
	t.Helper()
	hour, four := routing.Duration(time.Hour), routing.Duration(4*time.Hour)
	r := rule("a", levers[0])
	r.When, r.Until = when, ""
	want := routing.Desired{
		Strategy: "s", Adjust: &routing.Adjust{Mode: routing.AdjustAct, Every: time.Minute, Rules: []routing.AdjustRule{r}},
		Rules: []routing.Rule{{Name: "vip", Deadline: &hour}, {Name: "standard", Deadline: &four}, {Name: "plain"}},
	}
	for _, rule := range []string{"vip", "standard", "plain"} {
		want.Routes = append(want.Routes, routing.DesiredRoute{Address: routing.Address{Local: rule, Domain: "example.com"}, Rule: rule})
	}
	p, err := autopilot.New(want)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func waits(minutes int, to string) routing.WaitingEmail {
	return routing.WaitingEmail{ConversationID: fmt.Sprint(to, minutes), Entered: noon.Add(-time.Duration(minutes) * time.Minute), To: to + "@Example.com"}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	hour := measure.Window{
		Span:    routing.Span{From: noon.Add(-time.Hour), To: noon},
		Offered: 40, Answered: 30, Abandoned: 2, InTime: 24, Counted: 32, Wait: 96 * time.Minute, Waited: 32, Handle: 90 * time.Minute, Handled: 30,
	}
	state := func() *routing.QueueState {
		return &routing.QueueState{
			At: noon, Waiting: 4, Alerting: 1, Interacting: 5, OnQueue: 4, Complete: true,
			Emails: []routing.WaitingEmail{waits(300, "standard"), waits(90, "vip"), waits(30, "vip"), waits(20, "other")},
		}
	}
	for name, tt := range map[string]struct {
		figure string
		change func(o *autopilot.Observation)
		want   string // with how many emails it is made of
	}{
		"offered":                         {figure: `offered("1h")`, want: "40 of 40"},
		"answered":                        {figure: `answered("1h")`, want: "30 of 30"},
		"abandoned":                       {figure: `abandoned("1h")`, want: "2 of 2"},
		"service level":                   {figure: `serviceLevel("1h")`, want: "75 of 32"},
		"average wait":                    {figure: `averageWait("1h")`, want: "3m0s of 32"},
		"handle time":                     {figure: `handleTime("1h")`, want: "3m0s of 30"},
		"nothing was offered":             {figure: `offered("1h")`, change: empty, want: "0 of 0"},
		"nothing was abandoned":           {figure: `abandoned("1h")`, change: empty, want: "0 of 0"},
		"service level of nothing":        {figure: `serviceLevel("1h")`, change: empty, want: "unknown"},
		"wait of nothing":                 {figure: `averageWait("1h")`, change: empty, want: "unknown"},
		"handle time of nothing":          {figure: `handleTime("1h")`, change: empty, want: "unknown"},
		"a window that was not read":      {figure: `offered("1h")`, change: func(o *autopilot.Observation) { o.Windows = nil }, want: "unknown"},
		"another window was read":         {figure: `offered("2h")`, want: "unknown"},
		"a window that is late":           {figure: `offered("1h")`, change: func(o *autopilot.Observation) { late(o, 1) }, want: "unknown"},
		"a ratio of a window that lags":   {figure: `serviceLevel("1h")`, change: func(o *autopilot.Observation) { late(o, 1) }, want: "unknown"},
		"a window whose rows are late":    {figure: `offered("1h")`, change: func(o *autopilot.Observation) { o.Late = o.At.Add(-12 * time.Minute) }, want: "unknown"},
		"a window with just what waits":   {figure: `offered("1h")`, change: func(o *autopilot.Observation) { late(o, 2) }, want: "2 of 2"},
		"who waits was not read":          {figure: `offered("1h")`, change: func(o *autopilot.Observation) { o.State = nil }, want: "40 of 40"},
		"waiting":                         {figure: `waiting()`, want: "4"},
		"waiting, a part is listed":       {figure: `waiting()`, change: part, want: "4"},
		"waiting, not read":               {figure: `waiting()`, change: func(o *autopilot.Observation) { o.State = nil }, want: "unknown"},
		"waiting of a rule":               {figure: `waiting("vip")`, want: "2"},
		"waiting of a rule, a part":       {figure: `waiting("vip")`, change: part, want: "unknown"},
		"interacting":                     {figure: `interacting()`, want: "5"},
		"on queue":                        {figure: `onQueue()`, want: "4"},
		"nobody on queue":                 {figure: `onQueue()`, change: func(o *autopilot.Observation) { o.State = &routing.QueueState{At: noon, Complete: true} }, want: "0"},
		"oldest":                          {figure: `oldest()`, want: "5h0m0s"},
		"oldest of a rule":                {figure: `oldest("vip")`, want: "1h30m0s"},
		"oldest of none":                  {figure: `oldest("plain")`, want: "0s"},
		"oldest, a part is listed":        {figure: `oldest()`, change: part, want: "unknown"},
		"oldest, not read":                {figure: `oldest()`, change: func(o *autopilot.Observation) { o.State = nil }, want: "unknown"},
		"late":                            {figure: `late()`, want: "2"},
		"late of a rule":                  {figure: `late("standard")`, want: "1"},
		"late without a deadline":         {figure: `late("plain")`, want: "0"},
		"late, a part is listed":          {figure: `late()`, change: part, want: "unknown"},
		"utilization":                     {figure: `utilization()`, want: "75"},
		"utilization without a capacity":  {figure: `utilization()`, change: func(o *autopilot.Observation) { o.Capacity = 0 }, want: "unknown"},
		"utilization of nobody":           {figure: `utilization()`, change: func(o *autopilot.Observation) { o.State.OnQueue = 0 }, want: "unknown"},
		"own service level":               {figure: `serviceLevel("1h", "vip")`, change: own, want: "50 of 10"},
		"own service level, not measured": {figure: `serviceLevel("1h", "vip")`, want: "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare := " > 5"
			if strings.HasPrefix(tt.figure, "oldest") || strings.HasPrefix(tt.figure, "averageWait") || strings.HasPrefix(tt.figure, "handleTime") {
				compare = ` > duration("5m")`
			}
			o := autopilot.Observation{At: noon, State: state(), Windows: map[string]measure.Window{"1h": hour}, Capacity: 2}
			if tt.change != nil {
				tt.change(&o)
			}
			f := desk(t, tt.figure+compare).Measure(o)[0]
			got := "unknown"
			switch {
			case !f.Known:
			case strings.Contains(compare, "duration"):
				got = f.Time.String()
			default:
				got = fmt.Sprint(f.Number)
			}
			if f.Known && strings.Contains(tt.want, " of ") {
				got += fmt.Sprint(" of ", f.Samples)
			}
			if got != tt.want {
				t.Errorf("%s is %s, want %s", tt.figure, got, tt.want)
			}
		})
	}
}

func part(o *autopilot.Observation) { o.State.Complete = false }

// empty leaves a window in which there was nothing, and nobody waits.
func empty(o *autopilot.Observation) {
	w := o.Windows["1h"]
	o.Windows["1h"], o.State = measure.Window{Span: w.Span}, &routing.QueueState{At: noon, Complete: true}
}

// late leaves a window of n emails, where three that entered in it still wait.
func late(o *autopilot.Observation, n int) {
	w := o.Windows["1h"]
	w.Offered = n
	o.Windows["1h"] = w
}

func own(o *autopilot.Observation) {
	o.Own = map[condition.Read]measure.Window{{Figure: condition.ServiceLevel, Window: "1h", Rule: "vip"}: {InTime: 5, Counted: 10}}
}

func TestWindowsThatAreRead(t *testing.T) {
	t.Parallel()
	p := desk(t, `offered("1h") > 3 && serviceLevel("1h") < 80 && answered("today") > 3 && serviceLevel("2h", "vip") < 80 && waiting() > 3`)
	if d := cmp.Diff([]string{"1h", "today"}, p.Windows()); d != "" {
		t.Error(d)
	}
}

func TestWhatALeverSets(t *testing.T) {
	t.Parallel()
	d := func(m int) *routing.Duration { return new(routing.Duration(time.Duration(m) * time.Minute)) }
	group := func(names ...string) *[]routing.Group {
		out := []routing.Group{}
		for _, n := range names {
			out = append(out, routing.Group{Ref: routing.Ref{Name: n}})
		}
		return &out
	}
	level := func(hours int) *routing.ServiceLevel {
		return &routing.ServiceLevel{Percent: 80, Within: routing.Duration(time.Duration(hours) * time.Hour)}
	}
	rings := func(first, second *routing.Duration) *routing.Rings {
		return &routing.Rings{{Wait: first}, {Wait: second}, {}}
	}
	early := func(step, minutes int) []routing.Action {
		return []routing.Action{{Lever: routing.LeverRelax, Step: step, After: *d(minutes)}}
	}
	tighten := func(by, floor int) []routing.Action {
		return []routing.Action{{Lever: routing.LeverTighten, Target: routing.Duration(time.Duration(by) * time.Hour), Floor: routing.Duration(time.Duration(floor) * time.Hour)}}
	}
	for name, tt := range map[string]struct {
		do         []routing.Action
		have, want routing.QueueSettings
	}{
		"a group joins":                 {do: []routing.Action{{Lever: routing.LeverJoin, Group: "B"}}, have: routing.QueueSettings{Groups: group("A")}, want: routing.QueueSettings{Groups: group("A", "B")}},
		"where there is none":           {do: []routing.Action{{Lever: routing.LeverJoin, Group: "B"}}, want: routing.QueueSettings{Groups: group("B")}},
		"a group that is there":         {do: []routing.Action{{Lever: routing.LeverJoin, Group: "A"}}, have: routing.QueueSettings{Groups: group("A")}},
		"a group leaves":                {do: []routing.Action{{Lever: routing.LeverLeave, Group: "A"}}, have: routing.QueueSettings{Groups: group("A", "B")}, want: routing.QueueSettings{Groups: group("B")}},
		"the only one leaves":           {do: []routing.Action{{Lever: routing.LeverLeave, Group: "A"}}, have: routing.QueueSettings{Groups: group("A")}, want: routing.QueueSettings{Groups: group()}},
		"a group that is not there":     {do: []routing.Action{{Lever: routing.LeverLeave, Group: "C"}}, have: routing.QueueSettings{Groups: group("A")}},
		"one joins and one leaves":      {do: []routing.Action{{Lever: routing.LeverJoin, Group: "C"}, {Lever: routing.LeverLeave, Group: "A"}}, have: routing.QueueSettings{Groups: group("A")}, want: routing.QueueSettings{Groups: group("C")}},
		"a target":                      {do: tighten(1, 2), have: routing.QueueSettings{ServiceLevel: level(8)}, want: routing.QueueSettings{ServiceLevel: level(7)}},
		"not below the floor":           {do: tighten(5, 4), have: routing.QueueSettings{ServiceLevel: level(8)}, want: routing.QueueSettings{ServiceLevel: level(4)}},
		"at the floor":                  {do: tighten(5, 8), have: routing.QueueSettings{ServiceLevel: level(8)}},
		"below the floor already":       {do: tighten(5, 9), have: routing.QueueSettings{ServiceLevel: level(8)}},
		"no target":                     {do: tighten(5, 4)},
		"the first step":                {do: early(1, 30), have: routing.QueueSettings{Rings: rings(d(120), d(120))}, want: routing.QueueSettings{Rings: rings(d(30), d(210))}},
		"the second step":               {do: early(2, 180), have: routing.QueueSettings{Rings: rings(d(120), d(120))}, want: routing.QueueSettings{Rings: rings(d(120), d(60))}},
		"a step that comes sooner":      {do: early(1, 130), have: routing.QueueSettings{Rings: rings(d(120), d(120))}},
		"not before the one before":     {do: early(2, 120), have: routing.QueueSettings{Rings: rings(d(120), d(120))}},
		"after a step that never comes": {do: early(2, 120), have: routing.QueueSettings{Rings: rings(nil, d(120))}},
		"a step that never comes":       {do: early(2, 180), have: routing.QueueSettings{Rings: rings(d(120), nil)}},
		"no such step":                  {do: early(3, 30), have: routing.QueueSettings{Rings: rings(d(120), d(120))}},
		"no rings":                      {do: early(1, 30)},
		"waiting email":                 {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "vip", By: 5}, {Lever: routing.LeverDeadline}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := fmt.Sprint(tt.have.Rings, tt.have.Groups)
			o := autopilot.Override(tt.do, routing.Queue{Settings: tt.have})
			if d := cmp.Diff(tt.want, o.Settings); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if after := fmt.Sprint(tt.have.Rings, tt.have.Groups); after != before {
				t.Errorf("it changes what the queue has: %s", after)
			}
		})
	}
	o := autopilot.Override([]routing.Action{
		{Lever: routing.LeverJoin, Agents: []string{"Ada"}}, {Lever: routing.LeverLeave, Agents: []string{"Bo"}}, {Lever: routing.LeverCapacity, Email: 4},
	}, routing.Queue{})
	if fmt.Sprint(o.Join, o.Leave, *o.Capacity.Email) != "[Ada] [Bo] 4" {
		t.Errorf("%+v", o)
	}
}

func TestPrioritiesOfWaitingEmail(t *testing.T) {
	t.Parallel()
	p := desk(t, "waiting() > 5")
	emails := []routing.WaitingEmail{waits(300, "standard"), waits(90, "vip"), waits(30, "vip"), waits(20, "plain"), waits(10, "other")}
	emails[2].Priority = 24_999_990
	for name, tt := range map[string]struct {
		do      []routing.Action
		touched string
		limit   int
		want    string
	}{
		"raised":                   {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "vip", By: 5}}, want: "vip90:5 vip30:24999995"},
		"not above the most":       {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "vip", By: 50}}, want: "vip90:50 vip30:25000000"},
		"lowered":                  {do: []routing.Action{{Lever: routing.LeverLower, Rule: "standard", By: 5}}, want: "standard300:-5"},
		"of two rules":             {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "plain", By: 5}, {Lever: routing.LeverLower, Rule: "standard", By: 5}}, want: "standard300:-5 plain20:5"},
		"once":                     {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "vip", By: 5}}, touched: "vip90", want: "vip30:24999995"},
		"as many as calls":         {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "vip", By: 5}}, limit: 1, want: "vip90:5"},
		"by deadlines":             {do: []routing.Action{{Lever: routing.LeverDeadline}}, want: "vip90:180 vip30:180"},
		"of nobody":                {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "none", By: 5}}},
		"what a queue has instead": {do: []routing.Action{{Lever: routing.LeverJoin, Group: "B"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := tt.limit
			if limit == 0 {
				limit = 60
			}
			var got []string
			for _, x := range p.Priorities(tt.do, emails, map[string]bool{tt.touched: true}, limit) {
				got = append(got, fmt.Sprintf("%s:%d", x.Email.ConversationID, x.To))
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("%s, want %s", s, tt.want)
			}
		})
	}
}

func TestOverflowOfWaitingEmail(t *testing.T) {
	t.Parallel()
	p := desk(t, "waiting() > 5")
	to := func(queue, rule string, hours, most int) routing.Action {
		return routing.Action{Lever: routing.LeverOverflow, To: queue, Rule: rule, After: routing.Duration(time.Duration(hours) * time.Hour), AtMost: most}
	}
	for name, tt := range map[string]struct {
		do         []routing.Action
		leave      string
		calls      int
		incomplete bool
		want       string
	}{
		"what has waited for so long":     {do: []routing.Action{to("B", "", 1, 10)}, want: "standard300:B vip90:B vip60:B"},
		"of a rule":                       {do: []routing.Action{to("B", "vip", 1, 10)}, want: "vip90:B vip60:B"},
		"nothing that old":                {do: []routing.Action{to("B", "", 6, 10)}},
		"of nobody":                       {do: []routing.Action{to("B", "none", 1, 10)}},
		"the oldest of too many":          {do: []routing.Action{to("B", "", 1, 2)}, want: "standard300:B vip90:B"},
		"two calls for each":              {do: []routing.Action{to("B", "", 1, 10)}, calls: 5, want: "standard300:B vip90:B"},
		"no calls":                        {do: []routing.Action{to("B", "", 1, 10)}, calls: 1},
		"what was moved stays":            {do: []routing.Action{to("B", "", 1, 10)}, leave: "vip90", want: "standard300:B vip60:B"},
		"two queues":                      {do: []routing.Action{to("B", "vip", 1, 1), to("C", "", 1, 10)}, want: "vip90:B standard300:C vip60:C"},
		"two queues within one budget":    {do: []routing.Action{to("B", "vip", 1, 2), to("C", "", 1, 10)}, calls: 4, want: "vip90:B vip60:B"},
		"where not all are told of":       {do: []routing.Action{to("B", "", 1, 10)}, incomplete: true, want: "standard300:B vip90:B vip60:B"},
		"another lever":                   {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "vip", By: 5}}},
		"another lever beside it is none": {do: []routing.Action{{Lever: routing.LeverRaise, Rule: "vip", By: 5}, to("B", "standard", 1, 10)}, want: "standard300:B"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &routing.QueueState{At: noon, Complete: !tt.incomplete, Emails: []routing.WaitingEmail{{ConversationID: "since when", Rule: "vip"}, waits(300, "standard"), waits(90, "vip"), waits(60, "vip"), waits(59, "plain")}}
			calls := tt.calls
			if calls == 0 {
				calls = 30
			}
			var got []string
			for _, m := range p.Overflow(tt.do, s, map[string]bool{tt.leave: true}, calls) {
				got = append(got, m.Email.ConversationID+":"+m.To)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("%s, want %s", s, tt.want)
			}
		})
	}
	if got := p.Overflow([]routing.Action{to("B", "", 1, 10)}, nil, nil, 30); got != nil {
		t.Errorf("nothing is known, and %v move", got)
	}
}
