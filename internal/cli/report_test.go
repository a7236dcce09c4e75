package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
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
	settings := map[string]string{
		"FORESORT_GATEWAY": base, "FORESORT_STATE": filepath.Join(t.TempDir(), "state"), "FORESORT_PER_MINUTE": "1000000",
		"GENESYS_CLIENT_ID": sandbox.DefaultClientID, "GENESYS_CLIENT_SECRET": sandbox.DefaultClientSecret,
	}
	for name, args := range map[string][]string{
		"days":              {"--from", "2026-02-18", "--to", "2026-03-03", "--by", "day"},
		"hours, until now":  {"--since", "3d", "--by", "hour"},
		"five weeks":        {"--since", "34d", "--by", "day"},
		"parts of some day": {"--from", "2026-02-28T11:00:00+01:00", "--to", "2026-03-02T14:30:00+01:00", "--by", "day"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, talk bytes.Buffer
			all := append([]string{"report", "Support Email", "Billing Email", "--json", "--timezone", "Europe/Berlin"}, args...)
			if got := run(t.Context(), env{strings.NewReader(""), &out, &talk, func(name string) string { return settings[name] }}, all); got != 0 {
				t.Fatalf("exit code %d: %s", got, talk.String())
			}
			var r report.Report
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if len(r.Queues) != 2 {
				t.Fatalf("%d queues", len(r.Queues))
			}
			record := server.Record()
			for _, q := range r.Queues {
				if len(q.Rows) < 3 || *q.Total.Offered < 100 {
					t.Errorf("%s: %d rows, %d emails: too little to prove anything", q.Queue, len(q.Rows), *q.Total.Offered)
				}
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
		})
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
