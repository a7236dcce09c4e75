package capacity_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "record the answers of the tutorial's function anew")

// tutorialEnv names the file with the tutorial's text. The tutorial is somebody
// else's, so its text is not part of this repository; what its function answers
// is in testdata.
const tutorialEnv = "FORESORT_TUTORIAL"

// tutorialScript is the tutorial's own function and a main program around it. It
// skips, in words, where the text or Node is not there: also in CI.
func tutorialScript(tb testing.TB, main string) (node, script string) {
	tb.Helper()
	path := os.Getenv(tutorialEnv)
	if path == "" {
		tb.Skipf("%s does not name a file with the text of the tutorial", tutorialEnv)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		tb.Skipf("no Node: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "export function simulateRouting(")
	body, _, ended := strings.Cut(after, "\nComplete Working Example")
	if !found || !ended {
		tb.Fatalf("%s has no function simulateRouting", path)
	}
	script = filepath.Join(tb.TempDir(), "tutorial.cjs")
	if err := os.WriteFile(script, []byte("function simulateRouting("+body+"\n"+main), 0o600); err != nil {
		tb.Fatal(err)
	}
	return node, script
}

// answersMain answers each case of a list on stdin.
const answersMain = `
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(cases.map(c => {
  try {
    return JSON.stringify(simulateRouting(JSON.parse(c.rules), JSON.parse(c.emails), JSON.parse(c.agents)));
  } catch (e) {
    return 'error: ' + e.message;
  }
})));
`

// judgeMain compares each answer with the tutorial's, both as JavaScript reads
// and writes them, to the last character.
const judgeMain = `
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(cases.map(c => {
  let want;
  try {
    want = JSON.stringify(simulateRouting(JSON.parse(c.rules), JSON.parse(c.emails), JSON.parse(c.agents)));
  } catch (e) {
    return 'error: ' + e.message;
  }
  const { noAgent, ...rest } = JSON.parse(c.ours);
  const got = JSON.stringify(rest);
  return got === want && noAgent.length === rest.capacityExceeded ? '' : 'want ' + want + '\ngot  ' + got;
})));
`

// run gives Node a list of cases and gets a text for each.
func run(tb testing.TB, node, script string, cases any) (out []string) {
	tb.Helper()
	in, err := json.Marshal(cases)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), node, script)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	answer, err := cmd.Output()
	if err != nil {
		tb.Fatalf("node: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		tb.Fatal(err)
	}
	return out
}

func randomCase(seed, n uint64) texts {
	g := &generator{chooser: seeded{rand.New(rand.NewPCG(seed, n))}}
	return g.all()
}

func TestTheTutorialsFunctionGivesTheSame(t *testing.T) {
	t.Parallel()
	node, script := tutorialScript(t, judgeMain)
	type judged struct {
		texts
		Ours string `json:"ours"`
	}
	const n = 20_000
	cases := make([]judged, n)
	for i := range cases {
		cases[i].texts = randomCase(1, uint64(i))
		cases[i].Ours = mustCheck(t, cases[i].texts)
	}
	shown := 0
	for i, verdict := range run(t, node, script, cases) {
		if verdict == "" {
			continue
		}
		t.Errorf("case %d: %s\nof %+v", i, verdict, cases[i].texts)
		if shown++; shown == 3 {
			t.Fatal("and perhaps more")
		}
	}
}

// vector is a case with the answer of the tutorial's function.
type vector struct {
	texts
	Result string `json:"result"`
}

const vectorFile = "testdata/vectors.json.gz"

// The answers were recorded with -update, from the tutorial's own text in Node.
func TestRecordedAnswersOfTheTutorial(t *testing.T) {
	t.Parallel()
	if *update {
		record(t)
	}
	f, err := os.Open(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.NewDecoder(z).Decode(&vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 900 {
		t.Fatalf("%d vectors, want 900 and more", len(vectors))
	}
	for i, v := range vectors {
		got := meaning(t, mustCheck(t, v.texts)).(map[string]any)
		delete(got, "noAgent")
		if d := cmp.Diff(meaning(t, v.Result), any(got)); d != "" {
			t.Fatalf("vector %d (-want +got):\n%s\nof %+v", i, d, v.texts)
		}
	}
}

func record(t *testing.T) {
	t.Helper()
	node, script := tutorialScript(t, answersMain)
	cases := []texts{exampleCase(t)}
	for i := range 900 {
		cases = append(cases, randomCase(2, uint64(i)))
	}
	vectors := make([]vector, len(cases))
	for i, answer := range run(t, node, script, cases) {
		if strings.HasPrefix(answer, "error") {
			t.Fatalf("%s of %+v", answer, cases[i])
		}
		vectors[i] = vector{cases[i], answer}
	}
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err := json.NewEncoder(z).Encode(vectors); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// meaning is JSON as JavaScript reads it and writes it again: numbers are
// float64, and null where they are too large.
func meaning(t testing.TB, s string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more than one value in %s", s)
	}
	return plain(v)
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil
		}
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

func exampleCase(t testing.TB) texts {
	t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("../../examples", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return texts{read("tutorial.json"), read("emails.json"), read("agents.json")}
}

// In the tutorial's own example nobody has both skills, which it counts as
// capacity.
func TestTheTutorialsExample(t *testing.T) {
	t.Parallel()
	const why = "nobody has all of these together: the skills skill-id-1, skill-id-2"
	e1, e2, e3 := `{"id": "e1", "priority": "high", "priority_field": "high"}`, `{"id": "e2", "priority": "low"}`, `{"id": "e3", "priority": "high", "priority_field": "high"}`
	lonely := func(email, rule string) string {
		return fmt.Sprintf(`{"email": %s, "rule": %q, "why": %q}`, email, rule, why)
	}
	want := `{"routed": [], "unrouted": [], "capacityExceeded": 3, "noAgent": [` +
		lonely(e1, "priority") + "," + lonely(e3, "priority") + "," + lonely(e2, "default") + "]}"
	if d := cmp.Diff(meaning(t, want), meaning(t, mustCheck(t, exampleCase(t)))); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}
