package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// adjustOptions are the arguments of foresort adjust.
type adjustOptions struct {
	running
	Files                []string
	Stop, Start, Restore bool
	Explain, DryRun      bool
}

func adjustCommand(s *shell) *cobra.Command {
	var o adjustOptions
	cmd := &cobra.Command{
		Use:     "adjust [FILE...]",
		GroupID: groupOrg,
		Short:   "look at queues once, and adjust them as their strategies say",
		Long: `Adjust looks at the queue of each strategy once, weighs the rules under "adjust", and
begins and ends overrides, within the limits of the file; foresort serve does so at
every tick. In the mode recommend it only says and records what it would do. How often
a condition has held in a row is remembered from one call to the next.

Several files are decided on together: of their queues not more than limits.share begin
an override at the same look, and none where more than a fifth miss their service level
at once. Overrides that others began a moment ago count in the share.

An override holds for its lease and is then put back, by serve or by the next call. What
somebody has changed meanwhile stays as it is, and email that was moved to another queue
stays there.

Before that, rules with a condition (when) are applied to the email that waits.

--stop lets nothing more be written until --start; --restore puts every override back,
also while all is stopped. --explain tells what every rule was weighed on and what came
of it, and what was decided in the last day.`,
		Example: `  foresort adjust examples/support.yaml
  foresort adjust examples/support.yaml --json
  foresort adjust --stop && foresort adjust --restore --yes`,
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.Explain, "explain", false, "tell what was weighed, and what was decided in the last day")
	f.BoolVarP(&o.DryRun, "dry-run", "n", false, "do nothing and record nothing")
	f.BoolVar(&o.Stop, "stop", false, "stop all adjusting in the organisation, at once")
	f.BoolVar(&o.Start, "start", false, "let adjusting go on")
	f.BoolVar(&o.Restore, "restore", false, "put every override back")
	o.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("stop", "start")
	cmd.MarkFlagsMutuallyExclusive("restore", "start")
	for _, look := range []string{"dry-run", "explain"} { // there is no look that they could be about
		for _, change := range []string{"stop", "start", "restore"} {
			cmd.MarkFlagsMutuallyExclusive(look, change)
		}
	}
	return cmd
}

func (o adjustOptions) run(ctx context.Context, s *shell) error {
	switching := o.Stop || o.Start || o.Restore
	switch {
	case switching && len(o.Files) > 0:
		return invalid("leave the files out", "--stop, --start and --restore are about everything that adjusts in the organisation")
	case !switching && len(o.Files) == 0:
		return invalid("foresort adjust FILE, or foresort adjust --stop", "name a strategy file")
	case o.Restore:
		return s.withOrg(ctx, func(s *orgShell) error { return o.switchAll(ctx, s) })
	case switching: // it must not depend on the platform
		return s.withKnownOrg(ctx, func(s *orgShell) error { return o.switchAll(ctx, s) })
	}
	wants, err := s.desired(o.Files)
	if err != nil {
		return err
	}
	for i, w := range wants {
		if w.Adjust == nil && !w.Live() {
			return invalid("describe when to do what under adjust: docs/autopilot.md", "%s does not adjust: it has no adjust section, and no rule with a condition", o.Files[i])
		}
	}
	return s.withOrg(ctx, func(s *orgShell) error { return o.look(ctx, s, wants) })
}

// controlConfig is what looking and adjusting needs.
func (s *orgShell) controlConfig() (control.Config, error) {
	cfg := control.Config{Client: s.client, Store: s.store, Ledger: s.ledger, Now: s.now, Dir: filepath.Join(s.state, s.org.ID)}
	if set, err := s.settings(); err == nil {
		cfg.ClientID = set.text("clientId")
	}
	demand, err := s.demanded("")
	cfg.Recommend = demand != ledger.DemandNothing
	return cfg, err
}

// needsApproval says why something is only recommended.
const needsApproval = "the setting requireApproval demands an approval of every plan, and nobody approves what is done to waiting email or for a time: it is only recommended"

// acts says that a strategy asks for what nobody approves.
func acts(w routing.Desired) bool {
	return w.Live() || w.Adjust != nil && w.Adjust.Mode == routing.AdjustAct
}

func (o adjustOptions) look(ctx context.Context, s *orgShell, wants []routing.Desired) error {
	cfg, err := s.controlConfig()
	if err != nil {
		return err
	}
	cfg.Wait = o.wait()
	if cfg.Recommend && slices.ContainsFunc(wants, acts) {
		s.say("%s", needsApproval)
	}
	c, err := control.New(cfg, wants)
	if err != nil {
		return invalid("", "%w", err)
	}
	do := c.Tick
	if o.DryRun {
		do = c.Watch
	}
	looks, err := do(ctx)
	for _, a := range c.Strays {
		s.say("strategy %s, rule %s (%s): %s; run %s", a.Strategy, a.Rule, a.Reason, a.Words, a.Run)
	}
	if err != nil {
		return err
	}
	s.sign(context.WithoutCancel(ctx))
	all := make([]adjustment, len(looks))
	var failed []error
	for i, l := range looks {
		if all[i], err = s.adjusted(ctx, c, l); err != nil {
			return err
		}
		if o.Explain {
			if all[i].Lately, err = s.lately(ctx, l.Program.Strategy); err != nil {
				return err
			}
		}
		for _, a := range l.Acts {
			if a.Err != nil {
				failed = append(failed, fmt.Errorf("rule %s: %s: %w", a.Rule, a.Words, a.Err))
			}
		}
		if l.Err != nil {
			failed = append(failed, fmt.Errorf("queue %s: %w", l.Program.Queue, l.Err))
		}
	}
	var out any = all
	if len(all) == 1 {
		out = all[0]
	}
	if err := s.print(out, func(w io.Writer, p paint) error {
		for i, l := range looks {
			if i > 0 && o.Explain {
				fmt.Fprintln(w)
			}
			if err := printAdjusted(w, p, l, all[i], o.Explain); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return errors.Join(failed...)
}

// lately are the decisions about a strategy of the last day, newest first.
func (s *orgShell) lately(ctx context.Context, strategy string) ([]ledger.Decided, error) {
	all, err := s.ledger.Decisions(ctx)
	since := s.now().Add(-24 * time.Hour)
	all = slices.DeleteFunc(all, func(d ledger.Decided) bool { return d.Strategy != strategy || d.At.Before(since) })
	slices.Reverse(all)
	return all, err
}

// adjustment is what foresort adjust tells programs.
type adjustment struct {
	Adjusted bool             `json:"adjusted"` // an override began or ended
	Reason   autopilot.Reason `json:"reason"`
	Words    string           `json:"words"`
	// NewConfig is how the queue is measured, by what is known now: percent, and
	// seconds.
	NewConfig *newConfig         `json:"newConfig"`
	Strategy  string             `json:"strategy"`
	Queue     routing.Ref        `json:"queue"`
	Mode      routing.AdjustMode `json:"mode"`
	At        time.Time          `json:"at"`
	Rules     []weighed          `json:"rules"`
	Acts      []acted            `json:"acts"`
	Overrides []overrideHeld     `json:"overrides"` // that hold
	Lately    []ledger.Decided   `json:"lately,omitempty"`
}

type newConfig struct {
	Percent float64 `json:"slaPercent"`
	Target  float64 `json:"slaTarget"`
}

// weighed is what came of one rule.
type weighed struct {
	Rule    string            `json:"rule"`
	Reason  autopilot.Reason  `json:"reason"`
	Words   string            `json:"words"`
	Figures map[string]string `json:"figures"`
	InARow  int               `json:"inARow"`
	For     int               `json:"for"`
}

// acted is what was done.
type acted struct {
	// Strategy is that of the rule, where overrides of several are put back.
	Strategy string           `json:"strategy,omitempty"`
	Rule     string           `json:"rule"`
	Reason   autopilot.Reason `json:"reason"`
	Words    string           `json:"words"`
	Run      string           `json:"run,omitempty"`
	Error    string           `json:"error,omitempty"`
}

// overrideHeld is an override that holds.
type overrideHeld struct {
	Rule  string        `json:"rule"`
	Run   string        `json:"run"`
	Began time.Time     `json:"began"`
	Ends  time.Time     `json:"ends"`
	Sets  []control.Set `json:"sets"`
}

func (s *orgShell) adjusted(ctx context.Context, c *control.Control, l control.Look) (adjustment, error) {
	sets, err := c.Standings(ctx, l)
	if err != nil {
		return adjustment{}, err
	}
	p := l.Program
	out := adjustment{
		Reason: l.Reason(), Strategy: p.Strategy, Queue: l.Queue.Ref, Mode: p.Mode, At: l.At,
		Rules: []weighed{}, Acts: []acted{}, Overrides: []overrideHeld{},
	}
	if out.Queue.Name == "" {
		out.Queue.Name = p.Queue
	}
	if level := l.Queue.Settings.ServiceLevel; level != nil {
		out.NewConfig = &newConfig{Percent: level.Percent, Target: time.Duration(level.Within).Seconds()}
	}
	for i, w := range l.Rules {
		r := p.Rules[w.Rule]
		out.Rules = append(out.Rules, weighed{Rule: r.Name, Reason: w.Reason, Words: p.Explain(w), Figures: p.Inputs(i, l.Figures), InARow: w.InARow, For: r.For})
	}
	for _, a := range l.Acts {
		x := acted{Rule: a.Rule, Reason: a.Reason, Words: a.Words, Run: a.Run}
		if a.Err != nil {
			x.Error = a.Err.Error()
		}
		out.Adjusted = out.Adjusted || a.Run != "" && a.Err == nil && a.Reason != autopilot.LiveRule
		out.Acts = append(out.Acts, x)
	}
	for _, lease := range l.Leases {
		if lease.Ended.IsZero() {
			out.Overrides = append(out.Overrides, overrideHeld{Rule: lease.Rule, Run: lease.ID, Began: lease.Began, Ends: lease.Ends, Sets: append([]control.Set{}, sets[lease.ID]...)})
		}
	}
	own := func(a control.Act) bool { return a.Reason != "" && a.Reason != autopilot.LiveRule }
	if i := slices.IndexFunc(l.Acts, own); i >= 0 && !slices.ContainsFunc(l.Acts, func(a control.Act) bool { return a.Reason == out.Reason }) {
		out.Reason = l.Acts[i].Reason // what was decided came to something else
	}
	out.Words = words(l, out)
	return out, nil
}

// words sums a look up in one line.
func words(l control.Look, out adjustment) string {
	switch {
	case l.Err != nil:
		return "nothing could be decided"
	case len(out.Acts) > 0:
		return fmt.Sprintf("rule %s: %s", out.Acts[0].Rule, out.Acts[0].Words)
	case len(out.Rules) == 0:
		return "there is no rule under adjust"
	}
	for _, r := range out.Rules {
		if r.Reason == out.Reason {
			return fmt.Sprintf("rule %s: %s", r.Rule, r.Words)
		}
	}
	return l.Program.Explain(autopilot.Weighing{Reason: out.Reason})
}

func printAdjusted(w io.Writer, p paint, l control.Look, out adjustment, explain bool) error {
	switch {
	case l.Err != nil && len(out.Acts) == 0: // there may be something
		fmt.Fprintf(w, "%s  %s\n", p.bold(out.Queue.String()), out.Words)
	case len(out.Acts) == 0:
		fmt.Fprintf(w, "%s  nothing to do: %s\n", p.bold(out.Queue.String()), out.Words)
	}
	for _, a := range out.Acts {
		mark := p.green("done")
		switch {
		case a.Error != "":
			mark = p.red("failed")
		case a.Run == "":
			mark = p.yellow("not done")
		}
		fmt.Fprintf(w, "%s  %s  rule %s (%s): %s", p.bold(out.Queue.String()), mark, a.Rule, a.Reason, a.Words)
		if a.Run != "" {
			fmt.Fprintf(w, "; run %s", a.Run)
		}
		fmt.Fprintln(w)
	}
	printOverrides(w, p, out.Overrides, l.At)
	if !explain {
		return nil
	}
	for _, r := range out.Rules {
		fmt.Fprintf(w, "\n%s  %s\n", p.bold("rule "+r.Rule), r.Words)
		for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
			fmt.Fprintf(w, "  %-28s  %s\n", name, r.Figures[name])
		}
		fmt.Fprintf(w, "  %-28s  %d of %d\n", "looks in a row", r.InARow, r.For)
	}
	if len(out.Lately) > 0 {
		fmt.Fprintf(w, "\n%s\n", p.bold("in the last day"))
	}
	for _, d := range out.Lately {
		fmt.Fprintf(w, "  %s  rule %s (%s): %s\n", d.At.Local().Format("2006-01-02 15:04:05"), d.Rule, d.Reason, d.Words)
		for _, rule := range slices.Sorted(maps.Keys(d.Considered)) {
			fmt.Fprintf(w, "    considered: rule %s (%s)\n", rule, d.Considered[rule])
		}
	}
	return nil
}

func printOverrides(w io.Writer, p paint, all []overrideHeld, now time.Time) {
	for _, o := range all {
		left := o.Ends.Sub(now).Round(time.Second)
		text := "ends in " + routing.Duration(left).String()
		if left <= 0 {
			text = p.red("is past its end")
		}
		fmt.Fprintf(w, "  override of rule %s, run %s, since %s, %s\n", o.Rule, o.Run, o.Began.Local().Format("15:04:05"), text)
		printSets(w, p, o.Sets)
	}
}

// printSets tells how that stands what an override has set. What is the same of many
// emails or agents is one line.
func printSets(w io.Writer, p paint, sets []control.Set) {
	nouns := map[plan.Kind]string{plan.Email: "waiting email", plan.Utilization: "agent"}
	alike := func(s control.Set) string { return fmt.Sprint(s.Kind, s.Field, standingWords(p, s)) }
	count := map[string]int{}
	for _, s := range sets {
		count[alike(s)]++
	}
	for _, s := range sets {
		about, key := fmt.Sprintf("%s of %s", s.Field, s.Object), alike(s)
		switch n := count[key]; {
		case s.Agent.ID != "":
			about = fmt.Sprintf("%s in %s", s.Agent, s.Object)
		case nouns[s.Kind] != "" && n == 0:
			continue // said
		case nouns[s.Kind] != "" && (n > 1 || s.Kind == plan.Email):
			about = fmt.Sprintf("%s of %s", s.Field, phrase.Count(n, nouns[s.Kind]))
			delete(count, key)
		}
		fmt.Fprintf(w, "    %s: %s\n", about, standingWords(p, s))
	}
}

// standingWords says whether something is still as an override has set it, or who has
// made what of it.
func standingWords(p paint, s control.Set) string {
	switch s.Is {
	case control.Holds:
		if s.Kind == plan.Email {
			return "as the override has set it"
		}
		return s.Value + ", as the override has set it"
	case control.Unseen:
		return p.yellow("not known whether it is still " + s.Value + ", as the override has set it")
	case control.Changed:
	}
	by := "by somebody (it is not known who)"
	switch {
	case s.Run != "":
		by = "by run " + s.Run + " of Foresort"
	case s.By != nil && s.By.Name+s.By.ID != "":
		by = "by " + cmp.Or(s.By.Name, "the program with the OAuth client "+s.By.ID)
	}
	at := ""
	if !s.At.IsZero() && s.Kind != plan.Email {
		at = " at " + s.At.Local().Format("2006-01-02 15:04:05")
	}
	return p.yellow(s.Now) + " since it was changed " + by + at + "; the override had set " + s.Value + ", and adjusting does not touch it any more, also not at its end"
}

// switchAll puts the switch, and puts overrides back.
func (o adjustOptions) switchAll(ctx context.Context, s *orgShell) error {
	if o.Stop || o.Start {
		if err := s.ledger.SwitchTo(ctx, ledger.Switch{Stopped: o.Stop, By: approveOptions{}.who()}); err != nil {
			return err
		}
	}
	var acts []control.Act
	if o.Restore {
		if !o.Yes {
			if err := s.ask(ctx, fmt.Sprintf("Put every override back in %s?", s.org)); err != nil {
				return err
			}
		}
		cfg, err := s.controlConfig()
		if err != nil {
			return err
		}
		cfg.Wait = o.wait()
		c, err := control.New(cfg, nil)
		if err != nil {
			return err
		}
		if acts, err = c.RestoreAll(ctx); err != nil {
			return err
		}
	}
	s.sign(context.WithoutCancel(ctx))
	now, at, err := s.ledger.Switched(ctx)
	if err != nil {
		return err
	}
	var failed []error
	list := []acted{}
	for _, a := range acts {
		x := acted{Strategy: a.Strategy, Rule: a.Rule, Reason: a.Reason, Words: a.Words, Run: a.Run}
		if a.Err != nil {
			x.Error = a.Err.Error()
			failed = append(failed, fmt.Errorf("strategy %s, rule %s: %s: %w", a.Strategy, a.Rule, a.Words, a.Err))
		}
		list = append(list, x)
	}
	if err := s.print(map[string]any{"stopped": now.Stopped, "restored": list}, func(w io.Writer, p paint) error {
		switch {
		case now.Stopped:
			fmt.Fprintf(w, "%s since %s by %s: nothing is written until foresort adjust --start\n", p.red("stopped"), at.Local().Format("2006-01-02 15:04:05"), now.By)
		case o.Start:
			fmt.Fprintf(w, "%s: what strategies ask for is done again\n", p.green("started"))
		}
		for _, a := range list {
			fmt.Fprintf(w, "strategy %s, rule %s: %s", a.Strategy, a.Rule, a.Words)
			if a.Run != "" {
				fmt.Fprintf(w, "; run %s", a.Run)
			}
			fmt.Fprintln(w)
		}
		if o.Restore {
			fmt.Fprintln(w, phrase.Count(len(list)-len(failed), "override")+" put back")
		}
		return nil
	}); err != nil {
		return err
	}
	return errors.Join(failed...)
}
