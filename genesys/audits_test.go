package genesys_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
)

func TestAuditsOfMonthsAreSeveralQueriesThatAreWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		state := func(id, state string) string { return fmt.Sprintf(`{"id":%q,"state":%q}`, id, state) }
		p := &platform{api: answers(
			reply(202, state("a", "Queued")), reply(202, state("a", "Running")), reply(200, state("a", "Succeeded")),
			reply(200, `{"entities":[{"id":"1"},{"id":"2"}],"cursor":"x="}`), reply(200, `{"entities":[{"id":"3"}]}`),
			reply(200, state("b", "Succeeded")), reply(200, `{"entities":[{"id":"4","user":{"id":"u","name":"Ada"}}]}`),
		)}
		from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		q := genesys.AuditQuery{From: from, To: from.AddDate(0, 0, 45), Service: "ContactCenter", EntityType: "Queue", EntityID: "q"}
		got := names(t, p.client(t).Audits(t.Context(), q), func(r genesys.AuditRecord) string { return r.ID + r.User.Name })
		if d := cmp.Diff([]string{"1", "2", "3", "4Ada"}, got); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{
			"POST /api/v2/audits/query", "GET /api/v2/audits/query/a", "GET /api/v2/audits/query/a",
			"GET /api/v2/audits/query/a/results?expand=user&pageSize=500", "GET /api/v2/audits/query/a/results?cursor=x%3D&expand=user&pageSize=500",
			"POST /api/v2/audits/query", "GET /api/v2/audits/query/b/results?expand=user&pageSize=500",
		}, p.calls); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		const rest = `,"serviceName":"ContactCenter","sort":[{"name":"Timestamp","sortOrder":"ascending"}]}`
		const filters = `{"filters":[{"property":"EntityType","value":"Queue"},{"property":"EntityId","value":"q"}],"interval":`
		for i, want := range map[int]string{0: `"2026-03-01T00:00:00.000Z/2026-03-31T00:00:00.000Z"`, 5: `"2026-03-31T00:00:00.000Z/2026-04-15T00:00:00.000Z"`} {
			if d := cmp.Diff(filters+want+rest, strings.TrimSpace(p.bodies[i])); d != "" {
				t.Error(d)
			}
		}
	})
}

func TestAnAuditQueryThatDoesNotSucceedIsAnError(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]string{
		"Failed":    "the audit query a ended as Failed",
		"Cancelled": "the audit query a ended as Cancelled",
		"Running":   "the audit query a is still Running after 10m0s",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &platform{api: answers(reply(202, `{"id":"a","state":"Queued"}`), reply(200, fmt.Sprintf(`{"id":"a","state":%q}`, state)))}
			for _, err := range p.client(t).Audits(t.Context(), genesys.AuditQuery{From: time.Now().Add(-time.Hour), To: time.Now(), Service: "Emails"}) {
				if err == nil || err.Error() != want {
					t.Errorf("%v, want %s", err, want)
				}
			}
		})
	}
}
