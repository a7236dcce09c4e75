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
	Later    []apply.Record // runs that put it back, or changed the same objects again
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
	PackLater       = "later.json"
	PackSeal        = "seal.json" // in no list: it is made of the other files
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
		{PackLater, true, sinceOf(e.Run, e.Later, e.Made)},
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

// Since is what became of what a run changed, by the runs after it.
type Since struct {
	Run   string    `json:"run"`
	Until time.Time `json:"until"` // when that was looked up
	Later []Later   `json:"later"` // oldest first
}

// Later is a run that put another one back, or changed the same objects again.
type Later struct {
	Run      string    `json:"run"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"` // its last entry
	Strategy string    `json:"strategy"`
	PutsBack bool      `json:"putsBack"`           // it was started to put the run back
	Undoes   string    `json:"undoes,omitempty"`   // another run that it was started to put back
	Override string    `json:"override,omitempty"` // the rule of adjust whose override it is
	Objects  []string  `json:"objects"`            // of the run, that it changed
	Outcome  string    `json:"outcome"`            // in words
}

// sinceOf tells of runs that LaterRuns found.
func sinceOf(run apply.Record, later []apply.Record, until time.Time) Since {
	out := Since{Run: run.ID, Until: until, Later: []Later{}}
	mine := objectsOf(run)
	for _, r := range later {
		p := r.Plan()
		l := Later{Run: r.ID, Began: r.Started, Ended: r.Last, Strategy: p.Strategy, PutsBack: p.Undoes == run.ID, Objects: []string{}}
		if !l.PutsBack {
			l.Undoes = p.Undoes
		}
		if p.Lease != nil {
			l.Override = p.Lease.Rule
		}
		for key, name := range objectsOf(r) {
			if mine[key] != "" {
				l.Objects = append(l.Objects, name)
			}
		}
		slices.Sort(l.Objects)
		l.Objects = slices.Compact(l.Objects)
		l.Outcome, _ = outcome(r)
		out.Later = append(out.Later, l)
	}
	return out
}

// LaterRuns are the runs of a ledger after one that were to put it back, or changed
// what it changed, oldest first.
func LaterRuns(run apply.Record, runs []apply.Record) (later []apply.Record) {
	i := slices.IndexFunc(runs, func(r apply.Record) bool { return r.ID == run.ID })
	mine := objectsOf(run)
	for _, r := range runs[i+1:] {
		again := r.Plan().Undoes == run.ID
		for key := range objectsOf(r) {
			again = again || mine[key] != ""
		}
		if again {
			later = append(later, r)
		}
	}
	return later
}

// objectsOf names what a run changed, or may have, by its id and, where that tells
// which it is, by its name: what is made anew, or may have been, has another id, or
// none. A queue and its members are one.
func objectsOf(r apply.Record) map[[2]string]string {
	out := map[[2]string]string{}
	for _, d := range resultsOf(r) {
		if d.Undo || d.Result.Outcome != apply.Done && d.Result.Outcome != apply.Uncertain {
			continue
		}
		kind, object := d.Change.Kind, d.Change.Object
		if kind == plan.Member {
			kind = plan.Queue
		}
		if d.Result.Object.ID != "" {
			object = d.Result.Object
		}
		keys := []string{object.ID}
		if kind == plan.Queue || kind == plan.Route {
			keys = append(keys, object.Name)
		}
		for _, key := range keys {
			if key != "" {
				out[[2]string{string(kind), key}] = fmt.Sprintf("%s %s", kind, object)
			}
		}
	}
	return out
}

// Hashes are the hashes of files, SHA-256 in hex, by name.
func Hashes(files []File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		out[f.Name] = sumOf(f.Body)
	}
	return out
}

// CheckSeal holds the files of a pack, by name, against the hashes that it was sealed
// with. Its error names those that are missing, were changed or were added.
func CheckSeal(files map[string][]byte, sealed map[string]string) error {
	var wrong []string
	for name, body := range files {
		if name != PackSeal && sumOf(body) != sealed[name] {
			wrong = append(wrong, name)
		}
	}
	for name := range sealed {
		if _, there := files[name]; !there {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.SortFunc(wrong, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return fmt.Errorf("not as %s says: %s", PackSeal, phrase.List(wrong))
}

// CheckPack holds the files of a pack, by name, against its list of hashes. Its
// error names the first that is missing, was changed or was added.
func CheckPack(files map[string][]byte) error {
	known := map[string]bool{PackSums: true, PackSeal: true}
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

// CheckRun holds the files of a pack that tell of its run, and of those after it,
// against the runs as the ledger has them. Its error names the first that tells
// something else.
func CheckRun(files map[string][]byte, r apply.Record, later []apply.Record) error {
	p := r.Plan()
	var since *Since
	if body, there := files[PackLater]; there || len(later) > 0 { // older packs have none
		var told Since
		if err := json.Unmarshal(body, &told); err != nil {
			return fmt.Errorf("%s is not what the ledger says", PackLater)
		}
		since = new(sinceOf(r, later, told.Until))
	}
	return cmp.Or(
		tells(files, PackLater, since),
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
		return changed + " carried out" + perhaps + "; it has no end: the run goes on, or was cut off", "bad"
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

var evidenceTemplate = sheet.Page(evidenceText, template.FuncMap{
	"at":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"waits": func(d time.Duration) string { return routing.Duration(d.Round(100 * time.Millisecond)).String() },
})

// evidenceView is what the page is made of.
type evidenceView struct {
	Evidence
	Plan          plan.Plan
	Deeds         []deed
	Since         Since
	Outcome, Tone string
	Names         []string // of the files
	Style         template.CSS
}

func evidencePage(e Evidence, files []File) ([]byte, error) {
	v := evidenceView{Evidence: e, Plan: e.Run.Plan(), Deeds: resultsOf(e.Run), Since: sinceOf(e.Run, e.Later, e.Made), Style: sheet.CSS("")}
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
