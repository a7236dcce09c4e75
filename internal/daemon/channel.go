package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/foresort/foresort/genesys"
)

// This file keeps a notification channel of the platform open.

// The life of a channel.
const (
	channelLife = 12 * time.Hour // half of what the platform gives it
	longest     = time.Minute    // between two tries to connect
	steady      = time.Minute    // a channel that has held so long works
)

// errRenew says that a channel is given up before its end.
var errRenew = errors.New("it is renewed before its end")

// keepOpen lets channel run again whenever it ends, until the context does.
func (d *Daemon) keepOpen(ctx context.Context, channel func(context.Context) error) {
	pause := time.Second
	for ctx.Err() == nil {
		started := time.Now()
		err := channel(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > steady {
			pause = time.Second
		}
		if errors.Is(err, errRenew) {
			d.Log.Info("the notification channel has ended", "reason", err)
			pause = 0
		} else {
			d.told(notifications, err)
		}
		if !wait(ctx, pause+time.Duration(random(int64(time.Second)))) {
			return
		}
		pause = min(max(2*pause, time.Second), longest)
	}
}

// open makes a channel and listens to it until it ends. otherwise is what sees
// the same where a topic is refused. The context of both functions ends with the
// channel.
func (d *Daemon) open(ctx context.Context, topics []string, otherwise string, connected func(context.Context), tell func(context.Context, genesys.Notice)) error {
	ch, err := d.Client.NewChannel(genesys.WithLane(ctx, genesys.Poll))
	if err != nil {
		return fmt.Errorf("make a channel: %w", err)
	}
	if len(topics) > genesys.MaxTopics {
		d.Log.Warn("more topics than a channel takes: the rest is seen in another way alone", "way", otherwise, "wanted", len(topics), "topics", genesys.MaxTopics)
		topics = topics[:genesys.MaxTopics]
	}
	subscriptions, err := d.Client.Subscribe(genesys.WithLane(ctx, genesys.Poll), ch.ID, topics)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	for _, s := range subscriptions {
		if s.State == "Rejected" {
			d.Log.Warn("a topic is refused: its changes are seen in another way alone", "way", otherwise, "topic", s.Topic, "reason", s.Reason, "missing", strings.Join(s.Missing, ", "))
		}
	}
	within, cancel := context.WithTimeout(ctx, channelLife)
	defer cancel()
	err = d.Client.Listen(within, ch, func() { connected(within) }, func(n genesys.Notice) { tell(within, n) })
	if within.Err() != nil && ctx.Err() == nil {
		return errRenew
	}
	return err
}
