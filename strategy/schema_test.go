package strategy_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

func TestGeneratedFilesAreClean(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]byte{"schema.json": strategy.Schema(), "../docs/strategy-reference.md": strategy.Reference()} {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s is not what the types say; run go generate ./strategy (-types +file):\n%s", file, d)
		}
	}
}

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(strategy.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func fits(schema *jsonschema.Schema, src []byte) error {
	var v any
	if err := yaml.Unmarshal(src, &v); err != nil {
		return err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(doc)
}

func TestExampleFitsTheSchema(t *testing.T) {
	t.Parallel()
	if err := fits(compileSchema(t), example(t)); err != nil {
		t.Fatal(err)
	}
}

func TestCoverageAndSyncFitTheSchema(t *testing.T) {
	t.Parallel()
	src := "version: 1\nname: s\nqueue: Q\ncoverage: { proficiency: 2.5, waive: [{ finding: hole, agent: Ann, until: 2026-12-31, reason: r }, { finding: missing_permission, permission: wfm:agent:view, until: 2026-12-31, reason: r }] }\n" +
		"sync: [{ name: g, url: 'https://h.example/', secret: '${A}', previousSecret: '${B}', events: ['*'], headers: { X-Tag: a } }]\n"
	parse(t, src)
	if err := fits(compileSchema(t), []byte(src)); err != nil {
		t.Fatal(err)
	}
}

func TestEveryTypeOfEventIsDescribed(t *testing.T) {
	t.Parallel()
	for _, name := range append(slices.Sorted(maps.Keys(routing.EventAliases)), routing.EventTypes...) {
		if !strings.Contains(string(strategy.Schema()), name) {
			t.Errorf("the schema does not name %s", name)
		}
	}
}

// The reader and the schema agree on keys and types: what the reader takes, the
// schema takes.
func TestWhatParseTakesFitsTheSchema(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		org, q := anyOrg(t)
		text, _, err := strategy.Import(org, q)
		if err != nil {
			t.Skip(err)
		}
		if err := fits(schema, text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	})
}

// What is wrong in keys and types, an editor with the schema sees too.
func TestSchemaRefusesWrongKeysAndTypes(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	structural := []string{"should be", "unknown key", "is missing", "is none of", "out of bounds", "not in this version", "not a time span", "not known here"}
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		base := strings.TrimSuffix(filepath.Base(file), ".txtar")
		for _, words := range structural {
			if strings.HasPrefix(base, "yaml-") || strings.HasPrefix(base, "when-") || base == "wrapup-timeout-too-long" || !strings.Contains(string(ar.Files[1].Data), words) {
				continue
			}
			seen++
			if fits(schema, ar.Files[0].Data) == nil {
				t.Errorf("%s: the schema takes it", base)
			}
			break
		}
	}
	if seen < 20 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// An editor shows what a key means: none is without words.
func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	var doc struct {
		Properties map[string]struct{ Description string }
		Defs       map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(strategy.Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	all := doc.Defs
	all["top"] = struct {
		Properties map[string]struct{ Description string }
	}{doc.Properties}
	for of, d := range all {
		for key, p := range d.Properties {
			if !strings.HasSuffix(p.Description, ".") {
				t.Errorf("%s.%s: %q", of, key, p.Description)
			}
		}
	}
	if len(all) != 25 {
		t.Errorf("%d sets of keys, want 25", len(all))
	}
}
