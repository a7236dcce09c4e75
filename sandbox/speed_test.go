package sandbox

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
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
	s := New(Options{Traffic: parsed(b, million), Speed: 3600, RateLimit: -1})
	base, err := s.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	benchmarkGets(b, s, base)
}

// BenchmarkQueueGets asks an organisation at rest for a queue over real
// connections.
func BenchmarkQueueGets(b *testing.B) {
	s := New(Options{RateLimit: -1})
	base, err := s.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	benchmarkGets(b, s, base)
}

func benchmarkGets(b *testing.B, s *Server, base string) {
	b.Helper()
	token := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader("grant_type=client_credentials"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(DefaultClientID, DefaultClientSecret)
	s.Handler().ServeHTTP(token, req)
	_, rest, _ := strings.Cut(token.Body.String(), `"access_token":"`)
	bearer, _, _ := strings.Cut(rest, `"`)
	id := text(s.queues.all()[0], "id")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	took := make(chan []time.Duration, 64)
	begin := time.Now()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		var mine []time.Duration
		for pb.Next() {
			at := time.Now()
			req, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, base+"/api/v2/routing/queues/"+id, nil)
			req.Header.Set("Authorization", "Bearer "+bearer)
			res, err := client.Do(req)
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
		took <- mine
	})
	close(took)
	var all []time.Duration
	for mine := range took {
		all = append(all, mine...)
	}
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/time.Since(begin).Seconds(), "requests/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}
