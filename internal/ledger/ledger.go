// Package ledger is the record of an organisation: entries go in and are never
// changed, each carries a hash of itself and of the one before, and signed
// checkpoints say what the chain was. So it can tell whether anything in it was
// changed, and where first. The journal of apply is kept in it.
package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/foresort/foresort/internal/store"
)

// Kind says what an entry is about.
type Kind string

// The kinds of entry.
const (
	KindRun Kind = "run" // one entry of the journal of apply; the subject is the run
)

// Entry is one entry.
type Entry struct {
	Seq     int64           `json:"seq"` // from 1, without a gap
	At      time.Time       `json:"at"`  // to the microsecond
	Kind    Kind            `json:"kind"`
	Subject string          `json:"subject"`
	Body    json.RawMessage `json:"body"`
	Hash    string          `json:"hash"` // SHA-256 in hex
}

// Ledger is the record of one organisation in a store.
type Ledger struct {
	store *store.Store
	org   string
	now   func() time.Time
}

// New is the ledger of an organisation.
func New(s *store.Store, org string) *Ledger { return &Ledger{store: s, org: org, now: time.Now} }

// Org is the id of the organisation.
func (l *Ledger) Org() string { return l.org }

// row is an entry as the database holds it.
type row struct {
	bun.BaseModel `bun:"table:ledger,alias:l"`
	Org           string `bun:",pk"`
	Seq           int64  `bun:",pk"`
	At            int64
	Kind          Kind
	Subject       string
	Body          string
	Hash          string
}

// head is the last entry of an organisation.
type head struct {
	bun.BaseModel `bun:"table:ledger_heads,alias:h"`
	Org           string `bun:",pk"`
	Seq           int64
	Hash          string
}

func (r row) entry() Entry {
	return Entry{Seq: r.Seq, At: time.UnixMicro(r.At).UTC(), Kind: r.Kind, Subject: r.Subject, Body: json.RawMessage(r.Body), Hash: r.Hash}
}

// hash is that of the entry and of the hash before it. Every part that can have
// any length has its length before it, so that no two entries read the same.
func (r row) hash(before string) string {
	h := sha256.New()
	fmt.Fprintf(h, "foresort ledger 1\n%d:%s\n%d\n%d\n%d:%s\n%d:%s\n%d:%s\n%s",
		len(r.Org), r.Org, r.Seq, r.At, len(r.Kind), r.Kind, len(r.Subject), r.Subject, len(r.Body), r.Body, before)
	return hex.EncodeToString(h.Sum(nil))
}

// Append adds an entry, which is on disk when it returns.
func (l *Ledger) Append(ctx context.Context, kind Kind, subject string, body any) (e Entry, err error) {
	err = l.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		e, err = l.AppendTx(ctx, tx, kind, subject, body)
		return err
	})
	return e, err
}

// AppendTx adds an entry within a transaction. Others that append to the same
// organisation wait until it has ended.
func (l *Ledger) AppendTx(ctx context.Context, tx store.Tx, kind Kind, subject string, body any) (Entry, error) {
	all, err := l.AppendAll(ctx, tx, []Draft{{kind, subject, body}})
	if err != nil {
		return Entry{}, err
	}
	return all[0], nil
}

// Draft is an entry that is to be added. Body becomes JSON.
type Draft struct {
	Kind    Kind
	Subject string
	Body    any
}

// AppendAll adds entries, in their order, as AppendTx does.
func (l *Ledger) AppendAll(ctx context.Context, tx store.Tx, entries []Draft) ([]Entry, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	last, err := l.head(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("append to the ledger: %w", err)
	}
	rows, out := make([]row, len(entries)), make([]Entry, len(entries))
	for i, e := range entries {
		b, err := json.Marshal(e.Body)
		if err != nil {
			return nil, fmt.Errorf("append to the ledger: %w", err)
		}
		r := row{Org: l.org, Seq: last.Seq + 1, At: l.now().UnixMicro(), Kind: e.Kind, Subject: e.Subject, Body: string(b)}
		r.Hash = r.hash(last.Hash)
		last.Seq, last.Hash = r.Seq, r.Hash
		rows[i], out[i] = r, r.entry()
	}
	for some := range slices.Chunk(rows, page) {
		if _, err := tx.NewInsert().Model(&some).Exec(ctx); err != nil {
			return nil, fmt.Errorf("append to the ledger: %w", err)
		}
	}
	if _, err := tx.NewUpdate().Model(&last).WherePK().Exec(ctx); err != nil {
		return nil, fmt.Errorf("append to the ledger: %w", err)
	}
	return out, nil
}

// head is the last entry, held until the transaction ends.
func (l *Ledger) head(ctx context.Context, tx store.Tx) (head, error) {
	h := head{Org: l.org}
	if _, err := tx.NewInsert().Model(&h).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
		return h, err
	}
	q := tx.NewSelect().Model(&h).WherePK()
	if l.store.Postgres() {
		q = q.For("UPDATE")
	}
	return h, q.Scan(ctx)
}

// Head is how many entries there are.
func (l *Ledger) Head(ctx context.Context) (int64, error) {
	h := head{Org: l.org}
	err := l.store.Read().NewSelect().Model(&h).WherePK().Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return h.Seq, err
}

// Filter says which entries are wanted; what is zero wants any.
type Filter struct {
	Kind    Kind
	Subject string
	After   int64     // entries with a greater Seq
	Since   time.Time // entries of that time or later
}

// page is how many entries are read at once.
const page = 1000

// Entries lists entries, oldest first.
func (l *Ledger) Entries(ctx context.Context, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for r, err := range l.rows(ctx, l.store.Read(), f) {
			if !yield(r.entry(), err) || err != nil {
				return
			}
		}
	}
}

func (l *Ledger) rows(ctx context.Context, db bun.IDB, f Filter) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for after := f.After; ; {
			var rows []row
			q := db.NewSelect().Model(&rows).Where("org = ?", l.org).Where("seq > ?", after).Order("seq").Limit(page)
			if f.Kind != "" {
				q = q.Where("kind = ?", f.Kind)
			}
			if f.Subject != "" {
				q = q.Where("subject = ?", f.Subject)
			}
			if !f.Since.IsZero() {
				q = q.Where("at >= ?", f.Since.UnixMicro())
			}
			if err := q.Scan(ctx); err != nil {
				yield(row{}, fmt.Errorf("read the ledger: %w", err))
				return
			}
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
				after = r.Seq
			}
			if len(rows) < page {
				return
			}
		}
	}
}
