package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// userHandlers answer for users: who they are, what they can do, where they are
// members and whether they are there.
var userHandlers = map[string]handler{
	"getUsers":      getUsers,
	"getUser":       getUser,
	"getUsersQuery": getUsersQuery,
	// There is no user behind the token of a client-credentials client. That the
	// answer is this one is unconfirmed (docs/platform-notes.md#authentication).
	"getUsersMe":                func(*call) (int, any, error) { return 0, nil, bad("not.a.user", "This request requires a user.") },
	"postUsersSearch":           postUsersSearch,
	"getUserQueues":             getUserQueues,
	"getUserRoutingstatus":      getUserRoutingstatus,
	"getUserPresence":           getUserPresence,
	"getUserPresencesPurecloud": getUserPresence,
}

// What one call for users takes. The numbers are unconfirmed.
const (
	maxUserIDs        = 100
	maxSearchCriteria = 25
	maxSearchValues   = 100
	maxSearchHits     = 10_000
)

// presence is a system presence: its id, the same in every organisation, and
// its name in answers.
type presence struct{ id, name string }

// presences are the system presences by the word that analytics has for them.
var presences = map[string]presence{
	"AVAILABLE": {"6a3af858-942f-489d-9700-5f9bcdcdae9b", "Available"},
	"AWAY":      {"5e5c5c66-ea97-4e7f-ac41-6424784829f2", "Away"},
	"BREAK":     {"227b37e2-f1d0-4dd0-8f50-badd7cf6d158", "Break"},
	"BUSY":      {"31fe3bac-dea6-44b7-bed7-47f91660a1a0", "Busy"},
	"MEAL":      {"3fd96123-badb-4f69-bc03-1b1ccc6d8014", "Meal"},
	"OFFLINE":   {"ccf3c10a-aa2c-4845-8e8d-f59fa48c58e5", "Offline"},
	"ON_QUEUE":  {"e08eaf1b-ee47-4fa9-a231-1200e284798f", "On Queue"},
}

func userNotFound(id string) *failure { return notFound("general.resource.not.found", "user", id) }

// user is the user in the path as a read shows it.
func (c *call) user() (user, error) {
	u, ok := c.users.seen(c.params["userId"])
	if !ok {
		return u, userNotFound(c.params["userId"])
	}
	return u, nil
}

// showUser writes a user; what expand does not name is left out.
func (s *Server) showUser(u user, expand []string) object {
	out := object{
		"id": u.ID, "name": u.Name, "email": u.Email, "username": u.Email, "title": u.Title, "department": u.Department,
		"division": object{"id": s.division.ID, "name": s.division.Name, "selfUri": "/api/v2/authorization/divisions/" + s.division.ID},
		"state":    "active", "version": 1, "acdAutoAnswer": false, "selfUri": "/api/v2/users/" + u.ID,
	}
	for _, field := range expand {
		switch field {
		case "skills":
			out[field] = s.showProficiencies(u, skillRatings)
		case "languages":
			out[field] = s.showProficiencies(u, languageRatings)
		case "routingStatus":
			out[field] = showRoutingStatus(s.atWork(u))
		case "presence":
			out[field] = showPresence(s.atWork(u))
		}
	}
	return out
}

func showRoutingStatus(u user) object {
	return object{"userId": u.ID, "status": u.RoutingStatus, "startTime": stamp(u.Since)}
}

func showPresence(u user) object {
	p := presences[u.Presence]
	return object{
		"id": u.ID, "source": "PURECLOUD", "primary": true, "message": "", "modifiedDate": stamp(u.Since),
		"presenceDefinition": object{"id": p.id, "systemPresence": p.name, "selfUri": "/api/v2/presencedefinitions/" + p.id},
		"selfUri":            "/api/v2/users/" + u.ID + "/presences/PURECLOUD",
	}
}

// usersInState lists users by name. All users of the sandbox are active.
func (c *call) usersInState() []user {
	if state := c.query.Get("state"); strings.EqualFold(state, "inactive") || strings.EqualFold(state, "deleted") {
		return nil
	}
	all := c.users.list()
	slices.SortFunc(all, func(a, b user) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	if strings.HasPrefix(strings.ToLower(c.query.Get("sortOrder")), "desc") {
		slices.Reverse(all)
	}
	return all
}

func getUsers(c *call) (int, any, error) {
	ids := listed(c.query["id"])
	if len(ids) > maxUserIDs {
		return 0, nil, bad("max.user.ids", "one call takes %d user ids, not %d", maxUserIDs, len(ids)).field("id")
	}
	all := slices.DeleteFunc(c.usersInState(), func(u user) bool { return len(ids) > 0 && !slices.Contains(ids, u.ID) })
	l, some := paginate(c, all)
	l.Entities = c.showUsers(some, listed(c.query["expand"]))
	return http.StatusOK, l, nil
}

func (s *Server) showUsers(users []user, expand []string) []object {
	out := []object{}
	for _, u := range users {
		out = append(out, s.showUser(u, expand))
	}
	return out
}

func getUser(c *call) (int, any, error) {
	u, err := c.user()
	if err != nil || strings.EqualFold(c.query.Get("state"), "deleted") {
		return 0, nil, userNotFound(c.params["userId"])
	}
	return http.StatusOK, c.showUser(u, listed(c.query["expand"])), nil
}

// getUsersQuery is the listing whose next page is named by a cursor in the
// answer; the last page has none.
func getUsersQuery(c *call) (int, any, error) {
	all, size, from := c.usersInState(), c.number("pageSize", 25), 0
	if cursor := c.query.Get("cursor"); cursor != "" {
		last := keyOf(cursor)
		if from = slices.IndexFunc(all, func(u user) bool { return u.ID == last }) + 1; from == 0 {
			return 0, nil, bad("invalid.query.param.value", "Value [%s] is not a valid cursor", cursor).field("cursor")
		}
	}
	to := min(from+size, len(all))
	out := object{"entities": c.showUsers(all[from:to], listed(c.query["expand"])), "results": len(all), "selfUri": c.path()}
	if to < len(all) {
		cursor := cursorOf(all[to-1].ID)
		q := maps.Clone(c.query)
		q["cursor"] = []string{cursor}
		out["cursor"], out["nextUri"] = cursor, c.path()+"?"+url.Values(q).Encode()
	}
	return http.StatusOK, out, nil
}

// userSearch is the body of a search; criteria are ANDed unless they say OR or
// NOT.
type userSearch struct {
	SortOrder  string      `json:"sortOrder"`
	SortBy     string      `json:"sortBy"`
	PageSize   *int        `json:"pageSize"`
	PageNumber *int        `json:"pageNumber"`
	Expand     []string    `json:"expand"`
	Query      []criterion `json:"query"`
}

type criterion struct {
	Type     string      `json:"type"`
	Fields   []string    `json:"fields"`
	Value    *string     `json:"value"`
	Values   []string    `json:"values"`
	Operator string      `json:"operator"`
	Group    []criterion `json:"group"`
}

// searchable are the fields of a user that the sandbox can look in.
var searchable = map[string]func(user) string{
	"id":         func(u user) string { return u.ID },
	"name":       func(u user) string { return u.Name },
	"email":      func(u user) string { return u.Email },
	"username":   func(u user) string { return u.Email },
	"title":      func(u user) string { return u.Title },
	"department": func(u user) string { return u.Department },
	"state":      func(user) string { return "active" },
}

// comparisons are the types of criteria that the sandbox knows. Case does not
// count.
var comparisons = map[string]func(have, want string) bool{
	"EXACT":       func(have, want string) bool { return have == want },
	"CONTAINS":    strings.Contains,
	"STARTS_WITH": strings.HasPrefix,
	"TERM":        containsTerm,
	"TERMS":       containsTerm,
}

// containsTerm says whether want is the whole text or one of its words.
func containsTerm(have, want string) bool {
	return have == want || slices.Contains(strings.Fields(have), want)
}

func postUsersSearch(c *call) (int, any, error) {
	in, err := decode[userSearch](c)
	if err != nil {
		return 0, nil, err
	}
	size, number := 25, 1
	if in.PageSize != nil {
		size = *in.PageSize
	}
	if in.PageNumber != nil {
		number = min(*in.PageNumber, maxNumber)
	}
	switch {
	case size < 1 || size > 500:
		return 0, nil, bad("invalid.value", "pageSize must be between 1 and 500, not %d", size).field("pageSize")
	case number < 1:
		return 0, nil, bad("invalid.value", "pageNumber must be 1 or more, not %d", number).field("pageNumber")
	case size*number > maxSearchHits:
		return 0, nil, bad("too.many.requested.results", "a search shows %d users at most", maxSearchHits)
	case len(in.Query) > maxSearchCriteria:
		return 0, nil, bad("too.many.search.criteria", "a search takes %d criteria, not %d", maxSearchCriteria, len(in.Query)).field("query")
	}
	sortBy := searchable["name"]
	if in.SortBy != "" {
		if sortBy = searchable[in.SortBy]; sortBy == nil {
			return 0, nil, bad("invalid.value", "users cannot be sorted by %s", in.SortBy).field("sortBy")
		}
	}
	for i, k := range in.Query {
		if err := checkCriterion(k, fmt.Sprintf("query[%d]", i)); err != nil {
			return 0, nil, err
		}
	}
	found := slices.DeleteFunc(c.users.list(), func(u user) bool { return !meets(u, in.Query) })
	slices.SortStableFunc(found, func(a, b user) int { return strings.Compare(strings.ToLower(sortBy(a)), strings.ToLower(sortBy(b))) })
	if in.SortOrder == "DESC" {
		slices.Reverse(found)
	}
	from := min((number-1)*size, len(found))
	return http.StatusOK, object{
		"total": len(found), "pageCount": (len(found) + size - 1) / size, "pageSize": size, "pageNumber": number,
		"types": []string{"users"}, "results": c.showUsers(found[from:min(from+size, len(found))], in.Expand),
	}, nil
}

// checkCriterion refuses what the platform would, and says which types and
// fields the sandbox does not imitate.
func checkCriterion(k criterion, at string) error {
	for i, sub := range k.Group {
		if err := checkCriterion(sub, fmt.Sprintf("%s.group[%d]", at, i)); err != nil {
			return err
		}
	}
	if len(k.Group) > 0 {
		return nil
	}
	if comparisons[k.Type] == nil {
		return notImitated("search criteria of type " + k.Type)
	}
	if len(k.Fields) == 0 {
		return bad("client.failed.request", "%s needs fields to look in", at).field(at + ".fields")
	}
	for _, f := range k.Fields {
		if searchable[f] == nil {
			return bad("invalid.value", "users cannot be searched by %s", f).field(at + ".fields")
		}
	}
	if n := len(k.Values); n > maxSearchValues {
		return bad("search.criteria.values.exceed.limit", "a criterion takes %d values, not %d", maxSearchValues, n).field(at + ".values")
	}
	if k.Value == nil && len(k.Values) == 0 {
		return bad("client.failed.request", "%s needs a value or values", at).field(at + ".value")
	}
	return nil
}

func meets(u user, all []criterion) bool {
	wanted, either, hit := true, false, false
	for _, k := range all {
		ok := k.meets(u)
		switch k.Operator {
		case "OR":
			either, hit = true, hit || ok
		case "NOT":
			wanted = wanted && !ok
		default:
			wanted = wanted && ok
		}
	}
	return wanted && (hit || !either)
}

func (k criterion) meets(u user) bool {
	if len(k.Group) > 0 {
		return meets(u, k.Group)
	}
	values := k.Values
	if k.Value != nil {
		values = append(slices.Clone(values), *k.Value)
	}
	for _, f := range k.Fields {
		have := strings.ToLower(searchable[f](u))
		if slices.ContainsFunc(values, func(v string) bool { return comparisons[k.Type](have, strings.ToLower(v)) }) {
			return true
		}
	}
	return false
}

// getUserQueues lists the queues of a user: those joined, unless joined=false
// asks for the others.
func getUserQueues(c *call) (int, any, error) {
	u, err := c.user()
	if err != nil {
		return 0, nil, err
	}
	joined, divisions := c.query.Get("joined") != "false", listed(c.query["divisionId"])
	here := len(divisions) == 0 || slices.Contains(divisions, c.division.ID)
	all := []object{}
	for _, q := range c.queues.list() {
		for _, m := range c.membersOf(q) {
			if here && m.User == u.ID && m.Joined == joined {
				shown := c.showQueue(q)
				delete(shown, "autoAnswerOnly") // the one field that a queue has only by itself
				shown["joined"] = m.Joined
				all = append(all, shown)
			}
		}
	}
	slices.SortFunc(all, func(a, b object) int {
		return strings.Compare(strings.ToLower(text(a, "name")), strings.ToLower(text(b, "name")))
	})
	return page(c, all)
}

func getUserRoutingstatus(c *call) (int, any, error) {
	u, err := c.user()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, showRoutingStatus(c.atWork(u)), nil
}

// getUserPresence knows one source of presences: purecloud.
func getUserPresence(c *call) (int, any, error) {
	u, err := c.user()
	if err != nil {
		return 0, nil, notFound("presenceservice.usernotfound", "user", c.params["userId"])
	}
	if source := c.params["sourceId"]; source != "" && !strings.EqualFold(source, "purecloud") {
		return 0, nil, notFound("not.found", "presence source", source)
	}
	return http.StatusOK, showPresence(c.atWork(u)), nil
}
