package forecast_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
)

// est is an estimate of 100 replications.
func est(mean, half float64) simulate.Estimate {
	return simulate.Estimate{Mean: mean, Low: mean - half, High: mean + half, N: 100}
}

// percent is est, kept within 0 and 100 as the engine does.
func percent(mean, half float64) simulate.Estimate {
	e := est(mean, half)
	e.Low, e.High = max(0, e.Low), min(100, e.High)
	return e
}

var none = simulate.Estimate{Mean: math.NaN(), Low: math.NaN(), High: math.NaN()}

func figures(rule string, offered, level, wait float64) simulate.Figures {
	return simulate.Figures{
		Rule: rule, Offered: est(offered, offered/60), Answered: est(offered*0.995, offered/60), Abandoned: est(0, 0), Waiting: est(offered*0.005, offered/900), Overdue: est(0, 0),
		ServiceLevel: percent(level, 1.1), DeadlineLevel: none,
		Wait:   simulate.Waits{Mean: est(wait, wait/12), P50: est(wait*0.7, wait/15), P90: est(wait*2.1, wait/7), P99: est(wait*3.4, wait/4), Max: est(wait*5, wait)},
		Handle: est(412, 9),
	}
}

func series(rule string, n int, top float64) simulate.Series {
	s := simulate.Series{Rule: rule}
	for i := range n {
		x := top * math.Pow(math.Sin(math.Pi*float64(i)/float64(n-1)), 2)
		s.Mean, s.Low, s.High = append(s.Mean, x), append(s.Low, x*0.9), append(s.High, x*1.1)
	}
	return s
}

// result is a day in Berlin of the rules named, with a number of agents and of
// points of time.
func result(agents, points int, rules ...string) simulate.Result {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	r := simulate.Result{
		Start: time.Date(2026, 11, 23, 9, 0, 0, 0, berlin), Horizon: 10 * time.Hour, Seed: 7, Replications: 100, Asked: 100, Emails: 240123,
		All: figures("", 2401, 92.1, 840), Occupancy: est(81.2, 0.8), Slots: est(64.9, 1.2), Fairness: est(0.982, 0.004),
		Clears: est(8.75, 0.25), Growth: est(-1.2, 3.4), Load: est(83.5, 0.5),
		Backlog: []simulate.Series{series("", points, 312)}, Oldest: []simulate.Series{series("", points, 5400)},
	}
	for i := range points {
		r.Times = append(r.Times, r.Start.Add(time.Duration(i)*r.Horizon/time.Duration(points-1)))
	}
	for i, rule := range rules {
		part := 1 / float64(len(rules))
		r.Rules = append(r.Rules, figures(rule, 2401*part, 99.4-5*float64(i%5), 120+240*float64(i)))
		r.Backlog = append(r.Backlog, series(rule, points, 312*part*(1+float64(i)/4)))
		r.Oldest = append(r.Oldest, series(rule, points, 900*float64(i+1)))
	}
	for i := range agents {
		r.Agents = append(r.Agents, simulate.AgentFigures{
			Agent: fmt.Sprintf("Agent %03d", i+1), Answered: est(40+float64(i%7), 1.5), Occupancy: percent(98-math.Mod(float64(i)*7.3, 41), 2),
		})
	}
	return r
}

// day is the forecast that the golden files show first.
func day() simulate.Result {
	r := result(12, 13, "vip", "standard", "returns")
	r.Rules[0].DeadlineLevel, r.All.DeadlineLevel = percent(99.6, 0.6), percent(99.6, 0.6)
	r.Rules[1].Abandoned, r.All.Abandoned = est(12.3, 1.1), est(12.3, 1.1)
	return r
}

func page() forecast.Page {
	return forecast.Page{
		Strategy: "support", File: "support.yaml", Scenario: "monday.yaml",
		Target:    &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)},
		Deadlines: map[string]time.Duration{"vip": 8 * time.Hour},
		Notes:     []string{"Patience is not set: nobody gives up waiting."},
		Exact: []simulate.Exact{{Formula: "Erlang C", Rows: []simulate.ExactRow{
			{What: "mean wait", Value: 14.2, Simulated: est(14.1, 0.3), Unit: simulate.Seconds},
			{What: "waits at all", Value: 41.7, Simulated: est(40.2, 0.9), Unit: simulate.Percent},
			{What: "p99", Value: math.NaN(), Simulated: none, Unit: simulate.Seconds},
		}}},
	}
}

// alone takes away what one replication cannot give.
func alone(r simulate.Result) simulate.Result {
	r.Replications, r.Asked = 1, 1
	one := func(es ...*simulate.Estimate) {
		for _, e := range es {
			if e.N > 0 {
				*e = simulate.Estimate{Mean: e.Mean, Low: math.NaN(), High: math.NaN(), N: 1}
			}
		}
	}
	lone := func(f *simulate.Figures) {
		one(&f.Offered, &f.Answered, &f.Abandoned, &f.Waiting, &f.Overdue, &f.ServiceLevel, &f.DeadlineLevel, &f.Wait.Mean, &f.Wait.P50, &f.Wait.P90, &f.Wait.P99, &f.Wait.Max, &f.Handle)
	}
	one(&r.Occupancy, &r.Slots, &r.Fairness, &r.Clears, &r.Growth, &r.Load)
	lone(&r.All)
	for i := range r.Rules {
		lone(&r.Rules[i])
	}
	for i := range r.Agents {
		one(&r.Agents[i].Answered, &r.Agents[i].Occupancy)
	}
	for _, all := range [][]simulate.Series{r.Backlog, r.Oldest} {
		for i := range all {
			for n := range all[i].Low {
				all[i].Low[n], all[i].High[n] = math.NaN(), math.NaN()
			}
		}
	}
	return r
}

func nobody() simulate.Result {
	r := result(2, 5, "standard")
	for _, f := range []*simulate.Figures{&r.All, &r.Rules[0]} {
		f.Answered, f.Waiting = est(0, 0), f.Offered
		f.ServiceLevel, f.Handle = none, none
		f.Wait = simulate.Waits{Mean: none, P50: none, P90: none, P99: none, Max: none}
	}
	r.Occupancy, r.Slots, r.Fairness, r.Clears, r.Load = none, none, none, none, none
	for i := range r.Agents {
		r.Agents[i].Answered, r.Agents[i].Occupancy = est(0, 0), none
	}
	return r
}

func unstable() simulate.Result {
	r := result(60, 13, "vip", "standard")
	r.Unstable, r.Growth, r.Load, r.Clears = true, est(41, 4), est(131, 2), none
	r.All.ServiceLevel, r.All.Waiting = percent(31.2, 2), est(410, 22)
	return r
}

func minus(b, a simulate.Figures, points, wait float64) simulate.Figures {
	d := simulate.Figures{
		Rule: a.Rule, Offered: est(0, 0), Answered: est(3, 1), Abandoned: est(0, 0), Waiting: est(b.Waiting.Mean-a.Waiting.Mean, 3),
		ServiceLevel: est(points, 0.9), DeadlineLevel: none, Handle: est(0, 2),
		Wait: simulate.Waits{Mean: est(wait, 41), P50: est(wait/2, 20), P90: est(wait*2, 90), P99: est(wait*3, 200), Max: est(wait*4, 600)},
	}
	return d
}

func comparison() simulate.Comparison {
	c := simulate.Comparison{A: day(), B: result(12, 13, "vip", "standard", "returns")}
	c.B.All.ServiceLevel, c.B.All.Wait.Mean = percent(95.2, 0.8), est(588, 50)
	c.All = minus(c.B.All, c.A.All, 3.1, -252)
	c.Rules = []simulate.Figures{minus(c.B.Rules[0], c.A.Rules[0], -1.4, 61), minus(c.B.Rules[1], c.A.Rules[1], 4.2, -300), minus(c.B.Rules[2], c.A.Rules[2], 0.2, -12)}
	c.Occupancy, c.Fairness = est(0.1, 0.4), est(-0.021, 0.006)
	for i, s := range c.A.Backlog {
		d := simulate.Series{Rule: s.Rule}
		for n := range s.Mean {
			x := -s.Mean[n] / 4
			c.B.Backlog[i].Mean[n], c.B.Backlog[i].Low[n], c.B.Backlog[i].High[n] = s.Mean[n]+x, (s.Mean[n]+x)*0.9, (s.Mean[n]+x)*1.1
			d.Mean, d.Low, d.High = append(d.Mean, x), append(d.Low, x-12), append(d.High, x+12)
		}
		c.Backlog = append(c.Backlog, d)
	}
	return c
}

// assets are the parts of the page that are the same in every page.
var assets = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>`)

func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	partial := day()
	partial.Partial, partial.Replications = true, 37
	bare := page()
	bare.Exact, bare.Notes, bare.Deadlines = nil, nil, nil
	cases := map[string]struct {
		page   forecast.Page
		result simulate.Result
	}{
		"day":      {page(), day()},
		"partial":  {bare, partial},
		"unstable": {bare, unstable()},
		"nobody":   {bare, nobody()},
		"one":      {bare, alone(day())},
		"none":     {bare, simulate.Result{Start: day().Start, Horizon: time.Hour, Asked: 100, Partial: true}},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".txt", func(w io.Writer) error { return forecast.Text(w, tt.page, tt.result, forecast.Style{}) })
			golden(t, name+".csv", func(w io.Writer) error { return forecast.CSV(w, tt.page, tt.result) })
			golden(t, name+".html", func(w io.Writer) error { return forecast.HTML(w, tt.page, tt.result) })
		})
	}
	t.Run("comparison", func(t *testing.T) {
		t.Parallel()
		p, c := bare, comparison()
		p.Other, p.OtherFile = "fast lane", "fast.yaml"
		golden(t, "comparison.txt", func(w io.Writer) error { return forecast.TextComparison(w, p, c, forecast.Style{}) })
		golden(t, "comparison.csv", func(w io.Writer) error { return forecast.CSVComparison(w, p, c) })
		golden(t, "comparison.html", func(w io.Writer) error { return forecast.HTMLComparison(w, p, c) })
	})
}

// course is a day with a surge, with and without an override.
func course() forecast.Course {
	start := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	c := forecast.Course{
		Title: "Support Email", Good: true, Said: []string{"In time: 98.0% with adjust, 61.0% without", "10:00 it begins"}, About: []string{"Strategy support"}, Shaded: "Overrides", Foot: "Made by a test.",
		Tiles:  []forecast.Tile{{Name: "In time", Value: "98.0%", Also: "without adjust: 61.0%"}},
		Shades: []forecast.Shade{{Name: "surge", What: "13 runs", From: start.Add(time.Hour), To: start.Add(2 * time.Hour)}},
	}
	for i := range 4 {
		c.Times = append(c.Times, start.Add(time.Duration(i)*time.Hour))
	}
	for _, id := range []string{"waiting", "level"} {
		c.Plots = append(c.Plots, forecast.Plot{ID: id, Title: "Figures of " + id, Unit: forecast.Percent, Note: "Shaded: an override holds.", Lines: []forecast.Line{
			{Name: "on", Points: []float64{math.NaN(), 90, 95, 98}}, {Name: "off", Points: []float64{math.NaN(), 90, 70, 61}},
		}})
	}
	return c
}

func TestACourseIsAPage(t *testing.T) {
	t.Parallel()
	golden(t, "course.html", func(w io.Writer) error { return forecast.HTMLCourse(w, course()) })
}

// golden compares with a file below testdata; UPDATE=1 rewrites it. Text is
// held to 80 columns, and nothing may be written as no number.
func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	got := out.Bytes()
	switch filepath.Ext(name) {
	case ".html":
		got = assets.ReplaceAll(got, []byte("<!-- style or script -->"))
	case ".txt":
		for line := range strings.Lines(out.String()) {
			if n := lipgloss.Width(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	case ".csv":
		if _, err := csv.NewReader(bytes.NewReader(got)).ReadAll(); err != nil {
			t.Error(err)
		}
	}
	if bytes.Contains(got, []byte("NaN")) || bytes.Contains(got, []byte("Inf")) || bytes.Contains(got, []byte("ZgotmplZ")) {
		t.Errorf("%s tells what is no figure", name)
	}
	file := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s is old; UPDATE=1 rewrites it (-want +got):\n%s", file, d)
	}
}

func TestVerdictOfAResult(t *testing.T) {
	t.Parallel()
	with := func(change func(*simulate.Result)) simulate.Result {
		r := result(3, 5, "a", "b")
		change(&r)
		return r
	}
	tests := map[string]struct {
		result simulate.Result
		want   string
	}{
		"met":     {with(func(*simulate.Result) {}), "In time: 92.1% (91.0 to 93.2) within 4h; target 90%: met"},
		"missed":  {with(func(r *simulate.Result) { r.All.ServiceLevel = est(70, 1) }), "In time: 70.0% (69.0 to 71.0) within 4h; target 90%: missed"},
		"unclear": {with(func(r *simulate.Result) { r.All.ServiceLevel = est(89.9, 1) }), "In time: 89.9% (88.9 to 90.9) within 4h; cannot be told apart from the target of 90%"},
		"no mail": {with(func(r *simulate.Result) { r.All = simulate.Figures{Offered: est(0, 0)} }), "No email arrives"},
		"left":    {with(func(r *simulate.Result) { r.All.Waiting = est(240, 12) }), "In time: 92.1% (91.0 to 93.2) within 4h; target 90%: met\nLeft waiting at the end: 240 emails (228 to 252), none beyond the target yet"},
		"late": {
			with(func(r *simulate.Result) { r.All.Waiting, r.All.Overdue = est(240, 12), est(130, 9) }),
			"In time: 92.1% (91.0 to 93.2) within 4h; target 90%: met\nWith the 130 emails that wait longer already: 87.3%, missed\n" +
				"Left waiting at the end: 240 emails (228 to 252), 130 of them beyond the target",
		},
		"no target": {with(func(r *simulate.Result) { r.All.ServiceLevel = none }), "Mean wait: 14m00s (12m50s to 15m10s); there is no service level to hold it to"},
		"unstable":  {unstable(), "Unstable: the backlog grows by 41 an hour (37 to 45)\nIn time: 31.2% (29.2 to 33.2) within 4h; target 90%: missed\nLeft waiting at the end: 410 emails (388 to 432), none beyond the target yet"},
		"nobody":    {nobody(), "Nobody answers: 2,401 emails offered, none answered"},
		"one":       {alone(result(1, 5, "a")), "In time: 92.1% within 4h; target 90%: met\nOne replication: no interval, so chance may have made any of this"},
		"ended":     {simulate.Result{Partial: true, Asked: 100}, "0 of 100 replications: the run was ended early\nNo replication was finished: nothing is known"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, forecast.Verdict(page(), tt.result)); d != "" {
				t.Errorf("verdict (-want +got):\n%s", d)
			}
		})
	}
}

func TestVerdictOfAComparison(t *testing.T) {
	t.Parallel()
	nothing := comparison()
	nothing.All.ServiceLevel, nothing.All.Wait.Mean, nothing.All.Waiting, nothing.Rules = est(0.3, 0.8), est(-3, 41), est(0, 0), nil
	equal := nothing
	equal.All.ServiceLevel = est(0, 0)
	worse := comparison()
	worse.All.ServiceLevel, worse.All.Wait.Mean, worse.All.Waiting, worse.Rules = est(-2, 0.5), est(65, 5), est(12, 4), nil
	single := nothing
	single.All = alone(simulate.Result{All: nothing.All}).All
	tests := map[string]struct {
		comparison simulate.Comparison
		want       string
	}{
		"better":  {comparison(), "B answers 3.1 points more in time (2.2 to 4.0)\nB's mean wait is 4m12s shorter (3m31s to 4m53s)\nNo difference shown in email left waiting\nRule vip: B answers 1.4 points less in time (0.5 to 2.3)\nRule vip: B's mean wait is 1m01s longer (20.0s to 1m42s)"},
		"worse":   {worse, "B answers 2.0 points less in time (1.5 to 2.5)\nB's mean wait is 1m05s longer (1m00s to 1m10s)\nB leaves 12 more emails waiting at the end (8 to 16)"},
		"nothing": {nothing, "No difference shown: B answers between 0.5 fewer and 1.1 more points in time than A"},
		"equal":   {equal, "No difference shown: what is answered in time is the same in both"},
		"one":     {single, "One pair of replications: no interval, so no difference is shown; in it B answers 0.3 points more in time, B's mean wait is 3.0s shorter, B leaves 0 more emails waiting at the end"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, forecast.VerdictComparison("A", "B", tt.comparison)); d != "" {
				t.Errorf("verdict (-want +got):\n%s", d)
			}
		})
	}
}

// hostile are names that a page, a table or a terminal could stumble over.
var hostile = []string{`</script><b>`, `<!--<script>`, `a "quoted", name`, "two\nlines\x1b[31m", "\u2028'); alert(1) //", strings.Repeat("a very long name ", 12)}

func TestNamesAreOnlyNames(t *testing.T) {
	t.Parallel()
	r := result(3, 5, hostile...)
	p := page()
	p.Strategy, p.Scenario, p.Notes = hostile[0], hostile[1], hostile
	r.Agents[0].Agent = hostile[0]
	var html, table, text bytes.Buffer
	if err := forecast.HTML(&html, p, r); err != nil {
		t.Fatal(err)
	}
	rest := assets.ReplaceAllString(html.String(), "")
	if strings.Contains(rest, "</script><b>") || strings.Contains(rest, "<!--<") {
		t.Error("a name became part of the page")
	}
	data := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(rest)
	var read struct {
		Plots []struct{ Lines []struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(data[1]), &read); err != nil {
		t.Fatal(err)
	}
	for i, name := range hostile {
		if got := read.Plots[0].Lines[i+1].Name; got != name {
			t.Errorf("the script reads %q, want %q", got, name)
		}
	}
	if err := forecast.CSV(&table, p, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, row := range rows {
		found[row[1]] = true
	}
	for _, name := range hostile {
		if !found[name] {
			t.Errorf("the table has no rule %q", name)
		}
	}
	if err := forecast.Text(&text, p, r, forecast.Style{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "\x1b") {
		t.Error("a name commands the terminal")
	}
	for line := range strings.Lines(text.String()) {
		if lipgloss.Width(line) > 80 && !strings.Contains(line, "a very long name a very long name a very long name a") {
			t.Errorf("more than 80 columns: %s", line)
		}
	}
}

func TestTheSameFiguresGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := forecast.HTML(out, page(), day()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two pages of one result differ")
	}
}

// The clock goes back on 25 October 2026 at 01:00 UTC; the page must know.
func TestThePageKnowsWhenTheClockChanges(t *testing.T) {
	t.Parallel()
	r := day()
	for i := range r.Times {
		r.Times[i] = time.Date(2026, 10, 24, 12+2*i, 0, 0, 0, time.UTC).In(r.Start.Location())
	}
	r.Start, r.Horizon = r.Times[0], 24*time.Hour
	var out bytes.Buffer
	if err := forecast.HTML(&out, page(), r); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`"zones":[[%d,7200],[%d,3600]]`, r.Start.Unix(), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC).Unix()); !strings.Contains(out.String(), want) {
		t.Errorf("the page has no %s", want)
	}
}

func TestWithoutSeriesAgentsOrRulesThereIsStillAForecast(t *testing.T) {
	t.Parallel()
	r := simulate.Result{Start: day().Start, Horizon: time.Hour, Replications: 5, Asked: 5, All: day().All}
	for _, write := range []func(io.Writer, forecast.Page, simulate.Result) error{
		forecast.HTML, forecast.CSV,
		func(w io.Writer, p forecast.Page, r simulate.Result) error {
			return forecast.Text(w, p, r, forecast.Colour())
		},
	} {
		if err := write(io.Discard, page(), r); err != nil {
			t.Error(err)
		}
	}
	if err := forecast.HTMLComparison(io.Discard, page(), simulate.Comparison{A: r, B: r}); err != nil {
		t.Error(err)
	}
}
