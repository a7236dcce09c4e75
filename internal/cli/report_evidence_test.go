package cli

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/foresort/foresort/sandbox"
)

// evidenceCommands are script commands about runs and what is handed out of them:
//
//	run-of FILE       put the run of what apply --json printed in $RUN
//	no-secrets DIR    fail where a file has the client's secret, $GATEWAY_SECRET or the ledger's private key
var evidenceCommands = map[string]func(*testscript.TestScript, bool, []string){
	"run-of": func(ts *testscript.TestScript, _ bool, args []string) {
		var out struct{ Run string }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &out))
		ts.Setenv("RUN", out.Run)
	},
	"no-secrets": func(ts *testscript.TestScript, _ bool, args []string) {
		key, err := os.ReadFile(filepath.Join(ts.Getenv("HOME"), ".local", "state", "foresort", "ledger.key"))
		ts.Check(err)
		private := strings.Split(string(key), "\n")[1]
		looked := 0
		ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			for _, secret := range []string{sandbox.DefaultClientSecret, ts.Getenv("GATEWAY_SECRET"), private} {
				if len(secret) < 10 || bytes.Contains(b, []byte(secret)) {
					ts.Fatalf("%s holds the secret %q", path, secret)
				}
			}
			looked++
			return err
		}))
		if looked == 0 {
			ts.Fatalf("there is no file in %s", args[0])
		}
	},
}
