package apply

import (
	"context"
	"slices"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file keeps what runs of a moment ago wrote: reads may lag behind it
// (docs/platform-notes.md#replication).

// recall takes over what is done in runs that are so young that reads may lag
// behind them, and that were not seen active.
func (r *run) recall(recent []Record) {
	e := newRun(Options{Wait: r.Wait, Platform: r.Platform})
	for _, rec := range recent {
		if time.Since(rec.Last) >= r.Wait.Replication {
			continue
		}
		for _, p := range rec.Phases {
			for _, d := range p.done() {
				if rec.End != nil && rec.End.Active { // seen, over whatever was written before
					e.forget(d.Change)
					continue
				}
				if res, known := p.Results[d.Change.ID]; known && res.Outcome == Done {
					e.expect(e.without(d.Change, res.Left))
				}
			}
		}
	}
	if len(e.order) > 0 {
		r.earlier = e
	}
}

// forget takes back what was expected of the change's object.
func (r *run) forget(c plan.Change) {
	t := r.target(c.Kind, c.Object)
	r.order = slices.DeleteFunc(r.order, func(x *target) bool { return x == t })
	delete(r.objects, key(c.Kind, c.Object))
}

// known is what this run did with the object, or else a run of a moment ago.
func (r *run) known(kind plan.Kind, ref routing.Ref) *target {
	t := r.target(kind, ref)
	if r.earlier == nil || t != nil && (t.differs != nil || t.gone) {
		return t
	}
	if before := r.earlier.target(kind, ref); before != nil && (ref.ID == "" || before.object.ID == ref.ID) {
		return before
	}
	return t
}

// CatchUp waits until reads show what runs of a moment ago wrote, or lag no
// longer. Where all runs were seen active or are older, it asks nothing.
func CatchUp(ctx context.Context, p Platform, w Wait, recent []Record) error {
	r := newRun(Options{Platform: p, Wait: w})
	r.recall(recent)
	if r.earlier == nil {
		return nil
	}
	ctx = genesys.WithLane(ctx, genesys.Poll)
	start := time.Now()
	for _, t := range r.earlier.order {
		if t.gone && t.kind == plan.Queue {
			continue // a look too early brings it back for a while
		}
		agreed := 0
		for pause := r.Wait.Every / 4; agreed < r.Wait.Agree && time.Since(start) < r.Wait.Replication; pause = grow(pause, r.Wait.Every*2) {
			saw := r.look(ctx, t)
			if saw.err != nil || len(saw.differs) > 0 {
				agreed = 0
			} else if agreed++; agreed == r.Wait.Agree {
				break
			}
			if err := sleep(ctx, pause); err != nil {
				return err
			}
		}
	}
	return nil
}
