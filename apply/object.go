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
	if err := r.keepsQueue(phase, c); err != nil {
		return Result{Outcome: Refused, Object: c.Object, Err: err}
	}
	s := step{run: r, phase: phase, c: c}
	if phase.Results[c.ID].Outcome == Failed {
		delete(phase.Intents, c.ID) // the platform refused it for certain: this is a first attempt again
	}
	_, s.resumed = phase.Intents[c.ID]
	res := s.once(ctx)
	if !r.doubts(c) {
		return res
	}
	for start, pause := time.Now(), s.Wait.Every/4; res.Outcome == Already && time.Since(start) < s.Wait.Settle; pause = grow(pause, s.Wait.Every*2) {
		if err := sleep(ctx, pause); err != nil {
			break
		}
		s.again = true
		res = s.once(ctx)
	}
	if res.Outcome == Already && !c.Prepares {
		res.Outcome, res.Err = Uncertain, &UnknownError{Headline: c.Headline(), Err: errNotSeen}
	}
	return res
}

// errNotSeen is why an undo does not take for granted that there is nothing to
// put back.
var errNotSeen = errors.New("the write that got no answer is not seen, but reads may lag for minutes; undo the run again later")

// doubts says whether the undo of this change may just not see yet what it has
// to put back: its write got no clear answer, a short while ago
// (docs/platform-notes.md#replication).
func (r *run) doubts(c plan.Change) bool {
	until, unsure := r.unsure[key(c.Kind, c.Object)]
	return r.undoing && unsure && time.Now().Before(until)
}

// doubt notes what the results leave unsure.
func (r *run) doubt(p Phase, at time.Time) {
	for _, res := range p.Results {
		if res.Outcome == Uncertain {
			r.unsure[key(res.Kind, res.Object)] = at.Add(slowestSight)
		}
	}
}

// slowestSight is how long a write may stay unseen.
const slowestSight = 5 * time.Minute

// keepsQueue refuses that an undo deletes a queue while a route that may still
// send mail to it could not be put back.
func (r *run) keepsQueue(phase *Phase, c plan.Change) error {
	if !r.undoing || c.Kind != plan.Queue || c.Verb != plan.Delete {
		return nil
	}
	for _, route := range phase.Plan.Changes {
		res, known := phase.Results[route.ID]
		if route.Kind != plan.Route || !known || res.Outcome == Done || res.Outcome == Already {
			continue
		}
		if q := route.Route.Before.Queue; q != nil && q.Name == c.Object.Name {
			return fmt.Errorf("email route %s may still send mail to queue %s; the queue stays", route.Object.Name, c.Object.Name)
		}
	}
	return nil
}

// once carries the change out.
func (s *step) once(ctx context.Context) Result {
	var err error
	switch c := s.c; {
	case c.Kind == plan.Queue && c.Queue != nil:
		err = carry(ctx, s, *c.Queue)
	case c.Kind == plan.Route && c.Route != nil:
		pair := *c.Route
		if err = s.fillQueue(ctx, &pair.After); err == nil {
			s.queue = pair.After.Queue
			err = carry(ctx, s, pair)
		}
	case c.Kind == plan.Utilization && c.Utilization != nil:
		err = carry(ctx, s, *c.Utilization)
	case c.Kind == plan.Email && c.Transfer != nil:
		err = s.transfer(ctx)
	case c.Kind == plan.Email && c.Email != nil:
		err = carry(ctx, s, *c.Email)
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
	resumed bool // an earlier process was about to write, and perhaps did
	wrote   bool // a write was sent that was, or may have been, carried out
	again   bool // what was read before must be read anew
	left    []Mismatch
	queue   *routing.Ref // of a route, with its id
}

func (s *step) result(err error) Result {
	res := Result{Object: s.c.Object, Left: s.left, Err: err}
	var moved *MovedError
	var gone *GoneError
	var unknown *UnknownError
	switch {
	case errors.Is(err, errNotMoved) && !s.wrote:
		res.Outcome, res.Err = Skipped, nil
	case err == nil && (s.wrote || s.resumed):
		res.Outcome = Done
	case err == nil:
		res.Outcome = Already
	case errors.As(err, &unknown):
		res.Outcome = Uncertain
	case s.wrote, s.resumed: // whatever came after it, that write may be there
		res.Outcome = Uncertain
		res.Err = &UnknownError{Headline: s.c.Headline(), Err: err}
	case errors.As(err, &moved), errors.As(err, &gone), errors.As(err, new(*AppearedError)):
		res.Outcome = Refused
	default:
		res.Outcome = Failed
	}
	if len(s.left) > 0 && err == nil {
		res.Err = &MovedError{Kind: s.c.Kind, Object: s.c.Object, Fields: s.left, Undo: s.undoing}
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
	if c.Kind == plan.Email {
		o.Queue, o.Fields = c.Waits.ID, c.Names()
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
		return remove(ctx, s, pair)
	default:
		return update(ctx, s, pair)
	}
}

// repeats is how often a write without a clear answer is done again, each time
// after reads have shown that it did not happen.
const repeats = 2

// update reads the object, refuses to write if a field has moved, lays the
// fields over it and writes the whole.
func update[S routing.Settings](ctx context.Context, s *step, pair plan.Pair[S]) error {
	fields := s.c.Names()
	// The fields of a change can mean the same before and after: the second of
	// the two writes that turn rings off. It is written all the same.
	tidy := len(routing.Differs(fields, pair.Before, pair.After)) == 0
	for attempt := 1; ; attempt++ {
		raw, err := s.read(ctx)
		if errors.Is(err, genesys.ErrNotFound) && s.c.Kind == plan.Email {
			return nil // somebody has it by now, which is what it was for
		}
		if errors.Is(err, genesys.ErrNotFound) {
			return &GoneError{Kind: s.c.Kind, Object: s.c.Object}
		}
		if err != nil {
			return fmt.Errorf("read it before the write: %w", err)
		}
		live, err := decode[S](s, raw)
		if err == nil {
			err = s.leftAlone(raw)
		}
		if err != nil {
			return err
		}
		differ := routing.Differs(fields, pair.After, live)
		if len(differ) == 0 && (!tidy || attempt > 1) {
			return nil
		}
		if s.c.Verb == plan.Create && !s.undoing {
			if err := s.refuseOverride(raw); err != nil {
				return err
			}
		}
		moved := routing.Differs(differ, pair.Before, live)
		if len(moved) > 0 {
			if s.c.Prepares {
				return nil // the next change finds out, and says so
			}
			if s.c.Kind == plan.Email { // one of many, and somebody's own
				s.left = mismatches(moved, pair.Before, live)
				return nil
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
		to := s.object()
		if s.c.Kind == plan.Email {
			to.Fields = fields
		}
		err = s.Platform.Write(ctx, to, body)
		if err == nil {
			s.wrote = true
			return nil
		}
		if errors.Is(err, genesys.ErrNotFound) && s.c.Kind == plan.Email {
			return nil // somebody got it just now
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
		case look != nil || attempt > repeats:
			return &UnknownError{Headline: s.c.Headline(), Err: errors.Join(err, look)}
		}
		// As far as reads tell it was not carried out, so it is done once more.
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
			case attempt > repeats+1:
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
			s.phase.Made[s.c.ID] = made
			return nil
		}
		if !isUncertain(err) {
			if unsure && isTaken(err) { // by the first attempt, as it seems: it is there, and the list lags
				if found, look := s.findWithin(ctx, s.Wait.Limit); look != nil || found.ID != "" {
					if look != nil {
						return errors.Join(err, look)
					}
					return adopt(ctx, s, found, fields, want)
				}
			}
			if !unsure && isTaken(err) {
				return &AppearedError{Kind: s.c.Kind, Object: s.c.Object, Err: err}
			}
			return err
		}
		unsure, last, s.wrote = true, err, true
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
func (s *step) findCreated(ctx context.Context) (Object, error) {
	return s.findWithin(ctx, s.Wait.Settle)
}

func (s *step) findWithin(ctx context.Context, limit time.Duration) (found Object, err error) {
	_, err = s.within(ctx, limit, func(ctx context.Context) (bool, error) {
		var err error
		found, err = s.Platform.Find(ctx, s.c.Kind, s.c.Object.Name)
		return err == nil && found.ID != "", err
	})
	return found, err
}

// isTaken says whether a create was refused because there is one of that name.
func isTaken(err error) bool {
	api, ok := errors.AsType[*genesys.APIError](err)
	return ok && (errors.Is(err, genesys.ErrConflict) || api.Code == "duplicate.name" || api.Code == "postino.route.pattern.exists")
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
	s.phase.Made[s.c.ID] = raw
	s.wrote = true
	return nil
}

// remove deletes an object that is still as it was when the plan was made.
func remove[S routing.Settings](ctx context.Context, s *step, pair plan.Pair[S]) error {
	before := pair.Before
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
			ours, err := isOurOverride(s, raw, before)
			if err != nil {
				return err
			}
			if !ours {
				return restoreOverride(ctx, s, pair)
			}
		}
		moved := mismatches(s.c.Names(), before, live)
		if s.c.Kind == plan.Queue && len(moved) == 0 {
			if moved, err = s.foreign(ctx, raw); err != nil {
				return fmt.Errorf("find out who else uses it before the write: %w", err)
			}
		}
		if len(moved) > 0 {
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
	}
}

// read reads the change's object. Where this run, or one of a moment ago, has
// written it before, it
// reads until it sees its own writes: an old value laid under a new write would
// bring back what was just changed (docs/platform-notes.md#replication).
func (s *step) read(ctx context.Context) (json.RawMessage, error) {
	var raw json.RawMessage
	t := s.known(s.c.Kind, s.c.Object)
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
	return s.within(ctx, s.Wait.Settle, look)
}

func (s *step) within(ctx context.Context, limit time.Duration, look func(context.Context) (bool, error)) (holds bool, err error) {
	for start, pause := time.Now(), s.Wait.Every/4; ; pause = grow(pause, s.Wait.Every*2) {
		holds, err = look(ctx)
		if holds || time.Since(start) >= limit {
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
	t := s.known(kind, s.c.Object)
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
