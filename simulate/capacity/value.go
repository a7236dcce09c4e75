package capacity

import (
	"math"
	"strconv"
	"strings"
)

// Kind is what sort of thing a value is.
type Kind uint8

// The kinds. Missing is what is not there at all.
const (
	Missing Kind = iota
	Null
	False
	True
	Number
	Text
	Other // an object or a list: equal to nothing, not even to one that looks alike
)

// Value is one value of a field, or one skill. Two of them are the same where
// they are == as Go values, unless they are Other. A lone surrogate, which JSON
// can hold, is in a Text as its three bytes.
type Value struct {
	Kind   Kind
	Number float64
	Text   string
}

// TextValue is a text.
func TextValue(s string) Value { return Value{Kind: Text, Text: s} }

// NumberValue is a number.
func NumberValue(f float64) Value { return Value{Kind: Number, Number: f} }

// same is JavaScript's ===.
func (v *Value) same(w *Value) bool {
	return v.Kind == w.Kind && v.Kind != Other && v.Number == w.Number && v.Text == w.Text
}

// String is the value for a person.
func (v Value) String() string {
	switch v.Kind {
	case Missing:
		return "nothing"
	case Null:
		return "null"
	case False:
		return "false"
	case True:
		return "true"
	case Number:
		return numberText(v.Number)
	case Text:
		return v.Text
	case Other:
		return "an object or a list"
	}
	return ""
}

// numberText is a number as JavaScript writes it (ECMA-262, Number::toString).
func numberText(f float64) string {
	switch {
	case f == 0:
		return "0"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case math.IsNaN(f):
		return "NaN"
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	sign := exponent[:1]
	return digits + "e" + sign + strings.TrimLeft(exponent[1:], "0")
}

// inherited are the names that every JavaScript object answers to, so that
// they are never missing.
var inherited = map[string]bool{
	"constructor": true, "__proto__": true, "toString": true, "toLocaleString": true, "valueOf": true,
	"hasOwnProperty": true, "isPrototypeOf": true, "propertyIsEnumerable": true,
	"__defineGetter__": true, "__defineSetter__": true, "__lookupGetter__": true, "__lookupSetter__": true,
}

// absent is what an email that lacks a field has there.
func absent(field string) Value {
	if inherited[field] {
		return Value{Kind: Other}
	}
	return Value{}
}

// heads are the words for priority, and which goes first.
var heads = map[string]int{"high": 2, "medium": 1, "low": 0}

// headOf is the place that a priority gives, by the text that JavaScript makes
// of it: a list of one is what is in it. Everything unknown is low. (The
// tutorial's function compares an inherited name, such as "constructor", with
// no result, and then the order is the engine's own affair; of an object with
// a toString of its own it makes no text, and ends. Here both are low.)
func headOf(n *node) int {
	for n.kind == Other && !n.isObject && len(n.list) == 1 {
		n = &n.list[0]
	}
	if n.kind == Text {
		return heads[n.text]
	}
	return 0
}
