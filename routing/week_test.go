package routing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/routing"
)

func TestParseDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]int{
		"mon": {0}, "Mon-Fri": {0, 1, 2, 3, 4}, "mon,wed": {0, 2}, "fri-mon": {0, 4, 5, 6}, "mon-wed, tue": {0, 1, 2}, "sun": {6},
		"": nil, "monday": nil, "mon-": nil, "mon-fri-": nil,
	} {
		if got, err := routing.ParseDays(text); !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseHours(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]routing.Hours{
		"08:00-12:30": {From: 480, To: 750}, "00:00-24:00": {To: 1440}, "22:00-06:00": {From: 1320, To: 360},
	} {
		got, err := routing.ParseHours(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "8-12", "08:00", "08:60-09:00", "24:01-24:02", "08:00-12:00-13:00"} {
		if got, err := routing.ParseHours(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// The clock on the wall rules: open hours around the hour that is left out or
// comes twice are shorter or longer.
func TestOpenHoursFollowTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := &routing.Calendar{Location: berlin, Holidays: map[string]bool{"2026-12-25": true}}
	for d := range c.Week {
		c.Week[d] = []routing.Hours{{From: 60, To: 240}, {From: 540, To: 600}}
	}
	for day, want := range map[string][]time.Duration{
		"2026-03-28": {3 * time.Hour, time.Hour},
		"2026-03-29": {2 * time.Hour, time.Hour},
		"2026-10-25": {4 * time.Hour, time.Hour},
		"2026-12-25": nil,
	} {
		from, err := time.ParseInLocation(time.DateOnly, day, berlin)
		if err != nil {
			t.Fatal(err)
		}
		var got []time.Duration
		for a, b := range c.Open(from, from.AddDate(0, 0, 1)) {
			got = append(got, b.Sub(a))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", day, d)
		}
	}
	cut := 0
	for a, b := range c.Open(time.Date(2026, 11, 24, 2, 0, 0, 0, berlin), time.Date(2026, 11, 24, 9, 30, 0, 0, berlin)) {
		cut++
		if h := []time.Duration{2 * time.Hour, 30 * time.Minute}[cut-1]; b.Sub(a) != h {
			t.Errorf("%s to %s", a, b)
		}
	}
	if cut != 2 {
		t.Errorf("%d intervals, want 2", cut)
	}
}
