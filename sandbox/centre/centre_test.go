package centre_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox/centre"
	"github.com/foresort/foresort/simulate"
)

// letters is mail that is known beforehand; what is transferred takes ten
// minutes.
type letters []centre.Mail

func (l *letters) Next() (centre.Mail, bool) {
	if len(*l) == 0 {
		return centre.Mail{}, false
	}
	m := (*l)[0]
	*l = (*l)[1:]
	return m, true
}

func (*letters) Again(address string) centre.Mail {
	return centre.Mail{Address: address, Handle: 10 * time.Minute}
}

// small is two queues, with an address each, and one agent for both.
func small() centre.Config {
	level := &routing.ServiceLevel{Percent: 80, Within: routing.Duration(15 * time.Minute)}
	return centre.Config{
		Queues: []centre.Queue{{ID: "one", Settings: routing.QueueSettings{ServiceLevel: level}}, {ID: "two"}},
		Addresses: []centre.Address{
			{Address: "one@x", Queue: "one", Ask: centre.Ask{Skills: []string{"A"}}},
			{Address: "two@x", Queue: "two", Priority: 30},
			{Address: "flow@x"},
		},
		Agents: []simulate.Agent{{
			Name: "ada", Capacity: 1, Skills: map[string]float64{"A": 1}, Members: []simulate.Membership{{Queue: 0, Ring: 1}, {Queue: 1, Ring: 1}},
			Shifts: []simulate.Span{{From: 0, To: 8 * time.Hour}},
		}},
	}
}

const minute = int64(60_000)

func advance(t *testing.T, c *centre.Centre, to time.Duration) {
	t.Helper()
	if err := c.Advance(to); err != nil {
		t.Fatal(err)
	}
}

// legs are the legs that are kept, with what a test does not look at left out.
func legs(c *centre.Centre) []centre.Leg {
	var out []centre.Leg
	for _, l := range c.Legs() {
		out = append(out, centre.Leg{
			Conversation: l.Conversation, Next: l.Next, Entered: l.Entered, Alerted: l.Alerted, Answered: l.Answered, WrappedFrom: l.WrappedFrom,
			Ended: l.Ended, Address: l.Address, Queue: l.Queue, Priority: l.Priority, Agent: l.Agent, State: l.State,
			InTime: l.InTime, Target: l.Target, Transferred: l.Transferred,
		})
	}
	return out
}

func equal(t *testing.T, got, want []centre.Leg) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.AllowUnexported(centre.Leg{})); d != "" {
		t.Errorf("legs (-want +got):\n%s", d)
	}
}

func TestTheRecordOfADay(t *testing.T) {
	t.Parallel()
	mail := letters{
		{At: 0, Address: "one@x", Handle: 18 * time.Minute, WrapUp: 2 * time.Minute, Transfer: "two@x"},
		{At: time.Minute, Address: "one@x", Handle: 5 * time.Minute},
		{At: 2 * time.Minute, Address: "two@x", Handle: 5 * time.Minute, Patience: 10 * time.Minute},
		{At: 3 * time.Minute, Address: "flow@x", Handle: time.Minute},
		{At: 4 * time.Minute, Address: "nowhere@x", Handle: time.Minute},
	}
	c := centre.New(small(), &mail, 1, 100)
	advance(t, c, 25*time.Minute)
	// The first ends after 20 minutes and goes on to the other queue, whose head
	// start of 30 minutes does not help: the agent has taken what waited since
	// minute 1. The third gave up.
	equal(t, legs(c), []centre.Leg{
		{Conversation: 1, Next: 4, WrappedFrom: 18 * minute, Ended: 20 * minute, State: centre.Handled, InTime: true, Target: true, Transferred: true},
		{Conversation: 2, Entered: minute, Alerted: 20 * minute, Answered: 20 * minute, WrappedFrom: 25 * minute, Ended: 25 * minute, State: centre.Handled, Target: true},
		{Conversation: 3, Entered: 2 * minute, Alerted: -1, Answered: -1, WrappedFrom: -1, Ended: 12 * minute, Agent: -1, Address: 1, Queue: 1, Priority: 30, State: centre.Abandoned},
		{Conversation: 1, Entered: 20 * minute, Alerted: 25 * minute, Answered: 25 * minute, WrappedFrom: -1, Ended: -1, Queue: 1, Priority: 30, State: centre.Interacting, InTime: true},
	})
	if got := c.Open(); !slices.Equal(got, []int{4}) {
		t.Errorf("open: %v", got)
	}
	if s, since := c.Status("ada"); s != simulate.Interacting || since != 25*minute {
		t.Errorf("ada is %v since %d", s, since)
	}
	if c.Address(0) != "one@x" || c.AgentID(0) != "ada" || c.QueueID(1) != "two" {
		t.Error("names are wrong")
	}
	if err := c.Advance(time.Minute); err == nil {
		t.Error("the clock goes back")
	}
}

// Whatever changes acts on the next assignment.
func TestConfigureActsOnTheNextAssignment(t *testing.T) {
	t.Parallel()
	mail := letters{
		{At: 0, Address: "one@x", Handle: 30 * time.Minute},
		{At: time.Minute, Address: "one@x", Handle: 10 * time.Minute},
		{At: 2 * time.Minute, Address: "two@x", Handle: 10 * time.Minute},
	}
	answered := func(change func(*centre.Config)) []int64 {
		m := slices.Clone(mail)
		c := centre.New(small(), &m, 1, 100)
		advance(t, c, 10*time.Minute)
		cfg := small()
		change(&cfg)
		c.Configure(cfg)
		advance(t, c, 7*time.Hour)
		var out []int64
		for _, l := range legs(c) {
			out = append(out, l.Answered/minute)
			if l.Answered < 0 {
				out[len(out)-1] = -1
			}
		}
		return out
	}
	tests := map[string]struct {
		change func(*centre.Config)
		want   []int64
	}{
		"nothing":              {func(*centre.Config) {}, []int64{0, 40, 30}}, // 30 minutes of head start
		"the skill is lost":    {func(cfg *centre.Config) { cfg.Agents[0].Skills = nil }, []int64{0, -1, 30}},
		"out of the queue":     {func(cfg *centre.Config) { cfg.Agents[0].Members = cfg.Agents[0].Members[:1] }, []int64{0, 30, -1}},
		"more at once":         {func(cfg *centre.Config) { cfg.Agents[0].Capacity = 3 }, []int64{0, 10, 10}},
		"off queue":            {func(cfg *centre.Config) { cfg.Agents[0].Shifts = []simulate.Span{{From: time.Hour, To: 8 * time.Hour}} }, []int64{0, 70, 60}},
		"another agent comes":  {func(cfg *centre.Config) { b := cfg.Agents[0]; b.Name = "bo"; cfg.Agents = append(cfg.Agents, b) }, []int64{0, 20, 10}},
		"the agent is removed": {func(cfg *centre.Config) { cfg.Agents = nil }, []int64{0, -1, -1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, answered(tt.change)); d != "" {
				t.Errorf("answered at minutes (-want +got):\n%s", d)
			}
		})
	}
}

func TestReprioritiseAndDisconnect(t *testing.T) {
	t.Parallel()
	mail := letters{
		{At: 0, Address: "one@x", Handle: 30 * time.Minute},
		{At: time.Minute, Address: "one@x", Handle: 10 * time.Minute},
		{At: 2 * time.Minute, Address: "one@x", Handle: 10 * time.Minute},
		{At: 3 * time.Minute, Address: "one@x", Handle: 10 * time.Minute},
	}
	c := centre.New(small(), &mail, 1, 100)
	advance(t, c, 10*time.Minute)
	most := 60
	switch {
	case !c.Reprioritise(4, &most, nil):
		t.Error("the fourth waits, and is not raised")
	case !c.Reprioritise(2, nil, &centre.Ask{Skills: []string{"B"}}):
		t.Error("the second waits, and cannot ask for something else")
	case c.Reprioritise(1, &most, nil):
		t.Error("the first is answered, and is raised")
	case !c.Disconnect(3) || c.Disconnect(3):
		t.Error("the third cannot be disconnected once")
	case c.Reprioritise(99, &most, nil) || c.Disconnect(99):
		t.Error("there is no such leg")
	}
	advance(t, c, time.Hour)
	var answered []int64
	for _, l := range legs(c) {
		answered = append(answered, l.Answered)
	}
	if want := []int64{0, -1, -1, 30 * minute}; !slices.Equal(answered, want) {
		t.Errorf("answered at %v, want %v", answered, want)
	}
	if l := c.Leg(3); l.State != centre.Disconnected || l.Ended != 10*minute {
		t.Errorf("the third: %+v", *l)
	}
}

// Only the newest are kept, and what is open.
func TestTheRecordForgets(t *testing.T) {
	t.Parallel()
	cfg := small()
	cfg.Agents[0].Shifts = []simulate.Span{{From: 0, To: 1000 * time.Hour}}
	mail := letters{{At: 0, Address: "one@x", Handle: time.Minute}}
	stuck := centre.Mail{At: time.Second, Address: "two@x", Handle: 2000 * time.Hour} // it waits for ever behind nothing
	mail = append(mail, stuck)
	for i := range 500 {
		mail = append(mail, centre.Mail{At: time.Hour + time.Duration(i)*time.Minute, Address: "one@x", Handle: 30 * time.Second})
	}
	cfg.Agents[0].Members = cfg.Agents[0].Members[:1]
	c := centre.New(cfg, &mail, 1, 50)
	advance(t, c, 20*time.Hour)
	kept := 0
	for range c.Legs() {
		kept++
	}
	if kept < 50 || kept > 100 || c.Forgotten()+kept != 502 {
		t.Errorf("%d kept and %d forgotten of 502", kept, c.Forgotten())
	}
	if l := c.Leg(2); l == nil || l.State != centre.Waiting || !slices.Equal(c.Open(), []int{2}) {
		t.Errorf("what waits is forgotten: %v", c.Open())
	}
	if c.Leg(1) != nil {
		t.Error("the first is kept")
	}
	if !c.Disconnect(2) || len(c.Open()) != 0 {
		t.Error("what was open cannot be ended")
	}
}

// What is found by time is what a look at every leg finds, also after the oldest
// are forgotten.
func TestTheRecordIsFoundByTime(t *testing.T) {
	t.Parallel()
	var mail letters
	for i := range 9000 {
		m := centre.Mail{At: time.Duration(i/3) * time.Minute, Address: "one@x", Handle: 10 * time.Second, Patience: time.Duration(i%7) * time.Hour}
		if i%10 == 0 {
			m.Transfer = "two@x"
		}
		mail = append(mail, m)
	}
	cfg := small()
	cfg.Agents[0].Shifts = []simulate.Span{{From: 0, To: 1000 * time.Hour}}
	c := centre.New(cfg, &mail, 1, 5000)
	for i := range 3 {
		c.Receive(centre.Mail{At: -time.Duration(i) * time.Hour, Address: "one@x", Handle: time.Minute})
	}
	for hour := range 70 {
		advance(t, c, time.Duration(hour)*time.Hour)
		from, to := int64(hour-5)*60*minute, int64(hour-3)*60*minute
		wanted, since, alone := []int{}, c.Newest()+1, []int32{}
		for n, l := range c.Legs() {
			if l.Entered < to && (l.Ended < 0 || l.Ended >= from) {
				wanted = append(wanted, n)
			}
			if l.Entered >= max(from, 0) {
				since = min(since, n)
			}
			alone = append(alone, l.Queue)
			if l.Conversation != n || l.Next != 0 {
				alone[len(alone)-1] = -1
			}
		}
		found := []int{}
		for n, l := range c.Within(from, to) {
			if l.Entered < to { // it may find more at the beginning
				found = append(found, n)
			}
		}
		if !slices.Equal(found, wanted) || !slices.Equal(c.Alone(), alone) {
			t.Fatalf("hour %d: %d legs found, want %d; alone as wanted: %t", hour, len(found), len(wanted), slices.Equal(c.Alone(), alone))
		}
		if from > 0 && c.Since(from) != since {
			t.Fatalf("hour %d: since is %d, want %d", hour, c.Since(from), since)
		}
	}
	if c.Forgotten() == 0 {
		t.Error("nothing was forgotten")
	}
}
