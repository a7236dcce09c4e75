package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

// emailHandlers answer for email conversations, out of the centre's record. An
// organisation at rest has none. See docs/sandbox.md for what is unconfirmed.
var emailHandlers = map[string]handler{
	// They would be those of the user who is signed in, and there is none. That
	// the answer is this one is unconfirmed.
	"getConversationsEmails":                   func(*call) (int, any, error) { return 0, nil, bad("not.a.user", "This request requires a user.") },
	"postConversationsEmails":                  postConversationsEmails,
	"getConversationsEmail":                    getConversationsEmail,
	"patchConversationsEmail":                  patchConversationsEmail,
	"getConversationsEmailMessages":            getConversationsEmailMessages,
	"patchConversationsEmailParticipant":       patchConversationsEmailParticipant,
	"postConversationsEmailParticipantReplace": postConversationsEmailParticipantReplace,
}

// partial are operations that take a part of what their model requires of a
// whole: nobody ends a conversation by sending its participants.
var partial = map[string]bool{"patchConversationsEmail": true}

// conversationOf is the first leg of the conversation in the path.
func (c *call) conversationOf(code string) (int, error) {
	id := c.params["conversationId"]
	if _, n := c.conversation(id); n > 0 {
		return n, nil
	}
	return 0, notFound(code, "conversation", id)
}

// lastLeg is where a conversation is now, or was last.
func (s *Server) lastLeg(first int) (int, *centre.Leg) {
	n := first
	for {
		l := s.life.centre.Leg(n)
		if l.Next == 0 || s.life.centre.Leg(l.Next) == nil {
			return n, l
		}
		n = l.Next
	}
}

func getConversationsEmail(c *call) (int, any, error) {
	n, err := c.conversationOf("conversation.error.conversation.not.found")
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.showEmail(n), nil
}

// created is the body of POST /conversations/emails.
type created struct {
	QueueID, FlowID, Provider, LanguageID string
	SkillIDs                              []string
	Priority                              int
	Attributes                            map[string]string
	ToAddress, ToName                     string
	FromAddress, FromName                 string
	Subject, Direction                    string
	HTMLBody, TextBody                    string
	SkillExpression                       any
}

// check says what is wrong with it.
func (in *created) check(s *Server) error {
	switch {
	case in.Direction == "OUTBOUND":
		return bad("not.a.user", "This request requires a user.").field("direction")
	case in.QueueID != "" && in.FlowID != "":
		return bad("too.many.create.email.parameters", "name a queue or a flow, not both").field("flowId")
	case in.FlowID != "":
		return notImitated("flows: name a queue for the email")
	case in.QueueID == "":
		return bad("postino.error.notnull.createconversationrequest.queueid", "queueId must not be empty").field("queueId")
	case in.SkillExpression != nil:
		return notImitated("skill expressions")
	}
	if _, ok := s.queues.latest(in.QueueID); !ok {
		return bad("email.error.invalid.queue", "the queue %s does not exist", in.QueueID).field("queueId")
	}
	if err := s.checkAsk(in.SkillIDs, in.LanguageID, "client.failed.request"); err != nil {
		return err
	}
	return checkPriority(in.Priority)
}

// checkAsk refuses skills and languages that there are not.
func (s *Server) checkAsk(skills []string, language, code string) error {
	for i, id := range skills {
		if _, ok := s.skills.latest(id); !ok {
			return bad(code, "the skill %s does not exist", id).field(fmt.Sprintf("skillIds[%d]", i))
		}
	}
	if _, ok := s.languages.latest(language); language != "" && !ok {
		return bad(code, "the language %s does not exist", language).field("languageId")
	}
	return nil
}

func checkPriority(n int) error {
	if n < -maxPriority || n > maxPriority {
		return bad("client.failed.request", "the priority %d is not within %d and %d", n, -maxPriority, maxPriority).field("priority")
	}
	return nil
}

// postConversationsEmails lets an email arrive in a queue, past the routes.
// Without a direction it is inbound, which is unconfirmed.
func postConversationsEmails(c *call) (int, any, error) {
	in, err := decode[created](c)
	if err != nil {
		return 0, nil, err
	}
	if err := in.check(c.Server); err != nil {
		return 0, nil, err
	}
	if c.life == nil {
		return 0, nil, notImitated("email in an organisation at rest: give it traffic")
	}
	to := strings.ToLower(in.ToAddress)
	work := c.workOf(to, in.QueueID)
	work.Address = to
	n := c.keepLetter(in)
	_, ok := c.life.centre.Enter(centre.Entry{
		Queue: in.QueueID, Priority: in.Priority, Ask: centre.Ask{Skills: in.SkillIDs, Language: in.LanguageID}, Mail: work,
	})
	if !ok {
		delete(c.life.letters, n)
		return 0, nil, bad("email.error.invalid.queue", "the queue %s does not exist", in.QueueID).field("queueId")
	}
	return http.StatusOK, c.showEmail(n), nil
}

// workOf is what an email takes: as much as one to the same address, or to
// another of the same queue.
func (s *Server) workOf(address, queue string) centre.Mail {
	t := s.life.traffic
	known := func(address string) bool {
		for i := range t.model.Rules {
			if t.model.Rules[i].Name == address {
				return true
			}
		}
		return false
	}
	if !known(address) {
		routes := s.addresses()
		if i := slices.IndexFunc(routes, func(a centre.Address) bool { return a.Queue == queue && known(a.Address) }); i >= 0 {
			address = routes[i].Address
		} else if len(t.model.Rules) > 0 {
			address = t.model.Rules[0].Name
		}
	}
	m := t.Again(address)
	return centre.Mail{Address: address, Handle: max(m.Handle, time.Second), WrapUp: m.WrapUp}
}

// patchConversationsEmail ends a conversation.
func patchConversationsEmail(c *call) (int, any, error) {
	in, err := decode[struct{ State string }](c)
	if err != nil {
		return 0, nil, err
	}
	first, err := c.conversationOf("postino.error.not.found")
	if err != nil {
		return 0, nil, err
	}
	switch in.State {
	case "disconnected":
	case "":
		return 0, nil, bad("client.failed.request", "the request changes nothing; send state disconnected").field("state")
	default:
		return 0, nil, notImitated("a conversation that is made " + in.State)
	}
	n, _ := c.lastLeg(first)
	if !c.life.centre.Disconnect(n) {
		return 0, nil, bad("client.failed.request", "the conversation has ended").field("state")
	}
	return http.StatusOK, c.showConversation(first), nil
}

// partyOf is the participant in the path, with the first leg of its
// conversation.
func (c *call) partyOf() (party, int, error) {
	first, err := c.conversationOf("not.found")
	if err != nil {
		return party{}, 0, err
	}
	id := c.params["participantId"]
	for _, p := range c.parties(first) {
		if p.id == id {
			return p, first, nil
		}
	}
	return party{}, 0, notFound("not.found", "participant", id)
}

// patchConversationsEmailParticipant ends the part of a participant, and with
// it the conversation: email has no other agent to go to.
func patchConversationsEmailParticipant(c *call) (int, any, error) {
	in, err := decode[struct{ State string }](c)
	if err != nil {
		return 0, nil, err
	}
	p, first, err := c.partyOf()
	switch {
	case err != nil:
		return 0, nil, err
	case in.State != "disconnected":
		return 0, nil, notImitated("a participant that is changed in another way than by state disconnected")
	case p.state == "terminated":
		return 0, nil, bad("conversation.error.participant.no.active.conversations", "the participant has no active conversation").field("state")
	case p.state == "alerting":
		return 0, nil, notImitated("an agent who declines: wait until the alert is over")
	}
	n, _ := c.lastLeg(first)
	c.life.centre.Disconnect(n)
	return http.StatusAccepted, nil, nil
}

// postConversationsEmailParticipantReplace passes an email on to another queue,
// at once. What it asks for and its priority stay, which is unconfirmed; its
// wait begins anew.
func postConversationsEmailParticipantReplace(c *call) (int, any, error) {
	in, err := decode[struct{ TransferType, UserID, Address, UserName, QueueID string }](c)
	if err != nil {
		return 0, nil, err
	}
	p, first, err := c.partyOf()
	if err != nil {
		return 0, nil, err
	}
	n, l := c.lastLeg(first)
	switch {
	case in.TransferType == "Attended":
		return 0, nil, notImitated("transfers after a consultation")
	case in.Address != "":
		return 0, nil, bad("postino.error.transfer.replace.external", "an email cannot be transferred to the address %s", in.Address).field("address")
	case in.UserID != "" && in.UserID == p.user:
		return 0, nil, bad("conversations.error.transfer.same.party", "the agent has the email already").field("userId")
	case in.UserID != "" || in.UserName != "":
		return 0, nil, notImitated("transfers to an agent: name a queue")
	case in.QueueID == "":
		return 0, nil, bad("client.failed.request", "name the queue that the email is transferred to").field("queueId")
	case p.state != "connected" || p.leg != n || l.State == centre.Alerting:
		return 0, nil, bad("conversations.error.transfer.not.connected", "the participant does not have the email").field("participantId")
	}
	if _, ok := c.queues.latest(in.QueueID); !ok {
		return 0, nil, bad("conversations.error.queue.not.found", "the queue %s does not exist", in.QueueID).field("queueId")
	}
	ok := false
	if l.State < centre.Handled {
		_, ok = c.life.centre.Transfer(n, centre.Entry{
			Queue: in.QueueID, Priority: int(l.Priority), Ask: c.life.centre.Ask(l.Ask), Mail: c.workOf("", in.QueueID),
		})
	}
	if !ok {
		return 0, nil, bad("conversations.error.transfer.not.connected", "the conversation has ended").field("participantId")
	}
	return http.StatusAccepted, nil, nil
}

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
		p.state, p.end, p.disconnect, p.wrapUp = "terminated", s.life.at(l.WrappedFrom), howEnded(l, "client"), s.wrapUpOf(n, p.queue)
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

// wrapUpOf is the code that the agent of a leg chose: one of the queue's, or of
// the organisation's where the queue has none; the same whenever it is asked.
func (s *Server) wrapUpOf(leg int, queue string) ref {
	codes := s.queueCodes[queue].all()
	if len(codes) == 0 {
		codes = s.wrapUpCodes.all()
	}
	if len(codes) == 0 {
		return ref{}
	}
	return codes[s.scramble(uint64(leg), "wrap-up")%uint64(len(codes))]
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
			out[field] = t
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
			out["wrapup"] = object{"code": p.wrapUp.ID, "durationSeconds": int(p.acwEnd.Sub(p.acwStart).Seconds()), "endTime": p.acwEnd}
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
		email := object{
			"id": s.partID(first, "email "+p.id), "state": state, "direction": "inbound", "subject": mail.Subject, "held": false,
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
		"id": id, "startTime": all[0].start, "address": mail.FromAddress, "participants": participants, "conversationIds": []string{},
		"divisions": s.divisions(), "recentTransfers": []any{}, "selfUri": "/api/v2/conversations/" + id,
	}
	times(out, map[string]time.Time{"endTime": all[0].end})
	return out
}

func getConversationsEmailMessages(c *call) (int, any, error) {
	first, err := c.conversationOf("not.found")
	if err != nil {
		return 0, nil, err
	}
	id, mail := c.partID(first, "message"), c.letter(first)
	uri := c.path()
	to := []object{}
	if mail.ToAddress != "" {
		to = append(to, address(mail.ToAddress, mail.ToName))
	}
	return http.StatusOK, listing{
		Entities: []object{{
			"id": id, "to": to, "cc": []any{}, "bcc": []any{}, "from": address(mail.FromAddress, mail.FromName), "subject": mail.Subject,
			"attachments": []any{}, "textBodyPreview": preview(mail.TextBody), "time": c.life.at(c.life.centre.Leg(first).Entered),
			"historyIncluded": false, "state": "Created", "emailSizeBytes": len(mail.TextBody) + len(mail.HTMLBody), "selfUri": uri + "/" + id,
		}},
		PageSize: 25, PageNumber: 1, Total: 1, PageCount: 1, FirstURI: uri, LastURI: uri, SelfURI: uri,
	}, nil
}

func address(email, name string) object {
	if name == "" {
		return object{"email": email}
	}
	return object{"email": email, "name": name}
}

// preview is the beginning of a text. How much of it the platform shows is
// unconfirmed.
func preview(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200])
	}
	return s
}
