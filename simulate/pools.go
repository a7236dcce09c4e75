package simulate

import (
	"slices"

	"github.com/foresort/foresort/routing"
)

// This file keeps who can take what: needs, the pools of agents who qualify for
// them, and in each pool the agents who are free, the longest idle first.

// need is a queue and what an email asks for in it.
type need struct {
	queue    int32
	skills   []string // sorted
	language string
	first    int32 // class of the first ring; those of the others follow
}

// pool is the agents who qualify for some classes. Who of them is free is in its
// lists: one of its own, or those of the kinds of agents in it.
type pool struct {
	best     bool
	eligible []uint64  // by agent
	skill    []float32 // by agent: proficiency in what is asked for, added up; nil unless best
	lists    []int32
	classes  []int32
}

// list is agents who have room, in the order in which they last took or ended
// an email.
type list struct {
	head, tail int32
	links      []link  // by agent; lists that have no agent in common share one
	pools      []int32 // that look into it
}

// link is an agent's place in a list.
type link struct{ next, prev int32 }

// end is the end of a list.
const end = -1

// team is the agents who are in the same pools.
type team struct {
	lists  []int32
	serves []uint64 // classes that they can take email of
}

const (
	// candidates is how many of the longest idle agents best-skill looks at
	// (docs/platform-notes.md#evaluation).
	candidates = 100
	// fewTeams is up to how many teams a pool looks into; with more it has a
	// list of its own.
	fewTeams = 6
)

func (p *pool) has(agent int32) bool { return p.eligible[agent>>6]>>(agent&63)&1 != 0 }

// compile makes the classes of a need, one for each ring of its queue, and the
// pools that serve them.
func (e *Engine) compile(n int32) {
	nd := &e.needs[n]
	s := &e.settings[nd.queue]
	rings := max(1, len(s.rings))
	skills := nd.skills
	nd.first = int32(len(e.classes))
	var until int64
	for step := range rings {
		c := class{need: n, queue: nd.queue, step: int32(step), next: -1, until: never, rank: 1}
		if s.byPriority {
			c.rank = 0
		}
		if step < len(s.rings)-1 && s.rings[step].Wait != nil {
			until += int64(*s.rings[step].Wait)
			c.until, c.next = until, int32(len(e.classes)+1)
		}
		c.pool = e.poolFor(nd.queue, int32(step), skills, nd.language)
		e.classes = append(e.classes, c)
		if c.next < 0 {
			break
		}
		skills = dropped(skills, s.rings[step].Drop)
	}
}

// dropped is what is left of skills when a ring has dropped some.
func dropped(skills []string, drop []routing.Ref) []string {
	return slices.DeleteFunc(slices.Clone(skills), func(have string) bool {
		return slices.ContainsFunc(drop, func(d routing.Ref) bool { return d.Name == have })
	})
}

// takes says whether an agent, as a member, can take what asks for skills and a
// language.
func (s *queueSettings) takes(a *Agent, skills []string, language string) bool {
	_, ok := qualifies(a, skills, language)
	return ok || s.evaluation == routing.LongestIdle
}

// poolFor finds or makes the pool of the agents who are in the first rings of a
// queue and have what is asked for.
func (e *Engine) poolFor(queue, step int32, skills []string, language string) int32 {
	p := pool{best: e.settings[queue].evaluation == routing.BestSkill && (len(skills) > 0 || language != "")}
	p.eligible = make([]uint64, (len(e.agents)+63)/64)
	if p.best {
		p.skill = make([]float32, len(e.agents))
	}
	disregard := e.settings[queue].evaluation == routing.LongestIdle
	for i := range e.cfg.Agents {
		in := &e.cfg.Agents[i]
		if !slices.ContainsFunc(in.Members, func(m Membership) bool { return m.Queue == int(queue) && max(m.Ring, 1) <= int(step)+1 }) {
			continue
		}
		proficiency, ok := qualifies(in, skills, language)
		if !ok && !disregard {
			continue
		}
		n := e.byName[in.Name]
		p.eligible[n>>6] |= 1 << (n & 63)
		if p.best {
			p.skill[n] = float32(proficiency)
		}
	}
	for i := range e.pools {
		if o := &e.pools[i]; o.best == p.best && slices.Equal(o.eligible, p.eligible) && slices.Equal(o.skill, p.skill) {
			return int32(i)
		}
	}
	e.pools = append(e.pools, p)
	return int32(len(e.pools) - 1)
}

// qualifies says whether an agent has what is asked for, and how well in all.
func qualifies(a *Agent, skills []string, language string) (proficiency float64, ok bool) {
	for _, name := range skills {
		level, has := a.Skills[name]
		if !has {
			return 0, false
		}
		proficiency += level
	}
	if language != "" {
		level, has := a.Languages[language]
		if !has {
			return 0, false
		}
		proficiency += level
	}
	return proficiency, true
}

// link joins classes, pools, teams and agents, after any of them has changed,
// and lists the agents who are free.
func (e *Engine) link() {
	e.words = (len(e.classes) + 63) / 64
	e.nonempty, e.ready = make([]uint64, e.words), make([]uint64, e.words)
	for i := range e.pools {
		e.pools[i].classes, e.pools[i].lists = e.pools[i].classes[:0], e.pools[i].lists[:0]
	}
	for i := range e.classes {
		c := &e.classes[i]
		if c.count > 0 {
			e.nonempty[i>>6] |= 1 << (i & 63)
		}
		e.pools[c.pool].classes = append(e.pools[c.pool].classes, int32(i))
	}
	e.gather()
	e.lists = e.lists[:0]
	shared := make([]link, len(e.agents))
	for t := range e.teams {
		e.teams[t].lists = nil
		e.lists = append(e.lists, list{links: shared})
	}
	for i := range e.pools {
		p := &e.pools[i]
		var of []int32 // teams
		for t := range e.teams {
			if len(p.classes) > 0 && e.teams[t].serves[p.classes[0]>>6]>>(p.classes[0]&63)&1 != 0 {
				of = append(of, int32(t))
			}
		}
		if p.best || len(of) > fewTeams {
			own := int32(len(e.lists))
			e.lists = append(e.lists, list{links: make([]link, len(e.agents)), pools: []int32{int32(i)}})
			p.lists = append(p.lists, own)
			for _, t := range of {
				e.teams[t].lists = append(e.teams[t].lists, own)
			}
			continue
		}
		p.lists = append(p.lists, of...)
		for _, t := range of {
			if l := &e.lists[t]; len(l.pools) == 0 {
				e.teams[t].lists = append(e.teams[t].lists, t)
			}
			e.lists[t].pools = append(e.lists[t].pools, int32(i))
		}
	}
	e.emptyLists()
	e.enlistAll()
}

// gather finds the agents who are in the same pools.
func (e *Engine) gather() {
	e.teams = e.teams[:0]
	known := map[string]int32{}
	key := make([]byte, (len(e.pools)+7)/8)
	for n := range e.agents {
		clear(key)
		serves := make([]uint64, e.words)
		for i := range e.pools {
			if p := &e.pools[i]; p.has(int32(n)) {
				key[i/8] |= 1 << (i % 8)
				for _, c := range p.classes {
					serves[c>>6] |= 1 << (c & 63)
				}
			}
		}
		t, ok := known[string(key)]
		if !ok {
			t = int32(len(e.teams))
			known[string(key)] = t
			e.teams = append(e.teams, team{serves: serves})
		}
		e.agents[n].team = t
	}
}

// emptyLists empties every list.
func (e *Engine) emptyLists() {
	for i := range e.lists {
		e.lists[i].head, e.lists[i].tail = end, end
	}
	for i := range e.agents {
		e.agents[i].listed = false
	}
	clear(e.ready)
}

// enlistAll lists every free agent.
func (e *Engine) enlistAll() {
	e.group = e.group[:0]
	for n := range e.agents {
		if e.agents[n].free() {
			e.group = append(e.group, int32(n))
		}
	}
	e.enlistGroup()
}

// enlistGroup lists the agents of the group, newest first, so that each finds
// its place near the head.
func (e *Engine) enlistGroup() {
	slices.SortFunc(e.group, func(a, b int32) int { return e.older(b, a) })
	for _, n := range e.group {
		e.enlist(n, &e.agents[n])
	}
}

// older orders agents by when they were last busy, then by their places.
func (e *Engine) older(a, b int32) int {
	x, y := e.agents[a].last, e.agents[b].last
	if x < y || x == y && a < b {
		return -1
	}
	return 1
}

// enlist puts a free agent into their lists.
func (e *Engine) enlist(n int32, a *agent) {
	a.listed = true
	for _, ln := range e.teams[a.team].lists {
		l := &e.lists[ln]
		if l.head == end {
			l.links[n] = link{end, end}
			l.head, l.tail = n, n
			for _, p := range l.pools {
				for _, c := range e.pools[p].classes {
					e.ready[c>>6] |= 1 << (c & 63)
				}
			}
			continue
		}
		if last := e.agents[l.tail].last; last < a.last || last == a.last && l.tail < n { // the usual case
			l.links[n] = link{end, l.tail}
			l.links[l.tail].next = n
			l.tail = n
			continue
		}
		at := l.head
		for at != end && e.older(at, n) < 0 {
			at = l.links[at].next
		}
		l.insert(n, at)
	}
}

// insert puts an agent before another one, or at the end.
func (l *list) insert(n, before int32) {
	prev := l.tail
	if before != end {
		prev = l.links[before].prev
		l.links[before].prev = n
	} else {
		l.tail = n
	}
	l.links[n] = link{before, prev}
	if prev == end {
		l.head = n
	} else {
		l.links[prev].next = n
	}
}

// unlist takes an agent out of their lists.
func (e *Engine) unlist(n int32, a *agent) {
	if !a.listed {
		return
	}
	a.listed = false
	for _, ln := range e.teams[a.team].lists {
		l := &e.lists[ln]
		at := l.links[n]
		if at.prev == end {
			l.head = at.next
		} else {
			l.links[at.prev].next = at.next
		}
		if at.next == end {
			l.tail = at.prev
		} else {
			l.links[at.next].prev = at.prev
		}
		if l.head == end {
			e.unready(l)
		}
	}
}

// unready notes that a list has become empty.
func (e *Engine) unready(l *list) {
	for _, pn := range l.pools {
		p := &e.pools[pn]
		if slices.ContainsFunc(p.lists, func(o int32) bool { return e.lists[o].head != end }) {
			continue
		}
		for _, c := range p.classes {
			e.ready[c>>6] &^= 1 << (c & 63)
		}
	}
}

// pick is the free agent of a pool who gets the next email; -1: nobody.
func (e *Engine) pick(p *pool) int32 {
	if p.best {
		return e.pickBest(p)
	}
	if len(p.lists) == 1 {
		return e.lists[p.lists[0]].head
	}
	best := int32(end)
	for _, ln := range p.lists {
		if n := e.lists[ln].head; n != end && (best == end || e.older(n, best) < 0) {
			best = n
		}
	}
	return best
}

// pickBest is the most proficient of the longest idle.
func (e *Engine) pickBest(p *pool) int32 {
	l := &e.lists[p.lists[0]]
	best, level := l.head, float32(-1)
	for n, i := l.head, 0; n != end && i < candidates; n, i = l.links[n].next, i+1 {
		if p.skill[n] > level {
			best, level = n, p.skill[n]
		}
	}
	return best
}
