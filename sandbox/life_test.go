package sandbox

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox/centre"
	"github.com/foresort/foresort/scenario"
	"github.com/foresort/foresort/simulate"
)

// quiet is a scenario of one queue, whose agents are hired for it.
const quiet = `version: 1
start: 2026-03-02
timezone: Europe/Berlin
days: 5
arrivals: [{ rule: support@help.example.com, rates: { mon-fri: { 07:00-18:00: 55 } } }]
handle: { mean: 8m, cv: 0.8 }
wrapUp: { mean: 1m }
agents:
  - { name: Early, count: 5, capacity: 2, attention: shared, shifts: { mon-fri: 07:00-15:00 }, breaks: { mon-fri: 11:00-11:30 } }
  - { name: Late, count: 4, shifts: { mon-fri: 10:00-18:30 } }
voice: { perHour: 0.5, handle: { mean: 4m } }
noAnswer: { share: 0.05, away: 5m }
`

func parsed(t testing.TB, src string) *scenario.Scenario {
	t.Helper()
	sc, problems := scenario.Parse("traffic.yaml", []byte(src), nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return sc
}

// monday9 is a Monday at midnight in Berlin.
var mondayMidnight = time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)

func alive(t *testing.T, o Options) *Server {
	t.Helper()
	clock := NewClock(mondayMidnight)
	o.Now = clock.Now
	s := New(o)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Server) forward(t *testing.T, d time.Duration) {
	t.Helper()
	if err := s.Advance(d); err != nil {
		t.Fatal(err)
	}
}

// summary is what came of the mail of a sandbox.
func outcome(s *Server) (offered, answered, inTime int, wait float64) {
	for _, l := range s.life.centre.Legs() {
		offered++
		if l.Answered >= 0 {
			answered++
			wait += float64(l.Answered-l.Entered) / 1000
			if l.InTime {
				inTime++
			}
		}
	}
	return offered, answered, inTime, wait / float64(answered)
}

// A strategy that is forecast and the same strategy deployed to the sandbox come
// to the same: under the same seed exactly, over many seeds within the interval.
func TestTheSandboxDoesWhatTheForecastSays(t *testing.T) {
	t.Parallel()
	sc := parsed(t, strings.Replace(quiet, "support@", "Support@", 1)) // addresses are the same in any case
	first := alive(t, Options{Traffic: sc, RateLimit: -1})
	var queue object
	for _, q := range first.queues.all() {
		if text(q, "name") == "Support Email" {
			queue = q
		}
	}
	settings := queueSettings(queue)
	address, err := routing.ParseAddress("support@help.example.com")
	if err != nil {
		t.Fatal(err)
	}
	model, problems := sc.Model(routing.Desired{
		Queue:  routing.DesiredQueue{Name: "Support Email", Settings: settings},
		Rules:  []routing.Rule{{Name: "standard"}},
		Routes: []routing.DesiredRoute{{Address: address, Rule: "standard"}},
	})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	const seeds = 24
	var levels, waits []float64
	for seed := range uint64(seeds) {
		r, err := simulate.Run(t.Context(), model, simulate.Options{Replications: 1, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		s := alive(t, Options{Traffic: sc, Seed: seed, RateLimit: -1})
		s.forward(t, model.Horizon)
		offered, answered, inTime, wait := outcome(s)
		if float64(offered) != r.All.Offered.Mean || float64(answered) != r.All.Answered.Mean ||
			math.Abs(wait-r.All.Wait.Mean.Mean) > 0.002 || math.Abs(100*float64(inTime)/float64(answered)-r.All.ServiceLevel.Mean) > 1e-9 {
			t.Fatalf("seed %d: offered %d, answered %d, in time %d, mean wait %g s; forecast %+v", seed, offered, answered, inTime, wait, r.All)
		}
		levels, waits = append(levels, 100*float64(inTime)/float64(answered)), append(waits, wait)
	}
	forecast, err := simulate.Run(t.Context(), model, simulate.Options{Replications: 200, Seed: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what string
		got  []float64
		want simulate.Estimate
	}{{"service level", levels, forecast.All.ServiceLevel}, {"mean wait", waits, forecast.All.Wait.Mean}} {
		mean, spread := 0.0, 0.0
		for _, v := range x.got {
			mean += v / seeds
		}
		for _, v := range x.got {
			spread += (v - mean) * (v - mean) / (seeds - 1)
		}
		if own := 2.5 * math.Sqrt(spread/seeds); x.want.High < mean-own || x.want.Low > mean+own {
			t.Errorf("%s of the sandbox %g ± %g, forecast %+v", x.what, mean, own, x.want)
		}
	}
}

// Stepped in any way, and asked in between or not, the same comes out.
func TestStepsChangeNothing(t *testing.T) {
	t.Parallel()
	one, many := alive(t, Options{Traffic: parsed(t, quiet)}), alive(t, Options{Traffic: parsed(t, quiet)})
	one.forward(t, 30*time.Hour)
	for range 30 * 60 {
		many.forward(t, time.Minute)
	}
	a, b := fmt.Sprint(dump(one)), fmt.Sprint(dump(many))
	if a != b || len(a) < 1000 {
		t.Errorf("%d and %d bytes of record differ", len(a), len(b))
	}
}

func dump(s *Server) []centre.Leg {
	var out []centre.Leg
	for _, l := range s.life.centre.Legs() {
		out = append(out, *l)
	}
	return out
}

// The seeded organisation has lived for 35 days, as its people and schedules
// allow, and goes on beyond the shifts that were known at first.
func TestTheSeededOrganisationLives(t *testing.T) {
	t.Parallel()
	s := alive(t, Options{Traffic: SeedTraffic(), History: 35 * 24 * time.Hour})
	offered, answered, inTime, _ := outcome(s)
	if offered < 25_000 || offered > 40_000 || answered < offered*99/100 || inTime < answered*8/10 {
		t.Errorf("offered %d, answered %d, in time %d", offered, answered, inTime)
	}
	s.forward(t, 21*24*time.Hour+11*time.Hour) // a Monday at 11
	later, _, _, _ := outcome(s)
	if more := later - offered; more < 15_000 || more > 24_000 {
		t.Errorf("%d more in three weeks", more)
	}
	statuses := map[string]int{}
	for _, u := range s.users.all() {
		u = s.atWork(u)
		statuses[u.Presence+" "+u.RoutingStatus]++
		if s.options.Now().Before(u.Since) && s.now().Before(u.Since) {
			t.Errorf("%s is %s since %s, which is to come", u.Name, u.RoutingStatus, u.Since)
		}
	}
	if n := statuses["ON_QUEUE IDLE"] + statuses["ON_QUEUE INTERACTING"]; n < 12 || statuses["OFFLINE OFF_QUEUE"] == 0 {
		t.Errorf("on a Monday at 11: %v", statuses)
	}
}

// An agent who is off queue by the published schedule is off queue.
func TestAgentsKeepToTheirSchedules(t *testing.T) {
	t.Parallel()
	s := alive(t, Options{Traffic: SeedTraffic()})
	zone := unitLocation()
	checked := 0
	for range 5 * 24 * 4 {
		s.forward(t, 15*time.Minute)
		for _, u := range s.users.all() {
			work, _ := s.workday(u, date(s.now(), zone), zone)
			on := false
			if work != nil {
				for _, a := range work.activities {
					if since := s.now().Sub(a.start); since >= 0 && since < time.Duration(a.minutes)*time.Minute {
						on = a.code.id == onQueue.id
					}
				}
			}
			if got := s.atWork(u); u.Title == "Agent" && (got.RoutingStatus != "OFF_QUEUE") != on {
				t.Fatalf("%s at %s: %s %s, by the schedule on queue: %t", u.Name, s.now(), got.Presence, got.RoutingStatus, on)
			}
			checked++
		}
	}
	if checked < 10_000 {
		t.Errorf("only %d looks", checked)
	}
}

func TestTrafficThatDoesNotFit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ old, new, want string }{
		"a domain that is not there": {"support@help.example.com", "support@nowhere.example", "traffic.yaml:5:"},
		"a rule of a strategy":       {"support@help.example.com", "standard", `"standard" is no address`},
		"a skill that is not there":  {"capacity: 2,", "capacity: 2, skills: { Juggling: 3 },", "traffic.yaml:9:53: agents[0].skills.Juggling: the organisation does not have the skill Juggling"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := NewClock(mondayMidnight)
			s := New(Options{Now: clock.Now, Traffic: parsed(t, strings.Replace(quiet, tt.old, tt.new, 1))})
			if err := s.Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTimeDoesNotGoBack(t *testing.T) {
	t.Parallel()
	now := mondayMidnight
	s := New(Options{Now: func() time.Time { return now }, Traffic: parsed(t, quiet), Speed: 60})
	if err := cmp.Or(s.Err(), s.Advance(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(-time.Second); err == nil {
		t.Error("it went back")
	}
	now = now.Add(10 * time.Minute) // 10 hours of the organisation
	s.forward(t, 0)
	if want := mondayMidnight.Add(11 * time.Hour); !s.now().Equal(want) || !s.wall().Equal(mondayMidnight.Add(70*time.Minute)) {
		t.Errorf("the organisation's clock is at %s, want %s; the wall's at %s", s.now(), want, s.wall())
	}
	offered, _, _, _ := outcome(s)
	now = now.Add(-5 * time.Minute)
	s.forward(t, 0)
	if again, _, _, _ := outcome(s); again != offered || offered < 100 || !s.now().Equal(mondayMidnight.Add(11*time.Hour)) {
		t.Errorf("after the clock was put back: %d offered, then %d, at %s", offered, again, s.now())
	}
}

// The schedule of an agent with shifts of the scenario's is those shifts.
func TestHiredAgentsAreScheduled(t *testing.T) {
	t.Parallel()
	s := alive(t, Options{Traffic: parsed(t, quiet)})
	for _, u := range s.users.all() {
		if u.Name != "Early 1" {
			continue
		}
		day := date(s.now(), unitLocation()).AddDate(0, 0, 2)
		work, _ := s.dayOf(u, day, unitLocation())
		if work == nil || len(work.activities) != 3 {
			t.Fatalf("on Wednesday %+v", work)
		}
		var got []string
		for _, a := range work.activities {
			got = append(got, fmt.Sprintf("%s %s %d", a.code.name, a.start.In(unitLocation()).Format("Mon 15:04"), a.minutes))
		}
		if want := "[On Queue Wed 07:00 240 Break Wed 11:00 30 On Queue Wed 11:30 210]"; fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
		if work, _ := s.dayOf(u, day.AddDate(0, 0, 3), unitLocation()); work != nil {
			t.Errorf("on Saturday %+v", work)
		}
		return
	}
	t.Error("nobody was hired")
}
