package capacity

import (
	"fmt"
	"math"
	"slices"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// reading is how emails and agents are read for some rules.
type reading struct {
	strategy *strategy.Strategy // nil for a payload
	decided  map[string]decided // by address
}

// decided is what the strategy says of an address.
type decided struct {
	rule, head int // rule is -1 where there is none
	why        string
}

// ReadPayload reads the rules of a JSON payload: routingRules, each with type,
// conditions (but for the type default, which takes everything) and
// routingStrategy.skills. Anything else in it is not looked at. Problems has
// every mistake, also in rules that no email would reach.
func ReadPayload(file string, data []byte) (Rules, strategy.Problems) {
	var rules Rules
	src, ok := openSource(file, data)
	if !ok {
		return rules, src.problems()
	}
	doc, ok := src.document()
	if !ok {
		return rules, src.problems()
	}
	if list := src.list(&doc, "", "routingRules", "it is a list of rules, each with type, conditions and routingStrategy"); list != nil {
		for i := range list.list {
			if r, ok := src.rule(&rules, &list.list[i], item("routingRules", i)); ok {
				rules.List = append(rules.List, r)
			}
		}
	}
	rules.label()
	return rules, src.problems()
}

// list is a list that an object must have under a key; nil, and reported, where
// it does not.
func (s *source) list(n *node, path, key, hint string) *node {
	if !n.isObject {
		s.fail(n.at, path, n.what()+" where an object belongs", "")
		return nil
	}
	l := n.get(key)
	switch {
	case l == nil:
		s.fail(n.at, under(path, key), "is missing", hint)
	case !l.isList():
		s.fail(l.at, under(path, key), l.what()+" where a list belongs", hint)
		return nil
	}
	return l
}

// rule reads one rule.
func (s *source) rule(rules *Rules, n *node, path string) (r Rule, ok bool) {
	before := len(s.bad)
	if !n.isObject {
		s.fail(n.at, path, n.what()+" where a rule belongs", "a rule is an object with type, conditions and routingStrategy")
		return r, false
	}
	if t := n.get("type"); t != nil {
		r.Type = s.data[t.at:t.end]
		r.Label, r.Default = t.value().String(), t.kind == Text && t.text == "default"
	}
	if !r.Default {
		if list := s.list(n, path, "conditions", `a rule without conditions has an empty list, or the type "default"`); list != nil {
			for i := range list.list {
				s.condition(rules, &r, &list.list[i], item(under(path, "conditions"), i))
			}
		}
	}
	strategyPath := under(path, "routingStrategy")
	way := n.get("routingStrategy")
	if way == nil {
		s.fail(n.at, strategyPath, "is missing", "it says which skills the rule asks for: { \"skills\": [] }")
	} else if list := s.list(way, strategyPath, "skills", "a rule that asks for none has an empty list"); list != nil {
		for i := range list.list {
			r.Skills = append(r.Skills, list.list[i].value())
		}
	}
	return r, len(s.bad) == before
}

// condition reads one condition. The operator is not looked at.
func (s *source) condition(rules *Rules, r *Rule, n *node, path string) {
	if !n.isObject {
		s.fail(n.at, path, n.what()+" where a condition belongs", "a condition is an object with field and value")
		return
	}
	field := n.get("field")
	name, ok := propertyKey(field)
	if !ok {
		s.fail(field.at, under(path, "field"), "cannot be the name of a field", "")
		return
	}
	c := Condition{Field: slices.Index(rules.Fields, name)}
	if c.Field < 0 {
		c.Field = len(rules.Fields)
		rules.Fields = append(rules.Fields, name)
	}
	if v := n.get("value"); v != nil {
		c.Value = v.value()
	}
	r.Conditions = append(r.Conditions, c)
}

// label gives each rule a name of its own for people.
func (rs *Rules) label() {
	times := map[string]int{}
	for i := range rs.List {
		times[rs.List[i].Label]++
	}
	for i := range rs.List {
		switch r := &rs.List[i]; {
		case r.Label == "":
			r.Label = fmt.Sprintf("rule %d", i+1)
		case times[r.Label] > 1:
			r.Label = fmt.Sprintf("%s (rule %d)", r.Label, i+1)
		}
	}
}

// FromStrategy makes the rules of a strategy that Parse found no error in. The
// address that an email was sent to decides its rule, as on the platform; an
// email without one, or with one that the strategy does not take, has none. A
// rule with a larger priority goes first, and without one it has 0. Where
// agents are chosen by longest-idle, neither skills nor languages are asked
// for, as the platform disregards both; and where the strategy leaves the
// choice alone, they are.
func FromStrategy(s *strategy.Strategy) Rules {
	rs := Rules{Fields: []string{"rule"}, read: reading{strategy: s, decided: map[string]decided{}}}
	for i, r := range s.Rules {
		rule := Rule{
			Label: r.Name, Type: quoted(r.Name),
			Conditions: []Condition{{Field: 0, Value: NumberValue(float64(i))}},
		}
		if s.Agents != routing.LongestIdle {
			for _, name := range r.Skills {
				rule.Skills = append(rule.Skills, TextValue(name))
			}
			if r.Language != "" && r.Language != strategy.None {
				rule.Languages = []string{r.Language}
			}
		}
		rs.List = append(rs.List, rule)
	}
	return rs
}

// decide asks the strategy once for each address.
func (r *reading) decide(to string) decided {
	d, known := r.decided[to]
	if !known {
		is := r.strategy.DecideAddress(to)
		d = decided{rule: slices.IndexFunc(r.strategy.Rules, func(x strategy.Rule) bool { return is.Rule != "" && x.Name == is.Rule }), why: is.Why}
		if is.Priority != nil {
			d.head = *is.Priority
		}
		r.decided[to] = d
	}
	return d
}

// ReadEmails reads a list of emails, each an object. What is not asked for by
// the rules is only carried along.
func ReadEmails(file string, data []byte, rules Rules) ([]Email, strategy.Problems) {
	src, ok := openSource(file, data)
	if !ok {
		return nil, src.problems()
	}
	sc := &scanner{data: src.data}
	if c := sc.peek(); c != '[' {
		if n := sc.node(0); sc.end() {
			src.fail(n.at, "", n.what()+" where a list of emails belongs", `it looks like [{"id": "e1", "priority": "high"}]`)
		} else {
			src.syntax(sc.pos)
		}
		return nil, src.problems()
	}
	sc.pos++
	r := &emailReader{src: src, sc: sc, rules: rules, texts: map[string]string{}}
	var emails []Email
	for first := true; sc.next(first, ']'); first = false {
		emails = append(emails, r.email(len(emails)))
	}
	if !sc.end() {
		src.syntax(sc.pos)
	}
	if problems := src.problems(); problems != nil {
		return nil, problems
	}
	return emails, nil
}

// emailReader reads emails one after the other.
type emailReader struct {
	src   *source
	sc    *scanner
	rules Rules
	texts map[string]string // one copy of what comes often
	block []Value           // where the values of the next emails go
}

// maxTexts bounds what is remembered to be had only once.
const maxTexts = 4096

func (r *emailReader) email(i int) (e Email) {
	sc, fields := r.sc, r.rules.Fields
	if sc.peek() != '{' {
		if n := sc.node(1); !sc.broken {
			r.src.fail(n.at, item("", i), n.what()+" where an email belongs", "an email is an object")
		}
		return e
	}
	from := sc.pos
	sc.pos++
	if len(r.block) < len(fields) {
		r.block = make([]Value, 256*len(fields))
	}
	e.Values, r.block = r.block[:len(fields):len(fields)], r.block[len(fields):]
	decided := r.rules.read.strategy != nil
	if !decided {
		for k, name := range fields {
			e.Values[k] = absent(name)
		}
	}
	var to node
	for first := true; sc.next(first, '}'); first = false {
		key, plain := sc.text()
		if !plain {
			key = []byte(unquote(key))
		}
		sc.take(':')
		switch {
		case decided && string(key) == "to":
			to = sc.node(2)
		case !decided && r.wanted(key, &e):
		default:
			sc.skip(2)
		}
	}
	if e.JSON = sc.data[from:sc.pos]; decided && !sc.broken {
		r.decide(&e, &to, i)
	}
	return e
}

// decide finds the rule of an email by its address.
func (r *emailReader) decide(e *Email, to *node, i int) {
	d := decided{rule: -1, why: `it has no address under "to", and only an address decides a rule`}
	switch to.kind {
	case Text:
		d = r.rules.read.decide(to.text)
	case Missing:
	default:
		r.src.fail(to.at, item("", i)+".to", to.what()+" where an address belongs", "")
	}
	if e.Head = d.head; d.rule < 0 {
		e.NoRule = d.why
	}
	e.Values[0] = NumberValue(float64(d.rule))
}

// wanted reads the value that comes next into the email, if rules or the order
// depend on the key.
func (r *emailReader) wanted(key []byte, e *Email) bool {
	field := -1
	for i, name := range r.rules.Fields {
		if len(name) == len(key) && name == string(key) {
			field = i
			break
		}
	}
	priority := string(key) == "priority"
	if field < 0 && !priority {
		return false
	}
	var v Value
	if r.sc.peek() == '"' {
		inside, plain := r.sc.text()
		if !plain {
			inside = []byte(unquote(inside))
		}
		text, known := r.texts[string(inside)]
		if !known {
			text = string(inside)
			if len(r.texts) < maxTexts {
				r.texts[text] = text
			}
		}
		v = TextValue(text)
		if priority {
			e.Head = heads[text]
		}
	} else {
		n := r.sc.node(2)
		v = n.value()
		if priority {
			e.Head = headOf(&n)
		}
	}
	if field >= 0 {
		e.Values[field] = v
	}
	return true
}

// ReadAgents reads an object of agents by their ids, in the order in which
// JavaScript walks it: ids that are whole numbers first, in order, then the
// others as they come. Languages are only looked at for a strategy.
func ReadAgents(file string, data []byte, rules Rules) ([]Agent, strategy.Problems) {
	src, ok := openSource(file, data)
	if !ok {
		return nil, src.problems()
	}
	doc, ok := src.document()
	if !ok {
		return nil, src.problems()
	}
	const shape = `it looks like {"agent-1": {"skills": ["Billing"], "currentLoad": 2, "maxCapacity": 5}}`
	if !doc.isObject {
		src.fail(doc.at, "", doc.what()+" where an object of agents belongs", shape)
		return nil, src.problems()
	}
	slices.SortStableFunc(doc.members, func(a, b member) int {
		x, numberA := arrayIndex(a.key)
		y, numberB := arrayIndex(b.key)
		switch {
		case numberA && numberB:
			return int(int64(x) - int64(y))
		case numberA:
			return -1
		case numberB:
			return 1
		}
		return 0
	})
	agents := make([]Agent, len(doc.members))
	for i := range doc.members {
		m := &doc.members[i]
		n, path := &m.value, under("", m.key)
		if !n.isObject {
			src.fail(n.at, path, n.what()+" where an agent belongs", shape)
			continue
		}
		a := Agent{ID: m.key, Load: src.amount(n, path, "currentLoad"), Limit: src.amount(n, path, "maxCapacity")}
		if list := src.list(n, path, "skills", "an agent without skills has an empty list"); list != nil {
			a.Skills = make([]Value, len(list.list))
			for k := range list.list {
				a.Skills[k] = list.list[k].value()
			}
		}
		if rules.read.strategy != nil {
			a.Languages = src.languages(n, path)
		}
		agents[i] = a
	}
	if problems := src.problems(); problems != nil {
		return nil, problems
	}
	return agents, nil
}

// amount reads how many emails an agent has or can have.
func (s *source) amount(n *node, path, key string) float64 {
	v := n.get(key)
	switch {
	case v == nil:
		return math.NaN()
	case v.kind == Number:
		return v.number
	case v.kind == Null, v.kind == False:
		return 0
	case v.kind == True:
		return 1
	}
	s.fail(v.at, under(path, key), v.what()+" where a number belongs", "")
	return 0
}

// languages reads the languages of an agent, if there are any.
func (s *source) languages(n *node, path string) (names []string) {
	if n.get("languages") == nil {
		return nil
	}
	path = under(path, "languages")
	list := n.get("languages")
	if !list.isList() {
		s.fail(list.at, path, list.what()+" where a list of names belongs", "")
		return nil
	}
	for i := range list.list {
		if l := &list.list[i]; l.kind != Text {
			s.fail(l.at, item(path, i), l.what()+" where a name belongs", "")
		} else {
			names = append(names, l.text)
		}
	}
	return names
}
