package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// reportOf makes the report that the calendar of a strategy asks for.
func (s *orgShell) reportOf(ctx context.Context, want routing.Desired, period routing.Span) ([]byte, error) {
	still := *s.shell // what is told while it is made is for nobody
	still.quiet = true
	org := *s
	org.shell = &still
	day := func(t time.Time) string { return t.In(want.Report.Zone).Format(time.DateOnly) } // periods begin at midnight
	o := reportOptions{From: day(period.From), To: day(period.To), By: string(report.ByDay)}
	if want.Report.Every == routing.ReportDay {
		o.By = string(report.ByHour)
	}
	r, err := o.look(ctx, &org, []routing.Desired{want}, want.Report.Zone)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	switch want.Report.Format {
	case routing.ReportCSV:
		err = report.CSV(&b, r)
	case routing.ReportHTML:
		err = report.HTML(&b, r, o.title(r))
	case routing.ReportJSON:
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		err = enc.Encode(r)
	}
	return b.Bytes(), err
}
