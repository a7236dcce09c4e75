package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
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
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// auditOptions are the arguments of foresort audit.
type auditOptions struct {
	Files        []string
	Since, Until string
	Object       string
	Format       string
}

func auditCommand(s *shell) *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:     "audit [FILE...]",
		GroupID: groupOrg,
		Short:   "who changed what strategies own, and whether it was Foresort",
		Long: `Audit lists every change that the platform's audit trail has of what strategies own:
their queues with the members, email routes and agents' capacity; or only of the
strategies in FILEs. Each comes with who made it, the values before and after, and the
run, strategy and plan if it was Foresort. A change is out of band if it was made by
anyone else, or by Foresort's OAuth client without a run in this ledger that wrote
these values. Who approved a plan of a strategy, or withdrew that, is listed, too.

The trail lags: what a run did and the trail does not show yet is listed as such. It
reaches back a year.

Formats: text, jsonl (an object a line), csv (a changed field a line), ocsf (events of
the Open Cybersecurity Schema Framework, class 3004, an object a line). --json is one
object for all.`,
		Example: `  foresort audit
  foresort audit examples/support.yaml --since 30d --format csv
  foresort audit --since 2026-01-01 --until 2026-02-01T12:00:00Z --format ocsf`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: strategyFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return o.run(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Since, "since", "7d", "from when: so long ago (36h, 7d), a `day` in UTC or an instant (RFC 3339)")
	f.StringVar(&o.Until, "until", "", "until `when`, as --since; now if not set")
	f.StringVar(&o.Object, "object", "", "only the queue, address or agent of this `name`")
	f.StringVar(&o.Format, "format", "text", "text, jsonl, csv or ocsf")
	cmd.AddCommand(auditVerifyCommand(s), auditCheckpointCommand(s), auditKeyCommand(s))
	return cmd
}

// audit is what foresort audit found.
type audit struct {
	Org     routing.Ref    `json:"org"`
	From    time.Time      `json:"from"`
	To      time.Time      `json:"to"`
	Changes []ledger.Trace `json:"changes"`
}

func (o auditOptions) run(ctx context.Context, s *shell) error {
	write, known := auditFormats[o.Format]
	switch {
	case !known:
		return invalid("text, jsonl, csv or ocsf", "%q is no format of an audit", o.Format)
	case s.json && o.Format != "text":
		return invalid("leave one of them out", "--json and --format %s are two formats", o.Format)
	}
	wants, err := s.desired(o.Files)
	if err != nil {
		return err
	}
	// A wrong time is said before anyone signs in.
	if _, _, err := o.span(time.Now()); err != nil {
		return err
	}
	return s.withOrg(ctx, func(s *orgShell) error {
		a, err := o.look(ctx, s, wants)
		if err != nil {
			return err
		}
		return s.print(a, func(w io.Writer, p paint) error { return write(w, p, a) })
	})
}

// auditYear is how long the platform keeps its trail, but for an hour: clocks differ.
const auditYear = 365*24*time.Hour - time.Hour

// span reads --since and --until.
func (o auditOptions) span(now time.Time) (from, to time.Time, err error) {
	if from, err = instant(o.Since, now); err != nil {
		return from, to, invalid("7d, 36h, 2026-01-31 or 2026-01-31T08:00:00Z", "--since: %w", err)
	}
	to = now
	if o.Until != "" {
		if to, err = instant(o.Until, now); err != nil {
			return from, to, invalid("7d, 36h, 2026-01-31 or 2026-01-31T08:00:00Z", "--until: %w", err)
		}
	}
	if !from.Before(to) {
		return from, to, invalid("", "--since %s is not before --until %s", cmp.Or(o.Since, "now"), cmp.Or(o.Until, "now"))
	}
	return from, to, nil
}

// instant reads how long ago something was, a day or an instant.
func instant(text string, now time.Time) (time.Time, error) {
	days, isDays := strings.CutSuffix(text, "d")
	if n, err := strconv.Atoi(days); err == nil && isDays && n >= 0 && n < 1_000_000 {
		return now.AddDate(0, 0, -n), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a duration nor a time", text)
}

// look reads the trail and joins it with the ledger.
func (o auditOptions) look(ctx context.Context, s *orgShell, wants []routing.Desired) (audit, error) {
	a := audit{Org: s.org, Changes: []ledger.Trace{}}
	var err error
	if a.From, a.To, err = o.span(s.now()); err != nil {
		return a, err
	}
	a.From, a.To = a.From.UTC().Truncate(time.Millisecond), a.To.UTC().Truncate(time.Millisecond)
	if oldest := s.now().Add(-auditYear); a.From.Before(oldest) {
		s.say("the platform keeps its trail for a year: from %s on", oldest.UTC().Format(time.DateOnly))
		a.From = oldest
	}
	runs, err := s.ledger.Runs(ctx)
	if err != nil {
		return a, err
	}
	p := s.progress("reading the audit trail")
	defer p.end()
	ctx = genesys.WithLane(ctx, genesys.Report)
	objects, err := o.objects(ctx, s, wants, ledger.Managed(runs, a.From, a.To))
	if err != nil {
		return a, err
	}
	to := a.To
	if o.Until == "" {
		to = to.Add(time.Minute) // clocks differ a little
	}
	if a.Changes, err = tracesOf(ctx, s, objects, runs, a.From, to); err != nil {
		return a, err
	}
	if err := o.addApprovals(ctx, s, wants, runs, &a); err != nil {
		return a, err
	}
	return a, ctx.Err()
}

// tracesOf are the changes of objects, oldest first: what the platform's trail has,
// and what runs did that it does not show yet.
func tracesOf(ctx context.Context, s *orgShell, objects *ledger.Objects, runs []apply.Record, from, to time.Time) ([]ledger.Trace, error) {
	records, err := records(ctx, s, objects.List, from, to)
	if err != nil {
		return nil, fmt.Errorf("read the platform's audit trail: %w", err)
	}
	set, err := s.settings()
	if err != nil {
		return nil, err
	}
	traces := ledger.Join(records, runs, set.text("clientId"))
	traces = append(traces, ledger.Untold(traces, runs, from, to)...)
	slices.SortStableFunc(traces, func(a, b ledger.Trace) int { return a.At.Compare(b.At) })
	out := []ledger.Trace{}
	for _, t := range traces {
		if x, managed := objects.Find(t.Type, t.Object); managed {
			t.Strategy, t.Object.Name = cmp.Or(t.Strategy, x.Strategy), cmp.Or(t.Object.Name, x.Name)
			out = append(out, t)
		}
	}
	nameMembers(ctx, s, out, runs)
	return out, nil
}

// addApprovals adds who approved plans of the strategies; of an object there is
// none.
func (o auditOptions) addApprovals(ctx context.Context, s *orgShell, wants []routing.Desired, runs []apply.Record, to *audit) error {
	if o.Object != "" {
		return nil
	}
	all, err := s.ledger.Approvals(ctx, runs, s.now())
	if err != nil {
		return err
	}
	for _, t := range ledger.Approving(all, to.From, to.To) {
		if len(wants) == 0 || slices.ContainsFunc(wants, func(w routing.Desired) bool { return w.Strategy == t.Strategy }) {
			to.Changes = append(to.Changes, t)
		}
	}
	slices.SortStableFunc(to.Changes, func(a, b ledger.Trace) int { return a.At.Compare(b.At) })
	return nil
}

// objects are those that the audit is about: the managed ones, or those of the
// strategies of the files with what the files name.
func (o auditOptions) objects(ctx context.Context, s *orgShell, wants []routing.Desired, managed *ledger.Objects) (*ledger.Objects, error) {
	if len(wants) > 0 {
		managed.Keep(func(x ledger.Object) bool {
			return slices.ContainsFunc(wants, func(w routing.Desired) bool { return w.Strategy == x.Strategy })
		})
		if err := addNamed(ctx, s, wants, managed); err != nil {
			return nil, err
		}
	}
	if len(managed.List) == 0 {
		s.say("no strategy owns anything in %s yet; name strategy files, and what they name is looked at", s.org)
	}
	if o.Object == "" {
		return managed, nil
	}
	var names []string
	for _, x := range managed.List {
		names = append(names, x.String())
	}
	managed.Keep(func(x ledger.Object) bool { return x.ID == o.Object || strings.EqualFold(x.Name, o.Object) })
	if len(managed.List) == 0 {
		slices.Sort(names)
		return nil, invalid(nearest.Hint(o.Object, slices.Compact(names), '"'), "no strategy owns a queue, address or agent named %q", o.Object)
	}
	return managed, nil
}

// addNamed adds the queues and email routes that strategies name.
func addNamed(ctx context.Context, s *orgShell, wants []routing.Desired, to *ledger.Objects) error {
	var scope genesys.Scope
	for _, w := range wants {
		scope.Queues = append(scope.Queues, w.Queue.Name)
		for _, r := range w.Routes {
			scope.Addresses = append(scope.Addresses, r.Address)
		}
	}
	org, err := s.client.ReadOrg(ctx, scope)
	if err != nil {
		return err
	}
	for _, w := range wants {
		for _, q := range org.Queues {
			if q.Name == w.Queue.Name {
				to.Add(plan.Queue, q.Ref, w.Strategy)
			}
		}
		for _, r := range w.Routes {
			for _, have := range org.Routes {
				if have.Address == r.Address {
					to.Add(plan.Route, routing.Ref{ID: have.ID, Name: r.Address.String()}, w.Strategy)
				}
			}
		}
	}
	return nil
}

// records are the platform's records of objects: a query for each type, of a
// single object for that alone.
func records(ctx context.Context, s *orgShell, objects []ledger.Object, from, to time.Time) ([]genesys.AuditRecord, error) {
	queries := map[string]*genesys.AuditQuery{}
	for _, x := range objects {
		if q := queries[x.Type]; q != nil {
			q.EntityID = ""
			continue
		}
		queries[x.Type] = &genesys.AuditQuery{From: from, To: to, Service: x.Service, EntityType: x.Type, EntityID: x.ID}
	}
	var out []genesys.AuditRecord
	for _, entityType := range slices.Sorted(maps.Keys(queries)) {
		rows, err := auditRows(ctx, s, *queries[entityType])
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// auditRows asks for recent records at once, and for others, or where the
// platform does not have a service that way, by a query that runs.
func auditRows(ctx context.Context, s *orgShell, q genesys.AuditQuery) ([]genesys.AuditRecord, error) {
	if q.From.After(s.now().Add(time.Hour - auditWindow)) {
		rows, err := collect(s.client.AuditsRealtime(ctx, q))
		if api, ok := errors.AsType[*genesys.APIError](err); !ok || api.Status != http.StatusBadRequest {
			return rows, err
		}
	}
	return collect(s.client.Audits(ctx, q))
}

func collect[T any](items iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for v, err := range items {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// nameMembers gives agents their names in changes of members: those that runs
// know, and those that the platform tells. Others keep their ids.
func nameMembers(ctx context.Context, s *orgShell, traces []ledger.Trace, runs []apply.Record) {
	names := map[string]string{}
	for _, run := range runs {
		for _, phase := range run.Phases {
			for _, c := range phase.Plan.Changes {
				if c.Members != nil {
					for _, a := range c.Members.Agents {
						names[a.ID] = a.Name
					}
				}
			}
		}
	}
	var unknown []string
	for _, t := range traces {
		ledger.Named(t.Changes, func(id string) string {
			if names[id] == "" && !slices.Contains(unknown, id) {
				unknown = append(unknown, id)
			}
			return id
		})
	}
	more, err := s.client.Names(ctx, unknown)
	if err != nil {
		s.say("agents are shown by their ids: %v", err)
	}
	for i := range traces {
		traces[i].Changes = ledger.Named(traces[i].Changes, func(id string) string { return cmp.Or(names[id], more[id], id) })
	}
}

// auditTypes are the platform's types in words.
var auditTypes = map[string]string{"Queue": "queue", "InboundRoute": "email route", "AgentRoutingInfo": "agent", ledger.PlanType: "plan"}

// auditText is for people, 80 columns wide.
func auditText(w io.Writer, p paint, a audit) error {
	for _, t := range a.Changes {
		fmt.Fprintf(w, "%s  %s\n", t.At.UTC().Format("2006-01-02 15:04:05 UTC"), p.bold(sheet.Plain(auditHead(t))))
		who := "by " + auditActor(t)
		switch {
		case t.Type == ledger.PlanType:
			who += " (strategy " + t.Strategy + ")"
		case t.OutOfBand:
			who = outOfBand + " " + who
			if t.Strategy != "" {
				who += " (strategy " + t.Strategy + ")"
			}
		case t.Untold && a.To.Sub(t.At) < 24*time.Hour:
			who += "; not in the platform's trail yet"
		case t.Untold:
			who += "; not in the platform's trail"
		}
		fmt.Fprint(w, strings.Replace(wrapped(who), outOfBand, p.yellow(outOfBand), 1))
		for _, c := range t.Changes {
			fmt.Fprint(w, wrapped(auditChange(t, c)))
		}
	}
	if len(a.Changes) > 0 {
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintln(w, a.summary())
	return err
}

// summary counts what was found.
func (a audit) summary() string {
	strange, counts := 0, map[string]int{}
	for _, t := range a.Changes {
		counts[cmp.Or(map[string]string{"Approve": "approval", "Withdraw": "withdrawal"}[t.Action], "change")]++
		if t.OutOfBand && t.Type != ledger.PlanType {
			strange++
		}
	}
	const form = "2006-01-02 15:04 UTC"
	parts := []string{phrase.Count(counts["change"], "change")}
	for _, what := range []string{"approval", "withdrawal"} {
		if counts[what] > 0 {
			parts = append(parts, phrase.Count(counts[what], what))
		}
	}
	return fmt.Sprintf("%s from %s to %s, %d out of band.", strings.Join(parts, ", "), a.From.UTC().Format(form), a.To.UTC().Format(form), strange)
}

const outOfBand = "out of band"

// auditActor says who made a change.
func auditActor(t ledger.Trace) string {
	switch {
	case t.Run != "":
		return fmt.Sprintf("Foresort: run %s of strategy %s, plan %.8s", t.Run, t.Strategy, strings.TrimPrefix(t.Plan, "sha256:"))
	case t.By.Kind == relay.Foresort:
		return fmt.Sprintf("Foresort's client %s, in no run of this ledger", t.By.Ref)
	case t.By.Kind == relay.Client:
		return "client " + t.By.String()
	case t.By.Kind == relay.Person:
		return t.By.String()
	}
	return "someone whom the trail does not name"
}

// auditHead says what was done to what.
func auditHead(t ledger.Trace) string {
	failed := ""
	if t.Status != "" && t.Status != "SUCCESS" {
		failed = " (" + t.Status + ")"
	}
	return fmt.Sprintf("%s %s %s%s", cmp.Or(verbs[t.Action], t.Action), cmp.Or(auditTypes[t.Type], t.Type), t.Object, failed)
}

// auditChange is one property of a change.
func auditChange(t ledger.Trace, c genesys.AuditChange) string {
	text := auditValue(c.OldValues) + " -> " + auditValue(c.NewValues)
	if t.Type == ledger.PlanType {
		text = auditValue(c.NewValues)
	}
	return c.Property + ": " + text
}

func auditValue(values []string) string { return cmp.Or(strings.Join(values, ", "), "none") }

// wrapped are words below a heading.
func wrapped(text string) string {
	return "    " + strings.Join(sheet.Wrap(sheet.Plain(text), 4, 6), "\n      ") + "\n"
}
