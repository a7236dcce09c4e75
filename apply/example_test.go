package apply_test

import (
	"context"
	"fmt"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/sandbox"
)

// inMemory is a journal that does not survive.
type inMemory []apply.Entry

func (j *inMemory) Append(e apply.Entry) error { *j = append(*j, e); return nil }

func Example() {
	ctx := context.Background()
	client, err := genesys.New(genesys.Config{
		ClientID: sandbox.DefaultClientID, ClientSecret: sandbox.DefaultClientSecret, Transport: sandbox.New(sandbox.Options{}).Transport(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	want := routing.Desired{Strategy: "support", Queue: routing.DesiredQueue{
		Name:     "Support Email",
		Settings: routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)}},
	}}
	org, err := client.ReadOrg(ctx, genesys.ScopeOf(want))
	if err != nil {
		fmt.Println(err)
		return
	}
	p, problems := plan.Build(want, org, plan.Memory{})
	if err := problems.Err(); err != nil {
		fmt.Println(err)
		return
	}
	report, err := apply.Run(ctx, apply.Options{
		Plan: p.Seal(), Platform: apply.On(client), Journal: &inMemory{},
		Wait: apply.Wait{Every: time.Millisecond, Jitter: -1},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range report.Results {
		fmt.Println(r.Headline+":", r.Outcome)
	}
	if report.Active {
		fmt.Println(apply.ActivatedText)
	}
	// Output:
	// update queue Support Email: done
	// Routing rules activated successfully.
}
