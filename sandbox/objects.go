package sandbox

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// object is a JSON object as it came, numbers as json.Number, so that fields
// which the sandbox knows nothing about come back as they were sent.
type object = map[string]any

// clone copies a JSON value at every depth.
func clone[T any](v T) T {
	copied, _ := copyOf(v).(T)
	return copied
}

func copyOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = copyOf(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = copyOf(x)
		}
		return out
	}
	return v
}

// without copies an object without some fields.
func without(o object, fields ...string) object {
	out := clone(o)
	for _, f := range fields {
		delete(out, f)
	}
	return out
}

// dig goes down a path of field names; nil where the way ends.
func dig(v any, path ...string) any {
	for _, p := range path {
		o, _ := v.(map[string]any)
		v = o[p]
	}
	return v
}

func text(v any, path ...string) string {
	s, _ := dig(v, path...).(string)
	return s
}

func list(v any, path ...string) []any {
	l, _ := dig(v, path...).([]any)
	return l
}

// decimal reads a number; ok is false where there is none.
func decimal(v any, path ...string) (n float64, ok bool) {
	switch x := dig(v, path...).(type) {
	case json.Number:
		n, err := strconv.ParseFloat(string(x), 64)
		return n, err == nil
	case float64:
		return x, true
	case int:
		return float64(x), true
	}
	return 0, false
}

// normal gives an object that Go code built or changed the form that decoded
// JSON has.
func normal(o object) (object, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return parse[object](b)
}

// parse reads JSON with numbers as they are written.
func parse[T any](b []byte) (T, error) {
	var v T
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err := d.Decode(&v)
	return v, err
}

func number(n float64) json.Number {
	return json.Number(strconv.FormatFloat(n, 'f', -1, 64))
}

// stamp writes a time as the platform does: UTC with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// instant is a time that stamp writes.
type instant struct{ time.Time }

// MarshalJSON writes it.
func (t instant) MarshalJSON() ([]byte, error) { return []byte(`"` + stamp(t.Time) + `"`), nil }
