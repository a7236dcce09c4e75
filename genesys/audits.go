package genesys

import (
	"context"
	"iter"
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

// AuditsRealtime lists the latest audit records, newest first. A change can
// take a while to show up.
func (c *Client) AuditsRealtime(ctx context.Context, q AuditQuery) iter.Seq2[AuditRecord, error] {
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
	query := map[string][]string{"expand": {"user"}}
	return inBody[AuditRecord](ctx, c, PostAuditsQueryRealtime, query, func(n int) any {
		return map[string]any{
			"interval":    interval(q.From, q.To),
			"serviceName": q.Service,
			"filters":     filters,
			"sort":        []map[string]string{{"name": "Timestamp", "sortOrder": "descending"}},
			"pageNumber":  n,
			"pageSize":    pageSize,
		}
	})
}
