package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// skillHandlers answer for routing skills, languages and skill groups.
var skillHandlers = map[string]handler{
	"getRoutingSkills":            func(c *call) (int, any, error) { return listSkills(c, c.skills) },
	"postRoutingSkills":           func(c *call) (int, any, error) { return createSkill(c, c.skills, auditSkill) },
	"getRoutingSkill":             func(c *call) (int, any, error) { return getSkill(c, c.skills, c.params["skillId"]) },
	"deleteRoutingSkill":          deleteRoutingSkill,
	"getRoutingLanguages":         func(c *call) (int, any, error) { return listSkills(c, c.languages) },
	"postRoutingLanguages":        func(c *call) (int, any, error) { return createSkill(c, c.languages, auditLanguage) },
	"getRoutingLanguage":          func(c *call) (int, any, error) { return getSkill(c, c.languages, c.params["languageId"]) },
	"getRoutingSkillgroups":       getRoutingSkillgroups,
	"getRoutingSkillgroup":        getRoutingSkillgroup,
	"getRoutingSkillgroupMembers": getRoutingSkillgroupMembers,
}

// skill is a routing skill or a language: both look the same on the wire.
type skill struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	DateModified instant `json:"dateModified"`
	State        string  `json:"state"`
	Version      string  `json:"version"`
	SelfURI      string  `json:"selfUri"`
}

func listSkills(c *call, t *table[skill]) (int, any, error) {
	ids := listed(c.query["id"])
	all := slices.DeleteFunc(t.list(), func(s skill) bool {
		return len(ids) > 0 && !slices.Contains(ids, s.ID) || !matchesName(c.query.Get("name"), s.Name)
	})
	slices.SortFunc(all, func(a, b skill) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	if c.descending() {
		slices.Reverse(all)
	}
	return page(c, all)
}

func getSkill(c *call, t *table[skill], id string) (int, any, error) {
	if s, ok := t.seen(id); ok {
		return http.StatusOK, s, nil
	}
	code := "not.found"
	if t == c.skills {
		code = "skillsservice.skillnotfound"
	}
	return 0, nil, notFound(code, "skill", id)
}

func createSkill(c *call, t *table[skill], k kind) (int, any, error) {
	in, err := decode[skill](c)
	if err != nil {
		return 0, nil, err
	}
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" {
		return 0, nil, bad("constraint.validation", "name must not be empty").field("name")
	}
	for _, s := range t.all() {
		if strings.EqualFold(s.Name, in.Name) {
			return 0, nil, bad("general.conflict", "a skill or language with the name %s exists already", in.Name).field("name")
		}
	}
	s := c.newSkill(k, in.Name)
	t.put(s.ID, s)
	c.audit(c.actor, k, "Create", ref{ID: s.ID, Name: s.Name}, nil)
	return http.StatusOK, s, nil
}

func (s *Server) newSkill(k kind, name string) skill {
	id, path := s.newID(), "/api/v2/routing/skills/"
	if k == auditLanguage {
		path = "/api/v2/routing/languages/"
	}
	return skill{ID: id, Name: name, DateModified: instant{s.now()}, State: "active", Version: "1", SelfURI: path + id}
}

func deleteRoutingSkill(c *call) (int, any, error) {
	s, ok := c.skills.latest(c.params["skillId"])
	if !ok {
		return 0, nil, notFound("skillsservice.skillnotfound", "skill", c.params["skillId"])
	}
	c.skills.remove(s.ID)
	c.audit(c.actor, auditSkill, "Delete", ref{ID: s.ID, Name: s.Name}, nil)
	return http.StatusOK, nil, nil
}

// skillGroup is a group whose members are all agents with certain skills.
type skillGroup struct {
	ID, Name, Description string
	Skills                map[string]float64 // skill id to least proficiency; all are needed
	Created               time.Time
}

func (s *Server) groupMembers(g skillGroup) []user { return g.among(s.users.list()) }

// among are those of some users who are in the group.
func (g skillGroup) among(users []user) []user {
	return slices.DeleteFunc(users, func(u user) bool {
		for id, least := range g.Skills {
			if have, ok := u.Skills[id]; !ok || have < least {
				return true
			}
		}
		return false
	})
}

func (s *Server) groupDefinition(g skillGroup) map[string]any {
	return map[string]any{
		"id": g.ID, "name": g.Name, "description": g.Description, "memberCount": len(s.groupMembers(g)),
		"division": ref{ID: s.division.ID, Name: s.division.Name}, "dateCreated": stamp(g.Created), "dateModified": stamp(g.Created),
		"selfUri": "/api/v2/routing/skillgroups/" + g.ID,
	}
}

func getRoutingSkillgroups(c *call) (int, any, error) {
	all := slices.DeleteFunc(c.skillGroups.list(), func(g skillGroup) bool { return !matchesName(c.query.Get("name"), g.Name) })
	slices.SortFunc(all, func(a, b skillGroup) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return cursorPage(c, all, func(g skillGroup) string { return g.ID }, func(g skillGroup) any { return c.groupDefinition(g) })
}

func getRoutingSkillgroup(c *call) (int, any, error) {
	g, ok := c.skillGroups.seen(c.params["skillGroupId"])
	if !ok {
		return 0, nil, notFound("not.found", "skill group", c.params["skillGroupId"])
	}
	out := c.groupDefinition(g)
	conditions := []any{}
	for _, id := range slices.Sorted(maps.Keys(g.Skills)) {
		conditions = append(conditions, map[string]any{
			"routingSkill": id, "comparator": "GreaterThanOrEqualTo", "proficiency": int(g.Skills[id]), "childConditions": []any{},
		})
	}
	out["status"] = "Complete"
	out["skillConditions"] = []any{map[string]any{"routingSkillConditions": conditions, "languageSkillConditions": []any{}, "operation": "And"}}
	return http.StatusOK, out, nil
}

func getRoutingSkillgroupMembers(c *call) (int, any, error) {
	g, ok := c.skillGroups.seen(c.params["skillGroupId"])
	if !ok {
		return 0, nil, notFound("not.found", "skill group", c.params["skillGroupId"])
	}
	return cursorPage(c, c.groupMembers(g), func(u user) string { return u.ID }, func(u user) any {
		return ref{ID: u.ID, Name: u.Name, SelfURI: "/api/v2/users/" + u.ID}
	})
}
