package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// reportWorld is a daemon that makes reports, and the periods of which it made any.
type reportWorld struct {
	*reportTimes
	made []string
	fail error
	log  *strings.Builder
}

func newReportWorld(t *testing.T, database string, schedule routing.ReportSchedule) *reportWorld {
	t.Helper()
	w := &reportWorld{log: &strings.Builder{}}
	schedule.Zone, schedule.At = time.UTC, 7*time.Hour
	d, err := New(Config{
		Store: storetest.Open(t, database), Org: routing.Ref{ID: "org", Name: "Larkfield"},
		Strategies: []routing.Desired{{Strategy: "quiet"}, {Strategy: "support", Queue: routing.DesiredQueue{Name: "Support"}, Report: &schedule}},
		Report: func(_ context.Context, want routing.Desired, period routing.Span) ([]byte, error) {
			if w.fail != nil {
				return nil, w.fail
			}
			what := want.Strategy + " " + period.From.Format(time.DateOnly) + " " + period.To.Format(time.DateOnly)
			w.made = append(w.made, what)
			return json.Marshal(map[string]string{"of": what})
		},
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.reportTimes = &reportTimes{Daemon: d, again: map[string]time.Time{}, failed: map[string]int{}}
	return w
}

// restart forgets what only the process knows.
func (w *reportWorld) restart() {
	w.again, w.failed = map[string]time.Time{}, map[string]int{}
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Each period has one report, over restarts and with two that lead for a moment;
// what was missed is not made up but for the newest.
func TestReportsByTheCalendarAreMadeOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		dir := t.TempDir()
		w := newReportWorld(t, database, routing.ReportSchedule{Every: routing.ReportDay, Format: routing.ReportJSON, Folder: dir})
		for _, step := range []struct {
			now, next string
			restart   bool
			made      []string // that are new
			says      string
		}{
			{now: "2026-03-04 06:00", next: "2026-03-04 07:00", made: []string{"support 2026-03-02 2026-03-03"}}, // the first that it ever makes
			{now: "2026-03-04 06:30", next: "2026-03-04 07:00"},
			{now: "2026-03-04 06:59", next: "2026-03-04 07:00", restart: true},
			{now: "2026-03-04 07:00", next: "2026-03-05 07:00", made: []string{"support 2026-03-03 2026-03-04"}},
			{now: "2026-03-04 07:01", next: "2026-03-05 07:00", restart: true},
			{now: "2026-03-09 12:00", next: "2026-03-10 07:00", restart: true, made: []string{"support 2026-03-08 2026-03-09"}, says: "reports were missed"},
			{now: "2026-03-09 11:00", next: "2026-03-10 07:00", restart: true}, // the clock was put back
		} {
			if step.restart {
				w.restart()
			}
			w.made = nil
			w.log.Reset()
			if next := w.tick(t.Context(), moment(t, step.now)); next.Format("2006-01-02 15:04") != step.next {
				t.Errorf("at %s the next is at %s, want %s", step.now, next, step.next)
			}
			if d := cmp.Diff(step.made, w.made); d != "" {
				t.Errorf("at %s (-want +got):\n%s", step.now, d)
			}
			if missed := strings.Contains(w.log.String(), "reports were missed"); missed != (step.says != "") {
				t.Errorf("at %s it said %s", step.now, w.log)
			}
		}
		var names []string
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, f.Name())
		}
		if d := cmp.Diff([]string{"support-2026-03-02.json", "support-2026-03-03.json", "support-2026-03-08.json"}, names); d != "" {
			t.Errorf("files (-want +got):\n%s", d)
		}
		if b, err := os.ReadFile(filepath.Join(dir, names[0])); err != nil || string(b) != `{"of":"support 2026-03-02 2026-03-03"}` {
			t.Errorf("%s, %v", b, err)
		}
	})
}

// A clock that was ahead for a while holds up no report, with or without a restart.
func TestReportsGoOnWhenTheClockWasAhead(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		w := newReportWorld(t, filepath.Join(t.TempDir(), "foresort.db"), routing.ReportSchedule{Every: routing.ReportDay, Format: routing.ReportJSON, Folder: t.TempDir()})
		for _, now := range []string{"2026-03-04 08:00", "2027-03-04 08:00", "2026-03-04 08:01", "2026-03-05 08:00", "2026-03-05 08:01"} {
			if restart {
				w.restart()
			}
			w.tick(t.Context(), moment(t, now))
		}
		if d := cmp.Diff([]string{"support 2026-03-03 2026-03-04", "support 2027-03-03 2027-03-04", "support 2026-03-04 2026-03-05"}, w.made); d != "" {
			t.Errorf("restart %t (-want +got):\n%s", restart, d)
		}
	}
}

// A report that fails is tried again, with pauses that double up to a limit, and
// gives way to that of the next period.
func TestAReportThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newReportWorld(t, database, routing.ReportSchedule{Every: routing.ReportDay, Format: routing.ReportJSON, Folder: filepath.Join(t.TempDir(), "missing")})
		now := moment(t, "2026-03-04 07:00")
		var pauses []time.Duration
		for range 7 {
			next := w.tick(t.Context(), now)
			if early := w.tick(t.Context(), next.Add(-time.Second)); !early.Equal(next) {
				t.Fatalf("it was tried before its time: %s, want %s", early, next)
			}
			pauses = append(pauses, next.Sub(now))
			now = next
		}
		want := []time.Duration{1, 2, 4, 8, 16, 30, 30}
		for i := range want {
			want[i] *= time.Minute
		}
		if d := cmp.Diff(want, pauses); d != "" {
			t.Errorf("pauses (-want +got):\n%s", d)
		}
		if n := strings.Count(w.log.String(), "the report was not made; it is tried again"); n != 7 || !strings.Contains(w.log.String(), "make the folder") {
			t.Errorf("it said %s", w.log)
		}
		if last, err := w.ledger.LastReport(t.Context(), "support", now); last != nil || err != nil {
			t.Fatal(last, err)
		}
		if err := os.Mkdir(w.Strategies[1].Report.Folder, 0o700); err != nil {
			t.Fatal(err)
		}
		w.fail = errors.New("the platform is away")
		if next := w.tick(t.Context(), moment(t, "2026-03-05 06:45")); !next.Equal(moment(t, "2026-03-05 07:00")) {
			t.Errorf("the next is at %s, and another is due before", next)
		}
		w.fail, w.made = nil, nil
		w.tick(t.Context(), moment(t, "2026-03-05 07:00"))
		if d := cmp.Diff([]string{"support 2026-03-04 2026-03-05"}, w.made); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

// A report that goes through sync is one delivery, whoever puts it.
func TestAReportIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	for _, format := range []routing.ReportFormat{routing.ReportJSON, routing.ReportHTML} {
		storetest.Each(t, func(t *testing.T, database string) {
			schedule := routing.ReportSchedule{Every: routing.ReportWeek, Format: format, Sync: "gateway"}
			var both []*reportWorld
			for range 2 {
				w := newReportWorld(t, database, schedule)
				w.tick(t.Context(), moment(t, "2026-03-09 07:00"))
				both = append(both, w)
			}
			w := both[1]
			w.restart()
			// One that had looked before the other wrote.
			r := ledger.Reported{Strategy: "support", To: moment(t, "2026-03-09 00:00")}
			if first, err := w.ledger.Report(t.Context(), r, nil); first || err != nil {
				t.Errorf("it was made again: %v, %v", first, err)
			}
			all, err := jobs.NewOutbox(w.Store, "org").List(t.Context(), jobs.Filter{Limit: 10})
			if err != nil || len(all) != 1 {
				t.Fatalf("%d deliveries, %v", len(all), err)
			}
			if all[0].Endpoint != "support/gateway" || all[0].Event != relay.ReportReady || all[0].Object != "report:support" {
				t.Errorf("%+v", all[0])
			}
			var e relay.Event
			if err := json.Unmarshal([]byte(all[0].Body), &e); err != nil {
				t.Fatal(err)
			}
			content := `{"of":"support 2026-03-02 2026-03-09"}`
			if format != routing.ReportJSON {
				content = fmt.Sprintf("%q", content)
			}
			want := relay.Report{Every: "week", From: moment(t, "2026-03-02 00:00"), To: moment(t, "2026-03-09 00:00"), Format: string(format), Content: json.RawMessage(content)}
			if d := cmp.Diff(want, *e.Report); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			proof, err := w.ledger.Verify(t.Context())
			if err != nil || !proof.OK() {
				t.Errorf("%+v, %v", proof, err)
			}
		})
	}
}
