package routing_test

import (
	"testing"
	"time"

	"github.com/foresort/foresort/routing"
)

// West of Greenwich the skipped hour is read as the hour before it unless one
// looks: 02:00 on 8 March 2026 is 03:00 in New York.
func TestAnOpenHourThatBeginsInTheSkippedHourBeginsWhenTheClockHasMoved(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	c := routing.Calendar{Location: zone, Week: [7][]routing.Hours{6: {{From: 120, To: 300}}}}
	day := time.Date(2026, 3, 8, 0, 0, 0, 0, zone)
	for from, to := range c.Open(day, day.AddDate(0, 0, 1)) {
		if got := from.Format(time.TimeOnly); got != "03:00:00" || to.Sub(from) != 2*time.Hour {
			t.Errorf("open from %s for %s, want from 03:00:00 for 2h", got, to.Sub(from))
		}
		return
	}
	t.Error("never open")
}
