package relay

import (
	"cmp"
	"time"
)

// Schedule says when a message is tried again.
type Schedule struct {
	Limit time.Duration // from the first attempt to the last; default 72 hours
	First time.Duration // the longest pause after the first attempt; doubles with each; default 5 seconds
	Cap   time.Duration // the longest pause of all; default 1 hour
}

// Failure is an attempt that failed.
type Failure struct {
	Attempt    int           // how many were made, from 1
	Since      time.Time     // of the first attempt
	Now        time.Time     // of this one
	RetryAfter time.Duration // what the endpoint asked for
}

// Next is when to try again: a random pause (full jitter) after what the
// endpoint asked for. The last attempt is made at the limit; more is false
// after it, and where the endpoint asked to wait beyond it. draw(n) is a random
// number from 0 to n-1, such as rand.Int64N.
func (s Schedule) Next(f Failure, draw func(n int64) int64) (at time.Time, more bool) {
	longest := cmp.Or(s.Cap, time.Hour)
	pause := cmp.Or(s.First, 5*time.Second)
	for n := 1; n < f.Attempt && pause < longest; n++ {
		pause *= 2
	}
	end := f.Since.Add(cmp.Or(s.Limit, 72*time.Hour))
	earliest := f.Now.Add(f.RetryAfter)
	if !f.Now.Before(end) || earliest.After(end) {
		return time.Time{}, false
	}
	at = earliest.Add(time.Duration(draw(int64(min(pause, longest)) + 1)))
	if at.After(end) {
		at = end
	}
	return at, true
}
