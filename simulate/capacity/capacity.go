// Package capacity answers one question about one moment: rules, emails and
// agents as they are now in; who gets which email, and which email finds nobody
// and why, out. No time passes: for the day itself there is package simulate.
//
// With the rules of a JSON payload (ReadPayload) the answer has the values of
// the function that the payload's tutorial runs in JavaScript, and follows the
// rules of that language: the order of an object's keys, strict equality, what
// a missing value compares like. With a strategy (FromStrategy) an address
// decides the rule, and the rule's minutes of head start decide the order.
//
// Three things are as in the tutorial for both. The first agent in the order of
// the file that can take an email gets it: the input does not say who has been
// idle for how long, or how proficient anyone is. Whoever takes one is one
// nearer to the limit. And nothing is changed in the input.
package capacity

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Input is what there is at one moment.
type Input struct {
	Rules  Rules
	Emails []Email // in the order of arrival
	Agents []Agent // in the order in which they are asked
}

// Rules is how emails are told apart. ReadPayload and FromStrategy make it.
type Rules struct {
	Fields []string // the fields of an email that conditions look at
	List   []Rule   // the first that matches is an email's rule

	read reading
}

// Rule is one class of email.
type Rule struct {
	Label      string      // what people call it
	Type       []byte      // JSON that stands for it in the result; nil: nothing does
	Default    bool        // matches every email, whatever its conditions
	Conditions []Condition // all must hold; none always do
	Skills     []Value     // what a taker needs
	Languages  []string    // languages that a taker needs
}

// Condition says that a field of an email has a value.
type Condition struct {
	Field int   // index in Rules.Fields
	Value Value // Missing: the field is not there
}

// Email is one email.
type Email struct {
	JSON   []byte  // as it was read, and as it is written
	Head   int     // an email with a larger one goes first
	Values []Value // one for each of Rules.Fields
	NoRule string  // where it is known beforehand: why no rule takes it
}

// Agent is one person.
type Agent struct {
	ID        string
	Skills    []Value
	Languages []string
	// Load is how many emails are in hand, and Limit how many there can be. NaN
	// is no number at all: there is never room.
	Load, Limit float64
}

// Result says what becomes of each email. Its numbers are indices in the Input.
// Emails are in the order in which they had their turn.
type Result struct {
	Routed   []Routed
	Unrouted []int     // emails that no rule takes
	NoAgent  []Lonely  // emails that have a rule and no agent
	Loads    []float64 // by agent: how many emails are in hand afterwards

	in      Input
	needs   []need
	forRule []int // index in needs
}

// Routed is one email with its agent.
type Routed struct{ Email, Agent, Rule int }

// Lonely is one email that finds no agent.
type Lonely struct{ Email, Rule int }

// Check gives each email to an agent who can take it, where there is one.
//
// What is asked for is the same for all email of a rule, and loads only grow.
// So for each distinct set of skills the first agent with room is only ever
// further on, and nobody is asked twice.
func Check(in Input) Result {
	r := Result{in: in, Loads: make([]float64, len(in.Agents))}
	for i := range in.Agents {
		r.Loads[i] = in.Agents[i].Load
	}
	qualified := r.compile()
	r.Routed = make([]Routed, 0, len(in.Emails))
	for _, e := range byHead(in.Emails) {
		rule := in.Rules.match(&in.Emails[e])
		if rule < 0 {
			r.Unrouted = append(r.Unrouted, e)
			continue
		}
		n := &r.needs[r.forRule[rule]]
		for n.next < len(in.Agents) && !(qualified.has(n.next, n.mask) && r.Loads[n.next] < in.Agents[n.next].Limit) {
			n.next++
		}
		if n.next == len(in.Agents) {
			r.NoAgent = append(r.NoAgent, Lonely{e, rule})
			continue
		}
		r.Loads[n.next]++
		r.Routed = append(r.Routed, Routed{e, n.next, rule})
	}
	r.explain(qualified)
	return r
}

// match is the first rule that takes the email, or -1.
func (rs *Rules) match(e *Email) int {
	for i := range rs.List {
		if rs.List[i].Default || e.meets(rs.List[i].Conditions) {
			return i
		}
	}
	return -1
}

func (e *Email) meets(all []Condition) bool {
	for i := range all {
		if !e.Values[all[i].Field].same(&all[i].Value) {
			return false
		}
	}
	return true
}

// byHead lists the emails, those with the largest head start first, and else
// as they are.
func byHead(emails []Email) []int {
	order := make([]int, len(emails))
	if len(emails) == 0 {
		return order
	}
	least, most := emails[0].Head, emails[0].Head
	for i := range emails {
		least, most = min(least, emails[i].Head), max(most, emails[i].Head)
	}
	if span := uint(most) - uint(least); span > uint(4*len(emails)+64) {
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch x, y := emails[a].Head, emails[b].Head; {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return 0
		})
		return order
	}
	at := make([]int, most-least+1) // where the next of a head start goes
	for i := range emails {
		at[most-emails[i].Head]++
	}
	sum := 0
	for i, n := range at {
		at[i], sum = sum, sum+n
	}
	for i := range emails {
		place := &at[most-emails[i].Head]
		order[*place] = i
		*place++
	}
	return order
}

// need is one distinct set of things that a taker must have.
type need struct {
	rule       int // the first rule that asks for it
	mask       []uint64
	impossible bool   // asks for something that equals nothing
	next       int    // nobody before this agent can take another one
	have       int    // how many agents have all of it
	unknown    int    // of these: whose room is not known
	why        string // why an email of it finds no agent
}

// sets is which of the things that rules ask for each agent has. A thing is a
// bit.
type sets struct {
	words  int
	bits   []uint64 // words for each agent
	union  []uint64 // what anybody has
	wanted [][]int  // by rule: a bit for each of its skills, then its languages
}

// has says whether an agent has everything in a mask.
func (s sets) has(agent int, mask []uint64) bool {
	mine := s.bits[agent*s.words : (agent+1)*s.words]
	for i, want := range mask {
		if mine[i]&want != want {
			return false
		}
	}
	return true
}

// things numbers what rules ask for. Texts have a map of their own, which is
// quicker to look things up in.
type things struct {
	texts     map[string]int
	others    map[Value]int
	languages map[string]int
	n         int
}

func (t *things) add(v Value) int {
	if n, known := t.find(v); known {
		return n
	}
	if v.Kind == Text {
		t.texts[v.Text] = t.n
	} else {
		t.others[v] = t.n
	}
	t.n++
	return t.n - 1
}

func (t *things) find(v Value) (n int, known bool) {
	if v.Kind == Text {
		n, known = t.texts[v.Text]
	} else {
		n, known = t.others[v]
	}
	return n, known
}

func (t *things) addLanguage(name string) int {
	n, known := t.languages[name]
	if !known {
		n = t.n
		t.languages[name] = n
		t.n++
	}
	return n
}

// compile turns skills into bits: what each rule needs and each agent has.
func (r *Result) compile() sets {
	rules := r.in.Rules.List
	all := things{texts: map[string]int{}, others: map[Value]int{}, languages: map[string]int{}}
	wanted := make([][]int, len(rules))
	impossible := make([]bool, len(rules))
	for i := range rules {
		rule := &rules[i]
		for _, v := range rule.Skills {
			if v.Kind == Other {
				impossible[i] = true
				continue
			}
			wanted[i] = append(wanted[i], all.add(v))
		}
		for _, name := range rule.Languages {
			wanted[i] = append(wanted[i], all.addLanguage(name))
		}
	}
	s := sets{words: (all.n + 63) / 64, wanted: wanted}
	s.union = make([]uint64, s.words)
	s.bits = make([]uint64, s.words*len(r.in.Agents))
	for a := range r.in.Agents {
		agent, mine := &r.in.Agents[a], s.bits[a*s.words:(a+1)*s.words]
		for k := range agent.Skills {
			if n, wanted := all.find(agent.Skills[k]); wanted {
				mine[n/64] |= 1 << (n % 64)
			}
		}
		for _, name := range agent.Languages {
			if n, wanted := all.languages[name]; wanted {
				mine[n/64] |= 1 << (n % 64)
			}
		}
		for i, word := range mine {
			s.union[i] |= word
		}
	}
	r.forRule = make([]int, len(wanted))
	known := map[string]int{}
	for i := range wanted {
		n := need{rule: i, mask: make([]uint64, s.words), impossible: impossible[i]}
		if n.impossible {
			n.next = len(r.in.Agents)
		}
		for _, bit := range wanted[i] {
			n.mask[bit/64] |= 1 << (bit % 64)
		}
		key := n.key()
		at, seen := known[key]
		if !seen {
			at = len(r.needs)
			known[key] = at
			r.needs = append(r.needs, n)
		}
		r.forRule[i] = at
	}
	return s
}

// key is the same for the same need.
func (n *need) key() string {
	var b strings.Builder
	for _, word := range n.mask {
		for shift := 0; shift < 64; shift += 8 {
			b.WriteByte(byte(word >> shift))
		}
	}
	if n.impossible { // one for each rule, to name its own skills
		b.WriteString("!" + strconv.Itoa(n.rule))
	}
	return b.String()
}

// explain says for each need why an email of it finds no agent.
func (r *Result) explain(all sets) {
	for i := range r.needs {
		n := &r.needs[i]
		if !n.impossible {
			for a := range r.in.Agents {
				if all.has(a, n.mask) {
					n.have++
					if r.in.Agents[a].Lacks() != "" {
						n.unknown++
					}
				}
			}
		}
		n.why = r.reason(n, all)
	}
}

func (r *Result) reason(n *need, all sets) string {
	rule := &r.in.Rules.List[n.rule]
	asks := len(rule.Skills)+len(rule.Languages) > 0
	what := "skills"
	if len(rule.Skills) == 1 {
		what = "skill"
	}
	switch {
	case len(rule.Skills) == 0:
		what = "language"
	case len(rule.Languages) > 0:
		what += " and the language"
	}
	switch {
	case n.impossible:
		return "nobody can have a skill that is an object or a list: it equals nothing"
	case len(r.in.Agents) == 0:
		return "there are no agents"
	case n.have == 0:
		return all.lacking(rule, n)
	case !asks && n.have == 1:
		return "the only agent " + r.roomless(n, all)
	case !asks:
		return fmt.Sprintf("all %d agents %s", n.have, r.roomless(n, all))
	case n.have == 1:
		return "the only agent who has the " + what + " " + r.roomless(n, all)
	}
	return fmt.Sprintf("all %d agents who have the %s %s", n.have, what, r.roomless(n, all))
}

// roomless says why those who have what is asked for take nothing.
func (r *Result) roomless(n *need, all sets) string {
	switch {
	case n.unknown == 0 && n.have == 1:
		return "is full"
	case n.unknown == 0:
		return "are full"
	case n.have == 1:
		for a := range r.in.Agents {
			if all.has(a, n.mask) {
				return "has no " + r.in.Agents[a].Lacks()
			}
		}
	case n.unknown == n.have:
		return "lack currentLoad or maxCapacity"
	}
	return "are full, or lack currentLoad or maxCapacity"
}

// Lacks names the numbers that an agent needs for room and that the file does
// not have; empty where both are there.
func (a *Agent) Lacks() string {
	load, limit := math.IsNaN(a.Load), math.IsNaN(a.Limit)
	switch {
	case load && limit:
		return "currentLoad and no maxCapacity"
	case load:
		return "currentLoad"
	case limit:
		return "maxCapacity"
	}
	return ""
}

// lacking says what nobody has: single things that no one has, or else that
// no one has all of them together.
func (s sets) lacking(rule *Rule, n *need) string {
	together := true
	for i, word := range n.mask {
		together = together && s.union[i]&word == word
	}
	var skills, languages []string
	for i, bit := range s.wanted[n.rule] {
		if held := s.union[bit/64]>>(bit%64)&1 == 1; held != together {
			continue
		}
		list, name := &skills, ""
		if i < len(rule.Skills) {
			name = rule.Skills[i].String()
		} else {
			list, name = &languages, rule.Languages[i-len(rule.Skills)]
		}
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	if together {
		return "nobody has all of these together: " + named(skills, languages)
	}
	return "nobody has " + named(skills, languages)
}

// named lists skills and languages by name.
func named(skills, languages []string) string {
	var parts []string
	list := func(noun string, names []string) {
		switch len(names) {
		case 0:
			return
		case 1:
		default:
			noun += "s"
		}
		parts = append(parts, "the "+noun+" "+strings.Join(names, ", "))
	}
	list("skill", skills)
	list("language", languages)
	return strings.Join(parts, " and ")
}

// Why says why an email of a rule finds no agent.
func (r *Result) Why(rule int) string { return r.needs[r.forRule[rule]].why }

// Have is how many agents have what a rule asks for, full or not.
func (r *Result) Have(rule int) int { return r.needs[r.forRule[rule]].have }
