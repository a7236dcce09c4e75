package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
	"github.com/foresort/foresort/strategy"
)

// simulateOptions are the arguments of foresort simulate.
type simulateOptions struct {
	capacityOptions
	batchOptions
	outputs
}

func simulateCommand(s *shell) *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:     "simulate STRATEGY",
		GroupID: groupFile,
		Short:   "predict the service level of a strategy, without a network",
		Long: `With --scenario, simulate runs the days that a scenario file describes (arrivals,
handling times, agents and shifts) through the strategy, with the platform's own
rules, many times over: independent replications. It prints service level, waits,
backlog, occupancy and more, by rule and in all, each with its 95% interval, and
beside it the answer of a formula where one is exact. The same seed gives the same
bytes. Ctrl-C gives the result of the replications that are done. Format of the
file: docs/scenario-reference.md.

With --emails and --agents, simulate is a capacity check of one moment: which agent
gets which email, and which email finds nobody and why. No time passes. EMAILS is a
JSON list of emails, AGENTS a JSON object of agents with skills, currentLoad and
maxCapacity; STRATEGY may also be a JSON payload with routingRules. Emails go in the
order of their priority (high, medium, low; with a strategy file: of their rule's),
each to the first agent in the file's order who has the skills and room.`,
		Example: `  foresort simulate examples/support.yaml --scenario examples/scenario.yaml
  foresort simulate examples/support.yaml --scenario examples/scenario.yaml --html forecast.html --csv forecast.csv
  foresort simulate examples/tutorial.json --emails examples/emails.json --agents examples/agents.json --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Strategy = args[0]
			return o.run(cmd.Context(), s)
		},
	}
	o.batchOptions.flags(cmd)
	o.outputs.flags(cmd)
	cmd.Flags().StringVar(&o.Emails, "emails", "", "JSON `file` of emails, for a capacity check")
	cmd.Flags().StringVar(&o.Agents, "agents", "", "JSON `file` of agents, for a capacity check")
	cmd.MarkFlagsRequiredTogether("emails", "agents")
	cmd.MarkFlagsOneRequired("scenario", "emails")
	for _, flag := range []string{"scenario", "replications", "seed", "workers", "csv", "html", "force"} {
		cmd.MarkFlagsMutuallyExclusive("emails", flag)
	}
	return cmd
}

// batchOptions are what commands that simulate have in common.
type batchOptions struct {
	Scenario     string
	Replications int
	Seed         uint64
	Workers      int
}

func (o *batchOptions) flags(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&o.Scenario, "scenario", "", "`file` of the scenario")
	o.batchFlags(cmd)
}

// batchFlags are those of commands that name the scenario otherwise.
func (o *batchOptions) batchFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.Replications, "replications", 100, "how often the scenario is simulated; more make the intervals narrower")
	o.Seed = 1
	f.Var((*seed)(&o.Seed), "seed", "another `number` draws other chances")
	f.IntVar(&o.Workers, "workers", 0, "how many replications run at once; 0: one for each core")
}

// maxReplications bounds what is asked for.
const maxReplications = 1_000_000

func (o batchOptions) checkBatch() error {
	if o.Replications < 1 || o.Replications > maxReplications {
		return invalid("100 are usual", "--replications is %d: 1 to %d", o.Replications, maxReplications)
	}
	if o.Workers < 0 {
		return invalid("leave it out for one for each core", "--workers is %d", o.Workers)
	}
	return nil
}

// outputs are the files that a forecast is written to.
type outputs struct {
	CSV, HTML string
	Force     bool
}

func (o *outputs) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.CSV, "csv", "", "write all figures to a CSV `file` too")
	cmd.Flags().StringVar(&o.HTML, "html", "", "write a page with plots to an HTML `file` too")
	cmd.Flags().BoolVar(&o.Force, "force", false, "overwrite these files")
}

// checkFiles finds out beforehand what could not be written in the end.
func (o outputs) checkFiles() error {
	for _, name := range []string{o.CSV, o.HTML} {
		switch name {
		case "":
			continue
		case "-":
			return invalid("name a file", "stdout is for the figures")
		}
		if err := writable(name, o.Force); err != nil {
			return err
		}
	}
	if o.CSV != "" && o.HTML != "" && sameFile(o.CSV, o.HTML) {
		return invalid("give each a file of its own", "--csv and --html both name %s", o.HTML)
	}
	return nil
}

// delivery is what comes out of a simulation.
type delivery struct {
	facts     any
	text      func(io.Writer, paint) error
	csv, html func(io.Writer) error
	partial   bool // it was ended early
}

// deliver prints the figures and then writes the files that were asked for: one
// that cannot be written loses nothing.
func (o outputs) deliver(s *shell, d delivery) error {
	printed := s.print(d.facts, d.text)
	written := errors.Join(o.writeOne(s, o.CSV, d.csv), o.writeOne(s, o.HTML, d.html))
	switch {
	case printed != nil:
		return errors.Join(printed, written)
	case written != nil:
		return &failure{exitFailed, written, "the figures on stdout are whole; write the file elsewhere to have it too"}
	case d.partial:
		return exit(exitInterrupted)
	}
	return nil
}

// writeOne writes one of the files; "": it was not asked for.
func (o outputs) writeOne(s *shell, name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	if err := s.writeOutput(name, b.Bytes(), o.Force); err != nil {
		return err
	}
	s.say("%s: written", name)
	return nil
}

// forecastJSON is what simulate prints with --json.
type forecastJSON struct {
	Strategy string           `json:"strategy"`
	Scenario string           `json:"scenario"`
	Verdict  []string         `json:"verdict"`
	Exact    []simulate.Exact `json:"exact"`
	Notes    []string         `json:"notes"`
	simulate.Result
}

func (o simulateOptions) run(ctx context.Context, s *shell) error {
	if o.Scenario == "" {
		return s.capacityCheck(o.capacityOptions)
	}
	if err := errors.Join(o.checkBatch(), o.checkFiles(), oneFromStdin("strategy and scenario", o.Strategy, o.Scenario)); err != nil {
		return err
	}
	want, err := s.desiredOf(o.Strategy)
	if err != nil {
		return err
	}
	sc, err := s.readScenario(o.Scenario)
	if err != nil {
		return err
	}
	model, err := s.model(sc, want)
	if err != nil {
		return err
	}
	result, err := simulated(ctx, s, o.batchOptions, func(ctx context.Context, so simulate.Options) (simulate.Result, error) {
		s.foretell(simulate.Measure(model, so), o.Replications)
		return simulate.Run(ctx, model, so)
	})
	if err != nil {
		return err
	}
	page := pageOf(want, o.Strategy, sc, o.Scenario)
	page.Exact = result.Exact(model)
	out := forecastFacts(page, result)
	return o.deliver(s, delivery{
		facts: out, partial: result.Partial,
		text: func(w io.Writer, p paint) error { return forecast.Text(w, page, result, forecastStyle(p)) },
		csv:  func(w io.Writer) error { return forecast.CSV(w, page, result) },
		html: func(w io.Writer) error { return forecast.HTML(w, page, result) },
	})
}

func forecastFacts(page forecast.Page, result simulate.Result) forecastJSON {
	return forecastJSON{
		Strategy: page.Strategy, Scenario: page.Scenario, Verdict: strings.Split(forecast.Verdict(page, result), "\n"),
		Exact: append([]simulate.Exact{}, page.Exact...), Notes: page.Notes, Result: result,
	}
}

// foretold is a forecast as the ledger keeps it.
func foretold(page forecast.Page, result simulate.Result) ledger.Forecast {
	return ledger.Forecast{
		Scenario: page.Scenario, Verdict: strings.Split(forecast.Verdict(page, result), "\n"), Notes: append([]string{}, page.Notes...), Replications: result.Replications,
	}
}

func forecastStyle(p paint) forecast.Style {
	if p.on() {
		return forecast.Colour()
	}
	return forecast.Style{}
}

// foretell says beforehand what a big run takes.
func (s *shell) foretell(size simulate.Size, replications int) {
	if total := size.Emails * float64(replications); total > 20e6 || size.Bytes > 256<<20 {
		s.say("about %.2g emails in %s; up to %d MB of memory", total, phrase.Count(replications, "replication"), 1+size.Bytes>>20)
	}
	if calls := size.Calls * float64(replications); calls > 100e6 {
		s.say("about %.2g calls in %s: this may take long; fewer replications or days take less", calls, phrase.Count(replications, "replication"))
	}
}

// simulated runs a batch with progress.
func simulated[T any](ctx context.Context, s *shell, o batchOptions, run func(context.Context, simulate.Options) (T, error)) (T, error) {
	p := s.progress("simulating")
	defer p.end()
	out, err := run(ctx, simulate.Options{
		Replications: o.Replications, Seed: o.Seed, Workers: o.Workers,
		Progress: func(done int) { p.now("simulating %s %d of %d", bar(done, o.Replications), done, o.Replications) },
	})
	if tooBig := new(simulate.TooBigError); errors.As(err, &tooBig) {
		err = invalid("lower days or horizon in the scenario, or rates", "%w", err)
	}
	return out, err
}

// bar draws how much is done.
func bar(done, of int) string {
	const width = 24
	full := width * done / of
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}

// desiredOf reads one strategy and compiles it.
func (s *shell) desiredOf(file string) (routing.Desired, error) {
	st, err := s.readStrategy(file)
	if err != nil {
		return routing.Desired{}, err
	}
	return st.Desired(), nil
}

// readScenario reads a scenario that must have no mistake; warnings are shown.
// Files that it names are looked for beside it.
func (s *shell) readScenario(file string) (*scenario.Scenario, error) {
	src, name, err := s.readInput(file)
	if err != nil {
		return nil, err
	}
	sc, problems := scenario.Parse(name, src, func(other string) ([]byte, error) {
		if !filepath.IsAbs(other) {
			other = filepath.Join(filepath.Dir(file), other)
		}
		return os.ReadFile(other)
	})
	err = problems.Err()
	if err != nil && sc != nil && sc.Arrivals == nil && sc.Agents == nil {
		if st, _ := strategy.Parse(name, src); st != nil && st.Queue != "" {
			return nil, invalid("a scenario has arrivals and agents: docs/scenario-reference.md", "%s is a strategy file and no scenario", name)
		}
	}
	if err != nil || s.quiet {
		return sc, err
	}
	return sc, s.showProblems(problems)
}

// model is what a scenario under a strategy comes to.
func (s *shell) model(sc *scenario.Scenario, want routing.Desired) (simulate.Model, error) {
	m, problems := sc.Model(want)
	if err := problems.Err(); err != nil || s.quiet {
		return m, err
	}
	return m, s.showProblems(problems)
}

// under says of problems with which of several strategies they come.
func under(name string, problems scenario.Problems) scenario.Problems {
	out := make(scenario.Problems, len(problems))
	for i, p := range problems {
		named := *p
		named.Message = "with " + name + ": " + p.Message
		out[i] = &named
	}
	return out
}

// pageOf is what a forecast tells of the files that it was made of.
func pageOf(want routing.Desired, file string, sc *scenario.Scenario, scenarioFile string) forecast.Page {
	return pageUnder(want, file, cmp.Or(sc.Name, scenarioFile))
}

// pageUnder is that of a scenario by its name.
func pageUnder(want routing.Desired, file, scenario string) forecast.Page {
	p := forecast.Page{Strategy: want.Strategy, File: file, Scenario: scenario, Deadlines: map[string]time.Duration{}, Notes: []string{}}
	p.Target = want.Queue.Settings.ServiceLevel
	for _, r := range want.Rules {
		if r.Deadline != nil {
			p.Deadlines[r.Name] = time.Duration(*r.Deadline)
		}
	}
	q := want.Queue.Settings
	for _, missing := range []struct {
		is            bool
		key, default_ string
	}{
		{q.Agents == nil, "agents", "all-skills"}, {q.Order == nil, "order", "age-and-priority"}, {q.Rings == nil, "relax", "none"},
	} {
		if missing.is {
			p.Notes = append(p.Notes, fmt.Sprintf("%s does not say %s: simulated with the platform's default, %s", file, missing.key, missing.default_))
		}
	}
	return p
}
