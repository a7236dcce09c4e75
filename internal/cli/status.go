package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
)

// statusOptions are the arguments of foresort status.
type statusOptions struct {
	Files []string
	Watch bool
	Every time.Duration
}

func statusCommand(s *shell) *cobra.Command {
	o := statusOptions{}
	cmd := &cobra.Command{
		Use:     "status FILE...",
		GroupID: groupOrg,
		Short:   "how the queues stand now: waiting, service level, overrides",
		Long: `Status shows, for the queue of each strategy: how many emails wait and how old the
oldest is, how many agents have, how many agents are on queue, the service level of the
last hour and of today against its target, and the overrides that hold with what is left
of their leases: whether what each has set is still so, or who has changed it since, when
and to what. That is theirs: adjusting leaves it so. What is not known is a dash; nothing
is a 0.

--watch shows it again and again until Ctrl-C.`,
		Example:           "  foresort status examples/support.yaml examples/billing.yaml",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "show it again and again")
	cmd.Flags().DurationVar(&o.Every, "every", 15*time.Second, "with --watch: time between two looks, at least 2s")
	return cmd
}

// today and lastHour are the windows that status shows.
const (
	lastHour = "1h"
	today    = "today"
)

func (o statusOptions) run(ctx context.Context, s *shell) error {
	if o.Every < 2*time.Second {
		return invalid("give 2s or more", "--every %s is too often", o.Every)
	}
	wants, err := s.desired(o.Files)
	if err != nil {
		return err
	}
	return s.withOrg(ctx, func(s *orgShell) error {
		cfg, err := s.controlConfig()
		if err != nil {
			return err
		}
		cfg.All, cfg.Windows = true, []string{lastHour, today}
		c, err := control.New(cfg, wants)
		if err != nil {
			return invalid("", "%w", err)
		}
		s.standing = "nothing was changed"
		for {
			b, err := s.board(ctx, c)
			if err != nil && (!o.Watch || ctx.Err() != nil) {
				return err
			}
			if err != nil {
				s.say("%v", err)
			} else if err := s.print(b, func(w io.Writer, p paint) error {
				if o.Watch && isTerminal(s.stdout) {
					fmt.Fprint(w, clearScreen)
				}
				return printBoard(w, p, b)
			}); err != nil {
				return err
			}
			if !o.Watch {
				return nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(o.Every):
			}
		}
	})
}

// clearScreen puts the cursor to the top left and takes everything away.
const clearScreen = "\x1b[H\x1b[2J"

// board is how the queues stand.
type board struct {
	Org     routing.Ref    `json:"organisation"`
	At      time.Time      `json:"at"`
	Stopped bool           `json:"stopped"` // the switch of foresort adjust
	Queues  []standing     `json:"queues"`
	Budget  genesys.Budget `json:"budget"`
}

// standing is how one queue stands. What is null is not known.
type standing struct {
	Strategy    string                `json:"strategy"`
	Queue       routing.Ref           `json:"queue"`
	Waiting     *int                  `json:"waiting"`
	Oldest      *routing.Duration     `json:"oldest"`
	Interacting *int                  `json:"interacting"`
	OnQueue     *int                  `json:"onQueue"`
	Target      *routing.ServiceLevel `json:"serviceLevel"` // that the platform measures by
	Hour        *measured             `json:"lastHour"`
	Today       *measured             `json:"today"`
	Mode        routing.AdjustMode    `json:"adjust"`
	Words       string                `json:"words,omitempty"` // what adjusting comes to just now
	Reason      autopilot.Reason      `json:"reason,omitempty"`
	Overrides   []overrideHeld        `json:"overrides"`
	Error       string                `json:"error,omitempty"`
}

// measured are the figures of a window; the service level is null where there was
// nothing to measure.
type measured struct {
	Offered  int      `json:"offered"`
	Answered int      `json:"answered"`
	Percent  *float64 `json:"percent"`
}

func (s *orgShell) board(ctx context.Context, c *control.Control) (board, error) {
	looks, err := c.Watch(ctx)
	if err != nil {
		return board{}, err
	}
	b := board{Org: s.org, At: s.now().UTC(), Queues: []standing{}, Budget: s.client.Remaining()}
	for _, l := range looks {
		out, err := s.adjusted(ctx, c, l)
		if err != nil {
			return board{}, err
		}
		q := standing{Strategy: out.Strategy, Queue: out.Queue, Mode: out.Mode, Target: l.Queue.Settings.ServiceLevel, Overrides: out.Overrides}
		b.Stopped = b.Stopped || l.Hold == autopilot.Stopped
		if l.Err != nil {
			q.Error = l.Err.Error()
		}
		if state := l.Seen.State; state != nil {
			q.Waiting, q.Interacting, q.OnQueue = &state.Waiting, &state.Interacting, &state.OnQueue
			if state.Complete {
				var age routing.Duration
				if len(state.Emails) > 0 {
					age = routing.Duration(state.At.Sub(state.Emails[0].Entered).Round(time.Second))
				}
				q.Oldest = &age
			}
		}
		for window, into := range map[string]**measured{lastHour: &q.Hour, today: &q.Today} {
			if w, known := l.Seen.Windows[window]; known {
				m := &measured{Offered: w.Offered, Answered: w.Answered}
				if percent, defined := w.ServiceLevel(); defined {
					m.Percent = &percent
				}
				*into = m
			}
		}
		if l.Program.Mode != routing.AdjustOff {
			q.Words, q.Reason = out.Words, out.Reason
		}
		b.Queues = append(b.Queues, q)
	}
	return b, nil
}

func printBoard(w io.Writer, p paint, b board) error {
	fmt.Fprintf(w, "%s  %s", p.bold(b.Org.String()), b.At.Local().Format("Mon 2 Jan 15:04:05"))
	if b.Stopped {
		fmt.Fprintf(w, "  %s", p.red("adjusting is stopped"))
	}
	fmt.Fprintln(w)
	rows := [][]string{{"queue", "waiting", "oldest", "in hand", "on queue", "last hour", "today", "target"}}
	for _, q := range b.Queues {
		rows = append(rows, []string{
			q.Queue.Name, dash(q.Waiting), dash(q.Oldest), dash(q.Interacting), dash(q.OnQueue), level(p, q.Hour, q.Target), level(p, q.Today, q.Target), dash(q.Target),
		})
	}
	table(w, p, rows)
	for _, q := range b.Queues {
		switch {
		case q.Error != "":
			fmt.Fprintf(w, "%s  %s\n", q.Queue.Name, p.red(q.Error))
		case q.Mode != routing.AdjustOff:
			fmt.Fprintf(w, "%s  adjust (%s): %s\n", q.Queue.Name, q.Mode, q.Words)
		}
		printOverrides(w, p, q.Overrides, b.At)
	}
	fmt.Fprintf(w, "%s\n", p.dim(fmt.Sprintf("budget: %s a minute, %d free at once", phrase.Count(b.Budget.PerMinute, "request"), b.Budget.Free)))
	return nil
}

// dash is a value, or a dash where it is not known.
func dash[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

// level is a service level with the emails that it is made of, red where it misses
// its target.
func level(p paint, m *measured, target *routing.ServiceLevel) string {
	switch {
	case m == nil:
		return "-"
	case m.Percent == nil:
		return fmt.Sprintf("none of %d", m.Offered)
	}
	text := fmt.Sprintf("%.1f%% of %d", *m.Percent, m.Answered)
	if target != nil && *m.Percent < target.Percent {
		return p.red(text)
	}
	return text
}

// table writes rows in columns, the first of which is the head.
func table(w io.Writer, p paint, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], len([]rune(sheet.Plain(cell))))
		}
	}
	for n, r := range rows {
		var line strings.Builder
		for i, cell := range r {
			pad := strings.Repeat(" ", widths[i]-len([]rune(sheet.Plain(cell))))
			if n == 0 {
				cell = p.dim(cell)
			}
			if i == 0 {
				line.WriteString(cell + pad)
			} else {
				line.WriteString("  " + pad + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
