package coverage_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/routing"
)

func TestOnQueue(t *testing.T) {
	t.Parallel()
	const all = "2026-03-04 00:00/2026-03-06 00:00"
	break15 := func(spans ...string) (out []routing.Activity) {
		for _, s := range spans {
			out = append(out, routing.Activity{Span: span(t, s, berlin), Category: "Break"})
		}
		return out
	}
	tests := map[string]struct {
		shifts, off []string
		activities  []routing.Activity // of the first shift
		within      string
		want        []string
	}{
		"no shift": {within: all},
		"a shift without activities is on queue": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 17:00"}, within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 17:00"},
		},
		"a break is taken out": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 17:00"}, activities: break15("2026-03-04 12:00/2026-03-04 12:15"), within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 12:00", "2026-03-04 12:15/2026-03-04 17:00"},
		},
		"breaks at both ends": {
			shifts:     []string{"2026-03-04 08:00/2026-03-04 17:00"},
			activities: break15("2026-03-04 16:45/2026-03-04 17:00", "2026-03-04 08:00/2026-03-04 08:15"), within: all,
			want: []string{"2026-03-04 08:15/2026-03-04 16:45"},
		},
		"overlapping breaks count once": {
			shifts:     []string{"2026-03-04 08:00/2026-03-04 17:00"},
			activities: break15("2026-03-04 12:00/2026-03-04 13:00", "2026-03-04 12:30/2026-03-04 12:45", "2026-03-04 12:45/2026-03-04 13:30"), within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 12:00", "2026-03-04 13:30/2026-03-04 17:00"},
		},
		"on queue over a break is a break": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 17:00"},
			activities: append(break15("2026-03-04 12:00/2026-03-04 13:00"),
				routing.Activity{Span: span(t, "2026-03-04 08:00/2026-03-04 17:00", berlin), Category: routing.OnQueueWork}), within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 12:00", "2026-03-04 13:00/2026-03-04 17:00"},
		},
		"a break over all of it": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 17:00"}, activities: break15("2026-03-04 07:00/2026-03-04 18:00"), within: all,
		},
		"an activity outside of the shift": {
			shifts:     []string{"2026-03-04 08:00/2026-03-04 17:00"},
			activities: break15("2026-03-04 06:00/2026-03-04 07:00", "2026-03-04 17:00/2026-03-04 18:00"), within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 17:00"},
		},
		"work on queue outside of the shift is none": {
			shifts:     []string{"2026-03-04 08:00/2026-03-04 17:00"},
			activities: []routing.Activity{{Span: span(t, "2026-03-04 18:00/2026-03-04 19:00", berlin), Category: routing.OnQueueWork}}, within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 17:00"},
		},
		"an activity across the end of the shift": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 17:00"}, activities: break15("2026-03-04 16:00/2026-03-04 18:00"), within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 16:00"},
		},
		"a shift over midnight": {
			shifts: []string{"2026-03-04 22:00/2026-03-05 06:00"}, activities: break15("2026-03-04 23:45/2026-03-05 00:15"), within: all,
			want: []string{"2026-03-04 22:00/2026-03-04 23:45", "2026-03-05 00:15/2026-03-05 06:00"},
		},
		"a shift that began before": {
			shifts: []string{"2026-03-03 22:00/2026-03-04 06:00"}, within: all,
			want: []string{"2026-03-04 00:00/2026-03-04 06:00"},
		},
		"a shift that goes on after": {
			shifts: []string{"2026-03-05 22:00/2026-03-06 06:00"}, within: all,
			want: []string{"2026-03-05 22:00/2026-03-06 00:00"},
		},
		"shifts before and after": {
			shifts: []string{"2026-03-03 08:00/2026-03-04 00:00", "2026-03-06 00:00/2026-03-06 06:00"}, within: all,
		},
		"two shifts in no order": {
			shifts: []string{"2026-03-05 08:00/2026-03-05 17:00", "2026-03-04 08:00/2026-03-04 17:00"}, within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 17:00", "2026-03-05 08:00/2026-03-05 17:00"},
		},
		"overlapping shifts are one": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 17:00", "2026-03-04 09:00/2026-03-04 10:00", "2026-03-04 16:00/2026-03-04 20:00"}, within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 20:00"},
		},
		"a break of one of two overlapping shifts is a break": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 17:00", "2026-03-04 08:00/2026-03-04 17:00"}, activities: break15("2026-03-04 12:00/2026-03-04 13:00"), within: all,
			want: []string{"2026-03-04 08:00/2026-03-04 12:00", "2026-03-04 13:00/2026-03-04 17:00"},
		},
		"a whole day off is of the shifts that begin on it, and not of the night before": {
			shifts: []string{"2026-03-04 22:00/2026-03-05 06:00", "2026-03-05 22:00/2026-03-06 06:00"}, off: []string{"2026-03-05 00:00/2026-03-06 00:00"}, within: all,
			want: []string{"2026-03-04 22:00/2026-03-05 06:00"},
		},
		"a shift that begins with the day off": {
			shifts: []string{"2026-03-04 00:00/2026-03-04 06:00", "2026-03-05 00:00/2026-03-05 06:00"}, off: []string{"2026-03-04 00:00/2026-03-05 00:00"}, within: all,
			want: []string{"2026-03-05 00:00/2026-03-05 06:00"},
		},
		"off for days that touch": {
			shifts: []string{"2026-03-04 08:00/2026-03-05 17:00"}, off: []string{"2026-03-05 00:00/2026-03-06 00:00", "2026-03-04 00:00/2026-03-05 00:00"}, within: all,
		},
		"a shift of no length": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 08:00"}, within: all,
		},
		"a shift that ends before it begins": {
			shifts: []string{"2026-03-04 08:00/2026-03-04 07:00"}, within: all,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s routing.AgentSchedule
			for _, x := range tt.shifts {
				s.Shifts = append(s.Shifts, routing.Shift{Span: span(t, x, berlin)})
			}
			if len(tt.activities) > 0 {
				s.Shifts[0].Activities = tt.activities
			}
			for _, x := range tt.off {
				s.Off = append(s.Off, span(t, x, berlin))
			}
			var got []string
			for _, x := range coverage.OnQueue(s, span(t, tt.within, berlin)) {
				got = append(got, x.From.Format("2006-01-02 15:04")+"/"+x.To.Format("2006-01-02 15:04"))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// span reads two instants on the clock of the wall.
func span(t *testing.T, s string, z *time.Location) routing.Span {
	t.Helper()
	const form = "2006-01-02 15:04"
	from, err := time.ParseInLocation(form, s[:len(form)], z)
	if err != nil {
		t.Fatal(err)
	}
	to, err := time.ParseInLocation(form, s[len(form)+1:], z)
	if err != nil {
		t.Fatal(err)
	}
	return routing.Span{From: from, To: to}
}

// One instant after the other: on queue in a shift that does not begin on a day
// off, outside of all other activities.
func TestOnQueueIsWhatItSaysAtEveryInstant(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC) // the clock is put forward within
	const seconds = 400
	rapid.Check(t, func(t *rapid.T) {
		some := func(name string) routing.Span {
			from := start.Add(time.Duration(rapid.IntRange(-20, seconds).Draw(t, name+" from")) * time.Second)
			return routing.Span{From: from, To: from.Add(time.Duration(rapid.IntRange(-5, 150).Draw(t, name+" seconds")) * time.Second)}
		}
		var s routing.AgentSchedule
		for range rapid.IntRange(0, 3).Draw(t, "shifts") {
			shift := routing.Shift{Span: some("shift")}
			for range rapid.IntRange(0, 3).Draw(t, "activities") {
				shift.Activities = append(shift.Activities, routing.Activity{Span: some("activity"), Category: rapid.SampledFrom([]routing.ActivityCategory{routing.OnQueueWork, "Break", "Unavailable", ""}).Draw(t, "category")})
			}
			s.Shifts = append(s.Shifts, shift)
		}
		for range rapid.IntRange(0, 2).Draw(t, "days off") {
			s.Off = append(s.Off, some("day off"))
		}
		within := some("within")
		spans := coverage.OnQueue(s, within)
		for i, x := range spans {
			if !x.From.Before(x.To) || i > 0 && !spans[i-1].To.Before(x.From) {
				t.Fatalf("the spans are not sorted and apart: %v", spans)
			}
		}
		for n := range seconds + 200 {
			at := start.Add(time.Duration(n-30) * time.Second)
			in := func(s routing.Span) bool { return !at.Before(s.From) && at.Before(s.To) }
			on := false
			worked := slices.DeleteFunc(slices.Clone(s.Shifts), func(shift routing.Shift) bool {
				return slices.ContainsFunc(s.Off, func(off routing.Span) bool { return !shift.From.Before(off.From) && shift.From.Before(off.To) })
			})
			for _, shift := range worked {
				on = on || in(shift.Span)
			}
			for _, shift := range worked {
				for _, a := range shift.Activities {
					on = on && (a.Category == routing.OnQueueWork || !in(a.Span))
				}
			}
			on = on && in(within)
			if got := slices.ContainsFunc(spans, in); got != on {
				t.Fatalf("at %s on queue is %v, want %v", at, got, on)
			}
		}
	})
}

// Where the clock is put forward a day has 23 hours, and where it is put back 25:
// shifts, the calendar, holes and expected email go by the clock on the wall.
func TestDaysOnWhichTheClockIsPutForwardAndBack(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		zone, now string
		open      routing.Hours
		shift     string // the one shift
		hole      string
		hours     float64 // of the hole
	}{
		"forward in Berlin": {
			zone: "Europe/Berlin", now: "2026-03-28 12:00", open: routing.Hours{From: 0, To: 360}, shift: "2026-03-29 03:00/2026-03-29 05:00",
			hole: "Billing: nobody Sun 00:00–03:00, Sun 05:00–06:00", hours: 3,
		},
		"back in Berlin": {
			zone: "Europe/Berlin", now: "2026-10-24 12:00", open: routing.Hours{From: 0, To: 360}, shift: "2026-10-25 03:00/2026-10-25 05:00",
			hole: "Billing: nobody Sun 00:00–03:00, Sun 05:00–06:00", hours: 5,
		},
		"forward in New York": {
			zone: "America/New_York", now: "2026-03-07 12:00", open: routing.Hours{From: 60, To: 300}, shift: "2026-03-08 01:30/2026-03-08 03:00",
			hole: "Billing: nobody Sun 01:00–01:30, Sun 03:00–05:00", hours: 2.5,
		},
		"back in New York": {
			zone: "America/New_York", now: "2026-10-31 12:00", open: routing.Hours{From: 0, To: 180}, shift: "2026-11-01 00:00/2026-11-01 02:00",
			hole: "Billing: nobody Sun 02:00–03:00", hours: 1,
		},
		"a hole of a whole day that has 23 hours": {
			zone: "Europe/Berlin", now: "2026-03-28 12:00", open: routing.Hours{From: 0, To: 1440}, shift: "2026-03-28 12:00/2026-03-29 00:00",
			hole: "Billing: nobody at any time of the next 7 days", hours: 23,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			z := zone(tt.zone)
			in := sane()
			in.Volume = nil
			in.Want.Rules = in.Want.Rules[1:]
			in.Now = span(t, tt.now+"/"+tt.now, z).From
			in.Want.Calendar = &routing.Calendar{Location: z}
			in.Want.Calendar.Week[6] = []routing.Hours{tt.open}
			known := []routing.Span{{From: in.Now, To: in.Now.AddDate(0, 0, 8)}}
			in.Org.Roster.Agents["ann"] = routing.AgentSchedule{Known: known, Shifts: []routing.Shift{{Span: span(t, tt.shift, z)}}}
			in.Org.Roster.Agents["ben"] = routing.AgentSchedule{Known: known, Shifts: []routing.Shift{{Span: routing.Span{From: in.Now, To: in.Now.Add(time.Minute)}}}}
			holes := 0
			for _, f := range coverage.Check(in).Findings {
				if f.Type == routing.Hole {
					holes++
					if f.Message != tt.hole || f.Numbers[0].Value != tt.hours {
						t.Errorf("%s, %g hours, want %s, %g hours", f.Message, f.Numbers[0].Value, tt.hole, tt.hours)
					}
				}
			}
			if holes != 1 {
				t.Errorf("%d holes, want 1", holes)
			}
		})
	}
}

// The end of a hole has its day where the times alone would say less.
func TestHolesOfAboutADayAreNamedWithTheirEnd(t *testing.T) {
	t.Parallel()
	berlin, lisbon := zone("Europe/Berlin"), zone("Europe/Lisbon")
	tests := map[string]struct {
		zone *time.Location
		hole string
		want string
	}{
		"less than a day":               {berlin, "2026-03-25 20:00/2026-03-26 19:45", "Wed 20:00–19:45"},
		"a day":                         {berlin, "2026-03-25 20:00/2026-03-26 20:00", "Wed 20:00–Thu 20:00"},
		"from midnight to midnight":     {berlin, "2026-03-25 00:00/2026-03-26 00:00", "Wed 00:00–24:00"},
		"to midnight":                   {berlin, "2026-03-25 20:00/2026-03-26 00:00", "Wed 20:00–24:00"},
		"two days":                      {berlin, "2026-03-25 00:00/2026-03-27 00:00", "Wed 00:00–Thu 24:00"},
		"a day of 23 hours":             {berlin, "2026-03-29 00:00/2026-03-30 00:00", "Sun 00:00–24:00"},
		"23 hours to the same time":     {berlin, "2026-03-28 20:00/2026-03-29 20:00", "Sat 20:00–Sun 20:00"},
		"a day of 25 hours":             {lisbon, "2026-10-25 00:00/2026-10-26 00:00", "Sun 00:00–24:00"},
		"25 hours to an hour before it": {lisbon, "2026-10-24 20:00/2026-10-25 19:45", "Sat 20:00–19:45"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hole := span(t, tt.hole, tt.zone)
			in := sane()
			in.Volume, in.Want.Calendar, in.Want.Rules = nil, nil, in.Want.Rules[1:]
			in.Now, in.Org.Roster.Zone = hole.From.AddDate(0, 0, -1), tt.zone
			whole := routing.Span{From: in.Now.AddDate(0, 0, -1), To: in.Now.AddDate(0, 0, 9)}
			s := routing.AgentSchedule{Known: []routing.Span{whole}, Shifts: []routing.Shift{{Span: whole, Activities: []routing.Activity{{Span: hole, Category: "Training"}}}}}
			in.Org.Roster.Agents = map[string]routing.AgentSchedule{"ann": s, "ben": s}
			if d := cmp.Diff([]string{"Billing: nobody " + tt.want}, messages(coverage.Check(in), routing.Hole)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// messages are those of the findings of one type.
func messages(r coverage.Report, of routing.FindingType) []string {
	var out []string
	for _, f := range r.Findings {
		if f.Type == of {
			out = append(out, f.Message)
		}
	}
	return out
}

func TestHolesAreNamedByTheirTimes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		shifts []string // of days in March, such as 5 08:00/18:00
		open   routing.Hours
		want   string
	}{
		"every day":            {[]string{"08:00/20:00"}, routing.Hours{From: 10 * 60, To: 21 * 60}, "every day 20:00–21:00"},
		"every night":          {[]string{"06:00/22:00"}, routing.Hours{From: 0, To: 1440}, "every day 22:00–06:00"},
		"twice every day":      {[]string{"10:00/12:00", "13:00/20:00"}, routing.Hours{From: 10 * 60, To: 21 * 60}, "every day 12:00–13:00, every day 20:00–21:00"},
		"times with gaps":      {[]string{"10:00/10:30", "11:00/11:30", "12:00/12:30", "13:00/13:30", "14:00/14:30", "15:00/15:30"}, routing.Hours{From: 10 * 60, To: 15*60 + 30}, "every day 10:30–11:00, every day 11:30–12:00, every day 12:30–13:00, every day 13:30–14:00, every day 14:30–15:00"},
		"seven are named":      {[]string{"10:00/10:15", "10:30/10:45", "11:00/11:15", "11:30/11:45", "12:00/12:15", "12:30/12:45", "13:00/13:15"}, routing.Hours{From: 10 * 60, To: 13*60 + 30}, "every day 10:15–10:30, every day 10:45–11:00, every day 11:15–11:30, every day 11:45–12:00, every day 12:15–12:30, every day 12:45–13:00, every day 13:15–13:30"},
		"of eight six are":     {[]string{"10:00/10:15", "10:30/10:45", "11:00/11:15", "11:30/11:45", "12:00/12:15", "12:30/12:45", "13:00/13:15", "13:30/13:45"}, routing.Hours{From: 10 * 60, To: 14 * 60}, "every day 10:15–10:30, every day 10:45–11:00, every day 11:15–11:30, every day 11:45–12:00, every day 12:15–12:30, every day 12:45–13:00, and 14 more times"},
		"a part of the nights": {[]string{"07:00/23:00", "23:30/23:45"}, routing.Hours{From: 22 * 60, To: 1440}, "every day 23:00–23:30, every day 23:45–24:00"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sane()
			in.Volume, in.Want.Rules = nil, in.Want.Rules[1:]
			for day := range in.Want.Calendar.Week {
				in.Want.Calendar.Week[day] = []routing.Hours{tt.open}
			}
			s := routing.AgentSchedule{Known: []routing.Span{in.Org.Roster.Span}}
			for day := range 9 {
				for _, hours := range tt.shifts {
					date := time.Date(2026, 3, 3+day, 0, 0, 0, 0, time.UTC).Format("2006-01-02 ")
					s.Shifts = append(s.Shifts, routing.Shift{Span: span(t, date+hours[:6]+date+hours[6:], berlin)})
				}
			}
			in.Org.Roster.Agents = map[string]routing.AgentSchedule{"ann": s, "ben": s}
			if d := cmp.Diff([]string{"Billing: nobody " + tt.want}, messages(coverage.Check(in), routing.Hole)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
