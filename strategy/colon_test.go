package strategy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
