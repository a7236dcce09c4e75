package genesys

import (
	"context"
	"iter"

	"github.com/foresort/foresort/routing"
)

// wireUser is what is read of a User.
type wireUser struct {
	routing.Ref
	Email string `json:"email"`
}

// Agents lists the active users.
func (c *Client) Agents(ctx context.Context) iter.Seq2[routing.Agent, error] {
	return func(yield func(routing.Agent, error) bool) {
		for u, err := range bodyCursor[wireUser](ctx, c, GetUsersQuery, nil) {
			if !yield(routing.Agent(u), err) || err != nil {
				return
			}
		}
	}
}

// Agent reads one user.
func (c *Client) Agent(ctx context.Context, id string) (routing.Agent, error) {
	u, err := call[wireUser](ctx, c, GetUser, []string{id}, nil, nil)
	return routing.Agent(u), err
}
