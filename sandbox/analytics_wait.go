package sandbox

import (
	"net/http"
	"time"
)

// This file estimates: a queue, or a conversation in it, goes in; how long it
// will wait comes out.

// getRoutingQueueEstimatedwaittime estimates how long email will wait that comes
// now: the mean wait of the last emails that were answered in the queue. A
// conversation has waited part of it.
func getRoutingQueueEstimatedwaittime(c *call) (int, any, error) {
	id := c.params["queueId"]
	if _, ok := c.queues.seen(id); !ok {
		return 0, nil, notFound("resource.not.found", "queue", id)
	}
	if c.query.Get("labelId") != "" {
		return 0, nil, notImitated("the estimated wait of a label")
	}
	var waited time.Duration
	if conversation := c.query.Get("conversationId"); conversation != "" {
		l, first := c.conversation(conversation)
		if l == nil {
			return 0, nil, notFound("resource.not.found", "conversation", conversation)
		}
		_, l = c.lastLeg(first)
		waited = c.now().Sub(c.life.at(l.Entered))
	}
	predictions := []object{}
	media, given := c.params["mediaType"]
	if wait, known := c.meanWait(id); known && (!given || media == "email" || media == "EMAIL") {
		predictions = append(predictions, object{
			"intent": "EMAIL", "formula": "SIMPLE", "estimatedWaitTimeSeconds": int64(max(wait-waited, 0).Round(time.Second) / time.Second),
		})
	}
	return http.StatusOK, object{"results": predictions}, nil
}

// meanWait is the mean wait of the last emails that were answered in a queue;
// false: there were none.
func (s *Server) meanWait(queue string) (time.Duration, bool) {
	if s.life == nil {
		return 0, false
	}
	last := s.life.centre.RecentWaits(queue)
	if len(last) == 0 {
		return 0, false
	}
	var sum int64
	for _, wait := range last {
		sum += wait
	}
	return time.Duration(sum/int64(len(last))) * time.Millisecond, true
}
