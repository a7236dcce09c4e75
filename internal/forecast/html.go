package forecast

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/simulate"
)

//go:embed assets/uPlot.iife.min.js
var plotScript string

// The licence of uPlot asks to be in every copy, and each page is one.
//
//go:embed assets/LICENSE
var plotLicence string

//go:embed assets/uPlot.min.css
var plotStyle string

//go:embed assets/page.html
var pageText string

//go:embed assets/page.css
var pageStyle string

//go:embed assets/page.js
var pageScript string

var pageTemplate = sheet.Page(pageText, nil)

// webPage is what the page is made of.
type webPage struct {
	content
	Lead       sentence
	More       []sentence
	DotPlots   []dotPlot
	Columns    []column
	TimeTables []table
	Data       plotData
	// The texts that are code: ours and uPlot's, never of the input.
	PlotStyle, PageStyle   template.CSS
	PlotScript, PageScript template.JS
}

// plotData is what the script draws.
type plotData struct {
	Times []int64    `json:"times"` // Unix seconds
	Zones [][2]int64 `json:"zones"` // from when, in Unix seconds, local time is how many seconds ahead
	Plots []plotJSON `json:"plots"`
	// Shades are from when to when, in Unix seconds, something is shaded.
	Shades [][2]int64 `json:"shades,omitempty"`
}

type plotJSON struct {
	ID    string     `json:"id"`
	Title string     `json:"title"`
	Unit  Unit       `json:"unit"`
	Lines []lineJSON `json:"lines"`
}

type lineJSON struct {
	Name string   `json:"name"`
	Show bool     `json:"show"`
	Mean []jsonNo `json:"mean"`
	Low  []jsonNo `json:"low"`
	High []jsonNo `json:"high"`
}

// jsonNo is a number to draw: six digits are more than a screen shows.
type jsonNo float64

// MarshalJSON writes null for what is undefined.
func (n jsonNo) MarshalJSON() ([]byte, error) {
	if !defined(float64(n)) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', 6, 64), nil
}

// dotPlot is dots, placed on their axis in percent of its length.
type dotPlot struct {
	dots
	TargetX, TargetText string // empty: none
	Ticks               []tick
	Placed              []placedRow
}

type tick struct{ X, Text string }

type placedRow struct {
	Name   string
	All    bool
	Points []placed
}

// placed is one figure; X is empty where it is undefined.
type placed struct {
	Mark         int
	Name         string
	X, Low, High string
	Y            string
	cell
}

// column is one bar of a histogram.
type column struct {
	From, To, Count int
	Height          string
}

func writeHTML(w io.Writer, c content) error {
	p := webPage{
		content:   c,
		PlotStyle: template.CSS(plotStyle), PageStyle: sheet.CSS(pageStyle), //nolint:gosec // our own
		PlotScript: template.JS("/*!\n" + plotLicence + "*/\n" + plotScript), PageScript: template.JS(pageScript), //nolint:gosec // our own
	}
	if len(c.Verdict) > 0 {
		p.Lead, p.More = lead(c.Verdict)
	}
	p.Data = plotData{Times: []int64{}, Zones: zones(c), Plots: []plotJSON{}}
	for _, t := range c.times {
		p.Data.Times = append(p.Data.Times, t.Unix())
	}
	for _, s := range c.shades {
		p.Data.Shades = append(p.Data.Shades, [2]int64{s.From.Unix(), s.To.Unix()})
	}
	for _, x := range c.Curves {
		plot := plotJSON{ID: x.ID, Title: x.Title, Unit: x.Unit}
		for _, l := range x.Lines {
			plot.Lines = append(plot.Lines, lineJSON{l.Name, l.Show, fit(l.Series.Mean, len(c.times)), fit(l.Series.Low, len(c.times)), fit(l.Series.High, len(c.times))})
		}
		p.Data.Plots = append(p.Data.Plots, plot)
		p.TimeTables = append(p.TimeTables, timeTable(c, x))
	}
	for _, d := range c.Dots {
		p.DotPlots = append(p.DotPlots, place(d))
	}
	if c.Bins != nil {
		p.Columns = columnsOf(c.Bins)
	}
	return pageTemplate.Execute(w, p)
}

// lead is the sentence to show large: the first that judges, else the first.
func lead(said []sentence) (sentence, []sentence) {
	for i, s := range said {
		if s.Tone == bad || s.Tone == good || i == len(said)-1 || strings.HasPrefix(s.Text, "In time") || strings.HasPrefix(s.Text, "No ") {
			return s, append(append([]sentence{}, said[:i]...), said[i+1:]...)
		}
	}
	return said[0], said[1:]
}

// fit makes a series as long as there are times.
func fit(points []float64, n int) []jsonNo {
	out := make([]jsonNo, n)
	for i := range out {
		out[i] = jsonNo(math.NaN())
		if i < len(points) {
			out[i] = jsonNo(points[i])
		}
	}
	return out
}

// zones lists how far local time is ahead, from the start on: a page is read
// anywhere, and its times are those of the scenario.
func zones(c content) [][2]int64 {
	_, ahead := c.start.Zone()
	out := [][2]int64{{c.start.Unix(), int64(ahead)}}
	for _, t := range c.times {
		_, now := t.In(c.start.Location()).Zone()
		if int64(now) != out[len(out)-1][1] {
			from := t
			if begins, _ := t.In(c.start.Location()).ZoneBounds(); !begins.IsZero() {
				from = begins
			}
			out = append(out, [2]int64{from.Unix(), int64(now)})
		}
	}
	return out
}

func timeTable(c content, x curves) table {
	t := table{Title: x.Title, Head: []string{"time"}}
	for _, l := range x.Lines {
		t.Head = append(t.Head, l.Name)
	}
	for i, at := range c.times {
		r := row{Name: c.at(at)}
		for _, l := range x.Lines {
			r.Cells = append(r.Cells, pointCell(x.Unit, l.Series, i))
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

func pointCell(u Unit, s simulate.Series, i int) cell {
	if i >= len(s.Mean) {
		return cell{Mean: undefined}
	}
	e := simulate.Estimate{Mean: s.Mean[i], Low: math.NaN(), High: math.NaN(), N: 2}
	if i < len(s.Low) && i < len(s.High) {
		e.Low, e.High = s.Low[i], s.High[i]
	}
	return estimate(u, e)
}

// place finds the axis of a dot plot and the places on it.
func place(d dots) dotPlot {
	low, high := d.Low, d.High
	widen := func(x float64) {
		if defined(x) {
			low, high = fmin(low, x), fmax(high, x)
		}
	}
	widen(d.Target)
	for _, r := range d.Rows {
		for _, e := range r.Estimates {
			if known(e) {
				widen(e.Mean)
			}
			if bounded(e) {
				widen(e.Low)
				widen(e.High)
			}
		}
	}
	if !defined(low) {
		low = 0
	}
	if !defined(high) || high <= low {
		high = low + 1
	}
	step := stepOf(d.Unit, high-low)
	low, high = math.Floor(low/step+1e-9)*step, math.Ceil(high/step-1e-9)*step
	x := func(v float64) string { return strconv.FormatFloat(100*(v-low)/(high-low), 'f', 2, 64) }
	p := dotPlot{dots: d}
	for v := low; v <= high+step/2; v += step {
		text := strings.TrimSuffix(d.Unit.bare(v), ".0")
		if d.Unit == Seconds {
			text = short(time.Duration(v * float64(time.Second)))
		}
		p.Ticks = append(p.Ticks, tick{x(v), text})
	}
	if defined(d.Target) {
		p.TargetX, p.TargetText = x(d.Target), fmt.Sprintf("target %g%%", d.Target)
	}
	for _, r := range d.Rows {
		out := placedRow{Name: r.Name, All: r.Name == all}
		for i, e := range r.Estimates {
			pt := placed{Mark: i, Name: d.Marks[i], cell: estimate(d.Unit, e)}
			// Marks of one row stand a little apart, or one would hide the other.
			pt.Y = strconv.Itoa(50 + 16*(2*i-len(r.Estimates)+1))
			if known(e) {
				pt.X = x(e.Mean)
				if bounded(e) {
					pt.Low, pt.High = x(e.Low), x(e.High)
				}
			}
			out.Points = append(out.Points, pt)
		}
		p.Placed = append(p.Placed, out)
	}
	return p
}

func fmin(a, b float64) float64 {
	if !defined(a) {
		return b
	}
	return math.Min(a, b)
}

func fmax(a, b float64) float64 {
	if !defined(a) {
		return b
	}
	return math.Max(a, b)
}

// stepOf is the distance of at most five ticks that people like to read.
func stepOf(u Unit, width float64) float64 {
	if u == Seconds {
		for _, s := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 5 * 86400, 10 * 86400} {
			if width/s <= 5 {
				return s
			}
		}
	}
	step := math.Pow(10, math.Floor(math.Log10(width)))
	for _, s := range []float64{0.1, 0.2, 0.5, 1, 2} {
		if width/(s*step) <= 5 {
			return s * step
		}
	}
	return step * 2
}

func columnsOf(b *bins) []column {
	top := 1
	for _, n := range b.Count {
		top = max(top, n)
	}
	out := make([]column, len(b.Count))
	for i, n := range b.Count {
		out[i] = column{From: 5 * i, To: 5*i + 5, Count: n, Height: strconv.FormatFloat(100*float64(n)/float64(top), 'f', 1, 64)}
	}
	return out
}
