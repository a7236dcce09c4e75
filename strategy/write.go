package strategy

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/foresort/foresort/internal/yamlfile"
)

// This file writes text as YAML, for the files that are made here.

// flowList writes [a, b].
func flowList(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = yamlfile.Text(s)
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
