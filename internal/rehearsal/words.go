package rehearsal

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
)

// This file says in words, and draws, how the two days compare.

// Restored says that the queue, its members and their capacity are as they were
// before the day, and that no override holds any more.
func (d Day) Restored() bool {
	return reflect.DeepEqual(d.Before, d.After) && !slices.ContainsFunc(d.Leases, func(l ledger.Lease) bool { return len(l.Open) > 0 })
}

// writes are how many there were, and of what.
func (d Day) writes() (n int, of string) {
	names := map[string]string{"putRoutingQueue": "queue", "patchRoutingConversation": "email"}
	var parts []string
	for _, op := range slices.Sorted(maps.Keys(d.Writes)) {
		n += d.Writes[op]
		parts = append(parts, fmt.Sprintf("%d %s", d.Writes[op], cmp.Or(names[op], op)))
	}
	return n, strings.Join(parts, ", ")
}

// level is the service level of a day from the surge on.
func (d Day) level() float64 {
	percent, _ := d.Surge.ServiceLevel()
	return percent
}

func (r Rehearsal) clock(t time.Time) string { return t.In(r.From.Location()).Format("15:04") }

// row is a figure of both days.
type row struct{ name, off, act, also string }

func (r Rehearsal) rows() []row {
	number := func(x float64) string { return fmt.Sprintf("%.0f", x) }
	percent := func(d Day) string { return fmt.Sprintf("%.1f%%", d.level()) }
	end := len(r.Off.Times) - 1
	_, of := r.Act.writes()
	off, _ := r.Off.writes()
	act, _ := r.Act.writes()
	target := r.Strategy.Queue.Settings.ServiceLevel
	also := ""
	if target != nil {
		also = "target " + target.String()
	}
	from := ", from " + r.clock(r.Surge)
	rows := []row{
		{"answered in time" + from, percent(r.Off), percent(r.Act), also},
		{"answered" + from, number(float64(r.Off.Surge.Answered)), number(float64(r.Act.Surge.Answered)), ""},
		{"most that waited", number(slices.Max(r.Off.Waiting)), number(slices.Max(r.Act.Waiting)), ""},
		{"waiting at " + r.clock(r.Off.Times[end]), number(r.Off.Waiting[end]), number(r.Act.Waiting[end]), ""},
	}
	if r.Lender != "" {
		rows = append(rows, row{"answered for " + r.Lender, number(float64(r.Off.Lender.Answered)), number(float64(r.Act.Lender.Answered)), "its agents help"})
	}
	return append(rows, row{"writes", number(float64(off)), number(float64(act)), of})
}

// events are what was decided over the day.
func (r Rehearsal) events() (said []string) {
	for _, d := range r.Act.Said {
		var figures []string
		for _, name := range slices.Sorted(maps.Keys(d.Figures)) {
			figures = append(figures, name+" is "+d.Figures[name])
		}
		said = append(said, fmt.Sprintf("%s rule %s, %s: %s; %s", r.clock(d.At), d.Rule, d.Reason, d.Words, strings.Join(figures, ", ")))
	}
	if r.Act.Restored() {
		said = append(said, "Queue, members and capacity are as they were before the day.")
	}
	return said
}

// Words say how the days compare: a table, and what was done.
func (r Rehearsal) Words() []string {
	day := fmt.Sprintf("%s, %s to %s, twice", r.From.Format("Monday"), r.clock(r.From), r.clock(r.To))
	out := []string{fmt.Sprintf("%-30s %10s %10s", day, "adjust off", "adjust on")}
	for _, x := range r.rows() {
		out = append(out, strings.TrimRight(fmt.Sprintf("%-30s %10s %10s  %s", x.name, x.off, x.act, x.also), " "))
	}
	return append(out, r.events()...)
}

// Course is the two days as a page shows them.
func (r Rehearsal) Course() forecast.Course {
	queue := r.Strategy.Queue.Name
	gain := r.Act.level() - r.Off.level()
	c := forecast.Course{
		Title: queue + ", a day with a surge", Good: gain > 0, Times: r.Off.Times, Shaded: "Overrides",
		Said: append([]string{fmt.Sprintf("In time from %s on: %.1f%% with adjust, %.1f%% without", r.clock(r.Surge), r.Act.level(), r.Off.level())}, r.events()...),
		About: []string{
			"Strategy " + r.Strategy.Strategy, "Scenario " + r.Traffic.Name,
			fmt.Sprintf("%s, %s to %s, seed %d, twice", r.From.Format("Mon 2 Jan 2006"), r.clock(r.From), r.clock(r.To), r.Seed),
		},
		Foot: "Made by foresort from two days in its sandbox, with the same email and the same people. The figures are those that the sandbox measured as the platform would; “–” is undefined.",
	}
	shaded := "Shaded: an override holds."
	c.Plots = []forecast.Plot{
		{ID: "waiting", Title: "Email waiting", Unit: forecast.Emails, Note: shaded, Lines: []forecast.Line{{Name: "adjust on", Points: r.Act.Waiting}, {Name: "adjust off", Points: r.Off.Waiting}}},
		{ID: "level", Title: "Answered in time (%), of what was answered in the hour before", Unit: forecast.Percent, Note: shaded, Lines: []forecast.Line{{Name: "adjust on", Points: r.Act.Level}, {Name: "adjust off", Points: r.Off.Level}}},
	}
	for _, x := range r.rows() {
		also := "without adjust: " + x.off
		if x.also != "" {
			also += "; " + x.also
		}
		c.Tiles = append(c.Tiles, forecast.Tile{Name: strings.ToUpper(x.name[:1]) + x.name[1:], Value: x.act, Also: also})
	}
	for _, l := range r.Act.Leases {
		to := l.Ended
		if to.IsZero() {
			to = r.To
		}
		c.Shades = append(c.Shades, forecast.Shade{Name: l.Rule, What: "until " + r.clock(l.Ends) + " at most; " + phrase.Count(len(l.Runs), "run"), From: l.Began, To: to})
	}
	return c
}
