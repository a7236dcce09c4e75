package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/foresort/foresort/examples"
	"github.com/foresort/foresort/internal/store/storetest"
	"github.com/foresort/foresort/sandbox"
)

func TestMain(m *testing.M) {
	testscript.Main(tested{m}, map[string]func(){"foresort": func() { os.Exit(Main()) }})
}

// tested are the tests, and the database server that they started.
type tested struct{ *testing.M }

// Run ends that server. Most of what a test does here is to wait for an
// organisation, so that more of them go on at once than there are cores.
func (m tested) Run() int {
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0))); err != nil { // -parallel says otherwise
		panic(err)
	}
	return storetest.Run(m.M)
}

// The scripts below testdata/script are what a user types and sees. UPDATE=1
// rewrites what they compare with.
func TestScripts(t *testing.T) {
	t.Parallel()
	var files []string
	err := filepath.WalkDir("testdata/script", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".txtar" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, scriptParams(files))
}

// scriptParams says how scripts run: with a home of their own, the example
// files, and these commands beside testscript's:
//
//	sandbox [key=value...]     start a sandbox and point the environment at it
//	exits CODE COMMAND ARG...  run a command that must end with this exit code
//	jsoncmp GOT WANT           compare JSON by meaning; "*" in WANT is anything
func scriptParams(files []string) testscript.Params {
	return testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, ".home")
			e.Setenv("HOME", home)
			e.Setenv("XDG_STATE_HOME", "")
			e.Setenv("XDG_CONFIG_HOME", "")
			e.Values[started{}] = new(*sandbox.Server)
			e.Values[receiving{}] = new(*receiver)
			e.Values[answers{}] = new(answering)
			if err := os.MkdirAll(home, 0o700); err != nil {
				return err
			}
			return os.CopyFS(filepath.Join(e.WorkDir, "examples"), examples.Files)
		},
		Cmds: withOrgCommands(map[string]func(*testscript.TestScript, bool, []string){
			"sandbox": startSandbox,
			"exits":   exitsWith,
			"jsoncmp": compareJSON,
		}),
	}
}

func startSandbox(ts *testscript.TestScript, neg bool, args []string) {
	o := sandbox.Options{RateLimit: -1}
	for _, arg := range args {
		key, val, _ := strings.Cut(arg, "=")
		var err error
		switch key {
		case "activation":
			o.ActivationDelay, err = time.ParseDuration(val)
		case "replication":
			o.ReplicationDelay, err = time.ParseDuration(val)
		case "lifetime":
			o.TokenLifetime, err = time.ParseDuration(val)
		case "seed":
			o.Seed, err = strconv.ParseUint(val, 10, 64)
		case "rate":
			o.RateLimit, err = strconv.Atoi(val)
		case "fault":
			var f sandbox.Fault
			f, err = sandbox.ParseFault(val)
			o.Faults = append(o.Faults, f)
		case "permissions":
			o.Permissions = strings.Split(val, ",")
		case "lacks": // all permissions but these
			o.Permissions = allBut(strings.Split(val, ","))
		case "traffic": // that of the organisation itself, for so many days
			var days int
			days, err = strconv.Atoi(val)
			o.Traffic, o.History = sandbox.SeedTraffic(), time.Duration(days)*24*time.Hour
		case "now":
			var now time.Time
			now, err = time.Parse(time.RFC3339, val)
			start := time.Now()
			o.Now = func() time.Time { return now.Add(time.Since(start)) }
		default:
			ts.Fatalf("sandbox: no option %s", key)
		}
		ts.Check(err)
	}
	if neg {
		ts.Fatalf("sandbox does not take !")
	}
	o.CheckAnswers = !testing.Short() // it takes long under the race detector
	server := sandbox.New(o)
	base, err := server.Start("127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() {
		server.Close()
		for _, m := range server.Misfits() {
			ts.Logf("against the contract: %s", m)
		}
		if len(server.Misfits()) > 0 {
			ts.Fatalf("%d requests or answers are against the contract", len(server.Misfits()))
		}
	})
	*ts.Value(started{}).(**sandbox.Server) = server
	ts.Value(answers{}).(*answering).forget()
	ts.Setenv("FORESORT_GATEWAY", base)
	ts.Setenv("GENESYS_CLIENT_ID", sandbox.DefaultClientID)
	ts.Setenv("GENESYS_CLIENT_SECRET", sandbox.DefaultClientSecret)
}

func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	got, want := 0, args[0]
	var failed *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != want {
		ts.Fatalf("%s ended with exit code %d, want %s\nstdout:\n%s\nstderr:\n%s",
			strings.Join(args[1:], " "), got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func compareJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jsoncmp GOT WANT")
	}
	var got, want any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &got))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &want))
	star := func(v any) bool { s, ok := v.(string); return ok && s == "*" }
	anything := cmp.FilterValues(func(a, b any) bool { return star(a) || star(b) }, cmp.Ignore())
	if d := cmp.Diff(want, got, anything); d != "" {
		ts.Fatalf("%s is not as %s (-want +got):\n%s", args[0], args[1], d)
	}
}

// needShell skips a test that runs lines of a shell where there is none.
func needShell(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		skip(t, "no shell: %v", err)
	}
}

// skip skips a test in words; in CI that is a failure.
func skip(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
