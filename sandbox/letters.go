package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
)

// This file is what emails say. It follows from the seed and the number of the
// conversation, but for what was created by the API.

// letter is who wrote the email of a conversation, to whom, and what.
func (s *Server) letter(first int) created {
	if in, ok := s.life.letters[first]; ok {
		return in
	}
	l := s.life.centre.Leg(first)
	if l == nil { // it is no longer kept
		return s.signed(first, created{})
	}
	to := s.life.centre.Address(l.Address)
	out := s.signed(first, created{ToAddress: to})
	local, _, _ := strings.Cut(to, "@")
	topic := topics[len(topics)-1]
	for _, t := range topics {
		if strings.Contains(local, t.about) {
			topic = t
			break
		}
	}
	wrote := topic.letters[s.scramble(uint64(first), "letter")%uint64(len(topic.letters))]
	order := 10_000 + s.scramble(uint64(first), "order")%90_000
	out.Subject = strings.ReplaceAll(wrote.subject, "#", fmt.Sprint(order))
	out.TextBody = "Hello,\n\n" + strings.ReplaceAll(wrote.text, "#", fmt.Sprint(order)) + "\n\nKind regards\n" + out.FromName
	if l.Reply {
		out.Subject = "Re: " + out.Subject
	}
	return out
}

// signed adds whoever wrote, and what every email has.
func (s *Server) signed(first int, in created) created {
	if in.FromAddress == "" {
		who := s.scramble(uint64(first), "sender")
		given, family := givenNames[who%uint64(len(givenNames))], familyNames[who>>16%uint64(len(familyNames))]
		in.FromName = cmp.Or(in.FromName, given+" "+family)
		in.FromAddress = strings.ToLower(given+"."+family) + "@" + mailDomains[who>>32%uint64(len(mailDomains))]
	}
	in.Provider = cmp.Or(in.Provider, "PureCloud Email")
	if in.Attributes == nil {
		in.Attributes = map[string]string{}
	}
	if in.TextBody == "" {
		in.TextBody = in.HTMLBody
	}
	return in
}

// keepLetter keeps what is about to be created, and forgets what the record has
// forgotten. It gives the number that the conversation will have.
func (s *Server) keepLetter(in created) int {
	c := s.life.centre
	if s.life.letters == nil {
		s.life.letters = map[int]created{}
	}
	maps.DeleteFunc(s.life.letters, func(n int, _ created) bool { return c.Leg(n) == nil })
	n := c.Newest() + 1
	s.life.letters[n] = s.signed(n, in)
	return n
}

var (
	givenNames = []string{
		"Alice", "Ben", "Carla", "David", "Elena", "Frank", "Grace", "Henrik", "Iris", "Jakob", "Karin", "Liam",
		"Maria", "Niklas", "Olga", "Peter", "Rita", "Samuel", "Teresa", "Uwe", "Vera", "Walter", "Yara", "Zoe",
	}
	familyNames = []string{
		"Adler", "Baker", "Castro", "Dubois", "Evans", "Fischer", "Garcia", "Hansen", "Ivanova", "Jones", "Klein", "Lopez",
		"Moreau", "Nielsen", "Oliveira", "Peters", "Rossi", "Schmidt", "Torres", "Ulrich", "Vargas", "Wagner", "Young", "Zimmer",
	}
	mailDomains = []string{"mail.example", "example.net", "example.org"}
)

// topics are what customers write to an address whose name has a word in it;
// the last is for all others. # stands for the number of an order.
var topics = []struct {
	about   string
	letters []struct{ subject, text string }
}{
	{"bill", []struct{ subject, text string }{
		{"Charged twice for order #", "my card was charged twice for order #. Please send one of the two payments back."},
		{"Invoice for order #", "I need an invoice with our company's address for order #. Can you send a new one?"},
		{"Refund for order # has not arrived", "you confirmed the refund for order # two weeks ago, and it is not on my account yet."},
		{"Wrong amount on the invoice of order #", "the invoice of order # is higher than what the shop showed. Could you check it?"},
		{"Payment by instalments for order #", "can I pay for order # in three parts, as the shop offers?"},
	}},
	{"return", []struct{ subject, text string }{
		{"Return of order #", "the jacket from order # does not fit. How do I send it back?"},
		{"Return label for order #", "there was no return label in the parcel of order #. Please send me one."},
		{"Exchange for a larger size, order #", "I would like to exchange the boots from order # for one size larger."},
		{"Return of order # not confirmed", "I sent order # back ten days ago and have heard nothing since."},
	}},
	{"complaint", []struct{ subject, text string }{
		{"Complaint about order #", "this is the third time that I write about order #, and nobody has answered. I expect a solution this week."},
		{"Damaged goods in order #", "the tent from order # arrived with a torn seam, and the replacement too. I am very disappointed."},
		{"Your service on the phone, order #", "I was cut off twice when I called about order #. Please let somebody call me who can help."},
	}},
	{"", []struct{ subject, text string }{
		{"Where is order #?", "order # was to arrive on Monday, and the tracking has not moved since. Can you tell me where it is?"},
		{"Change of address for order #", "I have moved. Can order # still go to the new address?"},
		{"Question about the rain jacket in order #", "can the jacket from order # be washed in the machine, and at what temperature?"},
		{"Cannot sign in to my account", "the shop does not take my password, and the mail to reset it never comes. My last order was #."},
		{"One item is missing in order #", "the socks are missing from the parcel of order #. The slip says that they are in it."},
		{"Gift card for order #", "I forgot to use my gift card when I placed order #. Can you still set it off?"},
		{"Cancel order #", "please cancel order #. I ordered the wrong colour and will place a new order."},
	}},
}
