package coverage_test

import (
	"testing"
	"time"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/routing"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	check(t, "members", situations{
		"nobody is a member": func(in *coverage.Input) {
			queue(in).Members, queue(in).MemberCount = []routing.Member{}, 0
		},
		"the members were not read": func(in *coverage.Input) {
			queue(in).Members = nil
		},
		"the file leaves nobody": func(in *coverage.Input) {
			in.Want.Members = &[]string{}
		},
		"a queue that is not there yet has nobody": func(in *coverage.Input) {
			in.Org.Queues = nil
		},
		"a queue that is not there yet gets its members from the file": func(in *coverage.Input) {
			in.Org.Queues = nil
			in.Want.Members = &[]string{"Ann", "BEN@example.com"}
		},
		"the file makes a member": func(in *coverage.Input) {
			in.Want.Members = &[]string{"Ann", "ben@example.com", "Cleo"}
			in.Org.Ratings["cleo"] = rated(none, none)
			own(in, cleo, 3)
			in.Org.Roster.Agents["cleo"] = in.Org.Roster.Agents["ann"]
		},
		"the file lets a member go": func(in *coverage.Input) {
			in.Want.Members = &[]string{"Ann"}
		},
		"a member whom the file names is not active": func(in *coverage.Input) {
			in.Want.Members = &[]string{"Ann", "Ben"}
			queue(in).Members[0].Joined = false
		},
		"nobody is active, and the rule asks for nothing": func(in *coverage.Input) {
			in.Want.Rules = []routing.Rule{{Name: "any"}}
			queue(in).Members[0].Joined, queue(in).Members[1].Joined = false, false
		},
		"nobody is active, and there are no rules": func(in *coverage.Input) {
			in.Want.Rules, in.Want.Routes = nil, nil
			queue(in).Members[0].Joined, queue(in).Members[1].Joined = false, false
		},
		"the one member is not active, and there are no rules": func(in *coverage.Input) {
			in.Want.Rules, in.Want.Routes = nil, nil
			queue(in).Members, queue(in).MemberCount = []routing.Member{{Ref: ann, Ring: 1}}, 1
		},
		"nobody is active, there are no rules, and a group may bring somebody": func(in *coverage.Input) {
			in.Want.Rules, in.Want.Routes = nil, nil
			queue(in).Members[0].Joined, queue(in).Members[1].Joined = false, false
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
		},
		"one is active, and there are no rules": func(in *coverage.Input) {
			in.Want.Rules, in.Want.Routes = nil, nil
			queue(in).Members[0].Joined = false
		},
		"the one member is a member through a group": func(in *coverage.Input) {
			delete(in.Want.Places, "memberGroups")
			queue(in).Members, queue(in).MemberCount = []routing.Member{{Ref: ann, Ring: 1, Joined: true, ByGroup: true}}, 1
		},
		"more are counted than listed": func(in *coverage.Input) {
			queue(in).MemberCount = 3
		},
		"nobody is listed, and one is counted": func(in *coverage.Input) {
			queue(in).Members, queue(in).MemberCount = []routing.Member{}, 1
		},
		"all are members through a group": func(in *coverage.Input) {
			queue(in).Members[0].ByGroup, queue(in).Members[1].ByGroup = true, true
			delete(in.Want.Places, "memberGroups")
		},
		"the file says that all are members through a group": func(in *coverage.Input) {
			queue(in).Members[0].ByGroup, queue(in).Members[1].ByGroup = true, true
		},
		"one is a member through a group": func(in *coverage.Input) {
			queue(in).Members[1].ByGroup = true
		},
		"a member of the group is not active": func(in *coverage.Input) {
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
			queue(in).Settings.Groups = &[]routing.Group{{Ref: routing.Ref{ID: "g", Name: "Back Office"}}}
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {ann, ben}}
			queue(in).Members = []routing.Member{{Ref: ann, Ring: 1, ByGroup: true}, {Ref: ben, Ring: 1, ByGroup: true}}
		},
		"the group brings somebody whom the list does not have yet": func(in *coverage.Input) {
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {cleo}}
			in.Org.Ratings["cleo"] = rated(5, none)
			own(in, cleo, 0)
			in.Org.Roster.Agents["cleo"] = in.Org.Roster.Agents["ann"]
		},
		"the group that brought a member is taken away": func(in *coverage.Input) {
			queue(in).Settings.Groups = &[]routing.Group{newGroup("Back Office")}
			settings(in).Groups = &[]routing.Group{}
			queue(in).Members[1].ByGroup = true
		},
		"a new group takes the place of that which brought a member": func(in *coverage.Input) {
			queue(in).Settings.Groups = &[]routing.Group{newGroup("Old")}
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
			queue(in).Members[1].ByGroup = true
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}, {ID: "h", Name: "Other"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {}, "h": {ben}}
		},
		"a group that was not read goes to another ring, and the list has its members": func(in *coverage.Input) {
			queue(in).Settings.Groups = &[]routing.Group{newGroup("Back Office")}
			settings(in).Groups = &[]routing.Group{}
			settings(in).Rings = &routing.Rings{{Wait: new(hour / 2)}, {Groups: []routing.Group{newGroup("Back Office")}}}
			queue(in).Members[1].ByGroup = true
		},
		"a group that was read is known by its id": func(in *coverage.Input) {
			settings(in).Groups = &[]routing.Group{{Ref: routing.Ref{ID: "g", Name: "Other"}}}
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}, {ID: "h", Name: "Other"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {ben}, "h": {}}
			queue(in).Members = queue(in).Members[:1]
			queue(in).MemberCount = 1
		},
		"the group alone brings somebody, whom the list does not have yet": func(in *coverage.Input) {
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {ann, ben}}
			queue(in).Members, queue(in).MemberCount = []routing.Member{}, 0
		},
		"a member through a group is in the ring of the list": func(in *coverage.Input) {
			rings(in, 2*hour)
			queue(in).Members[0].ByGroup = true
		},
		"a member through two groups is in the inner ring": func(in *coverage.Input) {
			late := routing.Rings{{Wait: new(2 * hour)}, {Groups: []routing.Group{newGroup("Back Office")}}}
			settings(in).Rings, queue(in).Settings.Rings = &late, &late
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {ben, cleo}}
			in.Org.Ratings["cleo"], in.Org.Roster.Agents["cleo"] = rated(1, 1), in.Org.Roster.Agents["ann"]
			own(in, cleo, 1)
			queue(in).Members[1].ByGroup = true
		},
		"a direct member keeps the ring whatever the groups": func(in *coverage.Input) {
			rings(in, 2*hour)
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {ben}}
		},
		"a member whom the file names keeps the ring": func(in *coverage.Input) {
			in.Want.Members = &[]string{"Ann", "Ben"}
			rings(in, 2*hour)
		},
		"nobody is a member, and there are rings": func(in *coverage.Input) {
			rings(in, 2*hour)
			queue(in).Members, queue(in).MemberCount = []routing.Member{}, 0
		},
		"bullseye is off": func(in *coverage.Input) {
			settings(in).Rings = &routing.Rings{}
		},
		"a new group that was not read": func(in *coverage.Input) {
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
			in.Org.Ratings["ann"], in.Org.Ratings["ben"] = rated(none, none), rated(none, none)
		},
		"a new queue with a group that was not read": func(in *coverage.Input) {
			in.Org.Queues = nil
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
		},
	})
}

func TestAbilities(t *testing.T) {
	t.Parallel()
	check(t, "abilities", situations{
		"an agent lacks a skill and the language": func(in *coverage.Input) {
			in.Org.Ratings["ben"] = rated(none, none)
		},
		"an agent has less than the file counts": func(in *coverage.Input) {
			in.Want.Staffing.Proficiency = 3.5
		},
		"an agent has what the file counts": func(in *coverage.Input) {
			in.Want.Staffing.Proficiency = 3
		},
		"the language is too low": func(in *coverage.Input) {
			in.Want.Staffing.Proficiency = 3
			in.Org.Ratings["ben"] = rated(3, 2)
		},
		"a proficiency of 0 is a skill": func(in *coverage.Input) {
			in.Org.Ratings["ben"] = rated(0, 0)
		},
		"skills are disregarded": func(in *coverage.Input) {
			settings(in).Agents = new(routing.LongestIdle)
			in.Org.Ratings["ann"], in.Org.Ratings["ben"] = rated(none, none), rated(none, none)
		},
		"all skills are asked for": func(in *coverage.Input) {
			settings(in).Agents = new(routing.AllSkills)
			in.Org.Ratings["ben"] = rated(3, none)
		},
		"how agents are chosen is not known": func(in *coverage.Input) {
			settings(in).Agents = nil
			in.Org.Ratings["ben"] = rated(3, none)
		},
		"a rule asks for nothing": func(in *coverage.Input) {
			in.Want.Rules[1].Skills, in.Want.Rules[0].Language = nil, nil
			in.Org.Ratings["ben"] = rated(3, none)
		},
		"a rule asks for no language": func(in *coverage.Input) {
			in.Want.Rules[0].Language = &routing.Ref{}
			in.Org.Ratings["ben"] = rated(3, none)
		},
		"ids go before names": func(in *coverage.Input) {
			in.Want.Rules[0].Skills = &[]routing.Ref{{ID: "skill-old", Name: "Billing"}}
			in.Want.Rules[1].Skills = &[]routing.Ref{{ID: "skill-billing", Name: "Renamed"}}
		},
		"nobody has it": func(in *coverage.Input) {
			in.Org.Ratings["ann"], in.Org.Ratings["ben"] = rated(4, none), rated(3, none)
		},
		"who has it has too little of it for the file, not for the platform": func(in *coverage.Input) {
			in.Want.Staffing.Proficiency = 4.5
		},
		"who has it is not active": func(in *coverage.Input) {
			in.Org.Ratings["ben"] = rated(3, none)
			queue(in).Members[0].Joined = false
		},
		"who has it is not active, and of the other it is not known whether they have": func(in *coverage.Input) {
			delete(in.Org.Ratings, "ben")
			queue(in).Members[0].Joined, queue(in).Members[1].Joined = false, false
		},
		"who has it takes no email by the organisation's utilization": func(in *coverage.Input) {
			in.Org.Ratings["ben"] = rated(3, none)
			in.Org.OrgUtilization.Settings.Email = new(0)
			delete(in.Org.Utilization, "ann")
		},
		"who has it takes no email": func(in *coverage.Input) {
			in.Org.Ratings["ben"] = rated(3, none)
			own(in, ann, 0)
		},
		"of those who have it one is not active and one takes no email": func(in *coverage.Input) {
			queue(in).Members[0].Joined = false
			own(in, ben, 0)
		},
		"a ring relaxes it in time": func(in *coverage.Input) {
			rings(in, hour/2, ref("Billing"))
			in.Org.Ratings["ben"] = rated(none, 5)
		},
		"a ring relaxes it at the deadline": func(in *coverage.Input) {
			rings(in, hour, ref("Billing"))
			in.Org.Ratings["ann"], in.Org.Ratings["ben"] = rated(none, none), rated(none, 5)
		},
		"a ring relaxes it too late for one rule": func(in *coverage.Input) {
			rings(in, 2*hour, ref("Billing"))
			in.Org.Ratings["ann"], in.Org.Ratings["ben"] = rated(none, none), rated(none, 5)
		},
		"a ring relaxes another skill": func(in *coverage.Input) {
			rings(in, 2*hour, ref("Returns"))
			in.Org.Ratings["ben"] = rated(none, 5)
		},
		"an agent of the first ring serves it once the next has relaxed it": func(in *coverage.Input) {
			rings(in, hour/2, ref("Billing"))
			in.Org.Ratings["ann"] = rated(none, 5)
		},
		"an email never gets beyond a ring without a wait": func(in *coverage.Input) {
			settings(in).Rings = &routing.Rings{{Wait: new(hour / 2)}, {Drop: []routing.Ref{ref("Billing")}}, {}}
			queue(in).Members[1].Ring = 3
			in.Org.Ratings["ben"] = rated(none, 5)
		},
		"a member in no ring that is known": func(in *coverage.Input) {
			queue(in).Members[0].Ring, queue(in).Members[1].Ring = 0, 6
		},
		"no deadline and no service level": func(in *coverage.Input) {
			rings(in, 60*hour, ref("Billing"))
			settings(in).ServiceLevel, in.Want.Rules[0].Deadline = nil, nil
			in.Org.Ratings["ann"], in.Org.Ratings["ben"] = rated(none, none), rated(none, 5)
		},
		"skills of one were not read": func(in *coverage.Input) {
			delete(in.Org.Ratings, "ben")
		},
		"skills of all were not read": func(in *coverage.Input) {
			in.Org.Ratings = nil
		},
		"skills of who alone is there were not read": func(in *coverage.Input) {
			delete(in.Org.Ratings, "ben")
			cancel(in, 6, ann)
		},
		"skills of one were not read and do not matter": func(in *coverage.Input) {
			settings(in).Agents = new(routing.LongestIdle)
			in.Org.Ratings = nil
		},
	})
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	check(t, "capacity", situations{
		"one takes no email": func(in *coverage.Input) {
			own(in, ben, 0)
		},
		"the file gives each a capacity": func(in *coverage.Input) {
			in.Org.Utilization = nil
			in.Want.Capacity = &routing.UtilizationSettings{Email: new(2)}
		},
		"the file gives each none": func(in *coverage.Input) {
			in.Want.Capacity = &routing.UtilizationSettings{Email: new(0)}
		},
		"the file says nothing of email": func(in *coverage.Input) {
			in.Want.Capacity = &routing.UtilizationSettings{}
			own(in, ben, 0)
		},
		"own utilizations were not read": func(in *coverage.Input) {
			in.Org.Utilization = nil
			in.Org.OrgUtilization.Settings.Email = new(2)
		},
		"one's own utilization was not read, and the default holds": func(in *coverage.Input) {
			delete(in.Org.Utilization, "ben")
		},
		"what was read is the organisation's": func(in *coverage.Input) {
			in.Org.Utilization["ben"] = routing.Utilization{Settings: routing.UtilizationSettings{Email: new(1)}}
		},
		"one email that nothing interrupts is not the default": func(in *coverage.Input) {
			in.Org.Utilization["ben"] = routing.Utilization{Settings: routing.UtilizationSettings{Email: new(1)}}
			in.Org.OrgUtilization.Interrupts = nil
		},
		"the default does not hold where the file has another": func(in *coverage.Input) {
			in.Org.Utilization["ben"] = routing.Utilization{Settings: routing.UtilizationSettings{Email: new(1)}}
			in.Want.Capacity = &routing.UtilizationSettings{Email: new(3)}
		},
		"the organisation's utilization is 0 and own ones were not read": func(in *coverage.Input) {
			in.Org.Utilization = nil
			in.Org.OrgUtilization.Settings.Email = new(0)
		},
		"the organisation's utilization is 0 and own ones were read": func(in *coverage.Input) {
			in.Org.OrgUtilization.Settings.Email = new(0)
		},
		"no utilization was read": func(in *coverage.Input) {
			in.Org.Utilization, in.Org.OrgUtilization = nil, nil
		},
		"the organisation's utilization has no email": func(in *coverage.Input) {
			in.Org.Utilization, in.Org.OrgUtilization = nil, &routing.Utilization{}
		},
	})
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	know := func(in *coverage.Input, who routing.Ref, known ...routing.Span) {
		s := in.Org.Roster.Agents[who.ID]
		s.Known = known
		in.Org.Roster.Agents[who.ID] = s
	}
	check(t, "schedules", situations{
		"an agent has no shift": func(in *coverage.Input) {
			in.Org.Roster.Agents["ben"] = routing.AgentSchedule{Known: in.Org.Roster.Agents["ben"].Known}
		},
		"an agent is away for all of it": func(in *coverage.Input) {
			s := in.Org.Roster.Agents["ben"]
			s.Off = []routing.Span{{From: at(1, 0, 0), To: at(15, 0, 0)}}
			in.Org.Roster.Agents["ben"] = s
		},
		"an agent has a shift only after the 7 days": func(in *coverage.Input) {
			in.Org.Roster.Agents["ben"] = routing.AgentSchedule{Known: []routing.Span{{From: at(1, 0, 0), To: at(31, 0, 0)}}, Shifts: []routing.Shift{work(11, 10, 18)}}
		},
		"an agent has no shift that is known": func(in *coverage.Input) {
			in.Org.Roster.Agents["ben"] = routing.AgentSchedule{Known: []routing.Span{{From: at(4, 10, 0), To: at(11, 9, 59)}}}
		},
		"schedules were not read": func(in *coverage.Input) {
			in.Org.Roster = nil
		},
		"nothing is published": func(in *coverage.Input) {
			in.Org.Roster.Agents = nil
			in.Org.Roster.Unknown = []string{"the organisation has no workforce management", "and none is likely"}
		},
		"one is not planned at all": func(in *coverage.Input) {
			delete(in.Org.Roster.Agents, "ben")
			in.Org.Roster.Unknown = []string{"1 of 2 agents are in no business unit of workforce management"}
		},
		"one is not planned at all, and no reason is known": func(in *coverage.Input) {
			delete(in.Org.Roster.Agents, "ben")
		},
		"nobody is there whose schedule is known": func(in *coverage.Input) {
			delete(in.Org.Roster.Agents, "ben")
			cancel(in, 6, ann)
		},
		"the end of the 7 days is not published": func(in *coverage.Input) {
			in.Org.Roster.Unknown = []string{"no schedule is published from Mon 9 Mar on"}
			know(in, ann, routing.Span{From: at(4, 10, 0), To: at(9, 0, 0)})
			know(in, ben, routing.Span{From: at(4, 10, 0), To: at(9, 0, 0)})
			cancel(in, 5, ann, ben)
		},
		"two parts that touch are all that is known": func(in *coverage.Input) {
			know(in, ben, routing.Span{From: at(8, 0, 0), To: at(12, 0, 0)}, routing.Span{From: at(1, 0, 0), To: at(8, 0, 0)})
		},
	})
}

func TestHoles(t *testing.T) {
	t.Parallel()
	check(t, "holes", situations{
		"nobody on a day that is not open from quarter hour to quarter hour": func(in *coverage.Input) {
			in.Want.Calendar.Week[0] = []routing.Hours{{From: 8*60 + 10, To: 12*60 + 5}, {From: 12*60 + 10, To: 17*60 + 55}}
			cancel(in, 9, ann, ben)
		},
		"nobody on Friday afternoon": func(in *coverage.Input) {
			cancel(in, 6, ann, ben)
			plan(in, ann, work(6, 8, 13))
			plan(in, ben, work(6, 8, 13))
		},
		"on Friday, where a group that was not read may bring somebody": func(in *coverage.Input) {
			settings(in).Groups = &[]routing.Group{newGroup("Back Office")}
			cancel(in, 6, ann, ben)
		},
		"on Saturday, of one rule": func(in *coverage.Input) {
			in.Want.Calendar.Week[5] = []routing.Hours{{From: 9 * 60, To: 18 * 60}}
			in.Org.Ratings["ben"] = rated(3, none)
			plan(in, ann, work(7, 9, 13))
			plan(in, ben, work(7, 9, 18))
			for _, shift := range in.Org.Roster.Agents["ann"].Shifts {
				clear(shift.Activities)
			}
		},
		"every day at lunch": func(in *coverage.Input) {
			in.Org.Roster.Agents["ben"] = in.Org.Roster.Agents["ann"]
		},
		"a minute is enough": func(in *coverage.Input) {
			s := in.Org.Roster.Agents["ben"]
			s.Shifts[0].Activities[0].From = at(4, 12, 59)
			in.Org.Roster.Agents["ben"] = s
		},
		"what is closed is no hole": func(in *coverage.Input) {
			in.Want.Calendar.Holidays = map[string]bool{"2026-03-06": true}
			cancel(in, 6, ann, ben)
		},
		"the closed part of a quarter hour is no hole": func(in *coverage.Input) {
			for day := range in.Want.Calendar.Week {
				in.Want.Calendar.Week[day] = []routing.Hours{{From: 8*60 + 10, To: 17*60 + 50}}
			}
			in.Want.Calendar.Week[5], in.Want.Calendar.Week[6] = nil, nil
			for _, who := range []routing.Ref{ann, ben} {
				s := in.Org.Roster.Agents[who.ID]
				for i := range s.Shifts {
					s.Shifts[i].From = s.Shifts[i].From.Add(10 * time.Minute)
					s.Shifts[i].To = s.Shifts[i].To.Add(-10 * time.Minute)
				}
			}
		},
		"without a calendar every hour counts": func(in *coverage.Input) {
			in.Want.Calendar = nil
		},
		"nobody at all": func(in *coverage.Input) {
			in.Want.Calendar = nil
			for _, day := range []int{4, 5, 6, 9, 10, 11} {
				cancel(in, day, ann, ben)
			}
		},
	})
}

func TestWhatThePlatformDoesOtherwise(t *testing.T) {
	t.Parallel()
	flow := &routing.Ref{ID: "flow", Name: "Sort mail"}
	longWeekend := func(in *coverage.Input) { // from Wednesday evening to Monday morning
		in.Want.Calendar.Holidays = map[string]bool{"2026-04-16": true, "2026-04-17": true}
	}
	check(t, "platform", situations{
		"last-agent routing goes behind preferred agents": func(in *coverage.Input) {
			queue(in).Other.PreferredAgents = true
		},
		"last-agent routing goes behind group routing": func(in *coverage.Input) {
			queue(in).Other.GroupRouting = []string{"EstimatedWaitTime"}
		},
		"last-agent routing goes behind direct routing": func(in *coverage.Input) {
			queue(in).Other.DirectRouting = true
		},
		"last-agent routing does not work through a flow": func(in *coverage.Input) {
			in.Org.Routes[0].Flow = flow
		},
		"last-agent routing has several things before it, and a line of its own is missing": func(in *coverage.Input) {
			delete(in.Want.Places, "lastAgent")
			settings(in).LastAgent = new(routing.LastAgentAny)
			queue(in).Other = routing.QueueOther{PreferredAgents: true, DirectRouting: true, GroupRouting: []string{"EstimatedWaitTime"}}
		},
		"last-agent routing is off": func(in *coverage.Input) {
			settings(in).LastAgent = new(routing.LastAgentOff)
			queue(in).Other.PreferredAgents = true
		},
		"last-agent routing is not known": func(in *coverage.Input) {
			settings(in).LastAgent = nil
			queue(in).Other.PreferredAgents = true
		},
		"a flow of another address": func(in *coverage.Input) {
			in.Org.Routes = append(in.Org.Routes, routing.EmailRoute{Address: routing.Address{Local: "jobs", Domain: "help.example.com"}, Flow: flow, Status: routing.RoutePending})
			longWeekend(in)
		},
		"conditional group activation does not matter to last-agent routing": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{"IdleAgentCount"}
		},
		"a group rule goes by a service level that is rarely there": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{"EstimatedWaitTime", routing.MetricServiceLevel}
			for _, n := range in.Volume.By {
				for i := range n.Answered {
					if i%3 > 0 {
						n.Answered[i] = 0
					}
				}
			}
		},
		"two kinds of group rules go by a service level that is never there": func(in *coverage.Input) {
			settings(in).LastAgent = nil
			queue(in).Other.GroupActivation, queue(in).Other.GroupRouting = []string{routing.MetricServiceLevel}, []string{routing.MetricServiceLevel}
			for _, n := range in.Volume.By {
				clear(n.Answered)
			}
		},
		"a group rule goes by a service level that is mostly there": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{routing.MetricServiceLevel}
			for i := range in.Volume.By[vip.String()].Answered {
				if i%2 == 0 { // of two addresses one is answered
					in.Volume.By[vip.String()].Answered[i] = 0
				} else {
					in.Volume.By[standard.String()].Answered[i] = 0
				}
			}
		},
		"a group rule goes by a service level that is there half the time": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{routing.MetricServiceLevel}
			for _, n := range in.Volume.By {
				for i := range n.Answered {
					n.Answered[i] = (i + 1) % 2
				}
			}
		},
		"the email that was read ends within a half hour": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{routing.MetricServiceLevel}
			in.Volume.To = in.Volume.To.Add(10 * time.Minute)
		},
		"a group rule goes by a service level, and the email is not known": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{routing.MetricServiceLevel}
			in.Volume, in.VolumeUnknown = nil, "analytics did not answer"
		},
		"without a calendar a night in which little comes in does not count": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{routing.MetricServiceLevel}
			in.Want.Calendar = nil
			everyHour(in)
			for i, n := range in.Volume.By[vip.String()].Offered {
				if n == 0 {
					in.Volume.By[vip.String()].Offered[i] = 1
				}
			}
		},
		"email of closed hours does not count": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{routing.MetricServiceLevel}
			for i, n := range in.Volume.By[vip.String()].Offered {
				if n == 0 {
					in.Volume.By[vip.String()].Offered[i] = 100
				}
			}
		},
		"a group rule goes by a service level, and each of few emails is answered at once": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{routing.MetricServiceLevel}
			in.Want.Calendar = nil
			everyHour(in)
			for _, n := range in.Volume.By {
				for i := range n.Offered {
					if i%20 > 0 {
						n.Offered[i], n.Answered[i] = 0, 0
					}
				}
			}
		},
		"a group rule goes by a service level, and no email comes in": func(in *coverage.Input) {
			queue(in).Other.GroupActivation = []string{routing.MetricServiceLevel}
			for _, n := range in.Volume.By {
				clear(n.Offered)
				clear(n.Answered)
			}
		},
		"a ring adds a group without agents": func(in *coverage.Input) {
			settings(in).Rings = &routing.Rings{{Wait: new(2 * hour)}, {Groups: []routing.Group{newGroup("Back Office")}}}
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {}}
		},
		"a ring adds a group whose agents are in an inner ring": func(in *coverage.Input) {
			settings(in).Rings = &routing.Rings{{Wait: new(2 * hour)}, {Groups: []routing.Group{newGroup("Back Office")}}}
			in.Org.SkillGroups = []routing.Ref{{ID: "g", Name: "Back Office"}}
			in.Org.GroupMembers = map[string][]routing.Ref{"g": {ann}}
		},
		"a ring adds a group that was not read": func(in *coverage.Input) {
			settings(in).Rings = &routing.Rings{{Wait: new(2 * hour)}, {Groups: []routing.Group{newGroup("Back Office")}}}
		},
		"a ring gets a group that the queue has elsewhere and that was not read": func(in *coverage.Input) {
			queue(in).Settings.Groups = &[]routing.Group{newGroup("Back Office")}
			settings(in).Groups = &[]routing.Group{}
			settings(in).Rings = &routing.Rings{{Wait: new(2 * hour)}, {Groups: []routing.Group{newGroup("Back Office")}}}
		},
		"a ring has a group that was not read and brings nobody": func(in *coverage.Input) {
			settings(in).Rings = &routing.Rings{{Wait: new(2 * hour)}, {Groups: []routing.Group{newGroup("Back Office")}}}
			queue(in).Settings.Rings = settings(in).Rings
		},
		"nobody is in the first ring": func(in *coverage.Input) {
			rings(in, hour/2)
			queue(in).Members[0].Ring = 2
		},
		"a step changes nothing": func(in *coverage.Input) {
			rings(in, hour/2)
			queue(in).Members[1].Ring = 1
		},
		"a step drops a skill and adds nobody": func(in *coverage.Input) {
			rings(in, hour/2, ref("Billing"))
			queue(in).Members[1].Ring = 1
		},
		"a step of a queue that is not there yet changes nothing": func(in *coverage.Input) {
			rings(in, hour/2)
			in.Org.Queues = nil
			in.Want.Members = &[]string{"Ann", "Ben"}
		},
		"the in-queue flow ends email over a long weekend": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			longWeekend(in)
		},
		"the inbound flow ends email over a long weekend": func(in *coverage.Input) {
			settings(in).LastAgent = nil
			in.Org.Routes[1].Flow = flow
			longWeekend(in)
		},
		"a weekend is shorter than the limit of flows": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
		},
		"a closed time as long as the limit of flows": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar.Week = [7][]routing.Hours{2: {{From: 8 * 60, To: 18 * 60}}, 3: {{From: 0, To: 18 * 60}}, 6: {{From: 18 * 60, To: 1440}}, 0: {{From: 0, To: 1}}}
			everyHour(in)
		},
		"a long weekend and no flow": longWeekend,
		"the calendar is never open": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar.Week = [7][]routing.Hours{}
		},
		"a strategy without rules": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar, in.Want.Rules, in.Want.Routes = nil, nil, nil
			cancel(in, 6, ann, ben)
		},
		"whether anybody takes email is not known": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar, in.Volume, in.Org.Utilization = nil, nil, nil
			in.Org.OrgUtilization.Settings.Email = new(0)
		},
		"nobody is on queue for longer than the limit of flows": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar, in.Volume = nil, nil
			cancel(in, 6, ann, ben)
		},
		"somebody is on queue who cannot serve a rule for longer than the limit of flows": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar, in.Volume = nil, nil
			in.Org.Ratings["ben"] = rated(3, none)
			cancel(in, 6, ann)
		},
		"nobody is on queue at the end of the 7 days, nor at their beginning": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar, in.Volume = nil, nil
			for _, day := range []int{4, 5, 10, 11} {
				cancel(in, day, ann, ben)
			}
		},
		"whether anybody is on queue is not known": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar, in.Org.Roster, in.Volume = nil, nil, nil
		},
		"somebody is on queue who gets email after the deadline alone": func(in *coverage.Input) {
			queue(in).Other.InQueueFlow = flow
			in.Want.Calendar, in.Volume = nil, nil
			everyHour(in)
			settings(in).Rings = &routing.Rings{{Wait: new(5 * hour)}, {}}
			queue(in).Members[0].Ring, queue(in).Members[1].Ring = 2, 2
		},
		"agents are active in many queues": func(in *coverage.Input) {
			in.Org.ActiveQueues = map[string]int{"ann": 4, "ben": 4}
		},
		"agents have a good quarter of their time": func(in *coverage.Input) {
			in.Org.ActiveQueues = map[string]int{"ann": 2, "ben": 64}
		},
		"one who is not active is active in few queues": func(in *coverage.Input) {
			in.Org.ActiveQueues = map[string]int{"ann": 20, "ben": 1}
			queue(in).Members[1].Joined = false
		},
		"of one it is not known in how many queues they are active": func(in *coverage.Input) {
			in.Org.ActiveQueues = map[string]int{"ann": 20}
		},
		"of nobody it is known in how many queues they are active": func(in *coverage.Input) {
			in.Org.ActiveQueues = nil
		},
		"an address is pending": func(in *coverage.Input) {
			in.Org.Routes[0].Status = routing.RoutePending
			in.Org.Routes[1].Status = ""
		},
		"an address without a line of its own has an error": func(in *coverage.Input) {
			in.Org.Routes[1].Status = routing.RouteError
		},
		"a domain is not valid": func(in *coverage.Input) {
			in.Org.Domains[0] = routing.EmailDomain{Name: "Help.example.com", MXStatus: "INVALID"}
		},
		"a domain's mailbox is in error": func(in *coverage.Input) {
			in.Org.Domains[0] = routing.EmailDomain{Name: "help.example.com", MXStatus: "NOT_AVAILABLE", By: "IMAP", Fetching: "Error", Trouble: "the password has expired"}
		},
		"a domain's mailbox waits": func(in *coverage.Input) {
			in.Org.Domains[0] = routing.EmailDomain{Name: "help.example.com", MXStatus: "VALID", By: "Graph", Fetching: "Inactive"}
		},
		"how a domain's mailbox stands is not known": func(in *coverage.Input) {
			in.Org.Domains[0] = routing.EmailDomain{Name: "help.example.com", MXStatus: "INVALID", By: "IMAP", Fetching: "Unknown"}
		},
		"a domain's mailbox is active": func(in *coverage.Input) {
			in.Org.Domains[0] = routing.EmailDomain{Name: "help.example.com", MXStatus: "INVALID", By: "IMAP", Fetching: "Active"}
		},
		"a domain of Genesys has no record of its own": func(in *coverage.Input) {
			in.Org.Domains[0] = routing.EmailDomain{Name: "help.example.com", MXStatus: "NOT_AVAILABLE", SubDomain: true}
		},
		"of a domain nothing is told": func(in *coverage.Input) {
			in.Org.Domains[0].MXStatus = ""
		},
		"another domain is not valid": func(in *coverage.Input) {
			in.Org.Domains = append(in.Org.Domains, routing.EmailDomain{Name: "example.com", MXStatus: "INVALID"})
		},
		"another queue is as it is": func(in *coverage.Input) {
			in.Org.Queues = append([]routing.Queue{{Ref: routing.Ref{ID: "other", Name: "Other"}, MemberCount: 9, Other: routing.QueueOther{PreferredAgents: true}}}, in.Org.Queues...)
		},
		"permissions are missing": func(in *coverage.Input) {
			in.Lacks = []coverage.Lack{
				{Permission: "analytics:conversationAggregate:view", For: []string{"autopilot", "report"}},
				{Permission: "routing:queue:edit", For: []string{"apply"}, Surely: true},
			}
		},
	})
}

// everyHour has Ann on queue in every hour.
func everyHour(in *coverage.Input) {
	in.Org.Roster.Agents["ann"] = routing.AgentSchedule{Known: []routing.Span{in.Org.Roster.Span}, Shifts: []routing.Shift{{Span: in.Org.Roster.Span}}}
}

func TestDemand(t *testing.T) {
	t.Parallel()
	other := "info@help.example.com"
	check(t, "demand", situations{
		"more email than anybody can handle": func(in *coverage.Input) {
			in.Volume = mail(map[string]int{vip.String(): 10, standard.String(): 25}, 12*time.Minute)
		},
		"more email of one rule than those who have the skill can handle": func(in *coverage.Input) {
			in.Want.Rules[1].Skills = nil
			in.Org.Ratings["ben"] = rated(none, none)
			in.Volume = mail(map[string]int{vip.String(): 10, standard.String(): 1}, 12*time.Minute)
		},
		"more email for some hours, which the week makes good": func(in *coverage.Input) {
			in.Volume = mail(map[string]int{standard.String(): 9}, 12*time.Minute)
		},
		"less than an hour is not told": func(in *coverage.Input) {
			in.Volume = mail(map[string]int{standard.String(): 9}, 12*time.Minute)
			for _, who := range []routing.Ref{ann, ben} {
				for _, s := range in.Org.Roster.Agents[who.ID].Shifts {
					s.Activities[0].To = s.Activities[0].From
					if s.From.Equal(at(5, 8, 0)) {
						s.Activities[0].To = s.Activities[0].From.Add(15 * time.Minute)
					}
				}
			}
		},
		"an hour is told": func(in *coverage.Input) {
			in.Volume = mail(map[string]int{standard.String(): 9}, 12*time.Minute)
			for _, who := range []routing.Ref{ann, ben} {
				for _, s := range in.Org.Roster.Agents[who.ID].Shifts {
					s.Activities[0].To = s.Activities[0].From
					if s.From.Equal(at(5, 8, 0)) {
						s.Activities[0].To = s.Activities[0].From.Add(30 * time.Minute)
					}
				}
			}
		},
		"much waits, and the week cannot make it good": func(in *coverage.Input) {
			in.Waiting = new(1200)
		},
		"much waits, and the week can make it good": func(in *coverage.Input) {
			in.Waiting = new(300)
		},
		"how much waits is not known": func(in *coverage.Input) {
			in.Waiting = nil
		},
		"email of other addresses": func(in *coverage.Input) {
			in.Volume = mail(map[string]int{vip.String(): 1, other: 40, "": 1}, 12*time.Minute)
		},
		"email of other addresses, and none of a rule": func(in *coverage.Input) {
			in.Want.Rules[1].Skills = nil
			in.Org.Ratings["ben"] = rated(none, none)
			in.Volume = mail(map[string]int{vip.String(): 0, other: 20}, 12*time.Minute)
		},
		"an address in capitals is the same": func(in *coverage.Input) {
			in.Want.Rules[1].Skills = nil
			in.Org.Ratings["ben"] = rated(none, none)
			in.Volume = mail(map[string]int{"VIP@Help.example.com": 10}, 12*time.Minute)
		},
		"a handle time of its own where enough is handled": func(in *coverage.Input) {
			in.Want.Rules[1].Skills = nil
			in.Org.Ratings["ben"] = rated(none, none)
			in.Volume = mail(map[string]int{vip.String(): 1, standard.String(): 1}, 12*time.Minute)
			in.Volume.By[vip.String()].Handling *= 9
		},
		"the handle time of all where little is handled": func(in *coverage.Input) {
			in.Want.Rules[1].Skills = nil
			in.Org.Ratings["ben"] = rated(none, none)
			in.Volume = mail(map[string]int{vip.String(): 1, standard.String(): 1}, 12*time.Minute)
			in.Volume.By[vip.String()].Handled, in.Volume.By[vip.String()].Handling = 19, 19*time.Hour
		},
		"the email was not read": func(in *coverage.Input) {
			in.Volume = nil
		},
		"the email was not read, and why": func(in *coverage.Input) {
			in.Volume, in.VolumeUnknown = nil, "analytics did not answer"
		},
		"less than a week was read": func(in *coverage.Input) {
			in.Volume.From = in.Volume.To.Add(-7*24*time.Hour + in.Volume.Every)
		},
		"nothing was handled": func(in *coverage.Input) {
			for _, n := range in.Volume.By {
				n.Handled, n.Handling = 0, 0
			}
		},
		"too little was handled": func(in *coverage.Input) {
			for _, n := range in.Volume.By {
				n.Handled, n.Handling = 9, time.Hour
			}
			in.Volume.By[other] = in.Volume.By[vip.String()]
			in.Volume.By[other].Handled = 1
		},
		"just enough was handled": func(in *coverage.Input) {
			for _, n := range in.Volume.By {
				n.Handled, n.Handling = 10, time.Hour
			}
		},
		"handling took no time": func(in *coverage.Input) {
			for _, n := range in.Volume.By {
				n.Handling = 0
			}
		},
		"a schedule is missing": func(in *coverage.Input) {
			delete(in.Org.Roster.Agents, "ben")
			in.Org.Roster.Unknown = []string{"Ben is not planned"}
		},
		"a schedule and skills are missing, and one day has more than both can handle": func(in *coverage.Input) {
			s := in.Org.Roster.Agents["ben"]
			s.Known = []routing.Span{{From: at(4, 10, 0), To: at(6, 0, 0)}}
			in.Org.Roster.Agents["ben"] = s
			delete(in.Org.Ratings, "ann")
			for i, n := range in.Volume.By[standard.String()].Offered {
				if day := in.Volume.From.Add(time.Duration(i) * in.Volume.Every).In(berlin).Weekday(); day == time.Thursday {
					in.Volume.By[standard.String()].Offered[i] = 10 * n
				}
			}
		},
		"the schedule of one who is not active does not matter": func(in *coverage.Input) {
			in.Org.Agents = append(in.Org.Agents, routing.Agent{Ref: cleo})
			queue(in).Members = append(queue(in).Members, routing.Member{Ref: cleo, Ring: 1})
			queue(in).MemberCount = 3
			in.Org.Ratings["cleo"] = rated(1, 1)
			own(in, cleo, 1)
			in.Org.Roster.Unknown = []string{"Cleo is not planned"}
		},
	})
}
