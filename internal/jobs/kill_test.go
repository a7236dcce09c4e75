//go:build linux || darwin

package jobs_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/internal/store/storetest"
)

// The environment of a process that the test below kills: its database, the
// receiver, and at which step of which name it ends itself; "" ends it from
// outside.
const (
	killedDatabase = "FORESORT_TEST_KILLED_DATABASE"
	killedReceiver = "FORESORT_TEST_KILLED_RECEIVER"
	killedAt       = "FORESORT_TEST_KILLED_AT"
	killedLease    = "FORESORT_TEST_KILLED_LEASE"
)

var steps = []string{"claimed", "sent", "finishing", "finished"}

// killLease is longer than any attempt, so that only kills lead to repeats.
const killLease = time.Second

// TestNothingIsLostWhereWorkersAreKilled kills a worker again and again, at steps
// that are named and at random, while events are put and sent.
func TestNothingIsLostWhereWorkersAreKilled(t *testing.T) {
	t.Parallel()
	if database := os.Getenv(killedDatabase); database != "" {
		victim(t, database)
		return
	}
	storetest.Each(t, func(t *testing.T, database string) {
		kills, events := sizeOf("FORESORT_KILLS", 20), sizeOf("FORESORT_KILL_EVENTS", 400)
		s := storetest.Open(t, database)
		o := jobs.NewOutbox(s, org)
		got := &inbox{times: map[string]int{}, last: map[string]int64{}}
		server := httptest.NewServer(got)
		defer server.Close()
		chance := rand.New(rand.NewPCG(1, uint64(len(database))))
		underWay := map[string]int{} // by delivery: the kills while a worker had it
		perKill := (events + kills - 1) / kills
		for kill, putSoFar := 0, 0; kill < kills; kill++ {
			n := min(perKill, events-putSoFar)
			objects := make([]string, n)
			for i := range objects {
				objects[i] = fmt.Sprint("queue ", chance.IntN(40))
			}
			put(t, s, o, []string{"a/one"}, objects...)
			putSoFar += n
			at := ""
			if chance.IntN(3) > 0 {
				at = fmt.Sprint(steps[chance.IntN(len(steps))], " ", 1+chance.IntN(4))
			}
			before := leases(t, o)
			runVictim(t, database, server.URL, at, killLease, time.Duration(chance.IntN(120))*time.Millisecond)
			for id, lease := range leases(t, o) {
				if lease != before[id] {
					underWay[id]++
				}
			}
		}
		w := &jobs.Worker{Outbox: o, Endpoints: func() []string { return []string{"a/one"} }, Send: post(server.URL)}
		o.Lease = killLease
		work(t, w, func() bool {
			open, err := o.List(t.Context(), jobs.Filter{State: jobs.Open, Limit: 1})
			return err == nil && len(open) == 0
		})
		got.judge(t, events, underWay)
		if v, err := ledger.New(s, org).Verify(t.Context()); err != nil || !v.OK() || v.Entries != int64(2*events) {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// TestWhatAKilledWorkerHadIsResumed kills a worker at each step and lets another go on
// at once. FORESORT_RESUME makes the lease the real one and tells how long it took:
// `make resume`.
func TestWhatAKilledWorkerHadIsResumed(t *testing.T) {
	t.Parallel()
	lease := killLease
	if os.Getenv("FORESORT_RESUME") != "" {
		lease = jobs.DefaultLease
	}
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		o := jobs.NewOutbox(s, org)
		o.Lease = lease
		for _, step := range steps[:3] {
			got := &inbox{times: map[string]int{}, last: map[string]int64{}}
			server := httptest.NewServer(got)
			putMany(t, s, 40, 20, "a/one")
			runVictim(t, database, server.URL, step+" 1", lease, 0)
			killed, underWay := time.Now(), map[string]int{}
			for id := range leases(t, o) {
				underWay[id] = 1
			}
			if len(underWay) == 0 {
				t.Fatal("the worker had nothing when it was killed")
			}
			work(t, &jobs.Worker{Outbox: o, Endpoints: func() []string { return []string{"a/one"} }, Send: post(server.URL)}, func() bool {
				open, err := o.Count(t.Context(), jobs.Open)
				return err == nil && open == 0
			})
			t.Logf("killed at the step %q: all is delivered %.1f s later", step, time.Since(killed).Seconds())
			got.judge(t, 40, underWay)
			server.Close()
		}
	})
}

// leases are the deliveries that a worker has, or had when it was killed.
func leases(t *testing.T, o *jobs.Outbox) map[string]int64 {
	t.Helper()
	open, err := o.List(t.Context(), jobs.Filter{State: jobs.Open})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, d := range open {
		if d.Lease > 0 {
			out[d.ID] = d.Lease
		}
	}
	return out
}

// runVictim runs a worker in a process of its own until it is killed.
func runVictim(t *testing.T, database, receiver, at string, lease, after time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingIsLostWhereWorkersAreKilled$")
	cmd.Env = append(os.Environ(), killedDatabase+"="+database, killedReceiver+"="+receiver, killedAt+"="+at, killedLease+"="+lease.String())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := after + 80*time.Millisecond // it takes a while to start
	if at != "" {
		limit = 3 * time.Second
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the worker was not killed: %v", err)
	}
}

// victim works until it is killed, by itself where a step is named.
func victim(t *testing.T, database string) {
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	o := jobs.NewOutbox(s, org)
	o.Lease = killLease
	if d, err := time.ParseDuration(os.Getenv(killedLease)); err == nil {
		o.Lease = d
	}
	point, nth, _ := strings.Cut(os.Getenv(killedAt), " ")
	left := atomic.Int64{}
	if n, err := strconv.ParseInt(nth, 10, 64); err == nil {
		left.Store(n)
	}
	w := &jobs.Worker{
		Outbox: o, AtOnce: 8, Endpoints: func() []string { return []string{"a/one"} }, Send: post(os.Getenv(killedReceiver)),
		Step: func(at string) {
			if at == point && left.Add(-1) == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		},
	}
	if err := w.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// post sends a delivery to the receiver.
func post(url string) func(context.Context, jobs.Delivery) jobs.Outcome {
	return func(ctx context.Context, d jobs.Delivery) jobs.Outcome {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(d.Body))
		if err != nil {
			return again(d, time.Second)
		}
		req.Header.Set("webhook-id", d.ID)
		req.Header.Set("object", d.Object)
		req.Header.Set("seq", strconv.FormatInt(d.Seq, 10))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return again(d, 10*time.Millisecond)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return delivered(d)
	}
}

// inbox is the receiver: it knows what came how often, and whether anything
// overtook.
type inbox struct {
	mu        sync.Mutex
	times     map[string]int
	last      map[string]int64 // by object
	inversion []string
}

func (b *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id, object := r.Header.Get("webhook-id"), r.Header.Get("object")
	seq, _ := strconv.ParseInt(r.Header.Get("seq"), 10, 64)
	b.times[id]++
	if seq < b.last[object] && b.times[id] == 1 {
		b.inversion = append(b.inversion, fmt.Sprintf("%s: %d after %d", object, seq, b.last[object]))
	}
	b.last[object] = max(b.last[object], seq)
}

// judge says what came: everything, and of each delivery no more repeats than kills
// while it was under way.
func (b *inbox) judge(t *testing.T, events int, underWay map[string]int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	repeats, chances := 0, 0
	for _, n := range underWay {
		chances += n
	}
	for id, n := range b.times {
		repeats += n - 1
		if n-1 > underWay[id] {
			t.Errorf("%s came %d times, and was under way at %d kills", id, n, underWay[id])
		}
	}
	if len(b.times) != events || len(b.inversion) > 0 {
		t.Errorf("%d of %d events came, out of order: %q", len(b.times), events, b.inversion)
	}
	t.Logf("%d events, %d repeats; a delivery was under way at a kill %d times", events, repeats, chances)
}
