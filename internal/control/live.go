package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/store"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file applies live rules, which no object of the platform holds, to email
// that waits. They are the strategy's own word: no lease, no limits but a budget of
// calls, and nothing is put back. Each email is read once; what a run has changed
// is not changed again, and what somebody else has changed is left alone.

// liveCalls is how many emails are read, and how many are changed, at one look at
// a queue whose strategy says nothing else.
const liveCalls = 30

// liveTries is how often an email is tried that the platform will not change.
const liveTries = 3

const nothingChanged = "nothing is changed by live rules"

// live are the live rules of one strategy, and the email that waits.
type live struct {
	rules  []liveRule
	routes map[string]routing.DesiredRoute // by address
	queue  routing.Queue                   // as it was read last
	emails map[string]*liveEmail           // by conversation
	acts   []Act                           // not told yet
	failed string                          // what could not be done, and was told
}

type liveRule struct {
	routing.Rule
	when *condition.OfEmail
}

// liveEmail is an email that was read.
type liveEmail struct {
	name    string // of its rule; routing.NoRule: it follows none
	rule    int    // of live.rules; -1: no condition holds
	settled bool   // nothing is to be done, or no more
	changed string // that somebody else has changed it, in words; empty: no
}

// newLive compiles the conditions of a strategy; nil: it has none.
func newLive(want routing.Desired) (*live, error) {
	v := &live{routes: map[string]routing.DesiredRoute{}, emails: map[string]*liveEmail{}}
	for _, r := range want.Rules {
		if r.When == "" {
			continue
		}
		when, mistakes := condition.CompileEmail(r.When)
		if mistakes != nil {
			return nil, fmt.Errorf("rule %s: %s", r.Name, mistakes[0].Message)
		}
		v.rules = append(v.rules, liveRule{r, when})
	}
	if v.rules == nil {
		return nil, nil
	}
	for _, r := range want.Routes {
		v.routes[r.Address.String()] = r
	}
	return v, nil
}

// calls is the budget of one look.
func (p *pilot) calls() int { return cmp.Or(p.Limits.Calls, liveCalls) }

// readLive reads the emails of a queue that were not read yet, and notes the rule
// of each.
func (c *Control) readLive(ctx context.Context, p *pilot, s *sight) {
	v := p.live
	if v == nil {
		return
	}
	v.queue = s.queue
	waits, reads := map[string]bool{}, 0
	for i := range s.State.Emails {
		e := &s.State.Emails[i]
		waits[e.ConversationID] = true
		known := v.emails[e.ConversationID]
		if known == nil && reads < p.calls() {
			reads++
			read, err := c.Client.Email(ctx, e.ConversationID)
			if errors.Is(err, genesys.ErrNotFound) || err == nil && !read.Waiting {
				continue // somebody has it
			}
			if v.fails("email that waits could not be read", err) {
				reads = p.calls()
				continue
			}
			known = v.decide(read, e.To)
			v.emails[e.ConversationID] = known
		}
		if known != nil {
			e.Rule = known.name
		}
	}
	if s.State.Complete {
		for id := range v.emails {
			if !waits[id] {
				delete(v.emails, id)
			}
		}
	}
}

// decide finds the rule of an email: the first whose condition is known to hold,
// or that of its address. One that came in by an address of the strategy with
// another priority than the address gives was changed by somebody.
func (v *live) decide(e genesys.Email, to string) *liveEmail {
	route, ours := v.routes[strings.ToLower(to)]
	out := &liveEmail{rule: -1, name: cmp.Or(route.Rule, routing.NoRule), settled: true}
	for i, r := range v.rules {
		if holds, known := r.when.Holds(condition.Email{Subject: e.Subject, From: e.From, Attributes: e.Attributes}); holds && known {
			out.rule, out.name, out.settled = i, r.Name, false
			break
		}
	}
	usual := route.Settings.Priority
	if out.rule < 0 || !ours || usual == nil || *usual == e.Priority {
		return out
	}
	if want := v.rules[out.rule].Priority; want != nil && *want != e.Priority {
		out.changed = fmt.Sprintf("email %s is left alone: it has priority %d, and comes in with %d by %s, so that somebody has changed it", e.ConversationID, e.Priority, *usual, to)
	}
	return out
}

// fails tells what could not be done, once until it can be again.
func (v *live) fails(words string, err error) bool {
	switch {
	case err == nil && v.failed == words:
		v.failed = ""
	case err != nil && v.failed != words:
		v.failed, v.acts = words, append(v.acts, Act{Reason: autopilot.LiveRule, Words: words, Err: err})
	}
	return err != nil
}

// due are the emails whose live rule may ask for something else than they have,
// the longest waiting first. What a run has changed is left as it is.
func (v *live) due(s *routing.QueueState, m memory, limit int) (out []plan.LiveEmail) {
	if v == nil || s == nil || m.stopped {
		return nil
	}
	var done map[string]bool
	for _, e := range s.Emails {
		known := v.emails[e.ConversationID]
		if known == nil || known.settled || len(out) == limit {
			continue
		}
		if done == nil {
			done = m.changed()
		}
		if done[e.ConversationID] || known.changed != "" {
			if known.settled = true; !done[e.ConversationID] {
				v.acts = append(v.acts, Act{Rule: known.name, Reason: autopilot.LiveRule, Words: known.changed})
			}
			continue
		}
		out = append(out, plan.LiveEmail{Email: e, Rule: v.rules[known.rule].Rule})
	}
	return out
}

// changed are the emails that runs have changed, or found changed by somebody, and
// those that cannot be changed.
func (m memory) changed() map[string]bool {
	out, failed := map[string]bool{}, map[string]int{}
	for _, r := range m.runs {
		for _, c := range r.Plan().Changes {
			if c.Kind != plan.Email {
				continue
			}
			_, begun := r.Phases[0].Intents[c.ID]
			switch r.Phases[0].Results[c.ID].Outcome {
			case apply.Done, apply.Already, apply.Refused, apply.Uncertain:
				out[c.Object.ID] = true
			case apply.Failed:
				failed[c.Object.ID]++
				out[c.Object.ID] = out[c.Object.ID] || failed[c.Object.ID] >= liveTries
			case apply.Skipped, "":
				out[c.Object.ID] = out[c.Object.ID] || begun
			}
		}
	}
	return out
}

// liveDue says whether live rules ask for something.
func (c *Control) liveDue(looks []Look, m memory) bool {
	for i, l := range looks {
		if l.Err == nil && len(c.pilots[i].live.due(l.Seen.State, m, 1)) > 0 {
			return true
		}
	}
	return false
}

// applyLive carries out what live rules ask for, and notes in the look how the
// emails are now.
func (c *Control) applyLive(ctx context.Context, p *pilot, l *Look, m memory) {
	v := p.live
	emails := v.due(l.Seen.State, m, p.calls())
	if len(emails) == 0 || l.Err != nil {
		return
	}
	if c.Recommend {
		for _, e := range emails {
			v.emails[e.Email.ConversationID].settled = true
			v.acts = append(v.acts, Act{Rule: e.Rule.Name, Reason: autopilot.LiveRule, Words: "recommended for email " + e.Email.ConversationID})
		}
		return
	}
	made, err := c.planLive(ctx, p, emails)
	if v.fails(nothingChanged, err) {
		return
	}
	of := map[string]string{} // the rule of each email that is to be changed
	for _, e := range emails {
		of[e.Email.ConversationID] = e.Rule.Name
		v.emails[e.Email.ConversationID].settled = true
	}
	if len(made.Changes) == 0 {
		return
	}
	run, err := c.Ledger.Start(ctx)
	if v.fails(nothingChanged, err) {
		return
	}
	report, err := apply.Run(ctx, c.options(run, made, m.runs))
	if len(report.Results) == 0 && v.fails(nothingChanged, err) {
		return
	}
	v.tell(run.ID, made, report, of)
	for i := range l.Seen.State.Emails {
		e := &l.Seen.State.Emails[i]
		for n, res := range report.Results {
			if res.Outcome == apply.Done && res.Object.ID == e.ConversationID {
				now(e, made.Changes[n].Email.After)
			}
		}
	}
}

// now notes what an email asks for.
func now(e *routing.WaitingEmail, s routing.EmailSettings) {
	if s.Priority != nil {
		e.Priority = *s.Priority
	}
	if s.Skills != nil {
		e.Skills = *s.Skills
	}
	if s.Language != nil {
		e.Language = *s.Language
	}
}

// planLive makes the plan.
func (c *Control) planLive(ctx context.Context, p *pilot, emails []plan.LiveEmail) (plan.Plan, error) {
	scope := genesys.Scope{Queues: []string{p.Queue}}
	for _, e := range emails {
		scope.Skills = scope.Skills || e.Rule.Skills != nil
		scope.Languages = scope.Languages || e.Rule.Language != nil
	}
	org, err := c.Client.ReadOrg(ctx, scope)
	if err != nil {
		return plan.Plan{}, err
	}
	made, problems := plan.NewIndex(org, plan.Memory{}).Live(p.want, emails)
	made.Made = c.Now().UTC()
	return made.Seal(), problems.Err()
}

// tell sums up a run, rule by rule. What failed is tried again.
func (v *live) tell(run string, made plan.Plan, report apply.Report, of map[string]string) {
	for _, r := range v.rules {
		done, act := 0, Act{Rule: r.Name, Reason: autopilot.LiveRule, Run: run}
		var asks, left []string
		for n, res := range report.Results {
			c := made.Changes[n]
			if of[c.Object.ID] != r.Name {
				continue
			}
			switch res.Outcome {
			case apply.Done, apply.Already:
				done++
				for _, f := range c.Fields {
					if text := string(f.Field) + " " + f.After; !slices.Contains(asks, text) {
						asks = append(asks, text)
					}
				}
			case apply.Refused:
				left = append(left, res.Error)
			case apply.Failed, apply.Skipped:
				if known := v.emails[c.Object.ID]; known != nil {
					known.settled = false
				}
				act.Err = cmp.Or(act.Err, res.Err)
			case apply.Uncertain:
				act.Err = cmp.Or(act.Err, res.Err)
			}
		}
		if done > 0 {
			left = append([]string{fmt.Sprintf("%s that came in: %s", phrase.Count(done, "email"), phrase.List(asks))}, left...)
		}
		if act.Words = strings.Join(left, "; "); act.Words != "" || act.Err != nil {
			act.Words = cmp.Or(act.Words, nothingChanged)
			v.acts = append(v.acts, act)
		}
	}
}

// sayLive adds what is to be told of live rules to the looks, and puts it into the
// ledger, but for what could not even be begun.
func (c *Control) sayLive(ctx context.Context, looks []Look) {
	for i, p := range c.pilots {
		if p.live == nil {
			continue
		}
		for _, a := range p.live.acts {
			if a.Err == nil || a.Run != "" {
				a = c.recorded(ctx, p, &looks[i], a, nil)
			}
			looks[i].Acts = append(looks[i].Acts, a)
		}
		p.live.acts = nil
	}
}

// LiveQueues are the ids of the queues whose email live rules are applied to, as
// far as they were read.
func (c *Control) LiveQueues() (ids []string) {
	for _, p := range c.pilots {
		if p.live != nil && p.live.queue.ID != "" {
			ids = append(ids, p.live.queue.ID)
		}
	}
	return ids
}

// Arrived applies the live rules alone, between two looks: it is asked for when
// email has come in. Only Acts are in its looks.
func (c *Control) Arrived(ctx context.Context) ([]Look, error) {
	states, err := c.Client.QueueStates(ctx, c.LiveQueues())
	if err != nil {
		return nil, fmt.Errorf("read how the queues stand: %w", err)
	}
	looks := make([]Look, len(c.pilots))
	for i, p := range c.pilots {
		looks[i].Program = p.Program
		if p.live == nil {
			continue
		}
		if s, ok := states[p.live.queue.ID]; ok {
			looks[i].Queue, looks[i].Seen.State = p.live.queue, &s
			c.readLive(ctx, p, &sight{Observation: looks[i].Seen, queue: p.live.queue})
		}
	}
	m, err := c.recall(ctx)
	if err != nil {
		return nil, err
	}
	if c.liveDue(looks, m) {
		err = c.arrived(ctx, looks)
	}
	c.sayLive(ctx, looks)
	return looks, err
}

// arrived does what is due; where something else is applied just now, or was cut
// off, the next look does.
func (c *Control) arrived(ctx context.Context, looks []Look) (err error) {
	release, err := c.lock(ctx)
	if errors.As(err, new(*store.HeldError)) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	m, err := c.recall(ctx)
	if err != nil {
		return err
	}
	if _, open := ledger.CutOff(m.runs); open {
		return nil
	}
	for i, p := range c.pilots {
		c.applyLive(ctx, p, &looks[i], m)
	}
	return nil
}
