package yamlfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/foresort/foresort/routing"
)

// This file reads the YAML of a file, before anything is known of its keys.

// Document is a file that is YAML: one document, no aliases, no tags.
type Document struct {
	kind     *Kind
	file     string
	text     string // without byte order mark, lines ended by \n
	lines    []string
	body     ast.Node
	comments []*token.Token // in the order of the file
	header   bool           // starts with ---
}

// maxDepth bounds how deep lists and mappings are nested.
const maxDepth = 64

// refused says why a part of YAML is not taken, by files of a kind.
var refused = map[token.Type]struct{ message, hint string }{
	token.AnchorType:     {"anchors are not part of %s", "write the value out where it is used"},
	token.AliasType:      {"aliases are not part of %s", "write the value out, or put text that starts with * in quotes"},
	token.MergeKeyType:   {"merge keys are not part of %s", "write the keys out"},
	token.TagType:        {"tags are not part of %s", "leave the tag out, or put text that starts with ! in quotes"},
	token.MappingKeyType: {"keys marked by ? are not part of %s", "write key: value"},
	token.DirectiveType:  {"directives are not part of %s", "leave the line out, or put text that starts with % in quotes"},
}

// Open reads the YAML of a file. The name of the file is only for places.
func Open(file string, src []byte, kind *Kind) (doc *Document, problems Problems) {
	text := strings.TrimPrefix(string(src), "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	doc = &Document{kind: kind, file: file, text: text}
	fail := func(at routing.Place, message, hint string) {
		problems = append(problems, doc.problem(at, "", message, hint))
	}
	if len(src) > kind.MaxBytes {
		fail(routing.Place{}, fmt.Sprintf("the file has %d bytes, more than %s can have (%d)", len(src), kind.Name, kind.MaxBytes), kind.TooBig)
		return doc, problems
	}
	doc.lines = strings.Split(strings.ToValidUTF8(text, "\ufffd"), "\n")
	if bad := firstInvalid(text); bad >= 0 {
		at := routing.Place{Line: 1 + strings.Count(text[:bad], "\n"), Column: 1 + utf8.RuneCountInString(text[strings.LastIndexByte(text[:bad], '\n')+1:bad])}
		fail(at, "the file is not UTF-8 text", "save it as UTF-8")
		return doc, problems
	}
	// No input is known to make the YAML library panic; if one does, it is broken
	// input to the user and not a crash.
	defer func() {
		if recover() != nil {
			fail(routing.Place{}, "the file cannot be read as YAML", "look for unbalanced brackets or quotes")
		}
	}()
	tokens := joinColons(lexer.Tokenize(text))
	depth, entries, line, content := 0, 0, 0, false
	for _, t := range tokens {
		at := placeOf(t)
		if t.Position.Line != line {
			entries, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.CommentType:
			doc.comments = append(doc.comments, t)
			continue
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			entries++
		case token.DocumentHeaderType:
			if content || doc.header {
				fail(at, "a second document starts here", kind.Name+" holds one: put the other in a file of its own")
				return doc, problems
			}
			doc.header = true
			continue
		case token.DocumentEndType:
			continue
		default:
			if r, bad := refused[t.Type]; bad {
				fail(at, fmt.Sprintf(r.message, kind.Name), r.hint)
				if t.Type == token.DirectiveType {
					return doc, problems // its words are no part of the document
				}
			}
		}
		content = true
		if max(depth, entries) > maxDepth {
			fail(at, fmt.Sprintf("lists and mappings are nested more than %d deep", maxDepth), "")
			return doc, problems
		}
	}
	if len(problems) > 0 {
		return doc, problems
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		doc.syntax(err, fail)
		return doc, problems
	}
	for _, d := range tree.Docs {
		if _, comment := d.Body.(*ast.CommentGroupNode); d.Body != nil && !comment {
			doc.body = d.Body
		}
	}
	if doc.body == nil {
		fail(routing.Place{}, "the file is empty", kind.Empty)
	}
	return doc, problems
}

// joinColons puts plain text back together that the lexer takes apart inside
// brackets: a colon without a space after it is part of the text, as in
// [08:00-12:00] (YAML 1.2.2, 7.3.3). Where such text is a key, the lexer takes
// its value for a part of it.
func joinColons(tokens token.Tokens) token.Tokens {
	var out token.Tokens
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if t.Type == token.MappingValueType && len(out) > 0 && i+1 < len(tokens) {
			before, after := out[len(out)-1], tokens[i+1]
			head, tail, isKey := strings.Cut(after.Value, ": ")
			whole := strings.TrimLeft(after.Origin, " \t") == after.Origin && !strings.Contains(tail, ": ")
			if whole && isPlain(before) && isPlain(after) && follows(before, t) && follows(t, after) {
				joined := token.String(before.Value+t.Value+head, before.Origin+t.Origin+head, before.Position)
				if !isKey {
					joined.Origin = before.Origin + t.Origin + after.Origin
				}
				out = out[:len(out)-1]
				out.Add(joined)
				if isKey {
					at := *before.Position
					at.Column += utf8.RuneCountInString(joined.Value)
					at.Offset += utf8.RuneCountInString(joined.Value)
					value := at
					gap := 2 + len(tail) - len(strings.TrimLeft(tail, " \t"))
					value.Column += gap
					value.Offset += gap
					out.Add(token.MappingValue(&at))
					out.Add(token.New(strings.TrimSpace(tail), " "+tail, &value))
				}
				i++
				continue
			}
		}
		out.Add(t)
	}
	return out
}

// isPlain says whether a token is text without quotes.
func isPlain(t *token.Token) bool {
	return t.CharacterType == token.CharacterTypeMiscellaneous && t.Type != token.CommentType
}

// follows says whether b starts where a ends.
func follows(a, b *token.Token) bool {
	return a.Position.Line == b.Position.Line && a.Position.Column+utf8.RuneCountInString(a.Value) == b.Position.Column
}

// firstInvalid is the index of the first byte that is not UTF-8, or -1.
func firstInvalid(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

// syntax reports what keeps the file from being YAML.
func (d *Document) syntax(err error, fail func(at routing.Place, message, hint string)) {
	var bad *yaml.SyntaxError
	if !errors.As(err, &bad) || bad.Token == nil {
		fail(routing.Place{}, "not YAML: "+err.Error(), "")
		return
	}
	at, hint := placeOf(bad.Token), ""
	line := ""
	if at.Line >= 1 && at.Line <= len(d.lines) {
		line = d.lines[at.Line-1]
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		hint = "indent with spaces, not with tabs"
	case strings.Contains(bad.Message, "mapping value is not allowed"):
		hint = "put text that holds a colon and a space in quotes"
	case strings.Contains(bad.Message, "reserved character"):
		hint = "put the text in quotes"
	case strings.Contains(bad.Message, "not allowed in this context"), strings.Contains(bad.Message, "non-map value"):
		hint = "keys of one mapping start in the same column, and list items with a dash"
	}
	fail(at, "not YAML: "+bad.Message, hint)
}

func placeOf(t *token.Token) routing.Place {
	return routing.Place{Line: t.Position.Line, Column: max(1, t.Position.Column)}
}

// start is where a node starts.
func (d *Document) start(n ast.Node) routing.Place {
	at := routing.Place{}
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			return d.start(n.Values[0].Key)
		}
		at = placeOf(n.Start)
	case *ast.MappingValueNode:
		return d.start(n.Key)
	case *ast.LiteralNode:
		at = placeOf(n.Start)
	default:
		at = placeOf(n.GetToken())
	}
	at.File = d.file
	return at
}
