package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/strategy"
)

// checkFiles writes the files of a capacity check and runs it. An argument that
// is no text of a file is the path of one.
func checkFiles(t *testing.T, asJSON bool, strategyFile string, texts map[string]string) (stdout string, err error) {
	t.Helper()
	dir := t.TempDir()
	var out, talk bytes.Buffer
	s := newShell(env{strings.NewReader(texts["-"]), &out, &talk, func(string) string { return "" }})
	s.json = asJSON
	path := func(name string) string {
		text, given := texts[name]
		if name == "-" || !given {
			return name
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	err = s.capacityCheck(capacityOptions{Strategy: path(strategyFile), Emails: path("emails.json"), Agents: path("agents.json")})
	return strings.ReplaceAll(out.String(), dir+"/", ""), err
}

const (
	threeAgents = `{
  "anna": {"skills": ["Billing"], "languages": ["English"], "currentLoad": 0, "maxCapacity": 1},
  "ben": {"skills": ["Billing"], "currentLoad": 1, "maxCapacity": 3},
  "2": {"skills": [], "currentLoad": 0, "maxCapacity": 9}
}`
	fiveEmails = `[
  {"id": 1, "to": "Support@help.example.com"},
  {"id": 2, "to": "vip@help.example.com", "tier": 12345678901234567890},
  {"id": 3, "to": "vip@help.example.com"},
  {"id": 4, "to": "sales@help.example.com"},
  {"id": 5}
]`
	supportFile = "../../examples/support.yaml"
)

func TestCapacityOfAStrategyFile(t *testing.T) {
	t.Parallel()
	got, err := checkFiles(t, false, supportFile, map[string]string{"emails.json": fiveEmails, "agents.json": threeAgents})
	want := `5 emails, 3 agents: 2 routed, 1 without an agent, 2 without a rule

rule                                                routed   no agent
vip                                                      1          1
    the only agent who has the skill and the language is full
standard                                                 1          0

without a rule
1 email
    no address of the strategy is sales@help.example.com
1 email
    it has no address under "to", and only an address decides a rule

agent                                        before       after       limit
2                                                 0           0           9
anna                                              0           1           1
ben                                               1           2           3
1 of 3 agents are full
`
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, d)
	}
}

func TestCapacityAsJSON(t *testing.T) {
	t.Parallel()
	got, err := checkFiles(t, true, supportFile, map[string]string{"emails.json": fiveEmails, "agents.json": threeAgents})
	want := `{
  "routed": [
    {"email": {"id": 2, "to": "vip@help.example.com", "tier": 12345678901234567890}, "assignedAgent": "anna", "rule": "vip"},
    {"email": {"id": 1, "to": "Support@help.example.com"}, "assignedAgent": "ben", "rule": "standard"}
  ],
  "unrouted": [
    {"id": 4, "to": "sales@help.example.com"},
    {"id": 5}
  ],
  "capacityExceeded": 1,
  "noAgent": [
    {"email": {"id": 3, "to": "vip@help.example.com"}, "rule": "vip", "why": "the only agent who has the skill and the language is full"}
  ],
  "noRule": [
    {"email": {"id": 4, "to": "sales@help.example.com"}, "why": "no address of the strategy is sales@help.example.com"},
    {"email": {"id": 5}, "why": "it has no address under \"to\", and only an address decides a rule"}
  ]
}
`
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, d)
	}
}

// The tutorial's own example: it counts as capacity that nobody has both skills.
func TestCapacityOfThePayload(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("../../examples", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	got, err := checkFiles(t, false, "-", map[string]string{"-": read("tutorial.json"), "emails.json": read("emails.json"), "agents.json": read("agents.json")})
	want := `3 emails, 2 agents: 0 routed, 3 without an agent, 0 without a rule

rule                                                routed   no agent
priority                                                 0          2
    nobody has all of these together: the skills skill-id-1, skill-id-2
default                                                  0          1
    nobody has all of these together: the skills skill-id-1, skill-id-2

agent                                        before       after       limit
agent-1                                           2           2           5
agent-2                                           4           4           5
0 of 2 agents are full
`
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, d)
	}
	for line := range strings.SplitSeq(got, "\n") {
		if len(line) > 80 {
			t.Errorf("longer than 80 columns: %s", line)
		}
	}
}

func TestMistakesOfAllThreeFilesAreListed(t *testing.T) {
	t.Parallel()
	_, err := checkFiles(t, false, "rules.json", map[string]string{
		"rules.json":  `{"routingRules": [{}]}`,
		"emails.json": "[\n  5\n]",
		"agents.json": `{"a": {"skills": [], "currentLoad": "2"}}`,
	})
	problems, ok := errors.AsType[strategy.Problems](err)
	if !ok {
		t.Fatalf("%v is not a list of problems", err)
	}
	var got []string
	for _, p := range problems {
		p.File = filepath.Base(p.File)
		got = append(got, p.Error())
	}
	want := []string{
		`rules.json:1:19: routingRules[0].conditions: is missing (a rule without conditions has an empty list, or the type "default")`,
		`rules.json:1:19: routingRules[0].routingStrategy: is missing (it says which skills the rule asks for: { "skills": [] })`,
		`emails.json:2:3: [0]: a number where an email belongs (an email is an object)`,
		`agents.json:1:37: a.currentLoad: text where a number belongs`,
	}
	if d := cmp.Diff(want, got); d != "" || codeOf(err) != exitInvalid {
		t.Fatalf("exit code %d (-want +got):\n%s", codeOf(err), d)
	}
}

func TestOnlyOneFileComesFromStdin(t *testing.T) {
	t.Parallel()
	err := quietShell(&bytes.Buffer{}).capacityCheck(capacityOptions{Strategy: "-", Emails: "-", Agents: "a.json"})
	if err == nil || codeOf(err) != exitInvalid {
		t.Fatalf("got %v", err)
	}
}

func TestWhatIsAPayload(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name, src string
		want      bool
	}{
		"a payload":               {"-", `{"routingRules": []}`, true},
		"a broken payload":        {"-", `{"routingRules": [}`, true},
		"a broken JSON file":      {"x.json", `{`, true},
		"a JSON file of a list":   {"x.json", `[]`, true},
		"JSON without rules":      {"-", `{}`, true},
		"a strategy":              {"x.yaml", "version: 1\nname: x\n", false},
		"a strategy written JSON": {"x.json", `{"version": 1, "name": "x"}`, false},
		"a strategy in brackets":  {"x.yaml", `{version: 1, name: x}`, false},
		"nothing":                 {"-", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := isPayload(tt.name, []byte(tt.src)); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
