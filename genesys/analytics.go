package genesys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file asks analytics for figures. Each query is a POST that changes
// nothing.

// AggregatesQuery says which figures of email are wanted. From, To and Metrics
// are needed; the names are the platform's (docs/platform-notes.md#analytics).
type AggregatesQuery struct {
	From, To time.Time
	Every    time.Duration // the parts of the interval, in whole seconds; 0: it is one part
	GroupBy  []string      // dimensions, such as addressTo
	QueueIDs []string      // none: of all queues, or of the addresses alone
	// Addresses is whose email is wanted beside that of the queues, whichever
	// queue it went to.
	Addresses []string
	Metrics   []string     // such as nOffered
	Views     []MetricView // more figures, of a part of the values of a metric
}

// MetricView is a figure of those values of a metric in milliseconds that are
// below a limit. Its rows carry its name as their metric.
type MetricView struct {
	Name, Metric string
	Below        time.Duration
}

// predicate is a condition of the filter of a query.
type predicate struct {
	Type      string `json:"type"`
	Dimension string `json:"dimension"`
	Operator  string `json:"operator"`
	Value     string `json:"value"`
}

func is(dimension, value string) predicate {
	return predicate{"dimension", dimension, "matches", value}
}

// filter is a filter whose conditions all hold (and), or any (or).
func filter(how string, predicates []predicate) map[string]any {
	return map[string]any{"type": how, "predicates": predicates}
}

// anyOf is the filter for any of some values of a dimension.
func anyOf(dimension string, values []string) map[string]any {
	return filter("or", matches(dimension, values))
}

func matches(dimension string, values []string) []predicate {
	conditions := make([]predicate, len(values))
	for i, v := range values {
		conditions[i] = is(dimension, v)
	}
	return conditions
}

// ofEmail is the filter for email, of some queues or addresses where there are
// any.
func ofEmail(queueIDs, addresses []string) map[string]any {
	either := append(matches("queueId", queueIDs), matches("addressTo", addresses)...)
	email := []predicate{is("mediaType", "email")}
	if len(either) < 2 {
		return filter("and", append(email, either...))
	}
	f := filter("and", email)
	f["clauses"] = []map[string]any{filter("or", either)}
	return f
}

// Aggregates reads figures of what happened to email in an interval. A group or
// a part without a row had no events; an error says nothing about any. Many
// queues are asked for in parts, so that a group may have several rows.
func (c *Client) Aggregates(ctx context.Context, q AggregatesQuery) ([]routing.MetricRow, error) {
	if q.Every%time.Second != 0 {
		return nil, fmt.Errorf("parts of %s are not whole seconds", q.Every)
	}
	if len(q.QueueIDs) > maxQueues {
		rest := q
		q.QueueIDs, rest.QueueIDs = q.QueueIDs[:maxQueues], q.QueueIDs[maxQueues:]
		rows, err := c.Aggregates(ctx, q)
		if err != nil {
			return nil, err
		}
		more, err := c.Aggregates(ctx, rest)
		if err != nil {
			return nil, err
		}
		return append(rows, more...), nil
	}
	body := map[string]any{"interval": interval(q.From, q.To), "filter": ofEmail(q.QueueIDs, q.Addresses), "metrics": q.Metrics}
	if q.Every > 0 {
		body["granularity"] = granularity(q.Every)
	}
	if len(q.GroupBy) > 0 {
		body["groupBy"] = q.GroupBy
	}
	views := []map[string]any{}
	for _, v := range q.Views {
		views = append(views, map[string]any{"target": v.Metric, "name": v.Name, "function": "rangeBound", "range": map[string]any{"lt": v.Below.Milliseconds()}})
	}
	if len(views) > 0 {
		body["views"] = views
	}
	type answer struct {
		Results []struct {
			Group map[string]string
			Data  []struct {
				Interval string
				Metrics  []struct {
					Metric string
					Stats  routing.MetricStats
				}
				Views []struct {
					Name  string
					Stats routing.MetricStats
				}
			}
		}
	}
	a, err := call[answer](ctx, c, PostAnalyticsConversationsAggregatesQuery, nil, nil, body)
	if err != nil {
		return nil, err
	}
	rows := []routing.MetricRow{}
	for _, r := range a.Results {
		for _, d := range r.Data {
			span, err := parseInterval(d.Interval)
			if err != nil {
				return nil, fmt.Errorf("aggregates: %w", err)
			}
			for _, m := range d.Metrics {
				if m.Metric == "" {
					return nil, fmt.Errorf("aggregates: a figure of %s has no metric", d.Interval)
				}
				rows = append(rows, routing.MetricRow{Group: r.Group, Span: span, Metric: m.Metric, Stats: m.Stats})
			}
			for _, v := range d.Views {
				rows = append(rows, routing.MetricRow{Group: r.Group, Span: span, Metric: v.Name, Stats: v.Stats})
			}
		}
	}
	return rows, nil
}

// Waiting is how many emails wait in a queue just now.
func (c *Client) Waiting(ctx context.Context, queueID string) (int, error) {
	if queueID == "" {
		return 0, errors.New("waiting email: no queue is named")
	}
	waiting := 0
	err := c.observe(ctx, PostAnalyticsQueuesObservationsQuery, ofEmail([]string{queueID}, nil), []string{"oWaiting"}, nil, func(group map[string]string, _ observed, n int) {
		if group["queueId"] == queueID && strings.EqualFold(group["mediaType"], "email") {
			waiting += n
		}
	})
	return waiting, err
}

// maxObserved is about how many users one query is made. What the platform
// takes is not documented.
const maxObserved = 500

// activeQueues reads in how many queues users are active.
func (c *Client) activeQueues(ctx context.Context, users []string) (map[string]int, error) {
	active := map[string]int{}
	for some := range slices.Chunk(users, maxObserved) {
		err := c.observe(ctx, PostAnalyticsUsersObservationsQuery, anyOf("userId", some), []string{"oActiveQueues"}, nil, func(group map[string]string, _ observed, n int) {
			active[group["userId"]] = n
		})
		if err != nil {
			return nil, err
		}
	}
	return active, nil
}

// observed is one number of what is now, with what it counts where details were
// asked for.
type observed struct {
	Metric string
	Stats  struct{ Count *int }
	// Truncated says that Observations are not all.
	Truncated    bool
	Observations []struct {
		Date     time.Time `json:"observationDate"`
		ID       string    `json:"conversationId"`
		Priority int       `json:"routingPriority"`
		Skills   []string  `json:"requestedRoutingSkillIds"`
		Language string    `json:"requestedLanguageId"`
		To       string    `json:"addressTo"`
		From     string    `json:"addressFrom"`

		Direction string
	}
}

// observe reads metrics of what is now, by group, some of them with details. A
// number without a count is an error.
func (c *Client) observe(ctx context.Context, id OperationID, of map[string]any, metrics, details []string, each func(group map[string]string, o observed, n int)) error {
	type answer struct {
		Results []struct {
			Group map[string]string
			Data  []observed
		}
	}
	body := map[string]any{"filter": of, "metrics": metrics}
	if len(details) > 0 {
		body["detailMetrics"] = details
	}
	a, err := call[answer](ctx, c, id, nil, nil, body)
	if err != nil {
		return err
	}
	for _, r := range a.Results {
		for _, d := range r.Data {
			if !slices.Contains(metrics, d.Metric) {
				continue
			}
			if d.Stats.Count == nil {
				return fmt.Errorf("%s: %s has no count", operations[id].Path, d.Metric)
			}
			each(r.Group, d, *d.Stats.Count)
		}
	}
	return nil
}

// interval writes an interval as queries have it.
func interval(from, to time.Time) string {
	const form = "2006-01-02T15:04:05.000Z"
	return from.UTC().Format(form) + "/" + to.UTC().Format(form)
}

// parseInterval reads an interval of an answer.
func parseInterval(s string) (span routing.Span, err error) {
	from, to, _ := strings.Cut(s, "/")
	var wrong error
	span.From, err = time.Parse(time.RFC3339, from)
	span.To, wrong = time.Parse(time.RFC3339, to)
	if err != nil || wrong != nil {
		return span, fmt.Errorf("%q is not an interval", s)
	}
	return span, nil
}

// granularity writes a duration in its largest whole unit: PT30M.
func granularity(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("PT%dH", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("PT%dM", d/time.Minute)
	}
	return fmt.Sprintf("PT%dS", d/time.Second)
}
