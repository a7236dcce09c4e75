package relay

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/strategy"
)

// What a strategy file may say under sync is what is sent here.
func TestTheStrategyFileKnowsTheSameEvents(t *testing.T) {
	t.Parallel()
	here := []string{
		QueueCreated, QueueUpdated, QueueDeleted, RouteCreated, RouteUpdated, RouteDeleted,
		MemberJoined, MemberLeft, MemberMoved, UtilizationUpdated,
	}
	if d := cmp.Diff(here, routing.EventTypes); d != "" {
		t.Errorf("types (-here +routing):\n%s", d)
	}
	if d := cmp.Diff(map[string]string{"routingQueueUpdated": QueueUpdated}, routing.EventAliases); d != "" {
		t.Errorf("aliases (-here +routing):\n%s", d)
	}
}

// taken says whether a strategy file may have the keys in an entry of sync.
func taken(t *rapid.T, keys string) bool {
	src := "version: 1\nname: s\nqueue: Q\nsync:\n  - name: g\n    secret: ${A}\n    " + keys + "\n"
	s, problems := strategy.Parse("s.yaml", []byte(src))
	if s == nil {
		t.Fatalf("%v in\n%s", problems, src)
	}
	return problems.Err() == nil
}

func TestTheStrategyFileRefusesWhatIsRefusedHere(t *testing.T) {
	t.Parallel()
	secret, err := ParseSecret(strings.Repeat("x", 24))
	if err != nil {
		t.Fatal(err)
	}
	pieces := slices.Concat(routing.EventTypes, routing.OwnHeaders, slices.Collect(maps.Keys(routing.EventAliases)), []string{"*", ".", ".*", "queue", "queue.", "webhook-x", "Proxy-X", "X-Tag", "a b", "é", "x:", "\n", "\x7f", "\t", ""})
	text := rapid.OneOf(rapid.SampledFrom(pieces), rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom(pieces).Draw(t, "a") + rapid.SampledFrom(pieces).Draw(t, "b")
	}), rapid.StringMatching(`[ -~]{0,5}`))
	url := rapid.OneOf(
		rapid.SampledFrom([]string{"", "https://h/", "http://h:8080", "HTTPS://h?a=b", "//h/", "https:h", "https://:1/", "https://h:x/", "https://u@h/", "https://h/%", "https://[::1]/"}),
		rapid.StringMatching(`https?:/{0,2}[a-z:@%/.]{0,6}`),
	)
	quoted := strconv.QuoteToASCII
	rapid.Check(t, func(t *rapid.T) {
		pattern, name, value, address := text.Draw(t, "pattern"), text.Draw(t, "header"), text.Draw(t, "value"), url.Draw(t, "url")
		endpoint := Endpoint{Name: "g", URL: "https://h/", Secrets: []Secret{secret}}
		fine := "url: https://h/\n    "
		if got, want := taken(t, fine+"events: ["+quoted(pattern)+"]"), CheckPatterns([]string{pattern}) == nil; got != want {
			t.Errorf("pattern %q: taken %v, want %v", pattern, got, want)
		}
		endpoint.Headers = map[string]string{name: value}
		if got, want := taken(t, fine+"headers: { "+quoted(name)+": "+quoted(value)+" }"), endpoint.Check() == nil; got != want && !strings.Contains(value, "${") {
			t.Errorf("header %q: %q: taken %v, want %v", name, value, got, want)
		}
		endpoint.Headers, endpoint.URL = nil, address
		if got, want := taken(t, "url: "+quoted(address)), endpoint.Check() == nil; got != want {
			t.Errorf("url %q: taken %v, want %v", address, got, want)
		}
	})
}
