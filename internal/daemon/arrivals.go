package daemon

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/foresort/foresort/genesys"
)

// This file lets live rules be applied as email comes in: the platform's
// notifications say that some has, and polling at every tick sees what they miss.

// apart is how long after one early look the next may be.
const apart = 5 * time.Second

// arrivals are what comes in to the queues of live rules.
type arrivals struct {
	*Daemon
	come   chan struct{} // something has
	queues []string      // that are listened to
	stop   context.CancelFunc
	ears   sync.WaitGroup
	last   time.Time // early look
}

// listenTo listens to these queues, and to no others.
func (a *arrivals) listenTo(ctx context.Context, queues []string) {
	if slices.Equal(queues, a.queues) {
		return
	}
	a.close()
	ctx, a.stop = context.WithCancel(ctx)
	a.queues = queues
	a.ears.Go(func() { a.keepOpen(ctx, func(ctx context.Context) error { return a.channel(ctx, queues) }) })
}

func (a *arrivals) close() {
	if a.stop != nil {
		a.stop()
	}
	a.ears.Wait()
}

// until waits for the tick, and looks early when something has come in. false: the
// context has ended.
func (a *arrivals) until(ctx context.Context, tick <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return true
		case <-a.come:
		}
		if !wait(ctx, time.Until(a.last.Add(apart))) {
			return false
		}
		looks, err := a.Control.Arrived(ctx)
		a.last = time.Now()
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			a.Log.ErrorContext(ctx, "live rules could not be applied; they are at the next look", "error", err)
		}
		for _, l := range looks {
			a.acted(ctx, l)
		}
	}
}

// channel listens to one channel. A queue whose emails may not be heard of is heard
// of by how many wait.
func (a *arrivals) channel(ctx context.Context, queues []string) error {
	var topics []string
	for _, id := range queues {
		topics = append(topics, genesys.EmailsTopic(id), genesys.ObservationsTopic(id))
	}
	heard := map[string]bool{}  // conversations that wait
	waiting := map[string]int{} // by queue
	look := func(context.Context) {
		select {
		case a.come <- struct{}{}:
		default: // it is asked for already
		}
	}
	return a.open(ctx, topics, "the look at every tick", look, func(ctx context.Context, n genesys.Notice) {
		if strings.HasSuffix(n.Topic, ".observations") {
			o, err := genesys.DecodeObservations(n.Body)
			if err != nil || o.Waiting == nil {
				return
			}
			if *o.Waiting > waiting[o.QueueID] {
				look(ctx)
			}
			waiting[o.QueueID] = *o.Waiting
			return
		}
		e, err := genesys.DecodeEmail(n.Body)
		switch {
		case err != nil:
		case !e.Waiting:
			delete(heard, e.ConversationID)
		case !heard[e.ConversationID]:
			heard[e.ConversationID] = true
			look(ctx)
		}
	})
}
