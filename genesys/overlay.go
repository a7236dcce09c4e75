package genesys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// This file edits raw JSON in place of its meaning: an object is opened only
// along the path that is edited, and every other value stays the bytes that the
// platform sent. So unknown fields at any depth, explicit nulls and numbers
// beyond 2^53 come through untouched.

// object is one JSON object, its values still raw.
type object map[string]json.RawMessage

var null = json.RawMessage("null")

// isNothing says that a value is absent or null.
func isNothing(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || bytes.Equal(raw, null)
}

// open reads an object; absent and null read as nil.
func open(raw json.RawMessage) (object, error) {
	if isNothing(raw) {
		return nil, nil
	}
	if raw = bytes.TrimSpace(raw); raw[0] != '{' {
		return nil, fmt.Errorf("an object is expected, not %s", glimpse(raw))
	}
	var o object
	err := json.Unmarshal(raw, &o)
	return o, err
}

// openList reads an array; absent and null read as nil.
func openList(raw json.RawMessage) ([]json.RawMessage, error) {
	if isNothing(raw) {
		return nil, nil
	}
	if raw = bytes.TrimSpace(raw); raw[0] != '[' {
		return nil, fmt.Errorf("an array is expected, not %s", glimpse(raw))
	}
	var l []json.RawMessage
	err := json.Unmarshal(raw, &l)
	return l, err
}

// glimpse is the beginning of a value, for an error.
func glimpse(raw json.RawMessage) string {
	if len(raw) > 30 {
		return string(raw[:30]) + "…"
	}
	return string(raw)
}

// encode writes a value without changing <, > and & in the raw parts of it.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// path is where a value is, from the top of its object.
type path []string

func (p path) String() string { return strings.Join(p, ".") }

// get reads the value at p; nil where it or anything above it is absent.
func get(o object, p path) (json.RawMessage, error) {
	for _, key := range p[:len(p)-1] {
		inner, err := open(o[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		o = inner
	}
	return o[p[len(p)-1]], nil
}

// edit replaces the value at p by what change makes of it, nil removing it.
// Objects on the way are made where they are missing, and removed when it is
// this edit that emptied them.
func edit(o object, p path, change func(old json.RawMessage) (json.RawMessage, error)) error {
	key := p[0]
	if len(p) == 1 {
		v, err := change(o[key])
		if err != nil {
			return err
		}
		if v == nil {
			delete(o, key)
		} else {
			o[key] = v
		}
		return nil
	}
	inner, err := open(o[key])
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	before := len(inner)
	if inner == nil {
		inner = object{}
	}
	if err := edit(inner, p[1:], change); err != nil {
		return err
	}
	switch {
	case len(inner) > 0:
		o[key], err = encode(inner)
	case before > 0: // emptied just now
		delete(o, key)
	} // else it was absent, null or empty, and stays that
	return err
}

// set puts a value at p; a nil value removes what is there.
func set(o object, p path, v any) error {
	var raw json.RawMessage
	if v != nil {
		var err error
		if raw, err = encode(v); err != nil {
			return err
		}
	}
	return edit(o, p, func(json.RawMessage) (json.RawMessage, error) { return raw, nil })
}

// putBack makes the value at p in o what it is in snapshot: the same bytes, or
// null, or absent. Objects on the way that the snapshot does not have go too,
// unless something else is in them by now.
func putBack(o, snapshot object, p path) error {
	key := p[0]
	was, had := snapshot[key]
	if len(p) > 1 && !isNothing(was) {
		inner, err := open(o[key])
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		innerWas, err := open(was)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if inner == nil {
			inner = object{}
		}
		if err := putBack(inner, innerWas, p[1:]); err != nil {
			return err
		}
		o[key], err = encode(inner)
		return err
	}
	if len(p) > 1 && !isNothing(o[key]) {
		if err := set(o, p, nil); err != nil {
			return err
		}
		if inner, err := open(o[key]); err != nil || len(inner) > 0 {
			return err
		}
	}
	if had {
		o[key] = was
	} else {
		delete(o, key)
	}
	return nil
}

// mergeByID makes an array hold exactly the wanted ids: an element whose id
// stays keeps everything else in it, an element whose id goes is dropped, and
// fresh writes each new one.
func mergeByID(old json.RawMessage, ids []string, fresh func(id string) any) (json.RawMessage, error) {
	elements, err := openList(old)
	if err != nil {
		return nil, err
	}
	kept := []json.RawMessage{}
	var seen []string
	for i, e := range elements {
		o, err := open(e)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		if id := text(o["id"]); slices.Contains(ids, id) {
			kept, seen = append(kept, e), append(seen, id)
		}
	}
	for _, id := range ids {
		if slices.Contains(seen, id) {
			continue
		}
		e, err := encode(fresh(id))
		if err != nil {
			return nil, err
		}
		kept, seen = append(kept, e), append(seen, id)
	}
	return encode(kept)
}

// DiffersIn lists the keys at the top of two objects whose values do not mean
// the same, sorted. Absent, null and empty mean the same, and inside a value
// what has an id goes by it, whatever its name.
func DiffersIn(a, b json.RawMessage) ([]string, error) {
	var x, y map[string]any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		return nil, err
	}
	for _, o := range []map[string]any{x, y} {
		maps.DeleteFunc(o, func(_ string, v any) bool { return tidy(v) })
	}
	var out []string
	for key, v := range x {
		if !reflect.DeepEqual(v, y[key]) {
			out = append(out, key)
		}
	}
	for key := range y {
		if _, both := x[key]; !both {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out, nil
}

// tidy drops what is null or empty, at every depth of objects, and says whether
// v is.
func tidy(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, inner any) bool { return tidy(inner) })
		if v["id"] != nil {
			delete(v, "name")
			delete(v, "selfUri")
		}
		return len(v) == 0
	case []any:
		for _, inner := range v {
			tidy(inner)
		}
		return len(v) == 0
	}
	return false
}

// without drops keys at the top of an object.
func without(raw json.RawMessage, keys ...string) (json.RawMessage, error) {
	o, err := open(raw)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		delete(o, key)
	}
	return encode(o)
}

// text is a JSON string's value; empty for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
