package strategy

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

func TestOpenHoursNeedNoQuotes(t *testing.T) {
	t.Parallel()
	const src = `version: 1
name: s
queue: Q
calendar: office
calendars:
  office:
    timezone: Europe/Berlin
    open: { mon-fri: [08:00-12:00, 13:00-18:00] }
`
	s, problems := Parse("s.yaml", []byte(src))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if d := cmp.Diff(Interval{"08:00-12:00", "13:00-18:00"}, s.Calendars["office"].Open["mon-fri"]); d != "" {
		t.Errorf("open hours (-want +got):\n%s", d)
	}
	if out, err := Format("s.yaml", []byte(src)); err != nil || string(out) != src {
		t.Errorf("formatted (%v):\n%s", err, out)
	}
}
