package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// auditRow is one row of the audit trail, in the platform's wire form.
type auditRow struct {
	ID          string           `json:"id"`
	User        *ref             `json:"user,omitempty"`
	Client      *ref             `json:"client,omitempty"`
	RemoteIP    []string         `json:"remoteIp"`
	Service     string           `json:"serviceName"`
	Level       string           `json:"level"`
	EventDate   instant          `json:"eventDate"`
	written     time.Time        // on the wall
	Action      string           `json:"action"`
	Entity      ref              `json:"entity"`
	EntityType  string           `json:"entityType"`
	Status      string           `json:"status"`
	Application string           `json:"application,omitempty"`
	Changes     []propertyChange `json:"propertyChanges"`
}

// propertyChange is one changed property: its path, and its values as text.
type propertyChange struct {
	Property string   `json:"property"`
	Old      []string `json:"oldValues"`
	New      []string `json:"newValues"`
}

// actor is who changes something: an OAuth client or a person.
type actor struct {
	client string // client id
	user   ref
}

// id is what createdBy and modifiedBy hold.
func (a actor) id() string { return cmp.Or(a.user.ID, a.client) }

// kind is what the audit trail calls a sort of object, and its service.
type kind struct{ service, entityType string }

// The kinds of object that leave audit rows (docs/platform-notes.md#audits).
var (
	auditQueue    = kind{"ContactCenter", "Queue"}
	auditRoute    = kind{"Emails", "InboundRoute"}
	auditDomain   = kind{"Emails", "InboundDomain"}
	auditSkill    = kind{"Routing", "RoutingSkill"}
	auditLanguage = kind{"Routing", "RoutingLanguage"}
)

// audit appends a row for a change that by made. An update that changed
// nothing leaves none.
func (s *Server) audit(by actor, k kind, action string, entity ref, changes []propertyChange) {
	if action == "Update" && len(changes) == 0 {
		return
	}
	row := auditRow{
		ID: s.newID(), RemoteIP: []string{"192.0.2.10"}, Service: k.service, Level: "USER", EventDate: instant{s.now()}, written: s.wall(),
		Action: action, Entity: ref{ID: entity.ID, Name: entity.Name}, EntityType: k.entityType, Status: "SUCCESS", Changes: changes,
	}
	if row.Changes == nil {
		row.Changes = []propertyChange{}
	}
	if by.user.ID != "" {
		row.User = &ref{ID: by.user.ID, Name: by.user.Name, SelfURI: "/api/v2/users/" + by.user.ID}
	} else {
		row.Client = &ref{ID: by.client, SelfURI: "/api/v2/oauth/clients/" + by.client}
	}
	s.audits = append(s.audits, row)
	s.publishAudits()
}

// auditEvent is a row of the trail as a notification has it, where several
// fields have other names.
type auditEvent struct {
	ID          string           `json:"id"`
	UserID      string           `json:"userId,omitempty"`
	User        *ref             `json:"username,omitempty"`
	UserDisplay string           `json:"userDisplay,omitempty"`
	Client      *ref             `json:"clientId,omitempty"`
	RemoteIP    []string         `json:"remoteIp"`
	Service     string           `json:"serviceName"`
	Level       string           `json:"level"`
	EventTime   instant          `json:"eventTime"`
	Action      string           `json:"action"`
	EntityType  string           `json:"entityType"`
	Entity      ref              `json:"entity"`
	Changes     []propertyChange `json:"propertyChanges"`
}

// publishAudits publishes the rows that have become visible since the last
// time: each once, as the trail shows it. How a topic spells the type of the
// entity is unconfirmed, so Queue and QUEUE are both good.
func (s *Server) publishAudits() {
	for ; s.streams.published < len(s.audits); s.streams.published++ {
		r := s.audits[s.streams.published]
		if s.wall().Sub(r.written) < s.auditDelay(r.written) {
			return
		}
		e := auditEvent{
			ID: r.ID, User: r.User, Client: r.Client, RemoteIP: r.RemoteIP, Service: r.Service, Level: r.Level, EventTime: r.EventDate,
			Action: r.Action, EntityType: r.EntityType, Entity: r.Entity, Changes: r.Changes,
		}
		if r.User != nil {
			e.UserID, e.UserDisplay = r.User.ID, r.User.Name
		}
		for _, spelled := range []string{r.EntityType, strings.ToUpper(r.EntityType)} {
			s.publish("v2.audits.entitytype."+spelled+".entityid."+r.Entity.ID, e)
		}
	}
}

// changesBetween lists what differs between two objects, property by property,
// without the fields that only the platform writes.
func changesBetween(before, after object, ignore ...string) []propertyChange {
	var changes []propertyChange
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !slices.Contains(ignore, name) {
			changes = changed(changes, name, before[name], after[name])
		}
	}
	return changes
}

func changed(changes []propertyChange, path string, before, after any) []propertyChange {
	b, bIs := before.(map[string]any)
	a, aIs := after.(map[string]any)
	if (bIs || before == nil) && (aIs || after == nil) && (bIs || aIs) {
		for _, c := range changesBetween(b, a) {
			c.Property = path + "." + c.Property
			changes = append(changes, c)
		}
		return changes
	}
	old, now := values(before), values(after)
	if slices.Equal(old, now) {
		return changes
	}
	return append(changes, propertyChange{Property: path, Old: old, New: now})
}

// values writes a value as the trail does: a list of texts.
func values(v any) []string {
	switch v := v.(type) {
	case nil:
		return []string{}
	case string:
		return []string{v}
	case []any:
		out := []string{}
		for _, x := range v {
			out = append(out, values(x)...)
		}
		return out
	case json.Number, bool:
		return []string{fmt.Sprint(v)}
	}
	b, _ := json.Marshal(v)
	return []string{string(b)}
}
