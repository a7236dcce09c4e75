package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/foresort/foresort/internal/store"
)

// This file keeps which reports the calendar has brought, so that each is made once.

// KindReport is a report that was made by the calendar; the subject is its strategy
// and the end of its period, the body a Reported.
const KindReport Kind = "report"

// Reported is a report that was made.
type Reported struct {
	Strategy string    `json:"strategy"`
	Every    string    `json:"every"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Format   string    `json:"format"`
	File     string    `json:"file,omitempty"`     // that it was written to
	Endpoint string    `json:"endpoint,omitempty"` // that it is delivered to
	SHA256   string    `json:"sha256"`
}

// LastReport is the newest report of a strategy of a period that had ended by now;
// nil: there is none. A clock that was ahead may have brought some that had not.
func (l *Ledger) LastReport(ctx context.Context, strategy string, now time.Time) (last *Reported, err error) {
	err = l.each(ctx, KindReport, func(e Entry) error {
		var r Reported
		if err := json.Unmarshal(e.Body, &r); err != nil {
			return err
		}
		if r.Strategy == strategy && !r.To.After(now) && (last == nil || !r.To.Before(last.To)) {
			last = &r
		}
		return nil
	})
	return last, err
}

// Report notes that a report was made, and does something else in the same
// transaction; nil: nothing. Where one of the period is noted already it does
// neither, and first is false.
func (l *Ledger) Report(ctx context.Context, r Reported, also func(ctx context.Context, tx store.Tx, e Entry) error) (first bool, err error) {
	subject := r.Strategy + " " + r.To.UTC().Format(time.RFC3339)
	err = l.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		e, err := l.AppendTx(ctx, tx, KindReport, subject, r) // from here on nobody else appends
		if err != nil {
			return err
		}
		there, err := tx.NewSelect().Model((*row)(nil)).Where("org = ?", l.org).Where("kind = ?", KindReport).Where("subject = ?", subject).Where("seq < ?", e.Seq).Exists(ctx)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if there {
			return errReported
		}
		if also != nil {
			return also(ctx, tx, e)
		}
		return nil
	})
	if errors.Is(err, errReported) {
		return false, nil
	}
	return err == nil, err
}

var errReported = errors.New("the report is made already")
