package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// This file reads from the platform what a report is made of.

// reportLead is for how long before the span conversations are read by when they
// began, so that email of before that still waits in it is known. Jobs tell of older
// email too, that went on since.
const reportLead = 14 * 24 * time.Hour

// look reads what a report is made of.
func (o reportOptions) look(ctx context.Context, s *orgShell, wants []routing.Desired, zone *time.Location) (report.Report, error) {
	p := s.progress("reading what happened")
	defer p.end()
	now := s.now()
	span, err := o.span(now, zone)
	if err != nil {
		return report.Report{}, err
	}
	ctx = genesys.WithLane(ctx, genesys.Report)
	in := report.Input{Span: span, Now: now, Zone: zone, By: report.By(o.By)}
	if err := o.queues(ctx, s, wants, &in); err != nil {
		return report.Report{}, err
	}
	runs, err := s.ledger.Runs(ctx)
	if err != nil {
		return report.Report{}, err
	}
	in.Known = span.From
	if !o.noChanges {
		decisions, err := s.ledger.Decisions(ctx)
		if err != nil {
			return report.Report{}, err
		}
		changes := changesOf(runs, decisions, in.Queues)
		if err := changes.others(ctx, s, &in, runs); err != nil {
			return report.Report{}, err
		}
		in.Changes = changes
	}
	b := report.New(in)
	var ids []string
	for _, q := range in.Queues {
		ids = append(ids, q.ID)
	}
	of := genesys.ConversationsQuery{Span: routing.Span{From: in.Known.Add(-reportLead), To: now}, QueueIDs: ids, Jobs: true}
	open := map[string]bool{}
	added, err := addAll(ctx, s, b, of, open)
	if added == 0 && (errors.Is(err, genesys.ErrForbidden) || errors.Is(err, genesys.ErrLake)) {
		s.say("conversations are read page by page, which takes more requests: %v", err)
		of.Jobs = false
		_, err = addAll(ctx, s, b, of, open)
	}
	if err != nil {
		return report.Report{}, fmt.Errorf("read the conversations: %w", err)
	}
	notes, err := addOld(ctx, s, b, in, of, open)
	if err != nil {
		return report.Report{}, err
	}
	by := []string{"queueId"}
	switch in.By {
	case report.ByRule:
		by = append(by, "addressTo")
	case report.ByAgent:
		by = append(by, "userId")
	case report.ByDay, report.ByHour:
	}
	every := 24 * time.Hour
	if in.By == report.ByHour {
		every = reportStep
	}
	var rows []routing.MetricRow
	// The span is asked for by itself, so that its first and last day hold no more
	// than is in it.
	for _, part := range []routing.Span{{From: in.Known, To: in.From}, in.Span, {From: in.To, To: now}} {
		if !part.From.Before(part.To) {
			continue
		}
		more, err := s.client.Aggregates(ctx, genesys.AggregatesQuery{From: part.From, To: part.To, Every: every, Zone: zone, GroupBy: by, QueueIDs: ids, Metrics: measure.WindowMetrics()})
		if err != nil {
			return report.Report{}, fmt.Errorf("read the figures of the platform: %w", err)
		}
		rows = append(rows, more...)
	}
	here, err := o.statuses(ctx, s, in, b.LateUntil())
	if err != nil {
		return report.Report{}, err
	}
	rows = append(rows, here...)
	if err := b.AddRows(rows); err != nil {
		return report.Report{}, err
	}
	r := b.Report()
	r.Notes = append(r.Notes, notes...)
	return r, ctx.Err()
}

// addOld adds the email that waits now and is in no conversation that was read. It
// gives notes of what cannot be known of what began before; jobs tell of that.
func addOld(ctx context.Context, s *orgShell, b *report.Builder, in report.Input, of genesys.ConversationsQuery, open map[string]bool) (notes []string, err error) {
	states, err := s.client.QueueStates(ctx, of.QueueIDs)
	forbidden := errors.Is(err, genesys.ErrForbidden)
	if err != nil && !forbidden {
		return nil, fmt.Errorf("read what waits now: %w", err)
	}
	notes = addWaiting(b, in, of.From, open, states)
	if of.Jobs {
		return nil, nil
	}
	old := "email that began before " + began(of.From)
	if forbidden {
		s.say("what waits now may not be seen: %v", err)
		return []string{old + " is in no figure: how many emails that are is not known"}, nil
	}
	return append(notes, old+" and has been answered by now is in no figure: how many emails that are is not known"), nil
}

// began is the day from which on conversations were read by when they began.
func began(read time.Time) string { return read.UTC().Format(time.DateOnly) + " UTC" }

func addWaiting(b *report.Builder, in report.Input, read time.Time, open map[string]bool, states map[string]routing.QueueState) (notes []string) {
	for _, q := range in.Queues {
		now := states[q.ID]
		for _, e := range now.Emails {
			if !open[e.ConversationID] && e.Entered.Before(in.Now) {
				b.Add(routing.Conversation{ID: e.ConversationID, To: e.To, From: e.From, Stays: []routing.Stay{{QueueID: q.ID, Entered: e.Entered}}})
			}
		}
		if n := now.Waiting - len(now.Emails); n > 0 {
			notes = append(notes, fmt.Sprintf("%s: of %s that wait now the platform does not list %d; those of them that began before %s are in no backlog",
				q, phrase.Count(now.Waiting, "email"), n, began(read)))
		}
	}
	return notes
}

// addAll adds conversations to a report, and the ids of those that wait to open.
func addAll(ctx context.Context, s *orgShell, b *report.Builder, of genesys.ConversationsQuery, open map[string]bool) (added int, err error) {
	for c, err := range s.client.Conversations(ctx, of) {
		if err != nil {
			return added, err
		}
		b.Add(c)
		if n := len(c.Stays); n > 0 && c.Stays[n-1].Left.IsZero() {
			open[c.ID] = true
		}
		added++
	}
	return added, nil
}

// statusesAfter is for how long after the span statuses are read, where late email of
// the span waited on.
const statusesAfter = 7 * 24 * time.Hour

// statuses reads how long agents were on queue, by the half hour; of long spans,
// which would be too much to read, by the day. A client that may not see it goes
// without. Of short spans it is read on until no email of them was late.
func (o reportOptions) statuses(ctx context.Context, s *orgShell, in report.Input, late time.Time) (rows []routing.MetricRow, err error) {
	var ids []string
	for _, a := range in.Agents {
		ids = append(ids, a.ID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	every, parts := reportStep, []routing.Span{in.Span}
	if in.By != report.ByHour && in.To.Sub(in.From) > 33*24*time.Hour {
		every = 24 * time.Hour
	} else if late.After(in.To) { // by itself, so that the last day holds no more than is in it
		late = slices.MinFunc([]time.Time{late.Add(reportStep).Truncate(reportStep), in.To.Add(statusesAfter), in.Now}, time.Time.Compare)
		parts = append(parts, routing.Span{From: in.To, To: late})
	}
	for _, part := range parts {
		more, err := s.client.RoutingStatuses(ctx, genesys.StatusesQuery{From: part.From, To: part.To, Every: every, Zone: in.Zone, UserIDs: ids})
		if errors.Is(err, genesys.ErrForbidden) {
			s.say("occupancy is left out: %v", err)
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read how long agents were on queue: %w", err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// queues reads the queues and their people.
func (o reportOptions) queues(ctx context.Context, s *orgShell, wants []routing.Desired, in *report.Input) error {
	names := slices.Clone(o.Queues)
	for _, w := range wants {
		names = append(names, w.Queue.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	org, err := s.client.ReadOrg(ctx, genesys.Scope{Queues: names, MembersOf: names, Ratings: true, OrgCapacity: true})
	if err != nil {
		return err
	}
	for _, name := range names {
		i := slices.IndexFunc(org.Queues, func(q routing.Queue) bool { return q.Name == name })
		if i < 0 {
			var have []string
			for _, q := range org.Queues {
				have = append(have, q.Name)
			}
			return invalid(nearest.Hint(name, have, '"'), "there is no queue %q in %s", name, s.org)
		}
		q := report.Queue{Ref: org.Queues[i].Ref, Settings: org.Queues[i].Settings, Members: org.Queues[i].Members}
		capacity := 0
		if org.OrgUtilization != nil && org.OrgUtilization.Settings.Email != nil {
			capacity = *org.OrgUtilization.Settings.Email
		}
		if w := slices.IndexFunc(wants, func(w routing.Desired) bool { return w.Queue.Name == name }); w >= 0 {
			want := wants[w]
			q.Strategy, q.Calendar, q.Rules = want.Strategy, want.Calendar, rulesOf(want)
			if want.Capacity != nil && want.Capacity.Email != nil {
				capacity = *want.Capacity.Email
			}
		}
		in.Queues = append(in.Queues, q)
		for _, m := range q.Members {
			if slices.ContainsFunc(in.Agents, func(a report.Agent) bool { return a.ID == m.ID }) {
				continue
			}
			a := report.Agent{Ref: m.Ref, Capacity: capacity}
			if r, known := org.Ratings[m.ID]; known {
				a.Skills, a.Languages = idsOf(r.Skills), idsOf(r.Languages)
			}
			in.Agents = append(in.Agents, a)
		}
	}
	return nil
}

func idsOf(ratings []routing.Rating) []string {
	ids := []string{}
	for _, r := range ratings {
		ids = append(ids, r.ID)
	}
	return ids
}

// rulesOf are the rules of a strategy with their addresses.
func rulesOf(want routing.Desired) []report.Rule {
	var out []report.Rule
	for _, r := range want.Rules {
		rule := report.Rule{Name: r.Name}
		if r.Deadline != nil {
			rule.Deadline = time.Duration(*r.Deadline)
		}
		for _, route := range want.Routes {
			if route.Rule == r.Name {
				rule.Addresses = append(rule.Addresses, route.Address.String())
			}
		}
		out = append(out, rule)
	}
	return out
}
