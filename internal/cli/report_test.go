package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
)

// A report of an organisation that lives is held against the engine's own record,
// which is read here in its own way: to the email, and to the millisecond.
func TestAReportIsWhatHappened(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 11, 37, 0, 0, time.UTC)
	server := sandbox.New(sandbox.Options{RateLimit: -1, Now: sandbox.NewClock(now).Now, Traffic: sandbox.SeedTraffic(), History: 35 * 24 * time.Hour, Seed: 7})
	base, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	for name, args := range map[string][]string{
		"days":              {"--from", "2026-02-18", "--to", "2026-03-03", "--by", "day"},
		"hours, until now":  {"--since", "3d", "--by", "hour"},
		"five weeks":        {"--since", "34d", "--by", "day"},
		"parts of some day": {"--from", "2026-02-28T11:00:00+01:00", "--to", "2026-03-02T14:30:00+01:00", "--by", "day"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "five weeks" && testing.Short() {
				t.Skip("-short: it takes a minute under the race detector, and the other spans go the same way")
			}
			r := heldAgainst(t, server, base, args...)
			if len(r.Queues) != 2 {
				t.Fatalf("%d queues", len(r.Queues))
			}
			for _, q := range r.Queues {
				if len(q.Rows) < 3 || *q.Total.Offered < 100 {
					t.Errorf("%s: %d rows, %d emails: too little to prove anything", q.Queue, len(q.Rows), *q.Total.Offered)
				}
			}
		})
	}
}

func TestTheSpanOfAReport(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 11, 37, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		of        reportOptions
		want, err string
	}{
		"days of the zone":             {of: reportOptions{From: "2026-03-01", To: "2026-03-03"}, want: "2026-02-28T23:00:00Z/2026-03-02T23:00:00Z"},
		"half hours":                   {of: reportOptions{From: "2026-03-01T08:40:00+01:00", To: "2026-03-01T10:10:00Z"}, want: "2026-03-01T07:30:00Z/2026-03-01T10:00:00Z"},
		"until now":                    {of: reportOptions{Since: "1h"}, want: "2026-03-04T10:30:00Z/2026-03-04T11:37:00Z"},
		"no longer than now":           {of: reportOptions{Since: "0d", To: "2028-01-01"}, want: "2026-03-04T11:30:00Z/2026-03-04T11:37:00Z"},
		"the wrong way round":          {of: reportOptions{From: "2026-03-03", To: "2026-03-02"}, err: "2026-03-03 is not before 2026-03-02"},
		"in one half hour":             {of: reportOptions{From: "2026-03-01T08:05:00Z", To: "2026-03-01T08:20:00Z"}, err: "2026-03-01T08:05:00Z and 2026-03-01T08:20:00Z are in the same half hour"},
		"still to come":                {of: reportOptions{Since: "2027-01-01"}, err: "2027-01-01 is not before now"},
		"no day":                       {of: reportOptions{Since: "2026-02-30"}, err: `--since: "2026-02-30" is neither a duration nor a time`},
		"the zone of the machine":      {of: reportOptions{Since: "7d", Zone: "Local"}, err: `--timezone: "Local" is no time zone`},
		"a zone that there is nowhere": {of: reportOptions{Since: "7d", Zone: "Mars"}, err: `--timezone: "Mars" is no time zone`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.of.Zone == "" {
				tt.of.Zone = "Europe/Berlin"
			}
			zone, err := tt.of.zone(nil)
			got := routing.Span{}
			if err == nil {
				got, err = tt.of.span(now, zone)
			}
			switch {
			case tt.err != "" && (err == nil || err.Error() != tt.err):
				t.Errorf("got %v, %v, want the error %s", got, err, tt.err)
			case tt.err == "" && (err != nil || got.From.Format(time.RFC3339)+"/"+got.To.Format(time.RFC3339) != tt.want):
				t.Errorf("got %v, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// reportOn is a report of two queues of a sandbox.
func reportOn(t *testing.T, base string, args ...string) (r report.Report) {
	t.Helper()
	settings := map[string]string{
		"FORESORT_GATEWAY": base, "FORESORT_STATE": filepath.Join(t.TempDir(), "state"), "FORESORT_PER_MINUTE": "1000000",
		"GENESYS_CLIENT_ID": sandbox.DefaultClientID, "GENESYS_CLIENT_SECRET": sandbox.DefaultClientSecret,
	}
	var out, talk bytes.Buffer
	all := append([]string{"report", "Support Email", "Billing Email", "--json", "--timezone", "Europe/Berlin"}, args...)
	if got := run(t.Context(), env{strings.NewReader(""), &out, &talk, func(name string) string { return settings[name] }}, all); got != 0 {
		t.Fatalf("exit code %d: %s", got, talk.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// heldAgainst is a report of which each figure has been held against the record.
func heldAgainst(t *testing.T, server *sandbox.Server, base string, args ...string) report.Report {
	t.Helper()
	r := reportOn(t, base, args...)
	record := server.Record()
	for _, q := range r.Queues {
		truth(t, q.Queue.String()+", all", q, r.Span, q.Total, record)
		for _, row := range q.Rows {
			span := row.Span
			if span.From.Before(r.From) {
				span.From = r.From
			}
			if span.To.After(r.To) {
				span.To = r.To
			}
			truth(t, q.Queue.String()+", "+row.Name, q, span, row.Figures, record)
		}
	}
	return r
}

// backed is a desk that is weeks behind: of email that has waited for up to 60 days
// an agent answers a few a day.
const backed = `version: 1
start: 2026-03-02
timezone: UTC
days: 7
arrivals:
  - mix: { support@help.example.com: 1, billing@help.example.com: 1 }
    rates: { mon-sun: { 09:00-17:00: 1 } }
backlog:
  - { rule: support@help.example.com, count: 30, oldest: 1440h, newest: 400h }
  - { rule: billing@help.example.com, count: 12, oldest: 1200h, newest: 1h }
handle: { mean: 90m }
rules: { support@help.example.com: {}, billing@help.example.com: {} }
agents:
  - { name: Day, skills: { Billing: 4 }, languages: { English: 4 }, shifts: { mon-sun: 08:00-18:00 } }
`

// Email that began long before the conversations that are read by their beginnings
// is where it was: in the backlog of past days, and then among what was answered, of
// days that the data lake knows and of today.
func TestAReportKnowsEmailThatWaitedForWeeks(t *testing.T) {
	t.Parallel()
	sc, problems := scenario.Parse("traffic.yaml", []byte(backed), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	server := sandbox.New(sandbox.Options{RateLimit: -1, Now: sandbox.NewClock(now).Now, Traffic: sc})
	base, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := server.Advance(3*24*time.Hour + 14*time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--since", "2026-03-02"}, {"--since", "3h", "--by", "hour"}} {
		r := heldAgainst(t, server, base, args...)
		old := 0
		for _, c := range server.Record() {
			for _, s := range c.Stays {
				if s.Entered.Before(r.From.Add(-15*24*time.Hour)) && s.Answered.After(r.From) && s.Answered.Before(r.To) {
					old++
				}
			}
		}
		if old == 0 {
			t.Errorf("%s: no old email was answered", args)
		}
		if len(r.Notes) != 0 {
			t.Errorf("%s: %s", args, r.Notes)
		}
	}
	server.LagMetrics(30 * 24 * time.Hour) // the lake is older than what is asked for
	r := reportOn(t, base, "--since", "1d")
	if want := "email that began before 2026-02-18 UTC and has been answered by now is in no figure: how many emails that are is not known"; !slices.Contains(r.Notes, want) {
		t.Errorf("without a lake: %q", r.Notes)
	}
}

// truth holds figures of a queue in a span against the record.
func truth(t *testing.T, name string, q report.QueueReport, span routing.Span, got report.Figures, record []routing.Conversation) {
	t.Helper()
	within := func(at time.Time) bool { return !at.IsZero() && !at.Before(span.From) && at.Before(span.To) }
	var want report.Figures
	var level report.Level
	var waits, handles, firsts []float64
	var backlog report.Backlog
	offered := 0
	for _, c := range record {
		for _, s := range c.Stays {
			if s.QueueID != q.Queue.ID {
				continue
			}
			if within(s.Entered) {
				offered++
			}
			if within(s.Answered) {
				want.Answered++
				level.Counted++
				if s.Answered.Sub(s.Entered) <= time.Duration(q.Target.Within) {
					level.InTime++
				}
			}
			if within(s.Left) {
				waits = append(waits, s.Left.Sub(s.Entered).Seconds())
				if s.Abandoned {
					want.Abandoned++
					level.Counted++
				}
			}
			ended := s.Left
			if !s.Answered.IsZero() {
				ended = s.Answered.Add(s.Handle)
				if s.Handle > 0 && within(ended) {
					handles = append(handles, s.Handle.Seconds())
				}
			}
			if s.Transferred && within(ended) {
				want.Transferred++
			}
			if s.FirstResponse > 0 && within(s.Entered.Add(s.FirstResponse)) {
				firsts = append(firsts, s.FirstResponse.Seconds())
			}
			for _, a := range s.Alerts {
				if !a.Answered && within(a.To) && (s.Left.IsZero() || a.To.Before(s.Left)) {
					want.Missed++
				}
			}
			if s.Entered.Before(span.To) && (s.Left.IsZero() || !s.Left.Before(span.To)) {
				backlog.Waiting++
				if age := span.To.Sub(s.Entered).Seconds(); backlog.Oldest == nil || age > *backlog.Oldest {
					backlog.Oldest = &age
				}
			}
		}
	}
	want.Offered, want.Backlog = &offered, &backlog
	want.Wait, want.Handle, want.First = timesOfAll(waits), timesOfAll(handles), timesOfAll(firsts)
	if level.Counted > 0 {
		level.Percent = new(100 * level.InTime / level.Counted)
	}
	want.Level = &level
	got.Deadlines, got.Occupancy, got.Fairness = nil, nil, nil
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 0.002 })
	if d := cmp.Diff(want, got, near); d != "" {
		t.Errorf("%s (-record +report):\n%s", name, d)
	}
}

func timesOfAll(all []float64) *report.Times {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	out := &report.Times{N: len(all)}
	for _, x := range all {
		out.Mean += x / float64(len(all))
	}
	out.P50, out.P90 = all[(len(all)+1)/2-1], all[(9*len(all)+9)/10-1]
	return out
}

func TestEveryChangeOfAQueueIsToldAndSaysWhetherItLasts(t *testing.T) {
	t.Parallel()
	queue, other := routing.Ref{ID: "q", Name: "Support"}, routing.Ref{ID: "r", Name: "Returns"}
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	update := func(of routing.Ref) plan.Change {
		return plan.Change{ID: 1, Verb: plan.Update, Kind: plan.Queue, Object: of, Fields: []plan.FieldChange{{Field: "rings"}}}
	}
	route := plan.Change{ID: 1, Verb: plan.Create, Kind: plan.Route, Object: routing.Ref{Name: "a@example.com"}, Route: &plan.Pair[routing.RouteSettings]{After: routing.RouteSettings{Queue: &queue}}}
	utilization := plan.Change{ID: 1, Verb: plan.Update, Kind: plan.Utilization, Object: routing.Ref{ID: "u", Name: "Ann"}, Fields: []plan.FieldChange{{Field: "email"}}}
	stranger := utilization
	stranger.Object = routing.Ref{ID: "v", Name: "Ben"}
	email := plan.Change{ID: 1, Verb: plan.Update, Kind: plan.Email, Object: routing.Ref{ID: "c"}, Waits: queue}
	run := func(id string, p plan.Plan, outcome apply.Outcome) apply.Record {
		return apply.Record{ID: id, Started: at, Last: at.Add(time.Second), Phases: []apply.Phase{{Plan: p, Results: map[int]apply.Result{1: {Outcome: outcome, Object: p.Changes[0].Object}}}}, End: &apply.End{OK: true}}
	}
	of := func(strategy string, c plan.Change) plan.Plan {
		return plan.Plan{Strategy: strategy, Changes: []plan.Change{c}}
	}
	lease := plan.Lease{Rule: "surge", Levers: []routing.Lever{routing.LeverCapacity}, Began: at.Add(time.Second), Ends: at.Add(time.Hour)}
	override := func(of plan.Plan, lease plan.Lease) plan.Plan {
		of.Lease = &lease
		return of
	}
	leased, undone := override(of("adjusts", utilization), lease), run("undone", of("support", update(queue)), apply.Done)
	again := lease
	again.ID = "leased"
	other1 := override(of("returns", update(other)), lease)
	undone.End.Undone = true
	ended := of("adjusts", utilization)
	ended.Undoes = "leased"
	back := of("support", update(queue))
	back.Undoes = "queue"
	owned := of("people", utilization)
	owned.Owns = []plan.Claim{{Kind: plan.Queue, Object: queue}}
	cut := run("cut", of("support", update(queue)), apply.Uncertain)
	cut.End, cut.Phases[0].Results, cut.Phases[0].Intents = nil, nil, map[int]apply.Intent{1: {Change: 1}}
	changes := changesOf([]apply.Record{
		run("queue", of("support", update(queue)), apply.Done), run("other", of("returns", update(other)), apply.Done),
		run("failed", of("support", update(queue)), apply.Failed), run("already", of("support", update(queue)), apply.Already), undone,
		run("route", of("addresses", route), apply.Done), run("capacity", of("support", utilization), apply.Done), run("owned", owned, apply.Done),
		run("email", of("live", email), apply.Done), run("leased", leased, apply.Done), run("goes on", override(of("adjusts", email), again), apply.Done), run("ended", ended, apply.Done),
		run("shared", plan.Plan{Strategy: "returns", Changes: []plan.Change{utilization, {ID: 2, Verb: plan.Update, Kind: plan.Queue, Object: other}}}, apply.Done), run("elsewhere", of("returns", stranger), apply.Done),
		run("back", back, apply.Done), run("unsure", of("support", update(queue)), apply.Uncertain), cut,
		run("otherleased", other1, apply.Done), run("nothing", override(of("support", update(queue)), lease), apply.Failed), run("plain", override(of("support", update(queue)), lease), apply.Done),
	}, []ledger.Decided{
		{Run: "leased", Queue: queue, Words: "let each member have 4 emails at once"}, {Lease: "leased", Run: "ended", Queue: queue, At: at.Add(40 * time.Minute)},
	}, []report.Queue{{Ref: queue, Strategy: "support", Members: []routing.Member{{Ref: routing.Ref{ID: "u"}}}}})
	var got []string
	for _, c := range changes.Of("q", routing.Span{From: at, To: at.Add(time.Minute)}) {
		text := c.ID + ": " + strings.Join(c.What, "; ")
		if c.Passing != "" {
			text += fmt.Sprintf(" (%s %s %v, %d, then %v)", c.Passing, c.Rule, c.Levers, c.Emails, c.Runs)
		}
		if !c.Ended.IsZero() {
			text += " for " + c.Ended.Sub(c.At).String()
		}
		got = append(got, text)
	}
	want := []string{
		"undone: update queue Support (rings) (undone  [], 0, then []) for 1s",
		"queue: update queue Support (rings)", "route: create email route a@example.com", "capacity: update utilization of Ann (email)",
		"owned: update utilization of Ann (email)", "email: change 1 email that waited (emails  [], 1, then [])",
		"shared: update utilization of Ann (email)", "back: update queue Support (rings)", "unsure: update queue Support (rings), perhaps", "cut: update queue Support (rings), perhaps",
		"leased: let each member have 4 emails at once (override surge [capacity], 1, then [goes on ended]) for 39m59s",
		"plain: update queue Support (rings) (override surge [capacity], 0, then []) for 0s",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := len(changes.Of("q", routing.Span{From: at.Add(-time.Minute), To: at})); n != 0 {
		t.Errorf("%d changes before they were made", n)
	}
}

// An override that nobody ended in time is told in the pack of the run that ended it,
// from when it began.
func TestAPackGoesBackToWhenItsOverrideBegan(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	run := func(id, undoes string, days int, lease *plan.Lease) apply.Record {
		last := at.AddDate(0, 0, days)
		return apply.Record{ID: id, Started: last, Last: last, Phases: []apply.Phase{{Plan: plan.Plan{Undoes: undoes, Lease: lease}}}}
	}
	runs := []apply.Record{
		run("plain", "", 0, nil), run("begins", "", 0, &plan.Lease{Began: at}), run("goes on", "", 1, &plan.Lease{ID: "begins", Began: at}),
		run("fails to end it", "goes on", 2, nil), run("ends it", "goes on", 3, nil), run("puts that back", "ends it", 4, nil), run("after it", "", 5, nil),
	}
	for id, want := range map[string]time.Time{"plain": at, "begins": at, "goes on": at, "ends it": at, "puts that back": at, "after it": at.AddDate(0, 0, 5)} {
		run := runs[slices.IndexFunc(runs, func(r apply.Record) bool { return r.ID == id })]
		if got := beginning(run, runs, nil); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

func TestTheQueuesOfARun(t *testing.T) {
	t.Parallel()
	change := func(kind plan.Kind, name, waits string) plan.Change {
		return plan.Change{Kind: kind, Object: routing.Ref{Name: name}, Waits: routing.Ref{Name: waits}}
	}
	capacity := change(plan.Utilization, "Ann", "")
	decisions := []ledger.Decided{{Queue: routing.Ref{Name: "Other"}}, {Run: "begins", Queue: routing.Ref{Name: "Support"}}}
	wants := []routing.Desired{{Strategy: "support", Queue: routing.DesiredQueue{Name: "Support"}}, {Strategy: "other", Queue: routing.DesiredQueue{Name: "Other"}}}
	for name, tt := range map[string]struct {
		run, override string
		plan          plan.Plan
		wants         []routing.Desired
		want          []string
	}{
		"what it changed":      {plan: plan.Plan{Changes: []plan.Change{change(plan.Queue, "A", ""), change(plan.Member, "B", ""), change(plan.Email, "", "C"), change(plan.Route, "a@example.com", "")}}, want: []string{"A", "B", "C"}},
		"what it owns":         {plan: plan.Plan{Owns: []plan.Claim{{Kind: plan.Queue, Object: routing.Ref{Name: "A"}}}, Changes: []plan.Change{capacity}}, want: []string{"A"}},
		"capacity alone":       {plan: plan.Plan{Strategy: "support", Changes: []plan.Change{capacity}}},
		"that of its strategy": {plan: plan.Plan{Strategy: "support", Changes: []plan.Change{capacity}}, wants: wants, want: []string{"Support"}},
		"an override":          {run: "begins", plan: plan.Plan{Changes: []plan.Change{capacity}}, want: []string{"Support"}},
		"what ended it":        {run: "ends", override: "begins", plan: plan.Plan{Changes: []plan.Change{capacity}}, want: []string{"Support"}},
	} {
		got := queuesOf(apply.Record{ID: tt.run, Phases: []apply.Phase{{Plan: tt.plan}}}, tt.override, decisions, tt.wants)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// What does not last asks for no time before it.
func TestOnlyWhatIsComparedIsReadFor(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)
	span := routing.Span{From: now.Add(-10 * 24 * time.Hour), To: now}
	change := report.Change{At: span.From.Add(time.Hour), Ended: now, Passing: report.Override}
	for name, tt := range map[string]struct {
		change func(c *report.Change)
		from   time.Time
	}{
		"an override of a week": {func(*report.Change) {}, time.Date(2026, 2, 19, 0, 0, 0, 0, time.UTC)},
		"one of an hour":        {func(c *report.Change) { c.Ended = c.At.Add(time.Hour) }, span.From},
		"one that holds":        {func(c *report.Change) { c.At, c.Ended = now.Add(-time.Hour), time.Time{} }, span.From},
		"what lasts":            {func(c *report.Change) { c.Passing, c.Ended = "", time.Time{} }, time.Date(2026, 2, 19, 0, 0, 0, 0, time.UTC)},
		"email":                 {func(c *report.Change) { c.Passing, c.Ended = report.Emails, time.Time{} }, span.From},
		"what was put back":     {func(c *report.Change) { c.Passing, c.Ended = report.Undone, c.At.Add(time.Minute) }, span.From},
	} {
		c := change
		tt.change(&c)
		if got := (ledgerChanges{"q": {c}}).known([]report.Queue{{Ref: routing.Ref{ID: "q"}}}, span, now, time.UTC); !got.Equal(tt.from) {
			t.Errorf("%s: from %s, want %s", name, got, tt.from)
		}
	}
}

// A pack is there as a whole, or not at all.
func TestAFolderIsWrittenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	files := []report.File{{Name: "a", Body: []byte("a")}}
	last := func() (report.File, error) { return report.File{Name: "b", Body: []byte("b")}, nil }
	for name, tt := range map[string]struct {
		before func(dir string) error // pack is the folder
		last   func() (report.File, error)
		want   []string
		ok     bool
	}{
		"new":           {nil, last, []string{"pack", "pack/a", "pack/b"}, true},
		"empty":         {func(dir string) error { return os.Mkdir(filepath.Join(dir, "pack"), 0o700) }, last, []string{"pack", "pack/a", "pack/b"}, true},
		"not sealed":    {nil, func() (report.File, error) { return report.File{}, errors.New("no") }, nil, false},
		"not empty now": {func(dir string) error { return os.MkdirAll(filepath.Join(dir, "pack", "x"), 0o700) }, last, []string{"pack", "pack/x"}, false},
	} {
		dir := t.TempDir()
		if tt.before != nil {
			if err := tt.before(dir); err != nil {
				t.Fatal(err)
			}
		}
		err := writeFolder(filepath.Join(dir, "pack"), files, tt.last)
		var got []string
		if err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if path != dir {
				got = append(got, filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator))))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, got); d != "" || (err == nil) != tt.ok {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
}

func TestOutOfBandChangesOfAQueue(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	q := report.Queue{
		Ref: routing.Ref{ID: "q", Name: "Support"}, Members: []routing.Member{{Ref: routing.Ref{ID: "ann"}}},
		Rules: []report.Rule{{Name: "all", Addresses: []string{"help@example.com"}}},
	}
	sam, kim := relay.Actor{Kind: relay.Person, Ref: routing.Ref{ID: "s", Name: "Sam"}}, relay.Actor{Kind: relay.Person, Ref: routing.Ref{ID: "k", Name: "Kim"}}
	n := 0
	trace := func(minute int, by relay.Actor, entity, id, name, property, value string) ledger.Trace {
		n++
		out := ledger.Trace{ID: strconv.Itoa(n), At: at.Add(time.Duration(minute) * time.Minute), By: by, Type: entity, Action: "Update", Object: routing.Ref{ID: id, Name: name}}
		if property != "" {
			out.Changes = []genesys.AuditChange{{Property: property, NewValues: []string{value}}}
		}
		return out
	}
	got := outsideOf(q, []ledger.Trace{
		trace(0, sam, "Queue", "q", "Support", "rings", "x"),
		trace(1, sam, "Queue", "q", "Support", "rings", "y"),
		trace(2, sam, "AgentRoutingInfo", "ann", "Ann", "email", "5"),
		trace(3, sam, "Queue", "r", "Returns", "rings", "x"),
		trace(4, kim, "AgentRoutingInfo", "ben", "Ben", "email", "5"),
		trace(5, kim, "Queue", "q", "Support", "QueueMember/q:ann:joined", "true"),
		trace(6, kim, "InboundRoute", "1", "help@example.com", "priority", "3"),
		trace(7, kim, "InboundRoute", "2", "old@example.com", "queue.id", "q"),
		trace(8, kim, "InboundRoute", "3", "other@example.com", "queue.id", "r"),
		trace(80, kim, ledger.OrgCapacity, "o", "Org", "email", "5"),
		trace(200, kim, "Queue", "q", "Support", "", ""),
	})
	var lines []string
	for _, c := range got {
		lines = append(lines, c.ID+" "+c.By+": "+strings.Join(c.What, "; "))
	}
	want := []string{
		"1 Sam: changed queue Support (rings); changed agent Ann (email)",
		"7 Kim: changed email route help@example.com (priority); changed email route old@example.com (queue.id)",
		"10 Kim: changed MaxOrgRoutingUtilizationCapacity Org (email)",
		"11 Kim: changed queue Support",
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// What the platform lists as waiting is in the backlog, also what began before the
// conversations that were read; what it does not list is told.
func TestOldEmailThatWaitsIsInTheBacklog(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC)
	in := report.Input{Span: routing.Span{From: now.Add(-24 * time.Hour), To: now}, Now: now, By: report.ByDay, Queues: []report.Queue{{Ref: routing.Ref{ID: "q", Name: "Support"}}}}
	old := routing.WaitingEmail{ConversationID: "old", Entered: now.Add(-60 * 24 * time.Hour)}
	known := routing.WaitingEmail{ConversationID: "known", Entered: now.Add(-time.Hour)}
	later := routing.WaitingEmail{ConversationID: "later", Entered: now.Add(time.Second)}
	b := report.New(in)
	b.Add(routing.Conversation{ID: "known", Stays: []routing.Stay{{QueueID: "q", Entered: known.Entered}}})
	notes := addWaiting(b, in, now.Add(-15*24*time.Hour), map[string]bool{"known": true}, map[string]routing.QueueState{
		"q": {Waiting: 5, Emails: []routing.WaitingEmail{old, known, later}},
	})
	q := b.Report().Queues[0]
	if got := q.Total.Backlog; got.Waiting != 2 || *got.Oldest != (60*24*time.Hour).Seconds() || *q.Total.Offered != 1 {
		t.Errorf("%d wait, %d offered", got.Waiting, *q.Total.Offered)
	}
	want := []string{"Support: of 5 emails that wait now the platform does not list 2; those of them that began before 2026-02-17 UTC are in no backlog"}
	if d := cmp.Diff(want, notes); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
