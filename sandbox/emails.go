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
		routes := s.addresses(s.wall())
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
			"attachments": []any{}, "textBodyPreview": preview(mail.TextBody), "time": stamp(c.life.at(c.life.centre.Leg(first).Entered)),
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
