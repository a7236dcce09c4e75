package sandbox

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"sort"
	"time"

	"github.com/foresort/foresort/sandbox/centre"
	"github.com/foresort/foresort/simulate"
)

// This file adds up what agents did: a users' aggregates query goes in, the time
// in each routing status comes out, by agent and part of the interval.

// usersAggregatesQuery is the body of the query.
type usersAggregatesQuery struct {
	Interval, Granularity, TimeZone string
	GroupBy                         []string
	Filter                          *filter
	Metrics                         []string
	Views                           []object
	AlternateTimeDimension          string
}

// routingStatusMetric is the metric that is imitated: of presences only the
// present ones are known.
const routingStatusMetric = "tAgentRoutingStatus"

func postAnalyticsUsersAggregatesQuery(c *call) (int, any, error) {
	q, err := decode[usersAggregatesQuery](c)
	if err != nil {
		return 0, nil, err
	}
	limits, err := q.limits()
	if err != nil {
		return 0, nil, err
	}
	if err := cmp.Or(needs("metrics", len(q.Metrics)), q.Filter.check("filter"), q.imitated()); err != nil {
		return 0, nil, err
	}
	results := []object{}
	if c.life == nil {
		return http.StatusOK, object{"results": results}, nil
	}
	k := c.look(0)
	all := spent{}
	for id, statuses := range c.life.centre.Statuses() {
		if !q.Filter.passes(map[string]string{"userId": id}) {
			continue
		}
		of := all
		if len(q.GroupBy) > 0 {
			of = spent{}
		}
		k.spend(of, statuses, limits)
		if len(q.GroupBy) > 0 && len(of) > 0 {
			results = append(results, object{"group": object{"userId": id}, "data": of.show(limits)})
		}
	}
	if len(all) > 0 {
		results = append(results, object{"group": object{}, "data": all.show(limits)})
	}
	return http.StatusOK, object{"results": results}, nil
}

// limits are the limits of the parts of the interval.
func (q usersAggregatesQuery) limits() ([]time.Time, error) {
	from, to, err := analyticsInterval(q.Interval)
	if err != nil {
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
	return g.parts(from, to, zone)
}

// imitated says what of a query is not imitated.
func (q usersAggregatesQuery) imitated() error {
	switch {
	case len(q.Views) > 0:
		return notImitated("views of agents' times")
	case q.AlternateTimeDimension != "":
		return notImitated("aggregates by " + q.AlternateTimeDimension)
	}
	for _, m := range q.Metrics {
		if m != routingStatusMetric {
			return notImitated("the metric " + m)
		}
	}
	return nil
}

// spent is the time in each status, by part of the interval.
type spent map[int]map[simulate.Status]*stat

// spend adds what an agent did within the parts, as far as it shows.
func (k *look) spend(to spent, statuses []centre.Status, limits []time.Time) {
	millis := make([]int64, len(limits))
	for i, at := range limits {
		millis[i] = k.life.millis(at)
	}
	first := sort.Search(len(statuses), func(i int) bool { return statuses[i].Since > millis[0] })
	for i := max(first-1, 0); i < len(statuses); i++ {
		until := k.upTo
		if i+1 < len(statuses) {
			until = min(until, statuses[i+1].Since)
		}
		for at := max(statuses[i].Since, millis[0]); at < until; {
			part := sort.Search(len(millis), func(i int) bool { return millis[i] > at }) - 1
			if part >= len(millis)-1 {
				return
			}
			end := min(until, millis[part+1])
			if took := end - at - k.hiddenIn(at, end); took > 0 {
				to.add(part, statuses[i].Status, took)
			}
			at = end
		}
	}
}

// hiddenIn is for how long of a time nothing shows. Of times that are hidden
// twice it counts one.
func (k *look) hiddenIn(from, to int64) int64 {
	holes := slices.SortedFunc(slices.Values(k.hidden), func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	var sum int64
	for _, h := range holes {
		if begin, end := max(from, h[0]), min(to, h[1]); begin < end {
			sum += end - begin
			from = end
		}
	}
	return sum
}

func (s spent) add(part int, status simulate.Status, took int64) {
	if s[part] == nil {
		s[part] = map[simulate.Status]*stat{}
	}
	st := s[part][status]
	if st == nil {
		st = &stat{min: took, max: took}
		s[part][status] = st
	}
	st.count, st.sum, st.min, st.max = st.count+1, st.sum+took, min(st.min, took), max(st.max, took)
}

// show writes the parts in which there was anything, the first first.
func (s spent) show(limits []time.Time) []object {
	data := []object{}
	for _, part := range slices.Sorted(maps.Keys(s)) {
		metrics := []object{}
		for _, status := range slices.Sorted(maps.Keys(s[part])) {
			st := s[part][status]
			metrics = append(metrics, object{
				"metric": routingStatusMetric, "qualifier": routingStatuses[status],
				"stats": object{"count": st.count, "sum": st.sum, "min": st.min, "max": st.max},
			})
		}
		data = append(data, object{"interval": stamp(limits[part]) + "/" + stamp(limits[part+1]), "metrics": metrics})
	}
	return data
}
