package sandbox

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file tells of single conversations: an interval and filters go in,
// conversations with their participants, sessions, segments and metrics come
// out.

// The limits of a details query. The interval may be longer where there is a
// filter.
const (
	maxDetailsPage       = 100
	maxDetails           = 31 * 24 * time.Hour
	maxUnfilteredDetails = 7 * 24 * time.Hour
	exactHits            = 1000 // up to here totalHits is exact
	hitsStep             = 100  // and beyond it is a multiple of this
)

// detailsQuery is the body of the query and of the job.
type detailsQuery struct {
	Interval            string
	ConversationFilters []filter
	SegmentFilters      []filter
	EvaluationFilters   []filter
	SurveyFilters       []filter
	ResolutionFilters   []filter
	Aggregations        []object
	Order, OrderBy      string
	Paging              *struct{ PageSize, PageNumber int }
	Limit               *int // of a job
	StartOfDay          bool `json:"startOfDayIntervalMatching"`
}

// check says what the platform refuses, and what is not imitated.
func (q detailsQuery) check() error {
	for place, filters := range map[string][]filter{"conversationFilters": q.ConversationFilters, "segmentFilters": q.SegmentFilters} {
		for i := range filters {
			if err := filters[i].check(fmt.Sprintf("%s[%d]", place, i)); err != nil {
				return err
			}
		}
	}
	switch {
	case len(q.EvaluationFilters) > 0:
		return notImitated("filters of evaluations")
	case len(q.SurveyFilters) > 0:
		return notImitated("filters of surveys")
	case len(q.ResolutionFilters) > 0:
		return notImitated("filters of resolutions")
	case len(q.Aggregations) > 0:
		return notImitated("aggregations of details")
	}
	return nil
}

// conversationSpan is a conversation as it shows: the number of its first leg,
// its beginning and its end; -1: it goes on.
type conversationSpan struct {
	first      int
	start, end int64
}

func postAnalyticsConversationsDetailsQuery(c *call) (int, any, error) {
	q, err := decode[detailsQuery](c)
	if err != nil {
		return 0, nil, err
	}
	from, to, err := analyticsInterval(q.Interval)
	if err != nil {
		return 0, nil, err
	}
	limit := maxDetails
	if len(q.ConversationFilters)+len(q.SegmentFilters) == 0 {
		limit = maxUnfilteredDetails
	}
	if to.Sub(from) > limit {
		return 0, nil, bad("client.failed.request", "the interval of this query is at most %d days", limit/(24*time.Hour)).field("interval")
	}
	size, number := 25, 1
	if q.Paging != nil {
		size, number = q.Paging.PageSize, q.Paging.PageNumber
	}
	if size < 1 || size > maxDetailsPage || number < 1 {
		return 0, nil, bad("client.failed.request", "a page has 1 to %d conversations, and pages count from 1", maxDetailsPage).field("paging")
	}
	if err := q.check(); err != nil {
		return 0, nil, err
	}
	if c.life == nil {
		return http.StatusOK, object{"conversations": []any{}, "totalHits": 0}, nil
	}
	k := c.look(0)
	q.StartOfDay = true
	found, err := k.conversations(q, from, to)
	if err != nil {
		return 0, nil, err
	}
	hits := len(found)
	if hits > exactHits {
		hits = (hits + hitsStep/2) / hitsStep * hitsStep
	}
	first := len(found)
	if number <= len(found)/size+1 {
		first = min((number-1)*size, len(found))
	}
	out := []detailsConversation{}
	for _, n := range found[first:min(first+size, len(found))] {
		out = append(out, k.show(k.span(n)))
	}
	return http.StatusOK, object{"conversations": out, "totalHits": hits}, nil
}

// conversations finds conversations, by the numbers of their first legs. With
// StartOfDay they began on a day (UTC) that the interval touches, without they
// were going on within it.
func (k *look) conversations(q detailsQuery, from, to time.Time) ([]int, error) {
	tests, segmentTests, err := k.detailsTests(q)
	if err != nil {
		return nil, err
	}
	const day = 24 * time.Hour
	c := k.life.centre
	first, begin, end := int64(math.MinInt64), k.life.millis(from), k.life.millis(to)
	if q.StartOfDay {
		begin, end = k.life.millis(from.UTC().Truncate(day)), k.life.millis(to.Add(-1).UTC().Truncate(day).Add(day))
		first = begin
	}
	end = min(end, k.upTo+1)
	n, a := 0, new(aspect)
	passes := func() bool {
		l := c.Leg(n)
		if l.Conversation != n || l.Entered < first || l.Entered >= end || !k.shows(l.Entered) {
			return false
		}
		v := k.span(n)
		if !q.StartOfDay && v.end >= 0 && v.end < begin {
			return false
		}
		*a = aspect{n: n, l: l, agent: -1, from: v.start, to: v.end}
		return !slices.ContainsFunc(tests, func(t test) bool { return !t(a) }) &&
			!slices.ContainsFunc(segmentTests, func(t test) bool { return !k.somePasses(t, v, a) })
	}
	found, forgotten := []int{}, []int{}
	for _, leg := range c.Open() {
		if first := c.Leg(leg).Conversation; first <= c.Forgotten() {
			forgotten = append(forgotten, first)
		}
	}
	slices.Sort(forgotten)
	for _, n = range forgotten {
		if passes() {
			found = append(found, n)
		}
	}
	// Where the queue decides, one conversation of each is looked at.
	decides := q.StartOfDay && len(k.hidden) == 0 && ofQueue(q.ConversationFilters) && ofQueue(q.SegmentFilters)
	verdicts := memo[bool]{work: func(int64) bool { return passes() }}
	alone, kept, sorted := c.Alone(), c.Forgotten()+1, c.Since(1)
	n = kept // what waited at the beginning comes first
	if first > 0 {
		n = c.Since(first)
	}
	for last := c.Since(end); n < last; n++ {
		queue := int32(-1)
		if decides && n >= sorted {
			queue = alone[n-kept]
		}
		if queue >= 0 && verdicts.get(int64(queue)) || queue < 0 && passes() {
			found = append(found, n)
		}
	}
	k.sort(q, found)
	if q.Limit != nil && *q.Limit >= 0 && *q.Limit < len(found) {
		found = found[:*q.Limit]
	}
	return found, nil
}

// somePasses says that a segment of a conversation passes. a is room for it.
func (k *look) somePasses(t test, v conversationSpan, a *aspect) bool {
	for *a = range k.segments(v) {
		if t(a) {
			return true
		}
	}
	return false
}

// ofQueue says that filters tell no more of a segment than its queue.
func ofQueue(filters []filter) bool {
	return !slices.ContainsFunc(filters, func(f filter) bool {
		return !ofQueue(f.Clauses) || slices.ContainsFunc(f.Predicates, func(p predicate) bool {
			switch p.Dimension {
			case "queueId", "mediaType", "direction", "originatingDirection", "divisionId", "conversationInitiator":
				return false
			}
			return true
		})
	})
}

// detailsTests makes the filters of conversations and those of segments ready.
// A filter of segments is passed by a conversation that has one segment which
// passes.
func (k *look) detailsTests(q detailsQuery) (tests, segmentTests []test, err error) {
	like := likeAddress
	if !q.StartOfDay { // a job takes beginnings, too
		like = func(value, wanted string) bool {
			return likeAddress(value, wanted) || strings.HasPrefix(strings.ToLower(value), strings.ToLower(wanted))
		}
	}
	compile := func(filters []filter, names []string) (tests []test, err error) {
		for i := range filters {
			t, err := k.compile(&filters[i], names, like)
			if err != nil {
				return nil, err
			}
			tests = append(tests, t)
		}
		return tests, nil
	}
	if tests, err = compile(q.ConversationFilters, conversationDimensions); err == nil {
		segmentTests, err = compile(q.SegmentFilters, segmentDimensions)
	}
	return tests, segmentTests, err
}

// likeAddress says that an address is the one that is wanted, or that its name
// or its domain is.
func likeAddress(value, wanted string) bool {
	name, domain, _ := strings.Cut(value, "@")
	return strings.EqualFold(value, wanted) || strings.EqualFold(name, wanted) || strings.EqualFold(domain, wanted)
}

// sort orders conversations, by their beginning where the query does not say
// otherwise. Those that go on end last.
func (k *look) sort(q detailsQuery, all []int) {
	type keyed struct {
		at int64
		n  int
	}
	var some []keyed
	byEnd := q.OrderBy == "conversationEnd" || q.OrderBy == "segmentEnd"
	for _, n := range all {
		v := k.span(n)
		at := v.start
		if byEnd {
			at = int64(uint64(v.end) << 1 >> 1) // -1 comes last
		} else if at >= 0 { // only what waited at the beginning is not in order
			break
		}
		some = append(some, keyed{at, n})
	}
	slices.SortFunc(some, func(a, b keyed) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n)) })
	for i, x := range some {
		all[i] = x.n
	}
	if q.Order == "desc" {
		slices.Reverse(all)
	}
}

// span is a conversation by the number of its first leg.
func (k *look) span(n int) conversationSpan {
	l := k.life.centre.Leg(n)
	return conversationSpan{n, l.Entered, k.endOf(l)}
}

// endOf is when a conversation ended, by its first leg; -1: not that it shows.
func (k *look) endOf(l *centre.Leg) int64 {
	for next := l; next != nil; next = k.life.centre.Leg(next.Next) {
		l = next
	}
	if l.Ended > k.upTo {
		return -1
	}
	return l.Ended
}

// segments are the segments of a conversation as they show: leg by leg, those
// of the customer, of the queue, of alerts that nobody answered, and of the
// agent.
func (k *look) segments(v conversationSpan) iter.Seq[aspect] {
	return func(yield func(aspect) bool) {
		for n := v.first; n > 0; {
			l := k.life.centre.Leg(n)
			if l == nil || l.Entered > k.upTo {
				return
			}
			put := func(a aspect) bool {
				a.n, a.l = n, l
				if a.to > k.upTo {
					a.to = -1
				}
				if a.to < 0 {
					a.ended = stillConnected
				}
				return a.from > k.upTo || yield(a)
			}
			customer := aspect{side: ofCustomer, agent: -1, kind: segmentInteract, from: l.Entered, to: l.Ended}
			queue := aspect{side: ofACD, agent: -1, kind: segmentInteract, from: l.Entered, to: l.Answered, ended: byTransfer}
			if l.Answered < 0 {
				queue.to, queue.ended = l.Ended, byPeer
			}
			switch {
			case l.Next > 0: // it goes on
				queue.ended = byTransfer
			case l.State == centre.Abandoned:
				customer.ended = byClient
			case l.State == centre.Disconnected:
				customer.ended = bySystem
				if l.Answered < 0 {
					queue.ended = bySystem
				}
			default:
				customer.ended = byPeer
			}
			if !put(customer) || !put(queue) {
				return
			}
			for _, m := range k.missesOf(n) {
				if !put(aspect{side: ofAgent, agent: m.Agent, alerted: m.From, kind: segmentAlert, from: m.From, to: m.To, ended: byTimeout}) {
					return
				}
			}
			if l.Alerted >= 0 && !k.agentSegments(l, put) {
				return
			}
			n = l.Next
		}
	}
}

// agentSegments puts the segments of the agent who has a leg, or had it last,
// while put wants more. That after-call work goes on is known only when it has
// ended.
func (k *look) agentSegments(l *centre.Leg, put func(aspect) bool) bool {
	with := func(kind segmentKind, from, to int64, ended disconnect) bool {
		return put(aspect{side: ofAgent, agent: l.Agent, alerted: l.Alerted, kind: kind, from: from, to: to, ended: ended})
	}
	ended := byClient
	switch {
	case l.Next > 0:
		ended = byTransfer
	case l.State == centre.Disconnected:
		ended = bySystem
	}
	if l.Answered < 0 {
		return with(segmentAlert, l.Alerted, l.Ended, ended)
	}
	if l.Answered > l.Alerted && !with(segmentAlert, l.Alerted, l.Answered, stillConnected) {
		return false
	}
	if l.Ended > k.upTo {
		return with(segmentInteract, l.Answered, -1, stillConnected)
	}
	return with(segmentInteract, l.Answered, talkUntil(l), ended) &&
		(talkUntil(l) >= l.Ended || with(segmentWrapUp, talkUntil(l), l.Ended, stillConnected))
}

// detailsConversation is one conversation on the wire.
type detailsConversation struct {
	ID           string               `json:"conversationId"`
	Start        string               `json:"conversationStart"`
	End          string               `json:"conversationEnd,omitempty"`
	Direction    string               `json:"originatingDirection"`
	Initiator    string               `json:"conversationInitiator"`
	Divisions    []string             `json:"divisionIds"`
	Participants []detailsParticipant `json:"participants"`
}

type detailsParticipant struct {
	ID       string           `json:"participantId"`
	Name     string           `json:"participantName,omitempty"`
	Purpose  string           `json:"purpose"`
	User     string           `json:"userId,omitempty"`
	Sessions []detailsSession `json:"sessions"`
}

type detailsSession struct {
	ID          string           `json:"sessionId"`
	Media       string           `json:"mediaType"`
	Direction   string           `json:"direction"`
	Provider    string           `json:"provider"`
	Peer        string           `json:"peerId,omitempty"`
	AddressFrom string           `json:"addressFrom"`
	AddressTo   string           `json:"addressTo,omitempty"`
	Routing     string           `json:"usedRouting,omitempty"`
	Ring        int              `json:"routingRing,omitempty"`
	Metrics     []detailsMetric  `json:"metrics"`
	Segments    []detailsSegment `json:"segments"`
}

type detailsMetric struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
	At    string `json:"emitDate"`
}

type detailsSegment struct {
	Kind       string   `json:"segmentType"`
	Start      string   `json:"segmentStart"`
	End        string   `json:"segmentEnd,omitempty"`
	Queue      string   `json:"queueId"`
	Skills     []string `json:"requestedRoutingSkillIds,omitempty"`
	Language   string   `json:"requestedLanguageId,omitempty"`
	Disconnect string   `json:"disconnectType,omitempty"`
	WrapUpCode string   `json:"wrapUpCode,omitempty"`
	Conference bool     `json:"conference"`
	Subject    string   `json:"subject,omitempty"`
}

// show writes a conversation.
func (k *look) show(v conversationSpan) detailsConversation {
	out := detailsConversation{
		ID: k.conversationID(v.first), Start: k.stampAt(v.start), Direction: "inbound", Initiator: purposes[ofCustomer],
		Divisions: []string{k.division.ID},
	}
	if v.end >= 0 {
		out.End = k.stampAt(v.end)
	}
	mail := k.letter(v.first)
	place := map[partKey]int{}
	for a := range k.segments(v) {
		i, known := place[a.part()]
		if !known {
			i = len(out.Participants)
			place[a.part()] = i
			out.Participants = append(out.Participants, k.participant(a, v.first, mail))
		}
		session := &out.Participants[i].Sessions[0]
		session.Segments = append(session.Segments, k.showSegment(a, mail))
	}
	emit := func(a aspect, e emission) {
		if i, ok := place[a.part()]; ok && !e.metric.derived() && k.shows(e.at) {
			session := &out.Participants[i].Sessions[0]
			session.Metrics = append(session.Metrics, detailsMetric{metricNames[e.metric], e.value, k.stampAt(e.at)})
		}
	}
	var buf []emission
	for n, l := v.first, k.life.centre.Leg(v.first); l != nil; n, l = l.Next, k.life.centre.Leg(l.Next) {
		for _, m := range k.missesOf(n) {
			for _, e := range emissionsOf(m) {
				emit(aspect{n: n, side: ofAgent, alerted: m.From}, e)
			}
		}
		buf = emissions(buf[:0], n, l)
		for _, e := range buf {
			emit(aspect{n: n, side: e.side, alerted: l.Alerted}, e)
		}
	}
	return out
}

// partKey tells the participants of a conversation apart.
type partKey struct {
	leg     int
	side    side
	alerted int64
}

// part is whose part an aspect is: the customer is one throughout, and every
// leg has a queue, and an agent for each alert.
func (a aspect) part() partKey {
	switch a.side {
	case ofCustomer:
		return partKey{}
	case ofACD:
		return partKey{leg: a.n, side: ofACD}
	default:
		return partKey{a.n, a.side, a.alerted}
	}
}

func (k *look) stampAt(at int64) string { return stamp(k.life.at(at)) }

// participant begins a participant with its session.
func (k *look) participant(a aspect, first int, mail created) detailsParticipant {
	customer := k.partID(first, "customer")
	p := detailsParticipant{Purpose: purposes[a.side]}
	session := detailsSession{
		Media: "email", Direction: "inbound", Provider: mail.Provider, Peer: k.sessionOf(first, customer), AddressFrom: mail.FromAddress, AddressTo: mail.ToAddress,
		Metrics: []detailsMetric{}, Segments: []detailsSegment{},
	}
	switch a.side {
	case ofCustomer:
		p.ID, p.Name, session.ID, session.Peer = customer, mail.FromName, session.Peer, ""
	case ofACD:
		p.ID, session.ID = k.partID(a.n, "acd"), k.partID(a.n, "acd session")
		p.Name, _, _ = k.lookUp(k.life.centre.QueueID(a.l.Queue))
	default:
		p.ID, p.User = k.partID(a.n, agentPart(a.alerted)), k.life.centre.AgentID(a.agent)
		session.ID = k.sessionOf(first, p.ID)
		u, _ := k.users.latest(p.User)
		p.Name = u.Name
		if a.alerted == a.l.Alerted && a.l.Answered >= 0 && a.l.Answered <= k.upTo {
			session.Routing, session.Ring = routingOf(a.l), int(a.l.Ring)
		}
	}
	p.Sessions = []detailsSession{session}
	return p
}

// routingOf is how the agent of a leg was found.
func routingOf(l *centre.Leg) string {
	switch {
	case l.Ring == 0:
		return "Last"
	case l.Rings:
		return "Bullseye"
	}
	return "Standard"
}

func (k *look) showSegment(a aspect, mail created) detailsSegment {
	out := detailsSegment{
		Kind: segmentKinds[a.kind], Start: k.stampAt(a.from), Queue: k.life.centre.QueueID(a.l.Queue), Disconnect: disconnects[a.ended],
	}
	if a.to >= 0 {
		out.End = k.stampAt(a.to)
	}
	if a.side != ofCustomer {
		ask := k.life.centre.Ask(a.l.Ask)
		out.Skills, out.Language = ask.Skills, ask.Language
	}
	if a.kind == segmentInteract {
		out.Subject = mail.Subject
	}
	if a.kind == segmentWrapUp && a.to >= 0 {
		out.WrapUpCode = k.wrapUpCode(a.n, a.l).ID
	}
	return out
}
