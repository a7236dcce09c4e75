package routing_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
)

func TestWhenAReportIsDue(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const form = "2006-01-02 15:04"
	for name, tt := range map[string]struct {
		every                      routing.ReportEvery
		at                         time.Duration
		now, from, to, since, next string
	}{
		"a day, just due":         {routing.ReportDay, 7 * time.Hour, "2026-03-04 07:00", "2026-03-03 00:00", "2026-03-04 00:00", "2026-03-04 07:00", "2026-03-05 07:00"},
		"a day, not due yet":      {routing.ReportDay, 7 * time.Hour, "2026-03-04 06:59", "2026-03-02 00:00", "2026-03-03 00:00", "2026-03-03 07:00", "2026-03-04 07:00"},
		"a week, on Sunday":       {routing.ReportWeek, 0, "2026-03-08 23:59", "2026-02-23 00:00", "2026-03-02 00:00", "2026-03-02 00:00", "2026-03-09 00:00"},
		"a week, on Monday":       {routing.ReportWeek, 0, "2026-03-09 00:00", "2026-03-02 00:00", "2026-03-09 00:00", "2026-03-09 00:00", "2026-03-16 00:00"},
		"a month, over the year":  {routing.ReportMonth, 7 * time.Hour, "2026-01-01 06:00", "2025-11-01 00:00", "2025-12-01 00:00", "2025-12-01 07:00", "2026-01-01 07:00"},
		"a month, on its 31st":    {routing.ReportMonth, 7 * time.Hour, "2026-03-31 12:00", "2026-02-01 00:00", "2026-03-01 00:00", "2026-03-01 07:00", "2026-04-01 07:00"},
		"the clock is put ahead":  {routing.ReportDay, 150 * time.Minute, "2026-03-29 03:00", "2026-03-28 00:00", "2026-03-29 00:00", "2026-03-29 03:00", "2026-03-30 02:30"},
		"a day that has 25 hours": {routing.ReportDay, 7 * time.Hour, "2026-10-26 08:00", "2026-10-25 00:00", "2026-10-26 00:00", "2026-10-26 07:00", "2026-10-27 07:00"},
	} {
		now, err := time.ParseInLocation(form, tt.now, zone)
		if err != nil {
			t.Fatal(err)
		}
		s := routing.ReportSchedule{Every: tt.every, At: tt.at, Zone: zone}
		period, since := s.Due(now)
		for what, x := range map[string]struct {
			got  time.Time
			want string
		}{"from": {period.From, tt.from}, "to": {period.To, tt.to}, "since": {since, tt.since}, "next": {s.Next(now), tt.next}} {
			if got := x.got.In(zone).Format(form); got != x.want {
				t.Errorf("%s: %s %s, want %s", name, what, got, x.want)
			}
		}
	}
}

// Whenever one looks, periods follow each other without a gap: the report that is
// due next is of what begins where the one that is due now ends.
func TestPeriodsOfReportsFollowEachOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		s := routing.ReportSchedule{
			Every: rapid.SampledFrom([]routing.ReportEvery{routing.ReportDay, routing.ReportWeek, routing.ReportMonth}).Draw(t, "every"),
			At:    time.Duration(rapid.IntRange(0, 24*60-1).Draw(t, "at")) * time.Minute, Zone: zone,
		}
		now := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "now"), 0)
		period, since := s.Due(now)
		next := s.Next(now)
		if since.After(now) || !next.After(now) || !period.From.Before(period.To) || period.To.After(since) {
			t.Fatalf("at %s %v is due since %s, and the next at %s", now, period, since, next)
		}
		later, at := s.Due(next)
		if !later.From.Equal(period.To) || !at.Equal(next) {
			t.Fatalf("after %v comes %v, due at %s, want %s", period, later, at, next)
		}
	})
}
