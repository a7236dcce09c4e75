package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/staffing"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// validateOptions are the arguments of foresort validate.
type validateOptions struct {
	Files  []string
	Strict bool
	All    bool
	liveOptions
	outputs // HTML alone
}

func validateCommand(s *shell) *cobra.Command {
	var o validateOptions
	cmd := &cobra.Command{
		Use:     "validate FILE...",
		GroupID: groupFile,
		Short:   "check strategy files, and with --live who can serve them",
		Long: `Validate lists every mistake of strategy files, each with its place and a way out,
and runs their tests. It needs no network and no account. "-" reads stdin.

With --live it then reads the organisation and says whether its people, skills,
shifts and capacity can serve the strategy: who lacks what, for each rule and quarter
hour of the next 7 days how many agents are on queue who can serve it, whether the
email of recent weeks can be handled, what the platform will silently do otherwise,
and which permissions are missing. It changes nothing. The findings and what they
mean are in docs/coverage.md; one that may stand is waived by name with an expiry
in the file (coverage.waive).

Warnings leave the exit code 0, unless --strict. An error of --live that is not waived
gives 7.`,
		Example: `  foresort validate examples/support.yaml
  foresort validate examples/support.yaml examples/billing.yaml --strict
  foresort validate examples/support.yaml --json
  foresort validate examples/support.yaml --live
  foresort validate examples/support.yaml --live --html coverage.html`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
	cmd.Flags().BoolVar(&o.Strict, "strict", false, "warnings fail too")
	o.liveOptions.flags(cmd)
	cmd.Flags().BoolVar(&o.All, "all", false, "with --live: name every agent, not the first of those alike")
	cmd.Flags().StringVar(&o.HTML, "html", "", "with --live: write the coverage map to an HTML `file` too")
	cmd.Flags().BoolVar(&o.Force, "force", false, "overwrite that file")
	return cmd
}

// validated is what validate found in one file.
type validated struct {
	File     string            `json:"file"`
	OK       bool              `json:"ok"`
	Rules    int               `json:"rules"`
	Tests    int               `json:"tests"`
	Problems strategy.Problems `json:"problems"`
	Live     *coverage.Report  `json:"live,omitempty"`
}

func (o validateOptions) run(ctx context.Context, s *shell) error {
	if err := o.together(); err != nil {
		return err
	}
	var found []validated
	var wants []routing.Desired
	ok := true
	for _, file := range o.Files {
		src, name, err := s.readInput(file)
		if err != nil {
			return err
		}
		st, problems := strategy.Parse(name, src)
		v := validated{File: name, Problems: problems}
		if v.Problems == nil {
			v.Problems = strategy.Problems{}
		}
		var want routing.Desired
		if st != nil {
			v.Rules, v.Tests = len(st.Rules), len(st.Tests)
			want = st.Desired()
		}
		v.OK = o.passes(v.Problems)
		ok = ok && v.OK
		found, wants = append(found, v), append(wants, want)
	}
	switch {
	case !o.Live:
	case !ok:
		s.say("the organisation was not looked at: mend the mistakes first")
	default:
		if err := s.inOrg(ctx, true, func(s *orgShell) error { return o.live(ctx, s, found, wants) }); err != nil {
			return err
		}
	}
	return o.show(s, found)
}

// passes says whether problems let a file pass.
func (o validateOptions) passes(problems strategy.Problems) bool {
	return problems.Err() == nil && (!o.Strict || len(problems) == 0)
}

// together says what flags do not go together.
func (o validateOptions) together() error {
	if !o.Live && (o.All || o.HTML != "") {
		return invalid("add --live", "--all and --html are for --live")
	}
	if o.HTML != "" && len(o.Files) > 1 {
		return invalid("check one strategy at a time with --html", "--html is for one strategy, and %d were named", len(o.Files))
	}
	return errors.Join(o.check(), o.checkFiles())
}

// live looks at the people and shifts of each file.
func (o validateOptions) live(ctx context.Context, s *orgShell, found []validated, wants []routing.Desired) error {
	for i := range found {
		v := &found[i]
		report, problems, err := o.validateLive(ctx, s, o.Files[i], wants[i], wants)
		if err != nil {
			return err
		}
		v.Live = report
		v.Problems = append(v.Problems, problems...)
		v.OK = o.passes(v.Problems) && (report == nil || !o.blocks(*report, s.now()))
	}
	return nil
}

// blocks says whether findings make a file fail.
func (o validateOptions) blocks(r coverage.Report, now time.Time) bool {
	return slices.ContainsFunc(r.Findings, func(f routing.Finding) bool {
		if o.Strict && f.Severity == routing.SeverityWarning {
			f.Severity = routing.SeverityError
		}
		return f.Blocks(now)
	})
}

// show says what was found in each file.
func (o validateOptions) show(s *shell, found []validated) error {
	if s.json {
		if err := s.print(found, nil); err != nil {
			return err
		}
	}
	code := exitOK
	for i, v := range found {
		if err := s.showProblems(v.Problems); err != nil {
			return err
		}
		if v.Live != nil && !s.json {
			if i > 0 {
				fmt.Fprintln(s.stdout)
			}
			if err := staffing.Text(s.stdout, *v.Live, staffingStyle(s.outPaint), o.All); err != nil {
				return err
			}
		}
		if v.Live != nil {
			if err := o.writeOne(s, o.HTML, func(w io.Writer) error { return staffing.HTML(w, *v.Live, v.File) }); err != nil {
				return err
			}
		}
		switch {
		case v.OK && !s.json:
			fmt.Fprintf(s.stdout, "%s: ok (%s, %s)\n", v.File, phrase.Count(v.Rules, "rule"), phrase.Count(v.Tests, "test"))
		case v.OK:
		case o.passes(v.Problems):
			if o.Strict {
				s.say("%s: with --strict warnings fail too", v.File)
			}
			code = max(code, exitFindings)
		default:
			code = max(code, exitInvalid)
		}
	}
	if code != exitOK {
		return exit(code)
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

func staffingStyle(p paint) staffing.Style {
	if p.on() {
		return staffing.Colour()
	}
	return staffing.Style{}
}
