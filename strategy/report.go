package strategy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/routing"
)

// This file checks and compiles the report that is made by the calendar.

var timeOfDay = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])$`)

// usualReportAt is when a report is made where the file does not say.
const usualReportAt = "07:00"

func (c *checker) report() {
	r := c.s.Report
	if r == nil {
		return
	}
	if c.Has("report.at") && !timeOfDay.MatchString(r.At) {
		c.Fail("report.at", fmt.Sprintf("%q is no time of the day", r.At), `write hours and minutes in quotes, such as "07:00"`)
	}
	if !c.Has("report.to") {
		return // missing, or wrong, which is said
	}
	switch {
	case c.Bad("report.to.folder") || c.Bad("report.to.sync"):
	case r.To.Folder != "" && r.To.Sync != "":
		c.Fail("report.to.sync", "folder and sync stand in one report", "keep one of them")
	case r.To.Folder == "" && r.To.Sync == "":
		c.Fail("report.to", "says nothing of where the report goes", "write { folder: /var/lib/foresort/reports }, or { sync: NAME } with the name of an entry of sync")
	case r.To.Sync != "":
		var known []string
		for _, e := range c.s.Sync {
			known = append(known, e.Name)
		}
		if !slices.Contains(known, r.To.Sync) {
			c.Fail("report.to.sync", fmt.Sprintf("no entry of sync is named %q", r.To.Sync), cmp.Or(nearest.Hint(r.To.Sync, known, '`'), "add it under sync: it says where, and how the call is signed"))
		}
	}
}

// schedule compiles it; nil: there is none.
func (s *Strategy) schedule(calendar *routing.Calendar) *routing.ReportSchedule {
	r := s.Report
	if r == nil {
		return nil
	}
	out := &routing.ReportSchedule{
		Every: r.Every, Format: cmp.Or(r.Format, routing.ReportHTML), Folder: r.To.Folder, Sync: r.To.Sync, Zone: time.UTC, Place: s.At("report"),
	}
	if calendar != nil && calendar.Location != nil {
		out.Zone = calendar.Location
	}
	if at, err := time.Parse("15:04", cmp.Or(r.At, usualReportAt)); err == nil { // else Parse has reported it
		out.At = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	return out
}
