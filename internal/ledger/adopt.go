package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/store"
)

// This file reads in the journals that were kept as files, once.

// KindAdopted is the entry that follows the entries of a run that were read in
// from a file: its body is an Adopted, the subject the run.
const KindAdopted Kind = "adopted"

// Adopted tells where a run was read in from.
type Adopted struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Torn   bool   `json:"torn,omitempty"` // its last line was cut off and does not count
}

// adoptedName is what the folder of files is called once they are in the ledger.
const adoptedName = "runs.adopted"

// Adopt takes the runs that are files in a folder of an organisation into the
// ledger, and renames the folder. Notes say in words what did not count. Nothing
// is taken where a file is damaged. The caller holds the lock.
func (l *Ledger) Adopt(ctx context.Context, dir string) (notes []string, err error) {
	from := filepath.Join(dir, "runs")
	files, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	err = l.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		for _, f := range files {
			id, is := strings.CutSuffix(f.Name(), ".jsonl")
			if !is {
				continue
			}
			if there, err := l.has(ctx, KindAdopted, id); err != nil || there {
				if err != nil {
					return err
				}
				continue
			}
			note, err := l.adoptRun(ctx, tx, id, filepath.Join(from, f.Name()))
			if err != nil {
				return err
			}
			if note != "" {
				notes = append(notes, note)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := os.Rename(from, filepath.Join(dir, adoptedName)); err != nil {
		return notes, fmt.Errorf("put the journal's files aside, which are in the ledger now: %w", err)
	}
	return notes, nil
}

// adoptRun takes one file. Only its last line can be torn: the others were
// synced before the next began.
func (l *Ledger) adoptRun(ctx context.Context, tx store.Tx, id, path string) (note string, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	a := Adopted{File: path, SHA256: hex.EncodeToString(sum[:])}
	var entries []apply.Entry
	for n, rest := 1, b; len(rest) > 0; n++ {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		rest = more
		var e apply.Entry
		if !whole {
			a.Torn = true
			note = fmt.Sprintf("run %s: its last line was cut off and does not count: the process ended while it was being written", id)
			break
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return "", fmt.Errorf("%s:%d is damaged: %w; what the run did is not known: look at it, then move the file to another folder", path, n, err)
		}
		entries = append(entries, e)
	}
	if len(entries) > 0 {
		if _, err := apply.Replay(id, slices.Clone(entries)); err != nil {
			return "", fmt.Errorf("%s: %w; move the file to another folder", path, err)
		}
	}
	for _, e := range entries {
		if _, err := l.AppendTx(ctx, tx, KindRun, id, e); err != nil {
			return "", err
		}
	}
	_, err = l.AppendTx(ctx, tx, KindAdopted, id, a)
	return note, err
}
