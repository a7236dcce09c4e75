package yamlfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// garden is a format for the tests.
type garden struct {
	Name  string                    `json:"name" is:"required" doc:"What it is called."`
	Beds  map[string]yamlfile.Texts `json:"beds,omitempty" doc:"What grows, by bed."`
	Water *routing.Duration         `json:"water,omitempty" default:"\"1h\"" doc:"How often."`
	Soil  map[string]float64        `json:"soil,omitempty" min:"0" max:"14" doc:"Acidity, by bed."`
	Size  float64                   `json:"size,omitempty" doc:"In square metres."`
	Trees []tree                    `json:"trees,omitempty" doc:"The trees."`
	First *tree                     `json:"first,omitempty" doc:"The first tree."`
}

type tree struct {
	Kind string `json:"kind" is:"required" enum:"apple|pear" doc:"What it bears."`
	Age  int    `json:"age,omitempty" min:"0" doc:"In years."`
}

var kind = yamlfile.Kind{
	Name: "a garden file", MaxBytes: 1000, TooBig: "have a smaller garden", Empty: "plant something",
	Later: map[string]string{"pond": "it comes with water"},
	NotListed: func(_, text string) string {
		if text == "plum" {
			return "plums come later"
		}
		return ""
	},
}

func read(t *testing.T, src string) (garden, *yamlfile.Reader, string) {
	t.Helper()
	var g garden
	doc, problems := yamlfile.Open("g.yaml", []byte(src), &kind)
	if len(problems) > 0 {
		return g, nil, problems.Text()
	}
	r := doc.Read(&g)
	return g, r, r.Problems().Error()
}

func TestReadFillsTheValueAndKeepsThePlaces(t *testing.T) {
	t.Parallel()
	g, r, text := read(t, "name: G\nbeds: { a: [beans, peas], b: kale }\nwater: 2h\nsoil: { a: 6.5 }\ntrees:\n  - { kind: apple, age: 3 }\n")
	if text != "" {
		t.Fatal(text)
	}
	want := garden{
		Name: "G", Beds: map[string]yamlfile.Texts{"a": {"beans", "peas"}, "b": {"kale"}}, Water: new(routing.Duration(7200e9)),
		Soil: map[string]float64{"a": 6.5}, Trees: []tree{{Kind: "apple", Age: 3}},
	}
	if d := cmp.Diff(want, g); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for path, at := range map[string][2]int{"trees[0].age": {6, 20}, "beds.a": {2, 9}, "soil": {4, 1}} {
		if got := r.Places().Key(path); got != (routing.Place{File: "g.yaml", Line: at[0], Column: at[1]}) {
			t.Errorf("%s is at %+v", path, got)
		}
	}
	if got := r.Places().Value("trees[0].age"); got.Column != 25 {
		t.Errorf("the age is at %+v", got)
	}
	if r.Item("beds.a", 1) != "beds.a[1]" || r.Item("beds.b", 0) != "beds.b" || !r.Has("soil.a") || r.Has("soil.b") {
		t.Error("the paths are others")
	}
}

func TestMistakesHaveTheirPlacesAndAWayOut(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"":                            "g.yaml:1:1: error: the file is empty\n      = plant something\n",
		strings.Repeat("# x\n", 1000): "g.yaml:1:1: error: the file has 4000 bytes, more than a garden file can have (1000)\n      = have a smaller garden\n",
		"name: &a G\n":                "g.yaml:1:7: error: anchors are not part of a garden file\n    1 | name: &a G\n      |       ^\n      = write the value out where it is used\n",
		"name: G\npond: 1\n":          "g.yaml:2:1: pond: `pond` is not in this version (it comes with water; leave the key out until then)",
		"name: G\nsoil: { a: 15 }\n":  "g.yaml:2:12: soil.a: 15 is out of bounds: 0 to 14",
		"name: G\nfirst: { kind: plum, age: -1 }\n":                        "g.yaml:2:16: first.kind: \"plum\" is none of apple, pear (plums come later)\ng.yaml:2:27: first.age: -1 is out of bounds: 0 and more",
		"name: G\nfirst: { kind: aple }\n":                                 "g.yaml:2:16: first.kind: \"aple\" is none of apple, pear (did you mean `apple`?)",
		"name:\n":                                                          "g.yaml:1:1: name: has no value (What it is called.)",
		"nane: G\n":                                                        "g.yaml:1:1: nane: unknown key `nane` (did you mean `name`?)",
		"name: G\nsoil: { a: 1e300 }\n":                                    "g.yaml:2:12: soil.a: 1e300 is out of bounds: 0 to 14",
		"name: G\nsoil: { a: 1e999 }\n":                                    "g.yaml:2:12: soil.a: 1e999 is out of bounds: 0 to 14",
		"name: G\nsoil: { a: .inf }\n":                                     "g.yaml:2:12: soil.a: should be a number, not .inf",
		"name: G\nsoil: { a: \"1e1\" }\n":                                  "g.yaml:2:12: soil.a: should be a number, not the text \"1e1\" (write 1e1)",
		"name: G\nsize: 1e999\n":                                           "g.yaml:2:7: size: 1e999 is out of bounds (In square metres.)",
		"name: G\nfirst: { kind: apple, age: -1e18 }\n":                    "g.yaml:2:28: first.age: -1e18 is out of bounds: 0 and more",
		"name: G\nfirst: { kind: apple, age: 1e2 }\n":                      "g.yaml:2:28: first.age: should be in plain digits, not 1e2 (write 100)",
		"name: G\nfirst: { kind: apple, age: 1e300 }\n":                    "g.yaml:2:28: first.age: 1e300 is out of bounds (In years.)",
		"name: G\nfirst: { kind: apple, age: 100000000000000000000000 }\n": "g.yaml:2:28: first.age: 100000000000000000000000 is out of bounds (In years.)",
		"name: G\nfirst: { kind: apple, age: 1.5 }\n":                      "g.yaml:2:28: first.age: should be a whole number, not the number 1.5 (In years.)",
	} {
		if _, _, got := read(t, src); got != want {
			t.Errorf("%.40q:\n got %q\nwant %q", src, got, want)
		}
	}
}

func TestANumberCanHaveAnExponent(t *testing.T) {
	t.Parallel()
	if g, _, text := read(t, "name: G\nsize: 1.5e3\nsoil: { a: 1e1, b: 65E-1 }\n"); text != "" || g.Size != 1500 || g.Soil["a"] != 10 || g.Soil["b"] != 6.5 {
		t.Errorf("%+v %s", g, text)
	}
}

// What turns text round, and the end of a line of Windows, are not shown.
func TestALineIsShownWithoutWhatATerminalObeys(t *testing.T) {
	t.Parallel()
	p := yamlfile.NewProblem("a.csv", "at\r\n\u202eevil\u2066\x1b\r\n", routing.Place{Line: 2, Column: 1}, "x\x1b", "no", "")
	want := "a.csv:2:1: error: x\ufffd: no\n    2 | \ufffdevil\ufffd\ufffd\n      | ^\n"
	if got := (yamlfile.Problems{p}).Text(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Problems that are found later, or in other files, come in order and do not
// stay with the first reader.
func TestProblemsOfOtherFilesComeLast(t *testing.T) {
	t.Parallel()
	_, r, _ := read(t, "name: G\nwater: 1h\n")
	again := r.Again()
	again.Add(yamlfile.NewProblem("a.csv", "x\ny\n", routing.Place{Line: 2, Column: 1}, "", "no", ""))
	again.Warn("water", "much", "")
	again.Fail("name", "short", "")
	want := "g.yaml:1:7: name: short\ng.yaml:2:8: warning: water: much\na.csv:2:1: no"
	if got := again.Problems().Error(); got != want || len(r.Problems()) != 0 {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestThePageTellsEachSetOfKeysOnce(t *testing.T) {
	t.Parallel()
	got := string(yamlfile.Reference[garden](yamlfile.About{Intro: "# Gardens\n\n"}))
	want := "# Gardens\n\n## Top level\n\n| key | type | default | meaning |\n|---|---|---|---|\n" +
		"| `name` | text | required | What it is called. |\n" +
		"| `beds` | names to text, or list of texts | none | What grows, by bed. |\n" +
		"| `water` | time span | `1h` | How often. |\n" +
		"| `soil` | names to numbers, 0 to 14 | none | Acidity, by bed. |\n" +
		"| `size` | number | none | In square metres. |\n" +
		"| `trees` | list | none | The trees. |\n" +
		"| `first` | keys | none | The first tree. |\n\n" +
		"## `trees[]`, `first`\n\n| key | type | default | meaning |\n|---|---|---|---|\n" +
		"| `kind` | `apple`, `pear` | required | What it bears. |\n" +
		"| `age` | whole number, 0 and more | none | In years. |\n\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if keys := yamlfile.Enum[tree]("kind"); !cmp.Equal(keys, []string{"apple", "pear"}) {
		t.Error(keys)
	}
}
