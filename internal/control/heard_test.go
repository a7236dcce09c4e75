package control_test

import (
	"slices"
	"testing"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

// What notifications tell is held against what the last look has found: when of a
// rule counts, and until while it has a lease.
func TestAConditionThatComesToHoldBetweenTwoLooksIsHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(`adjust:
  mode: act
  rules:
    - { name: help, when: waiting() > 5 && onQueue() > 0, until: waiting() < 2, for: 1, do: [{ join: Back Office }], lease: 4h }
  limits: { changesPerHour: 9, cooldown: 1m }
`), many(8, "09:02 support 9h")...)
	w.apply()
	queue := w.queue().ID
	heard := func(want bool, o genesys.Observations) {
		t.Helper()
		if o.QueueID == "" {
			o.QueueID = queue
		}
		if got := w.Heard(map[string]genesys.Observations{o.QueueID: o}); got != want {
			t.Errorf("%s: %t", w.now().Format(time.TimeOnly), got)
		}
	}
	heard(false, genesys.Observations{Waiting: new(9)}) // before the first look
	w.said(w.ticks(1))
	if got := w.Queues(); !slices.Equal(got, []string{queue}) {
		t.Errorf("%v are listened to", got)
	}
	heard(false, genesys.Observations{Waiting: new(5)})
	heard(true, genesys.Observations{Waiting: new(6)})
	heard(true, genesys.Observations{Interacting: new(2), Alerting: new(1)}) // the rest is as it was told
	heard(false, genesys.Observations{OnQueue: new(0)})
	heard(false, genesys.Observations{QueueID: "another", OnQueue: new(7)})
	heard(true, genesys.Observations{OnQueue: new(1)})
	w.said(w.ticks(1), "09:02 help begins")
	heard(false, genesys.Observations{Waiting: new(9)}) // the look has seen that it holds
	heard(true, genesys.Observations{Waiting: new(1)})
	w.look()
	heard(false, genesys.Observations{Waiting: new(2)}) // what was heard before the look is over

	w.want.Adjust.Mode = routing.AdjustOff
	w.decides(w.want)
	w.look()
	heard(false, genesys.Observations{Waiting: new(9)})
	if got := w.Queues(); len(got) > 0 {
		t.Errorf("%v are listened to where nothing is adjusted", got)
	}
}
