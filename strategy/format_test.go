package strategy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

func TestFormatSetsTheUsualForm(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"indents, gaps and quotes": {
			in:   "version:   1\nname: 'support'\nserviceLevel: {percent: 90,within: 4h}\nrules:\n- name: vip   \n  skills:\n      - 'it''s \"x\"'\n",
			want: "version: 1\nname: \"support\"\nserviceLevel: { percent: 90, within: 4h }\nrules:\n  - name: vip\n    skills:\n      - 'it''s \"x\"'\n",
		},
		"comments stay where they are": {
			in:   "# head\n\n\n\nversion: 1   #one\n#two\nrules:   # three\n    # four\n    - name: a # five\n\n    # six\n    - name: b\n    # seven\n# eight\nagents: best-skill\n  # nine\n",
			want: "# head\n\nversion: 1 # one\n# two\nrules: # three\n  # four\n  - name: a # five\n\n  # six\n  - name: b\n  # seven\n# eight\nagents: best-skill\n# nine\n",
		},
		"brackets over several lines become dashes": {
			in:   "skills: [ Billing, # money\n  Refunds,\n  # more\n]\nwrapUp: {\n  mode: optional }\n",
			want: "skills:\n  - Billing # money\n  - Refunds\n  # more\nwrapUp:\n  mode: optional\n",
		},
		"JSON becomes YAML": {
			in:   "{\n\t\"version\": 1,\n\t\"relax\": [],\n\t\"rules\": [{\"name\": \"a\"}]\n}\n",
			want: "version: 1\nrelax: []\nrules: [{ name: \"a\" }]\n",
		},
		"a text block moves with its key": {
			in:   "rules:\n- name: a\n  when: |\n        x\n          && y\n\n        || z\n  priority: 1\n- when: >-\n    a\n    b\n",
			want: "rules:\n  - name: a\n    when: |\n      x\n        && y\n\n      || z\n    priority: 1\n  - when: >-\n      a\n      b\n",
		},
		"waivers keep their dates and their order": {
			in:   "coverage: {waive: [\n{finding: hole,until: 2026-12-31 , reason: 'x: y'}], # why\n proficiency: 2}\n",
			want: "coverage:\n  waive:\n    - { finding: hole, until: 2026-12-31, reason: \"x: y\" } # why\n  proficiency: 2\n",
		},
		"references of secrets stay without quotes": {
			in:   "sync:\n- name: gateway # ours\n  secret:   ${SECRET}\n  headers: {X-Tag: a}\n",
			want: "sync:\n  - name: gateway # ours\n    secret: ${SECRET}\n    headers: { X-Tag: a }\n",
		},
		"text over several lines is joined": {
			in:   "a: one\n  two\nb: \"one\n  two\"\n",
			want: "a: one two\nb: \"one two\"\n",
		},
		"line ends, marks and the last newline": {
			in:   "\ufeff---\r\na: 1\r\nb: ~\r\n...",
			want: "a: 1\nb: null\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := strategy.Format("s.yaml", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, string(got)); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
			again, err := strategy.Format("s.yaml", got)
			if err != nil || string(again) != tt.want {
				t.Fatalf("formatting twice is not formatting once (%v):\n%s", err, again)
			}
		})
	}
}

func TestFormatRefusesWhatIsNotYAML(t *testing.T) {
	t.Parallel()
	_, err := strategy.Format("s.yaml", []byte("a: [\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "s.yaml:1:4: not YAML: ") {
		t.Fatalf("err = %v", err)
	}
}

// Every example is valid, without a warning, and in its usual form; wrong.yaml
// is there to show what mistakes look like, and scenario.yaml, traffic.yaml and
// surge.yaml are none.
func TestExamplesAreFineAndFormatted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	scenarios := []string{"scenario.yaml", "traffic.yaml", "surge.yaml"}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := strategy.Parse(file, src); !slices.Contains(scenarios, filepath.Base(file)) && (len(problems) > 0) != strings.HasSuffix(file, "wrong.yaml") {
			t.Errorf("problems of %s: %v", file, problems)
		}
		got, err := strategy.Format(file, src)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(src), string(got)); d != "" {
			t.Errorf("%s is not in its usual form (-want +got):\n%s", file, d)
		}
	}
}

// entry is one key of a mapping with its value: a scalar as it is written, a
// list ([]any) or a mapping ([]entry).
type entry struct {
	key   string
	value any
}

// writer lays a tree out as YAML in any way that a person might.
type writer struct {
	t *rapid.T
	b strings.Builder
}

func (w *writer) chance(label string, of int) bool {
	return rapid.IntRange(1, of).Draw(w.t, label) == 1
}

func (w *writer) comment() string {
	return "#" + rapid.SampledFrom([]string{"", " word", "x", " - a: [", " \"", "  deep", "!"}).Draw(w.t, "comment")
}

// between writes comments and blank lines before a line at the indent.
func (w *writer) between(indent int) {
	for w.chance("blank", 6) {
		w.b.WriteString(rapid.SampledFrom([]string{"\n", "  \n"}).Draw(w.t, "blank line"))
	}
	for w.chance("comment line", 6) {
		w.b.WriteString(strings.Repeat(" ", max(0, indent+rapid.IntRange(-2, 2).Draw(w.t, "off"))) + w.comment() + "\n")
	}
}

func (w *writer) endLine() {
	if w.chance("trailing comment", 6) {
		w.b.WriteString(" " + w.comment())
	}
	w.b.WriteByte('\n')
}

// flow writes a node in brackets, over several lines where it may.
func (w *writer) flow(n any, several bool, indent int) {
	pad := func() {
		if several && w.chance("break", 2) {
			w.endLine()
			w.between(indent + 2)
			w.b.WriteString(strings.Repeat(" ", indent+2))
		}
	}
	switch n := n.(type) {
	case []any:
		w.b.WriteString("[")
		for i, v := range n {
			if i > 0 {
				w.b.WriteString(", ")
			}
			pad()
			w.flow(v, several, indent+2)
		}
		pad()
		w.b.WriteString("]")
	case []entry:
		w.b.WriteString("{ ")
		for i, e := range n {
			if i > 0 {
				w.b.WriteString(", ")
			}
			pad()
			w.b.WriteString(e.key + ": ")
			w.flow(e.value, several, indent+2)
		}
		pad()
		w.b.WriteString(" }")
	default:
		w.b.WriteString(n.(string))
	}
}

// value writes what follows a key or a dash at an indent.
func (w *writer) value(n any, indent int, dash bool) {
	empty := false
	switch n := n.(type) {
	case string:
		w.b.WriteString(" " + n)
		w.endLine()
		return
	case []any:
		empty = len(n) == 0
	case []entry:
		empty = len(n) == 0
	}
	if empty || w.chance("flow", 3) {
		w.b.WriteString(" ")
		w.flow(n, w.chance("over several lines", 3), indent)
		w.endLine()
		return
	}
	if dash {
		// The first key follows the dash.
		w.b.WriteString(" ")
		w.block(n, indent+2, true)
		return
	}
	w.endLine()
	deeper := rapid.IntRange(1, 4).Draw(w.t, "indent")
	if _, list := n.([]any); list && w.chance("flush dashes", 3) {
		deeper = 0
	}
	w.block(n, indent+deeper, false)
}

func (w *writer) block(n any, indent int, started bool) {
	line := func() {
		if !started {
			w.between(indent)
			w.b.WriteString(strings.Repeat(" ", indent))
		}
		started = false
	}
	switch n := n.(type) {
	case []any:
		for _, v := range n {
			line()
			w.b.WriteString("-")
			w.value(v, indent, true)
		}
	case []entry:
		for _, e := range n {
			line()
			w.b.WriteString(e.key + ":")
			w.value(e.value, indent, false)
		}
	}
}

// quoted writes text in one of the ways that YAML has.
func (w *writer) text(s string) string {
	if w.chance("single quotes", 3) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	if len(s) > 0 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" && !slices.Contains([]string{"yes", "no", "null", "true", "No"}, s) {
		return s
	}
	out, err := yaml.MarshalWithOptions(s, yaml.JSON())
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// strategy is a strategy file with some of every key, not always right.
func (w *writer) strategy() []entry {
	name := func(label string) string {
		return w.text(rapid.OneOf(rapid.SampledFrom([]string{"Billing", "Back Office", "yes", "a: b", "# x", "it's", `say "hi"`}), rapid.StringMatching(`[a-zA-Z ]{1,9}`)).Draw(w.t, label))
	}
	names := func(label string) []any {
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(w.t, label+" count") {
			out = append(out, name(label))
		}
		return out
	}
	span := func() string { return fmt.Sprintf("%dm", rapid.IntRange(1, 900).Draw(w.t, "minutes")) }
	all := []entry{
		{"version", "1"},
		{"name", "support"},
		{"queue", name("queue")},
		{"serviceLevel", []entry{{"percent", "90"}, {"within", span()}}},
		{"addresses", []any{[]entry{{"address", "a@b.example"}, {"rule", "one"}, {"from", name("from")}}, []entry{{"address", "c@b.example"}, {"rule", "two"}, {"from", name("from")}}}},
		{"rules", []any{
			[]entry{{"name", "one"}, {"priority", fmt.Sprint(rapid.IntRange(-9, 999).Draw(w.t, "priority"))}, {"skills", names("skill")}, {"language", "none"}},
			[]entry{{"name", "two"}, {"deadline", span()}, {"skills", names("skill")}},
		}},
		{"agents", "best-skill"},
		{"members", []entry{{"agents", names("agent")}, {"groups", names("group")}}},
		{"relax", []any{[]entry{{"after", "2h"}, {"drop", names("drop")}}, []entry{{"after", span()}, {"add", name("add")}}}},
		{"sync", []any{[]entry{{"name", "gateway"}, {"url", `"https://gateway.example.com/"`}, {"secret", `"${SECRET}"`}, {"events", []any{"queue.*"}}, {"headers", []entry{{"X-Tag", name("tag")}}}}}},
		{"calendars", []entry{{"office", []entry{{"timezone", "UTC"}, {"open", []entry{{"mon-fri", []any{"08:00-12:00", "13:00-18:00"}}}}}}}},
		{"unheard", []any{[]any{"a", []any{}, []any{"b"}}, []entry{}}},
	}
	out := []entry{}
	for _, e := range all {
		if rapid.IntRange(0, 9).Draw(w.t, e.key+" is there") > 0 {
			out = append(out, e)
		}
	}
	return out
}

func anyFile(t *rapid.T) string {
	w := &writer{t: t}
	if s := w.strategy(); len(s) > 0 {
		w.block(s, 0, false)
	}
	w.between(0)
	return w.b.String()
}

func TestFormatKeepsMeaningAndIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src := anyFile(t)
		before, was := strategy.Parse("s.yaml", []byte(src))
		out, err := strategy.Format("s.yaml", []byte(src))
		if before == nil {
			if !strings.Contains(was.Text(), "empty") {
				t.Fatalf("not read: %v\n%s", was, src)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		again, err := strategy.Format("s.yaml", out)
		if err != nil || string(again) != string(out) {
			t.Fatalf("formatting twice is not formatting once (%v):\n%s\n---\n%s\n---\n%s", err, src, out, again)
		}
		after, is := strategy.Parse("s.yaml", out)
		places := cmp.Options{sameZone, cmpopts.IgnoreFields(routing.Desired{}, "Places"), cmpopts.IgnoreFields(routing.Rule{}, "Place"), cmpopts.IgnoreFields(routing.SyncTarget{}, "At")}
		if d := cmp.Diff(before.Desired(), after.Desired(), places); d != "" {
			t.Fatalf("the meaning changed (-before +after):\n%s\n%s\n---\n%s", d, src, out)
		}
		if d := cmp.Diff(fieldsOf(was), fieldsOf(is)); d != "" {
			t.Fatalf("other problems (-before +after):\n%s", d)
		}
		for line := range strings.SplitSeq(string(out), "\n") {
			if strings.TrimRight(line, " \t") != line {
				t.Fatalf("%q ends in a space", line)
			}
		}
	})
}

func fieldsOf(problems strategy.Problems) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Field+" "+string(p.Severity))
	}
	slices.Sort(out)
	return out
}

// Whatever the bytes are, nothing panics, places are inside the file, and what
// can be formatted keeps its meaning.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"../examples/support.yaml", "../examples/tutorial.json"} {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, src := range []string{"", "a: |\n  b\n", "a: [b, {c: d}]\n# e\n", "- - a\n  - b\n", "a: >+\n\n b\n\n", "\"a\\u00e9\": 'x\n  y'", "rules: [{name: a, when: 'email.to == \"\"'}]", "a:\n\n # x\n\n b: {}"} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s, problems := strategy.Parse("f.yaml", src)
		lines := strings.Count(strings.ReplaceAll(string(src), "\r", "\n"), "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Message == "" {
				t.Fatalf("%+v in a file of %d lines", p, lines)
			}
		}
		if s == nil && problems.Err() == nil {
			t.Fatal("neither a strategy nor an error")
		}
		if s != nil {
			s.Desired()
		}
		_, _, _ = strategy.Convert(src, nil, strategy.ConvertOptions{Queue: "Q"})
		out, err := strategy.Format("f.yaml", src)
		if err != nil {
			return
		}
		again, err := strategy.Format("f.yaml", out)
		if err != nil {
			t.Fatalf("%v in %q, which is formatted %q", err, out, src)
		}
		if string(again) != string(out) {
			t.Fatalf("formatting twice is not formatting once: %q, %q, %q", src, out, again)
		}
	})
}
