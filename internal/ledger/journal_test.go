package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) *ledger.Ledger {
	t.Helper()
	return ledger.New(storetest.Open(t, filepath.Join(t.TempDir(), "x.db")), org)
}

// write keeps a run of these entries and returns its id.
func write(t *testing.T, l *ledger.Ledger, entries ...apply.Entry) string {
	t.Helper()
	run, err := l.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		e.At = noon.Add(time.Duration(i) * time.Second)
		if err := run.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	return run.ID
}

func runs(t *testing.T, l *ledger.Ledger) []apply.Record {
	t.Helper()
	all, err := l.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
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
		write func(t *testing.T, l *ledger.Ledger)
		want  plan.Memory
	}{
		"an applied plan": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(3))}},
		},
		"what was written and not waited for is not known to hold": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), end(apply.End{OK: true}))
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", time.Time{})}},
		},
		"what held already is known to hold": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), result(apply.Already, queue), end(apply.End{OK: true}))
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(2))}},
		},
		"what was created has its id": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Create, fresh, "alert"), intent(), result(apply.Done, queue), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(3))}, Created: []plan.Object{{Kind: plan.Queue, Ref: queue}}},
		},
		"what was deleted is created no longer": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Create, fresh, "alert"), intent(), result(apply.Done, queue), ok)
				write(t, l, begin("a", plan.Delete, queue), intent(), result(apply.Done, queue), ok)
			},
			plan.Memory{},
		},
		"a later plan replaces what its strategy owned": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), ok)
				write(t, l, begin("a", plan.Update, queue, "order"), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "order", "v", at(1))}},
		},
		"strategies with queues of their own": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), ok)
				write(t, l, begin("b", plan.Update, sales, "alert"), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(1)), claim("b", sales, "alert", "v", at(1))}},
		},
		"a queue that was taken over": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), ok)
				write(t, l, begin("b", plan.Update, queue, "order"), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("b", queue, "order", "v", at(1))}},
		},
		"a failure that was put back": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), undoes("x"), end(apply.End{Undone: true}))
			},
			plan.Memory{},
		},
		"a failure that was kept is owned, and not known to hold": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Uncertain, queue))
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", time.Time{})}},
		},
		"a failure before the first write": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), result(apply.Refused, queue), end(apply.End{Error: "moved"}))
			},
			plan.Memory{},
		},
		"a rollback brings back who owned what before": {
			func(t *testing.T, l *ledger.Ledger) {
				write(t, l, begin("a", plan.Update, queue, "alert"), ok)
				id := write(t, l, begin("a", plan.Update, queue, "order"), ok)
				write(t, l, undoes(id), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "alert", "v", at(1))}},
		},
		"a rollback that was itself put back": {
			func(t *testing.T, l *ledger.Ledger) {
				id := write(t, l, begin("a", plan.Update, queue, "order"), ok)
				write(t, l, undoes(write(t, l, undoes(id), ok)), ok)
			},
			plan.Memory{Owned: []plan.Owned{claim("a", queue, "order", "v", at(1))}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			tt.write(t, l)
			got := ledger.Memory(runs(t, l))
			if len(got.Owned) == 0 {
				got.Owned = nil
			}
			if len(got.Created) == 0 {
				got.Created = nil
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestARunGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := write(t, l, begin("a", plan.Update, queue, "alert"), intent())
	if _, open := ledger.CutOff(runs(t, l)); !open {
		t.Fatal("the run is not unfinished")
	}
	run := l.Continue(id)
	for _, e := range []apply.Entry{result(apply.Done, queue), end(apply.End{OK: true})} {
		if err := run.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	all := runs(t, l)
	if all[0].End == nil || all[0].Phases[0].Results[1].Outcome != apply.Done {
		t.Fatalf("%+v", all[0])
	}
	if _, open := ledger.CutOff(all); open {
		t.Fatal("the run is still unfinished")
	}
	if u := ledger.Undoable(all); len(u) != 1 || u[0].ID != id {
		t.Fatalf("undoable %v", u)
	}
}

func TestADamagedRunDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "x.db"))
	l := ledger.New(s, org)
	first := write(t, l, begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), end(apply.End{OK: true}))
	second := write(t, l, begin("a", plan.Update, queue, "order"))
	third := write(t, l, begin("a", plan.Update, queue, "agents"), intent(), result(apply.Done, queue), end(apply.End{OK: true}))
	exec(t, s, "UPDATE ledger SET body = '{\"at\":' WHERE subject = ?", second)
	all, err := l.Runs(t.Context())
	var damaged *ledger.DamagedError
	if !errors.As(err, &damaged) || len(damaged.Runs) != 1 || damaged.Runs[0].Run != second || !strings.Contains(err.Error(), "entry 5 of the ledger is damaged") {
		t.Fatalf("%v", err)
	}
	var ids []string
	for _, r := range ledger.Undoable(all) {
		ids = append(ids, r.ID)
	}
	if d := cmp.Diff([]string{third, first}, ids); d != "" {
		t.Fatalf("undoable (-want +got):\n%s", d)
	}
}

func TestRunsOfTheSameMomentHaveDifferentNames(t *testing.T) {
	t.Parallel()
	l := open(t)
	seen := map[string]bool{}
	for range 20 {
		seen[write(t, l, begin("a", plan.Update, queue, "alert"))] = true
	}
	if len(seen) != 20 || len(runs(t, l)) != 20 {
		t.Fatalf("%d names, %d runs", len(seen), len(runs(t, l)))
	}
}

// folder makes journals as they were kept in files, by the name of the run.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "runs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for id, content := range files {
		if err := os.WriteFile(filepath.Join(dir, "runs", id+".jsonl"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func lines(t *testing.T, entries ...apply.Entry) string {
	t.Helper()
	b, err := jsonOf(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestJournalsInFilesAreReadInOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		l := ledger.New(storetest.Open(t, database), org)
		whole := []apply.Entry{begin("a", plan.Update, queue, "alert"), intent(), result(apply.Done, queue), end(apply.End{OK: true, Active: true})}
		dir := folder(t, map[string]string{
			"20261120-100000-000": lines(t, whole...),
			"20261121-100000-000": lines(t, whole[:2]...) + `{"at":`,
			"20261122-100000-000": "",
		})
		notes, err := l.Adopt(t.Context(), dir)
		if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "run 20261121-100000-000: its last line was cut off") {
			t.Fatalf("%q, %v", notes, err)
		}
		all := runs(t, l)
		if len(all) != 2 || all[0].End == nil || all[1].End != nil || len(all[1].Phases[0].Intents) != 1 {
			t.Errorf("%+v", all)
		}
		if notes, err := l.Adopt(t.Context(), dir); err != nil || len(notes) != 0 || len(runs(t, l)) != 2 {
			t.Errorf("the second time: %q, %v, %d runs", notes, err, len(runs(t, l)))
		}
		if files, err := os.ReadDir(filepath.Join(dir, "runs.adopted")); err != nil || len(files) != 3 {
			t.Errorf("the files are not kept: %v, %v", files, err)
		}
	})
}

func TestADamagedJournalInAFileIsNotReadIn(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"damaged":        "?" + lines(t, begin("a", plan.Update, queue, "alert")),
		"without a plan": lines(t, intent()),
		"in the middle":  lines(t, begin("a", plan.Update, queue, "alert")) + "{\n" + lines(t, intent()),
	} {
		l := open(t)
		dir := folder(t, map[string]string{"20261120-100000-000": lines(t, begin("a", plan.Update, queue, "alert")), "20261121-100000-000": content})
		if _, err := l.Adopt(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "move the file to another folder") {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(runs(t, l)); n != 0 {
			t.Errorf("%s: %d runs were read in", name, n)
		}
		if _, err := os.Stat(filepath.Join(dir, "runs")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
