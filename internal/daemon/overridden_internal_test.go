package daemon

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// An event tells of an override where somebody has changed what it had set, and not
// where it may be its end.
func TestAnEventTellsOfTheOverrideThatWasChanged(t *testing.T) {
	t.Parallel()
	level := func(hours int) *routing.ServiceLevel {
		return &routing.ServiceLevel{Percent: 80, Within: routing.Duration(time.Duration(hours) * time.Hour)}
	}
	state := func(hours string) string {
		return `{"mediaSettings":{"email":{"serviceLevel":{"percentage":0.8,"durationMs":` + hours + `00000}}}}`
	}
	q, ada, noor := routing.Ref{ID: "q", Name: "Support"}, routing.Ref{ID: "a", Name: "Ada"}, routing.Ref{ID: "n", Name: "Noor"}
	inForce := []plan.InForce{{Lease: plan.Lease{ID: "run", Rule: "surge"}, Changes: []plan.Change{
		{
			Kind: plan.Queue, Verb: plan.Update, Object: q, Fields: []plan.FieldChange{{Field: "serviceLevel"}},
			Queue: &plan.Pair[routing.QueueSettings]{Before: routing.QueueSettings{ServiceLevel: level(4)}, After: routing.QueueSettings{ServiceLevel: level(3)}},
		},
		{Kind: plan.Member, Verb: plan.Join, Object: q, Members: &plan.MemberChange{Agents: []routing.Ref{ada}}},
		{Kind: plan.Member, Verb: plan.Leave, Object: q, Members: &plan.MemberChange{Agents: []routing.Ref{noor}}},
	}}}
	const four, three, one = "144", "108", "36" // hours, in 100 s
	for name, tt := range map[string]struct {
		kind        string
		before, now string
		member      routing.Ref
		by          relay.ActorKind
		want        []routing.Field
	}{
		"to something else":                     {relay.QueueUpdated, three, one, routing.Ref{}, relay.Person, []routing.Field{"serviceLevel"}},
		"to something else, by whom is unknown": {relay.QueueUpdated, three, one, routing.Ref{}, relay.Unknown, []routing.Field{"serviceLevel"}},
		"back, by a person":                     {relay.QueueUpdated, three, four, routing.Ref{}, relay.Person, []routing.Field{"serviceLevel"}},
		"back, perhaps by its end":              {relay.QueueUpdated, three, four, routing.Ref{}, relay.Unknown, nil},
		"it was another before":                 {relay.QueueUpdated, one, four, routing.Ref{}, relay.Person, nil},
		"to what the override has set":          {relay.QueueUpdated, one, three, routing.Ref{}, relay.Person, nil},
		"who joined leaves":                     {relay.MemberLeft, three, three, ada, relay.Client, []routing.Field{"members"}},
		"who joined leaves, perhaps at its end": {relay.MemberLeft, three, three, ada, relay.Unknown, nil},
		"who left joins":                        {relay.MemberJoined, three, three, noor, relay.Person, []routing.Field{"members"}},
		"who joined joins":                      {relay.MemberJoined, three, three, ada, relay.Person, nil},
		"who joined moves":                      {relay.MemberMoved, three, three, ada, relay.Person, nil},
		"somebody else leaves":                  {relay.MemberLeft, three, three, routing.Ref{ID: "x"}, relay.Person, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := relay.Event{Type: tt.kind, Facts: relay.Facts{Object: relay.Object{Kind: relay.Queue, Ref: q}, Actor: relay.Actor{Kind: tt.by}}}
			if tt.member.ID != "" {
				e.Members = []relay.Member{{Ref: tt.member}}
			}
			got, err := overridden(e, seen{State: state(tt.before)}, seen{State: state(tt.now)}, inForce)
			if err != nil {
				t.Fatal(err)
			}
			var fields []routing.Field
			if got != nil {
				fields = got.Fields
			}
			if d := cmp.Diff(tt.want, fields, cmpopts.EquateEmpty()); d != "" || got != nil && (got.Rule != "surge" || got.Run != "run") {
				t.Errorf("%+v (-want +got):\n%s", got, d)
			}
		})
	}
}
