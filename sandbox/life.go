package sandbox

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox/centre"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
)

// This file lets the organisation live: the configuration as it is stored, the
// schedules, and the mail of a scenario move the centre.

const (
	stretchDays = 28                 // of traffic that are made at once
	planned     = 7 * 24 * time.Hour // for which shifts are known ahead
)

// hiredFor is the department of the agents whom only the scenario knows.
const hiredFor = "Scenario"

// life is the organisation at work; nil: it is at rest.
type life struct {
	centre   *centre.Centre
	traffic  *traffic
	zero     time.Time // the centre's beginning
	replan   time.Time // when the centre needs shifts beyond those that it knows
	statuses time.Time // when the next route becomes active or goes; zero: none will
	changed  bool      // something was written that the centre does not know yet

	letters   map[int]created // by the first leg of the conversation: what was created by the API
	announced int             // the newest leg whose coming was published
}

// live starts the life of the organisation: it runs from Options.History before
// now up to now.
func (s *Server) live() error {
	sc := s.options.Traffic
	zone := unitLocation()
	if z, err := time.LoadLocation(sc.Timezone); err == nil && sc.Timezone != "" {
		zone = z
	}
	zero := s.opened.In(zone).Truncate(time.Minute)
	if s.options.History > 0 {
		y, m, d := s.opened.Add(-s.options.History).In(zone).Date()
		zero = time.Date(y, m, d, 0, 0, 0, 0, zone)
	}
	s.life = &life{zero: zero, traffic: &traffic{scenario: sc, zero: zero, seed: s.options.Seed}}
	if err := s.life.traffic.stretch(); err != nil {
		return err
	}
	if err := errors.Join(s.checkAddresses(), s.hire()); err != nil {
		return err
	}
	s.life.centre = centre.New(s.configuration(zero), s.life.traffic, s.options.Seed, s.options.Keep)
	if s.options.History <= 0 {
		for _, m := range s.life.traffic.backlog() {
			s.life.centre.Receive(m)
		}
	}
	s.life.changed = false
	s.catchUp()
	s.announce()
	return s.broken
}

// noteChange notes that something was written.
func (s *Server) noteChange() {
	s.writes++
	if s.life != nil {
		s.life.changed = true
	}
}

// at is the instant of a time of the centre.
func (l *life) at(ms int64) time.Time { return l.zero.UTC().Add(time.Duration(ms) * time.Millisecond) }

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
	var queues []string
	for _, a := range s.addresses() {
		if _, named := s.options.Traffic.Names()[a.Address]; named && a.Queue != "" && !slices.Contains(queues, a.Queue) {
			queues = append(queues, a.Queue)
		}
	}
	skills, languages := named2id(s.skills), named2id(s.languages)
	var wrong []error
	known := func(agent string, levels map[string]float64, ids map[string]string, what string) map[string]float64 {
		out := map[string]float64{}
		for name, level := range levels {
			id, ok := ids[name]
			if !ok {
				wrong = append(wrong, fmt.Errorf("the agent %s of the scenario has the %s %s, which the organisation does not have", agent, what, name))
			}
			out[id] = level
		}
		return out
	}
	for _, a := range s.life.traffic.model.Agents {
		if have[a.Name] {
			continue
		}
		u := user{
			ID: s.newID(), Name: a.Name, Email: strings.ToLower(strings.ReplaceAll(a.Name, " ", ".")) + "@larkfield.example",
			Title: "Agent", Department: hiredFor, Presence: "OFFLINE", RoutingStatus: "OFF_QUEUE", Since: s.life.zero.UTC(),
			Skills: known(a.Name, a.Skills, skills, "skill"), Languages: known(a.Name, a.Languages, languages, "language"),
			Utilization: object{"email": object{"maximumCapacity": number(float64(a.Capacity)), "interruptableMediaTypes": []any{"call"}, "includeNonAcd": false}},
		}
		s.users.seedRow(u.ID, u)
		for _, q := range queues {
			s.members[q].seedRow(u.ID, member{User: u.ID, Ring: 1, Joined: true, By: "user"})
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(slices.CompactFunc(wrong, func(a, b error) bool { return a.Error() == b.Error() })...)
}

func named2id(t *table[skill]) map[string]string {
	ids := map[string]string{}
	for _, k := range t.all() {
		ids[k.Name] = k.ID
	}
	return ids
}

// catchUp lets everything happen up to now. What was written since the last time
// acts from the present moment on.
func (s *Server) catchUp() {
	s.tendFaults()
	l := s.life
	if l == nil || l.centre == nil || s.broken != nil {
		return
	}
	to := s.now()
	for s.broken == nil {
		step, plan := to, false
		if !l.replan.After(to) {
			step, plan = l.replan, true
		}
		if since := step.Sub(l.zero); since > time.Duration(l.centre.Now())*time.Millisecond {
			s.broken = l.centre.Advance(since)
		}
		if s.broken == nil {
			s.broken = l.traffic.err
		}
		if !plan {
			break
		}
		l.centre.Configure(s.configuration(step))
	}
	if !l.statuses.IsZero() && !s.wall().Before(l.statuses) {
		l.changed = true
	}
}

// run lets everything happen as time passes, until the sandbox is closed.
func (s *Server) run(stop <-chan struct{}) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		s.catchUp()
		s.settle()
		s.mu.Unlock()
	}
}

// settle tells the centre of what was written.
func (s *Server) settle() {
	if l := s.life; l != nil && l.centre != nil && l.changed && s.broken == nil {
		l.centre.Configure(s.configuration(s.now()))
		l.changed = false
	}
}

// configuration is the organisation as it is stored, with the shifts from the
// beginning, or from at on if that is later, to what is planned.
func (s *Server) configuration(at time.Time) centre.Config {
	l := s.life
	model := l.traffic.model
	cfg := centre.Config{Voice: model.Voice, NoAnswer: model.NoAnswer, Unfinished: model.Unfinished, Addresses: s.addresses()}
	index := map[string][]simulate.Membership{}
	for i, q := range s.queues.all() {
		cfg.Queues = append(cfg.Queues, centre.Queue{ID: text(q, "id"), Settings: queueSettings(q)})
		for _, m := range s.membersAmong(q, s.members[text(q, "id")].all(), s.users.all) {
			if m.Joined {
				index[m.User] = append(index[m.User], simulate.Membership{Queue: i, Ring: m.Ring})
			}
		}
	}
	from, to := at, later(at, s.now()).Add(planned+24*time.Hour)
	shifts := l.traffic.shifts(from, to)
	own, _ := s.utilization.latest(orgUtilization)
	for _, u := range s.users.all() {
		in, works := l.traffic.agent(u.Name)
		if !works {
			continue
		}
		in.Name, in.Skills, in.Languages, in.Members = u.ID, u.Skills, u.Languages, index[u.ID]
		in.Capacity = capacityOf(u, own)
		if in.Shifts = shifts[u.Name]; u.Department != hiredFor && !l.traffic.shifted(u.Name) {
			in.Shifts = s.onQueue(u, from, to)
		}
		cfg.Agents = append(cfg.Agents, in)
	}
	l.replan = later(at, s.now()).Add(planned)
	return cfg
}

// capacityOf is how many emails an agent may hold at once.
func capacityOf(u user, org object) int {
	set := dig(org, "utilization", "email")
	if u.Utilization != nil {
		set = dig(u.Utilization, "email")
	}
	if n, ok := decimal(set, "maximumCapacity"); ok {
		return int(n)
	}
	return int(defaultCapacity["email"])
}

// onQueue is when the published schedule has an agent on queue.
func (s *Server) onQueue(u user, from, to time.Time) []simulate.Span {
	zone := unitLocation()
	out := []simulate.Span{}
	for day := date(from, zone).AddDate(0, 0, -1); !day.After(date(to, zone)); day = day.AddDate(0, 0, 1) {
		work, _ := s.workday(u, day, zone)
		if work == nil {
			continue
		}
		for _, a := range work.activities {
			if a.code.id != onQueue.id {
				continue
			}
			begin := a.start.Sub(s.life.zero)
			span := simulate.Span{From: begin, To: begin + time.Duration(a.minutes)*time.Minute}
			if span.To > 0 {
				out = append(out, span)
			}
		}
	}
	return out
}

// atWork is an agent with presence and routing status as they are now. Whoever
// does not work under the traffic is offline.
func (s *Server) atWork(u user) user { return s.atWorkAt(u, s.now()) }

func (s *Server) atWorkAt(u user, now time.Time) user {
	l := s.life
	if l == nil || l.centre == nil {
		return u
	}
	if _, works := l.traffic.agent(u.Name); !works {
		if u.Presence == "ON_QUEUE" {
			u.Presence, u.RoutingStatus = "OFFLINE", "OFF_QUEUE"
		}
		return u
	}
	status, since := l.centre.Status(u.ID)
	u.Presence, u.RoutingStatus, u.Since = "ON_QUEUE", routingStatuses[status], l.at(since)
	if status == simulate.OffQueue {
		u.Presence = "OFFLINE"
		if u.Department != hiredFor && !l.traffic.shifted(u.Name) {
			u.Presence = s.awayFor(u, now)
		}
	}
	return u
}

// routingStatuses are the statuses as the wire has them.
var routingStatuses = map[simulate.Status]string{
	simulate.OffQueue: "OFF_QUEUE", simulate.Idle: "IDLE", simulate.Interacting: "INTERACTING",
	simulate.Communicating: "COMMUNICATING", simulate.NotResponding: "NOT_RESPONDING",
}

// awayFor is the presence of an agent off queue, by the published schedule.
func (s *Server) awayFor(u user, now time.Time) string {
	zone := unitLocation()
	work, _ := s.workday(u, date(now, zone), zone)
	if work == nil {
		return "OFFLINE"
	}
	for _, a := range work.activities {
		if since := now.Sub(a.start); since < 0 || since >= time.Duration(a.minutes)*time.Minute {
			continue
		}
		switch a.code.category {
		case "Break":
			return "BREAK"
		case "Meal":
			return "MEAL"
		case "OnQueueWork": // on queue by the schedule, and not yet or not any more
			return "AVAILABLE"
		default:
			return "BUSY"
		}
	}
	return "OFFLINE"
}

// dayOf is what an agent does on a date: by the scenario, where it has shifts for
// them, else by the published schedule.
func (s *Server) dayOf(u user, day time.Time, zone *time.Location) (*shift, *dayOff) {
	if s.life == nil || u.Department != hiredFor && !s.life.traffic.shifted(u.Name) {
		return s.workday(u, day, zone)
	}
	t := s.life.traffic
	y, m, d := day.Date()
	begin := time.Date(y, m, d, 0, 0, 0, 0, zone).Sub(t.zero)
	end := time.Date(y, m, d+1, 0, 0, 0, 0, zone).Sub(t.zero)
	out := &shift{id: uuid(s.dice("shift", u.Email, day.Format(time.DateOnly))), day: day}
	add := func(code activityCode, from, to time.Time) {
		out.activities = append(out.activities, activity{code, from, int(to.Sub(from).Minutes())})
	}
	for _, span := range t.around(t.zero.Add(begin))[u.Name] {
		if span.From < begin || span.From >= end {
			continue
		}
		from, to := t.zero.Add(span.From).UTC(), t.zero.Add(span.To).UTC()
		if len(out.activities) == 0 {
			out.start = from
		} else if last := out.end(); last.Before(from) {
			add(shortBreak, last, from)
		}
		add(onQueue, from, to)
	}
	if len(out.activities) == 0 {
		return nil, nil
	}
	return out, nil
}

// addresses are the routes that take mail now, and when that will change.
func (s *Server) addresses() []centre.Address {
	var out []centre.Address
	s.life.statuses = time.Time{}
	next := func(t time.Time) {
		if s.wall().Before(t) && (s.life.statuses.IsZero() || t.Before(s.life.statuses)) {
			s.life.statuses = t
		}
	}
	for _, d := range s.domains.all() {
		domain := text(d, "id")
		for _, r := range s.routes[domain].all() {
			next(r.active)
			next(r.gone)
			if !s.alive(r) || s.status(r) == "Pending" || s.status(r) == "Error" {
				continue
			}
			a := centre.Address{Address: strings.ToLower(text(r.body, "pattern")) + "@" + domain, Queue: text(r.body, "queue", "id")}
			if n, ok := decimal(r.body, "priority"); ok {
				a.Priority = int(n)
			}
			for _, k := range list(r.body, "skills") {
				a.Ask.Skills = append(a.Ask.Skills, text(k, "id"))
			}
			a.Ask.Language = text(r.body, "language", "id")
			out = append(out, a)
		}
	}
	return out
}

// queueSettings reads what the engine needs of a queue.
func queueSettings(q object) routing.QueueSettings {
	var out routing.QueueSettings
	seconds := func(v any, path ...string) *routing.Duration {
		n, ok := decimal(v, path...)
		if !ok {
			return nil
		}
		d := routing.Duration(n * float64(time.Second))
		return &d
	}
	email := dig(q, "mediaSettings", "email")
	if within := seconds(email, "serviceLevel", "durationMs"); within != nil {
		percent, _ := decimal(email, "serviceLevel", "percentage")
		out.ServiceLevel = &routing.ServiceLevel{Percent: 100 * percent, Within: *within / 1000}
	}
	out.Alert = seconds(email, "alertingTimeoutSeconds")
	wrap := routing.WrapUp{Mode: wrapUpModes[text(q, "acwSettings", "wrapupPrompt")]}
	if t := seconds(q, "acwSettings", "timeoutMs"); t != nil {
		*t /= 1000
		wrap.Timeout = t
	}
	out.WrapUp = &wrap
	evaluation, order, last := evaluations[text(q, "skillEvaluationMethod")], routing.AgeAndPriority, lastAgents[text(q, "lastAgentRoutingMode")]
	if text(q, "scoringMethod") == "PriorityOnly" {
		order = routing.PriorityOnly
	}
	out.Agents, out.Order, out.LastAgent = &evaluation, &order, &last
	var rings routing.Rings
	for _, r := range list(q, "bullseye", "rings") {
		var ring routing.Ring
		for _, c := range list(r, "expansionCriteria") {
			if text(c, "type") == "TIMEOUT_SECONDS" {
				ring.Wait = seconds(c, "threshold")
			}
		}
		for _, k := range list(r, "actions", "skillsToRemove") {
			ring.Drop = append(ring.Drop, routing.Ref{Name: text(k, "id")})
		}
		rings = append(rings, ring)
	}
	out.Rings = &rings
	return out
}

// How the wire names what the engine knows.
var (
	wrapUpModes = map[string]routing.WrapUpMode{
		"MANDATORY": routing.WrapUpMandatory, "OPTIONAL": routing.WrapUpOptional, "MANDATORY_TIMEOUT": routing.WrapUpMandatoryTimeout,
		"MANDATORY_FORCED_TIMEOUT": routing.WrapUpMandatoryForcedTimeout, "AGENT_REQUESTED": routing.WrapUpAgentRequested,
	}
	evaluations = map[string]routing.Evaluation{"ALL": routing.AllSkills, "BEST": routing.BestSkill, "NONE": routing.LongestIdle}
	lastAgents  = map[string]routing.LastAgent{
		"AnyAgent": routing.LastAgentAny, "QueueMembersOnly": routing.LastAgentQueueMembers, "Disabled": routing.LastAgentOff,
	}
)

// traffic is the mail of a scenario, stretch by stretch without end.
type traffic struct {
	scenario *scenario.Scenario
	zero     time.Time
	seed     uint64
	n        int            // stretches made
	from     time.Duration  // where the present one begins
	to       time.Duration  // and ends
	model    simulate.Model // of the present one
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
	for i := range t.scenario.Agents {
		if a := &t.scenario.Agents[i]; slices.Contains(a.Names(), name) {
			return a.Shifts != nil
		}
	}
	return false
}

// agent is how an agent works by the scenario; false: not at all.
func (t *traffic) agent(name string) (simulate.Agent, bool) {
	i := slices.IndexFunc(t.model.Agents, func(a simulate.Agent) bool { return a.Name == name })
	if i < 0 {
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
