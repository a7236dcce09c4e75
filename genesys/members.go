package genesys

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"github.com/foresort/foresort/routing"
)

// MaxMembers is how many members one call can add or remove.
const MaxMembers = 100

// wireMember is a QueueMember.
type wireMember struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	User       ratedUser `json:"user"`
	RingNumber int       `json:"ringNumber"`
	Joined     bool      `json:"joined"`
	MemberBy   string    `json:"memberBy"`
}

// Members lists the members of a queue, those by group as well. The platform
// gives no total (docs/platform-notes.md#paging).
func (c *Client) Members(ctx context.Context, queueID string) iter.Seq2[routing.Member, error] {
	return func(yield func(routing.Member, error) bool) {
		for m, err := range c.wireMembers(ctx, queueID, false) {
			if !yield(m.member(), err) || err != nil {
				return
			}
		}
	}
}

// wireMembers lists the members of a queue, with their ratings where these are
// asked for and the answer has them.
func (c *Client) wireMembers(ctx context.Context, queueID string, rated bool) iter.Seq2[wireMember, error] {
	var query url.Values
	if rated {
		query = withRatings()
	}
	return numbered[wireMember](ctx, c, GetRoutingQueueMembers, []string{queueID}, query)
}

func (m wireMember) member() routing.Member {
	return routing.Member{
		Ref:    routing.Ref{ID: m.ID, Name: cmp.Or(m.Name, m.User.Name)},
		Ring:   max(1, m.RingNumber), // 1 is the platform's default
		Joined: m.Joined, ByGroup: strings.EqualFold(m.MemberBy, "group"), Email: m.User.Email,
	}
}

// AddMembers makes up to MaxMembers users members of a queue, in ring 1.
func (c *Client) AddMembers(ctx context.Context, queueID string, users []string) error {
	return c.postMembers(ctx, queueID, users, nil)
}

// RemoveMembers ends the membership of up to MaxMembers users.
func (c *Client) RemoveMembers(ctx context.Context, queueID string, users []string) error {
	return c.postMembers(ctx, queueID, users, url.Values{"delete": {"true"}})
}

func (c *Client) postMembers(ctx context.Context, queueID string, users []string, query url.Values) error {
	if len(users) > MaxMembers {
		return fmt.Errorf("members of queue %s: %d in one call, the platform takes %d", queueID, len(users), MaxMembers)
	}
	body := make([]wireRef, len(users))
	for i, id := range users {
		body[i] = wireRef{ID: id}
	}
	_, err := c.do(ctx, PostRoutingQueueMembers, []string{queueID}, query, body)
	return err
}

// MoveMembers puts members of a queue into a ring, 1 to 6, one call each. Its
// error names the member at which it stopped; those before it have moved.
func (c *Client) MoveMembers(ctx context.Context, queueID string, users []string, ring int) error {
	for _, id := range users {
		if err := c.patchMember(ctx, queueID, id, "ringNumber", ring); err != nil {
			return fmt.Errorf("move member %s to ring %d: %w", id, ring, err)
		}
	}
	return nil
}

// DeactivateMembers lets members stay in a queue and get nothing from it, one
// call each. Its error names the member at which it stopped.
func (c *Client) DeactivateMembers(ctx context.Context, queueID string, users []string) error {
	for _, id := range users {
		if err := c.patchMember(ctx, queueID, id, "joined", false); err != nil {
			return fmt.Errorf("deactivate member %s: %w", id, err)
		}
	}
	return nil
}

func (c *Client) patchMember(ctx context.Context, queueID, id, key string, value any) error {
	_, err := c.do(ctx, PatchRoutingQueueMember, []string{queueID, id}, nil, map[string]any{"id": id, key: value})
	return err
}
