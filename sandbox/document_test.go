package sandbox_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/foresort/foresort/internal/contract"
	"github.com/foresort/foresort/sandbox"
)

var update = flag.Bool("update", false, "write the list of operations into docs/sandbox.md")

// The document lists what is implemented and what answers 501.
func TestTheDocumentListsEveryOperation(t *testing.T) {
	t.Parallel()
	const file, from, to = "../docs/sandbox.md", "<!-- operations: written by go generate ./sandbox -->\n", "<!-- end of operations -->"
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(old), from)
	_, tail, ends := strings.Cut(rest, to)
	if !found || !ends {
		t.Fatalf("%s has no place for the list", file)
	}
	want := head + from + operations() + to + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(old) {
		t.Errorf("the list of operations in %s is out of date: run go generate ./sandbox", file)
	}
}

func operations() string {
	implemented := sandbox.Implemented()
	var here, not strings.Builder
	count := 0
	for _, op := range contract.Load().Operations() {
		line := fmt.Sprintf("| `%s` | `%s %s` |\n", op.ID, op.Method, op.Path)
		if implemented[op.ID] {
			count++
			here.WriteString(line)
		} else {
			not.WriteString(line)
		}
	}
	all := len(contract.Load().Operations())
	return fmt.Sprintf("\n%d of the %d operations of the contract are imitated:\n\n| operation | call |\n|---|---|\n%s\nThe other %d answer 501 and name themselves:\n\n| operation | call |\n|---|---|\n%s\n", count, all, here.String(), all-count, not.String())
}
