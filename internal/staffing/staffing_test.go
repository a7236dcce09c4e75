package staffing_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/staffing"
	"github.com/foresort/foresort/routing"
)

func berlin() *time.Location {
	z, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return z
}

func date(y int, m time.Month, d, hour, minute int) time.Time {
	return time.Date(y, m, d, hour, minute, 0, 0, berlin())
}

// blank is a report without findings and rules.
func blank(from time.Time, members int) coverage.Report {
	return coverage.Report{
		Queue: "Support Email", Zone: berlin(), Members: members,
		Span: routing.Span{From: from, To: from.Add(coverage.Cells * coverage.Cell)}, Findings: []routing.Finding{}, Rules: []coverage.Rule{},
	}
}

// fill makes numbers of what is so at the beginning of each cell.
func fill[T any](r coverage.Report, of func(time.Time) T) []T {
	var out []T
	for cell := range coverage.Cells {
		out = append(out, of(r.Span.From.Add(time.Duration(cell)*coverage.Cell).In(r.Zone)))
	}
	return out
}

func between(t time.Time, from, to float64) bool {
	hour := float64(t.Hour()) + float64(t.Minute())/60
	return hour >= from && hour < to
}

func weekend(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }

func for4h() *routing.Duration { return new(routing.Duration(4 * time.Hour)) }

// rule is one with nobody on weekends and at night.
func rule(r coverage.Report, name string, qualified int, skills ...string) coverage.Rule {
	agents := fill(r, func(t time.Time) int {
		switch {
		case weekend(t) || !between(t, 8, 20):
			return 0
		case between(t, 12, 12.5):
			return qualified / 4
		case between(t, 18.25, 20):
			return 1
		}
		return qualified - 1
	})
	out := coverage.Rule{Name: name, Skills: skills, Within: for4h(), Qualified: qualified, Agents: agents, Unknown: make([]int, coverage.Cells)}
	for _, n := range agents {
		out.Slots = append(out.Slots, 3*n)
	}
	return out
}

// lacking are findings of agents who lack a skill of rule vip.
func lacking(agents ...string) []routing.Finding {
	var out []routing.Finding
	for _, a := range agents {
		out = append(out, routing.Finding{
			Type: routing.SkillMismatch, Severity: routing.SeverityWarning, Object: "agent " + a, Rule: "vip", Agent: a, AgentID: a,
			MissingSkills: []string{"Billing"}, At: routing.Place{File: "support.yaml", Line: 18}, Message: a + " lacks Billing, for rule vip",
			Do: "rate the agent on the platform (Admin, People, ACD Skills), or leave it so where others serve the rule",
		})
	}
	return out
}

// week is what the golden files show first: a week that begins in mid-day.
func week() coverage.Report {
	r := blank(date(2026, 11, 23, 10, 15), 40)
	r.Open = fill(r, func(t time.Time) bool { return !weekend(t) && between(t, 8, 18.5) })
	vip, standard, returns := rule(r, "vip", 14, "Billing"), rule(r, "standard", 4), rule(r, "returns", 4)
	vip.Language, vip.Within = "English", new(routing.Duration(time.Hour))
	r.Rules = []coverage.Rule{vip, standard, returns}
	r.Findings = append(r.Findings, routing.Finding{
		Type: routing.Unservable, Severity: routing.SeverityError, Object: "queue Support Email", Rule: "gold", At: routing.Place{File: "support.yaml", Line: 14},
		Message: "nobody can ever serve rule gold (Billing + Klingon): of 40 members none has what it asks for",
		Do:      "train or add somebody, ask for less, or relax it over time: relax: [{ after: 2h, drop: [...] }]",
	})
	r.Findings = append(r.Findings, lacking("Ada Brook", "Noor Haddad", "Mateo Silva", "Li Wei", "Zoë Ångström")...)
	r.Findings = append(r.Findings,
		routing.Finding{
			Type: routing.Hole, Severity: routing.SeverityWarning, Rule: "vip", Message: "Billing + English: nobody Sat 08:00–13:00",
			At: routing.Place{File: "support.yaml", Line: 18}, Do: "that is 5 hours of the open hours of the next 7 days: plan one of the 14 qualified agents then, train others, or relax the rule",
			Waived: &routing.Waiver{Finding: routing.Hole, Rule: "vip", Until: date(2027, 1, 1, 0, 0), Reason: "Saturdays begin in January"},
		},
		routing.Finding{Type: routing.ZeroCapacity, Severity: routing.SeverityWarning, Agent: "Ada Brook", Capacity: new(0), Message: "Ada Brook takes no email: the utilization is 0", Do: "give the agent a capacity for email on the platform, or own it in the file: capacity: { email: 1 }"},
		routing.Finding{
			Type: routing.CapacityAssumed, Severity: routing.SeverityNote,
			Message: "39 agents are taken to have the organisation's utilization, 3 emails at once; utilizations of their own were not read", Do: "to read them, one request for each agent: --overrides",
		},
	)
	r.Waivers = []string{"line 40: the waiver of no_active_shift ended on 2026-10-31"}
	b := coverage.Balance{Weeks: 4, Handling: routing.Duration(8*time.Minute + 20*time.Second), Waiting: 31}
	b.Offered = fill(r, func(t time.Time) float64 {
		if weekend(t) {
			return 1.5
		}
		return map[bool]float64{true: 11, false: 1}[between(t, 7, 19)]
	})
	left := 31.0
	for cell, x := range b.Offered {
		b.Capacity = append(b.Capacity, 2.4*float64(standard.Agents[cell]+vip.Agents[cell]/3))
		left = max(0, left+x-b.Capacity[cell])
		b.Backlog = append(b.Backlog, left)
	}
	b.Verdict = "The week does not clear it: at least 412 more emails come in every week than can be handled; 2,911 emails expected in 7 days (mean of 4 weeks), 8m20s to handle one."
	r.Balance = &b
	return r
}

// turned is a week in which the clock is turned.
func turned(from time.Time) coverage.Report {
	r := blank(from, 6)
	night := rule(r, "night", 6, "Billing")
	night.Agents = fill(r, func(t time.Time) int {
		if _, ahead := t.Zone(); t.Weekday() == time.Sunday && t.Hour() == 2 && ahead == 3600 {
			return 2 // in the second of the two hours
		}
		return 4
	})
	for cell, n := range night.Agents {
		night.Slots[cell] = 3 * n
	}
	r.Rules = []coverage.Rule{night}
	return r
}

// unsure is a week of which not all schedules are known.
func unsure() coverage.Report {
	r := blank(date(2026, 11, 23, 0, 0), 6)
	one := rule(r, "standard", 4, "Billing")
	one.Unknown = fill(r, func(t time.Time) int {
		return map[bool]int{true: 2, false: 0}[t.Day() >= 27]
	})
	one.Slots = nil
	r.Rules = []coverage.Rule{one}
	r.Findings = []routing.Finding{
		{Type: routing.ScheduleUnknown, Severity: routing.SeverityNote, Message: "schedule unknown: no schedule of business unit Berlin is published for the week of 30 Nov", Do: "hours are counted neither as nobody nor as everybody where the schedule is not known"},
		{Type: routing.DemandUnknown, Severity: routing.SeverityNote, Message: "whether the week's email can be handled is not known: schedules are missing"},
	}
	return r
}

func nobody() coverage.Report {
	r := blank(date(2026, 11, 23, 0, 0), 0)
	r.Findings = []routing.Finding{{Type: routing.NoMembers, Severity: routing.SeverityError, Message: "Queue has no members assigned.", Do: "add members on the platform, or own them in the file: members: { agents: [...] }"}}
	return r
}

// hostile has names that a terminal or a browser would obey.
func hostile() coverage.Report {
	r := blank(date(2026, 11, 23, 0, 0), 1)
	r.Queue = "\x1b[2J</title><script>alert(1)</script>" + strings.Repeat("long", 40)
	r.Members = 3
	r.Rules = []coverage.Rule{rule(r, "<b>\x1b[31m"+strings.Repeat("wide", 40), 3, "</style>", "\u202e")}
	r.Findings = lacking("<img src=x onerror=alert(1)>", "b\x07")
	return r
}

func reports() map[string]coverage.Report {
	return map[string]coverage.Report{
		"week": week(), "autumn": turned(date(2026, 10, 19, 0, 0)), "spring": turned(date(2027, 3, 22, 0, 0)),
		"unsure": unsure(), "nobody": nobody(), "hostile": hostile(), "well": blank(date(2026, 11, 23, 0, 0), 1),
	}
}

func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".txt", func(w io.Writer) error { return staffing.Text(w, r, staffing.Style{}, false) })
			golden(t, name+".html", func(w io.Writer) error { return staffing.HTML(w, r, "support.yaml") })
		})
	}
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		golden(t, "all.txt", func(w io.Writer) error { return staffing.Text(w, week(), staffing.Style{}, true) })
	})
}

// Of agents without capacity those of whom that is known, and those of whom it is
// only the organisation's, are two lines.
func TestACapacityThatIsAssumedIsToldApart(t *testing.T) {
	t.Parallel()
	r := blank(date(2026, 11, 23, 0, 0), 6)
	for i, name := range []string{"Ada", "Noor", "Li", "Zoë"} {
		r.Findings = append(r.Findings, routing.Finding{Type: routing.ZeroCapacity, Severity: routing.SeverityWarning, Agent: name, Capacity: new(0), CapacityAssumed: i%2 > 0})
	}
	var out bytes.Buffer
	if err := staffing.Text(&out, r, staffing.Style{}, false); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"2 of 6 members take no email: their utilization is 0: Ada and Li",
		"2 of 6 members take no email by the organisation's utilization, which is 0; their own were not read: Noor and Zoë",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing: %s", want, text)
		}
	}
}

// Nobody is told where nobody is known to be there, not where nobody was read.
func TestMembersThatAreNotKnownAreNotNoMembers(t *testing.T) {
	t.Parallel()
	r := unsure()
	r.Members = 0
	var text, page bytes.Buffer
	if err := errors.Join(staffing.Text(&text, r, staffing.Style{}, false), staffing.HTML(&page, r, "")); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"text": text.String(), "page": page.String()} {
		for _, want := range []string{"Queue Support Email, members not known", "Billing: who can serve it is not known"} {
			if !strings.Contains(out, want) || strings.Contains(out, "no members") {
				t.Errorf("%s: %q is missing: %s", name, want, out)
			}
		}
	}
}

// What is not known is told as what it is.
func TestUnknownSkillsAreNoUnknownSchedules(t *testing.T) {
	t.Parallel()
	r := unsure()
	schedules, skills, members := r.Findings[0], r.Findings[0], r.Findings[0]
	skills.Type, skills.Message, skills.Do, skills.Numbers = routing.SkillsUnknown, "", "", []routing.Number{{Name: "agents", Value: 2}}
	members.Type, members.Message, members.Do = routing.SkillsUnknown, "", ""
	for want, findings := range map[string][]routing.Finding{
		"some schedules are not known":                      {schedules},
		"some skills are not known":                         {skills},
		"some members are not known":                        {members},
		"some members or skills or schedules are not known": {members, skills, schedules},
	} {
		r.Findings = findings
		var text, page bytes.Buffer
		if err := errors.Join(staffing.Text(&text, r, staffing.Style{}, false), staffing.HTML(&page, r, "")); err != nil {
			t.Fatal(err)
		}
		for name, out := range map[string]string{"text": text.String(), "page": page.String()} {
			out = strings.Join(strings.Fields(out), " ")
			least := map[string]int{"text": 3, "page": 3 + 2*96}[name] // heading and legend, and each cell
			if groups := strings.Contains(want, "members"); strings.Contains(out, "up to 2 more agents") == groups {
				t.Errorf("%s: of %q a number is told or not: %s", name, want, out)
			}
			if n := strings.Count(out, want); n < least || strings.Count(out, "are not known") != n {
				t.Errorf("%s: %q is there %d times: %s", name, want, n, out)
			}
		}
	}
}

// In golden files the style is left out, and of cells that follow each other and
// are the same but for their time only the first is there.
var (
	style = regexp.MustCompile(`(?s)<style>.*?</style>`)
	row   = regexp.MustCompile(`<div class="cells">(.*?)</div>`)
	cell  = regexp.MustCompile(`<i class="([^"]*)"(?: title="\d\d:\d\d ([^"]*)")?>.*?</i>`)
)

func shorten(page string) string {
	return row.ReplaceAllStringFunc(page, func(s string) string {
		var out []string
		last, n := "", 0
		for _, m := range cell.FindAllStringSubmatch(s, -1) {
			if now := m[1] + m[2]; now != last || n == 0 {
				if n > 1 {
					out = append(out, fmt.Sprintf("and %d more", n-1))
				}
				out, last, n = append(out, m[0]), now, 0
			}
			n++
		}
		return `<div class="cells">` + "\n" + strings.Join(append(out, fmt.Sprintf("and %d more", n-1)), "\n") + "\n</div>"
	})
}

// golden compares with a file below testdata; UPDATE=1 rewrites it. Text is
// held to 80 columns.
func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	if filepath.Ext(name) == ".html" {
		got = shorten(style.ReplaceAllString(got, "<!-- style -->"))
	} else {
		for line := range strings.Lines(got) {
			if n := lipgloss.Width(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
	if strings.Contains(got, "NaN") || strings.Contains(got, "ZgotmplZ") || filepath.Ext(name) == ".txt" && strings.ContainsAny(got, "\x1b\u202e") {
		t.Errorf("%s tells what it should not", name)
	}
	file := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is old; UPDATE=1 rewrites it (-want +got):\n%s", file, d)
	}
}

func TestAMarginIsLeft(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]coverage.Report{"week": week(), "unsure": unsure(), "hostile": hostile()} {
		var out bytes.Buffer
		if err := staffing.Text(&out, r, staffing.Style{Margin: 9}, false); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := lipgloss.Width(strings.TrimSuffix(line, "\n")); n > 71 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
}

// TestColourLeavesTheWordsAlone also guards that no style spills over its cell.
func TestColourLeavesTheWordsAlone(t *testing.T) {
	t.Parallel()
	escape := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for name, r := range reports() {
		var plain, coloured bytes.Buffer
		if err := staffing.Text(&plain, r, staffing.Style{}, false); err != nil {
			t.Fatal(err)
		}
		if err := staffing.Text(&coloured, r, staffing.Colour(), false); err != nil {
			t.Fatal(err)
		}
		got := escape.ReplaceAllString(coloured.String(), "")
		got, want := strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(plain.String()), " ")
		got = regexp.MustCompile(`underlined is the least: some (\w+) are not known`).ReplaceAllString(got, "a number is the least where some $1 are not known")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-plain +coloured):\n%s", name, d)
		}
	}
}
