package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/sandbox"
)

// found is the answer of a search for schedules.
type found struct {
	Status, OperationID string
	Result              struct {
		AgentSchedules []struct {
			User   struct{ ID string }
			Shifts []struct {
				ID            string
				StartDate     time.Time
				LengthMinutes int
				Activities    []struct {
					StartDate      time.Time
					LengthMinutes  int
					ActivityCodeID string
				}
				Schedule struct{ WeekDate string }
			}
			FullDayTimeOffMarkers []struct {
				BusinessUnitDate string
				LengthMinutes    int
				ActivityCodeID   string
			}
		}
		BusinessUnitTimeZone string
		PublishedSchedules   []struct{ WeekDate string }
	}
}

func (x *org) schedules(path string, from, to time.Time, users ...string) found {
	x.t.Helper()
	body := map[string]any{"startDate": from.UTC().Format(time.RFC3339), "endDate": to.UTC().Format(time.RFC3339)}
	if len(users) > 0 {
		body["userIds"] = users
	}
	r := x.call("POST", path+"/agentschedules/search", body)
	var f found
	if err := json.Unmarshal(r.body, &f); err != nil || r.status != http.StatusOK {
		x.t.Fatalf("search: %d %s", r.status, r.body)
	}
	return f
}

func (x *org) unitPath() string { return wfm + "/businessunits/" + x.businessUnit() }

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// codes are the ids of the activity codes, by category.
func (x *org) categories() map[string]string {
	x.t.Helper()
	out := map[string]string{}
	for _, c := range entities(x.ok("GET", x.unitPath()+"/activitycodes", nil)) {
		out[fmt.Sprint(c["id"])] = fmt.Sprint(c["category"])
	}
	return out
}

// A week of 40 agents looks like one: most work, some are away, everybody has
// breaks and meals, and nobody works on a Sunday or at night.
func TestAWeekOfSchedules(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		x, _ := virtual(t, sandbox.Options{Seed: seed})
		zone, categories := berlin(t), x.categories()
		from := time.Date(2026, 3, 2, 0, 0, 0, 0, zone)
		week := x.schedules(x.unitPath(), from, from.AddDate(0, 0, 7))
		if week.Status != "Complete" || week.Result.BusinessUnitTimeZone != "Europe/Berlin" || len(week.Result.AgentSchedules) < 38 {
			t.Fatalf("status %s, zone %s, %d agents", week.Status, week.Result.BusinessUnitTimeZone, len(week.Result.AgentSchedules))
		}
		minutes, shifts, away, ids := map[string]int{}, 0, 0, map[string]bool{}
		for _, agent := range week.Result.AgentSchedules {
			away += len(agent.FullDayTimeOffMarkers)
			days := len(agent.Shifts) + len(agent.FullDayTimeOffMarkers)
			if days < 4 || days > 6 {
				t.Errorf("an agent has %d days in a week", days)
			}
			for _, s := range agent.Shifts {
				shifts++
				ids[s.ID] = true
				local := s.StartDate.In(zone)
				end := local.Add(time.Duration(s.LengthMinutes) * time.Minute)
				if local.Weekday() == time.Sunday || local.Hour() < 7 || end.Day() != local.Day() || s.Schedule.WeekDate != "2026-03-02" {
					t.Errorf("a shift from %s to %s of week %s", local, end, s.Schedule.WeekDate)
				}
				at := s.StartDate
				for _, a := range s.Activities {
					if !a.StartDate.Equal(at) || a.LengthMinutes <= 0 {
						t.Errorf("an activity at %s for %d min, want it to follow at %s", a.StartDate, a.LengthMinutes, at)
					}
					minutes[categories[a.ActivityCodeID]] += a.LengthMinutes
					at = at.Add(time.Duration(a.LengthMinutes) * time.Minute)
				}
				if !at.Equal(end) {
					t.Errorf("activities end at %s, the shift at %s", at, end)
				}
			}
		}
		if len(ids) != shifts || shifts < 140 || away < 3 {
			t.Errorf("%d shifts with %d ids, %d days off", shifts, len(ids), away)
		}
		for _, c := range []string{"OnQueueWork", "Break", "Meal", "Meeting", "Training"} {
			if minutes[c] == 0 {
				t.Errorf("seed %d: nobody has any %s", seed, c)
			}
		}
		if share := 100 * minutes["OnQueueWork"] / (shifts * 8 * 60); share < 60 {
			t.Errorf("%d %% of a full week on queue", share)
		}
	}
}

// Clocks in Berlin go forward on 2026-03-29 and back on 2026-10-25: a shift
// keeps its local hour.
func TestShiftsKeepTheirLocalHour(t *testing.T) {
	t.Parallel()
	for _, change := range []time.Time{time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC)} {
		clock := sandbox.NewClock(change)
		x := open(t, sandbox.Options{Now: clock.Now})
		zone := berlin(t)
		// Two weeks apart, so that those who alternate are in the same turn.
		starts := func(from time.Time) map[string]map[int]int {
			out := map[string]map[int]int{}
			for _, agent := range x.schedules(x.unitPath(), from, from.AddDate(0, 0, 7)).Result.AgentSchedules {
				hours := map[int]int{}
				for _, s := range agent.Shifts {
					if local := s.StartDate.In(zone); local.Weekday() != time.Saturday {
						hours[local.Hour()*60+local.Minute()]++
					}
				}
				out[agent.User.ID] = hours
			}
			return out
		}
		before := starts(time.Date(change.Year(), change.Month(), change.Day()-6, 0, 0, 0, 0, zone))
		after := starts(time.Date(change.Year(), change.Month(), change.Day()+8, 0, 0, 0, 0, zone))
		compared := 0
		for id, hours := range before {
			for hour := range hours {
				if len(after[id]) > 0 && after[id][hour] == 0 {
					t.Errorf("around %s an agent begins at minute %d of the day, then at %v", change.Format(time.DateOnly), hour, after[id])
				}
				compared++
			}
		}
		if compared < 20 {
			t.Errorf("only %d agents were compared", compared)
		}
	}
}

// However a range is cut, its parts have the same shifts as the whole.
func TestSearchesOfPartsAgreeWithTheWhole(t *testing.T) {
	t.Parallel()
	x, _ := virtual(t, sandbox.Options{RateLimit: -1})
	path := x.unitPath()
	shifts := func(from, to time.Time) map[string]bool {
		out := map[string]bool{}
		for _, agent := range x.schedules(path, from, to).Result.AgentSchedules {
			for _, s := range agent.Shifts {
				if end := s.StartDate.Add(time.Duration(s.LengthMinutes) * time.Minute); !s.StartDate.Before(to) || !end.After(from) {
					t.Errorf("the search %s to %s has a shift %s to %s", from, to, s.StartDate, end)
				}
				out[s.ID] = true
			}
		}
		return out
	}
	rapid.Check(t, func(r *rapid.T) {
		from := start.Add(time.Duration(rapid.IntRange(-20*24*60, 20*24*60).Draw(r, "from, minutes")) * time.Minute)
		cut := from.Add(time.Duration(rapid.IntRange(1, 3*24*60).Draw(r, "cut, minutes")) * time.Minute)
		to := cut.Add(time.Duration(rapid.IntRange(1, 3*24*60).Draw(r, "to, minutes")) * time.Minute)
		parts := shifts(from, cut)
		for id := range shifts(cut, to) {
			parts[id] = true
		}
		if d := cmp.Diff(shifts(from, to), parts); d != "" {
			r.Fatalf("whole and parts differ (-whole +parts):\n%s", d)
		}
	})
}

func TestSchedulesOfAManagementUnitAndOfOneAgent(t *testing.T) {
	t.Parallel()
	x, _ := virtual(t, sandbox.Options{})
	from, to := start, start.AddDate(0, 0, 14)
	kofi, ada := x.userID("Kofi Mensah"), x.userID("Ada Brook")
	unit := x.ok("GET", wfm+"/agents/"+kofi+"/managementunit", nil)
	at, _ := unit["managementUnit"].(map[string]any)
	business, _ := unit["businessUnit"].(map[string]any)
	if business["id"] != x.businessUnit() {
		t.Errorf("the agent's business unit: %v", business)
	}
	orders := wfm + "/managementunits/" + fmt.Sprint(at["id"])
	if n := len(x.schedules(orders, from, to).Result.AgentSchedules); n != 10 {
		t.Errorf("%d agents of Orders, want 10", n)
	}
	if got := x.schedules(orders, from, to, ada); len(got.Result.AgentSchedules) != 0 {
		t.Errorf("an agent of another unit: %v", got.Result.AgentSchedules)
	}
	both := x.schedules(x.unitPath(), from, to, kofi, ada, "nobody")
	if len(both.Result.AgentSchedules) != 2 {
		t.Errorf("%d agents, want the two asked for", len(both.Result.AgentSchedules))
	}
	again := x.schedules(x.unitPath(), from, to, kofi, ada)
	if d := cmp.Diff(both, again); d != "" {
		t.Errorf("asked twice:\n%s", d)
	}
	if n := len(entities(x.ok("GET", orders+"/users", nil))); n != 10 {
		t.Errorf("%d users of Orders", n)
	}
	var units []string
	for _, u := range entities(x.ok("GET", x.unitPath()+"/managementunits", nil)) {
		units = append(units, fmt.Sprint(u["name"]))
	}
	if d := cmp.Diff([]string{"Back Office", "Orders", "Support"}, units); d != "" {
		t.Errorf("management units (-want +got):\n%s", d)
	}
}

func TestOnlyTheWeeksAroundNowArePublished(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{})
	weeks := func() (first, last string, n int) {
		got := x.schedules(x.unitPath(), start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0)).Result
		for _, s := range got.PublishedSchedules {
			if n++; n == 1 {
				first = s.WeekDate
			}
			last = s.WeekDate
		}
		for _, agent := range got.AgentSchedules {
			for _, s := range agent.Shifts {
				if s.Schedule.WeekDate < first || s.Schedule.WeekDate > last {
					t.Errorf("a shift of the week %s", s.Schedule.WeekDate)
				}
			}
		}
		return first, last, n
	}
	if first, last, n := weeks(); first != "2026-02-02" || last != "2026-04-13" || n != 11 {
		t.Errorf("published: %s to %s, %d weeks", first, last, n)
	}
	clock.Advance(7 * 24 * time.Hour)
	x.token = x.signIn()
	if first, last, _ := weeks(); first != "2026-02-09" || last != "2026-04-20" {
		t.Errorf("a week later: %s to %s", first, last)
	}
}

func TestWorkforceManagementRefuses(t *testing.T) {
	t.Parallel()
	x, _ := virtual(t, sandbox.Options{})
	search := x.unitPath() + "/agentschedules/search"
	day := `{"startDate":"2026-03-02T00:00:00Z","endDate":"2026-03-03T00:00:00Z"}`
	tests := map[string]struct {
		method, path string
		body         any
		status       int
		code         string
	}{
		"an end before the start":        {"POST", search, `{"startDate":"2026-03-03T00:00:00Z","endDate":"2026-03-02T00:00:00Z"}`, 400, "wfm.validation.failure"},
		"no end":                         {"POST", search, `{"startDate":"2026-03-03T00:00:00Z"}`, 400, "constraint.validation"},
		"a date without a time":          {"POST", search, `{"startDate":"2026-03-03","endDate":"2026-03-04T00:00:00Z"}`, 400, "invalid.date"},
		"another business unit":          {"POST", wfm + "/businessunits/other/agentschedules/search", day, 404, "wfm.business.unit.not.found"},
		"another management unit":        {"POST", wfm + "/managementunits/other/agentschedules/search", day, 404, "wfm.management.unit.not.found"},
		"codes of another business unit": {"GET", wfm + "/businessunits/other/activitycodes", nil, 404, "wfm.business.unit.not.found"},
		"someone who is not planned":     {"GET", wfm + "/agents/" + x.userID("Sam Whitaker") + "/managementunit", nil, 404, "wfm.entity.not.found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x.in(t).refused(tt.method, tt.path, tt.body, tt.status, tt.code)
		})
	}
	if got := x.ok("POST", search+"?forceAsync=true", day); got["status"] != "Processing" || got["operationId"] == nil || got["result"] != nil {
		t.Errorf("forced to answer later: %v", got)
	}
	kept := x.ok("POST", search+"?forceDownloadService=true", day)
	if kept["status"] != "Complete" || kept["result"] != nil {
		t.Errorf("to be downloaded: %v", kept)
	}
	at := x.ok("POST", search, day)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprint(kept["downloadUrl"]), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.send(req); got.status != http.StatusOK || !cmp.Equal(got.object(t), at["result"]) {
		t.Errorf("downloaded: %d %v", got.status, got.err)
	}
	req.URL.Path += "x"
	if got := x.send(req); got.status != http.StatusNotFound {
		t.Errorf("an address that there is not: %d", got.status)
	}
	empty := open(t, sandbox.Options{Empty: true})
	if all := entities(empty.ok("GET", wfm+"/businessunits", nil)); len(all) != 0 {
		t.Errorf("an empty organisation has business units: %v", all)
	}
}

func TestBusinessUnitSettings(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	if plain := x.ok("GET", x.unitPath(), nil); plain["settings"] != nil {
		t.Errorf("settings without expand: %v", plain)
	}
	full := x.ok("GET", x.unitPath()+"?expand=settings.timeZone", nil)
	settings, _ := full["settings"].(map[string]any)
	if settings["timeZone"] != "Europe/Berlin" {
		t.Errorf("settings: %v", settings)
	}
	categories := x.categories()
	if categories["0"] != "OnQueueWork" {
		t.Errorf("code 0 is %s", categories["0"])
	}
}
