package simulate

import "slices"

// This file keeps the email that waits: for each class a line, and beside it a
// flat four-ary heap for what does not come in order.

// ticket is an email's place in a class. It is void when gen is no longer the
// email's.
type ticket struct {
	key, tie int64 // lowest first
	id       int32
	gen      uint32
}

func (t ticket) before(o ticket) bool { return t.key < o.key || t.key == o.key && t.tie < o.tie }

// class is the email with one need in one ring of its queue: whoever can take
// one of it can take all of it.
type class struct {
	need  int32
	queue int32
	step  int32 // the ring, from 0
	pool  int32
	next  int32 // the class in the next ring; -1: this is the last
	until int64 // an email is in this ring until it has waited so long
	// rank is 0 where the queue counts priority alone: its email is served
	// before that of other queues (docs/platform-notes.md#scoring).
	rank  uint8
	count int32 // emails that wait in it
	// Tickets mostly come in the order in which they go: those that do wait in
	// line, from first on; the others in the heap.
	line  []ticket
	first int
	heap  []ticket
}

// push adds a ticket.
func (c *class) push(t ticket) {
	c.count++
	n := len(c.line)
	switch {
	case n > 0 && t.before(c.line[n-1]):
		c.heap = append(c.heap, t)
		c.up(len(c.heap) - 1)
	case n == cap(c.line) && c.first > n/2: // make room at the end
		c.line = append(append(c.line[:0], c.line[c.first:]...), t)
		c.first = 0
	default:
		c.line = append(c.line, t)
	}
}

func (c *class) up(i int) {
	h := c.heap
	t := h[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !t.before(h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = t
}

// lined says that the head of the line goes before the top of the heap.
func (c *class) lined() bool {
	return len(c.heap) == 0 || c.first < len(c.line) && c.line[c.first].before(c.heap[0])
}

// pop removes the ticket that goes first.
func (c *class) pop() {
	if c.lined() {
		if c.first++; c.first == len(c.line) {
			c.line, c.first = c.line[:0], 0
		}
		return
	}
	c.popHeap()
}

func (c *class) popHeap() {
	last := len(c.heap) - 1
	t := c.heap[last]
	c.heap = c.heap[:last]
	if last > 0 {
		c.down(0, t)
	}
}

func (c *class) down(i int, t ticket) {
	h := c.heap
	for n := len(h); ; {
		child := 4*i + 1
		if child >= n {
			break
		}
		least := child
		for k := child + 1; k < min(child+4, n); k++ {
			if h[k].before(h[least]) {
				least = k
			}
		}
		if !h[least].before(t) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = t
}

// head is the ticket that goes first; void ones are thrown away. The class must
// not be empty.
func (e *Engine) head(c *class) ticket {
	for {
		t := c.line
		if c.lined() {
			t = t[c.first:]
		} else {
			t = c.heap
		}
		if e.emails[t[0].id].gen == t[0].gen {
			return t[0]
		}
		c.pop()
	}
}

// leave counts an email out of its class, whose ticket is void by now.
func (e *Engine) leave(n int32) {
	c := &e.classes[n]
	if c.count--; c.count == 0 || len(c.heap)+len(c.line)-c.first > 2*int(c.count)+64 {
		e.tidy(n, c)
	}
}

// tidy throws void tickets away, when they are all or most.
func (e *Engine) tidy(n int32, c *class) {
	if c.count == 0 {
		c.line, c.first, c.heap = c.line[:0], 0, c.heap[:0]
		e.nonempty[n>>6] &^= 1 << (n & 63)
	} else {
		void := func(t ticket) bool { return e.emails[t.id].gen != t.gen }
		c.line = slices.DeleteFunc(c.line[c.first:], void)
		c.first = 0
		c.heap = slices.DeleteFunc(c.heap, void)
		for i := (len(c.heap) - 2) / 4; i >= 0 && len(c.heap) > 0; i-- {
			c.down(i, c.heap[i])
		}
	}
}
