package forecast

import (
	"io"
	"time"

	"github.com/foresort/foresort/simulate"
)

// This file shows how a day went: figures that were measured, over time, drawn as
// those of a forecast are.

// Course is how a day went that has passed more than once.
type Course struct {
	Title string
	Good  bool     // what came of it is good news
	Said  []string // what came of it, the most important first
	About []string
	Tiles []Tile
	Times []time.Time // in the zone in which they are told
	Plots []Plot
	// Shades are times that every plot shows shaded, and the table Shaded lists.
	Shades []Shade
	Shaded string
	Foot   string // where the figures come from
}

// Tile is a figure that is shown large.
type Tile struct{ Name, Value, Also string }

// Plot is figures over time, at Course.Times; NaN: there is none.
type Plot struct {
	ID, Title, Note string
	Unit            Unit
	Lines           []Line
}

// Line is one of its lines.
type Line struct {
	Name   string
	Points []float64
}

// Shade is a time that is shaded, and what is said of it.
type Shade struct {
	Name, What string
	From, To   time.Time
}

// HTMLCourse writes it as a page that needs no other file and asks for none.
func HTMLCourse(w io.Writer, x Course) error {
	at := func(t time.Time) string { return t.In(x.Times[0].Location()).Format("15:04") }
	c := content{Kind: "Rehearsal", Title: x.Title, About: x.About, start: x.Times[0], times: x.Times, at: at, shades: x.Shades, Foot: x.Foot}
	for i, text := range x.Said {
		s := sentence{Text: text}
		if i == 0 {
			s.Tone = map[bool]tone{true: good, false: bad}[x.Good]
		}
		c.Verdict = append(c.Verdict, s)
	}
	for _, t := range x.Tiles {
		c.Tiles = append(c.Tiles, tile{Name: t.Name, cell: cell{Mean: t.Value}, Also: t.Also})
	}
	for _, p := range x.Plots {
		out := curves{ID: p.ID, Title: p.Title, Note: p.Note, Unit: p.Unit}
		for _, l := range p.Lines {
			out.Lines = append(out.Lines, line{Name: l.Name, Series: simulate.Series{Mean: l.Points}, Show: true})
		}
		c.Curves = append(c.Curves, out)
	}
	t := table{Title: x.Shaded, Head: []string{"what", "from", "to", ""}}
	for _, s := range x.Shades {
		t.Rows = append(t.Rows, row{s.Name, []cell{{Mean: at(s.From)}, {Mean: at(s.To)}, {Mean: s.What}}})
	}
	if len(t.Rows) > 0 {
		c.Tables = append(c.Tables, t)
	}
	return writeHTML(w, c)
}
