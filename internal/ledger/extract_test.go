package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store/storetest"
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
