package centre

// This file is what comes from outside: email that is put into a queue by hand,
// and email that is passed on to another.

// Entry is email on its way into a queue.
type Entry struct {
	Queue    string // id
	Priority int    // minutes of head start
	Ask      Ask
	Mail     Mail // what it takes; At does not count, and a transfer leaves the address as it is
}

// Enter lets an email enter a queue now, whatever the routes say. It gives the
// number of its leg; false: there is no such queue.
func (c *Centre) Enter(e Entry) (int, bool) {
	r, ok := c.into(e)
	if !ok {
		return 0, false
	}
	n := c.open(Leg{Address: c.addressOf(e.Mail.Address), Agent: -1, Entered: c.Now(), Queue: r.queue, Priority: r.priority, Ask: r.ask, Reply: e.Mail.Reply})
	c.enter(n, r, e.Mail)
	return n, true
}

// Transfer ends a leg wherever it is and lets its conversation enter another
// queue, or the same one anew. It gives the number of the new leg; false: there
// is no such queue, or the leg has ended.
func (c *Centre) Transfer(leg int, e Entry) (int, bool) {
	r, ok := c.into(e)
	l := c.Leg(leg)
	if !ok || l == nil || l.State >= Handled {
		return 0, false
	}
	l.Transferred = true
	from := *l
	c.engine.Remove(l.email)
	e.Mail.Reply = false
	return c.follow(leg, from, r, e.Mail), true
}

// into is where an email goes.
func (c *Centre) into(e Entry) (route, bool) {
	n := c.engine.Queue(e.Queue)
	if n < 0 {
		return route{}, false
	}
	return route{
		queue: int32(n), need: c.engine.Need(n, e.Ask.Skills, e.Ask.Language), priority: int32(e.Priority), ask: c.askOf(e.Ask),
	}, true
}

// Turned says that the last change of an agent was to come on queue or to go
// off.
func (c *Centre) Turned(id string) bool {
	n := c.engine.Agent(id)
	return n >= 0 && c.agents[n].turned
}
