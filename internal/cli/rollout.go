package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
)

// rolloutOptions are the arguments of foresort rollout.
type rolloutOptions struct {
	running
	planning
	batchOptions
	File  string
	Allow []string
}

func rolloutCommand(s *shell) *cobra.Command {
	var o rolloutOptions
	cmd := &cobra.Command{
		Use:     "rollout FILE",
		GroupID: groupOrg,
		Short:   "take a strategy all the way: validate, apply, sync, simulate, track",
		Long: `Rollout takes a strategy file through seven steps, and tells of each what came of it:
it checks the file; plans it, and looks whether people and shifts can serve it, as
"foresort validate --live" does; applies the plan; waits until it is active; sends each
endpoint under sync a signed test event; predicts the service level of the next 7 days
from the email of recent weeks and the published schedules, or with --scenario from
a scenario file; and tells how the queue did and what was changed in the last 7 days.

Validation warnings are shown, and it goes on; an error that the file does not waive ends
it. It ends with "Workflow complete.", or at the first step that fails with "Workflow
failed: …" and exit code 1. What was done before stays, and is named with the way to put
it back; a plan that fails while it is carried out is put back, as by apply.

What would be changed is shown by foresort plan; rollout asks before it changes anything.`,
		Example: `  foresort rollout examples/support.yaml --yes
  foresort rollout examples/support.yaml --scenario examples/scenario.yaml --yes --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File = args[0]
			return o.run(cmd.Context(), s)
		},
	}
	o.running.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.RollbackOnFailure, "rollback-on-failure", true, "put back what was done when a change fails")
	f.BoolVar(&o.Prune, "prune", false, "delete what left the file, where Foresort created it")
	f.BoolVar(&o.TakeOver, "take-over", false, "take queue and addresses from another strategy that claims them")
	f.BoolVar(&o.Overrides, "overrides", false, "read each agent's own utilization, one request for each")
	f.StringArrayVar(&o.Allow, "allow", nil, "a `host` of endpoints that may be private or loopback; repeatable")
	o.batchOptions.flags(cmd)
	return cmd
}

// The titles of the steps.
const (
	stepConstruct = "Constructing routing payload..."
	stepValidate  = "Validating constraints..."
	stepDeploy    = "Deploying configuration..."
	stepActivate  = "Polling for activation..."
	stepSync      = "Registering sync webhook..."
	stepSimulate  = "Simulating routing capacity..."
	stepTrack     = "Tracking performance and audit logs..."
)

// rollout is one under way.
type rollout struct {
	narration
	o         rolloutOptions
	s         *orgShell
	want      routing.Desired
	scenario  *scenario.Scenario
	endpoints []relay.Endpoint
	runs      []apply.Record
	made      planned
	stays     string // what was done and stays, in words
	facts     rolloutFacts
}

// rolloutFacts is what foresort rollout prints with --json.
type rolloutFacts struct {
	Complete    bool              `json:"complete"`
	Steps       []step            `json:"steps"`
	Findings    []routing.Finding `json:"findings"` // of the second step
	Run         string            `json:"run,omitempty"`
	Endpoints   []tried           `json:"endpoints"`
	Simulation  *forecastJSON     `json:"simulation"`  // null: it was not simulated
	Performance *report.Report    `json:"performance"` // as foresort report --json
	Audit       *audit            `json:"audit"`
}

func (o rolloutOptions) run(ctx context.Context, s *shell) error {
	if err := errors.Join(o.checkBatch(), oneFromStdin("strategy and scenario", o.File, o.Scenario)); err != nil {
		return err
	}
	o.Live = true
	r := &rollout{narration: narration{shell: s}, o: o, facts: rolloutFacts{Findings: []routing.Finding{}, Endpoints: []tried{}}}
	r.begin(stepConstruct)
	err := r.all(ctx)
	r.end()
	return r.conclude(ctx, err)
}

// next ends a step and begins another.
func (r *rollout) next(title string) {
	r.end()
	r.begin(title)
}

// all does one step after the other.
func (r *rollout) all(ctx context.Context) error {
	if err := r.construct(); err != nil {
		return err
	}
	r.next(stepValidate)
	return r.withOrg(ctx, func(s *orgShell) error {
		r.s = s
		if err := s.locked(ctx, func() error { return r.apply(ctx) }); err != nil {
			return err
		}
		for _, step := range []struct {
			title string
			do    func(context.Context) error
		}{{stepSync, r.sync}, {stepSimulate, r.simulate}, {stepTrack, r.track}} {
			r.next(step.title)
			if err := step.do(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// construct reads the files, and finds out what is missing before anything is
// changed.
func (r *rollout) construct() error {
	demand, err := r.demanded("")
	if err != nil {
		return err
	}
	if demand != ledger.DemandNothing {
		return needsPlan(r.o.File)
	}
	st, err := r.readStrategy(r.o.File)
	if err != nil {
		return err
	}
	r.want = st.Desired()
	r.tell("%s: strategy %s, %s, %s, %s passed", r.o.File, r.want.Strategy, phrase.Count(len(st.Rules), "rule"), phrase.Count(len(r.want.Routes), "address"), phrase.Count(len(st.Tests), "test"))
	r.tell("queue %s", r.want.Queue.Name)
	for _, f := range routing.Owned(r.want.Queue.Settings) {
		r.tell("  %-13s %s", f, routing.Text(r.want.Queue.Settings, f))
	}
	if r.endpoints, err = r.shell.endpoints(r.want); err != nil {
		return err
	}
	if r.o.Scenario == "" {
		return nil
	}
	if r.scenario, err = r.readScenario(r.o.Scenario); err != nil {
		return err
	}
	if _, problems := r.scenario.Model(r.want); problems.Err() != nil {
		return under(r.o.File, problems)
	}
	return nil
}

// apply validates, deploys and waits, while no other apply can run.
func (r *rollout) apply(ctx context.Context) (err error) {
	if r.runs, err = r.s.ledger.Runs(ctx); err != nil {
		return err
	}
	if cut, open := ledger.CutOff(r.runs); open {
		return &failure{code: exitConflict, err: errors.New(unfinishedText(cut)), hint: unfinishedHint}
	}
	if err := r.validate(ctx); err != nil {
		return err
	}
	r.next(stepDeploy)
	return r.deploy(ctx)
}

func (r *rollout) validate(ctx context.Context) (err error) {
	r.waiting.end() // planning has progress of its own
	if r.made, err = r.o.make(ctx, r.s, []string{r.o.File}, []routing.Desired{r.want}, r.runs); err != nil {
		return err
	}
	p := r.made.plans[0]
	r.facts.Findings = p.Checked.Findings
	blocking := p.Blocking(r.s.now())
	var warnings []routing.Finding
	notes := 0
	for _, f := range p.Checked.Findings {
		switch {
		case f.Blocks(r.s.now()):
		case f.Severity == routing.SeverityNote:
			notes++
		default:
			warnings = append(warnings, f)
		}
	}
	if len(warnings) > 0 {
		r.tell("%s", r.outPaint.yellow("Validation warnings:"))
	}
	for _, f := range warnings {
		waived := ""
		if f.Waived != nil {
			waived = " (waived until " + f.Waived.LastDay() + ")"
		}
		r.tell("  %s: %s%s", f.Type, f.Message, waived)
	}
	if len(blocking) > 0 {
		return &failure{err: &apply.FindingsError{Findings: blocking}, hint: "foresort validate --live " + r.o.File + " shows what to do; a finding that may stand is waived in the file"}
	}
	r.tell("%s, %s, 0 errors", phrase.Count(len(warnings), "warning"), phrase.Count(notes, "note"))
	return nil
}

func (r *rollout) deploy(ctx context.Context) error {
	p := r.made.plans[0]
	shown := p
	shown.Checked = nil // it has been told
	if err := r.printPlan(shown); err != nil {
		return err
	}
	r.waiting.end()
	if len(p.Changes) > 0 && !r.o.Yes {
		if err := r.s.ask(ctx, changesQuestion(r.s, p)); err != nil {
			return err
		}
	}
	run, err := r.s.ledger.Start(ctx)
	if err != nil {
		return err
	}
	r.waiting = r.progress("carrying the plan out")
	t := &rolloutTeller{rollout: r, deleted: map[routing.Ref]bool{}}
	options := r.o.options(r.s, p, run, t.tell)
	options.Recheck, options.Recent = !r.o.Yes, r.runs
	report, err := apply.Run(ctx, options)
	r.s.sign(context.WithoutCancel(ctx))
	r.facts.Run = report.Run
	if done := doneIn(report); done > 0 && (err == nil || codeOf(err) == exitNotActive) {
		r.stays = fmt.Sprintf("run %s stays, with %s: foresort rollback %s puts it back", run.ID, phrase.Count(done, "change"), run.ID)
		r.standing = r.stays
	}
	if err != nil && ctx.Err() != nil {
		return r.s.interrupted(context.WithoutCancel(ctx))
	}
	if err != nil {
		return carried(p, report, err)
	}
	t.activating()
	var text strings.Builder
	if err := printReport(&text, r.outPaint, p, report); err != nil {
		return err
	}
	r.tellAll(text.String())
	return nil
}

// rolloutTeller tells a run's events as lines of the steps.
type rolloutTeller struct {
	*rollout
	deleted map[routing.Ref]bool
	undoing bool
	waits   bool
}

// activating begins the step of the wait, unless what failed is being put back.
func (t *rolloutTeller) activating() {
	if !t.waits && !t.undoing {
		t.waits = true
		t.next(stepActivate)
	}
}

func (t *rolloutTeller) tell(e apply.Event) {
	switch e.Kind {
	case apply.Started:
		t.waiting.now("%s", e.Change.Headline())
	case apply.Finished:
		what := e.Change.Headline()
		if e.Undo {
			t.undoing, what = true, "put back: "+what
		}
		t.narration.tell("%-10s %s", e.Result.Outcome, what)
		t.deleted[e.Result.Object] = e.Change.Verb == plan.Delete && e.Change.Kind != plan.Utilization
	case apply.Looking:
		t.activating()
		t.waiting.now("waiting for %s", e.Object)
	case apply.Seen:
		t.activating()
		t.narration.tell("%-10s %s, after %s", t.word(e.Object), e.Object, short(e.Waited))
	}
}

// word says how an object was seen.
func (t *rolloutTeller) word(object routing.Ref) string {
	if t.deleted[object] {
		return "gone"
	}
	return "active"
}

func (r *rollout) sync(ctx context.Context) error {
	if len(r.endpoints) == 0 {
		r.tell("%s has no endpoint under sync: nobody is told of changes", r.o.File)
		return nil
	}
	all, err := testEndpoints(ctx, r.want, r.endpoints, r.o.Allow)
	if err != nil {
		return err
	}
	r.facts.Endpoints = all
	if ctx.Err() != nil { // what did not answer was not asked for long enough
		return ctx.Err()
	}
	for _, t := range all {
		r.tell("%s: test event signed and sent: %s", t.Endpoint, t.Answer)
		if !t.OK {
			err = errors.Join(err, fmt.Errorf("%s: %s", t.Endpoint, t.Answer))
		}
	}
	if err != nil {
		return &failure{err: err, hint: "foresort sync test " + r.o.File + " tries it again"}
	}
	r.tell("changes are told to it by: foresort serve %s", r.o.File)
	return nil
}

// recentEmail names the scenario that nobody wrote.
const recentEmail = "the email of recent weeks"

func (r *rollout) simulate(ctx context.Context) error {
	want := plan.Stand(r.want, r.made.org).After
	page := pageUnder(want, r.o.File, recentEmail)
	var model simulate.Model
	if r.scenario != nil {
		m, problems := r.scenario.Model(want)
		if problems.Err() != nil {
			return under(r.o.File, problems)
		}
		model, page = m, pageOf(want, r.o.File, r.scenario, r.o.Scenario)
	} else {
		week, unknown := coverage.NextWeek(r.made.live[0])
		if unknown != "" {
			r.tell("not simulated: %s", unknown)
			r.tell("with a scenario of your own: foresort simulate %s --scenario FILE", r.o.File)
			return nil
		}
		model, page.Scenario = scenario.Recent(want, week), "the email of "+phrase.Count(week.Weeks, "week")
		page.Notes = append(page.Notes, week.Notes...)
	}
	r.waiting.end()
	result, err := simulated(ctx, r.shell, r.o.batchOptions, func(ctx context.Context, so simulate.Options) (simulate.Result, error) {
		return simulate.Run(ctx, model, so)
	})
	if err != nil {
		return err
	}
	page.Exact = result.Exact(model)
	facts := forecastFacts(page, result)
	r.facts.Simulation = &facts
	if result.Partial {
		return exit(exitInterrupted)
	}
	if err := r.s.ledger.Foretell(ctx, r.made.plans[0].Fingerprint, foretold(page, result)); err != nil {
		return err
	}
	r.tell("Simulation results: under %s, %s", page.Scenario, phrase.Count(result.Replications, "replication"))
	r.tellAll(forecast.Verdict(page, result))
	for _, n := range page.Notes {
		r.tell("%s", n)
	}
	return nil
}

// trackDays is how far back the last step looks.
const trackDays = 7

func (r *rollout) track(ctx context.Context) error {
	r.waiting.end()
	zone := time.UTC
	if r.want.Calendar != nil {
		zone = r.want.Calendar.Location
	}
	wants, since := []routing.Desired{r.want}, fmt.Sprintf("%dd", trackDays)
	seen, err := reportOptions{Since: since, By: string(report.ByDay), noChanges: true}.look(ctx, r.s, wants, zone)
	if err != nil {
		return err
	}
	r.facts.Performance = &seen
	r.tell("Performance summary: %s", performance(seen.Queues[0].Total))
	a, err := auditOptions{Since: since}.look(ctx, r.s, wants)
	if err != nil {
		return err
	}
	r.facts.Audit = &a
	r.tell("Audit: %s", a.summary())
	r.tell("all of it: foresort report --strategy %s, foresort audit %s", r.o.File, r.o.File)
	return nil
}

// performance is how a queue did, in a line.
func performance(f report.Figures) string {
	parts := []string{fmt.Sprintf("in %d days %s offered, %d answered", trackDays, phrase.Count(*f.Offered, "email"), f.Answered)}
	for _, x := range []struct {
		of    string
		level *report.Level
	}{{"within the service level", f.Level}, {"by the deadlines", f.Deadlines}} {
		if x.level != nil && x.level.Percent != nil {
			parts = append(parts, fmt.Sprintf("%.1f%% %s", *x.level.Percent, x.of))
		}
	}
	for _, x := range []struct {
		of    string
		times *report.Times
	}{{"wait", f.Wait}, {"handling", f.Handle}} {
		if x.times != nil {
			parts = append(parts, fmt.Sprintf("%s %s on average", x.of, short(time.Duration(x.times.Mean*float64(time.Second)))))
		}
	}
	if f.Abandoned > 0 {
		parts = append(parts, fmt.Sprintf("%d abandoned", f.Abandoned))
	}
	return strings.Join(parts, ", ")
}

// workflowError says at which step a rollout ended, and why.
type workflowError struct {
	where, message string
	err            error
}

// Error is the last line of a rollout that failed.
func (e *workflowError) Error() string { return "Workflow failed: " + e.where + ": " + e.message }

// Unwrap gives the reason.
func (e *workflowError) Unwrap() error { return e.err }

// conclude says how it ended.
func (r *rollout) conclude(ctx context.Context, err error) error {
	r.facts.Complete, r.facts.Steps = err == nil, r.steps
	if r.json {
		if err := r.print(r.facts, nil); err != nil {
			return err
		}
	}
	if err == nil {
		if !r.json {
			fmt.Fprintf(r.stdout, "\n%s\n", r.outPaint.green("Workflow complete."))
		}
		return nil
	}
	judged := r.judge(ctx, err)
	f := &failure{code: exitFailed, err: &workflowError{r.where(), judged.Message, err}, hint: judged.Hint}
	if judged.code == exitInterrupted {
		f.code = exitInterrupted
	}
	if r.stays != "" && judged.code != exitNotActive && !strings.Contains(judged.Message, r.stays) { // else it is said
		f.hint = strings.TrimPrefix(f.hint+"\n"+r.stays, "\n")
	}
	if r.json {
		return f
	}
	if len(judged.Problems) > 0 {
		if err := judged.Problems.Render(r.stderr, r.errPaint.on()); err != nil {
			return err
		}
		f.err = &workflowError{r.where(), phrase.Count(len(judged.Problems), "mistake"), err}
	}
	fmt.Fprintf(r.stderr, "\n%s\n", r.errPaint.red(f.Error()))
	if f.hint != "" {
		fmt.Fprintln(r.stderr, f.hint)
	}
	return exit(f.code)
}
