package genesys

import (
	"context"
	"errors"
	"fmt"
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

// What one search for users takes (docs/platform-notes.md#ratings).
const (
	maxFound  = 500 // users on a page
	maxValues = 100 // in a criterion
)

// searchUsers finds active users, with their ratings, by values of which one is
// in one of the fields. What is found lags behind changes, and may be less than
// there is: who is missing is to be asked for otherwise.
func (c *Client) searchUsers(ctx context.Context, values []string, fields ...string) ([]ratedUser, error) {
	type criterion struct {
		Type     string   `json:"type"`
		Operator string   `json:"operator"`
		Fields   []string `json:"fields"`
		Values   []string `json:"values"`
	}
	var query []criterion
	for some := range slices.Chunk(values, maxValues) {
		query = append(query, criterion{"EXACT", "OR", fields, some})
	}
	type answer struct {
		Total   int `json:"total"`
		Results []struct {
			ratedUser
			State string `json:"state"`
		} `json:"results"`
	}
	a, err := call[answer](ctx, c, PostUsersSearch, nil, nil, map[string]any{"pageSize": maxFound, "pageNumber": 1, "expand": withRatings()["expand"], "query": query})
	if err == nil && a.Total > len(a.Results) {
		err = fmt.Errorf("%d users were found and %d are shown", a.Total, len(a.Results))
	}
	var found []ratedUser
	for _, u := range a.Results {
		if u.State == "" || u.State == "active" {
			found = append(found, u.ratedUser)
		}
	}
	return found, err
}

// rated are the ratings that came along with a user or member; nil: they did not,
// or not both skills and languages, and what is missing is not known to be none
// (docs/platform-notes.md#ratings).
func rated(u ratedUser) *routing.Ratings {
	if u.Skills == nil || u.Languages == nil {
		return nil
	}
	ratings := u.ratings()
	return &ratings
}

// Ratings reads what active users can do, by their ids: many with a search, and
// those whom it leaves open in batches. Who is not found, or comes without skills
// or languages, is not in it.
func (c *Client) Ratings(ctx context.Context, users []string) (map[string]routing.Ratings, error) {
	found := map[string]routing.Ratings{}
	keep := func(u ratedUser) {
		if r := rated(u); r != nil {
			found[u.ID] = *r
		}
	}
	for some := range slices.Chunk(users, maxFound) {
		if len(some) <= maxUsers {
			continue // one batch has them
		}
		hits, err := c.searchUsers(ctx, some, "id")
		if err != nil {
			break // the batches need no permission
		}
		for _, u := range hits {
			keep(u)
		}
	}
	rest := slices.DeleteFunc(slices.Clone(users), func(id string) bool { _, ok := found[id]; return ok })
	for some := range slices.Chunk(rest, maxUsers) {
		query := withRatings()
		query["id"] = some
		for u, err := range numbered[ratedUser](ctx, c, GetUsers, nil, query) {
			switch {
			case errors.Is(err, ErrNotFound):
			case err != nil:
				return nil, err
			default:
				keep(u)
			}
		}
	}
	return found, nil
}

// named finds active users by names or email addresses: with a search, and where
// it leaves one open among all, so that the nearest names can be told.
func (c *Client) named(ctx context.Context, names []string) ([]ratedUser, error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if len(names) <= maxFound {
		found, err := c.searchUsers(ctx, names, "name", "email")
		if err == nil && !slices.ContainsFunc(names, func(name string) bool {
			return !slices.ContainsFunc(found, func(u ratedUser) bool { return routing.Agent(u.wireUser).Named(name) })
		}) {
			return found, nil
		}
	}
	return collect(bodyCursor[ratedUser](ctx, c, GetUsersQuery, nil, nil))
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
