package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"sort"
	"strconv"
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

// aggregatesHead is what an answer begins with.
const aggregatesHead = `{"results":[`

// aggregatesGroups are the groups of an answer, as JSON.
type aggregatesGroups struct {
	text   []byte // up to the last group
	starts []int  // of each group, and where one more would begin
}

// some are groups with the commas between them.
func (g aggregatesGroups) some(from, to int) []byte {
	if from == to {
		return nil
	}
	return g.text[g.starts[from] : g.starts[to]-1]
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
	return http.StatusOK, written(append(t.results().text, "]}"...)), nil
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
	passes, err := s.compile(q.Filter, legDimensions, nil)
	if err != nil {
		return nil, err
	}
	groups, err := s.grouped(q.GroupBy, legDimensions, q.Flatten)
	if err != nil {
		return nil, err
	}
	limits, err := g.parts(from, to, zone)
	if err != nil {
		return nil, err
	}
	t := s.look(0).newTally(limits)
	t.passes, t.grouping = passes, groups
	t.columnsOf(q)
	return t, nil
}

// newTally is a tally of everything in one, by the parts of an interval.
func (k *look) newTally(limits []time.Time) *tally {
	t := &tally{look: k, grouping: &grouping{groups: make([]groupNode, 1)}, limits: limits, cells: map[uint64][]stat{}}
	t.targets.work = func(queue int64) int64 { return k.target(k.life.centre.QueueID(int32(queue))) }
	for _, at := range limits {
		t.millis = append(t.millis, k.life.millis(at))
	}
	return t
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

	cells   map[uint64][]stat // by group and part, each with a statistic for each column
	recent  [1 << 8]nearCell  // of cells, by a hash
	slab    []stat            // for cells to come
	targets memo[int64]       // of queues

	aspect aspect                  // at present, so that it need not be made anew
	seen   [len(purposes)]struct { // of the present leg, by side
		is     bool
		passes bool
		groups []int32
		part   int      // that was counted in last
		cells  [][]stat // of the groups in it
	}
}

// nearCell is where a cell is.
type nearCell struct {
	at   uint64
	cell []stat
}

// column is one metric or view.
type column struct {
	head     []byte // of its JSON
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
			key := `{"metric":`
			if view {
				key = `{"name":`
			}
			head, _ := json.Marshal(name)
			head = append(append([]byte(key), head...), `,"stats":{`...)
			t.columns = append(t.columns, column{head, metric(m), view, from, to})
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
	from, to := t.millis[0], min(t.millis[len(t.millis)-1], t.upTo+1)
	wanted := 0
	for m, columns := range t.of {
		if len(columns) > 0 {
			wanted |= 1 << m
		}
	}
	var buf []emission
	for n, l := range t.within(from, to) {
		buf = emissions(buf[:0], n, l)
		t.next()
		for i := range buf {
			if e := &buf[i]; from <= e.at && e.at < to && wanted>>e.metric&1 != 0 && t.shows(e.at) {
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
				t.add(m.Leg, l, m.Agent, &e)
			}
		}
	}
}

// next begins another leg.
func (t *tally) next() {
	for i := range t.seen {
		t.seen[i].is = false
	}
}

// add counts an emission of a leg.
func (t *tally) add(n int, l *centre.Leg, agent int32, e *emission) {
	seen := &t.seen[e.side]
	if !seen.is {
		a := &t.aspect
		a.n, a.l, a.side, a.agent, a.to = n, l, e.side, agent, -1
		if seen.is, seen.passes = true, t.passes == nil || t.passes(a); seen.passes {
			var same bool
			if seen.groups, same = t.grouping.of(a); !same {
				seen.cells = seen.cells[:0]
			}
		}
	}
	if !seen.passes {
		return
	}
	value, low := e.value, e.value
	if e.metric == metricServiceLevel || e.metric == metricServiceTarget {
		low = t.targets.get(int64(l.Queue))
		if low < 0 && (e.side == ofACD || e.metric == metricServiceTarget) { // abandoned where nothing was promised
			return
		}
		if e.metric == metricServiceTarget {
			value = low
		}
	}
	if part := t.partOf(e.at); part != seen.part || len(seen.cells) == 0 {
		seen.part, seen.cells = part, seen.cells[:0]
		for _, g := range seen.groups {
			seen.cells = append(seen.cells, t.cell(g, part))
		}
	}
	for _, cell := range seen.cells {
		for _, c := range t.of[e.metric] {
			if col := &t.columns[c]; col.view && (float64(value) < col.from || float64(value) >= col.to) {
				continue
			}
			st := &cell[c]
			if st.count == 0 {
				st.min, st.max = low, low
			}
			st.min, st.max = min(st.min, low), max(st.max, low)
			st.count++
			st.sum += value
		}
	}
}

// partOf is the part of the interval that a time lies in. Parts are about
// equally long.
func (t *tally) partOf(at int64) int {
	if t.millis[t.part] <= at && at < t.millis[t.part+1] {
		return t.part
	}
	parts := len(t.millis) - 1
	i := int((at - t.millis[0]) * int64(parts) / (t.millis[parts] - t.millis[0]))
	for t.millis[i] > at {
		i--
	}
	for t.millis[i+1] <= at {
		i++
	}
	t.part = i
	return i
}

// slabCells is how many cells are made at once.
const slabCells = 128

func (t *tally) cell(group int32, part int) []stat {
	at := uint64(uint32(group))<<32 | uint64(uint32(part))
	near := &t.recent[(uint(group)*31+uint(part))%uint(len(t.recent))]
	if near.at == at && near.cell != nil {
		return near.cell
	}
	cell, ok := t.cells[at]
	if !ok {
		n := len(t.columns)
		if len(t.slab) < n {
			t.slab = make([]stat, slabCells*n)
		}
		cell, t.slab = t.slab[:n:n], t.slab[n:]
		t.cells[at] = cell
	}
	*near = nearCell{at, cell}
	return cell
}

// results passes over the record and writes what it adds up to: groups by what
// they are, parts by time, and nothing of what is empty.
func (t *tally) results() aggregatesGroups {
	out := aggregatesGroups{text: []byte(aggregatesHead), starts: []int{len(aggregatesHead)}}
	if t == nil {
		return out
	}
	t.count()
	type found struct {
		group map[string]string
		key   string
		cells []uint64
	}
	var groups []found
	stats := 0
	for _, at := range slices.Sorted(maps.Keys(t.cells)) {
		n := t.telling(t.cells[at])
		if n == 0 {
			continue
		}
		stats += n
		last := len(groups) - 1
		if last < 0 || groups[last].cells[0]>>32 != at>>32 {
			group, key := t.grouping.group(int32(at >> 32))
			groups = append(groups, found{group, key, nil})
			last++
		}
		groups[last].cells = append(groups[last].cells, at)
	}
	slices.SortFunc(groups, func(a, b found) int { return strings.Compare(a.key, b.key) })
	spans := make([]string, len(t.limits)-1) // the parts as the wire has them
	b := slices.Grow(out.text, 96*stats)     // in most cases enough
	for _, g := range groups {
		text, _ := json.Marshal(g.group)
		b = append(append(append(apart(b), `{"group":`...), text...), `,"data":[`...)
		for _, at := range g.cells {
			part := int(uint32(at))
			if spans[part] == "" {
				spans[part] = `{"interval":"` + stamp(t.limits[part]) + "/" + stamp(t.limits[part+1]) + `","metrics":[`
			}
			b = t.show(append(apart(b), spans[part]...), t.cells[at])
		}
		b = append(b, "]}"...)
		out.starts = append(out.starts, len(b)+1)
	}
	out.text = b
	return out
}

// apart puts a comma before what follows in a list.
func apart(b []byte) []byte {
	if b[len(b)-1] == '[' {
		return b
	}
	return append(b, ',')
}

// telling is how many statistics of a cell have something to show.
func (t *tally) telling(cell []stat) int {
	n := 0
	for i := range cell {
		if cell[i].tells(t.columns[i].metric) {
			n++
		}
	}
	return n
}

// show writes one cell from its first metric on. The views come last, in a list
// of their own.
func (t *tally) show(b []byte, cell []stat) []byte {
	views := false
	for i := range t.columns {
		c := &t.columns[i]
		if !cell[i].tells(c.metric) {
			continue
		}
		if c.view && !views {
			views = true
			b = append(b, `],"views":[`...)
		}
		b = append(cell[i].show(append(apart(b), c.head...), c.metric), "}}"...)
	}
	return append(b, "]}"...)
}

// tells says that there is something.
func (st *stat) tells(m metric) bool {
	return st.count > 0 && (m != metricServiceTarget || st.target())
}

// target says that a service level has one target: not several, those of
// several queues, and not none.
func (st *stat) target() bool { return st.min == st.max && st.min >= 0 }

// show writes the fields of a statistic as the wire has them.
func (st *stat) show(b []byte, m metric) []byte {
	share := func(name string, n float64) { b = strconv.AppendFloat(append(b, name...), n, 'f', -1, 64) }
	count := func(name string, n int64) { b = strconv.AppendInt(append(b, name...), n, 10) }
	target := float64(st.min) / 10_000
	switch {
	case m == metricServiceLevel:
		share(`"ratio":`, float64(st.sum)/float64(st.count))
		count(`,"numerator":`, st.sum)
		count(`,"denominator":`, st.count)
		if st.target() {
			share(`,"target":`, target)
		}
	case m == metricServiceTarget:
		share(`"current":`, target)
		share(`,"target":`, target)
	case metricNames[m][0] == 't':
		count(`"max":`, st.max)
		count(`,"min":`, st.min)
		count(`,"count":`, st.count)
		count(`,"sum":`, st.sum)
	default:
		count(`"count":`, st.count)
	}
	return b
}
