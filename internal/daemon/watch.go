package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// This file is what makes the daemon look: a notice of the platform's websocket,
// a row of the audit trail, and every while at everything. Notices are fast and
// may be lost; the trail closes the gap; the sweep finds what even that misses.

func random(n int64) int64 { return rand.Int64N(n) }

// eventID is the same for the same change of an object, whoever finds it.
func eventID(org, object string, version int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", org, object, version))
	return "evt_" + hex.EncodeToString(sum[:12])
}

// hint says that an object may have changed.
type hint struct {
	object watched
	record *genesys.AuditRecord
	try    int
}

// rechecks are the pauses after which an object is read again that does not show
// a change yet that the platform has told of: reads lag.
var rechecks = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
}

// watch looks until the context ends. What goes wrong is said and tried again.
func (d *Daemon) watch(ctx context.Context) error {
	w := &watch{Daemon: d, hints: make(chan hint, 256), handled: map[string]time.Time{}}
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := w.all(ctx)
		if err == nil || ctx.Err() != nil {
			break
		}
		d.told("the organisation", err)
		if !wait(ctx, pause) {
			break
		}
	}
	since := time.Now()
	go w.listen(ctx)
	poll, sweep := time.NewTicker(d.Poll), time.NewTicker(d.Sweep)
	defer poll.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-w.hints:
			w.follow(ctx, h)
		case <-poll.C:
			next := time.Now()
			err := w.poll(ctx, since)
			if ctx.Err() != nil {
				return nil
			}
			if d.told("the audit trail", err); err != nil {
				continue // the next one asks for this time, too
			}
			since = next
			d.metrics.polled.SetToCurrentTime()
		case <-sweep.C:
			if err := w.all(ctx); ctx.Err() == nil {
				d.told("the organisation", err)
			}
		}
	}
}

// standing is how something stands that the watch needs.
type standing int

const (
	works standing = iota
	fails
	forbidden
)

// told says once what does not work, with what to do, and when it does again.
func (d *Daemon) told(what string, err error) {
	now := works
	switch {
	case errors.Is(err, genesys.ErrForbidden):
		now = forbidden
	case err != nil:
		now = fails
	}
	before := d.broken[what]
	if d.broken[what] = now; now == before {
		return
	}
	switch now {
	case works:
		d.Log.Info("works again", "what", what)
	case forbidden:
		d.Log.Error("the client may not read", "what", what, "error", err, "do", "give it the permission: foresort doctor; until then changes are seen by the other ways alone, and who made them may stay unknown")
	case fails:
		d.Log.Error("does not answer; it is tried again", "what", what, "error", err)
	}
}

func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// watch is a watch under way.
type watch struct {
	*Daemon
	objects atomic.Pointer[[]watched]
	hints   chan hint
	handled map[string]time.Time // audit records that have led to a look
}

// all finds the objects that the strategies name, and looks at each.
func (w *watch) all(ctx context.Context) error {
	objects, err := w.resolve(ctx)
	if err != nil {
		return err
	}
	w.objects.Store(&objects)
	var failed []error
	for _, o := range objects {
		if _, err := w.look(genesys.WithLane(ctx, genesys.Poll), o, nil); err != nil {
			failed = append(failed, err)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	w.metrics.swept.SetToCurrentTime()
	w.ready.Store(true)
	return nil
}

// resolve gives the objects their ids. What is not there (any more) and was known
// before is kept, so that its end is seen.
func (w *watch) resolve(ctx context.Context) ([]watched, error) {
	scope := genesys.Scope{}
	for _, s := range w.Strategies {
		scope.Queues = append(scope.Queues, s.Queue.Name)
		for _, r := range s.Routes {
			scope.Addresses = append(scope.Addresses, r.Address)
		}
	}
	org, err := w.Client.ReadOrg(genesys.WithLane(ctx, genesys.Poll), scope)
	if err != nil {
		return nil, err
	}
	var out []watched
	for _, s := range w.Strategies {
		for _, q := range org.Queues {
			if q.Name == s.Queue.Name {
				out = append(out, watched{kind: relay.Queue, ref: q.Ref, strategy: s.Strategy})
			}
		}
		for _, r := range s.Routes {
			for _, have := range org.Routes {
				if have.Address == r.Address {
					out = append(out, watched{kind: relay.Route, ref: routing.Ref{ID: have.ID, Name: r.Address.String()}, domain: r.Address.Domain, strategy: s.Strategy})
				}
			}
		}
	}
	if before := w.objects.Load(); before != nil {
		for _, o := range *before {
			if !slices.ContainsFunc(out, func(x watched) bool { return x.key() == o.key() }) {
				out = append(out, o)
			}
		}
	}
	return out, nil
}

// follow looks at an object of which something was told, again and again until
// the change shows.
func (w *watch) follow(ctx context.Context, h hint) {
	if h.record != nil && h.record.ID != "" && h.try == 0 {
		if _, done := w.handled[h.record.ID]; done {
			return
		}
		w.handled[h.record.ID] = time.Now()
		for id, at := range w.handled {
			if time.Since(at) > time.Hour {
				delete(w.handled, id)
			}
		}
	}
	differs, err := w.look(ctx, h.object, h.record)
	if ctx.Err() == nil {
		w.told("objects", err)
	}
	if differs || h.try >= len(rechecks) || ctx.Err() != nil {
		return
	}
	pause := rechecks[h.try]
	h.try++
	time.AfterFunc(pause, func() {
		select {
		case w.hints <- h:
		case <-ctx.Done():
		}
	})
}

// poll asks the audit trail for changes of queues and routes.
func (w *watch) poll(ctx context.Context, since time.Time) error {
	objects := w.objects.Load()
	if objects == nil {
		return nil
	}
	var failed []error
	asked := map[string]bool{}
	for _, o := range *objects {
		service, entityType := o.area()
		if asked[entityType] {
			continue
		}
		asked[entityType] = true
		query := genesys.AuditQuery{From: since.Add(-time.Minute), To: time.Now().Add(time.Minute), Service: service, EntityType: entityType}
		for r, err := range w.Client.AuditsRealtime(genesys.WithLane(ctx, genesys.Poll), query) {
			if err != nil {
				failed = append(failed, err)
				break
			}
			w.hint(ctx, r)
		}
	}
	return errors.Join(failed...)
}

// hint passes a record on, where it is about an object that is watched.
func (w *watch) hint(ctx context.Context, r genesys.AuditRecord) {
	for _, o := range *w.objects.Load() {
		if o.ref.ID != r.Entity.ID {
			continue
		}
		select {
		case w.hints <- hint{object: o, record: &r}:
		case <-ctx.Done():
		}
	}
}

// listen keeps a channel open, and tells of every change that it hears of. After
// any gap everything is looked at.
func (w *watch) listen(ctx context.Context) {
	w.keepOpen(ctx, func(ctx context.Context) error {
		err := w.channel(ctx)
		w.metrics.connected.Set(0)
		w.listening.Store(false)
		return err
	})
}

func (w *watch) channel(ctx context.Context) error {
	objects := *w.objects.Load()
	var topics []string
	for _, o := range objects {
		_, entityType := o.area()
		topics = append(topics, genesys.AuditTopic(entityType, o.ref.ID))
	}
	connected := func(ctx context.Context) {
		w.metrics.connected.Set(1)
		w.listening.Store(true)
		go func() { // what happened while there was no channel
			for _, o := range objects {
				select {
				case w.hints <- hint{object: o, try: len(rechecks)}:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	return w.open(ctx, topics, "the audit trail", connected, func(ctx context.Context, n genesys.Notice) {
		if !strings.HasPrefix(n.Topic, "v2.audits.") {
			return
		}
		r, err := genesys.DecodeAudit(n.Body)
		if err != nil {
			w.Log.Warn("a notice cannot be read", "error", err)
			return
		}
		w.hint(ctx, r)
	})
}
