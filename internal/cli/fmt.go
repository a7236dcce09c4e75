package cli

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/strategy"
)

// fmtOptions are the arguments of foresort fmt.
type fmtOptions struct {
	Files        []string
	Write, Check bool
}

func fmtCommand(s *shell) *cobra.Command {
	var o fmtOptions
	cmd := &cobra.Command{
		Use:     "fmt FILE...",
		GroupID: groupFile,
		Short:   "write strategy files in the one usual form",
		Long: `Fmt prints strategy files with keys in their usual order and the usual spacing, or
writes them back with -w. Comments stay. "-" reads stdin.

With --check it prints the names of the files that are not so formatted, changes
nothing, and fails if there are any.`,
		Example: `  foresort fmt examples/support.yaml
  foresort fmt -w examples/support.yaml examples/billing.yaml
  foresort fmt --check examples/support.yaml`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			o.Files = args
			return o.run(s)
		},
	}
	cmd.Flags().BoolVarP(&o.Write, "write", "w", false, "write the files in place of printing them")
	cmd.Flags().BoolVar(&o.Check, "check", false, "only list the files that are not formatted")
	cmd.MarkFlagsMutuallyExclusive("write", "check")
	return cmd
}

// formatted is what fmt did with one file.
type formatted struct {
	File    string `json:"file"`
	Changed bool   `json:"changed"`
	Text    string `json:"text,omitempty"`
}

func (o fmtOptions) run(s *shell) error {
	all := []formatted{}
	changed := false
	for _, file := range o.Files {
		src, name, err := s.readInput(file)
		if err != nil {
			return err
		}
		out, err := strategy.Format(name, src)
		if err != nil {
			return &failure{code: exitInvalid, err: err}
		}
		one := formatted{File: name, Changed: !bytes.Equal(src, out)}
		changed = changed || one.Changed
		switch {
		case o.Write && file == "-":
			return invalid("leave -w out", "stdin cannot be written back")
		case o.Write && one.Changed:
			if err := s.writeOutput(file, out, true); err != nil {
				return err
			}
			s.say("%s: written", name)
		case o.Check && one.Changed && !s.json:
			fmt.Fprintln(s.stdout, name)
		case s.json && !o.Check && !o.Write:
			one.Text = string(out)
		case !o.Write && !o.Check:
			if _, err := s.stdout.Write(out); err != nil {
				return err
			}
		}
		all = append(all, one)
	}
	if s.json {
		if err := s.print(all, nil); err != nil {
			return err
		}
	}
	if o.Check && changed {
		return exit(exitFailed)
	}
	return nil
}
