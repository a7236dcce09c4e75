package coverage_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/coverage"
	"github.com/foresort/foresort/routing"
)

// The week to come has the email of the balance, split by rule, and the members
// who take email, when they are on queue.
func TestNextWeek(t *testing.T) {
	t.Parallel()
	in := sane()
	in.Org.Ratings = map[string]routing.Ratings{"ann": rated(4, 5)} // of ben nothing is known
	in.Waiting = new(7)
	in.Volume.By["other@help.example.com"] = in.Volume.By[vip.String()]
	w, unknown := coverage.NextWeek(in)
	if unknown != "" {
		t.Fatal(unknown)
	}
	r := coverage.Check(in)
	if w.Span != r.Span || w.Zone != berlin || w.Weeks != r.Balance.Weeks {
		t.Errorf("%v in %v of %d weeks", w.Span, w.Zone, w.Weeks)
	}
	var rules []string
	for cell := range coverage.Cells {
		sum := 0.0
		for _, e := range w.Email {
			sum += e.Offered[cell]
		}
		if math.Abs(sum-r.Balance.Offered[cell]) > 1e-9 {
			t.Fatalf("in cell %d are %g emails, and the balance has %g", cell, sum, r.Balance.Offered[cell])
		}
	}
	for _, e := range w.Email {
		rules = append(rules, e.Rule)
		if e.Handle != 12*time.Minute {
			t.Errorf("email of %q takes %s", e.Rule, e.Handle)
		}
	}
	if d := cmp.Diff([]string{"vip", "standard", ""}, rules); d != "" {
		t.Errorf("rules (-want +got):\n%s", d)
	}
	if len(w.Members) != 2 || w.Members[0].Capacity != 3 || w.Members[0].Ring != 1 || len(w.Members[0].Skills) == 0 || len(w.Members[1].Skills) > 0 {
		t.Fatalf("members: %+v", w.Members)
	}
	// Wednesday from 10:00 on: before and after the pause.
	want := []routing.Span{{From: at(4, 10, 0), To: at(4, 12, 0)}, {From: at(4, 13, 0), To: at(4, 18, 0)}}
	if d := cmp.Diff(want, w.Members[0].OnQueue[:2]); d != "" {
		t.Errorf("on queue (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{
		"the skills of 1 of 2 members could not be read: they have none here",
		"7 emails that wait now are left out",
	}, w.Notes); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
}

func TestThereIsNoNextWeekOfWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lacks func(*coverage.Input)
		says  string
	}{
		"email":     {func(in *coverage.Input) { in.Volume, in.VolumeUnknown = nil, "the platform said no" }, "the platform said no"},
		"members":   {func(in *coverage.Input) { in.Org.Queues[0].Members = []routing.Member{} }, "nobody is known to serve the queue"},
		"schedules": {func(in *coverage.Input) { in.Org.Roster = nil }, "schedules are missing"},
		"capacity":  {func(in *coverage.Input) { in.Org.Utilization, in.Org.OrgUtilization = nil, nil }, "how many emails an agent takes at once"},
		"handling": {func(in *coverage.Input) {
			for _, n := range in.Volume.By {
				n.Handled = 1
			}
		}, "too few for a mean handle time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sane()
			tt.lacks(&in)
			if _, unknown := coverage.NextWeek(in); !strings.Contains(unknown, tt.says) {
				t.Errorf("unknown: %q", unknown)
			}
		})
	}
}
