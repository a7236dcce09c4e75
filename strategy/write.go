package strategy

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// This file writes text as YAML, for the files that are made here.

// plainText is text that every YAML reader takes as text without quotes.
var plainText = regexp.MustCompile(`^\pL[\pL\pN_]*([ ./+@_-]+[\pL\pN_]+)*$`)

// keywords are read as something else than text by some YAML readers.
var keywords = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null|nan|inf)$`)

// plainOrQuoted writes text so that it reads back as it is.
func plainOrQuoted(s string) string {
	if plainText.MatchString(s) && !keywords.MatchString(s) {
		return s
	}
	return quoted(s)
}

// quoted writes text in double quotes.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// flowList writes [a, b].
func flowList(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = plainOrQuoted(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

var notInSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes a strategy name of any text.
func slug(s string) string {
	s = strings.Trim(notInSlug.ReplaceAllString(strings.ToLower(s), "-"), "-")
	if len(s) > 64 {
		s = strings.TrimRight(s[:64], "-")
	}
	if s == "" {
		return "queue"
	}
	return s
}

// comment writes text as a comment at an indent, without control characters,
// in lines of about 90 characters.
func comment(indent, text string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	var b strings.Builder
	line := indent + "#"
	for word := range strings.FieldsSeq(clean) {
		if len(line) > len(indent)+1 && len(line)+len(word) > 90 {
			b.WriteString(line + "\n")
			line = indent + "#  "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
