package simulate

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
)

// naive is the engine's rules once more, written to be read: it looks at every
// email and every agent each time, and knows no lists, heaps or sets of bits. It
// shares nothing with the engine but the draws of chance.
type naive struct {
	cfg    Config
	queues []Queue
	now    time.Duration
	emails []*naiveEmail // by serial
	agents []*naiveAgent
	chance *dice
	placed int // tickets given out
	used   int // times that an agent took or ended an email

	transferred func(rule int)
	log         []entry
	// want is what the engine did: of events at the same instant, whose order no
	// rule says, the one that it has next goes first.
	want []entry
	// unclear says that two events fell on one instant, and want does not tell
	// which was first.
	unclear bool
}

// entry is one event, without what differs between the two.
type entry struct {
	At    time.Duration
	What  string
	Email uint32
	Agent int
	Wait  time.Duration
}

type naiveEmail struct {
	Email
	serial   uint32
	queue    string
	skills   []string
	language string

	state  string // waiting, alerting, working, gone
	order  int    // of its ticket
	ring   int
	agent  *naiveAgent
	left   time.Duration // work that is left, at speed 1 of what the agent was when it was answered
	ends   time.Duration // of independent work
	next   map[string]time.Duration
	giveUp time.Duration

	alertEnds time.Duration
}

type naiveAgent struct {
	index           int
	is              *Agent // nil: gone
	name            string
	capacity        int
	shared          bool
	speed           float64
	on, call, away  bool
	resting, forced bool
	hands           []*naiveEmail
	used            int
	flowed          time.Duration
	callAt, callEnd time.Duration // never: none
	shareEnd        time.Duration
	back            []time.Duration
}

const noTime = time.Duration(never)

func newNaive(cfg Config) *naive {
	n := &naive{chance: newDice()}
	n.chance.seed(cfg.Seed, 0)
	n.install(cfg)
	return n
}

func (n *naive) install(cfg Config) {
	queues := slices.Clone(n.queues)
	for _, q := range cfg.Queues {
		if i := slices.IndexFunc(queues, func(o Queue) bool { return o.Name == q.Name }); i >= 0 {
			queues[i] = q
		} else {
			queues = append(queues, q)
		}
	}
	n.cfg, n.queues = cfg, queues
	for _, a := range n.agents {
		a.is, a.capacity = nil, 0
	}
	for i := range cfg.Agents {
		in := &cfg.Agents[i]
		k := slices.IndexFunc(n.agents, func(a *naiveAgent) bool { return a.name == in.Name })
		if k < 0 {
			k = len(n.agents)
			n.agents = append(n.agents, &naiveAgent{index: k, name: in.Name, callAt: noTime, callEnd: noTime, shareEnd: noTime})
		}
		a := n.agents[k]
		a.is, a.capacity, a.speed = in, in.Capacity, cmp.Or(in.Speed, 1)
		if shared := in.Attention == Shared; shared != a.shared {
			n.flow(a)
			for _, m := range a.hands {
				if m.state == "working" && !a.shared && !a.resting {
					m.left = m.ends - n.now
				} else if m.state == "working" && !a.resting {
					m.ends = n.now + m.left
				}
			}
			a.shared = shared
			n.plan(a)
		}
	}
}

// settings are those of a queue, by name.
func (n *naive) settings(name string) queueSettings {
	return settingsOf(n.queues[slices.IndexFunc(n.queues, func(q Queue) bool { return q.Name == name })])
}

func (n *naive) see(what What, m *naiveEmail) {
	agent := -1
	if m.agent != nil {
		agent = m.agent.index
	}
	n.log = append(n.log, entry{n.now, what.String(), m.serial, agent, n.now - m.Entered})
}

// member says whether an agent is in the first rings of a queue.
func (n *naive) member(a *naiveAgent, queue string, ring int) bool {
	if a.is == nil {
		return false
	}
	for _, m := range a.is.Members {
		if n.cfg.Queues[m.Queue].Name == queue && max(m.Ring, 1) <= ring+1 {
			return true
		}
	}
	return false
}

// asks is what an email still asks for in its ring, and since which age it is
// in that ring, and until when.
func (n *naive) asks(m *naiveEmail) (skills []string, ring int, until time.Duration) {
	rings := n.settings(m.queue).rings
	skills = slices.Compact(slices.Sorted(slices.Values(m.skills)))
	for {
		if ring >= len(rings)-1 || rings[ring].Wait == nil {
			return skills, ring, noTime
		}
		until += time.Duration(*rings[ring].Wait)
		if n.now-m.Entered < until {
			return skills, ring, until
		}
		for _, d := range rings[ring].Drop {
			skills = slices.DeleteFunc(skills, func(s string) bool { return s == d.Name })
		}
		ring++
	}
}

// fit says whether an agent qualifies for an email as it is now, and how well.
func (n *naive) fit(a *naiveAgent, m *naiveEmail) (level float32, ok bool) {
	skills, ring, _ := n.asks(m)
	if !n.member(a, m.queue, ring) {
		return 0, false
	}
	if n.settings(m.queue).evaluation == routing.LongestIdle {
		return 0, true
	}
	sum := 0.0
	for _, s := range skills {
		p, has := a.is.Skills[s]
		if !has {
			return 0, false
		}
		sum += p
	}
	if m.language != "" {
		p, has := a.is.Languages[m.language]
		if !has {
			return 0, false
		}
		sum += p
	}
	return float32(sum), true
}

func (a *naiveAgent) free() bool { return a.on && !a.call && !a.away && len(a.hands) < a.capacity }

// idleFirst sorts agents, the longest idle first.
func idleFirst(agents []*naiveAgent) {
	slices.SortFunc(agents, func(x, y *naiveAgent) int { return cmp.Or(x.used-y.used, x.index-y.index) })
}

// who is the agent who gets an email; nil: nobody.
func (n *naive) who(m *naiveEmail, not *naiveAgent) *naiveAgent {
	var can []*naiveAgent
	for _, a := range n.agents {
		if _, ok := n.fit(a, m); ok && a.free() && a != not {
			can = append(can, a)
		}
	}
	if len(can) == 0 {
		return nil
	}
	idleFirst(can)
	if n.settings(m.queue).evaluation == routing.BestSkill {
		can = can[:min(100, len(can))]
		return slices.MaxFunc(can, func(x, y *naiveAgent) int {
			a, _ := n.fit(x, m)
			b, _ := n.fit(y, m)
			return cmp.Or(cmp.Compare(a, b), y.used-x.used, y.index-x.index)
		})
	}
	return can[0]
}

// goesFirst says which of two waiting emails an agent gets first.
func (n *naive) goesFirst(x, y *naiveEmail) int {
	p, q := n.settings(x.queue).byPriority, n.settings(y.queue).byPriority
	switch {
	case p && !q:
		return -1
	case q && !p:
		return 1
	case p:
		return cmp.Or(cmp.Compare(y.Priority, x.Priority), cmp.Compare(x.Entered, y.Entered), x.order-y.order)
	}
	score := func(m *naiveEmail) time.Duration { return m.Entered - time.Duration(m.Priority)*time.Minute }
	return cmp.Or(cmp.Compare(score(x), score(y)), x.order-y.order)
}

// which is the email that an agent gets; nil: none.
func (n *naive) which(a *naiveAgent) *naiveEmail {
	var best *naiveEmail
	for _, m := range n.emails {
		if m.state != "waiting" {
			continue
		}
		if _, ok := n.fit(a, m); ok && (best == nil || n.goesFirst(m, best) < 0) {
			best = m
		}
	}
	return best
}

func (n *naive) fill(a *naiveAgent) {
	for a.free() {
		m := n.which(a)
		if m == nil {
			return
		}
		n.hold(m, a)
	}
}

func (n *naive) add(m *naiveEmail) *naiveEmail {
	m.serial, m.state = uint32(len(n.emails)+1), "waiting"
	m.Entered = min(m.Entered, n.now)
	m.giveUp = noTime
	if m.Patience > 0 {
		m.giveUp = m.Entered + m.Patience
	}
	m.state = "entering"
	n.emails = append(n.emails, m)
	n.see(Entered, m)
	if m.LastAgent > 0 {
		a := n.agents[m.LastAgent-1]
		switch n.settings(m.queue).lastAgent {
		case routing.LastAgentQueueMembers:
			if !n.member(a, m.queue, math.MaxInt-1) {
				a = nil
			}
		case routing.LastAgentOff:
			a = nil
		case routing.LastAgentAny:
		}
		if a != nil && a.free() {
			n.hold(m, a)
			return m
		}
	}
	n.retry(m, nil)
	return m
}

// retry offers an email to who is free, but for one agent; else it waits.
func (n *naive) retry(m *naiveEmail, not *naiveAgent) {
	m.agent, m.next = nil, nil
	if a := n.who(m, not); a != nil {
		n.hold(m, a)
		return
	}
	n.wait(m)
}

func (n *naive) wait(m *naiveEmail) {
	n.placed++
	m.state, m.order, m.agent = "waiting", n.placed, nil
	_, ring, until := n.asks(m)
	m.ring = ring
	m.next = map[string]time.Duration{}
	if until != noTime {
		m.next["expand"] = m.Entered + until
	}
	if m.giveUp != noTime {
		m.next["give up"] = max(n.now, m.giveUp)
	}
}

func (n *naive) hold(m *naiveEmail, a *naiveAgent) {
	n.used++
	a.used = n.used
	a.hands = append(a.hands, m)
	m.agent, m.state, m.next = a, "alerting", map[string]time.Duration{}
	n.see(Alerted, m)
	alert := n.settings(m.queue).alert
	after := int64(n.chance.draw(n.chance.alert, &n.cfg.NoAnswer.Answer))
	m.alertEnds = n.now + time.Duration(alert)
	unanswered := n.cfg.NoAnswer.Share > 0 && n.chance.alert.Float64() < n.cfg.NoAnswer.Share
	switch {
	case unanswered || after > alert:
		m.next["time out"] = n.now + time.Duration(alert)
	case after > 0:
		m.next["answer"] = n.now + time.Duration(after)
	default:
		n.answer(m)
	}
}

func (n *naive) answer(m *naiveEmail) {
	a := m.agent
	m.WrapUp = n.settings(m.queue).wrapUp.Bound(m.WrapUp)
	n.see(Answered, m)
	n.flow(a)
	m.state, m.next = "working", nil
	m.left = m.Handle + m.WrapUp
	if a.speed != 1 {
		m.left = time.Duration(math.Round(float64(m.left) / a.speed))
	}
	m.ends = n.now + m.left
	n.plan(a)
}

// flow lets the work on what an agent has in hand go on up to now.
func (n *naive) flow(a *naiveAgent) {
	var at []*naiveEmail
	for _, m := range a.hands {
		if m.state == "working" {
			at = append(at, m)
		}
	}
	for _, m := range at {
		if a.shared && !a.resting {
			m.left -= (n.now - a.flowed) / time.Duration(len(at))
		}
	}
	a.flowed = n.now
}

// plan finds when the first email that shares an agent's attention ends.
func (n *naive) plan(a *naiveAgent) {
	a.shareEnd = noTime
	if !a.shared || a.resting {
		return
	}
	k := time.Duration(0)
	least := noTime
	for _, m := range a.hands {
		if m.state == "working" {
			k++
			least = min(least, m.left)
		}
	}
	if k > 0 {
		a.shareEnd = n.now + max(0, least)*k
	}
}

// drop takes an email out of an agent's hands.
func (n *naive) drop(m *naiveEmail) *naiveAgent {
	a := m.agent
	n.flow(a)
	a.hands = slices.DeleteFunc(a.hands, func(o *naiveEmail) bool { return o == m })
	n.plan(a)
	return a
}

func (n *naive) rest(a *naiveAgent) {
	if a.resting {
		return
	}
	n.flow(a)
	a.resting = true
	for _, m := range a.hands {
		if m.state == "working" && !a.shared {
			m.left = m.ends - n.now
		}
	}
	n.plan(a)
}

func (n *naive) work(a *naiveAgent) {
	if !a.resting {
		return
	}
	a.resting, a.flowed = false, n.now
	for _, m := range a.hands {
		if m.state == "working" && !a.shared {
			m.ends = n.now + m.left
		}
	}
	n.plan(a)
}

func (n *naive) nextCall(a *naiveAgent) {
	a.callAt = noTime
	if n.cfg.Voice.PerHour > 0 {
		a.callAt = n.now + time.Duration(n.chance.gap(n.chance.voice, n.cfg.Voice.PerHour))
	}
}

// turn lets agents go on and off queue: those who go first.
func (n *naive) turn(on, off []*naiveAgent) {
	come := n.move(on, off)
	idleFirst(come)
	for _, a := range come {
		n.fill(a)
	}
}

// move lets agents go on and off queue, and gives those who came on.
func (n *naive) move(on, off []*naiveAgent) (come []*naiveAgent) {
	for _, a := range slices.Concat(on, off) {
		a.forced = false
	}
	for _, a := range off {
		if a.on {
			a.on, a.callAt = false, noTime
			if n.cfg.Unfinished == Park {
				n.rest(a)
			}
		}
	}
	for _, a := range on {
		if a.on {
			continue
		}
		a.on = true
		if !a.call {
			n.work(a)
			n.nextCall(a)
		}
		come = append(come, a)
	}
	return come
}

// boundary is the first beginning or end of a shift after a time.
func (n *naive) boundary(after time.Duration) time.Duration {
	at := noTime
	for _, a := range n.agents {
		if a.is == nil {
			continue
		}
		for _, s := range a.is.Shifts {
			for _, x := range []time.Duration{s.From, s.To} {
				if x > after {
					at = min(at, x)
				}
			}
		}
	}
	return at
}

// shifts carries out what the shifts say of this moment.
func (n *naive) shifts() {
	var on, off []*naiveAgent
	for _, a := range n.agents {
		if a.is == nil {
			continue
		}
		for _, s := range a.is.Shifts {
			if s.From == n.now {
				on = append(on, a)
			}
			if s.To == n.now {
				off = append(off, a)
			}
		}
	}
	n.turn(on, off)
}

// configure changes the config.
func (n *naive) configure(cfg Config) {
	var waiting []*naiveEmail
	for _, m := range n.emails {
		if m.state == "waiting" {
			waiting = append(waiting, m)
		}
	}
	slices.SortFunc(waiting, func(x, y *naiveEmail) int {
		return cmp.Or(cmp.Compare(x.Entered, y.Entered), cmp.Compare(x.serial, y.serial))
	})
	before := n.cfg.Voice.PerHour
	n.install(cfg)
	for _, m := range waiting {
		n.wait(m)
	}
	n.come()
	for _, a := range n.agents {
		switch {
		case !a.on && !a.call && cfg.Unfinished == Finish:
			n.work(a)
		case !a.on && cfg.Unfinished == Park:
			n.rest(a)
		case a.on && !a.call && cfg.Voice.PerHour != before:
			n.nextCall(a)
		}
	}
	all := slices.Clone(n.agents)
	idleFirst(all)
	for _, a := range all {
		n.fill(a)
	}
}

// come brings agents on and off queue as the shifts of a new config say.
func (n *naive) come() {
	var on, off []*naiveAgent
	for _, a := range n.agents {
		switch {
		case a.is == nil:
			off = append(off, a)
		case a.is.Shifts == nil || a.forced:
		case slices.ContainsFunc(a.is.Shifts, func(s Span) bool { return s.From <= n.now && n.now < s.To }):
			on = append(on, a)
		default:
			off = append(off, a)
		}
	}
	n.move(on, off)
}

// remove takes an email out; it is false where it is gone.
func (n *naive) remove(m *naiveEmail) bool {
	switch m.state {
	case "gone":
		return false
	case "waiting":
		n.see(Removed, m)
		m.state, m.next = "gone", nil
		return true
	}
	a := n.drop(m)
	n.see(Removed, m)
	m.state, m.next = "gone", nil
	n.fill(a)
	return true
}

// change gives a waiting email another need and priority.
func (n *naive) change(m *naiveEmail, queue string, skills []string, language string, priority int) bool {
	if m.state != "waiting" {
		return false
	}
	m.queue, m.skills, m.language, m.Priority = queue, skills, language, priority
	m.state = "entering"
	n.retry(m, nil)
	return true
}

// due is one thing that happens next.
type due struct {
	at     time.Duration
	what   string
	signed entry // what it is seen by; Email 0: by nothing
	do     func()
}

// next is everything that happens next, all at one time.
func (n *naive) next() []due {
	var out []due
	put := func(d due) {
		switch {
		case d.at == noTime || len(out) > 0 && d.at > out[0].at:
		case len(out) == 0 || d.at == out[0].at:
			out = append(out, d)
		default:
			out = []due{d}
		}
	}
	for _, m := range n.emails {
		if m.state == "working" && !m.agent.shared && !m.agent.resting {
			put(due{m.ends, "end", entry{What: Ended.String(), Email: m.serial}, func() { n.end(m) }})
		}
		for what, at := range m.next {
			d := due{at: at, what: what, signed: entry{Email: m.serial}}
			switch what {
			case "expand":
				d.signed.What = Expanded.String()
				d.do = func() { n.see(Expanded, m); m.state = "entering"; n.retry(m, nil) }
			case "give up":
				d.signed.What = Abandoned.String()
				d.do = func() { n.see(Abandoned, m); m.state, m.next = "gone", nil }
			case "answer":
				if a := m.agent; !a.on || a.call { // nobody is there to answer
					d.do = func() { m.next = map[string]time.Duration{"time out": max(n.now, m.alertEnds)} }
					break
				}
				d.signed.What = Answered.String()
				d.do = func() { n.answer(m) }
			case "time out":
				d.signed.What = NotAnswered.String()
				d.do = func() { n.timeOut(m) }
			}
			put(d)
		}
	}
	for _, a := range n.agents {
		if a.shareEnd != noTime {
			var first *naiveEmail
			for _, m := range a.hands {
				if m.state == "working" && (first == nil || m.left < first.left) {
					first = m
				}
			}
			put(due{a.shareEnd, "shared end", entry{What: Ended.String(), Email: first.serial}, func() { n.end(first) }})
		}
		put(due{at: a.callAt, what: "call", do: func() {
			a.callAt, a.call = noTime, true
			n.rest(a)
			a.callEnd = n.now + n.chance.draw(n.chance.voice, &n.cfg.Voice.Handle)
		}})
		put(due{at: a.callEnd, what: "call end", do: func() {
			a.callEnd, a.call = noTime, false
			if a.on || n.cfg.Unfinished == Finish {
				n.work(a)
			}
			if a.on {
				n.nextCall(a)
			}
			n.fill(a)
		}})
		if len(a.back) > 0 {
			put(due{at: slices.Min(a.back), what: "back", do: func() {
				a.back = slices.DeleteFunc(a.back, func(t time.Duration) bool { return t == n.now })
				a.away = len(a.back) > 0
				n.fill(a)
			}})
		}
	}
	return out
}

func (n *naive) end(m *naiveEmail) {
	a := n.drop(m)
	n.used++
	a.used = n.used
	n.see(Ended, m)
	m.state = "gone"
	n.fill(a)
	if m.Transfer > 0 {
		n.transferred(int(m.Transfer) - 1)
	}
}

func (n *naive) timeOut(m *naiveEmail) {
	n.see(NotAnswered, m)
	a := n.drop(m)
	if away := n.cfg.NoAnswer.Away; away > 0 {
		a.away, a.back = true, append(a.back, n.now+away)
	}
	n.retry(m, a)
	n.fill(a)
}

// advance runs everything up to a time.
func (n *naive) advance(to time.Duration) {
	for !n.unclear {
		happen := n.next()
		at := noTime
		if len(happen) > 0 {
			at = happen[0].at
		}
		if turn := n.boundary(n.now); turn <= min(at, to) {
			n.now = turn
			n.shifts()
			continue
		}
		if at > to {
			break
		}
		n.now = at
		first := 0
		if len(happen) > 1 {
			first = slices.IndexFunc(happen, func(d due) bool {
				return len(n.log) < len(n.want) && d.signed.Email == n.want[len(n.log)].Email && d.signed.What == n.want[len(n.log)].What
			})
			if slices.ContainsFunc(happen, func(d due) bool { return d.signed.Email == 0 }) || first < 0 {
				n.unclear = true
				return
			}
		}
		happen[first].do()
	}
	n.now = max(n.now, to)
}

// deed is something that is done to both.
type deed struct {
	at   time.Duration
	what string // add, change, remove, configure, on, off, step
	// Of add and change.
	email    Email
	queue    string
	skills   []string
	language string
	last     string // agent
	which    int    // of change and remove: the number of the email
	agent    string
	cfg      Config
}

// String is the deed in words.
func (d deed) String() string {
	s := fmt.Sprintf("%s %s", d.at, d.what)
	switch d.what {
	case "add":
		return fmt.Sprintf("%s %s %v %q %+v last %s", s, d.queue, d.skills, d.language, d.email, d.last)
	case "change":
		return fmt.Sprintf("%s %d to %s %v %q priority %d", s, d.which, d.queue, d.skills, d.language, d.email.Priority)
	case "remove":
		return fmt.Sprintf("%s %d", s, d.which)
	case "configure":
		return fmt.Sprintf("%s %+v", s, d.cfg)
	}
	return s + " " + d.agent
}

// runEngine does all deeds to an engine.
func runEngine(t rapid.TB, cfg Config, deeds []deed, again []deed) (log []entry, answers []bool) {
	cfg.Observe = func(ev Event) {
		log = append(log, entry{ev.At, ev.What.String(), uint32(ev.Email >> 32), ev.Agent, ev.Wait})
	}
	var e *Engine
	var ids []EmailID
	in := func(d deed) Email {
		m := d.email
		m.Need = e.Need(e.Queue(d.queue), d.skills, d.language)
		if d.last != "" {
			m.LastAgent = e.Agent(d.last) + 1
		}
		return m
	}
	var entering []Email // known before they enter: a new need is no business of an observer
	transfers := uint64(0)
	cfg.Transferred = func(rule int) {
		m := entering[rule]
		transfers++
		m.Entered, m.Handle = e.Now(), m.Handle+apart(transfers)
		e.add(&m)
	}
	told := map[int]Status{}
	cfg.Watch = func(at time.Duration, n int, s Status) {
		if at != e.Now() || told[n] == s {
			t.Fatalf("at %s of %s: agent %d is told to be %d after %d", at, e.Now(), n, s, told[n])
		}
		told[n] = s
	}
	e = New(cfg)
	for _, d := range again {
		entering = append(entering, in(d))
	}
	for _, d := range deeds {
		if err := e.Advance(d.at); err != nil {
			t.Fatal(err)
		}
		switch d.what {
		case "add":
			ids = append(ids, e.Add(in(d)))
		case "change":
			if d.which < len(ids) {
				m := in(d)
				answers = append(answers, e.Change(ids[d.which], m.Need, m.Priority))
			}
		case "remove":
			if d.which < len(ids) {
				answers = append(answers, e.Remove(ids[d.which]))
			}
		case "configure":
			d.cfg.Observe, d.cfg.Transferred, d.cfg.Watch = cfg.Observe, cfg.Transferred, cfg.Watch
			e.Configure(d.cfg)
		case "on", "off":
			if n := e.Agent(d.agent); n >= 0 {
				e.SetOnQueue(n, d.what == "on")
			}
		}
		for n := range e.agents {
			if told[n] != e.agents[n].status() {
				t.Fatalf("after %s: agent %d is %d, and was told to be %d", d, n, e.agents[n].status(), told[n])
			}
		}
		if what := e.check(); what != "" {
			t.Fatal(what)
		}
		e.checkReady(t)
	}
	return log, answers
}

// runNaive does all deeds to the naive simulator.
func runNaive(cfg Config, deeds []deed, again []deed, want []entry) (n *naive, answers []bool) {
	n = newNaive(cfg)
	n.want = want
	var emails []*naiveEmail
	in := func(d deed) *naiveEmail {
		m := &naiveEmail{Email: d.email, queue: d.queue, skills: d.skills, language: d.language}
		if i := slices.IndexFunc(n.agents, func(a *naiveAgent) bool { return a.name == d.last }); d.last != "" {
			m.LastAgent = i + 1
		}
		return m
	}
	transfers := uint64(0)
	n.transferred = func(rule int) {
		m := in(again[rule])
		transfers++
		m.Entered, m.Handle = n.now, m.Handle+apart(transfers)
		n.add(m)
	}
	n.come()
	for _, d := range deeds {
		n.advance(d.at)
		if n.unclear {
			return n, answers
		}
		switch d.what {
		case "add":
			emails = append(emails, n.add(in(d)))
		case "change":
			if d.which < len(emails) {
				answers = append(answers, n.change(emails[d.which], d.queue, d.skills, d.language, d.email.Priority))
			}
		case "remove":
			if d.which < len(emails) {
				answers = append(answers, n.remove(emails[d.which]))
			}
		case "configure":
			n.configure(d.cfg)
		case "on", "off":
			for _, a := range n.agents {
				switch {
				case a.name != d.agent:
					continue
				case d.what == "on":
					n.turn([]*naiveAgent{a}, nil)
				default:
					n.turn(nil, []*naiveAgent{a})
				}
				a.forced = true
			}
		}
	}
	return n, answers
}

// checkReady checks lists and sets of bits against a look at everything.
func (e *Engine) checkReady(t rapid.TB) {
	t.Helper()
	for i := range e.classes {
		c := &e.classes[i]
		ready := false
		for n := range e.agents {
			a := &e.agents[n]
			if a.free() != a.listed {
				t.Fatalf("agent %d is free: %t, listed: %t", n, a.free(), a.listed)
			}
			ready = ready || a.free() && e.pools[c.pool].has(int32(n))
		}
		if got := e.ready[i>>6]>>(i&63)&1 != 0; got != ready {
			t.Fatalf("class %d ready is %t, and there is a free agent: %t", i, got, ready)
		}
		if got := e.nonempty[i>>6]>>(i&63)&1 != 0; got != (c.count > 0) {
			t.Fatalf("class %d nonempty is %t, and it has %d", i, got, c.count)
		}
	}
	for i := range e.lists {
		l := &e.lists[i]
		for n := l.head; n != end && l.links[n].next != end; n = l.links[n].next {
			if e.older(n, l.links[n].next) > 0 {
				t.Fatalf("list %d: agent %d is before agent %d, who has been idle longer", i, n, l.links[n].next)
			}
		}
	}
}

// world draws configs and deeds. Times are coarse, with a tail of nanoseconds
// that keeps them apart.
type world struct {
	*rapid.T
	drawn uint64
}

func (w *world) number(name string, from, to int) int {
	return rapid.IntRange(from, to).Draw(w.T, name)
}

func (w *world) chance(name string, oneIn int) bool { return w.number(name, 0, oneIn-1) == oneIn-1 }

// span is a time of up to so many seconds.
func (w *world) span(name string, from, to int) time.Duration {
	w.drawn++
	return time.Duration(w.number(name, from, to))*time.Second + apart(w.drawn)
}

// apart is a tail that keeps times apart.
func apart(n uint64) time.Duration { return time.Duration(scatter(n) % 1e9) }

func pick[V any](w *world, name string, from ...V) V {
	return from[w.number(name, 0, len(from)-1)]
}

func (w *world) skills() []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C"}), 0, 2, rapid.ID).Draw(w.T, "skills")
}

func (w *world) queue(name string) Queue {
	q := Queue{Name: name}
	evaluation := pick(w, "evaluation", routing.AllSkills, routing.LongestIdle, routing.BestSkill)
	order := pick(w, "order", routing.AgeAndPriority, routing.AgeAndPriority, routing.PriorityOnly)
	last := pick(w, "last agent", routing.LastAgentAny, routing.LastAgentQueueMembers, routing.LastAgentOff)
	alert := routing.Duration(w.span("alert", 7, 120))
	q.Settings.Agents, q.Settings.Order, q.Settings.LastAgent, q.Settings.Alert = &evaluation, &order, &last, &alert
	if w.chance("wrap-up mode", 3) {
		limit := routing.Duration(w.span("limit", 1, 60))
		q.Settings.WrapUp = &routing.WrapUp{Mode: pick(w, "mode", routing.WrapUpMandatoryTimeout, routing.WrapUpMandatoryForcedTimeout), Timeout: &limit}
	}
	if n := w.number("rings", 0, 3); n > 0 {
		var rings routing.Rings
		for i := range n {
			r := routing.Ring{}
			if i < n-1 || w.chance("last ring waits", 4) {
				wait := routing.Duration(w.span("ring", 0, 900))
				r.Wait = &wait
			}
			for _, s := range w.skills() {
				r.Drop = append(r.Drop, routing.Ref{Name: s})
			}
			rings = append(rings, r)
		}
		q.Settings.Rings = &rings
	}
	return q
}

var (
	queueNames = []string{"one", "two", "three"}
	agentNames = []string{"ann", "ben", "cho", "dee", "eve", "fay", "gil"}
)

// starts are beginnings of shifts that agents have in common.
var starts = []time.Duration{0, 1000000007, 600000000011, 3000000000013, 6000000000017}

func (w *world) config() Config {
	var cfg Config
	names := rapid.Permutation(queueNames).Draw(w.T, "queues")
	for _, name := range names[:w.number("queues", 1, 3)] {
		cfg.Queues = append(cfg.Queues, w.queue(name))
	}
	names = rapid.Permutation(agentNames).Draw(w.T, "agents")
	for _, name := range names[:w.number("agents", 0, len(names))] {
		a := Agent{
			Name: name, Capacity: pick(w, "capacity", 1, 2, 3, 0), Attention: pick(w, "attention", Independent, Shared),
			Speed: pick(w, "speed", 0, 1, 0.5, 1.7), Skills: map[string]float64{}, Languages: map[string]float64{},
		}
		for _, s := range w.skills() {
			a.Skills[s] = float64(w.number("level", 0, 5))
		}
		for _, l := range []string{"de", "en"} {
			if w.chance(l, 2) {
				a.Languages[l] = float64(w.number("level", 0, 5))
			}
		}
		for q := range cfg.Queues {
			if !w.chance("not a member", 4) {
				a.Members = append(a.Members, Membership{q, w.number("ring", 0, 3)})
			}
		}
		for at, n := time.Duration(0), w.number("shifts", 0, 2); n > 0; n-- {
			from := at
			for _, s := range starts {
				if s >= at && w.chance("later", 2) {
					from = s
					break
				}
			}
			to := from + w.span("shift", 60, 7200)
			a.Shifts = append(a.Shifts, Span{from, to})
			at = to + w.span("pause", 1, 1800)
		}
		cfg.Agents = append(cfg.Agents, a)
	}
	if w.chance("calls", 3) {
		cfg.Voice = Voice{PerHour: float64(w.number("calls an hour", 1, 12)), Handle: Dist{Shape: Exponential, Mean: 4 * time.Minute}}
	}
	if w.chance("no answer", 2) {
		cfg.NoAnswer = NoAnswer{
			Share: float64(w.number("share", 0, 8)) / 10, Away: pick(w, "away", 0, 3*time.Minute+7),
			Answer: Dist{Shape: pick(w, "answer", None, Exponential), Mean: 20 * time.Second},
		}
	}
	cfg.Unfinished = pick(w, "unfinished", Finish, Park)
	return cfg
}

// email draws an email for one of the queues that there have been.
func (w *world) email(queues []string) deed {
	d := deed{what: "add", queue: pick(w, "queue", queues...), skills: w.skills(), language: pick(w, "language", "", "", "de", "en")}
	d.email = Email{
		Priority: pick(w, "priority", 0, 0, 5, 30, -10, 25_000_000, -25_000_000),
		Handle:   w.span("handle", 0, 1500), Rule: w.number("rule", 0, 2),
	}
	if w.chance("wrap-up", 3) {
		d.email.WrapUp = w.span("wrap-up", 0, 120)
	}
	if w.chance("patience", 3) {
		d.email.Patience = w.span("patience", 1, 1800)
	}
	return d
}

func (w *world) deeds(cfg Config) (deeds, again []deed) {
	var queues, agents []string
	know := func(cfg Config) {
		for _, q := range cfg.Queues {
			if !slices.Contains(queues, q.Name) {
				queues = append(queues, q.Name)
			}
		}
		for _, a := range cfg.Agents {
			if !slices.Contains(agents, a.Name) {
				agents = append(agents, a.Name)
			}
		}
	}
	know(cfg)
	for range 3 {
		again = append(again, w.email(queues))
	}
	at := time.Duration(0)
	emails := 0
	for range w.number("deeds", 1, 80) {
		at += w.span("gap", 0, pick(w, "pace", 10, 200, 1200))
		d := deed{what: pick(w, "deed", "add", "add", "add", "add", "add", "add", "add", "step", "change", "remove", "configure", "on", "off")}
		switch d.what {
		case "add":
			d = w.email(queues)
			d.email.Entered = at
			if w.chance("waited", 3) {
				d.email.Entered -= w.span("age", 0, 3600)
			}
			if len(agents) > 0 && w.chance("reply", 4) {
				d.last = pick(w, "last", agents...)
			}
			if w.chance("transfer", 4) {
				d.email.Transfer = int32(w.number("to", 1, len(again)))
			}
			emails++
		case "change":
			d = w.email(queues)
			d.what, d.which = "change", max(0, emails-1-w.number("which", 0, 6))
		case "remove":
			d.which = max(0, emails-1-w.number("which", 0, 6))
		case "configure":
			if !w.chance("configure", 2) {
				d.what = "step"
				break
			}
			d.cfg = w.config()
			know(d.cfg)
		case "on", "off":
			if len(agents) == 0 {
				d.what = "step"
				break
			}
			d.agent = pick(w, "agent", agents...)
		}
		d.at = at
		deeds = append(deeds, d)
	}
	return append(deeds, deed{at: at + 6*time.Hour, what: "step"}), again
}

func TestEngineDoesWhatTheNaiveSimulatorDoes(t *testing.T) {
	t.Parallel()
	unclear, events, runs := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{T: rt}
		cfg := w.config()
		cfg.Seed = rapid.Uint64Range(0, 5).Draw(rt, "seed")
		deeds, again := w.deeds(cfg)
		got, answers := runEngine(rt, cfg, deeds, again)
		n, want := runNaive(cfg, deeds, again, got)
		runs++
		events += len(n.log)
		if n.unclear { // up to there
			unclear++
			got, answers = got[:min(len(got), len(n.log))], answers[:min(len(answers), len(want))]
		}
		if d := gocmp.Diff(n.log, got, cmpopts.EquateEmpty()); d != "" {
			rt.Fatalf("config %+v\ndeeds %v\n-naive +engine:\n%s", cfg, deeds, d)
		}
		if d := gocmp.Diff(want, answers, cmpopts.EquateEmpty()); d != "" {
			rt.Fatalf("answers to change and remove (-naive +engine):\n%s", d)
		}
	})
	t.Logf("%d runs, %d events; %d compared up to two events at one instant", runs, events, unclear)
}

// TestEngineDoesWhatTheNaiveSimulatorDoesInACrowd has more agents than
// best-skill looks at, more classes than fit a word, and more kinds of agents
// than a pool looks into.
func TestEngineDoesWhatTheNaiveSimulatorDoesInACrowd(t *testing.T) {
	t.Parallel()
	seeds := uint64(6)
	if underRace {
		seeds = 1
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		skills := func(most int) (out []string) {
			for range r.IntN(most + 1) {
				out = append(out, string(rune('A'+r.IntN(6))))
			}
			return out
		}
		var cfg Config
		for i, evaluation := range []routing.Evaluation{routing.BestSkill, routing.AllSkills, routing.LongestIdle} {
			wait, alert := routing.Duration(100*time.Second+apart(uint64(i))), routing.Duration(30*time.Second)
			cfg.Queues = append(cfg.Queues, Queue{Name: queueNames[i], Settings: routing.QueueSettings{
				Agents: &evaluation, Alert: &alert, Rings: &routing.Rings{{Wait: &wait, Drop: []routing.Ref{{Name: "A"}}}, {Wait: &wait, Drop: []routing.Ref{{Name: "B"}}}, {}},
			}})
		}
		for i := range 130 + r.IntN(60) {
			a := Agent{Name: fmt.Sprint("agent ", i), Capacity: 1 + r.IntN(2), Skills: map[string]float64{}, Shifts: []Span{{0, 30*time.Minute + apart(uint64(i))}}}
			for _, s := range skills(8) {
				a.Skills[s] = float64(r.IntN(6))
			}
			if seed%2 == 0 { // more than best-skill looks at
				a.Skills["A"] = float64(r.IntN(50)) / 10
			}
			for q := range cfg.Queues {
				if q == 0 || r.IntN(3) > 0 {
					a.Members = append(a.Members, Membership{q, 1 + q*r.IntN(3)})
				}
			}
			cfg.Agents = append(cfg.Agents, a)
		}
		var deeds []deed
		at := time.Duration(0)
		for i := range 700 {
			at += time.Duration(r.Int64N(int64(4 * time.Second)))
			deeds = append(deeds, deed{at: at, what: "add", queue: queueNames[r.IntN(3)], skills: skills(3), email: Email{
				Entered: at, Priority: r.IntN(3) * 5, Handle: time.Duration(r.Int64N(int64(20 * time.Minute))),
			}})
			if i == 400 {
				deeds = append(deeds, deed{at: at, what: "configure", cfg: Config{Queues: cfg.Queues, Agents: slices.Clone(cfg.Agents[20:])}})
			}
		}
		deeds = append(deeds, deed{at: at + 2*time.Hour, what: "step"})
		got, _ := runEngine(t, cfg, deeds, nil)
		n, _ := runNaive(cfg, deeds, nil, got)
		if n.unclear {
			t.Error("events at one instant")
		}
		if d := gocmp.Diff(n.log, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("seed %d (-naive +engine):\n%s", seed, d)
		}
	}
}

func TestStepsOfAdvanceChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{T: rt}
		cfg := w.config()
		deeds, again := w.deeds(cfg)
		want, _ := runEngine(rt, cfg, deeds, again)
		var finer []deed
		at := time.Duration(0)
		for _, d := range deeds {
			for range w.number("steps", 0, 3) {
				step := at + time.Duration(rapid.Int64Range(0, int64(d.at-at)).Draw(rt, "step"))
				finer = append(finer, deed{at: step, what: "step"})
				at = step
			}
			finer = append(finer, d)
			at = d.at
		}
		got, _ := runEngine(rt, cfg, finer, again)
		if d := gocmp.Diff(want, got); d != "" {
			rt.Fatalf("-few steps +many:\n%s", d)
		}
	})
}

func TestBestSkillLooksAtTheHundredLongestIdle(t *testing.T) {
	t.Parallel()
	best := routing.BestSkill
	var got []int
	cfg := Config{
		Queues: []Queue{{Name: "q", Settings: routing.QueueSettings{Agents: &best}}},
		Observe: func(ev Event) {
			if ev.What == Answered {
				got = append(got, ev.Agent)
			}
		},
	}
	for i := range 150 { // the later the better
		cfg.Agents = append(cfg.Agents, Agent{
			Name: fmt.Sprint(i), Capacity: 1, Skills: map[string]float64{"A": float64(i) / 30}, Members: []Membership{{0, 1}}, Shifts: always(0),
		})
	}
	e := New(cfg)
	advance(t, e, 0)
	for range 3 {
		e.Add(Email{Need: e.Need(0, []string{"A"}, ""), Handle: time.Minute})
	}
	e.Add(Email{Need: e.Need(0, nil, ""), Handle: time.Minute}) // asks for nothing: the longest idle
	advance(t, e, time.Minute)
	e.Add(Email{Need: e.Need(0, []string{"A"}, ""), Handle: time.Minute})
	if d := gocmp.Diff([]int{99, 100, 101, 0, 103}, got); d != "" {
		t.Errorf("agents who answer (-want +got):\n%s", d)
	}
}
