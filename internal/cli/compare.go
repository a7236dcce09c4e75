package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
)

// compareOptions are the arguments of foresort compare.
type compareOptions struct {
	A, B string
	batchOptions
	outputs
}

func compareCommand(s *shell) *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:     "compare A B --scenario FILE",
		GroupID: groupFile,
		Short:   "tell whether one strategy does better than another",
		Long: `Compare simulates two strategies under the same scenario, with the same arrivals,
work and chances in each pair of replications, and prints the difference, B minus A,
with its 95% interval. Where the interval holds 0 it says that no difference is shown.`,
		Example: `  foresort compare examples/support.yaml examples/support-sooner.yaml --scenario examples/scenario.yaml
  foresort compare examples/support.yaml examples/support-sooner.yaml --scenario examples/scenario.yaml --html difference.html`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.A, o.B = args[0], args[1]
			return o.run(cmd.Context(), s)
		},
	}
	o.batchOptions.flags(cmd)
	o.outputs.flags(cmd)
	cmd.MarkFlagsOneRequired("scenario")
	return cmd
}

// comparisonJSON is what compare prints with --json.
type comparisonJSON struct {
	Strategies [2]string `json:"strategies"`
	Scenario   string    `json:"scenario"`
	Verdict    []string  `json:"verdict"`
	Notes      []string  `json:"notes"`
	simulate.Comparison
}

func (o compareOptions) run(ctx context.Context, s *shell) error {
	if err := errors.Join(o.checkBatch(), o.checkFiles(), oneFromStdin("both strategies and the scenario", o.A, o.B, o.Scenario)); err != nil {
		return err
	}
	a, err := s.desiredOf(o.A)
	if err != nil {
		return err
	}
	b, err := s.desiredOf(o.B)
	if err != nil {
		return err
	}
	sc, err := s.readScenario(o.Scenario)
	if err != nil {
		return err
	}
	notes := yardstick(&a, &b)
	modelA, modelB, err := o.models(s, sc, a, b)
	if err != nil {
		return err
	}
	result, err := simulated(ctx, s, o.batchOptions, func(ctx context.Context, so simulate.Options) (simulate.Comparison, error) {
		size := simulate.Measure(modelA, so)
		other := simulate.Measure(modelB, so)
		s.foretell(simulate.Size{Emails: size.Emails + other.Emails, Calls: size.Calls + other.Calls, Bytes: size.Bytes + other.Bytes}, o.Replications)
		return simulate.Compare(ctx, modelA, modelB, so)
	})
	if err != nil {
		return err
	}
	page, pageB := pageOf(a, o.A, sc, o.Scenario), pageOf(b, o.B, sc, o.Scenario)
	page.Other, page.OtherFile = pageB.Strategy, pageB.File
	page.Notes = slices.Concat(notes, page.Notes, pageB.Notes)
	out := comparisonJSON{
		Strategies: [2]string{page.Strategy, page.Other}, Scenario: page.Scenario, Notes: page.Notes,
		Verdict: strings.Split(forecast.VerdictComparison("A", "B", result), "\n"), Comparison: result,
	}
	return o.deliver(s, delivery{
		facts: out, partial: result.A.Partial,
		text: func(w io.Writer, p paint) error { return forecast.TextComparison(w, page, result, forecastStyle(p)) },
		csv:  func(w io.Writer) error { return forecast.CSVComparison(w, page, result) },
		html: func(w io.Writer) error { return forecast.HTMLComparison(w, page, result) },
	})
}

// yardstick gives both strategies the targets and deadlines of B, where it has
// them: or B would be blamed or praised for another measure. The notes say so.
func yardstick(a, b *routing.Desired) (notes []string) {
	mine, its := &a.Queue.Settings.ServiceLevel, &b.Queue.Settings.ServiceLevel
	switch {
	case *its == nil:
		*its = *mine
	case *mine != nil && **mine != **its:
		notes = append(notes, fmt.Sprintf("both are measured against B's target, %s; A's own is %s", *its, *mine))
	}
	*mine = *its
	a.Rules = slices.Clone(a.Rules)
	for i := range a.Rules {
		for _, r := range b.Rules {
			if r.Name != a.Rules[i].Name || r.Deadline == nil {
				continue
			}
			if own := a.Rules[i].Deadline; own != nil && *own != *r.Deadline {
				notes = append(notes, fmt.Sprintf("the rule %s is measured by B's deadline, %s; A's own is %s", r.Name, r.Deadline, own))
			}
			a.Rules[i].Deadline = r.Deadline
		}
	}
	return notes
}

// models are what the scenario comes to under each of the strategies. What is
// wrong with one of them only says with which.
func (o compareOptions) models(s *shell, sc *scenario.Scenario, wantA, wantB routing.Desired) (a, b simulate.Model, err error) {
	a, ofA := sc.Model(wantA)
	b, ofB := sc.Model(wantB)
	alone := func(these, others scenario.Problems) scenario.Problems {
		return slices.DeleteFunc(slices.Clone(these), func(p *scenario.Problem) bool {
			return slices.ContainsFunc(others, func(q *scenario.Problem) bool { return *p == *q })
		})
	}
	onlyA, onlyB := alone(ofA, ofB), alone(ofB, ofA)
	problems := slices.Concat(alone(ofA, onlyA), under(o.A, onlyA), under(o.B, onlyB))
	if problems.Err() == nil {
		problems = append(problems, sc.SameTime(a, b, o.A, o.B)...)
	}
	if err := problems.Err(); err != nil || s.quiet {
		return a, b, err
	}
	return a, b, s.showProblems(problems)
}
