package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file adds up: an aggregates query goes in, groups with the statistics of
// each part of the interval come out, in one pass over the record.

// maxViews is how many views an aggregates query takes.
const maxViews = 10

// aggregatesQuery is the body of the query and of the job.
type aggregatesQuery struct {
	Interval, Granularity, TimeZone string
	GroupBy                         []string
	Filter                          *filter
	Metrics                         []string
	Flatten                         bool `json:"flattenMultivaluedDimensions"`
	Views                           []aggregatesView
	AlternateTimeDimension          string
	QueryType                       string
	PageSize                        *int // of the results of a job
}

// aggregatesView is a metric of which only values within a range count.
type aggregatesView struct {
	Target, Name string
	Range        struct{ GTE, LT *float64 }
}

// aggregatesGroup is one group of the answer.
type aggregatesGroup struct {
	Group map[string]string `json:"group"`
	Data  []aggregatesPart  `json:"data"`
	key   string
}

// aggregatesPart is what was in one part of the interval.
type aggregatesPart struct {
	Interval string             `json:"interval"`
	Metrics  []aggregatesMetric `json:"metrics"`
	Views    []aggregatesMetric `json:"views,omitempty"`
}

// aggregatesMetric is one number with its name; views have no metric.
type aggregatesMetric struct {
	Metric string `json:"metric,omitempty"`
	Name   string `json:"name,omitempty"`
	Stats  any    `json:"stats"`
}

func postAnalyticsConversationsAggregatesQuery(c *call) (int, any, error) {
	q, err := decode[aggregatesQuery](c)
	if err != nil {
		return 0, nil, err
	}
	t, err := c.tally(q)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, object{"results": t.results()}, nil
}

// tally makes a query ready to be added up. At rest it is nil: there is nothing
// to add up.
func (s *Server) tally(q aggregatesQuery) (*tally, error) {
	from, to, err := analyticsInterval(q.Interval)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(needs("metrics", len(q.Metrics)), q.Filter.check("filter")); err != nil {
		return nil, err
	}
	g, err := parseGranularity(q.Granularity)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(q.TimeZone)
	if err != nil || q.TimeZone == "Local" {
		return nil, bad("invalid.value", "Value [%s] is not the name of a time zone", q.TimeZone).field("timeZone")
	}
	if len(q.Views) > maxViews {
		return nil, bad("client.failed.request", "a query takes %d views, not %d", maxViews, len(q.Views)).field("views")
	}
	if s.life == nil {
		return nil, nil
	}
	if err := q.imitated(); err != nil {
		return nil, err
	}
	t := &tally{look: s.look(0), cells: map[uint64][]stat{}, target: map[int32]int64{}}
	if t.passes, err = s.compile(q.Filter, legDimensions, nil); err != nil {
		return nil, err
	}
	if t.grouping, err = s.grouped(q.GroupBy, legDimensions, q.Flatten); err != nil {
		return nil, err
	}
	if t.limits, err = g.parts(from, to, zone); err != nil {
		return nil, err
	}
	for _, at := range t.limits {
		t.millis = append(t.millis, s.life.millis(at))
	}
	t.columnsOf(q)
	return t, nil
}

// imitated says what of a query is not imitated.
func (q aggregatesQuery) imitated() error {
	switch {
	case q.AlternateTimeDimension != "":
		return notImitated("aggregates by " + q.AlternateTimeDimension)
	case q.QueryType != "" && q.QueryType != "groupBy":
		return notImitated("aggregates of the type " + q.QueryType)
	}
	for _, m := range q.Metrics {
		if slices.Contains(unrecorded, m) {
			return notImitated("the metric " + m)
		}
	}
	for i, v := range q.Views {
		place := fmt.Sprintf("views[%d]", i)
		switch {
		case !strings.HasPrefix(v.Target, "t"):
			return bad("client.failed.request", "a range bounds times, not %s", v.Target).field(place + ".target")
		case v.Range.GTE == nil && v.Range.LT == nil:
			return bad("client.failed.request", "%s needs a limit", place).field(place + ".range")
		case slices.Contains(metricNames[:], v.Name) || slices.Contains(unrecorded, v.Name):
			return bad("client.failed.request", "%s has the name of a metric", place).field(place + ".name")
		case slices.Contains(unrecorded, v.Target):
			return notImitated("the metric " + v.Target)
		}
	}
	return nil
}

// tally is what is being added up.
type tally struct {
	*look
	passes   test
	grouping *grouping
	columns  []column
	of       [metrics][]int // the columns that a metric counts in
	limits   []time.Time    // of the parts
	millis   []int64        // the same as times of the centre
	part     int            // the part that was found last

	cells  map[uint64][]stat // by group and part, each with a statistic for each column
	slab   []stat            // for cells to come
	target map[int32]int64   // by queue
	spans  []string          // the parts as the wire has them

	aspect aspect                  // at present, so that it need not be made anew
	seen   [len(purposes)]struct { // of the present leg, by side
		is     bool
		passes bool
		groups []int32
		last   uint64 // where the cell is that was found last
		cell   []stat
	}
}

// column is one metric or view.
type column struct {
	name     string
	metric   metric
	view     bool
	from, to float64 // the values that a view counts
}

// stat is a statistic. Of a service level, count is its denominator, sum its
// numerator, and min and max the targets.
type stat struct{ count, sum, min, max int64 }

// columnsOf takes the metrics and the views of a query. What other media emit
// has no column.
func (t *tally) columnsOf(q aggregatesQuery) {
	add := func(name, target string, view bool, from, to float64) {
		if m := slices.Index(metricNames[:], target); m >= 0 {
			t.of[m] = append(t.of[m], len(t.columns))
			t.columns = append(t.columns, column{name, metric(m), view, from, to})
		}
	}
	for i, name := range q.Metrics {
		if !slices.Contains(q.Metrics[:i], name) {
			add(name, name, false, 0, 0)
		}
	}
	for _, v := range q.Views {
		from, to := math.Inf(-1), math.Inf(1)
		if v.Range.GTE != nil {
			from = *v.Range.GTE
		}
		if v.Range.LT != nil {
			to = *v.Range.LT
		}
		add(v.Name, v.Target, true, from, to)
	}
}

// count passes over the record.
func (t *tally) count() {
	from, to := t.millis[0], t.millis[len(t.millis)-1]
	var buf []emission
	for n, l := range t.legs() {
		if l.Entered >= to || l.Ended >= 0 && l.Ended < from {
			continue
		}
		buf = emissions(buf[:0], n, l)
		t.next()
		for _, e := range buf {
			if from <= e.at && e.at < to && len(t.of[e.metric]) > 0 && t.shows(e.at) {
				t.add(n, l, l.Agent, e)
			}
		}
	}
	if len(t.of[metricAlert])+len(t.of[metricNotResponding]) == 0 {
		return
	}
	misses := t.life.centre.Misses()
	for _, m := range misses[sort.Search(len(misses), func(i int) bool { return misses[i].To >= from }):] {
		if l := t.life.centre.Leg(m.Leg); l != nil && m.To < to && t.shows(m.To) {
			t.next()
			for _, e := range emissionsOf(m) {
				t.add(m.Leg, l, m.Agent, e)
			}
		}
	}
}

// next begins another leg.
func (t *tally) next() {
	for i := range t.seen {
		t.seen[i].is, t.seen[i].last = false, math.MaxUint64
	}
}

// add counts an emission of a leg.
func (t *tally) add(n int, l *centre.Leg, agent int32, e emission) {
	seen := &t.seen[e.side]
	if !seen.is {
		t.aspect = aspect{n: n, l: l, side: e.side, agent: agent, to: -1}
		if seen.is, seen.passes = true, t.passes == nil || t.passes(&t.aspect); seen.passes {
			seen.groups = t.grouping.of(seen.groups[:0], &t.aspect)
		}
	}
	if !seen.passes {
		return
	}
	value := e.value
	if e.metric == metricServiceLevel || e.metric == metricServiceTarget {
		target := t.targetOf(l.Queue)
		if target < 0 && (e.side == ofACD || e.metric == metricServiceTarget) { // abandoned where nothing was promised
			return
		}
		if e.metric == metricServiceTarget {
			value = target
		}
	}
	part := t.partOf(e.at)
	for _, g := range seen.groups {
		place := uint64(uint32(g))<<32 | uint64(uint32(part))
		cell := seen.cell
		if place != seen.last {
			cell = t.cell(place)
			seen.last, seen.cell = place, cell
		}
		for _, c := range t.of[e.metric] {
			if col := &t.columns[c]; col.view && (float64(value) < col.from || float64(value) >= col.to) {
				continue
			}
			st := &cell[c]
			low := value
			if e.metric == metricServiceLevel {
				low = t.targetOf(l.Queue)
			}
			if st.count == 0 || low < st.min {
				st.min = low
			}
			if st.count == 0 || low > st.max {
				st.max = low
			}
			st.count++
			st.sum += value
		}
	}
}

func (t *tally) targetOf(queue int32) int64 {
	share, ok := t.target[queue]
	if !ok {
		share = t.Server.target(t.life.centre.QueueID(queue))
		t.target[queue] = share
	}
	return share
}

// partOf is the part of the interval that a time lies in.
func (t *tally) partOf(at int64) int {
	if t.millis[t.part] <= at && at < t.millis[t.part+1] {
		return t.part
	}
	t.part = sort.Search(len(t.millis), func(i int) bool { return t.millis[i] > at }) - 1
	return t.part
}

// slabCells is how many cells are made at once.
const slabCells = 128

func (t *tally) cell(place uint64) []stat {
	cell, ok := t.cells[place]
	if !ok {
		n := len(t.columns)
		if len(t.slab) < n {
			t.slab = make([]stat, slabCells*n)
		}
		cell, t.slab = t.slab[:n:n], t.slab[n:]
		t.cells[place] = cell
	}
	return cell
}

// results passes over the record and writes what it adds up to: groups by what
// they are, parts by time, and nothing of what is empty.
func (t *tally) results() []aggregatesGroup {
	if t == nil {
		return []aggregatesGroup{}
	}
	t.count()
	t.spans = make([]string, len(t.limits)-1)
	out := []aggregatesGroup{}
	last := int32(-1)
	for _, place := range slices.Sorted(maps.Keys(t.cells)) {
		part := t.show(int(uint32(place)), t.cells[place])
		if len(part.Metrics)+len(part.Views) == 0 {
			continue
		}
		if g := int32(place >> 32); g != last {
			last = g
			group, key := t.grouping.group(g)
			out = append(out, aggregatesGroup{Group: group, key: key})
		}
		out[len(out)-1].Data = append(out[len(out)-1].Data, part)
	}
	slices.SortFunc(out, func(a, b aggregatesGroup) int { return strings.Compare(a.key, b.key) })
	return out
}

// show writes one cell.
func (t *tally) show(part int, cell []stat) aggregatesPart {
	if t.spans[part] == "" {
		t.spans[part] = stamp(t.limits[part].UTC()) + "/" + stamp(t.limits[part+1].UTC())
	}
	out := aggregatesPart{Interval: t.spans[part], Metrics: make([]aggregatesMetric, 0, len(t.columns))}
	for i := range t.columns {
		c := &t.columns[i]
		stats := cell[i].show(c.metric)
		switch {
		case stats == nil:
		case c.view:
			out.Views = append(out.Views, aggregatesMetric{Name: c.name, Stats: stats})
		default:
			out.Metrics = append(out.Metrics, aggregatesMetric{Metric: c.name, Stats: stats})
		}
	}
	return out
}

// show writes a statistic as the wire has it; nil: there is nothing.
func (st stat) show(m metric) any {
	target := func() *float64 {
		if st.min != st.max || st.min < 0 {
			return nil // queues with several targets, or with none
		}
		share := float64(st.min) / 10_000
		return &share
	}
	switch {
	case st.count == 0:
		return nil
	case m == metricServiceLevel:
		return struct {
			Ratio       float64  `json:"ratio"`
			Numerator   int64    `json:"numerator"`
			Denominator int64    `json:"denominator"`
			Target      *float64 `json:"target,omitempty"`
		}{float64(st.sum) / float64(st.count), st.sum, st.count, target()}
	case m == metricServiceTarget:
		if target() == nil {
			return nil
		}
		return struct {
			Current *float64 `json:"current"`
			Target  *float64 `json:"target"`
		}{target(), target()}
	case metricNames[m][0] == 't':
		return struct {
			Max   int64 `json:"max"`
			Min   int64 `json:"min"`
			Count int64 `json:"count"`
			Sum   int64 `json:"sum"`
		}{st.max, st.min, st.count, st.sum}
	}
	return struct {
		Count int64 `json:"count"`
	}{st.count}
}
