package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
)

//go:embed assets/page.html
var pageText string

//go:embed assets/page.css
var pageStyle string

var pageTemplate = sheet.Page(pageText, nil)

type webPage struct {
	Title, About string
	Queues       []webQueue
	Notes        []string
	Style        template.CSS
}

type webQueue struct {
	Name, Lead, Tone string
	More             []string
	Tiles            []webTile
	Plots            []webPlot
	Bars, Lost       *webBars
	Changes          []webChange
	Tables           []webTable
}

type webTile struct{ Name, Value, Also string }

// webPlot is a drawing of 100 by 100.
type webPlot struct {
	Title string
	Lines []webLine
	Goal  string
	X, Y  []webTick
}

type webLine struct {
	Name, Path string
	Dots       []webDot
}

type webDot struct {
	X, Y, Text string
	Partial    bool
}

type webTick struct{ At, Text string }

// webBars are rows with a length, in percent of the whole width.
type webBars struct {
	Title, Goal, Note string
	Rows              []webBar
}

type webBar struct{ Name, Width, Text, Also string }

type webChange struct {
	Title, Words, Tone, Note string
	Rows                     []webMeasure
}

type webMeasure struct{ Name, Before, After, P string }

type webTable struct {
	ID, Title, Note string
	Head            []string
	Rows            [][]string
	Long            bool // folded away
}

// HTML writes a report as a page that needs no other file, asks for none, and has
// no script.
func HTML(w io.Writer, r Report, title string) error {
	p := webPage{Title: title, About: about(r), Notes: r.Notes, Style: sheet.CSS(pageStyle)}
	for n, q := range r.Queues {
		p.Queues = append(p.Queues, web(r, q, n))
	}
	return pageTemplate.Execute(w, p)
}

func web(r Report, q QueueReport, n int) webQueue {
	lead, how := verdictOf(q)
	out := webQueue{Name: q.Queue.String(), Lead: lead, Tone: string(how), More: more(q), Lost: lostBars(q)}
	for _, t := range tell(q.Changes) {
		out.Changes = append(out.Changes, webOf(r, t))
	}
	if q.empty() {
		return out
	}
	out.Tiles = tiles(q)
	if r.By == ByDay || r.By == ByHour {
		out.Plots = plots(r, q)
	} else {
		out.Bars = levelBars(r, q)
	}
	out.Tables = tables(r, q, n)
	return out
}

func tiles(q QueueReport) []webTile {
	f := q.Total
	times := func(name string, x *Times) webTile {
		if x == nil {
			return webTile{name, undefined, ""}
		}
		return webTile{name, sheet.Span(x.Mean), "p50 " + sheet.Span(x.P50) + ", p90 " + sheet.Span(x.P90)}
	}
	var out []webTile
	add := func(name, value, also string) { out = append(out, webTile{name, value, also}) }
	add("offered", sheet.Number(float64(*f.Offered), 0), sheet.Number(float64(f.Answered), 0)+" answered")
	if f.Level != nil {
		target := ""
		if q.Target != nil {
			target = "target " + q.Target.String()
		}
		add("service level", percentOf(f.Level.Percent), target)
	}
	if f.Deadlines != nil {
		hours := "every hour counts"
		if q.Calendar != "" {
			hours = "in the hours of " + q.Calendar
		}
		add("by the deadlines", percentOf(f.Deadlines.Percent), hours)
	}
	out = append(out, times("mean wait", f.Wait), times("mean handling", f.Handle))
	if f.First != nil {
		out = append(out, times("mean first response", f.First))
	}
	oldest := ""
	if f.Backlog.Oldest != nil {
		oldest = "the oldest for " + sheet.Span(*f.Backlog.Oldest)
	}
	add("backlog at the end", sheet.Number(float64(f.Backlog.Waiting), 0), oldest)
	add("transferred", sheet.Number(float64(f.Transferred), 0), "")
	if f.Abandoned > 0 {
		add("abandoned", sheet.Number(float64(f.Abandoned), 0), "")
	}
	if f.Occupancy != nil {
		add("occupancy", percentOf(f.Occupancy), "")
	}
	if x := f.Fairness; x != nil {
		add("fairness", sheet.Number(x.Index, 3), "Jain's index, "+phrase.Count(x.Agents, "agent")+map[string]string{"hour": ", per hour on queue", "agent": ""}[x.Per])
	}
	return out
}

func coordinate(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }

// series is a line of a plot.
type series struct {
	name string
	of   func(Figures) *float64
}

func named(csv string) func(Figures) *float64 {
	for _, g := range figures {
		if g.CSV == csv {
			return g.value
		}
	}
	return nil
}

// mostDots is for how many rows each has a mark of its own.
const mostDots = 62

func plots(r Report, q QueueReport) []webPlot {
	percentText := func(v float64) string { return sheet.Number(v, 1) + "%" }
	countText := func(v float64) string { return sheet.Number(v, 0) }
	var out []webPlot
	level := plot(r, q, "Service level", func(float64) string { return "" }, 100, series{"as the platform counts it", named("service_level")}, series{"by the deadlines", named("deadline_level")})
	level.Y = nil
	for v := 0; v <= 100; v += 25 {
		level.Y = append(level.Y, webTick{strconv.Itoa(100 - v), strconv.Itoa(v) + "%"})
	}
	level.text(q, percentText)
	if q.Target != nil {
		level.Goal = coordinate(100 - q.Target.Percent)
	}
	out = append(out, level)
	volume := plot(r, q, "Email", countText, 0, series{"offered", named("offered")}, series{"answered", named("answered")})
	wait := plot(r, q, "Wait of what left the queue", sheet.Span, 0, series{"mean", named("wait_mean")}, series{"p90", named("wait_p90")})
	backlog := plot(r, q, "Backlog at the end of the "+string(r.By), countText, 0, series{"emails that wait", named("backlog")})
	oldest := plot(r, q, "Age of the oldest in the backlog", sheet.Span, 0, series{"oldest", named("backlog_oldest")})
	out = append(out, volume, wait, backlog, oldest)
	return slices.DeleteFunc(out, func(p webPlot) bool { // of what there is nothing of
		return !slices.ContainsFunc(p.Lines, func(l webLine) bool { return l.Path != "" })
	})
}

// text gives the dots of a line other words for their values.
func (p *webPlot) text(q QueueReport, of func(float64) string) {
	reads := []func(Figures) *float64{named("service_level"), named("deadline_level")}
	for k := range p.Lines {
		n := 0
		for _, row := range q.Rows {
			if v := reads[k](row.Figures); v != nil && n < len(p.Lines[k].Dots) {
				p.Lines[k].Dots[n].Text = row.name() + ": " + of(*v)
				n++
			}
		}
	}
}

// plot draws series over the rows, which are as wide as they are long, up to a
// top; 0: to the highest value.
func plot(r Report, q QueueReport, title string, text func(float64) string, top float64, lines ...series) webPlot {
	p := webPlot{Title: title}
	if top == 0 {
		for _, s := range lines {
			for _, row := range q.Rows {
				if v := s.of(row.Figures); v != nil {
					top = max(top, *v)
				}
			}
		}
		step := stepOf(top, strings.HasPrefix(text(3600), "1h"))
		top = max(step, math.Ceil(top/step-1e-9)*step)
		for v := 0.0; v <= top+step/2; v += step {
			p.Y = append(p.Y, webTick{coordinate(100 - 100*v/top), shortText(text(v))})
		}
	}
	if len(q.Rows) == 0 {
		return p
	}
	from, to := q.Rows[0].From, q.Rows[len(q.Rows)-1].To
	at := func(t time.Time) float64 { return 100 * float64(t.Sub(from)) / float64(to.Sub(from)) }
	for _, s := range lines {
		l := webLine{Name: s.name}
		path, drawn := &strings.Builder{}, false
		for _, row := range q.Rows {
			v := s.of(row.Figures)
			if v == nil {
				drawn = false
				continue
			}
			x, y := coordinate((at(row.From)+at(row.To))/2), coordinate(100-100*min(*v, top)/top)
			fmt.Fprintf(path, "%s%s %s", map[bool]string{true: "L", false: "M"}[drawn], x, y)
			drawn = true
			if len(q.Rows) <= mostDots {
				l.Dots = append(l.Dots, webDot{x, y, row.name() + ": " + text(*v), row.Partial})
			}
		}
		l.Path = path.String()
		p.Lines = append(p.Lines, l)
	}
	p.X = ticks(r, q, at)
	return p
}

// shortText is a time without what is zero at its end.
func shortText(s string) string {
	for _, zero := range []string{"00s", "00m", "00h"} {
		if t := strings.TrimSuffix(s, zero); t != "" {
			s = t
		}
	}
	return strings.TrimSuffix(s, ".0s")
}

// ticks names at most ten of the rows.
func ticks(r Report, q QueueReport, at func(time.Time) float64) []webTick {
	zone := zoneOf(r)
	const most = 10
	if r.By == ByDay {
		every := (len(q.Rows) + most - 1) / most
		var out []webTick
		for i := 0; i < len(q.Rows); i += every {
			row := q.Rows[i]
			out = append(out, webTick{coordinate((at(row.From) + at(row.To)) / 2), row.From.In(zone).Format(map[bool]string{true: "Mon 2 Jan", false: "2 Jan"}[len(q.Rows) <= most])})
		}
		return out
	}
	var out []webTick
	var days, whole []Row
	for _, row := range q.Rows {
		switch row.From.In(zone).Hour() {
		case 0:
			days = append(days, row)
			whole = append(whole, row)
		case 6, 12, 18:
			whole = append(whole, row)
		}
	}
	form := "2 Jan"
	if len(days) <= 2 {
		days, form = whole, "2 Jan 15:04"
	}
	if len(days) == 0 {
		days, form = q.Rows, "15:04"
	}
	every := max(1, (len(days)+most-1)/most)
	for i := 0; i < len(days); i += every {
		out = append(out, webTick{coordinate(at(days[i].From)), days[i].From.In(zone).Format(form)})
	}
	return out
}

// stepOf is the distance of at most five lines that people like to read.
func stepOf(top float64, seconds bool) float64 {
	if top <= 0 {
		return 1
	}
	if seconds {
		for _, s := range []float64{1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400} {
			if top/s <= 4 {
				return s
			}
		}
	}
	step := math.Pow(10, math.Floor(math.Log10(top)))
	for _, s := range []float64{0.25, 0.5, 1} {
		if top/(s*step) <= 4 && s*step >= 1 {
			return s * step
		}
	}
	return max(1, step*2.5)
}

// levelBars are the service levels of rules or agents.
func levelBars(r Report, q QueueReport) *webBars {
	b := &webBars{Title: "Service level by " + string(r.By)}
	read, what := named("service_level"), "as the platform counts it"
	if q.Total.Level == nil {
		read, what = named("deadline_level"), "by the deadlines"
	}
	if q.Target != nil {
		b.Goal = coordinate(q.Target.Percent)
		what += "; the dashed line is the target of the queue"
	}
	b.Note = "The service level " + what + "."
	for _, row := range q.Rows {
		x := webBar{Name: row.name(), Width: "0", Text: undefined, Also: sheet.Number(float64(row.Answered), 0) + " answered"}
		if v := read(row.Figures); v != nil {
			x.Width, x.Text = coordinate(*v), sheet.Number(*v, 1)+"%"
		}
		b.Rows = append(b.Rows, x)
	}
	return b
}

func lostBars(q QueueReport) *webBars {
	if q.Lost.Emails == 0 {
		return nil
	}
	b := &webBars{
		Title: "Where the service level went",
		Note: fmt.Sprintf("%s waited for longer than the deadline since they first came in, on the clock on the wall, by %s in all. The time beyond the deadline is split as the whole wait is.",
			emails(q.Lost.Emails), sheet.Span(q.Lost.Seconds)),
	}
	for _, c := range q.Lost.Causes {
		share := 100 * c.Seconds / q.Lost.Seconds
		b.Rows = append(b.Rows, webBar{causeNames[c.Cause], coordinate(share), sheet.Span(c.Seconds), sheet.Number(share, 1) + "%, " + emails(c.Emails)})
	}
	return b
}

func webOf(r Report, t told) webChange {
	zone, c := zoneOf(r), t[0]
	out := webChange{Title: t.when(zone, "Mon 2006-01-02 15:04 MST") + ", " + t.title(r.Now), Words: t.words(r.Now), Tone: string(t.tone())}
	if c.Weeks > 0 {
		day := func(t time.Time) string { return t.In(zone).Format("2 Jan") }
		out.Note = fmt.Sprintf("Run %s. Before: %s to %s; after: %s to %s.", c.ID, day(c.Before.From), day(c.Before.To.Add(-1)), day(c.After.From), day(c.After.To.Add(-1)))
	}
	for _, m := range c.Measures {
		p := undefined
		if m.P != nil {
			p = pText(*m.P)
		}
		out.Rows = append(out.Rows, webMeasure{measureNames[m.Name], unitText(m.Unit, *m.Before), unitText(m.Unit, *m.After), p})
	}
	return out
}

func tables(r Report, q QueueReport, n int) []webTable {
	var all []Figures
	partial := false
	for _, row := range q.Rows {
		all = append(all, row.Figures)
		partial = partial || row.Partial
	}
	t := webTable{ID: fmt.Sprintf("t-%d", n), Title: "All figures by " + string(r.By), Head: []string{string(r.By)}}
	columns := used(all, r.By, true)
	for _, c := range columns {
		head := c.Name
		if c.Unit == "%" {
			head += ", %"
		}
		t.Head = append(t.Head, head)
	}
	for _, row := range q.Rows {
		cells := []string{row.name()}
		for _, c := range columns {
			cells = append(cells, c.of(row.Figures))
		}
		t.Rows = append(t.Rows, cells)
	}
	if partial {
		t.Note = "* the report does not cover the whole of it."
	}
	t.Long = len(t.Rows) > mostDots
	out := []webTable{t}
	if len(q.Rules) > 0 {
		d := webTable{Title: "By its deadline, of the email that came in", Head: []string{"rule", "deadline", "offered", "counted", "by then"}}
		for _, l := range q.Rules {
			own := l.Deadline.String()
			if !l.Own {
				own += " (the queue's)"
			}
			d.Rows = append(d.Rows, []string{l.name(q), own, sheet.Number(float64(l.Offered), 0), sheet.Number(l.Counted, 0), percentOf(l.Percent)})
		}
		d.ID = fmt.Sprintf("d-%d", n)
		out = append(out, d)
	}
	return out
}
