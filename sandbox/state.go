package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// state is the organisation. Server.mu guards it. What a table holds is never
// changed in place: read it, copy it, put the copy back.
type state struct {
	org      ref
	division ref // the home division, the only one

	users       *table[user]
	skills      *table[skill]
	languages   *table[skill]
	skillGroups *table[skillGroup]
	wrapUpCodes *table[ref]
	queues      *table[object]
	members     map[string]*table[member] // by queue id, then user id
	domains     *table[object]            // by domain name
	routes      map[string]*table[route]  // by domain name, then route id
	queueCodes  map[string]*table[ref]    // wrap-up codes by queue id
	utilization *table[object]            // the organisation's, in one row
	labels      *table[ref]
	audits      []auditRow
	auditJobs   map[string]*auditJob // by transaction id
	analytics   analyticsState
	channels    []*channel // oldest first
}

func (s *Server) newState() state {
	return state{
		org:         ref{ID: s.newID(), Name: "Larkfield Outfitters"},
		division:    ref{ID: s.newID(), Name: "Home"},
		users:       newTable[user](s),
		skills:      newTable[skill](s),
		languages:   newTable[skill](s),
		skillGroups: newTable[skillGroup](s),
		wrapUpCodes: newTable[ref](s),
		queues:      newTable[object](s),
		members:     map[string]*table[member]{},
		domains:     newTable[object](s),
		routes:      map[string]*table[route]{},
		queueCodes:  map[string]*table[ref]{},
		utilization: newTable[object](s),
		labels:      newTable[ref](s),
		auditJobs:   map[string]*auditJob{},
	}
}

// ref names an object on the wire.
type ref struct {
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	SelfURI string `json:"selfUri,omitempty"`
}

// user is an agent, or a person who administers.
type user struct {
	ID, Name, Email, Title, Department string
	Skills, Languages                  map[string]float64 // id to proficiency, 0 to 5
	Presence                           string             // the system presence, such as ON_QUEUE
	RoutingStatus                      string             // such as IDLE
	Since                              time.Time          // when presence and routing status last changed
	Utilization                        object             // the agent's own; nil: the organisation's
	MoreUtilization                    object             // what else it says: labelUtilizations, maxInboundCalls
}

// lookUp finds the name and the path of an object that a queue or a route
// refers to.
func (s *Server) lookUp(id string) (name, uri string, ok bool) {
	if q, ok := s.queues.latest(id); ok {
		return text(q, "name"), text(q, "selfUri"), true
	}
	if k, ok := s.skills.latest(id); ok {
		return k.Name, k.SelfURI, true
	}
	if l, ok := s.languages.latest(id); ok {
		return l.Name, l.SelfURI, true
	}
	if g, ok := s.skillGroups.latest(id); ok {
		return g.Name, "/api/v2/routing/skillgroups/" + id, true
	}
	return "", "", false
}

// bare takes from a reference what the platform works out from its id.
func (s *Server) bare(reference any) {
	o, _ := reference.(map[string]any)
	if _, _, ok := s.lookUp(text(o, "id")); ok {
		delete(o, "name")
		delete(o, "selfUri")
		delete(o, "memberCount")
	}
}

// complete adds it again.
func (s *Server) complete(reference any) {
	o, _ := reference.(map[string]any)
	id := text(o, "id")
	if name, uri, ok := s.lookUp(id); ok {
		o["name"], o["selfUri"] = name, uri
	}
	if g, ok := s.skillGroups.latest(id); ok {
		o["memberCount"] = len(s.groupMembers(g))
	}
}

// newID makes the id of an object. It depends on the seed and on the objects
// before it, not on how often anybody looked.
func (s *Server) newID() string { return uuid(s.rng) }

func uuid(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// wall is the clock of whoever calls: of tokens, limits and delays.
func (s *Server) wall() time.Time {
	switch {
	case s.going:
		return s.passed.wall.Add(-s.onWall(s.passed.now.Sub(s.moment()))).Truncate(time.Millisecond)
	case s.passing:
		return s.passed.wall
	}
	return s.options.Now().UTC().Add(s.advanced).Truncate(time.Millisecond)
}

// furthest is how far the organisation's clock gets from where it began; there it
// stands. It is less than a time.Duration holds, for what is before and after.
const furthest = 200 * 365 * 24 * time.Hour

// sped is how far a clock gets that goes so much faster, and never back.
func sped(d time.Duration, speed float64) time.Duration {
	if speed == 1 {
		return max(0, d)
	}
	const most = 1<<63 - 1<<10 // that a float64 has exactly
	return time.Duration(max(0, min(float64(d)*speed, most)))
}

// now is the organisation's clock, in the platform's zone and resolution: of
// all that happens in it. Under Options.Speed it is ahead of wall.
func (s *Server) now() time.Time {
	switch {
	case s.going:
		return s.moment()
	case s.passing:
		return s.passed.now
	}
	passed := sped(s.options.Now().Sub(s.opened), s.options.Speed) - s.skipped
	now := s.opened.UTC().Add(min(passed, furthest-s.advanced) + s.advanced).Truncate(time.Millisecond)
	if s.life != nil && s.life.centre != nil { // it never goes back
		now = later(now, s.life.at(s.life.centre.Now()))
	}
	return now
}

// table holds objects by id, each with the versions that a lagging read may
// still show.
type table[T any] struct {
	s    *Server
	rows map[string][]version[T]
	ids  []string // in order of creation
}

type version[T any] struct {
	at    time.Time
	value T
	gone  bool
}

func newTable[T any](s *Server) *table[T] {
	return &table[T]{s: s, rows: map[string][]version[T]{}}
}

// latest is what the last write left: what writes and checks go by.
func (t *table[T]) latest(id string) (T, bool) {
	versions := t.rows[id]
	if len(versions) == 0 || versions[len(versions)-1].gone {
		var none T
		return none, false
	}
	return versions[len(versions)-1].value, true
}

// seen is what a read shows: for ReplicationDelay after a write that may be
// what was before. In the first half of the delay it always is; in the second
// half one read sees the new and the next the old, as different replicas
// answer (docs/platform-notes.md#replication).
func (t *table[T]) seen(id string) (value T, ok bool) {
	versions, now := t.rows[id], t.s.wall()
	for _, v := range slices.Backward(versions) {
		age, delay := now.Sub(v.at), t.s.replicationDelay(v.at)
		if age >= delay || 2*age >= delay && t.s.chance.IntN(2) == 0 {
			return v.value, !v.gone
		}
	}
	return value, false
}

// list is what a read of all shows, in order of creation.
func (t *table[T]) list() []T {
	if t == nil {
		return nil
	}
	out := make([]T, 0, len(t.ids))
	for _, id := range t.ids {
		if v, ok := t.seen(id); ok {
			out = append(out, v)
		}
	}
	return out
}

// all is what the last writes left, in order of creation.
func (t *table[T]) all() []T {
	if t == nil {
		return nil
	}
	out := make([]T, 0, len(t.ids))
	for _, id := range t.ids {
		if v, ok := t.latest(id); ok {
			out = append(out, v)
		}
	}
	return out
}

func (t *table[T]) put(id string, value T) { t.write(id, version[T]{at: t.s.wall(), value: value}) }

func (t *table[T]) remove(id string) { t.write(id, version[T]{at: t.s.wall(), gone: true}) }

// seedRow stores an object that has been there for long.
func (t *table[T]) seedRow(id string, value T) { t.write(id, version[T]{value: value}) }

// amend changes what the last write left as if it had been so from then on.
func (t *table[T]) amend(id string, value T) {
	t.rows[id][len(t.rows[id])-1].value = value
	t.s.noteChange()
}

// write adds a version and forgets those that no read can show any more.
func (t *table[T]) write(id string, v version[T]) {
	versions, known := t.rows[id]
	if !known {
		t.ids = append(t.ids, id)
	}
	versions = append(versions, v)
	for len(versions) > 1 && t.s.wall().Sub(versions[1].at) >= t.s.replicationDelay(versions[1].at) {
		versions = versions[1:]
	}
	t.rows[id] = versions
	t.s.noteChange()
}
