package plan_test

import (
	"strings"
	"testing"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// A plan names the place of each field without knowing the client; the client's
// table is where it is really written.
func TestTheHomesOfAPlanAreThoseOfTheWire(t *testing.T) {
	t.Parallel()
	want, org := example()
	p, problems := plan.Build(want, org, plan.Memory{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, c := range p.Changes {
		home := map[plan.Kind]func(routing.Field) string{
			plan.Queue: genesys.Home[routing.QueueSettings], plan.Route: genesys.Home[routing.RouteSettings],
			plan.Utilization: genesys.Home[routing.UtilizationSettings],
		}[c.Kind]
		if home == nil { // members are no field of an object
			continue
		}
		for _, f := range c.Fields {
			_, path, _ := strings.Cut(f.Home, ", ")
			if wire := home(f.Field); wire != path && !strings.HasSuffix(wire, "."+path) && !strings.HasPrefix(path, wire+".") {
				t.Errorf("%s %s: the plan says %q, the wire table %q", c.Kind, f.Field, path, wire)
			}
			looked++
		}
	}
	if looked < 8 {
		t.Fatalf("only %d fields looked at", looked)
	}
}
