package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// wfmHandlers answer for workforce management: one business unit with a
// management unit for each department, and the published schedules of their
// agents. See docs/platform-notes.md#workforce-management.
var wfmHandlers = map[string]handler{
	"getWorkforcemanagementBusinessunits":                       getBusinessUnits,
	"getWorkforcemanagementBusinessunit":                        getBusinessUnit,
	"getWorkforcemanagementBusinessunitManagementunits":         getUnitsOfBusinessUnit,
	"getWorkforcemanagementBusinessunitUsers":                   getUsersOfBusinessUnit,
	"getWorkforcemanagementBusinessunitActivitycodes":           getActivityCodes,
	"getWorkforcemanagementManagementunits":                     func(c *call) (int, any, error) { return page(c, c.showManagementUnits()) },
	"getWorkforcemanagementManagementunitUsers":                 getManagementUnitUsers,
	"getWorkforcemanagementAgentManagementunit":                 getAgentManagementUnit,
	"postWorkforcemanagementBusinessunitAgentschedulesSearch":   searchBusinessUnit,
	"postWorkforcemanagementManagementunitAgentschedulesSearch": searchManagementUnit,
}

// The weeks that are published around the current one.
const (
	publishedBefore = 4
	publishedAfter  = 6
)

const wfmPath = "/api/v2/workforcemanagement/"

// isAgent says whether workforce management plans for a user.
func isAgent(u user) bool { return u.Title == "Agent" }

// planned lists the agents, by department and name.
func (s *Server) planned() []user {
	all := slices.DeleteFunc(s.users.all(), func(u user) bool { return !isAgent(u) })
	slices.SortFunc(all, func(a, b user) int {
		return cmp.Or(strings.Compare(a.Department, b.Department), strings.Compare(a.Name, b.Name))
	})
	return all
}

func (s *Server) businessUnit() ref {
	id := uuid(s.dice("business unit"))
	return ref{ID: id, Name: "Larkfield Customer Care", SelfURI: wfmPath + "businessunits/" + id}
}

func (s *Server) managementUnit(department string) ref {
	id := uuid(s.dice("management unit", department))
	return ref{ID: id, Name: department, SelfURI: wfmPath + "managementunits/" + id}
}

// managementUnits lists the units: one for each department that has agents.
func (s *Server) managementUnits() []ref {
	var all []ref
	for _, u := range s.planned() {
		if n := len(all); n == 0 || all[n-1].Name != u.Department {
			all = append(all, s.managementUnit(u.Department))
		}
	}
	return all
}

// pointer is a reference without a name.
func pointer(r ref) object { return object{"id": r.ID, "selfUri": r.SelfURI} }

func (s *Server) wfmDivision() object {
	return object{"id": s.division.ID, "selfUri": "/api/v2/authorization/divisions/" + s.division.ID}
}

// wfmMetadata is the version that every object of workforce management has.
func wfmMetadata() object { return object{"version": 1} }

func getBusinessUnits(c *call) (int, any, error) {
	all := []object{}
	if len(c.planned()) > 0 {
		unit := c.businessUnit()
		all = append(all, object{"id": unit.ID, "name": unit.Name, "authorized": true, "division": c.wfmDivision(), "selfUri": unit.SelfURI})
	}
	return http.StatusOK, object{"entities": all}, nil
}

// unitInPath checks that the path names the business unit.
func (c *call) unitInPath() (ref, error) {
	id := c.params["businessUnitId"]
	unit := c.businessUnit()
	if unit.ID != id || len(c.planned()) == 0 {
		return unit, notFound("wfm.business.unit.not.found", "business unit", id)
	}
	return unit, nil
}

func getBusinessUnit(c *call) (int, any, error) {
	unit, err := c.unitInPath()
	if err != nil {
		return 0, nil, err
	}
	out := object{"id": unit.ID, "name": unit.Name, "division": c.wfmDivision(), "selfUri": unit.SelfURI}
	if slices.ContainsFunc(listed(c.query["expand"]), func(e string) bool { return strings.HasPrefix(e, "settings") }) {
		out["settings"] = object{"startDayOfWeek": "Monday", "timeZone": unitZone, "metadata": wfmMetadata()}
	}
	return http.StatusOK, out, nil
}

func (s *Server) showManagementUnits() []object {
	all := []object{}
	for _, m := range s.managementUnits() {
		all = append(all, object{
			"id": m.ID, "name": m.Name, "businessUnit": pointer(s.businessUnit()), "startDayOfWeek": "Monday",
			"timeZone": unitZone, "division": s.wfmDivision(), "version": 1, "metadata": wfmMetadata(), "selfUri": m.SelfURI,
		})
	}
	return all
}

func getUnitsOfBusinessUnit(c *call) (int, any, error) {
	if _, err := c.unitInPath(); err != nil {
		return 0, nil, err
	}
	return page(c, c.showManagementUnits())
}

func getUsersOfBusinessUnit(c *call) (int, any, error) {
	if _, err := c.unitInPath(); err != nil {
		return 0, nil, err
	}
	agents, wanted := c.planned(), listed(c.query["managementUnitIds"])
	all := []object{}
	for _, m := range c.managementUnits() {
		if len(wanted) > 0 && !slices.Contains(wanted, m.ID) {
			continue
		}
		mine := slices.DeleteFunc(slices.Clone(agents), func(u user) bool { return u.Department != m.Name })
		all = append(all, object{"managementUnit": pointer(m), "users": userPointers(mine)})
	}
	return http.StatusOK, object{"managementUnits": all}, nil
}

// agentsOf lists the agents of the management unit in the path.
func (c *call) agentsOf() ([]user, error) {
	id := c.params["managementUnitId"]
	agents := slices.DeleteFunc(c.planned(), func(u user) bool { return c.managementUnit(u.Department).ID != id })
	if len(agents) == 0 {
		return nil, notFound("wfm.management.unit.not.found", "management unit", id)
	}
	return agents, nil
}

func userPointer(u user) object { return object{"id": u.ID, "selfUri": "/api/v2/users/" + u.ID} }

func getManagementUnitUsers(c *call) (int, any, error) {
	agents, err := c.agentsOf()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, object{"entities": userPointers(agents)}, nil
}

func userPointers(users []user) []object {
	all := []object{}
	for _, u := range users {
		all = append(all, userPointer(u))
	}
	return all
}

func getAgentManagementUnit(c *call) (int, any, error) {
	u, ok := c.users.seen(c.params["agentId"])
	if !ok || !isAgent(u) {
		return 0, nil, notFound("wfm.entity.not.found", "agent", c.params["agentId"])
	}
	return http.StatusOK, object{
		"user": userPointer(u), "managementUnit": pointer(c.managementUnit(u.Department)), "businessUnit": pointer(c.businessUnit()),
	}, nil
}

func getActivityCodes(c *call) (int, any, error) {
	unit, err := c.unitInPath()
	if err != nil {
		return 0, nil, err
	}
	all := []object{}
	for _, code := range activityCodes {
		out := object{
			"id": code.id, "name": code.name, "active": true, "defaultCode": code.id <= unavailable.id, "category": code.category,
			"countsAsPaidTime": code.paid, "countsAsWorkTime": code.paid && code.category != "TimeOff",
			"agentTimeOffSelectable": code.category == "TimeOff", "metadata": wfmMetadata(),
			"selfUri": unit.SelfURI + "/activitycodes/" + code.id,
		}
		if code.minutes > 0 {
			out["lengthInMinutes"] = code.minutes
		}
		all = append(all, out)
	}
	return http.StatusOK, object{"entities": all}, nil
}

func searchBusinessUnit(c *call) (int, any, error) {
	if _, err := c.unitInPath(); err != nil {
		return 0, nil, err
	}
	return searchSchedules(c, c.planned())
}

func searchManagementUnit(c *call) (int, any, error) {
	agents, err := c.agentsOf()
	if err != nil {
		return 0, nil, err
	}
	return searchSchedules(c, agents)
}

// searchSchedules answers at once, unless the client forces it not to: then the
// answer would come as a notification on a topic that needs a user, and none is
// sent to an app; or it is left at an address to be fetched from without a
// token. Users whom the unit does not have, and those with nothing to do, are
// left out, which is unconfirmed.
func searchSchedules(c *call, agents []user) (int, any, error) {
	in, err := decode[struct {
		StartDate, EndDate time.Time
		UserIDs            []string
	}](c)
	switch {
	case err != nil:
		return 0, nil, err
	case !in.StartDate.Before(in.EndDate):
		return 0, nil, bad("wfm.validation.failure", "endDate must be after startDate").field("endDate")
	case c.query.Get("forceAsync") == "true":
		return http.StatusOK, object{"status": "Processing", "operationId": c.newID(), "progress": 0}, nil
	}
	zone := unitLocation()
	// No shift goes past midnight, so the days of the range have all of them.
	thisWeek := monday(date(c.now(), zone))
	first := later(date(in.StartDate, zone), thisWeek.AddDate(0, 0, -7*publishedBefore))
	last := earlier(date(in.EndDate.Add(-1), zone), thisWeek.AddDate(0, 0, 7*publishedAfter+6))
	schedules, found := []object{}, []object{}
	for week := monday(first); !week.After(last); week = week.AddDate(0, 0, 7) {
		schedules = append(schedules, c.schedule(week, object{"weekCount": 1}))
	}
	for _, u := range agents {
		if len(in.UserIDs) > 0 && !slices.Contains(in.UserIDs, u.ID) {
			continue
		}
		shifts, markers := []object{}, []object{}
		for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
			work, off := c.dayOf(u, day, zone)
			if work != nil && work.start.Before(in.EndDate) && work.end().After(in.StartDate) {
				shifts = append(shifts, c.showShift(*work))
			}
			if off != nil {
				markers = append(markers, off.show())
			}
		}
		if len(shifts)+len(markers) > 0 {
			found = append(found, object{"user": userPointer(u), "shifts": shifts, "fullDayTimeOffMarkers": markers})
		}
	}
	result := object{"agentSchedules": found, "businessUnitTimeZone": unitZone, "publishedSchedules": schedules}
	if c.query.Get("forceDownloadService") == "true" {
		url, err := c.download(result)
		return http.StatusOK, object{"status": "Complete", "operationId": c.newID(), "downloadUrl": url}, err
	}
	return http.StatusOK, object{"status": "Complete", "result": result}, nil
}

// maxDownloads is how many answers are kept to be fetched.
const maxDownloads = 20

// download is an answer that is fetched from an address of its own.
type download struct {
	id   string
	body []byte
}

// download keeps an answer and gives its address.
func (c *call) download(v any) (url string, err error) {
	d := download{id: uuid(c.chance)}
	if d.body, err = json.Marshal(v); err != nil {
		return "", fmt.Errorf("keep an answer for download: %w", err)
	}
	c.downloads = append(c.downloads, d)
	if len(c.downloads) > maxDownloads {
		c.downloads = c.downloads[1:]
	}
	return strings.Replace(c.sockets, "ws", "http", 1) + "/downloads/" + d.id, nil
}

// serveDownload answers whoever knows the address.
func (s *Server) serveDownload(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	i := slices.IndexFunc(s.downloads, func(d download) bool { return d.id == r.PathValue("id") })
	var body []byte
	if i >= 0 {
		body = s.downloads[i].body
	}
	s.mu.Unlock()
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// schedule is a reference to the published schedule of a week.
func (s *Server) schedule(week time.Time, more object) object {
	date := week.Format(time.DateOnly)
	id := uuid(s.dice("schedule", date))
	more["id"], more["weekDate"] = id, date
	more["selfUri"] = s.businessUnit().SelfURI + "/weeks/" + date + "/schedules/" + id
	return more
}

func (s *Server) showShift(w shift) object {
	activities := []object{}
	for _, a := range w.activities {
		activities = append(activities, object{
			"startDate": stamp(a.start), "lengthMinutes": a.minutes, "activityCodeId": a.code.id, "description": "", "paid": a.code.paid,
		})
	}
	return object{
		"id": w.id, "startDate": stamp(w.start), "lengthMinutes": int(w.end().Sub(w.start).Minutes()), "activities": activities,
		"manuallyEdited": false, "schedule": s.schedule(monday(w.day), object{}),
	}
}

func (o dayOff) show() object {
	return object{
		"businessUnitDate": o.day.Format(time.DateOnly), "lengthMinutes": o.minutes, "activityCodeId": o.code.id,
		"description": o.code.name, "paid": o.code.paid,
	}
}
