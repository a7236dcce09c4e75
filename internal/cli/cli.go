// Package cli is the foresort command line: arguments and streams in, an exit
// code out. Each command is one file with an options struct and a run method;
// facts go to stdout, talk to stderr.
package cli

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/genesys"
)

//go:generate go run ../tools/docs -dir ../../docs

// env is what the program gets from outside.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// commands lists all commands in the order of the help. A command is added
// here and nowhere else.
var commands = []func(*shell) *cobra.Command{
	initCommand,
	convertCommand,
	fmtCommand,
	validateCommand,
	simulateCommand,
	explainCommand,
	compareCommand,
	importCommand,
	planCommand,
	approveCommand,
	applyCommand, rolloutCommand,
	rollbackCommand, serveCommand, workerCommand, syncCommand, auditCommand, reportCommand, adjustCommand, statusCommand,

	demoCommand,
	doctorCommand,
	sandboxCommand,
	versionCommand,
}

// The groups of the help.
const (
	groupFile = "file" // works on strategy files, offline
	groupOrg  = "org"  // talks to an organisation
	groupAid  = "aid"
)

// Main runs the command line of this process and returns its exit code. The
// first interrupt cancels the command; a second one ends the process at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	return run(ctx, env{os.Stdin, os.Stdout, os.Stderr, os.Getenv}, os.Args[1:])
}

// run is the program as a function of its arguments and streams.
func run(ctx context.Context, e env, args []string) int {
	s := newShell(e)
	defer context.AfterFunc(ctx, func() {
		s.say("stopping; press Ctrl-C again to end at once")
	})()
	root := newRoot(s)
	root.SetArgs(args)
	// A command line that cannot be read to its end fails in JSON all the same.
	if end := slices.Index(args, "--"); slices.Contains(args[:cmp.Or(max(end, 0), len(args))], "--json") {
		s.json = true
	}
	if err := root.ExecuteContext(ctx); err != nil {
		return int(s.fail(ctx, err))
	}
	return int(exitOK)
}

// newRoot builds the command tree.
func newRoot(s *shell) *cobra.Command {
	root := &cobra.Command{
		Use:   "foresort",
		Short: "run email routing on Genesys Cloud from a strategy file",
		Long: `Foresort runs email routing on Genesys Cloud from a strategy file: it checks
the file, shows what would change, deploys it, and proves that it is live.

Facts go to stdout, talk goes to stderr. --json prints facts, and errors, as
JSON. Exit codes and settings: docs/cli.md and docs/config.md.`,
		Example:           "  foresort init --queue \"Support Email\" --skills Billing > support.yaml\n  foresort validate support.yaml",
		Version:           version().String(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(s.stdin)
	root.SetOut(s.stdout)
	root.SetErr(s.stderr)
	root.SetVersionTemplate("foresort {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.BoolVar(&s.json, "json", false, "print facts on stdout, and errors on stderr, as JSON")
	flags.BoolVarP(&s.quiet, "quiet", "q", false, "no talk and no progress on stderr, only errors")
	flags.BoolVarP(&s.verbose, "verbose", "v", false, "log what is done and every request on stderr")
	flags.BoolVar(&s.noColor, "no-color", false, "no colours, as with NO_COLOR set")
	addSettingFlags(flags, s.flags)
	if err := root.RegisterFlagCompletionFunc("region", regionNames); err != nil {
		panic(err) // the flag is defined above
	}
	root.AddGroup(
		&cobra.Group{ID: groupFile, Title: "Strategy files, without a network:"},
		&cobra.Group{ID: groupOrg, Title: "An organisation:"},
		&cobra.Group{ID: groupAid, Title: "Aids:"},
	)
	root.SetHelpCommandGroupID(groupAid)
	root.SetCompletionCommandGroupID(groupAid)
	for _, build := range commands {
		cmd := build(s)
		s.starts(cmd)
		root.AddCommand(cmd)
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Use, cmd.Args, cmd.RunE = "completion bash|fish|powershell|zsh", cobra.ArbitraryArgs, anyShell
		}
	}
	return root
}

// starts notes when a command, or one below it, begins: every check of the
// command line is behind us then.
func (s *shell) starts(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			s.started = true
			return run(cmd, args)
		}
	}
	for _, below := range cmd.Commands() {
		s.starts(below)
	}
}

// anyShell is the completion command without a shell, or with one that it does
// not know.
func anyShell(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var known []string
	for _, shell := range cmd.Commands() {
		known = append(known, shell.Name())
	}
	return invalid("it knows "+strings.Join(known, ", "), "there is no completion for the shell %q", args[0])
}

// regionNames completes the names of regions.
func regionNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, r := range genesys.Regions() {
		names = append(names, r.Name+"\t"+r.Domain)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// strategyFiles completes the names of YAML files.
func strategyFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
