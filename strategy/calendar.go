package strategy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file checks calendars: days, hours, time zones and holidays.

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// span is one interval of a day, in minutes from midnight, and where it stands.
type span struct {
	from, to int
	path     string
}

func (c *checker) calendars() {
	for _, name := range names(c.s.Calendars) {
		c.calendar("calendars."+name, c.s.Calendars[name])
	}
}

func (c *checker) calendar(path string, cal Calendar) {
	if c.has(path + ".timezone") {
		if _, err := time.LoadLocation(cal.Timezone); err != nil || cal.Timezone == "Local" {
			c.fail(path+".timezone", fmt.Sprintf("no time zone is named %q", cal.Timezone), "use an IANA name, such as Europe/Berlin or America/New_York")
		}
	}
	var week [7][]span
	sound, open := true, false
	for _, key := range names(cal.Open) {
		sub := path + ".open." + key
		days, err := parseDays(key)
		if err != nil {
			c.failAt(c.s.At(sub), sub, err.Error(), "write mon, mon-fri or mon,wed")
			sound = false
		}
		for i, text := range cal.Open[key] {
			item := fmt.Sprintf("%s[%d]", sub, i)
			if _, ok := c.s.spots[item]; !ok {
				item = sub // a single text that stands for a list
			}
			if c.bad[item] {
				sound = false
				continue
			}
			from, to, err := parseHours(text)
			switch {
			case err != nil:
				c.fail(item, err.Error(), "write them as 08:00-12:00")
				sound = false
				continue
			case from == to:
				c.fail(item, fmt.Sprintf("%s has no length", text), "")
				sound = false
				continue
			case from > to:
				c.fail(item, fmt.Sprintf("%s ends before it starts", text), "over midnight, write it up to 24:00 and from 00:00 on the next day")
				sound = false
				continue
			}
			open = true
			for _, d := range days {
				week[d] = append(week[d], span{from, to, item})
			}
		}
	}
	if c.has(path+".open") && sound && !open {
		c.fail(path+".open", "the calendar has no open hour", "add one, such as mon-fri: 08:00-18:00")
	}
	reported := map[string]bool{}
	for d, spans := range week {
		slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.from-b.from, a.to-b.to, cmp.Compare(a.path, b.path)) })
		for i := 1; i < len(spans); i++ {
			if spans[i].from < spans[i-1].to && !reported[spans[i].path] {
				reported[spans[i].path] = true
				c.fail(spans[i].path, fmt.Sprintf("overlaps %s on %s", clock(spans[i-1].from)+"-"+clock(spans[i-1].to), weekdays[d]), "join the two, or shorten one")
			}
		}
	}
	for i, day := range cal.Holidays {
		item := fmt.Sprintf("%s.holidays[%d]", path, i)
		if _, err := time.Parse(time.DateOnly, day); err != nil && c.has(item) {
			c.fail(item, fmt.Sprintf("%q is not a date", day), "write year-month-day, such as 2026-12-25")
		}
	}
}

// parseDays reads mon, mon-fri and mon,wed. Days are numbered from Monday.
func parseDays(s string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "-")
		a, b := slices.Index(weekdays, from), slices.Index(weekdays, to)
		if !isRange {
			b = a
		}
		if a < 0 || b < 0 {
			return nil, fmt.Errorf("%q is not a day of the week", part)
		}
		for d := a; ; d = (d + 1) % 7 {
			out = append(out, d)
			if d == b {
				break
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

var hours = regexp.MustCompile(`^([0-9]{1,2}):([0-9]{2}) ?- ?([0-9]{1,2}):([0-9]{2})$`)

// parseHours reads 08:00-12:00 as minutes from midnight.
func parseHours(s string) (from, to int, err error) {
	m := hours.FindStringSubmatch(s)
	if m == nil {
		return 0, 0, fmt.Errorf("%q is not hours of a day", s)
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // two digits at most
	}
	from, to = n[0]*60+n[1], n[2]*60+n[3]
	if n[1] > 59 || n[3] > 59 || from > 24*60 || to > 24*60 {
		return 0, 0, fmt.Errorf("%q is not a time of day", s)
	}
	return from, to, nil
}

// clock writes minutes from midnight as 08:00.
func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
