package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// memberHandlers answer for the members of queues.
var memberHandlers = map[string]handler{
	"getRoutingQueueMembers":   getRoutingQueueMembers,
	"getRoutingQueueUsers":     getRoutingQueueUsers,
	"postRoutingQueueMembers":  postRoutingQueueMembers,
	"patchRoutingQueueMembers": patchRoutingQueueMembers,
	"patchRoutingQueueMember":  patchRoutingQueueMember,
	"deleteRoutingQueueMember": deleteRoutingQueueMember,
}

// What one queue takes, and one call.
const (
	maxBulk    = 100
	maxMembers = 5000
)

// member is an agent's membership in a queue.
type member struct {
	User   string // id
	Ring   int    // 1 to 6
	Joined bool
	By     string // user, or group where a group of the queue brings the agent
}

// membersOf lists who is a member of a queue as a read shows it: those added
// directly first, then those whom a group brings.
func (s *Server) membersOf(q object) []member {
	return s.membersAmong(q, s.members[text(q, "id")].list(), s.users.list)
}

// membersAmong adds to the direct members those of all users whom a group of
// the queue brings.
func (s *Server) membersAmong(q object, all []member, users func() []user) []member {
	known := map[string]bool{}
	for _, m := range all {
		known[m.User] = true
	}
	add := func(groups any, ring int) {
		for _, g := range list(groups) {
			group, ok := s.skillGroups.latest(text(g, "id"))
			if !ok {
				continue
			}
			for _, u := range group.among(users()) {
				if !known[u.ID] {
					known[u.ID] = true
					all = append(all, member{User: u.ID, Ring: ring, Joined: true, By: "group"})
				}
			}
		}
	}
	for i, groups := range ringGroups(q) {
		add(groups, i+1)
	}
	add(q["memberGroups"], 1)
	return all
}

func (s *Server) showMember(queueID string, m member, expand []string) map[string]any {
	u, _ := s.users.latest(m.User)
	u = s.atWork(u)
	return map[string]any{
		"id": m.User, "name": u.Name, "ringNumber": m.Ring, "joined": m.Joined, "memberBy": m.By,
		"user":          s.showUser(u, expand),
		"routingStatus": map[string]any{"userId": u.ID, "status": u.RoutingStatus, "startTime": stamp(u.Since)},
		"selfUri":       "/api/v2/routing/queues/" + queueID + "/members/" + m.User,
	}
}

// filterMembers lists the members that the query asks for.
func filterMembers(c *call) ([]any, error) {
	id := c.params["queueId"]
	q, ok := c.queues.seen(id)
	if !ok {
		return nil, queueNotFound(id)
	}
	skills, languages, states := listed(c.query["skills"]), listed(c.query["languages"]), listed(c.query["routingStatus"])
	out := []any{}
	for _, m := range c.membersOf(q) {
		u, _ := c.users.latest(m.User)
		u = c.atWork(u)
		if by := c.query.Get("memberBy"); by != "" && by != m.By ||
			c.query.Get("joined") == "true" && !m.Joined || c.query.Get("joined") == "false" && m.Joined ||
			!strings.Contains(strings.ToLower(u.Name), strings.ToLower(c.query.Get("name"))) ||
			len(states) > 0 && !slices.Contains(states, u.RoutingStatus) ||
			!hasAll(u.Skills, skills) || !hasAll(u.Languages, languages) {
			continue
		}
		out = append(out, c.showMember(id, m, listed(c.query["expand"])))
	}
	return out, nil
}

func hasAll(have map[string]float64, want []string) bool {
	return !slices.ContainsFunc(want, func(id string) bool { _, ok := have[id]; return !ok })
}

// getRoutingQueueMembers is the one listing without totals: it ends with the
// page that has no nextUri.
func getRoutingQueueMembers(c *call) (int, any, error) {
	all, err := filterMembers(c)
	if err != nil {
		return 0, nil, err
	}
	l, entities := paginate(c, all)
	out := map[string]any{
		"entities": entities, "pageSize": l.PageSize, "pageNumber": l.PageNumber,
		"firstUri": l.FirstURI, "selfUri": l.SelfURI,
	}
	if l.NextURI != "" {
		out["nextUri"] = l.NextURI
	}
	if l.PreviousURI != "" {
		out["previousUri"] = l.PreviousURI
	}
	return http.StatusOK, out, nil
}

func getRoutingQueueUsers(c *call) (int, any, error) {
	all, err := filterMembers(c)
	if err != nil {
		return 0, nil, err
	}
	return page(c, all)
}

func tooManyAtOnce(n int) error {
	if n <= maxBulk {
		return nil
	}
	return bad("constraint.validation", "one call takes %d members, not %d", maxBulk, n)
}

// postRoutingQueueMembers adds members, or with delete=true removes them.
func postRoutingQueueMembers(c *call) (int, any, error) {
	in, err := decode[[]ref](c)
	if err != nil {
		return 0, nil, err
	}
	q, ok := c.queues.latest(c.params["queueId"])
	if !ok {
		return 0, nil, queueNotFound(c.params["queueId"])
	}
	if err := tooManyAtOnce(len(in)); err != nil {
		return 0, nil, err
	}
	for _, m := range in {
		if _, ok := c.users.latest(m.ID); !ok {
			return 0, nil, notFound("resource.not.found", "user", m.ID)
		}
	}
	members := c.members[text(q, "id")]
	if c.query.Get("delete") == "true" {
		for _, m := range in {
			c.removeMember(q, m.ID)
		}
		return http.StatusOK, nil, nil
	}
	if len(members.all())+len(in) > maxMembers {
		return 0, nil, bad("queue.size.limit", "a queue can have %d members", maxMembers)
	}
	for _, m := range in {
		if _, ok := members.latest(m.ID); ok {
			continue
		}
		members.put(m.ID, member{User: m.ID, Ring: 1, Joined: true, By: "user"})
		c.auditMember(q, "MemberAdd", propertyChange{Property: "queueId:" + text(q, "id") + ":members", Old: []string{}, New: []string{"queueMember:" + m.ID}})
		c.publishMember(text(q, "id"), m.ID, true)
	}
	return http.StatusOK, nil, nil
}

func (c *call) removeMember(q object, user string) bool {
	members := c.members[text(q, "id")]
	if _, ok := members.latest(user); !ok {
		return false
	}
	members.remove(user)
	c.auditMember(q, "MemberRemove", propertyChange{Property: "queueId:" + text(q, "id") + ":members", Old: []string{"queueMember:" + user}, New: []string{}})
	c.publishMember(text(q, "id"), user, false)
	return true
}

// publishMember tells whoever listens to a queue that an agent has joined it or
// left it.
func (s *Server) publishMember(queue, user string, joined bool) {
	s.publish("v2.routing.queues."+queue+".users", object{"id": user, "user": object{"id": user}, "queueId": queue, "joined": joined})
}

func (c *call) auditMember(q object, action string, change propertyChange) {
	c.audit(c.actor, auditQueue, action, ref{ID: text(q, "id"), Name: text(q, "name")}, []propertyChange{change})
}

func deleteRoutingQueueMember(c *call) (int, any, error) {
	q, ok := c.queues.latest(c.params["queueId"])
	if !ok {
		return 0, nil, queueNotFound(c.params["queueId"])
	}
	if !c.removeMember(q, c.params["memberId"]) {
		return 0, nil, notFound("resource.not.found", "member", c.params["memberId"])
	}
	return http.StatusNoContent, nil, nil
}

// memberPatch is what a PATCH can change; a pointer tells absent from zero.
type memberPatch struct {
	ID     string `json:"id"`
	Ring   *int   `json:"ringNumber"`
	Joined *bool  `json:"joined"`
}

func patchRoutingQueueMember(c *call) (int, any, error) {
	in, err := decode[memberPatch](c)
	if err != nil {
		return 0, nil, err
	}
	if in.ID != "" && in.ID != c.params["memberId"] {
		return 0, nil, bad("invalid.id", "the id in the body is not the one in the path").field("id")
	}
	in.ID = c.params["memberId"]
	if _, err := c.patchMembers([]memberPatch{in}); err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, nil, nil
}

func patchRoutingQueueMembers(c *call) (int, any, error) {
	in, err := decode[[]memberPatch](c)
	if err != nil {
		return 0, nil, err
	}
	changed, err := c.patchMembers(in)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"entities": changed, "pageSize": max(len(changed), 1), "pageNumber": 1}, nil
}

// patchMembers changes all or none. A member who was added just now may not be
// found yet (docs/platform-notes.md#replication).
func (c *call) patchMembers(in []memberPatch) ([]any, error) {
	id := c.params["queueId"]
	q, ok := c.queues.latest(id)
	if !ok {
		return nil, queueNotFound(id)
	}
	if err := tooManyAtOnce(len(in)); err != nil {
		return nil, err
	}
	members, rings := c.members[id], max(len(list(q, "bullseye", "rings")), 1)
	for _, p := range in {
		_, seen := members.seen(p.ID)
		if _, ok := members.latest(p.ID); !ok || !seen {
			return nil, notFound("resource.not.found", "member", p.ID)
		}
		if p.Ring != nil && (*p.Ring < 1 || *p.Ring > rings) {
			return nil, bad("invalid.value", "ring %d does not exist: the queue has %d", *p.Ring, rings).field("ringNumber")
		}
	}
	changed := []any{}
	for _, p := range in {
		m, _ := members.latest(p.ID)
		property := "QueueMember/" + id + ":" + p.ID
		if p.Ring != nil && *p.Ring != m.Ring {
			c.auditMember(q, "MemberUpdate", propertyChange{Property: property + ":ringNumber", Old: values(number(float64(m.Ring))), New: values(number(float64(*p.Ring)))})
			m.Ring = *p.Ring
		}
		if p.Joined != nil && *p.Joined != m.Joined {
			c.auditMember(q, "MemberUpdate", propertyChange{Property: property + ":joined", Old: values(m.Joined), New: values(*p.Joined)})
			m.Joined = *p.Joined
			c.publishMember(id, p.ID, m.Joined)
		}
		members.put(p.ID, m)
		changed = append(changed, c.showMember(id, m, nil))
	}
	return changed, nil
}
