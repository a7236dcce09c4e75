package capacity

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/foresort/foresort/strategy"
)

// source is a JSON file that is read, with the mistakes in it.
type source struct {
	file string
	data []byte
	bad  []mistake
}

// mistake is one thing that is wrong, at a byte of the file.
type mistake struct {
	at                   int
	field, message, hint string
}

func (s *source) fail(at int, field, message, hint string) {
	s.bad = append(s.bad, mistake{at, field, message, hint})
}

// openSource prepares a file, and says whether it is text at all.
func openSource(file string, data []byte) (s *source, ok bool) {
	s = &source{file: file, data: bytes.TrimPrefix(data, []byte("\ufeff"))}
	if utf8.Valid(s.data) {
		return s, true
	}
	at := 0
	for at < len(s.data) {
		r, size := utf8.DecodeRune(s.data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	s.fail(at, "", "the file is not UTF-8 text", "save it as UTF-8")
	return s, false
}

// syntax reports that the file is not JSON, in the words of encoding/json.
func (s *source) syntax(at int) {
	var whole json.RawMessage
	message := "not JSON"
	if err := json.Unmarshal(s.data, &whole); err != nil {
		message += ": " + err.Error()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = max(0, min(int(syntax.Offset)-1, len(s.data)))
		}
	}
	s.bad = nil // what was found before may be a consequence
	s.fail(at, "", message, "")
}

// longestLine is how long a line is shown at all, in bytes.
const longestLine = 4096

// problems gives the mistakes with their places, in the order of the file.
func (s *source) problems() strategy.Problems {
	slices.SortStableFunc(s.bad, func(a, b mistake) int { return cmp.Compare(a.at, b.at) })
	var out strategy.Problems
	line, start, column, seen := 1, 0, 1, 0
	for _, m := range s.bad {
		for seen < m.at {
			n := bytes.IndexByte(s.data[seen:m.at], '\n')
			if n < 0 {
				column += utf8.RuneCount(s.data[seen:m.at])
				seen = m.at
				break
			}
			seen += n + 1
			line, start, column = line+1, seen, 1
		}
		p := &strategy.Problem{File: s.file, Line: line, Column: column, Field: m.field, Message: m.message, Hint: m.hint, Severity: strategy.Error}
		rest := s.data[start:min(len(s.data), start+longestLine+1)]
		if text, _, whole := bytes.Cut(rest, []byte("\n")); whole || len(rest) <= longestLine {
			p.Source = string(bytes.TrimSuffix(text, []byte("\r")))
		}
		out = append(out, p)
	}
	return out
}

// document reads the whole file as one value.
func (s *source) document() (n node, ok bool) {
	sc := scanner{data: s.data}
	n = sc.node(0)
	if !sc.end() {
		s.syntax(sc.pos)
		return n, false
	}
	return n, true
}

// bare are keys that need no quotes in a path.
var bare = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)

// under is the path of a key below another path.
func under(path, key string) string {
	switch {
	case !bare.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// item is the path of an item of a list.
func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
