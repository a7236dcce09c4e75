// Package apply carries a plan out on the platform, one Result for each change,
// then waits until what was written is seen. Each change is read again just
// before its write and refused if it has moved; what was done can be put back.
package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Options says what to carry out, and how. Plan, Platform and Journal are
// required; Resume takes its plan from the record.
type Options struct {
	Plan     plan.Plan // sealed
	Platform Platform
	Journal  Journal
	Run      string // the run's name, for errors and for the plan that undoes it
	Wait     Wait   // zero fields have their defaults
	// KeepOnFailure leaves what was done as it is when a change fails. Default:
	// it is put back, newest first.
	KeepOnFailure bool
	// Recheck reads, before the first write, what the plan leaves as it is and
	// refuses the plan where that has moved: for a plan made a while ago.
	Recheck bool
	// NoWait does not wait until the changes are seen.
	NoWait bool
	// Recent are earlier runs in the org, oldest first. Reads may lag behind
	// what those of a moment ago wrote, so they are known before anything is
	// laid over what a read shows.
	Recent []Record
	// InForce are the overrides that hold: what cannot be put back since one has
	// changed it names that.
	InForce []plan.InForce
	// Event is told what happens, from one goroutine at a time; nil: nobody.
	Event func(Event)
}

// Event is something that happened during a run.
type Event struct {
	Kind   EventKind
	Change plan.Change // Started and Finished
	Result Result      // Finished
	Undo   bool        // Started and Finished: it puts back what the run did
	// Looking and Seen: the object, how long it has been waited for, how many
	// reads in a row agreed, and what still differs.
	Object  routing.Ref
	Waited  time.Duration
	Agreed  int
	Differs []Mismatch
}

// EventKind sorts events.
type EventKind int

// The events.
const (
	Started  EventKind = iota // a change begins
	Finished                  // a change has its result
	Looking                   // an object was looked at and is not active yet
	Seen                      // an object is active
)

// Report is what became of a run.
type Report struct {
	Run     string        `json:"run,omitempty"`
	Results []Result      `json:"results"`
	Undone  []Result      `json:"undone,omitempty"` // of the changes that put back, newest first
	Active  bool          `json:"active"`           // everything was seen on the platform; false where nothing was looked at
	Waited  time.Duration `json:"waited,omitempty"` // for activation, nanoseconds
}

// ErrNothingToUndo says that a run changed nothing, or that it was put back.
var ErrNothingToUndo = errors.New("there is nothing to undo")

// Run carries out the plan. A plan with findings that are errors and not waived
// is refused, before anything else, with a *FindingsError. Else its error is a
// *StoppedError where not everything was done; an activation that was not seen
// is a *NotActiveError, a *NotFoundError or a *RouteError, and then the changes
// stay.
func Run(ctx context.Context, o Options) (Report, error) {
	if err := o.Plan.Verify(); err != nil {
		return Report{}, err
	}
	if blocking := o.Plan.Blocking(time.Now()); len(blocking) > 0 {
		return Report{}, &FindingsError{Findings: blocking}
	}
	r := newRun(o)
	r.recall(o.Recent)
	if o.Recheck {
		if err := r.recheck(ctx); err != nil {
			return r.report, &StoppedError{Run: o.Run, Total: len(o.Plan.Changes), Err: err}
		}
	}
	if err := r.begin(o.Plan); err != nil {
		return Report{}, err
	}
	return r.finish(ctx)
}

// Resume goes on with a run that was cut off; its findings were looked at when
// it began. A change whose write was under
// way is read back: if it holds it is done, if the object is as it was before
// it is done now, and anything else is refused.
func Resume(ctx context.Context, o Options, rec Record) (Report, error) {
	if rec.End != nil {
		return Report{}, fmt.Errorf("resume run %s: it is finished", rec.ID)
	}
	o.Run = cmp.Or(o.Run, rec.ID)
	o.Plan = rec.Plan()
	r := newRun(o)
	r.resumes = true
	for _, p := range rec.Phases {
		r.replay(p)
	}
	if len(rec.Phases) > 1 { // it was being put back
		return r.finishUndo(ctx, errors.New("the run was cut off while it was being put back"))
	}
	return r.finish(ctx)
}

// Rollback puts back what a run did, newest first, by the way of every plan. It
// goes on past what cannot be put back; the error names it.
func Rollback(ctx context.Context, o Options, rec Record) (Report, error) {
	done := rec.Done()
	o.Plan = plan.Reverse(rec.Plan(), rec.ID, done).Seal()
	if len(o.Plan.Changes) == 0 {
		return Report{}, fmt.Errorf("undo run %s: %w", rec.ID, ErrNothingToUndo)
	}
	r := newRun(o)
	if len(o.Recent) > 0 {
		r.recall(slices.DeleteFunc(slices.Clone(o.Recent), func(x Record) bool { return x.ID == rec.ID }))
	}
	if err := r.lag(ctx, rec, done); err != nil {
		return Report{}, fmt.Errorf("undo run %s: %w", rec.ID, err)
	}
	if err := r.begin(o.Plan); err != nil {
		return Report{}, err
	}
	return r.finish(ctx)
}

// lag takes care that reads which lag behind what a run wrote a moment ago are
// not taken for the truth. What it did is waited for when it is read; for what
// it may have done there is nothing to wait for but time.
func (r *run) lag(ctx context.Context, rec Record, done []plan.Done) error {
	since := max(0, time.Since(rec.Last)) // the clock may have been set back
	for _, p := range rec.Phases {
		r.doubt(p, time.Now().Add(-since))
	}
	for _, d := range done {
		if rec.Phases[0].Results[d.Change.ID].Outcome == Done {
			if since < r.Wait.Replication {
				r.expect(d.Change)
			}
		} else if since < r.Wait.Settle {
			if err := sleep(ctx, r.Wait.Settle-since); err != nil {
				return err
			}
			since = r.Wait.Settle
		}
	}
	return nil
}

// run is one plan under way.
type run struct {
	Options
	phases  []Phase
	undoing bool // what is carried out puts something back
	resumes bool // an earlier process began it
	objects map[string]*target
	order   []*target
	unsure  map[string]time.Time // by key: until when an uncertain write may just not be seen
	report  Report
	seen    []Sighting
	earlier *run // what runs of a moment ago wrote; nil: nothing
}

func newRun(o Options) *run {
	o.Wait = o.Wait.withDefaults()
	if o.Event == nil {
		o.Event = func(Event) {}
	}
	return &run{Options: o, objects: map[string]*target{}, unsure: map[string]time.Time{}, undoing: o.Plan.Undoes != "", report: Report{Run: o.Run, Results: []Result{}}}
}

// begin journals the plan before anything else happens.
func (r *run) begin(p plan.Plan) error {
	r.phases = append(r.phases, newPhase(p))
	r.order = nil // the wait at the end is for what this phase writes
	return r.journal(Entry{Begin: &Begin{Plan: p}})
}

// replay takes over what an earlier process did.
func (r *run) replay(p Phase) {
	r.phases = append(r.phases, p)
	r.order = nil
	r.undoing = r.undoing || len(r.phases) > 1
	for _, d := range p.done() {
		if result, known := p.Results[d.Change.ID]; known && result.Outcome == Done {
			r.expect(d.Change)
		}
	}
}

func (r *run) journal(e Entry) error {
	e.At = time.Now().UTC()
	if err := r.Journal.Append(e); err != nil {
		return fmt.Errorf("write the journal of run %s: %w", r.Run, err)
	}
	return nil
}

// finish carries out what is left of the plan, then waits or undoes.
func (r *run) finish(ctx context.Context) (Report, error) {
	results, err := r.carryOut(ctx, &r.phases[0])
	r.report.Results = results
	switch {
	case err == nil, r.undoing && ctx.Err() == nil:
	case r.KeepOnFailure || ctx.Err() != nil || errors.As(err, new(*journalError)) || len(r.phases[0].done()) == 0:
		if len(r.phases[0].done()) == 0 {
			err = joinErrors(err, r.journal(Entry{End: &End{Error: err.Error()}}))
		}
		return r.report, r.stopped(err, false, nil)
	default:
		back := plan.Reverse(r.Plan, r.Run, r.phases[0].done()).Seal()
		if jerr := r.begin(back); jerr != nil {
			return r.report, r.stopped(errors.Join(err, jerr), false, nil)
		}
		return r.finishUndo(ctx, err)
	}
	// An undo goes on past what it cannot put back; that is its error.
	var stopped error
	// What was left to somebody is as it shall be, and email that was not moved may
	// stay; what an interruption has skipped has no result of its own.
	wanted := slices.DeleteFunc(slices.Clone(results), func(res Result) bool {
		return !r.undoing && (len(res.Left) > 0 || r.phases[0].Results[res.Change].Outcome == Skipped)
	})
	if remains := failures(wanted); len(remains) > 0 {
		stopped = r.stopped(errors.New("not everything was put back"), false, remains)
	}
	end := &End{OK: stopped == nil}
	var wait error
	if !r.NoWait {
		r.report.Waited, wait = r.awaitActive(ctx)
		r.report.Active = wait == nil && len(r.order) > 0 // else nothing was looked at
		end.Active, end.Seen = r.report.Active, r.seen
	}
	if ctx.Err() != nil {
		return r.report, errors.Join(stopped, wait) // not ended: a resumed run waits again
	}
	failed := joinErrors(stopped, wait)
	if failed != nil {
		end.Error = failed.Error()
	}
	return r.report, joinErrors(failed, r.journal(Entry{End: end}))
}

// joinErrors is errors.Join that leaves a single error as it is.
func joinErrors(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return errors.Join(a, b)
}

// finishUndo puts back what the run did, because of why.
func (r *run) finishUndo(ctx context.Context, why error) (Report, error) {
	r.undoing = true
	if len(r.report.Results) == 0 { // an earlier process did it
		for _, c := range r.Plan.Changes {
			if res, known := r.phases[0].Results[c.ID]; known {
				r.report.Results = append(r.report.Results, res)
			}
		}
	}
	r.doubt(r.phases[0], time.Now())
	undone, err := r.carryOut(ctx, &r.phases[len(r.phases)-1])
	r.report.Undone = undone
	remains := append(failures(undone), stay(r.phases[0])...)
	if err != nil && ctx.Err() != nil {
		return r.report, r.stopped(errors.Join(why, err), false, remains)
	}
	var unseen error
	if !r.NoWait {
		r.report.Waited, unseen = r.awaitActive(ctx)
	}
	if ctx.Err() == nil { // else it is not ended: a resumed run waits again
		end := &End{Error: why.Error(), Undone: len(remains) == 0, Active: !r.NoWait && unseen == nil, Seen: r.seen}
		if jerr := r.journal(Entry{End: end}); jerr != nil {
			why = errors.Join(why, jerr)
		}
	}
	stopped := r.stopped(why, len(remains) == 0, remains)
	stopped.Unseen = unseen
	return r.report, stopped
}

// failures says in words what results did not come to pass.
func failures(results []Result) []string {
	var out []string
	for _, res := range results {
		if res.Outcome != Done && res.Outcome != Already {
			out = append(out, res.Headline+": "+cmp.Or(res.Error, string(res.Outcome)))
		} else if len(res.Left) > 0 {
			out = append(out, res.Headline+": "+res.Error)
		}
	}
	return out
}

func (r *run) stopped(err error, back bool, remains []string) *StoppedError {
	e := &StoppedError{Run: r.Run, Total: len(r.Plan.Changes), RolledBack: back, Remains: remains, Err: err}
	for _, res := range r.phases[0].Results {
		if res.Outcome == Done || res.Outcome == Uncertain {
			e.Done++
		}
		if res.Outcome == Uncertain {
			e.Perhaps++
		}
	}
	return e
}

// carryOut does the changes of a phase in order, without those that an earlier
// process did. It stops at the first that fails; an undo goes on, and returns
// all that failed.
func (r *run) carryOut(ctx context.Context, phase *Phase) ([]Result, error) {
	var results []Result
	var failed error
	halted := false // by the user, or since the journal cannot be written
	for _, c := range phase.Plan.Changes {
		if before, known := phase.Results[c.ID]; known && (before.Outcome == Done || before.Outcome == Already) {
			results = append(results, before)
			continue
		}
		if halted || failed != nil && !r.undoing {
			results = append(results, Result{Change: c.ID, Headline: c.Headline(), Outcome: Skipped, Kind: c.Kind, Object: c.Object})
			continue
		}
		r.Event(Event{Kind: Started, Change: c, Undo: r.undoing})
		start := time.Now()
		res := r.change(ctx, phase, c)
		r.nameOverride(res.Err, c)
		res.Change, res.Headline, res.Kind, res.Took = c.ID, c.Headline(), c.Kind, time.Since(start)
		if res.Err != nil {
			res.Error, res.CorrelationID = res.Err.Error(), correlation(res.Err)
		}
		// A run that was interrupted in the middle of a write keeps its intent
		// open, so that resuming it reads the object back.
		open := ctx.Err() != nil && (res.Outcome == Uncertain || res.Outcome == Failed)
		if !open {
			phase.Results[c.ID] = res
		}
		if res.Outcome == Done || res.Outcome == Uncertain {
			c = phase.Intents[c.ID].fill(c)
			c.Object = res.Object
		}
		switch {
		case res.Outcome == Done:
			r.expect(r.without(c, res.Left))
		case res.Outcome == Already && !r.undoing:
			r.expectAlready(c)
		}
		if !open {
			if err := r.journal(Entry{Result: &res, Made: phase.Made[c.ID]}); err != nil {
				res.Err = errors.Join(res.Err, &journalError{err})
				res.Error = res.Err.Error()
			}
		}
		r.Event(Event{Kind: Finished, Change: c, Result: res, Undo: r.undoing})
		results = append(results, res)
		settled := res.Outcome == Done || res.Outcome == Already && len(res.Left) > 0 // somebody's own is left
		if res.Err != nil && (!settled || errors.As(res.Err, new(*journalError))) {
			failed = errors.Join(failed, fmt.Errorf("change %d of %d, %s: %w", c.ID, len(phase.Plan.Changes), c.Headline(), res.Err))
		}
		halted = ctx.Err() != nil || errors.As(failed, new(*journalError))
	}
	return results, failed
}

// nameOverride says in the error of an undo which override has changed what it
// would put back.
func (r *run) nameOverride(err error, c plan.Change) {
	moved, ok := errors.AsType[*MovedError](err)
	if !ok || !moved.Undo {
		return
	}
	for _, f := range r.InForce {
		if f.ID != r.Plan.Undoes && slices.ContainsFunc(f.Changes, c.Overlaps) {
			moved.Override = &f.Lease
		}
	}
}

// without is the change without the fields that an undo left alone: they are
// not waited for, not even as an earlier run wrote them.
func (r *run) without(c plan.Change, left []Mismatch) plan.Change {
	alone := func(f routing.Field) bool {
		return slices.ContainsFunc(left, func(l Mismatch) bool { return l.Field == f })
	}
	if t := r.target(c.Kind, c.Object); t != nil {
		t.fields = slices.DeleteFunc(slices.Clone(t.fields), alone)
	}
	c.Fields = slices.DeleteFunc(slices.Clone(c.Fields), func(f plan.FieldChange) bool { return alone(f.Field) })
	return c
}

// journalError says that the journal can no longer be written; then nothing
// more is done.
type journalError struct{ err error }

func (e *journalError) Error() string { return e.err.Error() }
func (e *journalError) Unwrap() error { return e.err }
