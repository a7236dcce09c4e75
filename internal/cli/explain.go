package cli

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
	"github.com/foresort/foresort/simulate/capacity"
	"github.com/foresort/foresort/strategy"
)

// explainOptions are the arguments of foresort explain.
type explainOptions struct {
	Strategy string
	Email    []string
	Agents   string
	Scenario string
	At       string
}

func explainCommand(s *shell) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:     "explain STRATEGY --email to=ADDRESS",
		GroupID: groupFile,
		Short:   "tell where one email goes and why, without a network",
		Long: `Explain follows one email through a strategy: the rule that takes it, its head start
over other email, and ring by ring what a taker needs. The email is a JSON file with
to, from, subject and attributes, or written out as to=…, subject=…, NAME=… (an
attribute), one --email for each.

With --scenario it also names who qualifies in each ring, and who of them is on queue
--at a time (default: the scenario's start). With --agents, the file of a capacity
check, it names who qualifies and who has room.`,
		Example: `  foresort explain examples/support.yaml --email to=vip@help.example.com
  foresort explain examples/support.yaml --email to=support@help.example.com --scenario examples/scenario.yaml --at "2026-11-30 10:30"`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: strategyFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			o.Strategy = args[0]
			return o.run(s)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&o.Email, "email", nil, "JSON `file` of the email, or one of its fields, such as to=vip@help.example.com; repeatable")
	f.StringVar(&o.Agents, "agents", "", "JSON `file` of agents, as for a capacity check")
	f.StringVar(&o.Scenario, "scenario", "", "`file` of the scenario whose agents are looked at")
	f.StringVar(&o.At, "at", "", "a `time` within the scenario, such as \"2026-11-30 10:30\"")
	cmd.MarkFlagsMutuallyExclusive("agents", "scenario")
	cmd.MarkFlagsMutuallyExclusive("agents", "at")
	if err := cmd.MarkFlagRequired("email"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// explained is what explain prints with --json.
type explained struct {
	Email   strategy.Email `json:"email"`
	Why     string         `json:"why"` // which rule takes it
	Routed  bool           `json:"routed"`
	At      *time.Time     `json:"at,omitempty"` // when it was looked who is there
	Address string         `json:"queue,omitempty"`
	*simulate.Explanation
}

func (o explainOptions) run(s *shell) error {
	if err := oneFromStdin("strategy, email, agents and scenario", slices.Concat([]string{o.Strategy, o.Agents, o.Scenario}, o.Email)...); err != nil {
		return err
	}
	email, err := o.email(s)
	if err != nil {
		return err
	}
	st, err := s.readStrategy(o.Strategy)
	if err != nil {
		return err
	}
	want := st.Desired()
	d := st.Decide(email)
	out := explained{Email: email, Why: d.Why, Routed: d.Rule != "", Address: want.Queue.Name}
	if !out.Routed {
		out.Address = ""
		return s.print(out, func(w io.Writer, p paint) error {
			_, err := fmt.Fprintf(w, "%s  %s\nNo rule takes it: this strategy leaves it alone.\n", p.bold(email.To), d.Why)
			return err
		})
	}
	model, at, err := o.model(s, want)
	if err != nil {
		return err
	}
	if o.Scenario != "" {
		when := model.Start.Add(at)
		out.At = &when
	}
	rule := slices.IndexFunc(model.Rules, func(r simulate.Rule) bool { return r.Name == d.Rule })
	follows(&model.Rules[rule], d)
	x := simulate.Explain(model, rule, at)
	out.Explanation = &x
	return s.print(out, func(w io.Writer, p paint) error {
		out.text(w, p)
		return nil
	})
}

// follows makes a rule what was decided, which may be of two rules.
func follows(r *simulate.Rule, d strategy.Decision) {
	if d.Priority != nil {
		r.Priority = *d.Priority
	}
	if r.Skills = d.Skills; d.Language != strategy.None {
		r.Language = d.Language
	}
}

// email reads the email from the flags.
func (o explainOptions) email(s *shell) (strategy.Email, error) {
	out := strategy.Email{}
	for _, text := range o.Email {
		key, value, isField := strings.Cut(text, "=")
		if _, err := os.Stat(text); err == nil || !isField || text == "-" {
			src, name, err := s.readInput(text)
			if err != nil {
				return out, err
			}
			if err := capacity.ReadEmail(name, src, &out).Err(); err != nil {
				return out, err
			}
			continue
		}
		switch key {
		case "to":
			out.To = value
		case "from":
			out.From = value
		case "subject":
			out.Subject = value
		default:
			if out.Attributes == nil {
				out.Attributes = map[string]string{}
			}
			out.Attributes[key] = value
		}
	}
	if out.To == "" {
		return out, invalid("add --email to=ADDRESS", "the email does not say whom it is to, and the address decides its rule")
	}
	if _, err := routing.ParseAddress(out.To); err != nil {
		return out, invalid("write --email to=vip@help.example.com", "%w", err)
	}
	return out, nil
}

// model is the queue with its rules, and the agents where any were named.
func (o explainOptions) model(s *shell, want routing.Desired) (m simulate.Model, at time.Duration, err error) {
	if o.Scenario != "" {
		sc, err := s.readScenario(o.Scenario)
		if err != nil {
			return m, 0, err
		}
		if m, err = s.model(sc, want); err != nil {
			return m, 0, err
		}
		at, err = within(m, o.At)
		return m, at, err
	}
	if o.At != "" {
		return m, 0, invalid("add --scenario", "--at asks who is there at a time, and only a scenario knows")
	}
	m.Queues = []simulate.Queue{{Name: want.Queue.Name, Settings: want.Queue.Settings}}
	for _, r := range want.Rules {
		m.Rules = append(m.Rules, simulate.RuleOf(r))
	}
	if o.Agents != "" {
		m.Agents, err = s.agentsNow(o.Agents)
	}
	return m, 0, err
}

// within is a time as a span from the start of a model.
func within(m simulate.Model, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, m.Start.Location()); err == nil {
			d := t.Sub(m.Start)
			if d < 0 || d >= m.Horizon {
				return 0, invalid("name a time within it", "%s is not within the scenario, which goes from %s to %s", text, m.Start.Format(atLayout), m.Start.Add(m.Horizon).Format(atLayout))
			}
			return d, nil
		}
	}
	return 0, invalid("write it as 2026-11-30 10:30", "%q is not a time", text)
}

// atLayout is how times within a scenario are written.
const atLayout = "2006-01-02 15:04"

// agentsNow are the agents of a capacity check as members of the queue with
// the room that they have left.
func (s *shell) agentsNow(file string) ([]simulate.Agent, error) {
	src, name, err := s.readInput(file)
	if err != nil {
		return nil, err
	}
	read, problems := capacity.ReadAgents(name, src, capacity.FromStrategy(&strategy.Strategy{}))
	if err := problems.Err(); err != nil {
		return nil, err
	}
	out := []simulate.Agent{}
	for _, a := range read {
		in := simulate.Agent{
			Name: a.ID, Skills: map[string]float64{}, Languages: map[string]float64{},
			Members: []simulate.Membership{{Queue: 0, Ring: 1}}, Shifts: []simulate.Span{{From: 0, To: 1}},
		}
		if room := a.Limit - a.Load; room > 0 {
			in.Capacity = int(math.Ceil(room))
		}
		for _, skill := range a.Skills {
			in.Skills[skill.Text] = 0
		}
		for _, language := range a.Languages {
			in.Languages[language] = 0
		}
		out = append(out, in)
	}
	return out, nil
}

// text tells it step by step.
func (x explained) text(w io.Writer, p paint) {
	fmt.Fprintf(w, "%s  %s\n", p.bold(x.Email.To), p.dim(x.Why))
	fmt.Fprintf(w, "It enters the queue %s %s.\n", x.Address, headStart(x.Priority))
	for _, o := range x.Others {
		fmt.Fprintf(w, "  %s\n", against(x.Order, x.Priority, o))
	}
	if x.Deadline > 0 {
		fmt.Fprintf(w, "Its deadline is %s; the platform does not know it, reports measure it.\n", x.Deadline)
	}
	if x.LastAgent != routing.LastAgentOff {
		who := "who wrote last in its thread"
		if x.LastAgent == routing.LastAgentQueueMembers {
			who += ", if they are a member"
		}
		fmt.Fprintf(w, "If it is a reply: first the agent %s, where they are on queue with room.\n", who)
	}
	for _, step := range x.Steps {
		x.step(w, p, step)
	}
	fmt.Fprintf(w, "An agent whom it alerts has %s to answer; then it is back in the queue, with its age.\n", x.Alert)
}

func (x explained) step(w io.Writer, p paint, step simulate.Step) {
	when := "at once"
	if step.After > 0 {
		when = "after " + step.After.String()
	}
	fmt.Fprintf(w, "\n%s, score %d\n", p.bold(fmt.Sprintf("Ring %d, %s", step.Ring, when)), step.Score)
	if len(step.Dropped) > 0 {
		fmt.Fprintf(w, "  no longer asks for %s\n", strings.Join(step.Dropped, ", "))
	}
	if len(step.Added) > 0 {
		fmt.Fprintf(w, "  the agents of %s come in\n", strings.Join(step.Added, ", "))
	}
	fmt.Fprintf(w, "  a taker needs %s%s\n", needs(step), pickText(x.Evaluation))
	if step.Takers == nil {
		return
	}
	if len(step.Takers) == 0 && step.Ring == 1 {
		fmt.Fprintln(w, p.yellow("  nobody qualifies"))
		return
	}
	if len(step.Takers) == 0 {
		fmt.Fprintln(w, "  nobody more qualifies")
		return
	}
	at := "now"
	if x.At != nil {
		at = "at " + x.At.Format("Mon "+atLayout)
	}
	more := ""
	if step.Ring > 1 {
		more = " more"
	}
	var able, others []string
	for _, t := range step.Takers {
		text := t.Agent
		if x.Evaluation == routing.BestSkill && t.Proficiency > 0 {
			text += fmt.Sprintf(" (%g)", t.Proficiency)
		}
		if t.Now {
			able = append(able, text)
		} else {
			others = append(others, text+": "+t.Why)
		}
	}
	fmt.Fprintf(w, "  %d%s can take it %s%s\n", len(able), more, at, listed(able))
	if len(others) > 0 {
		fmt.Fprintf(w, "  %d%s would qualify%s\n", len(others), more, listed(others))
	}
}

// listed is the first of a list.
func listed(items []string) string {
	const most = 8
	if len(items) == 0 {
		return ""
	}
	if len(items) > most {
		items = append(slices.Clone(items[:most]), fmt.Sprintf("and %d more", len(items)-most))
	}
	return ": " + strings.Join(items, ", ")
}

func headStart(priority int) string {
	switch {
	case priority > 0:
		return fmt.Sprintf("with a head start of %s", minutes(priority))
	case priority < 0:
		return fmt.Sprintf("%s behind", minutes(-priority))
	}
	return "with no head start"
}

func minutes(n int) string { return routing.Duration(time.Duration(n) * time.Minute).String() }

// against says who goes first.
func against(order routing.Order, priority int, o simulate.Against) string {
	head := time.Duration(o.Head)
	switch {
	case order == routing.PriorityOnly && priority != o.Priority:
		first := "before"
		if priority < o.Priority {
			first = "after"
		}
		return fmt.Sprintf("it goes %s all email of the rule %s, however old that is", first, o.Rule)
	case head > 0:
		return fmt.Sprintf("it goes before email of the rule %s that came up to %s earlier", o.Rule, o.Head)
	case head < 0:
		return fmt.Sprintf("email of the rule %s that came up to %s later goes before it", o.Rule, routing.Duration(-head))
	}
	return fmt.Sprintf("among email of the rule %s the older goes first", o.Rule)
}

func needs(step simulate.Step) string {
	all := slices.Clone(step.Skills)
	if step.Language != "" {
		all = append(all, step.Language)
	}
	return cmp.Or(strings.Join(all, " and "), "no skill")
}

func pickText(e routing.Evaluation) string {
	switch e {
	case routing.BestSkill:
		return "; the most proficient of the 100 longest idle gets it"
	case routing.LongestIdle:
		return ", but skills are disregarded; the longest idle gets it"
	case routing.AllSkills:
	}
	return "; the longest idle who has all gets it"
}
