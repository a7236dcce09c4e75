package genesys

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"slices"

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
		for u, err := range bodyCursor[wireUser](ctx, c, GetUsersQuery, nil, nil) {
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

// maxUsers is how many ids one listing of users takes.
const maxUsers = 100

// ratedUser is a user with skills and languages, which are nil where the answer
// does not have them.
type ratedUser struct {
	wireUser
	Skills    []wireRating `json:"skills"`
	Languages []wireRating `json:"languages"`
}

// wireRating is a UserRoutingSkill or a UserRoutingLanguage.
type wireRating struct {
	routing.Rating
	State string `json:"state"`
}

func withRatings() url.Values { return url.Values{"expand": {"skills", "languages"}} }

// ratings are those that are switched on.
func (u ratedUser) ratings() routing.Ratings {
	active := func(list []wireRating) []routing.Rating {
		out := []routing.Rating{}
		for _, r := range list {
			if r.State == "" || r.State == "active" {
				out = append(out, r.Rating)
			}
		}
		return out
	}
	return routing.Ratings{Skills: active(u.Skills), Languages: active(u.Languages)}
}

// Ratings reads what active users can do, by their ids. Who is not found, or
// comes without ratings, is not in it.
func (c *Client) Ratings(ctx context.Context, users []string) (map[string]routing.Ratings, error) {
	found := map[string]routing.Ratings{}
	for some := range slices.Chunk(users, maxUsers) {
		query := withRatings()
		query["id"] = some
		for u, err := range numbered[ratedUser](ctx, c, GetUsers, nil, query) {
			switch {
			case errors.Is(err, ErrNotFound):
			case err != nil:
				return nil, err
			case u.Skills != nil || u.Languages != nil:
				found[u.ID] = u.ratings()
			}
		}
	}
	return found, nil
}

// Names tells the names of active users by their ids. Who is not found is not in
// it.
func (c *Client) Names(ctx context.Context, users []string) (map[string]string, error) {
	found := map[string]string{}
	for some := range slices.Chunk(users, maxUsers) {
		for u, err := range numbered[wireUser](ctx, c, GetUsers, nil, url.Values{"id": some}) {
			switch {
			case errors.Is(err, ErrNotFound):
			case err != nil:
				return found, err
			default:
				found[u.ID] = u.Name
			}
		}
	}
	return found, nil
}
