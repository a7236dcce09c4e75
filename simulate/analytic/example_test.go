package analytic_test

import (
	"fmt"

	"github.com/foresort/foresort/simulate/analytic"
)

func ExampleErlangC() {
	// 48 emails an hour, 20 minutes each, 18 agents; rates per hour.
	w, err := analytic.ErlangC(48, 3, 18)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.0f%% wait, %.1f minutes on the average; %.0f%% are taken within 10 minutes\n",
		100*w.Probability, 60*w.Mean, 100*w.Within(10.0/60))
	_, err = analytic.ErlangC(95, 3, 18)
	fmt.Println(err)
	// Output:
	// 53% wait, 5.3 minutes on the average; 80% are taken within 10 minutes
	// unstable: backlog grows by 41 per unit of time
}

func ExampleErlangA() {
	// As many as can be served and a tenth more; senders call instead after two
	// hours on the average.
	p, err := analytic.ErlangA(59.4, 3, 0.5, 18)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f%% give up; the others wait %.0f minutes\n", 100*p.Abandoned, 60*p.MeanAnswered)
	// Output:
	// 10.5% give up; the others wait 13 minutes
}

func ExamplePriorities() {
	classes, err := analytic.Priorities([]float64{12, 24, 30}, 3, 18)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range classes {
		if c.Stable {
			fmt.Printf("%.1f minutes\n", 60*c.Mean)
		} else {
			fmt.Printf("grows by %g an hour\n", c.Growth)
		}
	}
	// Output:
	// 1.4 minutes
	// 4.3 minutes
	// grows by 12 an hour
}

func ExampleSharedSlots() {
	// One agent, 4 emails at once, 10 an hour if nothing else is in hand.
	s, err := analytic.SharedSlots(8, 10, 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("taken after %.1f minutes, then %.1f in hand\n", 60*s.Mean, 60*s.Holding)
	// Output:
	// taken after 12.3 minutes, then 17.7 in hand
}

func ExampleLongestIdle() {
	// Type 0 is billing, type 1 is claims; five agents know billing, three both.
	var agents []analytic.Server
	for range 5 {
		agents = append(agents, analytic.Server{Service: 3, Types: []int{0}})
	}
	for range 3 {
		agents = append(agents, analytic.Server{Service: 3, Types: []int{0, 1}})
	}
	s, err := analytic.LongestIdle([]float64{14, 6}, agents)
	if err != nil {
		fmt.Println(err)
		return
	}
	for x, w := range s.Types {
		fmt.Printf("type %d: %.0f%% wait, %.1f minutes on the average\n", x, 100*w.Probability, 60*w.Mean)
	}
	fmt.Printf("busy: %.0f%% and %.0f%%\n", 100*s.Busy[0], 100*s.Busy[7])
	_, err = analytic.LongestIdle([]float64{4, 10}, agents)
	fmt.Println(err)
	// Output:
	// type 0: 49% wait, 7.4 minutes on the average
	// type 1: 81% wait, 21.9 minutes on the average
	// busy: 79% and 91%
	// unstable: of types [1] backlog grows by 1 per unit of time
}
