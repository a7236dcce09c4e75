package simulate

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
)

// never is a time that does not come.
const never = math.MaxInt64

// Config is what an Engine runs on: the queues and agents as they are now.
type Config struct {
	Queues []Queue
	Agents []Agent
	// Rules is how many rules email is counted by (Email.Rule).
	Rules      int
	Open       []Span // business hours, as in Model
	Voice      Voice
	NoAnswer   NoAnswer
	Unfinished Unfinished
	Seed       uint64 // of calls and of alerts that nobody answers
	// Observe is called for everything that happens to email, in order, and must
	// not call the engine; nil: nobody looks.
	Observe func(Event)
	// Transferred is called when email with a Transfer has ended, after Observe,
	// with its rule of Transfer. It may Add, and nothing else. nil: it is gone.
	Transferred func(rule int)
	// Watch is called whenever the status of an agent changes, under the same
	// terms. There may be several changes at one instant; the last one holds.
	Watch func(at time.Duration, agent int, s Status)
}

// Status is what an agent is doing, as far as email concerns it.
type Status uint8

// What an agent can be doing.
const (
	OffQueue      Status = iota
	Idle                 // on queue, with nothing in hand
	Interacting          // on queue, with email in hand or alerting
	Communicating        // on a call
	NotResponding        // on queue, after an alert that nobody answered
)

// Email is one email that enters a queue.
type Email struct {
	Need     Need          // what it asks for, and in which queue: Engine.Need
	Rule     int           // the rule that it is counted under
	Priority int           // minutes of head start
	Entered  time.Duration // when it entered the queue; not after now
	Handle   time.Duration // work from the answer on, at speed 1
	WrapUp   time.Duration // after-call work, before the queue bounds it at the answer
	Patience time.Duration // how long the sender waits; 0: for ever
	// LastAgent is the agent who wrote last in its thread, by Engine.Agent plus
	// 1; 0: none.
	LastAgent int
	// Transfer is the rule under which it enters the queue anew once it has been
	// handled, plus 1; 0: it does not. The engine passes it on to who observes.
	Transfer int32
}

// Need is a queue and what an email asks for in it.
type Need int32

// EmailID names an email in an Engine.
type EmailID uint64

// What says what happened to an email.
type What uint8

// What can happen to an email.
const (
	Entered     What = iota // the queue
	Alerted                 // an agent
	NotAnswered             // the alert timed out, and it is back in the queue
	Answered
	Ended     // handled and wrapped up
	Abandoned // the sender no longer waits
	Expanded  // it entered the next ring
	Removed   // by the caller
)

var whats = [...]string{"entered", "alerted", "not answered", "answered", "ended", "abandoned", "expanded", "removed"}

// String is the word for it.
func (w What) String() string { return whats[w] }

// Event is one thing that happened to an email.
type Event struct {
	At    time.Duration
	What  What
	Email EmailID
	Rule  int
	Agent int           // index of the agent; -1: none
	Ring  int           // of Alerted: in which it was, 1 the first; 0: it goes to its last agent
	Wait  time.Duration // in the queue, up to now
	// Handle, WrapUp and Transfer are what the email was given; from the answer on
	// WrapUp is as the queue bounds it.
	Handle, WrapUp time.Duration
	Transfer       int32
}

// state is where an email is.
type state uint8

const (
	gone state = iota
	waits
	alerts  // an agent
	handled // by an agent
	rests   // in the hands of an agent who is not at it
)

// email is one email that is in the engine: what is looked at with every event,
// in 64 bytes.
type email struct {
	entered int64 // the base of its age
	work    int64 // at speed 1, with wrap-up
	wrapUp  int64
	// finish is when work on it ends; what is left while it rests; and under
	// shared attention the agent's own time at which it ends.
	finish   int64
	need     int32
	class    int32 // -1: it goes to the last agent
	agent    int32
	priority int32
	gen      uint32
	serial   uint32
	rule     uint16
	slot     uint8 // its place among the agent's emails
	state    state
}

// more is what is rarely looked at of an email.
type more struct {
	patience int64 // when it no longer waits
	transfer int32
}

// from is when an email entered, or the beginning of the run if that is later.
func (m *email) from() int64 { return max(m.entered, 0) }

// agent is one agent: what is looked at with every event, in 64 bytes.
type agent struct {
	last    int64 // of all times that somebody took or ended an email, which was theirs; 0: never
	since   int64 // up to when their times are counted
	staffed int64 // time on queue, or at work beyond it
	busy    int64 // time with an email or a call in hand
	*desk
	load     int32
	capacity int32
	team     int32
	answered int32
	on       bool // on queue
	call     bool // on a call
	away     bool // not responding
	resting  bool // not at their email
	shared   bool
	listed   bool // among the free agents
	hasty    bool // or slow: speed is not 1
}

// desk is the rest of an agent.
type desk struct {
	status  Status  // that Watch was told last
	forced  bool    // on or off queue against their shifts
	slots   []int32 // email in hand; as many as load count
	speed   float64
	own     int64  // under shared attention: time that each email in hand has got
	ownAt   int64  // up to when
	back    int64  // until when they do not respond
	gen     uint32 // of workEnds
	callGen uint32
}

func (a *agent) free() bool { return a.on && !a.call && !a.away && a.load < a.capacity }

// turn is an agent going on or off queue.
type turn struct {
	at    int64
	agent int32
	on    bool
}

// Engine runs queues through time. It is not safe for use by several
// goroutines at once.
type Engine struct {
	cfg      Config
	settings []queueSettings
	now      int64
	err      error

	events calendar
	turns  []turn // sorted; those before turned are done
	turned int
	group  []int32 // scratch: agents who come at the same time

	agents []agent
	byName map[string]int32
	teams  []team
	lists  []list
	pools  []pool
	needs  []need

	classes  []class
	words    int      // of one set of classes
	nonempty []uint64 // classes in which email waits
	ready    []uint64 // classes whose pool has a free agent

	emails []email
	more   []more // by email
	unused []int32
	order  int64 // counts tickets, so that the earlier goes first among equals
	used   int64 // counts how often somebody took or ended an email, for the same
	serial uint32

	open   clock
	chance *dice
	tally  tally
	done   uint64 // events
	// alerting says that an alert may take time.
	alerting bool
	// watch is asked now and then whether to go on; nil: nobody minds.
	watch func() error
}

// queueSettings are the settings of a queue with the platform's defaults laid
// under.
type queueSettings struct {
	evaluation routing.Evaluation
	byPriority bool
	lastAgent  routing.LastAgent
	alert      int64
	target     int64 // 0: none
	rings      routing.Rings
	wrapUp     routing.WrapUp
}

// defaultAlert is how long an email alerts where the queue does not say.
const defaultAlert = 5 * time.Minute

func settingsOf(q Queue) queueSettings {
	s := queueSettings{evaluation: routing.AllSkills, lastAgent: routing.LastAgentAny, alert: int64(defaultAlert)}
	if v := q.Settings.Agents; v != nil {
		s.evaluation = *v
	}
	if v := q.Settings.Order; v != nil {
		s.byPriority = *v == routing.PriorityOnly
	}
	if v := q.Settings.LastAgent; v != nil {
		s.lastAgent = *v
	}
	if v := q.Settings.Alert; v != nil && *v > 0 {
		s.alert = int64(*v)
	}
	if v := q.Settings.ServiceLevel; v != nil {
		s.target = int64(v.Within)
	}
	if v := q.Settings.Rings; v != nil {
		s.rings = *v
	}
	if v := q.Settings.WrapUp; v != nil {
		s.wrapUp = *v
	}
	return s
}

// New makes an engine at the time zero, with no email in it. The config must
// be sound: indices within their lists, spans sorted.
func New(cfg Config) *Engine {
	e := &Engine{byName: map[string]int32{}, chance: newDice()}
	e.chance.seed(cfg.Seed, 0)
	e.tally.reset(cfg.Rules)
	e.install(cfg)
	return e
}

// rewind makes the engine as New made it, for another run with the same config
// and chances of its own.
func (e *Engine) rewind(seed uint64, replication int) {
	e.now, e.err, e.order, e.used, e.serial, e.turned = 0, nil, 0, 0, 0, 0
	e.events.clear()
	e.emails, e.more, e.unused = e.emails[:0], e.more[:0], e.unused[:0]
	for i := range e.agents {
		a := &e.agents[i]
		*a.desk = desk{slots: a.slots, speed: a.speed}
		*a = agent{desk: a.desk, team: a.team, capacity: a.capacity, shared: a.shared, hasty: a.hasty}
	}
	for i := range e.classes {
		c := &e.classes[i]
		c.count, c.first, c.line, c.heap = 0, 0, c.line[:0], c.heap[:0]
	}
	e.emptyLists()
	clear(e.nonempty)
	e.chance.seed(seed, replication)
	e.tally.reset(e.cfg.Rules)
}

// Configure changes queues, agents, skills and shifts at the present moment.
// Queues and agents are known by their names: those that are no longer there
// take nothing new, and what an agent has in hand stays there. Email that waits
// is looked at anew. Email in the hands of agents who are off queue is worked on or
// rests as Unfinished says now; a new rate of calls holds from now on.
func (e *Engine) Configure(cfg Config) {
	var waiting []int32
	for i := range e.emails {
		if e.emails[i].state == waits {
			waiting = append(waiting, int32(i))
		}
	}
	slices.SortFunc(waiting, func(a, b int32) int {
		x, y := &e.emails[a], &e.emails[b]
		return cmp.Or(cmp.Compare(x.entered, y.entered), cmp.Compare(x.serial, y.serial))
	})
	for i := range e.agents {
		e.account(&e.agents[i])
	}
	before := e.cfg.Voice.PerHour
	e.install(keepOld(e.cfg.Queues, cfg))
	for _, id := range waiting {
		m := &e.emails[id]
		e.place(id, m, e.classAt(m))
	}
	e.turn(e.due())
	for n := range e.agents {
		a := &e.agents[n]
		switch {
		case !a.on && !a.call && cfg.Unfinished == Finish:
			e.work(int32(n), a)
		case !a.on && cfg.Unfinished == Park:
			e.rest(a)
		case a.on && !a.call && cfg.Voice.PerHour != before:
			e.nextCall(int32(n), a)
		}
	}
	e.offerAll()
}

// due is who goes on and off queue now.
func (e *Engine) due() []turn {
	from := e.turned
	for e.turned < len(e.turns) && e.turns[e.turned].at <= e.now {
		e.turned++
	}
	return e.turns[from:e.turned]
}

// keepOld keeps queues at the indices that they have: those of the new list by
// name, then what is new. A queue that is gone stays, for the email in it. What
// agents are members of follows.
func keepOld(old []Queue, cfg Config) Config {
	queues, at := slices.Clone(old), make([]int, len(cfg.Queues))
	for i, q := range cfg.Queues {
		if at[i] = slices.IndexFunc(queues, func(o Queue) bool { return o.Name == q.Name }); at[i] < 0 {
			at[i] = len(queues)
			queues = append(queues, q)
		}
		queues[at[i]] = q
	}
	agents := slices.Clone(cfg.Agents)
	for i := range agents {
		members := slices.Clone(agents[i].Members)
		for k := range members {
			members[k].Queue = at[members[k].Queue]
		}
		agents[i].Members = members
	}
	cfg.Queues, cfg.Agents = queues, agents
	return cfg
}

// install builds everything that follows from the config.
func (e *Engine) install(cfg Config) {
	e.cfg = cfg
	e.settings = e.settings[:0]
	for _, q := range cfg.Queues {
		e.settings = append(e.settings, settingsOf(q))
	}
	e.open = newClock(cfg.Open)
	e.alerting = cfg.NoAnswer.Share > 0 || cfg.NoAnswer.Answer.Shape != None
	e.installAgents()
	e.classes, e.pools = e.classes[:0], e.pools[:0]
	for i := range e.needs {
		e.compile(int32(i))
	}
	e.link()
}

func (e *Engine) installAgents() {
	for i := range e.agents {
		e.agents[i].capacity = 0
	}
	e.turns, e.turned = e.turns[:0], 0
	for _, in := range e.cfg.Agents {
		n, known := e.byName[in.Name]
		if !known {
			n = int32(len(e.agents))
			e.byName[in.Name] = n
			e.agents = append(e.agents, agent{since: e.now, desk: &desk{}})
		}
		a := &e.agents[n]
		a.capacity, a.speed = int32(in.Capacity), cmp.Or(in.Speed, 1)
		a.hasty = a.speed != 1
		if cap(a.slots) < in.Capacity {
			a.slots = append(make([]int32, 0, in.Capacity), a.slots[:a.load]...)
		}
		a.slots = a.slots[:max(int(a.load), in.Capacity)]
		e.attend(n, a, in.Attention == Shared)
		on := a.on
		if in.Shifts != nil && !a.forced {
			on = false
		}
		for _, s := range in.Shifts {
			from, to := int64(s.From), int64(s.To)
			if to <= e.now {
				continue
			}
			if from <= e.now {
				on = on || !a.forced
			} else {
				e.turns = append(e.turns, turn{from, n, true})
			}
			e.turns = append(e.turns, turn{to, n, false})
		}
		if on != a.on {
			e.turns = append(e.turns, turn{e.now, n, on})
		}
	}
	for n := range e.agents { // who is gone leaves
		if a := &e.agents[n]; a.capacity == 0 && !slices.ContainsFunc(e.cfg.Agents, func(in Agent) bool { return e.byName[in.Name] == int32(n) }) {
			a.forced = false
			e.turns = append(e.turns, turn{e.now, int32(n), false})
		}
	}
	slices.SortFunc(e.turns, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b2i(a.on), b2i(b.on)), cmp.Compare(a.agent, b.agent))
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SetOnQueue lets an agent go on or off queue now, whatever their shifts say,
// until the next beginning or end of a shift of theirs. It is false where there
// is no such agent.
func (e *Engine) SetOnQueue(agent int, on bool) bool {
	if agent < 0 || agent >= len(e.agents) {
		return false
	}
	e.turn([]turn{{e.now, int32(agent), on}})
	e.agents[agent].forced = true
	e.offerGroup()
	return true
}

// Agent is the index of an agent by name; -1: there is none.
func (e *Engine) Agent(name string) int {
	if n, ok := e.byName[name]; ok {
		return int(n)
	}
	return -1
}

// Queue is the index of a queue by name, for Need; -1: there is none. Queues
// keep their indices when they are configured anew.
func (e *Engine) Queue(name string) int {
	return slices.IndexFunc(e.cfg.Queues, func(q Queue) bool { return q.Name == name })
}

// Now is the time of the engine.
func (e *Engine) Now() time.Duration { return time.Duration(e.now) }

// Advance runs everything that happens up to a time, that included. An error is
// a fault of the engine: what it checks of itself does not hold.
func (e *Engine) Advance(to time.Duration) error {
	end := int64(to)
	for {
		at := e.events.first()
		switch {
		case e.turned < len(e.turns) && e.turns[e.turned].at <= min(at, end):
			e.tick(e.turns[e.turned].at)
			e.turn(e.due())
			e.offerGroup()
		case at <= end:
			e.tick(at)
			e.happen(e.events.take())
			if e.done++; e.done&(1<<16-1) == 0 && e.watch != nil && e.err == nil {
				e.err = e.watch()
			}
		default:
			e.tick(end)
			return nil
		}
		if e.err != nil {
			return e.err
		}
		if len(e.events.items) > e.events.most {
			e.events.purge(e.void)
		}
	}
}

// Next is when something happens next, at the earliest; false: nothing will.
func (e *Engine) Next() (time.Duration, bool) {
	at := e.events.first()
	if e.turned < len(e.turns) {
		at = min(at, e.turns[e.turned].at)
	}
	return time.Duration(at), at != never
}

// void says that an event is about something that has come otherwise.
func (e *Engine) void(ev event) bool {
	switch ev.kind() {
	case finishes, answers, alertEnds, expands, patienceEnds:
		return !ev.of(e.emails[ev.id].gen)
	case workEnds:
		return !ev.of(e.agents[ev.id].gen)
	case callStarts:
		return !ev.of(e.agents[ev.id].callGen)
	case callEnds, returns:
	}
	return false
}

// tick moves the clock.
func (e *Engine) tick(to int64) {
	if d := to - e.now; d > 0 {
		e.now = to
		e.tally.area.add(d, e.tally.waiting)
		if e.tally.waiting > e.tally.peak {
			e.tally.peak, e.tally.clears = e.tally.waiting, -1
		}
		e.tally.filled += float64(d) * float64(e.tally.held)
	}
}

// happen carries out one event.
func (e *Engine) happen(ev event) {
	id := ev.id
	switch ev.kind() {
	case finishes:
		if m := &e.emails[id]; ev.of(m.gen) {
			e.end(id, m)
		}
	case answers:
		if m := &e.emails[id]; ev.of(m.gen) {
			if a := &e.agents[m.agent]; !a.on || a.call { // nobody is there to answer
				e.events.put(newEvent(max(e.now, m.finish), alertEnds, id, m.gen))
				return
			}
			e.answer(id, m)
		}
	case alertEnds:
		if ev.of(e.emails[id].gen) {
			e.notAnswered(id)
		}
	case expands:
		if m := &e.emails[id]; ev.of(m.gen) {
			e.expand(id, m)
		}
	case patienceEnds:
		if m := &e.emails[id]; ev.of(m.gen) {
			e.drop(id, m, Abandoned)
		}
	case workEnds:
		if a := &e.agents[id]; ev.of(a.gen) {
			e.sharedEnd(a)
		}
	case callStarts:
		if a := &e.agents[id]; ev.of(a.callGen) && a.on {
			e.callStart(id, a)
		}
	case callEnds:
		e.callEnd(id, &e.agents[id])
	case returns:
		if a := &e.agents[id]; a.away && e.now >= a.back {
			a.away = false
			e.tell(id, a)
			e.offer(id)
		}
	}
	for w := range e.words {
		if e.nonempty[w]&e.ready[w] != 0 {
			e.fail("email waits while an agent who can take it is free", -1, -1)
		}
	}
}

// Need is the handle of a queue and what an email asks for in it. A new need
// costs a look at every agent; a known one a look-up.
func (e *Engine) Need(queue int, skills []string, language string) Need {
	skills = slices.Compact(slices.Sorted(slices.Values(skills)))
	for i := range e.needs {
		if n := &e.needs[i]; int(n.queue) == queue && n.language == language && slices.Equal(n.skills, skills) {
			return Need(i)
		}
	}
	e.needs = append(e.needs, need{queue: int32(queue), skills: skills, language: language})
	e.compile(int32(len(e.needs) - 1))
	e.link()
	return Need(len(e.needs) - 1)
}

// Add lets an email enter its queue. It is offered at once.
func (e *Engine) Add(in Email) EmailID { return e.name(e.add(&in)) }

func (e *Engine) add(in *Email) int32 {
	var id int32
	if n := len(e.unused); n > 0 {
		id = e.unused[n-1]
		e.unused = e.unused[:n-1]
	} else {
		id = int32(len(e.emails))
		e.emails, e.more = append(e.emails, email{}), append(e.more, more{})
	}
	m := &e.emails[id]
	e.serial++
	m.entered, m.work, m.wrapUp = min(int64(in.Entered), e.now), int64(in.Handle+in.WrapUp), int64(in.WrapUp)
	m.need, m.rule, m.priority, m.agent = int32(in.Need), uint16(in.Rule), int32(in.Priority), -1
	m.serial, m.state = e.serial, waits
	m.gen++
	rare := more{never, in.Transfer}
	if in.Patience > 0 {
		rare.patience = m.entered + int64(in.Patience)
	}
	e.more[id] = rare
	e.tally.enter(e, m)
	if e.cfg.Observe != nil {
		e.observe(Entered, id, m)
	}
	if in.LastAgent == 0 || !e.toLastAgent(id, m, int32(in.LastAgent-1)) {
		e.retry(id, m)
	}
	return id
}

func (e *Engine) name(id int32) EmailID { return EmailID(e.emails[id].serial)<<32 | EmailID(id) }

// find is the email of a name; nil where it is gone.
func (e *Engine) find(name EmailID) (int32, *email) {
	id := int32(uint32(name))
	if int(id) >= len(e.emails) || e.emails[id].serial != uint32(name>>32) || e.emails[id].state == gone {
		return -1, nil
	}
	return id, &e.emails[id]
}

// Change gives waiting email another need and priority: it is scored and
// offered anew, and keeps its age. It is false where the email no longer waits.
func (e *Engine) Change(name EmailID, need Need, priority int) bool {
	id, m := e.find(name)
	if m == nil || m.state != waits {
		return false
	}
	m.gen++
	e.leave(m.class)
	m.need, m.priority = int32(need), int32(priority)
	e.retry(id, m)
	return true
}

// retry offers an email that has been taken out of its class anew.
func (e *Engine) retry(id int32, m *email) {
	c := e.classAt(m)
	if e.ready[c>>6]>>(c&63)&1 == 0 {
		e.place(id, m, c)
		return
	}
	m.class = c
	e.give(id, m, e.pick(&e.pools[e.classes[c].pool]))
}

// Remove takes an email out, wherever it is. It is false where it is gone.
func (e *Engine) Remove(name EmailID) bool {
	id, m := e.find(name)
	if m == nil {
		return false
	}
	if m.state == waits {
		e.drop(id, m, Removed)
		return true
	}
	a := m.agent
	e.hand(a, m)
	if m.state == alerts {
		e.tally.unwait(e, m)
	}
	e.tally.leave(e, m, Removed)
	if e.cfg.Observe != nil {
		e.observe(Removed, id, m)
	}
	e.forget(id, m)
	e.offer(a)
	return true
}

// classAt is the class of an email: its need, in the ring that its age has
// brought it to.
func (e *Engine) classAt(m *email) int32 {
	c := e.needs[m.need].first
	age := e.now - m.entered
	for e.classes[c].next >= 0 && age >= e.classes[c].until {
		c = e.classes[c].next
	}
	return c
}

// place lets an email wait in a class.
func (e *Engine) place(id int32, m *email, n int32) {
	c := &e.classes[n]
	m.class, m.state, m.agent = n, waits, -1
	m.gen++
	t := ticket{id: id, gen: m.gen}
	if c.rank == 0 {
		t.key, t.tie = -int64(m.priority), m.entered
	} else {
		e.order++
		t.key, t.tie = m.entered-int64(m.priority)*int64(time.Minute), e.order
	}
	c.push(t)
	e.nonempty[n>>6] |= 1 << (n & 63)
	if c.next >= 0 {
		e.events.put(newEvent(m.entered+c.until, expands, id, m.gen))
	}
	if patience := e.more[id].patience; patience != never {
		e.events.put(newEvent(max(patience, e.now), patienceEnds, id, m.gen))
	}
}

// expand lets an email enter the next ring.
func (e *Engine) expand(id int32, m *email) {
	m.gen++
	e.leave(m.class)
	if e.cfg.Observe != nil {
		e.observe(Expanded, id, m)
	}
	e.retry(id, m)
}

// drop takes waiting email out of the queue.
func (e *Engine) drop(id int32, m *email, what What) {
	m.gen++
	e.leave(m.class)
	e.tally.unwait(e, m)
	e.tally.leave(e, m, what)
	if e.cfg.Observe != nil {
		e.observe(what, id, m)
	}
	e.forget(id, m)
}

// forget frees the place of an email.
func (e *Engine) forget(id int32, m *email) {
	m.gen++
	m.state = gone
	e.unused = append(e.unused, id)
}

func (e *Engine) observe(what What, id int32, m *email) {
	ring := 0
	if what == Alerted && m.class >= 0 {
		ring = int(e.classes[m.class].step) + 1
	}
	e.cfg.Observe(Event{
		At: time.Duration(e.now), What: what, Email: e.name(id), Rule: int(m.rule), Agent: int(m.agent), Ring: ring, Wait: time.Duration(e.now - m.entered),
		Handle: time.Duration(m.work - m.wrapUp), WrapUp: time.Duration(m.wrapUp), Transfer: e.more[id].transfer,
	})
}

// choose looks for the email that an agent who has room gets next: the best of
// the classes that they serve. It gives the class and the email; -1: there is
// none.
func (e *Engine) choose(agent int32) (best, id int32) {
	best = -1
	var top ticket
	serves := e.teams[e.agents[agent].team].serves
	for w := range e.words {
		for m := e.nonempty[w] & serves[w]; m != 0; m &= m - 1 {
			n := int32(w<<6 + bits.TrailingZeros64(m))
			c := &e.classes[n]
			t := e.head(c)
			if best < 0 || c.rank < e.classes[best].rank || c.rank == e.classes[best].rank && t.before(top) {
				best, top = n, t
			}
		}
	}
	return best, top.id
}

// Violation is something that must never happen and did: a fault of the engine.
type Violation struct {
	At    time.Duration
	What  string
	Trace []Event // what came before, the oldest first
}

// Error says what and when.
func (v *Violation) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "the simulation contradicts itself at %s: %s", v.At, v.What)
	for _, ev := range v.Trace {
		fmt.Fprintf(&s, "\n  %s email %d of rule %d: %s, agent %d", ev.At, uint32(ev.Email>>32), ev.Rule, ev.What, ev.Agent)
	}
	return s.String()
}

func (e *Engine) fail(what string, id, agent int32) {
	if e.err == nil {
		if id >= 0 {
			what += fmt.Sprintf(" (email %d)", e.emails[id].serial)
		}
		if agent >= 0 {
			what += fmt.Sprintf(" (agent %d)", agent)
		}
		e.err = &Violation{At: time.Duration(e.now), What: what}
	}
}
