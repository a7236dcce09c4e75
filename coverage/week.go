package coverage

import (
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// Week is the week to come as a simulation takes it: the email that recent weeks
// let expect, and the members of the queue when they are on queue.
type Week struct {
	routing.Span
	Zone    *time.Location
	Weeks   int // that the email is the mean of
	Email   []Expected
	Members []Person
	Notes   []string // what was left out or taken for granted, in words
}

// Expected is the email of a rule.
type Expected struct {
	Rule    string    // empty: of addresses that no rule has
	Offered []float64 // emails in each cell of the span
	Handle  time.Duration
}

// Person is a member of the queue who takes email.
type Person struct {
	routing.Ref
	Ring     int // from 1
	Capacity int // emails at once
	routing.Ratings
	OnQueue []routing.Span // within the week
}

// NextWeek is the week that a check holds against who can serve it. unknown says
// why there is none. Whose skills are not known has none here, and whose schedule
// is not is off queue.
func NextWeek(in Input) (w Week, unknown string) {
	c := begin(in)
	if !c.join() {
		return w, "nobody is known to serve the queue"
	}
	c.abilities()
	c.matrix()
	if unknown = c.demandUnknown(); unknown != "" {
		return w, unknown
	}
	first, weeks, unknown := c.weeks(c.Volume)
	if unknown != "" {
		return w, unknown
	}
	mean, unknown := c.handling(c.Volume)
	if unknown != "" {
		return w, unknown
	}
	w = Week{Span: c.report.Span, Zone: c.zone, Weeks: weeks}
	slots := c.timesOfWeek(c.Volume, first)
	counts := make([][]*measure.Counts, len(c.Want.Rules)+1) // by rule; the last: of none
	for _, address := range sorted(c.Volume.By) {
		rule := c.ruleOf(address)
		if rule < 0 {
			rule = len(c.Want.Rules)
		}
		counts[rule] = append(counts[rule], c.Volume.By[address])
	}
	for rule, all := range counts {
		e := Expected{Offered: make([]float64, Cells), Handle: handle(all, mean)}
		if rule < len(c.Want.Rules) {
			e.Rule = c.Want.Rules[rule].Name
		}
		for _, n := range all {
			c.expected(e.Offered, n, slots, weeks)
		}
		switch {
		case slices.Max(e.Offered) > 0:
			w.Email = append(w.Email, e)
		case e.Rule != "":
			w.Notes = append(w.Notes, fmt.Sprintf("no email of the rule %s came in %s, so none is expected", e.Rule, phrase.Count(weeks, "week")))
		}
	}
	c.people(&w)
	if c.Waiting != nil && *c.Waiting > 0 {
		w.Notes = append(w.Notes, fmt.Sprintf("%s that wait now are left out", phrase.Count(*c.Waiting, "email")))
	}
	return w, ""
}

// people adds the members who take email.
func (c *check) people(w *Week) {
	unrated, gaps, assumed := 0, 0, 0
	for _, m := range c.members {
		if m.idle() {
			continue
		}
		p := Person{Ref: m.Ref, Ring: m.ring + 1, Capacity: *m.capacity, OnQueue: OnQueue(c.scheduleOf(m), w.Span)}
		if m.ratings != nil {
			p.Ratings = *m.ratings
		} else {
			unrated++
		}
		if m.gaps {
			gaps++
		}
		if m.assumed {
			assumed++
		}
		w.Members = append(w.Members, p)
	}
	note := func(n int, text string) {
		if n > 0 {
			w.Notes = append(w.Notes, fmt.Sprintf(text, n, phrase.Count(len(w.Members), "member")))
		}
	}
	note(unrated, "the skills of %d of %s could not be read: they have none here")
	note(gaps, "of %d of %s not all of the 7 days is published: they are off queue for the rest")
	note(assumed, "of %d of %s the organisation's utilization is taken for their own")
}
