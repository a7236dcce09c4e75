package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/foresort/foresort/apply"
)

// This file takes some entries out of a ledger so that whoever gets them can
// prove them without it, and learns nothing of the others.

// Proven is an entry as it was hashed, with the hash of the one before: its own
// hash can be made anew from it.
type Proven struct {
	Org     string `json:"org"`
	Seq     int64  `json:"seq"`
	At      int64  `json:"at"` // microseconds since 1970
	Kind    Kind   `json:"kind"`
	Subject string `json:"subject"`
	Body    string `json:"body"`   // byte for byte
	Before  string `json:"before"` // hash of the entry before; empty: it is the first
	Hash    string `json:"hash"`
}

// Extract takes out the entries that are wanted, and the checkpoints that have
// marks of them. The newest entries may have none yet: Sign makes one.
func (l *Ledger) Extract(ctx context.Context, wanted func(Entry) bool) (entries []Proven, checkpoints []Checkpoint, err error) {
	err = l.store.Snapshot(ctx, func(ctx context.Context, db bun.IDB) error {
		before := ""
		for r, err := range l.rows(ctx, db, Filter{}) {
			if err != nil {
				return err
			}
			if wanted(r.entry()) {
				entries = append(entries, Proven{r.Org, r.Seq, r.At, r.Kind, r.Subject, r.Body, before, r.Hash})
			}
			before = r.Hash
		}
		all, err := l.checkpoints(ctx, db)
		for _, c := range all {
			if slices.ContainsFunc(entries, func(p Proven) bool { return c.markOf(p.Seq) != "" }) {
				checkpoints = append(checkpoints, c)
			}
		}
		return err
	})
	return entries, checkpoints, err
}

// markOf is how the hash of an entry begins by the checkpoint; empty: it does not
// say.
func (c Checkpoint) markOf(seq int64) string {
	i := int64(len(c.Marks)) - 1 - (c.Seq - seq)
	if seq < 1 || seq > c.Seq || i < 0 {
		return ""
	}
	return c.Marks[i]
}

// CheckExtract proves entries that were taken out of a ledger: each hash is made
// anew and is what a signed checkpoint says of it. It returns the public keys that
// signed; whose they are is for the reader to know. Its error names the first
// entry that is not as it was written.
func CheckExtract(entries []Proven, checkpoints []Checkpoint) (keys []string, err error) {
	marks := map[int64]string{}
	for _, c := range checkpoints {
		if err := c.Check(); err != nil {
			return nil, err
		}
		if !slices.Contains(keys, c.Key) {
			keys = append(keys, c.Key)
		}
		for _, e := range entries {
			if m := c.markOf(e.Seq); m != "" && c.Org == e.Org {
				marks[e.Seq] = m
			}
		}
	}
	for _, e := range entries {
		r := row{Org: e.Org, Seq: e.Seq, At: e.At, Kind: e.Kind, Subject: e.Subject, Body: e.Body, Hash: e.Hash}
		switch m := marks[e.Seq]; {
		case r.hash(e.Before) != e.Hash:
			return keys, fmt.Errorf("entry %d is not as it was written: its hash does not fit it", e.Seq)
		case m == "":
			return keys, fmt.Errorf("entry %d is in no signed checkpoint", e.Seq)
		case len(m) != mark || e.Hash[:mark] != m:
			return keys, fmt.Errorf("entry %d is not the one that was signed", e.Seq)
		}
	}
	return keys, nil
}

// RunsOf puts the runs together that entries tell of, in the order in which they
// began.
func RunsOf(entries []Proven) (runs []apply.Record, err error) {
	var ids []string
	of := map[string][]apply.Entry{}
	for _, e := range entries {
		if e.Kind != KindRun {
			continue
		}
		var in apply.Entry
		if err := json.Unmarshal([]byte(e.Body), &in); err != nil {
			return nil, fmt.Errorf("read entry %d: %w", e.Seq, err)
		}
		if of[e.Subject] == nil {
			ids = append(ids, e.Subject)
		}
		of[e.Subject] = append(of[e.Subject], in)
	}
	for _, id := range ids {
		r, err := apply.Replay(id, of[id])
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// KindEvidence is an evidence pack that was made; the subject is its run, the body a
// Sealed.
const KindEvidence Kind = "evidence"

// Sealed says which files an evidence pack was made of.
type Sealed struct {
	Foresort string            `json:"foresort"` // the version that made it
	Files    map[string]string `json:"files"`    // SHA-256 in hex, by name
}

// Seal proves the files of a pack: the entry that has their hashes, and the signed
// checkpoint that says which entry that was.
type Seal struct {
	Entry      Proven     `json:"entry"`
	Checkpoint Checkpoint `json:"checkpoint"`
}

// Check proves a seal, and tells what it says. Whose key signed it is for the reader to
// know.
func (s Seal) Check() (of Sealed, err error) {
	if s.Entry.Kind != KindEvidence {
		return of, fmt.Errorf("entry %d is no seal of an evidence pack", s.Entry.Seq)
	}
	if _, err = CheckExtract([]Proven{s.Entry}, []Checkpoint{s.Checkpoint}); err == nil {
		err = json.Unmarshal([]byte(s.Entry.Body), &of)
	}
	return of, err
}

// KindForecast is what a simulation expected of a plan; the subject is its
// fingerprint, the body a Forecast.
const KindForecast Kind = "forecast"

// Forecast is what was expected, in words.
type Forecast struct {
	At           time.Time `json:"at,omitzero"` // of its entry
	Scenario     string    `json:"scenario"`
	Verdict      []string  `json:"verdict"`
	Notes        []string  `json:"notes"`
	Replications int       `json:"replications"`
}

// Foretell keeps what was expected of a plan.
func (l *Ledger) Foretell(ctx context.Context, fingerprint string, f Forecast) error {
	_, err := l.Append(ctx, KindForecast, fingerprint, f)
	return err
}

// Foretold is what was last expected of a plan; nil: nothing was.
func (l *Ledger) Foretold(ctx context.Context, fingerprint string) (last *Forecast, err error) {
	for e, err := range l.Entries(ctx, Filter{Kind: KindForecast, Subject: fingerprint}) {
		if err != nil {
			return nil, err
		}
		f := Forecast{}
		if err := json.Unmarshal(e.Body, &f); err != nil {
			return nil, fmt.Errorf("entry %d of the ledger is damaged: %w", e.Seq, err)
		}
		f.At, last = e.At, &f
	}
	return last, nil
}
