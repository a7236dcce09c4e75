package daemon

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	// appeared says that it was not there when everything was last read, and since
	// that, where it is not known from this process, the trail has to tell so. since
	// is when that was; zero: its strategy was not watched before.
	appeared bool
	since    time.Time
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
	Name          string // by which the strategy names it
	Domain        string // of a route
	Strategy      string
}

// told is one member as it is kept.
type told struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Ring   int    `json:"ring"`
	Joined bool   `json:"joined"`
}

// read reads an object as it is; an empty state: it is not there.
func (d *Daemon) read(ctx context.Context, w watched) (now seen, err error) {
	now = seen{Org: d.Org.ID, Object: w.key(), SeenAt: time.Now().UnixMicro(), Name: w.ref.Name, Domain: w.domain, Strategy: w.strategy}
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
// event for each kind of difference into the ledger and the outbox. who is the row
// of the trail that told of a change, or nil. It says whether anything differed.
func (d *Daemon) look(ctx context.Context, w watched, who *genesys.AuditRecord) (differs bool, err error) {
	now, err := d.read(ctx, w)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", w.key(), err)
	}
	before, known, err := d.remembered(ctx, w.key())
	if err != nil {
		return false, err
	}
	var traces []ledger.Trace
	if !known && !w.since.IsZero() {
		before.SeenAt = w.since.UnixMicro()
		if traces, err = d.traces(ctx, w, before, who); err != nil {
			return false, err
		}
		known = w.appeared || slices.ContainsFunc(traces, func(t ledger.Trace) bool { return t.Action == created })
	}
	if !known { // from now on it is known
		now.Version = 1
		if err := d.keep(ctx, 0, now, nil); !errors.Is(err, errTold) {
			return false, err
		}
		return false, nil
	}
	events, err := d.events(w, before, now)
	if err != nil {
		return false, err
	}
	if len(events) == 0 {
		if before.Name == now.Name && before.Domain == now.Domain && before.Strategy == now.Strategy {
			return false, nil
		}
		now.Version = before.Version
		if err := d.keep(ctx, before.Version, now, nil); !errors.Is(err, errTold) {
			return false, err
		}
		return false, nil
	}
	if before.Version > 0 {
		if traces, err = d.traces(ctx, w, before, who); err != nil {
			return false, err
		}
	}
	for i := range events {
		e := &events[i]
		now.Version = before.Version + int64(i) + 1
		e.ID = eventID(d.Org.ID, w.key(), now.Version)
		e.Version, e.Org, e.Strategy = now.Version, d.Org, w.strategy
		attribute(e, traces)
		if e.OutOfBand {
			runs, err := d.ledger.Runs(ctx)
			if err == nil {
				e.Override, err = overridden(*e, before, now, ledger.Memory(runs).InForce)
			}
			if err != nil {
				return false, err
			}
		}
	}
	if err := d.keep(ctx, before.Version, now, events); errors.Is(err, errTold) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	for _, e := range events {
		d.metrics.changes.WithLabelValues(e.Type, fmt.Sprint(e.OutOfBand)).Inc()
		d.Log.Info("change", "type", e.Type, "object", w.ref.Name, "by", cmp.Or(e.Actor.Name, e.Actor.ID, string(e.Actor.Kind)), "out_of_band", e.OutOfBand, "run", e.Run)
		if o := e.Override; o != nil {
			d.Log.Warn("somebody has changed what an override had set; it stays as they left it", "strategy", e.Strategy, "rule", o.Rule, "run", o.Run,
				"object", w.ref.Name, "fields", o.Fields, "by", cmp.Or(e.Actor.Name, e.Actor.ID, string(e.Actor.Kind)))
		}
	}
	d.worker.Wake()
	return true, nil
}

// overridden is the override that holds of which an event tells that something was
// changed; nil: there is none. What is as it was before the override may be its end,
// unless the trail names somebody else.
func overridden(e relay.Event, before, now seen, inForce []plan.InForce) (*relay.Override, error) {
	if before.State == "" || now.State == "" {
		return nil, nil
	}
	named := e.Actor.Kind == relay.Person || e.Actor.Kind == relay.Client
	against := map[plan.Verb]string{plan.Join: relay.MemberLeft, plan.Leave: relay.MemberJoined}
	for _, f := range inForce {
		var all []routing.Field
		for _, c := range f.Changes {
			var fields []routing.Field
			var err error
			switch {
			case c.Object.ID != e.Object.ID:
				continue
			case c.Queue != nil && e.Type == relay.QueueUpdated:
				fields, err = overwritten(c, *c.Queue, before, now, named)
			case c.Utilization != nil && e.Type == relay.UtilizationUpdated:
				fields, err = overwritten(c, *c.Utilization, before, now, named)
			case c.Members != nil && named && e.Type == against[c.Verb] && slices.ContainsFunc(e.Members, func(m relay.Member) bool {
				return slices.ContainsFunc(c.Members.Agents, func(a routing.Ref) bool { return a.ID == m.ID })
			}):
				fields = []routing.Field{"members"}
			}
			if err != nil {
				return nil, err
			}
			all = append(all, fields...)
		}
		if len(all) > 0 {
			return &relay.Override{Rule: f.Rule, Run: f.ID, Ends: f.Ends, Fields: all}, nil
		}
	}
	return nil, nil
}

// overwritten are the fields of a change that were as it set them, and are no more.
func overwritten[S routing.Settings](c plan.Change, pair plan.Pair[S], before, now seen, named bool) ([]routing.Field, error) {
	was, err := genesys.Decode[S](json.RawMessage(before.State))
	if err != nil {
		return nil, err
	}
	is, err := genesys.Decode[S](json.RawMessage(now.State))
	if err != nil {
		return nil, err
	}
	fields := routing.Differs(c.Names(), pair.After, is)
	if !named {
		fields = routing.Differs(fields, pair.Before, is)
	}
	other := routing.Differs(fields, pair.After, was)
	return slices.DeleteFunc(fields, func(f routing.Field) bool { return slices.Contains(other, f) }), nil
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

// created is the platform's word for an object that is new.
const created = "Create"

// errTold says that another process, which has lost the lead or taken it, has told of
// a change.
var errTold = errors.New("it is told of by another process")

// keep remembers an object that had a version, 0 for a new one, as it is, with the
// events and their deliveries, all or nothing.
func (d *Daemon) keep(ctx context.Context, version int64, now seen, events []relay.Event) error {
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
		var result sql.Result
		var err error
		if version == 0 {
			result, err = tx.NewInsert().Model(&now).On("CONFLICT DO NOTHING").Exec(ctx)
		} else {
			result, err = tx.NewUpdate().Model(&now).WherePK().Where("version = ?", version).Exec(ctx)
		}
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return cmp.Or(err, errTold)
		}
		return nil
	})
	if err == nil {
		d.told(database, nil)
	}
	return err
}

// saw remembers that objects were as they are kept: rows of the trail from before
// say nothing about changes to come.
func (d *Daemon) saw(ctx context.Context, keys []string, at time.Time) error {
	if len(keys) == 0 {
		return nil
	}
	return d.Store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		for some := range slices.Chunk(keys, 1000) {
			if _, err := tx.NewUpdate().Model((*seen)(nil)).ModelTableExpr("objects").Set("seen_at = ?", at.UnixMicro()).
				Where("org = ?", d.Org.ID).Where("seen_at < ?", at.UnixMicro()).Where("object IN (?)", bun.List(some)).Exec(ctx); err != nil {
				return fmt.Errorf("remember what was seen: %w", err)
			}
		}
		return nil
	})
}

// events are the differences of two states of an object.
func (d *Daemon) events(w watched, before, now seen) ([]relay.Event, error) {
	about := relay.Object{Kind: w.kind, Ref: w.ref}
	types := map[relay.ObjectKind][3]string{
		relay.Queue:       {relay.QueueCreated, relay.QueueUpdated, relay.QueueDeleted},
		relay.Route:       {relay.RouteCreated, relay.RouteUpdated, relay.RouteDeleted},
		relay.Utilization: {relay.UtilizationUpdated, relay.UtilizationUpdated, relay.UtilizationUpdated},
	}[w.kind]
	changes, err := relay.Diff(json.RawMessage(before.State), json.RawMessage(now.State), ledger.Derived...)
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

// traces are the rows of the trail about an object since it was last seen, with the
// one that told of a change, but for those that earlier events name.
func (d *Daemon) traces(ctx context.Context, w watched, before seen, who *genesys.AuditRecord) ([]ledger.Trace, error) {
	since, to := span(time.UnixMicro(before.SeenAt), time.Now(), slack)
	var records []genesys.AuditRecord
	if who != nil {
		records = append(records, *who)
	}
	service, entityType := w.area()
	queries := []genesys.AuditQuery{{EntityType: entityType, EntityID: w.ref.ID}}
	if w.kind == relay.Utilization {
		queries = append(queries, genesys.AuditQuery{EntityType: ledger.OrgCapacity})
	}
	for _, q := range queries {
		q.From, q.To, q.Service = since, to, service
		for r, err := range d.Client.AuditsRealtime(genesys.WithLane(ctx, genesys.Poll), q) {
			if err != nil {
				break // who made the change stays unknown
			}
			records = append(records, r)
		}
	}
	for entry, err := range d.ledger.Entries(ctx, ledger.Filter{Kind: KindChange, Subject: w.key(), Since: since.Add(-slack)}) {
		var told relay.Event
		if err == nil {
			err = json.Unmarshal(entry.Body, &told)
		}
		if err != nil {
			return nil, fmt.Errorf("earlier events about %s: %w", w.key(), err)
		}
		records = slices.DeleteFunc(records, func(r genesys.AuditRecord) bool {
			return slices.ContainsFunc(told.Records, func(t relay.Record) bool { return t.ID == r.ID })
		})
	}
	if len(records) == 0 {
		return nil, nil
	}
	runs, err := d.ledger.Runs(ctx)
	if err != nil {
		d.Log.Error("read the runs", "error", err)
	}
	return ledger.Join(records, runs, d.ClientID), nil
}

// slack is how far the platform's clock and its recording may be from ours.
const slack = 2 * time.Minute

// attribute names the rows that an event tells of: of members those that are about
// members, where there are any, and of others the rest. Where there is none who made
// the change is unknown, and counts as not ours.
func attribute(e *relay.Event, traces []ledger.Trace) {
	e.At, e.Actor, e.OutOfBand = time.Now().UTC(), relay.Actor{Kind: relay.Unknown}, true
	of := slices.DeleteFunc(slices.Clone(traces), func(t ledger.Trace) bool {
		return strings.HasPrefix(t.Action, "Member") != (len(e.Members) > 0)
	})
	if len(of) == 0 {
		of = traces
	}
	for i, t := range of {
		if i == 0 || t.OutOfBand || !e.OutOfBand {
			e.At, e.Actor, e.Run, e.OutOfBand = t.At, t.By, t.Run, t.OutOfBand
		}
		r := relay.Record{ID: t.ID, At: t.At, Action: t.Action, Actor: t.By, Run: t.Run, OutOfBand: t.OutOfBand, Changes: []relay.Change{}}
		for _, c := range t.Changes {
			r.Changes = append(r.Changes, relay.Change{Field: c.Property, Before: strings.Join(c.OldValues, ", "), After: strings.Join(c.NewValues, ", ")})
		}
		e.Records = append(e.Records, r)
	}
}

// Version is how often a watched object has changed.
type Version struct {
	relay.Object
	Version int64
}

// Versions lists the objects of a strategy that have changed since they are watched,
// by the ledger's newest event about each of a type that the patterns name.
func Versions(ctx context.Context, s *store.Store, org, strategy string, events []string) ([]Version, error) {
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
		if e.Strategy != strategy || !relay.Matches(events, e.Type) {
			continue
		}
		if _, known := newest[entry.Subject]; !known {
			order = append(order, entry.Subject)
		}
		newest[entry.Subject] = Version{e.Object, e.Version}
	}
	out := make([]Version, len(order))
	for i, key := range order {
		out[i] = newest[key]
	}
	return out, nil
}
