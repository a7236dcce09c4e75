package coverage_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/routing"
)

// This file reads back the words for hours in which nobody is there.

// nobodyIn checks an organisation in which nobody is there in some spans, all day
// long open on the clock of a zone, and gives the words for them.
func nobodyIn(now time.Time, zone *time.Location, spans ...routing.Span) (r coverage.Report, words string, said []routing.Span) {
	in := sane()
	in.Now, in.Want.Calendar, in.Volume = now, nil, nil
	in.Want.Rules = []routing.Rule{{Name: "any"}}
	queue(&in).Members = queue(&in).Members[:1]
	all := routing.Span{From: now.Add(-24 * time.Hour), To: now.Add(8 * 24 * time.Hour)}
	s := routing.AgentSchedule{Known: []routing.Span{all}, Shifts: []routing.Shift{{Span: all}}}
	for _, span := range spans {
		s.Shifts[0].Activities = append(s.Shifts[0].Activities, routing.Activity{Span: span, Category: "Break"})
	}
	in.Org.Roster = &routing.Roster{Span: all, Zone: zone, Agents: map[string]routing.AgentSchedule{"ann": s}}
	r = coverage.Check(in)
	for _, f := range r.Findings {
		if f.Type == routing.Hole {
			words, said = strings.TrimPrefix(f.Message, "any skills: nobody "), f.Spans
		}
	}
	return r, words, said
}

func TestHoursInWords(t *testing.T) {
	t.Parallel()
	from := func(day, hour, minute, toDay, toHour, toMinute int) routing.Span {
		return routing.Span{From: at(day, hour, minute), To: at(toDay, toHour, toMinute)}
	}
	daily := func(hour, minute, toHour, toMinute int, days ...int) (out []routing.Span) {
		for _, day := range days {
			out = append(out, from(day, hour, minute, day, toHour, toMinute))
		}
		return out
	}
	tests := map[string]struct { // the 7 days are from Thursday 5 March, 10:00
		spans []routing.Span
		words string
	}{
		"the first day, and the same day a week later": {
			[]routing.Span{from(5, 10, 0, 5, 12, 0), from(12, 8, 0, 12, 9, 0)},
			"Thu 10:00–12:00, Thu 12 Mar 08:00–09:00",
		},
		"the last day alone":               {[]routing.Span{from(12, 0, 0, 12, 9, 0)}, "Thu 12 Mar 00:00–09:00"},
		"an end a week later":              {[]routing.Span{from(10, 18, 0, 12, 9, 0)}, "Tue 18:00–Thu 12 Mar 09:00"},
		"a night into the last day":        {[]routing.Span{from(11, 18, 0, 12, 9, 0)}, "Wed 18:00–09:00"},
		"24 hours into the last day":       {[]routing.Span{from(11, 9, 0, 12, 9, 0)}, "Wed 09:00–Thu 12 Mar 09:00"},
		"midnight after a day":             {[]routing.Span{from(6, 18, 0, 9, 0, 0)}, "Fri 18:00–Sun 24:00"},
		"two whole days":                   {[]routing.Span{from(7, 0, 0, 9, 0, 0)}, "Sat 00:00–Sun 24:00"},
		"a whole day":                      {[]routing.Span{from(7, 0, 0, 8, 0, 0)}, "Sat 00:00–24:00"},
		"midnight before the last day":     {[]routing.Span{from(9, 0, 0, 12, 0, 0)}, "Mon 00:00–Wed 24:00"},
		"a night":                          {[]routing.Span{from(9, 20, 0, 10, 7, 0)}, "Mon 20:00–07:00"},
		"six days at the same time":        {daily(10, 15, 12, 0, 5, 6, 7, 8, 9, 10), "Thu–Tue 10:15–12:00"},
		"each day":                         {daily(10, 15, 12, 0, 5, 6, 7, 8, 9, 10, 11), "every day 10:15–12:00"},
		"each day and again":               {daily(8, 0, 9, 0, 6, 7, 8, 9, 10, 11, 12), "Fri–Wed 08:00–09:00, Thu 12 Mar 08:00–09:00"},
		"a day in between is well":         {daily(12, 0, 13, 0, 6, 8), "Fri 12:00–13:00, Sun 12:00–13:00"},
		"a day of other hours in between":  {append(daily(12, 0, 13, 0, 6, 8), from(7, 12, 0, 7, 14, 0)), "Fri 12:00–13:00, Sat 12:00–14:00, Sun 12:00–13:00"},
		"two times of each of three days":  {append(daily(11, 0, 12, 0, 6, 7, 8), daily(14, 0, 15, 0, 6, 7, 8)...), "Fri–Sun 11:00–12:00, Fri–Sun 14:00–15:00"},
		"more than is named, a day and so": {append(daily(11, 0, 12, 0, 6, 8, 10), append(daily(13, 0, 14, 0, 6, 8, 10), daily(15, 0, 16, 0, 9, 10)...)...), "Fri 11:00–12:00, Fri 13:00–14:00, Sun 11:00–12:00, Sun 13:00–14:00, Mon–Tue 15:00–16:00, Tue 11:00–12:00, Tue 13:00–14:00"},
		"many more than are named": {
			append(daily(11, 0, 12, 0, 6, 8, 10), append(daily(13, 0, 14, 0, 6, 8, 10), daily(15, 0, 16, 0, 6, 8, 9)...)...),
			"Fri 11:00–12:00, Fri 13:00–14:00, Fri 15:00–16:00, Sun 11:00–12:00, Sun 13:00–14:00, Sun–Mon 15:00–16:00, and 2 more times",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, words, _ := nobodyIn(at(5, 10, 7), berlin, tt.spans...); words != tt.words {
				t.Errorf("%s, want %s", words, tt.words)
			}
		})
	}
	autumn := time.Date(2026, 10, 25, 0, 15, 0, 0, time.UTC)
	if _, words, _ := nobodyIn(autumn.Add(-48*time.Hour), berlin, routing.Span{From: autumn, To: autumn.Add(2 * time.Hour)}, routing.Span{From: autumn.Add(24 * time.Hour), To: autumn.Add(26 * time.Hour)}); words != "Sun 02:15 CEST–03:15, Mon 01:15–03:15" {
		t.Errorf("where the clock is put back: %s", words)
	}
}

var timesInWords = regexp.MustCompile(`^(every day|(\w{3}(?: \d+ \w{3})?)(?:–(\w{3}))?) (\d\d:\d\d(?: \S+)?)–(?:(\w{3}(?: \d+ \w{3})?) )?(\d\d:\d\d(?: \S+)?)$`)

// reader reads words about a report as a person does, who knows its first day.
type reader struct {
	*rapid.T
	report coverage.Report
}

// moment is the one instant from the begin of a day to its end at which the clock
// shows a time.
func (r reader) moment(day time.Time, shown string) time.Time {
	if shown[:2] == "24" {
		day, shown = day.AddDate(0, 0, 1), "00"+shown[2:]
	}
	var found []time.Time
	for cell := range coverage.Cells + 1 {
		t := r.report.Span.From.Add(time.Duration(cell) * coverage.Cell).In(r.report.Zone)
		if t.Format(time.DateOnly) == day.Format(time.DateOnly) && (t.Format("15:04") == shown || t.Format("15:04 MST") == shown) {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		r.Fatalf("%s %s is at %v", day.Format("Mon 2 Jan"), shown, found)
	}
	return found[0]
}

// day is the day of a name.
func (r reader) day(name string) time.Time {
	first := routing.Shown(r.report.Span.From.In(r.report.Zone))
	for n := range 9 {
		if day := first.AddDate(0, 0, n); n < 7 && day.Format("Mon") == name || n >= 7 && day.Format("Mon 2 Jan") == name {
			return day
		}
	}
	r.Fatalf("%s is no day", name)
	return first
}

func (r reader) read(words string) (out []routing.Span, more int) {
	for part := range strings.SplitSeq(words, ", ") {
		if _, err := fmt.Sscanf(part, "and %d more times", &more); err == nil {
			continue
		}
		m := timesInWords.FindStringSubmatch(part)
		if m == nil {
			r.Fatalf("%q is not understood", part)
		}
		first := routing.Shown(r.report.Span.From.In(r.report.Zone))
		last := first.AddDate(0, 0, 6)
		if m[2] != "" {
			first, last = r.day(m[2]), r.day(m[2])
		}
		if m[3] != "" {
			last = r.day(m[3])
		}
		for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
			s := routing.Span{From: r.moment(day, m[4])}
			switch {
			case m[5] != "":
				s.To = r.moment(r.day(m[5]), m[6])
			case m[6][:5] < m[4][:5] && min(len(m[4]), len(m[6])) == len("15:04"): // with two zones it is the day on which the clock is put back
				s.To = r.moment(day.AddDate(0, 0, 1), m[6])
			default:
				s.To = r.moment(day, m[6])
			}
			out = append(out, s)
		}
	}
	return out, more
}

// Whoever reads the words knows the hours: no others have the same.
func TestTheWordsForHoursAreThoseHours(t *testing.T) {
	t.Parallel()
	starts := []time.Time{at(4, 0, 0), at(27, 0, 0), time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC)}
	rapid.Check(t, func(t *rapid.T) {
		zone := zone(rapid.SampledFrom([]string{"Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "UTC"}).Draw(t, "zone"))
		now := rapid.SampledFrom(starts).Draw(t, "start").Add(time.Duration(rapid.IntRange(0, 3*96).Draw(t, "now")) * coverage.Cell)
		var spans []routing.Span
		add := func(from time.Time, cells int) {
			spans = append(spans, routing.Span{From: from, To: from.Add(time.Duration(cells) * coverage.Cell)})
		}
		for range rapid.IntRange(0, 3).Draw(t, "at one time of many days") {
			length := rapid.IntRange(1, 120).Draw(t, "length")
			first := now.In(zone).Add(time.Duration(rapid.IntRange(-20, 100).Draw(t, "of the first day")) * coverage.Cell)
			for n := range rapid.IntRange(1, 8).Draw(t, "days") {
				add(first.AddDate(0, 0, n), length)
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "at any time") {
			add(now.Add(time.Duration(rapid.IntRange(0, coverage.Cells).Draw(t, "from"))*coverage.Cell), rapid.IntRange(1, 300).Draw(t, "length"))
		}
		report, words, want := nobodyIn(now, zone, spans...)
		if words == "" || words == "at any time of the next 7 days" {
			return
		}
		got, more := reader{t, report}.read(words)
		slices.SortFunc(got, func(a, b routing.Span) int { return a.From.Compare(b.From) })
		if more > 0 {
			if len(got)+more != len(want) {
				t.Fatalf("%s: %d hours are named, of %d", words, len(got), len(want))
			}
			want = slices.DeleteFunc(slices.Clone(want), func(s routing.Span) bool {
				return !slices.ContainsFunc(got, func(g routing.Span) bool { return g.From.Equal(s.From) })
			})
		}
		if d := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); d != "" {
			t.Fatalf("%s (-the hours +read):\n%s", words, d)
		}
	})
}
