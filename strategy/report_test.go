package strategy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

func TestTheReportByTheCalendar(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nname: support\nqueue: Support Email\n"
	for name, tt := range map[string]struct {
		src  string
		want *routing.ReportSchedule
	}{
		"none": {"", nil},
		"usual": {
			"report: { every: week, to: { folder: /reports } }\n",
			&routing.ReportSchedule{Every: routing.ReportWeek, At: 7 * time.Hour, Zone: time.UTC, Format: routing.ReportHTML, Folder: "/reports"},
		},
		"on the clock of the calendar": {
			`calendar: office
sync: [{ name: gateway, url: "https://gateway.example.com", secret: "${GATEWAY}" }]
report: { every: month, at: "23:59", format: csv, to: { sync: gateway } }
calendars: { office: { timezone: Europe/Berlin, open: { mon-fri: ["08:00-18:00"] } } }
`,
			&routing.ReportSchedule{Every: routing.ReportMonth, At: 24*time.Hour - time.Minute, Zone: berlin(t), Format: routing.ReportCSV, Sync: "gateway"},
		},
	} {
		s, problems := strategy.Parse("strategy.yaml", []byte(head+tt.src))
		if err := problems.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := s.Desired().Report
		if got != nil {
			if got.Place.Line == 0 {
				t.Errorf("%s: it has no place", name)
			}
			got.Place = routing.Place{}
		}
		if d := cmp.Diff(tt.want, got, sameZone); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
