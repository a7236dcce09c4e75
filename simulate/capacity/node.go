package capacity

import (
	"strconv"
	"strings"
)

// node is a JSON value with its place. Of an object, list is nil and members
// is not; of a list it is the other way round.
type node struct {
	kind     Kind
	at, end  int // first byte, and the one after the last
	number   float64
	text     string
	list     []node
	members  []member
	isObject bool
}

// member is one key of an object with its value.
type member struct {
	key   string
	at    int // of the key
	value node
}

// value is the node as conditions and skills see it.
func (n *node) value() Value { return Value{Kind: n.kind, Number: n.number, Text: n.text} }

// isList says whether the node is a list.
func (n *node) isList() bool { return n.kind == Other && !n.isObject }

// get is the member with a key; nil where there is none.
func (n *node) get(key string) *node {
	for i := range n.members {
		if n.members[i].key == key {
			return &n.members[i].value
		}
	}
	return nil
}

// what the node is, for a person.
func (n *node) what() string {
	switch n.kind {
	case Null:
		return "null"
	case True, False:
		return "a boolean"
	case Number:
		return "a number"
	case Text:
		return "text"
	case Other:
		if n.isObject {
			return "an object"
		}
		return "a list"
	case Missing:
	}
	return "nothing"
}

// node reads a value whole.
func (s *scanner) node(depth int) (n node) {
	c := s.peek()
	n.at = s.pos
	switch {
	case s.broken:
		return n
	case c == '"':
		n.kind = Text
		n.text = plainText(s.text())
	case c == '{':
		n.kind, n.isObject = Other, true
		s.object(&n, depth+1)
	case c == '[':
		n.kind = Other
		if depth++; depth > maxDepth {
			s.fail()
			return n
		}
		s.pos++
		for first := true; s.next(first, ']'); first = false {
			n.list = append(n.list, s.node(depth))
		}
	case c == '-' || c >= '0' && c <= '9':
		n.kind = Number
		n.number = numberOf(s.number())
	default:
		n.kind = s.literal(c)
	}
	n.end = s.pos
	return n
}

// literal reads null, true or false.
func (s *scanner) literal(c byte) Kind {
	switch c {
	case 'n':
		s.word("null")
		return Null
	case 't':
		s.word("true")
		return True
	case 'f':
		s.word("false")
		return False
	}
	s.fail()
	return Missing
}

// object reads the members of an object as JavaScript has them: a key that is
// there again keeps the first place and gets the last value.
func (s *scanner) object(n *node, depth int) {
	if depth > maxDepth {
		s.fail()
		return
	}
	s.pos++
	var places map[string]int // once there are many
	for first := true; s.next(first, '}'); first = false {
		s.peek()
		m := member{at: s.pos}
		m.key = plainText(s.text())
		s.take(':')
		m.value = s.node(depth)
		if s.broken {
			return
		}
		before := -1
		if places == nil {
			for i := range n.members {
				if n.members[i].key == m.key {
					before = i
				}
			}
		} else if i, again := places[m.key]; again {
			before = i
		}
		if before >= 0 {
			n.members[before] = m
			continue
		}
		n.members = append(n.members, m)
		switch {
		case places != nil:
			places[m.key] = len(n.members) - 1
		case len(n.members) == 16:
			places = map[string]int{}
			for i := range n.members {
				places[n.members[i].key] = i
			}
		}
	}
}

// plainText is the text between quotes.
func plainText(inside []byte, plain bool) string {
	if plain {
		return string(inside)
	}
	return unquote(inside)
}

// numberOf is a number as JavaScript has it: what is too large is infinite.
func numberOf(text []byte) float64 {
	if n := len(text); n > 0 && n < 16 && text[0] != '-' { // a whole number that fits
		whole := 0
		for i, c := range text {
			if c < '0' || c > '9' {
				break
			}
			whole = whole*10 + int(c-'0')
			if i == n-1 {
				return float64(whole)
			}
		}
	}
	f, _ := strconv.ParseFloat(string(text), 64) // out of range: ±Inf, which is meant
	return f
}

// propertyKey is the name of a field as JavaScript makes it of any value; ok is
// whether it can.
func propertyKey(n *node) (name string, ok bool) {
	switch {
	case n == nil:
		return "undefined", true
	case n.kind == Text:
		return n.text, true
	case n.kind != Other:
		return n.value().String(), true
	case n.isObject:
		return "[object Object]", n.get("toString") == nil
	}
	parts := make([]string, len(n.list))
	for i := range n.list {
		if n.list[i].kind == Null {
			continue
		}
		if parts[i], ok = propertyKey(&n.list[i]); !ok {
			return "", false
		}
	}
	return strings.Join(parts, ","), true
}

// arrayIndex is the number of a key that JavaScript counts as one, which come
// before all others.
func arrayIndex(key string) (n uint32, ok bool) {
	if key == "" || len(key) > 10 || key[0] == '0' && len(key) > 1 {
		return 0, false
	}
	var sum uint64
	for i := range len(key) {
		if key[i] < '0' || key[i] > '9' {
			return 0, false
		}
		sum = sum*10 + uint64(key[i]-'0')
	}
	return uint32(sum), sum < 1<<32-1
}
