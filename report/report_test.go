package report_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// monday is the beginning of a Monday in Berlin.
var (
	berlin = func() *time.Location {
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			panic(err)
		}
		return zone
	}()
	monday = time.Date(2026, 3, 2, 0, 0, 0, 0, berlin)
)

// hour is so many hours after monday.
func hour(h float64) time.Time { return monday.Add(time.Duration(h * float64(time.Hour))) }

func span(from, to float64) routing.Span { return routing.Span{From: hour(from), To: hour(to)} }

// office is open from 8 to 18 on working days.
func office() *routing.Calendar {
	c := &routing.Calendar{Name: "office", Location: berlin}
	for d := range 5 {
		c.Week[d] = []routing.Hours{{From: 8 * 60, To: 18 * 60}}
	}
	return c
}

// queue has a target of 80% within 4h and two rules, one with a deadline of 1h.
func queue() report.Queue {
	return report.Queue{
		Ref: routing.Ref{ID: "q", Name: "Support"}, Strategy: "support", Calendar: office(),
		Settings: routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 80, Within: routing.Duration(4 * time.Hour)}},
		Rules: []report.Rule{
			{Name: "vip", Addresses: []string{"vip@example.com"}, Deadline: time.Hour},
			{Name: "standard", Addresses: []string{"support@example.com"}},
		},
	}
}

func input(from, to float64, by report.By) report.Input {
	return report.Input{
		Span: span(from, to), Now: hour(to), Zone: berlin, By: by, Queues: []report.Queue{queue()},
		Agents: []report.Agent{{Ref: routing.Ref{ID: "ann", Name: "Ann"}}, {Ref: routing.Ref{ID: "ben", Name: "Ben"}}},
	}
}

// email came in at an hour, was answered at another, 0: not, and handled for ten
// minutes.
func email(to string, entered, answered float64, agent string) routing.Conversation {
	s := routing.Stay{QueueID: "q", Entered: hour(entered).Truncate(time.Second)}
	if answered > 0 {
		s.Answered, s.Left, s.AgentID, s.Handle = hour(answered), hour(answered), agent, 10*time.Minute
		s.Work = []routing.Touch{{AgentID: agent, Span: routing.Span{From: hour(answered), To: hour(answered).Add(10 * time.Minute)}}}
	}
	return routing.Conversation{ID: fmt.Sprint(entered), To: to, Stays: []routing.Stay{s}}
}

// status is how many hours of some an agent was in a routing status.
func status(agent, qualifier string, from, to, hours float64) []routing.MetricRow {
	return []routing.MetricRow{{
		Group: map[string]string{"userId": agent}, Span: span(from, to), Metric: "tAgentRoutingStatus", Qualifier: qualifier,
		Stats: routing.MetricStats{Sum: hours * 3_600_000},
	}}
}

func perform(t *testing.T, in report.Input, conversations []routing.Conversation, rows []routing.MetricRow) report.QueueReport {
	t.Helper()
	r, err := report.Performance(in, conversations, rows)
	if err != nil {
		t.Fatal(err)
	}
	return r.Queues[0]
}

func TestFiguresAreCountedWhenTheyHappen(t *testing.T) {
	t.Parallel()
	gone := email("support@example.com", 20, 0, "")
	gone.Stays[0].Left, gone.Stays[0].Abandoned = hour(30), true
	passed := email("support@example.com", 9, 10, "ann")
	passed.Stays[0].Transferred = true
	passed.Stays[0].Alerts = []routing.Touch{
		{AgentID: "ben", Span: span(9.1, 9.2)}, {AgentID: "ann", Span: span(9.9, 10), Answered: true},
	}
	first := email("vip@example.com", 9, 9.5, "ben")
	first.Stays[0].FirstResponse = 45 * time.Minute
	q := perform(t, input(0, 48, report.ByDay), []routing.Conversation{
		first, passed, email("support@example.com", 10, 33, "ann"), gone, email("other@example.com", 40, 0, ""),
		email("support@example.com", -3, 9, "ann"), // came in before
		{Stays: []routing.Stay{{QueueID: "r", Entered: hour(1)}}},
	}, nil)
	if len(q.Rows) != 2 {
		t.Fatalf("%d rows", len(q.Rows))
	}
	for name, tt := range map[string]struct {
		got  report.Figures
		want report.Figures
	}{
		"all": {q.Total, report.Figures{
			Offered: new(5), Answered: 4, Abandoned: 1, Transferred: 1, Missed: 1,
			Deadlines: &report.Level{InTime: 2, Counted: 3, Percent: new(200.0 / 3)}, // the last waits for two open hours, the one that was given up for none
			Wait:      &report.Times{N: 5, Mean: (0.5 + 1 + 23 + 10 + 12) / 5 * 3600, P50: 10 * 3600, P90: 23 * 3600},
			Handle:    &report.Times{N: 4, Mean: 600, P50: 600, P90: 600},
			First:     &report.Times{N: 1, Mean: 2700, P50: 2700, P90: 2700},
			Backlog:   &report.Backlog{Waiting: 1, Oldest: new(8 * 3600.0)},
			Fairness:  &report.Fairness{Index: 16.0 / (2 * (9 + 1)), Agents: 2, Per: "agent"},
		}},
		"Monday": {q.Rows[0].Figures, report.Figures{
			Offered: new(4), Answered: 3, Transferred: 1, Missed: 1,
			Deadlines: &report.Level{InTime: 2, Counted: 3, Percent: new(200.0 / 3)},
			Wait:      &report.Times{N: 3, Mean: (0.5 + 1 + 12) / 3 * 3600, P50: 3600, P90: 12 * 3600},
			Handle:    &report.Times{N: 3, Mean: 600, P50: 600, P90: 600},
			First:     &report.Times{N: 1, Mean: 2700, P50: 2700, P90: 2700},
			Backlog:   &report.Backlog{Waiting: 2, Oldest: new(14 * 3600.0)},
			Fairness:  &report.Fairness{Index: 9.0 / (2 * (4 + 1)), Agents: 2, Per: "agent"},
		}},
		"Tuesday": {q.Rows[1].Figures, report.Figures{
			Offered: new(1), Answered: 1, Abandoned: 1,
			Deadlines: &report.Level{},
			Wait:      &report.Times{N: 2, Mean: 16.5 * 3600, P50: 10 * 3600, P90: 23 * 3600},
			Handle:    &report.Times{N: 1, Mean: 600, P50: 600, P90: 600},
			Backlog:   &report.Backlog{Waiting: 1, Oldest: new(8 * 3600.0)},
		}},
	} {
		if d := cmp.Diff(tt.want, tt.got, approximately); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	want := []report.RuleLevel{
		{Rule: "vip", Deadline: routing.Duration(time.Hour), Own: true, Offered: 1, Level: report.Level{InTime: 1, Counted: 1, Percent: new(100.0)}},
		{Rule: "standard", Deadline: routing.Duration(4 * time.Hour), Offered: 3, Level: report.Level{InTime: 1, Counted: 2, Percent: new(50.0)}},
		{Rule: "none", Deadline: routing.Duration(4 * time.Hour), Offered: 1},
	}
	if d := cmp.Diff(want, q.Rules); d != "" {
		t.Errorf("rules (-want +got):\n%s", d)
	}
}

var approximately = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a)) })

func TestRowsByRuleAndAgent(t *testing.T) {
	t.Parallel()
	conversations := []routing.Conversation{
		email("VIP@example.com", 9, 9.5, "ben"), email("support@example.com", 9, 10, "ann"), email("support@example.com", 9, 14, "ann"), email("support@example.com", 20, 0, ""),
	}
	here := slices.Concat(
		status("ann", "IDLE", 9, 10, 0.5), status("ann", "INTERACTING", 9, 10, 0.5), status("ann", "IDLE", 10, 11, 0.75), status("ann", "COMMUNICATING", 10, 11, 0.25),
		status("ben", "INTERACTING", 9, 10, 0.5), status("ben", "OFF_QUEUE", 9, 10, 0.5), status("somebody", "IDLE", 9, 10, 1), status("ben", "IDLE", 24, 25, 1), // the last after the span
	)
	level := func(queue, key, value string, in, of float64) routing.MetricRow {
		return routing.MetricRow{Group: map[string]string{"queueId": queue, key: value}, Span: span(9, 9.5), Metric: "oServiceLevel", Stats: routing.MetricStats{Numerator: in, Denominator: of, Target: 0.8}}
	}
	byRule := perform(t, input(0, 24, report.ByRule), conversations, append(here,
		level("q", "addressTo", "vip@example.com", 1, 1), level("q", "addressTo", "support@example.com", 1, 2), level("r", "addressTo", "support@example.com", 9, 9),
	))
	byAgent := perform(t, input(0, 24, report.ByAgent), conversations, append(here, level("q", "userId", "ann", 1, 2), level("q", "userId", "ben", 1, 1), level("q", "userId", "", 0, 1)))
	type row struct {
		Name, Offered, Level, Deadlines, Waits, Backlog, Occupancy string
		Answered                                                   int
	}
	read := func(rows []report.Row) (out []row) {
		for _, r := range rows {
			x := row{Name: r.Name, Answered: r.Answered}
			if r.Offered != nil {
				x.Offered = fmt.Sprint(*r.Offered)
			}
			if r.Level != nil {
				x.Level = fmt.Sprint(r.Level.InTime, r.Level.Counted)
			}
			if r.Deadlines != nil {
				x.Deadlines = fmt.Sprint(r.Deadlines.InTime, r.Deadlines.Counted)
			}
			if r.Wait != nil {
				x.Waits = fmt.Sprint(r.Wait.N)
			}
			if r.Backlog != nil {
				x.Backlog = fmt.Sprint(r.Backlog.Waiting)
			}
			if r.Occupancy != nil {
				x.Occupancy = fmt.Sprint(*r.Occupancy)
			}
			if r.Fairness != nil || r.Partial {
				t.Errorf("%s has a fairness or is partial", r.Name)
			}
			out = append(out, x)
		}
		return out
	}
	if d := cmp.Diff([]row{{"vip", "1", "1 1", "1 1", "1", "0", "", 1}, {"standard", "3", "1 2", "1 2", "2", "1", "", 2}}, read(byRule.Rows)); d != "" {
		t.Errorf("by rule (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]row{{"Ann", "", "1 2", "1 2", "2", "", "37.5", 2}, {"Ben", "", "1 1", "1 1", "1", "", "100", 1}}, read(byAgent.Rows)); d != "" {
		t.Errorf("by agent (-want +got):\n%s", d)
	}
	if d := cmp.Diff(&report.Level{InTime: 2, Counted: 4, Percent: new(50.0)}, byAgent.Total.Level); d != "" {
		t.Errorf("the level of all (-want +got):\n%s", d)
	}
	// Ann handled one in each hour on queue, Ben two: (1+2)² / 2(1+4).
	if d := cmp.Diff(&report.Fairness{Index: 0.9, Agents: 2, Per: "hour"}, byAgent.Total.Fairness, approximately); d != "" {
		t.Errorf("fairness (-want +got):\n%s", d)
	}
}

// A queue that nobody serves has no rows of agents, whatever came into it.
func TestAQueueWithoutAgents(t *testing.T) {
	t.Parallel()
	in := input(0, 24, report.ByAgent)
	in.Agents = nil
	for name, came := range map[string][]routing.Conversation{"no email": nil, "email": {email("vip@example.com", 9, 0, "")}} {
		if q := perform(t, in, came, nil); len(q.Rows) > 0 || *q.Total.Offered != len(came) {
			t.Errorf("%s: %d offered, rows %v", name, *q.Total.Offered, q.Rows)
		}
	}
}

func TestDaysAndHoursAreTheBusinesss(t *testing.T) {
	t.Parallel()
	lordHowe, err := time.LoadLocation("Australia/Lord_Howe")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		zone     *time.Location
		by       report.By
		from, to string
		want     []string // rows with their length
	}{
		"a spring day has 23 hours": {berlin, report.ByDay, "2026-03-28T23:00:00Z", "2026-03-30T22:00:00Z", []string{"Sun 2026-03-29 23h0m0s", "Mon 2026-03-30 24h0m0s"}},
		"an autumn day has 25":      {berlin, report.ByDay, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", []string{"Sun 2026-10-25 25h0m0s"}},
		"parts are marked": {berlin, report.ByDay, "2026-03-02T10:00:00Z", "2026-03-04T10:00:00Z", []string{
			"Mon 2026-03-02 24h0m0s partial", "Tue 2026-03-03 24h0m0s", "Wed 2026-03-04 24h0m0s partial",
		}},
		"an hour is left out": {berlin, report.ByHour, "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z", []string{"Sun 2026-03-29 01:00 CET 1h0m0s partial", "Sun 2026-03-29 03:00 CEST 1h0m0s"}},
		"an hour comes twice": {berlin, report.ByHour, "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", []string{"Sun 2026-10-25 02:00 CEST 1h0m0s", "Sun 2026-10-25 02:00 CET 1h0m0s"}},
		"half an hour is left out": {lordHowe, report.ByHour, "2026-10-03T15:00:00Z", "2026-10-03T17:00:00Z", []string{
			"Sun 2026-10-04 01:00 +1030 1h0m0s partial", "Sun 2026-10-04 02:30 +11 30m0s", "Sun 2026-10-04 03:00 +11 1h0m0s",
		}},
		"half an hour comes twice": {lordHowe, report.ByHour, "2026-04-04T14:00:00Z", "2026-04-04T16:30:00Z", []string{
			"Sun 2026-04-05 01:00 +11 1h0m0s", "Sun 2026-04-05 01:30 +1030 30m0s", "Sun 2026-04-05 02:00 +1030 1h0m0s",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(0, 0, tt.by)
			in.Zone = tt.zone
			if in.From, err = time.Parse(time.RFC3339, tt.from); err != nil {
				t.Fatal(err)
			}
			if in.To, err = time.Parse(time.RFC3339, tt.to); err != nil {
				t.Fatal(err)
			}
			in.Now = in.To
			var got []string
			for _, r := range perform(t, in, nil, nil).Rows {
				text := r.Name + " " + r.To.Sub(r.From).String()
				if r.Partial {
					text += " partial"
				}
				got = append(got, text)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestRowsOfThePlatformMustFitInTheDays(t *testing.T) {
	t.Parallel()
	row := func(from, to float64) []routing.MetricRow {
		return []routing.MetricRow{{Group: map[string]string{"queueId": "q"}, Span: span(from, to), Metric: "nOffered"}}
	}
	for _, by := range []report.By{report.ByDay, report.ByRule} {
		for rows, fits := range map[*routing.MetricRow]bool{&row(23, 24)[0]: true, &row(23, 25)[0]: false} {
			_, err := report.Performance(input(0, 48, by), nil, []routing.MetricRow{*rows})
			if want := fits || by == report.ByRule; (err == nil) != want {
				t.Errorf("by %s, a row of %v: %v", by, rows.Span, err)
			}
		}
	}
}

// drawn are conversations of the queue q, some of which came from the queue r.
func drawn(t *rapid.T) []routing.Conversation {
	at := func(name string, from, to float64) float64 { return rapid.Float64Range(from, to).Draw(t, name) }
	var out []routing.Conversation
	for range rapid.IntRange(0, 30).Draw(t, "emails") {
		entered := math.Round(at("entered", -100, 160)*60) / 60
		c := email(rapid.SampledFrom([]string{"vip@example.com", "support@example.com", "other@example.com"}).Draw(t, "to"), entered, 0, "")
		s := &c.Stays[0]
		wait := math.Round(at("wait", 0, 60)*60) / 60
		end := hour(entered).Add(time.Duration(wait * float64(time.Hour))).Truncate(time.Second)
		if end.After(hour(168)) || entered > 168 {
			wait, end = 0, time.Time{}
		}
		switch how := rapid.IntRange(0, 4).Draw(t, "how"); {
		case end.IsZero():
		case how == 0:
			s.Left, s.Abandoned = end, true
		case how == 1:
			s.Left, s.Transferred = end, true
		default:
			s.Answered, s.Left, s.AgentID = end, end, rapid.SampledFrom([]string{"ann", "ben"}).Draw(t, "agent")
			s.Handle = time.Duration(rapid.IntRange(0, 3600).Draw(t, "handle")) * time.Second
			s.Routing = rapid.SampledFrom([]string{"", "Last", "Standard"}).Draw(t, "routing")
			s.Transferred = how == 2
		}
		for range rapid.IntRange(0, 2).Draw(t, "alerts") {
			from := hour(entered).Add(time.Duration(at("alert", 0, 1) * wait * float64(time.Hour))).Truncate(time.Second)
			s.Alerts = append(s.Alerts, routing.Touch{AgentID: "ben", Span: routing.Span{From: from, To: from.Add(5 * time.Minute)}})
		}
		if rapid.IntRange(0, 3).Draw(t, "came from elsewhere") == 0 {
			before := routing.Stay{QueueID: "r", Entered: hour(entered - at("earlier", 0, 20)).Truncate(time.Second), Left: hour(entered), Transferred: true}
			c.Stays = append([]routing.Stay{before}, c.Stays...)
		}
		out = append(out, c)
	}
	return out
}

// What rows tell adds up to what all tells, quantiles are values of the sorted
// list, and deadlines are those of package measure.
func TestRowsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		conversations := drawn(t)
		by := rapid.SampledFrom([]report.By{report.ByDay, report.ByHour, report.ByRule, report.ByAgent}).Draw(t, "by")
		in := input(0, 168, by)
		in.From = hour(rapid.Float64Range(0, 30).Draw(t, "from")).Truncate(time.Minute)
		r, err := report.Performance(in, conversations, nil)
		if err != nil {
			t.Fatal(err)
		}
		q := r.Queues[0]
		var offered, answered, abandoned, transferred, missed, waits int
		var inTime, counted float64
		for _, row := range q.Rows {
			if row.Offered != nil {
				offered += *row.Offered
			}
			answered, transferred, missed = answered+row.Answered, transferred+row.Transferred, missed+row.Missed
			abandoned += row.Abandoned
			if row.Wait != nil {
				waits += row.Wait.N
			}
			if row.Deadlines != nil {
				inTime, counted = inTime+row.Deadlines.InTime, counted+row.Deadlines.Counted
			}
		}
		f := q.Total
		if f.Wait == nil {
			f.Wait = &report.Times{}
		}
		if by != report.ByAgent && (offered != *f.Offered || abandoned != f.Abandoned || waits != f.Wait.N || f.Deadlines != nil && (inTime != f.Deadlines.InTime || counted != f.Deadlines.Counted)) {
			t.Fatalf("rows: %d offered, %d abandoned, %d waits, %g in time; all: %+v", offered, abandoned, waits, inTime, f)
		}
		if answered != f.Answered || missed != f.Missed || by != report.ByAgent && transferred != f.Transferred {
			t.Fatalf("rows: %d answered, %d missed, %d transferred; all: %+v", answered, missed, transferred, f)
		}
		var all []time.Duration
		var window measure.Window
		backlog := 0
		for _, c := range conversations {
			within := map[string]time.Duration{"vip@example.com": time.Hour}[c.To]
			if within == 0 {
				within = 4 * time.Hour
			}
			w := measure.OwnLevel([]routing.Conversation{c}, measure.Deadline{QueueID: "q", Span: in.Span, Within: within, Calendar: office(), Now: in.Now})
			window.InTime, window.Counted, window.Offered = window.InTime+w.InTime, window.Counted+w.Counted, window.Offered+w.Offered
			s := c.Stays[len(c.Stays)-1]
			if !s.Left.IsZero() && !s.Left.Before(in.From) && s.Left.Before(in.To) {
				all = append(all, s.Left.Sub(s.Entered))
			}
			if s.Entered.Before(in.To) && (s.Left.IsZero() || !s.Left.Before(in.To)) {
				backlog++
			}
		}
		if window.Offered != *f.Offered || f.Deadlines != nil && (window.InTime != f.Deadlines.InTime || window.Counted != f.Deadlines.Counted) {
			t.Fatalf("%+v, and measure has %+v", f.Deadlines, window)
		}
		if f.Backlog.Waiting != backlog {
			t.Fatalf("%d wait, want %d", f.Backlog.Waiting, backlog)
		}
		slices.Sort(all)
		if len(all) != f.Wait.N || len(all) > 0 && (f.Wait.P50 != all[(len(all)+1)/2-1].Seconds() || f.Wait.P90 != all[(9*len(all)+9)/10-1].Seconds()) {
			t.Fatalf("%+v of %v", f.Wait, all)
		}
	})
}
