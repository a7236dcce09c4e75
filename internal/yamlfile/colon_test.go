package yamlfile

import (
	"testing"

	"github.com/goccy/go-yaml/lexer"
	"github.com/google/go-cmp/cmp"
)

func TestAColonInsideOfPlainTextIsPartOfIt(t *testing.T) {
	t.Parallel()
	for src, want := range map[string][]string{
		`open: { mon: [08:00-12:00, 13:00-18:00] }`: {"open", ":", "{", "mon", ":", "[", "08:00-12:00", ",", "13:00-18:00", "]", "}"},
		`a: [b:c:d, "x": 1, 12:30]`:                 {"a", ":", "[", "b:c:d", ",", "x", ":", "1", ",", "12:30", "]"},
		`a: { "b":c, d: e }`:                        {"a", ":", "{", "b", ":", "c", ",", "d", ":", "e", "}"},
		`{ 08:00-12:00: 40, 12:00-13:30:  x }`:      {"{", "08:00-12:00", ":", "40", ",", "12:00-13:30", ":", "x", "}"},
		"a:\tb":                                     {"a", ":", "b"},
	} {
		var got []string
		for _, tok := range joinColons(lexer.Tokenize(src)) {
			got = append(got, tok.Value)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", src, d)
		}
	}
}
