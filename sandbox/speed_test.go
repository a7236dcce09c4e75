package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// million is a million emails a day for 2,000 agents.
const million = `version: 1
start: 2026-03-02
timezone: UTC
days: 7
arrivals: [{ rule: support@help.example.com, rate: 41667 }]
handle: { mean: 2m, cv: 0.8 }
wrapUp: { mean: 20s }
agents: [{ name: Agent, count: 2000 }]
`

// BenchmarkMillion is a day of a million emails, as fast as it goes; busy is how
// much of one core that takes at --speed 3600.
func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		clock := NewClock(mondayMidnight)
		s := New(Options{Now: clock.Now, Traffic: parsed(b, million)})
		if err := s.Err(); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		for range 24 * 60 {
			if err := s.Advance(time.Minute); err != nil {
				b.Fatal(err)
			}
		}
		took := time.Since(begin)
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		offered, answered, _, _ := outcome(s)
		b.ReportMetric(float64(offered), "emails")
		b.ReportMetric(float64(answered), "answered")
		b.ReportMetric(100*took.Seconds()/24, "%busy")
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB")
		runtime.KeepAlive(s)
	}
}

// BenchmarkHistory opens the seeded organisation with 35 days behind it.
func BenchmarkHistory(b *testing.B) {
	traffic := SeedTraffic()
	for b.Loop() {
		if err := New(Options{Traffic: traffic, History: 35 * 24 * time.Hour}).Err(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAnswersWhileAMillionFlows asks for a queue over a real connection
// while a million emails a day flow at a speed of 3600.
func BenchmarkAnswersWhileAMillionFlows(b *testing.B) {
	c := clientOf(b, New(Options{Traffic: parsed(b, million), Speed: 3600, RateLimit: -1}))
	c.benchmark(b, 8, c.get("/api/v2/routing/queues/"+c.queue))
}

// BenchmarkQueueGets asks an organisation at rest for a queue over real
// connections.
func BenchmarkQueueGets(b *testing.B) {
	c := clientOf(b, New(Options{RateLimit: -1}))
	c.benchmark(b, 8, c.get("/api/v2/routing/queues/"+c.queue))
}

// BenchmarkWatchWhileAMillionFlows is somebody who watches a queue while a
// million emails a day flow through it at a speed of 3600, with a day behind it:
// everything in turn, and each alone.
func BenchmarkWatchWhileAMillionFlows(b *testing.B) {
	s := New(Options{Traffic: parsed(b, million), Speed: 3600, RateLimit: -1})
	if err := s.Advance(24 * time.Hour); err != nil {
		b.Fatal(err)
	}
	c := clientOf(b, s)
	const analytics = "/api/v2/analytics/"
	only := `{"type":"and","predicates":[{"dimension":"queueId","value":"` + c.queue + `"}]}`
	sums := `"metrics":["nOffered","tAnswered","tHandle","oServiceLevel"],"groupBy":["queueId","mediaType"]`
	watch := []struct {
		name string
		ask  ask
	}{
		{"queue", c.get("/api/v2/routing/queues/" + c.queue)},
		{"observations", c.post(analytics+"queues/observations/query", 0, `"filter":`+only+`,"metrics":["oWaiting","oInteracting","oLongestWaiting","oOnQueueUsers"],"detailMetrics":["oWaiting"]`)},
		{"activity", c.post(analytics+"conversations/activity/query", 0, `"groupBy":["queueId"],"metrics":[{"metric":"oWaiting","details":true},{"metric":"oInteracting"},{"metric":"oLongestWaiting"}]`)},
		{"half an hour", c.post(analytics+"conversations/aggregates/query", 30*time.Minute, sums)},
		{"an hour", c.post(analytics+"conversations/aggregates/query", time.Hour, sums)},
		{"details", c.post(analytics+"conversations/details/query", time.Hour, `"segmentFilters":[`+only+`]`)},
		{"estimated wait", c.get("/api/v2/routing/queues/" + c.queue + "/estimatedwaittime")},
	}
	var all []ask
	for _, w := range watch {
		all = append(all, w.ask)
	}
	b.Run("all", func(b *testing.B) { c.benchmark(b, 1, all...) })
	for _, w := range watch {
		b.Run(w.name, func(b *testing.B) { c.benchmark(b, 1, w.ask) })
	}
}

// client asks a sandbox over real connections.
type client struct {
	*Server
	http                *http.Client
	base, bearer, queue string // the last: where the mail goes
}

// ask makes a request.
type ask func() *http.Request

func clientOf(b *testing.B, s *Server) *client {
	b.Helper()
	base, err := s.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	token := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader("grant_type=client_credentials"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(DefaultClientID, DefaultClientSecret)
	s.Handler().ServeHTTP(token, req)
	_, rest, _ := strings.Cut(token.Body.String(), `"access_token":"`)
	bearer, _, _ := strings.Cut(rest, `"`)
	i := slices.IndexFunc(s.queues.all(), func(q object) bool { return text(q, "name") == "Support Email" })
	return &client{s, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, base, bearer, text(s.queues.all()[i], "id")}
}

func (c *client) get(path string) ask {
	return func() *http.Request { return c.request(http.MethodGet, path, nil) }
}

// post has an interval, where it is asked for: the last so long.
func (c *client) post(path string, last time.Duration, fields string) ask {
	return func() *http.Request {
		body := fields
		if last > 0 {
			c.mu.Lock()
			now := c.now()
			c.mu.Unlock()
			body += `,"interval":"` + stamp(now.Add(-last)) + "/" + stamp(now) + `"`
		}
		return c.request(http.MethodPost, path, strings.NewReader("{"+body+"}"))
	}
}

func (c *client) request(method, path string, body io.Reader) *http.Request {
	req, _ := http.NewRequestWithContext(context.Background(), method, c.base+path, body)
	req.Header.Set("Authorization", "Bearer "+c.bearer)
	req.Header.Set("Content-Type", "application/json")
	return req
}

// benchmark asks in turn, so many clients at once for each processor, and reports
// how long half of the answers take at most, and 99 of 100.
func (c *client) benchmark(b *testing.B, clients int, asks ...ask) {
	b.Helper()
	var mu sync.Mutex
	var all []time.Duration
	begin := time.Now()
	b.SetParallelism(clients)
	b.RunParallel(func(pb *testing.PB) {
		var mine []time.Duration
		for i := 0; pb.Next(); i++ {
			req := asks[i%len(asks)]()
			at := time.Now()
			res, err := c.http.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Error(fmt.Errorf("status %d", res.StatusCode))
				return
			}
			mine = append(mine, time.Since(at))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, mine...)
	})
	slices.Sort(all)
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(float64(len(all))/time.Since(begin).Seconds(), "requests/s")
	b.ReportMetric(milliseconds(all[len(all)/2]), "p50-ms")
	b.ReportMetric(milliseconds(all[len(all)*99/100]), "p99-ms")
}
