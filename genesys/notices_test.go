package genesys_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/sandbox"
)

// hears listens to topics by a socket of the sandbox, until the test ends.
func (l *living) hears(topics ...string) <-chan genesys.Notice {
	l.t.Helper()
	base, err := l.Start("127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	c, err := genesys.New(genesys.Config{Gateway: base, ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret})
	if err != nil {
		l.t.Fatal(err)
	}
	channel, err := c.NewChannel(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	subscriptions, err := c.Subscribe(l.t.Context(), channel.ID, topics)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, s := range subscriptions {
		if s.State != "Permitted" {
			l.t.Fatalf("%+v", s)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	connected, notices, ended := make(chan struct{}), make(chan genesys.Notice, 100), make(chan error, 1)
	go func() {
		ended <- c.Listen(ctx, channel, func() { close(connected) }, func(n genesys.Notice) { notices <- n })
	}()
	l.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			l.t.Errorf("listening ended with %v", err)
		}
		c.Close()
		if err := l.Server.Close(); err != nil {
			l.t.Error(err)
		}
	})
	select {
	case <-connected:
	case <-time.After(10 * time.Second):
		l.t.Fatal("not connected within 10 s")
	}
	return notices
}

// next is the next notice of a topic.
func next(t testing.TB, from <-chan genesys.Notice, topic string) json.RawMessage {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case n := <-from:
			if n.Topic == topic {
				return n.Body
			}
		case <-late:
			t.Fatalf("no notice of %s within 10 s", topic)
		}
	}
}

func TestNoticesOfEmails(t *testing.T) {
	t.Parallel()
	l := atDesk(t, "09:00 support 30m", "09:05 support 10m")
	l.passes(time.Minute)
	support, technical := l.queue("Support Email"), l.queue("Technical")
	topic := genesys.EmailsTopic(support)
	notices := l.hears(topic)
	told := func() genesys.Email {
		t.Helper()
		e, err := genesys.DecodeEmail(next(t, notices, topic))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	l.passes(5 * time.Minute)
	came := told()
	if !came.Waiting || came.QueueID != support || !came.Entered.Equal(at("2026-03-02T09:05:00Z")) || came.From == "" {
		t.Errorf("it has come: %+v", came)
	}
	if err := l.MoveEmail(t.Context(), came.ConversationID, support, technical); err != nil {
		t.Fatal(err)
	}
	if e := told(); e.ConversationID != came.ConversationID || e.Waiting && e.QueueID == support {
		t.Errorf("it waits no more: %+v", e)
	}
	l.passes(30 * time.Minute)
	if e := told(); e.ConversationID == came.ConversationID || e.Waiting || e.QueueID != support {
		t.Errorf("the other is done: %+v", e)
	}
}

func TestNoticesOfObservations(t *testing.T) {
	t.Parallel()
	l := atDesk(t, "09:00 support 30m", "09:05 support 10m")
	l.passes(time.Minute)
	support := l.queue("Support Email")
	notices := l.hears(genesys.ObservationsTopic(support))
	l.passes(5 * time.Minute)
	got, err := genesys.DecodeObservations(next(t, notices, genesys.ObservationsTopic(support)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(genesys.Observations{QueueID: support, Waiting: new(1), Alerting: new(0), Interacting: new(1)}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestDecodeObservations(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body string
		want genesys.Observations
		err  string
	}{
		"a part of the figures": {
			body: `{"group":{"queueId":"q","mediaType":"EMAIL"},"data":[{"interval":"x","metrics":[{"metric":"oWaiting","stats":{"count":3.0}},{"metric":"nOffered","stats":{"count":9}},{"metric":"tAnswered"}]}]}`,
			want: genesys.Observations{QueueID: "q", Waiting: new(3)},
		},
		"the last interval is that of now": {
			body: `{"group":{"queueId":"q","mediaType":"email"},"data":[{"metrics":[{"metric":"oWaiting","stats":{"count":3}},{"metric":"oAlerting","stats":{"count":1}}]},{"metrics":[{"metric":"oWaiting","stats":{"count":0}}]}]}`,
			want: genesys.Observations{QueueID: "q", Waiting: new(0), Alerting: new(1)},
		},
		"agents by routing status": {
			body: `{"group":{"queueId":"q"},"data":[{"metrics":[{"metric":"oOnQueueUsers","qualifier":"IDLE","stats":{"count":2}},{"metric":"oOnQueueUsers","qualifier":"INTERACTING","stats":{"count":3}},{"metric":"oWaiting","stats":{"count":9}}]}]}`,
			want: genesys.Observations{QueueID: "q", OnQueue: new(5)},
		},
		"another medium": {
			body: `{"group":{"queueId":"q","mediaType":"voice"},"data":[{"metrics":[{"metric":"oWaiting","stats":{"count":9}}]}]}`,
			want: genesys.Observations{QueueID: "q"},
		},
		"no count":  {body: `{"group":{"queueId":"q","mediaType":"email"},"data":[{"metrics":[{"metric":"oWaiting","stats":{}}]}]}`, err: "read a notice of observations: oWaiting has no count"},
		"no queue":  {body: `{"group":{"mediaType":"email"}}`, err: "read a notice of observations: it names no queue"},
		"no object": {body: `7`, err: "read a notice of observations: json: cannot unmarshal number into Go value of type genesys.observationsNotice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := genesys.DecodeObservations(json.RawMessage(tt.body))
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("%v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
