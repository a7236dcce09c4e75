package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What a test or a demonstration can see and do that the API does not offer.

// Requests lists what the sandbox got, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ClearRequests empties the list of Requests.
func (s *Server) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Audit is one row of the audit trail, for a test to look at.
type Audit struct {
	At                          time.Time
	User, Client                string // the name of the person, or the id of the client
	Service, EntityType, Action string
	EntityID, EntityName        string
	Changes                     []Change
}

// Change is one changed property: its path, and its values as text.
type Change struct {
	Property string
	Old, New []string
}

// Audits lists the audit trail, oldest first.
func (s *Server) Audits() []Audit {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Audit
	for _, a := range s.audits {
		row := Audit{At: a.EventDate.Time, Service: a.Service, EntityType: a.EntityType, Action: a.Action, EntityID: a.Entity.ID, EntityName: a.Entity.Name}
		for _, c := range a.Changes {
			row.Changes = append(row.Changes, Change(c))
		}
		if a.User != nil {
			row.User = a.User.Name
		} else {
			row.Client = a.Client.ID
		}
		out = append(out, row)
	}
	return out
}

// SetRouteStatus holds the status of the route of an address, such as
// vip@help.example.com, at Pending, Active, Removing or Error; empty: by the
// clock again. The next write ends the hold.
func (s *Server) SetRouteStatus(address, status string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	defer s.settle()
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	for _, r := range s.routes[domain].all() {
		if s.alive(r) && strings.EqualFold(text(r.body, "pattern"), local) {
			r.forced = status
			s.routes[domain].amend(text(r.body, "id"), r)
			return nil
		}
	}
	return fmt.Errorf("set the status of %s: no such route", address)
}

// EditQueue changes a queue as a person does in the admin page, with an audit
// row that names them. edit gets the queue as GET shows it, numbers as
// json.Number, and may change it in place.
func (s *Server) EditQueue(userName, queueName string, edit func(queue map[string]any)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	defer s.settle()
	by, q, err := s.find(userName, queueName)
	if err != nil {
		return err
	}
	shown := s.showQueue(q)
	edit(shown)
	if shown, err = normal(shown); err == nil {
		_, err = s.writeQueue(by, text(q, "id"), shown)
	}
	if err != nil {
		return fmt.Errorf("edit the queue %s: %w", queueName, err)
	}
	return nil
}

// DeleteQueue deletes a queue as a person does in the admin page.
func (s *Server) DeleteQueue(userName, queueName string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	defer s.settle()
	by, q, err := s.find(userName, queueName)
	if err != nil {
		return err
	}
	return s.dropQueue(by, text(q, "id"))
}

func (s *Server) find(userName, queueName string) (actor, object, error) {
	var by actor
	for _, u := range s.users.all() {
		if u.Name == userName || u.Email == userName {
			by.user = ref{ID: u.ID, Name: u.Name}
		}
	}
	if by.user.ID == "" {
		return by, nil, fmt.Errorf("the sandbox has no user %s", userName)
	}
	for _, q := range s.queues.all() {
		if text(q, "name") == queueName {
			return by, q, nil
		}
	}
	return by, nil, fmt.Errorf("the sandbox has no queue %s", queueName)
}
