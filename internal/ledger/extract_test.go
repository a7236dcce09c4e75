package ledger_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/plan"
)

// Some entries prove themselves without the others, and any change shows.
func TestEntriesThatAreTakenOutProveThemselves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		l := filled(t, storetest.Open(t, database), newKey(t), 30, 10, 20, 28)
		take := func(seqs ...int64) ([]ledger.Proven, []ledger.Checkpoint) {
			entries, checkpoints, err := l.Extract(t.Context(), func(e ledger.Entry) bool { return slices.Contains(seqs, e.Seq) })
			if err != nil || len(entries) != len(seqs) {
				t.Fatal(len(entries), err)
			}
			return entries, checkpoints
		}
		entries, checkpoints := take(1, 10, 11, 28)
		if len(checkpoints) != 3 {
			t.Errorf("%d checkpoints", len(checkpoints))
		}
		if keys, err := ledger.CheckExtract(entries, checkpoints); err != nil || len(keys) != 1 {
			t.Error(keys, err)
		}
		if _, checkpoints := take(3); len(checkpoints) != 1 {
			t.Errorf("for one entry %d checkpoints", len(checkpoints))
		}
		for name, c := range map[string]struct {
			change func(entries []ledger.Proven, checkpoints []ledger.Checkpoint)
			says   string
		}{
			"a body":           {func(e []ledger.Proven, _ []ledger.Checkpoint) { e[1].Body = "{}" }, "entry 10 is not as it was written"},
			"a number":         {func(e []ledger.Proven, _ []ledger.Checkpoint) { e[1].Seq = math.MinInt64 }, "entry -9223372036854775808 is not as it was written"},
			"a time":           {func(e []ledger.Proven, _ []ledger.Checkpoint) { e[1].At++ }, "entry 10 is not as it was written"},
			"the one before":   {func(e []ledger.Proven, _ []ledger.Checkpoint) { e[1].Before = e[0].Hash }, "entry 10 is not as it was written"},
			"a hash":           {func(e []ledger.Proven, _ []ledger.Checkpoint) { e[1].Hash = "beef" }, "entry 10 is not as it was written"},
			"one for another":  {func(e []ledger.Proven, _ []ledger.Checkpoint) { e[1] = e[0]; e[1].Seq = 10 }, "entry 10 is not as it was written"},
			"a mark":           {func(_ []ledger.Proven, c []ledger.Checkpoint) { c[0].Marks[3] = "0123456789abcdef" }, "not as it was signed"},
			"no checkpoint":    {func(_ []ledger.Proven, c []ledger.Checkpoint) { c[2] = c[1] }, "entry 28 is in no signed checkpoint"},
			"another ledger's": {func(e []ledger.Proven, _ []ledger.Checkpoint) { e[0].Org = "other" }, "entry 1 is not as it was written"},
		} {
			entries, checkpoints := take(1, 10, 11, 28)
			c.change(entries, checkpoints)
			if _, err := ledger.CheckExtract(entries, checkpoints); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %s", name, err, c.says)
			}
		}
		unsigned, checkpoints := take(29)
		if _, err := ledger.CheckExtract(unsigned, checkpoints); err == nil || !strings.Contains(err.Error(), "no signed checkpoint") {
			t.Errorf("unsigned: %v", err)
		}
	})
}

// A seal is an entry of its kind that was signed, and says what it said then.
func TestASealProvesItself(t *testing.T) {
	t.Parallel()
	l, key := open(t), newKey(t)
	take := func(kind ledger.Kind) ledger.Seal {
		made, err := l.Append(t.Context(), kind, "run", ledger.Sealed{Foresort: "1.0", Files: map[string]string{"index.html": "beef"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Sign(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		entries, checkpoints, err := l.Extract(t.Context(), func(e ledger.Entry) bool { return e.Seq == made.Seq })
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Seal{Entry: entries[0], Checkpoint: checkpoints[0]}
	}
	for says, seal := range map[string]func() ledger.Seal{
		"":           func() ledger.Seal { return take(ledger.KindEvidence) },
		"is no seal": func() ledger.Seal { return take(ledger.KindForecast) },
		"not as it was written": func() ledger.Seal {
			s := take(ledger.KindEvidence)
			s.Entry.Body = strings.Replace(s.Entry.Body, "beef", "beee", 1)
			return s
		},
		"not as it was signed": func() ledger.Seal {
			s := take(ledger.KindEvidence)
			s.Checkpoint.Marks[0] = s.Entry.Hash[:15] + "x"
			return s
		},
	} {
		of, err := seal().Check()
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
		if err == nil && (of.Files["index.html"] != "beef" || of.Foresort != "1.0") {
			t.Errorf("%+v", of)
		}
	}
}

func TestRunsAreTakenOutOfEntries(t *testing.T) {
	t.Parallel()
	l := open(t)
	first := write(t, l, begin("a", plan.Update, queue, "alert"), intent())
	second := write(t, l, undoes(first), end(apply.End{OK: true}))
	if err := l.Continue(first).Append(end(apply.End{Error: "no"})); err != nil {
		t.Fatal(err)
	}
	entries, _, err := l.Extract(t.Context(), func(ledger.Entry) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	all, err := ledger.RunsOf(entries)
	if err != nil || len(all) != 2 || all[0].ID != first || all[1].ID != second || all[0].End == nil || all[0].End.Error != "no" || all[1].Plan().Undoes != first {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestWhatWasForetold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		l := ledger.New(storetest.Open(t, database), "org")
		if f, err := l.Foretold(t.Context(), "sha256:a"); f != nil || err != nil {
			t.Fatal(f, err)
		}
		want := ledger.Forecast{Scenario: "a week", Verdict: []string{"In time"}, Notes: []string{}, Replications: 5}
		for _, plan := range []string{"sha256:a", "sha256:b"} {
			if err := l.Foretell(t.Context(), plan, ledger.Forecast{Scenario: plan}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Foretell(t.Context(), "sha256:a", want); err != nil {
			t.Fatal(err)
		}
		f, err := l.Foretold(t.Context(), "sha256:a")
		if err != nil || f == nil || f.At.IsZero() {
			t.Fatal(f, err)
		}
		f.At = time.Time{}
		if d := cmp.Diff(want, *f); d != "" {
			t.Error(d)
		}
	})
}
