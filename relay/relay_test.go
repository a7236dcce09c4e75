package relay_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

var update = flag.Bool("update", false, "write the golden files anew")

var queueUpdated = relay.Event{
	ID: "evt_7f3a", Type: relay.QueueUpdated, At: time.Date(2026, 11, 16, 10, 30, 0, 250e6, time.FixedZone("CET", 3600)),
	Facts: relay.Facts{
		Version: 7, Org: routing.Ref{ID: "o1", Name: "Example"}, Strategy: "support",
		Object: relay.Object{Kind: relay.Queue, Ref: routing.Ref{ID: "q1", Name: "Support Email"}},
		Actor:  relay.Actor{Kind: relay.Person, Ref: routing.Ref{ID: "u1", Name: "Ada"}}, OutOfBand: true,
		Changes: []relay.Change{{
			Field: "serviceLevel", Before: "90% within 4h", After: "80% within 4h",
			RawBefore: json.RawMessage(`{ "percentage": 0.9, "durationMs": 14400000 }`),
			RawAfter:  json.RawMessage(`{ "percentage": 0.8, "durationMs": 14400000 }`),
		}},
	},
}

var memberMoved = relay.Event{
	ID: "evt_7f3b", Type: relay.MemberMoved, At: queueUpdated.At,
	Facts: relay.Facts{
		Version: 8, Org: queueUpdated.Org, Object: queueUpdated.Object, Strategy: "support", Run: "run-1",
		Actor:   relay.Actor{Kind: relay.Foresort},
		Members: []relay.Member{{Ref: routing.Ref{ID: "u2", Name: "Grace"}, Ring: 2, From: 1}},
	},
}

func TestTheBodyIsAsItIsWritten(t *testing.T) {
	t.Parallel()
	for file, event := range map[string]relay.Event{
		"testdata/queue-updated.golden": queueUpdated, "testdata/member-moved.golden": memberMoved,
	} {
		m, err := event.Message()
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, m.Body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(m.Body)); d != "" {
			t.Errorf("%s (-want +got):\n%s", file, d)
		}
		if m.ID != event.ID {
			t.Errorf("message id %s, want %s", m.ID, event.ID)
		}
		var back relay.Event
		if err := json.Unmarshal(m.Body, &back); err != nil {
			t.Fatal(err)
		}
		if again, err := back.Message(); err != nil || string(again.Body) != string(m.Body) {
			t.Errorf("read and written again: %s, %v", again.Body, err)
		}
	}
}

func TestARawValueThatIsNoJSONIsAnError(t *testing.T) {
	t.Parallel()
	e := relay.Event{ID: "evt_1", Facts: relay.Facts{Changes: []relay.Change{{RawAfter: json.RawMessage("{")}}}}
	if _, err := e.Message(); err == nil || !strings.Contains(err.Error(), "write event evt_1") {
		t.Errorf("err = %v", err)
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		patterns  []string
		eventType string
		want      bool
	}{
		"no patterns":                {nil, "queue.updated", false},
		"all":                        {[]string{"*"}, "member.left", true},
		"all of a kind":              {[]string{"queue.*"}, "queue.deleted", true},
		"all of another kind":        {[]string{"route.*"}, "queue.deleted", false},
		"a kind is not a prefix":     {[]string{"que.*"}, "queue.deleted", false},
		"exactly":                    {[]string{"route.*", "member.left"}, "member.left", true},
		"another":                    {[]string{"member.joined"}, "member.left", false},
		"the tutorial's name":        {[]string{"routingQueueUpdated"}, "queue.updated", true},
		"the tutorial's is one type": {[]string{"routingQueueUpdated"}, "queue.created", false},
		"a kind alone":               {[]string{"queue"}, "queue.updated", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := relay.Matches(tt.patterns, tt.eventType); got != tt.want {
				t.Errorf("Matches(%q, %s) = %v", tt.patterns, tt.eventType, got)
			}
		})
	}
}

func TestAPatternThatNothingMatchesIsNamed(t *testing.T) {
	t.Parallel()
	if err := relay.CheckPatterns([]string{"*", "queue.*", "member.moved", "routingQueueUpdated"}); err != nil {
		t.Error(err)
	}
	err := relay.CheckPatterns([]string{"queue.*", "queues.*", "queue.update"})
	if err == nil || !strings.Contains(err.Error(), `"queues.*"`) || !strings.Contains(err.Error(), `"queue.update"`) || strings.Contains(err.Error(), `"queue.*"`) {
		t.Errorf("err = %v", err)
	}
}
