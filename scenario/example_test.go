package scenario_test

import (
	"fmt"

	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/strategy"
)

func ExampleParse() {
	_, problems := scenario.Parse("monday.yaml", []byte(`version: 1
start: 2026-11-30
days: 0
arrivals: [{ rule: standard, rate: 30 }]
handle: { mean: 6m, cv: 0.8 }
agents:
  - { name: Ada, shifts: { mon-fri: 08:00-08:00 } }
`), nil)
	fmt.Print(problems.Text())
	// Output:
	// monday.yaml:3:7: error: days: 0 is out of bounds: 1 to 400
	//     3 | days: 0
	//       |       ^
	//
	// monday.yaml:7:37: error: agents[0].shifts.mon-fri: 08:00-08:00 ends where it starts
	//     7 |   - { name: Ada, shifts: { mon-fri: 08:00-08:00 } }
	//       |                                     ^
	//       = a whole day is 00:00-24:00
}

func ExampleScenario_Model() {
	st, _ := strategy.Parse("support.yaml", []byte(`version: 1
name: support
queue: Support Email
addresses: [{ address: vip@help.example.com, rule: vip, from: VIP desk }]
rules: [{ name: vip, skills: [Billing] }]
`))
	s, _ := scenario.Parse("monday.yaml", []byte(`version: 1
start: 2026-11-30
days: 1
arrivals: [{ rule: vip, rate: 30 }]
handle: { mean: 6m, cv: 0.8 }
agents:
  - { name: Ada, count: 12, shifts: { mon-fri: 08:00-16:30 } }
`), nil)
	_, problems := s.Model(st.Desired())
	fmt.Print(problems.Text())
	// Output:
	// monday.yaml:4:20: error: arrivals[0].rule: no agent can ever take email of the rule vip: it asks for Billing
	//     4 | arrivals: [{ rule: vip, rate: 30 }]
	//       |                    ^
	//       = of 12 members on queue none has Billing
}
