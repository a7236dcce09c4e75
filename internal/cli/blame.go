package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// auditWindow is how far back the platform's realtime audit goes
// (docs/platform-notes.md#audits).
const auditWindow = 14 * 24 * time.Hour

// audited says under which service and type the audit trail keeps an object.
var audited = map[plan.Kind][2]string{
	plan.Queue: {"ContactCenter", "Queue"},
	plan.Route: {"Emails", "InboundRoute"},
}

// blame adds to a plan with drift who changed what, as far as the audit trail
// tells: it may lag, and the client may lack the permission to read it.
func blame(ctx context.Context, client *genesys.Client, p *plan.Plan) {
	ctx = genesys.WithLane(ctx, genesys.Report)
	for _, c := range p.Changes {
		i := slices.IndexFunc(c.Fields, func(f plan.FieldChange) bool { return f.Drift })
		where, known := audited[c.Kind]
		if i < 0 || !known || c.Object.ID == "" {
			continue
		}
		since := c.Fields[i].Applied
		if oldest := time.Now().Add(-auditWindow); since.Before(oldest) {
			since = oldest
		}
		text := "the audit trail has no row of a change to " + c.Object.String() + " yet"
		for row, err := range client.AuditsRealtime(ctx, genesys.AuditQuery{
			From: since, To: time.Now().Add(time.Minute), Service: where[0], EntityType: where[1], EntityID: c.Object.ID,
		}) {
			if err != nil {
				text = fmt.Sprintf("who changed %s cannot be told: %v", c.Object, err)
				break
			}
			if row.Time.After(since) {
				text = describe(row)
				break
			}
		}
		p.Notes = append(p.Notes, plan.Note{Kind: plan.NoteDrift, Text: text})
	}
}

// describe tells one audit row in a sentence.
func describe(row genesys.AuditRecord) string {
	who := "client " + row.Client.String()
	if row.User != (routing.Ref{}) {
		who = row.User.String()
	}
	what := make([]string, 0, len(row.Changes))
	for _, c := range row.Changes {
		what = append(what, fmt.Sprintf("%s %s -> %s", c.Property, strings.Join(c.OldValues, ", "), strings.Join(c.NewValues, ", ")))
	}
	text := fmt.Sprintf("%s %s %s on %s", who, verbs[row.Action], row.Entity, row.Time.UTC().Format("2006-01-02 15:04:05 UTC"))
	if len(what) > 0 {
		text += ": " + strings.Join(what, "; ")
	}
	return text + " (audit row " + row.ID + ")"
}

// verbs are the past tense of the platform's audit actions.
var verbs = map[string]string{
	"Create": "created", "Update": "changed", "Delete": "deleted",
	"MemberAdd": "added members to", "MemberRemove": "removed members from", "MemberUpdate": "changed members of",
}
