package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/foresort/foresort/examples"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/strategy"
)

// console finds the commands of the README with their output.
var console = regexp.MustCompile("(?s)```console\n\\$ (.*?)\n(.*?)```")

// The README shows commands with what they really print, stdout before stderr,
// and every exit code. UPDATE=1 rewrites both.
func TestTheReadmeShowsWhatReallyHappens(t *testing.T) {
	t.Parallel()
	const file = "../../README.md"
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := console.ReplaceAllFunc(have, func(block []byte) []byte {
		line := string(console.FindSubmatch(block)[1])
		return fmt.Appendf(nil, "```console\n$ %s\n%s```", line, shellOutput(t, line))
	})
	var rows strings.Builder
	rows.WriteString("| exit code | |\n|---|---|\n")
	for _, e := range exits {
		fmt.Fprintf(&rows, "| %d | %s |\n", e.Code, e.Meaning)
	}
	table := regexp.MustCompile(`(?s)\| exit code \| \|\n.*?\n\n`)
	want = table.ReplaceAllLiteral(want, []byte(rows.String()+"\n"))
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(have, want) {
		t.Errorf("README.md is old; UPDATE=1 rewrites it. It should read:\n%s", want)
	}
	for _, example := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(have, -1) {
		if _, problems := strategy.Parse("README.md", example[1]); len(problems) > 0 {
			t.Errorf("the strategy in the README is not valid:\n%s", problems)
		}
	}
	if n := len(console.FindAll(have, -1)); n < 5 {
		t.Errorf("the README shows %d commands with their output, want 5", n)
	}
}

// shellOutput runs a line of the README in a folder with the example files,
// with a sandbox to talk to.
func shellOutput(t *testing.T, line string) string {
	t.Helper()
	needShell(t)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples"), examples.Files); err != nil {
		t.Fatal(err)
	}
	server := sandbox.New(sandbox.Options{CheckAnswers: true})
	t.Cleanup(func() {
		for _, m := range server.Misfits() {
			t.Errorf("against the contract: %s", m)
		}
	})
	base, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, // testscript puts foresort into PATH
		"FORESORT_GATEWAY=" + base, "GENESYS_CLIENT_ID=" + sandbox.DefaultClientID, "GENESYS_CLIENT_SECRET=" + sandbox.DefaultClientSecret,
	}
	err = cmd.Run() // an exit code is part of the example, as for validate
	// Progress shows where it takes long.
	talk := regexp.MustCompile(`(?m)^simulating \[.*\n`).ReplaceAll(stderr.Bytes(), nil)
	if out := stdout.String() + string(talk); out != "" {
		return out
	}
	t.Fatalf("%s printed nothing: %v", line, err)
	return ""
}
