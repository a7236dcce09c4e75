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

// This file is what the platform silently does otherwise than the settings say
// (docs/platform-notes.md).

const (
	// flowLimit is when inbound and in-queue email flows end an email.
	flowLimit = 72 * time.Hour
	// wideShare is how small the share of this queue may be, if an agent's time
	// were spread evenly over the queues in which they are active.
	wideShare = 0.25
	// calendarAhead is how far the calendar is looked at for closed time.
	calendarAhead = 56 * 24 * time.Hour
	// rareAnswers is the share of email after a half hour without an answer from
	// which on a rule on the service level of that half hour is mostly skipped.
	rareAnswers = 0.5
)

func (c *check) platform() {
	c.routes()
	c.memberCount()
	c.lastAgent()
	c.groupRules()
	c.emptyRings()
	c.byGroup()
	c.defaultCapacity()
	c.flows()
	c.shared()
}

func (c *check) routes() {
	domains := map[string]bool{}
	for _, want := range c.Want.Routes {
		at := c.at("routes[" + want.Address.String() + "]")
		for _, r := range c.Org.Routes {
			if r.Address != want.Address || r.Status == "" || r.Status == routing.RouteActive {
				continue
			}
			c.add(routing.Finding{
				Type: routing.RouteNotActive, Object: "address " + r.Address.String(), Rule: want.Rule, At: at,
				Message: fmt.Sprintf("%s takes no mail just now: its status is %s", r.Address, r.Status),
				Do:      "wait until the platform shows it Active; where it stays so, look at the domain (Admin, Contact Center, Email)",
			})
		}
		for _, d := range c.Org.Domains {
			if !strings.EqualFold(d.Name, want.Address.Domain) || domains[d.Name] {
				continue
			}
			domains[d.Name] = true
			if f, wrong := domainFinding(d); wrong {
				f.Rule, f.At = want.Rule, at
				c.add(f)
			}
		}
	}
}

// domainFinding is what keeps mail from a domain, or may.
func domainFinding(d routing.EmailDomain) (f routing.Finding, wrong bool) {
	f = routing.Finding{Type: routing.DomainNotValid, Object: "domain " + d.Name}
	switch {
	case d.Fetching == "Unknown":
		f.Severity = routing.SeverityNote
		f.Message = fmt.Sprintf("whether the mail of %s is fetched by %s is not known: the platform says %s", d.Name, d.By, d.Fetching)
	case d.Fetching != "" && d.Fetching != "Active":
		f.Message = fmt.Sprintf("the mail of %s is fetched by %s, and that is %s", d.Name, d.By, d.Fetching)
		if d.Trouble != "" {
			f.Message += " (" + d.Trouble + ")"
		}
		f.Message += ": mail to its addresses does not arrive"
		f.Do = "mend the domain's integration on the platform (Admin, Contact Center, Email), or its mailbox"
	case d.SubDomain || d.By != "" || d.MXStatus == "" || d.MXStatus == "VALID":
		return f, false
	case d.MXStatus == "NOT_AVAILABLE":
		f.Severity = routing.SeverityNote
		f.Message = fmt.Sprintf("whether the MX record of %s is valid is not known (yet): the platform says %s", d.Name, d.MXStatus)
	default:
		f.Message = fmt.Sprintf("the MX record of %s is %s: mail to its addresses may not arrive", d.Name, d.MXStatus)
		f.Do = "set the domain's MX record at your DNS provider as the platform shows it"
	}
	return f, true
}

func (c *check) memberCount() {
	if c.queue.Members == nil || len(c.queue.Members) == c.queue.MemberCount {
		return
	}
	c.add(routing.Finding{
		Type:    routing.MemberCount,
		Numbers: []routing.Number{{Name: "listed", Value: float64(len(c.queue.Members))}, {Name: "counted", Value: float64(c.queue.MemberCount)}},
		Message: fmt.Sprintf("the platform lists %s and counts %d: the list or the count lags behind", phrase.Count(len(c.queue.Members), "member"), c.queue.MemberCount),
		Do:      "run it again in a minute",
	})
}

// lastAgent: the mode is without effect where other routing goes before it.
func (c *check) lastAgent() {
	mode := c.settings().LastAgent
	if mode == nil || *mode == routing.LastAgentOff {
		return
	}
	var why []string
	if c.queue.Other.PreferredAgents {
		why = append(why, "preferred-agent routing is on")
	}
	if len(c.queue.Other.GroupRouting) > 0 {
		why = append(why, "conditional group routing is on together with it")
	}
	if c.queue.Other.DirectRouting {
		why = append(why, "direct routing is on")
	}
	for _, r := range c.Org.Routes {
		if r.Flow != nil && slices.ContainsFunc(c.Want.Routes, func(w routing.DesiredRoute) bool { return w.Address == r.Address }) {
			why = append(why, fmt.Sprintf("the mail of %s comes through the inbound flow %s", r.Address, r.Flow))
		}
	}
	if len(why) == 0 {
		return
	}
	c.add(routing.Finding{
		Type: routing.LastAgentInert, At: c.at("lastAgent"),
		Message: fmt.Sprintf("last-agent routing (%s) has no effect: %s", *mode, phrase.List(why)),
		Do:      "turn that off on the platform, or write lastAgent: off so that nobody counts on it",
	})
}

// groupRules: a rule on the service level of the last half hour is skipped
// where nothing was answered in it. It matters to the email that comes in then,
// so it is email that is counted and no hours: at night little comes.
func (c *check) groupRules() {
	var kinds []string
	if slices.Contains(c.queue.Other.GroupRouting, routing.MetricServiceLevel) {
		kinds = append(kinds, "conditional group routing")
	}
	if slices.Contains(c.queue.Other.GroupActivation, routing.MetricServiceLevel) {
		kinds = append(kinds, "conditional group activation")
	}
	if len(kinds) == 0 || c.Volume == nil {
		return
	}
	offered, skipped, before, when := 0, 0, 0, ""
	open := c.openAt(c.Volume.From, c.Volume.To, c.Volume.Every)
	if open != nil {
		when = " in the open hours"
	}
	for i := range c.Volume.Intervals() {
		came, answered := 0, 0
		for _, n := range c.Volume.By {
			came += n.Offered[i]
			answered += n.Answered[i]
		}
		if i > 0 && (open == nil || open[i]) {
			offered += came
			if before == 0 {
				skipped += came
			}
		}
		before = answered
	}
	if float64(skipped) <= rareAnswers*float64(offered) {
		return
	}
	c.add(routing.Finding{
		Type:    routing.GroupRuleInert,
		Numbers: []routing.Number{{Name: "emails", Value: float64(offered)}, {Name: "skipped", Value: float64(skipped)}},
		Message: fmt.Sprintf("a rule of %s goes by the service level of the last half hour, and of %s%s, %d came when none had been answered in the half hour before: for those it is skipped", phrase.List(kinds), phrase.Count(offered, "email"), when, skipped),
		Do:      "let the rule go by the estimated wait time",
	})
}

// openAt says for each step whether the calendar counts it; nil: every one.
func (c *check) openAt(from, to time.Time, every time.Duration) []bool {
	if c.Want.Calendar == nil {
		return nil
	}
	out := make([]bool, int(to.Sub(from)/every))
	for a, b := range c.Want.Calendar.Open(from, to) {
		for i := int(a.Sub(from) / every); i <= int((b.Sub(from)-1)/every) && i < len(out); i++ {
			out[i] = true
		}
	}
	return out
}

func (c *check) emptyRings() {
	if len(c.rings) < 2 || len(c.members) == 0 {
		return
	}
	for i, r := range c.rings {
		if slices.ContainsFunc(c.members, func(m member) bool { return m.ring == i }) || c.untold(i) {
			continue
		}
		f := routing.Finding{Type: routing.EmptyRing, Object: fmt.Sprintf("ring %d of queue %s", i+1, c.Want.Queue.Name), At: c.at("rings")}
		switch {
		case i == 0:
			f.Message = fmt.Sprintf("nobody is in ring 1: every email waits %s before anyone is asked", r.Wait)
			f.Do = "put members into ring 1, or make the first step shorter"
		case slices.ContainsFunc(r.Groups, func(g routing.Group) bool { in, _ := c.groupMembers(g); return len(in) > 0 }):
			f.Message = fmt.Sprintf("ring %d, entered after %s, adds %s, whose agents are all in the rings before it: it adds nobody", i+1, routing.Duration(c.entered[i]), phrase.List(names(r.Groups)))
			f.Do = "leave them to the group, or leave the step out"
		case len(r.Groups) > 0:
			f.Message = fmt.Sprintf("ring %d, entered after %s, adds %s, and nobody is in it", i+1, routing.Duration(c.entered[i]), phrase.List(names(r.Groups)))
			f.Do = "let agents meet the conditions of the group, or leave the step out"
		case len(c.rings[i-1].Drop) == 0:
			f.Message = fmt.Sprintf("ring %d, entered after %s, has nobody, and the step to it drops no skill: it changes nothing", i+1, routing.Duration(c.entered[i]))
			f.Do = "leave the step out, or say what it adds or drops"
		default:
			continue // it is there for what is dropped
		}
		c.add(f)
	}
}

// untold says that a group will bring a ring members, and nobody knows whom: the
// group was not read, and is not in that ring yet.
func (c *check) untold(ring int) bool {
	before := groupsOf(c.queue.Settings)
	return slices.ContainsFunc(groupsOf(c.settings()), func(g inRing) bool {
		_, known := c.groupMembers(g.Group)
		return g.ring == ring && !known && !slices.ContainsFunc(before, func(b inRing) bool { return b.ring == ring && same(b.Ref, g.Ref) })
	})
}

func names(groups []routing.Group) []string {
	var out []string
	for _, g := range groups {
		out = append(out, g.String())
	}
	return out
}

// byGroup: members who all come through groups, unless the file says so.
func (c *check) byGroup() {
	if len(c.members) == 0 || c.Want.Places["memberGroups"].Line > 0 || slices.ContainsFunc(c.members, func(m member) bool { return !m.byGroup }) {
		return
	}
	c.add(routing.Finding{
		Type: routing.MembersByGroup, At: cmp.Or(c.at("memberGroups"), c.at("members")),
		Numbers: []routing.Number{{Name: "members", Value: float64(len(c.members))}},
		Message: fmt.Sprintf("%s of the queue %s through groups alone: who leaves the group leaves the queue, and members.agents moves nobody", phrase.Count(len(c.members), "member"), map[bool]string{true: "comes", false: "come"}[len(c.members) == 1]),
		Do:      "that is well where the group is kept with care; else make them members directly",
	})
}

// defaultCapacity: one email that other media interrupt is what nobody chose.
func (c *check) defaultCapacity() {
	org := c.Org.OrgUtilization
	if org == nil || org.Settings.Email == nil || *org.Settings.Email != 1 || len(org.Interrupts) == 0 || c.Want.Capacity != nil && c.Want.Capacity.Email != nil {
		return
	}
	if !slices.ContainsFunc(c.members, func(m member) bool { _, own := c.Org.Utilization[m.ID]; return !own || !c.Org.Utilization[m.ID].Own }) {
		return
	}
	c.add(routing.Finding{
		Type: routing.DefaultCapacity, Object: "utilization of the organisation", Capacity: org.Settings.Email,
		Message: fmt.Sprintf("an agent gets one email at once, and %s can interrupt it: the platform's default", phrase.List(org.Interrupts)),
		Do:      "where that is not meant, own it in the file: capacity: { email: 3 }",
	})
}

// flows: email that waits over a closed time longer than the limit is ended.
func (c *check) flows() {
	var through []string
	if f := c.queue.Other.InQueueFlow; f != nil {
		through = append(through, "the in-queue flow "+f.String())
	}
	for _, r := range c.Org.Routes {
		if r.Flow != nil && slices.ContainsFunc(c.Want.Routes, func(w routing.DesiredRoute) bool { return w.Address == r.Address }) {
			through = append(through, "the inbound flow "+r.Flow.String())
		}
	}
	if len(through) == 0 {
		return
	}
	ends := phrase.List(through) + " ends email after 72h"
	closed := c.longestClosed()
	if closed.To.Sub(closed.From) > flowLimit {
		c.add(routing.Finding{
			Type: routing.FlowLimit, Rule: closed.rule, At: c.at("calendar"), Spans: []routing.Span{closed.Span},
			Numbers: []routing.Number{{Name: "hours", Value: closed.To.Sub(closed.From).Hours()}},
			Message: fmt.Sprintf("%s from %s to %s, %s, and %s: what comes in at the beginning is disconnected unanswered", closed.what, c.when(closed.From), c.when(closed.To), hours(closed.To.Sub(closed.From)), ends),
			Do:      "let the address lead to the queue without a flow, or let somebody work in between",
		})
		return
	}
	if closed.again > flowLimit {
		c.add(routing.Finding{
			Type: routing.FlowLimit, Severity: routing.SeverityNote, Rule: closed.rule, Spans: []routing.Span{closed.last},
			Numbers: []routing.Number{{Name: "hours", Value: closed.last.To.Sub(closed.last.From).Hours()}},
			Message: fmt.Sprintf("%s from %s to the end of the 7 days, and what follows is not known: would the next 7 begin as these do, it were %s, and %s", closed.what, c.when(closed.last.From), hours(closed.again), ends),
			Do:      "run it again when the days after that are near",
		})
	}
}

// shut is the longest time in which email is not answered.
type shut struct {
	routing.Span
	what, rule string
	// last goes on to the end of the 7 days, and lasts again together with that from
	// their beginning on, if the next 7 days are like these.
	last  routing.Span
	again time.Duration
}

// longestClosed is the longest time without open hours by the calendar, or
// without anybody on queue who can serve a rule by the schedules. These are known
// for 7 days.
func (c *check) longestClosed() shut {
	longest := func(spans []routing.Span) (most routing.Span) {
		for _, s := range spans {
			if s.To.Sub(s.From) > most.To.Sub(most.From) {
				most = s
			}
		}
		return most
	}
	if cal := c.Want.Calendar; cal != nil {
		ahead := routing.Span{From: c.Now, To: c.Now.Add(calendarAhead)}
		var open []routing.Span
		for from, to := range cal.Open(ahead.From, ahead.To) {
			open = append(open, routing.Span{From: from, To: to})
		}
		if len(open) > 0 {
			ahead.To = open[len(open)-1].To // what follows is not known
		}
		return shut{Span: longest(minus([]routing.Span{ahead}, join(open))), what: "the calendar is closed"}
	}
	if len(c.members) == 0 || len(c.unseen) > 0 || c.perhapsIdle() {
		return shut{}
	}
	var most shut
	look := func(what, rule string, serves func(*team) bool) {
		there := make([]bool, Cells)
		for _, t := range c.teams {
			for _, s := range t.stints {
				for cell := s.from / cellMinutes; serves(t) && cell*cellMinutes < s.to; cell++ {
					there[cell] = true
				}
			}
		}
		spans := c.spans(func(cell int) bool { return !there[cell] })
		out := shut{Span: longest(spans), what: what, rule: rule}
		if n := len(spans); n > 1 && spans[0].From.Equal(c.report.Span.From) && spans[n-1].To.Equal(c.report.Span.To) {
			out.last = spans[n-1]
			out.again = out.last.To.Sub(out.last.From) + spans[0].To.Sub(spans[0].From)
		}
		if max(out.To.Sub(out.From), out.again) > max(most.To.Sub(most.From), most.again) {
			most = out
		}
	}
	look("nobody is on queue", "", func(*team) bool { return true })
	for n, r := range c.Want.Rules {
		can := func(t *team) bool { return t.ever[n] || t.unrated }
		if slices.ContainsFunc(c.teams, can) { // else it is said that nobody can
			look("nobody who can serve rule "+r.Name+" is on queue", r.Name, can)
		}
	}
	return most
}

// shared: agents get the email that goes first of all their queues.
func (c *check) shared() {
	if c.Org.ActiveUnknown != "" && len(c.members) > 0 {
		c.add(routing.Finding{
			Type: routing.SharedAgents, Severity: routing.SeverityNote,
			Message: "in how many queues the agents are active could not be read: " + c.Org.ActiveUnknown,
		})
	}
	if c.Org.ActiveQueues == nil || len(c.members) == 0 {
		return
	}
	agents, share, queues := 0, 0.0, 0
	for _, m := range c.members {
		if n := c.Org.ActiveQueues[m.ID]; n > 0 && !m.inactive {
			agents++
			queues += n
			share += 1 / float64(n)
		}
	}
	if agents == 0 || share > wideShare*float64(agents) {
		return
	}
	c.add(routing.Finding{
		Type:    routing.SharedAgents,
		Numbers: []routing.Number{{Name: "agents", Value: float64(agents)}, {Name: "queuesEach", Value: float64(queues) / float64(agents)}, {Name: "share", Value: share}},
		Message: fmt.Sprintf("an agent of this queue is active in %.1f queues: spread evenly, it has the time of %.1f of %s, and an email that goes first elsewhere is taken before", float64(queues)/float64(agents), share, phrase.Count(agents, "agent")),
		Do:      "let some of them be active in fewer queues, or give this queue's email a higher priority",
	})
}
