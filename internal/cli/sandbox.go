package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
)

// sandboxOptions are the flags of foresort sandbox.
type sandboxOptions struct {
	Listen           string
	ClientID, Secret string
	Faults           []string
	RateLimit        int
	Activation       time.Duration
	Replication      time.Duration
	Seed             uint64
	Empty            bool
	Traffic          string
	History          int // days; below 0: as the traffic has it
	Speed            float64
}

func sandboxCommand(s *shell) *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use:     "sandbox",
		GroupID: groupAid,
		Short:   "run an organisation that answers like Genesys Cloud",
		Long: `Sandbox serves sign-in and API of a made-up organisation on one address, until
Ctrl-C. It prints the environment lines that point Foresort at it. Its page at /
lists the requests that it got; /healthz answers when it is up.

The organisation lives: mail arrives, agents keep to their shifts and work it under
the configuration of the moment, and it has done so for 35 days. --traffic gives it
the mail and the agents of a scenario file, which names addresses in place of rules;
agents whom it does not know are hired, and work from now on. --speed 600 lets ten
minutes pass in a second.

A fault rule makes it fail on purpose: METHOD PATH -> STATUS, "slow 2s", "cut 120"
or "reset", and how often. docs/sandbox.md lists the rules, and what the sandbox
does not imitate.`,
		Example: `  foresort sandbox
  foresort sandbox --listen 127.0.0.1:8183 --traffic examples/traffic.yaml --speed 600
  foresort sandbox --listen 127.0.0.1:8181 --activation-delay 20s --replication-delay 3s
  foresort sandbox --listen 127.0.0.1:8182 --fault "POST */routes -> 503 twice" --rate-limit 60`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), s) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Listen, "listen", "127.0.0.1:8180", "`address` to listen on; port 0 takes a free one")
	f.StringVar(&o.ClientID, "client-id", sandbox.DefaultClientID, "the `id` of its OAuth client")
	f.StringVar(&o.Secret, "client-secret", sandbox.DefaultClientSecret, "the `secret` of its OAuth client; opens nothing else")
	f.StringArrayVar(&o.Faults, "fault", nil, "a fault `rule`; repeatable")
	f.IntVar(&o.RateLimit, "rate-limit", 300, "requests a minute and token; -1: no limit")
	f.DurationVar(&o.Activation, "activation-delay", 0, "how long an email route stays Pending")
	f.DurationVar(&o.Replication, "replication-delay", 0, "how long reads may show what was before a write")
	f.Var((*seed)(&o.Seed), "seed", "same seed, same ids")
	f.BoolVar(&o.Empty, "empty", false, "start without queues, users, skills and domains, and at rest")
	f.StringVar(&o.Traffic, "traffic", seedTraffic, "a scenario `file`, whose mail arrives; "+seedTraffic+": that of the organisation itself; "+noTraffic+": none")
	f.IntVar(&o.History, "history", -1, "`days` that it has lived already; -1: 35 with its own traffic, else 0")
	f.Float64Var(&o.Speed, "speed", 1, "how much faster than the clock time passes in it, up to 100000")
	return cmd
}

// The words for --traffic that name no file.
const (
	seedTraffic = "seed"
	noTraffic   = "none"
)

// life says which mail arrives, and for how long it has.
func (o sandboxOptions) life(s *shell) (*scenario.Scenario, time.Duration, error) {
	days := o.History
	switch {
	case days > maxHistory:
		return nil, 0, invalid("", "--history: %d days is more than %d", days, maxHistory)
	case !(o.Speed >= 0.001) || o.Speed > 100_000:
		return nil, 0, invalid("", "--speed: %g is not within 0.001 and 100000", o.Speed)
	case o.Traffic == noTraffic, o.Empty && o.Traffic == seedTraffic:
		return nil, 0, nil
	case o.Empty:
		return nil, 0, invalid("", "--empty: an organisation without addresses takes no mail; leave --traffic out")
	case o.Traffic == seedTraffic:
		if days < 0 {
			days = 35
		}
		return sandbox.SeedTraffic(), time.Duration(days) * 24 * time.Hour, nil
	}
	sc, err := s.readScenario(o.Traffic)
	return sc, time.Duration(max(days, 0)) * 24 * time.Hour, err
}

// maxHistory is how many days the sandbox may have lived.
const maxHistory = 366

// standIn is where a sandbox can be reached and as whom.
type standIn struct {
	URL          string `json:"url"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

func (o sandboxOptions) run(ctx context.Context, s *shell) error {
	var faults []sandbox.Fault
	for _, rule := range o.Faults {
		f, err := sandbox.ParseFault(rule)
		if err != nil {
			return invalid("", "--fault: %w", err)
		}
		faults = append(faults, f)
	}
	traffic, history, err := o.life(s)
	if err != nil {
		return err
	}
	server := sandbox.New(sandbox.Options{
		Traffic: traffic, History: history, Speed: o.Speed,
		Seed: o.Seed, ClientID: o.ClientID, ClientSecret: o.Secret, RateLimit: o.RateLimit,
		ActivationDelay: o.Activation, ReplicationDelay: o.Replication, Faults: faults, Empty: o.Empty,
	})
	if err := server.Err(); err != nil {
		return invalid("", "--traffic: %w", err)
	}
	base, err := server.Start(o.Listen) //nolint:contextcheck // it serves until Close
	if err != nil {
		return err
	}
	defer server.Close()
	if err := s.print(standIn{base, o.ClientID, o.Secret}, func(w io.Writer, _ paint) error {
		return o.exports(w, base)
	}); err != nil {
		return err
	}
	s.say("the sandbox answers on %s until Ctrl-C", base)
	<-ctx.Done()
	return server.Close()
}

// exports writes the lines that point Foresort, and in a comment the official
// SDKs (their [gateway] section), at a sandbox.
func (o sandboxOptions) exports(w io.Writer, base string) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `export FORESORT_GATEWAY=%s
export GENESYS_CLIENT_ID=%s
export GENESYS_CLIENT_SECRET=%s
# the official SDKs, in their configuration file:
#   [gateway]
#   protocol = %s
#   host = %s
#   port = %s
`, quote(base), quote(o.ClientID), quote(o.Secret), u.Scheme, u.Hostname(), u.Port())
	return err
}

// quote writes a text as one word of a POSIX shell.
func quote(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@", r)
	}) && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
