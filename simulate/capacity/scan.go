package capacity

import (
	"unicode/utf8"
)

// scanner walks through JSON text that is UTF-8, and takes what encoding/json
// takes. After the first mistake it is broken and stays where it is.
type scanner struct {
	data   []byte
	pos    int
	broken bool
}

// maxDepth is how deep lists and objects are nested at most, as in encoding/json.
const maxDepth = 10_000

func (s *scanner) fail() { s.broken = true }

// peek is the next byte that is no space; 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// take moves past a byte that must come next.
func (s *scanner) take(c byte) {
	if s.broken || s.peek() != c {
		s.fail()
		return
	}
	s.pos++
}

// next says whether another item comes in a list or object that ends with
// last. first is whether it would be the first one.
func (s *scanner) next(first bool, last byte) bool {
	if s.broken {
		return false
	}
	c := s.peek()
	switch {
	case c == last:
		s.pos++
		return false
	case first:
		return true
	case c == ',':
		s.pos++
		return true
	}
	s.fail()
	return false
}

// text moves past a string and gives what is between its quotes. plain is
// whether that is the text as it is, without escapes.
func (s *scanner) text() (inside []byte, plain bool) {
	if s.broken || s.peek() != '"' {
		s.fail()
		return nil, true
	}
	from, i := s.pos+1, s.pos+1
	plain = true
	for ; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return s.data[from:i], plain
		case c < ' ':
			s.pos = i
			s.fail()
			return nil, true
		case c == '\\':
			plain = false
			i++
			if i == len(s.data) {
				break
			}
			switch s.data[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(s.data[i+1:]); !ok {
					s.pos = i
					s.fail()
					return nil, true
				}
				i += 4
			default:
				s.pos = i
				s.fail()
				return nil, true
			}
		}
	}
	s.pos = len(s.data)
	s.fail()
	return nil, true
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unquote is the text that is written between quotes. A lone surrogate becomes
// its three bytes, so that two different ones stay different.
func unquote(inside []byte) string {
	out := make([]byte, 0, len(inside))
	for i := 0; i < len(inside); i++ {
		c := inside[i]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		i++
		switch c = inside[i]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(inside[i+1:])
			i += 4
			if r >= 0xD800 && r < 0xDC00 && i+6 < len(inside) && inside[i+1] == '\\' && inside[i+2] == 'u' {
				if low, _ := hex4(inside[i+3:]); low >= 0xDC00 && low < 0xE000 {
					r = 0x10000 + (r-0xD800)<<10 + (low - 0xDC00)
					i += 6
				}
			}
			if r >= 0xD800 && r < 0xE000 {
				out = append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
			} else {
				out = utf8.AppendRune(out, r)
			}
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// number moves past a number and gives its text.
func (s *scanner) number() []byte {
	from, i := s.pos, s.pos
	digits := func() bool {
		start := i
		for i < len(s.data) && s.data[i] >= '0' && s.data[i] <= '9' {
			i++
		}
		return i > start
	}
	at := func(c byte) bool { return i < len(s.data) && s.data[i] == c }
	if at('-') {
		i++
	}
	ok := true
	if at('0') {
		i++
	} else {
		ok = digits()
	}
	if ok && at('.') {
		i++
		ok = digits()
	}
	if ok && (at('e') || at('E')) {
		i++
		if at('+') || at('-') {
			i++
		}
		ok = digits()
	}
	s.pos = i
	if !ok {
		s.fail()
		return nil
	}
	return s.data[from:i]
}

// word moves past null, true or false.
func (s *scanner) word(w string) {
	if len(s.data)-s.pos < len(w) || string(s.data[s.pos:s.pos+len(w)]) != w {
		s.fail()
		return
	}
	s.pos += len(w)
}

// skip moves past a value of any kind. depth is how many lists and objects it
// is inside of.
func (s *scanner) skip(depth int) {
	if s.broken {
		return
	}
	switch c := s.peek(); {
	case c == '"':
		s.text()
	case c == '{':
		if depth++; depth > maxDepth {
			s.fail()
			return
		}
		s.pos++
		for first := true; s.next(first, '}'); first = false {
			s.text()
			s.take(':')
			s.skip(depth)
		}
	case c == '[':
		if depth++; depth > maxDepth {
			s.fail()
			return
		}
		s.pos++
		for first := true; s.next(first, ']'); first = false {
			s.skip(depth)
		}
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	case c == 'n':
		s.word("null")
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	default:
		s.fail()
	}
}

// end is whether nothing but space is left.
func (s *scanner) end() bool {
	s.peek()
	return !s.broken && s.pos == len(s.data)
}
