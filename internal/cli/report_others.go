package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// This file reads what others changed of the queues of a report.

// together is for how long changes of one actor are told as one.
const together = time.Hour

// others adds what the platform's audit trail has of changes of queues, and of what
// leads to them, that no run of the ledger made: of the span, and, where anything was
// changed in it, of the windows before. It sets from when conversations are to be
// known, and until when changes of others are not. A client that may not see the
// trail goes without.
func (l ledgerChanges) others(ctx context.Context, s *orgShell, in *report.Input, runs []apply.Record) error {
	now := s.now().Add(time.Minute) // clocks differ a little
	oldest := s.now().Add(-auditYear)
	read := func(from, to time.Time) error {
		if from.Before(oldest) {
			from, in.Unheard = oldest, oldest
		}
		if !from.Before(to) {
			return nil
		}
		traces, err := s.strangers(ctx, runs, from, to)
		if err != nil {
			return err
		}
		for _, q := range in.Queues {
			l[q.ID] = append(l[q.ID], outsideOf(q, traces)...)
			slices.SortStableFunc(l[q.ID], func(a, b report.Change) int { return a.At.Compare(b.At) })
		}
		return nil
	}
	err := read(in.From, now)
	in.Known = l.known(in.Queues, in.Span, in.Now, in.Zone)
	if err == nil && in.Known.Before(in.From) {
		err = read(in.Known, in.From)
	}
	if errors.Is(err, genesys.ErrForbidden) {
		s.say("changes that others made are left out: %v", err)
		in.Unheard = in.Now
		return nil
	}
	return err
}

// strangers are the changes of queues, routes, agents and the organisation's
// capacity that no run made, oldest first, with the names of members.
func (s *orgShell) strangers(ctx context.Context, runs []apply.Record, from, to time.Time) ([]ledger.Trace, error) {
	var rows []genesys.AuditRecord
	capacity, agents := ledger.Area(plan.Utilization)
	queues, queue := ledger.Area(plan.Queue)
	routes, route := ledger.Area(plan.Route)
	for _, of := range [][2]string{{queues, queue}, {routes, route}, {capacity, agents}, {capacity, ledger.OrgCapacity}} {
		more, err := auditRows(ctx, s, genesys.AuditQuery{From: from, To: to, Service: of[0], EntityType: of[1]})
		if err != nil {
			return nil, fmt.Errorf("read the platform's audit trail: %w", err)
		}
		rows = append(rows, more...)
	}
	set, err := s.settings()
	if err != nil {
		return nil, err
	}
	traces := slices.DeleteFunc(ledger.Join(rows, runs, set.text("clientId")), func(t ledger.Trace) bool { return !t.OutOfBand || t.Status != "" && t.Status != "SUCCESS" })
	return traces, nil
}

// outsideOf are the changes of a queue among traces, and of what leads to it: its
// routes, its members and the capacity that they all have. That agents make
// themselves active in a queue, or not, is no change of it.
func outsideOf(q report.Queue, traces []ledger.Trace) []report.Change {
	_, route := ledger.Area(plan.Route)
	_, agent := ledger.Area(plan.Utilization)
	about := func(t ledger.Trace) bool {
		switch t.Type {
		case agent:
			return slices.ContainsFunc(q.Members, func(m routing.Member) bool { return m.ID == t.Object.ID })
		case ledger.OrgCapacity:
			return true
		case route:
			return leadsTo(q, t)
		}
		return t.Object.ID == q.ID && (len(t.Changes) == 0 || slices.ContainsFunc(t.Changes, func(c genesys.AuditChange) bool { return !strings.HasSuffix(c.Property, ":joined") }))
	}
	var out []report.Change
	var last ledger.Trace // of the change that is told last
	for _, t := range traces {
		if !about(t) {
			continue
		}
		text := outsideText(t)
		if n := len(out); n > 0 && t.By == last.By && t.At.Sub(out[n-1].At) < together {
			if !slices.Contains(out[n-1].What, text) {
				out[n-1].What = append(out[n-1].What, text)
			}
			continue
		}
		last = t
		out = append(out, report.Change{ID: cmp.Or(t.ID, t.At.UTC().Format(time.RFC3339Nano)), At: t.At, By: auditActor(t), What: []string{text}})
	}
	return out
}

// leadsTo says whether a route that was changed leads, or led, to a queue: by what
// the trail tells of it, or because the strategy of the queue names it.
func leadsTo(q report.Queue, t ledger.Trace) bool {
	for _, r := range q.Rules {
		if slices.ContainsFunc(r.Addresses, func(a string) bool { return strings.EqualFold(a, t.Object.Name) }) {
			return true
		}
	}
	return slices.ContainsFunc(t.Changes, func(c genesys.AuditChange) bool {
		return slices.Contains(c.OldValues, q.ID) || slices.Contains(c.NewValues, q.ID)
	})
}

// outsideText names a change with the properties that it set.
func outsideText(t ledger.Trace) string {
	var of []string
	for _, c := range ledger.Named(t.Changes, func(id string) string { return id }) {
		if name, _, _ := strings.Cut(c.Property, " "); !slices.Contains(of, name) {
			of = append(of, name)
		}
	}
	if len(of) == 0 || t.Action == "Create" {
		return auditHead(t)
	}
	return auditHead(t) + " (" + strings.Join(of, ", ") + ")"
}
