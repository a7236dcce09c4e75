package jobs_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/relay"
)

// sizeOf is how long a test is: environment variables make some longer, see the
// Makefile.
func sizeOf(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

// putMany puts events about objects in turn for endpoints, many in a transaction.
func putMany(t testing.TB, s *store.Store, events, objects int, endpoints ...string) {
	t.Helper()
	o := jobs.NewOutbox(s, org)
	for begin := 0; begin < events; begin += 500 {
		if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
			for i := begin; i < min(begin+500, events); i++ {
				e, err := ledger.New(s, org).AppendTx(ctx, tx, "change", "x", nil)
				if err != nil {
					return err
				}
				for _, name := range endpoints {
					if err := o.Put(ctx, tx, e.Seq, jobs.Message{Endpoint: name, Object: fmt.Sprint("queue ", i%objects), Event: "queue.updated", Body: fmt.Sprintf(`{"seq":%d}`, e.Seq)}); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnEndpointThatFailsNowAndThen answers 503 to 30% of the attempts. What fails
// six times in a row is dead. FORESORT_FAILURES makes it long: `make failures`.
func TestAnEndpointThatFailsNowAndThen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		events := sizeOf("FORESORT_FAILURES", 2000)
		s := storetest.Open(t, database)
		putMany(t, s, events, max(events/100, 10), "a/one")
		var mu sync.Mutex
		last, came, attempts := map[string]int64{}, map[string]bool{}, 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var seq int64
			if _, err := fmt.Fscanf(r.Body, `{"seq":%d}`, &seq); err != nil {
				t.Error(err)
			}
			id, object := r.Header.Get("webhook-id"), fmt.Sprint((seq-1)%int64(max(events/100, 10)))
			mu.Lock()
			defer mu.Unlock()
			if attempts++; rand.IntN(10) < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			if came[id] || seq <= last[object] {
				t.Errorf("%s came again, or after %d", id, last[object])
			}
			came[id], last[object] = true, seq
		}))
		defer server.Close()
		send := signed(t, server.URL)
		var ended atomic.Int64
		start := time.Now()
		work(t, &jobs.Worker{Outbox: jobs.NewOutbox(s, org), AtOnce: 64, Endpoints: func() []string { return []string{"a/one"} }, Send: func(ctx context.Context, d jobs.Delivery) jobs.Outcome {
			out := send(ctx, d)
			if out.State == jobs.Open && out.Attempts >= 6 {
				out.State = jobs.Dead
			}
			if out.State != jobs.Open {
				ended.Add(1)
			}
			return out
		}}, func() bool { return ended.Load() >= int64(events) })
		took := time.Since(start)
		dead, err := jobs.NewOutbox(s, org).Count(t.Context(), jobs.Dead)
		if err != nil || len(came)+int(dead) != events {
			t.Errorf("%d came and %d are dead, of %d; %v", len(came), dead, events, err)
		}
		if v, err := ledger.New(s, org).Verify(t.Context()); err != nil || !v.OK() || v.Entries != int64(2*events) {
			t.Errorf("%+v, %v", v, err)
		}
		t.Logf("%d events, %d attempts in %s: %d delivered, %d dead", events, attempts, took.Round(time.Second/10), len(came), dead)
	})
}

// signed sends with a signature.
func signed(t testing.TB, url string) func(context.Context, jobs.Delivery) jobs.Outcome {
	t.Helper()
	secret, err := relay.ParseSecret("the secret of a benchmark, long enough")
	if err != nil {
		t.Fatal(err)
	}
	sender := relay.NewSender(relay.SenderOptions{Allow: []string{"127.0.0.1"}})
	t.Cleanup(sender.Close)
	to := relay.Endpoint{Name: "a/one", URL: url, Secrets: []relay.Secret{secret}}
	return func(ctx context.Context, d jobs.Delivery) jobs.Outcome {
		req, err := to.Request(ctx, relay.Message{ID: d.ID, Body: []byte(d.Body)}, time.Now())
		if err != nil {
			return again(d, time.Second)
		}
		if v := sender.Send(ctx, req); v.Outcome != relay.Delivered {
			return again(d, time.Millisecond)
		}
		return delivered(d)
	}
}

// accepting is a receiver on loopback that takes everything.
func accepting(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestALineIsFoundByItsIndex looks how the first open one of a line is found while
// the database has no statistics: in the index of lines, and not by walking over
// what a dead endpoint has left open.
func TestALineIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		putMany(t, s, 100, 10, "a/one", "a/dead")
		explain := "EXPLAIN QUERY PLAN"
		if s.Postgres() {
			explain = "EXPLAIN"
		}
		rows, err := s.Read().QueryContext(t.Context(), explain+` SELECT id FROM deliveries
			WHERE org = ? AND endpoint = ? AND object = ? AND state = 'open' ORDER BY seq LIMIT 1`, org, "a/one", "queue 1")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		how := ""
		for rows.Next() {
			cells := make([]any, len(names))
			for i := range cells {
				cells[i] = new(any)
			}
			if err := rows.Scan(cells...); err != nil {
				t.Fatal(err)
			}
			how += fmt.Sprintln(*cells[len(cells)-1].(*any))
		}
		if rows.Err() != nil || !strings.Contains(how, "deliveries_lines") {
			t.Errorf("%v: found by %s", rows.Err(), how)
		}
	})
}

// BenchmarkDeadEndpoint is how much slower deliveries to two endpoints are while a
// third is dead, with as many deliveries: it refuses at once, or never answers. Runs
// with and without it take turns, in any order; the figures are medians, how much slower that of
// the ratios within each turn.
func BenchmarkDeadEndpoint(b *testing.B) {
	const events, objects = 10_000, 1000 // some seconds: what it costs to find out that it is dead is done after the first tenth
	url := accepting(b)
	for name, database := range map[string]func(testing.TB) string{
		"sqlite":   func(b testing.TB) string { return filepath.Join(b.TempDir(), "x.db") },
		"postgres": storetest.Postgres,
	} {
		b.Run(name, func(b *testing.B) {
			send := signed(b, url)
			took := map[string][]float64{}
			run := func(how string) {
				s := storetest.Open(b, database(b))
				endpoints := []string{"a/one", "a/two"}
				if how != "alone" {
					endpoints = append(endpoints, "a/dead")
				}
				putMany(b, s, events, objects, endpoints...)
				var sent atomic.Int64
				ending, end := context.WithCancel(b.Context())
				defer end()
				w := &jobs.Worker{Outbox: jobs.NewOutbox(s, org), Endpoints: func() []string { return endpoints }, Send: func(ctx context.Context, d jobs.Delivery) jobs.Outcome {
					if d.Endpoint != "a/dead" {
						out := send(ctx, d)
						sent.Add(1)
						return out
					}
					if how == "silent" {
						select {
						case <-ending.Done():
						case <-time.After(15 * time.Second):
						}
					}
					at, _ := relay.Schedule{}.Next(relay.Failure{Attempt: int(d.Attempts) + 1, Since: time.UnixMicro(d.Created), Now: time.Now()}, rand.Int64N)
					return again(d, time.Until(at))
				}}
				start := time.Now()
				work(b, w, func() bool {
					if sent.Load() < 2*events {
						return false
					}
					took[how] = append(took[how], float64(2*events)/time.Since(start).Seconds())
					end()
					return true
				})
			}
			for b.Loop() {
				hows := []string{"alone", "refusing", "silent"}
				rand.Shuffle(len(hows), func(i, j int) { hows[i], hows[j] = hows[j], hows[i] })
				for _, how := range hows {
					run(how)
				}
			}
			for _, how := range []string{"refusing", "silent"} {
				slower := make([]float64, len(took[how]))
				for i := range slower {
					slower[i] = 100 * (1 - took[how][i]/took["alone"][i])
				}
				b.ReportMetric(median(took[how]), how+"/s")
				b.ReportMetric(median(slower), how+"-slower-%")
			}
			b.ReportMetric(median(took["alone"]), "alone/s")
		})
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}
