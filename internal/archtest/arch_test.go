// Package archtest holds the layers of Foresort: a package may import only
// packages of the lines above its own.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/foresort/foresort"

// layers lists the packages from the bottom up. A new package must be added.
var layers = [][]string{
	{"routing", "internal/nearest", "internal/phrase", "internal/sheet", "internal/sheet/sheettest", "examples", "simulate/analytic"},
	{"internal/yamlfile", "internal/condition"},
	{"strategy", "genesys", "measure", "internal/contract"},
	{"coverage", "plan", "simulate", "simulate/capacity"},
	{"scenario", "sandbox/centre", "internal/forecast", "internal/staffing"},
	{"apply", "sandbox", "relay", "autopilot"},
	{"internal/store"},
	{"internal/store/storetest", "internal/ledger"},
	{"report"},
	{"internal/jobs", "internal/control"},
	{"internal/daemon", "internal/rehearsal"},
	{"internal/cli"},
	{"cmd/foresort", "internal/tools/docs", "internal/tools/figures"},
	{"internal/archtest"},
}

// apart lists imports that the layers would allow and that must not be, each
// with the reason.
var apart = []struct{ from, to, why string }{
	{"sandbox", "genesys", "the sandbox has wire types of its own, so that a mistake of the client shows"},
	{"sandbox", "strategy", "the sandbox imitates the platform, which knows no strategies"},
	{"sandbox", "plan", "the sandbox imitates the platform, which knows no plans"},
	{"plan", "genesys", "a plan is made of nouns, without the client"},
	{"simulate", "strategy", "the engine knows routing types, so that the sandbox can feed it without a strategy"},
}

func TestEveryPackageImportsOnlyPackagesBelowIt(t *testing.T) {
	t.Parallel()
	level := map[string]int{}
	for n, names := range layers {
		for _, name := range names {
			level[name] = n
		}
	}
	imports := packages(t)
	for name, imported := range imports {
		mine, known := level[name]
		if !known {
			t.Errorf("package %s is in no layer: add it to the list in this test", name)
			continue
		}
		for _, other := range imported {
			if theirs, known := level[other]; known && theirs >= mine {
				t.Errorf("%s imports %s, which is not below it", name, other)
			}
			for _, rule := range apart {
				if rule.from == name && rule.to == other {
					t.Errorf("%s imports %s: %s", name, other, rule.why)
				}
			}
		}
	}
	for name := range level {
		if _, exists := imports[name]; !exists {
			t.Errorf("package %s is in the list of layers and not in the module", name)
		}
	}
}

// packages lists each package of the module with the packages of the module
// that its own code, not its tests, imports.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	found := map[string][]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		found[name] = []string{}
		for _, imported := range p.Imports {
			if short, ours := strings.CutPrefix(imported, module+"/"); ours {
				found[name] = append(found[name], short)
			}
		}
	}
}
