package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// auditHandlers answer for the audit trail: at once, or as a query that runs
// and is asked for later. See docs/platform-notes.md#audits.
var auditHandlers = map[string]handler{
	"postAuditsQueryRealtime":              postAuditsQueryRealtime,
	"postAuditsQuery":                      postAuditsQuery,
	"getAuditsQueryTransactionId":          getAuditsQuery,
	"getAuditsQueryTransactionIdResults":   getAuditsQueryResults,
	"getAuditsQueryServicemapping":         getServiceMapping,
	"getAuditsQueryRealtimeServicemapping": getServiceMapping,
}

// How far the trail reaches. That the realtime query refuses more than its
// reach, and does not shorten it, is unconfirmed.
const (
	realtimeReach  = 14 * 24 * time.Hour
	maxAuditQuery  = 30 * 24 * time.Hour // the longest interval of a query that runs
	auditRetention = 365 * 24 * time.Hour
	maxAuditPage   = 500
)

// auditQuery is the body of both queries; only the realtime one has pages.
type auditQuery struct {
	Interval   string        `json:"interval"`
	Service    string        `json:"serviceName"`
	Filters    []auditFilter `json:"filters"`
	Sort       []auditSort   `json:"sort"`
	PageNumber *int          `json:"pageNumber,omitempty"`
	PageSize   *int          `json:"pageSize,omitempty"`
}

type auditFilter struct {
	Property string `json:"property"`
	Value    string `json:"value"`
}

type auditSort struct {
	Name  string `json:"name"`
	Order string `json:"sortOrder"`
}

// auditJob is a query that runs: it has run when it has been looked at twice.
type auditJob struct {
	query auditQuery
	start time.Time
	looks int
	rows  []auditRow // those that were visible when it had run
}

// parseInterval reads start/end in ISO-8601.
func parseInterval(s string) (from, to time.Time, err error) {
	a, b, found := strings.Cut(s, "/")
	from, errFrom := time.Parse(time.RFC3339, a)
	to, errTo := time.Parse(time.RFC3339, b)
	if !found || errFrom != nil || errTo != nil || !from.Before(to) {
		return from, to, bad("invalid.value", "Value [%s] is not a valid interval; write start/end in ISO-8601, start first", s).field("interval")
	}
	return from, to, nil
}

// check says what both queries refuse.
func (q auditQuery) check() (from, to time.Time, err error) {
	if from, to, err = parseInterval(q.Interval); err != nil {
		return from, to, err
	}
	if q.Service == "" {
		return from, to, bad("client.failed.request", "serviceName is required").field("serviceName")
	}
	has := func(property string) bool {
		return slices.ContainsFunc(q.Filters, func(f auditFilter) bool { return f.Property == property })
	}
	if has("Action") && !has("EntityType") {
		return from, to, bad("client.failed.request", "IllegalQueryException: a filter on Action needs one on EntityType").field("filters")
	}
	return from, to, nil
}

// auditRows lists the rows that a query finds: within its interval and visible
// by now. Without a sort the newest come first, which is unconfirmed.
func (s *Server) auditRows(q auditQuery, from, to time.Time) []auditRow {
	rows := []auditRow{}
	for _, r := range s.audits {
		if r.Service == q.Service && !r.EventDate.Before(from) && r.EventDate.Before(to) &&
			s.wall().Sub(r.written) >= s.auditDelay(r.written) && !slices.ContainsFunc(q.Filters, func(f auditFilter) bool { return !f.passes(r) }) {
			rows = append(rows, r)
		}
	}
	if len(q.Sort) == 0 || q.Sort[0].Order == "descending" {
		slices.Reverse(rows)
	}
	return rows
}

func (f auditFilter) passes(r auditRow) bool {
	id := func(r *ref) string {
		if r == nil {
			return ""
		}
		return r.ID
	}
	switch f.Property {
	case "UserId":
		return id(r.User) == f.Value
	case "ClientId":
		return id(r.Client) == f.Value
	case "Action":
		return r.Action == f.Value
	case "EntityType":
		return r.EntityType == f.Value
	case "EntityId":
		return r.Entity.ID == f.Value
	default: // nobody acts here for another organisation
		return false
	}
}

// showAudits names the users of rows only where expand asks for them.
func (c *call) showAudits(rows []auditRow) []auditRow {
	out := slices.Clone(rows)
	if slices.Contains(listed(c.query["expand"]), "user") {
		return out
	}
	for i, r := range out {
		if r.User != nil {
			out[i].User = &ref{ID: r.User.ID, SelfURI: r.User.SelfURI}
		}
	}
	return out
}

func postAuditsQueryRealtime(c *call) (int, any, error) {
	q, err := decode[auditQuery](c)
	if err != nil {
		return 0, nil, err
	}
	from, to, err := q.check()
	if err != nil {
		return 0, nil, err
	}
	if from.Before(c.now().Add(-realtimeReach)) {
		return 0, nil, bad("client.failed.request", "the realtime query reaches %d days back", realtimeReach/(24*time.Hour)).field("interval")
	}
	size, number := 25, 1
	if q.PageSize != nil {
		size = *q.PageSize
	}
	if q.PageNumber != nil {
		number = min(*q.PageNumber, maxNumber)
	}
	if size < 1 || size > maxAuditPage || number < 1 {
		return 0, nil, bad("invalid.value", "pageSize must be between 1 and %d, and pageNumber 1 or more", maxAuditPage).field("pageSize")
	}
	rows := c.auditRows(q, from, to)
	first := min((number-1)*size, len(rows))
	return http.StatusOK, object{
		"entities": c.showAudits(rows[first:min(first+size, len(rows))]),
		"pageSize": size, "pageNumber": number, "total": len(rows), "pageCount": (len(rows) + size - 1) / size,
	}, nil
}

func postAuditsQuery(c *call) (int, any, error) {
	q, err := decode[auditQuery](c)
	if err != nil {
		return 0, nil, err
	}
	from, to, err := q.check()
	switch {
	case err != nil:
		return 0, nil, err
	case to.Sub(from) > maxAuditQuery:
		return 0, nil, bad("client.failed.request", "the interval of an audit query is at most %d days", maxAuditQuery/(24*time.Hour)).field("interval")
	case from.Before(c.now().Add(-auditRetention)):
		return 0, nil, bad("client.failed.request", "audits are kept for %d days", auditRetention/(24*time.Hour)).field("interval")
	}
	id, job := c.newID(), &auditJob{query: q, start: c.now()}
	c.auditJobs[id] = job
	return http.StatusAccepted, job.show(id), nil
}

func (j *auditJob) state() string {
	return []string{"Queued", "Running", "Succeeded"}[min(j.looks, 2)]
}

func (j *auditJob) show(id string) object {
	return object{
		"id": id, "state": j.state(), "startDate": stamp(j.start), "interval": j.query.Interval, "serviceName": j.query.Service,
		"filters": append([]auditFilter{}, j.query.Filters...), "sort": append([]auditSort{}, j.query.Sort...),
	}
}

func (c *call) auditJob() (string, *auditJob, error) {
	id := c.params["transactionId"]
	job, ok := c.auditJobs[id]
	if !ok {
		return id, nil, notFound("not.found", "audit query", id)
	}
	return id, job, nil
}

// getAuditsQuery looks at a query, which goes on by being looked at.
func getAuditsQuery(c *call) (int, any, error) {
	id, job, err := c.auditJob()
	if err != nil {
		return 0, nil, err
	}
	if job.looks++; job.state() != "Succeeded" {
		return http.StatusAccepted, job.show(id), nil
	}
	if job.rows == nil {
		from, to, _ := job.query.check() // it passed when the query was posted
		job.rows = c.auditRows(job.query, from, to)
	}
	return http.StatusOK, job.show(id), nil
}

// getAuditsQueryResults answers with a page of a query that has run, and a
// cursor where there are more. It never redirects to a download.
func getAuditsQueryResults(c *call) (int, any, error) {
	id, job, err := c.auditJob()
	if err != nil {
		return 0, nil, err
	}
	if job.rows == nil {
		return 0, nil, bad("bad.request", "the audit query %s has no results yet: it is %s", id, job.state())
	}
	size, from := c.number("pageSize", 25), 0
	if cursor := c.query.Get("cursor"); cursor != "" {
		last := keyOf(cursor)
		if from = slices.IndexFunc(job.rows, func(r auditRow) bool { return r.ID == last }) + 1; from == 0 {
			return 0, nil, bad("invalid.query.param.value", "Value [%s] is not a valid cursor", cursor).field("cursor")
		}
	}
	to := min(from+size, len(job.rows))
	out := object{"id": id, "pageSize": size, "entities": c.showAudits(job.rows[from:to])}
	if to < len(job.rows) {
		out["cursor"] = cursorOf(job.rows[to-1].ID)
	}
	return http.StatusOK, out, nil
}

// audited lists what leaves rows in the trail of the sandbox.
var audited = []struct {
	kind    kind
	actions []string
}{
	{auditQueue, []string{"Create", "Update", "Delete", "MemberAdd", "MemberUpdate", "MemberRemove", "WrapupCodeAdd", "WrapupCodeRemove"}},
	{auditAgent, []string{"Update"}},
	{auditCapacity, []string{"Update", "Delete"}},
	{auditLabel, []string{"Create", "Update", "Delete"}},
	{auditDomain, []string{"Create", "Update", "Delete"}},
	{auditRoute, []string{"Create", "Update", "Delete"}},
	{auditSkill, []string{"Create", "Delete"}},
	{auditLanguage, []string{"Create"}},
}

func getServiceMapping(*call) (int, any, error) {
	type entity struct {
		Name    string   `json:"name"`
		Actions []string `json:"actions"`
	}
	type service struct {
		Name     string   `json:"name"`
		Entities []entity `json:"entities"`
	}
	var services []service
	for _, a := range audited {
		if n := len(services); n == 0 || services[n-1].Name != a.kind.service {
			services = append(services, service{Name: a.kind.service})
		}
		last := &services[len(services)-1]
		last.Entities = append(last.Entities, entity{a.kind.entityType, a.actions})
	}
	return http.StatusOK, object{"services": services}, nil
}
