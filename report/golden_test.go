package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/sheet/sheettest"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// written is a report on two weeks and a half around a change, by what is asked
// for: a queue with everything, and one without any email.
func written(t *testing.T, by report.By) report.Report {
	t.Helper()
	at := func(day int, hours float64) time.Time {
		return routing.Wall(time.Date(2026, 3, 2+day, 0, 0, 0, 0, time.UTC), berlin).Add(time.Duration(hours * float64(time.Hour)))
	}
	in := input(0, 0, by)
	in.From, in.To = at(3, 7.5), at(17, 12)
	in.Now, in.Known = in.To, at(-7, 0)
	if by == report.ByHour {
		in.From = at(16, 12)
	}
	in.Queues[0].Members = []routing.Member{{Ref: routing.Ref{ID: "ann"}, Ring: 1}, {Ref: routing.Ref{ID: "ben"}, Ring: 1}}
	in.Queues = append(in.Queues, report.Queue{Ref: routing.Ref{ID: "r", Name: "<b>Returns</b>"}})
	in.Agents[0].Name, in.Agents[1].Name = "Ann Öberg", "=Ben<script>"
	in.Agents[0].Capacity, in.Agents[1].Capacity = 2, 2
	in.Changes = changed{
		{ID: "20260309-101500-000", At: at(8, 10.25), Strategy: "support", What: []string{"update queue Support (rings)", "add 1 agent to queue Support"}},
		{ID: "20260318-090000-000", At: at(16, 9), Strategy: "support", What: []string{"update queue Support (serviceLevel)"}},
	}
	in.Changes = append(in.Changes.(changed), passing(at)...)
	slices.SortStableFunc(in.Changes.(changed), func(a, b report.Change) int { return a.At.Compare(b.At) })
	conversations := days(-7, 17, 12, func(d, n int) bool { return d < 8 && n < 7 || n < 2 })
	conversations = append(conversations, days(0, 17, 3, func(int, int) bool { return true })...)
	gone, night := email("support@example.com", 30, 0, ""), email("support@example.com", 18, 57, "ben")
	gone.Stays[0].Left, gone.Stays[0].Abandoned = hour(40), true
	night.Stays[0].Transferred, night.Stays[0].FirstResponse = true, 40*time.Hour
	moved := email("other@example.com", 15*24+9, 15*24+20, "ben")
	moved.Stays = append([]routing.Stay{{QueueID: "s", Entered: hour(15*24 + 7), Left: hour(15*24 + 9), Transferred: true}}, moved.Stays...)
	moved.Stays[1].Alerts = []routing.Touch{{AgentID: "ann", Span: span(15*24+9, 15*24+9.5)}}
	conversations = append(conversations, gone, night, moved, email("support@example.com", 17*24+1, 0, ""), email("support@example.com", 17*24+10, 0, ""))
	var rows []routing.MetricRow
	b := report.New(in)
	for _, c := range conversations {
		b.Add(c)
		for _, s := range c.Stays {
			if s.QueueID != "q" || s.Answered.IsZero() || by == report.ByRule {
				continue
			}
			half := s.Answered.Truncate(30 * time.Minute)
			r := routing.MetricRow{
				Group: map[string]string{"queueId": "q", "userId": s.AgentID}, Span: routing.Span{From: half, To: half.Add(30 * time.Minute)}, Metric: "oServiceLevel",
				Stats: routing.MetricStats{Denominator: 1, Target: 0.8},
			}
			if s.Answered.Sub(s.Entered) <= 4*time.Hour {
				r.Stats.Numerator = 1
			}
			rows = append(rows, r)
		}
	}
	for d := range 18 {
		for h := 9.0; h < 17 && by != report.ByRule; h += 0.5 {
			from := float64(d*24) + h
			rows = append(rows, slices.Concat(status("ann", "IDLE", from, from+0.5, 0.3), status("ann", "INTERACTING", from, from+0.5, 0.2), status("ben", "IDLE", from, from+0.5, 0.5))...)
		}
	}
	if err := b.AddRows(rows); err != nil {
		t.Fatal(err)
	}
	return b.Report()
}

// passing are changes that did not last: a day full of overrides, one that held for a
// week, one that holds, what was put back at once, and what live rules set.
func passing(at func(day int, hours float64) time.Time) (out []report.Change) {
	override := func(id string, from time.Time, held time.Duration, lever routing.Lever, what string) {
		out = append(out, report.Change{
			ID: id, At: from, Ended: from.Add(held), Strategy: "support", Passing: report.Override, Rule: "surge", Levers: []routing.Lever{lever}, What: []string{what},
		})
	}
	for i := range 24 {
		override(fmt.Sprint("capacity-", i), at(15, 8+float64(i)/2), time.Duration(10+i%3)*time.Minute, routing.LeverCapacity, "let each member have 4 emails at once")
	}
	override("join", at(9, 9), 40*time.Minute, routing.LeverJoin, "let Back Office join the queue")
	override("forgotten", at(5, 9), 9*24*time.Hour, routing.LeverLeave, "let Trainees leave the queue")
	override("holds", at(17, 11.5), time.Hour, routing.LeverCapacity, "let each member have 4 emails at once")
	out[len(out)-1].Ended = time.Time{}
	out = append(
		out,
		report.Change{ID: "undone", At: at(10, 9), Ended: at(10, 9.01), Strategy: "support", Passing: report.Undone, What: []string{"update queue Support (rings)"}},
		report.Change{ID: "live-1", At: at(11, 9), Strategy: "support", Passing: report.Emails, Emails: 12, What: []string{"change 12 emails that waited"}},
		report.Change{ID: "live-2", At: at(11, 9.5), Strategy: "support", Passing: report.Emails, Emails: 3, What: []string{"change 3 emails that waited"}},
	)
	return out
}

// formats are those of which there are golden files.
var formats = map[string]func(io.Writer, report.Report) error{
	"txt":  func(w io.Writer, r report.Report) error { return report.Text(w, r, report.Style{}) },
	"csv":  report.CSV,
	"html": func(w io.Writer, r report.Report) error { return report.HTML(w, r, "Support, <Returns>") },
	"json": func(w io.Writer, r report.Report) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(r)
	},
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, by := range []report.By{report.ByDay, report.ByHour, report.ByRule, report.ByAgent} {
		for format, write := range formats {
			if format == "csv" && by != report.ByAgent || format == "html" && by != report.ByDay || format == "json" && by != report.ByRule {
				continue // the others hold nothing else
			}
			var got bytes.Buffer
			if err := write(&got, written(t, by)); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", string(by)+"."+format+".golden")
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("%s (-want +got):\n%s", golden, d)
			}
			if format != "txt" {
				continue
			}
			for line := range strings.Lines(got.String()) {
				if lipgloss.Width(strings.TrimSuffix(line, "\n")) > 80 {
					t.Errorf("%s: wider than 80 columns: %s", golden, line)
				}
			}
		}
	}
}

// Colours take nothing away and add nothing but colours.
func TestColoursChangeNoWord(t *testing.T) {
	t.Parallel()
	r := written(t, report.ByDay)
	var plain, colour bytes.Buffer
	if err := report.Text(&plain, r, report.Style{}); err != nil {
		t.Fatal(err)
	}
	if err := report.Text(&colour, r, report.Colour()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(plain.String(), regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(colour.String(), "")); d != "" || plain.String() == colour.String() {
		t.Errorf("(-plain +colour):\n%s", d)
	}
}

// TestThePageDrawsItsPlots opens pages in a browser: every plot has its lines and
// the marks of its rows, bars have their length, nothing is asked for but the file,
// nothing is wider than the screen, and nothing is complained of. -artifacts keeps a
// picture of each page, and UPDATE=1 the one of docs/report.md.
func TestThePageDrawsItsPlots(t *testing.T) {
	t.Parallel()
	browser := sheettest.Browser(t)
	for name, tt := range map[string]struct {
		by                 report.By
		width              int64
		plots, lines, bars int
	}{
		"day":    {report.ByDay, 1200, 5, 7, 0},
		"narrow": {report.ByDay, 400, 5, 7, 0},
		"hour":   {report.ByHour, 1200, 3, 4, 0},
		"rule":   {report.ByRule, 400, 0, 0, 1},
		"agent":  {report.ByAgent, 1200, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := written(t, tt.by)
			page := sheettest.Open(browser, t, tt.width, func(w io.Writer) error { return report.HTML(w, r, "Support") })
			sheettest.Expect(page, t, "plots", tt.plots, `document.querySelectorAll(".plot").length`)
			sheettest.Expect(page, t, "lines with a colour that go somewhere", tt.lines, `[...document.querySelectorAll("path.line")].filter(p =>
				p.getTotalLength() > 10 && getComputedStyle(p).stroke !== "none").length`)
			sheettest.Expect(page, t, "marks outside of their plots", 0, `[...document.querySelectorAll(".dot")].filter(d => {
				const at = d.getBoundingClientRect(), plot = d.parentElement.getBoundingClientRect();
				return at.left < plot.left - 6 || at.right > plot.right + 6 || at.top < plot.top - 6 || at.bottom > plot.bottom + 6 || !d.title;
			}).length`)
			sheettest.Expect(page, t, "bars of service levels", tt.bars, `[...document.querySelectorAll(".bars:not(.lost) .track i")].filter(b => b.offsetWidth > 20).length`)
			sheettest.Expect(page, t, "bars of causes are as long as their shares", true, `[...document.querySelectorAll(".bars.lost .track i")].every(b =>
				Math.abs(b.offsetWidth / b.parentElement.offsetWidth * 100 - parseFloat(b.style.width)) < 2)`)
			sheettest.Expect(page, t, "changes, those alike that did not last as one", map[bool]int{true: 1, false: 7}[tt.by == report.ByHour], `document.querySelectorAll(".change").length`)
			sheettest.Expect(page, t, "labels that a name became part of", 0, `document.querySelectorAll("b b, h2 b, th b, img, script").length`)
			sheettest.Expect(page, t, "labels that overlap", 0, overlaps)
			picture(page, t, name)
		})
	}
}

// overlaps counts labels of an axis that lie over the next one.
const overlaps = `[...document.querySelectorAll(".plot")].reduce((n, plot) => {
	const at = [...plot.querySelectorAll(".x")].map(x => x.getBoundingClientRect()).filter(x => x.width > 0);
	return n + at.filter((x, i) => i > 0 && x.left < at[i - 1].right).length;
}, 0)`

func picture(page context.Context, t *testing.T, name string) {
	t.Helper()
	png, err := chromedp.Run(page, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	files := []string{filepath.Join(t.ArtifactDir(), name+".png")}
	if os.Getenv("UPDATE") != "" && name == "day" {
		files = append(files, "../docs/report.png")
	}
	for _, file := range files {
		if err := os.WriteFile(file, png, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
