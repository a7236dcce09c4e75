package measure

import (
	"time"

	"github.com/foresort/foresort/routing"
)

// Occupancy is how long an agent was in each routing status.
type Occupancy struct {
	Idle, Interacting, Communicating, NotResponding, OffQueue time.Duration
}

// Occupancies adds up rows of tAgentRoutingStatus by userId. Statuses that it does
// not know are left out; an agent that has no rows is not in it.
func Occupancies(rows []routing.MetricRow) map[string]Occupancy {
	all := map[string]Occupancy{}
	for _, r := range rows {
		if r.Metric != "tAgentRoutingStatus" {
			continue
		}
		o, took := all[r.Group["userId"]], time.Duration(r.Stats.Sum*float64(time.Millisecond))
		switch r.Qualifier {
		case "IDLE":
			o.Idle += took
		case "INTERACTING":
			o.Interacting += took
		case "COMMUNICATING":
			o.Communicating += took
		case "NOT_RESPONDING":
			o.NotResponding += took
		case "OFF_QUEUE":
			o.OffQueue += took
		}
		all[r.Group["userId"]] = o
	}
	return all
}

// Add is the occupancy of two together.
func (o Occupancy) Add(p Occupancy) Occupancy {
	return Occupancy{
		o.Idle + p.Idle, o.Interacting + p.Interacting, o.Communicating + p.Communicating, o.NotResponding + p.NotResponding, o.OffQueue + p.OffQueue,
	}
}

// OnQueue is how long they were on queue.
func (o Occupancy) OnQueue() time.Duration {
	return o.Idle + o.Interacting + o.Communicating + o.NotResponding
}

// Busy is the percentage of that time in which they had an email or a call, as a
// forecast counts it; false where they were never on queue.
func (o Occupancy) Busy() (percent float64, ok bool) {
	if o.OnQueue() <= 0 {
		return 0, false
	}
	return 100 * float64(o.Interacting+o.Communicating) / float64(o.OnQueue()), true
}
