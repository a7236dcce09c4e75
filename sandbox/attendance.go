package sandbox

import (
	"time"

	"github.com/foresort/foresort/simulate"
)

// This file is where agents are: the centre and the schedules go in, presence,
// routing status and shifts come out.

// onQueue is when the published schedule has an agent on queue.
func (s *Server) onQueue(u user, from, to time.Time) []simulate.Span {
	zone := unitLocation()
	out := []simulate.Span{}
	for day := date(from, zone).AddDate(0, 0, -1); !day.After(date(to, zone)); day = day.AddDate(0, 0, 1) {
		work, _ := s.workday(u, day, zone)
		if work == nil {
			continue
		}
		for _, a := range work.activities {
			if a.code.id != onQueue.id {
				continue
			}
			begin := a.start.Sub(s.life.zero)
			span := simulate.Span{From: begin, To: begin + time.Duration(a.minutes)*time.Minute}
			if span.To > 0 {
				out = append(out, span)
			}
		}
	}
	return out
}

// atWork is an agent with presence and routing status as they are now. Whoever
// does not work under the traffic is offline.
func (s *Server) atWork(u user) user { return s.atWorkAt(u, s.now()) }

func (s *Server) atWorkAt(u user, now time.Time) user {
	l := s.life
	if l == nil || l.centre == nil {
		return u
	}
	if _, works := l.traffic.agent(u.Name); !works {
		if u.Presence == "ON_QUEUE" {
			u.Presence, u.RoutingStatus = "OFFLINE", "OFF_QUEUE"
		}
		return u
	}
	status, since := l.centre.Status(u.ID)
	u.Presence, u.RoutingStatus, u.Since = "ON_QUEUE", routingStatuses[status], l.at(since)
	if status == simulate.OffQueue {
		u.Presence = "OFFLINE"
		if u.Department != hiredFor && !l.traffic.shifted(u.Name) {
			u.Presence = s.awayFor(u, now)
		}
	}
	return u
}

// routingStatuses are the statuses as the wire has them.
var routingStatuses = map[simulate.Status]string{
	simulate.OffQueue: "OFF_QUEUE", simulate.Idle: "IDLE", simulate.Interacting: "INTERACTING",
	simulate.Communicating: "COMMUNICATING", simulate.NotResponding: "NOT_RESPONDING",
}

// awayFor is the presence of an agent off queue, by the published schedule.
func (s *Server) awayFor(u user, now time.Time) string {
	zone := unitLocation()
	work, _ := s.workday(u, date(now, zone), zone)
	if work == nil {
		return "OFFLINE"
	}
	for _, a := range work.activities {
		if since := now.Sub(a.start); since < 0 || since >= time.Duration(a.minutes)*time.Minute {
			continue
		}
		switch a.code.category {
		case "Break":
			return "BREAK"
		case "Meal":
			return "MEAL"
		case "OnQueueWork": // on queue by the schedule, and not yet or not any more
			return "AVAILABLE"
		default:
			return "BUSY"
		}
	}
	return "OFFLINE"
}

// dayOf is what an agent does on a date: by the scenario, where it has shifts for
// them, else by the published schedule.
func (s *Server) dayOf(u user, day time.Time, zone *time.Location) (*shift, *dayOff) {
	if s.life == nil || u.Department != hiredFor && !s.life.traffic.shifted(u.Name) {
		return s.workday(u, day, zone)
	}
	t := s.life.traffic
	y, m, d := day.Date()
	begin := time.Date(y, m, d, 0, 0, 0, 0, zone).Sub(t.zero)
	end := time.Date(y, m, d+1, 0, 0, 0, 0, zone).Sub(t.zero)
	out := &shift{id: uuid(s.dice("shift", u.Email, day.Format(time.DateOnly))), day: day}
	add := func(code activityCode, from, to time.Time) {
		out.activities = append(out.activities, activity{code, from, int(to.Sub(from).Minutes())})
	}
	for _, span := range t.around(t.zero.Add(begin))[u.Name] {
		if span.From < begin || span.From >= end {
			continue
		}
		from, to := t.zero.Add(span.From).UTC(), t.zero.Add(span.To).UTC()
		if len(out.activities) == 0 {
			out.start = from
		} else if last := out.end(); last.Before(from) {
			add(shortBreak, last, from)
		}
		add(onQueue, from, to)
	}
	if len(out.activities) == 0 {
		return nil, nil
	}
	return out, nil
}
