package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/foresort/foresort/apply"
	"github.com/foresort/foresort/internal/phrase"
	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// This file puts together what proves one run: what was changed, what was found
// and expected beforehand, who approved it, and what came of it.

// Evidence is what is known of one run. What is nil or empty is absent, and the
// pack says so.
type Evidence struct {
	Made     time.Time
	Foresort string // the version that made the pack
	Org      routing.Ref
	Run      apply.Record
	Forecast *Expectation
	// Approvals are those with which the run began, in words, and as facts.
	Approvals []string
	Approved  any
	// BeforeAfter are the measures before and after the run, in words, and as facts;
	// Unmeasured says why there are none.
	BeforeAfter []string
	Measures    any
	Unmeasured  string
	// Audit are the platform's records of what the run was about, oldest first;
	// Records are they as facts, Unread says why there are none.
	Audit   []AuditRow
	Records any
	Unread  string
	// Entries are those of the ledger about the run, Checkpoints the signed ones that
	// prove them, each a JSON object a line. Keys are the fingerprints of the keys.
	Entries, Checkpoints []byte
	Keys                 []string
}

// Expectation is what a simulation expected of the plan.
type Expectation struct {
	At           time.Time `json:"at"`
	Scenario     string    `json:"scenario"`
	Verdict      []string  `json:"verdict"`
	Notes        []string  `json:"notes"`
	Replications int       `json:"replications"`
}

// AuditRow is one record of the platform's trail, in words.
type AuditRow struct {
	At      time.Time
	What    string
	Who     string
	Changes []string
	Strange bool // nobody knows it as Foresort's
}

// File is one file of a pack.
type File struct {
	Name string
	Body []byte
}

// The files of a pack that others read back.
const (
	PackPage        = "index.html"
	PackEntries     = "ledger.jsonl"
	PackCheckpoints = "checkpoints.jsonl"
	PackSums        = "SHA256SUMS"
)

// The other files that every pack has, and those that a run may have.
const (
	packPlanText   = "plan.txt"
	packPlan       = "plan.json"
	packResults    = "results.json"
	packValidation = "validation.json"
	packActivation = "activation.json"
)

// Pack writes evidence as files: a page that needs nothing else, the facts as
// JSON, the entries of the ledger with their proof, and a list of hashes that
// sha256sum checks. The same evidence makes the same bytes.
func Pack(e Evidence) ([]File, error) {
	var files []File
	add := func(name string, v any) error {
		b, err := json.MarshalIndent(v, "", "  ")
		if err == nil {
			files = append(files, File{name, append(b, '\n')})
		}
		return err
	}
	p := e.Run.Plan()
	var text bytes.Buffer
	if err := plan.Print(&text, p, plan.Style{}); err != nil {
		return nil, err
	}
	files = append(files, File{packPlanText, text.Bytes()})
	facts := []struct {
		name  string
		there bool
		value any
	}{
		{packPlan, true, p},
		{packValidation, p.Checked != nil, p.Checked},
		{"forecast.json", e.Forecast != nil, e.Forecast},
		{"approvals.json", e.Approved != nil, e.Approved},
		{packResults, true, resultsOf(e.Run)},
		{packActivation, e.Run.End != nil, e.Run.End},
		{"before-after.json", e.Measures != nil, e.Measures},
		{"audit.json", e.Records != nil, e.Records},
	}
	for _, f := range facts {
		if f.there {
			if err := add(f.name, f.value); err != nil {
				return nil, fmt.Errorf("make %s: %w", f.name, err)
			}
		}
	}
	files = append(files, File{PackEntries, e.Entries}, File{PackCheckpoints, e.Checkpoints})
	page, err := evidencePage(e, files)
	if err != nil {
		return nil, err
	}
	files = append([]File{{PackPage, page}}, files...)
	var sums strings.Builder
	for _, f := range files {
		fmt.Fprintf(&sums, "%s  %s\n", sumOf(f.Body), f.Name)
	}
	return append(files, File{PackSums, []byte(sums.String())}), nil
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// CheckPack holds the files of a pack, by name, against its list of hashes. Its
// error names the first that is missing, was changed or was added.
func CheckPack(files map[string][]byte) error {
	known := map[string]bool{PackSums: true}
	for line := range strings.Lines(string(files[PackSums])) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		body, there := files[name]
		switch {
		case !ok:
			return fmt.Errorf("%s has a line that is no hash and name: %q", PackSums, line)
		case !there:
			return fmt.Errorf("%s is missing", name)
		case sumOf(body) != sum:
			return fmt.Errorf("%s is not as it was written", name)
		}
		known[name] = true
	}
	for _, must := range []string{PackPage, packPlanText, packPlan, packResults, PackEntries, PackCheckpoints} {
		if !known[must] {
			return fmt.Errorf("%s does not list %s", PackSums, must)
		}
	}
	var names []string
	for name := range files {
		if !known[name] {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		return fmt.Errorf("%s does not list %s", PackSums, phrase.List(names))
	}
	return nil
}

// CheckRun holds the files of a pack that tell of its run against the run as the
// ledger has it. Its error names the first that tells something else.
func CheckRun(files map[string][]byte, r apply.Record) error {
	p := r.Plan()
	return cmp.Or(
		tells(files, packPlan, &p),
		tells(files, packValidation, p.Checked),
		tells(files, packResults, new(resultsOf(r))),
		tells(files, packActivation, r.End),
	)
}

// tells holds a file against what it must say; nil: it must not be there. Both
// are compared as this version writes them.
func tells[T any](files map[string][]byte, name string, want *T) error {
	body, there := files[name]
	if !there && want == nil {
		return nil
	}
	got := new(T)
	if !there || want == nil || json.Unmarshal(body, got) != nil {
		return fmt.Errorf("%s is not what the ledger says", name)
	}
	g, err := json.Marshal(got)
	if err != nil {
		return err
	}
	w, err := json.Marshal(want)
	if err == nil && !bytes.Equal(g, w) {
		err = fmt.Errorf("%s is not what the ledger says", name)
	}
	return err
}

// deed is a change and what became of it.
type deed struct {
	Change plan.Change  `json:"change"`
	Result apply.Result `json:"result"`
	Undo   bool         `json:"undo,omitempty"` // it put back what the run did
}

// resultsOf are the changes of a run in order, those that put back last.
func resultsOf(r apply.Record) []deed {
	out := []deed{}
	for n, phase := range r.Phases {
		for _, c := range phase.Plan.Changes {
			result, known := phase.Results[c.ID]
			if !known {
				result = apply.Result{Change: c.ID, Headline: c.Headline(), Kind: c.Kind, Object: c.Object, Outcome: apply.Skipped}
				if _, begun := phase.Intents[c.ID]; begun {
					result.Outcome = apply.Uncertain
				}
			}
			out = append(out, deed{c, result, n > 0})
		}
	}
	return out
}

// outcome is what came of a run, in words and as a tone.
func outcome(r apply.Record) (words, tone string) {
	done, unsure := 0, 0
	for _, d := range resultsOf(r) {
		switch {
		case d.Undo:
		case d.Result.Outcome == apply.Done:
			done++
		case d.Result.Outcome == apply.Uncertain:
			unsure++
		}
	}
	changed := phrase.Count(done, "change")
	perhaps := ""
	if unsure > 0 {
		perhaps = fmt.Sprintf(", and perhaps %d more", unsure)
	}
	switch {
	case r.End == nil:
		return changed + " carried out" + perhaps + "; the run was cut off and has no end", "bad"
	case r.End.Undone:
		return "it failed, and what had been done was put back", "bad"
	case !r.End.OK:
		return changed + " carried out" + perhaps + "; it failed", "bad"
	case done == 0:
		return "everything was so already", "good"
	case r.End.Active:
		return changed + " carried out and seen active on the platform", "good"
	case r.End.Error != "":
		return changed + " carried out, and not seen active in time", "unsure"
	}
	return changed + " carried out; not waited for, so not known to be active", "unsure"
}

//go:embed assets/evidence.html
var evidenceText string

var evidenceTemplate = template.Must(template.New("evidence").Funcs(template.FuncMap{
	"at":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"waits": func(d time.Duration) string { return routing.Duration(d.Round(100 * time.Millisecond)).String() },
}).Parse(evidenceText))

// evidenceView is what the page is made of.
type evidenceView struct {
	Evidence
	Plan          plan.Plan
	Deeds         []deed
	Outcome, Tone string
	Names         []string // of the files
	Style         template.CSS
}

func evidencePage(e Evidence, files []File) ([]byte, error) {
	v := evidenceView{Evidence: e, Plan: e.Run.Plan(), Deeds: resultsOf(e.Run), Style: sheet.CSS("")}
	v.Outcome, v.Tone = outcome(e.Run)
	for _, f := range files {
		v.Names = append(v.Names, f.Name)
	}
	var b bytes.Buffer
	if err := evidenceTemplate.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("make %s: %w", PackPage, err)
	}
	return b.Bytes(), nil
}
