package measure_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

func TestOccupanciesAddUpStatuses(t *testing.T) {
	t.Parallel()
	row := func(user, status string, minutes float64) routing.MetricRow {
		return routing.MetricRow{Group: map[string]string{"userId": user}, Metric: "tAgentRoutingStatus", Qualifier: status, Stats: routing.MetricStats{Count: 1, Sum: 60_000 * minutes}}
	}
	presence := row("ann", "IDLE", 99)
	presence.Metric = "tSystemPresence"
	got := measure.Occupancies([]routing.MetricRow{
		row("ann", "IDLE", 10), row("ann", "INTERACTING", 20), row("ann", "INTERACTING", 5), row("ann", "COMMUNICATING", 5), row("ann", "NOT_RESPONDING", 10),
		row("ann", "OFF_QUEUE", 600), row("ann", "ASLEEP", 7), row("bob", "OFF_QUEUE", 3), presence,
	})
	want := map[string]measure.Occupancy{
		"ann": {Idle: 10 * time.Minute, Interacting: 25 * time.Minute, Communicating: 5 * time.Minute, NotResponding: 10 * time.Minute, OffQueue: 10 * time.Hour},
		"bob": {OffQueue: 3 * time.Minute},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for name, tt := range map[string]struct {
		of   measure.Occupancy
		busy float64
		ok   bool
	}{
		"ann": {got["ann"], 60, true}, "never on queue": {got["bob"], 0, false}, "both": {got["ann"].Add(got["bob"]), 60, true},
		"nothing but idle": {measure.Occupancy{Idle: 1}, 0, true},
	} {
		if busy, ok := tt.of.Busy(); busy != tt.busy || ok != tt.ok {
			t.Errorf("%s: %g, %t", name, busy, ok)
		}
	}
	if both := got["ann"].Add(got["bob"]); both.OnQueue() != 50*time.Minute || both.OffQueue != 603*time.Minute {
		t.Errorf("both: %+v", both)
	}
}
