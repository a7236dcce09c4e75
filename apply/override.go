package apply

import (
	"context"
	"encoding/json"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file keeps an agent's own utilization from being taken for ours: it
// holds every media type, and only one number of it is owned
// (docs/platform-notes.md#utilization).

// refuseOverride refuses to create an override where somebody has made one
// since the plan: the undo would take theirs away.
func (s *step) refuseOverride(raw json.RawMessage) error {
	u, err := genesys.DecodeUtilization(raw)
	if err != nil || !u.Own {
		return err
	}
	theirs := Mismatch{Field: "utilization", Want: "the organisation's", Seen: "the agent's own"}
	return &MovedError{Kind: s.c.Kind, Object: s.c.Object, Fields: []Mismatch{theirs}}
}

// isOurOverride says whether the override is, as a whole, the one that the run
// made where there was none.
func isOurOverride[S routing.Settings](s *step, live json.RawMessage, wrote S) (bool, error) {
	if s.c.Snapshot == nil {
		return false, nil
	}
	if was, err := genesys.DecodeUtilization(s.c.Snapshot); err != nil || was.Own {
		return false, err
	}
	ours, err := genesys.Overlay(s.c.Snapshot, s.c.Names(), wrote)
	if err != nil {
		return false, err
	}
	if ours, err = genesys.WritableUtilization(ours); err != nil {
		return false, err
	}
	if live, err = genesys.WritableUtilization(live); err != nil {
		return false, err
	}
	differ, err := genesys.DiffersIn(ours, live)
	return len(differ) == 0, err
}

// restoreOverride puts the owned number back in an override that is somebody
// else's by now, and says that the override stays.
func restoreOverride[S routing.Settings](ctx context.Context, s *step, pair plan.Pair[S]) error {
	err := update(ctx, s, pair)
	if err == nil && s.wrote {
		s.left = append(s.left, Mismatch{Field: "override", Want: "the run's", Seen: "somebody's own"})
	}
	return err
}
