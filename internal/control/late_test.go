package control_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/autopilot"
)

// calm is email that agents take at once, so that none of it is ever seen to wait.
func calm() (mail []string) {
	for m := 1; m < 110; m += 2 {
		mail = append(mail, fmt.Sprintf("%02d:%02d support 3m", 9+m/60, m%60))
	}
	return mail
}

// crowd is email that waits for some minutes each.
func crowd() (mail []string) {
	for m := 1; m < 110; m += 2 {
		mail = append(mail, fmt.Sprintf("%02d:%02d support 5m", 9+m/60, m%60))
	}
	return mail
}

// Rows that come late are not taken for those of now, also where nothing waits that
// they lack.
func TestNothingIsDecidedOnLateRows(t *testing.T) {
	t.Parallel()
	const rule = `adjust:
  mode: act
  rules: [{ name: surge, when: '%s', samples: 5, for: 1, do: [{ join: Back Office }], lease: 30m }]
`
	for name, tt := range map[string]struct {
		when string
		mail []string
		lag  string
	}{
		"email that never waits":                {`offered("1h") > 15`, calm(), "metrics lag 20m"},
		"email that waits and goes":             {`offered("1h") > 15`, crowd(), "metrics lag 20m"},
		"a few minutes":                         {`offered("1h") > 15`, crowd(), "metrics lag 6m"},
		"longer than the window":                {`offered("1h") < 3`, calm(), "metrics lag 90m"},
		"what happened just now is missing":     {`offered("1h") > 15`, calm(), "after 40m for 20m metrics missing"},
		"a level of the past":                   {`serviceLevel("1h") > 10`, calm(), "metrics lag 20m"},
		"a mean of the past":                    {`averageWait("1h") >= duration("0s")`, crowd(), "metrics lag 20m"},
		"a window that is shorter than an hour": {`offered("10m") < 2`, calm(), "metrics lag 20m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, file(fmt.Sprintf(rule, tt.when)), tt.mail...)
			w.apply()
			w.passes(40 * time.Minute) // without a look
			w.AddFault(fault(t, tt.lag))
			w.passes(10 * time.Minute)
			w.ClearRequests()
			for range 8 {
				w.passes(time.Minute)
				l := w.look()[0]
				if r := l.Rules[0]; r.Reason != autopilot.Unknown || len(l.Acts) > 0 || !strings.Contains(l.Program.Explain(r), "the figures of the last ") {
					t.Fatalf("%s: %s: %+v, %v", w.now().Format(time.TimeOnly), r.Reason, l.Acts, l.Program.Inputs(0, l.Figures))
				}
			}
			if got := w.writes(); len(got) > 0 {
				t.Errorf("it wrote %v", got)
			}
		})
	}
}

// Where rows are in, what is seen of the queue never says otherwise: on a day with
// overrides that move agents and email, and email that is given up.
func TestRowsInTimeAreNeverLate(t *testing.T) {
	t.Parallel()
	mail := append(calm(), crowd()...)
	mail = append(mail, many(15, "09:50 vip 12m")...)
	slices.Sort(mail)
	src := strings.Replace(file(`adjust:
  mode: act
  rules:
    - { name: surge, when: waiting() > 8, for: 1, do: [{ join: Back Office }, { raisePriority: { rule: standard, by: 60 } }], lease: 30m }
    - { name: more, when: waiting() > 3, for: 1, do: [{ capacity: { email: 4 } }], lease: 15m }
  limits: { cooldown: 0s, changesPerHour: 5 }
`), "rule: standard, from: Desk }]", "rule: standard, from: Desk }, { address: vip@help.example.com, rule: standard, from: Vip }]", 1)
	w := newWorld(t, src, mail...)
	w.apply()
	acts, known := 0, 0
	for range 240 {
		w.passes(time.Minute)
		l := w.look()[0]
		acts += len(l.Acts)
		if !l.Seen.Late.IsZero() {
			t.Fatalf("%s: late since %s", w.now().Format(time.TimeOnly), l.Seen.Late.Format(time.TimeOnly))
		}
		if _, ok := l.Seen.Windows["1h"]; ok {
			known++
		}
	}
	if acts < 4 || known != 240 {
		t.Errorf("%d acts, %d looks with figures", acts, known)
	}
}

// To compare takes no request of its own.
func TestLatenessTakesNoRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, file("adjust:\n  mode: act\n  rules: [{ name: surge, when: 'offered(\"1h\") > 1000', do: [{ join: Back Office }], lease: 30m }]\n"), calm()...)
	w.passes(time.Minute)
	w.look() // signs in
	w.passes(time.Minute)
	w.ClearRequests()
	w.look()
	queries := 0
	for _, r := range w.Requests() {
		if strings.HasSuffix(r.Path, "/query") {
			queries++
		}
	}
	if queries != 2 { // observations and aggregates
		t.Errorf("%d queries: %v", queries, w.Requests())
	}
}
