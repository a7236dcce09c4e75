package yamlfile

import (
	"reflect"
	"slices"
	"strings"
)

// This file knows the tags of the types of a format. The reader, the JSON
// Schema and the reference page all follow them:
//
//	json      the key
//	doc       what it means
//	home      where it lives on the platform; empty: only in Foresort
//	default   what holds where the key is absent, as JSON
//	enum      the texts that are allowed, separated by |
//	min, max  the bounds of a number, or of those of a map, both included
//	is        "required": the key must be there; "one or more": a single text stands for a list of it

// field is one key of the format, as its tags say.
type field struct {
	key, doc, home, def string
	enum                []string
	min, max            string
	required, oneOrMore bool
	index               int
	typ                 reflect.Type
}

// bounds are the bounds of a number in words.
func (f field) bounds() string {
	switch {
	case f.max == "":
		return f.min + " and more"
	case f.min == "":
		return f.max + " and less"
	}
	return f.min + " to " + f.max
}

// fields lists the keys of a struct of the format, in their order.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		tag := f.Tag.Get
		key, _, _ := strings.Cut(tag("json"), ",")
		x := field{
			key: key, doc: tag("doc"), home: tag("home"), def: tag("default"), min: tag("min"), max: tag("max"),
			required: tag("is") == "required", oneOrMore: tag("is") == "one or more" || f.Type == reflect.TypeFor[Texts](),
			index: i, typ: f.Type,
		}
		if e := tag("enum"); e != "" {
			x.enum = strings.Split(e, "|")
		}
		out = append(out, x)
	}
	return out
}

// Enum lists the texts that a key of the struct T allows.
func Enum[T any](key string) []string {
	list := fields(reflect.TypeFor[T]())
	return list[slices.IndexFunc(list, func(f field) bool { return f.key == key })].enum
}
