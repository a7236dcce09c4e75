package sandbox

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file tells what is now: filters go in; what waits, alerts and is worked
// on comes out, beside the agents of the queues.

// maxObservations is how many observations or entities one number has.
const maxObservations = 100

// observed is how the states of open email are counted: how many, and since
// when the longest.
var observed = map[centre.State]struct{ count, longest string }{
	centre.Waiting:     {"oWaiting", "oLongestWaiting"},
	centre.Alerting:    {"oAlerting", ""},
	centre.Interacting: {"oInteracting", "oLongestInteracting"},
}

// since is when an open leg came into its state.
func since(l *centre.Leg) int64 {
	switch l.State {
	case centre.Alerting:
		return l.Alerted
	case centre.Interacting:
		return l.Answered
	default:
		return l.Entered
	}
}

// openAspect is an open leg as filters and groups see it: in the hands of an
// agent, or of nobody.
func (s *Server) openAspect(n int) aspect {
	l := s.life.centre.Leg(n)
	a := aspect{n: n, l: l, side: ofACD, agent: l.Agent, from: since(l), to: -1}
	if l.State != centre.Waiting {
		a.side = ofAgent
	}
	return a
}

// standing is open email that is counted together, by state.
type standing [centre.Interacting + 1][]aspect

func (st *standing) add(a aspect) { st[a.l.State] = append(st[a.l.State], a) }

// older orders open email, longest in its state first.
func older(a, b aspect) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.n, b.n)) }

// number is the count of a metric, or the longest of it; ok is false where it
// is no metric of conversations, or where there is nothing.
func (st *standing) number(metric string) (all []aspect, longest, ok bool) {
	for state, m := range observed {
		switch metric {
		case m.count:
			return st[state], false, true
		case m.longest:
			return st[state], true, len(st[state]) > 0
		}
	}
	return nil, false, false
}

// sinceMillis is what the longest metrics are: the moment since when the oldest
// of some is in its state, in milliseconds of the epoch (docs/sandbox.md).
func (s *Server) sinceMillis(all []aspect) int64 {
	return s.life.at(slices.MinFunc(all, older).from).UnixMilli()
}

// cut puts a list in order, and leaves of one that is too long its first half,
// the oldest, and its last.
func cut(all []aspect) (some []aspect, truncated bool) {
	slices.SortFunc(all, older)
	if len(all) <= maxObservations {
		return all, false
	}
	const half = maxObservations / 2
	return slices.Concat(all[:half], all[len(all)-half:]), true
}

// observationsQuery is the body of both observations queries.
type observationsQuery struct {
	Filter  *filter
	Metrics []string
	Detail  []string `json:"detailMetrics"`
}

func (c *call) observationsQuery() (observationsQuery, error) {
	in, err := decode[observationsQuery](c)
	if err != nil {
		return in, err
	}
	return in, cmp.Or(needs("metrics", len(in.Metrics)), in.Filter.check("filter"))
}

func postAnalyticsQueuesObservationsQuery(c *call) (int, any, error) {
	in, err := c.observationsQuery()
	if err != nil {
		return 0, nil, err
	}
	results := []object{}
	ofUsers := slices.ContainsFunc(in.Metrics, func(m string) bool { return userMetrics[m].counts != nil })
	queues := c.queues.list()
	standings := c.standings(queues, in.Filter)
	for _, q := range queues {
		id := text(q, "id")
		if ofUsers && in.Filter.passes(map[string]string{"queueId": id}) {
			if data := c.agentObservations(q, in.Metrics, in.Detail); len(data) > 0 {
				results = append(results, object{"group": object{"queueId": id}, "data": data})
			}
		}
		if st := standings[id]; st != nil {
			if data := c.emailObservations(st, in.Metrics, in.Detail); len(data) > 0 {
				results = append(results, object{"group": object{"queueId": id, "mediaType": "email"}, "data": data})
			}
		}
	}
	out := object{"results": results}
	if slices.Contains(in.Metrics, "oUserPresences") || slices.Contains(in.Metrics, "oOffQueueUsers") {
		mapping := object{}
		for system, p := range presences {
			mapping[system] = []string{p.id}
		}
		out["systemToOrganizationMappings"] = mapping
	}
	return http.StatusOK, out, nil
}

// standings is the open email of each queue that passes; at rest there is none.
func (s *Server) standings(queues []object, f *filter) map[string]*standing {
	out := map[string]*standing{}
	if s.life == nil {
		return out
	}
	for _, q := range queues {
		if id := text(q, "id"); f.passes(map[string]string{"queueId": id, "mediaType": "email"}) {
			out[id] = &standing{}
		}
	}
	for _, n := range s.life.centre.Open() {
		if st := out[s.life.centre.QueueID(s.life.centre.Leg(n).Queue)]; st != nil {
			st.add(s.openAspect(n))
		}
	}
	return out
}

func (s *Server) agentObservations(q object, metrics, detailed []string) []object {
	data := []object{}
	for _, n := range countUsers(metrics, s.attendances(q)) {
		d := object{"metric": n.metric, "stats": object{"count": len(n.users)}}
		if n.qualifier != "" {
			d["qualifier"] = n.qualifier
		}
		if slices.Contains(detailed, n.metric) {
			var observations []object
			for _, a := range n.users {
				observations = append(observations, object{"observationDate": stamp(a.user.Since), "userId": a.user.ID})
			}
			d["truncated"], d["observations"] = false, observations
		}
		data = append(data, d)
	}
	return data
}

// emailObservations counts the email of one queue. Counts of 0 are shown, as
// they are of no event.
func (s *Server) emailObservations(st *standing, metrics, detailed []string) []object {
	data := []object{}
	for i, metric := range metrics {
		all, longest, ok := st.number(metric)
		if !ok || slices.Contains(metrics[:i], metric) {
			continue
		}
		if longest {
			data = append(data, object{"metric": metric, "stats": object{"calculatedMetricValue": s.sinceMillis(all)}})
			continue
		}
		d := object{"metric": metric, "stats": object{"count": len(all)}}
		if slices.Contains(detailed, metric) {
			some, truncated := cut(all)
			k := s.look(0)
			observations := []object{}
			for _, a := range some {
				o := k.showOpen(a)
				o["observationDate"] = k.stampAt(a.from)
				observations = append(observations, o)
			}
			d["truncated"], d["observations"] = truncated, observations
		}
		data = append(data, d)
	}
	return data
}

// showOpen writes what observations and activities tell of open email.
func (k *look) showOpen(a aspect) object {
	mail := k.letter(a.l.Conversation)
	out := object{
		"conversationId": k.conversationID(a.l.Conversation), "sessionId": k.partID(a.n, "acd session"), "participantName": mail.FromName,
		"direction": "inbound", "addressFrom": mail.FromAddress, "routingPriority": a.l.Priority,
	}
	if mail.ToAddress != "" {
		out["addressTo"] = mail.ToAddress
	}
	if a.side == ofAgent {
		out["sessionId"] = k.sessionOf(a.l.Conversation, k.partID(a.n, agentPart(a.l.Alerted)))
		out["userId"] = k.life.centre.AgentID(a.agent)
	}
	ask := k.life.centre.Ask(a.l.Ask)
	if len(ask.Skills) > 0 {
		out["requestedRoutingSkillIds"] = ask.Skills
	}
	if ask.Language != "" {
		out["requestedLanguageId"] = ask.Language
	}
	return out
}

func postAnalyticsConversationsActivityQuery(c *call) (int, any, error) {
	in, err := c.activityQuery()
	if err != nil {
		return 0, nil, err
	}
	results := []object{}
	if c.life != nil {
		if results, err = c.activities(in); err != nil {
			return 0, nil, err
		}
	}
	from := min((c.number("pageNumber", 1)-1)*c.number("pageSize", 25), len(results))
	to := min(from+c.number("pageSize", 25), len(results))
	return http.StatusOK, object{"results": results[from:to], "entityIdDimension": "conversationId"}, nil
}

// activities counts open email by the groups of a query; a group without any
// is left out.
func (s *Server) activities(in activityQuery) ([]object, error) {
	passes, err := s.compile(in.Filter, legDimensions, nil)
	if err != nil {
		return nil, err
	}
	g, err := s.grouped(in.GroupBy, legDimensions, false)
	if err != nil {
		return nil, err
	}
	groups := map[int32]*standing{}
	for _, n := range s.life.centre.Open() {
		a := s.openAspect(n)
		if passes != nil && !passes(&a) {
			continue
		}
		of, _ := g.of(&a)
		for _, n := range of {
			if groups[n] == nil {
				groups[n] = &standing{}
			}
			groups[n].add(a)
		}
	}
	type keyed struct {
		key    string
		result object
	}
	var all []keyed
	k := s.look(0)
	for n, st := range groups {
		if result := k.activity(st, in); result != nil {
			group, key := g.group(n)
			result["group"] = group
			all = append(all, keyed{key, result})
		}
	}
	slices.SortFunc(all, func(a, b keyed) int {
		if in.Order == "desc" {
			return cmp.Compare(b.key, a.key)
		}
		return cmp.Compare(a.key, b.key)
	})
	results := []object{}
	for _, r := range all {
		results = append(results, r.result)
	}
	return results, nil
}

// activity counts the email of one group; nil: there is nothing.
func (k *look) activity(st *standing, in activityQuery) object {
	data, entities, truncated, detailed := []object{}, []object{}, false, false
	for _, m := range in.Metrics {
		all, longest, ok := st.number(m.Metric)
		if !ok || len(all) == 0 {
			continue
		}
		if longest {
			data = append(data, object{"metric": m.Metric, "calculatedMetricValue": k.sinceMillis(all)})
			continue
		}
		d := object{"metric": m.Metric, "count": len(all)}
		if m.Details {
			some, more := cut(all)
			detailed, truncated = true, truncated || more
			ids := []string{}
			for _, a := range some {
				e := k.showOpen(a)
				e["activityDate"], e["metric"] = k.stampAt(a.from), m.Metric
				e["queueId"], e["mediaType"] = k.life.centre.QueueID(a.l.Queue), "email"
				ids = append(ids, k.conversationID(a.l.Conversation))
				entities = append(entities, e)
			}
			d["entityIds"] = ids
		}
		data = append(data, d)
	}
	if len(data) == 0 {
		return nil
	}
	out := object{"data": data}
	if detailed {
		out["truncated"], out["entities"] = truncated, entities
	}
	return out
}

func postAnalyticsUsersObservationsQuery(c *call) (int, any, error) {
	in, err := c.observationsQuery()
	if err != nil {
		return 0, nil, err
	}
	if len(in.Detail) > 0 {
		return 0, nil, notImitated("details of " + in.Detail[0])
	}
	member, active := map[string]int{}, map[string]int{}
	for _, q := range c.queues.list() {
		for _, m := range c.membersOf(q) {
			member[m.User]++
			if m.Joined {
				active[m.User]++
			}
		}
	}
	results := []object{}
	for _, u := range c.users.list() {
		if !in.Filter.passes(map[string]string{"userId": u.ID}) {
			continue
		}
		data := []object{}
		for _, metric := range in.Metrics {
			n := member[u.ID]
			if metric == "oActiveQueues" {
				n = active[u.ID]
			}
			data = append(data, object{"metric": metric, "stats": object{"count": n}})
		}
		results = append(results, object{"group": object{"userId": u.ID}, "data": data})
	}
	return http.StatusOK, object{"results": results}, nil
}
