package daemon_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/strategy"
)

// An address that goes or comes is told of, while somebody watches and while nobody
// does; one that was there and is only named now is not.
func TestAddressesComeAndGo(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	w.cfg.Poll = 200 * time.Millisecond
	const domain = "help.example.com"
	route := func(pattern string) (id string, raw json.RawMessage) {
		t.Helper()
		for r, err := range w.client.Routes(t.Context(), domain, pattern) {
			var is struct{ ID, Pattern string }
			if err != nil || json.Unmarshal(r, &is) != nil {
				t.Fatal(err)
			}
			if is.Pattern == pattern {
				id, raw = is.ID, r
			}
		}
		return id, raw
	}
	remove := func() {
		t.Helper()
		id, _ := route("support")
		if err := w.client.DeleteRoute(t.Context(), domain, id); err != nil {
			t.Fatal(err)
		}
	}
	create := func() {
		t.Helper()
		_, like := route("billing")
		fields := map[string]any{}
		if err := json.Unmarshal(like, &fields); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(map[string]any{"pattern": "support", "queue": map[string]any{"id": queueID(t, w)}, "fromName": "S", "fromEmail": fields["fromEmail"]})
		if err == nil {
			_, err = w.client.CreateRoute(t.Context(), domain, raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	told := func(kind string) {
		t.Helper()
		n++
		e := g.got(t, n, 2*time.Minute)[n-1]
		if e.Type != kind || e.Object.Name != "support@"+domain || e.Strategy != "support" || e.Actor.Kind != relay.Foresort || !e.OutOfBand {
			t.Errorf("%+v, want a %s", e, kind)
		}
	}
	stop := w.run(t)
	remove()
	told(relay.RouteDeleted)
	create()
	told(relay.RouteCreated)
	stop()
	remove()
	stop = w.run(t)
	told(relay.RouteDeleted)
	stop()
	create()
	stop = w.run(t)
	told(relay.RouteCreated)
	stop()

	// A database from before names were kept has them after one look.
	if err := w.cfg.Store.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.NewRaw("UPDATE objects SET name = '', domain = '', strategy = ''").Exec(ctx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	w.run(t)()
	remove()
	stop = w.run(t)
	told(relay.RouteDeleted)
	create()
	told(relay.RouteCreated)
	stop()

	// From here on the strategy names another address, which was always there.
	st, problems := strategy.Parse("support.yaml", []byte(`
version: 1
name: support
queue: Support Email
addresses:
  - { address: support@help.example.com, rule: standard, from: Example support }
  - { address: billing@help.example.com, rule: standard, from: Billing }
rules:
  - { name: standard }
sync:
  - { name: gateway, url: `+g.URL+`, secret: "${GATEWAY_SECRET}", headers: { X-Genesys-Event: routing-sync } }
`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	w.cfg.Strategies[0] = st.Desired()
	w.run(t)
	w.edit(t, 77)
	if e := g.got(t, n+1, 2*time.Minute)[n]; e.Type != relay.QueueUpdated {
		t.Errorf("%+v", e)
	}
}
