package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/sandbox"
)

// syncCommands are script commands about another system that gets events:
//
//	receiver STATUS     start one that answers with this status; its URL is in $RECEIVER
//	receiver-answers STATUS
//	received N          wait until N events have come, and write them to stdout
//	endpoint FILE       put the receiver's URL in place of $RECEIVER in a file
//	await-request METHOD END
//	                    wait until the sandbox got a request whose path ends so
//	await COMMAND ARG... -- WORDS
//	                    run a command again and again until its stdout has the words
var syncCommands = map[string]func(*testscript.TestScript, bool, []string){
	"receiver": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: receiver STATUS")
		}
		r := &receiver{key: []byte("the secret of a test, long enough")}
		r.answers(ts, args[0])
		server := httptest.NewServer(r)
		ts.Defer(server.Close)
		*ts.Value(receiving{}).(**receiver) = r
		ts.Setenv("RECEIVER", server.URL)
		ts.Setenv("GATEWAY_SECRET", string(r.key))
	},
	"receiver-answers": func(ts *testscript.TestScript, _ bool, args []string) {
		(*ts.Value(receiving{}).(**receiver)).answers(ts, args[0])
	},
	"received": func(ts *testscript.TestScript, neg bool, args []string) {
		n, err := strconv.Atoi(strings.Join(args, ""))
		if neg || err != nil {
			ts.Fatalf("usage: received N")
		}
		ts.Check((*ts.Value(receiving{}).(**receiver)).wait(n, ts.Stdout()))
	},
	"endpoint": func(ts *testscript.TestScript, _ bool, args []string) {
		path := ts.MkAbs(args[0])
		ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(ts.ReadFile(args[0]), "$RECEIVER", ts.Getenv("RECEIVER"))), 0o600))
	},
	"await-request": func(ts *testscript.TestScript, _ bool, args []string) {
		server := *ts.Value(started{}).(**sandbox.Server)
		for limit := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
			for _, r := range server.Requests() {
				if r.Method == args[0] && strings.HasSuffix(r.Path, args[1]) {
					return
				}
			}
			if time.Now().After(limit) {
				ts.Fatalf("no %s …%s came", args[0], args[1])
			}
		}
	},
	"await": func(ts *testscript.TestScript, _ bool, args []string) {
		i := slices.Index(args, "--")
		words := strings.Join(args[i+1:], " ")
		for limit := time.Now().Add(patience); ; <-time.After(100 * time.Millisecond) {
			_ = ts.Exec(args[0], args[1:i]...)
			if strings.Contains(ts.ReadFile("stdout"), words) {
				return
			}
			if time.Now().After(limit) {
				ts.Fatalf("%q never came", words)
			}
		}
	},
}

// patience is how long a script waits for what must come: far longer than it
// takes, also where the machine is slow.
const patience = 3 * time.Minute

// receiving is where a script keeps its receiver.
type receiving struct{}

// receiver is another system.
type receiver struct {
	key    []byte
	mu     sync.Mutex
	status int
	lines  []string
}

func (r *receiver) answers(ts *testscript.TestScript, status string) {
	n, err := strconv.Atoi(status)
	ts.Check(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = n
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	key, keyErr := relay.ParseSecret(string(r.key))
	if err == nil && keyErr == nil {
		err = relay.Verifier{Secrets: []relay.Secret{key}, Tolerance: time.Minute}.Verify(req.Header, body, time.Now())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.lines = append(r.lines, "not as it was signed: "+err.Error())
	case req.Method == http.MethodGet:
		fmt.Fprint(w, `{"version": 2}`)
		return
	case r.status/100 == 2:
		var e relay.Event
		if err := json.Unmarshal(body, &e); err != nil {
			r.lines = append(r.lines, err.Error())
			break
		}
		line := fmt.Sprintf("%s of %s by %s %s", e.Type, e.Object.Name, e.Actor.Kind, e.Actor.Name)
		for _, c := range e.Changes {
			line += fmt.Sprintf("; %s %s -> %s", c.Field, c.Before, c.After)
		}
		if e.Override != nil {
			line += fmt.Sprintf("; override of rule %s, %v", e.Override.Rule, e.Override.Fields)
		}
		r.lines = append(r.lines, line)
	}
	w.WriteHeader(r.status)
}

// wait writes what came once it is so much.
func (r *receiver) wait(n int, w io.Writer) error {
	for limit := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		r.mu.Lock()
		lines := r.lines
		r.mu.Unlock()
		if len(lines) >= n {
			_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
			return err
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%d of %d events came: %q", len(lines), n, lines)
		}
	}
}
