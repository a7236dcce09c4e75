package daemon_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/sandbox"
)

// Changes that were made between two looks are one event that names the row of each,
// and each row stands in one event alone.
func TestAnEventNamesEveryRowOfTheTrail(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, filepath.Join(t.TempDir(), "x.db"), g, sandbox.Options{})
	other := w.agent(t)
	edit := func(who string, seconds int) {
		t.Helper()
		if err := w.org.EditQueue(who, queue, func(q map[string]any) {
			q["mediaSettings"].(map[string]any)["email"].(map[string]any)["alertingTimeoutSeconds"] = seconds
		}); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(e relay.Event) (out []string) {
		for _, r := range e.Records {
			if r.ID == "" || r.At.IsZero() {
				t.Errorf("%+v", r)
			}
			out = append(out, fmt.Sprint(r.Action, " by ", r.Actor.Name, " ", r.OutOfBand))
			for _, c := range r.Changes {
				out = append(out, fmt.Sprint(c.Field, " ", c.Before, " -> ", c.After))
			}
		}
		return out
	}
	const alert = "mediaSettings.email.alertingTimeoutSeconds"
	w.run(t)()
	edit(person, 71)
	edit(other.Name, 72)
	if err := w.client.RemoveMembers(t.Context(), queueID(t, w), []string{other.ID}); err != nil {
		t.Fatal(err)
	}
	stop := w.run(t)
	events := g.got(t, 2, 2*time.Minute)
	if e := events[0]; e.Type != relay.QueueUpdated || e.Actor.Name != other.Name || e.Changes[0].After != "72" {
		t.Errorf("%+v", e)
	}
	if d := cmp.Diff([]string{
		"Update by " + person + " true", alert + " 120 -> 71", "Update by " + other.Name + " true", alert + " 71 -> 72",
	}, rows(events[0])); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if e := events[1]; e.Type != relay.MemberLeft || e.Actor.Kind != relay.Foresort || len(e.Records) != 1 || e.Records[0].Action != "MemberRemove" {
		t.Errorf("%+v", e)
	}
	stop()
	w.run(t)
	edit(person, 73)
	if d := cmp.Diff([]string{"Update by " + person + " true", alert + " 72 -> 73"}, rows(g.got(t, 3, 2*time.Minute)[2])); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
