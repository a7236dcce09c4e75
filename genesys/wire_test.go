package genesys_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

func span(s string) *routing.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return new(routing.Duration(d))
}

const liveQueue = `{
	"id": "q1", "name": "Support", "memberCount": 3, "division": {"id": "d1", "name": "Home"},
	"mediaSettings": {
		"call": {"serviceLevel": {"percentage": 0.5, "durationMs": 1}},
		"email": {"alertingTimeoutSeconds": 300, "newer": [1, null], "serviceLevel": {"percentage": 0.29, "durationMs": 14400000, "also": 12345678901234567890}}},
	"acwSettings": {"wrapupPrompt": "MANDATORY_TIMEOUT", "timeoutMs": 300000, "codes": null},
	"skillEvaluationMethod": "BEST", "scoringMethod": "TimestampAndPriority", "lastAgentRoutingMode": "QueueMembersOnly",
	"bullseye": {"rings": [
		{"expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 7200.5, "x": 1}], "actions": {"skillsToRemove": [{"id": "s1", "name": "Billing", "selfUri": "/s1"}], "log": true}, "hue": "red"},
		{"memberGroups": [{"id": "g1", "name": "Back Office", "type": "SKILLGROUP", "memberCount": 7}], "expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 5}]}]},
	"memberGroups": [{"id": "g2", "type": "TEAM"}],
	"defaultMediaLanguage": "en"
}`

func TestDecodeReadsEveryOwnedField(t *testing.T) {
	t.Parallel()
	queue, err := genesys.DecodeQueue(json.RawMessage(liveQueue))
	if err != nil {
		t.Fatal(err)
	}
	want := routing.Queue{
		Ref: routing.Ref{ID: "q1", Name: "Support"}, Division: routing.Ref{ID: "d1", Name: "Home"}, MemberCount: 3,
		Settings: routing.QueueSettings{
			ServiceLevel: &routing.ServiceLevel{Percent: 29, Within: *span("4h")},
			Alert:        span("5m"),
			WrapUp:       &routing.WrapUp{Mode: routing.WrapUpMandatoryTimeout, Timeout: span("5m")},
			Agents:       new(routing.BestSkill), Order: new(routing.AgeAndPriority), LastAgent: new(routing.LastAgentQueueMembers),
			Rings: &routing.Rings{
				{Wait: span("2h0m0.5s"), Drop: []routing.Ref{{ID: "s1", Name: "Billing"}}},
				{Wait: span("5s"), Groups: []routing.Group{{Ref: routing.Ref{ID: "g1", Name: "Back Office"}, Kind: routing.SkillGroup}}},
			},
			Groups: &[]routing.Group{{Ref: routing.Ref{ID: "g2"}, Kind: routing.Team}},
		},
	}
	if d := cmp.Diff(want, queue, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("queue (-want +got):\n%s", d)
	}
	route, err := genesys.DecodeRoute("Help.Example.com", json.RawMessage(`{"id":"r1","pattern":"VIP","fromName":"Desk","priority":240,
		"queue":{"id":"q1","name":"Support"},"skills":[{"id":"s1","name":"Billing"}],"language":{"id":"l1"},"status":"Active"}`))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(routing.EmailRoute{
		ID: "r1", Address: routing.Address{Local: "vip", Domain: "help.example.com"}, Status: routing.RouteActive,
		Settings: routing.RouteSettings{
			Queue: &routing.Ref{ID: "q1", Name: "Support"}, From: new("Desk"), Priority: new(240),
			Skills: &[]routing.Ref{{ID: "s1", Name: "Billing"}}, Language: &routing.Ref{ID: "l1"},
		},
	}, route); d != "" {
		t.Errorf("route (-want +got):\n%s", d)
	}

	u, err := genesys.DecodeUtilization(json.RawMessage(`{"level":"Agent","utilization":{"email":{"maximumCapacity":3},"call":{"maximumCapacity":1}}}`))
	if err != nil || !u.Own || *u.Settings.Email != 3 {
		t.Errorf("utilization = %+v, %v", u, err)
	}
}

func TestDecodeLeavesAbsentFieldsNilAndUnknownWordsAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`{}`, `null`, `{"mediaSettings":null,"bullseye":{},"acwSettings":{"timeoutMs":1}}`, `{"mediaSettings":{"email":{"serviceLevel":null}},"memberGroups":null}`} {
		got, err := genesys.Decode[routing.QueueSettings](json.RawMessage(raw))
		if err != nil || len(routing.Owned(got)) > 0 {
			t.Errorf("%s reads as %+v, %v; want nothing", raw, got, err)
		}
	}
	got, err := genesys.Decode[routing.QueueSettings](json.RawMessage(`{"scoringMethod":"Lottery","acwSettings":{"wrapupPrompt":"SING","timeoutMs":1000}}`))
	if err != nil || *got.Order != "Lottery" || got.WrapUp.Mode != "SING" {
		t.Fatalf("got %+v, %v", got, err)
	}
	back, err := genesys.Overlay(json.RawMessage(`{}`), routing.Owned(got), got)
	if err != nil || canon(t, back) != canon(t, json.RawMessage(`{"scoringMethod":"Lottery","acwSettings":{"wrapupPrompt":"SING","timeoutMs":1000}}`)) {
		t.Fatalf("written back: %s, %v", back, err)
	}
}

func TestDecodeNamesTheFieldThatItCannotRead(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`[]`: "an object is expected",
		`{"mediaSettings":{"email":{"alertingTimeoutSeconds":"7"}}}`:             "read alert: a number is expected",
		`{"mediaSettings":{"email":5}}`:                                          "read serviceLevel: email: an object is expected, not 5",
		`{"bullseye":{"rings":[{},7]}}`:                                          "read rings: ring 2: an object is expected, not 7",
		`{"acwSettings":{"wrapupPrompt":"MANDATORY_TIMEOUT","timeoutMs":1e300}}`: "read wrapUp: acwSettings.timeoutMs: 1e+300 is too long a time",
		`{"mediaSettings":{"email":{"serviceLevel":{"durationMs":60000.5}}}}`:    "read serviceLevel: mediaSettings.email.serviceLevel.durationMs: 60000.5 is not a whole number",
		`{"scoringMethod":5}`:                                                    "read order: 5 is not of the type expected",
	} {
		if _, err := genesys.Decode[routing.QueueSettings](json.RawMessage(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	if _, err := genesys.Decode[routing.RouteSettings](json.RawMessage(`{"priority":1.5}`)); err == nil || !strings.Contains(err.Error(), "not a whole number") {
		t.Errorf("priority 1.5: %v", err)
	}
}

func TestPercentAndFractionHaveNoNoise(t *testing.T) {
	t.Parallel()
	for tenths := range 1001 {
		percent := fmt.Sprintf("%g", float64(tenths)/10)
		fraction := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%03d", tenths/1000, tenths%1000), "0"), ".")
		p := float64(tenths) / 10
		raw, err := genesys.Overlay(json.RawMessage(`{}`), []routing.Field{"serviceLevel"},
			routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: p, Within: *span("1h")}})
		if err != nil {
			t.Fatal(err)
		}
		if want := `"percentage":` + fraction + `}`; !strings.Contains(string(raw), want) {
			t.Fatalf("%s percent is written %s, want %s", percent, raw, want)
		}
		got, err := genesys.Decode[routing.QueueSettings](raw)
		if err != nil || fmt.Sprintf("%g", got.ServiceLevel.Percent) != percent {
			t.Fatalf("fraction %s reads %v, %v; want %s", fraction, got.ServiceLevel, err, percent)
		}
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	type queue = routing.QueueSettings
	tests := map[string]struct {
		raw    string
		fields []routing.Field
		want   queue
		out    string
	}{
		"a wrap-up mode without a timeout takes the timeout away": {
			raw: `{"acwSettings":{"wrapupPrompt":"MANDATORY_TIMEOUT","timeoutMs":300000,"codes":null}}`, fields: []routing.Field{"wrapUp"},
			want: queue{WrapUp: &routing.WrapUp{Mode: routing.WrapUpOptional, Timeout: span("5m")}},
			out:  `{"acwSettings":{"wrapupPrompt":"OPTIONAL","codes":null}}`,
		},
		"no rings take bullseye away": {
			raw: `{"bullseye":{"rings":[{}],"x":1},"y":2}`, fields: []routing.Field{"rings"},
			want: queue{Rings: &routing.Rings{}}, out: `{"y":2}`,
		},
		"unknown fields of rings and of what is in them stay": {
			raw: `{"bullseye":{"x":1,"rings":[{"hue":null,"actions":{"log":9007199254740993,"skillsToRemove":[{"id":"s1","selfUri":"/1"},{"id":"s2","selfUri":"/2"}]},
				"expansionCriteria":[{"type":"MOON"},{"type":"TIMEOUT_SECONDS","threshold":5,"zone":"UTC"}]},{"memberGroups":[{"id":"g1","type":"TEAM","memberCount":3}]},{"gone":1}]}}`,
			fields: []routing.Field{"rings"},
			want: queue{Rings: &routing.Rings{
				{Wait: span("1h"), Drop: []routing.Ref{{ID: "s3"}, {ID: "s1"}}},
				{Groups: []routing.Group{{Ref: routing.Ref{ID: "g1"}, Kind: routing.Team}, {Ref: routing.Ref{ID: "g2"}, Kind: routing.SkillGroup}}},
			}},
			out: `{"bullseye":{"x":1,"rings":[{"hue":null,"actions":{"log":9007199254740993,"skillsToRemove":[{"id":"s1","selfUri":"/1"},{"id":"s3"}]},
				"expansionCriteria":[{"type":"MOON"},{"type":"TIMEOUT_SECONDS","threshold":3600,"zone":"UTC"}]},{"memberGroups":[{"id":"g1","type":"TEAM","memberCount":3},{"id":"g2","type":"SKILLGROUP"}]}]}}`,
		},
		"the same rings again change nothing": {
			raw: liveQueue, fields: []routing.Field{"rings"},
			want: queue{Rings: &routing.Rings{
				{Wait: span("2h0m0.5s"), Drop: []routing.Ref{{ID: "s1"}}},
				{Wait: span("5s"), Groups: []routing.Group{{Ref: routing.Ref{ID: "g1"}}}},
			}},
			out: liveQueue,
		},
		"a field that is nil in what is wanted goes, and what it leaves empty": {
			raw: `{"mediaSettings":{"email":{"serviceLevel":{"percentage":1,"durationMs":1}}},"skillEvaluationMethod":"ALL","x":{}}`, fields: []routing.Field{"serviceLevel", "agents"},
			out: `{"x":{}}`,
		},
		"a set field that is not listed is not written": {
			raw: `{}`, want: queue{Agents: new(routing.AllSkills)}, out: `{}`,
		},
		"objects on the way are made, null ones too": {
			raw: `{"mediaSettings":null}`, fields: []routing.Field{"alert"}, want: queue{Alert: span("7s")},
			out: `{"mediaSettings":{"email":{"alertingTimeoutSeconds":7}}}`,
		},
		"text in unknown fields is not escaped anew": {
			raw: `{"description":"<b> & \u00e9 \ud800"}`, fields: []routing.Field{"order"}, want: queue{Order: new(routing.PriorityOnly)},
			out: `{"description":"<b> & \u00e9 \ud800","scoringMethod":"PriorityOnly"}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := genesys.Overlay(json.RawMessage(tt.raw), tt.fields, tt.want)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(canon(t, json.RawMessage(tt.out)), canon(t, out)); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestOverlayOfRoutesAndUtilization(t *testing.T) {
	t.Parallel()
	route := json.RawMessage(`{"pattern":"vip","queue":{"id":"q1","name":"Old","extra":1},"language":{"id":"l1"},"skills":[{"id":"s1","x":1}],"priority":5,"autoBcc":[{"email":"a@b.c"}]}`)
	out, err := genesys.Overlay(route, routing.Fields[routing.RouteSettings](), routing.RouteSettings{
		Queue: &routing.Ref{ID: "q1"}, From: new("Desk"), Priority: new(0), Skills: &[]routing.Ref{{ID: "s1"}, {ID: "s2"}}, Language: &routing.Ref{},
	})
	want := `{"pattern":"vip","queue":{"id":"q1","name":"Old","extra":1},"skills":[{"id":"s1","x":1},{"id":"s2"}],"priority":0,"fromName":"Desk","autoBcc":[{"email":"a@b.c"}]}`
	if err != nil || canon(t, out) != canon(t, json.RawMessage(want)) {
		t.Fatalf("route = %s, %v", out, err)
	}
	raw := json.RawMessage(`{"utilization":{"call":{"maximumCapacity":1},"email":{"maximumCapacity":1,"interruptableMediaTypes":["call"]}},"labelUtilizations":{"a":{"labelName":"A","maximumCapacity":1}},"level":"Organization"}`)
	out, err = genesys.Overlay(raw, []routing.Field{"email"}, routing.UtilizationSettings{Email: new(3)})
	if err == nil {
		out, err = genesys.WritableUtilization(out)
	}
	want = `{"utilization":{"call":{"maximumCapacity":1},"email":{"maximumCapacity":3,"interruptableMediaTypes":["call"]}},"labelUtilizations":{"a":{"maximumCapacity":1}}}`
	if err != nil || canon(t, out) != canon(t, json.RawMessage(want)) {
		t.Fatalf("utilization = %s, %v", out, err)
	}
}

func TestOverlayRefusesWhatHasNoID(t *testing.T) {
	t.Parallel()
	_, err := genesys.Overlay(json.RawMessage(`{}`), []routing.Field{"rings"}, routing.QueueSettings{Rings: &routing.Rings{
		{}, {Groups: []routing.Group{{Ref: routing.Ref{Name: "Back Office"}}}},
	}})
	if err == nil || err.Error() != "write rings: ring 2: Back Office has no id" {
		t.Fatalf("err = %v", err)
	}
	if _, err = genesys.Overlay(json.RawMessage(`{}`), []routing.Field{"nonsense"}, routing.QueueSettings{}); err == nil {
		t.Fatal("an unknown field was taken")
	}
}

func TestRestoreLeavesLaterChangesOfOthers(t *testing.T) {
	t.Parallel()
	before := json.RawMessage(`{"mediaSettings":{"call":1},"acwSettings":null}`)
	fields := []routing.Field{"serviceLevel", "wrapUp"}
	now := json.RawMessage(`{"mediaSettings":{"call":2,"email":{"alertingTimeoutSeconds":9,"serviceLevel":{"percentage":0.9,"durationMs":1}}},"acwSettings":{"wrapupPrompt":"OPTIONAL","note":"theirs"}}`)
	out, err := genesys.Restore[routing.QueueSettings](now, fields, before)
	want := `{"mediaSettings":{"call":2,"email":{"alertingTimeoutSeconds":9}},"acwSettings":{"note":"theirs"}}`
	if err != nil || canon(t, out) != canon(t, json.RawMessage(want)) {
		t.Fatalf("got %s, %v; want %s", out, err, want)
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	for field, want := range map[routing.Field]string{
		"serviceLevel": "mediaSettings.email.serviceLevel", "alert": "mediaSettings.email.alertingTimeoutSeconds",
		"wrapUp": "acwSettings", "rings": "bullseye", "agents": "skillEvaluationMethod",
	} {
		if got := genesys.Home[routing.QueueSettings](field); got != want {
			t.Errorf("home of %s = %q, want %q", field, got, want)
		}
	}
}

func TestEveryOwnedFieldHasItsRow(t *testing.T) {
	t.Parallel()
	for _, f := range routing.Fields[routing.QueueSettings]() {
		if genesys.Home[routing.QueueSettings](f) == "" {
			t.Errorf("queue field %s has no place", f)
		}
	}
	for _, f := range routing.Fields[routing.RouteSettings]() {
		if genesys.Home[routing.RouteSettings](f) == "" {
			t.Errorf("route field %s has no place", f)
		}
	}
	for _, f := range routing.Fields[routing.UtilizationSettings]() {
		if genesys.Home[routing.UtilizationSettings](f) == "" {
			t.Errorf("utilization field %s has no place", f)
		}
	}
}

// canon writes JSON with its keys sorted and every scalar in its own bytes.
func canon(t testing.TB, raw json.RawMessage) string {
	t.Helper()
	var b strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			b.WriteString("{")
			for _, key := range slices.Sorted(maps.Keys(v)) {
				fmt.Fprintf(&b, "%q:", key)
				walk(v[key])
				b.WriteString("\n")
			}
			b.WriteString("}")
		case []any:
			b.WriteString("[")
			for _, e := range v {
				walk(e)
				b.WriteString(",")
			}
			b.WriteString("]")
		default:
			fmt.Fprint(&b, v)
		}
	}
	walk(tree(t, raw))
	return b.String()
}

// tree opens objects and arrays and leaves scalars as the text that they are.
func tree(t testing.TB, raw json.RawMessage) any {
	t.Helper()
	raw = bytes.TrimSpace(raw)
	must := func(err error) {
		if err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
	}
	switch raw[0] {
	case '{':
		var o map[string]json.RawMessage
		must(json.Unmarshal(raw, &o))
		out := map[string]any{}
		for key, v := range o {
			out[key] = tree(t, v)
		}
		return out
	case '[':
		var l []json.RawMessage
		must(json.Unmarshal(raw, &l))
		out := []any{}
		for _, v := range l {
			out = append(out, tree(t, v))
		}
		return out
	}
	return string(raw)
}

// The generators write JSON as text, so that nothing is lost before the test.

func anyScalar(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		"null", "true", "0", "-1", "9007199254740993", "123456789012345678901234567890", "1e400", "0.1000", `"<&>"`, `"\ud800"`, `"é\u00e9\n"`, `""`, "{}", "[]",
	}).Draw(t, "scalar")
}

func anyValue(t *rapid.T, depth int) string {
	if depth == 0 {
		return anyScalar(t)
	}
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		return "[" + strings.Join(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return anyValue(t, depth-1) }), 0, 3).Draw(t, "array"), ",") + "]"
	case 1:
		return "{" + strings.Join(unknown(t, depth-1, 4), ",") + "}"
	}
	return anyScalar(t)
}

// unknown makes members of an object that nobody owns.
func unknown(t *rapid.T, depth, most int) []string {
	var members []string
	for i := range rapid.IntRange(0, most).Draw(t, "unknown") {
		members = append(members, fmt.Sprintf(`"u%d":%s`, i, anyValue(t, depth)))
	}
	return members
}

func anyObject(t *rapid.T, known ...string) string {
	return "{" + strings.Join(rapid.Permutation(append(known, unknown(t, 2, 4)...)).Draw(t, "members"), ",") + "}"
}

// maybe makes a member, or leaves it out, or null.
func maybe(t *rapid.T, key string, value func() string) []string {
	switch rapid.IntRange(0, 4).Draw(t, key) {
	case 0:
		return nil
	case 1:
		return []string{fmt.Sprintf("%q:null", key)}
	}
	return []string{fmt.Sprintf("%q:%s", key, value())}
}

func someOf(t *rapid.T, words ...string) func() string {
	return func() string { return rapid.SampledFrom(words).Draw(t, "word") }
}

func refs(t *rapid.T, prefix string, more ...string) func() string {
	return func() string {
		var out []string
		for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(1, 5), 0, 4, rapid.ID).Draw(t, prefix) {
			out = append(out, anyObject(t, append([]string{fmt.Sprintf(`"id":"%s%d"`, prefix, id)}, more...)...))
		}
		return "[" + strings.Join(out, ",") + "]"
	}
}

func anyRingJSON(t *rapid.T) string {
	criteria := func() string {
		return "[" + strings.Join(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return anyObject(t, `"type":`+someOf(t, `"TIMEOUT_SECONDS"`, `"MOON"`)(), `"threshold":`+someOf(t, "5", "7200.5", "0", "60")())
		}), 0, 3).Draw(t, "criteria"), ",") + "]"
	}
	known := slices.Concat(
		maybe(t, "expansionCriteria", criteria),
		maybe(t, "actions", func() string { return anyObject(t, maybe(t, "skillsToRemove", refs(t, "s"))...) }),
		maybe(t, "memberGroups", refs(t, "g", `"type":"SKILLGROUP"`)))
	return anyObject(t, known...)
}

func anyQueueJSON(t *rapid.T) string {
	level := func() string {
		return anyObject(t, slices.Concat(maybe(t, "percentage", someOf(t, "0.8", "0.29", "1", "0.90")), maybe(t, "durationMs", someOf(t, "86400000", "1000")))...)
	}
	email := func() string {
		return anyObject(t, slices.Concat(maybe(t, "serviceLevel", level), maybe(t, "alertingTimeoutSeconds", someOf(t, "7", "300")))...)
	}
	known := slices.Concat(
		maybe(t, "mediaSettings", func() string { return anyObject(t, maybe(t, "email", email)...) }),
		maybe(t, "acwSettings", func() string {
			return anyObject(t, slices.Concat(maybe(t, "wrapupPrompt", someOf(t, `"OPTIONAL"`, `"MANDATORY_TIMEOUT"`, `"NEW"`)), maybe(t, "timeoutMs", someOf(t, "60000", "1")))...)
		}),
		maybe(t, "skillEvaluationMethod", someOf(t, `"BEST"`, `"NEW"`)),
		maybe(t, "scoringMethod", someOf(t, `"PriorityOnly"`)),
		maybe(t, "lastAgentRoutingMode", someOf(t, `"AnyAgent"`)),
		maybe(t, "memberGroups", refs(t, "g", `"type":"GROUP"`)),
		maybe(t, "bullseye", func() string {
			return anyObject(t, maybe(t, "rings", func() string {
				return "[" + strings.Join(rapid.SliceOfN(rapid.Custom(anyRingJSON), 0, 4).Draw(t, "rings"), ",") + "]"
			})...)
		}),
		unknown(t, 3, rapid.SampledFrom([]int{3, 300}).Draw(t, "many")))
	return "{" + strings.Join(known, ",") + "}"
}

func optional[T any](t *rapid.T, label string, draw func() T) *T {
	if rapid.Bool().Draw(t, label) {
		return nil
	}
	return new(draw())
}

func anySettings(t *rapid.T) routing.QueueSettings {
	seconds := func() routing.Duration {
		return routing.Duration(time.Duration(rapid.IntRange(7, 9000).Draw(t, "seconds")) * time.Second)
	}
	ids := func(prefix string) []routing.Ref {
		out := []routing.Ref{}
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 6), 0, 4, rapid.ID).Draw(t, "ids") {
			out = append(out, routing.Ref{ID: fmt.Sprint(prefix, n)})
		}
		return out
	}
	groups := func() []routing.Group {
		out := []routing.Group{}
		for _, r := range ids("g") {
			out = append(out, routing.Group{Ref: r, Kind: routing.SkillGroup})
		}
		return out
	}
	return routing.QueueSettings{
		ServiceLevel: optional(t, "serviceLevel", func() routing.ServiceLevel {
			return routing.ServiceLevel{Percent: float64(rapid.IntRange(0, 1000).Draw(t, "percent")) / 10, Within: seconds()}
		}),
		Alert: optional(t, "alert", seconds),
		WrapUp: optional(t, "wrapUp", func() routing.WrapUp {
			mode := rapid.SampledFrom([]routing.WrapUpMode{routing.WrapUpOptional, routing.WrapUpMandatory, routing.WrapUpMandatoryTimeout, routing.WrapUpAgentRequested}).Draw(t, "mode")
			return routing.WrapUp{Mode: mode, Timeout: optional(t, "timeout", seconds)}
		}),
		Agents:    optional(t, "agents", func() routing.Evaluation { return routing.AllSkills }),
		Order:     optional(t, "order", func() routing.Order { return routing.AgeAndPriority }),
		LastAgent: optional(t, "lastAgent", func() routing.LastAgent { return routing.LastAgentOff }),
		Rings: optional(t, "rings", func() routing.Rings {
			rings := make(routing.Rings, rapid.IntRange(0, 4).Draw(t, "n"))
			for i := range rings {
				rings[i] = routing.Ring{Wait: optional(t, "wait", seconds), Drop: ids("s"), Groups: groups()}
			}
			return rings
		}),
		Groups: optional(t, "groups", groups),
	}
}

func TestOverlayReachesWhatIsWantedAndNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		all := routing.Fields[routing.QueueSettings]()
		fields := rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID).Draw(rt, "fields")
		raw, want := json.RawMessage(anyQueueJSON(rt)), anySettings(rt)
		out, err := genesys.Overlay(raw, fields, want)
		if err != nil {
			rt.Fatal(err)
		}
		before, err1 := genesys.Decode[routing.QueueSettings](raw)
		after, err2 := genesys.Decode[routing.QueueSettings](out)
		if err1 != nil || err2 != nil {
			rt.Fatal(err1, err2)
		}
		if d := routing.Differs(fields, want, after); len(d) > 0 {
			rt.Fatalf("missed %v:\n%s", d, out)
		}
		others := slices.DeleteFunc(slices.Clone(all), func(f routing.Field) bool { return slices.Contains(fields, f) })
		if d := routing.Differs(others, before, after); len(d) > 0 {
			rt.Fatalf("changed %v, which is not owned", d)
		}
		if d := cmp.Diff(unowned(t, raw, fields, len(ringsOf(want))), unowned(t, out, fields, len(ringsOf(after)))); d != "" {
			rt.Fatalf("changed something that nobody owns (-before +after):\n%s", d)
		}
		back, err := genesys.Restore[routing.QueueSettings](out, fields, raw)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(canon(t, raw), canon(t, back)); d != "" {
			rt.Fatalf("restore missed the snapshot (-snapshot +restored):\n%s", d)
		}
	})
}

func ringsOf(s routing.QueueSettings) routing.Rings {
	if s.Rings == nil {
		return nil
	}
	return *s.Rings
}

// unowned is a queue without what the fields own. Of rings it keeps the unknown
// fields of the first n; of lists by id nothing, see the tests above.
func unowned(t testing.TB, raw json.RawMessage, fields []routing.Field, n int) any {
	top := tree(t, raw).(map[string]any)
	// drop removes a value, and the objects above it where they hold nothing
	// more: empty, null and absent mean the same there.
	var drop func(o map[string]any, keys ...string)
	drop = func(o map[string]any, keys ...string) {
		if len(keys) == 1 {
			delete(o, keys[0])
			return
		}
		inner, ok := o[keys[0]].(map[string]any)
		if ok {
			drop(inner, keys[1:]...)
		}
		if len(inner) == 0 {
			delete(o, keys[0])
		}
	}
	for _, f := range fields {
		switch f {
		case "serviceLevel":
			drop(top, "mediaSettings", "email", "serviceLevel", "percentage")
			drop(top, "mediaSettings", "email", "serviceLevel", "durationMs")
		case "alert":
			drop(top, "mediaSettings", "email", "alertingTimeoutSeconds")
		case "wrapUp":
			drop(top, "acwSettings", "wrapupPrompt")
			drop(top, "acwSettings", "timeoutMs")
		case "agents":
			drop(top, "skillEvaluationMethod")
		case "order":
			drop(top, "scoringMethod")
		case "lastAgent":
			drop(top, "lastAgentRoutingMode")
		case "memberGroups":
			drop(top, "memberGroups")
		case "rings":
			if n == 0 {
				delete(top, "bullseye")
				break
			}
			b, ok := top["bullseye"].(map[string]any)
			if !ok {
				b = map[string]any{}
				top["bullseye"] = b
			}
			rings, _ := b["rings"].([]any)
			for len(rings) < n {
				rings = append(rings, map[string]any{})
			}
			b["rings"] = rings[:n]
			for _, r := range rings[:n] {
				ring := r.(map[string]any)
				delete(ring, "memberGroups")
				if a, ok := ring["actions"].(map[string]any); ok {
					if delete(a, "skillsToRemove"); len(a) == 0 {
						delete(ring, "actions")
					}
				} else {
					delete(ring, "actions")
				}
				criteria, _ := ring["expansionCriteria"].([]any)
				kept := []any{}
				for _, c := range criteria {
					if c := c.(map[string]any); c["type"] != `"TIMEOUT_SECONDS"` {
						kept = append(kept, c)
					}
				}
				ring["expansionCriteria"] = kept
			}
		}
	}
	return top
}

func TestRestoreOfRoutes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		raw := json.RawMessage(anyObject(rt, slices.Concat(
			maybe(rt, "queue", func() string { return anyObject(rt, `"id":"q1"`) }), maybe(rt, "fromName", someOf(rt, `"A"`)),
			maybe(rt, "priority", someOf(rt, "5", "0")), maybe(rt, "skills", refs(rt, "s")),
			maybe(rt, "language", func() string { return anyObject(rt, `"id":"l1"`) }))...))
		want := routing.RouteSettings{
			Queue: optional(rt, "q", func() routing.Ref { return routing.Ref{ID: someOf(rt, "q1", "q2")()} }), Priority: optional(rt, "p", func() int { return 7 }),
			Skills: optional(rt, "s", func() []routing.Ref { return []routing.Ref{{ID: "s1"}, {ID: "s9"}} }), Language: optional(rt, "l", func() routing.Ref { return routing.Ref{} }),
		}
		fields := rapid.SliceOfDistinct(rapid.SampledFrom(routing.Fields[routing.RouteSettings]()), rapid.ID).Draw(rt, "fields")
		out, err := genesys.Overlay(raw, fields, want)
		if err != nil {
			rt.Fatal(err)
		}
		have, err := genesys.Decode[routing.RouteSettings](out)
		if d := routing.Differs(fields, want, have); err != nil || len(d) > 0 {
			rt.Fatalf("missed %v: %s, %v", d, out, err)
		}
		back, err := genesys.Restore[routing.RouteSettings](out, fields, raw)
		if err != nil || canon(t, back) != canon(t, raw) {
			rt.Fatalf("restored %s, want %s, %v", back, raw, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(liveQueue))
	f.Add([]byte(`{"queue":{"id":"q"},"skills":[{"id":"s"}],"priority":1e2,"utilization":{"email":{"maximumCapacity":3}}}`))
	f.Add([]byte(`{"bullseye":{"rings":[null,{"actions":{"skillsToRemove":[null]}}]}}`))
	f.Add([]byte(`{"mediaSettings":{"email":{"serviceLevel":{"durationMs":1440000000.5}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if s, err := genesys.Decode[routing.QueueSettings](raw); err == nil {
			fields := slices.DeleteFunc(routing.Owned(s), func(f routing.Field) bool { return f == "rings" || f == "memberGroups" }) // may lack ids
			out, err := genesys.Overlay(raw, fields, s)
			if err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			again, err := genesys.Decode[routing.QueueSettings](out)
			if d := routing.Differs(fields, s, again); err != nil || len(d) > 0 {
				t.Fatalf("%v changed by writing: %s, %v", d, out, err)
			}
			if back, err := genesys.Restore[routing.QueueSettings](out, routing.Fields[routing.QueueSettings](), raw); err != nil || !json.Valid(back) {
				t.Fatalf("restore: %s, %v", back, err)
			}
		}
		_, _ = genesys.Decode[routing.RouteSettings](raw)
		_, _ = genesys.Decode[routing.EmailSettings](raw)
		_, _ = genesys.DecodeEmail(raw)
		_, _ = genesys.DecodeObservations(raw)
		_, _ = genesys.Decode[routing.UtilizationSettings](raw)
		_, _ = genesys.DecodeRoute("example.com", raw)
	})
}
