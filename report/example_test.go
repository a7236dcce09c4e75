package report_test

import (
	"fmt"
	"time"

	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// One email, answered an hour and a half after it came in, by a deadline of one.
func ExamplePerformance() {
	came := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	r, err := report.Performance(report.Input{
		Span: routing.Span{From: came, To: came.Add(3 * time.Hour)}, Now: came.Add(3 * time.Hour), By: report.ByHour,
		Queues: []report.Queue{{Ref: routing.Ref{ID: "q", Name: "Support"}, Rules: []report.Rule{{Name: "vip", Addresses: []string{"vip@example.com"}, Deadline: time.Hour}}}},
	}, []routing.Conversation{{To: "vip@example.com", Stays: []routing.Stay{{QueueID: "q", Entered: came, Answered: came.Add(90 * time.Minute), Left: came.Add(90 * time.Minute), AgentID: "ann"}}}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Queues[0].Lost.Emails, "email was late by", time.Duration(r.Queues[0].Lost.Seconds)*time.Second)
	fmt.Printf("%.0f%% by the deadline, median wait %gs\n", *r.Queues[0].Total.Deadlines.Percent, r.Queues[0].Total.Wait.P50)
	// Output:
	// 1 email was late by 30m0s
	// 0% by the deadline, median wait 5400s
}
