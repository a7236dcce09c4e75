package daemon

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// A process that has lost the lead and does not know yet tells nothing twice.
func TestAChangeIsToldByOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		var both []*Daemon
		for range 2 {
			d, err := New(Config{Store: storetest.Open(t, database), Org: routing.Ref{ID: "org"}, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			both = append(both, d)
		}
		state := func(version int64) seen { return seen{Org: "org", Object: "queue:1", Version: version, State: "{}"} }
		for i, d := range both {
			if err := d.keep(t.Context(), 0, state(1), nil); errors.Is(err, errTold) != (i > 0) {
				t.Fatal(err)
			}
		}
		for i, d := range both {
			if err := d.keep(t.Context(), 1, state(2), []relay.Event{{Type: relay.QueueUpdated}}); errors.Is(err, errTold) != (i > 0) {
				t.Fatal(err)
			}
		}
		n := 0
		for _, err := range ledger.New(both[0].Store, "org").Entries(t.Context(), ledger.Filter{Kind: KindChange}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("it was told %d times", n)
		}
	})
}
