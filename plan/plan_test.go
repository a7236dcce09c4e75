package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	hour = routing.Duration(time.Hour)
	day  = 24 * hour
)

// example is a strategy as the compiler makes it, and the org it meets.
func example() (routing.Desired, routing.Org) {
	back := routing.Group{Ref: routing.Ref{Name: "Back Office"}}
	want := routing.Desired{
		Strategy: "support",
		Queue: routing.DesiredQueue{Name: "Support Email", Settings: routing.QueueSettings{
			ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: 4 * hour},
			WrapUp:       &routing.WrapUp{Mode: routing.WrapUpMandatoryTimeout, Timeout: new(routing.Duration(5 * time.Minute))},
			Rings: &routing.Rings{
				{Wait: new(2 * hour), Drop: []routing.Ref{{Name: "Billing"}}}, {Wait: new(6 * hour)}, {Groups: []routing.Group{back}},
			},
		}},
		Members:  &[]string{"Ann", "ben@example.com"},
		Capacity: &routing.UtilizationSettings{Email: new(3)},
		Routes: []routing.DesiredRoute{
			{Address: routing.Address{Local: "vip", Domain: worldDomain}, Rule: "vip", Settings: routing.RouteSettings{
				From: new("Example VIP desk"), Priority: new(240), Skills: &[]routing.Ref{{Name: "Billing"}}, Language: &routing.Ref{Name: "English"},
			}},
			{Address: routing.Address{Local: "support", Domain: worldDomain}, Rule: "standard", Settings: routing.RouteSettings{Priority: new(0)}},
		},
		Rules:  []routing.Rule{{Name: "vip", Deadline: new(hour)}, {Name: "standard"}},
		Places: map[string]routing.Place{},
	}
	for i, path := range []string{"queue", "serviceLevel", "wrapUp", "rings", "members", "capacity.email", "routes[vip@help.example.com]", "routes[vip@help.example.com].priority", "routes[support@help.example.com]"} {
		want.Places[path] = routing.Place{File: "support.yaml", Line: 4 + 2*i, Column: 1}
	}
	org := routing.Org{
		Ref: routing.Ref{ID: "org", Name: "Example"}, Skills: worldSkills, Languages: worldLanguages, SkillGroups: worldGroups,
		Domains: []routing.EmailDomain{{Name: worldDomain}},
		Queues: []routing.Queue{{
			Ref:      routing.Ref{ID: "queue-1", Name: "Support Email"},
			Settings: routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 80, Within: day}},
			Members:  []routing.Member{{Ref: worldAgents[0], Ring: 1}, {Ref: worldAgents[3], Ring: 1}, {Ref: worldAgents[4], Ring: 1, ByGroup: true}},
		}},
		Routes: []routing.EmailRoute{{
			ID: "route-1", Address: routing.Address{Local: "support", Domain: worldDomain}, Status: routing.RoutePending,
			Settings: routing.RouteSettings{Queue: &routing.Ref{ID: "queue-9", Name: "Old Queue"}, From: new("Example")},
		}},
		Utilization:  map[string]routing.Utilization{},
		GroupMembers: map[string][]routing.Ref{"group-Back Office": {worldAgents[5]}},
	}
	for i, a := range worldAgents {
		org.Agents = append(org.Agents, routing.Agent{Ref: a, Email: a.Name + "@example.com"})
		org.Utilization[a.ID] = routing.Utilization{Settings: routing.UtilizationSettings{Email: new(1 + i%2*2)}}
	}
	return want, org
}

func TestPrintedPlan(t *testing.T) {
	t.Parallel()
	want, org := example()
	shrunk, full := want, mustBuild(t, want, org).After(org)
	shrunk.Queue.Settings.Rings = &routing.Rings{}
	made := want
	made.Queue.Name, made.Queue.Create = "New Queue", true
	p := mustBuild(t, want, org)
	applied := time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
	mem := plan.Memory{}
	for _, c := range p.Owns {
		mem.Owned = append(mem.Owned, plan.Owned{Strategy: "support", Claim: c, Applied: applied})
	}
	mem.Owned = append(mem.Owned, plan.Owned{Strategy: "support", Claim: plan.Claim{Kind: plan.Queue, Object: org.Queues[0].Ref, Field: "alert", Value: "5m"}, Applied: applied})
	drifted, problems := plan.Build(want, org, mem)
	if problems != nil {
		t.Fatal(problems)
	}
	var done []plan.Done
	for _, c := range p.Changes {
		done = append(done, plan.Done{Change: c, Object: c.Object})
	}
	checked, nothing := p, mustBuild(t, want, full)
	checked.Checked, nothing.Checked = found(), &plan.Checked{At: applied}
	for name, p := range map[string]plan.Plan{
		"checked": checked, "checked-nothing": nothing,
		"full": p, "rings-off": mustBuild(t, shrunk, full), "create-queue": mustBuild(t, made, org), "drift": drifted,
		"nothing": mustBuild(t, want, full), "undo": plan.Reverse(p, "20261123-1", done),
	} {
		var out bytes.Buffer
		if err := plan.Print(&out, p, plan.Style{}); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".golden", out.Bytes())
	}
	var out bytes.Buffer
	if err := plan.Write(&out, p.Seal()); err != nil {
		t.Fatal(err)
	}
	golden(t, "full.json.golden", out.Bytes())
}

// found is what validation might have found for the example.
func found() *plan.Checked {
	c := &plan.Checked{At: time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)}
	add := func(t routing.FindingType, rule, agent, message string, line int) *routing.Finding {
		f := routing.Finding{Type: t, Severity: routing.SeverityOf(t), Object: "queue Support Email", Rule: rule, Agent: agent, Message: message, Do: "add somebody"}
		if agent != "" {
			f.AgentID = "id of " + agent
		}
		if line > 0 {
			f.At = routing.Place{File: "support.yaml", Line: line, Column: 1}
		}
		c.Findings = append(c.Findings, f)
		return &c.Findings[len(c.Findings)-1]
	}
	add(routing.NoMembers, "", "", "Queue has no members assigned.", 0)
	cairo := time.FixedZone("", 3*60*60)
	add(routing.Unservable, "vip", "", "nobody can ever serve rule vip (Billing + English): of 3 members none has what it asks for", 18).Waived = &routing.Waiver{
		Finding: routing.Unservable, Until: time.Date(2026, 4, 24, 1, 0, 0, 0, cairo), Reason: "two people start", At: routing.Place{File: "support.yaml", Line: 30, Column: 7},
	}
	for _, agent := range []string{"Ann", "Ben", "Dan"} {
		add(routing.SkillMismatch, "vip", agent, agent+" lacks Billing, for rule vip", 18).TooLow = []routing.Shortfall{{Name: "English", Proficiency: 1.5, Least: 2}}
		add(routing.RouteNotActive, "", "", "a route of "+agent, 0)
	}
	add(routing.SkillMismatch, "standard", "Ann", "Ann lacks Billing, for rule standard", 20).Capacity = new(0)
	add(routing.Hole, "vip", "", "nobody Sat 13:00–18:00", 18).Spans = []routing.Span{{From: c.At, To: c.At.Add(time.Hour)}}
	add(routing.ScheduleUnknown, "", "", "WFM is not licensed", 0).Numbers = []routing.Number{{Name: "agents", Value: 0.1}}
	return c
}

// A plan with findings reads back as it was saved, and says that it needs a
// program that knows them; a plan without stays as it was.
func TestFindingsArePartOfAPlan(t *testing.T) {
	t.Parallel()
	want, org := example()
	plain := mustBuild(t, want, org)
	p := plain
	p.Checked = found()
	p = p.Seal()
	if p.Version != 2 || plain.Seal().Version != 1 {
		t.Fatalf("versions %d and %d", p.Version, plain.Seal().Version)
	}
	var out bytes.Buffer
	if err := plan.Write(&out, p); err != nil {
		t.Fatal(err)
	}
	got, err := plan.Read(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(p, got); d != "" {
		t.Fatalf("(-saved +read):\n%s", d)
	}
	for what, change := range map[string][2]string{
		"a graver finding made a warning": {`"severity": "error"`, `"severity": "warning"`},
		"a longer waiver":                 {"2026-04-24", "2027-04-24"},
	} {
		if _, err := plan.Read(strings.NewReader(strings.Replace(out.String(), change[0], change[1], 1))); !errors.Is(err, plan.ErrEdited) {
			t.Errorf("%s: %v", what, err)
		}
	}
	p.Checked.Findings[0].Numbers = []routing.Number{{Name: "share", Value: math.NaN()}}
	if err := p.Seal().Verify(); !errors.Is(err, plan.ErrEdited) {
		t.Errorf("a plan that cannot be written: %v", err)
	}
}

func TestErrorsBlockAPlanUnlessTheyAreWaived(t *testing.T) {
	t.Parallel()
	p := plan.Plan{Checked: found()}
	end := p.Checked.Findings[1].Waived.Until
	for at, want := range map[time.Time]int{end.Add(-1): 1, end: 2} {
		if got := p.Blocking(at); len(got) != want {
			t.Errorf("at %s: %+v", at, got)
		}
	}
	if got := (plan.Plan{}).Blocking(end); got != nil {
		t.Errorf("without findings: %+v", got)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Fatalf("%s (-want +got):\n%s", name, d)
	}
}

func TestColourIsOnlyThereWhenAskedFor(t *testing.T) {
	t.Parallel()
	want, org := example()
	for name, style := range map[string]plan.Style{"plain": {}, "colour": plan.Colour()} {
		var out bytes.Buffer
		if err := plan.Print(&out, mustBuild(t, want, org), style); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "\x1b["); got != (name == "colour") {
			t.Errorf("%s: escape codes in the text: %t", name, got)
		}
	}
}

func TestProblemsSayWhatAndWhereAndTheWayOut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*routing.Desired, *routing.Org, *plan.Memory)
		want []string
	}{
		"several mistakes at once": {
			func(d *routing.Desired, _ *routing.Org, _ *plan.Memory) {
				(*d.Queue.Settings.Rings)[0].Drop[0].Name = "Biling"
				(*d.Queue.Settings.Rings)[2].Groups[0].Name = "Back Ofice"
				(*d.Members)[0] = "Anne"
				d.Routes[0].Settings.Language.Name = "Klingon"
			},
			[]string{
				`support.yaml:10:1: rings: no skill is named "Biling" (did you mean "Billing"?)`,
				`support.yaml:10:1: rings: no skill group is named "Back Ofice" (did you mean "Back Office"?)`,
				`support.yaml:12:1: members[0]: no agent is named "Anne" (did you mean "Ann"?)`,
				`support.yaml:16:1: routes[vip@help.example.com].language: no language is named "Klingon"`,
			},
		},
		"no such queue": {
			func(d *routing.Desired, _ *routing.Org, _ *plan.Memory) { d.Queue.Name = "Support Emil" },
			[]string{"support.yaml:4:1: queue: no queue is named \"Support Emil\" (did you mean \"Support Email\"? Or: add `create: true` to make it)"},
		},
		"no such queue to move email to": {
			func(d *routing.Desired, o *routing.Org, _ *plan.Memory) {
				o.Queues = append(o.Queues, routing.Queue{Ref: routing.Ref{ID: "r1", Name: "Returns"}}, routing.Queue{Ref: routing.Ref{ID: "r2", Name: "Returns"}}, routing.Queue{Ref: routing.Ref{ID: "o", Name: "Order Desk"}})
				var do []routing.Action
				for i, to := range []string{"Order Dsk", "Support Email", "Returns", "Order Desk"} {
					do = append(do, routing.Action{Lever: routing.LeverOverflow, To: to, At: routing.Place{File: "support.yaml", Line: 30 + i, Column: 3}})
				}
				d.Adjust = &routing.Adjust{Rules: []routing.AdjustRule{{Do: do}}}
			},
			[]string{
				`support.yaml:30:3: adjust: no queue is named "Order Dsk" (did you mean "Order Desk"?)`,
				`support.yaml:31:3: adjust: Support Email is the strategy's own queue (name another one that email can go to)`,
				`support.yaml:32:3: adjust: 2 queues are named "Returns" (rename all but one of them on the platform)`,
			},
		},
		"two queues of one name": {
			func(_ *routing.Desired, o *routing.Org, _ *plan.Memory) {
				o.Queues = append(o.Queues, routing.Queue{Ref: routing.Ref{ID: "queue-2", Name: "Support Email"}, Members: []routing.Member{}})
			},
			[]string{`support.yaml:4:1: queue: 2 queues are named "Support Email" (rename all but one of them on the platform)`},
		},
		"two agents of one name": {
			func(_ *routing.Desired, o *routing.Org, _ *plan.Memory) {
				o.Agents = append(o.Agents, routing.Agent{Ref: routing.Ref{ID: "agent-Ann2", Name: "Ann"}, Email: "ann2@example.com"})
			},
			[]string{`support.yaml:12:1: members[0]: 2 agents are named "Ann" (give each its own name on the platform, or name agents by their email address)`},
		},
		"no such domain": {
			func(d *routing.Desired, _ *routing.Org, _ *plan.Memory) {
				d.Routes[0].Address.Domain = "helq.example.com"
				d.Routes = d.Routes[:1]
			},
			[]string{`routes[vip@helq.example.com]: the organisation has no email domain helq.example.com (did you mean "help.example.com"?)`},
		},
		"a new address without a sender": {
			func(d *routing.Desired, _ *routing.Org, _ *plan.Memory) { d.Routes[0].Settings.From = nil },
			[]string{"support.yaml:16:1: routes[vip@help.example.com]: the address has no email route yet, and a new one needs the name that replies are sent from (add `from`)"},
		},
		"a route to a flow": {
			func(_ *routing.Desired, o *routing.Org, _ *plan.Memory) {
				o.Routes[0].Flow, o.Routes[0].Settings.Queue = &routing.Ref{ID: "flow", Name: "Triage"}, nil
			},
			[]string{"support.yaml:20:1: routes[support@help.example.com]: the address is answered by flow Triage, and routes to a flow are never touched (let the flow transfer to the queue, or take the route off the flow on the platform)"},
		},
		"a queue that another strategy claims": {
			func(_ *routing.Desired, o *routing.Org, m *plan.Memory) {
				m.Owned = []plan.Owned{
					{Strategy: "sales", Claim: plan.Claim{Kind: plan.Queue, Object: o.Queues[0].Ref, Field: "alert"}},
					{Strategy: "sales", Claim: plan.Claim{Kind: plan.Queue, Object: o.Queues[0].Ref, Field: "rings"}},
					{Strategy: "sales", Claim: plan.Claim{Kind: plan.Route, Object: routing.Ref{Name: "vip@help.example.com"}, Field: "queue"}},
				}
			},
			[]string{
				"support.yaml:4:1: queue: queue Support Email is claimed by strategy sales (take it out of that strategy and apply it, or give --take-over)",
				"support.yaml:16:1: routes[vip@help.example.com]: address vip@help.example.com is claimed by strategy sales (take it out of that strategy and apply it, or give --take-over)",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, org := example()
			var mem plan.Memory
			tt.edit(&want, &org, &mem)
			p, problems := plan.Build(want, org, mem)
			var got []string
			for _, x := range problems {
				got = append(got, x.Error())
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatalf("problems (-want +got):\n%s", d)
			}
			if problems.Err() == nil || len(p.Changes) != 0 {
				t.Fatalf("err %v, %d changes", problems.Err(), len(p.Changes))
			}
		})
	}
}

func notes(p plan.Plan, kind plan.NoteKind) []string {
	var out []string
	for _, n := range p.Notes {
		if n.Kind == kind {
			out = append(out, n.Text)
		}
	}
	return out
}

func TestTakingOver(t *testing.T) {
	t.Parallel()
	want, org := example()
	p, problems := plan.Build(want, org, plan.Memory{TakeOver: true, Owned: []plan.Owned{
		{Strategy: "sales", Claim: plan.Claim{Kind: plan.Queue, Object: org.Queues[0].Ref, Field: "alert"}},
	}})
	if problems != nil {
		t.Fatal(problems)
	}
	if d := cmp.Diff([]string{"queue Support Email is taken over from strategy sales"}, notes(p, plan.NoteTakeOver)); d != "" {
		t.Fatal(d)
	}
}

func TestWhatLeavesTheFileIsReleasedAndPrunedOnlyIfForesortCreatedIt(t *testing.T) {
	t.Parallel()
	want, org := example()
	owns := mustBuild(t, want, org).Owns
	org = mustBuild(t, want, org).After(org)
	vip := routing.Ref{ID: "route vip@help.example.com", Name: "vip@help.example.com"}
	var mem plan.Memory
	for _, c := range owns {
		if c.Object.Name == vip.Name {
			c.Object = vip
		}
		mem.Owned = append(mem.Owned, plan.Owned{Strategy: "support", Claim: c})
	}
	want.Routes = nil
	want.Queue.Settings.WrapUp = nil
	tests := map[string]struct {
		prune   bool
		created []plan.Object
		notes   []string
		deletes []string
	}{
		"without prune": {
			created: []plan.Object{{Kind: plan.Route, Ref: vip}},
			notes: []string{
				"email route vip@help.example.com is released: queue, from, priority, skills, language left as it is",
				"email route support@help.example.com is released: queue, priority left as it is",
				"queue Support Email is released: wrapUp left as it is",
			},
		},
		"prune": {
			prune: true, created: []plan.Object{{Kind: plan.Route, Ref: vip}}, deletes: []string{"delete email route vip@help.example.com"},
			notes: []string{
				"email route support@help.example.com is released: queue, priority left as it is",
				"queue Support Email is released: wrapUp left as it is",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mem := mem
			mem.Prune, mem.Created = tt.prune, tt.created
			p, problems := plan.Build(want, org, mem)
			if problems != nil {
				t.Fatal(problems)
			}
			var deletes []string
			for _, c := range p.Changes {
				deletes = append(deletes, c.Headline())
			}
			if d := cmp.Diff(tt.deletes, deletes); d != "" {
				t.Errorf("deletes (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.notes, notes(p, plan.NoteReleased)); d != "" {
				t.Errorf("notes (-want +got):\n%s", d)
			}
		})
	}
}

func TestPruningAQueueWaitsForTheRoutesThatStillPointToIt(t *testing.T) {
	t.Parallel()
	want, org := example()
	old := routing.Queue{Ref: routing.Ref{ID: "queue-9", Name: "Old Queue"}, Members: []routing.Member{}}
	org.Queues = append(org.Queues, old)
	mem := plan.Memory{
		Prune: true, Created: []plan.Object{{Kind: plan.Queue, Ref: old.Ref}},
		Owned: []plan.Owned{{Strategy: "support", Claim: plan.Claim{Kind: plan.Queue, Object: old.Ref, Field: "alert"}}},
	}
	last := func() string {
		p, problems := plan.Build(want, org, mem)
		if problems != nil {
			t.Fatal(problems)
		}
		return p.Changes[len(p.Changes)-1].Headline()
	}
	if got := last(); got != "delete queue Old Queue" {
		t.Fatalf("the last change is %q", got) // the plan itself moves the one route away
	}
	want.Routes = want.Routes[:1]
	if got := last(); got == "delete queue Old Queue" {
		t.Fatal("a queue goes that a route still points to")
	}
}

func TestMoreThanAHundredMembersTakeSeveralCalls(t *testing.T) {
	t.Parallel()
	want, org := example()
	want.Capacity, want.Members = nil, &[]string{}
	for i := range 250 {
		a := routing.Agent{Ref: routing.Ref{ID: fmt.Sprint("id-", i), Name: fmt.Sprint("Agent ", i)}}
		org.Agents = append(org.Agents, a)
		*want.Members = append(*want.Members, a.Name)
	}
	var sizes []string
	for _, c := range mustBuild(t, want, org).Changes {
		if c.Members != nil {
			sizes = append(sizes, fmt.Sprint(c.Verb, " ", len(c.Members.Agents)))
		}
	}
	if d := cmp.Diff([]string{"join 100", "join 100", "join 50", "leave 2"}, sizes); d != "" {
		t.Fatal(d)
	}
}

func TestSavedPlanComesBackTheSame(t *testing.T) {
	t.Parallel()
	want, org := example()
	p := mustBuild(t, want, org)
	p.Made = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)
	p.Changes[0].Snapshot = json.RawMessage(`{"big": 123456789012345678901234567890, "html": "<b>"}`)
	p = p.Seal()
	var file bytes.Buffer
	if err := plan.Write(&file, p); err != nil {
		t.Fatal(err)
	}
	got, err := plan.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	compact := cmp.Transformer("compact", func(r json.RawMessage) string {
		var out bytes.Buffer
		_ = json.Compact(&out, r)
		return out.String()
	})
	if d := cmp.Diff(p, got, cmp.FilterPath(func(path cmp.Path) bool { return path.Last().String() == ".Snapshot" }, cmp.Ignore()), compact); d != "" {
		t.Fatalf("(-saved +read):\n%s", d)
	}
	if !bytes.Contains(got.Changes[0].Snapshot, []byte("123456789012345678901234567890")) {
		t.Fatalf("the snapshot lost a big number: %s", got.Changes[0].Snapshot)
	}
}

func TestReadRefusesInWords(t *testing.T) {
	t.Parallel()
	want, org := example()
	var file bytes.Buffer
	if err := plan.Write(&file, mustBuild(t, want, org).Seal()); err != nil {
		t.Fatal(err)
	}
	good := file.String()
	const edited = "read plan: the plan was changed after it was made; make a new one with `foresort plan --out FILE`"
	tests := map[string]struct{ src, want string }{
		"an empty file":      {"  \n", "read plan: the file is empty"},
		"a strategy file":    {"version: 1\nname: support\n", "read plan: the file is not JSON; a plan is what `foresort plan --out FILE` saves"},
		"other JSON":         {`{"name": "support"}`, "read plan: the file is JSON but not a plan; a plan is what `foresort plan --out FILE` saves"},
		"a list":             {`[1]`, "read plan: the file is JSON but not a plan; a plan is what `foresort plan --out FILE` saves"},
		"a newer plan":       {strings.Replace(good, `"version": 1`, `"version": 5`, 1), "read plan: the plan has format version 5 and this Foresort knows up to 4; use a newer Foresort"},
		"an edited value":    {strings.Replace(good, `"percent": 90`, `"percent": 95`, 1), edited},
		"an edited headline": {strings.Replace(good, `"strategy": "support"`, `"strategy": "sales"`, 1), edited},
		"an added key":       {strings.Replace(good, `"version": 1`, `"version": 1, "force": true`, 1), edited + ` (json: unknown field "force")`},
		"two plans":          {good + good, "read plan: the file is not JSON; a plan is what `foresort plan --out FILE` saves"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := plan.Read(strings.NewReader(tt.src))
			if err == nil || err.Error() != tt.want {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}
			if strings.HasPrefix(tt.want, edited) && !errors.Is(err, plan.ErrEdited) {
				t.Fatal("not ErrEdited")
			}
		})
	}
}

// BenchmarkBuild10kQueues plans 10,000 strategies, each with its own queue and
// two addresses, against one org, and remembers what each owns, as foresort
// plan does with many files. MB is the heap that holds the org, its index and
// all plans at once, more than was in use before; MB-of-OS is the most that the
// whole process ever had.
func BenchmarkBuild10kQueues(b *testing.B) {
	const n = 10_000
	template, base := example()
	for b.Loop() {
		b.StopTimer()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		org, wants := base, make([]routing.Desired, n)
		org.Queues, org.Routes = make([]routing.Queue, n), nil
		for i := range n {
			q := base.Queues[0]
			q.Ref = routing.Ref{ID: fmt.Sprint("queue-", i), Name: fmt.Sprint("Queue ", i)}
			org.Queues[i] = q
			w := template
			w.Strategy, w.Queue.Name = q.Name, q.Name
			w.Capacity = nil // one agent's capacity cannot belong to two strategies
			w.Routes = make([]routing.DesiredRoute, 2)
			for j := range w.Routes {
				w.Routes[j] = template.Routes[j]
				w.Routes[j].Address.Local = fmt.Sprintf("a%d-%d", i, j)
			}
			w.Routes[1].Settings.From = template.Routes[0].Settings.From
			r := base.Routes[0]
			r.Address = w.Routes[0].Address
			org.Routes = append(org.Routes, r)
			wants[i] = w
		}
		b.StartTimer()
		ix := plan.NewIndex(org, plan.Memory{})
		plans := make([]plan.Plan, n)
		for i, w := range wants {
			p, problems := ix.Build(w)
			if problems != nil {
				b.Fatal(problems)
			}
			ix.Own(p)
			plans[i] = p
		}
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
		b.ReportMetric(float64(after.Sys)/1e6, "MB-of-OS")
		b.ReportMetric(float64(len(plans[0].Changes)), "changes/plan")
		runtime.KeepAlive(plans)
		runtime.KeepAlive(ix)
		b.StartTimer()
	}
}
