package daemon

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/foresort/foresort/genesys"
)

// This file listens to the queues between two ticks: live rules are applied as email
// comes in, and a look is taken before its time where a condition has come to hold.
// Polling at every tick sees what notifications miss.

// apart is how long after one look at what has come in the next may be.
const apart = 5 * time.Second

// arrivals are what is heard of queues.
type arrivals struct {
	*Daemon
	come   chan struct{} // email has, to a queue of live rules
	heard  chan struct{} // there is something in told
	mu     sync.Mutex
	told   map[string]genesys.Observations // by queue
	topics []string                        // that are listened to
	stop   context.CancelFunc
	ears   sync.WaitGroup
	last   time.Time // look at what has come in
}

func (d *Daemon) newArrivals() *arrivals {
	return &arrivals{Daemon: d, come: make(chan struct{}, 1), heard: make(chan struct{}, 1), told: map[string]genesys.Observations{}}
}

// listen listens to the queues that are looked at, and to no others. A queue whose
// emails may not be heard of is heard of by how many wait.
func (a *arrivals) listen(ctx context.Context) {
	live := a.Control.LiveQueues()
	var topics []string
	for _, id := range live {
		topics = append(topics, genesys.EmailsTopic(id), genesys.ObservationsTopic(id))
	}
	for _, id := range a.Control.Queues() {
		if topic := genesys.ObservationsTopic(id); !slices.Contains(topics, topic) {
			topics = append(topics, topic)
		}
	}
	if slices.Equal(topics, a.topics) {
		return
	}
	a.close()
	ctx, a.stop = context.WithCancel(ctx)
	if a.topics = topics; len(topics) > 0 {
		a.ears.Go(func() { a.keepOpen(ctx, func(ctx context.Context) error { return a.channel(ctx, topics, live) }) })
	}
}

func (a *arrivals) close() {
	if a.stop != nil {
		a.stop()
	}
	a.ears.Wait()
}

// until waits for the tick, or for half as long where a condition has come to hold,
// and applies live rules when something has come in. false: the context has ended.
func (a *arrivals) until(ctx context.Context, tick <-chan time.Time) bool {
	soonest := time.Now().Add(a.Control.Every() / 2) // a look counts from then on
	var early <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return true
		case <-early:
			a.Log.InfoContext(ctx, "adjust: a condition has come to hold, by what the platform tells; it is looked at before its time")
			return true
		case <-a.heard:
			switch turned := a.Control.Heard(a.take()); {
			case !turned:
				early = nil
			case early == nil:
				early = time.After(time.Until(soonest))
			}
			continue
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

// take takes what was told.
func (a *arrivals) take() map[string]genesys.Observations {
	a.mu.Lock()
	defer a.mu.Unlock()
	told := a.told
	a.told = map[string]genesys.Observations{}
	return told
}

// channel listens to one channel.
func (a *arrivals) channel(ctx context.Context, topics, live []string) error {
	heard := map[string]bool{}  // conversations that wait
	waiting := map[string]int{} // by queue
	signal := func(c chan struct{}) {
		select {
		case c <- struct{}{}:
		default: // it is asked for already
		}
	}
	connected := func(context.Context) {
		if len(live) > 0 {
			signal(a.come)
		}
	}
	return a.open(ctx, topics, "the look at every tick", connected, func(_ context.Context, n genesys.Notice) {
		if strings.HasSuffix(n.Topic, ".observations") {
			o, err := genesys.DecodeObservations(n.Body)
			if err != nil {
				return
			}
			if o.Waiting != nil {
				if *o.Waiting > waiting[o.QueueID] && slices.Contains(live, o.QueueID) {
					signal(a.come)
				}
				waiting[o.QueueID] = *o.Waiting
			}
			a.mu.Lock()
			a.told[o.QueueID] = a.told[o.QueueID].With(o)
			a.mu.Unlock()
			signal(a.heard)
			return
		}
		e, err := genesys.DecodeEmail(n.Body)
		switch {
		case err != nil:
		case !e.Waiting:
			delete(heard, e.ConversationID)
		case !heard[e.ConversationID]:
			heard[e.ConversationID] = true
			signal(a.come)
		}
	})
}
