package rehearsal_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/internal/rehearsal"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// surge is the day of the examples, with a strategy of these rules of adjust;
// empty: those of the example.
func surge(t *testing.T, adjust string) rehearsal.Config {
	t.Helper()
	c, err := rehearsal.Example(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c.Check = true
	if adjust == "" {
		return c
	}
	st, problems := strategy.Parse("support.yaml", []byte(`version: 1
name: support
queue: Support Email
serviceLevel: { percent: 90, within: 4h }
addresses: [{ address: support@help.example.com, rule: standard, from: Desk }, { address: vip@help.example.com, rule: vip, from: Desk }]
rules: [{ name: standard, skills: [Billing] }, { name: vip, skills: [Billing], deadline: 1h }]
relax: [{ after: 2h, drop: [Billing] }, { after: 8h, add: Back Office }]
adjust:
`+adjust))
	if err := problems.Err(); err != nil {
		t.Fatal(problems.Text())
	}
	c.Strategy = st.Desired()
	return c
}

// With adjust the surge is met, and nothing is left of what was done. HTML=file
// writes the page.
func TestASurgeIsMetAndEverythingIsPutBack(t *testing.T) {
	t.Parallel()
	c := surge(t, "")
	r, err := rehearsal.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	off, _ := r.Off.Surge.ServiceLevel()
	act, _ := r.Act.Surge.ServiceLevel()
	if target := c.Strategy.Queue.Settings.ServiceLevel.Percent; off > target-10 || act < target {
		t.Errorf("%.1f%% in time without adjust, %.1f%% with it", off, act)
	}
	last := len(r.Off.Waiting) - 1
	if r.Act.Waiting[last] > r.Off.Waiting[last]/4 || slices.Max(r.Act.Waiting) >= slices.Max(r.Off.Waiting) {
		t.Errorf("waiting without: %v\nwith: %v", r.Off.Waiting, r.Act.Waiting)
	}
	if len(r.Off.Writes) > 0 || len(r.Off.Said) > 0 {
		t.Errorf("with mode off: %v, %v", r.Off.Writes, r.Off.Said)
	}
	if len(r.Act.Leases) != 1 || len(r.Act.Said) != 2 {
		t.Errorf("what was decided: %+v", r.Act.Said)
	}
	kept(t, r.Act, *c.Strategy.Adjust)
	if name := os.Getenv("HTML"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := forecast.HTMLCourse(f, r.Course()); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range r.Words() {
		t.Log(line)
	}
}

// Every lever together, begun and ended several times over the day, leaves
// nothing behind and keeps to the guard rails.
func TestEveryLeverIsPutBack(t *testing.T) {
	t.Parallel()
	c := surge(t, `  mode: act
  every: 4m
  rules:
    - name: people
      when: waiting() > 30 && offered("1h") > 100
      do: [{ join: Order Desk }, { joinAgents: [Ingrid Lund] }, { leaveAgents: [Oskar Berg] }, { capacity: { email: 3 } }, { relaxEarly: { step: 1, after: 30m } }]
      until: waiting() < 10
      lease: 45m
    - name: order
      when: oldest() > duration("30m") && offered("1h") > 100
      do: [{ deadlineOrder: true }, { lowerPriority: { rule: standard, by: 30 } }]
      lease: 20m
    - name: target
      when: offered("1h") > 100
      do: [{ tightenTarget: { by: 30m, floor: 1h } }]
      lease: 30m
  limits: { changesPerHour: 3, cooldown: 10m }
`)
	c.From, c.To = c.Surge, c.Surge.Add(4*time.Hour)
	day, err := c.Pass(t.Context(), routing.AdjustAct)
	if err != nil {
		t.Fatal(err)
	}
	begun := map[string]int{}
	for _, l := range day.Leases {
		begun[l.Rule]++
	}
	for _, rule := range c.Strategy.Adjust.Rules {
		if begun[rule.Name] == 0 {
			t.Errorf("rule %s never began: %v", rule.Name, begun)
		}
	}
	kept(t, day, *c.Strategy.Adjust)
}

// kept holds a day to the guard rails, and to leaving nothing behind.
func kept(t *testing.T, d rehearsal.Day, a routing.Adjust) {
	t.Helper()
	if d := cmp.Diff(shown(t, d.Raw[0]), shown(t, d.Raw[1])); d != "" {
		t.Errorf("the queue is not as it was (-before +after):\n%s", d)
	}
	if !d.Restored() {
		t.Errorf("not everything is put back (-before +after):\n%s", cmp.Diff(d.Before, d.After))
	}
	for i, l := range d.Leases {
		if len(l.Open) > 0 || l.Ended.Sub(l.Began) > l.Ends.Sub(l.Began)+a.Every {
			t.Errorf("override %s of rule %s held from %s to %s", l.ID, l.Rule, l.Began, l.Ended)
		}
		begun, ended := 1, 0
		for _, before := range d.Leases[:i] {
			if l.Began.Sub(before.Began) < a.Limits.Cooldown {
				t.Errorf("%s and %s begin within the cooldown", before.ID, l.ID)
			}
			if l.Began.Sub(before.Began) < time.Hour {
				begun++
			}
			if before.Rule == l.Rule && l.Began.Sub(before.Ended) < time.Hour {
				ended++
			}
		}
		if begun > a.Limits.ChangesPerHour || ended >= a.Limits.Reversals {
			t.Errorf("%s is number %d within an hour, after %d ends", l.ID, begun, ended)
		}
	}
	for _, m := range d.Misfits {
		t.Errorf("against the contract: %s", m)
	}
	for op := range maps.Keys(d.Writes) {
		if !slices.Contains([]string{"putRoutingQueue", "patchRoutingConversation", "postRoutingQueueMembers", "putRoutingUserUtilization", "deleteRoutingUserUtilization"}, op) {
			t.Errorf("it wrote by %s", op)
		}
	}
}

// shown is a queue as the platform shows it, without when and by whom it was
// changed.
func shown(t *testing.T, raw string) map[string]any {
	t.Helper()
	var q map[string]any
	if err := json.Unmarshal([]byte(raw), &q); err != nil {
		t.Fatal(err)
	}
	for _, stamp := range []string{"dateModified", "modifiedBy"} {
		delete(q, stamp)
	}
	return q
}
