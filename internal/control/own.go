package control

import (
	"context"
	"strings"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// This file measures what the platform does not: the service level of a rule
// against its own deadline, from single conversations. That takes a page of an
// answer for each hundred of them, so it is measured anew only after a while.

// ownEvery is how long such a figure counts.
const ownEvery = 5 * time.Minute

// ownLevels are the figures of one strategy and when they were measured.
type ownLevels struct {
	at time.Time
	of map[condition.Read]measure.Window
}

// asksOwn are the figures of rules with a deadline that a strategy asks for.
func (p *pilot) asksOwn() (reads []condition.Read) {
	for _, r := range p.Reads {
		if r.Figure == condition.ServiceLevel && r.Rule != "" {
			reads = append(reads, r)
		}
	}
	return reads
}

// measureOwn measures them. Where the conversations cannot be read they are not
// known.
func (c *Control) measureOwn(ctx context.Context, p *pilot, queueID string, now time.Time) map[condition.Read]measure.Window {
	reads := p.asksOwn()
	if age := now.Sub(p.own.at); len(reads) == 0 || p.own.of != nil && age >= 0 && age < ownEvery {
		return p.own.of
	}
	p.own = ownLevels{at: now}
	to := now.Add(-windowLag).Truncate(windowStep)
	from := to
	for _, r := range reads {
		if start := p.begins(r.Window, to); start.Before(from) {
			from = start
		}
	}
	var all []routing.Conversation
	for x, err := range c.Client.Conversations(ctx, genesys.ConversationsQuery{Span: routing.Span{From: from, To: to}, QueueIDs: []string{queueID}}) {
		if err != nil {
			return nil
		}
		all = append(all, x)
	}
	p.own.of = map[condition.Read]measure.Window{}
	if _, late := measure.Late(measure.EnteredRows(all, queueID), routing.Span{From: from, To: to}, p.seen.Entered()); late {
		return p.own.of // nothing is known
	}
	for _, r := range reads {
		for _, rule := range p.want.Rules {
			if rule.Name != r.Rule || rule.Deadline == nil {
				continue
			}
			p.own.of[r] = measure.OwnLevel(p.ofRule(all, rule.Name), measure.Deadline{
				QueueID: queueID, Span: routing.Span{From: p.begins(r.Window, to), To: to},
				Within: time.Duration(*rule.Deadline), Calendar: p.want.Calendar, Now: to,
			})
		}
	}
	return p.own.of
}

// ofRule are the conversations that came in at an address of a rule.
func (p *pilot) ofRule(all []routing.Conversation, rule string) (mine []routing.Conversation) {
	for _, c := range all {
		for _, r := range p.want.Routes {
			if r.Rule == rule && strings.EqualFold(r.Address.String(), c.To) {
				mine = append(mine, c)
				break
			}
		}
	}
	return mine
}

// begins is when a window begins that ends at an instant.
func (p *pilot) begins(window string, to time.Time) time.Time {
	if d, err := condition.ParseWindow(window); err == nil && d > 0 {
		return to.Add(-d)
	}
	return midnight(to, p.want.Calendar)
}
