package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const org = "org-1"

// put puts events about objects for endpoints, each in a transaction of its own.
func put(t testing.TB, s *store.Store, o *jobs.Outbox, endpoints []string, objects ...string) {
	t.Helper()
	l := ledger.New(s, org)
	for _, object := range objects {
		if err := s.WithTx(t.Context(), func(ctx context.Context, tx store.Tx) error {
			e, err := l.AppendTx(ctx, tx, "change", object, nil)
			if err != nil {
				return err
			}
			var ms []jobs.Message
			for _, name := range endpoints {
				ms = append(ms, jobs.Message{Endpoint: name, Object: object, Event: "queue.updated", Body: fmt.Sprintf(`{"seq":%d}`, e.Seq)})
			}
			return o.Put(ctx, tx, e.Seq, ms...)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// receiver notes what it got, in the order in which it came.
type receiver struct {
	mu   sync.Mutex
	got  map[string][]int64 // by endpoint and object: the Seq of each
	all  int
	busy map[string]bool
}

func newReceiver() *receiver { return &receiver{got: map[string][]int64{}, busy: map[string]bool{}} }

// begin says whether another delivery of the same line is under way.
func (r *receiver) begin(d jobs.Delivery) (overlaps bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := d.Endpoint + " " + d.Object
	overlaps = r.busy[line]
	r.busy[line] = true
	return overlaps
}

func (r *receiver) end(d jobs.Delivery, took bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := d.Endpoint + " " + d.Object
	r.busy[line] = false
	if took {
		r.got[line] = append(r.got[line], d.Seq)
		r.all++
	}
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// patience is how long work may take, which says nothing about how long it does.
const patience = 20 * time.Minute

// work runs a worker until done says so.
func work(t testing.TB, w *jobs.Worker, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		for !done() && ctx.Err() == nil {
			<-time.After(5 * time.Millisecond)
		}
		if ctx.Err() != nil {
			t.Error("it did not come to its end")
		}
		cancel()
	}()
	w.Told = func(err error) {
		if err != nil {
			t.Log(err)
		}
	}
	if err := w.Run(ctx); err != nil {
		t.Error(err)
	}
}

func delivered(d jobs.Delivery) jobs.Outcome {
	return jobs.Outcome{State: jobs.Delivered, Attempts: d.Attempts + 1, At: time.Now(), Status: 204}
}

func again(d jobs.Delivery, in time.Duration) jobs.Outcome {
	return jobs.Outcome{State: jobs.Open, Attempts: d.Attempts + 1, At: time.Now(), Status: 503, Words: "503", Next: time.Now().Add(in)}
}

func TestNothingIsLostAndNothingOvertakes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		o := jobs.NewOutbox(s, org)
		endpoints := []string{"a/one", "a/two"}
		var objects []string
		for i := range 200 {
			objects = append(objects, fmt.Sprint("queue ", i%7))
		}
		put(t, s, o, endpoints, objects...)
		r := newReceiver()
		w := &jobs.Worker{Outbox: o, Endpoints: func() []string { return endpoints }, Send: func(_ context.Context, d jobs.Delivery) jobs.Outcome {
			if r.begin(d) {
				t.Errorf("two deliveries of %s are under way at once", d.Object)
			}
			took := rand.IntN(10) >= 3
			r.end(d, took)
			if !took {
				return again(d, time.Millisecond)
			}
			return delivered(d)
		}}
		work(t, w, func() bool { return r.count() == 400 })
		for line, seqs := range r.got {
			for i := 1; i < len(seqs); i++ {
				if seqs[i] <= seqs[i-1] {
					t.Errorf("%s: %d after %d", line, seqs[i], seqs[i-1])
				}
			}
		}
		open, err := o.List(t.Context(), jobs.Filter{State: jobs.Open})
		if err != nil || len(open) != 0 {
			t.Errorf("%d are open, %v", len(open), err)
		}
		v, err := ledger.New(s, org).Verify(t.Context())
		if err != nil || !v.OK() || v.Entries != 600 {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

func TestWorkersOfOneDatabaseShareTheWork(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		r := newReceiver()
		stores := []*store.Store{storetest.Open(t, database), storetest.Open(t, database), storetest.Open(t, database)}
		var objects []string
		for i := range 150 {
			objects = append(objects, fmt.Sprint("queue ", i%20))
		}
		put(t, stores[0], jobs.NewOutbox(stores[0], org), []string{"a/one"}, objects...)
		var wait sync.WaitGroup
		for _, s := range stores {
			wait.Go(func() {
				w := &jobs.Worker{Outbox: jobs.NewOutbox(s, org), Endpoints: func() []string { return []string{"a/one"} }, Send: func(_ context.Context, d jobs.Delivery) jobs.Outcome {
					if r.begin(d) {
						t.Errorf("two deliveries of %s are under way at once", d.Object)
					}
					<-time.After(time.Millisecond)
					r.end(d, true)
					return delivered(d)
				}}
				work(t, w, func() bool { return r.count() >= 150 })
			})
		}
		wait.Wait()
		if r.count() != 150 {
			t.Errorf("%d came, want 150", r.count())
		}
	})
}

func TestADeadOneLetsTheNextGoAndCanBeSentAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		o := jobs.NewOutbox(s, org)
		put(t, s, o, []string{"a/one"}, "q", "q", "q")
		r := newReceiver()
		var refuse atomic.Bool
		refuse.Store(true)
		w := &jobs.Worker{Outbox: o, Endpoints: func() []string { return []string{"a/one"} }, Send: func(_ context.Context, d jobs.Delivery) jobs.Outcome {
			if d.Seq == 1 && refuse.Load() {
				return jobs.Outcome{State: jobs.Dead, Attempts: d.Attempts + 1, At: time.Now(), Words: "given up"}
			}
			r.end(d, true)
			return delivered(d)
		}}
		work(t, w, func() bool { return r.count() == 2 })
		dead, err := o.List(t.Context(), jobs.Filter{State: jobs.Dead})
		if err != nil || len(dead) != 1 || dead[0].Seq != 1 || dead[0].LastWords != "given up" || dead[0].Attempts != 1 {
			t.Fatalf("%+v, %v", dead, err)
		}
		put(t, s, o, []string{"a/one"}, "q")
		refuse.Store(false)
		if err := o.Replay(t.Context(), dead[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := o.Replay(t.Context(), dead[0].ID); err == nil {
			t.Error("what is open was replayed")
		}
		if err := o.Replay(t.Context(), "msg_none"); !errors.Is(err, jobs.ErrNoDelivery) {
			t.Errorf("no delivery: %v", err)
		}
		work(t, w, func() bool { return r.count() == 4 })
		if diff := cmp.Diff([]int64{2, 3, 1}, r.got["a/one q"][:3]); diff != "" {
			t.Error(diff)
		}
		again, err := o.Get(t.Context(), dead[0].ID)
		if err != nil || again.Body != dead[0].Body || again.ID != dead[0].ID || again.State != jobs.Delivered {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

func TestAnEndpointThatWantsNoMoreIsLeftAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		o := jobs.NewOutbox(s, org)
		put(t, s, o, []string{"a/one"}, "q", "r")
		var sent atomic.Int64
		usable := func() []string {
			off, err := o.Disabled(t.Context())
			if err != nil || off["a/one"] != "" {
				return nil
			}
			return []string{"a/one"}
		}
		w := &jobs.Worker{Outbox: o, AtOnce: 1, Endpoints: usable, Send: func(_ context.Context, d jobs.Delivery) jobs.Outcome {
			sent.Add(1)
			out := again(d, time.Millisecond)
			out.Disable, out.Words = true, "410 Gone"
			return out
		}}
		start := time.Now()
		work(t, w, func() bool { return time.Since(start) > 600*time.Millisecond })
		off, err := o.Disabled(t.Context())
		if err != nil || off["a/one"] != "410 Gone" || sent.Load() != 1 {
			t.Fatalf("%v, %v, %d sent", off, err, sent.Load())
		}
		if err := o.Enable(t.Context(), "a/one"); err != nil {
			t.Fatal(err)
		}
		if off, err := o.Disabled(t.Context()); err != nil || len(off) != 0 {
			t.Errorf("%v, %v", off, err)
		}
		for _, name := range []string{"a/one", "a/none"} {
			if err := o.Enable(t.Context(), name); !errors.Is(err, jobs.ErrNotDisabled) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// What a database does not take holds nobody up who wants to end: others send it again.
func TestAWorkerEndsThoughNothingCanBeRecorded(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "x.db"))
	o := jobs.NewOutbox(s, org)
	o.Lease = time.Hour
	put(t, s, o, []string{"a"}, "queue:1")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &jobs.Worker{Outbox: o, Endpoints: func() []string { return []string{"a"} }, Send: func(ctx context.Context, d jobs.Delivery) jobs.Outcome {
		if err := s.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.NewRaw("PRAGMA query_only = ON").Exec(ctx)
			return err
		}); err != nil {
			t.Error(err)
		}
		cancel()
		return delivered(d)
	}}
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}

func TestOneLeadsAtATime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		var leading, led atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for range 3 {
			s := storetest.Open(t, database)
			wait.Go(func() {
				for range 2 {
					if err := (jobs.Leader{Store: s, Name: "watch"}).Run(ctx, func(context.Context) error {
						if leading.Add(1) > 1 {
							t.Error("two lead")
						}
						<-time.After(20 * time.Millisecond)
						leading.Add(-1)
						led.Add(1)
						return nil
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		cancel()
		if led.Load() != 6 {
			t.Errorf("led %d times, want 6", led.Load())
		}
	})
}

// A leader whose connection to PostgreSQL ends steps down at once: another may lead.
func TestALeaderThatLosesTheDatabaseStepsDown(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	var leading, led, told atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for range 2 {
		l := jobs.Leader{Store: storetest.Open(t, database), Name: "watch", Told: func(err error) {
			if err != nil {
				told.Add(1)
			}
		}}
		wait.Go(func() {
			if err := l.Run(ctx, func(ctx context.Context) error {
				leading.Add(1)
				led.Add(1)
				<-ctx.Done()
				leading.Add(-1)
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	until := func(n int64) {
		t.Helper()
		for limit := time.Now().Add(2 * time.Minute); led.Load() != n || leading.Load() != 1; <-time.After(5 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("%d lead, the %d. time, want one the %d. time", leading.Load(), led.Load(), n)
			}
		}
	}
	s := storetest.Open(t, database)
	until(1)
	for n := int64(2); n < 4; n++ {
		storetest.EndLocks(t, s)
		until(n)
	}
	cancel()
	wait.Wait()
	if told.Load() != 2 {
		t.Errorf("it was told %d times, want 2", told.Load())
	}
}

// BenchmarkDeliveries is how many deliveries a second go through a database: with
// a receiver that takes no time, and signed to one over HTTP in the same process.
func BenchmarkDeliveries(b *testing.B) {
	for name, database := range map[string]func(testing.TB) string{
		"sqlite":   func(b testing.TB) string { return filepath.Join(b.TempDir(), "x.db") },
		"postgres": storetest.Postgres,
	} {
		b.Run(name+"/recorded", func(b *testing.B) {
			benchDeliveries(b, database, func(_ context.Context, d jobs.Delivery) jobs.Outcome { return delivered(d) })
		})
		b.Run(name+"/signed", func(b *testing.B) { benchDeliveries(b, database, signed(b, accepting(b))) })
	}
}

func benchDeliveries(b *testing.B, database func(testing.TB) string, send func(context.Context, jobs.Delivery) jobs.Outcome) {
	b.Helper()
	const events = 5000
	var took time.Duration
	for b.Loop() {
		b.StopTimer()
		s := storetest.Open(b, database(b))
		o := jobs.NewOutbox(s, org)
		putMany(b, s, events, 500, "a/one")
		var sent atomic.Int64
		w := &jobs.Worker{Outbox: o, AtOnce: 64, Endpoints: func() []string { return []string{"a/one"} }, Send: func(ctx context.Context, d jobs.Delivery) jobs.Outcome {
			out := send(ctx, d)
			if out.State == jobs.Delivered {
				sent.Add(1)
			}
			return out
		}}
		b.StartTimer()
		start := time.Now()
		work(b, w, func() bool { return sent.Load() >= events })
		took += time.Since(start)
	}
	b.ReportMetric(float64(events*b.N)/took.Seconds(), "deliveries/s")
}
