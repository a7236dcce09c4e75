package apply_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/sandbox"
)

// A write that a killed process has made must stay known, even where the next
// process cannot read the object: else nobody would ever put it back.
func TestAResumeThatCannotReadDoesNotForgetTheWrite(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		before := w.everything()
		p := w.plan(small())
		w.killAt(2, true) // the read, then the write
		if !dies(func() { _, _ = w.apply(p) }) {
			t.Fatal("nobody was killed")
		}
		w.crash = nil
		w.fault("GET */queues/* -> 500")
		report, err := w.resume()
		if err == nil || !strings.Contains(err.Error(), "0 of 1 changes, and perhaps 1 more") {
			t.Fatalf("%v", err)
		}
		if d := cmp.Diff([]apply.Outcome{apply.Uncertain}, outcomes(report.Results)); d != "" {
			t.Fatal(d)
		}
		w.server.ClearFaults()
		if _, err := w.rollback(w.last()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, w.everything()); d != "" {
			t.Fatalf("(-before +after):\n%s", d)
		}
	})
}

func TestWhatWasRefusedForCertainIsRefusedForCertainAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(t *testing.T, w *world) {
		w.fault("POST */routes -> 400")
		w.options.KeepOnFailure = true
		first, err := w.apply(w.plan(strategy()))
		if err == nil {
			t.Fatal("it was not refused")
		}
		again, err := w.resume()
		if err == nil || strings.Contains(err.Error(), "not known") {
			t.Fatalf("%v", err)
		}
		if d := cmp.Diff(outcomes(first.Results), outcomes(again.Results)); d != "" {
			t.Fatal(d)
		}
	})
}
