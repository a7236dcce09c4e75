package measure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

var start = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// row is a figure of the half hour that begins so many minutes after the start.
func row(minute int, address, metric string, stats routing.MetricStats) routing.MetricRow {
	from := start.Add(time.Duration(minute) * time.Minute)
	return routing.MetricRow{Group: map[string]string{"addressTo": address, "mediaType": "email"}, Span: routing.Span{From: from, To: from.Add(30 * time.Minute)}, Metric: metric, Stats: stats}
}

func inQueue(id string, r routing.MetricRow) routing.MetricRow {
	r.Group["queueId"] = id
	return r
}

func count(n int) routing.MetricStats { return routing.MetricStats{Count: n} }

func hours(n float64) routing.Span {
	return routing.Span{From: start, To: start.Add(time.Duration(n * float64(time.Hour)))}
}

func TestVolumeAddsUpCountsAndSums(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rows   []routing.MetricRow
		within routing.Span
		want   map[string]*measure.Counts
	}{
		"no rows are no email": {within: hours(1), want: map[string]*measure.Counts{}},
		"an interval without a row had none": {
			rows: []routing.MetricRow{row(30, "a@example.com", "nOffered", count(3))}, within: hours(1.5),
			want: map[string]*measure.Counts{"a@example.com": {Offered: []int{0, 3, 0}, Answered: []int{0, 0, 0}}},
		},
		"the first and the last interval": {
			rows: []routing.MetricRow{row(0, "", "nOffered", count(1)), row(60, "", "tAnswered", count(2))}, within: hours(1.5),
			want: map[string]*measure.Counts{"": {Offered: []int{1, 0, 0}, Answered: []int{0, 0, 2}}},
		},
		"each address has its own, and rows of one are added up": {
			rows: []routing.MetricRow{
				row(0, "a@example.com", "nOffered", count(1)), row(0, "a@example.com", "nOffered", count(2)), row(0, "b@example.com", "nOffered", count(4)),
				row(0, "a@example.com", "tAnswered", count(8)), row(0, "a@example.com", "tAnswered", count(8)),
			}, within: hours(0.5),
			want: map[string]*measure.Counts{
				"a@example.com": {Offered: []int{3}, Answered: []int{16}}, "b@example.com": {Offered: []int{4}, Answered: []int{0}},
			},
		},
		"handling is the sum of milliseconds, not a mean of means": {
			rows: []routing.MetricRow{
				row(0, "", measure.Handling, routing.MetricStats{Count: 1, Sum: 60_000}), row(30, "", measure.Handling, routing.MetricStats{Count: 3, Sum: 1_000}),
			}, within: hours(1),
			want: map[string]*measure.Counts{"": {Offered: []int{0, 0}, Answered: []int{0, 0}, Handled: 4, Handling: 61 * time.Second}},
		},
		"of several queues the one with most counts, since what is transferred is offered again": {
			rows: []routing.MetricRow{
				inQueue("x", row(0, "a@example.com", "nOffered", count(5))), inQueue("y", row(0, "a@example.com", "nOffered", count(2))),
				inQueue("y", row(30, "a@example.com", "nOffered", count(3))), inQueue("x", row(0, "a@example.com", "tAnswered", count(1))), inQueue("y", row(0, "a@example.com", "tAnswered", count(4))),
				inQueue("x", row(0, "a@example.com", measure.Handling, routing.MetricStats{Count: 1, Sum: 1_000})), inQueue("y", row(0, "a@example.com", measure.Handling, routing.MetricStats{Count: 2, Sum: 5_000})),
			}, within: hours(1),
			want: map[string]*measure.Counts{"a@example.com": {Offered: []int{5, 3}, Answered: []int{4, 0}, Handled: 3, Handling: 6 * time.Second}},
		},
		"other metrics are left out": {
			rows: []routing.MetricRow{row(0, "", "nTransferred", count(9)), row(0, "", "tHandle", routing.MetricStats{Count: 1, Sum: 5}), row(0, "", "tHandleComplete", routing.MetricStats{Count: 1, Sum: 5})}, within: hours(0.5),
			want: map[string]*measure.Counts{"": {Offered: []int{0}, Answered: []int{0}}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := measure.NewVolume(tt.rows, tt.within, 30*time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, v.By); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if want := int(tt.within.To.Sub(start) / (30 * time.Minute)); v.Intervals() != want || v.Span != tt.within || v.Every != 30*time.Minute {
				t.Errorf("%d intervals of %s in %v, want %d", v.Intervals(), v.Every, v.Span, want)
			}
		})
	}
}

func TestVolumeRefusesRowsThatAreNoInterval(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]routing.MetricRow{
		"before the first":      row(-30, "", "nOffered", count(1)),
		"just before the first": {Span: routing.Span{From: start.Add(-1), To: start.Add(30*time.Minute - 1)}},
		"after the last":        row(60, "", "nOffered", count(1)),
		"across two":            row(15, "", "nOffered", count(1)),
		"of the whole":          {Span: hours(1)},
		"of a part":             {Span: hours(0.25)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.Metric = "nOffered"
			_, err := measure.NewVolume([]routing.MetricRow{row(0, "", "nOffered", count(1)), r}, hours(1), 30*time.Minute)
			if err == nil || !strings.Contains(err.Error(), "nOffered") || !strings.Contains(err.Error(), "no interval of 30m0s") {
				t.Errorf("err = %v", err)
			}
		})
	}
}

// In whatever order rows come, and into however many they are cut.
func TestVolumeIsTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var rows []routing.MetricRow
		offered, handled, handling := 0, 0, 0
		for range rapid.IntRange(0, 20).Draw(t, "rows") {
			at, n := rapid.IntRange(0, 3).Draw(t, "interval")*30, rapid.IntRange(0, 9).Draw(t, "count")
			address := rapid.SampledFrom([]string{"", "a@example.com"}).Draw(t, "address")
			if rapid.Bool().Draw(t, "offered") {
				rows = append(rows, row(at, address, "nOffered", count(n)))
				offered += n
				continue
			}
			rows = append(rows, row(at, address, measure.Handling, routing.MetricStats{Count: n, Sum: float64(1000 * n)}))
			handled, handling = handled+n, handling+n
		}
		want, err := measure.NewVolume(rows, hours(2), 30*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		got, err := measure.NewVolume(rapid.Permutation(rows).Draw(t, "order"), hours(2), 30*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
		for _, c := range got.By {
			for _, n := range c.Offered {
				offered -= n
			}
			handled -= c.Handled
			handling -= int(c.Handling / time.Second)
		}
		if offered != 0 || handled != 0 || handling != 0 {
			t.Fatalf("%d offered, %d handled and %d seconds are lost", offered, handled, handling)
		}
	})
}
