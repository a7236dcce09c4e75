package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/foresort/foresort/plan"
)

// A forecast that Ctrl-C ended ends the plan with the code of an interrupt, even
// where there are changes, or none would be an error.
func TestAPlanWithAPartOfItsForecastEndsAsInterrupted(t *testing.T) {
	t.Parallel()
	changed := plan.Plan{Changes: []plan.Change{{}}}
	tests := map[string]struct {
		o    planOptions
		p    plan.Plan
		seen *foreseen
		want code
	}{
		"whole":                  {p: changed, seen: &foreseen{Replications: 5}, want: exitChanges},
		"no forecast":            {p: changed, want: exitChanges},
		"in part":                {p: changed, seen: &foreseen{Replications: 3, Partial: true}, want: exitInterrupted},
		"in part, and exit zero": {o: planOptions{ExitZero: true}, p: changed, seen: &foreseen{Partial: true}, want: exitInterrupted},
		"in part, no changes":    {seen: &foreseen{Partial: true}, want: exitInterrupted},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			s := newShell(env{strings.NewReader(""), &out, &bytes.Buffer{}, func(string) string { return "" }})
			if got := codeOf(tt.o.show(s, []plan.Plan{tt.p}, tt.seen)); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			if tt.seen != nil && !strings.Contains(out.String(), "Forecast") {
				t.Errorf("the forecast is not told: %s", &out)
			}
		})
	}
}
