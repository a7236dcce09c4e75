package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Delivery of notifications: what is published goes at once to the channels
// that are subscribed to it and have somebody connected, or nowhere. See
// docs/platform-notes.md#notifications.

const (
	maxWaiting    = 256                    // frames that wait for one consumer; what comes beyond is dropped
	lookEvery     = 250 * time.Millisecond // how soon what is due by the clock is done, at the latest
	closeGrace    = time.Second            // for what waits and for the peer's answer to a close
	reconnectTime = time.Minute            // how long a channel outlives a socket that CloseSockets closed; "about 1 min" on the platform
)

// The frames that belong to a connection and to no topic.
const (
	heartbeat = `{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}`
	pong      = `{"topicName":"channel.metadata","eventBody":{"message":"pong"}}`
)

// streaming is what the server knows of delivery. Server.mu guards it.
type streaming struct {
	address   string                // host:port of the listener of Start; empty: none
	closed    bool                  // by Close: nobody may connect
	silent    time.Time             // on the wall: nothing is sent before
	dropped   int                   // frames that found maxWaiting before them
	published int                   // how many rows of the audit trail have been
	late      map[string]*lateEvent // by topic
	running   sync.WaitGroup        // of all that serves consumers; it grows under the lock, and not when closed
}

// socket is the one consumer of a channel: a websocket, or whoever called
// Listen. Server.mu guards its fields, except that they stand once frames is
// closed.
type socket struct {
	channel *channel
	frames  chan []byte   // what waits to be sent; closed at the end
	ended   chan struct{} // closed at the end
	over    bool          // it has ended
	warned  time.Time     // the end of the channel that it was told of
	closes  time.Time     // on the wall: when it ends; zero: with the channel
	code    websocket.StatusCode
	reason  string
	cut     func() // cuts the connection; nil: there is none
}

// serveSocket connects a websocket to the channel in the path. The id of the
// channel is all that a client needs, from any origin, as on the platform.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !s.admit(id) {
		http.Error(w, "no such notification channel", http.StatusNotFound)
		return
	}
	defer s.streams.running.Done()
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	var k *socket // nil: the channel went just now
	conn, err := websocket.Accept(upgrading{w, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		k, _ = s.connect(id, cut)
	}}, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if k != nil {
		defer s.leave(k)
	}
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	if k == nil {
		return
	}
	var reading sync.WaitGroup
	reading.Go(func() { s.read(ctx, conn, k) })
	for frame := range k.frames {
		if conn.Write(ctx, websocket.MessageText, frame) != nil {
			break
		}
	}
	s.leave(k)
	_ = conn.Close(k.code, k.reason) // the peer may be gone
	reading.Wait()
}

// upgrading connects a client when Accept has found its request good, and
// before the client knows: it misses nothing that comes after its dial.
type upgrading struct {
	http.ResponseWriter
	connect func()
}

// WriteHeader connects before it sends 101.
func (u upgrading) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		u.connect()
	}
	u.ResponseWriter.WriteHeader(status)
}

// Unwrap gives Accept the writer that it can take the connection from.
func (u upgrading) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// admit says whether there is such a channel to connect to; then the caller
// counts as running.
func (s *Server) admit(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams.closed || s.channel(id) == nil {
		return false
	}
	s.streams.running.Add(1)
	return true
}

// connect makes a consumer of a channel. The one that there was ends.
func (s *Server) connect(id string, cut func()) (*socket, error) {
	if s.streams.closed {
		return nil, errors.New("the sandbox is closed")
	}
	s.catchUp() // what is due by now is for whoever was here before
	ch := s.channel(id)
	if ch == nil {
		return nil, errors.New("no such channel")
	}
	s.hangUp(ch, websocket.StatusPolicyViolation, "another socket has connected to this channel")
	k := &socket{channel: ch, frames: make(chan []byte, maxWaiting), ended: make(chan struct{}), cut: cut}
	ch.socket, ch.lapses = k, time.Time{}
	s.streams.running.Go(func() { s.keep(k) })
	return k, nil
}

// read answers what a client sends: a ping gets its pong, and everything else
// is passed over. It ends with the connection.
func (s *Server) read(ctx context.Context, conn *websocket.Conn, k *socket) {
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			s.leave(k)
			return
		}
		var said struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(text, &said) == nil && said.Message == "ping" {
			s.mu.Lock()
			s.deliver(k, []byte(pong))
			s.mu.Unlock()
		}
	}
}

// keep sends heartbeats to a consumer and does what is due by the clock, until
// the consumer ends.
func (s *Server) keep(k *socket) {
	beat := time.NewTicker(s.options.HeartbeatEvery)
	defer beat.Stop()
	look := time.NewTicker(min(lookEvery, s.options.HeartbeatEvery))
	defer look.Stop()
	for {
		select {
		case <-k.ended:
			return
		case <-beat.C:
			s.mu.Lock()
			s.deliver(k, []byte(heartbeat))
			s.mu.Unlock()
		case <-look.C:
			s.mu.Lock()
			s.catchUp()
			s.settle()
			s.mu.Unlock()
		}
	}
}

// Listen gives what a websocket of the channel would get, one frame at a time,
// without a socket: for clients that use Transport. As for sockets, a second
// consumer of a channel ends the first, of which the Go channel is closed then.
// At most 256 frames wait; what comes beyond is dropped. The frames must not be
// changed. Call stop, or Close of the server, in the end.
func (s *Server) Listen(channelID string) (frames <-chan []byte, stop func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.connect(channelID, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("listen to channel %s: %w", channelID, err)
	}
	return k.frames, func() { s.leave(k) }, nil
}

// leave ends a consumer that went by itself.
func (s *Server) leave(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(k, websocket.StatusNormalClosure, "")
}

// end ends a consumer, once. It still gets what waits for it, and then the
// close.
func (s *Server) end(k *socket, code websocket.StatusCode, reason string) {
	if k.over {
		return
	}
	k.over, k.code, k.reason = true, code, reason
	if k.channel.socket == k {
		k.channel.socket = nil
	}
	if k.cut != nil {
		time.AfterFunc(closeGrace, k.cut) // does nothing where it has been closed by then
	}
	close(k.frames)
	close(k.ended)
}

// counted says that somebody is connected who wants the numbers of queues.
func (s *Server) counted() bool {
	return slices.ContainsFunc(s.channels, func(ch *channel) bool { return ch.socket != nil && ch.counts })
}

// hangUp ends the consumer of a channel, if it has one.
func (s *Server) hangUp(ch *channel, code websocket.StatusCode, reason string) {
	if ch.socket != nil {
		s.end(ch.socket, code, reason)
	}
}

// stopStreaming ends all consumers and lets no new ones in; then running can
// be waited for.
func (s *Server) stopStreaming() {
	s.streams.closed, s.streams.address = true, ""
	for _, ch := range s.channels {
		s.hangUp(ch, websocket.StatusGoingAway, "the sandbox stops")
	}
}

// deliver queues a frame for a consumer, or drops it: a slow one never holds up
// the server.
func (s *Server) deliver(k *socket, frame []byte) {
	if k.over || s.wall().Before(later(s.streams.silent, s.disturbed.silent)) {
		return
	}
	select {
	case k.frames <- frame:
	default:
		s.streams.dropped++
	}
}

// tend does what is due by the clocks. What makes it due is an instant that
// nextStop knows.
func (s *Server) tend() {
	s.tendFaults()
	s.liveChannels()
	s.publishAudits()
	s.publishLate()
}

// over does what is due for a channel, and says whether its time has come.
func (s *Server) over(ch *channel, now time.Time) bool {
	if k := ch.socket; k != nil {
		end := ch.expires()
		if !now.Before(end.Add(-s.options.ClosingNotice)) && !k.warned.Equal(end) {
			k.warned = end
			s.sendClosing(k)
		}
		if !k.closes.IsZero() && !now.Before(k.closes) {
			s.end(k, websocket.StatusGoingAway, "reconnect to the same channel")
			ch.lapses = k.closes.Add(reconnectTime)
		}
	}
	if now.Before(ch.expires()) && (ch.lapses.IsZero() || now.Before(ch.lapses)) {
		return false
	}
	s.hangUp(ch, websocket.StatusGoingAway, "the channel has expired")
	return true
}

// systemMessage is the body of the topics v2.system.….
type systemMessage struct {
	ChannelID string `json:"channelId"`
	Type      string `json:"systemTopicType,omitempty"`
	OrgID     string `json:"organizationId"`
	ClientID  string `json:"oauthClientId"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message"`
}

// sendSystem sends what comes without a subscription.
func (s *Server) sendSystem(k *socket, topic string, m systemMessage) {
	m.ChannelID, m.OrgID, m.ClientID = k.channel.id, s.org.ID, s.options.ClientID
	s.deliver(k, s.frame(topic, m))
}

func (s *Server) sendClosing(k *socket) {
	s.sendSystem(k, "v2.system.socket_closing", systemMessage{Message: "This socket is going to be closed"})
}

// event is one frame.
type event struct {
	Topic    string   `json:"topicName"`
	Version  string   `json:"version"`
	Body     any      `json:"eventBody"`
	Metadata metadata `json:"metadata"`
}

type metadata struct {
	CorrelationID string `json:"CorrelationId"`
}

// frame writes an event; nil where its body cannot be written as JSON.
func (s *Server) frame(topic string, body any) []byte {
	b, err := json.Marshal(event{Topic: topic, Version: "2", Body: body, Metadata: metadata{uuid(s.frames)}})
	if err != nil {
		return nil
	}
	return b
}

// publish sends an event to everybody who listens to its topic. The lock of
// the server is held. What body costs to make is lost where nobody listens: see
// listened and publishAtMost.
func (s *Server) publish(topic string, body any) {
	var frame []byte
	for _, ch := range s.liveChannels() {
		if !ch.hears(topic) {
			continue
		}
		if frame == nil {
			if frame = s.frame(topic, body); frame == nil {
				s.streams.dropped++
				return
			}
		}
		s.deliver(ch.socket, frame)
	}
}

// listened says whether somebody would get what is published on a topic.
func (s *Server) listened(topic string) bool {
	return slices.ContainsFunc(s.channels, func(ch *channel) bool { return ch.hears(topic) })
}

// lateEvent is the latest event of a topic that is published at most so often.
type lateEvent struct {
	every time.Duration
	sent  time.Time  // on the wall, the last one
	body  func() any // of one that waits; nil: none does
}

// publishAtMost publishes at most one event in every, by the wall; of several
// it is the last one, when its time has come. body is called with the lock
// held, only when the event goes out: it should look then.
func (s *Server) publishAtMost(topic string, every time.Duration, body func() any) {
	if !s.listened(topic) {
		return
	}
	if s.streams.late == nil {
		s.streams.late = map[string]*lateEvent{}
	}
	if s.streams.late[topic] == nil {
		s.streams.late[topic] = &lateEvent{}
	}
	e := s.streams.late[topic]
	e.every, e.body = every, body
	s.publishIfDue(topic, e)
}

func (s *Server) publishIfDue(topic string, e *lateEvent) {
	now := s.wall()
	if e.body == nil || now.Sub(e.sent) < e.every {
		return
	}
	body := e.body
	e.sent, e.body = now, nil
	if s.listened(topic) {
		s.publish(topic, body())
	}
}

// publishLate publishes what has waited long enough, and forgets topics on
// which nothing came since.
func (s *Server) publishLate() {
	for _, topic := range slices.Sorted(maps.Keys(s.streams.late)) {
		if e := s.streams.late[topic]; e.body == nil && s.wall().Sub(e.sent) >= e.every {
			delete(s.streams.late, topic)
		} else {
			s.publishIfDue(topic, e)
		}
	}
}

// CloseSockets does what the platform does before maintenance: it sends
// v2.system.socket_closing to everybody connected and ends them after
// Options.ClosingNotice. Their channels can be connected to again, before that
// or for a minute after.
func (s *Server) CloseSockets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	for _, ch := range s.channels {
		if k := ch.socket; k != nil && k.closes.IsZero() {
			k.closes = s.wall().Add(s.options.ClosingNotice)
			s.sendClosing(k)
		}
	}
}

// SilenceSockets lets nothing out to anybody for d of Options.Now, not even
// heartbeats. What is published meanwhile is lost.
func (s *Server) SilenceSockets(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	s.streams.silent = s.wall().Add(d)
}

// EvictChannels ends all notification channels at once, without a notice.
func (s *Server) EvictChannels() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	s.evictChannels()
}

func (s *Server) evictChannels() {
	for _, ch := range s.channels {
		s.hangUp(ch, websocket.StatusGoingAway, "the channel is gone")
	}
	s.channels = nil
}

// DroppedFrames counts the notifications that were lost because a consumer was
// too slow.
func (s *Server) DroppedFrames() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams.dropped
}

// socketsAt is where the sockets of channels are for whoever sent a request,
// such as ws://127.0.0.1:8180.
func (s *Server) socketsAt(r *http.Request) string {
	switch {
	case r.URL.Host != "" && s.streams.address != "": // by Transport, but there is a listener
		return "ws://" + s.streams.address
	case r.URL.Host != "":
		return "wss://streaming.sandbox.example" // leads nowhere: see Listen
	case r.TLS != nil:
		return "wss://" + r.Host
	default:
		return "ws://" + r.Host
	}
}

// topicsOf lists the topics of a subscription: one, or several with the same
// beginning, as in v2.users.{id}?presence&routingStatus.
func topicsOf(subscription string) []string {
	head, rest, combined := strings.Cut(subscription, "?")
	if !combined {
		return []string{subscription}
	}
	var out []string
	for name := range strings.SplitSeq(rest, "&") {
		out = append(out, head+"."+name)
	}
	return out
}
