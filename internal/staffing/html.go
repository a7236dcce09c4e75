package staffing

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

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

//go:embed assets/page.html
var pageText string

//go:embed assets/page.css
var pageStyle string

var pageTemplate = sheet.Page(pageText, template.FuncMap{"short": short, "place": place})

// webPage is what the page is made of.
type webPage struct {
	Title, Verdict, Tone string
	About                [2]string
	Said                 []said
	Waivers              []string
	Maps                 []webMap
	Key                  key
	Unknown              string // why there is no balance
	Balance              *coverage.Balance
	Clears               string // its tone
	Plots                []plot
	Evenings, Hours      []evening
	Style                template.CSS
}

// key is what the legend of the maps names.
type key struct {
	Levels                []string
	Closed, Unknown, More bool
	Missing               string // why there may be more
}

// webMap is one map as rows of quarter hours, and its figures as a table.
type webMap struct {
	Title, About string
	Days         []webDay
	Figures      []figures
	Slots, Open  bool // of the figures
}

type webDay struct {
	Name, Month, Note string
	Cells             []webCell
}

// webCell is one quarter of an hour. Where a row of the same begins it has the
// number, centred over as many cells as Wide says.
type webCell struct {
	Class, Title, Number string
	Wide                 int
	Tight                bool // no room for the number on a small screen
}

// figures are equal quarter hours that follow each other.
type figures struct {
	Day, From, To       string
	Closed              bool
	Agents, Slots, More int
}

// HTML writes a report as a page that needs no other file, asks for none, and
// has no script.
func HTML(w io.Writer, r coverage.Report, title string) error {
	p := webPage{
		Title: title, Verdict: Verdict(r), About: about(r), Said: tell(r, false), Waivers: r.Waivers,
		Tone: map[routing.Severity]string{routing.SeverityError: "bad", routing.SeverityWarning: "unsure", routing.SeverityNote: "good"}[worst(r)],
		Key:  key{Closed: r.Open != nil, Missing: r.Missing()}, Unknown: demandUnknown(r), Balance: r.Balance, Style: sheet.CSS(pageStyle),
	}
	for n := range levels {
		p.Key.Levels = append(p.Key.Levels, levelName(n))
	}
	for _, c := range charts(r) {
		p.Maps = append(p.Maps, p.draw(r, c))
	}
	if r.Balance != nil {
		if is := r.Balance.Clears; is != nil {
			p.Clears = map[bool]string{true: "good", false: "bad"}[*is]
		}
		p.Plots, p.Evenings, p.Hours = plots(r), evenings(r), hourly(r)
	}
	return pageTemplate.Execute(w, p)
}

func (p *webPage) draw(r coverage.Report, c chart) webMap {
	m := webMap{Title: c.Title(), About: c.About(r), Figures: tabulate(r, c.Rule), Slots: len(c.Slots) > 0, Open: r.Open != nil}
	for _, d := range days(r) {
		row := webDay{Name: d.date.Format("Mon 2"), Month: d.date.Format("Jan"), Note: d.Note}
		begins, before := 0, mark{}
		for slot, cells := range d.Cells {
			now := markOf(r, c.Rule, cells)
			p.Key.Unknown = p.Key.Unknown || now.kind == unknown
			p.Key.More = p.Key.More || now.kind == known && now.more
			cell := webCell{Class: class(now)}
			if now.kind != outside {
				cell.Title = clock(slot) + " " + spell(r, c.Rule, cells)
			}
			if slot == 0 || now.kind != before.kind || now.agents != before.agents {
				begins, before = slot, now
			}
			row.Cells = append(row.Cells, cell)
			first := &row.Cells[begins]
			first.Wide = slot - begins + 1
			number := numberOf(now)
			if first.Wide > len(number) { // else it runs into its neighbours
				first.Number, first.Tight = number, first.Wide < 4*len(number)
			}
		}
		m.Days = append(m.Days, row)
	}
	return m
}

// numberOf is what is written over cells.
func numberOf(m mark) string {
	switch m.kind {
	case unknown:
		return "?"
	case known:
		return strconv.Itoa(m.agents)
	case outside, closed:
	}
	return ""
}

func class(m mark) string {
	switch m.kind {
	case outside:
		return "o"
	case closed:
		return "c"
	case unknown:
		return "u"
	case known:
	}
	text := "l" + strconv.Itoa(level(m.agents))
	if m.more {
		text += " m"
	}
	return text
}

// spell puts the cells of a quarter hour into words, each where there are two.
func spell(r coverage.Report, rule coverage.Rule, cells []int) string {
	var words []string
	for _, cell := range cells {
		text := count(rule.Agents[cell], "agent")
		if rule.Agents[cell] > 0 && len(rule.Slots) > 0 {
			text += ", " + count(rule.Slots[cell], "slot")
		}
		if n := rule.Unknown[cell]; n > 0 {
			text += fmt.Sprintf(", and %s may be: %s", r.Perhaps(n), r.Missing())
		}
		if r.Open != nil && !r.Open[cell] {
			text = "closed; " + text
		}
		words = append(words, text)
	}
	return strings.Join(words, ", then again ")
}

// tabulate are the figures of a map as a table: equal cells of a day are one
// row. Where the clock is turned a row ends.
func tabulate(r coverage.Report, rule coverage.Rule) []figures {
	var out []figures
	of := func(cell int) figures {
		f := figures{Day: at(r, cell).Format("Mon 2 Jan"), Closed: r.Open != nil && !r.Open[cell], Agents: rule.Agents[cell], More: rule.Unknown[cell]}
		if len(rule.Slots) > 0 {
			f.Slots = rule.Slots[cell]
		}
		return f
	}
	offset := func(cell int) int { _, ahead := at(r, cell).Zone(); return ahead }
	for begin := 0; begin < coverage.Cells; {
		f, end := of(begin), begin+1
		for end < coverage.Cells && of(end) == f && offset(end) == offset(begin) {
			end++
		}
		f.From, f.To = at(r, begin).Format("15:04"), at(r, begin).Add(time.Duration(end-begin)*coverage.Cell).In(time.FixedZone("", offset(begin))).Format("15:04")
		if f.To == "00:00" {
			f.To = "24:00"
		}
		out = append(out, f)
		begin = end
	}
	return out
}

// hourly is the balance of each hour.
func hourly(r coverage.Report) []evening {
	var out []evening
	for begin := 0; begin < coverage.Cells; {
		var offered, capacity float64
		first, end := at(r, begin), begin
		for ; end < coverage.Cells && (end == begin || at(r, end).Minute() != 0); end++ {
			offered += r.Balance.Offered[end]
			capacity += r.Balance.Capacity[end]
		}
		out = append(out, evening{first.Format("Mon 2 Jan 15:04"), emails(offered), emails(capacity), emails(r.Balance.Backlog[end-1])})
		begin = end
	}
	return out
}

// plot is a drawing over the span, 672 wide and 100 high.
type plot struct {
	Title, Note string
	Areas       []string // paths, the first filled
	Names       []string // of the areas
	Closed      []bar
	Ticks       []tick // of height
	Days        []tick
}

type bar struct{ From, Wide int }

// tick is a line across, At percent of the length; More of its text is for large
// screens.
type tick struct{ At, Text, More string }

func plots(r coverage.Report) []plot {
	b := r.Balance
	hour := float64(time.Hour / coverage.Cell)
	rates := plot{Title: "Emails an hour", Note: "Capacity is what all members on queue can handle, whichever rules they can serve.", Names: []string{"capacity", "expected"}}
	rates.scale(hour, b.Capacity, b.Offered)
	waits := plot{Title: "Backlog, at least", Note: "What must be left at the least, whatever the platform hands to whom.", Names: []string{"backlog"}}
	waits.scale(1, b.Backlog)
	out := []plot{rates, waits}
	for i := range out {
		out[i].Closed, out[i].Days = shut(r), midnights(r)
	}
	return out
}

// scale draws series to a common height.
func (p *plot) scale(by float64, series ...[]float64) {
	top := 0.0
	for _, s := range series {
		top = max(top, slices.Max(s)*by)
	}
	step := stepOf(top)
	top = max(step, math.Ceil(top/step-1e-9)*step)
	for v := 0.0; v <= top+step/2; v += step {
		p.Ticks = append(p.Ticks, tick{strconv.FormatFloat(100-100*v/top, 'f', 1, 64), emails(v), ""})
	}
	for _, s := range series {
		p.Areas = append(p.Areas, path(s, by/top))
	}
}

// stepOf is the distance of at most four lines that people like to read.
func stepOf(top float64) float64 {
	if top <= 0 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(top)))
	for _, s := range []float64{0.25, 0.5, 1} {
		if top/(s*step) <= 4 {
			return s * step
		}
	}
	return step * 2.5
}

// path is a series as steps.
func path(points []float64, by float64) string {
	y := func(x float64) string { return strconv.FormatFloat(100-100*x*by, 'f', 1, 64) }
	b, last := &strings.Builder{}, y(points[0])
	fmt.Fprintf(b, "M0 %s", last)
	for i, x := range points {
		if now := y(x); now != last {
			fmt.Fprintf(b, "H%dV%s", i, now)
			last = now
		}
	}
	fmt.Fprintf(b, "H%d", len(points))
	return b.String()
}

// shut are the times that the calendar does not count.
func shut(r coverage.Report) []bar {
	var out []bar
	for cell, open := range r.Open {
		switch n := len(out) - 1; {
		case open:
		case n >= 0 && out[n].From+out[n].Wide == cell:
			out[n].Wide++
		default:
			out = append(out, bar{cell, 1})
		}
	}
	return out
}

// midnights are the days of a plot, each where it begins; a short one at an end
// has no room for its name.
func midnights(r coverage.Report) []tick {
	var out []tick
	const room = coverage.Cells / 14
	for _, d := range days(r) {
		first, last := d.ends()
		t := tick{At: strconv.FormatFloat(100*float64(first)/coverage.Cells, 'f', 2, 64)}
		if last-first >= room {
			t.Text, t.More = d.date.Format("Mon"), d.date.Format(" 2")
		}
		out = append(out, t)
	}
	return out
}
