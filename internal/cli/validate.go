package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/strategy"
)

// validateOptions are the arguments of foresort validate.
type validateOptions struct {
	Files  []string
	Strict bool
}

func validateCommand(s *shell) *cobra.Command {
	var o validateOptions
	cmd := &cobra.Command{
		Use:     "validate FILE...",
		GroupID: groupFile,
		Short:   "check strategy files, without a network",
		Long: `Validate lists every mistake of strategy files, each with its place and a way out,
and runs their tests. It needs no network and no account. "-" reads stdin.

Warnings leave the exit code 0, unless --strict.`,
		Example: `  foresort validate examples/support.yaml
  foresort validate examples/support.yaml examples/billing.yaml --strict
  foresort validate examples/support.yaml --json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			o.Files = args
			return o.run(s)
		},
	}
	cmd.Flags().BoolVar(&o.Strict, "strict", false, "warnings fail too")
	return cmd
}

// validated is what validate found in one file.
type validated struct {
	File     string            `json:"file"`
	OK       bool              `json:"ok"`
	Rules    int               `json:"rules"`
	Tests    int               `json:"tests"`
	Problems strategy.Problems `json:"problems"`
}

func (o validateOptions) run(s *shell) error {
	var found []validated
	valid := true
	for _, file := range o.Files {
		src, name, err := s.readInput(file)
		if err != nil {
			return err
		}
		st, problems := strategy.Parse(name, src)
		v := validated{File: name, OK: problems.Err() == nil && (!o.Strict || len(problems) == 0), Problems: problems}
		if v.Problems == nil {
			v.Problems = strategy.Problems{}
		}
		if st != nil {
			v.Rules, v.Tests = len(st.Rules), len(st.Tests)
		}
		valid = valid && v.OK
		found = append(found, v)
	}
	if s.json {
		if err := s.print(found, nil); err != nil {
			return err
		}
	}
	for _, v := range found {
		if err := s.showProblems(v.Problems); err != nil {
			return err
		}
		if v.OK && !s.json {
			fmt.Fprintf(s.stdout, "%s: ok (%s, %s)\n", v.File, count(v.Rules, "rule"), count(v.Tests, "test"))
		}
	}
	if !valid {
		return exit(exitInvalid)
	}
	return nil
}

// readStrategy reads a strategy that must have no mistake. Warnings are shown.
func (s *shell) readStrategy(file string) (*strategy.Strategy, error) {
	src, name, err := s.readInput(file)
	if err != nil {
		return nil, err
	}
	if isPayload(file, src) && (json.Valid(src) || strings.Contains(string(src), "routingRules")) { // else it may be a strategy in broken JSON
		return nil, invalid("make a strategy of it first: foresort convert "+name+" --queue NAME", "%s is a JSON payload and no strategy file", name)
	}
	st, problems := strategy.Parse(name, src)
	if err := problems.Err(); err != nil || s.quiet {
		return st, err
	}
	return st, s.showProblems(problems)
}

// showProblems lists problems on stderr, for a person.
func (s *shell) showProblems(problems strategy.Problems) error {
	if s.json || len(problems) == 0 {
		return nil
	}
	return problems.Render(s.stderr, s.errPaint.on())
}

// count is a number with its noun.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
