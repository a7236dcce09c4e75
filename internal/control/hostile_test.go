package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/routing"
)

// This file holds guards to what would get around them.

// Two overrides that both change waiting email have one budget of calls.
func TestTheBudgetOfCallsIsThatOfALook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+`adjust:
  mode: act
  rules:
    - { name: vip, when: waiting("vip") > 2, for: 1, do: [{ raisePriority: { rule: vip, by: 30 } }], lease: 2h }
    - { name: move, when: waiting("standard") > 2, for: 1, do: [{ overflow: { to: Technical, rule: standard, olderThan: 2m } }], lease: 2h }
  limits: { calls: 4, cooldown: 1m, changesPerHour: 9 }
`), append(many(20, "09:01 support 9h"), many(20, "09:01 vip 9h")...)...)
	w.apply()
	for range 20 {
		w.passes(time.Minute)
		w.ClearRequests()
		w.look()
		if n := len(w.writes()); n > 4 {
			t.Fatalf("%s: %d writes at one look: %v", w.now().Format(time.TimeOnly), n, w.writes())
		}
	}
	if got := w.priorities("vip"); len(got) == 0 || fmt.Sprint(got) != fmt.Sprint(make30(len(got))) {
		t.Errorf("not all are raised by now: %v", got)
	}
	if got := w.priorities("support"); len(got) > 3 {
		t.Errorf("%d have not moved", len(got))
	}
}

func make30(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 30
	}
	return out
}

// While an override has tightened the target, another one than that is a changed
// definition all the same.
func TestATargetThatSomebodyChangesDuringATighteningHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(`adjust:
  mode: act
  rules:
    - { name: target, when: waiting() > 5, for: 1, do: [{ tightenTarget: { by: 1h } }], lease: 4h }
    - { name: help, when: waiting() > 5, for: 4, do: [{ join: Back Office }], lease: 4h }
  limits: { changesPerHour: 9, cooldown: 1m }
`), many(20, "09:01 support 9h")...)
	w.apply()
	w.said(w.ticks(1), "09:01 target begins")
	w.edit(90)
	w.said(w.ticks(9))
	if l := w.look()[0]; l.Hold != autopilot.LevelMoved || l.Rules[1].Reason != autopilot.LevelMoved {
		t.Errorf("%q, %+v", l.Hold, l.Rules)
	}
	w.edit(23 * 60)
	w.said(w.ticks(1), "09:11 help begins")

	// The ledger has what came of the other rule at each look.
	var got []string
	for _, d := range w.decisions() {
		got = append(got, fmt.Sprint(d.Rule, " ", d.Considered))
	}
	w.said(got, "target map[help:not_long_enough]", "help map[target:under_lease]")
}

// What --restore puts back is in the ledger at once, with what had to stay.
func TestTheLedgerTellsWhatRestoreHasPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(surge), many(20, "09:01 support 5h")...)
	w.apply()
	w.said(w.ticks(1), "09:01 surge begins")
	w.edit(90)
	w.passes(time.Minute)
	acts, err := w.RestoreAll(t.Context())
	if err != nil || len(acts) != 1 || acts[0].Err != nil {
		t.Fatalf("%+v, %v", acts, err)
	}
	all := w.decisions()
	last := all[len(all)-1]
	if last.Reason != autopilot.PutBack || last.Words != acts[0].Words || last.Run != acts[0].Run || !strings.Contains(last.Words, "serviceLevel of Support Email") || !last.At.Equal(w.now()) {
		t.Errorf("%+v", last)
	}
	if l := w.leases()[0]; l.Untold || !l.Ended.Equal(w.now()) {
		t.Errorf("%v, %t", l.Ended, l.Untold)
	}
	w.said(w.ticks(3))
	if n := len(w.decisions()); n != len(all) {
		t.Errorf("it is told again: %+v", w.decisions()[n-1])
	}
}

// What agents can hold is what they can hold now.
func TestUtilizationGoesByTheCapacityThatAnOverrideHasSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file(`capacity: { email: 2 }
adjust:
  mode: act
  rules: [{ name: more, when: utilization() >= 100, for: 1, do: [{ capacity: { email: 4 } }], lease: 1h }]
`), many(20, "09:01 support 9h")...)
	w.apply()
	of := func() string {
		l := w.look()[0]
		return fmt.Sprint(l.Seen.State.Interacting+l.Seen.State.Alerting, " ", l.Program.Inputs(0, l.Figures)["utilization()"])
	}
	for _, want := range []string{"2 100%", "4 100%", "4 100%"} {
		w.passes(time.Minute)
		if got := of(); got != want {
			t.Errorf("%s: %s, want %s", w.now().Format(time.TimeOnly), got, want)
		}
	}
}

// Whose priority somebody has set by hand is theirs, also where the override has not
// come to that email yet.
func TestTheOrderOfDeadlinesLeavesWhatSomebodyHasSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(`rules: [{ name: standard, priority: 5, deadline: 4h }, { name: vip, priority: 60, deadline: 1h }]
adjust:
  mode: act
  rules: [{ name: order, when: waiting() > 2, for: 1, do: [{ deadlineOrder: true }], lease: 30m }]
`), "09:02 support 9h", "09:02 support 9h", "09:02 support 9h", "09:02 vip 9h", "09:02 vip 9h", "09:02 support 9h", "09:05 support 9h", "09:06 vip 9h")
	w.apply()
	w.said(w.ticks(3), "09:02 order begins")
	w.passes(2 * time.Minute)
	late := w.waiting()[len(w.waiting())-1] // came in a moment ago
	urgent := 500
	if err := w.client.PatchWaitingEmail(t.Context(), late.ConversationID, []routing.Field{"priority"}, routing.EmailSettings{Priority: &urgent}); err != nil {
		t.Fatal(err)
	}
	w.ticks(3)
	if got := fmt.Sprint(w.priorities("support"), w.priorities("vip")); got != "[0 0 500] [180 180 180]" {
		t.Errorf("the priorities are %s", got)
	}
	w.ticks(30)
	if got := fmt.Sprint(w.priorities("support"), w.priorities("vip")); got != "[5 5 500] [60 60 60]" {
		t.Errorf("after the lease %s", got)
	}
}
