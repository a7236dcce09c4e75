package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/contract"
	"github.com/foresort/foresort/sandbox"
)

// subscriptions of an answer: topic to state.
func subscriptions(answer map[string]any) map[string]string {
	out := map[string]string{}
	for _, e := range entities(answer) {
		out[fmt.Sprint(e["id"])] = fmt.Sprint(e["state"])
	}
	return out
}

func topics(ids ...string) []any {
	out := []any{}
	for _, id := range ids {
		out = append(out, map[string]any{"id": id})
	}
	return out
}

const (
	routeAudits = "v2.audits.entitytype.InboundRoute.entityid.1"
	queueUsers  = "v2.routing.queues.1.users"
	presence    = "v2.users.1.presence"
)

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path := channels + "/" + fmt.Sprint(x.ok("POST", channels, nil)["id"]) + "/subscriptions"
	same := func(step string, want ...string) {
		t.Helper()
		all := map[string]string{}
		for _, w := range want {
			all[w] = "Permitted"
		}
		if d := cmp.Diff(all, subscriptions(x.ok("GET", path, nil))); d != "" {
			t.Fatalf("%s (-want +got):\n%s", step, d)
		}
	}
	same("a new channel")
	x.ok("POST", path, topics(routeAudits))
	x.ok("POST", path, topics(queueUsers, routeAudits))
	same("post adds", routeAudits, queueUsers)
	x.ok("PUT", path, topics(presence, "v2.users.1?presence&routingStatus"))
	same("put replaces", presence, "v2.users.1?presence&routingStatus")
	x.ok("DELETE", path, nil)
	same("delete empties")
}

func TestTopicsAreJudged(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{Permissions: []string{"routing:queue:view"}})
	path := channels + "/" + fmt.Sprint(x.ok("POST", channels, nil)["id"]) + "/subscriptions"
	tests := map[string]struct {
		topic  string
		status int
		code   string
	}{
		"a topic that does not exist":      {"v2.routing.queues.1", 400, "notification.invalid.topic"},
		"an id left out":                   {"v2.routing.queues..users", 400, "notification.invalid.topic"},
		"the pattern itself":               {"v2.routing.queues.{id}.users", 400, "notification.invalid.topic"},
		"a wildcard":                       {"v2.audits.entitytype.*.entityid.*", 400, "notification.invalid.topic"},
		"one of the combined is not there": {"v2.users.1?presence&mood", 400, "notification.invalid.topic"},
		"several in 201 characters":        {"v2.users." + strings.Repeat("1", 201-9-23) + "?presence&routingStatus", 400, "notification.invalid.topic"},
		"a permission is missing":          {routeAudits, 403, "notification.unauthorized.topic"},
	}
	t.Run("each", func(t *testing.T) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				x.in(t).refused("POST", path, topics(queueUsers, tt.topic), tt.status, tt.code)
				if got := subscriptions(x.in(t).ok("GET", path, nil)); len(got) != 0 {
					t.Errorf("one bad topic fails the whole call, yet: %v", got)
				}
			})
		}
	})
	x.ok("PUT", path, topics("v2.users."+strings.Repeat("1", 200-9-23)+"?presence&routingStatus"))
	got := x.ok("PUT", path+"?ignoreErrors=true", topics(queueUsers, routeAudits, "v2.nothing"))
	want := map[string]string{queueUsers: "Permitted", routeAudits: "Rejected", "v2.nothing": "Rejected"}
	if d := cmp.Diff(want, subscriptions(got)); d != "" {
		t.Errorf("with ignoreErrors (-want +got):\n%s", d)
	}
	for _, e := range entities(got) {
		if e["id"] == routeAudits {
			if d := cmp.Diff(any([]any{"audits:audit:view"}), e["missingPermissions"]); d != "" {
				t.Errorf("missing permissions (-want +got):\n%s", d)
			}
		}
	}
	if d := cmp.Diff(map[string]string{queueUsers: "Permitted"}, subscriptions(x.ok("GET", path, nil))); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
}

func TestAChannelTakesAThousandTopics(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	path := channels + "/" + fmt.Sprint(x.ok("POST", channels, nil)["id"]) + "/subscriptions"
	var ids []string
	for i := range 1000 {
		ids = append(ids, fmt.Sprintf("v2.users.%d.presence", i))
	}
	x.ok("PUT", path, topics(ids...))
	x.refused("POST", path, topics(queueUsers), http.StatusBadRequest, "notification.subscription.too.many.subscriptions")
	if n := len(entities(x.ok("GET", path, nil))); n != 1000 {
		t.Errorf("%d topics after the refusal", n)
	}
}

func TestTheTwentyFirstChannelEndsTheOneLongestNotUsed(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{})
	var ids []string
	for range 20 {
		ids = append(ids, fmt.Sprint(x.ok("POST", channels, nil)["id"]))
		clock.Advance(time.Second)
	}
	x.ok("PUT", channels+"/"+ids[0]+"/subscriptions", topics(queueUsers)) // used just now
	clock.Advance(time.Second)
	x.ok("POST", channels, nil)
	if n := len(entities(x.ok("GET", channels, nil))); n != 20 {
		t.Errorf("%d channels, want 20", n)
	}
	for i, want := range []int{http.StatusOK, http.StatusNotFound, http.StatusOK} {
		if r := x.send(x.head(channels + "/" + ids[i])); r.status != want {
			t.Errorf("channel %d: %d, want %d", i+1, r.status, want)
		}
	}
}

func (x *org) head(path string) *http.Request {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodHead, "https://api.mypurecloud.com"+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+x.token)
	return req
}

func TestAChannelLivesADayAfterItsLastUse(t *testing.T) {
	t.Parallel()
	x, clock := virtual(t, sandbox.Options{TokenLifetime: 48 * time.Hour})
	made := x.ok("POST", channels, nil)
	if made["expires"] != "2026-03-03T09:00:00.000Z" || !strings.HasPrefix(fmt.Sprint(made["connectUri"]), "wss://") {
		t.Errorf("made: %v", made)
	}
	path := channels + "/" + fmt.Sprint(made["id"]) + "/subscriptions"
	clock.Advance(20 * time.Hour)
	x.ok("POST", path, topics(queueUsers)) // extends it
	clock.Advance(23 * time.Hour)
	x.ok("GET", path, nil)
	clock.Advance(time.Hour)
	x.refused("GET", path, nil, http.StatusNotFound, "not.found")
	if all := entities(x.ok("GET", channels, nil)); len(all) != 0 {
		t.Errorf("channels left: %v", all)
	}
}

func TestChannelsAreListedByToken(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	x.ok("POST", channels, nil)
	x.token = x.signIn()
	x.ok("POST", channels, nil)
	if n := len(entities(x.ok("GET", channels, nil))); n != 1 {
		t.Errorf("%d channels of the token, want 1", n)
	}
	if n := len(entities(x.ok("GET", channels+"?includechannels=oauthclient", nil))); n != 2 {
		t.Errorf("%d channels of the client, want 2", n)
	}
}

func TestAvailableTopicsAreTheContracts(t *testing.T) {
	t.Parallel()
	x := open(t, sandbox.Options{})
	var got []string
	for _, e := range entities(x.ok("GET", "/api/v2/notifications/availabletopics?expand=requiresPermissions", nil)) {
		got = append(got, fmt.Sprint(e["id"]))
	}
	if d := cmp.Diff(contract.Load().Topics(), got); d != "" || len(got) < 50 {
		t.Errorf("%d topics (-want +got):\n%s", len(got), d)
	}
}
