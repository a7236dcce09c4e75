package control_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// This file holds what counts over several queues to five of the sandbox.

var fleetQueues = []string{"Support Email", "Billing Email", "Returns", "Complaints", "Technical"}

// fleet is a world in which each queue has a strategy with the same lines.
func fleet(t *testing.T, lines string, mail ...string) (*world, []routing.Desired) {
	t.Helper()
	mail = append(mail, "09:01 support 1m")
	slices.Sort(mail)
	trace := "at,rule,handle\n"
	for _, m := range mail {
		f := strings.Fields(m)
		trace += fmt.Sprintf("2026-03-02 %s,%s@help.example.com,%s\n", f[0], f[1], f[2])
	}
	addresses := "{ support@help.example.com: {}, billing@help.example.com: {} }"
	w := living(t, file(""), strings.Replace(desk, "{ support@help.example.com: {}, vip@help.example.com: {} }", addresses, 1), trace)
	var wants []routing.Desired
	for i, q := range fleetQueues {
		parsed, wrong := strategy.Parse("s.yaml", fmt.Appendf(nil, "version: 1\nname: s%d\nqueue: %s\n%s", i, q, lines))
		if wrong.Err() != nil {
			t.Fatal(wrong.Text())
		}
		wants = append(wants, parsed.Desired())
	}
	w.decides(wants...)
	return w, wants
}

// decides lets these strategies be looked after from now on.
func (w *world) decides(wants ...routing.Desired) {
	w.t.Helper()
	var err error
	if w.Control, err = control.New(w.Config, wants); err != nil {
		w.t.Fatal(err)
	}
}

// queues are all queues of the organisation, as they are.
func (w *world) queues() map[string]any {
	w.t.Helper()
	out := map[string]any{}
	for raw, err := range w.client.Queues(w.t.Context(), "") {
		var q map[string]any
		if err == nil {
			err = json.Unmarshal(raw, &q)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		for _, f := range []string{"dateModified", "modifiedBy", "memberCount", "userMemberCount", "joinedMemberCount"} {
			delete(q, f)
		}
		out[fmt.Sprint(q["name"])] = q
	}
	return out
}

// begun counts the overrides that hold of each strategy.
func (w *world) begun() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, l := range w.leases() {
		if l.Ended.IsZero() {
			out[l.Strategy]++
		}
	}
	return out
}

const everybody = `adjust:
  mode: act
  rules: [{ name: always, when: waiting() >= 0, for: 1, do: [{ join: Order Desk }], lease: 30m }]
`

func TestShareOfQueuesAtOneLook(t *testing.T) {
	t.Parallel()
	w, _ := fleet(t, everybody)
	before := w.queues()
	for tick := 1; tick <= len(fleetQueues); tick++ {
		w.ticks(1)
		if n := len(w.begun()); n != tick {
			t.Fatalf("after %d looks %d queues have begun one", tick, n)
		}
	}
	if d := cmp.Diff(before, w.queues()); d == "" {
		t.Error("nothing has changed")
	}
	w.ticks(31)
	if d := cmp.Diff(before, w.queues()); d != "" || len(w.begun()) > 0 {
		t.Errorf("%v hold, not as before (-before +after):\n%s", w.begun(), d)
	}
}

// Who looks after one queue alone counts what others have begun a moment ago.
func TestOverridesOfOthersCountInTheShare(t *testing.T) {
	t.Parallel()
	w, wants := fleet(t, everybody)
	before := w.queues()
	w.passes(time.Minute)
	reasons := []autopilot.Reason{autopilot.Begins, autopilot.FleetLimit}
	for i, reason := range reasons { // two processes at the same minute
		w.decides(wants[i])
		if got := w.look()[0].Rules[0].Reason; got != reason {
			t.Fatalf("%s: %s, want %s", wants[i].Strategy, got, reason)
		}
	}
	w.said(w.ticks(1), "09:02 always begins") // of the second: a look later
	w.passes(30 * time.Second)
	w.decides(wants...)
	w.look()
	if n := len(w.begun()); n != 3 { // all five together: one more
		t.Errorf("%v hold", w.begun())
	}
	if _, err := w.RestoreAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, w.queues()); d != "" {
		t.Errorf("not as before (-before +after):\n%s", d)
	}
}

// A strategy that only has live rules has no queue that could begin anything.
func TestLiveRulesOfOthersDoNotCountInTheShare(t *testing.T) {
	t.Parallel()
	w, wants := fleet(t, everybody)
	w.passes(time.Minute)
	for i := range 20 {
		d := ledger.Decided{At: w.now(), Strategy: fmt.Sprint("live ", i), Rule: "vip", Reason: autopilot.LiveRule, Words: "1 email that came in: priority 60"}
		if err := w.ledger.Decide(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for i, reason := range []autopilot.Reason{autopilot.Begins, autopilot.FleetLimit} {
		w.decides(wants[i])
		if got := w.look()[0].Rules[0].Reason; got != reason {
			t.Fatalf("%s: %s, want %s", wants[i].Strategy, got, reason)
		}
	}
}

func TestABreachOfManyQueuesHolds(t *testing.T) {
	t.Parallel()
	level := "serviceLevel: { percent: 80, within: 2m }\n"
	mail := append(many(40, "09:05 support 1m"), many(40, "09:05 billing 1m")...)
	w, wants := fleet(t, level+everybody, mail...)
	for _, w.want = range wants {
		w.apply()
	}
	w.passes(50 * time.Minute)
	w.ClearRequests()
	for range 5 {
		w.passes(time.Minute)
		for _, l := range w.look() {
			if r := l.Rules[0]; l.Hold != autopilot.FleetBreach || r.When != autopilot.True || r.Reason != autopilot.FleetBreach || len(l.Acts) > 0 {
				t.Fatalf("%s: %+v, %s, %+v", w.now().Format(time.TimeOnly), r, l.Hold, l.Acts)
			}
		}
	}
	if got := w.writes(); len(got) > 0 {
		t.Errorf("it wrote %v", got)
	}
}

func TestASurgeOfOneQueueActsThereAlone(t *testing.T) {
	t.Parallel()
	w, _ := fleet(t, strings.Replace(everybody, "waiting() >= 0", "waiting() > 5", 1), many(40, "09:05 billing 30m")...)
	before := w.queues()
	w.said(w.ticks(20), "09:05 always begins")
	if d := cmp.Diff(map[string]int{"s1": 1}, w.begun()); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	for name, q := range w.queues() {
		if moved := cmp.Diff(before[name], q) != ""; moved != (name == "Billing Email") {
			t.Errorf("queue %s: moved %t", name, moved)
		}
	}
	w.said(w.ticks(20), "09:35 always lease_ended")
	if d := cmp.Diff(before, w.queues()); d != "" {
		t.Errorf("not as before (-before +after):\n%s", d)
	}
}

// One queue alone is helped, also where two strategies look after it, and where the
// target is not theirs but the platform's.
func TestABreachCountsQueuesAndNotStrategies(t *testing.T) {
	t.Parallel()
	const level = "serviceLevel: { percent: 80, within: 2m }\n"
	mail := append(many(40, "09:05 support 1m"), many(40, "09:05 billing 1m")...)
	for name, tt := range map[string]struct {
		lines [3]string // of support, of another one for support, and of billing
		hold  autopilot.Reason
	}{
		"one queue, two strategies":             {[3]string{level + everybody, everybody, ""}, ""},
		"two queues, one with no level its own": {[3]string{level + everybody, "", everybody}, autopilot.FleetBreach},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, all := fleet(t, level+everybody, mail...)
			for _, w.want = range all {
				w.apply()
			}
			var wants []routing.Desired
			for i, lines := range tt.lines {
				queue := fleetQueues[i/2]
				parsed, wrong := strategy.Parse("s.yaml", fmt.Appendf(nil, "version: 1\nname: t%d\nqueue: %s\n%s", i, queue, lines))
				if wrong.Err() != nil {
					t.Fatal(wrong.Text())
				}
				if lines != "" {
					wants = append(wants, parsed.Desired())
				}
			}
			w.passes(50 * time.Minute)
			w.decides(wants...)
			w.passes(time.Minute)
			for _, l := range w.look() {
				if l.Hold != tt.hold || l.Rules[0].When != autopilot.True {
					t.Errorf("%s: %+v, %q, want %q", l.Program.Strategy, l.Rules[0], l.Hold, tt.hold)
				}
			}
		})
	}
}
