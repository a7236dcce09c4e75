package strategy_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// parse reads a strategy that has no mistake; warnings are let through.
func parse(t *testing.T, src string) *strategy.Strategy {
	t.Helper()
	s, problems := strategy.Parse("s.yaml", []byte(src))
	if err := problems.Err(); err != nil {
		t.Fatalf("%v", err)
	}
	return s
}

func example(t *testing.T) []byte {
	t.Helper()
	src, err := os.ReadFile("../examples/support.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func span(d time.Duration) *routing.Duration { return new(routing.Duration(d)) }

func TestExampleCompilesToThePlatform(t *testing.T) {
	t.Parallel()
	s, problems := strategy.Parse("support.yaml", example(t))
	if len(problems) > 0 {
		t.Fatalf("the example has problems:\n%s", problems)
	}
	got := s.Desired()
	billing := routing.Ref{Name: "Billing"}
	queue := &routing.Ref{Name: "Support Email"}
	office := []routing.Hours{{From: 480, To: 720}, {From: 780, To: 1080}}
	want := routing.Desired{
		Strategy: "support",
		Queue: routing.DesiredQueue{Name: "Support Email", Settings: routing.QueueSettings{
			ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)},
			Alert:        span(5 * time.Minute),
			WrapUp:       &routing.WrapUp{Mode: routing.WrapUpMandatoryTimeout, Timeout: span(5 * time.Minute)},
			Agents:       new(routing.BestSkill),
			Order:        new(routing.AgeAndPriority),
			LastAgent:    new(routing.LastAgentQueueMembers),
			Rings: &routing.Rings{
				{Wait: span(2 * time.Hour), Drop: []routing.Ref{billing}},
				{Wait: span(6 * time.Hour)},
				{Groups: []routing.Group{{Ref: routing.Ref{Name: "Back Office"}}}},
			},
		}},
		Routes: []routing.DesiredRoute{
			{Address: routing.Address{Local: "vip", Domain: "help.example.com"}, Rule: "vip", Settings: routing.RouteSettings{
				Queue: queue, From: new("Example VIP desk"), Priority: new(240), Skills: &[]routing.Ref{billing}, Language: &routing.Ref{Name: "English"},
			}},
			{Address: routing.Address{Local: "support", Domain: "help.example.com"}, Rule: "standard", Settings: routing.RouteSettings{
				Queue: queue, From: new("Example support"), Priority: new(0), Skills: &[]routing.Ref{billing},
			}},
		},
		Rules: []routing.Rule{
			{Name: "vip", Priority: new(240), Skills: &[]routing.Ref{billing}, Language: &routing.Ref{Name: "English"}, Deadline: span(time.Hour), Place: routing.Place{File: "support.yaml", Line: 16, Column: 5}},
			{Name: "standard", Priority: new(0), Skills: &[]routing.Ref{billing}, Place: routing.Place{File: "support.yaml", Line: 21, Column: 5}},
		},
		Adjust: &routing.Adjust{
			Mode: routing.AdjustRecommend, Every: 2 * time.Minute, At: routing.Place{File: "support.yaml", Line: 38, Column: 1},
			Rules: []routing.AdjustRule{{
				Name: "surge", When: `waiting() > 80 || oldest() > duration("3h")`, Until: `waiting() < 30 && oldest() < duration("1h")`,
				Samples: 20, For: 3, Lease: 8 * time.Hour, At: routing.Place{File: "support.yaml", Line: 42, Column: 7},
				Do: []routing.Action{
					{Lever: routing.LeverJoin, Group: "Order Desk", At: routing.Place{File: "support.yaml", Line: 45, Column: 11}},
					{Lever: routing.LeverRelax, Step: 2, After: routing.Duration(150 * time.Minute), At: routing.Place{File: "support.yaml", Line: 46, Column: 11}},
					{Lever: routing.LeverRaise, Rule: "vip", By: 240, At: routing.Place{File: "support.yaml", Line: 47, Column: 11}},
				},
			}},
			Limits: routing.AdjustLimits{ChangesPerHour: 1, Cooldown: 30 * time.Minute, Reversals: 1, Share: 20, Calls: 30},
		},
		Calendar: &routing.Calendar{
			Name: "office", Location: berlin(t), Week: [7][]routing.Hours{office, office, office, office, office},
			Holidays: map[string]bool{"2026-12-25": true, "2026-12-26": true},
		},
	}
	if d := cmp.Diff(want, got, sameZone, cmpopts.IgnoreFields(routing.Desired{}, "Places"), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	lines := map[string]int{}
	for path, at := range got.Places {
		if at.File != "support.yaml" || at.Column < 1 {
			t.Errorf("%s is at %+v", path, at)
		}
		lines[path] = at.Line
	}
	wantLines := map[string]int{
		"name": 3, "queue": 4, "serviceLevel": 7, "agents": 25, "order": 26, "lastAgent": 27, "alert": 28, "calendar": 8, "wrapUp": 29, "rings": 32,
		"routes[vip@help.example.com]": 12, "routes[vip@help.example.com].from": 12, "routes[vip@help.example.com].priority": 17,
		"routes[vip@help.example.com].skills": 18, "routes[vip@help.example.com].language": 19,
		"routes[support@help.example.com]": 13, "routes[support@help.example.com].from": 13, "routes[support@help.example.com].priority": 22,
		"routes[support@help.example.com].skills": 23,
	}
	if d := cmp.Diff(wantLines, lines); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestAbsentIsNotOwnedAndEmptyIsOwnedAndEmptied(t *testing.T) {
	t.Parallel()
	head := "version: 1\nname: s\nqueue: Q\n"
	address := "addresses: [{ address: a@b.example, rule: r, from: F }]\n"
	tests := map[string]struct {
		src    string
		queue  routing.QueueSettings
		routes []routing.RouteSettings
		agents *[]string
	}{
		"nothing":     {},
		"empty relax": {src: "relax: []\n", queue: routing.QueueSettings{Rings: &routing.Rings{}}},
		"no agents":   {src: "members: { agents: [] }\n", agents: &[]string{}},
		"no groups":   {src: "members: { groups: [] }\n", queue: routing.QueueSettings{Groups: &[]routing.Group{}}},
		"a rule that asks for nothing": {
			src:    address + "rules: [{ name: r }]\n",
			routes: []routing.RouteSettings{{Queue: &routing.Ref{Name: "Q"}, From: new("F")}},
		},
		"a rule that empties everything": {
			src:    address + "rules: [{ name: r, priority: 0, skills: [], language: none }]\n",
			routes: []routing.RouteSettings{{Queue: &routing.Ref{Name: "Q"}, From: new("F"), Priority: new(0), Skills: &[]routing.Ref{}, Language: &routing.Ref{}}},
		},
		"a wrap-up without a timeout": {src: "wrapUp: { mode: optional }\n", queue: routing.QueueSettings{WrapUp: &routing.WrapUp{Mode: routing.WrapUpOptional}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, head+tt.src).Desired()
			if d := cmp.Diff(tt.queue, got.Queue.Settings); d != "" {
				t.Errorf("queue (-want +got):\n%s", d)
			}
			var routes []routing.RouteSettings
			for _, r := range got.Routes {
				routes = append(routes, r.Settings)
			}
			if d := cmp.Diff(tt.routes, routes); d != "" {
				t.Errorf("routes (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.agents, got.Members); d != "" {
				t.Errorf("members (-want +got):\n%s", d)
			}
		})
	}
}

// A waiver ends with its last day, on the clock that the strategy goes by: in
// Cairo the clock was put forward at the midnight before 2026-04-24.
func TestWaiversEndWithTheirLastDay(t *testing.T) {
	t.Parallel()
	head := "version: 1\nname: s\nqueue: Q\nrules: [{ name: vip, when: email.subject == \"x\" }]\n"
	cairo := "calendar: office\ncalendars: { office: { timezone: Africa/Cairo, open: { mon: 08:00-12:00 } } }\n"
	tests := map[string]struct{ src, day, want string }{
		"no calendar":                   {"", "2026-12-31", "2027-01-01T00:00:00Z"},
		"a calendar":                    {cairo, "2026-12-31", "2026-12-31T22:00:00Z"},
		"a calendar that is only there": {strings.TrimPrefix(cairo, "calendar: office\n"), "2026-12-31", "2027-01-01T00:00:00Z"},
		"a midnight that is left out":   {cairo, "2026-04-23", "2026-04-23T22:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := head + tt.src + "coverage:\n  proficiency: 2.5\n  waive:\n    - { finding: unservable, rule: vip, agent: Ann, until: " + tt.day + ", reason: two people start }\n"
			s, problems := strategy.Parse("s.yaml", []byte(src))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			got := s.Desired()
			end, err := time.Parse(time.RFC3339, tt.want)
			if err != nil {
				t.Fatal(err)
			}
			line := 4 + strings.Count(tt.src, "\n")
			want := routing.Staffing{Proficiency: 2.5, Waivers: []routing.Waiver{{
				Finding: routing.Unservable, Rule: "vip", Agent: "Ann", Until: end, Reason: "two people start", At: routing.Place{File: "s.yaml", Line: line + 4, Column: 7},
			}}}
			if d := cmp.Diff(want, got.Staffing); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if at := got.Places["coverage.proficiency"]; at.Line != line+2 || got.Places["coverage"].Line != line+1 {
				t.Errorf("proficiency is at %+v", at)
			}
		})
	}
	if got := parse(t, "version: 1\nname: s\nqueue: Q\ncoverage: {}\n").Desired().Staffing; got.Proficiency != 0 || got.Waivers != nil {
		t.Errorf("nothing is said, and it is %+v", got)
	}
}

// What can be found can be waived by name.
func TestWaiversKnowEveryFinding(t *testing.T) {
	t.Parallel()
	var want []string
	for _, f := range routing.FindingTypes {
		want = append(want, string(f.Type))
	}
	if d := cmp.Diff(want, yamlfile.Enum[strategy.Waiver]("finding")); d != "" {
		t.Fatalf("the tag of Waiver.Finding is not what routing.FindingTypes has (-types +tag):\n%s", d)
	}
}

// The same file, however it was saved.
func TestSpellingOfTheFileDoesNotMatter(t *testing.T) {
	t.Parallel()
	src := "version: 1\nname: s\nqueue: Süd\n\nserviceLevel: { percent: 90, within: 4h }\n"
	want := parse(t, src).Desired()
	tests := map[string]string{
		"a byte order mark":    "\ufeff" + src,
		"lines ended by CR LF": strings.ReplaceAll(src, "\n", "\r\n"),
		"lines ended by CR":    strings.ReplaceAll(src, "\n", "\r"),
		"a document marker":    strings.Replace("---\n"+src, "\n\n", "\n", 1),
		"no newline at end":    strings.TrimSpace(src),
		"tabs after a colon":   strings.ReplaceAll(src, ": ", ":\t"),
		"JSON":                 `{"version": 1, "name": "s", "queue": "Süd", "serviceLevel": {"percent": 90, "within": "4h"}}`,
	}
	for name, src := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(want, parse(t, src).Desired(), cmpopts.IgnoreFields(routing.Desired{}, "Places")); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestDecideFollowsTheAddress(t *testing.T) {
	t.Parallel()
	s := parse(t, string(example(t)))
	tests := map[string]struct {
		to   string
		want strategy.Decision
	}{
		"the vip desk":  {"VIP@Help.Example.com", strategy.Decision{Rule: "vip", Priority: new(240), Skills: []string{"Billing"}, Language: "English", Why: "vip@help.example.com follows the rule vip (line 12)"}},
		"everyone else": {"support@help.example.com", strategy.Decision{Rule: "standard", Priority: new(0), Skills: []string{"Billing"}, Why: "support@help.example.com follows the rule standard (line 13)"}},
		"a stranger":    {"x@help.example.com", strategy.Decision{Why: "no address of the strategy is x@help.example.com"}},
		"no address":    {"x", strategy.Decision{Why: `"x" is not an email address`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, s.Decide(strategy.Email{To: tt.to})); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestProblemsAreAnErrorOnlyWhereOneIs(t *testing.T) {
	t.Parallel()
	_, problems := strategy.Parse("s.yaml", []byte("version: 1\nname: s\nqueue: Q\nalert: 20m\n"))
	if len(problems) != 1 || problems[0].Severity != strategy.Warning || problems.Err() != nil {
		t.Fatalf("want one warning and no error, got %v", problems)
	}
	if want := "s.yaml:4:8: warning: alert: 20m is longer than the 15m that the platform's own page allows (it may be refused on apply)"; problems.Error() != want {
		t.Errorf("got %s", problems.Error())
	}
	var one *strategy.Problem
	if !errors.As(problems, &one) || one.Field != "alert" {
		t.Errorf("no single problem is found in %v", problems)
	}
	s, problems := strategy.Parse("s.yaml", []byte("version: 2\nname: s\nqueue: Q\nalert: 20m\n"))
	if s == nil || len(problems) != 2 || problems.Err() == nil {
		t.Fatalf("want a strategy, a warning and an error, got %v", problems)
	}
}

func TestRenderPaintsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	_, problems := strategy.Parse("s.yaml", []byte("version: 1\nname: s\nqueue: Q\n\tx: 1\n"))
	var plain, color strings.Builder
	if err := problems.Render(&plain, false); err != nil {
		t.Fatal(err)
	}
	if err := problems.Render(&color, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.String(), "\x1b") || plain.String() != problems.Text() {
		t.Errorf("plain text has colours: %q", plain.String())
	}
	stripped := color.String()
	for _, code := range []string{"\x1b[31m", "\x1b[33m", "\x1b[36m", "\x1b[1m", "\x1b[0m"} {
		stripped = strings.ReplaceAll(stripped, code, "")
	}
	if stripped != plain.String() || color.String() == plain.String() {
		t.Errorf("coloured text is another text:\n%q\n%q", plain.String(), color.String())
	}
}

func TestEveryMistakeIsListed(t *testing.T) {
	t.Parallel()
	src := `version: 2
nam: support
queue: 7
serviceLevel: { percent: 0.9, within: 4 }
addresses:
  - { address: nobody, rule: vpi }
rules:
  - { name: vip, priority: high, skills: Billing }
agents: random
relax: [{ after: 80h }]
adjust: {}
`
	_, problems := strategy.Parse("s.yaml", []byte(src))
	var fields []string
	for _, p := range problems {
		fields = append(fields, p.Field)
	}
	want := []string{
		"version", "nam", "queue", "serviceLevel.percent", "serviceLevel.within", "addresses[0].from", "addresses[0].address", "addresses[0].rule",
		"rules[0].name", "rules[0].priority", "rules[0].skills", "agents", "relax[0]", "relax[0].after", "adjust.mode",
	}
	slices.Sort(want)
	slices.Sort(fields)
	if d := cmp.Diff(want, fields); d != "" {
		t.Fatalf("(-want +got):\n%s\n%s", d, problems)
	}
	if !slices.IsSortedFunc(problems, func(a, b *strategy.Problem) int { return a.Line - b.Line }) {
		t.Errorf("not in the order of the file:\n%s", problems)
	}
}

func TestDecideTriesConditionsFirst(t *testing.T) {
	t.Parallel()
	s := parse(t, `version: 1
name: s
queue: Q
addresses: [{ address: a@b.example, rule: standard, from: Desk }]
rules:
  - { name: standard, priority: 5, skills: [Billing], language: English }
  - { name: gold, when: email.attributes.tier == "gold", priority: 240 }
  - { name: other, when: '!(email.attributes.tier == "gold")', skills: [], language: none }
  - { name: shout, when: email.subject == "URGENT" && email.from == "x@y.example", skills: [VIP] }
`)
	without := "a@b.example follows the rule standard (line 4)"
	holds := func(rule string, line int, without string) string {
		return fmt.Sprintf("the condition of the rule %s holds (line %d), while foresort serve runs; without it, %s", rule, line, without)
	}
	gold := map[string]string{"tier": "gold"}
	tests := map[string]struct {
		email strategy.Email
		want  strategy.Decision
	}{
		"the first that holds counts": {
			strategy.Email{To: "a@b.example", Subject: "URGENT", From: "x@y.example", Attributes: gold},
			strategy.Decision{Rule: "gold", Priority: new(240), Skills: []string{"Billing"}, Language: "English", Why: holds("gold", 7, without)},
		},
		"an empty list is said, too": {
			strategy.Email{To: "a@b.example", Attributes: map[string]string{"tier": "silver"}},
			strategy.Decision{Rule: "other", Priority: new(5), Skills: []string{}, Language: "none", Why: holds("other", 8, without)},
		},
		"without the attribute neither it nor its opposite holds": {
			strategy.Email{To: "a@b.example", Subject: "URGENT", From: "x@y.example"},
			strategy.Decision{Rule: "shout", Priority: new(5), Skills: []string{"VIP"}, Language: "English", Why: holds("shout", 9, without)},
		},
		"none holds": {
			strategy.Email{To: "a@b.example", Subject: "URGENT"},
			strategy.Decision{Rule: "standard", Priority: new(5), Skills: []string{"Billing"}, Language: "English", Why: without},
		},
		"an address that is not in the file": {
			strategy.Email{To: "x@b.example", Attributes: gold},
			strategy.Decision{Rule: "gold", Priority: new(240), Why: holds("gold", 7, "no address of the strategy is x@b.example")},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, s.Decide(tt.email)); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}
