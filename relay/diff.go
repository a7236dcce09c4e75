package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Diff lists what differs between two states of an object, each JSON as the
// platform sends it, field by field with the path of each. A part that is a list
// of objects with ids is compared by id. Paths that begin with one of those of
// ignore do not count.
func Diff(before, after json.RawMessage, ignore ...string) ([]Change, error) {
	a, err := number(before)
	if err != nil {
		return nil, err
	}
	b, err := number(after)
	if err != nil {
		return nil, err
	}
	d := differ{ignore: ignore}
	d.compare("", a, b)
	return d.changes, nil
}

// number reads JSON and keeps its numbers as they are written.
func number(raw json.RawMessage) (v any, err error) {
	if len(raw) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("compare two states of an object: %w", err)
	}
	return v, nil
}

type differ struct {
	ignore  []string
	changes []Change
}

func (d *differ) ignored(path string) bool {
	return slices.ContainsFunc(d.ignore, func(i string) bool { return path == i || strings.HasPrefix(path, i+".") })
}

func (d *differ) compare(path string, a, b any) {
	if d.ignored(path) || reflect.DeepEqual(a, b) {
		return
	}
	within := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	before, wasObject := a.(map[string]any)
	after, isObject := b.(map[string]any)
	if wasObject && isObject || path == "" && (wasObject || isObject) {
		keys := slices.Sorted(maps.Keys(before))
		keys = append(keys, slices.Sorted(maps.Keys(after))...)
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			d.compare(within(key), before[key], after[key])
		}
		return
	}
	was, wasList := byID(a)
	is, isList := byID(b)
	if wasList && isList && len(was)+len(is) > 0 {
		keys := slices.Sorted(maps.Keys(was))
		keys = append(keys, slices.Sorted(maps.Keys(is))...)
		slices.Sort(keys)
		for _, id := range slices.Compact(keys) {
			d.compare(fmt.Sprintf("%s[%s]", path, id), was[id], is[id])
		}
		return
	}
	d.changes = append(d.changes, Change{Field: path, Before: inWords(a), After: inWords(b), RawBefore: raw(a), RawAfter: raw(b)})
}

// byID are the elements of a list of objects by their ids; false: it is none.
func byID(v any) (map[string]any, bool) {
	list, ok := v.([]any)
	if v == nil {
		return nil, true
	}
	out := map[string]any{}
	for _, e := range list {
		o, _ := e.(map[string]any)
		id, _ := o["id"].(string)
		if id == "" || out[id] != nil {
			return nil, false
		}
		out[id] = o
	}
	return out, ok
}

func raw(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// longestWords is how much of a value is told in words; the raw one is whole.
const longestWords = 200

func inWords(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return cut(x)
	case bool:
		return strconv.FormatBool(x)
	case json.Number:
		return x.String()
	case map[string]any:
		if name, ok := x["name"].(string); ok && name != "" {
			return cut(name)
		}
	}
	return cut(string(raw(v)))
}

func cut(s string) string {
	if r := []rune(s); len(r) > longestWords {
		return string(r[:longestWords]) + "…"
	}
	return s
}
