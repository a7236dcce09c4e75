package report_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// lose is a report on one email that was late, in a queue without a calendar and
// with two rings, the second after six hours, which drops the skill s. Ann has the
// skill, Ben is in the second ring and does not.
func lose() report.Input {
	in := input(0, 48, report.ByDay)
	q := &in.Queues[0]
	q.Calendar = nil
	q.Settings.Rings = &routing.Rings{{Wait: new(routing.Duration(6 * time.Hour)), Drop: []routing.Ref{{ID: "s"}}}, {}}
	q.Members = []routing.Member{{Ref: routing.Ref{ID: "ann"}, Ring: 1}, {Ref: routing.Ref{ID: "ben"}, Ring: 2}}
	in.Agents = []report.Agent{
		{Ref: routing.Ref{ID: "ann", Name: "Ann"}, Skills: []string{"s"}, Languages: []string{}, Capacity: 1},
		{Ref: routing.Ref{ID: "ben", Name: "Ben"}, Skills: []string{}, Languages: []string{}, Capacity: 1},
	}
	return in
}

// on says that an agent was on queue in some hours.
func on(agent string, from, to float64) (out []routing.MetricRow) {
	for h := from; h < to; h += 0.5 {
		out = append(out, status(agent, "IDLE", h, h+0.5, 0.5)...)
	}
	return out
}

// busy is an email that an agent had for some hours.
func busy(agent string, from, to float64) routing.Conversation {
	return routing.Conversation{Stays: []routing.Stay{{
		QueueID: "r", Entered: hour(from), Answered: hour(from), Left: hour(from), AgentID: agent,
		Work: []routing.Touch{{AgentID: agent, Span: span(from, to)}},
	}}}
}

func TestWhereTheServiceLevelWent(t *testing.T) {
	t.Parallel()
	// In at 8, answered at 16: four of eight hours late, so that each hour of the
	// wait is half an hour that was lost.
	late := func() routing.Conversation {
		c := email("support@example.com", 8, 16, "ann")
		c.Stays[0].SkillIDs = []string{"s"}
		return c
	}
	for name, tt := range map[string]struct {
		change func(in *report.Input, c *routing.Conversation)
		others []routing.Conversation
		here   []routing.MetricRow
		want   map[report.Cause]float64 // hours
		lost   float64
	}{
		"in time is nothing": {change: func(_ *report.Input, c *routing.Conversation) { *c = email("support@example.com", 8, 12, "ann") }, want: map[report.Cause]float64{}},
		"nobody is known": {
			change: func(in *report.Input, _ *routing.Conversation) { in.Queues[0].Members = nil },
			lost:   4, want: map[report.Cause]float64{report.Unexplained: 4},
		},
		"closed hours": {
			change: func(in *report.Input, _ *routing.Conversation) {
				in.Queues[0].Calendar = office()
				in.Queues[0].Calendar.Week[0] = []routing.Hours{{From: 8 * 60, To: 9 * 60}, {From: 15 * 60, To: 18 * 60}}
			},
			here: on("ann", 0, 24),
			lost: 4, want: map[report.Cause]float64{report.Closed: 3, report.Unexplained: 1},
		},
		"nobody is on queue": {here: on("ann", 14, 24), lost: 4, want: map[report.Cause]float64{report.Nobody: 3, report.Unexplained: 1}},
		"nobody is known to be on queue after the span": {
			change: func(in *report.Input, _ *routing.Conversation) { in.Span = span(0, 12) },
			here:   on("ann", 11, 12), lost: 4, want: map[report.Cause]float64{report.Nobody: 1.5, report.Unexplained: 2.5},
		},
		"it is known who was on queue after the span": {
			change: func(in *report.Input, _ *routing.Conversation) { in.Span = span(0, 12) },
			here:   append(on("ann", 11, 12), on("ann", 15, 16)...), lost: 4, want: map[report.Cause]float64{report.Nobody: 3, report.Unexplained: 1},
		},
		"nobody has the language": {
			change: func(_ *report.Input, c *routing.Conversation) { c.Stays[0].LanguageID = "fr" },
			here:   on("ann", 0, 24), lost: 4, want: map[report.Cause]float64{report.Nobody: 4},
		},
		"nobody has the skill, and time on queue is not known": {
			change: func(in *report.Input, c *routing.Conversation) { c.Stays[0].SkillIDs = []string{"x"} },
			lost:   4, want: map[report.Cause]float64{report.Nobody: 4},
		},
		"a skill that nobody knows of may be there": {
			change: func(in *report.Input, c *routing.Conversation) {
				c.Stays[0].SkillIDs, in.Agents[0].Skills = []string{"x"}, nil
			},
			here: on("ann", 0, 24), lost: 4, want: map[report.Cause]float64{report.Unexplained: 4},
		},
		"all full": {others: []routing.Conversation{busy("ann", 8, 12), busy("ann", 20, 23)}, here: on("ann", 0, 24), lost: 4, want: map[report.Cause]float64{report.Full: 2, report.Unexplained: 2}},
		"the ring is too slow, then the next is full": {
			others: []routing.Conversation{busy("ann", 8, 16), busy("ben", 12, 16)}, here: append(on("ann", 0, 24), on("ben", 10, 24)...),
			lost: 4, want: map[report.Cause]float64{report.Full: 1 + 2, report.Ring: 1},
		},
		"the last agent": {change: func(_ *report.Input, c *routing.Conversation) { c.Stays[0].Routing = "Last" }, lost: 4, want: map[report.Cause]float64{report.LastAgent: 4}},
		"alerts": {
			change: func(_ *report.Input, c *routing.Conversation) {
				c.Stays[0].Alerts = []routing.Touch{{AgentID: "ann", Span: span(14, 15)}, {AgentID: "ben", Span: span(9, 10)}, {AgentID: "ben", Span: span(9.5, 10.5)}, {AgentID: "ann", Span: span(15.5, 16), Answered: true}}
			},
			here: on("ann", 11, 24), lost: 4, want: map[report.Cause]float64{report.Alerts: 1.5, report.Nobody: 0.75, report.Unexplained: 1.75},
		},
		"transfers": {
			change: func(_ *report.Input, c *routing.Conversation) {
				c.Stays = append([]routing.Stay{{QueueID: "r", Entered: hour(0), Answered: hour(1), Left: hour(1), Transferred: true}}, c.Stays...)
			},
			here: on("ann", 0, 24), lost: 12, want: map[report.Cause]float64{report.Transfers: 6, report.Unexplained: 6},
		},
		"passed on, and late elsewhere": {
			change: func(_ *report.Input, c *routing.Conversation) {
				c.Stays = append(c.Stays, routing.Stay{QueueID: "r", Entered: hour(20)})
			}, want: map[report.Cause]float64{},
		},
		"it waits": {
			change: func(_ *report.Input, c *routing.Conversation) {
				c.Stays[0].Answered, c.Stays[0].Left, c.Stays[0].AgentID = time.Time{}, time.Time{}, ""
				c.Stays[0].Work = nil
			},
			here: on("ann", 0, 28), lost: 36, want: map[report.Cause]float64{report.Nobody: 18, report.Unexplained: 18},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := lose()
			c := late()
			if tt.change != nil {
				tt.change(&in, &c)
			}
			got := perform(t, in, append(tt.others, c), tt.here).Lost
			causes := map[report.Cause]float64{}
			for _, x := range got.Causes {
				causes[x.Cause] = x.Seconds / 3600
			}
			if d := cmp.Diff(tt.want, causes, approximately); d != "" || got.Seconds != tt.lost*3600 || (got.Emails > 0) != (tt.lost > 0) {
				t.Errorf("lost %gh by %d emails; causes (-want +got):\n%s", got.Seconds/3600, got.Emails, d)
			}
		})
	}
}

// Whatever happened, the parts are what late email lost, to the millisecond.
func TestCausesAddUpToWhatWasLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		conversations := drawn(t)
		in := lose()
		in.Span, in.Now = span(0, 168), hour(168)
		if rapid.Bool().Draw(t, "calendar") {
			in.Queues[0].Calendar = office()
		}
		var here []routing.MetricRow
		if rapid.Bool().Draw(t, "presence") {
			here = on("ann", 8, 12)
		}
		r, err := report.Performance(in, conversations, here)
		if err != nil {
			t.Fatal(err)
		}
		var want int64
		emails := 0
		for _, c := range conversations {
			s := c.Stays[len(c.Stays)-1]
			end := s.Answered
			if end.IsZero() {
				end = s.Left
			}
			if end.IsZero() {
				end = in.Now
			}
			within := 4 * time.Hour
			if c.To == "vip@example.com" {
				within = time.Hour
			}
			if lost := end.Sub(c.Stays[0].Entered) - within; lost > 0 && !s.Entered.Before(in.From) && s.Entered.Before(in.To) {
				want, emails = want+lost.Milliseconds(), emails+1
			}
		}
		got := r.Queues[0].Lost
		var sum int64
		for _, c := range got.Causes {
			sum += int64(c.Seconds*1000 + 0.5)
			if c.Seconds <= 0 || c.Emails < 1 || c.Emails > emails {
				t.Fatalf("%+v of %d emails", c, emails)
			}
		}
		if sum != want || int64(got.Seconds*1000+0.5) != want || got.Emails != emails {
			t.Fatalf("%d ms of causes, %+v; want %d ms of %d emails", sum, got, want, emails)
		}
	})
}
