package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// This file runs queries later: a query goes in, and when its job has been
// looked at often enough, pages of its results come out.

const (
	lakeLag        = 20 * time.Minute // how far the data of details jobs are behind
	jobLifetime    = 24 * time.Hour   // then a job expires
	maxJobs        = 50               // that are kept, the newest
	defaultJobPage = 100
	maxJobPage     = 1000 // of aggregates; what else is asked for comes with the next cursor
)

// jobStates are what a job is at one look after the other; the last stays.
var jobStates = []string{"QUEUED", "PENDING", "FULFILLED"}

// analyticsJob is a query that runs. It has run when it has been looked at
// three times.
type analyticsJob struct {
	details    bool // of conversations, and not of aggregates
	aggregates aggregatesQuery
	query      detailsQuery
	posted     time.Time
	looks      int
	cancelled  bool
	completed  time.Time // when it had run; zero: it has not
	groups     aggregatesGroups
	look       *look // what could be seen when it had run
	found      []conversationSpan
}

func (c *call) postJob(job *analyticsJob) (int, any, error) {
	id := c.newID()
	a := &c.analytics
	if a.jobs == nil {
		a.jobs = map[string]*analyticsJob{}
	}
	job.posted = c.now()
	a.jobs[id], a.order = job, append(a.order, id)
	if len(a.order) > maxJobs {
		delete(a.jobs, a.order[0])
		a.order = a.order[1:]
	}
	return http.StatusAccepted, object{"jobId": id}, nil
}

func postAnalyticsConversationsAggregatesJobs(c *call) (int, any, error) {
	q, err := decode[aggregatesQuery](c)
	if err != nil {
		return 0, nil, err
	}
	if q.PageSize != nil && *q.PageSize < 1 {
		return 0, nil, bad("invalid.value", "Value [%d] is not a page size", *q.PageSize).field("pageSize")
	}
	if _, err := c.tally(q); err != nil { // it is refused at once
		return 0, nil, err
	}
	return c.postJob(&analyticsJob{aggregates: q})
}

func postAnalyticsConversationsDetailsJobs(c *call) (int, any, error) {
	q, err := decode[detailsQuery](c)
	if err != nil {
		return 0, nil, err
	}
	if _, _, err := analyticsInterval(q.Interval); err != nil {
		return 0, nil, err
	}
	if err := q.check(); err != nil {
		return 0, nil, err
	}
	if c.life != nil {
		if _, _, err := c.look(lakeLag).detailsTests(q); err != nil {
			return 0, nil, err
		}
	}
	return c.postJob(&analyticsJob{details: true, query: q})
}

// job is the job of the path, of the kind that the path is of.
func (c *call) job() (*analyticsJob, error) {
	id := c.params["jobId"]
	job := c.analytics.jobs[id]
	if job == nil || job.details != strings.Contains(c.op.Path, "/details/") {
		return nil, notFound("not.found", "job", id)
	}
	return job, nil
}

func (s *Server) stateOf(job *analyticsJob) string {
	switch {
	case job.cancelled:
		return "CANCELLED"
	case s.now().Sub(job.posted) >= jobLifetime:
		return "EXPIRED"
	}
	return jobStates[min(max(job.looks, 1), len(jobStates))-1]
}

// getAnalyticsJob looks at a job, which goes on by being looked at.
func getAnalyticsJob(c *call) (int, any, error) {
	job, err := c.job()
	if err != nil {
		return 0, nil, err
	}
	job.looks++
	state := c.stateOf(job)
	if state == "FULFILLED" && job.completed.IsZero() {
		if err := c.runJob(job); err != nil {
			return 0, nil, err
		}
	}
	out := object{"state": state, "submissionDate": stamp(job.posted), "expirationDate": stamp(job.posted.Add(jobLifetime))}
	if !job.completed.IsZero() {
		out["completionDate"] = stamp(job.completed)
	}
	if state == "QUEUED" || state == "PENDING" {
		return http.StatusAccepted, out, nil
	}
	return http.StatusOK, out, nil
}

// runJob finds what a job asks for.
func (s *Server) runJob(job *analyticsJob) error {
	job.completed = s.now()
	if !job.details {
		t, err := s.tally(job.aggregates)
		job.groups = t.results()
		return err
	}
	if s.life == nil {
		return nil
	}
	from, to, err := analyticsInterval(job.query.Interval)
	if err != nil {
		return err
	}
	job.look = s.look(lakeLag)
	found, err := job.look.conversations(job.query, from, to)
	for _, n := range found {
		job.found = append(job.found, job.look.span(n))
	}
	job.look.misses = nil // it is not to be kept
	return err
}

// fulfilled is a job whose results can be had.
func (c *call) fulfilled() (*analyticsJob, error) {
	job, err := c.job()
	if err != nil {
		return nil, err
	}
	if state := c.stateOf(job); state != "FULFILLED" || job.completed.IsZero() {
		return nil, bad("bad.request", "the job %s has no results: it is %s", c.params["jobId"], state)
	}
	return job, nil
}

// jobPage is the page that the cursor of the request names, of all things; next
// is the cursor of the one that follows, empty after the last.
func (c *call) jobPage(all, size int) (from, to int, next string, err error) {
	if cursor := c.query.Get("cursor"); cursor != "" {
		if from, err = strconv.Atoi(keyOf(cursor)); err != nil || from < 1 || from >= all || cursorOf(strconv.Itoa(from)) != cursor {
			return 0, 0, "", bad("invalid.query.param.value", "Value [%s] is not a valid cursor", cursor).field("cursor")
		}
	}
	to = min(from+size, all)
	if to < all {
		next = cursorOf(strconv.Itoa(to))
	}
	return from, to, next, nil
}

func getAnalyticsConversationsAggregatesJobResults(c *call) (int, any, error) {
	job, err := c.fulfilled()
	if err != nil {
		return 0, nil, err
	}
	size := defaultJobPage
	if n := job.aggregates.PageSize; n != nil {
		size = min(*n, maxJobPage)
	}
	from, to, next, err := c.jobPage(len(job.groups.starts)-1, size)
	if err != nil {
		return 0, nil, err
	}
	out := object{"results": json.RawMessage("[" + string(job.groups.some(from, to)) + "]")}
	if next != "" {
		out["cursor"] = next
	}
	return http.StatusOK, out, nil
}

func getAnalyticsConversationsDetailsJobResults(c *call) (int, any, error) {
	job, err := c.fulfilled()
	if err != nil {
		return 0, nil, err
	}
	from, to, next, err := c.jobPage(len(job.found), max(c.number("pageSize", defaultJobPage), 1))
	if err != nil {
		return 0, nil, err
	}
	conversations := []detailsConversation{}
	for _, v := range job.found[from:to] {
		if c.life.centre.Leg(v.first) != nil { // it may be forgotten by now
			conversations = append(conversations, job.look.show(v))
		}
	}
	out := object{"conversations": conversations, "dataAvailabilityDate": c.lakeDate()}
	if job.look != nil {
		job.look.misses = nil
		out["dataAvailabilityDate"] = stamp(c.life.at(job.look.upTo))
	}
	if next != "" {
		out["cursor"] = next
	}
	return http.StatusOK, out, nil
}

// deleteAnalyticsConversationsDetailsJob cancels a job that runs, and drops one
// that has run.
func deleteAnalyticsConversationsDetailsJob(c *call) (int, any, error) {
	job, err := c.job()
	if err != nil {
		return 0, nil, err
	}
	if job.completed.IsZero() {
		job.cancelled = true
		return http.StatusNoContent, nil, nil
	}
	delete(c.analytics.jobs, c.params["jobId"])
	return http.StatusNoContent, nil, nil
}

// lakeDate is up to when the data of details jobs reach.
func (s *Server) lakeDate() string { return stamp(s.now().Add(-max(lakeLag, s.analytics.lag))) }

func getAnalyticsConversationsDetailsJobsAvailability(c *call) (int, any, error) {
	return http.StatusOK, object{"dataAvailabilityDate": c.lakeDate()}, nil
}
