package sandbox

import (
	"cmp"
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
	After time.Duration // by the organisation's clock from New on: when the rule begins; 0: at once
	For   time.Duration // by the same clock, from After on: how long it holds; 0: for good

	Trouble  Trouble       // something else than requests goes wrong; empty: requests do
	By       time.Duration // how far, or how long, with Trouble
	From, To time.Duration // with MetricsMissing: from so long before the beginning of the rule to so long before it; both 0: as long as it holds

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

// Trouble is what can be wrong beside requests.
type Trouble string

// The troubles. Fault.By says how much.
const (
	MetricsLag     Trouble = "metrics lag"     // what happens shows in analytics so much later
	MetricsMissing Trouble = "metrics missing" // what happened from Fault.From to Fault.To does not show
	ReadsStale     Trouble = "reads stale"     // reads show what was before a write for so long
	AuditsLag      Trouble = "audits lag"      // changes show in the audit trail so much later
	SocketsSilent  Trouble = "sockets silent"  // for so long nothing comes out of notification channels
	SocketsEvict   Trouble = "sockets evict"   // all notification channels end
)

// troubles are all of them, with what to write.
var troubles = []trouble{
	{MetricsLag, "metrics lag 30m"},
	{MetricsMissing, "metrics missing 2h..1h"},
	{ReadsStale, "reads stale 30s"},
	{AuditsLag, "audits lag 10m"},
	{SocketsSilent, "sockets silent 2m"},
	{SocketsEvict, "sockets evict"},
}

type trouble struct {
	trouble Trouble
	example string
}

// troublesInWords lists how troubles are written that begin with a word.
func troublesInWords(first, between string) string {
	var out []string
	for _, t := range troubles {
		if strings.HasPrefix(t.example, first) {
			out = append(out, t.example)
		}
	}
	return strings.Join(out, between)
}

// ParseFault reads a rule such as
//
//	POST /api/v2/routing/email/domains/*/routes -> 503 x2
//	PUT /api/v2/routing/queues/* -> 504 done x1
//	GET */routes -> slow 2s
//	GET /api/v2/routing/queues -> cut 120
//	PUT * -> reset done once
//	* -> 429 storm 5 retry 1
//	after 10m for 10m * -> 503
//	after 1h for 20m metrics lag 30m
//	metrics missing 2h..1h
//	reads stale 30s
//	audits lag 10m
//	after 5m sockets silent 2m
//	after 30m sockets evict
//
// Before every rule may stand when it begins, counted from New on by the
// organisation's clock, and for how long it holds.
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
	rest := strings.Fields(strings.ReplaceAll(rule, "→", "->"))
	for len(rest) > 0 && (rest[0] == "after" || rest[0] == "for") {
		set := &f.After
		if rest[0] == "for" {
			set = &f.For
		}
		if len(rest) < 2 {
			return wrong("say how long after %s, such as %s 10m", rest[0], rest[0])
		}
		d, err := time.ParseDuration(rest[1])
		if err != nil || d <= 0 {
			return wrong("%s is no time for %s; write it as in %s 10m or %s 1h30m", rest[1], rest[0], rest[0], rest[0])
		}
		*set, rest = d, rest[2:]
	}
	if len(rest) > 0 && slices.ContainsFunc(troubles, func(t trouble) bool { return strings.HasPrefix(string(t.trouble), rest[0]+" ") }) {
		if err := f.parseTrouble(rest); err != nil {
			return wrong("%v", err)
		}
		return f, nil
	}
	left, right, ok := strings.Cut(strings.Join(rest, " "), "->")
	if !ok {
		return wrong("write it as METHOD PATH -> WHAT, such as POST */routes -> 503 x2, or as one of %s", troublesInWords("", ", "))
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
		counts := word == "storm" || strings.HasPrefix(word, "x")
		switch {
		case f.Delay < 0, word == "cut" && f.CutAfter < 0, word == "retry" && f.RetryAfter < 0, counts && f.Times <= 0:
			return wrong("%s does not take that number", word)
		case word == "code" && f.Code == "":
			return wrong("say which code, such as code queue.deleted")
		case f.Status != 0 && (f.Status < 200 || f.Status == http.StatusNoContent || f.Status == http.StatusNotModified):
			return wrong("%d is no status of an answer that goes wrong", f.Status)
		}
	}
	if f.Status == 0 && !f.Cut && !f.Reset && !strings.Contains(right, "slow ") {
		return wrong("say what happens: a status, slow, cut or reset")
	}
	return f, nil
}

// parseTrouble reads a rule that concerns no requests.
func (f *Fault) parseTrouble(words []string) error {
	i := -1
	if len(words) > 1 {
		i = slices.IndexFunc(troubles, func(t trouble) bool { return string(t.trouble) == words[0]+" "+words[1] })
	}
	if i < 0 {
		return fmt.Errorf("write it as %s", troublesInWords(words[0]+" ", " or "))
	}
	f.Trouble = troubles[i].trouble
	like := fmt.Errorf("write it as %s", troubles[i].example)
	words = words[2:]
	switch {
	case (f.Trouble == SocketsSilent || f.Trouble == SocketsEvict) && f.For > 0:
		return fmt.Errorf("%s happens once, so for says nothing; %w", f.Trouble, like)
	case f.Trouble == SocketsEvict:
		if len(words) > 0 {
			return like
		}
		return nil
	case f.Trouble == MetricsMissing && len(words) == 0:
		if f.For == 0 {
			return fmt.Errorf("say what is missing: %w, or say how long the rule holds, as in after 1h for 20m metrics missing", like)
		}
		return nil
	case len(words) != 1:
		return like
	case f.Trouble == MetricsMissing:
		from, to, _ := strings.Cut(words[0], "..")
		var err, err2 error
		f.From, err = time.ParseDuration(from)
		f.To, err2 = time.ParseDuration(to)
		if err != nil || err2 != nil || f.To < 0 || f.From <= f.To {
			return fmt.Errorf("%s is no time; %w, from two hours to one hour before the rule begins", words[0], like)
		}
		return nil
	}
	d, err := time.ParseDuration(words[0])
	if err != nil || d <= 0 {
		return fmt.Errorf("%s is no time; %w", words[0], like)
	}
	f.By = d
	return nil
}

// String writes the rule as ParseFault reads it.
func (f Fault) String() string {
	var out []string
	add := func(yes bool, format string, args ...any) {
		if yes {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(f.After > 0, "after %s", brief(f.After))
	add(f.For > 0, "for %s", brief(f.For))
	if f.Trouble != "" {
		add(true, "%s", f.Trouble)
		add(f.By > 0, "%s", brief(f.By))
		add(f.From > 0, "%s..%s", brief(f.From), brief(f.To))
		return strings.Join(out, " ")
	}
	out = append(out, cmp.Or(f.Method, "*"))
	add(f.Path != "", "%s", f.Path)
	out = append(out, "->")
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

// brief writes a duration without what is nothing: 10m, not 10m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// AddFault adds a rule, after those that are there.
func (s *Server) AddFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	s.addFault(f)
	s.tend()
}

// addFault adds a rule. One that says only for how long, or that begins at once
// with a Trouble, begins now.
func (s *Server) addFault(f Fault) {
	if f.After == 0 && (f.For > 0 || f.Trouble != "") {
		f.After = s.lived().Truncate(time.Second)
	}
	s.faults = append(s.faults, &f)
}

// Faults lists the rules that are in force or will be, with how often is left.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	out := make([]Fault, len(s.faults))
	for i, f := range s.faults {
		out[i] = *f
	}
	return out
}

// ClearFaults ends all rules, and the silence that one began; what metrics they
// made go missing shows again.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	s.faults, s.disturbed = nil, disturbance{}
	s.tend()
}

// lived is how long it is since New by the organisation's clock.
func (s *Server) lived() time.Duration {
	return max(0, s.now().Sub(s.instant(0)))
}

// holds says whether the rule is in force so long after New.
func (f *Fault) holds(lived time.Duration) bool { return lived >= f.After && !f.past(lived) }

func (f *Fault) past(lived time.Duration) bool { return f.For > 0 && lived >= f.After+f.For }

// disturbance is what the rules in force make of the organisation, beside
// requests.
type disturbance struct {
	reads, audits lateness             // on the wall
	silent        time.Time            // on the wall: nothing is sent before
	metrics       lateness             // by the organisation's clock
	hidden        []hole               // of the rules that hold
	lost          []hole               // of those that held
	begun         map[*Fault]time.Time // on the wall, for rules with a Trouble
}

// hole is a time by the organisation's clock of which no metrics show.
type hole struct{ from, to time.Time }

// lateness holds up what is written from an instant on.
type lateness struct {
	by    time.Duration
	since time.Time
}

// of is how long what was written at an instant is held up where it is held up
// for usual otherwise.
func (l lateness) of(written time.Time, usual time.Duration) time.Duration {
	if l.by > usual && !written.Before(l.since) {
		return l.by
	}
	return usual
}

// tendFaults begins and ends what is due of the rules. The lock is held.
func (s *Server) tendFaults() {
	d := &s.disturbed
	if len(s.faults) == 0 && len(d.begun) == 0 {
		return
	}
	lived, begun := s.lived(), map[*Fault]time.Time{}
	d.reads, d.audits, d.metrics, d.hidden = lateness{}, lateness{}, lateness{}, nil
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool {
		if f.Trouble == "" || lived < f.After {
			return f.past(lived)
		}
		since, known := d.begun[f]
		if !known {
			since = s.wall()
			s.begin(f)
		}
		if f.past(lived) || f.Trouble == SocketsSilent || f.Trouble == SocketsEvict {
			return true
		}
		begun[f] = since
		switch {
		case f.Trouble == ReadsStale && d.reads.by == 0:
			d.reads = lateness{f.By, since}
		case f.Trouble == AuditsLag && d.audits.by == 0:
			d.audits = lateness{f.By, since}
		case f.Trouble == MetricsLag && d.metrics.by == 0:
			d.metrics = lateness{f.By, s.instant(f.After)}
		case f.Trouble == MetricsMissing && f.From > 0:
			d.hidden = append(d.hidden, hole{s.instant(f.After - f.From), s.instant(f.After - f.To)})
		}
		return false
	})
	d.begun = begun
}

// begin does what a rule does once, when it begins, or now if that is later.
func (s *Server) begin(f *Fault) {
	switch f.Trouble {
	case SocketsSilent:
		s.disturbed.silent = later(s.disturbed.silent, s.wall().Add(f.By))
	case SocketsEvict:
		s.evictChannels()
	case MetricsMissing:
		if f.From == 0 {
			s.disturbed.lost = append(s.disturbed.lost, hole{s.instant(f.After), s.instant(f.After + f.For)})
		}
	case MetricsLag, ReadsStale, AuditsLag:
	}
}

// instant is the organisation's clock so long after New.
func (s *Server) instant(lived time.Duration) time.Time {
	return s.opened.UTC().Truncate(time.Millisecond).Add(lived)
}

// replicationDelay is how long reads may show what was before a write.
func (s *Server) replicationDelay(written time.Time) time.Duration {
	return s.disturbed.reads.of(written, s.options.ReplicationDelay)
}

// auditDelay is how long a change takes to show in the audit trail.
func (s *Server) auditDelay(written time.Time) time.Duration {
	return s.disturbed.audits.of(written, s.options.AuditDelay)
}

// takeFault finds the first rule for a request and uses it up by one; nil
// where there is none.
func (s *Server) takeFault(method, path string) *Fault {
	s.catchUp()
	lived := s.lived()
	for i, f := range s.faults {
		if f.Trouble != "" || !f.holds(lived) {
			continue
		}
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
