package cli

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestTheGeneratedDocumentsAreCurrent(t *testing.T) {
	t.Parallel()
	for name, doc := range docs {
		have, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(have), string(doc())); d != "" {
			t.Errorf("docs/%s is old; run go generate ./internal/cli (-have +want):\n%s", name, d)
		}
	}
}

// eachCommand calls f with every command that a user can see.
func eachCommand(cmd *cobra.Command, f func(*cobra.Command)) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "completion" && sub.Name() != "help" {
			f(sub)
			eachCommand(sub, f)
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	eachCommand(newRoot(quietShell(nil)), func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s lacks its short or long text, or examples", cmd.Name())
		}
	})
}

// The examples of the help are run as they stand, in a folder with the example
// files, against a sandbox. A plan that finds changes counts as success.
func TestEveryExampleOfTheHelpRuns(t *testing.T) {
	t.Parallel()
	needShell(t)
	dir := t.TempDir()
	var files []string
	eachCommand(newRoot(quietShell(nil)), func(cmd *cobra.Command) {
		switch cmd.CommandPath() {
		case "foresort sandbox", "foresort serve", "foresort worker": // run until they are interrupted: have tests of their own
			return
		case "foresort sync show", "foresort sync replay", "foresort sync enable", "foresort sync test", "foresort sync verify": // need a delivery and an endpoint: the scripts of sync run them
			return
		}
		script := "sandbox\n"
		for _, line := range exampleLines(cmd) {
			script += "exec sh -c '" + strings.ReplaceAll(line, "'", "''") + "; code=$?; [ $code = 0 ] || [ $code = 3 ]'\n"
		}
		file := filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".txtar")
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	})
	testscript.Run(t, scriptParams(files))
}

func exampleLines(cmd *cobra.Command) []string {
	return strings.Split(strings.ReplaceAll(dedent(cmd.Example), " \\\n  ", " "), "\n")
}

func TestSandboxExamplesServeUntilInterrupted(t *testing.T) {
	t.Parallel()
	needShell(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(bin, "foresort")); err != nil {
		skip(t, "no symbolic links: %v", err)
	}
	for _, line := range exampleLines(sandboxCommand(quietShell(nil))) {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "sh", "-c", "exec "+line+" --listen 127.0.0.1:0")
			cmd.Dir = filepath.Join("..", "..")
			cmd.Env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			first, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			base, ok := strings.CutPrefix(strings.TrimSpace(first), "export FORESORT_GATEWAY=")
			if !ok {
				t.Fatalf("first line is %q, want the export of the gateway", first)
			}
			res, err := http.Get(base + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("/healthz answers %s", res.Status)
			}
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, stdout); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("Ctrl-C ends it with %v, want exit code 0", err)
			}
		})
	}
}
