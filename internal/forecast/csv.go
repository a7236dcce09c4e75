package forecast

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/simulate"
)

// CSV writes everything that a result holds as one table, a figure a row:
//
//	section  run, figures, agents, series, exact or simulated
//	rule     of figures and series; empty: all email. Of exact: the formula
//	agent    of agents
//	time     of series, RFC 3339
//	figure   such as service_level
//	unit     %, s, h, emails, emails/h; 1: a ratio, or a number of something
//	mean     with low and high, the ends of its 95% confidence interval
//	n        the replications in which the figure was defined
//
// A name that begins like a formula, with = + - or @, has an apostrophe before it.
// What is undefined is empty. A formula's answer has a mean alone; what was
// simulated beside it is a row of the section "simulated".
func CSV(w io.Writer, p Page, r simulate.Result) error {
	t := newTidy(w, "section")
	t.result(r)
	t.exact(p.Exact)
	return t.end()
}

// CSVComparison writes a comparison as one table: that of CSV with one more
// column before it, side, which is A, B or, of differences, B-A.
func CSVComparison(w io.Writer, p Page, c simulate.Comparison) error {
	t := newTidy(w, "side", "section")
	t.side = []string{"A"}
	t.result(c.A)
	t.side = []string{"B"}
	t.result(c.B)
	t.side = []string{"B-A"}
	t.figures(c.All)
	for _, f := range c.Rules {
		t.figures(f)
	}
	t.row("run", "", "", "", "occupancy", Percent, c.Occupancy)
	t.row("run", "", "", "", "fairness", Ratio, c.Fairness)
	t.series("backlog", Emails, c.A, c.Backlog)
	t.side = []string{""}
	t.exact(p.Exact)
	return t.end()
}

// tidy writes rows of one table.
type tidy struct {
	w    *csv.Writer
	side []string
}

func newTidy(w io.Writer, first ...string) *tidy {
	t := &tidy{w: csv.NewWriter(w)}
	_ = t.w.Write(append(first, "rule", "agent", "time", "figure", "unit", "mean", "low", "high", "n"))
	return t
}

func (t *tidy) end() error {
	t.w.Flush()
	return t.w.Error()
}

func (t *tidy) row(section, rule, agent, at, figure string, u Unit, e simulate.Estimate) {
	mean, low, high := number(e.Mean), number(e.Low), number(e.High)
	if !known(e) {
		mean = ""
	}
	if !bounded(e) {
		low, high = "", ""
	}
	_ = t.w.Write(append(append([]string{}, t.side...), section, sheet.Unrun(rule), sheet.Unrun(agent), at, figure, string(u), mean, low, high, strconv.Itoa(e.N)))
}

// fact is a row about the run that is no estimate.
func (t *tidy) fact(figure string, u Unit, value string) {
	_ = t.w.Write(append(append([]string{}, t.side...), "run", "", "", "", figure, string(u), value, "", "", ""))
}

// number writes ten digits, without what is only the arithmetic's.
func number(x float64) string {
	if !defined(x) {
		return ""
	}
	if math.Abs(x) < 1e-9 {
		return "0"
	}
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 10, 64), 64)
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func (t *tidy) result(r simulate.Result) {
	flag := map[bool]string{true: "1", false: "0"}
	t.fact("horizon", Seconds, number(r.Horizon.Seconds()))
	t.fact("warm_up", Seconds, number(r.WarmUp.Seconds()))
	t.fact("seed", Ratio, strconv.FormatUint(r.Seed, 10))
	t.fact("replications", Ratio, strconv.Itoa(r.Replications))
	t.fact("asked", Ratio, strconv.Itoa(r.Asked))
	t.fact("partial", Ratio, flag[r.Partial])
	t.fact("unstable", Ratio, flag[r.Unstable])
	t.fact("emails", Emails, strconv.FormatInt(r.Emails, 10))
	t.row("run", "", "", "", "occupancy", Percent, r.Occupancy)
	t.row("run", "", "", "", "slots", Percent, r.Slots)
	t.row("run", "", "", "", "fairness", Ratio, r.Fairness)
	t.row("run", "", "", "", "load", Percent, r.Load)
	t.row("run", "", "", "", "growth", PerHour, r.Growth)
	t.row("run", "", "", "", "clears", Hours, r.Clears)
	t.figures(r.All)
	for _, f := range r.Rules {
		t.figures(f)
	}
	for _, a := range r.Agents {
		t.row("agents", "", a.Agent, "", "answered", Emails, a.Answered)
		t.row("agents", "", a.Agent, "", "occupancy", Percent, a.Occupancy)
	}
	t.series("backlog", Emails, r, r.Backlog)
	t.series("oldest", Seconds, r, r.Oldest)
}

func (t *tidy) figures(f simulate.Figures) {
	for _, figures := range [][]figure{counts, {overdue}, times} {
		for _, x := range figures {
			t.row("figures", f.Rule, "", "", x.key, x.unit, x.of(f))
		}
	}
}

func (t *tidy) series(figure string, u Unit, r simulate.Result, series []simulate.Series) {
	for _, s := range series {
		for i := range min(len(s.Mean), len(r.Times)) {
			t.row("series", s.Rule, "", r.Times[i].In(r.Start.Location()).Format(time.RFC3339), figure, u, point(r, s, i))
		}
	}
}

func (t *tidy) exact(exact []simulate.Exact) {
	for _, e := range exact {
		for _, x := range e.Rows {
			_ = t.w.Write(append(append([]string{}, t.side...), "exact", e.Formula, "", "", exactName(x), string(x.Unit), number(x.Value), "", "", ""))
			t.row("simulated", e.Formula, "", "", exactName(x), Unit(x.Unit), x.Simulated)
		}
	}
}
