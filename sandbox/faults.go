package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault makes the sandbox fail on purpose. A rule without a path concerns the
// API and leaves sign-in alone.
type Fault struct {
	Method     string        // empty: any
	Path       string        // * stands for any run of characters; empty: any path of the API
	Times      int           // how often; 0: for ever
	Status     int           // answer this instead; 0: answer as usual
	Code       string        // the machine code of that answer; default: a usual one for the status
	RetryAfter time.Duration // the Retry-After of that answer, in whole seconds; 0: none
	Delay      time.Duration // wait this long first
	Cut        bool          // do the request, then cut the connection
	CutAfter   int           // after so many bytes of the answer's body
	Reset      bool          // cut the connection without an answer
	Done       bool          // with Status or Reset: the request is done nevertheless
}

// ParseFault reads a rule such as
//
//	POST /api/v2/routing/email/domains/*/routes -> 503 x2
//	PUT /api/v2/routing/queues/* -> 504 done x1
//	GET */routes -> slow 2s
//	GET /api/v2/routing/queues -> cut 120
//	PUT * -> reset done once
//	* -> 429 storm 5 retry 1
//
// Left of the arrow stand a method or *, and a path, in which * (or …) stands
// for any run of characters. Right of it: a status, slow DURATION, cut BYTES
// or reset; then done (the request is done nevertheless), code CODE, retry
// SECONDS, and how often: xN, storm N, once or twice.
func ParseFault(rule string) (Fault, error) {
	var f Fault
	wrong := func(format string, args ...any) (Fault, error) {
		return Fault{}, fmt.Errorf("fault %q: %s", rule, fmt.Sprintf(format, args...))
	}
	left, right, ok := strings.Cut(strings.ReplaceAll(rule, "→", "->"), "->")
	if !ok {
		return wrong("write it as METHOD PATH -> WHAT, such as POST */routes -> 503 x2")
	}
	switch words := strings.Fields(left); len(words) {
	case 1:
		f.Method = words[0]
	case 2:
		f.Method, f.Path = words[0], strings.NewReplacer("...", "*", "…", "*").Replace(words[1])
	default:
		return wrong("name a method (or *) and a path before the arrow")
	}
	switch {
	case f.Method == "*":
		f.Method = ""
	case !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, f.Method):
		return wrong("%s is not a method", f.Method)
	}
	words := strings.Fields(right)
	if len(words) == 0 {
		return wrong("say after the arrow what happens: a status, slow, cut or reset")
	}
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		argument := func() (s string) {
			if len(words) > 0 {
				s, words = words[0], words[1:]
			}
			return s
		}
		var err error
		switch word {
		case "slow":
			f.Delay, err = time.ParseDuration(argument())
		case "cut":
			f.Cut = true
			f.CutAfter, err = strconv.Atoi(argument())
		case "reset":
			f.Reset = true
		case "done":
			f.Done = true
		case "once":
			f.Times = 1
		case "twice":
			f.Times = 2
		case "storm":
			f.Times, err = strconv.Atoi(argument())
		case "code":
			f.Code = argument()
		case "retry":
			var n int
			n, err = strconv.Atoi(argument())
			f.RetryAfter = time.Duration(n) * time.Second
		default:
			if times, ok := strings.CutPrefix(word, "x"); ok {
				f.Times, err = strconv.Atoi(times)
			} else if f.Status, err = strconv.Atoi(word); err == nil && (f.Status < 100 || f.Status > 599) {
				err = fmt.Errorf("%s is not a status", word)
			}
		}
		if err != nil {
			return wrong("%s: %v", word, err)
		}
	}
	return f, nil
}

// String writes the rule as ParseFault reads it.
func (f Fault) String() string {
	out := []string{"*"}
	if f.Method != "" {
		out[0] = f.Method
	}
	if f.Path != "" {
		out = append(out, f.Path)
	}
	out = append(out, "->")
	add := func(yes bool, format string, args ...any) {
		if yes {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(f.Status != 0, "%d", f.Status)
	add(f.Delay > 0, "slow %s", f.Delay)
	add(f.Cut, "cut %d", f.CutAfter)
	add(f.Reset, "reset")
	add(f.Done, "done")
	add(f.Code != "", "code %s", f.Code)
	add(f.RetryAfter > 0, "retry %d", int(f.RetryAfter.Seconds()))
	add(f.Times > 0, "x%d", f.Times)
	return strings.Join(out, " ")
}

// AddFault adds a rule, after those that are there.
func (s *Server) AddFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addFault(f)
}

func (s *Server) addFault(f Fault) { s.faults = append(s.faults, &f) }

// Faults lists the rules that are still in force, with how often is left.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Fault, len(s.faults))
	for i, f := range s.faults {
		out[i] = *f
	}
	return out
}

// ClearFaults ends all rules.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault finds the first rule for a request and uses it up by one; nil
// where there is none.
func (s *Server) takeFault(method, path string) *Fault {
	for i, f := range s.faults {
		pattern := f.Path
		if pattern == "" {
			pattern = "/api/*"
		}
		if f.Method != "" && f.Method != method || !glob(pattern, path) {
			continue
		}
		taken := *f
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return &taken
	}
	return nil
}

// usual are the machine codes of faults that name none.
var usual = map[int]string{
	http.StatusBadRequest: "bad.request", http.StatusUnauthorized: "bad.credentials", http.StatusForbidden: "not.authorized",
	http.StatusNotFound: "not.found", http.StatusRequestTimeout: "client.timeout", http.StatusConflict: "request.conflict",
	http.StatusTooManyRequests: "too.many.requests.retry.after", http.StatusInternalServerError: "internal.server.error",
	http.StatusServiceUnavailable: "service.unavailable", http.StatusGatewayTimeout: "request.timeout",
}

// answer is the failure that the rule makes.
func (f *Fault) answer(correlation string) answer {
	a := answer{status: f.Status, header: http.Header{}}
	seconds := int(f.RetryAfter.Seconds())
	out := fail(f.Status, usual[f.Status], "%s", http.StatusText(f.Status))
	if f.Status == http.StatusTooManyRequests {
		out = tooMany(seconds, 0)
	}
	if f.Code != "" {
		out.Code = f.Code
	}
	if seconds > 0 {
		a.header.Set("Retry-After", strconv.Itoa(seconds))
	}
	a.body, _ = json.Marshal(out.on(correlation))
	return a
}
