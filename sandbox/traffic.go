package sandbox

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
)

// This file is the traffic: a scenario goes in, mail in the order in which it
// comes, and the agents who work, come out.

// stretchDays is how many days of traffic are made at once.
const stretchDays = 28

// hiredFor is the department of the agents whom only the scenario knows.
const hiredFor = "Scenario"

// checkAddresses refuses traffic to addresses of domains that there are not. An
// address without a route is none of its mistakes: its mail is lost until there
// is one.
func (s *Server) checkAddresses() error {
	var wrong []error
	for name, path := range s.options.Traffic.Names() {
		_, domain, ok := strings.Cut(strings.ToLower(name), "@")
		at := s.options.Traffic.At(path)
		place := fmt.Sprintf("%s:%d:%d", at.File, at.Line, at.Column)
		switch {
		case !ok:
			wrong = append(wrong, fmt.Errorf("%s: %s: %q is no address: an organisation has addresses in place of a strategy's rules, such as support@help.example.com", place, path, name))
		case s.routes[domain] == nil:
			wrong = append(wrong, fmt.Errorf("%s: %s: the organisation has no email domain %s", place, path, domain))
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(wrong...)
}

// hire makes a user of each agent of the scenario whom the organisation does not
// have, a member of every queue that the scenario's mail goes to.
func (s *Server) hire() error {
	have := map[string]bool{}
	for _, u := range s.users.all() {
		have[u.Name] = true
	}
	named := map[string]bool{}
	for name := range s.options.Traffic.Names() {
		named[strings.ToLower(name)] = true
	}
	var queues []string
	for _, a := range s.addresses(s.wall()) {
		if named[a.Address] && a.Queue != "" && !slices.Contains(queues, a.Queue) {
			queues = append(queues, a.Queue)
		}
	}
	skills, languages := named2id(s.skills), named2id(s.languages)
	if err := s.checkAgents(have, skills, languages); err != nil {
		return err
	}
	for _, a := range s.life.traffic.model.Agents {
		if have[a.Name] {
			continue
		}
		u := user{
			ID: s.newID(), Name: a.Name, Email: strings.ToLower(strings.ReplaceAll(a.Name, " ", ".")) + "@larkfield.example",
			Title: "Agent", Department: hiredFor, Presence: "OFFLINE", RoutingStatus: "OFF_QUEUE", Since: s.life.zero.UTC(),
			Skills: byID(a.Skills, skills), Languages: byID(a.Languages, languages),
			Utilization: object{"email": object{"maximumCapacity": number(float64(a.Capacity)), "interruptableMediaTypes": []any{"call"}, "includeNonAcd": false}},
		}
		s.users.seedRow(u.ID, u)
		for _, q := range queues {
			s.members[q].seedRow(u.ID, member{User: u.ID, Ring: 1, Joined: true, By: "user"})
		}
	}
	return nil
}

// checkAgents refuses skills and languages that the organisation does not have,
// of agents who are to be hired.
func (s *Server) checkAgents(have map[string]bool, skills, languages map[string]string) error {
	var wrong []error
	for i := range s.options.Traffic.Agents {
		a := &s.options.Traffic.Agents[i]
		if !slices.ContainsFunc(a.Names(), func(name string) bool { return !have[name] }) {
			continue
		}
		for _, x := range []struct {
			key, what string
			levels    map[string]float64
			known     map[string]string
		}{{"skills", "skill", a.Skills, skills}, {"languages", "language", a.Languages, languages}} {
			for _, name := range slices.Sorted(maps.Keys(x.levels)) {
				if _, ok := x.known[name]; !ok {
					path := fmt.Sprintf("agents[%d].%s.%s", i, x.key, name)
					at := s.options.Traffic.At(path)
					wrong = append(wrong, fmt.Errorf("%s:%d:%d: %s: the organisation does not have the %s %s", at.File, at.Line, at.Column, path, x.what, name))
				}
			}
		}
	}
	return errors.Join(wrong...)
}

func named2id(t *table[skill]) map[string]string {
	ids := map[string]string{}
	for _, k := range t.all() {
		ids[k.Name] = k.ID
	}
	return ids
}

// traffic is the mail of a scenario, stretch by stretch without end.
type traffic struct {
	scenario *scenario.Scenario
	zero     time.Time
	seed     uint64
	n        int             // stretches made
	from     time.Duration   // where the present one begins
	to       time.Duration   // and ends
	model    simulate.Model  // of the present one
	agents   map[string]int  // in model, by name
	own      map[string]bool // by name: the agent has shifts in the scenario
	mail     *simulate.Traffic
	err      error
	kept     map[string][]simulate.Span // shifts, from keptFrom on
	keptFrom time.Time
}

// stretch makes the next stretch.
func (t *traffic) stretch() error {
	start := t.zero
	if t.n > 0 {
		y, m, d := t.zero.Date()
		start = time.Date(y, m, d+t.n*stretchDays, 0, 0, 0, 0, t.zero.Location())
	}
	days := stretchDays
	m, problems := t.scenario.Stretch(start, days)
	if err := problems.Err(); err != nil {
		return err
	}
	y, mo, d := start.Date()
	end := time.Date(y, mo, d+days, 0, 0, 0, 0, start.Location())
	t.model, t.from, t.to = m, start.Sub(t.zero), end.Sub(t.zero)
	t.agents = map[string]int{}
	for i, a := range slices.Backward(m.Agents) {
		t.agents[a.Name] = i
	}
	t.mail = simulate.NewTraffic(m, t.seed, t.n)
	t.n++
	return nil
}

// backlog is the mail that waits at the beginning.
func (t *traffic) backlog() []centre.Mail {
	var out []centre.Mail
	for _, w := range t.model.Backlog {
		m := t.letter(t.mail.Again(w.Rule), w.Rule)
		m.At = -w.Age
		out = append(out, m)
	}
	return out
}

// Next is the next email of the scenario.
func (t *traffic) Next() (centre.Mail, bool) {
	for range 15 { // a year without mail is the end of it
		if d, ok := t.mail.Next(); ok && t.from+d.At < t.to {
			m := t.letter(d.Email, d.Rule)
			m.At, m.Reply = t.from+d.At, d.Reply
			return m, true
		}
		if t.err = t.stretch(); t.err != nil {
			break
		}
	}
	return centre.Mail{}, false
}

// Again is what email that is transferred to an address takes.
func (t *traffic) Again(address string) centre.Mail {
	for i, r := range t.model.Rules {
		if r.Name == address {
			return t.letter(t.mail.Again(i), i)
		}
	}
	return centre.Mail{Address: address}
}

func (t *traffic) letter(e simulate.Email, rule int) centre.Mail {
	m := centre.Mail{Address: t.model.Rules[rule].Name, Handle: e.Handle, WrapUp: e.WrapUp, Patience: e.Patience}
	if e.Transfer > 0 {
		m.Transfer = t.model.Rules[e.Transfer-1].Name
	}
	return m
}

// shifts are when the agents of the scenario are on queue, by name.
func (t *traffic) shifts(from, to time.Time) map[string][]simulate.Span {
	y, mo, d := from.In(t.zero.Location()).Date()
	start := time.Date(y, mo, d-1, 0, 0, 0, 0, t.zero.Location())
	m, problems := t.scenario.Stretch(start, int(to.Sub(start)/(24*time.Hour))+2)
	if err := problems.Err(); err != nil {
		t.err = err
		return nil
	}
	out := map[string][]simulate.Span{}
	offset := start.Sub(t.zero)
	for _, a := range m.Agents {
		spans := []simulate.Span{}
		for _, s := range a.Shifts {
			if s.From, s.To = s.From+offset, s.To+offset; s.To > 0 {
				spans = append(spans, s)
			}
		}
		out[a.Name] = spans
	}
	return out
}

// around is the shifts of the weeks around a time, which are kept for the next
// who asks.
func (t *traffic) around(at time.Time) map[string][]simulate.Span {
	if t.kept == nil || at.Before(t.keptFrom) || at.After(t.keptFrom.AddDate(0, 0, 35)) {
		t.keptFrom = at.AddDate(0, 0, -7)
		t.kept = t.shifts(t.keptFrom, at.AddDate(0, 0, 36))
	}
	return t.kept
}

// shifted says that the scenario has shifts for an agent.
func (t *traffic) shifted(name string) bool {
	if t.own == nil {
		t.own = map[string]bool{}
		for _, a := range slices.Backward(t.scenario.Agents) {
			for _, name := range a.Names() {
				t.own[name] = a.Shifts != nil
			}
		}
	}
	return t.own[name]
}

// agent is how an agent works by the scenario; false: not at all.
func (t *traffic) agent(name string) (simulate.Agent, bool) {
	i, ok := t.agents[name]
	if !ok {
		return simulate.Agent{}, false
	}
	return simulate.Agent{Speed: t.model.Agents[i].Speed, Attention: t.model.Agents[i].Attention}, true
}

// seedTraffic is the traffic of the seeded organisation.
//
//go:embed traffic.yaml
var seedTraffic []byte

// SeedTraffic is the traffic of the seeded organisation: about 1,000 emails on a
// working day for its 40 agents, who keep to their schedules.
func SeedTraffic() *scenario.Scenario {
	sc, problems := scenario.Parse("traffic.yaml", seedTraffic, nil)
	if err := problems.Err(); err != nil {
		panic(fmt.Sprintf("read the embedded traffic: %v", err)) // a build with a broken file; no test would pass
	}
	return sc
}
