package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// This file proves a ledger, or names the first entry that is not as it was.

// Verdict is what became of a proof.
type Verdict struct {
	Entries     int64  `json:"entries"`     // that were looked at
	Checkpoints int    `json:"checkpoints"` // that agree
	Hash        string `json:"hash"`        // of the last entry
	Unsigned    int64  `json:"unsigned"`    // entries after the last checkpoint
	// Keys are the public keys that signed.
	Keys []string `json:"keys"`
	// Bad is the first entry that is not as it was; 0: every one is. Problem says
	// what is wrong.
	Bad     int64  `json:"bad,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// OK says that everything is as it was written.
func (v Verdict) OK() bool { return v.Problem == "" }

// Verify goes through the whole chain, as it is at one moment: others may go on
// writing. kept are checkpoints that were kept elsewhere; those beside the ledger
// are looked at as well. The error says that the ledger could not be read.
func (l *Ledger) Verify(ctx context.Context, kept ...Checkpoint) (Verdict, error) {
	p := &proof{org: l.org, marks: map[int64]string{}}
	err := l.store.Snapshot(ctx, func(ctx context.Context, db bun.IDB) error {
		beside, err := l.checkpoints(ctx, db)
		if err != nil {
			return err
		}
		h := head{Org: l.org}
		if err := db.NewSelect().Model(&h).WherePK().Scan(ctx); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read the ledger: %w", err)
		}
		for _, c := range append(slices.Clone(kept), beside...) {
			p.take(c)
		}
		for r, err := range l.rows(ctx, db, Filter{}) {
			if err != nil {
				return err
			}
			if !p.next(r) {
				return nil
			}
		}
		p.end(h)
		return nil
	})
	return p.Verdict, err
}

// proof is a proof under way.
type proof struct {
	Verdict
	org   string
	marks map[int64]string // by entry: how its hash begins
	ends  []int64          // of the checkpoints
	first string           // what is wrong with a checkpoint itself
}

// take holds a checkpoint against the others.
func (p *proof) take(c Checkpoint) {
	switch err := c.Check(); {
	case err != nil:
		p.first = err.Error()
		return
	case c.Org != p.org:
		p.first = fmt.Sprintf("a checkpoint is of another organisation, %s", c.Org)
		return
	case int64(len(c.Marks)) > c.Seq || len(c.Marks) == 0 || len(c.Hash) < mark || c.Marks[len(c.Marks)-1] != c.Hash[:mark]:
		p.first = fmt.Sprintf("the checkpoint at entry %d contradicts itself", c.Seq)
		return
	}
	for i, m := range c.Marks {
		seq := c.Seq - int64(len(c.Marks)) + 1 + int64(i)
		had, ok := p.marks[seq]
		if !ok { // those that were kept elsewhere come first
			p.marks[seq] = m
		} else if had != m && p.first == "" {
			p.first = fmt.Sprintf("two checkpoints do not agree about entry %d", seq)
		}
	}
	if !slices.Contains(p.Keys, c.Key) {
		p.Keys = append(p.Keys, c.Key)
	}
	if !slices.Contains(p.ends, c.Seq) {
		p.ends = append(p.ends, c.Seq)
	}
}

func (p *proof) fail(seq int64, format string, args ...any) bool {
	p.Bad, p.Problem = seq, fmt.Sprintf(format, args...)
	return false
}

// next looks at an entry; false ends the proof.
func (p *proof) next(r row) bool {
	want := p.Entries + 1
	switch signed, known := p.marks[want]; {
	case r.Seq != want:
		return p.fail(want, "entry %d is missing: after %d comes %d", want, p.Entries, r.Seq)
	case r.hash(p.Hash) != r.Hash:
		return p.fail(want, "entry %d is not as it was written, or not where it was: its hash does not fit it and the entry before", want)
	case known && r.Hash[:mark] != signed:
		return p.fail(want, "entry %d is not the one that was signed: it was changed, and the hashes from there on made anew", want)
	}
	p.Entries, p.Hash = want, r.Hash
	if slices.Contains(p.ends, want) {
		p.Checkpoints++
		p.Unsigned = 0
	} else {
		p.Unsigned++
	}
	return true
}

// end looks at what must follow the last entry.
func (p *proof) end(h head) {
	var signed int64
	for _, seq := range p.ends {
		signed = max(signed, seq)
	}
	switch {
	case signed > p.Entries:
		p.fail(p.Entries+1, "entry %d is missing: %d were signed and there are %d", p.Entries+1, signed, p.Entries)
	case h.Seq > p.Entries:
		p.fail(p.Entries+1, "entry %d is missing: the ledger had %d and there are %d", p.Entries+1, h.Seq, p.Entries)
	case h.Seq < p.Entries || h.Hash != p.Hash:
		p.fail(p.Entries, "the ledger's head, entry %d, does not fit its last entry, %d", h.Seq, p.Entries)
	case p.first != "":
		p.Problem = p.first
	}
}

// ErrDamaged says that a ledger is not as it was written.
var ErrDamaged = errors.New("the ledger is not as it was written")
