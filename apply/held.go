package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// recheck reads, before the first write, what the plan leaves as it is, and
// refuses the plan where that has moved: it was made for another state. The
// object of the first change is left out; it is read just before its write.
func (r *run) recheck(ctx context.Context) error {
	for _, h := range r.Plan.Held {
		if len(r.Plan.Changes) == 0 || about(h, r.Plan.Changes[0]) {
			continue
		}
		raw, err := r.Platform.Read(ctx, address(plan.Change{Kind: h.Kind, Object: h.Object}))
		if errors.Is(err, genesys.ErrNotFound) {
			return &GoneError{Kind: h.Kind, Object: h.Object}
		}
		if err != nil {
			return fmt.Errorf("read %s %s before the first write: %w", h.Kind, h.Object, err)
		}
		if err := moved(h, raw); err != nil {
			return err
		}
	}
	return nil
}

// about says whether a change is about the object.
func about(h plan.Held, c plan.Change) bool { return h.Kind == c.Kind && h.Object == c.Object }

// leftAlone refuses a change of an object of which something else that the
// strategy owns has moved since the plan was made.
func (s *step) leftAlone(raw json.RawMessage) error {
	for _, h := range s.Plan.Held {
		if about(h, s.c) && !s.undoing {
			return moved(h, raw)
		}
	}
	return nil
}

// moved is a *MovedError where the object is no longer as the plan leaves it.
func moved(h plan.Held, raw json.RawMessage) error {
	var differ []Mismatch
	var err error
	if h.Queue != nil {
		differ, err = movedFields(h.Fields, *h.Queue, raw)
	} else if h.Route != nil {
		differ, err = movedFields(h.Fields, *h.Route, raw)
	}
	if err != nil || len(differ) == 0 {
		return err
	}
	return &MovedError{Kind: h.Kind, Object: h.Object, Fields: differ}
}

func movedFields[S routing.Settings](fields []routing.Field, was S, raw json.RawMessage) ([]Mismatch, error) {
	live, err := genesys.Decode[S](raw)
	if err != nil {
		return nil, err
	}
	return mismatches(fields, was, live), nil
}
