package report_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/sheet/sheettest"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/report"
	"github.com/foresort/foresort/routing"
)

var evidenceStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// proven is the evidence of a run with one change and one that was put back.
func proven() report.Evidence {
	queue := routing.Ref{ID: "q1", Name: "<b>Support</b>"}
	change := plan.Change{
		ID: 1, Verb: plan.Update, Kind: plan.Queue, Object: queue, Why: "the queue differs",
		Fields: []plan.FieldChange{{Field: "alert", Before: "2m", After: "5m", Home: "queue"}},
		Queue:  &plan.Pair[routing.QueueSettings]{},
	}
	p := plan.Plan{Strategy: "support", File: "s.yaml", Made: evidenceStart.Add(-time.Hour), Changes: []plan.Change{change}, Checked: &plan.Checked{
		At: evidenceStart, Findings: []routing.Finding{{Type: routing.NoMembers, Severity: routing.SeverityWarning, Message: "nobody <script>alert(1)</script>"}},
	}}.Seal()
	done := apply.Result{Change: 1, Headline: change.Headline(), Outcome: apply.Done, Kind: plan.Queue, Object: queue}
	return report.Evidence{
		Made: evidenceStart.Add(time.Hour), Foresort: "1.0", Org: routing.Ref{ID: "org", Name: "Larkfield"},
		Run: apply.Record{
			ID: "20260302-080000-000", Started: evidenceStart, Last: evidenceStart.Add(time.Minute),
			Phases: []apply.Phase{{Plan: p, Intents: map[int]apply.Intent{1: {Change: 1, Object: queue}}, Results: map[int]apply.Result{1: done}}},
			End: &apply.End{OK: true, Active: true, Seen: []apply.Sighting{
				{Kind: plan.Queue, Object: queue, At: evidenceStart.Add(9 * time.Second), Waited: 9 * time.Second},
			}},
		},
		Later: []apply.Record{{
			ID: "20260303-080000-000", Started: evidenceStart.Add(24 * time.Hour), Last: evidenceStart.Add(25 * time.Hour), End: &apply.End{OK: true},
			Phases: []apply.Phase{{Plan: plan.Plan{Strategy: "support", Undoes: "20260302-080000-000"}}},
		}},
		Forecast:  &report.Expectation{At: evidenceStart, Scenario: "a week", Verdict: []string{"In time: 90%"}, Notes: []string{}, Replications: 100},
		Approvals: []string{"approved by Ada"}, Approved: []string{"Ada"},
		BeforeAfter: []string{"too little to tell"}, Measures: map[string]int{"offered": 3},
		Audit:   []report.AuditRow{{At: evidenceStart, What: "changed queue Support", Who: "by Sam", Changes: []string{"alert: 2m -> 5m"}, Strange: true}},
		Records: []int{1}, Entries: []byte("{}\n"), Checkpoints: []byte("{}\n"), Keys: []string{"0123456789abcdef"},
	}
}

func pack(t *testing.T, e report.Evidence) map[string][]byte {
	t.Helper()
	files, err := report.Pack(e)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		out[f.Name] = f.Body
	}
	return out
}

func TestAPackHoldsWhatIsKnownAndSaysWhatIsAbsent(t *testing.T) {
	t.Parallel()
	files := pack(t, proven())
	if d := cmp.Diff(files, pack(t, proven())); d != "" {
		t.Errorf("the same evidence made other bytes:\n%s", d)
	}
	for _, name := range []string{"validation.json", "forecast.json", "approvals.json", "before-after.json", "audit.json", "plan.json", "results.json", "activation.json"} {
		if !json.Valid(files[name]) {
			t.Errorf("%s is no JSON", name)
		}
	}
	page := string(files[report.PackPage])
	for _, says := range []string{
		"1 change carried out and seen active on the platform", "<td>alert</td><td>2m</td><td>5m</td>", "queue &lt;b&gt;Support&lt;/b&gt;</th><td>active</td><td>2026-03-02 08:00:09 UTC</td><td>9s</td>",
		"nobody &lt;script&gt;", "In time: 90%", "approved by Ada", "too little to tell", "out of band", "key 0123456789abcdef",
	} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	if strings.Contains(page, "Absent") {
		t.Error("something is absent")
	}

	bare := report.Evidence{Run: proven().Run, Unread: "the client may not read it"}
	bare.Run.Phases[0].Plan.Checked, bare.Run.End = nil, nil
	bare.Run.Phases[0].Results = nil
	files = pack(t, bare)
	page = string(files[report.PackPage])
	if n := strings.Count(page, "Absent: "); n != 6 {
		t.Errorf("%d things are absent, want 6", n)
	}
	for _, says := range []string{"the run goes on, or was cut off", "uncertain", "Absent: the client may not read it.", "Signed by nobody"} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	for _, name := range []string{"validation.json", "forecast.json", "approvals.json", "before-after.json", "audit.json", "activation.json"} {
		if files[name] != nil {
			t.Errorf("there is a %s", name)
		}
	}
}

func TestTheOutcomeOfARun(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(r *apply.Record){
		"class=\"verdict good\"":                         func(*apply.Record) {},
		"it failed, and what had been done was put back": func(r *apply.Record) { r.End = &apply.End{Undone: true, Error: "no"} },
		"1 change carried out; it failed":                func(r *apply.Record) { r.End = &apply.End{Error: "no"} },
		"1 change carried out, and not seen active in":   func(r *apply.Record) { r.End = &apply.End{OK: true, Error: "still waiting"} },
		"not waited for, so not known to be active":      func(r *apply.Record) { r.End = &apply.End{OK: true} },
		"everything was so already":                      func(r *apply.Record) { r.Phases[0].Results[1] = apply.Result{Outcome: apply.Already} },
		"0 changes carried out, and perhaps 1 more; it has no end: the run goes on, or was cut off": func(r *apply.Record) { r.End, r.Phases[0].Results = nil, nil },
		"0 changes carried out, and perhaps 1 more; it failed": func(r *apply.Record) {
			r.End, r.Phases[0].Results[1] = &apply.End{Error: "no"}, apply.Result{Outcome: apply.Uncertain}
		},
		"1 change carried out; it has no end: the run goes on, or was": func(r *apply.Record) { r.End = nil },
	} {
		e := proven()
		change(&e.Run)
		if page := string(pack(t, e)[report.PackPage]); !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
}

func TestAPackThatWasChangedIsFound(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(map[string][]byte){
		"":                             func(map[string][]byte) {},
		"plan.json is not as it was":   func(f map[string][]byte) { f["plan.json"][3]++ },
		"audit.json is missing":        func(f map[string][]byte) { delete(f, "audit.json") },
		"does not list a.txt and b.md": func(f map[string][]byte) { f["b.md"], f["a.txt"] = nil, nil },
		"SHA256SUMS does not list index.html": func(f map[string][]byte) {
			_, rest, _ := strings.Cut(string(f[report.PackSums]), "\n")
			f[report.PackSums] = []byte(rest)
		},
		"a line that is no hash": func(f map[string][]byte) { f[report.PackSums] = []byte("x\n") },
	} {
		files := pack(t, proven())
		change(files)
		err := report.CheckPack(files)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// Whoever makes the list of hashes anew cannot make the run another one.
func TestAPackTellsWhatTheLedgerSays(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(map[string][]byte){
		"": func(map[string][]byte) {},
		"plan.json": func(f map[string][]byte) {
			f["plan.json"] = bytes.Replace(f["plan.json"], []byte("5m"), []byte("6m"), 1)
		},
		"results.json": func(f map[string][]byte) {
			f["results.json"] = bytes.Replace(f["results.json"], []byte(`"done"`), []byte(`"already"`), 1)
		},
		"validation.json": func(f map[string][]byte) { delete(f, "validation.json") },
		"activation.json": func(f map[string][]byte) { f["activation.json"] = []byte("null") },
		"later.json": func(f map[string][]byte) {
			f["later.json"] = bytes.Replace(f["later.json"], []byte(`"putsBack": true`), []byte(`"putsBack": false`), 1)
		},
	} {
		files := pack(t, proven())
		change(files)
		err := report.CheckRun(files, proven().Run, proven().Later)
		if (err == nil) != (says == "") || err != nil && err.Error() != says+" is not what the ledger says" {
			t.Errorf("%v, want %q", err, says)
		}
	}
	cut := proven()
	cut.Run.End = nil
	if err := report.CheckRun(pack(t, cut), cut.Run, cut.Later); err != nil {
		t.Error(err)
	}
	if err := report.CheckRun(pack(t, proven()), cut.Run, cut.Later); err == nil {
		t.Error("an activation that the ledger does not have was taken")
	}
	old := pack(t, cut)
	delete(old, report.PackLater)
	if err := report.CheckRun(old, cut.Run, nil); err != nil {
		t.Errorf("a pack of before runs after it were told: %v", err)
	}
	if err := report.CheckRun(old, cut.Run, cut.Later); err == nil {
		t.Error("runs after it were left out")
	}
}

// Runs after one are told where they were to put it back, or changed its objects.
func TestWhatBecameOfARunSince(t *testing.T) {
	t.Parallel()
	first := proven().Run
	after := func(id string, change func(r *apply.Record)) apply.Record {
		r := proven().Run
		r.ID, r.Started, r.Last = id, evidenceStart.Add(time.Hour), evidenceStart.Add(2*time.Hour)
		change(&r)
		return r
	}
	object := func(r *apply.Record, k plan.Kind, ref routing.Ref) {
		r.Phases[0].Plan.Changes[0].Kind, r.Phases[0].Plan.Changes[0].Object = k, ref
		r.Phases[0].Results[1] = apply.Result{Change: 1, Outcome: apply.Done, Object: ref}
	}
	failed := func(r *apply.Record) { r.Phases[0].Results[1] = apply.Result{Change: 1, Outcome: apply.Failed} }
	all := []apply.Record{
		after("before", func(*apply.Record) {}), first,
		after("other", func(r *apply.Record) { object(r, plan.Queue, routing.Ref{ID: "q2"}) }),
		after("agent", func(r *apply.Record) { object(r, plan.Utilization, routing.Ref{ID: "q1"}) }),
		after("members", func(r *apply.Record) { object(r, plan.Member, routing.Ref{ID: "q1", Name: "Support"}) }),
		after("failed", failed),
		after("back", func(r *apply.Record) { failed(r); r.Phases[0].Plan.Undoes, r.End.OK = first.ID, false }),
		after("lease", func(r *apply.Record) { r.Phases[0].Plan.Lease = &plan.Lease{Rule: "surge"} }),
		after("again", func(r *apply.Record) { r.Phases[0].Plan.Undoes = "lease" }),
		after("made anew", func(r *apply.Record) {
			object(r, plan.Queue, routing.Ref{ID: "q9", Name: first.Plan().Changes[0].Object.Name})
		}),
	}
	e := proven()
	e.Later = report.LaterRuns(first, all)
	files := pack(t, e)
	var since report.Since
	if err := json.Unmarshal(files[report.PackLater], &since); err != nil {
		t.Fatal(err)
	}
	one := report.Later{Began: evidenceStart.Add(time.Hour), Ended: evidenceStart.Add(2 * time.Hour), Strategy: "support", Objects: []string{"queue <b>Support</b>"}, Outcome: "1 change carried out and seen active on the platform"}
	members, back, lease, again, anew := one, one, one, one, one
	members.Run, members.Objects = "members", []string{"queue Support"}
	back.Run, back.PutsBack, back.Objects, back.Outcome = "back", true, []string{}, "0 changes carried out; it failed"
	lease.Run, lease.Override = "lease", "surge"
	again.Run, again.Undoes = "again", "lease"
	anew.Run = "made anew"
	if d := cmp.Diff(report.Since{Run: first.ID, Until: e.Made, Later: []report.Later{members, back, lease, again, anew}}, since); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, says := range []string{
		"2026-03-02 09:00:00 UTC <b>not put back</b> by run back of strategy support <span class=\"note\">0 changes carried out; it failed",
		"<b>changed again</b> by run lease of strategy support, an override by rule surge: queue &lt;b&gt;Support",
		"by run again of strategy support, which puts back run lease: queue",
	} {
		if !strings.Contains(string(files[report.PackPage]), says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	e.Later = nil
	if page := string(pack(t, e)[report.PackPage]); !strings.Contains(page, "Until 2026-03-02 09:00:00 UTC no later run of the ledger put it back or changed") {
		t.Error("the page does not say that nothing came after")
	}
}

// Whoever makes the list of hashes anew does not make the seal anew.
func TestASealNamesTheFilesThatWereChanged(t *testing.T) {
	t.Parallel()
	made, err := report.Pack(proven())
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(map[string][]byte){
		"":                          func(f map[string][]byte) { f[report.PackSeal] = []byte("{}") },
		"index.html and SHA256SUMS": func(f map[string][]byte) { f["index.html"][9]++; f["SHA256SUMS"][0]++ },
		"audit.json":                func(f map[string][]byte) { delete(f, "audit.json") },
		"more.txt":                  func(f map[string][]byte) { f["more.txt"] = nil },
	} {
		files := pack(t, proven())
		change(files)
		err := report.CheckSeal(files, report.Hashes(made))
		if (err == nil) != (says == "") || err != nil && err.Error() != "not as seal.json says: "+says {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// The page is opened in a browser: it asks for nothing, and nothing is wider than
// the screen.
func TestThePageOfEvidenceOpens(t *testing.T) {
	t.Parallel()
	browser := sheettest.Browser(t)
	for name, width := range map[string]int64{"wide": 1200, "narrow": 400} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := sheettest.Open(browser, t, width, func(w io.Writer) error {
				_, err := w.Write(pack(t, proven())[report.PackPage])
				return err
			})
			sheettest.Expect(page, t, "sections", 10, `document.querySelectorAll("main section").length`)
			sheettest.Expect(page, t, "wider than the screen", false, `document.documentElement.scrollWidth > innerWidth`)
		})
	}
}
