package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// analyticsHandlers tell what is and what was: agents and where they are, and
// the record of the centre where the organisation lives. At rest there are no
// conversations. A group without events is left out, as the platform leaves it
// out. See docs/platform-notes.md#analytics.
var analyticsHandlers = map[string]handler{
	"postAnalyticsQueuesObservationsQuery":             postAnalyticsQueuesObservationsQuery,
	"postAnalyticsUsersObservationsQuery":              postAnalyticsUsersObservationsQuery,
	"postAnalyticsUsersAggregatesQuery":                postAnalyticsUsersAggregatesQuery,
	"postAnalyticsRoutingActivityQuery":                postAnalyticsRoutingActivityQuery,
	"postAnalyticsConversationsActivityQuery":          postAnalyticsConversationsActivityQuery,
	"postAnalyticsConversationsAggregatesQuery":        postAnalyticsConversationsAggregatesQuery,
	"postAnalyticsConversationsAggregatesJobs":         postAnalyticsConversationsAggregatesJobs,
	"getAnalyticsConversationsAggregatesJob":           getAnalyticsJob,
	"getAnalyticsConversationsAggregatesJobResults":    getAnalyticsConversationsAggregatesJobResults,
	"postAnalyticsConversationsDetailsQuery":           postAnalyticsConversationsDetailsQuery,
	"postAnalyticsConversationsDetailsJobs":            postAnalyticsConversationsDetailsJobs,
	"getAnalyticsConversationsDetailsJob":              getAnalyticsJob,
	"deleteAnalyticsConversationsDetailsJob":           deleteAnalyticsConversationsDetailsJob,
	"getAnalyticsConversationsDetailsJobResults":       getAnalyticsConversationsDetailsJobResults,
	"getAnalyticsConversationsDetailsJobsAvailability": getAnalyticsConversationsDetailsJobsAvailability,
	"getRoutingQueueEstimatedwaittime":                 getRoutingQueueEstimatedwaittime,
	"getRoutingQueueMediatypeEstimatedwaittime":        getRoutingQueueEstimatedwaittime,
}

// filter is the filter of every analytics query.
type filter struct {
	Type       string      `json:"type"`
	Clauses    []filter    `json:"clauses"`
	Predicates []predicate `json:"predicates"`
}

type predicate struct {
	Type      string `json:"type"`
	Dimension string `json:"dimension"`
	Operator  string `json:"operator"`
	Value     string `json:"value"`
	Range     object `json:"range"`
}

// check says what the platform refuses in a filter; nil stands for none.
func (f *filter) check(at string) error {
	if f == nil {
		return nil
	}
	if len(f.Predicates)+len(f.Clauses) == 0 {
		return bad("client.failed.request", "%s needs predicates or clauses", at).field(at)
	}
	for i, p := range f.Predicates {
		place := fmt.Sprintf("%s.predicates[%d]", at, i)
		switch {
		case p.Type != "" && p.Type != "dimension" || p.Range != nil:
			return notImitated("predicates of " + cmp.Or(p.Type, "a range"))
		case p.Dimension == "":
			return bad("client.failed.request", "%s needs a dimension", place).field(place + ".dimension")
		case p.Value == "" && cmp.Or(p.Operator, "matches") == "matches":
			return bad("client.failed.request", "%s needs a value to match", place).field(place + ".value")
		}
	}
	for i, sub := range f.Clauses {
		if err := sub.check(fmt.Sprintf("%s.clauses[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

// passes says whether a row passes. A predicate on a dimension that the row
// does not have says nothing: agents have no media type.
func (f *filter) passes(row map[string]string) bool {
	if f == nil {
		return true
	}
	var verdicts []bool
	for _, p := range f.Predicates {
		value, has := row[p.Dimension]
		switch {
		case p.Operator == "exists":
			verdicts = append(verdicts, has)
		case p.Operator == "notExists":
			verdicts = append(verdicts, !has)
		case has:
			verdicts = append(verdicts, value == p.Value)
		}
	}
	for _, sub := range f.Clauses {
		verdicts = append(verdicts, sub.passes(row))
	}
	if f.Type == "or" && len(verdicts) > 0 {
		return slices.Contains(verdicts, true)
	}
	return !slices.Contains(verdicts, false)
}

// attendance is one agent in one queue.
type attendance struct {
	user   user
	joined bool
	queue  string
}

// row is an attendance by the dimensions that analytics has.
func (a attendance) row() map[string]string {
	return map[string]string{
		"queueId": a.queue, "userId": a.user.ID, "routingStatus": a.user.RoutingStatus,
		"systemPresence": a.user.Presence, "organizationPresenceId": byPresence(a.user),
	}
}

func (s *Server) attendances(q object) []attendance {
	var all []attendance
	now := s.now()
	for _, m := range s.membersOf(q) {
		u, ok := s.users.latest(m.User)
		if !ok {
			continue
		}
		all = append(all, attendance{s.atWorkAt(u, now), m.Joined, text(q, "id")})
	}
	return all
}

// userMetrics say which agents of a queue a metric counts, and by what it
// tells them apart.
var userMetrics = map[string]struct {
	counts    func(attendance) bool
	qualifier func(user) string
}{
	"oMemberUsers":         {func(attendance) bool { return true }, func(user) string { return "" }},
	"oActiveUsers":         {func(a attendance) bool { return a.joined }, func(user) string { return "" }},
	"oOnQueueUsers":        {func(a attendance) bool { return a.joined && a.onQueue() }, byStatus},
	"oOffQueueUsers":       {func(a attendance) bool { return a.joined && !a.onQueue() }, byPresence},
	"oUserPresences":       {func(attendance) bool { return true }, byPresence},
	"oUserRoutingStatuses": {func(attendance) bool { return true }, byStatus},
}

func (a attendance) onQueue() bool { return a.user.Presence == "ON_QUEUE" }

func byStatus(u user) string { return u.RoutingStatus }

func byPresence(u user) string { return presences[u.Presence].id }

// count is one number of a user metric, and whom it counts.
type count struct {
	metric, qualifier string
	users             []attendance
}

// countUsers counts the agents of one queue. What would be 0 is left out.
func countUsers(metrics []string, all []attendance) []count {
	var out []count
	for _, name := range metrics {
		m, ok := userMetrics[name]
		if !ok {
			continue // of conversations
		}
		groups := map[string][]attendance{}
		for _, a := range all {
			if m.counts(a) {
				groups[m.qualifier(a.user)] = append(groups[m.qualifier(a.user)], a)
			}
		}
		for _, q := range slices.Sorted(maps.Keys(groups)) {
			out = append(out, count{name, q, groups[q]})
		}
	}
	return out
}

// needs checks that a list of an analytics query is not empty.
func needs(field string, n int) error {
	if n == 0 {
		return bad("client.failed.request", "%s must not be empty", field).field(field)
	}
	return nil
}

// activityQuery is the body of both activity queries.
type activityQuery struct {
	Metrics []struct {
		Metric  string
		Details bool
	}
	GroupBy []string
	Filter  *filter
	Order   string
}

func (c *call) activityQuery() (activityQuery, error) {
	in, err := decode[activityQuery](c)
	if err != nil {
		return in, err
	}
	if err := cmp.Or(needs("metrics", len(in.Metrics)), needs("groupBy", len(in.GroupBy)), in.Filter.check("filter")); err != nil {
		return in, err
	}
	return in, nil
}

// activityDimensions are the dimensions of agents that the sandbox can filter
// by.
var activityDimensions = []string{"queueId", "userId", "routingStatus", "systemPresence", "organizationPresenceId"}

func (f *filter) imitated() error {
	if f == nil {
		return nil
	}
	for _, p := range f.Predicates {
		if !slices.Contains(activityDimensions, p.Dimension) {
			return notImitated("a filter on " + p.Dimension)
		}
	}
	for _, sub := range f.Clauses {
		if err := sub.imitated(); err != nil {
			return err
		}
	}
	return nil
}

func postAnalyticsRoutingActivityQuery(c *call) (int, any, error) {
	in, err := c.activityQuery()
	if err != nil {
		return 0, nil, err
	}
	if err := in.Filter.imitated(); err != nil {
		return 0, nil, err
	}
	var metrics, detailed []string
	for _, m := range in.Metrics {
		metrics = append(metrics, m.Metric)
		if m.Details {
			detailed = append(detailed, m.Metric)
		}
	}
	results := []object{}
	for _, q := range c.queues.list() {
		all := slices.DeleteFunc(c.attendances(q), func(a attendance) bool { return !in.Filter.passes(a.row()) })
		data := []object{}
		entities := map[string]object{}
		for _, n := range countUsers(metrics, all) {
			d := object{"metric": n.metric, "count": len(n.users)}
			if n.qualifier != "" {
				d["qualifier"] = n.qualifier
			}
			if slices.Contains(detailed, n.metric) {
				ids := []string{}
				for _, a := range n.users {
					ids = append(ids, a.user.ID)
					entities[a.user.ID] = a.show()
				}
				d["entityIds"] = ids
			}
			data = append(data, d)
		}
		if len(data) == 0 {
			continue
		}
		result := object{"group": object{"queueId": text(q, "id")}, "data": data}
		if len(entities) > 0 {
			shown := []object{}
			for _, id := range slices.Sorted(maps.Keys(entities)) {
				shown = append(shown, entities[id])
			}
			result["truncated"], result["entities"] = false, shown
		}
		results = append(results, result)
	}
	from := min((c.number("pageNumber", 1)-1)*c.number("pageSize", 25), len(results))
	to := min(from+c.number("pageSize", 25), len(results))
	return http.StatusOK, object{"results": results[from:to], "entityIdDimension": "userId"}, nil
}

func (a attendance) show() object {
	return object{
		"activityDate": stamp(a.user.Since), "queueId": a.queue, "userId": a.user.ID,
		"routingStatus": a.user.RoutingStatus, "routingStatusDate": stamp(a.user.Since),
		"systemPresence": a.user.Presence, "organizationPresenceId": byPresence(a.user), "presenceDate": stamp(a.user.Since),
	}
}
