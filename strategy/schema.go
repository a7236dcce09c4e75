package strategy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/foresort/foresort/routing"
)

// This file describes the format: as JSON Schema, for editors and other tools,
// and as a page for people. Both are made of the types in file.go.

// structs are the types of the format that have keys.
var structs = []reflect.Type{
	reflect.TypeFor[Strategy](), reflect.TypeFor[ServiceLevel](), reflect.TypeFor[Address](), reflect.TypeFor[Rule](),
	reflect.TypeFor[WrapUp](), reflect.TypeFor[Members](), reflect.TypeFor[Capacity](), reflect.TypeFor[Step](),
	reflect.TypeFor[Test](), reflect.TypeFor[Email](), reflect.TypeFor[Expect](), reflect.TypeFor[Calendar](),
}

// homeKey is the keyword that says where a key lives on the platform.
const homeKey = "x-home"

// Schema is the JSON Schema (draft 2020-12) of the strategy file. It knows keys,
// types, texts and bounds; Parse knows more.
func Schema() []byte {
	out, err := json.MarshalIndent(schema(), "", "  ")
	if err != nil {
		panic("strategy: write the schema: " + err.Error()) // it is made of fixed types
	}
	return append(out, '\n')
}

func schema() *jsonschema.Schema {
	r := jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if t == reflect.TypeFor[routing.Duration]() {
				return &jsonschema.Schema{Type: "string", Pattern: `^-?([0-9]+(\.[0-9]+)?(h|m|s|ms|us|µs|ns))+$|^0$`, Examples: []any{"4h", "1h30m", "5m"}}
			}
			return nil
		},
	}
	root := r.Reflect(&Strategy{})
	root.ID = "https://github.com/foresort/foresort/strategy/schema.json"
	root.Title = "Foresort strategy"
	root.Description = "Email routing of one queue on Genesys Cloud. A key that is absent is left alone on the platform."
	delete(root.Definitions, reflect.TypeFor[Interval]().Name()) // described where it is used
	for _, t := range structs {
		of := root
		if d, ok := root.Definitions[t.Name()]; ok {
			of = d
		} else if t != reflect.TypeFor[Strategy]() {
			panic("strategy: the schema has no " + t.Name())
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
			if f.typ == reflect.TypeFor[map[string]Interval]() {
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
	p.Minimum, p.Maximum = json.Number(f.min), json.Number(f.max)
	if f.def != "" {
		p.Default = json.RawMessage(f.def)
	}
	if f.home != "" {
		p.Extras = map[string]any{homeKey: f.home}
	}
}

// Reference is docs/strategy-reference.md: every key of the strategy file in
// words, made of the JSON Schema.
func Reference() []byte {
	root := schema()
	var b strings.Builder
	b.WriteString(`# The strategy file

<!-- Made by go generate from strategy/schema.json. Do not edit. -->

One YAML file says how the email of one queue is routed and what is promised.
[examples/support.yaml](../examples/support.yaml) is a whole one. For an editor
that completes keys, put this on the first line, with the path to the schema:

` + "```yaml\n# yaml-language-server: $schema=strategy/schema.json\n```" + `

- A key that is absent is not owned: the platform's value is left alone. An empty
  list (` + "`relax: []`" + `) is owned and emptied, and so is the language of a rule by
  ` + "`language: none`" + `. A key without a value is a mistake.
- Everything is called by name, never by id.
- Time spans are written as 4h, 1h30m, 5m or 90s. Percent goes from 0 to 100.
- Anchors, aliases, tags and several documents in a file are not taken.
- ` + "`adjust`, `sync`" + ` and conditions (` + "`when`" + `) are not in this version; conditions are
  checked all the same.

`)
	section(&b, "", root, root)
	return []byte(b.String())
}

// section writes the keys of one object, then those of the objects in it.
func section(b *strings.Builder, path string, of, root *jsonschema.Schema) {
	title := "Top level"
	if path != "" {
		title = "`" + path + "`"
	}
	fmt.Fprintf(b, "## %s\n\n| key | type | default | meaning | lives on the platform as |\n|---|---|---|---|---|\n", title)
	type inner struct {
		path string
		of   *jsonschema.Schema
	}
	var below []inner
	for p := of.Properties.Oldest(); p != nil; p = p.Next() {
		text, ref, suffix := typeText(p.Value)
		def := "left alone"
		switch home, _ := p.Value.Extras[homeKey].(string); {
		case slices.Contains(of.Required, p.Key):
			def = "required"
		case p.Value.Default != nil:
			def = fmt.Sprintf("`%s`", p.Value.Default)
		case home == "", len(p.Value.OneOf) > 0:
			def = "none"
		}
		home, _ := p.Value.Extras[homeKey].(string)
		if home == "" {
			home = "-"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", p.Key, text, def, strings.ReplaceAll(p.Value.Description, "|", `\|`), home)
		if ref != "" {
			below = append(below, inner{join(path, p.Key) + suffix, root.Definitions[ref]})
		}
	}
	b.WriteByte('\n')
	for _, x := range below {
		section(b, x.path, x.of, root)
	}
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
	if p.Minimum != "" {
		text += fmt.Sprintf(", %s to %s", p.Minimum, p.Maximum)
	}
	return text, "", ""
}
