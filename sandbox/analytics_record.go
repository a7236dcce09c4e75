package sandbox

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file is what analytics knows of the record of the centre: the metrics
// that a leg emits and when, and what can be seen of them by now. Nothing is kept
// beside the record.

// analyticsState is what is kept for analytics beside the record.
type analyticsState struct {
	jobs   map[string]*analyticsJob
	order  []string // of the jobs, oldest first
	hidden []hole
	lag    time.Duration
}

// HideMetrics takes out of aggregates, details and jobs what was emitted from
// one time to before another, and conversations that began then, until
// ShowMetrics.
func (s *Server) HideMetrics(from, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.analytics.hidden = append(s.analytics.hidden, hole{from, to})
}

// ShowMetrics shows again what HideMetrics hid.
func (s *Server) ShowMetrics() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.analytics.hidden = nil
}

// LagMetrics lets aggregates, details and jobs show things only so long after
// they happened; 0: at once. Observations are never late.
func (s *Server) LagMetrics(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.analytics.lag = d
}

// look is one look at the record, and what it shows. It is of one request.
type look struct {
	*Server
	upTo   int64 // nothing later shows
	hidden [][2]int64
	misses []centre.Miss // by leg; made when first asked for
}

// look is for a living organisation only. late is how late the data are beside
// what LagMetrics and the rules for faults say.
func (s *Server) look(late time.Duration) *look {
	now := s.now()
	k := &look{Server: s, upTo: s.life.millis(now) - max(late, s.analytics.lag).Milliseconds()}
	if d := s.disturbed.metrics; d.by > 0 { // what happened before it began shows
		k.upTo = min(k.upTo, max(s.life.millis(now.Add(-d.by)), s.life.millis(d.since)-1))
	}
	holes := slices.Concat(s.analytics.hidden, s.disturbed.hidden, s.disturbed.lost)
	for _, h := range holes {
		k.hidden = append(k.hidden, [2]int64{s.life.millis(h.from), s.life.millis(h.to)})
	}
	return k
}

// millis is an instant as a time of the centre, rounded up.
func (l *life) millis(t time.Time) int64 {
	d := t.Sub(l.zero)
	ms := d.Milliseconds()
	if time.Duration(ms)*time.Millisecond < d {
		ms++
	}
	return ms
}

// shows says that what happened at a time can be seen.
func (k *look) shows(at int64) bool {
	if at > k.upTo {
		return false
	}
	for _, h := range k.hidden {
		if h[0] <= at && at < h[1] {
			return false
		}
	}
	return true
}

// old are the numbers of the legs that are only kept because they are open, in
// the order in which they entered.
func (k *look) old() []int {
	var out []int
	for _, n := range k.life.centre.Open() {
		if n <= k.life.centre.Forgotten() {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// within are the legs to which something may have happened from one time to
// before another, in the order in which they entered, and some more.
func (k *look) within(from, to int64) iter.Seq2[int, *centre.Leg] {
	c := k.life.centre
	return func(yield func(int, *centre.Leg) bool) {
		for _, n := range k.old() {
			if !yield(n, c.Leg(n)) {
				return
			}
		}
		c.Within(from, to)(yield)
	}
}

// missesOf are the alerts of a leg that nobody answered, in their order.
func (k *look) missesOf(leg int) []centre.Miss {
	if k.misses == nil {
		k.misses = slices.Clone(k.life.centre.Misses())
		slices.SortStableFunc(k.misses, func(a, b centre.Miss) int { return cmp.Compare(a.Leg, b.Leg) })
	}
	from := sort.Search(len(k.misses), func(i int) bool { return k.misses[i].Leg >= leg })
	to := from
	for to < len(k.misses) && k.misses[to].Leg == leg {
		to++
	}
	return k.misses[from:to]
}

// metric is one of the metrics that email emits here.
type metric uint8

const (
	metricOffered metric = iota
	metricConnected
	metricTransferred
	metricBlindTransferred
	metricOverSLA
	metricServiceLevel
	metricServiceTarget
	metricAbandon
	metricACD
	metricACW
	metricAlert
	metricAnswered
	metricFirstResponse
	metricFlowOut
	metricHandle
	metricNotResponding
	metricTalk
	metricTalkComplete
	metricWait
	metrics // how many there are
)

// metricNames are the metrics as the wire has them.
var metricNames = [metrics]string{
	"nOffered", "nConnected", "nTransferred", "nBlindTransferred", "nOverSla", "oServiceLevel", "oServiceTarget", "tAbandon", "tAcd",
	"tAcw", "tAlert", "tAnswered", "tFirstResponse", "tFlowOut", "tHandle", "tNotResponding", "tTalk", "tTalkComplete", "tWait",
}

// derived says that a metric is worked out of others: conversations do not
// have it.
func (m metric) derived() bool {
	return m == metricWait || m == metricServiceLevel || m == metricServiceTarget
}

// unrecorded are metrics that email has on the platform and the record does not
// know. Those of other media are never emitted.
var unrecorded = []string{
	"nConversations", "oMediaCount", "oExternalMediaCount", "tAgentResponseTime", "tAverageAgentResponseTime", "tAverageCustomerResponseTime",
	"tFirstEngagement", "tPark", "tParkComplete", "tShortAbandon", "tUserResponseTime",
}

// side is whose part in a conversation something belongs to.
type side uint8

const (
	ofCustomer side = iota
	ofACD
	ofAgent
)

// purposes are the sides as the wire has them.
var purposes = [...]string{"customer", "acd", "agent"}

// emission is one value of one metric. The value of a service level is 1 where
// it counts as reached.
type emission struct {
	at, value int64
	metric    metric
	side      side
}

// emissions adds what a leg has emitted up to now, in the order of time; what
// alerts emit that nobody answered is not among it.
func emissions(buf []emission, n int, l *centre.Leg) []emission {
	if l.Conversation == n {
		buf = append(buf, emission{l.Entered, 1, metricConnected, ofCustomer})
	}
	buf = append(buf, emission{l.Entered, 1, metricOffered, ofACD})
	if l.Answered < 0 {
		if l.Ended < 0 {
			return buf
		}
		wait := l.Ended - l.Entered
		buf = append(buf, emission{l.Ended, wait, metricACD, ofACD}, emission{l.Ended, wait, metricWait, ofACD})
		if l.Alerted >= 0 {
			buf = append(buf, emission{l.Ended, l.Ended - l.Alerted, metricAlert, ofAgent})
		}
		if l.Transferred { // out of the queue, by the API
			return append(buf, emission{l.Ended, wait, metricFlowOut, ofACD})
		}
		return append(buf,
			emission{l.Ended, wait, metricAbandon, ofACD}, emission{l.Ended, 0, metricServiceLevel, ofACD}, emission{l.Ended, 0, metricServiceTarget, ofACD})
	}
	wait := l.Answered - l.Entered
	buf = append(buf,
		emission{l.Answered, wait, metricACD, ofACD}, emission{l.Answered, l.Answered - l.Alerted, metricAlert, ofAgent},
		emission{l.Answered, wait, metricAnswered, ofAgent}, emission{l.Answered, wait, metricWait, ofAgent})
	if l.Target {
		reached := int64(1)
		if !l.InTime {
			reached = 0
			buf = append(buf, emission{l.Answered, 1, metricOverSLA, ofAgent})
		}
		buf = append(buf, emission{l.Answered, reached, metricServiceLevel, ofAgent}, emission{l.Answered, 0, metricServiceTarget, ofAgent})
	}
	if l.Ended < 0 {
		return buf
	}
	talk := talkUntil(l) - l.Answered
	buf = append(buf,
		emission{l.Ended, l.Ended - l.Answered, metricHandle, ofAgent}, emission{l.Ended, talk, metricTalk, ofAgent},
		emission{l.Ended, talk, metricTalkComplete, ofAgent})
	if acw := l.Ended - l.Answered - talk; acw > 0 {
		buf = append(buf, emission{l.Ended, acw, metricACW, ofAgent})
	}
	switch {
	case l.Transferred:
		buf = append(buf, emission{l.Ended, 1, metricTransferred, ofAgent}, emission{l.Ended, 1, metricBlindTransferred, ofAgent})
	case l.State == centre.Handled: // the answer is sent before the after-call work
		buf = append(buf, emission{l.Ended, talkUntil(l) - l.Entered, metricFirstResponse, ofAgent})
	}
	return buf
}

// talkUntil is when the after-call work of a leg that has ended began, or else
// its end.
func talkUntil(l *centre.Leg) int64 {
	if l.WrappedFrom < 0 {
		return l.Ended
	}
	return l.WrappedFrom
}

// emissionsOf is what an alert emits that nobody answered.
func emissionsOf(m centre.Miss) [2]emission {
	return [2]emission{{m.To, m.To - m.From, metricAlert, ofAgent}, {m.To, m.To - m.From, metricNotResponding, ofAgent}}
}

// target is the share of a queue's email that shall be answered in time, in
// parts of 10,000; -1: it has no target.
func (s *Server) target(queue string) int64 {
	q, ok := s.queues.latest(queue)
	share, set := decimal(q, "mediaSettings", "email", "serviceLevel", "percentage")
	if !ok || !set {
		return -1
	}
	return int64(math.Round(share * 10_000))
}

// timeoutCode is the wrap-up code of after-call work that the timeout ended.
const timeoutCode = "ININ-WRAP-UP-TIMEOUT"

// wrapUpCode is the code of the after-call work of a leg; empty: it had none.
// What the queue allows is taken from its present settings.
func (s *Server) wrapUpCode(n int, l *centre.Leg) ref {
	w := s.wrapUps(s.life.centre.QueueID(l.Queue))
	if i := s.wrapUp(n, l, &w); i >= 0 {
		return w.codes[i]
	}
	return ref{}
}

// wrapUps are the codes that after-call work in a queue can have: those that
// agents choose from, and last that of the timeout.
type wrapUps struct {
	codes   []ref
	timeout int64 // after which it ends with the last; 0: there is none
}

func (s *Server) wrapUps(queue string) wrapUps {
	w := wrapUps{codes: append(s.codesIn(queue), ref{ID: timeoutCode, Name: timeoutCode})}
	q, _ := s.queues.latest(queue)
	mode := text(q, "acwSettings", "wrapupPrompt")
	if ms, ok := decimal(q, "acwSettings", "timeoutMs"); ok && (mode == "MANDATORY_TIMEOUT" || mode == "MANDATORY_FORCED_TIMEOUT") {
		w.timeout = max(int64(ms), 1)
	}
	return w
}

// wrapUp is the place of the code of a leg among those of its queue; -1: it has
// none.
func (s *Server) wrapUp(n int, l *centre.Leg, w *wrapUps) int {
	last := len(w.codes) - 1
	switch {
	case l.State != centre.Handled || l.Ended <= l.WrappedFrom:
		return -1
	case w.timeout > 0 && l.Ended-l.WrappedFrom >= w.timeout:
		return last
	case last == 0:
		return -1
	}
	return s.chosen(n, last)
}
