package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// need is what one command calls.
type need struct {
	command string
	calls   []genesys.OperationID
	surely  bool
}

// needsOf lists the operations of every command that talks to the platform, for
// a strategy. With a plan at hand what it changes, and what would put that back,
// is known; nil: it is what the strategy may come to. The file is added to the
// commands that take one.
func needsOf(want routing.Desired, made *plan.Plan, file string) []need {
	calls := genesys.Needs(want)
	reads := slices.DeleteFunc(slices.Clone(calls), func(id genesys.OperationID) bool {
		op, known := genesys.Lookup(id)
		return known && !op.Safe
	})
	var undo []genesys.OperationID
	if made != nil {
		calls = append(calls, callsOf(*made)...)
		var done []plan.Done
		for _, c := range made.Changes {
			done = append(done, plan.Done{Change: c})
		}
		undo = callsOf(plan.Reverse(*made, "", done))
	} else {
		if len(want.Routes) > 0 {
			undo = append(undo, genesys.DeleteRoutingEmailDomainRoute)
		}
		if want.Queue.Create {
			undo = append(undo, genesys.DeleteRoutingQueue)
		}
	}
	return []need{
		{"plan" + file, reads, true},
		{"apply" + file, calls, true},
		{"rollback" + file, append(undo, calls...), false},
		{liveCommand + file, genesys.NeedsLive(want), false},
		{"autopilot", genesys.NeedsAutopilot(), false},
		{"report", genesys.NeedsReport(), false},
	}
}

// writes are the operations by which changes are made.
var writes = map[plan.Kind]map[plan.Verb]genesys.OperationID{
	plan.Queue: {
		plan.Create: genesys.PostRoutingQueues, plan.Update: genesys.PutRoutingQueue, plan.Delete: genesys.DeleteRoutingQueue,
	},
	plan.Route: {
		plan.Create: genesys.PostRoutingEmailDomainRoutes, plan.Update: genesys.PutRoutingEmailDomainRoute, plan.Delete: genesys.DeleteRoutingEmailDomainRoute,
	},
	plan.Member: {
		plan.Join: genesys.PostRoutingQueueMembers, plan.Leave: genesys.PostRoutingQueueMembers, plan.Move: genesys.PatchRoutingQueueMember,
	},
	plan.Utilization: {
		plan.Create: genesys.PutRoutingUserUtilization, plan.Update: genesys.PutRoutingUserUtilization, plan.Delete: genesys.DeleteRoutingUserUtilization,
	},
}

// callsOf lists the operations by which a plan is carried out.
func callsOf(p plan.Plan) (calls []genesys.OperationID) {
	for _, c := range p.Changes {
		if id := writes[c.Kind][c.Verb]; !slices.Contains(calls, id) {
			calls = append(calls, id)
		}
	}
	return calls
}

// without says what a check does not know where it may not call an operation
// that it can do without.
var without = map[genesys.OperationID]string{
	genesys.GetWorkforcemanagementBusinessunits:                     "the schedules are unknown",
	genesys.GetWorkforcemanagementBusinessunitUsers:                 "some schedules are unknown",
	genesys.PostWorkforcemanagementBusinessunitAgentschedulesSearch: "the schedules are unknown",
	genesys.PostAnalyticsUsersObservationsQuery:                     "in how many queues the agents are active is unknown",
	genesys.PostAnalyticsQueuesObservationsQuery:                    "how much email waits is unknown",
	genesys.PostAnalyticsConversationsAggregatesQuery:               "how much email comes in is unknown",
}

// lacking names every missing permission once, with the commands that lack it.
func lacking(needs []need, have []genesys.Permission) []coverage.Lack {
	var missing []coverage.Lack
	for _, n := range needs {
		for _, lack := range genesys.Missing(n.calls, have) {
			names := make([]string, len(lack.Missing))
			for i, p := range lack.Missing {
				names[i] = string(p)
			}
			join := " and "
			if lack.Operation.Mode == "any" {
				join = " or "
			}
			name := strings.Join(names, join)
			i := slices.IndexFunc(missing, func(l coverage.Lack) bool { return l.Permission == name })
			if i < 0 {
				i, missing = len(missing), append(missing, coverage.Lack{Permission: name})
			}
			missing[i].Surely = missing[i].Surely || n.surely
			if strings.HasPrefix(n.command, liveCommand) && missing[i].Without == "" {
				missing[i].Without = without[lack.Operation.ID]
			}
			if !slices.Contains(missing[i].For, n.command) {
				missing[i].For = append(missing[i].For, n.command)
			}
		}
	}
	return missing
}

// refused adds to the error of a read that was refused all that the client
// lacks: the platform names only what that read lacked.
func (o planning) refused(ctx context.Context, s *orgShell, wants []routing.Desired, err error) error {
	if !errors.Is(err, genesys.ErrForbidden) {
		return err
	}
	have, unknown := s.client.Permissions(ctx)
	if unknown != nil {
		return err
	}
	var needs []need
	for _, want := range wants {
		for _, n := range needsOf(want, nil, "") {
			if n.surely || n.command == "rollback" || o.Live && n.command == liveCommand {
				needs = append(needs, n)
			}
		}
	}
	var words []string
	for _, l := range lacking(needs, have) {
		words = append(words, fmt.Sprintf("%s (needed by %s)", l.Permission, phrase.List(l.For)))
	}
	if len(words) == 0 {
		return err
	}
	return fmt.Errorf("%w; all that is missing: %s", err, strings.Join(words, ", "))
}
