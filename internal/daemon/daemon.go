// Package daemon runs what never ends: it watches the objects that strategies
// name for changes, whoever makes them, puts each into the ledger and the outbox,
// and sends what is due to the endpoints. Strategies, a client and a store go in;
// events, deliveries, and answers about its health come out.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// Config says what is watched and where it is sent. Store, Org and Log are
// required; Client only to watch.
type Config struct {
	Client   *genesys.Client
	ClientID string // the OAuth client that Foresort signs in as
	Store    *store.Store
	Org      routing.Ref
	// Strategies name the objects that are watched, and the endpoints.
	Strategies []routing.Desired
	Getenv     func(string) string // where secrets are
	// Allow lists hosts of endpoints that may be private or loopback.
	Allow []string
	Limit time.Duration // how long a delivery is tried; 0: 72 hours
	Poll  time.Duration // how often the audit trail is asked; 0: 30 s
	Sweep time.Duration // how often every object is read; 0: 10 minutes
	// Control adjusts; nil: nothing does.
	Control *control.Control
	// Report makes the report of a strategy's queue on a period; nil: none is made.
	Report func(ctx context.Context, want routing.Desired, period routing.Span) ([]byte, error)
	// Sign makes a checkpoint of the ledger, after each sweep; nil: nobody signs.
	Sign   func(context.Context) error
	Listen string // address of health and metrics; empty: none
	Log    *slog.Logger
}

// Daemon is a running Foresort.
type Daemon struct {
	Config
	ledger    *ledger.Ledger
	outbox    *jobs.Outbox
	worker    *jobs.Worker
	sender    *relay.Sender
	endpoints []endpoint
	metrics   *metrics
	standing  standings
	leads     atomic.Bool // this process watches
	ready     atomic.Bool // and has read everything once
	listening atomic.Bool // and is connected to the platform's notifications
}

// endpoint is one entry under sync of one strategy.
type endpoint struct {
	relay.Endpoint
	strategy string
	events   []string
}

// New checks the endpoints and their secrets; it sends and reads nothing.
func New(cfg Config) (*Daemon, error) {
	d := &Daemon{Config: cfg, ledger: ledger.New(cfg.Store, cfg.Org.ID), outbox: jobs.NewOutbox(cfg.Store, cfg.Org.ID)}
	if d.Poll <= 0 {
		d.Poll = 30 * time.Second
	}
	if d.Sweep <= 0 {
		d.Sweep = 10 * time.Minute
	}
	var problems []error
	for _, s := range cfg.Strategies {
		for _, t := range s.Sync {
			e, err := Endpoint(s.Strategy, t, cfg.Getenv)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			d.endpoints = append(d.endpoints, endpoint{Endpoint: e, strategy: s.Strategy, events: t.Events})
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	d.sender = relay.NewSender(relay.SenderOptions{Allow: cfg.Allow})
	d.metrics = newMetrics()
	d.worker = &jobs.Worker{Outbox: d.outbox, Send: d.send, Endpoints: d.usable, Told: func(err error) { d.told(database, err) }}
	return d, nil
}

// Endpoint is an entry under sync with its secrets, which are in the environment.
// Its name is strategy/name.
func Endpoint(strategy string, t routing.SyncTarget, getenv func(string) string) (relay.Endpoint, error) {
	e := relay.Endpoint{Name: strategy + "/" + t.Name, URL: t.URL, Headers: t.Headers}
	for _, variable := range []string{t.Secret, t.PreviousSecret} {
		if variable == "" {
			continue
		}
		value := getenv(variable)
		if value == "" {
			if variable == t.PreviousSecret {
				continue // it has been changed over
			}
			return e, fmt.Errorf("endpoint %s: the secret ${%s} is not set: put it into the environment, or into .env", e.Name, variable)
		}
		secret, err := relay.ParseSecret(value)
		if err != nil {
			return e, fmt.Errorf("endpoint %s: ${%s}: %w", e.Name, variable, err)
		}
		e.Secrets = append(e.Secrets, secret)
	}
	return e, e.Check()
}

// Run watches, where no other process does, and delivers, until the context
// ends; then it ends within jobs.Grace.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.sender.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.worker.Run(ctx) })
	if d.Client != nil {
		g.Go(func() error {
			l := jobs.Leader{Store: d.Store, Name: "watch " + d.Org.ID, Told: func(err error) {
				d.told(leadership, err)
				if err == nil {
					d.told(database, nil) // it notes who leads
				}
			}}
			return l.Run(ctx, func(ctx context.Context) error {
				d.Log.Info("watching", "organisation", d.Org.Name)
				d.leads.Store(true)
				defer d.leads.Store(false)
				defer d.ready.Store(false)
				return d.watch(ctx)
			})
		})
	}
	if d.Control != nil && d.Control.Every() > 0 {
		g.Go(func() error {
			l := jobs.Leader{Store: d.Store, Name: "adjust " + d.Org.ID, Told: func(err error) { d.told(adjusting, err) }}
			return l.Run(ctx, d.adjust)
		})
	}
	if d.Report != nil && slices.ContainsFunc(d.Strategies, func(w routing.Desired) bool { return w.Report != nil }) {
		g.Go(func() error {
			l := jobs.Leader{Store: d.Store, Name: "report " + d.Org.ID, Told: func(err error) { d.told(reporting, err) }}
			return l.Run(ctx, d.reports)
		})
	}
	if d.Listen != "" {
		g.Go(func() error { return d.serve(ctx) })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// usable names the endpoints that can be sent to just now.
func (d *Daemon) usable() []string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // the worker waits for it also where it shall end
	defer cancel()
	off, err := d.outbox.Disabled(ctx)
	d.told("the endpoints", err)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range d.endpoints {
		if _, disabled := off[e.Name]; !disabled {
			names = append(names, e.Name)
		}
	}
	return names
}

// send makes one attempt.
func (d *Daemon) send(ctx context.Context, x jobs.Delivery) jobs.Outcome {
	out := jobs.Outcome{State: jobs.Open, Attempts: x.Attempts + 1}
	i := slices.IndexFunc(d.endpoints, func(e endpoint) bool { return e.Name == x.Endpoint })
	var v relay.Verdict
	if i < 0 {
		v = relay.Verdict{Outcome: relay.Retry, Words: "the endpoint is in no strategy that is served"}
	} else if req, err := d.endpoints[i].Request(ctx, relay.Message{ID: x.ID, Body: []byte(x.Body)}, time.Now()); err != nil {
		v = relay.Verdict{Outcome: relay.Retry, Words: err.Error()}
	} else {
		v = d.sender.Send(ctx, req)
	}
	out.At, out.Status, out.Words = time.Now().UTC(), v.Status, v.Words
	switch v.Outcome {
	case relay.Delivered:
		out.State = jobs.Delivered
	case relay.Disabled:
		out.Disable = true
		out.Next = out.At
	case relay.Retry:
		at, more := relay.Schedule{Limit: d.Limit}.Next(relay.Failure{
			Attempt: int(out.Attempts), Since: time.UnixMicro(x.Created), Now: out.At, RetryAfter: v.RetryAfter,
		}, random)
		if out.Next = at; !more {
			out.State = jobs.Dead
		}
	}
	d.metrics.attempts.WithLabelValues(x.Endpoint, string(v.Outcome)).Inc()
	level := slog.LevelInfo
	if v.Outcome != relay.Delivered {
		level = slog.LevelWarn
	}
	d.Log.LogAttrs(ctx, level, "delivery", slog.String("id", x.ID), slog.String("endpoint", x.Endpoint), slog.String("event", x.Event),
		slog.String("object", x.Object), slog.String("state", string(out.State)), slog.Int64("attempt", out.Attempts), slog.String("answer", strings.TrimSpace(v.Words)))
	return out
}

// Watching says whether this process watches, and has read everything once.
func (d *Daemon) Watching() bool { return d.leads.Load() && d.ready.Load() }

// Listening says whether this process is connected to the platform's
// notifications.
func (d *Daemon) Listening() bool { return d.listening.Load() }
