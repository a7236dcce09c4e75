package control_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file holds each lever to the living sandbox.

// two is a strategy of two rules.
func two(more string) string {
	return `version: 1
name: support
queue: Support Email
serviceLevel: { percent: 80, within: 24h }
addresses:
  - { address: support@help.example.com, rule: standard, from: Desk }
  - { address: vip@help.example.com, rule: vip, from: Desk }
` + more
}

const plainRules = "rules: [{ name: standard, deadline: 4h }, { name: vip, deadline: 1h }]\n"

func TestRaisedPriorityFollowsWhatComesInAndIsPutBack(t *testing.T) {
	t.Parallel()
	mail := append([]string{"09:01 support 20h", "09:02 support 4m"}, many(4, "09:03:30 vip 20h")...)
	mail = append(mail, "09:10 vip 20h", "09:11 support 20h", "09:11 support 20h")
	w := newWorld(t, two(plainRules+`adjust:
  mode: act
  rules: [{ name: vip, when: waiting("vip") > 2, for: 1, do: [{ raisePriority: { rule: vip, by: 30 } }], lease: 20m }]
`), mail...)
	w.apply()
	w.said(w.ticks(3))
	w.passes(time.Minute)
	taken := false
	w.before = func(r *http.Request) {
		if r.Method == http.MethodPatch && !taken { // an agent is faster with the first
			taken = true
			w.passes(2*time.Minute + time.Second)
		}
	}
	acts := w.look()[0].Acts
	w.before = nil
	if len(acts) != 1 || acts[0].Err != nil || acts[0].Reason != autopilot.Begins {
		t.Fatalf("%+v", acts)
	}
	if got := fmt.Sprint(w.priorities("vip")); got != "[30 30 30]" {
		t.Errorf("the priorities are %s", got)
	}
	w.said(w.ticks(6), "09:10 vip under_lease")
	if got := fmt.Sprint(w.priorities("vip"), w.priorities("support")); got != "[30 30 30 30] [0 0]" {
		t.Errorf("the priorities are %s", got)
	}
	leases := w.leases()
	if len(leases) != 1 || len(leases[0].Runs) != 2 || leases[0].Runs[1].Plan().Lease.ID != leases[0].ID {
		t.Errorf("it is no part of the same override: %+v", leases)
	}
	w.said(w.ticks(20), "09:24 vip lease_ended")
	if got := fmt.Sprint(w.priorities("vip")); got != "[0 0 0 0]" {
		t.Errorf("the priorities are %s afterwards", got)
	}
	if l := w.leases()[0]; len(l.Open) > 0 || !l.Ended.Equal(w.at("09:24:01")) {
		t.Errorf("it has not ended: %+v", l.Lease)
	}
}

// at is a time of the day.
func (w *world) at(clock string) time.Time { return at("2026-03-02T" + clock + "Z") }

// Open hours end at 9:30, so that an email that came in later may be due long
// after one with a longer deadline.
func TestAgentsGetEmailInTheOrderOfDeadlines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(`calendar: week
calendars: { week: { timezone: UTC, open: { mon-fri: [08:00-09:30, 12:00-18:00] } } }
rules: [{ name: standard, deadline: 25m }, { name: vip, deadline: 10m }]
adjust:
  mode: act
  rules: [{ name: order, when: waiting() > 0, for: 1, do: [{ deadlineOrder: true }], lease: 4h }]
`), "09:01 support 20h", "09:01 support 26m",
		"09:02 support 3m", "09:10 vip 3m", "09:12 support 3m", "09:18 vip 3m", "09:25 vip 3m")
	w.apply()
	w.ticks(26)
	before := w.waiting()
	if len(before) != 5 {
		t.Fatalf("%d wait", len(before))
	}
	var order []string
	for range 40 {
		w.ticks(1)
		now := w.waiting()
		for _, e := range before {
			if !slices.ContainsFunc(now, func(x routing.WaitingEmail) bool { return x.ConversationID == e.ConversationID }) {
				order = append(order, e.Entered.Format("15:04"))
			}
		}
		before = now
	}
	if got := fmt.Sprint(order); got != "[09:10 09:02 09:18 09:25 09:12]" { // due 9:20, 9:27, 9:28, 12:05, 12:07
		t.Errorf("the order is %s", got)
	}
}

func TestWhatAnOverrideChangesIsPutBackExactly(t *testing.T) {
	t.Parallel()
	relax := "relax: [{ after: 2h, drop: [VIP], add: [Back Office] }, { after: 4h, add: [Billing Experts] }]\n"
	for name, tt := range map[string]struct {
		do, more string
		during   string // what differs while it holds, as keys of state
	}{
		"capacity":              {do: "capacity: { email: 4 }", during: "18 utilization"},
		"agents who join":       {do: "joinAgents: [Mateo Silva, Kofi Mensah]", during: "2 member 2 utilization"},
		"agents who leave":      {do: "leaveAgents: [Noor Haddad]", during: "1 member 1 utilization"},
		"both":                  {do: "joinAgents: [Mateo Silva] }, { leaveAgents: [Noor Haddad]", during: "2 member 2 utilization"},
		"a group":               {do: "join: Back Office", during: "1 queue"},
		"a group with rings":    {do: "join: Order Desk", more: relax, during: "1 queue"},
		"a step of relax":       {do: "relaxEarly: { after: 30m }", more: relax, during: "1 queue"},
		"the second step":       {do: "relaxEarly: { step: 2, after: 3h }", more: relax, during: "1 queue"},
		"the target":            {do: "tightenTarget: { by: 1h }", during: "1 queue"},
		"several at once":       {do: "tightenTarget: { by: 1h } }, { capacity: { email: 3 } }, { join: Back Office", during: "1 queue 18 utilization"},
		"agents and their room": {do: "joinAgents: [Mateo Silva] }, { capacity: { email: 3 }", during: "1 member 19 utilization"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, file(tt.more+`adjust:
  mode: act
  rules: [{ name: surge, when: waiting() > 5, for: 1, do: [{ `+tt.do+` }], lease: 30m }]
`), many(20, "09:01 support 5h")...)
			w.apply()
			before := w.state()
			w.said(w.ticks(2), "09:01 surge begins")
			during := w.state()
			kinds, both := map[string]int{}, maps.Clone(before)
			maps.Copy(both, during)
			for k := range both {
				if kind, _, _ := strings.Cut(k, " "); !cmp.Equal(before[k], during[k]) {
					kinds[kind]++
				}
			}
			var got []string
			for _, k := range []string{"queue", "member", "utilization"} {
				if kinds[k] > 0 {
					got = append(got, fmt.Sprint(kinds[k], " ", k))
				}
			}
			if strings.Join(got, " ") != tt.during {
				t.Errorf("it changes %v, want %s:\n%s", got, tt.during, cmp.Diff(before, during))
			}
			if p := w.plan(); len(p.Changes) > 0 || !slices.ContainsFunc(p.Notes, func(n plan.Note) bool { return n.Kind == plan.NoteOverride }) && overrides(tt.do, tt.more) {
				t.Errorf("the plan of the strategy meanwhile: %+v, %v", p.Changes, p.Notes)
			}
			w.said(w.ticks(30), "09:31 surge lease_ended")
			if d := cmp.Diff(before, w.state()); d != "" {
				t.Errorf("not as before (-before +after):\n%s", d)
			}
			if p := w.plan(); len(p.Changes) > 0 || slices.ContainsFunc(p.Notes, func(n plan.Note) bool { return n.Kind == plan.NoteOverride }) {
				t.Errorf("the plan of the strategy afterwards: %+v, %v", p.Changes, p.Notes)
			}
		})
	}
}

// overrides says that the strategy owns what an action moves, so that its plan
// must speak of it.
func overrides(do, more string) bool {
	return strings.Contains(do, "tightenTarget") || strings.Contains(do, "relaxEarly") && more != ""
}
