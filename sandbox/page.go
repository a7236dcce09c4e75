package sandbox

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

//go:embed page.html
var pageSource string

// servePage lists what the sandbox got and has, for a person.
func (s *Server) servePage(w http.ResponseWriter, _ *http.Request) {
	t, err := template.New("page").Parse(pageSource)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	type row struct{ Name, About string }
	faults := s.Faults()
	s.mu.Lock()
	requests := slices.Clone(s.requests[max(len(s.requests)-100, 0):])
	audits := slices.Clone(s.audits[max(len(s.audits)-50, 0):])
	var queues, addresses []row
	for _, q := range s.queues.all() {
		queues = append(queues, row{text(q, "name"), text(q, "id")})
	}
	for _, d := range s.domains.all() {
		for _, r := range s.routes[text(d, "id")].all() {
			if s.alive(r) {
				addresses = append(addresses, row{text(r.body, "pattern") + "@" + text(d, "id"), s.status(r)})
			}
		}
	}
	org, users := s.org.Name, len(s.users.all())
	s.mu.Unlock()
	slices.Reverse(requests)
	slices.Reverse(audits)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = t.Execute(w, map[string]any{
		"Org": org, "Users": users, "QueueCount": len(queues), "AddressCount": len(addresses), "Requests": requests, "Audits": audits,
		"Faults": faults, "Queues": queues[:min(len(queues), 200)], "Addresses": addresses[:min(len(addresses), 200)],
	})
}
