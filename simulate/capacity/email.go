package capacity

import "github.com/foresort/foresort/strategy"

// This file reads one email by itself.

// emailShape shows what one email looks like.
const emailShape = `it looks like {"to": "vip@help.example.com", "subject": "Invoice", "attributes": {"tier": "gold"}}`

// ReadEmail reads one email as the tests of a strategy have it: a JSON object
// with to, from, subject and attributes, of which any can be left out. What it
// says goes into e, and the rest of e stays as it is.
func ReadEmail(file string, data []byte, e *strategy.Email) strategy.Problems {
	src, ok := openSource(file, data)
	if !ok {
		return src.problems()
	}
	doc, ok := src.document()
	if !ok {
		src.bad[0].hint = emailShape
		return src.problems()
	}
	if !doc.isObject {
		src.fail(doc.at, "", doc.what()+" where an email belongs", emailShape)
		return src.problems()
	}
	for i := range doc.members {
		m := &doc.members[i]
		switch m.key {
		case "to":
			src.plain(m, "", &e.To)
		case "from":
			src.plain(m, "", &e.From)
		case "subject":
			src.plain(m, "", &e.Subject)
		case "attributes":
			src.attributes(m, e)
		default:
			src.fail(m.at, under("", m.key), "unknown key `"+m.key+"`", "known are to, from, subject, attributes")
		}
	}
	return src.problems()
}

// plain reads a member that is text, or null for none.
func (s *source) plain(m *member, path string, into *string) {
	switch m.value.kind {
	case Text:
		*into = m.value.text
	case Null:
	default:
		s.fail(m.value.at, under(path, m.key), m.value.what()+" where text belongs", emailShape)
	}
}

func (s *source) attributes(m *member, e *strategy.Email) {
	if !m.value.isObject && m.value.kind != Null {
		s.fail(m.value.at, m.key, m.value.what()+" where an object belongs", emailShape)
		return
	}
	for i := range m.value.members {
		a := &m.value.members[i]
		value := ""
		s.plain(a, m.key, &value)
		if e.Attributes == nil {
			e.Attributes = map[string]string{}
		}
		e.Attributes[a.key] = value
	}
}
