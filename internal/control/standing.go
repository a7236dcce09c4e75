package control

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// This file tells of the overrides that hold whether what they have set is still
// so, or what somebody has made of it since: that is theirs.

// Standing says how something stands that an override has set.
type Standing string

// The standings.
const (
	Holds   Standing = "holds"   // it is as the override set it
	Changed Standing = "changed" // somebody has changed it since, and Foresort leaves it so
	Unseen  Standing = "unknown" // it was not read, or the write is not to be seen yet
)

// Set is one thing that an override has set, and how it stands.
type Set struct {
	Kind   plan.Kind     `json:"kind"`
	Object routing.Ref   `json:"object"`
	Field  routing.Field `json:"field"`
	Agent  routing.Ref   `json:"agent,omitzero"` // of members alone
	Value  string        `json:"value"`          // as the override set it
	Is     Standing      `json:"standing"`
	Now    string        `json:"now,omitempty"` // what is there, where that is another
	By     *relay.Actor  `json:"by,omitempty"`  // who changed it; nil: not known
	At     time.Time     `json:"changed,omitzero"`
	Run    string        `json:"run,omitempty"` // of Foresort, where that changed it

	put bool // what is there is what was there before the override
}

// The bounds of what telling of overrides may ask for.
const (
	capacityReads = 20              // agents whose capacity is read
	capacityEvery = 5 * time.Minute // for so long it counts
	slowestSight  = 5 * time.Minute // how long a write may stay unseen (docs/platform-notes.md#replication)
)

// capacityRead is the capacity of one agent, as it was read.
type capacityRead struct {
	routing.UtilizationSettings
	at time.Time
}

// Standings tells how that stands what the overrides of a look have set that hold,
// by their ids. The settings of the queue and the email that waits are of the look.
// Members take a request for each hundred of them, where an override moved agents;
// the capacity of agents one for each, of at most 20 of them every 5 minutes; and
// the audit trail one where somebody has changed the queue or its members, and one
// where they have changed agents.
func (c *Control) Standings(ctx context.Context, l Look) (map[string][]Set, error) {
	ctx = genesys.WithLane(ctx, genesys.Poll)
	now := c.Now().Add(ledger.Slack)
	out := map[string][]Set{}
	var members map[string]routing.Member
	var runs []apply.Record
	who := map[genesys.AuditQuery][]ledger.Trace{}
	for _, lease := range l.Leases {
		if !lease.Ended.IsZero() {
			continue
		}
		for _, r := range lease.Open {
			for _, d := range r.Done() {
				ch := d.Change
				if ch.Members != nil && members == nil {
					members = c.members(ctx, ch.Object.ID)
				}
				for _, s := range c.sets(ctx, l, ch, r.Last, members) {
					if s.Is == Changed {
						if runs == nil {
							var err error
							if runs, err = c.runs.Runs(ctx); err != nil {
								return nil, err
							}
						}
						c.changedBy(ctx, &s, ch, lease, runs, now, who)
						if s.put && s.By == nil && time.Since(r.Last) < slowestSight {
							s.Is, s.Now = Unseen, "" // reads lag
						}
					}
					out[lease.ID] = append(out[lease.ID], s)
				}
			}
		}
	}
	return out, nil
}

// members are those of a queue; nil: they could not be read.
func (c *Control) members(ctx context.Context, queueID string) map[string]routing.Member {
	out := map[string]routing.Member{}
	for m, err := range c.Client.Members(ctx, queueID) {
		if err != nil {
			return nil
		}
		out[m.ID] = m
	}
	return out
}

// sets is what one change has set. Email that is no longer in the queue, or was
// moved to another, is no matter any more.
func (c *Control) sets(ctx context.Context, l Look, ch plan.Change, wrote time.Time, members map[string]routing.Member) []Set {
	switch {
	case ch.Queue != nil:
		if l.Queue.ID != ch.Object.ID {
			return unseen(ch, *ch.Queue)
		}
		return stands(ch, *ch.Queue, l.Queue.Settings)
	case ch.Members != nil:
		return seats(ch, members)
	case ch.Utilization != nil:
		u, known := c.capacity(ctx, ch.Object.ID, wrote)
		if !known {
			return unseen(ch, *ch.Utilization)
		}
		return stands(ch, *ch.Utilization, u)
	case ch.Email != nil && l.Seen.State != nil:
		for _, e := range l.Seen.State.Emails {
			if e.ConversationID == ch.Object.ID {
				return stands(ch, *ch.Email, routing.EmailSettings{Priority: &e.Priority, Skills: &e.Skills, Language: &e.Language})
			}
		}
	}
	return nil
}

func unseen[S routing.Settings](ch plan.Change, pair plan.Pair[S]) (out []Set) {
	for _, f := range ch.Names() {
		out = append(out, Set{Kind: ch.Kind, Object: ch.Object, Field: f, Value: routing.Text(pair.After, f), Is: Unseen})
	}
	return out
}

func stands[S routing.Settings](ch plan.Change, pair plan.Pair[S], now S) []Set {
	out := unseen(ch, pair)
	for i := range out {
		s, f := &out[i], []routing.Field{out[i].Field}
		if s.Is = Holds; len(routing.Differs(f, pair.After, now)) > 0 {
			s.Is, s.Now, s.put = Changed, routing.Text(now, s.Field), len(routing.Differs(f, pair.Before, now)) == 0
		}
	}
	return out
}

// seats tells of agents who joined a queue or left it.
func seats(ch plan.Change, members map[string]routing.Member) (out []Set) {
	words := map[bool]string{true: "a member", false: "no member"}
	for _, a := range ch.Members.Agents {
		s := Set{Kind: plan.Member, Object: ch.Object, Field: "members", Agent: a, Value: words[ch.Verb == plan.Join], Is: Unseen}
		if members != nil {
			m, is := members[a.ID]
			if is = is && (ch.Verb == plan.Join || !m.ByGroup); is == (ch.Verb == plan.Join) {
				s.Is = Holds
			} else {
				s.Is, s.Now, s.put = Changed, words[is], true
			}
		}
		out = append(out, s)
	}
	return out
}

// capacity is what an agent's utilization says of email. What was read since it was
// written counts for a while, and so many are read in that while.
func (c *Control) capacity(ctx context.Context, agentID string, wrote time.Time) (routing.UtilizationSettings, bool) {
	maps.DeleteFunc(c.capacities, func(_ string, r capacityRead) bool { return time.Since(r.at) > capacityEvery })
	if r, known := c.capacities[agentID]; known && r.at.After(wrote) {
		return r.UtilizationSettings, true
	}
	if len(c.capacities) >= capacityReads && c.capacities[agentID].at.IsZero() {
		return routing.UtilizationSettings{}, false
	}
	raw, err := c.Client.UserUtilization(ctx, agentID)
	if err != nil {
		return routing.UtilizationSettings{}, false
	}
	u, err := genesys.DecodeUtilization(raw)
	if err != nil {
		return routing.UtilizationSettings{}, false
	}
	if c.capacities == nil {
		c.capacities = map[string]capacityRead{}
	}
	c.capacities[agentID] = capacityRead{u.Settings, time.Now()}
	return u.Settings, true
}

// changedBy finds who changed what an override had set: a later run, by what it
// wrote, or whoever the platform's audit trail names.
func (c *Control) changedBy(ctx context.Context, s *Set, ch plan.Change, lease ledger.Lease, runs []apply.Record, now time.Time, who map[genesys.AuditQuery][]ledger.Trace) {
	ch.Fields = slices.DeleteFunc(slices.Clone(ch.Fields), func(f plan.FieldChange) bool { return f.Field != s.Field })
	if ch.Members != nil {
		ch.Members = &plan.MemberChange{Agents: []routing.Ref{s.Agent}}
	}
	for _, r := range slices.Backward(runs) {
		if r.ID == lease.ID {
			break
		}
		if slices.ContainsFunc(lease.Runs, func(x apply.Record) bool { return x.ID == r.ID }) {
			continue
		}
		for _, d := range r.Done() {
			if d.Change.Overlaps(ch) && (ch.Members != nil || slices.ContainsFunc(d.Change.Fields, func(f plan.FieldChange) bool { return f.Field == s.Field && f.After == s.Now })) {
				s.By, s.At, s.Run = &relay.Actor{Kind: relay.Foresort}, r.Last, r.ID
				return
			}
		}
	}
	service, entityType := ledger.Area(ch.Kind)
	if service == "" {
		return // none is kept of email
	}
	q := genesys.AuditQuery{From: lease.Began.Add(-ledger.Slack), To: now, Service: service, EntityType: entityType}
	if ch.Kind != plan.Utilization { // of which there are many
		q.EntityID = ch.Object.ID
	}
	traces, asked := who[q]
	if !asked {
		var rows []genesys.AuditRecord
		for row, err := range c.Client.AuditsRealtime(ctx, q) {
			if err != nil {
				break // it stays unknown
			}
			rows = append(rows, row)
		}
		traces = ledger.Join(rows, runs, c.ClientID)
		who[q] = traces
	}
	for _, t := range slices.Backward(traces) {
		if t.OutOfBand && t.Object.ID == ch.Object.ID && t.Touches(ch) {
			s.By, s.At = &t.By, t.At
			return
		}
	}
}
