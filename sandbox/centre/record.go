package centre

import (
	"iter"
	"slices"
	"sort"

	"github.com/foresort/foresort/simulate"
)

// This file is the record: every email that a queue took, as a leg.

// State is where an email is, or how it ended.
type State uint8

// The states of an email. It is open up to Interacting.
const (
	Waiting State = iota
	Alerting
	Interacting
	Handled
	Abandoned    // the sender no longer waited
	Disconnected // ended from outside
)

// Leg is one email in one queue. A conversation that is transferred has several.
// Times are milliseconds since the beginning; -1: not yet, or never.
type Leg struct {
	Conversation int // the number of its first leg
	Next         int // the leg that follows after a transfer; 0: none
	email        simulate.EmailID
	Entered      int64 // the queue
	Alerted      int64 // the agent who has it, or answered it
	Answered     int64
	WrappedFrom  int64 // when after-call work began
	Ended        int64
	Address      int32 // to which the conversation came: Centre.Address
	Queue        int32 // Centre.QueueID
	Ask          int32 // Centre.Ask
	Agent        int32 // Centre.AgentID; -1: none
	Priority     int32
	openAt       int32 // its place among the open
	State        State
	Ring         uint8 // in which it alerted that agent, 1 the first; 0: it went to its last agent
	Rings        bool  // there was more than one then
	InTime       bool  // answered within the target that held at the answer
	Target       bool  // there was a target at the answer
	Reply        bool
	Transferred  bool // it went on to another queue
}

// Miss is an alert that nobody answered.
type Miss struct {
	Leg      int
	Agent    int32
	From, To int64
}

// record is what has happened. Legs are numbered from 1 in the order in which
// they entered.
type record struct {
	keep   int
	legs   []Leg
	alone  []int32      // beside legs: see Alone
	blocks []block      // of all legs there ever were
	gone   int          // legs that are no longer kept, the oldest
	old    map[int]*Leg // those of them whose conversations were open at the last time
	opens  []int
	misses []Miss
	legOf  []int // by the engine's place of an email
	asks   []Ask
	askAt  map[string]int32
	names  []string // of addresses
	nameAt map[string]int32
	wrote  map[int32][]int32 // by address: agents who handled its mail last
}

// block is what is known of legs that follow one another, so that they can be
// passed over together.
type block struct {
	open  int   // how many have not ended
	ended int64 // when the last of the others did
}

const blockLegs = 1024

func newRecord(keep int) record {
	return record{keep: max(keep, 1), old: map[int]*Leg{}, askAt: map[string]int32{}, nameAt: map[string]int32{}, wrote: map[int32][]int32{}}
}

// Leg is a leg by its number; nil where it is not, or no longer, kept. It holds
// until the next change.
func (r *record) Leg(n int) *Leg {
	if i := n - 1 - r.gone; i >= 0 && i < len(r.legs) {
		return &r.legs[i]
	}
	return r.old[n]
}

// Newest is the number of the leg that entered last; 0: none has.
func (r *record) Newest() int { return r.gone + len(r.legs) }

// Legs are the legs that are kept, by number, in the order in which they
// entered.
func (r *record) Legs() iter.Seq2[int, *Leg] {
	return func(yield func(int, *Leg) bool) {
		for i := range r.legs {
			if !yield(r.gone+1+i, &r.legs[i]) {
				return
			}
		}
	}
}

// Since is the number of the first leg that is kept and entered at a time or
// later; after the last: none did. What waited at the beginning entered before
// it, in no order, and counts as one.
func (r *record) Since(at int64) int {
	at = max(at, 0)
	return r.gone + 1 + sort.Search(len(r.legs), func(i int) bool { return r.legs[i].Entered >= at })
}

// Within are the legs that are kept and to which something may have happened
// from one time to before another, by number, and some more.
func (r *record) Within(from, to int64) iter.Seq2[int, *Leg] {
	return func(yield func(int, *Leg) bool) {
		for n, end := r.gone+1, r.Since(to); n < end; n++ {
			if b := &r.blocks[n/blockLegs]; b.open == 0 && b.ended < from {
				n |= blockLegs - 1
				continue
			}
			if l := r.Leg(n); (l.Ended < 0 || l.Ended >= from) && !yield(n, l) {
				return
			}
		}
	}
}

// Alone is by leg, from the first that is kept on, its queue where it is the only
// leg of its conversation, and -1 elsewhere. It holds until the next change.
func (r *record) Alone() []int32 { return r.alone }

// Open are the numbers of the legs that have not ended, in no order.
func (r *record) Open() []int { return r.opens }

// Misses are the alerts that nobody answered, in the order in which they ended.
func (r *record) Misses() []Miss { return r.misses }

// Forgotten is how many legs are no longer kept.
func (r *record) Forgotten() int { return r.gone }

// Ask is what a leg asks for.
func (r *record) Ask(n int32) Ask { return r.asks[n] }

// Address is where the conversation of a leg came in.
func (r *record) Address(n int32) string { return r.names[n] }

func (r *record) askOf(a Ask) int32 {
	a.Skills = slices.Compact(slices.Sorted(slices.Values(a.Skills)))
	n, ok := r.askAt[a.key()]
	if !ok {
		n = int32(len(r.asks))
		r.askAt[a.key()], r.asks = n, append(r.asks, a)
	}
	return n
}

func (r *record) addressOf(name string) int32 {
	n, ok := r.nameAt[name]
	if !ok {
		n = int32(len(r.names))
		r.nameAt[name], r.names = n, append(r.names, name)
	}
	return n
}

// open begins a leg.
func (r *record) open(l Leg) int {
	r.forget(l.Conversation)
	n := r.gone + len(r.legs) + 1
	if l.Conversation == 0 {
		l.Conversation = n
	}
	l.Alerted, l.Answered, l.WrappedFrom, l.Ended = -1, -1, -1, -1
	l.openAt = int32(len(r.opens))
	r.opens = append(r.opens, n)
	r.legs = append(r.legs, l)
	r.alone = append(r.alone, l.Queue)
	if l.Conversation != n {
		r.alone[len(r.alone)-1] = -1
	}
	for len(r.blocks) <= n/blockLegs {
		r.blocks = append(r.blocks, block{})
	}
	r.blocks[n/blockLegs].open++
	return n
}

// close takes a leg that has ended from the open.
func (r *record) close(n int) {
	b := &r.blocks[n/blockLegs]
	b.open, b.ended = b.open-1, max(b.ended, r.Leg(n).Ended)
	at := r.Leg(n).openAt
	last := len(r.opens) - 1
	r.opens[at] = r.opens[last]
	r.Leg(r.opens[at]).openAt = at
	r.opens = r.opens[:last]
}

// forget drops the oldest legs once there are a quarter more than shall be
// kept, but for those of conversations that are open, and of the one that goes
// on.
func (r *record) forget(goesOn int) {
	if len(r.legs) < r.keep+r.keep/4+16 {
		return
	}
	drop := len(r.legs) - r.keep
	open := map[int]bool{goesOn: true}
	for _, n := range r.opens {
		open[r.Leg(n).Conversation] = true
	}
	for n, l := range r.old {
		if !open[l.Conversation] {
			delete(r.old, n)
		}
	}
	for i := range r.legs[:drop] {
		if l := r.legs[i]; open[l.Conversation] {
			r.old[r.gone+1+i] = &l
		}
	}
	r.legs, r.alone = append(r.legs[:0], r.legs[drop:]...), append(r.alone[:0], r.alone[drop:]...)
	r.gone += drop
	r.misses = slices.DeleteFunc(r.misses, func(m Miss) bool { return m.Leg <= r.gone })
}

// threads is how many agents of the last email of an address are remembered.
const threads = 32

// remember notes who handled an email, for replies to it.
func (r *record) remember(l *Leg) {
	who := r.wrote[l.Address]
	if len(who) < threads {
		r.wrote[l.Address] = append(who, l.Agent)
		return
	}
	who[int(l.Ended)%threads] = l.Agent
}
