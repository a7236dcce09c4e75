package strategy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sameZone compares time zones by their names.
var sameZone = cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// Open hours are told by the clock on the wall: on the last Sunday of March the
// night has an hour less, on that of October one more.
func TestTheCalendarOfAStrategyIsCompiled(t *testing.T) {
	t.Parallel()
	const src = `version: 1
name: s
queue: Q
calendar: nights
calendars:
  nights:
    timezone: Europe/Berlin
    open: { sat-mon: [13:00-14:00, 00:00-06:00] }
    holidays: [2026-10-26]
`
	c := parse(t, src).Desired().Calendar
	for from, want := range map[string][]time.Duration{
		"2026-03-28": {6 * time.Hour, time.Hour, 5 * time.Hour, time.Hour, 6 * time.Hour, time.Hour},
		"2026-10-24": {6 * time.Hour, time.Hour, 7 * time.Hour, time.Hour},
	} {
		start, err := time.ParseInLocation(time.DateOnly, from, berlin(t))
		if err != nil {
			t.Fatal(err)
		}
		var got []time.Duration
		for a, b := range c.Open(start, start.AddDate(0, 0, 4)) {
			got = append(got, b.Sub(a))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("from %s (-want +got):\n%s", from, d)
		}
	}
	if c := parse(t, "version: 1\nname: s\nqueue: Q\n").Desired().Calendar; c != nil {
		t.Errorf("a strategy without a calendar has %+v", c)
	}
}
