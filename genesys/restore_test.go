package genesys_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

func TestRestoreOfRingsLeavesWhatOthersChangedInside(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ before, now, want string }{
		"beside the rings and inside one": {
			`{"rings": [{"expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 60}]}, {}]}`,
			`{"new": 1, "rings": [{"label": "theirs", "expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 90}]}, {"label": "theirs"}]}`,
			`{"new": 1, "rings": [{"label": "theirs", "expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 60}]}, {"label": "theirs"}]}`,
		},
		"another criterion": {
			`{"rings": [{"expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 60}]}, {}]}`,
			`{"rings": [{"expansionCriteria": [{"type": "OTHER", "threshold": 3}]}, {}]}`,
			`{"rings": [{"expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 60}, {"type": "OTHER", "threshold": 3}]}, {}]}`,
		},
		"inside a criterion, a skill and a group": {
			`{"rings": [{"expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 60}], "actions": {"skillsToRemove": [{"id": "a"}, {"id": "b"}]}, "memberGroups": [{"id": "g", "type": "GROUP"}]}]}`,
			`{"rings": [{"expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 90, "new": 1}], "actions": {"new": 1, "skillsToRemove": [{"id": "b", "new": 1}]}, "memberGroups": [{"id": "g", "type": "GROUP", "new": 1}, {"id": "h", "type": "GROUP"}]}]}`,
			`{"rings": [{"expansionCriteria": [{"type": "TIMEOUT_SECONDS", "threshold": 60, "new": 1}], "actions": {"new": 1, "skillsToRemove": [{"id": "a"}, {"id": "b", "new": 1}]}, "memberGroups": [{"id": "g", "type": "GROUP", "new": 1}]}]}`,
		},
		"a ring that was not there, and one that is gone": {
			`{"rings": [{"old": 1}, {"old": 2, "actions": {}}]}`,
			`{"rings": [{"old": 1, "actions": {"skillsToRemove": [{"id": "a"}]}}]}`,
			`{"rings": [{"old": 1}, {"old": 2, "actions": {}}]}`,
		},
		"no rings now, but something beside them": {
			`{"old": 1, "rings": [{"old": 1}]}`,
			`{"new": 1}`,
			`{"new": 1, "rings": [{"old": 1}]}`,
		},
		"no bullseye now": {
			`{"old": 1, "rings": [{"old": 1}]}`,
			`null`,
			`{"old": 1, "rings": [{"old": 1}]}`,
		},
		"no rings then": {
			`null`,
			`{"new": 1, "rings": [{}]}`,
			`null`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := genesys.Restore[routing.QueueSettings](json.RawMessage(`{"bullseye": `+tt.now+`}`), []routing.Field{"rings"}, json.RawMessage(`{"bullseye": `+tt.before+`}`))
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(`{"bullseye": `+tt.want+`}`), &want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestDiffersInMeansTheSame(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		a, b string
		want []string
	}{
		"nothing":                        {`{"a": 1, "b": [1, 2]}`, `{"b": [1, 2], "a": 1.0}`, nil},
		"null, absent and empty":         {`{"a": null, "b": {"c": {}}}`, `{"d": [], "b": {}}`, nil},
		"a name of what has an id":       {`{"a": {"id": "1", "name": "x"}}`, `{"a": {"id": "1", "selfUri": "/1"}}`, nil},
		"the name at the top":            {`{"id": "1", "name": "x"}`, `{"id": "1", "name": "y"}`, []string{"name"}},
		"added, changed, gone, at depth": {`{"a": {"x": 1}, "b": {"y": [{"z": 1}]}, "same": 1}`, `{"b": {"y": [{"z": 2}]}, "c": false, "same": 1}`, []string{"a", "b", "c"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := genesys.DiffersIn(json.RawMessage(tt.a), json.RawMessage(tt.b))
			if d := cmp.Diff(tt.want, got); d != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
}
