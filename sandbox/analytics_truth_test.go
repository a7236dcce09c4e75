package sandbox_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/sandbox/centre"
	"github.com/foresort/foresort/scenario"
)

// What the answers of analytics tell is what happened: the record of the centre
// is read here in its own way, and everything that the API adds up is held
// against it.

const (
	details        = "/api/v2/analytics/conversations/details/query"
	detailsJobs    = "/api/v2/analytics/conversations/details/jobs"
	aggregatesJobs = "/api/v2/analytics/conversations/aggregates/jobs"
	busyTraffic    = `version: 1
start: 2026-03-02
timezone: Europe/Berlin
days: 7
arrivals:
  - mix: { support@help.example.com: 5, billing@help.example.com: 3, complaints@help.example.com: 1 }
    rates: { mon-sun: { 00:00-24:00: 40 } }
handle: { mean: 6m, cv: 0.8 }
wrapUp: { mean: 90s }
rules:
  support@help.example.com:
    patience: { mean: 90m }
    transfer: [{ to: billing@help.example.com, share: 0.3 }]
  billing@help.example.com:
    patience: { mean: 4h }
    transfer: [{ to: complaints@help.example.com, share: 0.2 }]
agents:
  - { name: Day, count: 3, capacity: 2, skills: { Billing: 4 }, languages: { English: 4 }, shifts: { mon-sun: 07:00-17:00 } }
  - { name: Night, count: 2, skills: { Billing: 3 }, languages: { English: 3 }, shifts: { mon-sun: 16:00-23:00 } }
noAnswer: { share: 0.08, away: 6m, answer: { mean: 20s } }
unfinished: park
`
)

// served are the metrics that the sandbox serves.
var served = []string{
	"nOffered", "nConnected", "nTransferred", "nBlindTransferred", "nOverSla", "oServiceLevel", "oServiceTarget", "tAbandon", "tAcd", "tAcw",
	"tAlert", "tAnswered", "tFirstResponse", "tFlowOut", "tHandle", "tNotResponding", "tTalk", "tTalkComplete", "tWait",
}

// living opens an organisation that has lived for some days, on a Wednesday.
func living(t testing.TB, o sandbox.Options) *org {
	t.Helper()
	o.RateLimit = -1
	if o.Now == nil {
		o.Now = sandbox.NewClock(time.Date(2026, 3, 4, 11, 37, 0, 0, time.UTC)).Now
	}
	x := open(t, o)
	if err := x.Err(); err != nil {
		t.Fatal(err)
	}
	return x
}

// busy is an organisation with too much to do: senders give up, email is
// transferred, alerts are missed, and some is ended from outside.
func busy(t testing.TB) *org {
	t.Helper()
	sc, problems := scenario.Parse("traffic.yaml", []byte(busyTraffic), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	x := living(t, sandbox.Options{Traffic: sc, History: 60 * time.Hour, Seed: 5})
	complaints := fmt.Sprint(x.named("/api/v2/routing/queues", "Complaints")["id"])
	ended := map[string]int{}
	for i, n := range slices.Sorted(slices.Values(x.Centre().Open())) {
		state := x.Centre().Leg(n).State
		how := "disconnect"
		done := i%4 == 0 && x.Disconnect(n)
		if i%4 == 1 && state != centre.Alerting {
			how, done = "transfer", x.Transfer(n, complaints)
		}
		if done {
			ended[fmt.Sprint(how, state)]++
		}
	}
	skills := []string{x.skill("Billing"), x.skill("Returns")}
	for i, n := range slices.Sorted(slices.Values(x.Centre().Open())) {
		if l := x.Centre().Leg(n); l.State == centre.Waiting && i%2 == 0 {
			x.ok("PATCH", "/api/v2/routing/conversations/"+x.ConversationID(l.Conversation), map[string]any{"skillIds": skills})
		}
	}
	if len(ended) < 3 {
		t.Fatalf("too little was ended: %v", ended)
	}
	if err := x.Advance(20 * time.Minute); err != nil {
		t.Fatal(err)
	}
	return x
}

// fact is one value of one metric as the record has it.
type fact struct {
	metric       string
	at, value    int64
	dims         map[string]string
	skills       []string
	conversation int
}

// facts reads the record.
func facts(x *org) []fact {
	c := x.Centre()
	var out []fact
	side := map[string]string{
		"nConnected": "customer", "nOffered": "acd", "tAcd": "acd", "tAbandon": "acd", "tFlowOut": "acd",
		"tAnswered": "agent", "nOverSla": "agent", "tAlert": "agent", "tNotResponding": "agent", "tHandle": "agent", "tTalk": "agent",
		"tTalkComplete": "agent", "tFirstResponse": "agent", "tAcw": "agent", "nTransferred": "agent", "nBlindTransferred": "agent",
	}
	note := func(l *centre.Leg, agent int32, metric string, at, value int64) {
		purpose := side[metric]
		if purpose == "" { // derived of tAnswered and tAbandon
			purpose = "agent"
			if l.Answered < 0 {
				purpose = "acd"
			}
		}
		f := fact{metric: metric, at: at, value: value, conversation: l.Conversation}
		f.dims = map[string]string{
			"mediaType": "email", "direction": "inbound", "originatingDirection": "inbound", "purpose": purpose,
			"addressTo": c.Address(l.Address), "conversationId": x.ConversationID(l.Conversation),
		}
		if purpose != "customer" {
			f.dims["queueId"], f.dims["routingPriority"] = c.QueueID(l.Queue), strconv.Itoa(int(l.Priority))
			f.skills = c.Ask(l.Ask).Skills
			if lang := c.Ask(l.Ask).Language; lang != "" {
				f.dims["requestedLanguageId"] = lang
			}
			if len(f.skills) > 0 {
				f.dims["requestedRoutingSkillId"] = strings.Join(f.skills, ",")
			}
		}
		if purpose == "agent" {
			f.dims["userId"] = c.AgentID(agent)
		}
		out = append(out, f)
	}
	for n, l := range c.Legs() {
		if n == l.Conversation {
			note(l, -1, "nConnected", l.Entered, 1)
		}
		note(l, -1, "nOffered", l.Entered, 1)
		switch {
		case l.Answered >= 0:
			wait := l.Answered - l.Entered
			for _, m := range []string{"tAcd", "tAnswered", "tWait"} {
				note(l, l.Agent, m, l.Answered, wait)
			}
			note(l, l.Agent, "tAlert", l.Answered, l.Answered-l.Alerted)
			if l.Target {
				note(l, l.Agent, "oServiceTarget", l.Answered, 0)
				if l.InTime {
					note(l, l.Agent, "oServiceLevel", l.Answered, 1)
				} else {
					note(l, l.Agent, "oServiceLevel", l.Answered, 0)
					note(l, l.Agent, "nOverSla", l.Answered, 1)
				}
			}
		case l.State == centre.Disconnected && l.Transferred:
			for _, m := range []string{"tAcd", "tWait", "tFlowOut"} {
				note(l, -1, m, l.Ended, l.Ended-l.Entered)
			}
		case l.State == centre.Abandoned || l.State == centre.Disconnected:
			for _, m := range []string{"tAcd", "tWait", "tAbandon"} {
				note(l, -1, m, l.Ended, l.Ended-l.Entered)
			}
			note(l, -1, "oServiceLevel", l.Ended, 0)
			note(l, -1, "oServiceTarget", l.Ended, 0)
			if l.Alerted >= 0 {
				note(l, l.Agent, "tAlert", l.Ended, l.Ended-l.Alerted)
			}
		}
		if l.Answered >= 0 && l.Ended >= 0 {
			wrapped := l.WrappedFrom
			if l.State == centre.Disconnected {
				wrapped = l.Ended
			}
			note(l, l.Agent, "tHandle", l.Ended, l.Ended-l.Answered)
			note(l, l.Agent, "tTalk", l.Ended, wrapped-l.Answered)
			note(l, l.Agent, "tTalkComplete", l.Ended, wrapped-l.Answered)
			if wrapped < l.Ended {
				note(l, l.Agent, "tAcw", l.Ended, l.Ended-wrapped)
			}
			if l.Transferred {
				note(l, l.Agent, "nTransferred", l.Ended, 1)
				note(l, l.Agent, "nBlindTransferred", l.Ended, 1)
			} else if l.State == centre.Handled {
				note(l, l.Agent, "tFirstResponse", l.Ended, wrapped-l.Entered)
			}
		}
	}
	for _, m := range c.Misses() {
		l := c.Leg(m.Leg)
		note(l, m.Agent, "tAlert", m.To, m.To-m.From)
		note(l, m.Agent, "tNotResponding", m.To, m.To-m.From)
	}
	return out
}

// figure is a statistic; of service levels count is the denominator and sum the
// numerator.
type figure struct{ Count, Sum, Min, Max int64 }

func (f *figure) add(v int64) {
	if f.Count == 0 || v < f.Min {
		f.Min = v
	}
	if f.Count == 0 || v > f.Max {
		f.Max = v
	}
	f.Count++
	f.Sum += v
}

// bare leaves what the wire has of a statistic.
func (f figure) bare(metric string) figure {
	switch {
	case metric == "oServiceLevel":
		return figure{Count: f.Count, Sum: f.Sum}
	case metric == "oServiceTarget":
		return figure{}
	case metric[0] == 'n':
		return figure{Count: f.Count}
	}
	return f
}

// row is one number of an answer.
type row struct {
	group    map[string]string
	from, to int64
	metric   string
	figure   figure
	target   string
}

func whole(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

func (x *org) millis(text string) int64 {
	x.t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		x.t.Fatal(err)
	}
	return at.Sub(x.At(0)).Milliseconds()
}

func objects(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, e := range list {
		o, _ := e.(map[string]any)
		out = append(out, o)
	}
	return out
}

// rows takes an answer of aggregates apart.
func (x *org) rows(answer map[string]any) []row {
	x.t.Helper()
	var out []row
	for _, result := range objects(answer["results"]) {
		group := map[string]string{}
		g, _ := result["group"].(map[string]any)
		for k, v := range g {
			group[k] = fmt.Sprint(v)
		}
		for _, part := range objects(result["data"]) {
			from, to, _ := strings.Cut(fmt.Sprint(part["interval"]), "/")
			for _, m := range append(objects(part["metrics"]), objects(part["views"])...) {
				s, _ := m["stats"].(map[string]any)
				name, _ := m["metric"].(string)
				if name == "" {
					name = fmt.Sprint(m["name"])
				}
				r := row{group: group, from: x.millis(from), to: x.millis(to), metric: name, target: fmt.Sprint(s["target"])}
				r.figure = figure{whole(s["count"]), whole(s["sum"]), whole(s["min"]), whole(s["max"])}
				if name == "oServiceLevel" {
					r.figure = figure{Count: whole(s["denominator"]), Sum: whole(s["numerator"])}
					if ratio, _ := s["ratio"].(json.Number).Float64(); ratio != float64(r.figure.Sum)/float64(r.figure.Count) {
						x.t.Errorf("ratio %v of %+v", s["ratio"], r.figure)
					}
				}
				out = append(out, r)
			}
		}
	}
	return out
}

// in says that a fact belongs to a group; flat: a fact with several skills
// belongs to the group of all of them, and not to that of each.
func (f fact) in(group map[string]string, by []string, flat bool) bool {
	for _, d := range by {
		want, has := group[d]
		mine, known := f.dims[d]
		switch {
		case has != known:
			return false
		case d == "requestedRoutingSkillId" && !flat && has:
			if !slices.Contains(f.skills, want) {
				return false
			}
		case mine != want:
			return false
		}
	}
	return true
}

// hold holds the rows of an answer against the facts: each number is right, and
// no fact is left out.
func (x *org) hold(rows []row, all []fact, by []string, flat bool, from, to int64, metrics []string, where func(fact) bool) {
	x.t.Helper()
	byMetric := map[string][]fact{}
	expected := map[string]int64{}
	for _, f := range all {
		if from <= f.at && f.at < to && slices.Contains(metrics, f.metric) && (where == nil || where(f)) {
			byMetric[f.metric] = append(byMetric[f.metric], f)
			times := int64(1)
			if slices.Contains(by, "requestedRoutingSkillId") && !flat {
				times = max(int64(len(f.skills)), 1)
			}
			expected[f.metric] += times
		}
	}
	got := map[string]int64{}
	for _, r := range rows {
		var want figure
		for _, f := range byMetric[r.metric] {
			if r.from <= f.at && f.at < r.to && f.in(r.group, by, flat) {
				want.add(f.value)
			}
		}
		got[r.metric] += want.Count
		if want.bare(r.metric) != r.figure {
			x.t.Fatalf("%s of %v in %s/%s: %+v, the record has %+v", r.metric, r.group, x.At(r.from), x.At(r.to), r.figure, want)
		}
	}
	delete(expected, "oServiceTarget") // queues with several targets have none together
	delete(got, "oServiceTarget")
	if d := gocmp.Diff(expected, got); d != "" {
		x.t.Fatalf("values in all (-record +answer):\n%s", d)
	}
}

// span is an interval around everything that the organisation has lived, from
// one odd minute to another.
func (x *org) span() (interval string, from, to int64) {
	a, b := x.At(0).Add(-7*time.Minute), x.At(x.Centre().Now()).Add(13*time.Minute+500*time.Millisecond)
	return a.Format(time.RFC3339Nano) + "/" + b.Format(time.RFC3339Nano), a.Sub(x.At(0)).Milliseconds(), b.Sub(x.At(0)).Milliseconds()
}

func TestAggregatesAreTheRecord(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]*org{
		"the seeded organisation": living(t, sandbox.Options{Traffic: sandbox.SeedTraffic(), History: 72 * time.Hour}),
		"too much to do":          busy(t),
	} {
		all := facts(x)
		for _, m := range served {
			if !slices.ContainsFunc(all, func(f fact) bool { return f.metric == m }) && (name == "too much to do" || !slices.Contains([]string{"tAbandon", "tFlowOut", "nOverSla"}, m)) {
				t.Fatalf("%s: the record has no %s, so nothing would be tested", name, m)
			}
		}
		interval, from, to := x.span()
		for _, by := range [][]string{
			nil,
			{"queueId"},
			{"queueId", "mediaType"},
			{"userId"},
			{"addressTo", "queueId"},
			{"requestedLanguageId", "routingPriority"},
			{"purpose", "direction", "originatingDirection"},
			{"requestedRoutingSkillId"},
		} {
			for _, granularity := range []string{"", "PT30M", "P1D", "PT7H", "P1M", "P1W", "PT36H"} {
				for _, flat := range []bool{false, true} {
					if flat && !slices.Contains(by, "requestedRoutingSkillId") || granularity == "PT30M" && len(by) > 1 {
						continue
					}
					t.Run(fmt.Sprintf("%s by %v in %s %t", name, by, granularity, flat), func(t *testing.T) {
						t.Parallel()
						x := x.in(t)
						body := map[string]any{"interval": interval, "metrics": served, "timeZone": "America/New_York", "flattenMultivaluedDimensions": flat}
						if by != nil {
							body["groupBy"] = by
						}
						if granularity != "" {
							body["granularity"] = granularity
						}
						rows := x.rows(x.ok("POST", aggregates, body))
						x.hold(rows, all, by, flat, from, to, served, nil)
					})
				}
			}
		}
	}
}

// An interval has its beginning and not its end, and so have its parts.
func TestMomentsOnTheLimits(t *testing.T) {
	t.Parallel()
	x := busy(t)
	all := facts(x)
	missed := slices.DeleteFunc(slices.Clone(all), func(f fact) bool { return f.metric != "tNotResponding" })
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 60 {
		at := all[rng.IntN(len(all))].at
		from, to := at-25*3_600_000, at+rng.Int64N(8*3_600_000)+1
		if rng.IntN(2) == 0 {
			from = min(all[rng.IntN(len(all))].at, to-1)
		}
		if i%5 == 0 {
			from = min(missed[rng.IntN(len(missed))].at, to-1)
		}
		if rng.IntN(3) == 0 {
			to = max(all[rng.IntN(len(all))].at, from+1)
		}
		interval := x.At(from).Format(time.RFC3339Nano) + "/" + x.At(to).Format(time.RFC3339Nano)
		for _, granularity := range []string{"PT25H", "PT1H"} {
			rows := x.rows(x.ok("POST", aggregates, map[string]any{"interval": interval, "metrics": served, "granularity": granularity}))
			x.hold(rows, all, nil, false, from, to, served, nil)
		}
	}
}

func TestFiltersOfAggregates(t *testing.T) {
	t.Parallel()
	x := busy(t)
	all := facts(x)
	billing := fmt.Sprint(x.named("/api/v2/routing/queues", "Billing Email")["id"])
	skill := x.skill("Billing")
	agent := x.userID("Day 1")
	conversation := x.ConversationID(all[len(all)/2].conversation)
	interval, from, to := x.span()
	p := func(dimension, value string) map[string]any {
		return map[string]any{"type": "dimension", "dimension": dimension, "operator": "matches", "value": value}
	}
	is := func(dimension, operator string) map[string]any {
		return map[string]any{"type": "dimension", "dimension": dimension, "operator": operator}
	}
	f := func(kind string, predicates ...any) map[string]any {
		return map[string]any{"type": kind, "predicates": predicates}
	}
	tests := map[string]struct {
		filter map[string]any
		where  func(fact) bool
		none   bool // nothing passes
	}{
		"one queue":            {filter: f("and", p("queueId", billing), p("mediaType", "email")), where: func(f fact) bool { return f.dims["queueId"] == billing }},
		"an agent":             {filter: f("and", p("userId", agent)), where: func(f fact) bool { return f.dims["userId"] == agent }},
		"no agent":             {filter: f("and", is("userId", "notExists")), where: func(f fact) bool { return f.dims["userId"] == "" }},
		"a language":           {filter: f("and", is("requestedLanguageId", "exists")), where: func(f fact) bool { return f.dims["requestedLanguageId"] != "" }},
		"a skill":              {filter: f("or", p("requestedRoutingSkillId", skill)), where: func(f fact) bool { return slices.Contains(f.skills, skill) }},
		"a priority":           {filter: f("and", p("routingPriority", "120")), where: func(f fact) bool { return f.dims["routingPriority"] == "120" }},
		"one of two addresses": {filter: f("or", p("addressTo", "billing@help.example.com"), p("addressTo", "complaints@help.example.com")), where: func(f fact) bool { return f.dims["addressTo"] != "support@help.example.com" }},
		"a conversation":       {filter: f("and", p("conversationId", conversation)), where: func(f fact) bool { return f.dims["conversationId"] == conversation }},
		"another medium":       {filter: f("and", p("mediaType", "voice")), none: true},
		"an unknown queue":     {filter: f("and", p("queueId", "x")), none: true},
		"clauses": {
			filter: map[string]any{"type": "and", "predicates": []any{p("direction", "inbound")}, "clauses": []any{
				f("or", p("queueId", billing), p("routingPriority", "0")), f("and", is("userId", "exists")),
			}},
			where: func(f fact) bool {
				return f.dims["userId"] != "" && (f.dims["queueId"] == billing || f.dims["routingPriority"] == "0")
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := x.in(t)
			by := []string{"queueId", "userId"}
			rows := x.rows(x.ok("POST", aggregates, map[string]any{"interval": interval, "metrics": served, "filter": tt.filter, "groupBy": by, "granularity": "P1D"}))
			if tt.none != (len(rows) == 0) {
				t.Fatalf("%d rows", len(rows))
			}
			x.hold(rows, all, by, false, from, to, served, func(f fact) bool { return !tt.none && tt.where(f) })
		})
	}
}

// The service level names the target where all that is added up has the same.
func TestServiceTargets(t *testing.T) {
	t.Parallel()
	x := busy(t)
	interval, _, _ := x.span()
	body := map[string]any{"interval": interval, "metrics": []string{"oServiceLevel", "oServiceTarget"}, "groupBy": []string{"queueId"}}
	want := map[string]string{"Support Email": "0.8", "Billing Email": "0.9", "Complaints": "0.95"}
	for name, target := range want {
		id := fmt.Sprint(x.named("/api/v2/routing/queues", name)["id"])
		got := 0
		for _, r := range x.rows(x.ok("POST", aggregates, body)) {
			if r.group["queueId"] == id && r.target == target {
				got++
			}
		}
		if got != 2 {
			t.Errorf("%s: %d of 2 metrics have the target %s", name, got, target)
		}
	}
	delete(body, "groupBy")
	for _, r := range x.rows(x.ok("POST", aggregates, body)) {
		if r.metric != "oServiceLevel" || r.target != "<nil>" {
			t.Errorf("queues with several targets have %s of %s together", r.metric, r.target)
		}
	}
}

func TestViewsBoundTheValues(t *testing.T) {
	t.Parallel()
	x := busy(t)
	interval, from, to := x.span()
	view := func(name, target, limits string) string {
		return `{"name":"` + name + `","target":"` + target + `","function":"rangeBound","range":{` + limits + `}}`
	}
	answer := x.ok("POST", aggregates, `{"interval":"`+interval+`","metrics":["tHandle"],"groupBy":["queueId"],"views":[`+
		view("short", "tHandle", `"lt":300000`)+`,`+view("long", "tHandle", `"gte":300000`)+`,`+view("given up", "tAbandon", `"gte":60000,"lt":3600000`)+`]}`)
	var all []fact
	for _, f := range facts(x) {
		all = append(all, f)
		view := f
		switch {
		case f.metric == "tHandle" && f.value < 300_000:
			view.metric = "short"
		case f.metric == "tHandle":
			view.metric = "long"
		case f.metric == "tAbandon" && f.value >= 60_000 && f.value < 3_600_000:
			view.metric = "given up"
		default:
			continue
		}
		all = append(all, view)
	}
	rows := x.rows(answer)
	x.hold(rows, all, []string{"queueId"}, false, from, to, []string{"tHandle", "short", "long", "given up"}, nil)
}

// detailed pages through the conversations of all days.
func (x *org) detailed(filters string) []map[string]any {
	x.t.Helper()
	var out []map[string]any
	for day := x.At(0).UTC().Truncate(24 * time.Hour); day.Before(x.At(x.Centre().Now())); day = day.AddDate(0, 0, 1) {
		interval := day.Format(time.RFC3339) + "/" + day.AddDate(0, 0, 1).Format(time.RFC3339)
		for page := 1; ; page++ {
			answer := x.ok("POST", details, fmt.Sprintf(`{"interval":"%s","paging":{"pageSize":100,"pageNumber":%d}%s}`, interval, page, filters))
			some := objects(answer["conversations"])
			if len(some) == 0 {
				break
			}
			out = append(out, some...)
		}
	}
	return out
}

// quantiles are waits in order, at some shares.
func quantiles(waits []int64) []int64 {
	slices.Sort(waits)
	var out []int64
	for _, share := range []float64{0, 0.25, 0.5, 0.8, 0.9, 0.99, 1} {
		out = append(out, waits[int(share*float64(len(waits)-1))])
	}
	return out
}

// From the details alone, every metric of every queue and agent is what the
// record says, value by value and moment by moment, and so are the quantiles of
// the waits.
func TestDetailsAreTheRecord(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]*org{
		"the seeded organisation": living(t, sandbox.Options{Traffic: sandbox.SeedTraffic(), History: 72 * time.Hour}),
		"too much to do":          busy(t),
	} {
		got, want := map[string][]string{}, map[string][]string{}
		waits, wantWaits := map[string][]int64{}, map[string][]int64{}
		for _, f := range facts(x) {
			if f.metric == "tWait" || f.metric[0] == 'o' {
				continue
			}
			key := f.metric + " " + f.dims["queueId"] + " " + f.dims["userId"]
			want[key] = append(want[key], fmt.Sprint(f.dims["conversationId"], f.at, f.value))
			if f.metric == "tAnswered" {
				wantWaits[f.dims["queueId"]] = append(wantWaits[f.dims["queueId"]], f.value)
			}
		}
		seen := map[string]bool{}
		for _, conversation := range x.detailed("") {
			id := fmt.Sprint(conversation["conversationId"])
			if seen[id] {
				t.Fatalf("%s: the conversation %s is there twice", name, id)
			}
			seen[id] = true
			for _, p := range objects(conversation["participants"]) {
				for _, s := range objects(p["sessions"]) {
					segments := objects(s["segments"])
					queue := fmt.Sprint(segments[0]["queueId"])
					user, _ := p["userId"].(string)
					if p["purpose"] == "customer" {
						queue = ""
					}
					for _, m := range objects(s["metrics"]) {
						key := fmt.Sprint(m["name"], " ", queue, " ", user)
						value := whole(m["value"])
						got[key] = append(got[key], fmt.Sprint(id, x.millis(fmt.Sprint(m["emitDate"])), value))
						if m["name"] == "tAnswered" {
							waits[queue] = append(waits[queue], value)
						}
					}
				}
			}
		}
		for _, m := range []map[string][]string{got, want} {
			for _, values := range m {
				slices.Sort(values)
			}
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("%s: metrics (-record +details):\n%.3000s", name, d)
		}
		for queue, all := range wantWaits {
			if d := gocmp.Diff(quantiles(all), quantiles(waits[queue])); d != "" {
				t.Errorf("%s: quantiles of the waits of %s (-record +details):\n%s", name, queue, d)
			}
		}
	}
}

// The segments of a conversation are its legs, without a gap between them.
func TestDetailsTellWhatHappened(t *testing.T) {
	t.Parallel()
	x := busy(t)
	c := x.Centre()
	kinds := map[string]int{}
	var endings []any
	for _, conversation := range x.detailed("") {
		var said []string
		for i, g := range objects(objects(objects(conversation["participants"])[0]["sessions"])[0]["segments"]) {
			if i > 0 && endings[len(endings)-1] != nil {
				t.Fatalf("the customer left before the end: %v", conversation)
			}
			endings = append(endings, g["disconnectType"])
		}
		for _, p := range objects(conversation["participants"]) {
			s := objects(p["sessions"])[0]
			if s["mediaType"] != "email" || s["direction"] != "inbound" || !strings.HasSuffix(fmt.Sprint(s["addressTo"]), "@help.example.com") {
				t.Fatalf("session %v", s)
			}
			for _, g := range objects(s["segments"]) {
				to := int64(-1)
				if g["segmentEnd"] != nil {
					to = x.millis(fmt.Sprint(g["segmentEnd"]))
				}
				said = append(said, fmt.Sprint(p["purpose"], " ", p["userId"], " ", g["segmentType"], " ", g["queueId"], " ", x.millis(fmt.Sprint(g["segmentStart"])), " ", to))
				kinds[fmt.Sprint(p["purpose"], " ", g["segmentType"], " ", g["disconnectType"], " ", g["wrapUpCode"])]++
			}
		}
		first := 0
		for n, l := range c.Legs() {
			if n == l.Conversation && x.ConversationID(n) == conversation["conversationId"] {
				first = n
				break
			}
		}
		var want []string
		end := int64(-1)
		put := func(purpose string, agent int32, kind string, l *centre.Leg, from, to int64) {
			user := any(nil)
			if agent >= 0 {
				user = c.AgentID(agent)
			}
			want = append(want, fmt.Sprint(purpose, " ", user, " ", kind, " ", c.QueueID(l.Queue), " ", from, " ", to))
		}
		for n := first; n > 0; n = c.Leg(n).Next {
			l := c.Leg(n)
			put("customer", -1, "interact", l, l.Entered, l.Ended)
			left := cmp.Or(max(l.Answered, 0), l.Ended)
			put("acd", -1, "interact", l, l.Entered, left)
			for _, m := range c.Misses() {
				if m.Leg == n {
					put("agent", m.Agent, "alert", l, m.From, m.To)
				}
			}
			if l.Alerted >= 0 && left != l.Alerted {
				put("agent", l.Agent, "alert", l, l.Alerted, left)
			}
			if l.Answered >= 0 {
				wrapped := cmp.Or(max(l.WrappedFrom, 0), l.Ended)
				put("agent", l.Agent, "interact", l, l.Answered, wrapped)
				if wrapped < l.Ended {
					put("agent", l.Agent, "wrapup", l, wrapped, l.Ended)
				}
			}
			end = l.Ended
		}
		slices.Sort(want)
		slices.Sort(said)
		if d := gocmp.Diff(want, said); d != "" {
			t.Fatalf("segments of %v (-record +details):\n%s", conversation["conversationId"], d)
		}
		ended := int64(-1)
		if conversation["conversationEnd"] != nil {
			ended = x.millis(fmt.Sprint(conversation["conversationEnd"]))
		}
		if end != ended || x.millis(fmt.Sprint(conversation["conversationStart"])) != c.Leg(first).Entered {
			t.Fatalf("conversation from %v to %v, the record has %d to %d", conversation["conversationStart"], conversation["conversationEnd"], c.Leg(first).Entered, end)
		}
	}
	for _, kind := range []string{
		"customer interact client <nil>", "customer interact peer <nil>", "customer interact system <nil>", "acd interact transfer <nil>",
		"acd interact peer <nil>", "acd interact system <nil>", "agent alert timeout <nil>", "agent alert <nil> <nil>", "agent interact transfer <nil>",
		"agent interact client <nil>", "agent interact system <nil>", "agent wrapup <nil> ININ-WRAP-UP-TIMEOUT",
		"agent wrapup <nil> " + fmt.Sprint(x.named("/api/v2/routing/wrapupcodes", "Resolved")["id"]),
	} {
		if kinds[kind] == 0 {
			t.Errorf("no segment is %s; there are %v", kind, slices.Sorted(maps.Keys(kinds)))
		}
	}
}

func TestObservationsAreTheOpenLegs(t *testing.T) {
	t.Parallel()
	x := busy(t)
	for range 200 { // until there is some of everything
		states := map[centre.State]bool{}
		for _, n := range x.Centre().Open() {
			states[x.Centre().Leg(n).State] = true
		}
		if len(states) == 3 {
			break
		}
		if err := x.Advance(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if counts := x.observationsHold(); len(counts) < 4 {
		t.Errorf("too little is open for a test: %v", counts)
	}
	sc, problems := scenario.Parse("closed.yaml", []byte(closedTraffic), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	closed := living(t, sandbox.Options{Traffic: sc})
	if counts := closed.observationsHold(); !slices.Contains(slices.Collect(maps.Values(counts)), 270) {
		t.Errorf("270 should wait in one queue: %v", counts)
	}
}

// closedTraffic is a backlog that nobody works on.
const closedTraffic = `version: 1
start: 2026-03-04
days: 1
handle: { mean: 5m }
backlog:
  - { rule: support@help.example.com, count: 270, oldest: 50h, newest: 1h }
  - { rule: billing@help.example.com, count: 7, oldest: 3h }
agents: [{ name: Nobody, shifts: { sun: 08:00-09:00 } }]
`

// observationsHold holds observations and activities against the open legs, and
// gives the counts by queue and metric.
func (x *org) observationsHold() map[string]int64 {
	x.t.Helper()
	t, c := x.t, x.Centre()
	names := map[centre.State]string{centre.Waiting: "oWaiting", centre.Alerting: "oAlerting", centre.Interacting: "oInteracting"}
	want, longest, waiting := map[string]int64{}, map[string]int64{}, map[string][]int{}
	for _, n := range slices.Sorted(slices.Values(c.Open())) {
		l := c.Leg(n)
		id := c.QueueID(l.Queue)
		want[id+" "+names[l.State]]++
		switch l.State {
		case centre.Waiting:
			waiting[id] = append(waiting[id], n)
			longest[id+" oLongestWaiting"] = min(cmp.Or(longest[id+" oLongestWaiting"], 1<<60), x.At(l.Entered).UnixMilli())
		case centre.Interacting:
			longest[id+" oLongestInteracting"] = min(cmp.Or(longest[id+" oLongestInteracting"], 1<<60), x.At(l.Answered).UnixMilli())
		default:
		}
	}
	answer := x.ok("POST", observations, `{"filter":{"type":"and","predicates":[{"dimension":"mediaType","value":"email"}]},
		"metrics":["oWaiting","oInteracting","oAlerting","oLongestWaiting","oLongestInteracting"],"detailMetrics":["oWaiting"]}`)
	got, gotLongest := map[string]int64{}, map[string]int64{}
	for _, r := range objects(answer["results"]) {
		group, _ := r["group"].(map[string]any)
		id := fmt.Sprint(group["queueId"])
		for _, d := range objects(r["data"]) {
			stats, _ := d["stats"].(map[string]any)
			key := fmt.Sprint(id, " ", d["metric"])
			if stats["calculatedMetricValue"] != nil {
				gotLongest[key] = whole(stats["calculatedMetricValue"])
			} else if n := whole(stats["count"]); n > 0 {
				got[key] = n
			}
			if d["metric"] != "oWaiting" {
				continue
			}
			var ids, wantIDs []string
			for _, o := range objects(d["observations"]) {
				ids = append(ids, fmt.Sprint(o["conversationId"], " ", x.millis(fmt.Sprint(o["observationDate"])), " ", o["routingPriority"], " ", o["addressTo"], " ", o["requestedLanguageId"], " ", o["requestedRoutingSkillIds"]))
			}
			slices.SortStableFunc(waiting[id], func(a, b int) int { return cmp.Compare(c.Leg(a).Entered, c.Leg(b).Entered) })
			for i, n := range waiting[id] {
				if all := len(waiting[id]); all > 100 && i >= 50 && i < all-50 {
					continue
				}
				l := c.Leg(n)
				language, skills := any(nil), any(nil)
				ask := c.Ask(l.Ask)
				if ask.Language != "" {
					language = ask.Language
				}
				if len(ask.Skills) > 0 {
					skills = ask.Skills
				}
				wantIDs = append(wantIDs, fmt.Sprint(x.ConversationID(l.Conversation), " ", l.Entered, " ", l.Priority, " ", c.Address(l.Address), " ", language, " ", skills))
			}
			if d := gocmp.Diff(wantIDs, ids); d != "" {
				t.Errorf("who waits in %s (-record +answer):\n%s", id, d)
			}
			if truncated := len(waiting[id]) > 100; d["truncated"] != truncated {
				t.Errorf("truncated is %v of %d", d["truncated"], len(waiting[id]))
			}
		}
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("counts (-record +answer):\n%s", d)
	}
	if d := gocmp.Diff(longest, gotLongest); d != "" {
		t.Errorf("since when (-record +answer):\n%s", d)
	}
	// Activities count the same.
	activities := map[string]int64{}
	answer = x.ok("POST", activity+"?pageSize=100", `{"groupBy":["queueId","mediaType"],"metrics":[{"metric":"oWaiting","details":true},{"metric":"oInteracting"},{"metric":"oAlerting"},{"metric":"oLongestWaiting"},{"metric":"oLongestInteracting"}]}`)
	since := map[string]int64{}
	for _, r := range objects(answer["results"]) {
		group, _ := r["group"].(map[string]any)
		for _, d := range objects(r["data"]) {
			key := fmt.Sprint(group["queueId"], " ", d["metric"])
			if d["calculatedMetricValue"] != nil {
				since[key] = whole(d["calculatedMetricValue"])
			} else {
				activities[key] = whole(d["count"])
			}
		}
	}
	if d := gocmp.Diff(want, activities); d != "" {
		t.Errorf("activities (-record +answer):\n%s", d)
	}
	if d := gocmp.Diff(longest, since); d != "" {
		t.Errorf("since when, of activities (-record +answer):\n%s", d)
	}
	return want
}
