package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// queueHandlers answer for queues. See docs/platform-notes.md#queues-have-no-patch.
var queueHandlers = map[string]handler{
	"getRoutingQueues":                 getRoutingQueues,
	"getRoutingQueuesDivisionviews":    getRoutingQueues,
	"getRoutingQueuesDivisionviewsAll": getRoutingQueues,
	"postRoutingQueues":                postRoutingQueues,
	"getRoutingQueue":                  getRoutingQueue,
	"putRoutingQueue":                  putRoutingQueue,
	"deleteRoutingQueue":               deleteRoutingQueue,
}

// queueDerived are the fields of a queue that only the platform writes.
var queueDerived = []string{
	"id", "selfUri", "division", "dateCreated", "createdBy", "dateModified", "modifiedBy",
	"memberCount", "userMemberCount", "joinedMemberCount",
}

func queueNotFound(id string) *failure { return notFound("resource.not.found", "queue", id) }

func getRoutingQueues(c *call) (int, any, error) {
	filter := c.query.Get("name")
	ids, divisions, peers := listed(c.query["id"]), listed(c.query["divisionId"]), listed(c.query["peerId"])
	all := slices.DeleteFunc(c.queues.list(), func(q object) bool {
		return !matchesName(filter, text(q, "name")) ||
			len(ids) > 0 && !slices.Contains(ids, text(q, "id")) ||
			len(divisions) > 0 && !slices.Contains(divisions, text(q, "division", "id")) ||
			len(peers) > 0 && !slices.Contains(peers, text(q, "peerId")) ||
			// Queues with a peer are only listed when asked for.
			c.query.Get("hasPeer") == "true" != (text(q, "peerId") != "")
	})
	slices.SortFunc(all, func(a, b object) int {
		return strings.Compare(strings.ToLower(text(a, "name")), strings.ToLower(text(b, "name")))
	})
	if c.descending() {
		slices.Reverse(all)
	}
	l, entities := paginate(c, all)
	for i, q := range entities {
		entities[i] = c.showQueue(q)
	}
	l.Entities = entities
	return http.StatusOK, l, nil
}

func getRoutingQueue(c *call) (int, any, error) {
	q, ok := c.queues.seen(c.params["queueId"])
	if !ok {
		return 0, nil, queueNotFound(c.params["queueId"])
	}
	return http.StatusOK, c.showQueue(q), nil
}

func postRoutingQueues(c *call) (int, any, error) {
	in, err := decode[object](c)
	if err != nil {
		return 0, nil, err
	}
	if source := text(in, "sourceQueueId"); source != "" {
		from, ok := c.queues.latest(source)
		if !ok {
			return 0, nil, bad("source.queue.not.found", "the source queue %s does not exist", source).field("sourceQueueId")
		}
		copied := without(from, queueDerived...)
		maps.Copy(copied, in)
		in = copied
	}
	if id := text(in, "division", "id"); id != "" && id != c.division.ID {
		return 0, nil, bad("resource.not.found", "the division %s does not exist", id).field("division.id")
	}
	if len(c.queues.all()) >= maxQueues {
		return 0, nil, bad("queue.limit.exceeded", "an organisation can have %d queues", maxQueues)
	}
	q := c.completeQueue(without(in, append([]string{"sourceQueueId"}, queueDerived...)...))
	id := c.newID()
	if err := c.checkQueue(id, nil, q); err != nil {
		return 0, nil, err
	}
	c.stampQueue(id, q, c.actor)
	c.queues.put(id, q)
	c.members[id] = newTable[member](c.Server)
	c.audit(c.actor, auditQueue, "Create", ref{ID: id, Name: text(q, "name")}, changesBetween(nil, q, queueDerived...))
	return http.StatusOK, c.showQueue(q), nil
}

// stampQueue writes what only the platform writes in a new queue.
func (s *Server) stampQueue(id string, q object, by actor) {
	q["id"], q["selfUri"] = id, "/api/v2/routing/queues/"+id
	q["division"] = object{"id": s.division.ID, "name": s.division.Name, "selfUri": "/api/v2/authorization/divisions/" + s.division.ID}
	q["dateCreated"], q["createdBy"] = stamp(s.now()), by.id()
	q["dateModified"], q["modifiedBy"] = q["dateCreated"], q["createdBy"]
}

func putRoutingQueue(c *call) (int, any, error) {
	in, err := decode[object](c)
	if err != nil {
		return 0, nil, err
	}
	q, err := c.writeQueue(c.actor, c.params["queueId"], in)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.showQueue(q), nil
}

// writeQueue replaces a queue: what in leaves out is cleared, what only the
// platform writes is ignored.
func (s *Server) writeQueue(by actor, id string, in object) (object, error) {
	old, ok := s.queues.latest(id)
	if !ok {
		return nil, queueNotFound(id)
	}
	q := s.completeQueue(without(in, queueDerived...))
	if err := s.checkQueue(id, old, q); err != nil {
		return nil, err
	}
	for _, f := range queueDerived {
		if v, ok := old[f]; ok {
			q[f] = v
		}
	}
	q["dateModified"], q["modifiedBy"] = stamp(s.now()), by.id()
	s.queues.put(id, q)
	s.audit(by, auditQueue, "Update", ref{ID: id, Name: text(q, "name")}, changesBetween(old, q, queueDerived...))
	return q, nil
}

// deleteRoutingQueue refuses a queue that has email, unless forced. What becomes
// of the email then is unconfirmed: here it waits for ever.
func deleteRoutingQueue(c *call) (int, any, error) {
	if id := c.params["queueId"]; c.query.Get("forceDelete") != "true" && c.life != nil {
		for _, n := range c.life.centre.Open() {
			if c.life.centre.QueueID(c.life.centre.Leg(n).Queue) == id {
				return 0, nil, bad("active.queue", "the queue %s has conversations", id)
			}
		}
	}
	if err := c.dropQueue(c.actor, c.params["queueId"]); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, nil, nil
}

func (s *Server) dropQueue(by actor, id string) error {
	q, ok := s.queues.latest(id)
	if !ok {
		return queueNotFound(id)
	}
	s.queues.remove(id)
	s.audit(by, auditQueue, "Delete", ref{ID: id, Name: text(q, "name")}, nil)
	return nil
}

// completeQueue fills in what the platform gives a queue that does not say,
// and leaves out what it works out itself.
func (s *Server) completeQueue(q object) object {
	defaults := object{
		"scoringMethod":         "TimestampAndPriority",
		"lastAgentRoutingMode":  "AnyAgent",
		"skillEvaluationMethod": "ALL",
		"acwSettings":           object{"wrapupPrompt": "MANDATORY_TIMEOUT", "timeoutMs": number(300_000)},
	}
	for name, v := range defaults {
		if q[name] == nil {
			q[name] = v
		}
	}
	for _, r := range queueRefs(q) {
		s.bare(r)
	}
	return q
}

// showQueue adds what the platform works out: how many members there are.
func (s *Server) showQueue(q object) object {
	out := clone(q)
	n := s.countMembers(q)
	out["memberCount"], out["userMemberCount"], out["joinedMemberCount"] = n.all, n.users, n.joined
	for _, r := range queueRefs(out) {
		s.complete(r)
	}
	return out
}

// headcount is how many members a queue has, as of a number of writes.
type headcount struct {
	all, users, joined int
	writes             int
}

// countMembers counts the members of a queue. Where every read shows the last
// write, it counts again only after a write.
func (s *Server) countMembers(q object) headcount {
	id, fresh := text(q, "id"), s.replicationDelay(s.wall()) == 0
	if n, ok := s.headcounts[id]; ok && n.writes == s.writes && fresh {
		return n
	}
	n := headcount{writes: s.writes}
	for _, m := range s.membersOf(q) {
		n.all++
		if m.By == "user" {
			n.users++
		}
		if m.Joined {
			n.joined++
		}
	}
	if fresh {
		s.headcounts[id] = n
	}
	return n
}

// queueRefs are the places in a queue that name a group or a skill.
func queueRefs(q object) []any {
	refs := slices.Clone(list(q, "memberGroups"))
	for _, r := range list(q, "bullseye", "rings") {
		refs = append(append(refs, list(r, "memberGroups")...), list(r, "actions", "skillsToRemove")...)
	}
	return refs
}
