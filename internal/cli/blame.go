package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// auditWindow is how far back the platform's realtime audit goes
// (docs/platform-notes.md#audits).
const auditWindow = 14 * 24 * time.Hour

// blame adds to a plan with drift who changed what, as far as the audit trail
// tells: it may lag, and the client may lack the permission to read it.
func blame(ctx context.Context, client *genesys.Client, p *plan.Plan) {
	ctx = genesys.WithLane(ctx, genesys.Report)
	for _, c := range p.Changes {
		i := slices.IndexFunc(c.Fields, func(f plan.FieldChange) bool { return f.Drift })
		if i < 0 || c.Kind == plan.Utilization || c.Object.ID == "" { // where the trail keeps utilization is unconfirmed
			continue
		}
		for _, text := range culprits(ctx, client, c, c.Fields[i].Applied) {
			after := 0 // beside the notes of drift, which say what it is
			for i, n := range p.Notes {
				if n.Kind == plan.NoteDrift {
					after = i + 1
				}
			}
			p.Notes = slices.Insert(p.Notes, after, plan.Note{Kind: plan.NoteDrift, Text: text})
		}
	}
}

// culprits tells the newest audit row that names each field that has drifted;
// where none does, since the trail can leave the properties out, the newest.
func culprits(ctx context.Context, client *genesys.Client, c plan.Change, since time.Time) []string {
	service, entityType := ledger.Area(c.Kind)
	query := genesys.AuditQuery{From: since, To: time.Now().Add(time.Minute), Service: service, EntityType: entityType, EntityID: c.Object.ID}
	if oldest := time.Now().Add(-auditWindow); since.Before(oldest) {
		query.From = oldest
	}
	missing := map[string]bool{} // the places on the platform of the fields without a row yet
	for _, f := range c.Fields {
		if _, path, _ := strings.Cut(f.Home, ", "); f.Drift {
			missing[path] = true
		}
	}
	var newest string
	var found []string
	for row, err := range client.AuditsRealtime(ctx, query) {
		if err != nil {
			return append(found, fmt.Sprintf("who changed %s cannot be told: %v", c.Object, err))
		}
		if !row.Time.After(since) || strings.HasPrefix(row.Action, "Member") != (c.Kind == plan.Member) {
			continue
		}
		newest = cmp.Or(newest, describe(row))
		before := len(missing)
		maps.DeleteFunc(missing, func(path string, _ bool) bool {
			return slices.ContainsFunc(row.Changes, func(x genesys.AuditChange) bool { return path != "" && strings.HasPrefix(x.Property, path) })
		})
		if len(missing) < before {
			found = append(found, describe(row))
		}
		if len(missing) == 0 {
			break
		}
	}
	if len(found) == 0 {
		found = append(found, cmp.Or(newest, "the audit trail has no row of a change to "+c.Object.String()+" yet"))
	}
	return found
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
	text := fmt.Sprintf("%s %s %s on %s", who, cmp.Or(verbs[row.Action], "("+row.Action+")"), row.Entity, row.Time.UTC().Format("2006-01-02 15:04:05 UTC"))
	if len(what) > 0 {
		text += ": " + strings.Join(what, "; ")
	}
	return text + " (audit row " + row.ID + ")"
}

// verbs are the past tense of the platform's audit actions.
var verbs = map[string]string{
	"Create": "created", "Update": "changed", "Delete": "deleted",
	"MemberAdd": "added members to", "MemberRemove": "removed members from", "MemberUpdate": "changed members of",
	"Approve": "approved", "Withdraw": "withdrew the approval of",
}
