package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/foresort/foresort/internal/store"
)

// leaderEvery is how often a process that does not lead tries to.
const leaderEvery = 2 * time.Second

// Leader does something in one process at a time.
type Leader struct {
	Store *store.Store
	Name  string
	// Told is told why leadership was not taken or was lost, and nil when it is
	// taken; nil: nobody is.
	Told func(error)
}

// Run waits until no other process leads, then does something until the context
// ends. Where leadership is lost, since the database is, the context of what it does
// ends at once, and it waits to lead again. What it does must be right whatever an
// earlier leader left undone.
func (l Leader) Run(ctx context.Context, do func(context.Context) error) error {
	if l.Told == nil {
		l.Told = func(error) {}
	}
	for ctx.Err() == nil {
		h, err := l.Store.Hold(ctx, "leader "+l.Name)
		if err == nil {
			l.Told(nil)
			lost, err := l.lead(ctx, h, do)
			if lost == nil {
				return err
			}
			l.Told(errors.Join(lost, err))
		} else if _, held := errors.AsType[*store.HeldError](err); !held && ctx.Err() == nil {
			l.Told(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(leaderEvery):
		}
	}
	return nil
}

// lead does it while the lock is held, and says why that was lost.
func (l Leader) lead(ctx context.Context, h *store.Held, do func(context.Context) error) (lost, err error) {
	ctx, stop := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() {
		err := h.Lost(ctx)
		stop()
		watched <- err
	}()
	err = do(ctx)
	stop()
	lost = <-watched
	if err := h.Release(); err != nil && lost == nil {
		l.Told(err)
	}
	return lost, err
}
