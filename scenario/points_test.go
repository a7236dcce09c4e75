package scenario_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
)

// days is a scenario of some days in which little happens.
func days(t *testing.T, more string) *scenario.Scenario {
	t.Helper()
	src := "version: 1\nstart: 2026-11-30\narrivals: [{ rule: standard, rate: 1 }]\nhandle: { mean: 6m }\nagents: [{ name: Ada, skills: { Billing: 3 } }]\n" + more
	s, problems := scenario.Parse("scenario.yaml", []byte(src), nil)
	if len(problems) > 0 {
		t.Fatalf("%s", problems.Text())
	}
	return s
}

// What every allows is what is simulated: the distance is not made longer.
func TestEveryIsNotChangedInSilence(t *testing.T) {
	t.Parallel()
	for every, horizon := range map[time.Duration]string{time.Minute: "1999m59s", 22 * time.Minute: "720h"} {
		m, problems := days(t, fmt.Sprintf("horizon: %s\nevery: %s\n", horizon, every)).Model(support(t))
		if len(problems) > 0 {
			t.Fatalf("%s", problems.Text())
		}
		r, err := simulate.Run(t.Context(), m, simulate.Options{Replications: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Times[1].Sub(r.Times[0]); got != every || len(r.Times) > 2000 {
			t.Errorf("every %s over %s: %d points with a distance of %s", every, horizon, len(r.Times), got)
		}
	}
	src := "version: 1\nstart: 2026-11-30\ndays: 30\nevery: 5m\narrivals: [{ rule: standard, rate: 1 }]\nhandle: { mean: 6m }\nagents: [{ name: Ada }]\n"
	_, problems := scenario.Parse("scenario.yaml", []byte(src), nil)
	if d := cmp.Diff("scenario.yaml:4:8: every: 5m makes 8641 points of 720h, more than 2000 (write 22m or more)", problems.Error()); d != "" {
		t.Error(d)
	}
}

// Two strategies with calendars of other zones have other days, unless the
// scenario says whose count.
func TestTwoClocksCannotBeCompared(t *testing.T) {
	t.Parallel()
	berlin := support(t)
	none := support(t)
	none.Calendar = nil
	models := func(s *scenario.Scenario) (a, b simulate.Model) {
		t.Helper()
		both := [2]simulate.Model{}
		for i, want := range []routing.Desired{berlin, none} {
			m, problems := s.Model(want)
			if err := problems.Err(); err != nil {
				t.Fatal(err)
			}
			both[i] = m
		}
		return both[0], both[1]
	}
	s := days(t, "days: 2\n")
	a, b := models(s)
	want := "scenario.yaml:2:8: start: the two cannot be compared: a.yaml tells days and hours by the clock of Europe/Berlin, b.yaml by that of UTC " +
		"(add timezone: Europe/Berlin to scenario.yaml, or timezone: UTC, so that both have the same days)"
	if d := cmp.Diff(want, s.SameTime(a, b, "a.yaml", "b.yaml").Error()); d != "" {
		t.Error(d)
	}
	s = days(t, "days: 2\ntimezone: Europe/Berlin\n")
	a, b = models(s)
	if problems := s.SameTime(a, b, "a.yaml", "b.yaml"); len(problems) > 0 {
		t.Error(problems)
	}
	// The same start, and midnight at another time.
	src := "version: 1\nstart: 2026-11-30T00:00:00Z\ndays: 2\narrivals: [{ rule: standard, rates: { mon: { 08:00-12:00: 1 } } }]\nhandle: { mean: 6m }\nagents: [{ name: Ada, skills: { Billing: 3 } }]\n"
	s, problems := scenario.Parse("scenario.yaml", []byte(src), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	a, b = models(s)
	if problems := s.SameTime(a, b, "a.yaml", "b.yaml"); !strings.Contains(problems.Error(), "Europe/Berlin") {
		t.Error("the clocks differ, and nothing is said")
	}
}
