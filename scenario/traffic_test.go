package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
)

const addressed = `version: 1
start: 2026-11-30
timezone: Europe/Berlin
days: 2
arrivals:
  - mix: { Support@help.example.com: 3, vip@help.example.com: 1 }
    rates: { mon: { 08:00-10:00: 12 }, sat: { 09:00-10:00: 6 } }
handle: { mean: 5m }
rules:
  vip@help.example.com: { handle: { mean: 9m }, transfer: [{ to: support@help.example.com, share: 0.5 }] }
agents: [{ name: Ada, groups: [Night], shifts: { mon: 08:00-12:00, sat: 08:00-09:00 } }, { name: Bo, count: 2 }]
`

func parse(t *testing.T, src string) *scenario.Scenario {
	t.Helper()
	sc, problems := scenario.Parse("traffic.yaml", []byte(src), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return sc
}

func address(t *testing.T, s string) routing.Address {
	t.Helper()
	a, err := routing.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// With a strategy an address stands for the rule that it leads to.
func TestAnAddressStandsForItsRule(t *testing.T) {
	t.Parallel()
	want := routing.Desired{
		Rules: []routing.Rule{{Name: "gold"}, {Name: "rest"}},
		Routes: []routing.DesiredRoute{
			{Address: address(t, "vip@help.example.com"), Rule: "gold"}, {Address: address(t, "support@help.example.com"), Rule: "rest"},
		},
	}
	src := strings.Replace(addressed, ", groups: [Night]", "", 1)
	m, problems := parse(t, src).Model(want)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if m.Rules[0].Handle.Mean != 9*time.Minute || m.Rules[1].Handle.Mean != 5*time.Minute || m.Rules[0].Transfer[0].To != 1 {
		t.Errorf("rules %+v", m.Rules)
	}
	if mix := m.Sources[0].Mix; mix[0].Rule != 0 || mix[0].Weight != 1 || mix[1].Weight != 3 {
		t.Errorf("mix %+v", mix)
	}
	twice := strings.Replace(src, "rules:\n", "rules:\n  gold: { handle: { mean: 7m } }\n", 1)
	if _, problems := parse(t, twice).Model(want); problems.Err() == nil || !strings.Contains(problems.Error(), `it is the same rule as "gold"`) {
		t.Errorf("a rule that is described twice: %v", problems)
	}
}

func TestAStretchHoldsForItsOwnDays(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	sc := parse(t, addressed)
	want := map[string]string{
		"Support@help.example.com": "arrivals[0].mix.Support@help.example.com", "vip@help.example.com": "arrivals[0].mix.vip@help.example.com",
		"support@help.example.com": "rules.vip@help.example.com.transfer[0].to",
	}
	if d := cmp.Diff(want, sc.Names()); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	// A week over the end of summer time, from a Thursday.
	m, problems := sc.Stretch(time.Date(2026, 10, 22, 0, 0, 0, 0, berlin), 7)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if len(m.Rules) != 2 || m.Rules[0].Name != "support@help.example.com" || m.Horizon != 169*time.Hour {
		t.Errorf("rules %+v over %s", m.Rules, m.Horizon)
	}
	var hours []string
	for _, r := range m.Sources[0].Rates {
		hours = append(hours, m.Start.Add(r.From).In(berlin).Format("Mon 15:04 MST"))
	}
	if d := cmp.Diff([]string{"Sat 09:00 CEST", "Mon 08:00 CET"}, hours); d != "" {
		t.Errorf("hours (-want +got):\n%s", d)
	}
	if len(m.Agents) != 3 || m.Agents[2].Name != "Bo 2" || len(m.Agents[0].Shifts) != 2 || m.Agents[0].Members[0].Ring != 1 {
		t.Errorf("agents %+v", m.Agents)
	}
	if got := sc.Agents[1].Names(); !cmp.Equal(got, []string{"Bo 1", "Bo 2"}) {
		t.Errorf("names %v", got)
	}
	if sc.Agents[0].Groups == nil || sc.Start != "2026-11-30" {
		t.Error("the scenario itself was changed")
	}
}
