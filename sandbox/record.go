package sandbox

import (
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox/centre"
)

// This file tells what really happened, past analytics: the record of the centre
// as conversations, for a test to hold figures against.

// Record lists the conversations that the organisation has had, the first that
// entered first, without what the record has forgotten. Nothing in it is late or
// hidden, and it knows priorities. An organisation at rest has none.
func (s *Server) Record() []routing.Conversation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life == nil {
		return nil
	}
	k := s.look(0)
	var out []routing.Conversation
	for n, l := range s.life.centre.Legs() {
		if l.Conversation != n {
			continue
		}
		c := routing.Conversation{ID: s.conversationID(n), To: s.letter(n).ToAddress, From: s.letter(n).FromAddress}
		for l != nil {
			c.Stays = append(c.Stays, k.stay(n, l))
			n, l = l.Next, s.life.centre.Leg(l.Next)
		}
		out = append(out, c)
	}
	return out
}

// stay is a leg as a stay in a queue.
func (k *look) stay(n int, l *centre.Leg) routing.Stay {
	at := func(ms int64) (t time.Time) {
		if ms >= 0 || ms == l.Entered { // what waited at the beginning entered before it
			t = k.life.at(ms)
		}
		return t
	}
	c := k.life.centre
	ask := c.Ask(l.Ask)
	out := routing.Stay{
		QueueID: c.QueueID(l.Queue), Entered: at(l.Entered), Answered: at(l.Answered), Left: at(l.Answered), Transferred: l.Transferred,
		Priority: int(l.Priority), SkillIDs: ask.Skills, LanguageID: ask.Language,
	}
	touch := func(agent int32, from, to int64) routing.Touch {
		return routing.Touch{AgentID: c.AgentID(agent), Span: routing.Span{From: at(from), To: at(to)}}
	}
	for _, m := range k.missesOf(n) {
		out.Alerts = append(out.Alerts, touch(m.Agent, m.From, m.To))
	}
	if l.Answered < 0 {
		out.Left = at(l.Ended)
		out.Abandoned = l.Ended >= 0 && !l.Transferred
		if l.Alerted >= 0 {
			out.Alerts = append(out.Alerts, touch(l.Agent, l.Alerted, l.Ended))
		}
		return out
	}
	if l.Answered > l.Alerted {
		alert := touch(l.Agent, l.Alerted, l.Answered)
		alert.Answered = true
		out.Alerts = append(out.Alerts, alert)
	}
	out.AgentID, out.Routing, out.Ring = c.AgentID(l.Agent), routingOf(l), int(l.Ring)
	out.Work = []routing.Touch{touch(l.Agent, l.Answered, l.Ended)}
	if l.Ended >= 0 {
		out.Handle = time.Duration(l.Ended-l.Answered) * time.Millisecond
		if l.State == centre.Handled && !l.Transferred {
			out.FirstResponse = time.Duration(talkUntil(l)-l.Entered) * time.Millisecond
		}
	}
	return out
}
