package journal_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/journal"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) (*journal.Org, string) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	o, err := journal.Open(state, "org-1")
	if err != nil {
		t.Fatal(err)
	}
	return o, filepath.Join(state, "org-1")
}

// write keeps a run of these entries and returns its id.
func write(t *testing.T, o *journal.Org, entries ...apply.Entry) string {
	t.Helper()
	run, err := o.Start()
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		e.At = noon.Add(time.Duration(i) * time.Second)
		if err := run.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	return run.ID
}

func runs(t *testing.T, o *journal.Org) ([]apply.Record, []string) {
	t.Helper()
	all, notes, err := o.Runs()
	if err != nil {
		t.Fatal(err)
	}
	return all, notes
}

var queue, sales = routing.Ref{ID: "q", Name: "Support"}, routing.Ref{ID: "s", Name: "Sales"}

func claim(strategy string, ref routing.Ref, field routing.Field, value string, at time.Time) plan.Owned {
	return plan.Owned{Strategy: strategy, Claim: plan.Claim{Kind: plan.Queue, Object: ref, Field: field, Value: value}, Applied: at}
}

// begin is the plan of a strategy that creates or updates a queue.
func begin(strategy string, verb plan.Verb, ref routing.Ref, fields ...routing.Field) apply.Entry {
	c := plan.Change{ID: 1, Verb: verb, Kind: plan.Queue, Object: ref, Queue: &plan.Pair[routing.QueueSettings]{}}
	p := plan.Plan{Version: plan.Format, Strategy: strategy}
	for _, f := range fields {
		c.Fields = append(c.Fields, plan.FieldChange{Field: f})
		p.Owns = append(p.Owns, plan.Claim{Kind: plan.Queue, Object: ref, Field: f, Value: "v"})
	}
	p.Changes = []plan.Change{c}
	return apply.Entry{Begin: &apply.Begin{Plan: p}}
}

func undoes(id string) apply.Entry {
	return apply.Entry{Begin: &apply.Begin{Plan: plan.Plan{Version: plan.Format, Undoes: id}}}
}

func intent() apply.Entry { return apply.Entry{Intent: &apply.Intent{Change: 1}} }

func result(o apply.Outcome, ref routing.Ref) apply.Entry {
	return apply.Entry{Result: &apply.Result{Change: 1, Outcome: o, Kind: plan.Queue, Object: ref}}
}

func end(e apply.End) apply.Entry { return apply.Entry{End: &e} }

func TestMemoryOfRuns(t *testing.T) {
	t.Parallel()
	ok := end(apply.End{OK: true, Active: true})
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	fresh := routing.Ref{Name: "Support"}
	tests := map[string]struct {
		write func(t *testing.T, o *journal.Org)
		want  plan.Memory
	}{
		"an applied plan": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(3))}},
		},
		"what was written and not waited for is not known to hold": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), end(apply.End{OK: true}))
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", time.Time{})}},
		},
		"what held already is known to hold": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), result(apply.Already, queue), end(apply.End{OK: true}))
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(2))}},
		},
		"what was created has its id": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Create, fresh, "alert"), intent(), result(apply.Done, queue), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(3))}, Created: []plan.Object{{Kind: plan.Queue, Ref: queue}}},
		},
		"what was deleted is created no longer": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Create, fresh, "alert"), intent(), result(apply.Done, queue), ok)
				write(t, o, begin("a", plan.Delete, queue), intent(), result(apply.Done, queue), ok)
			},
			plan.Memory{},
		},
		"a later plan replaces what its strategy owned": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), ok)
				write(t, o, begin("a", plan.Update, queue, "order"), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "order", "v", at(1))}},
		},
		"strategies with queues of their own": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), ok)
				write(t, o, begin("b", plan.Update, sales, "alert"), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(1)), claim("b", sales, "alert", "v", at(1))}},
		},
		"a queue that was taken over": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), ok)
				write(t, o, begin("b", plan.Update, queue, "order"), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("b", queue, "order", "v", at(1))}},
		},
		"a failure that was put back": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), undoes("x"), end(apply.End{Undone: true}))
			},
			plan.Memory{},
		},
		"a failure that was kept is owned, and not known to hold": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Uncertain, queue))
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", time.Time{})}},
		},
		"a failure before the first write": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), result(apply.Refused, queue), end(apply.End{Error: "moved"}))
			},
			plan.Memory{},
		},
		"a rollback brings back who owned what before": {
			func(t *testing.T, o *journal.Org) {
				write(t, o, begin("a", plan.Update, queue, "alert"), ok)
				id := write(t, o, begin("a", plan.Update, queue, "order"), ok)
				write(t, o, undoes(id), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(1))}},
		},
		"a rollback that was itself put back": {
			func(t *testing.T, o *journal.Org) {
				id := write(t, o, begin("a", plan.Update, queue, "order"), ok)
				write(t, o, undoes(write(t, o, undoes(id), ok)), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "order", "v", at(1))}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, _ := open(t)
			tt.write(t, o)
			all, notes := runs(t, o)
			got := journal.Memory(all)
			if len(got.Owned) == 0 {
				got.Owned = nil
			}
			if len(got.Created) == 0 {
				got.Created = nil
			}
			if d := cmp.Diff(tt.want, got); d != "" || len(notes) > 0 {
				t.Fatalf("%q (-want +got):\n%s", notes, d)
			}
		})
	}
}

func TestARunGoesOnAfterATornLine(t *testing.T) {
	t.Parallel()
	o, dir := open(t)
	id := write(t, o, begin("a", plan.Update, queue, "alert"), intent())
	path := filepath.Join(dir, "runs", id+".jsonl")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(result(apply.Done, queue))
	if err != nil {
		t.Fatal(err)
	}
	for cut := range line { // the process ended at any byte of the line
		if err := os.WriteFile(path, append(b, line[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		all, notes := runs(t, o)
		if len(all) != 1 || len(all[0].Phases[0].Results) != 0 || len(notes) != min(cut, 1) {
			t.Fatalf("cut at %d: %d runs, notes %q", cut, len(all), notes)
		}
	}
	if r, open := journal.Unfinished(runsOf(t, o), "a"); !open || r.ID != id {
		t.Fatalf("run %q, unfinished %t", r.ID, open)
	}
	run, err := o.Continue(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []apply.Entry{result(apply.Done, queue), end(apply.End{OK: true})} {
		if err := run.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	all, notes := runs(t, o)
	if len(notes) != 0 || all[0].End == nil || all[0].Phases[0].Results[1].Outcome != apply.Done {
		t.Fatalf("notes %q, %+v", notes, all[0])
	}
	if _, open := journal.Unfinished(all, "a"); open {
		t.Fatal("the run is still unfinished")
	}
	if u := journal.Undoable(all); len(u) != 1 || u[0].ID != id {
		t.Fatalf("undoable %v", u)
	}
}

func runsOf(t *testing.T, o *journal.Org) []apply.Record {
	t.Helper()
	all, _ := runs(t, o)
	return all
}

func TestARunThatEndedBeforeItsFirstLineDidNothing(t *testing.T) {
	t.Parallel()
	o, dir := open(t)
	id := write(t, o)
	if err := os.WriteFile(filepath.Join(dir, "runs", id+".jsonl"), []byte(`{"at":`), 0o600); err != nil {
		t.Fatal(err)
	}
	all, notes := runs(t, o)
	if len(all) != 0 || len(notes) != 1 || !strings.Contains(notes[0], "run "+id+": its last line was cut off") {
		t.Fatalf("%d runs, %q", len(all), notes)
	}
}

func TestADamagedLineIsNamed(t *testing.T) {
	t.Parallel()
	o, dir := open(t)
	id := write(t, o, begin("a", plan.Update, queue, "alert"), intent())
	path := filepath.Join(dir, "runs", id+".jsonl")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("?"), b...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.Runs(); err == nil || !strings.Contains(err.Error(), path+":1 is damaged") {
		t.Fatal(err)
	}
}

func TestADamagedRunDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	o, dir := open(t)
	first := write(t, o, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), end(apply.End{OK: true}))
	second := write(t, o, begin("a", plan.Update, queue, "order"))
	third := write(t, o, begin("a", plan.Update, queue, "agents"), intent(), result(apply.Done, queue), end(apply.End{OK: true}))
	broken := filepath.Join(dir, "runs", second+".jsonl")
	if err := os.WriteFile(broken, []byte("{\"at\":\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, _, err := o.Runs()
	var damaged *journal.DamagedError
	if !errors.As(err, &damaged) || len(damaged.Runs) != 1 || damaged.Runs[0].Run != second || damaged.Runs[0].Path != broken {
		t.Fatalf("%v", err)
	}
	var ids []string
	for _, r := range journal.Undoable(all) {
		ids = append(ids, r.ID)
	}
	if d := cmp.Diff([]string{third, first}, ids); d != "" {
		t.Fatalf("undoable (-want +got):\n%s", d)
	}
}

func TestOneApplyAtATime(t *testing.T) {
	t.Parallel()
	o, _ := open(t)
	release, err := o.Lock()
	if err != nil {
		t.Fatal(err)
	}
	var held *journal.HeldError
	if _, err := o.Lock(); !errors.As(err, &held) || held.PID != os.Getpid() || time.Since(held.Since) > time.Hour {
		t.Fatalf("%v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = o.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheOwnerCanReadTheJournal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("file modes say nothing on Windows")
	}
	o, dir := open(t)
	release, err := o.Lock()
	if err != nil {
		t.Fatal(err)
	}
	write(t, o, begin("a", plan.Update, queue, "alert"))
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
	if err := errors.Join(err, release()); err != nil {
		t.Fatal(err)
	}
}

func TestRunsOfTheSameMomentHaveDifferentNames(t *testing.T) {
	t.Parallel()
	o, _ := open(t)
	seen := map[string]bool{}
	for range 20 {
		seen[write(t, o, begin("a", plan.Update, queue, "alert"))] = true
	}
	if len(seen) != 20 || len(runsOf(t, o)) != 20 {
		t.Fatalf("%d names, %d runs", len(seen), len(runsOf(t, o)))
	}
}

func TestAnOrgIDIsNoPath(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "..", "a/b", `a\b`, "/etc"} {
		if _, err := journal.Open(t.TempDir(), id); err == nil {
			t.Errorf("%q is taken", id)
		}
	}
}
