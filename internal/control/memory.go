package control

import (
	"context"
	"slices"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/routing"
)

// This file reads the ledger: what was begun, what holds, and what is past its end.

// memory is what the ledger tells.
type memory struct {
	runs      []apply.Record
	decisions []ledger.Decided
	leases    []ledger.Lease
	stopped   bool
}

func (c *Control) recall(ctx context.Context) (m memory, err error) {
	if m.runs, err = c.runs.Runs(ctx); err != nil {
		return m, err
	}
	if m.decisions, err = c.Ledger.Decisions(ctx); err != nil {
		return m, err
	}
	m.leases = ledger.Leases(m.runs, m.decisions)
	s, _, err := c.Ledger.Switched(ctx)
	m.stopped = s.Stopped
	return m, err
}

// pastOf are the overrides of a strategy that count: those of the last day and all
// that hold.
func (m memory) pastOf(strategy string, mode routing.AdjustMode, now time.Time) (past []autopilot.Lease, leases []ledger.Lease) {
	for _, l := range m.leases {
		if l.Strategy == strategy && (l.Ended.IsZero() || now.Sub(l.Ended) < 24*time.Hour) {
			past, leases = append(past, l.Lease), append(leases, l)
		}
	}
	if mode == routing.AdjustRecommend {
		past = append(past, ledger.RecommendedLeases(m.decisions, strategy)...)
	}
	slices.SortStableFunc(past, func(a, b autopilot.Lease) int { return a.Began.Compare(b.Began) })
	return past, leases
}

// elsewhere counts the strategies that others adjust: those of which the ledger
// has a decision or an override within the last day, or one that holds; and those
// of them that began one within a time.
func (c *Control) elsewhere(m memory, now time.Time, within time.Duration) (known, begun int) {
	began := map[string]bool{}
	for _, d := range m.decisions {
		if now.Sub(d.At) < 24*time.Hour && d.Reason != autopilot.LiveRule {
			began[d.Strategy] = false
		}
	}
	for _, l := range m.leases {
		if l.Ended.IsZero() || now.Sub(l.Ended) < 24*time.Hour {
			began[l.Strategy] = began[l.Strategy] || now.Sub(l.Began) < within
		}
	}
	for _, p := range c.pilots {
		delete(began, p.Strategy)
	}
	for _, lately := range began {
		if lately {
			begun++
		}
	}
	return len(began), begun
}

// ours says that a run made an override, or puts one back.
func (m memory) ours(run apply.Record) bool {
	return run.Plan().Lease != nil || run.Plan().Live || slices.ContainsFunc(m.runs, func(r apply.Record) bool {
		return r.ID == run.Plan().Undoes && r.Plan().Lease != nil
	})
}

// strays are overrides past their end of strategies that nobody serves here: their
// files may be gone, or do not adjust any more.
func (c *Control) strays(m memory) (out []ledger.Lease) {
	for _, l := range m.leases {
		mine := slices.ContainsFunc(c.pilots, func(p *pilot) bool { return p.Strategy == l.Strategy })
		if !m.stopped && !mine && len(l.Open) > 0 && !c.Now().Before(l.Ends) {
			out = append(out, l)
		}
	}
	return out
}

// untold are the overrides of the strategies here that have ended without a word.
func (c *Control) untold(m memory) (out []ledger.Lease) {
	for _, l := range m.leases {
		if l.Untold && slices.ContainsFunc(c.pilots, func(p *pilot) bool { return p.Strategy == l.Strategy }) {
			out = append(out, l)
		}
	}
	return out
}
