package genesys

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
			[]string{"oWaiting", "oAlerting", "oInteracting", "oOnQueueUsers"}, []string{"oWaiting", "oInteracting"},
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
					for _, e := range o.Observations {
						if e.Direction == "inbound" && !e.Date.IsZero() {
							q.Handled = append(q.Handled, e.Date)
						}
					}
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

// Email is where an email conversation is.
type Email struct {
	// QueueID is the queue that it is in, or was in last; empty: none.
	QueueID string `json:"queueId"`
	Waiting bool   `json:"waiting"` // in that queue, and no agent has it or is offered it
	// Earlier are the ids of the queues that it was in before that one.
	Earlier []string `json:"earlier,omitempty"`
	Subject string   `json:"-"` // what it says goes into no journal
	// Attributes are those of all participants; of one name the last counts.
	Attributes map[string]string `json:"-"`
	routing.WaitingEmail
}

// DecodeEmail reads an email conversation as the platform sends it, and the body
// of a notice of an EmailsTopic, which names skills and language. To is in
// neither.
func DecodeEmail(raw json.RawMessage) (Email, error) {
	e, _, err := decodeEmail(raw)
	return e, err
}

// decodeEmail tells the participant of the queue, too.
func decodeEmail(raw json.RawMessage) (e Email, participant string, err error) {
	var in struct {
		ID           string
		Participants []struct {
			ID, Purpose, State, Address string
			Subject                     string
			Attributes                  map[string]string
			StartTime, EndTime          time.Time
			Queue                       routing.Ref
			Asks                        struct {
				Priority int
				Skills   []routing.Ref
				Language routing.Ref
			} `json:"conversationRoutingData"`
		}
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return e, "", fmt.Errorf("read an email conversation: %w", err)
	}
	if in.ID == "" {
		return e, "", errors.New("read an email conversation: it has no id")
	}
	e.ConversationID, e.Skills = in.ID, []routing.Ref{}
	for _, p := range in.Participants {
		// Both words say that a part is over (docs/platform-notes.md#email-in-queues).
		over := !p.EndTime.IsZero() || p.State == "disconnected" || p.State == "terminated"
		e.Subject = cmp.Or(e.Subject, p.Subject)
		if e.Attributes == nil && len(p.Attributes) > 0 {
			e.Attributes = map[string]string{}
		}
		maps.Copy(e.Attributes, p.Attributes)
		switch p.Purpose {
		case "customer":
			e.From = p.Address
		case "acd": // each queue in its turn
			if e.QueueID != "" {
				e.Earlier = append(e.Earlier, e.QueueID)
			}
			participant, e.QueueID, e.Waiting, e.Entered = p.ID, p.Queue.ID, !over, p.StartTime
			e.Priority, e.Skills, e.Language = p.Asks.Priority, append([]routing.Ref{}, p.Asks.Skills...), p.Asks.Language
		case "agent", "user":
			e.Waiting = e.Waiting && over
		}
	}
	return e, participant, nil
}

// Email reads an email conversation. ErrNotFound: there is none of that id.
func (c *Client) Email(ctx context.Context, conversationID string) (Email, error) {
	e, _, err := c.email(ctx, conversationID)
	return e, err
}

// email reads where an email conversation is.
func (c *Client) email(ctx context.Context, conversationID string) (e Email, participant string, err error) {
	raw, err := c.do(ctx, GetConversationsEmail, []string{conversationID}, nil, nil)
	if err != nil {
		return e, "", err
	}
	return decodeEmail(raw)
}

// WaitingEmail reads an email as an object of its own: id, queueId, waiting,
// entered, and in the places of routing.EmailSettings priority, skills and
// language. waiting is false where it does not wait in this queue. ErrNotFound:
// there is no such conversation.
func (c *Client) WaitingEmail(ctx context.Context, conversationID, queueID string) (json.RawMessage, error) {
	e, _, err := c.email(ctx, conversationID)
	if err != nil {
		return nil, err
	}
	e.Waiting = e.Waiting && e.QueueID == queueID
	e.From = "" // what is kept of it is no letter
	return encode(e)
}

// PatchWaitingEmail changes the named fields of an email that waits, and nothing
// else; a field that is nil in s is taken away, a priority becomes 0. The
// platform scores the email anew at once (docs/platform-notes.md#scoring).
// ErrNotFound: it does not wait.
func (c *Client) PatchWaitingEmail(ctx context.Context, conversationID string, fields []routing.Field, s routing.EmailSettings) error {
	body := map[string]any{}
	for _, f := range fields {
		switch f {
		case "priority":
			n := 0
			if s.Priority != nil {
				n = *s.Priority
			}
			if n < -routing.MostPriority || n > routing.MostPriority {
				return fmt.Errorf("email %s: the priority %d is not within %d and %d", conversationID, n, -routing.MostPriority, routing.MostPriority)
			}
			body["priority"] = n
		case "skills":
			ids := []string{}
			if s.Skills != nil {
				for _, r := range *s.Skills {
					if r.ID == "" {
						return fmt.Errorf("email %s: skills: %w", conversationID, noID(r))
					}
					ids = append(ids, r.ID)
				}
			}
			body["skillIds"] = ids
		case "language":
			id := ""
			if s.Language != nil && *s.Language != (routing.Ref{}) {
				if id = s.Language.ID; id == "" {
					return fmt.Errorf("email %s: language: %w", conversationID, noID(*s.Language))
				}
			}
			body["languageId"] = id
		default:
			return fmt.Errorf("email %s: no field %s in %T", conversationID, f, s)
		}
	}
	if len(body) == 0 {
		return nil
	}
	r, err := newRequest(PatchRoutingConversation, []string{conversationID}, nil, body)
	if err != nil {
		return err
	}
	r.safe = true // it says what is to be, not by how much it changes
	_, err = c.attempts(ctx, r)
	return err
}

// ErrNotWaiting says that an email waits in no queue, or not any more.
var ErrNotWaiting = errors.New("the email does not wait in a queue")

// MoveEmail passes an email that waits in one queue on to another. Its wait begins
// anew there, so that it loses its minutes; whether it keeps its priority, skills
// and language is not documented (docs/platform-notes.md#email-in-queues). Where it
// waits in that other queue already nothing is done, so that after an
// UncertainError it may be asked again. ErrNotFound, ErrNotWaiting: an agent may
// have been faster.
func (c *Client) MoveEmail(ctx context.Context, conversationID, from, to string) error {
	e, participant, err := c.email(ctx, conversationID)
	switch {
	case err != nil:
		return err
	case e.Waiting && e.QueueID == to:
		return nil
	case !e.Waiting || e.QueueID != from:
		return fmt.Errorf("move the email %s: %w", conversationID, ErrNotWaiting)
	}
	_, err = c.do(ctx, PostConversationsEmailParticipantReplace, []string{conversationID, participant}, nil,
		map[string]any{"transferType": "Unattended", "queueId": to})
	if failed, ok := errors.AsType[*APIError](err); ok && strings.HasSuffix(failed.Code, ".transfer.not.connected") {
		return fmt.Errorf("move the email %s: %w: %w", conversationID, ErrNotWaiting, err)
	}
	return err
}
