package sandbox

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the unit's time zone, also on machines that know none
)

// The published schedules of the agents: nothing is stored, each day follows
// from the seed and the agent, so that any day around the clock's now has one.

// unitZone is the time zone of the business unit.
const unitZone = "Europe/Berlin"

// unitLocation is unitZone.
func unitLocation() *time.Location {
	l, err := time.LoadLocation(unitZone)
	if err != nil {
		panic(fmt.Sprintf("load %s, which is built in: %v", unitZone, err))
	}
	return l
}

// activityCode is a kind of work or absence.
type activityCode struct {
	id, name, category string
	minutes            int // usual length; 0: none
	paid               bool
}

// The activity codes. That code 0 is on-queue work is the platform's; the other
// ids are this organisation's.
var (
	onQueue       = activityCode{"0", "On Queue", "OnQueueWork", 0, true}
	shortBreak    = activityCode{"1", "Break", "Break", 15, true}
	meal          = activityCode{"2", "Meal", "Meal", 30, false}
	meeting       = activityCode{"3", "Team Meeting", "Meeting", 30, true}
	offQueue      = activityCode{"4", "Paperwork", "OffQueueWork", 60, true}
	vacation      = activityCode{"5", "Vacation", "TimeOff", 0, true}
	training      = activityCode{"6", "Training", "Training", 60, true}
	unavailable   = activityCode{"7", "Unavailable", "Unavailable", 0, false}
	sick          = activityCode{"8", "Sick Leave", "TimeOff", 0, true}
	appointment   = activityCode{"9", "Appointment", "TimeOff", 120, false}
	activityCodes = []activityCode{onQueue, shortBreak, meal, meeting, offQueue, vacation, training, unavailable, sick, appointment}
)

// shift is one agent's work on one day. Its activities follow each other
// without gaps.
type shift struct {
	id         string
	day        time.Time // midnight UTC of the local date
	start      time.Time
	activities []activity
}

type activity struct {
	code    activityCode
	start   time.Time
	minutes int
}

func (s shift) end() time.Time {
	last := s.activities[len(s.activities)-1]
	return last.start.Add(time.Duration(last.minutes) * time.Minute)
}

// dayOff is a day on which an agent would work but is away.
type dayOff struct {
	day     time.Time
	code    activityCode
	minutes int
}

// dice gives the same numbers for the same seed and words.
func (s *Server) dice(words ...string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(strings.Join(words, "\x00")))
	return rand.New(rand.NewPCG(s.options.Seed, h.Sum64()))
}

// monday is the first day of the week of a date.
func monday(day time.Time) time.Time { return day.AddDate(0, 0, -(int(day.Weekday())+6)%7) }

// date is the local date of a time, as midnight UTC.
func date(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// contractOf is how an agent works, every week.
type contractOf struct {
	partTime bool
	saturday bool            // instead of free
	free     time.Weekday    // the weekday off of those who work on Saturday
	starts   [2]int          // minutes after midnight, in even and in odd weeks
	stagger  int             // minutes by which the breaks are later than others'
	meets    [2]time.Weekday // of the team meeting, and of training
}

func (s *Server) contractOf(u user) contractOf {
	d := s.dice("contract", u.Email)
	k := contractOf{partTime: d.IntN(5) == 0, saturday: d.IntN(4) == 0, free: time.Weekday(1 + d.IntN(5)), stagger: 15 * d.IntN(3)}
	early := []int{7 * 60, 8 * 60, 8*60 + 30, 9 * 60, 10 * 60}[d.IntN(5)]
	k.starts = [2]int{early, early}
	if d.IntN(3) == 0 { // every other week late
		k.starts[1] = 11*60 + 30
	}
	k.meets = [2]time.Weekday{time.Weekday(2 + s.dice("meeting", u.Department).IntN(3)), time.Friday}
	return k
}

func (k contractOf) minutes() int {
	if k.partTime {
		return 5 * 60
	}
	return 8*60 + 30
}

func (k contractOf) works(day time.Weekday) bool {
	switch day {
	case time.Sunday:
		return false
	case time.Saturday:
		return k.saturday
	default:
		return !k.saturday || day != k.free
	}
}

// workday is what an agent does on a date: a shift, a day off, or nothing.
func (s *Server) workday(u user, day time.Time, zone *time.Location) (*shift, *dayOff) {
	k := s.contractOf(u)
	if !k.works(day.Weekday()) {
		return nil, nil
	}
	week, date := monday(day).Format(time.DateOnly), day.Format(time.DateOnly)
	off := func(code activityCode) *dayOff {
		if k.partTime {
			return &dayOff{day, code, k.minutes()}
		}
		return &dayOff{day, code, k.minutes() - meal.minutes}
	}
	if s.dice("vacation", u.Email, week).IntN(12) == 0 {
		return nil, off(vacation)
	}
	if s.dice("sick", u.Email, date).IntN(40) == 0 {
		return nil, off(sick)
	}
	_, number := day.ISOWeek()
	begin := k.starts[number%2]
	if day.Weekday() == time.Saturday {
		begin = 9 * 60
	}
	end := begin + k.minutes()
	var blocks []block
	if s.dice("appointment", u.Email, date).IntN(60) == 0 {
		blocks = append(blocks, block{appointment, end - appointment.minutes, appointment.minutes})
	}
	if day.Weekday() == k.meets[0] {
		blocks = place(blocks, meeting, 10*60+30, begin, end)
	}
	if day.Weekday() == k.meets[1] && s.dice("training", u.Email, week).IntN(4) == 0 {
		blocks = place(blocks, training, 14*60, begin, end)
	}
	blocks = place(blocks, shortBreak, begin+2*60+k.stagger, begin, end)
	if !k.partTime {
		blocks = place(blocks, meal, begin+4*60+k.stagger, begin, end)
		blocks = place(blocks, shortBreak, begin+6*60+15+k.stagger, begin, end)
	}
	y, m, d := day.Date()
	out := &shift{id: uuid(s.dice("shift", u.Email, date)), day: day, start: time.Date(y, m, d, 0, begin, 0, 0, zone).UTC()}
	out.activities = fill(blocks, out.start, begin, end)
	return out, nil
}

// block is an activity in minutes after midnight.
type block struct {
	code       activityCode
	at, length int
}

// place adds an activity at a minute, or after those that stand there already;
// what does not fit between begin and end is left out.
func place(blocks []block, code activityCode, at, begin, end int) []block {
	for {
		i := slices.IndexFunc(blocks, func(b block) bool { return at < b.at+b.length && b.at < at+code.minutes })
		if i < 0 {
			break
		}
		at = blocks[i].at + blocks[i].length
	}
	if at < begin || at+code.minutes > end {
		return blocks
	}
	return append(blocks, block{code, at, code.minutes})
}

// fill makes a gapless day of the blocks: what they leave free is on-queue
// work.
func fill(blocks []block, start time.Time, begin, end int) []activity {
	slices.SortFunc(blocks, func(a, b block) int { return a.at - b.at })
	var out []activity
	add := func(code activityCode, at, until int) {
		if until > at {
			out = append(out, activity{code, start.Add(time.Duration(at-begin) * time.Minute), until - at})
		}
	}
	at := begin
	for _, b := range blocks {
		add(onQueue, at, b.at)
		add(b.code, b.at, b.at+b.length)
		at = b.at + b.length
	}
	add(onQueue, at, end)
	return out
}
