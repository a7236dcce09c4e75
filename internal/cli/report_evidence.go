package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// evidenceOptions are the arguments of foresort report --change.
type evidenceOptions struct {
	Change string // a run
	Out    string // a folder
}

func (o *evidenceOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.Change, "change", "", "make the evidence pack of a `run`; last: of the newest")
	cmd.Flags().StringVar(&o.Out, "out", "", "with --change: the `folder` that it is written to")
}

// changeMeasures are the measures before and after a run, in words and as facts.
// Its error says why there are none, and does not end the pack.
type changeMeasures func(ctx context.Context, s *orgShell, run apply.Record) (words []string, facts any, err error)

// lastRun names the newest run.
const lastRun = "last"

// check finds out beforehand what could not be written in the end.
func (o evidenceOptions) check() error {
	if o.Out == "" {
		return invalid("name a folder with --out", "the evidence of a change is a folder")
	}
	is, err := os.Stat(o.Out)
	parent := filepath.Dir(filepath.Clean(o.Out))
	switch {
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		in, err := os.Stat(parent)
		if err == nil && !in.IsDir() {
			return invalid("name a folder in one that is there", "%s cannot be made: %s is a file", o.Out, parent)
		}
		if err != nil {
			return invalid("make it first, or name a folder in one that is there", "%s cannot be made: there is no folder %s", o.Out, parent)
		}
		return nil
	case err != nil:
		return invalid("name a folder that is not there yet", "%s cannot be used: %w", o.Out, err)
	case !is.IsDir():
		return invalid("name a folder that is not there yet", "%s is a file", o.Out)
	}
	inside, err := os.ReadDir(o.Out)
	here, errHere := os.Stat(".")
	switch {
	case err != nil:
		return invalid("name a folder that is not there yet", "%s cannot be used: %w", o.Out, err)
	case len(inside) > 0:
		return invalid("name one that is not there yet: nothing is overwritten", "the folder %s is not empty", o.Out)
	case errHere == nil && os.SameFile(is, here):
		return invalid("name one in it, such as evidence", "the folder %s is the one you are in, and a pack takes the place of its folder", o.Out)
	}
	return nil
}

// packed is what is told of an evidence pack.
type packed struct {
	Run    string   `json:"run"`
	Folder string   `json:"folder"`
	Files  []string `json:"files"`
}

// changeMeasures compares what the report measures before and after a run, of
// each queue that it was about.
func (o reportOptions) changeMeasures(wants []routing.Desired, zone *time.Location) changeMeasures {
	return func(ctx context.Context, s *orgShell, run apply.Record) (words []string, facts any, err error) {
		runs, err := s.ledger.Runs(ctx)
		if err != nil {
			return nil, nil, err
		}
		decisions, err := s.ledger.Decisions(ctx)
		if err != nil {
			return nil, nil, err
		}
		o.Queues, o.By = queuesOf(run, overridesOf(runs, decisions)[run.ID].ID, decisions, wants), string(report.ByDay)
		wants := slices.DeleteFunc(slices.Clone(wants), func(w routing.Desired) bool { return !slices.Contains(o.Queues, w.Queue.Name) })
		if len(o.Queues) == 0 {
			return nil, nil, errors.New("the run names no queue; --strategy FILE, of its strategy, does")
		}
		o.From, o.To = beginning(run, runs, decisions).Add(-24*time.Hour).Format(time.RFC3339), ""
		if to := run.Last.Add(compared); to.Before(s.now()) {
			o.To = to.Format(time.RFC3339)
		}
		r, err := o.look(ctx, s, wants, zone)
		if err != nil {
			return nil, nil, err
		}
		compared := map[string]report.Comparison{} // by queue
		for _, q := range r.Queues {
			for _, c := range q.Changes {
				if c.ID == run.ID || slices.Contains(c.Runs, run.ID) {
					compared[q.Queue.Name] = c
					words = append(words, q.Queue.Name+": "+c.Words)
				}
			}
		}
		if len(compared) == 0 {
			return nil, nil, errors.New("no change of the run is known to have been carried out")
		}
		return words, compared, nil
	}
}

// queuesOf are the names of the queues that a run was about. One that changed agents'
// capacity alone names none: that of its strategy does, where it is at hand, and the
// decision about the override that it began or put back.
func queuesOf(run apply.Record, override string, decisions []ledger.Decided, wants []routing.Desired) (names []string) {
	for _, phase := range run.Phases {
		for _, c := range phase.Plan.Owns {
			if c.Kind == plan.Queue {
				names = append(names, c.Object.Name)
			}
		}
		for _, c := range phase.Plan.Changes {
			switch c.Kind {
			case plan.Queue, plan.Member:
				names = append(names, c.Object.Name)
			case plan.Email:
				names = append(names, c.Waits.Name)
			case plan.Route, plan.Utilization:
			}
		}
	}
	for _, w := range wants {
		if w.Strategy == run.Plan().Strategy {
			names = append(names, w.Queue.Name)
		}
	}
	for _, d := range decisions {
		if d.Run != "" && (d.Run == run.ID || d.Run == override) {
			names = append(names, d.Queue.Name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// evidence makes the pack of a run.
func (s *orgShell) evidence(ctx context.Context, o evidenceOptions, measures changeMeasures) error {
	if err := o.check(); err != nil {
		return err
	}
	runs, err := s.ledger.Runs(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(runs, func(r apply.Record) bool { return r.ID == o.Change })
	if o.Change == lastRun {
		i = len(runs) - 1
	}
	if i < 0 {
		return invalid("foresort audit names runs, foresort rollback --list those that can be put back", "there is no run %s in %s", o.Change, s.org)
	}
	s.sign(ctx) // or its newest entries could not be proven
	state, err := s.prove(ctx, nil)
	if err != nil {
		return err
	}
	if err := state.err(); err != nil {
		return err
	}
	e, err := s.gather(ctx, runs, runs[i], measures)
	if err != nil {
		return err
	}
	files, err := report.Pack(e)
	if err != nil {
		return err
	}
	if err := s.keepsSecrets(files); err != nil {
		return err
	}
	if err := writeFolder(o.Out, files, func() (report.File, error) { return s.seal(ctx, runs[i].ID, files) }); err != nil {
		return err
	}
	out := packed{Run: runs[i].ID, Folder: o.Out}
	for _, f := range files {
		out.Files = append(out.Files, f.Name)
	}
	out.Files = append(out.Files, report.PackSeal)
	return s.print(out, func(w io.Writer, _ paint) error {
		_, err := fmt.Fprintf(w, "Evidence of run %s: %s in %s, beginning with %s\n", out.Run, phrase.Count(len(out.Files), "file"), out.Folder, filepath.Join(out.Folder, report.PackPage))
		return err
	})
}

// seal puts the hashes of the files of a pack into the ledger and signs it: the file
// of that proves the others, and is nothing that proves itself. A pack that does not
// verify is none.
func (s *orgShell) seal(ctx context.Context, run string, files []report.File) (report.File, error) {
	made, err := s.ledger.Append(ctx, ledger.KindEvidence, run, ledger.Sealed{Foresort: version().Version, Files: report.Hashes(files)})
	if err != nil {
		return report.File{}, err
	}
	s.sign(ctx)
	entries, checkpoints, err := s.ledger.Extract(ctx, func(x ledger.Entry) bool { return x.Seq == made.Seq })
	if err != nil {
		return report.File{}, err
	}
	if len(checkpoints) == 0 {
		return report.File{}, errors.New("the ledger could not be signed, and nothing was written")
	}
	b, err := sealText(ledger.Seal{Entry: entries[0], Checkpoint: checkpoints[0]})
	if err != nil {
		return report.File{}, err
	}
	all := map[string][]byte{report.PackSeal: b}
	for _, f := range files {
		all[f.Name] = f.Body
	}
	if _, err := provePack(all); err != nil {
		return report.File{}, fmt.Errorf("the pack would not verify, and is not written: %w", err)
	}
	return report.File{Name: report.PackSeal, Body: b}, nil
}

// sealText writes the file of a seal, which no other file proves: it is one in no
// other form.
func sealText(seal ledger.Seal) ([]byte, error) {
	b, err := json.MarshalIndent(seal, "", "  ")
	return append(b, '\n'), err
}

// gather reads what is known of a run.
func (s *orgShell) gather(ctx context.Context, runs []apply.Record, run apply.Record, measures changeMeasures) (report.Evidence, error) {
	e := report.Evidence{Made: s.now().UTC().Truncate(time.Second), Foresort: version().Version, Org: s.org, Run: run}
	fingerprint := run.Plan().Fingerprint
	forecast, err := s.ledger.Foretold(ctx, fingerprint)
	if err != nil {
		return e, err
	}
	if forecast != nil {
		e.Forecast = new(report.Expectation(*forecast))
	}
	all, err := s.ledger.Approvals(ctx, runs, s.now())
	if err != nil {
		return e, err
	}
	var used []ledger.Standing
	approvals := map[int64]bool{} // by their entries
	for _, a := range all {
		if slices.Contains(a.Runs, run.ID) {
			used, approvals[a.Seq] = append(used, a), true
			text := fmt.Sprintf("%s: %s", a.At.UTC().Format("2006-01-02 15:04:05 UTC"), a.Words())
			if a.Note != "" {
				text += ": " + a.Note
			}
			e.Approvals = append(e.Approvals, text)
		}
	}
	if used != nil {
		e.Approved = used
	}
	if measures == nil {
		e.Unmeasured = "it was not measured"
	} else if e.BeforeAfter, e.Measures, err = measures(ctx, s, run); err != nil {
		e.BeforeAfter, e.Measures, e.Unmeasured = nil, nil, err.Error()
	}
	if err := s.auditOf(ctx, run, &e); err != nil {
		return e, err
	}
	later := map[string]bool{}
	for _, r := range report.LaterRuns(run, runs) {
		later[r.ID] = true
	}
	entries, checkpoints, err := s.ledger.Extract(ctx, func(x ledger.Entry) bool {
		return x.Subject == run.ID && (x.Kind == ledger.KindRun || x.Kind == ledger.KindApproved) || later[x.Subject] && x.Kind == ledger.KindRun ||
			x.Subject == fingerprint && (approvals[x.Seq] || x.Kind == ledger.KindForecast)
	})
	if err != nil {
		return e, err
	}
	keys, err := ledger.CheckExtract(entries, checkpoints)
	if err != nil {
		return e, err
	}
	if e.Run, e.Later, err = runsOf(entries, run.ID); err != nil { // one that goes on may have more by now
		return e, err
	}
	e.Keys = fingerprints(keys)
	if e.Entries, err = jsonLines(entries); err == nil {
		e.Checkpoints, err = jsonLines(checkpoints)
	}
	return e, err
}

// auditAfter is how long after a run its records are looked for: the trail lags.
const auditAfter = 10 * time.Minute

// auditOf adds the platform's records of what a run was about.
func (s *orgShell) auditOf(ctx context.Context, run apply.Record, e *report.Evidence) error {
	if run.Last.Before(s.now().Add(-auditYear)) {
		e.Unread = "the platform keeps its trail for a year"
		return nil
	}
	o := auditOptions{Since: run.Started.Add(-ledger.Slack).Format(time.RFC3339)}
	if until := run.Last.Add(auditAfter); until.Before(s.now()) {
		o.Until = until.Format(time.RFC3339)
	}
	a, err := o.look(ctx, s, nil)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e.Unread = err.Error()
		return nil
	}
	about := map[string]bool{}
	for _, phase := range run.Phases {
		for _, c := range phase.Plan.Changes {
			about[c.Object.ID], about[phase.Results[c.ID].Object.ID] = true, true
		}
	}
	delete(about, "")
	a.Changes = slices.DeleteFunc(a.Changes, func(t ledger.Trace) bool {
		return t.Run != run.ID && (t.Type == ledger.PlanType || !about[t.Object.ID])
	})
	if len(a.Changes) == 0 {
		return nil
	}
	e.Records = a
	for _, t := range a.Changes {
		row := report.AuditRow{At: t.At, What: auditHead(t), Who: "by " + auditActor(t), Strange: t.OutOfBand}
		if t.Untold {
			row.Who += "; not in the platform's trail yet"
		}
		for _, c := range t.Changes {
			row.Changes = append(row.Changes, auditChange(t, c))
		}
		e.Audit = append(e.Audit, row)
	}
	return nil
}

// keepsSecrets refuses to hand out files that hold what signs in.
func (s *shell) keepsSecrets(files []report.File) error {
	set, err := s.settings()
	if err != nil {
		return err
	}
	secret := set.text("clientSecret")
	for _, f := range files {
		if secret != "" && bytes.Contains(f.Body, []byte(secret)) {
			return fmt.Errorf("%s would hold the client's secret: nothing was written", f.Name)
		}
	}
	return nil
}

// writeFolder writes files into a folder that is not there yet, or is empty: all of
// them, or none. last makes one more once the others are on disk.
func writeFolder(name string, files []report.File, last func() (report.File, error)) (err error) {
	parent := filepath.Dir(filepath.Clean(name))
	tmp, err := os.MkdirTemp(parent, ".evidence-")
	if err != nil {
		return invalid("name a folder in one that is there and can be written to", "%s cannot be written: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	write := func(f report.File) error { return os.WriteFile(filepath.Join(tmp, f.Name), f.Body, 0o600) }
	for _, f := range files {
		if err := write(f); err != nil {
			return err
		}
	}
	f, err := last()
	if err == nil {
		err = write(f)
	}
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) { // it fails where something is in it by now
		return err
	}
	return os.Rename(tmp, name)
}

func jsonLines[T any](values []T) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
