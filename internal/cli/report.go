package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

// reportOptions are the arguments of foresort report.
type reportOptions struct {
	outputs
	evidenceOptions
	Queues, Strategies []string
	Since, From, To    string
	By, Zone           string
	Tutorial           bool
	Next               string
	noChanges          bool // changes are not compared, and no conversations read for it
}

func reportCommand(s *shell) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:     "report [QUEUE...] [--strategy FILE]...",
		GroupID: groupOrg,
		Short:   "how queues did, where the service level went, and what each change did to it",
		Long: `Report tells of each queue what was offered and answered, the service level as the
platform counts it and by each rule's deadline in business hours, wait, handling, first
response, backlog with its age, transfers, occupancy and fairness; by day, hour, rule or
agent of the business's clock. Days and hours that it does not cover whole have a star.

Where the service level went are the causes of why email was late. Each change that the
ledger has of a queue is told with the same figures before and after it, and whether they
differ by more than days do by themselves, or whether there is too little to tell; those
that did not last, such as overrides of adjust, with why they are not compared.

A strategy (--strategy) brings the deadlines of its rules, its calendar and its clock;
without one a queue has the platform's target, and every hour counts. What each figure
is: docs/report.md.

--change puts all that proves one run of apply into a folder: what was changed, what
validation found, the forecast, who approved it, what came of each change, when it was
seen active, which later runs put it back or changed the same again, the figures before
and after, the platform's audit records, and the ledger's entries with their signed
checkpoints, with a page, a list of hashes, and a seal: a signed entry of the ledger that
has the hash of each file. foresort audit verify --evidence checks it.`,
		Example: `  foresort report "Billing Email"
  foresort report --strategy examples/support.yaml --since 2d --by hour --html report.html
  foresort report "Billing Email" "Support Email" --by agent --csv report.csv
  foresort report "Billing Email" --json --tutorial
  foresort apply examples/support.yaml --yes --quiet && foresort report --change last --out evidence`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Queues = args
			return o.run(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&o.Strategies, "strategy", nil, "report on the queue of the strategy in a `file`; may be given again")
	f.StringVar(&o.Since, "since", "7d", "from when: so long ago (36h, 7d), a `day` or an instant (RFC 3339), from the beginning of its half hour")
	f.StringVar(&o.From, "from", "", "from a `day` or an instant, in place of --since")
	f.StringVar(&o.To, "to", "", "until the beginning of a `day`, or of the half hour of an instant; now if not set")
	f.StringVar(&o.By, "by", string(report.ByDay), "day, hour, rule or agent")
	f.StringVar(&o.Zone, "timezone", "", "the `zone` of days and hours; that of the first strategy's calendar if not set, else UTC")
	f.BoolVar(&o.Tutorial, "tutorial", false, "with --json: performance, auditTrail and pagination, as scripts for the tutorial read them")
	f.StringVar(&o.Next, "next-token", "", "with --tutorial: the page of the audit trail that pagination.nextToken named")
	o.outputs.flags(cmd)
	o.evidenceOptions.flags(cmd)
	for _, flag := range []string{"since", "from", "to", "by", "tutorial", "next-token", "csv", "html", "force"} { // a pack has files and weeks of its own
		cmd.MarkFlagsMutuallyExclusive("change", flag)
	}
	return cmd
}

func (o reportOptions) check(s *shell) error {
	switch by := report.By(o.By); {
	case o.Change == "" && o.Out != "":
		return invalid("add --change RUN, or --change last", "--out is the folder for the evidence of a change")
	case o.Change != "" && len(o.Queues) > 0:
		return invalid("leave the queues out", "--change is about the queues of the run")
	case o.Change != "":
		return o.evidenceOptions.check()
	case len(o.Queues)+len(o.Strategies) == 0:
		return invalid(`name a queue, or a strategy with --strategy`, "there is nothing to report on")
	case by != report.ByDay && by != report.ByHour && by != report.ByRule && by != report.ByAgent:
		return invalid("day, hour, rule or agent", "%q is nothing to report by", o.By)
	case by == report.ByRule && len(o.Strategies) == 0:
		return invalid("add --strategy FILE", "--by rule takes the rules of a strategy")
	case o.Tutorial && !s.json:
		return invalid("add --json", "--tutorial is for --json")
	case o.Tutorial && len(o.Queues)+len(o.Strategies) > 1:
		return invalid("ask for each alone", "--tutorial is for one queue, and %d were named", len(o.Queues)+len(o.Strategies))
	case o.Next != "" && !o.Tutorial:
		return invalid("add --tutorial", "--next-token is for --tutorial")
	}
	for _, q := range o.Queues {
		if strings.HasSuffix(q, ".yaml") || strings.HasSuffix(q, ".yml") {
			return invalid("report on its queue by --strategy "+q, "%s is a file, and no queue", q)
		}
	}
	return o.checkFiles()
}

func (o reportOptions) run(ctx context.Context, s *shell) error {
	if err := o.check(s); err != nil {
		return err
	}
	wants, err := s.desired(o.Strategies)
	if err != nil {
		return err
	}
	for i, w := range wants {
		same := func(x routing.Desired) bool { return x.Queue.Name == w.Queue.Name }
		if first := slices.IndexFunc(wants, same); first < i { // an email counts by one rule
			return invalid("report on each alone", "%s and %s are both about queue %s", o.Strategies[first], o.Strategies[i], w.Queue.Name)
		}
	}
	zone, err := o.zone(wants)
	if err != nil {
		return err
	}
	if _, err := o.span(time.Now(), zone); err != nil { // before anyone signs in
		return err
	}
	return s.withOrg(ctx, func(s *orgShell) error {
		if o.Change != "" {
			return s.evidence(ctx, o.evidenceOptions, o.changeMeasures(wants, zone))
		}
		r, err := o.look(ctx, s, wants, zone)
		if err != nil {
			return err
		}
		var facts any = r
		if o.Tutorial {
			if facts, err = o.tutorial(ctx, s, r); err != nil {
				return err
			}
		}
		return o.deliver(s.shell, delivery{
			facts: facts,
			text:  func(w io.Writer, p paint) error { return report.Text(w, r, reportStyle(p)) },
			csv:   func(w io.Writer) error { return report.CSV(w, r) },
			html:  func(w io.Writer) error { return report.HTML(w, r, o.title(r)) },
		})
	})
}

func reportStyle(p paint) report.Style {
	if p.on() {
		return report.Colour()
	}
	return report.Style{}
}

func (o reportOptions) title(r report.Report) string {
	var names []string
	for _, q := range r.Queues {
		names = append(names, q.Queue.String())
	}
	return strings.Join(names, ", ")
}

// zone is the business's clock.
func (o reportOptions) zone(wants []routing.Desired) (*time.Location, error) {
	if o.Zone != "" {
		zone, err := time.LoadLocation(o.Zone)
		if err != nil || o.Zone == "Local" { // the platform cannot know which that is
			return nil, invalid("name one of the IANA, such as Europe/Berlin", "--timezone: %q is no time zone", o.Zone)
		}
		return zone, nil
	}
	for _, w := range wants {
		if w.Calendar != nil {
			return w.Calendar.Location, nil
		}
	}
	return time.UTC, nil
}

// reportStep is what the platform's figures are kept by
// (docs/platform-notes.md#analytics).
const reportStep = 30 * time.Minute

// span reads --since, --from and --to. It begins with a row of the platform.
func (o reportOptions) span(now time.Time, zone *time.Location) (routing.Span, error) {
	read := func(flag, text string) (time.Time, error) {
		if day, err := time.Parse(time.DateOnly, text); err == nil {
			return routing.Wall(day, zone), nil
		}
		at, err := instant(text, now)
		if err != nil {
			return at, invalid("7d, 36h, 2026-01-31 or 2026-01-31T08:00:00Z", "%s: %w", flag, err)
		}
		return at.Truncate(reportStep), nil
	}
	from, err := read("--since", o.Since)
	if o.From != "" {
		from, err = read("--from", o.From)
	}
	if err != nil {
		return routing.Span{}, err
	}
	to := now
	if o.To != "" {
		if to, err = read("--to", o.To); err != nil {
			return routing.Span{}, err
		}
	}
	if to.After(now) {
		to = now
	}
	begin, end := cmp.Or(o.From, o.Since), cmp.Or(o.To, "now")
	switch {
	case from.Equal(to) && begin != end:
		return routing.Span{}, invalid("name instants of two half hours: by these the platform keeps its figures", "%s and %s are in the same half hour", begin, end)
	case !from.Before(to):
		return routing.Span{}, invalid("", "%s is not before %s", begin, end)
	}
	return routing.Span{From: from.UTC(), To: to.UTC()}, nil
}

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

// ledgerChanges are the changes of queues, by their ids, oldest first.
type ledgerChanges map[string][]report.Change

// Of are those of a queue in a span.
func (l ledgerChanges) Of(queueID string, within routing.Span) []report.Change {
	var out []report.Change
	for _, c := range l[queueID] {
		if !c.At.Before(within.From) && c.At.Before(within.To) {
			out = append(out, c)
		}
	}
	return out
}

// compared is for how long before a change conversations are read, and for how
// long after one an earlier change still counts.
const compared = 4*7*24*time.Hour + 24*time.Hour

// known is from when conversations are to be read.
func (l ledgerChanges) known(queues []report.Queue, span routing.Span, now time.Time, zone *time.Location) time.Time {
	from := span.From
	for _, q := range queues {
		for _, c := range l.Of(q.ID, span) {
			if c.Brief(now) {
				continue
			}
			y, m, d := c.At.Add(-compared).In(zone).Date()
			if first := routing.Wall(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), zone); first.Before(from) {
				from = first
			}
		}
	}
	return from
}

// changesOf are what runs changed of queues, and of the routes, members and
// capacity of strategies that own them; what does not last says so: overrides, what
// the same run put back, and what live rules set of waiting email.
func changesOf(runs []apply.Record, decisions []ledger.Decided, queues []report.Queue) ledgerChanges {
	out, leases, leaseOf := ledgerChanges{}, ledger.Leases(runs, decisions), overridesOf(runs, decisions)
	begun := map[string]ledger.Decided{} // by run
	for _, d := range slices.Backward(decisions) {
		begun[d.Run] = d
	}
	more := map[string][]string{} // by override: its runs but for the first
	for _, r := range runs {
		if id := leaseOf[r.ID].ID; id != "" && id != r.ID {
			more[id] = append(more[id], r.ID)
		}
	}
	for _, q := range queues {
		for _, run := range runs {
			if leaseOf[run.ID].ID == "" {
				out.add(q, changeOf(run, q))
			}
		}
		for _, l := range leases {
			c := overrideOf(l, begun[l.ID], q)
			c.Runs = more[l.ID]
			out.add(q, c)
		}
		slices.SortStableFunc(out[q.ID], func(a, b report.Change) int { return a.At.Compare(b.At) })
	}
	return out
}

// overridesOf are the overrides of runs that began one, went on with it, or put it
// back, by run.
func overridesOf(runs []apply.Record, decisions []ledger.Decided) map[string]ledger.Lease {
	out := map[string]ledger.Lease{}
	for _, l := range ledger.Leases(runs, decisions) {
		for _, r := range l.Runs {
			out[r.ID] = l
		}
	}
	for _, r := range runs {
		if l, known := out[r.Plan().Undoes]; known && r.Plan().Lease == nil {
			out[r.ID] = l
		}
	}
	return out
}

// beginning is when what a run changed began: the override that it is of, else its
// end.
func beginning(run apply.Record, runs []apply.Record, decisions []ledger.Decided) time.Time {
	if l, known := overridesOf(runs, decisions)[run.ID]; known {
		return l.Began
	}
	return run.Last
}

func (l ledgerChanges) add(q report.Queue, c report.Change) {
	if len(c.What) > 0 {
		l[q.ID] = append(l[q.ID], c)
	}
}

// changeOf is what a run that is no override changed of a queue.
func changeOf(run apply.Record, q report.Queue) report.Change {
	c := report.Change{ID: run.ID, At: run.Last, Strategy: run.Plan().Strategy}
	phases := run.Phases
	if run.End != nil && run.End.Undone {
		phases = phases[:1]
		c.At, c.Ended, c.Passing = run.Started, run.Last, report.Undone
	}
	for _, phase := range phases {
		if !about(run, phase, q) { // of another strategy, which may have changed the capacity of its members
			phase.Plan.Changes = slices.DeleteFunc(slices.Clone(phase.Plan.Changes), func(c plan.Change) bool {
				return c.Kind != plan.Utilization || !slices.ContainsFunc(q.Members, func(m routing.Member) bool { return m.ID == c.Object.ID })
			})
		}
		what, emails := deeds(phase)
		c.What, c.Emails = append(c.What, what...), c.Emails+emails
	}
	if c.Emails > 0 && len(c.What) == 0 && c.Passing == "" {
		c.Passing = report.Emails
	}
	if c.Emails > 0 {
		c.What = append(c.What, report.EmailsText(c.Emails))
	}
	return c
}

// overrideOf is what an override changed of a queue. The decision that began it says
// so in words; the zero one: there is none.
func overrideOf(l ledger.Lease, begun ledger.Decided, q report.Queue) report.Change {
	c := report.Change{ID: l.ID, At: l.Began, Strategy: l.Strategy, Passing: report.Override, Rule: l.Rule, Levers: l.Levers, Ended: l.Ended}
	ours := begun.Queue.ID == q.ID
	for _, run := range l.Runs {
		ours = ours || about(run, run.Phases[0], q)
		what, emails := deeds(run.Phases[0])
		c.What, c.Emails = append(c.What, what...), c.Emails+emails
	}
	if c.Emails > 0 {
		c.What = append(c.What, report.EmailsText(c.Emails))
	}
	switch {
	case !ours:
		c.What = nil
	case len(c.What) > 0 && begun.Words != "":
		c.What = []string{begun.Words}
	}
	return c
}

// deeds are what a phase changed of a queue and of what leads to it, in words, and of
// how many emails that waited. Of what is uncertain they say so.
func deeds(phase apply.Phase) (what []string, emails int) {
	for _, c := range phase.Plan.Changes {
		result, known := phase.Results[c.ID]
		_, begun := phase.Intents[c.ID]
		perhaps := result.Outcome == apply.Uncertain || begun && !known
		switch {
		case result.Outcome != apply.Done && !perhaps:
		case c.Kind == plan.Email:
			emails++
		case perhaps:
			what = append(what, changeText(c)+", perhaps")
		default:
			what = append(what, changeText(c))
		}
	}
	return what, emails
}

// about says whether a phase changed a queue, or is of the strategy that has it.
func about(run apply.Record, phase apply.Phase, q report.Queue) bool {
	if q.Strategy != "" && run.Plan().Strategy == q.Strategy {
		return true
	}
	of := func(r routing.Ref) bool { return r.ID == q.ID || r.ID == "" && r.Name == q.Name }
	for _, c := range phase.Plan.Changes {
		made := phase.Results[c.ID].Object
		queue := c.Kind == plan.Queue || c.Kind == plan.Member
		route := c.Route != nil && (c.Route.After.Queue != nil && of(*c.Route.After.Queue) || c.Route.Before.Queue != nil && of(*c.Route.Before.Queue))
		if queue && (of(c.Object) || made.ID == q.ID) || route || c.Kind == plan.Email && of(c.Waits) {
			return true
		}
	}
	return slices.ContainsFunc(phase.Plan.Owns, func(c plan.Claim) bool { return c.Kind == plan.Queue && of(c.Object) })
}

// changeText names a change with the fields that it set.
func changeText(c plan.Change) string {
	var fields []string
	for _, f := range c.Fields {
		fields = append(fields, string(f.Field))
	}
	if len(fields) == 0 || c.Verb == plan.Create {
		return c.Headline()
	}
	return c.Headline() + " (" + strings.Join(fields, ", ") + ")"
}

// tutorialReport has the keys that scripts for the tutorial read. Times are
// milliseconds, percentages 0 to 100; what is null is undefined.
type tutorialReport struct {
	Performance struct {
		Offered  int      `json:"offer.count"`
		Wait     *float64 `json:"offer.avg.wait.time"`
		Handle   *float64 `json:"offer.avg.handle.time"`
		Level    *float64 `json:"sla.percent"`
		Abandons int      `json:"abandon.count"`
	} `json:"performance"`
	AuditTrail []ledger.Trace `json:"auditTrail"`
	Pagination struct {
		Next     *string `json:"nextToken"`
		PageSize int     `json:"pageSize"`
	} `json:"pagination"`
}

// tutorialPage is how many rows of the audit trail the tutorial asks for.
const tutorialPage = 50

// tutorial is a report of one queue as the tutorial has it, with a page of the
// audit trail of what its strategies own, oldest first.
func (o reportOptions) tutorial(ctx context.Context, s *orgShell, r report.Report) (tutorialReport, error) {
	var out tutorialReport
	q := r.Queues[0]
	f := q.Total
	mean := func(t *report.Times) *float64 {
		if t == nil {
			return nil
		}
		return new(math.Round(1000 * t.Mean))
	}
	p := &out.Performance
	p.Offered, p.Wait, p.Handle, p.Abandons = *f.Offered, mean(f.Wait), mean(f.Handle), f.Abandoned
	if f.Level != nil {
		p.Level = f.Level.Percent
	}
	runs, err := s.ledger.Runs(ctx)
	if err != nil {
		return out, err
	}
	objects := ledger.Managed(runs, r.From, r.To)
	owner := q.Strategy
	for _, x := range objects.List {
		if x.ID == q.Queue.ID {
			owner = x.Strategy
		}
	}
	objects.Keep(func(x ledger.Object) bool { return x.ID == q.Queue.ID || owner != "" && x.Strategy == owner })
	objects.Add(plan.Queue, q.Queue, owner)
	all, err := tracesOf(genesys.WithLane(ctx, genesys.Report), s, objects, runs, r.From, r.To.Add(time.Minute))
	if err != nil {
		return out, err
	}
	from := 0
	if o.Next != "" {
		if from, err = strconv.Atoi(o.Next); err != nil || from < 0 || from > len(all) {
			return out, invalid("pass on pagination.nextToken as it is", "--next-token %q is of no page", o.Next)
		}
	}
	to := min(len(all), from+tutorialPage)
	out.AuditTrail, out.Pagination.PageSize = all[from:to], tutorialPage
	if to < len(all) {
		out.Pagination.Next = new(strconv.Itoa(to))
	}
	return out, nil
}
