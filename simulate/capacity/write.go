package capacity

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// WriteJSON writes the result as one JSON object: routed, unrouted and
// capacityExceeded as the tutorial's function returns them, and beside them
// noAgent, which says of each email that capacityExceeded counts why nobody
// takes it. With the rules of a strategy noRule says the same of unrouted.
func (r *Result) WriteJSON(w io.Writer) error {
	out := writer{to: w}
	ids := make([][]byte, len(r.in.Agents))
	for i := range ids {
		ids[i] = quoted(r.in.Agents[i].ID)
	}
	out.text("{\n  \"routed\": [")
	for i, x := range r.Routed {
		out.item(i, `{"email": `)
		out.bytes(r.in.Emails[x.Email].JSON)
		out.text(`, "assignedAgent": `)
		out.bytes(ids[x.Agent])
		out.rule(r.in.Rules.List[x.Rule].Type)
		out.text("}")
	}
	out.close(len(r.Routed))
	out.text(",\n  \"unrouted\": [")
	for i, e := range r.Unrouted {
		out.item(i, "")
		out.bytes(r.in.Emails[e].JSON)
	}
	out.close(len(r.Unrouted))
	out.text(fmt.Sprintf(",\n  \"capacityExceeded\": %d,\n  \"noAgent\": [", len(r.NoAgent)))
	why := make([][]byte, len(r.needs))
	for i := range why {
		why[i] = quoted(r.needs[i].why)
	}
	for i, x := range r.NoAgent {
		out.item(i, `{"email": `)
		out.bytes(r.in.Emails[x.Email].JSON)
		out.rule(r.in.Rules.List[x.Rule].Type)
		out.text(`, "why": `)
		out.bytes(why[r.forRule[x.Rule]])
		out.text("}")
	}
	out.close(len(r.NoAgent))
	if r.in.Rules.read.strategy != nil {
		out.text(",\n  \"noRule\": [")
		for i, e := range r.Unrouted {
			out.item(i, `{"email": `)
			out.bytes(r.in.Emails[e].JSON)
			out.text(`, "why": `)
			out.bytes(quoted(r.in.Emails[e].NoRule))
			out.text("}")
		}
		out.close(len(r.Unrouted))
	}
	out.text("\n}\n")
	return out.flush()
}

// writer gathers what is written and keeps the first error.
type writer struct {
	to  io.Writer
	buf []byte
	err error
}

// block is how much is written at once.
const block = 64 << 10

func (w *writer) bytes(b []byte) {
	if len(w.buf)+len(b) > block {
		_ = w.flush() // kept in w.err
	}
	w.buf = append(w.buf, b...)
}

func (w *writer) text(s string) { w.buf = append(w.buf, s...) }

// item begins item i of a list on a line of its own.
func (w *writer) item(i int, start string) {
	if i > 0 {
		w.text(",")
	}
	w.text("\n    ")
	w.text(start)
}

// close ends a list of n items.
func (w *writer) close(n int) {
	if n > 0 {
		w.text("\n  ")
	}
	w.text("]")
}

// rule writes the rule's type, where it has one.
func (w *writer) rule(json []byte) {
	if json != nil {
		w.text(`, "rule": `)
		w.bytes(json)
	}
}

func (w *writer) flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.to.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

// quoted is a text as JSON. The three bytes of a lone surrogate become
// its escape again.
func quoted(s string) []byte {
	const hex = "0123456789abcdef"
	to := append(make([]byte, 0, len(s)+2), '"')
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
			i++
		case c < ' ' || c == 0x7F:
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			to = append(to, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				to = append(to, s[i:i+size]...)
				i += size
				continue
			}
			if i+2 < len(s) && c == 0xED && s[i+1] >= 0xA0 && s[i+1] < 0xC0 && s[i+2]&0xC0 == 0x80 {
				to = fmt.Appendf(to, `\u%04x`, 0xD000|int(s[i+1]&0x3F)<<6|int(s[i+2]&0x3F))
				i += 3
				continue
			}
			to = append(to, `\ufffd`...)
			i++
		}
	}
	return append(to, '"')
}
