package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/journal"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// applyOptions are the arguments of foresort apply.
type applyOptions struct {
	planning
	running
	File   string
	Resume bool
}

// running is what apply and rollback have in common.
type running struct {
	Yes               bool
	NoWait            bool
	Every, Jitter     time.Duration
	Limit, RouteLimit time.Duration
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
	f.IntVar(&o.Agree, "wait-agree", 3, "how many reads in a row must agree")
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

Every step is in the journal before it is taken. Where a change fails, what was done
is put back (--rollback-on-failure=false leaves it). After the last change apply
waits until reads of the platform agree, several times in a row. --resume goes on
with a run that was cut off.`,
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
	o.running.flags(cmd)
	cmd.Flags().BoolVar(&o.RollbackOnFailure, "rollback-on-failure", true, "put back what was done when a change fails")
	o.planning.flags(cmd)
	return cmd
}

func (o applyOptions) run(ctx context.Context, s *shell) error {
	var p plan.Plan
	var saved bool
	var err error
	if !o.Resume {
		if p, saved, err = s.readPlan(o.File); err != nil {
			return err
		}
		if saved && (o.Prune || o.TakeOver) {
			return invalid("give them to foresort plan", "--prune and --take-over belong to planning, and %s is a saved plan", o.File)
		}
	}
	client, set, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	org, err := client.Organization(ctx)
	if err != nil {
		return fmt.Errorf("read the organisation: %w", err)
	}
	if saved && p.Org.ID != org.ID {
		return &failure{
			code: exitConflict, hint: "check region, profile and client (foresort doctor)",
			err: fmt.Errorf("%s is a plan for the organisation %s (%s), and the client signs in to %s (%s)", o.File, p.Org, p.Org.ID, org, org.ID),
		}
	}
	j, release, err := s.lock(set, org)
	if err != nil {
		return err
	}
	defer func() { s.released(release()) }()
	_, runs, err := s.openJournal(set, org)
	if err != nil {
		return err
	}
	cut, unfinished := cutOff(runs)
	switch {
	case o.Resume && !unfinished:
		return invalid("foresort apply FILE starts a new run", "no run in %s was cut off", org)
	case o.Resume:
		return o.carry(ctx, s, client, j, cut.Plan(), func(ao apply.Options) (apply.Report, error) {
			return apply.Resume(ctx, ao, cut)
		}, cut.ID)
	case unfinished:
		return cutOffError(cut)
	}
	if !saved {
		made, err := o.make(ctx, s, client, set, []string{o.File})
		if err != nil {
			return err
		}
		p = made[0]
	}
	if err := s.showPlan(p); err != nil {
		return err
	}
	if len(p.Changes) > 0 && !o.Yes {
		if err := s.ask(ctx, fmt.Sprintf("Make %s in %s?", count(len(p.Changes), "change"), org)); err != nil {
			return err
		}
	}
	return o.carry(ctx, s, client, j, p, func(ao apply.Options) (apply.Report, error) { return apply.Run(ctx, ao) }, "")
}

// cutOff finds the run that was cut off, if the last one was.
func cutOff(runs []apply.Record) (apply.Record, bool) {
	if len(runs) == 0 {
		return apply.Record{}, false
	}
	last := runs[len(runs)-1]
	return last, last.End == nil
}

// cutOffError says what a run that was cut off has left behind.
func cutOffError(cut apply.Record) error {
	return &failure{
		code: exitConflict,
		err:  fmt.Errorf("run %s of strategy %s was cut off after %d of %d changes", cut.ID, cut.Plan().Strategy, len(cut.Done()), len(cut.Plan().Changes)),
		hint: "foresort apply --resume goes on with it; foresort rollback puts it back",
	}
}

// lock keeps other applies to the organisation out.
func (s *shell) lock(set settings, org routing.Ref) (*journal.Org, func() error, error) {
	state, err := set.stateDir()
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(state, org.ID)
	if err != nil {
		return nil, nil, err
	}
	release, err := j.Lock()
	var held *journal.HeldError
	if errors.As(err, &held) {
		return nil, nil, &failure{code: exitConflict, err: err}
	}
	return j, release, err
}

func (s *shell) released(err error) {
	if err != nil {
		s.say("release the lock: %v", err)
	}
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
func (o running) carry(ctx context.Context, s *shell, client *genesys.Client, j *journal.Org, p plan.Plan, do func(apply.Options) (apply.Report, error), resumed string) error {
	var run *journal.Run
	var err error
	if resumed != "" {
		run, err = j.Continue(resumed)
	} else {
		run, err = j.Start()
	}
	if err != nil {
		return err
	}
	defer run.Close()
	t := &teller{shell: s, total: len(p.Changes), progress: s.progress("carrying the plan out")}
	s.standing = "run " + run.ID + " was cut off; foresort apply --resume goes on with it, foresort rollback puts it back"
	report, err := do(apply.Options{
		Plan: p, Platform: apply.On(client), Journal: run, Run: run.ID, NoWait: o.NoWait, KeepOnFailure: !o.RollbackOnFailure,
		Wait:  apply.Wait{Every: o.Every, Jitter: o.Jitter, Limit: o.Limit, RouteLimit: o.RouteLimit, Agree: o.Agree},
		Event: t.tell,
	})
	t.progress.end()
	if s.json {
		if jsonErr := s.print(report, nil); jsonErr != nil {
			return jsonErr
		}
		return carried(err)
	}
	if err != nil {
		return carried(err)
	}
	return s.print(report, func(w io.Writer, paint paint) error { return printReport(w, paint, p, report) })
}

func printReport(w io.Writer, paint paint, p plan.Plan, report apply.Report) error {
	done := 0
	for _, r := range report.Results {
		if r.Outcome == apply.Done {
			done++
		}
	}
	switch {
	case len(report.Results) == 0:
		fmt.Fprintln(w, plan.Summary(p))
	case report.Active:
		fmt.Fprintf(w, "%s %s, seen active after %s. Run %s.\n", paint.green(apply.ActivatedText), count(done, "change"),
			routing.Duration(report.Waited.Round(time.Second)), report.Run)
	default:
		fmt.Fprintf(w, "%s written; not waited for, so not known to be active. Run %s.\n", count(done, "change"), report.Run)
	}
	return nil
}

// carried gives the error of a run its exit code and its way out.
func carried(err error) error {
	if err == nil {
		return nil
	}
	f := &failure{code: exitFailed, err: err}
	var (
		api     *genesys.APIError
		stopped *apply.StoppedError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case is[*apply.MovedError](err), is[*apply.GoneError](err), errors.Is(err, plan.ErrEdited):
		f.code, f.hint = exitConflict, "see what changed: foresort plan FILE"
	case errors.As(err, &api) && (api.Status == 401 || api.Status == 403):
		f.code, f.hint = exitDenied, "foresort doctor FILE shows what the client may do and what is missing"
	case is[*apply.NotActiveError](err), is[*apply.NotFoundError](err), is[*apply.RouteError](err):
		f.code, f.hint = exitNotActive, "the changes are written and stay; look again with foresort plan FILE, or put them back with foresort rollback"
	}
	if errors.As(err, &stopped) && stopped.Done > 0 && !stopped.RolledBack {
		f.hint = "foresort rollback puts back what was done; foresort plan FILE shows what is left"
	}
	return f
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// teller tells a run's events: a line for each result, and progress between.
type teller struct {
	*shell
	total    int
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
		if e.Result.Error != "" {
			t.say("       %s", e.Result.Error)
		}
	case apply.Looking:
		if !t.waiting {
			t.waiting = true
			t.say("waiting until the platform shows it")
		}
		text := fmt.Sprintf("waiting for %s: %d reads agree", e.Object, e.Agreed)
		for _, d := range e.Differs {
			text = fmt.Sprintf("waiting for %s: %s is still %s", e.Object, d.Field, d.Seen)
		}
		t.progress.now("%s", text)
	case apply.Seen:
		t.say("%s  %s, after %s", t.errPaint.green("active"), e.Object, routing.Duration(e.Waited.Round(100*time.Millisecond)))
	}
}
