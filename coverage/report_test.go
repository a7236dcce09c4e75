package coverage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/routing"
)

func TestTheReportIsOfSevenDaysFromTheQuarterHour(t *testing.T) {
	t.Parallel()
	in := sane()
	r := coverage.Check(in)
	if d := cmp.Diff(routing.Span{From: at(4, 10, 0), To: at(11, 10, 0)}, r.Span, cmp.Comparer(time.Time.Equal)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if r.Queue != "Support Email" || r.Members != 2 || r.Zone != berlin {
		t.Errorf("it is of %s with %d members on the clock of %s", r.Queue, r.Members, r.Zone)
	}
	open := 0
	for cell, is := range r.Open {
		if is {
			open++
		}
		if from := r.Span.From.Add(time.Duration(cell) * coverage.Cell).In(berlin); is != (from.Weekday() >= time.Monday && from.Weekday() <= time.Friday && from.Hour() >= 8 && from.Hour() < 18) {
			t.Errorf("%s: open is %v", from, is)
		}
	}
	if len(r.Open) != coverage.Cells || open != 5*10*4 {
		t.Errorf("%d of %d cells are open", open, len(r.Open))
	}
	type head struct {
		Name, Language string
		Skills         []string
		Within         routing.Duration
		Qualified      int
	}
	var got []head
	for _, rule := range r.Rules {
		got = append(got, head{rule.Name, rule.Language, rule.Skills, *rule.Within, rule.Qualified})
		if len(rule.Agents) != coverage.Cells || len(rule.Slots) != coverage.Cells || len(rule.Unknown) != coverage.Cells {
			t.Errorf("rule %s has %d, %d and %d cells", rule.Name, len(rule.Agents), len(rule.Slots), len(rule.Unknown))
		}
	}
	if d := cmp.Diff([]head{{"vip", "English", []string{"Billing"}, hour, 2}, {"standard", "", []string{"Billing"}, 4 * hour, 2}}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// Wednesday from 11:45: both, then one of them at lunch, then both again.
	for cell, want := range map[int]int{7: 2, 8: 1, 11: 1, 12: 1, 15: 1, 16: 2, 31: 2, 32: 0} {
		if got := r.Rules[0]; got.Agents[cell] != want || got.Slots[cell] != 3*want || got.Unknown[cell] != 0 {
			t.Errorf("in cell %d there are %d agents with %d slots and %d unknown, want %d", cell, got.Agents[cell], got.Slots[cell], got.Unknown[cell], want)
		}
	}
}

func TestTheClockOfTheReport(t *testing.T) {
	t.Parallel()
	in := sane()
	in.Want.Calendar = nil
	in.Org.Roster.Zone = zone("America/New_York")
	r := coverage.Check(in)
	if r.Zone != in.Org.Roster.Zone || r.Open != nil {
		t.Errorf("without a calendar the clock is %s", r.Zone)
	}
	in.Org.Roster.Zone = nil
	if z := coverage.Check(in).Zone; z != time.UTC {
		t.Errorf("without a zone the clock is %s", z)
	}
	in.Org.Roster = nil
	if z := coverage.Check(in).Zone; z != time.UTC {
		t.Errorf("without schedules the clock is %s", z)
	}
}

// What cannot be read of capacity is said to be not known, not to be nothing.
func TestSlotsAreNotKnownWhereACapacityIsNot(t *testing.T) {
	t.Parallel()
	in := sane()
	delete(in.Org.Utilization, "ben")
	in.Org.OrgUtilization = nil
	r := coverage.Check(in)
	if r.Rules[0].Slots != nil || r.Rules[0].Agents[0] != 2 || r.Balance != nil {
		t.Errorf("slots %v, agents %v", r.Rules[0].Slots, r.Rules[0].Agents[:4])
	}
}

func TestWhoMayBeThereIsUnknown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change          func(in *coverage.Input)
		agents, unknown int // of rule vip, at noon on Thursday: Ann has lunch then
	}{
		"all is known":      {func(*coverage.Input) {}, 1, 0},
		"no schedule":       {func(in *coverage.Input) { delete(in.Org.Roster.Agents, "ben") }, 0, 1},
		"no schedules":      {func(in *coverage.Input) { in.Org.Roster = nil }, 0, 2},
		"no skills":         {func(in *coverage.Input) { delete(in.Org.Ratings, "ben") }, 0, 1},
		"neither":           {func(in *coverage.Input) { delete(in.Org.Ratings, "ben"); delete(in.Org.Roster.Agents, "ben") }, 0, 1},
		"no skills, absent": {func(in *coverage.Input) { delete(in.Org.Ratings, "ann") }, 1, 0},
		"no skills, idle":   {func(in *coverage.Input) { delete(in.Org.Ratings, "ben"); own(in, ben, 0) }, 0, 0},
		"no skills, not active": {func(in *coverage.Input) {
			delete(in.Org.Ratings, "ben")
			queue(in).Members[1].Joined = false
		}, 0, 0},
		"no skills, in a ring that is entered in time": {func(in *coverage.Input) { delete(in.Org.Ratings, "ben"); rings(in, hour) }, 0, 1},
		"no skills, in a ring that is entered late":    {func(in *coverage.Input) { delete(in.Org.Ratings, "ben"); rings(in, 2*hour) }, 0, 0},
		"no skills and none needed": {func(in *coverage.Input) {
			in.Org.Ratings = nil
			in.Want.Rules[0].Skills, in.Want.Rules[0].Language = nil, nil
		}, 1, 0},
		"no schedule around some seconds of a minute": {func(in *coverage.Input) {
			s := in.Org.Roster.Agents["ben"]
			s.Known = []routing.Span{{From: at(5, 12, 3).Add(20 * time.Second), To: at(5, 12, 3).Add(40 * time.Second)}}
			in.Org.Roster.Agents["ben"] = s
		}, 0, 1},
		"a group that was not read": {func(in *coverage.Input) {
			settings(in).Groups = &[]routing.Group{newGroup("A"), newGroup("B")}
		}, 1, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sane()
			tt.change(&in)
			const noonOfThursday = (14 + 12) * 4
			got := coverage.Check(in).Rules[0]
			if got.Agents[noonOfThursday] != tt.agents || got.Unknown[noonOfThursday] != tt.unknown {
				t.Errorf("%d agents and %d unknown, want %d and %d", got.Agents[noonOfThursday], got.Unknown[noonOfThursday], tt.agents, tt.unknown)
			}
		})
	}
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	const line = 40
	now := sane().Now
	tests := map[string]struct {
		waivers []routing.Waiver
		waived  []string // the findings that are waived, with the reason
		said    []string
	}{
		"none": {},
		"of a type": {
			waivers: []routing.Waiver{{Finding: routing.SkillMismatch, Reason: "training"}},
			waived:  []string{"skill_mismatch vip Ben: training", "skill_mismatch standard Ben: training"},
		},
		"of a rule": {
			waivers: []routing.Waiver{{Finding: routing.SkillMismatch, Rule: "standard"}},
			waived:  []string{"skill_mismatch standard Ben: "},
		},
		"of an agent by name": {
			waivers: []routing.Waiver{{Finding: routing.ZeroCapacity, Agent: "Ann"}},
			waived:  []string{"zero_capacity  Ann: "},
		},
		"of an agent by id": {
			waivers: []routing.Waiver{{Finding: routing.ZeroCapacity, Agent: "ann"}},
			waived:  []string{"zero_capacity  Ann: "},
		},
		"of another rule": {
			waivers: []routing.Waiver{{Finding: routing.SkillMismatch, Rule: "other"}},
			said:    []string{"line 40: the waiver of skill_mismatch waives nothing: there is no such finding"},
		},
		"of another agent": {
			waivers: []routing.Waiver{{Finding: routing.SkillMismatch, Agent: "Ann"}},
			said:    []string{"line 40: the waiver of skill_mismatch waives nothing: there is no such finding"},
		},
		"of what is not found": {
			waivers: []routing.Waiver{{Finding: routing.NoMembers}},
			said:    []string{"line 40: the waiver of no_members waives nothing: there is no such finding"},
		},
		"of a note, which needs none": {
			waivers: []routing.Waiver{{Finding: routing.ScheduleUnknown}},
		},
		"that has ended": {
			waivers: []routing.Waiver{{Finding: routing.SkillMismatch, Until: at(4, 0, 0)}},
			said:    []string{"line 40: the waiver of skill_mismatch ended on 2026-03-03"},
		},
		"that ends now": {
			waivers: []routing.Waiver{{Finding: routing.SkillMismatch, Until: now}},
			said:    []string{"line 40: the waiver of skill_mismatch ended on 2026-03-03"}, // noon before it
		},
		"that has ended on a clock of its own": {
			waivers: []routing.Waiver{{Finding: routing.SkillMismatch, Until: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)}},
			said:    []string{"line 40: the waiver of skill_mismatch ended on 2026-03-03"},
		},
		"that has ended and waives nothing": {
			waivers: []routing.Waiver{{Finding: routing.NoMembers, Until: at(4, 0, 0)}},
			said:    []string{"line 40: the waiver of no_members ended on 2026-03-03"},
		},
		"two, of which the longer counts": {
			waivers: []routing.Waiver{
				{Finding: routing.ZeroCapacity, Until: at(6, 0, 0), Reason: "short"},
				{Finding: routing.ZeroCapacity, Until: at(7, 0, 0), Reason: "long"},
				{Finding: routing.ZeroCapacity, Until: at(6, 0, 0), Reason: "short"},
			},
			waived: []string{"zero_capacity  Ann: long"},
		},
		"two, of which one has ended": {
			waivers: []routing.Waiver{{Finding: routing.ZeroCapacity, Until: at(6, 0, 0), Reason: "holds"}, {Finding: routing.ZeroCapacity, Until: at(4, 0, 0), Reason: "ended"}},
			waived:  []string{"zero_capacity  Ann: holds"},
			said:    []string{"line 40: the waiver of zero_capacity ended on 2026-03-03"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sane()
			in.Org.Ratings["ben"] = rated(none, 3)
			own(&in, ann, 0)
			in.Org.Roster = nil
			for _, w := range tt.waivers {
				w.At.Line = line
				if w.Until.IsZero() {
					w.Until = at(31, 0, 0)
				}
				in.Want.Staffing.Waivers = append(in.Want.Staffing.Waivers, w)
			}
			r := coverage.Check(in)
			var waived []string
			for _, f := range r.Findings {
				if f.Waived != nil {
					waived = append(waived, string(f.Type)+" "+f.Rule+" "+f.Agent+": "+f.Waived.Reason)
				}
				if blocks := f.Blocks(in.Now); blocks != (f.Severity == routing.SeverityError && f.Waived == nil) {
					t.Errorf("%s blocks: %v", told(f), blocks)
				}
			}
			if d := cmp.Diff(tt.waived, waived); d != "" {
				t.Errorf("waived (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.said, r.Waivers); d != "" {
				t.Errorf("said (-want +got):\n%s", d)
			}
		})
	}
}

// A waived error keeps nothing from being applied, and does again once the waiver
// has ended.
func TestAWaivedErrorDoesNotBlock(t *testing.T) {
	t.Parallel()
	in := sane()
	queue(&in).Members, queue(&in).MemberCount = []routing.Member{}, 0
	in.Want.Staffing.Waivers = []routing.Waiver{{Finding: routing.NoMembers, Until: at(5, 0, 0)}}
	f := coverage.Check(in).Findings[0]
	if f.Blocks(in.Now) || !f.Blocks(at(5, 0, 0)) {
		t.Errorf("%+v", f)
	}
}

// Errors come first, then warnings, then notes; within these the order is that of
// the check.
func TestFindingsComeBySeverity(t *testing.T) {
	t.Parallel()
	in := sane()
	in.Org.Ratings["ann"], in.Org.Ratings["ben"] = rated(none, none), rated(none, none)
	in.Org.Roster, in.Org.Domains[0].MXStatus = nil, "INVALID"
	in.Lacks = []coverage.Lack{{Permission: "a", For: []string{"report"}}, {Permission: "b", For: []string{"apply"}, Surely: true}}
	var got []string
	for _, f := range coverage.Check(in).Findings {
		got = append(got, string(f.Severity)+" "+string(f.Type))
	}
	want := []string{
		"error missing_permission", "error unservable", "error unservable", "warning missing_permission",
		"warning skill_mismatch", "warning skill_mismatch", "warning skill_mismatch", "warning skill_mismatch", "warning domain_not_valid",
		"note schedule_unknown", "note demand_unknown",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Nothing may change what it was given: a plan is made of the same.
func TestCheckLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	change := func() coverage.Input {
		in := sane()
		rings(&in, hour/2, ref("Billing"))
		settings(&in).Groups = &[]routing.Group{newGroup("Back Office")}
		in.Want.Staffing.Waivers = []routing.Waiver{{Finding: routing.Hole, Until: at(31, 0, 0)}}
		in.Org.Ratings["ben"] = rated(none, none)
		return in
	}
	in := change()
	coverage.Check(in)
	zones := cmp.Comparer(func(a, b *time.Location) bool { return a == b })
	if d := cmp.Diff(change(), in, zones); d != "" {
		t.Errorf("(-before +after):\n%s", d)
	}
}
