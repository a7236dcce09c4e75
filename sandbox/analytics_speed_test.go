package sandbox_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/foresort/foresort/sandbox"
)

// BenchmarkAnalytics asks an organisation that has lived for 35 days, with about
// 35,000 emails on record: 99 of 100 answers take p99 or less.
func BenchmarkAnalytics(b *testing.B) {
	x := living(b, sandbox.Options{Traffic: sandbox.SeedTraffic(), History: 35 * 24 * time.Hour})
	const month = `"interval":"2026-01-28T00:00:00Z/2026-03-04T12:00:00Z"`
	const week = `"interval":"2026-02-25T00:00:00Z/2026-03-04T00:00:00Z"`
	const metrics = `"metrics":["nOffered","tAnswered","tWait","tAcd","nOverSla","oServiceLevel","oServiceTarget","tAbandon","tHandle","tTalk","tAcw","tAlert","tNotResponding","nTransferred"]`
	const all = `"metrics":[{"metric":"oWaiting","details":true},{"metric":"oInteracting"},{"metric":"oLongestWaiting"}]`
	const email = `"segmentFilters":[{"type":"and","predicates":[{"dimension":"mediaType","value":"email"},{"dimension":"userId","operator":"exists"},{"dimension":"segmentType","value":"wrapup"}]}]`
	job := x.ranJob(detailsJobs, `{`+week+`}`)
	for name, q := range map[string]struct{ method, path, body string }{
		"everything in one":            {"POST", aggregates, `{` + month + `,` + metrics + `}`},
		"half hours by queue":          {"POST", aggregates, `{` + month + `,` + metrics + `,"groupBy":["queueId","mediaType"],"granularity":"PT30M"}`},
		"days by agent":                {"POST", aggregates, `{` + month + `,` + metrics + `,"groupBy":["userId"],"granularity":"P1D","timeZone":"Europe/Berlin"}`},
		"wrap-up codes":                {"POST", aggregates, `{` + month + `,` + metrics + `,"groupBy":["wrapUpCode"]}`},
		"one queue, filtered":          {"POST", aggregates, `{` + month + `,` + metrics + `,"granularity":"PT1H","filter":{"type":"and","predicates":[{"dimension":"addressTo","value":"billing@help.example.com"}]}}`},
		"details of a week":            {"POST", details, `{` + week + `,"paging":{"pageSize":100,"pageNumber":20}}`},
		"details of a month, filtered": {"POST", details, `{"interval":"2026-02-02T00:00:00Z/2026-03-04T00:00:00Z",` + email + `,"paging":{"pageSize":100,"pageNumber":2}}`},
		"results of a job":             {"GET", job + "/results?pageSize=100", ""},
		"observations":                 {"POST", observations, `{"filter":{"type":"and","predicates":[{"dimension":"mediaType","value":"email"}]},"metrics":["oWaiting","oInteracting","oLongestWaiting"],"detailMetrics":["oWaiting"]}`},
		"activity":                     {"POST", activity, `{"groupBy":["queueId"],` + all + `}`},
		"estimated wait":               {"GET", x.queue("Support Email") + "/estimatedwaittime", ""},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			var size int
			for b.Loop() {
				var body any
				if q.body != "" {
					body = q.body
				}
				begin := time.Now()
				r := x.raw(q.method, q.path, body)
				took = append(took, time.Since(begin))
				if size = len(r.body); r.status != http.StatusOK {
					b.Fatalf("%d %s", r.status, r.body)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(size)/1000, "kB")
		})
	}
}
