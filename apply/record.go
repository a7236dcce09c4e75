package apply

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// Journal keeps what a run is about to do and what became of it.
type Journal interface {
	// Append returns only once the entry will survive a crash.
	Append(Entry) error
}

// Entry is one line of a run's journal. One of Begin, Intent, Result and End
// is set.
type Entry struct {
	At     time.Time `json:"at"`
	Begin  *Begin    `json:"begin,omitempty"`
	Intent *Intent   `json:"intent,omitempty"`
	Result *Result   `json:"result,omitempty"`
	// Made stands beside the Result of a create: the object as the platform
	// answered.
	Made json.RawMessage `json:"made,omitempty"`
	End  *End            `json:"end,omitempty"`
}

// Begin starts a run, or within it the undoing of what it did so far.
type Begin struct {
	Plan plan.Plan `json:"plan"`
}

// Intent is written just before a write: with it the write can be put back
// even if nothing is heard of it again.
type Intent struct {
	Change int         `json:"change"`
	Object routing.Ref `json:"object"`
	// Snapshot is the object as it was; nil for what is created and for members.
	Snapshot json.RawMessage `json:"snapshot,omitempty"`
	// Members are those whom the write is really about: the change without
	// those for whom it already holds.
	Members *plan.MemberChange `json:"members,omitempty"`
	// Queue is the queue that a route is given, with the id that it has by now.
	Queue *routing.Ref `json:"queue,omitempty"`
}

// fill is the change with what was known only when it was carried out.
func (in Intent) fill(c plan.Change) plan.Change {
	if in.Members != nil {
		c.Members = in.Members
	}
	if in.Queue != nil {
		pair := *c.Route
		pair.After.Queue = in.Queue
		c.Route = &pair
	}
	return c
}

// End closes a run. Nothing is left to do for it.
type End struct {
	OK     bool   `json:"ok"`               // every change of the plan holds
	Undone bool   `json:"undone,omitempty"` // what had been done was put back
	Error  string `json:"error,omitempty"`
	Active bool   `json:"active,omitempty"` // seen active on the platform
	// Seen is what was seen active, each once enough reads in a row agreed; runs of
	// before this was kept have none.
	Seen []Sighting `json:"seen,omitempty"`
}

// Sighting is an object that was seen as the run left it.
type Sighting struct {
	Kind   plan.Kind     `json:"kind"`
	Object routing.Ref   `json:"object"` // of members their queue
	Gone   bool          `json:"gone,omitempty"`
	At     time.Time     `json:"at"`
	Waited time.Duration `json:"waited"` // since the last change was written, nanoseconds
}

// Outcome is what became of one change.
type Outcome string

// The outcomes. Only Done and Uncertain may have changed the platform.
const (
	Done      Outcome = "done"
	Already   Outcome = "already"   // held before; nothing was written
	Refused   Outcome = "refused"   // the object is not as it was when the plan was made
	Failed    Outcome = "failed"    // the platform said no, or could not be asked
	Uncertain Outcome = "uncertain" // nobody can say whether the write happened
	Skipped   Outcome = "skipped"   // an earlier change stopped the run
)

// Result is what became of one change.
type Result struct {
	Change   int         `json:"change"` // Change.ID
	Headline string      `json:"headline"`
	Outcome  Outcome     `json:"outcome"`
	Kind     plan.Kind   `json:"kind"`
	Object   routing.Ref `json:"object"` // with the id that the platform gave
	// Left are the fields that an undo left alone: someone changed them since.
	Left          []Mismatch    `json:"left,omitempty"`
	Took          time.Duration `json:"took,omitempty"` // nanoseconds
	Error         string        `json:"error,omitempty"`
	CorrelationID string        `json:"correlationId,omitempty"` // quote it to Genesys support
	Err           error         `json:"-"`
}

// Record is what the journal tells of one run.
type Record struct {
	ID      string // as the journal names it
	Started time.Time
	Phases  []Phase   // the plan; then, where it was undone in the same run, the undoing
	End     *End      // nil: the run was cut off
	Last    time.Time // of its last entry
}

// Phase is one plan under way.
type Phase struct {
	Plan    plan.Plan
	Intents map[int]Intent // by Change.ID
	Results map[int]Result
	Made    map[int]json.RawMessage // what was created, as the platform answered
}

func newPhase(p plan.Plan) Phase {
	return Phase{Plan: p, Intents: map[int]Intent{}, Results: map[int]Result{}, Made: map[int]json.RawMessage{}}
}

// Replay puts the entries of one run together.
func Replay(id string, entries []Entry) (Record, error) {
	r := Record{ID: id}
	for i, e := range entries {
		r.Last = e.At
		if e.Begin != nil {
			if len(r.Phases) == 0 {
				r.Started = e.At
			}
			r.Phases = append(r.Phases, newPhase(e.Begin.Plan))
			continue
		}
		if len(r.Phases) == 0 {
			return Record{}, fmt.Errorf("read run %s: entry %d comes before the plan", id, i+1)
		}
		phase := r.Phases[len(r.Phases)-1]
		switch {
		case e.Intent != nil:
			phase.Intents[e.Intent.Change] = *e.Intent
			delete(phase.Results, e.Intent.Change) // a resumed run tries again what had failed
		case e.Result != nil:
			phase.Results[e.Result.Change] = *e.Result
			if e.Made != nil {
				phase.Made[e.Result.Change] = e.Made
			}
		case e.End != nil:
			r.End = e.End
		}
	}
	if len(r.Phases) == 0 {
		return Record{}, fmt.Errorf("read run %s: %w", id, errNoPlan)
	}
	return r, nil
}

var errNoPlan = errors.New("there is no plan in it")

// Plan is the plan that the run was started for.
func (r Record) Plan() plan.Plan { return r.Phases[0].Plan }

// Done lists what the run may have changed and has not put back, in the order
// in which it was done: what is done, what is uncertain, and what was cut off
// between intent and result.
func (r Record) Done() []plan.Done {
	if len(r.Phases) == 0 || r.End != nil && r.End.Undone {
		return nil
	}
	return r.Phases[0].done()
}

func (p Phase) done() []plan.Done {
	var out []plan.Done
	for _, c := range p.Plan.Changes {
		intent, begun := p.Intents[c.ID]
		result, known := p.Results[c.ID]
		if !begun || known && result.Outcome != Done && result.Outcome != Uncertain {
			continue
		}
		d := plan.Done{Change: intent.fill(c), Object: intent.Object, Snapshot: intent.Snapshot}
		if known && result.Object.ID != "" {
			d.Object = result.Object
		}
		if made := p.Made[c.ID]; made != nil {
			d.Snapshot = made
		}
		d.Change.Object = d.Object
		out = append(out, d)
	}
	return out
}
