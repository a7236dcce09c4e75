package plan_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

var surge = plan.Lease{Rule: "surge", Levers: []routing.Lever{routing.LeverJoin}, Ends: time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC), Reason: "high_volume_sla_breach"}

func mustOverride(t interface{ Fatalf(string, ...any) }, want routing.Desired, org routing.Org, mem plan.Memory, o plan.Override) plan.Plan {
	p, problems := plan.NewIndex(org, mem).Override(want, o, surge)
	if err := problems.Err(); err != nil {
		t.Fatalf("override: %v", err)
	}
	return p
}

// anyOverride is what rules of the autopilot can ask for.
func anyOverride(t *rapid.T, org routing.Org) plan.Override {
	var o plan.Override
	o.Settings.ServiceLevel = maybe(t, "target", func() routing.ServiceLevel {
		return routing.ServiceLevel{Percent: 90, Within: routing.Duration(rapid.IntRange(30, 90).Draw(t, "seconds")) * routing.Duration(time.Second)}
	})
	o.Settings.Groups = maybe(t, "groups", func() []routing.Group { return anyGroups(t, "override groups") })
	o.Capacity = maybe(t, "capacity", func() routing.UtilizationSettings {
		return routing.UtilizationSettings{Email: new(rapid.IntRange(1, 9).Draw(t, "emails"))}
	})
	for _, a := range subset(t, "joins", org.Agents) {
		o.Join = append(o.Join, a.Email)
	}
	if len(o.Join) == 0 {
		for _, a := range subset(t, "leaves", org.Agents) {
			o.Leave = append(o.Leave, a.Email)
		}
	}
	return o
}

// A strategy that is applied stays so under an override, which its plan neither
// fights nor takes for drift; and once that is put back there is nothing to do.
func TestAPlanAndAnOverrideDoNotFight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, org := anyDesired(t), anyOrg(t)
		applied := mustBuild(t, want, org)
		org = applied.After(org)
		mem := plan.Memory{}
		for _, c := range applied.Owns {
			mem.Owned = append(mem.Owned, plan.Owned{Strategy: want.Strategy, Claim: c, Applied: surge.Ends.Add(-3 * time.Hour)})
		}
		if p, _ := plan.Build(want, org, mem); len(p.Changes) > 0 {
			t.Skip("a plan of this strategy is never done")
		}
		p := mustOverride(t, want, org, mem, anyOverride(t, org))
		if len(p.Owns) > 0 || p.Lease == nil {
			t.Fatalf("an override owns nothing, and has a lease: %+v", p)
		}
		under := p.After(org)
		mem.InForce = []plan.InForce{{Lease: *p.Lease, Changes: p.Changes}}
		again, problems := plan.Build(want, under, mem)
		if err := problems.Err(); err != nil {
			t.Fatalf("%v", err)
		}
		if len(again.Changes) > 0 {
			t.Fatalf("the plan fights the override %+v:\n%+v", p.Changes, again.Changes)
		}
		if len(notes(again, plan.NoteDrift)) > 0 {
			t.Fatalf("the override is taken for drift: %v", again.Notes)
		}
		var done []plan.Done
		for _, c := range p.Changes {
			done = append(done, plan.Done{Change: c, Object: c.Object})
		}
		back := plan.Reverse(p, "run", done)
		mem.InForce = nil
		if p, _ := plan.Build(want, back.After(under), mem); len(p.Changes) > 0 {
			t.Fatalf("after the override was put back something is left to do: %+v", p.Changes)
		}
	})
}

func TestAPlanShowsAnOverride(t *testing.T) {
	t.Parallel()
	want, org := example()
	want.Places["adjust"] = routing.Place{File: "support.yaml", Line: 60, Column: 1}
	org = mustBuild(t, want, org).After(org)
	back := []routing.Group{{Ref: routing.Ref{Name: "Back Office"}}}
	p := mustOverride(t, want, org, plan.Memory{}, plan.Override{
		Settings: routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: 2 * hour}, Groups: &back},
		Join:     []string{"Cleo"},
	})
	under := p.After(org)
	mem := plan.Memory{InForce: []plan.InForce{{Lease: surge, Changes: p.Changes}}}
	again, _ := plan.Build(want, under, mem)
	if d := cmp.Diff([]string{
		"Cleo is a member of queue Support Email by rule surge of adjust until 2026-03-02 14:00 UTC",
		"serviceLevel of queue Support Email is 90% within 2h by rule surge of adjust until 2026-03-02 14:00 UTC; then it is 90% within 4h again",
		"the capacity of members of queue Support Email through groups is planned once the override is over that brings a group",
	}, notes(again, plan.NoteOverride)); d != "" || len(again.Changes) > 0 {
		t.Errorf("%+v (-want +got):\n%s", again.Changes, d)
	}

	// The file asks for something new: that is planned, and the override is over.
	want.Queue.Settings.ServiceLevel = &routing.ServiceLevel{Percent: 85, Within: 4 * hour}
	again, _ = plan.Build(want, under, mem)
	if len(again.Changes) != 1 || again.Changes[0].Fields[0].After != "85% within 4h" {
		t.Errorf("%+v", again.Changes)
	}
}

// What an override has set, and the file asks for by now, is announced with its place.
func TestAPlanSaysWhatItTakesOverFromAnOverride(t *testing.T) {
	t.Parallel()
	want, org := example()
	org = mustBuild(t, want, org).After(org)
	level := routing.ServiceLevel{Percent: 90, Within: 2 * hour}
	p := mustOverride(t, want, org, plan.Memory{}, plan.Override{Settings: routing.QueueSettings{ServiceLevel: &level}})
	under := p.After(org)
	mem := plan.Memory{InForce: []plan.InForce{{Lease: surge, Changes: p.Changes}}}
	want.Queue.Settings.ServiceLevel = &level
	want.Places["serviceLevel"] = routing.Place{File: "support.yaml", Line: 7, Column: 1}
	again, _ := plan.Build(want, under, mem)
	if d := cmp.Diff([]string{
		"serviceLevel of queue Support Email is 90% within 2h by rule surge of adjust until 2026-03-02 14:00 UTC, and the file asks for the same: once it is applied that stays when the override ends",
	}, notes(again, plan.NoteOverride)); d != "" || len(again.Changes) > 0 {
		t.Fatalf("%+v (-want +got):\n%s", again.Changes, d)
	}
	for _, n := range again.Notes {
		if n.Kind == plan.NoteOverride && n.At.Line != 7 {
			t.Errorf("at %v", n.At)
		}
	}
	mem.InForce = nil
	if again, _ = plan.Build(want, under, mem); len(notes(again, plan.NoteOverride)) > 0 {
		t.Errorf("no override holds: %v", again.Notes)
	}
}

func TestAnOverrideThatCannotBePlannedSaysWhy(t *testing.T) {
	t.Parallel()
	want, org := example()
	_, problems := plan.NewIndex(org, plan.Memory{}).Override(want, plan.Override{
		Join: []string{"Nobody"}, Settings: routing.QueueSettings{Groups: &[]routing.Group{{Ref: routing.Ref{Name: "Backoffice"}}}},
	}, surge)
	got := problems.Error()
	for _, part := range []string{`no agent is named "Nobody"`, `no skill group is named "Backoffice" (did you mean "Back Office"?)`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s: has no %s", got, part)
		}
	}
}

// What a live rule asks for is planned field by field, and a skill that there is
// not is found by every plan of the strategy.
func TestLivePlans(t *testing.T) {
	t.Parallel()
	org := routing.Org{
		Ref: routing.Ref{ID: "o"}, Queues: []routing.Queue{{Ref: routing.Ref{ID: "q", Name: "Q"}}},
		Skills: []routing.Ref{{ID: "s1", Name: "Billing"}}, Languages: []routing.Ref{{ID: "l1", Name: "English"}},
	}
	rule := routing.Rule{Name: "gold", When: "true", Priority: new(500), Skills: &[]routing.Ref{{Name: "Billing"}}, Language: &routing.Ref{Name: "English"}, Place: routing.Place{File: "f", Line: 3}}
	want := routing.Desired{Strategy: "s", Queue: routing.DesiredQueue{Name: "Q"}, Rules: []routing.Rule{rule}}
	emails := []plan.LiveEmail{
		{Email: routing.WaitingEmail{ConversationID: "c1", Priority: 500, Skills: []routing.Ref{{ID: "s1"}}, Language: routing.Ref{ID: "l1"}}, Rule: rule},
		{Email: routing.WaitingEmail{ConversationID: "c2", Priority: 500, Skills: []routing.Ref{}}, Rule: rule},
	}
	p, problems := plan.NewIndex(org, plan.Memory{}).Live(want, emails)
	if problems.Err() != nil || !p.Live || p.Version != 3 || len(p.Owns) > 0 || len(p.Changes) != 1 {
		t.Fatalf("%+v %v", p, problems)
	}
	c := p.Changes[0]
	if c.Object.ID != "c2" || c.Waits.ID != "q" || c.Why != "rule gold asks for it: its condition holds" || len(c.Fields) != 2 || c.Fields[0].At.Line != 3 ||
		c.Fields[0].Field != "skills" || c.Fields[0].After != "Billing" || c.Fields[1].Field != "language" {
		t.Errorf("%+v", c)
	}
	org.Skills = []routing.Ref{{ID: "s2", Name: "Biling"}}
	if _, problems := plan.Build(want, org, plan.Memory{}); len(problems) != 1 || !strings.Contains(problems.Error(), "Billing") {
		t.Errorf("%v", problems)
	}
}

func TestEmailThatMovesToAnotherQueueStaysThere(t *testing.T) {
	t.Parallel()
	org := routing.Org{Queues: []routing.Queue{{Ref: routing.Ref{ID: "q", Name: "Q"}}, {Ref: routing.Ref{ID: "r", Name: "Returns"}}}}
	want := routing.Desired{Strategy: "s", Queue: routing.DesiredQueue{Name: "Q"}}
	entered := surge.Ends.Add(-3 * time.Hour)
	email := routing.WaitingEmail{ConversationID: "c1", Entered: entered, Priority: 7}
	p := mustOverride(t, want, org, plan.Memory{}, plan.Override{
		Emails: []plan.EmailPriority{{Email: routing.WaitingEmail{ConversationID: "c2", Priority: 5}, To: 6}},
		Moves:  []plan.EmailMove{{Email: email, To: "Returns"}},
	})
	moves := plan.Change{
		ID: 2, Verb: plan.Move, Kind: plan.Email, Object: routing.Ref{ID: "c1"}, Waits: routing.Ref{ID: "q", Name: "Q"},
		Why:      "rule surge of adjust asks for it, until 2026-03-02 14:00 UTC",
		Fields:   []plan.FieldChange{{Field: "queue", Before: "Q", After: "Returns", Home: "waiting email, queue"}},
		Transfer: &plan.Transfer{To: routing.Ref{ID: "r", Name: "Returns"}, Entered: entered, Priority: 7},
	}
	if d := cmp.Diff(moves, p.Changes[1]); d != "" || p.Version != plan.Format || p.Changes[1].Headline() != "move waiting email c1 to queue Returns" {
		t.Errorf("version %d, %s (-want +got):\n%s", p.Version, p.Changes[1].Headline(), d)
	}
	var saved bytes.Buffer
	if err := plan.Write(&saved, p.Seal()); err != nil {
		t.Fatal(err)
	}
	if again, err := plan.Read(&saved); err != nil || cmp.Diff(p.Seal(), again) != "" {
		t.Errorf("saved and read: %v", err)
	}
	var done []plan.Done
	for _, c := range p.Changes {
		done = append(done, plan.Done{Change: c, Object: c.Object})
	}
	back := plan.Reverse(p, "r1", done)
	if len(back.Changes) != 1 || back.Changes[0].Object.ID != "c2" || len(back.Notes) != 1 || back.Notes[0].Kind != plan.NoteLost {
		t.Errorf("%+v", back)
	}
	if _, problems := plan.NewIndex(org, plan.Memory{}).Override(want, plan.Override{Moves: []plan.EmailMove{{Email: email, To: "Retruns"}, {Email: email, To: "Q"}}}, surge); len(problems) != 2 {
		t.Errorf("%v", problems)
	}
	for after, priority := range map[time.Duration]int{0: 7, 59 * time.Second: 7, time.Minute: 8, 90*time.Minute + 59*time.Second: 97, -time.Hour: 7} {
		if got := moves.Transfer.Raised(entered.Add(after)); got != priority {
			t.Errorf("moved after %s it has %d, want %d", after, got, priority)
		}
	}
	most := plan.Transfer{Entered: entered, Priority: routing.MostPriority - 5}
	if got := most.Raised(entered.Add(time.Hour)); got != routing.MostPriority {
		t.Errorf("%d", got)
	}
}
