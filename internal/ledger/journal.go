package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/store"
)

// This file is the journal of apply: its entries are entries of the ledger.

// Run is the open journal of one run.
type Run struct {
	ID string
	// Approvals are those that hold, by their entries: the run's beginning names them.
	Approvals []int64
	// Holds says, before what is about to be written goes into the journal, whether
	// the caller still has the lock; nil: it is not asked.
	Holds func(context.Context) error
	l     *Ledger
}

// patience is how long an entry may take to be written.
const patience = time.Minute

// Append returns once the entry is on disk.
func (r *Run) Append(e apply.Entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if e.Intent != nil && r.Holds != nil {
		if err := r.Holds(ctx); err != nil {
			return err
		}
	}
	entries := []Draft{{KindRun, r.ID, e}}
	if e.Begin != nil && len(r.Approvals) > 0 {
		entries = append(entries, Draft{KindApproved, r.ID, Approved{r.Approvals}})
	}
	err := r.l.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := r.l.AppendAll(ctx, tx, entries)
		return err
	})
	if err == nil && e.Begin != nil {
		r.Approvals = nil // a second beginning is that of the undoing
	}
	return err
}

// Start names a new run. The caller holds the lock.
func (l *Ledger) Start(ctx context.Context) (*Run, error) {
	for now := l.now().UTC(); ; now = now.Add(time.Millisecond) {
		id := strings.Replace(now.Format("20060102-150405.000"), ".", "-", 1)
		taken, err := l.has(ctx, KindRun, id)
		if err != nil {
			return nil, err
		}
		if !taken {
			return &Run{ID: id, l: l}, nil
		}
	}
}

// Continue goes on with a run that was cut off. The caller holds the lock.
func (l *Ledger) Continue(id string) *Run { return &Run{ID: id, l: l} }

func (l *Ledger) has(ctx context.Context, kind Kind, subject string) (bool, error) {
	is, err := l.store.Read().NewSelect().Model((*row)(nil)).Where("org = ?", l.org).Where("kind = ?", kind).Where("subject = ?", subject).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("read the ledger: %w", err)
	}
	return is, nil
}

// Damage is a run that cannot be read.
type Damage struct {
	Run string `json:"run"`
	Err error  `json:"-"` // with the entry
}

// DamagedError names the runs that cannot be read. What they did is not known,
// so nothing may be planned or applied on the others alone.
type DamagedError struct{ Runs []Damage }

// Error says which they are and what to do.
func (e *DamagedError) Error() string {
	parts := make([]string, len(e.Runs))
	for i, d := range e.Runs {
		parts[i] = fmt.Sprintf("read the journal of run %s: %v", d.Run, d.Err)
	}
	return strings.Join(parts, "; ") + "; what it did is not known: `foresort audit verify` says where the ledger was changed; restore the database from a copy"
}

// Unwrap is why they cannot be read.
func (e *DamagedError) Unwrap() []error {
	errs := make([]error, len(e.Runs))
	for i, d := range e.Runs {
		errs[i] = d.Err
	}
	return errs
}

// Runs reads all runs, oldest first. Beside a *DamagedError it returns the runs
// that can be read.
func (l *Ledger) Runs(ctx context.Context) ([]apply.Record, error) {
	return l.Follow().Runs(ctx)
}

// Follower reads the runs again and again, each time only what is new.
type Follower struct {
	l       *Ledger
	after   int64
	order   []string        // of runs
	moved   map[string]bool // runs with entries that were not put together yet
	entries map[string][]apply.Entry
	records map[string]apply.Record
	broken  map[string]error // entries that cannot be read
	failed  map[string]error // runs that cannot be put together
}

// Follow begins to follow the runs.
func (l *Ledger) Follow() *Follower {
	return &Follower{l: l, entries: map[string][]apply.Entry{}, records: map[string]apply.Record{}, broken: map[string]error{}, failed: map[string]error{}, moved: map[string]bool{}}
}

// Runs is as Ledger.Runs.
func (f *Follower) Runs(ctx context.Context) (runs []apply.Record, err error) {
	for e, err := range f.l.Entries(ctx, Filter{Kind: KindRun, After: f.after}) {
		if err != nil {
			return nil, err
		}
		var in apply.Entry
		if err := json.Unmarshal(e.Body, &in); err != nil {
			f.broken[e.Subject] = errors.Join(f.broken[e.Subject], fmt.Errorf("entry %d of the ledger is damaged: %w", e.Seq, err))
		}
		if _, known := f.entries[e.Subject]; !known {
			f.order = append(f.order, e.Subject)
		}
		f.entries[e.Subject] = append(f.entries[e.Subject], in)
		f.after, f.moved[e.Subject] = e.Seq, true
	}
	for id := range f.moved {
		rec, err := apply.Replay(id, f.entries[id])
		f.records[id] = rec
		if err = errors.Join(f.broken[id], err); err != nil {
			f.failed[id] = err
		} else {
			delete(f.failed, id)
		}
	}
	clear(f.moved)
	var damaged []Damage
	for _, id := range f.order {
		if err := f.failed[id]; err != nil {
			damaged = append(damaged, Damage{Run: id, Err: err})
			continue
		}
		runs = append(runs, f.records[id])
	}
	slices.SortStableFunc(runs, func(a, b apply.Record) int { return a.Started.Compare(b.Started) })
	if len(damaged) > 0 {
		return runs, &DamagedError{damaged}
	}
	return runs, nil
}

var _ apply.Journal = (*Run)(nil)
