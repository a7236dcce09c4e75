package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Wait says how to wait until reads agree with what was written: one good read
// proves nothing where reads lag. A zero field has its default.
type Wait struct {
	Every       time.Duration // first pause between two looks; grows by half up to 15 s; default 2 s
	Jitter      time.Duration // random extra of each pause, 0 to this; default 1 s; below 0: none
	Limit       time.Duration // give up after this long; default 5 minutes
	RouteLimit  time.Duration // the limit of email routes; default 7 minutes
	Agree       int           // consecutive reads that must agree; default 3
	Replication time.Duration // how long a read may lag behind a write or not find what was created; default 30 s
	Settle      time.Duration // how long a write without an answer is read back for; default: as Replication
}

func (w Wait) withDefaults() Wait {
	w.Replication = cmp.Or(w.Replication, 30*time.Second)
	return Wait{
		Every: cmp.Or(w.Every, 2*time.Second), Jitter: cmp.Or(w.Jitter, time.Second),
		Limit: cmp.Or(w.Limit, 5*time.Minute), RouteLimit: cmp.Or(w.RouteLimit, 7*time.Minute), Agree: cmp.Or(w.Agree, 3),
		Replication: w.Replication, Settle: cmp.Or(w.Settle, w.Replication),
	}
}

// deletedPause is how long a deleted queue is not looked at: a read too early
// brings it back into the platform's cache (docs/platform-notes.md#replication).
const deletedPause = 5 * time.Second

// slowest is the longest pause between two looks.
const slowest = 15 * time.Second

func grow(pause, limit time.Duration) time.Duration { return min(pause*3/2, limit) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// target is one object that this run has written, and what it must look like.
type target struct {
	kind    plan.Kind
	object  Object
	ref     routing.Ref
	created bool
	gone    bool                                          // it was deleted
	want    any                                           // the settings written so far
	fields  []routing.Field                               // which of them
	differs func(raw json.RawMessage) ([]Mismatch, error) // from want
	members map[string]routing.Member                     // of a queue, as known to this run
	placed  map[string]int                                // members: the ring that each must be in; 0: none
	idle    map[string]bool                               // members: who must be deactivated
	names   map[string]string                             // of placed
}

// key tells objects apart: by name, since what is created has no id at first,
// but agents and emails by id.
func key(kind plan.Kind, ref routing.Ref) string {
	if kind == plan.Utilization || kind == plan.Email {
		return string(kind) + " " + ref.ID
	}
	return string(kind) + " " + ref.Name
}

// target finds what the run did with the change's object; nil: nothing yet.
func (r *run) target(kind plan.Kind, ref routing.Ref) *target { return r.objects[key(kind, ref)] }

func (r *run) ensure(c plan.Change) *target {
	t := r.target(c.Kind, c.Object)
	if t == nil {
		t = &target{kind: c.Kind}
		r.objects[key(c.Kind, c.Object)] = t
	}
	t.object, t.ref = address(c), c.Object
	return t
}

// expect adds a change that was carried out to what the wait looks for.
func (r *run) expect(c plan.Change) {
	if c.Kind == plan.Email {
		return // it moves on, and there is nothing to wait for
	}
	t := r.ensure(c)
	if !slices.Contains(r.order, t) {
		r.order = append(r.order, t)
	}
	t.gone = c.Verb == plan.Delete && c.Kind != plan.Utilization
	if members := r.target(plan.Member, c.Object); t.gone && members != nil {
		r.order = slices.DeleteFunc(r.order, func(x *target) bool { return x == members })
	}
	t.created = t.created || c.Verb == plan.Create && c.Kind != plan.Utilization
	switch {
	case c.Queue != nil:
		expectSettings(t, c.Names(), c.Queue.After)
	case c.Route != nil:
		expectSettings(t, c.Names(), c.Route.After)
	case c.Utilization != nil:
		expectSettings(t, c.Names(), c.Utilization.After)
	case c.Members != nil:
		if t.placed == nil {
			t.placed, t.names, t.idle = map[string]int{}, map[string]string{}, map[string]bool{}
		}
		queue := r.target(plan.Queue, c.Object)
		t.created = queue != nil && queue.created
		for _, a := range c.Members.Agents {
			t.names[a.ID] = a.String()
			if c.Verb != plan.Move {
				t.idle[a.ID] = c.Verb == plan.Join && slices.Contains(c.Members.Inactive, a.ID)
			}
			t.placed[a.ID] = map[plan.Verb]int{plan.Join: 1, plan.Move: c.Members.Ring}[c.Verb]
		}
	}
}

// expectAlready lets the wait look at what held before the run as well: it may
// be written and not yet active.
func (r *run) expectAlready(c plan.Change) {
	if c.Object.ID == "" || c.Prepares {
		return
	}
	if c.Members == nil {
		r.expect(c)
		return
	}
	seen := r.ensure(c).members
	r.expect(c)
	for _, a := range c.Members.Agents { // in whatever ring they are
		r.target(c.Kind, c.Object).placed[a.ID] = seen[a.ID].Ring
	}
}

func expectSettings[S routing.Settings](t *target, fields []routing.Field, after S) {
	want, _ := t.want.(S)
	want = routing.Lay(want, fields, after)
	for _, f := range fields {
		if !slices.Contains(t.fields, f) {
			t.fields = append(t.fields, f)
		}
	}
	all := t.fields
	t.want = want
	t.differs = func(raw json.RawMessage) ([]Mismatch, error) {
		live, err := genesys.Decode[S](raw)
		return mismatches(all, want, live), err
	}
}

// compare says what of the object is not yet as this run wrote it.
func (t *target) compare(raw json.RawMessage) ([]Mismatch, error) {
	if t.differs == nil {
		return nil, nil
	}
	return t.differs(raw)
}

// sight is what one look at a target saw.
type sight struct {
	differs []Mismatch
	status  routing.RouteStatus
	err     error
}

func (s sight) agrees() bool {
	return s.err == nil && len(s.differs) == 0 && (s.status == "" || s.status == routing.RouteActive)
}

// awaitActive looks at everything that the run wrote, all of it in each round,
// until enough reads in a row agree. It returns how long that took.
func (r *run) awaitActive(ctx context.Context) (time.Duration, error) {
	ctx = genesys.WithLane(ctx, genesys.Poll)
	start := time.Now()
	agreed := map[*target]int{}
	waiting := r.order
	for pause := r.Wait.Every; len(waiting) > 0; pause = grow(pause, slowest) {
		var still []*target
		for _, t := range waiting {
			waited := time.Since(start)
			if t.gone && t.kind == plan.Queue && waited < deletedPause {
				still = append(still, t)
				continue
			}
			saw := r.look(ctx, t)
			waited = time.Since(start)
			if err := r.verdict(ctx, t, saw, waited); err != nil {
				return waited, err
			}
			if saw.agrees() {
				agreed[t]++
			} else {
				agreed[t] = 0
			}
			event := Event{Kind: Looking, Object: t.ref, Waited: waited, Agreed: agreed[t], Differs: saw.differs}
			if agreed[t] >= r.Wait.Agree {
				event.Kind = Seen
				r.seen = append(r.seen, Sighting{Kind: t.kind, Object: t.ref, Gone: t.gone, At: start.Add(waited).UTC(), Waited: waited})
				r.Event(event)
				continue
			}
			r.Event(event)
			limit := r.Wait.Limit
			if t.kind == plan.Route {
				limit = r.Wait.RouteLimit
			}
			if waited >= limit {
				return waited, &NotActiveError{Kind: t.kind, Object: t.ref, Fields: saw.differs, Status: saw.status, Waited: waited, Last: saw.err}
			}
			still = append(still, t)
		}
		if waiting = still; len(waiting) == 0 {
			break
		}
		if err := sleep(ctx, pause+rand.N(max(r.Wait.Jitter, 1))); err != nil {
			return time.Since(start), fmt.Errorf("waiting for activation: %w", err)
		}
	}
	return time.Since(start), nil
}

// verdict ends the wait at once where waiting cannot help.
func (r *run) verdict(ctx context.Context, t *target, saw sight, waited time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for activation: %w", ctx.Err())
	case saw.status == routing.RouteError:
		return &RouteError{Object: t.ref}
	case errors.Is(saw.err, genesys.ErrNotFound):
		if t.created && waited < r.Wait.Replication {
			return nil
		}
		return &NotFoundError{Kind: t.kind, Object: t.ref}
	case errors.Is(saw.err, genesys.ErrUnauthorized), errors.Is(saw.err, genesys.ErrForbidden):
		return fmt.Errorf("waiting for activation of %s %s: %w", t.kind, t.ref, saw.err)
	}
	return nil // any other fault passes, or the limit ends the wait
}

func (r *run) look(ctx context.Context, t *target) (s sight) {
	if t.kind == plan.Member {
		s.differs, s.err = r.lookMembers(ctx, t)
		return s
	}
	raw, err := r.Platform.Read(ctx, t.object)
	switch {
	case t.gone && errors.Is(err, genesys.ErrNotFound):
		return s
	case err != nil:
		s.err = err
		return s
	case t.gone:
		s.differs = []Mismatch{{Field: "object", Want: "gone", Seen: "still there"}}
		return s
	}
	if t.kind == plan.Route {
		route, err := genesys.DecodeRoute(t.object.Domain, raw)
		if err != nil {
			s.err = err
			return s
		}
		s.status = route.Status
	}
	s.differs, s.err = t.compare(raw)
	return s
}

func (r *run) lookMembers(ctx context.Context, t *target) ([]Mismatch, error) {
	list, err := r.Platform.Members(ctx, t.object.ID)
	if err != nil {
		return nil, err
	}
	return t.misplaced(list), nil
}

// misplaced says who is not where this run has put them.
func (t *target) misplaced(list []routing.Member) []Mismatch {
	rings := map[string]int{}
	var out []Mismatch
	for _, m := range list {
		if t.idle[m.ID] && m.Joined {
			out = append(out, Mismatch{Field: "members", Want: t.names[m.ID] + " deactivated", Seen: "active"})
		}
		if !m.ByGroup || t.placed[m.ID] != 0 {
			rings[m.ID] = m.Ring
		}
	}
	for id, want := range t.placed {
		if got := rings[id]; got != want {
			out = append(out, Mismatch{Field: "members", Want: t.names[id] + " " + ringText(want), Seen: ringText(got)})
		}
	}
	return out
}

func ringText(ring int) string {
	if ring == 0 {
		return "no member"
	}
	return fmt.Sprintf("in ring %d", ring)
}
