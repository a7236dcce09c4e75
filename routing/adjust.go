package routing

import (
	"fmt"
	"strings"
	"time"
)

// Adjust says how a strategy adjusts to the day, in platform terms.
type Adjust struct {
	Mode   AdjustMode
	Every  time.Duration // between two looks
	Rules  []AdjustRule
	Limits AdjustLimits
	At     Place
}

// AdjustMode says what becomes of what the autopilot decides.
type AdjustMode string

// The modes.
const (
	AdjustOff       AdjustMode = "off"       // nothing is looked at
	AdjustRecommend AdjustMode = "recommend" // it is said and recorded
	AdjustAct       AdjustMode = "act"       // it is done
)

// AdjustRule is one rule: while When holds, Do it, for at most Lease.
type AdjustRule struct {
	Name    string
	When    string // CEL on figures of the queue
	Until   string // CEL; empty: it ends with the lease
	Samples int    // emails that a service level or mean must be made of
	For     int    // evaluations in a row in which a condition must hold
	Do      []Action
	Lease   time.Duration
	At      Place
}

// AdjustLimits are the guard rails of one strategy.
type AdjustLimits struct {
	ChangesPerHour int           // overrides that begin
	Cooldown       time.Duration // between the beginnings of two overrides
	Reversals      int           // overrides of a rule that may end in an hour in which it begins another
	Share          float64       // percent of the queues that may begin an override at one look; one always may
	Calls          int           // writes to waiting email at one look; one that is moved takes TransferCalls
}

// Lever is what an action moves.
type Lever string

// The levers, as the file calls them.
const (
	LeverRaise    Lever = "raisePriority"
	LeverLower    Lever = "lowerPriority"
	LeverDeadline Lever = "deadlineOrder"
	LeverRelax    Lever = "relaxEarly"
	LeverJoin     Lever = "join"
	LeverLeave    Lever = "leave"
	LeverCapacity Lever = "capacity"
	LeverOverflow Lever = "overflow"
	LeverTighten  Lever = "tightenTarget"
)

// TransferCalls is how many writes it takes to move an email that waits to another
// queue: its wait begins anew there, so that its priority is raised after it.
const TransferCalls = 2

// Action is one thing that an override does. Which fields count depends on the
// lever.
type Action struct {
	Lever  Lever
	Rule   string   // raise, lower: whose email; overflow: the same, empty: any
	By     int      // raise, lower: minutes
	Group  string   // join, leave
	Agents []string // join, leave: by user name or email address
	Step   int      // relaxEarly: which step of relax, from 1
	After  Duration // relaxEarly: when it comes; overflow: how long an email has waited
	To     string   // overflow: the name of a queue
	AtMost int      // overflow: emails at one look
	Email  int      // capacity: emails at once
	Target Duration // tightenTarget: how much shorter
	Floor  Duration // tightenTarget: the shortest
	At     Place
}

// Waiting says that the lever moves waiting email, and not the queue, its members
// or their utilization.
func (l Lever) Waiting() bool {
	switch l {
	case LeverRaise, LeverLower, LeverDeadline, LeverOverflow:
		return true
	case LeverRelax, LeverJoin, LeverLeave, LeverCapacity, LeverTighten:
	}
	return false
}

// Moves names what the lever changes: two that move the same are never in force
// together.
func (l Lever) Moves() string {
	switch l {
	case LeverRaise, LeverLower, LeverDeadline:
		return "priority of waiting email"
	case LeverOverflow:
		return "queue of waiting email"
	case LeverJoin, LeverLeave:
		return "members"
	case LeverRelax, LeverCapacity, LeverTighten:
	}
	return string(l)
}

// String says what the action does.
func (a Action) String() string {
	who := a.Group
	if len(a.Agents) > 0 {
		who = strings.Join(a.Agents, ", ")
	}
	switch a.Lever {
	case LeverRaise:
		return fmt.Sprintf("raise the priority of waiting email of rule %s by %d", a.Rule, a.By)
	case LeverLower:
		return fmt.Sprintf("lower the priority of waiting email of rule %s by %d", a.Rule, a.By)
	case LeverDeadline:
		return "put waiting email in the order of its deadlines"
	case LeverRelax:
		return fmt.Sprintf("let step %d of relax come after %s", a.Step, a.After)
	case LeverJoin:
		return "let " + who + " join the queue"
	case LeverLeave:
		return "let " + who + " leave the queue"
	case LeverCapacity:
		return fmt.Sprintf("let each member have %d emails at once", a.Email)
	case LeverOverflow:
		whose := "waiting email"
		if a.Rule != "" {
			whose += " of rule " + a.Rule
		}
		return fmt.Sprintf("move %s that has waited for %s to queue %s, where it stays, at most %d at a look", whose, a.After, a.To, a.AtMost)
	case LeverTighten:
		return fmt.Sprintf("make the time of the service level %s shorter, not below %s", a.Target, a.Floor)
	}
	return string(a.Lever)
}
