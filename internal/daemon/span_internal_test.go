package daemon

import (
	"testing"
	"time"
)

// A clock that was put back leaves a span that the platform takes.
func TestASpanBeginsBeforeItEnds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for _, ago := range []time.Duration{time.Hour, 0, -time.Hour} {
		from, to := span(now.Add(-ago), now, slack)
		if want := now.Add(-max(ago, 0) - slack); !from.Equal(want) || !from.Before(to) {
			t.Errorf("last looked %s ago: %s to %s, want it from %s", ago, from, to, want)
		}
	}
}
