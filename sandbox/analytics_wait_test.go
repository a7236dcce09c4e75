package sandbox_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/sandbox/centre"
)

func TestEstimatedWait(t *testing.T) {
	t.Parallel()
	x := busy(t)
	c := x.Centre()
	path := x.queue("Billing Email")
	id := fmt.Sprint(x.named("/api/v2/routing/queues", "Billing Email")["id"])
	var answered []*centre.Leg
	var waiting int
	for n, l := range c.Legs() {
		switch {
		case c.QueueID(l.Queue) != id:
		case l.Answered >= 0:
			answered = append(answered, l)
		case l.State == centre.Waiting:
			waiting = cmp.Or(waiting, n)
		}
	}
	slices.SortFunc(answered, func(a, b *centre.Leg) int { return cmp.Compare(b.Answered, a.Answered) })
	var sum time.Duration
	for _, l := range answered[:20] {
		sum += time.Duration(l.Answered-l.Entered) * time.Millisecond
	}
	mean := sum / 20
	estimate := func(path string) any {
		t.Helper()
		results := objects(x.ok("GET", path, nil)["results"])
		if len(results) == 0 {
			return nil
		}
		if results[0]["intent"] != "EMAIL" || results[0]["formula"] != "SIMPLE" {
			t.Errorf("%s: %v", path, results)
		}
		return whole(results[0]["estimatedWaitTimeSeconds"])
	}
	want := any(int64(mean.Round(time.Second).Seconds()))
	if mean < time.Minute || waiting == 0 {
		t.Fatalf("the mean wait is %s and %d waits: too little for a test", mean, waiting)
	}
	for query, want := range map[string]any{
		"/estimatedwaittime": want, "/mediatypes/email/estimatedwaittime": want, "/mediatypes/voice/estimatedwaittime": nil,
		"/estimatedwaittime?conversationId=" + x.ConversationID(c.Leg(waiting).Conversation): int64(max(mean-x.At(c.Now()).Sub(x.At(c.Leg(waiting).Entered)), 0).Round(time.Second).Seconds()),
	} {
		if got := estimate(path + query); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	if got := estimate(x.queue("Technical") + "/estimatedwaittime"); got != nil {
		t.Errorf("a queue without email waits %v", got)
	}
	x.refused("GET", "/api/v2/routing/queues/none/estimatedwaittime", nil, http.StatusNotFound, "resource.not.found")
	x.refused("GET", path+"/estimatedwaittime?conversationId=none", nil, http.StatusNotFound, "resource.not.found")
	if r := x.call("GET", path+"/mediatypes/email/estimatedwaittime?labelId=1", nil); r.status != http.StatusNotImplemented {
		t.Errorf("by label: %d", r.status)
	}
	rest := open(t, sandbox.Options{})
	if got := objects(rest.ok("GET", rest.queue("Billing Email")+"/estimatedwaittime", nil)["results"]); len(got) != 0 {
		t.Errorf("at rest: %v", got)
	}
}

func TestUserObservationsCountQueues(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	noor, ada := x.userID("Noor Haddad"), x.userID("Ada Brook")
	x.call("PATCH", x.queue("Web Messaging")+"/members/"+noor, map[string]any{"joined": false})
	const path = "/api/v2/analytics/users/observations/query"
	filter := `{"type":"or","predicates":[{"dimension":"userId","value":"` + noor + `"},{"dimension":"userId","value":"` + ada + `"}]}`
	got := map[string]int64{}
	for _, r := range objects(x.ok("POST", path, `{"filter":`+filter+`,"metrics":["oMemberQueues","oActiveQueues"]}`)["results"]) {
		group, _ := r["group"].(map[string]any)
		for _, d := range objects(r["data"]) {
			stats, _ := d["stats"].(map[string]any)
			got[fmt.Sprint(group["userId"], " ", d["metric"])] = whole(stats["count"])
		}
	}
	want := map[string]int64{noor + " oMemberQueues": 0, noor + " oActiveQueues": 0, ada + " oMemberQueues": 0, ada + " oActiveQueues": 0}
	for _, q := range entities(x.ok("GET", "/api/v2/routing/queues?pageSize=100", nil)) {
		for _, m := range entities(x.ok("GET", fmt.Sprintf("/api/v2/routing/queues/%s/members?pageSize=100", q["id"]), nil)) {
			id := fmt.Sprint(m["id"])
			if _, ours := want[id+" oMemberQueues"]; !ours {
				continue
			}
			want[id+" oMemberQueues"]++
			if m["joined"] == true {
				want[id+" oActiveQueues"]++
			}
		}
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("queues (-REST +analytics):\n%s", d)
	}
	if want[noor+" oMemberQueues"] == want[noor+" oActiveQueues"] {
		t.Error("nothing tells members and the joined apart")
	}
	if r := x.call("POST", path, `{"filter":`+filter+`,"metrics":["oMemberQueues"],"detailMetrics":["oMemberQueues"]}`); r.status != http.StatusNotImplemented {
		t.Errorf("details: %d", r.status)
	}
}
