package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/internal/forecast"
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
	if err := errors.Join(o.checkBatch(), o.checkFiles()); err != nil {
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
	modelA, err := s.model(sc, a)
	if err != nil {
		return err
	}
	modelB, err := s.model(sc, b)
	if err != nil {
		return err
	}
	result, err := simulated(ctx, s, o.batchOptions, func(ctx context.Context, so simulate.Options) (simulate.Comparison, error) {
		size := simulate.Measure(modelA, so)
		other := simulate.Measure(modelB, so)
		s.foretell(simulate.Size{Emails: size.Emails + other.Emails, Bytes: size.Bytes + other.Bytes}, o.Replications)
		return simulate.Compare(ctx, modelA, modelB, so)
	})
	if err != nil {
		return err
	}
	page, pageB := pageOf(a, o.A, sc, o.Scenario), pageOf(b, o.B, sc, o.Scenario)
	page.Other, page.OtherFile = pageB.Strategy, pageB.File
	page.Notes = slices.Concat(page.Notes, pageB.Notes)
	if err := o.write(s, func(w io.Writer) error { return forecast.CSVComparison(w, page, result) }, func(w io.Writer) error { return forecast.HTMLComparison(w, page, result) }); err != nil {
		return err
	}
	out := comparisonJSON{
		Strategies: [2]string{page.Strategy, page.Other}, Scenario: page.Scenario, Notes: page.Notes,
		Verdict: strings.Split(forecast.VerdictComparison("A", "B", result), "\n"), Comparison: result,
	}
	if err := s.print(out, func(w io.Writer, p paint) error { return forecast.TextComparison(w, page, result, forecastStyle(p)) }); err != nil {
		return err
	}
	return interruptedIf(result.A.Partial)
}
