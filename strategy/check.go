package strategy

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones are known wherever the program runs

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file checks what a strategy says, once its keys and types are right:
// the limits of the platform (docs/platform-notes.md) and references within
// the file.

// The limits of the platform.
const (
	maxSteps     = routing.MaxRings - 1
	maxWait      = 72 * time.Hour
	maxDrop      = 50
	maxPerDomain = 1000
	minAlert     = 7 * time.Second
	usualAlert   = 900 * time.Second
	minTimeout   = time.Second
	maxTimeout   = time.Hour
)

// skillByID is what is wrong with a skill that is not a name.
const skillByID = "is the id of a skill, and skills are called by name"

// checker gathers what is wrong with one strategy.
type checker struct {
	*yamlfile.Reader
	s *Strategy
}

func (c *checker) path(format string, args ...any) string { return fmt.Sprintf(format, args...) }

var (
	strategyName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$`)
	looksLikeID  = regexp.MustCompile(`^(id:.*|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$`)
)

func (c *checker) check() {
	s := c.s
	if c.Has("name") && !strategyName.MatchString(s.Name) {
		c.Fail("name", fmt.Sprintf("%q cannot be the name of a strategy", s.Name), "use up to 64 letters, digits and . _ - between them: "+slug(s.Name))
	}
	if c.Has("queue") && looksLikeID.MatchString(s.Queue) {
		c.Fail("queue", fmt.Sprintf("%q is an id, and queues are called by name", s.Queue), "write the queue's name; `foresort import` writes a file of a live queue")
	}
	c.queue()
	c.rules()
	c.addresses()
	c.members()
	c.waivers()
	c.relax()
	c.adjust()
	c.sync()
	c.report()
	c.calendars()
	c.tests()
}

// queue checks the settings of the queue itself.
func (c *checker) queue() {
	s := c.s
	if c.Has("serviceLevel.percent") && s.ServiceLevel.Percent > 0 && s.ServiceLevel.Percent <= 1 {
		p := s.ServiceLevel.Percent
		c.Fail("serviceLevel.percent", fmt.Sprintf("%g is a fraction; percent goes from 0 to 100", p), fmt.Sprintf("write %g, not %g", math.Round(p*1e8)/1e6, p))
	}
	if c.Has("serviceLevel.within") && time.Duration(s.ServiceLevel.Within) < time.Second {
		c.Fail("serviceLevel.within", fmt.Sprintf("%s is too short", s.ServiceLevel.Within), "the platform takes 1s and more")
	}
	if s.Alert != nil {
		switch d := time.Duration(*s.Alert); {
		case d < minAlert:
			c.Fail("alert", fmt.Sprintf("%s is too short", s.Alert), "the platform takes 7s and more")
		case d%time.Second != 0:
			c.Fail("alert", fmt.Sprintf("%s is not whole seconds", s.Alert), "write "+routing.Duration(d.Round(time.Second)).String())
		case d > usualAlert:
			c.Warn("alert", fmt.Sprintf("%s is longer than the 15m that the platform's own page allows", s.Alert), "it may be refused on apply")
		}
	}
	if s.WrapUp != nil && s.WrapUp.Timeout != nil && c.Has("wrapUp.timeout") {
		switch t := time.Duration(*s.WrapUp.Timeout); {
		case s.WrapUp.Mode != "" && !s.WrapUp.Mode.HasTimeout():
			c.Fail("wrapUp.timeout", fmt.Sprintf("the mode %s has no timeout", s.WrapUp.Mode), "leave timeout out, or use mandatory-timeout, mandatory-forced-timeout or agent-requested")
		case t < minTimeout || t > maxTimeout:
			c.Fail("wrapUp.timeout", fmt.Sprintf("%s is out of bounds: 1s to 60m", s.WrapUp.Timeout), "")
		case t%time.Millisecond != 0:
			c.Fail("wrapUp.timeout", fmt.Sprintf("%s is not whole milliseconds", s.WrapUp.Timeout), "write "+routing.Duration(t.Round(time.Millisecond)).String())
		}
	}
	if s.Agents == routing.LongestIdle && slices.ContainsFunc(s.Rules, func(r Rule) bool { return len(r.Skills) > 0 }) {
		c.Warn("agents", "longest-idle disregards the skills that the rules name", "use all-skills for the longest idle agent who has every skill, or best-skill")
	}
	if c.Has("calendar") {
		if _, ok := s.Calendars[s.Calendar]; !ok {
			c.Fail("calendar", fmt.Sprintf("no calendar is named %q", s.Calendar), cmp.Or(nearest.Hint(s.Calendar, names(s.Calendars), '`'), "describe it under calendars"))
		}
	}
}

func (c *checker) rules() {
	first := map[string]int{}
	used := map[string]bool{}
	for _, a := range c.s.Addresses {
		used[a.Rule] = true
	}
	for i, r := range c.s.Rules {
		path := c.path("rules[%d]", i)
		if c.Has(path + ".name") {
			if before, repeated := first[r.Name]; repeated {
				c.Fail(path+".name", fmt.Sprintf("two rules are named %q", r.Name), fmt.Sprintf("the other is on line %d", c.s.At(c.path("rules[%d]", before)).Line))
			} else {
				first[r.Name] = i
			}
			if r.Name == None {
				c.Fail(path+".name", "a rule cannot be named none: tests expect none where no rule is followed", "")
			}
			if !used[r.Name] && r.When == "" && !c.Bad(path+".when") {
				c.Warn(path+".name", fmt.Sprintf("no address leads to the rule %q: it is unreachable", r.Name), "name it under addresses")
			}
		}
		c.skillNames(path+".skills", r.Skills)
		if r.Language != "" && looksLikeID.MatchString(r.Language) {
			c.Fail(path+".language", fmt.Sprintf("%q is an id, and languages are called by name", r.Language), "write the language's name")
		}
		if c.Has(path+".language") && strings.TrimSpace(r.Language) == "" {
			c.Fail(path+".language", "is empty", "leave the key out, or write none to own it and empty it")
		}
		if r.Deadline != nil && *r.Deadline <= 0 {
			c.Fail(path+".deadline", fmt.Sprintf("%s is not a time to answer in", r.Deadline), "write a span such as 1h")
		}
		if !c.Has(path + ".when") {
			continue
		}
		if strings.TrimSpace(r.When) == "" {
			c.Fail(path+".when", "is empty", "leave the key out where the address alone decides")
			continue
		}
		c.condition(i)
	}
}

// skillNames checks a list of skills: names, each once.
func (c *checker) skillNames(path string, skills []string) {
	for i, name := range skills {
		item := c.Item(path, i)
		switch {
		case looksLikeID.MatchString(name):
			c.Fail(item, fmt.Sprintf("%q "+skillByID, name), "write the skill's name; `foresort convert --live` or `--skills ids.json` looks names up")
		case name != "" && slices.Index(skills, name) < i:
			c.Fail(item, fmt.Sprintf("%q is listed twice", name), "keep one of them")
		}
	}
}

func (c *checker) addresses() {
	first := map[routing.Address]int{}
	domains := map[string]int{}
	for i, a := range c.s.Addresses {
		path := c.path("addresses[%d]", i)
		if c.Has(path + ".rule") {
			c.isRule(path+".rule", a.Rule)
		}
		if !c.Has(path + ".address") {
			continue
		}
		address, err := a.parse()
		if err != nil || strings.TrimSpace(a.Address) != a.Address || strings.Count(a.Address, "@") != 1 || !domainName.MatchString(address.Domain) {
			c.Fail(path+".address", fmt.Sprintf("%q is not an email address", a.Address), "write local@domain, such as support@help.example.com")
			continue
		}
		if before, repeated := first[address]; repeated {
			c.Fail(path+".address", fmt.Sprintf("%s is listed twice", address), fmt.Sprintf("an address has one rule; the other is on line %d", c.s.At(c.path("addresses[%d]", before)).Line))
			continue
		}
		first[address] = i
		if domains[address.Domain]++; domains[address.Domain] == maxPerDomain+1 {
			c.Fail(path+".address", fmt.Sprintf("more than %d addresses in the domain %s", maxPerDomain, address.Domain), "the platform takes no more; use a second domain")
		}
	}
}

// isRule checks a name that shall be that of a rule.
func (c *checker) isRule(path, name string) {
	if _, ok := c.s.rule(name); ok {
		return
	}
	var known []string
	for _, r := range c.s.Rules {
		known = append(known, r.Name)
	}
	c.Fail(path, fmt.Sprintf("no rule is named %q", name), cmp.Or(nearest.Hint(name, known, '`'), "name one under rules"))
}

var domainName = regexp.MustCompile(`^[\pL\pN]([\pL\pN-]*[\pL\pN])?(\.[\pL\pN]([\pL\pN-]*[\pL\pN])?)*$`)

func (c *checker) members() {
	m := c.s.Members
	if m == nil {
		return
	}
	if m.Agents == nil && m.Groups == nil && !c.Bad("members.agents") && !c.Bad("members.groups") {
		c.Fail("members", "says neither agents nor groups", "leave members out to leave them alone, or write agents: [] for nobody")
	}
	for key, list := range map[string][]string{"agents": m.Agents, "groups": m.Groups} {
		seen := map[string]bool{}
		for i, name := range list {
			same := name
			if strings.Contains(name, "@") {
				same = strings.ToLower(name) // addresses do not tell case apart
			}
			if seen[same] && name != "" {
				c.Fail(c.path("members.%s[%d]", key, i), fmt.Sprintf("%q is listed twice", name), "keep one of them")
			}
			seen[same] = true
		}
	}
}

// waivers checks which findings may stand. Whether one has ended is for those to
// say who have a clock.
func (c *checker) waivers() {
	if c.s.Coverage == nil {
		return
	}
	for i, w := range c.s.Coverage.Waive {
		path := c.path("coverage.waive[%d]", i)
		if c.Has(path+".finding") && routing.SeverityOf(w.Finding) == routing.SeverityNote {
			c.Warn(path+".finding", fmt.Sprintf("%s is only a note and needs no waiver", w.Finding), "take it out of the list")
		}
		if c.Has(path + ".rule") {
			c.isRule(path+".rule", w.Rule)
		}
		if c.Has(path+".agent") && strings.TrimSpace(w.Agent) == "" {
			c.Fail(path+".agent", "is empty", "leave the key out where any agent is meant")
		}
		switch {
		case !c.Has(path + ".permission"):
		case strings.TrimSpace(w.Permission) == "":
			c.Fail(path+".permission", "is empty", "leave the key out where any permission is meant")
		case c.Has(path+".finding") && w.Finding != routing.MissingPermission:
			c.Fail(path+".permission", fmt.Sprintf("%s is about no permission", w.Finding), "leave the key out, or waive "+string(routing.MissingPermission))
		}
		if c.date(path+".until", w.Until) && strings.HasPrefix(w.Until, "9999-") {
			c.Fail(path+".until", w.Until+" is no end", "write a day on which somebody will look at it again")
		}
	}
}

// date checks a day, where there is one.
func (c *checker) date(path, text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	if err != nil && c.Has(path) {
		c.Fail(path, fmt.Sprintf("%q is not a date", text), "write year-month-day, such as 2026-12-25")
	}
	return err == nil
}

func (c *checker) relax() {
	if len(c.s.Relax) > maxSteps {
		c.Fail(c.path("relax[%d]", maxSteps), fmt.Sprintf("%d steps, and the platform has %d: a queue has at most %d rings", len(c.s.Relax), maxSteps, routing.MaxRings), "")
	}
	asked := map[string]bool{}
	for _, r := range c.s.Rules {
		for _, name := range r.Skills {
			asked[name] = true
		}
	}
	var before time.Duration
	for i, step := range c.s.Relax {
		path := c.path("relax[%d]", i)
		if c.Has(path + ".after") {
			after := time.Duration(step.After)
			switch {
			case after <= 0:
				c.Fail(path+".after", fmt.Sprintf("%s is not later than entering the queue", step.After), "write a span such as 2h")
			case after <= before:
				c.Fail(path+".after", fmt.Sprintf("%s is not later than the step before (%s)", step.After, routing.Duration(before)), "every step counts from entering the queue")
			case after-before > maxWait:
				since := "the step before"
				if i == 0 {
					since = "entering the queue"
				}
				c.Fail(path+".after", fmt.Sprintf("%s after %s is more than the %s that an email can spend in one ring", routing.Duration(after-before), since, routing.Duration(maxWait)), "put a step in between")
			}
			before = max(before, after)
		}
		if step.Drop == nil && step.Add == nil && !c.Bad(path) && !c.Bad(path+".drop") && !c.Bad(path+".add") {
			c.Fail(path, "the step relaxes nothing", "say what to drop, or what to add")
		}
		for key, list := range map[string][]string{"drop": step.Drop, "add": step.Add} {
			if list != nil && len(list) == 0 {
				c.Fail(path+"."+key, "is empty", "leave the key out")
			}
		}
		if len(step.Drop) > maxDrop {
			c.Fail(path+".drop", fmt.Sprintf("%d skills, and a ring drops at most %d", len(step.Drop), maxDrop), "")
		}
		c.skillNames(path+".drop", step.Drop)
		for k, name := range step.Drop {
			if name != "" && !asked[name] && !looksLikeID.MatchString(name) {
				c.Warn(c.Item(path+".drop", k), fmt.Sprintf("no rule asks for the skill %q, so dropping it changes nothing here", name), nearest.Hint(name, names(asked), '`'))
			}
		}
		for k, name := range step.Add {
			if name != "" && slices.Index(step.Add, name) < k {
				c.Fail(c.path("%s.add[%d]", path, k), fmt.Sprintf("%q is listed twice", name), "keep one of them")
			}
		}
	}
}

// tests runs the tests of the file. With mistakes in rules or addresses their
// answers would only repeat those.
func (c *checker) tests() {
	for i, t := range c.s.Tests {
		path := c.path("tests[%d]", i)
		if !c.Has(path + ".email.to") {
			continue
		}
		if _, err := routing.ParseAddress(t.Email.To); err != nil {
			c.Fail(path+".email.to", fmt.Sprintf("%q is not an email address", t.Email.To), "")
			continue
		}
		got := c.s.Decide(t.Email)
		differ := func(key, want, have string) {
			if c.Has(path+".expect."+key) && want != have {
				c.Fail(path+".expect."+key, fmt.Sprintf("the test fails: expected %s %s, got %s", key, want, have), got.Why)
			}
		}
		differ("rule", t.Expect.Rule, cmp.Or(got.Rule, None))
		if t.Expect.Priority != nil {
			differ("priority", fmt.Sprint(*t.Expect.Priority), priorityText(got.Priority))
		}
		differ("skills", listText(t.Expect.Skills), listText(got.Skills))
		differ("language", t.Expect.Language, cmp.Or(got.Language, "not set"))
	}
}

func priorityText(p *int) string {
	if p == nil {
		return "not set"
	}
	return fmt.Sprint(*p)
}

func listText(items []string) string {
	if len(items) == 0 {
		return None
	}
	return strings.Join(slices.Sorted(slices.Values(items)), ", ")
}

// names are the keys of a map, sorted.
func names[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
