package sandbox

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// domainHandlers answer for inbound email domains.
var domainHandlers = map[string]handler{
	"getRoutingEmailDomains":   getRoutingEmailDomains,
	"postRoutingEmailDomains":  postRoutingEmailDomains,
	"getRoutingEmailDomain":    getRoutingEmailDomain,
	"patchRoutingEmailDomain":  patchRoutingEmailDomain,
	"deleteRoutingEmailDomain": deleteRoutingEmailDomain,
}

// maxDomains is how many custom and Genesys domains an organisation can have.
const maxDomains = 2

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)

func domainNotFound(id string) *failure {
	return notFound("postino.domain.not.found", "email domain", id)
}

func getRoutingEmailDomains(c *call) (int, any, error) {
	all := c.domains.list()
	if f := c.query.Get("filter"); f != "" {
		all = slices.DeleteFunc(all, func(d object) bool { return !strings.Contains(text(d, "id"), strings.ToLower(f)) })
	}
	return page(c, all)
}

func getRoutingEmailDomain(c *call) (int, any, error) {
	d, ok := c.domains.seen(strings.ToLower(c.params["domainId"]))
	if !ok {
		return 0, nil, domainNotFound(c.params["domainId"])
	}
	return http.StatusOK, d, nil
}

func postRoutingEmailDomains(c *call) (int, any, error) {
	in, err := decode[object](c)
	if err != nil {
		return 0, nil, err
	}
	id := strings.ToLower(text(in, "id"))
	if !domainName.MatchString(id) {
		return 0, nil, bad("postino.invalid.domain.name", "%q is not a domain name", text(in, "id")).field("id")
	}
	if _, ok := c.domains.latest(id); ok {
		return 0, nil, bad("postino.domain.exists", "the domain %s exists already", id).field("id")
	}
	if len(c.domains.all()) >= maxDomains {
		return 0, nil, bad("postino.max.domains.exceeded", "an organisation can have %d domains", maxDomains)
	}
	d := domainBody(id, in)
	c.domains.put(id, d)
	c.routes[id] = newTable[route](c.Server)
	c.audit(c.actor, auditDomain, "Create", ref{ID: id, Name: id}, changesBetween(nil, d, "id", "name", "selfUri"))
	return http.StatusOK, d, nil
}

// domainBody completes a domain, whose DNS is taken to be in order.
func domainBody(id string, settings object) object {
	d := object{"subDomain": false}
	maps.Copy(d, settings)
	d["id"], d["name"], d["mxRecordStatus"] = id, id, "VALID"
	d["selfUri"] = "/api/v2/routing/email/domains/" + id
	return d
}

func patchRoutingEmailDomain(c *call) (int, any, error) {
	in, err := decode[object](c)
	if err != nil {
		return 0, nil, err
	}
	old, ok := c.domains.latest(strings.ToLower(c.params["domainId"]))
	if !ok {
		return 0, nil, domainNotFound(c.params["domainId"])
	}
	d := clone(old)
	maps.Copy(d, in)
	id := text(d, "id")
	c.domains.put(id, d)
	c.audit(c.actor, auditDomain, "Update", ref{ID: id, Name: id}, changesBetween(old, d))
	return http.StatusOK, d, nil
}

func deleteRoutingEmailDomain(c *call) (int, any, error) {
	id := strings.ToLower(c.params["domainId"])
	if _, ok := c.domains.latest(id); !ok {
		return 0, nil, domainNotFound(id)
	}
	c.domains.remove(id)
	delete(c.routes, id)
	c.audit(c.actor, auditDomain, "Delete", ref{ID: id, Name: id}, nil)
	return http.StatusOK, nil, nil
}
