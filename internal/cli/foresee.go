package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
)

// foreseen is what a plan is expected to do to the service level.
type foreseen struct {
	Scenario string   `json:"scenario"`
	Verdict  []string `json:"verdict"`
	Notes    []string `json:"notes"`
	// ServiceLevel and MeanWait are nil before where there is no before.
	ServiceLevel beforeAfter `json:"serviceLevel"`    // percent within the target that the plan brings, before as well
	MeanWait     beforeAfter `json:"meanWaitSeconds"` // of answered email
	Waiting      beforeAfter `json:"waiting"`         // emails at the end
	Replications int         `json:"replications"`
	Partial      bool        `json:"partial"`

	target *routing.ServiceLevel
}

// beforeAfter is one figure before and after, and the difference of the pairs.
type beforeAfter struct {
	Before     *simulate.Estimate `json:"before,omitempty"`
	After      simulate.Estimate  `json:"after"`
	Difference *simulate.Estimate `json:"difference,omitempty"`
}

// foresee simulates the queue as it is and as the plan makes it.
func (o planOptions) foresee(ctx context.Context, s *shell, stand plan.Standing, sc *scenario.Scenario) (*foreseen, error) {
	after, problems := sc.Model(stand.After)
	if err := problems.Err(); err != nil {
		return nil, under("the plan", problems)
	}
	if !s.quiet {
		if err := s.showProblems(problems); err != nil {
			return nil, err
		}
	}
	out := &foreseen{Scenario: o.Simulate, Notes: append([]string{}, stand.Notes...)}
	out.target = stand.After.Queue.Settings.ServiceLevel
	if was := stand.Before.Queue.Settings.ServiceLevel; was != nil && out.target != nil && *was != *out.target {
		out.Notes = append(out.Notes, fmt.Sprintf("both are measured against the new target, %s; up to now it is %s", out.target, was))
	}
	stand.Before.Queue.Settings.ServiceLevel = out.target // or only the yardstick would differ
	page := forecast.Page{Strategy: stand.After.Strategy, Target: out.target}
	switch {
	case stand.Missing:
		out.Notes = append(out.Notes, "there is no such queue yet, so there is no before")
	default:
		before, problems := sc.Model(stand.Before)
		if problems.Err() != nil {
			first := problems[slices.IndexFunc(problems, func(p *scenario.Problem) bool { return p.Severity == yamlfile.Error })]
			out.Notes = append(out.Notes, "the queue as it is cannot be simulated under this scenario: "+first.Error())
			break
		}
		c, err := simulated(ctx, s, o.batchOptions, func(ctx context.Context, so simulate.Options) (simulate.Comparison, error) {
			return simulate.Compare(ctx, before, after, so)
		})
		if err != nil {
			return nil, err
		}
		three := func(of func(simulate.Figures) simulate.Estimate) beforeAfter {
			a, d := of(c.A.All), of(c.All)
			return beforeAfter{&a, of(c.B.All), &d}
		}
		out.figures(three)
		out.Verdict = strings.Split(forecast.VerdictComparison("the queue as it is", "the plan", c), "\n")
		out.Replications, out.Partial = c.B.Replications, c.B.Partial
		return out, nil
	}
	r, err := simulated(ctx, s, o.batchOptions, func(ctx context.Context, so simulate.Options) (simulate.Result, error) {
		return simulate.Run(ctx, after, so)
	})
	if err != nil {
		return nil, err
	}
	out.figures(func(of func(simulate.Figures) simulate.Estimate) beforeAfter { return beforeAfter{After: of(r.All)} })
	out.Verdict = strings.Split(forecast.Verdict(page, r), "\n")
	out.Replications, out.Partial = r.Replications, r.Partial
	return out, nil
}

func (f *foreseen) figures(of func(func(simulate.Figures) simulate.Estimate) beforeAfter) {
	f.ServiceLevel = of(func(x simulate.Figures) simulate.Estimate { return x.ServiceLevel })
	f.MeanWait = of(func(x simulate.Figures) simulate.Estimate { return x.Wait.Mean })
	f.Waiting = of(func(x simulate.Figures) simulate.Estimate { return x.Waiting })
}

// text writes it for a person.
func (f *foreseen) text(w io.Writer, p paint) error {
	if f == nil {
		return nil
	}
	fmt.Fprintf(w, "\n%s\n", p.bold(fmt.Sprintf("Forecast under %s, %s", f.Scenario, phrase.Count(f.Replications, "replication"))))
	for _, line := range f.Verdict {
		fmt.Fprintf(w, "  %s\n", line)
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "  %-18s  %-16s  %-16s  %s\n", "", "before", "after", "difference")
	if f.target != nil {
		f.row(w, "within "+f.target.Within.String(), forecast.Percent, f.ServiceLevel)
	}
	f.row(w, "mean wait", forecast.Seconds, f.MeanWait)
	f.row(w, "waiting at the end", forecast.Emails, f.Waiting)
	for _, n := range f.Notes {
		fmt.Fprintf(w, "  %s\n", n)
	}
	return nil
}

func (f *foreseen) row(w io.Writer, name string, unit forecast.Unit, x beforeAfter) {
	before, difference := "–", "–"
	if x.Before != nil {
		before, difference = forecast.Cell(unit, *x.Before), forecast.DifferenceCell(unit, *x.Difference)
	}
	fmt.Fprintf(w, "  %-18s  %-16s  %-16s  %s\n", name, before, forecast.Cell(unit, x.After), difference)
}
