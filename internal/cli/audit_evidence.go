package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/report"
)

// This file checks the folder of an evidence pack.

// checkedEvidence is what is told of a pack that was checked.
type checkedEvidence struct {
	OK      bool     `json:"ok"`
	Folder  string   `json:"folder"`
	Entries int      `json:"entries"` // of the ledger, each the one that was signed
	Keys    []string `json:"keys"`    // fingerprints
	Sealed  *sealed  `json:"sealed"`  // null: an older pack, whose files are not all proven
	Problem string   `json:"problem,omitempty"`
}

// sealed is when, and with what, all files of a pack were as they are.
type sealed struct {
	At       time.Time `json:"at"`
	Entry    int64     `json:"entry"` // of the ledger
	Foresort string    `json:"foresort"`
	Files    int       `json:"files"`
	Key      string    `json:"key"` // fingerprint
}

// checkEvidence checks the folder of a pack.
func (s *shell) checkEvidence(folder string) error {
	const makes = "foresort report --change RUN --out FOLDER makes one"
	if is, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return invalid(makes, "there is no folder %s", folder)
	} else if err == nil && !is.IsDir() {
		return invalid("name the folder of the pack", "%s is a file", folder)
	}
	listed, err := os.ReadDir(folder)
	if err != nil {
		return invalid("name the folder of the pack", "it cannot be read: %w", err)
	}
	if !slices.ContainsFunc(listed, func(f os.DirEntry) bool { return f.Name() == report.PackSums }) {
		return invalid(makes, "%s is no evidence pack: it has no %s", folder, report.PackSums)
	}
	files := map[string][]byte{}
	for _, f := range listed {
		path := filepath.Join(folder, f.Name())
		if f.IsDir() {
			return invalid("take it out, or name the folder that Foresort made", "%s is a folder, and a pack has none", path)
		}
		if is, err := os.Stat(path); err == nil && !is.Mode().IsRegular() { // to read it may take forever
			return invalid("take it out, or name the folder that Foresort made", "%s is no file", path)
		}
		if files[f.Name()], err = os.ReadFile(path); err != nil {
			return invalid("a pack has files alone, which whoever checks it can read", "it cannot be read: %w", err)
		}
	}
	out, problem := provePack(files)
	out.OK, out.Folder = problem == nil, folder
	if problem != nil {
		out.Problem = problem.Error()
	}
	if err := s.print(out, out.text); err != nil {
		return err
	}
	if problem != nil {
		return &failure{code: exitFailed, err: fmt.Errorf("%s: %s", folder, sheet.Plain(problem.Error()))}
	}
	return nil
}

func (c checkedEvidence) text(w io.Writer, p paint) error {
	if !c.OK {
		_, err := fmt.Fprintf(w, "%s %s.\n", c.Folder, p.red("is not as it was written"))
		return err
	}
	fmt.Fprintf(w, "%s %s: %s, each as it was signed by key %s.\n", c.Folder, p.green("is as it was written"), phrase.Count(c.Entries, "entry"), strings.Join(c.Keys, ", "))
	if c.Sealed != nil {
		another := ""
		if !slices.Contains(c.Keys, c.Sealed.Key) {
			another = ", which signed none of those entries" + p.yellow(": another machine made the pack, or somebody else")
		}
		fmt.Fprintf(w, "All %s are as foresort %s made them by %s: entry %d of the ledger has their hashes, signed by key %s%s.\n",
			phrase.Count(c.Sealed.Files, "file"), sheet.Plain(c.Sealed.Foresort), c.Sealed.At.Format("2006-01-02 15:04:05 UTC"), c.Sealed.Entry, c.Sealed.Key, another)
	} else {
		fmt.Fprintf(w, "It has %s, as packs of older versions: files that are not made of these entries, such as %s, are proven by nothing but %s, which whoever made the folder could make anew.\n",
			p.yellow("no seal"), report.PackPage, report.PackSums)
	}
	_, err := fmt.Fprintln(w, "Compare each key with foresort audit key on the machine that applied.")
	return err
}

// provePack proves the files of a pack and the entries in it.
func provePack(files map[string][]byte) (out checkedEvidence, err error) {
	out.Keys = []string{}
	if err := report.CheckPack(files); err != nil {
		return out, err
	}
	var all []ledger.Proven
	dec := json.NewDecoder(bytes.NewReader(files[report.PackEntries]))
	for dec.More() {
		var e ledger.Proven
		if err := dec.Decode(&e); err != nil {
			return out, fmt.Errorf("%s: %w", report.PackEntries, err)
		}
		all = append(all, e)
	}
	checkpoints, err := ledger.ReadCheckpoints(files[report.PackCheckpoints])
	if err != nil {
		return out, err
	}
	keys, err := ledger.CheckExtract(all, checkpoints)
	out.Entries, out.Keys = len(all), fingerprints(keys)
	if err != nil {
		return out, err
	}
	var since report.Since
	if body, there := files[report.PackLater]; there {
		if err := json.Unmarshal(body, &since); err != nil {
			return out, fmt.Errorf("%s: %w", report.PackLater, err)
		}
		if files[report.PackSeal] == nil { // both came in the same version
			return out, fmt.Errorf("%s is missing", report.PackSeal)
		}
	}
	run, later, err := runsOf(all, since.Run)
	if err != nil {
		return out, fmt.Errorf("%s: %w", report.PackEntries, err)
	}
	if err := report.CheckRun(files, run, later); err != nil || files[report.PackSeal] == nil {
		return out, err
	}
	out.Sealed, err = checkSeal(files, all[0].Org, run.ID)
	return out, err
}

// runsOf finds a run, and those after it, among the entries of a pack; without an id
// they are of one run.
func runsOf(entries []ledger.Proven, id string) (run apply.Record, later []apply.Record, err error) {
	runs, err := ledger.RunsOf(entries)
	if err != nil {
		return run, nil, err
	}
	i := slices.IndexFunc(runs, func(r apply.Record) bool { return r.ID == id })
	switch {
	case len(runs) == 0:
		return run, nil, errors.New("it is of no run")
	case id == "" && len(runs) > 1:
		return run, nil, fmt.Errorf("it is of two runs, %s and %s", runs[0].ID, runs[1].ID)
	case id == "":
		i = 0
	case i < 0:
		return run, nil, fmt.Errorf("it is not of run %s", id)
	}
	return runs[i], slices.Delete(slices.Clone(runs), i, i+1), nil
}

// checkSeal proves the seal of a pack, and its files by it.
func checkSeal(files map[string][]byte, org, run string) (*sealed, error) {
	var seal ledger.Seal
	if err := json.Unmarshal(files[report.PackSeal], &seal); err != nil {
		return nil, fmt.Errorf("%s: %w", report.PackSeal, err)
	}
	of, err := seal.Check()
	text, errText := sealText(seal)
	switch err := errors.Join(err, errText); {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", report.PackSeal, err)
	case !bytes.Equal(text, files[report.PackSeal]):
		return nil, fmt.Errorf("%s is not as it was written", report.PackSeal)
	case seal.Entry.Org != org || seal.Entry.Subject != run:
		return nil, fmt.Errorf("%s is of another pack, of run %s", report.PackSeal, seal.Entry.Subject)
	}
	if err := report.CheckSeal(files, of.Files); err != nil {
		return nil, err
	}
	return &sealed{
		At: time.UnixMicro(seal.Entry.At).UTC(), Entry: seal.Entry.Seq, Foresort: of.Foresort, Files: len(of.Files), Key: ledger.Fingerprint(seal.Checkpoint.Key),
	}, nil
}

func fingerprints(keys []string) []string {
	out := []string{}
	for _, k := range keys {
		out = append(out, ledger.Fingerprint(k))
	}
	return out
}
