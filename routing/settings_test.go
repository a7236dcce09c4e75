package routing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/routing"
)

func hours(n int) *routing.Duration {
	d := routing.Duration(time.Duration(n) * time.Hour)
	return &d
}

func TestDiffersSeesMeaningNotSpelling(t *testing.T) {
	t.Parallel()
	billing := routing.Ref{ID: "s1", Name: "Billing"}
	office := routing.Group{Ref: routing.Ref{ID: "g1"}, Kind: routing.SkillGroup}
	five := routing.Duration(5 * time.Second)
	relaxed := routing.Rings{{Wait: hours(2), Drop: []routing.Ref{billing}}, {Groups: []routing.Group{office}}}
	tests := map[string]struct {
		want, have routing.QueueSettings
		fields     []routing.Field
	}{
		"a trailing ring that the platform adds is no change": {
			want: routing.QueueSettings{Rings: &relaxed},
			have: routing.QueueSettings{Rings: &routing.Rings{
				{Wait: hours(2), Drop: []routing.Ref{{ID: "s1"}}},
				{Wait: &five, Groups: []routing.Group{office}},
				{Wait: &five},
			}},
		},
		"no rings and absent rings are the same": {want: routing.QueueSettings{Rings: &routing.Rings{}}},
		"another wait is a change": {
			want:   routing.QueueSettings{Rings: &relaxed},
			have:   routing.QueueSettings{Rings: &routing.Rings{{Wait: hours(3), Drop: []routing.Ref{billing}}, {Groups: []routing.Group{office}}}},
			fields: []routing.Field{"rings"},
		},
		"a ring less is a change": {
			want:   routing.QueueSettings{Rings: &relaxed},
			have:   routing.QueueSettings{Rings: &routing.Rings{{Wait: hours(2), Drop: []routing.Ref{billing}}}},
			fields: []routing.Field{"rings"},
		},
		"an absent service level is a change": {
			want:   routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 90}},
			fields: []routing.Field{"serviceLevel"},
		},
		"what is not owned never differs": {have: routing.QueueSettings{Alert: hours(1)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := routing.Differs(routing.Owned(tt.want), tt.want, tt.have)
			if d := cmp.Diff(tt.fields, got); d != "" {
				t.Fatalf("fields that differ (-want +got):\n%s", d)
			}
		})
	}
}

func TestOnlyKeepsTheNamedFields(t *testing.T) {
	t.Parallel()
	from, prio := "Support", 5
	got := routing.Only(routing.RouteSettings{From: &from, Priority: &prio}, []routing.Field{"priority"})
	if d := cmp.Diff(routing.RouteSettings{Priority: &prio}, got); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

func TestRingsReadAsStepsFromEnteringTheQueue(t *testing.T) {
	t.Parallel()
	rings := routing.Rings{
		{Wait: hours(2), Drop: []routing.Ref{{Name: "Billing"}}},
		{Wait: hours(6)},
		{Groups: []routing.Group{{Ref: routing.Ref{Name: "Back Office"}}}},
	}
	if got, want := routing.Text(routing.QueueSettings{Rings: &rings}, "rings"), "after 2h drop Billing; after 8h add Back Office"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}
