package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// applyOptions are the arguments of foresort apply.
type applyOptions struct {
	planning
	running
	File         string
	Resume, Anew bool
	Approval     demand        // by the flag
	demand       ledger.Demand // by flag and setting
}

// running is what apply and rollback have in common.
type running struct {
	Yes               bool
	NoWait            bool
	Every, Jitter     time.Duration
	Limit, RouteLimit time.Duration
	Settle            time.Duration
	Agree             int
	RollbackOnFailure bool
}

func (o *running) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVarP(&o.Yes, "yes", "y", false, "do it without being asked")
	f.BoolVar(&o.NoWait, "no-wait", false, "do not wait until the changes are seen active")
	f.DurationVar(&o.Every, "wait-every", 2*time.Second, "first pause between two looks; it grows")
	f.DurationVar(&o.Jitter, "wait-jitter", time.Second, "random extra of each pause, 0 to this")
	f.DurationVar(&o.Limit, "wait-limit", 5*time.Minute, "give up waiting for queues, members and utilization after this")
	f.DurationVar(&o.RouteLimit, "wait-route-limit", 7*time.Minute, "give up waiting for email routes after this")
	f.DurationVar(&o.Settle, "wait-settle", 30*time.Second, "how long a write that got no answer is read back before it counts as not done")
	f.IntVar(&o.Agree, "wait-agree", 3, "how many reads in a row must agree")
}

func (o running) wait() apply.Wait {
	return apply.Wait{
		Every: o.Every, Jitter: o.Jitter, Limit: o.Limit, RouteLimit: o.RouteLimit, Agree: o.Agree,
		Settle: o.Settle, Replication: min(o.Limit, 30*time.Second),
	}
}

func applyCommand(s *shell) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:     "apply FILE",
		GroupID: groupOrg,
		Short:   "carry a strategy or a saved plan out, and wait until it is active",
		Long: `Apply carries out a saved plan exactly as it is, or plans a strategy file, shows the
plan and asks. Just before each write the object is read again; where an owned field
has moved since the plan, the change is refused and nothing is overwritten.

A plan that holds errors of --live which the file does not waive is refused. So is, with
--require-approval, or the setting requireApproval, one that is not saved and approved
(foresort approve): any approval that holds, or one by another account than that which
applies.

Every step is in the journal before it is taken. Where a change fails, what was done
is put back (--rollback-on-failure=false leaves it). After the last change apply
waits until reads of the platform agree, several times in a row.

Where the last run is unfinished, apply says so and does nothing: --resume goes on
with it, foresort rollback puts it back, --anew leaves it as it is.`,
		Example: `  foresort apply examples/support.yaml --yes
  foresort plan examples/billing.yaml --out billing.plan --exit-zero && foresort apply billing.plan --yes`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == o.Resume {
				return invalid("foresort apply FILE, or foresort apply --resume", "name a strategy file or a saved plan, or go on with --resume")
			}
			if len(args) == 1 {
				o.File = args[0]
			}
			return o.run(cmd.Context(), s)
		},
	}
	cmd.Flags().BoolVar(&o.Resume, "resume", false, "go on with the run that was cut off")
	cmd.Flags().BoolVar(&o.Anew, "anew", false, "start a new run although the last one is unfinished, and leave that as it is")
	cmd.Flags().Var(&o.Approval, "require-approval", "refuse a plan that is not approved; =other: by another account than that which applies")
	cmd.Flags().Lookup("require-approval").NoOptDefVal = string(ledger.DemandAny)
	o.running.flags(cmd)
	cmd.Flags().BoolVar(&o.RollbackOnFailure, "rollback-on-failure", true, "put back what was done when a change fails")
	o.planning.flags(cmd)
	return cmd
}

func (o applyOptions) run(ctx context.Context, s *shell) error {
	var err error
	if o.demand, err = s.demanded(o.Approval); err != nil {
		return err
	}
	if o.Resume {
		return s.withOrg(ctx, func(s *orgShell) error {
			return s.locked(ctx, func() error { return o.resume(ctx, s) })
		})
	}
	if err := o.check(); err != nil {
		return err
	}
	p, saved, err := s.readPlan(o.File)
	if err != nil {
		return err
	}
	if !saved && o.demand != ledger.DemandNothing {
		return needsPlan(o.File)
	}
	var wants []routing.Desired
	if !saved {
		if wants, err = s.desired([]string{o.File}); err != nil {
			return err
		}
	} else if o.Prune || o.TakeOver || o.Live {
		return invalid("give them to foresort plan", "--prune, --take-over and --live belong to planning, and %s is a saved plan", o.File)
	}
	return s.withOrg(ctx, func(s *orgShell) error {
		if saved {
			if err := s.owns(p, o.File); err != nil {
				return err
			}
		}
		return s.locked(ctx, func() error {
			runs, err := s.ledger.Runs(ctx)
			if err != nil {
				return err
			}
			if cut, open := ledger.CutOff(runs); open && !o.Anew {
				return &failure{code: exitConflict, err: errors.New(unfinishedText(cut)), hint: unfinishedHint + ", --anew leaves it as it is"}
			}
			if !saved {
				made, err := o.make(ctx, s, []string{o.File}, wants, runs)
				if err != nil {
					return err
				}
				p = made.plans[0]
			} else if rivals := ledger.Memory(runs).Rivals(p); len(rivals) > 0 {
				return &failure{
					code: exitConflict, hint: "make a new plan; to take it from that strategy, with --take-over",
					err: fmt.Errorf("since %s was made, %s; nothing was changed", o.File, strings.Join(rivals, ", and ")),
				}
			}
			return o.apply(ctx, s, p, saved, runs)
		})
	})
}

// needsPlan refuses a strategy file where an approval is demanded.
func needsPlan(file string) error {
	return &failure{
		code: exitConflict, err: fmt.Errorf("an approval is required, and %s is a strategy file: only a saved plan can be approved; nothing was changed", file),
		hint: "foresort plan " + file + " --out PLAN, then foresort approve PLAN, then foresort apply PLAN",
	}
}

// apply shows a plan, asks, and carries it out.
func (o applyOptions) apply(ctx context.Context, s *orgShell, p plan.Plan, saved bool, runs []apply.Record) error {
	if err := s.present(p); err != nil {
		return err
	}
	approvals, err := s.approved(ctx, p, o.demand, runs, "")
	if err != nil {
		return err
	}
	if len(p.Changes) > 0 && !o.Yes {
		if err := s.ask(ctx, changesQuestion(s, p)); err != nil {
			return err
		}
		if approvals, err = s.approved(ctx, p, o.demand, runs, ""); err != nil { // the answer may have taken long
			return err
		}
	}
	run, err := s.ledger.Start(ctx)
	if err != nil {
		return err
	}
	for _, a := range approvals {
		s.say("%s", a.Words())
		run.Approvals = append(run.Approvals, a.Seq)
	}
	return o.carry(ctx, s, p, run, func(ao apply.Options) (apply.Report, error) {
		ao.Recheck = saved || !o.Yes // time has passed since the plan was made
		ao.Recent = runs
		return apply.Run(ctx, ao)
	})
}

// changesQuestion asks whether a plan is to be carried out.
func changesQuestion(s *orgShell, p plan.Plan) string {
	return fmt.Sprintf("Make %s in %s?", phrase.Count(len(p.Changes), "change"), s.org)
}

// resume goes on with the run that was cut off.
func (o applyOptions) resume(ctx context.Context, s *orgShell) error {
	runs, err := s.ledger.Runs(ctx)
	if err != nil {
		return err
	}
	cut, open := ledger.CutOff(runs)
	if !open {
		return invalid("foresort apply FILE starts a new run", "there is no unfinished run in %s", s.org)
	}
	run := s.ledger.Continue(cut.ID)
	if p := cut.Plan(); p.Undoes == "" && len(cut.Phases) == 1 { // to put back needs no approval
		approvals, err := s.approved(ctx, p, o.demand, runs, cut.ID)
		if err == nil {
			err = run.Approved(ctx, approvals)
		}
		if err != nil {
			return err
		}
	}
	s.say("%s; going on", unfinishedText(cut))
	return o.carry(ctx, s, cut.Plan(), run, func(ao apply.Options) (apply.Report, error) { return apply.Resume(ctx, ao, cut) })
}

// showPlan shows what is about to be done: a fact with plan, talk here.
func (s *shell) showPlan(p plan.Plan) error {
	if s.json || s.quiet {
		return nil
	}
	return plan.Print(s.stderr, p, planStyle(s.errPaint))
}

// ask asks before something is written.
func (s *shell) ask(ctx context.Context, question string) error {
	yes, err := s.confirm(ctx, question, "--yes")
	if err == nil && !yes {
		err = &failure{code: exitFailed, err: errors.New("not done: the answer was no; nothing was changed")}
	}
	return err
}

// carry runs a plan with its journal, and tells what happens as it happens.
func (o running) carry(ctx context.Context, s *orgShell, p plan.Plan, run *ledger.Run, do func(apply.Options) (apply.Report, error)) error {
	run.Holds = s.lock.Holds
	t := &teller{shell: s.shell, total: len(p.Changes), deleted: map[routing.Ref]bool{}, progress: s.progress("carrying the plan out")}
	report, err := do(o.options(s, p, run, t.tell))
	t.progress.end()
	s.sign(context.WithoutCancel(ctx))
	if err == nil || s.json && report.Run != "" {
		if err := s.print(report, func(w io.Writer, paint paint) error { return printReport(w, paint, p, report) }); err != nil {
			return err
		}
	}
	if err != nil && ctx.Err() != nil {
		return s.interrupted(context.WithoutCancel(ctx))
	}
	return carried(p, report, err)
}

// options are those of a run.
func (o running) options(s *orgShell, p plan.Plan, run *ledger.Run, tell func(apply.Event)) apply.Options {
	return apply.Options{
		Plan: p, Platform: apply.On(s.client), Journal: run, Run: run.ID, NoWait: o.NoWait, KeepOnFailure: !o.RollbackOnFailure,
		Wait: o.wait(), Event: tell,
	}
}

func printReport(w io.Writer, paint paint, p plan.Plan, report apply.Report) error {
	done := doneIn(report)
	text := apply.ActivatedText
	if p.Undoes != "" {
		text = "Run " + p.Undoes + " is put back."
	}
	switch {
	case len(report.Results) == 0:
		fmt.Fprintln(w, plan.Summary(p)+" Nothing was written, and nothing was looked at again.")
	case done == 0:
		fmt.Fprintf(w, "Nothing had to be changed: everything is so already. Run %s.\n", report.Run)
	case report.Active:
		fmt.Fprintf(w, "%s %s, seen active after %s. Run %s.\n", paint.green(text), phrase.Count(done, "change"), short(report.Waited), report.Run)
	default:
		fmt.Fprintf(w, "%s written; not waited for, so not known to be active. Run %s.\n", phrase.Count(done, "change"), report.Run)
	}
	return nil
}

// doneIn is how many changes a run carried out.
func doneIn(report apply.Report) (done int) {
	for _, r := range report.Results {
		if r.Outcome == apply.Done {
			done++
		}
	}
	return done
}

// interrupted says how the journal left off.
func (s *orgShell) interrupted(ctx context.Context) error {
	f := &failure{code: exitInterrupted, err: errors.New("interrupted: nothing was changed")}
	runs, err := s.ledger.Runs(ctx)
	if cut, open := ledger.CutOff(runs); open {
		f.err, f.hint = errors.New("interrupted: "+unfinishedText(cut)), unfinishedHint
	} else if err != nil {
		f.err = fmt.Errorf("interrupted: %w", err)
	}
	return f
}

// carried gives the error of a run its exit code and its way out.
func carried(p plan.Plan, report apply.Report, err error) error {
	if err == nil {
		return nil
	}
	f := &failure{code: codeOf(err), err: err}
	var stopped *apply.StoppedError
	look := "foresort plan " + cmp.Or(p.File, "FILE")
	switch {
	case p.Undoes != "" && slices.ContainsFunc(report.Results, func(r apply.Result) bool { return len(r.Left) > 0 || r.Outcome == apply.Refused }):
		f.code, f.hint = exitConflict, "what someone else has changed since stays as it is; "+look+" shows what is not as the strategy asks"
	case errors.As(err, &stopped) && stopped.Done > 0 && !stopped.RolledBack:
		f.hint = "foresort rollback puts back what was done, foresort apply --resume tries the rest again; " + look + " shows what is left"
	case f.code == exitConflict:
		f.hint = look + " shows what has changed"
	case f.code == exitDenied:
		f.hint = "foresort doctor " + cmp.Or(p.File, "FILE") + " shows what the client may do and what is missing"
	case f.code == exitNotActive:
		f.hint = "the changes are written and stay; look again with " + look + ", or put them back with foresort rollback"
	}
	return f
}

// short is a time span for a person, to the tenth of a second.
func short(d time.Duration) routing.Duration {
	return routing.Duration(d.Round(100 * time.Millisecond))
}

// teller tells a run's events: a line for each result, and progress between.
type teller struct {
	*shell
	total    int
	deleted  map[routing.Ref]bool
	progress *progress
	waiting  bool
}

func (t *teller) tell(e apply.Event) {
	switch e.Kind {
	case apply.Started:
		t.progress.now("%s", e.Change.Headline())
	case apply.Finished:
		mark := map[apply.Outcome]string{apply.Done: t.errPaint.green("done"), apply.Already: t.errPaint.dim("already so")}[e.Result.Outcome]
		if mark == "" {
			mark = t.errPaint.red(string(e.Result.Outcome))
		}
		what := e.Change.Headline()
		if e.Undo {
			what = "put back: " + what
		}
		t.say("%3d/%d  %-10s  %s", e.Change.ID, max(t.total, e.Change.ID), mark, what)
		t.deleted[e.Result.Object] = e.Change.Verb == plan.Delete && e.Change.Kind != plan.Utilization
	case apply.Looking:
		if !t.waiting {
			t.waiting = true
			t.say("waiting until the platform shows it")
		}
		text := fmt.Sprintf("waiting for %s: %s in a row agree", e.Object, phrase.Count(e.Agreed, "read"))
		for _, d := range e.Differs {
			text = fmt.Sprintf("waiting for %s: %s is still %s", e.Object, d.Field, d.Seen)
		}
		t.progress.now("%s", text)
	case apply.Seen:
		seen := "active"
		if t.deleted[e.Object] {
			seen = "gone  "
		}
		t.say("%s  %s, after %s", t.errPaint.green(seen), e.Object, short(e.Waited))
	}
}
