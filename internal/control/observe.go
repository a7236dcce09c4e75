package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/routing"
)

// This file measures the queues, all of them by the same requests.

// breachWindow is the window whose service level says whether a queue misses its
// target, and breachSamples of how many emails it must be made.
const (
	breachWindow  = "1h"
	breachSamples = 20
)

// below says that a queue is known to miss its service level: the strategy's, or
// where it has none the platform's.
func below(p *pilot, o sight) bool {
	target := cmp.Or(p.want.Queue.Settings.ServiceLevel, o.queue.Settings.ServiceLevel)
	w, known := o.Windows[breachWindow]
	percent, defined := w.ServiceLevel()
	return known && target != nil && defined && w.Counted >= breachSamples && percent < target.Percent
}

// sight is what was measured of one queue.
type sight struct {
	autopilot.Observation
	queue routing.Queue
	err   error
}

// The windows of the past: they end a moment ago, since the newest rows come late.
// How the queues stood in the time watched, which is breachWindow, is held against
// its rows, part by part.
const (
	windowLag  = time.Minute
	windowStep = time.Minute
	watched    = time.Hour
)

// looksAt says whether anything is measured of a strategy's queue.
func (c *Control) looksAt(p *pilot) bool {
	return c.All || p.Mode != routing.AdjustOff || p.live != nil
}

// observe measures every queue, all of them by the same requests.
func (c *Control) observe(ctx context.Context) []sight {
	out := make([]sight, len(c.pilots))
	fail := func(err error) []sight {
		for i := range out {
			out[i].err = cmp.Or(out[i].err, err)
		}
		return out
	}
	scope := genesys.Scope{OrgCapacity: true}
	for _, p := range c.pilots {
		if c.looksAt(p) {
			scope.Queues = append(scope.Queues, p.Queue)
		}
	}
	if len(scope.Queues) == 0 {
		return out // nothing is looked at
	}
	org, err := c.Client.ReadOrg(ctx, scope)
	if err != nil {
		return fail(fmt.Errorf("read the queues: %w", err))
	}
	var ids []string
	for i, p := range c.pilots {
		if !c.looksAt(p) {
			continue
		}
		n := slices.IndexFunc(org.Queues, func(q routing.Queue) bool { return q.Name == p.Queue })
		if n < 0 {
			out[i].err = fmt.Errorf("there is no queue %q", p.Queue)
			continue
		}
		out[i].queue = org.Queues[n]
		ids = append(ids, org.Queues[n].ID)
		out[i].Capacity = capacityOf(p.want, org)
	}
	if len(ids) == 0 {
		return out
	}
	states, err := c.Client.QueueStates(ctx, ids)
	if err != nil {
		return fail(fmt.Errorf("read how the queues stand: %w", err))
	}
	now := c.Now()
	for i := range out {
		if s, ok := states[out[i].queue.ID]; ok {
			out[i].State, out[i].At = &s, now
			c.pilots[i].seen.See(s, now, watched)
			out[i].Own = c.measureOwn(ctx, c.pilots[i], out[i].queue.ID, now)
			c.readLive(ctx, c.pilots[i], &out[i])
		}
	}
	parts := map[string][]routing.MetricRow{}
	for window, pilots := range c.windows() {
		c.measure(ctx, out, window, pilots, now, parts)
	}
	c.mistrust(out, parts, now)
	return out
}

// mistrust takes away the windows of queues whose rows are late: those that lack
// what was seen of the queue, and where one does, all that have no newer row
// either. parts are the rows of each queue in breachWindow; nil: they could not be
// read.
func (c *Control) mistrust(out []sight, parts map[string][]routing.MetricRow, now time.Time) {
	to := now.Add(-windowLag).Truncate(windowStep)
	span := routing.Span{From: to.Add(-watched), To: to}
	var first time.Time // since when the first queue is late
	for i := range out {
		rows, read := parts[out[i].queue.ID]
		if !read {
			out[i].Windows = nil // they cannot be held against anything
			continue
		}
		since, late := measure.Late(rows, span, c.pilots[i].seen.Signs())
		if late {
			out[i].Late = since
			if first.IsZero() || since.Before(first) {
				first = since
			}
		}
	}
	for i := range out {
		newer := slices.ContainsFunc(parts[out[i].queue.ID], func(r routing.MetricRow) bool { return r.To.After(first) })
		if !first.IsZero() && out[i].Late.IsZero() && !newer {
			out[i].Late = first
		}
		if !out[i].Late.IsZero() {
			out[i].Windows = nil
		}
	}
}

// windows lists, for each window, the pilots that look back over it, by the clock
// that "today" begins on.
func (c *Control) windows() map[string][]int {
	by := map[string][]int{}
	for i, p := range c.pilots {
		for _, w := range slices.Concat(p.Windows(), c.Windows, []string{breachWindow}) {
			if !slices.Contains(by[w], i) {
				by[w] = append(by[w], i)
			}
		}
	}
	return by
}

// measure reads one window of several queues. What cannot be read is not known.
func (c *Control) measure(ctx context.Context, out []sight, window string, pilots []int, now time.Time, parts map[string][]routing.MetricRow) {
	to := now.Add(-windowLag).Truncate(windowStep)
	spans := map[routing.Span][]int{}
	for _, i := range pilots {
		if out[i].queue.ID == "" {
			continue
		}
		span := routing.Span{From: c.pilots[i].begins(window, to), To: to}
		if span.From.Before(span.To) {
			spans[span] = append(spans[span], i)
		}
	}
	for span, mine := range spans {
		var ids []string
		for _, i := range mine {
			ids = append(ids, out[i].queue.ID)
		}
		q := genesys.AggregatesQuery{From: span.From, To: span.To, QueueIDs: ids, GroupBy: []string{"queueId"}, Metrics: measure.WindowMetrics()}
		if window == breachWindow {
			q.Every = windowStep
		}
		rows, err := c.Client.Aggregates(ctx, q)
		if err != nil {
			continue
		}
		if window == breachWindow {
			for _, id := range ids {
				parts[id] = nil
			}
			for _, r := range rows {
				id := r.Group["queueId"]
				parts[id] = append(parts[id], r)
			}
		}
		windows := measure.Windows(rows)
		for _, i := range mine {
			w := windows[out[i].queue.ID] // not in a complete answer: there was nothing
			w.Span = span
			if out[i].Windows == nil {
				out[i].Windows = map[string]measure.Window{}
			}
			out[i].Windows[window] = w
		}
	}
}

func midnight(t time.Time, calendar *routing.Calendar) time.Time {
	zone := time.UTC
	if calendar != nil {
		zone = calendar.Location
	}
	y, m, d := t.In(zone).Date()
	return routing.Wall(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), zone)
}

// capacityBy is how many an override lets them hold; 0: none does.
func capacityBy(leases []ledger.Lease) (email int) {
	for _, l := range leases {
		for _, r := range l.Open {
			for _, d := range r.Done() {
				if u := d.Change.Utilization; u != nil && u.After.Email != nil {
					email = *u.After.Email
				}
			}
		}
	}
	return email
}

// capacityOf is how many emails a member holds at once: by the strategy, or by
// the organisation; 0: not known.
func capacityOf(want routing.Desired, org routing.Org) int {
	switch {
	case want.Capacity != nil && want.Capacity.Email != nil:
		return *want.Capacity.Email
	case org.OrgUtilization != nil && org.OrgUtilization.Settings.Email != nil:
		return *org.OrgUtilization.Settings.Email
	}
	return 0
}
