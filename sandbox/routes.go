package sandbox

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// routeHandlers answer for email routes, the addresses of a domain. See
// docs/platform-notes.md#route-status.
var routeHandlers = map[string]handler{
	"getRoutingEmailDomainRoutes":   getRoutingEmailDomainRoutes,
	"postRoutingEmailDomainRoutes":  postRoutingEmailDomainRoutes,
	"getRoutingEmailDomainRoute":    getRoutingEmailDomainRoute,
	"putRoutingEmailDomainRoute":    putRoutingEmailDomainRoute,
	"deleteRoutingEmailDomainRoute": deleteRoutingEmailDomainRoute,
}

// What the platform takes in a route.
const (
	maxRoutes   = 1000 // in one domain
	maxPriority = 25_000_000
	maxAutoBcc  = 50
)

var routePattern = regexp.MustCompile(`^[a-zA-Z0-9.!#$%&'*+/=?^_{|}~-]+$`)

// route is an email route and where it is in its life.
type route struct {
	body    object
	active  time.Time // Pending until then
	gone    time.Time // when a delete ends; zero: not deleted
	forced  string    // the status that a test set; empty: by the clock
	removed bool
}

func (s *Server) status(r route) string {
	return r.statusAt(s.wall())
}

// statusAt is the status at an instant of the wall's clock.
func (r route) statusAt(now time.Time) string {
	switch {
	case r.forced != "":
		return r.forced
	case r.removed:
		return "Removing"
	case now.Before(r.active):
		return "Pending"
	default:
		return "Active"
	}
}

// alive says that a delete has not come to its end.
func (s *Server) alive(r route) bool { return r.aliveAt(s.wall()) }

func (r route) aliveAt(now time.Time) bool { return !r.removed || now.Before(r.gone) }

func (s *Server) showRoute(r route) object {
	out := clone(r.body)
	out["status"] = s.status(r)
	for _, r := range routeRefs(out) {
		s.complete(r)
	}
	return out
}

// routeRefs are the places in a route that name a queue, skill or language.
func routeRefs(body object) []any {
	return append(slices.Clone(list(body, "skills")), body["queue"], body["language"])
}

func routeNotFound(id string) *failure { return notFound("postino.error.not.found", "route", id) }

// routesOf are the routes of a domain in the path.
func (c *call) routesOf() (domain string, routes *table[route], err error) {
	domain = strings.ToLower(c.params["domainName"])
	if _, ok := c.domains.latest(domain); !ok {
		return "", nil, domainNotFound(domain)
	}
	return domain, c.routes[domain], nil
}

func getRoutingEmailDomainRoutes(c *call) (int, any, error) {
	_, routes, err := c.routesOf()
	if err != nil {
		return 0, nil, err
	}
	pattern := c.query.Get("pattern")
	all := slices.DeleteFunc(routes.list(), func(r route) bool {
		return !c.alive(r) || !matchesName(pattern, text(r.body, "pattern"))
	})
	slices.SortFunc(all, func(a, b route) int { return strings.Compare(text(a.body, "pattern"), text(b.body, "pattern")) })
	l, some := paginate(c, all)
	entities := []object{}
	for _, r := range some {
		entities = append(entities, c.showRoute(r))
	}
	l.Entities = entities
	return http.StatusOK, l, nil
}

func getRoutingEmailDomainRoute(c *call) (int, any, error) {
	_, routes, err := c.routesOf()
	if err != nil {
		return 0, nil, err
	}
	r, ok := routes.seen(c.params["routeId"])
	if !ok || !c.alive(r) {
		return 0, nil, routeNotFound(c.params["routeId"])
	}
	return http.StatusOK, c.showRoute(r), nil
}

// accepted is the status of a write: 202 while the mail gateway works on it.
func (s *Server) accepted() int {
	if s.options.ActivationDelay > 0 {
		return http.StatusAccepted
	}
	return http.StatusOK
}

func postRoutingEmailDomainRoutes(c *call) (int, any, error) {
	in, err := decode[object](c)
	if err != nil {
		return 0, nil, err
	}
	domain, routes, err := c.routesOf()
	if err != nil {
		return 0, nil, err
	}
	alive := slices.DeleteFunc(routes.all(), func(r route) bool { return !c.alive(r) })
	if len(alive) >= maxRoutes {
		return 0, nil, bad("postino.max.routes.exceeded", "a domain can have %d routes", maxRoutes)
	}
	in["id"] = c.newID()
	if err := c.checkRoute(domain, in); err != nil {
		return 0, nil, err
	}
	r := c.addRoute(domain, in)
	c.audit(c.actor, auditRoute, "Create", routeRef(domain, r.body), changesBetween(nil, r.body, "id", "selfUri", "name"))
	return c.accepted(), c.showRoute(r), nil
}

func routeRef(domain string, body object) ref {
	return ref{ID: text(body, "id"), Name: text(body, "pattern") + "@" + domain}
}

// routeBody completes a route with what only the platform writes.
func (s *Server) routeBody(domain string, body object) object {
	out := without(body, "status")
	for _, r := range routeRefs(out) {
		s.bare(r)
	}
	out["name"], out["selfUri"] = text(body, "pattern"), "/api/v2/routing/email/domains/"+domain+"/routes/"+text(body, "id")
	return out
}

// addRoute stores a route that becomes active after the delay.
func (s *Server) addRoute(domain string, body object) route {
	r := route{body: s.routeBody(domain, body), active: s.wall().Add(s.options.ActivationDelay)}
	s.routes[domain].put(text(body, "id"), r)
	return r
}

func putRoutingEmailDomainRoute(c *call) (int, any, error) {
	in, err := decode[object](c)
	if err != nil {
		return 0, nil, err
	}
	domain, routes, err := c.routesOf()
	if err != nil {
		return 0, nil, err
	}
	old, ok := routes.latest(c.params["routeId"])
	if !ok || old.removed {
		return 0, nil, routeNotFound(c.params["routeId"])
	}
	in["id"] = c.params["routeId"]
	if err := c.checkRoute(domain, in); err != nil {
		return 0, nil, err
	}
	r := c.addRoute(domain, in)
	c.audit(c.actor, auditRoute, "Update", routeRef(domain, r.body), changesBetween(old.body, r.body, "id", "selfUri", "name"))
	return c.accepted(), c.showRoute(r), nil
}

func deleteRoutingEmailDomainRoute(c *call) (int, any, error) {
	domain, routes, err := c.routesOf()
	if err != nil {
		return 0, nil, err
	}
	id := c.params["routeId"]
	r, ok := routes.latest(id)
	if !ok || r.removed {
		return 0, nil, routeNotFound(id)
	}
	for _, d := range c.routes {
		for _, other := range d.all() {
			if !other.removed && text(other.body, "id") != id && text(other.body, "replyEmailAddress", "route", "id") == id {
				return 0, nil, fail(http.StatusConflict, "postino.route.conflict", "the route is the reply route of %s", text(other.body, "pattern"))
			}
		}
	}
	r.removed, r.gone, r.forced = true, c.wall().Add(c.options.ActivationDelay), ""
	routes.put(id, r)
	c.audit(c.actor, auditRoute, "Delete", routeRef(domain, r.body), nil)
	return c.accepted(), nil, nil
}

// checkRoute says what the platform would refuse in a route.
func (s *Server) checkRoute(domain string, in object) error {
	pattern := text(in, "pattern")
	if !routePattern.MatchString(pattern) {
		return bad("postino.error.bad.address", "%q is not the local part of an address", pattern).field("pattern")
	}
	if strings.TrimSpace(text(in, "fromName")) == "" {
		return bad("postino.invalid.route", "fromName must not be empty").field("fromName")
	}
	for _, other := range s.routes[domain].all() {
		if s.alive(other) && text(other.body, "id") != text(in, "id") && strings.EqualFold(text(other.body, "pattern"), pattern) {
			return bad("postino.route.pattern.exists", "the domain %s has a route for %s already", domain, pattern).field("pattern")
		}
	}
	queue, flow := text(in, "queue", "id"), text(in, "flow", "id")
	switch {
	case queue == "" && flow == "":
		return bad("postino.error.queue.required", "a route needs a queue or a flow").field("queue")
	case queue != "" && flow != "":
		return bad("postino.invalid.route", "a route goes to a queue or to a flow, not to both").field("flow")
	}
	if _, ok := s.queues.latest(queue); queue != "" && !ok {
		return bad("postino.invalid.route", "the queue %s does not exist", queue).field("queue.id")
	}
	for _, k := range list(in, "skills") {
		if _, ok := s.skills.latest(text(k, "id")); !ok {
			return bad("postino.invalid.route", "the skill %s does not exist", text(k, "id")).field("skills")
		}
	}
	if id := text(in, "language", "id"); id != "" {
		if _, ok := s.languages.latest(id); !ok {
			return bad("postino.invalid.route", "the language %s does not exist", id).field("language.id")
		}
	}
	if n, ok := decimal(in, "priority"); ok && (n < -maxPriority || n > maxPriority) {
		return bad("postino.invalid.route", "priority must be between %d and %d", -maxPriority, maxPriority).field("priority")
	}
	if len(list(in, "autoBcc")) > maxAutoBcc {
		return bad("postino.max.autobcc.exceeded", "a route can have %d autoBcc addresses", maxAutoBcc).field("autoBcc")
	}
	if reply := dig(in, "replyEmailAddress"); reply != nil {
		if text(in, "fromEmail") != "" || len(list(in, "autoBcc")) > 0 {
			return bad("postino.invalid.route", "replyEmailAddress goes neither with fromEmail nor with autoBcc").field("replyEmailAddress")
		}
		if text(reply, "route", "id") == "" {
			return bad("reply.route.id.required", "replyEmailAddress needs the id of a route").field("replyEmailAddress.route.id")
		}
	}
	return nil
}
