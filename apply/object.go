package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// change carries out one change.
func (r *run) change(ctx context.Context, phase *Phase, c plan.Change) Result {
	if err := ctx.Err(); err != nil {
		return Result{Outcome: Skipped, Object: c.Object, Err: err}
	}
	kind := c.Kind
	if kind == plan.Member {
		kind = plan.Queue
	}
	// What this run has created, or created anew, has got its id by now.
	if t := r.target(kind, c.Object); t != nil && c.Verb != plan.Create && (t.created || c.Object.ID == "") {
		c.Object.ID = t.object.ID
	}
	s := step{run: r, phase: phase, c: c}
	if phase.Results[c.ID].Outcome == Failed {
		delete(phase.Intents, c.ID) // the platform refused it for certain: this is a first attempt again
	}
	_, s.resumed = phase.Intents[c.ID]
	var err error
	switch {
	case c.Kind == plan.Queue && c.Queue != nil:
		err = carry(ctx, &s, *c.Queue)
	case c.Kind == plan.Route && c.Route != nil:
		pair := *c.Route
		if err = r.fillQueue(ctx, &pair.After); err == nil {
			s.queue = pair.After.Queue
			err = carry(ctx, &s, pair)
		}
	case c.Kind == plan.Utilization && c.Utilization != nil:
		err = carry(ctx, &s, *c.Utilization)
	case c.Kind == plan.Member && c.Members != nil:
		err = s.members(ctx)
	default:
		err = fmt.Errorf("the plan does not say what to %s", c.Headline())
	}
	return s.result(err)
}

// step is one change under way.
type step struct {
	*run
	phase   *Phase
	c       plan.Change
	resumed bool // an earlier process was about to write
	wrote   bool // a write was sent that may have been carried out
	left    []Mismatch
	queue   *routing.Ref // of a route, with its id
}

func (s *step) result(err error) Result {
	res := Result{Object: s.c.Object, Left: s.left, Err: err}
	var moved *MovedError
	var gone *GoneError
	var unknown *UnknownError
	switch {
	case err == nil && (s.wrote || s.resumed):
		res.Outcome = Done
	case err == nil:
		res.Outcome = Already
	case errors.As(err, &moved), errors.As(err, &gone):
		res.Outcome = Refused
	case errors.As(err, &unknown), s.wrote, s.resumed:
		res.Outcome = Uncertain
	default:
		res.Outcome = Failed
	}
	if len(s.left) > 0 && err == nil {
		res.Err = &MovedError{Kind: s.c.Kind, Object: s.c.Object, Fields: s.left, Undo: true}
	}
	return res
}

// intend journals what is about to be written, unless an earlier attempt has:
// it is the state before the first attempt that would be put back.
func (s *step) intend(snapshot json.RawMessage, members *plan.MemberChange) error {
	if _, begun := s.phase.Intents[s.c.ID]; begun {
		return nil
	}
	in := Intent{Change: s.c.ID, Object: s.c.Object, Snapshot: snapshot, Members: members, Queue: s.queue}
	if err := s.journal(Entry{Intent: &in}); err != nil {
		return &journalError{err}
	}
	s.phase.Intents[s.c.ID] = in
	return nil
}

// object is the address of the change's object.
func (s *step) object() Object { return address(s.c) }

func address(c plan.Change) Object {
	o := Object{Kind: c.Kind, ID: c.Object.ID}
	if c.Kind == plan.Route {
		_, o.Domain, _ = strings.Cut(c.Object.Name, "@")
	}
	return o
}

// fillQueue gives a route's queue the id that it got when it was created
// earlier in the plan.
func (r *run) fillQueue(ctx context.Context, s *routing.RouteSettings) error {
	if s.Queue == nil || s.Queue.Name == "" {
		return nil
	}
	queue := *s.Queue
	if t := r.target(plan.Queue, queue); t != nil && t.created {
		queue.ID = t.object.ID
	}
	if queue.ID == "" {
		found, err := r.Platform.Find(ctx, plan.Queue, queue.Name)
		if err != nil {
			return fmt.Errorf("find queue %s: %w", queue.Name, err)
		}
		if found.ID == "" {
			return &GoneError{Kind: plan.Queue, Object: queue}
		}
		queue.ID = found.ID
	}
	s.Queue = &queue
	return nil
}

// carry carries out a change of an object with settings.
func carry[S routing.Settings](ctx context.Context, s *step, pair plan.Pair[S]) error {
	switch {
	case s.c.Verb == plan.Create && s.c.Kind != plan.Utilization:
		return create(ctx, s, pair.After)
	case s.c.Verb == plan.Delete:
		return remove(ctx, s, pair.Before)
	default:
		return update(ctx, s, pair)
	}
}

// update reads the object, refuses to write if a field has moved, lays the
// fields over it and writes the whole.
func update[S routing.Settings](ctx context.Context, s *step, pair plan.Pair[S]) error {
	fields := s.c.Names()
	// The fields of a change can mean the same before and after: the second of
	// the two writes that turn rings off. It is written all the same.
	tidy := len(routing.Differs(fields, pair.Before, pair.After)) == 0
	for attempt := 1; ; attempt++ {
		raw, err := s.read(ctx)
		if errors.Is(err, genesys.ErrNotFound) {
			return &GoneError{Kind: s.c.Kind, Object: s.c.Object}
		}
		if err != nil {
			return fmt.Errorf("read it before the write: %w", err)
		}
		live, err := decode[S](s, raw)
		if err != nil {
			return err
		}
		differ := routing.Differs(fields, pair.After, live)
		if len(differ) == 0 && (!tidy || attempt > 1) {
			return nil
		}
		moved := routing.Differs(differ, pair.Before, live)
		if len(moved) > 0 {
			if s.c.Prepares {
				return nil // the next change finds out, and says so
			}
			if !s.undoing || len(moved) == len(differ) {
				return &MovedError{Kind: s.c.Kind, Object: s.c.Object, Fields: mismatches(moved, pair.Before, live), Undo: s.undoing}
			}
			s.left = mismatches(moved, pair.Before, live)
			fields = slices.DeleteFunc(slices.Clone(fields), func(f routing.Field) bool { return slices.Contains(moved, f) })
		}
		var body json.RawMessage
		if s.c.Snapshot != nil {
			body, err = genesys.Restore[S](raw, fields, s.c.Snapshot)
		} else {
			body, err = genesys.Overlay(raw, fields, pair.After)
		}
		if err != nil {
			return err
		}
		if err := s.intend(raw, nil); err != nil {
			return err
		}
		s.resumed = false // the object is as it was before
		err = s.Platform.Write(ctx, s.object(), body)
		if err == nil {
			s.wrote = true
			return nil
		}
		if !isUncertain(err) {
			return err
		}
		s.wrote = true
		holds, look := s.settled(ctx, func(ctx context.Context) (bool, error) {
			raw, err := s.Platform.Read(ctx, s.object())
			if err != nil {
				return false, err
			}
			live, err := genesys.Decode[S](raw)
			return err == nil && len(routing.Differs(fields, pair.After, live)) == 0, err
		})
		switch {
		case holds && !tidy:
			return nil
		case look != nil || attempt > 1:
			return &UnknownError{Headline: s.c.Headline(), Err: errors.Join(err, look)}
		}
		s.wrote = false // read back: it was not carried out, so it is done once more
	}
}

// decode reads the settings of an object, and refuses a route that by now
// belongs to a flow.
func decode[S routing.Settings](s *step, raw json.RawMessage) (S, error) {
	if s.c.Kind == plan.Route {
		if r, err := genesys.DecodeRoute("", raw); err == nil && r.Flow != nil {
			flow := Mismatch{Field: "queue", Want: "a queue", Seen: "flow " + r.Flow.String()}
			return *new(S), &MovedError{Kind: s.c.Kind, Object: s.c.Object, Fields: []Mismatch{flow}, Undo: s.undoing}
		}
	}
	return genesys.Decode[S](raw)
}

// create makes a queue or a route. One that is there already is taken only
// where an earlier attempt of this change may have made it, and only if it is
// as it should be.
func create[S routing.Settings](ctx context.Context, s *step, want S) error {
	fields := s.c.Names()
	body, err := s.newBody()
	if err != nil {
		return err
	}
	if body, err = genesys.Overlay(body, fields, want); err != nil {
		return err
	}
	unsure := s.resumed
	var last error
	for attempt := 1; ; attempt++ {
		if unsure {
			found, err := s.findCreated(ctx)
			switch {
			case err != nil:
				return &UnknownError{Headline: s.c.Headline(), Err: err}
			case found.ID != "":
				return adopt(ctx, s, found, fields, want)
			case attempt > 2:
				return &UnknownError{Headline: s.c.Headline(), Err: last}
			}
		}
		if err := s.intend(nil, nil); err != nil {
			return err
		}
		made, err := s.Platform.Create(ctx, s.object(), body)
		if err == nil {
			s.wrote = true
			var ref routing.Ref
			if err := json.Unmarshal(made, &ref); err != nil || ref.ID == "" {
				return &UnknownError{Headline: s.c.Headline(), Err: errors.New("the platform's answer has no id")}
			}
			s.c.Object.ID = ref.ID
			return nil
		}
		if !isUncertain(err) {
			if unsure { // perhaps refused because the first attempt did make it
				return &UnknownError{Headline: s.c.Headline(), Err: err}
			}
			return err
		}
		unsure, last = true, err
	}
}

// newBody is what a create starts from: the snapshot of what was deleted, or
// just the name.
func (s *step) newBody() (json.RawMessage, error) {
	if s.c.Snapshot != nil {
		return s.c.Snapshot, nil
	}
	if s.c.Kind == plan.Queue {
		return json.Marshal(map[string]string{"name": s.c.Object.Name})
	}
	local, _, _ := strings.Cut(s.c.Object.Name, "@")
	return json.Marshal(map[string]string{"pattern": local})
}

// findCreated looks an object up by its name for as long as lists lag.
func (s *step) findCreated(ctx context.Context) (found Object, err error) {
	_, err = s.settled(ctx, func(ctx context.Context) (bool, error) {
		var err error
		found, err = s.Platform.Find(ctx, s.c.Kind, s.c.Object.Name)
		return err == nil && found.ID != "", err
	})
	return found, err
}

// adopt takes an object that an attempt without an answer has made.
func adopt[S routing.Settings](ctx context.Context, s *step, found Object, fields []routing.Field, want S) error {
	s.c.Object.ID = found.ID
	s.ensure(s.c).created = true
	var raw json.RawMessage
	err := s.untilThere(ctx, s.c.Kind, func() (err error) {
		raw, err = s.Platform.Read(ctx, found)
		return err
	})
	if err != nil {
		return &UnknownError{Headline: s.c.Headline(), Err: err}
	}
	live, err := genesys.Decode[S](raw)
	if err != nil {
		return err
	}
	if differ := mismatches(fields, want, live); len(differ) > 0 {
		return &MovedError{Kind: s.c.Kind, Object: s.c.Object, Fields: differ}
	}
	s.wrote = true
	return nil
}

// remove deletes an object that is still as it was when the plan was made.
func remove[S routing.Settings](ctx context.Context, s *step, before S) error {
	if s.c.Object.ID == "" { // a create that was cut off: it may have happened
		found, err := s.findCreated(ctx)
		if err != nil {
			return &UnknownError{Headline: s.c.Headline(), Err: err}
		}
		if found.ID == "" {
			return nil
		}
		s.c.Object.ID = found.ID
	}
	for attempt := 1; ; attempt++ {
		raw, err := s.read(ctx)
		if errors.Is(err, genesys.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read it before the write: %w", err)
		}
		live, err := decode[S](s, raw)
		if err != nil {
			return err
		}
		if s.c.Kind == plan.Utilization {
			if u, err := genesys.DecodeUtilization(raw); err != nil || !u.Own {
				return err
			}
		}
		if moved := mismatches(s.c.Names(), before, live); len(moved) > 0 {
			return &MovedError{Kind: s.c.Kind, Object: s.c.Object, Fields: moved, Undo: s.undoing}
		}
		if err := s.intend(raw, nil); err != nil {
			return err
		}
		err = s.Platform.Delete(ctx, s.object())
		if err == nil || errors.Is(err, genesys.ErrNotFound) {
			s.wrote = true
			return nil
		}
		if !isUncertain(err) {
			return err
		}
		if attempt > 1 {
			return &UnknownError{Headline: s.c.Headline(), Err: err}
		}
		s.wrote = true
		gone, look := s.settled(ctx, func(ctx context.Context) (bool, error) {
			raw, err := s.Platform.Read(ctx, s.object())
			if errors.Is(err, genesys.ErrNotFound) {
				return true, nil
			}
			if err == nil && s.c.Kind == plan.Utilization {
				u, err := genesys.DecodeUtilization(raw)
				return err == nil && !u.Own, err
			}
			return false, err
		})
		if gone {
			return nil
		}
		if look != nil {
			return &UnknownError{Headline: s.c.Headline(), Err: errors.Join(err, look)}
		}
		s.wrote = false
	}
}

// read reads the change's object. Where this run has written it before, it
// reads until it sees its own writes: an old value laid under a new write would
// bring back what was just changed (docs/platform-notes.md#replication).
func (s *step) read(ctx context.Context) (json.RawMessage, error) {
	var raw json.RawMessage
	t := s.target(s.c.Kind, s.c.Object)
	for start, pause := time.Now(), s.Wait.Every/4; ; pause = grow(pause, s.Wait.Every*2) {
		var err error
		raw, err = s.Platform.Read(ctx, s.object())
		late := t == nil || time.Since(start) >= s.Wait.Replication
		switch {
		case err == nil && (late || t.gone):
			return raw, nil
		case err == nil:
			if differs, derr := t.compare(raw); derr != nil || len(differs) == 0 {
				return raw, derr
			}
		case late || !errors.Is(err, genesys.ErrNotFound) || !t.created:
			return nil, err
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// settled looks until it holds or reads no longer lag behind writes; err is
// that of the last look, if it failed.
func (s *step) settled(ctx context.Context, look func(context.Context) (bool, error)) (holds bool, err error) {
	for start, pause := time.Now(), s.Wait.Every/4; ; pause = grow(pause, s.Wait.Every*2) {
		holds, err = look(ctx)
		if holds || time.Since(start) >= s.Wait.Settle {
			return holds, err
		}
		if err := sleep(ctx, pause); err != nil {
			return false, err
		}
	}
}

// untilThere repeats what finds nothing, if it is about an object of this kind
// and the change's name that this run created a moment ago.
func (s *step) untilThere(ctx context.Context, kind plan.Kind, do func() error) error {
	t := s.target(kind, s.c.Object)
	for start, pause := time.Now(), s.Wait.Every/4; ; pause = grow(pause, s.Wait.Every*2) {
		err := do()
		if t == nil || !t.created || !errors.Is(err, genesys.ErrNotFound) || time.Since(start) >= s.Wait.Replication {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func isUncertain(err error) bool {
	var uncertain *genesys.UncertainError
	return errors.As(err, &uncertain)
}
