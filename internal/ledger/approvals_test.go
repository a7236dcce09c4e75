package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

var (
	ada = ledger.Who{Name: "Ada Brook", User: "ada", Host: "desk"}
	ben = ledger.Who{Name: "ben", User: "ben", Host: "desk"}
)

// standings writes approvals as they stand, one a line.
func standings(t *testing.T, l *ledger.Ledger) []string {
	t.Helper()
	var out []string
	for _, s := range stand(t, l) {
		out = append(out, fmt.Sprintf("%s %s %s", s.Plan, s.State, s.Words()))
	}
	return out
}

func stand(t *testing.T, l *ledger.Ledger) []ledger.Standing {
	t.Helper()
	runs, err := l.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := l.Approvals(t.Context(), runs, noon)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func approve(t *testing.T, l *ledger.Ledger, fingerprint string, by ledger.Who, until time.Time) ledger.Standing {
	t.Helper()
	s, err := l.Approve(t.Context(), fingerprint, ledger.Approval{By: by, Until: until, Strategy: "support", Org: routing.Ref{ID: org}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// runWith keeps a run of an empty plan that began with approvals.
func runWith(t *testing.T, l *ledger.Ledger, approvals []int64, ends ...apply.Entry) string {
	t.Helper()
	run, err := l.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run.Approvals = approvals
	for _, e := range append([]apply.Entry{{Begin: &apply.Begin{Plan: plan.Plan{Version: plan.Format}}}}, ends...) {
		if err := run.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	return run.ID
}

func TestAnApprovalHoldsUntilItHasEndedWasUsedOrWithdrawn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		l := ledger.New(storetest.Open(t, database), org)
		if got := stand(t, l); got == nil || len(got) > 0 {
			t.Errorf("of an empty ledger: %v", got)
		}
		hour := noon.Add(time.Hour)
		approve(t, l, "sha256:ended", ada, noon)
		approve(t, l, "sha256:holds", ada, noon.Add(time.Millisecond))
		used := approve(t, l, "sha256:used", ada, hour)
		failed := approve(t, l, "sha256:failed", ada, hour)
		approve(t, l, "sha256:withdrawn", ada, hour)
		approve(t, l, "sha256:withdrawn", ben, noon)
		first := runWith(t, l, []int64{used.Seq}, apply.Entry{End: &apply.End{OK: true}})
		runWith(t, l, []int64{failed.Seq}, apply.Entry{End: &apply.End{}})
		cut := runWith(t, l, []int64{failed.Seq})
		running := approve(t, l, "sha256:running", ada, hour)
		for _, fingerprint := range []string{"sha256:withdrawn", "sha256:used", "sha256:running"} {
			if _, err := l.Withdraw(t.Context(), fingerprint, ledger.Withdrawal{By: ben, Note: "wrong\nweek"}); err != nil {
				t.Fatal(err)
			}
		}
		runWith(t, l, []int64{running.Seq}, apply.Entry{At: time.Now().Add(time.Hour), End: &apply.End{OK: true}})
		approve(t, l, "sha256:withdrawn", ben, hour) // anew
		want := []string{
			"sha256:ended ended the approval of Ada Brook (ada on desk) ended at 2026-11-23 12:00:00 UTC",
			"sha256:holds holds approved by Ada Brook (ada on desk) until 2026-11-23 12:00:00 UTC",
			"sha256:used used the approval of Ada Brook (ada on desk) was used by run " + first,
			"sha256:failed holds approved by Ada Brook (ada on desk) until 2026-11-23 13:00:00 UTC",
			"sha256:withdrawn withdrawn the approval of Ada Brook (ada on desk) was withdrawn by ben on desk: wrong�week",
			"sha256:withdrawn withdrawn the approval of ben on desk was withdrawn by ben on desk: wrong�week",
			"sha256:running withdrawn the approval of Ada Brook (ada on desk) was withdrawn by ben on desk: wrong�week",
			"sha256:withdrawn holds approved by ben on desk until 2026-11-23 13:00:00 UTC",
		}
		if d := cmp.Diff(want, standings(t, l)); d != "" {
			t.Error(d)
		}
		// A run that goes on names what it did not name yet.
		all := stand(t, l)
		if err := l.Continue(cut).Approved(t.Context(), all[1:4]); err != nil {
			t.Fatal(err)
		}
		if got := stand(t, l); !cmp.Equal(got[1].Runs, []string{cut}) || len(got[3].Runs) != 2 {
			t.Errorf("%v, %v", got[1].Runs, got[3].Runs)
		}
		if v, err := l.Verify(t.Context()); err != nil || !v.OK() {
			t.Errorf("%+v, %v", v, err)
		}
		if all, err := ledger.New(storetest.Open(t, database), "org-2").Approvals(t.Context(), nil, noon); err != nil || len(all) > 0 {
			t.Errorf("of another organisation: %v, %v", all, err)
		}
	})
}

func TestADamagedApprovalIsNoApproval(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		for _, kind := range []ledger.Kind{ledger.KindApproval, ledger.KindWithdrawal, ledger.KindApproved} {
			l := ledger.New(storetest.Open(t, database), string(kind))
			approve(t, l, "sha256:a", ada, noon.Add(time.Hour))
			if _, err := l.Append(t.Context(), kind, "sha256:a", "none"); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Approvals(t.Context(), nil, noon); err == nil || !strings.Contains(err.Error(), "entry 2 of the ledger is damaged") {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}

func TestWhatIsDemandedOfApprovals(t *testing.T) {
	t.Parallel()
	of := func(plan string, by ledger.Who, state ledger.State, runs ...string) ledger.Standing {
		return ledger.Standing{Plan: plan, Approval: ledger.Approval{By: by, Until: noon}, State: state, Runs: runs, Withdrawal: &ledger.Withdrawal{By: ben}}
	}
	adas := of("sha256:a", ada, ledger.Holds)
	for name, c := range map[string]struct {
		all   []ledger.Standing
		apply ledger.Applying
		want  int    // that hold
		err   string // begins so
	}{
		"nothing demanded":            {apply: ledger.Applying{Demand: ledger.DemandNothing}},
		"nothing demanded, and named": {[]ledger.Standing{adas}, ledger.Applying{Demand: ledger.DemandNothing}, 1, ""},
		"none":                        {nil, ledger.Applying{Demand: ledger.DemandAny}, 0, "plan a is not approved; nothing was changed"},
		"an unknown demand":           {nil, ledger.Applying{}, 0, "plan a is not approved"},
		"of another plan":             {[]ledger.Standing{of("sha256:b", ben, ledger.Holds)}, ledger.Applying{Demand: ledger.DemandAny}, 0, "plan a is not approved; "},
		"by oneself":                  {[]ledger.Standing{adas}, ledger.Applying{Demand: ledger.DemandAny}, 1, ""},
		"ended":                       {[]ledger.Standing{of("sha256:a", ben, ledger.Ended)}, ledger.Applying{Demand: ledger.DemandAny}, 0, "plan a is not approved: the approval of ben on desk ended at "},
		"withdrawn":                   {[]ledger.Standing{of("sha256:a", ada, ledger.Withdrawn)}, ledger.Applying{Demand: ledger.DemandAny}, 0, "plan a is not approved: the approval of Ada Brook (ada on desk) was withdrawn by ben on desk; "},
		"used":                        {[]ledger.Standing{of("sha256:a", ben, ledger.Used, "1")}, ledger.Applying{Demand: ledger.DemandAny}, 0, "plan a is not approved: the approval of ben on desk was used by run 1; "},
		"only one's own":              {[]ledger.Standing{adas}, ledger.Applying{Demand: ledger.DemandOther}, 0, "plan a is approved by nobody but ada, who applies it; "},
		"in one's name": {
			[]ledger.Standing{of("sha256:a", ledger.Who{Name: "ada", User: "root"}, ledger.Holds)},
			ledger.Applying{Demand: ledger.DemandOther},
			0, "plan a is approved by nobody but ada",
		},
		"one's own and another's":            {[]ledger.Standing{adas, of("sha256:a", ben, ledger.Holds)}, ledger.Applying{Demand: ledger.DemandOther}, 2, ""},
		"another's that has ended":           {[]ledger.Standing{adas, of("sha256:a", ben, ledger.Ended)}, ledger.Applying{Demand: ledger.DemandOther}, 0, "plan a is approved by nobody but ada"},
		"ended, of the run that goes on":     {[]ledger.Standing{of("sha256:a", ben, ledger.Ended, "1")}, ledger.Applying{Demand: ledger.DemandOther, Run: "1"}, 1, ""},
		"ended, of another run":              {[]ledger.Standing{of("sha256:a", ben, ledger.Ended, "2")}, ledger.Applying{Demand: ledger.DemandAny, Run: "1"}, 0, "plan a is not approved: "},
		"withdrawn, of the run that goes on": {[]ledger.Standing{of("sha256:a", ben, ledger.Withdrawn, "1")}, ledger.Applying{Demand: ledger.DemandAny, Run: "1"}, 0, "plan a is not approved: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.apply.Plan, c.apply.User = "sha256:a", "ada"
			got, err := c.apply.Allowing(c.all)
			if len(got) != c.want || (err != nil) != (c.err != "") {
				t.Fatalf("%v, %v", got, err)
			}
			if err != nil && (!errors.As(err, new(*ledger.ApprovalError)) || !strings.HasPrefix(err.Error(), c.err)) {
				t.Errorf("%v, want %s", err, c.err)
			}
		})
	}
}
