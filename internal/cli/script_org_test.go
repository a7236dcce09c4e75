package cli

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/foresort/foresort/sandbox"
)

// orgCommands are script commands about the sandbox that the script started:
//
//	edit-queue PERSON QUEUE JSON     change a queue as a person does in the admin page: a merge patch
//	show-queue QUEUE                 write it to stdout
//	delete-queue PERSON QUEUE        delete it
//	set-route-status ADDRESS STATUS  hold the status of an email route
//	fault RULE                       add a fault rule
//	no-faults                        end all fault rules
//	await-fault                      wait until every fault that was counted has happened
//	requests                         write what the sandbox got since the last time to stdout
//	sql STATEMENT                    run SQL on the database of the state folder
var orgCommands = map[string]func(*testscript.TestScript, bool, []string){
	"edit-queue": onSandbox(3, editQueue),
	"show-queue": onSandbox(1, showQueue),
	"delete-queue": onSandbox(2, func(_ *testscript.TestScript, s *sandbox.Server, args []string) error {
		return s.DeleteQueue(args[0], args[1])
	}),
	"set-route-status": onSandbox(2, func(_ *testscript.TestScript, s *sandbox.Server, args []string) error {
		return s.SetRouteStatus(args[0], args[1])
	}),
	"fault":       onSandbox(1, addFault),
	"no-faults":   onSandbox(0, func(_ *testscript.TestScript, s *sandbox.Server, _ []string) error { s.ClearFaults(); return nil }),
	"await-fault": onSandbox(0, awaitFault),
	"requests":    onSandbox(0, listRequests),
	"sql":         runSQL,
}

func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	db, err := sql.Open("sqlite", filepath.Join(ts.Getenv("HOME"), ".local", "state", "foresort", "foresort.db"))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[0])
	ts.Check(err)
}

// started is where a script keeps its sandbox.
type started struct{}

func onSandbox(args int, do func(*testscript.TestScript, *sandbox.Server, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, given []string) {
		server := *ts.Value(started{}).(**sandbox.Server)
		if neg || server == nil || len(given) != args {
			ts.Fatalf("this command takes no ! and %d arguments, and a sandbox must have been started", args)
		}
		ts.Check(do(ts, server, given))
	}
}

func editQueue(_ *testscript.TestScript, s *sandbox.Server, args []string) error {
	var patch map[string]any
	dec := json.NewDecoder(strings.NewReader(args[2]))
	dec.UseNumber()
	if err := dec.Decode(&patch); err != nil {
		return err
	}
	return s.EditQueue(args[0], args[1], func(queue map[string]any) { merge(queue, patch) })
}

func showQueue(ts *testscript.TestScript, s *sandbox.Server, args []string) error {
	return s.EditQueue("Sam Whitaker", args[0], func(queue map[string]any) {
		enc := json.NewEncoder(ts.Stdout())
		enc.SetIndent("", "  ")
		ts.Check(enc.Encode(queue))
	})
}

// merge lays a patch over an object: null removes.
func merge(into, patch map[string]any) {
	for k, v := range patch {
		part, isObject := v.(map[string]any)
		have, has := into[k].(map[string]any)
		switch {
		case v == nil:
			delete(into, k)
		case isObject && has:
			merge(have, part)
		default:
			into[k] = v
		}
	}
}

func addFault(_ *testscript.TestScript, s *sandbox.Server, args []string) error {
	c := apiClient{server: s}
	f, err := sandbox.ParseFault(c.withIDs(args[0]))
	if err == nil {
		s.AddFault(f)
	}
	return errors.Join(c.err, err)
}

func awaitFault(_ *testscript.TestScript, s *sandbox.Server, _ []string) error {
	waiting := func() bool {
		for _, f := range s.Faults() {
			if f.Times > 0 {
				return true
			}
		}
		return false
	}
	limit, tick := time.After(time.Minute), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for waiting() {
		select {
		case <-limit:
			return fmt.Errorf("still not met: %v", s.Faults())
		case <-tick.C:
		}
	}
	return nil
}

func listRequests(ts *testscript.TestScript, s *sandbox.Server, _ []string) error {
	var out bytes.Buffer
	for _, r := range s.Requests() {
		fmt.Fprintln(&out, r.Method, r.Path, r.Status)
	}
	s.ClearRequests()
	_, err := ts.Stdout().Write(out.Bytes())
	return err
}

// withOrgCommands adds them to the other commands.
func withOrgCommands(cmds map[string]func(*testscript.TestScript, bool, []string)) map[string]func(*testscript.TestScript, bool, []string) {
	maps.Copy(cmds, orgCommands)
	maps.Copy(cmds, syncCommands)
	maps.Copy(cmds, liveCommands)
	maps.Copy(cmds, evidenceCommands)
	return cmds
}
