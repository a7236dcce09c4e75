package measure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// figure is a row of a queue in the half hour that begins so many minutes after
// the start.
func figure(queue string, minute int, metric string, stats routing.MetricStats) routing.MetricRow {
	r := row(minute, "", metric, stats)
	r.Group = map[string]string{"queueId": queue, "mediaType": "email"}
	return r
}

func level(numerator, denominator, target float64) routing.MetricStats {
	return routing.MetricStats{Numerator: numerator, Denominator: denominator, Target: target}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	half := func(from, to float64) routing.Span {
		return routing.Span{From: start.Add(time.Duration(from * float64(time.Hour))), To: start.Add(time.Duration(to * float64(time.Hour)))}
	}
	for name, tt := range map[string]struct {
		rows []routing.MetricRow
		want map[string]measure.Window
	}{
		"no rows are no email": {nil, map[string]measure.Window{}},
		"each queue has its own, and rows of one are added up": {
			[]routing.MetricRow{
				figure("q", 30, "nOffered", count(3)), figure("q", 0, "nOffered", count(2)), figure("r", 0, "nOffered", count(7)),
				figure("q", 0, "tAnswered", routing.MetricStats{Count: 4, Sum: 9}), figure("q", 0, "tAbandon", routing.MetricStats{Count: 1, Sum: 9}),
				figure("q", 0, "tWait", routing.MetricStats{Count: 5, Sum: 60_000}), figure("q", 30, "tWait", routing.MetricStats{Count: 1, Sum: 1_500}),
				figure("q", 0, "tHandle", routing.MetricStats{Count: 2, Sum: 1_000}), figure("q", 0, "nTransferred", count(9)),
			},
			map[string]measure.Window{
				"q": {Span: half(0, 1), Offered: 5, Answered: 4, Abandoned: 1, Wait: 61*time.Second + 500*time.Millisecond, Waited: 6, Handle: time.Second, Handled: 2},
				"r": {Span: half(0, 0.5), Offered: 7},
			},
		},
		"a level is of all that counts, not a mean of levels": {
			[]routing.MetricRow{figure("q", 0, "oServiceLevel", level(1, 1, 0.55)), figure("q", 30, "oServiceLevel", level(0, 3, 0.55))},
			map[string]measure.Window{"q": {Span: half(0, 1), InTime: 1, Counted: 4, Target: 55}},
		},
		"targets that are not one are none": {
			[]routing.MetricRow{figure("q", 0, "oServiceLevel", level(1, 1, 0.8)), figure("q", 30, "oServiceLevel", level(1, 1, 0.7)), figure("q", 60, "oServiceLevel", level(1, 1, 0.8))},
			map[string]measure.Window{"q": {Span: half(0, 1.5), InTime: 3, Counted: 3}},
		},
		"a target that is told of a part is none": {
			[]routing.MetricRow{figure("q", 0, "oServiceLevel", level(1, 1, 0)), figure("q", 30, "oServiceLevel", level(1, 1, 0.8))},
			map[string]measure.Window{"q": {Span: half(0, 1), InTime: 2, Counted: 2}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, measure.Windows(tt.rows)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestAWindowDefinesOnlyWhatItCan(t *testing.T) {
	t.Parallel()
	say := func(w measure.Window) string {
		level, a := w.ServiceLevel()
		wait, b := w.AverageWait()
		handle, c := w.AverageHandle()
		return fmt.Sprint(level, a, " ", wait, b, " ", handle, c)
	}
	for want, w := range map[string]measure.Window{
		"0 false 0s false 0s false": {},
		"0 false 0s true 2s true":   {Offered: 3, Waited: 2, Handle: 6 * time.Second, Handled: 3},
		"75 true 0s false 0s false": {InTime: 3, Counted: 4},
		"0 true 0s false 0s false":  {Counted: 4},
	} {
		if got := say(w); got != want {
			t.Errorf("%+v: %s, want %s", w, got, want)
		}
	}
}

func TestWindowsAreTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) routing.MetricRow {
			n := rapid.IntRange(0, 5).Draw(t, "n")
			return figure(rapid.SampledFrom([]string{"q", "r"}).Draw(t, "queue"), 30*rapid.IntRange(0, 3).Draw(t, "half hour"),
				rapid.SampledFrom(measure.WindowMetrics()).Draw(t, "metric"),
				routing.MetricStats{Count: n, Sum: float64(1000 * n), Numerator: float64(n), Denominator: 5, Target: rapid.SampledFrom([]float64{0, 0.7, 0.8}).Draw(t, "target")})
		}), 0, 12).Draw(t, "rows")
		want := measure.Windows(rows)
		if d := cmp.Diff(want, measure.Windows(rapid.Permutation(rows).Draw(t, "order"))); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	})
}
