package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/simulate/capacity"
	"github.com/foresort/foresort/strategy"
)

// capacityOptions name the files of a capacity check. One of them can be "-".
type capacityOptions struct {
	Strategy string // a strategy file, or a JSON payload with routingRules
	Emails   string
	Agents   string
}

// capacityCheck says who gets which email, were they all there at this moment.
func (s *shell) capacityCheck(o capacityOptions) error {
	if err := oneFromStdin("strategy, emails and agents", o.Strategy, o.Emails, o.Agents); err != nil {
		return err
	}
	in, err := s.readCapacity(o)
	if err != nil {
		return err
	}
	result := capacity.Check(in)
	if s.json {
		return result.WriteJSON(s.stdout)
	}
	return s.print(nil, func(w io.Writer, p paint) error {
		t := capacityText{w: w, p: p, in: in, r: &result}
		t.print()
		return nil
	})
}

// readCapacity reads the three files; the error has the mistakes of all.
func (s *shell) readCapacity(o capacityOptions) (in capacity.Input, err error) {
	src, name, err := s.readInput(o.Strategy)
	if err != nil {
		return in, err
	}
	var all, problems strategy.Problems
	if isPayload(o.Strategy, src) {
		in.Rules, all = capacity.ReadPayload(name, src)
	} else {
		var st *strategy.Strategy
		st, all = strategy.Parse(name, src)
		if all.Err() == nil {
			in.Rules = capacity.FromStrategy(st)
		}
	}
	if src, name, err = s.readInput(o.Emails); err != nil {
		return in, err
	}
	in.Emails, problems = capacity.ReadEmails(name, src, in.Rules)
	all = append(all, problems...)
	if src, name, err = s.readInput(o.Agents); err != nil {
		return in, err
	}
	in.Agents, problems = capacity.ReadAgents(name, src, in.Rules)
	all = append(all, problems...)
	if err := all.Err(); err != nil || s.quiet {
		return in, err
	}
	return in, s.showProblems(all) // they only warn
}

// isPayload says whether a file is a JSON payload and no strategy file. A
// strategy can be written as JSON, too: then it has a version and no
// routingRules.
func isPayload(name string, src []byte) bool {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(src), "\ufeff")), &keys); err == nil {
		_, rules := keys["routingRules"]
		_, version := keys["version"]
		return rules || !version
	}
	return filepath.Ext(name) == ".json" || json.Valid(src) || strings.Contains(string(src), `"routingRules"`)
}

// capacityText prints the result of a capacity check for a person.
type capacityText struct {
	w  io.Writer
	p  paint
	in capacity.Input
	r  *capacity.Result
}

// capacityListed is how many agents, and how many reasons, are listed.
const capacityListed = 20

func (t *capacityText) print() {
	fmt.Fprintf(t.w, "%s, %s: %d routed, %d without an agent, %d without a rule\n",
		phrase.Count(len(t.in.Emails), "email"), phrase.Count(len(t.in.Agents), "agent"), len(t.r.Routed), len(t.r.NoAgent), len(t.r.Unrouted))
	t.rules()
	t.unrouted()
	t.agents()
}

// rules is a line for each rule, with the reason where email finds no agent.
func (t *capacityText) rules() {
	if len(t.in.Rules.List) == 0 {
		return
	}
	routed, lonely := make([]int, len(t.in.Rules.List)), make([]int, len(t.in.Rules.List))
	for _, x := range t.r.Routed {
		routed[x.Rule]++
	}
	for _, x := range t.r.NoAgent {
		lonely[x.Rule]++
	}
	fmt.Fprintf(t.w, "\n%s\n", t.p.bold(fmt.Sprintf("%-48s %9s  %9s", "rule", "routed", "no agent")))
	for i := range t.in.Rules.List {
		fmt.Fprintf(t.w, "%s %9d  %9d\n", t.cell(t.in.Rules.List[i].Label, 48), routed[i], lonely[i])
		if lonely[i] > 0 {
			t.reason(t.r.Why(i))
		}
	}
}

// reason prints a reason below what it is for, in lines that fit.
func (t *capacityText) reason(why string) {
	line := ""
	for word := range strings.FieldsSeq(t.clean(why)) {
		if line != "" && len([]rune(line))+len([]rune(word)) > 74 {
			fmt.Fprintf(t.w, "    %s\n", t.p.yellow(line))
			line = ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	fmt.Fprintf(t.w, "    %s\n", t.p.yellow(line))
}

// unrouted says why no rule takes an email, each reason once.
func (t *capacityText) unrouted() {
	if len(t.r.Unrouted) == 0 {
		return
	}
	times, reasons := map[string]int{}, []string{}
	for _, e := range t.r.Unrouted {
		why := t.in.Emails[e].NoRule
		if why == "" {
			why = "no rule matches, and none is the default"
		}
		if times[why]++; times[why] == 1 {
			reasons = append(reasons, why)
		}
	}
	fmt.Fprintf(t.w, "\n%s\n", t.p.bold("without a rule"))
	for i, why := range reasons {
		if i == capacityListed {
			fmt.Fprintf(t.w, "and for %s more\n", phrase.Count(len(reasons)-capacityListed, "reason"))
			break
		}
		fmt.Fprintf(t.w, "%s\n", phrase.Count(times[why], "email"))
		t.reason(why)
	}
}

// agents lists what agents have in hand before and after.
func (t *capacityText) agents() {
	if len(t.in.Agents) == 0 {
		return
	}
	full := 0
	lacking := map[string]int{} // agents by the numbers that they lack
	for i, a := range t.in.Agents {
		switch lacks := a.Lacks(); {
		case lacks != "":
			lacking[lacks]++
		case t.r.Loads[i] >= a.Limit:
			full++
		}
	}
	fmt.Fprintf(t.w, "\n%s\n", t.p.bold(fmt.Sprintf("%-40s %10s  %10s  %10s", "agent", "before", "after", "limit")))
	for i, a := range t.in.Agents[:min(capacityListed, len(t.in.Agents))] {
		fmt.Fprintf(t.w, "%s %10s  %10s  %10s\n", t.cell(a.ID, 40), t.amount(a.Load), t.amount(t.r.Loads[i]), t.amount(a.Limit))
	}
	if more := len(t.in.Agents) - capacityListed; more > 0 {
		fmt.Fprintf(t.w, "and %d more\n", more)
	}
	fmt.Fprintf(t.w, "%d of %s full\n", full, map[bool]string{true: "1 agent is", false: fmt.Sprintf("%d agents are", len(t.in.Agents))}[len(t.in.Agents) == 1])
	for _, lacks := range slices.Sorted(maps.Keys(lacking)) {
		verb := "have"
		if lacking[lacks] == 1 {
			verb = "has"
		}
		fmt.Fprintf(t.w, "%s %s no %s in the file, and so no room\n", phrase.Count(lacking[lacks], "agent"), verb, lacks)
	}
}

// amount is a number of emails; "-" where the file has none.
func (*capacityText) amount(f float64) string {
	if math.IsNaN(f) {
		return "-"
	}
	return strconv.FormatFloat(f, 'g', 6, 64)
}

// cell is a text in a column of a table, cut where it is too long.
func (t *capacityText) cell(s string, width int) string {
	runes := []rune(t.clean(s))
	if len(runes) > width {
		runes = append(runes[:width-1], '…')
	}
	return fmt.Sprintf("%-*s", width, string(runes))
}

// clean is a text without what a terminal would obey.
func (*capacityText) clean(s string) string {
	return strings.Map(func(r rune) rune {
		if yamlfile.Obeyed(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
