package strategy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

func TestAdjustIsCompiled(t *testing.T) {
	t.Parallel()
	s, problems := strategy.Parse("s.yaml", []byte(`version: 1
name: support
queue: Support Email
serviceLevel: { percent: 90, within: 4h }
addresses: [{ address: vip@help.example.com, rule: vip, from: Desk }]
rules: [{ name: vip, skills: [Billing] }]
relax: [{ after: 2h, drop: [Billing] }]
adjust:
  mode: act
  rules:
    - name: surge
      when: waiting("vip") > 50
      samples: 100
      for: 5
      do:
        - raisePriority: { rule: vip, by: 60 }
        - lowerPriority: { rule: vip, by: 5 }
        - deadlineOrder: true
        - relaxEarly: { after: 1h }
        - join: Back Office
        - leaveAgents: [ann@example.com]
        - capacity: { email: 4 }
        - overflow: { to: Order Desk, rule: vip, olderThan: 2h, atMost: 5 }
        - overflow: { to: Returns, olderThan: 4h }
      until: waiting() < 10
      lease: 2h
    - { name: target, do: [{ tightenTarget: {} }], lease: 1h }
  limits: { changesPerHour: 4, cooldown: 5m, share: 50 }
`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	hour := routing.Duration(time.Hour)
	want := &routing.Adjust{
		Mode: routing.AdjustAct, Every: time.Minute,
		Limits: routing.AdjustLimits{ChangesPerHour: 4, Cooldown: 5 * time.Minute, Reversals: 1, Share: 50, Calls: 30},
		Rules: []routing.AdjustRule{{
			Name: "surge", When: `waiting("vip") > 50`, Until: "waiting() < 10", Samples: 100, For: 5, Lease: 2 * time.Hour, Do: []routing.Action{
				{Lever: routing.LeverRaise, Rule: "vip", By: 60},
				{Lever: routing.LeverLower, Rule: "vip", By: 5},
				{Lever: routing.LeverDeadline},
				{Lever: routing.LeverRelax, Step: 1, After: hour},
				{Lever: routing.LeverJoin, Group: "Back Office"},
				{Lever: routing.LeverLeave, Agents: []string{"ann@example.com"}},
				{Lever: routing.LeverCapacity, Email: 4},
				{Lever: routing.LeverOverflow, To: "Order Desk", Rule: "vip", After: 2 * hour, AtMost: 5},
				{Lever: routing.LeverOverflow, To: "Returns", After: 4 * hour, AtMost: 10},
			},
		}, {
			Name: "target", When: `offered("1h") > 500 && serviceLevel("1h") < 85`, Samples: 20, For: 3, Lease: time.Hour,
			Do: []routing.Action{{Lever: routing.LeverTighten, Target: routing.Duration(15 * time.Second), Floor: routing.Duration(30 * time.Second)}},
		}},
	}
	if got := s.Desired().Overflows(); !slices.Equal(got, []string{"Order Desk", "Returns"}) {
		t.Errorf("it may move email to %v", got)
	}
	if d := cmp.Diff(want, s.Desired().Adjust, cmpopts.IgnoreTypes(routing.Place{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
