package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/foresort/foresort/internal/store"
)

// leaderEvery is how often a process that does not lead tries to.
const leaderEvery = 2 * time.Second

// Lead does something in one process at a time: it waits until no other leads,
// then does it until the context ends, or leadership is lost. What it does must be
// right whatever an earlier leader left undone.
func Lead(ctx context.Context, s *store.Store, name string, do func(context.Context) error) error {
	for {
		release, err := s.Lock(ctx, "leader "+name)
		var held *store.HeldError
		switch {
		case err == nil:
			return errors.Join(do(ctx), release())
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was told to end
		case !errors.As(err, &held):
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(leaderEvery):
		}
	}
}
