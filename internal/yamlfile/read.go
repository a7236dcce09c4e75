package yamlfile

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/routing"
)

// This file reads a YAML document into the types of the format and lists
// everything in it that does not fit them: unknown, missing and repeated keys,
// wrong types, texts and numbers that are not allowed.

// Reader fills a value of the format from a document, and gathers what is wrong
// with it: what it finds itself, and what the checks of the format add.
type Reader struct {
	doc      *Document
	places   Places
	problems Problems
	bad      map[string]bool // paths that the reader itself found a problem at
}

var (
	wholeNumber = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*)$`)
	number      = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*)?(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// Read fills the struct that into points to from the whole document.
func (d *Document) Read(into any) *Reader {
	r := &Reader{doc: d, places: Places{}, bad: map[string]bool{}}
	v := reflect.ValueOf(into).Elem()
	if _, ok := entries(r.doc.body); !ok {
		r.fail("", r.doc.start(r.doc.body), "the file should be a set of keys, not "+kindOf(r.doc.body), "")
		r.doc.body = nil
		return r
	}
	r.value("", r.doc.body, v, field{})
	return r
}

// None says that the document has no keys at all.
func (r *Reader) None() bool { return r.doc.body == nil }

// Places are where the keys of the document stand.
func (r *Reader) Places() Places { return r.places }

// Problems are those that were found so far, in the order of the file.
func (r *Reader) Problems() Problems {
	r.problems.sort(r.doc.file)
	return r.problems
}

// Again is a reader of the same document that has found no problem so far, for
// checks that are made later.
func (r *Reader) Again() *Reader {
	return &Reader{doc: r.doc, places: r.places, bad: r.bad}
}

// Add reports a problem of another file.
func (r *Reader) Add(p *Problem) { r.problems = append(r.problems, p) }

// Lines are the lines of the document.
func (r *Reader) Lines() []string { return r.doc.lines }

// Has says whether a key is in the file with a value of the right type.
func (r *Reader) Has(path string) bool {
	_, there := r.places[path]
	return there && !r.bad[path]
}

// Bad says whether the reader found a problem at a path.
func (r *Reader) Bad(path string) bool { return r.bad[path] }

// BadWithin says whether it found one at a path, or at a key below it.
func (r *Reader) BadWithin(path string) bool {
	for bad := range r.bad {
		if bad == path || strings.HasPrefix(bad, path+".") {
			return true
		}
	}
	return false
}

// Item is the path of an item of a list; that of the list where a single text
// stands for it.
func (r *Reader) Item(path string, i int) string {
	item := fmt.Sprintf("%s[%d]", path, i)
	if _, ok := r.places[item]; !ok {
		return path
	}
	return item
}

// Fail reports a mistake in the value of a key.
func (r *Reader) Fail(path, message, hint string) {
	r.FailAt(r.places.Value(path), path, message, hint)
}

// FailAt reports a mistake at a place.
func (r *Reader) FailAt(at routing.Place, path, message, hint string) {
	r.problems = append(r.problems, r.doc.problem(at, path, message, hint))
}

// Warn reports what is probably not meant.
func (r *Reader) Warn(path, message, hint string) {
	r.Fail(path, message, hint)
	r.problems[len(r.problems)-1].Severity = Warning
}

func (r *Reader) fail(path string, at routing.Place, message, hint string) {
	r.bad[path] = true
	r.problems = append(r.problems, r.doc.problem(at, path, message, hint))
}

// value reads one node into v, as the tags in f allow.
func (r *Reader) value(path string, n ast.Node, v reflect.Value, f field) {
	at := r.doc.start(n)
	if n.Type() == ast.NullType && r.doc.kind.Lenient {
		return
	}
	if n.Type() == ast.NullType {
		r.null(path, n, v.Type(), f)
		return
	}
	r.places[path] = Spot{Key: r.places[path].Key, Value: at}
	if v.Type() == reflect.TypeFor[routing.Duration]() {
		r.duration(path, n, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		r.value(path, n, p.Elem(), f)
		if !r.bad[path] {
			v.Set(p)
		}
	case reflect.Struct:
		r.structure(path, n, v)
	case reflect.Map:
		r.mapping(path, n, v, f)
	case reflect.Slice:
		r.list(path, n, v, f)
	case reflect.String:
		r.text(path, n, v, f)
	case reflect.Interface:
		v.Set(reflect.ValueOf(n))
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			hint := ""
			if says, known := map[string]string{"yes": "true", "on": "true", "no": "false", "off": "false"}[strings.ToLower(Raw(n))]; known {
				hint = "write " + says
			}
			r.fail(path, at, "should be true or false, not "+kindOf(n), hint)
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		x, ok := numberOf(n)
		if !ok || x != math.Trunc(x) {
			r.fail(path, at, "should be a whole number, not "+kindOf(n), cmp.Or(unquote(n, wholeNumber), f.doc))
			return
		}
		if !r.within(path, at, f, n, x) {
			return
		}
		i, err := strconv.ParseInt(Raw(n), 10, 64)
		switch {
		case err == nil:
			v.SetInt(i)
		case math.Abs(x) < 1<<53: // a float64 has each of them
			r.fail(path, at, "should be in plain digits, not "+Raw(n), "write "+strconv.FormatFloat(x, 'f', -1, 64))
		default:
			r.fail(path, at, Raw(n)+" is out of bounds", f.doc)
		}
	case reflect.Float64:
		x, ok := numberOf(n)
		if !ok {
			r.fail(path, at, "should be a number, not "+kindOf(n), cmp.Or(unquote(n, number), f.doc))
			return
		}
		if r.within(path, at, f, n, x) {
			v.SetFloat(x)
		}
	default:
		panic("yamlfile: the format has a " + v.Type().String() + ", which the reader does not know")
	}
}

// null reports a key without a value: whether it is owned cannot be known.
func (r *Reader) null(path string, n ast.Node, t reflect.Type, f field) {
	hint := "leave the key out"
	switch {
	case f.required:
		hint = f.doc
	case r.doc.kind.Null != nil:
		hint += r.doc.kind.Null(path, t)
	}
	r.fail(path, cmp.Or(r.places[path].Key, r.doc.start(n)), "has no value", hint)
}

func (r *Reader) structure(path string, n ast.Node, v reflect.Value) {
	list, ok := entries(n)
	if !ok {
		r.fail(path, r.doc.start(n), "should be a set of keys, not "+kindOf(n), "keys: "+strings.Join(keysOf(v.Type()), ", "))
		return
	}
	known := fields(v.Type())
	given := map[string]bool{}
	misspelled := ""
	r.each(path, list, func(sub, key string, at routing.Place, n ast.Node) {
		given[key] = true
		i := slices.IndexFunc(known, func(f field) bool { return f.key == key })
		switch reason, soon := r.doc.kind.Later[key]; {
		case i >= 0:
			r.value(sub, n, v.Field(known[i].index), known[i])
		case soon && path == "":
			r.fail(sub, at, "`"+key+"` is not in this version", reason+"; leave the key out until then")
		case r.doc.kind.Unknown != nil:
			r.doc.kind.Unknown(sub)
		default:
			hint := nearest.Hint(key, keysOf(v.Type()), '`')
			misspelled += hint
			r.fail(sub, at, "unknown key `"+key+"`", cmp.Or(hint, "keys here: "+strings.Join(keysOf(v.Type()), ", ")))
		}
	})
	for _, f := range known {
		// A key that is there under a wrong name is not reported twice.
		if f.required && !given[f.key] && strings.Contains(misspelled, "`"+f.key+"`") {
			r.bad[join(path, f.key)] = true
		} else if f.required && !given[f.key] {
			r.fail(join(path, f.key), r.doc.start(n), "`"+f.key+"` is missing", f.doc)
		}
	}
}

func (r *Reader) mapping(path string, n ast.Node, v reflect.Value, f field) {
	list, ok := entries(n)
	if !ok {
		r.fail(path, r.doc.start(n), "should be a set of keys, not "+kindOf(n), "")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	r.each(path, list, func(sub, key string, _ routing.Place, n ast.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		r.value(sub, n, e, field{oneOrMore: v.Type().Elem() == reflect.TypeFor[Texts](), min: f.min, max: f.max})
		v.SetMapIndex(reflect.ValueOf(key), e)
	})
}

// each calls f for every key of a mapping, and reports the repeated ones.
func (r *Reader) each(path string, list []*ast.MappingValueNode, f func(sub, key string, at routing.Place, n ast.Node)) {
	first := map[string]routing.Place{}
	for _, e := range list {
		at := r.doc.start(e.Key)
		key := e.Key.GetToken().Value
		sub := join(path, key)
		if before, repeated := first[key]; repeated {
			r.fail(sub, at, "`"+key+"` is given twice", fmt.Sprintf("it is on line %d already; keep one of them", before.Line))
			continue
		}
		first[key] = at
		r.places[sub] = Spot{Key: at}
		f(sub, key, at, e.Value)
	}
}

func (r *Reader) list(path string, n ast.Node, v reflect.Value, f field) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		if f.oneOrMore && scalar(n) {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			r.value(path, n, v.Index(0), field{required: true})
			return
		}
		hint := ""
		if scalar(n) {
			hint = "write [" + strings.TrimSpace(Raw(n)) + "]"
		} else if v.Type().Elem().Kind() == reflect.Struct {
			hint = "start each item with a dash"
		}
		r.fail(path, r.doc.start(n), "should be a list, not "+kindOf(n), hint)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, item := range seq.Values {
		sub := fmt.Sprintf("%s[%d]", path, i)
		r.value(sub, item, v.Index(i), field{required: true})
	}
}

func (r *Reader) text(path string, n ast.Node, v reflect.Value, f field) {
	at := r.doc.start(n)
	s, ok := textOf(n)
	if !ok {
		hint := ""
		if scalar(n) {
			hint = "put it in quotes: \"" + Raw(n) + "\""
		}
		r.fail(path, at, "should be text, not "+kindOf(n), hint)
		return
	}
	switch {
	case f.enum != nil && !slices.Contains(f.enum, s):
		hint := ""
		if r.doc.kind.NotListed != nil {
			hint = r.doc.kind.NotListed(path, s)
		}
		hint = cmp.Or(hint, nearest.Hint(s, f.enum, '`'))
		r.fail(path, at, fmt.Sprintf("%q is none of %s", s, strings.Join(f.enum, ", ")), hint)
	case f.required && strings.TrimSpace(s) == "":
		r.fail(path, at, "is empty", f.doc)
	default:
		v.SetString(s)
	}
}

func (r *Reader) duration(path string, n ast.Node, v reflect.Value) {
	s, ok := textOf(n)
	if !ok && !scalar(n) {
		r.fail(path, r.doc.start(n), "should be a time span such as 4h or 1h30m, not "+kindOf(n), "")
		return
	}
	if !ok {
		s = Raw(n)
	}
	d, err := time.ParseDuration(s)
	if err != nil || !ok && d != 0 {
		r.fail(path, r.doc.start(n), fmt.Sprintf("%q is not a time span such as 4h, 1h30m or 5m", s), spanHint(s))
		return
	}
	v.SetInt(int64(d))
}

var (
	days       = regexp.MustCompile(`^([0-9]+) ?(d|days?)$`)
	longUnits  = regexp.MustCompile(`^([0-9]+) ?(h|m|s|hours?|minutes?|mins?|seconds?|secs?)$`)
	bareNumber = regexp.MustCompile(`^[0-9]+$`)
)

// spanHint guesses what was meant by a time span that is none.
func spanHint(s string) string {
	if m := days.FindStringSubmatch(s); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return fmt.Sprintf("write %dh: a day can have 23 or 25 hours", 24*n)
		}
	}
	if m := longUnits.FindStringSubmatch(s); m != nil {
		short := m[1] + m[2][:1]
		if short == s {
			return "it is too long: a time span ends at 2562047h"
		}
		return "write " + short
	}
	if bareNumber.MatchString(s) {
		return "give the unit: " + s + "s are seconds, " + s + "m minutes, " + s + "h hours"
	}
	return ""
}

// numberOf is the number that a node is; it may be infinite. The YAML library
// takes numbers such as 1e300, and very long ones, for text without quotes.
func numberOf(n ast.Node) (x float64, ok bool) {
	_, isText := textOf(n)
	plain := isText && n.GetToken().Type == token.StringType
	if !plain && n.Type() != ast.IntegerType && n.Type() != ast.FloatType || !number.MatchString(Raw(n)) {
		return 0, false
	}
	x, err := strconv.ParseFloat(Raw(n), 64)
	return x, err == nil || errors.Is(err, strconv.ErrRange)
}

// within checks the bounds of a number, which a node is.
func (r *Reader) within(path string, at routing.Place, f field, n ast.Node, x float64) bool {
	low, lowErr := strconv.ParseFloat(f.min, 64)
	high, highErr := strconv.ParseFloat(f.max, 64)
	switch {
	case lowErr == nil && x < low, highErr == nil && x > high:
		r.fail(path, at, Raw(n)+" is out of bounds: "+f.bounds(), "")
		return false
	case math.IsInf(x, 0):
		r.fail(path, at, Raw(n)+" is out of bounds", f.doc)
		return false
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, strconv.FormatFloat(x, 'f', -1, 64)) {
		r.fail(path, at, fmt.Sprintf("%g is not known here: it should be %s", x, strings.Join(f.enum, ", ")), f.doc)
		return false
	}
	return true
}

// entries are the keys and values of a mapping.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// textOf is the value of a node that is text.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// scalar says whether a node is one value, neither a list nor a mapping.
func scalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.SequenceNode, *ast.MappingNode, *ast.MappingValueNode:
		return false
	}
	return true
}

// Raw is a scalar as it was written, without its quotes.
func Raw(n ast.Node) string {
	if !scalar(n) {
		return ""
	}
	if s, ok := textOf(n); ok {
		return s
	}
	return n.GetToken().Value
}

// unquote is the hint where a number stands in quotes, or has a sign of percent.
func unquote(n ast.Node, fits *regexp.Regexp) string {
	s, ok := textOf(n)
	if !ok {
		return ""
	}
	bare := strings.TrimSpace(strings.TrimSuffix(s, "%"))
	if bare == "" || !fits.MatchString(bare) {
		return ""
	}
	return "write " + bare
}

// kindOf is a node in words.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a set of keys"
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.IntegerNode, *ast.FloatNode:
		return "the number " + n.GetToken().Value
	case *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value
	}
	if _, ok := numberOf(n); ok {
		return "the number " + Raw(n)
	}
	s := []rune(Raw(n))
	if len(s) > 40 {
		s = append(s[:40], '…')
	}
	return fmt.Sprintf("the text %q", string(s))
}

// keysOf lists the keys of a struct of the format.
func keysOf(t reflect.Type) []string {
	var keys []string
	for _, f := range fields(t) {
		keys = append(keys, f.key)
	}
	return keys
}

// join adds a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
