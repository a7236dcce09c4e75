package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/internal/contract"
)

// maxBody is the largest request body in bytes.
const maxBody = 3 << 20

// call is one request to one operation, with the lock of the server held.
type call struct {
	*Server
	op     *contract.Operation
	params map[string]string // of the path
	query  url.Values
	body   []byte // checked against the contract
	actor  actor
	token  *token
	// sockets is where those of notification channels are for the client.
	sockets string
}

// handler answers one operation. It runs with the lock held. What it returns
// is written as JSON; nil: an answer without a body.
type handler func(c *call) (status int, body any, err error)

// written is a body that is JSON already: a long one, that would be costly to
// write otherwise.
type written []byte

// Request is one request that the sandbox got.
type Request struct {
	At            time.Time
	Method, Path  string // the path has no query
	Query         string
	Operation     string // id in the contract; empty outside of it
	Status        int    // 0: the connection was cut before an answer
	CorrelationID string
}

// maxRequests is how many requests the log keeps at least.
const maxRequests = 20_000

// Handler serves sign-in (/oauth/token), the API (/api/v2), the websockets of
// notification channels (/channels), /healthz, the clock (/sandbox/advance) and,
// at /, a page that lists what the sandbox got. The Date of every answer is by the
// organisation's clock.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth/token", s.serve)
	mux.HandleFunc("/api/", s.serve)
	mux.HandleFunc("GET /downloads/{id}", s.serveDownload)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /channels/{id}", s.serveSocket)
	mux.HandleFunc("/sandbox/advance", s.serveAdvance)
	mux.HandleFunc("GET /{$}", s.servePage)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(&dated{ResponseWriter: w, s: s}, r) })
}

// dated writes the organisation's clock into the header of an answer.
type dated struct {
	http.ResponseWriter
	s    *Server
	done bool
}

// WriteHeader adds the date.
func (d *dated) WriteHeader(status int) {
	d.s.mu.Lock()
	now := d.s.now()
	d.s.mu.Unlock()
	d.done = true
	d.Header().Set("Date", now.Format(http.TimeFormat))
	d.ResponseWriter.WriteHeader(status)
}

// Write writes the header first, where that has not been done.
func (d *dated) Write(b []byte) (int, error) {
	if !d.done {
		d.WriteHeader(http.StatusOK)
	}
	return d.ResponseWriter.Write(b)
}

// Unwrap gives the writer that can flush and give up the connection.
func (d *dated) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// answer is what goes out.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away
	}
	s.mu.Lock()
	correlation := uuid(s.chance)
	fault := s.takeFault(r.Method, r.URL.Path)
	s.mu.Unlock()
	if fault != nil && !pause(r, fault.Delay) {
		panic(http.ErrAbortHandler)
	}

	a := answer{header: http.Header{}}
	if fault == nil || fault.Status == 0 && !fault.Reset || fault.Done {
		a = s.answer(r, body, correlation)
	}
	if fault != nil && fault.Status != 0 {
		a = fault.answer(correlation)
	}
	a.header.Set("ININ-Correlation-Id", correlation)

	entry := Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Status: a.status, CorrelationID: correlation}
	if op, _, ok := s.contract.Find(r.Method, r.URL.Path); ok {
		entry.Operation = op.ID
	}
	if fault != nil && fault.Reset {
		entry.Status = 0
	}
	s.mu.Lock()
	entry.At = s.wall()
	s.requests = append(s.requests, entry)
	if len(s.requests) >= maxRequests*5/4 { // now and then, since it moves them all
		s.requests = slices.Delete(s.requests, 0, len(s.requests)-maxRequests)
	}
	s.mu.Unlock()
	s.send(w, a, fault)
}

// send writes the answer, or as much of it as the fault lets through.
func (s *Server) send(w http.ResponseWriter, a answer, fault *Fault) {
	if fault != nil && fault.Reset {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), a.header)
	if len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
	w.WriteHeader(a.status)
	if fault != nil && fault.Cut && fault.CutAfter < len(a.body) {
		_, _ = w.Write(a.body[:fault.CutAfter])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(a.body)
}

// answer does the request. The order of the checks is the platform's: who,
// how often, what, whether allowed, whether well-formed.
func (s *Server) answer(r *http.Request, body []byte, correlation string) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/oauth/token" {
		return s.issueToken(r, body)
	}
	header := http.Header{}
	status, out, err := s.dispatch(r, body, header)
	a := answer{status: status, header: header}
	if err != nil {
		var f *failure
		if !errors.As(err, &f) {
			f = fail(http.StatusInternalServerError, "internal.server.error", "%v", err)
		}
		a.status, out = f.Status, f.on(correlation)
	}
	if text, ok := out.(written); ok {
		a.body = text
	} else if out != nil {
		if a.body, err = json.Marshal(out); err != nil {
			f := fail(http.StatusInternalServerError, "internal.server.error", "write the answer: %v", err).on(correlation)
			a.status = f.Status
			a.body, _ = json.Marshal(f)
		}
	}
	if s.options.CheckAnswers {
		s.checkAnswer(r, a)
	}
	return a
}

func (s *Server) dispatch(r *http.Request, body []byte, header http.Header) (status int, out any, err error) {
	token, err := s.authenticate(r)
	if err != nil {
		return 0, nil, err
	}
	if err := s.limit(token, header); err != nil {
		return 0, nil, err
	}
	op, params, ok := s.contract.Find(r.Method, r.URL.Path)
	if !ok {
		s.misfit("%s %s is no call of the API", r.Method, r.URL.Path)
		return 0, nil, fail(http.StatusNotFound, "not.found", "HTTP 404 Not Found: %s %s", r.Method, r.URL.Path)
	}
	if missing := op.Permissions.Missing(s.allowed); len(missing) > 0 {
		return 0, nil, missingPermissions(op.Permissions.Mode, missing)
	}
	handle, ok := s.handlers[op.ID]
	if !ok {
		return 0, nil, fail(http.StatusNotImplemented, "not.implemented", "the sandbox does not imitate %s (%s %s)", op.ID, op.Method, op.Path)
	}
	if err := cmp.Or(s.checkBody(op, r.Header, body), badQuery(op, op.CheckQuery(r.URL.Query()))); err != nil {
		s.misfit("%s %s: the request: %v", r.Method, r.URL.Path, err)
		return 0, nil, err
	}
	if s.catchUp(); s.broken != nil {
		return 0, nil, fail(http.StatusInternalServerError, "internal.server.error", "the organisation does not live: %v", s.broken)
	}
	defer s.settle()
	c := &call{Server: s, op: op, params: params, query: r.URL.Query(), body: body, actor: actor{client: s.options.ClientID}, token: token, sockets: s.socketsAt(r)}
	status, out, err = handle(c)
	if f, ok := errors.AsType[*failure](err); ok {
		f.fit(s.contract.ErrorCodes(op, f.Status))
	}
	return status, out, err
}

func (s *Server) checkBody(op *contract.Operation, header http.Header, body []byte) error {
	if len(body) > maxBody {
		return fail(http.StatusRequestEntityTooLarge, "request.entity.too.large", "the request body is larger than %d bytes", maxBody)
	}
	if media, _, err := mime.ParseMediaType(header.Get("Content-Type")); len(body) > 0 && (err != nil || media != "application/json") {
		return fail(http.StatusUnsupportedMediaType, "unsupported.media.type", "the content type %q is not supported; send application/json", header.Get("Content-Type"))
	}
	violations := slices.DeleteFunc(s.contract.ValidateRequest(op, body), func(v contract.Violation) bool {
		return s.newer(v) ||
			v.Kind == contract.Missing && v.Field != "body" && partial[op.ID]
	})
	return violated(violations)
}

// newer says that a field only is unknown because the contract is older.
func (s *Server) newer(v contract.Violation) bool {
	return v.Kind == contract.Unknown && slices.Contains(s.options.NewerFields, v.Field[strings.LastIndexByte(v.Field, '.')+1:])
}

// decode reads a body that the contract has passed.
func decode[T any](c *call) (T, error) {
	v, err := parse[T](c.body)
	if err != nil {
		return v, fail(http.StatusBadRequest, "bad.request", "the request body cannot be read: %v", err)
	}
	return v, nil
}

// pause waits for d, or until the client goes away; then it returns false.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
