package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/strategy"
)

// initOptions are the flags of foresort init.
type initOptions struct {
	strategy.Options
	Within string // as typed
	Out    string
	Force  bool
}

func initCommand(s *shell) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:     "init --queue NAME",
		GroupID: groupFile,
		Short:   "write a first strategy file, with comments",
		Long: `Init writes a commented strategy file for a queue: its service level, its addresses
and rules, and the skills that they ask for. All names are those that people know;
no ids are needed. Change what does not fit, then run foresort validate.`,
		Example: `  foresort init --queue "Support Email"
  foresort init --queue "Support Email" --skills Billing,VIP --percent 90 --within 4h \
    --address support@help.example.com --out first.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return o.run(s) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Queue, "queue", "", "`name` of the queue")
	f.StringSliceVar(&o.Skills, "skills", nil, "`names` of the skills that the email asks for, with commas between")
	f.Float64Var(&o.Percent, "percent", 80, "how many of 100 emails to answer in time")
	f.StringVar(&o.Within, "within", "24h", "what in time means: a `time` such as 4h, or seconds")
	f.StringVar(&o.Language, "language", "", "`name` of the language that the email asks for")
	f.StringArrayVar(&o.Addresses, "address", nil, "an `address` that the mail comes in at; repeatable")
	f.StringVar(&o.From, "from", "", "the `name` that replies are sent from; default the queue's")
	f.StringVar(&o.Name, "name", "", "the strategy's own `name`; default made of the queue's")
	f.StringVarP(&o.Out, "out", "o", "", "`file` to write; default stdout")
	f.BoolVar(&o.Force, "force", false, "overwrite the file")
	if err := cmd.MarkFlagRequired("queue"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func (o initOptions) run(s *shell) error {
	within, err := strategy.ParseWithin(o.Within)
	if err != nil {
		return invalid("", "--within: %w", err)
	}
	if within < time.Second {
		return invalid("--within 4h", "--within %s: the platform's shortest is 1s", o.Within)
	}
	if o.Percent <= 1 || o.Percent > 100 {
		return invalid("--percent 90 stands for 90 of 100 emails", "--percent %g is not a number above 1 and up to 100", o.Percent)
	}
	o.Options.Within = within
	src, err := strategy.New(o.Options)
	if err != nil {
		return &failure{code: exitInvalid, err: err}
	}
	return s.writeStrategy(o.Out, src, nil, o.Force)
}
