package sandbox_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/sandbox"
)

// heard gives what has come to a consumer since it was asked last.
func (x *org) heard(c *consumer) []frame {
	x.t.Helper()
	end := rand.Float64()
	x.Publish("v2.users.end.presence", map[string]any{"end": end})
	var out []frame
	for {
		f := c.next()
		switch {
		case f.Topic != "v2.users.end.presence":
			out = append(out, f)
		case f.Body["end"] == end:
			return out
		}
	}
}

// hears is a consumer of topics.
func (x *org) hears(topics ...string) *consumer {
	x.t.Helper()
	id, _ := x.channel(append(topics, "v2.users.end.presence")...)
	return x.listen(id)
}

// What happens to email and agents is published as it happens, in the models of
// the contract.
func TestWhatHappensIsPublished(t *testing.T) {
	t.Parallel()
	x := atDesk(t, sandbox.Options{}, "09:00 support 20m", "09:01 support 10m", "09:02 billing 10m")
	support, billing, ann, bob := x.queueID("Support Email"), x.queueID("Billing Email"), x.userID("Ann"), x.userID("Bob")
	x.passes(time.Minute)
	second := strings.TrimPrefix(x.email(1), emails+"/")
	c := x.hears("v2.routing.queues."+support+".conversations.emails", "v2.users."+ann+"?routingStatus&presence&activity", "v2.users."+bob+".presence",
		"v2.detail.events.conversation."+second+".acd.start", "v2.detail.events.conversation."+second+".acd.end")
	x.passes(30 * time.Minute)
	var told []string
	for _, f := range x.heard(c) {
		switch f.Topic {
		case "v2.routing.queues." + support + ".conversations.emails":
			fits(t, "QueueConversationEmailEventTopicEmailConversation", f.Body)
			all := participants(f.Body)
			last := all[len(all)-1]
			told = append(told, fmt.Sprintf("the second %t: %v %v", f.Body["id"] == second, last["purpose"], last["state"]))
		case "v2.users." + ann + ".routingStatus":
			fits(t, "UserRoutingStatusUserRoutingStatus", f.Body)
			told = append(told, fmt.Sprint("Ann is ", f.Body["routingStatus"].(map[string]any)["status"]))
		case "v2.users." + ann + ".activity":
			fits(t, "AgentActivityChangedTopicAgentActivity", f.Body)
		case "v2.detail.events.conversation." + second + ".acd.end":
			fits(t, "AcdEndDetailEventTopicAcdEndEvent", f.Body)
			told = append(told, fmt.Sprintf("acd.end %v %v %v", f.Body["acdOutcome"], f.Body["answeredUserId"] == ann, f.Body["connectedDurationMs"]))
		default:
			told = append(told, f.Topic)
		}
	}
	// Ann has the first until 09:20, then the one to billing with its head start.
	if d := cmp.Diff([]string{
		"Ann is IDLE", "the second false: agent terminated", "Ann is INTERACTING", "Ann is IDLE",
		"Ann is INTERACTING", "the second true: agent alerting", "the second true: agent connected", "acd.end ANSWERED true 1.74e+06",
	}, told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	// A transfer is told of on both sides; so is the end of a shift.
	other := x.hears("v2.routing.queues."+billing+".conversations.emails", "v2.detail.events.conversation."+second+".acd.start", "v2.detail.events.conversation."+second+".acd.end")
	agent := participants(x.ok("GET", x.email(1), nil))[2]
	x.call("POST", x.email(1)+"/participants/"+fmt.Sprint(agent["id"])+"/replace", map[string]any{"queueId": x.queueID("Technical")})
	for _, f := range x.heard(other) {
		if fits(t, "AcdStartDetailEventTopicAcdStartEvent", f.Body); f.Body["queueId"] != x.queueID("Technical") || !strings.HasSuffix(f.Topic, ".acd.start") {
			t.Errorf("after the transfer: %v", f)
		}
	}
	told = nil
	x.call("PATCH", x.inQueue(1), map[string]any{"priority": 5}) // no start again
	x.call("PATCH", x.email(1), map[string]any{"state": "disconnected"})
	for _, f := range x.heard(other) {
		told = append(told, fmt.Sprint(f.Topic[strings.LastIndexByte(f.Topic, '.')+1:], " ", f.Body["acdOutcome"]))
	}
	if d := cmp.Diff([]string{"end ABANDON"}, told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	x.heard(c)
	x.passes(12 * time.Hour)
	told = nil
	for _, f := range x.heard(c) {
		if strings.HasSuffix(f.Topic, ".presence") {
			fits(t, "PresenceEventUserPresence", f.Body)
			who := map[string]string{"v2.users." + ann + ".presence": "Ann", "v2.users." + bob + ".presence": "Bob"}[f.Topic]
			told = append(told, fmt.Sprint(who, " ", f.Body["presenceDefinition"].(map[string]any)["systemPresence"], " ", f.Body["modifiedDate"]))
		}
	}
	if d := cmp.Diff([]string{"Bob ON_QUEUE 2026-03-02T12:00:00.000Z", "Ann OFFLINE 2026-03-02T20:00:00.000Z", "Bob OFFLINE 2026-03-02T20:00:00.000Z"}, told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

// The numbers of a queue come at most once a second, and are those of then.
func TestNumbersArePublished(t *testing.T) {
	t.Parallel()
	x := atDesk(t, sandbox.Options{}, "09:00 support 20m", "09:01 support 10m", "09:02 support 10m")
	support := x.queueID("Support Email")
	c := x.hears("v2.analytics.queues."+support+".observations", "v2.analytics.queues."+support+".activity", "v2.analytics.queues.none.observations")
	var last map[string]map[string]any
	for range 5 * 60 {
		x.passes(time.Second)
		last = map[string]map[string]any{}
		for _, f := range x.heard(c) {
			name := f.Topic[strings.LastIndexByte(f.Topic, '.')+1:]
			if last[name] != nil {
				t.Errorf("%s came twice in a second", f.Topic)
			}
			last[name] = f.Body
		}
		if len(last) > 0 && last["observations"] != nil {
			fits(t, "StatEventQueueTopicStatsNotification", last["observations"])
			fits(t, "V2QueueObservationObservationCountNotification", last["activity"])
		}
	}
	x.ok("PATCH", x.email(2), map[string]any{"state": "disconnected"})
	for _, f := range x.heard(c) {
		last[f.Topic[strings.LastIndexByte(f.Topic, '.')+1:]] = f.Body
	}
	x.passes(2 * time.Second)
	for _, f := range x.heard(c) {
		last[f.Topic[strings.LastIndexByte(f.Topic, '.')+1:]] = f.Body
	}
	numbers := map[string]any{}
	for _, d := range last["activity"]["results"].([]any)[0].(map[string]any)["data"].([]any) {
		m := d.(map[string]any)
		numbers[fmt.Sprint(m["metric"])] = m["count"]
		if m["count"] == nil {
			numbers[fmt.Sprint(m["metric"])] = m["calculatedMetricValue"]
		}
	}
	if d := cmp.Diff(map[string]any{"oWaiting": 1., "oAlerting": 0., "oInteracting": 1., "oLongestWaiting": 1_772_442_060_000., "oLongestInteracting": 1_772_442_000_000.}, numbers); d != "" {
		t.Errorf("activity (-want +got):\n%s", d)
	}
	data := last["observations"]["data"].([]any)[0].(map[string]any)
	told := []string{text(data["interval"])}
	for _, m := range data["metrics"].([]any) {
		told = append(told, fmt.Sprint(m.(map[string]any)["metric"], " ", m.(map[string]any)["stats"]))
	}
	if d := cmp.Diff([]string{
		"2026-03-02T09:00:00.000Z/2026-03-02T09:30:00.000Z", "oWaiting map[count:1]", "oAlerting map[count:0]", "oInteracting map[count:1]",
		"nOffered map[count:3]", "tAnswered map[count:1 max:0 min:0 sum:0]", "tAbandon map[count:1 max:180000 min:180000 sum:180000]",
	}, told); d != "" {
		t.Errorf("observations (-want +got):\n%s", d)
	}
}
