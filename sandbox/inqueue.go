package sandbox

import (
	"net/http"

	"github.com/foresort/foresort/sandbox/centre"
)

// waitingHandlers answer for email that waits.
var waitingHandlers = map[string]handler{
	"patchRoutingConversation": patchRoutingConversation,
}

// patchRoutingConversation changes what a waiting email asks for and its
// priority; it is scored and offered anew at once. What does not wait any more
// is not found there, which is unconfirmed: the contract lists
// resource.not.found for this call with 404 and with 400.
func patchRoutingConversation(c *call) (int, any, error) {
	in, err := decode[struct {
		Priority            *int
		SkillIDs            *[]string
		LanguageID          *string
		LabelID             string
		RequestScoredAgents []any
		SkillExpression     any
	}](c)
	if err != nil {
		return 0, nil, err
	}
	switch {
	case in.LabelID != "":
		return 0, nil, notImitated("labels of email that waits")
	case len(in.RequestScoredAgents) > 0:
		return 0, nil, notImitated("preferred agents")
	case in.SkillExpression != nil:
		return 0, nil, notImitated("skill expressions")
	}
	first, err := c.conversationOf("resource.not.found")
	if err != nil {
		return 0, nil, err
	}
	n, l := c.lastLeg(first)
	if l.State != centre.Waiting {
		f := notFound("resource.not.found", "conversation", c.params["conversationId"])
		f.Message = "The conversation " + c.params["conversationId"] + " does not wait in a queue"
		return 0, nil, f
	}
	ask := c.life.centre.Ask(l.Ask)
	if in.SkillIDs != nil {
		ask.Skills = *in.SkillIDs
	}
	if in.LanguageID != nil {
		ask.Language = *in.LanguageID
	}
	if in.Priority != nil {
		if err := checkPriority(*in.Priority); err != nil {
			return 0, nil, err
		}
	}
	if in.SkillIDs != nil || in.LanguageID != nil {
		if err := c.checkAsk(ask.Skills, ask.Language, "resource.not.found"); err != nil {
			return 0, nil, err
		}
	}
	c.life.centre.Reprioritise(n, in.Priority, &ask)
	return http.StatusOK, c.showAttributes(n, c.life.centre.Ask(l.Ask)), nil
}

// showAttributes writes what an email asks for by now.
func (c *call) showAttributes(n int, ask centre.Ask) object {
	skills := []skill{}
	for _, id := range ask.Skills {
		if k, ok := c.skills.latest(id); ok {
			skills = append(skills, k)
		}
	}
	out := object{"priority": int(c.life.centre.Leg(n).Priority), "skills": skills, "scoredAgents": []any{}}
	if k, ok := c.languages.latest(ask.Language); ok {
		out["language"] = k
	}
	return out
}
