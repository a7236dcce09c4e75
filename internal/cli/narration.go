package cli

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/foresort/foresort/internal/sheet"
	"github.com/foresort/foresort/plan"
)

// narration tells of a command step by step: numbered titles, and what was found
// below each. With --json it is told at the end.
type narration struct {
	*shell
	steps   []step
	waiting *progress
}

// step is one step as --json shows it.
type step struct {
	Step  int       `json:"step"`
	Title string    `json:"title"`
	Lines []string  `json:"lines"`
	Took  float64   `json:"seconds"`
	start time.Time // when it began
}

// stepIndent is what the lines of a step begin with.
const stepIndent = "   "

// begin begins the next step.
func (n *narration) begin(title string) {
	n.steps = append(n.steps, step{Step: len(n.steps) + 1, Title: title, Lines: []string{}, start: time.Now()})
	if !n.json {
		fmt.Fprintf(n.stdout, "\n%s\n", n.outPaint.bold(fmt.Sprintf("%d. %s", len(n.steps), title)))
	}
	n.waiting = n.progress(title)
}

// end ends the step under way.
func (n *narration) end() {
	n.waiting.end()
	now := n.now()
	now.Took = time.Since(now.start).Round(time.Millisecond).Seconds()
}

func (n *narration) now() *step { return &n.steps[len(n.steps)-1] }

// where is the step under way, in words.
func (n *narration) where() string {
	now := n.now()
	return fmt.Sprintf("step %d, %s", now.Step, strings.ToLower(strings.TrimRight(now.Title, ".")))
}

// tell adds a line to the step under way. One that is too long for a terminal is
// shown in several.
func (n *narration) tell(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	now := n.now()
	now.Lines = append(now.Lines, line)
	if n.json {
		return
	}
	words := strings.TrimLeft(line, " ")
	lead := stepIndent + line[:min(len(line)-len(words), sheet.Columns/4)]
	room := sheet.Columns - len(lead)
	if lipgloss.Width(words) > room {
		words = lipgloss.Wrap(words, room-len(stepIndent), "")
	}
	words = strings.ReplaceAll(words, "\n", "\n"+lead+stepIndent)
	fmt.Fprintln(n.stdout, strings.TrimRight(lead+words, " "))
}

// tellAll adds the lines of a text.
func (n *narration) tellAll(text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		n.tell("%s", strings.TrimRight(line, "\n"))
	}
}

// printPlan tells a plan.
func (n *narration) printPlan(p plan.Plan) error {
	var text strings.Builder
	if err := plan.Print(&text, p, planStyle(n.outPaint)); err != nil {
		return err
	}
	n.tellAll(text.String())
	return nil
}
