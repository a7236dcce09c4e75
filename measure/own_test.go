package measure_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

func TestOwnLevel(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	after := start.Add
	// start is a Monday, 0:00; it is open from 8 to 12.
	office := &routing.Calendar{Location: time.UTC, Week: [7][]routing.Hours{{{From: 8 * 60, To: 12 * 60}}, {{From: 8 * 60, To: 12 * 60}}}}
	day := routing.Span{From: start, To: after(24 * hour)}
	stay := func(entered, answered, left time.Duration) routing.Stay {
		s := routing.Stay{QueueID: "q", Entered: after(entered)}
		if answered > 0 {
			s.Answered = after(answered)
		}
		if left > 0 {
			s.Left = after(left)
		}
		return s
	}
	for name, tt := range map[string]struct {
		stays    []routing.Stay
		calendar *routing.Calendar
		now      time.Duration
		want     measure.Window
	}{
		"nothing came": {},
		"answered at the deadline and after it": {
			stays: []routing.Stay{stay(0, 2*hour, 2*hour), stay(0, 2*hour+1, 2*hour+1)}, now: 3 * hour,
			want: measure.Window{Offered: 2, Answered: 2, InTime: 1, Counted: 2, Waited: 2, Wait: 4*hour + 1},
		},
		"what waits counts when it is late": {
			stays: []routing.Stay{stay(0, 0, 0), stay(hour, 0, 0)}, now: 3 * hour,
			want: measure.Window{Offered: 2, Counted: 1},
		},
		"what was given up or passed on counts when it was late": {
			stays: []routing.Stay{
				{QueueID: "q", Entered: start, Left: after(hour), Abandoned: true},
				{QueueID: "q", Entered: start, Left: after(3 * hour), Abandoned: true},
				{QueueID: "q", Entered: start, Left: after(hour), Transferred: true},
				{QueueID: "q", Entered: start, Left: after(3 * hour), Transferred: true},
			}, now: 4 * hour,
			want: measure.Window{Offered: 4, Abandoned: 2, Counted: 2, Waited: 4, Wait: 8 * hour},
		},
		"the night does not count": {
			stays: []routing.Stay{stay(11*hour, 33*hour, 33*hour), stay(11*hour, 33*hour+1, 33*hour+1), stay(11*hour, 0, 0)}, calendar: office, now: 32*hour + hour,
			want: measure.Window{Offered: 3, Answered: 2, InTime: 1, Counted: 2, Waited: 2, Wait: 4*hour + 1},
		},
		"only what entered this queue in the span": {
			stays: []routing.Stay{stay(-1, hour, hour), stay(24*hour, 25*hour, 25*hour), {QueueID: "r", Entered: start}, stay(24*hour-1, 25*hour, 25*hour)}, now: 30 * hour,
			want: measure.Window{Offered: 1, Answered: 1, InTime: 1, Counted: 1, Waited: 1, Wait: hour + 1},
		},
		"handling": {
			stays: []routing.Stay{{QueueID: "q", Entered: start, Answered: after(hour), Left: after(hour), Handle: 3 * hour}}, now: 30 * hour,
			want: measure.Window{Offered: 1, Answered: 1, InTime: 1, Counted: 1, Waited: 1, Wait: hour, Handled: 1, Handle: 3 * hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var conversations []routing.Conversation
			for _, s := range tt.stays {
				conversations = append(conversations, routing.Conversation{Stays: []routing.Stay{s}})
			}
			tt.want.Span = day
			got := measure.OwnLevel(conversations, measure.Deadline{QueueID: "q", Span: day, Within: 2 * hour, Calendar: tt.calendar, Now: after(tt.now)})
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
