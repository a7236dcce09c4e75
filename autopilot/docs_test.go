package autopilot_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page names every reason, figure and lever, and its example is that of the
// example file.
func TestThePageNamesEverything(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := read("docs/autopilot.md")
	for file, what := range map[string]string{"autopilot/autopilot.go": "Reason", "internal/condition/queue.go": "Figure", "routing/adjust.go": "Lever"} {
		found := regexp.MustCompile(`\s`+what+`\s+= "(\w+)"`).FindAllStringSubmatch(read(file), -1)
		if len(found) < 8 {
			t.Errorf("%s: %d of kind %s", file, len(found), what)
		}
		for _, f := range found {
			if !strings.Contains(page, "`"+f[1]) {
				t.Errorf("docs/autopilot.md does not name %s", f[1])
			}
		}
	}
	example, _, _ := strings.Cut(strings.SplitN(page, "```yaml\n", 2)[1], "```")
	if !strings.Contains(read("examples/support.yaml"), example) {
		t.Errorf("its example is not that of examples/support.yaml:\n%s", example)
	}
}
