package genesys

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/foresort/foresort/routing"
)

// This file listens to the platform: a channel, its topics, and the frames of its
// websocket (docs/platform-notes.md#notifications). Delivery is best effort and
// nothing is repeated: after any gap the state has to be read anew.

// Channel is a notification channel. It lives until Expires; subscribing again
// extends that.
type Channel struct {
	ID         string    `json:"id"`
	ConnectURI string    `json:"connectUri"` // opens the channel to whoever has it
	Expires    time.Time `json:"expires"`
}

// MaxTopics is how many topics a channel takes.
const MaxTopics = 1000

// NewChannel makes a channel.
func (c *Client) NewChannel(ctx context.Context) (Channel, error) {
	return call[Channel](ctx, c, PostNotificationsChannels, nil, nil, nil)
}

// Subscription is what became of one topic.
type Subscription struct {
	Topic   string   `json:"id"`
	State   string   `json:"state"` // Permitted or Rejected
	Reason  string   `json:"rejectionReason"`
	Missing []string `json:"missingPermissions"`
}

// Subscribe replaces the topics of a channel. Topics that are rejected do not
// keep the others out.
func (c *Client) Subscribe(ctx context.Context, channelID string, topics []string) ([]Subscription, error) {
	body := make([]map[string]string, len(topics))
	for i, t := range topics {
		body[i] = map[string]string{"id": t}
	}
	type listing struct{ Entities []Subscription }
	l, err := call[listing](ctx, c, PutNotificationsChannelSubscriptions, []string{channelID}, url.Values{"ignoreErrors": {"true"}}, body)
	return l.Entities, err
}

// AuditTopic is the topic of the changes of one object; the type is the audit
// trail's, such as Queue.
func AuditTopic(entityType, id string) string {
	return "v2.audits.entitytype." + entityType + ".entityid." + id
}

// ObservationsTopic is the topic of how a queue stands; DecodeObservations reads
// its notices.
func ObservationsTopic(queueID string) string {
	return "v2.analytics.queues." + queueID + ".observations"
}

// EmailsTopic is the topic of the emails that are in a queue, or leave it;
// DecodeEmail reads its notices.
func EmailsTopic(queueID string) string {
	return "v2.routing.queues." + queueID + ".conversations.emails"
}

// Notice is one frame that is about a topic.
type Notice struct {
	Topic string
	Body  json.RawMessage
}

// Errors of Listen.
var (
	// ErrSilent says that the heartbeat of a channel stayed away.
	ErrSilent = errors.New("the channel has fallen silent: no heartbeat")
	// ErrClosing says that the platform is about to close the socket: the same
	// channel can be listened to again.
	ErrClosing = errors.New("the platform closes the socket")
	// ErrEvicted says that the channel is used or replaced by another program.
	ErrEvicted = errors.New("the channel was taken by another program")
)

// silence is how long a channel may be still: its heartbeat comes about every
// 30 s.
const silence = 75 * time.Second

// maxFrame is more than any frame.
const maxFrame = 1 << 20

// Listen tells what comes on a channel until the context ends or the socket does.
// connected is called once: what happens from then on is told. The error says why
// it ends: one of those above, or that of the connection.
func (c *Client) Listen(ctx context.Context, ch Channel, connected func(), tell func(Notice)) error {
	dial, cancel := context.WithTimeout(ctx, c.timeout)
	conn, resp, err := websocket.Dial(dial, ch.ConnectURI, &websocket.DialOptions{HTTPClient: &http.Client{Transport: c.http.Transport}})
	cancel()
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusNotFound {
			return ErrEvicted
		}
		return fmt.Errorf("connect to the notification channel: %w", blind(err, ch.ConnectURI))
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxFrame)
	connected()
	for {
		within, cancel := context.WithTimeout(ctx, silence)
		_, b, err := conn.Read(within)
		late := within.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case late:
			return ErrSilent
		case err != nil:
			return fmt.Errorf("read the notification channel: %w", blind(err, ch.ConnectURI))
		}
		var frame struct {
			TopicName string          `json:"topicName"`
			EventBody json.RawMessage `json:"eventBody"`
		}
		if err := json.Unmarshal(b, &frame); err != nil {
			continue // it is about nothing that is known
		}
		switch {
		case frame.TopicName == "channel.metadata":
		case frame.TopicName == "v2.system.socket_closing":
			return ErrClosing
		case strings.HasPrefix(frame.TopicName, "v2.system.no_longer_subscribed"):
			return ErrEvicted
		default:
			tell(Notice{frame.TopicName, frame.EventBody})
		}
	}
}

// blind takes the address of a channel out of an error: who has it can listen.
func blind(err error, address string) error {
	if u, parseErr := url.Parse(address); parseErr == nil && strings.Contains(err.Error(), u.Path) {
		return errors.New(strings.ReplaceAll(strings.ReplaceAll(err.Error(), address, u.Scheme+"://"+u.Host), u.Path, ""))
	}
	return err
}

// DecodeAudit reads the audit record of a notice of an AuditTopic, whose fields
// have other names than those of the queries.
func DecodeAudit(body json.RawMessage) (AuditRecord, error) {
	var m struct {
		ID              string        `json:"id"`
		EventTime       time.Time     `json:"eventTime"`
		UserID          string        `json:"userId"`
		UserDisplay     string        `json:"userDisplay"`
		Username        routing.Ref   `json:"username"`
		ClientID        routing.Ref   `json:"clientId"`
		ServiceName     string        `json:"serviceName"`
		Action          string        `json:"action"`
		Entity          routing.Ref   `json:"entity"`
		EntityType      string        `json:"entityType"`
		Status          string        `json:"status"`
		PropertyChanges []AuditChange `json:"propertyChanges"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return AuditRecord{}, fmt.Errorf("read an audit notice: %w", err)
	}
	who := routing.Ref{ID: m.UserID, Name: m.UserDisplay}
	if who.Name == "" {
		who.Name = m.Username.Name
	}
	return AuditRecord{
		ID: m.ID, Time: m.EventTime, User: who, Client: m.ClientID, Service: m.ServiceName, Action: m.Action,
		Entity: m.Entity, EntityType: m.EntityType, Status: m.Status, Changes: m.PropertyChanges,
	}, nil
}

// Observations are what one notice of an ObservationsTopic says of the email of a
// queue and its agents. It need not have all figures: nil, it says nothing of it.
type Observations struct {
	QueueID                                 string
	Waiting, Alerting, Interacting, OnQueue *int // as in routing.QueueState
}

// With are the observations after a newer notice of the same queue.
func (o Observations) With(newer Observations) Observations {
	return Observations{
		QueueID: newer.QueueID, Waiting: cmp.Or(newer.Waiting, o.Waiting), Alerting: cmp.Or(newer.Alerting, o.Alerting),
		Interacting: cmp.Or(newer.Interacting, o.Interacting), OnQueue: cmp.Or(newer.OnQueue, o.OnQueue),
	}
}

type observationsNotice struct {
	Group map[string]string
	Data  []struct {
		Metrics []struct {
			Metric string
			Stats  struct{ Count *float64 }
		}
	}
}

// DecodeObservations reads the body of a notice of an ObservationsTopic. One of
// another medium has no figures.
func DecodeObservations(body json.RawMessage) (Observations, error) {
	var in observationsNotice
	if err := json.Unmarshal(body, &in); err != nil {
		return Observations{}, fmt.Errorf("read a notice of observations: %w", err)
	}
	o := Observations{QueueID: in.Group["queueId"]}
	if o.QueueID == "" {
		return o, errors.New("read a notice of observations: it names no queue")
	}
	figures := map[string]**int{}
	switch medium := in.Group["mediaType"]; {
	case medium == "":
		figures = map[string]**int{"oOnQueueUsers": &o.OnQueue}
	case strings.EqualFold(medium, "email"):
		figures = map[string]**int{"oWaiting": &o.Waiting, "oAlerting": &o.Alerting, "oInteracting": &o.Interacting}
	}
	for _, d := range in.Data { // the last interval is that of now
		told := map[string]bool{}
		for _, m := range d.Metrics {
			figure := figures[m.Metric]
			switch {
			case figure == nil:
			case m.Stats.Count == nil:
				return o, fmt.Errorf("read a notice of observations: %s has no count", m.Metric)
			case told[m.Metric]: // one number for each routing status
				**figure += int(*m.Stats.Count)
			default:
				*figure, told[m.Metric] = new(int(*m.Stats.Count)), true
			}
		}
	}
	return o, nil
}
