package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
)

// This file is a scenario without a strategy: the traffic of an organisation
// whose addresses it names in place of rules.

// Names are what the scenario calls rules, each with the key that names it
// first.
func (s *Scenario) Names() map[string]string {
	names := map[string]string{}
	note := func(name, path string) {
		if _, known := names[name]; !known && name != "" {
			names[name] = path
		}
	}
	for i := range s.Arrivals {
		a := &s.Arrivals[i]
		path := fmt.Sprintf("arrivals[%d]", i)
		note(a.Rule, path+".rule")
		for _, name := range sorted(a.Mix) {
			note(name, path+".mix."+name)
		}
		if f := s.files[a.Trace+a.History]; f != nil {
			for _, row := range f.rows {
				note(row.rule, path)
			}
		}
	}
	for i, b := range s.Backlog {
		note(b.Rule, fmt.Sprintf("backlog[%d].rule", i))
	}
	for _, name := range sorted(s.Rules) {
		note(name, "rules."+name)
		for k, t := range s.Rules[name].Transfer {
			if t.To != elsewhere {
				note(t.To, fmt.Sprintf("rules.%s.transfer[%d].to", name, k))
			}
		}
	}
	return names
}

// Stretch is the model of some days of the scenario, whenever it starts by its
// own account: what it says of the days of the week holds for those of the
// stretch. Its rules are what the scenario names, in order, and ask for nothing;
// its one queue has no settings. Days begin at midnight in the zone of start.
func (s *Scenario) Stretch(start time.Time, days int) (simulate.Model, Problems) {
	copied := *s
	copied.Start, copied.Timezone = start.Format("2006-01-02 15:04"), start.Location().String()
	copied.Days, copied.Horizon, copied.WarmUp, copied.Drain, copied.Every = &days, nil, 0, false, 0
	copied.part = true
	copied.Agents = slices.Clone(s.Agents)
	for i := range copied.Agents {
		copied.Agents[i].Groups, copied.Agents[i].Ring = nil, 1
	}
	want := routing.Desired{Queue: routing.DesiredQueue{Name: "traffic"}}
	for _, name := range slices.Sorted(maps.Keys(s.Names())) {
		if strings.Contains(name, "@") {
			name = strings.ToLower(name)
		}
		if !slices.ContainsFunc(want.Rules, func(r routing.Rule) bool { return r.Name == name }) {
			want.Rules = append(want.Rules, routing.Rule{Name: name})
		}
	}
	return copied.Model(want)
}
