package sandbox_test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/foresort/foresort/sandbox"
)

const usersAggregates = "/api/v2/analytics/users/aggregates/query"

// statuses is the time in each routing status that a query tells, by the group
// and the part where there are any.
func (x *org) statuses(body map[string]any) map[string]time.Duration {
	x.t.Helper()
	out := map[string]time.Duration{}
	for _, r := range objects(x.ok("POST", usersAggregates, body)["results"]) {
		group, _ := r["group"].(map[string]any)
		for _, d := range objects(r["data"]) {
			for _, m := range objects(d["metrics"]) {
				stats, _ := m["stats"].(map[string]any)
				out[fmt.Sprint(group["userId"], " ", d["interval"], " ", m["qualifier"])] += time.Duration(whole(stats["sum"])) * time.Millisecond
			}
		}
	}
	return out
}

// Whoever is looked at, and into whatever parts the time is cut, it is all of
// the time, and what is late or hidden is not in it.
func TestAgentsTimesAddUp(t *testing.T) {
	t.Parallel()
	x := busy(t)
	now := x.Clock()
	agent, agents := x.userID("Day 2"), 5
	sum := func(all map[string]time.Duration) (d time.Duration) {
		for _, took := range all {
			d += took
		}
		return d
	}
	query := func(from, to time.Time, more map[string]any) map[string]any {
		body := map[string]any{"interval": from.Format(time.RFC3339) + "/" + to.Format(time.RFC3339), "metrics": []string{"tAgentRoutingStatus"}}
		maps.Copy(body, more)
		return body
	}
	by := map[string]any{"groupBy": []string{"userId"}}
	one := map[string]any{"groupBy": []string{"userId"}, "filter": map[string]any{"type": "or", "predicates": []any{map[string]any{"dimension": "userId", "value": agent}}}}
	from, to := now.Add(-20*time.Hour), now.Add(-2*time.Hour)
	whole := x.statuses(query(from, to, one))
	if len(whole) < 3 || sum(whole) != 18*time.Hour {
		t.Errorf("an agent: %v", whole)
	}
	parts := map[string]any{"granularity": "PT30M"}
	maps.Copy(parts, one)
	cut := x.statuses(query(from, to, parts))
	if len(cut) < 37 || sum(cut) != sum(whole) {
		t.Errorf("%d figures of %s in parts, %s in all", len(cut), sum(cut), sum(whole))
	}
	if got := sum(x.statuses(query(from, to, by))); got != time.Duration(agents)*18*time.Hour {
		t.Errorf("%s of all by agent", got)
	}
	if all := x.statuses(query(from, to, nil)); sum(all) != time.Duration(agents)*18*time.Hour || len(all) > 5 {
		t.Errorf("all in one: %v", all)
	}
	if got := sum(x.statuses(query(now.Add(-time.Hour), now.Add(time.Hour), one))); got != time.Hour {
		t.Errorf("%s up to now", got)
	}
	x.LagMetrics(20 * time.Minute)
	x.HideMetrics(now.Add(-50*time.Minute), now.Add(-40*time.Minute))
	x.HideMetrics(now.Add(-45*time.Minute), now.Add(-35*time.Minute))
	if got := sum(x.statuses(query(now.Add(-time.Hour), now, one))); got != 25*time.Minute {
		t.Errorf("%s is told of 60 minutes, of which 20 are late and 15 hidden", got)
	}
}

func TestAgentsTimesThatAreRefused(t *testing.T) {
	t.Parallel()
	x := living(t, sandbox.Options{Traffic: sandbox.SeedTraffic(), History: time.Hour})
	const day = `{"interval":"2026-03-03T00:00:00Z/2026-03-04T00:00:00Z",`
	for body, status := range map[string]int{
		day + `"metrics":["tAgentRoutingStatus"]}`:                                                   200,
		day + `"metrics":[]}`:                                                                        400,
		day + `"metrics":["tSystemPresence"]}`:                                                       501,
		day + `"metrics":["tAgentRoutingStatus"],"timeZone":"Nowhere"}`:                              400,
		day + `"metrics":["tAgentRoutingStatus"],"granularity":"half"}`:                              400,
		day + `"metrics":["tAgentRoutingStatus"],"groupBy":["queueId"]}`:                             400,
		day + `"metrics":["tAgentRoutingStatus"],"filter":{"type":"or"}}`:                            400,
		day + `"metrics":["tAgentRoutingStatus"],"alternateTimeDimension":"eventTime"}`:              501,
		`{"interval":"2024-03-03T00:00:00Z/2026-03-04T00:00:00Z","metrics":["tAgentRoutingStatus"]}`: 400,
	} {
		if r := x.call(http.MethodPost, usersAggregates, body); r.status != status {
			t.Errorf("%s: %d %s, want %d", body, r.status, r.body, status)
		}
	}
	atRest := open(t, sandbox.Options{})
	if got := objects(atRest.ok("POST", usersAggregates, day+`"metrics":["tAgentRoutingStatus"]}`)["results"]); len(got) != 0 {
		t.Errorf("at rest: %v", got)
	}
}
