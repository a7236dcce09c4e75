package genesys

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file reads single conversations out of analytics.

// ConversationsQuery says which conversations are wanted: email that was in one
// of the queues, of all that began on the days (UTC) of the span.
type ConversationsQuery struct {
	routing.Span
	QueueIDs []string // none: all queues
}

const (
	day = 24 * time.Hour
	// maxDetailDays is for how many days one query is made. What the platform
	// takes of conversations is not documented, nor how many pages there may be.
	maxDetailDays = 7
)

// Conversations reads conversations, the first that began first. The platform
// finds them by the day (UTC) on which they began: what entered a queue in the
// span and began on an earlier day is not among them, what began on its days and
// outside of it is (docs/platform-notes.md#analytics).
func (c *Client) Conversations(ctx context.Context, q ConversationsQuery) iter.Seq2[routing.Conversation, error] {
	return func(yield func(routing.Conversation, error) bool) {
		for from := q.From.UTC().Truncate(day); from.Before(q.To); from = from.Add(maxDetailDays * day) {
			to := from.Add(maxDetailDays * day)
			if q.To.Before(to) {
				to = q.To
			}
			// The day that begins at the end is not touched.
			for w, err := range c.conversationsBegun(ctx, interval(from, to.Add(-time.Millisecond)), q.QueueIDs) {
				if !yield(w.conversation(), err) || err != nil {
					return
				}
			}
		}
	}
}

// conversationsBegun walks the pages of one query. They may be short, and the
// total is an estimate: an empty page is the end.
func (c *Client) conversationsBegun(ctx context.Context, interval string, queueIDs []string) iter.Seq2[wireConversation, error] {
	return walk[wireConversation](func(n int, _ string) (page, error) {
		type answer struct{ Conversations []json.RawMessage }
		a, err := call[answer](ctx, c, PostAnalyticsConversationsDetailsQuery, nil, nil, map[string]any{
			"interval": interval, "segmentFilters": []any{ofEmail(queueIDs...)}, "order": "asc", "orderBy": "conversationStart",
			"paging": map[string]int{"pageSize": pageSize, "pageNumber": n},
		})
		return page{Entities: a.Conversations}, err
	}, func(int, page) (string, bool, error) { return "", true, nil })
}

// wireConversation is what is read of an AnalyticsConversationWithoutAttributes.
type wireConversation struct {
	ID           string `json:"conversationId"`
	Participants []struct {
		Purpose  string
		UserID   string
		Sessions []wireSession
	}
}

type wireSession struct {
	MediaType, AddressTo, AddressFrom string
	Metrics                           []struct {
		Name  string
		Value int64 // milliseconds, of a time
	}
	Segments []struct {
		SegmentType, QueueID, DisconnectType string
		SegmentStart, SegmentEnd             time.Time
	}
}

func (w wireConversation) conversation() routing.Conversation {
	out := routing.Conversation{ID: w.ID}
	for _, p := range w.Participants {
		for _, s := range p.Sessions {
			if !strings.EqualFold(s.MediaType, "email") {
				continue
			}
			if out.To == "" && out.From == "" {
				out.To, out.From = s.AddressTo, s.AddressFrom
			}
			if p.Purpose == "acd" && len(s.Segments) > 0 {
				out.Stays = append(out.Stays, s.stay())
			}
		}
	}
	slices.SortStableFunc(out.Stays, func(a, b routing.Stay) int { return a.Entered.Compare(b.Entered) })
	for _, p := range w.Participants {
		for _, s := range p.Sessions {
			if (p.Purpose == "agent" || p.Purpose == "user") && strings.EqualFold(s.MediaType, "email") {
				s.answers(out.Stays, p.UserID)
			}
		}
	}
	for i := range out.Stays {
		s := &out.Stays[i]
		s.Abandoned = s.Answered.IsZero() && !s.Left.IsZero() && !s.Transferred
	}
	return out
}

// stay reads the session of a queue. Until an answer is known, Transferred says
// that it ended by a transfer, which one to an agent is, too.
func (s wireSession) stay() routing.Stay {
	first, last := s.Segments[0], s.Segments[0]
	for _, g := range s.Segments {
		if g.SegmentStart.Before(first.SegmentStart) {
			first = g
		}
		if !last.SegmentEnd.IsZero() && (g.SegmentEnd.IsZero() || g.SegmentEnd.After(last.SegmentEnd)) {
			last = g
		}
	}
	out := routing.Stay{QueueID: first.QueueID, Entered: first.SegmentStart, Left: last.SegmentEnd}
	out.Transferred = strings.Contains(strings.ToLower(last.DisconnectType), "transfer") && !out.Left.IsZero()
	for _, m := range s.Metrics {
		out.Transferred = out.Transferred || m.Name == "tFlowOut"
	}
	return out
}

// answers adds the session of an agent to the stay after which it came: the last
// in its queue that had begun. An alert alone is no answer.
func (s wireSession) answers(stays []routing.Stay, agentID string) {
	for _, g := range s.Segments {
		if g.SegmentType != "interact" {
			continue
		}
		for i := len(stays) - 1; i >= 0; i-- {
			stay := &stays[i]
			if stay.QueueID != g.QueueID || stay.Entered.After(g.SegmentStart) {
				continue
			}
			if stay.Answered.IsZero() {
				stay.Answered, stay.AgentID, stay.Transferred = g.SegmentStart, agentID, false
			}
			for _, m := range s.Metrics {
				switch m.Name {
				case "tHandle":
					stay.Handle += time.Duration(m.Value) * time.Millisecond
				case "nTransferred":
					stay.Transferred = true
				}
			}
			return
		}
	}
}
