package plan_test

import (
	"fmt"
	"os"
	"time"

	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

func ExampleBuild() {
	org := routing.Org{Queues: []routing.Queue{{
		Ref:      routing.Ref{ID: "8f2c", Name: "Support Email"},
		Settings: routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 80, Within: routing.Duration(24 * time.Hour)}},
	}}}
	want := routing.Desired{Strategy: "support", Queue: routing.DesiredQueue{
		Name:     "Support Email",
		Settings: routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)}},
	}}
	p, problems := plan.Build(want, org, plan.Memory{})
	if err := problems.Err(); err != nil {
		fmt.Println(err)
		return
	}
	if err := plan.Print(os.Stdout, p, plan.Style{}); err != nil {
		fmt.Println(err)
	}

	again, _ := plan.Build(want, p.After(org), plan.Memory{})
	fmt.Println(plan.Summary(again))
	// Output:
	// Plan of strategy support
	//
	//   1 ~ update queue Support Email  the queue differs from the strategy in serviceLevel
	//       serviceLevel: 80% within 24h -> 90% within 4h  queue, mediaSettings.email.serviceLevel
	//
	// Plan: 0 to create, 1 to update, 0 to delete.
	// No changes. The org already is as strategy support asks.
}
