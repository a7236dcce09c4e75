package strategy_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/foresort/foresort/strategy"
)

var update = flag.Bool("update", false, "write what is seen into the golden files, for review in the diff")

// Each file of testdata/bad is one mistake: a strategy, and every word that the
// user sees about it. A new check comes with a new file.
func TestBadFilesSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) < 45 {
		t.Fatalf("%d files (%v), want 45 and more", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(ar.Files) != 2 || ar.Files[0].Name != "strategy.yaml" || ar.Files[1].Name != "problems" {
				t.Fatal("want the files strategy.yaml and problems")
			}
			_, problems := strategy.Parse("strategy.yaml", ar.Files[0].Data)
			got := problems.Text()
			if got == "" {
				t.Fatal("no problem was found")
			}
			if *update {
				ar.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(ar.Files[1].Data), got); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}

// What a txtar file cannot hold.
func TestFilesThatAreNoText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ src, want string }{
		"empty":           {"", "strategy.yaml:1:1: error: the file is empty\n      = `foresort init` writes a first one\n"},
		"only blank":      {"\ufeff\r\n", "strategy.yaml:1:1: error: the file is empty\n      = `foresort init` writes a first one\n"},
		"not UTF-8":       {"version: 1\nname: s\xfcd\n", "strategy.yaml:2:8: error: the file is not UTF-8 text\n    2 | name: s\ufffdd\n      |        ^\n      = save it as UTF-8\n"},
		"too big":         {strings.Repeat("# x\n", 300_000), "strategy.yaml:1:1: error: the file has 1200000 bytes, more than a strategy file can have (1048576)\n      = split it: one strategy for each queue\n"},
		"deep brackets":   {"a: " + strings.Repeat("[", 100_000), "nested more than 64 deep"},
		"deep dashes":     {strings.Repeat("- ", 100_000), "nested more than 64 deep"},
		"1001 addresses":  {manyAddresses(1001), "strategy.yaml:1006:16: error: addresses[1000].address: more than 1000 addresses in the domain b.example"},
		"a NUL character": {"version: 1\nname: \x00\nqueue: Q\n", "cannot be the name of a strategy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := strategy.Parse("strategy.yaml", []byte(tt.src))
			if got := problems.Text(); got != tt.want && (strings.HasSuffix(tt.want, "\n") || !strings.Contains(got, tt.want)) {
				t.Fatalf("got %.300q, want %q", got, tt.want)
			}
		})
	}
}

func manyAddresses(n int) string {
	var b strings.Builder
	b.WriteString("version: 1\nname: s\nqueue: Q\nrules: [{ name: r }]\naddresses:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - { address: a%d@b.example, rule: r, from: F }\n", i)
	}
	return b.String()
}
