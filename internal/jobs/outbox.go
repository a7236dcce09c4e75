// Package jobs is the work that must survive: deliveries to other systems, in
// lines that keep their order, and the loop that only one process runs at a time.
// Events go in with the ledger's entry that tells of them, in one transaction;
// what became of each delivery goes into the ledger.
package jobs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
)

// The entries of the ledger about deliveries.
const (
	KindDelivered ledger.Kind = "delivered" // the subject is the delivery, the body an Outcome
	KindDead      ledger.Kind = "dead"      // given up
	KindReplayed  ledger.Kind = "replayed"  // a dead one that a person sends again
	KindEndpoint  ledger.Kind = "endpoint"  // disabled or enabled; the subject is the endpoint
)

// Outbox is the deliveries of one organisation. Those to one endpoint about one
// object are a line: only the first open one of it is sent, so that none
// overtakes another.
type Outbox struct {
	store  *store.Store
	ledger *ledger.Ledger
	org    string
	now    func() time.Time
	// Lease is how long a worker has what it claimed: after that others take it
	// for killed. An attempt must end well before.
	Lease time.Duration
}

// DefaultLease is how long a worker has what it claimed.
const DefaultLease = 20 * time.Second

// NewOutbox is the outbox of an organisation.
func NewOutbox(s *store.Store, org string) *Outbox {
	return &Outbox{store: s, ledger: ledger.New(s, org), org: org, now: time.Now, Lease: DefaultLease}
}

// State is how a delivery stands.
type State string

// The states of a delivery.
const (
	Open      State = "open"
	Delivered State = "delivered"
	Dead      State = "dead"
)

// Delivery is one event for one endpoint.
type Delivery struct {
	bun.BaseModel `bun:"table:deliveries,alias:d" json:"-"`

	ID         string `bun:",pk" json:"id"` // the webhook-id; repeats have the same
	Org        string `json:"-"`
	Endpoint   string `json:"endpoint"` // strategy/name
	Object     string `json:"object"`   // kind and id
	Seq        int64  `json:"seq"`      // the ledger's entry about the event
	Event      string `json:"event"`    // its type
	Body       string `json:"body"`
	State      State  `json:"state"`
	Head       int64  `json:"-"`
	Attempts   int64  `json:"attempts"`
	Created    int64  `json:"created"` // microseconds of the epoch, like the times below
	NextAt     int64  `json:"nextAt"`
	Lease      int64  `json:"-"`
	LastAt     int64  `json:"lastAt"`
	LastStatus int64  `json:"lastStatus"` // of HTTP; 0: there was no answer
	LastWords  string `json:"lastWords"`
}

// Message is an event for one endpoint.
type Message struct{ Endpoint, Object, Event, Body string }

// IDOf is the webhook-id of an event, by the ledger's entry about it, for an
// endpoint.
func IDOf(org string, seq int64, endpoint string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s", org, seq, endpoint))
	return "msg_" + hex.EncodeToString(sum[:12])
}

// Put adds an event's deliveries in the transaction in which its entry was
// appended to the ledger: that keeps others out until it ends.
func (o *Outbox) Put(ctx context.Context, tx store.Tx, seq int64, messages ...Message) error {
	for _, m := range messages {
		now := o.now().UnixMicro()
		d := Delivery{
			ID: IDOf(o.org, seq, m.Endpoint), Org: o.org, Endpoint: m.Endpoint, Object: m.Object, Seq: seq, Event: m.Event, Body: m.Body,
			State: Open, Created: now, NextAt: now,
		}
		behind, err := tx.NewSelect().Model((*Delivery)(nil)).Where("org = ?", o.org).Where("endpoint = ?", m.Endpoint).
			Where("object = ?", m.Object).Where("state = ?", Open).Exists(ctx)
		if err != nil {
			return fmt.Errorf("put a delivery: %w", err)
		}
		if !behind {
			d.Head = 1
		}
		if _, err := tx.NewInsert().Model(&d).Exec(ctx); err != nil {
			return fmt.Errorf("put a delivery: %w", err)
		}
	}
	return nil
}

// Claim takes deliveries of an endpoint that are due, up to limit, for this
// worker alone. Those of an endpoint that is disabled wait.
func (o *Outbox) Claim(ctx context.Context, endpoint string, limit int64) (claimed []Delivery, err error) {
	now := o.now()
	due := o.store.Read().NewSelect().Model((*Delivery)(nil)).Column("id").Where("org = ?", o.org).Where("endpoint = ?", endpoint).
		Where("head = 1").Where("next_at <= ?", now.UnixMicro()).Where("lease <= ?", now.UnixMicro()).Order("next_at", "seq").Limit(limit)
	if some, err := due.Exists(ctx); err != nil || !some {
		return nil, wrap("claim deliveries", err)
	}
	err = o.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		if o.store.Postgres() {
			due = due.For("UPDATE SKIP LOCKED")
		}
		return tx.NewUpdate().Model(&claimed).ModelTableExpr("deliveries AS d").Set("lease = ?", now.Add(o.Lease).UnixMicro()).
			Where("d.id IN (?)", due).Returning("*").Scan(ctx)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return claimed, wrap("claim deliveries", err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Outcome is what became of one attempt.
type Outcome struct {
	Delivery Delivery  `json:"-"`
	State    State     `json:"state"` // Open: it is tried again, at Next
	Attempts int64     `json:"attempts"`
	At       time.Time `json:"at"`
	Status   int       `json:"status,omitempty"` // of HTTP; 0: there was no answer
	Words    string    `json:"words,omitempty"`
	Next     time.Time `json:"next,omitzero"`
	Disable  bool      `json:"disable,omitempty"` // the endpoint wants no more
	Endpoint string    `json:"endpoint"`
	Event    string    `json:"event"`
}

// Finish records what became of attempts, all in one transaction, and lets the
// next of each line that has ended come to its head.
func (o *Outbox) Finish(ctx context.Context, outcomes []Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	return wrap("finish deliveries", o.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		drafts := []ledger.Draft{}
		kinds := map[State]ledger.Kind{Delivered: KindDelivered, Dead: KindDead}
		disabled := map[string]Outcome{}
		for _, out := range outcomes {
			if kind, final := kinds[out.State]; final {
				drafts = append(drafts, ledger.Draft{Kind: kind, Subject: out.Delivery.ID, Body: out})
			}
			if out.Disable {
				disabled[out.Endpoint] = out
			}
		}
		for name, out := range disabled {
			drafts = append(drafts, ledger.Draft{Kind: KindEndpoint, Subject: name, Body: map[string]string{"state": "disabled", "reason": out.Words}})
			if err := o.setEndpoint(ctx, tx, name, "disabled", out.Words); err != nil {
				return err
			}
		}
		// Whoever ends a delivery or puts one holds the head of the ledger, so that
		// none of the lines changes meanwhile.
		if _, err := o.ledger.AppendAll(ctx, tx, drafts); err != nil {
			return err
		}
		return o.settle(ctx, tx, outcomes)
	}))
}

// settle changes the rows of the deliveries.
func (o *Outbox) settle(ctx context.Context, tx store.Tx, outcomes []Outcome) error {
	type like struct {
		state  State
		status int
		words  string
	}
	same := map[like][]Outcome{}
	var ended []Delivery
	for _, out := range outcomes {
		if out.State == Open {
			if _, err := tx.NewUpdate().Model((*Delivery)(nil)).ModelTableExpr("deliveries").Set("lease = 0").Set("attempts = ?", out.Attempts).
				Set("last_at = ?", out.At.UnixMicro()).Set("last_status = ?", out.Status).Set("last_words = ?", out.Words).
				Set("next_at = ?", out.Next.UnixMicro()).Where("id = ?", out.Delivery.ID).Where("state = ?", Open).Exec(ctx); err != nil {
				return err
			}
			continue
		}
		key := like{out.State, out.Status, out.Words}
		same[key] = append(same[key], out)
		ended = append(ended, out.Delivery)
	}
	for key, some := range same {
		ids := make([]string, len(some))
		for i, out := range some {
			ids[i] = out.Delivery.ID
		}
		if _, err := tx.NewUpdate().Model((*Delivery)(nil)).ModelTableExpr("deliveries").Set("lease = 0").Set("head = 0").Set("attempts = attempts + 1").
			Set("state = ?", key.state).Set("last_at = ?", some[0].At.UnixMicro()).Set("last_status = ?", key.status).Set("last_words = ?", key.words).
			Where("id IN (?)", bun.List(ids)).Exec(ctx); err != nil {
			return err
		}
	}
	return o.promote(ctx, tx, ended)
}

// promote lets the first open one of each line be its head.
func (o *Outbox) promote(ctx context.Context, tx store.Tx, ended []Delivery) error {
	if len(ended) == 0 {
		return nil
	}
	var lines strings.Builder
	args := []any{o.org}
	for i, d := range ended {
		if i > 0 {
			lines.WriteString(", ")
		}
		lines.WriteString("(?, ?)")
		args = append(args, d.Endpoint, d.Object)
	}
	_, err := tx.NewRaw(`UPDATE deliveries SET head = 1 WHERE id IN (
		SELECT (SELECT d.id FROM deliveries AS d WHERE d.org = ? AND d.endpoint = line.column1 AND d.object = line.column2 AND d.state = 'open'
			ORDER BY d.seq LIMIT 1)
		FROM (VALUES `+lines.String()+`) AS line)`, args...).Exec(ctx)
	return err
}

// endpoint is one row of the endpoints that are not as the file says.
type endpoint struct {
	bun.BaseModel `bun:"table:endpoints,alias:e"`
	Org           string `bun:",pk"`
	Name          string `bun:",pk"`
	State         string
	Reason        string
	Since         int64
}

func (o *Outbox) setEndpoint(ctx context.Context, tx store.Tx, name, state, reason string) error {
	e := endpoint{Org: o.org, Name: name, State: state, Reason: reason, Since: o.now().UnixMicro()}
	_, err := tx.NewInsert().Model(&e).On("CONFLICT (org, name) DO UPDATE").Set("state = EXCLUDED.state").Set("reason = EXCLUDED.reason").Set("since = EXCLUDED.since").Exec(ctx)
	return err
}

// ErrNotDisabled says that an endpoint is not disabled.
var ErrNotDisabled = errors.New("it is not disabled")

// Enable lets an endpoint that was disabled get deliveries again.
func (o *Outbox) Enable(ctx context.Context, name string) error {
	return wrap("enable endpoint "+name, o.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		off, err := tx.NewSelect().Model((*endpoint)(nil)).Where("org = ?", o.org).Where("name = ?", name).Where("state = 'disabled'").Exists(ctx)
		if err != nil || !off {
			return cmp.Or(err, ErrNotDisabled)
		}
		if _, err := o.ledger.AppendTx(ctx, tx, KindEndpoint, name, map[string]string{"state": "active"}); err != nil {
			return err
		}
		return o.setEndpoint(ctx, tx, name, "active", "")
	}))
}

// Disabled lists the endpoints that want no more, with the reason.
func (o *Outbox) Disabled(ctx context.Context) (map[string]string, error) {
	var rows []endpoint
	if err := o.store.Read().NewSelect().Model(&rows).Where("org = ?", o.org).Where("state = 'disabled'").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read the endpoints: %w", err)
	}
	out := map[string]string{}
	for _, e := range rows {
		out[e.Name] = e.Reason
	}
	return out, nil
}

// Filter says which deliveries are wanted; what is zero wants any.
type Filter struct {
	State            State
	Endpoint, Object string
	Limit            int64 // the newest
}

// List lists deliveries, newest first.
func (o *Outbox) List(ctx context.Context, f Filter) ([]Delivery, error) {
	out := []Delivery{}
	q := o.store.Read().NewSelect().Model(&out).Where("org = ?", o.org).Order("seq DESC", "endpoint")
	if f.State != "" {
		q = q.Where(inState(f.State))
	}
	if f.Endpoint != "" {
		q = q.Where("endpoint = ?", f.Endpoint)
	}
	if f.Object != "" {
		q = q.Where("object = ?", f.Object)
	}
	if f.Limit > 0 {
		q = q.Limit(f.Limit)
	}
	return out, wrap("read the deliveries", q.Scan(ctx))
}

// inState is the condition on a state in the words of the index for it.
func inState(s State) (condition string, state State) {
	if s == Open {
		return "state = ?", s
	}
	return "state = ? AND state <> 'open'", s
}

// Count is how many deliveries are in a state.
func (o *Outbox) Count(ctx context.Context, state State) (int64, error) {
	n, err := o.store.Read().NewSelect().Model((*Delivery)(nil)).Where("org = ?", o.org).Where(inState(state)).Count(ctx)
	return n, wrap("count deliveries", err)
}

// ErrNoDelivery says that there is no delivery of an id.
var ErrNoDelivery = errors.New("there is no such delivery")

// Get reads one delivery.
func (o *Outbox) Get(ctx context.Context, id string) (Delivery, error) {
	d := Delivery{ID: id}
	err := o.store.Read().NewSelect().Model(&d).WherePK().Where("org = ?", o.org).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoDelivery
	}
	return d, wrap("delivery "+id, err)
}

// Replay sends a dead or delivered delivery again, byte for byte and with its id.
// It goes to the head of its line as soon as none of it is under way.
func (o *Outbox) Replay(ctx context.Context, id string) error {
	return o.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := o.ledger.AppendTx(ctx, tx, KindReplayed, id, map[string]string{}); err != nil {
			return wrap("replay delivery "+id, err)
		}
		d := Delivery{ID: id}
		if err := tx.NewSelect().Model(&d).WherePK().Where("org = ?", o.org).Scan(ctx); errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("delivery %s: %w", id, ErrNoDelivery)
		} else if err != nil {
			return wrap("replay delivery "+id, err)
		}
		if d.State == Open {
			return fmt.Errorf("delivery %s is not at its end: it is tried by itself", id)
		}
		now := o.now().UnixMicro()
		line := func(q *bun.UpdateQuery) *bun.UpdateQuery {
			return q.ModelTableExpr("deliveries").Where("org = ?", o.org).Where("endpoint = ?", d.Endpoint).Where("object = ?", d.Object)
		}
		busy, err := tx.NewSelect().Model((*Delivery)(nil)).Where("org = ?", o.org).Where("endpoint = ?", d.Endpoint).Where("object = ?", d.Object).
			Where("head = 1").Where("lease > ?", now).Exists(ctx)
		if err != nil {
			return wrap("replay delivery "+id, err)
		}
		if _, err := tx.NewUpdate().Model((*Delivery)(nil)).ModelTableExpr("deliveries").Set("state = ?", Open).Set("attempts = 0").Set("lease = 0").
			Set("created = ?", now).Set("next_at = ?", now).Where("id = ?", id).Exec(ctx); err != nil || busy {
			return wrap("replay delivery "+id, err)
		}
		if _, err := line(tx.NewUpdate().Model((*Delivery)(nil))).Set("head = 0").Where("head = 1").Exec(ctx); err != nil {
			return wrap("replay delivery "+id, err)
		}
		return wrap("replay delivery "+id, o.promote(ctx, tx, []Delivery{d}))
	})
}
