package forecast

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"
)

// columns is how wide a terminal is taken to be.
const columns = 80

func paint(style func(...string) string, text string) string {
	if style == nil || text == "" {
		return text
	}
	return style(text)
}

func (s Style) of(t tone) func(...string) string {
	return map[tone]func(...string) string{good: s.Good, bad: s.Bad, unsure: s.Warn}[t]
}

func writeText(w io.Writer, c content, style Style) error {
	out := bufio.NewWriter(w)
	for _, s := range c.Verdict {
		fmt.Fprintln(out, paint(style.of(s.Tone), plainly(s.Text)))
	}
	fmt.Fprintln(out)
	for _, a := range c.About {
		fmt.Fprintln(out, paint(style.Faint, plainly(a)))
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
		fmt.Fprintln(out, paint(style.Bold, "Notes"))
		for _, n := range c.Notes {
			fmt.Fprintln(out, "  "+plainly(n))
		}
	}
	return out.Flush()
}

// plainly takes out of a text what a terminal would obey.
func plainly(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, s)
}

// writeTable writes a table. Where a row is too wide the intervals go on a line
// below their figures, and then names are cut.
func writeTable(out io.Writer, t table, style Style) {
	fmt.Fprintln(out)
	fmt.Fprintln(out, paint(style.Bold, plainly(t.Title)))
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
		nameWidth = max(nameWidth, lipgloss.Width(plainly(r.Name)))
	}
	stacked := false
	sum := measure(false)
	if 2+min(nameWidth, 16)+sum > columns {
		stacked = true
		sum = measure(true)
	}
	width[0] = max(6, min(nameWidth, columns-2-sum))
	write := func(name string, cells func(int) string, of func(...string) string) {
		parts := []string{"", pad(cut(plainly(name), width[0]), width[0])}
		for i := range width[1:] {
			parts = append(parts, pad(cells(i), width[i+1]))
		}
		if line := strings.TrimRight(strings.Join(parts, "  "), " "); line != "" {
			fmt.Fprintln(out, paint(of, line))
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
	fmt.Fprintln(out, paint(style.Bold, x.Title)+"  "+paint(style.Faint, fmt.Sprintf("%s to %s", c.at(c.start), c.at(c.times[len(c.times)-1]))))
	width := 0
	for _, l := range x.Lines {
		width = min(14, max(width, lipgloss.Width(plainly(l.Name))))
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
		fmt.Fprintf(out, "  %s  %s  %s\n", pad(cut(plainly(l.Name), width), width), spark(l.Series.Mean), text)
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

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-lipgloss.Width(s)))
}

// cut shortens a text to a width, in its middle: long names differ at the end.
func cut(s string, width int) string {
	if lipgloss.Width(s) <= width {
		return s
	}
	runes := []rune(s)
	head, tail := len(runes)/2, len(runes)/2
	for lipgloss.Width(string(runes[:head]))+1+lipgloss.Width(string(runes[tail:])) > width {
		if head > len(runes)-tail {
			head--
		} else {
			tail++
		}
	}
	return string(runes[:head]) + "…" + string(runes[tail:])
}
