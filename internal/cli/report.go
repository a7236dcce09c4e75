package cli

import (
	"cmp"
	"context"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
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
