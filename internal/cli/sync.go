package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/internal/daemon"
	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

func syncCommand(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sync",
		GroupID: groupOrg,
		Short:   "deliveries to other systems: list, show, repeat, test, add",
		Long: `Sync shows what foresort serve has told other systems, and what it could not, and
repeats it byte for byte; it tries endpoints out, and adds one to a strategy file.`,
		Example: "  foresort sync list --state dead",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(syncListCommand(s), syncShowCommand(s), syncReplayCommand(s), syncTestCommand(s), syncVerifyCommand(s), syncEnableCommand(s), syncAddCommand(s))
	return cmd
}

// withOutbox does something with the deliveries of the organisation.
func (s *shell) withOutbox(ctx context.Context, do func(*orgShell, *jobs.Outbox) error) error {
	return s.withOrg(ctx, func(s *orgShell) error { return do(s, jobs.NewOutbox(s.store, s.org.ID)) })
}

func syncListCommand(s *shell) *cobra.Command {
	var f jobs.Filter
	var state string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "list deliveries, newest first",
		Long:    "List shows deliveries: those that are open (tried again by themselves), delivered, or dead (given up).",
		Example: "  foresort sync list --state dead\n  foresort sync list --endpoint support/mail-gateway --limit 100 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.State = jobs.State(state)
			switch f.State {
			case "", jobs.Open, jobs.Delivered, jobs.Dead:
			default:
				return invalid("open, delivered or dead", "%q is no state of a delivery", state)
			}
			return s.withOutbox(cmd.Context(), func(s *orgShell, o *jobs.Outbox) error {
				all, err := o.List(cmd.Context(), f)
				if err != nil {
					return err
				}
				off, err := o.Disabled(cmd.Context())
				if err != nil {
					return err
				}
				return s.print(map[string]any{"deliveries": all, "disabled": off}, func(w io.Writer, p paint) error {
					return printDeliveries(w, p, all, off)
				})
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only those that are open, delivered or dead")
	cmd.Flags().StringVar(&f.Endpoint, "endpoint", "", "only those to an endpoint, by its `name`: strategy/name")
	cmd.Flags().StringVar(&f.Object, "object", "", "only those about an object, such as queue:ID")
	cmd.Flags().Int64Var(&f.Limit, "limit", 50, "at most so many")
	return cmd
}

func printDeliveries(w io.Writer, p paint, all []jobs.Delivery, off map[string]string) error {
	for name, reason := range off {
		fmt.Fprintf(w, "%s  %s gets nothing: %s; foresort sync enable %s\n", p.red("disabled"), name, reason, name)
	}
	if len(all) == 0 {
		fmt.Fprintln(w, "no deliveries")
	}
	for _, d := range all {
		state := p.yellow(string(d.State))
		switch d.State {
		case jobs.Delivered:
			state = p.green(string(d.State))
		case jobs.Dead:
			state = p.red(string(d.State))
		case jobs.Open:
		}
		fmt.Fprintf(w, "%s  %s  %-9s  %s  %s", d.ID, time.UnixMicro(d.Created).Local().Format("2006-01-02 15:04:05"), state, d.Endpoint, d.Event)
		if d.LastWords != "" && d.State != jobs.Delivered {
			fmt.Fprintf(w, "\n%34s%s after %s", "", d.LastWords, phrase.Count(int(d.Attempts), "attempt"))
			if d.State == jobs.Open {
				fmt.Fprintf(w, "; again at %s", time.UnixMicro(d.NextAt).Local().Format("15:04:05"))
			}
		}
		fmt.Fprintln(w)
	}
	return nil
}

func syncShowCommand(s *shell) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "show one delivery with its body",
		Long:    "Show prints a delivery with the body that the endpoint gets, byte for byte.",
		Example: "  foresort sync show msg_0123456789abcdef01234567",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withOutbox(cmd.Context(), func(s *orgShell, o *jobs.Outbox) error {
				d, err := o.Get(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return s.print(d, func(w io.Writer, p paint) error {
					if err := printDeliveries(w, p, []jobs.Delivery{d}, nil); err != nil {
						return err
					}
					_, err := fmt.Fprintln(w, d.Body)
					return err
				})
			})
		},
	}
}

func syncReplayCommand(s *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "replay ID...",
		Short: "send deliveries again, byte for byte",
		Long: `Replay sends deliveries that are dead or delivered again, with the same id and the
same body. foresort serve does it, as soon as nothing else about the object is under way.`,
		Example: "  foresort sync replay msg_0123456789abcdef01234567",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withOutbox(cmd.Context(), func(s *orgShell, o *jobs.Outbox) error {
				for _, id := range args {
					if err := o.Replay(cmd.Context(), id); err != nil {
						return err
					}
					s.say("%s: open again", id)
				}
				return nil
			})
		},
	}
}

func syncEnableCommand(s *shell) *cobra.Command {
	return &cobra.Command{
		Use:     "enable ENDPOINT",
		Short:   "let an endpoint that was disabled get deliveries again",
		Long:    "Enable lets an endpoint that has answered 410 (it wants no more) get deliveries again.",
		Example: "  foresort sync enable support/mail-gateway",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withOutbox(cmd.Context(), func(s *orgShell, o *jobs.Outbox) error {
				err := o.Enable(cmd.Context(), args[0])
				if errors.Is(err, jobs.ErrNotDisabled) {
					return invalid("foresort sync list names those that are, as strategy/name", "%w", err)
				}
				if err != nil {
					return err
				}
				s.say("%s gets deliveries again", args[0])
				return nil
			})
		},
	}
}

// endpointsOf are the endpoints of a strategy file.
func (s *shell) endpointsOf(file string) (routing.Desired, []relay.Endpoint, error) {
	want, err := s.desiredOf(file)
	if err != nil {
		return want, nil, err
	}
	out, err := s.endpoints(want)
	if err == nil && len(out) == 0 {
		err = invalid("foresort sync add QUEUE URL --file "+file+" adds one", "%s has no endpoint under sync", file)
	}
	return want, out, err
}

// endpoints are those of a strategy, with their secrets.
func (s *shell) endpoints(want routing.Desired) (out []relay.Endpoint, err error) {
	for _, t := range want.Sync {
		e, err := daemon.Endpoint(want.Strategy, t, s.lookup)
		if err != nil {
			return nil, invalid("", "%w", err)
		}
		out = append(out, e)
	}
	return out, nil
}

// tried is what an endpoint answered.
type tried struct {
	Endpoint string `json:"endpoint"`
	OK       bool   `json:"ok"`
	Status   int    `json:"status,omitempty"`
	Answer   string `json:"answer"`
}

func syncTestCommand(s *shell) *cobra.Command {
	var allow []string
	cmd := &cobra.Command{
		Use:     "test FILE",
		Short:   "send a test event to the endpoints of a strategy, at once",
		Long:    "Test sends each endpoint under sync a signed event of the type foresort.test, once, and says what it answered. It needs no account.",
		Example: "  foresort sync test support.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			want, endpoints, err := s.endpointsOf(args[0])
			if err != nil {
				return err
			}
			all, err := testEndpoints(cmd.Context(), want, endpoints, allow)
			if err != nil {
				return err
			}
			return s.tried(all)
		},
	}
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "a `host` of endpoints that may be private or loopback; repeatable")
	return cmd
}

// testEndpoints sends each endpoint a test event, once. allow are the hosts that
// may be private or loopback.
func testEndpoints(ctx context.Context, want routing.Desired, endpoints []relay.Endpoint, allow []string) ([]tried, error) {
	sender := relay.NewSender(relay.SenderOptions{Allow: allow})
	defer sender.Close()
	now := time.Now().UTC()
	e := relay.Event{ID: fmt.Sprintf("evt_test_%d", now.UnixNano()), Type: "foresort.test", At: now, Facts: relay.Facts{
		Strategy: want.Strategy, Object: relay.Object{Kind: relay.Queue, Ref: routing.Ref{Name: want.Queue.Name}}, Actor: relay.Actor{Kind: relay.Foresort},
	}}
	m, err := e.Message()
	if err != nil {
		return nil, err
	}
	var all []tried
	for _, to := range endpoints {
		req, err := to.Request(ctx, m, time.Now())
		if err != nil {
			return nil, err
		}
		v := sender.Send(ctx, req)
		all = append(all, tried{to.Name, v.Outcome == relay.Delivered, v.Status, v.Words})
	}
	return all, nil
}

// tried prints answers, and fails where one is bad.
func (s *shell) tried(all []tried) error {
	if err := s.print(map[string]any{"endpoints": all}, func(w io.Writer, p paint) error {
		for _, t := range all {
			mark := p.green("ok  ")
			if !t.OK {
				mark = p.red("fail")
			}
			fmt.Fprintf(w, "%s  %s  %s\n", mark, t.Endpoint, t.Answer)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, t := range all {
		if !t.OK {
			return exit(exitFailed)
		}
	}
	return nil
}

func syncVerifyCommand(s *shell) *cobra.Command {
	var allow []string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "ask the endpoints which versions they hold",
		Long: `Verify asks each endpoint, with a signed GET, which version of every object of the
strategy it holds ({"version": N}), and lists those that lag behind the newest event in
the ledger that it is told of. For an endpoint that does not answer such a question it
says so.`,
		Example: "  foresort sync verify support.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			want, endpoints, err := s.endpointsOf(args[0])
			if err != nil {
				return err
			}
			return s.withOrg(cmd.Context(), func(s *orgShell) error {
				sender := relay.NewSender(relay.SenderOptions{Allow: allow})
				defer sender.Close()
				var all []tried
				for i, to := range endpoints {
					objects, err := daemon.Versions(cmd.Context(), s.store, s.org.ID, want.Strategy, want.Sync[i].Events)
					if err != nil {
						return err
					}
					for _, o := range objects {
						all = append(all, askVersion(cmd.Context(), sender, to, o))
					}
				}
				if len(all) == 0 {
					s.say("nothing that the endpoints are told of has changed yet, while foresort serve %s ran", args[0])
				}
				return s.tried(all)
			})
		},
	}
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "a `host` of endpoints that may be private or loopback; repeatable")
	return cmd
}

func askVersion(ctx context.Context, sender *relay.Sender, to relay.Endpoint, o daemon.Version) tried {
	t := tried{Endpoint: to.Name}
	req, err := to.VersionRequest(ctx, o.Object, time.Now())
	if err != nil {
		t.Answer = err.Error()
		return t
	}
	body, v := sender.Ask(ctx, req)
	t.Status = v.Status
	if v.Outcome != relay.Delivered {
		t.Answer = fmt.Sprintf("%s: %s", o.Key(), v.Words)
		return t
	}
	holds, err := relay.ReadVersion(body)
	switch {
	case err != nil:
		t.Answer = fmt.Sprintf("%s: %v", o.Key(), err)
	case holds < o.Version:
		t.Answer = fmt.Sprintf("%s: it holds version %d, and %d is the newest: it lags", o.Key(), holds, o.Version)
	default:
		t.OK, t.Answer = true, fmt.Sprintf("%s: version %d", o.Key(), holds)
	}
	return t
}

func syncAddCommand(s *shell) *cobra.Command {
	var file, secret, name string
	cmd := &cobra.Command{
		Use:   "add QUEUE URL",
		Short: "add an endpoint to a strategy file",
		Long: `Add writes an entry under sync into a strategy file, named "Email Routing Sync - QUEUE"
unless --name says otherwise, and prints its webhookId and status. The entry acts once
foresort serve runs with the file.`,
		Example: `  foresort sync add "Support Email" https://gateway.example.com/hooks/routing --file examples/support.yaml --secret GATEWAY_SECRET`,
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			src, path, err := s.readInput(file)
			if err != nil {
				return err
			}
			st, problems := strategy.Parse(path, src)
			if err := problems.Err(); err != nil {
				return err
			}
			if st.Queue != args[0] {
				return invalid("name the strategy file of that queue with --file", "%s is the strategy of the queue %s, not of %s", path, st.Queue, args[0])
			}
			if name == "" {
				name = strategy.SyncName(st.Queue)
			}
			out, err := strategy.AddSync(path, src, routing.SyncTarget{Name: name, URL: args[1], Secret: strings.Trim(secret, "${}")})
			if err != nil {
				return invalid("", "%w", err)
			}
			if err := s.writeOutput(file, out, true); err != nil {
				return err
			}
			id := st.Name + "/" + name
			return s.print(map[string]string{"webhookId": id, "status": "enabled", "file": path}, func(w io.Writer, _ paint) error {
				_, err := fmt.Fprintf(w, "webhookId: %s\nstatus: enabled\n", id)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "the strategy `file` that gets the entry")
	cmd.Flags().StringVar(&name, "name", "", "the entry's `name`")
	cmd.Flags().StringVar(&secret, "secret", "FORESORT_SYNC_SECRET", "the environment `variable` that holds the secret")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}
