// Package centre is the life of a contact centre: queues, addresses, agents and
// mail go in as values; a record of every conversation, and what everybody is
// doing now, come out. It runs simulate.Engine under the configuration of the
// moment and knows nothing of HTTP.
package centre

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
)

// Config is the configuration of one moment. Names are ids throughout.
type Config struct {
	Queues    []Queue
	Addresses []Address
	// Agents are who may serve: Name is the id, Members index Queues, Shifts
	// count from the centre's beginning.
	Agents     []simulate.Agent
	Voice      simulate.Voice
	NoAnswer   simulate.NoAnswer
	Unfinished simulate.Unfinished
}

// Queue is one queue.
type Queue struct {
	ID       string
	Settings routing.QueueSettings
}

// Address is where mail arrives, and what its route asks for.
type Address struct {
	Address  string // in lower case
	Queue    string // id; empty: something else than a queue takes its mail
	Priority int    // minutes of head start
	Ask      Ask
}

// Ask is what an email asks for.
type Ask struct {
	Skills   []string // ids
	Language string   // id; empty: none
}

// Mail is one email on its way.
type Mail struct {
	At       time.Duration // since the beginning; below 0: it waits at the beginning, for as long
	Address  string        // in lower case
	Handle   time.Duration // work from the answer on, at speed 1
	WrapUp   time.Duration // after-call work, before the queue bounds it at the answer
	Patience time.Duration // how long the sender waits; 0: for ever
	Reply    bool          // it replies to somebody who wrote before
	Transfer string        // the address whose queue it goes to once handled; empty: none
}

// Source is where mail comes from.
type Source interface {
	// Next is the next email, none earlier than the one before; false: none
	// follows.
	Next() (Mail, bool)
	// Again is what an email that is transferred to an address takes.
	Again(address string) Mail
}

// route is where email goes, and what it asks for there.
type route struct {
	queue    int32
	need     simulate.Need
	priority int32
	ask      int32
}

// Centre is one contact centre. It is not safe for use by several goroutines at
// once.
type Centre struct {
	source Source
	next   Mail // of source
	more   bool // next is one
	rng    *rand.Rand
	engine *simulate.Engine
	queues []string         // ids by the engine's index
	agents []agent          // by the engine's index
	within []int64          // the target of each queue in milliseconds; 0: none
	waits  [][]int64        // of the last answers, by queue
	rings  []bool           // which queues have more than one
	routes map[string]route // by address, of those whose mail a queue takes
	record

	// OnLeg is called whenever a leg has changed, before one that has ended is
	// forgotten, and OnAgent whenever the status of an agent has. They look, and
	// change nothing. nil: nobody looks.
	OnLeg   func(n int)
	OnAgent func(id string)

	adding   int      // the leg that is entering
	ended    int      // the leg that ended last
	last     Leg      // as it was then
	transfer []string // addresses, by the rule that the engine is told of
	ruleOf   map[string]int
}

// agent is one agent now.
type agent struct {
	id     string
	status simulate.Status
	since  int64
	turned bool     // the last change was to come on queue or to go off
	before []Status // those before that are kept, oldest first
}

// Status is what an agent was doing from a time on, up to the next.
type Status struct {
	Since  int64
	Status simulate.Status
}

// New makes a centre whose clock stands at zero. It keeps the record of at most
// keep conversations, the newest, and of what is open.
func New(cfg Config, source Source, seed uint64, keep int) *Centre {
	c := &Centre{
		source: source, rng: rand.New(rand.NewPCG(seed, 77)), routes: map[string]route{},
		record: newRecord(keep), ruleOf: map[string]int{},
	}
	c.engine = simulate.New(c.compile(cfg, seed))
	c.settle(cfg)
	if source != nil {
		c.next, c.more = source.Next()
	}
	return c
}

// Configure changes the configuration at the present moment. What waits keeps
// what it asks for, and is looked at anew.
func (c *Centre) Configure(cfg Config) {
	c.engine.Configure(c.compile(cfg, 0))
	c.settle(cfg)
}

// compile is the configuration as the engine takes it.
func (c *Centre) compile(cfg Config, seed uint64) simulate.Config {
	out := simulate.Config{
		Agents: cfg.Agents, Rules: 1, Voice: cfg.Voice, NoAnswer: cfg.NoAnswer, Unfinished: cfg.Unfinished, Seed: seed,
		Observe: c.saw, Watch: c.watched, Transferred: c.goesOn,
	}
	for _, q := range cfg.Queues {
		out.Queues = append(out.Queues, simulate.Queue{Name: q.ID, Settings: q.Settings})
	}
	// The engine tells of changes while it takes the configuration.
	for _, a := range cfg.Agents {
		if c.engine == nil || c.engine.Agent(a.Name) < 0 {
			c.agents = append(c.agents, agent{id: a.Name, since: c.Now()})
		}
	}
	return out
}

// settle looks up what the configuration says of queues and addresses.
func (c *Centre) settle(cfg Config) {
	for _, q := range cfg.Queues {
		n := c.engine.Queue(q.ID)
		for len(c.queues) <= n {
			c.waits, c.queues, c.within, c.rings = append(c.waits, nil), append(c.queues, ""), append(c.within, 0), append(c.rings, false)
		}
		c.queues[n], c.within[n], c.rings[n] = q.ID, 0, q.Settings.Rings != nil && len(*q.Settings.Rings) > 1
		if s := q.Settings.ServiceLevel; s != nil {
			c.within[n] = time.Duration(s.Within).Milliseconds()
		}
	}
	clear(c.routes)
	for _, a := range cfg.Addresses {
		if slices.ContainsFunc(cfg.Queues, func(q Queue) bool { return q.ID == a.Queue }) {
			c.routes[a.Address], _ = c.into(Entry{Queue: a.Queue, Priority: a.Priority, Ask: a.Ask})
		}
	}
}

// Now is the time since the beginning, in milliseconds.
func (c *Centre) Now() int64 {
	if c.engine == nil {
		return 0
	}
	return c.engine.Now().Milliseconds()
}

// Advance lets everything happen up to a time since the beginning. A time that
// has passed is refused. Any other error is a fault of the engine.
func (c *Centre) Advance(to time.Duration) error {
	if to < c.engine.Now() {
		return fmt.Errorf("advance to %s: the centre's clock is at %s already", to, c.engine.Now())
	}
	for c.more && c.next.At <= to {
		if err := c.engine.Advance(c.next.At); err != nil {
			return err
		}
		c.Receive(c.next)
		c.next, c.more = c.source.Next()
	}
	return c.engine.Advance(to)
}

// Next is when something happens next, at the earliest; false: nothing will.
func (c *Centre) Next() (time.Duration, bool) {
	at, ok := c.engine.Next()
	if c.more && (!ok || c.next.At < at) {
		return c.next.At, true
	}
	return at, ok
}

// Receive lets an email arrive now. It gives the number of its leg; false: no
// queue takes mail of the address.
func (c *Centre) Receive(m Mail) (int, bool) {
	r, ok := c.routes[m.Address]
	if !ok {
		return 0, false
	}
	entered := min(c.engine.Now(), m.At)
	if m.At >= 0 {
		entered = c.engine.Now()
	}
	n := c.open(Leg{Address: c.addressOf(m.Address), Agent: -1, Entered: entered.Milliseconds(), Queue: r.queue, Priority: r.priority, Ask: r.ask, Reply: m.Reply})
	c.enter(n, r, m)
	return n, true
}

// open begins a leg. With the oldest legs go what agents did before the next.
func (c *Centre) open(l Leg) int {
	gone := c.gone
	n := c.record.open(l)
	if c.gone == gone {
		return n
	}
	for i := range c.agents {
		a := &c.agents[i]
		later := sort.Search(len(a.before), func(i int) bool { return a.before[i].Since > c.legs[0].Entered })
		a.before = slices.Delete(a.before, 0, max(later-1, 0))
	}
	return n
}

// enter gives a leg to the engine.
func (c *Centre) enter(n int, r route, m Mail) {
	in := simulate.Email{
		Need: r.need, Priority: int(r.priority), Entered: time.Duration(c.Leg(n).Entered) * time.Millisecond,
		Handle: m.Handle, WrapUp: m.WrapUp, Patience: m.Patience,
	}
	if who := c.wrote[c.Leg(n).Address]; m.Reply && len(who) > 0 {
		in.LastAgent = int(who[c.rng.IntN(len(who))]) + 1
	}
	if m.Transfer != "" {
		rule, known := c.ruleOf[m.Transfer]
		if !known {
			rule = len(c.transfer)
			c.ruleOf[m.Transfer], c.transfer = rule, append(c.transfer, m.Transfer)
		}
		in.Transfer = int32(rule) + 1
	}
	c.adding = n
	c.engine.Add(in)
}

// goesOn lets the email that ended last enter the queue of another address.
func (c *Centre) goesOn(rule int) {
	address := c.transfer[rule]
	from := c.last
	if r, ok := c.routes[address]; ok {
		c.follow(c.ended, from, r, c.source.Again(address))
	}
}

// follow lets a conversation whose leg from, of a number, has ended enter another
// queue.
func (c *Centre) follow(leg int, from Leg, r route, m Mail) int {
	n := c.open(Leg{Conversation: from.Conversation, Address: from.Address, Agent: -1, Entered: c.Now(), Queue: r.queue, Priority: r.priority, Ask: r.ask})
	if l := c.Leg(leg); l != nil { // it may have been forgotten
		l.Next = n
		if i := leg - 1 - c.gone; i >= 0 {
			c.alone[i] = -1
		}
	}
	c.enter(n, r, m)
	return n
}

// goesTo says that the engine will pass email on to the queue of an address.
func (c *Centre) goesTo(transfer int32) bool {
	if transfer == 0 {
		return false
	}
	_, ok := c.routes[c.transfer[transfer-1]]
	return ok
}

// Reprioritise gives an email that waits another priority and other skills and
// language, and offers it anew; nil leaves the priority or what is asked for. It
// is false where the email does not wait any more.
func (c *Centre) Reprioritise(leg int, priority *int, ask *Ask) bool {
	l := c.Leg(leg)
	if l == nil || l.State != Waiting {
		return false
	}
	p, a := l.Priority, l.Ask
	if priority != nil {
		p = int32(*priority)
	}
	if ask != nil {
		a = c.askOf(*ask)
	}
	asked := c.asks[a]
	need := c.engine.Need(int(l.Queue), asked.Skills, asked.Language)
	l.Priority, l.Ask = p, a
	c.tell(leg)
	return c.engine.Change(l.email, need, int(p))
}

// Disconnect ends an email wherever it is; false where it has ended.
func (c *Centre) Disconnect(leg int) bool {
	l := c.Leg(leg)
	return l != nil && l.State < Handled && c.engine.Remove(l.email)
}

// Status is what an agent is doing, and since when (milliseconds since the
// beginning); off queue where the centre does not know them.
func (c *Centre) Status(id string) (simulate.Status, int64) {
	if n := c.engine.Agent(id); n >= 0 {
		return c.agents[n].status, c.agents[n].since
	}
	return simulate.OffQueue, 0
}

// Statuses are by agent what they have been doing, the oldest first and the last
// up to now; what the record of email has forgotten is forgotten here, too.
func (c *Centre) Statuses() iter.Seq2[string, []Status] {
	return func(yield func(string, []Status) bool) {
		for i := range c.agents {
			a := &c.agents[i]
			if !yield(a.id, append(slices.Clip(a.before), Status{a.since, a.status})) {
				return
			}
		}
	}
}

// AgentID is the id of the agent of a leg; empty: none.
func (c *Centre) AgentID(n int32) string {
	if n < 0 {
		return ""
	}
	return c.agents[n].id
}

// recently is how many waits RecentWaits has.
const recently = 20

// RecentWaits are the waits of the last emails that were answered in a queue, in
// milliseconds, the latest last.
func (c *Centre) RecentWaits(queue string) []int64 {
	if n := c.engine.Queue(queue); n >= 0 && n < len(c.waits) {
		return c.waits[n]
	}
	return nil
}

// QueueID is the id of the queue of a leg.
func (c *Centre) QueueID(n int32) string { return c.queues[n] }

func (c *Centre) watched(at time.Duration, n int, s simulate.Status) {
	a := &c.agents[n]
	a.turned = (a.status == simulate.OffQueue) != (s == simulate.OffQueue)
	if at.Milliseconds() > a.since {
		a.before = append(a.before, Status{a.since, a.status})
	}
	a.status, a.since = s, at.Milliseconds()
	if c.OnAgent != nil {
		c.OnAgent(a.id)
	}
}

// tell tells of a leg that has changed.
func (c *Centre) tell(n int) {
	if c.OnLeg != nil {
		c.OnLeg(n)
	}
}

// saw keeps the record.
func (c *Centre) saw(ev simulate.Event) {
	slot, at := int(uint32(ev.Email)), ev.At.Milliseconds()
	if ev.What == simulate.Entered {
		for len(c.legOf) <= slot {
			c.legOf = append(c.legOf, 0)
		}
		c.legOf[slot] = c.adding
		c.Leg(c.adding).email = ev.Email
		c.tell(c.adding)
		return
	}
	n := c.legOf[slot]
	l := c.Leg(n)
	switch ev.What {
	case simulate.Alerted:
		l.State, l.Agent, l.Alerted, l.Ring, l.Rings = Alerting, int32(ev.Agent), at, uint8(ev.Ring), c.rings[l.Queue]
	case simulate.NotAnswered:
		c.misses = append(c.misses, Miss{Leg: n, Agent: l.Agent, From: l.Alerted, To: at})
		l.State, l.Agent, l.Alerted = Waiting, -1, -1
	case simulate.Answered:
		l.State, l.Answered = Interacting, at
		c.waits[l.Queue] = append(c.waits[l.Queue], at-l.Entered)
		if extra := len(c.waits[l.Queue]) - recently; extra > 0 {
			c.waits[l.Queue] = slices.Delete(c.waits[l.Queue], 0, extra)
		}
		l.InTime = c.within[l.Queue] == 0 || at-l.Entered <= c.within[l.Queue]
		l.Target = c.within[l.Queue] > 0
	case simulate.Ended:
		l.State, l.Ended = Handled, at
		l.WrappedFrom = max(l.Answered, at-ev.WrapUp.Milliseconds())
		l.Transferred = c.goesTo(ev.Transfer)
		c.ended, c.last = n, *l
		c.remember(l)
	case simulate.Abandoned:
		l.State, l.Ended = Abandoned, at
	case simulate.Removed:
		l.State, l.Ended = Disconnected, at
	case simulate.Expanded, simulate.Entered:
		return
	}
	c.tell(n)
	if l.State >= Handled {
		c.close(n)
	}
}

// key tells one Ask from another.
func (a Ask) key() string { return strings.Join(a.Skills, "\x00") + "\x01" + a.Language }
