package capacity_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"pgregory.net/rapid"
)

// texts are the three files of one case.
type texts struct {
	Rules  string `json:"rules"`
	Emails string `json:"emails"`
	Agents string `json:"agents"`
}

// chooser is where a generator gets its choices from.
type chooser interface{ below(n int) int }

type seeded struct{ *rand.Rand }

func (s seeded) below(n int) int { return s.IntN(n) }

type drawn struct{ *rapid.T }

func (d drawn) below(n int) int { return rapid.IntRange(0, n-1).Draw(d.T, "choice") }

// generator writes inputs that the tutorial's function takes, with all that is
// odd about JavaScript in them.
type generator struct {
	chooser
	b    strings.Builder
	tame bool // only text that encoding/json keeps apart, too
}

func (g *generator) one(of ...string) string { return of[g.below(len(of))] }

func (g *generator) chance(percent int) bool { return g.below(100) < percent }

func (g *generator) space() { g.b.WriteString(g.one("", "", "", " ", "\n", "\t", " \r\n ")) }

func (g *generator) list(from, to int, each func(i int)) {
	g.b.WriteByte('[')
	for i := range from + g.below(to-from+1) {
		if i > 0 {
			g.b.WriteByte(',')
		}
		g.space()
		each(i)
		g.space()
	}
	g.b.WriteByte(']')
}

// object writes an object; a pair is a key and what writes its value.
type pair struct {
	key   string // as JSON
	value func()
}

func (g *generator) object(pairs ...pair) {
	g.b.WriteByte('{')
	for i, p := range pairs {
		if i > 0 {
			g.b.WriteByte(',')
		}
		g.space()
		g.b.WriteString(p.key)
		g.space()
		g.b.WriteByte(':')
		g.space()
		p.value()
	}
	g.space()
	g.b.WriteByte('}')
}

func (g *generator) put(options ...string) func() {
	return func() { g.b.WriteString(g.one(options...)) }
}

var (
	fieldKeys = []string{
		`"priority"`, `"tier"`, `"tier"`, `"lang"`, `"pr\u0069ority"`, `"constructor"`, `"toString"`, `"__proto__"`, `"undefined"`, `"null"`,
		`"1"`, `"1e+21"`, `"1e-7"`, `"true"`, `""`, `"é"`, `"\u00e9"`, `"😀"`, `"\ud83d\ude00"`, `"[object Object]"`, `"high,low"`,
	}
	wildKeys  = []string{`"\ud800"`, `"\ud801"`, `"\udc00\ud800"`}
	oddFields = []string{`1`, `1.0`, `1e21`, `0.0000001`, `-0`, `null`, `true`, `["priority"]`, `[["tier"]]`, `[]`, `{}`, `["high","low"]`, `[null]`}
	values    = []string{
		`"gold"`, `"gold"`, `"go\u006cd"`, `"high"`, `"low"`, `""`, `"1"`, `"é"`, `"e\u0301"`, `"😀"`, `"\ud83d\ude00"`, `"\"\\\/\b\f\n\r\t"`,
		`1`, `1.0`, `1e0`, `10e-1`, `0`, `-0`, `0.1`, `1e400`, `1e999`, `-1e400`, `9007199254740992`, `9007199254740993`, `123456789012345678901234567890`, `5e-324`, `1e-400`,
		`true`, `false`, `null`, `[]`, `{}`, `["gold"]`, `{"a": [1, {"b": null}]}`,
	}
	wildValues = []string{`"\ud800"`, `"\ud801"`, `"\ud800x"`, `"\udc00"`}
	priorities = []string{
		`"high"`, `"high"`, `"medium"`, `"medium"`, `"low"`, `"low"`, `"h\u0069gh"`, `"High"`, `"urgent"`, `""`, `null`, `1`, `true`,
		`["high"]`, `[["medium"]]`, `["high","low"]`, `[]`, `[null]`, `{}`, `{"high": 1}`, `[{}]`, `[["high"], []]`,
	}
	skills      = []string{`"a"`, `"a"`, `"b"`, `"b"`, `"c"`, `"\u0061"`, `"é"`, `""`, `"d"`}
	oddSkills   = []string{`1`, `1.0`, `0`, `-0`, `null`, `true`, `1e400`, `"1"`, `9007199254740993`, `9007199254740992`}
	neverSkills = []string{`{}`, `["a"]`}
	agentKeys   = []string{
		`"agent-1"`, `"agent-2"`, `"agent-3"`, `"b"`, `"a"`, `"10"`, `"9"`, `"2"`, `"0"`, `"00"`, `"01"`, `"-1"`, `"1.5"`, `" 1"`, `""`, `"é"`, `"\u0032"`,
		`"4294967293"`, `"4294967294"`, `"4294967295"`, `"4294967296"`, `"99999999999999999999"`, `"__proto__"`, `"constructor"`, `"length"`,
	}
	wildAgents = []string{`"\ud800"`, `"\udfff"`}
	limits     = []string{`3`, `4`, `5`, `6`, `3`, `4`, `5`, `6`, `3`, `4`, `5`, `6`}
	amounts    = []string{
		`0`, `1`, `2`, `3`, `1`, `2`, `0.5`, `2.5`, `-1`, `null`, `true`, `false`, `9007199254740992`, `1e308`, `1e400`, `-1e400`, `-0`, `1e0`,
	}
)

func (g *generator) with(common, wild []string) string {
	if !g.tame && g.chance(4) {
		return g.one(wild...)
	}
	return g.one(common...)
}

func (g *generator) skill() {
	switch {
	case g.chance(2):
		g.b.WriteString(g.one(neverSkills...))
	case g.chance(10):
		g.b.WriteString(g.one(oddSkills...))
	default:
		g.b.WriteString(g.one(skills...))
	}
}

func (g *generator) taken() string {
	s := g.b.String()
	g.b.Reset()
	return s
}

func (g *generator) rule(int) {
	var pairs []pair
	kind := g.one(`"priority"`, `"priority"`, `"default"`, `"d\u0065fault"`, `"vip"`, `null`, `5`, `{"a": 1}`, `["default"]`, "")
	if kind != "" {
		pairs = append(pairs, pair{`"type"`, g.put(kind)})
	}
	isDefault := strings.HasPrefix(kind, `"d`)
	switch {
	case isDefault && g.chance(20):
		pairs = append(pairs, pair{`"conditions"`, g.put(`null`, `5`, `[]`, `[5]`)})
	case !isDefault:
		pairs = append(pairs, pair{`"conditions"`, func() { g.list(0, 2, g.condition) }})
	}
	pairs = append(pairs, pair{`"routingStrategy"`, func() {
		g.object(pair{`"type"`, g.put(`"longest-idle"`, `"random"`, `5`)}, pair{`"skills"`, func() { g.list(0, 2, func(int) { g.skill() }) }})
	}})
	if g.chance(10) { // the last one counts
		pairs = append(pairs, pair{`"routingStrategy"`, func() { g.object(pair{`"skills"`, g.put(`[]`, `["a"]`)}) }})
	}
	g.object(pairs...)
}

func (g *generator) condition(int) {
	if g.chance(40) { // one that is met now and then
		g.object(pair{`"field"`, g.put(`"priority"`)}, pair{`"value"`, g.put(`"high"`, `"medium"`, `"low"`)})
		return
	}
	var pairs []pair
	switch {
	case g.chance(10):
		pairs = append(pairs, pair{`"field"`, g.put(oddFields...)})
	case g.chance(97):
		pairs = append(pairs, pair{`"field"`, g.put(g.with(fieldKeys, wildKeys))})
	}
	if g.chance(50) {
		pairs = append(pairs, pair{`"operator"`, g.put(`"equal"`, `"notEqual"`, `null`)})
	}
	if g.chance(75) {
		value := g.with(values, wildValues)
		if g.chance(30) {
			value = g.one(priorities...)
		}
		pairs = append(pairs, pair{`"value"`, g.put(value)})
	}
	g.object(pairs...)
}

func (g *generator) email(i int) {
	pairs := []pair{{`"id"`, g.put(fmt.Sprintf(`"e%d"`, i))}}
	if g.chance(85) {
		pairs = append(pairs, pair{`"priority"`, g.put(priorities...)})
	}
	for range g.below(4) {
		key := g.with(fieldKeys, wildKeys)
		value := g.with(values, wildValues)
		if strings.HasPrefix(key, `"pr`) { // an inherited name there has no order
			value = g.one(priorities...)
		}
		pairs = append(pairs, pair{key, g.put(value)})
	}
	g.object(pairs...)
}

func (g *generator) agent() {
	var pairs []pair
	pairs = append(pairs, pair{`"skills"`, func() { g.list(1, 6, func(int) { g.skill() }) }})
	if g.chance(92) {
		pairs = append(pairs, pair{`"currentLoad"`, g.put(amounts[:6+g.below(len(amounts)-6)]...)})
	}
	if g.chance(92) {
		pairs = append(pairs, pair{`"maxCapacity"`, g.put(append(limits, amounts...)...)})
	}
	if g.chance(10) {
		pairs = append(pairs, pair{`"languages"`, g.put(`5`, `null`)}) // the tutorial has none
	}
	g.object(pairs...)
}

func (g *generator) all() (t texts) {
	g.object(pair{`"routingRules"`, func() { g.list(0, 5, g.rule) }}, pair{`"slaPercent"`, g.put(`90`)})
	t.Rules = g.taken()
	g.list(0, 14, g.email)
	t.Emails = g.taken()
	var agents []pair
	for range g.below(8) {
		agents = append(agents, pair{g.with(agentKeys, wildAgents), g.agent})
	}
	g.object(agents...)
	t.Agents = g.taken()
	return t
}
