package sandbox

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file is by what analytics tells legs and segments apart: filters and
// groups go in as names, tests and groups of the record come out.

// agentPart is the part that an agent plays in a leg, for partID, by when it
// alerted them.
func agentPart(alerted int64) string { return "agent " + strconv.FormatInt(alerted, 10) }

// sessionOf is the id of the session of a participant.
func (s *Server) sessionOf(first int, participant string) string {
	return s.partID(first, "email "+participant)
}

// aspect is what filters and groups look at: a leg from one side, and for
// details a segment of it.
type aspect struct {
	n        int
	l        *centre.Leg
	side     side
	agent    int32 // -1: none
	alerted  int64 // when it alerted the agent
	kind     segmentKind
	ended    disconnect
	from, to int64 // of a segment or a conversation; to -1: still on
}

// segmentKind is what happens in a segment.
type segmentKind uint8

const (
	noSegment segmentKind = iota
	segmentInteract
	segmentAlert
	segmentWrapUp
)

var segmentKinds = []string{"", "interact", "alert", "wrapup"}

// disconnect is how a segment ended.
type disconnect uint8

const (
	stillConnected disconnect = iota
	byClient
	byPeer
	bySystem
	byTimeout
	byTransfer
)

var disconnects = []string{"", "client", "peer", "system", "timeout", "transfer"}

// none is the code of a dimension that an aspect does not have.
const none = math.MinInt64

// dimension tells aspects apart.
type dimension struct {
	code   func(*aspect) int64
	values func(code int64) []string // what a code stands for
	find   func(value string) int64  // the code of a value, where that is simple
	like   func(value, wanted string) bool
}

// The dimensions of the three things that can be asked for.
var (
	legDimensions = []string{
		"addressTo", "conversationId", "direction", "divisionId", "mediaType", "originatingDirection", "purpose", "queueId",
		"requestedLanguageId", "requestedRoutingSkillId", "routingPriority", "userId", "wrapUpCode",
	}
	segmentDimensions = []string{
		"addressFrom", "addressTo", "direction", "disconnectType", "mediaType", "purpose", "queueId", "requestedLanguageId",
		"requestedRoutingSkillId", "segmentEnd", "segmentType", "userId", "wrapUpCode",
	}
	conversationDimensions = []string{
		"conversationEnd", "conversationId", "conversationInitiator", "conversationStart", "divisionId", "originatingDirection",
	}
)

// dimension is a dimension by its name, which is among those above.
func (s *Server) dimension(name string) dimension {
	c := s.life.centre
	constant := func(value string) dimension {
		return dimension{code: func(*aspect) int64 { return 0 }, values: func(int64) []string { return []string{value} }}
	}
	switch name {
	case "queueId":
		return dimension{code: func(a *aspect) int64 {
			if a.side == ofCustomer && a.kind == noSegment { // the first metric comes before any queue
				return none
			}
			return int64(a.l.Queue)
		}, values: func(code int64) []string { return []string{c.QueueID(int32(code))} }}
	case "userId":
		return dimension{code: func(a *aspect) int64 {
			if a.side != ofAgent || a.agent < 0 {
				return none
			}
			return int64(a.agent)
		}, values: func(code int64) []string { return []string{c.AgentID(int32(code))} }}
	case "mediaType":
		return constant("email")
	case "direction", "originatingDirection":
		return constant("inbound")
	case "divisionId":
		return constant(s.division.ID)
	case "conversationInitiator":
		return constant(purposes[ofCustomer])
	case "purpose":
		return dimension{code: func(a *aspect) int64 { return int64(a.side) }, values: func(code int64) []string { return []string{purposes[code]} }}
	case "addressTo":
		return dimension{code: func(a *aspect) int64 {
			if c.Address(a.l.Address) == "" { // it came by the API
				return none
			}
			return int64(a.l.Address)
		}, values: func(code int64) []string { return []string{c.Address(int32(code))} }}
	case "addressFrom":
		return dimension{code: func(a *aspect) int64 { return int64(a.l.Conversation) }, values: func(code int64) []string {
			return []string{s.letter(int(code)).FromAddress}
		}}
	case "conversationId":
		return dimension{
			code:   func(a *aspect) int64 { return int64(a.l.Conversation) },
			values: func(code int64) []string { return []string{s.conversationID(int(code))} },
			find: func(value string) int64 {
				if _, n := s.conversation(strings.ToLower(value)); n > 0 {
					return int64(n)
				}
				return none
			},
		}
	case "requestedRoutingSkillId":
		return dimension{code: func(a *aspect) int64 {
			if a.side == ofCustomer || len(c.Ask(a.l.Ask).Skills) == 0 {
				return none
			}
			return int64(a.l.Ask)
		}, values: func(code int64) []string { return c.Ask(int32(code)).Skills }}
	case "requestedLanguageId":
		return dimension{code: func(a *aspect) int64 {
			if a.side == ofCustomer || c.Ask(a.l.Ask).Language == "" {
				return none
			}
			return int64(a.l.Ask)
		}, values: func(code int64) []string { return []string{c.Ask(int32(code)).Language} }}
	case "routingPriority":
		return dimension{code: func(a *aspect) int64 {
			if a.side == ofCustomer {
				return none
			}
			return int64(a.l.Priority)
		}, values: func(code int64) []string { return []string{strconv.FormatInt(code, 10)} }}
	case "wrapUpCode":
		var codes []string // of the queues that came up, one after the other
		type part struct {
			wrapUps
			first int
		}
		of := memo[*part]{work: func(queue int64) *part {
			p := &part{s.wrapUps(c.QueueID(int32(queue))), len(codes)}
			for _, code := range p.codes {
				codes = append(codes, code.ID)
			}
			return p
		}}
		return dimension{code: func(a *aspect) int64 {
			applies := a.kind == noSegment || a.kind == segmentWrapUp && a.to >= 0
			if a.side != ofAgent || !applies || a.agent != a.l.Agent {
				return none
			}
			p := of.get(int64(a.l.Queue))
			i := s.wrapUp(a.n, a.l, &p.wrapUps)
			if i < 0 {
				return none
			}
			return int64(p.first + i)
		}, values: func(code int64) []string { return []string{codes[code]} }}
	case "segmentType":
		return dimension{code: func(a *aspect) int64 { return int64(a.kind) }, values: func(code int64) []string { return []string{segmentKinds[code]} }}
	case "disconnectType":
		return dimension{code: func(a *aspect) int64 {
			if a.ended == stillConnected {
				return none
			}
			return int64(a.ended)
		}, values: func(code int64) []string { return []string{disconnects[code]} }}
	case "conversationStart":
		return dimension{code: func(a *aspect) int64 { return a.from }}
	default: // conversationEnd, segmentEnd
		return dimension{code: func(a *aspect) int64 {
			if a.to < 0 {
				return none
			}
			return a.to
		}}
	}
}

// test is a filter that is ready to be used. nil passes everything.
type test func(*aspect) bool

// compile makes a test of a filter that has been checked, of the dimensions
// that there are.
func (s *Server) compile(f *filter, names []string, like func(value, wanted string) bool) (test, error) {
	if f == nil {
		return nil, nil
	}
	var tests []test
	for _, p := range f.Predicates {
		if !slices.Contains(names, p.Dimension) {
			return nil, notImitated("a filter on " + p.Dimension)
		}
		d := s.dimension(p.Dimension)
		if strings.HasPrefix(p.Dimension, "address") {
			d.like = like
		}
		t := d.test(p)
		if t == nil {
			return nil, notImitated("a filter on the value of " + p.Dimension)
		}
		tests = append(tests, t)
	}
	for i := range f.Clauses {
		t, err := s.compile(&f.Clauses[i], names, like)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	either := f.Type == "or"
	return func(a *aspect) bool {
		for _, t := range tests {
			if t(a) == either {
				return either
			}
		}
		return !either
	}, nil
}

// test is nil where the values of the dimension cannot be compared.
func (d dimension) test(p predicate) test {
	switch {
	case p.Operator == "exists":
		return func(a *aspect) bool { return d.code(a) != none }
	case p.Operator == "notExists":
		return func(a *aspect) bool { return d.code(a) == none }
	case d.values == nil:
		return nil
	case d.find != nil:
		wanted := d.find(p.Value)
		return func(a *aspect) bool { return wanted != none && d.code(a) == wanted }
	}
	like := d.like
	if like == nil {
		like = strings.EqualFold
	}
	passes := memo[bool]{work: func(code int64) bool {
		return slices.ContainsFunc(d.values(code), func(value string) bool { return like(value, p.Value) })
	}}
	return func(a *aspect) bool {
		code := d.code(a)
		return code != none && passes.get(code)
	}
}

// memo remembers what was worked out of codes.
type memo[T any] struct {
	work  func(code int64) T
	small []remembered[T] // those that need no map
	large map[int64]T
}

type remembered[T any] struct {
	known bool
	value T
}

// smallCodes is how many codes are looked up without a map.
const smallCodes = 1 << 12

func (m *memo[T]) get(code int64) T {
	if code < 0 || code >= smallCodes {
		v, known := m.large[code]
		if !known {
			if m.large == nil {
				m.large = map[int64]T{}
			}
			v = m.work(code)
			m.large[code] = v
		}
		return v
	}
	for int64(len(m.small)) <= code {
		m.small = append(m.small, remembered[T]{})
	}
	r := &m.small[code]
	if !r.known {
		*r = remembered[T]{true, m.work(code)}
	}
	return r.value
}

// grouping tells aspects apart by the dimensions that a query groups by. A
// dimension that an aspect does not have is left out of its group.
type grouping struct {
	names   []string
	dims    []dimension
	flat    bool // several values of one dimension make one: a,b,c
	texts   []string
	textOf  map[string]int32
	known   []memo[[]int32]  // the texts of the codes of each dimension
	groups  []groupNode      // the first holds everything
	groupOf map[uint64]int32 // by the group above and the text
	recent  [1 << 8]struct { // of groupOf, by a hash
		key uint64
		n   int32 // 0: nothing
	}
	spare []int32
	last  [len(purposes)]struct { // that was asked for, by side
		codes  []int64
		groups []int32
	}
}

// groupNode is a group of the first dimensions.
type groupNode struct {
	above, text int32 // text -1: the dimension is absent
	depth       int
}

// grouped makes a grouping; names holds the dimensions that there are.
func (s *Server) grouped(by, names []string, flat bool) (*grouping, error) {
	g := &grouping{names: by, flat: flat, textOf: map[string]int32{}, groups: make([]groupNode, 1), groupOf: map[uint64]int32{}}
	for _, name := range by {
		if !slices.Contains(names, name) {
			return nil, notImitated("groups by " + name)
		}
		d := s.dimension(name)
		g.dims = append(g.dims, d)
		g.known = append(g.known, memo[[]int32]{work: func(code int64) []int32 { return g.textsOf(d, code) }})
	}
	return g, nil
}

// of are the groups of an aspect: one, or with several values of one dimension
// one for each. They hold until the next aspect of that side. same says that they
// are those of the one before.
func (g *grouping) of(a *aspect) (groups []int32, same bool) {
	last := &g.last[a.side]
	same = len(last.groups) > 0
	for i := range g.dims {
		code := g.dims[i].code(a)
		if len(last.codes) == i {
			last.codes = append(last.codes, code)
		}
		same = same && last.codes[i] == code
		last.codes[i] = code
	}
	if !same {
		last.groups = g.groupsOf(append(last.groups[:0], 0), last.codes)
	}
	return last.groups, same
}

// groupsOf goes down from the group of everything.
func (g *grouping) groupsOf(out []int32, codes []int64) []int32 {
	for i, code := range codes {
		texts := absent
		if code != none {
			texts = g.known[i].get(code)
		}
		if len(texts) == 1 {
			for j := range out {
				out[j] = g.below(out[j], texts[0], i+1)
			}
			continue
		}
		g.spare = append(g.spare[:0], out...)
		out = out[:0]
		for _, above := range g.spare {
			for _, t := range texts {
				out = append(out, g.below(above, t, i+1))
			}
		}
	}
	return out
}

var absent = []int32{-1}

// textsOf are the texts that a code of a dimension stands for.
func (g *grouping) textsOf(d dimension, code int64) []int32 {
	values := d.values(code)
	if g.flat {
		values = []string{strings.Join(values, ",")}
	}
	var texts []int32
	for _, v := range values {
		t, ok := g.textOf[v]
		if !ok {
			t = int32(len(g.texts))
			g.textOf[v], g.texts = t, append(g.texts, v)
		}
		texts = append(texts, t)
	}
	return texts
}

func (g *grouping) below(above, text int32, depth int) int32 {
	key := uint64(uint32(above))<<32 | uint64(uint32(text))
	near := &g.recent[(uint32(above)*31+uint32(text))%uint32(len(g.recent))]
	if near.key == key && near.n > 0 {
		return near.n
	}
	n, ok := g.groupOf[key]
	if !ok {
		n = int32(len(g.groups))
		g.groupOf[key], g.groups = n, append(g.groups, groupNode{above, text, depth})
	}
	near.key, near.n = key, n
	return n
}

// group writes a group by names and values, and a key to sort groups by.
func (g *grouping) group(n int32) (group map[string]string, key string) {
	group = map[string]string{}
	for ; n != 0; n = g.groups[n].above {
		at := g.groups[n]
		if at.text >= 0 {
			group[g.names[at.depth-1]] = g.texts[at.text]
			key = g.texts[at.text] + "\x01" + key
		} else {
			key = "\x01" + key
		}
	}
	return group, key
}
