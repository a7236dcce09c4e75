package sandbox

import (
	"fmt"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file shows email conversations: legs of the record go in, participants as
// REST and the topics have them come out.

// party is one participant of a conversation.
type party struct {
	id, purpose, name, address      string
	leg                             int    // 0: the customer
	user, queue                     string // ids; empty: none
	state                           string // alerting, connected, terminated
	disconnect                      string // how it ended; empty: it has not
	start, alerting, connected, end time.Time
	acwStart, acwEnd                time.Time
	asks                            bool // what it asks for is shown
	ask                             centre.Ask
	priority                        int
	wrapUp                          ref // empty: none
}

// parties are the participants of a conversation in the order in which they
// came: the customer, and for each queue the queue, whoever did not answer, and
// the agent. How the platform shows the end of each is unconfirmed in part.
func (s *Server) parties(first int) []party {
	life := s.life
	opening := life.centre.Leg(first)
	mail := s.letter(first)
	customer := party{
		id: s.partID(first, "customer"), purpose: "customer", name: mail.FromName, address: mail.FromAddress,
		state: "connected", start: life.at(opening.Entered), connected: life.at(opening.Entered),
	}
	all := []party{customer}
	misses := life.centre.Misses()
	for n, l := first, opening; ; {
		all = append(all, s.queueParty(n, l))
		for i := range misses {
			if m := &misses[i]; m.Leg == n {
				all = append(all, party{
					id: s.partID(n, fmt.Sprint("agent ", m.From)), purpose: "agent", leg: n, user: life.centre.AgentID(m.Agent),
					queue: life.centre.QueueID(l.Queue), state: "terminated", disconnect: "transfer.noanswer",
					start: life.at(m.From), alerting: life.at(m.From), end: life.at(m.To),
				})
			}
		}
		if l.Agent >= 0 {
			all = append(all, s.agentParty(n, l))
		}
		next := life.centre.Leg(l.Next)
		if l.Next == 0 || next == nil {
			if l.State >= centre.Handled && !l.Transferred {
				all[0].state, all[0].end, all[0].disconnect = "terminated", life.at(l.Ended), "peer"
				if l.State == centre.Abandoned {
					all[0].disconnect = "endpoint"
				}
			}
			break
		}
		n, l = l.Next, next
	}
	for i := range all {
		if u, ok := s.users.latest(all[i].user); ok {
			all[i].name = u.Name
		}
	}
	return all
}

// queueParty is a queue that an email is in, or was.
func (s *Server) queueParty(n int, l *centre.Leg) party {
	c := s.life.centre
	p := party{
		id: s.partID(n, "acd"), purpose: "acd", leg: n, queue: c.QueueID(l.Queue), state: "connected",
		start: s.life.at(l.Entered), connected: s.life.at(l.Entered), asks: true, ask: c.Ask(l.Ask), priority: int(l.Priority),
	}
	p.name, _, _ = s.lookUp(p.queue)
	switch {
	case l.Answered >= 0:
		p.state, p.end, p.disconnect = "terminated", s.life.at(l.Answered), "transfer"
	case l.State >= centre.Handled:
		p.state, p.end, p.disconnect = "terminated", s.life.at(l.Ended), howEnded(l, "peer")
	}
	return p
}

// agentParty is the agent who has an email, or had it.
func (s *Server) agentParty(n int, l *centre.Leg) party {
	c := s.life.centre
	p := party{
		id: s.partID(n, fmt.Sprint("agent ", l.Alerted)), purpose: "agent", leg: n, user: c.AgentID(l.Agent), queue: c.QueueID(l.Queue),
		state: "alerting", start: s.life.at(l.Alerted), alerting: s.life.at(l.Alerted),
	}
	if l.Answered >= 0 {
		p.state, p.connected = "connected", s.life.at(l.Answered)
	}
	switch {
	case l.State == centre.Handled:
		p.state, p.end, p.disconnect, p.wrapUp = "terminated", s.life.at(l.WrappedFrom), howEnded(l, "client"), s.wrapUpCode(n, l)
		p.acwStart, p.acwEnd = s.life.at(l.WrappedFrom), s.life.at(l.Ended)
	case l.State > centre.Handled:
		p.state, p.end, p.disconnect = "terminated", s.life.at(l.Ended), howEnded(l, "client")
	}
	return p
}

func howEnded(l *centre.Leg, otherwise string) string {
	if l.Transferred {
		return "transfer"
	}
	return otherwise
}

// codesIn are the codes that agents choose from: the queue's, or the
// organisation's where the queue has none.
func (s *Server) codesIn(queue string) []ref {
	if codes := s.queueCodes[queue].all(); len(codes) > 0 {
		return codes
	}
	return s.wrapUpCodes.all()
}

// chosen is which of so many codes the agent of a leg chose; the same whenever it
// is asked.
func (s *Server) chosen(leg, codes int) int {
	return int(s.scramble(uint64(leg), "wrap-up") % uint64(codes))
}

// wire is where an email is shown: the two models name the same things in
// other ways.
type wire int

const (
	onREST  wire = iota // EmailConversation
	onTopic             // QueueConversationEmailEventTopicEmailConversation
)

// refer names an object that a participant refers to.
func (w wire) refer(id, name, uri string) object {
	out := object{"id": id}
	if name != "" {
		out["name"] = name
	}
	if w == onREST {
		out["selfUri"] = uri + id
	}
	return out
}

// part names an object inside of routing data, where REST has no names.
func (w wire) part(id, name, uri string) object {
	if w == onREST {
		return object{"id": id, "selfUri": uri + id}
	}
	return object{"id": id, "name": name}
}

// routingData is what an email asks for.
func (s *Server) routingData(p *party, w wire) object {
	skills := []object{}
	for _, id := range p.ask.Skills {
		name, _, _ := s.lookUp(id)
		skills = append(skills, w.part(id, name, "/api/v2/routing/skills/"))
	}
	out := object{"queue": w.part(p.queue, p.name, "/api/v2/routing/queues/"), "priority": p.priority, "skills": skills, "scoredAgents": []any{}}
	if id := p.ask.Language; id != "" {
		name, _, _ := s.lookUp(id)
		out["language"] = w.part(id, name, "/api/v2/routing/languages/")
	}
	return out
}

// wrapupPrompts are the modes of after-call work as participants have them.
var wrapupPrompts = map[string]string{
	"MANDATORY": "mandatory", "OPTIONAL": "optional", "MANDATORY_TIMEOUT": "timeout", "MANDATORY_FORCED_TIMEOUT": "forcedTimeout",
	"AGENT_REQUESTED": "agentRequested",
}

// times adds the times of a participant that have come.
func times(out object, all map[string]time.Time) {
	for field, t := range all {
		if !t.IsZero() {
			out[field] = stamp(t)
		}
	}
}

// showParty writes a participant.
func (s *Server) showParty(p *party, mail created, w wire) object {
	out := object{
		"id": p.id, "purpose": p.purpose, "state": p.state, "direction": "inbound", "held": false, "wrapupRequired": false,
		"provider": mail.Provider, "subject": mail.Subject, "messagesSent": 0, "autoGenerated": false, "spam": false,
		"attributes": mail.Attributes, "mediaRoles": []string{"full"},
	}
	times(out, map[string]time.Time{"startTime": p.start, "connectedTime": p.connected, "endTime": p.end, "startAcwTime": p.acwStart, "endAcwTime": p.acwEnd})
	if w == onREST {
		times(out, map[string]time.Time{"startAlertingTime": p.alerting})
	}
	for field, value := range map[string]string{"name": p.name, "address": p.address, "disconnectType": p.disconnect} {
		if value != "" {
			out[field] = value
		}
	}
	queue, _ := s.queues.latest(p.queue)
	if p.queue != "" {
		out["queue"] = w.refer(p.queue, text(queue, "name"), "/api/v2/routing/queues/")
	}
	if p.asks {
		out["conversationRoutingData"] = s.routingData(p, w)
	}
	if p.user == "" {
		return out
	}
	out["user"] = w.refer(p.user, p.name, "/api/v2/users/")
	prompt := wrapupPrompts[text(queue, "acwSettings", "wrapupPrompt")]
	out["wrapupRequired"], out["wrapupPrompt"] = prompt != "optional", prompt
	if p.wrapUp.ID != "" {
		out["wrapup"] = object{"name": p.wrapUp.Name}
		if w == onTopic {
			out["wrapup"] = object{"code": p.wrapUp.ID, "durationSeconds": int(p.acwEnd.Sub(p.acwStart).Seconds()), "endTime": stamp(p.acwEnd)}
		}
	}
	return out
}

// showEmail writes a conversation as REST has it.
func (s *Server) showEmail(first int) object {
	id := s.conversationID(first)
	return object{
		"id": id, "participants": s.showParties(first, onREST), "otherMediaUris": []string{}, "recentTransfers": []any{},
		"divisions": s.divisions(), "selfUri": "/api/v2/conversations/emails/" + id,
	}
}

func (s *Server) showParties(first int, w wire) []object {
	mail, out := s.letter(first), []object{}
	for _, p := range s.parties(first) {
		out = append(out, s.showParty(&p, mail, w))
	}
	return out
}

func (s *Server) divisions() []object {
	return []object{{"division": object{"id": s.division.ID, "selfUri": "/api/v2/authorization/divisions/" + s.division.ID}, "entities": []any{}}}
}

// showConversation writes the same conversation in the model that all media
// share.
func (s *Server) showConversation(first int) object {
	id, mail := s.conversationID(first), s.letter(first)
	all := s.parties(first)
	participants := []object{}
	for i := range all {
		p := &all[i]
		state := p.state
		if state == "terminated" {
			state = "disconnected"
		}
		session := s.sessionOf(first, p.id)
		if p.purpose == "acd" {
			session = s.partID(p.leg, "acd session")
		}
		email := object{
			"id": session, "state": state, "direction": "inbound", "subject": mail.Subject, "held": false,
			"messagesSent": 0, "autoGenerated": false, "spam": false, "provider": mail.Provider,
		}
		times(email, map[string]time.Time{"startAlertingTime": p.alerting, "connectedTime": p.connected, "disconnectedTime": p.end})
		out := object{"id": p.id, "purpose": p.purpose, "attributes": mail.Attributes, "emails": []object{email}}
		times(out, map[string]time.Time{"startTime": p.start, "connectedTime": p.connected, "endTime": p.end, "startAcwTime": p.acwStart, "endAcwTime": p.acwEnd})
		if p.disconnect != "" {
			email["disconnectType"] = p.disconnect
		}
		queue, _, _ := s.lookUp(p.queue)
		for field, value := range map[string]string{"name": p.name, "address": p.address, "userId": p.user, "queueId": p.queue, "queueName": queue} {
			if value != "" {
				out[field] = value
			}
		}
		if p.asks {
			out["conversationRoutingData"] = s.routingData(p, onREST)
		}
		if p.wrapUp.ID != "" {
			out["wrapup"] = object{"name": p.wrapUp.Name}
		}
		participants = append(participants, out)
	}
	out := object{
		"id": id, "startTime": stamp(all[0].start), "address": mail.FromAddress, "participants": participants, "conversationIds": []string{},
		"divisions": s.divisions(), "recentTransfers": []any{}, "selfUri": "/api/v2/conversations/" + id,
	}
	times(out, map[string]time.Time{"endTime": all[0].end})
	return out
}
