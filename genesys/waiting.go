package genesys

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file looks at email that is in queues now, and changes what waits there.

// maxQueues is about how many queues one query is made. What the platform takes
// is not documented.
const maxQueues = 100

// QueueStates reads how the email of queues stands just now, by queue id. In an
// answer there are no groups of which there is nothing, so a queue that is not
// in it has none (docs/platform-notes.md#analytics); an error says nothing about
// any. No filter names the medium: agents have none.
func (c *Client) QueueStates(ctx context.Context, queueIDs []string) (map[string]routing.QueueState, error) {
	if slices.Contains(queueIDs, "") {
		return nil, errors.New("the state of queues: a queue has no id")
	}
	states := map[string]routing.QueueState{}
	for some := range slices.Chunk(queueIDs, maxQueues) {
		now := map[string]*routing.QueueState{}
		for _, id := range some {
			now[id] = &routing.QueueState{Emails: []routing.WaitingEmail{}, Complete: true}
		}
		asked := time.Now()
		err := c.observe(ctx, PostAnalyticsQueuesObservationsQuery, anyOf("queueId", some),
			[]string{"oWaiting", "oAlerting", "oInteracting", "oOnQueueUsers"}, []string{"oWaiting"},
			func(group map[string]string, o observed, n int) {
				q, medium := now[group["queueId"]], group["mediaType"]
				switch {
				case q == nil:
				case o.Metric == "oOnQueueUsers":
					if medium == "" { // one number for each routing status
						q.OnQueue += n
					}
				case !strings.EqualFold(medium, "email"):
				case o.Metric == "oAlerting":
					q.Alerting += n
				case o.Metric == "oInteracting":
					q.Interacting += n
				default:
					q.Waiting += n
					q.Complete = q.Complete && !o.Truncated
					q.Emails = append(q.Emails, o.emails()...)
				}
			})
		if err != nil {
			return nil, err
		}
		skew, _ := c.Skew()
		for id, q := range now {
			q.At = asked.Add(skew).Round(0).UTC()
			q.Complete = q.Complete && len(q.Emails) >= q.Waiting
			slices.SortFunc(q.Emails, func(a, b routing.WaitingEmail) int {
				return cmp.Or(a.Entered.Compare(b.Entered), strings.Compare(a.ConversationID, b.ConversationID))
			})
			states[id] = *q
		}
	}
	return states, nil
}

// emails are the emails that were counted. One that does not say which it is, or
// since when it waits, is left out.
func (o observed) emails() []routing.WaitingEmail {
	var out []routing.WaitingEmail
	for _, e := range o.Observations {
		if e.ID == "" || e.Date.IsZero() {
			continue
		}
		skills := []routing.Ref{}
		for _, id := range e.Skills {
			skills = append(skills, routing.Ref{ID: id})
		}
		out = append(out, routing.WaitingEmail{
			ConversationID: e.ID, Entered: e.Date, Priority: e.Priority, Skills: skills, Language: routing.Ref{ID: e.Language}, To: e.To, From: e.From,
		})
	}
	return out
}
