package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/examples"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/daemon"
	"github.com/foresort/foresort/internal/forecast"
	"github.com/foresort/foresort/internal/jobs"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/rehearsal"
	"github.com/foresort/foresort/internal/staffing"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/strategy"
)

func demoCommand(s *shell) *cobra.Command {
	var o outputs
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: groupAid,
		Short:   "see it work, with no account and no network",
		Long: `Demo starts the sandbox inside this process, predicts what the example strategy does
to a week of email, deploys it, waits until it is active, lets it adjust to a day with a
surge, finds out who changed it behind Foresort's back, tells another system of it, and puts
everything back. Every line tells what was really read back. Nothing is left behind but the
page that --html asks for.`,
		Example: `  foresort demo
  foresort demo --html surge.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.checkFiles(); err != nil {
				return err
			}
			return runDemo(cmd.Context(), s, o)
		},
	}
	cmd.Flags().StringVar(&o.HTML, "html", "", "write the day with a surge to an HTML `file`, with plots")
	cmd.Flags().BoolVar(&o.Force, "force", false, "overwrite this file")
	return cmd
}

// The cast of the demo, in the sandbox's organisation.
const (
	demoFile   = "support.yaml"
	demoWeek   = "scenario.yaml"
	demoPerson = "Sam Whitaker" // the administrator
)

// demo is one showing.
type demo struct {
	narration
	server  *sandbox.Server
	client  *genesys.Client
	o       *orgShell
	want    routing.Desired
	before  routing.Org // as it was
	planned plan.Plan
	first   string // the run of the first apply
	out     outputs
}

func runDemo(ctx context.Context, s *shell, out outputs) error {
	state, err := os.MkdirTemp("", "foresort-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	db, err := store.Open(ctx, filepath.Join(state, "demo.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	d := &demo{narration: narration{shell: s}, out: out, o: &orgShell{shell: s, store: db, state: state}}
	s.standing = "the demo changes nothing outside this process"
	start := time.Now()
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Start an organisation that answers like Genesys Cloud", d.open},
		{"Check the strategy file, and who can serve it", d.check},
		{"Read the queue as it is now", d.look},
		{"Plan: what would change", d.plan},
		{"Simulate: what that would do to a week of email", d.foresee},
		{"Apply, and wait until it is active", d.deploy},
		{"Plan again: nothing is left to do", d.planNothing},
		{"Adjust: a day with a surge, without and with it", d.adjust},
		{"Someone changes a setting behind our back, and another system hears of it", d.meddle},
		{"Plan shows the drift, and who did it", d.drift},
		{"Apply puts it right", d.repair},
		{"Roll back the first run", d.rollback},
		{"The record proves itself", d.prove},
	} {
		d.begin(step.title)
		err := step.do(ctx)
		d.end()
		if err != nil {
			return fmt.Errorf("%s: %w", d.where(), err)
		}
	}
	defer d.client.Close()
	defer d.server.Close()
	return s.print(map[string]any{"steps": d.steps, "requests": len(d.server.Requests())}, func(w io.Writer, p paint) error {
		_, err := fmt.Fprintf(w, "\n%s %d steps, %d requests to the sandbox, %s.\nThe same commands run on your organisation: foresort --help\n",
			p.green("Demo complete."), len(d.steps), len(d.server.Requests()), time.Since(start).Round(100*time.Millisecond))
		return err
	})
}

func (d *demo) open(ctx context.Context) error {
	d.server = sandbox.New(sandbox.Options{
		ActivationDelay: time.Second, ReplicationDelay: 500 * time.Millisecond,
		Traffic: sandbox.SeedTraffic(), History: 35 * 24 * time.Hour, RateLimit: -1,
	})
	base, err := d.server.Start("127.0.0.1:0") //nolint:contextcheck // it ends with the demo
	if err != nil {
		return err
	}
	d.client, err = genesys.New(genesys.Config{
		Gateway: base, Logger: d.logger(), Version: version().Version, PerMinute: 6000,
		ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret,
	})
	if err != nil {
		return err
	}
	org, err := d.client.ReadOrg(ctx, genesys.Scope{Everything: true})
	if err != nil {
		return err
	}
	d.o.client, d.o.org, d.o.ledger = d.client, org.Ref, ledger.New(d.o.store, org.ID)
	agents := 0
	for _, err := range d.client.Agents(ctx) {
		if err != nil {
			return err
		}
		agents++
	}
	d.tell("%s: %d queues, %d email addresses, %d users, %d skills", org.Name, len(org.Queues), len(org.Routes), agents, len(org.Skills))
	return nil
}

func (d *demo) check(ctx context.Context) error {
	src, err := examples.Files.ReadFile(demoFile)
	if err != nil {
		return err
	}
	st, problems := strategy.Parse("examples/"+demoFile, src)
	if err := problems.Err(); err != nil {
		return err
	}
	d.want = st.Desired()
	d.tell("examples/%s: %s, %s, %s passed", demoFile, phrase.Count(len(st.Rules), "rule"), phrase.Count(len(d.want.Routes), "address"), phrase.Count(len(st.Tests), "test"))
	report, found, err := liveOptions{Live: true}.validateLive(ctx, d.o, "examples/"+demoFile, d.want, nil)
	if err != nil {
		return err
	}
	if err := found.Err(); err != nil {
		return err
	}
	report.Rules = report.Rules[:1] // one map shows what it is
	var text strings.Builder
	style := staffingStyle(d.outPaint)
	style.Margin = len(stepIndent)
	if err := staffing.Text(&text, *report, style, false); err != nil {
		return err
	}
	d.tellAll(text.String())
	return nil
}

// read reads what the strategy is about, with reads that no longer lag.
func (d *demo) read(ctx context.Context) (routing.Org, error) {
	return d.client.ReadOrg(ctx, genesys.ScopeOf(d.want))
}

func (d *demo) look(ctx context.Context) (err error) {
	if d.before, err = d.read(ctx); err != nil {
		return err
	}
	d.show(d.before)
	return nil
}

// show tells what was read of everything that the strategy owns.
func (d *demo) show(org routing.Org) {
	for _, q := range org.Queues {
		if q.Name == d.want.Queue.Name {
			d.tell("queue %s, %s", q.Name, phrase.Count(q.MemberCount, "member"))
			for _, f := range routing.Owned(d.want.Queue.Settings) {
				d.tell("  %-13s %s", f, routing.Text(q.Settings, f))
			}
		}
	}
	for _, want := range d.want.Routes {
		i := slices.IndexFunc(org.Routes, func(r routing.EmailRoute) bool { return r.Address == want.Address })
		if i < 0 {
			d.tell("address %s: not there", want.Address)
			continue
		}
		r := org.Routes[i]
		d.tell("address %s, %s: to %s, priority %s, skills %s, language %s", r.Address, r.Status, routing.Text(r.Settings, "queue"),
			routing.Text(r.Settings, "priority"), routing.Text(r.Settings, "skills"), routing.Text(r.Settings, "language"))
	}
}

func (d *demo) build(ctx context.Context) (plan.Plan, error) {
	org, err := d.read(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	runs, err := d.o.ledger.Runs(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	p, problems := plan.Build(d.want, org, ledger.Memory(runs))
	if err := problems.Err(); err != nil {
		return plan.Plan{}, err
	}
	blame(ctx, d.client, &p)
	p.Made = time.Now().UTC().Truncate(time.Millisecond)
	d.planned = p.Seal()
	return d.planned, nil
}

func (d *demo) plan(ctx context.Context) error {
	p, err := d.build(ctx)
	if err != nil {
		return err
	}
	if len(p.Changes) == 0 {
		return errors.New("the plan is empty, and there is much to do")
	}
	return d.printPlan(p)
}

func (d *demo) foresee(ctx context.Context) error {
	src, err := examples.Files.ReadFile(demoWeek)
	if err != nil {
		return err
	}
	sc, problems := scenario.Parse("examples/"+demoWeek, src, nil)
	if err := problems.Err(); err != nil {
		return err
	}
	org, err := d.read(ctx)
	if err != nil {
		return err
	}
	o := planOptions{Simulate: "examples/" + demoWeek, batchOptions: batchOptions{Replications: 100, Seed: 1}}
	seen, err := o.foresee(ctx, d.shell, plan.Stand(d.want, org), sc)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := seen.text(&text, paint{}); err != nil {
		return err
	}
	d.tellAll(text.String())
	return nil
}

// carry carries something out in a run of its own.
func (d *demo) carry(ctx context.Context, do func(apply.Options) (apply.Report, error)) (string, error) {
	run, err := d.o.ledger.Start(ctx)
	if err != nil {
		return "", err
	}
	deleted := map[routing.Ref]bool{}
	_, err = do(apply.Options{
		Plan: d.planned, Platform: apply.On(d.client), Journal: run, Run: run.ID,
		Wait: apply.Wait{Every: 200 * time.Millisecond, Jitter: 50 * time.Millisecond},
		Event: func(e apply.Event) {
			switch e.Kind {
			case apply.Started, apply.Looking:
			case apply.Finished:
				d.tell("%-10s %s", e.Result.Outcome, e.Change.Headline())
				deleted[e.Change.Object] = e.Change.Verb == plan.Delete
			case apply.Seen:
				seen := "active"
				if deleted[e.Object] {
					seen = "gone"
				}
				d.tell("%-10s %s, after %s", seen, e.Object, short(e.Waited))
			}
		},
	})
	return run.ID, err
}

func (d *demo) deploy(ctx context.Context) (err error) {
	d.first, err = d.carry(ctx, func(o apply.Options) (apply.Report, error) { return apply.Run(ctx, o) })
	if err != nil {
		return err
	}
	d.tell("%s", apply.ActivatedText)
	org, err := d.read(ctx)
	if err != nil {
		return err
	}
	d.tell("read back:")
	d.show(org)
	return nil
}

func (d *demo) planNothing(ctx context.Context) error {
	p, err := d.build(ctx)
	if err != nil {
		return err
	}
	if len(p.Changes) > 0 {
		return fmt.Errorf("the second plan is not empty: %s", plan.Summary(p))
	}
	d.tell("%s", plan.Summary(p))
	return nil
}

func (d *demo) adjust(ctx context.Context) error {
	day, err := rehearsal.Example(d.o.state)
	if err != nil {
		return err
	}
	r, err := rehearsal.Run(ctx, day)
	if err != nil {
		return err
	}
	d.tell("In a sandbox of its own, with examples/%s and mode: act", demoFile)
	for _, line := range r.Words() {
		d.tell("%s", line)
	}
	if !r.Act.Restored() {
		return errors.New("the queue is not as it was before the day")
	}
	return d.out.writeOne(d.shell, d.out.HTML, func(w io.Writer) error { return forecast.HTMLCourse(w, r.Course()) })
}

func (d *demo) meddle(ctx context.Context) error {
	heard, stop, err := d.relay(ctx)
	if err != nil {
		return err
	}
	defer stop()
	d.tell("%s sets the service level of %s in the admin page", demoPerson, d.want.Queue.Name)
	start := time.Now()
	if err := d.server.EditQueue(demoPerson, d.want.Queue.Name, func(queue map[string]any) {
		queue["mediaSettings"].(map[string]any)["email"].(map[string]any)["serviceLevel"] = map[string]any{"percentage": 0.6, "durationMs": 28_800_000}
	}); err != nil {
		return err
	}
	select {
	case e := <-heard:
		d.tell("another system got it, signed, %s after the change:", short(e.at.Sub(start)))
		d.tell("  %s of %s by %s, out of band: %t", e.Type, e.Object.Name, e.Actor.Name, e.OutOfBand)
		for _, c := range e.Changes {
			d.tell("  %s: %s -> %s", c.Field, c.Before, c.After)
		}
	case <-time.After(10 * time.Second):
		return errors.New("the other system has not heard of it")
	case <-ctx.Done():
		return ctx.Err()
	}
	// Reads lag and may go to and fro: it is there when three in a row show it.
	for shown := 0; ; {
		org, err := d.read(ctx)
		if err != nil {
			return err
		}
		shown++
		if len(routing.Differs([]routing.Field{"serviceLevel"}, d.want.Queue.Settings, org.Queues[0].Settings)) == 0 {
			shown = 0
		}
		if shown == 3 {
			d.tell("read back: %s", routing.Text(org.Queues[0].Settings, "serviceLevel"))
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil
}

// heard is an event as another system got it, and when.
type heard struct {
	relay.Event
	at time.Time
}

// relay runs the daemon with an endpoint that checks the signature of what it
// gets.
func (d *demo) relay(ctx context.Context) (events chan heard, stop func(), err error) {
	const secret = "a secret of the demo, which nobody else knows"
	key, err := relay.ParseSecret(secret)
	if err != nil {
		return nil, nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	events = make(chan heard, 16)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		e := heard{at: time.Now()}
		if err == nil {
			err = relay.Verifier{Secrets: []relay.Secret{key}, Tolerance: time.Minute}.Verify(r.Header, body, e.at)
		}
		if err == nil {
			err = json.Unmarshal(body, &e.Event)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		events <- e
	})}
	go func() { _ = server.Serve(listener) }()
	want := d.want
	want.Sync = []routing.SyncTarget{{Name: "gateway", URL: "http://" + listener.Addr().String(), Secret: "DEMO_SECRET"}}
	service, err := daemon.New(daemon.Config{
		Client: d.client, ClientID: sandbox.DefaultClientID, Store: d.o.store, Org: d.o.org, Strategies: []routing.Desired{want},
		Getenv: func(string) string { return secret }, Allow: []string{"127.0.0.1"}, Log: d.logger(),
	})
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- service.Run(running) }()
	for !service.Listening() {
		select {
		case <-ctx.Done():
			cancel()
			return nil, nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return events, func() {
		cancel()
		_ = errors.Join(<-done, server.Close())
	}, nil
}

// prove signs the ledger, tells what is in it, and proves it.
func (d *demo) prove(ctx context.Context) error {
	d.o.sign(ctx)
	kinds := map[ledger.Kind]int{}
	for e, err := range d.o.ledger.Entries(ctx, ledger.Filter{}) {
		if err != nil {
			return err
		}
		kinds[e.Kind]++
	}
	v, err := d.o.ledger.Verify(ctx)
	if err != nil {
		return err
	}
	if !v.OK() {
		return errors.New(v.Problem)
	}
	d.tell("%d entries: %d steps of runs, %s of the organisation, %s to another system", v.Entries, kinds[ledger.KindRun], phrase.Count(kinds[daemon.KindChange], "change"), phrase.Count(kinds[jobs.KindDelivered], "delivery"))
	d.tell("every hash fits the entry and the one before; %s agrees, the newest hash is %s…", phrase.Count(v.Checkpoints, "signed checkpoint"), v.Hash[:16])
	return nil
}

func (d *demo) drift(ctx context.Context) error {
	p, err := d.build(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(p.Notes, func(n plan.Note) bool { return n.Kind == plan.NoteDrift && strings.Contains(n.Text, demoPerson) }) {
		return fmt.Errorf("the plan does not say that %s changed the queue", demoPerson)
	}
	return d.printPlan(p)
}

func (d *demo) repair(ctx context.Context) error {
	_, err := d.carry(ctx, func(o apply.Options) (apply.Report, error) { return apply.Run(ctx, o) })
	return err
}

func (d *demo) rollback(ctx context.Context) error {
	runs, err := d.o.ledger.Runs(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(runs, func(r apply.Record) bool { return r.ID == d.first })
	if _, err := d.carry(ctx, func(o apply.Options) (apply.Report, error) { return apply.Rollback(ctx, o, runs[i]) }); err != nil {
		return err
	}
	org, err := d.read(ctx)
	if err != nil {
		return err
	}
	d.tell("read back:")
	d.show(org)
	if differs := routing.Differs(routing.Fields[routing.QueueSettings](), d.before.Queues[0].Settings, org.Queues[0].Settings); len(differs) > 0 {
		return fmt.Errorf("the queue is not as it was: %v", differs)
	}
	d.tell("the queue is as it was before step 6")
	return nil
}
