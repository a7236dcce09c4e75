package plan_test

import (
	"testing"

	"github.com/foresort/foresort/plan"
)

func TestWhatOnePlanOwnsTheNextCannotClaim(t *testing.T) {
	t.Parallel()
	want, org := example()
	want.Members, want.Capacity = nil, nil
	ix := plan.NewIndex(org, plan.Memory{})
	made, problems := ix.Build(want)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	ix.Own(made)

	if again, problems := ix.Build(want); problems != nil || len(again.Changes) != len(made.Changes) {
		t.Errorf("the same strategy again: %v, %d changes, want %d", problems.Err(), len(again.Changes), len(made.Changes))
	}
	want.Strategy = "sales"
	_, problems = ix.Build(want)
	got := map[string]bool{}
	for _, p := range problems {
		got[p.Message] = true
	}
	for _, says := range []string{
		"queue " + want.Queue.Name + " is claimed by strategy support",
		"address " + want.Routes[0].Address.String() + " is claimed by strategy support",
		"address " + want.Routes[1].Address.String() + " is claimed by strategy support",
	} {
		if !got[says] {
			t.Errorf("no problem says %q:\n%v", says, problems.Err())
		}
	}
	if len(got) != 3 {
		t.Errorf("%d problems, want 3:\n%v", len(got), problems.Err())
	}
}
