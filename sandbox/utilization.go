package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// utilizationHandlers answer for how much work agents may hold at once: of the
// organisation, of single agents, and by label. See
// docs/platform-notes.md#utilization.
var utilizationHandlers = map[string]handler{
	"getRoutingUtilization":         getRoutingUtilization,
	"putRoutingUtilization":         putRoutingUtilization,
	"deleteRoutingUtilization":      deleteRoutingUtilization,
	"getRoutingUserUtilization":     getRoutingUserUtilization,
	"putRoutingUserUtilization":     putRoutingUserUtilization,
	"deleteRoutingUserUtilization":  deleteRoutingUserUtilization,
	"getRoutingUtilizationLabels":   getRoutingUtilizationLabels,
	"postRoutingUtilizationLabels":  postRoutingUtilizationLabels,
	"getRoutingUtilizationLabel":    getRoutingUtilizationLabel,
	"putRoutingUtilizationLabel":    putRoutingUtilizationLabel,
	"deleteRoutingUtilizationLabel": deleteRoutingUtilizationLabel,
}

const (
	maxCapacity = 25 // interactions of one media type or label at once
	maxLabels   = 100
)

// How the trail names what is here, in the order of the published enum; the
// pairing is unconfirmed (docs/platform-notes.md#audits).
var (
	auditCapacity = kind{"ContactCenter", "MaxOrgRoutingUtilizationCapacity"}
	auditLabel    = kind{"ContactCenter", "RoutingUtilizationTag"}
)

// defaultCapacity is how many interactions of each media type an agent may
// hold where nobody said anything else.
var defaultCapacity = map[string]float64{"call": 1, "callback": 1, "chat": 4, "email": 1, "message": 1}

// defaultMedia is the utilization of one media type without settings. By
// default everything interrupts email, and nothing the rest.
func defaultMedia(media string) object {
	interrupted := []any{}
	if media == "email" {
		for _, other := range slices.Sorted(maps.Keys(defaultCapacity)) {
			if other != media {
				interrupted = append(interrupted, other)
			}
		}
	}
	return object{"maximumCapacity": number(defaultCapacity[media]), "interruptableMediaTypes": interrupted, "includeNonAcd": false}
}

// orgUtilization is the key of the one row that the organisation has.
const orgUtilization = "organization"

// showUtilization completes a utilization: media types that it leaves out have
// their defaults.
func (s *Server) showUtilization(own object) object {
	media, labels := object{}, object{}
	for name := range defaultCapacity {
		set, given := dig(own, "utilization", name).(map[string]any)
		if !given {
			media[name] = defaultMedia(name)
			continue
		}
		shown := object{"maximumCapacity": number(defaultCapacity[name]), "interruptableMediaTypes": []any{}, "includeNonAcd": false}
		for field, v := range set {
			if v != nil {
				shown[field] = v
			}
		}
		media[name] = shown
	}
	given, _ := dig(own, "labelUtilizations").(map[string]any)
	for id, set := range given {
		if l, ok := s.labels.latest(id); ok {
			shown, _ := clone(set).(map[string]any)
			shown["labelName"] = l.Name
			labels[id] = shown
		}
	}
	out := object{"utilization": media, "labelUtilizations": labels}
	if n := dig(own, "maxInboundCalls"); n != nil {
		out["maxInboundCalls"] = n
	}
	return out
}

// checkUtilization says what the platform would refuse.
func (s *Server) checkUtilization(in object) error {
	media, _ := dig(in, "utilization").(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(media)) {
		at := "utilization." + name
		if _, known := defaultCapacity[name]; !known {
			return bad("unsupported.media.type", "the media type %s is not supported", name).field(at)
		}
		if err := checkCapacity(media[name], at); err != nil {
			return err
		}
		if slices.Contains(list(media[name], "interruptableMediaTypes"), any(name)) {
			return bad("interrupt.same.media.type", "the media type %s cannot interrupt itself", name).field(at + ".interruptableMediaTypes")
		}
	}
	labels, _ := dig(in, "labelUtilizations").(map[string]any)
	for _, id := range slices.Sorted(maps.Keys(labels)) {
		if err := s.checkLabelUtilization(id, labels[id]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) checkLabelUtilization(id string, set any) error {
	at := "labelUtilizations." + id
	for _, name := range append([]any{id}, list(set, "interruptingLabelIds")...) {
		if _, ok := s.labels.latest(fmt.Sprint(name)); !ok {
			return bad("invalid.value", "the label %s does not exist", name).field(at)
		}
	}
	return checkCapacity(set, at)
}

func checkCapacity(set any, at string) error {
	if n, ok := decimal(set, "maximumCapacity"); ok && (n < 0 || n > maxCapacity) {
		return bad("invalid.media.capacity", "maximumCapacity must be between 0 and %d", maxCapacity).field(at + ".maximumCapacity")
	}
	return nil
}

func getRoutingUtilization(c *call) (int, any, error) {
	own, _ := c.utilization.seen(orgUtilization)
	return http.StatusOK, c.showUtilization(own), nil
}

// putRoutingUtilization replaces the whole: what is left out has its default.
func putRoutingUtilization(c *call) (int, any, error) {
	in, err := c.utilizationBody()
	if err != nil {
		return 0, nil, err
	}
	old, _ := c.utilization.latest(orgUtilization)
	c.utilization.put(orgUtilization, in)
	c.audit(c.actor, auditCapacity, "Update", c.org, changesBetween(c.showUtilization(old), c.showUtilization(in)))
	return http.StatusOK, c.showUtilization(in), nil
}

func (c *call) utilizationBody() (object, error) {
	in, err := decode[object](c)
	if err != nil {
		return nil, err
	}
	return in, c.checkUtilization(in)
}

func deleteRoutingUtilization(c *call) (int, any, error) {
	if old, ok := c.utilization.latest(orgUtilization); ok {
		c.utilization.remove(orgUtilization)
		c.audit(c.actor, auditCapacity, "Delete", c.org, changesBetween(c.showUtilization(old), c.showUtilization(nil)))
	}
	return http.StatusOK, nil, nil
}

// showUserUtilization shows an agent's own utilization, or the organisation's
// with the level that says so.
func (c *call) showUserUtilization(u user) object {
	if u.Utilization == nil {
		own, _ := c.utilization.seen(orgUtilization)
		out := c.showUtilization(own)
		out["level"] = "Organization"
		return out
	}
	own := without(u.MoreUtilization)
	own["utilization"] = u.Utilization
	out := c.showUtilization(own)
	out["level"] = "Agent"
	return out
}

func getRoutingUserUtilization(c *call) (int, any, error) {
	u, err := c.user()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.showUserUtilization(u), nil
}

// putRoutingUserUtilization gives an agent a whole utilization of their own.
// That what is left out has the platform's default, and not the
// organisation's, is unconfirmed.
func putRoutingUserUtilization(c *call) (int, any, error) {
	in, err := c.utilizationBody()
	if err != nil {
		return 0, nil, err
	}
	u, err := c.changeUser(func(u *user) error {
		u.Utilization, u.MoreUtilization = object{}, without(in, "utilization")
		if media, ok := in["utilization"].(map[string]any); ok {
			u.Utilization = media
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.showUserUtilization(u), nil
}

func deleteRoutingUserUtilization(c *call) (int, any, error) {
	_, err := c.changeUser(func(u *user) error {
		u.Utilization, u.MoreUtilization = nil, nil
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, nil, nil
}

func getRoutingUtilizationLabels(c *call) (int, any, error) {
	all := slices.DeleteFunc(c.labels.list(), func(l ref) bool { return !matchesName(c.query.Get("name"), l.Name) })
	slices.SortFunc(all, func(a, b ref) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	if strings.HasPrefix(strings.ToLower(c.query.Get("sortOrder")), "desc") {
		slices.Reverse(all)
	}
	return page(c, all)
}

func labelNotFound(id string) *failure {
	return notFound("resource.not.found", "utilization label", id)
}

// checkLabelName refuses a name that is empty or that another label has.
func (s *Server) checkLabelName(id, name string) error {
	if name == "" {
		return bad("invalid.name", "the name of a label must not be empty").field("name")
	}
	for _, l := range s.labels.all() {
		if l.ID != id && strings.EqualFold(l.Name, name) {
			return bad("duplicate.name", "a label with the name %s exists already", name).field("name")
		}
	}
	return nil
}

// postRoutingUtilizationLabels creates a label, with its capacity in the
// organisation's utilization where one is given.
func postRoutingUtilizationLabels(c *call) (int, any, error) {
	in, err := decode[object](c)
	if err != nil {
		return 0, nil, err
	}
	l := ref{Name: strings.TrimSpace(text(in, "name"))}
	if err := c.checkLabelName("", l.Name); err != nil {
		return 0, nil, err
	}
	if len(c.labels.all()) >= maxLabels {
		return 0, nil, bad("invalid.utilization.label", "an organisation can have %d labels", maxLabels)
	}
	set, _ := in["utilization"].(map[string]any)
	if err := checkCapacity(set, "utilization"); err != nil {
		return 0, nil, err
	}
	for _, id := range list(set, "interruptingLabelIds") {
		if _, ok := c.labels.latest(fmt.Sprint(id)); !ok {
			return 0, nil, bad("invalid.utilization.label", "the label %s does not exist", id).field("utilization.interruptingLabelIds")
		}
	}
	l.ID = c.newID()
	l.SelfURI = "/api/v2/routing/utilization/labels/" + l.ID
	c.labels.put(l.ID, l)
	c.audit(c.actor, auditLabel, "Create", l, nil)
	if set != nil {
		old, _ := c.utilization.latest(orgUtilization)
		all := without(old)
		labels, _ := all["labelUtilizations"].(map[string]any)
		labels = without(labels)
		labels[l.ID] = set
		all["labelUtilizations"] = labels
		c.utilization.put(orgUtilization, all)
	}
	return http.StatusOK, l, nil
}

func getRoutingUtilizationLabel(c *call) (int, any, error) {
	l, ok := c.labels.seen(c.params["labelId"])
	if !ok {
		return 0, nil, labelNotFound(c.params["labelId"])
	}
	return http.StatusOK, l, nil
}

func putRoutingUtilizationLabel(c *call) (int, any, error) {
	in, err := decode[ref](c)
	if err != nil {
		return 0, nil, err
	}
	old, ok := c.labels.latest(c.params["labelId"])
	if !ok {
		return 0, nil, labelNotFound(c.params["labelId"])
	}
	l := old
	l.Name = strings.TrimSpace(in.Name)
	if err := c.checkLabelName(l.ID, l.Name); err != nil {
		return 0, nil, err
	}
	c.labels.put(l.ID, l)
	c.audit(c.actor, auditLabel, "Update", l, changed(nil, "name", old.Name, l.Name))
	return http.StatusOK, l, nil
}

// deleteRoutingUtilizationLabel refuses a label that is in use, unless forced.
func deleteRoutingUtilizationLabel(c *call) (int, any, error) {
	l, ok := c.labels.latest(c.params["labelId"])
	if !ok {
		return 0, nil, labelNotFound(c.params["labelId"])
	}
	if c.query.Get("forceDelete") != "true" && c.labelInUse(l.ID) {
		return 0, nil, bad("invalid.utilization.label", "the label %s is in use", l.Name)
	}
	c.labels.remove(l.ID)
	c.audit(c.actor, auditLabel, "Delete", l, nil)
	return http.StatusNoContent, nil, nil
}

func (s *Server) labelInUse(id string) bool {
	own, _ := s.utilization.latest(orgUtilization)
	return dig(own, "labelUtilizations", id) != nil || slices.ContainsFunc(s.users.all(), func(u user) bool {
		return dig(u.MoreUtilization, "labelUtilizations", id) != nil
	})
}
