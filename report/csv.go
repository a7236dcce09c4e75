package report

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// CSV writes everything that a report holds as one table, a figure a row:
//
//	section  total, rows, deadlines, lost, change, before, after, difference or p
//	queue    its name
//	row      of rows: the rule, the agent, or the day or hour; of deadlines the rule;
//	         of change, before, after, difference and p the id of the change
//	from     the beginning of what the figure is about, RFC 3339; of change when it was made
//	to       its end; of change when one that did not last was over
//	partial  1: the report does not cover the whole of it
//	figure   such as wait_p90; of change what, who, passing, verdict, words, weeks or emails
//	unit     %, s, emails, alerts, weeks; 1: a ratio; text: it is in the column text
//	value    empty: undefined, not known, or in the column text
//	counted  of how many emails it is, where it is a share or a mean
//	text     of change what is no number
//
// A name or text that begins like a formula, with = + - or @, has an apostrophe before it.
func CSV(w io.Writer, r Report) error {
	t := table{csv.NewWriter(w)}
	_ = t.w.Write([]string{"section", "queue", "row", "from", "to", "partial", "figure", "unit", "value", "counted", "text"})
	for _, q := range r.Queues {
		name := q.Queue.String()
		t.figures("total", name, "", r.Span, false, q.Total)
		for _, row := range q.Rows {
			t.figures("rows", name, row.Name, row.Span, row.Partial, row.Figures)
		}
		for _, l := range q.Rules {
			t.row("deadlines", name, l.Rule, r.Span, false, "deadline", "s", new(time.Duration(l.Deadline).Seconds()), nil)
			t.row("deadlines", name, l.Rule, r.Span, false, "deadline_level", "%", l.Percent, &l.Counted)
		}
		t.row("lost", name, "", r.Span, false, "late", "emails", number(q.Lost.Emails), nil)
		t.row("lost", name, "", r.Span, false, "lost", "s", &q.Lost.Seconds, number(q.Lost.Emails))
		for _, c := range q.Lost.Causes {
			t.row("lost", name, "", r.Span, false, string(c.Cause), "s", &c.Seconds, number(c.Emails))
		}
		for _, c := range q.Changes {
			made := routing.Span{From: c.At, To: c.Ended}
			for _, fact := range [][2]string{{"what", strings.Join(c.What, "; ")}, {"who", c.who()}, {"passing", string(c.Passing)}, {"verdict", string(c.Verdict)}, {"words", c.Words}} {
				t.write("change", name, c.ID, made, false, fact[0], "text", nil, nil, fact[1])
			}
			t.row("change", name, c.ID, made, false, "weeks", "weeks", number(c.Weeks), nil)
			t.row("change", name, c.ID, made, false, "emails", "emails", number(c.Emails), nil)
			for _, m := range c.Measures {
				t.row("before", name, c.ID, c.Before, false, m.Name, m.Unit, m.Before, nil)
				t.row("after", name, c.ID, c.After, false, m.Name, m.Unit, m.After, nil)
				t.row("difference", name, c.ID, routing.Span{}, false, m.Name, m.Unit, m.Difference, nil)
				t.row("p", name, c.ID, routing.Span{}, false, m.Name, "1", m.P, nil)
			}
		}
	}
	t.w.Flush()
	return t.w.Error()
}

type table struct{ w *csv.Writer }

func (t table) figures(section, queue, name string, of routing.Span, partial bool, f Figures) {
	for _, g := range figures {
		t.row(section, queue, name, of, partial, g.CSV, g.Unit, g.value(f), g.counted(f))
	}
}

// counted is of how many emails a share or a mean is.
func (g figure) counted(f Figures) *float64 {
	times := func(x *Times) *float64 {
		if x == nil {
			return nil
		}
		return number(x.N)
	}
	switch g.CSV {
	case "service_level":
		if f.Level != nil {
			return &f.Level.Counted
		}
	case "deadline_level":
		if f.Deadlines != nil {
			return &f.Deadlines.Counted
		}
	case "wait_mean", "wait_p50", "wait_p90":
		return times(f.Wait)
	case "handle_mean", "handle_p50", "handle_p90":
		return times(f.Handle)
	case "first_response_mean", "first_response_p50", "first_response_p90":
		return times(f.First)
	}
	return nil
}

func (t table) row(section, queue, name string, of routing.Span, partial bool, figure, unit string, value, counted *float64) {
	t.write(section, queue, name, of, partial, figure, unit, value, counted, "")
}

func (t table) write(section, queue, name string, of routing.Span, partial bool, figure, unit string, value, counted *float64, text string) {
	at := func(x time.Time) string {
		if x.IsZero() {
			return ""
		}
		return x.Format(time.RFC3339)
	}
	_ = t.w.Write([]string{section, sheet.Unrun(queue), sheet.Unrun(name), at(of.From), at(of.To), map[bool]string{true: "1", false: "0"}[partial], figure, unit, digits(value), digits(counted), sheet.Unrun(text)})
}

// digits writes six decimals at most.
func digits(v *float64) string {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return ""
	}
	return strconv.FormatFloat(math.Round(*v*1e6)/1e6, 'f', -1, 64)
}
