package control

import (
	"cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

// This file takes what notifications tell of queues between two looks, and says
// whether a look is wanted before its time. What is decided goes by what the look
// reads: notifications may be lost, and do not list the email that waits.

// Queues are the ids of the queues that may be adjusted, as far as they were read.
func (c *Control) Queues() (ids []string) {
	for _, p := range c.pilots {
		if p.Mode != routing.AdjustOff && p.last.Queue.ID != "" {
			ids = append(ids, p.last.Queue.ID)
		}
	}
	return ids
}

// Heard takes what was told of queues since the last look, by their ids, and says
// whether by all of it a condition has come to hold that did not at that look.
func (c *Control) Heard(told map[string]genesys.Observations) (turned bool) {
	for _, p := range c.pilots {
		o, told := told[p.last.Queue.ID]
		if told {
			p.heard = p.heard.With(o)
		}
		if p.Mode == routing.AdjustOff || p.last.Seen.State == nil {
			continue
		}
		state := *p.last.Seen.State
		state.Waiting = *cmp.Or(p.heard.Waiting, &state.Waiting)
		state.Alerting = *cmp.Or(p.heard.Alerting, &state.Alerting)
		state.Interacting = *cmp.Or(p.heard.Interacting, &state.Interacting)
		state.OnQueue = *cmp.Or(p.heard.OnQueue, &state.OnQueue)
		leased := map[string]bool{}
		for _, l := range p.last.Leases {
			leased[l.Rule] = leased[l.Rule] || l.Ended.IsZero()
		}
		seen := p.last.Seen
		seen.State = &state
		turned = turned || p.Turned(p.last.Figures, p.Measure(seen), leased)
	}
	return turned
}
