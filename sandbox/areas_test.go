package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/internal/contract"
)

// What the walk over every operation needs beyond queues and routes: moreParams
// makes the objects that a path names, moreBodies are the bodies.

const (
	users    = "/api/v2/users"
	labels   = "/api/v2/routing/utilization/labels"
	channels = "/api/v2/notifications/channels"
	wfm      = "/api/v2/workforcemanagement"
	realtime = "/api/v2/audits/query/realtime"
)

func moreParams(x *org, op *contract.Operation, user, queue string) []string {
	x.t.Helper()
	out := []string{"{sourceId}", "PURECLOUD"}
	id := func(v map[string]any) string { return fmt.Sprint(v["id"]) }
	in := func(param string) bool { return strings.Contains(op.Path, param) }
	if in("{userId}/routingskills/{skillId}") {
		x.ok("POST", users+"/"+user+"/routingskills", map[string]any{"id": x.skill("Shipping"), "proficiency": 3})
	}
	if in("{codeId}") {
		code := id(x.named("/api/v2/routing/wrapupcodes", "Resolved"))
		x.call("POST", "/api/v2/routing/queues/"+queue+"/wrapupcodes", []any{map[string]any{"id": code}})
		out = append(out, "{codeId}", code)
	}
	if in("{labelId}") {
		out = append(out, "{labelId}", id(x.ok("POST", labels, map[string]any{"name": "Slow"})))
	}
	if in("{transactionId}") {
		out = append(out, "{transactionId}", x.ranAudit("ContactCenter"))
	}
	if in("{channelId}") {
		out = append(out, "{channelId}", id(x.ok("POST", channels, nil)))
	}
	if in("{conversationId}") && !strings.Contains(op.Path, "analytics") {
		email := x.waitingEmail()
		out = append(out, "{conversationId}", id(email), "{participantId}", id(participants(email)[1]))
	}
	if in("analytics") && in("{jobId}") {
		out = append(out, "{jobId}", x.analyticsJob(op))
	}
	if in("{mediaType}") {
		out = append(out, "{mediaType}", "email")
	}
	if in("{businessUnitId}") {
		out = append(out, "{businessUnitId}", x.businessUnit())
	}
	if in("{managementUnitId}") {
		out = append(out, "{managementUnitId}", id(x.named(wfm+"/managementunits", "Support")))
	}
	return out
}

func moreBodies(x *org) map[string]any {
	x.t.Helper()
	type m = map[string]any
	now := time.Now().UTC()
	skill := []any{m{"id": x.skill("Shipping"), "proficiency": 2.5}}
	interval := now.Add(-time.Hour).Format(time.RFC3339) + "/" + now.Add(time.Hour).Format(time.RFC3339)
	audits := m{"interval": interval, "serviceName": "ContactCenter"}
	email := m{"utilization": m{"email": m{"maximumCapacity": 3}}}
	search := m{"startDate": now.Format(time.RFC3339), "endDate": now.AddDate(0, 0, 7).Format(time.RFC3339)}
	return map[string]any{
		"postUsersSearch":                          m{"query": []any{m{"type": "EXACT", "fields": []string{"name"}, "value": "Ada Brook"}}},
		"postUserRoutingskills":                    skill[0],
		"putUserRoutingskill":                      m{"proficiency": 4},
		"putUserRoutingskillsBulk":                 skill,
		"patchUserRoutingskillsBulk":               skill,
		"patchUserRoutinglanguagesBulk":            []any{m{"id": x.named("/api/v2/routing/languages", "French")["id"], "proficiency": 1}},
		"putRoutingUtilization":                    email,
		"putRoutingUserUtilization":                email,
		"postRoutingUtilizationLabels":             m{"name": "Complex", "utilization": m{"maximumCapacity": 2}},
		"putRoutingUtilizationLabel":               m{"name": "Slower"},
		"postRoutingQueueWrapupcodes":              []any{m{"id": x.named("/api/v2/routing/wrapupcodes", "Spam")["id"]}},
		"postAuditsQuery":                          audits,
		"patchRoutingConversation":                 m{"priority": 5},
		"postConversationsEmails":                  m{"provider": "Test", "queueId": x.queueID("Returns"), "direction": "INBOUND"},
		"patchConversationsEmail":                  m{"state": "disconnected"},
		"patchConversationsEmailParticipant":       m{"state": "disconnected"},
		"postConversationsEmailParticipantReplace": m{"queueId": x.queueID("Returns"), "transferType": "Unattended"},
		"postAuditsQueryRealtime":                  audits,
		"postAnalyticsQueuesObservationsQuery": m{
			"filter":  m{"type": "and", "predicates": []any{m{"dimension": "mediaType", "value": "email"}}},
			"metrics": []string{"oWaiting", "oMemberUsers", "oUserPresences", "oOnQueueUsers"}, "detailMetrics": []string{"oOnQueueUsers"},
		},
		"postAnalyticsRoutingActivityQuery":                         m{"groupBy": []string{"queueId"}, "metrics": []any{m{"metric": "oUserRoutingStatuses", "details": true}}},
		"postAnalyticsConversationsActivityQuery":                   m{"groupBy": []string{"queueId"}, "metrics": []any{m{"metric": "oWaiting"}}},
		"postAnalyticsConversationsAggregatesQuery":                 m{"interval": interval, "metrics": []string{"nOffered", "tAnswered"}, "groupBy": []string{"queueId"}},
		"postAnalyticsUsersAggregatesQuery":                         m{"interval": "2026-03-02T00:00:00Z/2026-03-03T00:00:00Z", "metrics": []string{"tAgentRoutingStatus"}, "groupBy": []string{"userId"}},
		"postAnalyticsUsersObservationsQuery":                       m{"filter": m{"type": "or", "predicates": []any{m{"dimension": "userId", "operator": "exists"}}}, "metrics": []string{"oMemberQueues"}},
		"postAnalyticsConversationsAggregatesJobs":                  m{"interval": interval, "metrics": []string{"nOffered"}},
		"postAnalyticsConversationsDetailsQuery":                    m{"interval": interval, "paging": m{"pageSize": 10, "pageNumber": 1}},
		"postAnalyticsConversationsDetailsJobs":                     m{"interval": interval},
		"postNotificationsChannelSubscriptions":                     []any{m{"id": "v2.users.1?presence&routingStatus"}},
		"putNotificationsChannelSubscriptions":                      []any{m{"id": "v2.system.socket_closing"}},
		"postWorkforcemanagementBusinessunitAgentschedulesSearch":   search,
		"postWorkforcemanagementManagementunitAgentschedulesSearch": search,
	}
}

// in is the same client in a subtest.
func (x *org) in(t testing.TB) *org {
	sub := *x
	sub.t = t
	return &sub
}

// skill is the id of a seeded skill.
func (x *org) skill(name string) string {
	x.t.Helper()
	return fmt.Sprint(x.named("/api/v2/routing/skills", name)["id"])
}

// user is the path of a seeded user.
func (x *org) user(name string) string {
	x.t.Helper()
	return users + "/" + x.userID(name)
}

func (x *org) userID(name string) string {
	x.t.Helper()
	return fmt.Sprint(x.named(users, name)["id"])
}

// ranAudit posts an audit query and looks at it until it has run.
func (x *org) ranAudit(service string) string {
	x.t.Helper()
	now := time.Now().UTC()
	interval := now.Add(-time.Hour).Format(time.RFC3339) + "/" + now.Add(time.Hour).Format(time.RFC3339)
	id := fmt.Sprint(x.ok("POST", "/api/v2/audits/query", map[string]any{"interval": interval, "serviceName": service})["id"])
	for range 2 {
		x.ok("GET", "/api/v2/audits/query/"+id, nil)
	}
	return id
}

// businessUnit is the id of the one business unit.
func (x *org) businessUnit() string {
	x.t.Helper()
	return fmt.Sprint(entities(x.ok("GET", wfm+"/businessunits", nil))[0]["id"])
}

// trail lists the audit rows of an entity type, newest first.
func (x *org) trail(service, entityType string) []map[string]any {
	x.t.Helper()
	now := time.Now().UTC()
	return entities(x.ok("POST", realtime+"?expand=user", map[string]any{
		"interval":    now.Add(-time.Hour).Format(time.RFC3339) + "/" + now.Add(time.Hour).Format(time.RFC3339),
		"serviceName": service, "pageSize": 100,
		"filters": []any{map[string]any{"property": "EntityType", "value": entityType}},
	}))
}
