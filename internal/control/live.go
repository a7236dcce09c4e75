package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/condition"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file applies rules with a condition to email that waits. Each email is read
// once, when it is seen first, and changed at most once.

// mostReads is how many emails are read at one look, for each strategy.
const mostReads = 30

// seenEmail is an email that has been read.
type seenEmail struct {
	rule string // whose condition took it; empty: none did
	todo *plan.LiveEmail
	left bool // somebody has changed it since it came in
}

// read reads the emails that have come in since the look before, and says of each
// whose condition took it.
func (c *Control) read(ctx context.Context, p *pilot, s *sight) {
	if p.live == nil || s.State == nil || c.idle {
		return
	}
	waits := map[string]bool{}
	reads := 0
	for i := range s.State.Emails {
		e := &s.State.Emails[i]
		waits[e.ConversationID] = true
		known, read := p.emails[e.ConversationID]
		if !read && reads < mostReads {
			reads++
			var err error
			if known, err = c.readEmail(ctx, p, s.queue, *e); err != nil {
				s.err = fmt.Errorf("read a waiting email: %w", err)
				return
			}
			p.emails[e.ConversationID] = known
		}
		e.Rule = known.rule
	}
	for id := range p.emails {
		if !waits[id] && s.State.Complete {
			delete(p.emails, id)
		}
	}
}

func (c *Control) readEmail(ctx context.Context, p *pilot, queue routing.Queue, w routing.WaitingEmail) (known seenEmail, err error) {
	e, err := c.Client.Email(ctx, w.ConversationID)
	if errors.Is(err, genesys.ErrNotFound) || err == nil && (!e.Waiting || e.QueueID != queue.ID) {
		return known, nil // somebody has it by now
	}
	if err != nil {
		return known, err
	}
	v := p.live.Take(condition.Email{Subject: e.Subject, From: e.From, Attributes: e.Attributes}, w.To, e.Priority)
	known.rule, known.left = v.Rule, v.Left
	if v.Rule == "" || v.Left {
		return known, nil
	}
	known.todo = &plan.LiveEmail{
		ID: w.ConversationID, Rule: v.Rule, After: v.Asks,
		Before: routing.EmailSettings{Priority: &e.Priority, Skills: &e.Skills, Language: &e.Language},
	}
	return known, nil
}

// todo are the emails that rules ask something of, the longest waiting first, at
// most as many as may be changed at one look. Those that a run has changed before
// are left.
func (p *pilot) todo(l Look, m memory) (emails []plan.LiveEmail) {
	if p.live == nil || l.Seen.State == nil || l.Hold == autopilot.Stopped {
		return nil
	}
	for _, e := range l.Seen.State.Emails {
		known := p.emails[e.ConversationID]
		if known.todo == nil || len(emails) == mostReads {
			continue
		}
		if m.changed[e.ConversationID] {
			known.todo = nil
			p.emails[e.ConversationID] = known
			continue
		}
		emails = append(emails, *known.todo)
	}
	return emails
}

// changedLive are the emails that rules with a condition have changed.
func changedLive(runs []apply.Record) map[string]bool {
	out := map[string]bool{}
	for _, r := range runs {
		if !r.Plan().Live {
			continue
		}
		for _, d := range r.Phases[0].Intents {
			out[d.Object.ID] = true
		}
	}
	return out
}

// applyLive carries out what rules with a condition ask for, each email in a run of
// its own: what stands in the way of one is no matter of the others.
func (c *Control) applyLive(ctx context.Context, p *pilot, l *Look, m memory) []Act {
	emails := p.todo(*l, m)
	if len(emails) == 0 {
		return nil
	}
	act := Act{Reason: autopilot.ConditionHolds}
	if c.Recommend {
		act.Words = fmt.Sprintf("rules with a condition would take %s: every plan needs an approval, and nobody approves these", phrase.Count(len(emails), "waiting email"))
		return []Act{act}
	}
	scope := genesys.Scope{
		Skills:    slices.ContainsFunc(emails, func(e plan.LiveEmail) bool { return e.After.Skills != nil }),
		Languages: slices.ContainsFunc(emails, func(e plan.LiveEmail) bool { return e.After.Language != nil }),
	}
	var index *plan.Index
	org, err := c.Client.ReadOrg(ctx, scope)
	if err == nil {
		index = plan.NewIndex(org, plan.Memory{})
	}
	done, theirs := 0, 0
	for _, e := range emails {
		if err != nil || ctx.Err() != nil {
			break
		}
		var run string
		run, err = c.changeEmail(ctx, p, index, l.Queue.Ref, e)
		if errors.Is(err, errTheirs) {
			theirs++ // somebody has changed it since it was read
			err = nil
		} else if run != "" && err == nil {
			done++
			act.Run = run
		}
		if err == nil {
			known := p.emails[e.ID]
			known.todo = nil
			p.emails[e.ID] = known
		}
	}
	act.Words, act.Err = fmt.Sprintf("rules with a condition take %s", phrase.Count(done, "waiting email")), err
	if theirs > 0 {
		act.Words += fmt.Sprintf("; %s that somebody has changed is left", phrase.Count(theirs, "email"))
	}
	if done+theirs == 0 && err == nil {
		return nil // they have what the rules ask for
	}
	return []Act{c.recorded(ctx, p, l, act, nil)}
}

// errTheirs says that somebody has changed an email since it was read.
var errTheirs = errors.New("somebody has changed it")

func (c *Control) changeEmail(ctx context.Context, p *pilot, index *plan.Index, queue routing.Ref, e plan.LiveEmail) (run string, err error) {
	made, problems := index.Live(p.want, queue, []plan.LiveEmail{e})
	if err := problems.Err(); err != nil || len(made.Changes) == 0 {
		return "", err
	}
	made.Made = c.Now().UTC()
	made = made.Seal()
	started, err := c.Ledger.Start(ctx)
	if err != nil {
		return "", err
	}
	o := c.options(started, made, nil)
	o.NoWait = true
	report, err := apply.Run(ctx, o)
	if len(report.Results) == 1 && len(report.Results[0].Left) > 0 {
		return "", errTheirs
	}
	return started.ID, err
}
