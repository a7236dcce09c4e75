package yamlfile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/foresort/foresort/routing"
)

// This file describes the format: as JSON Schema, for editors and other tools,
// and as a page for people. Both are made of its types.

// About is what is said of a whole file.
type About struct {
	ID, Title, Description string // of the JSON Schema
	// Intro is the beginning of the page, up to the first table.
	Intro string
}

// structs lists the types with keys that are found in t, itself first.
func structs(t reflect.Type) []reflect.Type {
	var out []reflect.Type
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(t.Elem())
		case reflect.Struct:
			if slices.Contains(out, t) {
				return
			}
			out = append(out, t)
			for _, f := range fields(t) {
				walk(f.typ)
			}
		default: // has no keys
		}
	}
	walk(t)
	return out
}

// homeKey is the keyword that says where a key lives on the platform.
const homeKey = "x-home"

// Schema is the JSON Schema (draft 2020-12) of files of the type T. It knows
// keys, types, texts and bounds; the checks of a format know more.
func Schema[T any](about About) []byte {
	out, err := json.MarshalIndent(schema(reflect.TypeFor[T](), about), "", "  ")
	if err != nil {
		panic("yamlfile: write the schema: " + err.Error()) // it is made of fixed types
	}
	return append(out, '\n')
}

func schema(top reflect.Type, about About) *jsonschema.Schema {
	r := jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if t == reflect.TypeFor[routing.Duration]() {
				return &jsonschema.Schema{Type: "string", Pattern: `^-?([0-9]+(\.[0-9]+)?(h|m|s|ms|us|µs|ns))+$|^0$`, Examples: []any{"4h", "1h30m", "5m"}}
			}
			return nil
		},
	}
	root := r.ReflectFromType(top)
	root.ID, root.Title, root.Description = jsonschema.ID(about.ID), about.Title, about.Description
	delete(root.Definitions, reflect.TypeFor[Texts]().Name()) // described where it is used
	for _, t := range structs(top) {
		of := root
		if d, ok := root.Definitions[t.Name()]; ok {
			of = d
		} else if t != top {
			panic("yamlfile: the schema has no " + t.Name())
		}
		of.Required = nil
		for _, f := range fields(t) {
			p, _ := of.Properties.Get(f.key)
			describe(p, f)
			if f.required {
				of.Required = append(of.Required, f.key)
			}
			if f.oneOrMore {
				*p = jsonschema.Schema{Description: p.Description, Extras: p.Extras, OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}}
			}
			if f.typ == reflect.TypeFor[map[string]Texts]() {
				p.AdditionalProperties = &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}}
			}
		}
	}
	return root
}

// describe lays what the tags of a key say over its schema.
func describe(p *jsonschema.Schema, f field) {
	p.Description = f.doc
	for _, e := range f.enum {
		if p.Type == "integer" {
			p.Enum = append(p.Enum, json.Number(e))
		} else {
			p.Enum = append(p.Enum, e)
		}
	}
	bounded := p
	if f.typ.Kind() == reflect.Map {
		bounded = p.AdditionalProperties
	}
	bounded.Minimum, bounded.Maximum = json.Number(f.min), json.Number(f.max)
	if f.def != "" {
		p.Default = json.RawMessage(f.def)
	}
	if f.home != "" {
		p.Extras = map[string]any{homeKey: f.home}
	}
}

// Reference is the page about files of the type T: every key in words, made of
// the JSON Schema.
func Reference[T any](about About) []byte {
	p := page{root: schema(reflect.TypeFor[T](), about)}
	for _, t := range structs(reflect.TypeFor[T]()) {
		p.homes = p.homes || slices.ContainsFunc(fields(t), func(f field) bool { return f.home != "" })
	}
	p.WriteString(about.Intro)
	p.sections("", p.root)
	for _, s := range p.all {
		p.write(s)
	}
	return []byte(p.String())
}

// page is a reference page being written.
type page struct {
	strings.Builder
	root  *jsonschema.Schema
	all   []*section
	homes bool // there is a column for where a key lives on the platform
}

// section is the keys of one object, and where it is found in the file.
type section struct {
	paths []string
	of    *jsonschema.Schema
}

// sections lists an object and those in it, each once.
func (b *page) sections(path string, of *jsonschema.Schema) {
	for _, s := range b.all {
		if s.of == of {
			s.paths = append(s.paths, path)
			return
		}
	}
	b.all = append(b.all, &section{[]string{path}, of})
	for p := of.Properties.Oldest(); p != nil; p = p.Next() {
		if _, ref, suffix := typeText(p.Value); ref != "" {
			b.sections(join(path, p.Key)+suffix, b.root.Definitions[ref])
		}
	}
}

// write writes the keys of one object.
func (b *page) write(s *section) {
	title := "Top level"
	if s.of != b.root {
		title = "`" + strings.Join(s.paths, "`, `") + "`"
	}
	fmt.Fprintf(b, "## %s\n\n| key | type | default | meaning |", title)
	if b.homes {
		b.WriteString(" lives on the platform as |\n|---|---|---|---|---|\n")
	} else {
		b.WriteString("\n|---|---|---|---|\n")
	}
	for p := s.of.Properties.Oldest(); p != nil; p = p.Next() {
		text, _, _ := typeText(p.Value)
		def := "left alone"
		home, _ := p.Value.Extras[homeKey].(string)
		switch {
		case slices.Contains(s.of.Required, p.Key):
			def = "required"
		case p.Value.Default != nil:
			def = "`" + strings.Trim(fmt.Sprintf("%s", p.Value.Default), `"`) + "`"
		case home == "", len(p.Value.OneOf) > 0:
			def = "none"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |", p.Key, text, def, strings.ReplaceAll(p.Value.Description, "|", `\|`))
		if b.homes {
			fmt.Fprintf(b, " %s |", cmp.Or(home, "-"))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

// typeText is a type in words, and the name of the object in it, if any, with
// what its path ends in.
func typeText(p *jsonschema.Schema) (text, ref, suffix string) {
	if p.Ref != "" {
		return "keys", strings.TrimPrefix(p.Ref, "#/$defs/"), ""
	}
	if len(p.OneOf) > 0 {
		return "text, or list of texts", "", ""
	}
	var words []string
	switch {
	case len(p.Enum) > 0:
		for _, e := range p.Enum {
			words = append(words, fmt.Sprintf("`%v`", e))
		}
		return strings.Join(words, ", "), "", ""
	case p.Type == "array":
		text, ref, suffix = typeText(p.Items)
		if ref != "" {
			return "list", ref, "[]" + suffix
		}
		return "list of " + text + "s", "", ""
	case p.Type == "object" && p.AdditionalProperties != nil:
		text, ref, suffix = typeText(p.AdditionalProperties)
		if ref != "" {
			return "names to keys", ref, ".<name>" + suffix
		}
		if strings.HasPrefix(text, "number") {
			text = strings.Replace(text, "number", "numbers", 1)
		}
		return "names to " + text, "", ""
	case p.Pattern != "":
		return "time span", "", ""
	case p.Type == "string":
		return "text", "", ""
	case p.Type == "boolean":
		return "true or false", "", ""
	}
	text = "number"
	if p.Type == "integer" {
		text = "whole number"
	}
	if p.Minimum != "" || p.Maximum != "" {
		text += ", " + field{min: p.Minimum.String(), max: p.Maximum.String()}.bounds()
	}
	return text, "", ""
}
