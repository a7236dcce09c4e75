package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// wrapUpHandlers answer for wrap-up codes and those of a queue, which are no
// part of the queue itself.
var wrapUpHandlers = map[string]handler{
	"getRoutingWrapupcodes":        getRoutingWrapupcodes,
	"getRoutingQueueWrapupcodes":   getRoutingQueueWrapupcodes,
	"postRoutingQueueWrapupcodes":  postRoutingQueueWrapupcodes,
	"deleteRoutingQueueWrapupcode": deleteRoutingQueueWrapupcode,
}

func (s *Server) showWrapUpCode(code ref) object {
	return object{
		"id": code.ID, "name": code.Name, "division": object{"id": s.division.ID, "name": s.division.Name},
		"selfUri": "/api/v2/routing/wrapupcodes/" + code.ID,
	}
}

// pageOfCodes answers with those codes that the name filter lets through.
func pageOfCodes(c *call, all []ref, field func(ref) string) (int, any, error) {
	all = slices.DeleteFunc(all, func(code ref) bool { return !matchesName(c.query.Get("name"), code.Name) })
	slices.SortFunc(all, func(a, b ref) int { return strings.Compare(strings.ToLower(field(a)), strings.ToLower(field(b))) })
	if strings.HasPrefix(strings.ToLower(c.query.Get("sortOrder")), "desc") {
		slices.Reverse(all)
	}
	l, some := paginate(c, all)
	shown := []object{}
	for _, code := range some {
		shown = append(shown, c.showWrapUpCode(code))
	}
	l.Entities = shown
	return http.StatusOK, l, nil
}

func nameOf(code ref) string { return code.Name }

func getRoutingWrapupcodes(c *call) (int, any, error) {
	ids, divisions := listed(c.query["id"]), listed(c.query["divisionId"])
	all := slices.DeleteFunc(c.wrapUpCodes.list(), func(code ref) bool {
		return len(ids) > 0 && !slices.Contains(ids, code.ID) || len(divisions) > 0 && !slices.Contains(divisions, c.division.ID)
	})
	field := nameOf
	if strings.EqualFold(c.query.Get("sortBy"), "id") {
		field = func(code ref) string { return code.ID }
	}
	return pageOfCodes(c, all, field)
}

// codesOf is the table of the codes of a queue, which begins empty.
func (s *Server) codesOf(queueID string) *table[ref] {
	if s.queueCodes[queueID] == nil {
		s.queueCodes[queueID] = newTable[ref](s)
	}
	return s.queueCodes[queueID]
}

func getRoutingQueueWrapupcodes(c *call) (int, any, error) {
	id := c.params["queueId"]
	if _, ok := c.queues.seen(id); !ok {
		return 0, nil, queueNotFound(id)
	}
	return pageOfCodes(c, c.codesOf(id).list(), nameOf)
}

// postRoutingQueueWrapupcodes adds codes, all or none. Those that the queue
// has already stay as they are.
func postRoutingQueueWrapupcodes(c *call) (int, any, error) {
	in, err := decode[[]ref](c)
	if err != nil {
		return 0, nil, err
	}
	q, ok := c.queues.latest(c.params["queueId"])
	if !ok {
		return 0, nil, queueNotFound(c.params["queueId"])
	}
	if len(in) > maxBulk {
		return 0, nil, bad("constraint.validation", "one call takes %d wrap-up codes, not %d", maxBulk, len(in))
	}
	codes := []ref{}
	for _, r := range in {
		code, ok := c.wrapUpCodes.latest(r.ID)
		if !ok {
			return 0, nil, notFound("resource.not.found", "wrap-up code", r.ID)
		}
		codes = append(codes, code)
	}
	mine, shown := c.codesOf(text(q, "id")), []object{}
	for _, code := range codes {
		if _, ok := mine.latest(code.ID); !ok {
			mine.put(code.ID, code)
			c.auditMember(q, "WrapupCodeAdd", propertyChange{Property: "wrapupCodes", Old: []string{}, New: []string{code.ID}})
		}
		shown = append(shown, c.showWrapUpCode(code))
	}
	return http.StatusOK, shown, nil
}

func deleteRoutingQueueWrapupcode(c *call) (int, any, error) {
	q, ok := c.queues.latest(c.params["queueId"])
	if !ok {
		return 0, nil, queueNotFound(c.params["queueId"])
	}
	mine, id := c.codesOf(c.params["queueId"]), c.params["codeId"]
	if _, ok := mine.latest(id); !ok {
		return 0, nil, notFound("resource.not.found", "wrap-up code of the queue", id)
	}
	mine.remove(id)
	c.auditMember(q, "WrapupCodeRemove", propertyChange{Property: "wrapupCodes", Old: []string{id}, New: []string{}})
	return http.StatusOK, nil, nil
}
