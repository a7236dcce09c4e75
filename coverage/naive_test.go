package coverage_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// This file counts once more, written to be read: it looks at every member at
// every moment, and shares nothing with the package.

// tick is how finely time is looked at; every time that is drawn is a multiple.
const tick = 20 * time.Second

// drawn is an organisation of chance.
type drawn struct {
	coverage.Input
	members []routing.Member
}

// draw makes an organisation. complete leaves out what is not known.
func draw(t *rapid.T, complete bool) drawn {
	chance := func(name string, in int) bool { return rapid.IntRange(1, in).Draw(t, name) == 1 }
	names := func(name string, of ...string) []routing.Ref {
		var out []routing.Ref
		for _, n := range of {
			if rapid.Bool().Draw(t, name+" "+n) {
				out = append(out, ref(n))
			}
		}
		return out
	}
	d := drawn{}
	d.Now = at(26, 9, 0).Add(time.Duration(rapid.IntRange(0, 60*24*3).Draw(t, "now")) * time.Minute)
	from := d.Now.Truncate(15 * time.Minute)
	s := &d.Want.Queue.Settings
	d.Want.Queue.Name = "Q"
	d.Want.Staffing.Proficiency = rapid.SampledFrom([]float64{0, 2, 2.5}).Draw(t, "least")
	if chance("longest idle", 5) {
		s.Agents = new(routing.LongestIdle)
	}
	if rapid.Bool().Draw(t, "service level") {
		s.ServiceLevel = &routing.ServiceLevel{Within: hour}
	}
	if rapid.Bool().Draw(t, "rings") {
		s.Rings = &routing.Rings{}
		for range rapid.IntRange(1, 4).Draw(t, "count of rings") {
			r := routing.Ring{Drop: names("drop", "A", "B")}
			if !chance("no wait", 6) {
				r.Wait = new(routing.Duration(rapid.IntRange(0, 3).Draw(t, "wait")) * hour / 2)
			}
			*s.Rings = append(*s.Rings, r)
		}
	}
	if !complete && chance("a group that is not known", 6) {
		s.Groups = &[]routing.Group{newGroup("Unknown")}
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
		rule := routing.Rule{Name: fmt.Sprint("rule ", i)}
		if skills := names("asks", "A", "B"); len(skills) > 0 || rapid.Bool().Draw(t, "asks for no skills") {
			rule.Skills = &skills
		}
		if rapid.Bool().Draw(t, "asks for a language") {
			rule.Language = new(ref("E"))
		}
		if rapid.Bool().Draw(t, "deadline") {
			rule.Deadline = new(routing.Duration(rapid.IntRange(1, 3).Draw(t, "within")) * hour / 2)
		}
		d.Want.Rules = append(d.Want.Rules, rule)
	}
	if !complete && rapid.Bool().Draw(t, "calendar") {
		d.Want.Calendar = &routing.Calendar{Location: berlin}
		for day := range 7 {
			open := rapid.IntRange(0, 1440).Draw(t, "open")
			d.Want.Calendar.Week[day] = []routing.Hours{{From: open, To: rapid.IntRange(open, 1440).Draw(t, "closed")}}
		}
	}
	some := func(name string, from time.Time, earliest, latest, shortest, longest time.Duration) routing.Span {
		s := routing.Span{From: from.Add(time.Duration(rapid.IntRange(int(earliest/tick), int(latest/tick)).Draw(t, name+" from")) * tick)}
		s.To = s.From.Add(time.Duration(rapid.IntRange(int(shortest/tick), int(longest/tick)).Draw(t, name+" length")) * tick)
		return s
	}
	const week = 7 * 24 * time.Hour
	d.Org.Utilization, d.Org.Ratings = map[string]routing.Utilization{}, map[string]routing.Ratings{}
	if complete || rapid.Bool().Draw(t, "organisation's utilization") {
		d.Org.OrgUtilization = &routing.Utilization{Settings: routing.UtilizationSettings{Email: new(1)}}
	}
	if complete || !chance("no roster", 6) {
		d.Org.Roster = &routing.Roster{Agents: map[string]routing.AgentSchedule{}}
	}
	q := routing.Queue{Ref: routing.Ref{ID: "q", Name: "Q"}}
	for i := range rapid.IntRange(1, 5).Draw(t, "members") {
		m := routing.Member{Ref: routing.Ref{ID: fmt.Sprint("agent ", i)}, Ring: rapid.IntRange(1, 4).Draw(t, "ring"), Joined: !chance("not active", 5)}
		q.Members = append(q.Members, m)
		if complete || !chance("not rated", 4) {
			rate := func(of string) []routing.Rating {
				n := rapid.IntRange(-1, 5).Draw(t, of)
				if n < 0 {
					return nil
				}
				return []routing.Rating{{Ref: routing.Ref{ID: "id of " + of, Name: of}, Proficiency: float64(n)}}
			}
			d.Org.Ratings[m.ID] = routing.Ratings{Skills: append(rate("A"), rate("B")...), Languages: rate("E")}
		}
		if rapid.Bool().Draw(t, "own utilization") {
			d.Org.Utilization[m.ID] = routing.Utilization{Settings: routing.UtilizationSettings{Email: new(rapid.IntRange(0, 3).Draw(t, "capacity"))}, Own: true}
		}
		if d.Org.Roster == nil || !complete && chance("no schedule", 5) {
			continue
		}
		known := routing.AgentSchedule{Known: []routing.Span{{From: from.AddDate(0, 0, -1), To: from.AddDate(0, 0, 9)}}}
		if !complete && chance("known in part", 3) {
			known.Known = []routing.Span{some("known", from, -time.Hour, week, 0, week), some("known too", from, -time.Hour, week, 0, week)}
		}
		for range rapid.IntRange(0, 6).Draw(t, "shifts") {
			shift := routing.Shift{}
			if complete { // what is checked are a few hours
				shift.Span = some("shift", from, -time.Hour, 4*time.Hour, 0, 3*time.Hour)
			} else {
				shift.Span = some("shift", from, -12*time.Hour, week, 0, 14*time.Hour)
			}
			for range rapid.IntRange(0, 3).Draw(t, "activities") {
				shift.Activities = append(shift.Activities, routing.Activity{
					Span:     some("activity", shift.From, -time.Hour, 10*time.Hour, 0, 2*time.Hour),
					Category: rapid.SampledFrom([]routing.ActivityCategory{routing.OnQueueWork, "Break", "TimeOff"}).Draw(t, "category"),
				})
			}
			known.Shifts = append(known.Shifts, shift)
		}
		if chance("a day off", 4) {
			known.Off = append(known.Off, some("day off", from, -24*time.Hour, week, time.Hour, 24*time.Hour))
		}
		d.Org.Roster.Agents[m.ID] = known
	}
	q.MemberCount = len(q.Members)
	d.members, d.Org.Queues = q.Members, []routing.Queue{q}
	return d
}

// capacity is how much a member takes at once; false: nobody knows.
func (d drawn) capacity(m routing.Member) (int, bool) {
	if own, there := d.Org.Utilization[m.ID]; there {
		return *own.Settings.Email, true
	}
	if d.Org.OrgUtilization != nil {
		return *d.Org.OrgUtilization.Settings.Email, true
	}
	return 0, false
}

// offered is when an email of a rule is first offered to a member who can serve
// it. maybe says that it could be offered then, if the member can.
func (d drawn) offered(rule routing.Rule, m routing.Member, least float64) (after time.Duration, can bool, earliest time.Duration) {
	var rings routing.Rings
	if d.Want.Queue.Settings.Rings != nil {
		rings = *d.Want.Queue.Settings.Rings
	}
	skills, language := map[string]bool{}, ""
	if d.Want.Queue.Settings.Agents == nil {
		if rule.Skills != nil {
			for _, s := range *rule.Skills {
				skills[s.Name] = true
			}
		}
		if rule.Language != nil {
			language = rule.Language.Name
		}
	}
	last := len(rings) // of those that an email enters
	for i, r := range rings {
		if r.Wait == nil {
			last = i + 1
			break
		}
	}
	last = max(last, 1)
	mine := min(m.Ring, last)
	entered := time.Duration(0)
	for ring := 1; ring <= last; ring++ {
		if ring == mine {
			earliest = entered
		}
		if ring >= mine && !can {
			has := true
			for s := range skills {
				has = has && d.has(d.Org.Ratings[m.ID].Skills, s, least)
			}
			if language != "" {
				has = has && d.has(d.Org.Ratings[m.ID].Languages, language, least)
			}
			if has {
				can, after = true, entered
			}
		}
		if ring < last {
			entered += time.Duration(*rings[ring-1].Wait)
			for _, s := range rings[ring-1].Drop {
				delete(skills, s.Name)
			}
		}
	}
	return after, can, earliest
}

func (drawn) has(all []routing.Rating, name string, least float64) bool {
	for _, r := range all {
		if r.Name == name {
			return r.Proficiency >= least
		}
	}
	return false
}

func inside(at time.Time, spans []routing.Span) bool {
	for _, s := range spans {
		if !at.Before(s.From) && at.Before(s.To) {
			return true
		}
	}
	return false
}

// minute is what is known of a member in one minute: on queue for all of it, or
// that it is not known.
type minute struct{ on, unknown bool }

// week looks at every moment of the 7 days.
func (d drawn) week(m routing.Member) []minute {
	from := d.Now.Truncate(15 * time.Minute)
	out := make([]minute, 7*24*60)
	var s routing.AgentSchedule
	there := false
	if d.Org.Roster != nil {
		s, there = d.Org.Roster.Agents[m.ID]
	}
	var away []routing.Span
	var work []routing.Span
	for _, shift := range s.Shifts {
		if inside(shift.From, s.Off) {
			continue
		}
		work = append(work, shift.Span)
		for _, a := range shift.Activities {
			if a.Category != routing.OnQueueWork {
				away = append(away, a.Span)
			}
		}
	}
	for i := range out {
		out[i] = minute{on: true}
		for part := time.Duration(0); part < time.Minute; part += tick {
			at := from.Add(time.Duration(i)*time.Minute + part)
			if !there || !inside(at, s.Known) {
				out[i] = minute{unknown: true}
				break
			}
			if !inside(at, work) || inside(at, away) {
				out[i].on = false
			}
		}
	}
	return out
}

// counted is what the matrix must say of one rule.
type counted struct {
	Qualified              int
	Agents, Slots, Unknown []int
}

func (d drawn) count(rule routing.Rule, weeks [][]minute) counted {
	c := counted{Agents: []int{}, Slots: []int{}, Unknown: []int{}}
	within := time.Duration(math.MaxInt64)
	if d.Want.Queue.Settings.ServiceLevel != nil {
		within = time.Duration(d.Want.Queue.Settings.ServiceLevel.Within)
	}
	if rule.Deadline != nil {
		within = time.Duration(*rule.Deadline)
	}
	opens := make([]bool, 9*24*60)
	for n := range opens {
		opens[n] = d.open(n)
	}
	// intime says whether a ring that is entered so long after an email came in
	// comes before its deadline ends; that one counts open minutes, and has not ended
	// while the minutes before the last were too few.
	intime := func(after time.Duration, cell int) bool {
		if rule.Deadline == nil || d.Want.Calendar == nil {
			return after <= within
		}
		for _, n := range []int{cell * 15, cell*15 + 14} {
			open := time.Duration(0)
			for at := n; at < n+int(after/time.Minute)-1; at++ {
				if opens[at] {
					open += time.Minute
				}
			}
			if open >= within {
				return false
			}
		}
		return true
	}
	able, perhaps := make([][]bool, len(d.members)), make([][]bool, len(d.members))
	for i, m := range d.members {
		able[i], perhaps[i] = make([]bool, 7*24*4), make([]bool, 7*24*4)
		after, can, earliest := d.offered(rule, m, d.Want.Staffing.Proficiency)
		_, rated := d.Org.Ratings[m.ID]
		if capacity, known := d.capacity(m); !m.Joined || known && capacity == 0 {
			continue
		}
		always := can
		for cell := range able[i] {
			able[i][cell] = can && intime(after, cell)
			perhaps[i][cell] = !able[i][cell] && !rated && intime(earliest, cell)
			for n := cell * 15; n < cell*15+15; n++ {
				always = always && (able[i][cell] || !opens[n])
			}
		}
		if always {
			c.Qualified++
		}
	}
	for cell := range 7 * 24 * 4 {
		agents, slots, unknown := math.MaxInt, math.MaxInt, 0
		var counts []int
		for n := cell * 15; n < cell*15+15; n++ {
			if opens[n] {
				counts = append(counts, n)
			}
		}
		if len(counts) == 0 {
			for n := cell * 15; n < cell*15+15; n++ {
				counts = append(counts, n)
			}
		}
		for _, n := range counts {
			a, s, u := 0, 0, 0
			if d.Want.Queue.Settings.Groups != nil {
				u++
			}
			for i, m := range d.members {
				now := weeks[i][n]
				capacity, _ := d.capacity(m)
				switch {
				case able[i][cell] && now.on:
					a++
					s += capacity
				case able[i][cell] && now.unknown, perhaps[i][cell] && (now.on || now.unknown):
					u++
				}
			}
			agents, slots, unknown = min(agents, a), min(slots, s), max(unknown, u)
		}
		c.Agents, c.Slots, c.Unknown = append(c.Agents, agents), append(c.Slots, slots), append(c.Unknown, unknown)
	}
	for _, m := range d.members {
		if _, known := d.capacity(m); !known {
			c.Slots = nil
		}
	}
	return c
}

func TestTheMatrixIsWhatCountingGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, false)
		r := coverage.Check(d.Input)
		var weeks [][]minute
		for _, m := range d.members {
			weeks = append(weeks, d.week(m))
		}
		for i, rule := range d.Want.Rules {
			got := counted{r.Rules[i].Qualified, r.Rules[i].Agents, r.Rules[i].Slots, r.Rules[i].Unknown}
			if diff := cmp.Diff(d.count(rule, weeks), got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", rule.Name, diff)
			}
		}
		d.holes(t, r)
	})
}

// open says whether the calendar counts a minute.
func (d drawn) open(minute int) bool {
	if d.Want.Calendar == nil {
		return true
	}
	at := d.Now.Truncate(15 * time.Minute).Add(time.Duration(minute) * time.Minute)
	for from, to := range d.Want.Calendar.Open(at, at.Add(time.Minute)) {
		if from.Before(to) {
			return true
		}
	}
	return false
}

// holes are just the open minutes of the cells in which nobody is there and
// nobody may be.
func (d drawn) holes(t *rapid.T, r coverage.Report) {
	for _, rule := range r.Rules {
		var want []routing.Span
		for minute := range 7 * 24 * 60 {
			from := r.Span.From.Add(time.Duration(minute) * time.Minute)
			if rule.Agents[minute/15] > 0 || rule.Unknown[minute/15] > 0 || !d.open(minute) {
				continue
			}
			if len(want) > 0 && want[len(want)-1].To.Equal(from) {
				want[len(want)-1].To = from.Add(time.Minute)
				continue
			}
			want = append(want, routing.Span{From: from, To: from.Add(time.Minute)})
		}
		var got []routing.Span
		for _, f := range r.Findings {
			if f.Rule == rule.Name && f.Type == routing.Unservable {
				want = nil // that says it
			}
			if f.Rule == rule.Name && f.Type == routing.Hole && f.Severity != routing.SeverityNote {
				got = f.Spans
			}
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Fatalf("holes of %s (-want +got):\n%s", rule.Name, diff)
		}
	}
}

// flow is a network: how much can go from node 0 to node 1.
type flow struct {
	edges []struct {
		to   int
		left float64
	}
	from [][]int // edges by node
	sent float64
}

func (f *flow) node() int {
	f.from = append(f.from, nil)
	return len(f.from) - 1
}

func (f *flow) edge(from, to int, capacity float64) {
	f.from[from], f.from[to] = append(f.from[from], len(f.edges)), append(f.from[to], len(f.edges)+1)
	f.edges = append(f.edges, struct {
		to   int
		left float64
	}{to, capacity}, struct {
		to   int
		left float64
	}{from, 0})
}

// fill sends as much more as can go, one path after the other.
func (f *flow) fill() {
	for {
		by := map[int]int{0: -1}
		line := []int{0}
		for len(line) > 0 && by[1] == 0 {
			for _, e := range f.from[line[0]] {
				if _, seen := by[f.edges[e].to]; !seen && f.edges[e].left > 1e-9 {
					by[f.edges[e].to] = e
					line = append(line, f.edges[e].to)
				}
			}
			line = line[1:]
		}
		if _, reached := by[1]; !reached {
			return
		}
		much := math.Inf(1)
		for n := 1; n != 0; n = f.edges[by[n]^1].to {
			much = min(much, f.edges[by[n]].left)
		}
		for n := 1; n != 0; n = f.edges[by[n]^1].to {
			f.edges[by[n]].left -= much
			f.edges[by[n]^1].left += much
		}
		f.sent += much
	}
}

// forget forgets some schedules and ratings of those who can get email, and says
// whether it did so that it matters.
func (d drawn) forget(t *rapid.T) (matters bool) {
	from := d.Now.Truncate(15 * time.Minute)
	for _, m := range d.members {
		capacity, _ := d.capacity(m)
		counts := m.Joined && capacity > 0
		if s := d.Org.Roster.Agents[m.ID]; rapid.IntRange(0, 3).Draw(t, "forgets some of the schedule") == 1 {
			gone := from.Add(time.Duration(rapid.IntRange(0, int(4*time.Hour/tick)).Draw(t, "from")) * tick)
			back := gone.Add(time.Duration(rapid.IntRange(1, int(2*time.Hour/tick)).Draw(t, "for")) * tick)
			s.Known = []routing.Span{{From: s.Known[0].From, To: gone}, {From: back, To: s.Known[0].To}}
			if rapid.Bool().Draw(t, "all of it") {
				s.Known = nil
			}
			d.Org.Roster.Agents[m.ID] = s
			matters = matters || counts
		}
		if rapid.IntRange(0, 3).Draw(t, "forgets the skills") == 1 {
			delete(d.Org.Ratings, m.ID)
			for _, rule := range d.Want.Rules {
				_, can, _ := d.offered(rule, m, 0)
				matters = matters || counts && !can
			}
		}
	}
	return matters
}

// Nobody, not even one who knows all that comes and who may cut email into pieces
// and work on many at once, ends a quarter hour with less left than Backlog says.
// Where there is one class of email, or one quarter hour, it is just that.
func TestTheBacklogIsALowerLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const quarters = 20
		d := draw(t, true)
		unknown := d.forget(t)
		from := d.Now.Truncate(15 * time.Minute)
		v := &measure.Volume{Span: routing.Span{From: from.Add(-7*24*time.Hour - 15*time.Minute), To: from}, Every: 15 * time.Minute, By: map[string]*measure.Counts{}}
		d.Volume, d.Waiting = v, new(rapid.SampledFrom([]int{0, 0, 1, 7}).Draw(t, "waiting"))
		d.Want.Calendar = nil
		ruleOf := map[string]*routing.Rule{"other@example.com": nil}
		for i := range d.Want.Rules {
			a := routing.Address{Local: fmt.Sprint("rule", i), Domain: "example.com"}
			d.Want.Routes = append(d.Want.Routes, routing.DesiredRoute{Address: a, Rule: d.Want.Rules[i].Name})
			ruleOf[a.String()] = &d.Want.Rules[i]
		}
		var addresses []string
		handle := map[string]float64{}
		for _, a := range []string{"other@example.com", "rule0@example.com", "rule1@example.com", "rule2@example.com"} {
			if _, there := ruleOf[a]; !there || rapid.IntRange(0, 2).Draw(t, a+" gets none") == 0 {
				continue
			}
			n := &measure.Counts{Offered: make([]int, v.Intervals()), Answered: make([]int, v.Intervals()), Handled: 20}
			n.Offered[0] = 1 // email comes in for longer than a week
			for i := range quarters {
				n.Offered[i+1] = rapid.IntRange(0, 4).Draw(t, "offered")
			}
			minutes := rapid.IntRange(1, 12).Draw(t, "handle")
			n.Handling = time.Duration(20*minutes) * time.Minute
			handle[a] = float64(minutes)
			v.By[a] = n
			addresses = append(addresses, a)
		}
		if len(addresses) == 0 {
			t.Skip()
		}
		r := coverage.Check(d.Input)
		b := r.Balance
		if b == nil && slices.Equal(messages(r, routing.DemandUnknown), []string{"whether the week's email can be handled is not known: schedules are missing"}) && unknown {
			t.Skip()
		}
		if b == nil {
			t.Fatalf("there is no balance: %v", messages(r, routing.DemandUnknown))
		}
		per := time.Duration(b.Handling).Minutes()
		if b.Clears != nil && *b.Clears && unknown {
			t.Fatalf("it is not known whether the week clears it: %s", b.Verdict)
		}
		if b.Clears == nil && !unknown {
			t.Fatalf("all is known: %s", b.Verdict)
		}

		// Email that the same members can serve has one handle time.
		serves := map[string][]bool{}
		for _, a := range addresses {
			for _, m := range d.members {
				can := true
				if rule := ruleOf[a]; rule != nil {
					_, can, _ = d.offered(*rule, m, 0)
				}
				_, rated := d.Org.Ratings[m.ID]
				can = can || !rated
				capacity, _ := d.capacity(m)
				serves[a] = append(serves[a], can && m.Joined && capacity > 0)
			}
		}
		classes := 0
		mean := map[string]float64{}
		for i, a := range addresses {
			sum, n := 0.0, 0.0
			first := true
			for j, o := range addresses {
				if slices.Equal(serves[a], serves[o]) {
					sum, n = sum+handle[o], n+1
					first = first && j >= i
				}
			}
			mean[a] = sum / n
			if first {
				classes++
			}
		}

		f := &flow{from: make([][]int, 2)}
		waiting := f.node()
		f.edge(0, waiting, float64(*d.Waiting)*per)
		var weeks [][]minute
		for _, m := range d.members {
			weeks = append(weeks, d.week(m))
		}
		var came []struct {
			address string
			node    int
		}
		left := float64(*d.Waiting) * per // with one class
		for cell := range quarters + 4 {
			offered, work := 0.0, 0.0
			for _, a := range addresses {
				n := f.node()
				x := float64(v.By[a].Offered[cell+1]) * mean[a]
				f.edge(0, n, x)
				came = append(came, struct {
					address string
					node    int
				}{a, n})
				work += x
				offered += float64(v.By[a].Offered[cell+1])
			}
			can, able := 0.0, 0.0 // able: of those who serve the one class
			for i, m := range d.members {
				capacity, _ := d.capacity(m)
				if !m.Joined || capacity == 0 {
					continue
				}
				minutes := 0
				for _, now := range weeks[i][cell*15 : cell*15+15] {
					if now.on || now.unknown {
						minutes++
					}
				}
				can += float64(minutes * capacity)
				if serves[addresses[0]][i] {
					able += float64(minutes * capacity)
				}
				n := f.node()
				f.edge(n, 1, float64(minutes*capacity))
				f.edge(waiting, n, math.Inf(1))
				for _, x := range came {
					if serves[x.address][i] {
						f.edge(x.node, n, math.Inf(1))
					}
				}
			}
			f.fill()
			least, alike := f.edges[0].left/per, true // emails that this way leaves
			for _, x := range came {
				least += f.edges[f.from[x.node][0]^1].left / mean[x.address]
				alike = alike && mean[x.address] == per
			}
			near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
			if b.Backlog[cell] > least+1e-6 {
				t.Fatalf("cell %d: the backlog is %g at least, and %g is possible", cell, b.Backlog[cell], least)
			}
			if cell == 0 && *d.Waiting == 0 && alike && !near(b.Backlog[cell], least) {
				t.Fatalf("the backlog after a quarter hour is %g at least, and it is %g", b.Backlog[cell], least)
			}
			left = max(0, left+work-able)
			if classes == 1 && *d.Waiting == 0 && !near(b.Backlog[cell]*per, left) {
				t.Fatalf("cell %d: the backlog is %g minutes, want %g", cell, b.Backlog[cell]*per, left)
			}
			if !near(b.Offered[cell], offered) || !near(b.Capacity[cell]*per, can) {
				t.Fatalf("cell %d: %g offered and %g minutes of capacity, want %g and %g", cell, b.Offered[cell], b.Capacity[cell]*per, offered, can)
			}
		}
	})
}
