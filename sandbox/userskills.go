package sandbox

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// userSkillHandlers answer for the routing skills and languages of users.
var userSkillHandlers = map[string]handler{
	"getUserRoutingskills":          func(c *call) (int, any, error) { return getRatings(c, skillRatings) },
	"postUserRoutingskills":         postUserRoutingskills,
	"putUserRoutingskill":           putUserRoutingskill,
	"putUserRoutingskillsBulk":      func(c *call) (int, any, error) { return rateInBulk(c, skillRatings, true) },
	"patchUserRoutingskillsBulk":    func(c *call) (int, any, error) { return rateInBulk(c, skillRatings, false) },
	"deleteUserRoutingskill":        deleteUserRoutingskill,
	"getUserRoutinglanguages":       func(c *call) (int, any, error) { return getRatings(c, languageRatings) },
	"patchUserRoutinglanguagesBulk": func(c *call) (int, any, error) { return rateInBulk(c, languageRatings, false) },
}

// maxProficiency is the best that an agent can be at a skill, from 0.
const maxProficiency = 5

// auditAgent is what the trail calls the routing side of a user. The pairing
// with skills and capacity is unconfirmed (docs/platform-notes.md#audits).
var auditAgent = kind{"ContactCenter", "AgentRoutingInfo"}

// ratings is one of the two sets of things that a user can be good at.
type ratings struct {
	name  string // of the thing, and the start of its fields
	path  string // of the set, below the user
	known func(*Server) *table[skill]
	of    func(*user) *map[string]float64
}

var (
	skillRatings = ratings{
		"skill", "routingskills",
		func(s *Server) *table[skill] { return s.skills }, func(u *user) *map[string]float64 { return &u.Skills },
	}
	languageRatings = ratings{
		"language", "routinglanguages",
		func(s *Server) *table[skill] { return s.languages }, func(u *user) *map[string]float64 { return &u.Languages },
	}
)

// rating is one skill or language of a user in a request.
type rating struct {
	ID          string   `json:"id"`
	Proficiency *float64 `json:"proficiency"`
}

func (s *Server) showRating(u user, r ratings, k skill) object {
	return object{
		"id": k.ID, "name": k.Name, "proficiency": (*r.of(&u))[k.ID], "state": "active",
		r.name + "Uri": k.SelfURI, "selfUri": "/api/v2/users/" + u.ID + "/" + r.path + "/" + k.ID,
	}
}

// showProficiencies lists what a user is good at, by name, as far as it still
// exists.
func (s *Server) showProficiencies(u user, r ratings) []object {
	var all []skill
	for id := range *r.of(&u) {
		if k, ok := r.known(s).latest(id); ok {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b skill) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
	})
	out := []object{}
	for _, k := range all {
		out = append(out, s.showRating(u, r, k))
	}
	return out
}

func getRatings(c *call, r ratings) (int, any, error) {
	u, err := c.user()
	if err != nil {
		return 0, nil, err
	}
	all := c.showProficiencies(u, r)
	if strings.HasPrefix(strings.ToLower(c.query.Get("sortOrder")), "desc") {
		slices.Reverse(all)
	}
	return page(c, all)
}

// changeUser gives a write the user in the path, stores what it makes of it
// and leaves an audit row where something changed.
func (c *call) changeUser(change func(u *user) error) (user, error) {
	old, ok := c.users.latest(c.params["userId"])
	if !ok {
		return old, userNotFound(c.params["userId"])
	}
	u := old
	u.Skills, u.Languages = maps.Clone(old.Skills), maps.Clone(old.Languages)
	if err := change(&u); err != nil {
		return old, err
	}
	c.users.put(u.ID, u)
	var changes []propertyChange
	for _, r := range []ratings{skillRatings, languageRatings} {
		changes = append(changes, ratingChanges(r, old, u)...)
	}
	changes = changed(changes, "utilization", old.Utilization, u.Utilization)
	changes = append(changes, changesBetween(old.MoreUtilization, u.MoreUtilization)...)
	if len(changes) > 0 {
		c.audit(c.actor, auditAgent, "Update", ref{ID: u.ID, Name: u.Name}, changes)
	}
	return u, nil
}

// ratingChanges lists the proficiencies that differ, one property for each.
func ratingChanges(r ratings, before, after user) []propertyChange {
	var changes []propertyChange
	was, is := *r.of(&before), *r.of(&after)
	for _, id := range slices.Sorted(maps.Keys(merge(was, is))) {
		property := propertyChange{Property: r.name + ":" + id + ":proficiency", Old: []string{}, New: []string{}}
		old, had := was[id]
		now, has := is[id]
		if had {
			property.Old = values(number(old))
		}
		if has {
			property.New = values(number(now))
		}
		if had != has || old != now {
			changes = append(changes, property)
		}
	}
	return changes
}

func merge(a, b map[string]float64) map[string]float64 {
	out := map[string]float64{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

// rate sets one proficiency of a user that is being changed.
func (c *call) rate(u *user, r ratings, in rating) error {
	if _, ok := r.known(c.Server).latest(in.ID); !ok {
		return notFound("general.resource.not.found", r.name, in.ID)
	}
	if in.Proficiency == nil {
		return bad("constraint.validation", "Field [proficiency] is required").field("proficiency")
	}
	if err := within(*in.Proficiency, "proficiency", 0, maxProficiency); err != nil {
		return err
	}
	(*r.of(u))[in.ID] = *in.Proficiency
	return nil
}

// rateInBulk adds skills or languages to a user, or with replace makes them
// all that the user has.
func rateInBulk(c *call, r ratings, replace bool) (int, any, error) {
	in, err := decode[[]rating](c)
	if err != nil {
		return 0, nil, err
	}
	u, err := c.changeUser(func(u *user) error {
		if replace {
			*r.of(u) = map[string]float64{}
		}
		for _, x := range in {
			if err := c.rate(u, r, x); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	return page(c, c.showProficiencies(u, r))
}

func postUserRoutingskills(c *call) (int, any, error) {
	in, err := decode[rating](c)
	if err != nil {
		return 0, nil, err
	}
	return c.rateOne(in, func(u *user) error {
		if _, has := u.Skills[in.ID]; has {
			return bad("general.conflict", "the user has the skill %s already", in.ID).field("id")
		}
		return nil
	})
}

func putUserRoutingskill(c *call) (int, any, error) {
	in, err := decode[rating](c)
	if err != nil {
		return 0, nil, err
	}
	in.ID = c.params["skillId"]
	return c.rateOne(in, func(u *user) error { return c.hasSkill(u) })
}

func (c *call) rateOne(in rating, check func(*user) error) (int, any, error) {
	u, err := c.changeUser(func(u *user) error {
		if err := check(u); err != nil {
			return err
		}
		return c.rate(u, skillRatings, in)
	})
	if err != nil {
		return 0, nil, err
	}
	k, _ := c.skills.latest(in.ID)
	return http.StatusOK, c.showRating(u, skillRatings, k), nil
}

// hasSkill checks that a user has the skill in the path.
func (c *call) hasSkill(u *user) error {
	if _, has := u.Skills[c.params["skillId"]]; !has {
		return notFound("general.resource.not.found", "skill of the user", c.params["skillId"])
	}
	return nil
}

func deleteUserRoutingskill(c *call) (int, any, error) {
	_, err := c.changeUser(func(u *user) error {
		err := c.hasSkill(u)
		delete(u.Skills, c.params["skillId"])
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, nil, nil
}
