package genesys

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file runs queries of conversations that take a while: days go in, and the
// conversations that began on them, or went on, come out of a job.

// The pauses between two looks at a query that runs.
const (
	firstPause   = 250 * time.Millisecond // doubles
	longestPause = 8 * time.Second
)

// runs looks at a query that runs, more and more rarely, until ended says that it
// has ended. still says how it stands where that takes longer than limit.
func runs(ctx context.Context, limit time.Duration, ended func(look int) (bool, error), still func() string) error {
	start, pause := time.Now(), firstPause
	for look := 0; ; look++ {
		if done, err := ended(look); done || err != nil {
			return err
		}
		if time.Since(start) > limit {
			return fmt.Errorf("%s after %s", still(), limit)
		}
		if err := sleep(ctx, pause/2+rand.N(pause/2)); err != nil {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

// The bounds of a details job (docs/platform-notes.md#analytics).
const (
	maxJobDays = 31               // how many days one is made for
	jobPage    = 1000             // conversations at once
	jobLimit   = 30 * time.Minute // how long one may run
	dropLimit  = 5 * time.Second  // how long a job may take to go
)

// inLake is up to where jobs tell of conversations, a beginning of a day; zero:
// they do not say.
func (c *Client) inLake(ctx context.Context) (time.Time, error) {
	type answer struct{ DataAvailabilityDate time.Time }
	a, err := call[answer](ctx, c, GetAnalyticsConversationsDetailsJobsAvailability, nil, nil, nil)
	return a.DataAvailabilityDate.UTC().Truncate(day), err
}

// conversationsOfJob reads the conversations that began in a span of whole days, and
// with earlier also those that began before it and went on in it. Those that the data
// lake knows to be open are read again by a query: it may have learnt since what the
// lake has not.
func (c *Client) conversationsOfJob(ctx context.Context, span routing.Span, earlier bool, queueIDs []string) iter.Seq2[wireConversation, error] {
	return func(yield func(wireConversation, error) bool) {
		id, err := c.runJob(ctx, map[string]any{
			// Without it, what went on in the span and began before comes, too.
			"startOfDayIntervalMatching": !earlier,
			"interval":                   interval(span.From, span.To.Add(-time.Millisecond)),
			"segmentFilters":             []any{ofEmail(queueIDs, nil)}, "order": "asc", "orderBy": "conversationStart",
		})
		if id != "" {
			defer c.dropJob(ctx, id)
		}
		if err != nil {
			yield(wireConversation{}, err)
			return
		}
		for page, err := range c.jobPages(ctx, id) {
			if err == nil && !page.DataAvailabilityDate.IsZero() && page.DataAvailabilityDate.Before(span.To) {
				err = fmt.Errorf("the details job %s knows conversations up to %s only, and not up to %s", id, page.DataAvailabilityDate.Format(time.RFC3339), span.To.Format(time.RFC3339))
			}
			if err == nil {
				err = c.refresh(ctx, page.Conversations)
			}
			if err != nil {
				yield(wireConversation{}, err)
				return
			}
			for _, w := range page.Conversations {
				// The next days have it, or the job before.
				if !w.Start.IsZero() && (w.Start.Before(span.From) && !earlier || !w.Start.Before(span.To)) {
					continue
				}
				if !yield(w, nil) {
					return
				}
			}
		}
	}
}

// runJob begins a job and waits until it has run. It gives its id also where it
// fails.
func (c *Client) runJob(ctx context.Context, query map[string]any) (string, error) {
	type begun struct{ JobID string }
	job, err := call[begun](ctx, c, PostAnalyticsConversationsDetailsJobs, nil, nil, query)
	if err != nil {
		return "", err
	}
	type status struct{ State, ErrorMessage string }
	var s status
	return job.JobID, runs(ctx, jobLimit, func(int) (bool, error) {
		if s, err = call[status](ctx, c, GetAnalyticsConversationsDetailsJob, []string{job.JobID}, nil, nil); err != nil {
			return false, err
		}
		switch s.State {
		case "FAILED":
			return false, fmt.Errorf("the details job %s failed: %s", job.JobID, s.ErrorMessage)
		case "CANCELLED":
			return false, fmt.Errorf("the details job %s was cancelled by somebody else", job.JobID)
		case "EXPIRED":
			return false, fmt.Errorf("the details job %s expired before its results were read", job.JobID)
		}
		return s.State == "FULFILLED", nil
	}, func() string { return fmt.Sprintf("the details job %s is still %s", job.JobID, s.State) })
}

// dropJob cancels a job or drops its results, also where the context has ended.
// The platform does so by itself after a while.
func (c *Client) dropJob(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropLimit)
	defer cancel()
	_, _ = c.do(ctx, DeleteAnalyticsConversationsDetailsJob, []string{id}, nil, nil)
}

// jobResults is a page of what a job has found.
type jobResults struct {
	Conversations        []wireConversation
	Cursor               string
	DataAvailabilityDate time.Time
}

// jobPages walks the pages of the results of a job. One may be empty.
func (c *Client) jobPages(ctx context.Context, id string) iter.Seq2[jobResults, error] {
	return func(yield func(jobResults, error) bool) {
		query := url.Values{"pageSize": {strconv.Itoa(jobPage)}}
		read := func() (jobResults, error) {
			return call[jobResults](ctx, c, GetAnalyticsConversationsDetailsJobResults, []string{id}, query, nil)
		}
		for {
			p, err := read()
			if api := (*APIError)(nil); errors.As(err, &api) && api.Status == http.StatusBadRequest && len(query) == 1 {
				// It is not documented how large a page may be.
				query.Set("pageSize", strconv.Itoa(pageSize))
				p, err = read()
			}
			if err == nil && p.Cursor != "" && p.Cursor == query.Get("cursor") {
				err = fmt.Errorf("the next page of the details job %s is itself", id)
			}
			if !yield(p, err) || err != nil || p.Cursor == "" {
				return
			}
			query.Set("cursor", p.Cursor)
		}
	}
}

// refresh reads those of some conversations again that have not ended, as they
// are now. They are in the order in which they began.
func (c *Client) refresh(ctx context.Context, some []wireConversation) error {
	open := map[string]int{}
	var ids []string
	var span routing.Span
	ask := func() error {
		if len(ids) == 0 {
			return nil
		}
		type answer struct{ Conversations []wireConversation }
		a, err := call[answer](ctx, c, PostAnalyticsConversationsDetailsQuery, nil, nil, map[string]any{
			"interval": interval(span.From, span.To.Add(time.Millisecond)), "conversationFilters": []any{anyOf("conversationId", ids)},
			"paging": map[string]int{"pageSize": pageSize, "pageNumber": 1},
		})
		for _, w := range a.Conversations {
			if i, ok := open[w.ID]; ok {
				some[i] = w
			}
		}
		ids = nil
		return err
	}
	for i, w := range some {
		if !w.End.IsZero() {
			continue
		}
		if len(ids) == pageSize || len(ids) > 0 && w.Start.Sub(span.From) >= (maxDetailDays-1)*day {
			if err := ask(); err != nil {
				return err
			}
		}
		if len(ids) == 0 {
			span.From = w.Start
		}
		open[w.ID], ids, span.To = i, append(ids, w.ID), w.Start
	}
	return ask()
}
