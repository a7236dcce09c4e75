package sandbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
	"github.com/foresort/foresort/sandbox/centre"
)

// conversations asks for the first page of a query, and gives the ids.
func (x *org) conversations(body string) (ids []string, answer map[string]any) {
	x.t.Helper()
	answer = x.ok("POST", details, body)
	for _, c := range objects(answer["conversations"]) {
		ids = append(ids, fmt.Sprint(c["conversationId"]))
	}
	return ids, answer
}

// began lists the conversations of the record that began on a day (UTC), in the
// order in which they did.
func (x *org) began(day time.Time) []int {
	var out []int
	for n, l := range x.Centre().Legs() {
		if at := x.At(l.Entered); l.Conversation == n && !at.Before(day) && at.Before(day.AddDate(0, 0, 1)) {
			out = append(out, n)
		}
	}
	return out
}

// wholeConversations are those of a day with the order, the paging and the
// number that the query asks for.
func TestDetailsByDayOrderAndPage(t *testing.T) {
	t.Parallel()
	x := living(t, sandbox.Options{Traffic: sandbox.SeedTraffic(), History: 72 * time.Hour})
	tuesday := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	want := x.began(tuesday)
	ids := func(numbers []int) []string {
		var out []string
		for _, n := range numbers {
			out = append(out, x.ConversationID(n))
		}
		return out
	}
	// The interval touches the day, and that is enough.
	const ten = `"interval":"2026-03-03T10:00:00Z/2026-03-03T10:15:00Z"`
	got, answer := x.conversations(`{` + ten + `,"paging":{"pageSize":100,"pageNumber":3}}`)
	if d := gocmp.Diff(ids(want[200:300]), got); d != "" {
		t.Errorf("the third page (-record +answer):\n%s", d)
	}
	if hits := whole(answer["totalHits"]); len(want) <= 1000 && hits != int64(len(want)) || len(want) > 1000 && hits != int64((len(want)+50)/100*100) {
		t.Errorf("totalHits %d of %d", hits, len(want))
	}
	if got, _ = x.conversations(`{` + ten + `}`); len(got) != 25 {
		t.Errorf("%d conversations on a page that was not asked for, want 25", len(got))
	}
	if got, _ = x.conversations(`{` + ten + `,"paging":{"pageSize":50,"pageNumber":9000000000000000000}}`); len(got) != 0 {
		t.Errorf("%d conversations on a page beyond the last", len(got))
	}
	back := slices.Clone(want)
	slices.Reverse(back)
	if got, _ = x.conversations(`{` + ten + `,"order":"desc","orderBy":"conversationStart"}`); gocmp.Diff(ids(back[:25]), got) != "" {
		t.Errorf("the last first: %v", got)
	}
	end := func(n int) int64 {
		l := x.Centre().Leg(n)
		for l.Next > 0 {
			l = x.Centre().Leg(l.Next)
		}
		if l.Ended < 0 {
			return 1 << 40
		}
		return l.Ended
	}
	slices.SortStableFunc(want, func(a, b int) int { return int(end(a) - end(b)) })
	if got, _ = x.conversations(`{` + ten + `,"orderBy":"conversationEnd"}`); gocmp.Diff(ids(want[:25]), got) != "" {
		t.Errorf("by their end: %v", got)
	}
	if got, _ = x.conversations(`{"interval":"2026-03-05T00:00:00Z/2026-03-05T10:00:00Z"}`); len(got) != 0 {
		t.Errorf("%d conversations of tomorrow", len(got))
	}
	x.refused("POST", details, `{`+ten+`,"paging":{"pageSize":101,"pageNumber":1}}`, http.StatusBadRequest, "client.failed.request")
	x.refused("POST", details, `{`+ten+`,"paging":{"pageSize":10,"pageNumber":0}}`, http.StatusBadRequest, "client.failed.request")
}

func TestFiltersOfDetails(t *testing.T) {
	t.Parallel()
	x := busy(t)
	c := x.Centre()
	day := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	billing := fmt.Sprint(x.named("/api/v2/routing/queues", "Billing Email")["id"])
	agent, skill := x.userID("Day 2"), x.skill("Billing")
	any1 := func(n int, is func(n int, l *centre.Leg) bool) bool {
		for ; n > 0; n = c.Leg(n).Next {
			if is(n, c.Leg(n)) {
				return true
			}
		}
		return false
	}
	missed := func(n int, user string) bool {
		return slices.ContainsFunc(c.Misses(), func(m centre.Miss) bool { return m.Leg == n && c.AgentID(m.Agent) == user })
	}
	ended := func(n int) bool {
		for c.Leg(n).Next > 0 {
			n = c.Leg(n).Next
		}
		return c.Leg(n).Ended >= 0
	}
	one := x.ConversationID(x.began(day)[17])
	sender := func(n int) string {
		return fmt.Sprint(objects(x.ok("GET", "/api/v2/conversations/emails/"+x.ConversationID(n), nil)["participants"])[0]["address"])
	}
	wrote := sender(x.began(day)[3])
	local, domain, _ := strings.Cut(wrote, "@")
	p := func(dimension, value string) string {
		return `{"type":"dimension","dimension":"` + dimension + `","operator":"matches","value":"` + value + `"}`
	}
	segments := func(filters string) string { return `,"segmentFilters":[` + filters + `]` }
	and := func(predicates string) string { return `{"type":"and","predicates":[` + predicates + `]}` }
	exists := func(dimension, operator string) string {
		return `{"type":"dimension","dimension":"` + dimension + `","operator":"` + operator + `"}`
	}
	tests := map[string]struct {
		filter string
		passes func(n int) bool
	}{
		"a queue": {segments(and(p("queueId", billing))), func(n int) bool {
			return any1(n, func(_ int, l *centre.Leg) bool { return c.QueueID(l.Queue) == billing })
		}},
		"an agent who was alerted": {segments(and(p("userId", agent))), func(n int) bool {
			return any1(n, func(n int, l *centre.Leg) bool {
				return missed(n, agent) || l.Agent >= 0 && c.AgentID(l.Agent) == agent
			})
		}},
		"an agent who worked in a queue": {segments(and(p("userId", agent) + "," + p("queueId", billing) + "," + p("segmentType", "interact"))), func(n int) bool {
			return any1(n, func(_ int, l *centre.Leg) bool {
				return l.Answered >= 0 && c.AgentID(l.Agent) == agent && c.QueueID(l.Queue) == billing
			})
		}},
		"a skill that is asked for": {segments(and(p("requestedRoutingSkillId", skill))), func(n int) bool {
			return any1(n, func(_ int, l *centre.Leg) bool { return slices.Contains(c.Ask(l.Ask).Skills, skill) })
		}},
		"two filters, each for a segment of its own": {
			segments(and(p("purpose", "ACD")+","+p("disconnectType", "peer")) + "," + and(p("queueId", billing))),
			func(n int) bool {
				return any1(n, func(_ int, l *centre.Leg) bool { return l.State == centre.Abandoned }) &&
					any1(n, func(_ int, l *centre.Leg) bool { return c.QueueID(l.Queue) == billing })
			},
		},
		"after-call work that timed out": {segments(and(p("wrapUpCode", "ININ-WRAP-UP-TIMEOUT"))), func(n int) bool {
			return any1(n, func(_ int, l *centre.Leg) bool {
				return l.State == centre.Handled && c.QueueID(l.Queue) == billing && l.Ended-l.WrappedFrom >= 120_000
			})
		}},
		"an alert that goes on or timed out": {segments(`{"type":"and","predicates":[` + p("segmentType", "alert") + `],"clauses":[{"type":"or","predicates":[` + exists("segmentEnd", "notExists") + `,` + p("disconnectType", "timeout") + `]}]}`), func(n int) bool {
			return any1(n, func(n int, l *centre.Leg) bool {
				return l.State == centre.Alerting || slices.ContainsFunc(c.Misses(), func(m centre.Miss) bool { return m.Leg == n })
			})
		}},
		"an address that it was sent to": {segments(and(p("addressTo", "Billing@help.example.com"))), func(n int) bool { return c.Address(c.Leg(n).Address) == "billing@help.example.com" }},
		"a sender":                       {segments(and(p("addressFrom", wrote))), func(n int) bool { return sender(n) == wrote }},
		"the name of a sender":           {segments(and(p("addressFrom", local))), func(n int) bool { return strings.HasPrefix(sender(n), local+"@") }},
		"the domain of a sender":         {segments(and(p("addressFrom", domain))), func(n int) bool { return strings.HasSuffix(sender(n), "@"+domain) }},
		"a part of a sender's name":      {segments(and(p("addressFrom", local[:3]))), func(int) bool { return false }},
		"one conversation":               {`,"conversationFilters":[` + and(p("conversationId", one)) + `]`, func(n int) bool { return x.ConversationID(n) == one }},
		"those that go on":               {`,"conversationFilters":[` + and(exists("conversationEnd", "notExists")+","+p("originatingDirection", "inbound")) + `]`, func(n int) bool { return !ended(n) }},
		"another direction":              {`,"conversationFilters":[` + and(p("originatingDirection", "outbound")) + `]`, func(int) bool { return false }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := x.in(t)
			var want []string
			for _, n := range x.began(day) {
				if tt.passes(n) {
					want = append(want, x.ConversationID(n))
				}
			}
			var got []string
			for page := 1; ; page++ {
				ids, answer := x.conversations(fmt.Sprintf(`{"interval":"2026-03-03T00:00:00Z/2026-03-04T00:00:00Z","paging":{"pageSize":100,"pageNumber":%d}%s}`, page, tt.filter))
				if hits := whole(answer["totalHits"]); int(hits) != len(want) {
					t.Errorf("totalHits %d, want %d", hits, len(want))
				}
				if len(ids) == 0 {
					break
				}
				got = append(got, ids...)
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Errorf("conversations (-record +answer):\n%s", d)
			}
		})
	}
	for filter, status := range map[string]int{
		`,"segmentFilters":[` + and(p("ani", "1")) + `]`:                                                                           501,
		`,"segmentFilters":[` + and(p("segmentEnd", "2026-03-03")) + `]`:                                                           501,
		`,"segmentFilters":[` + and(p("queueId", "")) + `]`:                                                                        400,
		`,"segmentFilters":[{"type":"and"}]`:                                                                                       400,
		`,"segmentFilters":[{"type":"and","predicates":[{"type":"property","property":"x","value":"y"}]}]`:                         501,
		`,"conversationFilters":[{"type":"and","predicates":[{"type":"metric","metric":"tHandle","range":{"gt":1}}]}]`:             501,
		`,"evaluationFilters":[` + and(p("userId", "1")) + `]`:                                                                     501,
		`,"surveyFilters":[` + and(p("userId", "1")) + `]`:                                                                         501,
		`,"aggregations":[{"type":"termFrequency","dimension":"queueId"}]`:                                                         501,
		`,"conversationFilters":[` + and(p("externalTag", "1")) + `]`:                                                              501,
		`,"conversationFilters":[` + and(p("wrong", "1")) + `]`:                                                                    400,
		`,"segmentFilters":[{"type":"or","clauses":[{"type":"or","predicates":[` + p("queueId", billing) + `]}],"predicates":[]}]`: 200,
	} {
		if r := x.call("POST", details, `{"interval":"2026-03-03T00:00:00Z/2026-03-04T00:00:00Z"`+filter+`}`); r.status != status {
			t.Errorf("%s: %d %s, want %d", filter, r.status, r.body, status)
		}
	}
}

// REST and analytics tell of the same participants.
func TestDetailsNameWhatRESTNames(t *testing.T) {
	t.Parallel()
	x := busy(t)
	created := x.ok("POST", "/api/v2/conversations/emails", map[string]any{
		"provider": "Test", "direction": "INBOUND", "queueId": x.named("/api/v2/routing/queues", "Complaints")["id"], "fromAddress": "zoe@example.net", "subject": "By hand",
	})
	seen := 0
	today := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	for _, n := range x.began(today) {
		id := x.ConversationID(n)
		_, answer := x.conversations(`{"interval":"2026-03-04T00:00:00Z/2026-03-05T00:00:00Z","conversationFilters":[{"type":"and","predicates":[{"dimension":"conversationId","value":"` + id + `"}]}]}`)
		var got, want []string
		for _, p := range objects(objects(answer["conversations"])[0]["participants"]) {
			got = append(got, fmt.Sprint(p["participantId"], " ", p["purpose"], " ", p["participantName"], " ", p["userId"]))
		}
		for _, p := range objects(x.ok("GET", "/api/v2/conversations/emails/"+id, nil)["participants"]) {
			user, _ := p["user"].(map[string]any)
			want = append(want, fmt.Sprint(p["id"], " ", p["purpose"], " ", p["name"], " ", user["id"]))
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("participants of %s (-REST +analytics):\n%s", id, d)
		}
		if id == created["id"] {
			seen++
			session := objects(objects(objects(answer["conversations"])[0]["participants"])[0]["sessions"])[0]
			if session["addressFrom"] != "zoe@example.net" || objects(session["segments"])[0]["subject"] != "By hand" {
				t.Errorf("what came by the API is %v", session)
			}
		}
	}
	if seen != 1 {
		t.Errorf("the email that came by the API is there %d times", seen)
	}
}

// hidden are figures of one metric by queue of all time.
func (x *org) offered() int64 {
	x.t.Helper()
	interval, _, _ := x.span()
	var n int64
	for _, r := range x.rows(x.ok("POST", aggregates, map[string]any{"interval": interval, "metrics": []string{"nOffered"}})) {
		n += r.figure.Count
	}
	return n
}

// What is late does not show yet, and what is hidden not at all: the answers are
// those that there were then, or what is left of them.
func TestMetricsAreLateOrMissing(t *testing.T) {
	t.Parallel()
	x := busy(t)
	before := x.offered()
	past, err := time.Parse(time.RFC3339, "2026-03-04T11:57:00Z") // the present moment
	if err != nil {
		t.Fatal(err)
	}
	interval, _, _ := x.span()
	query := map[string]any{"interval": interval, "metrics": served, "groupBy": []string{"queueId", "userId"}, "granularity": "PT1H"}
	then := x.ok("POST", aggregates, query)
	one := func(n int) map[string]any {
		_, answer := x.conversations(`{"interval":"2026-03-04T00:00:00Z/2026-03-05T00:00:00Z","paging":{"pageSize":1,"pageNumber":1},"conversationFilters":[{"type":"and","predicates":[{"dimension":"conversationId","value":"` + x.ConversationID(n) + `"}]}]}`)
		if all := objects(answer["conversations"]); len(all) > 0 {
			return all[0]
		}
		return nil
	}
	today := x.began(time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC))
	thenOf := map[int]map[string]any{}
	for _, n := range today {
		thenOf[n] = one(n)
	}
	if err := x.Advance(90 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if after := x.offered(); after <= before {
		t.Fatalf("%d offered, and %d before: nothing happened meanwhile", after, before)
	}
	x.LagMetrics(90 * time.Minute)
	query["interval"] = interval
	if d := gocmp.Diff(then, x.ok("POST", aggregates, query)); d != "" {
		t.Errorf("aggregates, 90 minutes late (-then +now):\n%.2000s", d)
	}
	for _, n := range x.began(time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)) {
		if d := gocmp.Diff(thenOf[n], one(n)); d != "" {
			t.Fatalf("a conversation, 90 minutes late (-then +now):\n%.2000s", d)
		}
	}
	if waiting := x.observationsHold(); len(waiting) == 0 {
		t.Error("observations are late, too")
	}
	x.LagMetrics(0)

	from, to := past.Add(-3*time.Hour), past.Add(-time.Hour)
	x.HideMetrics(from, to)
	var left []fact
	for _, f := range facts(x) {
		if at := x.At(f.at); at.Before(from) || !at.Before(to) {
			left = append(left, f)
		}
	}
	all := facts(x)
	if len(left) == len(all) {
		t.Fatal("nothing is hidden")
	}
	interval, begin, end := x.span()
	query["interval"] = interval
	x.hold(x.rows(x.ok("POST", aggregates, query)), left, []string{"queueId", "userId"}, false, begin, end, served, nil)
	for _, n := range today {
		at, shown := x.At(x.Centre().Leg(n).Entered), one(n)
		if hidden := !at.Before(from) && at.Before(to); hidden != (shown == nil) {
			t.Errorf("a conversation that began at %s: %v", at, shown)
		}
		for _, p := range objects(shown["participants"]) {
			for _, m := range objects(objects(p["sessions"])[0]["metrics"]) {
				if at := x.At(x.millis(fmt.Sprint(m["emitDate"]))); !at.Before(from) && at.Before(to) {
					t.Errorf("a hidden metric shows: %v", m)
				}
			}
		}
	}
	x.ShowMetrics()
	x.hold(x.rows(x.ok("POST", aggregates, query)), all, []string{"queueId", "userId"}, false, begin, end, served, nil)
}

// The rules for faults disturb analytics as they say.
func TestAnalyticsShowsWhatIsMeasured(t *testing.T) {
	t.Parallel()
	x := living(t, sandbox.Options{Traffic: sandbox.SeedTraffic(), History: 24 * time.Hour})
	opened := x.Clock()
	for _, rule := range []string{"after 1h for 3h metrics lag 40m", "after 90m for 20m metrics missing", "metrics missing 2h..1h"} {
		f, err := sandbox.ParseFault(rule)
		if err != nil {
			t.Fatal(err)
		}
		x.AddFault(f)
	}
	hidden := 0
	for range 31 {
		if err := x.Advance(10 * time.Minute); err != nil {
			t.Fatal(err)
		}
		for after := -3 * time.Hour; opened.Add(after).Before(x.Clock()); after += 100 * time.Second {
			shows, measured := x.Shows(opened.Add(after)), x.Measured(after)
			if shows != measured {
				t.Fatalf("at %s, what happened %s after the beginning: shows %t, measured %t", x.Clock().Sub(opened), after, shows, measured)
			}
			if !shows {
				hidden++
			}
		}
	}
	if hidden == 0 {
		t.Error("everything shows")
	}
}
