package apply_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// found is the plan with findings of these types, all of them waived, if at all,
// until the same time.
func found(p plan.Plan, waived *time.Time, types ...routing.FindingType) plan.Plan {
	p.Checked = &plan.Checked{At: time.Now().UTC()}
	for _, t := range types {
		f := routing.Finding{Type: t, Severity: routing.SeverityOf(t), Message: "a message."}
		if t == routing.Unservable {
			f.Rule = "vip"
		}
		if waived != nil {
			f.Waived = &routing.Waiver{Finding: t, Until: waived.UTC(), Reason: "two people start"}
		}
		p.Checked.Findings = append(p.Checked.Findings, f)
	}
	return p.Seal()
}

func TestFindingsThatAreErrorsKeepAPlanFromBeingApplied(t *testing.T) {
	t.Parallel()
	const how = "; mend that, or waive it by name with an expiry under coverage.waive in the strategy file, and plan again"
	tests := map[string]struct {
		types  []routing.FindingType
		waived time.Duration // from now; 0: not waived
		want   string
	}{
		"nothing was found":     {},
		"warnings and notes":    {types: []routing.FindingType{routing.Hole, routing.ScheduleUnknown}},
		"errors":                {types: []routing.FindingType{routing.NoMembers, routing.Hole, routing.Unservable}, want: "the plan holds findings that keep it from being applied: no_members: a message; unservable, rule vip: a message" + how},
		"a waived error":        {types: []routing.FindingType{routing.Unservable}, waived: time.Hour},
		"a waiver that is over": {types: []routing.FindingType{routing.Unservable}, waived: -time.Second, want: "the plan holds findings that keep it from being applied: unservable, rule vip: a message (its waiver has ended)" + how},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
				var until *time.Time
				if tt.waived != 0 {
					until = new(time.Now().Add(tt.waived))
				}
				p := found(w.plan(small()), until, tt.types...)
				if tt.want == "" {
					if _, err := w.apply(p); err != nil {
						t.Fatal(err)
					}
					w.reached(small())
					return
				}
				var j inMemory
				_, err := apply.Run(w.ctx, apply.Options{Plan: p, Journal: &j, Recheck: true}) // no platform: nothing is read
				if _, ok := errors.AsType[*apply.FindingsError](err); !ok || len(j) > 0 {
					t.Fatalf("%v; %d entries", err, len(j))
				}
				if d := cmp.Diff(tt.want, err.Error()); d != "" {
					t.Fatalf("(-want +got):\n%s", d)
				}
			})
		})
	}
}

// A run goes on, and can be undone, even when what let it begin is over.
func TestFindingsKeepNoRunFromGoingOnOrBack(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		before := w.everything()
		p := found(w.plan(small()), new(time.Now().Add(time.Minute)), routing.Unservable)
		w.killAt(1, false)
		if !dies(func() { _, _ = w.apply(p) }) {
			t.Fatal("nobody was killed")
		}
		w.crash = nil
		time.Sleep(time.Hour) //nolint:forbidigo // in the bubble this is how time passes
		if _, err := w.apply(p); !errors.As(err, new(*apply.FindingsError)) {
			t.Fatalf("a new run of the plan: %v", err)
		}
		rec := w.last()
		if _, err := w.resume(); err != nil {
			t.Fatal(err)
		}
		w.reached(small())
		if d := cmp.Diff(rec.Plan(), p); d != "" {
			t.Fatalf("the journal has another plan: %s", d)
		}
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, w.everything()); d != "" {
			t.Fatalf("(-before +after):\n%s", d)
		}
	})
}
