package coverage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// What is expected is the mean of whole weeks at the same time of the week, on
// the clock on the wall.
func TestExpectedEmail(t *testing.T) {
	t.Parallel()
	type moments map[string]int // emails at a moment of the past, on the wall
	tests := map[string]struct {
		now, from, to string // from and to are of what was read
		offered       moments
		weeks         int
		want          map[string]string // by quarter hour, on the wall
	}{
		"half of a half hour in each quarter": {
			now: "2026-03-04 10:07", from: "2026-02-25 09:30", to: "2026-03-04 09:30", weeks: 1,
			offered: moments{"2026-03-02 08:30": 3},
			want:    map[string]string{"Mon 08:30": "1.5", "Mon 08:45": "1.5"},
		},
		"the mean of two weeks": {
			now: "2026-03-04 10:07", from: "2026-02-18 09:30", to: "2026-03-04 09:30", weeks: 2,
			offered: moments{"2026-03-02 08:30": 2, "2026-02-23 08:30": 6, "2026-02-23 09:00": 4},
			want:    map[string]string{"Mon 08:30": "2", "Mon 08:45": "2", "Mon 09:00": "1", "Mon 09:15": "1"},
		},
		"what is more than whole weeks is left out": {
			now: "2026-03-04 10:07", from: "2026-02-19 09:30", to: "2026-03-04 09:30", weeks: 1,
			offered: moments{"2026-02-25 09:00": 8, "2026-02-25 09:30": 2},
			want:    map[string]string{"Wed 09:30": "1", "Wed 09:45": "1"},
		},
		"the first and the last half hour": {
			now: "2026-03-04 10:07", from: "2026-02-25 10:00", to: "2026-03-04 10:00", weeks: 1,
			offered: moments{"2026-02-25 10:00": 2, "2026-03-04 09:30": 4},
			want:    map[string]string{"Wed 10:00": "1", "Wed 10:15": "1", "Wed 09:30": "2", "Wed 09:45": "2"},
		},
		"the clock is put forward between": {
			now: "2026-03-28 10:07", from: "2026-03-21 09:30", to: "2026-03-28 09:30", weeks: 1,
			offered: moments{"2026-03-23 08:30": 2, "2026-03-22 02:30": 6},
			want:    map[string]string{"Mon 08:30": "1", "Mon 08:45": "1"}, // there is no 02:30
		},
		"the clock is put back between": {
			now: "2026-10-24 10:07", from: "2026-10-17 09:30", to: "2026-10-24 09:30", weeks: 1,
			offered: moments{"2026-10-19 08:30": 2, "2026-10-18 02:30": 6},
			want:    map[string]string{"Mon 08:30": "1", "Mon 08:45": "1", "Sun 02:30": "6", "Sun 02:45": "6"}, // 3 in each of the two
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sane()
			in.Now = span(t, tt.now+"/"+tt.now, berlin).From
			within := routing.Span{From: in.Now.AddDate(0, 0, -1), To: in.Now.AddDate(0, 0, 9)}
			for _, who := range []string{"ann", "ben"} {
				in.Org.Roster.Agents[who] = routing.AgentSchedule{Known: []routing.Span{within}}
			}
			v := &measure.Volume{Span: span(t, tt.from+"/"+tt.to, berlin), Every: 30 * time.Minute, By: map[string]*measure.Counts{}}
			v.From = v.From.Add(-v.Every) // an email then says that the queue is as old
			n := &measure.Counts{Offered: make([]int, v.Intervals()), Answered: make([]int, v.Intervals()), Handled: 20, Handling: 20 * time.Hour}
			n.Offered[0] = 1
			for moment, count := range tt.offered {
				n.Offered[int(span(t, moment+"/"+moment, berlin).From.Sub(v.From)/v.Every)] = count
			}
			v.By[vip.String()] = n
			in.Volume = v
			r := coverage.Check(in)
			if r.Balance == nil {
				t.Fatal(messages(r, routing.DemandUnknown))
			}
			sums := map[string]float64{}
			for cell, x := range r.Balance.Offered {
				if x != 0 {
					sums[r.Span.From.Add(time.Duration(cell)*coverage.Cell).In(berlin).Format("Mon 15:04")] += x
				}
			}
			got := map[string]string{}
			for when, x := range sums {
				got[when] = fmt.Sprintf("%g", x)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if b := r.Balance; b.Weeks != tt.weeks || b.Handling != hour {
				t.Errorf("%d weeks, %s to handle one, want %d", b.Weeks, b.Handling, tt.weeks)
			}
		})
	}
}

// A queue that is younger than the four weeks is not taken to have had no email
// before.
func TestYoungQueue(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		began   string // before it no email came
		busy    int    // emails in each open half hour
		weeks   int
		offered float64
		unknown string
	}{
		"as old as what was read":             {"2026-02-04 09:30", 2, 4, 200, ""},
		"a week":                              {"2026-02-25 09:30", 2, 1, 200, ""},
		"more than a week":                    {"2026-02-24 17:30", 2, 1, 200, ""},
		"half an hour less than a week":       {"2026-02-25 10:00", 2, 0, 0, "email comes in only since Wed 25 Feb 10:00, less than a week"},
		"two weeks and some":                  {"2026-02-16 08:00", 2, 2, 200, ""},
		"three weeks, but for one half hour":  {"2026-02-11 10:00", 2, 3, 598. / 3, ""}, // which had 2 in each of the later weeks
		"three weeks, but for two half hours": {"2026-02-11 10:30", 2, 2, 200, ""},
		"three weeks, but for three emails":   {"2026-02-11 11:00", 1, 2, 100, ""},
		"no email":                            {"2026-03-04 09:30", 2, 0, 0, "no email came in 4 weeks"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sane()
			in.Volume = mail(map[string]int{standard.String(): tt.busy}, 12*time.Minute)
			n := in.Volume.By[standard.String()]
			for i := range n.Offered {
				if in.Volume.From.Add(time.Duration(i) * in.Volume.Every).Before(span(t, tt.began+"/"+tt.began, berlin).From) {
					n.Offered[i] = 0
				}
			}
			r := coverage.Check(in)
			if tt.unknown != "" {
				if d := cmp.Diff([]string{"whether the week's email can be handled is not known: " + tt.unknown}, messages(r, routing.DemandUnknown)); d != "" || r.Balance != nil {
					t.Errorf("(-want +got):\n%s", d)
				}
				return
			}
			sum := 0.0
			for _, x := range r.Balance.Offered {
				sum += x
			}
			if b := r.Balance; b.Weeks != tt.weeks || fmt.Sprintf("%.4f", sum) != fmt.Sprintf("%.4f", tt.offered) || !strings.Contains(b.Verdict, "mean of "+phrase.Count(tt.weeks, "week")) {
				t.Errorf("%d weeks, %g emails, want %d and %g: %s", b.Weeks, sum, tt.weeks, tt.offered, b.Verdict)
			}
		})
	}
}

// The verdict, and from when on nothing need be left.
func TestVerdict(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		waiting int
		each    int // half hour, of rule standard
		clears  bool
		grows   int // hours
		want    string
	}{
		"little": {0, 2, true, 0, "The week can clear it: 200 emails expected in 7 days (mean of 4 weeks), 12m to handle one."},
		"little, and some wait": {
			30, 2, true, 0,
			"The week can clear it: of the 30 emails that wait now nothing need be left by Wed 4 Mar 11:15; 200 emails expected in 7 days (mean of 4 weeks), 12m to handle one.",
		},
		"little, and one waits that is done at once": {1, 2, true, 0, "The week can clear it: 200 emails expected in 7 days (mean of 4 weeks), 12m to handle one."},
		"more than can be done":                      {0, 14, false, 10, "The week does not clear it: at least 50 more emails come in every week than can be handled; 1400 emails expected in 7 days (mean of 4 weeks), 12m to handle one."},
		"just what can be done but for the lunches":  {0, 13, true, 10, "The week can clear it: 1300 emails expected in 7 days (mean of 4 weeks), 12m to handle one."},
		"too much waits": {
			1400, 2, false, 0,
			"The week does not clear it: of the 1400 emails that wait now and those to come at least 250 are left after 7 days; 200 emails expected in 7 days (mean of 4 weeks), 12m to handle one.",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sane()
			in.Waiting = &tt.waiting
			in.Volume = mail(map[string]int{standard.String(): tt.each}, 12*time.Minute)
			b := coverage.Check(in).Balance
			var grows time.Duration
			for _, s := range b.Grows {
				grows += s.To.Sub(s.From)
			}
			if b.Verdict != tt.want || b.Clears == nil || *b.Clears != tt.clears || grows != time.Duration(tt.grows)*time.Hour || b.Waiting != tt.waiting {
				t.Errorf("%s\nclears: %v, grows in %s, waiting %d, want\n%s\n%v, %d", b.Verdict, b.Clears, grows, b.Waiting, tt.want, tt.clears, tt.grows)
			}
		})
	}
}

// Email that comes in while nobody is on queue lets the backlog grow too, which
// is said apart.
func TestUnattendedHours(t *testing.T) {
	t.Parallel()
	in := sane()
	for i := range in.Volume.Intervals() {
		if at := in.Volume.From.Add(time.Duration(i) * in.Volume.Every).In(berlin); at.Weekday() == time.Saturday && at.Hour() == 10 {
			in.Volume.By[standard.String()].Offered[i] = 6
		}
	}
	cancel(&in, 9, ann, ben) // Monday
	b := coverage.Check(in).Balance
	want := []routing.Span{{From: at(7, 10, 0), To: at(7, 11, 0)}, {From: at(9, 8, 0), To: at(9, 18, 0)}}
	if d := cmp.Diff(want, b.Unattended, cmp.Comparer(time.Time.Equal)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	const verdict = "The week can clear it: 312 emails expected in 7 days (mean of 4 weeks), 72 of them in 11 hours with nobody on queue, 12m to handle one."
	if b.Verdict != verdict || len(b.Grows) != 0 {
		t.Errorf("%s\nwant\n%s\ngrows %v", b.Verdict, verdict, b.Grows)
	}
	if b = coverage.Check(sane()).Balance; b.Unattended == nil || len(b.Unattended) > 0 {
		t.Errorf("somebody is there all the time, and %v are unattended", b.Unattended)
	}
}

// Beyond ten classes not every set of them is looked at, and what is said stays a
// lower limit.
func TestManyClassesOfEmail(t *testing.T) {
	t.Parallel()
	for _, classes := range []int{10, 11, 14, 70} {
		in := sane()
		in.Want.Rules, in.Want.Routes = nil, nil
		in.Volume = mail(map[string]int{}, time.Minute)
		queue(&in).Members = nil
		each := map[string]int{}
		for i := range classes {
			name := fmt.Sprintf("skill %02d", i)
			a := routing.Address{Local: fmt.Sprintf("rule%02d", i), Domain: "example.com"}
			in.Want.Rules = append(in.Want.Rules, routing.Rule{Name: name, Skills: &[]routing.Ref{ref(name)}})
			in.Want.Routes = append(in.Want.Routes, routing.DesiredRoute{Address: a, Rule: name})
			who := routing.Ref{ID: name, Name: name}
			queue(&in).Members = append(queue(&in).Members, routing.Member{Ref: who, Ring: 1, Joined: true})
			in.Org.Ratings[name] = routing.Ratings{Skills: []routing.Rating{{Ref: ref(name)}}}
			own(&in, who, 1)
			in.Org.Roster.Agents[name] = routing.AgentSchedule{Known: []routing.Span{in.Org.Roster.Span}, Shifts: []routing.Shift{{Span: in.Org.Roster.Span}}}
			each[a.String()] = 1
		}
		each["rule00@example.com"] = 9 // 1.8 hours in an hour, for one agent
		queue(&in).MemberCount = classes
		in.Volume = mail(each, 12*time.Minute)
		r := coverage.Check(in)
		want := []string{fmt.Sprintf("The week does not clear it: at least 60 more emails of rule skill 00 come in every week than can be handled; %d emails expected in 7 days (mean of 4 weeks), 12m to handle one.", 100*(classes+8)), "the backlog of rule skill 00 must grow Wed 10:00–18:00, Thu–Fri 08:00–18:00, Mon–Tue 08:00–18:00, Wed 11 Mar 08:00–10:00: 3.6 hours of handling come in an hour, and those on queue can do 1.0"}
		if d := cmp.Diff(want, messages(r, routing.BacklogGrows)); d != "" {
			t.Errorf("%d classes (-want +got):\n%s", classes, d)
		}
	}
}

// All classes together are looked at, however many they are, against those alone
// who can serve any of them.
func TestManyClassesTogether(t *testing.T) {
	t.Parallel()
	for _, classes := range []int{2, 10, 11, 20} {
		in := sane()
		in.Want.Rules, in.Want.Routes = nil, nil
		queue(&in).Members = []routing.Member{{Ref: cleo, Ring: 1, Joined: true}} // who can serve none
		in.Org.Ratings["cleo"] = routing.Ratings{}
		own(&in, cleo, 25)
		all := routing.AgentSchedule{Known: []routing.Span{in.Org.Roster.Span}, Shifts: []routing.Shift{{Span: in.Org.Roster.Span}}}
		in.Org.Roster.Agents["cleo"] = all
		each := map[string]int{}
		for i := range classes {
			name := fmt.Sprintf("skill %02d", i)
			a := routing.Address{Local: fmt.Sprintf("rule%02d", i), Domain: "example.com"}
			in.Want.Rules = append(in.Want.Rules, routing.Rule{Name: name, Skills: &[]routing.Ref{ref(name)}})
			in.Want.Routes = append(in.Want.Routes, routing.DesiredRoute{Address: a, Rule: name})
			who := routing.Ref{ID: name, Name: name}
			queue(&in).Members = append(queue(&in).Members, routing.Member{Ref: who, Ring: 1, Joined: true})
			in.Org.Ratings[name] = routing.Ratings{Skills: []routing.Rating{{Ref: ref(name)}}}
			own(&in, who, 1)
			in.Org.Roster.Agents[name] = all
			each[a.String()] = 3 // 1.2 hours in an hour, for one agent
		}
		queue(&in).MemberCount = classes + 1
		in.Volume = mail(each, 12*time.Minute)
		want := fmt.Sprintf("the backlog of the queue must grow Wed 10:00–18:00, Thu–Fri 08:00–18:00, Mon–Tue 08:00–18:00, Wed 11 Mar 08:00–10:00: %.1f hours of handling come in an hour, and those on queue can do %.1f", 1.2*float64(classes), float64(classes))
		if d := cmp.Diff([]string{want}, messages(coverage.Check(in), routing.BacklogGrows)); d != "" {
			t.Errorf("%d classes (-want +got):\n%s", classes, d)
		}
	}
}

// Each type of finding is in the situations, and each has been seen to be absent.
func TestEveryFindingIsTried(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, f := range routing.FindingTypes {
		if !strings.Contains(all.String(), fmt.Sprintf("%s %s: ", f.Severity, f.Type)) {
			t.Errorf("no situation has the %s %s", f.Severity, f.Type)
		}
	}
}

// A rule whose email nobody handles is not hidden by a backlog that comes and goes
// every night, and counts in emails of its own.
func TestARuleThatNobodyServesIsNotHidden(t *testing.T) {
	t.Parallel()
	for name, night := range map[string]int{"by day": 0, "behind a night": 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sane()
			in.Now = at(4, 7, 30)
			for _, who := range []string{"ann", "ben"} {
				s := in.Org.Roster.Agents[who]
				s.Known = []routing.Span{{From: at(1, 0, 0), To: at(20, 0, 0)}}
				in.Org.Roster.Agents[who] = s
			}
			in.Org.Ratings["ann"], in.Org.Ratings["ben"] = rated(4, none), rated(3, none) // nobody has English
			to := in.Now.Truncate(30 * time.Minute)
			v := &measure.Volume{Span: routing.Span{From: to.Add(-7 * 24 * time.Hour), To: to}, Every: 30 * time.Minute, By: map[string]*measure.Counts{}}
			come := func(address routing.Address, handle time.Duration, emails map[time.Time]int) {
				n := &measure.Counts{Offered: make([]int, v.Intervals()), Answered: make([]int, v.Intervals()), Handled: 100, Handling: 100 * handle}
				for when, count := range emails {
					n.Offered[int(when.Sub(v.From)/v.Every)] = count
				}
				v.By[address.String()] = n
			}
			february := time.Date(2026, 2, 25, 7, 30, 0, 0, berlin)
			come(vip, time.Hour, map[time.Time]int{at(3, 10, 0): 10, at(2, 11, 0): 5, february: 1})
			come(standard, 10*time.Minute, map[time.Time]int{at(4, 5, 0): night, at(3, 12, 0): 1})
			in.Volume, in.Waiting = v, new(0)
			b := coverage.Check(in).Balance
			if b.Clears == nil || *b.Clears || !strings.HasPrefix(b.Verdict, "The week does not clear it: at least 16 more emails of rule vip come in every week than can be handled") {
				t.Error(b.Verdict)
			}
		})
	}
}
