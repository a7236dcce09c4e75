package strategy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/strategy"
)

func tutorial(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("../examples/tutorial.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestConvertWritesTheTutorialAsAStrategy(t *testing.T) {
	t.Parallel()
	text, notes, err := strategy.Convert(tutorial(t), map[string]string{"skill-id-1": "Billing", "skill-id-2": "Refunds"}, strategy.ConvertOptions{
		Queue: "Support Email", Addresses: []string{"support@help.example.com", "high=vip@help.example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `# Converted from a JSON payload. What has no counterpart is said where it was.
version: 1
name: support-email
queue: Support Email

serviceLevel: { percent: 90, within: 1m }

addresses:
  - { address: support@help.example.com, rule: default, from: Support Email }
  - { address: vip@help.example.com, rule: high, from: Support Email }

rules:
  # The payload took it by the condition priority == high. Here its address decides: name
  #   this rule under addresses.
  - name: high
    priority: 60
    skills: [Billing, Refunds]
  - name: default
    skills: [Billing, Refunds]

agents: all-skills
wrapUp: { mode: mandatory }

# With mode: act it is done, with recommend it is said and recorded.
adjust:
  mode: recommend
  rules:
    - name: put-first
      when: serviceLevel("1h") < 90
      do:
        - raisePriority: { rule: high, by: 60 }
      until: serviceLevel("1h") >= 90
      lease: 1h

# routingRules[0].conditions[0]: priority == high has no counterpart: the address decides
#   the class. The rule high has a head start of 60 minutes; give the class an address of
#   its own. Email of it that waits already is put first by raisePriority under adjust,
#   when the queue is late; mode: recommend only says so
# routingRules[0].priority: 1 only ordered the rules of the payload; here a priority is
#   minutes of head start
# routingRules[1].routingStrategy.type: random has no counterpart: the platform never
#   chooses by chance. The nearest is the longest idle agent, which spreads email evenly
# queueType: email has no counterpart: a queue takes every medium, and email comes in by
#   addresses
`
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(notes) != 4 || notes[2].Field != "routingRules[1].routingStrategy.type" {
		t.Errorf("notes: %q", notes)
	}
	if _, problems := strategy.Parse("s.yaml", text); len(problems) > 0 {
		t.Errorf("the result is not valid:\n%s", problems)
	}
}

// Without names the skills are marked, and the marks are all that is wrong.
func TestConvertMarksSkillsThatHaveNoName(t *testing.T) {
	t.Parallel()
	text, _, err := strategy.Convert(tutorial(t), map[string]string{"skill-id-1": "Billing"}, strategy.ConvertOptions{Queue: "Support Email"})
	if err != nil {
		t.Fatal(err)
	}
	_, problems := strategy.Parse("s.yaml", text)
	for _, p := range problems {
		if p.Severity == strategy.Error && !strings.HasPrefix(p.Message, `"id:skill-id-2" is the id of a skill`) {
			t.Errorf("unexpected: %v", p)
		}
		if p.Severity == strategy.Error && !strings.Contains(p.Hint, "--skills") {
			t.Errorf("no way out: %v", p)
		}
	}
	if problems.Err() == nil {
		t.Error("marked skills are taken for names")
	}
}

func TestConvertNamesWhatHasNoCounterpart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ payload, note string }{
		"random":                  {`{"routingRules":[{"routingStrategy":{"type":"random"}}]}`, "routingRules[0].routingStrategy.type: random has no counterpart"},
		"an unknown way":          {`{"routingRules":[{"routingStrategy":{"type":"magic"}}]}`, `routingRules[0].routingStrategy.type: "magic" has no counterpart`},
		"two ways":                {`{"routingRules":[{"routingStrategy":{"type":"longest-idle"}},{"routingStrategy":{"type":"longest-idle","skills":["a"]}}]}`, "routingRules[1].routingStrategy.type: all-skills differs from the rule before"},
		"another condition":       {`{"routingRules":[{"conditions":[{"field":"subject","operator":"contains","value":"x"}]}]}`, "routingRules[0].conditions[0]: subject contains x has no counterpart"},
		"a high class":            {`{"routingRules":[{"conditions":[{"field":"priority","operator":"equal","value":"high"}]}]}`, "is put first by raisePriority under adjust"},
		"a low class":             {`{"routingRules":[{"conditions":[{"field":"priority","operator":"equal","value":"low"}]}]}`, "The rule low has a head start of -60 minutes"},
		"half a service level":    {`{"routingRules":[],"slaPercent":90}`, "slaPercent: without slaTarget it says nothing"},
		"the other half":          {`{"routingRules":[],"slaTarget":60}`, "slaTarget: without slaPercent it says nothing"},
		"another wrap-up":         {`{"routingRules":[],"wrapUpPolicy":"sometimes"}`, `wrapUpPolicy: "sometimes" has no counterpart`},
		"members":                 {`{"routingRules":[],"members":[{"id":"x"},"y"]}`, "members: 2 members are left out"},
		"a key that is not known": {`{"routingRules":[{"color":"red"}]}`, "routingRules[0].color: is not known and is left out"},
		"the order of rules":      {"{\n\t\"routingRules\":[{\"priority\":2}]}", "routingRules[0].priority: 2 only ordered the rules"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, notes, err := strategy.Convert([]byte(tt.payload), map[string]string{"a": "A"}, strategy.ConvertOptions{Queue: "Q"})
			if err != nil {
				t.Fatal(err)
			}
			if _, problems := strategy.Parse("s.yaml", text); problems.Err() != nil {
				t.Errorf("the result is not valid:\n%s\n%s", problems, text)
			}
			for _, n := range notes {
				if strings.Contains(n.String(), tt.note) {
					return
				}
			}
			t.Fatalf("no note says %q: %q", tt.note, notes)
		})
	}
}

func TestConvertPlacesMistakesInThePayload(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		payload   string
		addresses []string
		want      string
	}{
		"not JSON":           {"{\n  \"slaPercent\": 90,\n}", nil, "p.json:3:1: not JSON: invalid character '}' looking for beginning of object key string"},
		"cut short":          {`{"routingRules": [`, nil, "p.json:1:18: not JSON: unexpected end of JSON input"},
		"nothing":            {"", nil, "p.json:1:1: not JSON: unexpected end of JSON input"},
		"a list":             {"[]", nil, "p.json:1:1: the file should be a set of keys, not a list"},
		"no rules":           {"{}", nil, "p.json:1:1: routingRules: `routingRules` is missing (A list of rules, each with type, conditions and routingStrategy.)"},
		"several mistakes":   {"{\"routingRules\": 3,\n\"slaPercent\": 0.9, \"slaTarget\": \"1h\",\n\"queueType\": \"voice\"}", nil, "p.json:1:18: routingRules: should be a list, not the number 3 (write [3])\np.json:2:15: slaPercent: 0.9 is a fraction; percent goes from 0 to 100 (write 90)\np.json:2:33: slaTarget: should be a number, not the text \"1h\"\np.json:3:14: queueType: \"voice\" is not email, and only email is routed here"},
		"a rule not there":   {`{"routingRules":[{}]}`, []string{"vip=a@b.example"}, `address vip=a@b.example: the payload has no rule "vip"; its rules are default`},
		"nothing to follow":  {`{"routingRules":[]}`, []string{"a@b.example"}, "the payload has no rule that an address could follow"},
		"an address is none": {`{"routingRules":[{}]}`, []string{"b.example"}, `"b.example" is not an email address`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := strategy.Convert([]byte(tt.payload), nil, strategy.ConvertOptions{File: "p.json", Queue: "Q", Addresses: tt.addresses})
			if err == nil || err.Error() != tt.want && (!strings.HasPrefix(tt.want, `"`) || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("err = %v\nwant  %s", err, tt.want)
			}
		})
	}
	if _, _, err := strategy.Convert(nil, nil, strategy.ConvertOptions{}); err == nil || !strings.Contains(err.Error(), "name of the queue") {
		t.Errorf("without a queue: %v", err)
	}
}
