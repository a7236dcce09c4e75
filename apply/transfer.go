package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file moves email that waits to another queue. Its wait begins anew there
// (docs/platform-notes.md#scoring), so that it is then given the minutes that it
// lost. It is never moved back.

// errNotMoved says that an email was not moved: it was decided a while ago, by a
// process that was cut off.
var errNotMoved = errors.New("it was not moved")

// transfer moves an email. Where somebody has it by now there is nothing to do;
// what somebody has changed is left as it is.
func (s *step) transfer(ctx context.Context) error {
	e, err := s.Platform.Email(ctx, s.c.Object.ID)
	if err == nil && s.resumed && !s.hasMoved(e) { // or a read lags behind the write
		e, err = s.arrival(ctx)
	}
	switch {
	case errors.Is(err, genesys.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read it before the write: %w", err)
	case !s.resumed && !s.waitsAsPlanned(e):
		return nil
	case !s.resumed && !s.resumes:
		if e, err = s.move(ctx, e); err != nil || !s.wrote {
			return err
		}
	case !s.hasMoved(e):
		return errNotMoved
	}
	return s.giveMinutes(ctx, e)
}

// hasMoved says that the email is in the other queue, or was.
func (s *step) hasMoved(e genesys.Email) bool {
	return e.QueueID == s.c.Transfer.To.ID || slices.Contains(e.Earlier, s.c.Transfer.To.ID)
}

// slow is how far the times of one entry may be apart: that of the queue and that
// of the conversation are two.
const slow = 5 * time.Second

// waitsAsPlanned says that the email waits in its queue, with the priority that it
// had, and was not in the other one.
func (s *step) waitsAsPlanned(e genesys.Email) bool {
	t := s.c.Transfer
	if !e.Waiting || e.QueueID != s.c.Waits.ID {
		return false
	}
	if e.Priority != t.Priority {
		s.left = append(s.left, Mismatch{Field: "priority", Want: strconv.Itoa(t.Priority), Seen: strconv.Itoa(e.Priority)})
	}
	if e.Entered.Sub(t.Entered).Abs() > slow || s.hasMoved(e) {
		s.left = append(s.left, Mismatch{Field: "queue", Want: s.c.Waits.String(), Seen: "the same after another one"})
	}
	return len(s.left) == 0
}

// move passes the email on and reads it back in the other queue.
func (s *step) move(ctx context.Context, e genesys.Email) (genesys.Email, error) {
	snapshot, err := json.Marshal(e)
	if err != nil {
		return e, err
	}
	if err := s.intend(snapshot, nil); err != nil {
		return e, err
	}
	for attempt := 1; ; attempt++ {
		err := s.Platform.MoveEmail(ctx, s.c.Object.ID, s.c.Waits.ID, s.c.Transfer.To.ID)
		gone := errors.Is(err, genesys.ErrNotFound) || errors.Is(err, genesys.ErrNotWaiting)
		switch {
		case gone && !s.wrote: // somebody got it just now
			return e, nil
		case err != nil && !gone && !isUncertain(err):
			return e, err
		}
		s.wrote = true
		found, look := s.arrival(ctx)
		switch {
		case errors.Is(look, genesys.ErrNotFound), look == nil && s.hasMoved(found):
			return found, nil
		case look == nil && gone: // somebody got it before a write that got no answer
			s.wrote = false
			return found, nil
		case look != nil || err == nil || attempt > repeats:
			return found, &UnknownError{Headline: s.c.Headline(), Err: errors.Join(err, look, errors.New("it is not seen in the other queue"))}
		}
	}
}

// arrival reads the email until it is seen in the other queue, or reads lag no
// longer.
func (s *step) arrival(ctx context.Context) (e genesys.Email, err error) {
	_, err = s.settled(ctx, func(ctx context.Context) (bool, error) {
		var err error
		e, err = s.Platform.Email(ctx, s.c.Object.ID)
		return errors.Is(err, genesys.ErrNotFound) || err == nil && s.hasMoved(e), err
	})
	return e, err
}

// giveMinutes raises the priority of an email that has moved by the minutes that it
// had waited, unless an agent has it by now or somebody has changed it.
func (s *step) giveMinutes(ctx context.Context, e genesys.Email) error {
	t, fields := s.c.Transfer, []routing.Field{"priority"}
	to := Object{Kind: plan.Email, ID: s.c.Object.ID, Queue: t.To.ID, Fields: fields}
	for attempt := 1; ; attempt++ {
		priority := t.Raised(e.Entered)
		switch {
		case !e.Waiting || e.QueueID != t.To.ID || e.Priority == priority:
			return nil
		case e.Priority != t.Priority && e.Priority != 0: // whether a transfer keeps it is not documented
			s.left = append(s.left, Mismatch{Field: "priority", Want: strconv.Itoa(t.Priority), Seen: strconv.Itoa(e.Priority)})
			return nil
		}
		// It is a second write, and so may be refused where the first was not.
		in := s.phase.Intents[s.c.ID]
		if err := s.journal(Entry{Intent: &in}); err != nil {
			return &journalError{err}
		}
		body, err := genesys.Overlay(json.RawMessage("{}"), fields, routing.EmailSettings{Priority: &priority})
		if err != nil {
			return err
		}
		err = s.Platform.Write(ctx, to, body)
		if err == nil || errors.Is(err, genesys.ErrNotFound) { // somebody got it just now
			return nil
		}
		if attempt <= repeats {
			found, look := s.Platform.Email(ctx, s.c.Object.ID)
			if look == nil {
				e = found
				continue
			}
			err = errors.Join(err, look)
		}
		return fmt.Errorf("raise its priority to %d, for the minutes that it had waited: %w", priority, err)
	}
}

// stay says which emails a phase has moved: they stay where they are, whatever
// becomes of the rest.
func stay(p Phase) (out []string) {
	for _, d := range p.done() {
		if d.Change.Transfer != nil {
			out = append(out, d.Change.Headline()+": it stays there")
		}
	}
	return out
}
