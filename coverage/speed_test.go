package coverage_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// crowd is a queue of many agents, each with five shifts of six activities, and
// four weeks of email for each rule and for an address that is no rule's.
func crowd(agents, rules int) coverage.Input {
	r := rand.New(rand.NewPCG(1, 2))
	hours := func(n float64) time.Duration { return time.Duration(n * float64(time.Hour)) }
	now := time.Date(2026, 3, 4, 9, 7, 0, 0, time.UTC)
	from := now.Truncate(coverage.Cell)
	whole := routing.Span{From: from, To: from.Add(coverage.Cells * coverage.Cell)}
	in := coverage.Input{
		Now: now, Waiting: new(300),
		Want: routing.Desired{
			Queue: routing.DesiredQueue{Name: "Support Email", Settings: routing.QueueSettings{
				ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: routing.Duration(hours(4))},
				Rings: &routing.Rings{
					{Wait: new(routing.Duration(hours(2))), Drop: []routing.Ref{{Name: "skill 0"}}},
					{Wait: new(routing.Duration(hours(4))), Drop: []routing.Ref{{Name: "skill 1"}}},
					{},
				},
			}},
			Calendar: &routing.Calendar{Location: time.UTC}, Staffing: routing.Staffing{Proficiency: 2},
		},
		Org: routing.Org{
			Ratings: map[string]routing.Ratings{}, OrgUtilization: &routing.Utilization{Settings: routing.UtilizationSettings{Email: new(3)}},
			Roster: &routing.Roster{Span: whole, Agents: map[string]routing.AgentSchedule{}}, ActiveQueues: map[string]int{},
		},
	}
	for day := range in.Want.Calendar.Week {
		in.Want.Calendar.Week[day] = []routing.Hours{{From: 7 * 60, To: 21 * 60}}
	}
	v := &measure.Volume{Span: routing.Span{From: from.Truncate(30*time.Minute).AddDate(0, 0, -28), To: from.Truncate(30 * time.Minute)}, Every: 30 * time.Minute, By: map[string]*measure.Counts{}}
	in.Volume = v
	mail := func(address string) {
		n := &measure.Counts{Offered: make([]int, v.Intervals()), Answered: make([]int, v.Intervals())}
		for i := range n.Offered {
			n.Offered[i] = r.IntN(400)
			n.Answered[i] = n.Offered[i]
			n.Handled += n.Offered[i]
		}
		n.Handling = time.Duration(n.Handled) * 12 * time.Minute
		v.By[address] = n
	}
	mail("other@example.com")
	for i := range rules {
		skills := []routing.Ref{{Name: fmt.Sprintf("skill %d", i%9)}}
		if i%3 == 0 {
			skills = append(skills, routing.Ref{Name: fmt.Sprintf("skill %d", (i+1)%9)})
		}
		rule := routing.Rule{Name: fmt.Sprintf("rule %d", i), Skills: &skills, Language: &routing.Ref{Name: fmt.Sprintf("language %d", i%3)}}
		address := routing.Address{Local: fmt.Sprintf("rule%d", i), Domain: "example.com"}
		in.Want.Rules = append(in.Want.Rules, rule)
		in.Want.Routes = append(in.Want.Routes, routing.DesiredRoute{Address: address, Rule: rule.Name})
		mail(address.String())
	}
	q := routing.Queue{Ref: routing.Ref{ID: "q", Name: "Support Email"}, MemberCount: agents}
	for i := range agents {
		who := routing.Ref{ID: fmt.Sprintf("agent-%d", i), Name: fmt.Sprintf("Agent %d", i)}
		q.Members = append(q.Members, routing.Member{Ref: who, Ring: 1 + r.IntN(3), Joined: i%50 != 0})
		rated := routing.Ratings{}
		for s := range 9 {
			if r.IntN(2) == 0 {
				rated.Skills = append(rated.Skills, routing.Rating{Ref: routing.Ref{ID: fmt.Sprint("s", s), Name: fmt.Sprintf("skill %d", s)}, Proficiency: float64(1 + r.IntN(5))})
			}
		}
		for s := range 3 {
			if r.IntN(2) == 0 {
				rated.Languages = append(rated.Languages, routing.Rating{Ref: routing.Ref{ID: fmt.Sprint("l", s), Name: fmt.Sprintf("language %d", s)}, Proficiency: float64(1 + r.IntN(5))})
			}
		}
		in.Org.Ratings[who.ID] = rated
		in.Org.ActiveQueues[who.ID] = 2
		s := routing.AgentSchedule{Known: []routing.Span{whole}}
		for day := range 5 {
			start := from.Add(hours(24*float64(day)) + time.Duration(r.IntN(15*60))*time.Minute)
			shift := routing.Shift{Span: routing.Span{From: start, To: start.Add(hours(8.5))}}
			for part := range 6 {
				at := start.Add(hours(1.25 * float64(part+1)))
				shift.Activities = append(shift.Activities, routing.Activity{Span: routing.Span{From: at, To: at.Add(15 * time.Minute)}, Category: "Break"})
			}
			s.Shifts = append(s.Shifts, shift)
		}
		in.Org.Roster.Agents[who.ID] = s
	}
	in.Org.Queues = []routing.Queue{q}
	return in
}

// BenchmarkCheck looks at 5,000 agents in 672 quarter hours.
func BenchmarkCheck(b *testing.B) {
	for _, rules := range []int{6, 10, 30} {
		b.Run(fmt.Sprintf("5000 agents and %d rules", rules), func(b *testing.B) {
			in := crowd(5000, rules)
			b.ReportAllocs()
			for b.Loop() {
				r := coverage.Check(in)
				if len(r.Rules) != rules || r.Balance == nil {
					b.Fatal("it did not look at everything")
				}
			}
		})
	}
}
