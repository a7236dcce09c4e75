package jobs

import (
	"context"
	"sync"
	"time"
)

// Worker sends what is due. Any number of them may share a database.
type Worker struct {
	Outbox *Outbox
	// Send makes one attempt and says what becomes of it. It must end well before
	// a lease does, and may be called by several goroutines.
	Send func(context.Context, Delivery) Outcome
	// Endpoints are those that can be sent to just now.
	Endpoints func() []string
	// AtOnce is how many deliveries to one endpoint are under way at most; 0: 16.
	AtOnce int
	// Told is told how the database stands: an error each time that it fails, nil
	// when it has taken something; nil: nobody is.
	Told func(error)
	// Step is told where the worker is; for tests that end it there.
	Step func(point string)

	mu      sync.Mutex
	wake    chan struct{}
	failing map[string]int // by endpoint: failures in a row
}

const (
	atOnce = 16
	// look is how often the worker looks for work that others have put.
	look = 250 * time.Millisecond
	// failingFrom is after how many failures in a row an endpoint gets only one
	// attempt at a time, and one every look at most.
	failingFrom = 20
	// quiet is after how long an endpoint that says nothing is not waited for.
	quiet = 50 * time.Millisecond
	// gather is how long outcomes wait for others to be recorded with.
	gather = 3 * time.Millisecond
	// mostFinished is how many outcomes are recorded at once.
	mostFinished = 256
)

// Wake lets the worker look for work at once.
func (w *Worker) Wake() {
	select {
	case w.waker() <- struct{}{}:
	default:
	}
}

func (w *Worker) waker() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wake == nil {
		w.wake = make(chan struct{}, 1)
	}
	return w.wake
}

func (w *Worker) step(point string) {
	if w.Step != nil {
		w.Step(point)
	}
}

// Grace is how long attempts may go on once the worker shall end; then they are
// broken off, and tried again later.
const Grace = 8 * time.Second

// record is how long after that outcomes may still be recorded: where the database
// takes nothing they are given up, and others send the deliveries again.
const record = 500 * time.Millisecond

// Run works until the context ends. Then it begins nothing new, waits for what is
// under way, and records it.
func (w *Worker) Run(ctx context.Context) error {
	if w.Told == nil {
		w.Told = func(error) {}
	}
	if w.AtOnce <= 0 {
		w.AtOnce = atOnce
	}
	w.failing = map[string]int{}
	r := &running{Worker: w, underWay: map[string]int{}, claimed: map[string]time.Time{}, heard: map[string]time.Time{}, outcomes: make(chan Outcome, mostFinished)}
	return r.run(ctx)
}

// running is a worker at work.
type running struct {
	*Worker
	underWay map[string]int       // by endpoint
	claimed  map[string]time.Time // by endpoint: when it was last
	heard    map[string]time.Time // the same, or when an attempt ended
	outcomes chan Outcome
}

func (r *running) run(ctx context.Context) error {
	// What is under way is sent and recorded although the context has ended.
	lasting := context.WithoutCancel(ctx)
	sending, breakOff := context.WithCancel(lasting)
	defer breakOff()
	recording, giveUp := context.WithCancel(lasting)
	defer giveUp()
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(Grace, breakOff)
		time.AfterFunc(Grace+record, giveUp)
	})()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if ctx.Err() == nil {
			if err := r.claim(sending); err != nil {
				r.Told(err)
			}
		} else if r.busy() == 0 {
			return nil
		}
		var first Outcome
		done := ctx.Done()
		if ctx.Err() != nil {
			done = nil
		}
		select {
		case first = <-r.outcomes:
			r.finish(recording, first)
		case <-r.waker():
		case <-tick.C:
		case <-done:
		}
	}
}

func (r *running) busy() (n int) {
	for _, k := range r.underWay {
		n += k
	}
	return n
}

// expected is how many attempts may end soon.
func (r *running) expected() (n int) {
	for endpoint, k := range r.underWay {
		if time.Since(r.heard[endpoint]) < quiet {
			n += k
		}
	}
	return n
}

// claim takes what is due for each endpoint, as far as there is room, and sends
// it.
func (r *running) claim(ctx context.Context) error {
	for _, endpoint := range r.Endpoints() {
		room := r.AtOnce
		if r.failing[endpoint] >= failingFrom {
			if time.Since(r.claimed[endpoint]) < look {
				continue // each attempt costs the others two transactions
			}
			room = 1
		}
		if room -= r.underWay[endpoint]; room < (r.AtOnce+1)/2 && r.underWay[endpoint] > 0 {
			continue // few at a time would cost a transaction each
		}
		r.claimed[endpoint] = time.Now()
		r.heard[endpoint] = r.claimed[endpoint]
		claimed, err := r.Outbox.Claim(ctx, endpoint, int64(room))
		if err != nil {
			return err
		}
		if len(claimed) > 0 {
			r.Told(nil)
			r.step("claimed")
		}
		for _, d := range claimed {
			r.underWay[endpoint]++
			go func() {
				out := r.Send(ctx, d)
				out.Delivery, out.Endpoint, out.Event = d, d.Endpoint, d.Event
				r.step("sent")
				r.outcomes <- out
			}()
		}
	}
	return nil
}

// finish records an outcome with all those that have come meanwhile. Until they
// are recorded, or the context ends, they are tried again and again: what was sent
// must not be sent twice because the disk was full for a moment.
func (r *running) finish(ctx context.Context, first Outcome) {
	all := []Outcome{first}
	late := time.After(gather)
	r.heard[first.Endpoint] = time.Now()
	for more := true; more && len(all) < min(mostFinished, r.expected()); {
		select {
		case out := <-r.outcomes:
			all = append(all, out)
			r.heard[out.Endpoint] = time.Now()
		case <-late:
			more = false
		}
	}
	r.step("finishing")
	limit := time.Now().Add(r.Outbox.Lease) // then others have them
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		err := r.Outbox.Finish(ctx, all)
		r.Told(err)
		if err == nil || ctx.Err() != nil || time.Now().Add(pause).After(limit) {
			break
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	r.step("finished")
	for _, out := range all {
		r.underWay[out.Endpoint]--
		if out.State == Delivered {
			r.failing[out.Endpoint] = 0
		} else {
			r.failing[out.Endpoint]++
		}
	}
}
