package daemon

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// This file holds each watched object against what was last seen of it, and makes
// events of what differs. It does not matter how it came to look: nothing is
// missed that can still be seen, and nothing is told twice.

// KindChange is the ledger's entry of an event: the subject is the object, the
// body the event.
const KindChange ledger.Kind = "change"

// watched is an object that a strategy names.
type watched struct {
	kind     relay.ObjectKind
	ref      routing.Ref // of a route the name is its address
	domain   string      // of a route
	strategy string
}

func (w watched) key() string { return relay.Object{Kind: w.kind, Ref: w.ref}.Key() }

// area is where the platform's audit trail keeps the kind.
func (w watched) area() (service, entityType string) { return ledger.Area(plan.Kind(w.kind)) }

// seen is an object as it was last seen.
type seen struct {
	bun.BaseModel `bun:"table:objects,alias:o"`
	Org           string `bun:",pk"`
	Object        string `bun:",pk"`
	Version       int64
	State         string
	Members       string
	SeenAt        int64
}

// told is one member as it is kept.
type told struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Ring   int    `json:"ring"`
	Joined bool   `json:"joined"`
}

// quiet are fields that change by themselves, and what the platform says twice.
var quiet = []string{
	"dateModified", "modifiedBy", "memberCount", "userMemberCount", "joinedMemberCount", "selfUri", "status", "version",
}

// read reads an object as it is; an empty state: it is not there.
func (d *Daemon) read(ctx context.Context, w watched) (now seen, err error) {
	now = seen{Org: d.Org.ID, Object: w.key(), SeenAt: time.Now().UnixMicro()}
	var state json.RawMessage
	switch w.kind {
	case relay.Queue:
		state, err = d.Client.Queue(ctx, w.ref.ID)
	case relay.Route:
		state, err = d.Client.Route(ctx, w.domain, w.ref.ID)
	case relay.Utilization:
		state, err = d.Client.UserUtilization(ctx, w.ref.ID)
	}
	if errors.Is(err, genesys.ErrNotFound) {
		return now, nil
	}
	if err != nil {
		return now, err
	}
	now.State = string(state)
	if w.kind == relay.Queue {
		members := []told{}
		for m, err := range d.Client.Members(ctx, w.ref.ID) {
			if err != nil {
				return now, err
			}
			members = append(members, told{m.ID, m.Name, m.Ring, m.Joined})
		}
		slices.SortFunc(members, func(a, b told) int { return cmp.Compare(a.ID, b.ID) })
		b, err := json.Marshal(members)
		if err != nil {
			return now, err
		}
		now.Members = string(b)
	}
	return now, nil
}

// look reads an object, and where it differs from what was last seen puts an
// event for each kind of difference into the ledger and the outbox. who says who
// made a change; nil: the audit trail is asked. It says whether anything differed.
func (d *Daemon) look(ctx context.Context, w watched, who *genesys.AuditRecord) (differs bool, err error) {
	now, err := d.read(ctx, w)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", w.key(), err)
	}
	before, known, err := d.remembered(ctx, w.key())
	if err != nil {
		return false, err
	}
	if !known { // from now on it is known
		now.Version = 1
		return false, d.keep(ctx, now, nil)
	}
	events, err := d.events(w, before, now)
	if err != nil || len(events) == 0 {
		return false, err
	}
	trace := d.trace(ctx, w, before, who)
	for i := range events {
		e := &events[i]
		now.Version = before.Version + int64(i) + 1
		e.ID = eventID(d.Org.ID, w.key(), now.Version)
		e.Version, e.Org, e.Strategy = now.Version, d.Org, w.strategy
		e.At, e.Actor, e.Run, e.OutOfBand = trace.At, trace.By, trace.Run, trace.OutOfBand
	}
	if err := d.keep(ctx, now, events); err != nil {
		return false, err
	}
	for _, e := range events {
		d.metrics.changes.WithLabelValues(e.Type, fmt.Sprint(e.OutOfBand)).Inc()
		d.Log.Info("change", "type", e.Type, "object", w.ref.Name, "by", cmp.Or(e.Actor.Name, e.Actor.ID, string(e.Actor.Kind)), "out_of_band", e.OutOfBand, "run", e.Run)
	}
	d.worker.Wake()
	return true, nil
}

func (d *Daemon) remembered(ctx context.Context, key string) (s seen, known bool, err error) {
	s = seen{Org: d.Org.ID, Object: key}
	err = d.Store.Read().NewSelect().Model(&s).WherePK().Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("what was last seen of %s: %w", key, err)
	}
	return s, true, nil
}

// keep remembers an object as it is, with the events and their deliveries, all or
// nothing.
func (d *Daemon) keep(ctx context.Context, now seen, events []relay.Event) error {
	err := d.Store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		for _, e := range events {
			entry, err := d.ledger.AppendTx(ctx, tx, KindChange, now.Object, e)
			if err != nil {
				return err
			}
			m, err := e.Message()
			if err != nil {
				return err
			}
			var messages []jobs.Message
			for _, to := range d.endpoints {
				if to.strategy == e.Strategy && (len(to.events) == 0 || relay.Matches(to.events, e.Type)) {
					messages = append(messages, jobs.Message{Endpoint: to.Name, Object: now.Object, Event: e.Type, Body: string(m.Body)})
				}
			}
			if err := d.outbox.Put(ctx, tx, entry.Seq, messages...); err != nil {
				return err
			}
		}
		_, err := tx.NewInsert().Model(&now).On("CONFLICT (org, object) DO UPDATE").Set("version = EXCLUDED.version").
			Set("state = EXCLUDED.state").Set("members = EXCLUDED.members").Set("seen_at = EXCLUDED.seen_at").Exec(ctx)
		return err
	})
	if err == nil {
		d.told(database, nil)
	}
	return err
}

// events are the differences of two states of an object.
func (d *Daemon) events(w watched, before, now seen) ([]relay.Event, error) {
	about := relay.Object{Kind: w.kind, Ref: w.ref}
	types := map[relay.ObjectKind][3]string{
		relay.Queue:       {relay.QueueCreated, relay.QueueUpdated, relay.QueueDeleted},
		relay.Route:       {relay.RouteCreated, relay.RouteUpdated, relay.RouteDeleted},
		relay.Utilization: {relay.UtilizationUpdated, relay.UtilizationUpdated, relay.UtilizationUpdated},
	}[w.kind]
	changes, err := relay.Diff(json.RawMessage(before.State), json.RawMessage(now.State), quiet...)
	if err != nil {
		return nil, err
	}
	var events []relay.Event
	add := func(kind string, changes []relay.Change, members []relay.Member) {
		events = append(events, relay.Event{Type: kind, Facts: relay.Facts{Object: about, Changes: changes, Members: members}})
	}
	switch {
	case before.State == "" && now.State == "":
	case before.State == "":
		add(types[0], changes, nil)
	case now.State == "":
		add(types[2], nil, nil)
		return events, nil
	case len(changes) > 0:
		add(types[1], changes, nil)
	}
	joined, left, moved, err := memberChanges(before.Members, now.Members)
	if err != nil {
		return nil, err
	}
	for _, m := range []struct {
		kind    string
		members []relay.Member
	}{{relay.MemberJoined, joined}, {relay.MemberLeft, left}, {relay.MemberMoved, moved}} {
		if len(m.members) > 0 {
			add(m.kind, nil, m.members)
		}
	}
	return events, nil
}

// memberChanges tells who joined, left and moved. Whoever is deactivated in the
// queue has left it, as far as email goes.
func memberChanges(before, now string) (joined, left, moved []relay.Member, err error) {
	if before == "" || now == "" {
		return nil, nil, nil, nil
	}
	var was, is []told
	if err := errors.Join(json.Unmarshal([]byte(before), &was), json.Unmarshal([]byte(now), &is)); err != nil {
		return nil, nil, nil, fmt.Errorf("compare members: %w", err)
	}
	find := func(all []told, id string) (told, bool) {
		i := slices.IndexFunc(all, func(m told) bool { return m.ID == id && m.Joined })
		if i < 0 {
			return told{}, false
		}
		return all[i], true
	}
	for _, m := range is {
		if !m.Joined {
			continue
		}
		old, there := find(was, m.ID)
		member := relay.Member{Ref: routing.Ref{ID: m.ID, Name: m.Name}, Ring: m.Ring, From: old.Ring}
		switch {
		case !there:
			joined = append(joined, member)
		case old.Ring != m.Ring:
			moved = append(moved, member)
		}
	}
	for _, m := range was {
		if _, there := find(is, m.ID); m.Joined && !there {
			left = append(left, relay.Member{Ref: routing.Ref{ID: m.ID, Name: m.Name}, From: m.Ring})
		}
	}
	return joined, left, moved, nil
}

// trace says who made a change. Where no record of the platform tells, it is
// unknown and counts as not ours.
func (d *Daemon) trace(ctx context.Context, w watched, before seen, who *genesys.AuditRecord) ledger.Trace {
	unknown := ledger.Trace{At: time.Now().UTC(), By: relay.Actor{Kind: relay.Unknown}, OutOfBand: true}
	if who == nil {
		service, entityType := w.area()
		query := genesys.AuditQuery{From: time.UnixMicro(before.SeenAt).Add(-2 * time.Minute), To: time.Now().Add(time.Minute), Service: service, EntityType: entityType, EntityID: w.ref.ID}
		for r, err := range d.Client.AuditsRealtime(genesys.WithLane(ctx, genesys.Poll), query) {
			if err == nil {
				who = &r
			}
			break // the newest
		}
	}
	if who == nil {
		return unknown
	}
	runs, err := d.ledger.Runs(ctx)
	if err != nil {
		d.Log.Error("read the runs", "error", err)
	}
	return ledger.Join([]genesys.AuditRecord{*who}, runs, d.ClientID)[0]
}

// Version is how often a watched object has changed.
type Version struct {
	relay.Object
	Strategy string
	Version  int64
}

// Versions lists the objects of an organisation that have changed since they are
// watched, by the ledger's newest event about each.
func Versions(ctx context.Context, s *store.Store, org string) ([]Version, error) {
	newest := map[string]Version{}
	var order []string
	for entry, err := range ledger.New(s, org).Entries(ctx, ledger.Filter{Kind: KindChange}) {
		if err != nil {
			return nil, err
		}
		var e relay.Event
		if err := json.Unmarshal(entry.Body, &e); err != nil {
			return nil, fmt.Errorf("entry %d of the ledger: %w", entry.Seq, err)
		}
		if _, known := newest[entry.Subject]; !known {
			order = append(order, entry.Subject)
		}
		newest[entry.Subject] = Version{e.Object, e.Strategy, e.Version}
	}
	out := make([]Version, len(order))
	for i, key := range order {
		out[i] = newest[key]
	}
	return out, nil
}
