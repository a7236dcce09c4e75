package strategy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file checks and compiles calendars: days, hours, time zones and holidays.

// span is one interval of a day, and where it stands.
type span struct {
	routing.Hours
	path string
}

func (c *checker) calendars() {
	for _, name := range names(c.s.Calendars) {
		c.calendar("calendars."+name, c.s.Calendars[name])
	}
}

func (c *checker) calendar(path string, cal Calendar) {
	if c.Has(path + ".timezone") {
		if _, err := time.LoadLocation(cal.Timezone); err != nil || cal.Timezone == "Local" {
			c.Fail(path+".timezone", fmt.Sprintf("no time zone is named %q", cal.Timezone), "use an IANA name, such as Europe/Berlin or America/New_York")
		}
	}
	var week [7][]span
	sound, open := true, false
	for _, key := range names(cal.Open) {
		sub := path + ".open." + key
		days, err := routing.ParseDays(key)
		if err != nil {
			c.FailAt(c.s.At(sub), sub, err.Error(), "write mon, mon-fri or mon,wed")
			sound = false
		}
		for i, text := range cal.Open[key] {
			item := c.Item(sub, i)
			if c.Bad(item) {
				sound = false
				continue
			}
			h, err := routing.ParseHours(text)
			switch {
			case err != nil:
				c.Fail(item, err.Error(), "write them as 08:00-12:00")
				sound = false
				continue
			case h.From == h.To:
				c.Fail(item, fmt.Sprintf("%s has no length", text), "")
				sound = false
				continue
			case h.From > h.To:
				c.Fail(item, fmt.Sprintf("%s ends before it starts", text), "over midnight, write it up to 24:00 and from 00:00 on the next day")
				sound = false
				continue
			}
			open = true
			for _, d := range days {
				week[d] = append(week[d], span{h, item})
			}
		}
	}
	if c.Has(path+".open") && sound && !open {
		c.Fail(path+".open", "the calendar has no open hour", "add one, such as mon-fri: 08:00-18:00")
	}
	reported := map[string]bool{}
	for d, spans := range week {
		slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.From-b.From, a.To-b.To, cmp.Compare(a.path, b.path)) })
		for i := 1; i < len(spans); i++ {
			if spans[i].From < spans[i-1].To && !reported[spans[i].path] {
				reported[spans[i].path] = true
				c.Fail(spans[i].path, fmt.Sprintf("overlaps %s on %s", spans[i-1].Hours, routing.Weekdays[d]), "join the two, or shorten one")
			}
		}
	}
	for i, day := range cal.Holidays {
		c.date(fmt.Sprintf("%s.holidays[%d]", path, i), day)
	}
}

// clock compiles the calendar that the strategy goes by; nil where it names
// none. Mistakes in it, which Parse has reported, are left out.
func (s *Strategy) clock() *routing.Calendar {
	cal, ok := s.Calendars[s.Calendar]
	if !ok {
		return nil
	}
	zone, err := time.LoadLocation(cal.Timezone)
	if err != nil || cal.Timezone == "Local" {
		zone = time.UTC
	}
	out := &routing.Calendar{Name: s.Calendar, Location: zone, Holidays: map[string]bool{}}
	for key, texts := range cal.Open {
		days, err := routing.ParseDays(key)
		if err != nil {
			continue
		}
		for _, text := range texts {
			h, err := routing.ParseHours(text)
			if err != nil || h.From >= h.To {
				continue
			}
			for _, d := range days {
				out.Week[d] = append(out.Week[d], h)
			}
		}
	}
	for d := range out.Week {
		slices.SortFunc(out.Week[d], func(a, b routing.Hours) int { return a.From - b.From })
	}
	for _, day := range cal.Holidays {
		out.Holidays[day] = true
	}
	return out
}
