package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
)

// This file tells people of changes. Those of one queue that did not last and moved
// the same levers are told as one, so that a day with dozens of overrides can be read.

// told is a change, or several alike that did not last, oldest first.
type told []Comparison

// tell puts the changes of a queue together, in the order in which each first came.
func tell(all []Comparison) []told {
	var out []told
	for _, c := range all {
		i := -1
		if c.Verdict == Passed {
			i = slices.IndexFunc(out, func(t told) bool { return alike(t[0], c) })
		}
		if i < 0 {
			out = append(out, told{c})
		} else {
			out[i] = append(out[i], c)
		}
	}
	return out
}

func alike(a, b Comparison) bool {
	return a.Verdict == b.Verdict && a.Passing == b.Passing && slices.Equal(a.Levers, b.Levers) && (a.Passing != Undone || slices.Equal(a.What, b.What))
}

// when is the time of a change, or of the first and the last.
func (t told) when(zone *time.Location, form string) string {
	first := t[0].At.In(zone).Format(form)
	if len(t) == 1 {
		return first
	}
	return first + " to " + t[len(t)-1].At.In(zone).Format(form)
}

// title says who changed what, how often, and for how long in all.
func (t told) title(now time.Time) string {
	var who, what []string
	var held time.Duration
	emails := 0
	for _, c := range t {
		if !slices.Contains(who, c.who()) {
			who = append(who, c.who())
		}
		for _, w := range c.What {
			if !slices.Contains(what, w) {
				what = append(what, w)
			}
		}
		held, emails = held+c.held(now), emails+c.Emails
	}
	c, count := t[0], ""
	switch {
	case c.Passing == Emails:
		what = []string{EmailsText(emails)}
		if len(t) > 1 {
			count = phrase.Count(len(t), "run") + ": "
		}
	case len(t) > 1:
		count = fmt.Sprintf("%s, %s in all: ", phrase.Count(len(t), map[Passing]string{Override: "override", Undone: "attempt"}[c.Passing]), sheet.Span(held.Seconds()))
	}
	return sheet.Plain(strings.Join(who, "; ") + ": " + count + strings.Join(what, "; "))
}

// EmailsText says that waiting email was changed.
func EmailsText(n int) string { return "change " + phrase.Count(n, "email") + " that waited" }

// words say what became of a change, or of each of several.
func (t told) words(now time.Time) string {
	var over told
	for _, c := range t {
		if c.Passing != Emails && !c.Ended.IsZero() {
			over = append(over, c)
		}
	}
	if len(t) == 1 || len(over) == 0 {
		return t[len(t)-1].Words
	}
	length := func(c Comparison) time.Duration { return c.held(now) }
	least, most := length(slices.MinFunc(over, byLength)), length(slices.MaxFunc(over, byLength))
	span := sheet.Span(least.Seconds())
	if s := sheet.Span(most.Seconds()); s != span {
		span += " to " + s
	}
	out := "each came and went after " + span
	if t[0].Passing == Undone {
		out = "each was put back by the same run after " + span
	}
	if n := len(t) - len(over); n > 0 {
		out += fmt.Sprintf("; still in force: %d", n)
	}
	return out + ": too short to compare by weeks"
}

func byLength(a, b Comparison) int { return int(a.Ended.Sub(a.At) - b.Ended.Sub(b.At)) }

func (t told) tone() tone {
	return map[Verdict]tone{Better: good, Worse: bad, Thin: unsure}[t[0].Verdict]
}
