package cli

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/joho/godotenv"
	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/daemon"
	"github.com/foresort/foresort/routing"
)

// serveOptions are the arguments of foresort serve and foresort worker.
type serveOptions struct {
	Files  []string
	Listen string
	Allow  []string
	Poll   time.Duration
	Sweep  time.Duration
	Limit  time.Duration
	watch  bool
}

func serveCommand(s *shell) *cobra.Command {
	o := serveOptions{watch: true}
	cmd := &cobra.Command{
		Use:     "serve FILE...",
		GroupID: groupOrg,
		Short:   "watch the organisation, and tell other systems of every change",
		Long: `Serve runs until Ctrl-C or SIGTERM. It watches every queue and address that the
strategies name and the agents' capacity that they own, puts each change into the
ledger, with who made it and whether it was Foresort, and sends it, signed, to the
endpoints under "sync" of the strategy. A change is heard of by the platform's
notifications within a second or so, by the audit trail every --poll, and in any case
by reading everything every --sweep, after which the ledger is signed.

It looks at the queues of strategies that adjust, at every tick, and begins and ends
overrides as their rules say. Rules with a condition (when) are applied to waiting
email within seconds of its arrival. foresort adjust --stop stops all of that.

It makes the reports that strategies ask for by the calendar (report), each once; of
those that were missed while nothing ran it makes the newest.

Several may run on one database: one watches, one adjusts, one reports, all deliver. A delivery that fails is
tried again for 72 hours, with growing pauses; deliveries about one object to one
endpoint keep their order. "foresort sync" lists and repeats them.

--listen answers /healthz, /readyz and /metrics (Prometheus). Endpoints at private or
loopback addresses are refused unless --allow names the host.`,
		Example:           "  foresort serve examples/support.yaml\n  foresort serve support.yaml billing.yaml --database postgres://foresort@db/foresort --listen 127.0.0.1:9464",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
	o.flags(cmd)
	cmd.Flags().DurationVar(&o.Poll, "poll", 30*time.Second, "how often the audit trail is asked")
	cmd.Flags().DurationVar(&o.Sweep, "sweep", 10*time.Minute, "how often every object is read")
	return cmd
}

func workerCommand(s *shell) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:     "worker FILE...",
		GroupID: groupOrg,
		Short:   "deliver what serve has found, beside it",
		Long: `Worker delivers changes that foresort serve has put into a shared PostgreSQL database,
and watches nothing itself. Any number of them may run.`,
		Example:           "  foresort worker examples/support.yaml --database postgres://foresort@db/foresort",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *serveOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Listen, "listen", "", "`address` of health and metrics, such as 127.0.0.1:9464; none if not set")
	f.StringArrayVar(&o.Allow, "allow", nil, "a `host` of endpoints that may be private or loopback; repeatable")
	f.DurationVar(&o.Limit, "limit", 72*time.Hour, "how long a delivery is tried")
}

func (o serveOptions) run(ctx context.Context, s *shell) error {
	wants, err := s.desired(o.Files)
	if err != nil {
		return err
	}
	return s.withOrg(ctx, func(s *orgShell) error {
		if !o.watch && !s.store.Postgres() {
			return invalid("foresort serve delivers by itself; several machines share a --database postgres://…", "a worker needs a database that it shares, and %s is a file", s.store)
		}
		cfg := o.config(s, wants)
		if o.watch {
			if err := s.adjusts(&cfg, wants); err != nil {
				return err
			}
			cfg.Report, cfg.Sign = s.reportOf, s.checkpointed
		}
		d, err := daemon.New(cfg)
		if err != nil {
			return invalid("", "%w", err)
		}
		s.standing = "what was found is kept, and what is not delivered yet goes on at the next start"
		s.say("%s: until Ctrl-C", s.org)
		return d.Run(ctx)
	})
}

// adjusts adds what adjusts the queues.
func (s *orgShell) adjusts(into *daemon.Config, wants []routing.Desired) error {
	cfg, err := s.controlConfig()
	if err != nil {
		return err
	}
	if cfg.Recommend && slices.ContainsFunc(wants, acts) {
		s.say("%s", needsApproval)
	}
	// What is not seen for so long is told, and stays: the next tick is due.
	cfg.Wait = apply.Wait{Limit: time.Minute, RouteLimit: time.Minute}
	into.Control, err = control.New(cfg, wants)
	return err
}

func (o serveOptions) config(s *orgShell, wants []routing.Desired) daemon.Config {
	cfg := daemon.Config{
		Store: s.store, Org: s.org, Strategies: wants, Getenv: s.lookup, Allow: o.Allow, Limit: o.Limit, Poll: o.Poll, Sweep: o.Sweep, Listen: o.Listen, Log: s.daemonLog(),
	}
	if set, err := s.settings(); err == nil {
		cfg.ClientID = set.text("clientId")
	}
	if o.watch {
		cfg.Client = s.client
	}
	return cfg
}

// daemonLog is text on a terminal, and JSON lines for whoever collects them.
func (s *shell) daemonLog() *slog.Logger {
	level := slog.LevelInfo
	switch {
	case s.verbose:
		level = slog.LevelDebug
	case s.quiet:
		level = slog.LevelError
	}
	o := &slog.HandlerOptions{Level: level}
	if isTerminal(s.stderr) {
		return slog.New(slog.NewTextHandler(s.stderr, o))
	}
	return slog.New(slog.NewJSONHandler(s.stderr, o))
}

// lookup reads a variable of the environment, or of .env in the working folder.
func (s *shell) lookup(name string) string {
	if v := s.getenv(name); v != "" {
		return v
	}
	dotenv, err := godotenv.Read(".env")
	if err != nil {
		return "" // the settings have said so, where there is one
	}
	return dotenv[name]
}
