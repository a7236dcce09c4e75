package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/plan"
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
	object  watched
	record  *genesys.AuditRecord
	try     int
	again   bool // it was followed before
	refused bool // the database did not take what it led to
}

// rechecks are the pauses after which an object is read again that does not show
// a change yet that the platform has told of: reads lag.
var rechecks = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
}

// watch looks until the context ends. What goes wrong is said and tried again.
func (d *Daemon) watch(ctx context.Context) error {
	w := &watch{Daemon: d, hints: make(chan hint, 256), handled: map[string]time.Time{}, refused: map[string]bool{}}
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
	var listening sync.WaitGroup
	listening.Go(func() { w.listen(ctx) })
	defer listening.Wait()
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
			if d.Sign != nil && ctx.Err() == nil {
				d.told("the signing of the ledger", d.Sign(ctx))
			}
		}
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
	handled map[string]time.Time // audit records that have led to a look, with the object
	refused map[string]bool      // objects of which a hint waits for the database
}

// all finds the objects that the strategies name, and looks at each.
func (w *watch) all(ctx context.Context) error {
	began := time.Now()
	read, err := w.find(ctx, false)
	if err = errors.Join(err, w.saw(ctx, read, began)); err != nil {
		return err
	}
	w.metrics.swept.SetToCurrentTime()
	w.ready.Store(true)
	return nil
}

// find finds the objects that the strategies name, and looks at each, or only at
// those that have appeared. It returns the keys of those that could be read.
func (w *watch) find(ctx context.Context, appeared bool) (read []string, err error) {
	objects, err := w.resolve(ctx)
	if err != nil {
		return nil, err
	}
	var failed []error
	var found []watched
	for _, o := range objects {
		if appeared && !o.appeared {
			found = append(found, o)
			continue
		}
		if _, err := w.look(genesys.WithLane(ctx, genesys.Poll), o, nil); err != nil {
			failed = append(failed, err)
			if o.appeared {
				continue // it will have appeared the next time
			}
		} else {
			read = append(read, o.key())
		}
		o.appeared = false
		found = append(found, o)
	}
	w.objects.Store(&found)
	return read, errors.Join(failed...)
}

// resolve gives the objects their ids. What is not there (any more) and was known
// before, to this process or to one before it, is kept, so that its end is seen.
func (w *watch) resolve(ctx context.Context) ([]watched, error) {
	scope := genesys.Scope{}
	for _, s := range w.Strategies {
		scope.Queues = append(scope.Queues, s.Queue.Name)
		for _, r := range s.Routes {
			scope.Addresses = append(scope.Addresses, r.Address)
		}
	}
	kept, since, err := w.kept(ctx)
	if err != nil {
		return nil, err
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
	before := w.objects.Load()
	for i, o := range out {
		out[i].since = since[o.strategy]
		out[i].appeared = before != nil && !has(*before, o)
	}
	if before != nil {
		kept = *before
	}
	for _, o := range kept {
		if o.kind != relay.Utilization && !has(out, o) {
			out = append(out, o)
		}
	}
	agents, err := w.agents(ctx)
	return append(out, agents...), err
}

func has(objects []watched, o watched) bool {
	return slices.ContainsFunc(objects, func(x watched) bool { return x.key() == o.key() })
}

// kept are the queues and routes that were there when they were last seen and that
// the strategies still name, and by strategy since when one of them was not looked at.
func (w *watch) kept(ctx context.Context) (objects []watched, since map[string]time.Time, err error) {
	var rows []seen
	if err := w.Store.Read().NewSelect().Model(&rows).Column("object", "name", "domain", "strategy", "seen_at").
		Where("org = ?", w.Org.ID).Where("state <> ''").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("what was last seen: %w", err)
	}
	since = map[string]time.Time{}
	for _, r := range rows {
		kind, id, _ := strings.Cut(r.Object, ":")
		o := watched{kind: relay.ObjectKind(kind), ref: routing.Ref{ID: id, Name: r.Name}, domain: r.Domain, strategy: r.Strategy}
		for _, s := range w.Strategies {
			named := o.kind == relay.Queue && o.ref.Name == s.Queue.Name ||
				o.kind == relay.Route && slices.ContainsFunc(s.Routes, func(x routing.DesiredRoute) bool { return x.Address.String() == o.ref.Name })
			if s.Strategy != o.strategy || !named {
				continue
			}
			if at := time.UnixMicro(r.SeenAt); since[o.strategy].IsZero() || at.Before(since[o.strategy]) {
				since[o.strategy] = at
			}
			objects = append(objects, o)
		}
	}
	return objects, since, nil
}

// agents are those whose capacity the strategies own, as runs have made it so.
func (w *watch) agents(ctx context.Context) ([]watched, error) {
	if !slices.ContainsFunc(w.Strategies, func(s routing.Desired) bool { return s.Capacity != nil }) {
		return nil, nil
	}
	runs, err := w.ledger.Runs(ctx)
	if err != nil {
		return nil, err
	}
	var out []watched
	for _, o := range ledger.Memory(runs).Owned {
		if o.Kind == plan.Utilization && slices.ContainsFunc(w.Strategies, func(s routing.Desired) bool { return s.Strategy == o.Strategy }) {
			out = append(out, watched{kind: relay.Utilization, ref: o.Object, strategy: o.Strategy})
		}
	}
	return out, nil
}

// follow looks at an object of which something was told, again and again until
// the change shows.
func (w *watch) follow(ctx context.Context, h hint) {
	if h.record != nil && h.record.ID != "" && !h.again {
		key := h.record.ID + " " + h.object.key()
		if _, done := w.handled[key]; done {
			return
		}
		w.handled[key] = time.Now()
		maps.DeleteFunc(w.handled, func(_ string, at time.Time) bool { return time.Since(at) > time.Hour })
	}
	differs, err := w.look(ctx, h.object, h.record)
	if ctx.Err() == nil {
		w.told("objects", err)
	}
	key := h.object.key()
	_, refused := errors.AsType[*store.OpenError](err)
	switch {
	case refused && w.refused[key] && !h.refused:
		return // another hint sees to it
	case refused: // what was not kept is not done with
		h.try, h.refused, w.refused[key] = min(h.try, len(rechecks)-1), true, true
	case h.refused:
		h.refused = false
		delete(w.refused, key)
	}
	if differs || h.try >= len(rechecks) || ctx.Err() != nil {
		return
	}
	pause := rechecks[h.try]
	h.try, h.again = h.try+1, true
	time.AfterFunc(pause, func() { w.put(ctx, h) })
}

// poll asks the audit trail for changes of what is watched.
func (w *watch) poll(ctx context.Context, since time.Time) error {
	objects := w.objects.Load()
	if objects == nil {
		return nil
	}
	var failed []error
	asked := map[string]bool{}
	appeared := false
	ask := func(service, entityType string) {
		if asked[entityType] {
			return
		}
		asked[entityType] = true
		query := genesys.AuditQuery{Service: service, EntityType: entityType}
		query.From, query.To = span(since, time.Now(), time.Minute)
		for r, err := range w.Client.AuditsRealtime(genesys.WithLane(ctx, genesys.Poll), query) {
			if err != nil {
				failed = append(failed, err)
				break
			}
			w.hint(r, func(h hint) { w.follow(ctx, h) })
			appeared = appeared || w.mayBeNamed(r)
		}
	}
	for _, s := range w.Strategies {
		ask(ledger.Area(plan.Queue))
		if len(s.Routes) > 0 {
			ask(ledger.Area(plan.Route))
		}
	}
	for _, o := range *objects {
		service, entityType := o.area()
		ask(service, entityType)
		if o.kind == relay.Utilization {
			ask(service, ledger.OrgCapacity)
		}
	}
	if appeared {
		_, err := w.find(ctx, true)
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// span is what is asked of the trail since a moment, and somewhat more. Where the clock
// was put back, so that the moment is to come, it begins now.
func span(since, now time.Time, more time.Duration) (from, to time.Time) {
	since, now = since.Round(0), now.Round(0) // by the clock that is put back, not by the one that never is
	if since.After(now) {
		since = now
	}
	return since.Add(-more), now.Add(time.Minute)
}

// mayBeNamed says that a record tells of a new object that is not watched, and that a
// strategy may name. Of a route the trail does not tell the whole address.
func (w *watch) mayBeNamed(r genesys.AuditRecord) bool {
	if r.Action != created || slices.ContainsFunc(*w.objects.Load(), func(o watched) bool { return o.ref.ID == r.Entity.ID }) {
		return false
	}
	_, queue := ledger.Area(plan.Queue)
	return r.EntityType != queue || r.Entity.Name == "" || slices.ContainsFunc(w.Strategies, func(s routing.Desired) bool { return s.Queue.Name == r.Entity.Name })
}

// hint passes a record on, where it is about an object that is watched. One about
// the organisation's capacity is about every agent who has none of their own.
func (w *watch) hint(r genesys.AuditRecord, pass func(hint)) {
	for _, o := range *w.objects.Load() {
		h := hint{object: o, record: &r}
		if o.kind == relay.Utilization && r.EntityType == ledger.OrgCapacity {
			h.try = len(rechecks) // few of them change
		} else if o.ref.ID != r.Entity.ID {
			continue
		}
		pass(h)
	}
}

// put lets the watch follow a hint in its turn.
func (w *watch) put(ctx context.Context, h hint) {
	select {
	case w.hints <- h:
	case <-ctx.Done():
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
		settled := time.AfterFunc(steady, func() { w.told(notifications, nil) })
		context.AfterFunc(ctx, func() { settled.Stop() })
		go func() { // what happened while there was no channel
			for _, o := range objects {
				w.put(ctx, hint{object: o, try: len(rechecks)})
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
		w.hint(r, func(h hint) { w.put(ctx, h) })
	})
}
