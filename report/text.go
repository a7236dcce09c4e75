package report

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// undefined stands where a figure has no value.
const undefined = "–"

// Style says how the parts of a printed report look. The zero Style is plain
// text, for files and pipes.
type Style = sheet.Style

// Colour is the style for a terminal.
func Colour() Style { return sheet.Colour() }

type tone = sheet.Tone

const (
	good    = sheet.Good
	bad     = sheet.Bad
	unsure  = sheet.Unsure
	neutral = tone("")
)

// empty says that there was no email.
func (q QueueReport) empty() bool {
	f := q.Total
	return *f.Offered+f.Answered+f.Transferred+f.Abandoned+f.Backlog.Waiting == 0 && f.Wait == nil && f.Handle == nil
}

// verdictOf says in plain words how a queue did.
func verdictOf(q QueueReport) (string, tone) {
	f, name := q.Total, sheet.Plain(q.Queue.String())
	if q.empty() {
		return name + ": no email came in", neutral
	}
	volume := fmt.Sprintf("%s: %s offered, %s answered", name, emails(*f.Offered), sheet.Number(float64(f.Answered), 0))
	l, what := f.Level, "in time"
	if l == nil || l.Percent == nil {
		l, what = f.Deadlines, "by the deadlines"
	}
	if l == nil || l.Percent == nil {
		return volume + "; there is no service level to tell", neutral
	}
	text := fmt.Sprintf("%s; %s%% %s", volume, sheet.Number(*l.Percent, 1), what)
	if q.Target == nil {
		return text, neutral
	}
	target := q.Target.String()
	if l == f.Deadlines { // which are not all the target's
		target = fmt.Sprintf("%g%%", q.Target.Percent)
	}
	if *l.Percent >= q.Target.Percent {
		return fmt.Sprintf("%s, target %s: met", text, target), good
	}
	return fmt.Sprintf("%s, target %s: missed", text, target), bad
}

// more are the sentences below the verdict of a queue.
func more(q QueueReport) []string {
	var out []string
	f := q.Total
	if f.Level != nil && f.Level.Percent != nil && f.Deadlines != nil && f.Deadlines.Percent != nil {
		hours := "with every hour counted"
		if q.Calendar != "" {
			hours = "in the open hours of " + sheet.Plain(q.Calendar)
		}
		out = append(out, fmt.Sprintf("By the rules' deadlines, %s: %s%%.", hours, sheet.Number(*f.Deadlines.Percent, 1)))
	}
	if q.Lost.Emails > 0 {
		var parts []string
		for _, c := range q.Lost.Causes[:min(3, len(q.Lost.Causes))] {
			if 200*c.Seconds < q.Lost.Seconds {
				break
			}
			parts = append(parts, fmt.Sprintf("%s %s%%", causeNames[c.Cause], sheet.Number(100*c.Seconds/q.Lost.Seconds, 0)))
		}
		verb := "were"
		if q.Lost.Emails == 1 {
			verb = "was"
		}
		out = append(out, fmt.Sprintf("%s %s late by %s in all: %s.", emails(q.Lost.Emails), verb, sheet.Span(q.Lost.Seconds), strings.Join(parts, ", ")))
	}
	if b := f.Backlog; b != nil && b.Waiting > 0 {
		out = append(out, fmt.Sprintf("At the end %s, the oldest for %s.", waiting(b.Waiting), spanOf(b.Oldest)))
	}
	return out
}

func waiting(n int) string {
	if n == 1 {
		return "1 email waits"
	}
	return sheet.Number(float64(n), 0) + " emails wait"
}

func emails(n int) string {
	if n == 1 {
		return "1 email"
	}
	return sheet.Number(float64(n), 0) + " emails"
}

// causeNames are the causes in words.
var causeNames = map[Cause]string{
	Closed: "closed hours", Nobody: "nobody qualified on queue", Full: "all full", Ring: "ring too slow", LastAgent: "waiting for the last agent",
	Alerts: "alerts not taken", Transfers: "transfers", Unexplained: "not explained",
}

func spanOf(seconds *float64) string {
	if seconds == nil {
		return undefined
	}
	return sheet.Span(*seconds)
}

func percentOf(p *float64) string {
	if p == nil {
		return undefined
	}
	return sheet.Number(*p, 1) + "%"
}

// unitText writes a value of a measure.
func unitText(unit string, v float64) string {
	switch unit {
	case "%":
		return sheet.Number(v, 1) + "%"
	case "s":
		return sheet.Span(v)
	}
	return strings.TrimSuffix(sheet.Number(v, 1), ".0")
}

// figure is one figure of Figures: how it is named and read.
type figure struct {
	Head string // of its column, short
	Name string // in words
	CSV  string
	Unit string
	// value is nil where there is none.
	value func(Figures) *float64
	wide  bool // it is for pages and CSV: a terminal has no room
}

func number(n int) *float64 { return new(float64(n)) }

func part(t *Times, of func(*Times) float64) *float64 {
	if t == nil {
		return nil
	}
	return new(of(t))
}

func percent(l *Level) *float64 {
	if l == nil {
		return nil
	}
	return l.Percent
}

// figures are all of them in the order in which they are told.
var figures = []figure{
	{Head: "offered", Name: "offered", CSV: "offered", Unit: "emails", value: func(f Figures) *float64 {
		if f.Offered == nil {
			return nil
		}
		return number(*f.Offered)
	}},
	{Head: "answered", Name: "answered", CSV: "answered", Unit: "emails", value: func(f Figures) *float64 { return number(f.Answered) }},
	{Head: "SL%", Name: "service level", CSV: "service_level", Unit: "%", value: func(f Figures) *float64 { return percent(f.Level) }},
	{Head: "rule%", Name: "by the deadlines", CSV: "deadline_level", Unit: "%", value: func(f Figures) *float64 { return percent(f.Deadlines) }},
	{Head: "wait", Name: "mean wait", CSV: "wait_mean", Unit: "s", value: func(f Figures) *float64 { return part(f.Wait, func(t *Times) float64 { return t.Mean }) }},
	{Head: "p50", Name: "wait, p50", CSV: "wait_p50", Unit: "s", wide: true, value: func(f Figures) *float64 { return part(f.Wait, func(t *Times) float64 { return t.P50 }) }},
	{Head: "p90", Name: "wait, p90", CSV: "wait_p90", Unit: "s", value: func(f Figures) *float64 { return part(f.Wait, func(t *Times) float64 { return t.P90 }) }},
	{Head: "handle", Name: "mean handling", CSV: "handle_mean", Unit: "s", value: func(f Figures) *float64 { return part(f.Handle, func(t *Times) float64 { return t.Mean }) }},
	{Head: "p50", Name: "handling, p50", CSV: "handle_p50", Unit: "s", wide: true, value: func(f Figures) *float64 { return part(f.Handle, func(t *Times) float64 { return t.P50 }) }},
	{Head: "p90", Name: "handling, p90", CSV: "handle_p90", Unit: "s", wide: true, value: func(f Figures) *float64 { return part(f.Handle, func(t *Times) float64 { return t.P90 }) }},
	{Head: "first", Name: "mean first response", CSV: "first_response_mean", Unit: "s", wide: true, value: func(f Figures) *float64 { return part(f.First, func(t *Times) float64 { return t.Mean }) }},
	{Head: "p50", Name: "first response, p50", CSV: "first_response_p50", Unit: "s", wide: true, value: func(f Figures) *float64 { return part(f.First, func(t *Times) float64 { return t.P50 }) }},
	{Head: "p90", Name: "first response, p90", CSV: "first_response_p90", Unit: "s", wide: true, value: func(f Figures) *float64 { return part(f.First, func(t *Times) float64 { return t.P90 }) }},
	{Head: "backlog", Name: "backlog at the end", CSV: "backlog", Unit: "emails", value: func(f Figures) *float64 {
		if f.Backlog == nil {
			return nil
		}
		return number(f.Backlog.Waiting)
	}},
	{Head: "oldest", Name: "oldest of it", CSV: "backlog_oldest", Unit: "s", value: func(f Figures) *float64 {
		if f.Backlog == nil {
			return nil
		}
		return f.Backlog.Oldest
	}},
	{Head: "passed on", Name: "transferred", CSV: "transferred", Unit: "emails", wide: true, value: func(f Figures) *float64 { return number(f.Transferred) }},
	{Head: "abandoned", Name: "abandoned", CSV: "abandoned", Unit: "emails", wide: true, value: func(f Figures) *float64 {
		if f.Abandoned == 0 {
			return nil
		}
		return number(f.Abandoned)
	}},
	{Head: "missed", Name: "alerts not taken", CSV: "alerts_missed", Unit: "alerts", wide: true, value: func(f Figures) *float64 { return number(f.Missed) }},
	{Head: "busy%", Name: "occupancy", CSV: "occupancy", Unit: "%", wide: true, value: func(f Figures) *float64 { return f.Occupancy }},
	{Head: "fairness", Name: "fairness", CSV: "fairness", Unit: "1", wide: true, value: func(f Figures) *float64 {
		if f.Fairness == nil {
			return nil
		}
		return &f.Fairness.Index
	}},
}

// of writes the figure of a row, without a unit that its column tells.
func (g figure) of(f Figures) string {
	v := g.value(f)
	switch {
	case v == nil:
		return undefined
	case g.Unit == "s":
		return sheet.Span(*v)
	case g.Unit == "%":
		return sheet.Number(*v, 1)
	case g.Unit == "1":
		return sheet.Number(*v, 3)
	}
	return sheet.Number(*v, 0)
}

// used are the figures that some of the rows have.
func used(rows []Figures, by By, wide bool) []figure {
	return slices.DeleteFunc(slices.Clone(figures), func(g figure) bool {
		return g.wide && !wide && (by != ByAgent || g.CSV != "occupancy") || !slices.ContainsFunc(rows, func(f Figures) bool { return g.value(f) != nil })
	})
}

// zoneOf is the business's clock.
func zoneOf(r Report) *time.Location {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// about says what a report is of.
func about(r Report) string {
	zone := zoneOf(r)
	const form = "Mon 2006-01-02 15:04"
	return fmt.Sprintf("%s to %s %s", r.From.In(zone).Format(form), r.To.In(zone).Format(form), r.Zone)
}

// Text writes a report for a terminal of 80 columns: the verdict in plain words
// first, then the figures.
func Text(w io.Writer, r Report, style Style) error {
	t := text{bufio.NewWriter(w), style}
	t.line(style.Faint, about(r))
	for _, q := range r.Queues {
		t.queue(r, q)
	}
	if len(r.Notes) > 0 {
		t.line(nil, "")
	}
	for _, n := range r.Notes {
		t.wrap(style.Faint, "note: "+n, 0, 2)
	}
	return t.out.Flush()
}

type text struct {
	out   *bufio.Writer
	style Style
}

func (t text) line(style func(...string) string, s string) {
	fmt.Fprintln(t.out, sheet.Paint(style, s))
}

func (t text) wrap(style func(...string) string, s string, indent, hang int) {
	for i, line := range sheet.Wrap(s, indent, hang) {
		t.line(style, strings.Repeat(" ", map[bool]int{true: indent, false: hang}[i == 0])+line)
	}
}

func (t text) queue(r Report, q QueueReport) {
	t.line(nil, "")
	lead, how := verdictOf(q)
	style := t.style.Of(how)
	if style == nil {
		style = t.style.Bold
	}
	t.wrap(style, lead, 0, 2)
	for _, s := range more(q) {
		t.wrap(nil, s, 0, 2)
	}
	if !q.empty() {
		t.total(q)
		t.rows(r, q)
	}
	t.deadlines(q)
	t.lost(q)
	t.changes(r, q)
}

// total are the figures of the whole span, two a line.
func (t text) total(q QueueReport) {
	t.line(nil, "")
	f := q.Total
	pair := func(name, value string) { fmt.Fprintf(t.out, "  %s%s\n", sheet.Pad(name, 22), value) }
	pair("wait", timesText(f.Wait))
	pair("handling", timesText(f.Handle))
	if f.First != nil {
		pair("first response", timesText(f.First))
	}
	pair("transferred", sheet.Number(float64(f.Transferred), 0))
	if f.Abandoned > 0 {
		pair("abandoned", sheet.Number(float64(f.Abandoned), 0))
	}
	if f.Missed > 0 {
		pair("alerts not taken", sheet.Number(float64(f.Missed), 0))
	}
	if f.Occupancy != nil {
		pair("occupancy", percentOf(f.Occupancy))
	}
	if f.Fairness != nil {
		pair("fairness", fairText(*f.Fairness))
	}
}

func timesText(x *Times) string {
	if x == nil {
		return undefined
	}
	return fmt.Sprintf("mean %s, p50 %s, p90 %s, of %s", sheet.Span(x.Mean), sheet.Span(x.P50), sheet.Span(x.P90), sheet.Number(float64(x.N), 0))
}

func fairText(f Fairness) string {
	per := map[string]string{"hour": "per hour on queue", "agent": "per agent"}[f.Per]
	return fmt.Sprintf("%s (Jain's index, %s, %s)", sheet.Number(f.Index, 3), per, phrase.Count(f.Agents, "agent"))
}

func (t text) rows(r Report, q QueueReport) {
	zone := zoneOf(r)
	var all []Figures
	names, first, partial := []string{}, lipgloss.Width(string(r.By)), false
	for _, row := range q.Rows {
		name := row.name()
		if form := map[By]string{ByDay: "Mon 2 Jan", ByHour: "2 Jan 15:04"}[r.By]; form != "" {
			name = strings.Replace(name, strings.TrimSuffix(name, "*"), row.From.In(zone).Format(form), 1)
		}
		all, names, partial = append(all, row.Figures), append(names, name), partial || row.Partial
		first = max(first, lipgloss.Width(name))
	}
	first = min(first, 20)
	columns := used(all, r.By, false)
	width := map[string]int{}
	for _, c := range columns {
		width[c.CSV] = lipgloss.Width(c.Head)
		for _, f := range all {
			width[c.CSV] = max(width[c.CSV], lipgloss.Width(c.of(f)))
		}
	}
	for _, drop := range []string{"", "handle_mean", "backlog_oldest", "answered", "wait_p90"} {
		columns = slices.DeleteFunc(columns, func(c figure) bool { return c.CSV == drop })
		sum := 2 + first
		for _, c := range columns {
			sum += 2 + width[c.CSV]
		}
		if sum <= sheet.Columns {
			break
		}
	}
	line := func(style func(...string) string, name string, cell func(figure) string) {
		parts := []string{"  " + sheet.Pad(sheet.Cut(name, first), first)}
		for _, c := range columns {
			parts = append(parts, left(cell(c), width[c.CSV]))
		}
		t.line(style, strings.Join(parts, "  "))
	}
	t.line(nil, "")
	line(t.style.Faint, string(r.By), func(c figure) string { return c.Head })
	for i, row := range q.Rows {
		line(nil, names[i], func(c figure) string { return c.of(row.Figures) })
	}
	if partial {
		t.line(t.style.Faint, "  * the report does not cover the whole of it")
	}
}

func left(s string, width int) string {
	return strings.Repeat(" ", max(0, width-lipgloss.Width(s))) + s
}

// name is the row's, with a star where it is partial.
func (r Row) name() string {
	name := sheet.Plain(r.Name)
	if r.Partial {
		name += "*"
	}
	return name
}

func (t text) deadlines(q QueueReport) {
	if len(q.Rules) == 0 {
		return
	}
	t.line(nil, "")
	t.line(t.style.Faint, "  by its deadline, of the email that came in")
	for _, l := range q.Rules {
		own := ""
		if !l.Own {
			own = " (the queue's)"
		}
		fmt.Fprintf(t.out, "  %s%s of %s within %s%s\n", sheet.Pad(sheet.Cut(l.name(q), 20), 22), percentOf(l.Percent), sheet.Number(l.Counted, 0), l.Deadline, own)
	}
}

// name is the rule's; where the queue has none it is of all email.
func (l RuleLevel) name(q QueueReport) string {
	if len(q.Rules) == 1 && l.Rule == routing.NoRule {
		return "all email"
	}
	return sheet.Plain(l.Rule)
}

func (t text) lost(q QueueReport) {
	if q.Lost.Emails == 0 {
		return
	}
	t.line(nil, "")
	t.line(t.style.Faint, "  where the service level went: time by which email was late")
	for _, c := range q.Lost.Causes {
		share := 100 * c.Seconds / q.Lost.Seconds
		fmt.Fprintf(t.out, "  %s%s  %s  %s %s\n", sheet.Pad(causeNames[c.Cause], 28), left(sheet.Span(c.Seconds), 8), left(sheet.Number(share, 1)+"%", 6),
			sheet.Pad(strings.Repeat("▇", int(math.Round(share/5))), 20), emails(c.Emails))
	}
}

func (t text) changes(r Report, q QueueReport) {
	for _, c := range tell(q.Changes) {
		t.line(nil, "")
		t.wrap(t.style.Bold, c.when(time.UTC, "2006-01-02 15:04 UTC")+"  "+c.title(r.Now), 2, 4)
		t.wrap(t.style.Of(c.tone()), c.words(r.Now), 4, 6)
		for _, m := range c[0].Measures {
			p := ""
			if m.P != nil {
				p = "p = " + pText(*m.P)
			}
			fmt.Fprintf(t.out, "    %s%s -> %s  %s\n", sheet.Pad(measureNames[m.Name], 28), left(unitText(m.Unit, *m.Before), 8), left(unitText(m.Unit, *m.After), 8), p)
		}
	}
}
