package forecast

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/simulate"
)

// content is what there is to show of a result or a comparison, whichever way
// it is shown.
type content struct {
	Kind    string // Forecast, Comparison
	Title   string
	About   []string
	Verdict []sentence
	Tiles   []tile
	Curves  []curves
	Dots    []dots
	Bins    *bins
	Tables  []table
	Notes   []string
	Foot    string // empty: the figures are those of a simulation

	shades    []Shade
	drawAfter int // the table after which text draws the curves
	start     time.Time
	at        func(time.Time) string
	times     []time.Time
}

// tile is one figure that is shown large.
type tile struct {
	Name string
	cell
	Also string
}

// table is figures in rows and columns.
type table struct {
	Title string
	Note  string
	Head  []string // of the first column, then of the cells
	Rows  []row
}

type row struct {
	Name  string
	Cells []cell
}

// curves are figures over time.
type curves struct {
	ID, Title, Note string
	Unit            Unit
	Lines           []line
	Signed          bool // of differences
}

type line struct {
	Name   string
	Series simulate.Series
	Show   bool // at first
}

// dots are figures with their intervals on one axis, a row for each rule or
// agent.
type dots struct {
	ID, Title, Note string
	Unit            Unit
	Target          float64 // NaN: none
	Marks           []string
	Rows            []dotRow
	Low, High       float64 // what the axis must hold at least; NaN: as the figures are
}

type dotRow struct {
	Name      string
	Estimates []simulate.Estimate
}

// bins count agents by occupancy.
type bins struct {
	Title string
	Count [20]int // of 5 points each, the last with 100
}

const (
	waitsNote  = "Waits of answered email, from entering the queue to the answer: p50, p90 and p99 are what 50, 90 and 99 of 100 do not exceed."
	levelsNote = "In time is of answered and abandoned email, as the platform measures it; by deadline is of all email that was due, in business hours."
	bandNote   = "The line is the mean over the replications, the band its 95% confidence interval."
)

func ofResult(p Page, r simulate.Result) content {
	at := clock(r)
	c := content{
		Kind: "Forecast", Title: p.Strategy, Verdict: judge(p, r), Notes: p.Notes,
		About: about(p, r, named("Strategy", p.Strategy, p.File)),
		start: r.Start, at: at, times: r.Times, drawAfter: 1,
	}
	if r.Replications == 0 {
		return c
	}
	c.Tiles = tiles(p, r)
	c.Curves = []curves{
		{ID: "backlog", Title: "Email waiting", Unit: Emails, Note: bandNote, Lines: drawn(r.Backlog)},
		{ID: "oldest", Title: "Age of the oldest email waiting", Unit: Seconds, Note: bandNote, Lines: drawn(r.Oldest)},
	}
	c.Curves = drawable(c)
	rules := everyone(r.All, r.Rules)
	level := dots{ID: "level", Title: "Answered in time, by rule (%)", Unit: Percent, Target: math.NaN(), Marks: []string{"in time"}, Low: math.NaN(), High: 100, Note: levelsNote}
	if p.Target != nil {
		level.Target = p.Target.Percent
	}
	byDeadline := slices.ContainsFunc(rules, func(f simulate.Figures) bool { return known(f.DeadlineLevel) })
	if byDeadline {
		level.Marks = append(level.Marks, "by deadline")
	}
	waits := dots{ID: "waits", Title: "Waits, by rule", Unit: Seconds, Target: math.NaN(), Marks: []string{"p50", "p90", "p99"}, Low: 0, High: math.NaN(), Note: waitsNote}
	for _, f := range rules {
		es := []simulate.Estimate{f.ServiceLevel, f.DeadlineLevel}
		level.Rows = append(level.Rows, dotRow{name(f.Rule), es[:len(level.Marks)]})
		waits.Rows = append(waits.Rows, dotRow{name(f.Rule), []simulate.Estimate{f.Wait.P50, f.Wait.P90, f.Wait.P99}})
	}
	c.Dots = filled(level, waits)
	agents := slices.Clone(r.Agents)
	slices.SortStableFunc(agents, func(x, y simulate.AgentFigures) int { return -cmp.Compare(x.Occupancy.Mean, y.Occupancy.Mean) })
	if len(agents) <= 40 && len(agents) > 0 {
		d := dots{ID: "agents", Title: "Occupancy, by agent (%)", Unit: Percent, Target: math.NaN(), Marks: []string{"occupancy"}, Low: 0, High: 100, Note: occupancyNote}
		for _, a := range agents {
			d.Rows = append(d.Rows, dotRow{a.Agent, []simulate.Estimate{a.Occupancy}})
		}
		c.Dots = append(c.Dots, filled(d)...)
	} else if len(agents) > 0 {
		c.Bins = histogram(agents)
	}
	c.Tables = append(c.Tables, figuresTables(rules, p.Deadlines)...)
	c.Tables = append(c.Tables, workTable(r), agentsTable(agents))
	c.Tables = append(c.Tables, exactTables(p.Exact)...)
	c.Tables = slices.DeleteFunc(c.Tables, func(t table) bool { return len(t.Rows) == 0 })
	return c
}

// drawable leaves out curves of nothing.
func drawable(c content) []curves {
	return slices.DeleteFunc(c.Curves, func(x curves) bool { return len(x.Lines) == 0 || len(c.times) == 0 })
}

// filled leaves out plots on which there would be nothing.
func filled(plots ...dots) []dots {
	return slices.DeleteFunc(plots, func(d dots) bool {
		return !slices.ContainsFunc(d.Rows, func(r dotRow) bool { return slices.ContainsFunc(r.Estimates, known) })
	})
}

const occupancyNote = "Occupancy is the share of the time on queue with an email or a call in hand."

// named tells a strategy and where it was read.
func named(what, name, file string) string {
	if file != "" && file != name {
		name += " (" + file + ")"
	}
	return strings.TrimSpace(what + " " + name)
}

func about(p Page, r simulate.Result, strategies ...string) []string {
	if p.Scenario != "" {
		strategies = append(strategies, "Scenario "+p.Scenario)
	}
	end := r.Start.Add(r.Horizon)
	until := end.Format("15:04")
	if end.YearDay() != r.Start.YearDay() || end.Year() != r.Start.Year() {
		until = end.Format("Mon 2 Jan 2006 15:04")
	}
	when := fmt.Sprintf("%s to %s (%s), %s", r.Start.Format("Mon 2 Jan 2006 15:04"), until, zone(r.Start), short(r.Horizon))
	if r.WarmUp > 0 {
		when += ", the first " + short(r.WarmUp) + " not counted"
	}
	runs := fmt.Sprintf("%d replications", r.Replications)
	if r.Replications == 1 {
		runs = "1 replication"
	}
	runs = fmt.Sprintf("%s, seed %d, %s simulated", runs, r.Seed, email(float64(r.Emails)))
	if r.Replications > 1 {
		runs += "; intervals are 95%"
	}
	return append(strategies, when, runs)
}

func zone(t time.Time) string {
	if l := t.Location().String(); l != "" && l != "Local" {
		return l
	}
	return t.Format("MST")
}

// everyone is all rules, and all email last where it is more than one rule.
func everyone(a simulate.Figures, rules []simulate.Figures) []simulate.Figures {
	if len(rules) == 1 {
		return rules
	}
	return append(slices.Clone(rules), a)
}

// drawn is the lines of a plot: all, and the rules where they are few enough
// to be told apart at first sight.
func drawn(series []simulate.Series) []line {
	var out []line
	for i, s := range series {
		if len(series) == 2 && i == 1 { // one rule: the same line twice
			break
		}
		out = append(out, line{Name: name(s.Rule), Series: s, Show: i == 0 || len(series) <= 5})
	}
	return out
}

func tiles(p Page, r simulate.Result) []tile {
	inTime := tile{Name: "Answered in time", cell: estimate(Percent, r.All.ServiceLevel)}
	if p.Target != nil {
		inTime.Also = "target " + p.Target.String()
	}
	out := []tile{
		inTime,
		{Name: "Mean wait", cell: estimate(Seconds, r.All.Wait.Mean)},
		{Name: "90% answered within", cell: estimate(Seconds, r.All.Wait.P90)},
		{Name: "Left waiting", cell: estimate(Emails, r.All.Waiting), Also: "of " + email(r.All.Offered.Mean) + " offered"},
		{Name: "Occupancy of agents", cell: estimate(Percent, r.Occupancy)},
		{Name: "Load", cell: estimate(Percent, r.Load), Also: "work in percent of the room for it"},
	}
	if len(r.Backlog) > 0 {
		if i, ok := peak(r.Backlog[0]); ok && i < len(r.Times) {
			out[3] = tile{Name: "Backlog at its highest", cell: estimate(Emails, point(r, r.Backlog[0], i)), Also: "at " + clock(r)(r.Times[i]) + "; left at the end: " + estimate(Emails, r.All.Waiting).Mean}
		}
	}
	return out
}

// point is the estimate of a series at one of its times.
func point(r simulate.Result, s simulate.Series, i int) simulate.Estimate {
	e := simulate.Estimate{Mean: s.Mean[i], Low: math.NaN(), High: math.NaN(), N: r.Replications}
	if i < len(s.Low) && i < len(s.High) {
		e.Low, e.High = s.Low[i], s.High[i]
	}
	if !defined(e.Mean) {
		e.N = 0
	}
	return e
}

// peak is where a series is largest.
func peak(s simulate.Series) (int, bool) {
	best, found := 0, false
	for i, x := range s.Mean {
		if defined(x) && (!found || x > s.Mean[best]) {
			best, found = i, true
		}
	}
	return best, found
}

// figuresTables are the figures by rule: how many, and how long.
func figuresTables(rules []simulate.Figures, deadlines map[string]time.Duration) []table {
	mail := table{Title: "Email", Head: []string{"rule"}, Note: levelsNote}
	var columns []figure
	for _, f := range counts {
		if !slices.ContainsFunc(rules, func(x simulate.Figures) bool { return known(f.of(x)) && (f.key != "abandoned" || f.of(x).Mean > 0) }) && (f.key == "abandoned" || f.key == "deadline_level") {
			continue
		}
		columns = append(columns, f)
		mail.Head = append(mail.Head, f.name)
	}
	waits := table{Title: "Waits", Head: []string{"rule"}, Note: waitsNote}
	for _, f := range times[:5] {
		waits.Head = append(waits.Head, f.name)
	}
	for _, x := range rules {
		m, w := row{Name: name(x.Rule)}, row{Name: name(x.Rule)}
		for _, f := range columns {
			m.Cells = append(m.Cells, estimate(f.unit, f.of(x)))
		}
		for _, f := range times[:5] {
			w.Cells = append(w.Cells, estimate(f.unit, f.of(x)))
		}
		mail.Rows, waits.Rows = append(mail.Rows, m), append(waits.Rows, w)
	}
	var due []string
	for _, x := range rules {
		if d, ok := deadlines[x.Rule]; ok {
			due = append(due, x.Rule+" "+short(d))
		}
	}
	if len(due) > 0 {
		mail.Note += " Deadlines: " + strings.Join(due, ", ") + "."
	}
	return []table{mail, waits}
}

func workTable(r simulate.Result) table {
	t := table{Title: "Work", Head: []string{"figure", "value", ""}}
	add := func(name string, u Unit, e simulate.Estimate, also string) {
		if known(e) {
			t.Rows = append(t.Rows, row{name, []cell{estimate(u, e), {Mean: also}}})
		}
	}
	add("load", Percent, r.Load, "work that arrives, of the room for it")
	add("occupancy", Percent, r.Occupancy, "time on queue with work in hand")
	add("slots filled", Percent, r.Slots, "of the room for email on queue")
	add("fairness", Ratio, r.Fairness, "1: all agents are equally occupied")
	add("handling", Seconds, r.All.Handle, "mean, with after-call work")
	add("growth", PerHour, r.Growth, "of the backlog in the later half")
	if c := r.Clears; known(c) {
		also := "the backlog; median"
		if c.N < r.Replications {
			also = fmt.Sprintf("median, in %d of %d replications", c.N, r.Replications)
		}
		value := cell{Mean: hour(r, c.Mean)}
		if bounded(c) {
			value.Interval = "(" + hour(r, c.Low) + " to " + hour(r, c.High) + ")"
		}
		t.Rows = append(t.Rows, row{"clears", []cell{value, {Mean: also}}})
	} else {
		t.Rows = append(t.Rows, row{"clears", []cell{{Mean: undefined}, {Mean: "the backlog: never after its highest"}}})
	}
	return t
}

func hour(r simulate.Result, hours float64) string {
	return clock(r)(r.Start.Add(time.Duration(hours * float64(time.Hour))))
}

// few is how many of the busiest and of the idlest agents are told.
const few = 4

func agentsTable(agents []simulate.AgentFigures) table {
	t := table{Title: "Agents, the busiest first", Head: []string{"agent", "answered", "occupancy"}, Note: occupancyNote}
	for i, a := range agents {
		if hidden := len(agents) - 2*few; hidden > 1 && i >= few && i < len(agents)-few {
			if i == few {
				t.Rows = append(t.Rows, row{fmt.Sprintf("(%d more)", hidden), []cell{{}, {}}})
			}
			continue
		}
		t.Rows = append(t.Rows, row{a.Agent, []cell{estimate(Emails, a.Answered), estimate(Percent, a.Occupancy)}})
	}
	return t
}

func histogram(agents []simulate.AgentFigures) *bins {
	b := &bins{Title: fmt.Sprintf("Occupancy of %d agents", len(agents))}
	for _, a := range agents {
		if known(a.Occupancy) {
			b.Count[min(len(b.Count)-1, max(0, int(a.Occupancy.Mean/5)))]++
		}
	}
	return b
}

func exactTables(exact []simulate.Exact) []table {
	var out []table
	for _, e := range exact {
		t := table{Title: e.Formula, Head: []string{"figure", "exact", "simulated", ""}}
		for _, x := range e.Rows {
			outside := ""
			if bounded(x.Simulated) && (x.Value < x.Simulated.Low || x.Value > x.Simulated.High) {
				outside = "outside the interval"
			}
			unit, simulated := Unit(x.Unit), cell{Mean: undefined}
			if known(x.Simulated) {
				simulated = cell{Mean: unit.text(x.Simulated.Mean), Interval: strings.TrimSpace(within(unit, x.Simulated))}
			}
			t.Rows = append(t.Rows, row{exactName(x), []cell{{Mean: unit.text(x.Value)}, simulated, {Mean: outside}}})
		}
		out = append(out, t)
	}
	return out
}

// exactName is the figure of a formula, with its rule.
func exactName(x simulate.ExactRow) string {
	if x.Rule == "" {
		return x.What
	}
	return x.What + ", " + x.Rule
}

func ofComparison(p Page, x simulate.Comparison) content {
	c := content{
		Kind: "Comparison", Title: p.Strategy + " and " + p.Other, Verdict: judgeComparison("A", "B", x), Notes: p.Notes,
		About: about(p, x.A, named("A:", p.Strategy, p.File), named("B:", p.Other, p.OtherFile)),
		start: x.A.Start, at: clock(x.A), times: x.A.Times,
	}
	if x.A.Replications == 0 || x.B.Replications == 0 {
		return c
	}
	for _, a := range aspects {
		if e := a.of(x.All); known(e) {
			unit := ""
			if a.unit == Percent {
				unit = " points"
			}
			c.Tiles = append(c.Tiles, tile{
				Name: strings.ToUpper(a.name[:1]) + a.name[1:] + ", B minus A",
				cell: cell{a.unit.signed(e.Mean) + unit, difference(a.unit, e).Interval},
				Also: "A " + estimate(a.unit, a.of(x.A.All)).Mean + ", B " + estimate(a.unit, a.of(x.B.All)).Mean,
			})
		}
	}
	for i := range c.Tiles {
		if strings.HasPrefix(c.Tiles[i].Name, "Mean,") {
			c.Tiles[i].Name = "Mean wait, B minus A"
		}
	}
	if len(x.A.Backlog) > 0 && len(x.B.Backlog) > 0 {
		c.Curves = append(c.Curves, curves{ID: "backlog", Title: "Email waiting", Unit: Emails, Note: bandNote, Lines: []line{
			{"A", x.A.Backlog[0], true}, {"B", x.B.Backlog[0], true},
		}})
	}
	if len(x.Backlog) > 0 {
		c.Curves = append(c.Curves, curves{ID: "difference", Title: "Email waiting, B minus A", Unit: Emails, Signed: true, Note: bandNote + " Where the band holds 0, no difference is shown.", Lines: drawn(x.Backlog)})
		for i := range c.Curves[len(c.Curves)-1].Lines {
			c.Curves[len(c.Curves)-1].Lines[i].Show = i == 0
		}
	}
	if len(x.A.Oldest) > 0 && len(x.B.Oldest) > 0 {
		c.Curves = append(c.Curves, curves{ID: "oldest", Title: "Age of the oldest email waiting", Unit: Seconds, Note: bandNote, Lines: []line{
			{"A", x.A.Oldest[0], true}, {"B", x.B.Oldest[0], true},
		}})
	}
	c.Curves = drawable(c)
	both := pairs(x)
	level := dots{ID: "level", Title: "Answered in time, by rule (%)", Unit: Percent, Target: math.NaN(), Marks: []string{"A", "B"}, Low: math.NaN(), High: 100, Note: levelsNote}
	if p.Target != nil {
		level.Target = p.Target.Percent
	}
	waits := dots{ID: "waits", Title: "Mean wait, by rule", Unit: Seconds, Target: math.NaN(), Marks: []string{"A", "B"}, Low: 0, High: math.NaN(), Note: waitsNote}
	for _, b := range both {
		level.Rows = append(level.Rows, dotRow{name(b.a.Rule), []simulate.Estimate{b.a.ServiceLevel, b.b.ServiceLevel}})
		waits.Rows = append(waits.Rows, dotRow{name(b.a.Rule), []simulate.Estimate{b.a.Wait.Mean, b.b.Wait.Mean}})
	}
	c.Dots = filled(level, waits)

	head := []string{"figure", "A", "B", "B minus A"}
	in := table{Title: "All email", Head: head}
	for _, f := range append(slices.Clone(counts), times...) {
		a, b, d := f.of(x.A.All), f.of(x.B.All), f.of(x.All)
		if !known(a) && !known(b) || f.key == "abandoned" && a.Mean == 0 && b.Mean == 0 {
			continue
		}
		label := f.name
		if f.unit == Seconds && f.key != "handle_mean" {
			label = "wait " + label
		}
		in.Rows = append(in.Rows, row{label, []cell{estimate(f.unit, a), estimate(f.unit, b), difference(f.unit, d)}})
	}
	in.Rows = append(in.Rows,
		row{"occupancy", []cell{estimate(Percent, x.A.Occupancy), estimate(Percent, x.B.Occupancy), difference(Percent, x.Occupancy)}},
		row{"fairness", []cell{estimate(Ratio, x.A.Fairness), estimate(Ratio, x.B.Fairness), difference(Ratio, x.Fairness)}})
	c.Tables = append(c.Tables, in)
	for _, a := range aspects {
		t := table{Title: strings.ToUpper(a.what[:1]) + a.what[1:] + ", by rule", Head: append([]string{"rule"}, head[1:]...)}
		for _, b := range both {
			if b.a.Rule != "" && (known(a.of(b.a)) || known(a.of(b.b))) {
				t.Rows = append(t.Rows, row{b.a.Rule, []cell{estimate(a.unit, a.of(b.a)), estimate(a.unit, a.of(b.b)), difference(a.unit, a.of(b.d))}})
			}
		}
		if len(t.Rows) > 0 && len(both) > 2 {
			c.Tables = append(c.Tables, t)
		}
	}
	c.Tables = append(c.Tables, exactTables(p.Exact)...)
	var gone []string
	for i, r := range []simulate.Result{x.A, x.B} {
		for _, f := range r.Rules {
			if _, ok := ruleOf(x.Rules, f.Rule); !ok {
				gone = append(gone, fmt.Sprintf("Rule %s is in %c alone.", f.Rule, 'A'+i))
			}
		}
	}
	c.Notes = append(gone, c.Notes...)
	return c
}

// pair is one rule in A and B with its difference.
type pair struct{ a, b, d simulate.Figures }

// pairs are the rules that both have, and all last.
func pairs(x simulate.Comparison) []pair {
	var out []pair
	for _, d := range x.Rules {
		a, inA := ruleOf(x.A.Rules, d.Rule)
		b, inB := ruleOf(x.B.Rules, d.Rule)
		if inA && inB {
			out = append(out, pair{a, b, d})
		}
	}
	return append(out, pair{x.A.All, x.B.All, x.All})
}

func ruleOf(rules []simulate.Figures, name string) (simulate.Figures, bool) {
	i := slices.IndexFunc(rules, func(f simulate.Figures) bool { return f.Rule == name })
	if i < 0 {
		return simulate.Figures{}, false
	}
	return rules[i], true
}
