package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// This file keeps who approved which plan, and which runs that let begin. Nobody
// proves who they are: an approval is a convention that is kept on record.

// The kinds of entry about approvals.
const (
	KindApproval   Kind = "approval"   // the subject is the plan's fingerprint, the body an Approval
	KindWithdrawal Kind = "withdrawal" // of the approvals before it; the subject is as above, the body a Withdrawal
	KindApproved   Kind = "approved"   // the subject is the run, the body an Approved
)

// Who is someone as they call themselves, and as their machine does.
type Who struct {
	Name string `json:"name"`
	User string `json:"user"` // the account
	Host string `json:"host"`
}

// String names them with account and machine.
func (w Who) String() string {
	if w.Name == w.User {
		return w.User + " on " + w.Host
	}
	return fmt.Sprintf("%s (%s on %s)", w.Name, w.User, w.Host)
}

// Approval says that a plan may be applied, once, until a time.
type Approval struct {
	By       Who         `json:"by"`
	Until    time.Time   `json:"until"`
	Note     string      `json:"note,omitempty"`
	Strategy string      `json:"strategy"`
	Org      routing.Ref `json:"org"`
}

// Withdrawal says that it may not.
type Withdrawal struct {
	At   time.Time `json:"at,omitzero"` // of its entry
	By   Who       `json:"by"`
	Note string    `json:"note,omitempty"`
}

// Approved names the approvals that held when a run began, by their entries.
type Approved struct {
	Approvals []int64 `json:"approvals"`
}

// Standing is an approval as it stands at a moment.
type Standing struct {
	Seq  int64     `json:"seq"` // of its entry
	At   time.Time `json:"at"`
	Plan string    `json:"plan"` // the fingerprint
	Approval
	State      State       `json:"state"`
	Runs       []string    `json:"runs"` // that began with it
	Withdrawal *Withdrawal `json:"withdrawal,omitempty"`
}

// State says whether an approval counts.
type State string

// The states. An approval is used once a run that began with it has carried its
// plan out: one that failed or was cut off does not use it up.
const (
	Holds     State = "holds"
	Ended     State = "ended"
	Withdrawn State = "withdrawn"
	Used      State = "used"
)

// Approve adds an approval of a plan.
func (l *Ledger) Approve(ctx context.Context, fingerprint string, a Approval) (Standing, error) {
	e, err := l.Append(ctx, KindApproval, fingerprint, a)
	return Standing{Seq: e.Seq, At: e.At, Plan: fingerprint, Approval: a, State: Holds, Runs: []string{}}, err
}

// Withdraw withdraws every approval that a plan has.
func (l *Ledger) Withdraw(ctx context.Context, fingerprint string, w Withdrawal) (Withdrawal, error) {
	e, err := l.Append(ctx, KindWithdrawal, fingerprint, w)
	w.At = e.At
	return w, err
}

// Approvals are all approvals as they stand, oldest first. runs are those of the
// ledger.
func (l *Ledger) Approvals(ctx context.Context, runs []apply.Record, now time.Time) ([]Standing, error) {
	all := []Standing{}
	err := l.each(ctx, KindApproval, func(e Entry) error {
		s := Standing{Seq: e.Seq, At: e.At, Plan: e.Subject, State: Holds, Runs: []string{}}
		err := json.Unmarshal(e.Body, &s.Approval)
		if !now.Before(s.Until) {
			s.State = Ended
		}
		all = append(all, s)
		return err
	})
	if err != nil || len(all) == 0 {
		return all, err
	}
	if err := l.each(ctx, KindWithdrawal, func(e Entry) error {
		var w Withdrawal
		err := json.Unmarshal(e.Body, &w)
		w.At = e.At
		for i := range all {
			if s := &all[i]; s.Plan == e.Subject && s.Seq < e.Seq && s.State != Withdrawn {
				s.State, s.Withdrawal = Withdrawn, &w
			}
		}
		return err
	}); err != nil {
		return nil, err
	}
	carried := map[string]time.Time{} // when runs had carried out their plans
	for _, r := range runs {
		if r.End != nil && r.End.OK {
			carried[r.ID] = r.Last
		}
	}
	return all, l.each(ctx, KindApproved, func(e Entry) error {
		var a Approved
		err := json.Unmarshal(e.Body, &a)
		for i := range all {
			if s := &all[i]; slices.Contains(a.Approvals, s.Seq) {
				s.Runs = append(s.Runs, e.Subject)
				if end, ok := carried[e.Subject]; ok && (s.Withdrawal == nil || end.Before(s.Withdrawal.At)) {
					s.State, s.Withdrawal = Used, nil
				}
			}
		}
		return err
	})
}

// PlanType is the type of a Trace about a plan: it was approved, or that was
// withdrawn. The platform knows of neither.
const PlanType = "Plan"

// Approving are approvals and withdrawals within a span as a trail has them.
func Approving(all []Standing, from, to time.Time) []Trace {
	out := []Trace{}
	add := func(s Standing, at time.Time, action string, by Who, note string, changes ...genesys.AuditChange) {
		if at.Before(from) || !at.Before(to) {
			return
		}
		if note != "" {
			changes = append(changes, genesys.AuditChange{Property: "note", OldValues: []string{}, NewValues: []string{note}})
		}
		t := Trace{
			At: at.UTC(), Object: routing.Ref{ID: s.Plan, Name: Short(s.Plan)}, Type: PlanType, Action: action, Changes: append([]genesys.AuditChange{}, changes...), Strategy: s.Strategy, Plan: s.Plan, Untold: true,
			By: relay.Actor{Kind: relay.Person, Ref: routing.Ref{ID: by.User + "@" + by.Host, Name: by.Name}},
		}
		if !slices.ContainsFunc(out, func(o Trace) bool { return o.At.Equal(at) && o.Plan == s.Plan }) { // one withdraws several
			out = append(out, t)
		}
	}
	for _, s := range all {
		add(s, s.At, "Approve", s.By, s.Note, genesys.AuditChange{Property: "until", OldValues: []string{}, NewValues: []string{s.Until.UTC().Format(time.RFC3339)}})
		if w := s.Withdrawal; w != nil {
			add(s, w.At, "Withdraw", w.By, w.Note)
		}
	}
	slices.SortStableFunc(out, func(a, b Trace) int { return a.At.Compare(b.At) })
	return out
}

// Approved names approvals that a run goes on with, where it does not name them yet.
func (r *Run) Approved(ctx context.Context, approvals []Standing) error {
	var a Approved
	for _, s := range approvals {
		if !slices.Contains(s.Runs, r.ID) {
			a.Approvals = append(a.Approvals, s.Seq)
		}
	}
	if len(a.Approvals) == 0 {
		return nil
	}
	_, err := r.l.Append(ctx, KindApproved, r.ID, a)
	return err
}

// each does something with every entry of a kind.
func (l *Ledger) each(ctx context.Context, k Kind, do func(Entry) error) error {
	for e, err := range l.Entries(ctx, Filter{Kind: k}) {
		if err != nil {
			return err
		}
		if err := do(e); err != nil {
			return fmt.Errorf("entry %d of the ledger is damaged: %w; `foresort audit verify` says where the ledger was changed", e.Seq, err)
		}
	}
	return nil
}

// Demand says what must have been approved.
type Demand string

// The demands, each stricter than the one before.
const (
	DemandNothing Demand = "no"
	DemandAny     Demand = "any"   // someone
	DemandOther   Demand = "other" // someone else than the account that applies
)

// Applying is a plan that someone is about to apply.
type Applying struct {
	Plan   string // the fingerprint
	User   string // the account
	Demand Demand
	Run    string // one that was cut off and goes on; empty: it begins
}

// Allowing picks the approvals that hold for a plan, and for a run that goes on
// those that it began with and that were not withdrawn. Where they do not meet the
// demand the error is an *ApprovalError.
func (a Applying) Allowing(all []Standing) ([]Standing, error) {
	var of, holding []Standing
	met := a.Demand == DemandNothing
	for _, s := range all {
		if s.Plan != a.Plan {
			continue
		}
		of = append(of, s)
		if s.State != Holds && (s.State != Ended || !slices.Contains(s.Runs, a.Run)) {
			continue
		}
		holding = append(holding, s)
		met = met || a.Demand == DemandAny || s.By.User != a.User && s.By.Name != a.User
	}
	if !met {
		return nil, &ApprovalError{Plan: a.Plan, User: a.User, Approvals: of, Own: len(holding) > 0}
	}
	return holding, nil
}

// ApprovalError says that a plan may not be applied since it is not approved.
// Nothing was written.
type ApprovalError struct {
	Plan      string // the fingerprint
	User      string // who would have applied it
	Approvals []Standing
	Own       bool // approvals hold, and all of them are by that account
}

// Error says what became of the last approval, if there was one.
func (e *ApprovalError) Error() string {
	text := "plan " + Short(e.Plan) + " is not approved"
	if e.Own {
		text = fmt.Sprintf("plan %s is approved by nobody but %s, who applies it", Short(e.Plan), e.User)
	} else if n := len(e.Approvals); n > 0 {
		text += ": " + e.Approvals[n-1].Words()
	}
	return text + "; nothing was changed"
}

// Words say how an approval stands.
func (s Standing) Words() string {
	const form = "2006-01-02 15:04:05 UTC"
	until := s.Until.UTC().Format(form)
	text := fmt.Sprintf("approved by %s until %s", s.By, until)
	switch s.State {
	case Ended:
		text = fmt.Sprintf("the approval of %s ended at %s", s.By, until)
	case Withdrawn:
		text = fmt.Sprintf("the approval of %s was withdrawn by %s", s.By, s.Withdrawal.By)
		if s.Withdrawal.Note != "" {
			text += ": " + s.Withdrawal.Note
		}
	case Used:
		text = fmt.Sprintf("the approval of %s was used by run %s", s.By, s.Runs[len(s.Runs)-1])
	case Holds:
	}
	return sheet.Plain(text)
}

// Short is a fingerprint of a plan for people.
func Short(fingerprint string) string {
	return fmt.Sprintf("%.8s", strings.TrimPrefix(fingerprint, "sha256:"))
}
