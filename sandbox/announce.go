package sandbox

import (
	"slices"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file publishes what happens in the organisation, in the order in which
// it happens. Where nobody is connected it costs nothing.

// analyticsEvery is how often the numbers of a queue are published at most.
const analyticsEvery = time.Second

// numbersTopic is how their topics begin.
const numbersTopic = "v2.analytics.queues."

// announce publishes from now on.
func (s *Server) announce() {
	s.life.centre.OnLeg, s.life.centre.OnAgent = s.announceLeg, s.announceAgent
}

// heard says that somebody is connected to some channel.
func (s *Server) heard() bool {
	return slices.ContainsFunc(s.channels, func(ch *channel) bool { return ch.socket != nil })
}

// moment is when what is published happens.
func (s *Server) moment() time.Time { return s.life.at(s.life.centre.Now()) }

// announceLeg publishes that an email has changed.
func (s *Server) announceLeg(n int) {
	if !s.heard() {
		return
	}
	c := s.life.centre
	l := c.Leg(n)
	if l == nil || c.Leg(l.Conversation) == nil {
		return // too old to be told of
	}
	queue := c.QueueID(l.Queue)
	s.tell("v2.routing.queues."+queue+".conversations.emails", func() any { return s.emailEvent(l.Conversation) })
	switch {
	case l.State == centre.Waiting && n > s.life.announced && l.Entered == c.Now():
		s.life.announced = n
		s.tell(s.detailTopic(l)+"start", func() any { return s.acdEvent(n, l) })
	case l.State == centre.Interacting || l.State > centre.Handled && l.Answered < 0:
		s.tell(s.detailTopic(l)+"end", func() any { return s.acdEndEvent(n, l) })
	}
	s.announceNumbers(queue)
}

// tell publishes what body makes, which it does not where nobody listens.
func (s *Server) tell(topic string, body func() any) {
	if s.listened(topic) {
		s.publish(topic, body())
	}
}

func (s *Server) detailTopic(l *centre.Leg) string {
	return "v2.detail.events.conversation." + s.conversationID(l.Conversation) + ".acd."
}

// emailEvent is a conversation as v2.routing.queues.{id}.conversations.emails
// has it.
func (s *Server) emailEvent(first int) object {
	return object{
		"id": s.conversationID(first), "participants": s.showParties(first, onTopic), "otherMediaUris": []string{},
		"address": s.letter(first).FromAddress, "divisions": s.divisions(),
	}
}

// acdEvent is an email that enters a queue, as the detail events have it.
func (s *Server) acdEvent(n int, l *centre.Leg) object {
	mail := s.letter(l.Conversation)
	return object{
		"eventTime": s.moment().UnixMilli(), "conversationId": s.conversationID(l.Conversation), "participantId": s.partID(n, "acd"),
		"sessionId": s.partID(n, "acd session"), "mediaType": "EMAIL", "provider": mail.Provider, "direction": "INBOUND",
		"addressTo": mail.ToAddress, "addressFrom": mail.FromAddress, "subject": mail.Subject,
		"queueId": s.life.centre.QueueID(l.Queue), "divisionId": s.division.ID,
		"routingPriority": l.Priority, "requestedRoutingSkillIds": append([]string{}, s.life.centre.Ask(l.Ask).Skills...),
	}
}

// acdEndEvent is an email that leaves a queue. How the platform names the end of
// one that is transferred out of it, or ended by the API, is unconfirmed.
func (s *Server) acdEndEvent(n int, l *centre.Leg) object {
	out := s.acdEvent(n, l)
	out["connectedDurationMs"] = s.life.centre.Now() - l.Entered
	if id := s.life.centre.Ask(l.Ask).Language; id != "" {
		out["requestedLanguageId"] = id
	}
	switch {
	case l.State == centre.Interacting:
		out["acdOutcome"], out["disconnectType"], out["answeredUserId"] = "ANSWERED", "TRANSFER", s.life.centre.AgentID(l.Agent)
	case l.Transferred:
		out["acdOutcome"], out["disconnectType"] = "FLOW_OUT", "TRANSFER"
	default:
		out["acdOutcome"], out["disconnectType"] = "ABANDON", "PEER"
	}
	return out
}

// announceAgent publishes that an agent does something else. That of presence
// only coming on queue and going off it are published, and not what follows from
// the schedule while an agent is off queue, is a simplification.
func (s *Server) announceAgent(id string) {
	if !s.heard() {
		return
	}
	u, ok := s.users.latest(id)
	if !ok {
		return
	}
	topic := "v2.users." + id + "."
	if !s.listened(topic+"routingStatus") && !s.listened(topic+"presence") && !s.listened(topic+"activity") {
		return
	}
	u = s.atWorkAt(u, s.moment())
	status := object{"status": u.RoutingStatus, "startTime": stamp(u.Since)}
	definition := object{"id": presences[u.Presence].id, "systemPresence": u.Presence}
	s.publish(topic+"routingStatus", object{"id": id, "routingStatus": status})
	if s.life.centre.Turned(id) {
		s.publish(topic+"presence", object{"source": "PURECLOUD", "presenceDefinition": definition, "primary": true, "message": "", "modifiedDate": stamp(u.Since)})
	}
	s.publish(topic+"activity", object{
		"id": id, "routingStatus": status, "presence": object{"presenceDefinition": definition, "presenceMessage": "", "modifiedDate": stamp(u.Since)},
	})
}

// announceNumbers publishes the numbers of a queue.
func (s *Server) announceNumbers(queue string) {
	topic := numbersTopic + queue + "."
	s.publishAtMost(topic+"observations", analyticsEvery, func() any { return s.observationsEvent(queue) })
	s.publishAtMost(topic+"activity", analyticsEvery, func() any { return s.activityEvent(queue) })
}

// inQueue is how email stands in a queue now.
type inQueue struct {
	waiting, alerting, interacting int
	longest                        int64 // when the longest waiting entered, in milliseconds of the centre; none waits: waiting is 0
	longestInteracting             int64 // when the one was answered that was first
}

func (s *Server) inQueue(queue string) inQueue {
	c := s.life.centre
	var q inQueue
	for _, n := range c.Open() {
		l := c.Leg(n)
		if c.QueueID(l.Queue) != queue {
			continue
		}
		switch l.State {
		case centre.Waiting:
			if q.waiting++; q.waiting == 1 || l.Entered < q.longest {
				q.longest = l.Entered
			}
		case centre.Alerting:
			q.alerting++
		case centre.Interacting:
			if q.interacting++; q.interacting == 1 || l.Answered < q.longestInteracting {
				q.longestInteracting = l.Answered
			}
		case centre.Handled, centre.Abandoned, centre.Disconnected:
		}
	}
	return q
}

// halfHourMetrics are what the topic has of the running half hour.
var halfHourMetrics = []string{"nOffered", "tAnswered", "tAbandon", "tHandle"}

// halfHour is what happened in a queue from an instant on, by metric.
func (s *Server) halfHour(queue string, from time.Time) []stat {
	t := (&look{Server: s, upTo: s.life.centre.Now()}).newTally([]time.Time{from, from.Add(30 * time.Minute)})
	t.passes = func(a *aspect) bool { return s.life.centre.QueueID(a.l.Queue) == queue }
	t.columnsOf(aggregatesQuery{Metrics: halfHourMetrics})
	t.count()
	return t.cell(0, 0)
}

// observationsEvent is what v2.analytics.queues.{id}.observations has of email:
// how it stands now, and the sums of the running half hour. What is nothing is
// left out of the sums.
func (s *Server) observationsEvent(queue string) any {
	q := s.inQueue(queue)
	from := s.moment().Truncate(30 * time.Minute)
	metrics := []object{}
	add := func(name string, stats object) { metrics = append(metrics, object{"metric": name, "stats": stats}) }
	add("oWaiting", object{"count": q.waiting})
	add("oAlerting", object{"count": q.alerting})
	add("oInteracting", object{"count": q.interacting})
	for i, st := range s.halfHour(queue, from) {
		stats := object{"count": st.count}
		if halfHourMetrics[i][0] == 't' {
			stats["sum"], stats["min"], stats["max"] = st.sum, st.min, st.max
		}
		if st.count > 0 {
			add(halfHourMetrics[i], stats)
		}
	}
	return object{"group": object{"queueId": queue, "mediaType": "email"}, "data": []object{{
		"interval": stamp(from) + "/" + stamp(from.Add(30*time.Minute)), "metrics": metrics,
	}}}
}

// activityEvent is what v2.analytics.queues.{id}.activity has of email. That the
// longest are instants, in milliseconds of Unix time, is unconfirmed.
func (s *Server) activityEvent(queue string) any {
	q := s.inQueue(queue)
	data := []object{
		{"metric": "oWaiting", "count": q.waiting}, {"metric": "oAlerting", "count": q.alerting}, {"metric": "oInteracting", "count": q.interacting},
	}
	if q.waiting > 0 {
		data = append(data, object{"metric": "oLongestWaiting", "calculatedMetricValue": s.life.at(q.longest).UnixMilli()})
	}
	if q.interacting > 0 {
		data = append(data, object{"metric": "oLongestInteracting", "calculatedMetricValue": s.life.at(q.longestInteracting).UnixMilli()})
	}
	return object{"results": []object{{"mediaType": "email", "data": data}}}
}
