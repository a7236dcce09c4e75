package sandbox

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

//go:embed page.html
var pageSource string

// The most that the page shows.
const (
	pageRequests = 100
	pageAudits   = 50
	pageObjects  = 200
)

// queueRow is a queue on the page.
type queueRow struct {
	Name, ID                   string
	Waiting, Answered, OnQueue int
}

// addressRow is an address on the page.
type addressRow struct{ Name, About string }

// faultRow is a rule on the page.
type faultRow struct {
	Rule Fault
	When string
}

// statusRow is how many agents have a routing status.
type statusRow struct {
	Name string
	N    int
}

// servePage shows what the sandbox got and has, for a person.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	t, err := template.New("page").Parse(pageSource)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	data := s.pageData()
	data["Host"] = r.Host
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = t.Execute(w, data)
}

func (s *Server) pageData() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	s.settle()
	requests := slices.Clone(s.requests[max(len(s.requests)-pageRequests, 0):])
	audits := slices.Clone(s.audits[max(len(s.audits)-pageAudits, 0):])
	slices.Reverse(requests)
	slices.Reverse(audits)
	zone := unitLocation()
	if s.life != nil {
		zone = s.life.zero.Location()
	}
	now := s.now().In(zone)
	queues, all := s.queueRows(now)
	addresses, addressCount := s.addressRows()
	statuses, onQueue := s.statusRows()
	return map[string]any{
		"Org": s.org.Name, "Users": len(s.users.all()), "Now": now, "Zone": zone, "Speed": s.options.Speed, "Seed": s.options.Seed, "Alive": s.works(), "Broken": s.broken,
		"OnQueue": onQueue, "Statuses": statuses, "Queues": queues, "QueueCount": all, "MoreQueues": all - len(queues),
		"Addresses": addresses, "AddressCount": addressCount, "Faults": s.faultRows(zone), "Requests": requests, "Audits": audits,
	}
}

// works says that the organisation lives.
func (s *Server) works() bool { return s.life != nil && s.life.centre != nil && s.broken == nil }

// queueRows are the queues that are shown, and how many there are.
func (s *Server) queueRows(now time.Time) ([]queueRow, int) {
	waiting, answered := map[string]int{}, map[string]int{}
	if s.works() {
		c := s.life.centre
		midnight := date(now, now.Location()).Sub(s.life.zero).Milliseconds()
		for _, n := range c.Open() {
			if l := c.Leg(n); l.State < centre.Interacting {
				waiting[c.QueueID(l.Queue)]++
			}
		}
		for _, l := range c.Within(midnight, c.Now()+1) {
			if l.Answered >= max(0, midnight) {
				answered[c.QueueID(l.Queue)]++
			}
		}
	}
	var out []queueRow
	all := s.queues.all()
	for _, q := range all[:min(len(all), pageObjects)] {
		id := text(q, "id")
		row := queueRow{Name: text(q, "name"), ID: id, Waiting: waiting[id], Answered: answered[id]}
		for _, m := range s.membersAmong(q, s.members[id].all(), s.users.all) {
			if u, ok := s.users.latest(m.User); ok && m.Joined && s.atWork(u).Presence == "ON_QUEUE" {
				row.OnQueue++
			}
		}
		out = append(out, row)
	}
	return out, len(all)
}

// addressRows are the addresses that are shown, and how many there are.
func (s *Server) addressRows() ([]addressRow, int) {
	var out []addressRow
	for _, d := range s.domains.all() {
		for _, r := range s.routes[text(d, "id")].all() {
			if s.alive(r) {
				out = append(out, addressRow{text(r.body, "pattern") + "@" + text(d, "id"), s.status(r)})
			}
		}
	}
	return out[:min(len(out), pageObjects)], len(out)
}

// statusRows are what the agents on queue are doing, and how many there are.
func (s *Server) statusRows() ([]statusRow, int) {
	counts, all := map[string]int{}, 0
	for _, u := range s.users.all() {
		if u = s.atWork(u); u.Presence == "ON_QUEUE" {
			counts[u.RoutingStatus]++
			all++
		}
	}
	var out []statusRow
	for _, status := range []string{"IDLE", "INTERACTING", "COMMUNICATING", "NOT_RESPONDING"} {
		if n := counts[status]; n > 0 {
			out = append(out, statusRow{strings.ToLower(strings.ReplaceAll(status, "_", " ")), n})
		}
	}
	return out, all
}

// faultRows are the rules, and when each of those with a time holds.
func (s *Server) faultRows(zone *time.Location) []faultRow {
	var out []faultRow
	for _, f := range s.faults {
		row := faultRow{Rule: *f}
		at := func(d time.Duration) string { return s.opened.Add(d).In(zone).Format("Mon 15:04:05") }
		switch {
		case f.After > s.lived() && f.For > 0:
			row.When = "from " + at(f.After) + " to " + at(f.After+f.For)
		case f.After > s.lived():
			row.When = "from " + at(f.After) + " on"
		case f.For > 0:
			row.When = "in force until " + at(f.After+f.For)
		default:
			row.When = "in force"
		}
		out = append(out, row)
	}
	return out
}
