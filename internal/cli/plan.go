package cli

import (
	"bytes"
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
	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/strategy"
)

// planOptions are the arguments of foresort plan.
type planOptions struct {
	planning
	Files    []string
	Out      string
	Force    bool
	ExitZero bool
	Simulate string // scenario
	batchOptions
}

// planning is what plan and apply have in common.
type planning struct {
	Prune, TakeOver bool
	liveOptions
}

func (o *planning) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.Prune, "prune", false, "delete what left the file, where Foresort created it")
	f.BoolVar(&o.TakeOver, "take-over", false, "take queue and addresses from another strategy that claims them")
	o.liveOptions.flags(cmd)
}

func planCommand(s *shell) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:     "plan FILE...",
		GroupID: groupOrg,
		Short:   "show what apply would change",
		Long: `Plan compares strategies with the organisation as it is and shows, in order, every
change that would make them agree, each with the line that asks for it and its place
on the platform. It changes nothing. What someone has changed behind Foresort's back
is marked as drift, with who did it where the audit trail knows.

With --out it saves the plan; "foresort apply FILE" then does exactly that plan.
With --simulate it also predicts the service level before and after, under a scenario;
of a plan that is saved the ledger keeps what was predicted.
With --live it also checks the people and shifts that shall serve the strategy, as
"foresort validate --live" does, and keeps the findings in the plan: apply refuses a
plan with errors among them that the file does not waive.
Exit code 3 says that there are changes; --exit-zero turns it into 0.`,
		Example: `  foresort plan examples/support.yaml --exit-zero
  foresort plan examples/support.yaml --out support.plan --exit-zero
  foresort plan examples/support.yaml --simulate examples/scenario.yaml --exit-zero
  foresort plan examples/support.yaml --live --exit-zero
  foresort plan examples/support.yaml examples/billing.yaml --json --exit-zero`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
	o.planning.flags(cmd)
	cmd.Flags().StringVarP(&o.Out, "out", "o", "", "save the plan to a `file`, for foresort apply")
	cmd.Flags().BoolVar(&o.Force, "force", false, "overwrite that file")
	cmd.Flags().BoolVar(&o.ExitZero, "exit-zero", false, "exit with 0 where there are changes")
	cmd.Flags().StringVar(&o.Simulate, "simulate", "", "predict the service level before and after, under the scenario in a `file`")
	o.batchFlags(cmd)
	return cmd
}

func (o planOptions) run(ctx context.Context, s *shell) error {
	if o.Out != "" && len(o.Files) > 1 {
		return invalid("plan one strategy at a time with --out", "--out saves one plan, and %d strategies were named", len(o.Files))
	}
	if o.TakeOver && len(o.Files) > 1 { // or one of them could take from another
		return invalid("plan one strategy at a time with --take-over", "--take-over is for one strategy, and %d were named", len(o.Files))
	}
	if o.Simulate != "" && len(o.Files) > 1 {
		return invalid("plan one strategy at a time with --simulate", "--simulate is for one strategy, and %d were named", len(o.Files))
	}
	if o.Simulate != "" {
		if err := oneFromStdin("strategy and scenario", o.Files[0], o.Simulate); err != nil {
			return err
		}
	}
	if o.Out != "" && o.Out != "-" {
		if err := writable(o.Out, o.Force); err != nil {
			return err
		}
	}
	if err := errors.Join(o.checkBatch(), o.check()); err != nil {
		return err
	}
	wants, err := s.desired(o.Files)
	if err != nil {
		return err
	}
	var sc *scenario.Scenario
	if o.Simulate != "" {
		if sc, err = s.readScenario(o.Simulate); err != nil {
			return err
		}
		// Its mistakes are known before the organisation is read.
		if _, problems := sc.Model(wants[0]); problems.Err() != nil {
			return under(o.Files[0], problems)
		}
	}
	return s.withOrg(ctx, func(s *orgShell) error {
		runs, err := s.ledger.Runs(ctx)
		if err != nil {
			return err
		}
		if cut, open := ledger.CutOff(runs); open {
			s.say("%s; %s", unfinishedText(cut), unfinishedHint)
		}
		made, err := o.make(ctx, s, o.Files, wants, runs)
		if err != nil {
			return err
		}
		if sc == nil {
			return o.show(s.shell, made.plans, nil)
		}
		seen, err := o.foresee(ctx, s.shell, plan.Stand(wants[0], made.org), sc)
		if err != nil {
			return err
		}
		if o.Out != "" && !seen.Partial { // who applies the plan can show it
			err = s.ledger.Foretell(ctx, made.plans[0].Fingerprint, ledger.Forecast{Scenario: seen.Scenario, Verdict: seen.Verdict, Notes: seen.Notes, Replications: seen.Replications})
			if err != nil {
				return err
			}
		}
		return o.show(s.shell, made.plans, seen)
	})
}

// show saves and prints the plans, and what is foreseen of one; nil: nothing is.
func (o planOptions) show(s *shell, plans []plan.Plan, seen *foreseen) error {
	if o.Out != "" {
		var saved bytes.Buffer
		if err := plan.Write(&saved, plans[0]); err != nil {
			return err
		}
		if err := s.writeOutput(o.Out, saved.Bytes(), o.Force); err != nil {
			return err
		}
	}
	facts := map[string]any{"plans": plans}
	if seen != nil {
		facts["forecast"] = seen
	}
	if err := s.print(facts, func(w io.Writer, p paint) error {
		for i, one := range plans {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := plan.Print(w, one, planStyle(p)); err != nil {
				return err
			}
		}
		return seen.text(w, p)
	}); err != nil {
		return err
	}
	switch {
	case o.Out == "":
	case plans[0].Checked != nil && len(plans[0].Blocking(plans[0].Checked.At)) > 0:
		s.say("saved to %s; apply will refuse it as long as it holds errors that are not waived", o.Out)
	default:
		s.say("saved to %s; do it with: foresort apply %s", o.Out, o.Out)
	}
	if seen != nil && seen.Partial {
		return exit(exitInterrupted)
	}
	for _, p := range plans {
		if len(p.Changes) > 0 && !o.ExitZero {
			return exit(exitChanges)
		}
	}
	return nil
}

func planStyle(p paint) plan.Style {
	if p.on() {
		return plan.Colour()
	}
	return plan.Style{}
}

// desired reads strategies and compiles them.
func (s *shell) desired(files []string) ([]routing.Desired, error) {
	wants := make([]routing.Desired, len(files))
	names := map[string]string{} // of the strategies, with their files
	for i, file := range files {
		st, err := s.readStrategy(file)
		if err != nil {
			return nil, err
		}
		wants[i] = st.Desired()
		if other := names[wants[i].Strategy]; other != "" {
			return nil, invalid("give each a `name` of its own: by it Foresort remembers what a strategy owns", "%s and %s are both named %s", other, file, wants[i].Strategy)
		}
		names[wants[i].Strategy] = file
	}
	return wants, nil
}

// planned are plans and what they were made of.
type planned struct {
	plans []plan.Plan
	org   routing.Org
	live  []coverage.Input // with --live: what each was checked against
}

// make reads the organisation once and plans each strategy against it.
func (o planning) make(ctx context.Context, s *orgShell, files []string, wants []routing.Desired, runs []apply.Record) (planned, error) {
	p := s.progress("reading the organisation")
	defer p.end()
	if err := apply.CatchUp(ctx, apply.On(s.client), apply.Wait{}, runs); err != nil {
		return planned{}, o.refused(ctx, s, wants, err)
	}
	memory := ledger.Memory(runs)
	memory.Prune, memory.TakeOver = o.Prune, o.TakeOver
	scope := o.scope(wants, memory)
	var live *liveCheck
	if o.Live {
		var err error
		if live, err = o.begin(ctx, s, wants); err != nil {
			return planned{}, err
		}
		live.planning = true
		scope = live.scope(scope, wants)
	}
	org, err := s.client.ReadOrg(ctx, scope)
	if err != nil {
		return planned{}, o.refused(ctx, s, wants, err)
	}
	index := plan.NewIndex(org, memory)
	out := planned{plans: make([]plan.Plan, len(wants)), org: org}
	var problems strategy.Problems
	for i, want := range wants {
		made, found := index.Build(want)
		problems = append(problems, s.placed(files[i], found)...)
		p.now("asking the audit trail")
		blame(ctx, s.client, &made)
		made.Made = time.Now().UTC().Truncate(time.Millisecond)
		if live != nil && found == nil {
			p.now("looking at people and shifts")
			in, err := live.look(ctx, s, want, made, org, runs)
			if err != nil {
				return planned{}, err
			}
			out.live = append(out.live, in)
			made.Checked = &plan.Checked{At: live.now.UTC().Truncate(time.Millisecond), Findings: coverage.Check(in).Findings}
		}
		out.plans[i] = made.Seal()
		index.Own(made) // so that two of these files cannot claim one thing
	}
	return out, problems.Err()
}

// scope is what planning needs of the organisation. To prune, what Foresort
// created is read as well.
func (o planning) scope(wants []routing.Desired, memory plan.Memory) genesys.Scope {
	scope := genesys.ScopeOf(wants...)
	if !o.Prune {
		return scope
	}
	for _, made := range memory.Created {
		if made.Kind == plan.Queue {
			scope.Queues = append(scope.Queues, made.Name)
			scope.MembersOf = append(scope.MembersOf, made.Name) // what cannot be put back is not deleted
		} else if address, err := routing.ParseAddress(made.Name); err == nil {
			scope.Addresses = append(scope.Addresses, address)
		}
	}
	return scope
}

// placed shows problems of planning the way those of validate are shown: in the
// order of the file, and once where several objects share the line.
func (s *shell) placed(file string, found plan.Problems) strategy.Problems {
	var out strategy.Problems
	var lines []string
	src, name, err := s.readInput(file)
	if err == nil {
		lines = strings.Split(string(src), "\n")
	}
	for _, x := range found {
		p := &strategy.Problem{
			File: name, Line: x.At.Line, Column: x.At.Column, Field: x.Field,
			Message: x.Message, Hint: x.Hint, Severity: strategy.Error,
		}
		if n := x.At.Line; n > 0 && n <= len(lines) {
			p.Source = strings.TrimSuffix(lines[n-1], "\r")
			p.Field = "" // the line says more than the name it has in a plan
		}
		if !slices.ContainsFunc(out, func(o *strategy.Problem) bool { return *o == *p }) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *strategy.Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return out
}

// readPlan reads a saved plan where the file is one; ok is false for anything
// that does not look like JSON with a fingerprint.
func (s *shell) readPlan(file string) (p plan.Plan, ok bool, err error) {
	src, _, err := s.readInput(file)
	if err != nil {
		return p, false, err
	}
	if trimmed := bytes.TrimSpace(src); len(trimmed) == 0 || trimmed[0] != '{' {
		return p, false, nil
	}
	if p, err = plan.Read(bytes.NewReader(src)); err == nil {
		return p, true, nil
	}
	f := &failure{code: exitInvalid, err: fmt.Errorf("%s: %w", file, err)}
	if errors.Is(err, plan.ErrEdited) {
		f.code = exitConflict
	}
	return p, true, f
}
