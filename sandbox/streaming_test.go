package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/foresort/foresort/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// often is how often sockets have a heartbeat and look at the clock where a
// test waits for that.
const often = 2 * time.Millisecond

// frame is one notification.
type frame struct {
	Topic    string         `json:"topicName"`
	Version  string         `json:"version"`
	Body     map[string]any `json:"eventBody"`
	Metadata map[string]any `json:"metadata"`
}

// consumer is somebody connected to a channel. raw gives the next frame, or the
// error that ends the connection.
type consumer struct {
	t    testing.TB
	raw  func() ([]byte, error)
	conn *websocket.Conn // nil: it listens without a socket
}

// started is a sandbox that listens on an address.
func started(t testing.TB, o sandbox.Options) (*org, *sandbox.Clock) {
	t.Helper()
	x, clock := virtual(t, o)
	if _, err := x.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x, clock
}

// channel makes a channel that is subscribed to topics.
func (x *org) channel(subscribed ...string) (id, uri string) {
	x.t.Helper()
	made := x.ok("POST", channels, nil)
	id = fmt.Sprint(made["id"])
	x.ok("PUT", channels+"/"+id+"/subscriptions", topics(subscribed...))
	return id, fmt.Sprint(made["connectUri"])
}

func (x *org) connect(uri string) *consumer {
	x.t.Helper()
	return connect(x.t, uri, nil)
}

func connect(t testing.TB, uri string, o *websocket.DialOptions) *consumer {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), uri, o) //nolint:bodyclose // Dial says that it needs no close
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return &consumer{t: t, conn: conn, raw: func() ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, b, err := conn.Read(ctx)
		return b, err
	}}
}

// listen is connect for clients of Transport.
func (x *org) listen(id string) *consumer {
	x.t.Helper()
	frames, stop, err := x.Listen(id)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(stop)
	return &consumer{t: x.t, raw: func() ([]byte, error) {
		if b, ok := <-frames; ok {
			return b, nil
		}
		return nil, fmt.Errorf("closed")
	}}
}

// next is the next frame that is no heartbeat.
func (c *consumer) next() frame {
	c.t.Helper()
	for {
		b, err := c.raw()
		if err != nil {
			c.t.Fatalf("read a frame: %v", err)
		}
		var f frame
		if err := json.Unmarshal(b, &f); err != nil {
			c.t.Fatalf("decode %s: %v", b, err)
		}
		if f.Body["message"] != "WebSocket Heartbeat" {
			return f
		}
	}
}

// wants reads a frame and wants a topic.
func (c *consumer) wants(topic string) frame {
	c.t.Helper()
	f := c.next()
	if f.Topic != topic {
		c.t.Fatalf("got %+v, want the topic %s", f, topic)
	}
	return f
}

// end reads until the connection ends; it says how.
func (c *consumer) end() websocket.StatusCode {
	c.t.Helper()
	for {
		if _, err := c.raw(); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func (c *consumer) say(text string) {
	c.t.Helper()
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// gone wants a channel not to be there.
func (x *org) gone(id string) {
	x.t.Helper()
	if r := x.send(x.head(channels + "/" + id)); r.status != http.StatusNotFound {
		x.t.Errorf("channel %s: %d, want 404", id, r.status)
	}
}

func (x *org) alive(id string) {
	x.t.Helper()
	if r := x.send(x.head(channels + "/" + id)); r.status != http.StatusOK {
		x.t.Errorf("channel %s: %d, want 200", id, r.status)
	}
}

// What is published, over a real socket, in the shape of the contract.
func TestNotificationsOfChanges(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	added := func(x *org, user string) {
		x.ok("POST", x.queue("Returns")+"/members", []any{m{"id": user}})
	}
	tests := map[string]struct {
		topic  string // with QUEUE and USER in place of ids
		before func(x *org, user string)
		change func(x *org, user string)
		model  string
		want   m // with QUEUE and USER
	}{
		"a person edits a queue": {
			topic: "v2.audits.entitytype.Queue.entityid.QUEUE",
			change: func(x *org, _ string) {
				if err := x.EditQueue("Ada Brook", "Returns", func(q m) { q["description"] = "new" }); err != nil {
					x.t.Error(err)
				}
			},
			model: "AuditTopicAuditLogMessage",
			want: m{
				"userId": "USER", "username": m{"id": "USER", "name": "Ada Brook", "selfUri": "/api/v2/users/USER"}, "userDisplay": "Ada Brook",
				"serviceName": "ContactCenter", "level": "USER", "eventTime": "2026-03-02T09:00:00.000Z", "remoteIp": []any{"192.0.2.10"},
				"action": "Update", "entityType": "Queue", "entity": m{"id": "QUEUE", "name": "Returns"},
			},
		},
		"a client changes a queue, its type in capitals": {
			topic:  "v2.audits.entitytype.QUEUE.entityid.QUEUE",
			change: func(x *org, _ string) { x.ok("PUT", x.queue("Returns"), m{"name": "Returns", "description": "new"}) },
			model:  "AuditTopicAuditLogMessage",
			want: m{
				"clientId":    m{"id": sandbox.DefaultClientID, "selfUri": "/api/v2/oauth/clients/" + sandbox.DefaultClientID},
				"serviceName": "ContactCenter", "level": "USER", "eventTime": "2026-03-02T09:00:00.000Z", "remoteIp": []any{"192.0.2.10"},
				"action": "Update", "entityType": "Queue", "entity": m{"id": "QUEUE", "name": "Returns"},
			},
		},
		"a member is added": {
			topic: "v2.routing.queues.QUEUE.users", change: added,
			model: "QueueUserEventTopicQueueMember",
			want:  m{"id": "USER", "user": m{"id": "USER"}, "queueId": "QUEUE", "joined": true},
		},
		"a member is removed": {
			topic: "v2.routing.queues.QUEUE.users", before: added,
			change: func(x *org, user string) { x.ok("DELETE", x.queue("Returns")+"/members/"+user, nil) },
			model:  "QueueUserEventTopicQueueMember",
			want:   m{"id": "USER", "user": m{"id": "USER"}, "queueId": "QUEUE", "joined": false},
		},
		"a member leaves, another patch changes nothing": {
			topic: "v2.routing.queues.QUEUE.users", before: added,
			change: func(x *org, user string) {
				x.ok("PATCH", x.queue("Returns")+"/members/"+user, m{"joined": true})
				x.ok("PATCH", x.queue("Returns")+"/members/"+user, m{"joined": false})
			},
			model: "QueueUserEventTopicQueueMember",
			want:  m{"id": "USER", "user": m{"id": "USER"}, "queueId": "QUEUE", "joined": false},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _ := started(t, sandbox.Options{})
			queue := strings.TrimPrefix(x.queue("Returns"), "/api/v2/routing/queues/")
			user := strings.TrimPrefix(x.user("Ada Brook"), "/api/v2/users/")
			x.call("DELETE", x.queue("Returns")+"/members/"+user, nil) // she may be a member
			if tt.before != nil {
				tt.before(x, user)
			}
			ids := strings.NewReplacer("entityid.QUEUE", "entityid."+queue, "queues.QUEUE", "queues."+queue)
			_, uri := x.channel(ids.Replace(tt.topic), "v2.users."+user+".presence")
			c := x.connect(uri)
			tt.change(x, user)
			f := c.wants(ids.Replace(tt.topic))
			if f.Version != "2" || f.Metadata["CorrelationId"] == "" || f.Metadata["CorrelationId"] == nil {
				t.Errorf("version %q, metadata %v", f.Version, f.Metadata)
			}
			fits(t, tt.model, f.Body)
			if tt.model == "AuditTopicAuditLogMessage" {
				all := x.Audits()
				if last := all[len(all)-1]; fmt.Sprint(f.Body["entity"].(m)["id"]) != last.EntityID || len(f.Body["propertyChanges"].([]any)) != len(last.Changes) {
					t.Errorf("%v is not the row %v", f.Body, last)
				}
				delete(f.Body, "id")
				delete(f.Body, "propertyChanges")
			}
			b, _ := json.Marshal(tt.want)
			var want m
			_ = json.Unmarshal([]byte(strings.NewReplacer(`"QUEUE"`, `"`+queue+`"`, `"USER","username"`, `"`+user+`","username"`, `"id":"USER"`, `"id":"`+user+`"`,
				"users/USER", "users/"+user, `"userId":"USER"`, `"userId":"`+user+`"`).Replace(string(b))), &want)
			if d := cmp.Diff(want, f.Body); d != "" {
				t.Errorf("body (-want +got):\n%s", d)
			}
		})
	}
}

// fits holds a body to a model of the contract: its fields, types and values.
func fits(t *testing.T, model string, body any) {
	t.Helper()
	b, err := os.ReadFile("../internal/contract/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Models map[string]map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var check func(at string, schema map[string]any, v any)
	check = func(at string, schema map[string]any, v any) {
		if to, ok := schema["$ref"].(string); ok {
			schema = file.Models[strings.TrimPrefix(to, "#/$defs/")]
		}
		if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
			t.Errorf("%s: %v is not one of the contract's values", at, v)
		}
		is := "boolean"
		switch v := v.(type) {
		case string:
			is = "string"
			if _, err := time.Parse(instantForm, v); schema["format"] == "date-time" && err != nil {
				t.Errorf("%s: %v", at, err)
			}
		case float64:
			if is = "number"; schema["type"] == "integer" && v == math.Trunc(v) {
				is = "integer"
			}
		case []any:
			is = "array"
			items, _ := schema["items"].(map[string]any)
			for _, e := range v {
				check(at+"[]", items, e)
			}
		case map[string]any:
			is = "object"
			properties, _ := schema["properties"].(map[string]any)
			for name, e := range v {
				p, known := properties[name].(map[string]any)
				if more, open := schema["additionalProperties"].(map[string]any); open && !known {
					p, known = more, true
				}
				if !known {
					t.Errorf("%s: the contract has no field %s", at, name)
					continue
				}
				check(at+"."+name, p, e)
			}
		}
		if schema["type"] != is {
			t.Errorf("%s: %v is of type %s, want %v", at, v, is, schema["type"])
		}
	}
	if file.Models[model] == nil {
		t.Fatalf("the contract has no model %s", model)
	}
	check(model, file.Models[model], body)
}

func TestTheSocketOfAChannelIsWhereTheRequestCame(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		server func(t *testing.T, x *org) (base string, client *http.Client) // nil: by Transport
		start  bool
		prefix string
	}{
		"by HTTP": {
			server: func(t *testing.T, x *org) (string, *http.Client) {
				s := httptest.NewServer(x.Handler())
				t.Cleanup(s.Close)
				return s.URL, s.Client()
			},
			prefix: "ws://127.0.0.1:",
		},
		"by TLS": {
			server: func(t *testing.T, x *org) (string, *http.Client) {
				s := httptest.NewTLSServer(x.Handler())
				t.Cleanup(s.Close)
				return s.URL, s.Client()
			},
			prefix: "wss://127.0.0.1:",
		},
		"in the process, with a listener":    {start: true, prefix: "ws://127.0.0.1:"},
		"in the process, without a listener": {prefix: "wss://streaming.sandbox.example/"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, sandbox.Options{})
			t.Cleanup(func() { x.Close() })
			base, client := "", http.DefaultClient
			if tt.start {
				if _, err := x.Start("127.0.0.1:0"); err != nil {
					t.Fatal(err)
				}
			}
			made := map[string]any{}
			if tt.server == nil {
				made = x.ok("POST", channels, nil)
			} else {
				base, client = tt.server(t, x)
				req, _ := http.NewRequestWithContext(t.Context(), "POST", base+channels, http.NoBody)
				req.Header.Set("Authorization", "Bearer "+x.token)
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if err := json.NewDecoder(res.Body).Decode(&made); err != nil {
					t.Fatal(err)
				}
			}
			uri, id := fmt.Sprint(made["connectUri"]), fmt.Sprint(made["id"])
			if !strings.HasPrefix(uri, tt.prefix) || !strings.HasSuffix(uri, "/channels/"+id) {
				t.Fatalf("connectUri %s, want %s…/channels/%s", uri, tt.prefix, id)
			}
			if listed := entities(x.ok("GET", channels, nil)); listed[0]["connectUri"] != uri {
				t.Errorf("the list has %v, want %s", listed[0]["connectUri"], uri)
			}
			if tt.server != nil || tt.start {
				c := connect(t, uri, &websocket.DialOptions{HTTPClient: client})
				c.say(`{"message":"ping"}`)
				c.wants("channel.metadata")
			}
		})
	}
}

func TestASocketNeedsALiveChannel(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		uri    func(uri string) string
		before func(x *org, clock *sandbox.Clock)
		status int
	}{
		"an unknown channel":   {uri: func(uri string) string { return uri + "0" }, status: http.StatusNotFound},
		"no channel":           {uri: func(uri string) string { return uri[:strings.LastIndexByte(uri, '/')] }, status: http.StatusNotFound},
		"an expired channel":   {before: func(_ *org, c *sandbox.Clock) { c.Advance(24 * time.Hour) }, status: http.StatusNotFound},
		"an evicted channel":   {before: func(x *org, _ *sandbox.Clock) { x.EvictChannels() }, status: http.StatusNotFound},
		"a live channel":       {before: func(_ *org, c *sandbox.Clock) { c.Advance(24*time.Hour - time.Millisecond) }, status: http.StatusSwitchingProtocols},
		"a page of any origin": {status: http.StatusSwitchingProtocols},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, clock := started(t, sandbox.Options{})
			_, uri := x.channel()
			if tt.before != nil {
				tt.before(x, clock)
			}
			if tt.uri != nil {
				uri = tt.uri(uri)
			}
			o := &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}}}
			conn, res, err := websocket.Dial(t.Context(), uri, o) //nolint:bodyclose // Dial says that it needs no close
			if err == nil {
				defer conn.CloseNow()
			}
			if res == nil || res.StatusCode != tt.status {
				t.Errorf("%v %v, want %d", res, err, tt.status)
			}
		})
	}
}

// A request without an upgrade is refused, and whoever is connected stays.
func TestAPlainRequestLeavesTheSocketOfAChannelAlone(t *testing.T) {
	t.Parallel()
	x, _ := started(t, sandbox.Options{})
	_, uri := x.channel()
	c := x.connect(uri)
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http"+strings.TrimPrefix(uri, "ws"), http.NoBody)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("status %d", res.StatusCode)
	}
	c.say(`{"message":"ping"}`)
	c.wants("channel.metadata")
}

func TestASecondSocketEndsTheFirst(t *testing.T) {
	t.Parallel()
	socket := func(x *org, _, uri string) *consumer { return x.connect(uri) }
	listener := func(x *org, id, _ string) *consumer { return x.listen(id) }
	tests := map[string]struct {
		first, second func(x *org, id, uri string) *consumer
		code          websocket.StatusCode // -1: no close frame, as there is no socket
	}{
		"two sockets":               {socket, socket, websocket.StatusPolicyViolation},
		"a listener after a socket": {socket, listener, websocket.StatusPolicyViolation},
		"a socket after a listener": {listener, socket, -1},
		"two listeners":             {listener, listener, -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _ := started(t, sandbox.Options{})
			id, uri := x.channel(presence)
			first := tt.first(x, id, uri)
			x.Publish(presence, "for the first")
			second := tt.second(x, id, uri)
			if tt.code != -1 {
				if b, err := first.raw(); err != nil || !bytes.Contains(b, []byte("for the first")) {
					t.Errorf("the first lost what waited for it: %s %v", b, err)
				}
			}
			if code := first.end(); code != tt.code {
				t.Errorf("the first ended with %v, want %v", code, tt.code)
			}
			x.Publish(presence, map[string]any{"for": "the second"})
			if f := second.next(); f.Body["for"] != "the second" {
				t.Errorf("the second got %+v", f)
			}
		})
	}
}

// Over one socket: what the client says is a ping, or nothing.
func TestASocketAnswersPings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind websocket.MessageType
		text string
	}{
		"no JSON":          {websocket.MessageText, "hello"},
		"another message":  {websocket.MessageText, `{"message":"pong"}`},
		"another type":     {websocket.MessageText, `{"message":1}`},
		"a list":           {websocket.MessageText, `["ping"]`},
		"no text at all":   {websocket.MessageBinary, "\x00\xff"},
		"an empty message": {websocket.MessageText, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _ := started(t, sandbox.Options{})
			_, uri := x.channel(presence)
			c := x.connect(uri)
			if err := c.conn.Write(t.Context(), tt.kind, []byte(tt.text)); err != nil {
				t.Fatal(err)
			}
			c.say(`{"message":"ping"}`)
			if d := cmp.Diff(frame{Topic: "channel.metadata", Body: map[string]any{"message": "pong"}}, c.next()); d != "" {
				t.Errorf("the first answer (-want +got):\n%s", d)
			}
			x.Publish(presence, map[string]any{})
			c.wants(presence) // and no second pong
		})
	}
}

func TestASocketHasHeartbeats(t *testing.T) {
	t.Parallel()
	const want = `{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}`
	t.Run("every 30 seconds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := open(t, sandbox.Options{})
			id, _ := x.channel()
			c, begin := x.listen(id), time.Now()
			for i := range 3 {
				b, err := c.raw()
				if passed := time.Since(begin); err != nil || string(b) != want || passed != time.Duration(i+1)*30*time.Second {
					t.Errorf("after %s: %s %v", passed, b, err)
				}
			}
		})
	})
	t.Run("as often as it was told", func(t *testing.T) {
		t.Parallel()
		x, _ := started(t, sandbox.Options{HeartbeatEvery: often})
		_, uri := x.channel()
		c := x.connect(uri)
		for range 3 {
			if b, err := c.raw(); string(b) != want {
				t.Fatalf("%s %v", b, err)
			}
		}
	})
}

func TestASocketIsToldBeforeItsChannelExpires(t *testing.T) {
	t.Parallel()
	x, clock := started(t, sandbox.Options{HeartbeatEvery: often, TokenLifetime: 48 * time.Hour})
	id, uri := x.channel()
	c := x.connect(uri)
	clock.Advance(24*time.Hour - time.Minute - time.Millisecond)
	c.say(`{"message":"ping"}`)
	c.wants("channel.metadata") // not yet
	clock.Advance(time.Millisecond)
	f := c.wants("v2.system.socket_closing")
	fits(t, "SystemMessageSystemMessage", f.Body)
	if f.Body["channelId"] != id || f.Body["message"] == "" {
		t.Errorf("%v", f.Body)
	}
	c.say(`{"message":"ping"}`)
	c.wants("channel.metadata") // once is enough

	x.ok("PUT", channels+"/"+id+"/subscriptions", topics(presence)) // another 24 hours
	clock.Advance(time.Minute)
	x.Publish(presence, map[string]any{})
	c.wants(presence)

	clock.Advance(24*time.Hour - 2*time.Minute)
	c.wants("v2.system.socket_closing")
	clock.Advance(time.Minute)
	if code := c.end(); code != websocket.StatusGoingAway {
		t.Errorf("ended with %v", code)
	}
	x.gone(id)
}

func TestCloseSocketsLeavesTheChannelForAMinute(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, x *org, clock *sandbox.Clock, c *consumer, id, uri string){
		"a client that does not come back": func(t *testing.T, x *org, clock *sandbox.Clock, c *consumer, id, _ string) {
			clock.Advance(10 * time.Second)
			if code := c.end(); code != websocket.StatusGoingAway {
				t.Errorf("ended with %v", code)
			}
			clock.Advance(time.Minute - time.Millisecond)
			x.alive(id)
			clock.Advance(time.Millisecond)
			x.gone(id)
		},
		"a clock that leaps over the close": func(_ *testing.T, x *org, clock *sandbox.Clock, c *consumer, id, _ string) {
			clock.Advance(70*time.Second - time.Millisecond)
			x.alive(id)
			c.end()
			clock.Advance(time.Millisecond)
			x.gone(id)
		},
		"a client that comes back after the close": func(t *testing.T, x *org, clock *sandbox.Clock, c *consumer, id, uri string) {
			clock.Advance(10 * time.Second)
			c.end()
			again := x.connect(uri)
			clock.Advance(time.Hour)
			x.Publish(presence, map[string]any{})
			again.wants(presence)
			x.alive(id)
		},
		"a client that comes back before the close": func(t *testing.T, x *org, clock *sandbox.Clock, c *consumer, id, uri string) {
			again := x.connect(uri)
			if code := c.end(); code != websocket.StatusPolicyViolation {
				t.Errorf("the first ended with %v", code)
			}
			clock.Advance(time.Hour)
			x.Publish(presence, map[string]any{})
			again.wants(presence)
			x.alive(id)
		},
		"until then it is as usual": func(t *testing.T, x *org, clock *sandbox.Clock, c *consumer, _, _ string) {
			clock.Advance(10*time.Second - time.Millisecond)
			x.CloseSockets() // adds nothing
			x.Publish(presence, map[string]any{})
			c.wants(presence)
			clock.Advance(time.Millisecond)
			c.end()
		},
	}
	for name, then := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, clock := started(t, sandbox.Options{HeartbeatEvery: often, ClosingNotice: 10 * time.Second})
			id, uri := x.channel(presence)
			idle, _ := x.channel(presence) // without a socket: nothing happens to it
			c := x.connect(uri)
			x.CloseSockets()
			c.wants("v2.system.socket_closing")
			then(t, x, clock, c, id, uri)
			x.alive(idle)
		})
	}
}

func TestNotificationsOfASlowConsumerAreDropped(t *testing.T) {
	t.Parallel()
	t.Run("a listener", func(t *testing.T) {
		t.Parallel()
		x := open(t, sandbox.Options{})
		id, _ := x.channel(presence)
		c := x.listen(id)
		for i := range 300 {
			x.Publish(presence, map[string]any{"n": i})
		}
		if n := x.DroppedFrames(); n != 300-256 {
			t.Errorf("%d frames dropped, want 44", n)
		}
		for i := range 256 {
			if f := c.next(); f.Body["n"] != float64(i) {
				t.Fatalf("frame %d: %v", i, f.Body)
			}
		}
		x.Publish(presence, map[string]any{"n": "after"})
		if f := c.next(); f.Body["n"] != "after" {
			t.Errorf("after that: %v", f.Body)
		}
	})
	t.Run("a socket that is not read does not hold up the server", func(t *testing.T) {
		t.Parallel()
		x, _ := started(t, sandbox.Options{})
		_, uri := x.channel(presence)
		x.connect(uri)
		much := strings.Repeat("x", 1<<16)
		for range 2000 {
			x.Publish(presence, much)
		}
		if x.DroppedFrames() == 0 {
			t.Error("nothing was dropped")
		}
		begin := time.Now()
		if err := x.Close(); err != nil || time.Since(begin) > 5*time.Second {
			t.Errorf("close: %v after %s", err, time.Since(begin))
		}
		if took := time.Since(begin); took < 500*time.Millisecond {
			t.Errorf("closed after %s: it did not wait for the socket", took)
		}
	})
	t.Run("what cannot be written counts too", func(t *testing.T) {
		t.Parallel()
		x := open(t, sandbox.Options{})
		id, _ := x.channel(presence)
		x.listen(id)
		x.Publish(presence, func() {})
		if n := x.DroppedFrames(); n != 1 {
			t.Errorf("%d frames dropped, want 1", n)
		}
	})
}

func TestNotificationsAreNotKeptForAChannelWithoutASocket(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	id, _ := x.channel(presence)
	x.Publish(presence, map[string]any{"n": 1})
	c := x.listen(id)
	x.Publish(presence, map[string]any{"n": 2})
	if f := c.next(); f.Body["n"] != 2.0 {
		t.Errorf("got %v", f.Body)
	}
	if n := x.DroppedFrames(); n != 0 {
		t.Errorf("%d frames count as dropped", n)
	}
}

func TestNotificationsByTopic(t *testing.T) {
	t.Parallel()
	const status = "v2.users.1.routingStatus"
	tests := map[string]struct {
		subscribed []string
		want       []string // of presence, status and the queue's users, in this order
	}{
		"one topic":                  {[]string{presence}, []string{presence}},
		"none":                       {nil, nil},
		"several in one":             {[]string{"v2.users.1?presence&routingStatus"}, []string{presence, status}},
		"in one and on its own":      {[]string{"v2.users.1?presence&routingStatus", presence, queueUsers}, []string{presence, status, queueUsers}},
		"of somebody else":           {[]string{"v2.users.2?presence&routingStatus", "v2.users.11.presence"}, nil},
		"an id in other letters":     {[]string{"v2.audits.entitytype.queue.entityid.1"}, nil},
		"unsubscribed in the end":    {[]string{presence, "-"}, nil},
		"replaced by another topics": {[]string{presence, "-", queueUsers}, []string{queueUsers}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, sandbox.Options{})
			id, _ := x.channel()
			path := channels + "/" + id + "/subscriptions"
			for _, topic := range tt.subscribed {
				if topic == "-" {
					x.ok("DELETE", path, nil)
				} else {
					x.ok("POST", path, topics(topic))
				}
			}
			frames, stop, err := x.Listen(id)
			if err != nil {
				t.Fatal(err)
			}
			for _, topic := range []string{presence, status, queueUsers, "v2.audits.entitytype.Queue.entityid.1"} {
				x.Publish(topic, nil)
			}
			stop()
			var got []string
			for b := range frames {
				var f frame
				if err := json.Unmarshal(b, &f); err != nil {
					t.Fatal(err)
				}
				got = append(got, f.Topic)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("topics (-want +got):\n%s", d)
			}
		})
	}
}

func TestTheTwentyFirstChannelSparesThoseWithASocket(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		connected int // the first so many of 20 channels
		goes      int
	}{
		"nobody is connected":       {0, 0},
		"those used first are":      {5, 5},
		"all are: the oldest goes":  {20, 0},
		"one is not: it is the one": {19, 19},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, clock := virtual(t, sandbox.Options{})
			t.Cleanup(func() { x.Close() })
			var ids []string
			all := map[int]*consumer{}
			for i := range 20 {
				id, _ := x.channel()
				if ids = append(ids, id); i < tt.connected {
					all[i] = x.listen(id)
				}
				clock.Advance(time.Second)
			}
			x.ok("POST", channels, nil)
			for i, id := range ids {
				if i == tt.goes {
					x.gone(id)
				} else {
					x.alive(id)
				}
			}
			if c := all[tt.goes]; c != nil {
				f := c.wants("v2.system.no_longer_subscribed." + ids[tt.goes])
				fits(t, "SystemMessageSystemMessage", f.Body)
				if f.Body["reason"] != "another_channel_subscribed" || f.Body["channelId"] != ids[tt.goes] {
					t.Errorf("%v", f.Body)
				}
				c.end()
			}
		})
	}
}

func TestNotificationsOfAuditsComeWithTheirDelay(t *testing.T) {
	t.Parallel()
	x, clock := started(t, sandbox.Options{AuditDelay: time.Minute, HeartbeatEvery: often})
	queue := strings.TrimPrefix(x.queue("Returns"), "/api/v2/routing/queues/")
	topic := "v2.audits.entitytype.Queue.entityid." + queue
	_, uri := x.channel(topic, presence)
	edit := func(description string) {
		if err := x.EditQueue("Ada Brook", "Returns", func(q map[string]any) { q["description"] = description }); err != nil {
			t.Fatal(err)
		}
	}
	edit("before anybody is connected")
	clock.Advance(time.Minute)
	c := x.connect(uri)
	edit("one")
	x.Publish(presence, map[string]any{})
	c.wants(presence) // nothing of the audit yet, nor of the one before
	clock.Advance(time.Minute)
	changes := fmt.Sprint(c.wants(topic).Body["propertyChanges"])
	if !strings.Contains(changes, "one") {
		t.Errorf("changes: %s", changes)
	}
	edit("two")
	clock.Advance(time.Minute)
	if changes := fmt.Sprint(c.wants(topic).Body["propertyChanges"]); !strings.Contains(changes, "two") {
		t.Errorf("changes: %s", changes)
	}
}

// What waits for its delay comes within Advance, and who listens changes nothing
// of the answers.
func TestAdvancePublishesAuditsAndDrawsNothingFromTheAnswers(t *testing.T) {
	t.Parallel()
	run := func(listens bool) (frames int, correlation string) {
		x, _ := virtual(t, sandbox.Options{AuditDelay: 10 * time.Second})
		id, _ := x.channel("v2.audits.entitytype.Queue.entityid." + x.queueID("Returns"))
		heard, stop, err := x.Listen(id)
		if err != nil {
			t.Fatal(err)
		}
		if !listens {
			stop()
		}
		x.ok("PUT", x.queue("Returns"), map[string]any{"name": "Returns", "description": "new"})
		x.passes(5 * time.Minute)
		stop()
		for range heard {
			frames++
		}
		return frames, x.call("GET", channels, nil).header.Get("ININ-Correlation-Id")
	}
	heard, one := run(true)
	_, other := run(false)
	if heard != 1 || one != other {
		t.Errorf("%d frames, want 1; correlation ids with a listener and without: %s, %s", heard, one, other)
	}
}

func TestSilenceSockets(t *testing.T) {
	t.Parallel()
	t.Run("no heartbeats", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := open(t, sandbox.Options{})
			id, _ := x.channel()
			c, begin := x.listen(id), time.Now()
			x.SilenceSockets(100 * time.Second)
			if _, err := c.raw(); err != nil || time.Since(begin) != 2*time.Minute {
				t.Errorf("first heartbeat after %s: %v", time.Since(begin), err)
			}
		})
	})
	t.Run("no answers and no notifications", func(t *testing.T) {
		t.Parallel()
		x, clock := started(t, sandbox.Options{})
		_, uri := x.channel(presence)
		c := x.connect(uri)
		x.SilenceSockets(time.Minute)
		x.Publish(presence, map[string]any{"n": 1})
		clock.Advance(time.Minute)
		x.Publish(presence, map[string]any{"n": 2})
		if f := c.next(); f.Body["n"] != 2.0 {
			t.Errorf("got %v", f.Body)
		}
		c.say(`{"message":"ping"}`)
		c.wants("channel.metadata")
	})
}

func TestEvictChannels(t *testing.T) {
	t.Parallel()
	x, _ := started(t, sandbox.Options{})
	id, uri := x.channel(presence)
	idle, _ := x.channel()
	c := x.connect(uri)
	x.EvictChannels()
	if code := c.end(); code != websocket.StatusGoingAway {
		t.Errorf("ended with %v", code)
	}
	x.gone(id)
	x.gone(idle)
	if _, _, err := x.Listen(id); err == nil || !strings.Contains(err.Error(), id) {
		t.Errorf("listen: %v, want an error with the id", err)
	}
	if n := len(entities(x.ok("GET", channels, nil))); n != 0 {
		t.Errorf("%d channels left", n)
	}
}

// Of what is published too often, the last goes out when its time has come.
func TestNotificationsAtMostEverySecond(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{HeartbeatEvery: often})
	t.Cleanup(func() { x.Close() })
	id, _ := x.channel(presence)
	made := map[int]bool{}
	publish := func(n int) {
		x.PublishAtMost(presence, time.Second, func() any { made[n] = true; return map[string]any{"n": n} })
	}
	publish(0) // to nobody
	c := x.listen(id)
	gets := func(n int) {
		t.Helper()
		if f := c.next(); f.Body["n"] != float64(n) {
			t.Fatalf("got %v, want %d", f.Body, n)
		}
	}
	publish(1)
	gets(1)
	clock.Advance(time.Second - time.Millisecond)
	publish(2)
	publish(3)
	x.Publish(presence, map[string]any{"n": 10})
	gets(10) // and neither 2 nor 3
	clock.Advance(time.Millisecond)
	gets(3)
	clock.Advance(time.Second)
	publish(4)
	gets(4)
	if err := x.Close(); err != nil { // no body is made after this
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{1, 3, 4}, slices.Sorted(maps.Keys(made))); d != "" {
		t.Errorf("bodies made (-want +got):\n%s", d)
	}
}

func TestASocketThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	tests := map[string]func(c *consumer){
		"closed by the client": func(c *consumer) { c.conn.Close(websocket.StatusNormalClosure, "") },
		"cut":                  func(c *consumer) { c.conn.CloseNow() },
	}
	for name, leave := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _ := started(t, sandbox.Options{})
			id, uri := x.channel(presence)
			c := x.connect(uri)
			x.Publish(presence, map[string]any{})
			c.wants(presence)
			leave(c)
			for begin := time.Now(); x.Listened(presence); <-time.After(time.Millisecond) {
				if time.Since(begin) > 10*time.Second {
					t.Fatal("the channel still has a socket")
				}
			}
			x.alive(id)
		})
	}
}

func TestCloseEndsAllSockets(t *testing.T) {
	t.Parallel()
	x, _ := started(t, sandbox.Options{})
	_, uri := x.channel()
	id, _ := x.channel()
	socket, listener := x.connect(uri), x.listen(id)
	ended := make(chan websocket.StatusCode, 1)
	go func() { ended <- socket.end() }()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	listener.end()
	if code := <-ended; code != websocket.StatusGoingAway {
		t.Errorf("the socket ended with %v", code)
	}
	if _, _, err := x.Listen(id); err == nil {
		t.Error("a closed sandbox is listened to")
	}
	if _, err := x.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	x.listen(id)
}
