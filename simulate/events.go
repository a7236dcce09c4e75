package simulate

import "slices"

// This file is the calendar of events: a flat four-ary heap, earliest first.

// kind says what happens.
type kind uint8

// The kinds of event. Those up to patienceEnds are about an email, the others
// about an agent.
const (
	finishes     kind = iota // work on an email ends
	answers                  // an alert is answered
	alertEnds                // an alert times out
	expands                  // an email enters its next ring
	patienceEnds             // the sender no longer waits
	workEnds                 // the first of the emails that share an agent's attention ends
	callStarts
	callEnds
	returns // an agent who did not respond is back
)

// event is one thing that will happen. It is void when gen is no longer that
// of its email or agent.
type event struct {
	at   int64 // nanoseconds
	id   int32 // email or agent
	what uint32
}

const genBits = 28

func newEvent(at int64, k kind, id int32, gen uint32) event {
	return event{at: at, id: id, what: uint32(k)<<genBits | gen&(1<<genBits-1)}
}

func (ev event) kind() kind { return kind(ev.what >> genBits) }

func (ev event) of(gen uint32) bool { return ev.what&(1<<genBits-1) == gen&(1<<genBits-1) }

// calendar is the heap. Its first place may be vacant: what is taken off is
// often followed by what is put in, which then takes that place.
type calendar struct {
	items  []event
	vacant bool
	most   int // events, beyond which void ones are thrown away
}

func (c *calendar) clear() { c.items, c.vacant, c.most = c.items[:0], false, fewEvents }

// fewEvents is how many events are kept without a look at who is void.
const fewEvents = 4096

// purge throws void events away, so that those of email that has long gone do
// not pile up.
func (c *calendar) purge(void func(event) bool) {
	if c.vacant {
		c.fill()
	}
	c.items = slices.DeleteFunc(c.items, void)
	for i := (len(c.items) - 2) / 4; i >= 0 && len(c.items) > 1; i-- {
		c.down(i, c.items[i])
	}
	c.most = max(fewEvents, 2*len(c.items))
}

// first is the time of the earliest event; never, where there is none.
func (c *calendar) first() int64 {
	if c.vacant {
		c.fill()
	}
	if len(c.items) == 0 {
		return never
	}
	return c.items[0].at
}

// take removes the earliest event; first must have been asked.
func (c *calendar) take() event {
	c.vacant = true
	return c.items[0]
}

// fill closes the vacant first place with the last event.
func (c *calendar) fill() {
	c.vacant = false
	last := len(c.items) - 1
	ev := c.items[last]
	c.items = c.items[:last]
	if last > 0 {
		c.down(0, ev)
	}
}

// put adds an event.
func (c *calendar) put(ev event) {
	if c.vacant {
		c.vacant = false
		c.down(0, ev)
		return
	}
	c.add(ev)
}

// add puts an event in at the end and lets it rise to its place.
func (c *calendar) add(ev event) {
	c.items = append(c.items, ev)
	items := c.items
	i := len(items) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if items[parent].at <= ev.at {
			break
		}
		items[i] = items[parent]
		i = parent
	}
	items[i] = ev
}

// down puts an event in at a place and lets it sink to its own.
func (c *calendar) down(i int, ev event) {
	items := c.items
	n := len(items)
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		var least int
		if child+4 <= n { // the earliest of four, without a branch that cannot be foreseen
			four := items[child : child+4 : child+4]
			a := earlier(four[1].at, four[0].at) & 1
			b := 2 + earlier(four[3].at, four[2].at)&1
			least = child + (a ^ (a^b)&earlier(four[b&3].at, four[a&3].at))
		} else {
			least = child
			for k := child + 1; k < n; k++ {
				if items[k].at < items[least].at {
					least = k
				}
			}
		}
		if items[least].at >= ev.at {
			break
		}
		items[i] = items[least]
		i = least
	}
	items[i] = ev
}

// earlier is all ones where a is before b, else 0.
func earlier(a, b int64) int { return int((a - b) >> 63) }
