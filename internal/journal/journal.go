// Package journal keeps the runs of apply as files: one of JSON lines for each
// run, synced to disk line by line, and one lock for each org. From the runs it
// derives what planning has to remember.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/foresort/foresort/apply"
)

// Org is the journal of one org.
type Org struct{ dir string }

// Open names the journal of an org inside the state folder. Nothing is made on
// disk before it is needed.
func Open(state, orgID string) (*Org, error) {
	if orgID == "" || !filepath.IsLocal(orgID) || strings.ContainsAny(orgID, `/\`) {
		return nil, fmt.Errorf("open journal: %q is not the id of an organisation", orgID)
	}
	return &Org{dir: filepath.Join(state, orgID)}, nil
}

// HeldError says that another process applies to the same org just now.
type HeldError struct {
	PID   int       `json:"pid"` // 0: not known
	Since time.Time `json:"since"`
	Path  string    `json:"-"` // of the lock
}

// Error says who holds the lock and what to do.
func (e *HeldError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d, since %s", e.PID, e.Since.Local().Format("2006-01-02 15:04:05"))
	}
	return fmt.Sprintf("another apply to this organisation is under way (%s); wait until it ends (lock %s)", who, e.Path)
}

// Lock keeps every other apply to this org out until release is called or the
// process ends. Its error is a *HeldError where another one has it.
func (o *Org) Lock() (release func() error, err error) {
	if err := o.makeDirs(); err != nil {
		return nil, err
	}
	path, holder := filepath.Join(o.dir, "lock"), filepath.Join(o.dir, "holder.json")
	lock := flock.New(path, flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the journal: %w", err)
	}
	if !got {
		held := &HeldError{Path: path}
		if b, err := os.ReadFile(holder); err == nil {
			_ = json.Unmarshal(b, held) // without it the holder is just not named
		}
		return nil, held
	}
	b, err := json.Marshal(HeldError{PID: os.Getpid(), Since: time.Now().UTC()})
	if err == nil {
		err = os.WriteFile(holder, b, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the journal: %w", err), lock.Unlock())
	}
	return func() error { return errors.Join(os.Remove(holder), lock.Unlock()) }, nil
}

func (o *Org) runs() string { return filepath.Join(o.dir, "runs") }

func (o *Org) makeDirs() error {
	if _, err := os.Stat(o.runs()); err == nil {
		return nil
	}
	if err := os.MkdirAll(o.runs(), 0o700); err != nil {
		return fmt.Errorf("make the journal's folder: %w", err)
	}
	for _, dir := range []string{filepath.Dir(o.dir), o.dir} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a folder survive a crash.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // folders cannot be synced there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync the journal's folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Run is the open journal of one run.
type Run struct {
	ID     string
	file   *os.File
	end    int64 // of the last line that is on disk
	broken error // why no line can follow it
}

// Start makes the file of a new run. The caller holds the lock.
func (o *Org) Start() (*Run, error) {
	if err := o.makeDirs(); err != nil {
		return nil, err
	}
	for now := time.Now().UTC(); ; now = now.Add(time.Millisecond) {
		id := strings.Replace(now.Format("20060102-150405.000"), ".", "-", 1)
		f, err := os.OpenFile(o.path(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("start the journal of a run: %w", err)
		}
		if err := syncDir(o.runs()); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &Run{ID: id, file: f}, nil
	}
}

// Continue opens the file of a run that was cut off, to go on with it. What is
// left of a line that was being written is removed. The caller holds the lock.
func (o *Org) Continue(id string) (*Run, error) {
	b, err := os.ReadFile(o.path(id))
	if err != nil {
		return nil, fmt.Errorf("continue the journal of run %s: %w", id, err)
	}
	f, err := os.OpenFile(o.path(id), os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("continue the journal of run %s: %w", id, err)
	}
	whole := int64(bytes.LastIndexByte(b, '\n') + 1)
	if err := f.Truncate(whole); err != nil {
		return nil, errors.Join(fmt.Errorf("continue the journal of run %s: %w", id, err), f.Close())
	}
	if _, err := f.Seek(whole, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("continue the journal of run %s: %w", id, err), f.Close())
	}
	return &Run{ID: id, file: f, end: whole}, nil
}

func (o *Org) path(id string) string { return filepath.Join(o.runs(), id+".jsonl") }

// Append writes one line and returns once it is on disk. Where that fails, what
// was written of the line is taken back and no line is taken any more: nobody
// knows what the disk holds, and a line after a torn one could not be read.
func (r *Run) Append(e apply.Entry) error {
	if r.broken != nil {
		return fmt.Errorf("an earlier line could not be written: %w", r.broken)
	}
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	n, err := r.file.Write(append(b, '\n'))
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		r.broken = errors.Join(err, r.file.Truncate(r.end))
		return r.broken
	}
	r.end += int64(n)
	return nil
}

// Close closes the file.
func (r *Run) Close() error { return r.file.Close() }

// Damage is a run whose file cannot be read.
type Damage struct {
	Run  string `json:"run"`
	Path string `json:"path"`
	Err  error  `json:"-"` // with the line
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
	return strings.Join(parts, "; ") + "; what it did is not known: look at it, then move the file to another folder"
}

// Unwrap is why they cannot be read.
func (e *DamagedError) Unwrap() []error {
	errs := make([]error, len(e.Runs))
	for i, d := range e.Runs {
		errs[i] = d.Err
	}
	return errs
}

// Runs reads all runs, oldest first. The notes say in words what could not be
// counted: a line that was being written when the process ended. Beside a
// *DamagedError it returns the runs that can be read.
func (o *Org) Runs() (runs []apply.Record, notes []string, err error) {
	files, err := os.ReadDir(o.runs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the journal: %w", err)
	}
	var damaged []Damage
	for _, f := range files {
		id, is := strings.CutSuffix(f.Name(), ".jsonl")
		if !is {
			continue
		}
		entries, torn, err := readRun(o.path(id))
		if err != nil {
			damaged = append(damaged, Damage{Run: id, Path: o.path(id), Err: err})
			continue
		}
		if torn {
			notes = append(notes, fmt.Sprintf("run %s: its last line was cut off and does not count: the process ended while it was being written", id))
		}
		if len(entries) == 0 {
			continue // it ended before its first line, so it did nothing
		}
		rec, err := apply.Replay(id, entries)
		if err != nil {
			damaged = append(damaged, Damage{Run: id, Path: o.path(id), Err: err})
			continue
		}
		runs = append(runs, rec)
	}
	slices.SortStableFunc(runs, func(a, b apply.Record) int { return a.Started.Compare(b.Started) })
	if len(damaged) > 0 {
		return runs, notes, &DamagedError{damaged}
	}
	return runs, notes, nil
}

// readRun reads the lines of one file. Only the last line can be torn: the
// others were synced before the next began.
func readRun(path string) (entries []apply.Entry, torn bool, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	for n := 1; len(b) > 0; n++ {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		b = rest
		var e apply.Entry
		if !whole {
			return entries, true, nil
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, false, fmt.Errorf("%s:%d is damaged: %w", path, n, err)
		}
		entries = append(entries, e)
	}
	return entries, false, nil
}
