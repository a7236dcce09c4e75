package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Whose email a plan brings to a queue, and whose it takes from there.
func TestMovesOfEmail(t *testing.T) {
	t.Parallel()
	address := func(local string) routing.Address {
		return routing.Address{Local: local, Domain: "help.example.com"}
	}
	to := func(local, queue string) routing.EmailRoute {
		return routing.EmailRoute{Address: address(local), Settings: routing.RouteSettings{Queue: &routing.Ref{ID: queue}}}
	}
	flow := routing.EmailRoute{Address: address("flow"), Flow: &routing.Ref{ID: "f"}}
	org := routing.Org{Routes: []routing.EmailRoute{to("here", "q"), to("there", "x"), to("given", "q"), to("released", "q"), to("pruned", "q"), flow}}
	want := func(queue string, locals ...string) routing.Desired {
		d := routing.Desired{Strategy: queue, Queue: routing.DesiredQueue{Name: queue}}
		for _, l := range locals {
			d.Routes = append(d.Routes, routing.DesiredRoute{Address: address(l)})
		}
		return d
	}
	mine := want("Queue", "here", "there", "flow", "new")
	made := plan.Plan{Changes: []plan.Change{
		{Kind: plan.Route, Verb: plan.Delete, Object: routing.Ref{Name: "pruned@help.example.com"}},
		{Kind: plan.Route, Verb: plan.Update, Object: routing.Ref{Name: "there@help.example.com"}},
		{Kind: plan.Queue, Verb: plan.Delete, Object: routing.Ref{Name: "Old"}},
	}}
	l := &liveCheck{wants: []routing.Desired{mine, want("Other", "given", "elsewhere")}}
	come, leave := l.moves("q", made, mine, org)
	if d := cmp.Diff([]string{"there@help.example.com", "flow@help.example.com", "new@help.example.com"}, come); d != "" {
		t.Errorf("come (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"pruned@help.example.com", "given@help.example.com"}, leave); d != "" {
		t.Errorf("leave (-want +got):\n%s", d)
	}
	if come, leave = l.moves("q", plan.Plan{}, want("Queue", "here"), org); come != nil || !cmp.Equal(leave, []string{"given@help.example.com"}) {
		t.Errorf("nothing comes: %v and %v", come, leave)
	}
}
