package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// notificationHandlers answer for notification channels and what they are
// subscribed to. Nothing is sent on a channel yet: its connectUri leads
// nowhere. See docs/platform-notes.md#notifications.
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
	channelLifetime = 24 * time.Hour
)

// channel is one notification channel of the client.
type channel struct {
	id, token string    // token: that which made it
	used      time.Time // made, or last subscribed
	topics    []string  // in order of subscription
}

func (ch *channel) expires() time.Time { return ch.used.Add(channelLifetime) }

func (ch *channel) show() object {
	return object{"id": ch.id, "connectUri": "wss://streaming.sandbox.example/channels/" + ch.id, "expires": ch.expires()}
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
	s.channels = slices.DeleteFunc(s.channels, func(ch *channel) bool { return !s.now().Before(ch.expires()) })
	return s.channels
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
	if all := c.liveChannels(); len(all) >= maxChannels {
		oldest := slices.MinFunc(all, func(a, b *channel) int { return a.used.Compare(b.used) })
		c.channels = slices.DeleteFunc(all, func(ch *channel) bool { return ch == oldest })
	}
	ch := &channel{id: "streaming-0-" + c.newID(), token: c.token.value, used: c.now()}
	c.channels = append(c.channels, ch)
	return http.StatusOK, ch.show(), nil
}

// channelOf is the channel in the path.
func (c *call) channelOf() (*channel, error) {
	id := c.params["channelId"]
	for _, ch := range c.liveChannels() {
		if ch.id == id {
			return ch, nil
		}
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
	ch.topics, ch.used = topics, c.now()
	return http.StatusOK, object{"entities": append(permitted(topics), rejected...)}, nil
}

// judge says whether a topic is one of the contract's, with an id in each of
// its places, and which permission the client lacks for it. One subscription
// may name several: v2.users.{id}?presence&routingStatus.
func (c *call) judge(id string) (missing string, known bool) {
	head, rest, combined := strings.Cut(id, "?")
	topics := []string{head}
	if combined {
		topics = nil
		for name := range strings.SplitSeq(rest, "&") {
			topics = append(topics, head+"."+name)
		}
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
	ch.topics, ch.used = nil, c.now()
	return http.StatusOK, nil, nil
}
