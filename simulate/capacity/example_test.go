package capacity_test

import (
	"fmt"

	"github.com/foresort/foresort/simulate/capacity"
)

func Example() {
	rules, _ := capacity.ReadPayload("rules.json", []byte(`{"routingRules": [
		{"type": "urgent", "conditions": [{"field": "priority", "value": "high"}], "routingStrategy": {"skills": ["Billing"]}},
		{"type": "default", "routingStrategy": {"skills": []}}
	]}`))
	emails, _ := capacity.ReadEmails("emails.json", []byte(`[{"id": "e1"}, {"id": "e2", "priority": "high"}, {"id": "e3", "priority": "high"}]`), rules)
	agents, _ := capacity.ReadAgents("agents.json", []byte(`{"anna": {"skills": ["Billing"], "currentLoad": 4, "maxCapacity": 5}}`), rules)
	result := capacity.Check(capacity.Input{Rules: rules, Emails: emails, Agents: agents})
	for _, x := range result.Routed {
		fmt.Printf("%s goes to %s\n", emails[x.Email].JSON, agents[x.Agent].ID)
	}
	for _, x := range result.NoAgent {
		fmt.Printf("%s goes to nobody: %s\n", emails[x.Email].JSON, result.Why(x.Rule))
	}
	// Output:
	// {"id": "e2", "priority": "high"} goes to anna
	// {"id": "e3", "priority": "high"} goes to nobody: the only agent who has the skill is full
	// {"id": "e1"} goes to nobody: the only agent is full
}
