package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/foresort/foresort/internal/control"
)

// This file lets the queues be looked at again and again, and tells what came of
// it: what was done, and what stands against doing more where that has changed.

// adjust looks until the context ends, and between two looks applies live rules to
// what comes in. What goes wrong is said and tried again at the next tick; what was
// cut off is gone on with there.
func (d *Daemon) adjust(ctx context.Context) error {
	d.Log.Info("adjusting", "every", d.Control.Every())
	before := map[string]string{}
	tick := time.NewTicker(d.Control.Every())
	defer tick.Stop()
	a := d.newArrivals()
	defer a.close()
	for {
		looks, err := d.Control.Tick(ctx)
		if ctx.Err() != nil {
			return nil
		}
		d.told(adjusting, err)
		for _, a := range d.Control.Strays {
			d.actedOn(ctx, a.Strategy, a)
		}
		for _, l := range looks {
			d.tell(ctx, l, before)
		}
		a.listen(ctx)
		if !a.until(ctx, tick.C) {
			return nil
		}
	}
}

// tell logs a look: every act, and else what stands against acting where that is
// another than before.
func (d *Daemon) tell(ctx context.Context, l control.Look, before map[string]string) {
	strategy := slog.String("strategy", l.Program.Strategy)
	held := 0
	for _, lease := range l.Leases {
		if lease.Ended.IsZero() {
			held++
		}
	}
	d.metrics.overrides.WithLabelValues(l.Program.Strategy).Set(float64(held))
	d.acted(ctx, l)
	now := string(l.Reason())
	if l.Err != nil {
		now = l.Err.Error()
	}
	if len(l.Acts) == 0 && before[l.Program.Strategy] != now {
		d.Log.LogAttrs(ctx, slog.LevelInfo, "adjust: nothing to do", strategy, slog.String("reason", now))
	}
	before[l.Program.Strategy] = now
}

// acted logs and counts what was done.
func (d *Daemon) acted(ctx context.Context, l control.Look) {
	for _, a := range l.Acts {
		d.actedOn(ctx, l.Program.Strategy, a)
	}
}

func (d *Daemon) actedOn(ctx context.Context, strategy string, a control.Act) {
	outcome, level := "done", slog.LevelInfo
	switch {
	case a.Err != nil:
		outcome, level = "failed", slog.LevelError
	case a.Run == "":
		outcome = "not done"
	}
	d.metrics.adjusted.WithLabelValues(strategy, a.Rule, string(a.Reason), outcome).Inc()
	args := []slog.Attr{slog.String("strategy", strategy), slog.String("rule", a.Rule), slog.String("reason", string(a.Reason)), slog.String("what", a.Words), slog.String("run", a.Run)}
	if a.Err != nil {
		args = append(args, slog.Any("error", a.Err))
	}
	d.Log.LogAttrs(ctx, level, "adjust", args...)
}
