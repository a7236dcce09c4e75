package genesys

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file reads published schedules. Many organisations have no workforce
// management, and an answer may never come (docs/platform-notes.md#workforce-management):
// whatever cannot be read becomes a reason in the roster, not an error, and the
// agents whom it is about stay unknown.

// How many users one search is about: an answer that is not ready at once may be
// for fewer.
const (
	mostSearched   = 500
	fewestSearched = 25
)

// rosterReader holds what is read of a roster so far.
type rosterReader struct {
	c      *Client
	roster routing.Roster
	batch  int  // how many users the next search is about
	closed bool // a business unit could not be read: who is in none is not known
	units  int
	// absent are those whom an answer left out, with what is published of the span;
	// nil: whoever is left out is planned, and has nothing scheduled.
	absent map[string][]routing.Span
}

// roster reads what is published of users in a span.
func (c *Client) roster(ctx context.Context, span routing.Span, users []string) routing.Roster {
	r := &rosterReader{c: c, batch: mostSearched, roster: routing.Roster{Span: span, Agents: map[string]routing.AgentSchedule{}}}
	if len(users) > 0 {
		r.read(ctx, users)
	}
	return r.roster
}

// unknown adds a reason, once.
func (r *rosterReader) unknown(format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	if !slices.Contains(r.roster.Unknown, reason) {
		r.roster.Unknown = append(r.roster.Unknown, reason)
	}
}

// failed adds an error as a reason.
func (r *rosterReader) failed(err error) {
	var refused *APIError
	if errors.As(err, &refused) && refused.Is(ErrForbidden) {
		r.unknown("the client may not read schedules: %s", cmp.Or(strings.Join(refused.Missing, " or "), refused.Message))
		return
	}
	r.unknown("workforce management did not answer: %v", err)
}

// wireUnit is a BusinessUnitListItem.
type wireUnit struct {
	routing.Ref
	Authorized *bool `json:"authorized"` // whether the client may see it
}

// read looks for the users in one business unit after the other, until all are
// found.
func (r *rosterReader) read(ctx context.Context, users []string) {
	type listing struct{ Entities []wireUnit }
	units, err := call[listing](ctx, r.c, GetWorkforcemanagementBusinessunits, nil, nil, nil)
	var refused *APIError
	switch {
	case errors.As(err, &refused) && (refused.Is(ErrNotFound) || refused.Status == http.StatusMethodNotAllowed), err == nil && len(units.Entities) == 0:
		r.unknown("the organisation has no workforce management")
		r.roster.None = true
		return
	case err != nil:
		r.failed(err)
		return
	}
	r.units = len(units.Entities)
	lost := users
	if only := units.Entities[0]; r.units == 1 && (only.Authorized == nil || *only.Authorized) && r.only(ctx, only, users) {
		return
	}
	for _, u := range units.Entities {
		if len(lost) == 0 || ctx.Err() != nil {
			return
		}
		if u.Authorized != nil && !*u.Authorized {
			r.closed = true
			r.unknown("the client may not see the business unit %s of workforce management", u)
			continue
		}
		found, others, err := r.among(ctx, u, lost)
		if err != nil {
			r.closed = true
			r.failed(err)
			continue
		}
		lost = others
		if len(found) > 0 {
			r.unit(ctx, u, found)
		}
	}
	if len(lost) > 0 && !r.closed {
		r.unknown("%d of %d agents are in no business unit of workforce management", len(lost), len(users))
	}
}

// only reads the schedules of users in the only business unit there is, before it
// is known who is planned there; that is found out where the answer leaves out some
// of them. It is false where the search was not taken.
func (r *rosterReader) only(ctx context.Context, u wireUnit, users []string) (taken bool) {
	absent := map[string][]routing.Span{}
	r.absent = absent
	taken = r.unit(ctx, u, users)
	r.absent = nil
	if !taken || len(absent) == 0 {
		return taken
	}
	found, others, err := r.among(ctx, u, slices.Sorted(maps.Keys(absent)))
	if err != nil {
		r.failed(err)
		return true
	}
	for _, id := range found {
		r.roster.Agents[id] = routing.AgentSchedule{Known: absent[id]}
	}
	if len(others) > 0 {
		r.unknown("%d of %d agents are in no business unit of workforce management", len(others), len(users))
	}
	return true
}

// among tells those users who are planned in a business unit from the others.
func (r *rosterReader) among(ctx context.Context, u wireUnit, users []string) (found, others []string, err error) {
	type listing struct {
		ManagementUnits []struct{ Users []routing.Ref }
	}
	all, err := call[listing](ctx, r.c, GetWorkforcemanagementBusinessunitUsers, []string{u.ID}, nil, nil)
	planned := map[string]bool{}
	for _, m := range all.ManagementUnits {
		for _, user := range m.Users {
			planned[user.ID] = true
		}
	}
	for _, id := range users {
		if planned[id] {
			found = append(found, id)
		} else {
			others = append(others, id)
		}
	}
	return found, others, err
}

// unit reads the schedules of the users of one business unit, in batches. While
// an answer would come later, by a notification that an app cannot count on, the
// batches are made smaller. It is false where a search was not taken, perhaps
// because not all of the users are planned there.
func (r *rosterReader) unit(ctx context.Context, u wireUnit, users []string) (taken bool) {
	codes, err := r.codes(ctx, u)
	if err != nil {
		r.failed(err)
		return true
	}
	for len(users) > 0 && ctx.Err() == nil {
		some := users[:min(r.batch, len(users))]
		a, err := r.search(ctx, u, some)
		var refused *APIError
		switch {
		case r.absent != nil && (errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Is(ErrNotFound)) || err == nil && a.Status != complete && a.Status != processing):
			return false
		case err != nil:
			r.failed(err)
			return true
		case a.Status == processing && len(some) > fewestSearched:
			r.batch = max(fewestSearched, (len(some)+1)/2)
			continue
		case a.Status == processing:
			r.unknown("workforce management is still processing the schedules of some agents")
		case a.Status != complete || a.Result == nil:
			r.unknown("workforce management gave no schedules of some agents: its search ended as %q", a.Status)
		default:
			if err := r.keep(u, *a.Result, codes, some); err != nil {
				r.unknown("the answer of workforce management cannot be used: %v", err)
				return true
			}
		}
		users = users[len(some):]
	}
	return true
}

// codes reads the categories of the activity codes of a business unit.
func (r *rosterReader) codes(ctx context.Context, u wireUnit) (map[string]routing.ActivityCategory, error) {
	type listing struct {
		Entities []struct {
			ID       string
			Category routing.ActivityCategory
		}
		DownloadURL string `json:"downloadUrl"`
	}
	all, err := call[listing](ctx, r.c, GetWorkforcemanagementBusinessunitActivitycodes, []string{u.ID}, nil, nil)
	if err == nil && all.DownloadURL != "" {
		all, err = downloaded[listing](ctx, r.c, all.DownloadURL)
	}
	codes := map[string]routing.ActivityCategory{}
	for _, code := range all.Entities {
		if slices.Contains(categories, code.Category) {
			codes[code.ID] = code.Category
		}
	}
	return codes, err
}

// categories are those of the contract (BusinessUnitActivityCode.category).
var categories = []routing.ActivityCategory{routing.OnQueueWork, "Break", "Meal", "Meeting", "OffQueueWork", "TimeOff", "Training", "Unavailable"}

// The states of a search that are told apart.
const (
	complete   = "Complete"
	processing = "Processing"
)

// wireSearch is a BuAsyncAgentSchedulesSearchResponse.
type wireSearch struct {
	Status      string
	Result      *wireSchedules
	DownloadURL string `json:"downloadUrl"`
}

// wireSchedules is a BuAgentSchedulesSearchResponse.
type wireSchedules struct {
	AgentSchedules []struct {
		User   routing.Ref
		Shifts []struct {
			wireStretch
			Activities []struct {
				wireStretch
				ActivityCodeID string `json:"activityCodeId"`
			}
		}
		FullDayTimeOffMarkers []struct{ BusinessUnitDate string }
	}
	BusinessUnitTimeZone string
	PublishedSchedules   []struct {
		WeekDate  string
		WeekCount int
	}
}

// wireStretch is a stretch of time; its start is in UTC, whatever the zone.
type wireStretch struct {
	StartDate     time.Time
	LengthMinutes int
}

func (w wireStretch) span() routing.Span {
	return routing.Span{From: w.StartDate, To: w.StartDate.Add(time.Duration(w.LengthMinutes) * time.Minute)}
}

// search asks for the published schedules of some users, and fetches the answer
// where it is left elsewhere.
func (r *rosterReader) search(ctx context.Context, u wireUnit, users []string) (wireSearch, error) {
	// A shift that began before the span may go on in it.
	from := r.roster.From.AddDate(0, 0, -1)
	a, err := call[wireSearch](ctx, r.c, PostWorkforcemanagementBusinessunitAgentschedulesSearch, []string{u.ID}, nil, map[string]any{
		"startDate": from.UTC().Format(time.RFC3339), "endDate": r.roster.To.UTC().Format(time.RFC3339), "userIds": users,
	})
	if err == nil && a.Status == complete && a.Result == nil && a.DownloadURL != "" {
		a.Result, err = downloaded[*wireSchedules](ctx, r.c, a.DownloadURL)
	}
	return a, err
}

// downloaded is download with the answer read into a T.
func downloaded[T any](ctx context.Context, c *Client, address string) (T, error) {
	var v T
	raw, err := c.download(ctx, address)
	if err != nil {
		return v, fmt.Errorf("fetch its answer: %v", err) //nolint:errorlint // a 403 there tells nothing about permissions
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("fetch its answer: it does not fit: %w", err)
	}
	return v, nil
}

// keep takes in a complete answer about users. Who is planned and not in it has
// nothing scheduled where schedules are published.
func (r *rosterReader) keep(u wireUnit, a wireSchedules, codes map[string]routing.ActivityCategory, users []string) error {
	if a.BusinessUnitTimeZone == "" {
		return errors.New("it has no time zone")
	}
	zone, err := time.LoadLocation(a.BusinessUnitTimeZone)
	if err != nil {
		return fmt.Errorf("its time zone: %w", err)
	}
	if r.roster.Zone == nil {
		r.roster.Zone = zone
	}
	published, err := r.published(u, a, zone)
	if err != nil || len(published) == 0 {
		return err
	}
	schedules := map[string]routing.AgentSchedule{}
	for _, id := range users {
		schedules[id] = routing.AgentSchedule{Known: published}
	}
	left := maps.Clone(schedules)
	for _, agent := range a.AgentSchedules {
		s, asked := schedules[agent.User.ID]
		if !asked {
			continue
		}
		delete(left, agent.User.ID)
		for _, w := range agent.Shifts {
			shift := routing.Shift{Span: w.span()}
			if !overlap(shift.Span, r.roster.Span) {
				continue
			}
			for _, activity := range w.Activities {
				category, known := codes[activity.ActivityCodeID]
				if !known {
					r.unknown("the activity code %s has no category that is known", activity.ActivityCodeID)
					s.Known = minus(s.Known, activity.span())
					continue
				}
				shift.Activities = append(shift.Activities, routing.Activity{Span: activity.span(), Category: category})
			}
			s.Shifts = append(s.Shifts, shift)
		}
		for _, marker := range agent.FullDayTimeOffMarkers {
			off, err := localDays(marker.BusinessUnitDate, 1, zone)
			if err != nil {
				return err
			}
			if overlap(off, r.roster.Span) || slices.ContainsFunc(s.Shifts, func(w routing.Shift) bool { return overlap(routing.Span{From: w.From, To: w.From.Add(1)}, off) }) {
				s.Off = append(s.Off, off)
			}
		}
		slices.SortStableFunc(s.Shifts, func(a, b routing.Shift) int { return a.From.Compare(b.From) })
		schedules[agent.User.ID] = s
	}
	if r.absent != nil {
		for id, s := range left {
			r.absent[id] = s.Known
			delete(schedules, id)
		}
	}
	maps.Copy(r.roster.Agents, schedules)
	return nil
}

// published are the parts of the span for which schedules are published. For the
// others there is a reason.
func (r *rosterReader) published(u wireUnit, a wireSchedules, zone *time.Location) ([]routing.Span, error) {
	gaps := []routing.Span{r.roster.Span}
	for _, p := range a.PublishedSchedules {
		weeks, err := localDays(p.WeekDate, 7*max(1, p.WeekCount), zone)
		if err != nil {
			return nil, err
		}
		gaps = minus(gaps, weeks)
	}
	known := []routing.Span{r.roster.Span}
	where := ""
	if r.units > 1 {
		where = " in the business unit " + u.String()
	}
	const form = "2006-01-02 15:04"
	for _, gap := range gaps {
		known = minus(known, gap)
		r.unknown("no schedule is published for %s to %s (%s)%s", gap.From.In(zone).Format(form), gap.To.In(zone).Format(form), zone, where)
	}
	return known, nil
}

// localDays is the span of some days, from midnight to midnight as the clock on
// the wall of a zone shows it.
func localDays(first string, days int, zone *time.Location) (routing.Span, error) {
	day, err := time.Parse(time.DateOnly, first)
	return routing.Span{From: routing.Wall(day, zone), To: routing.Wall(day.AddDate(0, 0, days), zone)}, err
}

func overlap(a, b routing.Span) bool { return a.From.Before(b.To) && b.From.Before(a.To) }

// minus is what is left of spans without a part.
func minus(spans []routing.Span, part routing.Span) []routing.Span {
	left := []routing.Span{}
	for _, s := range spans {
		if !overlap(s, part) {
			left = append(left, s)
			continue
		}
		if s.From.Before(part.From) {
			left = append(left, routing.Span{From: s.From, To: part.From})
		}
		if part.To.Before(s.To) {
			left = append(left, routing.Span{From: part.To, To: s.To})
		}
	}
	return left
}
