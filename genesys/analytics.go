package genesys

import (
	"cmp"
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
	// Every is how long the parts of the interval are, in whole seconds and at most
	// a day; 0: it is one part. They follow the clock of Zone and begin anew at its
	// midnight, so that days have 23 to 25 hours; nil: UTC. The ends of the interval
	// cut the first and the last part.
	Every    time.Duration
	Zone     *time.Location
	GroupBy  []string // dimensions, such as addressTo
	QueueIDs []string // none: of all queues, or of the addresses alone
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
// a part without a row had no events; an error says nothing about any. Long
// intervals and many queues are asked for in parts and added up.
func (c *Client) Aggregates(ctx context.Context, q AggregatesQuery) ([]routing.MetricRow, error) {
	body := map[string]any{"metrics": q.Metrics}
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
	var filters []map[string]any
	for some := range slices.Chunk(q.QueueIDs, maxQueues) {
		filters = append(filters, ofEmail(some, q.Addresses))
	}
	if len(filters) == 0 {
		filters = append(filters, ofEmail(nil, q.Addresses))
	}
	return c.aggregates(ctx, PostAnalyticsConversationsAggregatesQuery, parts{routing.Span{From: q.From, To: q.To}, q.Every, q.Zone}, body, filters)
}

// StatusesQuery says of which agents the times in their routing statuses are
// wanted. From and To are needed.
type StatusesQuery struct {
	From, To time.Time
	Every    time.Duration // as of AggregatesQuery
	Zone     *time.Location
	UserIDs  []string // none: nobody
}

// RoutingStatuses reads how long agents were in each routing status: rows of
// tAgentRoutingStatus by userId, whose qualifiers are the statuses, such as
// INTERACTING. An agent without a row is not known to have been in any.
func (c *Client) RoutingStatuses(ctx context.Context, q StatusesQuery) ([]routing.MetricRow, error) {
	var filters []map[string]any
	for some := range slices.Chunk(q.UserIDs, maxObserved) {
		filters = append(filters, anyOf("userId", some))
	}
	body := map[string]any{"metrics": []string{"tAgentRoutingStatus"}, "groupBy": []string{"userId"}}
	return c.aggregates(ctx, PostAnalyticsUsersAggregatesQuery, parts{routing.Span{From: q.From, To: q.To}, q.Every, q.Zone}, body, filters)
}

// maxAggregateDays is for how many days one query of aggregates is made. What
// the platform takes is not documented.
const maxAggregateDays = 31

// parts are an interval and how it is taken apart.
type parts struct {
	routing.Span
	every time.Duration
	zone  *time.Location // nil: UTC
}

// queries takes an interval apart for several queries, where parts begin.
func (p parts) queries() ([]routing.Span, error) {
	switch zone := p.zone.String(); {
	case p.every%time.Second != 0:
		return nil, fmt.Errorf("parts of %s are not whole seconds", p.every)
	case p.every > day:
		return nil, fmt.Errorf("parts of %s are longer than a day", p.every)
	case zone == "Local":
		return nil, errors.New("parts by the clock of this machine, whose time zone has no name")
	}
	var out []routing.Span
	zone := cmp.Or(p.zone, time.UTC)
	midnight := routing.Shown(p.From.In(zone)).Truncate(day)
	for from := p.From; from.Before(p.To); {
		midnight = midnight.AddDate(0, 0, maxAggregateDays)
		to := routing.Wall(midnight, zone)
		if p.To.Before(to) {
			to = p.To
		}
		out = append(out, routing.Span{From: from, To: to})
		from = to
	}
	return out, nil
}

// aggregates makes a query of aggregates for each filter, in as many as an
// interval needs. Rows of the same group, part and metric are added up.
func (c *Client) aggregates(ctx context.Context, id OperationID, p parts, body map[string]any, filters []map[string]any) ([]routing.MetricRow, error) {
	if p.every > 0 {
		body["granularity"] = granularity(p.every)
	}
	if p.zone != nil && p.zone != time.UTC {
		body["timeZone"] = p.zone.String()
	}
	spans, err := p.queries()
	if err != nil {
		return nil, err
	}
	rows, place := []routing.MetricRow{}, map[string]int{}
	for _, body["filter"] = range filters {
		for _, span := range spans {
			body["interval"] = interval(span.From, span.To)
			more, err := c.aggregate(ctx, id, body)
			if err != nil {
				return nil, err
			}
			for _, r := range more {
				if p.every == 0 {
					r.Span = p.Span
				}
				key := fmt.Sprintf("%q %q %d %d %q", r.Metric, r.Qualifier, r.From.UnixMilli(), r.To.UnixMilli(), r.Group)
				i, known := place[key]
				if !known {
					place[key], rows = len(rows), append(rows, r)
					continue
				}
				rows[i].Stats = rows[i].Stats.Add(r.Stats)
			}
		}
	}
	return rows, nil
}

// aggregate makes one query of aggregates.
func (c *Client) aggregate(ctx context.Context, id OperationID, body map[string]any) ([]routing.MetricRow, error) {
	type answer struct {
		Results []struct {
			Group map[string]string
			Data  []struct {
				Interval string
				Metrics  []struct {
					Metric, Qualifier string
					Stats             routing.MetricStats
				}
				Views []struct {
					Name  string
					Stats routing.MetricStats
				}
			}
		}
	}
	a, err := call[answer](ctx, c, id, nil, nil, body)
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
				rows = append(rows, routing.MetricRow{Group: r.Group, Span: span, Metric: m.Metric, Qualifier: m.Qualifier, Stats: m.Stats})
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
	case d == day:
		return "P1D"
	case d%time.Hour == 0:
		return fmt.Sprintf("PT%dH", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("PT%dM", d/time.Minute)
	}
	return fmt.Sprintf("PT%dS", d/time.Second)
}
