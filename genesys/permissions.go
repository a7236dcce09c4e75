package genesys

import (
	"context"
	"slices"
	"strings"

	"github.com/foresort/foresort/routing"
)

//go:generate go run gen.go ../internal/contract/contract.json

// OperationID is the id of an operation in the contract, such as putRoutingQueue.
type OperationID string

// Operation is what the contract says about one operation.
type Operation struct {
	ID     OperationID `json:"id"`
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Safe   bool        `json:"safe,omitempty"` // it changes nothing
	// Permissions are needed all, or any one of them, as Mode says. For client
	// credentials they decide; scopes do not (docs/platform-notes.md#scopes-versus-roles).
	Mode        string       `json:"mode,omitempty"`
	Permissions []Permission `json:"permissions,omitempty"`
}

// Permission is domain:entity:action. In what a client has, entity and action
// can be *.
type Permission string

// Lookup tells about an operation that this package calls or tells of.
func Lookup(id OperationID) (Operation, bool) {
	op, ok := operations[id]
	return op, ok
}

// Lack is an operation that a client may not call.
type Lack struct {
	Operation Operation    `json:"operation"`
	Missing   []Permission `json:"missing"` // all of them, or one of them, as Operation.Mode says
}

// String is the operation and what it needs.
func (l Lack) String() string {
	words := make([]string, len(l.Missing))
	for i, p := range l.Missing {
		words[i] = string(p)
	}
	join := " and "
	if l.Operation.Mode == "any" {
		join = " or "
	}
	return l.Operation.Method + " " + l.Operation.Path + " needs " + strings.Join(words, join)
}

// Missing lists the operations, of those needed, that a client with these
// permissions may not call.
func Missing(need []OperationID, have []Permission) []Lack {
	var lacks []Lack
	for _, id := range need {
		op := operations[id]
		missing := slices.DeleteFunc(slices.Clone(op.Permissions), func(p Permission) bool {
			return slices.ContainsFunc(have, func(h Permission) bool { return h.covers(p) })
		})
		if len(missing) > 0 && (op.Mode != "any" || len(missing) == len(op.Permissions)) {
			lacks = append(lacks, Lack{Operation: op, Missing: missing})
		}
	}
	return lacks
}

// covers says whether having p is having q.
func (p Permission) covers(q Permission) bool {
	have, want := strings.Split(string(p), ":"), strings.Split(string(q), ":")
	if len(have) != len(want) {
		return false
	}
	for i := range have {
		if have[i] != "*" && !strings.EqualFold(have[i], want[i]) {
			return false
		}
	}
	return true
}

// NeedsLive lists the operations by which a strategy is checked against the org.
// Activity codes are left out: who may read schedules may read them.
func NeedsLive(want routing.Desired) []OperationID {
	need := slices.DeleteFunc(Needs(want), func(id OperationID) bool { return !operations[id].Safe })
	return sorted(append(need,
		GetRoutingQueueMembers, GetUsers, GetRoutingUtilization,
		GetWorkforcemanagementBusinessunits, GetWorkforcemanagementBusinessunitUsers, PostWorkforcemanagementBusinessunitAgentschedulesSearch,
		PostAnalyticsUsersObservationsQuery, PostAnalyticsQueuesObservationsQuery, PostAnalyticsConversationsAggregatesQuery))
}

// NeedsAutopilot lists the operations of the autopilot, beside those of an apply.
func NeedsAutopilot() []OperationID {
	return sorted([]OperationID{
		PostAnalyticsQueuesObservationsQuery, PostAnalyticsConversationsAggregatesQuery, PostAnalyticsConversationsDetailsQuery,
		PostNotificationsChannels, PutNotificationsChannelSubscriptions,
		GetConversationsEmail, PatchRoutingConversation, PostConversationsEmailParticipantReplace, GetRoutingQueueMembers, PostRoutingQueueMembers, PatchRoutingQueueMember, PutRoutingUserUtilization,
	})
}

// NeedsReport lists the operations of reports and of the audit trail.
func NeedsReport() []OperationID {
	return sorted([]OperationID{
		PostAnalyticsConversationsAggregatesQuery, PostAnalyticsUsersAggregatesQuery, PostAnalyticsConversationsDetailsQuery, PostAnalyticsQueuesObservationsQuery,
		GetAnalyticsConversationsDetailsJobsAvailability, PostAnalyticsConversationsDetailsJobs, GetAnalyticsConversationsDetailsJob,
		GetAnalyticsConversationsDetailsJobResults, DeleteAnalyticsConversationsDetailsJob,
		PostAuditsQuery, GetAuditsQueryTransactionId, GetAuditsQueryTransactionIdResults, PostAuditsQueryRealtime,
	})
}

func sorted(ids []OperationID) []OperationID {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Needs lists the operations that planning and applying a strategy call.
func Needs(want routing.Desired) []OperationID {
	need := []OperationID{GetOrganizationsMe, GetRoutingQueues, GetRoutingQueue}
	if len(routing.Owned(want.Queue.Settings)) > 0 {
		need = append(need, PutRoutingQueue)
	}
	if want.Queue.Create {
		need = append(need, PostRoutingQueues)
	}
	s := ScopeOf(want)
	if s.Skills {
		need = append(need, GetRoutingSkills)
	}
	if s.Languages {
		need = append(need, GetRoutingLanguages)
	}
	if s.SkillGroups {
		need = append(need, GetRoutingSkillgroups)
	}
	if len(s.GroupMembers) > 0 {
		need = append(need, GetRoutingSkillgroupMembers)
	}
	if len(want.Routes) > 0 {
		need = append(need, GetRoutingEmailDomains, GetRoutingEmailDomainRoutes, GetRoutingEmailDomainRoute,
			PostRoutingEmailDomainRoutes, PutRoutingEmailDomainRoute)
	}
	if want.Members != nil {
		need = append(need, GetRoutingQueueMembers, PostUsersSearch, GetUsersQuery, PostRoutingQueueMembers)
	}
	if want.Queue.Settings.Rings != nil {
		need = append(need, GetRoutingQueueMembers, PatchRoutingQueueMember) // members leave a ring before it goes
	}
	if want.Capacity != nil {
		need = append(need, GetRoutingQueueMembers, GetRoutingUserUtilization, PutRoutingUserUtilization, DeleteRoutingUserUtilization)
	}
	return sorted(need)
}

// Permissions reads what the client may do, from the roles that it was given.
// Divisions are not told apart: a permission in one division counts.
func (c *Client) Permissions(ctx context.Context) ([]Permission, error) {
	type subject struct {
		Grants []struct {
			Role struct {
				Policies []struct {
					Domain     string   `json:"domain"`
					EntityName string   `json:"entityName"`
					Actions    []string `json:"actions"`
				} `json:"policies"`
			} `json:"role"`
		} `json:"grants"`
	}
	s, err := call[subject](ctx, c, GetAuthorizationSubjectsMe, nil, nil, nil)
	have := []Permission{}
	for _, grant := range s.Grants {
		for _, policy := range grant.Role.Policies {
			for _, action := range policy.Actions {
				have = append(have, Permission(policy.Domain+":"+policy.EntityName+":"+action))
			}
		}
	}
	slices.Sort(have)
	return slices.Compact(have), err
}
