package condition_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/condition"
)

func number(x float64) condition.Value      { return condition.Value{Known: true, Number: x} }
func lasts(d time.Duration) condition.Value { return condition.Value{Known: true, Time: d} }

// What is unknown decides nothing; where the other side decides, it does.
func TestConditionsOnAQueue(t *testing.T) {
	t.Parallel()
	var no condition.Value
	for name, tt := range map[string]struct {
		text   string
		reads  string
		values []condition.Value
		want   string
	}{
		"counts and percents": {
			text: `offered("1h") > 500 && serviceLevel("1h") < 85`, reads: `[offered("1h") serviceLevel("1h")]`,
			values: []condition.Value{number(501), number(84.9)}, want: "true true",
		},
		"a percent is compared with a whole number": {
			text: `serviceLevel("1h") < 85`, reads: `[serviceLevel("1h")]`, values: []condition.Value{number(85)}, want: "false true",
		},
		"an unknown figure": {
			text: `serviceLevel("1h") < 85`, reads: `[serviceLevel("1h")]`, values: []condition.Value{no}, want: "false false",
		},
		"not of an unknown figure": {
			text: `!(serviceLevel("1h") >= 85)`, reads: `[serviceLevel("1h")]`, values: []condition.Value{no}, want: "false false",
		},
		"NaN": {
			text: `!(serviceLevel("1h") >= 85)`, reads: `[serviceLevel("1h")]`, values: []condition.Value{number(math.NaN())}, want: "false false",
		},
		"or, decided by the other side": {
			text: `waiting() > 10 || serviceLevel("1h") < 85`, reads: `[waiting() serviceLevel("1h")]`,
			values: []condition.Value{number(11), no}, want: "true true",
		},
		"or, not decided": {
			text: `waiting() > 10 || serviceLevel("1h") < 85`, reads: `[waiting() serviceLevel("1h")]`,
			values: []condition.Value{number(9), no}, want: "false false",
		},
		"and, decided by the other side": {
			text: `serviceLevel("1h") < 85 && waiting() > 10`, reads: `[serviceLevel("1h") waiting()]`,
			values: []condition.Value{no, number(9)}, want: "false true",
		},
		"times": {
			text: `oldest() > duration("2h")`, reads: `[oldest()]`, values: []condition.Value{lasts(2*time.Hour + 1)}, want: "true true",
		},
		"of a rule": {
			text: `oldest("vip") > duration("1h") && oldest() < duration("8h")`, reads: `[oldest("vip") oldest()]`,
			values: []condition.Value{lasts(2 * time.Hour), lasts(7 * time.Hour)}, want: "true true",
		},
		"arithmetic": {
			text: `waiting() > 3 * onQueue()`, reads: `[waiting() onQueue()]`, values: []condition.Value{number(10), number(3)}, want: "true true",
		},
		"division by nothing": {
			text: `waiting() / onQueue() > 3`, reads: `[waiting() onQueue()]`, values: []condition.Value{number(10), number(0)}, want: "false false",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, mistakes := condition.CompileQueue(tt.text)
			if mistakes != nil {
				t.Fatal(mistakes)
			}
			if got := fmt.Sprint(c.Reads); got != tt.reads {
				t.Errorf("reads %s, want %s", got, tt.reads)
			}
			holds, known := c.Holds(tt.values)
			if got := fmt.Sprint(holds, known); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestMistakesInConditionsOnAQueue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]condition.Mistake{
		`serviceLevel("1h") < 0.85`:          {{1, 0, `serviceLevel("1h") is percent, 0 to 100, and 0.85 is a fraction`, "write 85"}},
		`waiting() > 3 && 1 > utilization()`: {{1, 19, `utilization() is percent, 0 to 100, and 1 is a fraction`, "write 100"}},
		`offered("1w") > 3`:                  {{1, 0, `"1w" is no window`, `write "today", or a span from 5m to 24h in whole minutes, such as "1h"`}},
		`offered("90s") > 3`:                 {{1, 0, `"90s" is no window`, `write "today", or a span from 5m to 24h in whole minutes, such as "1h"`}},
		`true`:                               {{0, 0, "the condition asks nothing about the queue: it is always the same", `what is known: offered("1h"), answered("1h"), abandoned("1h"), serviceLevel("1h"), averageWait("1h"), handleTime("1h"), waiting(), interacting(), onQueue(), oldest(), late(), utilization()`}},
		`waiting()`:                          {{0, 0, "a condition is true or false; this one is a number", "compare it with something, such as serviceLevel(\"1h\") < 85"}},
		`oldest() > 3`:                       {{1, 9, "condition: `>` does not take duration, int", `counts and percents are compared with numbers, times with duration("2h")`}},
		`offered() > 3`:                      {{1, 7, "condition: `offered` does not take nothing", `counts and percents are compared with numbers, times with duration("2h")`}},
		`oferred("1h") > 3`:                  {{1, 0, "condition: undeclared reference to 'oferred'", "did you mean `offered`?"}},
		`waiting() >`:                        {{1, 11, "condition: Syntax error: mismatched input 'end of text'", ""}},
	} {
		_, got := condition.CompileQueue(text)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

func TestConditionsOnAnEmail(t *testing.T) {
	t.Parallel()
	gold := condition.Email{Subject: "Invoice", From: "a@example.com", Attributes: map[string]string{"tier": "gold"}}
	for text, want := range map[string]string{
		`email.subject == "Invoice"`:                                    "true true",
		`email.from.endsWith("@example.org")`:                           "false true",
		`email.attributes.tier == "gold"`:                               "true true",
		`email.attributes.none == "gold"`:                               "false false",
		`"none" in email.attributes && email.attributes.none == "gold"`: "false true",
	} {
		c, mistakes := condition.CompileEmail(text)
		if mistakes != nil {
			t.Errorf("%s: %v", text, mistakes)
			continue
		}
		holds, known := c.Holds(gold)
		if got := fmt.Sprint(holds, known); got != want || c.Constant {
			t.Errorf("%s: %s, want %s; constant %v", text, got, want, c.Constant)
		}
	}
	for text, want := range map[string]string{`1 == 1`: "true true", `email.subject == "a" && false`: "true false"} {
		if c, mistakes := condition.CompileEmail(text); mistakes != nil || fmt.Sprint(c.Constant, c.Always) != want {
			t.Errorf("%s: %v, %v", text, c, mistakes)
		}
	}
}

func BenchmarkHolds(b *testing.B) {
	c, _ := condition.CompileQueue(`offered("1h") > 500 && serviceLevel("1h") < 85`)
	values := []condition.Value{number(501), number(84)}
	b.ReportAllocs()
	for b.Loop() {
		c.Holds(values)
	}
}
