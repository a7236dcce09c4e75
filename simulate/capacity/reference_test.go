package capacity_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/simulate/capacity"
)

// This file holds a second, slow check that knows nothing of the first one: it
// reads with encoding/json and walks every list for every email.

// tester is what a test and a property have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// object is an object of JavaScript: keys in their order.
type object struct {
	keys []string
	vals map[string]any
}

// array is a list of JavaScript.
type array []any

// undefined is what is not there.
type undefined struct{}

func (o object) get(key string) any {
	if v, ok := o.vals[key]; ok {
		return v
	}
	if slices.Contains(strings.Fields("constructor __proto__ toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__"), key) {
		return object{} // something that equals nothing
	}
	return undefined{}
}

func jsParse(t tester, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := jsValue(d)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func jsValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			list := array{}
			for d.More() {
				v, err := jsValue(d)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err = d.Token()
			return list, err
		}
		o := object{vals: map[string]any{}}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := jsValue(d)
			if err != nil {
				return nil, err
			}
			if _, again := o.vals[key.(string)]; !again {
				o.keys = append(o.keys, key.(string))
			}
			o.vals[key.(string)] = v
		}
		_, err = d.Token()
		return o, err
	case json.Number:
		f, err := strconv.ParseFloat(string(token), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, err
		}
		return f, nil
	}
	return token, nil
}

// equals is ===.
func equals(a, b any) bool {
	switch a.(type) {
	case object, array:
		return false
	}
	switch b.(type) {
	case object, array:
		return false
	}
	return a == b
}

// jsText is String(v).
func jsText(v any) string {
	switch v := v.(type) {
	case undefined:
		return "undefined"
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	case array:
		parts := make([]string, len(v))
		for i := range v {
			if v[i] != any(nil) {
				parts[i] = jsText(v[i])
			}
		}
		return strings.Join(parts, ",")
	case float64:
		switch {
		case v == 0:
			return "0"
		case math.IsInf(v, 0):
			return map[bool]string{true: "Infinity", false: "-Infinity"}[v > 0]
		case math.Abs(v) >= 1e21 || math.Abs(v) < 1e-6:
			return strings.Replace(strings.Replace(strconv.FormatFloat(v, 'g', -1, 64), "e-0", "e-", 1), "e+0", "e+", 1)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return "[object Object]"
}

// jsNumber is Number(v) of what an amount can be.
func jsNumber(v any) float64 {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		return map[bool]float64{true: 1}[v]
	case float64:
		return v
	}
	return math.NaN()
}

// keysInOrder is how JavaScript walks the keys.
func keysInOrder(o object) []string {
	var numbers []uint64
	var rest []string
	for _, key := range o.keys {
		n, err := strconv.ParseUint(key, 10, 64)
		if err == nil && n < 1<<32-1 && strconv.FormatUint(n, 10) == key {
			numbers = append(numbers, n)
		} else {
			rest = append(rest, key)
		}
	}
	slices.Sort(numbers)
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.FormatUint(n, 10))
	}
	return append(out, rest...)
}

// answer is what the tutorial's function returns, by the ids of emails.
type answer struct {
	Routed   []string
	Unrouted []string
	Exceeded int
}

func reference(t tester, in texts) (a answer) {
	t.Helper()
	rules := jsParse(t, in.Rules).(object).vals["routingRules"].(array)
	emails := slices.Clone(jsParse(t, in.Emails).(array))
	agents := jsParse(t, in.Agents).(object)
	order := map[string]int{"high": 1, "medium": 2}
	class := func(v any) int {
		if n, ok := order[jsText(v.(object).get("priority"))]; ok {
			return n
		}
		return 3
	}
	slices.SortStableFunc(emails, func(a, b any) int { return class(a) - class(b) })
	for _, e := range emails {
		email := e.(object)
		id := email.vals["id"].(string)
		at := slices.IndexFunc(rules, func(r any) bool {
			rule := r.(object)
			if rule.get("type") == "default" {
				return true
			}
			return !slices.ContainsFunc(rule.get("conditions").(array), func(c any) bool {
				return !equals(email.get(jsText(c.(object).get("field"))), c.(object).get("value"))
			})
		})
		if at < 0 {
			a.Unrouted = append(a.Unrouted, id)
			continue
		}
		wanted := rules[at].(object).get("routingStrategy").(object).get("skills").(array)
		keys := keysInOrder(agents)
		found := slices.IndexFunc(keys, func(key string) bool {
			agent := agents.vals[key].(object)
			return !slices.ContainsFunc(wanted, func(s any) bool {
				return !slices.ContainsFunc(agent.get("skills").(array), func(x any) bool { return equals(s, x) })
			}) && jsNumber(agent.get("currentLoad")) < jsNumber(agent.get("maxCapacity"))
		})
		if found < 0 {
			a.Exceeded++
			continue
		}
		agent := agents.vals[keys[found]].(object)
		agent.vals["currentLoad"] = jsNumber(agent.get("currentLoad")) + 1
		a.Routed = append(a.Routed, id+" to "+keys[found])
	}
	return a
}

// idsOf reads an answer from our output.
func idsOf(t tester, out string) (a answer) {
	t.Helper()
	var r struct {
		Routed []struct {
			Email         struct{ ID string }
			AssignedAgent string
		}
		Unrouted         []struct{ ID string }
		CapacityExceeded int
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, x := range r.Routed {
		a.Routed = append(a.Routed, x.Email.ID+" to "+x.AssignedAgent)
	}
	for _, x := range r.Unrouted {
		a.Unrouted = append(a.Unrouted, x.ID)
	}
	a.Exceeded = r.CapacityExceeded
	return a
}

func TestItIsWhatWalkingEveryListGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		compare(t, drawn{t})
	})
}

func FuzzItIsWhatWalkingEveryListGives(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { compare(t, drawn{t}) }))
}

func compare(t *rapid.T, c chooser) {
	g := &generator{chooser: c, tame: true}
	in := g.all()
	out, err := check(in)
	if err != nil {
		t.Fatalf("%v\nof %+v", err, in)
	}
	if d := cmp.Diff(reference(t, in), idsOf(t, out)); d != "" {
		t.Fatalf("(-want +got):\n%s\nof %+v", d, in)
	}
}

// The laws of the check, whatever the input.
func TestNobodyIsOverTheLimitAndNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := &generator{chooser: drawn{t}}
		in := g.all()
		files := [][]byte{[]byte(in.Rules), []byte(in.Emails), []byte(in.Agents)}
		rules, _ := capacity.ReadPayload("", files[0])
		emails, _ := capacity.ReadEmails("", files[1], rules)
		agents, _ := capacity.ReadAgents("", files[2], rules)
		before := slices.Clone(agents)
		r := capacity.Check(capacity.Input{Rules: rules, Emails: emails, Agents: agents})
		seen := make([]int, len(emails))
		load := make([]float64, len(agents))
		for i := range agents {
			load[i] = agents[i].Load
		}
		for _, x := range r.Routed {
			seen[x.Email]++
			if !(load[x.Agent] < agents[x.Agent].Limit) {
				t.Fatalf("agent %s takes an email at %g of %g", agents[x.Agent].ID, load[x.Agent], agents[x.Agent].Limit)
			}
			load[x.Agent]++
			for _, skill := range rules.List[x.Rule].Skills {
				if !slices.Contains(agents[x.Agent].Skills, skill) {
					t.Fatalf("agent %s lacks %s", agents[x.Agent].ID, skill)
				}
			}
		}
		for _, x := range r.NoAgent {
			seen[x.Email]++
			have := 0
			for i, a := range agents {
				if slices.ContainsFunc(rules.List[x.Rule].Skills, func(s capacity.Value) bool { return s.Kind == capacity.Other || !slices.Contains(a.Skills, s) }) {
					continue
				}
				if have++; load[i] < a.Limit {
					t.Fatalf("agent %s has the skills and room, and email %d finds nobody: %s", a.ID, x.Email, r.Why(x.Rule))
				}
			}
			if have != r.Have(x.Rule) {
				t.Fatalf("%d agents have the skills, said are %d", have, r.Have(x.Rule))
			}
		}
		for _, e := range r.Unrouted {
			seen[e]++
		}
		for e, n := range seen {
			if n != 1 {
				t.Fatalf("email %d is in the result %d times", e, n)
			}
		}
		if d := cmp.Diff(before, agents, cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })); d != "" {
			t.Fatalf("the agents were changed:\n%s", d)
		}
		for i, text := range []string{in.Rules, in.Emails, in.Agents} {
			if !bytes.Equal(files[i], []byte(text)) {
				t.Fatal("the input was changed")
			}
		}
	})
}

// Whatever the three files are: no panic, and what is not JSON to encoding/json
// is not JSON here.
func FuzzRead(f *testing.F) {
	for i := range uint64(20) {
		in := randomCase(4, i)
		f.Add(in.Rules, in.Emails, in.Agents)
	}
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	f.Add(deep, deep[1:len(deep)-1], `{"a":`+deep[2:len(deep)-2]+"}")
	for _, odd := range []string{"", " ", "\ufeff{}", "[", "[1,]", "[,1]", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, "01", "-", "1.", "1e", ".5", "+1", "nul", "truth", `"\x"`, `"\u12"`, "\"\n\"", `"`, `"\`, "[] []", "\xff", `"\ud800\u0041"`} {
		f.Add(odd, odd, odd)
	}
	f.Fuzz(func(t *testing.T, rules, emails, agents string) {
		rs, p1 := capacity.ReadPayload("r", []byte(rules))
		es, p2 := capacity.ReadEmails("e", []byte(emails), rs)
		as, p3 := capacity.ReadAgents("a", []byte(agents), rs)
		for text, problems := range map[string]interface{ Err() error }{rules: p1, emails: p2, agents: p3} {
			valid := json.Valid([]byte(strings.TrimPrefix(text, "\ufeff")))
			err := problems.Err()
			if !valid && err == nil {
				t.Fatalf("taken, and no JSON: %q", text)
			}
			if valid && err != nil && strings.Contains(err.Error(), "not JSON") {
				t.Fatalf("%v: %q", err, text)
			}
		}
		if p1 != nil || p2 != nil || p3 != nil {
			return
		}
		r := capacity.Check(capacity.Input{Rules: rs, Emails: es, Agents: as})
		var out bytes.Buffer
		if err := r.WriteJSON(&out); err != nil || !json.Valid(out.Bytes()) {
			t.Fatalf("%v: no JSON: %s", err, &out)
		}
	})
}
