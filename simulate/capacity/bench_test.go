package capacity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/foresort/foresort/simulate/capacity"
)

// The size that the figures are for.
const manyEmails, manyAgents, manySkills = 100_000, 5_000, 20

// large is a day on which there is more email than agents can take: three rules
// ask for all, half and a quarter of the skills, half of the agents have all of
// them and the others three quarters, in any order.
func large(emails, agents int) texts {
	r := rand.New(rand.NewPCG(3, 1))
	names := make([]string, manySkills)
	for i := range names {
		names[i] = fmt.Sprintf("%q", fmt.Sprintf("skill-id-%d", i+1))
	}
	skills := func(n int, shuffled bool) string {
		list := slices.Clone(names)
		if shuffled {
			r.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
		}
		return strings.Join(list[:n], ", ")
	}
	var t texts
	rule := func(kind, priority string, n int) string {
		return fmt.Sprintf(`{"type": %q, "conditions": [{"field": "priority", "operator": "equal", "value": %q}], "routingStrategy": {"type": "longest-idle", "skills": [%s]}}`,
			kind, priority, skills(n, false))
	}
	t.Rules = fmt.Sprintf(`{"routingRules": [%s, %s, {"type": "default", "routingStrategy": {"type": "random", "skills": [%s]}}]}`,
		rule("first", "high", manySkills), rule("second", "medium", manySkills/2), skills(manySkills/4, false))
	var b strings.Builder
	b.WriteString("[")
	for i := range emails {
		fmt.Fprintf(&b, "%s\n{\"id\": \"e%d\", \"priority\": %q, \"subject\": \"Invoice %d\", \"customer\": %d}",
			strings.Repeat(",", min(i, 1)), i, []string{"high", "medium", "low"}[r.IntN(3)], r.IntN(1e6), r.IntN(1e6))
	}
	t.Emails = b.String() + "\n]"
	b.Reset()
	b.WriteString("{")
	for i := range agents {
		n := manySkills
		if i%2 == 1 {
			n = manySkills * 3 / 4
		}
		load := r.IntN(5)
		fmt.Fprintf(&b, "%s\n\"agent-%d\": {\"skills\": [%s], \"currentLoad\": %d, \"maxCapacity\": %d}",
			strings.Repeat(",", min(i, 1)), i, skills(n, true), load, 5+r.IntN(10))
	}
	t.Agents = b.String() + "\n}"
	return t
}

// BenchmarkCheck is the check on values in memory: 100,000 emails, 5,000
// agents, 20 skills.
func BenchmarkCheck(b *testing.B) {
	t := large(manyEmails, manyAgents)
	rules, _ := capacity.ReadPayload("", []byte(t.Rules))
	emails, _ := capacity.ReadEmails("", []byte(t.Emails), rules)
	agents, _ := capacity.ReadAgents("", []byte(t.Agents), rules)
	b.ReportAllocs()
	for b.Loop() {
		r := capacity.Check(capacity.Input{Rules: rules, Emails: emails, Agents: agents})
		if len(r.Routed)+len(r.NoAgent) != manyEmails {
			b.Fatal("emails are lost")
		}
	}
}

// BenchmarkCheckJSON is the same with JSON in and out.
func BenchmarkCheckJSON(b *testing.B) {
	t := large(manyEmails, manyAgents)
	rulesJSON, emailsJSON, agentsJSON := []byte(t.Rules), []byte(t.Emails), []byte(t.Agents)
	b.ReportAllocs()
	for b.Loop() {
		rules, _ := capacity.ReadPayload("", rulesJSON)
		emails, _ := capacity.ReadEmails("", emailsJSON, rules)
		agents, _ := capacity.ReadAgents("", agentsJSON, rules)
		r := capacity.Check(capacity.Input{Rules: rules, Emails: emails, Agents: agents})
		if err := r.WriteJSON(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// slowly keeps what takes minutes out of runs that did not ask for it.
func slowly(b *testing.B) {
	b.Helper()
	if os.Getenv(tutorialEnv) == "" {
		b.Skipf("takes minutes: runs only where %s is set", tutorialEnv)
	}
}

// BenchmarkPlainLoop is not the tutorial's function: it is a loop of our own in
// Go that does the same work in the same way, agent by agent and skill by skill.
func BenchmarkPlainLoop(b *testing.B) {
	slowly(b)
	t := large(manyEmails, manyAgents)
	in := readPlain(b, t)
	for b.Loop() {
		if routed, lonely := in.loop(); routed+lonely != manyEmails {
			b.Fatal("emails are lost")
		}
	}
}

// plainInput is the input of the plain loop.
type plainInput struct {
	rules []struct {
		Type       string
		Conditions []struct{ Field, Value string }
		Strategy   struct{ Skills []string } `json:"routingStrategy"`
	}
	emails []map[string]any
	agents []plainAgent
}

type plainAgent struct {
	Skills      []string
	CurrentLoad int
	MaxCapacity int
}

func readPlain(b *testing.B, t texts) (in plainInput) {
	b.Helper()
	payload := struct {
		RoutingRules any `json:"routingRules"`
	}{&in.rules}
	agents := map[string]plainAgent{}
	for text, to := range map[string]any{t.Rules: &payload, t.Emails: &in.emails, t.Agents: &agents} {
		if err := json.Unmarshal([]byte(text), to); err != nil {
			b.Fatal(err)
		}
	}
	for i := range len(agents) {
		in.agents = append(in.agents, agents[fmt.Sprintf("agent-%d", i)])
	}
	return in
}

func (in plainInput) loop() (routed, lonely int) {
	order := map[any]int{"high": 1, "medium": 2, "low": 3}
	emails := slices.Clone(in.emails)
	slices.SortStableFunc(emails, func(a, b map[string]any) int { return order[a["priority"]] - order[b["priority"]] })
	agents := slices.Clone(in.agents)
next:
	for _, email := range emails {
		for _, rule := range in.rules {
			if rule.Type != "default" && slices.ContainsFunc(rule.Conditions, func(c struct{ Field, Value string }) bool { return email[c.Field] != c.Value }) {
				continue
			}
			for i := range agents {
				agent := &agents[i]
				if !slices.ContainsFunc(rule.Strategy.Skills, func(s string) bool { return !slices.Contains(agent.Skills, s) }) && agent.CurrentLoad < agent.MaxCapacity {
					agent.CurrentLoad++
					routed++
					continue next
				}
			}
			lonely++
			continue next
		}
	}
	return routed, lonely
}

// timesMain times the tutorial's function, alone and with JSON in and out, and
// prints milliseconds and the counts.
const timesMain = `
const fs = require('fs');
const [rules, emails, agents] = process.argv.slice(2).map(f => fs.readFileSync(f, 'utf8'));
const t0 = performance.now();
const inputs = [JSON.parse(rules), JSON.parse(emails), JSON.parse(agents)];
const t1 = performance.now();
const result = simulateRouting(...inputs);
const t2 = performance.now();
const out = JSON.stringify(result);
const t3 = performance.now();
console.log([t2 - t1, t3 - t0, result.routed.length, result.capacityExceeded, out.length].join(' '));
`

// BenchmarkTutorialInNode is the tutorial's own function, once, on the same
// inputs: alone as ms/memory, with JSON in and out as ms/JSON.
func BenchmarkTutorialInNode(b *testing.B) {
	node, script := tutorialScript(b, timesMain)
	t, dir := large(manyEmails, manyAgents), b.TempDir()
	args := []string{script}
	for name, text := range map[string]string{"1": t.Rules, "2": t.Emails, "3": t.Agents} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for _, name := range []string{"1", "2", "3"} {
		args = append(args, filepath.Join(dir, name))
	}
	for b.Loop() {
		out, err := exec.CommandContext(b.Context(), node, args...).Output()
		if err != nil {
			b.Fatal(err)
		}
		fields := strings.Fields(string(bytes.TrimSpace(out)))
		for i, unit := range []string{"ms/memory", "ms/JSON", "routed", "exceeded"} {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(v, unit)
		}
	}
}
