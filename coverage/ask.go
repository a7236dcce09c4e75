package coverage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
)

// This file is who can serve which rule: what an email of the rule asks for in
// each ring, against the ratings of the members.

// ask is what an email asks for in one ring.
type ask struct {
	skills   []routing.Ref
	language routing.Ref
}

// asksOf gives for each ring what email of a rule asks for there: the rings
// before have dropped skills. Where skills are disregarded it asks for nothing.
func (c *check) asksOf(r routing.Rule) []ask {
	var a ask
	if e := c.settings().Agents; e == nil || *e != routing.LongestIdle {
		if r.Skills != nil {
			a.skills = *r.Skills
		}
		if r.Language != nil {
			a.language = *r.Language
		}
	}
	out := []ask{a}
	for _, ring := range c.rings[:len(c.rings)-1] {
		a.skills = slices.DeleteFunc(slices.Clone(a.skills), func(s routing.Ref) bool {
			return slices.ContainsFunc(ring.Drop, func(d routing.Ref) bool { return same(s, d) })
		})
		out = append(out, a)
	}
	return out
}

// same says whether two references are of one object; what a file names has no
// id.
func same(a, b routing.Ref) bool {
	if a.ID != "" && b.ID != "" {
		return a.ID == b.ID
	}
	return a.Name == b.Name
}

// lacks is what keeps an agent from an ask.
type lacks struct {
	skills   []string
	language string
	low      []routing.Shortfall
}

func (l lacks) none() bool { return len(l.skills) == 0 && l.language == "" && len(l.low) == 0 }

// against holds ratings against an ask. least is the proficiency that counts.
func (a ask) against(r routing.Ratings, least float64) (l lacks) {
	rated := func(want routing.Ref, have []routing.Rating) bool {
		i := slices.IndexFunc(have, func(h routing.Rating) bool { return same(want, h.Ref) })
		if i >= 0 && have[i].Proficiency < least {
			l.low = append(l.low, routing.Shortfall{Name: want.String(), Proficiency: have[i].Proficiency, Least: least})
		}
		return i >= 0
	}
	for _, s := range a.skills {
		if !rated(s, r.Skills) {
			l.skills = append(l.skills, s.String())
		}
	}
	if a.language != (routing.Ref{}) && !rated(a.language, r.Languages) {
		l.language = a.language.String()
	}
	return l
}

// reaches is when an email is first offered to an agent who can serve it, by
// the ring of the agent and what is asked for there and later; false: never, or
// what the agent can do is not known and matters.
func (c *check) reaches(rule int, m member, least float64) (time.Duration, bool) {
	var ratings routing.Ratings
	if m.ratings != nil {
		ratings = *m.ratings
	}
	for k := m.ring; k < len(c.rings); k++ {
		if c.asks[rule][k].against(ratings, least).none() {
			return c.entered[k], true
		}
	}
	return 0, false
}

// within is the time in which email of a rule shall be answered.
func (c *check) within(r routing.Rule) *routing.Duration {
	if r.Deadline != nil {
		return r.Deadline
	}
	if s := c.settings().ServiceLevel; s != nil {
		return &s.Within
	}
	return nil
}

// intime says of each cell whether email of a rule that comes in then is offered
// to somebody before its deadline ends, where that is so long after, by the time
// it takes. A ring opens after a time of all hours and a deadline ends after one of
// open hours, so it is the two instants that are compared, for the first and the
// last minute of the cell. The queue's service level counts all hours.
func (c *check) intime(r routing.Rule) func(after time.Duration, cell int) bool {
	within := c.within(r)
	if within == nil || r.Deadline == nil || c.Want.Calendar == nil {
		return func(after time.Duration, _ int) bool {
			return after != never && (within == nil || after <= time.Duration(*within))
		}
	}
	longest := make([]time.Duration, Cells) // until the deadline ends, in all hours
	for cell := range longest {
		from := c.report.Span.From.Add(time.Duration(cell) * Cell)
		last := from.Add(Cell - time.Minute)
		longest[cell] = min(c.Want.Calendar.Due(from, time.Duration(*within)).Sub(from), c.Want.Calendar.Due(last, time.Duration(*within)).Sub(last))
	}
	return func(after time.Duration, cell int) bool { return after != never && after <= longest[cell] }
}

// abilities says for each rule who can serve it, who cannot, and why.
func (c *check) abilities() {
	for _, r := range c.Want.Rules {
		c.asks = append(c.asks, c.asksOf(r))
	}
	unrated := map[string]bool{} // those of whom it matters
	for i := range c.members {
		m := &c.members[i]
		m.reach, m.ever = make([]reach, len(c.Want.Rules)), make([]bool, len(c.Want.Rules))
	}
	for n, r := range c.Want.Rules {
		ever, perhaps := 0, len(c.unseen)
		var not unable
		for i := range c.members {
			m := &c.members[i]
			after, can := c.reaches(n, *m, c.Want.Staffing.Proficiency)
			m.reach[n] = reach{never, never}
			if can && !m.idle() {
				m.reach[n].sure = after
			}
			if m.ratings != nil {
				c.mismatch(n, *m, after, can)
			} else if !m.idle() {
				m.reach[n].perhaps = c.entered[m.ring]
			}
			if m.ever[n] = can; !can {
				_, m.ever[n] = c.reaches(n, *m, 0)
			}
			switch {
			case m.ratings == nil && !m.ever[n] && m.inactive:
				not.unrated++
			case m.ratings == nil && !m.ever[n]:
				perhaps++
				unrated[m.ID] = true
			case !m.ever[n]:
			case m.inactive:
				not.active++
			case !m.idle():
				ever++
			case m.assumed:
				not.assumed++
			default:
				not.empty++
			}
		}
		switch {
		case ever+perhaps > 0:
		case c.whole && not.active == len(c.members):
			c.inactive()
		default:
			c.unservable(n, r, not)
		}
	}
	if len(unrated) > 0 {
		c.add(routing.Finding{
			Type: routing.SkillsUnknown, Numbers: []routing.Number{{Name: "agents", Value: float64(len(unrated))}},
			Message: fmt.Sprintf("the skills of %s of %d could not be read: they are counted neither as able nor as unable", phrase.Count(len(unrated), "member"), len(c.members)),
			Do:      "the client may not see their division: foresort doctor",
		})
	}
}

// inactive is an error: all members are inactive in the queue.
func (c *check) inactive() {
	text := fmt.Sprintf("all %d members are inactive in the queue", len(c.members))
	if len(c.members) == 1 {
		text = "the 1 member is inactive in the queue"
	}
	c.add(routing.Finding{
		Type: routing.NoMembers, Message: text + ": nobody gets its email", At: c.at("members"),
		Numbers: []routing.Number{{Name: "members", Value: float64(len(c.members))}},
		Do:      "activate members on the platform (Admin, Contact Center, Queues, Members), or let them activate the queue themselves",
	})
}

// mismatch is the finding of an agent who cannot serve a rule when its email
// reaches their ring; can says that they get it after more waiting.
func (c *check) mismatch(n int, m member, after time.Duration, can bool) {
	r := c.Want.Rules[n]
	l := c.asks[n][m.ring].against(*m.ratings, c.Want.Staffing.Proficiency)
	if l.none() {
		return
	}
	var what []string
	if len(l.skills) > 0 {
		what = append(what, "lacks "+phrase.List(l.skills))
	}
	if l.language != "" {
		what = append(what, "does not have the language "+l.language)
	}
	for _, s := range l.low {
		what = append(what, fmt.Sprintf("has %s at %g, and the file counts %g and more", s.Name, s.Proficiency, s.Least))
	}
	text := fmt.Sprintf("%s %s, for rule %s", m.Name, strings.Join(what, ", and "), r.Name)
	if can {
		text += fmt.Sprintf("; gets its email only after %s of waiting", routing.Duration(after))
	}
	c.add(routing.Finding{
		Type: routing.SkillMismatch, Object: "agent " + m.Name, Rule: r.Name, AgentID: m.ID, Agent: m.Name,
		MissingSkills: l.skills, MissingLanguage: l.language, TooLow: l.low, At: c.askPlace(n), Message: text,
		Do: "rate the agent on the platform (Admin, People, ACD Skills), or leave it so where others serve the rule",
	})
}

// askPlace is where a rule says what it asks for.
func (c *check) askPlace(n int) routing.Place { return c.Want.Rules[n].Place }

// unable are the members who have what a rule asks for and yet cannot serve it.
type unable struct {
	active  int // they are not active in the queue
	unrated int // nor are they, and what they can do is not known
	empty   int // their utilization is 0
	assumed int // the organisation's utilization is 0, and their own was not read
}

// unservable is an error, unless it is a matter of what was not read.
func (c *check) unservable(n int, r routing.Rule, not unable) {
	text := fmt.Sprintf("nobody can ever serve rule %s (%s): of %s", r.Name, c.asks[n][0].text(), phrase.Count(len(c.members), "member"))
	if c.whole {
		text = fmt.Sprintf("nobody can ever serve the queue: of %s", phrase.Count(len(c.members), "member"))
	}
	var why []string
	say := func(n int, one, many, rest string) {
		switch {
		case n == 1:
			why = append(why, "1 who "+one+rest)
		case n > 1:
			why = append(why, fmt.Sprintf("%d who %s%s", n, many, rest))
		}
	}
	say(not.active, "could is", "could are", " not active in the queue")
	say(not.unrated, "perhaps could is", "perhaps could are", " not active in the queue")
	say(not.empty, "could takes", "could take", " no email (utilization 0)")
	say(not.assumed, "could takes", "could take", " no email by the organisation's utilization (0; their own was not read)")
	text += " " + cmp.Or(phrase.List(why), "none has what it asks for")
	f := routing.Finding{
		Type: routing.Unservable, Rule: r.Name, Message: text, At: c.askPlace(n),
		Numbers: []routing.Number{{Name: "members", Value: float64(len(c.members))}, {Name: "inactive", Value: float64(not.active + not.unrated)}, {Name: "zeroCapacity", Value: float64(not.empty + not.assumed)}},
		Do:      "train or add somebody, ask for less, or relax it over time: relax: [{ after: 2h, drop: [...] }]",
	}
	switch {
	case not.assumed > 0:
		f.Severity, f.Do = routing.SeverityWarning, "read the agents' own utilizations: --overrides"
	case not.active+not.unrated+not.empty > 0:
		f.Do = "let those who could be active in the queue and take email, train or add somebody, or ask for less"
	}
	c.add(f)
}

// asked is what email of a rule asks for, in words.
func (c *check) asked(rule int) string {
	if c.whole {
		return "all email"
	}
	return c.asks[rule][0].text()
}

// text is an ask in words: Billing + English.
func (a ask) text() string {
	var words []string
	for _, s := range a.skills {
		words = append(words, s.String())
	}
	if a.language != (routing.Ref{}) {
		words = append(words, a.language.String())
	}
	return cmp.Or(strings.Join(words, " + "), "any skills")
}
