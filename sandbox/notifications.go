package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// notificationHandlers answer for notification channels and what they are
// subscribed to; streaming.go sends. See docs/platform-notes.md#notifications.
var notificationHandlers = map[string]handler{
	"getNotificationsAvailabletopics":         getNotificationsAvailabletopics,
	"getNotificationsChannels":                getNotificationsChannels,
	"postNotificationsChannels":               postNotificationsChannels,
	"headNotificationsChannel":                headNotificationsChannel,
	"getNotificationsChannelSubscriptions":    getSubscriptions,
	"postNotificationsChannelSubscriptions":   func(c *call) (int, any, error) { return subscribe(c, false) },
	"putNotificationsChannelSubscriptions":    func(c *call) (int, any, error) { return subscribe(c, true) },
	"deleteNotificationsChannelSubscriptions": deleteSubscriptions,
}

// The limits of notifications.
const (
	maxChannels     = 20 // of one client; one more ends the one that was longest not used
	maxTopics       = 1000
	maxCombined     = 200 // characters of a topic that names several
	channelLifetime = 24 * time.Hour
)

// channel is one notification channel of the client.
type channel struct {
	id, token string          // token: that which made it
	sockets   string          // where its socket is, such as ws://127.0.0.1:8180
	used      time.Time       // made, or last subscribed
	lapses    time.Time       // when it ends unless somebody connects; zero: it does not
	topics    []string        // in order of subscription
	listens   map[string]bool // the same, with each of several topics in one on its own
	counts    bool            // among them are the numbers of queues
	socket    *socket         // nil: nobody is connected
}

func (ch *channel) expires() time.Time { return ch.used.Add(channelLifetime) }

func (ch *channel) show() object {
	return object{"id": ch.id, "connectUri": ch.sockets + "/channels/" + ch.id, "expires": stamp(ch.expires())}
}

// hears says whether somebody is connected who wants a topic. Case counts.
func (ch *channel) hears(topic string) bool { return ch.socket != nil && ch.listens[topic] }

// subscribe makes topics all that a channel has, and starts its time anew.
func (ch *channel) subscribe(topics []string, now time.Time) {
	ch.topics, ch.listens, ch.counts, ch.used = topics, map[string]bool{}, false, now
	for _, t := range topics {
		for _, one := range topicsOf(t) {
			ch.listens[one] = true
			ch.counts = ch.counts || strings.HasPrefix(one, numbersTopic)
		}
	}
}

// topicPermissions are what topics need, by how they begin. Which permission
// it is for each is unconfirmed.
var topicPermissions = []struct{ prefix, permission string }{
	{"v2.audits.", "audits:audit:view"},
	{"v2.analytics.queues.", "analytics:queueObservation:view"},
	{"v2.routing.queues.", "routing:queue:view"},
	{"v2.workforcemanagement.", "wfm:publishedSchedule:view"},
}

func permissionOf(topic string) string {
	for _, p := range topicPermissions {
		if strings.HasPrefix(topic, p.prefix) {
			return p.permission
		}
	}
	return ""
}

func getNotificationsAvailabletopics(c *call) (int, any, error) {
	expand, all := listed(c.query["expand"]), []object{}
	for _, topic := range c.contract.Topics() {
		out := object{"id": topic}
		if slices.Contains(expand, "requiresPermissions") {
			needs := []string{}
			if p := permissionOf(topic); p != "" {
				needs = append(needs, p)
			}
			out["requiresPermissions"] = needs
		}
		if slices.Contains(expand, "visibility") {
			out["visibility"] = "Public"
		}
		all = append(all, out)
	}
	return http.StatusOK, object{"entities": all}, nil
}

// liveChannels forgets the channels whose time is over and lists the rest.
func (s *Server) liveChannels() []*channel {
	now := s.wall()
	s.channels = slices.DeleteFunc(s.channels, func(ch *channel) bool { return s.over(ch, now) })
	return s.channels
}

// channel finds a channel; nil where there is none.
func (s *Server) channel(id string) *channel {
	all := s.liveChannels()
	if i := slices.IndexFunc(all, func(ch *channel) bool { return ch.id == id }); i >= 0 {
		return all[i]
	}
	return nil
}

func getNotificationsChannels(c *call) (int, any, error) {
	all := []object{}
	for _, ch := range c.liveChannels() {
		if ch.token == c.token.value || strings.EqualFold(c.query.Get("includechannels"), "oauthclient") {
			all = append(all, ch.show())
		}
	}
	return http.StatusOK, object{"entities": all}, nil
}

func postNotificationsChannels(c *call) (int, any, error) {
	if len(c.liveChannels()) >= maxChannels {
		c.evictOldest()
	}
	ch := &channel{id: "streaming-0-" + c.newID(), token: c.token.value, sockets: c.sockets, used: c.wall()}
	c.channels = append(c.channels, ch)
	return http.StatusOK, ch.show(), nil
}

// evictOldest makes room for a channel: the one that was longest not used goes,
// of those that nobody is connected to where there are any. Whoever is connected
// is told first; that the id in the topic is the channel's is unconfirmed.
func (s *Server) evictOldest() {
	connected := func(ch *channel) int {
		if ch.socket != nil {
			return 1
		}
		return 0
	}
	oldest := slices.MinFunc(s.channels, func(a, b *channel) int {
		return cmp.Or(connected(a)-connected(b), a.used.Compare(b.used))
	})
	if k := oldest.socket; k != nil {
		s.sendSystem(k, "v2.system.no_longer_subscribed."+oldest.id, systemMessage{
			Type: "no_longer_subscribed", Reason: "another_channel_subscribed", Message: "Another channel has taken the place of this one",
		})
		s.end(k, websocket.StatusGoingAway, "another channel has taken the place of this one")
	}
	s.channels = slices.DeleteFunc(s.channels, func(ch *channel) bool { return ch == oldest })
}

// channelOf is the channel in the path.
func (c *call) channelOf() (*channel, error) {
	id := c.params["channelId"]
	if ch := c.channel(id); ch != nil {
		return ch, nil
	}
	return nil, notFound("not.found", "notification channel", id)
}

func headNotificationsChannel(c *call) (int, any, error) {
	if _, err := c.channelOf(); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, nil, nil
}

// subscription is one topic of a channel on the wire.
type subscription struct {
	ID      string   `json:"id"`
	State   string   `json:"state"`
	Reason  string   `json:"rejectionReason,omitempty"`
	Missing []string `json:"missingPermissions,omitempty"`
}

func getSubscriptions(c *call) (int, any, error) {
	ch, err := c.channelOf()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, object{"entities": permitted(ch.topics)}, nil
}

func permitted(topics []string) []subscription {
	out := []subscription{}
	for _, t := range topics {
		out = append(out, subscription{ID: t, State: "Permitted"})
	}
	return out
}

// subscribe adds topics to a channel, or with replace makes them all that it
// has. One topic that is not allowed fails the whole, unless ignoreErrors.
func subscribe(c *call, replace bool) (int, any, error) {
	in, err := decode[[]subscription](c)
	if err != nil {
		return 0, nil, err
	}
	ch, err := c.channelOf()
	if err != nil {
		return 0, nil, err
	}
	var topics []string
	if !replace {
		topics = slices.Clone(ch.topics)
	}
	var rejected []subscription
	for _, t := range in {
		switch missing, known := c.judge(t.ID); {
		case known && missing == "":
			if !slices.Contains(topics, t.ID) {
				topics = append(topics, t.ID)
			}
		case c.query.Get("ignoreErrors") == "true" && known:
			rejected = append(rejected, subscription{ID: t.ID, State: "Rejected", Reason: "missing permissions", Missing: []string{missing}})
		case c.query.Get("ignoreErrors") == "true":
			rejected = append(rejected, subscription{ID: t.ID, State: "Rejected", Reason: "invalid topic"})
		case known:
			return 0, nil, fail(http.StatusForbidden, "notification.unauthorized.topic", "the topic %s needs the permission %s", t.ID, missing)
		default:
			return 0, nil, bad("notification.invalid.topic", "the topic %s is not valid", t.ID)
		}
	}
	if len(topics) > maxTopics {
		return 0, nil, bad("notification.subscription.too.many.subscriptions", "a channel takes %d topics, not %d", maxTopics, len(topics))
	}
	ch.subscribe(topics, c.wall())
	return http.StatusOK, object{"entities": append(permitted(topics), rejected...)}, nil
}

// judge says whether the topics of a subscription are the contract's, with an
// id in each of their places, and which permission the client lacks for them.
func (c *call) judge(id string) (missing string, known bool) {
	topics := topicsOf(id)
	if len(topics) > 1 && len(id) > maxCombined {
		return "", false
	}
	for _, t := range topics {
		if !slices.ContainsFunc(c.contract.Topics(), func(pattern string) bool { return topicMatches(pattern, t) }) {
			return "", false
		}
		if p := permissionOf(t); p != "" && !c.allowed(p) {
			missing = p
		}
	}
	return missing, true
}

// topicMatches compares part by part; there are no wildcards.
func topicMatches(pattern, topic string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(topic, ".")
	return slices.EqualFunc(want, have, func(w, h string) bool {
		if w == "{id}" {
			return h != "" && !strings.ContainsAny(h, "*{}")
		}
		return w == h
	})
}

func deleteSubscriptions(c *call) (int, any, error) {
	ch, err := c.channelOf()
	if err != nil {
		return 0, nil, err
	}
	ch.subscribe(nil, c.wall())
	return http.StatusOK, nil, nil
}
