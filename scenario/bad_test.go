package scenario_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/strategy"
)

var update = flag.Bool("update", false, "write what is seen into the golden files, for review in the diff")

// problemsOf reads a scenario of an archive and makes its model under the
// strategy in the archive, or else that of the examples.
func problemsOf(t *testing.T, ar *txtar.Archive) scenario.Problems {
	t.Helper()
	read := func(name string) ([]byte, error) {
		for _, f := range ar.Files {
			if f.Name == name {
				return f.Data, nil
			}
		}
		return nil, fs.ErrNotExist
	}
	src, err := read("scenario.yaml")
	if err != nil {
		t.Fatal("want the file scenario.yaml")
	}
	s, problems := scenario.Parse("scenario.yaml", src, read)
	if s == nil || problems.Err() != nil {
		return problems
	}
	want := support(t)
	if src, err := read("strategy.yaml"); err == nil {
		st, problems := strategy.Parse("strategy.yaml", src)
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		want = st.Desired()
	}
	_, more := s.Model(want)
	return slices.Concat(problems, more)
}

// Each file of testdata/bad is one mistake: a scenario with the files that it
// names, and every word that the user sees about it. A new check comes with a
// new file.
func TestBadFilesSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files (%v), want 60 and more", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			last := len(ar.Files) - 1
			if last < 1 || ar.Files[last].Name != "problems" {
				t.Fatal("want the file problems at the end")
			}
			got := problemsOf(t, ar).Text()
			if got == "" {
				t.Fatal("no problem was found")
			}
			if *update {
				ar.Files[last].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(ar.Files[last].Data), got); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}

// What a txtar file cannot hold.
func TestFilesThatAreTooBig(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nstart: 2026-11-30\ndays: 1\nhandle: { mean: 6m }\nagents: [{ name: Ada, skills: { Billing: 3 } }]\n"
	tests := map[string]struct{ src, trace, want string }{
		"empty":          {"", "", "scenario.yaml:1:1: error: the file is empty\n      = docs/scenario-reference.md shows what belongs into it\n"},
		"the scenario":   {strings.Repeat("# x\n", 300_000), "", "more than a scenario file can have (1048576)\n      = give agents who are alike a count"},
		"the trace":      {head + "arrivals: [{ rule: standard, trace: t.csv }]\n", "at\n" + strings.Repeat("2026-11-30 08:00\n", 2_000_001), "t.csv:2000002:1: error: the file has more than 2000000 emails"},
		"many mistakes":  {head + "arrivals: [{ trace: t.csv }]\n", "at,rule\n" + strings.Repeat("8 o'clock,vip\n", 100), "t.csv:102:1: error: 95 problems more in this file"},
		"deep JSON":      {head + "arrivals: [{ trace: t.csv }]\n", strings.Repeat("[", 100_000), "t.csv:1:"},
		"the breaks":     {"version: 1\nstart: 2026-11-30\ndays: 400\nhandle: { mean: 6m }\narrivals: [{ rule: standard, rate: 1 }]\n" + manyBreaks(), "", "more than 2000000 intervals of time"},
		"too many names": {before(head, "agents") + "arrivals: [{ rule: standard, rate: 1 }]\nagents: [{ name: a, count: 60000 }, { name: b, count: 60000 }]\n", "", "makes 120000 agents, more than the 100000"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(string) ([]byte, error) { return []byte(tt.trace), nil }
			s, problems := scenario.Parse("scenario.yaml", []byte(tt.src), read)
			if s != nil {
				_, problems = s.Model(support(t))
			}
			if got := problems.Text(); !strings.Contains(got, tt.want) {
				t.Fatalf("got %.400q, want %q", got, tt.want)
			}
		})
	}
}

// manyBreaks are agents who have a break every other minute.
func manyBreaks() string {
	var breaks []string
	for n := range 720 {
		breaks = append(breaks, fmt.Sprintf("%02d:%02d-%02d:%02d", n/30, n%30*2, n/30, n%30*2+1))
	}
	var b strings.Builder
	b.WriteString("agents:\n")
	for n := range 8 {
		fmt.Fprintf(&b, "  - { name: A%d, skills: { Billing: 1 }, breaks: { mon-sun: [%s] } }\n", n, strings.Join(breaks, ", "))
	}
	return b.String()
}

// before is a text up to a word.
func before(text, word string) string {
	head, _, _ := strings.Cut(text, word)
	return head
}
