package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
)

// rollbackOptions are the arguments of foresort rollback.
type rollbackOptions struct {
	running
	Run  string
	List bool
}

func rollbackCommand(s *shell) *cobra.Command {
	var o rollbackOptions
	cmd := &cobra.Command{
		Use:     "rollback [RUN]",
		GroupID: groupOrg,
		Short:   "put back what a run changed",
		Long: `Rollback puts back what a run changed, newest change first: the last run, or the one
that is named. It goes the way of every plan: journal, read again, write, wait. A
field that someone else has changed since is left as it is and named, and so is
everything that the run did not change.

--list shows the runs that can be put back.`,
		Example: `  foresort rollback --list
  foresort apply examples/support.yaml --yes && foresort rollback --yes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Run = args[0]
			}
			return o.run(cmd.Context(), s)
		},
	}
	cmd.Flags().BoolVar(&o.List, "list", false, "list the runs that can be put back, newest first")
	o.flags(cmd)
	return cmd
}

// undoable is one run that can be put back.
type undoable struct {
	Run      string    `json:"run"`
	Strategy string    `json:"strategy"`
	Started  time.Time `json:"started"`
	Override string    `json:"override,omitempty"` // the rule of adjust that it follows
	Changes  []string  `json:"changes"`
	CutOff   bool      `json:"cutOff,omitempty"`
}

func (o rollbackOptions) run(ctx context.Context, s *shell) error {
	return s.withOrg(ctx, func(s *orgShell) error {
		if !o.List {
			return s.locked(ctx, func() error { return o.rollback(ctx, s) })
		}
		runs, err := s.ledger.Runs(ctx)
		if errors.As(err, new(*ledger.DamagedError)) {
			s.say("%v", err)
		} else if err != nil {
			return err
		}
		return listRuns(s.shell, ledger.Undoable(runs))
	})
}

func (o rollbackOptions) rollback(ctx context.Context, s *orgShell) error {
	runs, err := s.ledger.Runs(ctx)
	if o.Run != "" && errors.As(err, new(*ledger.DamagedError)) {
		s.say("%v", err) // which is the last run is not known, but this one is named
	} else if err != nil {
		return err
	}
	candidates := ledger.Undoable(runs)
	// An override is put back by foresort adjust, unless its run is named.
	at := slices.IndexFunc(candidates, func(r apply.Record) bool {
		return r.ID == o.Run || o.Run == "" && r.Plan().Lease == nil && !r.Plan().Live
	})
	if at < 0 || at >= len(candidates) {
		what := "no run in " + s.org.String() + " can be put back"
		if o.Run != "" {
			what = fmt.Sprintf("%s is no run in %s that can be put back", o.Run, s.org)
		}
		return invalid("foresort rollback --list shows those that can", "%s", what)
	}
	rec := candidates[at]
	back := plan.Reverse(rec.Plan(), rec.ID, rec.Done())
	if err := s.showPlan(back); err != nil {
		return err
	}
	if !o.Yes {
		if err := s.ask(ctx, fmt.Sprintf("Put run %s back in %s?", rec.ID, s.org)); err != nil {
			return err
		}
	}
	run, err := s.ledger.Start(ctx)
	if err != nil {
		return err
	}
	return o.carry(ctx, s, back, run, func(ao apply.Options) (apply.Report, error) {
		ao.Recent, ao.InForce = runs, ledger.Memory(runs).InForce
		return apply.Rollback(ctx, ao, rec)
	})
}

func listRuns(s *shell, runs []apply.Record) error {
	list := make([]undoable, len(runs))
	for i, r := range runs {
		list[i] = undoable{Run: r.ID, Strategy: r.Plan().Strategy, Started: r.Started, CutOff: r.End == nil, Changes: []string{}}
		if lease := r.Plan().Lease; lease != nil {
			list[i].Override = lease.Rule
		}
		for _, d := range r.Done() {
			list[i].Changes = append(list[i].Changes, d.Change.Headline())
		}
	}
	return s.print(map[string][]undoable{"runs": list}, func(w io.Writer, p paint) error {
		if len(list) == 0 {
			fmt.Fprintln(w, "no run can be put back")
		}
		for _, r := range list {
			cut := ""
			if r.CutOff {
				cut = p.yellow("  cut off")
			}
			if r.Override != "" {
				cut += "  override by rule " + r.Override
			}
			fmt.Fprintf(w, "%s  %s  strategy %s%s\n", p.bold(r.Run), r.Started.Local().Format("2006-01-02 15:04:05"), r.Strategy, cut)
			for _, c := range r.Changes {
				fmt.Fprintf(w, "  %s\n", c)
			}
		}
		return nil
	})
}
