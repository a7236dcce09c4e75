package simulate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/foresort/foresort/simulate"
)

// A day is stepped from outside: email is added, and somebody is put on the
// queue when its oldest email has waited too long.
func ExampleEngine() {
	cfg := simulate.Config{
		Queues: []simulate.Queue{{Name: "Support"}},
		Agents: []simulate.Agent{{
			Name: "Ann", Capacity: 1, Skills: map[string]float64{"Billing": 4},
			Members: []simulate.Membership{{Queue: 0, Ring: 1}},
			Shifts:  []simulate.Span{{From: 0, To: 8 * time.Hour}},
		}},
		Observe: func(ev simulate.Event) {
			if ev.What == simulate.Answered {
				fmt.Printf("%s: agent %d answers, after %s\n", ev.At, ev.Agent, ev.Wait)
			}
		},
	}
	engine := simulate.New(cfg)
	billing := engine.Need(engine.Queue("Support"), []string{"Billing"}, "")

	for range 3 {
		engine.Add(simulate.Email{Need: billing, Entered: engine.Now(), Handle: time.Hour})
	}
	if err := engine.Advance(90 * time.Minute); err != nil {
		fmt.Println(err)
		return
	}

	ben := cfg.Agents[0]
	ben.Name = "Ben"
	cfg.Agents = append(cfg.Agents, ben)
	engine.Configure(cfg)
	if err := engine.Advance(8 * time.Hour); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0s: agent 0 answers, after 0s
	// 1h0m0s: agent 0 answers, after 1h0m0s
	// 1h30m0s: agent 1 answers, after 1h30m0s
}

// Urgent email has four hours of head start.
func ExampleRun() {
	day := 10 * time.Hour
	m := simulate.Model{
		Start:   time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		Horizon: day,
		Queues:  []simulate.Queue{{Name: "Support"}},
		Rules: []simulate.Rule{
			{Name: "urgent", Priority: 240, Handle: simulate.Dist{Shape: simulate.Exponential, Mean: 15 * time.Minute}},
			{Name: "other", Handle: simulate.Dist{Shape: simulate.Exponential, Mean: 15 * time.Minute}},
		},
		Agents: []simulate.Agent{{
			Name: "Ann", Capacity: 1, Members: []simulate.Membership{{Queue: 0, Ring: 1}}, Shifts: []simulate.Span{{From: 0, To: day}},
		}},
		Sources: []simulate.Source{{
			Mix:   []simulate.Share{{Rule: 0, Weight: 1}, {Rule: 1, Weight: 4}},
			Rates: []simulate.Rate{{Span: simulate.Span{From: 0, To: day}, PerHour: 3.6}},
		}},
	}
	r, err := simulate.Run(context.Background(), m, simulate.Options{Replications: 2000, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range r.Rules {
		wait := time.Duration(f.Wait.Mean.Mean * float64(time.Second))
		fmt.Printf("%s email waits %s on average\n", f.Rule, wait.Round(10*time.Minute))
	}
	// Output:
	// urgent email waits 10m0s on average
	// other email waits 40m0s on average
}
