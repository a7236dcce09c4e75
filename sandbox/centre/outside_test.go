package centre_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox/centre"
	"github.com/foresort/foresort/simulate"
)

func TestEnterAndTransfer(t *testing.T) {
	t.Parallel()
	mail := letters{{At: 0, Address: "one@x", Handle: 30 * time.Minute}}
	c := centre.New(small(), &mail, 1, 100)
	advance(t, c, 10*time.Minute)
	made := centre.Mail{Address: "made@x", Handle: 5 * time.Minute}
	if n := c.Newest(); n != 1 {
		t.Errorf("the newest leg is %d", n)
	}
	n, ok := c.Enter(centre.Entry{Queue: "two", Priority: 3, Mail: made})
	if _, nowhere := c.Enter(centre.Entry{Queue: "three", Mail: made}); !ok || n != 2 || nowhere {
		t.Fatalf("leg %d %t; into a queue that there is not: %t", n, ok, nowhere)
	}
	advance(t, c, 20*time.Minute)
	// What the agent has in hand goes to the other queue: she is free for what
	// waits, and it waits behind that.
	if n, ok := c.Transfer(1, centre.Entry{Queue: "two", Mail: made}); !ok || n != 3 {
		t.Fatalf("leg %d %t", n, ok)
	}
	if _, ok := c.Transfer(1, centre.Entry{Queue: "two"}); ok {
		t.Error("what has ended is transferred")
	}
	if _, ok := c.Transfer(3, centre.Entry{Queue: "three"}); ok {
		t.Error("it goes to a queue that there is not")
	}
	advance(t, c, time.Hour)
	equal(t, legs(c), []centre.Leg{
		{Conversation: 1, Next: 3, WrappedFrom: -1, Ended: 20 * minute, State: centre.Disconnected, InTime: true, Target: true, Transferred: true},
		{Conversation: 2, Entered: 10 * minute, Alerted: 20 * minute, Answered: 20 * minute, WrappedFrom: 25 * minute, Ended: 25 * minute, Address: 1, Queue: 1, Priority: 3, State: centre.Handled, InTime: true},
		{Conversation: 1, Entered: 20 * minute, Alerted: 25 * minute, Answered: 25 * minute, WrappedFrom: 30 * minute, Ended: 30 * minute, Queue: 1, State: centre.Handled, InTime: true},
	})
}

// What waits can be transferred too, and its new wait begins then.
func TestTransferOfWhatWaits(t *testing.T) {
	t.Parallel()
	cfg := small()
	cfg.Agents[0].Members = cfg.Agents[0].Members[1:]
	mail := letters{{At: 0, Address: "one@x", Handle: 30 * time.Minute}}
	c := centre.New(cfg, &mail, 1, 100)
	advance(t, c, 10*time.Minute)
	if _, ok := c.Transfer(1, centre.Entry{Queue: "two", Priority: 5, Ask: centre.Ask{Skills: []string{"A"}}}); !ok {
		t.Fatal("what waits cannot be transferred")
	}
	advance(t, c, time.Hour)
	equal(t, legs(c), []centre.Leg{
		{Conversation: 1, Next: 2, Alerted: -1, Answered: -1, WrappedFrom: -1, Ended: 10 * minute, Agent: -1, State: centre.Disconnected, Transferred: true},
		{Conversation: 1, Entered: 10 * minute, Alerted: 10 * minute, Answered: 10 * minute, WrappedFrom: 10 * minute, Ended: 10 * minute, Queue: 1, Priority: 5, State: centre.Handled, InTime: true},
	})
}

// Email that is so old that its leg is forgotten can still go on elsewhere.
func TestTransferOfTheForgotten(t *testing.T) {
	t.Parallel()
	mail := letters{
		{At: 0, Address: "one@x", Handle: 19 * time.Hour, Transfer: "two@x"},
		{At: 0, Address: "two@x", Handle: 19 * time.Hour},
	}
	for i := range 500 {
		mail = append(mail, centre.Mail{At: time.Hour + time.Duration(i)*time.Minute, Address: "one@x", Handle: time.Minute})
	}
	cfg := small()
	cfg.Agents[0].Capacity = 2
	cfg.Agents[0].Shifts = []simulate.Span{{From: 0, To: 30 * time.Hour}}
	c := centre.New(cfg, &mail, 1, 50)
	advance(t, c, 18*time.Hour)
	if n, ok := c.Transfer(2, centre.Entry{Queue: "one", Mail: centre.Mail{Handle: time.Minute}}); !ok || c.Leg(n).Conversation != 2 {
		t.Fatalf("leg %d %t", n, ok)
	}
	advance(t, c, 20*time.Hour)
	var after []int
	for n, l := range c.Legs() {
		if l.Conversation <= 2 {
			after = append(after, l.Conversation, n)
		}
	}
	if want := []int{2, 503, 1, 504}; !slices.Equal(after, want) {
		t.Errorf("conversations and their last legs: %v, want %v", after, want)
	}
}

// The hooks tell of every change, once, and of a leg as it is then.
func TestHooks(t *testing.T) {
	t.Parallel()
	mail := letters{
		{At: 0, Address: "one@x", Handle: 4 * time.Minute, Transfer: "two@x"},
		{At: time.Minute, Address: "two@x", Handle: 5 * time.Minute, Patience: 2 * time.Minute},
	}
	cfg := small()
	cfg.Agents[0].Shifts = []simulate.Span{{From: time.Minute, To: 6 * time.Minute}}
	c := centre.New(cfg, &mail, 1, 100)
	var told []string
	c.OnLeg = func(n int) {
		l := c.Leg(n)
		told = append(told, fmt.Sprintf("%d: leg %d of %d in state %d, transferred %t", c.Now()/minute, n, l.Conversation, l.State, l.Transferred))
	}
	c.OnAgent = func(id string) {
		s, _ := c.Status(id)
		told = append(told, fmt.Sprintf("%d: %s is %d, turned %t", c.Now()/minute, id, s, c.Turned(id)))
	}
	advance(t, c, 10*time.Minute)
	least := -5
	c.Reprioritise(3, &least, nil)
	c.Disconnect(3)
	if d := cmp.Diff([]string{
		"0: leg 1 of 1 in state 0, transferred false",
		"1: ada is 1, turned true",
		"1: ada is 2, turned false",
		"1: leg 1 of 1 in state 1, transferred false",
		"1: leg 1 of 1 in state 2, transferred false",
		"1: leg 2 of 2 in state 0, transferred false",
		"3: leg 2 of 2 in state 4, transferred false",
		"5: ada is 1, turned false",
		"5: leg 1 of 1 in state 3, transferred true",
		"5: leg 3 of 1 in state 0, transferred false",
		"5: ada is 2, turned false",
		"5: leg 3 of 1 in state 1, transferred false",
		"5: leg 3 of 1 in state 2, transferred false",
		"6: ada is 0, turned true",
		"10: leg 3 of 1 in state 5, transferred false",
	}, told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	if c.Turned("bo") {
		t.Error("an agent who is not there has turned")
	}
}
