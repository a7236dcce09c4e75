package forecast

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/foresort/foresort/internal/sheet"
)

func writeText(w io.Writer, c content, style Style) error {
	out := bufio.NewWriter(w)
	for _, s := range c.Verdict {
		fmt.Fprintln(out, sheet.Paint(style.Of(s.Tone), sheet.Plain(s.Text)))
	}
	fmt.Fprintln(out)
	for _, a := range c.About {
		fmt.Fprintln(out, sheet.Paint(style.Faint, sheet.Plain(a)))
	}
	for i, t := range c.Tables {
		writeTable(out, t, style)
		if i == c.drawAfter {
			for _, curve := range c.Curves {
				writeCurves(out, c, curve, style)
			}
		}
	}
	if len(c.Notes) > 0 {
		fmt.Fprintln(out)
		fmt.Fprintln(out, sheet.Paint(style.Bold, "Notes"))
		for _, n := range c.Notes {
			fmt.Fprintln(out, "  "+sheet.Plain(n))
		}
	}
	return out.Flush()
}

// writeTable writes a table. Where a row is too wide the intervals go on a line
// below their figures, and then names are cut.
func writeTable(out io.Writer, t table, style Style) {
	fmt.Fprintln(out)
	fmt.Fprintln(out, sheet.Paint(style.Bold, sheet.Plain(t.Title)))
	width := make([]int, len(t.Head))
	nameWidth := lipgloss.Width(t.Head[0])
	measure := func(stacked bool) int {
		sum := 0
		for i := range width[1:] {
			width[i+1] = lipgloss.Width(t.Head[i+1])
			for _, r := range t.Rows {
				c := r.Cells[i]
				w := lipgloss.Width(c.String())
				if stacked {
					w = max(lipgloss.Width(c.Mean), lipgloss.Width(c.Interval))
				}
				width[i+1] = max(width[i+1], w)
			}
			sum += width[i+1] + 2
		}
		return sum
	}
	for _, r := range t.Rows {
		nameWidth = max(nameWidth, lipgloss.Width(sheet.Plain(r.Name)))
	}
	stacked := false
	sum := measure(false)
	if 2+min(nameWidth, 16)+sum > sheet.Columns {
		stacked = true
		sum = measure(true)
	}
	width[0] = max(6, min(nameWidth, sheet.Columns-2-sum))
	write := func(name string, cells func(int) string, of func(...string) string) {
		parts := []string{"", sheet.Pad(sheet.Cut(sheet.Plain(name), width[0]), width[0])}
		for i := range width[1:] {
			parts = append(parts, sheet.Pad(cells(i), width[i+1]))
		}
		if line := strings.TrimRight(strings.Join(parts, "  "), " "); line != "" {
			fmt.Fprintln(out, sheet.Paint(of, line))
		}
	}
	write(t.Head[0], func(i int) string { return t.Head[i+1] }, style.Faint)
	for _, r := range t.Rows {
		if !stacked {
			write(r.Name, func(i int) string { return r.Cells[i].String() }, nil)
			continue
		}
		write(r.Name, func(i int) string { return r.Cells[i].Mean }, nil)
		write("", func(i int) string { return r.Cells[i].Interval }, style.Faint)
	}
}

// blocks are the heights of a spark line.
var blocks = []rune("▁▂▃▄▅▆▇█")

const sparkWidth = 32

// writeCurves writes each line as a row of blocks, lowest at 0, with its peak.
// Of differences only the figures are told.
func writeCurves(out io.Writer, c content, x curves, style Style) {
	if x.Signed || len(c.times) == 0 {
		return
	}
	fmt.Fprintln(out)
	fmt.Fprintln(out, sheet.Paint(style.Bold, x.Title)+"  "+sheet.Paint(style.Faint, fmt.Sprintf("%s to %s", c.at(c.start), c.at(c.times[len(c.times)-1]))))
	width := 0
	for _, l := range x.Lines {
		width = min(14, max(width, lipgloss.Width(sheet.Plain(l.Name))))
	}
	for i, l := range x.Lines {
		if i > 0 && x.Unit == Seconds && len(x.Lines) > 5 {
			break // the page has them
		}
		text := "nothing waits"
		i, ok := peak(l.Series)
		if !ok {
			text = undefined
		} else if top := l.Series.Mean[i]; top > 0 {
			text = fmt.Sprintf("peak %s at %s, end %s", x.Unit.bare(top), c.at(c.times[i]), x.Unit.bare(l.Series.Mean[len(l.Series.Mean)-1]))
		}
		fmt.Fprintf(out, "  %s  %s  %s\n", sheet.Pad(sheet.Cut(sheet.Plain(l.Name), width), width), spark(l.Series.Mean), text)
	}
}

// spark draws a series in at most sparkWidth blocks, each the largest of the
// points that it stands for.
func spark(points []float64) string {
	n := min(sparkWidth, len(points))
	top := 0.0
	for _, x := range points {
		if defined(x) {
			top = max(top, x)
		}
	}
	var b strings.Builder
	for i := range n {
		high, found := 0.0, false
		for _, x := range points[i*len(points)/n : (i+1)*len(points)/n] {
			if defined(x) {
				high, found = max(high, x), true
			}
		}
		switch {
		case !found:
			b.WriteByte(' ')
		case top == 0:
			b.WriteRune(blocks[0])
		default:
			b.WriteRune(blocks[min(len(blocks)-1, int(high/top*float64(len(blocks))))])
		}
	}
	return b.String()
}
