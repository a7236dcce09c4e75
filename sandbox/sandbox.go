// Package sandbox is an organisation that answers like Genesys Cloud: HTTP
// requests as the platform would get them go in, answers as it would give them
// come out, held to the published contract.
package sandbox

//go:generate go test -run TestTheDocumentListsEveryOperation -update .

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/foresort/foresort/internal/contract"
	"github.com/foresort/foresort/scenario"
)

// The credentials of a sandbox that was not told any others.
const (
	DefaultClientID     = "sandbox-client"
	DefaultClientSecret = "sandbox-secret"
)

// Options says how a sandbox behaves. The zero value is a seeded organisation
// on which every write is seen at once.
type Options struct {
	Seed uint64           // same seed, same ids and same choices; default 0
	Now  func() time.Time // the clock of tokens, limits and delays; default time.Now
	// Speed is how much faster than Now time passes in the organisation, from New
	// on; default 1. Tokens, limits and delays keep to Now. Of a leap of Now it
	// lives a year at most, and its clock stands after 200 years.
	Speed float64

	ClientID      string        // default DefaultClientID
	ClientSecret  string        // default DefaultClientSecret
	TokenLifetime time.Duration // default 24 h; the platform allows 5 min to 48 h
	Permissions   []string      // of the client; nil: all that exist

	RateLimit        int           // requests per minute and token; default 300, below 0: no limit
	ActivationDelay  time.Duration // how long an email route stays Pending (or Removing); default 0: not at all
	ReplicationDelay time.Duration // how long reads may show what was before a write; default 0
	AuditDelay       time.Duration // how long a change takes to show in the audit trail; default 0
	HeartbeatEvery   time.Duration // real time between two heartbeats of a notification socket; default 30 s
	ClosingNotice    time.Duration // from v2.system.socket_closing to the close of the socket; default 1 minute

	// NewerFields are names of fields that this organisation knows although the
	// contract does not yet: they are taken in requests, kept and shown.
	NewerFields []string
	Faults      []Fault // in order of precedence
	// CheckAnswers holds every answer to the contract; Misfits tells what does
	// not fit.
	CheckAnswers bool
	Empty        bool // no queues, users, domains and so on

	// Traffic lets the organisation live: mail arrives at the addresses that the
	// scenario names in place of rules, and its agents work it, those whom the
	// organisation knows by name with the skills and the capacity that they have
	// there. An agent without shifts keeps to the published schedule. nil: the
	// organisation is at rest. What is wrong with it is told by Err.
	Traffic *scenario.Scenario
	// History is how long it has lived already, from midnight on; 0: mail begins
	// to arrive now.
	History time.Duration
	Keep    int // conversations that are kept, the newest; default 1,000,000
}

// Server is one sandbox. All its methods are safe for concurrent use.
type Server struct {
	options  Options
	contract *contract.Contract
	handlers map[string]handler
	allowed  func(permission string) bool
	opened   time.Time // when it was made

	mu sync.Mutex // guards everything below
	state
	advanced time.Duration // how far Advance has moved both clocks
	skipped  time.Duration // what the organisation's clock left out of leaps of the other
	passed   clocks        // up to when everything has happened
	passing  bool          // time passes, and it is passed now
	going    bool          // the centre goes on to passed, and it is the centre's moment now
	speed    float64       // of the organisation's clock, while time passes
	life     *life         // nil: at rest
	writes   int           // how often something was written

	headcounts map[string]headcount // by queue id
	broken     error                // why the organisation does not live any more
	rng        *rand.Rand           // of what is kept: the ids of objects
	chance     *rand.Rand           // of what passes: correlation ids, tokens, which replica answers
	frames     *rand.Rand           // of notifications
	tokens     map[string]*token
	faults     []*Fault
	disturbed  disturbance // by the faults
	requests   []Request
	http       *http.Server
	stopped    chan struct{} // closed when http has stopped
	streams    streaming
	downloads  []download // answers to be fetched, oldest first
	misfits    []string
}

// New makes a sandbox. It opens nothing and starts no goroutine.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ClientID = cmp.Or(o.ClientID, DefaultClientID)
	o.ClientSecret = cmp.Or(o.ClientSecret, DefaultClientSecret)
	o.TokenLifetime = cmp.Or(o.TokenLifetime, 24*time.Hour)
	o.RateLimit = cmp.Or(o.RateLimit, 300)
	o.Speed = cmp.Or(o.Speed, 1)
	o.Keep = cmp.Or(o.Keep, 1_000_000)
	o.HeartbeatEvery = cmp.Or(o.HeartbeatEvery, 30*time.Second)
	o.ClosingNotice = cmp.Or(o.ClosingNotice, time.Minute)
	s := &Server{
		options:  o,
		opened:   o.Now(),
		contract: contract.Load(),
		handlers: map[string]handler{},
		rng:      rand.New(rand.NewPCG(o.Seed, 1)),
		chance:   rand.New(rand.NewPCG(o.Seed, 2)),
		frames:   rand.New(rand.NewPCG(o.Seed, 3)),
		tokens:   map[string]*token{},

		headcounts: map[string]headcount{},
		allowed:    func(string) bool { return true },
	}
	if o.Permissions != nil {
		has := map[string]bool{}
		for _, p := range o.Permissions {
			has[p] = true
		}
		s.allowed = func(p string) bool { return has[p] }
	}
	for _, area := range areas() {
		maps.Copy(s.handlers, area)
	}
	for _, f := range o.Faults {
		s.addFault(f)
	}
	s.state = s.newState()
	if !o.Empty {
		s.seed()
	}
	if o.Traffic != nil {
		s.broken = s.live()
	}
	return s
}

// Err is what is wrong with Options.Traffic, or what made the organisation stop
// living.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// Advance moves the clocks of the sandbox forward and lets everything happen
// that happens meanwhile.
func (s *Server) Advance(d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d < 0 {
		return fmt.Errorf("advance by %s: time does not go back", d)
	}
	if d > furthest-s.advanced {
		return fmt.Errorf("advance by %s: the clock goes %s at most, and has gone %s", d, furthest, s.advanced)
	}
	s.catchUp()
	s.advanced += d
	s.pass(1)
	s.settle()
	return s.broken
}

// areas lists what is implemented, one table per API area, from operation id
// to the function that answers it. Every other operation of the contract
// answers 501.
func areas() []map[string]handler {
	return []map[string]handler{
		accountHandlers,
		queueHandlers,
		memberHandlers,
		skillHandlers,
		domainHandlers,
		routeHandlers,
		userHandlers,
		userSkillHandlers,
		utilizationHandlers,
		wrapUpHandlers,
		settingHandlers,
		auditHandlers,
		analyticsHandlers,
		emailHandlers,
		waitingHandlers,
		notificationHandlers,
		wfmHandlers,
	}
}

// Implemented lists the operations that the sandbox answers, by id.
func Implemented() map[string]bool {
	ids := map[string]bool{}
	for _, area := range areas() {
		for id := range area {
			ids[id] = true
		}
	}
	return ids
}

// Start listens on an address such as 127.0.0.1:0 and serves sign-in and API
// there until Close. It returns the base address, such as http://127.0.0.1:8180.
func (s *Server) Start(address string) (string, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return "", fmt.Errorf("start the sandbox: %w", err)
	}
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	s.mu.Lock()
	if s.broken != nil {
		defer s.mu.Unlock()
		return "", errors.Join(fmt.Errorf("start the sandbox: %w", s.broken), listener.Close())
	}
	s.http, s.stopped = server, stopped
	s.streams.address, s.streams.closed = listener.Addr().String(), false
	s.mu.Unlock()
	var living sync.WaitGroup
	closed := make(chan struct{})
	if s.life != nil {
		living.Go(func() { s.run(closed) })
	}
	go func() {
		defer close(stopped)
		_ = server.Serve(listener) // it ends with Close
		close(closed)
		living.Wait()
	}()
	return "http://" + listener.Addr().String(), nil
}

// Close stops what Start started and ends everybody who is connected to a
// notification channel. A sandbox that was neither started nor listened to
// needs none.
func (s *Server) Close() error {
	s.mu.Lock()
	server, stopped := s.http, s.stopped
	s.http = nil
	s.stopStreaming()
	s.mu.Unlock()
	var err error
	if server != nil {
		err = server.Close()
		<-stopped
	}
	s.streams.running.Wait()
	if err != nil {
		return fmt.Errorf("stop the sandbox: %w", err)
	}
	return nil
}

// Clock is a clock that stands still until it is told to advance, for
// Options.Now.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that shows start.
func NewClock(start time.Time) *Clock { return &Clock{now: start} }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
