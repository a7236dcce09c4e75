package measure_test

import (
	"testing"
	"time"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// minute is an instant of an hour that has 60 minutes behind it at 60.
func minute(n int) time.Time {
	return time.Date(2026, 3, 2, 9, n, 0, 0, time.UTC)
}

func part(m int, metric string, n int) routing.MetricRow {
	return routing.MetricRow{Span: routing.Span{From: minute(m), To: minute(m + 1)}, Metric: metric, Stats: routing.MetricStats{Count: n}}
}

func sign(from, to int, metric string) measure.Sign {
	return measure.Sign{Span: routing.Span{From: minute(from), To: minute(to)}, Metric: metric}
}

func TestLate(t *testing.T) {
	t.Parallel()
	const in, out = "nOffered", "tWait"
	for name, tt := range map[string]struct {
		rows  []routing.MetricRow
		signs []measure.Sign
		since int // -1: not late
	}{
		"nothing was seen, and there is nothing":     {since: -1},
		"nothing was seen, and there are old rows":   {rows: []routing.MetricRow{part(5, in, 3)}, since: -1},
		"what was seen has its rows":                 {rows: []routing.MetricRow{part(5, in, 1), part(30, in, 2), part(41, out, 1)}, signs: []measure.Sign{sign(30, 30, in), sign(30, 30, in), sign(40, 42, out)}, since: -1},
		"no row has come yet":                        {signs: []measure.Sign{sign(50, 50, in)}, since: 0},
		"the newest row is older than what was seen": {rows: []routing.MetricRow{part(5, in, 30), part(20, in, 30)}, signs: []measure.Sign{sign(50, 50, in)}, since: 21},
		"rows that are still filling":                {rows: []routing.MetricRow{part(5, in, 30), part(50, in, 1)}, signs: []measure.Sign{sign(50, 50, in), sign(50, 50, in)}, since: 50},
		"what left has not come yet":                 {rows: []routing.MetricRow{part(5, out, 30), part(50, in, 1)}, signs: []measure.Sign{sign(50, 50, in), sign(51, 52, out)}, since: 51},
		"other metrics do not count for it":          {rows: []routing.MetricRow{part(50, "tHandle", 9)}, signs: []measure.Sign{sign(50, 50, in)}, since: 50},
		"an agent has one, and something came":       {rows: []routing.MetricRow{part(50, "tAlert", 1)}, signs: []measure.Sign{sign(50, 50, "")}, since: -1},
		"an agent has one, and nothing came since":   {rows: []routing.MetricRow{part(20, in, 1)}, signs: []measure.Sign{sign(50, 50, "")}, since: 21},
		"clocks a minute apart":                      {rows: []routing.MetricRow{part(49, in, 1)}, signs: []measure.Sign{sign(50, 50, in)}, since: -1},
		"what was seen after the end":                {signs: []measure.Sign{sign(59, 61, out), sign(60, 60, in)}, since: -1},
		"what was seen before the beginning":         {signs: []measure.Sign{sign(-1, 5, out)}, since: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			since, late := measure.Late(tt.rows, routing.Span{From: minute(0), To: minute(60)}, tt.signs)
			if late != (tt.since >= 0) || late && !since.Equal(minute(tt.since)) {
				t.Errorf("late %t, since %s", late, since.Format(time.TimeOnly))
			}
		})
	}
}

// state is what waits at a minute: emails by the minute that they entered at.
func state(m, alerting int, emails map[string]int) routing.QueueState {
	s := routing.QueueState{At: minute(m), Waiting: len(emails), Alerting: alerting, Complete: true}
	for id, entered := range emails {
		s.Emails = append(s.Emails, routing.WaitingEmail{ConversationID: id, Entered: minute(entered)})
	}
	return s
}

func TestWatchTellsWhatEnteredAndWhatLeft(t *testing.T) {
	t.Parallel()
	some := state(4, 0, nil)
	some.Complete = false
	for name, tt := range map[string]struct {
		looks         []routing.QueueState
		entered, left int
	}{
		"they wait":                          {looks: []routing.QueueState{state(2, 0, map[string]int{"a": 1, "b": 1}), state(3, 0, map[string]int{"a": 1, "b": 1})}, entered: 2},
		"one is gone":                        {looks: []routing.QueueState{state(2, 0, map[string]int{"a": 1, "b": 1}), state(3, 0, map[string]int{"b": 1})}, entered: 2, left: 1},
		"one is offered to an agent":         {looks: []routing.QueueState{state(2, 0, map[string]int{"a": 1, "b": 1}), state(3, 1, map[string]int{"b": 1})}, entered: 2},
		"it comes back":                      {looks: []routing.QueueState{state(2, 0, map[string]int{"a": 1}), state(3, 1, nil), state(4, 0, map[string]int{"a": 1})}, entered: 1},
		"not all are listed":                 {looks: []routing.QueueState{state(2, 0, map[string]int{"a": 1}), some}, entered: 1},
		"not all are listed, but later":      {looks: []routing.QueueState{state(2, 0, map[string]int{"a": 1}), some, state(5, 0, nil)}, entered: 1, left: 1},
		"what is older than is kept":         {looks: []routing.QueueState{state(2, 0, map[string]int{"a": 1}), state(3, 0, nil), state(40, 0, nil)}},
		"the clock is put back between them": {looks: []routing.QueueState{state(9, 0, map[string]int{"a": 8}), state(3, 0, nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w measure.Watch
			for _, s := range tt.looks {
				w.See(s, s.At.Add(time.Second), 30*time.Minute)
			}
			if entered, all := len(w.Entered()), len(w.Signs()); entered != tt.entered || all != tt.entered+tt.left {
				t.Errorf("%d entered, %d left: %v", entered, all-entered, w.Signs())
			}
		})
	}
}
