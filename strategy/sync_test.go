package strategy_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

const head = "version: 1\nname: s\nqueue: Q\n"

func TestSyncCompilesToTargets(t *testing.T) {
	t.Parallel()
	s := parse(t, head+`sync:
  - name: mail-gateway
    url: https://gateway.example.com/hooks/routing
    secret: ${GATEWAY_SECRET}
    previousSecret: ${GATEWAY_SECRET_OLD}
    events: [queue.*, route.updated, routingQueueUpdated]
    headers: { X-Genesys-Event: routing-sync }
  - { name: Email Routing Sync - Müller, url: http://localhost:8080, secret: "${OTHER}" }
`)
	want := []routing.SyncTarget{
		{
			Name: "mail-gateway", URL: "https://gateway.example.com/hooks/routing", Secret: "GATEWAY_SECRET", PreviousSecret: "GATEWAY_SECRET_OLD",
			Events: []string{"queue.*", "route.updated", "routingQueueUpdated"}, Headers: map[string]string{"X-Genesys-Event": "routing-sync"},
			At: routing.Place{File: "s.yaml", Line: 5, Column: 5},
		},
		{Name: "Email Routing Sync - Müller", URL: "http://localhost:8080", Secret: "OTHER", Events: []string{"*"}, At: routing.Place{File: "s.yaml", Line: 11, Column: 5}},
	}
	if d := cmp.Diff(want, s.Desired().Sync); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

// Wherever a secret stands in the file by mistake, what is said does not repeat it.
func TestASecretInTheFileIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]string{
		"plain":           "secret: T0KEN",
		"in a line":       "{ name: 7, url: x, secret: T0KEN }",
		"JSON":            `{ "name": 7, "secret":"T0KEN" }`,
		"a list":          "secret: [T0KEN]",
		"keys":            "secret: { T0KEN: T0KEN }",
		"in part":         "secret: ${A}T0KEN",
		"misspelled":      "secrt: T0KEN\n    secretKey: T0KEN",
		"twice":           "secret: T0KEN\n    secret: T0KEN",
		"a block":         "secret: |\n      T0KEN",
		"unclosed":        "secret: \"T0KEN",
		"not YAML":        "{ secret: T0KEN",
		"in the url":      "url: https://me:T0KEN@h.example/",
		"in a url's path": "name: 7\n    url: //h.example/T0KEN",
		"authorization":   "headers: { authorization: \"T0KEN\\n\" }",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := []byte(head + "sync:\n  - " + entry + "\n")
			_, problems := strategy.Parse("s.yaml", src)
			if problems.Err() == nil {
				t.Fatal("it is taken")
			}
			said := problems.Text() + problems.Error()
			if _, err := strategy.Format("s.yaml", src); err != nil {
				said += err.Error()
			}
			if strings.Contains(said, "T0KEN") {
				t.Errorf("it is repeated:\n%s", said)
			}
		})
	}
}

var target = routing.SyncTarget{
	Name: "Email Routing Sync - Q", URL: "https://gateway.example.com/hooks", Secret: "SECRET",
	Events: []string{"queue.*"}, Headers: map[string]string{"X-Genesys-Event": "routing-sync", "X-A": "yes"},
}

const added = `  - name: Email Routing Sync - Q
    url: "https://gateway.example.com/hooks"
    secret: "${SECRET}"
    events: ["queue.*"]
    headers:
      X-A: "yes"
      X-Genesys-Event: routing-sync
`

func TestAddSyncKeepsTheFile(t *testing.T) {
	t.Parallel()
	one := "  - { name: one, url: \"https://h.example/\", secret: \"${A}\" }"
	tests := map[string]struct{ in, want string }{
		"the first, at the end":   {head + "# last\n", head + "# last\n\nsync:\n" + added},
		"the first, before tests": {head + "\n# checks\ntests: []\n", head + "\nsync:\n" + added + "\n# checks\ntests: []\n"},
		"after others":            {head + "sync: # all\n" + one + " # one\n  # none more\n\n# order\norder: priority-only\n", head + "sync: # all\n" + one + " # one\n  # none more\n" + added + "\n# order\norder: priority-only\n"},
		"an empty list":           {head + "sync: [] # none\norder: priority-only\n", head + "sync: # none\n" + added + "order: priority-only\n"},
		"a list in brackets":      {head + "sync: [" + one[4:] + "] # one\n", head + "sync:\n" + one + " # one\n" + added},
		"JSON":                    {`{ "version": 1, "name": "s", "queue": "Q", "sync": [] }`, "version: 1\nname: \"s\"\nqueue: \"Q\"\nsync:\n" + added},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := strategy.AddSync("s.yaml", []byte(tt.in), target)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, string(got)); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
			if _, err := strategy.AddSync("s.yaml", got, target); err == nil || !strings.Contains(err.Error(), `two entries are named "Email Routing Sync - Q" (the other is on line `) {
				t.Errorf("the same name again: %v", err)
			}
		})
	}
}

func TestAddSyncRefusesWhatParseRefuses(t *testing.T) {
	t.Parallel()
	_, err := strategy.AddSync("s.yaml", []byte(head), routing.SyncTarget{Name: "a\nb", URL: "ftp://h", Secret: "A}\"\n", Headers: map[string]string{"Host": "h"}})
	for _, want := range []string{"add an entry to sync of s.yaml: ", "sync[0].name: ", "sync[0].url: is not a whole https address (write one", "sync[0].secret: ", "sync[0].headers.Host: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
	if _, err := strategy.AddSync("s.yaml", []byte("version: 1\n"), target); err == nil || !strings.HasPrefix(err.Error(), "s.yaml:1:1: name: ") {
		t.Errorf("a file with mistakes: %v", err)
	}
}

// However a file is written, adding an entry adds that entry and no more.
func TestAddSyncAddsOneEntry(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &writer{t: t}
		keys := []entry{{"version", "1"}, {"name", "s"}, {"queue", w.text("Q # 1")}, {"relax", []any{}}}
		if w.chance("sync", 2) {
			list := []any{}
			for i := range rapid.IntRange(0, 2).Draw(t, "entries") {
				list = append(list, []entry{{"name", w.text(fmt.Sprint("g", i))}, {"url", `"https://h.example/"`}, {"secret", `"${A}"`}, {"events", []any{`"*"`}}, {"headers", []entry{{"X-A", `"# ["`}}}})
			}
			keys = append(keys, entry{"sync", list})
		}
		for _, more := range []entry{{"order", "priority-only"}, {"tests", []any{}}, {"calendars", []entry{}}} {
			if w.chance(more.key, 2) {
				keys = append(keys, more)
			}
		}
		if w.chance("one line", 8) {
			w.flow(keys, false, 0)
		} else {
			w.block(rapid.Permutation(keys).Draw(t, "order"), 0, false)
		}
		w.between(0)
		src := w.b.String()
		before, problems := strategy.Parse("s.yaml", []byte(src))
		if err := problems.Err(); err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		out, err := strategy.AddSync("s.yaml", []byte(src), target)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		after, problems := strategy.Parse("s.yaml", out)
		if err := problems.Err(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		want := before.Desired()
		want.Sync = append(slices.Clip(want.Sync), target)
		places := cmp.Options{sameZone, cmpopts.IgnoreFields(routing.Desired{}, "Places"), cmpopts.IgnoreFields(routing.Rule{}, "Place"), cmpopts.IgnoreFields(routing.SyncTarget{}, "At")}
		if d := cmp.Diff(want, after.Desired(), places); d != "" {
			t.Fatalf("(-want +got):\n%s\n%s\n---\n%s", d, src, out)
		}
		if a, b := strings.Count(src, "#"), strings.Count(string(out), "#"); a != b {
			t.Fatalf("%d marks of comments became %d:\n%s\n---\n%s", a, b, src, out)
		}
	})
}

func TestAddSyncToTheExample(t *testing.T) {
	t.Parallel()
	src := string(example(t))
	got, err := strategy.AddSync("support.yaml", []byte(src), target)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(src, "# Checked by", "sync:\n"+added+"\n# Checked by", 1); want != string(got) {
		t.Error(cmp.Diff(want, string(got)))
	}
}

func TestSyncNameCanBeUsed(t *testing.T) {
	t.Parallel()
	for queue, want := range map[string]string{
		"Support Email": "Email Routing Sync - Support Email", "A & B (EU)": "Email Routing Sync - A B EU", "Müller": "Email Routing Sync - Müller", "&": "Email Routing Sync",
	} {
		got := strategy.SyncName(queue)
		if got != want {
			t.Errorf("%q: %q, want %q", queue, got, want)
		}
		if _, err := strategy.AddSync("s.yaml", []byte(head), routing.SyncTarget{Name: got, URL: "https://h.example/", Secret: "A"}); err != nil {
			t.Error(err)
		}
	}
	if n := len(strategy.SyncName(strings.Repeat("x", 300))); n != 200 {
		t.Errorf("%d characters", n)
	}
}

// A strategy reads the same wherever it is read.
func TestSyncDoesNotReadTheEnvironment(t *testing.T) {
	t.Setenv("SECRET", "T0KEN")
	got := parse(t, head+"sync: [{ name: a, url: 'https://h.example/', secret: '${SECRET}' }]\n").Desired().Sync[0]
	if got.Secret != "SECRET" {
		t.Errorf("secret %q of %s", got.Secret, os.Getenv("SECRET"))
	}
}
