package genesys

import (
	"context"
	"iter"

	"github.com/foresort/foresort/routing"
)

// wireState is a named object that can be deleted.
type wireState struct {
	routing.Ref
	State string `json:"state"`
}

// Skills lists the routing skills that are in use.
func (c *Client) Skills(ctx context.Context) iter.Seq2[routing.Ref, error] {
	return inUse(numbered[wireState](ctx, c, GetRoutingSkills, nil, nil))
}

// Languages lists the routing languages that are in use.
func (c *Client) Languages(ctx context.Context) iter.Seq2[routing.Ref, error] {
	return inUse(numbered[wireState](ctx, c, GetRoutingLanguages, nil, nil))
}

// SkillGroups lists the skill groups.
func (c *Client) SkillGroups(ctx context.Context) iter.Seq2[routing.Ref, error] {
	return afterCursor[routing.Ref](ctx, c, GetRoutingSkillgroups, nil, nil)
}

// SkillGroupMembers lists the agents who are in a skill group.
func (c *Client) SkillGroupMembers(ctx context.Context, groupID string) iter.Seq2[routing.Ref, error] {
	return afterCursor[routing.Ref](ctx, c, GetRoutingSkillgroupMembers, []string{groupID}, nil)
}

func inUse(items iter.Seq2[wireState, error]) iter.Seq2[routing.Ref, error] {
	return func(yield func(routing.Ref, error) bool) {
		for it, err := range items {
			if err == nil && (it.State == "deleted" || it.State == "inactive") {
				continue
			}
			if !yield(it.Ref, err) || err != nil {
				return
			}
		}
	}
}
