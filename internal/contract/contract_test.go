package contract_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/internal/contract"
)

func operation(t testing.TB, id string) *contract.Operation {
	t.Helper()
	op, ok := contract.Load().Operation(id)
	if !ok {
		t.Fatalf("no operation %s", id)
	}
	return op
}

func TestFind(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, path, id string
		params           map[string]string
	}{
		"fixed path":                     {"GET", "/api/v2/routing/queues", "getRoutingQueues", nil},
		"path with an id":                {"PUT", "/api/v2/routing/queues/4f1c", "putRoutingQueue", map[string]string{"queueId": "4f1c"}},
		"a fixed path wins over an id":   {"GET", "/api/v2/routing/queues/divisionviews", "getRoutingQueuesDivisionviews", nil},
		"two parameters":                 {"GET", "/api/v2/routing/email/domains/a.example/routes/r1", "getRoutingEmailDomainRoute", map[string]string{"domainName": "a.example", "routeId": "r1"}},
		"the tutorial's webhooks":        {"POST", "/api/v2/webhooks", "", nil},
		"a method that the path has not": {"PATCH", "/api/v2/routing/queues/4f1c", "", nil},
		"an empty id":                    {"GET", "/api/v2/routing/queues/", "", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, params, ok := contract.Load().Find(tt.method, tt.path)
			id := ""
			if ok {
				id = op.ID
			}
			if id != tt.id || !cmp.Equal(params, tt.params) {
				t.Fatalf("found %q %v, want %q %v", id, params, tt.id, tt.params)
			}
		})
	}
}

func TestValidateRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		op, body string
		want     []contract.Violation
	}{
		"a good queue": {op: "putRoutingQueue", body: `{"name":"Support","mediaSettings":{"email":{"alertingTimeoutSeconds":300}}}`},
		"an unknown field, at depth": {
			op: "putRoutingQueue", body: `{"name":"a","mediaSettings":{"email":{"slaPercent":90}}}`,
			want: []contract.Violation{{Field: "mediaSettings.email.slaPercent", Kind: contract.Unknown, Value: "90"}},
		},
		"every mistake is listed": {
			op: "putRoutingQueue", body: `{"bullseye":{"rings":[{"expansionCriteria":[{"threshold":"2h"}]}]},"queueType":"email"}`,
			want: []contract.Violation{
				{Field: "bullseye.rings[0].expansionCriteria[0].threshold", Kind: contract.BadType, Value: `"2h"`, Type: "number"},
				{Field: "name", Kind: contract.Missing},
				{Field: "queueType", Kind: contract.Unknown, Value: `"email"`},
			},
		},
		"a value that is not allowed": {
			op: "putRoutingQueue", body: `{"name":"a","skillEvaluationMethod":"random"}`,
			want: []contract.Violation{{Field: "skillEvaluationMethod", Kind: contract.BadValue, Value: `"random"`, Type: "string", Allowed: []string{"NONE", "BEST", "ALL"}}},
		},
		"read-only fields may hold anything": {op: "putRoutingQueue", body: `{"name":"a","memberCount":"many","selfUri":7}`},
		"a required field may be read-only":  {op: "postRoutingQueueMembers", body: `[{"id":"u1"}]`},
		"newer fields are allowed":           {op: "putRoutingQueue", body: `{"name":"a","defaultMediaLanguage":{"any":1}}`},
		"null counts as absent":              {op: "putRoutingQueue", body: `{"name":"a","bullseye":null,"mediaSettings":{"email":null}}`},
		"null for what is required": {
			op: "putRoutingQueue", body: `{"name":null}`,
			want: []contract.Violation{{Field: "name", Kind: contract.Missing}},
		},
		"models that are not spelled out take anything": {op: "putRoutingQueue", body: `{"name":"a","cannedResponseLibraries":{"x":{"y":[90071992547409931]}}}`},
		"an object where a list belongs": {
			op: "postRoutingQueueMembers", body: `{"id":"u1"}`,
			want: []contract.Violation{{Kind: contract.BadType, Value: `{"id":"u1"}`, Type: "array"}},
		},
		"a place in a list": {
			op: "postRoutingQueueMembers", body: `[{"id":"u1"},{"id":2}]`,
			want: []contract.Violation{{Field: "[1].id", Kind: contract.BadType, Value: "2", Type: "string"}},
		},
		"a bad date": {
			op: "putRoutingQueue", body: `{"name":"a","dateCreated":"yesterday"}`,
			want: []contract.Violation{{Field: "dateCreated", Kind: contract.BadType, Value: `"yesterday"`, Type: "date-time"}},
		},
		"not JSON": {
			op: "putRoutingQueue", body: `{"name"`,
			want: []contract.Violation{{Kind: contract.NotJSON, Value: `{"name"`}},
		},
		"no body": {op: "putRoutingQueue", want: []contract.Violation{{Kind: contract.Missing, Field: "body"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := contract.Load().ValidateRequest(operation(t, tt.op), []byte(tt.body))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatalf("violations (-want +got):\n%s", d)
			}
		})
	}
}

func TestValidateResponse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		op     string
		status int
		body   string
		fields []string
	}{
		"a good queue":                     {"getRoutingQueue", 200, `{"id":"q1","name":"Support","memberCount":3}`, nil},
		"read-only fields are checked":     {"getRoutingQueue", 200, `{"id":"q1","memberCount":"3"}`, []string{"memberCount"}},
		"a field that no platform has":     {"getRoutingQueue", 200, `{"id":"q1","version":3}`, []string{"version"}},
		"a status that it does not give":   {"getRoutingQueue", 202, `{}`, []string{"status"}},
		"a code that it does not give":     {"getRoutingQueue", 404, `{"status":404,"code":"lost"}`, []string{"code"}},
		"a code of every operation":        {"getRoutingQueue", 401, `{"status":401,"code":"bad.credentials"}`, nil},
		"an error body of another shape":   {"getRoutingQueue", 404, `{"error":"not.found","code":"not.found"}`, []string{"error"}},
		"an empty answer to a delete":      {"deleteRoutingQueue", 200, ``, nil},
		"an empty answer where a body is":  {"getRoutingQueue", 200, ``, []string{""}},
		"a body where none is":             {"deleteRoutingQueueMember", 204, `{}`, []string{"body"}},
		"a 202 of an asynchronous route":   {"putRoutingEmailDomainRoute", 202, `{"pattern":"a","fromName":"b","status":"Pending"}`, nil},
		"a route without what it requires": {"putRoutingEmailDomainRoute", 200, `{"pattern":"a"}`, []string{"fromName"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var fields []string
			for _, v := range contract.Load().ValidateResponse(operation(t, tt.op), tt.status, []byte(tt.body)) {
				fields = append(fields, v.Field)
			}
			if d := cmp.Diff(tt.fields, fields); d != "" {
				t.Fatalf("fields (-want +got):\n%s", d)
			}
		})
	}
}

func TestCheckQuery(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		op, query string
		want      []string
	}{
		"fine":                            {"getRoutingQueues", "pageSize=100&pageNumber=3&sortOrder=desc&name=Sup*", nil},
		"unknown parameters are ignored":  {"getRoutingQueues", "colour=blue", nil},
		"not a number":                    {"getRoutingQueues", "pageSize=many", []string{"Value [many] is not valid for field type [integer]"}},
		"beyond the documented page size": {"getRoutingQueueMembers", "pageSize=101", []string{"Value [101] of field [pageSize] must not exceed 100"}},
		"beyond the usual page size":      {"getRoutingSkills", "pageSize=101", []string{"Value [101] of field [pageSize] must not exceed 100"}},
		"a page of a job":                 {"getAnalyticsConversationsDetailsJobResults", "pageSize=1000", nil},
		"beyond the page size of a job":   {"getAnalyticsConversationsDetailsJobResults", "pageSize=1001", []string{"Value [1001] of field [pageSize] must not exceed 1000"}},
		"only five pages":                 {"getRoutingQueuesDivisionviews", "pageNumber=6", []string{"Value [6] of field [pageNumber] must not exceed 5"}},
		"pages count from one":            {"getRoutingQueues", "pageNumber=0", []string{"Value [0] is not valid for field type [integer]"}},
		"a value that is not allowed":     {"getRoutingQueueMembers", "memberBy=team", []string{"Value [team] is not valid for field type [string]. Allowable values are: user, group"}},
		"a list with commas":              {"getRoutingEmailDomainRoutes", "expand=identityresolution,dreams", []string{"Value [dreams] is not valid for field type [string]. Allowable values are: identityresolution"}},
		"case does not count":             {"getRoutingLanguages", "sortOrder=Ascending", nil},
		"a default outside the list":      {"getRoutingLanguages", "sortOrder=ASC", nil},
		"something required":              {"getWorkforcemanagementAdherence", "", []string{"Field [userId] is required"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range operation(t, tt.op).CheckQuery(q) {
				got = append(got, v.String())
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatalf("violations (-want +got):\n%s", d)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	only := func(names ...string) func(string) bool {
		return func(p string) bool { return slices.Contains(names, p) }
	}
	tests := map[string]struct {
		op   string
		has  func(string) bool
		want []string
	}{
		"one of any is enough":     {"getRoutingQueueMembers", only("routing:queue:edit"), nil},
		"none of any":              {"postRoutingQueueMembers", only(), []string{"routing:queue:edit", "routing:queueMember:manage"}},
		"all are needed":           {"deleteRoutingQueue", only("routing:queue:view"), []string{"routing:queue:delete"}},
		"nothing is needed at all": {"getTokensMe", only(), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, operation(t, tt.op).Permissions.Missing(tt.has)); d != "" {
				t.Fatalf("missing (-want +got):\n%s", d)
			}
		})
	}
	if all := contract.Load().AllPermissions(); !slices.Contains(all, "routing:queue:edit") || !slices.IsSorted(all) {
		t.Fatalf("all permissions: %v", all)
	}
}

// Every model that an operation can reach compiles, in both directions.
func TestEverySchemaCompiles(t *testing.T) {
	t.Parallel()
	c := contract.Load()
	for _, op := range c.Operations() {
		for _, v := range slices.Concat(c.ValidateRequest(op, []byte("{}")), c.ValidateResponse(op, 200, []byte("{}"))) {
			if v.Kind == contract.NotJSON {
				t.Errorf("%s: %s", op.ID, v.Value)
			}
		}
	}
}

func BenchmarkValidateQueue(b *testing.B) {
	op, body := operation(b, "putRoutingQueue"), []byte(`{"name":"a","mediaSettings":{"email":{"alertingTimeoutSeconds":300}}}`)
	for b.Loop() {
		contract.Load().ValidateRequest(op, body)
	}
}
