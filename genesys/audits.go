package genesys

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"time"

	"github.com/foresort/foresort/routing"
)

// AuditQuery says which audit records are wanted. From, To and Service are
// needed; the names are the platform's and case counts in them
// (docs/platform-notes.md#audits).
type AuditQuery struct {
	From, To   time.Time
	Service    string // ContactCenter for queues, Emails for routes
	EntityType string // Queue, InboundRoute
	EntityID   string
	Action     string // only together with EntityType
}

// AuditRecord is one change that the platform recorded.
type AuditRecord struct {
	ID         string        `json:"id"`
	Time       time.Time     `json:"eventDate"`
	User       routing.Ref   `json:"user"`
	Client     routing.Ref   `json:"client"` // of the OAuth client, by id alone
	Service    string        `json:"serviceName"`
	Action     string        `json:"action"`
	Entity     routing.Ref   `json:"entity"`
	EntityType string        `json:"entityType"`
	Status     string        `json:"status"`
	Changes    []AuditChange `json:"propertyChanges"` // may be empty though something changed
}

// AuditChange is one property before and after.
type AuditChange struct {
	Property  string   `json:"property"`
	OldValues []string `json:"oldValues"`
	NewValues []string `json:"newValues"`
}

// body is what both queries are asked with.
func (q AuditQuery) body(order string) map[string]any {
	type filter struct {
		Property string `json:"property"`
		Value    string `json:"value"`
	}
	filters := []filter{}
	for _, f := range []filter{{"EntityType", q.EntityType}, {"EntityId", q.EntityID}, {"Action", q.Action}} {
		if f.Value != "" {
			filters = append(filters, f)
		}
	}
	return map[string]any{
		"interval":    interval(q.From, q.To),
		"serviceName": q.Service,
		"filters":     filters,
		"sort":        []map[string]string{{"name": "Timestamp", "sortOrder": order}},
	}
}

// AuditsRealtime lists the latest audit records, newest first. A change can
// take a while to show up.
func (c *Client) AuditsRealtime(ctx context.Context, q AuditQuery) iter.Seq2[AuditRecord, error] {
	return inBody[AuditRecord](ctx, c, PostAuditsQueryRealtime, url.Values{"expand": {"user"}}, func(n int) any {
		body := q.body("descending")
		body["pageNumber"], body["pageSize"] = n, pageSize
		return body
	})
}

// The bounds of an audit query (docs/platform-notes.md#audits).
const (
	longestAudit = 30 * 24 * time.Hour // the longest span of one
	auditPage    = "500"               // records at once
	auditLimit   = 10 * time.Minute    // how long one may run
)

// Audits lists audit records of up to a year ago, oldest first. The platform
// looks for them in a query that runs, one for each 30 days.
func (c *Client) Audits(ctx context.Context, q AuditQuery) iter.Seq2[AuditRecord, error] {
	return func(yield func(AuditRecord, error) bool) {
		for part := q; part.From.Before(q.To); part.From = part.To {
			if part.To = part.From.Add(longestAudit); part.To.After(q.To) {
				part.To = q.To
			}
			for r, err := range c.auditPart(ctx, part) {
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

// auditPart runs one query and lists what it found.
func (c *Client) auditPart(ctx context.Context, q AuditQuery) iter.Seq2[AuditRecord, error] {
	return func(yield func(AuditRecord, error) bool) {
		id, err := c.runAudit(ctx, q)
		if err != nil {
			yield(AuditRecord{}, err)
			return
		}
		query := url.Values{"expand": {"user"}, "pageSize": {auditPage}}
		bodyCursor[AuditRecord](ctx, c, GetAuditsQueryTransactionIdResults, []string{id}, query)(yield)
	}
}

// runAudit starts a query and waits until it has run.
func (c *Client) runAudit(ctx context.Context, q AuditQuery) (id string, err error) {
	type status struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	s, err := call[status](ctx, c, PostAuditsQuery, nil, nil, q.body("ascending"))
	if err != nil {
		return "", err
	}
	return s.ID, runs(ctx, auditLimit, func(look int) (bool, error) {
		if look > 0 {
			if s, err = call[status](ctx, c, GetAuditsQueryTransactionId, []string{s.ID}, nil, nil); err != nil {
				return false, err
			}
		}
		if s.State == "Failed" || s.State == "Cancelled" {
			return false, fmt.Errorf("the audit query %s ended as %s", s.ID, s.State)
		}
		return s.State == "Succeeded", nil
	}, func() string { return fmt.Sprintf("the audit query %s is still %s", s.ID, s.State) })
}
