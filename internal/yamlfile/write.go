package yamlfile

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

// Text writes text so that it reads back as it is.
func Text(s string) string {
	if plainText.MatchString(s) && !keywords.MatchString(s) {
		return s
	}
	return Quoted(s)
}

// Quoted writes text in double quotes.
func Quoted(s string) string {
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
