package genesys

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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
	// Jobs is for many: what is in the platform's data lake is read by jobs, and the
	// rest page by page. It takes minutes, and requests on the lane Report. What began
	// on an earlier day and went on in the span is then wanted, too, however old.
	Jobs bool
}

// ErrLake says that the data lake does not reach into a span, so that no job can tell
// of it.
var ErrLake = errors.New("the platform's data lake does not reach into the span")

const (
	day = 24 * time.Hour
	// maxDetailDays is for how many days one query is made. What the platform
	// takes of conversations is not documented, nor how many pages there may be.
	maxDetailDays = 7
)

// Conversations reads conversations, the first that began first. Without jobs the
// platform finds them by the day (UTC) on which they began: what entered a queue in
// the span and began on an earlier day is not among them. What began on its days and
// outside of it is (docs/platform-notes.md#analytics). Where jobs cannot be had the
// error is ErrForbidden or ErrLake, before the first conversation.
func (c *Client) Conversations(ctx context.Context, q ConversationsQuery) iter.Seq2[routing.Conversation, error] {
	return func(yield func(routing.Conversation, error) bool) {
		from := q.From.UTC().Truncate(day)
		if q.Jobs {
			ctx = WithLane(ctx, Report)
			seam, err := c.inLake(ctx)
			if err != nil {
				yield(routing.Conversation{}, err)
				return
			}
			if !from.Before(seam) {
				yield(routing.Conversation{}, ErrLake)
				return
			}
			if end := q.To.UTC().Add(day - 1).Truncate(day); end.Before(seam) {
				seam = end
			}
			for earlier := true; from.Before(seam); earlier = false {
				span := routing.Span{From: from, To: from.Add(maxJobDays * day)}
				if seam.Before(span.To) {
					span.To = seam
				}
				for w, err := range c.conversationsOfJob(ctx, span, earlier, q.QueueIDs) {
					if !yield(w.conversation(), err) || err != nil {
						return
					}
				}
				from = span.To
			}
		}
		for ; from.Before(q.To); from = from.Add(maxDetailDays * day) {
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
			"interval": interval, "segmentFilters": []any{ofEmail(queueIDs, nil)}, "order": "asc", "orderBy": "conversationStart",
			"paging": map[string]int{"pageSize": pageSize, "pageNumber": n},
		})
		return page{Entities: a.Conversations}, err
	}, func(int, page) (string, bool, error) { return "", true, nil })
}

// wireConversation is what is read of an AnalyticsConversationWithoutAttributes.
type wireConversation struct {
	ID           string    `json:"conversationId"`
	Start        time.Time `json:"conversationStart"`
	End          time.Time `json:"conversationEnd"` // zero: it goes on
	Participants []struct {
		Purpose  string
		UserID   string
		Sessions []wireSession
	}
}

type wireSession struct {
	MediaType, AddressTo, AddressFrom string
	UsedRouting                       string
	RoutingRing                       int
	Metrics                           []struct {
		Name  string
		Value int64 // milliseconds, of a time
	}
	Segments []wireSegment
}

type wireSegment struct {
	SegmentType, QueueID, DisconnectType string
	SegmentStart, SegmentEnd             time.Time
	RequestedRoutingSkillIDs             []string
	RequestedLanguageID                  string
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
				s.touches(out.Stays, p.UserID)
				s.answers(out.Stays, p.UserID)
			}
		}
	}
	for i := range out.Stays {
		s := &out.Stays[i]
		s.Abandoned = s.Answered.IsZero() && !s.Left.IsZero() && !s.Transferred
		for _, touches := range [][]routing.Touch{s.Alerts, s.Work} {
			slices.SortStableFunc(touches, func(a, b routing.Touch) int { return a.From.Compare(b.From) })
		}
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
	out := routing.Stay{QueueID: first.QueueID, Entered: first.SegmentStart, Left: last.SegmentEnd, Routing: s.UsedRouting, Ring: s.RoutingRing}
	out.SkillIDs, out.LanguageID = last.RequestedRoutingSkillIDs, last.RequestedLanguageID
	out.Transferred = strings.Contains(strings.ToLower(last.DisconnectType), "transfer") && !out.Left.IsZero()
	for _, m := range s.Metrics {
		switch m.Name {
		case "tFlowOut":
			out.Transferred = true
		case "tFirstResponse":
			out.FirstResponse = time.Duration(m.Value) * time.Millisecond
		}
	}
	return out
}

// stayOf is the stay that a segment of an agent belongs to: the last in its
// queue that had begun; nil: there is none.
func (g wireSegment) stayOf(stays []routing.Stay) *routing.Stay {
	for i := len(stays) - 1; i >= 0; i-- {
		if s := &stays[i]; s.QueueID == g.QueueID && !s.Entered.After(g.SegmentStart) {
			return s
		}
	}
	return nil
}

// inHand are the types of segments in which an agent has an email.
var inHand = []string{"interact", "hold", "wrapup"}

// touches adds the alerts and the work in the session of an agent to the stays
// that they belong to. Work that goes on without a break is one touch.
func (s wireSession) touches(stays []routing.Stay, agentID string) {
	slices.SortStableFunc(s.Segments, func(a, b wireSegment) int { return a.SegmentStart.Compare(b.SegmentStart) })
	answered := slices.ContainsFunc(s.Segments, func(g wireSegment) bool { return g.SegmentType == "interact" })
	for _, g := range s.Segments {
		stay := g.stayOf(stays)
		if stay == nil {
			continue
		}
		t := routing.Touch{AgentID: agentID, Span: routing.Span{From: g.SegmentStart, To: g.SegmentEnd}}
		switch n := len(stay.Work); {
		case g.SegmentType == "alert":
			t.Answered = answered
			stay.Alerts = append(stay.Alerts, t)
		case !slices.Contains(inHand, g.SegmentType):
		case n > 0 && stay.Work[n-1].AgentID == agentID && stay.Work[n-1].To.Equal(g.SegmentStart):
			stay.Work[n-1].To = g.SegmentEnd
		default:
			stay.Work = append(stay.Work, t)
		}
	}
}

// answers adds the session of an agent to the stay after which it came. An alert
// alone is no answer.
func (s wireSession) answers(stays []routing.Stay, agentID string) {
	for _, g := range s.Segments {
		if g.SegmentType != "interact" {
			continue
		}
		stay := g.stayOf(stays)
		if stay == nil {
			continue
		}
		if stay.Answered.IsZero() {
			stay.Answered, stay.AgentID, stay.Transferred = g.SegmentStart, agentID, false
			stay.Routing, stay.Ring = cmp.Or(s.UsedRouting, stay.Routing), cmp.Or(s.RoutingRing, stay.Ring)
		}
		for _, m := range s.Metrics {
			took := time.Duration(m.Value) * time.Millisecond
			switch m.Name {
			case "tHandle":
				stay.Handle += took
			case "nTransferred":
				stay.Transferred = true
			case "tFirstResponse":
				stay.FirstResponse = cmp.Or(stay.FirstResponse, took)
			}
		}
		return
	}
}
