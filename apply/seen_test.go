package apply_test

import (
	"errors"
	"testing"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/sandbox"
)

func TestNoDriftIsClaimedOfWhatWasNeverSeen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lag    time.Duration
		noWait bool
	}{
		"not waited for":        {20 * time.Second, true},
		"waited for and unseen": {10 * time.Minute, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ReplicationDelay: tt.lag}, func(t *testing.T, w *world) {
				w.options.NoWait = tt.noWait
				_, err := w.apply(w.plan(small()))
				var unseen *apply.NotActiveError
				if errors.As(err, &unseen) == tt.noWait {
					t.Fatalf("%v", err)
				}
				runs := w.runs()
				p, problems := plan.Build(small(), w.org(small()), ledger.Memory(runs))
				if len(p.Changes) == 0 || problems.Err() != nil {
					t.Fatalf("the write is seen already, which proves nothing: %v", problems.Err())
				}
				for _, n := range p.Notes {
					if n.Kind == plan.NoteDrift {
						t.Errorf("%s", n.Text)
					}
				}
			})
		})
	}
}
