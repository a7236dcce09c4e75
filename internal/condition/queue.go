package condition

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
	"cel.dev/cel-go/parser"
)

// Figure is something that is measured of a queue.
type Figure string

// The figures. Those over a window come first.
const (
	Offered      Figure = "offered"      // emails that entered, a count
	Answered     Figure = "answered"     // emails that were answered, a count
	Abandoned    Figure = "abandoned"    // emails that left without an answer, a count
	ServiceLevel Figure = "serviceLevel" // percent, 0 to 100
	AverageWait  Figure = "averageWait"  // of those answered
	AverageTime  Figure = "handleTime"   // mean handle time

	Waiting     Figure = "waiting"     // emails that wait, a count
	Interacting Figure = "interacting" // emails that agents have, a count
	OnQueue     Figure = "onQueue"     // agents on queue, a count
	Oldest      Figure = "oldest"      // how long the oldest email has waited
	Late        Figure = "late"        // waiting emails past the deadline of their rule, a count
	Utilization Figure = "utilization" // percent of the emails that agents on queue can hold
)

// kind is what a figure needs and gives.
type kind struct {
	window bool // its first argument is a window
	rule   bool // it may name a rule, as its last argument
	ratio  bool // it says little where few emails were counted
	of     *cel.Type
}

var figures = map[Figure]kind{
	Offered: {window: true, of: cel.IntType}, Answered: {window: true, of: cel.IntType}, Abandoned: {window: true, of: cel.IntType},
	ServiceLevel: {window: true, rule: true, ratio: true, of: cel.DoubleType},
	AverageWait:  {window: true, ratio: true, of: cel.DurationType}, AverageTime: {window: true, ratio: true, of: cel.DurationType},
	Waiting: {rule: true, of: cel.IntType}, Interacting: {of: cel.IntType}, OnQueue: {of: cel.IntType},
	Oldest: {rule: true, of: cel.DurationType}, Late: {rule: true, of: cel.IntType}, Utilization: {of: cel.DoubleType},
}

// Today is the window from midnight, on the clock of the calendar.
const Today = "today"

// The windows that a condition can look back over.
const (
	ShortestWindow = 5 * time.Minute
	LongestWindow  = 24 * time.Hour
)

// Read is one figure that a condition reads. Window and Rule are empty where it
// names none.
type Read struct {
	Figure Figure
	Window string // as it was written, such as 1h
	Rule   string
}

// String is the figure as a condition writes it.
func (r Read) String() string {
	var args []string
	for _, a := range []string{r.Window, r.Rule} {
		if a != "" {
			args = append(args, fmt.Sprintf("%q", a))
		}
	}
	return string(r.Figure) + "(" + strings.Join(args, ", ") + ")"
}

// Ratio says that the figure says little where few emails were counted.
func (r Read) Ratio() bool { return figures[r.Figure].ratio }

// Value is a figure that was measured: a count or percent in Number, a time in
// Time. What is not Known is unknown or, such as a service level of no email,
// undefined; it makes no condition true.
type Value struct {
	Known  bool
	Number float64
	Time   time.Duration
}

// OfQueue is a condition on what is known of a queue.
type OfQueue struct {
	program cel.Program
	// Reads are the figures that it reads, each once.
	Reads []Read
}

// subject is the name of the queue inside of a compiled condition; nobody can
// write it.
const subject = "@queue"

var queues = &vocabulary{
	env:   must(cel.NewEnv(queueOptions()...)),
	known: `offered("1h"), answered("1h"), abandoned("1h"), serviceLevel("1h"), averageWait("1h"), handleTime("1h"), waiting(), interacting(), onQueue(), oldest(), late(), utilization()`,
	whole: `serviceLevel("1h") < 85`,
	types: `counts and percents are compared with numbers, times with duration("2h")`,
}

func queueOptions() []cel.EnvOption {
	options := []cel.EnvOption{cel.CrossTypeNumericComparisons(true), cel.Variable(subject, cel.OpaqueType(subject))}
	for f, k := range figures {
		name := string(f)
		options = append(options, cel.Macros(parser.NewGlobalVarArgMacro(name, func(eh parser.ExprHelper, _ celast.Expr, args []celast.Expr) (celast.Expr, *cel.Error) {
			return eh.NewMemberCall(name, eh.NewIdent(subject), args...), nil
		})))
		// The arguments are checked when the condition is compiled.
		overloads := []cel.FunctionOpt{decls.DisableTypeGuards(true)}
		least, most := 0, 0
		if k.window {
			least, most = 1, 1
		}
		if k.rule {
			most++
		}
		for n := least; n <= most; n++ {
			args := []*cel.Type{cel.OpaqueType(subject)}
			for range n {
				args = append(args, cel.StringType)
			}
			bind := cel.FunctionBinding(func(values ...ref.Val) ref.Val {
				return values[0].(*figuresOf).get(f, k, text(values[1]), text(values[2]))
			})
			switch { // those of one and two are faster
			case n == 0:
				bind = cel.UnaryBinding(func(q ref.Val) ref.Val { return q.(*figuresOf).get(f, k, "", "") })
			case n == 1 && k.window:
				bind = cel.BinaryBinding(func(q, window ref.Val) ref.Val { return q.(*figuresOf).get(f, k, text(window), "") })
			case n == 1:
				bind = cel.BinaryBinding(func(q, rule ref.Val) ref.Val { return q.(*figuresOf).get(f, k, "", text(rule)) })
			}
			overloads = append(overloads, cel.MemberOverload(fmt.Sprintf("%s_%d", name, n), args, k.of, bind))
		}
		options = append(options, cel.Function(name, overloads...))
	}
	return options
}

// CompileQueue checks a condition on a queue.
func CompileQueue(text string) (*OfQueue, []Mistake) {
	compiled, mistakes := queues.compile(text)
	if mistakes != nil {
		return nil, mistakes
	}
	c := &OfQueue{}
	celast.PreOrderVisit(compiled.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() != celast.CallKind {
			return
		}
		call := e.AsCall()
		if read, ok := figure(call); ok {
			if wrong, hint := read.check(call.Args()); wrong != "" {
				m := at(compiled, text, e, string(read.Figure))
				m.Message, m.Hint = wrong, hint
				mistakes = append(mistakes, m)
			} else if !slices.Contains(c.Reads, read) {
				c.Reads = append(c.Reads, read)
			}
		}
		if fraction, read, ok := fractionOf(call); ok {
			m := at(compiled, text, e, string(read.Figure))
			m.Message = fmt.Sprintf("%s is percent, 0 to 100, and %g is a fraction", read, fraction)
			m.Hint = fmt.Sprintf("write %g", math.Round(fraction*1e8)/1e6)
			mistakes = append(mistakes, m)
		}
	}))
	if mistakes == nil && len(c.Reads) == 0 {
		mistakes = []Mistake{{Message: "the condition asks nothing about the queue: it is always the same", Hint: "what is known: " + queues.known}}
	}
	if mistakes != nil {
		return nil, mistakes
	}
	program, err := queues.env.Program(compiled, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, []Mistake{{Message: err.Error()}}
	}
	c.program = program
	return c, nil
}

// figure is what a call reads; false: it is no figure.
func figure(call celast.CallExpr) (Read, bool) {
	r := Read{Figure: Figure(call.FunctionName())}
	k, known := figures[r.Figure]
	if !known || !call.IsMemberFunction() {
		return r, false
	}
	for i, a := range call.Args() {
		text := ""
		if a.Kind() == celast.LiteralKind {
			text, _ = a.AsLiteral().Value().(string)
		}
		if k.window && i == 0 {
			r.Window = text
		} else {
			r.Rule = text
		}
	}
	return r, true
}

// check says what is wrong with the arguments of a figure.
func (r Read) check(args []celast.Expr) (wrong, hint string) {
	for _, a := range args {
		if a.Kind() != celast.LiteralKind {
			return "the window and the rule stand as text in quotes", "such as " + string(r.Figure) + `("1h")`
		}
	}
	if !figures[r.Figure].window {
		return "", ""
	}
	if _, err := ParseWindow(r.Window); err != nil {
		return err.Error(), fmt.Sprintf("write %q, or a span from %s to %s in whole minutes, such as %q", Today, "5m", "24h", "1h")
	}
	return "", ""
}

// ParseWindow reads a window; Today is 0.
func ParseWindow(text string) (time.Duration, error) {
	if text == Today {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < ShortestWindow || d > LongestWindow || d%time.Minute != 0 {
		return 0, fmt.Errorf("%q is no window", text)
	}
	return d, nil
}

// fractionOf finds a percent that is compared with a number up to 1.
func fractionOf(call celast.CallExpr) (float64, Read, bool) {
	compares := []string{operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.Equals, operators.NotEquals}
	args := call.Args()
	if len(args) != 2 || !slices.Contains(compares, call.FunctionName()) {
		return 0, Read{}, false
	}
	for i, a := range args {
		other := args[1-i]
		if a.Kind() != celast.CallKind || other.Kind() != celast.LiteralKind {
			continue
		}
		read, ok := figure(a.AsCall())
		if !ok || figures[read.Figure].of != cel.DoubleType {
			continue
		}
		var x float64
		switch v := other.AsLiteral().Value().(type) {
		case float64:
			x = v
		case int64:
			x = float64(v)
		}
		if x > 0 && x <= 1 {
			return x, read, true
		}
	}
	return 0, Read{}, false
}

// Holds evaluates the condition. values are in the order of Reads. known is false
// where what is not known could have changed the result.
func (c *OfQueue) Holds(values []Value) (holds, known bool) {
	value, _, err := c.program.Eval(activation{&figuresOf{c.Reads, values}})
	if err != nil {
		return false, false
	}
	b, ok := value.(types.Bool)
	return bool(b), ok
}

// activation gives a program the queue that it is about.
type activation struct{ of *figuresOf }

func (a activation) ResolveName(name string) (any, bool) { return a.of, name == subject }
func (a activation) Parent() interpreter.Activation      { return nil }

// figuresOf are the figures of one queue, as a value of CEL.
type figuresOf struct {
	reads  []Read
	values []Value
}

// unknown is what a figure that is not known is inside of CEL: an error, which
// || and && leave out where the other side decides. It has a node, none that is
// in an expression: CEL writes into one that has none, and programs share this.
var unknown = types.NewErrWithNodeID(-1, "not known")

func text(v ref.Val) string {
	s, _ := v.(types.String)
	return string(s)
}

func (q *figuresOf) get(f Figure, k kind, window, rule string) ref.Val {
	for i, r := range q.reads {
		if r.Figure != f || r.Window != window || r.Rule != rule {
			continue
		}
		v := q.values[i]
		switch {
		case !v.Known || math.IsNaN(v.Number) || math.IsInf(v.Number, 0):
			return unknown
		case k.of == cel.DurationType:
			return types.Duration{Duration: v.Time}
		case k.of == cel.IntType:
			return types.Int(v.Number)
		}
		return types.Double(v.Number)
	}
	return unknown
}

// What follows makes it a value of CEL that can only be asked for its figures.

var queueType = types.NewOpaqueType(subject)

// ConvertToNative is part of ref.Val.
func (q *figuresOf) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("a queue is no %s", to)
}

// ConvertToType is part of ref.Val.
func (q *figuresOf) ConvertToType(ref.Type) ref.Val { return unknown }

// Equal is part of ref.Val.
func (q *figuresOf) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(q) == other) }

// Type is part of ref.Val.
func (q *figuresOf) Type() ref.Type { return queueType }

// Value is part of ref.Val.
func (q *figuresOf) Value() any { return q }
