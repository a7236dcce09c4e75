package capacity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/simulate/capacity"
	"github.com/foresort/foresort/strategy"
)

const (
	goodRules  = `{"routingRules": []}`
	goodEmails = `[]`
	goodAgents = `{}`
)

// Every mistake is listed, also where no email would come to it.
func TestMistakesHaveTheirPlaces(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rules, emails, agents string
		want                  []string
	}{
		"no JSON": {rules: "{\n  \"routingRules\": [1,]\n}", want: []string{"r:2:22: not JSON: invalid character ']' looking for beginning of value"}},
		"nothing": {emails: "", rules: goodRules, agents: " \n", want: []string{
			"e:1:1: not JSON: unexpected end of JSON input", "a:1:2: not JSON: unexpected end of JSON input",
		}},
		"not UTF-8":           {emails: "[\"é\", \"\xff\"]", want: []string{"e:1:8: the file is not UTF-8 text (save it as UTF-8)"}},
		"ends early":          {emails: `[{"id": 1`, want: []string{"e:1:9: not JSON: unexpected end of JSON input"}},
		"two values":          {agents: `{} {}`, want: []string{"a:1:4: not JSON: invalid character '{' after top-level value"}},
		"a payload of a list": {rules: `[]`, want: []string{"r:1:1: a list where an object belongs"}},
		"no rules": {rules: ` {"a": 1}`, want: []string{
			"r:1:2: routingRules: is missing (it is a list of rules, each with type, conditions and routingStrategy)",
		}},
		"rules of another kind": {rules: `{"routingRules": {}}`, want: []string{
			"r:1:18: routingRules: an object where a list belongs (it is a list of rules, each with type, conditions and routingStrategy)",
		}},
		"the last key counts": {rules: `{"routingRules": [], "routingRules": null}`, want: []string{
			"r:1:38: routingRules: null where a list belongs (it is a list of rules, each with type, conditions and routingStrategy)",
		}},
		"all that can be wrong with rules": {
			rules: `{"routingRules": [
  null,
  {"type": "default", "routingStrategy": {"skills": []}},
  {"type": "default"},
  {"type": "x", "routingStrategy": {"skills": "Billing"}},
  {"conditions": [5, {"field": {"toString": 1}}], "routingStrategy": []},
  {"conditions": null, "routingStrategy": {}}
]}`,
			want: []string{
				"r:2:3: routingRules[0]: null where a rule belongs (a rule is an object with type, conditions and routingStrategy)",
				`r:4:3: routingRules[2].routingStrategy: is missing (it says which skills the rule asks for: { "skills": [] })`,
				`r:5:3: routingRules[3].conditions: is missing (a rule without conditions has an empty list, or the type "default")`,
				"r:5:47: routingRules[3].routingStrategy.skills: text where a list belongs (a rule that asks for none has an empty list)",
				"r:6:19: routingRules[4].conditions[0]: a number where a condition belongs (a condition is an object with field and value)",
				"r:6:32: routingRules[4].conditions[1].field: cannot be the name of a field",
				"r:6:70: routingRules[4].routingStrategy: a list where an object belongs",
				`r:7:18: routingRules[5].conditions: null where a list belongs (a rule without conditions has an empty list, or the type "default")`,
				"r:7:43: routingRules[5].routingStrategy.skills: is missing (a rule that asks for none has an empty list)",
			},
		},
		"emails of another kind": {emails: `{"id": 1}`, want: []string{
			`e:1:1: an object where a list of emails belongs (it looks like [{"id": "e1", "priority": "high"}])`,
		}},
		"emails that are none": {emails: "[{}, null,\n\t\"x\", [], true]", want: []string{
			"e:1:6: [1]: null where an email belongs (an email is an object)",
			"e:2:2: [2]: text where an email belongs (an email is an object)",
			"e:2:7: [3]: a list where an email belongs (an email is an object)",
			"e:2:11: [4]: a boolean where an email belongs (an email is an object)",
		}},
		"agents of another kind": {agents: `[]`, want: []string{
			`a:1:1: a list where an object of agents belongs (it looks like {"agent-1": {"skills": ["Billing"], "currentLoad": 2, "maxCapacity": 5}})`,
		}},
		"all that can be wrong with agents": {
			agents: `{
  "2": {"skills": {}},
  "1": 5,
  "a b": {"currentLoad": [], "skills": []},
  "é": {"currentLoad": {}, "maxCapacity": "5"}
}`,
			want: []string{
				`a:2:19: ["2"].skills: an object where a list belongs (an agent without skills has an empty list)`,
				`a:3:8: ["1"]: a number where an agent belongs (it looks like {"agent-1": {"skills": ["Billing"], "currentLoad": 2, "maxCapacity": 5}})`,
				`a:4:26: ["a b"].currentLoad: a list where a number belongs`,
				`a:5:8: ["é"].skills: is missing (an agent without skills has an empty list)`,
				`a:5:24: ["é"].currentLoad: an object where a number belongs`,
				`a:5:43: ["é"].maxCapacity: text where a number belongs`,
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := func(text, otherwise string) []byte {
				if text == "" && name != "nothing" {
					return []byte(otherwise)
				}
				return []byte(text)
			}
			rules, p := capacity.ReadPayload("r", given(tt.rules, goodRules))
			_, p2 := capacity.ReadEmails("e", given(tt.emails, goodEmails), rules)
			_, p3 := capacity.ReadAgents("a", given(tt.agents, goodAgents), rules)
			var got []string
			for _, problem := range append(append(p, p2...), p3...) {
				got = append(got, problem.Error())
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}

// A file of one long line is not shown again with each mistake.
func TestALongLineIsNotShown(t *testing.T) {
	t.Parallel()
	_, problems := capacity.ReadEmails("e", []byte("["+strings.Repeat("5, ", 5000)+"5]"), capacity.Rules{})
	if len(problems) != 5001 || problems[5000].Column != 15002 || problems[0].Source != "" {
		t.Fatalf("%d problems, the last at %d", len(problems), problems[len(problems)-1].Column)
	}
	_, problems = capacity.ReadEmails("e", []byte("[\r\n5\r\n]"), capacity.Rules{})
	if got := problems.Text(); !strings.Contains(got, "    2 | 5\n      | ^\n") {
		t.Fatalf("got %s", got)
	}
}

const strategyFile = `version: 1
name: s
queue: Q
addresses:
  - { address: vip@b.example, rule: vip, from: F }
  - { address: all@b.example, rule: all, from: F }
  - { address: low@b.example, rule: low, from: F }
rules:
  - { name: low, priority: -10, skills: [] }
  - { name: all, skills: [Billing] }
  - { name: vip, priority: 240, skills: [Billing], language: English }
`

func TestAStrategyFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		more, emails, agents, want string
	}{
		"the rule with more minutes goes first": {
			emails: `[{"id":"1","to":"low@b.example","priority":"high"},{"id":"2","to":"All@B.example"},{"id":"3","to":"vip@b.example","priority":"low"},{"id":"4","to":"all@b.example"}]`,
			agents: `{"a":{"skills":["Billing"],"languages":["German","English"],"currentLoad":0,"maxCapacity":9}}`,
			want:   "3 to a, 2 to a, 4 to a, 1 to a",
		},
		"a language is asked for": {
			emails: `[{"id":"1","to":"vip@b.example"},{"id":"2","to":"all@b.example"}]`,
			agents: `{"a":{"skills":["Billing","English"],"currentLoad":0,"maxCapacity":9}}`,
			want:   "2 to a; 1: nobody has the language English",
		},
		"longest-idle asks for nothing": {
			more:   "agents: longest-idle\n",
			emails: `[{"id":"1","to":"vip@b.example"}]`,
			agents: `{"a":{"skills":[],"currentLoad":0,"maxCapacity":9}}`,
			want:   "1 to a",
		},
		"who has no number has no room": {
			emails: `[{"id":"1","to":"low@b.example"},{"id":"2","to":"all@b.example"}]`,
			agents: `{"a":{"skills":[],"currentLoad":1,"maxCapacity":1},"b":{"skills":["Billing"],"maxCapacity":1}}`,
			want:   "2: the only agent who has the skill has no currentLoad, 1: all 2 agents are full, or lack currentLoad or maxCapacity",
		},
		"nobody is there": {
			emails: `[{"id":"1","to":"low@b.example"}]`,
			agents: `{}`,
			want:   "1: there are no agents",
		},
		"no rule": {
			emails: `[{"id":"1","rule":0},{"id":"2","to":"x@b.example"},{"id":"3","to":"x"}]`,
			agents: `{}`,
			want:   `1? it has no address under "to", and only an address decides a rule, 2? no address of the strategy is x@b.example, 3? "x" is not an email address`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, problems := strategy.Parse("s.yaml", []byte(strategyFile+tt.more))
			if problems.Err() != nil {
				t.Fatal(problems)
			}
			rules := capacity.FromStrategy(s)
			emails, p1 := capacity.ReadEmails("e", []byte(tt.emails), rules)
			agents, p2 := capacity.ReadAgents("a", []byte(tt.agents), rules)
			if p1 != nil || p2 != nil {
				t.Fatal(p1, p2)
			}
			r := capacity.Check(capacity.Input{Rules: rules, Emails: emails, Agents: agents})
			id := func(e int) string { return strings.Split(string(emails[e].JSON), `"`)[3] }
			var parts []string
			add := func(list []string) {
				if len(list) > 0 {
					parts = append(parts, strings.Join(list, ", "))
				}
			}
			var list []string
			for _, x := range r.Routed {
				list = append(list, id(x.Email)+" to "+agents[x.Agent].ID)
			}
			add(list)
			list = nil
			for _, x := range r.NoAgent {
				list = append(list, id(x.Email)+": "+r.Why(x.Rule))
			}
			add(list)
			list = nil
			for _, e := range r.Unrouted {
				list = append(list, id(e)+"? "+emails[e].NoRule)
			}
			add(list)
			if d := cmp.Diff(tt.want, strings.Join(parts, "; ")); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestAMistakeInTheAddressOfAnEmail(t *testing.T) {
	t.Parallel()
	s, _ := strategy.Parse("s.yaml", []byte(strategyFile))
	rules := capacity.FromStrategy(s)
	_, got := capacity.ReadEmails("e", []byte(`[{"to": 5, "to": "all@b.example"}, {"to": ["x"]}]`), rules)
	_, more := capacity.ReadAgents("a", []byte(`{"a": {"skills": [], "languages": "English"}, "b": {"skills": [], "languages": [5]}}`), rules)
	want := "e:1:43: [1].to: a list where an address belongs\n" +
		"a:1:35: a.languages: text where a list of names belongs\na:1:81: b.languages[0]: a number where a name belongs"
	if d := cmp.Diff(want, append(got, more...).Error()); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

func TestOneEmailByItself(t *testing.T) {
	t.Parallel()
	const shape = ` (it looks like {"to": "vip@help.example.com", "subject": "Invoice", "attributes": {"tier": "gold"}})`
	tests := map[string]struct {
		src, problems string
		want          strategy.Email
	}{
		"a whole one": {
			src:  `{"to": "a@b.example", "from": null, "subject": "\u00fc", "attributes": {"tier": "gold"}}`,
			want: strategy.Email{To: "a@b.example", From: "before", Subject: "ü", Attributes: map[string]string{"tier": "gold"}},
		},
		"a key that is unknown": {src: "{\n  \"subjct\": 5, \"foo\": 1}", problems: "e.json:2:3: subjct: unknown key `subjct` (known are to, from, subject, attributes)\ne.json:2:16: foo: unknown key `foo` (known are to, from, subject, attributes)"},
		"values of other kinds": {src: "{\"to\": 5,\n\"attributes\": {\"ü\": 1, \"n\": true}}", problems: "e.json:1:8: to: a number where text belongs" + shape + "\ne.json:2:21: attributes[\"ü\"]: a number where text belongs" + shape + "\ne.json:2:29: attributes.n: a boolean where text belongs" + shape},
		"attributes in a list":  {src: `{"attributes": []}`, problems: "e.json:1:16: attributes: a list where an object belongs" + shape},
		"cut off":               {src: "{\n  \"to\":", problems: "e.json:2:7: not JSON: unexpected end of JSON input" + shape},
		"nothing":               {src: "", problems: "e.json:1:1: not JSON: unexpected end of JSON input" + shape},
		"more after it":         {src: "{}\n{}", problems: "e.json:2:1: not JSON: invalid character '{' after top-level value" + shape},
		"a list":                {src: "[]", problems: "e.json:1:1: a list where an email belongs" + shape},
		"not text":              {src: "\xff", problems: "e.json:1:1: the file is not UTF-8 text (save it as UTF-8)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strategy.Email{From: "before"}
			problems := capacity.ReadEmail("e.json", []byte(tt.src), &got)
			if d := cmp.Diff(tt.problems, problems.Error()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.want, got); tt.problems == "" && d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// What agents lack is named: single skills that nobody has, or all of them
// where each is there and not together.
func TestWhyNobodyTakesAnEmail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ skills, agents, want string }{
		"one that nobody has":  {`["a","b"]`, `{"x":{"skills":["a"],"maxCapacity":9,"currentLoad":0}}`, "nobody has the skill b"},
		"two that nobody has":  {`["a","b",1,"b"]`, `{"x":{"skills":["a"]}}`, "nobody has the skills b, 1"},
		"not together":         {`["a","b"]`, `{"x":{"skills":["a"]},"y":{"skills":["b"]}}`, "nobody has all of these together: the skills a, b"},
		"those who have them":  {`["a","b"]`, `{"x":{"skills":["a","b"]},"y":{"skills":["b","a"]},"z":{"skills":[],"currentLoad":0,"maxCapacity":9}}`, "all 2 agents who have the skills lack currentLoad or maxCapacity"},
		"asks for nothing":     {`[]`, `{"x":{"skills":[],"currentLoad":9,"maxCapacity":9}}`, "the only agent is full"},
		"no room to count":     {`[]`, `{"x":{"skills":[]}}`, "the only agent has no currentLoad and no maxCapacity"},
		"no limit":             {`["a"]`, `{"y":{"skills":["b"]},"x":{"skills":["a"],"currentLoad":0}}`, "the only agent who has the skill has no maxCapacity"},
		"no load":              {`["a"]`, `{"x":{"skills":["a"],"maxCapacity":9}}`, "the only agent who has the skill has no currentLoad"},
		"full or no limit":     {`["a"]`, `{"x":{"skills":["a"],"currentLoad":0},"y":{"skills":["a"],"currentLoad":1,"maxCapacity":1}}`, "all 2 agents who have the skill are full, or lack currentLoad or maxCapacity"},
		"can never be":         {`[{}]`, `{"x":{"skills":[{}],"currentLoad":0,"maxCapacity":9}}`, "nobody can have a skill that is an object or a list: it equals nothing"},
		"more than one word":   {manyNames(70), `{"x":{"skills":` + manyNames(69) + `,"currentLoad":0,"maxCapacity":9}}`, "nobody has the skill s69"},
		"text is not a number": {`["1"]`, `{"x":{"skills":[1],"currentLoad":0,"maxCapacity":9}}`, "nobody has the skill 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := mustCheck(t, texts{`{"routingRules":[{"type":"default","routingStrategy":{"skills":` + tt.skills + `}}]}`, `[{"id":"e"}]`, tt.agents})
			got := meaning(t, out).(map[string]any)["noAgent"].([]any)[0].(map[string]any)["why"]
			if got != tt.want {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = `"s` + string([]byte{byte('0' + i/10), byte('0' + i%10)}) + `"`
	}
	return "[" + strings.Join(names, ",") + "]"
}
