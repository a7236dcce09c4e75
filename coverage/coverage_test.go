package coverage_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

var update = flag.Bool("update", false, "write the golden files anew")

const hour = routing.Duration(time.Hour)

var berlin = zone("Europe/Berlin")

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}

// at is an instant of March 2026 on the clock of Berlin; the 4th is a Wednesday.
func at(day, hour, minute int) time.Time {
	return time.Date(2026, 3, day, hour, minute, 0, 0, berlin)
}

// work is a shift of a day in March.
func work(day, from, to int, activities ...routing.Activity) routing.Shift {
	return routing.Shift{Span: routing.Span{From: at(day, from, 0), To: at(day, to, 0)}, Activities: activities}
}

func pause(day, from, to int) routing.Activity {
	return routing.Activity{Span: routing.Span{From: at(day, from, 0), To: at(day, to, 0)}, Category: "Meal"}
}

func ref(name string) routing.Ref { return routing.Ref{Name: name} }

// rated are ratings with the ids that the platform gives; a strategy has names.
func rated(billing, english float64) (r routing.Ratings) {
	if billing >= 0 {
		r.Skills = append(r.Skills, routing.Rating{Ref: routing.Ref{ID: "skill-billing", Name: "Billing"}, Proficiency: billing})
	}
	if english >= 0 {
		r.Languages = append(r.Languages, routing.Rating{Ref: routing.Ref{ID: "language-english", Name: "English"}, Proficiency: english})
	}
	return r
}

// none is the rating of what an agent does not have.
const none = -1

var (
	vip      = routing.Address{Local: "vip", Domain: "help.example.com"}
	standard = routing.Address{Local: "support", Domain: "help.example.com"}
	ann      = routing.Ref{ID: "ann", Name: "Ann"}
	ben      = routing.Ref{ID: "ben", Name: "Ben"}
	cleo     = routing.Ref{ID: "cleo", Name: "Cleo"}
)

// sane is an organisation in which all is well: two agents who can serve both
// rules in all the hours of the calendar, and little email. It is Wednesday,
// 10:07 in Berlin.
func sane() coverage.Input {
	within := routing.Span{From: at(4, 10, 0), To: at(11, 10, 0)}
	in := coverage.Input{
		Now: at(4, 10, 7), Waiting: new(0),
		Want: routing.Desired{
			Strategy: "support",
			Queue: routing.DesiredQueue{Name: "Support Email", Settings: routing.QueueSettings{
				ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: 4 * hour},
				LastAgent:    new(routing.LastAgentQueueMembers), Agents: new(routing.BestSkill),
			}},
			Routes: []routing.DesiredRoute{{Address: vip, Rule: "vip"}, {Address: standard, Rule: "standard"}},
			Rules: []routing.Rule{
				{Name: "vip", Skills: &[]routing.Ref{ref("Billing")}, Language: new(ref("English")), Deadline: new(hour), Place: routing.Place{File: "s.yaml", Line: 20}},
				{Name: "standard", Skills: &[]routing.Ref{ref("Billing")}, Place: routing.Place{File: "s.yaml", Line: 25}},
			},
			Calendar: &routing.Calendar{Name: "office", Location: berlin},
			Places:   map[string]routing.Place{},
		},
		Org: routing.Org{
			Queues: []routing.Queue{{
				Ref: routing.Ref{ID: "queue", Name: "Support Email"}, MemberCount: 2,
				Members: []routing.Member{{Ref: ann, Ring: 1, Joined: true}, {Ref: ben, Ring: 1, Joined: true}},
			}},
			Domains: []routing.EmailDomain{{Name: "help.example.com", MXStatus: "VALID"}},
			Routes:  []routing.EmailRoute{{Address: vip, Status: routing.RouteActive}, {Address: standard, Status: routing.RouteActive}},
			Agents:  []routing.Agent{{Ref: ann, Email: "ann@example.com"}, {Ref: ben, Email: "ben@example.com"}, {Ref: cleo}},
			Ratings: map[string]routing.Ratings{"ann": rated(4, 5), "ben": rated(3, 3)},
			Utilization: map[string]routing.Utilization{
				"ann": {Settings: routing.UtilizationSettings{Email: new(3)}, Own: true}, "ben": {Settings: routing.UtilizationSettings{Email: new(3)}, Own: true},
			},
			OrgUtilization: &routing.Utilization{Settings: routing.UtilizationSettings{Email: new(1)}, Interrupts: []string{"call"}},
			ActiveQueues:   map[string]int{"ann": 1, "ben": 3},
			Roster:         &routing.Roster{Span: within, Zone: berlin, Agents: map[string]routing.AgentSchedule{}},
		},
	}
	for i, key := range []string{"queue", "lastAgent", "members", "memberGroups", "capacity.email", "rings", "routes[vip@help.example.com]"} {
		in.Want.Places[key] = routing.Place{File: "s.yaml", Line: 3 + i}
	}
	for day := range 5 {
		in.Want.Calendar.Week[day] = []routing.Hours{{From: 8 * 60, To: 18 * 60}}
	}
	for i, who := range []routing.Ref{ann, ben} {
		s := routing.AgentSchedule{Known: []routing.Span{within}}
		for _, day := range []int{4, 5, 6, 9, 10, 11} {
			s.Shifts = append(s.Shifts, work(day, 8, 18, pause(day, 12+i, 13+i)))
		}
		in.Org.Roster.Agents[who.ID] = s
	}
	in.Volume = mail(map[string]int{vip.String(): 1, standard.String(): 2}, 12*time.Minute)
	return in
}

// mail is the email of four weeks: so many in each open half hour, all answered.
func mail(each map[string]int, handle time.Duration) *measure.Volume {
	v := &measure.Volume{Span: routing.Span{From: at(4, 9, 30).AddDate(0, 0, -28), To: at(4, 9, 30)}, Every: 30 * time.Minute, By: map[string]*measure.Counts{}}
	for address, n := range each {
		c := &measure.Counts{Offered: make([]int, v.Intervals()), Answered: make([]int, v.Intervals())}
		for i := range v.Intervals() {
			t := v.From.Add(time.Duration(i) * v.Every).In(berlin)
			if h := t.Hour(); h < 8 || h >= 18 || t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
				continue
			}
			c.Offered[i], c.Answered[i] = n, n
			c.Handled += n
		}
		c.Handling = time.Duration(c.Handled) * handle
		v.By[address] = c
	}
	return v
}

// told is a finding in words, with all that is in it but what to do.
func told(f routing.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n ", f.Severity, f.Type, f.Message)
	add := func(name string, is bool, value any) {
		if is {
			fmt.Fprintf(&b, " %s=%v", name, value)
		}
	}
	add("object", true, f.Object)
	add("line", f.At.Line > 0, f.At.Line)
	add("rule", f.Rule != "", f.Rule)
	add("agent", f.AgentID+f.Agent != "", f.AgentID+"/"+f.Agent)
	add("missing", f.MissingSkills != nil, f.MissingSkills)
	add("language", f.MissingLanguage != "", f.MissingLanguage)
	add("low", f.TooLow != nil, f.TooLow)
	if f.Capacity != nil {
		add("capacity", true, *f.Capacity)
	}
	add("assumed", f.CapacityAssumed, true)
	add("permission", f.Permission != "", f.Permission)
	for _, n := range f.Numbers {
		add(n.Name, true, fmt.Sprintf("%.4g", n.Value))
	}
	for _, s := range f.Spans {
		add("span", true, s.From.In(berlin).Format("02T15:04")+"/"+s.To.In(berlin).Format("02T15:04"))
	}
	return b.String()
}

// situations are organisations in which something is not well, by what that is.
type situations map[string]func(in *coverage.Input)

// check holds all that is found in each situation against a file of testdata.
func check(t *testing.T, name string, of situations) {
	t.Helper()
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(of)) {
		in := sane()
		of[what](&in)
		fmt.Fprintf(&b, "# %s\n", what)
		for _, f := range coverage.Check(in).Findings {
			fmt.Fprintln(&b, told(f))
			if f.Do != "" {
				fmt.Fprintf(&b, "  = %s\n", f.Do)
			}
		}
		b.WriteString("\n")
	}
	golden(t, name+".golden", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func settings(in *coverage.Input) *routing.QueueSettings { return &in.Want.Queue.Settings }
func queue(in *coverage.Input) *routing.Queue            { return &in.Org.Queues[0] }

// rings makes a first ring with Ann and a second, entered after a time, with Ben.
func rings(in *coverage.Input, wait routing.Duration, drop ...routing.Ref) {
	settings(in).Rings = &routing.Rings{{Wait: &wait, Drop: drop}, {}}
	queue(in).Members[1].Ring = 2
}

// cancel takes the agents' shifts of a day.
func cancel(in *coverage.Input, day int, who ...routing.Ref) {
	for _, w := range who {
		s := in.Org.Roster.Agents[w.ID]
		s.Shifts = slices.DeleteFunc(slices.Clone(s.Shifts), func(s routing.Shift) bool { return s.From.In(berlin).Day() == day })
		in.Org.Roster.Agents[w.ID] = s
	}
}

// plan gives an agent more shifts.
func plan(in *coverage.Input, who routing.Ref, shifts ...routing.Shift) {
	s := in.Org.Roster.Agents[who.ID]
	s.Shifts = append(s.Shifts, shifts...)
	in.Org.Roster.Agents[who.ID] = s
}

func own(in *coverage.Input, who routing.Ref, email int) {
	in.Org.Utilization[who.ID] = routing.Utilization{Settings: routing.UtilizationSettings{Email: &email}, Own: true}
}

func newGroup(name string) routing.Group { return routing.Group{Ref: ref(name)} }

func TestNothingIsFoundWhereAllIsWell(t *testing.T) {
	t.Parallel()
	r := coverage.Check(sane())
	if d := cmp.Diff([]routing.Finding{}, r.Findings); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
