// Package forecast tells what a simulation came to: a result or a comparison, and
// what it was of, in; text for a terminal, one tidy CSV table, and an HTML page
// that needs nothing but itself out. It is pure: the same figures give the same
// bytes.
package forecast

import (
	"io"
	"time"

	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/routing"
	"github.com/foresort/foresort/simulate"
)

// Page is what is told of a simulation beside its figures.
type Page struct {
	Strategy string // the name of the strategy, A in a comparison
	File     string // where it was read; may be empty
	Other    string // the name of strategy B in a comparison
	// OtherFile is where B was read; may be empty.
	OtherFile string
	Scenario  string // its name or file; may be empty
	// Target is what the service level is measured against; nil where there is
	// none, or where the queues differ.
	Target *routing.ServiceLevel
	// Deadlines are those of the rules that have one, by the rule's name.
	Deadlines map[string]time.Duration
	Exact     []simulate.Exact
	Notes     []string
}

// Unit says what a figure counts.
type Unit simulate.Unit

// The units.
const (
	Seconds Unit = Unit(simulate.Seconds)
	Percent Unit = Unit(simulate.Percent)
	Emails  Unit = "emails"
	PerHour Unit = Unit(simulate.PerHour)
	Hours   Unit = "h"
	Ratio   Unit = "1"
)

// Style says how the parts of a printed forecast look. The zero Style is plain
// text, for files and pipes.
type Style = sheet.Style

// Colour is the style for a terminal.
func Colour() Style { return sheet.Colour() }

// Text writes a result for a terminal of 80 columns: the verdict first, then
// the figures.
func Text(w io.Writer, p Page, r simulate.Result, style Style) error {
	return writeText(w, ofResult(p, r), style)
}

// TextComparison writes a comparison for a terminal of 80 columns.
func TextComparison(w io.Writer, p Page, c simulate.Comparison, style Style) error {
	return writeText(w, ofComparison(p, c), style)
}

// HTML writes a result as a page that needs no other file and asks for none.
func HTML(w io.Writer, p Page, r simulate.Result) error { return writeHTML(w, ofResult(p, r)) }

// HTMLComparison writes a comparison as a page that needs no other file and
// asks for none.
func HTMLComparison(w io.Writer, p Page, c simulate.Comparison) error {
	return writeHTML(w, ofComparison(p, c))
}
