package routing

import "time"

// ReportEvery is what a report by the calendar is of.
type ReportEvery string

// What a report can be of. A week begins on Monday.
const (
	ReportDay   ReportEvery = "day"
	ReportWeek  ReportEvery = "week"
	ReportMonth ReportEvery = "month"
)

// ReportFormat is as what a report is made.
type ReportFormat string

// The formats.
const (
	ReportHTML ReportFormat = "html"
	ReportJSON ReportFormat = "json"
	ReportCSV  ReportFormat = "csv"
)

// ReportSchedule says when a report is made, as what, and where it goes: Folder or
// Sync is set.
type ReportSchedule struct {
	Every  ReportEvery
	At     time.Duration // after midnight, on the clock of Zone
	Zone   *time.Location
	Format ReportFormat
	Folder string
	Sync   string // name of a SyncTarget
	Place  Place
}

// Due is the newest period whose report is due, and since when it is.
func (s ReportSchedule) Due(now time.Time) (period Span, since time.Time) {
	begin := s.begin(now, 0)
	n := 0
	if s.at(begin).After(now) {
		n = -1
	}
	return Span{From: Wall(s.begin(now, n-1), s.Zone), To: Wall(s.begin(now, n), s.Zone)}, s.at(s.begin(now, n))
}

// Next is when the report after that falls due.
func (s ReportSchedule) Next(now time.Time) time.Time {
	if at := s.at(s.begin(now, 0)); at.After(now) {
		return at
	}
	return s.at(s.begin(now, 1))
}

// begin is the first day of a period, as the wall shows it: of the one that now is
// in, or of one so many further on.
func (s ReportSchedule) begin(now time.Time, further int) time.Time {
	y, m, d := now.In(s.Zone).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	switch s.Every {
	case ReportWeek:
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7+7*further)
	case ReportMonth:
		return time.Date(y, m+time.Month(further), 1, 0, 0, 0, 0, time.UTC)
	case ReportDay:
	}
	return day.AddDate(0, 0, further)
}

// at is when a report that a day begins is made.
func (s ReportSchedule) at(day time.Time) time.Time { return Wall(day.Add(s.At), s.Zone) }
