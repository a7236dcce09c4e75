package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/measure"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// liveOptions are what commands that check people and shifts have in common.
type liveOptions struct {
	Live, Overrides bool
}

func (o *liveOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.Live, "live", false, "check the people, skills, shifts and capacity that shall serve it")
	cmd.Flags().BoolVar(&o.Overrides, "overrides", false, "with --live: read each agent's own utilization, one request for each")
}

func (o liveOptions) check() error {
	if o.Overrides && !o.Live {
		return invalid("add --live", "--overrides is for --live")
	}
	return nil
}

const liveCommand = "validate --live"

// The email that is looked at: whole weeks up to the last half hour that can be
// complete.
const (
	volumeWeeks = 4
	volumeEvery = 30 * time.Minute
	volumeLag   = 30 * time.Minute
)

// liveCheck is a check of people and shifts under way.
type liveCheck struct {
	liveOptions
	now  time.Time // by the platform's clock
	have []genesys.Permission
	// planning says that the check goes with a plan, which can do without it.
	planning bool
	wants    []routing.Desired // that are checked together
}

// begin finds out what the client may do, before anything else is read.
func (o liveOptions) begin(ctx context.Context, s *orgShell, wants []routing.Desired) (*liveCheck, error) {
	have, err := s.client.Permissions(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the permissions of the client: %w", err)
	}
	return &liveCheck{liveOptions: o, now: s.now(), have: have, wants: wants}, nil
}

// lacks are the permissions that the client does not have for a strategy, and
// for the plan that was made of it; nil: none was.
func (l *liveCheck) lacks(want routing.Desired, made *plan.Plan) []coverage.Lack {
	needs := needsOf(want, made, "")
	for i := range needs {
		asked := needs[i].command == liveCommand || needs[i].command == "autopilot" && want.Adjust != nil && want.Adjust.Mode == routing.AdjustAct
		needs[i].surely = needs[i].surely || asked && !l.planning
	}
	return lacking(needs, l.have)
}

// scope adds to what planning reads what the check reads.
func (l *liveCheck) scope(scope genesys.Scope, wants []routing.Desired) genesys.Scope {
	scope.Ratings, scope.OrgCapacity, scope.Shared = true, true, true
	from := l.now.Truncate(coverage.Cell)
	scope.Roster = routing.Span{From: from, To: from.Add(coverage.Cells * coverage.Cell)}
	scope.GroupsOf = map[string][][]string{}
	for _, want := range wants {
		scope.MembersOf = append(scope.MembersOf, want.Queue.Name)
		if want.Members != nil {
			scope.Replaced = append(scope.Replaced, want.Queue.Name)
		}
		scope.GroupsOf[want.Queue.Name] = genesys.GroupsByRing(want.Queue.Settings)
	}
	return scope
}

// look gathers what one strategy, of which a plan was made, is checked against,
// beside the org that was read.
func (l *liveCheck) look(ctx context.Context, s *orgShell, want routing.Desired, made plan.Plan, org routing.Org, runs []apply.Record) (coverage.Input, error) {
	if l.Overrides && (want.Capacity == nil || want.Capacity.Email == nil) {
		var last time.Time
		for _, r := range runs {
			if r.Last.After(last) {
				last = r.Last
			}
		}
		if err := s.overrides(ctx, &org, want, last); err != nil {
			return coverage.Input{}, err
		}
	}
	in := coverage.Input{Want: plan.Stand(want, org).After, Org: org, Lacks: l.lacks(want, &made), Now: l.now}
	if org.Roster != nil && org.Roster.None { // nobody can give a permission of what is not there
		in.Lacks = slices.DeleteFunc(in.Lacks, func(x coverage.Lack) bool { return strings.HasPrefix(x.Permission, "wfm:") })
	}
	queueID := ""
	if i := slices.IndexFunc(org.Queues, func(q routing.Queue) bool { return q.Name == want.Queue.Name }); i >= 0 {
		queueID = org.Queues[i].ID
	}
	come, leave := l.moves(queueID, made, want, org)
	if queueID == "" && len(come) == 0 {
		in.VolumeUnknown = "the queue is not there yet"
		return in, nil
	}
	volume, err := l.volume(ctx, s.client, queueID, come)
	if err == nil {
		for _, address := range leave {
			maps.DeleteFunc(volume.By, func(a string, _ *measure.Counts) bool { return strings.EqualFold(a, address) })
		}
		in.Volume, in.Waiting = &volume, new(0)
		if queueID != "" {
			var unread error
			if *in.Waiting, unread = s.client.Waiting(ctx, queueID); unread != nil {
				in.Waiting = nil
			}
		}
	}
	if ctx.Err() != nil {
		return in, ctx.Err()
	}
	if err != nil {
		in.VolumeUnknown = err.Error()
	}
	return in, nil
}

// moves are the addresses whose email the plan brings to a queue, and those whose
// email it, or that of another strategy, takes from there. What is released
// stays.
func (l *liveCheck) moves(queueID string, made plan.Plan, want routing.Desired, org routing.Org) (come, leave []string) {
	here := map[routing.Address]bool{}
	for _, r := range org.Routes {
		here[r.Address] = r.Flow == nil && r.Settings.Queue != nil && r.Settings.Queue.ID == queueID
	}
	for _, r := range want.Routes {
		if !here[r.Address] {
			come = append(come, r.Address.String())
		}
	}
	for _, c := range made.Changes {
		if c.Kind == plan.Route && c.Verb == plan.Delete {
			leave = append(leave, c.Object.Name)
		}
	}
	for _, other := range l.wants {
		for _, r := range other.Routes {
			if here[r.Address] && other.Queue.Name != want.Queue.Name {
				leave = append(leave, r.Address.String())
			}
		}
	}
	return come, leave
}

// volume reads the email of a queue, and of addresses whatever queue it went to.
func (l *liveCheck) volume(ctx context.Context, client *genesys.Client, queueID string, addresses []string) (measure.Volume, error) {
	to := l.now.Add(-volumeLag).Truncate(volumeEvery)
	span := routing.Span{From: to.Add(-volumeWeeks * 7 * 24 * time.Hour), To: to}
	by := []string{"addressTo"}
	var queues []string
	if queueID != "" {
		queues = []string{queueID}
	}
	if len(addresses) > 0 {
		by = append(by, "queueId")
	}
	rows, err := client.Aggregates(ctx, genesys.AggregatesQuery{
		From: span.From, To: span.To, Every: volumeEvery, QueueIDs: queues, Addresses: addresses, GroupBy: by, Metrics: []string{"nOffered", "tAnswered"},
		Views: []genesys.MetricView{{Name: measure.Handling, Metric: "tHandle", Below: measure.MostHandling}},
	})
	if err != nil {
		return measure.Volume{}, fmt.Errorf("read the email of %d weeks: %w", volumeWeeks, err)
	}
	return measure.NewVolume(rows, span, volumeEvery)
}

// validateLive checks a strategy without a mistake against the organisation.
// What keeps it from being planned is a problem: with a name that the organisation
// does not have nothing is checked.
func (o liveOptions) validateLive(ctx context.Context, s *orgShell, file string, want routing.Desired, all []routing.Desired) (*coverage.Report, strategy.Problems, error) {
	p := s.progress("looking at people and shifts")
	defer p.end()
	l, err := o.begin(ctx, s, all)
	if err != nil {
		return nil, nil, err
	}
	runs, err := s.ledger.Runs(ctx)
	if err != nil {
		return nil, nil, err
	}
	scope := genesys.ScopeOf(want)
	skills, languages := scope.Skills, scope.Languages
	scope.Skills, scope.Languages = false, false // most names are known from the agents who have them
	scope.SkillGroups = len(slices.Concat(genesys.GroupsByRing(want.Queue.Settings)...)) > 0
	scope.CapacityOf = nil // what the file owns is what counts
	for _, other := range all {
		for _, r := range other.Routes { // email that another file takes away is not expected here
			scope.Addresses = append(scope.Addresses, r.Address)
		}
	}
	slices.SortFunc(scope.Addresses, func(a, b routing.Address) int { return strings.Compare(a.String(), b.String()) })
	scope.Addresses = slices.Compact(scope.Addresses)
	scope = l.scope(scope, []routing.Desired{want})
	org, err := s.client.ReadOrg(ctx, scope)
	if lacks := l.lacks(want, nil); errors.Is(err, genesys.ErrForbidden) && slices.ContainsFunc(lacks, func(x coverage.Lack) bool { return slices.Contains(x.For, liveCommand) }) {
		return &coverage.Report{Queue: want.Queue.Name, Span: scope.Roster, Findings: coverage.Lacking(lacks), Rules: []coverage.Rule{}}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := completeNames(ctx, s.client, &org, want, skills, languages); err != nil {
		return nil, nil, err
	}
	made, found := plan.Build(want, org, ledger.Memory(runs))
	problems := s.placed(file, found)
	if !addressesAlone(found) {
		return nil, problems, nil
	}
	in, err := l.look(ctx, s, want, made, org, runs)
	if err != nil {
		return nil, problems, err
	}
	r := coverage.Check(in)
	return &r, problems, nil
}

// addressesAlone says that what keeps a strategy from being planned is where mail
// of addresses goes, such as to a flow. Who can serve the queue, and what that
// means for its mail, is told all the same.
func addressesAlone(found plan.Problems) bool {
	return !slices.ContainsFunc(found, func(p *plan.Problem) bool {
		return !strings.HasPrefix(p.Field, "routes[") || !strings.HasSuffix(p.Field, "]")
	})
}

// completeNames fills in the skills and languages that the strategy names: from
// the ratings of agents, and only where one is not among these from the lists.
func completeNames(ctx context.Context, client *genesys.Client, org *routing.Org, want routing.Desired, skills, languages bool) error {
	named := func(refs []routing.Ref, have []routing.Ref) bool {
		return !slices.ContainsFunc(refs, func(r routing.Ref) bool {
			return r != (routing.Ref{}) && !slices.ContainsFunc(have, func(h routing.Ref) bool { return h.Name == r.Name })
		})
	}
	for _, r := range org.Ratings {
		for _, x := range r.Skills {
			org.Skills = addRef(org.Skills, x.Ref)
		}
		for _, x := range r.Languages {
			org.Languages = addRef(org.Languages, x.Ref)
		}
	}
	var wantSkills, wantLanguages []routing.Ref
	for _, r := range want.Rules {
		if r.Skills != nil {
			wantSkills = append(wantSkills, *r.Skills...)
		}
		if r.Language != nil {
			wantLanguages = append(wantLanguages, *r.Language)
		}
	}
	if want.Queue.Settings.Rings != nil {
		for _, r := range *want.Queue.Settings.Rings {
			wantSkills = append(wantSkills, r.Drop...)
		}
	}
	more := genesys.Scope{Skills: skills && !named(wantSkills, org.Skills), Languages: languages && !named(wantLanguages, org.Languages)}
	if !more.Skills && !more.Languages {
		return nil
	}
	lists, err := client.ReadOrg(ctx, more)
	if err != nil {
		return err
	}
	if more.Skills {
		org.Skills = lists.Skills
	}
	if more.Languages {
		org.Languages = lists.Languages
	}
	return nil
}

func addRef(refs []routing.Ref, r routing.Ref) []routing.Ref {
	if slices.ContainsFunc(refs, func(have routing.Ref) bool { return have.ID == r.ID }) {
		return refs
	}
	return append(refs, r)
}
