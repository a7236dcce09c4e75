package strategy_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// hardNames are names that YAML would read as something else, or not at all.
var hardNames = []string{
	"Billing", "Back Office", "yes", "No", "null", "~", "1e3", "0x1f", "007", "-", "- dash", "# hash", "a: b", "a #b", "trailing ",
	" leading", `say "hi"`, "it's", `back\slash`, "Ünïcode", "日本語", "🙂", "{flow}", "[list]", "*star", "&and", "!bang", "%pct", "@at", "`tick`",
	"tab\there", "line\nbreak", "\u00a0nbsp", "\ufeffbom", "2026-12-25", "08:00-12:00", "none", "id:x", "00000000-0000-4000-8000-000000000000", "a, b", "?", ":", "true",
	"\u2028separator", "\x1b[31mred", "e\u0301", ">", "|", "''", `""`, "<<", "=", ".inf",
}

func anyName() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(hardNames), rapid.String(), rapid.StringMatching(`[A-Z][a-z]{2,8}( [A-Z][a-z]{2,8})?`))
}

func maybe[T any](t *rapid.T, label string, g *rapid.Generator[T]) *T {
	if !rapid.Bool().Draw(t, label+" is there") {
		return nil
	}
	v := g.Draw(t, label)
	return &v
}

func anyDuration(units ...time.Duration) *rapid.Generator[routing.Duration] {
	return rapid.Custom(func(t *rapid.T) routing.Duration {
		return routing.Duration(time.Duration(rapid.IntRange(-1, 5000).Draw(t, "n")) * rapid.SampledFrom(units).Draw(t, "unit"))
	})
}

func some[T any](t *rapid.T, label string, from []T, limit int) []T {
	out := []T{}
	if len(from) == 0 {
		return out
	}
	for range rapid.IntRange(0, limit).Draw(t, label+" count") {
		out = append(out, rapid.SampledFrom(from).Draw(t, label))
	}
	return out
}

func anyRefs(t *rapid.T, label string) []routing.Ref {
	refs := []routing.Ref{}
	for i := range rapid.IntRange(0, 6).Draw(t, label) {
		refs = append(refs, routing.Ref{ID: fmt.Sprintf("%s-%d", label, i), Name: anyName().Draw(t, label+" name")})
	}
	return refs
}

// anyOrg is an organisation with one queue to import, its routes, and a second
// queue that may share names with it.
func anyOrg(t *rapid.T) (routing.Org, routing.Queue) {
	org := routing.Org{Skills: anyRefs(t, "skill"), Languages: anyRefs(t, "language"), SkillGroups: anyRefs(t, "group"), Agents: []routing.Agent{}, Utilization: map[string]routing.Utilization{}}
	groups := []routing.Group{{Ref: routing.Ref{ID: "plain", Name: anyName().Draw(t, "plain group")}, Kind: routing.PlainGroup}}
	for _, r := range org.SkillGroups {
		groups = append(groups, routing.Group{Ref: r, Kind: routing.SkillGroup})
	}
	skills := append(slices.Clone(org.Skills), routing.Ref{ID: "gone", Name: "Not Read"}, routing.Ref{ID: "bare"})
	for i := range rapid.IntRange(0, 5).Draw(t, "agents") {
		a := routing.Agent{Ref: routing.Ref{ID: fmt.Sprint("agent-", i), Name: anyName().Draw(t, "agent name")}}
		a.Email = rapid.SampledFrom([]string{"", fmt.Sprintf("A%d@example.com", i), "shared@example.com", a.Name}).Draw(t, "agent email")
		org.Agents = append(org.Agents, a)
		org.Utilization[a.ID] = routing.Utilization{Own: rapid.Bool().Draw(t, "own"), Settings: routing.UtilizationSettings{Email: maybe(t, "capacity", rapid.IntRange(3, 4))}}
	}

	q := routing.Queue{Ref: routing.Ref{ID: "queue-1", Name: anyName().Draw(t, "queue name")}}
	s := &q.Settings
	s.ServiceLevel = maybe(t, "service level", rapid.Custom(func(t *rapid.T) routing.ServiceLevel {
		return routing.ServiceLevel{Percent: rapid.SampledFrom([]float64{0, 0.5, 1, 80, 87.5, 100, 101}).Draw(t, "percent"), Within: anyDuration(time.Second, time.Minute, time.Millisecond).Draw(t, "within")}
	}))
	s.Alert = maybe(t, "alert", anyDuration(time.Second, time.Millisecond))
	s.WrapUp = maybe(t, "wrap-up", rapid.Custom(func(t *rapid.T) routing.WrapUp {
		return routing.WrapUp{
			Mode:    rapid.SampledFrom([]routing.WrapUpMode{routing.WrapUpOptional, routing.WrapUpMandatory, routing.WrapUpMandatoryTimeout, routing.WrapUpMandatoryForcedTimeout, routing.WrapUpAgentRequested, "NEW_MODE"}).Draw(t, "mode"),
			Timeout: maybe(t, "timeout", anyDuration(time.Second, time.Millisecond)),
		}
	}))
	s.Agents = maybe(t, "evaluation", rapid.SampledFrom([]routing.Evaluation{routing.BestSkill, routing.AllSkills, routing.LongestIdle, "NEW"}))
	s.Order = maybe(t, "order", rapid.SampledFrom([]routing.Order{routing.AgeAndPriority, routing.PriorityOnly, "NEW: #1"}))
	s.LastAgent = maybe(t, "last agent", rapid.SampledFrom([]routing.LastAgent{routing.LastAgentAny, routing.LastAgentQueueMembers, routing.LastAgentOff, "x"}))
	s.Groups = maybe(t, "member groups", rapid.Custom(func(t *rapid.T) []routing.Group { return some(t, "member group", groups, 3) }))
	s.Rings = maybe(t, "rings", rapid.Custom(func(t *rapid.T) routing.Rings {
		rings := routing.Rings{}
		for i := range rapid.IntRange(0, 7).Draw(t, "ring count") {
			r := routing.Ring{Wait: maybe(t, "wait", anyDuration(time.Minute, time.Millisecond)), Drop: some(t, "drop", skills, 2)}
			if i > 0 || rapid.IntRange(0, 9).Draw(t, "first ring has groups") == 0 {
				r.Groups = some(t, "ring group", groups, 2)
			}
			rings = append(rings, r)
		}
		return rings
	}))
	if rapid.Bool().Draw(t, "members were read") {
		q.Members = []routing.Member{}
		for _, a := range org.Agents {
			if rapid.Bool().Draw(t, "is member") {
				q.Members = append(q.Members, routing.Member{Ref: a.Ref, Ring: 1, ByGroup: rapid.Bool().Draw(t, "by group"), Email: a.Email})
			}
		}
	}
	org.Queues = []routing.Queue{{Ref: routing.Ref{ID: "queue-2", Name: rapid.SampledFrom([]string{"Other", q.Name + " ", strings.ToUpper(q.Name) + "2"}).Draw(t, "other queue")}}, q}

	domains := []string{"help.example.com", "example.org", "not a domain"}
	for _, d := range domains {
		org.Domains = append(org.Domains, routing.EmailDomain{Name: d})
	}
	languages := append(slices.Clone(org.Languages), routing.Ref{})
	for i := range rapid.IntRange(0, 5).Draw(t, "routes") {
		local := rapid.SampledFrom([]string{"support", "vip", "no", "o'neill", "*", "a+b", "none", "1e3", "über", "with space", "a@b"}).Draw(t, "local")
		r := routing.EmailRoute{ID: fmt.Sprint("route-", i), Address: routing.Address{Local: local, Domain: rapid.SampledFrom(domains).Draw(t, "domain")}, Status: routing.RouteActive}
		if slices.ContainsFunc(org.Routes, func(x routing.EmailRoute) bool { return x.Address == r.Address }) {
			continue
		}
		if rapid.IntRange(0, 5).Draw(t, "flow") == 0 {
			r.Flow = &routing.Ref{ID: "flow", Name: anyName().Draw(t, "flow name")}
			org.Routes = append(org.Routes, r)
			continue
		}
		r.Settings = routing.RouteSettings{
			Queue: &routing.Ref{ID: rapid.SampledFrom([]string{"queue-1", "queue-1", "queue-2"}).Draw(t, "to")}, From: maybe(t, "from", anyName()),
			Priority: maybe(t, "priority", rapid.SampledFrom([]int{0, 240, -5, 25_000_000, 25_000_001})),
			Skills:   maybe(t, "skills", rapid.Custom(func(t *rapid.T) []routing.Ref { return some(t, "skill", skills, 3) })),
			Language: maybe(t, "language", rapid.SampledFrom(languages)),
		}
		org.Routes = append(org.Routes, r)
	}
	return org, q
}

// The round trip: what is imported has an empty plan, and what stays out is
// said.
func TestImportedQueueHasAnEmptyPlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		org, q := anyOrg(t)
		text, notes, err := strategy.Import(org, q)
		if err != nil {
			if strings.HasSuffix(err.Error(), "on the platform") || strings.HasSuffix(err.Error(), "calls queues by name") {
				t.Skip("the queue itself cannot be named") // TestImportSaysWhatItCannotDo has the words
			}
			t.Fatal(err)
		}
		s, problems := strategy.Parse("live.yaml", text)
		if err := problems.Err(); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		desired := s.Desired()
		p, missing := plan.Build(desired, org, plan.Memory{})
		if len(missing) > 0 {
			t.Fatalf("not to be planned: %v\n%s", missing, text)
		}
		if len(p.Changes) > 0 {
			t.Fatalf("the plan of what is live has changes: %+v\n%s", p.Changes[0], text)
		}
		if left := notOwned(q.Settings, desired.Queue.Settings); len(left) > len(notes) {
			t.Fatalf("%v are not owned, and only %d notes say so\n%s", left, len(notes), text)
		}
		if again, err := strategy.Format("live.yaml", text); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("an imported file is not in its usual form (%v):\n%s", err, text)
		}
	})
}

// notOwned lists the fields that are live and not in the file.
func notOwned(live, file routing.QueueSettings) []routing.Field {
	owned := routing.Owned(file)
	return slices.DeleteFunc(routing.Owned(live), func(f routing.Field) bool { return slices.Contains(owned, f) })
}

func supportOrg() (routing.Org, routing.Queue) {
	billing, english := routing.Ref{ID: "s1", Name: "Billing"}, routing.Ref{ID: "l1", Name: "English"}
	office := routing.Group{Ref: routing.Ref{ID: "g1", Name: "Back Office"}, Kind: routing.SkillGroup}
	wait, from, vip, none := routing.Duration(2*time.Hour), "Example support", 240, 0
	best := routing.BestSkill
	q := routing.Queue{
		Ref: routing.Ref{ID: "q1", Name: "Support Email"},
		Settings: routing.QueueSettings{
			ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)},
			Agents:       &best,
			Rings:        &routing.Rings{{Wait: &wait, Drop: []routing.Ref{billing}}, {Groups: []routing.Group{office}}},
		},
		Members: []routing.Member{{Ref: routing.Ref{ID: "u1", Name: "Ann"}, Ring: 1}},
	}
	route := func(local string, priority *int, language *routing.Ref) routing.EmailRoute {
		return routing.EmailRoute{ID: local, Address: routing.Address{Local: local, Domain: "help.example.com"}, Settings: routing.RouteSettings{
			Queue: &routing.Ref{ID: "q1"}, From: &from, Priority: priority, Skills: &[]routing.Ref{billing}, Language: language,
		}}
	}
	flow := routing.EmailRoute{ID: "news", Address: routing.Address{Local: "news", Domain: "help.example.com"}, Flow: &routing.Ref{ID: "f1", Name: "Newsletter"}}
	return routing.Org{
		Queues: []routing.Queue{q}, Skills: []routing.Ref{billing}, Languages: []routing.Ref{english}, SkillGroups: []routing.Ref{office.Ref},
		Agents: []routing.Agent{{Ref: routing.Ref{ID: "u1", Name: "Ann"}, Email: "Ann@example.com"}},
		Routes: []routing.EmailRoute{route("vip", &vip, &english), route("support", &none, nil), route("hello", &none, nil), flow},
	}, q
}

func TestImportWritesAFileThatReadsWell(t *testing.T) {
	t.Parallel()
	text, notes, err := strategy.Import(supportOrg())
	if err != nil {
		t.Fatal(err)
	}
	want := `# As the queue was on the platform when it was imported. What is left out here is
# left alone there.
version: 1
name: support-email
queue: Support Email

serviceLevel: { percent: 90, within: 4h }

addresses:
  - { address: vip@help.example.com, rule: vip, from: Example support }
  - { address: support@help.example.com, rule: support, from: Example support }
  - { address: hello@help.example.com, rule: support, from: Example support }
# addresses: news@help.example.com is answered by the flow Newsletter, which is never
#   touched

rules:
  - name: vip
    priority: 240
    skills: [Billing]
    language: English
  - name: support
    priority: 0
    skills: [Billing]
agents: best-skill
members:
  agents: [ann@example.com]
relax:
  - { after: 2h, drop: [Billing], add: [Back Office] }
`
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff([]strategy.Note{{Field: "addresses", Text: "news@help.example.com is answered by the flow Newsletter, which is never touched"}}, notes); d != "" {
		t.Fatalf("notes (-want +got):\n%s", d)
	}
}

func TestImportSaysWhatItCannotDo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*routing.Org, *routing.Queue)
		note   string // the start of one note
		err    string
	}{
		"an evaluation of a later platform": {
			change: func(_ *routing.Org, q *routing.Queue) { e := routing.Evaluation("MAGIC"); q.Settings.Agents = &e },
			note:   `agents: the platform says "MAGIC", which is not known here`,
		},
		"two skills of one name": {
			change: func(o *routing.Org, _ *routing.Queue) {
				o.Skills = append(o.Skills, routing.Ref{ID: "s2", Name: "Billing"})
			},
			note: `rules: the skills of vip@help.example.com: 2 are named "Billing"`,
		},
		"groups in the first ring": {
			change: func(_ *routing.Org, q *routing.Queue) {
				r := slices.Clone(*q.Settings.Rings)
				r[0].Groups = r[1].Groups
				q.Settings.Rings = &r
			},
			note: "relax: the rings are not owned: the first ring has groups of its own",
		},
		"more rings than a queue can have": {
			change: func(_ *routing.Org, q *routing.Queue) {
				r := slices.Repeat((*q.Settings.Rings)[:1], 7)
				q.Settings.Rings = &r
			},
			note: "relax: the rings are not owned: 7 rings are more than a file can say",
		},
		"a ring without a wait": {
			change: func(_ *routing.Org, q *routing.Queue) {
				r := slices.Clone(*q.Settings.Rings)
				r[0].Wait = nil
				q.Settings.Rings = &r
			},
			note: "relax: the rings are not owned: ring 1 has no wait between 0 and 72h",
		},
		"a ring in which nothing changes": {
			change: func(_ *routing.Org, q *routing.Queue) {
				r := append(routing.Rings{{Wait: (*q.Settings.Rings)[0].Wait}}, append(routing.Rings{{Wait: (*q.Settings.Rings)[0].Wait}}, (*q.Settings.Rings)[1])...)
				q.Settings.Rings = &r
			},
			note: "relax: the rings are not owned: nothing happens between ring 1 and the next",
		},
		"a language named none": {
			change: func(o *routing.Org, _ *routing.Queue) { o.Languages[0].Name = "none" },
			note:   "rules: the language of vip@help.example.com is named none, which in a file means no language",
		},
		"a member who was not read": {
			change: func(o *routing.Org, _ *routing.Queue) { o.Agents = nil },
			note:   "members.agents: not owned, because one of the 1 cannot be named: Ann was not found by name",
		},
		"a queue that looks like an id": {
			change: func(_ *routing.Org, q *routing.Queue) { q.Name = "00000000-0000-4000-8000-000000000000" },
			err:    "import queue 00000000-0000-4000-8000-000000000000: its name cannot be told from an id; rename it on the platform",
		},
		"two queues of one name": {
			change: func(o *routing.Org, q *routing.Queue) {
				o.Queues = append(o.Queues, routing.Queue{Ref: routing.Ref{ID: "q2", Name: q.Name}})
			},
			err: "import queue Support Email: another queue has the same name (id q2); rename one of them on the platform",
		},
		"a queue without a name": {
			change: func(_ *routing.Org, q *routing.Queue) { q.Name = " " },
			err:    "import queue  : it has no name, and a file calls queues by name",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			org, q := supportOrg()
			tt.change(&org, &q)
			text, notes, err := strategy.Import(org, q)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("err = %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(notes, func(n strategy.Note) bool { return strings.HasPrefix(n.String(), tt.note) }) {
				t.Errorf("no note starts with %q: %q", tt.note, notes)
			}
			if !strings.Contains(string(text), "# "+tt.note[:30]) {
				t.Errorf("no comment says it:\n%s", text)
			}
		})
	}
}
