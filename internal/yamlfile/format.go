package yamlfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// This file is the formatter. It keeps the order of the keys, every comment,
// single blank lines, the quotes that text has and one-line lists; it sets
// indents to two spaces and gaps to one, prefers double quotes, and turns
// brackets over several lines into lists with dashes. The YAML library's own
// printer moves and loses comments, so this one writes each line itself and
// takes the comments from where they stand in the source.

// Format writes a file in its usual form. What it means stays the
// same, and formatting twice changes nothing. A file that is not YAML is an
// error (Problems); mistakes in what it says are not looked at.
func Format(file string, src []byte, kind *Kind) ([]byte, error) {
	doc, problems := Open(file, src, kind)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	f := &formatter{doc: doc}
	f.value(doc.body, "", doc.start(doc.body).Line, -2, nil)
	out := []byte(f.weave())
	again, problems := Open(file, out, kind)
	if len(problems) > 0 || !sameNode(doc.body, again.body) || !slices.EqualFunc(doc.comments, again.comments, func(a, b *token.Token) bool { return commentText(a) == commentText(b) }) {
		return nil, fmt.Errorf("format %s: the file is left as it is, because its formatted form would not mean the same", file)
	}
	return out, nil
}

// level is a block around a line: its column in the source, from 1, and the
// indent that it gets.
type level struct{ column, indent int }

// outLine is one line to write.
type outLine struct {
	text       string
	below      []string // the lines of a text block, which belong to it
	start, end int      // the lines of the source that it holds
	levels     []level  // the blocks around it, outermost first
}

// formatter turns a document into lines, and then puts the comments between.
type formatter struct {
	doc   *Document
	lines []outLine
}

func (f *formatter) add(l outLine) { f.lines = append(f.lines, l) }

// value adds the lines of a node that follows lead, a key or dash with its
// indent, which stands on the given line of the source.
func (f *formatter) value(n ast.Node, lead string, start, indent int, levels []level) {
	dash := strings.HasSuffix(lead, "- ")
	gap := " "
	if dash || lead == "" {
		gap = ""
	}
	switch node := n.(type) {
	case *ast.NullNode:
		text := ""
		if f.explicitNull(node) {
			text = gap + "null"
		}
		f.add(outLine{text: strings.TrimRight(lead+text, " "), start: start, end: max(start, node.Token.Position.Line), levels: levels})
		return
	case *ast.LiteralNode:
		if f.textBlock(node, lead+gap, start, indent, levels) {
			return
		}
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		if first, last, inline := inlineLines(n); inline {
			f.add(outLine{text: lead + gap + f.flow(n), start: start, end: max(start, first, last), levels: levels})
			return
		} else if !dash && lead != "" {
			f.add(outLine{text: lead, start: start, end: max(start, first), levels: levels})
			lead = ""
		}
		f.block(n, lead, start, indent+2, levels)
		return
	}
	f.add(outLine{text: lead + gap + f.scalar(n), start: start, end: max(start, endOf(n)), levels: levels})
}

// block adds the lines of a list or mapping, one or more for each item. The
// first follows lead, if there is one.
func (f *formatter) block(n ast.Node, lead string, start, indent int, levels []level) {
	pad := func(i, line int) (string, int) {
		if i == 0 && lead != "" {
			return lead, start
		}
		return strings.Repeat(" ", indent), line
	}
	if seq, ok := n.(*ast.SequenceNode); ok {
		for i, item := range seq.Values {
			at := f.doc.start(item)
			if i < len(seq.Entries) && seq.Entries[i].Start != nil && !seq.IsFlowStyle {
				at = placeOf(seq.Entries[i].Start)
			}
			in, line := pad(i, at.Line)
			f.value(item, in+"- ", line, indent, append(slices.Clip(levels), level{at.Column, indent}))
		}
		return
	}
	list, _ := entries(n)
	for i, e := range list {
		at := f.doc.start(e.Key)
		in, line := pad(i, at.Line)
		f.value(e.Value, in+f.key(e.Key)+":", line, indent, append(slices.Clip(levels), level{at.Column, indent}))
	}
}

// inlineLines says whether a list or mapping stands in brackets on one line,
// and gives the first and last line of the brackets; 0 where it has none.
func inlineLines(n ast.Node) (first, last int, inline bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		if n.IsFlowStyle {
			first, last = n.Start.Position.Line, n.End.Position.Line
			return first, last, first == last || len(n.Values) == 0
		}
	case *ast.SequenceNode:
		if n.IsFlowStyle {
			first, last = n.Start.Position.Line, n.End.Position.Line
			return first, last, first == last || len(n.Values) == 0
		}
	}
	return 0, 0, false
}

// flow writes a node on one line.
func (f *formatter) flow(n ast.Node) string {
	if seq, ok := n.(*ast.SequenceNode); ok {
		items := make([]string, len(seq.Values))
		for i, item := range seq.Values {
			items[i] = f.flow(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	if list, ok := entries(n); ok {
		items := make([]string, len(list))
		for i, e := range list {
			items[i] = f.key(e.Key) + ": " + f.flow(e.Value)
		}
		if len(items) == 0 {
			return "{}"
		}
		return "{ " + strings.Join(items, ", ") + " }"
	}
	return f.scalar(n)
}

// key writes a key, without quotes where it does not need them.
func (f *formatter) key(k ast.MapKeyNode) string {
	if s, ok := textOf(k); ok && plainText.MatchString(s) && !keywords.MatchString(s) {
		return s
	}
	return f.scalar(k)
}

// scalar writes one value on one line.
func (f *formatter) scalar(n ast.Node) string {
	switch n := n.(type) {
	case *ast.NullNode:
		return "null"
	case *ast.LiteralNode:
		return Quoted(n.Value.Value)
	case *ast.StringNode:
		written := strings.TrimSpace(n.Token.Origin)
		several := strings.Contains(written, "\n")
		switch {
		case n.Token.Type == token.SingleQuoteType && !several && strings.ContainsAny(n.Value, `"\`):
			return "'" + strings.ReplaceAll(n.Value, "'", "''") + "'"
		case n.Token.Type == token.DoubleQuoteType, n.Token.Type == token.SingleQuoteType, strings.Contains(n.Value, "\n"):
			return Quoted(n.Value)
		}
		return n.Value
	}
	return n.GetToken().Value
}

// endOf is the last line of the source that a scalar stands on.
func endOf(n ast.Node) int {
	t := n.GetToken()
	return t.Position.Line + strings.Count(strings.TrimSpace(t.Origin), "\n")
}

// explicitNull says whether a null is written out: as null or ~.
func (f *formatter) explicitNull(n *ast.NullNode) bool {
	at := placeOf(n.Token)
	if at.Line > len(f.doc.lines) {
		return false
	}
	line := []rune(f.doc.lines[at.Line-1])
	if at.Column > len(line) {
		return false
	}
	rest := strings.ToLower(string(line[at.Column-1:]))
	return strings.HasPrefix(rest, "null") || strings.HasPrefix(rest, "~")
}

// textBlock adds a | or > block as it stands, at the new indent. It is false
// for those with an indentation or keep indicator and for empty ones, which are
// rather written in quotes.
func (f *formatter) textBlock(n *ast.LiteralNode, lead string, start, indent int, levels []level) bool {
	header := strings.TrimSpace(n.Start.Value)
	if strings.ContainsAny(header, "0123456789+") {
		return false
	}
	at := n.Start.Position.Line
	source := f.doc.lines[min(at, len(f.doc.lines)):]
	own, last := -1, 0
	for i, line := range source {
		text := strings.TrimLeft(line, " ")
		if strings.TrimSpace(text) == "" {
			continue
		}
		if own < 0 {
			own = len(line) - len(text)
		}
		if len(line)-len(text) < own || own == 0 {
			break
		}
		last = i + 1
	}
	if last == 0 {
		return false
	}
	pad := strings.Repeat(" ", max(0, indent)+2)
	below := make([]string, last)
	for i, line := range source[:last] {
		if len(line) > own {
			below[i] = strings.TrimRight(pad+line[own:], " ")
			if strings.TrimSpace(line[own:]) != "" {
				below[i] = pad + line[own:]
			}
		}
	}
	f.add(outLine{text: lead + header, below: below, start: start, end: at + last, levels: levels})
	return true
}

// weave writes the lines with the comments and blank lines of the source
// between them. A comment on a line of its own gets the indent of the innermost
// block, of those around the lines before and after it, that it is not left of.
func (f *formatter) weave() string {
	var out strings.Builder
	comments := f.doc.comments
	last := 0
	blank := func(line int) {
		if out.Len() > 0 && line-1 > last && strings.TrimSpace(f.doc.lines[line-2]) == "" {
			out.WriteByte('\n')
		}
	}
	own := func(c *token.Token, levels ...[]level) {
		best := level{}
		for _, l := range slices.Concat(levels...) {
			if l.column <= c.Position.Column && l.column >= best.column {
				best = l
			}
		}
		blank(c.Position.Line)
		out.WriteString(strings.Repeat(" ", best.indent) + commentText(c) + "\n")
		last = max(last, c.Position.Line)
	}
	var before []level
	for i, l := range f.lines {
		for len(comments) > 0 && comments[0].Position.Line < l.start {
			own(comments[0], before, l.levels)
			comments = comments[1:]
		}
		blank(l.start)
		out.WriteString(l.text)
		// Comments on its lines follow it, unless the next line starts there.
		trailing := 0
		for len(comments) > trailing && comments[trailing].Position.Line <= l.end && (i+1 == len(f.lines) || comments[trailing].Position.Line < f.lines[i+1].start) {
			trailing++
		}
		if trailing > 0 {
			out.WriteString(" " + commentText(comments[0]))
		}
		out.WriteByte('\n')
		for _, text := range l.below {
			out.WriteString(text + "\n")
		}
		last = max(last, l.end)
		for _, c := range comments[:trailing][min(1, trailing):] {
			own(c, l.levels)
		}
		comments = comments[trailing:]
		before = l.levels
	}
	for _, c := range comments {
		own(c, before)
	}
	return out.String()
}

// commentText is a comment with a space after its mark.
func commentText(c *token.Token) string {
	text := strings.TrimRight(c.Value, " \t")
	if text != "" && !strings.ContainsAny(text[:1], " \t#!") {
		text = " " + text
	}
	return "#" + text
}

// sameNode says whether two nodes mean the same.
func sameNode(a, b ast.Node) bool {
	if listA, ok := entries(a); ok {
		listB, ok := entries(b)
		return ok && slices.EqualFunc(listA, listB, func(x, y *ast.MappingValueNode) bool {
			return x.Key.GetToken().Value == y.Key.GetToken().Value && sameNode(x.Value, y.Value)
		})
	}
	if seqA, ok := a.(*ast.SequenceNode); ok {
		seqB, ok := b.(*ast.SequenceNode)
		return ok && slices.EqualFunc(seqA.Values, seqB.Values, sameNode)
	}
	if a.Type() == ast.NullType || b.Type() == ast.NullType {
		return a.Type() == b.Type()
	}
	textA, isTextA := textOf(a)
	textB, isTextB := textOf(b)
	return b != nil && scalar(b) && isTextA == isTextB && textA == textB && (isTextA || a.GetToken().Value == b.GetToken().Value)
}
