package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/contract"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
)

const availability = detailsJobs + "/availability"

// ranJob posts a job and looks at it until it has run, one step at each look.
func (x *org) ranJob(path string, body any) string {
	x.t.Helper()
	r := x.call("POST", path, body)
	if r.status != http.StatusAccepted {
		x.t.Fatalf("post a job: %d %s", r.status, r.body)
	}
	job := path + "/" + fmt.Sprint(r.object(x.t)["jobId"])
	for i, state := range []string{"QUEUED", "PENDING", "FULFILLED", "FULFILLED"} {
		r := x.call("GET", job, nil)
		if got := r.object(x.t)["state"]; got != state || (r.status == http.StatusOK) != (state == "FULFILLED") {
			x.t.Fatalf("look %d: %d %v, want %s", i+1, r.status, got, state)
		}
	}
	return job
}

// results are all pages of the results of a job.
func (x *org) results(job, query, field string) (all []map[string]any, pages int) {
	x.t.Helper()
	for cursor := ""; ; pages++ {
		answer := x.ok("GET", job+"/results?"+query+"&cursor="+url.QueryEscape(cursor), nil)
		all = append(all, objects(answer[field])...)
		cursor, _ = answer["cursor"].(string)
		if cursor == "" {
			return all, pages + 1
		}
	}
}

func TestAggregatesJobsGiveWhatTheQueryGives(t *testing.T) {
	t.Parallel()
	x := busy(t)
	interval, _, _ := x.span()
	body := map[string]any{"interval": interval, "metrics": served, "groupBy": []string{"userId", "queueId"}, "granularity": "P1D"}
	want := objects(x.ok("POST", aggregates, body)["results"])
	body["pageSize"] = 3
	job := x.ranJob(aggregatesJobs, body)
	if err := x.Advance(time.Hour); err != nil { // the job has run
		t.Fatal(err)
	}
	got, pages := x.results(job, "", "results")
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("results (-query +job):\n%.2000s", d)
	}
	if pages != (len(want)+2)/3 {
		t.Errorf("%d pages of %d groups", pages, len(want))
	}
	x.refused("GET", job+"/results?cursor=x", nil, http.StatusBadRequest, "invalid.query.param.value")
	x.refused("GET", aggregatesJobs+"/none", nil, http.StatusNotFound, "not.found")
	x.refused("GET", strings.Replace(job, "aggregates", "details", 1), nil, http.StatusNotFound, "not.found")
	x.refused("POST", aggregatesJobs, map[string]any{"interval": interval, "metrics": []string{}}, http.StatusBadRequest, "client.failed.request")
	if r := x.call("POST", aggregatesJobs, map[string]any{"interval": interval, "metrics": []string{"tPark"}}); r.status != http.StatusNotImplemented {
		t.Errorf("a metric that is not recorded: %d %s", r.status, r.body)
	}
}

func TestDetailsJobs(t *testing.T) {
	t.Parallel()
	x := busy(t)
	const lag = 20 * time.Minute
	now := time.Date(2026, 3, 4, 11, 57, 0, 0, time.UTC)
	for _, tt := range []struct {
		value, more string
		some        bool
	}{{"billing@help.e", "", true}, {"help.example.com", "", true}, {"billing@help.e", `,"startOfDayIntervalMatching":true`, false}, {"elp.example.com", "", false}} {
		body := `{"interval":"2026-03-03T00:00:00Z/2026-03-04T00:00:00Z","segmentFilters":[{"type":"and","predicates":[{"dimension":"addressTo","value":"` + tt.value + `"}]}]` + tt.more + `}`
		if all, _ := x.results(x.ranJob(detailsJobs, body), "", "conversations"); (len(all) > 0) != tt.some {
			t.Errorf("%d conversations to %s, want some %t", len(all), tt.value, tt.some)
		}
	}
	if d := gocmp.Diff(any("2026-03-04T11:37:00.000Z"), x.ok("GET", availability, nil)["dataAvailabilityDate"]); d != "" {
		t.Errorf("how far the data reach (-want +got):\n%s", d)
	}
	// A job finds what went on in its interval, and a query what began on its day.
	from, to := now.Add(-5*time.Hour), now
	during, since := map[string]bool{}, map[string]bool{}
	c, seen := x.Centre(), now.Add(-lag)
	for n, l := range c.Legs() {
		if l.Conversation != n || x.At(l.Entered).After(seen) {
			continue
		}
		last := l
		for last.Next > 0 {
			last = c.Leg(last.Next)
		}
		ended := x.At(last.Ended)
		if last.Ended < 0 || ended.After(seen) || !ended.Before(from) {
			during[x.ConversationID(n)] = true
		}
		if !x.At(l.Entered).Before(time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)) {
			since[x.ConversationID(n)] = true
		}
	}
	interval := from.Format(time.RFC3339) + "/" + to.Format(time.RFC3339)
	job := x.ranJob(detailsJobs, map[string]any{"interval": interval})
	day := x.ranJob(detailsJobs, map[string]any{"interval": interval, "startOfDayIntervalMatching": true})
	few := x.ranJob(detailsJobs, map[string]any{"interval": interval, "limit": 7, "order": "desc"})
	if err := x.Advance(2 * time.Hour); err != nil { // what a job has found stays as it was
		t.Fatal(err)
	}
	for _, tt := range []struct {
		job  string
		want map[string]bool
	}{{job, during}, {day, since}} {
		all, pages := x.results(tt.job, "pageSize=10", "conversations")
		got := map[string]bool{}
		for _, conversation := range all {
			got[fmt.Sprint(conversation["conversationId"])] = true
			if conversation["conversationEnd"] != nil && x.At(x.millis(fmt.Sprint(conversation["conversationEnd"]))).After(seen) {
				t.Errorf("an end beyond what the data reach to: %v", conversation["conversationEnd"])
			}
		}
		if d := gocmp.Diff(tt.want, got); d != "" || len(all) != len(got) || pages != (len(all)+9)/10 {
			t.Errorf("%d conversations on %d pages (-record +job):\n%s", len(all), pages, d)
		}
	}
	if len(during) == len(since) {
		t.Errorf("%d and %d conversations: nothing tells the two ways apart", len(during), len(since))
	}
	if all, _ := x.results(few, "", "conversations"); len(all) != 7 || fmt.Sprint(all[0]["conversationStart"]) < fmt.Sprint(all[6]["conversationStart"]) {
		t.Errorf("the last 7: %d, from %v to %v", len(all), all[0]["conversationStart"], all[6]["conversationStart"])
	}
	x.refused("GET", job+"/results?pageSize=0", nil, http.StatusBadRequest, "invalid.query.param.value")
	x.refused("GET", job+"/results?pageSize=1001", nil, http.StatusBadRequest, "invalid.query.param.value")
	x.LagMetrics(3 * time.Hour)
	if got := x.ok("GET", availability, nil)["dataAvailabilityDate"]; got != "2026-03-04T10:57:00.000Z" {
		t.Errorf("how far the data reach when metrics are late: %v", got)
	}
}

// What waited at the beginning is told as everything else is: by the day on which it
// began, and as long as it goes on, also where older legs are forgotten.
func TestDetailsTellWhatWaitedAtTheBeginning(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{0, 20} {
		sc, problems := scenario.Parse("traffic.yaml", []byte(closedTraffic), nil)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		x := living(t, sandbox.Options{Traffic: sc, Keep: keep})
		if err := x.Advance(time.Hour); err != nil {
			t.Fatal(err)
		}
		if !x.Transfer(1, x.queueID("Complaints")) { // the oldest
			t.Fatal("it is not transferred")
		}
		began := map[string]int{}
		for _, n := range x.Centre().Open() {
			began[x.At(x.Centre().Leg(x.Centre().Leg(n).Conversation).Entered).Format(time.DateOnly)]++
		}
		all, _ := x.results(x.ranJob(detailsJobs, map[string]any{"interval": "2026-03-04T12:00:00Z/2026-03-04T12:10:00Z"}), "", "conversations")
		if len(all) != 277 || !slices.IsSortedFunc(all, func(a, b map[string]any) int {
			return strings.Compare(fmt.Sprint(a["conversationStart"]), fmt.Sprint(b["conversationStart"]))
		}) {
			t.Errorf("keep %d: %d conversations go on, want 277 in their order", keep, len(all))
		}
		if len(began) != 3 {
			t.Errorf("they began on %v", began)
		}
		for day, want := range began {
			interval := day + "T10:00:00Z/" + day + "T11:00:00Z"
			by, _ := x.results(x.ranJob(detailsJobs, map[string]any{"interval": interval, "startOfDayIntervalMatching": true}), "", "conversations")
			hits := whole(x.ok("POST", details, map[string]any{"interval": interval})["totalHits"])
			if len(by) != want || hits != int64(want) {
				t.Errorf("keep %d: %d by the job, %d by the query on %s, want %d", keep, len(by), hits, day, want)
			}
		}
		before := began["2026-03-02"] + began["2026-03-03"]
		interval := "2026-03-03T22:00:00Z/2026-03-03T23:00:00Z"
		if all, _ := x.results(x.ranJob(detailsJobs, map[string]any{"interval": interval}), "", "conversations"); len(all) >= before || len(all) < began["2026-03-02"] {
			t.Errorf("keep %d: %d went on in %s, %d had begun by the end of the day", keep, len(all), interval, before)
		}
	}
}

func TestJobsEnd(t *testing.T) {
	t.Parallel()
	x := busy(t)
	body := map[string]any{"interval": "2026-03-03T00:00:00Z/2026-03-04T00:00:00Z"}
	early := detailsJobs + "/" + fmt.Sprint(x.ok("POST", detailsJobs, body)["jobId"])
	x.refused("GET", early+"/results", nil, http.StatusBadRequest, "bad.request")
	x.ok("GET", early, nil)
	x.refused("GET", early+"/results", nil, http.StatusBadRequest, "bad.request")
	if r := x.call("DELETE", early, nil); r.status != http.StatusNoContent {
		t.Fatalf("delete a job: %d %s", r.status, r.body)
	}
	for range 4 {
		if got := x.ok("GET", early, nil)["state"]; got != "CANCELLED" {
			t.Errorf("a job that was cancelled is %v", got)
		}
	}
	x.refused("GET", early+"/results", nil, http.StatusBadRequest, "bad.request")
	job := x.ranJob(detailsJobs, body)
	x.ok("GET", job+"/results", nil)
	x.call("DELETE", job, nil)
	x.refused("GET", job, nil, http.StatusNotFound, "not.found")
	old := x.ranJob(detailsJobs, body)
	if err := x.Advance(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	x.token = x.signIn()
	if got := x.ok("GET", old, nil)["state"]; got != "EXPIRED" {
		t.Errorf("a job of yesterday is %v", got)
	}
	x.refused("GET", old+"/results", nil, http.StatusBadRequest, "bad.request")
	// The newest jobs are kept.
	first := x.ranJob(detailsJobs, body)
	for range 50 {
		x.ok("POST", detailsJobs, body)
	}
	x.refused("GET", first, nil, http.StatusNotFound, "not.found")
}

// At rest there is nothing, and everything answers.
func TestAtRestThereAreNoConversations(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	const day = `"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"`
	for path, body := range map[string]string{
		aggregates: `{` + day + `,"metrics":["nOffered","tPark"],"groupBy":["teamId"]}`,
		activity:   `{"metrics":[{"metric":"oWaiting"}],"groupBy":["teamId"]}`,
		details:    `{` + day + `}`,
	} {
		answer := x.ok("POST", path, body)
		if len(objects(answer["results"]))+len(objects(answer["conversations"])) != 0 {
			t.Errorf("%s: %v", path, answer)
		}
	}
	for path, body := range map[string]string{aggregatesJobs: `{` + day + `,"metrics":["nOffered"]}`, detailsJobs: `{` + day + `}`} {
		answer := x.ok("GET", x.ranJob(path, body)+"/results", nil)
		if len(objects(answer["results"]))+len(objects(answer["conversations"])) != 0 || answer["cursor"] != nil {
			t.Errorf("%s: %v", path, answer)
		}
	}
}

// analyticsJob is a job of the kind that an operation is about, which has run.
func (x *org) analyticsJob(op *contract.Operation) string {
	x.t.Helper()
	path, _, _ := strings.Cut(op.Path, "/{jobId}")
	now := time.Now().UTC()
	body := map[string]any{"interval": now.Add(-time.Hour).Format(time.RFC3339) + "/" + now.Add(time.Hour).Format(time.RFC3339)}
	if strings.Contains(path, "aggregates") {
		body["metrics"] = []string{"nOffered"}
	}
	return strings.TrimPrefix(x.ranJob(path, body), path+"/")
}
