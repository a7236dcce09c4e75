package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// changed are changes of the queue q.
type changed []report.Change

func (c changed) Of(queueID string, within routing.Span) []report.Change {
	var out []report.Change
	for _, x := range c {
		if queueID == "q" && !x.At.Before(within.From) && x.At.Before(within.To) {
			out = append(out, x)
		}
	}
	return out
}

// days are so many emails on each of some days, from a day before or after
// monday on, of which some are answered at once and the others after two hours.
func days(from, to, emails int, late func(day, n int) bool) (out []routing.Conversation) {
	for d := from; d < to; d++ {
		for n := range emails {
			at := routing.Wall(time.Date(2026, 3, 2+d, 9, n, 0, 0, time.UTC), berlin)
			wait := time.Minute
			if late(d, n) {
				wait = 2 * time.Hour
			}
			out = append(out, routing.Conversation{To: "vip@example.com", Stays: []routing.Stay{{
				QueueID: "q", Entered: at, Answered: at.Add(wait), Left: at.Add(wait), AgentID: "ann", Handle: time.Minute,
			}}})
		}
	}
	return out
}

func TestBeforeAndAfter(t *testing.T) {
	t.Parallel()
	at := func(day int, hours float64) time.Time {
		return routing.Wall(time.Date(2026, 3, 2+day, 0, 0, 0, 0, time.UTC), berlin).Add(time.Duration(hours * float64(time.Hour)))
	}
	one := func(day int) report.Change {
		return report.Change{ID: fmt.Sprint("run", day), At: at(day, 10), Strategy: "support", What: []string{"update queue Support"}}
	}
	weekend := func(d int) bool { return d%7 == 5 || d%7 == 6 || d%7 == -1 || d%7 == -2 }
	for name, tt := range map[string]struct {
		emails  int
		late    func(day, n int) bool
		changes changed
		known   int // days before monday
		until   int
		want    report.Verdict
		weeks   int
		p       string // of the deadlines; empty: none
		words   string
	}{
		"better by much":  {10, func(d, n int) bool { return d < 0 && n < 5+(d+70)%3 }, changed{one(0)}, 28, 29, report.Better, 4, "<0.001", "better: by the deadlines "},
		"worse by much":   {10, func(d, n int) bool { return d > 0 && n < 5+d%3 }, changed{one(0)}, 28, 29, report.Worse, 4, "<0.001", "% after (p = <0.001, 4 weeks on either side)"},
		"weekends differ": {10, func(d, n int) bool { return weekend(d) && n < 8 }, changed{one(0)}, 28, 29, report.Same, 4, "1.000", "no difference"},
		"a week is enough for the test where it is clear": {10, func(d, n int) bool { return d < 0 && n < 5 }, changed{one(0)}, 28, 8, report.Better, 1, "0.016", "1 week on either side"},
		"too few days":                   {10, func(d, _ int) bool { return d < 0 }, changed{one(0)}, 28, 7, report.Thin, 0, "", "too little to tell: 28 whole days before it and 6 whole days since"},
		"too few days that differ":       {10, func(d, n int) bool { return d < 0 && !weekend(d) && n < 5 }, changed{one(0)}, 7, 8, report.Thin, 1, "0.062", "p cannot be below 0.062"},
		"too few emails":                 {4, func(d, _ int) bool { return d < 0 }, changed{one(0)}, 7, 8, report.Thin, 1, "", "fewer than 30 emails"},
		"conversations are not known":    {10, func(d, _ int) bool { return d < 0 }, changed{one(0)}, 6, 29, report.Thin, 0, "", "6 whole days before it"},
		"another change ends the weeks":  {10, func(d, n int) bool { return d < 0 && n < 5 }, changed{one(-20), one(0), one(10)}, 28, 29, report.Better, 1, "0.016", ""},
		"one of the same day is told":    {10, func(d, n int) bool { return d < 0 && n < 5 }, changed{one(0), {ID: "other", At: at(0, 11)}}, 28, 29, report.Better, 4, "<0.001", ""},
		"the clock is put forward on it": {10, func(d, n int) bool { return d < 27 && n < 5 }, changed{{ID: "run", At: at(27, 12)}}, 0, 55, report.Better, 3, "<0.001", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(0, 0, report.ByDay)
			in.Span, in.Now, in.Known, in.Changes = routing.Span{From: at(-tt.known, 0), To: at(tt.until, 0)}, at(tt.until, 0), at(-tt.known, 0), tt.changes
			in.Queues[0].Calendar = nil
			if tt.known == 0 {
				in.From, in.Known = at(-1, 12), at(-1, 12) // a part of a day is no day
			}
			q := perform(t, in, days(-tt.known, tt.until, tt.emails, tt.late), nil)
			which := 0
			for i, c := range q.Changes {
				if c.At.Equal(at(0, 10)) {
					which = i
				}
			}
			c := q.Changes[which]
			if c.Verdict != tt.want || c.Weeks != tt.weeks || !strings.Contains(c.Words, tt.words) {
				t.Errorf("%s in %d weeks: %s; want %s in %d weeks: %s", c.Verdict, c.Weeks, c.Words, tt.want, tt.weeks, tt.words)
			}
			if c.Weeks > 0 && (c.Before.From.In(berlin).Hour() != 0 || c.After.From.In(berlin).Weekday() != c.Before.From.In(berlin).AddDate(0, 0, 1).Weekday() || c.After.To.In(berlin).Hour() != 0) {
				t.Errorf("windows %v and %v", c.Before, c.After)
			}
			if name == "one of the same day is told" && c.Together != 1 {
				t.Errorf("%d changes of that day", c.Together)
			}
			p := ""
			if len(c.Measures) > 0 && c.Measures[0].P != nil {
				p = fmt.Sprintf("%.3f", *c.Measures[0].P)
				if *c.Measures[0].P < 0.001 {
					p = "<0.001"
				}
			}
			if p != tt.p {
				t.Errorf("p is %s, want %s", p, tt.p)
			}
		})
	}
}

// What does not last is told with its time and length, ends no windows of what does,
// and is compared only where it held for whole weeks.
func TestChangesThatDoNotLast(t *testing.T) {
	t.Parallel()
	at := func(day int, hours float64) time.Time {
		return routing.Wall(time.Date(2026, 3, 2+day, 0, 0, 0, 0, time.UTC), berlin).Add(time.Duration(hours * float64(time.Hour)))
	}
	override := func(id string, from time.Time, held time.Duration) report.Change {
		return report.Change{ID: id, At: from, Ended: from.Add(held), Passing: report.Override, Rule: "surge", Levers: []routing.Lever{routing.LeverJoin}, What: []string{"let Back Office join the queue"}}
	}
	in := input(0, 0, report.ByDay)
	in.Span = routing.Span{From: at(-28, 0), To: at(29, 0)}
	in.Now, in.Known, in.Queues[0].Calendar = in.To, in.From, nil
	in.Changes = changed{
		override("weeks", at(-20, 9), 16*24*time.Hour),
		override("before", at(-3, 9), 40*time.Minute),
		{ID: "lasts", At: at(0, 9), What: []string{"update queue Support"}},
		{ID: "undone", At: at(3, 9), Ended: at(3, 9.5), Passing: report.Undone, What: []string{"update queue Support"}},
		override("after", at(5, 9), 24*time.Hour),
		{ID: "holds", At: at(28, 23), Passing: report.Override},
	}
	got := map[string]report.Comparison{}
	for _, c := range perform(t, in, days(-28, 29, 10, func(d, n int) bool { return d < 0 && n < 5 }), nil).Changes {
		got[c.ID] = c
	}
	for id, want := range map[string]struct {
		verdict report.Verdict
		weeks   int
		words   string
	}{
		"weeks":  {report.Thin, 1, "too little to tell: of so few days that differ p cannot"},
		"before": {report.Passed, 0, "came and went after 40m00s: too short to compare by weeks"},
		"lasts":  {report.Better, 4, "better: "},
		"undone": {report.Passed, 0, "was put back by the same run after 30m00s: too short to compare by weeks"},
		"after":  {report.Passed, 0, "came and went after 24h00m: too short to compare by weeks"},
		"holds":  {report.Passed, 0, "holds, for 1h00m so far: too short to compare by weeks"},
	} {
		if c := got[id]; c.Verdict != want.verdict || c.Weeks != want.weeks || !strings.HasPrefix(c.Words, want.words) || c.Together != 0 {
			t.Errorf("%s: %s in %d weeks, %s; want %v", id, c.Verdict, c.Weeks, c.Words, want)
		}
	}
}

// Where a change did nothing the test says so in 19 of 20 cases, also where the
// days of a week differ much: of 400 draws some 20 are significant, and 38 or more
// would be one chance in ten thousand.
func TestNoChangeIsRarelySignificant(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(1, 2))
	found, least := 0, 1.0
	const tries = 400
	for range tries {
		var share [70]float64
		for d := range share {
			share[d] = min(1, max(0, []float64{0.5, 0.3, 0.2, 0.1, 0.4, 0.8, 0.9}[d%7]+0.1*chance.NormFloat64()))
		}
		in := input(0, 0, report.ByDay)
		in.Queues[0].Calendar = nil
		in.From = routing.Wall(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), berlin)
		in.To = routing.Wall(time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC), berlin)
		in.Now, in.Changes = in.To, changed{{ID: "run", At: in.From.Add(7*24*time.Hour + time.Hour)}}
		q := perform(t, in, days(0, 15, 10, func(d, n int) bool { return float64(n)/10 < share[d] }), nil)
		p := *q.Changes[0].Measures[0].P
		least = math.Min(least, p)
		if p < 0.05 {
			found++
		}
	}
	if found == 0 || found > 37 || least < 2.0/128 {
		t.Errorf("%d of %d are significant, the least p is %g", found, tries, least)
	}
}

// A change made by others says who made it, and a comparison whose windows begin
// before such changes are known says so.
func TestWhatOthersChanged(t *testing.T) {
	t.Parallel()
	in := input(0, 0, report.ByDay)
	in.From, in.To = routing.Wall(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), berlin), routing.Wall(time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC), berlin)
	in.Now, in.Changes = in.To, changed{{ID: "a", At: in.From.Add(7*24*time.Hour + time.Hour), By: "Sam", What: []string{"changed queue Support"}}}
	for name, tt := range map[string]struct {
		unheard time.Time
		want    string
	}{
		"all is known":  {time.Time{}, "either side)"},
		"just all":      {in.From, "either side)"},
		"not the first": {in.From.Add(24 * time.Hour), "; what others changed before Tue 2026-03-03 00:00 CET is not known"},
		"none of it":    {in.Now, "; what others changed in this time is not known"},
	} {
		in.Unheard = tt.unheard
		q := perform(t, in, days(0, 15, 10, func(d, n int) bool { return d < 7 && n < 5 }), nil)
		if c := q.Changes[0]; !strings.HasSuffix(c.Words, tt.want) || c.Weeks != 1 {
			t.Errorf("%s: %s", name, c.Words)
		}
	}
	var b strings.Builder
	in.Unheard = in.Now
	r, err := report.Performance(in, nil, nil)
	if err == nil {
		err = report.Text(&b, r, report.Style{})
	}
	if err != nil || !strings.Contains(b.String(), "out of band by Sam: changed queue Support") || !strings.Contains(b.String(), "note: changes that others made are not known") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
