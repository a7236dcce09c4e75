package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/relay"
	"github.com/foresort/foresort/routing"
)

// traces are a change of each kind: of ours, of a person, of another program, of
// nobody, and one that the trail does not have yet; an approval and its withdrawal.
func traces() audit {
	at := time.Date(2026, 3, 2, 10, 0, 0, 250_000_000, time.UTC)
	queue, route := routing.Ref{ID: "q-1", Name: "Support Email"}, routing.Ref{ID: "r-1", Name: "vip@help.example.com"}
	change := func(property, before, after string) []genesys.AuditChange {
		return []genesys.AuditChange{{Property: property, OldValues: strings.Fields(before), NewValues: strings.Fields(after)}}
	}
	by := func(kind relay.ActorKind, id, name string) relay.Actor {
		return relay.Actor{Kind: kind, Ref: routing.Ref{ID: id, Name: name}}
	}
	ada, ben := ledger.Who{Name: "Ada Brook", User: "ada", Host: "desk"}, ledger.Who{Name: "ben", User: "ben", Host: "desk"}
	const fingerprint = "sha256:00112233445566778899"
	out := audit{Org: routing.Ref{ID: "org-1", Name: "Larkfield"}, From: at.Add(-time.Hour), To: at.Add(time.Hour), Changes: []ledger.Trace{
		{At: at, Object: route, Type: "InboundRoute", Action: "Create", By: by(relay.Foresort, "client-1", ""), Changes: change("priority", "", "240"), Strategy: "support", Run: "20260302-095959-000", Plan: "sha256:0123456789abcdef", ID: "a-1", Status: "SUCCESS"},
		{At: at.Add(time.Second), Object: queue, Type: "Queue", Action: "Update", By: by(relay.Person, "u-1", "=cmd|' /C calc'!A0"), Changes: change("acwSettings.wrapupPrompt", "OPTIONAL", "MANDATORY"), Strategy: "support", OutOfBand: true, ID: "a-2", Status: "SUCCESS"},
		{At: at.Add(2 * time.Second), Object: queue, Type: "Queue", Action: "MemberRemove", By: by(relay.Client, "client-2", ""), Changes: change("members", "+1 -2 @x", ""), Strategy: "support", OutOfBand: true, ID: "a-3", Status: "FAILURE"},
		{At: at.Add(3 * time.Second), Object: route, Type: "InboundRoute", Action: "Delete", By: relay.Actor{Kind: relay.Unknown}, Changes: []genesys.AuditChange{}, Strategy: "support", OutOfBand: true, ID: "a-4", Status: "WARNING"},
		{At: at.Add(4 * time.Second), Object: queue, Type: "Queue", Action: "Update", By: relay.Actor{Kind: relay.Foresort}, Changes: change("alert", "5m", "6m"), Strategy: "support", Run: "20260302-100004-000", Plan: "sha256:fedcba9876543210", Untold: true},
	}}
	approval := ledger.Approval{By: ada, Until: at.Add(24 * time.Hour), Note: "as agreed", Strategy: "support"}
	withdrawal := &ledger.Withdrawal{At: at.Add(6 * time.Second), By: ben}
	out.Changes = append(out.Changes, ledger.Approving([]ledger.Standing{
		{At: at.Add(-2 * time.Hour), Plan: fingerprint, Approval: approval, Withdrawal: withdrawal},
		{At: at.Add(5 * time.Second), Plan: fingerprint, Approval: approval, Withdrawal: withdrawal},
	}, out.From, out.To)...)
	return out
}

func TestFormatsOfAnAudit(t *testing.T) {
	t.Parallel()
	for format, write := range auditFormats {
		var got bytes.Buffer
		if err := write(&got, paint{}, traces()); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(got.String(), `"version":"`+version().Version+`"`, `"version":"VERSION"`)
		golden := "testdata/audit." + format + ".golden"
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), text); d != "" {
			t.Errorf("%s (-want +got):\n%s", format, d)
		}
	}
}

func TestInstants(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"7d": "2026-02-23T10:00:00Z", "0d": "2026-03-02T10:00:00Z", "36h": "2026-02-28T22:00:00Z", "1h30m": "2026-03-02T08:30:00Z",
		"2026-01-31": "2026-01-31T00:00:00Z", "2026-01-31T08:00:00+02:00": "2026-01-31T06:00:00Z",
		"": "", "d": "", "-1d": "", "-1h": "", "7": "", "31.01.2026": "", "99999999999d": "",
	} {
		got, err := instant(text, now)
		if want == "" {
			if err == nil {
				t.Errorf("%q: %s, want an error", text, got)
			}
		} else if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
}
