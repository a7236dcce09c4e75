package simulate

import (
	"math"
	"slices"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file is what agents do: get email, answer it, work on it, rest, take
// calls, come and go.

// account counts an agent's times up to now. It comes before every change
// between idle and busy, on and off queue.
func (e *Engine) account(a *agent) {
	d := e.now - a.since
	if d == 0 {
		return
	}
	a.since = e.now
	working := a.load > 0 && !a.resting
	if a.on || working || a.call {
		a.staffed += d
	}
	if working || a.call {
		a.busy += d
	}
}

// status is what an agent is doing.
func (a *agent) status() Status {
	switch {
	case !a.on:
		return OffQueue
	case a.call:
		return Communicating
	case a.away:
		return NotResponding
	case a.load > 0:
		return Interacting
	}
	return Idle
}

// tell lets whoever watches know what an agent is doing, where that has changed.
func (e *Engine) tell(n int32, a *agent) {
	if e.cfg.Watch == nil {
		return
	}
	if now := a.status(); now != a.desk.status {
		a.desk.status = now
		e.cfg.Watch(e.Now(), int(n), now)
	}
}

// offer gives an agent who has come free what waits for them, and lists them
// where room is left.
func (e *Engine) offer(n int32) {
	a := &e.agents[n]
	if e.fill(n, a); a.free() {
		e.enlist(n, a)
	}
}

// fill gives an agent what waits for them, as long as they have room.
func (e *Engine) fill(n int32, a *agent) {
	for a.free() {
		c, id := e.choose(n)
		if c < 0 {
			return
		}
		e.classes[c].pop()
		m := &e.emails[id]
		m.gen++
		e.leave(c)
		e.hold(id, m, n)
	}
}

// offerAll offers everybody what waits, the longest idle first.
func (e *Engine) offerAll() {
	e.group = e.group[:0]
	for n := range e.agents {
		if e.agents[n].free() {
			e.unlist(int32(n), &e.agents[n])
			e.group = append(e.group, int32(n))
		}
	}
	e.offerGroup()
}

// offerGroup offers the agents of the group what waits, the longest idle first,
// and lists those who have room left.
func (e *Engine) offerGroup() {
	slices.SortFunc(e.group, e.older)
	left := e.group[:0]
	for _, n := range e.group {
		if e.fill(n, &e.agents[n]); e.agents[n].free() {
			left = append(left, n)
		}
	}
	e.group = left
	e.enlistGroup()
}

// give hands an email to an agent of a list.
func (e *Engine) give(id int32, m *email, n int32) {
	a := &e.agents[n]
	e.unlist(n, a)
	e.hold(id, m, n)
	if a.free() {
		e.enlist(n, a)
	}
}

// toLastAgent gives a reply to the agent who wrote last, where the queue wants
// it and they can take it now.
func (e *Engine) toLastAgent(id int32, m *email, n int32) bool {
	a := &e.agents[n]
	if !a.free() {
		return false
	}
	queue := e.needs[m.need].queue
	switch e.settings[queue].lastAgent {
	case routing.LastAgentOff:
		return false
	case routing.LastAgentQueueMembers:
		if !slices.ContainsFunc(e.memberships(n), func(x Membership) bool { return x.Queue == int(queue) }) {
			return false
		}
	case routing.LastAgentAny:
	}
	m.class = -1
	e.give(id, m, n)
	return true
}

// memberships are the queues of an agent.
func (e *Engine) memberships(n int32) []Membership {
	if int(n) < len(e.cfg.Agents) && e.byName[e.cfg.Agents[n].Name] == n {
		return e.cfg.Agents[n].Members
	}
	for i := range e.cfg.Agents {
		if e.byName[e.cfg.Agents[i].Name] == n {
			return e.cfg.Agents[i].Members
		}
	}
	return nil
}

// hold puts an email into an agent's hands: it alerts, or is answered at once.
func (e *Engine) hold(id int32, m *email, n int32) {
	a := &e.agents[n]
	if a.load >= a.capacity {
		e.fail("an agent is given more than they have room for", id, n)
		return
	}
	if m.class >= 0 && !e.pools[e.classes[m.class].pool].has(n) {
		e.fail("an agent is given email that they do not qualify for", id, n)
		return
	}
	if a.load == 0 {
		e.account(a)
	}
	if !a.resting {
		e.tally.held++
	}
	m.agent, m.slot, m.state = n, uint8(a.load), alerts
	m.gen++
	a.slots[a.load] = id
	a.load++
	e.tell(n, a)
	e.used++
	a.last = e.used
	if e.cfg.Observe == nil && !e.alerting || e.alert(id, m) {
		e.answer(id, m)
	}
}

// alert lets an email alert its agent. It is true where the agent answers at
// once.
func (e *Engine) alert(id int32, m *email) bool {
	if e.cfg.Observe != nil {
		e.observe(Alerted, id, m)
	}
	na := &e.cfg.NoAnswer
	alert := e.settings[e.needs[m.need].queue].alert
	after := int64(e.chance.draw(e.chance.alert, &na.Answer))
	if na.Share > 0 && e.chance.alert.Float64() < na.Share || after > alert {
		e.events.put(newEvent(e.now+alert, alertEnds, id, m.gen))
		return false
	}
	if after > 0 {
		m.finish = e.now + alert
		e.events.put(newEvent(e.now+after, answers, id, m.gen))
	}
	return after <= 0
}

// answer begins the work on an email. Its queue bounds the after-call work as it
// is set now.
func (e *Engine) answer(id int32, m *email) {
	handle := m.work - m.wrapUp
	m.wrapUp = e.wrapUp(m)
	m.work = handle + m.wrapUp
	e.tally.answer(e, m)
	if e.cfg.Observe != nil {
		e.observe(Answered, id, m)
	}
	a := &e.agents[m.agent]
	work := m.work
	if a.hasty {
		work = int64(math.Round(float64(work) / a.speed))
	}
	if a.shared {
		e.flow(a)
		m.state, m.finish = handled, a.own+work
		e.sharedNext(m.agent, a)
		return
	}
	if a.resting {
		m.state, m.finish = rests, work
		return
	}
	m.state, m.finish = handled, e.now+work
	e.events.put(newEvent(m.finish, finishes, id, m.gen))
}

// wrapUp is the after-call work of an email as its queue bounds it now.
func (e *Engine) wrapUp(m *email) int64 {
	w := &e.settings[e.needs[m.need].queue].wrapUp
	if w.Timeout == nil {
		return m.wrapUp
	}
	return int64(w.Bound(time.Duration(m.wrapUp)))
}

// notAnswered takes an email back into the queue, at the age that it has.
func (e *Engine) notAnswered(id int32) {
	m := &e.emails[id]
	n := m.agent
	a := &e.agents[n]
	if e.cfg.Observe != nil {
		e.observe(NotAnswered, id, m)
	}
	e.hand(n, m)
	if e.cfg.NoAnswer.Away > 0 {
		a.away, a.back = true, max(a.back, e.now+int64(e.cfg.NoAnswer.Away))
		e.tell(n, a)
		e.events.put(newEvent(e.now+int64(e.cfg.NoAnswer.Away), returns, n, 0))
	}
	e.retry(id, m)
	if !a.away {
		e.offer(n)
	}
}

// hand takes an email out of an agent's hands.
func (e *Engine) hand(n int32, m *email) {
	a := &e.agents[n]
	if a.load == 1 {
		e.account(a)
	}
	if a.shared {
		e.flow(a)
	}
	if !a.resting {
		e.tally.held--
	}
	e.unlist(n, a)
	a.load--
	e.tell(n, a)
	if int32(m.slot) != a.load {
		last := a.slots[a.load]
		a.slots[m.slot] = last
		e.emails[last].slot = m.slot
	}
	if a.shared {
		e.sharedNext(n, a)
	}
}

// end takes finished email out of an agent's hands and offers them the next.
func (e *Engine) end(id int32, m *email) {
	n := m.agent
	e.hand(n, m)
	e.used++
	e.agents[n].last = e.used
	e.tally.end(e, m)
	if e.cfg.Observe != nil {
		e.observe(Ended, id, m)
	}
	transfer := e.more[id].transfer
	e.forget(id, m)
	e.offer(n)
	if transfer > 0 && e.cfg.Transferred != nil { // when the agent is listed again, for it may go to them
		e.cfg.Transferred(int(transfer) - 1)
	}
}

// flow moves the own time of an agent on: while k emails share their attention,
// each gets a k-th of it.
func (e *Engine) flow(a *agent) {
	if k := e.active(a); k > 0 && !a.resting {
		a.own += (e.now - a.ownAt) / k
	}
	a.ownAt = e.now
}

// active is how many emails an agent is working on.
func (e *Engine) active(a *agent) (k int64) {
	for _, id := range a.slots[:a.load] {
		if e.emails[id].state == handled {
			k++
		}
	}
	return k
}

// first is the email in an agent's hands that ends first under shared
// attention; -1: none does.
func (e *Engine) first(a *agent) int32 {
	first := int32(-1)
	for _, id := range a.slots[:a.load] {
		if m := &e.emails[id]; m.state == handled && (first < 0 || m.finish < e.emails[first].finish) {
			first = id
		}
	}
	return first
}

// sharedNext puts the next end of work of an agent who shares their attention
// into the calendar.
func (e *Engine) sharedNext(n int32, a *agent) {
	a.gen++
	if id := e.first(a); id >= 0 && !a.resting {
		left := max(0, e.emails[id].finish-a.own)
		e.events.put(newEvent(e.now+left*e.active(a), workEnds, n, a.gen))
	}
}

// sharedEnd ends the email that an agent with shared attention is done with.
func (e *Engine) sharedEnd(a *agent) {
	id := e.first(a)
	e.end(id, &e.emails[id])
}

// attend changes how an agent works on several emails at once. What is left of
// those in hand stays.
func (e *Engine) attend(n int32, a *agent, shared bool) {
	if a.shared == shared {
		return
	}
	e.flow(a)
	for _, id := range a.slots[:a.load] {
		m := &e.emails[id]
		switch {
		case shared && m.state == handled:
			m.finish += a.own - e.now
			m.gen++
		case shared && m.state == rests:
			m.state = handled
			m.finish += a.own
		case !shared && m.state == handled && a.resting:
			m.state = rests
			m.finish -= a.own
		case !shared && m.state == handled:
			m.finish += e.now - a.own
			m.gen++
			e.events.put(newEvent(m.finish, finishes, id, m.gen))
		}
	}
	a.shared = shared
	a.gen++
	if shared {
		e.sharedNext(n, a)
	}
}

// rest lets an agent's email rest; work lets it go on.
func (e *Engine) rest(a *agent) {
	if a.resting {
		return
	}
	if a.shared {
		e.flow(a)
	}
	a.resting = true
	a.gen++
	e.tally.held -= int64(a.load)
	for _, id := range a.slots[:a.load] {
		if m := &e.emails[id]; m.state == handled && !a.shared {
			m.state = rests
			m.finish -= e.now
			m.gen++
		}
	}
}

func (e *Engine) work(n int32, a *agent) {
	if !a.resting {
		return
	}
	e.tally.held += int64(a.load)
	if a.shared {
		e.flow(a)
		a.resting = false
		e.sharedNext(n, a)
		return
	}
	a.resting = false
	for _, id := range a.slots[:a.load] {
		if m := &e.emails[id]; m.state == rests {
			m.state = handled
			m.finish += e.now
			m.gen++
			e.events.put(newEvent(m.finish, finishes, id, m.gen))
		}
	}
}

// callStart gives an agent a call: email rests, and nothing new is taken.
func (e *Engine) callStart(n int32, a *agent) {
	e.account(a)
	e.unlist(n, a)
	a.call = true
	e.tell(n, a)
	e.rest(a)
	e.events.put(newEvent(e.now+int64(e.chance.draw(e.chance.voice, &e.cfg.Voice.Handle)), callEnds, n, 0))
}

func (e *Engine) callEnd(n int32, a *agent) {
	e.account(a)
	a.call = false
	e.tell(n, a)
	if a.on || e.cfg.Unfinished == Finish {
		e.work(n, a)
	}
	if a.on {
		e.nextCall(n, a)
	}
	e.offer(n)
}

// nextCall puts an agent's next call into the calendar, in the place of any other.
func (e *Engine) nextCall(n int32, a *agent) {
	a.callGen++
	if e.cfg.Voice.PerHour > 0 {
		e.events.put(newEvent(e.now+e.chance.gap(e.chance.voice, e.cfg.Voice.PerHour), callStarts, n, a.callGen))
	}
}

// turn lets agents go on and off queue, all at the same moment. Those who came
// on and have room are the group.
func (e *Engine) turn(turns []turn) {
	e.group = e.group[:0]
	for _, t := range turns {
		a := &e.agents[t.agent]
		a.forced = false
		if a.on == t.on {
			continue
		}
		e.account(a)
		a.on = t.on
		e.tell(t.agent, a)
		if !t.on {
			a.callGen++
			e.unlist(t.agent, a)
			if e.cfg.Unfinished == Park {
				e.rest(a)
			}
			continue
		}
		if !a.call {
			e.work(t.agent, a)
			e.nextCall(t.agent, a)
		}
		if a.free() {
			e.group = append(e.group, t.agent)
		}
	}
}
