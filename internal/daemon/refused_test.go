package daemon_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/daemon"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/sandbox"
)

// A change that a full disk does not take is told of once there is room, and the
// daemon is not ready until then.
func TestWhatAFullDiskDoesNotTakeIsTakenLater(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	var log strings.Builder
	said := &locked{w: &log}
	w.cfg.Log, w.cfg.Listen = slog.New(slog.NewTextHandler(said, nil)), freeAddress(t)
	pragma := func(text string) { // of the one connection that writes
		if err := w.cfg.Store.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.NewRaw(text).Exec(ctx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.run(t)
	w.ready(t, "")
	pragma("PRAGMA max_page_count = 1")
	w.describe(t, 1)
	w.ready(t, roomNeeded)
	w.describe(t, 2)
	g.mu.Lock()
	if len(g.events) > 0 {
		t.Errorf("%d events", len(g.events))
	}
	g.mu.Unlock()
	pragma("PRAGMA max_page_count = 1000000")
	// A look that was under way may still tell of the first; the second follows then.
	events := g.got(t, 1, 2*time.Minute)
	if strings.HasPrefix(events[0].Changes[0].After, "1 ") {
		events = g.got(t, 2, 2*time.Minute)
	}
	for i, e := range events {
		if e.Version != int64(2+i) || e.Actor.Name != person {
			t.Errorf("%s, version %d, by %s", e.Type, e.Version, e.Actor.Name)
		}
	}
	if last := events[len(events)-1].Changes[0].After; !strings.HasPrefix(last, "2 ") {
		t.Errorf("the last change is %.20s", last)
	}
	w.ready(t, "")
	said.mu.Lock()
	defer said.mu.Unlock()
	if text := log.String(); strings.Count(text, "the database takes nothing") != 1 || strings.Count(text, roomNeeded) != 1 || strings.Count(text, "works again") != 1 {
		t.Errorf("%s", text)
	}
}

const roomNeeded = "make room on the disk"

// describe changes the queue by more than there is room for in pages that are free.
func (w *world) describe(t *testing.T, n int) {
	t.Helper()
	if err := w.org.EditQueue(person, queue, func(q map[string]any) { q["description"] = fmt.Sprint(n, strings.Repeat(" mail", 40_000)) }); err != nil {
		t.Fatal(err)
	}
}

// ready waits until the daemon is ready, or says why it is not.
func (w *world) ready(t *testing.T, because string) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Minute); ; <-time.After(10 * time.Millisecond) {
		got := ""
		if resp, err := http.Get("http://" + w.cfg.Listen + "/readyz"); err == nil {
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if got = string(b); because == "" && resp.StatusCode == http.StatusOK || because != "" && resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(got, because) {
				return
			}
		}
		if time.Now().After(limit) {
			t.Fatalf("ready: %q, want %q", got, because)
		}
	}
}

// freeAddress is one that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A channel that another program takes is made anew, and what changed meanwhile is
// told of.
func TestAnEvictedChannelMissesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		evict func(t *testing.T, w *world)
		says  string
	}{
		"all channels end": {func(_ *testing.T, w *world) { w.org.EvictChannels() }, "does not answer"},
		"others make more": {func(t *testing.T, w *world) { w.channels(t, 20) }, "give Foresort an OAuth client of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
			var log strings.Builder
			said := &locked{w: &log}
			w.cfg.Log = slog.New(slog.NewTextHandler(said, nil))
			d, _ := w.start(t)
			w.listens(t, d, true)
			test.evict(t, w)
			w.listens(t, d, false)
			w.edit(t, 77)
			if e := g.got(t, 1, 2*time.Minute)[0]; e.Actor.Name != person || e.Changes[0].After != "77" {
				t.Errorf("%+v", e)
			}
			w.listens(t, d, true)
			w.edit(t, 78)
			if e := g.got(t, 2, 2*time.Minute)[1]; e.Version != 3 || e.Changes[0].After != "78" {
				t.Errorf("%+v", e)
			}
			said.mu.Lock()
			defer said.mu.Unlock()
			if n := strings.Count(log.String(), test.says); n != 1 {
				t.Errorf("it was said %d times:\n%s", n, log.String())
			}
		})
	}
}

// channels are so many of another program with the same client, all in use.
func (w *world) channels(t *testing.T, n int) {
	t.Helper()
	for range n {
		ch, err := w.client.NewChannel(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		connected := make(chan struct{})
		go func() { _ = w.client.Listen(t.Context(), ch, func() { close(connected) }, func(genesys.Notice) {}) }()
		<-connected
	}
}

// listens waits until the daemon is connected, or is not.
func (w *world) listens(t *testing.T, d *daemon.Daemon, want bool) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Minute); d.Listening() != want; <-time.After(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("listening: %t", !want)
		}
	}
}
