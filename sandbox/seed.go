package sandbox

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

// seedData is the organisation that a sandbox starts with, by names.
//
//go:embed seed.json
var seedData []byte

type seedFile struct {
	Skills, Languages, WrapUpCodes []string
	SkillGroups                    []struct {
		Name, Description string
		Skills            map[string]float64
	}
	Users []struct {
		Name, Title, Department, Presence, RoutingStatus string
		Skills, Languages                                map[string]float64
		Utilization                                      object
	}
	Queues []struct {
		Queue   object
		Members []string
	}
	Domains []struct {
		Name   string
		Routes []struct {
			Pattern, FromName, Queue, Flow, Language string
			Priority                                 json.Number
			Skills                                   []string
		}
	}
}

// seed fills the organisation. Everything in it has been there for long.
func (s *Server) seed() {
	file, err := parse[seedFile](seedData)
	if err != nil {
		panic(fmt.Sprintf("read the embedded seed: %v", err)) // a build with a broken file; no test would pass
	}
	skills, languages, groups, users, queues := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for _, name := range file.Skills {
		skills[name] = s.seedSkill(s.skills, auditSkill, name)
	}
	for _, name := range file.Languages {
		languages[name] = s.seedSkill(s.languages, auditLanguage, name)
	}
	for _, name := range file.WrapUpCodes {
		id := s.newID()
		s.wrapUpCodes.seedRow(id, ref{ID: id, Name: name})
	}
	for _, g := range file.SkillGroups {
		id := s.newID()
		groups[g.Name] = id
		s.skillGroups.seedRow(id, skillGroup{ID: id, Name: g.Name, Description: g.Description, Skills: byID(g.Skills, skills), Created: s.now()})
	}
	for _, u := range file.Users {
		id := s.newID()
		users[u.Name] = id
		s.users.seedRow(id, user{
			ID: id, Name: u.Name, Email: strings.ToLower(strings.ReplaceAll(u.Name, " ", ".")) + "@larkfield.example",
			Title: u.Title, Department: u.Department, Skills: byID(u.Skills, skills), Languages: byID(u.Languages, languages),
			Presence: orElse(u.Presence, "AVAILABLE"), RoutingStatus: orElse(u.RoutingStatus, "OFF_QUEUE"), Since: s.now(), Utilization: u.Utilization,
		})
	}
	for _, q := range file.Queues {
		body, _ := named(q.Queue, skills, groups).(map[string]any)
		id := s.seedQueue(body)
		queues[text(body, "name")] = id
		for _, name := range q.Members {
			s.members[id].seedRow(users[name], member{User: users[name], Ring: 1, Joined: true, By: "user"})
		}
	}
	for _, d := range file.Domains {
		s.seedDomain(d.Name)
		for _, r := range d.Routes {
			body := object{"pattern": r.Pattern, "fromName": r.FromName, "historyInclusion": "Optional", "allowMultipleActions": false}
			if r.Queue != "" {
				body["queue"] = object{"id": queues[r.Queue]}
			} else {
				body["flow"] = object{"id": r.Flow}
			}
			if r.Priority != "" {
				body["priority"] = r.Priority
			}
			if r.Language != "" {
				body["language"] = object{"id": languages[r.Language]}
			}
			wanted := []any{}
			for _, name := range r.Skills {
				wanted = append(wanted, object{"id": skills[name]})
			}
			body["skills"] = wanted
			s.seedRoute(d.Name, body)
		}
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func byID(names map[string]float64, ids map[string]string) map[string]float64 {
	out := map[string]float64{}
	for name, v := range names {
		out[ids[name]] = v
	}
	return out
}

// named replaces {"$skill": name} and {"$group": name} by references.
func named(v any, skills, groups map[string]string) any {
	switch v := v.(type) {
	case map[string]any:
		if name := text(v, "$skill"); name != "" {
			return object{"id": skills[name]}
		}
		if name := text(v, "$group"); name != "" {
			return object{"id": groups[name], "type": "SKILLGROUP"}
		}
		out := object{}
		for k, x := range v {
			out[k] = named(x, skills, groups)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = named(x, skills, groups)
		}
		return out
	}
	return v
}

func (s *Server) seedSkill(t *table[skill], k kind, name string) string {
	row := s.newSkill(k, name)
	t.seedRow(row.ID, row)
	return row.ID
}

func (s *Server) seedQueue(q object) string {
	id := s.newID()
	q = s.completeQueue(q)
	s.stampQueue(id, q, actor{user: ref{ID: s.newID()}})
	s.queues.seedRow(id, q)
	s.members[id] = newTable[member](s)
	return id
}

func (s *Server) seedDomain(name string) {
	s.domains.seedRow(name, domainBody(name, nil))
	s.routes[name] = newTable[route](s)
}

func (s *Server) seedRoute(domain string, body object) {
	body["id"] = s.newID()
	s.routes[domain].seedRow(text(body, "id"), route{body: s.routeBody(domain, body)})
}

// Populate adds queues, and addresses that point at them, to make a large
// organisation: queues named Queue 0001 and so on, and addresses 1000 a domain.
func (s *Server) Populate(queues, routes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, queues)
	for i := range ids {
		ids[i] = s.seedQueue(object{
			"name": fmt.Sprintf("Queue %04d", i+1),
			"mediaSettings": object{"email": object{
				"alertingTimeoutSeconds": number(300), "serviceLevel": object{"percentage": number(0.8), "durationMs": number(86_400_000)},
			}},
		})
	}
	for i := range routes {
		domain := fmt.Sprintf("mail%d.example.net", i/maxRoutes+1)
		if i%maxRoutes == 0 {
			s.seedDomain(domain)
		}
		s.seedRoute(domain, object{"pattern": fmt.Sprintf("address%04d", i+1), "fromName": "Larkfield", "queue": object{"id": ids[i%max(queues, 1)]}})
	}
}

// Staff adds agents, and makes them members of a queue: named Agent 0042 and so
// on, by how many users there are, with all that an agent has who is there but no
// utilization of their own.
func (s *Server) Staff(queueName string, agents int, like string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	model, q, err := s.find(like, queueName)
	if err != nil {
		return err
	}
	first := len(s.users.all()) + 1
	for i := range agents {
		u, _ := s.users.latest(model.user.ID)
		u.ID, u.Name, u.Email = s.newID(), fmt.Sprintf("Agent %04d", first+i), fmt.Sprintf("agent%04d@larkfield.example", first+i)
		u.Utilization = nil
		s.users.seedRow(u.ID, u)
		s.members[text(q, "id")].seedRow(u.ID, member{User: u.ID, Ring: 1, Joined: true, By: "user"})
	}
	return nil
}
