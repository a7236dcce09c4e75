package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A comment that names the source of a platform fact must lead somewhere.
func TestEveryLinkToThePlatformNotesHasItsHeading(t *testing.T) {
	t.Parallel()
	notes, err := os.ReadFile("../../docs/platform-notes.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for line := range strings.Lines(string(notes)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			headings[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-")] = true
		}
	}
	link := regexp.MustCompile(`platform-notes\.md#([a-z0-9-]+)`)
	links := 0
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			if !headings[m[1]] {
				t.Errorf("%s: %s has no such heading", strings.TrimPrefix(path, "../../"), m[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if links == 0 {
		t.Error("no link found: this test looks in the wrong place")
	}
}
