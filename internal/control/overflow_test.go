package control_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/autopilot"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/control"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// This file holds the lever that moves email to another queue to the living
// sandbox. Nobody serves the other queue, so that what comes there waits.

const otherQueue = "Technical"

// overflow is a rule that moves email.
func overflow(when, does, more string) string {
	return "adjust:\n  mode: act\n  rules: [{ name: over, when: '" + when + "', for: 1, do: [{ overflow: { to: " + otherQueue + ", " + does + " } }], lease: 30m }]\n" + more
}

// rest is the email that Ada has in hand all day.
func rest(mail ...string) []string { return append(many(2, "09:00:30 support 20h"), mail...) }

// inQueue are the emails that wait in a queue, each read on its own.
func (w *world) inQueue(name string) (out []genesys.Email) {
	w.t.Helper()
	id := w.queueNamed(name).ID
	states, err := w.client.QueueStates(w.t.Context(), []string{id})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range states[id].Emails {
		read, err := w.client.Email(w.t.Context(), e.ConversationID)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, read)
	}
	return out
}

// shown is when each email came to a queue, and its priority.
func shown(emails []genesys.Email) string {
	var out []string
	for _, e := range emails {
		out = append(out, fmt.Sprintf("%s:%d", e.Entered.Format("15:04"), e.Priority))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// raw is a queue as the platform shows it, but for what counts by itself.
func (w *world) raw(name string) map[string]any {
	w.t.Helper()
	raw, err := w.client.Queue(w.t.Context(), w.queueNamed(name).ID)
	return w.decoded(name, raw, err)
}

// moves are the transfers that the sandbox carried out.
func (w *world) moves() (n int) {
	for _, r := range w.Requests() {
		if strings.HasSuffix(r.Path, "/replace") && r.Status < 300 {
			n++
		}
	}
	return n
}

func TestEmailMovesToAnotherQueueAndKeepsItsMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+overflow("waiting() > 3", "rule: standard, olderThan: 5m, atMost: 2", "")),
		rest("09:02 support 1h", "09:03:30 support 1h", "09:04 support 1h", "09:10 vip 1h", "09:11 support 1h")...)
	w.apply()
	before, other := w.state(), w.raw(otherQueue)
	w.ClearRequests()
	w.said(w.ticks(10), "09:10 over begins")
	if got := shown(w.inQueue(otherQueue)); got != "09:10:6 09:10:8" { // at most 2 at a look
		t.Errorf("in the other queue: %s", got)
	}
	if n := len(w.writes()); n != 4 {
		t.Errorf("%d writes: %v", n, w.writes())
	}
	w.said(w.ticks(6), "09:11 over under_lease", "09:16 over under_lease")
	if got := shown(w.inQueue(otherQueue)); got != "09:10:6 09:10:8 09:11:7 09:16:5" {
		t.Errorf("in the other queue: %s", got)
	}
	if got := shown(w.inQueue("Support Email")); got != "09:10:0" { // of another rule
		t.Errorf("in its own queue: %s", got)
	}
	if p := w.plan(); len(p.Changes) > 0 {
		t.Errorf("the plan of the strategy: %+v", p.Changes)
	}
	w.ClearRequests()
	w.said(w.ticks(90), "09:40 over lease_ended")
	if n := w.writes(); len(n) > 0 {
		t.Errorf("at its end it wrote %v", n)
	}
	said := w.decisions()
	if d := cmp.Diff([]string{
		"move waiting email of rule standard that has waited for 5m to queue Technical, where it stays, at most 2 at a look, for at most 30m: 2 emails moved to queue Technical",
		"nothing is to be put back; 4 emails moved to queue Technical stay: to move back would begin the wait anew",
	}, []string{said[0].Words, said[1].Words}); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := shown(w.inQueue(otherQueue)); got != "09:10:6 09:10:8 09:11:7 09:16:5" {
		t.Errorf("in the other queue afterwards: %s", got)
	}
	if d := cmp.Diff(before, w.state()) + cmp.Diff(other, w.raw(otherQueue)); d != "" {
		t.Errorf("the queues are not as before (-before +after):\n%s", d)
	}
	if l := w.leases()[0]; l.Ended.IsZero() || len(l.Runs) != 3 {
		t.Errorf("%+v", l.Lease)
	}
}

// A surge comes: the budget of a look holds, and what is answered first stays.
func TestOverflowKeepsToTheBudgetOfALook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+overflow("waiting() > 10", "olderThan: 2m", "  limits: { calls: 7 }\n")), rest(many(40, "09:02 support 1h")...)...)
	w.apply()
	w.ticks(3)
	for look := range 20 {
		w.ClearRequests()
		w.ticks(1)
		want := 3 // each takes two calls
		if look >= 14 {
			want = 0
		} else if look == 13 {
			want = 1
		}
		if n := w.moves(); n != want || len(w.writes()) > 7 {
			t.Fatalf("%d emails moved at look %d, want %d: %v", n, look+1, want, w.writes())
		}
	}
	for _, e := range w.inQueue(otherQueue) {
		if want := int(e.Entered.Sub(w.at("09:02:00")) / time.Minute); e.Priority != want {
			t.Errorf("moved at %s it has priority %d, want %d", e.Entered.Format("15:04:05"), e.Priority, want)
		}
	}
}

func TestWhatIsListedMovesWhereNotAllIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+overflow("waiting() > 10", "olderThan: 2m", "")), many(1200, "09:01 support 5h")...)
	w.apply()
	w.ticks(6)
	if looks := w.look(); looks[0].Seen.State.Complete || w.moves() == 0 {
		t.Errorf("all are listed: %t, and %d moved", looks[0].Seen.State.Complete, w.moves())
	}
}

func TestThatNotAllIsListedIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+overflow("waiting() > 10", "olderThan: 10h", "")), many(1200, "09:01 support 5h")...)
	w.apply()
	w.ClearRequests()
	w.ticks(6)
	if n := w.writes(); len(n) > 0 || len(w.decisions()) != 1 || w.decisions()[0].Reason != autopilot.Unknown {
		t.Errorf("it wrote %v: %+v", n, w.decisions())
	}
	if said := w.decisions()[0].Words; said != "no email is moved: none that the platform lists has waited for so long, and it does not list all that waits" {
		t.Error(said)
	}
}

// Whoever has an email, has moved it or has changed it first, wins.
func TestPeopleWinOverOverflow(t *testing.T) {
	t.Parallel()
	isMove := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/replace") }
	reads := func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/conversations/emails/")
	}
	raises := func(r *http.Request) bool { return r.Method == http.MethodPatch }
	for name, tt := range map[string]struct {
		when  func(*http.Request) bool // before this request,
		nth   int                      // of those the first, or this one
		does  func(w *world, id string)
		here  string // in its own queue
		there string // in the other
		moves int
	}{
		"nobody": {when: reads, does: func(*world, string) {}, there: "09:12:10", moves: 1},
		"it was answered before it is read": {
			when: reads, does: func(w *world, id string) { w.ends(id) },
		},
		"it was answered before it is moved": {
			when: isMove, does: func(w *world, id string) { w.ends(id) },
		},
		"it was answered once it was moved": {
			when: raises, does: func(w *world, id string) { w.ends(id) }, moves: 1,
		},
		"its priority was changed before": {
			when: reads, does: func(w *world, id string) { w.sets(id, 50) }, here: "09:02:50",
		},
		"its priority was changed as soon as it had moved": {
			when: reads, nth: 3, does: func(w *world, id string) { w.sets(id, 50) }, there: "09:12:50", moves: 1,
		},
		"it was moved elsewhere and back": {
			when: reads, does: func(w *world, id string) {
				w.move(id, "Support Email", "Billing Email")
				w.move(id, "Billing Email", "Support Email")
			}, here: "09:12:0", moves: 2,
		},
		"its priority was changed in the other queue": { // the one of a moment ago, which the platform takes over, is not
			when: raises, does: func(w *world, id string) { w.sets(id, 50) }, there: "09:12:10", moves: 1,
		},
		"it was moved elsewhere": {
			when: reads, does: func(w *world, id string) { w.move(id, "Support Email", "Billing Email") }, moves: 1,
		},
		"it was moved there and back": {
			when: reads, does: func(w *world, id string) {
				w.move(id, "Support Email", otherQueue)
				w.move(id, otherQueue, "Support Email")
			}, here: "09:12:0", moves: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, two(plainRules+overflow("waiting() > 0", "olderThan: 10m", "")), rest("09:02 support 20h")...)
			w.apply()
			w.ticks(11)
			w.passes(time.Minute)
			w.ClearRequests()
			id, met, seen := w.waiting()[0].ConversationID, false, 0
			w.before = func(r *http.Request) {
				if !met && tt.when(r) {
					if seen++; seen < tt.nth {
						return
					}
					met = true
					tt.does(w, id)
				}
			}
			looks := w.look()
			w.before = nil
			for _, a := range looks[0].Acts {
				if a.Err != nil {
					t.Error(a.Err)
				}
			}
			if here, there := shown(w.inQueue("Support Email")), shown(w.inQueue(otherQueue)); !met || here != tt.here || there != tt.there || w.moves() != tt.moves {
				t.Errorf("met %t; here %q, there %q after %d moves", met, here, there, w.moves())
			}
			w.ticks(60)
			if n := w.moves(); n != tt.moves {
				t.Errorf("it was moved later: %d", n)
			}
		})
	}
}

// Two strategies that would move email to each other's queue, or on to a third: each
// email moves once.
func TestNoEmailMovesTwice(t *testing.T) {
	t.Parallel()
	for to, tt := range map[string]struct {
		moves, there int
	}{
		"Support Email": {6, 6},
		"Shipping":      {7, 5}, // that a person has moved an email here is in no ledger
	} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, two(plainRules+overflow("waiting() > 0", "olderThan: 3m", "")), rest(append(many(5, "09:02 support 20h"), "09:05:20 support 20h")...)...)
			w.apply()
			parsed, wrong := strategy.Parse("technical.yaml", []byte("version: 1\nname: technical\nqueue: "+otherQueue+"\n"+
				strings.Replace(overflow("waiting() > 0", "olderThan: 3m", ""), "to: "+otherQueue, "to: "+to, 1)))
			if wrong.Err() != nil {
				t.Fatal(wrong.Text())
			}
			var err error
			if w.Control, err = control.New(w.Config, []routing.Desired{w.want, parsed.Desired()}); err != nil {
				t.Fatal(err)
			}
			w.ClearRequests()
			w.ticks(5)
			w.passes(27 * time.Second)
			w.move(w.waiting()[0].ConversationID, "Support Email", otherQueue)
			w.ticks(80)
			if n, there := w.moves(), w.inQueue(otherQueue); n != tt.moves || len(there) != tt.there {
				t.Errorf("%d moves of 6 emails; in the other queue: %s", n, shown(there))
			}
		})
	}
}

// A transfer without an answer is read back, and not made twice.
func TestATransferWithoutAnAnswerIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	for _, of := range []string{"POST */replace -> 502 done once", "POST */replace -> 502 once", "PATCH */routing/conversations/* -> 502 done once", "PATCH */routing/conversations/* -> 502 once"} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, two(plainRules+overflow("waiting() > 0", "olderThan: 10m", "")), rest("09:02 support 20h")...)
			w.apply()
			w.ticks(11)
			w.ClearRequests()
			w.AddFault(fault(t, of))
			w.said(w.ticks(1), "09:12 over begins")
			if got := shown(w.inQueue(otherQueue)); got != "09:12:10" {
				t.Errorf("in the other queue: %q", got)
			}
			if e := w.inQueue(otherQueue); len(e) == 1 && len(e[0].Earlier) != 1 {
				t.Errorf("it was in %v before", e[0].Earlier)
			}
		})
	}
}

// Whichever entry of the ledger is the last that can be written, the next process
// gives what was moved its minutes, and moves nothing twice.
func TestATransferThatWasCutOffIsFinished(t *testing.T) {
	t.Parallel()
	moved, raised := 0, 0
	for n, cut := 0, true; cut; n++ {
		w := newWorld(t, two(plainRules+overflow("waiting() > 1", "olderThan: 10m, atMost: 2", "")), rest("09:02 support 20h", "09:03 support 20h", "09:04 support 20h")...)
		w.apply()
		w.ticks(11)
		w.passes(2 * time.Minute)
		w.ClearRequests()
		w.full(n)
		looks, err := w.Tick(t.Context())
		cut = err != nil || slices.ContainsFunc(looks[0].Acts, func(a control.Act) bool { return a.Err != nil })
		w.full(-1)
		for _, e := range w.inQueue(otherQueue) {
			if moved++; e.Priority > 0 {
				raised++
			}
		}
		w.start()
		w.passes(7 * time.Minute) // they are minutes in which it did not wait where it was
		w.ticks(10)
		for _, e := range w.inQueue(otherQueue) {
			came := e.Entered.Sub(w.at("09:02:00"))
			if len(e.Earlier) != 1 || e.Priority > int(came/time.Minute) || e.Priority < int(came/time.Minute)-2 {
				t.Errorf("after %d entries: moved at %s, from %v, with priority %d", n, e.Entered.Format("15:04:05"), e.Earlier, e.Priority)
			}
		}
		// One that failed before it did anything does not begin again within the hour.
		if here := w.inQueue("Support Email"); (len(here) > 0 || w.moves() != 3) && (n != 1 || w.moves() > 0) {
			t.Errorf("after %d entries: %d moves of 3 emails, %s is left", n, w.moves(), shown(here))
		}
		for _, r := range w.runs() {
			if r.End == nil && len(r.Done()) > 0 {
				t.Errorf("after %d entries: run %s is still open", n, r.ID)
			}
		}
		w.ticks(30)
		for _, l := range w.leases() {
			if l.Ended.IsZero() {
				t.Errorf("after %d entries: it holds: %+v", n, l.Lease)
			}
		}
		if n > 30 {
			t.Fatal("it is cut off for ever")
		}
	}
	if moved == 0 || raised == moved {
		t.Errorf("of %d that were moved when it was cut off %d had their minutes: it was never cut off between the two", moved, raised)
	}
}

// A transfer that was about to be made when the process ended is not made up for:
// whether the email moves is decided anew.
func TestATransferThatWasNotMadeIsDecidedAnew(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		later time.Duration
		there string
	}{
		"while the override holds": {7 * time.Minute, "09:12:10 09:19:17"},
		"when its lease is over":   {31 * time.Minute, "09:12:10"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, two(plainRules+overflow("waiting() > 0", "olderThan: 10m", "")), rest("09:02 support 20h", "09:02 support 20h")...)
			w.apply()
			w.ticks(11)
			w.passes(time.Minute)
			w.ClearRequests()
			ctx, cancel := context.WithCancel(t.Context())
			seen := 0
			w.before = func(r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/replace") {
					if seen++; seen == 2 {
						cancel()
					}
				}
			}
			_, _ = w.Tick(ctx)
			if runs := w.runs(); runs[len(runs)-1].End != nil || len(runs[len(runs)-1].Done()) != 2 || w.moves() != 1 {
				t.Fatalf("it was not cut off: %+v", runs[len(runs)-1])
			}
			w.before = nil
			w.start()
			w.passes(tt.later - time.Minute)
			w.ticks(2)
			if runs := w.runs(); runs[len(runs)-1].End == nil {
				t.Errorf("a run is still open: %+v", runs[len(runs)-1])
			}
			if got := shown(w.inQueue(otherQueue)); got != tt.there {
				t.Errorf("in the other queue: %q", got)
			}
		})
	}
}

// The switch stops what is moved as all else: at most one more write.
func TestTheSwitchStopsOverflow(t *testing.T) {
	t.Parallel()
	for nth := range 4 {
		t.Run(fmt.Sprint("at write ", nth+1), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, two(plainRules+overflow("waiting() > 1", "olderThan: 10m", "")), rest("09:02 support 20h", "09:02 support 20h")...)
			w.apply()
			w.ticks(11)
			w.passes(time.Minute)
			w.ClearRequests()
			seen := 0
			w.before = func(r *http.Request) {
				if isWrite(r.Method, r.URL.Path) {
					if seen++; seen == nth+1 {
						w.stop(true)
					}
				}
			}
			w.look()
			w.before = nil
			if n := len(w.writes()); n != nth+1 { // the one that was under way
				t.Errorf("%d writes, stopped at %d", n, nth+1)
			}
			w.ClearRequests()
			w.said(w.ticks(5))
			if n := w.writes(); len(n) > 0 {
				t.Errorf("stopped, and it wrote %v", n)
			}
			w.stop(false)
			w.ticks(2)
			for _, e := range w.inQueue(otherQueue) {
				if want := int(e.Entered.Sub(w.at("09:02:00")) / time.Minute); e.Priority != want || want < 10 {
					t.Errorf("moved at %s it has priority %d, want %d", e.Entered.Format("15:04:05"), e.Priority, want)
				}
			}
			if got := w.inQueue(otherQueue); len(got) != 2 {
				t.Errorf("in the other queue: %s", shown(got))
			}
		})
	}
}

// What another lever of the rule changes is not moved, and is put back. Both have
// one budget.
func TestOverflowBesideAnotherLever(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+`adjust:
  mode: act
  rules: [{ name: both, when: waiting() > 2, for: 1, do: [{ overflow: { to: Technical, olderThan: 5m } }, { raisePriority: { rule: vip, by: 30 } }, { tightenTarget: { by: 1h } }], lease: 30m }]
  limits: { calls: 3 }
`), rest("09:02 support 20h", "09:06:30 vip 20h", "09:06:30 vip 20h")...)
	w.apply()
	before := w.state()
	w.said(w.ticks(20), "09:07 both begins", "09:08 both under_lease")
	if here, there := shown(w.inQueue("Support Email")), shown(w.inQueue(otherQueue)); here != "09:06:30 09:06:30" || there != "09:08:6" {
		t.Errorf("here %q, there %q", here, there)
	}
	w.said(w.ticks(17), "09:37 both lease_ended")
	if here, there := shown(w.inQueue("Support Email")), shown(w.inQueue(otherQueue)); here != "09:06:0 09:06:0" || there != "09:08:6" {
		t.Errorf("here %q, there %q", here, there)
	}
	if d := cmp.Diff(before, w.state()); d != "" {
		t.Errorf("not as before (-before +after):\n%s", d)
	}
	if said := w.decisions()[1].Words; said != "everything is put back; 1 email moved to queue Technical stay: to move back would begin the wait anew" {
		t.Error(said)
	}
}

func TestWhatARuleRaisesItDoesNotMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+`adjust:
  mode: act
  rules: [{ name: both, when: waiting() > 2, for: 1, do: [{ overflow: { to: Technical, olderThan: 5m } }, { raisePriority: { rule: vip, by: 30 } }], lease: 30m }]
`), rest("09:02 vip 20h", "09:02 support 20h", "09:08 support 20h")...)
	w.apply()
	w.said(w.ticks(8), "09:08 both begins")
	if here, there := shown(w.inQueue("Support Email")), shown(w.inQueue(otherQueue)); here != "09:02:30 09:08:0" || there != "09:08:6" {
		t.Errorf("here %q, there %q", here, there)
	}
	if said := w.decisions()[0].Words; !strings.HasSuffix(said, ": 1 email moved to queue Technical") {
		t.Error(said)
	}
}

// What an override of another rule has changed is moved once that is over.
func TestOverflowLeavesWhatAnotherOverrideHasChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+`adjust:
  mode: act
  limits: { cooldown: 0s }
  rules:
    - { name: vip, when: waiting("vip") > 0, for: 1, do: [{ raisePriority: { rule: vip, by: 30 } }], lease: 15m }
    - { name: over, when: waiting() > 1, for: 1, do: [{ overflow: { to: Technical, olderThan: 5m } }], lease: 1h }
`), rest("09:02 support 20h", "09:02 vip 20h")...)
	w.apply()
	w.ticks(12)
	if here, there := shown(w.inQueue("Support Email")), shown(w.inQueue(otherQueue)); here != "09:02:30" || there != "09:07:5" {
		t.Errorf("here %q, there %q", here, there)
	}
	w.ticks(8)
	if there := shown(w.inQueue(otherQueue)); there != "09:07:5 09:18:16" && there != "09:07:5 09:17:15" {
		t.Errorf("there %q", there)
	}
}

func TestOverflowIsOnlyRecommended(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+strings.Replace(overflow("waiting() > 0", "olderThan: 5m", ""), "act", "recommend", 1)), rest("09:02 support 20h")...)
	w.apply()
	w.ClearRequests()
	w.said(w.ticks(20), "09:02 over begins")
	d := w.decisions()[0]
	if n := w.writes(); len(n) > 0 || d.Reason != autopilot.Begins || len(d.Recommended.Do) != 1 || !strings.Contains(d.Recommended.Do[0], "where it stays") {
		t.Errorf("%v, %+v", n, d)
	}
}

// Where moving fails in the middle, what was moved stays and is said to.
func TestWhatWasMovedBeforeAFailureStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, two(plainRules+overflow("waiting() > 1", "olderThan: 10m", "")), rest("09:02 support 20h", "09:02 support 20h", "09:04 support 20h")...)
	w.apply()
	w.ticks(11)
	moves := 0
	w.passes(time.Minute)
	w.before = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/replace") {
			if moves++; moves == 2 {
				w.AddFault(fault(t, "POST */replace -> 403 once"))
			}
		}
	}
	act := w.look()[0].Acts[0]
	w.before = nil
	if act.Err == nil || !strings.Contains(act.Err.Error(), "it stays there") || !strings.HasSuffix(act.Words, "1 of 2 emails moved to queue Technical") {
		t.Errorf("%q, %v", act.Words, act.Err)
	}
	if got := shown(w.inQueue(otherQueue)); got != "09:12:10" {
		t.Errorf("in the other queue: %s", got)
	}
	w.said(w.ticks(2), "09:14 over under_lease") // it goes on, but for the one that was refused
	w.ticks(40)
	if got := shown(w.inQueue(otherQueue)); got != "09:12:10 09:14:10" {
		t.Errorf("in the other queue: %s", got)
	}
	l := w.leases()[0]
	if l.Ended.IsZero() || slices.ContainsFunc(l.Runs[0].Plan().Changes, func(c plan.Change) bool { return c.Transfer == nil }) {
		t.Errorf("%+v", l.Lease)
	}
}

// move lets somebody move an email that waits.
func (w *world) move(id, from, to string) {
	w.t.Helper()
	if err := w.client.MoveEmail(w.t.Context(), id, w.queueNamed(from).ID, w.queueNamed(to).ID); err != nil {
		w.t.Fatal(err)
	}
}
