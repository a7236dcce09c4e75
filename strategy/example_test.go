package strategy_test

import (
	"fmt"

	"github.com/foresort/foresort/strategy"
)

func ExampleParse() {
	_, problems := strategy.Parse("support.yaml", []byte(`version: 1
name: support
queue: Support Email
serviceLevel: { percent: 0.9, within: 4h }
agents: best-skil
`))
	fmt.Print(problems.Text())
	// Output:
	// support.yaml:4:26: error: serviceLevel.percent: 0.9 is a fraction; percent goes from 0 to 100
	//     4 | serviceLevel: { percent: 0.9, within: 4h }
	//       |                          ^
	//       = write 90, not 0.9
	//
	// support.yaml:5:9: error: agents: "best-skil" is none of best-skill, all-skills, longest-idle
	//     5 | agents: best-skil
	//       |         ^
	//       = did you mean `best-skill`?
}

func ExampleStrategy_Desired() {
	s, _ := strategy.Parse("support.yaml", []byte(`version: 1
name: support
queue: Support Email
relax:
  - { after: 2h, drop: [Billing] }
  - { after: 8h, add: Back Office }
`))
	for i, ring := range *s.Desired().Queue.Settings.Rings {
		fmt.Println(i+1, ring.Wait, ring.Drop, ring.Groups)
	}
	// Output:
	// 1 2h [Billing] []
	// 2 6h [] []
	// 3 <nil> [] [Back Office]
}

func ExampleStrategy_Decide() {
	s, _ := strategy.Parse("support.yaml", []byte(`version: 1
name: support
queue: Support Email
addresses:
  - { address: vip@help.example.com, rule: vip, from: VIP desk }
rules:
  - { name: vip, priority: 240 }
`))
	d := s.Decide(strategy.Email{To: "vip@help.example.com"})
	fmt.Println(d.Rule, *d.Priority)
	fmt.Println(d.Why)
	// Output:
	// vip 240
	// vip@help.example.com follows the rule vip (line 5)
}

func ExampleFormat() {
	out, err := strategy.Format("support.yaml", []byte("version:   1   #the format\nserviceLevel: {percent: 90,within: 4h}\n"))
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(string(out))
	// Output:
	// version: 1 # the format
	// serviceLevel: { percent: 90, within: 4h }
}

func ExampleConvert() {
	text, notes, err := strategy.Convert([]byte(`{
  "routingRules": [{ "type": "default", "routingStrategy": { "type": "random", "skills": ["s1"] } }],
  "slaPercent": 90, "slaTarget": 3600
}`), map[string]string{"s1": "Billing"}, strategy.ConvertOptions{Queue: "Support Email", Addresses: []string{"support@help.example.com"}})
	if err != nil {
		fmt.Println(err)
	}
	s, _ := strategy.Parse("support.yaml", text)
	fmt.Println(s.Name, s.ServiceLevel.Percent, s.ServiceLevel.Within, s.Rules[0].Skills)
	fmt.Println(notes[0])
	// Output:
	// support-email 90 1h [Billing]
	// routingRules[0].routingStrategy.type: random has no counterpart: the platform never chooses by chance. The nearest is the longest idle agent, which spreads email evenly
}
