package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/plan"
)

// approveOptions are the arguments of foresort approve.
type approveOptions struct {
	File      string
	By, Note  string
	For       string
	Yes       bool
	List, All bool
	Withdraw  string
}

func approveCommand(s *shell) *cobra.Command {
	var o approveOptions
	cmd := &cobra.Command{
		Use:     "approve PLAN",
		GroupID: groupOrg,
		Short:   "approve a saved plan, list approvals, withdraw one",
		Long: `Approve shows a saved plan, asks, and keeps in the ledger who approves it, when and
until when, under the plan's fingerprint: a plan that is changed or made anew needs an
approval of its own. A plan is refused if it was edited, is of another organisation, or
holds errors of --live which the file does not waive. Until when is by the clock of the
machine that applies.

foresort apply --require-approval, or the setting requireApproval for every apply, then
refuses a plan without an approval that holds. An approval is for one run: a run that
carries the plan out uses it up, one that fails or is cut off does not. To put a run
back needs no approval. The ledger is that of the database: who approves and who applies
need the same one (--database).

An approval is a convention on record, not a lock. Nothing proves the name of --by;
account and machine are noted beside it, and whoever can change the settings of apply,
the database or the organisation itself can do without. A run without an approval is in
the ledger all the same, and what was changed past Foresort is out of band in its audit.`,
		Example: `  foresort plan examples/support.yaml --out support.plan --exit-zero && foresort approve support.plan --by "Ada Brook" --yes
  foresort approve support.plan --for 3d --note "as agreed on Monday" --yes && foresort apply support.plan --require-approval --yes
  foresort approve --list --all`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.File = args[0]
			}
			return o.run(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.By, "by", "", "the `name` of who approves; the account on this machine if not set")
	f.StringVar(&o.For, "for", "24h", "how long it holds, at most 30d")
	f.StringVar(&o.Note, "note", "", "a `text` that is kept with it")
	f.BoolVarP(&o.Yes, "yes", "y", false, "approve without being asked")
	f.BoolVar(&o.List, "list", false, "list the approvals that hold, newest first")
	f.BoolVar(&o.All, "all", false, "with --list: also those that have ended, were used or withdrawn")
	f.StringVar(&o.Withdraw, "withdraw", "", "withdraw the approvals of a `plan`: its file, or its fingerprint, of which 8 digits do")
	return cmd
}

func (o approveOptions) run(ctx context.Context, s *shell) error {
	asked := 0
	for _, one := range []bool{o.File != "", o.List, o.Withdraw != ""} {
		if one {
			asked++
		}
	}
	hold, err := holding(o.For)
	switch {
	case asked != 1 || o.All && !o.List:
		return invalid("foresort approve PLAN, foresort approve --list [--all], or foresort approve --withdraw PLAN", "name a saved plan, or one of --list and --withdraw")
	case err != nil:
		return err
	case o.List:
		return s.withOrg(ctx, func(s *orgShell) error { return o.list(ctx, s) })
	case o.Withdraw != "":
		return o.withdraw(ctx, s)
	}
	p, saved, err := s.readPlan(o.File)
	if err != nil {
		return err
	}
	if !saved {
		return invalid("foresort plan "+o.File+" --out PLAN saves one", "%s is no saved plan", o.File)
	}
	return s.withOrg(ctx, func(s *orgShell) error {
		if err := s.owns(p, o.File); err != nil {
			return err
		}
		if err := s.present(p); err != nil {
			return err
		}
		if !o.Yes {
			if err := s.ask(ctx, fmt.Sprintf("Approve this plan for %s, for %s?", s.org, o.For)); err != nil {
				return err
			}
		}
		a, err := s.ledger.Approve(ctx, p.Fingerprint, ledger.Approval{
			By: o.who(), Until: time.Now().Add(hold).UTC().Truncate(time.Millisecond), Note: o.Note, Strategy: p.Strategy, Org: p.Org,
		})
		if err != nil {
			return err
		}
		s.sign(ctx)
		return s.print(a, func(w io.Writer, c paint) error {
			_, err := fmt.Fprintf(w, "Plan %s of strategy %s: %s.\n", ledger.Short(a.Plan), sheet.Plain(a.Strategy), a.Words())
			return err
		})
	})
}

// holding reads how long an approval holds.
func holding(text string) (time.Duration, error) {
	hold, err := time.ParseDuration(text)
	if days, is := strings.CutSuffix(text, "d"); is {
		var n int
		n, err = strconv.Atoi(days)
		hold = time.Duration(min(n, 365)) * 24 * time.Hour
	}
	if err != nil || hold <= 0 || hold > 30*24*time.Hour {
		return 0, invalid("such as 24h or 7d, at most 30d", "--for %s: an approval cannot hold so long", text)
	}
	return hold, nil
}

// who is who speaks.
func (o approveOptions) who() ledger.Who {
	w := ledger.Who{User: account()}
	w.Name = cmp.Or(strings.TrimSpace(o.By), w.User)
	w.Host, _ = os.Hostname()
	return w
}

// account is that of the machine under which Foresort runs.
func account() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(os.Getuid())
}

// owns refuses a plan of another organisation.
func (s *orgShell) owns(p plan.Plan, file string) error {
	if p.Org.ID == s.org.ID {
		return nil
	}
	return &failure{
		code: exitConflict, hint: "check region, profile and client: foresort doctor",
		err: fmt.Errorf("%s is a plan for the organisation %s (%s), and the client signs in to %s (%s); nothing was changed", file, p.Org, p.Org.ID, s.org, s.org.ID),
	}
}

// present shows a plan that may be applied, and refuses one that may not.
func (s *orgShell) present(p plan.Plan) error {
	if err := s.showPlan(p); err != nil {
		return err
	}
	if blocking := p.Blocking(s.now()); len(blocking) > 0 {
		return &apply.FindingsError{Findings: blocking}
	}
	if p.Checked == nil && len(p.Changes) > 0 {
		s.say("the plan was not checked against people and shifts: foresort plan --live does that")
	}
	return nil
}

// approvals are all that there are.
func (s *orgShell) approvals(ctx context.Context) ([]ledger.Standing, error) {
	runs, err := s.ledger.Runs(ctx)
	if errors.As(err, new(*ledger.DamagedError)) {
		s.say("%v", err)
	} else if err != nil {
		return nil, err
	}
	return s.ledger.Approvals(ctx, runs, time.Now())
}

func (o approveOptions) list(ctx context.Context, s *orgShell) error {
	all, err := s.approvals(ctx)
	if err != nil {
		return err
	}
	slices.Reverse(all)
	if !o.All {
		all = slices.DeleteFunc(all, func(a ledger.Standing) bool { return a.State != ledger.Holds })
	}
	return s.print(map[string][]ledger.Standing{"approvals": all}, func(w io.Writer, c paint) error {
		if len(all) == 0 {
			fmt.Fprintln(w, "no approvals")
		}
		for _, a := range all {
			state := string(a.State)
			if a.State == ledger.Holds {
				state = c.green(state)
			}
			fmt.Fprintf(w, "%s  %s  %s  strategy %s\n", c.bold(ledger.Short(a.Plan)), a.At.Format("2006-01-02 15:04:05 UTC"), state, sheet.Plain(a.Strategy))
			fmt.Fprint(w, wrapped(a.Words()))
			if a.Note != "" {
				fmt.Fprint(w, wrapped(a.Note))
			}
		}
		return nil
	})
}

func (o approveOptions) withdraw(ctx context.Context, s *shell) error {
	wanted, name := strings.TrimPrefix(o.Withdraw, "sha256:"), o.Withdraw
	if _, err := os.Stat(o.Withdraw); err == nil || o.Withdraw == "-" {
		p, saved, err := s.readPlan(o.Withdraw)
		if err != nil {
			return err
		}
		if !saved {
			return invalid("name the file of a plan, or its fingerprint", "%s is no saved plan", o.Withdraw)
		}
		wanted = strings.TrimPrefix(p.Fingerprint, "sha256:")
	}
	return s.withOrg(ctx, func(s *orgShell) error {
		all, err := s.approvals(ctx)
		if err != nil {
			return err
		}
		var plans []string
		for _, a := range all {
			is := len(wanted) >= 8 && strings.HasPrefix(strings.TrimPrefix(a.Plan, "sha256:"), wanted)
			if is && (a.State == ledger.Holds || a.State == ledger.Ended) && !slices.Contains(plans, a.Plan) {
				plans = append(plans, a.Plan)
			}
		}
		const hint = "foresort approve --list --all shows the approvals"
		switch {
		case len(plans) > 1:
			return invalid(hint, "%d plans with approvals begin with %s", len(plans), name)
		case len(plans) == 0:
			return invalid(hint, "%s has no approval that could be withdrawn", name)
		}
		w, err := s.ledger.Withdraw(ctx, plans[0], ledger.Withdrawal{By: o.who(), Note: o.Note})
		if err != nil {
			return err
		}
		s.sign(ctx)
		return s.print(map[string]any{"plan": plans[0], "withdrawal": w}, func(out io.Writer, _ paint) error {
			_, err := fmt.Fprintf(out, "Plan %s is not approved any more: withdrawn by %s.\n", ledger.Short(plans[0]), sheet.Plain(w.By.String()))
			return err
		})
	})
}

// demand is a flag for what must have been approved.
type demand ledger.Demand

// Set reads the flag: it can demand more than the setting, and not less.
func (d *demand) Set(text string) error {
	if text != string(ledger.DemandAny) && text != string(ledger.DemandOther) {
		return errors.New("any or other")
	}
	*d = demand(text)
	return nil
}

// String is the flag as it was given.
func (d *demand) String() string { return string(*d) }

// Type is the word of the help for it.
func (*demand) Type() string { return "whose" }

// demanded is what must have been approved, by the flag or the setting: the
// stricter of the two.
func (s *shell) demanded(flag demand) (ledger.Demand, error) {
	set, err := s.settings()
	if err != nil {
		return "", err
	}
	known := []ledger.Demand{ledger.DemandNothing, ledger.DemandAny, ledger.DemandOther}
	setting := slices.Index(known, ledger.Demand(set.text("requireApproval")))
	if setting < 0 {
		return "", invalid("no, any or other", "requireApproval (%s): %q is none of its values", set.from("requireApproval"), set.text("requireApproval"))
	}
	return known[max(setting, slices.Index(known, ledger.Demand(flag)))], nil
}

// approved finds the approvals that a run begins or goes on with, and refuses
// where they are not those that are demanded.
func (s *orgShell) approved(ctx context.Context, p plan.Plan, d ledger.Demand, runs []apply.Record, run string) ([]ledger.Standing, error) {
	all, err := s.ledger.Approvals(ctx, runs, time.Now())
	if err != nil {
		return nil, err
	}
	holding, err := ledger.Applying{Plan: p.Fingerprint, User: account(), Demand: d, Run: run}.Allowing(all)
	if err != nil {
		hint := "foresort approve PLAN"
		if d == ledger.DemandOther {
			hint += ", by someone else under another account"
		}
		return nil, &failure{code: codeOf(err), err: err, hint: hint + "; it must be in the same database"}
	}
	return holding, nil
}
