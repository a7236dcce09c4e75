package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/journal"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// planOptions are the arguments of foresort plan.
type planOptions struct {
	planning
	Files    []string
	Out      string
	Force    bool
	ExitZero bool
}

// planning is what plan and apply have in common.
type planning struct {
	Prune, TakeOver bool
}

func (o *planning) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.Prune, "prune", false, "delete what left the file, where Foresort created it")
	f.BoolVar(&o.TakeOver, "take-over", false, "take queue and addresses from another strategy that claims them")
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
Exit code 3 says that there are changes; --exit-zero turns it into 0.`,
		Example: `  foresort plan examples/support.yaml --exit-zero
  foresort plan examples/support.yaml --out support.plan --exit-zero
  foresort plan examples/support.yaml examples/billing.yaml --json --exit-zero`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVarP(&o.Out, "out", "o", "", "save the plan to a `file`, for foresort apply")
	cmd.Flags().BoolVar(&o.Force, "force", false, "overwrite that file")
	cmd.Flags().BoolVar(&o.ExitZero, "exit-zero", false, "exit with 0 where there are changes")
	return cmd
}

func (o planOptions) run(ctx context.Context, s *shell) error {
	if o.Out != "" && len(o.Files) > 1 {
		return invalid("plan one strategy at a time with --out", "--out saves one plan, and %d strategies were named", len(o.Files))
	}
	client, set, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	plans, err := o.make(ctx, s, client, set, o.Files)
	if err != nil {
		return err
	}
	if o.Out != "" {
		var saved bytes.Buffer
		if err := plan.Write(&saved, plans[0]); err != nil {
			return err
		}
		if err := s.writeOutput(o.Out, saved.Bytes(), o.Force); err != nil {
			return err
		}
	}
	if err := s.print(map[string][]plan.Plan{"plans": plans}, func(w io.Writer, p paint) error {
		for i, one := range plans {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := plan.Print(w, one, planStyle(p)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if o.Out != "" {
		s.say("saved to %s; do it with: foresort apply %s", o.Out, o.Out)
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

// make reads the organisation once and plans each strategy against it.
func (o planning) make(ctx context.Context, s *shell, client *genesys.Client, set settings, files []string) ([]plan.Plan, error) {
	wants := make([]routing.Desired, len(files))
	for i, file := range files {
		st, err := s.readStrategy(file)
		if err != nil {
			return nil, err
		}
		wants[i] = st.Desired()
	}
	p := s.progress("reading the organisation")
	defer p.end()
	org, memory, err := o.read(ctx, s, client, set, wants)
	if err != nil {
		return nil, err
	}
	index := plan.NewIndex(org)
	plans := make([]plan.Plan, len(wants))
	var problems strategy.Problems
	for i, want := range wants {
		made, found := index.Build(want, memory)
		problems = append(problems, s.placed(files[i], found)...)
		p.now("asking the audit trail")
		blame(ctx, client, &made)
		made.Made = time.Now().UTC().Truncate(time.Millisecond)
		plans[i] = made.Seal()
		for _, claim := range made.Owns { // so that two of these files cannot claim one thing
			memory.Owned = append(memory.Owned, plan.Owned{Strategy: want.Strategy, Claim: claim})
		}
	}
	if err := problems.Err(); err != nil {
		p.end()
		s.showProblems(problems)
		if s.json {
			return nil, err
		}
		return nil, exit(exitInvalid)
	}
	return plans, nil
}

// read reads what planning needs of the organisation, and what is remembered
// of it. To prune, what Foresort created is read as well.
func (o planning) read(ctx context.Context, s *shell, client *genesys.Client, set settings, wants []routing.Desired) (routing.Org, plan.Memory, error) {
	scope := genesys.ScopeOf(wants...)
	var memory plan.Memory
	who, err := client.Organization(ctx)
	if err != nil {
		return routing.Org{}, memory, fmt.Errorf("read the organisation: %w", err)
	}
	_, runs, err := s.openJournal(set, who)
	if err != nil {
		return routing.Org{}, memory, err
	}
	memory = journal.Memory(runs)
	memory.Prune, memory.TakeOver = o.Prune, o.TakeOver
	for _, made := range memory.Created {
		address, err := routing.ParseAddress(made.Name)
		switch {
		case !o.Prune:
		case made.Kind == plan.Queue:
			scope.Queues = append(scope.Queues, made.Name)
		case made.Kind == plan.Route && err == nil:
			scope.Addresses = append(scope.Addresses, address)
		}
	}
	org, err := client.ReadOrg(ctx, scope)
	return org, memory, err
}

// openJournal opens the journal of one organisation in the state folder and
// reads its runs.
func (s *shell) openJournal(set settings, org routing.Ref) (*journal.Org, []apply.Record, error) {
	state, err := set.stateDir()
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(state, org.ID)
	if err != nil {
		return nil, nil, err
	}
	runs, notes, err := j.Runs()
	for _, n := range notes {
		s.say("%s", n)
	}
	return j, runs, err
}

// placed shows problems of planning the way those of validate are shown.
func (s *shell) placed(file string, found plan.Problems) strategy.Problems {
	var out strategy.Problems
	var lines []string
	if src, _, err := s.readInput(file); err == nil && file != "-" {
		lines = strings.Split(string(src), "\n")
	}
	for _, x := range found {
		p := &strategy.Problem{
			File: file, Line: x.At.Line, Column: x.At.Column, Field: x.Field,
			Message: x.Message, Hint: x.Hint, Severity: strategy.Error,
		}
		if n := x.At.Line; n > 0 && n <= len(lines) {
			p.Source = strings.TrimSuffix(lines[n-1], "\r")
		}
		out = append(out, p)
	}
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
