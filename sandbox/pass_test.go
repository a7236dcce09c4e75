package sandbox_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

// In how many steps time passes changes neither what is published nor what is
// answered.
func TestInHowManyStepsTimePassesDoesNotMatter(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	tests := map[string]struct {
		options sandbox.Options
		rules   []string
		lasts   time.Duration
		before  func(x *org)
	}{
		"nothing goes wrong":        {lasts: hour},
		"a clock that is faster":    {options: sandbox.Options{Speed: 600}, rules: []string{"after 5m sockets silent 6m"}, lasts: hour},
		"silence":                   {rules: []string{"after 5m sockets silent 6m", "after 7m sockets silent 1m", "after 50m sockets silent 2h"}, lasts: hour},
		"eviction":                  {rules: []string{"after 15m sockets evict"}, lasts: hour},
		"audits that are late":      {options: sandbox.Options{AuditDelay: 10 * time.Second}, rules: []string{"for 20m audits lag 15m"}, lasts: hour},
		"audits that lag no longer": {rules: []string{"for 10m audits lag 15m"}, lasts: hour},
		"metrics that are missing":  {rules: []string{"after 10m for 20m metrics missing", "after 40m metrics lag 10m"}, lasts: hour},
		"a channel that expires":    {lasts: 26 * hour},
		"maintenance":               {lasts: hour, before: func(x *org) { x.passes(10 * time.Minute); x.CloseSockets() }},
		"a silence by hand":         {lasts: hour, before: func(x *org) { x.SilenceSockets(10*time.Minute + time.Millisecond) }},
		"a route that is pending": {options: sandbox.Options{ActivationDelay: 10 * time.Minute}, lasts: hour, before: func(x *org) {
			for _, r := range entities(x.ok("GET", routes+"?pageSize=100", nil)) {
				if r["pattern"] == "support" {
					x.ok("DELETE", fmt.Sprint(routes, "/", r["id"]), nil)
				}
			}
		}},
		"weeks": {lasts: 23 * 24 * hour},
	}
	// The first is what the others are compared with.
	patterns := []struct {
		name string
		pass func(x *org, clock *sandbox.Clock, d time.Duration)
	}{
		{"one step", func(x *org, _ *sandbox.Clock, d time.Duration) { x.passes(d) }},
		{"sixty steps", func(x *org, _ *sandbox.Clock, d time.Duration) {
			for range 60 {
				x.passes(d / 60)
			}
		}},
		{"any steps", func(x *org, _ *sandbox.Clock, d time.Duration) {
			for r := rand.New(rand.NewPCG(1, 2)); d > 0; {
				step := min(d, time.Duration(r.ExpFloat64()*float64(4*time.Minute)).Round(time.Millisecond))
				x.passes(step)
				d -= step
			}
		}},
		{"the clock on the wall", func(x *org, clock *sandbox.Clock, d time.Duration) {
			for range 10 {
				clock.Advance(d / 10)
				x.Wake()
			}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mail []string
			for i := range 12 {
				mail = append(mail, fmt.Sprintf("09:%02d support 90s", i*5), fmt.Sprintf("09:%02d billing 50s", i*5))
			}
			run := func(pass func(x *org, clock *sandbox.Clock, d time.Duration), topics ...string) []string {
				o, clock := tt.options, sandbox.NewClock(start)
				o.RateLimit, o.TokenLifetime, o.Now = -1, 48*hour, clock.Now
				for _, r := range tt.rules {
					o.Faults = append(o.Faults, parseFault(t, r))
				}
				x := atDesk(t, o, mail...)
				support := x.queueID("Support Email")
				topics = append(topics, "v2.routing.queues.%s.conversations.emails", "v2.audits.entitytype.Queue.entityid.%s")
				for i := range topics {
					topics[i] = fmt.Sprintf(topics[i], support)
				}
				id, _ := x.channel(append(topics, "v2.users."+x.userID("Ann")+".routingStatus")...)
				frames, stop, err := x.Listen(id)
				if err != nil {
					t.Fatal(err)
				}
				body := x.ok("GET", x.queue("Support Email"), nil)
				body["description"] = "new"
				x.ok("PUT", x.queue("Support Email"), body)
				if tt.before != nil {
					tt.before(x)
				}
				pass(x, clock, tt.lasts)
				stop()
				var out []string
				for b := range frames {
					out = append(out, string(b))
				}
				if n := x.DroppedFrames(); n > 0 {
					t.Fatalf("%d frames too many", n)
				}
				if tt.lasts > 24*hour {
					x.token = x.signIn()
				}
				for _, path := range []string{channels, x.email(0), "/api/v2/routing/skills"} {
					r := x.raw("GET", path, nil)
					out = append(out, fmt.Sprint(r.status, " ", r.header.Get("Date"), " ", r.header.Get("ININ-Correlation-Id"), " ", string(r.body)))
				}
				r := x.raw("POST", aggregates, `{"interval":"2026-03-02T00:00:00Z/2026-03-03T00:00:00Z","metrics":["nOffered","tHandle"],"groupBy":["conversationId"]}`)
				return append(out, string(r.body), strings.Trim(fmt.Sprint(x.Faults(), x.AnsweredAt()), "[]"))
			}
			for _, topics := range [][]string{nil, {"v2.analytics.queues.%s.observations", "v2.analytics.queues.%s.activity"}} {
				want := run(patterns[0].pass, topics...)
				for _, p := range patterns[1:] {
					if p.name == "the clock on the wall" && tt.options.Speed != 0 {
						continue // which Advance moves as far as the other
					}
					if d := cmp.Diff(want, run(p.pass, topics...)); d != "" {
						t.Errorf("%s (-one step +these):\n%.3000s", p.name, d)
					}
				}
			}
		})
	}
}
