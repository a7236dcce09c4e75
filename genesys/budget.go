package genesys

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Lane is how urgent a request is where all share one budget.
type Lane int

// The lanes, the most urgent first. A request waits for those of the lanes
// before its own, and in its lane for those that came earlier.
const (
	Control Lane = iota // writes, and reads that decide about them; the default
	Poll                // measuring and waiting
	Report              // reports and audit
)

type laneKey struct{}

// WithLane puts the requests made with the context on a lane.
func WithLane(ctx context.Context, lane Lane) context.Context {
	return context.WithValue(ctx, laneKey{}, lane)
}

func laneOf(ctx context.Context) Lane {
	lane, _ := ctx.Value(laneKey{}).(Lane)
	return lane
}

// Budget is what is left of the request budget.
type Budget struct {
	PerMinute int `json:"perMinute"` // the client's own limit just now
	Free      int `json:"free"`      // requests that could go at once
	// What the platform said last about its own window, if it says anything: its
	// headers are hints that may stay away (docs/platform-notes.md#rate-limits).
	Seen     bool      `json:"seen"`
	Allowed  int       `json:"allowed,omitempty"`
	Left     int       `json:"left,omitempty"`
	ResetsAt time.Time `json:"resetsAt,omitzero"`
}

// budget spends requests: perMinute of them in a minute, and up to a quarter of
// that at once after a rest. So no minute has more than five quarters: 240 by
// default keeps within the platform's 300.
type budget struct {
	mu       sync.Mutex
	ceiling  int // perMinute as configured
	limiter  *rate.Limiter
	closed   time.Time // nothing goes before this
	waiting  []*ticket // in the order in which they go
	platform Budget
}

// ticket is one waiting request.
type ticket struct {
	lane Lane
	turn chan struct{} // closed when the ticket is first in line
}

func newBudget(perMinute int) *budget {
	return &budget{
		ceiling:  perMinute,
		limiter:  rate.NewLimiter(perSecond(perMinute), burst(perMinute)),
		platform: Budget{PerMinute: perMinute},
	}
}

func perSecond(perMinute int) rate.Limit { return rate.Limit(float64(perMinute) / 60) }

func burst(perMinute int) int { return max(1, perMinute/4) }

func (b *budget) setLimit(now time.Time, perMinute int) {
	if b.platform.PerMinute == perMinute {
		return
	}
	b.platform.PerMinute = perMinute
	b.limiter.SetLimitAt(now, perSecond(perMinute))
	b.limiter.SetBurstAt(now, burst(perMinute))
}

// wait returns when the request may go. Only the first in line watches the
// clock; when it goes or gives up it wakes the next.
func (b *budget) wait(ctx context.Context) error {
	t := &ticket{lane: laneOf(ctx), turn: make(chan struct{})}
	b.mu.Lock()
	at := len(b.waiting)
	for at > 0 && b.waiting[at-1].lane > t.lane {
		at--
	}
	b.waiting = slices.Insert(b.waiting, at, t)
	b.mu.Unlock()
	for {
		b.mu.Lock()
		first := b.waiting[0] == t
		pause := time.Duration(-1) // until woken
		if first {
			pause = b.pause(time.Now())
			if pause <= 0 || pause > longestWait {
				b.leave(t)
				b.mu.Unlock()
				return tooLong(pause)
			}
		} else if isClosed(t.turn) { // was first until a more urgent one came
			t.turn = make(chan struct{})
		}
		turn := t.turn
		b.mu.Unlock()
		if err := await(ctx, pause, turn, first); err != nil {
			b.mu.Lock()
			b.leave(t)
			b.mu.Unlock()
			return err
		}
	}
}

// tooLong is the error of a request that would have to wait longer than
// Foresort waits, since the platform closed the client for that long; nil for
// every shorter pause.
func tooLong(pause time.Duration) error {
	if pause <= longestWait {
		return nil
	}
	return fmt.Errorf("%w: the platform takes no more requests of this client for %s, longer than the %s that Foresort waits: try again after that",
		ErrRateLimited, pause.Round(time.Second), longestWait)
}

// pause takes one request from the limiter, or says how long to wait first.
func (b *budget) pause(now time.Time) time.Duration {
	if wait := b.closed.Sub(now); wait > 0 {
		return wait
	}
	r := b.limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// leave takes t out of the line and wakes the new first.
func (b *budget) leave(t *ticket) {
	b.waiting = slices.DeleteFunc(b.waiting, func(o *ticket) bool { return o == t })
	if len(b.waiting) > 0 && !isClosed(b.waiting[0].turn) {
		close(b.waiting[0].turn)
	}
}

// await waits for the clock if first, else for the turn.
func await(ctx context.Context, pause time.Duration, turn chan struct{}, first bool) error {
	if first {
		return sleep(ctx, pause)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-turn:
		return nil
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// hold lets nothing go for a while: the platform asked for it.
func (b *budget) hold(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until.After(b.closed) {
		b.closed = until
	}
}

// learn takes in the rate limit headers of an answer. They can lower the limit,
// to four fifths of what is allowed, never raise it above the configured one;
// a window that is used up closes the budget until it ends.
func (b *budget) learn(h http.Header, now time.Time) {
	allowed, err1 := strconv.Atoi(h.Get("inin-ratelimit-allowed"))
	count, err2 := strconv.Atoi(h.Get("inin-ratelimit-count"))
	reset, err3 := strconv.Atoi(h.Get("inin-ratelimit-reset"))
	if err1 != nil || err2 != nil || err3 != nil || allowed <= 0 || count < 0 || reset < 0 || reset > int(longestWait/time.Second) {
		return // a hint that is missing, or that cannot be about a minute's window
	}
	until := now.Add(time.Duration(reset) * time.Second)
	b.mu.Lock()
	b.platform.Seen, b.platform.Allowed, b.platform.Left, b.platform.ResetsAt = true, allowed, max(0, allowed-count), until
	b.setLimit(now, max(1, min(b.ceiling, allowed*4/5)))
	b.mu.Unlock()
	if count >= allowed {
		b.hold(until)
	}
}

func (b *budget) remaining(now time.Time) Budget {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.platform
	if !b.closed.After(now) {
		out.Free = max(0, int(b.limiter.TokensAt(now)))
	}
	if now.After(out.ResetsAt) {
		out.Left = out.Allowed
	}
	return out
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
