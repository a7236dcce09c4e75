package report_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// BenchmarkYear reports on a year of a 1,000-email day, a fifth of which is late,
// by the hour, with 40 agents, a calendar, rings and a change: the processing
// alone, from conversations that are made as they are added. peak-MB is the most
// memory that the heap had, live-MB what the report's builder keeps.
func BenchmarkYear(b *testing.B) {
	const perDay, agents = 1000, 40
	in := input(0, 365*24, report.ByHour)
	q := &in.Queues[0]
	q.Settings.Rings = &routing.Rings{{Wait: new(routing.Duration(2 * time.Hour)), Drop: []routing.Ref{{ID: "s0"}}}, {}}
	in.Agents = nil
	ids := make([]string, agents)
	for i := range ids {
		ids[i] = string(rune('A' + i))
		in.Agents = append(in.Agents, report.Agent{Ref: routing.Ref{ID: ids[i]}, Skills: []string{"s" + string(rune('0'+i%5))}, Languages: []string{}, Capacity: 3})
		q.Members = append(q.Members, routing.Member{Ref: routing.Ref{ID: ids[i]}, Ring: 1 + i%2})
	}
	in.Changes = changed{{ID: "run", At: hour(200 * 24)}}
	skills := [][]string{{"s0"}, {"s1"}, {"s2", "s3"}, nil}
	conversation := func(n int) routing.Conversation {
		entered := monday.Add(time.Duration(n) * (24 * time.Hour / perDay))
		wait := time.Duration(n*7919%300) * time.Minute
		c := routing.Conversation{To: "support@example.com", Stays: []routing.Stay{{
			QueueID: "q", Entered: entered, Answered: entered.Add(wait), Left: entered.Add(wait), AgentID: ids[n%agents], Handle: 6 * time.Minute,
			FirstResponse: wait + 5*time.Minute, SkillIDs: skills[n%4],
			Alerts: []routing.Touch{{AgentID: ids[(n+1)%agents], Span: routing.Span{From: entered, To: entered.Add(min(wait, 5*time.Minute))}}},
			Work:   []routing.Touch{{AgentID: ids[n%agents], Span: routing.Span{From: entered.Add(wait), To: entered.Add(wait + 6*time.Minute)}}},
		}}}
		if n%5 == 0 {
			c.To = "vip@example.com"
		}
		return c
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for b.Loop() {
		runtime.GC()
		stop, peak := make(chan struct{}), make(chan uint64)
		go func() {
			most, tick := uint64(0), time.NewTicker(20*time.Millisecond)
			defer tick.Stop()
			for {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse+m.StackInuse)
				select {
				case <-stop:
					peak <- most
					return
				case <-tick.C:
				}
			}
		}()
		builder := report.New(in)
		for n := range 365 * perDay {
			builder.Add(conversation(n))
		}
		for d := range 365 {
			if err := builder.AddRows(append(status(ids[d%agents], "IDLE", float64(24*d+9), float64(24*d+10), 1), routing.MetricRow{
				Group: map[string]string{"queueId": "q"}, Span: span(float64(24*d+9), float64(24*d+10)), Metric: "oServiceLevel", Stats: routing.MetricStats{Numerator: 1, Denominator: 2},
			})); err != nil {
				b.Fatal(err)
			}
		}
		r := builder.Report()
		close(stop)
		b.ReportMetric(float64(<-peak)/1e6, "peak-MB")
		if *r.Queues[0].Total.Offered < 364*perDay || r.Queues[0].Lost.Emails == 0 {
			b.Fatalf("%+v", r.Queues[0].Total)
		}
		b.ReportMetric(float64(r.Queues[0].Lost.Emails), "late")
	}
}
