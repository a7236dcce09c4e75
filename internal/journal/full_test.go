//go:build linux || darwin

package journal_test

import (
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/journal"
	"github.com/foresort/foresort/plan"
)

// inFull names the folder in which the child process of the test below writes a
// journal while there is no room.
const inFull = "FORESORT_TEST_FULL_DISK"

func TestALineThatFoundNoRoomIsTakenBack(t *testing.T) {
	t.Parallel()
	state := os.Getenv(inFull)
	if state == "" { // the limit is one of the whole process, so it gets its own
		state = t.TempDir()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestALineThatFoundNoRoomIsTakenBack$")
		cmd.Env = append(os.Environ(), inFull+"="+state)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	o, err := journal.Open(state, "org-1")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(inFull) != "" {
		writeWithoutRoom(t, o)
	}
	all, notes := runs(t, o)
	if len(all) != 1 || len(notes) != 0 || all[0].End != nil || len(all[0].Phases[0].Intents) != 0 {
		t.Fatalf("%d runs, %q", len(all), notes)
	}
}

func writeWithoutRoom(t *testing.T, o *journal.Org) {
	t.Helper()
	run, err := o.Start()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Append(begin("a", plan.Update, queue, "alert")); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	var all syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &all); err != nil {
		t.Fatal(err)
	}
	little := all
	little.Cur = 4096
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &little); err != nil {
		t.Fatal(err)
	}
	big := intent()
	big.Intent.Snapshot = []byte(`"` + strings.Repeat("x", 9000) + `"`)
	if err := run.Append(big); err == nil {
		t.Fatal("there was room")
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &all); err != nil {
		t.Fatal(err)
	}
	if err := run.Append(end(apply.End{Error: "x"})); err == nil || !strings.Contains(err.Error(), "an earlier line could not be written") {
		t.Fatalf("a line after one that failed: %v", err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
}
