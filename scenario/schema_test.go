package scenario_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/foresort/foresort/scenario"
)

func TestGeneratedFilesAreClean(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]byte{"schema.json": scenario.Schema(), "../docs/scenario-reference.md": scenario.Reference()} {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s is not what the types say; run go generate ./scenario (-types +file):\n%s", file, d)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(scenario.Schema()))
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

// hours are hours without quotes, which the YAML library reads wrongly inside of
// brackets.
var hours = regexp.MustCompile(`([^"])(\d\d:\d\d-\d\d:\d\d)`)

func fits(schema *jsonschema.Schema, src []byte) error {
	var v any
	if err := yaml.Unmarshal(hours.ReplaceAll(src, []byte(`$1"$2"`)), &v); err != nil {
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

// What is wrong in keys and types, an editor with the schema sees too; what is
// right it takes.
func TestTheSchemaKnowsKeysAndTypes(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	if err := fits(schema, []byte(whole)); err != nil {
		t.Errorf("the schema refuses a scenario with every key: %v", err)
	}
	structural := []string{"should be", "unknown key", "is missing", "is none of", "out of bounds: 0 to", "out of bounds: 1 to", "not known here"}
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
		for _, words := range structural {
			if strings.HasPrefix(filepath.Base(file), "trace-") || !strings.Contains(string(ar.Files[len(ar.Files)-1].Data), words) {
				continue
			}
			seen++
			if fits(schema, ar.Files[0].Data) == nil {
				t.Errorf("%s: the schema takes it", file)
			}
			break
		}
	}
	if seen < 12 {
		t.Errorf("only %d files were looked at", seen)
	}
}
